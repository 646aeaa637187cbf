"""The trust ladder over HTTP: levels with their intervals, trials and their verdicts, and "it was false"."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.case_now import CaseNowOut, case_now
from api.dependencies import ServicesIn, Who
from api.reach import require_case
from api.routes.console import panel
from api.trust_schemas import FalseIn, LevelIn, TrialOut, TrialsOut, TrustOut, TrustsOut, VerdictIn
from pipeline.errors import UnknownError
from pipeline.originals import ErasedError
from pipeline.trust import FalseReason

router = APIRouter(tags=["trust"])
Number = Annotated[str, Path(max_length=64)]
Ident = Annotated[str, Path(max_length=120)]
_KEEP = {"cache-control": "private, max-age=86400, immutable", "content-disposition": "inline"}


@router.get("/api/v1/cameras/trust")
def read_levels(services: ServicesIn, who: Who) -> TrustsOut:
    """List every scene at every camera in reach with its level and the 95 % interval of its precision."""
    return TrustsOut(scenes=[TrustOut.of(each) for each in services.desk.trust.levels(principal=who)])


@router.put("/api/v1/cameras/{camera}/scenes/{scene}/trust")
def set_level(services: ServicesIn, who: Who, camera: Ident, scene: Ident, body: LevelIn) -> TrustOut:
    """Put a scene at a camera on a level; outcomes are counted anew from now. Administrators only."""
    services.desk.trust.set_level(camera, scene, body.level, reason=body.reason, principal=who)
    found = services.desk.trust.levels(principal=who)
    return TrustOut.of(next(e for e in found if (e.standing.camera, e.standing.scene) == (camera, scene)))


@router.get("/api/v1/trials")
def list_trials(
    services: ServicesIn,
    who: Who,
    judged: bool = False,  # noqa: FBT001, FBT002 - a query parameter
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> TrialsOut:
    """List what scenes in shadow found, newest first: what waits for a verdict, or what has one."""
    found = services.desk.trust.trials(principal=who, judged=judged, limit=limit)
    return TrialsOut(trials=[TrialOut.of(each) for each in found])


@router.get(
    "/api/v1/trials/{ident}/pictures/{place}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
def read_trial_picture(
    services: ServicesIn, who: Who, ident: Ident, place: Annotated[int, Path(ge=0, le=9)]
) -> Response:
    """Send a picture of a trial: blurred by the privacy rule before it was stored."""
    trial = services.desk.trust.trial(ident, principal=who)
    if place >= len(trial.pictures):
        raise UnknownError("picture", f"{ident}/{place}")
    if not trial.pictures[place].path:
        raise ErasedError(f"{ident}/{place}", "picture")
    return Response(services.evidence.open(trial.pictures[place].path), media_type="image/jpeg", headers=_KEEP)


@router.post("/api/v1/trials/{ident}/verdict")
def judge_trial(services: ServicesIn, who: Who, ident: Ident, body: VerdictIn) -> TrialOut:
    """Say whether what a scene in shadow found was a problem; a false one needs a reason."""
    judged = services.desk.trust.judge_trial(ident, confirmed=body.confirmed, reason=body.reason, principal=who)
    return TrialOut.of(judged)


@router.post("/api/v1/cases/{number}/false", tags=["cases"])
def say_false(services: ServicesIn, who: Who, number: Number, body: FalseIn) -> CaseNowOut:
    """Say that a case was no problem: a force sends it back, the desk refuses it; the scenes that saw it are told."""
    case = services.desk.trust.say_false(number, body.reason, note=body.note, principal=who)
    return case_now(services, case, who)


@router.post("/console/cases/{number}/false", include_in_schema=False)
def say_false_at_desk(
    request: Request,
    services: ServicesIn,
    who: Who,
    number: Number,
    reason: Annotated[FalseReason, Form()],
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Take the desk's word and send the panel after it."""
    require_case(who, services.casebook.case(number))
    services.desk.trust.say_false(number, reason, note=note.strip(), principal=who)
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/?case={number}", status_code=303)
    return panel(request, services, who, number)


@router.post("/cameras/trials/{ident}", include_in_schema=False)
def judge_on_page(
    services: ServicesIn,
    who: Who,
    ident: Ident,
    verdict: Annotated[str, Form(max_length=40)],
) -> Response:
    """Take a verdict from the cameras page: `confirmed`, or why it was false."""
    confirmed = verdict == "confirmed"
    reason = None if confirmed else FalseReason(verdict) if verdict in tuple(FalseReason) else None
    services.desk.trust.judge_trial(ident, confirmed=confirmed, reason=reason, principal=who)
    return RedirectResponse("/cameras", status_code=303)
