"""What stands still: a stage's patches and blocks as faces, each with a material and axes of its own."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.district.shapes import Floats, Indices, Shape
from pipeline.district.stage import Stage, Surface
from pipeline.district.stages import WATER_LEVEL_M


class Material(IntEnum):
    """How a face's colour follows from where on it one looks."""

    PLAIN = 0
    GROUND = 1
    WATER = 2
    FACADE = 3
    SHOP = 4
    STRIPES = 5
    SIGN = 6
    LEAF = 7
    EARTH = 8
    QUAY = 9
    LAMP = 10
    ROOF = 11
    ICE = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenery:
    """Faces of a stage; f faces over t triangles.

    Attributes:
        vertices_m: (v, 3).
        triangles: (t, 3).
        face: (t,) of each triangle.
        material, seed: (f,).
        origin_m, along, up: (f, 3) a corner and the unit axes that a face's own u and v run along.
        size_m: (f, 2) its extent along them.
        normal: (f, 3) for shading.
        tint, accent: (f, 3) linear RGB.
        lamps_m: (l, 3) heads of street lamps.
        shops_m: (s, 3) middles of shop fronts that are lit at night; their outward normals are `shop_ways`, their seeds
            `shop_seeds`.
    """

    vertices_m: Floats
    triangles: Indices
    face: NDArray[np.int32]
    material: NDArray[np.int16]
    seed: NDArray[np.int32]
    origin_m: Floats
    along: Floats
    up: Floats
    size_m: Floats
    normal: Floats
    tint: Floats
    accent: Floats
    lamps_m: Floats
    shops_m: Floats
    shop_ways: Floats
    shop_seeds: NDArray[np.int32]


def linear(rgb: ArrayLike) -> Floats:
    """Return linear albedo of display RGB 0 to 255."""
    return np.asarray((np.asarray(rgb, dtype=np.float64) / 255.0) ** 2.2)


