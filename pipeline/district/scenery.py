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
        shops_m: (s, 3) middles of shop fronts that are lit at night, with their outward normals in `shop_ways`.
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


def linear(rgb: ArrayLike) -> Floats:
    """Return linear albedo of display RGB 0 to 255."""
    return np.asarray((np.asarray(rgb, dtype=np.float64) / 255.0) ** 2.2)


@dataclass(slots=True)
class Faces:
    """A scenery in the making."""

    vertices: list[Floats] = field(default_factory=list)
    triangles: list[Indices] = field(default_factory=list)
    face: list[NDArray[np.int32]] = field(default_factory=list)
    rows: list[tuple[object, ...]] = field(default_factory=list)
    lamps: list[Floats] = field(default_factory=list)
    shops: list[tuple[Floats, Floats]] = field(default_factory=list)
    count: int = 0

    def _face(self, material: Material, axes: tuple[ArrayLike, ArrayLike, ArrayLike], **about: object) -> int:
        origin, along, up = (np.asarray(a, dtype=np.float64) for a in axes)
        normal = np.cross(along, up)
        normal = normal / max(float(np.linalg.norm(normal)), 1e-9)
        tint = about.get("tint", np.full(3, 0.5))
        self.rows.append(
            (material, about.get("seed", 0), origin, along, up, about.get("size", (1.0, 1.0)), about.get("normal", normal),
             tint, about.get("accent", tint))
        )  # fmt: skip
        return len(self.rows) - 1

    def _mesh(self, vertices: Floats, triangles: Indices, faces: NDArray[np.int32]) -> None:
        self.vertices.append(vertices)
        self.triangles.append(triangles + self.count)
        self.face.append(faces)
        self.count += len(vertices)

    def quad(self, origin: ArrayLike, along_m: ArrayLike, up_m: ArrayLike, material: Material, **about: object) -> None:
        """Add a parallelogram with its own axes u (along) and v (up), in metres from its corner."""
        o, a, b = (np.asarray(value, dtype=np.float64) for value in (origin, along_m, up_m))
        wide, tall = float(np.linalg.norm(a)), float(np.linalg.norm(b))
        index = self._face(material, (o, a / wide, b / tall), size=(wide, tall), **about)
        corners = np.vstack([o, o + a, o + a + b, o + b])
        self._mesh(corners, np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32), np.full(2, index, dtype=np.int32))

    def polygon(self, corners_m: ArrayLike, z_m: float, material: Material, **about: object) -> None:
        """Add a level convex polygon whose axes are the stage's."""
        flat = np.asarray(corners_m, dtype=np.float64).reshape(-1, 2)
        points = np.column_stack([flat, np.full(len(flat), z_m)])
        index = self._face(material, ((0.0, 0.0, z_m), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), **about)
        fan = np.array([(0, k, k + 1) for k in range(1, len(flat) - 1)], dtype=np.int32)
        self._mesh(points, fan, np.full(len(fan), index, dtype=np.int32))

    def solid(self, shape: Shape, colours: dict[int, ArrayLike], at: Floats, *, material: Material = Material.PLAIN) -> None:
        """Add a shape, turned and moved by a (4, 4) matrix, with one flat colour for each of its slots."""
        vertices, triangles = np.vstack(shape.vertices), np.vstack(shape.triangles)
        slots, gains = np.concatenate(shape.slots), np.concatenate(shape.gains)
        placed = vertices @ at[:3, :3].T + at[:3, 3]
        faces = np.empty(len(triangles), dtype=np.int32)
        for number, (corners, slot, gain) in enumerate(zip(triangles, slots, gains, strict=True)):
            a, b, c = placed[corners]
            normal = np.cross(b - a, c - a)
            normal = normal / max(float(np.linalg.norm(normal)), 1e-12)
            tint = np.asarray(colours[int(slot)]) * float(gain)
            faces[number] = self._face(material, (a, (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)), normal=normal, tint=tint)
        self._mesh(placed, triangles, faces)

    def leaves(self, corners_m: Floats, normals: Floats, tints: Floats) -> None:
        """Add single triangles (n, 3, 3) with soft normals and colours."""
        first = len(self.rows)
        for normal, tint, corners in zip(normals, tints, corners_m, strict=True):
            self._face(Material.LEAF, (corners[0], (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)), normal=normal, tint=tint)
        numbers = np.arange(len(corners_m), dtype=np.int32)
        self._mesh(corners_m.reshape(-1, 3), np.arange(3 * len(corners_m), dtype=np.int32).reshape(-1, 3), first + numbers)

    def scenery(self) -> Scenery:
        """Return the finished scenery."""
        columns = list(zip(*self.rows, strict=True))
        floats = [np.array(column, dtype=np.float64) for column in columns[2:]]
        return Scenery(
            vertices_m=np.vstack(self.vertices),
            triangles=np.vstack(self.triangles),
            face=np.concatenate(self.face),
            material=np.array(columns[0], dtype=np.int16),
            seed=np.array(columns[1], dtype=np.int32),
            origin_m=floats[0],
            along=floats[1],
            up=floats[2],
            size_m=floats[3],
            normal=floats[4],
            tint=floats[5],
            accent=floats[6],
            lamps_m=np.array(self.lamps, dtype=np.float64).reshape(-1, 3),
            shops_m=np.array([shop[0] for shop in self.shops], dtype=np.float64).reshape(-1, 3),
            shop_ways=np.array([shop[1] for shop in self.shops], dtype=np.float64).reshape(-1, 3),
        )


_EARTH_M: Final = 260.0


def scenery_of(stage: Stage, *, seed: int) -> Scenery:
    """Return a stage's patches and blocks as faces; the seed picks colours and styles."""
    from pipeline.district.blocks import add_block  # the rooms know each other: blocks builds with Faces

    faces = Faces()
    faces.quad(
        (-_EARTH_M, -_EARTH_M, WATER_LEVEL_M - 0.1), (2 * _EARTH_M, 0, 0), (0, 2 * _EARTH_M, 0), Material.EARTH,
        tint=linear((128, 126, 120)),
    )  # fmt: skip
    for patch in stage.patches:
        if patch.surface is Surface.WATER:
            _add_water(faces, patch.corners_m)
        elif not patch.name.startswith("zebra"):
            faces.polygon(patch.corners_m, 0.0, Material.GROUND)
    draw = np.random.default_rng([seed, 7])
    for block in stage.blocks:
        add_block(faces, block, draw)
    return faces.scenery()


def _add_water(faces: Faces, corners_m: tuple[tuple[float, float], ...]) -> None:
    faces.polygon(corners_m, WATER_LEVEL_M, Material.WATER, tint=linear((74, 92, 84)))
    for start, end in zip(corners_m, (*corners_m[1:], corners_m[0]), strict=True):
        way = np.array([end[0] - start[0], end[1] - start[1], 0.0])
        faces.quad((*start, WATER_LEVEL_M), way, (0.0, 0.0, -WATER_LEVEL_M), Material.QUAY, tint=linear((134, 130, 122)))
