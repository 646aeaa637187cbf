"""Datums: published points, there and back, the box, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.coords import Datum, Extent, LonLat, convert, convert_array, suspected_datum
from geo.errors import CoordinateError
from geo.metric import distance_m

PARK = LonLat(121.1046, 31.1521)
YINGPU = Extent(121.0632, 31.1289, 121.1166, 31.1842)
inside_china = st.builds(LonLat, st.floats(73.0, 137.0), st.floats(2.0, 55.0))
anywhere = st.builds(LonLat, st.floats(-180.0, 180.0), st.floats(-90.0, 90.0))
shifted = st.sampled_from([Datum.GCJ02, Datum.BD09])


def test_the_park_of_yingpu_lies_where_the_chinese_maps_show_it():
    seen = convert(PARK, source=Datum.WGS84, target=Datum.GCJ02)
    assert seen == pytest.approx((121.1092, 31.1502), abs=3e-5)
    assert (seen.lon - PARK.lon, seen.lat - PARK.lat) == pytest.approx((0.00461, -0.00188), abs=1e-5)
    assert distance_m(PARK, seen) == pytest.approx(486.0, abs=1.0)


# The points and results that eviltransform's ports test themselves with.
@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        (LonLat(121.5272106, 31.1774276), LonLat(121.531541859215, 31.17530398364597)),  # Shanghai
        (LonLat(113.912316, 22.543847), LonLat(113.9171764808363, 22.540796131694766)),  # Shenzhen
        (LonLat(116.377817, 39.911954), LonLat(116.38404722455657, 39.91334545536069)),  # Beijing
    ],
)
def test_gcj02_is_what_other_implementations_give(wgs84, gcj02):
    assert convert(wgs84, source=Datum.WGS84, target=Datum.GCJ02) == pytest.approx(gcj02, abs=1e-11)
    assert convert(gcj02, source=Datum.GCJ02, target=Datum.WGS84) == pytest.approx(wgs84, abs=1e-11)


def test_bd09_matches_the_published_formula():
    gcj = LonLat(116.404, 39.915)
    # 116.404, 39.915 -> 116.41036949371, 39.92133699351 is the worked example printed with the formula.
    assert convert(gcj, source=Datum.GCJ02, target=Datum.BD09) == pytest.approx(
        (116.41036949371029, 39.92133699351022), abs=1e-9
    )


@given(point=inside_china, datum=shifted)
def test_there_and_back_ends_within_a_micrometre(point, datum):
    there = convert(point, source=Datum.WGS84, target=datum)
    back = convert(there, source=datum, target=Datum.WGS84)
    assert distance_m(point, back) < 1e-6
    assert distance_m(point, there) > 10.0


@given(point=inside_china)
def test_gcj02_to_bd09_directly_is_the_way_through_wgs84(point):
    gcj = convert(point, source=Datum.WGS84, target=Datum.GCJ02)
    assert convert(gcj, source=Datum.GCJ02, target=Datum.BD09) == pytest.approx(
        convert(point, source=Datum.WGS84, target=Datum.BD09), abs=1e-11
    )


@given(point=anywhere, source=st.sampled_from(Datum), target=st.sampled_from(Datum))
def test_one_point_and_an_array_agree(point, source, target):
    table = convert_array(np.array([point, point]), source=source, target=target)
    assert convert(point, source=source, target=target) == tuple(table[0]) == tuple(table[1])


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
@pytest.mark.parametrize("point", [LonLat(-87.63, 41.88), LonLat(139.7, 35.7), LonLat(151.2, -33.9)])
def test_outside_the_box_nothing_moves(point, datum):
    assert convert(point, source=Datum.WGS84, target=datum) == point
    assert convert(point, source=datum, target=Datum.WGS84) == point


def test_cgcs2000_is_taken_as_wgs84_in_a_new_array():
    given_points = np.array([PARK])
    result = convert_array(given_points, source=Datum.CGCS2000, target=Datum.WGS84)
    result[0, 0] = 0.0
    assert given_points[0, 0] == PARK.lon


@pytest.mark.parametrize("bad", [(31.15, 121.1), (181.0, 0.0), (float("nan"), 1.0), (1.0, float("inf"))])
def test_what_is_no_longitude_and_latitude_is_refused_by_its_row(bad):
    with pytest.raises(CoordinateError, match=r"position 1 is .*longitude first"):
        convert_array(np.array([PARK, bad]), source=Datum.GCJ02, target=Datum.WGS84)


def test_another_shape_is_refused():
    with pytest.raises(CoordinateError, match=r"\(2,\), not \(n, 2\)"):
        convert_array(np.array([121.0, 31.0]), source=Datum.WGS84, target=Datum.GCJ02)


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_a_mistagged_file_is_suspected_though_most_of_it_falls_inside(datum):
    west, south, east, north = YINGPU
    truth = np.random.default_rng(3).uniform((west, south), (east, north), (500, 2))
    read = convert_array(truth, source=Datum.WGS84, target=datum)
    assert YINGPU.holds(read).mean() > 0.5
    assert suspected_datum(read, declared=Datum.WGS84, extent=YINGPU) is datum
    assert suspected_datum(truth, declared=Datum.WGS84, extent=YINGPU) is None
    over_corrected = convert_array(truth, source=datum, target=Datum.WGS84)
    assert suspected_datum(over_corrected, declared=datum, extent=YINGPU) is Datum.WGS84


def test_points_of_another_city_are_not_blamed_on_the_datum():
    assert suspected_datum(np.array([[116.4, 39.9]]), declared=Datum.WGS84, extent=YINGPU) is None
