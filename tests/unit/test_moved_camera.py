"""A camera that was moved: nothing fires while it looks elsewhere; all goes on when it is back or calibrated anew."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from databases import sqlite_url

from geo.metric import distance_m
from models.detections import Detections
from models.detector import Image
from pipeline.calibration import fitted
from pipeline.casebook import Casebook, CaseFilter
from pipeline.clocks import FixedClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.frame_desk import FrameDesk
from pipeline.health_events import HealthFault
from pipeline.principal import Principal, Role
from pipeline.recalibration import Calibrations, with_calibration
from pipeline.site_changes import change_site, load_site
from pipeline.site_files import documents, read_site
from pipeline.sql_casebook import open_casebook

START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
CAMERA = "pets-view1"
FEED = Principal(name="feed", role=Role.INGEST)
INSIDE = (221.0, 150.0, 251.0, 240.0)
"""A person in the camera's restricted zone, whose scene fires after two seconds."""


class OnePerson:
    """Finds somebody while `there`."""

    name, version, classless = "one", "one@0", False
    class_names: Mapping[int, str] = {0: "person"}

    def __init__(self) -> None:
        self.there = False

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        del image, stream, at_s, confidence
        boxes = np.array([INSIDE] if self.there else [], np.float32).reshape(-1, 4)
        return Detections(
            boxes_px=boxes,
            confidence=np.full(len(boxes), 0.9, np.float32),
            class_ids=np.zeros(len(boxes), np.int32),
            class_names=self.class_names,
        )

    def close(self) -> None:
        """Nothing to close."""


def street() -> Image:
    """Return a picture larger than a frame, full of edges."""
    draw = np.random.default_rng(4)
    image = np.full((700, 1100, 3), 110, np.uint8)
    for _ in range(300):
        x, y, w, h = (int(each) for each in (draw.integers(0, 1100), draw.integers(0, 700), *draw.integers(8, 90, 2)))
        cv2.rectangle(image, (x, y), (x + w, y + h), [int(each) for each in draw.integers(20, 235, 3)], -1)
    return image


STREET = street()


@dataclass
class Watched:
    """A camera that pushes a frame each half second; what its desk stored."""

    desk: FrameDesk
    casebook: Casebook
    detector: OnePerson
    clock: FixedClock
    seconds: list[float]
    second: float = 0.0

    def look(self, seconds: float, *, shift_px: int = 0, there: bool = False) -> list[str]:
        """Push frames of so many seconds; return the sightings."""
        self.detector.there = there
        sightings: list[str] = []
        for _ in range(round(seconds * 2)):
            self.second += 0.5
            self.seconds[0] = self.second
            self.clock.at = START + timedelta(seconds=self.second)
            image = STREET[60 : 60 + 576, 100 + shift_px : 100 + shift_px + 768].astype(np.int16)
            noise = np.random.default_rng(round(self.second * 2)).integers(-3, 4, (576, 768, 1))
            data = cv2.imencode(".jpg", np.clip(image + noise, 0, 255).astype(np.uint8))[1].tobytes()
            sightings += self.desk.take(CAMERA, self.clock.at, data, principal=FEED).sightings
        return sightings


@pytest.fixture
def watched(sample_site: Path, tmp_path: Path) -> Iterator[Watched]:
    site, clock = read_site(sample_site), FixedClock(START)
    casebook = open_casebook(sqlite_url(tmp_path))
    load_site(documents(sample_site, []), site, casebook, now=START)
    desk = Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(tmp_path / "evidence"))
    detector, seconds = OnePerson(), [0.0]
    calibrations = Calibrations(site, casebook, seconds=lambda: seconds[0])
    frames = FrameDesk(
        site=site, casebook=casebook, desk=desk, detector=detector, clock=clock, calibrations=calibrations
    )
    yield Watched(desk=frames, casebook=casebook, detector=detector, clock=clock, seconds=seconds)
    casebook.close()


def lasting(watched: Watched) -> set[HealthFault]:
    return {event.fault for event in watched.casebook.health(camera=CAMERA, lasting=True)}


def test_ground_rules_wait_while_the_camera_is_moved_and_go_on_when_it_is_back(watched: Watched):
    watched.look(20)
    assert watched.look(6, there=True)
    watched.look(20)
    # Aside: nothing fires, not even in the seconds before the fault counts.
    assert watched.look(15, shift_px=60, there=True) == []
    assert HealthFault.SHIFTED not in lasting(watched)
    assert watched.look(30, shift_px=60, there=True) == []
    assert HealthFault.SHIFTED in lasting(watched)
    assert watched.look(60, shift_px=60, there=True) == []
    # Back: it is told to be over, and somebody who comes then is found.
    watched.look(15)
    assert HealthFault.SHIFTED not in lasting(watched)
    assert watched.look(6, there=True)


def test_ground_rules_go_on_when_the_camera_is_calibrated_anew_where_it_looks_now(watched: Watched, sample_site: Path):
    watched.look(20)
    assert watched.look(45, shift_px=60, there=True) == []
    assert HealthFault.SHIFTED in lasting(watched)
    book = watched.casebook
    held = read_site(sample_site).camera(CAMERA).properties["calibration"]
    assert isinstance(held, dict)
    points = np.array(held["points"])
    points[:, 0] -= 60  # what stands there is seen farther to the left now
    anew, before = (
        fitted(CAMERA, each, pixel_sd_px=1.0, size_px=(768, 576)) for each in (points, np.array(held["points"]))
    )
    change_site(
        book,
        with_calibration(anew),
        now=watched.clock.at,
        along=lambda tx: tx.save_camera_reference(CAMERA, "", watched.clock.at),
    )
    watched.look(25, shift_px=60)
    assert HealthFault.SHIFTED not in lasting(watched)
    sightings = watched.look(6, shift_px=60, there=True)
    assert sightings
    (found,) = [case for case in book.cases(CaseFilter()).cases if case.camera == CAMERA]
    contact = ((INSIDE[0] + INSIDE[2]) / 2, INSIDE[3])
    places = [each.view.locate(contact, pixel_sd_px=(1.0, 1.0), half_depth_m=0.2).lonlat for each in (anew, before)]
    off_m = [distance_m(place, found.lonlat) for place in places]
    assert off_m[0] < 0.5 < off_m[1]  # it is placed by the new calibration
    # And where it looks now is what is usual: turned back, it is moved again.
    watched.look(20, shift_px=60)
    assert watched.look(30, there=True) == []
    assert HealthFault.SHIFTED in lasting(watched)
