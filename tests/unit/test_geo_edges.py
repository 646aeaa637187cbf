"""Whether a point is near an outline is told as the measured distance tells it, however far off it is."""

import math

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.coords import LonLat
from geo.edges import distance_to_edge_m, is_near_edge
from geo.metric import LocalPlane

DEGREES = st.floats(-0.02, 0.02)
CORNERS = st.lists(st.tuples(DEGREES, DEGREES), min_size=3, max_size=7, unique=True)


@given(CORNERS, DEGREES, DEGREES, st.sampled_from([0.0, 31.15, -62.0, 85.0]), st.floats(1.0, 3_000.0))
def test_near_is_what_measuring_says(corners, east, north, lat, within_m):
    shape = shapely.MultiPoint([(121.0 + x, lat + y) for x, y in corners]).convex_hull.buffer(1e-4)
    point = LonLat(121.0 + east, lat + north)
    metres = distance_to_edge_m(point, shape)
    if not math.isclose(metres, within_m, rel_tol=1e-9):
        assert is_near_edge(point, shape, within_m=within_m) == (metres <= within_m)


@pytest.mark.parametrize(("east_m", "near"), [(24.9, True), (25.1, False), (0.0, True), (200.0, False)])
def test_a_square_s_edge(east_m: float, near: bool):  # noqa: FBT001 - a case of the table
    plane = LocalPlane.at(LonLat(121.1, 31.1))
    corners = [plane.point_to_lonlat(*each) for each in ((0, -500), (1000, -500), (1000, 500), (0, 500))]
    square = shapely.Polygon(corners)
    assert is_near_edge(plane.point_to_lonlat(east_m, 0.0), square, within_m=25.0) is near
