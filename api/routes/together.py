"""What the console opens to several departments: joint action on a case, and consultation about it."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from api.dependencies import ServicesIn, Who
from api.reach import require_case
from api.routes.console import panel
from pipeline.casebook import LimitError
from pipeline.consultations import Meeting
from pipeline.joint_action import JointActionError, JointPlan

router = APIRouter(prefix="/console/cases", include_in_schema=False)
Number = Annotated[str, Path(max_length=64)]
Words = Annotated[str, Form(max_length=1000)]
Codes = Annotated[list[str], Form(max_length=200)]
Code = Annotated[str, Form(max_length=120)]
_FEWEST: Final = 2


@router.post("/{number}/joint")
def open_joint(
    request: Request,
    services: ServicesIn,
    who: Who,
    number: Number,
    department: Codes,
    liaison: Codes,
    lead: Code = "",
    note: Words = "",
) -> Response:
    """Open a case to the departments for which a liaison was chosen, and send the panel after it."""
    require_case(who, services.casebook.case(number))
    chosen = {code: force for code, force in zip(department, liaison, strict=False) if force}
    if len(chosen) < _FEWEST:
        raise JointActionError(
            number, f"{len(chosen)} liaisons were chosen; choose one for each of 2 departments or more"
        )
    services.office.open_joint(number, JointPlan(lead=lead, liaisons=chosen), note=note.strip(), principal=who)
    return _shown(request, services, who, number)


@router.post("/{number}/joint/{department}")
def finish_part(
    request: Request,
    services: ServicesIn,
    who: Who,
    number: Number,
    department: Annotated[str, Path(max_length=80)],
    note: Words = "",
) -> Response:
    """Report a department's part for a liaison that reports by radio, and send the panel after it."""
    require_case(who, services.casebook.case(number))
    services.office.finish_part(number, department, note=note.strip(), principal=who)
    return _shown(request, services, who, number)


@router.post("/{number}/consult")
def put_on_list(
    request: Request, services: ServicesIn, who: Who, number: Number, meeting: Code = "", note: Words = ""
) -> Response:
    """Put a case on the list of a meeting, and send the panel after it."""
    require_case(who, services.casebook.case(number))
    services.office.put_on_list(meeting, number, words=note.strip(), principal=who)
    return _shown(request, services, who, number)


@router.post("/{number}/convene")
def convene(
    request: Request,
    services: ServicesIn,
    who: Who,
    number: Number,
    held_at: Annotated[str, Form(max_length=40)] = "",
    chair: Code = "",
    department: Code = "",
    note: Words = "",
) -> Response:
    """Call a meeting on a case, and send the panel after it; its time is the site's."""
    case = require_case(who, services.casebook.case(number))
    at = _moment(held_at, services)
    attendants = ((chair, department),)
    meeting = Meeting(since=case.recorded_at, until=at, held_at=at, chair=chair, place="", attendants=attendants)
    services.office.convene_on(number, meeting, words=note.strip(), principal=who)
    return _shown(request, services, who, number)


def _moment(text: str, services: ServicesIn) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise LimitError("held_at", repr(text), "a day and time such as 2026-11-24T09:00") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=services.site.settings.timezone)


def _shown(request: Request, services: ServicesIn, who: Who, number: str) -> Response:
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/?case={number}", status_code=303)
    return panel(request, services, who, number)
