"""A Kalman filter for many boxes at once, in seconds: constant velocity that fades when nothing is seen.

Centre x, centre y, width and height are filtered independently, so a box is four filters of two numbers and all boxes
are stepped in one pass over arrays. Noise is stated in heights of the box: a person near the camera moves and jitters
by more pixels than one far away.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import require_range

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How boxes move and how a detector jitters, in heights of the box.

    Attributes:
        measurement: Standard deviation of a coordinate detected at confidence 1, in heights.
        faint: By how much a detection at confidence 0 jitters more than one at 1: 1 means twice as much.
        acceleration: Spread of the velocity's change, in heights per second, after one second.
        size_share: The part of both that applies to width and height.
        start_speed: Standard deviation of the speed of a new box, in heights per second.
        fade_s: Time in which the velocity of a box that is not seen falls to 1/e, in seconds.
    """

    measurement: float = 0.07
    faint: float = 3.0
    acceleration: float = 0.4
    size_share: float = 1.0
    start_speed: float = 0.6
    fade_s: float = 15.0

    def __post_init__(self) -> None:
        for name in ("measurement", "acceleration", "size_share", "start_speed", "fade_s"):
            require_range(name, getattr(self, name), 1e-6, 1e6)
        require_range("faint", self.faint, 0.0, 1e3)

    def scales(self, heights: Floats) -> Floats:
        """Return the scale of each coordinate (n, 4) in pixels for boxes of these heights (n,)."""
        shares = np.array([1.0, 1.0, self.size_share, self.size_share])
        return np.asarray(np.maximum(heights, 1.0)[:, None] * shares)


@dataclass(slots=True)
class BoxFilter:
    """The state of n boxes: position, velocity and the covariance of the two, each (n, 4)."""

    noise: Noise
    position: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    velocity: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    position_variance: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    covariance: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    velocity_variance: Floats = field(default_factory=lambda: np.zeros((0, 4)))

    def __len__(self) -> int:
        return len(self.position)

    def start(self, boxes: NDArray[np.float32]) -> None:
        """Append boxes (m, 4), left, top, right, bottom in pixels, seen for the first time."""
        measured = centred(boxes)
        scales = self.noise.scales(measured[:, 3])
        still = np.zeros_like(measured)
        self.position = np.concatenate([self.position, measured])
        self.velocity = np.concatenate([self.velocity, still])
        self.position_variance = np.concatenate([self.position_variance, (self.noise.measurement * scales) ** 2])
        self.covariance = np.concatenate([self.covariance, still])
        self.velocity_variance = np.concatenate([self.velocity_variance, (self.noise.start_speed * scales) ** 2])

    def predict(self, elapsed_s: float) -> None:
        """Move all boxes on by so many seconds; the longer, the less is known."""
        fade = np.exp(-elapsed_s / self.noise.fade_s)
        reach = self.noise.fade_s * (1 - fade)
        spread = (self.noise.acceleration * self.noise.scales(self.position[:, 3])) ** 2
        self.position = self.position + self.velocity * reach
        self.position_variance = (
            self.position_variance
            + 2 * reach * self.covariance
            + reach**2 * self.velocity_variance
            + spread * elapsed_s**3 / 3
        )
        self.covariance = fade * (self.covariance + reach * self.velocity_variance) + spread * elapsed_s**2 / 2
        self.velocity_variance = fade**2 * self.velocity_variance + spread * elapsed_s
        self.velocity = self.velocity * fade
        self.position[:, 2:] = np.maximum(self.position[:, 2:], 1.0)

    def correct(self, rows: NDArray[np.intp], boxes: NDArray[np.float32], *, confidence: NDArray[np.float32]) -> None:
        """Let the boxes of these rows (m,) take in what was measured (m, 4) with what confidence (m,)."""
        measured = centred(boxes)
        jitter = self.noise.measurement * (1 + self.noise.faint * (1 - confidence.astype(np.float64)))
        seen = (jitter[:, None] * self.noise.scales(measured[:, 3])) ** 2
        total = self.position_variance[rows] + seen
        gain, velocity_gain = self.position_variance[rows] / total, self.covariance[rows] / total
        surprise = measured - self.position[rows]
        self.position[rows] += gain * surprise
        self.velocity[rows] += velocity_gain * surprise
        self.velocity_variance[rows] -= velocity_gain * self.covariance[rows]
        self.position_variance[rows] *= 1 - gain
        self.covariance[rows] *= 1 - gain

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Drop the boxes that the mask (n,) leaves out."""
        for name in ("position", "velocity", "position_variance", "covariance", "velocity_variance"):
            setattr(self, name, getattr(self, name)[which])

    def boxes(self) -> Floats:
        """Return where the boxes are, (n, 4) left, top, right, bottom in pixels."""
        half = self.position[:, 2:] / 2
        return np.concatenate([self.position[:, :2] - half, self.position[:, :2] + half], axis=1)

    def surprise(self, boxes: NDArray[np.float32]) -> Floats:
        """Return the squared Mahalanobis distance of each box (m, 4) from each state in x, y and height, (n, m)."""
        measured = centred(boxes)
        seen = (self.noise.measurement * self.noise.scales(measured[:, 3])) ** 2
        total = self.position_variance[:, None] + seen[None]
        squared = (measured[None] - self.position[:, None]) ** 2 / total
        return np.asarray(squared[..., [0, 1, 3]].sum(axis=2))


def centred(boxes: NDArray[Any]) -> Floats:
    """Turn left, top, right, bottom (n, 4) into centre x, centre y, width, height."""
    wide = np.asarray(boxes, np.float64)
    return np.concatenate([(wide[:, :2] + wide[:, 2:]) / 2, wide[:, 2:] - wide[:, :2]], axis=1)
