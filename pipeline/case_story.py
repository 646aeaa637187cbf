"""Case stories: what judging needs of a case, told from its history up to a moment. Pure.

A story is made of a prefix of the append-only history, never of the present row, so that a period that is over is told
in the same way ever after. When a case is opened again a new round begins; the story tells the newest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from pipeline.appeals import UPHELD
from pipeline.cases import Action, Case, Event, Status
from pipeline.duty_clocks import closing_due
from pipeline.history import states
from pipeline.principal import Role
from pipeline.site import Site

NOT_FILED: Final = frozenset({Status.REPORTED, Status.VERIFIED, Status.REFUSED, Status.VOID})
_HANDLES: Final = frozenset({Action.DONE.value, Action.SELF_HANDLE.value})
_ARRIVES: Final = _HANDLES | {Action.ARRIVE.value}
_RESULTS: Final = _HANDLES | {Action.FIRST_RESULT.value}
_TASK: Final = "a task of consultation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How much of the histories counts: what is dated before a moment, and stored no later than a place.

    Attributes:
        until: excluded.
        through: place in the site's sequence, included.
    """

    until: datetime
    through: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Something that happened at a terminal: a step of its carrier, or an offer that was made or not answered."""

    at: datetime
    action: str
    terminal: str
    by_force: bool
    unanswered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """One time that a case was handled.

    Attributes:
        terminal: who handled it; None where nobody held it.
        due: when it was due then; None for no deadline.
        sent_back_at: when its check failed and it had to be done again.
    """

    at: datetime
    terminal: str | None
    due: datetime | None
    sent_back_at: datetime | None = None

    @property
    def in_time(self) -> bool | None:
        """Tell whether it was in time; None for no deadline."""
        return None if self.due is None else self.at <= self.due


@dataclass(frozen=True, slots=True, kw_only=True)
class Urgent:
    """One of the two clocks of an urgent case in the newest round.

    Attributes:
        due: by when; None where it is not urgent, or nobody answers for it yet.
        at: when it was reached; None while it is not.
        took_s: seconds that the clock ran until then, suspensions left out.
        terminal: whose force reached it.
    """

    due: datetime | None = None
    at: datetime | None = None
    took_s: float | None = None
    terminal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What became of a case up to a cut.

    Attributes:
        case: as it was at the cut.
        opened_at: when it was stored.
        filed_at: when it was first filed; None if it was not.
        found_by: terminal of the force that reported it; None for everybody else.
        task: it is a task of a consultation, which nobody discovered.
        due: when it must be handled, as its history told.
        stands_since: since when its clock stands because it is suspended.
        handlings: all of the newest round, oldest first; the last one counts unless it was sent back.
        handled_before: of earlier rounds.
        closed_at: when it was closed; None if it is not closed.
        false_at: when it was refused, or somebody said that it was no problem; None where that did not stand.
        void_at: when it was declared void, other than by merging.
    """

    case: Case
    opened_at: datetime
    filed_at: datetime | None
    found_by: str | None
    task: bool
    due: datetime | None
    stands_since: datetime | None
    handlings: tuple[Handling, ...]
    handled_before: tuple[Handling, ...]
    arrival: Urgent
    first_result: Urgent
    closed_at: datetime | None
    false_at: datetime | None
    void_at: datetime | None
    moves: tuple[Move, ...]

    @property
    def handling(self) -> Handling | None:
        """Return the handling that stands."""
        last = self.handlings[-1] if self.handlings else None
        return None if last is None or last.sent_back_at is not None else last

    @property
    def counts(self) -> bool:
        """Tell whether it is a filed problem of its own at the cut."""
        return self.case.status not in NOT_FILED


def kept(events: Sequence[Event], cut: Cut) -> Sequence[Event]:
    """Return the events before a cut: a prefix, so that a clock that went backwards tears no hole."""
    for place, event in enumerate(events):
        if event.at >= cut.until or event.sequence > cut.through:
            return events[:place]
    return events


def tell(events: Sequence[Event], cut: Cut, *, site: Site) -> Story | None:
    """Return a case's story up to a cut; None for a case that was opened later.

    Args:
        events: its whole history, oldest first.
        cut: how much of it counts.
        site: whose catalogue says when a case is due that was opened before openings told that.
    """
    prefix = kept(events, cut)
    if not prefix:
        return None
    teller = _Teller(site)
    for event, case in zip(prefix, states(prefix), strict=True):
        teller.hear(event, case)
    return teller.story()


