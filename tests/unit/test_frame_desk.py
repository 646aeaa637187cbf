"""Frames that are pushed: what shows nothing of the street reaches no detector, and a frame may be sent again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from databases import sqlite_url
from small_site import small_site
from watched_place import NAMES

from models.detections import Detections
from models.detector import Image
from models.errors import InferenceError
from pipeline.camera_pipeline import Outcome
from pipeline.casebook import BusyError
from pipeline.clocks import FixedClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.frame_desk import FrameDesk
from pipeline.health_events import HealthEvent, HealthFault
from pipeline.principal import Principal, Role
from pipeline.sql_casebook import SqlCasebook, open_casebook

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
FEED = Principal(name="feed", role=Role.INGEST)
BLACK = np.zeros((90, 160, 3), np.uint8)


class Counting:
    """A detector that finds nothing and counts what it is asked."""

    name, version, classless, class_names = "counting", "counting@0", False, NAMES
    asked = 0

    def detect(self, _: Image, **__: object) -> Detections:
        self.asked += 1
        return Detections.empty(NAMES)

    def close(self) -> None:
        """Nothing to close."""


class RefusingOnce:
    """A casebook that is busy at its first write."""

    def __init__(self, casebook: SqlCasebook) -> None:
        self._casebook, self.refused = casebook, False

    def write(self, work: Any) -> Any:
        if not self.refused:
            self.refused = True
            raise BusyError(1, "a test")
        return self._casebook.write(work)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._casebook, name)


@pytest.fixture
def casebook(tmp_path: Path) -> Iterator[SqlCasebook]:
    found = open_casebook(sqlite_url(tmp_path))
    yield found
    found.close()


def desk(casebook: Any, detector: Counting, folder: Path) -> FrameDesk:
    site, clock = small_site(), FixedClock(NOON + timedelta(minutes=5))
    office = Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(folder / "evidence"))
    return FrameDesk(site=site, casebook=casebook, desk=office, detector=detector, clock=clock)


def street(index: int) -> Image:
    return np.random.default_rng(index).integers(40, 200, (90, 160, 3)).astype(np.uint8)


def pushed(frames: FrameDesk, second: int, image: Image) -> Outcome:
    data = cv2.imencode(".jpg", image)[1].tobytes()
    return frames.take("cam-a", NOON + timedelta(seconds=second), data, principal=FEED).outcome


def test_black_and_repeated_frames_reach_health_and_no_detector(casebook: SqlCasebook, tmp_path: Path):
    detector = Counting()
    frames = desk(casebook, detector, tmp_path)
    assert [pushed(frames, k, street(k)) for k in range(3)] == [Outcome.PROCESSED] * 3
    assert [pushed(frames, k, street(2)) for k in range(3, 30)] == [Outcome.UNFIT] * 27
    assert [pushed(frames, k, BLACK) for k in range(30, 60)] == [Outcome.UNFIT] * 30
    assert detector.asked == 3
    assert "frozen" in {event.fault.value for event in casebook.health(camera="cam-a")}
    assert pushed(frames, 60, street(60)) is Outcome.PROCESSED


def test_a_frame_that_could_not_be_stored_is_no_repetition_when_it_is_sent_again(casebook: SqlCasebook, tmp_path: Path):
    frames = desk(RefusingOnce(casebook), Counting(), tmp_path)
    with pytest.raises(BusyError):
        pushed(frames, 0, street(0))
    assert pushed(frames, 0, street(0)) is Outcome.PROCESSED
    assert pushed(frames, 0, street(0)) is Outcome.REPEATED


class FailingOnce(Counting):
    """A detector that breaks at the first frame it is shown."""

    def detect(self, image: Image, **options: object) -> Detections:
        found = super().detect(image, **options)
        if self.asked == 1:
            raise InferenceError("script", actual="numbers that are not finite", expected="finite boxes")
        return found


def test_a_frame_that_the_detector_failed_on_is_inferred_when_it_is_sent_again(casebook: SqlCasebook, tmp_path: Path):
    detector = FailingOnce()
    frames = desk(casebook, detector, tmp_path)
    with pytest.raises(InferenceError):
        pushed(frames, 0, street(0))
    assert pushed(frames, 0, street(0)) is Outcome.PROCESSED
    assert detector.asked == 2
    assert pushed(frames, 0, street(0)) is Outcome.REPEATED


class Pushing:
    """A camera that pushes to one of several processes, by one clock that goes on."""

    def __init__(self, casebook: SqlCasebook, folder: Path, *, processes: int = 1) -> None:
        self.casebook, self.clock = casebook, MovedClock()
        site, detector = small_site(), Counting()
        office = Desk(site=site, casebook=casebook, clock=self.clock, evidence=EvidenceStore(folder / "evidence"))
        self.processes = [
            FrameDesk(site=site, casebook=casebook, desk=office, detector=detector, clock=self.clock)
            for _ in range(processes)
        ]

    def push(self, second: int, *, late_s: float = 0.0, to: int = 0) -> None:
        self.clock.at = NOON + timedelta(seconds=second)
        data = cv2.imencode(".jpg", street(second))[1].tobytes()
        self.processes[to].take("cam-a", self.clock.at - timedelta(seconds=late_s), data, principal=FEED)

    def looked_after(self, second: int) -> list[HealthEvent]:
        """Return the spells of absence that are stored once all processes have looked at this second."""
        self.clock.at = NOON + timedelta(seconds=second)
        for process in self.processes:
            process.note_absent()
        return [event for event in self.casebook.health(camera="cam-a") if event.fault is HealthFault.OFFLINE]


class MovedClock:
    """A clock that stands where it is put."""

    at = NOON

    def now(self) -> datetime:
        return self.at


def test_a_pushed_camera_that_sends_nothing_is_offline_until_it_sends_again(casebook: SqlCasebook, tmp_path: Path):
    camera = Pushing(casebook, tmp_path)
    for second in range(10):
        camera.push(second)
    assert camera.looked_after(38) == []
    (gone,) = camera.looked_after(40)
    assert (gone.since, gone.until) == (NOON + timedelta(seconds=9), None)
    assert camera.looked_after(600) == [gone]
    for second in range(900, 915):
        camera.push(second)
    (back,) = camera.looked_after(916)
    assert back.id == gone.id
    assert back.until is not None


def test_a_camera_whose_frames_come_late_is_not_offline_while_they_come(casebook: SqlCasebook, tmp_path: Path):
    camera = Pushing(casebook, tmp_path)
    for second in range(0, 120, 10):
        camera.push(second, late_s=3600.0)
        assert camera.looked_after(second + 9) == []


def test_a_camera_that_goes_on_at_another_process_is_not_offline(casebook: SqlCasebook, tmp_path: Path):
    camera = Pushing(casebook, tmp_path, processes=2)
    camera.push(0, to=0)
    for second in range(5, 120, 5):
        camera.push(second, to=1)
        assert camera.looked_after(second + 1) == []
    assert len(camera.looked_after(200)) == 1
