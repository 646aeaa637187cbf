"""The side ways of a case on both databases: each tells its story, moves its clocks, and leaves a chain that holds."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from life_office import CHEN, LI, PLAN, T001, T002, T003, T010, T011, WANG, Office
from small_site import CITIZEN, JPEG, LITTER, NOON, PARKED, force_at, spot

from geo.coords import LonLat
from pipeline.casebook import LimitError
from pipeline.cases import Channel, IllegalStepError, NothingShownError, NotYourCaseError, PassedOnError, Status
from pipeline.desk import Report
from pipeline.duty_clocks import closing_due
from pipeline.duty_office import CaseEndedError
from pipeline.errors import RefusedError, UnknownError
from pipeline.offers import OtherDepartmentError
from pipeline.principal import Principal
from pipeline.taking_steps import ExtensionError, OwnExtensionError
from pipeline.trust import FalseReason


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    office = Office(database_url, tmp_path)
    yield office
    office.prove()
    office.close()


class TestReturned:
    def test_who_gets_a_returned_case_may_not_push_it_on(self, office: Office):
        number = office.report()
        office.through(number, "accept", "return")
        assert (office.case(number).status, office.case(number).terminal) == (Status.RETURNED, None)
        office.act(number, "dispatch", terminal=T010)
        with pytest.raises(PassedOnError, match="came back once already"):
            office.act(number, "decline", by=force_at(T010))
        office.act(number, "accept", by=force_at(T010))
        with pytest.raises(PassedOnError, match="return"):
            office.act(number, "return", by=force_at(T010))
        assert office.case(number).terminal == T010

    def test_who_gave_it_back_is_not_offered_it_again(self, office: Office):
        number = office.report()
        office.through(number, "accept", "return")
        assert office.act(number, "dispatch").terminal == "T002"

    @pytest.mark.parametrize("false", [False, True])
    def test_the_next_has_a_clock_of_arriving_too(self, office: Office, *, false: bool):
        number = office.report(urgent=True)
        office.later(minutes=5)
        office.through(number, "accept", "arrive")
        office.later(minutes=10)
        if false:
            office.desk.trust.say_false(number, FalseReason.NOTHING_THERE, principal=force_at(T001))
        else:
            office.through(number, "return")
        assert office.case(number).status is Status.RETURNED
        assert office.case(number).arrive_by == NOON + timedelta(minutes=25)
        office.act(number, "dispatch", terminal="T002")
        office.later(minutes=8)
        assert ("arrive", "amber") in [(each.clock, each.step) for each in office.watch.fire_due()]

    def test_the_desk_may_still_send_it_elsewhere(self, office: Office):
        number = office.report()
        office.through(number, "accept", "return")
        office.act(number, "dispatch", terminal=T010)
        assert office.act(number, "dispatch", terminal=T001).terminal == T001


def test_a_named_terminal_tells_the_nearer_ones_too_who_named_it(office: Office):
    number = office.report()
    office.act(number, "dispatch", terminal=T003)
    told = office.casebook.events(number)[-1].details
    skipped = {each["terminal"]: each["reason"] for each in told["skipped"]}
    assert skipped["T002"] == "another was chosen by Li"
    assert told["travel_s"] > 0.0


class TestRework:
    def test_it_goes_back_to_who_did_it_with_all_history(self, office: Office):
        number = office.report()
        office.through(number, "accept", "arrive", "done", "rework")
        case = office.case(number)
        assert (case.status, case.terminal, case.bound, case.rework_by) == (Status.ACCEPTED, T001, True, "grid")
        assert office.actions(number) == ["open", "dispatch", "accept", "arrive", "done", "rework"]
        assert ("T001", "rework") in [(to, told["action"]) for to, told in office.sent("terminal-notice")]

    def test_only_the_same_department_may_take_it_over(self, office: Office):
        number = office.report()
        office.through(number, "accept", "arrive", "done", "rework")
        with pytest.raises(OtherDepartmentError, match="choose a terminal of grid"):
            office.act(number, "dispatch", terminal=T010)
        assert office.act(number, "dispatch", terminal="T002").terminal == "T002"
        office.act(number, "decline", by=LI)
        assert office.case(number).terminal in {T001, T003}

    def test_who_has_left_is_followed_by_their_department(self, office: Office):
        number = office.report()
        office.through(number, "accept", "arrive", "done")
        forces = tuple(each for each in office.site.roster.forces if each.terminal != T001)
        office.desk.adopt(replace(office.site, roster=replace(office.site.roster, forces=forces)))
        again = office.act(number, "rework")
        assert (again.status, again.terminal, again.rework_by) == (Status.DISPATCHED, "T002", "grid")
        told = [(event.action, event.status) for event in office.casebook.events(number)[-2:]]
        assert told == [("rework", Status.FILED), ("dispatch", Status.DISPATCHED)]

    def test_its_clock_goes_on_where_it_stood(self, office: Office):
        number = office.report()
        office.later(hours=1)
        office.through(number, "accept", "arrive", "done")
        assert closing_due(office.case(number), office.site) is None
        office.later(hours=10)
        office.through(number, "rework")
        assert closing_due(office.case(number), office.site) == NOON + timedelta(hours=14)


class TestSuspended:
    def test_the_clocks_stop_and_the_case_goes_on_where_it_was(self, office: Office):
        number = office.report(urgent=True)
        office.through(number, "accept")
        office.later(minutes=5)
        suspended = office.act(number, "suspend")
        assert (suspended.status, suspended.terminal) == (Status.SUSPENDED, T001)
        office.later(hours=5)
        assert office.watch.fire_due() == []
        resumed = office.act(number, "resume")
        assert (resumed.status, resumed.terminal, resumed.resumes_to) == (Status.ACCEPTED, T001, None)
        assert resumed.arrive_by == NOON + timedelta(hours=5, minutes=15)
        assert resumed.first_result_by == NOON + timedelta(hours=6)
        assert resumed.handle_by == NOON + timedelta(hours=9)
        assert office.watch.fire_due() == []
        office.later(minutes=8)
        assert [(each.clock, each.step) for each in office.watch.fire_due()] == [("arrive", "amber")]

    def test_an_offer_is_taken_back_and_made_anew(self, office: Office):
        number = office.report()
        suspended = office.act(number, "suspend")
        assert (suspended.terminal, suspended.resumes_to) == (None, Status.FILED)
        assert office.act(number, "resume").status is Status.DISPATCHED
        assert [target for target, _ in office.sent("terminal-withdraw")] == [T001]

    def test_a_suspended_case_may_end_as_void(self, office: Office):
        number = office.report()
        office.act(number, "suspend")
        assert office.act(number, "void", by=WANG).status is Status.VOID

    def test_only_the_desk_suspends(self, office: Office):
        number = office.report()
        with pytest.raises(RefusedError, match="may not suspend"):
            office.act(number, "suspend", by=force_at(T001))


class TestExtended:
    def test_it_is_asked_for_and_granted_by_somebody_else(self, office: Office):
        number = office.report()
        office.through(number, "accept")
        asked = office.act(number, "ask-extension", by=force_at(T001), more=2.0)
        assert asked.asked == 2.0
        granted = office.act(number, "extend", by=LI, note="")
        assert (granted.asked, granted.extended) == (0.0, 1)
        assert granted.handle_by == NOON + timedelta(hours=6)

    def test_nobody_decides_on_their_own(self, office: Office):
        number = office.report()
        office.act(number, "ask-extension", by=LI, more=2.0)
        with pytest.raises(OwnExtensionError, match="somebody else must"):
            office.act(number, "extend", by=LI)
        assert office.act(number, "refuse-extension", by=CHEN).asked == 0.0

    def test_a_request_that_nobody_decides_lapses(self, office: Office):
        number = office.report()
        office.act(number, "ask-extension", by=force_at(T001), more=2.0)
        office.later(days=1)
        fired = office.watch.fire_due()
        assert ("extension", "lapse") in [(each.clock, each.step) for each in fired]
        case = office.case(number)
        assert (case.asked, case.extended) == (0.0, 0)
        with pytest.raises(IllegalStepError, match="extend is not possible"):
            office.act(number, "extend", by=CHEN)

    def test_a_request_that_waits_is_kept_over_a_suspension_and_so_is_its_time(self, office: Office):
        number = office.report()
        office.through(number, "accept")
        office.act(number, "ask-extension", by=force_at(T001), more=2.0)
        office.later(minutes=30)
        assert office.act(number, "suspend", by=CHEN).asked == 2.0
        assert office.act(number, "supervise", by=CHEN).asked == 2.0
        assert office.casebook.events(number)[-2].details["asked"] == 2.0
        with pytest.raises(IllegalStepError, match="extend is not possible"):
            office.act(number, "extend", by=CHEN)
        office.later(days=2)
        assert office.watch.fire_due() == []
        assert office.act(number, "resume").asked == 2.0
        due = NOON + timedelta(days=2, hours=4)
        assert office.case(number).handle_by == due
        office.later(minutes=15)
        assert office.watch.fire_due() == []
        granted = office.act(number, "extend", by=CHEN)
        assert (granted.asked, granted.extended, granted.handle_by) == (0.0, 1, due + timedelta(hours=2))

    def test_a_request_that_was_suspended_lapses_when_it_had_its_time(self, office: Office):
        number = office.report()
        office.act(number, "ask-extension", by=force_at(T001), more=2.0)
        office.through(number, "suspend")
        office.later(days=2)
        office.through(number, "resume")
        office.later(days=1)
        assert ("extension", "lapse") in [(each.clock, each.step) for each in office.watch.fire_due()]
        assert office.case(number).asked == 0.0

    def test_too_much_too_often_or_without_a_number_is_refused(self, office: Office):
        number = office.report()
        for more in (None, 4.1):
            with pytest.raises(ExtensionError, match="at most 4"):
                office.act(number, "ask-extension", more=more)
        with pytest.raises(LimitError, match="more"):
            office.act(number, "suspend", more=1.0)
        office.act(number, "ask-extension", by=LI, more=4.0)
        office.act(number, "extend", by=CHEN)
        with pytest.raises(ExtensionError, match="it had 1 of at most 1"):
            office.act(number, "ask-extension", more=1.0)

    def test_lamps_light_again_for_the_new_deadline_only(self, office: Office):
        number = office.report()
        office.through(number, "accept")
        office.later(hours=3, minutes=30)
        assert [each.step for each in office.watch.fire_due()] == ["amber"]
        office.act(number, "ask-extension", by=force_at(T001), more=4.0)
        office.act(number, "extend", by=LI)
        office.later(hours=2)
        assert office.watch.fire_due() == []
        office.later(hours=1)
        assert [(each.step, each.round) for each in office.watch.fire_due()] == [("amber", 2)]


class TestSelfHandled:
    def test_who_reports_and_handles_on_the_spot_is_sent_nobody(self, office: Office):
        taken = office.reported(by=force_at("T002"), self_handled="rubbish taken along")
        case = office.case(str(taken.number))
        assert (case.status, case.terminal) == (Status.HANDLED, "T002")
        assert office.actions(case.number) == ["open", "self-handle"]
        assert office.sent("terminal-push") == []
        assert office.through(case.number, "check", "close").status is Status.CLOSED

    def test_the_one_to_whom_it_is_offered_may_settle_it_and_no_other(self, office: Office):
        number = office.report()
        with pytest.raises(NotYourCaseError):
            office.act(number, "self-handle", by=force_at("T002"))
        assert office.act(number, "self-handle", by=force_at(T001)).status is Status.HANDLED

    def test_what_one_department_must_do_again_is_settled_by_no_other(self, office: Office):
        number = office.report()
        office.through(number, "accept", "arrive", "done", "rework", "dispatch")
        while office.case(number).terminal is not None:
            office.act(number, "decline", by=LI)
        with pytest.raises(OtherDepartmentError, match="choose a terminal of grid"):
            office.act(number, "self-handle", by=force_at(T011))
        assert office.act(number, "self-handle", by=force_at("T002")).status is Status.HANDLED


class TestSelfHandledKnown:
    """Who reports what they handled on the spot, and the problem is known already."""

    WORDS = "swept it up myself"

    def again(self, office: Office, at: LonLat | None = None, *, by: str = T002, urgent: bool = False):
        kind, now = LITTER if urgent else PARKED, office.clock.now()
        report = Report(
            channel=Channel.PATROL, category=kind, lonlat=at or spot("A"), occurred_at=now, self_handled=self.WORDS
        )
        return office.desk.report(report, principal=force_at(by))

    def test_what_nobody_holds_is_settled_and_offered_to_nobody(self, office: Office):
        number = office.report(spot("D"))
        assert office.case(number).status is Status.FILED
        taken = self.again(office, spot("D"))
        assert (taken.outcome, taken.number, taken.dispatch) == ("attach", number, None)
        assert (office.case(number).status, office.case(number).terminal) == (Status.HANDLED, T002)
        assert office.actions(number) == ["open", "no-terminal", "attach", "self-handle"]
        assert office.casebook.events(number)[-1].details["note"] == self.WORDS

    def test_what_waits_to_be_verified_is_filed_and_settled_and_sent_to_nobody(self, office: Office):
        number = office.report(by=CITIZEN, channel=Channel.PUBLIC)
        self.again(office)
        assert (office.case(number).status, office.case(number).terminal) == (Status.HANDLED, T002)
        assert office.actions(number) == ["open", "attach", "file", "self-handle"]
        assert office.sent("terminal-push") == []
        assert [told["action"] for _, told in office.sent("feedback")] == ["file", "self-handle"]

    def test_what_is_offered_to_whoever_reports_is_settled(self, office: Office):
        number = office.report()
        assert self.again(office, by=T001).outcome == "attach"
        assert (office.case(number).status, office.case(number).terminal) == (Status.HANDLED, T001)

    @pytest.mark.parametrize("steps", [(), ("accept",), ("accept", "arrive")])
    def test_what_another_holds_stays_with_them_who_hear_of_it(self, office: Office, steps: tuple[str, ...]):
        number = office.report()
        held = office.through(number, *steps)
        taken = self.again(office)
        case = office.case(number)
        assert (case.status, case.terminal, case.updated_at) == (held.status, T001, held.updated_at)
        assert taken.reason.endswith(f"what was done is noted, and the case stays {held.status} with T001")
        last = office.casebook.events(number)[-1]
        assert (last.action, last.details["note"], last.actor) == ("attach", self.WORDS, force_at(T002).name)
        assert [(to, told["action"]) for to, told in office.sent("terminal-notice")] == [(T001, "attach")]
        office.through(number, *("accept", "arrive", "done")[len(steps) :])

    def test_the_desk_does_not_take_it_from_its_holder_either(self, office: Office):
        number = office.report()
        report = Report(
            channel=Channel.PATROL,
            category=PARKED,
            lonlat=spot("A"),
            occurred_at=office.clock.now(),
            self_handled="gone",
        )
        office.desk.report(report, principal=LI)
        assert (office.case(number).status, office.case(number).terminal) == (Status.DISPATCHED, T001)

    def test_words_on_what_was_handled_before_are_kept(self, office: Office):
        number = office.report()
        office.through(number, "accept", "arrive", "done")
        assert self.again(office).number == number
        assert office.casebook.events(number)[-1].details["note"] == self.WORDS
        assert office.case(number).terminal == T001
        assert office.sent("terminal-notice") == []

    def test_what_shows_again_and_is_handled_on_the_spot_is_settled(self, office: Office):
        number = office.handled_and_opened_again_by_rule()
        assert self.again(office, urgent=True).outcome == "reopen"
        assert (office.case(number).status, office.case(number).terminal) == (Status.HANDLED, T002)
        assert office.actions(number)[-2:] == ["reopen", "self-handle"]
        office.later(hours=1)
        assert office.watch.fire_due() == []

    def test_only_those_who_may_handle_say_that_they_did(self, office: Office):
        number = office.report(by=CITIZEN, channel=Channel.PUBLIC)
        report = Report(
            channel=Channel.PUBLIC, category=PARKED, lonlat=spot("A"), occurred_at=NOON, self_handled=self.WORDS
        )
        with pytest.raises(RefusedError, match="may not self-handle a case"):
            office.desk.report(report, principal=CITIZEN)
        assert office.case(number).status is Status.REPORTED

    def test_it_is_handled_once_or_offered_but_never_both(self, office: Office):
        beside = office.beside()
        for place in range(4):
            at = spot("D", 50.0 * place)
            number = office.report(at)
            with ThreadPoolExecutor(2) as threads:
                sent = threads.submit(office.act, number, "dispatch", terminal=T001)
                taken = threads.submit(self.again, beside, at)
            case = office.case(number)
            if sent.exception() is None:
                assert (case.status, case.terminal) == (Status.DISPATCHED, T001)
                assert "T001" in taken.result().reason
            else:
                assert isinstance(sent.exception(), IllegalStepError)
                assert (case.status, case.terminal) == (Status.HANDLED, T002)
        beside.close()


class TestReopened:
    def test_it_starts_anew_with_new_clocks_and_all_history(self, office: Office):
        number = office.report(urgent=True)
        office.through(number, "accept", "arrive", "first-result", "done", "check", "close")
        office.later(days=2)
        again = office.act(number, "reopen")
        assert again.status is Status.DISPATCHED
        assert again.arrive_by == office.clock.at + timedelta(minutes=15)
        assert closing_due(again, office.site) == office.clock.at + timedelta(hours=4)
        office.later(minutes=12)
        assert [(each.clock, each.round) for each in office.watch.fire_due()] == [("arrive", 2)]
        assert office.actions(number)[-3:] == ["reopen", "dispatch", "clock"]


def test_supervision_is_told_to_the_holder_and_changes_nothing_else(office: Office):
    number = office.report()
    before = office.case(number)
    after = office.act(number, "supervise", by=WANG, note="the district asks")
    assert after.supervised
    assert (after.status, after.terminal, after.updated_at) == (before.status, before.terminal, before.updated_at)
    assert office.sent("terminal-notice") == [(T001, office.sent("terminal-notice")[0][1])]


class TestStepsShow:
    def test_words_place_and_pictures_of_a_step(self, office: Office):
        number = office.report()
        picture = office.duty.add_picture(number, JPEG, label="after", principal=force_at(T001))
        assert office.duty.add_picture(number, JPEG, label="after", principal=force_at(T001)).id == picture.id
        office.act(number, "accept", by=force_at(T001), lonlat=spot("A", 3.0), pictures=(picture.id,))
        told = office.casebook.events(number)[-1].details
        assert told["note"] == "a reason"
        assert (told["lon"], told["lat"]) == tuple(spot("A", 3.0))
        assert [each["id"] for each in told["pictures"]] == [picture.id]
        assert office.actions(number).count("picture") == 1

    def test_another_case_s_picture_is_refused(self, office: Office):
        number, other = office.report(), office.report(spot("B"))
        picture = office.duty.add_picture(other, JPEG, label="after", principal=LI)
        with pytest.raises(UnknownError, match="picture of this case"):
            office.act(number, "supervise", pictures=(picture.id,))

    def test_an_ended_case_takes_none(self, office: Office):
        number = office.report()
        office.act(number, "void", by=WANG)
        with pytest.raises(CaseEndedError, match="is void"):
            office.duty.add_picture(number, JPEG, label="late", principal=LI)

    @pytest.mark.parametrize("step", ["first-result", "done"])
    @pytest.mark.parametrize("by", [force_at(T001), LI], ids=["force", "desk"])
    def test_a_result_is_told_or_shown(self, office: Office, step: str, by: Principal):
        number = office.report()
        office.through(number, "accept", "arrive")
        picture = office.duty.add_picture(number, JPEG, label="after", principal=force_at(T001))
        for nothing in ("", " x "):
            with pytest.raises(NothingShownError, match=r"send `note` with at least 2 characters, or in `pictures`"):
                office.act(number, step, by=by, note=nothing)
        assert office.case(number).status is Status.ARRIVED
        office.act(number, step, by=by, note="", pictures=(picture.id,))
        assert "note" not in office.casebook.events(number)[-1].details


class TestWhereabouts:
    """A force's step without a place has its terminal's fresh position, and says so."""

    def heard(self, office: Office, *, ago_s: float, terminal: str = T001) -> datetime:
        at = office.clock.at - timedelta(seconds=ago_s)
        office.desk.move(terminal, spot("A", 7.0), at=at, principal=force_at(terminal))
        return at

    def told(self, office: Office, number: str) -> tuple[object, ...]:
        details = office.casebook.events(number)[-1].details
        return tuple(details.get(name) for name in ("lon", "lat", "positioned_at"))

    def test_the_terminal_s_fresh_position_stands_for_it(self, office: Office):
        number = office.report()
        at = self.heard(office, ago_s=600.0)
        office.act(number, "accept", by=force_at(T001))
        assert self.told(office, number) == (*spot("A", 7.0), at.isoformat())
        office.act(number, "arrive", by=force_at(T001), lonlat=spot("A", 3.0))
        assert self.told(office, number) == (*spot("A", 3.0), None)
        office.prove()

    @pytest.mark.parametrize("ago_s", [600.001, -600.001])
    def test_an_old_one_does_not(self, office: Office, ago_s: float):
        number = office.report()
        office.casebook.write(
            lambda tx: tx.save_position(T001, spot("A", 7.0), office.clock.at - timedelta(seconds=ago_s))
        )
        office.act(number, "accept", by=force_at(T001))
        assert self.told(office, number) == (None, None, None)

    def test_nor_does_anybody_else_s(self, office: Office):
        number = office.report()
        self.heard(office, ago_s=0.0)
        office.act(number, "accept", by=LI)
        assert self.told(office, number) == (None, None, None)
        other = office.report(spot("B"))
        office.through(other, "accept")
        assert office.casebook.events(other)[-1].details["terminal"] == T003
        assert self.told(office, other) == (None, None, None)

    def test_it_holds_for_parts_and_false_calls_too(self, office: Office):
        number = office.report()
        office.act(number, "dispatch", terminal=T010)
        office.duty.open_joint(number, PLAN, note="", principal=LI)
        at = self.heard(office, ago_s=60.0, terminal=T011)
        office.duty.finish_part(number, "market-supervision", note="warned", principal=force_at(T011))
        assert self.told(office, number) == (*spot("A", 7.0), at.isoformat())
        false = office.report(spot("B"))
        office.act(false, "accept", by=force_at(T003))
        at = self.heard(office, ago_s=60.0, terminal=T003)
        office.desk.trust.say_false(false, FalseReason.NOTHING_THERE, principal=force_at(T003))
        assert self.told(office, false) == (*spot("A", 7.0), at.isoformat())


class TestFeedback:
    def test_who_reported_hears_of_each_step_and_can_ask_by_code(self, office: Office):
        taken = office.reported(by=CITIZEN, channel=Channel.PUBLIC, contact="138 0000 0000")
        office.act(str(taken.number), "file")
        office.through(str(taken.number), "accept", "arrive", "done", "check", "close")
        told = [(to, message["action"]) for to, message in office.sent("feedback")]
        steps = ["file", "dispatch", "accept", "arrive", "done", "check", "close"]
        assert told == [(f"report/{taken.receipt}", step) for step in steps]
        found = office.duty.standing(taken.receipt)
        assert found.status is Status.CLOSED
        assert [each.action for each in found.steps] == ["open", *steps]
        assert "138" not in str(office.sent("feedback")) + str(found)

    def test_a_second_reporter_has_a_code_of_their_own(self, office: Office):
        first = office.reported(by=CITIZEN, channel=Channel.PUBLIC)
        same = Report(
            channel=Channel.PUBLIC,
            category=office.case(first.number).category,
            lonlat=spot("A"),
            occurred_at=office.clock.now(),
        )
        second = office.desk.report(same, principal=CITIZEN)
        assert second.outcome == "attach"
        assert second.receipt != first.receipt
        assert office.duty.standing(second.receipt).case == office.duty.standing(first.receipt).case == first.number

    def test_who_reported_hears_of_merging_and_of_being_taken_out_again(self, office: Office):
        stays = office.report()
        taken = office.reported(spot("A", 150.0), by=CITIZEN, channel=Channel.PUBLIC)
        office.desk.merging.merge(str(taken.number), into=stays, reason="the same", principal=LI)
        office.desk.merging.undo(str(taken.number), reason="it is not", principal=LI)
        assert [told["action"] for _, told in office.sent("feedback")] == ["merge", "unmerge"]
        assert [each.action for each in office.duty.standing(taken.receipt).steps] == ["open", "merge", "unmerge"]

    def test_an_unknown_code_is_nowhere(self, office: Office):
        with pytest.raises(UnknownError, match="no receipt"):
            office.duty.standing("A" * 16)
