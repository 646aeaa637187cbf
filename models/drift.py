"""Drift: how far a camera came away from where it looked at first, told only where the two pictures surely match.

A reference that follows the light follows a camera too that turns slowly enough. What was kept from the start does not,
but light and weather may have changed altogether since: then the best match of two pictures lies anywhere, and says
nothing. So a match is believed only if edges lie on edges there, and clearly better than where they were.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np

from models.image_health import Edges

_LEAST_MATCH: Final = 0.3
_LEAST_GAIN: Final = 0.1
_FARTHEST: Final = 0.4  # of a side: beyond it too little of the two pictures is the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far a picture lies from another.

    Attributes:
        share: by which share of its width it moved.
        sure: whether the two match there so clearly that this can be believed.
    """

    share: float
    sure: bool


def drift_of(edges: Edges, first: Edges) -> Drift:
    """Return how far edges (144, 256) came away from those that were usual at first, pan or tilt."""
    one, other = _bounded(edges), _bounded(first)
    (x, y), _ = cv2.phaseCorrelate(one, other, _window(one.shape))
    height, width = one.shape
    share = float(np.hypot(x, y)) / width
    if abs(x) > _FARTHEST * width or abs(y) > _FARTHEST * height:
        return Drift(share=share, sure=False)
    back = cv2.warpAffine(one, np.array([[1.0, 0.0, x], [0.0, 1.0, y]]), (width, height))
    left, top = int(abs(x)) + 2, int(abs(y)) + 2
    common = slice(top, height - top), slice(left, width - left)
    there = _likeness(np.asarray(back, np.float32)[common], other[common])
    here = _likeness(one[common], other[common])
    moved = max(abs(x), abs(y)) > 1.0
    return Drift(share=share, sure=there >= _LEAST_MATCH and (not moved or there - here >= _LEAST_GAIN))


def _bounded(edges: Edges) -> Edges:
    """Keep the few strongest edges from deciding alone."""
    return np.minimum(edges, 4 * float(edges.mean()) + 1e-6).astype(np.float32)


def _likeness(one: Edges, other: Edges) -> float:
    """Return the correlation of two pictures, from -1 to 1."""
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / (np.sqrt((one * one).sum() * (other * other).sum()) + 1e-9))


@cache
def _window(shape: tuple[int, int]) -> Edges:
    return np.asarray(cv2.createHanningWindow(shape[::-1], cv2.CV_32F), dtype=np.float32)
