"""Intake opens, attaches or ignores; the 95 % ellipse is checked against sampling."""

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_site import LITTER, NOON, category, spot

from geo.metric import distance_m
from pipeline.cases import OPEN, Case, Channel, Side, Status
from pipeline.catalogue import Again
from pipeline.intake import ELLIPSE_COUNTS_TO_M, Attach, Finding, Ignore, Open, Reopen, decide, reach_m, search_radius_m
from pipeline.scenes import Mode

HOUR = timedelta(hours=1)
SD_1M = (1.0, 0.0, 1.0)


def case(number: str = "YP20261123-0001", east_m: float = 0.0, north_m: float = 0.0, **changes: object) -> Case:
    plain = Case(
        number=number,
        category=category().key,
        channel=Channel.INTELLIGENT,
        status=Status.DISPATCHED,
        urgent=False,
        lonlat=spot("A", east_m, north_m),
        cov_m2=SD_1M,
        error_m=2.4,
        grid="YP-A",
        unit="A1",
        side=Side.STREET_FACE,
        occurred_at=NOON,
        recorded_at=NOON,
        updated_at=NOON,
    )
    return replace(plain, **changes)


def finding(east_m: float = 0.0, north_m: float = 0.0, **changes: object) -> Finding:
    plain = Finding(
        category=category(),
        lonlat=spot("A", east_m, north_m),
        cov_m2=SD_1M,
        first_seen_at=NOON,
        seen_at=NOON + timedelta(minutes=1),
    )
    return replace(plain, **changes)


def test_a_problem_nobody_knew_of_opens():
    assert isinstance(decide(finding(), mode=Mode.AUTO, nearby=[]), Open)


@pytest.mark.parametrize("status", sorted(OPEN))
@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=40), timedelta(days=-40)])
def test_an_open_case_takes_in_the_same_whatever_the_time(status: Status, later: timedelta):
    found = finding(first_seen_at=NOON + later, seen_at=NOON + later)
    decision = decide(found, mode=Mode.AUTO, nearby=[case(status=status)])
    assert isinstance(decision, Attach)
    assert decision.number == "YP20261123-0001"


def test_reach_is_the_categorys_metres_plus_the_95_percent_radius():
    # Both have a standard deviation of 1 m: their difference has 1.414 m, times 2.4477 makes 3.46 m, plus 5 m.
    reach = 5.0 + math.sqrt(2.0) * 2.447746830680816
    assert reach_m(finding(), case(east_m=3.0)) == pytest.approx(reach)
    assert isinstance(decide(finding(), mode=Mode.AUTO, nearby=[case(east_m=reach - 0.01)]), Attach)
    assert isinstance(decide(finding(), mode=Mode.AUTO, nearby=[case(east_m=reach + 0.01)]), Open)


def test_a_long_ellipse_reaches_far_along_its_axis_only():
    vague_east = (100.0, 0.0, 0.01)
    far = finding(cov_m2=vague_east)
    assert isinstance(decide(far, mode=Mode.AUTO, nearby=[case(east_m=25.0, cov_m2=vague_east)]), Attach)
    assert isinstance(decide(far, mode=Mode.AUTO, nearby=[case(north_m=25.0, cov_m2=vague_east)]), Open)


@given(
    sds=st.tuples(st.floats(0.1, 6.0), st.floats(0.1, 6.0), st.floats(-0.95, 0.95)),
    angle=st.floats(0.0, 2.0 * math.pi),
)
def test_the_radius_is_that_of_the_ellipse_that_holds_95_percent(sds: tuple[float, float, float], angle: float):
    first, second, correlation = sds
    half = (first**2 / 2, correlation * first * second / 2, second**2 / 2)
    away = case(east_m=0.5 * math.cos(angle), north_m=0.5 * math.sin(angle), cov_m2=half)
    radius_m = reach_m(finding(cov_m2=half), away) - 5.0
    whole = np.array([[2 * half[0], 2 * half[1]], [2 * half[1], 2 * half[2]]])
    samples = np.random.default_rng(1).multivariate_normal([0.0, 0.0], whole, 4000)
    # By definition: the share of samples inside the ellipse through the edge point is 95 %.
    edge = radius_m * np.array([math.cos(angle), math.sin(angle)])
    squared = np.einsum("ni,ij,nj->n", samples, np.linalg.inv(whole), samples)
    inside = (squared <= edge @ np.linalg.inv(whole) @ edge).mean()
    assert inside == pytest.approx(0.95, abs=0.02)


def test_a_vague_position_does_not_swallow_a_street():
    very_vague = (1e6, 0.0, 1e6)
    reach = 5.0 + ELLIPSE_COUNTS_TO_M
    assert reach_m(finding(cov_m2=very_vague), case(east_m=10.0)) == pytest.approx(reach)
    assert search_radius_m(category()) == pytest.approx(reach)


@pytest.mark.parametrize("cov", [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (4.0, 0.0, 0.0)])
def test_an_ellipse_without_extent_counts_nothing_across(cov: tuple[float, float, float]):
    across = case(east_m=-3.0, north_m=4.0, cov_m2=(0.0, 0.0, 0.0))
    assert reach_m(finding(cov_m2=cov), across) == pytest.approx(5.0)


