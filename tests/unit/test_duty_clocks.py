"""Deadlines by their own clocks: round the clock or in working hours, over holidays, suspensions and clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.catalogue import DeadlineUnit as Unit
from pipeline.duty_clocks import DeadlineError, due, elapsed_s
from pipeline.errors import NaiveTimeError
from pipeline.work_calendar import CountryError, WorkCalendar, WorkSpan, require_country

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = WorkCalendar(timezone=SHANGHAI, country="CN")
BERLIN = WorkCalendar(timezone=ZoneInfo("Europe/Berlin"), country="DE")
NIGHTS = WorkCalendar(
    timezone=ZoneInfo("America/New_York"), spans=(WorkSpan(start=time(0, 30), end=time(4, 30)),), country=""
)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "value", "unit", "expected"),
    [
        ("2026-11-23T22:00", 2, Unit.URGENT_HOUR, "2026-11-24T00:00"),
        ("2026-11-23T10:00", 4, Unit.WORK_HOUR, "2026-11-23T15:00"),  # lunch from 12 to 13 is no work
        ("2026-11-23T16:30", 4, Unit.WORK_HOUR, "2026-11-24T11:30"),
        ("2026-11-27T17:00", 1, Unit.WORK_HOUR, "2026-11-30T09:00"),  # over a weekend
        ("2026-11-23T20:00", 4, Unit.WORK_HOUR, "2026-11-24T13:30"),  # reported in the evening
        ("2026-11-23T10:00", 1, Unit.WORK_DAY, "2026-11-24T10:00"),
        ("2026-11-26T10:00", 2, Unit.WORK_DAY, "2026-11-30T10:00"),
        ("2026-09-30T10:00", 1, Unit.WORK_DAY, "2026-10-08T10:00"),  # the National Day week of 2026
        ("2026-02-13T10:00", 1, Unit.WORK_DAY, "2026-02-14T10:00"),  # a Saturday worked before the Spring Festival
        ("2026-02-14T10:00", 1, Unit.WORK_DAY, "2026-02-24T10:00"),  # and the festival
        ("2026-11-23T10:00", 5, Unit.NATURAL_DAY, "2026-11-28T10:00"),
        ("2026-11-23T10:00", 0.5, Unit.NATURAL_DAY, "2026-11-23T22:00"),
    ],
)
def test_a_deadline_ends_when_the_policy_says(start: str, value: float, unit: Unit, expected: str):
    assert due(value, unit, start=at(start), calendar=CHINA) == at(expected)


def test_china_s_calendar_of_2026_as_it_was_published():
    free = [
        date(2026, 1, 1),
        date(2026, 2, 16),
        date(2026, 4, 6),
        date(2026, 5, 1),
        date(2026, 6, 19),
        date(2026, 9, 25),
    ]
    worked = [date(2026, 1, 4), date(2026, 2, 14), date(2026, 2, 28), date(2026, 5, 9), date(2026, 9, 20)]
    assert not any(CHINA.is_working(day) for day in free)
    assert all(CHINA.is_working(day) and day.weekday() >= 5 for day in worked)


def test_a_site_s_own_days_win_over_the_country_s():
    own = WorkCalendar(
        timezone=SHANGHAI,
        country="CN",
        free=frozenset({date(2026, 11, 24)}),
        worked=frozenset({date(2026, 11, 28)}),
    )
    assert due(1, Unit.WORK_DAY, start=at("2026-11-23T10:00"), calendar=own) == at("2026-11-25T10:00")
    assert due(1, Unit.WORK_DAY, start=at("2026-11-27T10:00"), calendar=own) == at("2026-11-28T10:00")


@pytest.mark.parametrize("unit", Unit)
def test_a_suspension_stops_the_clock(unit: Unit):
    start, stop, go = at("2026-11-23T09:00"), at("2026-11-23T10:00"), at("2026-11-25T10:00")
    plain, held = (due(2, unit, start=start, calendar=CHINA, suspended=s) for s in ((), ((stop, go),)))
    assert held > plain
    assert elapsed_s(unit, start=start, end=held, calendar=CHINA, suspended=[(stop, go)]) == pytest.approx(
        elapsed_s(unit, start=start, end=plain, calendar=CHINA)
    )
    if unit in {Unit.URGENT_HOUR, Unit.NATURAL_DAY}:
        assert held - plain == go - stop
    else:
        assert held - plain == timedelta(days=2)  # two whole working days


def test_a_suspension_that_lasts_ends_never():
    spell = (at("2026-11-23T10:00"), datetime(9000, 1, 1, tzinfo=UTC))
    with pytest.raises(DeadlineError, match="is not reached"):
        due(8, Unit.WORK_HOUR, start=at("2026-11-23T09:00"), calendar=CHINA, suspended=[spell])
    assert elapsed_s(
        Unit.WORK_HOUR, start=at("2026-11-23T09:00"), end=at("2026-12-23T09:00"), calendar=CHINA, suspended=[spell]
    ) == pytest.approx(3600.0)


def test_a_day_on_which_clocks_change_has_its_own_hours():
    spring, autumn = at("2026-03-28T12:00", BERLIN.timezone), at("2026-10-24T12:00", BERLIN.timezone)
    assert due(1, Unit.NATURAL_DAY, start=spring, calendar=BERLIN) - spring.astimezone(UTC) == timedelta(hours=23)
    assert due(1, Unit.NATURAL_DAY, start=autumn, calendar=BERLIN) - autumn.astimezone(UTC) == timedelta(hours=25)
    assert due(24, Unit.URGENT_HOUR, start=spring, calendar=BERLIN) - spring.astimezone(UTC) == timedelta(hours=24)
    night = datetime(2026, 3, 8, 5, 0, tzinfo=UTC)  # 00:00 in New York; at 02:00 it is 03:00
    sunday = WorkCalendar(timezone=NIGHTS.timezone, spans=NIGHTS.spans, worked=frozenset({date(2026, 3, 8)}))
    assert [(a.hour, b.hour) for a, b in sunday.hours_of(date(2026, 3, 8))] == [(5, 8)]
    assert elapsed_s(Unit.WORK_HOUR, start=night, end=night + timedelta(hours=12), calendar=sunday) == 3 * 3600


@pytest.mark.parametrize(
    ("start", "value", "stop", "go", "expected"),
    [
        ("2026-03-07T12:00", 1, "2026-03-07T13:00", "2026-03-07T14:00", "2026-03-08T13:00"),
        ("2026-10-31T12:00", 1, "2026-10-31T13:00", "2026-10-31T14:00", "2026-11-01T13:00"),
        ("2026-03-06T12:00", 1, "2026-03-06T18:00", "2026-03-07T18:00", "2026-03-08T12:00"),
        ("2026-03-06T12:00", 1, "2026-03-07T11:00", "2026-03-08T11:00", "2026-03-08T12:00"),
        ("2026-03-07T12:00", 0.5, "2026-03-07T13:00", "2026-03-07T14:00", "2026-03-08T01:00"),
        ("2026-03-07T12:00", 1, "2026-03-09T13:00", "2026-03-09T14:00", "2026-03-08T12:00"),
    ],
)
def test_a_suspended_natural_day_goes_on_by_the_clock_on_the_wall(start, value, stop, go, expected):
    zone = NIGHTS.timezone
    suspended = [(at(stop, zone), at(go, zone))]
    ends = due(value, Unit.NATURAL_DAY, start=at(start, zone), calendar=NIGHTS, suspended=suspended)
    assert ends == at(expected, zone)
    again = due(value, Unit.NATURAL_DAY, start=at(start, zone), calendar=NIGHTS, suspended=[*suspended, *suspended])
    assert again == ends


def test_what_is_no_deadline_is_refused():
    with pytest.raises(DeadlineError, match="of 0 work_hour is none"):
        due(0, Unit.WORK_HOUR, start=at("2026-11-23T09:00"), calendar=CHINA)
    with pytest.raises(DeadlineError):
        due(float("nan"), Unit.WORK_HOUR, start=at("2026-11-23T09:00"), calendar=CHINA)
    with pytest.raises(NaiveTimeError):
        due(1, Unit.WORK_HOUR, start=datetime(2026, 11, 23, 9), calendar=CHINA)  # noqa: DTZ001 - that is the point
    never = WorkCalendar(timezone=SHANGHAI, spans=())
    with pytest.raises(DeadlineError, match="is not reached"):
        due(
            1,
            Unit.URGENT_HOUR,
            start=at("2026-11-23T09:00"),
            calendar=never,
            suspended=[(at("2026-01-01T00:00"), at("2999-01-01T00:00"))],
        )
    with pytest.raises(CountryError, match="'XX'"):
        require_country("XX")


moments = st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds it
calendars = st.sampled_from([CHINA, BERLIN, NIGHTS])
units = st.sampled_from([Unit.URGENT_HOUR, Unit.WORK_HOUR, Unit.WORK_DAY])
amounts = st.floats(0.01, 30.0)
spells = st.lists(
    st.tuples(moments, st.floats(0.0, 200.0)).map(lambda each: (each[0], each[0] + timedelta(hours=each[1]))),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(start=moments, value=amounts, unit=units, calendar=calendars, suspended=spells)
def test_by_the_time_it_is_due_the_clock_has_run_for_as_long(start, value, unit, calendar, suspended):
    end = due(value, unit, start=start, calendar=calendar, suspended=suspended)
    whole_s = value * (calendar.working_day_s() if unit is Unit.WORK_DAY else 3600.0)
    assert elapsed_s(unit, start=start, end=end, calendar=calendar, suspended=suspended) == pytest.approx(
        whole_s, abs=1e-3
    )
    assert not any(stop < end - timedelta(milliseconds=1) < go for stop, go in suspended if stop > start)


@settings(max_examples=60, deadline=None)
@given(start=moments, first=amounts, second=amounts, unit=units, calendar=calendars)
def test_a_deadline_in_two_parts_is_one_deadline(start, first, second, unit, calendar):
    middle = due(first, unit, start=start, calendar=calendar)
    apart = due(second, unit, start=middle, calendar=calendar)
    together = due(first + second, unit, start=start, calendar=calendar)
    assert abs(apart - together) < timedelta(milliseconds=5)


@settings(max_examples=40, deadline=None)
@given(start=moments, value=amounts, unit=st.sampled_from(list(Unit)), calendar=calendars)
def test_later_starts_are_never_due_earlier(start, value, unit, calendar):
    one, other = (due(value, unit, start=start + timedelta(hours=h), calendar=calendar) for h in (0, 3))
    assert one <= other + timedelta(hours=1)  # a natural day over a change of clocks may be an hour shorter
    assert one > start


@settings(max_examples=60, deadline=None)
@given(start=moments, value=amounts, hours=st.floats(0.0, 200.0), calendar=calendars)
def test_a_natural_day_that_stood_from_the_first_begins_when_it_goes_on(start, value, hours, calendar):
    go = start + timedelta(hours=hours)
    held = due(value, Unit.NATURAL_DAY, start=start, calendar=calendar, suspended=[(start, go)])
    assert held == due(value, Unit.NATURAL_DAY, start=go, calendar=calendar)
    assert held > go
