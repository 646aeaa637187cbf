"""The organisation's tables: read, written back, and every fault of all of them at once."""

import csv
import io
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from databases import sqlite_url

from geo.coords import Datum
from pipeline.casebook import Casebook
from pipeline.configuration import read_forces
from pipeline.duty_ahead import Lack, missing
from pipeline.organisation import DepartmentKind, Post
from pipeline.organisation_files import COLUMNS, organisation_texts, read_organisation
from pipeline.roster_files import CHANGE_COLUMNS, DUTY_CHANGES, read_changes, write_changes, write_forces
from pipeline.site import Site
from pipeline.site_changes import (
    ChangeFaultsError,
    ClassesInUseError,
    NothingAppliedError,
    SiteChangedError,
    change_site,
    load_site,
)
from pipeline.site_files import OPTIONAL, REQUIRED, SiteFaultsError, documents, read_site
from pipeline.sql_casebook import open_casebook

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def site(sample_site: Path) -> Site:
    return read_site(sample_site)


@pytest.fixture
def copy(sample_site: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    for name in (*REQUIRED, *OPTIONAL):
        if (sample_site / name).is_file():
            shutil.copy(sample_site / name, folder / name)
    return folder


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Casebook]:
    book = open_casebook(sqlite_url(tmp_path))
    yield book
    book.close()


def faults_of(folder: Path) -> str:
    with pytest.raises(SiteFaultsError) as raised:
        read_site(folder)
    return str(raised.value)


def rewrite(path: Path, row: int, **changes: str) -> None:
    """Change cells of a table's row, 0 for the first below the heading."""
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    rows[row] |= changes
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8")


def test_the_sample_has_the_policy_s_organisation(site: Site) -> None:
    organisation = site.organisation
    follow_up = [each.code for each in organisation.departments if each.kind is DepartmentKind.FOLLOW_UP]
    assert len(follow_up) == 7
    assert any(each.kind is DepartmentKind.OUTSIDE for each in organisation.departments)
    for grid in site.boundaries.grids:
        assert len(organisation.holders(Post.GRID_CHIEF, grid.code, NOW.date())) == 1
        assert len(organisation.holders(Post.DEPUTY_GRID_CHIEF, grid.code, NOW.date())) == 2
        (station,) = organisation.stations_of(grid.code)
        assert set(station.resident) == {"police-station", "urban-management", "market-supervision"}
        assert set(station.resident) | set(station.seconded) == set(follow_up)
    for unit in site.boundaries.units:
        assert len(organisation.holders(Post.UNIT_HEAD, unit.code, NOW.date())) == 1
        assert len(organisation.holders(Post.DEPUTY_UNIT_HEAD, unit.code, NOW.date())) == 1
    assert organisation.commander(NOW, site.settings.calendar)


@pytest.mark.parametrize("month", range(1, 13))
def test_the_sample_lacks_nobody_in_any_week(site: Site, month: int) -> None:
    assert missing(site, datetime(2026, month, 1, tzinfo=UTC)) == []


def test_the_organisation_is_read_back_from_what_is_written(site: Site) -> None:
    texts = organisation_texts(site.organisation)
    faults: list[object] = []
    assert read_organisation(texts, faults, calendar=site.settings.calendar) == site.organisation  # type: ignore[arg-type]  # none is added
    assert faults == []


@pytest.mark.parametrize("datum", [Datum.WGS84, Datum.GCJ02])
def test_forces_are_read_back_from_what_is_written(site: Site, datum: Datum) -> None:
    again = read_forces(write_forces(site.roster, datum=datum), [], datum=datum, calendar=site.settings.calendar)
    for before, after in zip(site.roster.forces, again.forces, strict=True):
        assert after.post == pytest.approx(before.post, abs=2e-7)
        assert (after.number, after.shifts, after.units, after.side) == (
            before.number,
            before.shifts,
            before.units,
            before.side,
        )


