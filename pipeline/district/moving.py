"""The things of one frame: matrices, which of them may be seen, and their triangles in stage metres."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from pipeline.district.display import MOST_TRIANGLES, Canvas, TooManyThingsError
from pipeline.district.meshes import MeshKey, matrix_of, mesh_key, mesh_of, palette_of
from pipeline.district.optics import Lens
from pipeline.district.shapes import Floats, Mesh
from pipeline.district.stage import Placed

_NEAREST_M, _FARTHEST_M = 0.6, 160.0
_MARGIN: Final = 1.15
# Things smaller than this in the image are drawn from a coarse mesh.
_SMALL_PX: Final = 64.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A mesh ready to be drawn.

    Attributes:
        mapper: VTK's handle.
        middles_m, normals: (t, 3) of its triangles.
        hull_m: (n, 3) the corners of its convex hull, which alone decide its extent in an image.
        parts_m: corners of its larger solids, for shadows.
    """

    mesh: Mesh
    mapper: Any
    middles_m: Floats
    normals: Floats
    hull_m: Floats
    parts_m: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cast:
    """The things of one frame that may be seen, n of them, and all their triangles.

    Attributes:
        placed, models: one each.
        matrices: (n, 4, 4) mesh metres to stage metres; `turns`: (n, 3, 3) the same for normals.
        first: (n + 1,) number of the first triangle of each.
    """

    placed: tuple[Placed, ...]
    models: tuple[Model, ...]
    matrices: Floats
    turns: Floats
    first: NDArray[np.int64]

    def hulls(self, lens: Lens) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
        """Return all hull corners' ideal places and distorted pixels (m, 2), metres ahead (m,), first rows (n,)."""
        corners = [m.hull_m @ t[:3, :3].T + t[:3, 3] for m, t in zip(self.models, self.matrices, strict=True)]
        first = np.concatenate([[0], np.cumsum([len(rows) for rows in corners])[:-1]])
        seen = lens.to_camera(np.vstack(corners))
        ideal = seen[:, :2] / np.maximum(seen[:, 2:], 0.2)
        return ideal, lens.to_px(lens.distort(ideal)), seen[:, 2], first.astype(np.int64)


@dataclass(slots=True)
class Wardrobe:
    """The models of one canvas, loaded when first worn."""

    canvas: Canvas
    models: dict[MeshKey, Model] = field(default_factory=dict)

    def cast(self, placed: Sequence[Placed], lens: Lens) -> Cast:
        """Return the things that may fall into a lens's image."""
        chosen = [thing for thing, seen in zip(placed, _may_be_seen(placed, lens), strict=True) if seen]
        models = tuple(self._model(mesh_key(thing, coarse=_is_small(thing, lens))) for thing in chosen)
        matrices = np.array([matrix_of(t, m.mesh) for t, m in zip(chosen, models, strict=True)]).reshape(-1, 4, 4)
        # Normals turn by the inverse transpose; scales are per axis, so that is the matrix over the scales squared.
        squared = (matrices[:, :3, :3] ** 2).sum(axis=1, keepdims=True)
        counts = [len(model.mesh.triangles) for model in models]
        return Cast(
            placed=tuple(chosen),
            models=models,
            matrices=matrices,
            turns=matrices[:, :3, :3] / np.maximum(squared, 1e-12),
            first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        )

    def _model(self, key: MeshKey) -> Model:
        if key not in self.models:
            self.models[key] = _load(self.canvas, mesh_of(key))
        return self.models[key]


def _load(canvas: Canvas, mesh: Mesh) -> Model:
    if len(mesh.triangles) > MOST_TRIANGLES:
        raise TooManyThingsError("triangles", len(mesh.triangles), MOST_TRIANGLES)
    corners = mesh.vertices_m[mesh.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    parts = [mesh.vertices_m[np.unique(mesh.triangles[mesh.parts == part])] for part in np.unique(mesh.parts)]
    large = sorted(parts, key=lambda points: -float(np.prod(np.sort(np.ptp(points, axis=0))[1:])))[:9]
    return Model(
        mesh=mesh,
        mapper=canvas.load(mesh.vertices_m, mesh.triangles),
        middles_m=corners.mean(axis=1),
        normals=normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12),
        hull_m=mesh.vertices_m[ConvexHull(mesh.vertices_m).vertices],
        parts_m=tuple(large),
    )


def _may_be_seen(placed: Sequence[Placed], lens: Lens) -> NDArray[np.bool_]:
    """Return (n,) whether a ball around each thing touches the cone of the image."""
    rows = [(t.x_m, t.y_m, t.z_m + t.actor.size_m[2] / 2, 0.6 * sum(t.actor.size_m)) for t in placed]
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    seen, radius = lens.to_camera(table[:, :3]), table[:, 3:]
    ahead = seen[:, 2:]
    half = lens.middle_px / lens.pose.focal_px * _MARGIN
    beside = np.abs(seen[:, :2]) < ahead * half + radius * np.sqrt(1 + half**2)
    return np.asarray(beside.all(axis=1) & (ahead[:, 0] > _NEAREST_M) & (ahead[:, 0] < _FARTHEST_M))


def _is_small(thing: Placed, lens: Lens) -> bool:
    away = np.hypot(np.hypot(thing.x_m, thing.y_m), lens.pose.height_m)
    return bool(max(thing.actor.size_m) * lens.pose.focal_px / away < _SMALL_PX)


def palettes(cast: Cast) -> Floats:
    """Return (n, slots, 3) linear albedo of the things."""
    return np.array([palette_of(thing.actor) for thing in cast.placed])
