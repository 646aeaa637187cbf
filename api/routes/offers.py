"""Offers over HTTP: why a case went to whom and not to each who was nearer; positions of many terminals at once."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, Field

from api.dependencies import ServicesIn, Who
from api.reach import OVERSEERS, READERS, require_case, require_terminal
from api.schemas import Asked, Code, PlaceIn
from api.terminals_now import carrier
from geo.coords import LonLat
from pipeline.desk import MOST_MOVES, Moved
from pipeline.errors import UnknownError
from pipeline.passed_over import OfferMade, lately_passed_over, offers_of
from pipeline.principal import Role

router = APIRouter(prefix="/api/v1", tags=["dispatch"])
Number = Annotated[str, Path(max_length=64, description="such as YP20261123-0001")]
Ident = Annotated[str, Path(max_length=64, description="such as T001")]


class PassedOut(BaseModel):
    """One who was passed over; `distance_m` is not told beyond the nearest 50."""

    terminal: str
    distance_m: float | None
    reason: str


class OfferOut(BaseModel):
    """One decision of dispatch; `terminal` is null where nobody could take the case."""

    case: str
    at: datetime
    by: str
    terminal: str | None
    reason: str
    distance_m: float | None
    travel_s: float | None
    wait_s: float | None
    passed: list[PassedOut]

    @classmethod
    def of(cls, made: OfferMade) -> Self:
        """Return a decision as it is sent."""
        passed = [PassedOut(terminal=p.terminal, distance_m=p.distance_m, reason=p.reason) for p in made.passed]
        fields = {name: getattr(made, name) for name in cls.model_fields if name != "passed"}
        return cls(**fields, passed=passed)


class OffersOut(BaseModel):
    """Decisions of dispatch."""

    offers: list[OfferOut]


class MoveIn(PlaceIn):
    """Where one terminal was, and when."""

    terminal: Code
    at: AwareDatetime


class MovesIn(Asked):
    """Where many terminals were, as a gateway gathers them."""

    positions: Annotated[list[MoveIn], Field(max_length=MOST_MOVES)]


class MovesOut(BaseModel):
    """How many positions were newer than what was known."""

    stored: int


@router.get("/cases/{number}/offers")
def read_offers(services: ServicesIn, who: Who, number: Number) -> OffersOut:
    """Read why a case was offered to whom. A force reads the offers that it got or was passed over in, its own line."""
    who.require("read offers", *READERS)
    case = services.casebook.case(number)
    made = offers_of(services.casebook.events(number))
    if who.role is not Role.FORCE:
        require_case(who, case)
        return OffersOut(offers=[OfferOut.of(each) for each in made])
    own = [each.concerning(who.terminal or "") for each in made if each.concerns(who.terminal or "")]
    if not own:
        raise UnknownError("case", number)
    return OffersOut(offers=[OfferOut.of(each) for each in own])


@router.get("/terminals/{ident}/passed-over")
def read_passed_over(services: ServicesIn, who: Who, ident: Ident) -> OffersOut:
    """Read which cases lately went to others although this terminal was nearer, and why; newest first."""
    who.require("read offers", *OVERSEERS, Role.FORCE)
    force = carrier(services, require_terminal(who, ident))
    if who.grids is not None and force.grid not in who.grids:
        raise UnknownError("terminal", ident)
    return OffersOut(offers=[OfferOut.of(each) for each in lately_passed_over(services.casebook, ident)])


@router.post("/positions")
def move_all(services: ServicesIn, who: Who, body: MovesIn) -> MovesOut:
    """Report where many terminals are, all or none; older positions than the last are not stored."""
    moves = [Moved(terminal=each.terminal, lonlat=LonLat(*each.lonlat()), at=each.at) for each in body.positions]
    return MovesOut(stored=services.desk.move_all(moves, principal=who))
