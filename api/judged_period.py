"""The period of figures that somebody asks for, by span or by both ends; for the doors and the commands."""

from datetime import date, datetime

from api.errors import QueryFaultError
from pipeline.judging_periods import JudgedPeriod, Span, period_of
from pipeline.site import Site


def asked_period(
    site: Site, *, span: Span | None, day: date, since: datetime | None, until: datetime | None
) -> JudgedPeriod:
    """Return the period that somebody asks for: a span of a local day, or from one instant to another.

    Raises:
        QueryFaultError: both, or half of one.
        PeriodError, FarTimeError: it is none.
    """
    if span is not None and since is None and until is None:
        return period_of(span, day, site.settings.calendar)
    if span is None and since is not None and until is not None:
        return JudgedPeriod(since=since, until=until)
    given = {"span": span, "since": since, "until": until}
    named = ", ".join(name for name, value in given.items() if value is not None) or "nothing"
    expected = "`span` (day, week or month, with `day`), or both `since` and `until`"
    raise QueryFaultError("span", named, expected=expected)
