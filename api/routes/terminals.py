"""Terminals over HTTP: where they are, what they hold, where they say they are."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from api.case_now import CaseNowOut, case_now
from api.dependencies import ServicesIn, Who
from api.reach import READERS, require_terminal
from api.schemas import MovedOut, PositionIn, TerminalOut, TerminalsOut
from api.terminals_now import TerminalNow, carrier, terminals_now

router = APIRouter(prefix="/api/v1/terminals", tags=["terminals"])
Ident = Annotated[str, Path(max_length=64, description="such as T001")]


class QueueOut(BaseModel):
    """The cases that a terminal holds or is offered, with what may be done with each."""

    terminal: str
    cases: list[CaseNowOut]


@router.get("")
def list_terminals(services: ServicesIn, who: Who) -> TerminalsOut:
    """List the terminals in reach with carrier, position and load."""
    who.require("read terminals", *READERS)
    return TerminalsOut(terminals=[_out(each) for each in terminals_now(services, who)])


@router.get("/{ident}/queue")
def read_queue(services: ServicesIn, who: Who, ident: Ident) -> QueueOut:
    """Read what a terminal is offered and holds."""
    carrier(services, require_terminal(who, ident))
    cases = services.desk.queue(ident, principal=who)
    return QueueOut(terminal=ident, cases=[case_now(services, case, who) for case in cases])


@router.put("/{ident}/position")
def move(services: ServicesIn, who: Who, ident: Ident, body: PositionIn) -> MovedOut:
    """Report where a terminal is; a position older than the last one is not stored."""
    carrier(services, require_terminal(who, ident))
    lonlat = body.lonlat()
    at = body.at if body.at is not None else services.clock.now()
    stored = services.desk.move(ident, lonlat, at=at, principal=who)
    return MovedOut(terminal=ident, stored=stored, lon=lonlat.lon, lat=lonlat.lat)


def _out(each: TerminalNow) -> TerminalOut:
    return TerminalOut(
        id=each.id,
        force=each.force.number,
        name=each.force.name,
        name_zh=each.force.name_zh,
        role=each.force.role,
        department=each.force.department,
        stage=each.force.stage,
        grid=each.force.grid,
        on_duty=each.on_duty,
        lon=each.lonlat.lon,
        lat=each.lonlat.lat,
        at_post=each.terminal.lonlat is None,
        positioned_at=each.terminal.positioned_at,
        open_cases=each.terminal.open_cases,
    )
