"""The homography of least image error through all points given: straight, behind a known lens, or with the lens.

Normalised DLT, then Levenberg–Marquardt on the image error. Which points to trust is `geo.homography_fit`'s.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from geo.camera_errors import DegeneratePointsError
from geo.homography import PLANE_PARAMETERS, Floats, Homography, by_plane_parameters, dehomogenised, homogeneous
from geo.lens import MOST_DIVISION, DivisionLens, Lens

# Singular values of the fit: below this ratio a line cannot be told from a plane.
_LEAST_SINGULAR: Final = 1e-6
# Division coefficients from which a lens's search sets out; beyond the first it finds strong barrels sooner.
_LENS_STARTS: Final = (0.0, -0.2)


def refined(ground_m: Floats, image_px: Floats) -> Homography:
    """Fit all points given by least image error; the covariance is for a click error of 1 px."""
    from scipy.optimize import least_squares

    scaled, ground_centre, ground_scale = _scaled(ground_m)
    pixels, image_centre, image_scale = _scaled(image_px)
    ground = homogeneous(scaled)

    def residual(parameters: Floats) -> Floats:
        return (dehomogenised(ground @ _matrix(parameters).T) - pixels).reshape(-1)

    def slope(parameters: Floats) -> Floats:
        return by_plane_parameters(_matrix(parameters), ground).reshape(-1, 8)

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


def refined_behind(ground_m: Floats, image_px: Floats, *, lens: Lens) -> Homography:
    """Fit all points given, seen through a known lens, by least error in the bent image."""
    from scipy.optimize import least_squares

    start = refined(ground_m, lens.straighten(image_px))
    ground = homogeneous((ground_m - start.ground_centre_m) / start.ground_scale_m)

    def seen(parameters: Floats) -> Homography:
        return replace(start, matrix=_matrix(parameters), lens=lens)

    def residual(parameters: Floats) -> Floats:
        return ((seen(parameters).to_image(ground_m)[0] - image_px) / start.image_scale_px).reshape(-1)

    def slope(parameters: Floats) -> Floats:
        return (seen(parameters).by_parameters(ground_m) / start.image_scale_px).reshape(-1, PLANE_PARAMETERS)

    found = least_squares(residual, start.matrix.reshape(-1)[:PLANE_PARAMETERS], jac=slope, method="lm")
    return _known(seen(found.x), slope(found.x), ground)


def refined_with(ground_m: Floats, image_px: Floats, *, image_size_px: tuple[int, int]) -> Homography:
    """Fit all points given together with the lens that they were seen through; the best of several starts."""
    found: list[tuple[float, Homography]] = []
    fault: DegeneratePointsError | None = None
    for start in _LENS_STARTS:
        try:
            found.append(_refined_from(ground_m, image_px, start=start, image_size_px=image_size_px))
        except DegeneratePointsError as error:
            fault = error
    if not found:
        raise fault or DegeneratePointsError("fix no lens", measure=0.0, least=0.0)
    return min(found, key=lambda each: each[0])[1]


def _refined_from(
    ground_m: Floats, image_px: Floats, *, start: float, image_size_px: tuple[int, int]
) -> tuple[float, Homography]:
    """Return the squared error in scaled pixels, and the fit."""
    from scipy.optimize import least_squares

    count = PLANE_PARAMETERS + 1
    straight = refined(ground_m, DivisionLens.of(start, image_size_px).straighten(image_px))
    ground = homogeneous((ground_m - straight.ground_centre_m) / straight.ground_scale_m)
    joint = replace(straight, covariance=np.eye(count))

    def seen(parameters: Floats) -> Homography:
        # Beyond what is believed the search stands before a wall: a coefficient there is never taken.
        division = float(np.clip(parameters[-1], -MOST_DIVISION, MOST_DIVISION))
        return replace(joint, matrix=_matrix(parameters[:-1]), lens=DivisionLens.of(division, image_size_px))

    def residual(parameters: Floats) -> Floats:
        return ((seen(parameters).to_image(ground_m)[0] - image_px) / straight.image_scale_px).reshape(-1)

    def slope(parameters: Floats) -> Floats:
        return (seen(parameters).by_parameters(ground_m) / straight.image_scale_px).reshape(-1, count)

    if 2 * len(ground_m) < count:
        raise DegeneratePointsError("are too few for a lens", measure=len(ground_m), least=(count + 1) // 2)
    first = np.append(straight.matrix.reshape(-1)[:PLANE_PARAMETERS], start)
    found = least_squares(residual, first, jac=slope, method="lm")
    if not abs(found.x[-1]) < MOST_DIVISION:
        known = f"imply a lens beyond belief ({found.x[-1]:.2f})"
        raise DegeneratePointsError(known, measure=-abs(float(found.x[-1])), least=-MOST_DIVISION)
    return float(found.cost), _known(seen(found.x), slope(found.x), ground)


def with_lens_spread(homography: Homography, ground_m: Floats, spread: float) -> Homography:
    """Return a fit with one parameter more in its covariance: what is known of the lens, give or take.

    The fitted parameters follow that one as the points make them (a "consider" parameter: nothing is learned of it).

    Args:
        homography: fitted; its covariance holds the parameters that were.
        ground_m: (n, 2) the points.
        spread: standard deviation of the next parameter.
    """
    count = len(homography.covariance)
    joint = replace(homography, covariance=np.eye(count + 1))
    slope = joint.by_parameters(ground_m).reshape(-1, count + 1)
    follows = -np.linalg.lstsq(slope[:, :-1], slope[:, -1], rcond=None)[0]
    turn = np.append(follows, 1.0)
    covariance = np.outer(turn, turn) * spread**2
    covariance[:-1, :-1] += homography.covariance
    return replace(homography, covariance=covariance)


def _known(homography: Homography, slope: Floats, ground: Floats) -> Homography:
    """Return a fit with its covariance for a click error of 1 px, if its points fix it."""
    singular = np.linalg.svd(slope, compute_uv=False)
    _check_conditioned(float(singular[-1] / singular[0]))
    nearest = float((ground @ homography.matrix[2]).min())
    if nearest <= 0:
        raise DegeneratePointsError("lie on both sides of the horizon that they imply", measure=nearest, least=0.0)
    covariance = np.linalg.inv(slope.T @ slope) / homography.image_scale_px**2
    return replace(homography, covariance=np.asarray(covariance, dtype=np.float64))


def _scaled(points: Floats) -> tuple[Floats, Floats, float]:
    """Return the points about their middle at unit spread, the middle, and the spread (Hartley 1997)."""
    centre = points.mean(axis=0)
    scale = float(np.sqrt(((points - centre) ** 2).sum(axis=1).mean() / 2))
    return (points - centre) / scale, centre, scale


def _matrix(parameters: Floats) -> Floats:
    return np.append(parameters, 1.0).reshape(3, 3)


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


def _check_conditioned(ratio: float) -> None:
    if not ratio >= _LEAST_SINGULAR:
        raise DegeneratePointsError("lie all but one on a line", measure=ratio, least=_LEAST_SINGULAR)
