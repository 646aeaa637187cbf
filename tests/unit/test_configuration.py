from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.boundaries import Fault
from geo.coords import Datum, LonLat, convert
from pipeline.catalogue import Catalogue
from pipeline.configuration import FORCE_COLUMNS, read_catalogue, read_forces, read_settings
from pipeline.roster import Shift
from pipeline.scene_files import read_scenes
from pipeline.scenes import Rule

SITE = """
code = "here"
name = "Here"
timezone = "Asia/Shanghai"
valid_from = 2020-11-01
[extent]
west = 121.0
south = 31.0
east = 121.2
north = 31.2
"""
CATEGORY = """
[[category]]
standard = "S"
kind = "matter"
code = "1"
name = "Parking"
name_zh = "停车"
department = "traffic-police"
deadline_value = 2
deadline_unit = "work_hour"
"""
SCENE = """
[[scene]]
code = "parked"
rule = "dwell"
name = "Parked"
name_zh = "停车"
category = "S/matter/1"
classes = ["car"]
dwell_s = 60
"""
FORCE = "F1,One,一,patrol,d,first,any,G1,,08:00-16:00;22:00-02:00,T1,121.1,31.1"


def forces_csv(*rows: str) -> str:
    return "\n".join([",".join(FORCE_COLUMNS), *rows]) + "\n"


def catalogue() -> Catalogue:
    return read_catalogue(CATEGORY, [])


def test_a_sound_site_table_has_no_faults() -> None:
    faults: list[Fault] = []
    table = read_settings(SITE, faults)
    assert faults == []
    assert table.settings.timezone == ZoneInfo("Asia/Shanghai")
    assert table.settings.targets.arrive_s == 900
    assert table.datums["grids"] is Datum.WGS84


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('"here"', '"Here!"', "code"),
        ('"Asia/Shanghai"', '"Asia/Atlantis"', "timezone"),
        ("2020-11-01", '"2020"', "valid_from"),
        ("east = 121.2", "east = 120.0", "west"),
        ("east = 121.2", "east = 1210", "east"),
        ("[extent]", '[datum]\ngrids = "wgs72"\n[extent]', "grids"),
        ("[extent]", '[datum]\nforests = "wgs84"\n[extent]', "forests"),
        ("[extent]", "[dispatch]\nmax_open_cases = 0\n[extent]", "max_open_cases"),
    ],
)
def test_each_fault_of_the_site_table_names_its_field(old: str, new: str, field: str) -> None:
    faults: list[Fault] = []
    read_settings(SITE.replace(old, new), faults)
    assert field in {fault.field for fault in faults}


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        ('country = "XX"', "country", "'XX' has no calendar"),
        ('hours = ["9-17"]', "hours", "'9-17', expected a time of day"),
        ('hours = ["12:00-08:00"]', "hours", "to a later one"),
        ('hours = ["13:00-17:00", "08:00-12:00"]', "hours", "out of order"),
        ('hours = ["08:00-12:00", "11:00-17:00"]', "hours", "overlap"),
        ('free = ["2026-10-08"]', "free", "dates without quotes"),
        ("free = [2026-10-08]\nworked = [2026-10-08]", "worked", "which `free` names too"),
        ('holidays = "CN"', "holidays", "is not a field here"),
    ],
)
def test_each_fault_of_the_work_calendar_is_told(line: str, field: str, words: str) -> None:
    faults: list[Fault] = []
    read_settings(f"{SITE}[calendar]\n{line}\n", faults)
    assert [(each.feature, each.field) for each in faults] == [("calendar", field)]
    assert words in faults[0].problem