@dataclass(slots=True)
class Faces:
    """A scenery in the making."""

    vertices: list[Floats] = field(default_factory=list)
    triangles: list[Indices] = field(default_factory=list)
    face: list[NDArray[np.int32]] = field(default_factory=list)
    columns: list[tuple[NDArray[np.generic], ...]] = field(default_factory=list)
    lamps: list[Floats] = field(default_factory=list)
    shops: list[tuple[Floats, Floats, int]] = field(default_factory=list)
    count: int = 0
    faces: int = 0

    def _add(self, vertices: Floats, triangles: Indices, faces: NDArray[np.int32], looks: "_Looks") -> None:
        """Add triangles of faces that count from 0 within `looks`."""
        self.vertices.append(vertices)
        self.triangles.append(triangles.astype(np.int32) + self.count)
        self.face.append(faces.astype(np.int32) + self.faces)
        self.columns.append(looks.columns())
        self.count += len(vertices)
        self.faces += len(looks.normal)

    def quad(
        self,
        origin: ArrayLike,
        along_m: ArrayLike,
        up_m: ArrayLike,
        material: Material,
        *,
        tint: ArrayLike,
        accent: ArrayLike | None = None,
        seed: int = 0,
    ) -> None:
        """Add a parallelogram with its own axes u (along) and v (up), in metres from its corner."""
        o, a, b = (np.asarray(value, dtype=np.float64) for value in (origin, along_m, up_m))
        wide, tall = float(np.linalg.norm(a)), float(np.linalg.norm(b))
        looks = _Looks(
            material=material,
            normal=_unit(np.cross(a, b))[None],
            tint=np.asarray(tint, dtype=np.float64)[None],
            accent=np.asarray(tint if accent is None else accent, dtype=np.float64)[None],
            origin=o[None],
            axes=(a / wide, b / tall),
            size=(wide, tall),
            seed=seed,
        )
        corners = np.vstack([o, o + a, o + a + b, o + b])
        self._add(corners, np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32), np.zeros(2, dtype=np.int32), looks)

    def polygon(
        self, corners_m: ArrayLike, z_m: float, material: Material, *, tint: ArrayLike = (0.5, 0.5, 0.5)
    ) -> None:
        """Add a level convex polygon whose axes are the stage's."""
        flat = np.asarray(corners_m, dtype=np.float64).reshape(-1, 2)
        points = np.column_stack([flat, np.full(len(flat), z_m)])
        colour = np.asarray(tint, dtype=np.float64)[None]
        looks = _Looks(
            material=material,
            normal=np.array([[0.0, 0.0, 1.0]]),
            tint=colour,
            accent=colour,
            origin=np.array([[0.0, 0.0, z_m]]),
            axes=(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])),
        )
        fan = np.array([(0, k, k + 1) for k in range(1, len(flat) - 1)], dtype=np.int32)
        self._add(points, fan, np.zeros(len(fan), dtype=np.int32), looks)

    def solid(
        self, shape: Shape, colours: dict[int, Floats], at: Floats, *, material: Material = Material.PLAIN
    ) -> None:
        """Add a shape, turned and moved by a (4, 4) matrix, with one flat colour for each of its slots."""
        vertices, triangles = np.vstack(shape.vertices), np.vstack(shape.triangles)
        slots, gains = np.concatenate(shape.slots), np.concatenate(shape.gains)
        table = np.zeros((max(colours) + 1, 3))
        for slot, colour in colours.items():
            table[slot] = colour
        placed = vertices @ at[:3, :3].T + at[:3, 3]
        a, b, c = (placed[triangles[:, corner]] for corner in range(3))
        tint = table[slots] * gains[:, None]
        looks = _Looks(material=material, normal=_unit(np.cross(b - a, c - a)), tint=tint, accent=tint, origin=a)
        self._add(placed, triangles, np.arange(len(triangles), dtype=np.int32), looks)

    def leaves(self, corners_m: Floats, normals: Floats, tints: Floats) -> None:
        """Add single triangles (n, 3, 3) with soft normals and colours."""
        numbers = np.arange(len(corners_m), dtype=np.int32)
        looks = _Looks(material=Material.LEAF, normal=normals, tint=tints, accent=tints, origin=corners_m[:, 0])
        self._add(
            corners_m.reshape(-1, 3), np.arange(3 * len(corners_m), dtype=np.int32).reshape(-1, 3), numbers, looks
        )

    def scenery(self) -> Scenery:
        """Return the finished scenery."""
        columns = [np.concatenate(parts) for parts in zip(*self.columns, strict=True)]
        return Scenery(
            vertices_m=np.vstack(self.vertices),
            triangles=np.vstack(self.triangles),
            face=np.concatenate(self.face),
            material=columns[0].astype(np.int16),
            seed=columns[1].astype(np.int32),
            origin_m=columns[2],
            along=columns[3],
            up=columns[4],
            size_m=columns[5],
            normal=columns[6],
            tint=columns[7],
            accent=columns[8],
            lamps_m=np.array(self.lamps, dtype=np.float64).reshape(-1, 3),
            shops_m=np.array([shop[0] for shop in self.shops], dtype=np.float64).reshape(-1, 3),
            shop_ways=np.array([shop[1] for shop in self.shops], dtype=np.float64).reshape(-1, 3),
            shop_seeds=np.array([shop[2] for shop in self.shops], dtype=np.int32),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Looks:
    """Faces of one material, n of them."""

    material: Material
    normal: Floats
    tint: Floats
    accent: Floats
    origin: Floats
    axes: tuple[Floats, Floats] = (np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    size: tuple[float, float] = (1.0, 1.0)
    seed: int = 0

    def columns(self) -> tuple[NDArray[np.generic], ...]:
        count = len(self.normal)
        along, up, size = (np.tile(np.asarray(row, dtype=np.float64), (count, 1)) for row in (*self.axes, self.size))
        return (
            np.full(count, self.material), np.full(count, self.seed), self.origin, along, up, size, self.normal,
            self.tint, self.accent,
        )  # fmt: skip


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


_EARTH_M: Final = 260.0


def scenery_of(stage: Stage, *, seed: int, frozen: bool = False) -> Scenery:
    """Return a stage's patches and blocks as faces; the seed picks colours and styles, frozen water is ice."""
    from pipeline.district.blocks import add_block  # the rooms know each other: blocks builds with Faces

    faces = Faces()
    faces.quad(
        (-_EARTH_M, -_EARTH_M, WATER_LEVEL_M - 0.1), (2 * _EARTH_M, 0, 0), (0, 2 * _EARTH_M, 0), Material.EARTH,
        tint=linear((128, 126, 120)),
    )  # fmt: skip
    for patch in stage.patches:
        if patch.surface is Surface.WATER:
            _add_water(faces, patch.corners_m, frozen=frozen)
        elif not patch.name.startswith("zebra"):
            faces.polygon(patch.corners_m, 0.0, Material.GROUND)
    draw = np.random.default_rng([seed, 7])
    for block in stage.blocks:
        add_block(faces, block, draw)
    return faces.scenery()


def _add_water(faces: Faces, corners_m: tuple[tuple[float, float], ...], *, frozen: bool) -> None:
    if frozen:
        faces.polygon(corners_m, WATER_LEVEL_M, Material.ICE, tint=linear((186, 196, 204)))
    else:
        faces.polygon(corners_m, WATER_LEVEL_M, Material.WATER, tint=linear((74, 92, 84)))
    for start, end in zip(corners_m, (*corners_m[1:], corners_m[0]), strict=True):
        way = np.array([end[0] - start[0], end[1] - start[1], 0.0])
        faces.quad(
            (*start, WATER_LEVEL_M), way, (0.0, 0.0, -WATER_LEVEL_M), Material.QUAY, tint=linear((134, 130, 122))
        )
