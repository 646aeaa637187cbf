"""What will be missing: hours without anybody on duty, posts without a holder, hours without a commander. Pure.

These are no faults of a file, because time alone brings them about: a site that was sound when it was applied goes on
running, and `check` tells them ahead.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import accumulate, pairwise

from geo.boundaries import UnitKind
from pipeline.cases import Side
from pipeline.duty import DutyState, duty_at
from pipeline.organisation import CENTRE, Command, Post
from pipeline.roster import Force, Stage
from pipeline.shifts import Shift
from pipeline.site import Site
from pipeline.work_calendar import WorkCalendar

AHEAD = timedelta(days=7)
_QUARTER = timedelta(minutes=15)
_DAY = timedelta(days=1)


class Lack(StrEnum):
    """What is missing."""

    NOBODY_ON_DUTY = "nobody-on-duty"
    SIDE_UNATTENDED = "side-unattended"
    NO_HOLDER = "no-holder"
    NO_COMMANDER = "no-commander"
    TWO_COMMANDERS = "two-commanders"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something that will be missing.

    Attributes:
        where: a grid's or unit's code, or "centre".
        start, end: instants, UTC; the end may be that of the time looked at.
        what, when, remedy: in words, when by the site's clocks.
    """

    lack: Lack
    where: str
    start: datetime
    end: datetime
    what: str
    when: str
    remedy: str

    @property
    def words(self) -> str:
        """Return what, when, and what to do."""
        return f"{self.what} {self.when}; {self.remedy}"

    def __str__(self) -> str:
        return f"{self.where}: {self.words}"


def missing(site: Site, now: datetime, *, ahead: timedelta = AHEAD) -> list[Missing]:
    """Return what will be missing from now on for a while, in order of time."""
    until = now + ahead
    found = [*_duty_holes(site, now, until), *_posts_empty(site, now, until), *_command_faults(site, now, until)]
    return sorted(found, key=lambda each: (each.start, each.where, each.lack))


def told(found: Sequence[Missing], site: Site) -> list[str]:
    """Return a line for each thing, and one for all days on which the same is missing at the same hours."""
    zone = site.settings.timezone
    alike: dict[tuple[object, ...], list[Missing]] = {}
    for each in found:
        hours = each.start.astimezone(zone).time(), each.end.astimezone(zone).time()
        alike.setdefault((each.lack, each.where, each.what, each.remedy, hours), []).append(each)
    return [str(first) + _likewise(rest, zone) for first, *rest in alike.values()]


def _likewise(rest: Sequence[Missing], zone: tzinfo) -> str:
    days = ", ".join(f"{each.start.astimezone(zone):%a %Y-%m-%d}" for each in rest)
    return f"; likewise on {days}" if rest else ""


def _duty_holes(site: Site, now: datetime, until: datetime) -> Iterator[Missing]:
    moments = _moments(site, now, until)
    for grid in site.boundaries.grids:
        forces = [each for each in site.roster.forces if each.grid == grid.code and each.stage is Stage.FIRST]
        sendable = [each for each in forces if each.terminal]
        spells = _spells(moments, until, lambda at, own=sendable: not _anybody(site, own, at))  # type: ignore[misc]
        for start, end in spells:
            what, remedy = "nobody with a terminal is on duty", "give somebody a shift then"
            yield _while(site, start, end, lack=Lack.NOBODY_ON_DUTY, where=grid.code, what=what, remedy=remedy)
        for side, roles in _asked(site, grid.code):
            yield from _unattended(site, grid.code, side, roles, sendable, moments, until)


def _unattended(
    site: Site,
    grid: str,
    side: Side,
    roles: Sequence[str],
    forces: Sequence[Force],
    moments: Sequence[datetime],
    until: datetime,
) -> Iterator[Missing]:
    settings = site.settings
    own = [each for each in forces if not roles or each.role in roles]

    def lacking(at: datetime) -> bool:
        asked = settings.duty.in_hours(at, settings.timezone) is not bool(roles)
        return asked and _anybody(site, forces, at) and not _anybody(site, own, at, side)

    who, whom = (f"no {' or '.join(roles)}", "one") if roles else ("nobody", "somebody")
    for start, end in _spells(moments, until, lacking):
        what, remedy = f"{who} with a terminal answers for {side}", f"give {whom} a shift then"
        yield _while(site, start, end, lack=Lack.SIDE_UNATTENDED, where=grid, what=what, remedy=remedy)


def _anybody(site: Site, forces: Iterable[Force], at: datetime, side: Side | None = None) -> bool:
    duties = (duty_at(force, at, site.settings) for force in forces)
    return any(duty.state is DutyState.ON and (side is None or side in duty.sides) for duty in duties)


def _asked(site: Site, grid: str) -> list[tuple[Side, tuple[str, ...]]]:
    """Return each side that a grid has: without roles, for the patrol hours, and with those named for outside them."""
    kinds = {unit.kind for unit in site.boundaries.units if unit.grid == grid}
    has = {
        Side.STREET_FACE: True,
        Side.UNIT_INTERIOR: UnitKind.RESIDENTIAL in kinds,
        Side.VILLAGE: UnitKind.VILLAGE in kinds,
    }
    named = [(each.side, each.roles) for each in site.settings.duty.outside]
    return [(side, roles) for side, roles in [*((side, ()) for side in Side), *named] if has[side]]