def test_every_fault_of_every_table_is_told_at_once(copy: Path) -> None:
    rewrite(copy / "departments.csv", 0, kind="secret")
    rewrite(copy / "officers.csv", 0, of="YP-G9", since="2026-13-01")
    rewrite(copy / "officers.csv", 1, since="2026-01-02", until="2026-01-01")
    rewrite(copy / "stations.csv", 0, resident="police-station;navy", unit="310118002001")
    rewrite(copy / "commanders.csv", 0, officer="YP-C1", hours="8-8", every_days="0")
    text = faults_of(copy)
    for words in (
        "departments.csv: feature line 2: field kind",
        "officers.csv: feature line 2: field since",
        "officers.csv: feature line 3: field until",
        "commanders.csv: feature line 2: field hours",
        "commanders.csv: feature line 2: field every_days",
    ):
        assert words in text, text
    rewrite(copy / "departments.csv", 0, kind="follow_up")
    rewrite(copy / "officers.csv", 0, since="")
    rewrite(copy / "officers.csv", 1, until="", post="deputy-unit-head")
    rewrite(copy / "commanders.csv", 0, hours="08:30-08:30", every_days="7")
    text = faults_of(copy)
    assert "'YP-G9' is no grid" in text
    assert "'YP-G1' is no unit, which a deputy-unit-head is of" in text
    assert "'navy' is not in departments.csv" in text
    assert "unit 310118002001 is not in grid YP-G1" in text
    assert "'YP-C1' is no commander" in text


def test_a_table_without_a_row_is_there_and_one_that_is_taken_away_is_not(copy: Path) -> None:
    path = copy / "commanders.csv"
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    assert [each.lack for each in missing(read_site(copy), NOW)] == [Lack.NO_COMMANDER]
    path.unlink()
    assert missing(read_site(copy), NOW) == []


def test_nothing_is_checked_against_departments_that_a_site_does_not_list(copy: Path) -> None:
    (copy / "departments.csv").unlink()
    assert read_site(copy).organisation.departments == ()


def test_turns_without_a_table_of_officers_are_one_fault(copy: Path) -> None:
    (copy / "officers.csv").unlink()
    (told,) = faults_of(copy).splitlines()[1:]
    assert told.startswith("  commanders.csv: field officer: names commanders, who stand in officers.csv, and there is")


@pytest.mark.parametrize(
    ("file", "row", "changes", "field"),
    [
        ("forces.csv", 0, {"shift": ""}, "shift"),
        ("forces.csv", 0, {"side": ""}, "side"),
        ("forces.csv", 0, {"department": ""}, "department"),
        ("forces.csv", 4, {"grid": ""}, "grid"),
        ("forces.csv", 4, {"grid": "YP-G9", "units": "310118002001"}, "grid"),
        ("officers.csv", 0, {"post": "grid-cheif"}, "post"),
        ("officers.csv", 0, {"of": ""}, "of"),
        ("officers.csv", -1, {"post": "comander"}, "post"),
        ("departments.csv", 0, {"kind": "follow"}, "kind"),
        ("stations.csv", 0, {"grid": "YP-G9", "unit": "310118002001"}, "grid"),
        ("commanders.csv", 0, {"hours": "8-8"}, "hours"),
        ("commanders.csv", 0, {"every_days": "0.5"}, "every_days"),
        ("commanders.csv", 0, {"officer": ""}, "officer"),
    ],
)
def test_each_fault_is_told_once(copy: Path, file: str, row: int, changes: dict[str, str], field: str) -> None:
    rewrite(copy / file, row, **changes)
    (told,) = faults_of(copy).splitlines()[1:]
    assert told.startswith(f"  {file}: feature "), told
    assert f": field {field}: " in told, told


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("YP-001,,2026-11-24T20:00,on,", "from"),
        (",2026-11-29T17:00,2026-11-29T20:00,on,", "number"),
        ("YP-001,2026-11-24T12:00,2026-11-24T13:00,in,", "duty"),
    ],
)
def test_each_fault_of_a_change_of_duty_is_told_once(copy: Path, row: str, field: str) -> None:
    (copy / DUTY_CHANGES).write_text(f"{','.join(CHANGE_COLUMNS)}\n{row}\n", encoding="utf-8")
    (told,) = faults_of(copy).splitlines()[1:]
    assert told.startswith(f"  duty_changes.csv: feature line 2: field {field}: ")


