"""Which calibration points to trust, and the homography that they give.

Owns consensus (all points, all but one, or RANSAC's choice), the click error that the residuals show, and leaving out
what does not agree. The arithmetic of one fit is `geo.homography_least`'s; whether a lens is called for is
`geo.lens_choice`'s.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from geo.camera_errors import DegeneratePointsError, PointsDisagreeError
from geo.homography import PLANE_PARAMETERS, Flags, Floats, Homography
from geo.homography_least import refined, refined_behind, refined_with, with_lens_spread
from geo.lens import Lens

MINIMUM_POINTS: Final = 4
# A fifth point is the first that can show another to be wrong.
_MINIMUM_CONSENSUS: Final = 5
_RANSAC_SDS: Final = 5.0
_RANSAC_LEAST_PX: Final = 2.0
# Squared distance in standard deviations, two degrees of freedom, exceeded by one good point in 10,000.
_OUTLIER_SQUARED: Final = 18.42
# Residuals must reject the stated click error at this level before they replace it.
_REJECT: Final = 0.95
# Below this level of the same test all points are taken as they are.
_EXPLAINED: Final = 0.999
_ROUNDS: Final = 10
# Each point is tried as the only wrong one up to this many: one more fit for each.
_MOST_SINGLE_OUT: Final = 24
# Thickness over length of the point cloud: below this a line cannot be told from a plane.
_LEAST_THICKNESS: Final = 2e-3
# Inverse standard deviation of the worst-known parameter (of order 1). Above 5 the covariance, of first order, holds.
_LEAST_KNOWN: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """A homography with the points it rests on.

    Attributes:
        homography: the fitted map.
        inliers: (n,) True where a point took part.
        sigma_px: the click error that the covariance rests on.
    """

    homography: Homography
    inliers: Flags
    sigma_px: float


Refine = Callable[[Floats, Floats], Homography]
"""From (n, 2) metres and pixels to the fit of least image error, with a covariance for a click error of 1 px."""


def fit_homography(ground_m: Floats, image_px: Floats, *, pixel_sd_px: float, lens: Lens | None = None) -> Fit:
    """Fit ground → image, leaving out points that do not agree with the rest.

    Args:
        ground_m: (n, 2) metres.
        image_px: (n, 2) pixels of the same points; their error is what the fit minimises.
        pixel_sd_px: standard deviation of a clicked pixel, per axis.
        lens: through which the pixels were seen, as it is known; None for a straight picture.

    Raises:
        DegeneratePointsError: the points that agree lie on a line, or nearly.
        PointsDisagreeError: five points and more than half of all must agree as soon as one is left out.
    """
    refine = refined if lens is None else partial(refined_behind, lens=lens)
    fit = _fit(ground_m, image_px, pixel_sd_px=pixel_sd_px, refine=refine, lens=lens)
    if lens is None or not lens.coefficient_sd:
        return fit
    return replace(fit, homography=with_lens_spread(fit.homography, ground_m[fit.inliers], lens.coefficient_sd))


def fit_with_lens(ground_m: Floats, image_px: Floats, *, pixel_sd_px: float, image_size_px: tuple[int, int]) -> Fit:
    """Fit ground → image together with a division lens about the image's middle; see `fit_homography`.

    Raises:
        DegeneratePointsError: the points do not fix the plane and the lens.
        PointsDisagreeError: one view through one lens does not explain enough of them.
    """
    refine = partial(refined_with, image_size_px=image_size_px)
    fit = _fit(ground_m, image_px, pixel_sd_px=pixel_sd_px, refine=refine, unknowns=PLANE_PARAMETERS + 1)
    lens = fit.homography.lens
    if lens is None:  # what `refined_with` returns has one
        return fit
    return replace(fit, homography=with_lens_spread(fit.homography, ground_m[fit.inliers], lens.form_sd))


def _fit(
    ground_m: Floats,
    image_px: Floats,
    *,
    pixel_sd_px: float,
    refine: Refine,
    lens: Lens | None = None,
    unknowns: int = PLANE_PARAMETERS,
) -> Fit:
    _check_spread(ground_m, "lie on a line on the ground")
    _check_spread(image_px, "lie on a line in the image")
    inliers = _consensus(ground_m, image_px, pixel_sd_px=pixel_sd_px, refine=refine, straight=lens, unknowns=unknowns)
    for _ in range(_ROUNDS):
        _check_consensus(inliers, pixel_sd_px=pixel_sd_px)
        homography = refine(ground_m[inliers], image_px[inliers])
        freedom = 2 * int(inliers.sum()) - unknowns
        sigma_px = _sigma(homography, ground_m[inliers], image_px[inliers], pixel_sd_px=pixel_sd_px, freedom=freedom)
        homography = _spread_by(homography, sigma_px)
        _check_known(homography.covariance)
        agreeing = _agreeing(homography, ground_m, image_px, inliers=inliers, sigma_px=sigma_px)
        if np.array_equal(agreeing, inliers):
            break
        inliers = agreeing
    else:
        raise PointsDisagreeError(
            np.flatnonzero(inliers).tolist(), count=len(inliers), least=_least(len(inliers)), pixel_sd_px=pixel_sd_px
        )
    return Fit(homography=homography, inliers=inliers, sigma_px=sigma_px)


def _spread_by(homography: Homography, sigma_px: float) -> Homography:
    """Return a fit for a click error of 1 px with its covariance for the true one."""
    covariance, lens = homography.covariance * sigma_px**2, homography.lens
    if lens is not None and len(covariance) > PLANE_PARAMETERS:
        lens = replace(lens, coefficient_sd=float(np.sqrt(covariance[-1, -1])))
    return replace(homography, covariance=covariance, lens=lens)


def _check_spread(points: Floats, where: str) -> None:
    long, short = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    thickness = float(short / long) if long > 0 else 0.0
    if thickness < _LEAST_THICKNESS:
        raise DegeneratePointsError(where, measure=thickness, least=_LEAST_THICKNESS)


def _least(count: int) -> int:
    return max(_MINIMUM_CONSENSUS, count // 2 + 1)


def _check_consensus(inliers: Flags, *, pixel_sd_px: float) -> None:
    count = len(inliers)
    if not inliers.all() and inliers.sum() < _least(count):
        agreeing = np.flatnonzero(inliers).tolist()
        raise PointsDisagreeError(agreeing, count=count, least=_least(count), pixel_sd_px=pixel_sd_px)


def _check_known(covariance: Floats) -> None:
    known = float(1 / np.sqrt(np.linalg.eigvalsh(covariance)[-1]))
    if not known >= _LEAST_KNOWN:
        where = "lie all but one too near to a line for their click error"
        raise DegeneratePointsError(where, measure=known, least=_LEAST_KNOWN)


def _consensus(
    ground_m: Floats,
    image_px: Floats,
    *,
    pixel_sd_px: float,
    refine: Refine,
    straight: Lens | None,
    unknowns: int,
) -> Flags:
    """Return the points that one view explains: all, all but the one whose absence helps most, or RANSAC's choice."""
    import cv2

    def excess_of(chosen: Flags) -> float:
        return _excess(ground_m, image_px, chosen, pixel_sd_px=pixel_sd_px, refine=refine, unknowns=unknowns)

    count = len(ground_m)
    everything = np.ones(count, dtype=np.bool_)
    if count == MINIMUM_POINTS or excess_of(everything) <= 0:
        return everything
    if _MINIMUM_CONSENSUS < count <= _MOST_SINGLE_OUT:
        # RANSAC counts votes only, and may sooner give up a lone far corner than the wrong click beside others.
        without = ~np.eye(count, dtype=np.bool_)
        excess = [excess_of(rest) for rest in without]
        best = int(np.argmin(excess))
        if excess[best] <= 0:
            return np.asarray(without[best])
    if unknowns > PLANE_PARAMETERS:  # RANSAC draws fours, which tell nothing of a lens: the rounds must find them
        return everything
    threshold_px = max(_RANSAC_LEAST_PX, _RANSAC_SDS * pixel_sd_px)
    seen_px = image_px if straight is None else straight.straighten(image_px)
    # OpenCV draws from a generator with a fixed seed: the same points give the same answer.
    _, mask = cv2.findHomography(
        ground_m - ground_m.mean(axis=0), seen_px, cv2.RANSAC, threshold_px, maxIters=5000, confidence=0.9999
    )
    return np.asarray(mask).reshape(-1) > 0


