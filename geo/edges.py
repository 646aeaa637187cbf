"""Edges: how far a point is from the outline of an area."""

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.coords import LonLat
from geo.metric import LocalPlane


def distance_to_edge_m(point: LonLat, area: BaseGeometry) -> float:
    """Return the distance in metres from a point to the outline of an area.

    Args:
        point: WGS-84 degrees.
        area: polygon or multipolygon in WGS-84 degrees, longitude first.
    """
    plane = LocalPlane.at(point)
    edge = shapely.transform(area.boundary, lambda lonlat: plane.to_metres(np.asarray(lonlat, dtype=np.float64)))
    return float(shapely.distance(shapely.Point(0.0, 0.0), edge))
