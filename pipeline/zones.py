"""Zones: polygons in a camera's image, and whether a thing's contact with the ground lies in one."""

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.cameras import Camera
from pipeline.errors import UnknownError
from pipeline.observations import Box


class Zone:
    """One polygon in pixels of the camera's reference size; without corners it is the whole image."""

    def __init__(self, corners: Sequence[tuple[float, float]] | None) -> None:
        self._contour = None if corners is None else np.array(corners, np.float32).reshape(-1, 1, 2)
        self.corners = None if corners is None else tuple(corners)

    @classmethod
    def of(cls, camera: Camera, name: str | None) -> "Zone":
        """Return a camera's zone by name, the whole image for None.

        Raises:
            UnknownError: the camera has no such zone.
        """
        if name is None:
            return cls(None)
        if name not in camera.zones:
            raise UnknownError(f"zone of camera {camera.code}", name, sorted(camera.zones))
        return cls(camera.zones[name])

    def depth_px(self, point_px: tuple[float, float]) -> float:
        """Return how far inside the edge a pixel lies; negative outside."""
        if self._contour is None:
            return float("inf")
        return float(cv2.pointPolygonTest(self._contour, (float(point_px[0]), float(point_px[1])), measureDist=True))

    def holds(self, box_px: Box) -> bool:
        """Tell whether a box touches the ground inside."""
        return self.depth_px(((box_px[0] + box_px[2]) / 2, box_px[3])) >= 0.0
