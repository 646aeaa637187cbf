"""The demo's year of past cases."""

import csv
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from databases import sqlite_url

from pipeline.casebook import CaseFilter
from pipeline.cases import Channel, Status
from pipeline.district.past_year import NOTE, store_past_year
from pipeline.district.rates import SHARES
from pipeline.history import chain_faults, rebuild
from pipeline.site import Site
from pipeline.site_files import read_site
from pipeline.sql_casebook import SqlCasebook, open_casebook

UNTIL = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
WEEKS = 6


@pytest.fixture(scope="module")
def site(sample_site: Path) -> Site:
    return read_site(sample_site)


@pytest.fixture(scope="module")
def casebook(site: Site, tmp_path_factory: pytest.TempPathFactory) -> SqlCasebook:
    return stored(site, tmp_path_factory.mktemp("past"), seed=3)


def stored(site: Site, folder: Path, *, seed: int) -> SqlCasebook:
    casebook = open_casebook(sqlite_url(folder))
    told: list[tuple[int, int]] = []
    count = store_past_year(
        site, casebook, until=UNTIL, seed=seed, weeks=WEEKS, progress=lambda a, b: told.append((a, b))
    )
    assert told == [(week, WEEKS) for week in range(1, WEEKS + 1)]
    assert count == len(casebook.kept())
    return casebook


def test_every_case_is_closed_and_its_chain_holds(casebook: SqlCasebook):
    cases = casebook.cases(CaseFilter(limit=1000)).cases
    assert {case.status for case in cases} == {Status.CLOSED}
    for case in cases[::25]:
        assert chain_faults(casebook.entries(case.number)) == ()
        assert rebuild(casebook.events(case.number)) == case


def test_each_says_that_it_is_simulated(casebook: SqlCasebook):
    assert {case.description for case in casebook.cases(CaseFilter(limit=1000)).cases} == {NOTE}


def test_all_lie_in_the_unit_that_they_name_and_before_today(casebook: SqlCasebook, site: Site):
    for case in casebook.cases(CaseFilter(limit=1000)).cases:
        place = site.place(case.lonlat)
        assert (place.grid, place.unit) == (case.grid, case.unit)
        assert case.updated_at < UNTIL


def test_cameras_find_more_and_the_hotline_hears_less_as_time_goes_on(casebook: SqlCasebook):
    kept = sorted(casebook.kept(), key=lambda case: case.occurred_at)
    third = len(kept) // 3
    early, late = (Counter(case.channel for case in part) for part in (kept[:third], kept[-third:]))
    assert late[Channel.INTELLIGENT] > early[Channel.INTELLIGENT]
    assert late[Channel.HOTLINE] < early[Channel.HOTLINE]


def test_what_a_camera_found_is_near_it(casebook: SqlCasebook, site: Site):
    found = casebook.cases(CaseFilter(channels=frozenset({Channel.INTELLIGENT}), limit=1000)).cases
    assert found
    assert all(case.camera in site.cameras and case.scene in site.scenes for case in found)


def test_the_same_seed_gives_the_same_year(casebook: SqlCasebook, site: Site, tmp_path: Path):
    again, other = stored(site, _made(tmp_path / "a"), seed=3), stored(site, _made(tmp_path / "b"), seed=4)
    assert again.kept() == casebook.kept()
    assert other.kept() != casebook.kept()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


CARS = "GB/T 47678.5-2026/matter/09009"
OTHERWISE_NAMED = {"乱堆杂物": "乱堆物堆料", "垃圾站（箱）满溢": "垃圾箱（果屑箱）"}
"""Classes of the catalogue that the sample names by an older standard."""


def test_the_mix_is_that_of_a_published_sample_but_for_cars(site: Site, shared_data: Path):
    with (shared_data / "class_mix_sample.csv").open(encoding="utf-8-sig") as file:
        filed = {row["name_zh"]: int(row["filed"]) for row in csv.DictReader(file)}
    sample = {name: 100.0 * count / sum(filed.values()) for name, count in filed.items()}
    names = {key: site.catalogue.get(key).name_zh for key in SHARES}
    known = {key: sample[old] for key, name in names.items() if (old := OTHERWISE_NAMED.get(name, name)) in sample}
    apart = {key: abs(SHARES[key] - share) for key, share in known.items()}
    assert sum(known.values()) > 60.0
    assert apart.pop(CARS) > 10.0
    assert max(apart.values()) < 3.0
    assert sum(SHARES.values()) == pytest.approx(100.0)
