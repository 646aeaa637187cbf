"""What a site says of keeping pictures and trusting scenes, every fault told; and that the keeper erases."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from databases import sqlite_url
from small_site import DISPATCHER, INGEST, JPEG, NOON, sighting, small_site

from geo.boundaries import Fault
from pipeline.camera_features import _camera_scenes
from pipeline.cases import Action
from pipeline.clocks import FixedClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.fields import Fields
from pipeline.keeper import ERASE_EVERY_S, Keeper
from pipeline.keeping import EvidencePolicy, Originals, read_evidence, read_trust
from pipeline.scenes import Mode
from pipeline.sightings import View
from pipeline.site_files import read_site
from pipeline.sql_casebook import open_casebook
from pipeline.trust import TrustPolicy


def told(read: object, table: dict[str, object]) -> tuple[object, str]:
    faults: list[Fault] = []
    value = read(Fields(table, "site.toml", "", faults))  # type: ignore[operator]  # one of the two readers
    return value, "; ".join(str(each) for each in faults)


def test_without_a_word_originals_are_sealed_and_levels_move():
    assert told(read_evidence, {}) == (EvidencePolicy(), "")
    assert told(read_trust, {}) == (TrustPolicy(), "")
    kept, faults = told(read_evidence, {"originals": "none", "keep_days": 7, "after_s": 0})
    assert faults == ""
    assert kept == EvidencePolicy(originals=Originals.NONE, keep_days=7.0, keep_originals_days=7.0, after_s=0.0)


@pytest.mark.parametrize(
    ("read", "table", "word"),
    [
        (read_evidence, {"originals": "plain"}, "originals"),
        (read_evidence, {"keep_days": 0}, "keep_days"),
        (read_evidence, {"keep_days": 10, "keep_originals_days": 30}, "keep_originals_days"),
        (read_evidence, {"after_s": -1}, "after_s"),
        (read_evidence, {"keep": 3}, "keep"),
        (read_trust, {"least": 3}, "least"),
        (read_trust, {"auto_from": 1.5}, "auto_from"),
        (read_trust, {"auto_from": 0.4, "auto_below": 0.5}, "auto_below"),
        (read_trust, {"moves": "yes"}, "moves"),
    ],
)
def test_each_fault_is_named(read: object, table: dict[str, object], word: str):
    _, faults = told(read, table)
    assert word in faults


def test_a_camera_may_begin_a_scene_on_a_level_of_its_own():
    scenes = small_site().scenes
    first, second, _ = scenes
    faults: list[Fault] = []

    def read(*listed: dict[str, object]) -> list[Mode | None]:
        faults.clear()
        fields = Fields({"scenes": list(listed)}, "cameras.geojson", "c", faults)
        return [each.mode for each in _camera_scenes(fields, {}, scenes, directions={})]

    assert read({"scene": first, "mode": "shadow"}, {"scene": second}) == [Mode.SHADOW, None]
    assert faults == []
    read({"scene": first, "mode": "often"})
    assert "expected one of shadow, confirm, auto" in str(faults[0])
    read({"scene": first, "mode": "shadow"}, {"scene": first, "mode": "auto"})
    assert "give one for each scene" in str(faults[0])


def test_the_sample_dispatches_by_itself(sample_site: Path):
    site = read_site(sample_site)
    assert {scene.mode for scene in site.scenes.values()} == {Mode.AUTO}
    assert all(each.mode is None for camera in site.cameras.values() for each in camera.scenes)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Desk, FixedClock]]:
    site, clock = small_site(), FixedClock(NOON)
    site = replace(site, settings=replace(site.settings, evidence=EvidencePolicy(keep_days=30)))
    casebook = open_casebook(sqlite_url(tmp_path))
    yield Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(tmp_path / "evidence")), clock
    casebook.close()


def test_no_fault_of_one_round_ends_the_rounds_after_it(
    desk: tuple[Desk, FixedClock], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    rounds: list[int] = []

    def broken() -> list[str]:
        rounds.append(len(rounds))
        raise RuntimeError("a bug")

    monkeypatch.setattr(desk[0], "pass_over", broken)
    keeper = Keeper(desk[0], every_s=0.01)
    keeper.start()
    for _ in range(500):
        if len(rounds) > 2:
            break
        time.sleep(0.01)
    keeper.stop()
    assert len(rounds) > 2
    assert "the keeper goes on" in caplog.text


def test_the_keeper_erases_once_an_hour(desk: tuple[Desk, FixedClock], tmp_path: Path):
    asked, clock = desk
    keeper = Keeper(asked)

    def ended(index: int) -> None:
        views = (View(label="at", captured_at=NOON, jpeg=JPEG + bytes([index])),)
        number = asked.take(sighting(f"s{index}", views=views), principal=INGEST).number
        asked.act(str(number), Action.REJECT, principal=DISPATCHER, note="over")

    def files() -> int:
        return sum(path.is_file() for path in (tmp_path / "evidence").rglob("*"))

    ended(1)
    clock.at += timedelta(days=31)
    keeper.erase(0.0)
    assert files() == 0
    clock.at = NOON
    ended(2)
    clock.at += timedelta(days=31)
    keeper.erase(ERASE_EVERY_S - 1.0)
    assert files() == 1
    keeper.erase(ERASE_EVERY_S)
    assert files() == 0


def test_a_round_does_what_else_it_is_given_whatever_that_meets(tmp_path: Path):
    casebook, clock = open_casebook(sqlite_url(tmp_path)), FixedClock(NOON)
    office = Desk(site=small_site(), casebook=casebook, clock=clock, evidence=EvidenceStore(tmp_path / "evidence"))
    done: list[str] = []

    def broken() -> None:
        done.append("broken")
        raise ZeroDivisionError

    assert Keeper(office, also=(broken, lambda: done.append("whole"))).once() == ([], [])
    assert done == ["broken", "whole"]
    casebook.close()