def test_a_category_and_a_force_without_their_department_are_told(copy: Path) -> None:
    rows = (copy / "departments.csv").read_text(encoding="utf-8").splitlines()
    kept = [row for row in rows if not row.startswith("traffic-police")]
    (copy / "departments.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    text = faults_of(copy)
    assert (
        "catalogue.toml: feature GB/T 47678.5-2026/matter/09009: field department: 'traffic-police' is not in" in text
    )
    assert "forces.csv: feature YP-0" in text


def test_a_follow_up_force_of_a_department_that_does_not_follow_up_is_told(copy: Path) -> None:
    rewrite(copy / "departments.csv", 0, kind="first")
    assert "police-station is of kind first, expected follow_up" in faults_of(copy)


def test_a_class_with_a_role_that_no_first_force_has_or_a_department_of_first_forces_is_told(copy: Path) -> None:
    path = copy / "catalogue.toml"
    text = path.read_text(encoding="utf-8")
    text = text.replace(
        'first_roles = ["city-management-third-party"', 'first_roles = ["ghost-team", "traffic-police"', 1
    )
    path.write_text(text.replace('department = "fire-safety"', 'department = "grid-centre"', 1), encoding="utf-8")
    told = faults_of(copy)
    parking, lane = (f"catalogue.toml: feature GB/T 47678.5-2026/matter/{code}" for code in ("09009", "09012"))
    assert f"{parking}: field first_roles: 'ghost-team' is no first force's role; known: city-management" in told
    assert f"{parking}: field first_roles: 'traffic-police' is no first force's role" in told  # it follows up
    assert f"{lane}: field department: grid-centre is of kind first, expected follow_up or outside" in told


def test_a_post_that_two_hold_at_once_and_a_number_given_twice_are_told(copy: Path) -> None:
    path = copy / "officers.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text + "YP-X,grid-chief,YP-G1,Other,另,2026-01-01,\nYP-C2,commander,centre,Again,再,,\n", encoding="utf-8"
    )
    told = faults_of(copy)
    assert "YP-C2 stands on line" in told
    path.write_text(text + "YP-X,grid-chief,YP-G1,Other,另,2026-01-01,\n", encoding="utf-8")
    assert "grid-chief of YP-G1 is YP-C1 at the same time" in faults_of(copy)


def test_a_force_on_two_shifts_at_once_is_told_in_either_table(copy: Path) -> None:
    rewrite(copy / "forces.csv", 0, shift="work 08:30-17:30;fri 16:00-20:00")
    assert "puts it on two shifts at once: work 08:30-17:30 and fri 16:00-20:00 overlap" in faults_of(copy)
    rewrite(copy / "forces.csv", 0, shift="work 08:30-17:30")
    rows = [
        "YP-001,2026-11-24T17:00,2026-11-24T20:00,on,fair",
        "YP-001,2026-11-25T18:00,2026-11-25T20:00,on,fair",
        "YP-001,2026-11-25T19:00,2026-11-25T22:00,on,fair",
        "YP-999,2026-11-25T19:00,2026-11-25T22:00,off,ill",
        "YP-002,2026-11-25T19:00,2026-11-25T18:00,off,ill",
        "YP-002,soon,2026-11-25T18:00,off,ill",
    ]
    (copy / DUTY_CHANGES).write_text("\n".join([",".join(CHANGE_COLUMNS), *rows]) + "\n", encoding="utf-8")
    text = faults_of(copy)
    for line, words in (
        (2, "its own runs from 2026-11-24T08:30+08:00 to 2026-11-24T17:30+08:00"),
        (4, "it overlaps another change of duty"),
        (5, "'YP-999' is no force"),
        (6, "not after from"),
        (7, "is 'soon', expected a local date and time"),
    ):
        assert any(f"line {line}" in each and words in each for each in text.splitlines()), (line, text)


