"""The map between a ground plane in metres and an image in pixels, with its parameters' covariance.

Owns the fit (normalised DLT, RANSAC, Levenberg–Marquardt on the image error; Hartley & Zisserman, Multiple View
Geometry, 2nd ed., ch. 4 and 5) and the derivatives. Knows nothing of longitude, latitude or cameras.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.camera_errors import DegeneratePointsError, PointsDisagreeError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

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
# Thickness over length of the point cloud; singular values of the fit. Below these a line cannot be told from a plane.
_LEAST_THICKNESS: Final = 2e-3
_LEAST_SINGULAR: Final = 1e-6
# Inverse standard deviation of the worst-known parameter (of order 1). Above 5 the covariance, of first order, holds.
_LEAST_KNOWN: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Homography:
    """A ground plane seen by a camera, in centred and scaled coordinates on both sides.

    Attributes:
        matrix: (3, 3) scaled ground → scaled image; its last element is 1, so depth is positive in front.
        covariance: (8, 8) of the other elements, row by row.
        ground_centre_m: (2,) metres; the middle of the fitted points.
        ground_scale_m: metres per unit.
        image_centre_px: (2,) pixels.
        image_scale_px: pixels per unit.
    """

    matrix: Floats
    covariance: Floats
    ground_centre_m: Floats
    ground_scale_m: float
    image_centre_px: Floats
    image_scale_px: float

    def to_image(self, ground_m: Floats) -> tuple[Floats, Floats]:
        """Return (n, 2) pixels and (n,) depths for (n, 2) metres; a depth of 0 or less is behind the camera."""
        image = _homogeneous((ground_m - self.ground_centre_m) / self.ground_scale_m) @ self.matrix.T
        depth = image[:, 2]
        return _dehomogenised(image) * self.image_scale_px + self.image_centre_px, depth

    def to_ground(self, image_px: Floats) -> tuple[Floats, Floats]:
        """Return (n, 2) metres and (n,) inverse depths for (n, 2) pixels; 0 or less is on or above the horizon."""
        inverse = np.linalg.inv(self.matrix)
        ground = _homogeneous((image_px - self.image_centre_px) / self.image_scale_px) @ inverse.T
        return _dehomogenised(ground) * self.ground_scale_m + self.ground_centre_m, ground[:, 2]

    def by_ground(self, ground_m: Floats) -> Floats:
        """Return the derivative of the pixel by the ground position, (n, 2, 2) px/m."""
        scaled = _homogeneous((ground_m - self.ground_centre_m) / self.ground_scale_m) @ self.matrix.T
        depth = scaled[:, 2, None, None]
        pixel = scaled[:, :2, None] / depth
        slope = (self.matrix[:2, :2] - pixel * self.matrix[2, :2]) / depth
        return np.asarray(slope * (self.image_scale_px / self.ground_scale_m))

    def by_parameters(self, ground_m: Floats) -> Floats:
        """Return the derivative of the pixel by the eight parameters, (n, 2, 8) px."""
        ground = _homogeneous((ground_m - self.ground_centre_m) / self.ground_scale_m)
        return _by_parameters(self.matrix, ground) * self.image_scale_px


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


def fit_homography(ground_m: Floats, image_px: Floats, *, pixel_sd_px: float) -> Fit:
    """Fit ground → image, leaving out points that do not agree with the rest.

    Args:
        ground_m: (n, 2) metres.
        image_px: (n, 2) pixels of the same points; their error is what the fit minimises.
        pixel_sd_px: standard deviation of a clicked pixel, per axis.

    Raises:
        DegeneratePointsError: the points that agree lie on a line, or nearly.
        PointsDisagreeError: five points and more than half of all must agree as soon as one is left out.
    """
    _check_spread(ground_m, "lie on a line on the ground")
    _check_spread(image_px, "lie on a line in the image")
    inliers = _consensus(ground_m, image_px, pixel_sd_px=pixel_sd_px)
    for _ in range(_ROUNDS):
        _check_consensus(inliers, pixel_sd_px=pixel_sd_px)
        homography = _refined(ground_m[inliers], image_px[inliers])
        sigma_px = _sigma(homography, ground_m[inliers], image_px[inliers], pixel_sd_px=pixel_sd_px)
        homography = replace(homography, covariance=homography.covariance * sigma_px**2)
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


def _homogeneous(points: Floats) -> Floats:
    return np.column_stack([points, np.ones(len(points))])


def _dehomogenised(points: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(points[:, :2] / points[:, 2:])


def _by_parameters(matrix: Floats, ground: Floats) -> Floats:
    """Return (n, 2, 8) for (n, 3) scaled ground points."""
    image = ground @ matrix.T
    over_depth = ground / image[:, 2:]
    pixel = image[:, :2] / image[:, 2:]
    slope = np.zeros((len(ground), 2, 8))
    slope[:, 0, 0:3] = slope[:, 1, 3:6] = over_depth
    slope[:, :, 6:8] = -pixel[:, :, None] * over_depth[:, None, :2]
    return slope


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


def _consensus(ground_m: Floats, image_px: Floats, *, pixel_sd_px: float) -> Flags:
    """Return the points that one view explains: all, all but the one whose absence helps most, or RANSAC's choice."""
    import cv2

    count = len(ground_m)
    everything = np.ones(count, dtype=np.bool_)
    if count == MINIMUM_POINTS or _excess(ground_m, image_px, everything, pixel_sd_px=pixel_sd_px) <= 0:
        return everything
    if _MINIMUM_CONSENSUS < count <= _MOST_SINGLE_OUT:
        # RANSAC counts votes only, and may sooner give up a lone far corner than the wrong click beside others.
        without = ~np.eye(count, dtype=np.bool_)
        excess = [_excess(ground_m, image_px, rest, pixel_sd_px=pixel_sd_px) for rest in without]
        best = int(np.argmin(excess))
        if excess[best] <= 0:
            return np.asarray(without[best])
    threshold_px = max(_RANSAC_LEAST_PX, _RANSAC_SDS * pixel_sd_px)
    # OpenCV draws from a generator with a fixed seed: the same points give the same answer.
    _, mask = cv2.findHomography(
        ground_m - ground_m.mean(axis=0), image_px, cv2.RANSAC, threshold_px, maxIters=5000, confidence=0.9999
    )
    return np.asarray(mask).reshape(-1) > 0


