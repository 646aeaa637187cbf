"""The dispatch console: one page, and the fragments that keep it current."""

from dataclasses import fields
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.responses import Response

from api.case_panel import panel_of
from api.case_views import CaseView, View, figures
from api.dependencies import ServicesIn, Who
from api.page_frame import frame_of, shown
from api.reach import OVERSEERS, require_case
from api.services import Services
from api.situation import MOST_ROWS, Wanted, found_today, open_cases, overview, rows, situation
from api.words import Words, words_for
from pipeline.cases import Action, Channel
from pipeline.principal import Principal, Role

router = APIRouter(include_in_schema=False)
Number = Annotated[str, Path(max_length=64)]


def wanted_of(
    view: View = View.OPEN,
    grid: Annotated[str, Query(max_length=120)] = "",
    channel: Annotated[str, Query(max_length=40)] = "",
    urgent: bool = False,  # noqa: FBT001, FBT002 - a query parameter
    key_items: bool = False,  # noqa: FBT001, FBT002 - a query parameter
) -> Wanted:
    """Return what the filters ask for."""
    return Wanted(view=view, grid=grid, channel=channel, urgent=urgent, key_items=key_items)


Filters = Annotated[Wanted, Depends(wanted_of)]


@router.get("/")
def console(
    request: Request,
    services: ServicesIn,
    who: Who,
    wanted: Filters,
    case: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Show the console; a force is sent to its own page."""
    if who.role is Role.FORCE:
        return RedirectResponse("/terminal", status_code=303)
    who.require("open the console", *OVERSEERS)
    spoken = words_for(request)
    among = open_cases(services, who, spoken)
    values = {
        **frame_of(services, who, spoken),
        **_queue(services, who, spoken, wanted, among),
        "bar_figures": {**figures(among), **found_today(services, who)},
        "overview": overview(services, who, among),
        "selected": False,
        "selected_number": case or "",
        "boot": boot_of(services, spoken),
    }
    if case is not None:
        chosen = require_case(who, services.casebook.case(case))
        values |= {**_panel(services, chosen.number, who, spoken), "selected": True}
    return shown(request, "console.html", values)


@router.get("/console/queue")
def queue(
    request: Request,
    services: ServicesIn,
    who: Who,
    wanted: Filters,
    case: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Send the list of cases as the filters ask for it."""
    who.require("open the console", *OVERSEERS)
    spoken = words_for(request)
    values = _queue(services, who, spoken, wanted, open_cases(services, who, spoken))
    return shown(request, "queue.html", {**frame_of(services, who, spoken), **values, "selected_number": case})


@router.get("/console/situation")
def read_situation(request: Request, services: ServicesIn, who: Who) -> JSONResponse:
    """Send figures, open cases and terminals for the map."""
    who.require("open the console", *OVERSEERS)
    return JSONResponse(situation(services, who, words_for(request)))


@router.get("/console/overview")
def read_overview(request: Request, services: ServicesIn, who: Who) -> Response:
    """Send the grids' lines, which the panel shows while no case is chosen."""
    who.require("open the console", *OVERSEERS)
    spoken = words_for(request)
    lines = overview(services, who, open_cases(services, who, spoken))
    return shown(request, "overview.html", {**frame_of(services, who, spoken), "overview": lines})


@router.get("/console/cases/{number}")
def panel(request: Request, services: ServicesIn, who: Who, number: Number) -> Response:
    """Send the panel of a case."""
    who.require("open the console", *OVERSEERS)
    spoken = words_for(request)
    values = {**frame_of(services, who, spoken), **_panel(services, number, who, spoken)}
    return shown(request, "panel.html", values)


@router.post("/console/cases/{number}/{action}")
def act(
    request: Request,
    services: ServicesIn,
    who: Who,
    number: Number,
    action: Action,
    note: Annotated[str, Form(max_length=1000)] = "",
    terminal: Annotated[str, Form(max_length=120)] = "",
    more: Annotated[float | None, Form(gt=0, le=1000, allow_inf_nan=False)] = None,
) -> Response:
    """Take a step and send the panel after it; without scripts, go back to the page."""
    require_case(who, services.casebook.case(number))
    to = terminal if action is Action.DISPATCH and terminal else None
    time = more if action is Action.ASK_EXTENSION else None
    services.desk.act(number, action, principal=who, note=note.strip(), terminal=to, more=time)
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/?case={number}", status_code=303)
    return panel(request, services, who, number)


def boot_of(services: Services, spoken: Words) -> dict[str, object]:
    """Return what the page's scripts start from."""
    extent = services.site.settings.extent
    return {
        "language": spoken.language,
        "zone": services.site.settings.timezone.key,
        "extent": [float(value) for value in extent],
        "words": spoken.under("js"),
        "problems": spoken.under("problem"),
    }


def _queue(
    services: Services, who: Principal, spoken: Words, wanted: Wanted, among: list[CaseView]
) -> dict[str, object]:
    found = rows(services, who, spoken, wanted=wanted, among=among)
    grids = [grid for grid in services.site.boundaries.grids if who.grids is None or grid.code in who.grids]
    return {
        "views": list(View),
        "wanted": wanted,
        "counts": figures(among),
        "grids": grids,
        "channels": list(Channel),
        "rows": found[:MOST_ROWS],
        "more": max(0, len(found) - MOST_ROWS),
    }


def _panel(services: Services, number: str, who: Principal, spoken: Words) -> dict[str, object]:
    case = require_case(who, services.casebook.case(number))
    found = panel_of(services, case, who, spoken)
    return {field.name: getattr(found, field.name) for field in fields(found)}
