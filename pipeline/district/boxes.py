"""True boxes: where each actor's outline falls in the image, and which share of it nothing hides. Draws no pixel.

An outline is the actor's footprint, rounded as the thing is, at its foot and at its top, through the true lens. What
hides is found by sight lines: a grid of points of each thing's body against everything nearer that overlaps it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district.optics import Lens
from pipeline.district.plan import body, crossed
from pipeline.district.stage import Block, Kind, Placed, SeenThing, Stage

Floats = NDArray[np.float64]
FARTHEST_M: Final = 90.0
LEAST_PX: Final = 4.0
_ROUND: Final = frozenset({Kind.PERSON, Kind.BIN, Kind.OVERFLOWING_BIN, Kind.RUBBISH_BAG, Kind.FIRE})
_TURNS: Final = np.linspace(0.0, 2 * math.pi, 16, endpoint=False)
_OVAL: Final = np.column_stack([np.cos(_TURNS), np.sin(_TURNS)])
# A superellipse of the fourth degree: a rectangle with round corners, as cars and carts are.
_RECTANGLE: Final = np.sign(_OVAL) * np.sqrt(np.abs(_OVAL))
_TOP_SHARE: Final = {Kind.CAR: 0.62, Kind.PERSON: 0.55, Kind.RUBBISH_BAG: 0.5, Kind.FIRE: 0.3, Kind.BICYCLE: 0.8}
_RIDER_M: Final = 0.65
_SEE_THROUGH: Final = frozenset({"railing", "sign", "lamp"})
_THIN: Final = frozenset({Kind.BICYCLE, Kind.E_BIKE, Kind.FIRE, Kind.FLOATING_RUBBISH})
_GRID: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solid:
    """Something that may hide what is behind it: an upright box."""

    centre_m: tuple[float, float]
    half_m: tuple[float, float]
    z_m: tuple[float, float]
    heading_deg: float
    box_px: tuple[float, float, float, float]
    near_m: float


class TrueBoxes:
    """The boxes that a perfect detector would give on one stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.lens = Lens(stage.pose)
        self._blocks = [solid for block in stage.blocks if (solid := _of_block(self.lens, block)) is not None]
        self._block_boxes = np.array([solid.box_px for solid in self._blocks]).reshape(-1, 4)
        self._block_near = np.array([solid.near_m for solid in self._blocks])
        self._static: dict[tuple[object, ...], NDArray[np.bool_]] = {}

    def see(self, placed: Sequence[Placed]) -> tuple[SeenThing, ...]:
        """Return what the image holds of each actor, those of 4 px and more, in the order given."""
        ahead = [each for each in placed if math.hypot(each.x_m, each.y_m) <= FARTHEST_M]
        if not ahead:
            return ()
        outlines = [_outline(each) for each in ahead]
        pixels, depth = self.lens.project(np.concatenate(outlines))
        ends = np.cumsum([len(outline) for outline in outlines])
        whole = np.array(
            [
                (*pixels[end - len(outline) : end].min(axis=0), *pixels[end - len(outline) : end].max(axis=0))
                for end, outline in zip(ends.tolist(), outlines, strict=True)
            ]
        )
        near = np.array([depth[end - len(o) : end].min() for end, o in zip(ends.tolist(), outlines, strict=True)])
        width, height = self.stage.pose.size_px
        cut = np.clip(whole, 0.0, [width, height, width, height])
        size = cut[:, 2:] - cut[:, :2]
        shown = (near > 0.5) & (size.min(axis=1) >= LEAST_PX)  # noqa: PLR2004 - half a metre from the lens
        rows = np.flatnonzero(shown).tolist()
        solids = {row: _of_actor(ahead[row], whole[row], float(near[row])) for row in rows}
        return tuple(
            seen for row in rows if (seen := self._seen(ahead[row], row, whole, cut, near, solids)) is not None
        )

    def _seen(
        self,
        each: Placed,
        row: int,
        whole: Floats,
        cut: Floats,
        near: Floats,
        solids: dict[int, _Solid],
    ) -> SeenThing | None:
        points = _samples(each)
        hidden = self._behind_blocks(each, points, whole[row], float(near[row])).copy()
        for other, solid in solids.items():
            if other != row and near[other] < near[row] and _overlap(whole[other], whole[row]):
                hidden |= self._crossed(points, solid)
        if hidden.all():
            return None
        box, share = cut[row], 1.0
        if hidden.any():
            pixels, _ = self.lens.project(points[~hidden])
            margin = (whole[row, 2:] - whole[row, :2]) / (2 * _GRID)
            left, top = np.maximum(pixels.min(axis=0) - margin, cut[row, :2])
            right, bottom = np.minimum(pixels.max(axis=0) + margin, cut[row, 2:])
            box, share = np.array([left, top, right, bottom]), float(1.0 - hidden.mean())
            if min(right - left, bottom - top) < LEAST_PX:
                return None
        inside = float(np.prod(cut[row, 2:] - cut[row, :2]) / max(np.prod(whole[row, 2:] - whole[row, :2]), 1e-9))
        return SeenThing(
            actor=each.actor.id,
            kind=each.actor.kind,
            box_px=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            full_box_px=(float(whole[row, 0]), float(whole[row, 1]), float(whole[row, 2]), float(whole[row, 3])),
            visible_share=share * inside,
        )

    def _behind_blocks(self, each: Placed, points: Floats, box: Floats, near_m: float) -> NDArray[np.bool_]:
        """Return which points blocks hide, (n,); remembered, since what stands still is asked for again and again."""
        key = (each.actor.kind, round(each.x_m, 1), round(each.y_m, 1), round(each.heading_deg), each.ridden)
        known = self._static.get(key)
        if known is not None:
            return known
        hidden = np.zeros(len(points), bool)
        before = (self._block_near < near_m) if len(self._blocks) else np.zeros(0, bool)
        for row in np.flatnonzero(before).tolist():
            if _overlap(self._block_boxes[row], box):
                hidden |= self._crossed(points, self._blocks[row])
        if len(self._static) > _REMEMBERED:
            self._static.clear()
        self._static[key] = hidden
        return hidden

    def _crossed(self, points: Floats, solid: _Solid) -> NDArray[np.bool_]:
        return crossed(self.lens.eye_m, points, solid.centre_m, solid.half_m, solid.z_m, solid.heading_deg)


