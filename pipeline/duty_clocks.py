"""Duty clocks: how long something takes by a deadline's own clock, and when it is due. Pure.

Urgent hours and natural days run always, work hours and work days within working hours only. A suspension stops the
clock, whichever it is: what it ran for before counts, and it goes on from there.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from pipeline.cases import ENDED, Case, Status
from pipeline.catalogue import Category, DeadlineUnit, FilingCondition
from pipeline.clocks import utc
from pipeline.errors import PipelineError
from pipeline.site import Site
from pipeline.work_calendar import WorkCalendar

Spell = tuple[datetime, datetime]
MOST_DAYS = 4_000
"""A deadline farther off than this is refused: a calendar without a working day would never come to an end."""
_HOUR_S = 3600.0


class DeadlineError(PipelineError):
    """A deadline cannot be computed."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; give a deadline above 0 that the site's working hours reach within {MOST_DAYS} days")


def due(
    value: float,
    unit: DeadlineUnit,
    *,
    start: datetime,
    calendar: WorkCalendar,
    suspended: Sequence[Spell] = (),
) -> datetime:
    """Return when something is due that must be done within a deadline.

    Args:
        value: how many of the unit; more than 0.
        unit: by which clock. A natural day ends at the same local time a day later, counted by clocks on the wall when
            it was suspended or is not whole; a work day when as much work time has passed as a working day has.
        start: when the clock starts; aware.
        calendar: of the site.
        suspended: spells in which the clock stood, in any order; one that lasts ends in the far future.

    Raises:
        DeadlineError: the deadline is not above 0, or is not reached within 4,000 days.
        NaiveTimeError: a time has no offset.
    """
    start = utc(start, field="start")
    if not value > 0:
        raise DeadlineError(f"a deadline of {value:g} {unit.value} is none")
    if unit is DeadlineUnit.NATURAL_DAY and value <= MOST_DAYS:
        return _days_later(start, value, calendar, suspended)
    left_s = seconds_of(value, unit, calendar)
    if unit is DeadlineUnit.URGENT_HOUR and not suspended and left_s <= MOST_DAYS * 24 * _HOUR_S:
        return start + timedelta(seconds=left_s)
    for begin, end in _running(start, unit, calendar, suspended, until=start + timedelta(days=MOST_DAYS)):
        length_s = (end - begin).total_seconds()
        if left_s <= length_s:
            return begin + timedelta(seconds=left_s)
        left_s -= length_s
    raise DeadlineError(f"a deadline of {value:g} {unit.value} from {start.isoformat()} is not reached")


def elapsed_s(
    unit: DeadlineUnit,
    *,
    start: datetime,
    end: datetime,
    calendar: WorkCalendar,
    suspended: Sequence[Spell] = (),
) -> float:
    """Return how many seconds a deadline's clock ran between two moments; 0 if the second is not later."""
    start, end = utc(start, field="start"), utc(end, field="end")
    total_s = 0.0
    for begin, finish in _running(start, unit, calendar, suspended, until=end):
        total_s += (min(finish, end) - begin).total_seconds()
    return total_s


def is_collected(case: Case, site: Site) -> bool:
    """Tell whether a case lies where it was collected: nobody answers for it, so no clock runs.

    It was recorded, or opened again, before its grid was switched on, and not taken up since: that gives it times of
    its own (`clock_keeping.take_up`).
    """
    if case.handle_by is not None or case.arrive_by is not None:
        return False
    since = case.reopened_at or case.recorded_at
    return not site.settings.rollout.is_on(case.grid, since, site.settings.timezone)


def usual_time(case: Case, category: Category) -> tuple[float, DeadlineUnit]:
    """Return how long a case may take: its filing condition's deadline if it was filed on one, else the category's."""
    named = _filed_on(case, category)
    return (named or category).deadline_value, (named or category).deadline_unit


