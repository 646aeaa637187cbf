"""The lens: where a point of the stage falls in the image and which ray a pixel looks along.

The ideal pinhole has its principal point in the image's middle and square pixels; distortion is Brown's with two
radial terms of the normalised image radius. Pixels are continuous: the first one covers 0 to 1.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district.stage import Pose

Floats = NDArray[np.float64]
_NEAR_M: Final = 0.2
_ROUNDS: Final = 8


@dataclass(frozen=True)
class Lens:
    """A pose's projection; points are stage metres (x right along the street, y away, z up)."""

    pose: Pose

    @cached_property
    def eye_m(self) -> Floats:
        """The lens, (3,)."""
        return np.array([0.0, 0.0, self.pose.height_m])

    @cached_property
    def axes(self) -> Floats:
        """Rows: right, down and forward of the camera in stage axes, (3, 3)."""
        yaw, pitch, roll = (math.radians(a) for a in (self.pose.yaw_deg, self.pose.pitch_deg, self.pose.roll_deg))
        forward = np.array([math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), -math.sin(pitch)])
        level = np.array([math.cos(yaw), -math.sin(yaw), 0.0])
        down = np.cross(forward, level)
        right = math.cos(roll) * level - math.sin(roll) * down
        return np.vstack([right, np.cross(forward, right), forward])

    @cached_property
    def widest(self) -> float:
        """Greatest ideal radius up to which distortion still grows outwards."""
        radius = np.linspace(0.0, 3.0, 3001)
        bent = radius * (1 + self.pose.k1 * radius**2 + self.pose.k2 * radius**4)
        falling = np.flatnonzero(np.diff(bent) <= 0)
        return float(radius[falling[0]]) if len(falling) else float(radius[-1])

    def to_camera(self, points_m: Floats) -> Floats:
        """Return (n, 3) metres to the right, down and ahead of (n, 3) stage metres."""
        return np.asarray((np.asarray(points_m) - self.eye_m) @ self.axes.T)

    def project(self, points_m: Floats) -> tuple[Floats, Floats]:
        """Return (n, 2) distorted pixels and (n,) metres ahead of (n, 3) points; behind the lens they are clamped."""
        seen = self.to_camera(points_m)
        ahead = np.maximum(seen[:, 2], _NEAR_M)
        return self.to_px(self.distort(seen[:, :2] / ahead[:, None])), seen[:, 2]

    def distort(self, ideal: Floats) -> Floats:
        """Return distorted normalised coordinates, (n, 2); beyond the widest radius the last stretch goes on."""
        radius = np.linalg.norm(ideal, axis=1, keepdims=True)
        inside = np.minimum(radius, self.widest)
        factor = 1 + self.pose.k1 * inside**2 + self.pose.k2 * inside**4
        return np.asarray(ideal * factor)

    def undistort(self, bent: Floats) -> Floats:
        """Return ideal normalised coordinates, (n, 2), by Newton's method on the radius."""
        target = np.linalg.norm(bent, axis=1)
        radius = target.copy()
        for _ in range(_ROUNDS):
            square = radius**2
            value = radius * (1 + self.pose.k1 * square + self.pose.k2 * square**2) - target
            slope = 1 + 3 * self.pose.k1 * square + 5 * self.pose.k2 * square**2
            radius = np.clip(radius - value / np.maximum(slope, 0.05), 0.0, self.widest)
        last = 1 + self.pose.k1 * self.widest**2 + self.pose.k2 * self.widest**4
        radius = np.where(target > self.widest * last, target / last, radius)
        return np.asarray(bent * np.where(target > 0, radius / np.maximum(target, 1e-12), 1.0)[:, None])

    def to_px(self, normalised: Floats) -> Floats:
        """Return (n, 2) pixels of normalised coordinates."""
        return np.asarray(normalised * self.pose.focal_px + self.middle_px)

    @cached_property
    def middle_px(self) -> Floats:
        """The principal point."""
        return np.array(self.pose.size_px) / 2.0

    def rays(self, pixels: Floats) -> Floats:
        """Return (n, 3) directions in stage axes, one metre ahead, of (n, 2) distorted pixels."""
        ideal = self.undistort((np.asarray(pixels, dtype=np.float64) - self.middle_px) / self.pose.focal_px)
        return np.asarray(np.column_stack([ideal, np.ones(len(ideal))]) @ self.axes)

    def to_ground(self, pixels: Floats, *, z_m: float = 0.0) -> Floats:
        """Return (n, 2) stage metres where (n, 2) distorted pixels meet a level plane; NaN above the horizon."""
        rays = self.rays(pixels)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = (z_m - self.pose.height_m) / rays[:, 2]
            points = self.eye_m + rays * np.where(reach > 0, reach, np.nan)[:, None]
        return np.asarray(points[:, :2])