@dataclass
class _Teller:
    """Listens to a history and remembers; lives as long as one story is told."""

    site: Site
    case: Case | None = None
    opened_at: datetime | None = None
    filed_at: datetime | None = None
    found_by: str | None = None
    task: bool = False
    due: datetime | None = None
    urgent_since: datetime | None = None
    spells: list[tuple[datetime, datetime]] = field(default_factory=list)
    stands_since: datetime | None = None
    handlings: list[Handling] = field(default_factory=list)
    handled_before: list[Handling] = field(default_factory=list)
    reached: dict[str, Urgent] = field(default_factory=dict)
    closed_at: datetime | None = None
    false_at: datetime | None = None
    void_at: datetime | None = None
    moves: list[Move] = field(default_factory=list)

    def hear(self, event: Event, case: Case) -> None:
        before, self.case = self.case, case
        if before is None:
            self._open(event, case)
        elif event.action == Action.REOPEN.value:
            self._new_round(event, case)
        else:
            self._terms(before, case, event)
        if self.filed_at is None and case.status not in NOT_FILED:
            self.filed_at = event.at
        if case.urgent and self.urgent_since is None:
            self.urgent_since = event.at
        self._step(event, before, case)
        self._move(event)

    def story(self) -> Story:
        assert self.case is not None  # noqa: S101 - `tell` heard one event at least
        assert self.opened_at is not None  # noqa: S101 - the same
        return Story(
            case=self.case,
            opened_at=self.opened_at,
            filed_at=self.filed_at,
            found_by=self.found_by,
            task=self.task,
            due=self.due,
            stands_since=self.stands_since,
            handlings=tuple(self.handlings),
            handled_before=tuple(self.handled_before),
            arrival=self.reached.get("arrival", Urgent(due=self._due_of("arrive_by"))),
            first_result=self.reached.get("first_result", Urgent(due=self._due_of("first_result_by"))),
            closed_at=self.closed_at,
            false_at=self.false_at,
            void_at=self.void_at,
            moves=tuple(self.moves),
        )

    def _open(self, event: Event, case: Case) -> None:
        told = event.details
        self.opened_at = event.at
        self.found_by = _text(told, "reported_by")
        self.task = bool(told.get("apart")) or str(told.get("reason", "")).startswith(_TASK)
        due = _text(told, "due")
        self.due = closing_due(case, self.site) if due is None else datetime.fromisoformat(due)

    def _new_round(self, event: Event, case: Case) -> None:
        self.handled_before += self.handlings
        self.handlings, self.spells, self.reached = [], [], {}
        self.closed_at = self.stands_since = None
        self.urgent_since = event.at if case.urgent else None
        self.due = case.handle_by

    def _terms(self, before: Case, case: Case, event: Event) -> None:
        """Follow what moves the time to handle: a resumption, an extension, rework, a sooner ticket, taking up."""
        if case.arrive_by is not None and before.arrive_by is None:  # raised, or taken up: the urgent clocks begin now
            self.urgent_since = event.at
        if case.handle_by != before.handle_by:
            self.due = case.handle_by
        elif case.ticket_due != before.ticket_due and case.handle_by is None:
            self.due = case.ticket_due
        if case.status is Status.SUSPENDED and before.status is not Status.SUSPENDED:
            self.stands_since = event.at
        elif case.status is not Status.SUSPENDED and self.stands_since is not None:
            self.spells.append((self.stands_since, event.at))
            self.stands_since = None

    def _step(self, event: Event, before: Case | None, case: Case) -> None:
        action, terminal = event.action, _text(event.details, "terminal") or (before.terminal if before else None)
        if action in _ARRIVES:
            self._reach("arrival", "arrive_by", event, terminal)
        if action in _RESULTS:
            self._reach("first_result", "first_result_by", event, terminal)
        if action in _HANDLES:
            self.handlings.append(Handling(at=event.at, terminal=terminal, due=self.due))
            self.false_at = None  # what was handled was there, whatever was said before
        if action == Action.SELF_HANDLE.value and self.found_by is None and before is not None and before.version == 1:
            self.found_by = terminal
        if action == Action.REWORK.value and self.handlings:
            last = self.handlings[-1]
            self.handlings[-1] = Handling(at=last.at, terminal=last.terminal, due=last.due, sent_back_at=event.at)
        if action == Action.CLOSE.value:
            self.closed_at = event.at
        self._ends(event, case)

    def _ends(self, event: Event, case: Case) -> None:
        if event.action == Action.REJECT.value or event.details.get("verdict") == "false":
            self.false_at = self.false_at or event.at
        if event.action == UPHELD:
            self.false_at = None  # who refused it was wrong
        if event.action == Action.VOID.value and case.merged_into is None:
            self.void_at = event.at

    def _reach(self, name: str, field_: str, event: Event, terminal: str | None) -> None:
        if name in self.reached:
            return
        if self.urgent_since is None:  # reached before anybody said that it was urgent: no such duty is left
            self.reached[name] = Urgent(at=event.at, terminal=terminal)
            return
        due = self._due_of(field_)
        took = event.at - self.urgent_since - self._stood(self.urgent_since, event.at)
        self.reached[name] = Urgent(due=due, at=event.at, took_s=max(0.0, took.total_seconds()), terminal=terminal)

    def _stood(self, since: datetime, until: datetime) -> timedelta:
        return sum((max(timedelta(), min(end, until) - max(begin, since)) for begin, end in self.spells), timedelta())

    def _due_of(self, name: str) -> datetime | None:
        due: datetime | None = getattr(self.case, name)
        return due

    def _move(self, event: Event) -> None:
        terminal = _text(event.details, "terminal")
        if terminal is not None:
            self.moves.append(
                Move(
                    at=event.at,
                    action=event.action,
                    terminal=terminal,
                    by_force=event.role is Role.FORCE,
                    unanswered=bool(event.details.get("unanswered")),
                )
            )


def _text(details: Mapping[str, object], key: str) -> str | None:
    value = details.get(key)
    return None if value is None else str(value)
