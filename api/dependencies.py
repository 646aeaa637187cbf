"""What routes are handed: the services, who asks, and the stream of changes.

These run on the event loop, since a thread for each of them costs more than they do; what reads the casebook has one.
"""

from typing import Annotated

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from api.auth import principal_of
from api.frame_gate import FrameGate
from api.permissions import require_door
from api.services import Services
from api.site_now import SiteNow
from api.stream import Changes
from pipeline.front_desk import FrontDesk
from pipeline.principal import Principal


async def services_of(connection: HTTPConnection) -> Services:
    """Return what `create_app` was given, with the site in force."""
    site_now = site_now_of(connection)
    if site_now.is_due():
        await run_in_threadpool(site_now.refresh)
    services = connection.app.state.services
    assert isinstance(services, Services)  # noqa: S101 - create_app puts it there
    return services


def site_now_of(connection: HTTPConnection) -> SiteNow:
    """Return what keeps the site at its newest version."""
    found = connection.app.state.site_now
    assert isinstance(found, SiteNow)  # noqa: S101 - create_app puts it there
    return found


async def site_now_in(connection: HTTPConnection) -> SiteNow:
    """Return what keeps the site at its newest version."""
    return site_now_of(connection)


async def changes_of(connection: HTTPConnection) -> Changes:
    """Return the tail of the casebook."""
    changes = connection.app.state.changes
    assert isinstance(changes, Changes)  # noqa: S101 - create_app puts it there
    return changes


async def frame_gate_of(connection: HTTPConnection) -> FrameGate:
    """Return the gate that pushed frames pass."""
    gate = connection.app.state.frame_gate
    assert isinstance(gate, FrameGate)  # noqa: S101 - create_app puts it there
    return gate


async def who_asks(connection: HTTPConnection, services: Annotated[Services, Depends(services_of)]) -> Principal:
    """Return the principal of a request; anonymous ones are refused, and those whose role has no business here."""
    who = principal_of(connection, services.tokens)
    require_door(connection, who)
    return who


async def front_desk_of(services: Annotated[Services, Depends(services_of)]) -> FrontDesk:
    """Return the desk for what comes in from outside."""
    return FrontDesk(site=services.site, casebook=services.casebook, desk=services.desk, clock=services.clock)


async def people_gate_of(connection: HTTPConnection) -> FrameGate:
    """Return the gate that people's reports pass, apart from cameras', so that neither keeps the other waiting."""
    gate = connection.app.state.people_gate
    assert isinstance(gate, FrameGate)  # noqa: S101 - create_app puts it there
    return gate


PeopleGateIn = Annotated[FrameGate, Depends(people_gate_of)]
FrontDeskIn = Annotated[FrontDesk, Depends(front_desk_of)]
ServicesIn = Annotated[Services, Depends(services_of)]
ChangesIn = Annotated[Changes, Depends(changes_of)]
SiteNowIn = Annotated[SiteNow, Depends(site_now_in)]
FrameGateIn = Annotated[FrameGate, Depends(frame_gate_of)]
Who = Annotated[Principal, Depends(who_asks)]
