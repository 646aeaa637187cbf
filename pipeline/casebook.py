"""The casebook: what storage must do, as a Protocol, and the values it returns. `sql_casebook` does it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from geo.coords import LonLat
from pipeline.cases import Case, Channel, Event, Status
from pipeline.counts import Counts
from pipeline.duty_book import DutyReading, DutyWriting
from pipeline.errors import PipelineError
from pipeline.health_events import HealthEvent
from pipeline.judging_book import JudgingReading, JudgingWriting
from pipeline.points_book import PointsReading, PointsWriting
from pipeline.reports import ReportReading, ReportWriting
from pipeline.terminals import Moved, Terminal
from pipeline.trust_book import TrustReading, TrustWriting

T = TypeVar("T")


class AlreadyTakenError(PipelineError):
    """Something with this id is stored already."""

    def __init__(self, kind: str, code: str) -> None:
        super().__init__(f"{kind} {code!r} was taken before; nothing was stored again")
        self.kind = kind
        self.code = code


class VersionConflictError(PipelineError):
    """A case was changed by somebody else since it was read."""

    def __init__(self, number: str, version: int) -> None:
        super().__init__(
            f"case {number} is not at version {version - 1} any more, so version {version} cannot be stored;"
            " read it again and decide anew"
        )


class LimitError(PipelineError):
    """A value lies outside what the casebook stores or returns at once."""

    def __init__(self, field: str, actual: object, expected: str) -> None:
        super().__init__(f"{field} is {actual}; expected {expected}")


class HistoryError(PipelineError):
    """A past case's events do not tell its story."""

    def __init__(self, number: str, why: str) -> None:
        super().__init__(
            f"the history of past case {number} cannot be stored: {why}; send all its events, oldest first"
        )


class BusyError(PipelineError):
    """Other writers held the casebook for too long; nothing was stored."""

    def __init__(self, attempts: int, reason: str) -> None:
        super().__init__(
            f"the casebook was busy in {attempts} attempts ({reason}); nothing was stored, try again;"
            " if it stays so, look for a process that holds a transaction open"
        )


