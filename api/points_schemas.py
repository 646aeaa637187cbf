"""Citizens' points as they are asked for and sent."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from api.schemas import Asked
from pipeline.points_book import ClaimState, LedgerEntry, LedgerKind, PointTotals, Why
from pipeline.points_office import AccountShown, ReceiptShown

Points = Annotated[int, Field(ge=1, le=100_000)]
Request = Annotated[
    str, Field(min_length=4, max_length=80, description="your own id of this redemption; sent again, it is done once")
]


class TotalsOut(BaseModel):
    """The ledger in sums; issued less redeemed is outstanding."""

    issued: int
    redeemed: int
    outstanding: int
    accounts: int
    members: int
    members_hold: int
    waiting: int

    @classmethod
    def of(cls, totals: PointTotals) -> "TotalsOut":
        """Return sums as they are sent."""
        return cls(**{name: getattr(totals, name) for name in cls.model_fields})


class LedgerEntryOut(BaseModel):
    """Points that moved; `postings` sum to zero."""

    id: int
    kind: LedgerKind
    at: datetime
    actor: str
    postings: dict[str, int]
    note: str

    @classmethod
    def of(cls, entry: LedgerEntry) -> "LedgerEntryOut":
        """Return an entry as it is sent."""
        plain = {name: getattr(entry, name) for name in cls.model_fields if name != "postings"}
        return cls(**plain, postings=dict(entry.postings))


class AccountOut(BaseModel):
    """A citizen's account: a pseudonym, its balance and its entries, oldest first."""

    account: str
    member: bool
    opened_at: datetime
    forgotten_at: datetime | None
    balance: int
    entries: list[LedgerEntryOut]

    @classmethod
    def of(cls, shown: AccountShown) -> "AccountOut":
        """Return an account as it is sent."""
        account = shown.account
        return cls(
            account=account.id,
            member=account.member,
            opened_at=account.opened_at,
            forgotten_at=account.forgotten_at,
            balance=shown.balance,
            entries=[LedgerEntryOut.of(each) for each in shown.entries],
        )


class PhoneIn(Asked):
    """A phone number, in the body so that no log of addresses keeps it."""

    phone: Annotated[str, Field(min_length=5, max_length=40)]


class MemberIn(Asked):
    """Whether an account is a party member's."""

    member: bool


class RedeemIn(Asked):
    """Points that are taken for something handed out."""

    points: Points
    request: Request
    note: Annotated[str, Field(max_length=200)] = ""


class ReceiptRedeemIn(Asked):
    """Points that whoever holds a receipt takes for what its report earned."""

    points: Points
    request: Request


class EarnedOut(BaseModel):
    """What a report earned, why, and how much of it can be redeemed by its receipt."""

    receipt: str
    state: ClaimState
    why: Why | None
    points: int
    left: int
    reported_at: datetime

    @classmethod
    def of(cls, shown: ReceiptShown) -> "EarnedOut":
        """Return a claim as it is sent."""
        claim = shown.claim
        return cls(
            receipt=claim.receipt,
            state=claim.state,
            why=claim.why,
            points=claim.points,
            left=shown.left,
            reported_at=claim.at,
        )


class RedeemedOut(BaseModel):
    """A redemption by receipt, and what is left."""

    points: int
    at: datetime
    left: int
