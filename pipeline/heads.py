"""Heads: where somebody's head is whose box begins below it. Owns no blurring and no memory.

A detector boxes somebody behind a stall or close to the camera from the shoulders or the waist down, and the top third
of that box is no head. Where the lens's height is known, the place at which a box ends says how high up in the picture
an adult who stands there reaches; what a box falls short of that is blurred too. It may be that the feet are hidden
instead: then its own top is the head, so nothing is taken away.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.privacy import LEAST_CONFIDENCE, PERSONS
from pipeline.cameras import Camera

Floats = NDArray[np.float64]
TALL_M: Final = 1.75
FALLS_SHORT: Final = 1.15  # an adult there would be so much taller than the box: less is a bent back, or a child
LEAST_PX: Final = 24.0  # smaller boxes have heads that nobody can recognise
_LEAST_ABOVE: Final = 1.5  # heights of a person that the lens must be up


def with_heads(found: Detections, camera: Camera, *, image_size_px: tuple[int, int]) -> Detections:
    """Return the boxes, and beside those of people that fall short of an adult another that reaches up to its head.

    Args:
        found: boxes in pixels of the image.
        camera: its calibration refers to its own width and height.
        image_size_px: width and height of the image.
    """
    height_m = camera.height_m
    people = _people(found)
    if height_m is None or height_m < _LEAST_ABOVE * TALL_M or not len(people):
        return found
    scale = np.array([camera.width_px / image_size_px[0], camera.height_px / image_size_px[1]] * 2)
    boxes = found.boxes_px[people].astype(np.float64) * scale
    tops, known = _tops_px(boxes, camera, height_m)
    with np.errstate(invalid="ignore"):
        short = known & (boxes[:, 3] - tops > FALLS_SHORT * (boxes[:, 3] - boxes[:, 1]))
    rows = people[short]
    whole = boxes[short]
    whole[:, 1] = np.maximum(tops[short], 0.0)
    return Detections(
        boxes_px=np.concatenate([found.boxes_px, (whole / scale).astype(np.float32)]),
        confidence=np.concatenate([found.confidence, found.confidence[rows]]),
        class_ids=np.concatenate([found.class_ids, found.class_ids[rows]]),
        class_names=found.class_names,
    )


def _people(found: Detections) -> NDArray[np.intp]:
    """Return the rows of people that are blurred and large enough to be known by their heads."""
    named = np.array([name.lower() in PERSONS for name in found.names()], bool)
    tall_px = found.boxes_px[:, 3] - found.boxes_px[:, 1]
    return np.flatnonzero(named & (found.confidence >= LEAST_CONFIDENCE) & (tall_px >= LEAST_PX))


def _tops_px(boxes_px: Floats, camera: Camera, height_m: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Return how high up adults reach who stand where boxes end, (n,), and whether that can be told, (n,).

    Seen from the camera's foot, a head hides the ground beyond it: distances grow by height / (height - head's).
    """
    view = camera.view
    ends = np.column_stack([(boxes_px[:, 0] + boxes_px[:, 2]) / 2, boxes_px[:, 3]])
    places, ahead = view.homography.to_ground(ends)
    beyond = view.foot_m + (places - view.foot_m) * height_m / (height_m - TALL_M)
    pixels, still_ahead = view.homography.to_image(beyond)
    return pixels[:, 1], np.asarray((ahead > 0) & (still_ahead > 0) & np.isfinite(pixels[:, 1]))
