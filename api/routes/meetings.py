"""Consultation over HTTP: the list of hard cases, meetings, what they decide, and the tasks that follow."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, Field

from api.dependencies import ServicesIn, Who
from api.reach import OVERSEERS
from api.schemas import Asked, CaseOut, Code
from pipeline.consultations import Hard, Meeting, tasks_of
from pipeline.duty_book import Consultation
from pipeline.site import Site

router = APIRouter(prefix="/api/v1/consultations", tags=["consultation"])
Meant = Annotated[str, Path(max_length=64, description="such as HS20261123-0001")]


class AttendantIn(Asked):
    """Who attends, and for which department."""

    name: Code
    department: Code


class MeetingIn(Asked):
    """A meeting; without cases all hard ones of the period are on its list."""

    since: AwareDatetime
    until: AwareDatetime
    held_at: AwareDatetime
    chair: Code
    place: Annotated[str, Field(max_length=200)] = ""
    attendants: list[AttendantIn] = Field(default_factory=list, max_length=100)
    cases: list[Code] = Field(default_factory=list, max_length=200)


class DecisionIn(Asked):
    """What is decided on a case; with `task`, the key of a category, a case is opened for it."""

    case: Code
    words: Annotated[str, Field(min_length=1, max_length=1000)]
    department: Code
    task: Code | None = None


class ListedIn(Asked):
    """A case for a meeting's list, and why."""

    case: Code
    words: Annotated[str, Field(min_length=1, max_length=1000)]


class HardOut(BaseModel):
    """A case for the list, with why."""

    case: CaseOut
    departments: list[str]
    reasons: list[str]

    @classmethod
    def of(cls, hard: Hard, site: Site) -> "HardOut":
        """Return a hard case as it is sent."""
        case = CaseOut.of(hard.case, site)
        return cls(case=case, departments=list(hard.departments), reasons=list(hard.reasons))


class DecidedOut(BaseModel):
    """What was decided on a case."""

    case: str
    words: str
    department: str
    task: str | None


class MeetingOut(BaseModel):
    """A meeting with its list, its attendants and its decisions."""

    code: str
    since: datetime
    until: datetime
    held_at: datetime
    chair: str
    place: str
    attendants: list[tuple[str, str]]
    cases: list[str]
    decisions: list[DecidedOut]
    closed_at: datetime | None

    @classmethod
    def of(cls, meeting: Consultation) -> "MeetingOut":
        """Return a meeting as it is sent."""
        plain = {name: getattr(meeting, name) for name in cls.model_fields}
        decided = [
            DecidedOut(case=each.case, words=each.words, department=each.department, task=each.task)
            for each in meeting.decisions
        ]
        return cls(
            **{
                **plain,
                "attendants": list(meeting.attendants),
                "cases": list(meeting.cases),
                "decisions": decided,
            }
        )


@router.get("/hard")
def list_hard(
    services: ServicesIn, who: Who, since: Annotated[AwareDatetime, Query()], until: Annotated[AwareDatetime, Query()]
) -> list[HardOut]:
    """List the open cases of a period that one department cannot solve, the farthest escalated first."""
    found = services.office.hard_cases(since, until, principal=who)
    return [HardOut.of(each, services.site) for each in found]


@router.get("")
def list_meetings(
    services: ServicesIn, who: Who, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[MeetingOut]:
    """List meetings, newest first."""
    who.require("read consultations", *OVERSEERS)
    return [MeetingOut.of(each) for each in services.casebook.read(lambda book: book.consultations(limit=limit))]


@router.post("", status_code=201)
def convene(services: ServicesIn, who: Who, body: MeetingIn) -> MeetingOut:
    """Call a meeting."""
    meeting = Meeting(
        since=body.since,
        until=body.until,
        held_at=body.held_at,
        chair=body.chair,
        place=body.place,
        attendants=tuple((each.name, each.department) for each in body.attendants),
        cases=tuple(body.cases),
    )
    return MeetingOut.of(services.office.convene(meeting, principal=who))


@router.get("/{code}")
def read_meeting(services: ServicesIn, who: Who, code: Meant) -> MeetingOut:
    """Read a meeting."""
    who.require("read consultations", *OVERSEERS)
    return MeetingOut.of(services.casebook.read(lambda book: book.consultation(code)))


@router.get("/{code}/tasks")
def list_tasks(services: ServicesIn, who: Who, code: Meant) -> list[CaseOut]:
    """List the cases that a meeting's decisions opened, as they stand."""
    who.require("read consultations", *OVERSEERS)
    tasks = services.casebook.read(lambda book: tasks_of(book, book.consultation(code)))
    return [CaseOut.of(case, services.site) for case in tasks.values()]


@router.post("/{code}/decisions", status_code=201)
def decide(services: ServicesIn, who: Who, code: Meant, body: DecisionIn) -> MeetingOut:
    """Write down what the meeting decided on a case, and open the case that is to be done about it."""
    meeting = services.office.decide(
        code, body.case, words=body.words, department=body.department, task=body.task, principal=who
    )
    return MeetingOut.of(meeting)


@router.post("/{code}/cases", status_code=201)
def put_on_list(services: ServicesIn, who: Who, code: Meant, body: ListedIn) -> MeetingOut:
    """Put a case on a meeting's list by hand; one that is on it stays there, once."""
    return MeetingOut.of(services.office.put_on_list(code, body.case, words=body.words, principal=who))


@router.post("/{code}/close")
def close(services: ServicesIn, who: Who, code: Meant) -> MeetingOut:
    """Close a meeting; nothing is decided in it afterwards."""
    return MeetingOut.of(services.office.close_meeting(code, principal=who))
