"""Scoring counts hits, misses, false cases and duplicates as its definition says; the interval is Wilson's."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from geo.coords import LonLat
from geo.metric import LocalPlane
from pipeline.scoring import FoundCase, TrueEvent, lies_near, score, wilson

NOW = datetime(2026, 1, 31, tzinfo=UTC)
PLANE = LocalPlane.at(LonLat(121.1, 31.15))


def event(at_s: float, east_m: float = 0.0, *, scene: str = "crowd", lasts_s: float = 0.0) -> TrueEvent:
    at = NOW + timedelta(seconds=at_s)
    return TrueEvent(
        scene=scene, at=at, lonlat=PLANE.point_to_lonlat(east_m, 0.0), until=at + timedelta(seconds=lasts_s)
    )


def case(at_s: float, east_m: float = 0.0, *, scene: str = "crowd", sd_m: float = 0.1) -> FoundCase:
    return FoundCase(
        scene=scene,
        at=NOW + timedelta(seconds=at_s),
        lonlat=PLANE.point_to_lonlat(east_m, 0.0),
        cov_m2=(sd_m**2, 0.0, sd_m**2),
    )


def test_a_hit_with_its_delay_and_distance():
    found = score([event(100)], [case(103, 1.0)])
    assert (found.recall.value, found.precision.value) == (1.0, 1.0)
    assert found.delay_mean_s == pytest.approx(3.0)
    assert found.distance_median_m == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("delay_s", "hit"), [(-2.1, False), (-2.0, True), (10.0, True), (10.1, False)])
def test_the_window_of_time(delay_s: float, hit: bool):  # noqa: FBT001 - a case
    found = score([event(100)], [case(100 + delay_s)])
    assert (len(found.pairs), len(found.missed), len(found.false)) == ((1, 0, 0) if hit else (0, 1, 1))


@pytest.mark.parametrize(
    ("away_m", "sd_m", "near"),
    [
        (2.99, 0.01, True),
        (3.01, 0.01, False),
        (4.8, 2.0, True),
        (5.0, 2.0, False),
        (9.9, 50.0, True),
        (10.1, 50.0, False),
    ],
)
def test_the_window_of_place(away_m: float, sd_m: float, near: bool):  # noqa: FBT001 - a case
    """Three metres, or the 95 % ellipse (2.45 standard deviations), cut at ten metres."""
    assert lies_near(event(0, away_m), case(0, sd_m=sd_m)) is near


def test_another_scene_is_another_thing():
    found = score([event(100, scene="crowd")], [case(100, scene="dwell")])
    assert (found.recall.value, found.precision.value) == (0.0, 0.0)


def test_a_further_case_is_a_duplicate_while_the_event_lasts_and_false_afterwards():
    found = score([event(100, lasts_s=60.0)], [case(101), case(150), case(171)])
    assert (found.pairs, found.duplicates, found.false) == (((0, 0),), (1,), (2,))
    assert found.precision.of == 2


def test_a_late_case_on_an_event_that_has_none_is_a_miss_and_a_false_one():
    found = score([event(100, lasts_s=60.0)], [case(150)])
    assert (found.missed, found.false, found.duplicates) == ((0,), (0,), ())


def test_nothing_at_all_has_no_value_and_every_value_possible():
    found = score([], [])
    assert (found.recall.value, found.recall.low, found.recall.high) == (None, 0.0, 1.0)
    assert found.delay_mean_s is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 40), max_size=5), st.lists(st.floats(0, 40), max_size=5))
def test_as_many_pairs_as_can_be_one_to_one(events_s: list[float], cases_s: list[float]):
    """Against trying every assignment."""
    events, cases = [event(at) for at in events_s], [case(at) for at in cases_s]
    found = score(events, cases)
    assert len(found.pairs) == _most_pairs(events_s, cases_s)
    assert len({row for row, _ in found.pairs}) == len({column for _, column in found.pairs}) == len(found.pairs)
    assert len(found.pairs) + len(found.duplicates) + len(found.false) == len(cases)


def _most_pairs(events_s: Sequence[float], cases_s: Sequence[float]) -> int:
    def fits(event_s: float, case_s: float) -> bool:
        delay_s = ((NOW + timedelta(seconds=case_s)) - (NOW + timedelta(seconds=event_s))).total_seconds()
        return -2.0 <= delay_s <= 10.0

    if len(events_s) > len(cases_s):
        return max(
            (sum(fits(events_s[row], at) for row, at in zip(rows, cases_s, strict=True)))
            for rows in permutations(range(len(events_s)), len(cases_s))
        )
    return max(
        (sum(fits(at, cases_s[column]) for at, column in zip(events_s, columns, strict=True)))
        for columns in permutations(range(len(cases_s)), len(events_s))
    )


@given(st.integers(1, 200), st.data())
def test_the_interval_is_wilsons(of: int, data: st.DataObject):
    count = data.draw(st.integers(0, of))
    expected = binomtest(count, of).proportion_ci(confidence_level=0.95, method="wilson")
    share = wilson(count, of)
    assert math.isclose(share.low, expected.low, abs_tol=1e-9)
    assert math.isclose(share.high, expected.high, abs_tol=1e-9)
