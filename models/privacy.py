"""Blurring of faces and number plates without a detector for either.

The top third of every person and of every two-wheeler, which somebody may ride, and the lower half of every vehicle, at
confidence 0.05 or more, are made unreadable in any picture that is stored. Where nothing is known about classes,
everything outside the case's own box is.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.detector import Image, require_image
from models.errors import ArrayFaultError

LEAST_CONFIDENCE = 0.05
PERSONS = frozenset({"person", "pedestrian", "people", "rider", "cyclist"})
VEHICLES = frozenset(
    {
        "car",
        "truck",
        "bus",
        "van",
        "motorcycle",
        "motorbike",
        "motor",
        "tricycle",
        "awning-tricycle",
        "vehicle",
        "train",
    }
)
# A detector often boxes bicycle and rider as one thing.
RIDDEN = frozenset({"bicycle", "e-bike", "motorcycle", "motorbike", "motor", "tricycle", "awning-tricycle"})
PERSON_SHARE = 1 / 3  # from the top: head and shoulders
VEHICLE_SHARE = 1 / 2  # from the bottom: plates
MARGIN = 0.08  # around a region, as a share of its box: detectors cut hair and bumpers off
BLOCKS = 4  # a region is reduced to at most so many blocks along its shorter side before it is smoothed
SMALLEST_BLOCK_PX = 8


def blur_people_and_vehicles(
    image: Image, detections: Detections, *, classless: bool, keep_box_px: NDArray[np.float32] | None = None
) -> Image:
    """Return a copy of the picture without readable faces and plates.

    What is blurred is first reduced to a few blocks, so that no filter brings it back.

    Args:
        image: uint8 (height, width, 3), BGR.
        detections: All boxes of the picture, faint ones too.
        classless: True when the detector knows no classes: all is blurred but `keep_box_px`.
        keep_box_px: (4,) left, top, right, bottom of the case's own box; it is used with a classless detector only.

    Raises:
        ImageFaultError: When the image has another shape, dtype or size.
        ArrayFaultError: When `keep_box_px` is not four finite numbers.
    """
    picture = require_image(image).copy()
    if classless:
        return _blur_around(picture, keep_box_px)
    for region in regions(picture, detections):
        _blur(picture, region)
    return picture


def regions(image: Image, detections: Detections) -> list[tuple[int, int, int, int]]:
    """Return what `blur_people_and_vehicles` blurs, as left, top, right, bottom in whole pixels inside the image."""
    found = []
    for box, name, confidence in zip(detections.boxes_px, detections.names(), detections.confidence, strict=True):
        if confidence < LEAST_CONFIDENCE:
            continue
        parts = (_inside(image, _part(box, share)) for share in _shares(name.lower()))
        found += [region for region in parts if region is not None]
    return found


def hides(name: str) -> bool:
    """Tell whether part of every box of a class is blurred."""
    return bool(_shares(name.lower()))


def _shares(name: str) -> list[tuple[float, float]]:
    """Return where private parts begin and end, as shares of the box's height from its top."""
    shares = []
    if name in PERSONS | RIDDEN:
        shares.append((0.0, PERSON_SHARE))
    if name in VEHICLES:
        shares.append((1 - VEHICLE_SHARE, 1.0))
    return shares


def _part(box: NDArray[np.float32], share: tuple[float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(v) for v in box)
    across, down = MARGIN * (right - left), MARGIN * (bottom - top)
    height = bottom - top
    return left - across, top + share[0] * height - down, right + across, top + share[1] * height + down


def _inside(image: Image, box: tuple[float, float, float, float]) -> tuple[int, int, int, int] | None:
    height, width = image.shape[:2]
    left, top = max(0, int(np.floor(box[0]))), max(0, int(np.floor(box[1])))
    right, bottom = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    return (left, top, right, bottom) if right > left and bottom > top else None


def _blur_around(picture: Image, keep_box_px: NDArray[np.float32] | None) -> Image:
    height, width = picture.shape[:2]
    kept = None if keep_box_px is None else _inside(picture, _corners(keep_box_px))
    blurred = picture.copy()
    _blur(blurred, (0, 0, width, height), block_px=max(SMALLEST_BLOCK_PX, max(height, width) // 40))
    if kept is not None:
        left, top, right, bottom = kept
        blurred[top:bottom, left:right] = picture[top:bottom, left:right]
    return blurred


def _corners(box: NDArray[np.float32]) -> tuple[float, float, float, float]:
    values = np.asarray(box, np.float64)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise ArrayFaultError("keep_box_px", expected="4 finite numbers", actual=f"{values.shape}")
    return float(values[0]), float(values[1]), float(values[2]), float(values[3])


def _blur(picture: Image, region: tuple[int, int, int, int], *, block_px: int | None = None) -> None:
    """Replace a region by blocks of its means, smoothed; in place. Smoothing hides nothing more: the blocks do."""
    left, top, right, bottom = region
    part = picture[top:bottom, left:right]
    height, width = part.shape[:2]
    block = block_px or max(SMALLEST_BLOCK_PX, min(height, width) // BLOCKS)
    few = (max(1, round(width / block)), max(1, round(height / block)))
    blocks = cv2.resize(part, few, interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(blocks, (width, height), interpolation=cv2.INTER_LINEAR)
    picture[top:bottom, left:right] = cv2.blur(smooth, (block, block))  # time does not grow with the block's size
