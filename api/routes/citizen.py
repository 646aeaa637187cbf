"""The citizen's pages: what a printed code opens, and what became of a report, by its receipt. No log-in, no scripts.

Both work as plain forms; the receipt stands in the address, which is all that somebody must keep.
"""

import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, File, Form, Path, Request, UploadFile
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from api.dependencies import FrontDeskIn, PeopleGateIn, ServicesIn
from api.errors import ApiError
from api.problems import row_of, slug_of
from api.rendering import local_time, render
from api.sent_pictures import cleaned
from api.services import Services
from api.words import Words, words_for
from geo.errors import GeoError
from models.errors import ModelsError
from pipeline.catalogue import WorkField
from pipeline.errors import PipelineError, UnknownError
from pipeline.front_desk import FrontDesk
from pipeline.points_office import ReceiptShown

router = APIRouter(prefix="/q", include_in_schema=False)
Code = Annotated[str, Path(max_length=40)]
Receipt = Annotated[str, Path(max_length=40)]
_OURS: Final = 500
_REFUSALS: Final = (ApiError, GeoError, ModelsError, PipelineError)


@router.get("/{code}")
def report_page(request: Request, services: ServicesIn, desk: FrontDeskIn, code: Code) -> Response:
    """Show the form of a printed place."""
    return _form(request, services, desk, code)


@router.post("/{code}")
async def report_here(  # noqa: PLR0913, PLR0917 - a form's fields, one by one
    request: Request,
    services: ServicesIn,
    gate: PeopleGateIn,
    desk: FrontDeskIn,
    code: Code,
    category: Annotated[str, Form(max_length=120)] = "",
    description: Annotated[str, Form(max_length=1000)] = "",
    phone: Annotated[str, Form(max_length=40)] = "",
    hazard: Annotated[bool, Form()] = False,  # noqa: FBT002 - a form's field
    picture: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Take the form; what is wrong is said beside what was filled in."""

    def work() -> Response:
        try:
            desk.require_room(code)
            taken = desk.report_at(
                code,
                category=category,
                description=description.strip(),
                phone=phone.strip(),
                hazard=hazard,
                picture=cleaned(services, picture),
            )
        except _REFUSALS as error:
            desk.place(code)  # a code that is nowhere is a page of its own
            sent = picture is not None and bool(picture.filename)
            words = {"category": category, "description": description, "phone": phone}
            filled = {**words, "hazard": hazard, "picture": sent}
            return _form(request, services, desk, code, filled=filled, error=error)
        return RedirectResponse(f"/q/receipts/{taken.receipt}", status_code=303)

    return await gate.run(work)


@router.get("/receipts/{receipt}")
def receipt_page(request: Request, services: ServicesIn, desk: FrontDeskIn, receipt: Receipt) -> Response:
    """Show what became of a report, and what it earned."""
    return _standing(request, services, desk, receipt)


@router.post("/receipts/{receipt}/appeal")
def appeal(
    request: Request,
    services: ServicesIn,
    desk: FrontDeskIn,
    receipt: Receipt,
    words: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Lodge an appeal against a refusal."""
    try:
        desk.appeal(receipt, words)
    except _REFUSALS as error:
        return _standing(request, services, desk, receipt, error=error)
    return RedirectResponse(f"/q/receipts/{receipt}", status_code=303)


@router.post("/receipts/{receipt}/redeem")
def redeem(
    request: Request,
    services: ServicesIn,
    desk: FrontDeskIn,
    receipt: Receipt,
    points: Annotated[int, Form(ge=0, le=100_000)] = 0,
    once: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Redeem points of the report; a form that is sent twice redeems once."""
    try:
        services.points.redeem_by_receipt(receipt, points, request=once)
    except _REFUSALS as error:
        return _standing(request, services, desk, receipt, error=error)
    return RedirectResponse(f"/q/receipts/{receipt}", status_code=303)


def _form(
    request: Request,
    services: Services,
    desk: FrontDesk,
    code: str,
    *,
    filled: Mapping[str, object] | None = None,
    error: Exception | None = None,
) -> Response:
    place, spoken = desk.place(code), words_for(request)
    values = {
        **_frame(services, spoken),
        "place": place.name,
        "fields": _by_field(services, spoken),
        "pictures": services.pictures is not None,
        "points": services.site.settings.points,
        "contact_days": services.site.settings.erasure.contact_days,
        "filled": filled or {"category": "", "description": "", "phone": "", "hazard": False, "picture": False},
    }
    return _page(request, "citizen_report.html", values, spoken, error)


def _standing(
    request: Request, services: Services, desk: FrontDesk, receipt: str, *, error: Exception | None = None
) -> Response:
    spoken, settings = words_for(request), services.site.settings
    followed, standing = desk.follow(receipt), services.office.standing(receipt)
    now = services.clock.now()
    values = {
        **_frame(services, spoken),
        "receipt": receipt,
        "category": spoken.either(*services.site.catalogue.names(standing.category)),
        "status": followed.case.status.value,
        "reported_at": local_time(followed.received.at, settings.timezone, now=now),
        "steps": [(each.action, local_time(each.at, settings.timezone, now=now)) for each in standing.steps],
        "joined": followed.joined_at is not None,
        "refusal": followed.refusal,
        "appealable": followed.case.status.value == "refused" and not followed.appealed,
        "appealed": followed.appealed,
        "earned": _earned(services, receipt),
        "policy": settings.points,
        "once": secrets.token_hex(12),
    }
    return _page(request, "citizen_receipt.html", values, spoken, error)


def _earned(services: Services, receipt: str) -> ReceiptShown | None:
    """Return what a report earned; None where the site gives no points, or gave none when it came."""
    if services.site.settings.points is None:
        return None
    try:
        return services.points.of_receipt(receipt)
    except UnknownError:
        return None


def _page(
    request: Request, template: str, values: Mapping[str, object], spoken: Words, error: Exception | None
) -> Response:
    """Render a page, with what was wrong in words of the reader's language; what is our fault is not for readers."""
    status = 200 if error is None else int(row_of(type(error)) or _OURS)
    if error is not None and status == _OURS:
        raise error
    told = None if error is None else spoken.known(f"citizen.{slug_of(type(error))}", spoken("citizen.wrong"))
    return render(request, template, {**values, "error": told}, status=status)


def _frame(services: Services, spoken: Words) -> dict[str, Any]:
    settings = services.site.settings
    return {"site_name": spoken.either(settings.name, settings.name_zh), "error": None}


def _by_field(services: Services, spoken: Words) -> list[tuple[WorkField, list[tuple[str, str]]]]:
    """Return the classes that can be reported, by field of the city's work."""
    listed = [each for each in services.site.catalogue.by_key.values() if each.reportable]
    groups = [
        (field, [(each.key, spoken.either(each.name, each.name_zh)) for each in listed if each.field is field])
        for field in WorkField
    ]
    return [(field, classes) for field, classes in groups if classes]
