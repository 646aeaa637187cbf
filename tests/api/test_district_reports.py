"""What the district's people report to a running server comes by the doors that real reports come by."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pytest
from live_console import ADMIN, DISPATCHER, PARK, RUBBISH, LiveConsole, carrier_of, secret_of

from pipeline.casebook import CaseFilter
from pipeline.cases import OPEN, Channel, Status
from pipeline.clocks import FixedClock
from pipeline.district.agents import Agent
from pipeline.district.doors import Answer, Body, Carry, DoorError, Doors, carried_over_http, over_http
from pipeline.district.forces_live import LiveForces
from pipeline.district.forces_run import ForcesRun
from pipeline.district.report_doors import Finding, ReportDoors
from pipeline.district.reports_live import CHANNELS, FIRST_GAP_S, PATIENCE_S, WORDS, LiveReports
from pipeline.principal import Role
from pipeline.site import Site

STEP_S = 4.0
FIRST_ROUND_S = len(CHANNELS) * (FIRST_GAP_S[1] + STEP_S) + STEP_S


@pytest.fixture
def doors(live: LiveConsole, yingpu: Site) -> ReportDoors:
    terminals = {terminal: secret_of(carrier_of(terminal)) for terminal in yingpu.roster.by_terminal()}
    return ReportDoors(
        carry=carried_over_http(live.url), terminals=terminals, desk=secret_of(DISPATCHER), admin=secret_of(ADMIN)
    )


def finding(live: LiveConsole) -> Finding:
    return Finding(category=RUBBISH, lonlat=PARK, at=live.clock.now(), words=WORDS)


Made = Callable[..., LiveReports]


@pytest.fixture
def people(live: LiveConsole, yingpu: Site, doors: ReportDoors) -> Made:
    """Return what makes people who report."""

    def made(*, carry: Carry = doors.carry, admin: str = doors.admin) -> LiveReports:
        return LiveReports(yingpu, replace(doors, carry=carry, admin=admin), start=live.clock.now(), seed=1)

    return made


@pytest.fixture
def agents(live: LiveConsole, yingpu: Site) -> list[Agent]:
    """Return who is on patrol."""
    desk, casebook = live.services.desk, live.services.casebook
    run = ForcesRun(site=yingpu, casebook=casebook, desk=desk, clock=FixedClock(live.clock.now()), seed=1)
    return list(run.agents.values())


def passes(live: LiveConsole, reports: LiveReports, agents: list[Agent], seconds: float) -> None:
    for _ in range(round(seconds / STEP_S)):
        live.clock.at += timedelta(seconds=STEP_S)
        known = live.services.casebook.cases(CaseFilter(statuses=OPEN, limit=100)).cases
        reports.once(live.clock.now(), open_cases=known, agents=agents)


def sight(live: LiveConsole) -> str:
    return live.sight(cv2.imencode(".jpg", np.zeros((120, 160, 3), np.uint8))[1].tobytes())


def reported(live: LiveConsole) -> list[Channel]:
    """Return the channels of what was reported, the first first."""
    cases = live.services.casebook.cases(CaseFilter(limit=100)).cases
    return [each.channel for each in reversed(cases) if each.channel is not Channel.INTELLIGENT]


def test_a_patrol_reports_with_its_terminal_s_token(live: LiveConsole, doors: ReportDoors):
    number = doors.patrol(finding(live), "T001")
    case = live.services.casebook.case(number)
    assert (case.channel, case.category, case.description) == (Channel.PATROL, RUBBISH, WORDS)
    opened = live.services.casebook.events(number)[0]
    assert (opened.actor, opened.role) == ("carrier T001", Role.FORCE)


def test_a_citizen_reports_by_a_printed_code_without_a_token(live: LiveConsole, doors: ReportDoors):
    (code,) = doors.print_places([("park gate, north", PARK)])
    receipt = doors.public(code, category=RUBBISH, words="满了 & full")
    with live.client() as anybody:
        told = anybody.get(f"/api/v1/q/receipts/{receipt}").json()
    assert told["status"] == "reported"
    (case,) = live.services.casebook.cases(CaseFilter(channels=frozenset({Channel.PUBLIC}))).cases
    assert (case.description, case.status) == ("满了 & full", Status.REPORTED)
    assert case.lonlat == pytest.approx(PARK, abs=1e-9)
    assert live.services.casebook.events(case.number)[0].role is Role.CITIZEN


def test_the_hotline_s_ticket_is_imported_once(live: LiveConsole, doors: ReportDoors):
    number = doors.hotline(finding(live), "D-1")
    assert live.services.casebook.case(number).channel is Channel.HOTLINE
    assert doors.hotline(finding(live), "D-1") == number
    outside = replace(finding(live), lonlat=PARK._replace(lon=PARK.lon + 1.0))
    with pytest.raises(DoorError, match="D-2"):
        doors.hotline(outside, "D-2")


def test_once_a_camera_has_found_something_every_channel_reports(live: LiveConsole, people: Made, agents: list[Agent]):
    reports = people()
    passes(live, reports, agents, PATIENCE_S - 2 * STEP_S)
    assert reported(live) == []
    sight(live)
    passes(live, reports, agents, FIRST_ROUND_S)
    assert set(reported(live)) == set(CHANNELS)
    passes(live, reports, agents, 600.0)
    assert 6 <= sum(reports.sent.values()) <= 20
    assert len(reported(live)) <= sum(reports.sent.values())


def test_people_do_not_wait_for_cameras_for_ever(live: LiveConsole, people: Made, agents: list[Agent]):
    passes(live, people(), agents, PATIENCE_S + FIRST_ROUND_S)
    assert set(reported(live)) == set(CHANNELS)


def test_where_nobody_is_on_patrol_the_hotline_is_called(live: LiveConsole, people: Made):
    reports = people()
    sight(live)
    passes(live, reports, [], FIRST_ROUND_S)
    assert set(reported(live)) == {Channel.PUBLIC, Channel.HOTLINE}
    assert reports.sent[Channel.HOTLINE] >= 2


def test_a_refused_report_is_told_and_the_others_come(
    live: LiveConsole, people: Made, agents: list[Agent], caplog: pytest.LogCaptureFixture
):
    reports = people(admin=secret_of(DISPATCHER))
    sight(live)
    passes(live, reports, agents, FIRST_ROUND_S)
    assert set(reported(live)) == {Channel.PATROL, Channel.HOTLINE}
    assert reports.sent[Channel.PUBLIC] == 0
    assert any("channel public was refused" in each.getMessage() for each in caplog.records)


def test_what_could_not_be_sent_comes_when_the_server_is_heard_again(
    live: LiveConsole, people: Made, doors: ReportDoors, agents: list[Agent]
):
    heard = [False]

    def carry(method: str, path: str, token: str | None, body: Body | None) -> Answer:
        if not heard[0]:
            raise OSError("no signal")
        return doors.carry(method, path, token, body)

    reports = people(carry=carry)
    sight(live)
    with pytest.raises(OSError, match="no signal"):
        passes(live, reports, agents, FIRST_ROUND_S)
    with pytest.raises(OSError, match="no signal"):
        passes(live, reports, agents, STEP_S)
    heard[0] = True
    passes(live, reports, agents, FIRST_ROUND_S)
    assert set(reported(live)) == set(CHANNELS)
    assert sum(reports.sent.values()) <= len(CHANNELS) + 1, "what waited does not come all at once"


def test_the_forces_let_people_report_beside_them(live: LiveConsole, yingpu: Site, doors: ReportDoors, people: Made):
    reports = people()
    asked = Doors(send=over_http(live.url), tokens={**doors.terminals, "": doors.desk})
    forces = LiveForces(yingpu, asked, clock=live.clock, seed=1, reports=reports)
    sight(live)
    for _ in range(4):
        live.clock.at += timedelta(seconds=FIRST_GAP_S[1])
        forces.once()
    assert reports.sent == dict.fromkeys(CHANNELS, 1)
    assert set(reported(live)) == set(CHANNELS)
