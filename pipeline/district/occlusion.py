"""What hides a light: depth maps of the scenery as seen from far away along a direction."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district.display import Canvas
from pipeline.district.scenery import Scenery
from pipeline.district.shapes import Floats

Values = NDArray[np.float32]
_AWAY_M: Final = 200.0
_TAPS: Final = ((-0.75, -0.25), (0.25, -0.75), (0.75, 0.25), (-0.25, 0.75))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DepthMap:
    """How far the light along one direction reaches.

    Attributes:
        axes: (2, 3) map axes to the right and down, in map pixels per metre.
        shift: (2,) map pixels of the stage's origin.
        way: (3,) towards the light; `depth` counts against it from `reach_m`.
        depth_m: (side, side).
    """

    axes: Values
    shift: Values
    way: Values
    reach_m: float
    depth_m: Values

    def lit(self, points_m: Values, *, bias_m: float, soft: bool = True) -> Values:
        """Return 1 where the light reaches (n, 3) points, 0 where not, between them at soft edges; outside 1."""
        side = self.depth_m.shape[0]
        place = points_m @ self.axes.T + self.shift
        depth = self.reach_m - points_m @ self.way - bias_m
        total = np.zeros(len(points_m), dtype=np.float32)
        flat = self.depth_m.ravel()
        taps = _TAPS if soft else _TAPS[:1]
        for dx, dy in taps:
            column = np.clip((place[:, 0] + np.float32(dx)).astype(np.int32), 0, side - 1)
            row = np.clip((place[:, 1] + np.float32(dy)).astype(np.int32), 0, side - 1)
            total += flat[row * side + column] >= depth
        x, y = place[:, 0], place[:, 1]
        inside = (x > 1) & (y > 1) & (x < side - 1) & (y < side - 1)
        return np.where(inside, total / len(taps), 1.0).astype(np.float32)


class LightCamera:
    """Draws depth maps of a scenery."""

    def __init__(self, scenery: Scenery, *, side_px: int, middle_m: Floats, radius_m: float) -> None:
        """Open a square canvas that covers a circle of the stage."""
        self._canvas = Canvas((side_px, side_px))
        self._mesh: Any = self._canvas.load(scenery.vertices_m, scenery.triangles)
        self._middle = np.array([*middle_m, 0.0])
        self._scale = 2 * radius_m / side_px

    def map(self, way: Floats) -> DepthMap:
        """Return the depth map of light that comes from a direction."""
        way = np.asarray(way, dtype=np.float64) / np.linalg.norm(way)
        helper = np.array([0.0, 1.0, 0.0]) if abs(way[1]) < 0.9 else np.array([1.0, 0.0, 0.0])  # noqa: PLR2004 - not along it
        right = np.cross(-way, helper)
        right /= np.linalg.norm(right)
        axes = np.vstack([right, np.cross(-way, right), -way])
        eye = self._middle + way * _AWAY_M
        self._canvas.look_parallel(eye, axes, metres_per_px=self._scale)
        self._canvas.draw([(self._mesh, np.eye(4), 0)])
        side = self._canvas.size_px[0]
        per_px = axes[:2] / self._scale
        return DepthMap(
            axes=per_px.astype(np.float32),
            shift=(side / 2 - per_px @ eye).astype(np.float32),
            way=way.astype(np.float32),
            reach_m=float(eye @ way),
            depth_m=self._canvas.depths_m().copy(),
        )

    def close(self) -> None:
        """Give the canvas back."""
        self._canvas.close()
