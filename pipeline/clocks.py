"""Time as a service: what the time is now, and instants that are safe to store."""

from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol

from pipeline.errors import FarTimeError, NaiveTimeError

YEARS: Final = range(2, 9999)
"""The first and last year of the calendar are left out: in another zone their ends lie beyond it."""

CLOCK_SLACK: Final = timedelta(seconds=60)
"""What is dated later than now by more was dated by a clock that is ahead, or was."""


class Clock(Protocol):
    """Tells the time; wired in, so that a test or a replay can say what time it is."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands where it is put; for tests and replays."""

    def __init__(self, at: datetime) -> None:
        self.at = utc(at, field="at")

    def now(self) -> datetime:
        """Return the instant it was put to."""
        return self.at


def utc(value: datetime, *, field: str) -> datetime:
    """Return the instant in UTC.

    Raises:
        NaiveTimeError: the value has no offset.
        FarTimeError: it lies at an end of the calendar.
    """
    require_near(value, field=field)
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None or value.utcoffset() is None:
        raise NaiveTimeError(field, value)
    return value.astimezone(UTC)


def require_near(value: date, *, field: str) -> None:
    """Raise `FarTimeError` for a day or time at an end of the calendar."""
    if value.year not in YEARS:
        raise FarTimeError(field, value.isoformat(), YEARS)
