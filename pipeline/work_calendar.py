"""The work calendar of a site: which days are worked, and between which hours, as instants.

Public holidays and the weekends worked in exchange come from the `holidays` library, by country; a site may add days of
its own. Local times become instants one by one, so that a day on which clocks change has the hours that it has.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from pipeline.errors import PipelineError

WEEKEND = 5


class CountryError(PipelineError):
    """There is no calendar of public holidays for a country."""

    def __init__(self, country: str) -> None:
        super().__init__(
            f"country {country!r} has no calendar of public holidays; expected an ISO 3166 code such as 'CN', or ''"
            " for Saturdays and Sundays only"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSpan:
    """Working hours of a day, local: from `start` (included) to `end` (excluded), the same day."""

    start: time
    end: time


USUAL_HOURS = (WorkSpan(start=time(8, 30), end=time(12, 0)), WorkSpan(start=time(13, 0), end=time(17, 30)))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCalendar:
    """When a site works.

    Attributes:
        country: ISO 3166 code of whose public holidays count; empty for Saturdays and Sundays only.
        spans: working hours of a working day, in order, not touching.
        free, worked: days of the site's own, over the country's.
    """

    timezone: ZoneInfo
    country: str = ""
    spans: tuple[WorkSpan, ...] = USUAL_HOURS
    free: frozenset[date] = field(default_factory=frozenset)
    worked: frozenset[date] = field(default_factory=frozenset)

    def is_working(self, day: date) -> bool:
        """Tell whether a local day is worked.

        Raises:
            CountryError: there is no such country.
        """
        if day in self.free or day in self.worked:
            return day in self.worked
        return _is_working(self.country)(day)

    def hours_of(self, day: date) -> list[tuple[datetime, datetime]]:
        """Return the working hours of a local day as pairs of instants, UTC; none on a free day."""
        return [*_hours_of(self, day)]

    def hours_from(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the working hours from a moment on, for ever; the first pair begins at the moment if it is worked."""
        day = self.local_day(moment)
        while True:
            for start, end in self.hours_of(day):
                if end > moment:
                    yield max(start, moment), end
            day += timedelta(days=1)

    def local_day(self, moment: datetime) -> date:
        """Return the local day of an instant."""
        return moment.astimezone(self.timezone).date()

    def instant(self, day: date, local: time) -> datetime:
        """Return the instant of a local time; one that clocks skip is taken as they were before."""
        return datetime.combine(day, local, tzinfo=self.timezone).astimezone(UTC)

    def working_day_s(self) -> float:
        """Return how many seconds of work a working day has, by the clock on the wall."""
        base = date(2000, 1, 1)
        return sum(
            (datetime.combine(base, span.end) - datetime.combine(base, span.start)).total_seconds()
            for span in self.spans
        )


@lru_cache(maxsize=4_096)
def _hours_of(calendar: WorkCalendar, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """Return a day's working hours; every clock that starts asks for those of the next days."""
    if not calendar.is_working(day):
        return ()
    spans = ((calendar.instant(day, span.start), calendar.instant(day, span.end)) for span in calendar.spans)
    return tuple((start, end) for start, end in spans if start < end)


@cache
def _is_working(country: str) -> Callable[[date], bool]:
    if not country:
        return lambda day: day.weekday() < WEEKEND
    import holidays

    try:
        calendar = holidays.country_holidays(country)
    except NotImplementedError as error:
        raise CountryError(country) from error
    is_working: Callable[[date], bool] = calendar.is_working_day
    return is_working


def require_country(country: str) -> None:
    """Require that there is a calendar for a country.

    Raises:
        CountryError: there is none.
    """
    _is_working(country)
