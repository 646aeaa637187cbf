"""The picture "after": the frame that is due, once, over restarts, and none where the camera was out."""

from datetime import UTC, datetime

import numpy as np
import pytest
from watched_place import START, ScriptedDetector, camera, detections, scene

from models.detections import Detections
from pipeline.afters import MOST, TOO_LATE_S, Afters
from pipeline.camera_memory import MemoryFormError
from pipeline.camera_pipeline import CameraPipeline, PipelineSettings, StepResult
from pipeline.casebook import CameraState
from pipeline.firings import Firing
from pipeline.frames import Frame
from pipeline.scenes import Rule

GREY = np.full((100, 100, 3), 90, np.uint8)
CAR = detections(("car", 0.9, (45.0, 45.0, 55.0, 52.0)))
SETTINGS = PipelineSettings(after_s=3.0, originals=True)


def frame(at_s: float) -> Frame:
    return Frame(camera="cam-a", captured_at=datetime.fromtimestamp(START + at_s, UTC), image=GREY)


def pipeline(state: CameraState | None = None, *, settings: PipelineSettings = SETTINGS) -> CameraPipeline:
    times = [round(START + 0.2 * step, 3) for step in range(1000)]
    return CameraPipeline(
        camera=camera(["dwell"]),
        scenes={"dwell": scene(Rule.DWELL, ["car"], dwell_s=4.0)},
        detector=ScriptedDetector(dict.fromkeys(times, CAR)),
        settings=settings,
        state=state,
    )


def run(watch: CameraPipeline, start: int, end: int) -> list[StepResult]:
    return [watch.step(frame(0.2 * step)) for step in range(start, end)]


def test_it_is_the_first_frame_that_is_due_and_comes_once():
    results = run(pipeline(), 0, 100)
    (fired,) = [(i, s) for i, result in enumerate(results) for s in result.sightings]
    (later,) = [(i, v) for i, result in enumerate(results) for v in result.later]
    assert later[0] - fired[0] == 15
    assert (later[1].sighting, later[1].view.label) == (fired[1].id, "after")
    assert later[1].view.captured_at == frame(0.2 * later[0]).captured_at
    assert later[1].view.original is not None
    assert later[1].view.seen is not None
    assert {key: value for key, value in later[1].view.seen.items() if key != "hidden"} == {
        "size_px": [100, 100],
        "boxes": [[45.0, 45.0, 55.0, 52.0, "car", 0.9]],
        "box_px": [pytest.approx(45.0, abs=1.0), pytest.approx(45.0, abs=1.0), pytest.approx(55.0, abs=1.0),
                   pytest.approx(52.0, abs=1.0)],
        "class_name": "car",
    }  # fmt: skip


def test_a_restart_forgets_none():
    first = pipeline()
    results = run(first, 0, 25)
    assert sum(len(each.sightings) for each in results) == 1
    after = run(pipeline(first.state()), 25, 60)
    assert sum(len(each.later) for each in after) == 1
    assert sum(len(each.sightings) for each in after) == 0


def test_a_camera_that_was_out_for_long_gives_none():
    first = pipeline()
    run(first, 0, 25)
    again = pipeline(first.state())
    assert again.step(frame(24 * 0.2 + 3.0 + TOO_LATE_S + 1.0)).later == ()
    assert again.step(frame(24 * 0.2 + 3.0 + TOO_LATE_S + 1.2)).later == ()


def test_a_site_may_take_none_and_keep_no_originals():
    results = run(pipeline(settings=PipelineSettings(after_s=0.0)), 0, 100)
    assert not any(each.later for each in results)
    assert [view.original for each in results for s in each.sightings for view in s.views] == [None] * 2


def firing() -> Firing:
    return Firing(
        scene="dwell", first_seen=START, first_m=(0.0, 0.0), east_m=0.0, north_m=0.0,
        calibration_cov_m2=(1.0, 0.0, 1.0), measurement_cov_m2=(1.0, 0.0, 1.0), class_name="car", confidence=0.5,
        box_px=(1.0, 2.0, 3.0, 4.0),
    )  # fmt: skip


def test_those_that_wait_are_bounded_and_come_back_as_they_were():
    afters = Afters(5.0)
    for index in range(200):
        afters.expect(f"s{index}", firing(), at=float(index))
    assert len(afters) == MOST
    again = Afters(5.0)
    again.restore(afters.record(), camera="cam-a")
    assert again.due(1e3) == ()
    again.restore(afters.record(), camera="cam-a")
    assert again.due(205.0) == afters.due(205.0)


@pytest.mark.parametrize("damage", [None, "x", [1], [{"sighting": "s"}], {"a": 1}])
def test_a_memory_that_cannot_be_read_is_named(damage: object):
    with pytest.raises(MemoryFormError, match="cam-a"):
        Afters(5.0).restore(damage, camera="cam-a")


def test_what_the_detector_saw_is_bounded():
    many = Detections(
        boxes_px=np.tile(np.array([[1, 1, 9, 9]], np.float32), (500, 1)),
        confidence=np.linspace(0.1, 0.9, 500, dtype=np.float32),
        class_ids=np.zeros(500, np.int32),
        class_names={0: "car"},
    )
    from pipeline.evidence_views import MOST_BOXES, seen_in, waiting

    told = seen_in(waiting(frame(0.0), many), size_px=(100, 100))
    boxes = told["boxes"]
    assert isinstance(boxes, list)
    assert len(boxes) == MOST_BOXES
    assert boxes[0][5] == 0.9
