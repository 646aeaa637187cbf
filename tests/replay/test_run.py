"""Runs over real footage with a real detector and database: again, killed, interrupted, with sources that fail."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import pytest

from models.openvino import OpenVinoDetector
from pipeline import camera_run
from pipeline.casebook import BusyError, CameraState, CaseFilter
from pipeline.clocks import WallClock
from pipeline.desk import Desk, Taken
from pipeline.errors import UnknownError
from pipeline.evidence import EvidenceStore
from pipeline.principal import Principal
from pipeline.run import NoSourceError, RunServices, RunSettings, run_cameras
from pipeline.run_figures import RunFigures
from pipeline.sightings import Sighting
from pipeline.site import Site
from pipeline.site_files import read_site
from pipeline.sql_casebook import SqlCasebook, open_casebook

START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
FRAMES = 330
CHILD = Path(__file__).with_name("run_child.py")
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site() -> Site:
    return read_site(ROOT / "boundaries" / "yingpu")


@pytest.fixture(scope="module")
def weights(shared_data: Path) -> Path:
    return shared_data / "weights" / "yolov8n-coco-int8-320_openvino_model"


@pytest.fixture(scope="module")
def clip(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the first 47 seconds of the PETS sequence, at the rate it was filmed at."""
    path = tmp_path_factory.mktemp("clip") / "pets.avi"
    capture = cv2.VideoCapture(str(shared_data / "video" / "vtest.avi"))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 7.0, (768, 576))
    for _ in range(FRAMES):
        writer.write(capture.read()[1])
    writer.release()
    capture.release()
    return path


class Station:
    """A database, an evidence folder and what runs on them."""

    def __init__(self, folder: Path, site: Site, weights: Path) -> None:
        self.url, self.evidence = f"sqlite:///{folder}/beatgrid.db", folder / "evidence"
        self.site, self.weights = site, weights

    @contextmanager
    def casebook(self) -> Iterator[SqlCasebook]:
        casebook = open_casebook(self.url)
        try:
            yield casebook
        finally:
            casebook.close()

    def run(self, sources: Mapping[str, str], *, start: datetime | None = START) -> RunFigures:
        with self.casebook() as casebook:
            clock = WallClock()
            desk = Desk(site=self.site, casebook=casebook, clock=clock, evidence=EvidenceStore(self.evidence))
            return run_cameras(
                RunServices(site=self.site, casebook=casebook, desk=desk, clock=clock),
                sources,
                detector=lambda: OpenVinoDetector(self.weights, threads=1),
                settings=RunSettings(start=start),
            )

    def cases(self) -> list[tuple[str, str, int]]:
        """Return category, grid and number of sightings of every case, in order."""
        with self.casebook() as casebook:
            page = casebook.cases(CaseFilter())
            return sorted((case.category, case.grid, case.sightings) for case in page.cases)

    def start(self, video: Path) -> "subprocess.Popen[str]":
        command = [sys.executable, str(CHILD), self.url, str(self.evidence), f"{video}?fps=7", str(self.weights)]
        alone = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return subprocess.Popen([*command, START.isoformat()], env=alone, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def station(tmp_path: Path, site: Site, weights: Path) -> Station:
    return Station(tmp_path, site, weights)


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, site: Site, weights: Path, clip: Path
) -> tuple[Station, RunFigures]:
    """Return a station over which the clip went once, undisturbed, and the run's figures."""
    done = Station(tmp_path_factory.mktemp("whole"), site, weights)
    return done, done.run({"pets-view1": str(clip)})


def wait_for(child: "subprocess.Popen[str]", frames: int) -> dict[str, Any]:
    """Read a child's lines until it has processed so many frames; return the last line."""
    assert child.stdout is not None
    line: dict[str, Any] = {}
    for text in child.stdout:
        line = json.loads(text)
        if line.get("frames", 0) >= frames:
            break
    return line


def test_a_run_makes_cases_with_all_that_is_promised(undisturbed: tuple[Station, RunFigures]):
    station, figures = undisturbed
    shown = json.loads(json.dumps(figures.as_dict()))
    assert figures.frames_processed == FRAMES
    assert figures.sightings >= 3
    assert figures.cases_created == len(shown["cases"]) >= 2
    assert {"number", "category", "channel", "lon", "lat", "error_m", "grid", "unit", "status", "terminal"} <= set(
        shown["cases"][0]
    )
    assert {case["channel"] for case in shown["cases"]} == {"intelligent"}
    dispatched = [case for case in shown["cases"] if case["status"] == "dispatched"]
    assert figures.cases_dispatched == len(dispatched)
    assert all(case["terminal"] and case["distance_m"] >= 0 for case in dispatched)
    with station.casebook() as casebook:
        pictures = [each for case in figures.cases for each in casebook.evidence(case.number)]
    assert {each.label for each in pictures} == {"before", "at", "after"}
    assert all((station.evidence / each.path).is_file() for each in pictures)


