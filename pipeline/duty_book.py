"""The duty book: what storage keeps beside the cases: clocks, joint parts, meetings, anchors.

Protocols and values; `sql_duties` and `sql_duty_writing` do it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from pipeline.case_clocks import ClockName, DutyClock
from pipeline.cases import Case
from pipeline.clocks import utc
from pipeline.history import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class JointPart:
    """One department's part in a joint action.

    Attributes:
        lead: it answers for the whole.
        force: number of its liaison.
        terminal: the liaison's, if they carry one.
    """

    case: str
    department: str
    lead: bool
    force: str
    terminal: str | None
    opened_at: datetime
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a consultation decided on a case, and the case that is to be done about it, if one was opened."""

    case: str
    words: str
    department: str
    task: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """A meeting of the departments on the hard cases of a period.

    Attributes:
        since, until: the period; until is excluded.
        cases: numbers on its list.
        attendants: names with their departments.
    """

    code: str
    since: datetime
    until: datetime
    held_at: datetime
    chair: str
    place: str
    attendants: tuple[tuple[str, str], ...]
    cases: tuple[str, ...]
    decisions: tuple[Decided, ...] = ()
    closed_at: datetime | None = None

    def __post_init__(self) -> None:
        for name in ("since", "until", "held_at"):
            object.__setattr__(self, name, utc(getattr(self, name), field=name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A digest over the newest event of every case that has events in a stretch of the site's sequence.

    Attributes:
        first, last: the stretch, both included; stretches follow one another without a gap.
        heads: how many cases.
        previous: digest of the anchor before; so each anchor stands for all heads up to its last event.
    """

    number: int
    at: datetime
    first: int
    last: int
    heads: int
    previous: str
    digest: str = field(default="")


class DatedBack(NamedTuple):
    """An event of a case that is dated before the event of another case that was stored before it, and by how much."""

    case: str
    sequence: int
    by: timedelta


class DutyReading(Protocol):
    """What can be asked of the duty book."""

    def clocks_of(self, number: str) -> Sequence[DutyClock]:
        """Return a case's clocks, by name."""
        ...

    def clocks_running(self, *, after: tuple[str, str] | None = None, limit: int = 500) -> Sequence[DutyClock]:
        """Return clocks that run, by case and name, after a pair of those."""
        ...

    def first_due(self, now: datetime) -> DutyClock | None:
        """Return the clock whose step was due first, if one is due."""
        ...

    def without_clocks(self, *, after: int = 0, limit: int = 500) -> Sequence[tuple[int, Case]]:
        """Return cases that have not ended and have no clock at all, with their ordinals, oldest first."""
        ...

    def joint_parts(self, number: str) -> Sequence[JointPart]:
        """Return the parts of a case's joint action, the lead first; empty when there is none."""
        ...

    def parts_with(self, terminal: str) -> Sequence[JointPart]:
        """Return the parts that a terminal's carrier has not finished."""
        ...

    def consultation(self, code: str) -> Consultation:
        """Return a meeting; raises `UnknownError`."""
        ...

    def consultations(self, *, limit: int = 100) -> Sequence[Consultation]:
        """Return meetings, newest first."""
        ...

    def anchors(self, *, after: int = 0, limit: int = 1000) -> Sequence[Anchor]:
        """Return anchors, oldest first."""
        ...

    def newest_anchor(self) -> Anchor | None:
        """Return the newest anchor, if there is one."""
        ...

    def heads(self, first: int, last: int) -> Sequence[tuple[str, str]]:
        """Return each case with events in a stretch of the sequence, with the digest of its newest event there."""
        ...

    def cases_by_opening(self, *, after: int = 0, limit: int = 500) -> Sequence[tuple[int, Case]]:
        """Return cases with their ordinals, oldest first."""
        ...

    def entries_of(self, numbers: Sequence[str]) -> Mapping[str, Sequence[Entry]]:
        """Return the chained histories of some cases."""
        ...

    def counted_events(self) -> tuple[int, int]:
        """Return how many events are stored, and how many were ever numbered."""
        ...

    def missing_sequences(self, *, limit: int = 50) -> Sequence[tuple[int, int]]:
        """Return stretches of the site's sequence that have no event, first and last included."""
        ...

    def dated_back(self, more_than: timedelta, *, limit: int = 1000) -> Sequence[DatedBack]:
        """Return events dated before the one of another case that was stored before them, by more than so much."""
        ...

    def names_file(self, path: str) -> bool:
        """Tell whether a picture or original that is kept, a trial or a camera's fault lies in a file."""
        ...

    def with_words_before(self, moment: datetime, keys: Sequence[str], *, limit: int = 100) -> Sequence[str]:
        """Return cases that ended before a moment and still have a detail of these keys outside the chain."""
        ...

    def with_contact_before(self, moment: datetime, *, limit: int = 100) -> Sequence[str]:
        """Return cases that ended before a moment and still have a reporter's contact."""
        ...


class DutyWriting(Protocol):
    """What can be written to the duty book."""

    def save_clock(self, clock: DutyClock) -> None:
        """Store a clock's new state."""
        ...

    def save_clocks(self, clocks: Sequence[DutyClock]) -> None:
        """Store new clocks; those that are there already are left."""
        ...

    def add_joint_parts(self, parts: Sequence[JointPart]) -> None:
        """Store the parts of a joint action; an `AlreadyTakenError` for a department that has one in the case."""
        ...

    def drop_joint_parts(self, number: str) -> None:
        """Take the parts of a case's joint action away, which is over; its history keeps them."""
        ...

    def finish_part(self, number: str, department: str, at: datetime) -> bool:
        """Mark a department's part as done; tells whether it was open."""
        ...

    def save_consultation(self, consultation: Consultation) -> None:
        """Store a meeting, or its new state."""
        ...

    def add_anchor(self, anchor: Anchor) -> None:
        """Store an anchor."""
        ...

    def erase_asides(self, number: str, places: Sequence[tuple[int, str]]) -> None:
        """Delete value and salt of details outside the chain, by sequence and key."""
        ...

    def erase_contacts(self, receipts: Sequence[str]) -> None:
        """Delete phone, contact and salt of reports, by receipt."""
        ...

    def erase_pictures(self, number: str) -> Sequence[str]:
        """Delete the rows of a case's pictures and originals; returns the files that no other row names."""
        ...


__all__ = [
    "Anchor",
    "ClockName",
    "Consultation",
    "Decided",
    "DutyReading",
    "DutyWriting",
    "JointPart",
]
