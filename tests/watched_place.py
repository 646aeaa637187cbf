"""A place that a camera looks down on, ten pixels to the metre, and things that are seen on it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from small_site import small_site

from geo.coords import LonLat
from models.detections import Detections
from models.detector import Image
from pipeline.appearance import BINS, Appearance
from pipeline.cameras import Camera, CameraScene
from pipeline.footprints import footprint
from pipeline.observations import Observation
from pipeline.occupancies import Occupancies
from pipeline.occupancy import OccupancySettings
from pipeline.scenes import Mode, Rule, Scene
from pipeline.sight import Sight

NAMES = {0: "person", 1: "car", 2: "truck", 3: "bicycle", 4: "suitcase", 5: "thing"}
WHITE: Appearance = tuple([0.0] * (BINS - 1) + [1.0])
RED: Appearance = tuple([1.0] + [0.0] * (BINS - 1))
START = 1_800_000_000.0


def scene(rule: Rule, classes: Sequence[str], *, dwell_s: float, **changes: object) -> Scene:
    plain = Scene(
        code=rule.value,
        rule=rule,
        name=rule.value,
        name_zh=rule.value,
        category="GB/T 47678.5-2026/matter/1",
        classes=tuple(classes),
        mode=Mode.AUTO,
        dwell_s=dwell_s,
    )
    return replace(plain, **changes)


def camera(
    scenes: Sequence[str], *, zones: Mapping[str, tuple[tuple[float, float], ...]] | None = None, fps: float = 5.0
) -> Camera:
    """Return a camera over 100 m by 100 m whose scenes are watched in its only zone, or everywhere."""
    plain = small_site().cameras["cam-a"]
    zone = next(iter(zones)) if zones else None
    watched = tuple(CameraScene(scene=code, zone=zone) for code in scenes)
    return replace(plain, zones=zones or {}, scenes=watched, fps=fps)


def seen(
    east_m: float,
    north_m: float,
    name: str = "car",
    *,
    track: int | None = None,
    look: Appearance | None = WHITE,
    confidence: float = 0.8,
    size_px: tuple[float, float] = (40.0, 30.0),
) -> Observation:
    """Return a thing whose contact with the ground is so many metres from the view's middle."""
    u, v = 500.0 + 10.0 * east_m, 500.0 - 10.0 * north_m
    return Observation(
        box_px=(u - size_px[0] / 2, v - size_px[1], u + size_px[0] / 2, v),
        class_name=name,
        family=footprint(name).family,
        confidence=confidence,
        track=track,
        contact_px=(u, v),
        lonlat=LonLat(121.08, 31.15),
        east_m=east_m,
        north_m=north_m,
        calibration_cov_m2=(0.04, 0.0, 0.04),
        measurement_cov_m2=(0.09, 0.0, 0.09),
        look=look,
    )


def detections(*rows: tuple[str, float, tuple[float, float, float, float]]) -> Detections:
    """Return detections of (class name, confidence, box)."""
    ids = {name: number for number, name in NAMES.items()}
    return Detections(
        boxes_px=np.array([row[2] for row in rows], np.float32).reshape(-1, 4),
        confidence=np.array([row[1] for row in rows], np.float32),
        class_ids=np.array([ids[row[0]] for row in rows], np.int32),
        class_names=NAMES,
    )


class ScriptedDetector:
    """A detector that finds what a script says of the time; for rules, not for seeing."""

    name = "script"
    version = "script@0"
    classless = False
    class_names = NAMES

    def __init__(self, script: Mapping[float, Detections]) -> None:
        self.script = dict(script)

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        del image, stream
        found = self.script.get(round(at_s, 3), Detections.empty(NAMES))
        return found.select(found.confidence >= confidence)

    def close(self) -> None:
        self.script.clear()


def sight(watched: Camera, scenes: Mapping[str, Scene], held: Occupancies | None = None) -> Sight:
    """Return the site's own detector's look at a camera that sees nothing more, with what it holds."""
    found = Sight(watched, scenes, weights="", detector=ScriptedDetector({}), settings=OccupancySettings())
    found.occupancies = held or found.occupancies
    return found
