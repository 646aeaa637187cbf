"""The terminal's page: what a force is offered, holds and has a part in, with large buttons; works at 360 pixels."""

import json
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.dependencies import PeopleGateIn, ServicesIn, Who
from api.page_frame import frame_of, shown
from api.phone_tasks import tasks_of
from api.reach import DESK, require_terminal
from api.routes.console import boot_of
from api.sent_steps import SentStep, call_false, report_further, report_part, sent_step, take
from api.terminals_now import carrier
from api.words import words_for
from pipeline.cases import Action
from pipeline.errors import UnknownError
from pipeline.trust import FalseReason

router = APIRouter(include_in_schema=False)
Ident = Annotated[str, Path(max_length=64)]
Number = Annotated[str, Path(max_length=64)]
Sent = Annotated[SentStep, Depends(sent_step)]
Told = Annotated[str, Query(max_length=40)]
_AGAIN = "again"


@router.get("/terminal")
def phone(
    request: Request,
    services: ServicesIn,
    who: Who,
    terminal: Annotated[str | None, Query(max_length=64)] = None,
    told: Told = "",
) -> Response:
    """Show a force its own terminal, and the desk any (`?terminal=T001`)."""
    ident = terminal or who.terminal
    if ident is None:
        raise UnknownError("terminal", "", sorted(services.site.roster.by_terminal()))
    force = carrier(services, require_terminal(who, ident))
    spoken = words_for(request)
    values = {
        **frame_of(services, who, spoken),
        **tasks_of(services, who, ident, spoken),
        "force": force,
        "on_duty": force.on_duty(services.clock.now(), services.site.settings.timezone),
        "desk_view": who.role in DESK,
        "told": spoken.under("told").get(told, ""),
        "boot": {
            **boot_of(services, spoken),
            "terminal": ident,
            "own": who.terminal == ident,
            "who": who.name,
            "phone": spoken.under("phone"),
        },
    }
    return shown(request, "phone.html", values)


@router.get("/terminal/{ident}/tasks")
def tasks(request: Request, services: ServicesIn, who: Who, ident: Ident) -> Response:
    """Send the tasks of a terminal."""
    carrier(services, require_terminal(who, ident))
    spoken = words_for(request)
    values = {**frame_of(services, who, spoken), **tasks_of(services, who, ident, spoken)}
    return shown(request, "phone_tasks.html", values)


@router.post("/terminal/{ident}/cases/{number}/false")
def say_false(
    request: Request,
    services: ServicesIn,
    who: Who,
    ident: Ident,
    number: Number,
    reason: Annotated[FalseReason, Form()],
    sent: Sent,
) -> Response:
    """Take a force's word that there was no problem, and send the tasks after it."""
    require_terminal(who, ident)
    now = call_false(services, who, number, reason, sent)
    return _after(request, services, who, ident, told="false" if now else _AGAIN)


@router.post("/terminal/{ident}/cases/{number}/picture")
async def picture(
    request: Request, services: ServicesIn, gate: PeopleGateIn, who: Who, ident: Ident, number: Number, sent: Sent
) -> Response:
    """Take a further report with a picture, and send the tasks after it."""
    require_terminal(who, ident)
    work = _told(lambda: report_further(services, who, number, sent), "picture")
    told = await gate.run(work)
    return await run_in_threadpool(_after, request, services, who, ident, told=told)


@router.post("/terminal/{ident}/cases/{number}/joint/{department}")
def part(
    request: Request,
    services: ServicesIn,
    who: Who,
    ident: Ident,
    number: Number,
    department: Annotated[str, Path(max_length=80)],
    sent: Sent,
) -> Response:
    """Take the report of a department's part in a joint action, and send the tasks after it."""
    require_terminal(who, ident)
    now = report_part(services, who, number, department, sent)
    return _after(request, services, who, ident, told="joint-part" if now else _AGAIN)


@router.post("/terminal/{ident}/cases/{number}/{action}")
async def act(
    request: Request,
    services: ServicesIn,
    gate: PeopleGateIn,
    who: Who,
    ident: Ident,
    number: Number,
    action: Action,
    sent: Sent,
) -> Response:
    """Take a step on a task and send the tasks after it; without scripts, go back to the page."""
    require_terminal(who, ident)
    work = _told(lambda: take(services, who, number, action, sent), action.value)
    # Only pictures are work; a step without one never waits behind them.
    told = await gate.run(work) if sent.picture is not None else await run_in_threadpool(work)
    return await run_in_threadpool(_after, request, services, who, ident, told=told)


def _told(work: Callable[[], bool], told: str) -> Callable[[], str]:
    return lambda: told if work() else _AGAIN


def _after(request: Request, services: ServicesIn, who: Who, ident: str, *, told: str) -> Response:
    """Send the tasks, and in a header what happened, in words; without scripts, go back to the page, which says it."""
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/terminal?terminal={ident}&told={told}", status_code=303)
    answer = tasks(request, services, who, ident)
    words = words_for(request).under("told")
    answer.headers["hx-trigger"] = json.dumps({"told": {"text": words.get(told, words[_AGAIN])}})
    return answer
