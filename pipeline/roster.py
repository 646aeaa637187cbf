"""The roster: who may be sent, where and when. Values and duty times; positions live in the casebook."""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from geo.coords import LonLat
from pipeline.cases import Side


class Stage(StrEnum):
    """First forces patrol and handle first; follow-up forces enforce what the first could not solve."""

    FIRST = "first"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A local time of day from `start` (included) to `end` (excluded); it may cross midnight."""

    start: time
    end: time

    def covers(self, moment: time) -> bool:
        """Tell whether a local time of day lies in the shift; equal ends mean the whole day."""
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Force:
    """One numbered person or vehicle with a role and a department.

    Attributes:
        side: the side it patrols; None means any.
        units: unit codes it is bound to; empty means its whole grid.
        shifts: when it is on duty; empty means always.
        terminal: the device it carries, None if it carries none.
        post: where it stands until its terminal reports a position, WGS-84.
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

    def on_duty(self, now: datetime, zone: ZoneInfo) -> bool:
        """Tell whether a shift covers the instant, in the site's zone."""
        local = now.astimezone(zone).time()
        return not self.shifts or any(shift.covers(local) for shift in self.shifts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """All forces of a site."""

    forces: tuple[Force, ...]

    def by_terminal(self) -> dict[str, Force]:
        """Return the forces that carry a terminal, by its id."""
        return {force.terminal: force for force in self.forces if force.terminal}
