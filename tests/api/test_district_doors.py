"""The district's forces at a running server: what they do goes through the doors that real terminals use."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from live_console import DISPATCHER, PARK, LiveConsole, carrier_of, secret_of

from geo.coords import LonLat
from pipeline.casebook import CaseFilter
from pipeline.cases import Action, Status
from pipeline.district.agents import Habits
from pipeline.district.doors import Answer, DoorError, Doors, over_http
from pipeline.district.forces_live import LiveForces
from pipeline.principal import Principal, Role
from pipeline.site import Site


@pytest.fixture
def doors(live: LiveConsole, yingpu: Site) -> Doors:
    tokens = {terminal: secret_of(carrier_of(terminal)) for terminal in yingpu.roster.by_terminal()}
    return Doors(send=over_http(live.url), tokens={**tokens, "": secret_of(DISPATCHER)})


def test_a_case_reads_as_the_casebook_has_it(live: LiveConsole, doors: Doors):
    number = live.report(description="boxes — 箱子")
    assert doors.case(number) == live.services.casebook.case(number)
    found = doors.cases(CaseFilter(statuses=frozenset({Status.DISPATCHED}), limit=10)).cases
    assert [each.number for each in found] == [number]
    assert doors.cases(CaseFilter(statuses=frozenset({Status.CLOSED}), limit=10)).cases == ()


def test_a_case_that_came_back_once_is_known_to_be_bound(live: LiveConsole, doors: Doors):
    """Else its next receiver might decline it, which the server refuses."""
    number = live.report()
    live.services.desk.act(number, Action.ACCEPT, principal=live.holder(number))
    live.services.desk.act(number, Action.RETURN, principal=live.holder(number), note="not mine")
    live.services.desk.act(number, Action.DISPATCH, principal=DISPATCHER)
    stored = live.services.casebook.case(number)
    assert stored.bound
    assert stored.status is Status.DISPATCHED
    assert replace(doors.case(number), handle_by=None) == replace(stored, handle_by=None)
    assert doors.case(number) == stored


def test_forces_that_decline_all_they_may_accept_what_came_back(live: LiveConsole, yingpu: Site, doors: Doors):
    number = live.report()
    live.services.desk.act(number, Action.ACCEPT, principal=live.holder(number))
    live.services.desk.act(number, Action.RETURN, principal=live.holder(number), note="not mine")
    live.services.desk.act(number, Action.DISPATCH, principal=DISPATCHER)
    forces = LiveForces(yingpu, doors, clock=live.clock, seed=5, habits=Habits(declines=1.0, ignores=0.0))
    for _ in range(60):
        live.clock.at += timedelta(seconds=5)
        forces.once()
    actions = [event.action for event in live.services.casebook.events(number)]
    assert actions.count("decline") == 0
    assert actions.count("accept") == 2


def test_a_terminal_s_place_is_told_with_its_own_token(live: LiveConsole, doors: Doors):
    at = live.clock.now()
    assert doors.write(lambda told: told.save_position("T001", PARK, at))
    assert not doors.write(lambda told: told.save_position("T001", PARK, at - timedelta(seconds=1)))
    assert live.services.casebook.terminals()["T001"].lonlat == LonLat(PARK.lon, PARK.lat)


def test_nobody_takes_a_step_for_another(live: LiveConsole, doors: Doors):
    number = live.report()
    holder = live.services.casebook.case(number).terminal
    other = next(each for each in doors.tokens if each not in {"", holder})
    with pytest.raises(DoorError, match=f"not with {other}") as refused:
        doors.act(number, Action.ACCEPT, principal=Principal(name="x", role=Role.FORCE, terminal=other))
    assert refused.value.status == 409
    assert live.services.casebook.case(number).status is Status.DISPATCHED


def test_a_case_that_does_not_exist_is_refused(doors: Doors):
    with pytest.raises(DoorError, match="404"):
        doors.case("YP20990101-0001")


def test_the_forces_bring_a_case_from_offer_to_its_end(live: LiveConsole, yingpu: Site, doors: Doors):
    forces = LiveForces(yingpu, doors, clock=live.clock, seed=5)
    number = live.report()
    for _ in range(600):
        live.clock.at += timedelta(seconds=5)
        forces.once()
        live.services.desk.pass_over()  # the server's keeper does so
        live.services.desk.retry_undispatched()
        if live.services.casebook.case(number).status is Status.CLOSED:
            break
    steps = [event.action for event in live.services.casebook.events(number)]
    assert steps[-1] == "close"
    assert {"accept", "arrive", "first-result", "done", "check"} <= set(steps)
    assert forces.steps >= 6
    acted = [event for event in live.services.casebook.events(number) if event.action in {"accept", "arrive", "done"}]
    assert {event.role for event in acted} == {Role.FORCE}
    assert len(live.services.casebook.terminals()) > 20


def test_a_server_that_ends_is_not_told_and_one_that_stays_away_is_in_a_line(
    live: LiveConsole, yingpu: Site, doors: Doors, caplog: pytest.LogCaptureFixture
):
    def send(*_: object) -> Answer:
        raise OSError("connection refused")

    forces = LiveForces(yingpu, Doors(send=send, tokens=doors.tokens), clock=live.clock, seed=5)
    forces.tried()
    assert caplog.records == []
    forces.tried()
    (told,) = caplog.records
    assert told.getMessage().endswith("they try again: connection refused")
    assert told.exc_info is None


def test_forces_that_were_not_heard_go_on_where_they_stood(live: LiveConsole, yingpu: Site, doors: Doors):
    sent = doors.send
    heard = [True]

    def send(method: str, path: str, token: str, body: Mapping[str, object] | None) -> Answer:
        if not heard[0]:
            raise OSError("no signal")
        return sent(method, path, token, body)

    forces = LiveForces(yingpu, Doors(send=send, tokens=doors.tokens), clock=live.clock, seed=5)
    number = live.report()
    for round_ in range(600):
        live.clock.at += timedelta(seconds=5)
        heard[0] = round_ % 3 != 1
        forces.tried()
        live.services.desk.pass_over()
        live.services.desk.retry_undispatched()
        if live.services.casebook.case(number).status is Status.CLOSED:
            break
    actions = [event.action for event in live.services.casebook.events(number)]
    assert actions[-1] == "close"
    assert all(actions.count(each) == 1 for each in ("arrive", "done", "check", "close"))
