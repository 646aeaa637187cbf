"""The terminal's page: what a force is offered and holds, with large buttons; works at 360 pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from api.case_views import CaseView, case_view, offer_until
from api.dependencies import ServicesIn, Who
from api.page_frame import frame_of, shown
from api.reach import DESK, require_case, require_terminal
from api.routes.console import boot_of
from api.services import Services
from api.terminals_now import carrier
from api.words import Words, words_for
from geo.metric import distance_m
from pipeline.casebook import Evidence
from pipeline.cases import Action, Case, Status
from pipeline.errors import UnknownError
from pipeline.principal import Principal
from pipeline.trust import FalseReason

router = APIRouter(include_in_schema=False)
Ident = Annotated[str, Path(max_length=64)]
_MOST_PICTURES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A case as a force sees it.

    Attributes:
        offer_from, offer_until: how long the offer stands; None when it is taken.
        distance_m: from the last known position, as the crow flies.
    """

    view: CaseView
    offer_from: datetime
    offer_until: datetime | None
    distance_m: float | None
    pictures: Sequence[Evidence]


@router.get("/terminal")
def phone(
    request: Request, services: ServicesIn, who: Who, terminal: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """Show a force its own terminal, and the desk any (`?terminal=T001`)."""
    ident = terminal or who.terminal
    if ident is None:
        raise UnknownError("terminal", "", sorted(services.site.roster.by_terminal()))
    force = carrier(services, require_terminal(who, ident))
    spoken = words_for(request)
    values = {
        **_tasks(services, who, ident, spoken),
        "force": force,
        "on_duty": force.on_duty(services.clock.now(), services.site.settings.timezone),
        "desk_view": who.role in DESK,
        "boot": {
            **boot_of(services, spoken),
            "terminal": ident,
            "own": who.terminal == ident,
            "phone": spoken.under("phone"),
        },
    }
    return shown(request, "phone.html", values)


@router.get("/terminal/{ident}/tasks")
def tasks(request: Request, services: ServicesIn, who: Who, ident: Ident) -> Response:
    """Send the tasks of a terminal."""
    carrier(services, require_terminal(who, ident))
    return shown(request, "phone_tasks.html", _tasks(services, who, ident, words_for(request)))


@router.post("/terminal/{ident}/cases/{number}/{action}")
def act(
    request: Request,
    services: ServicesIn,
    who: Who,
    ident: Ident,
    number: Annotated[str, Path(max_length=64)],
    action: Action,
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Take a step on a task and send the tasks after it; without scripts, go back to the page."""
    require_terminal(who, ident)
    services.desk.act(number, action, principal=who, note=note.strip())
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/terminal?terminal={ident}", status_code=303)
    return tasks(request, services, who, ident)


def _tasks(services: Services, who: Principal, ident: str, spoken: Words) -> dict[str, object]:
    found = [_task(services, who, ident, case, spoken) for case in services.desk.queue(ident, principal=who)]
    return {
        **frame_of(services, who, spoken),
        "terminal": ident,
        "false_reasons": tuple(FalseReason),
        "offers": [task for task in found if task.view.case.status is Status.DISPATCHED],
        "current": [task for task in found if task.view.case.status is not Status.DISPATCHED],
    }


def _task(services: Services, who: Principal, ident: str, case: Case, spoken: Words) -> Task:
    require_case(who, case)
    here = services.casebook.terminals().get(ident)
    known = here is not None and here.lonlat is not None
    return Task(
        view=case_view(case, services.site, spoken, now=services.clock.now()),
        offer_from=case.updated_at,
        offer_until=offer_until(case, services.site),
        distance_m=distance_m(here.lonlat, case.lonlat) if known and here and here.lonlat else case.distance_m,
        pictures=services.casebook.evidence(case.number)[:_MOST_PICTURES],
    )
