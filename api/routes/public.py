"""Doors without log-in: what the public reports by a printed code, and what became of it, by receipt."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Path, UploadFile

from api.dependencies import FrontDeskIn, PeopleGateIn, ServicesIn
from api.intake_schemas import AppealIn, ClassNameOut, FollowedOut, PublicPlaceOut, PublicTakenOut
from api.sent_pictures import cleaned

router = APIRouter(prefix="/api/v1/q", tags=["public"])
Code = Annotated[str, Path(max_length=40, description="of the printed place, as its QR code has it")]
Receipt = Annotated[str, Path(max_length=40)]


@router.get("/{code}")
def read_place(services: ServicesIn, desk: FrontDeskIn, code: Code) -> PublicPlaceOut:
    """Read a printed place's name and what can be reported there."""
    place, settings = desk.place(code), services.site.settings
    classes = [
        ClassNameOut(key=each.key, name=each.name, name_zh=each.name_zh, field=each.field)
        for each in services.site.catalogue.by_key.values()
        if each.reportable
    ]
    return PublicPlaceOut(name=place.name, site=settings.name, site_zh=settings.name_zh, classes=classes)


@router.post("/{code}/reports", status_code=201)
async def report_here(  # noqa: PLR0913, PLR0917 - a form's fields, one by one
    services: ServicesIn,
    gate: PeopleGateIn,
    desk: FrontDeskIn,
    code: Code,
    category: Annotated[str, Form(max_length=120)],
    description: Annotated[str, Form(max_length=1000)] = "",
    phone: Annotated[str, Form(max_length=40, description="optional")] = "",
    hazard: Annotated[bool, Form()] = False,  # noqa: FBT002 - a form's field
    picture: Annotated[UploadFile | None, File(description="a JPEG or PNG of at most 10 MiB")] = None,
) -> PublicTakenOut:
    """Report a problem at a printed place; the answer is a receipt. 429 when the place sent too many in an hour."""

    def work() -> PublicTakenOut:
        desk.require_room(code)  # asked before a picture is worked on
        taken = desk.report_at(
            code,
            category=category,
            description=description,
            phone=phone.strip(),
            hazard=hazard,
            picture=cleaned(services, picture),
        )
        receipt = str(taken.receipt)
        return PublicTakenOut(receipt=receipt, status=desk.follow(receipt).case.status)

    return await gate.run(work)


@router.get("/receipts/{receipt}")
def follow(desk: FrontDeskIn, receipt: Receipt) -> FollowedOut:
    """Read what became of a report; for a refusal, why."""
    return FollowedOut.of(desk.follow(receipt))


@router.post("/receipts/{receipt}/appeal", status_code=201)
def appeal(desk: FrontDeskIn, receipt: Receipt, body: AppealIn) -> FollowedOut:
    """Ask once that a refusal be looked at again, by somebody else than who refused."""
    desk.appeal(receipt, body.words)
    return FollowedOut.of(desk.follow(receipt))