def test_changes_of_duty_are_read_back_from_what_is_written(site: Site) -> None:
    calendar = site.settings.calendar
    rows = ["YP-001,2026-11-24T18:00,2026-11-24T20:00,on,fair", "YP-001,2026-12-01T00:00,2026-12-03T00:00,off,ill"]
    text = "\n".join([",".join(CHANGE_COLUMNS), *rows]) + "\n"
    faults: list[object] = []
    changed = read_changes(text, faults, roster=site.roster, calendar=calendar)  # type: ignore[arg-type]  # none is added
    assert faults == []
    assert len(changed.forces[0].changes) == 2
    assert read_changes(write_changes(changed, calendar), [], roster=site.roster, calendar=calendar) == changed


@pytest.mark.parametrize("file", [*REQUIRED, *COLUMNS])
def test_a_file_that_cannot_be_read_hides_no_other_fault_and_brings_none(copy: Path, file: str) -> None:
    (copy / file).write_bytes(b"\xff")
    (copy / "streets.geojson").write_text("[]", encoding="utf-8")
    sound = "stations.csv" if file == "forces.csv" else "forces.csv"
    rewrite(copy / sound, 0, name="")
    told = faults_of(copy).splitlines()[1:]
    assert [each.rpartition(": ")[0].strip() for each in told] == [
        file,
        f"{sound}: feature line 2: field name",
        "streets.geojson: field type",
    ]


def test_a_file_that_is_missing_hides_no_other_fault(copy: Path) -> None:
    (copy / "scenes.toml").unlink()
    rewrite(copy / "forces.csv", 0, stage="third")
    told = faults_of(copy).splitlines()[1:]
    assert [each.split(": ")[0].strip() for each in told] == ["scenes.toml", "forces.csv"]


