"""A calibration being made: what a person is shown of it before it is saved. Values only; draws and stores nothing."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from geo.camera_view import ELLIPSE_95, CameraView
from geo.coords import LonLat
from geo.homography import Floats
from geo.point_checks import PointChecks, check_points
from pipeline.calibration import Calibration

# The metre grid: no farther from the camera's foot than this, and about so many lines each way.
FARTHEST_M: Final = 80.0
_LINES: Final = 24
_STEPS_M: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_SAMPLES: Final = 40  # of the image each way, to find which ground it shows
_BETWEEN_M: Final = 0.5  # of a line's own points, at most half its step
_MOST_ALONG: Final = 400
_RIM: Final = 0.05  # lines are drawn to a little beyond the image
_ROUND: Final = 48  # corners of an ellipse

Line = list[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetreGrid:
    """Lines of equal east and of equal north on the ground, as the image shows them.

    Attributes:
        step_m: between two lines.
        lines_px: pieces of lines, each of (u, v).
    """

    step_m: float
    lines_px: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One pixel's place with its 95 % ellipse.

    Attributes:
        error_m: its semi-major axis; `across_m` is the other one.
        outline_px, outline_lonlat: the ellipse in the image and on the map.
        range_m: from the camera's foot.
    """

    lonlat: LonLat
    error_m: float
    across_m: float
    range_m: float
    outline_px: Line
    outline_lonlat: Line


def checks_of(calibration: Calibration) -> PointChecks:
    """Return what the calibration's points say of one another."""
    view = calibration.view
    ground_m = view.plane.to_metres(calibration.points[:, 2:])
    return check_points(
        view.homography, ground_m, calibration.points[:, :2], inliers=view.inliers, sigma_px=view.sigma_px
    )


def metre_grid(view: CameraView) -> MetreGrid:
    """Return the metre grid over the image: square on the ground, so that what is drawn shows what is believed."""
    seen = _ground_seen(view)
    if not len(seen):
        return MetreGrid(step_m=0.0, lines_px=())
    low, high = seen.min(axis=0), seen.max(axis=0)
    step_m = next((each for each in _STEPS_M if float((high - low).max()) / each <= _LINES), _STEPS_M[-1])
    lines: list[Line] = []
    for axis in (0, 1):
        along = _along(float(low[1 - axis]), float(high[1 - axis]), step_m)
        for place in np.arange(math.ceil(low[axis] / step_m), math.floor(high[axis] / step_m) + 1) * step_m:
            ground = np.empty((len(along), 2))
            ground[:, axis], ground[:, 1 - axis] = place, along
            lines += _pieces(view, ground)
    return MetreGrid(step_m=step_m, lines_px=tuple(lines))


def _along(low: float, high: float, step_m: float) -> Floats:
    count = min(_MOST_ALONG, max(2, math.ceil((high - low) / min(_BETWEEN_M, step_m / 2))))
    return np.linspace(low, high, count)


def _ground_seen(view: CameraView) -> Floats:
    """Return ground that the image shows near enough, (n, 2) metres."""
    u, v = (np.linspace(0, size, _SAMPLES) for size in view.image_size_px)
    pixels = np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2)
    ground, in_front = view.homography.to_ground(pixels)
    near = np.linalg.norm(ground - view.foot_m, axis=1) <= min(FARTHEST_M, view.max_range_m)
    return np.asarray(ground[(in_front > 0) & near])


def _pieces(view: CameraView, ground_m: Floats) -> list[Line]:
    """Return the parts of a line on the ground that the image shows."""
    pixels, depth = view.homography.to_image(ground_m)
    size = np.asarray(view.image_size_px)
    with np.errstate(invalid="ignore"):
        shown = (depth > 0) & ((pixels >= -_RIM * size) & (pixels <= (1 + _RIM) * size)).all(axis=1)
    shown &= np.linalg.norm(ground_m - view.foot_m, axis=1) <= FARTHEST_M
    ends = np.flatnonzero(np.diff(np.concatenate([[False], shown, [False]]).astype(np.int8)))
    return [_rounded(pixels[start:end]) for start, end in ends.reshape(-1, 2) if end - start > 1]


def _rounded(points: Floats, *, digits: int = 1) -> Line:
    return [(round(float(x), digits), round(float(y), digits)) for x, y in points]


def spot(view: CameraView, pixel: tuple[float, float], *, pixel_sd_px: float) -> Spot:
    """Return where a pixel's ground lies and its 95 % ellipse: the calibration's, and that of one such click.

    Raises:
        AboveHorizonError: the pixel shows no ground.
        BeyondRangeError: the ground there is too far.
    """
    found = view.locate(pixel, pixel_sd_px=(pixel_sd_px, pixel_sd_px))
    values, vectors = np.linalg.eigh(found.calibration_cov_m2 + found.measurement_cov_m2)
    axes = ELLIPSE_95 * np.sqrt(np.maximum(values, 0.0))
    angle = np.linspace(0, 2 * math.pi, _ROUND, endpoint=False)
    middle = np.array([found.east_m, found.north_m])
    outline = middle + np.column_stack([np.cos(angle) * axes[0], np.sin(angle) * axes[1]]) @ vectors.T
    pixels, depth = view.homography.to_image(outline)
    return Spot(
        lonlat=found.lonlat,
        error_m=float(axes[1]),
        across_m=float(axes[0]),
        range_m=float(np.linalg.norm(middle - view.foot_m)),
        outline_px=_rounded(pixels[depth > 0]),
        outline_lonlat=_rounded(view.plane.to_lonlat(outline), digits=8),
    )
