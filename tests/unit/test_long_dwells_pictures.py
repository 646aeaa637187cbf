"""The picture of how it began goes with a case however long the state must hold, for every kind of rule."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pytest
from watched_place import START, ScriptedDetector, camera, detections, scene

from models.detections import Detections
from models.detector import Image
from pipeline.camera_pipeline import CameraPipeline, PipelineSettings
from pipeline.frames import Frame
from pipeline.scenes import Rule, Scene
from pipeline.sightings import Sighting

DWELL_S, PERIOD_S = 900.0, 2.0
GREY = np.full((1000, 1000, 3), 90, np.uint8)
PEOPLE = [("person", 0.9, (440.0 + 30 * k, 440.0, 452.0 + 30 * k, 480.0)) for k in range(5)]
WHERE = {"middle": ((300.0, 300.0), (700.0, 300.0), (700.0, 700.0), (300.0, 700.0))}


class From(ScriptedDetector):
    """Sees the same things from a moment on."""

    def __init__(self, came_s: float, things: list[tuple[str, float, tuple[float, float, float, float]]]) -> None:
        super().__init__({})
        self._from, self._things = START + came_s, things

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        del image, stream, confidence
        return detections(*(self._things if at_s >= self._from else []))


SCENES: Mapping[str, tuple[Scene, list[tuple[str, float, tuple[float, float, float, float]]]]] = {
    "crowd": (scene(Rule.CROWD, ["person"], dwell_s=DWELL_S, count=4, radius_m=20.0), PEOPLE),
    "intrusion": (scene(Rule.INTRUSION, ["person"], dwell_s=DWELL_S), PEOPLE[:1]),
    "area": (scene(Rule.AREA, ["thing"], dwell_s=DWELL_S, share=0.4), [("thing", 0.9, (300.0, 300.0, 700.0, 700.0))]),
    "clutter": (scene(Rule.CLUTTER, ["bicycle"], dwell_s=DWELL_S, count=2), [
        ("bicycle", 0.9, (400.0, 440.0, 430.0, 470.0)), ("bicycle", 0.9, (500.0, 440.0, 530.0, 470.0)),
    ]),
}  # fmt: skip


@pytest.mark.parametrize("kind", SCENES)
@pytest.mark.parametrize("came_s", [43.0, 301.0])
def test_how_it_began_is_shown_after_a_quarter_of_an_hour(kind: str, came_s: float):
    watched, things = SCENES[kind]
    pipeline = CameraPipeline(
        camera=camera([watched.code], zones=WHERE, fps=1 / PERIOD_S),
        scenes={watched.code: watched},
        detector=From(came_s, things),
        settings=PipelineSettings(motion=None),
    )
    fired: list[Sighting] = []
    for step in range(round((came_s + DWELL_S) / PERIOD_S) + 10):
        at = datetime.fromtimestamp(START + step * PERIOD_S, UTC)
        fired += pipeline.step(Frame(camera="cam-a", captured_at=at, image=GREY)).sightings
    (sighting,) = fired
    before = next(view for view in sighting.views if view.label == "before")
    assert abs((before.captured_at - sighting.first_seen_at).total_seconds()) <= PERIOD_S
    assert abs(sighting.first_seen_at.timestamp() - START - came_s) <= 3 * PERIOD_S
