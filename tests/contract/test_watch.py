"""The watch on both databases: each step of a duty clock comes once, in order and at its own time."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from life_office import CHEN, LI, T001, T002, Office
from small_site import NOON, PARKED, category, force_at, spot
from sqlalchemy import text

from pipeline.cases import Channel, Status
from pipeline.catalogue import Catalogue, DeadlineUnit
from pipeline.duty_clocks import DeadlineError
from pipeline.escalation_policy import USUAL, EscalationPolicy, Step
from pipeline.keeper import Keeper
from pipeline.reports import Report, Ticket
from pipeline.site import Site
from pipeline.sql_engine import writing
from pipeline.verification import verify


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    office = Office(database_url, tmp_path)
    yield office
    office.close()


class TestWatch:
    def test_steps_come_once_in_order_after_a_pause_of_weeks(self, office: Office):
        numbers = [office.report(spot("A", 40.0 * i), urgent=i % 2 == 0) for i in range(3)]
        office.later(days=20)
        beside = office.beside()
        found: list[list[object]] = [[], []]
        watches = (office.watch, beside.watch)
        threads = [threading.Thread(target=lambda i=i: found[i].extend(watches[i].fire_due())) for i in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        beside.close()
        fired = [each for part in found for each in part]
        # 7 steps for each of: handle of three, arrive and first result of the two urgent ones.
        assert len(fired) == 7 * (3 + 2 * 2)
        assert len({(f.case, f.clock, f.round, f.step) for f in fired}) == len(fired)
        dues = [e.details["due_at"] for e in office.casebook.events_after(0, limit=1000) if e.action == "clock"]
        assert dues == sorted(dues)
        assert all(office.case(number).level == 5 for number in numbers)
        assert office.watch.fire_due() == []
        assert verify(office.casebook, pictures=office.evidence.open).flaws == ()

    def test_each_level_hears_at_its_own_time(self, office: Office):
        number = office.report(urgent=True)
        heard = []
        for minute in range(1, 46):
            office.later(minutes=1)
            heard += [
                (minute, each.step.value, each.told) for each in office.watch.fire_due() if each.clock == "arrive"
            ]
        assert heard == [
            (12, "amber", (f"terminal/{T001}",)),
            (15, "red", (f"terminal/{T001}",)),
            (15, "department", ("department/grid",)),
            (19, "deputy-chief", ("grid/YP-A/deputies",)),
            (23, "chief", ("grid/YP-A/chief",)),
            (30, "centre", ("centre",)),
            (45, "district", ("district",)),
        ]
        assert [to for to, told in office.sent("escalation") if told["clock"] == "arrive"] == [
            told[0] for _, step, told in heard if step not in {"amber", "red"}
        ]
        assert office.case(number).level == 5

    @pytest.mark.parametrize(
        ("left_min", "told"),
        [
            # Four hours are usual. Late already: lit at once, and each level hears a share of those four later.
            (-2_880, ((0, "amber"), (0, "red"), (0, "department"), (60, "deputy-chief"), (120, "chief"))),
            # Half an hour left: most of the usual time counts as gone, so that the first lamp is lit at once.
            (30, ((0, "amber"), (30, "red"), (30, "department"), (90, "deputy-chief"), (150, "chief"))),
            # More than usual: the ticket's own time.
            (600, ((480, "amber"), (600, "red"), (600, "department"), (750, "deputy-chief"), (900, "chief"))),
        ],
    )
    def test_a_ticket_with_little_or_no_time_left_climbs_by_the_usual_time(
        self, office: Office, left_min: int, told: tuple[tuple[int, str], ...]
    ):
        start, due_at = office.clock.at, office.clock.at + timedelta(minutes=left_min)
        ticket = Ticket(source="12345", number="Q1", due_at=due_at)
        sent = Report(channel=Channel.HOTLINE, category=PARKED, lonlat=spot("A"), occurred_at=start, ticket=ticket)
        number = str(office.desk.report(sent, principal=LI).number)
        heard = []
        for minute in range(0, 910, 30):
            office.clock.at = start + timedelta(minutes=minute)
            heard += [(minute, each.step.value) for each in office.watch.fire_due()]
        assert tuple(heard[:5]) == told
        assert office.case(number).ticket_due == due_at, "judging goes by the ticket's own deadline"
        assert verify(office.casebook, pictures=office.evidence.open).flaws == ()

    def test_a_sooner_ticket_moves_the_clock_of_a_known_case(self, office: Office):
        number = office.report()
        ticket = Ticket(source="12345", number="Q1", due_at=office.clock.at + timedelta(minutes=30))
        sent = Report(
            channel=Channel.HOTLINE, category=PARKED, lonlat=spot("A"), occurred_at=office.clock.at, ticket=ticket
        )
        assert office.desk.report(sent, principal=LI).number == number
        assert [each.step for each in office.watch.fire_due()] == ["amber"]
        office.later(minutes=31)
        assert [each.step for each in office.watch.fire_due()] == ["red", "department"]
        office.later(minutes=28)
        assert office.watch.fire_due() == []

    def test_who_arrives_in_time_is_told_nothing(self, office: Office):
        number = office.report(urgent=True)
        office.later(minutes=10)
        office.through(number, "accept", "arrive", "first-result", "done", "check", "close")
        office.later(days=9)
        assert office.watch.fire_due() == []
        assert office.sent("lamp") + office.sent("escalation") == []

    def test_a_book_of_before_gets_clocks_once(self, office: Office):
        number = office.report()
        with writing(office.casebook._engine) as connection:
            connection.execute(text("DELETE FROM clocks"))
        assert office.watch.adopt() == 1
        assert office.watch.adopt() == 0
        office.later(hours=4)
        assert [each.step for each in office.watch.fire_due()] == ["amber", "red", "department"]
        assert office.case(number).level == 1

    def test_a_corrected_calendar_moves_what_is_due(self, office: Office):
        kinds = {PARKED: category(PARKED, deadline_unit=DeadlineUnit.WORK_HOUR)}
        office.site = replace(office.site, catalogue=Catalogue(by_key=kinds))
        before = Office(office.url, office.folder, office.clock, office.site)
        number = before.report()
        due = before.casebook.read(lambda book: book.clocks_of(number))[0].next_at
        free = replace(
            office.site.settings,
            calendar=replace(office.site.settings.calendar, free=frozenset({NOON.date()})),
        )
        corrected: Site = replace(office.site, settings=free)
        after = Office(office.url, office.folder, office.clock, corrected)
        assert after.watch.adopt() == 1
        assert after.casebook.read(lambda book: book.clocks_of(number))[0].next_at > due + timedelta(hours=12)
        before.close()
        after.close()

    def test_a_step_that_no_calendar_reaches_is_none_and_holds_nothing_up(
        self, office: Office, caplog: pytest.LogCaptureFixture
    ):
        kinds = {PARKED: category(PARKED, deadline_value=7.0, deadline_unit=DeadlineUnit.WORK_DAY)}
        far = EscalationPolicy(general={**USUAL, Step.DISTRICT: 1_000.0})
        settings = replace(office.site.settings, escalation=far)
        site = replace(office.site, settings=settings, catalogue=Catalogue(by_key=kinds))
        never = Office(office.url, office.folder, office.clock, site)
        number, longer = never.report(), never.report(spot("B"))
        never.through(longer, "accept")
        never.act(longer, "ask-extension", by=force_at(str(never.case(longer).terminal)), more=7.0)
        never.act(longer, "extend", by=CHEN)
        never.later(days=60)
        fired = [each.step.value for each in never.watch.fire_due() if each.case == number]
        assert fired == ["amber", "red", "department", "deputy-chief", "chief", "centre"]
        assert f"handle of case {number} ends with centre" in caplog.text
        assert never.case(longer).level == 4
        never.close()
        # Nearer again, the step comes: what runs is timed anew when a process starts.
        again = Office(office.url, office.folder, office.clock, replace(site, settings=office.site.settings))
        assert again.watch.adopt() == 2
        assert [each.step.value for each in again.watch.fire_due()] == ["district"] * 2
        again.prove()
        again.close()

    def test_what_a_clock_ahead_has_dated_is_not_waited_for(self, office: Office):
        policy = replace(office.site.settings.dispatch, offer_timeout_urgent_s=60.0, batch_s=60.0, rest_s=600.0)
        site = replace(office.site, settings=replace(office.site.settings, dispatch=policy))
        ahead = Office(office.url, office.folder, office.clock, site)
        ahead.later(days=1)
        urgent, general = ahead.report(urgent=True), ahead.report(spot("A", 150.0))
        assert ahead.case(general).status is Status.FILED, "gathered with others"
        for terminal in (T001, T002):
            assert ahead.desk.move(terminal, spot("A"), at=ahead.clock.at, principal=force_at(terminal))
        first = ahead.case(urgent).terminal
        ahead.later(days=-1)
        assert ahead.desk.pass_over() == [urgent]
        assert ahead.case(urgent).terminal not in {None, first}
        assert ahead.desk.retry_undispatched() == [general]
        for terminal in (T001, T002):
            assert ahead.desk.move(terminal, spot("A"), at=ahead.clock.at, principal=force_at(terminal))
            assert ahead.casebook.terminals()[terminal].positioned_at == ahead.clock.at
        assert verify(ahead.casebook, pictures=ahead.evidence.open).flaws == ()
        ahead.close()

    def test_a_watch_that_fails_keeps_nothing_else_from_being_done(
        self, office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ):
        def fail() -> None:
            raise DeadlineError("no calendar reaches it")

        number = office.report(urgent=True)
        monkeypatch.setattr(office.watch, "fire_due", fail)
        office.later(hours=2)
        passed, _ = Keeper(office.desk, watch=office.watch).once()
        assert passed == [number]
        assert "no calendar reaches it" in caplog.text
        assert office.casebook.read(lambda book: book.newest_anchor()) is not None