class StorageError(PipelineError):
    """The database refused or cannot be reached."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"the casebook at {where} failed: {reason}; the change was not confirmed,"
            " check the database and its disk, then try again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """Which cases; an empty field does not restrict.

    Attributes:
        bbox: west, south, east, north in degrees.
        after: number of the last case of the page before; pages run newest first.
        limit: rows a page, 1 to 1000.
    """

    statuses: frozenset[Status] = frozenset()
    grids: frozenset[str] | None = None
    channels: frozenset[Channel] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    bbox: tuple[float, float, float, float] | None = None
    terminal: str | None = None
    after: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some cases and, if there are more, the number to ask after."""

    cases: tuple[Case, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A stored picture: its file below the evidence folder and what is known of it.

    Attributes:
        original_path, original_sha256: the sealed original's file, and the SHA-256 of what is in it; empty without one.
        seen: what the detector saw in it.
        erased_at, original_erased_at: when it was decided to erase them; the paths are empty once that is done.
    """

    id: str
    case: str
    sighting: str
    label: str
    path: str
    sha256: str
    captured_at: datetime
    original_path: str = ""
    original_sha256: str = ""
    seen: Mapping[str, object] | None = None
    erased_at: datetime | None = None
    original_erased_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """Something that must leave, at least once; the receiver drops a key it has seen."""

    key: str
    kind: str
    target: str
    payload: Mapping[str, object]
    id: int = 0
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseKept:
    """What a statistic needs of a case."""

    number: str
    lonlat: LonLat
    occurred_at: datetime
    channel: Channel
    grid: str
    status: Status
    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraState:
    """What a camera's pipeline must remember over a restart: its newest frame and the occupancies, JSON-able."""

    camera: str
    newest_at: datetime
    occupancies: Mapping[str, object] = field(default_factory=dict)


class Near(NamedTuple):
    """What `Reading.similar` is asked: a category, and half the width in metres of a box around a place."""

    category: str
    lonlat: LonLat
    within_m: float


class Reading(Protocol):
    """What can be asked, inside a write transaction and outside."""

    def case(self, number: str) -> Case:
        """Return a case; raises `UnknownError`."""
        ...

    def cases(self, wanted: CaseFilter) -> Page:
        """Return cases, newest number first."""
        ...

    def similar(self, category: str, lonlat: LonLat, within_m: float) -> Sequence[Case]:
        """Return the cases of a category, not refused or void, whose position is within a box of that half-width."""
        ...

    def events(self, number: str) -> Sequence[Event]:
        """Return a case's history, oldest first; raises `UnknownError`."""
        ...

    def events_after(self, sequence: int, *, limit: int = 500) -> Sequence[Event]:
        """Return the committed events after a place in the site's sequence; never one that a later one overtook."""
        ...

    def newest_sequence(self) -> int:
        """Return the place of the newest committed event, 0 if there is none."""
        ...

    def terminals(self) -> Mapping[str, Terminal]:
        """Return the last known state of every terminal that reported or holds a case, by id."""
        ...

    def evidence(self, number: str) -> Sequence[Evidence]:
        """Return the pictures of a case, oldest first."""
        ...

    def picture(self, ident: str) -> Evidence:
        """Return a picture by its id; raises `UnknownError`."""
        ...

    def kept(self, *, since: datetime | None = None, until: datetime | None = None) -> Sequence[CaseKept]:
        """Return all filed cases for statistics (not refused, not void), by time of occurrence."""
        ...

    def has_sighting(self, sighting: str) -> bool:
        """Tell whether a sighting was taken before."""
        ...

    def camera_state(self, camera: str) -> CameraState | None:
        """Return what a camera's pipeline remembered."""
        ...

    def health(self, *, camera: str | None = None, lasting: bool = False, limit: int = 200) -> Sequence[HealthEvent]:
        """Return spells of cameras' faults, newest first; `lasting` leaves out those that are over."""
        ...

    def health_event(self, ident: str) -> HealthEvent:
        """Return a spell by its id; raises `UnknownError`."""
        ...

    def camera_reference(self, camera: str) -> str:
        """Return what a camera looks like usually, as its watch wrote it down; empty if nothing was stored."""
        ...

    def outbox(self, *, limit: int = 100) -> Sequence[OutboxMessage]:
        """Return messages that have not left, oldest first."""
        ...

    def site_documents(self) -> Mapping[str, str]:
        """Return the newest applied site's documents by file name; empty if none was applied."""
        ...

    def site_version(self) -> int:
        """Return the number of the newest applied site, 0 if none was applied."""
        ...

    def categories_used(self) -> frozenset[str]:
        """Return the keys of the categories that any case has, whatever became of it."""
        ...

    def conditions_used(self) -> frozenset[tuple[str, int]]:
        """Return the filing conditions that open cases were filed on, each its category's key and its number."""
        ...


class Asking(Reading, TrustReading, ReportReading, DutyReading, JudgingReading, PointsReading, Protocol):
    """What can be asked of one moment: also reports, outcomes, trials, clocks, merged cases, pictures past keeping."""

    def position(self, terminal: str) -> Moved | None:
        """Return where a terminal was when it was last heard; None if it never was."""
        ...

    def counts(self) -> Counts:
        """Return how much there is of what."""
        ...

    def unsent(self, kind: str, *, limit: int = 100) -> Sequence[OutboxMessage]:
        """Return messages of a kind that have not left, oldest first."""
        ...

    def case_of(self, sighting: str) -> str | None:
        """Return the number of the case that a sighting belongs to; None if there is none."""
        ...

    def source_of(self, sighting: str) -> tuple[str, str | None]:
        """Return the camera and scene of a sighting; raises `UnknownError`."""
        ...

    def has_case(self, number: str) -> bool:
        """Tell whether there is a case of that number."""
        ...

    def merged(self, number: str) -> Sequence[Case]:
        """Return the cases that were merged into one, and those merged into them in turn, oldest first."""
        ...

    def past_keeping(self, before: datetime, *, originals: bool, limit: int = 500) -> Sequence[Evidence]:
        """Return pictures, or sealed originals, of before a moment that nobody has decided to erase; oldest first."""
        ...

    def to_unlink(self, *, limit: int = 500) -> Sequence[Evidence]:
        """Return pictures that it was decided to erase and whose paths are still there."""
        ...

    def named(self, paths: Sequence[str]) -> frozenset[str]:
        """Return which of the paths a picture that is kept, a trial or a camera's fault names."""
        ...


class Transaction(Asking, TrustWriting, ReportWriting, DutyWriting, JudgingWriting, PointsWriting, Protocol):
    """One write: all of it or nothing. What it reads is what it commits against."""

    def next_number(self, prefix: str, day: str) -> str:
        """Return the next case number of a day, such as YP20261123-0001."""
        ...

    def next_numbers(self, prefix: str, day: str, count: int) -> Sequence[str]:
        """Return the next case numbers of a day, one or more."""
        ...

    def add_case(self, case: Case) -> None:
        """Store a new case."""
        ...

    def add_past(self, past: Sequence[tuple[Case, Sequence[Event]]]) -> None:
        """Store cases that ended before, each with its whole history; a `HistoryError` where one does not add up."""
        ...

    def save_case(self, case: Case) -> None:
        """Store a case's new state; the version must be one above the stored one."""
        ...

    def append(self, event: Event) -> Event:
        """Append to a case's history; returns the event with sequence and digests."""
        ...

    def add_sighting(
        self, sighting: str, *, case: str | None, camera: str, captured_at: datetime, scene: str | None = None
    ) -> None:
        """Remember a sighting's id; a second time is an `AlreadyTakenError`."""
        ...

    def move_sightings(self, sightings: Sequence[str], *, to: str) -> None:
        """Give sightings and their pictures to another case."""
        ...

    def add_evidence(self, evidence: Evidence) -> None:
        """Store what is known of a picture whose file is already in its place."""
        ...

    def save_erasing(self, evidence: Evidence) -> None:
        """Store what has changed of a picture: its paths, and when it was decided to erase them."""
        ...

    def save_position(self, terminal: str, lonlat: LonLat, at: datetime, *, ahead: datetime | None = None) -> bool:
        """Store a terminal's position unless a newer one is known; tells whether it was stored.

        What is known and dated later than `ahead` was stored while a clock was ahead, and is replaced by any.
        """
        ...

    def save_positions(self, heard: Sequence[tuple[str, LonLat, datetime]], *, ahead: datetime | None = None) -> int:
        """Store many terminals' positions (terminal, place, time) like `save_position`; returns how many."""
        ...

    def save_camera_state(self, state: CameraState) -> None:
        """Store what a camera's pipeline must remember."""
        ...

    def save_health(self, event: HealthEvent) -> None:
        """Store a spell, or its end if it is known; a picture that is known stays."""
        ...

    def save_camera_reference(self, camera: str, memory: str, at: datetime) -> None:
        """Store what a camera looks like usually."""
        ...

    def enqueue(self, message: OutboxMessage) -> None:
        """Put a message in the outbox; a key that is there already is left as it is."""
        ...

    def mark_sent(self, message: int, at: datetime) -> None:
        """Take a message out of the outbox."""
        ...

    def save_site(self, documents: Mapping[str, str], at: datetime) -> int:
        """Store a site's documents as a new version; returns its number."""
        ...


class Casebook(Reading, Protocol):
    """The storage of one site, shared by several processes."""

    def write(self, work: Callable[[Transaction], T], *, near: Sequence[Near] = ()) -> T:
        """Run a write transaction; `work` may be run again after a conflict, so it must only touch the transaction.

        Args:
            near: what `work` is going to ask `similar` for: asked together for all that share the transaction.
        """
        ...

    def read(self, question: Callable[[Asking], T]) -> T:
        """Ask several things of one moment."""
        ...

    def scrub(self) -> None:
        """Have what was deleted really overwritten or dropped from the database's files."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
