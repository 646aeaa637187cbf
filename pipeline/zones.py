"""Zones: polygons in a camera's image, whether a thing lies in one, and where it is if the zone's level is its own."""

import math
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from geo.camera_view import CameraView
from pipeline.cameras import Camera
from pipeline.errors import UnknownError
from pipeline.observations import Box, Cov

LEAST_DIRECTION_M: Final = 1.0  # two ends nearer than this give no direction
_NEARER_SD: Final = 0.5  # so much nearer, in standard deviations of its place, a thing may well stand
_DEEPEST: Final = 0.8  # of the lens's height: no level lies nearer to the lens than this leaves


class Zone:
    """One polygon in pixels of the camera's reference size; without corners it is the whole image.

    Args:
        corners: its outline; None for the whole image.
        view: of the camera.
        level_m: how high its ground lies above the ground that is calibrated.
        height_m: of the lens above the latter.
        without: zones that are no part of it.
        direction_m: which way its traffic goes, a unit vector on the view's plane; None where nobody said.
    """

    def __init__(
        self,
        corners: Sequence[tuple[float, float]] | None,
        *,
        view: CameraView | None = None,
        level_m: float = 0.0,
        height_m: float | None = None,
        without: Sequence["Zone"] = (),
        direction_m: tuple[float, float] | None = None,
    ) -> None:
        self._contour = None if corners is None else np.array(corners, np.float32).reshape(-1, 1, 2)
        self.corners = None if corners is None else tuple(corners)
        self.without = tuple(without)
        self.direction_m = direction_m
        self.level_m = level_m
        self._view = view
        self._stretch = 1.0 if height_m is None else 1.0 - min(level_m, _DEEPEST * height_m) / height_m

    @classmethod
    def of(cls, camera: Camera, name: str | None, *, without: Sequence[str] = ()) -> "Zone":
        """Return a camera's zone by name, the whole image for None, and other zones by name taken out of it.

        Raises:
            UnknownError: the camera has no such zone.
        """
        out = [cls.of(camera, each) for each in without]
        if name is None:
            return cls(None, view=camera.view, without=out)
        if name not in camera.zones:
            raise UnknownError(f"zone of camera {camera.code}", name, sorted(camera.zones))
        level_m = camera.levels_m.get(name, 0.0)
        return cls(
            camera.zones[name],
            view=camera.view,
            level_m=level_m,
            height_m=camera.height_m,
            without=out,
            direction_m=_heading(camera, name),
        )

    def depth_px(self, point_px: tuple[float, float]) -> float:
        """Return how far inside the edge a pixel lies; negative outside, and where it lies in what is taken out."""
        own = float("inf")
        if self._contour is not None:
            point = float(point_px[0]), float(point_px[1])
            own = float(cv2.pointPolygonTest(self._contour, point, measureDist=True))
        return min([own, *(-each.depth_px(point_px) for each in self.without)])

    def holds(self, box_px: Box) -> bool:
        """Tell whether a box touches the ground inside."""
        return self.depth_px(((box_px[0] + box_px[2]) / 2, box_px[3])) >= 0.0

    def holds_place(self, place_m: tuple[float, float], box_px: Box, *, cov_m2: Cov = (0.0, 0.0, 0.0)) -> bool:
        """Tell whether the middle of a thing's footprint lies inside; where that is not known, whether its box does.

        Half a standard deviation nearer to the camera is as good: what hides a foot lets a thing seem farther off.

        Args:
            place_m: metres on the view's plane.
            box_px: its box.
            cov_m2: (ee, en, nn) of the place.
        """
        if self._contour is None and not self.without:
            return True
        if self._view is None:
            return self.holds(box_px)
        place = np.array(place_m, np.float64)
        away = place - self._view.foot_m
        away /= max(float(np.linalg.norm(away)), 1e-9)
        ee, en, nn = cov_m2
        sd_m = math.sqrt(max(ee * away[0] ** 2 + 2 * en * away[0] * away[1] + nn * away[1] ** 2, 0.0))
        pixels, ahead = self._view.homography.to_image(np.stack([place, place - _NEARER_SD * sd_m * away]))
        return any(
            depth > 0 and self.depth_px((u_px, v_px)) >= 0.0
            for (u_px, v_px), depth in zip(pixels.tolist(), ahead.tolist(), strict=True)
        )

    def on_level(self, east_m: float, north_m: float) -> tuple[float, float]:
        """Return where something is that lies on the zone's level, given where its sight line meets calibrated ground.

        The sight line goes on from there as far below as the level is, or ends above: seen from the camera's foot,
        distances grow by (height - level) / height.
        """
        if self._view is None or self._stretch == 1.0:
            return east_m, north_m
        foot = self._view.foot_m
        east, north = (foot + (np.array([east_m, north_m]) - foot) * self._stretch).tolist()
        return east, north

    def level_cov(self, cov_m2: Cov) -> Cov:
        """Return a covariance on calibrated ground as it is on the zone's level."""
        ee, en, nn = (value * self._stretch**2 for value in cov_m2)
        return ee, en, nn

    def mask(self, size_px: tuple[int, int], shrink: float) -> NDArray[np.bool_]:
        """Return which pixels of an image belong to it, (height, width), what is taken out left out.

        Args:
            size_px: width and height of the mask.
            shrink: pixels of the mask in one of the camera's reference size.
        """
        drawn = np.zeros((size_px[1], size_px[0]), np.uint8)
        if self._contour is None:
            drawn[:] = 1
        else:
            cv2.fillPoly(drawn, [np.round(self._contour * shrink).astype(np.int32)], 1)
        held = drawn > 0
        for each in self.without:
            held &= ~each.mask(size_px, shrink)
        return np.asarray(held)


def _heading(camera: Camera, name: str) -> tuple[float, float] | None:
    """Return a zone's direction of travel on the ground; None where it has none or its ends are no ground."""
    given = camera.directions.get(name)
    return None if given is None else ground_heading(camera.view, *given)


def ground_heading(
    view: CameraView, start_px: tuple[float, float], end_px: tuple[float, float]
) -> tuple[float, float] | None:
    """Return the unit vector on the view's plane from one pixel's place to another's, None if it cannot be told."""
    ground = view.locate_many(np.array([start_px, end_px], np.float64), pixel_sd_px=1.0)
    if not bool(ground.on_ground.all()):
        return None
    east, north = (ground.metres[1] - ground.metres[0]).tolist()
    length = float(np.hypot(east, north))
    return (east / length, north / length) if length >= LEAST_DIRECTION_M else None
