"""Periods of judging: a local day, week or month of the site, or any stretch. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from pipeline.clocks import require_near, utc
from pipeline.errors import PipelineError
from pipeline.work_calendar import WorkCalendar

LONGEST = timedelta(days=400)
_DECEMBER = 12


class Span(StrEnum):
    """How long a named period is; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class PeriodError(PipelineError):
    """A stretch of time is no period that can be judged."""

    def __init__(self, since: datetime, until: datetime) -> None:
        super().__init__(
            f"{since.isoformat()} to {until.isoformat()} is no period; its end must be later than its begin, by"
            f" {LONGEST.days} days at most"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPeriod:
    """From an instant (included) to another (excluded), UTC."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        for name in ("since", "until"):
            object.__setattr__(self, name, utc(getattr(self, name), field=name))
        if not timedelta() < self.until - self.since <= LONGEST:
            raise PeriodError(self.since, self.until)

    def holds(self, at: datetime | None) -> bool:
        """Tell whether an instant lies in it."""
        return at is not None and self.since <= at < self.until


def period_of(span: Span, day: date, calendar: WorkCalendar) -> JudgedPeriod:
    """Return the day, week or month that a local day lies in, from midnight to midnight of the site's zone.

    Raises:
        FarTimeError: the day lies at an end of the calendar.
    """
    require_near(day, field="day")
    first = {Span.DAY: day, Span.WEEK: day - timedelta(days=day.weekday()), Span.MONTH: day.replace(day=1)}[span]
    if span is Span.MONTH:
        last = date(first.year + 1, 1, 1) if first.month == _DECEMBER else date(first.year, first.month + 1, 1)
    else:
        last = first + timedelta(days=1 if span is Span.DAY else 7)
    midnight = datetime.min.time()
    return JudgedPeriod(since=calendar.instant(first, midnight), until=calendar.instant(last, midnight))