def _posts_empty(site: Site, now: datetime, until: datetime) -> Iterator[Missing]:
    if site.organisation.officers is None:
        return
    calendar = site.settings.calendar
    places = [(Post.GRID_CHIEF, grid.code) for grid in site.boundaries.grids]
    places += [(Post.UNIT_HEAD, unit.code) for unit in site.boundaries.units]
    for post, of in places:
        for day in _local_days(calendar, now, until):
            if not site.organisation.holders(post, of, day):
                start = max(now, calendar.instant(day, time.min))
                when = f"from {day}{_who_left(site, post, of, day)}"
                yield Missing(
                    lack=Lack.NO_HOLDER,
                    where=of,
                    start=start,
                    end=until,
                    what=f"no {post}",
                    when=when,
                    remedy="name one in officers.csv",
                )
                break


def _who_left(site: Site, post: Post, of: str, day: date) -> str:
    left = [
        each
        for each in site.organisation.officers or ()
        if each.post is post and each.of == of and each.until is not None and each.until < day
    ]
    last = max(left, key=lambda each: (each.until or date.min, each.number), default=None)
    return f": {last.number} ({last.name}) holds it until {last.until}" if last else ""


def _command_faults(site: Site, now: datetime, until: datetime) -> Iterator[Missing]:
    if site.organisation.turns is None:
        return
    calendar = site.settings.calendar
    first = calendar.local_day(now) - 2 * _DAY
    commands = site.organisation.commands(first, calendar.local_day(until), calendar)
    free = now
    for each in [each for each in commands if each.end > now and each.start < until]:
        if each.start > free:
            yield _no_commander(site, free, each.start)
        free = max(free, each.end)
    if free < until:
        yield _no_commander(site, free, until)
    yield from _two_commanders(site, commands, now, until)


def _no_commander(site: Site, start: datetime, end: datetime) -> Missing:
    gone = " and ".join(sorted(_no_commanders_any_more(site, start, end)))
    turn = f"the turn of {gone}, no commander then," if gone else "a turn"
    what, remedy = "nobody commands", f"give somebody {turn} in commanders.csv"
    return _while(site, start, end, lack=Lack.NO_COMMANDER, where=CENTRE, what=what, remedy=remedy)


def _no_commanders_any_more(site: Site, start: datetime, end: datetime) -> set[str]:
    """Return who has a turn that begins in a while and does not hold the post then."""
    return {
        turn.officer
        for day in _local_days(site.settings.calendar, start, end)
        for turn in site.organisation.turns or ()
        if turn.begins_on(day) and turn.officer not in site.organisation.commanders(day)
    }


def _two_commanders(site: Site, commands: Sequence[Command], now: datetime, until: datetime) -> Iterator[Missing]:
    for one, other in zip(accumulate(commands, _ends_last), commands[1:], strict=False):
        start, end = max(other.start, now), min(one.end, other.end, until)
        if start < end:
            who = f"{one.officer} and {other.officer} both command"
            who = f"{one.officer} is on two turns" if one.officer == other.officer else who
            remedy = "end one turn in commanders.csv"
            yield _while(site, start, end, lack=Lack.TWO_COMMANDERS, where=CENTRE, what=who, remedy=remedy)


def _ends_last(one: Command, other: Command) -> Command:
    return one if one.end >= other.end else other


def _spells(
    moments: Sequence[datetime], until: datetime, lacks: Callable[[datetime], bool]
) -> list[tuple[datetime, datetime]]:
    """Return the spells in which something is lacking; it can change at the moments only."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in pairwise([*moments, until]):
        if not lacks(start):
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _moments(site: Site, now: datetime, until: datetime) -> list[datetime]:
    """Return every instant from now on at which somebody's duty may change, in order."""
    calendar = site.settings.calendar
    shifts: set[Shift] = {shift for force in site.roster.forces for shift in force.shifts}
    times = {each for shift in shifts | set(site.settings.duty.hours) for each in (shift.start, shift.end)}
    found = {now}
    for day in _local_days(calendar, now, until):
        found |= {instant for each in times | {time.min} for instant in _both(day, each, calendar)}
        found |= _clock_changes(day, calendar)
    changes = (change for force in site.roster.forces for change in force.changes)
    found |= {moment for change in changes for moment in (change.start, change.end)}
    return sorted(each for each in found if now <= each < until)


def _both(day: date, local: time, calendar: WorkCalendar) -> tuple[datetime, datetime]:
    """Return the instants of a local time that clocks may show twice."""
    return calendar.instant(day, local), calendar.instant(day, local.replace(fold=1))


def _clock_changes(day: date, calendar: WorkCalendar) -> set[datetime]:
    """Return the quarters of an hour of a day on which clocks change: any may be the one."""
    start, end = calendar.instant(day, time.min), calendar.instant(day + _DAY, time.min)
    if end - start == _DAY:
        return set()
    return {start + each * _QUARTER for each in range((end - start) // _QUARTER)}


def _local_days(calendar: WorkCalendar, now: datetime, until: datetime) -> Iterator[date]:
    day, last = calendar.local_day(now), calendar.local_day(until)
    while day <= last:
        yield day
        day += _DAY


def _while(site: Site, start: datetime, end: datetime, *, lack: Lack, where: str, what: str, remedy: str) -> Missing:
    """Return what is missing from one instant to another."""
    when = _between(site, start, end)
    return Missing(lack=lack, where=where, start=start, end=end, what=what, when=when, remedy=remedy)


def _between(site: Site, start: datetime, end: datetime) -> str:
    zone = site.settings.timezone
    return f"from {start.astimezone(zone):%a %Y-%m-%d %H:%M} to {end.astimezone(zone):%a %Y-%m-%d %H:%M}"
