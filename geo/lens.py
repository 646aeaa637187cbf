"""A lens's radial distortion: how the straight picture of a pinhole is bent into the camera's, and back.

Owns two models. Brown's, of two coefficients over the focal length, is what a checkerboard or a maker gives. The
division model (Fitzgibbon, CVPR 2001) has one coefficient over half the image's diagonal and is what a few points on
the ground can tell. Both are functions of the radius alone; beyond the radius that they are trusted to, the last
stretch goes on, so that every pixel has its place and comes back to itself.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from geo.camera_errors import LensFoldsError, LensValueError

Floats = NDArray[np.float64]

# Pixels are asked for up to this share of the distance from the middle to the farthest corner.
_BEYOND: Final = 1.2
# Where the picture's radius grows slower than this with the straight one, places cannot be told apart.
_LEAST_SLOPE: Final = 0.05
_WIDEST: Final = 20.0  # straight radius in focal lengths: 87° off the axis
_TABLE: Final = 4001
_ROUNDS: Final = 4
# Of one coefficient, in half diagonals: a picture pulled to two thirds at its corners, or pushed out as far.
MOST_DIVISION: Final = 0.5
_MOST_BROWN: Final = 5.0


class LensChoice(StrEnum):
    """What a calibration does about the lens where its coefficients are not given."""

    NONE = "none"
    AUTO = "auto"


@dataclass(frozen=True, kw_only=True, eq=False)
class Lens(ABC):
    """Radial distortion about a pixel.

    Attributes:
        centre_px: (2,) where the optical axis meets the image.
        unit_px: pixels to a unit of radius.
        image_size_px: width and height of the image.
        coefficient_sd: standard deviation of the first coefficient, as it was given or estimated.
    """

    centre_px: Floats
    unit_px: float
    image_size_px: tuple[int, int]
    coefficient_sd: float = 0.0

    @property
    @abstractmethod
    def coefficient(self) -> float:
        """The coefficient that is uncertain."""

    @property
    @abstractmethod
    def form_sd(self) -> float:
        """Standard deviation of the term in the fourth power by which a real lens departs from the model."""

    @property
    @abstractmethod
    def reach(self) -> float:
        """Straight radius, in units, that the model is trusted to."""

    @abstractmethod
    def gains(self, square: Floats) -> tuple[Floats, Floats, Floats]:
        """Return bent over straight radius, (n,), for squared straight radii, and its derivatives.

        The second is by the squared radius, the third by the uncertain coefficient.
        """

    @abstractmethod
    def straight_radius(self, bent: Floats) -> Floats:
        """Return straight radii, (n,), of bent ones within reach, in units."""

    def bend(self, straight_px: Floats) -> Floats:
        """Return the pixels, (n, 2), at which the camera shows what a pinhole shows at (n, 2)."""
        offset, inside, _ = self._polar(straight_px)
        return np.asarray(self.centre_px + offset * self.gains(inside)[0][:, None] * self.unit_px)

    def straighten(self, image_px: Floats) -> Floats:
        """Return the pixels, (n, 2), at which a pinhole would show what the camera shows at (n, 2)."""
        offset = (image_px - self.centre_px) / self.unit_px
        radius = np.linalg.norm(offset, axis=1)
        rim = self.reach * float(self.gains(np.array([self.reach**2]))[0][0])
        inside = np.clip(radius, 1e-12, rim)
        return np.asarray(self.centre_px + offset * (self.straight_radius(inside) / inside)[:, None] * self.unit_px)

    def by_straight(self, straight_px: Floats) -> Floats:
        """Return the derivative of `bend`, (n, 2, 2)."""
        offset, inside, beyond = self._polar(straight_px)
        gain, slope, _ = self.gains(inside)
        turning = np.where(beyond, 0.0, 2 * slope)[:, None, None] * offset[:, :, None] * offset[:, None, :]
        return np.asarray(gain[:, None, None] * np.eye(2) + turning)

    def by_coefficients(self, straight_px: Floats) -> Floats:
        """Return the derivative of `bend`, (n, 2, 2) px, by the uncertain coefficient and by the form.

        The form is a term in the fourth power of the straight radius that the model does not have.
        """
        offset, inside, _ = self._polar(straight_px)
        outward = offset * self.unit_px
        return np.stack([outward * self.gains(inside)[2][:, None], outward * (inside**2)[:, None]], axis=2)

    def _polar(self, straight_px: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Return offsets in units, squared radii cut at the reach, and which were cut."""
        offset = (straight_px - self.centre_px) / self.unit_px
        square = (offset**2).sum(axis=1)
        # A comparison with nan is False: what has no pixel stays without one.
        return offset, np.minimum(square, self.reach**2), square > self.reach**2

    @property
    def corner(self) -> float:
        """Bent radius of the image's farthest corner, in units."""
        return farthest_corner_px(self.centre_px, self.image_size_px) / self.unit_px


def farthest_corner_px(centre_px: Floats, image_size_px: tuple[int, int]) -> float:
    """Return how far the image's farthest corner lies from a pixel."""
    return float(np.hypot(*np.maximum(centre_px, np.asarray(image_size_px) - centre_px)))


