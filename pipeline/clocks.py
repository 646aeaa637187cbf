"""Time as a service: what the time is now, and instants that are safe to store."""

from datetime import UTC, datetime
from typing import Protocol

from pipeline.errors import NaiveTimeError


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
    """
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None or value.utcoffset() is None:
        raise NaiveTimeError(field, value)
    return value.astimezone(UTC)
