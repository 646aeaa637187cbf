"""Cases over HTTP: list, report, read, act."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime

from api.case_now import CaseNowOut, case_now
from api.case_queries import case_filter
from api.dependencies import ServicesIn, Who
from api.reach import narrowed, require_case
from api.schemas import ActionIn, CaseOut, CasesOut, EventOut, EventsOut, ReportIn, TakenOut
from pipeline.cases import Action
from pipeline.desk import Report

router = APIRouter(prefix="/api/v1/cases", tags=["cases"])
Number = Annotated[str, Path(max_length=64, description="such as YP20261123-0001")]
Texts = Annotated[list[str], Query(max_length=50)]
Text = Annotated[str | None, Query(max_length=200)]


@router.get("")
def list_cases(  # noqa: PLR0913, PLR0917 - the query's parameters, one by one
    services: ServicesIn,
    who: Who,
    request: Request,
    response: Response,
    status: Texts = [],  # noqa: B006 - FastAPI reads it as a default and copies it
    grid: Texts = [],  # noqa: B006 - the same
    channel: Texts = [],  # noqa: B006 - the same
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    bbox: Text = None,
    terminal: Text = None,
    after: Text = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> CasesOut:
    """List cases, newest number first; `next` and the Link header lead to the page that follows."""
    wanted = case_filter(
        services.site,
        status=status,
        grid=grid,
        channel=channel,
        since=since,
        until=until,
        bbox=bbox,
        terminal=terminal,
        after=after,
        limit=limit,
    )
    page = services.casebook.cases(narrowed(who, wanted))
    following = None
    if page.next_after is not None:
        url = request.url.include_query_params(after=page.next_after)
        following = f"{url.path}?{url.query}"
        response.headers["link"] = f'<{following}>; rel="next"'
    return CasesOut(cases=[CaseOut.of(case, services.site) for case in page.cases], next=following)


@router.post("", status_code=201, responses={200: {"model": TakenOut, "description": "attached to a known case"}})
def report(services: ServicesIn, who: Who, body: ReportIn, response: Response) -> TakenOut:
    """Report a problem: 201 with its Location when it opens a case, 200 when it belongs to one or is ignored."""
    taken = services.desk.report(
        Report(
            channel=body.channel,
            category=body.category,
            lonlat=body.lonlat(),
            error_m=body.error_m,
            occurred_at=body.occurred_at,
            description=body.description,
            condition=body.condition,
            hazard=body.hazard,
            ticket=body.ticket.ticket() if body.ticket else None,
            phone=body.phone,
            contact=body.contact,
            self_handled=body.self_handled,
        ),
        principal=who,
    )
    response.status_code = 201 if taken.outcome == "open" else 200
    if taken.number is not None:
        response.headers["location"] = f"/api/v1/cases/{taken.number}"
    return TakenOut.of(taken)


@router.get("/{number}")
def read_case(services: ServicesIn, who: Who, number: Number) -> CaseNowOut:
    """Read a case, with what you may do with it now."""
    return case_now(services, require_case(who, services.casebook.case(number)), who)


@router.get("/{number}/events")
def read_events(services: ServicesIn, who: Who, number: Number) -> EventsOut:
    """Read a case's history, oldest first, with its chain of digests."""
    require_case(who, services.casebook.case(number))
    return EventsOut(events=[EventOut.of(event) for event in services.casebook.events(number)])


@router.post("/{number}/{action}")
def act(services: ServicesIn, who: Who, number: Number, action: Action, body: ActionIn | None = None) -> CaseNowOut:
    """Take a step; a dispatch without a terminal chooses by itself. 409 when the case's status does not allow it."""
    sent = body if body is not None else ActionIn()
    case = services.desk.act(
        number,
        action,
        principal=who,
        note=sent.note,
        terminal=sent.terminal,
        lonlat=sent.lonlat(),
        pictures=tuple(sent.pictures),
        more=sent.more,
    )
    return case_now(services, case, who)
