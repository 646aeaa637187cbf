"""Replays: the same to the bit, worked as their rules say; and the bound that no schedule beats."""

import itertools
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from databases import sqlite_url
from dispatch_worlds import KINDS, call
from hypothesis import given, settings
from hypothesis import strategies as st
from small_site import DISPATCHER, NOON, PARKED, PLAIN, force, force_at, shift, small_site, spot

from geo.metric import distance_m
from pipeline.cases import Action, Channel
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Report
from pipeline.dispatch_figures import dispatch_figures
from pipeline.dispatch_policy import NEAREST, DispatchPolicy
from pipeline.dispatch_records import NothingRecordedError, recorded_calls
from pipeline.dispatch_replay import Answer, Replay
from pipeline.district.dispatch_calls import draw_calls
from pipeline.evidence import EvidenceStore
from pipeline.hindsight import hindsight
from pipeline.site_files import read_site
from pipeline.sql_casebook import open_casebook

DRAWN = st.tuples(st.floats(-200, 200), st.floats(0, 3000), st.floats(0, 1500), st.booleans())
FREE = replace(PLAIN, offered_up_to=1)


def work(calls, forces, policy=FREE):
    site = small_site(forces, categories=KINDS, policy=policy)
    return Replay(site, policy, calls).run().attended


def arrivals(calls, forces, policy=FREE) -> list[float]:
    return [round(each.arrived_s, 1) for each in work(calls, forces, policy).values()]


def test_a_force_answers_goes_and_stays_where_it_was():
    found = arrivals([call(1, 100.0, 0.0), call(2, 120.0, 5_000.0)], [force(1, "A", 0.0)])
    assert found == [pytest.approx(10 + 100 * 1.3 / 4, abs=0.1), pytest.approx(10 + 20 * 1.3 / 4, abs=0.1)]


def test_what_finds_nobody_free_waits_and_urgent_calls_go_first():
    calls = [call(1, 0.0, 0.0, work_s=600.0), call(2, 0.0, 20.0), call(3, 0.0, 30.0, urgent=True)]
    found = {number: each.arrived_s for number, each in work(calls, [force(1, "A", 0.0)]).items()}
    assert found["C1"] == pytest.approx(10.0)
    assert found["C3"] == pytest.approx(10 + 600 + 5 - 30 + 10, abs=0.1)
    assert found["C2"] == pytest.approx(10 + 600 + 5 + 10 + 600 + 5 - 20 + 10, abs=0.1)


def test_who_declines_or_does_not_answer_is_passed_over():
    known = {"T001": Answer(after_s=15.0, accepts=False), "T002": Answer(after_s=None, accepts=False)}
    forces = [force(1, "A", 10.0), force(2, "A", 20.0), force(3, "A", 30.0)]
    (attended,) = work([call(1, 0.0, 0.0, **known)], forces).values()
    assert (attended.terminal, attended.offers) == ("T003", 3)
    assert attended.arrived_s == pytest.approx(15 + 300 + 10 + 30 * 1.3 / 4, abs=0.1)


def test_a_shift_begins_at_the_post():
    day = [force(1, "A", 0.0, shifts=(shift("08:00", "20:00"),))]
    calls = [call(1, 200.0, 0.0), call(2, 200.0, 24 * 3600.0)]
    assert arrivals(calls, day) == [pytest.approx(10 + 65, abs=0.1)] * 2


def test_a_call_that_nobody_may_take_is_told_and_not_waited_for_for_ever():
    (attended,) = work([call(1, 0.0, 0.0)], [force(1, "D")]).values()
    assert (attended.terminal, attended.arrived_s) == (None, None)


def test_general_calls_are_gathered_and_assigned_together_where_the_policy_says_so():
    forces = [force(1, "A", 0.0), force(2, "A", 100.0)]
    calls = [call(1, 60.0, 0.0), call(2, 200.0, 20.0)]
    gathered = work(calls, forces, replace(FREE, batch_s=60.0))
    assert [each.terminal for each in gathered.values()] == ["T001", "T002"]
    assert [each.terminal for each in work(calls, forces).values()] == ["T002", "T001"]
    assert min(each.arrived_s for each in gathered.values()) > 40.0


