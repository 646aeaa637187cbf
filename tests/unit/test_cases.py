"""The steps of a case: a table written by hand from the workflow, walked at random through the desk and its storage."""

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path

import pytest
from databases import sqlite_url
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from small_site import ADMIN, CITIZEN, DISPATCHER, NOON, PARKED, force, force_at, small_site, spot

from pipeline.cases import (
    NEEDS_REASON,
    Action,
    Case,
    Channel,
    IllegalStepError,
    NothingShownError,
    NotYourCaseError,
    PassedOnError,
    ReasonMissingError,
    Side,
    Status,
    legal_actions,
    step,
)
from pipeline.clocks import FixedClock, utc
from pipeline.desk import Desk, Report
from pipeline.errors import FarTimeError, NaiveTimeError, RefusedError
from pipeline.evidence import EvidenceStore
from pipeline.history import chain_faults, rebuild
from pipeline.principal import Principal, Role
from pipeline.sql_casebook import open_casebook
from pipeline.taking_steps import ExtensionError, OwnExtensionError

# What the workflow allows, by hand: verify before filing, check before closing, refuse until work began; whatever is
# in work may be suspended or given more time, whatever was handled sent back, whatever was closed reopened.
IN_WORK = "suspend supervise ask-extension extend refuse-extension"
WORKFLOW = {
    "reported": "verify file reject void supervise",
    "verified": "file reject void supervise",
    "filed": f"dispatch reject void self-handle {IN_WORK}",
    "dispatched": f"dispatch accept decline reject void self-handle {IN_WORK}",
    "accepted": f"dispatch arrive reject return void {IN_WORK}",
    "arrived": f"first-result done reject return void {IN_WORK}",
    "first_result": f"done return void {IN_WORK}",
    "handled": "check rework void supervise",
    "checked": "close rework void supervise",
    "returned": f"dispatch reject void {IN_WORK}",
    "suspended": "resume void supervise",
    "closed": "reopen",
    "refused": "",
    "void": "",
}
LEADS_TO = {
    "verify": "verified",
    "file": "filed",
    "dispatch": "dispatched",
    "accept": "accepted",
    "decline": "filed",
    "arrive": "arrived",
    "first-result": "first_result",
    "done": "handled",
    "check": "checked",
    "close": "closed",
    "reject": "refused",
    "return": "returned",
    "void": "void",
    "self-handle": "handled",
    "suspend": "suspended",
    "resume": "filed",
    "rework": "accepted",
    "reopen": "filed",
}
STAYS = {"supervise", "ask-extension", "extend", "refuse-extension"}


def leads_to(action: str, status: str) -> str:
    return status if action in STAYS else LEADS_TO[action]


BY_FORCE = {"accept", "decline", "arrive", "first-result", "done", "return", "self-handle", "ask-extension"}
DECIDES = {"extend", "refuse-extension"}


def case(status: Status, terminal: str | None = "T001", **changes: object) -> Case:
    plain = Case(
        number="YP20261123-0001",
        category=PARKED,
        channel=Channel.HOTLINE,
        status=status,
        urgent=False,
        lonlat=spot("A"),
        cov_m2=(1.0, 0.0, 1.0),
        error_m=2.4,
        grid="YP-A",
        unit="A1",
        side=Side.STREET_FACE,
        occurred_at=NOON,
        recorded_at=NOON,
        updated_at=NOON,
        terminal=terminal,
        distance_m=12.0,
        version=3,
    )
    return replace(plain, **changes)


def case_for(action: str, status: Status, **changes: object) -> Case:
    """Return a case on which an action of its status is possible: an extension is decided when one was asked for."""
    return case(status, asked=1.0 if action in DECIDES else 0.0, **changes)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("action", list(Action))
def test_each_step_is_allowed_or_refused_as_the_workflow_says(status: Status, action: Action):
    allowed = WORKFLOW[status].split()
    given = case_for(action, status)
    if action in allowed:
        after = step(given, action, principal=ADMIN, note="a reason", now=NOON + timedelta(minutes=1))
        assert (after.status, after.version) == (leads_to(action, status), 4)
        assert after.updated_at == (NOON if action in STAYS else NOON + timedelta(minutes=1))
        return
    with pytest.raises(IllegalStepError) as refused:
        step(given, action, principal=ADMIN, note="a reason", now=NOON)
    listed = str(refused.value).split("possible: ")[1]
    hidden = {"ask-extension"} if given.asked else DECIDES
    assert set(listed.split(", ")) == (set(allowed) - hidden or {"none", "it has ended"})