def test_a_second_run_adds_to_open_cases_and_a_repeated_one_does_nothing(station: Station, clip: Path):
    first = station.run({"pets-view1": str(clip)}, start=None)
    second = station.run({"pets-view1": str(clip)}, start=None)
    assert first.cases_created >= 2
    assert second.frames_processed == FRAMES
    assert second.sightings == first.sightings
    assert second.cases_created == 0
    assert set(second.cases_attached) <= {case.number for case in first.cases}

    before = station.cases()
    third = station.run({"pets-view1": str(clip)}, start=START)
    assert third.frames_processed == 0
    assert third.frames_refused + third.frames_late == FRAMES
    assert "older than its newest" in third.errors[0].error
    assert station.cases() == before


def test_killed_twice_and_started_again_no_case_is_lost_and_none_doubled(
    station: Station, undisturbed: tuple[Station, RunFigures], clip: Path
):
    whole = undisturbed[0]
    for frames in (90, 60):
        child = station.start(clip)
        wait_for(child, frames)
        child.kill()
        assert child.wait() == -signal.SIGKILL
        child.stdout.close()
    last = station.start(clip)
    figures = wait_for(last, FRAMES * 10)
    assert last.wait() == 0
    last.stdout.close()
    assert figures["frames_processed"] < FRAMES, "it went on where it had been"
    assert figures["frames_refused"] + figures["frames_late"] > 100
    assert [case[:2] for case in station.cases()] == [case[:2] for case in whole.cases()]
    lost = sum(case[2] for case in whole.cases()) - sum(case[2] for case in station.cases())
    assert abs(lost) <= 1, "a visit whose tracker was lost may be told once more or less within its case"


def test_interrupted_it_finishes_what_is_in_work_and_says_so(station: Station, clip: Path):
    child = station.start(clip)
    wait_for(child, 40)
    child.send_signal(signal.SIGINT)
    figures = wait_for(child, FRAMES * 10)
    assert child.wait() == 0
    child.stdout.close()
    assert figures["interrupted"] is True
    assert 40 <= figures["frames_processed"] < FRAMES
    rest = station.run({"pets-view1": str(clip)})
    assert rest.frames_processed + figures["frames_processed"] == FRAMES


def test_a_camera_that_fails_does_not_stop_the_others(station: Station, clip: Path, tmp_path: Path):
    half = tmp_path / "half.avi"
    half.write_bytes(clip.read_bytes()[:3_000_000])
    figures = station.run(
        {"pets-view1": str(half), "demo-street": str(tmp_path / "none.avi"), "minle-square": str(CHILD)}
    )
    errors = {error.camera: error.error for error in figures.errors}
    assert "none.avi" in errors["demo-street"]
    assert "no video" in errors["minle-square"]
    assert f"ended after {figures.frames_processed} of {FRAMES} frames" in errors["pets-view1"]
    assert 10 < figures.frames_processed < FRAMES
    with station.casebook() as casebook:
        state = casebook.camera_state("pets-view1")
    assert state is not None
    assert state.newest_at == START + timedelta(seconds=(figures.frames_processed - 1) / 7.0)


def test_what_cannot_be_run_is_said_before_anything_starts(station: Station, clip: Path):
    with pytest.raises(NoSourceError, match="--source"):
        station.run({})
    with pytest.raises(UnknownError, match="nowhere"):
        station.run({"nowhere": str(clip)})


class BusyDesk(Desk):
    """A desk whose casebook is busy the first few times."""

    refusals = 3

    def take(self, sighting: Sighting, *, principal: Principal, state: CameraState | None = None) -> Taken:
        if self.refusals:
            self.refusals -= 1
            raise BusyError(8, "database is locked")
        return super().take(sighting, principal=principal, state=state)


def test_a_busy_casebook_is_waited_for_and_nothing_is_lost(
    station: Station, undisturbed: tuple[Station, RunFigures], clip: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(camera_run, "FIRST_WAIT_S", 0.01)
    with station.casebook() as casebook:
        clock = WallClock()
        desk = BusyDesk(site=station.site, casebook=casebook, clock=clock, evidence=EvidenceStore(station.evidence))
        figures = run_cameras(
            RunServices(site=station.site, casebook=casebook, desk=desk, clock=clock),
            {"pets-view1": str(clip)},
            detector=lambda: OpenVinoDetector(station.weights, threads=1),
            settings=RunSettings(start=START),
        )
    assert desk.refusals == 0
    assert figures.errors == ()
    assert station.cases() == undisturbed[0].cases()
