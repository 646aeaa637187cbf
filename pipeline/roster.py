"""The roster: who may be sent, where and when. Values and duty times; positions live in the casebook."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from geo.coords import LonLat
from pipeline.cases import Side
from pipeline.shifts import DutyChange, Shift

__all__ = ["Force", "Roster", "Shift", "Stage"]


class Stage(StrEnum):
    """First forces patrol and handle first; follow-up forces enforce what the first could not solve."""

    FIRST = "first"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Force:
    """One numbered person or vehicle with a role and a department.

    Attributes:
        side: the side it patrols; None means any.
        units: unit codes it is bound to; empty means its whole grid.
        shifts: when it is on duty; empty means always.
        terminal: the device it carries, None if it carries none.
        post: where it stands until its terminal reports a position, WGS-84.
        skills: keys of the categories that it is trained for, or what several of them start with; empty means all.
        changes: when it is away, or on duty beyond its shifts; the last one that covers a moment counts.
    """

    number: str
    name: str
    name_zh: str
    role: str
    department: str
    stage: Stage
    side: Side | None
    grid: str
    units: tuple[str, ...]
    shifts: tuple[Shift, ...]
    terminal: str | None
    post: LonLat
    skills: tuple[str, ...] = ()
    changes: tuple[DutyChange, ...] = ()

    def on_duty(self, now: datetime, zone: ZoneInfo) -> bool:
        """Tell whether a shift or a change of duty covers the instant, in the site's zone."""
        changed = [change.on for change in self.changes if change.covers(now)]
        if changed:
            return changed[-1]
        if not self.shifts:
            return True
        local = now.astimezone(zone)
        return any(shift.covers_local(local) for shift in self.shifts)

    def skilled(self, category: str) -> bool:
        """Tell whether it is trained for a category, by its key."""
        return not self.skills or category.startswith(self.skills)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """All forces of a site."""

    forces: tuple[Force, ...]

    def by_terminal(self) -> dict[str, Force]:
        """Return the forces that carry a terminal, by its id."""
        return {force.terminal: force for force in self.forces if force.terminal}
