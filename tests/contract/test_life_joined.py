"""Where a case's life meets merging, tickets, retention, appeals and grids not switched on yet, on both databases.

After each test the whole record is proved: each case is what its events add up to, and its clocks say what it says.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from life_office import CHEN, LI, T001, T003, WANG, Office, life_site
from small_site import CITIZEN, INGEST, JPEG, LITTER, NOON, PARKED, Scenes, force_at, sighting, spot
from sqlalchemy import delete

from pipeline import sql_tables as t
from pipeline.admission import Taken
from pipeline.backup import back_up, restore
from pipeline.case_story import Cut, tell
from pipeline.casebook import Evidence
from pipeline.cases import Case, Channel, IllegalStepError, Status
from pipeline.catalogue import Again, Catalogue
from pipeline.desk import Desk
from pipeline.dispatch import Dispatch
from pipeline.duty_clocks import closing_due
from pipeline.duty_pattern import Rollout
from pipeline.erasure import Erasable, Wanted
from pipeline.evidence import EvidenceStore
from pipeline.front_desk import FrontDesk
from pipeline.keeping import EvidencePolicy
from pipeline.merging import CannotSplitError
from pipeline.reports import Report, Ticket
from pipeline.safe import Safe
from pipeline.sightings import View
from pipeline.sql_engine import open_engine, writing
from pipeline.trust import FalseReason


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    office = Office(database_url, tmp_path)
    yield office
    office.prove()
    office.close()


def ticket(office: Office, *, hours: float, number: str = "Q1", urgent: bool = False) -> Report:
    known = Ticket(source="12345", number=number, urgent=urgent, due_at=office.clock.at + timedelta(hours=hours))
    return Report(
        channel=Channel.HOTLINE, category=PARKED, lonlat=spot("A"), occurred_at=office.clock.at, ticket=known
    )  # fmt: skip


def running(office: Office, number: str) -> list[str]:
    found = office.casebook.read(lambda book: book.clocks_of(number))
    return [clock.name.value for clock in found if clock.stopped_at is None]


class TestTickets:
    def test_a_ticket_s_deadline_is_the_clock_s(self, office: Office):
        number = str(office.desk.report(ticket(office, hours=10), principal=LI).number)
        assert closing_due(office.case(number), office.site) == NOON + timedelta(hours=10)
        office.later(hours=8)
        assert [each.step.value for each in office.watch.fire_due()] == ["amber"]

    def test_a_sooner_ticket_moves_the_clock_of_a_known_case_and_makes_it_urgent(self, office: Office):
        number = office.report()
        office.later(minutes=10)
        raised = office.desk.report(ticket(office, hours=2, urgent=True), principal=LI)
        assert (raised.outcome, raised.number) == ("attach", number)
        case = office.case(number)
        assert (case.urgent, case.arrive_by) == (True, office.clock.at + timedelta(minutes=15))
        assert closing_due(case, office.site) == office.clock.at + timedelta(hours=2)
        assert running(office, number) == ["arrive", "first-result", "handle"]
        office.prove()
        office.later(minutes=100)
        assert "handle" in {each.clock.value for each in office.watch.fire_due()}

    def test_an_extension_stays_unless_the_ticket_is_sooner(self, office: Office):
        number = office.report()
        office.act(number, "ask-extension", by=force_at(T001), more=2.0)
        office.act(number, "extend", by=CHEN)
        assert closing_due(office.case(number), office.site) == NOON + timedelta(hours=6)
        office.desk.report(ticket(office, hours=9), principal=LI)
        assert closing_due(office.case(number), office.site) == NOON + timedelta(hours=6)
        office.desk.report(ticket(office, hours=3, number="Q2"), principal=LI)
        assert closing_due(office.case(number), office.site) == NOON + timedelta(hours=3)

    def test_an_extension_of_a_ticket_s_time_is_measured_by_the_ticket(self, office: Office):
        number = str(office.desk.report(ticket(office, hours=10), principal=LI).number)
        office.act(number, "ask-extension", by=force_at(T001), more=9.0)
        office.act(number, "extend", by=CHEN)
        assert closing_due(office.case(number), office.site) == NOON + timedelta(hours=19)

    def test_clocks_that_an_older_release_did_not_keep_are_those_that_the_case_names(self, office: Office):
        number = office.report()
        office.later(minutes=10)
        office.desk.report(ticket(office, hours=2, urgent=True), principal=LI)
        engine = open_engine(office.url)
        with writing(engine) as connection:
            connection.execute(delete(t.clocks))
        engine.dispose()
        assert office.watch.adopt() == 3
        assert running(office, number) == ["arrive", "first-result", "handle"]


class TestStoppedBeforeAnybodyLooked:
    """Nobody looked at the clocks for five hours; then something stops them. See decision 218."""

    LATE = ("amber", "red", "department", "deputy-chief")

    def late_steps(self, office: Office, number: str, *, after: str = "clock") -> list[str]:
        events = office.casebook.events(number)
        assert {event.at for event in events if event.action == "clock"} == {office.clock.at}
        assert [event.action for event in events].index(after) > [event.action for event in events].index("clock")
        return [str(event.details["step"]) for event in events if event.action == "clock"]

    @pytest.mark.parametrize("step", ["suspend", "done", "reject", "void", "self-handle"])
    def test_what_was_due_by_then_is_told_before_the_step(self, office: Office, step: str):
        number = office.report()
        if step != "self-handle":
            office.through(number, "accept", "arrive")
        office.later(hours=5)
        office.act(number, step, by=WANG)
        assert tuple(self.late_steps(office, number, after=step)) == self.LATE
        assert office.case(number).level == 2
        assert [told["step"] for _, told in office.sent("lamp")] == ["amber", "red"]
        office.later(days=3)
        assert office.watch.fire_due() == []

    def test_what_has_arrived_hears_of_its_arrival_alone(self, office: Office):
        number = office.report(urgent=True)
        office.through(number, "accept")
        office.later(minutes=16)
        office.act(number, "arrive", by=force_at(T001))
        told = [event.details for event in office.casebook.events(number) if event.action == "clock"]
        assert [(each["clock"], each["step"]) for each in told] == [
            ("arrive", "amber"), ("arrive", "red"), ("arrive", "department")
        ]  # fmt: skip

    def test_before_it_becomes_part_of_another(self, office: Office):
        kept, gone = office.report(), office.report(spot("A", 150.0))
        office.later(hours=5)
        office.desk.merging.merge(gone, into=kept, reason="the same", principal=LI)
        assert tuple(self.late_steps(office, gone, after="merge")) == self.LATE
        assert {each.case for each in office.watch.fire_due()} == {kept}

    def test_before_an_extension_or_a_sooner_ticket_begins_another_round(self, office: Office):
        extended, sooner = office.report(spot("A", 150.0)), office.report()
        office.act(extended, "ask-extension", by=force_at(str(office.case(extended).terminal)), more=2.0)
        office.later(hours=3.5)
        office.act(extended, "extend", by=CHEN)
        office.desk.report(ticket(office, hours=0.1), principal=LI)
        for number in (extended, sooner):
            told = [event.details for event in office.casebook.events(number) if event.action == "clock"]
            assert [(each["step"], each["round"]) for each in told] == [("amber", 1)]

    def test_when_a_force_or_the_desk_says_that_it_was_false(self, office: Office):
        number = office.report()
        office.later(hours=5)
        office.desk.trust.say_false(number, FalseReason.NOTHING_THERE, principal=LI)
        assert tuple(self.late_steps(office, number, after="reject")) == self.LATE

    def test_an_extension_that_lapsed_meanwhile_is_not_granted(self, office: Office):
        number = office.report()
        office.act(number, "suspend")
        office.act(number, "resume")
        office.act(number, "ask-extension", more=1.0)
        office.later(days=1)
        with pytest.raises(IllegalStepError):
            office.act(number, "extend", by=CHEN)
        office.watch.fire_due()
        assert "extension-lapsed" in office.actions(number)


class TestReopened:
    def test_what_shows_again_begins_anew_as_the_desk_s_own_reopening_does(self, office: Office):
        number = office.handled_and_opened_again_by_rule()
        again = Report(channel=Channel.PATROL, category=LITTER, lonlat=spot("A"), occurred_at=office.clock.at)
        taken = office.desk.report(again, principal=LI)
        assert (taken.outcome, taken.number) == ("reopen", number)
        case = office.case(number)
        assert (case.reopened_at, case.level) == (office.clock.at, 0)
        assert case.arrive_by == office.clock.at + timedelta(minutes=15)
        assert closing_due(case, office.site) == office.clock.at + timedelta(hours=4)
        office.later(minutes=12)
        assert [(each.clock.value, each.round) for each in office.watch.fire_due()] == [("arrive", 2)]
        assert office.duty.standing(str(taken.receipt)).status is case.status

    def reopened(self, office: Office, *, ticket: Ticket | None, first: Ticket | None = None) -> Case:
        """Return a case of four hours that was handled and is reported again, by default without a ticket."""
        channel = Channel.HOTLINE if first else Channel.PATROL
        number = str(office.reported(channel=channel, ticket=first).number)
        office.through(number, "accept", "arrive", "done")
        kind = replace(office.site.catalogue.get(PARKED), again=Again.REOPEN)
        office.desk.adopt(replace(office.site, catalogue=Catalogue({**office.site.catalogue.by_key, PARKED: kind})))
        office.later(hours=1)
        channel = Channel.HOTLINE if ticket else Channel.PATROL
        again = Report(channel=channel, category=PARKED, lonlat=spot("A"), occurred_at=office.clock.at, ticket=ticket)
        assert office.desk.report(again, principal=LI).outcome == "reopen"
        return office.case(number)

    @pytest.mark.parametrize("hours", [0.5, 2.0, 30.0])
    def test_a_ticket_that_reopens_it_brings_its_own_deadline(self, office: Office, hours: float):
        due = NOON + timedelta(hours=1 + hours)
        case = self.reopened(office, ticket=Ticket(source="12345", number="Q2", due_at=due))
        assert (case.ticket_due, case.handle_by, closing_due(case, office.site)) == (due, due, due)
        office.clock.at = due - timedelta(minutes=2)
        office.watch.fire_due()
        office.later(minutes=3)
        assert ("handle", "red") in [(each.clock.value, each.step.value) for each in office.watch.fire_due()]

    def test_one_that_is_late_already_is_due_when_it_says_and_climbs_by_the_usual_time(self, office: Office):
        due = NOON - timedelta(hours=3)
        case = self.reopened(office, ticket=Ticket(source="12345", number="Q2", due_at=due))
        assert (case.ticket_due, closing_due(case, office.site)) == (due, due)
        assert [each.step.value for each in office.watch.fire_due()] == ["amber", "red", "department"]
        office.later(minutes=10)
        assert office.watch.fire_due() == []
        office.through(case.number, "accept", "arrive", "done")

    def test_an_urgent_one_makes_it_urgent(self, office: Office):
        case = self.reopened(office, ticket=Ticket(source="12345", number="Q2", urgent=True))
        assert (case.urgent, case.urgent_reason) == (True, "an urgent hotline ticket")
        assert case.arrive_by == office.clock.at + timedelta(minutes=15)
        assert running(office, case.number) == ["arrive", "first-result", "handle"]

    @pytest.mark.parametrize("by_desk", [False, True])
    def test_the_ticket_of_before_counts_no_more(self, office: Office, *, by_desk: bool):
        first = Ticket(source="12345", number="Q1", due_at=NOON + timedelta(minutes=30))
        if by_desk:
            number = str(office.reported(channel=Channel.HOTLINE, ticket=first).number)
            office.through(number, "accept", "arrive", "done", "check", "close", "reopen")
        else:
            number = self.reopened(office, ticket=None, first=first).number
        case = office.case(number)
        usual = office.clock.at + timedelta(hours=4)
        assert (case.ticket_due, closing_due(case, office.site)) == (None, usual)
        sooner = office.clock.at + timedelta(hours=2)
        ticket = Ticket(source="12345", number="Q2", due_at=sooner)
        more = Report(
            channel=Channel.HOTLINE, category=PARKED, lonlat=spot("A"), occurred_at=office.clock.at, ticket=ticket
        )
        assert office.desk.report(more, principal=LI).outcome == "attach"
        assert closing_due(office.case(number), office.site) == sooner

    def test_the_desk_s_own_reopening_added_nothing_that_could_be_split_off(self, office: Office):
        number = office.report()
        office.through(number, "accept", "arrive", "done", "check", "close", "reopen")
        event = next(each for each in office.casebook.events(number) if each.action == "reopen")
        assert office.case(number).reopened_at == event.at
        with pytest.raises(CannotSplitError):
            office.desk.merging.split(number, [event.sequence], reason="another", principal=LI)


class TestMerging:
    def test_a_merged_case_s_clocks_stand_and_go_on_when_it_is_taken_out(self, office: Office):
        kept, gone = office.report(), office.report(spot("A", 150.0))
        office.later(hours=1)
        office.desk.merging.merge(gone, into=kept, reason="the same", principal=LI)
        assert (running(office, gone), running(office, kept)) == ([], ["handle"])
        office.prove()
        office.later(hours=2)
        office.desk.merging.undo(gone, reason="two after all", principal=LI)
        assert running(office, gone) == ["handle"]
        assert closing_due(office.case(gone), office.site) == NOON + timedelta(hours=6)
        assert closing_due(office.case(kept), office.site) == NOON + timedelta(hours=4)

    def test_a_suspended_case_may_be_merged_and_taken_out(self, office: Office):
        kept, gone = office.report(), office.report(spot("A", 150.0))
        office.through(gone, "accept", "suspend")
        office.desk.merging.merge(gone, into=kept, reason="the same", principal=LI)
        office.desk.merging.undo(gone, reason="two after all", principal=LI)
        office.prove()
        assert office.act(gone, "resume").status is Status.DISPATCHED

    def test_who_reported_a_merged_case_hears_of_the_one_that_stays(self, office: Office):
        kept = office.report()
        taken = office.reported(spot("A", 150.0), by=CITIZEN, channel=Channel.PUBLIC)
        office.desk.merging.merge(str(taken.number), into=kept, reason="the same", principal=LI)
        office.through(kept, "accept")
        told = [told["action"] for to, told in office.sent("feedback") if to == f"report/{taken.receipt}"]
        assert told == ["merge", "accept"]
        assert office.duty.standing(str(taken.receipt)).status is Status.ACCEPTED

    def test_however_often_it_was_merged(self, office: Office):
        kept, between = office.report(), office.report(spot("A", 60.0))
        taken = office.reported(spot("A", 150.0), by=CITIZEN, channel=Channel.PUBLIC)
        office.desk.merging.merge(str(taken.number), into=between, reason="the same", principal=LI)
        office.desk.merging.merge(between, into=kept, reason="the same", principal=LI)
        before = len(office.sent("feedback"))
        office.through(kept, "accept", "arrive")
        told = [told["action"] for to, told in office.sent("feedback")[before:] if to == f"report/{taken.receipt}"]
        assert told == ["accept", "arrive"]

    def test_a_split_case_has_clocks_of_its_own(self, office: Office):
        number = office.report()
        seen = sighting("s1", spot("A", 3.0), when=office.clock.at)
        assert office.desk.take(seen, principal=INGEST).number == number
        entry = next(each for each in office.casebook.events(number) if each.action == "attach")
        new = office.desk.merging.split(number, [entry.sequence], reason="another", principal=LI).new
        assert running(office, new.number) == ["handle"]
        assert new.ticket_due is None

    def test_a_split_case_takes_its_ticket_s_deadline_and_the_reason_for_its_haste(self, office: Office):
        number = office.report()
        asked = ticket(office, hours=3, urgent=True)
        assert office.desk.report(asked, principal=LI).number == number
        old = office.case(number)
        entry = next(each for each in office.casebook.events(number) if each.action == "attach")
        new = office.desk.merging.split(number, [entry.sequence], reason="another", principal=LI).new
        assert (new.urgent, new.urgent_reason, new.condition) == (True, old.urgent_reason, old.condition)
        assert old.urgent_reason
        assert new.ticket_due == asked.ticket.due_at
        assert closing_due(new, office.site) == NOON + timedelta(hours=3)

    def test_a_split_case_takes_its_ticket_s_deadline_though_its_case_had_a_sooner_one(self, office: Office):
        number = office.report()
        sooner, later = ticket(office, hours=3), ticket(office, hours=9, number="Q2")
        assert {office.desk.report(each, principal=LI).number for each in (sooner, later)} == {number}
        assert office.case(number).ticket_due == sooner.ticket.due_at
        entry = [each for each in office.casebook.events(number) if each.action == "attach"][-1]
        assert office.desk.merging.split(number, [entry.sequence], reason="another", principal=LI).new.ticket_due == (
            later.ticket.due_at
        )


class TestErasing:
    def test_pictures_past_keeping_and_pictures_erased_on_request_leave_a_record_that_holds(self, office: Office):
        settings = replace(office.site.settings, evidence=EvidencePolicy(keep_days=30, keep_originals_days=10))
        store = EvidenceStore(office.folder / "evidence", safe=Safe(office.folder / "evidence.key"))
        site, parts = replace(office.site, settings=settings), {"casebook": office.casebook, "clock": office.clock}
        office.desk = Desk(site=site, evidence=store, **parts)
        numbers = []
        for index, east_m in enumerate((0.0, 150.0)):
            view = View(label="at", captured_at=office.clock.at, jpeg=JPEG + bytes([index]), original=JPEG + b"a face")
            seen = sighting(f"s{index}", spot("A", east_m), when=office.clock.at, views=(view,))
            numbers.append(str(office.desk.take(seen, principal=INGEST).number))
            office.act(numbers[-1], "reject")
        kept_too_long, asked_for = numbers
        proof = office.eraser.erase(
            Wanted(case=asked_for, what=frozenset({Erasable.PICTURES}), ground="request 9"), principal=WANG
        )
        left = sorted(path.suffix for path in (office.folder / "evidence").rglob("*") if path.is_file())
        assert (proof.pictures, left) == (1, [".jpg", ".sealed"]), "the sealed original goes with its picture"
        office.later(days=40)
        assert office.desk.retention.erase(principal=WANG).all == 2
        (gone,) = office.casebook.evidence(kept_too_long)
        assert isinstance(gone, Evidence)
        assert gone.path == ""
        office.prove()
        office.eraser.erase(
            Wanted(case=kept_too_long, what=frozenset({Erasable.PICTURES}), ground="request 10"), principal=WANG
        )
        assert office.casebook.evidence(kept_too_long) == []

    def test_a_phone_number_goes_with_the_contact(self, office: Office):
        taken = office.reported(by=CITIZEN, channel=Channel.PUBLIC, phone="021 5972 0000")
        wanted = Wanted(case=str(taken.number), what=frozenset({Erasable.CONTACT}), ground="request 11")
        proof = office.eraser.erase(wanted, principal=WANG)
        stored = office.casebook.read(lambda book: book.report(str(taken.receipt)))
        assert (stored.reachable, stored.salt) == (False, None)
        assert proof.erased == ((0, "contact", stored.contact_digest),)


def test_a_force_says_false_of_a_case_that_came_back_and_keeps_it(office: Office):
    number = office.report()
    office.through(number, "accept", "return", "dispatch", "accept")
    holder = force_at(str(office.case(number).terminal))
    after = office.desk.trust.say_false(number, FalseReason.NOTHING_THERE, principal=holder)
    assert (after.status, after.terminal) == (Status.ACCEPTED, holder.terminal)
    assert office.actions(number)[-1] == "feedback"


def test_a_backup_holds_originals_and_trials_too(office: Office, tmp_path: Path):
    store = EvidenceStore(office.folder / "evidence", safe=Safe(office.folder / "evidence.key"))
    desk = Desk(site=office.site, casebook=office.casebook, clock=office.clock, evidence=store)
    view = View(label="at", captured_at=office.clock.at, jpeg=JPEG, original=JPEG + b"a face")
    desk.take(sighting("s1", spot("A"), when=office.clock.at, views=(view,)), principal=INGEST)
    other = replace(view, jpeg=JPEG + b"2")
    desk.take(sighting("s2", spot("B"), when=office.clock.at, views=(other,), scene=Scenes.shadow), principal=INGEST)
    saved = back_up(office.url, tmp_path / "site.zip", evidence=store, now=office.clock.at)
    assert (saved.pictures, saved.missing) == (3, ())
    restore(tmp_path / "site.zip", f"sqlite:///{tmp_path / 'again.db'}", evidence=tmp_path / "again")
    there = sorted(path.suffix for path in (tmp_path / "again").rglob("*") if path.is_file())
    assert there == [".jpg", ".jpg", ".sealed"]


def test_an_appeal_is_no_step(office: Office):
    taken = office.reported(by=CITIZEN, channel=Channel.PUBLIC)
    front = FrontDesk(site=office.site, casebook=office.casebook, desk=office.desk, clock=office.clock)
    office.act(str(taken.number), "reject")
    front.appeal(str(taken.receipt), "it is still there")
    front.decide_appeal(str(taken.number), uphold=True, reason="it is", principal=CHEN)
    assert front.follow(str(taken.receipt)).anew is not None


def test_what_is_collected_before_its_grid_is_switched_on_has_no_clocks(database_url: str, tmp_path: Path):
    site = life_site()
    rollout = Rollout(otherwise=date(2027, 6, 1))
    office = Office(database_url, tmp_path, site=replace(site, settings=replace(site.settings, rollout=rollout)))
    number = office.report(urgent=True)
    assert running(office, number) == []
    assert closing_due(office.case(number), office.site) is None
    assert office.watch.adopt() == 0
    office.later(days=9)
    assert office.watch.fire_due() == []
    office.prove()
    office.close()


class TestTakenUp:
    """What was collected in May, with its grid on from June; see decision 222."""

    @pytest.fixture
    def rolling(self, database_url: str, tmp_path: Path) -> Iterator[Office]:
        site = life_site()
        rollout = Rollout(otherwise=date(2027, 6, 1))
        rolling = Office(database_url, tmp_path, site=replace(site, settings=replace(site.settings, rollout=rollout)))
        rolling.clock.at = NOON.replace(year=2027, month=5, day=20)
        yield rolling
        rolling.prove()
        rolling.close()

    def again(self, rolling: Office, *, urgent: bool = False) -> Taken:
        kind, channel = (LITTER, Channel.ALARM) if urgent else (PARKED, Channel.PATROL)
        told = Report(channel=channel, category=kind, lonlat=spot("A"), occurred_at=rolling.clock.at)
        return rolling.desk.report(told, principal=LI)

    @pytest.mark.parametrize("urgent", [True, False])
    def test_a_report_of_it_after_the_day_sends_somebody_and_starts_the_clocks(self, rolling: Office, *, urgent: bool):
        number = rolling.report(urgent=urgent)
        rolling.clock.at = NOON.replace(year=2027, month=7, day=1)
        assert rolling.desk.retry_undispatched() == []
        taken = self.again(rolling, urgent=urgent)
        assert (taken.outcome, taken.number) == ("attach", number)
        assert isinstance(taken.dispatch, Dispatch)
        case, now = rolling.case(number), rolling.clock.at
        assert case.handle_by == closing_due(case, rolling.site) == now + timedelta(hours=4)
        assert case.arrive_by == (now + timedelta(minutes=15) if urgent else None)
        assert running(rolling, number) == (["arrive", "first-result", "handle"] if urgent else ["handle"])
        rolling.later(hours=2)
        assert rolling.desk.pass_over() == [number]
        assert rolling.case(number).status is Status.DISPATCHED
        story = tell(
            rolling.casebook.events(number), Cut(until=rolling.later(seconds=1), through=1_000), site=rolling.site
        )
        assert story is not None
        assert (story.due, story.arrival.due) == (case.handle_by, case.arrive_by)

    def test_before_the_day_it_is_collected_as_before(self, rolling: Office):
        number = rolling.report()
        rolling.later(days=1)
        assert self.again(rolling).dispatch is None
        assert rolling.actions(number) == ["open", "no-terminal", "attach"]
        assert running(rolling, number) == []

    def test_a_report_that_makes_it_urgent_starts_all_clocks_and_a_ticket_ends_them(self, rolling: Office):
        number, at = rolling.report(), rolling.clock.at.replace(month=7)
        rolling.clock.at = at
        assert rolling.desk.report(ticket(rolling, hours=1, urgent=True), principal=LI).number == number
        case = rolling.case(number)
        assert (case.urgent, case.arrive_by) == (True, at + timedelta(minutes=15))
        assert case.handle_by == at + timedelta(hours=1)
        assert running(rolling, number) == ["arrive", "first-result", "handle"]

    def test_one_that_was_closed_and_is_opened_again_has_clocks(self, rolling: Office):
        number = rolling.report(urgent=True)
        rolling.act(number, "dispatch")
        rolling.through(number, "accept", "arrive", "done", "check", "close")
        assert running(rolling, number) == []
        rolling.clock.at = NOON.replace(year=2027, month=6, day=2)
        assert rolling.act(number, "reopen").status is Status.DISPATCHED
        assert rolling.case(number).arrive_by == rolling.clock.at + timedelta(minutes=15)
        assert running(rolling, number) == ["arrive", "first-result", "handle"]

    def test_who_sends_somebody_takes_it_up_whether_anybody_is_there_or_not(self, rolling: Office):
        sent, named = rolling.report(), rolling.report(spot("B"))
        rolling.clock.at = NOON.replace(year=2027, month=7, day=1)
        rolling.act(named, "dispatch", terminal=T003)
        rolling.act(sent, "dispatch", terminal=T001)
        for number in (sent, named):
            assert running(rolling, number) == ["handle"]
        rolling.later(hours=2)
        assert sorted(rolling.desk.pass_over()) == sorted([sent, named])
        assert rolling.case(sent).status is Status.DISPATCHED

    def test_what_is_filed_after_the_day_is_offered(self, rolling: Office):
        taken = rolling.reported(by=CITIZEN, channel=Channel.PUBLIC)
        assert rolling.case(str(taken.number)).status is Status.REPORTED
        rolling.clock.at = NOON.replace(year=2027, month=7, day=1)
        assert rolling.act(str(taken.number), "file").status is Status.DISPATCHED
        assert running(rolling, str(taken.number)) == ["handle"]

    def test_one_that_somebody_is_at_already_has_no_clock_of_arriving(self, rolling: Office):
        number = rolling.report(urgent=True)
        rolling.act(number, "dispatch")
        rolling.through(number, "accept", "arrive")
        rolling.clock.at = NOON.replace(year=2027, month=6, day=1)
        assert self.again(rolling, urgent=True).dispatch is None
        assert running(rolling, number) == ["first-result", "handle"]
