"""Duty clocks of a case as stored values: what each counts, where it stands, when its next step is due. Pure.

A clock's steps are fired by whoever looks first, once each and in order; `fired` says how many were. Suspending,
handling and the like stop it; what it ran for before counts when it goes on. An extension or a reopening begins a new
round, in which the steps are to come again.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from pipeline.cases import ENDED, IN_WORK, Case, Status
from pipeline.catalogue import Category, DeadlineUnit
from pipeline.clocks import utc
from pipeline.duty_clocks import DeadlineError, Spell, due, is_collected, seconds_of, usual_time
from pipeline.escalation_policy import EscalationPolicy, Step
from pipeline.site import Site

_HOUR_S: Final = 3600.0
_SHORTEST_H: Final = 1.0 / _HOUR_S
MOST_SPELLS: Final = 1_000


class ClockName(StrEnum):
    """What a clock waits for."""

    ARRIVE = "arrive"
    FIRST_RESULT = "first-result"
    HANDLE = "handle"
    EXTENSION = "extension"


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyClock:
    """One running, standing or finished clock of a case.

    Attributes:
        value, unit: how long, and by which clock it is counted.
        spells: when it stood, in order of their ends.
        stopped_at: since when it stands; None while it runs.
        round: 1, and one more after each extension or reopening.
        fired: how many steps of this round have been fired.
        next_at: when the next step is due; None when it stands, has none, or none that can be timed.
    """

    case: str
    name: ClockName
    unit: DeadlineUnit
    value: float
    started_at: datetime
    spells: tuple[Spell, ...] = ()
    stopped_at: datetime | None = None
    round: int = 1
    fired: int = 0
    next_at: datetime | None = None

    def __post_init__(self) -> None:
        for name in ("started_at", "stopped_at", "next_at"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is not UTC:
                object.__setattr__(self, name, utc(moment, field=name))


def steps_of(name: ClockName, policy: EscalationPolicy, *, urgent: bool) -> tuple[tuple[Step, float], ...]:
    """Return a clock's steps with their shares of its time, in order."""
    return ((Step.LAPSE, 1.0),) if name is ClockName.EXTENSION else policy.steps(urgent=urgent)


class Span(NamedTuple):
    """A clock's time: by which clock, how long, and from when on."""

    unit: DeadlineUnit
    value: float
    start: datetime


def ending_at(moment: datetime, now: datetime, *, usual_h: float) -> Span:
    """Return the time of a clock that always runs and ends when somebody else wants something done.

    With less left than such a case usually has, it counts as begun so much earlier, so that after its end each level
    hears of it a share of the usual time later, not seconds. What is late already ends now.
    """
    end = max(moment, now)
    hours = max((end - now).total_seconds() / _HOUR_S, usual_h)
    return Span(DeadlineUnit.URGENT_HOUR, hours, end - timedelta(hours=hours))


def handling_time(case: Case, site: Site) -> Span | None:
    """Return how long a case may take, as `duty_clocks.closing_due` has it; None for no deadline."""
    category = site.catalogue.by_key.get(case.category)
    if category is None:
        return None
    if case.ticket_due is not None and case.reopened_at is None:
        return ending_at(case.ticket_due, case.recorded_at, usual_h=_usual_h(case, category, site))
    value, unit = usual_time(case, category)
    return Span(unit, value, case.reopened_at or case.recorded_at)


def _usual_h(case: Case, category: Category, site: Site) -> float:
    return seconds_of(*usual_time(case, category), site.settings.calendar) / _HOUR_S


def first_clocks(case: Case, site: Site) -> tuple[DutyClock, ...]:
    """Return the clocks of a case that was just recorded or opened again; without a deadline it has none for that."""
    if is_collected(case, site):
        return ()
    targets, handling = site.settings.targets, handling_time(case, site)
    start = case.reopened_at or case.recorded_at
    wanted: list[tuple[ClockName, DeadlineUnit, float, datetime]] = []
    if case.urgent:
        wanted += [
            (name, DeadlineUnit.URGENT_HOUR, much_s / _HOUR_S, _begun(by, much_s, start))
            for name, much_s, by in (
                (ClockName.ARRIVE, targets.arrive_s, case.arrive_by),
                (ClockName.FIRST_RESULT, targets.first_result_s, case.first_result_by),
            )
        ]
    if handling is not None:
        wanted.append((ClockName.HANDLE, *handling))
    clocks = (
        DutyClock(case=case.number, name=name, unit=unit, value=value, started_at=begun)
        for name, unit, value, begun in wanted
    )
    return tuple(timed(clock, urgent=case.urgent, site=site) for clock in clocks)


