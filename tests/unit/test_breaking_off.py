"""Who is busy with a general case is called to an urgent one next to them, and comes back for what was left."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from databases import sqlite_url
from dispatch_worlds import KINDS, URGENT, call, case, send
from small_site import DISPATCHER, LITTER, NOON, PARKED, PLAIN, force, small_site, spot

from api.reason_words import worded
from api.words import words
from pipeline.call_answers import CallAnswers
from pipeline.cases import Action, Channel
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Report
from pipeline.dispatch import Dispatch, NoTerminal
from pipeline.dispatch_replay import Call, Replay
from pipeline.district.agents import Habits
from pipeline.district.forces_run import ForcesRun
from pipeline.evidence import EvidenceStore
from pipeline.sql_casebook import SqlCasebook, open_casebook
from pipeline.terminals import Terminal

CALLED: dict[str, float] = {"offered_up_to": 1, "max_open_cases": 3, "break_off_s": 60.0}
LEFT = {**CALLED, "break_off_s": 0.0}
BREAKS, PLAINLY = replace(PLAIN, **CALLED), replace(PLAIN, **LEFT)
PACE = 1.3 / 4.0  # seconds a metre


def holding(number: int, general: int, urgent: int = 0) -> Terminal:
    return Terminal(id=f"T{number:03d}", open_cases=general + urgent, open_urgent=urgent)


class TestDecision:
    NEAR, FAR = force(1, "A", 10.0), force(2, "A", 10.0 + 70.0 / PACE)

    def test_a_busy_one_goes_where_it_is_there_sooner_by_more_than_breaking_off_takes(self):
        sent = send([self.NEAR, self.FAR], [holding(1, 1)], wanted=URGENT, **CALLED)
        assert isinstance(sent, Dispatch)
        assert (sent.terminal, sent.wait_s) == ("T001", 60.0)
        assert sent.reason.endswith(", leaving general work for it")
        assert worded(sent.reason, words("zh")).endswith("，先放下手头的一般案件")
        closer = force(2, "A", 10.0 + 50.0 / PACE)
        other = send([self.NEAR, closer], [holding(1, 1)], wanted=URGENT, **CALLED)
        assert (other.terminal, other.wait_s) == ("T002", 0.0)
        assert other.skipped[0].reason == "holds 1 case: would be there about 10 s later"

    def test_one_that_is_free_is_not_said_to_leave_anything(self):
        sent = send([self.NEAR], wanted=URGENT, **CALLED)
        assert sent.reason.endswith("by its post")

    @pytest.mark.parametrize(
        ("wanted", "held", "policy"),
        [
            (case(), holding(1, 1), CALLED),  # a general case breaks nothing off
            (URGENT, holding(1, 0, urgent=1), CALLED),
            (URGENT, holding(1, 1, urgent=1), CALLED),
            (URGENT, holding(1, 3), CALLED),  # as many as anybody may hold
            (URGENT, holding(1, 1), LEFT),
        ],
    )
    def test_who_is_not_called_away(self, wanted, held, policy):
        assert send([self.NEAR, self.FAR], [held], wanted=wanted, **policy).terminal == "T002"
        assert isinstance(send([self.NEAR], [held], wanted=wanted, **policy), NoTerminal)

    def test_the_urgent_case_that_it_holds_itself_does_not_count(self):
        """Passed over, it is offered anew: what its holder is left with is one general case."""
        offered = replace(URGENT, status=URGENT.status.DISPATCHED, terminal="T001")
        assert send([self.NEAR, self.FAR], [holding(1, 1, urgent=1)], wanted=offered, **CALLED).terminal == "T001"


class TestReplay:
    def arrivals(self, calls: list[Call], policy=BREAKS) -> dict[str, float]:
        site = small_site([force(1, "A", 0.0)], categories=KINDS, policy=policy)
        return {number: each.arrived_s for number, each in Replay(site, policy, calls).run().attended.items()}

    def test_who_is_on_the_way_turns_round_and_sets_out_anew_from_there(self):
        """At 30 s it has gone 20 s of 200 m; the urgent call lies at the post, 600 s of work."""
        came = self.arrivals([call(1, 200.0, 0.0), call(2, 0.0, 20.0, urgent=True)])
        gone_m = 20.0 / PACE
        assert came["C2"] == pytest.approx(10.0 + gone_m * PACE, abs=0.1)
        assert came["C1"] == pytest.approx(20.0 + 10.0 + gone_m * PACE + 600.0 + 200.0 * PACE, abs=0.1)

    def test_who_works_comes_back_to_what_was_left(self):
        calls = [call(1, 100.0, 0.0), call(2, 0.0, 300.0, urgent=True, work_s=100.0), call(3, 100.0, 310.0)]
        came = self.arrivals(calls)
        way_s = 100.0 * PACE
        assert came["C1"] == pytest.approx(10.0 + way_s, abs=0.1)
        assert came["C2"] == pytest.approx(10.0 + 60.0 + way_s, abs=0.1)
        # C1 had begun at 42.5 s and was left at 310 s; C3 waits for its end, and is looked at 5 s after it.
        ended = 310.0 + 60.0 + way_s + 100.0 + way_s + (600.0 - (310.0 - 10.0 - way_s))
        assert came["C3"] == pytest.approx(ended + 5.0 + 10.0 - 310.0, abs=0.1)

    def test_who_is_called_away_again_on_the_way_back_was_there_all_the_same(self):
        calls = [
            call(1, 100.0, 0.0),
            call(2, -100.0, 300.0, urgent=True, work_s=100.0),  # done by 535 s; back at 600 s
            call(3, -100.0, 540.0, urgent=True, work_s=100.0),
        ]
        came = self.arrivals(calls)
        assert came["C1"] == pytest.approx(10.0 + 100.0 * PACE, abs=0.1)
        assert came["C2"] == pytest.approx(10.0 + 60.0 + 200.0 * PACE, abs=0.1)
        gone_s = 550.0 - (300.0 + came["C2"] + 100.0)
        assert came["C3"] == pytest.approx(10.0 + gone_s, abs=0.1)

    def test_nothing_is_broken_off_where_the_policy_does_not_say_so(self):
        came = self.arrivals([call(1, 200.0, 0.0), call(2, 0.0, 20.0, urgent=True)], PLAINLY)
        assert came["C1"] == pytest.approx(10.0 + 200.0 * PACE, abs=0.1)
        assert came["C2"] > 600.0

    def test_an_urgent_one_is_never_broken_off(self):
        came = self.arrivals([call(1, 200.0, 0.0, urgent=True), call(2, 0.0, 20.0, urgent=True)])
        assert came["C1"] == pytest.approx(10.0 + 200.0 * PACE, abs=0.1)
        assert came["C2"] > 600.0


def test_each_terminal_takes_its_own_time_to_answer():
    """A call that one person answers late is answered in time by another, whoever is asked first."""
    answers = [CallAnswers(name=f"C{number}", after_s=18.0, spread=0.6) for number in range(40)]
    times = [[each(f"T{terminal:03d}").after_s for terminal in range(20)] for each in answers]
    assert all(min(each) < 60.0 for each in times)
    assert max(map(max, times)) > 60.0
    assert times[0] == [answers[0](f"T{terminal:03d}").after_s for terminal in range(20)]


class Street:
    """One force of a small site at work through the real desk."""

    def __init__(self, folder: Path, casebook: SqlCasebook) -> None:
        self.site = small_site([force(1, "A", 0.0)], categories=KINDS, policy=BREAKS)
        self.casebook, self.clock = casebook, FixedClock(NOON)
        self.desk = Desk(site=self.site, casebook=casebook, clock=self.clock, evidence=EvidenceStore(folder / "e"))
        sure = Habits(answer_s=(5.0, 0.01), declines=0.0, ignores=0.0, fails=0.0, signal_s=1e9, result_s=60.0)
        self.forces = ForcesRun(
            site=self.site, casebook=casebook, desk=self.desk, clock=self.clock, seed=3, habits=sure
        )

    def report(self, key: str, east_m: float) -> str:
        self.forces.tell_positions()
        seen = Report(
            channel=Channel.PATROL, category=key, lonlat=spot("A", east_m), occurred_at=self.clock.at, description="x"
        )
        taken = self.desk.report(seen, principal=DISPATCHER)
        assert taken.number is not None
        self.forces.follow(taken.number)
        return taken.number

    def run(self, seconds: float) -> None:
        self.forces.advance(self.clock.at + timedelta(seconds=seconds))

    def at(self, number: str, action: Action) -> float:
        """Return when a step was taken, seconds after noon; once only."""
        (found,) = [each.at for each in self.casebook.events(number) if each.action == action.value]
        return (found - NOON).total_seconds()


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    with closing(open_casebook(sqlite_url(tmp_path))) as casebook:
        yield Street(tmp_path, casebook)


@pytest.mark.parametrize("called_after_s", [20.0, 120.0])
def test_in_the_district_who_is_called_away_takes_no_step_where_it_is_not(street: Street, called_after_s: float):
    """On the way there, or at work: it does the urgent case first, and the general one once it is back."""
    general = street.report(PARKED, 200.0)
    street.run(called_after_s)
    urgent = street.report(LITTER, -200.0)
    assert street.casebook.case(urgent).terminal == "T001"
    street.run(4 * 3600.0)
    arrived, done = street.at(urgent, Action.ARRIVE), street.at(urgent, Action.DONE)
    before = called_after_s + 20.0
    back_s = 400.0 * 1.3 / 4.5
    for action in (Action.ARRIVE, Action.FIRST_RESULT, Action.DONE):
        at = street.at(general, action)
        assert at <= before or at >= done + back_s - 1.0, action
    assert arrived < called_after_s + 200.0
    assert street.at(general, Action.ARRIVE) <= street.at(general, Action.DONE)
