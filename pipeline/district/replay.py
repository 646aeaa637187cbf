"""A detector that sees no pixels: it knows where everything is, and what a detector makes of that.

It stands where a real detector stands, so that everything after it is the real pipeline. Pictures hold each actor's
colour at its place, coarsely, since the pipeline tells things apart by colour.
"""

from collections.abc import Mapping
from typing import Final

import cv2
import numpy as np

from models.detections import Detections
from models.detector import Image
from pipeline.district.boxes import TrueBoxes
from pipeline.district.district import District
from pipeline.district.noise import CLASS_NAMES, PLAUSIBLE, NoiseTable, NoisyEyes
from pipeline.district.stage import Light, SeenThing

PICTURE_PX: Final = (240, 135)
_GREY: Final = {Light.DAY: 128, Light.DUSK: 90, Light.NIGHT: 50}
_DIM: Final = {Light.DAY: 1.0, Light.DUSK: 0.75, Light.NIGHT: 0.5}


class ReplayDetector:
    """Gives, for a camera and a time, the boxes of the district as a detector would; asked in order of time.

    Args:
        district: what happens.
        start_s: seconds since 1970 at which it begins.
        table: how well the detector sees.
    """

    def __init__(self, district: District, *, start_s: float, table: NoiseTable = PLAUSIBLE) -> None:
        self._district, self._start_s = district, start_s
        self._truth = {code: TrueBoxes(view.stage) for code, view in district.views.items()}
        self._eyes = {
            code: NoisyEyes(
                view.stage,
                view.conditions,
                table=table,
                draw=np.random.default_rng((district.seed, 11, row)),
            )
            for row, (code, view) in enumerate(district.views.items())
        }
        self._colours = {each.actor.id: each.actor.colour for play in district.plays.values() for each in play.cast}
        self._newest: dict[str, tuple[float, tuple[SeenThing, ...]]] = {}

    @property
    def name(self) -> str:
        """Its name."""
        return "district-replay"

    @property
    def version(self) -> str:
        """Its name and what decides all that it says."""
        return f"district-replay-{self._district.scenario}-{self._district.seed}"

    @property
    def class_names(self) -> Mapping[int, str]:
        """The district's classes."""
        return CLASS_NAMES

    @property
    def classless(self) -> bool:
        """It knows classes."""
        return False

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        """Return the boxes of a camera at a time; the image is not looked at but for its size."""
        found = self._eyes[stream].look(self.seen(stream, at_s - self._start_s), at_s=at_s)
        width, height = self._district.views[stream].stage.pose.size_px
        scale = np.array([image.shape[1] / width, image.shape[0] / height] * 2, np.float32)
        kept = found.select(found.confidence >= confidence)
        return Detections(
            boxes_px=kept.boxes_px * scale,
            confidence=kept.confidence,
            class_ids=kept.class_ids,
            class_names=CLASS_NAMES,
        )

    def seen(self, camera: str, at_s: float) -> tuple[SeenThing, ...]:
        """Return the true boxes of a camera, seconds after the start; the last answer of each camera is kept."""
        known = self._newest.get(camera)
        if known is None or known[0] != at_s:
            known = (at_s, self._truth[camera].see(self._district.at(camera, at_s)))
            self._newest[camera] = known
        return known[1]

    def picture(self, camera: str, at_s: float) -> Image:
        """Return a small picture in which each thing is a patch of its colour, nearer ones before farther ones."""
        view = self._district.views[camera]
        light = view.conditions.light
        image = np.full((PICTURE_PX[1], PICTURE_PX[0], 3), _GREY[light], np.uint8)
        scale = np.array([PICTURE_PX[0] / view.stage.pose.size_px[0], PICTURE_PX[1] / view.stage.pose.size_px[1]] * 2)
        colours = self._colours
        for thing in sorted(self.seen(camera, at_s), key=lambda each: each.full_box_px[3]):
            left, top, right, bottom = np.round(np.array(thing.full_box_px) * scale).astype(int).tolist()
            red, green, blue = (round(part * _DIM[light]) for part in colours[thing.actor])
            cv2.rectangle(image, (left, top), (right, bottom), (blue, green, red), -1)
        return image

    def close(self) -> None:
        """Hold nothing, let go of nothing."""