def _begun(by: datetime | None, much_s: float, start: datetime) -> datetime:
    """Return when a clock began that ends at `by`: a further report may have made the case urgent after its start."""
    return start if by is None else by - timedelta(seconds=much_s)


def extension_clock(case: Case, site: Site, now: datetime, *, round_: int) -> DutyClock:
    """Return the clock within which an extension must be decided."""
    hours = site.settings.escalation.decide_h
    clock = DutyClock(
        case=case.number,
        name=ClockName.EXTENSION,
        unit=DeadlineUnit.WORK_HOUR,
        value=hours,
        started_at=now,
        round=round_,
    )
    return timed(clock, urgent=case.urgent, site=site)


def timed(clock: DutyClock, *, urgent: bool, site: Site) -> DutyClock:
    """Return the clock with the time of its next step, by the calendar as it is now; what it cannot time is no step."""
    steps = steps_of(clock.name, site.settings.escalation, urgent=urgent)
    if clock.stopped_at is not None or clock.fired >= len(steps):
        return replace(clock, next_at=None)
    return replace(clock, next_at=_step_at(clock, steps[clock.fired][1], site=site))


def _step_at(clock: DutyClock, share: float, *, site: Site) -> datetime | None:
    """Return when a step is due; None if no calendar reaches it."""
    try:
        return due_at(clock, share, site=site)
    except DeadlineError:
        return None


def due_at(clock: DutyClock, share: float, *, site: Site) -> datetime:
    """Return when a share of a clock's time is over.

    Raises:
        DeadlineError: the site's working hours do not reach it within 4,000 days.
    """
    calendar = site.settings.calendar
    return due(clock.value * share, clock.unit, start=clock.started_at, calendar=calendar, suspended=clock.spells)


def stands(name: ClockName, case: Case) -> bool:
    """Tell whether a case's status stops a clock."""
    if case.status in ENDED or case.status in _DONE[name]:
        return True
    if name is ClockName.EXTENSION:
        return not case.asked or case.status not in IN_WORK
    return case.status is Status.SUSPENDED


_HANDLED = frozenset({Status.HANDLED, Status.CHECKED})
_DONE = {
    ClockName.ARRIVE: _HANDLED | {Status.ARRIVED, Status.FIRST_RESULT},
    ClockName.FIRST_RESULT: _HANDLED | {Status.FIRST_RESULT},
    ClockName.HANDLE: _HANDLED,
    ClockName.EXTENSION: frozenset[Status](),
}


def stopped(clock: DutyClock, now: datetime) -> DutyClock:
    """Return the clock, standing since now; one that stands already is left."""
    return clock if clock.stopped_at is not None else replace(clock, stopped_at=now, next_at=None)


def resumed(clock: DutyClock, now: datetime, *, urgent: bool, site: Site) -> DutyClock:
    """Return the clock, running again from now on: the spell in which it stood does not count."""
    if clock.stopped_at is None:
        return clock
    # Clocks of machines can go backwards; then nothing was lost, and nothing stood.
    spell = (clock.stopped_at, max(now, clock.stopped_at))
    spells = (*clock.spells, spell)[-MOST_SPELLS:]
    return timed(replace(clock, spells=spells, stopped_at=None), urgent=urgent, site=site)


def renewed(clock: DutyClock, now: datetime, *, urgent: bool, site: Site) -> DutyClock:
    """Return the clock of a reopened case: from the beginning, in a new round."""
    fresh = replace(clock, started_at=now, spells=(), stopped_at=None, round=clock.round + 1, fired=0)
    return timed(fresh, urgent=urgent, site=site)


def due_by(clock: DutyClock, case: Case, moment: datetime, now: datetime, *, site: Site) -> DutyClock:
    """Return the clock with another end, in a new round: it runs always, and ends at that moment."""
    category = site.catalogue.by_key.get(case.category)
    span = ending_at(moment, now, usual_h=0.0 if category is None else _usual_h(case, category, site))
    moved = replace(
        clock,
        unit=span.unit,
        value=max(span.value, _SHORTEST_H),
        started_at=span.start,
        spells=(),
        round=clock.round + 1,
        fired=0,
    )
    return timed(moved, urgent=case.urgent, site=site)


def extended(clock: DutyClock, more: float, now: datetime, *, urgent: bool, site: Site) -> DutyClock:
    """Return the clock with more time, in a new round: only the steps that lie ahead of now are to come again."""
    longer = replace(clock, value=clock.value + more, round=clock.round + 1, fired=0)
    steps = steps_of(clock.name, site.settings.escalation, urgent=urgent)
    dues = (_step_at(longer, share, site=site) for _, share in steps)
    past = [at for at in dues if at is not None and at <= now]
    return timed(replace(longer, fired=len(past)), urgent=urgent, site=site)
