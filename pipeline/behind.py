"""Behind: where the feet of things are that nearer things hide. Owns no box and no memory.

A box that ends upon another one, which ends lower, shows what stands behind that: where its foot would be in the image
is anywhere from there down to the other's end. Its top says more, for what is usually as tall.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.camera_view import CameraView
from models.boxes import areas, intersections
from pipeline.footprints import PERSON, Footprint
from pipeline.upright import LEAST_ABOVE, below

Floats = NDArray[np.float64]
HIDES_FROM: Final = 0.25  # of confidence: what is fainter may be nothing
_NEARER: Final = 0.05  # of its height: a thing that hides another ends lower in the image
_ITSELF: Final = 0.8  # of its area: a box that takes in so much of another shows the same thing
_SAMPLES: Final = 8  # places along the end of a box
_TOUCHES: Final = 0.05  # of its height: a box that begins so little below the end of another hides its foot
# How much of a box's end must lie upon nearer boxes to say that its foot is hidden: nothing at the one, all at the
# other. And by how much the foot is then lower, mean and standard deviation, as shares of what the nearer boxes could
# hide or of the thing's height, whichever is less. Fitted to boxes of simulated street scenes; see
# docs/decisions/205-things-behind-things.md.
_COVERED: Final = (0.5, 0.9)
_LOWER: Final = 0.15
_LOWER_SD: Final = 0.25
_PEOPLE_SHARE: Final = 0.5  # of that spread, for people: `upright` has told by their heads where they stand
_TOP_SHARE: Final = 0.05  # of its height, of how well a box tells where a thing's top is


def behind(
    contacts_px: Floats,
    sd_px: Floats,
    *,
    boxes_px: Floats,
    hides: NDArray[np.bool_],
    feet: Sequence[Footprint],
    view: CameraView,
    height_m: float | None,
) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return which things have their feet hidden, (k,), where these are, (k, 2), and how sure that is, (k, 2) px.

    Args:
        contacts_px: (n, 2) where things touch the ground as far as their boxes tell.
        sd_px: (n, 2) standard deviations of that along u and v.
        boxes_px: (n, 4) left, top, right, bottom.
        hides: (n,) which of the boxes may hide others.
        feet: what is assumed of each.
        view: of the camera.
        height_m: of the lens above the calibrated ground; without it tops say nothing.
    """
    covered, room = _upon(boxes_px, boxes_px[hides])
    counts = np.interp(covered, _COVERED, (0.0, 1.0)) * (room > 0.0)
    counts[np.array([each.flat for each in feet], bool)] = 0.0  # it has no foot
    rows = np.flatnonzero(counts)
    if not len(rows):
        return rows, contacts_px[rows], sd_px[rows]
    counts, room, boxes, things = counts[rows], room[rows], boxes_px[rows], [feet[row] for row in rows.tolist()]
    people = np.array([each.family == PERSON for each in things], bool)
    shown = np.maximum(boxes[:, 3] - boxes[:, 1], 1.0)
    by_top, by_top_sd = _by_top(boxes, things, view=view, height_m=height_m)
    says = np.isfinite(by_top)  # of people their heads have, who have no height here
    # What shows of a thing says how much may be hidden of it; of one that is usually so tall, the whole does.
    most = np.minimum(room, np.where(says, np.maximum(shown, shown + by_top), shown))
    lower, lower_sd = _LOWER * most, _LOWER_SD * most
    ours, theirs = lower_sd[says] ** -2, by_top_sd[says] ** -2
    lower[says] = (ours * lower[says] + theirs * np.clip(by_top[says], 0.0, room[says])) / (ours + theirs)
    lower_sd[says] = (ours + theirs) ** -0.5
    down = np.where(people, 0.0, counts * lower)
    spread = counts * np.where(people, _PEOPLE_SHARE * lower_sd, lower_sd)
    places, spreads = contacts_px[rows], sd_px[rows]
    places[:, 1] += down
    spreads[:, 1] = np.hypot(spreads[:, 1], spread)
    return rows, places, spreads


def _upon(boxes_px: Floats, hiders_px: Floats) -> tuple[Floats, Floats]:
    """Return which share of each box's end lies upon nearer boxes, (n,), and how far below the foot may be, (n,)."""
    if not len(boxes_px) or not len(hiders_px):
        return np.zeros(len(boxes_px)), np.zeros(len(boxes_px))
    left, top, right, bottom = (boxes_px[:, column, None] for column in range(4))
    height = np.maximum(bottom - top, 1.0)
    begins, ends = hiders_px[None, :, 1], hiders_px[None, :, 3]
    shared = intersections(boxes_px, hiders_px) / np.maximum(areas(boxes_px), 1.0)[:, None]
    hides = (ends > bottom + _NEARER * height) & (begins <= bottom + _TOUCHES * height) & (shared < _ITSELF)
    at = left + (right - left) * (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    upon = (hiders_px[:, 0] <= at[..., None]) & (at[..., None] <= hiders_px[:, 2]) & hides[:, None]
    lowest = np.where(upon, ends[:, None], bottom[..., None]).max(axis=2)
    covered = upon.any(axis=2)
    return covered.mean(axis=1), (lowest - bottom).sum(axis=1) / np.maximum(covered.sum(axis=1), 1)


def _by_top(
    boxes_px: Floats, feet: Sequence[Footprint], *, view: CameraView, height_m: float | None
) -> tuple[Floats, Floats]:
    """Return how far below the boxes' ends, (n,), feet are by the height of such things, with its spread, (n,) px.

    NaN where that is not known.
    """
    found, spread = np.full(len(boxes_px), np.nan), np.full(len(boxes_px), np.nan)
    if height_m is None:
        return found, spread
    tall = np.array([each.tall_m for each in feet])
    tall_sd = np.array([each.tall_sd_m for each in feet])
    half = np.array([each.half_depth_m for each in feet])
    middle = (boxes_px[:, 0] + boxes_px[:, 2]) / 2
    tops_m, ahead = view.homography.to_ground(np.column_stack([middle, boxes_px[:, 1]]))
    known = (ahead > 0) & (tall > 0.0) & (height_m >= LEAST_ABOVE * tall)
    if known.any():
        rows = np.flatnonzero(known)
        at, above = (
            below(tops_m[rows], tall_m, view=view, height_m=height_m, half_depth_m=half[rows])[:, 1]
            for tall_m in (tall[rows], tall[rows] + tall_sd[rows])
        )
        found[rows] = at - boxes_px[rows, 3]
        spread[rows] = np.hypot(above - at, _TOP_SHARE * (boxes_px[rows, 3] - boxes_px[rows, 1])) + 1.0
    return found, spread
