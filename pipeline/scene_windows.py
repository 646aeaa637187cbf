"""Windows: the hours and months in which a scene is watched, by the clocks of the site."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from pipeline.shifts import Shift, write_shifts

EVERY_MONTH: Final = frozenset(range(1, 13))
_MINUTE_S: Final = 60.0
_LOOK_BACK: Final = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When a scene is watched.

    Attributes:
        hours: spans of local time, any of which opens it; none for the whole day.
        months: of the local date, 1 to 12.
    """

    hours: tuple[Shift, ...]
    months: frozenset[int]
    timezone: ZoneInfo

    def is_open(self, at: float) -> bool:
        """Tell whether it is open at a time in seconds since 1970."""
        local = datetime.fromtimestamp(at, UTC).astimezone(self.timezone).replace(tzinfo=None)
        if local.month not in self.months:
            return False
        return not self.hours or any(each.covers_local(local) for each in self.hours)

    def opened_at(self, at: float) -> float:
        """Return since when it is open without a break, to the minute; endlessly long ago for more than a day.

        Args:
            at: seconds since 1970, a time at which it is open.
        """
        minute = math.floor(at / _MINUTE_S) * _MINUTE_S
        if not self.is_open(minute):
            return at
        for _ in range(_LOOK_BACK):
            if not self.is_open(minute - _MINUTE_S):
                return minute
            minute -= _MINUTE_S
        return -math.inf

    def record(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {"hours": write_shifts(self.hours), "months": sorted(self.months)}
