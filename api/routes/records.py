"""Records over HTTP: whether a case's history holds, the anchors, and erasing personal data with proof."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from api.dependencies import ServicesIn, Who
from api.reach import OVERSEERS, require_case
from api.schemas import Asked, Code
from pipeline.duty_book import Anchor
from pipeline.erasure import Erasable, Proof, Wanted
from pipeline.verification import case_flaws

router = APIRouter(prefix="/api/v1", tags=["records"])


class VerifiedOut(BaseModel):
    """Whether a case's history holds; `flaws` says what is wrong where."""

    case: str
    events: int
    head: str
    flaws: list[str]


class AnchorOut(BaseModel):
    """A digest over the newest event of every case up to a place in the site's sequence."""

    number: int
    at: datetime
    first: int
    last: int
    heads: int
    previous: str
    digest: str

    @classmethod
    def of(cls, anchor: Anchor) -> "AnchorOut":
        """Return an anchor as it is sent."""
        return cls(**{name: getattr(anchor, name) for name in cls.model_fields})


class ErasureIn(Asked):
    """What to erase of a case, and the ground, which is kept and so must hold nothing personal."""

    case: Code
    what: Annotated[list[Erasable], Field(min_length=1, max_length=3)]
    ground: Annotated[str, Field(min_length=2, max_length=200)]
    report: Code | None = None


class ErasedOut(BaseModel):
    """One detail that is gone: where it stood, and the salted digest that the chain keeps of it."""

    sequence: int
    key: str
    digest: str


class ProofOut(BaseModel):
    """What was erased; the event's digest is part of the case's chain. `tasks` keep their own words."""

    case: str
    at: datetime
    erased: list[ErasedOut]
    pictures: int
    tasks: list[str]
    sequence: int
    digest: str

    @classmethod
    def of(cls, proof: Proof) -> "ProofOut":
        """Return a proof as it is sent."""
        erased = [ErasedOut(sequence=place, key=key, digest=digest) for place, key, digest in proof.erased]
        plain = {name: getattr(proof, name) for name in cls.model_fields if name != "erased"}
        return cls(**plain, erased=erased)


@router.get("/cases/{number}/verification")
def verify_case(services: ServicesIn, who: Who, number: Annotated[str, Path(max_length=64)]) -> VerifiedOut:
    """Prove one case: its events, their chain, and that they add up to it; `beatgrid verify` proves the whole book."""
    case, entries = services.casebook.read(lambda book: (book.case(number), book.entries_of([number])[number]))
    require_case(who, case)
    flaws = [str(each) for each in case_flaws(case, entries)]
    return VerifiedOut(case=number, events=len(entries), head=entries[-1].event.digest, flaws=flaws)


@router.get("/anchors")
def list_anchors(
    services: ServicesIn,
    who: Who,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> list[AnchorOut]:
    """List anchors, oldest first, to be kept elsewhere."""
    who.require("read anchors", *OVERSEERS)
    return [AnchorOut.of(a) for a in services.casebook.read(lambda book: book.anchors(after=after, limit=limit))]


@router.post("/erasures", status_code=201)
def erase(services: ServicesIn, who: Who, body: ErasureIn) -> ProofOut:
    """Erase words, pictures or reporters' contacts of a case on request, with proof."""
    wanted = Wanted(case=body.case, what=frozenset(body.what), ground=body.ground, report=body.report)
    return ProofOut.of(services.eraser.erase(wanted, principal=who))
