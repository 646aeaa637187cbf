"""Calibration points as a user would pick them: ground corners found in the image and on the map, never the pose."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district.errors import DistrictError
from pipeline.district.ground import BAND_EVERY_M, BAND_M, Strip, strips
from pipeline.district.optics import Lens
from pipeline.district.placing import to_lonlat
from pipeline.district.plan import body, crossed
from pipeline.district.shapes import Floats
from pipeline.district.stage import Patch, Stage, Surface

_STEP_M: Final = 3.0
_FARTHEST_M: Final = 55.0
_MARGIN: Final = 0.03
_TRIES: Final = 12
_OPAQUE: Final = frozenset({"building", "shop", "wall", "bus-stop"})
# Degrees with this many digits are a centimetre apart.
_DIGITS: Final = 7


class FewGroundPointsError(DistrictError):
    """A stage shows too little ground to be calibrated."""

    def __init__(self, camera: str, found: int, wanted: int) -> None:
        super().__init__(
            f"camera {camera} shows {found} corners on the ground, {wanted} are wanted: lower its pitch or add patches"
        )


def calibration_points(stage: Stage, *, seed: int, count: int = 8, pixel_sd_px: float = 1.0) -> list[list[float]]:
    """Return [u, v, longitude, latitude] of ground corners: kerb joints, ends of markings, corners of patches.

    Args:
        seed: of the choice of points and of the click errors.
        count: how many points, spread over the visible ground.
        pixel_sd_px: standard deviation of a click, per axis.

    Raises:
        FewGroundPointsError: fewer corners are visible.
    """
    draw = np.random.default_rng([seed, 11])
    points_m, pixels = _visible_corners(stage)
    if len(points_m) < count:
        raise FewGroundPointsError(stage.camera, len(points_m), count)
    places = pixels / stage.pose.size_px[0]
    choices = [_spread(points_m, places, count, draw) for _ in range(_TRIES)]
    chosen = max(choices, key=lambda rows: _firmness(points_m[rows], places[rows]))
    clicked = np.round(pixels[chosen] + draw.normal(0.0, pixel_sd_px, (count, 2)), 1)
    lonlat = np.round(to_lonlat(stage, points_m[chosen]), _DIGITS)
    rows: list[list[float]] = np.column_stack([clicked, lonlat]).tolist()
    return rows


def _visible_corners(stage: Stage) -> tuple[Floats, Floats]:
    """Return (n, 2) stage metres and (n, 2) pixels of ground corners that nothing stands before."""
    marks = [_edge_points(patch.corners_m) for patch in _dry(stage)]
    marks += [_band_corners(each) for each in strips(tuple(p for p in stage.patches if p.surface is Surface.SQUARE))]
    points = np.unique(np.round(np.vstack(marks), 3), axis=0)
    lens = Lens(stage.pose)
    pixels, ahead_m = lens.project(np.column_stack([points, np.zeros(len(points))]))
    size = np.array(stage.pose.size_px)
    seen = (ahead_m > 1.0) & (np.linalg.norm(points, axis=1) < _FARTHEST_M)
    seen &= ((pixels > size * _MARGIN) & (pixels < size * (1 - _MARGIN))).all(axis=1)
    points, pixels = points[seen], pixels[seen]
    free = ~_hidden(points, stage)
    return points[free], pixels[free]


def _dry(stage: Stage) -> list[Patch]:
    return [patch for patch in stage.patches if patch.surface is not Surface.WATER]


def _edge_points(corners_m: tuple[tuple[float, float], ...]) -> Floats:
    """Return a polygon's corners and the joints every few metres along its edges."""
    corners, points = np.array(corners_m), []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        long = float(np.linalg.norm(end - start))
        along = np.arange(0.0, long, _STEP_M)[:, None] / max(long, 1e-9)
        points.append(start + (end - start) * along)
    return np.vstack(points)


def _band_corners(square: Strip) -> Floats:
    """Return where the bands of dark slabs cross on a square, each crossing with its four corners."""
    along, across = (
        np.concatenate([np.arange(0.0, length, BAND_EVERY_M), np.arange(BAND_M, length, BAND_EVERY_M)])
        for length in (square.length_m, square.width_m)
    )
    u, v = (each.reshape(-1, 1) for each in np.meshgrid(along, across))
    return np.asarray(square.origin + u * square.along + v * square.across)


def _hidden(points: Floats, stage: Stage) -> NDArray[np.bool_]:
    """Return which ground points a building, wall or shelter stands before or upon."""
    eye = np.array([0.0, 0.0, stage.pose.height_m])
    level = np.column_stack([points, np.zeros(len(points))])
    result = np.zeros(len(points), dtype=bool)
    for block in stage.blocks:
        if block.what in _OPAQUE:
            low, high, half = body(block)
            result |= crossed(eye, level, block.centre_m, half, (low, high), block.heading_deg)
    return result


def _firmness(points_m: Floats, places: Floats) -> float:
    """Return how firmly points fix a homography: the eighth singular value of its equations (Hartley 1997)."""
    ground, image = ((p - p.mean(axis=0)) / max(float(p.std()), 1e-9) for p in (points_m, places))
    one, none = np.ones((len(ground), 1)), np.zeros((len(ground), 3))
    flat = np.hstack([ground, one])
    rows = [np.hstack([flat, none, -flat * image[:, :1]]), np.hstack([none, flat, -flat * image[:, 1:]])]
    return float(np.linalg.svd(np.vstack(rows), compute_uv=False)[7])


def _spread(points_m: Floats, places: Floats, count: int, draw: np.random.Generator) -> NDArray[np.int64]:
    """Return points each far from the ones before, in the image and, more weakly, on the ground."""
    features = np.hstack([places, points_m / 80.0])
    chosen = [int(draw.integers(len(features)))]
    nearest = np.full(len(features), np.inf)
    while len(chosen) < count:
        nearest = np.minimum(nearest, np.linalg.norm(features - features[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(nearest * draw.uniform(0.8, 1.0, len(nearest)))))
    return np.array(chosen)
