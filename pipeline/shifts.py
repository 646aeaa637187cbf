"""Shifts: on which days and between which local times somebody is on duty, and how a roster writes it down.

A shift belongs to the day on which it begins: "sat 22:00-06:00" ends on Sunday morning. Times are read off the clock on
the wall, so a change of clocks leaves no moment without the duty that its wall time has.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import combinations

from pipeline.errors import PipelineError
from pipeline.work_calendar import WorkCalendar

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))
ALWAYS = "always"
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_DAY = timedelta(days=1)
_DAY_MINUTES = 1440


class DayKind(StrEnum):
    """Whether a shift asks the work calendar."""

    ANY = "any"
    WORK = "work"
    FREE = "free"


class ShiftTextError(PipelineError):
    """A shift is not written as a shift is."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"is {text!r}, expected always or HH:MM-HH:MM joined by ';', each with days before it where it is not every"
            " day's: work, free, or mon,tue … or mon-fri, such as 'work 08:30-17:30;sat,sun 22:00-06:00'"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A local time of day from `start` (included) to `end` (excluded) on some days; it may cross midnight.

    Attributes:
        start, end: equal ends mean a whole day from that time on.
        weekdays: on which it begins, 0 for Monday; all by default.
        kind: whether it begins on working days only, on free ones only, or on either.
        calendar: which days are worked; needed where `kind` is not any.
    """

    start: time
    end: time
    weekdays: frozenset[int] = EVERY_DAY
    kind: DayKind = DayKind.ANY
    calendar: WorkCalendar | None = None

    def covers(self, moment: time) -> bool:
        """Tell whether a local time of day lies in the shift, on whatever day; equal ends mean the whole day."""
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end

    def covers_local(self, local: datetime) -> bool:
        """Tell whether a local date and time lies in the shift."""
        clock = local.time()
        if self.start < self.end:
            return self.start <= clock < self.end and self.begins_on(local.date())
        if clock >= self.start:
            return self.begins_on(local.date())
        return clock < self.end and self.begins_on(local.date() - _DAY)

    def begins_on(self, day: date) -> bool:
        """Tell whether the shift begins on a local day."""
        if day.weekday() not in self.weekdays:
            return False
        if self.kind is DayKind.ANY or self.calendar is None:
            return True
        return self.calendar.is_working(day) == (self.kind is DayKind.WORK)

    def collides(self, other: "Shift") -> bool:
        """Tell whether there is a day on which both run at the same time.

        Working and free days may follow each other in any order, so what spills over midnight meets either.
        """
        mine, mine_end = _minutes(self, 0)
        theirs = ((_minutes(other, days), days) for days in (-1, 0, 1))
        return any(mine < end and start < mine_end and self._may_follow(other, days) for (start, end), days in theirs)

    def _may_follow(self, other: "Shift", days: int) -> bool:
        """Tell whether the other may begin so many days after this one."""
        if days == 0 and {self.kind, other.kind} == {DayKind.WORK, DayKind.FREE}:
            return False
        return any((day + days) % 7 in other.weekdays for day in self.weekdays)


def _minutes(shift: Shift, days: int) -> tuple[int, int]:
    """Return the minutes from midnight, some days later, at which a shift starts and ends."""
    start, end = (each.hour * 60 + each.minute for each in (shift.start, shift.end))
    later = days * _DAY_MINUTES
    return later + start, later + (end if shift.start < shift.end else end + _DAY_MINUTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyChange:
    """Something out of turn: a force is away, or on duty beyond its shifts; instants, UTC."""

    start: datetime
    end: datetime
    on: bool
    note: str = ""

    def covers(self, moment: datetime) -> bool:
        """Tell whether an instant lies in it."""
        return self.start <= moment < self.end


def read_shifts(text: str, calendar: WorkCalendar | None = None) -> tuple[Shift, ...]:
    """Return the shifts of a text; none for "always".

    Raises:
        ShiftTextError: a part of it is no shift.
    """
    if text.strip() == ALWAYS:
        return ()
    return tuple(_shift(part.strip(), calendar) for part in text.split(";"))


def write_shifts(shifts: tuple[Shift, ...]) -> str:
    """Return the text that `read_shifts` reads."""
    return ";".join(_written(shift) for shift in shifts) or ALWAYS


def collisions(shifts: tuple[Shift, ...]) -> Iterator[tuple[Shift, Shift]]:
    """Yield the pairs of shifts that run at the same time on some day."""
    return (pair for pair in combinations(shifts, 2) if pair[0].collides(pair[1]))


def spans_of(shift: Shift, day: date, calendar: WorkCalendar) -> tuple[datetime, datetime] | None:
    """Return the instants of a shift that begins on a local day; None if it does not, or clocks skip it whole."""
    if not shift.begins_on(day):
        return None
    start = calendar.instant(day, shift.start)
    end = calendar.instant(day if shift.start < shift.end else day + _DAY, shift.end)
    return (start, end) if start < end else None


def local_instant(text: str, calendar: WorkCalendar) -> datetime:
    """Return the instant of "2026-11-29T08:00" on the site's clocks; a text with an offset is taken as it is.

    Raises:
        ValueError: it is no date and time.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=calendar.timezone)).astimezone(UTC)


def _shift(text: str, calendar: WorkCalendar | None) -> Shift:
    days, _, span = text.rpartition(" ")
    found = _SPAN.fullmatch(span)
    if not found:
        raise ShiftTextError(text)
    first, last = time(int(found[1]), int(found[2])), time(int(found[3] or 0), int(found[4] or 0))
    if days in (DayKind.WORK.value, DayKind.FREE.value):
        return Shift(start=first, end=last, kind=DayKind(days), calendar=calendar)
    return Shift(start=first, end=last, weekdays=_weekdays(days.strip(), text))


def _weekdays(text: str, whole: str) -> frozenset[int]:
    if not text:
        return EVERY_DAY
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
            raise ShiftTextError(whole)
        begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        found |= {day % 7 for day in range(begin, (end if end >= begin else end + 7) + 1)}
    return frozenset(found)


def _written(shift: Shift) -> str:
    span = f"{shift.start:%H:%M}-{shift.end:%H:%M}"
    if shift.kind is not DayKind.ANY:
        return f"{shift.kind} {span}"
    if shift.weekdays == EVERY_DAY:
        return span
    return f"{','.join(WEEKDAYS[day] for day in sorted(shift.weekdays))} {span}"
