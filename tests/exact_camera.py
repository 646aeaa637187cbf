"""A camera that is known exactly: it looks north from above the origin, so any point's pixel can be reckoned."""

import math
from dataclasses import dataclass

import numpy as np

from geo.camera_view import CameraView
from geo.coords import LonLat
from geo.metric import LocalPlane

ORIGIN = LonLat(121.1, 31.15)


@dataclass(frozen=True, kw_only=True)
class ExactCamera:
    height_m: float = 6.0
    pitch_deg: float = 20.0
    focal_px: float = 800.0
    size_px: tuple[int, int] = (960, 540)

    def pixel(self, east_m: float, north_m: float, up_m: float) -> tuple[float, float]:
        """Return where it sees a point."""
        sine, cosine = math.sin(math.radians(self.pitch_deg)), math.cos(math.radians(self.pitch_deg))
        down_m = self.height_m - up_m
        ahead = north_m * cosine + down_m * sine
        below = down_m * cosine - north_m * sine
        return self.size_px[0] / 2 + self.focal_px * east_m / ahead, self.size_px[1] / 2 + self.focal_px * below / ahead

    def view(self) -> CameraView:
        """Return its calibration by nine points of the ground."""
        ground = np.array([(e, n) for e in (-6.0, 0.0, 6.0) for n in (10.0, 18.0, 30.0)])
        return CameraView.fit(
            np.array([self.pixel(e, n, 0.0) for e, n in ground.tolist()]),
            LocalPlane.at(ORIGIN).to_lonlat(ground),
            image_size_px=self.size_px,
            camera_lonlat=ORIGIN,
        )
