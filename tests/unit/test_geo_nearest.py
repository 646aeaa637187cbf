"""The nearest places against a plain sort by pyproj's geodesic."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from geo.coords import LonLat
from geo.errors import CoordinateError
from geo.nearest import NearestError, PointIndex, nearest

GEOD = Geod(ellps="WGS84")
coarse = st.builds(LonLat, st.integers(-1800, 1800).map(lambda n: n / 10), st.integers(-900, 900).map(lambda n: n / 10))
near = st.builds(LonLat, st.floats(121.06, 121.12), st.floats(31.12, 31.19))


def brute(point, candidates):
    measured = [(name, GEOD.inv(*point, *place)[2]) for name, place in candidates]
    return sorted(measured, key=lambda pair: (pair[1], pair[0]))


def named(places):
    return [(f"T{number:03}", place) for number, place in enumerate(places)]


@given(point=coarse | near, places=st.lists(coarse | near, max_size=40), limit=st.none() | st.integers(1, 50))
def test_nearest_is_a_sort_by_geodesic_distance(point, places, limit):
    found = nearest(point, named(places), limit=limit)
    expected = brute(point, named(places))[:limit]
    assert [metres for _, metres in found] == pytest.approx([metres for _, metres in expected], abs=1e-6)
    assert found == sorted(found, key=lambda pair: (pair[1], pair[0]))


@settings(deadline=None)
@given(point=coarse | near, places=st.lists(coarse | near, max_size=60), limit=st.integers(1, 8))
def test_an_index_answers_as_the_plain_search_does(point, places, limit):
    assert PointIndex.over(named(places)).nearest(point, limit=limit) == nearest(point, named(places), limit=limit)


def test_an_index_is_exact_over_the_date_line_and_the_pole():
    rng = np.random.default_rng(5)
    places = named([LonLat(lon, lat) for lon, lat in rng.uniform((-180, -90), (180, 90), (2000, 2)).tolist()])
    index = PointIndex.over(places)
    for point in (LonLat(179.999, 0.0), LonLat(-179.999, 60.0), LonLat(12.0, 90.0), LonLat(0.0, -89.99)):
        assert index.nearest(point, limit=7) == nearest(point, places, limit=7)


def test_equal_distances_come_in_the_order_of_their_ids():
    place = LonLat(121.1, 31.15)
    found = nearest(place, [("T9", place), ("T1", place), ("T5", place)], limit=2)
    assert found == [("T1", 0.0), ("T5", 0.0)]
    assert PointIndex.over([("T9", place), ("T1", place), ("T5", place)]).nearest(place, limit=2) == found


def test_an_index_may_be_shared_by_threads():
    rng = np.random.default_rng(7)
    places = named([LonLat(lon, lat) for lon, lat in rng.uniform((121, 31), (122, 32), (500, 2)).tolist()])
    points = [LonLat(lon, lat) for lon, lat in rng.uniform((121, 31), (122, 32), (200, 2)).tolist()]
    index = PointIndex.over(places)
    expected = [nearest(point, places, limit=3) for point in points]
    answers = {}

    def ask(number) -> None:
        answers[number] = [index.nearest(point, limit=3) for point in points]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answers[number] for number in range(4)] == [expected] * 4


def test_bad_questions_are_refused():
    with pytest.raises(NearestError, match="the limit is 0; expected 1 or more"):
        nearest(LonLat(0.0, 0.0), [], limit=0)
    with pytest.raises(NearestError, match="the limit is -1"):
        PointIndex.over([]).nearest(LonLat(0.0, 0.0), limit=-1)
    with pytest.raises(CoordinateError, match="position 0"):
        nearest(LonLat(0.0, 0.0), [("T1", LonLat(31.0, 121.0))])
