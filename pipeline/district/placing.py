"""Where a stage lies on the site: stage metres to longitude and latitude, and back."""

import math

import numpy as np
from numpy.typing import NDArray

from geo.metric import LocalPlane
from pipeline.district.stage import Stage

Floats = NDArray[np.float64]


def to_lonlat(stage: Stage, points_m: Floats) -> Floats:
    """Return (n, 2) WGS-84 degrees of (n, 2) stage metres: x along the street, y away from the camera."""
    points = np.asarray(points_m, dtype=np.float64).reshape(-1, 2)
    return LocalPlane.at(stage.foot).to_lonlat(points @ _turn(stage))


def to_metres(stage: Stage, lonlat: Floats) -> Floats:
    """Return (n, 2) stage metres of (n, 2) WGS-84 degrees.

    Raises:
        CoordinateError: a row is not a longitude and latitude in degrees.
    """
    plane_m = LocalPlane.at(stage.foot).to_metres(np.asarray(lonlat, dtype=np.float64).reshape(-1, 2))
    return plane_m @ _turn(stage).T


def _turn(stage: Stage) -> Floats:
    # Rows are the stage's axes in east and north: y points along the heading, x a quarter turn clockwise of it.
    heading = math.radians(stage.heading_deg)
    sine, cosine = math.sin(heading), math.cos(heading)
    return np.array([[cosine, -sine], [sine, cosine]])
