"""Where on the ground a pixel lies, and how surely: one camera's calibrated view of a flat street.

Owns pixel ↔ longitude/latitude with two covariances, through the lens where one is given or called for. Slopes and
kerbs are outside the model and show as calibration residuals.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.camera_errors import (
    AboveHorizonError,
    BeyondRangeError,
    CalibrationValueError,
    MirroredPointsError,
    TooFewPointsError,
)
from geo.camera_foot import foot_of
from geo.coords import LonLat, checked_lonlat
from geo.homography import Flags, Floats, Homography
from geo.homography_fit import MINIMUM_POINTS, Fit, fit_homography
from geo.lens import Lens, LensChoice
from geo.lens_choice import LensEvidence, fit_as_called_for
from geo.metric import LocalPlane

# sqrt(chi2.ppf(0.95, 2)): semi-axis of the 95 % ellipse in standard deviations.
ELLIPSE_95: Final = 2.447746830680816
_MOST_POINTS: Final = 10_000
# A point read at the image's rim may be off by its click error; one farther out was read at another resolution.
_MARGIN: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundPoint:
    """Where one thing stands.

    Attributes:
        lonlat: WGS-84.
        east_m: metres east of the view's plane origin.
        north_m: metres north of it.
        calibration_cov_m2: (2, 2) east/north; what more frames of this camera do not average away: the calibration,
            and the thing's own unknown depth.
        measurement_cov_m2: (2, 2) east/north; one frame's box, averaged over effective frames.
    """

    lonlat: LonLat
    east_m: float
    north_m: float
    calibration_cov_m2: Floats
    measurement_cov_m2: Floats

    @property
    def error_m(self) -> float:
        """Semi-major axis of the 95 % ellipse of both covariances together."""
        return float(error_m((self.calibration_cov_m2 + self.measurement_cov_m2)[None])[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundPoints:
    """Where many things stand; rows that show no usable ground are NaN.

    Attributes:
        lonlat: (n, 2) WGS-84.
        metres: (n, 2) east and north of the view's plane origin.
        range_m: (n,) from the camera's foot; NaN on or above the horizon.
        calibration_cov_m2: (n, 2, 2), as in `GroundPoint`.
        measurement_cov_m2: (n, 2, 2).
        on_ground: (n,) False on or above the horizon and beyond the view's range.
    """

    lonlat: Floats
    metres: Floats
    range_m: Floats
    calibration_cov_m2: Floats
    measurement_cov_m2: Floats
    on_ground: Flags

    @property
    def error_m(self) -> Floats:
        """Semi-major axes of the 95 % ellipses, (n,)."""
        return error_m(self.calibration_cov_m2 + self.measurement_cov_m2)

    def with_rows(self, rows: NDArray[np.intp], other: "GroundPoints") -> "GroundPoints":
        """Return a copy in which other points, (k,), stand at some rows, (k,)."""
        columns = {}
        for column in fields(self):
            columns[column.name] = getattr(self, column.name).copy()
            columns[column.name][rows] = getattr(other, column.name)
        return GroundPoints(**columns)


def error_m(covariance_m2: Floats) -> Floats:
    """Return the semi-major axes, (n,), of the 95 % ellipses of (n, 2, 2) covariances."""
    a, b, d = covariance_m2[:, 0, 0], covariance_m2[:, 0, 1], covariance_m2[:, 1, 1]
    largest = (a + d) / 2 + np.hypot((a - d) / 2, b)
    return np.asarray(ELLIPSE_95 * np.sqrt(largest))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CameraView:
    """A camera's calibrated view of the ground.

    Attributes:
        plane: metres around the calibration points' middle.
        homography: that plane → pixels, with the covariance of its parameters and of the lens's, if there is one.
        image_size_px: width and height of the image that pixels refer to.
        max_range_m: ground farther from the camera's foot than this is refused.
        inliers: (n,) False for calibration points that were left out.
        residual_px: (n,) reprojection error of each calibration point.
        residual_m: (n,) the same on the ground; NaN where the pixel shows none.
        sigma_px: click error that the covariance rests on, the stated one unless the residuals are larger.
        foot_m: (2,) the ground beneath the camera, from its known position or from the homography.
        foot_by_parameters: (2, 8 to 10), derivative of a foot taken from the homography; zero for a known one.
        lens_evidence: what was weighed where the points were to decide about the lens.
    """

    plane: LocalPlane
    homography: Homography
    image_size_px: tuple[int, int]
    max_range_m: float
    inliers: Flags
    residual_px: Floats
    residual_m: Floats
    sigma_px: float
    foot_m: Floats
    foot_by_parameters: Floats
    lens_evidence: LensEvidence | None = None

    @classmethod
    def fit(
        cls,
        points_px: ArrayLike,
        points_lonlat: ArrayLike,
        *,
        image_size_px: tuple[int, int],
        pixel_sd_px: float = 1.0,
        camera_lonlat: LonLat | None = None,
        max_range_m: float = 500.0,
        lens: Lens | LensChoice = LensChoice.NONE,
    ) -> Self:
        """Calibrate from points seen both in the image and on the map.

        Args:
            points_px: (n, 2) pixels u to the right and v down, n of 4 or more; 6 to 12 show a wrong one.
            points_lonlat: (n, 2) WGS-84 positions of the same points, all on the ground.
            image_size_px: width and height of the image that the pixels refer to.
            pixel_sd_px: standard deviation of a clicked pixel, per axis.
            camera_lonlat: where the camera stands, if surveyed; only the direction "away from the camera" and the
                range depend on it. Without it, it follows from the homography for square pixels and an optical
                axis through the image's middle.
            max_range_m: ground farther from the camera than this is refused.
            lens: as it is known, or whether the points are to decide if there is one; without it the picture is taken
                to be straight.

        Raises:
            CalibrationError: too few points, values that are not pixels or positions, points on a line, points that
                do not agree, or the mirror image of the ground.
            CoordinateError: a position is not a longitude and latitude.
        """
        pixels, lonlat = _checked_points(points_px, points_lonlat, image_size_px=image_size_px)
        _check_positive("pixel_sd_px", pixel_sd_px)
        _check_positive("max_range_m", max_range_m)
        plane = LocalPlane.at(LonLat(*lonlat.mean(axis=0).tolist()))
        ground_m = plane.to_metres(lonlat)
        fit, evidence = _fit(ground_m, pixels, pixel_sd_px=pixel_sd_px, image_size_px=image_size_px, lens=lens)
        if np.linalg.det(fit.homography.matrix) > 0:  # v grows downwards: a view from above has a negative one
            raise MirroredPointsError
        seen_px, _ = fit.homography.to_image(ground_m)
        seen_m, in_front = fit.homography.to_ground(pixels)
        foot_m, foot_slope = foot_of(fit.homography, image_size_px)
        if camera_lonlat is not None:
            foot_m, foot_slope = np.array(plane.point_to_metres(camera_lonlat)), np.zeros_like(foot_slope)
        return cls(
            plane=plane,
            homography=fit.homography,
            image_size_px=image_size_px,
            max_range_m=max_range_m,
            inliers=fit.inliers,
            residual_px=np.linalg.norm(seen_px - pixels, axis=1),
            residual_m=np.where(in_front > 0, np.linalg.norm(seen_m - ground_m, axis=1), np.nan),
            sigma_px=fit.sigma_px,
            foot_m=foot_m,
            foot_by_parameters=foot_slope,
            lens_evidence=evidence,
        )

    @property
    def dropped(self) -> tuple[int, ...]:
        """Indices, from 0, of calibration points that disagree with the rest and were left out."""
        return tuple(np.flatnonzero(~self.inliers).tolist())

    @property
    def lens(self) -> Lens | None:
        """The lens that pixels are seen through; None where the picture is taken to be straight."""
        return self.homography.lens

    @property
    def camera_lonlat(self) -> LonLat:
        """Where the camera's foot lies, WGS-84."""
        return self.plane.point_to_lonlat(*self.foot_m.tolist())

    def locate(
        self,
        contact_px: Sequence[float] | Floats,
        *,
        pixel_sd_px: tuple[float, float],
        half_depth_m: float = 0.0,
        half_depth_sd_m: float = 0.0,
    ) -> GroundPoint:
        """Return where the thing stands whose box touches the ground at a pixel; see `locate_many`.

        Raises:
            AboveHorizonError: the pixel shows no ground.
            BeyondRangeError: the ground there is farther than `max_range_m`.
            CalibrationValueError: a value is not finite, or a spread is negative.
        """
        u_px, v_px = (float(value) for value in contact_px)
        found = self.locate_many(
            np.array([[u_px, v_px]]),
            pixel_sd_px=np.array([pixel_sd_px]),
            half_depth_m=np.array([half_depth_m]),
            half_depth_sd_m=np.array([half_depth_sd_m]),
        )
        if np.isnan(found.range_m[0]):
            raise AboveHorizonError(u_px, v_px)
        if not found.on_ground[0]:
            raise BeyondRangeError(u_px, v_px, range_m=float(found.range_m[0]), max_range_m=self.max_range_m)
        return GroundPoint(
            lonlat=LonLat(*found.lonlat[0].tolist()),
            east_m=float(found.metres[0, 0]),
            north_m=float(found.metres[0, 1]),
            calibration_cov_m2=found.calibration_cov_m2[0],
            measurement_cov_m2=found.measurement_cov_m2[0],
        )

    def locate_many(
        self,
        contacts_px: Floats,
        *,
        pixel_sd_px: ArrayLike,
        half_depth_m: ArrayLike = 0.0,
        half_depth_sd_m: ArrayLike = 0.0,
    ) -> GroundPoints:
        """Return where things stand whose boxes touch the ground at pixels, in one pass.

        The centre of a footprint is its ground contact moved away from the camera's foot by half its depth. Errors
        go to first order from the homography's parameters (and the foot that follows from them), the contact's
        pixel and the depth's spread.

        Args:
            contacts_px: (n, 2) pixels of the boxes' ground contacts.
            pixel_sd_px: (2,) or (n, 2) standard deviations of those pixels along u and v.
            half_depth_m: one or (n,) metres from the near edge of the footprint to its centre.
            half_depth_sd_m: one or (n,) standard deviations of that.

        Raises:
            CalibrationValueError: a value is not finite, or a spread is negative.
        """
        contacts = _finite("contacts_px", np.asarray(contacts_px, dtype=np.float64).reshape(-1, 2))
        count = len(contacts)
        pixel_sd = _spread("pixel_sd_px", pixel_sd_px, (count, 2))
        depth = _finite("half_depth_m", np.broadcast_to(np.asarray(half_depth_m, dtype=np.float64), (count,)))
        depth_sd = _spread("half_depth_sd_m", half_depth_sd_m, (count,))

        contact_m, in_front = self.homography.to_ground(contacts)
        range_m = np.where(in_front > 0, np.linalg.norm(contact_m - self.foot_m, axis=1), np.nan)
        with np.errstate(invalid="ignore"):
            usable = range_m <= self.max_range_m
        result = GroundPoints(
            lonlat=np.full((count, 2), np.nan),
            metres=np.full((count, 2), np.nan),
            range_m=range_m,
            calibration_cov_m2=np.full((count, 2, 2), np.nan),
            measurement_cov_m2=np.full((count, 2, 2), np.nan),
            on_ground=usable,
        )
        if usable.any():
            self._fill(result, contact_m[usable], pixel_sd[usable], depth[usable], depth_sd[usable])
        return result

    def _fill(self, result: GroundPoints, contact_m: Floats, pixel_sd: Floats, depth: Floats, depth_sd: Floats) -> None:
        """Write the rows that show usable ground."""
        rows = result.on_ground
        range_m = np.maximum(result.range_m[rows], 1e-9)
        away = (contact_m - self.foot_m) / range_m[:, None]
        across = np.eye(2) - away[:, :, None] * away[:, None, :]
        # Near the camera's foot the direction turns with the contact; the move is never more than the depth itself.
        turn = np.minimum(depth / range_m, 1.0)[:, None, None] * across
        by_pixel = (np.eye(2) + turn) @ np.linalg.inv(self.homography.by_ground(contact_m))
        by_view = -by_pixel @ self.homography.by_parameters(contact_m) - turn @ self.foot_by_parameters
        along = away[:, :, None] * away[:, None, :] * (depth_sd**2)[:, None, None]
        by_noise = by_pixel * pixel_sd[:, None, :]
        metres = contact_m + away * depth[:, None]
        result.metres[rows] = metres
        result.lonlat[rows] = self.plane.to_lonlat(metres)
        result.calibration_cov_m2[rows] = by_view @ self.homography.covariance @ by_view.transpose(0, 2, 1) + along
        result.measurement_cov_m2[rows] = by_noise @ by_noise.transpose(0, 2, 1)

    def project(self, lonlat: ArrayLike) -> Floats:
        """Return the pixels, (n, 2), of (n, 2) WGS-84 ground positions; NaN where behind the camera.

        Raises:
            CoordinateError: a row is not a longitude and latitude.
        """
        positions = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
        pixels, depth = self.homography.to_image(self.plane.to_metres(positions))
        return np.where((depth > 0)[:, None], pixels, np.nan)


