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
from pipeline.camera_pipeline import Outcome
from pipeline.casebook import BusyError
from pipeline.clocks import FixedClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.frame_desk import FrameDesk
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
