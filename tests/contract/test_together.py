"""Several departments on one case, on both databases: joint action, and consultation on hard cases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from life_office import LI, PLAN, T001, T003, T010, T011, Office
from small_site import NOON, PARKED, force_at, spot

from pipeline.casebook import LimitError
from pipeline.cases import Status
from pipeline.consultations import ConsultationError, Meeting
from pipeline.duty_office import DutyOffice
from pipeline.errors import RefusedError, UnknownError
from pipeline.escalation import addressees
from pipeline.escalation_policy import Level
from pipeline.joint_action import JointActionError, JointPlan, PartsOutstandingError
from pipeline.offers import OtherDepartmentError
from pipeline.organisation import Department, DepartmentKind, Organisation
from pipeline.principal import Principal, Role


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    office = Office(database_url, tmp_path)
    yield office
    office.prove()
    office.close()


class TestJointAction:
    def test_every_department_reports_before_the_case_is_done(self, office: Office):
        number = office.report()
        office.act(number, "dispatch", terminal=T010)
        joint = office.duty.open_joint(number, PLAN, note="night market", principal=LI)
        assert joint.liaisons == (T010, T011)
        assert sorted(to for to, _ in office.sent("joint")) == ["terminal/T010", "terminal/T011"]
        office.through(number, "accept", "arrive")
        with pytest.raises(PartsOutstandingError, match="still at work: market-supervision"):
            office.act(number, "done", by=force_at(T010))
        assert [part.case for part in office.casebook.read(lambda book: book.parts_with(T011))] == [number]
        office.duty.finish_part(number, "market-supervision", note="three stalls warned", principal=force_at(T011))
        assert office.casebook.read(lambda book: book.parts_with(T011)) == []
        assert office.act(number, "done", by=force_at(T010)).status is Status.HANDLED

    def test_nobody_settles_it_on_the_spot_before_every_part_is_reported(self, office: Office):
        number = office.report()
        office.act(number, "dispatch", terminal=T010)
        office.duty.open_joint(number, PLAN, note="", principal=LI)
        for who in (LI, force_at(T010)):
            with pytest.raises(PartsOutstandingError, match="still at work: market-supervision"):
                office.act(number, "self-handle", by=who)
        office.duty.finish_part(number, "market-supervision", note="warned", principal=force_at(T011))
        assert office.act(number, "self-handle", by=force_at(T010)).status is Status.HANDLED

    def test_the_lead_gets_the_case_and_alone_may_handle_it(self, office: Office):
        number = office.report()
        joint = office.duty.open_joint(number, PLAN, note="night market", principal=LI)
        assert (joint.status, joint.terminal, joint.rework_by) == (Status.DISPATCHED, T010, "traffic-police")
        assert ("terminal-withdraw", T001) in [(m.kind, m.target) for m in office.casebook.outbox(limit=100)]
        with pytest.raises(OtherDepartmentError, match="is for traffic-police alone"):
            office.act(number, "dispatch", terminal=T001)
        assert addressees(Level.DEPARTMENT, office.case(number), office.site) == ("department/traffic-police",)
        far_gone = office.report(spot("A", 150.0))
        office.through(far_gone, "accept", "arrive")
        with pytest.raises(JointActionError, match="who is not of the lead traffic-police"):
            office.duty.open_joint(far_gone, PLAN, note="", principal=LI)

    @pytest.mark.parametrize("again", ["rework", "reopen"])
    def test_it_is_over_when_the_case_goes_on_and_another_may_be_opened(self, office: Office, again: str):
        number = office.report()
        office.duty.open_joint(number, PLAN, note="", principal=LI)
        office.duty.finish_part(number, "market-supervision", note="warned", principal=force_at(T011))
        office.through(number, "accept", "arrive", "done")
        if again == "reopen":
            office.through(number, "check", "close")
        assert office.act(number, again).liaisons == ()
        assert office.casebook.read(lambda book: book.joint_parts(number)) == []
        assert office.duty.open_joint(number, PLAN, note="", principal=LI).liaisons == (T010, T011)
        office.duty.finish_part(number, "market-supervision", note="warned again", principal=force_at(T011))

    def test_what_does_not_hold_is_refused(self, office: Office):
        number = office.report()
        plans = {
            "is not among the departments": JointPlan(lead="x", liaisons=dict(PLAN.liaisons)),
            "cannot be the liaison": JointPlan(lead="a", liaisons={"a": "YP-010", "b": "YP-011"}),
        }
        for words, plan in plans.items():
            with pytest.raises(JointActionError, match=words):
                office.duty.open_joint(number, plan, note="", principal=LI)
        lost = JointPlan(lead="traffic-police", liaisons={"traffic-police": "YP-010", "market-supervision": "nobody"})
        with pytest.raises(UnknownError, match="no force"):
            office.duty.open_joint(number, lost, note="", principal=LI)
        office.duty.open_joint(number, PLAN, note="", principal=LI)
        with pytest.raises(JointActionError, match="has one already"):
            office.duty.open_joint(number, PLAN, note="", principal=LI)
        with pytest.raises(JointActionError, match="who alone reports"):
            office.duty.finish_part(number, "market-supervision", note="done", principal=force_at(T010))
        with pytest.raises(JointActionError, match="leads"):
            office.duty.finish_part(number, "traffic-police", note="done", principal=LI)
        office.duty.finish_part(number, "market-supervision", note="done", principal=LI)
        with pytest.raises(JointActionError, match="reported its part before"):
            office.duty.finish_part(number, "market-supervision", note="done", principal=LI)

    def test_a_liaison_sees_the_case_and_a_stranger_does_not(self, office: Office):
        number = office.report()
        far = Principal(name="far", role=Role.FORCE, terminal=T011, grids=frozenset({"YP-D"}))
        with pytest.raises(UnknownError):
            office.duty.finish_part(number, "market-supervision", note="done", principal=far)
        office.duty.open_joint(number, PLAN, note="", principal=LI)
        office.duty.finish_part(number, "market-supervision", note="done", principal=far)


class TestConsultation:
    def hard(self, office: Office) -> str:
        number = office.report()
        office.through(number, "accept", "return")
        office.act(number, "dispatch", terminal=T010)
        return number

    def test_hard_cases_are_listed_decided_on_and_become_tasks(self, office: Office):
        number, easy = self.hard(office), office.report(spot("B"))
        office.later(hours=1)
        period = NOON - timedelta(days=1), NOON + timedelta(days=1)
        listed = office.duty.hard_cases(*period, principal=LI)
        assert [hard.case.number for hard in listed] == [number]
        assert easy not in {hard.case.number for hard in listed}
        assert listed[0].reasons == ("returned",)
        assert listed[0].departments == ("grid", "traffic-police")
        meeting = office.duty.convene(
            Meeting(
                since=period[0],
                until=period[1],
                held_at=office.clock.at,
                chair="Wang",
                place="room 3",
                attendants=(("Wu", "traffic-police"), ("Xu", "market-supervision")),
            ),
            principal=LI,
        )
        assert (meeting.code, meeting.cases) == ("HS20261123-0001", (number,))
        category = office.case(number).category
        office.through(number, "accept", "arrive", "done")  # the traffic police are free again
        after = office.duty.decide(
            meeting.code, number, words="paint the bays", department="traffic-police", task=category, principal=LI
        )
        task = office.case(str(after.decisions[0].task))
        assert task.number != number
        assert (task.status, task.description) == (Status.DISPATCHED, "paint the bays")
        assert meeting.code in str(office.casebook.events(task.number)[0].details["reason"])
        assert office.actions(number)[-1] == "consulted"
        assert office.casebook.read(lambda book: book.clocks_of(task.number))
        office.duty.close_meeting(meeting.code, principal=LI)
        with pytest.raises(ConsultationError, match="is closed"):
            office.duty.decide(meeting.code, number, words="more", department="x", task=None, principal=LI)
        stored = office.casebook.read(lambda book: book.consultations())
        assert [each.code for each in stored] == [meeting.code]
        assert stored[0].attendants == (("Wu", "traffic-police"), ("Xu", "market-supervision"))

    def test_the_desk_puts_cases_on_a_list_by_hand_each_once_and_says_why(self, office: Office):
        number, other = office.report(), office.report(spot("B"))
        meeting = Meeting(
            since=NOON, until=NOON + timedelta(days=1), held_at=NOON, chair="Wang", place="", attendants=(("Wu", "x"),)
        )
        called = office.duty.convene_on(number, meeting, words="three are needed", principal=LI)
        for _ in range(2):
            after = office.duty.put_on_list(called.code, other, words="the same yard", principal=LI)
        assert (called.cases, after.cases) == ((number,), (number, other))
        assert (office.actions(number)[-1], office.actions(other).count("listed")) == ("listed", 1)
        assert office.case(other).updated_at == NOON  # being listed is no step: offers are counted from those
        with pytest.raises(RefusedError):
            office.duty.put_on_list(called.code, other, words="why", principal=force_at(T003))
        office.through(number, "accept", "arrive", "done", "check", "close")
        with pytest.raises(ConsultationError, match="is closed; meetings are called on open cases"):
            office.duty.convene_on(number, meeting, words="why", principal=LI)

    def test_a_task_is_for_the_department_that_was_decided_on(self, office: Office):
        number = self.hard(office)
        meeting = Meeting(
            since=NOON, until=NOON + timedelta(days=1), held_at=NOON, chair="W", place="", attendants=(("a", "b"),)
        )
        called = office.duty.convene(replace(meeting, cases=(number, number)), principal=LI)
        assert called.cases == (number,)
        decided = office.duty.decide(
            called.code, number, words="clear it", department="market-supervision", task=PARKED, principal=LI
        )
        task = office.case(str(decided.decisions[0].task))
        assert (task.terminal, task.rework_by) == (T011, "market-supervision")
        with pytest.raises(OtherDepartmentError, match="is for market-supervision alone"):
            office.act(task.number, "dispatch", terminal=T010)

    def test_departments_that_the_site_does_not_list_are_refused(self, office: Office):
        number = self.hard(office)
        listed = Department(code="traffic-police", name="Traffic police", name_zh="交警", kind=DepartmentKind.FOLLOW_UP)
        office.duty = DutyOffice(
            site=replace(office.site, organisation=Organisation(departments=(listed,))),
            casebook=office.casebook, clock=office.clock, evidence=office.evidence,
        )  # fmt: skip
        meeting = Meeting(
            since=NOON, until=NOON + timedelta(days=1), held_at=NOON, chair="W", place="", attendants=(("a", "nobody"),)
        )
        with pytest.raises(UnknownError, match="no department 'nobody'; known: traffic-police"):
            office.duty.convene(meeting, principal=LI)
        code = office.duty.convene(replace(meeting, attendants=(("a", "traffic-police"),)), principal=LI).code
        with pytest.raises(UnknownError, match="no department 'nowhere'"):
            office.duty.decide(code, number, words="do it", department="nowhere", task=PARKED, principal=LI)

    def test_without_a_case_or_by_others_there_is_no_meeting(self, office: Office):
        meeting = Meeting(
            since=NOON, until=NOON + timedelta(days=7), held_at=NOON, chair="W", place="", attendants=(("a", "b"),)
        )
        with pytest.raises(LimitError, match="cases is 0"):
            office.duty.convene(meeting, principal=LI)
        with pytest.raises(RefusedError):
            office.duty.convene(meeting, principal=force_at(T001))
        number = self.hard(office)
        code = office.duty.convene(meeting, principal=LI).code
        with pytest.raises(ConsultationError, match="not on its list"):
            office.duty.decide(code, "YP1", words="x", department="y", task=None, principal=LI)
        with pytest.raises(ConsultationError, match="`words`"):
            office.duty.decide(code, number, words=" ", department="y", task=None, principal=LI)
