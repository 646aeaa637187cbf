"""The organisation: departments, who holds which post, joint stations, and whose turn it is to command. Values.

`organisation_files` reads and writes them, `duty_ahead` looks for what will be missing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from pipeline.shifts import Shift, spans_of
from pipeline.work_calendar import WorkCalendar


class DepartmentKind(StrEnum):
    """What a department does for the grids."""

    FIRST = "first"
    FOLLOW_UP = "follow_up"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """One department.

    Attributes:
        kind: first employs first forces only, follow_up enforces, outside (the district's platform, owners of pipes)
            takes what is transferred to it.
    """

    code: str
    name: str
    name_zh: str
    kind: DepartmentKind


class Post(StrEnum):
    """What an officer is."""

    GRID_CHIEF = "grid-chief"
    DEPUTY_GRID_CHIEF = "deputy-grid-chief"
    UNIT_HEAD = "unit-head"
    DEPUTY_UNIT_HEAD = "deputy-unit-head"
    COMMANDER = "commander"


CENTRE = "centre"
"""What a commander's post is of: the operations centre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """Somebody who holds a post, numbered; the name may be a title.

    Attributes:
        of: the grid's or unit's code, or "centre".
        since, until: first and last day, local; None where it is open.
    """

    number: str
    post: Post
    of: str
    name: str
    name_zh: str
    since: date | None = None
    until: date | None = None

    def holds(self, day: date) -> bool:
        """Tell whether the post is held on a local day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A joint station (联勤联动工作站) of a grid, or of one unit in it.

    Attributes:
        unit: None where it serves the whole grid.
        resident, seconded: codes of the departments that sit there always, and of those that send somebody.
    """

    code: str
    name: str
    name_zh: str
    grid: str
    unit: str | None
    resident: tuple[str, ...]
    seconded: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A commander's turn (指挥长轮值).

    Attributes:
        officer: number of an officer whose post is commander; a turn that begins when the post is not held is nobody's.
        first_day: local day on which it first begins.
        every_days: how many days later it comes again; None for once only, in the place of whose turn it would be.
        last_day: the last day on which it begins; None where it is open.
        hours: its local hours; they may cross midnight.
    """

    officer: str
    first_day: date
    every_days: int | None
    last_day: date | None
    hours: Shift

    def begins_on(self, day: date) -> bool:
        """Tell whether the turn begins on a local day."""
        if day < self.first_day or (self.last_day is not None and day > self.last_day):
            return False
        passed = (day - self.first_day).days
        return passed == 0 if self.every_days is None else passed % self.every_days == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Who commands in the operations centre, from when until when; instants, UTC."""

    officer: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """All of it; a site that says nothing of one part has it empty, and nothing is checked against that part.

    Attributes:
        officers, turns: None where the site keeps no such table; an empty table leaves every post without a holder, and
            the centre without a commander.
    """

    departments: tuple[Department, ...] = ()
    officers: tuple[Officer, ...] | None = None
    stations: tuple[Station, ...] = ()
    turns: tuple[Turn, ...] | None = None

    def holders(self, post: Post, of: str, day: date) -> tuple[Officer, ...]:
        """Return who holds a post on a local day."""
        named = self.officers or ()
        return tuple(each for each in named if each.post is post and each.of == of and each.holds(day))

    def commanders(self, day: date) -> frozenset[str]:
        """Return the numbers of those who may command on a local day."""
        return frozenset(each.number for each in self.holders(Post.COMMANDER, CENTRE, day))

    def department(self, code: str) -> Department | None:
        """Return a department."""
        return next((each for each in self.departments if each.code == code), None)

    def stations_of(self, grid: str, unit: str | None = None) -> tuple[Station, ...]:
        """Return the joint stations of a grid, or of one of its units."""
        return tuple(each for each in self.stations if each.grid == grid and each.unit == unit)

    def commander(self, now: datetime, calendar: WorkCalendar) -> Command | None:
        """Return who commands at an instant; None where nobody does."""
        day = calendar.local_day(now)
        found = self.commands(day - timedelta(days=2), day, calendar)
        return next((each for each in found if each.start <= now < each.end), None)

    def commands(self, first: date, last: date, calendar: WorkCalendar) -> list[Command]:
        """Return the commands that begin on local days from the first to the last, in order of time."""
        found = [each for day in _days(first, last) for each in self._of_day(day, calendar)]
        return sorted(found, key=lambda each: (each.start, each.end, each.officer))

    def _of_day(self, day: date, calendar: WorkCalendar) -> Iterable[Command]:
        serving = self.commanders(day)
        begins = [turn for turn in self.turns or () if turn.officer in serving and turn.begins_on(day)]
        once = [turn for turn in begins if turn.every_days is None]
        # Who stands in takes the hours of whoever would have begun in them, and nobody else's.
        kept = [turn for turn in begins if turn.every_days and not any(_same_hours(turn, each) for each in once)]
        for turn in once + kept:
            span = spans_of(turn.hours, day, calendar)
            if span is not None:
                yield Command(officer=turn.officer, start=span[0], end=span[1])


def _same_hours(one: Turn, other: Turn) -> bool:
    return (one.hours.start, one.hours.end) == (other.hours.start, other.hours.end)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=each) for each in range((last - first).days + 1))
