"""Terminals: where each device is and what it carries, as a value."""

from dataclasses import dataclass
from datetime import datetime

from geo.coords import LonLat
from pipeline.clocks import utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """The last known state of a device.

    Attributes:
        id: such as T001.
        lonlat: last reported position, WGS-84; None if it never reported one.
        positioned_at: when that position was taken.
        open_cases: cases it holds now (dispatched to first result).
        open_urgent: those of them that are urgent.
        freed_at: when it last ended one; None if it never did.
    """

    id: str
    lonlat: LonLat | None = None
    positioned_at: datetime | None = None
    open_cases: int = 0
    open_urgent: int = 0
    freed_at: datetime | None = None

    def __post_init__(self) -> None:
        for field in ("positioned_at", "freed_at"):
            value = getattr(self, field)
            if value is not None:
                object.__setattr__(self, field, utc(value, field=field))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Where a terminal was at a time, WGS-84."""

    terminal: str
    lonlat: LonLat
    at: datetime