@pytest.mark.parametrize("status", list(Status))
def test_legal_actions_are_the_workflow_s(status: Status):
    assert set(legal_actions(status)) == set(WORKFLOW[status].split())


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("role", list(Role))
def test_who_may_take_each_step(role: Role, action: Action):
    start = next(Status(status) for status, allowed in WORKFLOW.items() if action in allowed.split())
    who = Principal(name="someone", role=role, terminal="T001")
    may = role in {Role.ADMIN, Role.SYSTEM} or (role is Role.DISPATCHER and action is not Action.VOID)
    may = may or (role is Role.FORCE and action in BY_FORCE)
    if may:
        given = case_for(action, start)
        assert step(given, action, principal=who, note="a reason", now=NOON).status == leads_to(action, start)
        return
    with pytest.raises(RefusedError, match=f"may not {action}"):
        step(case_for(action, start), action, principal=who, note="a reason", now=NOON)


@pytest.mark.parametrize("holder", ["T002", None])
@pytest.mark.parametrize("own", ["T001", None])
def test_a_force_acts_only_on_what_its_terminal_holds(own: str | None, holder: str | None):
    who = Principal(name="someone", role=Role.FORCE, terminal=own)
    with pytest.raises(NotYourCaseError, match=f"is with terminal {holder or 'none'}"):
        step(case(Status.DISPATCHED, holder), Action.ACCEPT, principal=who, now=NOON)


@pytest.mark.parametrize("action", sorted(NEEDS_REASON))
@pytest.mark.parametrize("note", ["", " ", "x "])
def test_some_steps_need_a_reason(action: Action, note: str):
    start = next(Status(status) for status, allowed in WORKFLOW.items() if action in allowed.split())
    with pytest.raises(ReasonMissingError, match="needs a reason"):
        step(case_for(action, start), action, principal=ADMIN, note=note, now=NOON)


@pytest.mark.parametrize("action", list(Action))
def test_a_released_case_is_with_nobody(action: Action):
    start = next(Status(status) for status, allowed in WORKFLOW.items() if action in allowed.split())
    after = step(case_for(action, start), action, principal=ADMIN, note="a reason", now=NOON)
    holds = leads_to(action, start) in {
        "dispatched",
        "accepted",
        "arrived",
        "first_result",
        "handled",
        "checked",
        "closed",
    }
    assert (after.terminal, after.distance_m) == (("T001", 12.0) if holds else (None, None))


def test_a_time_without_an_offset_is_refused():
    with pytest.raises(NaiveTimeError, match="occurred_at"):
        replace(case(Status.FILED), occurred_at=NOON.replace(tzinfo=None))


@pytest.mark.parametrize("hours", [-8, 0, 8])
@pytest.mark.parametrize("year", [1, 9999])
def test_a_time_at_an_end_of_the_calendar_is_refused(year: int, hours: int):
    with pytest.raises(FarTimeError, match=f"occurred_at {year:04d}-01-01T00:00:00"):
        utc(datetime(year, 1, 1, tzinfo=timezone(timedelta(hours=hours))), field="occurred_at")


