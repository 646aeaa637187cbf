"""Patterns computed at points: hashed cells, grain, strokes that look like writing. All arrays are float32."""

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
_SIDE: Final = 1024


def hashed(a: NDArray[np.generic], b: NDArray[np.generic] | float, seed: NDArray[np.generic] | int = 0) -> Values:
    """Return values from 0 to 1 that look random but depend only on the whole parts of `a`, `b` and `seed`."""
    x = np.floor(np.atleast_1d(a)).astype(np.int64).astype(np.uint32)
    y = np.atleast_1d(np.floor(b)).astype(np.int64).astype(np.uint32)
    s = np.atleast_1d(seed).astype(np.int64).astype(np.uint32)
    mixed = x * np.uint32(0x9E3779B1) ^ y * np.uint32(0x85EBCA77) ^ (s + np.uint32(1)) * np.uint32(0xC2B2AE3D)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    mixed = (mixed ^ (mixed >> np.uint32(12))) * np.uint32(0x297A2D39)
    return np.asarray((mixed ^ (mixed >> np.uint32(15))) >> np.uint32(8), dtype=np.float32) / np.float32(2**24)


@lru_cache(maxsize=2)
def _grain(seed: int) -> Values:
    draw = np.random.default_rng(seed)
    total = np.zeros((_SIDE, _SIDE), dtype=np.float32)
    for cells, weight in ((8, 0.5), (32, 0.3), (128, 0.22), (512, 0.16)):
        coarse = draw.random((cells, cells), dtype=np.float32)
        wide = np.pad(coarse, 2, mode="wrap")
        factor = _SIDE // cells
        big = cv2.resize(wide, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        edge = 2 * factor
        total += weight * (big[edge : edge + _SIDE, edge : edge + _SIDE] - 0.5)
    return np.asarray(np.clip(0.5 + total, 0.0, 1.0), dtype=np.float32)


def grain(x: Values, y: Values, *, size_m: float, seed: int = 0) -> Values:
    """Return smooth grain from 0 to 1, around 0.5, that repeats after `size_m`."""
    scale = np.float32(_SIDE / size_m)
    column = (x * scale).astype(np.int32) & (_SIDE - 1)
    row = (y * scale).astype(np.int32) & (_SIDE - 1)
    return np.asarray(_grain(seed)[row, column], dtype=np.float32)


def line(distance: Values, half_width: float, footprint_m: Values) -> Values:
    """Return how much of a pixel a line covers: 1 within, fading over the pixel's own size."""
    soft = np.maximum(footprint_m, np.float32(1e-3))
    covered = np.clip((half_width - np.abs(distance)) / soft + 0.5, 0.0, 1.0) * np.minimum(1.0, 2 * half_width / soft)
    return np.asarray(covered, dtype=np.float32)


def strokes(u: Values, v: Values, seed: NDArray[np.generic] | int) -> Values:
    """Return a mask of made-up characters: `u` counts characters, `v` goes from 0 to 1 upwards within one."""
    cell = np.floor(u)
    fu, fv = u - cell, v
    inside = (fu > 0.1) & (fu < 0.9) & (fv > 0.06) & (fv < 0.94)  # noqa: PLR2004 - margins of a character
    ink = np.zeros(u.shape, dtype=bool)
    for index in range(4):  # horizontal strokes, each of its own length and height
        height = 0.14 + 0.24 * index + 0.06 * (hashed(cell, index, seed) - 0.5)
        start, end = 0.12 + 0.3 * hashed(cell, 10 + index, seed), 0.88 - 0.3 * hashed(cell, 20 + index, seed)
        shown = hashed(cell, 30 + index, seed) < 0.8  # noqa: PLR2004 - four fifths are there
        ink |= shown & (np.abs(fv - height) < 0.05) & (fu > start) & (fu < end)  # noqa: PLR2004 - stroke width
    for index in range(3):
        place = 0.24 + 0.26 * index + 0.1 * (hashed(cell, 40 + index, seed) - 0.5)
        low, high = 0.1 + 0.35 * hashed(cell, 50 + index, seed), 0.9 - 0.3 * hashed(cell, 60 + index, seed)
        slant = 0.25 * (hashed(cell, 70 + index, seed) - 0.5)
        shown = hashed(cell, 80 + index, seed) < 0.75  # noqa: PLR2004 - three quarters are there
        ink |= shown & (np.abs(fu - place - slant * (fv - 0.5)) < 0.05) & (fv > low) & (fv < high)  # noqa: PLR2004 - width
    return np.asarray(ink & inside, dtype=np.float32)
