"""What `site.toml` says of time: hours of the daily patrol, who answers outside them, when each grid is switched on.

Values and their reading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from geo.boundaries import Fault
from pipeline.cases import Side
from pipeline.fields import Fields
from pipeline.shifts import Shift, ShiftTextError, read_shifts
from pipeline.work_calendar import WorkCalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideHours:
    """Who answers for a side outside the hours of the daily patrol, by role."""

    side: Side
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyPattern:
    """The site's two patterns of duty.

    Attributes:
        hours: when the daily patrol runs, each force on its own side; none means always.
        outside: who answers for a side in all other hours; a side that is not named is left to whoever is on shift.
    """

    hours: tuple[Shift, ...] = ()
    outside: tuple[OutsideHours, ...] = ()

    def in_hours(self, now: datetime, zone: ZoneInfo) -> bool:
        """Tell whether an instant lies in the hours of the daily patrol."""
        local = now.astimezone(zone)
        return not self.hours or any(shift.covers_local(local) for shift in self.hours)

    def sides_of(self, role: str) -> frozenset[Side]:
        """Return the sides that a role answers for outside the hours."""
        return frozenset(each.side for each in self.outside if role in each.roles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """From which local day each grid is worked; what is off collects cases and dispatches none.

    Attributes:
        otherwise: for grids that are not named; None means from the beginning.
    """

    grids: Mapping[str, date] = field(default_factory=dict)
    otherwise: date | None = None

    def starts(self, grid: str) -> date | None:
        """Return the day on which a grid is switched on; None if it always was."""
        return self.grids.get(grid, self.otherwise)

    def is_on(self, grid: str, now: datetime, zone: ZoneInfo) -> bool:
        """Tell whether a grid is switched on at an instant."""
        start = self.starts(grid)
        return start is None or now.astimezone(zone).date() >= start


def read_pattern(fields: Fields, calendar: WorkCalendar) -> DutyPattern:
    """Return what `[duty]` says."""
    fields.only(("hours", "outside"))
    text = fields.text("hours", default="")
    try:
        hours = read_shifts(text, calendar) if text else ()
    except ShiftTextError as error:
        fields.fault("hours", str(error))
        hours = ()
    tables = fields.table.get("outside", [])
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        fields.fault("outside", "expected tables headed [[duty.outside]]")
        tables = []
    inner = (Fields(table, fields.file, f"duty.outside #{n}", fields.faults) for n, table in enumerate(tables, 1))
    return DutyPattern(hours=hours, outside=tuple(_outside(each) for each in inner))


def read_rollout(fields: Fields) -> Rollout:
    """Return what `[rollout]` says."""
    fields.only(("otherwise", "grids"))
    named = fields.inner("grids")
    grids = {code: day for code, day in named.table.items() if _is_day(named, code, day) and isinstance(day, date)}
    otherwise = fields.table.get("otherwise")
    if otherwise is not None and not _is_day(fields, "otherwise", otherwise):
        otherwise = None
    return Rollout(grids=grids, otherwise=otherwise if isinstance(otherwise, date) else None)


def pattern_faults(
    pattern: DutyPattern, rollout: Rollout, *, grids: Sequence[str], roles: frozenset[str], file: str
) -> list[Fault]:
    """Return the faults of both against the boundaries and the roster's roles."""
    found = [
        Fault(
            file=file,
            feature="rollout.grids",
            field=code,
            problem=f"is not a grid of this site; known: {', '.join(grids)}",
        )
        for code in sorted(set(rollout.grids) - set(grids))
    ]
    for number, each in enumerate(pattern.outside, 1):
        for role in each.roles:
            if role not in roles:
                problem = f"{role!r} is no force's role; known: {', '.join(sorted(roles)) or 'none'}"
                found.append(Fault(file=file, feature=f"duty.outside #{number}", field="roles", problem=problem))
    return found


def _outside(fields: Fields) -> OutsideHours:
    fields.only(("side", "roles"))
    return OutsideHours(side=fields.choice("side", Side), roles=fields.texts("roles", required=True))


def _is_day(fields: Fields, field: str, value: object) -> bool:
    if type(value) is date:
        return True
    fields.fault(field, f"is {value!r}, expected a date without quotes, such as 2026-06-01")
    return False