def test_the_same_place_is_the_same_problem_even_without_any_error():
    exact = (0.0, 0.0, 0.0)
    nearby = [case(cov_m2=exact)]
    assert isinstance(decide(finding(cov_m2=exact), mode=Mode.AUTO, nearby=nearby), Attach)


def test_another_category_is_another_problem():
    assert isinstance(decide(finding(), mode=Mode.AUTO, nearby=[case(category=LITTER)]), Open)


@pytest.mark.parametrize("status", [Status.REFUSED, Status.VOID])
def test_refused_and_void_cases_take_in_nothing(status: Status):
    assert isinstance(decide(finding(), mode=Mode.AUTO, nearby=[case(status=status)]), Open)


@pytest.mark.parametrize(
    ("first_seen", "seen", "expected"),
    [
        (-HOUR, timedelta(minutes=10), Attach),  # late news of what was solved
        (-HOUR, timedelta(minutes=30), Reopen),  # it is there still
        (-HOUR, timedelta(days=6), Reopen),
        (-HOUR, timedelta(days=8), Open),  # too long ago to be the same
        (timedelta(seconds=1), timedelta(seconds=61), Open),  # came after the closing
        (timedelta(seconds=1), timedelta(hours=2), Open),
    ],
)
def test_a_closed_case_takes_in_late_news_and_opens_again_for_what_was_never_gone(
    first_seen: timedelta, seen: timedelta, expected: type
):
    closed = case(status=Status.CLOSED)
    found = finding(first_seen_at=NOON + first_seen, seen_at=NOON + seen)
    assert isinstance(decide(found, mode=Mode.AUTO, nearby=[closed]), expected)


@pytest.mark.parametrize("status", [Status.HANDLED, Status.CHECKED, Status.CLOSED])
@pytest.mark.parametrize(
    ("again", "stayed", "came"),
    [(Again.NEW, Reopen, None), (Again.REOPEN, Reopen, Reopen), (Again.SILENT, Attach, Attach)],
)
def test_the_category_says_what_showing_again_does(status: Status, again: Again, stayed: type, came: type | None):
    """What never left opens its case again, unless the rule is silence; what came later goes by the rule."""
    kind = category(again=again)
    fresh = came or (Open if status is Status.CLOSED else Attach)
    for first_seen, expected in ((-HOUR, stayed), (HOUR, fresh)):
        found = replace(finding(first_seen_at=NOON + first_seen, seen_at=NOON + timedelta(hours=30)), category=kind)
        decision = decide(found, mode=Mode.AUTO, nearby=[case(status=status)])
        assert isinstance(decision, expected), (first_seen, decision)


def test_a_driver_is_given_time_to_leave():
    found = finding(first_seen_at=NOON - HOUR, seen_at=NOON + timedelta(seconds=900))
    late = finding(first_seen_at=NOON - HOUR, seen_at=NOON + timedelta(seconds=901))
    handled = case(status=Status.HANDLED)
    assert isinstance(decide(found, mode=Mode.AUTO, nearby=[handled]), Attach)
    assert isinstance(decide(late, mode=Mode.AUTO, nearby=[handled]), Reopen)


def test_an_open_case_goes_before_a_nearer_closed_one():
    closed, opened = case(status=Status.CLOSED), case("YP20261123-0002", east_m=4.0)
    found = finding(first_seen_at=NOON - HOUR)
    decision = decide(found, mode=Mode.AUTO, nearby=[closed, opened])
    assert isinstance(decision, Attach)
    assert decision.number == opened.number


@given(st.lists(st.tuples(st.floats(-12, 12), st.floats(-12, 12)), min_size=1, max_size=8), st.randoms())
def test_the_nearest_open_case_gets_it_in_any_order(places: list[tuple[float, float]], random):
    cases = [case(f"YP20261123-{index:04d}", *place) for index, place in enumerate(places)]
    reach = 5.0 + math.sqrt(2.0) * 2.447746830680816
    near = [each for each in cases if distance_m(spot("A"), each.lonlat) <= reach]
    shuffled = random.sample(cases, len(cases))
    decision = decide(finding(), mode=Mode.AUTO, nearby=shuffled)
    if not near:
        assert isinstance(decision, Open)
        return
    assert isinstance(decision, Attach)
    chosen = next(each for each in cases if each.number == decision.number)
    assert distance_m(spot("A"), chosen.lonlat) == pytest.approx(
        min(distance_m(spot("A"), each.lonlat) for each in near), abs=1e-6
    )


def test_what_was_taken_or_is_in_shadow_is_ignored_with_the_reason():
    taken = decide(finding(), mode=Mode.AUTO, nearby=[], taken=True)
    shadow = decide(finding(), mode=Mode.SHADOW, nearby=[case()])
    assert isinstance(taken, Ignore)
    assert "taken before" in taken.reason
    assert isinstance(shadow, Ignore)
    assert "shadow" in shadow.reason
