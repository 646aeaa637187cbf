"""Reports as they came in: tickets with their own numbers, receipts, printed places; and what is asked of storage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from geo.coords import LonLat
from pipeline.cases import Case, Channel
from pipeline.clocks import utc
from pipeline.sightings import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The number that another body gave to a problem before it came here.

    Attributes:
        source: whose number it is, such as "12345"; a number is taken once for each source.
        due_at: by when that body wants it handled; None if it says nothing.
    """

    source: str
    number: str
    urgent: bool = False
    due_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.due_at is not None:
            object.__setattr__(self, "due_at", utc(self.due_at, field="due_at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A report that was taken in.

    Attributes:
        id: the receipt, by which whoever reported asks what became of it.
        case: the case that it opened or belongs to.
        place: code of the printed place that it came by.
        reporter: who the casebook's history says reported it; empty for what was stored before that was kept.
        phone, contact: how to reach them; personal, empty where none was left, or it was erased.
        salt: erased with them.
        contact_digest: SHA-256 of salt, phone and contact; empty where none was left. Stays when they are erased.
    """

    id: str
    channel: Channel
    case: str
    outcome: str
    at: datetime
    source: str = ""
    ticket: str | None = None
    place: str | None = None
    phone: str = ""
    reporter: str = ""
    contact: str = ""
    salt: str | None = None
    contact_digest: str = ""

    @property
    def reachable(self) -> bool:
        """Tell whether anything personal is kept of whoever reported it."""
        return bool(self.phone or self.contact)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedPlace:
    """A place that a printed code stands for: a shop, a bus stop.

    Attributes:
        code: random, in the address that the code holds; who has it may report there without log-in.
        ended_at: since when it is not taken any more.
    """

    code: str
    name: str
    lonlat: LonLat
    made_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A problem that somebody reports.

    Attributes:
        error_m: semi-major axis of the position's 95 % ellipse, metres.
        condition: number of the category's filing condition; None to name none.
        hazard: whoever reports sees a serious safety hazard.
        ticket: the number that another body gave it, with that body's deadline.
        place: the printed place that it came by; counted against its limit.
        phone: optional, personal; kept beside the case's history.
        contact: how to reach whoever reports otherwise, if they want to be told; personal too.
        self_handled: what a force did about it on the spot; empty when it did not handle it itself.
        picture: made unreadable where it shows people, before it comes here.
    """

    channel: Channel
    category: str
    lonlat: LonLat
    error_m: float = 10.0
    occurred_at: datetime
    description: str = ""
    condition: int | None = None
    hazard: bool = False
    ticket: Ticket | None = None
    place: PrintedPlace | None = None
    phone: str = ""
    contact: str = ""
    self_handled: str = ""
    picture: View | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "occurred_at", utc(self.occurred_at, field="occurred_at"))


class ReportReading(Protocol):
    """What can be asked of reports and places."""

    def report(self, ident: str) -> Received:
        """Return a report by its receipt; raises `UnknownError`."""
        ...

    def reports_of(self, case: str) -> Sequence[Received]:
        """Return the reports that a case came from, oldest first; 1000 at most."""
        ...

    def report_of_ticket(self, source: str, ticket: str) -> Received | None:
        """Return the report that took a ticket in."""
        ...

    def reports_since(self, at: datetime, *, place: str | None = None) -> int:
        """Return how many reports came by one printed place, or by all of them, since a moment."""
        ...

    def printed_place(self, code: str) -> PrintedPlace:
        """Return a printed place; raises `UnknownError`."""
        ...

    def printed_places(self) -> Sequence[PrintedPlace]:
        """Return the printed places that are in use, by name."""
        ...

    def appealed(self) -> Sequence[Case]:
        """Return the refused cases whose appeal nobody decided yet, oldest first; 1000 at most."""
        ...


class ReportWriting(Protocol):
    """What is stored of reports and places."""

    def add_report(self, received: Received) -> None:
        """Store a report; a ticket that was taken before is an `AlreadyTakenError`."""
        ...

    def add_printed_place(self, place: PrintedPlace) -> None:
        """Store a printed place."""
        ...

    def end_printed_place(self, code: str, at: datetime) -> None:
        """Take a printed place out of use; raises `UnknownError`."""
        ...
