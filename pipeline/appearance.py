"""Appearance: a small colour histogram by which a thing is told from another of its class. Knows no places.

Sixteen shares: twelve hues among coloured pixels, four brightnesses among grey ones. Only the middle of the box is
looked at, as its rim shows the street. Told apart by the Hellinger distance (0 the same, 1 nothing in common).
"""

import math
from collections.abc import Sequence
from operator import mul

import cv2
import numpy as np

from models.detector import Image

HUES, GREYS = 12, 4
BINS = HUES + GREYS
_SIDE_PX = 24
_LEAST_SATURATION = 60
_MIDDLE = 0.7  # share of the box's width and height that is looked at
Appearance = tuple[float, ...]


def appearance(image: Image, box_px: Sequence[float]) -> Appearance | None:
    """Return the 16 shares of the middle of a box, None if fewer than four pixels of it lie in the image.

    Args:
        image: uint8 (height, width, 3) BGR.
        box_px: left, top, right, bottom in pixels of that image.
    """
    left, top, right, bottom = box_px
    across, down = (right - left) * (1 - _MIDDLE) / 2, (bottom - top) * (1 - _MIDDLE) / 2
    height, width = image.shape[:2]
    x0, x1 = max(0, int(left + across)), min(width, math.ceil(right - across))
    y0, y1 = max(0, int(top + down)), min(height, math.ceil(bottom - down))
    if x1 - x0 < 2 or y1 - y0 < 2:  # noqa: PLR2004 - four pixels
        return None
    patch = cv2.resize(image[y0:y1, x0:x1], (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    hue, saturation, value = (channel.ravel() for channel in cv2.split(cv2.cvtColor(patch, cv2.COLOR_BGR2HSV)))
    grey = saturation < _LEAST_SATURATION
    bins = np.where(grey, HUES + value.astype(np.int64) * GREYS // 256, hue.astype(np.int64) * HUES // 180)
    counts = np.bincount(bins, minlength=BINS)
    return tuple((counts / counts.sum()).tolist())


def unlikeness(a: Appearance | None, b: Appearance | None) -> float:
    """Return the Hellinger distance of two appearances, 0 to 1; 0 when one is not known."""
    if a is None or b is None:
        return 0.0
    shared = sum(map(math.sqrt, map(mul, a, b)))
    return math.sqrt(max(0.0, 1.0 - shared))


def blended(old: Appearance | None, new: Appearance | None, share: float) -> Appearance | None:
    """Return the old appearance moved towards the new one, so that it follows the light."""
    if old is None or new is None:
        return old or new
    return tuple((1 - share) * p + share * q for p, q in zip(old, new, strict=True))