@pytest.mark.parametrize(
    ("file", "right", "wrong", "words"),
    [
        ("forces.csv", "shift", "schicht", ["column missing: shift", "column unknown: schicht"]),
        ("forces.csv", '"Yingpu grid 1, grid', 'Yingpu "grid 1, "grid', ["has more cells"]),
        ("officers.csv", "number", "nummer", ["column missing: number", "column unknown: nummer"]),
        ("departments.csv", "code", "kode", ["column missing: code", "column unknown: kode"]),
        ("catalogue.toml", "[[category]]", "[[categry]]", ["field categry: is not a field here"]),
        ("scenes.toml", "[[scene]]", "[[scene]", ["is not TOML"]),
        ("site.toml", "[datum]", "[datum", ["is not TOML"]),
        ("grids.geojson", "{", "", ["is not JSON"]),
        ("grids.geojson", '"code":"YP-G1"', '"kode":"YP-G1"', ["field code: is missing"]),
    ],
)
def test_what_follows_from_a_table_that_cannot_be_read_is_not_told(
    copy: Path, file: str, right: str, wrong: str, words: list[str]
) -> None:
    path = copy / file
    path.write_text(path.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")
    told = faults_of(copy).splitlines()[1:]
    assert {each.split(": ")[0].strip() for each in told} <= {file, "units.geojson"}
    assert all(any(each in line for line in told) for each in words), told


def test_a_force_outside_the_site_is_told_beside_any_other_fault(copy: Path) -> None:
    rewrite(copy / "forces.csv", 0, lon="121.9")
    rewrite(copy / "forces.csv", 1, department="navy")
    rewrite(copy / "forces.csv", 2, lon="1210.9")
    (copy / DUTY_CHANGES).write_text(",".join(CHANGE_COLUMNS) + "\nYP-009,soon,,on,\n", encoding="utf-8")
    site = (copy / "site.toml").read_text(encoding="utf-8")
    (copy / "site.toml").write_text(site.replace('country = "CN"', 'country = "ZZ"'), encoding="utf-8")
    told = faults_of(copy)
    for words in (
        "forces.csv: feature YP-001: field lon,lat: 121.9",
        "forces.csv: feature YP-002: field department: 'navy'",
        "forces.csv: feature line 4: field lon: is 1210.9",
        "site.toml: feature calendar: field country",
        "duty_changes.csv: feature line 2: field from",
    ):
        assert words in told, told
    assert "YP-003" not in told


def test_a_misspelt_skill_and_a_misspelt_column_of_skills_are_told(copy: Path) -> None:
    path = copy / "forces.csv"
    heading, first, *rest = path.read_text(encoding="utf-8").splitlines()
    skilled = [f"{first},GB/T 47678.5-2026/matter/09;GB/T 47678.5-2026/mater/09009", *(f"{row}," for row in rest)]
    path.write_text("\n".join([f"{heading},skills", *skilled]) + "\n", encoding="utf-8")
    (told,) = faults_of(copy).splitlines()[1:]
    assert told == (
        "  forces.csv: feature YP-001: field skills: 'GB/T 47678.5-2026/mater/09009' fits no class of catalogue.toml;"
        " write '<standard>/<kind>/<code>' or how several begin"
    )
    path.write_text("\n".join([f"{heading},skill", *skilled]) + "\n", encoding="utf-8")
    assert "forces.csv: feature line 1: field skill: column unknown: skill; expected number, " in faults_of(copy)


def test_a_misspelt_column_is_told(copy: Path) -> None:
    path = copy / "stations.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("seconded", "secondded", 1), encoding="utf-8")
    assert "column missing: seconded" in faults_of(copy)
    assert "column unknown: secondded" in faults_of(copy)


def test_the_pattern_and_the_rollout_are_checked_against_the_roster_and_the_grids(copy: Path) -> None:
    path = copy / "site.toml"
    text = path.read_text(encoding="utf-8")
    text = text.replace('"city-management-third-party"]', '"night-watch"]').replace(
        "YP-G1 = 2020-06-01", "YP-G7 = 2020-06-01"
    )
    path.write_text(text, encoding="utf-8")
    told = faults_of(copy)
    assert "'night-watch' is no force's role" in told
    assert "field YP-G7: is not a grid of this site" in told
    path.write_text(
        text.replace("YP-G7 = 2020-06-01", 'YP-G1 = "June"').replace("work 08:30-17:30", "office hours"),
        encoding="utf-8",
    )
    told = faults_of(copy)
    assert "is 'June', expected a date without quotes" in told
    assert "is 'office hours', expected always or" in told


class TestChanges:
    def test_a_site_must_be_applied_before_it_is_changed(self, book: Casebook) -> None:
        with pytest.raises(NothingAppliedError):
            change_site(book, lambda _, __: {}, now=NOW)

    def test_a_table_is_replaced_in_a_new_version_or_not_at_all(
        self, book: Casebook, sample_site: Path, site: Site
    ) -> None:
        texts = documents(sample_site, [])
        load_site(texts, site, book, now=NOW)
        departments = texts["departments.csv"] + "fire-brigade,Fire brigade,消防队,outside\n"
        changed, version = change_site(book, lambda _, __: {"departments.csv": departments}, now=NOW, expected=1)
        assert version == book.site_version() == 2
        assert changed.organisation.department("fire-brigade")
        with pytest.raises(ChangeFaultsError, match=r"'police-station' is not in departments\.csv"):
            change_site(
                book,
                lambda _, __: {"departments.csv": ",".join(COLUMNS["departments.csv"]) + "\nx,X,某,outside\n"},
                now=NOW,
            )
        with pytest.raises(SiteChangedError, match="at version 2 by now, the change was made for version 1"):
            change_site(book, lambda _, __: {}, now=NOW, expected=1)
        assert book.site_documents()["departments.csv"] == departments

    def test_what_came_in_between_is_not_overwritten(self, book: Casebook, sample_site: Path, site: Site) -> None:
        texts = documents(sample_site, [])
        load_site(texts, site, book, now=NOW)

        def late(_: object, __: object) -> dict[str, str]:
            load_site(texts, site, book, now=NOW)
            return {}

        with pytest.raises(SiteChangedError):
            change_site(book, late, now=NOW)
        assert book.site_version() == 2


def test_errors_word_what_to_do() -> None:
    assert "switch them off with `reportable` = false" in str(ClassesInUseError(["a/matter/1"]))
