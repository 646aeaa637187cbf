"""Whether calibration points call for a lens: a straight view and one through a division lens, and which to take.

A coefficient more always fits better. It is taken where the gain is more than clicks make (F-test), where the gain does
not hang on one point, which may be a wrong click, and where each point is foretold better by the others.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from geo.camera_errors import CalibrationError
from geo.homography import PLANE_PARAMETERS, Floats, Homography
from geo.homography_fit import Fit, fit_homography, fit_with_lens
from geo.homography_least import refined
from geo.point_checks import foretold_px

# Two points more than fix the nine parameters: with one left out there is still something to test by.
LEAST_POINTS: Final = 7
# Level of the F-test over all points, and with any one of them left out.
_SURE: Final = 0.99
_SURE_WITHOUT_ONE: Final = 0.95


class LensVerdict(StrEnum):
    """Why a lens was taken, or was not."""

    TAKEN = "taken"
    TOO_FEW = "too-few"
    NOT_FOUND = "not-found"
    NOT_SHOWN = "not-shown"
    ONE_POINT = "one-point"
    FORETELLS_WORSE = "foretells-worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class LensEvidence:
    """What was weighed; figures are nan where it did not come to them.

    Attributes:
        points: that took part; `least_points` are needed.
        division, division_sd: the coefficient as fitted, in half diagonals of the image.
        straight_rms_px, lens_rms_px: error of the points in the image, root of the mean square.
        f, f_needed: the F-test's value, and the one that it must pass.
        f_without_one, f_needed_without_one: the same with the point left out that speaks most for a lens.
        straight_foretold_px, lens_foretold_px: as the first, each point foretold by the others.
    """

    verdict: LensVerdict
    points: int
    least_points: int = LEAST_POINTS
    division: float = float("nan")
    division_sd: float = float("nan")
    straight_rms_px: float = float("nan")
    lens_rms_px: float = float("nan")
    f: float = float("nan")
    f_needed: float = float("nan")
    f_without_one: float = float("nan")
    f_needed_without_one: float = float("nan")
    straight_foretold_px: float = float("nan")
    lens_foretold_px: float = float("nan")

    @property
    def taken(self) -> bool:
        """Tell whether the lens was taken."""
        return self.verdict is LensVerdict.TAKEN


def fit_as_called_for(
    ground_m: Floats, image_px: Floats, *, pixel_sd_px: float, image_size_px: tuple[int, int]
) -> tuple[Fit, LensEvidence]:
    """Fit a straight view, or one through a lens where the points call for it.

    Args:
        ground_m: (n, 2) metres.
        image_px: (n, 2) pixels of the same points.
        pixel_sd_px: standard deviation of a clicked pixel, per axis.
        image_size_px: width and height of the image; the lens's axis goes through its middle.

    Raises:
        CalibrationError: see `fit_homography`; a straight view is impossible and nothing speaks for a lens.
    """
    found, evidence = _lens(ground_m, image_px, pixel_sd_px=pixel_sd_px, image_size_px=image_size_px)
    if found is not None and evidence.taken:
        return found, evidence
    return fit_homography(ground_m, image_px, pixel_sd_px=pixel_sd_px), evidence


def _lens(
    ground_m: Floats, image_px: Floats, *, pixel_sd_px: float, image_size_px: tuple[int, int]
) -> tuple[Fit | None, LensEvidence]:
    if len(ground_m) < LEAST_POINTS:
        return None, LensEvidence(verdict=LensVerdict.TOO_FEW, points=len(ground_m))
    try:
        found = fit_with_lens(ground_m, image_px, pixel_sd_px=pixel_sd_px, image_size_px=image_size_px)
        chosen = found.inliers
        straight = refined(ground_m[chosen], image_px[chosen])
    except CalibrationError:
        return None, LensEvidence(verdict=LensVerdict.NOT_FOUND, points=len(ground_m))
    if chosen.sum() < LEAST_POINTS:
        return None, LensEvidence(verdict=LensVerdict.TOO_FEW, points=int(chosen.sum()))
    return found, weigh(straight, found.homography, ground_m[chosen], image_px[chosen], pixel_sd_px=pixel_sd_px)


def weigh(
    straight: Homography, bent: Homography, ground_m: Floats, image_px: Floats, *, pixel_sd_px: float
) -> LensEvidence:
    """Return what the points say of two fits to all of them: a straight one and one through a division lens."""
    from scipy.stats import f as f_distribution

    count = len(ground_m)
    plain, lens = (_Left.out(each, ground_m, image_px) for each in (straight, bent))
    freedom = 2 * count - PLANE_PARAMETERS - 1
    f = _f(plain.squares, lens.squares, freedom, pixel_sd_px)
    without = min(
        _f(one, other, freedom - 2, pixel_sd_px)
        for one, other in zip(plain.squares_without, lens.squares_without, strict=True)
    )
    needed = float(f_distribution.ppf(_SURE, 1, freedom))
    needed_without = float(f_distribution.ppf(_SURE_WITHOUT_ONE, 1, freedom - 2))
    if f < needed:
        verdict = LensVerdict.NOT_SHOWN
    elif without < needed_without:
        verdict = LensVerdict.ONE_POINT
    elif lens.foretold >= plain.foretold:
        verdict = LensVerdict.FORETELLS_WORSE
    else:
        verdict = LensVerdict.TAKEN
    return LensEvidence(
        verdict=verdict,
        points=count,
        division=0.0 if bent.lens is None else bent.lens.coefficient,
        division_sd=0.0 if bent.lens is None else bent.lens.coefficient_sd,
        straight_rms_px=float(np.sqrt(plain.squares / count)),
        lens_rms_px=float(np.sqrt(lens.squares / count)),
        f=f,
        f_needed=needed,
        f_without_one=without,
        f_needed_without_one=needed_without,
        straight_foretold_px=float(np.sqrt(plain.foretold / count)),
        lens_foretold_px=float(np.sqrt(lens.foretold / count)),
    )


def _f(straight_squares: float, lens_squares: float, freedom: int, pixel_sd_px: float) -> float:
    """Return the gain of one more parameter over the error of a click, never taken to be less than stated."""
    return float((straight_squares - lens_squares) / max(lens_squares / freedom, pixel_sd_px**2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Left:
    """A fit's squared error in px²: of all points, without each, and foretold.

    Attributes:
        squares_without: (n,) of the other points, if each were left out of the fit.
        foretold: of each point by the others, in all.
    """

    squares: float
    squares_without: Floats
    foretold: float

    @classmethod
    def out(cls, fit: Homography, ground_m: Floats, image_px: Floats) -> "_Left":
        """Return a fit's errors, those of left-out points to first order from their leverage."""
        residual = fit.to_image(ground_m)[0] - image_px
        squares = float((residual**2).sum())
        foretold = foretold_px(fit, ground_m, image_px)
        return cls(
            squares=squares,
            squares_without=np.maximum(squares - (residual * foretold).sum(axis=1), 0.0),
            foretold=float((foretold**2).sum()),
        )
