"""What comes in over HTTP beside single reports: pictured reports, tables of tickets, printed places, appeals."""

from typing import Annotated

from fastapi import APIRouter, Body, File, Form, Path, Query, Response, UploadFile
from pydantic import AwareDatetime

from api.dependencies import FrontDeskIn, PeopleGateIn, ServicesIn, Who
from api.intake_schemas import AppealIn, DecidedOut, DecisionIn, ImportedOut, PrintedPlaceOut, PrintedPlacesOut
from api.organisation_tables import decoded
from api.schemas import CaseOut, CasesOut, Lat, Lon, TakenOut
from api.sent_pictures import cleaned
from geo.coords import Datum, LonLat, convert
from pipeline.cases import Channel
from pipeline.desk import Report
from pipeline.hotline import require_rows
from pipeline.printed_codes import BASE_URL, LONGEST_BASE_URL, chosen, sheet

router = APIRouter(prefix="/api/v1", tags=["intake"])
MOST_TICKETS = 2_000
Number = Annotated[str, Path(max_length=64)]
Code = Annotated[str, Path(max_length=40)]
PDF: dict[int | str, dict[str, object]] = {200: {"content": {"application/pdf": {}}}}


@router.post("/reports", status_code=201, responses={200: {"model": TakenOut}})
async def report_with_picture(  # noqa: PLR0913, PLR0917 - a form's fields, one by one
    services: ServicesIn,
    gate: PeopleGateIn,
    who: Who,
    response: Response,
    channel: Annotated[Channel, Form()],
    category: Annotated[str, Form(max_length=120)],
    lon: Annotated[Lon, Form()],
    lat: Annotated[Lat, Form()],
    occurred_at: Annotated[AwareDatetime, Form()],
    datum: Annotated[Datum, Form()] = Datum.WGS84,
    error_m: Annotated[float, Form(gt=0, le=1000)] = 10.0,
    description: Annotated[str, Form(max_length=1000)] = "",
    condition: Annotated[int | None, Form(ge=1, le=999)] = None,
    hazard: Annotated[bool, Form()] = False,  # noqa: FBT002 - a form's field
    self_handled: Annotated[str, Form(max_length=1000, description="what a force did about it on the spot")] = "",
    picture: Annotated[UploadFile | None, File(description="a JPEG or PNG of at most 10 MiB")] = None,
) -> TakenOut:
    """Report a problem with a picture, as a patrol's terminal does; people in it are made unreadable first."""

    def work() -> TakenOut:
        taken = services.desk.report(
            Report(
                channel=channel,
                category=category,
                lonlat=convert(LonLat(lon, lat), source=datum, target=Datum.WGS84),
                error_m=error_m,
                occurred_at=occurred_at,
                description=description,
                condition=condition,
                hazard=hazard,
                self_handled=self_handled,
                picture=cleaned(services, picture),
            ),
            principal=who,
        )
        response.status_code = 201 if taken.outcome == "open" else 200
        return TakenOut.of(taken)

    return await gate.run(work)


@router.post("/hotline/tickets.csv")
def import_tickets(
    desk: FrontDeskIn,
    who: Who,
    body: Annotated[bytes, Body(media_type="text/csv")],
    datum: Datum = Datum.WGS84,
    source: Annotated[str, Query(min_length=1, max_length=40)] = "12345",
) -> ImportedOut:
    """Take a table of tickets in: good rows once, however often they are sent; bad ones come back with reasons."""
    text = decoded(body, "the table")
    require_rows(text, MOST_TICKETS)
    return ImportedOut.of(desk.tickets(text, file="tickets.csv", principal=who, datum=datum, source=source))


@router.delete("/reports/{receipt}/phone", status_code=204)
def forget_phone(
    desk: FrontDeskIn,
    who: Who,
    receipt: Code,
    ground: Annotated[str, Query(min_length=2, max_length=200)] = "asked for by receipt",
) -> None:
    """Erase how to reach whoever made a report; its case's history says that it was, on which ground, by digest."""
    desk.forget_phone(receipt, principal=who, ground=ground)


@router.get("/places")
def list_places(services: ServicesIn, who: Who) -> PrintedPlacesOut:  # noqa: ARG001 - the door asks who
    """List the places that printed codes stand for."""
    found = services.casebook.read(lambda now: now.printed_places())
    return PrintedPlacesOut(places=[PrintedPlaceOut.of(each) for each in found])


@router.post("/places.csv", status_code=201)
def make_places(
    desk: FrontDeskIn,
    who: Who,
    body: Annotated[bytes, Body(media_type="text/csv")],
    datum: Datum = Datum.WGS84,
) -> PrintedPlacesOut:
    """Make printed places from a table of name, lon, lat; with any fault none is made, and all faults are told."""
    made = desk.make_places(decoded(body, "the table"), file="places.csv", principal=who, datum=datum)
    return PrintedPlacesOut(places=[PrintedPlaceOut.of(each) for each in made])


@router.get("/places/sheet.pdf", response_class=Response, responses=PDF)
def print_places(
    services: ServicesIn,
    who: Who,  # noqa: ARG001 - the door asks who
    base_url: Annotated[str, Query(max_length=LONGEST_BASE_URL, pattern=BASE_URL)],
    code: Annotated[list[str], Query(max_length=2000)] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Print the codes as a PDF of A4 sheets: all of them, or those that are named."""
    found = services.casebook.read(lambda now: now.printed_places())
    heading = services.site.settings.name_zh
    return Response(sheet(chosen(found, code), base_url=base_url, heading=heading), media_type="application/pdf")


@router.delete("/places/{code}", status_code=204)
def end_place(desk: FrontDeskIn, who: Who, code: Code) -> None:
    """Take a printed place out of use; its code answers 404 from here on."""
    desk.end_place(code, principal=who)


@router.get("/appeals")
def list_appeals(services: ServicesIn, desk: FrontDeskIn, who: Who) -> CasesOut:
    """List the refused cases whose appeal waits for a decision, oldest first."""
    found = desk.appeals(principal=who)
    return CasesOut(cases=[CaseOut.of(case, services.site) for case in found], next=None)


@router.post("/appeals/{number}", status_code=201)
def appeal(services: ServicesIn, desk: FrontDeskIn, who: Who, number: Number, body: AppealIn) -> CaseOut:
    """Lodge an appeal against a refused case, for somebody who has no receipt."""
    return CaseOut.of(desk.appeal_case(number, body.words, principal=who), services.site)


@router.post("/appeals/{number}/uphold")
def uphold(desk: FrontDeskIn, who: Who, number: Number, body: DecisionIn) -> DecidedOut:
    """Uphold an appeal: the problem is taken in anew. Whoever refused the case may not decide."""
    taken = desk.decide_appeal(number, uphold=True, reason=body.reason, principal=who)
    return DecidedOut(case=number, upheld=True, taken=None if taken is None else TakenOut.of(taken))


@router.post("/appeals/{number}/dismiss")
def dismiss(desk: FrontDeskIn, who: Who, number: Number, body: DecisionIn) -> DecidedOut:
    """Dismiss an appeal. Whoever refused the case may not decide."""
    desk.decide_appeal(number, uphold=False, reason=body.reason, principal=who)
    return DecidedOut(case=number, upheld=False, taken=None)
