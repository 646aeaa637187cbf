"""The life of a case over HTTP: its clocks, pictures of steps, joint action, and how a report stands."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, Field

from api.case_now import CaseNowOut, case_now
from api.dependencies import ServicesIn, Who
from api.reach import require_case, require_terminal
from api.schemas import Asked, Code, EvidenceOut, Note
from api.sent_pictures import cleaned_bytes
from pipeline.case_clocks import DutyClock
from pipeline.cases import Status
from pipeline.duty_book import JointPart
from pipeline.feedback import Standing
from pipeline.joint_action import JointPlan

router = APIRouter(prefix="/api/v1", tags=["case life"])
Number = Annotated[str, Path(max_length=64, description="such as YP20261123-0001")]
Department = Annotated[str, Path(max_length=80)]


class ClockOut(BaseModel):
    """A duty clock; `next_at` is when its next step is due, none while it stands."""

    name: str
    value: float
    unit: str
    started_at: datetime
    stopped_at: datetime | None
    round: int
    fired: int
    next_at: datetime | None

    @classmethod
    def of(cls, clock: DutyClock) -> "ClockOut":
        """Return a clock as it is sent."""
        return cls(**{name: getattr(clock, name) for name in cls.model_fields})


class PartOut(BaseModel):
    """One department's part in a joint action."""

    case: str
    department: str
    lead: bool
    force: str
    terminal: str | None
    opened_at: datetime
    done_at: datetime | None

    @classmethod
    def of(cls, part: JointPart) -> "PartOut":
        """Return a part as it is sent."""
        return cls(**{name: getattr(part, name) for name in cls.model_fields})


class JointIn(Asked):
    """A joint action: the department that leads, and each department's liaison by number of force."""

    lead: Code
    liaisons: Annotated[dict[Code, Code], Field(min_length=2, max_length=12)]
    note: Note = ""


class PartIn(Asked):
    """What a department did."""

    note: Annotated[str, Field(min_length=2, max_length=1000)]


class ProgressOut(BaseModel):
    """One step as the public may know it."""

    action: str
    status: Status
    at: datetime


class StandingOut(BaseModel):
    """How a report stands; `joined` says that it is worked on as one case with another of the same problem."""

    receipt: str
    reported_at: datetime
    category: str
    category_name: str
    category_name_zh: str
    status: Status
    joined: bool
    steps: list[ProgressOut]


@router.get("/q/receipts/{receipt}/steps")
def read_standing(services: ServicesIn, receipt: Annotated[str, Path(min_length=16, max_length=40)]) -> StandingOut:
    """Tell how a report stands, step by step, by its receipt; no log-in, no names, no places."""
    found: Standing = services.office.standing(receipt)
    name, name_zh = services.site.catalogue.names(found.category)
    return StandingOut(
        receipt=found.receipt,
        reported_at=found.reported_at,
        category=found.category,
        category_name=name,
        category_name_zh=name_zh,
        status=found.status,
        joined=found.joined_at is not None,
        steps=[ProgressOut(action=each.action, status=each.status, at=each.at) for each in found.steps],
    )


@router.get("/cases/{number}/clocks")
def read_clocks(services: ServicesIn, who: Who, number: Number) -> list[ClockOut]:
    """List a case's duty clocks."""
    require_case(who, services.casebook.case(number))
    return [ClockOut.of(each) for each in services.casebook.read(lambda book: book.clocks_of(number))]


@router.post("/cases/{number}/pictures", status_code=201)
def add_picture(
    services: ServicesIn,
    who: Who,
    number: Number,
    jpeg: Annotated[bytes, Body(media_type="image/jpeg")],
    label: Annotated[str, Query(max_length=20)] = "step",
    note: Annotated[str, Query(max_length=1000)] = "",
) -> EvidenceOut:
    """Add a JPEG to a case: a further report with words, or name its id in `pictures` of the step that it shows.

    It is stored with heads and number plates unreadable; 503 where this server runs no detector that knows people.
    """
    require_case(who, services.casebook.case(number))
    view = cleaned_bytes(services, jpeg)
    return EvidenceOut.of(services.office.add_picture(number, view.jpeg, label=label, note=note, principal=who))


@router.get("/cases/{number}/joint")
def read_joint(services: ServicesIn, who: Who, number: Number) -> list[PartOut]:
    """List the parts of a case's joint action, the lead first."""
    require_case(who, services.casebook.case(number))
    return [PartOut.of(each) for each in services.casebook.read(lambda book: book.joint_parts(number))]


@router.post("/cases/{number}/joint", status_code=201)
def open_joint(services: ServicesIn, who: Who, number: Number, body: JointIn) -> CaseNowOut:
    """Open a case to several departments, one of them leading, each with a liaison."""
    plan = JointPlan(lead=body.lead, liaisons=body.liaisons)
    return case_now(services, services.office.open_joint(number, plan, note=body.note, principal=who), who)


@router.post("/cases/{number}/joint/{department}")
def finish_part(services: ServicesIn, who: Who, number: Number, department: Department, body: PartIn) -> CaseNowOut:
    """Report that a department has done its part; its liaison may, and the desk."""
    case = services.office.finish_part(number, department, note=body.note, principal=who)
    return case_now(services, case, who)


@router.get("/joint")
def list_parts(services: ServicesIn, who: Who, terminal: Annotated[str, Query(max_length=40)]) -> list[PartOut]:
    """List the parts of joint actions that a terminal's carrier has not finished."""
    require_terminal(who, terminal)
    return [PartOut.of(each) for each in services.casebook.read(lambda book: book.parts_with(terminal))]
