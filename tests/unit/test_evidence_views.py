"""Evidence pictures are blurred, drawn on, small enough, and of the right moment; memory for them is bounded."""

from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from watched_place import START, ScriptedDetector, camera, detections, scene

from models.detections import Detections
from pipeline.camera_pipeline import CameraPipeline, Outcome
from pipeline.evidence_views import LONGEST_SIDE_PX, MOST_BOXES, Waiting, WaitingFrames, seen_in, view, waiting
from pipeline.firings import Firing
from pipeline.frames import Frame
from pipeline.scenes import Rule
from pipeline.sightings import View
from pipeline.zones import Zone

RNG = np.random.default_rng(5)
NOISE = RNG.integers(0, 255, (1000, 1000, 3), np.uint8)
PERSON = ("person", 0.15, (400.0, 300.0, 500.0, 600.0))
ZONE = ((100.0, 700.0), (900.0, 700.0), (900.0, 900.0), (100.0, 900.0))


def frame(at_s: float = 0.0, image: np.ndarray = NOISE) -> Frame:
    return Frame(camera="cam-a", captured_at=datetime.fromtimestamp(START + at_s, UTC), image=image)


def firing(box: tuple[float, float, float, float] = (600.0, 300.0, 700.0, 400.0)) -> Firing:
    return Firing(
        scene="dwell",
        first_seen=START,
        first_m=(0.0, 0.0),
        east_m=0.0,
        north_m=0.0,
        calibration_cov_m2=(1.0, 0.0, 1.0),
        measurement_cov_m2=(1.0, 0.0, 1.0),
        class_name="car",
        confidence=0.5,
        box_px=box,
    )


def shown(picture: Waiting, *, zones: list[Zone] | None = None, classless: bool = False) -> np.ndarray:
    made = view(picture, label="at", camera=camera([]), firing=firing(), zones=zones or [], classless=classless)
    return decoded(made)


def decoded(made: View) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(made.jpeg, np.uint8), cv2.IMREAD_COLOR))


def roughness(image: np.ndarray, left: int, top: int, right: int, bottom: int) -> float:
    return float(cv2.Laplacian(image[top:bottom, left:right], cv2.CV_64F).std())


def test_heads_are_blurred_even_of_faint_persons_and_the_rest_is_not():
    image = shown(waiting(frame(), detections(PERSON)))
    assert roughness(image, 410, 305, 490, 390) < 0.1 * roughness(NOISE, 410, 305, 490, 390)
    assert roughness(image, 410, 450, 490, 590) > 0.5 * roughness(NOISE, 410, 450, 490, 590)


def test_without_classes_all_but_the_things_own_box_is_blurred():
    image = shown(waiting(frame(), detections(("thing", 0.9, (600.0, 300.0, 700.0, 400.0)))), classless=True)
    assert roughness(image, 620, 330, 690, 390) > 0.5 * roughness(NOISE, 620, 330, 690, 390)
    assert roughness(image, 100, 500, 500, 900) < 0.1 * roughness(NOISE, 100, 500, 500, 900)


def test_the_box_and_the_zone_are_drawn_where_they_are():
    grey = np.full((1000, 1000, 3), 90, np.uint8)
    image = shown(waiting(frame(image=grey), Detections.empty({})), zones=[Zone(ZONE)])
    changed = np.abs(image.astype(int) - 90).max(axis=2) > 40
    assert changed[300:400, 600].mean() > 0.9, "the box's left side"
    assert changed[700, 100:900].mean() > 0.9, "the zone's upper side"
    assert not changed[950:].any()


@pytest.mark.parametrize("size", [(2000, 3000), (500, 400)])
def test_frames_of_another_size_are_scaled_and_kept_small(size: tuple[int, int]):
    grey = np.full((*size, 3), 90, np.uint8)
    image = shown(waiting(frame(image=grey), Detections.empty({})))
    assert max(image.shape) == min(max(size), LONGEST_SIDE_PX)
    changed = np.abs(image.astype(int) - 90).max(axis=2) > 40
    row, column = round(0.35 * image.shape[0]), round(0.6 * image.shape[1])
    assert changed[row - 3 : row + 3, column - 3 : column + 3].any()