@dataclass(frozen=True, kw_only=True, eq=False)
class DivisionLens(Lens):
    """One coefficient: a straight radius is the bent one, r, over 1 + coefficient · r²; in half diagonals.

    Attributes:
        division: the coefficient; negative for a barrel, positive for a pincushion.
    """

    division: float

    @classmethod
    def of(cls, division: float, image_size_px: tuple[int, int], *, sd: float = 0.0) -> Self:
        """Return the lens with its axis through the image's middle."""
        centre = np.asarray(image_size_px, dtype=np.float64) / 2
        return cls(
            division=float(division),
            centre_px=centre,
            unit_px=float(np.hypot(*centre)),
            image_size_px=image_size_px,
            coefficient_sd=sd,
        )

    @property
    def coefficient(self) -> float:
        """The division coefficient."""
        return self.division

    @property
    def form_sd(self) -> float:
        """See `Lens`: the model's own such term is twice the coefficient squared, a real lens's anything up to that."""
        return self.division**2

    @cached_property
    def reach(self) -> float:
        """Where the pixels lie that are a fifth farther out than the farthest corner."""
        rim = _BEYOND * self.corner
        return rim / (1 + self.division * rim**2)

    def gains(self, square: Floats) -> tuple[Floats, Floats, Floats]:
        """See `Lens`; the root of r = s (1 + coefficient r²) that goes to s as the coefficient goes to nought."""
        root = np.sqrt(np.maximum(1 - 4 * self.division * square, 1e-9))
        change = 4 / (root * (1 + root) ** 2)
        return 2 / (1 + root), self.division * change, square * change

    def straight_radius(self, bent: Floats) -> Floats:
        """See `Lens`."""
        return np.asarray(bent / (1 + self.division * bent**2))


@dataclass(frozen=True, kw_only=True, eq=False)
class BrownLens(Lens):
    """Two coefficients: a bent radius is the straight one, s, times 1 + k1 s² + k2 s⁴; in focal lengths.

    Attributes:
        k1, k2: as OpenCV's camera calibration gives them; k1 is the uncertain one.
    """

    k1: float
    k2: float = 0.0

    @classmethod
    def of(
        cls,
        image_size_px: tuple[int, int],
        *,
        focal_px: float,
        k1: float,
        k2: float = 0.0,
        centre_px: tuple[float, float] | None = None,
        k1_sd: float = 0.0,
    ) -> Self:
        """Return a lens from what a checkerboard or its maker says.

        Args:
            image_size_px: width and height of the image that the figures refer to.
            focal_px: focal length in pixels of that image.
            k1, k2: coefficients of the radius in focal lengths.
            centre_px: where the optical axis meets the image; None for its middle.
            k1_sd: standard deviation of k1; 0 where it is taken to be exact.

        Raises:
            LensValueError: a value is not what it must be.
            LensFoldsError: the coefficients bend the picture back over itself inside the image.
        """
        width, height = image_size_px
        middle = (width / 2, height / 2) if centre_px is None else centre_px
        _check("focal_px", focal_px, low=0.2 * width, high=50.0 * width)
        _check("k1", k1, low=-_MOST_BROWN, high=_MOST_BROWN)
        _check("k2", k2, low=-_MOST_BROWN, high=_MOST_BROWN)
        _check("k1_sd", k1_sd, low=0.0, high=1.0)
        for axis, value, size in (("u", middle[0], width), ("v", middle[1], height)):
            _check(f"centre_px ({axis})", value, low=0.25 * size, high=0.75 * size)
        lens = cls(
            k1=float(k1),
            k2=float(k2),
            centre_px=np.asarray(middle, dtype=np.float64),
            unit_px=float(focal_px),
            image_size_px=image_size_px,
            coefficient_sd=float(k1_sd),
        )
        if lens.bent_reach < lens.corner:
            raise LensFoldsError(k1, k2, reach_px=lens.bent_reach * focal_px, corner_px=lens.corner * focal_px)
        return lens

    @property
    def coefficient(self) -> float:
        """k1."""
        return self.k1

    @property
    def form_sd(self) -> float:
        """See `Lens`; nought, for the term is among the given."""
        return 0.0

    @cached_property
    def reach(self) -> float:
        """How far bent radii grow with straight ones, and not beyond what pixels are asked for."""
        straight = np.linspace(0.0, _WIDEST, _TABLE)
        bent = straight * self.gains(straight**2)[0]
        slope = 1 + 3 * self.k1 * straight**2 + 5 * self.k2 * straight**4
        ends = np.flatnonzero((slope < _LEAST_SLOPE) | (bent > _BEYOND * self.corner))
        return float(straight[max(int(ends[0]) - 1, 1)] if len(ends) else straight[-1])

    @cached_property
    def bent_reach(self) -> float:
        """The bent radius at `reach`."""
        return self.reach * float(self.gains(np.array([self.reach**2]))[0][0])

    def gains(self, square: Floats) -> tuple[Floats, Floats, Floats]:
        """See `Lens`."""
        return 1 + self.k1 * square + self.k2 * square**2, self.k1 + 2 * self.k2 * square, square

    @cached_property
    def _table(self) -> tuple[Floats, Floats]:
        straight = np.linspace(0.0, self.reach, _TABLE)
        return straight * self.gains(straight**2)[0], straight

    def straight_radius(self, bent: Floats) -> Floats:
        """See `Lens`; a table's nearest, made exact by Newton's method."""
        radius = np.interp(bent, *self._table)
        for _ in range(_ROUNDS):
            square = radius**2
            over = radius * (1 + self.k1 * square + self.k2 * square**2) - bent
            slope = 1 + 3 * self.k1 * square + 5 * self.k2 * square**2
            radius = np.clip(radius - over / np.maximum(slope, _LEAST_SLOPE / 2), 0.0, self.reach)
        return np.asarray(radius)


def _check(what: str, value: float, *, low: float, high: float) -> None:
    if not (np.isfinite(value) and low <= value <= high):
        raise LensValueError(what, seen=value, low=low, high=high)
