"""Silhouettes: which share of a thing shows between the things nearer than it, by their meshes. Needs no graphics.

What the truth says is in view must be in the picture. Boxes (`boxes`) say it well for most things, and quickly, but a
bag behind the tail of a lorry or between the wheels of bicycles is told by outlines only: the triangles of all things
concerned are painted from far to near, on a canvas of a few dozen pixels around the one that is asked about.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.district.boxes import TrueBoxes
from pipeline.district.meshes import mesh_key, mesh_of, place_mesh
from pipeline.district.stage import Placed, SeenThing

Floats = NDArray[np.float64]
_SIDE_PX: Final = 64.0  # of the canvas, along a thing's longer side
_RIM_PX: Final = 2
_FRACTION_BITS: Final = 4
_AROUND: Final = 0.15  # of its size: by so much a thing may be drawn beyond its box
_NEAREST_M: Final = 0.3
_ITS_OWN: Final = 1
_ANOTHERS: Final = 2


class _Triangles(NamedTuple):
    """A thing's triangles in the image, (t, 3, 2) pixels, and how far ahead the middle of each is, (t,)."""

    corners_px: Floats
    depth_m: Floats

    def select(self, rows: NDArray[np.bool_]) -> "_Triangles":
        """Return some of them."""
        return _Triangles(self.corners_px[rows], self.depth_m[rows])


class Silhouettes:
    """What one camera's image shows of single things; of what stands still together it is looked up once.

    Args:
        boxes: the camera's true boxes; they tell what walls, trees and the picture's edge leave of a thing.
    """

    def __init__(self, boxes: TrueBoxes) -> None:
        self._boxes, self._lens = boxes, boxes.lens
        self._known: dict[tuple[Placed, ...], SeenThing] = {}

    def see(self, placed: Sequence[Placed], wanted: Sequence[int]) -> tuple[SeenThing, ...]:
        """Return what the image holds of the wanted actors (by id) among all that are placed."""
        asked = frozenset(wanted)
        if all(each.actor.id not in asked for each in placed):
            return ()
        things = {each.actor.id: each for each in placed}
        alone = self._boxes.see(placed, apart=True)
        outlines: dict[int, _Triangles] = {}

        def outline(actor: int) -> _Triangles:
            if actor not in outlines:
                outlines[actor] = self._triangles(things[actor])
            return outlines[actor]

        def between(one: SeenThing) -> SeenThing:
            others = [it.actor for it in alone if it is not one and _may_hide(it, one)]
            if not others:
                return one
            key = (things[one.actor], *(things[actor] for actor in others))
            if key not in self._known:
                self._known[key] = _left_of(one, outline(one.actor), [outline(actor) for actor in others])
            return self._known[key]

        return tuple(between(one) for one in alone if one.actor in asked)

    def _triangles(self, each: Placed) -> _Triangles:
        mesh = mesh_of(mesh_key(each, coarse=True))
        pixels, ahead = self._lens.project(place_mesh(each, mesh))
        corners, depth = pixels[mesh.triangles], ahead[mesh.triangles]
        shown = depth.min(axis=1) > _NEAREST_M
        return _Triangles(corners[shown], depth[shown].mean(axis=1))


def _left_of(alone: SeenThing, own: _Triangles, others: Sequence[_Triangles]) -> SeenThing:
    """Return what other things leave of one."""
    canvas = _Canvas(alone.full_box_px)
    farthest_m = own.depth_m.max(initial=0.0)
    nearer = [each.select(each.depth_m < farthest_m) for each in others]
    whole = canvas.paint(own, [])
    left = canvas.paint(own, nearer) & whole
    if not left.any():
        return replace(alone, visible_share=0.0)
    share = float(left.sum() / whole.sum())
    shown = _within(canvas.box_px(left), alone.box_px)
    return replace(alone, visible_share=alone.visible_share * share, box_px=shown)


class _Canvas:
    """A small picture of the surroundings of a box."""

    def __init__(self, box_px: tuple[float, float, float, float]) -> None:
        left, top, right, bottom = box_px
        wide, high = (right - left) * (1 + 2 * _AROUND), (bottom - top) * (1 + 2 * _AROUND)
        self._origin = np.array([left - (right - left) * _AROUND, top - (bottom - top) * _AROUND])
        self._scale = _SIDE_PX / max(wide, high)
        self._size = int(high * self._scale) + _RIM_PX, int(wide * self._scale) + _RIM_PX

    def paint(self, own: _Triangles, others: Sequence[_Triangles]) -> NDArray[np.bool_]:
        """Return where a thing shows when it and others are painted from far to near, (h, w)."""
        parts = [self._inside(each) for each in (own, *others)]
        owners = np.repeat([_ITS_OWN, *[_ANOTHERS] * len(others)], [len(each.depth_m) for each in parts])
        order = np.argsort(-np.concatenate([each.depth_m for each in parts]), kind="stable")
        corners = np.concatenate([each.corners_px for each in parts])[order]
        # What is clipped there lies outside all the same, and would overflow the fixed point.
        scaled = np.clip((corners - self._origin) * self._scale, -10 * _SIDE_PX, 10 * _SIDE_PX)
        fixed = np.rint(scaled * (1 << _FRACTION_BITS)).astype(np.int32)
        picture = np.zeros(self._size, np.uint8)
        for points, owner in zip(fixed, owners[order].tolist(), strict=True):
            cv2.fillConvexPoly(picture, points, owner, lineType=cv2.LINE_8, shift=_FRACTION_BITS)
        return np.asarray(picture == _ITS_OWN)

    def _inside(self, each: _Triangles) -> _Triangles:
        """Return the triangles that may touch the canvas."""
        far = self._origin + np.array(self._size[::-1]) / self._scale
        high, low = each.corners_px.max(axis=1), each.corners_px.min(axis=1)
        return each.select((high > self._origin).all(axis=1) & (low < far).all(axis=1))

    def box_px(self, shown: NDArray[np.bool_]) -> tuple[float, float, float, float]:
        """Return the box in the image around what shows on the canvas."""
        rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
        low = self._origin + np.array([columns[0], rows[0]]) / self._scale
        high = self._origin + np.array([columns[-1] + 1, rows[-1] + 1]) / self._scale
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _may_hide(other: SeenThing, thing: SeenThing) -> bool:
    """Tell whether two things may meet in the image."""
    left, top, right, bottom = other.full_box_px
    aside, up = (right - left) * _AROUND, (bottom - top) * _AROUND
    x1, y1, x2, y2 = thing.full_box_px
    return left - aside < x2 and right + aside > x1 and top - up < y2 and bottom + up > y1


def _within(
    box_px: tuple[float, float, float, float], limits_px: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    left, top, right, bottom = box_px
    x1, y1, x2, y2 = limits_px
    return max(left, x1), max(top, y1), min(right, x2), min(bottom, y2)