def test_a_work_calendar_is_read_in_the_site_s_zone() -> None:
    faults: list[Fault] = []
    text = f'{SITE}[calendar]\ncountry = "CN"\nhours = ["09:00-11:00"]\nfree = [2026-11-24]\n'
    calendar = read_settings(text, faults).settings.calendar
    assert faults == []
    start, end = datetime(2026, 11, 23, 1, 0, tzinfo=UTC), datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    assert calendar.hours_of(date(2026, 11, 23)) == [(start, end)]
    assert calendar.hours_of(date(2026, 11, 24)) == calendar.hours_of(date(2026, 10, 1)) == []


def test_all_faults_are_reported_in_one_go() -> None:
    faults: list[Fault] = []
    read_settings(SITE.replace('"here"', '""').replace("Asia/Shanghai", "Nowhere").replace("2020-11-01", "3"), faults)
    assert {fault.field for fault in faults} >= {"code", "timezone", "valid_from"}


def test_text_that_is_not_toml_is_one_fault() -> None:
    faults: list[Fault] = []
    read_catalogue("[[category", faults)
    assert len(faults) == 1
    assert "is not TOML" in str(faults[0])


def test_a_category_twice_and_an_unknown_field_are_faults() -> None:
    faults: list[Fault] = []
    read_catalogue(CATEGORY + CATEGORY.replace("department", "departmnet"), faults)
    assert {fault.field for fault in faults} == {"departmnet", "department", "code"}


def test_a_scene_must_name_a_category_and_a_crowd_its_numbers() -> None:
    faults: list[Fault] = []
    text = SCENE.replace("S/matter/1", "S/matter/2").replace('"dwell"', '"crowd"')
    read_scenes(text, faults, categories=catalogue())
    assert {fault.field for fault in faults} == {"category", "count", "radius_m"}


def test_a_scene_is_read() -> None:
    faults: list[Fault] = []
    scenes = read_scenes(SCENE, faults, categories=catalogue())
    assert faults == []
    assert scenes["parked"].rule is Rule.DWELL
    assert scenes["parked"].classes == ("car",)


def test_forces_are_read_with_shifts_that_cross_midnight() -> None:
    faults: list[Fault] = []
    roster = read_forces(forces_csv(FORCE), faults, datum=Datum.WGS84)
    assert faults == []
    force = roster.by_terminal()["T1"]
    zone = ZoneInfo("Asia/Shanghai")
    on = [hour for hour in range(24) if force.on_duty(datetime(2026, 1, 5, hour, tzinfo=zone).astimezone(UTC), zone)]
    assert on == [0, 1, 8, 9, 10, 11, 12, 13, 14, 15, 22, 23]


def test_a_force_file_in_gcj02_is_converted() -> None:
    there = convert(LonLat(121.1, 31.1), source=Datum.WGS84, target=Datum.GCJ02)
    row = FORCE.replace("121.1,31.1", f"{there.lon},{there.lat}")
    post = read_forces(forces_csv(row), [], datum=Datum.GCJ02).forces[0].post
    assert post.lon == pytest.approx(121.1, abs=1e-7)
    assert post.lat == pytest.approx(31.1, abs=1e-7)


def test_a_missing_column_is_named() -> None:
    faults: list[Fault] = []
    text = forces_csv(FORCE).replace(",shift", "")
    assert read_forces(text, faults, datum=Datum.WGS84).forces == ()
    assert "column missing: shift" in str(faults[0])


def test_a_terminal_given_twice_and_a_bad_shift_are_named_with_their_lines() -> None:
    faults: list[Fault] = []
    read_forces(forces_csv(FORCE, FORCE.replace("F1", "F2").replace("08:00-16:00", "8-16")), faults, datum=Datum.WGS84)
    assert {(fault.feature, fault.field) for fault in faults} == {("line 3", "terminal"), ("line 3", "shift")}


@given(start=st.times(), end=st.times(), moment=st.times())
def test_a_shift_and_its_complement_cover_the_day_once(start: time, end: time, moment: time) -> None:
    if start == end:
        assert Shift(start=start, end=end).covers(moment)
    else:
        assert Shift(start=start, end=end).covers(moment) != Shift(start=end, end=start).covers(moment)