class Steps(RuleBasedStateMachine):
    """Random steps by random people on one stored case; after each, row, history and chain must agree."""

    folder = tempfile.TemporaryDirectory()
    casebook = None
    minutes = count()

    def __init__(self) -> None:
        super().__init__()
        if Steps.casebook is None:
            Steps.casebook = open_casebook(sqlite_url(Path(self.folder.name)))
        self.clock = FixedClock(NOON + timedelta(hours=next(Steps.minutes)))
        site = small_site([force(1), force(2, "A", 80.0), force(3, "B")])
        evidence = EvidenceStore(Path(self.folder.name) / "evidence")
        self.desk = Desk(site=site, casebook=self.casebook, clock=self.clock, evidence=evidence)
        report = Report(channel=Channel.PUBLIC, category=PARKED, lonlat=spot("A"), occurred_at=self.clock.now())
        taken = self.desk.report(report, principal=CITIZEN)
        assert taken.outcome == "open"
        self.number = str(taken.number)
        self.case = self.casebook.case(self.number)
        self.asked_by = ""

    @rule(
        action=st.sampled_from(list(Action)),
        who=st.sampled_from([DISPATCHER, ADMIN, *(force_at(f"T00{i}") for i in (1, 2, 3))]),
        note=st.sampled_from(["", "a reason"]),
        terminal=st.sampled_from([None, None, "T003"]),
    )
    @precondition(lambda self: self.case.status.value in WORKFLOW)
    def act(self, action: Action, who: Principal, note: str, terminal: str | None) -> None:
        self.clock.at += timedelta(seconds=7)
        named = terminal if action is Action.DISPATCH else None
        before, expected = self.case, self._expected(action, who, note)
        if expected is not None:
            with pytest.raises(expected) as refused:
                self.desk.act(self.number, action, principal=who, note=note, terminal=named, more=self._more(action))
            if isinstance(refused.value, IllegalStepError):
                assert all(allowed in str(refused.value) for allowed in self._allowed())
            assert self.casebook.case(self.number) == before
            return
        self.case = self.desk.act(
            self.number, action, principal=who, note=note, terminal=named, more=self._more(action)
        )
        leads = {before.status.value if action in STAYS else LEADS_TO[action]}
        if action is Action.RESUME:
            leads = {before.resumes_to.value}
        if action is Action.REWORK and before.terminal is None:
            leads = {"filed"}
        if action in {Action.FILE, Action.DECLINE, Action.RESUME, Action.REOPEN, Action.REWORK}:
            leads.add("dispatched")
        if action is Action.DISPATCH:
            leads |= set() if named else {before.status.value}
        assert self.case.status in leads
        if action is Action.ASK_EXTENSION:
            self.asked_by = who.name
        assert self.case.version > before.version or self.case == before
        if named:
            assert self.case.terminal == named

    @staticmethod
    def _more(action: Action) -> float | None:
        return 1.0 if action is Action.ASK_EXTENSION else None

    def _allowed(self) -> set[str]:
        hidden = {"ask-extension"} if self.case.asked else DECIDES
        return set(WORKFLOW[self.case.status].split()) - hidden

    def _expected(self, action: Action, who: Principal, note: str) -> type[Exception] | None:
        may = who.role is Role.ADMIN or (who.role is Role.DISPATCHER and action is not Action.VOID)
        by_force = who.role is Role.FORCE
        stranger = by_force and who.terminal != self.case.terminal
        nobodys = action is Action.SELF_HANDLE and self.case.status is Status.FILED
        # In the order in which they are asked.
        refusals = {
            RefusedError: not may and not (by_force and action in BY_FORCE),
            IllegalStepError: action not in self._allowed(),
            NotYourCaseError: stranger and not nobodys,
            PassedOnError: by_force and self.case.bound and action in {Action.DECLINE, Action.RETURN},
            ReasonMissingError: action in NEEDS_REASON and not note,
            ExtensionError: action is Action.ASK_EXTENSION and self.case.extended > 0,
            OwnExtensionError: action in DECIDES and who.name == self.asked_by,
            NothingShownError: action in {Action.FIRST_RESULT, Action.DONE} and not note,
        }
        return next((error for error, holds in refusals.items() if holds), None)

    @invariant()
    def row_history_and_chain_agree(self) -> None:
        stored = self.casebook.case(self.number)
        events = self.casebook.events(self.number)
        assert stored == self.case
        assert rebuild(events) == stored
        assert stored.version == len(events)
        assert [event.status for event in events][-1] is stored.status
        assert chain_faults(self.casebook.entries(self.number)) == ()

    def teardown(self) -> None:
        if "void" in WORKFLOW[self.case.status]:
            self.desk.act(self.number, Action.VOID, principal=ADMIN, note="the test is over")


class TestSteps(Steps.TestCase):
    settings = settings(
        max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )

    @classmethod
    def tearDownClass(cls) -> None:
        if Steps.casebook is not None:
            Steps.casebook.close()
        Steps.folder.cleanup()