def closing_condition(case: Case, category: Category) -> str:
    """Return what must hold before a case is closed: as its filing condition says, else its category."""
    named = _filed_on(case, category)
    return (named.closing_condition if named is not None else "") or category.closing_condition


def _filed_on(case: Case, category: Category) -> FilingCondition | None:
    """Return the filing condition that a case was filed on, if it was on one and the category has it still."""
    return next((each for each in category.conditions if each.number == case.condition), None)


def closing_due(case: Case, site: Site) -> datetime | None:
    """Return when a case must be handled; None for one that has ended, was handled, is suspended or only collected.

    What a step moved (a resumption, an extension, a reopening) goes first, then the ticket's own deadline, then the
    filing condition's, then the category's. The clock starts when the case was recorded, or opened again after it had
    been handled.
    """
    if case.status in _HANDLED or is_collected(case, site):
        return None
    if case.handle_by is not None:
        return case.handle_by
    if case.ticket_due is not None and case.reopened_at is None:
        return case.ticket_due
    category = site.catalogue.by_key.get(case.category)
    if category is None:
        return None
    value, unit = usual_time(case, category)
    return due(value, unit, start=case.reopened_at or case.recorded_at, calendar=site.settings.calendar)


_HANDLED = ENDED | {Status.HANDLED, Status.CHECKED, Status.SUSPENDED}


def seconds_of(value: float, unit: DeadlineUnit, calendar: WorkCalendar) -> float:
    """Return how many seconds of its own clock a deadline has."""
    match unit:
        case DeadlineUnit.WORK_DAY:
            return value * calendar.working_day_s()
        case DeadlineUnit.NATURAL_DAY:
            return value * 24 * _HOUR_S
        case _:
            return value * _HOUR_S


def _days_later(start: datetime, value: float, calendar: WorkCalendar, suspended: Iterable[Spell]) -> datetime:
    """Return when clocks on the wall have shown so many days, without what they showed in the spells."""
    left, local = timedelta(days=value), start.astimezone(calendar.timezone)
    for stop, go in _merged(suspended, start):
        ran = stop.astimezone(calendar.timezone).replace(tzinfo=None) - local.replace(tzinfo=None)
        if left <= ran:
            break
        left, local = left - ran, go.astimezone(calendar.timezone)
    later = (local.replace(tzinfo=None) + left).replace(tzinfo=calendar.timezone, fold=local.fold)
    return later.astimezone(UTC)


def _running(
    start: datetime, unit: DeadlineUnit, calendar: WorkCalendar, suspended: Iterable[Spell], *, until: datetime
) -> Iterator[Spell]:
    """Yield the spells in which a clock runs and that begin before a moment, in order."""
    always = unit in {DeadlineUnit.URGENT_HOUR, DeadlineUnit.NATURAL_DAY}
    spells = _days(start) if always else calendar.hours_from(start)
    breaks = _merged(suspended, start)
    for spell in spells:
        if spell[0] >= until:
            return
        yield from (part for part in _without(spell, breaks) if part[0] < until)


def _days(start: datetime) -> Iterator[Spell]:
    while True:
        yield start, start + timedelta(days=1)
        start += timedelta(days=1)


def _merged(spells: Iterable[Spell], start: datetime) -> list[Spell]:
    """Return spells in order of time, those that touch as one, what lies before the start cut off."""
    found: list[Spell] = []
    if not spells:
        return found
    for begin, end in sorted((utc(a, field="suspended"), utc(b, field="suspended")) for a, b in spells):
        if end <= max(begin, start):
            continue
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((max(begin, start), end))
    return found


def _without(spell: Spell, breaks: Sequence[Spell]) -> Iterator[Spell]:
    begin, end = spell
    for stop, go in breaks:
        if go <= begin:
            continue
        if stop >= end:
            break
        if stop > begin:
            yield begin, stop
        begin = go
        if begin >= end:
            return
    if begin < end:
        yield begin, end