def test_letters_that_cannot_be_drawn_do_no_harm():
    place = camera([])
    made = view(
        waiting(frame(), Detections.empty({})), label="at", camera=place, firing=firing((0, 0, 5, 5)), zones=[],
        classless=False,
    )  # fmt: skip
    assert made.jpeg.startswith(b"\xff\xd8\xff")


def test_waiting_frames_are_bounded_and_give_the_nearest():
    kept = WaitingFrames(every_s=1.0, most=8)
    small = np.zeros((8, 8, 3), np.uint8)
    for step in range(500):
        kept.offer(frame(0.2 * step, small), Detections.empty({}), needed=[START + 0.0])
        assert len(kept) <= 8
    first = kept.nearest(START, within_s=5.0)
    assert first is not None
    assert first.captured_at == frame(0.0).captured_at, "what is needed is kept however long ago"
    assert kept.nearest(START + 1e4, within_s=5.0) is None


def test_waiting_frames_that_are_needed_stay_while_others_are_thinned():
    kept, small, needed = WaitingFrames(every_s=1.0, most=64), np.zeros((8, 8, 3), np.uint8), [17.0, 253.0, 254.0]
    for step in range(2000):
        standing = [START + at for at in needed if at + 5 < step]
        kept.offer(frame(step, small), Detections.empty({}), needed=[*standing, START + step - 900.0])
        assert len(kept) <= 64
    for at in needed:
        found = kept.nearest(START + at, within_s=2.0)
        assert found is not None, at


def test_waiting_frames_are_bounded_however_many_are_needed():
    kept, small = WaitingFrames(every_s=1.0, most=64), np.zeros((8, 8, 3), np.uint8)
    for step in range(300):
        kept.offer(frame(step, small), Detections.empty({}), needed=[START + at for at in range(step + 1)])
        assert len(kept) <= 64


@pytest.mark.parametrize("comes", [7, 53])
def test_a_long_dwell_keeps_its_before(comes: int):
    one = scene(Rule.DWELL, ["car"], dwell_s=600.0)
    car = detections(("car", 0.9, (45.0, 45.0, 55.0, 52.0)))
    script = {START + step: car for step in range(comes, comes + 620)}
    pipeline = CameraPipeline(
        camera=camera(["dwell"], fps=1.0), scenes={"dwell": one}, detector=ScriptedDetector(script)
    )
    small = NOISE[:100, :100]
    sighting = next(each for step in range(comes + 620) for each in pipeline.step(frame(step, small)).sightings)
    before = next(each for each in sighting.views if each.label == "before")
    assert abs((before.captured_at - sighting.first_seen_at).total_seconds()) <= 2.0


def test_a_sighting_carries_before_and_at():
    """A car comes at 2 s and stays; the pictures are of then and of when the scene fires."""
    one = scene(Rule.DWELL, ["car"], dwell_s=4.0)
    car = ("car", 0.9, (450.0, 450.0, 550.0, 520.0))
    script = {START + 0.2 * step: detections(*([car] if step >= 10 else [])) for step in range(40)}
    pipeline = CameraPipeline(
        camera=camera(["dwell"]),
        scenes={"dwell": one},
        detector=ScriptedDetector({round(k, 3): v for k, v in script.items()}),
    )
    results = [pipeline.step(frame(0.2 * step)) for step in range(40)]
    sighting = next(each for result in results for each in result.sightings)
    assert [each.label for each in sighting.views] == ["before", "at"]
    before, at = sighting.views
    assert abs((before.captured_at - sighting.first_seen_at).total_seconds()) <= 1.0
    assert at.captured_at == sighting.captured_at == frame(6.0).captured_at
    assert sighting.first_seen_at == frame(2.0).captured_at
    assert sighting.detector == "script@0"
    assert sum(len(result.sightings) for result in results) == 1


