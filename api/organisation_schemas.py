"""The shapes of the organisation's answers."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from pipeline.cases import Side
from pipeline.duty import Duty, DutyState
from pipeline.duty_ahead import Lack, Missing
from pipeline.organisation import DepartmentKind, Officer, Station
from pipeline.roster import Force, Stage


class OfficerOut(BaseModel):
    """Somebody who holds a post."""

    number: str
    name: str
    name_zh: str

    @classmethod
    def of(cls, officer: Officer) -> Self:
        """Return an officer as it is sent."""
        return cls(number=officer.number, name=officer.name, name_zh=officer.name_zh)


class StationOut(BaseModel):
    """A joint station, with the codes of its resident and seconded departments."""

    code: str
    name: str
    name_zh: str
    resident: list[str]
    seconded: list[str]

    @classmethod
    def of(cls, station: Station) -> Self:
        """Return a station as it is sent."""
        return cls(
            code=station.code,
            name=station.name,
            name_zh=station.name_zh,
            resident=list(station.resident),
            seconded=list(station.seconded),
        )


class UnitOut(BaseModel):
    """A management unit with who heads it today."""

    code: str
    name: str
    name_zh: str
    key: bool
    heads: list[OfficerOut]
    deputies: list[OfficerOut]
    stations: list[StationOut]


class GridOut(BaseModel):
    """A responsibility grid with who leads it today, and since when it is worked."""

    code: str
    name: str
    name_zh: str
    chiefs: list[OfficerOut]
    deputies: list[OfficerOut]
    stations: list[StationOut]
    units: list[UnitOut]
    forces: int
    on: bool


class DepartmentOut(BaseModel):
    """A department, and how many forces it employs."""

    code: str
    name: str
    name_zh: str
    kind: DepartmentKind
    forces: int


class CommandOut(BaseModel):
    """Who commands in the operations centre, and until when."""

    officer: OfficerOut
    start: datetime
    end: datetime


class OrganisationOut(BaseModel):
    """The organisation as it stands today."""

    version: int
    grids: list[GridOut]
    departments: list[DepartmentOut]
    command: CommandOut | None


class ForceDutyOut(BaseModel):
    """A force that is on duty or on standby, and the sides that it answers for."""

    number: str
    name: str
    name_zh: str
    role: str
    department: str
    stage: Stage
    grid: str
    terminal: str | None
    state: DutyState
    sides: list[Side]
    reason: str

    @classmethod
    def of(cls, force: Force, duty: Duty) -> Self:
        """Return a force's duty as it is sent."""
        same = ("number", "name", "name_zh", "role", "department", "stage", "grid", "terminal")
        return cls(
            **{name: getattr(force, name) for name in same},
            state=duty.state,
            sides=sorted(duty.sides),
            reason=duty.reason,
        )


class DutyOut(BaseModel):
    """Who is on duty at a moment."""

    at: datetime
    patrol_hours: bool
    command: CommandOut | None
    forces: list[ForceDutyOut]


class MissingOut(BaseModel):
    """Something that will be missing."""

    lack: Lack
    where: str
    start: datetime
    end: datetime
    words: str

    @classmethod
    def of(cls, found: Missing) -> Self:
        """Return a finding as it is sent."""
        return cls(**{name: getattr(found, name) for name in cls.model_fields})


class AheadOut(BaseModel):
    """What will be missing, in order of time."""

    at: datetime
    missing: list[MissingOut]


class AppliedOut(BaseModel):
    """A change that was stored: the site's new version, and what will be missing under it."""

    version: int
    missing: list[MissingOut]
