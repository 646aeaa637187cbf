"""The shapes of what comes in: tickets, printed places, receipts, appeals."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field

from api.schemas import Asked, TakenOut
from pipeline.cases import Status
from pipeline.front_desk import Followed
from pipeline.hotline import Imported
from pipeline.reports import PrintedPlace

Words = Annotated[str, Field(min_length=2, max_length=2000)]


class ImportedOut(BaseModel):
    """What became of a table of tickets; `bad` is a table of the rows that were not taken, with their reasons."""

    opened: list[str]
    attached: list[str]
    known: list[str]
    bad_rows: int
    bad: str

    @classmethod
    def of(cls, imported: Imported) -> Self:
        """Return an outcome as it is sent."""
        return cls(**{name: getattr(imported, name) for name in cls.model_fields})


class PrintedPlaceOut(BaseModel):
    """A place that a printed code stands for, and the address in the code."""

    code: str
    name: str
    lon: float
    lat: float
    made_at: datetime
    path: str

    @classmethod
    def of(cls, place: PrintedPlace) -> Self:
        """Return a place as it is sent."""
        return cls(
            code=place.code,
            name=place.name,
            lon=place.lonlat.lon,
            lat=place.lonlat.lat,
            made_at=place.made_at,
            path=f"/q/{place.code}",
        )


class PrintedPlacesOut(BaseModel):
    """The printed places in use, by name."""

    places: list[PrintedPlaceOut]


class ClassNameOut(BaseModel):
    """A class that can be reported."""

    key: str
    name: str
    name_zh: str
    field: str


class PublicPlaceOut(BaseModel):
    """What the public sees of a printed place."""

    name: str
    site: str
    site_zh: str
    classes: list[ClassNameOut]


class PublicTakenOut(BaseModel):
    """What the public is told: a receipt to ask by."""

    receipt: str
    status: Status


class FollowedOut(BaseModel):
    """What became of a report; `joined` says that it is worked on as one case with another of the same problem."""

    status: Status
    updated_at: datetime
    joined: bool
    refusal: str
    appealed: bool
    anew: bool

    @classmethod
    def of(cls, followed: Followed) -> Self:
        """Return it as it is sent to whoever holds the receipt; no number, no place, nobody's name."""
        joined_at, updated_at = followed.joined_at, followed.case.updated_at
        return cls(
            status=followed.case.status,
            updated_at=updated_at if joined_at is None else max(updated_at, joined_at),
            joined=joined_at is not None,
            refusal=followed.refusal,
            appealed=followed.appealed,
            anew=followed.anew is not None,
        )


class AppealIn(Asked):
    """Why a refusal should be looked at again."""

    words: Words


class DecisionIn(Asked):
    """Why an appeal is upheld or dismissed."""

    reason: Words


class DecidedOut(BaseModel):
    """A decided appeal; `taken` is what became of the problem where it was upheld."""

    case: str
    upheld: bool
    taken: TakenOut | None