def test_somebody_too_faint_for_any_rule_is_blurred_all_the_same():
    one = scene(Rule.DWELL, ["car"], dwell_s=4.0)
    there = detections(("car", 0.9, (450.0, 450.0, 550.0, 520.0)), ("person", 0.06, (400.0, 300.0, 500.0, 600.0)))
    pipeline = CameraPipeline(
        camera=camera(["dwell"]),
        scenes={"dwell": one},
        detector=ScriptedDetector({round(START + 0.2 * step, 3): there for step in range(40)}),
    )
    results = [pipeline.step(frame(0.2 * step)) for step in range(40)]
    at = next(view for result in results for each in result.sightings for view in each.views if view.label == "at")
    assert roughness(decoded(at), 410, 305, 490, 390) < 0.1 * roughness(NOISE, 410, 305, 490, 390)
    assert at.seen is not None
    assert [box[4] for box in at.seen["boxes"]] == ["car"]
    assert [box[4] for box in at.seen["hidden"]] == ["car", "person"]


def test_a_crowd_of_some_seconds_fits_into_what_is_noted_to_blur_again():
    """Sixty who stand and a bench, twelve frames of them: each of the sixty is noted, the bench is not."""
    draw = np.random.default_rng(3)
    names = {0: "person", 13: "bench"}
    places = [(20.0 + 90 * (row % 10), 20.0 + 150 * (row // 10)) for row in range(60)]
    own = [
        np.array([(x, y, x + 40, y + 120) for x, y in places], np.float32) + draw.normal(0, 0.3, (60, 4))
        for _ in range(12)
    ]
    bench = np.array([[5, 5, 500, 500]], np.float32)
    boxes = np.concatenate([*own, bench]).astype(np.float32)
    found = Detections(
        boxes_px=boxes,
        confidence=np.concatenate([draw.uniform(0.05, 0.9, 720), [0.95]]).astype(np.float32),
        class_ids=np.array([0] * 720 + [13], np.int32),
        class_names=names,
    )
    hidden = seen_in(waiting(frame(), found), size_px=(1000, 1000))["hidden"]
    assert isinstance(hidden, list)
    assert len(hidden) <= MOST_BOXES
    assert {each[4] for each in hidden} == {"person"}
    noted = {(round((each[0] - 20) / 90), round((each[1] - 20) / 150)) for each in hidden}
    assert len(noted) == 60


def test_frames_are_taken_once_and_in_order():
    pipeline = CameraPipeline(camera=camera([]), scenes={}, detector=ScriptedDetector({}))
    order = [0.0, 1.0, 1.0, 0.5, 20.0, 11.0, 9.0, 21.0]
    outcomes = [pipeline.step(frame(at)).outcome for at in order]
    assert outcomes == [
        Outcome.PROCESSED,
        Outcome.PROCESSED,
        Outcome.REPEATED,
        Outcome.LATE,
        Outcome.PROCESSED,
        Outcome.LATE,
        Outcome.REFUSED,
        Outcome.PROCESSED,
    ]
    assert pipeline.newest_at == frame(0).captured_at + timedelta(seconds=21)


def test_states_are_due_every_five_seconds_and_with_what_fires():
    one = scene(Rule.DWELL, ["car"], dwell_s=4.0)
    car = detections(("car", 0.9, (450.0, 450.0, 550.0, 520.0)))
    times = [round(START + 0.2 * step, 3) for step in range(60)]
    pipeline = CameraPipeline(
        camera=camera(["dwell"]), scenes={"dwell": one}, detector=ScriptedDetector(dict.fromkeys(times, car))
    )
    results = [pipeline.step(frame(0.2 * step)) for step in range(60)]
    due = [round(0.2 * step, 1) for step, result in enumerate(results) if result.state is not None]
    assert due == [0.0, 4.0, 9.0]
    assert all(result.state is not None for result in results if result.sightings)