def _checked_points(
    points_px: ArrayLike, points_lonlat: ArrayLike, *, image_size_px: tuple[int, int]
) -> tuple[Floats, Floats]:
    pixels, positions = (np.asarray(points, dtype=np.float64) for points in (points_px, points_lonlat))
    for what, points in (("the shape of points_px", pixels), ("the shape of points_lonlat", positions)):
        if points.ndim != 2 or points.shape[1] != 2:  # noqa: PLR2004  # a table of pairs
            raise CalibrationValueError(what, seen=points.shape, expected="(n, 2)")
    if len(pixels) != len(positions):
        seen = f"{len(pixels)} pixels and {len(positions)} positions"
        raise CalibrationValueError("the number of points", seen=seen, expected="one position for each pixel")
    if len(pixels) < MINIMUM_POINTS:
        raise TooFewPointsError(len(pixels), least=MINIMUM_POINTS)
    if len(pixels) > _MOST_POINTS:
        raise CalibrationValueError("the number of points", seen=len(pixels), expected=f"at most {_MOST_POINTS}")
    size = np.asarray(image_size_px, dtype=np.float64)
    if size.shape != (2,) or not (np.isfinite(size) & (size >= 1)).all():
        raise CalibrationValueError("image_size_px", seen=image_size_px, expected="a width and height of 1 px or more")
    inside = ((pixels >= -_MARGIN * size) & (pixels <= (1 + _MARGIN) * size)).all(axis=1)
    if not inside.all():
        worst = int(np.argmin(inside))
        raise CalibrationValueError(
            f"the pixel of point {worst}",
            seen=tuple(pixels[worst].tolist()),
            expected=f"a place in the image of {size[0]:g} x {size[1]:g} px (read at another resolution?)",
        )
    return pixels, checked_lonlat(positions)


def _check_positive(what: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise CalibrationValueError(what, seen=value, expected="a positive number")


def _finite(what: str, values: Floats) -> Floats:
    bad = ~np.isfinite(values)
    if bad.any():
        raise CalibrationValueError(f"{what} (row {int(np.argwhere(bad)[0][0])})", seen="nan or inf", expected="finite")
    return values


def _spread(what: str, values: ArrayLike, shape: tuple[int, ...]) -> Floats:
    spread = _finite(what, np.broadcast_to(np.asarray(values, dtype=np.float64), shape))
    if (spread < 0).any():
        raise CalibrationValueError(what, seen=float(spread.min()), expected="0 or more")
    return spread


def _fit(
    ground_m: Floats,
    pixels: Floats,
    *,
    pixel_sd_px: float,
    image_size_px: tuple[int, int],
    lens: Lens | LensChoice,
) -> tuple[Fit, LensEvidence | None]:
    if lens is LensChoice.AUTO:
        return fit_as_called_for(ground_m, pixels, pixel_sd_px=pixel_sd_px, image_size_px=image_size_px)
    given = lens if isinstance(lens, Lens) else None
    return fit_homography(ground_m, pixels, pixel_sd_px=pixel_sd_px, lens=given), None
