"""Edges: how far a point is from the outline of an area."""

from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.coords import LonLat
from geo.metric import LocalPlane, metres_per_degree

_MARGIN: Final = 1.01  # a plane at the point is good for far more than this


def is_near_edge(point: LonLat, area: BaseGeometry, *, within_m: float) -> bool:
    """Tell whether a point is at most so many metres from the outline of an area.

    A distance in degrees tells of most points that they are surely nearer or surely not; the others are measured.

    Args:
        point: WGS-84 degrees.
        area: polygon or multipolygon in WGS-84 degrees, longitude first.
        within_m: edge included.
    """
    degrees = float(shapely.distance(shapely.Point(point), area.boundary))
    shortest, longest = sorted(metres_per_degree(point.lat))
    if degrees * shortest > within_m * _MARGIN:
        return False
    if degrees * longest * _MARGIN < within_m:
        return True
    return distance_to_edge_m(point, area) <= within_m


def distance_to_edge_m(point: LonLat, area: BaseGeometry) -> float:
    """Return the distance in metres from a point to the outline of an area.

    Args:
        point: WGS-84 degrees.
        area: polygon or multipolygon in WGS-84 degrees, longitude first.
    """
    plane = LocalPlane.at(point)
    edge = shapely.transform(area.boundary, lambda lonlat: plane.to_metres(np.asarray(lonlat, dtype=np.float64)))
    return float(shapely.distance(shapely.Point(0.0, 0.0), edge))
