"""Shifts: which days, which hours, across midnight and across changes of clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.shifts import DayKind, Shift, ShiftTextError, collisions, read_shifts, spans_of, write_shifts
from pipeline.work_calendar import WorkCalendar

SHANGHAI = WorkCalendar(timezone=ZoneInfo("Asia/Shanghai"), country="CN")
SUNDAY = date(2026, 11, 29)
NATIONAL_DAY = date(2026, 10, 1)

half_hours = st.integers(0, 47).map(lambda n: time(n // 2, 30 * (n % 2)))
weekday_shifts = st.builds(
    Shift, start=half_hours, end=half_hours, weekdays=st.frozensets(st.integers(0, 6), min_size=1)
)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=SHANGHAI.timezone)


def test_a_night_shift_belongs_to_the_day_on_which_it_begins() -> None:
    (saturday_night,) = read_shifts("sat 22:00-06:00")
    assert saturday_night.covers_local(at(SUNDAY, 3))
    assert not saturday_night.covers_local(at(SUNDAY, 22))
    assert not saturday_night.covers_local(at(SUNDAY - timedelta(days=1), 3))


def test_working_and_free_days_follow_the_calendar_with_its_holidays_and_exchanged_weekends() -> None:
    work, free = read_shifts("work 08:30-17:30;free 09:00-21:00", SHANGHAI)
    exchanged = date(2026, 10, 10)  # a Saturday worked for the National Day holiday
    assert [work.begins_on(day) for day in (date(2026, 11, 27), SUNDAY, NATIONAL_DAY, exchanged)] == [
        True,
        False,
        False,
        True,
    ]
    assert [free.begins_on(day) for day in (date(2026, 11, 27), SUNDAY, NATIONAL_DAY, exchanged)] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "text",
    ["always", "08:30-17:30", "work 08:30-17:30;free 22:00-06:00", "mon,tue,wed 00:00-00:00", "sat,sun 22:00-06:00"],
)
def test_what_is_written_is_read_back(text: str) -> None:
    shifts = read_shifts(text, SHANGHAI)
    assert write_shifts(shifts) == text
    assert read_shifts(write_shifts(shifts), SHANGHAI) == shifts


@pytest.mark.parametrize(
    "text", ["8-17", "mon-xyz 08:00-09:00", "25:00-26:00", "", "weekday 08:00-09:00", "08:00-09:00;"]
)
def test_what_is_no_shift_is_told_with_what_would_be(text: str) -> None:
    with pytest.raises(ShiftTextError, match="expected always or HH:MM-HH:MM"):
        read_shifts(text)


def test_days_may_run_over_the_end_of_a_week() -> None:
    (shift,) = read_shifts("fri-mon 20:00-24:00")
    assert shift.weekdays == {4, 5, 6, 0}
    assert shift.covers_local(at(SUNDAY, 23, 59))
    assert not shift.covers_local(at(SUNDAY, 0))


@settings(deadline=None)
@given(one=weekday_shifts, other=weekday_shifts)
def test_two_shifts_collide_just_when_some_half_hour_of_a_week_lies_in_both(one: Shift, other: Shift) -> None:
    monday = datetime(2026, 11, 16, tzinfo=SHANGHAI.timezone)
    both = any(
        one.covers_local(monday + timedelta(minutes=30 * n)) and other.covers_local(monday + timedelta(minutes=30 * n))
        for n in range(7 * 48)
    )
    assert one.collides(other) == both == other.collides(one)


def test_a_free_day_s_shift_does_not_meet_a_working_day_s_but_what_spills_over_may() -> None:
    assert not list(collisions(read_shifts("work 08:30-17:30;free 00:00-24:00", SHANGHAI)))
    assert list(collisions(read_shifts("work 17:30-08:30;free 00:00-24:00", SHANGHAI)))


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Europe/London", "Asia/Shanghai"])
def test_day_and_night_shift_leave_no_moment_of_a_year_out_and_share_none(zone: str) -> None:
    day, night = read_shifts("02:15-14:00;14:00-02:15")
    moment, zoned = datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    for _ in range(365 * 48):
        local = moment.astimezone(zoned)
        assert day.covers_local(local) != night.covers_local(local), local
        moment += timedelta(minutes=30)


def test_a_night_on_which_clocks_change_has_the_hours_that_it_has() -> None:
    calendar = WorkCalendar(timezone=ZoneInfo("America/New_York"))
    (night,) = read_shifts("22:00-06:00")
    hours = [
        (span[1] - span[0]).total_seconds() / 3600
        for day in (date(2026, 3, 6), date(2026, 3, 7), date(2026, 10, 31))
        if (span := spans_of(night, day, calendar))
    ]
    assert hours == [8.0, 7.0, 9.0]


def test_without_a_calendar_a_working_day_s_shift_begins_on_any_day() -> None:
    assert Shift(start=time(8), end=time(9), kind=DayKind.WORK).begins_on(SUNDAY)
