"""The way from a pinhole canvas to a distorted image: a few canvas pixels for each pixel, looked up and averaged."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.district.optics import Lens
from pipeline.district.stage import Pose

Floats = NDArray[np.float64]
# Places within a pixel, a turned square: edges of any direction get four steps.
PLACES: Final = ((0.375, 0.125), (0.875, 0.375), (0.625, 0.875), (0.125, 0.625))
SAMPLES: Final = len(PLACES)
_SCALE: Final = 2.0


@dataclass(frozen=True)
class Viewport:
    """A lens with a canvas that covers its whole image.

    Attributes:
        lens: of the image.
        canvas_px: width and height of the canvas, its middle the optical axis.
        index: (samples, h * w) canvas pixel, counted row by row, of each sample of each image pixel.
    """

    lens: Lens
    canvas_px: tuple[int, int]
    index: NDArray[np.int32]

    @classmethod
    def of(cls, pose: Pose) -> Self:
        """Return the viewport of a pose."""
        lens, (width, height) = Lens(pose), pose.size_px
        rows, columns = np.indices((height, width)).reshape(2, -1)
        focal = pose.focal_px * _SCALE
        ideal = [
            lens.undistort((np.column_stack([columns + u, rows + v]) - lens.middle_px) / pose.focal_px) * focal
            for u, v in PLACES
        ]
        half = np.max([np.abs(points).max(axis=0) for points in ideal], axis=0)
        size = (2 * math.ceil(half[0] + 1), 2 * math.ceil(half[1] + 1))
        index = [
            np.floor(p[:, 1] + size[1] / 2).astype(np.int32) * size[0]
            + np.floor(p[:, 0] + size[0] / 2).astype(np.int32)
            for p in ideal
        ]
        return cls(lens=lens, canvas_px=size, index=np.stack(index))

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the image."""
        return self.lens.pose.size_px

    @property
    def canvas_focal_px(self) -> float:
        """Focal length of the canvas."""
        return self.lens.pose.focal_px * _SCALE

    @cached_property
    def _columns(self) -> NDArray[np.float32]:
        return ((np.arange(self.canvas_px[0]) + 0.5 - self.canvas_px[0] / 2) / self.canvas_focal_px).astype(np.float32)

    @cached_property
    def _rows(self) -> NDArray[np.float32]:
        return ((np.arange(self.canvas_px[1]) + 0.5 - self.canvas_px[1] / 2) / self.canvas_focal_px).astype(np.float32)

    def canvas_rays(self, pixels: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return (n, 3) directions, one metre ahead, of (n,) canvas pixels."""
        x, y = self._columns[pixels % self.canvas_px[0]], self._rows[pixels // self.canvas_px[0]]
        axes = self.lens.axes.astype(np.float32)
        return np.asarray(x[:, None] * axes[0] + y[:, None] * axes[1] + axes[2], dtype=np.float32)
