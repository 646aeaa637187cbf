"""Merging and splitting cases over HTTP and at the console, and opening a sealed original with a reason."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from api.case_now import CaseNowOut, case_now
from api.dependencies import ServicesIn, Who
from api.reach import require_case
from api.routes.console import panel
from api.schemas import CaseOut
from api.trust_schemas import AlikeOut, MergeIn, ReasonIn, SplitIn, SplitOut

router = APIRouter(tags=["cases"])
Number = Annotated[str, Path(max_length=64)]
Ident = Annotated[str, Path(max_length=120)]
Words = Annotated[str, Form(max_length=300)]
# What was sealed is sent once and kept nowhere on the way.
_NEVER_KEPT = {"cache-control": "no-store", "content-disposition": "inline"}
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}


@router.get("/api/v1/cases/{number}/alike")
def list_alike(services: ServicesIn, who: Who, number: Number) -> AlikeOut:
    """List the cases of the category nearby, open or lately ended, that may be the same problem."""
    found = services.desk.merging.alike(number, principal=who)
    return AlikeOut(cases=[CaseOut.of(each, services.site) for each in found])


@router.get("/api/v1/cases/{number}/merged")
def list_merged(services: ServicesIn, who: Who, number: Number) -> AlikeOut:
    """List the cases that were merged into one."""
    require_case(who, services.casebook.case(number))
    found = services.casebook.read(lambda asked: asked.merged(number))
    return AlikeOut(cases=[CaseOut.of(each, services.site) for each in found])


@router.post("/api/v1/cases/{number}/merge")
def merge(services: ServicesIn, who: Who, number: Number, body: MergeIn) -> CaseNowOut:
    """Make a case part of another and send the other; nothing is moved, and it can be undone."""
    stays = services.desk.merging.merge(number, into=body.into, reason=body.reason, principal=who)
    return case_now(services, stays, who)


@router.post("/api/v1/cases/{number}/unmerge")
def unmerge(services: ServicesIn, who: Who, number: Number, body: ReasonIn) -> CaseNowOut:
    """Take a merged case out again, where it was before."""
    return case_now(services, services.desk.merging.undo(number, reason=body.reason, principal=who), who)


@router.post("/api/v1/cases/{number}/split")
def split(services: ServicesIn, who: Who, number: Number, body: SplitIn) -> SplitOut:
    """Make a case of its own of entries by which something was added; merging it back undoes it."""
    done = services.desk.merging.split(number, body.entries, reason=body.reason, principal=who)
    return SplitOut(case=CaseOut.of(done.case, services.site), new=CaseOut.of(done.new, services.site))


@router.post("/api/v1/evidence/{ident}/original", response_class=Response, responses=_JPEG, tags=["evidence"])
def open_original(services: ServicesIn, who: Who, ident: Ident, body: ReasonIn) -> Response:
    """Open a sealed original: for those with that right; the case's history tells who did and why before it opens."""
    jpeg = services.desk.originals.open(ident, reason=body.reason, principal=who)
    return Response(jpeg, media_type="image/jpeg", headers=_NEVER_KEPT)


@router.post("/console/evidence/{ident}/original", include_in_schema=False)
def open_original_at_desk(services: ServicesIn, who: Who, ident: Ident, reason: Words = "") -> Response:
    """Open a sealed original in a window of its own."""
    jpeg = services.desk.originals.open(ident, reason=reason, principal=who)
    return Response(jpeg, media_type="image/jpeg", headers=_NEVER_KEPT)


@router.post("/console/cases/{number}/merge", include_in_schema=False)
def merge_at_desk(
    request: Request, services: ServicesIn, who: Who, number: Number, into: Words = "", reason: Words = ""
) -> Response:
    """Merge and send the panel of the case that stays."""
    services.desk.merging.merge(number, into=into, reason=reason, principal=who)
    return _shown(request, services, who, into)


@router.post("/console/cases/{number}/unmerge", include_in_schema=False)
def unmerge_at_desk(request: Request, services: ServicesIn, who: Who, number: Number, reason: Words = "") -> Response:
    """Undo a merge and send the panel of the case that stands on its own again."""
    services.desk.merging.undo(number, reason=reason, principal=who)
    return _shown(request, services, who, number)


@router.post("/console/cases/{number}/split", include_in_schema=False)
def split_at_desk(
    request: Request,
    services: ServicesIn,
    who: Who,
    number: Number,
    entry: Annotated[list[int], Form(max_length=100)],
    reason: Words = "",
) -> Response:
    """Split and send the panel of the new case."""
    done = services.desk.merging.split(number, entry, reason=reason, principal=who)
    return _shown(request, services, who, done.new.number)


def _shown(request: Request, services: ServicesIn, who: Who, number: str) -> Response:
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/?case={number}", status_code=303)
    return panel(request, services, who, number)