def _excess(
    ground_m: Floats, image_px: Floats, chosen: Flags, *, pixel_sd_px: float, refine: Refine, unknowns: int
) -> float:
    """Return by how much the chosen points' squared error passes what their click error explains, in px²."""
    from scipy.stats import chi2

    try:
        homography = refine(ground_m[chosen], image_px[chosen])
    except DegeneratePointsError:  # a wrong point can make the rest look degenerate
        return float("inf")
    squares = float(((homography.to_image(ground_m[chosen])[0] - image_px[chosen]) ** 2).sum())
    return squares - float(chi2.ppf(_EXPLAINED, 2 * int(chosen.sum()) - unknowns)) * pixel_sd_px**2


def _sigma(homography: Homography, ground_m: Floats, image_px: Floats, *, pixel_sd_px: float, freedom: int) -> float:
    """Return the stated click error, or the residuals' own where they show it to be too small."""
    from scipy.stats import chi2

    if freedom <= 0:
        return pixel_sd_px
    squares = float(((homography.to_image(ground_m)[0] - image_px) ** 2).sum())
    if squares <= float(chi2.ppf(_REJECT, freedom)) * pixel_sd_px**2:
        return pixel_sd_px
    return float(np.sqrt(squares / freedom))


def _agreeing(homography: Homography, ground_m: Floats, image_px: Floats, *, inliers: Flags, sigma_px: float) -> Flags:
    """Return which points lie where the fit expects them, given its own uncertainty at each of them."""
    seen, depth = homography.to_image(ground_m)
    slope = homography.by_parameters(ground_m)
    spread = slope @ homography.covariance @ slope.transpose(0, 2, 1)
    # A point that took part has pulled the fit towards itself: its residual is smaller, not larger, by that spread.
    covariance = sigma_px**2 * np.eye(2) + np.where(inliers[:, None, None], -spread, spread)
    values, vectors = np.linalg.eigh(covariance)
    along = np.einsum("nji,nj->ni", vectors, seen - image_px)
    # Where the fit passes through a point by construction nothing can be said against it.
    checkable = values > 1e-6 * sigma_px**2  # rounding of the difference of two covariances
    squared = np.where(checkable, along**2 / np.where(checkable, values, 1.0), 0.0).sum(axis=1)
    return np.asarray((squared < _OUTLIER_SQUARED) & (depth > 0))
