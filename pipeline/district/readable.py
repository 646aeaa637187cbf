"""Readable: how many true heads and number plates of a simulated picture are left sharp in a stored view of it.

Truth is where heads and plates are in the world, sent through the true lens, those that nothing stands before: sight
lines to the middle and the corners of each say so. Sharp is where the view's fine detail (its Laplacian) goes with that
of the same moment drawn without blur, a correlation of 0.5 or more: lines drawn over a view are detail too, but not of
the picture. What has hardly any detail to begin with, in the dark or in fog, cannot be read in either and is counted
apart.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detector import Image
from pipeline.district.boxes import TrueBoxes, tall_m
from pipeline.district.stage import Kind, Placed

Floats = NDArray[np.float64]
LEAST_PX: Final = 8.0
KEPT: Final = 0.5  # correlation of detail
_TO_THE_RIM: Final = 0.9  # of the way from a head's or plate's middle to its corners, where sight lines to it end
_LEAST_ENERGY: Final = 60.0  # of the sensor's own noise there is about so much
_HEAD_M: Final = 0.24
_PLATE_M: Final = (0.44, 0.14)
_PLATE_UP_M: Final = 0.5
_FACING: Final = 0.25
_RIDDEN: Final = frozenset({Kind.BICYCLE, Kind.E_BIKE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharp:
    """A head or plate that a stored view leaves sharp.

    Attributes:
        what: heads or plates.
        whose: kind of the thing that has it.
        box_px: left, top, right, bottom.
        view: which view it is; empty where the caller has but one.
    """

    what: str
    whose: str
    box_px: tuple[int, int, int, int]
    view: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """Heads and plates of 8 px and more in stored views: how many there are, how many are sharp or never were.

    Attributes:
        where: those that are sharp.
    """

    heads: int = 0
    sharp_heads: int = 0
    plates: int = 0
    sharp_plates: int = 0
    without_detail: int = 0
    where: tuple[Sharp, ...] = ()

    def __add__(self, other: "Readable") -> "Readable":
        return Readable(
            heads=self.heads + other.heads,
            sharp_heads=self.sharp_heads + other.sharp_heads,
            plates=self.plates + other.plates,
            sharp_plates=self.sharp_plates + other.sharp_plates,
            without_detail=self.without_detail + other.without_detail,
            where=self.where + other.where,
        )

    def of_view(self, view: str) -> "Readable":
        """Return it with what is sharp said to be of a view."""
        return replace(self, where=tuple(replace(each, view=view) for each in self.where))


def readable(plain: Image, stored: Image, placed: Sequence[Placed], boxes: TrueBoxes) -> Readable:
    """Return the counts of one view.

    Args:
        plain: the moment, nothing blurred, (h, w, 3).
        stored: the view, of the same size.
        placed: who and what is there.
        boxes: of the camera; knows what is hidden.
    """
    before, after = _detail(plain), _detail(stored)
    counts = {"heads": 0, "sharp_heads": 0, "plates": 0, "sharp_plates": 0, "without_detail": 0}
    where: list[Sharp] = []
    for each in placed:
        for what, corners in _private(each):
            rows, columns = _inside(_pixels(boxes, corners), plain.shape[:2])
            if rows is None or columns is None or not _in_sight(boxes, placed, each, corners):
                continue
            if float((before[rows, columns] ** 2).mean()) < _LEAST_ENERGY:
                counts["without_detail"] += 1
                continue
            counts[what] += 1
            if _alike(before[rows, columns], after[rows, columns]) >= KEPT:
                counts[f"sharp_{what}"] += 1
                box_px = (columns.start, rows.start, columns.stop, rows.stop)
                where.append(Sharp(what=what, whose=each.actor.kind.value, box_px=box_px))
    return Readable(**counts, where=tuple(where))


def _detail(image: Image) -> Floats:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return np.asarray(cv2.Laplacian(grey, cv2.CV_32F), np.float64)


def _alike(a: Floats, b: Floats) -> float:
    """Return the correlation of two patches."""
    size = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / size if size > 0.0 else 0.0


def _in_sight(boxes: TrueBoxes, placed: Sequence[Placed], each: Placed, corners: Floats) -> bool:
    middle = corners.mean(axis=0)
    points = np.vstack([middle, middle + (corners - middle) * _TO_THE_RIM])
    return bool(boxes.in_sight(placed, each.actor.id, points).all())


def _private(each: Placed) -> Iterator[tuple[str, Floats]]:
    """Yield what is private of a thing: its kind and its (4, 3) corners in metres."""
    if each.actor.kind is Kind.PERSON or (each.actor.kind in _RIDDEN and each.ridden):
        yield "heads", _head(each)
    elif each.actor.kind in {Kind.CAR, Kind.VAN}:
        for turn in (0.0, math.pi):
            corners, facing = _plate(each, turn)
            if facing >= _FACING:
                yield "plates", corners


def _head(each: Placed) -> Floats:
    """Return the corners of a box around a head, across as the lens sees it."""
    range_m = max(math.hypot(each.x_m, each.y_m), 1e-6)
    across = np.array([each.y_m, -each.x_m]) / range_m * _HEAD_M / 2
    top = each.z_m + tall_m(each)
    return np.array(
        [(each.x_m + s * across[0], each.y_m + s * across[1], z) for s in (-1, 1) for z in (top - _HEAD_M, top)]
    )


def _plate(each: Placed, turn: float) -> tuple[Floats, float]:
    """Return the corners of the plate at one end of a vehicle, and how far it faces the lens."""
    angle = math.radians(each.heading_deg) + turn
    ahead = np.array([math.cos(angle), math.sin(angle)])
    middle = np.array([each.x_m, each.y_m]) + ahead * each.actor.size_m[0] / 2
    facing = float(-(middle @ ahead) / max(float(np.hypot(*middle)), 1e-6))
    aside = np.array([-ahead[1], ahead[0]]) * _PLATE_M[0] / 2
    heights = (_PLATE_UP_M - _PLATE_M[1] / 2, _PLATE_UP_M + _PLATE_M[1] / 2)
    return np.array([(*(middle + sign * aside), height) for sign in (-1, 1) for height in heights]), facing


def _pixels(boxes: TrueBoxes, corners: Floats) -> Floats:
    pixels, ahead = boxes.lens.project(corners)
    return pixels if bool((ahead > 1.0).all()) else np.zeros((1, 2))


def _inside(outline: Floats, size: tuple[int, ...]) -> tuple[slice | None, slice | None]:
    """Return rows and columns of a box in the image; None where it is under 8 px wide or cut off."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    if high[0] - low[0] < LEAST_PX or (low < 0).any() or high[0] > size[1] or high[1] > size[0]:
        return None, None
    rows = slice(math.floor(low[1]), max(math.ceil(high[1]), math.floor(low[1]) + 2))
    return rows, slice(math.floor(low[0]), math.ceil(high[0]))
