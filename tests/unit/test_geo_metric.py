"""Metres against PROJ's own projection and geodesics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from geo.coords import LonLat
from geo.errors import CoordinateError
from geo.metric import LocalPlane, distance_m, distances_m

GEOD = Geod(ellps="WGS84")
origins = st.builds(LonLat, st.floats(-179.0, 179.0), st.floats(-80.0, 80.0))
metres = st.floats(-10_000.0, 10_000.0)


@given(origin=origins, east_m=metres, north_m=metres)
def test_the_plane_is_projs_azimuthal_equidistant_one(origin, east_m, north_m):
    projection = CRS.from_proj4(f"+proj=aeqd +lat_0={origin.lat} +lon_0={origin.lon} +datum=WGS84")
    point = LocalPlane.at(origin).point_to_lonlat(east_m, north_m)
    expected = Transformer.from_crs("EPSG:4326", projection, always_xy=True).transform(*point)
    assert expected == pytest.approx((east_m, north_m), abs=1e-3)


@given(origin=origins, east_m=metres, north_m=metres)
def test_there_and_back_one_by_one_and_as_a_table(origin, east_m, north_m):
    plane = LocalPlane.at(origin)
    point = plane.point_to_lonlat(east_m, north_m)
    assert plane.point_to_metres(point) == pytest.approx((east_m, north_m), abs=1e-6)
    assert plane.to_lonlat(np.array([[east_m, north_m]]))[0] == pytest.approx(point, abs=1e-12)
    assert plane.to_metres(np.array([point]))[0] == pytest.approx((east_m, north_m), abs=1e-6)


def test_distances_on_the_plane_are_true_to_a_centimetre_within_ten_kilometres():
    rng = np.random.default_rng(11)
    for lat in (0.0, 31.15, 41.9, -55.0, 70.0):
        plane = LocalPlane.at(LonLat(121.1, lat))
        angle, radius = rng.uniform(0, 2 * np.pi, 4000), 10_000.0 * np.sqrt(rng.uniform(0, 1, 4000))
        flat = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
        lonlat = plane.to_lonlat(flat)
        a, b = lonlat[::2], lonlat[1::2]
        true_m = np.asarray(GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2])
        assert np.abs(np.linalg.norm(flat[::2] - flat[1::2], axis=1) - true_m).max() < 0.01


@given(a=origins, b=origins)
def test_distances_are_geodesics_and_symmetric(a, b):
    assert distance_m(a, b) == pytest.approx(GEOD.line_length([a.lon, b.lon], [a.lat, b.lat]), abs=1e-6)
    assert distance_m(a, b) == pytest.approx(distance_m(b, a), abs=1e-6)
    assert distances_m(a, np.array([b, a])) == pytest.approx([distance_m(a, b), 0.0], abs=1e-6)


def test_east_and_north_point_where_they_should():
    # A hundredth of a degree along the parallel (N cos lat) and the meridian (M) there, by hand.
    east, north = LocalPlane.at(LonLat(121.1, 31.15)).to_metres(np.array([[121.11, 31.15], [121.1, 31.16]]))
    assert east == pytest.approx((953.5, 0.0), abs=0.1)
    assert north == pytest.approx((0.0, 1108.7), abs=0.1)


def test_a_plane_has_an_origin_on_earth():
    with pytest.raises(CoordinateError, match="longitude first"):
        LocalPlane.at(LonLat(31.15, 121.1))


def test_nothing_in_nothing_out():
    empty = np.empty((0, 2))
    plane = LocalPlane.at(LonLat(0.0, 0.0))
    assert plane.to_metres(empty).shape == plane.to_lonlat(empty).shape == (0, 2)
    assert distances_m(LonLat(0.0, 0.0), empty).shape == (0,)
