"""The map between a ground plane in metres and an image in pixels, with its parameters' covariance.

Owns the map both ways and its derivatives (Hartley & Zisserman, Multiple View Geometry, 2nd ed., ch. 4 and 5); where
there is a lens before the plane, all of it goes through the lens. Fits nothing (`geo.homography_fit`); knows nothing of
longitude, latitude or cameras.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.lens import Lens

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PLANE_PARAMETERS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Homography:
    """A ground plane seen by a camera, in centred and scaled coordinates on both sides.

    Attributes:
        matrix: (3, 3) scaled ground → scaled image; its last element is 1, so depth is positive in front.
        covariance: (8, 8) of the other elements, row by row; with a lens's uncertain coefficient
            (9, 9), and with the term besides by which a real one departs from its model (10, 10).
        ground_centre_m: (2,) metres; the middle of the fitted points.
        ground_scale_m: metres per unit.
        image_centre_px: (2,) pixels.
        image_scale_px: pixels per unit.
        lens: bends the plane's straight picture into the camera's; None where the camera shows it straight.
    """

    matrix: Floats
    covariance: Floats
    ground_centre_m: Floats
    ground_scale_m: float
    image_centre_px: Floats
    image_scale_px: float
    lens: Lens | None = None

    def to_image(self, ground_m: Floats) -> tuple[Floats, Floats]:
        """Return (n, 2) pixels and (n,) depths for (n, 2) metres; a depth of 0 or less is behind the camera."""
        straight, depth = self._straight(ground_m)
        return straight if self.lens is None else self.lens.bend(straight), depth

    def to_ground(self, image_px: Floats) -> tuple[Floats, Floats]:
        """Return (n, 2) metres and (n,) inverse depths for (n, 2) pixels; 0 or less is on or above the horizon."""
        inverse = np.linalg.inv(self.matrix)
        if self.lens is not None:
            image_px = self.lens.straighten(image_px)
        ground = homogeneous((image_px - self.image_centre_px) / self.image_scale_px) @ inverse.T
        return dehomogenised(ground) * self.ground_scale_m + self.ground_centre_m, ground[:, 2]

    def by_ground(self, ground_m: Floats) -> Floats:
        """Return the derivative of the pixel by the ground position, (n, 2, 2) px/m."""
        scaled = homogeneous((ground_m - self.ground_centre_m) / self.ground_scale_m) @ self.matrix.T
        depth = scaled[:, 2, None, None]
        pixel = scaled[:, :2, None] / depth
        slope = (self.matrix[:2, :2] - pixel * self.matrix[2, :2]) / depth
        by_ground = np.asarray(slope * (self.image_scale_px / self.ground_scale_m))
        if self.lens is None:
            return by_ground
        return np.asarray(self.lens.by_straight(self._straight(ground_m)[0]) @ by_ground)

    def by_parameters(self, ground_m: Floats) -> Floats:
        """Return the derivative of the pixel by the parameters of `covariance`, (n, 2, 8 to 10) px."""
        ground = homogeneous((ground_m - self.ground_centre_m) / self.ground_scale_m)
        by_plane = by_plane_parameters(self.matrix, ground) * self.image_scale_px
        if self.lens is None:
            return by_plane
        straight, _ = self._straight(ground_m)
        by_plane = self.lens.by_straight(straight) @ by_plane
        uncertain = len(self.covariance) - PLANE_PARAMETERS
        return np.concatenate([by_plane, self.lens.by_coefficients(straight)[:, :, :uncertain]], axis=2)

    def _straight(self, ground_m: Floats) -> tuple[Floats, Floats]:
        """Return the pixels that a pinhole would show, (n, 2), and the depths, (n,)."""
        image = homogeneous((ground_m - self.ground_centre_m) / self.ground_scale_m) @ self.matrix.T
        return dehomogenised(image) * self.image_scale_px + self.image_centre_px, image[:, 2]


def homogeneous(points: Floats) -> Floats:
    """Return (n, 3) with ones behind (n, 2)."""
    return np.column_stack([points, np.ones(len(points))])


def dehomogenised(points: Floats) -> Floats:
    """Return (n, 2) of (n, 3); what lies at infinity has no number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(points[:, :2] / points[:, 2:])


def by_plane_parameters(matrix: Floats, ground: Floats) -> Floats:
    """Return (n, 2, 8) for (n, 3) scaled ground points."""
    image = ground @ matrix.T
    over_depth = ground / image[:, 2:]
    pixel = image[:, :2] / image[:, 2:]
    slope = np.zeros((len(ground), 2, 8))
    slope[:, 0, 0:3] = slope[:, 1, 3:6] = over_depth
    slope[:, :, 6:8] = -pixel[:, :, None] * over_depth[:, None, :2]
    return slope
