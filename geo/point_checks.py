"""Which calibration points look wrong: each against what the others foretell of it.

To first order, by the points' leverage (Cook & Weisberg 1982): nothing is fitted anew. Owns no choice of points; that
is `geo.homography_fit`'s.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.homography import PLANE_PARAMETERS, Flags, Floats, Homography
from geo.lens import DivisionLens

# A good calibration has a suspicious point by chance one time in a hundred, however many points it has.
_CHANCE: Final = 0.01
_CARRIED: Final = 1e-9  # rounding: a point whose fitted pixel follows its click wholly


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointChecks:
    """What the others say of each point.

    Attributes:
        foretold_px: (n,) distance of the click from where the others foretell it; inf where they cannot.
        squared: (n,) the same, squared, in standard deviations of both; nan where the others cannot tell.
        limit: from which on `squared` is suspicious.
        suspicious: (n,).
    """

    foretold_px: Floats
    squared: Floats
    limit: float
    suspicious: NDArray[np.bool_]


def check_points(
    fit: Homography, ground_m: Floats, image_px: Floats, *, inliers: Flags, sigma_px: float
) -> PointChecks:
    """Return what the points of a fit say of one another, and of those that it leaves out.

    Args:
        fit: to the points that are `inliers`.
        ground_m: (n, 2) of all points.
        image_px: (n, 2) their clicks.
        inliers: (n,) which took part.
        sigma_px: click error, per axis.
    """
    from scipy.stats import chi2

    count = len(ground_m)
    foretold, squared = np.full(count, np.nan), np.full(count, np.nan)
    missed = foretold_px(fit, ground_m[inliers], image_px[inliers])
    residual = fit.to_image(ground_m)[0] - image_px
    foretold[inliers] = np.linalg.norm(missed, axis=1)
    with np.errstate(invalid="ignore"):
        squared[inliers] = np.where(
            np.isfinite(missed).all(axis=1), (residual[inliers] * missed).sum(axis=1) / sigma_px**2, np.nan
        )
    out = ~inliers
    if out.any():
        slope = fit.by_parameters(ground_m[out])
        covariance = sigma_px**2 * np.eye(2) + slope @ fit.covariance @ slope.transpose(0, 2, 1)
        foretold[out] = np.linalg.norm(residual[out], axis=1)
        solved = np.linalg.solve(covariance, residual[out][:, :, None])[:, :, 0]
        squared[out] = (residual[out] * solved).sum(axis=1)
    limit = float(chi2.ppf(1 - _CHANCE / count, 2))
    return PointChecks(
        foretold_px=foretold, squared=squared, limit=limit, suspicious=out | (np.nan_to_num(squared) > limit)
    )


def foretold_px(fit: Homography, ground_m: Floats, image_px: Floats) -> Floats:
    """Return by how much, (n, 2) px, each point of a fit misses what the others foretell: (I - H)⁻¹ e.

    e is the point's residual, H its block of the hat matrix; inf where the point carries the fit alone.
    """
    residual = fit.to_image(ground_m)[0] - image_px
    free = np.eye(2) - leverage(fit, ground_m)
    carried = np.linalg.eigvalsh(free)[:, 0] < _CARRIED
    solved = np.linalg.solve(np.where(carried[:, None, None], np.eye(2), free), residual[:, :, None])[:, :, 0]
    return np.where(carried[:, None], np.inf, solved)


def leverage(fit: Homography, ground_m: Floats) -> Floats:
    """Return the points' blocks of the hat matrix, (n, 2, 2): how far each one's fitted pixel follows its own click."""
    fitted = PLANE_PARAMETERS + (isinstance(fit.lens, DivisionLens))
    slope = fit.by_parameters(ground_m)[:, :, :fitted]
    basis = np.linalg.qr(slope.reshape(-1, fitted))[0].reshape(slope.shape)
    return np.asarray(basis @ basis.transpose(0, 2, 1))
