"""The ledger of citizens' points: accounts, claims and entries. Values and Protocols; `sql_points` stores them.

Double entry: points come from the site's issue account and go to the redemption account; every entry's postings sum to
zero, and a balance is only ever a sum of postings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from pipeline.clocks import utc
from pipeline.errors import PipelineError

ISSUE: Final = "issue"
REDEEMED: Final = "redeemed"
_SITES: Final = frozenset({ISSUE, REDEEMED})


class UnbalancedError(PipelineError):
    """An entry's postings do not sum to zero."""

    def __init__(self, key: str, postings: Mapping[str, int]) -> None:
        super().__init__(f"entry {key} posts {dict(postings)}, which sums to {sum(postings.values())}, expected 0")


class OverdrawnError(PipelineError):
    """An account has fewer points than are taken from it."""

    def __init__(self, wanted: int, balance: int) -> None:
        super().__init__(f"{wanted} points were asked for and {balance} are there; ask for {balance} at most")


class LedgerKind(StrEnum):
    """What an entry is for."""

    AWARD = "award"
    REVERSAL = "reversal"
    REDEMPTION = "redemption"


class ClaimState(StrEnum):
    """What became of a public report's claim to points."""

    WAITING = "waiting"
    EARNED = "earned"
    NOTHING = "nothing"
    REVERSED = "reversed"


class Why(StrEnum):
    """Why a claim earned what it did."""

    VERIFIED = "verified"
    NO_PHONE = "no-phone"
    DUPLICATE = "duplicate"
    SAME_PROBLEM = "same-problem"
    SAME_PLACE = "same-place"
    SAME_PICTURE = "same-picture"
    DAY_REPORTS = "day-reports"
    DAY_POINTS = "day-points"
    CATEGORY = "category"
    REFUSED = "refused"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class PointAccount:
    """A citizen's account, a pseudonym.

    Attributes:
        member: a party member (党员), as the desk was told; counted apart and earns the same.
        forgotten_at: since when no phone number leads to it any more.
    """

    id: str
    member: bool
    opened_at: datetime
    forgotten_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a public report may earn.

    Attributes:
        account: None where no phone number was left.
        case: of the report, or that an upheld appeal led to.
        at: when it was reported.
        looks: perceptual hash of its picture, 16 hexadecimal digits; None without one, or once it was erased.
        points: what was decided; stays when it is taken back.
    """

    receipt: str
    account: str | None
    case: str
    at: datetime
    looks: str | None = None
    state: ClaimState = ClaimState.WAITING
    points: int = 0
    why: Why | None = None
    decided_at: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", utc(self.at, field="at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """Points that move.

    Attributes:
        key: unique; a second entry of the same key is the first.
        postings: points by account; they sum to zero.
        receipt: of the report that it is for, if it is for one.
    """

    key: str
    kind: LedgerKind
    at: datetime
    actor: str
    postings: Mapping[str, int]
    receipt: str | None = None
    note: str = ""
    id: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", utc(self.at, field="at"))
        if sum(self.postings.values()) != 0 or not any(self.postings.values()):
            raise UnbalancedError(self.key, self.postings)

    def citizens(self) -> dict[str, int]:
        """Return the postings on citizens' accounts."""
        return {account: points for account, points in self.postings.items() if account not in _SITES}


@dataclass(frozen=True, slots=True, kw_only=True)
class PointTotals:
    """The ledger in sums; issued less redeemed is outstanding, that is what all accounts hold together."""

    issued: int
    redeemed: int
    outstanding: int
    accounts: int
    members: int
    members_hold: int
    waiting: int


class PointsReading(Protocol):
    """What can be asked of the ledger."""

    def point_account(self, ident: str) -> PointAccount:
        """Return an account; raises `UnknownError`."""
        ...

    def marked_account(self, mark: str) -> PointAccount | None:
        """Return the account that a phone number's mark leads to."""
        ...

    def claim(self, receipt: str) -> Claim | None:
        """Return a report's claim."""
        ...

    def claimed_among(self, cases: Sequence[str]) -> Sequence[str]:
        """Return which of some cases, and of those that were merged into them, have claims; in order."""
        ...

    def claims_of(self, cases: Sequence[str]) -> Sequence[Claim]:
        """Return the claims of some cases, in the order in which they came."""
        ...

    def claims_by(self, account: str, since: datetime, until: datetime) -> Sequence[Claim]:
        """Return an account's claims of reports between two moments, in order."""
        ...

    def looks_before(self, claim: Claim, since: datetime) -> Sequence[str]:
        """Return the hashes of the pictures that came before a claim's, since a moment, newest first."""
        ...

    def point_balance(self, account: str) -> int:
        """Return the sum of an account's postings."""
        ...

    def receipt_entries(self, receipt: str) -> Sequence[LedgerEntry]:
        """Return the entries that are for a report, oldest first."""
        ...

    def point_entries(self, account: str, *, after: int = 0, limit: int = 100) -> Sequence[LedgerEntry]:
        """Return an account's entries, oldest first."""
        ...

    def point_entry(self, key: str) -> LedgerEntry | None:
        """Return the entry of a key."""
        ...

    def point_totals(self) -> PointTotals:
        """Return the ledger in sums."""
        ...

    def settled_to(self) -> int:
        """Return the place in the site's sequence up to which claims were settled."""
        ...

    def ledger_flaws(self) -> Sequence[str]:
        """Return what is wrong with the ledger; empty where every entry sums to zero and no account is overdrawn."""
        ...


class PointsWriting(Protocol):
    """What the ledger stores."""

    def open_point_account(self, account: PointAccount, *, mark: str) -> None:
        """Store a new account."""
        ...

    def set_member(self, account: str, *, member: bool) -> None:
        """Mark an account as a party member's, or not; raises `UnknownError`."""
        ...

    def add_claim(self, claim: Claim) -> None:
        """Store a claim; one that is there already is left."""
        ...

    def save_claim(self, claim: Claim) -> None:
        """Store what was decided on a claim."""
        ...

    def post(self, entry: LedgerEntry) -> LedgerEntry:
        """Store an entry; one whose key is there already is returned as it was; an `OverdrawnError` below zero."""
        ...

    def save_settled(self, sequence: int) -> None:
        """Store up to where claims were settled."""
        ...

    def forget_looks(self, *, before: datetime | None = None, case: str | None = None) -> None:
        """Erase hashes of pictures that came before a moment, or of a case."""
        ...

    def forget_accounts(self, receipts: Sequence[str], at: datetime) -> int:
        """Cut the tie from phone numbers to these reports' accounts where no report keeps the number; how many."""
        ...