def test_a_simulated_day_is_the_same_to_the_bit_and_default_differs_from_nearest(sample_site: Path):
    site = read_site(sample_site)
    start = NOON.replace(hour=0)

    def outcome(policy: DispatchPolicy, seed: int = 1) -> str:
        calls = draw_calls(site, seed=seed, load=0.4, start=start, seconds=6 * 3600.0)
        return dispatch_figures("p", Replay(site, policy, calls).run().attended, site).outcome

    policy = site.settings.dispatch
    assert outcome(policy) == outcome(policy)
    assert len({outcome(policy), outcome(NEAREST), outcome(policy, seed=2)}) == 3


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-200, 200), st.floats(0, 3000), st.floats(0, 1500), st.booleans()), min_size=1, max_size=5
    ),
    st.lists(st.floats(-200, 200), min_size=1, max_size=2),
)
def test_no_schedule_beats_the_bound(drawn, posts):
    """Against every way of sharing the calls out, in every order, each force working without a pause."""
    calls = [
        call(number, east, round(at, 3), work_s=work_s, urgent=urgent)
        for number, (east, at, work_s, urgent) in enumerate(drawn)
    ]
    forces = [force(number, "A", east) for number, east in enumerate(posts, 1)]
    site = small_site(forces, categories=KINDS, policy=FREE)
    bound = hindsight(site, calls, policy=FREE, late_s=200.0)
    best, fewest = np.inf, 1.0
    ordered = sorted(calls, key=lambda each: each.case.number)
    for order in itertools.permutations(ordered):
        for chosen in itertools.product(range(len(forces)), repeat=len(calls)):
            times = _schedule(order, chosen, forces)
            best = min(best, float(np.mean([arrived for arrived, _ in times])))
            urgent = [arrived > 200.0 for arrived, is_urgent in times if is_urgent]
            fewest = min(fewest, sum(urgent) / max(1, len(urgent)))
    assert bound.mean_arrival_s <= best + 1e-6
    assert bound.late_share <= fewest + 1e-9
    real = [each.arrived_s for each in Replay(site, FREE, calls).run().attended.values()]
    assert bound.mean_arrival_s <= float(np.mean(real)) + 1e-6


def _schedule(order, chosen, forces) -> list[tuple[float, bool]]:
    places, free = [each.post for each in forces], [NOON] * len(forces)
    times = []
    for each, row in zip(order, chosen, strict=True):
        leaves = max(free[row], each.case.recorded_at + timedelta(seconds=10.0))
        arrives = leaves + timedelta(seconds=distance_m(places[row], each.case.lonlat) * 1.3 / 4.0)
        places[row], free[row] = each.case.lonlat, arrives + timedelta(seconds=each.work_s)
        times.append(((arrives - each.case.recorded_at).total_seconds(), each.case.urgent))
    return times


def test_what_was_handled_on_the_spot_is_no_call_and_what_came_back_is_anybodys(tmp_path: Path):
    casebook = open_casebook(sqlite_url(tmp_path))
    site, clock = small_site(policy=PLAIN), FixedClock(NOON)
    desk = Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(tmp_path / "evidence"))
    report = Report(channel=Channel.PATROL, category=PARKED, lonlat=spot("A"), occurred_at=NOON)
    number = desk.report(report, principal=DISPATCHER).number
    for action in (Action.ACCEPT, Action.ARRIVE, Action.DONE):
        desk.act(number, action, principal=force_at("T001"), note="moved")
    desk.act(number, Action.REWORK, principal=DISPATCHER, note="still there")
    away = Report(
        channel=Channel.PATROL, category=PARKED, lonlat=spot("B"), occurred_at=NOON, self_handled="moved by hand"
    )
    desk.report(away, principal=force_at("T003"))
    (found,) = recorded_calls(casebook, since=NOON, until=NOON + timedelta(days=1))
    casebook.close()
    case = found.case
    assert (case.number, case.rework_by, case.bound, case.level) == (number, None, False, 0)


def test_recorded_days_come_back_as_calls(tmp_path: Path):
    casebook = open_casebook(sqlite_url(tmp_path))
    site, clock = small_site(policy=PLAIN), FixedClock(NOON)
    desk = Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(tmp_path / "evidence"))
    with pytest.raises(NothingRecordedError, match="was ever filed"):
        recorded_calls(casebook, since=NOON, until=NOON + timedelta(days=1))
    number = desk.report(
        Report(channel=Channel.HOTLINE, category=PARKED, lonlat=spot("A"), occurred_at=NOON), principal=DISPATCHER
    ).number
    clock.at += timedelta(seconds=12)
    desk.act(number, Action.DECLINE, principal=force_at("T001"), note="elsewhere")
    for after_s, action in ((30, Action.ACCEPT), (100, Action.ARRIVE), (400, Action.DONE)):
        clock.at += timedelta(seconds=after_s)
        desk.act(number, action, principal=force_at("T002"), note="moved")
    (found,) = recorded_calls(casebook, since=NOON, until=NOON + timedelta(days=1))
    casebook.close()
    assert (found.case.recorded_at, found.case.terminal, found.work_s) == (NOON, None, 400.0)
    assert found.answers("T001") == Answer(after_s=12.0, accepts=False)
    assert found.answers("T003") == Answer(after_s=30.0, accepts=True)
    attended = Replay(site, PLAIN, [found]).run().attended[number]
    assert (attended.terminal, attended.offers) == ("T002", 2)
    assert attended.arrived_s == pytest.approx(12 + 30 + 100 * 1.3 / 4, abs=0.1)
