"""Duty: who answers for which side when, and what is found missing a week ahead."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from small_site import NOON, force, small_site

from geo.boundaries import UnitKind
from pipeline.cases import Side
from pipeline.duty import DutyState, duty_at, on_duty_in
from pipeline.duty_ahead import Lack, missing, told
from pipeline.duty_pattern import DutyPattern, OutsideHours
from pipeline.organisation import CENTRE, Officer, Organisation, Post, Turn
from pipeline.roster import Force, Roster, Stage
from pipeline.shifts import DutyChange, read_shifts
from pipeline.site import Site
from pipeline.work_calendar import WorkCalendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
NIGHT = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
"""Tuesday 03:00 in Shanghai."""
SUNDAY_3 = datetime(2026, 11, 28, 19, 0, tzinfo=UTC)
CALENDAR = WorkCalendar(timezone=SHANGHAI, country="CN")
PATTERN = DutyPattern(
    hours=read_shifts("work 08:30-17:30", CALENDAR),
    outside=(
        OutsideHours(side=Side.STREET_FACE, roles=("security", "third-party")),
        OutsideHours(side=Side.UNIT_INTERIOR, roles=("property", "security")),
    ),
)


def site_of(*forces: Force, zone: str = "Asia/Shanghai", pattern: DutyPattern = PATTERN, **changes: object) -> Site:
    site = small_site(forces)
    calendar = replace(site.settings.calendar, timezone=ZoneInfo(zone))
    settings = replace(site.settings, duty=pattern, timezone=ZoneInfo(zone), calendar=calendar)
    return replace(site, settings=settings, **changes)


def everywhere(**changes: object) -> list[Force]:
    """Return one force that is always on duty for each of the four grids, so that none is empty."""
    return [force(90 + n, grid, role="security", **changes) for n, grid in enumerate("ABCD")]


def test_within_patrol_hours_each_force_answers_for_its_own_side() -> None:
    guard = force(1, role="security", side=Side.STREET_FACE)
    duty = duty_at(guard, NOON, site_of(guard).settings)
    assert (duty.state, duty.sides) == (DutyState.ON, {Side.STREET_FACE})


def test_outside_them_the_named_roles_answer_for_the_named_sides_besides() -> None:
    guard = force(1, role="security", side=Side.STREET_FACE)
    cleaner = force(2, role="cleaner", side=Side.STREET_FACE)
    settings = site_of(guard, cleaner).settings
    duty = duty_at(guard, NIGHT, settings)
    assert duty.sides == {Side.STREET_FACE, Side.UNIT_INTERIOR}
    assert "unit_interior too" in duty.reason
    assert duty_at(cleaner, NIGHT, settings).sides == {Side.STREET_FACE}


def test_lunch_and_holidays_are_what_the_pattern_says() -> None:
    settings = site_of().settings
    holiday = datetime(2026, 10, 1, 4, 0, tzinfo=UTC)
    assert [settings.duty.in_hours(at, SHANGHAI) for at in (NOON, NIGHT, holiday)] == [True, False, False]


def test_a_follow_up_force_whose_shift_is_over_is_on_standby_and_a_first_force_is_off() -> None:
    shifts = read_shifts("work 08:30-17:30", CALENDAR)
    late, first = force(1, stage=Stage.FOLLOW_UP, shifts=shifts), force(2, shifts=shifts)
    settings = site_of(late, first).settings
    assert duty_at(late, NIGHT, settings).state is DutyState.STANDBY
    assert duty_at(late, NOON, settings).state is DutyState.ON
    assert duty_at(first, NIGHT, settings).state is DutyState.OFF


def test_a_change_of_duty_goes_before_the_shift_both_ways() -> None:
    hour = timedelta(hours=1)
    away = DutyChange(start=NOON - hour, end=NOON + hour, on=False, note="ill")
    extra = DutyChange(start=NIGHT - hour, end=NIGHT + hour, on=True, note="festival")
    one = force(1, stage=Stage.FOLLOW_UP, shifts=read_shifts("08:30-17:30"), changes=(away, extra))
    settings = site_of(one).settings
    assert (duty_at(one, NOON, settings).state, duty_at(one, NOON, settings).reason) == (DutyState.OFF, "ill")
    assert duty_at(one, NIGHT, settings).state is DutyState.ON
    assert duty_at(one, NOON + hour, settings).state is DutyState.ON


def test_those_on_duty_in_a_grid_are_told_with_their_duty() -> None:
    site = site_of(force(1, "A"), force(2, "B"), force(3, "A", shifts=read_shifts("08:00-09:00")))
    assert [each.number for each, _ in on_duty_in(site, "YP-A", NOON)] == ["YP-001"]


def test_a_hole_at_three_on_a_sunday_is_told_a_week_ahead() -> None:
    nightly = force(1, "A", role="security", shifts=read_shifts("mon-sat 00:00-24:00;sun 06:00-24:00"))
    rest = [each for each in everywhere() if each.grid != "YP-A"]
    monday = SUNDAY_3 - timedelta(days=6)
    found = missing(site_of(nightly, *rest), monday)
    assert [(each.lack, each.where) for each in found] == [(Lack.NOBODY_ON_DUTY, "YP-A")]
    assert found[0].start <= SUNDAY_3 < found[0].end
    assert (found[0].end - found[0].start) == timedelta(hours=6)
    assert "Sun 2026-11-29 00:00 to Sun 2026-11-29 06:00" in found[0].words


def test_the_same_hole_of_many_days_is_one_line() -> None:
    daily = force(1, "A", role="security", shifts=read_shifts("06:00-24:00"))
    rest = [each for each in everywhere() if each.grid != "YP-A"]
    site = site_of(daily, *rest)
    found = missing(site, SUNDAY_3 - timedelta(days=2, hours=1), ahead=timedelta(days=2, hours=12))
    assert [each.lack for each in found] == [Lack.NOBODY_ON_DUTY] * 3
    begun, later = told(found, site)
    assert begun == f"YP-A: {found[0].words}"  # the night that has begun has other hours
    assert later == f"YP-A: {found[1].words}; likewise on Sun 2026-11-29"
    assert told(found[:1], site) == [str(found[0])]


def test_somebody_who_is_away_or_carries_no_terminal_closes_no_hole() -> None:
    hour = timedelta(hours=1)
    ill = DutyChange(start=NOON + hour, end=NOON + 3 * hour, on=False, note="ill")
    forces = [force(1, "A", role="security", changes=(ill,)), force(2, "A", role="security", terminal=None)]
    found = missing(site_of(*forces, *everywhere()[1:]), NOON)
    assert [(each.where, each.start, each.end) for each in found] == [("YP-A", NOON + hour, NOON + 3 * hour)]


def test_a_side_without_its_roles_outside_patrol_hours_is_told_though_somebody_is_on_duty() -> None:
    others = everywhere()[1:]
    found = missing(site_of(force(1, "A", role="property", side=Side.UNIT_INTERIOR), *others), NIGHT)
    assert {(each.lack, each.where) for each in found} == {(Lack.SIDE_UNATTENDED, "YP-A")}
    outside = [each for each in found if "no security or third-party" in each.words]
    assert outside[0].start == NIGHT
    assert all("street_face" in each.words for each in outside)
    assert not missing(site_of(*everywhere()), NIGHT)


def test_a_side_that_nobody_patrols_within_the_hours_is_told() -> None:
    night = force(1, "A", role="security", side=Side.STREET_FACE, shifts=read_shifts("17:30-08:30"))
    inside, *others = everywhere(side=Side.UNIT_INTERIOR)
    both = [replace(each, side=None) for each in others]
    found = missing(site_of(night, inside, *both), NOON, ahead=timedelta(days=1))
    assert [str(each) for each in found] == [
        f"YP-A: nobody with a terminal answers for street_face from {hours}; give somebody a shift then"
        for hours in ("Mon 2026-11-23 12:00 to Mon 2026-11-23 17:30", "Tue 2026-11-24 08:30 to Tue 2026-11-24 12:00")
    ]
    village = site_of(*everywhere(side=Side.UNIT_INTERIOR), pattern=DutyPattern())
    lacks = {(each.where, each.what.split(" for ")[1]) for each in missing(village, NOON)}
    assert lacks == {(f"YP-{grid}", "street_face") for grid in "ABCD"} | {("YP-D", "village")}


def test_a_village_side_is_asked_of_grids_with_a_village_only() -> None:
    pattern = replace(PATTERN, outside=(OutsideHours(side=Side.VILLAGE, roles=("warden",)),))
    found = missing(site_of(*everywhere(), pattern=pattern), NIGHT)
    villages = {unit.grid for unit in site_of().boundaries.units if unit.kind is UnitKind.VILLAGE}
    assert {each.where for each in found} == villages == {"YP-D"}


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe"])
def test_the_night_on_which_clocks_change_opens_no_hole_between_two_shifts(zone: str) -> None:
    forces = [
        each
        for n, grid in enumerate("ABCD")
        for each in (
            force(2 * n, grid, role="security", shifts=read_shifts("02:15-14:00")),
            force(2 * n + 1, grid, role="security", shifts=read_shifts("14:00-02:15")),
        )
    ]
    site = site_of(*forces, zone=zone)
    for month, day in ((3, 5), (10, 2), (10, 30), (4, 2)):
        assert missing(site, datetime(2026, month, day, tzinfo=UTC)) == []


def test_a_skipped_hour_that_nobody_covers_is_no_hole_and_a_doubled_one_is_twice_as_long() -> None:
    shifts = read_shifts("00:00-01:00;02:00-24:00")
    forces = [force(n, grid, role="security", shifts=shifts) for n, grid in enumerate("ABCD")]
    site = site_of(*forces, zone="America/New_York", pattern=DutyPattern())
    autumn = missing(site, datetime(2026, 11, 1, 4, 0, tzinfo=UTC), ahead=timedelta(hours=12))
    assert {each.end - each.start for each in autumn} == {timedelta(hours=2)}
    skipped = [replace(each, shifts=read_shifts("00:00-02:00;03:00-24:00")) for each in forces]
    spring = replace(site, roster=Roster(forces=tuple(skipped)))
    assert missing(spring, datetime(2026, 3, 8, 5, 0, tzinfo=UTC), ahead=timedelta(hours=12)) == []


def test_a_shift_that_begins_in_a_skipped_hour_begins_when_the_clocks_jump() -> None:
    shifts = read_shifts("00:00-01:45;02:30-24:00")
    forces = [force(n, grid, role="security", shifts=shifts) for n, grid in enumerate("ABCD")]
    site = site_of(*forces, zone="America/New_York", pattern=DutyPattern())
    found = missing(site, datetime(2026, 3, 8, 5, 0, tzinfo=UTC), ahead=timedelta(hours=12))
    quarter = (datetime(2026, 3, 8, 6, 45, tzinfo=UTC), datetime(2026, 3, 8, 7, 0, tzinfo=UTC))
    assert {(each.start, each.end) for each in found} == {quarter}


def officers(*more: Officer) -> tuple[Officer, ...]:
    site = small_site()
    chiefs = [
        Officer(number=f"C{grid.code}", post=Post.GRID_CHIEF, of=grid.code, name="chief", name_zh="长")
        for grid in site.boundaries.grids
    ]
    named = {(each.post, each.of) for each in more}
    heads = [
        Officer(number=f"H{unit.code}", post=Post.UNIT_HEAD, of=unit.code, name="head", name_zh="长")
        for unit in site.boundaries.units
        if (Post.UNIT_HEAD, unit.code) not in named
    ]
    return (*chiefs, *heads, *more)


def test_a_unit_head_who_leaves_is_told_with_the_day() -> None:
    leaving = Officer(
        number="H9", post=Post.UNIT_HEAD, of="A1", name="Head of A1", name_zh="长", until=date(2026, 11, 25)
    )
    site = site_of(*everywhere(), organisation=Organisation(officers=officers(leaving)))
    (found,) = missing(site, NOON)
    assert (found.lack, found.where) == (Lack.NO_HOLDER, "A1")
    assert "no unit-head from 2026-11-26: H9 (Head of A1) holds it until 2026-11-25" in found.words
    successor = replace(leaving, number="H10", since=date(2026, 11, 26), until=None)
    assert missing(replace(site, organisation=Organisation(officers=officers(leaving, successor))), NOON) == []


def rota(*turns: Turn, until: date | None = None) -> Organisation:
    commanders = [
        Officer(number=number, post=Post.COMMANDER, of=CENTRE, name=number, name_zh="指挥长", until=last)
        for number, last in (("Z1", None), ("Z2", until), ("Z3", None))
    ]
    return Organisation(officers=(*officers(), *commanders), turns=turns)


def turn(officer: str, first: int, every: int | None = 2, last: int | None = None, hours: str = "08:30-08:30") -> Turn:
    return Turn(
        officer=officer,
        first_day=date(2026, 11, first),
        every_days=every,
        last_day=date(2026, 11, last) if last else None,
        hours=read_shifts(hours)[0],
    )


def test_commanders_take_turns_and_somebody_may_stand_in() -> None:
    told = rota(turn("Z1", 1), turn("Z2", 2), turn("Z2", 23, every=None))
    commanders = [
        command.officer
        for day in range(21, 26)
        if (command := told.commander(datetime(2026, 11, day, 4, tzinfo=UTC), CALENDAR))
    ]
    assert commanders == ["Z1", "Z2", "Z2", "Z2", "Z1"]
    at_eight = told.commander(datetime(2026, 11, 23, 0, 29, tzinfo=UTC), CALENDAR)
    assert at_eight is not None
    assert at_eight.end == datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    assert missing(site_of(*everywhere(), organisation=told), NOON) == []


def test_an_hour_without_a_commander_and_one_with_two_are_told() -> None:
    gap = site_of(*everywhere(), organisation=rota(turn("Z1", 1, last=25), turn("Z2", 2)))
    (none,) = [each for each in missing(gap, NOON) if each.start < datetime(2026, 11, 28, tzinfo=UTC)]
    assert (none.lack, none.where) == (Lack.NO_COMMANDER, CENTRE)
    assert "Fri 2026-11-27 08:30 to Sat 2026-11-28 08:30" in none.words
    two = site_of(*everywhere(), organisation=rota(turn("Z1", 1, every=1), turn("Z2", 25, every=7)))
    (both,) = missing(two, NOON)
    assert both.lack is Lack.TWO_COMMANDERS
    assert "both command" in both.words


def test_the_turn_of_a_commander_who_left_is_nobody_s() -> None:
    left = rota(turn("Z1", 1), turn("Z2", 2), turn("Z2", 25, every=None), until=date(2026, 11, 23))
    days = [datetime(2026, 11, day, 4, tzinfo=UTC) for day in range(22, 26)]
    assert [command and command.officer for command in (left.commander(day, CALENDAR) for day in days)] == [
        "Z2", "Z1", None, "Z1",
    ]  # fmt: skip
    (found,) = missing(site_of(*everywhere(), organisation=left), NOON, ahead=timedelta(days=2))
    assert str(found) == (
        "centre: nobody commands from Tue 2026-11-24 08:30 to Wed 2026-11-25 08:30;"
        " give somebody the turn of Z2, no commander then, in commanders.csv"
    )


def test_everybody_who_commands_beside_somebody_else_is_told() -> None:
    beside = (turn("Z2", 25, every=None, hours="10:00-11:00"), turn("Z3", 25, every=None, hours="12:00-13:00"))
    found = missing(site_of(*everywhere(), organisation=rota(turn("Z1", 1, every=1), *beside)), NOON)
    assert [each.words.split(" from ")[0] for each in found] == ["Z1 and Z2 both command", "Z1 and Z3 both command"]


def test_a_table_without_a_row_leaves_every_post_empty_and_one_that_is_not_kept_none() -> None:
    def lacks(**tables: tuple[()]) -> set[tuple[Lack, str]]:
        found = missing(site_of(*everywhere(), organisation=Organisation(**tables)), NOON)  # type: ignore[arg-type]  # either table
        return {(each.lack, each.where) for each in found}

    boundaries = small_site().boundaries
    places = {each.code for each in (*boundaries.grids, *boundaries.units)}
    assert lacks() == set()
    assert lacks(turns=()) == {(Lack.NO_COMMANDER, CENTRE)}
    assert lacks(officers=()) == {(Lack.NO_HOLDER, place) for place in places}