def _excess(ground_m: Floats, image_px: Floats, chosen: Flags, *, pixel_sd_px: float) -> float:
    """Return by how much the chosen points' squared error passes what their click error explains, in px²."""
    from scipy.stats import chi2

    try:
        homography = _refined(ground_m[chosen], image_px[chosen])
    except DegeneratePointsError:  # a wrong point can make the rest look degenerate
        return float("inf")
    squares = float(((homography.to_image(ground_m[chosen])[0] - image_px[chosen]) ** 2).sum())
    return squares - float(chi2.ppf(_EXPLAINED, 2 * int(chosen.sum()) - 8)) * pixel_sd_px**2


def _scaled(points: Floats) -> tuple[Floats, Floats, float]:
    """Return the points about their middle at unit spread, the middle, and the spread (Hartley 1997)."""
    centre = points.mean(axis=0)
    scale = float(np.sqrt(((points - centre) ** 2).sum(axis=1).mean() / 2))
    return (points - centre) / scale, centre, scale


def _refined(ground_m: Floats, image_px: Floats) -> Homography:
    """Fit all points given by least image error; the covariance is for a click error of 1 px."""
    from scipy.optimize import least_squares

    scaled, ground_centre, ground_scale = _scaled(ground_m)
    pixels, image_centre, image_scale = _scaled(image_px)
    ground = _homogeneous(scaled)

    def residual(parameters: Floats) -> Floats:
        return (_dehomogenised(ground @ _matrix(parameters).T) - pixels).reshape(-1)

    def slope(parameters: Floats) -> Floats:
        return _by_parameters(_matrix(parameters), ground).reshape(-1, 8)

    found = least_squares(residual, _direct(ground, pixels), jac=slope, method="lm")
    jacobian = slope(found.x)
    singular = np.linalg.svd(jacobian, compute_uv=False)
    _check_conditioned(float(singular[-1] / singular[0]))
    matrix = _matrix(found.x)
    nearest = float((ground @ matrix[2]).min())
    if nearest <= 0:
        raise DegeneratePointsError("lie on both sides of the horizon that they imply", measure=nearest, least=0.0)
    return Homography(
        matrix=matrix,
        covariance=np.asarray(np.linalg.inv(jacobian.T @ jacobian) / image_scale**2, dtype=np.float64),
        ground_centre_m=ground_centre,
        ground_scale_m=ground_scale,
        image_centre_px=image_centre,
        image_scale_px=image_scale,
    )


def _matrix(parameters: Floats) -> Floats:
    return np.append(parameters, 1.0).reshape(3, 3)


def _check_known(covariance: Floats) -> None:
    known = float(1 / np.sqrt(np.linalg.eigvalsh(covariance)[-1]))
    if not known >= _LEAST_KNOWN:
        where = "lie all but one too near to a line for their click error"
        raise DegeneratePointsError(where, measure=known, least=_LEAST_KNOWN)


def _check_conditioned(ratio: float) -> None:
    if not ratio >= _LEAST_SINGULAR:
        raise DegeneratePointsError("lie all but one on a line", measure=ratio, least=_LEAST_SINGULAR)


def _direct(ground: Floats, pixels: Floats) -> Floats:
    """Return the eight parameters by direct linear transform of (n, 3) scaled ground points."""
    nought = np.zeros_like(ground)
    rows = np.vstack(
        [
            np.hstack([ground, nought, -pixels[:, :1] * ground]),
            np.hstack([nought, ground, -pixels[:, 1:] * ground]),
        ]
    )
    _, singular, directions = np.linalg.svd(rows)
    _check_conditioned(float(singular[7] / singular[0]))
    solution = directions[-1]
    if abs(solution[8]) < _LEAST_SINGULAR:
        raise DegeneratePointsError(
            "have their middle on the horizon that they imply", measure=abs(float(solution[8])), least=_LEAST_SINGULAR
        )
    return np.asarray(solution[:8] / solution[8])


def _sigma(homography: Homography, ground_m: Floats, image_px: Floats, *, pixel_sd_px: float) -> float:
    """Return the stated click error, or the residuals' own where they show it to be too small."""
    from scipy.stats import chi2

    freedom = 2 * len(ground_m) - 8
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