_REMEMBERED: Final = 50_000


def tall_m(each: Placed) -> float:
    """Return how tall an actor stands, a rider included."""
    return each.actor.size_m[2] + (_RIDER_M if each.ridden else 0.0)


def _outline(each: Placed) -> Floats:
    """Return points, (32, 3), of an actor's footprint at its foot and, narrower, at its top."""
    length, width, _ = each.actor.size_m
    shape = _OVAL if each.actor.kind in _ROUND else _RECTANGLE
    top = _TOP_SHARE.get(each.actor.kind, 0.95)
    foot = shape * [length / 2, width / 2]
    low, high = each.z_m, each.z_m + tall_m(each)
    around = np.concatenate([_turned(each, foot), _turned(each, foot * top)])
    return np.column_stack([around, np.repeat([low, high], len(shape))])


def _samples(each: Placed) -> Floats:
    """Return points of an actor's body, (25, 3): across as the lens sees it, from foot to top."""
    length, width, _ = each.actor.size_m
    range_m = max(math.hypot(each.x_m, each.y_m), 1e-6)
    across = (each.y_m / range_m, -each.x_m / range_m)
    turn = math.radians(each.heading_deg)
    along = abs(across[0] * math.cos(turn) + across[1] * math.sin(turn))
    half = (along * length + (1.0 - along) * width) / 2
    aside, up = np.meshgrid(np.linspace(-0.85, 0.85, _GRID) * half, np.linspace(0.05, 0.95, _GRID) * tall_m(each))
    x, y = each.x_m + across[0] * aside.ravel(), each.y_m + across[1] * aside.ravel()
    return np.column_stack([x, y, each.z_m + up.ravel()])


def _turned(each: Placed, around: Floats) -> Floats:
    turn = math.radians(each.heading_deg)
    cosine, sine = math.cos(turn), math.sin(turn)
    x = each.x_m + around[:, 0] * cosine - around[:, 1] * sine
    return np.column_stack([x, each.y_m + around[:, 0] * sine + around[:, 1] * cosine])


def _of_actor(each: Placed, box: Floats, near_m: float) -> _Solid:
    length, width, _ = each.actor.size_m
    shrunk = 0.3 if each.actor.kind in _THIN else 0.4  # of the extent: half, less what shows between parts
    return _Solid(
        centre_m=(each.x_m, each.y_m),
        half_m=(length * shrunk, width * shrunk),
        z_m=(each.z_m, each.z_m + tall_m(each) * 0.95),
        heading_deg=each.heading_deg,
        box_px=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        near_m=near_m,
    )


def _of_block(lens: Lens, block: Block) -> _Solid | None:
    if block.what in _SEE_THROUGH:
        return None
    low, high, half = body(block)
    turn = math.radians(block.heading_deg)
    signs = np.array([(a, b, z) for a in (-1, 1) for b in (-1, 1) for z in (low, high)], np.float64)
    x = block.centre_m[0] + signs[:, 0] * half[0] * math.cos(turn) - signs[:, 1] * half[1] * math.sin(turn)
    y = block.centre_m[1] + signs[:, 0] * half[0] * math.sin(turn) + signs[:, 1] * half[1] * math.cos(turn)
    pixels, ahead = lens.project(np.column_stack([x, y, signs[:, 2]]))
    if ahead.max() <= 0.0:
        return None
    # Partly behind the lens its image has no end: then it may hide anything, and the sight lines decide.
    low_px, high_px = (pixels.min(axis=0), pixels.max(axis=0)) if ahead.min() > 0.5 else ([-1e5] * 2, [1e5] * 2)  # noqa: PLR2004
    return _Solid(
        centre_m=block.centre_m,
        half_m=half,
        z_m=(low, high),
        heading_deg=block.heading_deg,
        box_px=(float(low_px[0]), float(low_px[1]), float(high_px[0]), float(high_px[1])),
        near_m=float(max(ahead.min(), 0.0)),
    )


def _overlap(a: Floats, b: Floats) -> bool:
    return bool(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3])
