"""Judging on both databases: who each case counts for, publications that stay, appeals and corrections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from life_office import CHEN, LI, T001, T002, T003, T010, WANG, Office
from small_site import CITIZEN, NOON, PARKED, force_at, sighting, spot
from sqlalchemy import delete, update

from pipeline import sql_tables as t
from pipeline.attribution import SubjectKind
from pipeline.casebook import CaseFilter, LimitError
from pipeline.cases import Channel
from pipeline.errors import FarTimeError, RefusedError, UnknownError, WholeSiteError
from pipeline.front_desk import FrontDesk
from pipeline.history import canonical
from pipeline.judged_stories import Wanted
from pipeline.judging import Figures
from pipeline.judging_book import EntryKind
from pipeline.judging_desk import (
    AppealClosedError,
    JudgingDesk,
    NotJudgedError,
    NotOverError,
    OwnJudgementError,
    SameFiguresError,
)
from pipeline.judging_periods import JudgedPeriod, PeriodError, Span, period_of
from pipeline.judging_policy import JudgingPolicy
from pipeline.judging_scores import score
from pipeline.principal import PIPELINE, Principal, Role
from pipeline.publication_scope import PersonsShownError, ScopeError
from pipeline.reports import PrintedPlace
from pipeline.sql_engine import writing
from pipeline.trust import FalseReason
from pipeline.verification import verify

SUN = Principal(name="Sun", role=Role.ADMIN)
DAY = JudgedPeriod(since=NOON - timedelta(hours=4), until=NOON + timedelta(hours=20))
NEXT = JudgedPeriod(since=DAY.until, until=DAY.until + timedelta(days=1))
HEAD = Principal(name="head of A1", role=Role.ANALYST, speaks_for=frozenset({"unit:A1"}))


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    office = Office(database_url, tmp_path)
    yield office
    office.prove()
    office.close()


def desk(office: Office) -> JudgingDesk:
    return JudgingDesk(site=office.site, casebook=office.casebook, clock=office.clock)


def figures(office: Office, by: SubjectKind, subject: str, period: JudgedPeriod = DAY, **more: object) -> Figures:
    judged = desk(office).figures(Wanted(period=period, by=by, **more), principal=LI)
    return next(each for each, _ in judged.rows if each.subject == subject)


def of_grid(office: Office, period: JudgedPeriod = DAY) -> Figures:
    return figures(office, SubjectKind.GRID, "YP-A", period)


def of_force(office: Office, number: str = "YP-001", period: JudgedPeriod = DAY) -> Figures:
    return figures(office, SubjectKind.FORCE, number, period)


def closed(office: Office, **more: object) -> str:
    number = office.report(**more)
    office.through(number, "accept", "arrive", "first-result", "done", "check", "close")
    return number


class TestDiscovered:
    def test_both_readings_and_every_channel(self, office: Office):
        for place, (channel, by) in enumerate(
            ((Channel.PATROL, LI), (Channel.HOTLINE, LI), (Channel.ALARM, LI), (Channel.TRANSFER, LI))
        ):
            office.report(spot("A", -200.0 + 100.0 * place), channel=channel, by=by)
        office.report(spot("A", 0.0, 150.0), channel=Channel.PUBLIC, by=CITIZEN)
        found = of_grid(office)
        assert found.discovered == 4, "what the public reports is not filed before it is verified"
        public = office.casebook.cases(CaseFilter(channels=frozenset({Channel.PUBLIC}))).cases[0].number
        office.act(public, "file")
        found = of_grid(office)
        assert (found.discovered, found.channels["public"].count) == (5, 1)
        assert (found.proactive.count, found.proactive.of) == (1, 4)
        assert (found.proactive_public.count, found.proactive_public.of) == (2, 5)
        assert 0 < found.proactive.low < 0.25 < found.proactive.high < 1

    def test_for_the_force_that_reported_it_and_its_department(self, office: Office):
        office.report(by=force_at(T002))
        office.report(spot("B"))
        assert of_force(office, "YP-002").discovered == 1
        assert of_force(office, "YP-001").discovered == 0
        assert figures(office, SubjectKind.DEPARTMENT, "grid").discovered == 1
        assert figures(office, SubjectKind.SITE, "small").discovered == 2

    def test_in_the_period_in_which_it_was_filed_once(self, office: Office):
        number = office.report(channel=Channel.PUBLIC, by=CITIZEN)
        office.later(days=1)
        office.act(number, "file")
        assert (of_grid(office).discovered, of_grid(office, NEXT).discovered) == (0, 1)

    def test_duplicates_count_once_for_whoever_knew_first(self, office: Office):
        first = office.report(by=force_at(T002))
        office.later(minutes=1)
        second = office.report(spot("A", 60.0), channel=Channel.HOTLINE)
        office.desk.merging.merge(first, into=second, reason="the same", principal=LI)
        found = of_grid(office)
        assert (found.discovered, found.channels["patrol"].count, found.void) == (1, 1, 0)
        assert of_force(office, "YP-002").discovered == 1

    def test_however_often_they_were_merged(self, office: Office):
        merge, numbers = office.desk.merging.merge, []
        for channel, metres, by in (
            (Channel.HOTLINE, 0.0, LI),
            (Channel.PATROL, 60.0, force_at(T002)),
            (Channel.PATROL, -120.0, force_at(T002)),
        ):
            numbers.append(office.report(spot("A", metres), channel=channel, by=by))
            office.later(minutes=1)
        merge(numbers[0], into=numbers[1], reason="the same", principal=LI)
        merge(numbers[1], into=numbers[2], reason="the same", principal=LI)
        found = of_grid(office)
        assert (found.discovered, found.channels["hotline"].count) == (1, 1)
        assert of_force(office, "YP-002").discovered == 0, "the hotline knew first"

    def test_parts_that_ended_long_before_tell_who_knew_first(self, office: Office):
        first, between = (office.report(spot("A", metres), by=force_at(T002)) for metres in (0.0, 60.0))
        office.desk.merging.merge(first, into=between, reason="the same", principal=LI)
        office.through(between, "accept", "arrive", "done", "check", "close")
        office.later(days=1)
        kept = office.report(spot("A", -120.0), channel=Channel.PUBLIC, by=CITIZEN)
        judged = office.casebook.read(lambda book: book.cases_to_judge(NEXT.since, NEXT.until))
        assert judged == [kept]
        office.through(kept, "file", "accept", "arrive", "done", "check", "close")
        office.desk.merging.merge(between, into=kept, reason="the same", principal=LI)
        judged = office.casebook.read(lambda book: book.cases_to_judge(NEXT.since, NEXT.until))
        assert sorted(judged) == sorted([first, between, kept])

    def test_a_refused_case_is_a_false_alarm_and_a_void_one_is_void(self, office: Office):
        office.desk.take(sighting("s1", spot("A")), principal=PIPELINE)
        seen = office.casebook.cases(CaseFilter()).cases[0].number
        office.act(seen, "reject")
        void = office.report(spot("A", 100.0))
        office.act(void, "void", by=WANG)
        office.report(spot("A", -120.0))
        found = of_grid(office)
        assert (found.discovered, found.void) == (1, 1)
        assert (found.false_alarms.count, found.false_alarms.of) == (1, 2)

    def test_a_refusal_that_an_appeal_undid_is_no_false_alarm(self, office: Office):
        parts = {"site": office.site, "casebook": office.casebook, "clock": office.clock}
        front = FrontDesk(desk=office.desk, **parts)
        office.casebook.write(
            lambda tx: tx.add_printed_place(PrintedPlace(code="PLACE1", name="x", lonlat=spot("A", 50.0), made_at=NOON))
        )
        told = front.report_at("PLACE1", category=PARKED, description="a car")
        office.act(str(told.number), "reject")
        front.appeal(str(told.receipt), "it is there")
        assert (of_grid(office).false_alarms.count, of_grid(office).discovered) == (1, 0)
        anew = front.decide_appeal(str(told.number), uphold=True, reason="it is", principal=WANG)
        assert anew is not None
        found = of_grid(office)
        assert (found.false_alarms.count, found.false_alarms.of, found.discovered) == (0, 1, 1)

    def test_what_was_handled_and_then_said_to_be_false_is_a_false_alarm(self, office: Office):
        number = office.report()
        office.through(number, "accept", "arrive", "done")
        office.desk.trust.say_false(number, FalseReason.NOTHING_THERE, principal=LI)
        assert of_grid(office).false_alarms.count == 1


class TestClosure:
    def test_closed_handled_and_overdue_are_what_should_be_closed(self, office: Office):
        closed(office)
        office.through(office.report(spot("A", 60.0)), "accept", "arrive", "done")
        office.report(spot("A", -120.0))
        assert of_grid(office).overdue == 1, "its four hours end within the period"
        early = JudgedPeriod(since=DAY.since, until=NOON + timedelta(hours=1))
        office.later(minutes=1)
        found = of_grid(office, early)
        assert (found.closed, found.handled, found.overdue) == (1, 1, 0)
        office.later(days=2)
        found = of_grid(office)
        assert (found.closed, found.handled, found.overdue) == (1, 1, 1)
        assert (found.closure.count, found.closure.of) == (1, 3)
        assert (found.on_time.count, found.on_time.of) == (2, 3)

    def test_an_overdue_case_weighs_in_every_period_until_it_is_handled(self, office: Office):
        number = office.report()
        office.later(days=3)
        assert [of_grid(office, each).overdue for each in (DAY, NEXT)] == [1, 1]
        office.through(number, "accept", "arrive", "done", "check", "close")
        last = JudgedPeriod(since=NEXT.until, until=NEXT.until + timedelta(days=3))
        found = of_grid(office, last)
        assert (found.closed, found.overdue, found.on_time.count, found.on_time.of) == (1, 0, 0, 1)

    def test_a_suspended_case_is_not_overdue_and_its_time_goes_on_where_it_stood(self, office: Office):
        number = office.report()
        office.later(hours=3)
        office.act(number, "suspend")
        office.later(hours=30)
        assert (of_grid(office).overdue, of_grid(office, NEXT).overdue) == (0, 0)
        office.act(number, "resume")
        office.later(minutes=59)
        office.through(number, "accept", "arrive", "done")
        found = of_grid(office, NEXT)
        assert (found.handled, found.on_time.count) == (1, 1)

    def test_an_extension_counts(self, office: Office):
        number = office.report()
        office.through(number, "accept")
        office.act(number, "ask-extension", by=force_at(T001), more=2.0)
        office.act(number, "extend", by=LI)
        office.later(hours=5)
        office.through(number, "arrive", "done")
        assert of_grid(office).on_time.count == 1

    def test_a_reopened_case_counts_by_its_newest_round(self, office: Office):
        number = closed(office)
        office.later(hours=1)
        office.act(number, "reopen")
        office.later(hours=30)
        found = of_grid(office)
        assert (found.closed, found.overdue) == (0, 1)
        assert of_force(office).workload.handled == 1, "the work that was done stays done"

    def test_unhandled_and_held_by_nobody_counts_for_no_force(self, office: Office):
        number = office.report()
        office.through(number, "accept", "return")
        office.later(days=1)
        assert of_grid(office).overdue == 1
        assert of_force(office).overdue == 0
        assert of_force(office).workload.returned == 1
        assert figures(office, SubjectKind.DEPARTMENT, "traffic-police").overdue == 1


class TestRework:
    def test_it_is_charged_to_whoever_was_sent_back(self, office: Office):
        number = office.report()
        office.through(number, "accept", "arrive", "done", "rework")
        office.act(number, "dispatch", terminal=T002)
        office.through(number, "accept", "arrive", "done", "check", "close")
        first, second = of_force(office, "YP-001"), of_force(office, "YP-002")
        assert (first.rework.count, first.rework.of, first.closed) == (1, 1, 0)
        assert (second.rework.count, second.rework.of, second.closed) == (0, 1, 1)
        found = of_grid(office)
        assert (found.rework.count, found.rework.of, found.workload.handled) == (1, 1, 2)

    def test_what_is_sent_back_in_the_next_period_counts_there(self, office: Office):
        office.later(hours=19)
        number = office.report()
        office.through(number, "accept", "arrive", "done")
        office.later(hours=2)
        office.act(number, "rework")
        office.act(number, "dispatch", terminal=T002)
        office.through(number, "accept", "arrive", "done", "check", "close")
        told = [of_force(office, "YP-001", period) for period in (DAY, NEXT)]
        assert [(each.rework.count, each.rework.of) for each in told] == [(0, 1), (1, 1)]
        assert [each.workload.handled for each in told] == [1, 0]


class TestUrgent:
    def test_arrival_and_first_result_by_the_clock_that_ran(self, office: Office):
        number = office.report(urgent=True)
        office.later(minutes=5)
        office.act(number, "suspend")
        office.later(hours=2)
        office.act(number, "resume")
        office.later(minutes=9)
        office.through(number, "accept", "arrive")
        office.later(minutes=50)
        office.through(number, "first-result")
        found = of_grid(office)
        assert (found.arrival.in_time.count, found.arrival.p50_s) == (1, 14 * 60)
        assert (found.first_result.in_time.count, found.first_result.in_time.of, found.first_result.p50_s) == (
            0,
            1,
            64 * 60,
        )

    def test_one_that_nobody_attended_is_late(self, office: Office):
        office.report(urgent=True)
        found = of_grid(office)
        assert (found.arrival.in_time.count, found.arrival.in_time.of, found.arrival.p50_s) == (0, 1, None)
        assert of_force(office).arrival.in_time.of == 1, "whoever holds it answers"
        early = JudgedPeriod(since=DAY.since, until=NOON + timedelta(minutes=10))
        assert of_grid(office, early).arrival.in_time.of == 0


class TestWork:
    def test_a_lent_force_and_an_offer_that_was_let_pass(self, office: Office):
        number = office.report()
        office.later(hours=2)
        office.desk.pass_over()
        office.act(number, "dispatch", terminal=T003)
        office.through(number, "accept", "arrive", "done")
        passed, lent = of_force(office, "YP-001").workload, of_force(office, "YP-003").workload
        assert (passed.offers, passed.unanswered, passed.handled, passed.steps) == (1, 1, 0, 0)
        assert (lent.handled, lent.lent, lent.steps) == (1, 1, 3)
        assert of_grid(office).workload.lent == 1
        assert figures(office, SubjectKind.GRID, "YP-B").workload.handled == 0, "the case is the grid's it lies in"

    def test_the_busiest_s_share(self, office: Office):
        closed(office)
        closed(office, at=spot("A", 60.0))
        number = office.report(spot("A", -120.0))
        office.act(number, "dispatch", terminal=T010)
        office.through(number, "accept", "arrive", "done")
        busiest = of_grid(office).workload.busiest
        assert busiest is not None
        assert (busiest.count, busiest.of) == (2, 3)


class TestReproducible:
    def test_what_happens_later_changes_no_period_that_is_over(self, office: Office):
        numbers = [closed(office), office.report(spot("A", 60.0)), office.report(spot("B"))]
        office.later(days=1)
        before = desk(office).figures(Wanted(period=DAY, by=SubjectKind.GRID), principal=LI).rows
        office.act(numbers[0], "reopen")
        office.act(numbers[1], "void", by=WANG)
        office.desk.merging.merge(office.report(spot("B", 80.0)), into=numbers[2], reason="same", principal=LI)
        office.later(days=9)
        assert desk(office).figures(Wanted(period=DAY, by=SubjectKind.GRID), principal=LI).rows == before

    def test_a_book_of_before_is_told_by_the_catalogue(self, office: Office):
        number = office.report()
        entry = office.casebook.read(lambda book: book.entries_of([number]))[number][0]
        assert entry.event.details["due"] == (NOON + timedelta(hours=4)).isoformat()
        bare = replace(entry.event, details={k: v for k, v in entry.event.details.items() if k != "due"})
        from pipeline.case_story import Cut, tell

        cut = Cut(until=DAY.until, through=10**6)
        assert tell([bare], cut, site=office.site) == tell([entry.event], cut, site=office.site)


class TestPublished:
    def publish(self, office: Office, scope: str = "subdistrict", by: SubjectKind = SubjectKind.UNIT) -> int:
        return desk(office).publish(DAY, by=by, scope=scope, principal=WANG).number

    def test_it_is_frozen_and_can_be_computed_again(self, office: Office):
        number = closed(office)
        office.later(days=1)
        first = self.publish(office)
        rows = desk(office).publication(first, principal=LI).rows()
        office.act(number, "reopen")
        office.later(days=5)
        again = desk(office).publication(first, principal=LI)
        assert again.rows() == rows
        assert again.entry.content["through"] == 8
        assert desk(office).recomputed(first, principal=LI) == []

    def test_only_a_period_that_is_over_by_an_administrator(self, office: Office):
        with pytest.raises(NotOverError, match="is not over"):
            self.publish(office)
        office.later(days=1)
        with pytest.raises(RefusedError):
            desk(office).publish(DAY, by=SubjectKind.UNIT, scope="all", principal=LI)
        for scope, error in (("grid:X", UnknownError), ("everyone", ScopeError), ("grid:", ScopeError)):
            with pytest.raises(error):
                self.publish(office, scope)
        with pytest.raises(PersonsShownError, match="people's"):
            self.publish(office, "all", SubjectKind.FORCE)

    def test_only_those_in_its_scope_see_it(self, office: Office):
        closed(office)
        office.later(days=1)
        grid, all_, sub = (self.publish(office, scope) for scope in ("grid:YP-A", "all", "subdistrict"))
        east = Principal(name="east", role=Role.DISPATCHER, grids=frozenset({"YP-B"}))
        sees = {
            "force of A": (force_at(T001), {grid, all_, sub}),
            "force of B": (force_at(T003), {all_, sub}),
            "desk of B": (east, {all_, sub}),
            "whole desk": (LI, {grid, all_, sub}),
            "citizen": (CITIZEN, {all_}),
            "public": (None, {all_}),
        }
        for who, (principal, expected) in sees.items():
            assert {e.number for e in desk(office).publications(principal=principal)} == expected, who
            for number in {grid, all_, sub} - expected:
                with pytest.raises(UnknownError):
                    desk(office).publication(number, principal=principal)
        rows = desk(office).publication(grid, principal=LI).rows()
        assert [row["figures"]["subject"] for row in rows] == ["A1", "A2"]

    def test_an_appeal_is_decided_by_somebody_else_and_corrected_by_a_new_entry(self, office: Office):
        good, bad = closed(office), office.report(spot("A", -60.0))
        office.later(days=1)
        number = self.publish(office)
        unit = office.case(bad).unit
        head = replace(HEAD, speaks_for=frozenset({f"unit:{unit}"}))
        before = desk(office).publication(number, principal=LI).rows()
        with pytest.raises(NotJudgedError, match="does not speak for"):
            desk(office).appeal(number, subject=unit, words="not ours", principal=force_at(T001))
        appeal = desk(office).appeal(number, subject=unit, words="the road is the city's", principal=head)
        with pytest.raises(AppealClosedError, match="looked at once"):
            desk(office).appeal(number, subject=unit, words="again", principal=LI)
        assert [each.number for each in desk(office).open_appeals(principal=LI)] == [appeal.number]
        with pytest.raises(OwnJudgementError, match="published the figures"):
            desk(office).decide(appeal.number, uphold=True, reason="true", without=[bad], principal=WANG)
        with pytest.raises(UnknownError):
            desk(office).decide(appeal.number, uphold=True, reason="true", without=["X"], principal=SUN)
        with pytest.raises(LimitError, match="one case at least"):
            desk(office).decide(appeal.number, uphold=True, reason="true", principal=SUN)
        told = desk(office).decide(appeal.number, uphold=True, reason="true", without=[bad], principal=SUN)
        assert [each.kind for each in told] == [EntryKind.UPHELD, EntryKind.CORRECTION]
        assert told[1].content["corrects"] == number
        with pytest.raises(AppealClosedError, match="decided before"):
            desk(office).decide(appeal.number, uphold=False, reason="no", principal=SUN)
        published = desk(office).publication(number, principal=LI)
        assert [row["figures"] for row in published.entry.content["rows"]] == [row["figures"] for row in before]
        stands = {row["figures"]["subject"]: row for row in published.rows()}
        assert (stands[unit]["figures"]["overdue"], stands[unit]["entry"]) == (0, told[1].number)
        assert good not in told[1].content["without"]
        with pytest.raises(SameFiguresError, match="stay as they stand"):
            desk(office).correct(number, subject=unit, without=[bad], reason="again", principal=WANG)
        more = desk(office).correct(number, subject=unit, without=[good], reason="a test", principal=WANG)
        assert (more.content["corrects"], more.content["without"]) == (told[1].number, sorted([good, bad]))
        assert [m.payload["digest"] for m in office.casebook.outbox(limit=1000) if m.kind == "judgement"] == [
            each.digest for each in office.casebook.read(lambda book: book.judgements())
        ]

    def test_a_case_that_does_not_count_for_the_subject_corrects_nothing(self, office: Office):
        closed(office)
        other = closed(office, at=spot("B"))
        office.later(days=1)
        number = self.publish(office, by=SubjectKind.GRID)
        with pytest.raises(SameFiguresError, match=f"without {other} the figures of YP-A"):
            desk(office).correct(number, subject="YP-A", without=[other], reason="not ours", principal=WANG)
        appeal = desk(office).appeal(number, subject="YP-A", words="not ours", principal=LI)
        with pytest.raises(SameFiguresError):
            desk(office).decide(appeal.number, uphold=True, reason="true", without=[other], principal=SUN)
        assert desk(office).open_appeals(principal=LI) == [appeal]

    def test_who_stands_in_it_for_work_lent_alone_stays_when_none_of_it_counts(self, office: Office):
        number = office.report()
        office.act(number, "dispatch", terminal=T003)
        office.through(number, "accept", "arrive", "done", "check", "close")
        office.later(days=1)
        first = self.publish(office, "grid:YP-A", SubjectKind.FORCE)
        appeal = desk(office).appeal(first, subject="YP-003", words="it was not ours", principal=LI)
        entry = desk(office).decide(appeal.number, uphold=True, reason="true", without=[number], principal=SUN)[1]
        told = {row["figures"]["subject"]: row for row in desk(office).publication(first, principal=LI).rows()}
        assert (told["YP-003"]["entry"], told["YP-003"]["figures"]["closed"]) == (entry.number, 0)
        assert told["YP-003"]["figures"]["workload"]["handled"] == 0
        assert desk(office).recomputed(first, principal=LI) == []

    def test_whoever_reaches_some_grids_only_publishes_corrects_and_upholds_nothing(self, office: Office):
        number = closed(office)
        office.later(days=1)
        first = self.publish(office, by=SubjectKind.GRID)
        appeal = desk(office).appeal(first, subject="YP-A", words="not ours", principal=LI)
        west = replace(SUN, grids=frozenset({"YP-A"}))
        refused = "Sun may not {}, which holds for the whole site; its grids: YP-A"
        with pytest.raises(WholeSiteError, match=refused.format("publish figures")):
            desk(office).publish(DAY, by=SubjectKind.GRID, scope="grid:YP-A", principal=west)
        with pytest.raises(WholeSiteError, match=refused.format("correct figures")):
            desk(office).correct(first, subject="YP-A", without=[number], reason="not ours", principal=west)
        with pytest.raises(WholeSiteError, match=refused.format("uphold an appeal")):
            desk(office).decide(appeal.number, uphold=True, reason="true", without=[number], principal=west)
        assert len(office.casebook.read(lambda book: book.judgements())) == 2
        decided = desk(office).decide(appeal.number, uphold=False, reason="it stands", principal=west)
        assert [each.kind for each in decided] == [EntryKind.DISMISSED]

    def test_corrections_are_computed_again_too(self, office: Office):
        number = closed(office)
        office.later(days=1)
        first = self.publish(office, by=SubjectKind.GRID)
        entry = desk(office).correct(first, subject="YP-A", without=[number], reason="not ours", principal=WANG)
        assert desk(office).recomputed(first, principal=LI) == []
        content = {**entry.content, "row": {**entry.content["row"], "score": None}}
        with writing(office.casebook._engine) as connection:
            own = t.judgements.c.number == entry.number
            kept = connection.execute(t.judgements.select().where(own)).mappings().one()
            connection.execute(update(t.judgements).where(own).values(content=canonical(content)))
        assert desk(office).recomputed(first, principal=LI) == ["YP-A"]
        with writing(office.casebook._engine) as connection:
            connection.execute(update(t.judgements).where(own).values(content=kept["content"]))

    def test_two_who_decide_at_once_decide_once(self, office: Office):
        closed(office)
        office.later(days=1)
        number = self.publish(office)
        appeal = desk(office).appeal(number, subject="A1", words="no", principal=HEAD)
        deciders = [replace(SUN, name=f"Sun {each}") for each in range(6)]

        def decided(who: Principal) -> bool:
            try:
                desk(office).decide(appeal.number, uphold=False, reason="it stands", principal=who)
            except AppealClosedError:
                return False
            return True

        with ThreadPoolExecutor(6) as threads:
            assert sum(threads.map(decided, deciders)) == 1
        assert len(desk(office).publication(number, principal=LI).trace) == 2

    def test_too_late_and_dismissed(self, office: Office):
        closed(office)
        office.later(days=1)
        number = self.publish(office)
        appeal = desk(office).appeal(number, subject="A1", words="no", principal=HEAD)
        with pytest.raises(RefusedError):
            desk(office).decide(appeal.number, uphold=False, reason="it stands", principal=CHEN)
        decided = desk(office).decide(appeal.number, uphold=False, reason="it stands", principal=SUN)
        assert [each.kind for each in decided] == [EntryKind.DISMISSED]
        assert desk(office).open_appeals(principal=LI) == []
        office.later(days=20)
        with pytest.raises(AppealClosedError, match="more than 14 days"):
            desk(office).appeal(number, subject="A2", words="too late", principal=LI)

    def test_tampering_is_found(self, office: Office):
        office.later(days=1)
        first, second = self.publish(office), self.publish(office, "all")
        engine, own = office.casebook._engine, t.judgements.c.number == first
        with writing(engine) as connection:
            rows = connection.execute(t.judgements.select().order_by(t.judgements.c.number)).mappings().all()
        for column, value in {"actor": "nobody", "content": "{}", "scope": "all", "at": 1, "role": "analyst"}.items():
            with writing(engine) as connection:
                connection.execute(update(t.judgements).where(own).values({column: value}))
            found = [str(each) for each in verify(office.casebook).flaws]
            assert found == ["judgement 1: was changed after it was stored"], column
            with writing(engine) as connection:
                connection.execute(update(t.judgements).where(own).values({column: rows[0][column]}))
        with writing(engine) as connection:
            connection.execute(delete(t.judgements).where(t.judgements.c.number == second))
        assert "judgements 2 to 2 are gone" in str(verify(office.casebook).flaws[0])
        with writing(engine) as connection:
            connection.execute(t.judgements.insert().values(**rows[1]))


def test_few_cases_get_no_score_and_say_so(office: Office) -> None:
    for place in range(10):
        closed(office, at=spot("A", -200.0 + 40.0 * place), urgent=True)
        office.later(minutes=1)
    settings, found = office.site.settings, of_grid(office)
    told = score(found, JudgingPolicy(), targets=settings.targets, public_is_proactive=False)
    assert told.value == pytest.approx(100.0)
    assert (told.weight, told.why_not) == (1.0, "")
    few = score(of_force(office, "YP-010"), JudgingPolicy(), targets=settings.targets, public_is_proactive=False)
    assert few.value is None
    assert few.why_not.startswith("no score, fewer than 10 cases: proactive (0)")


def test_periods_are_local_and_bounded(office: Office) -> None:
    calendar = office.site.settings.calendar
    day = NOON.date()
    assert period_of(Span.DAY, day, calendar).since == NOON - timedelta(hours=12)
    assert period_of(Span.WEEK, day, calendar).until - period_of(Span.WEEK, day, calendar).since == timedelta(days=7)
    assert period_of(Span.MONTH, day, calendar).until == NOON + timedelta(days=7, hours=12)
    for wrong in (NOON, NOON - timedelta(1), NOON + timedelta(days=401)):
        with pytest.raises(PeriodError):
            JudgedPeriod(since=NOON, until=wrong)
    for span in Span:
        for day in (date.min, date.max):
            with pytest.raises(FarTimeError, match="years 2 to 9998"):
                period_of(span, day, calendar)
