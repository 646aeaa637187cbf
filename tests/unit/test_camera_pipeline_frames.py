"""Which frames of a camera reach the detector: in order, only where something changed, none that is spoilt."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from models.detections import Detections
from models.detector import AheadDetector, Image
from models.motion import MotionSettings
from pipeline.camera_health import HealthWatch
from pipeline.camera_pipeline import CameraPipeline, Outcome, PipelineSettings
from pipeline.frames import Frame, FrameFault
from pipeline.site_files import read_site

START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
CAMERA = "pets-view1"


class Counting:
    """Finds one person where the picture's bright square is; counts what it is asked."""

    name, version, classless = "counting", "counting@0", False
    class_names: Mapping[int, str] = {0: "person"}

    def __init__(self) -> None:
        self.asked: list[float] = []

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        assert stream == CAMERA
        assert confidence <= 0.1
        self.asked.append(at_s)
        column = float(image[300, :, 0].argmax())
        return Detections(
            boxes_px=np.array([[column, 250, column + 30, 340]], np.float32),
            confidence=np.array([0.9], np.float32),
            class_ids=np.array([0], np.int32),
            class_names=self.class_names,
        )

    def close(self) -> None:
        pass


def frame(index: int, *, left: int = 300, fault: FrameFault | None = None) -> Frame:
    image = np.full((576, 768, 3), 90, np.uint8)
    image[250:340, left : left + 30] = 200
    return Frame(camera=CAMERA, captured_at=START + timedelta(seconds=index / 5), image=image, index=index, fault=fault)


def pipeline(detector: Counting, sample_site: Path, **settings: object) -> CameraPipeline:
    site = read_site(sample_site)
    return CameraPipeline(
        camera=site.camera(CAMERA),
        scenes=site.scenes,
        detector=detector,
        settings=PipelineSettings(**settings),  # type: ignore[arg-type]  # a test's settings
        health=HealthWatch(CAMERA, fps=5.0),
    )


def test_a_still_street_is_detected_at_each_sweep_and_stays_what_it_was(sample_site: Path):
    detector = Counting()
    gated = pipeline(detector, sample_site, motion=MotionSettings(sweep_s=2.0, longest_sweep_s=4.0))
    results = [gated.step(frame(k)) for k in range(100)]
    assert [round(at - START.timestamp(), 1) for at in detector.asked] == [0.0, 2.0, 6.0, 10.0, 14.0, 18.0]
    assert [each.outcome for each in results].count(Outcome.STILL) == 94
    looked_at = [each for each in results if len(each.detections)]
    assert 18 <= len(looked_at) <= 21  # one a second, sweeps among them
    assert gated.newest_at is not None
    assert (gated.newest_at - START).total_seconds() >= 18.0


def test_a_still_street_keeps_its_rate_and_is_learned_from(sample_site: Path):
    draw = np.random.default_rng(2)
    street = np.kron(draw.integers(40, 200, (18, 24, 3)), np.ones((32, 32, 1))) + 1.0
    pictures = [(street + draw.normal(0.0, 1.0, (576, 768, 1))).astype(np.uint8) for _ in range(7)]
    gated, events, news = pipeline(Counting(), sample_site, motion=MotionSettings()), [], []
    assert gated.health is not None
    for k in range(5 * 130):
        result = gated.step(replace(frame(k), image=pictures[k % len(pictures)]))
        assert result.outcome is not Outcome.PROCESSED or k == 0 or k % 10 == 0, "the gate holds it for still"
        events += result.health
        news += [k / 5] if gated.health.news() else []
    assert events == []
    assert news[-1] > 120.0, "what is usual is followed on"


def test_a_box_that_comes_or_goes_in_a_sweep_brings_the_next_one_soon(sample_site: Path):
    class Wavering(Counting):
        """Finds its person in every other look only."""

        def detect(self, image: Image, **asked: object) -> Detections:
            found = super().detect(image, **asked)  # type: ignore[arg-type]  # passed on
            return found.select([0] if len(self.asked) % 2 else [])

    detector = Wavering()
    gated = pipeline(detector, sample_site, motion=MotionSettings(sweep_s=2.0, longest_sweep_s=60.0))
    for k in range(100):
        gated.step(frame(k))
    assert len(detector.asked) == 10


def test_what_moves_is_detected_in_every_frame(sample_site: Path):
    detector = Counting()
    gated = pipeline(detector, sample_site, motion=MotionSettings(sweep_s=2.0))
    results = [gated.step(frame(k, left=100 + 4 * k)) for k in range(50)]
    assert len(detector.asked) == 50
    assert {each.outcome for each in results} == {Outcome.PROCESSED}


@pytest.mark.parametrize("fault", FrameFault, ids=str)
def test_a_spoilt_frame_reaches_health_and_no_detector(sample_site: Path, fault: FrameFault):
    detector = Counting()
    watched = pipeline(detector, sample_site)
    outcomes = [watched.step(frame(k, fault=fault if k % 2 else None)).outcome for k in range(20)]
    assert outcomes == [Outcome.PROCESSED, Outcome.UNFIT] * 10
    assert len(detector.asked) == 10
    frozen = [seen for k in range(20, 200) for seen in watched.step(frame(k, fault=fault)).health]
    assert [each.event.fault.value for each in frozen][:1] == ["frozen"]
    assert all(each.view is None for each in frozen)


def test_frames_begun_ahead_are_ordered_as_they_were_begun(sample_site: Path):
    detector = Counting()
    ahead = pipeline(detector, sample_site)
    assert not isinstance(detector, AheadDetector)
    begun = [ahead.begin(frame(k)) for k in (0, 1, 2, 2, 1)]
    assert detector.asked == []
    assert ahead.newest_at is None
    assert ahead.state() is None
    results = [ahead.finish(each).outcome for each in begun]
    assert results == [Outcome.PROCESSED] * 3 + [Outcome.REPEATED, Outcome.LATE]
    assert ahead.newest_at == START + timedelta(seconds=0.4)
    assert len(detector.asked) == 3
