"""Solids from which things are built: boxes, limbs, lofts, discs, each face with a palette slot and a gain."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]


class Slot(IntEnum):
    """What a face is made of; a thing's palette gives it a colour."""

    BODY = 0
    SECOND = 1
    THIRD = 2
    SKIN = 3
    HAIR = 4
    RUBBER = 5
    GLASS = 6
    METAL = 7
    HEADLAMP = 8
    TAIL_LAMP = 9
    PLATE = 10
    CARDBOARD = 11
    WOOD = 12
    WHITE = 13
    DARK = 14
    GREEN = 15
    FLAME = 16
    SMOKE = 17
    RED = 18
    YELLOW = 19
    BLUE = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mesh:
    """A thing's surface at its nominal size: front towards +x, footprint centred on the origin, lowest point at 0.

    Attributes:
        vertices_m: (v, 3).
        triangles: (t, 3) indices of vertices.
        slots: (t,) values of `Slot`.
        gains: (t,) factor on the slot's colour.
        parts: (t,) which solid a triangle belongs to.
        nominal_m: length, width, height that an actor's size is taken relative to.
    """

    vertices_m: Floats
    triangles: Indices
    slots: NDArray[np.int16]
    gains: NDArray[np.float32]
    parts: NDArray[np.int16]
    nominal_m: tuple[float, float, float]


@dataclass(slots=True)
class Shape:
    """A mesh in the making; a coarse one has fewer sides, for things that are far away."""

    coarse: bool = False
    vertices: list[Floats] = field(default_factory=list)
    triangles: list[Indices] = field(default_factory=list)
    slots: list[NDArray[np.int16]] = field(default_factory=list)
    gains: list[NDArray[np.float32]] = field(default_factory=list)
    parts: list[NDArray[np.int16]] = field(default_factory=list)
    count: int = 0
    part: int = 0

    def add(self, vertices: ArrayLike, triangles: ArrayLike, slot: int | Sequence[int], *, gain: float = 1.0) -> None:
        """Add a solid of (n, 3) vertices and (t, 3) triangles."""
        points = np.asarray(vertices, dtype=np.float64).reshape(-1, 3)
        faces = np.asarray(triangles, dtype=np.int32).reshape(-1, 3)
        self.vertices.append(points)
        self.triangles.append(faces + self.count)
        self.slots.append(np.broadcast_to(np.asarray(slot, dtype=np.int16), len(faces)))
        self.gains.append(np.full(len(faces), gain, dtype=np.float32))
        self.parts.append(np.full(len(faces), self.part, dtype=np.int16))
        self.count += len(points)
        self.part += 1

    def box(
        self, centre: ArrayLike, size: ArrayLike, slot: int, *, gain: float = 1.0, taper: float = 1.0, turn: float = 0.0
    ) -> None:
        """Add a box; `taper` scales its top, `turn` rotates it about z in radians."""
        half = np.asarray(size, dtype=np.float64) / 2
        signs = np.array([[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)], dtype=np.float64)
        corners = signs * half
        corners[4:, :2] *= taper
        self.add(_turned(corners, turn) + np.asarray(centre), _BOX, slot, gain=gain)

    def quad(self, corners: ArrayLike, slot: int, *, gain: float = 1.0) -> None:
        """Add a four-cornered face."""
        self.add(corners, [[0, 1, 2], [0, 2, 3]], slot, gain=gain)

    def limb(
        self,
        start: ArrayLike,
        end: ArrayLike,
        radii: tuple[float, float],
        slot: int,
        *,
        sides: int = 6,
        gain: float = 1.0,
    ) -> None:
        """Add a tapered tube between two points."""
        sides = self._sides(sides, 3)
        a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
        axis = (b - a) / max(float(np.linalg.norm(b - a)), 1e-9)
        helper = np.array([0.0, 1.0, 0.0]) if abs(axis[1]) < 0.9 else np.array([1.0, 0.0, 0.0])  # noqa: PLR2004 - not along it
        u = np.cross(axis, helper)
        u /= np.linalg.norm(u)
        v = np.cross(axis, u)
        angles = np.arange(sides) * 2 * math.pi / sides
        ring = np.cos(angles)[:, None] * u + np.sin(angles)[:, None] * v
        self.add(np.vstack([a + ring * radii[0], b + ring * radii[1]]), _tube(2, sides, capped=True), slot, gain=gain)

    def loft(self, rings: ArrayLike, slot: int, *, sides: int = 8, gain: float = 1.0, capped: bool = True) -> None:
        """Add a body of horizontal ellipses: rows of centre x, y, z and radii x, y."""
        rows, sides = np.asarray(rings, dtype=np.float64).reshape(-1, 5), self._sides(sides, 5)
        angles = (np.arange(sides) + 0.5) * 2 * math.pi / sides
        circle = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(sides)])
        points = [row[:3] + circle * [row[3], row[4], 0.0] for row in rows]
        self.add(np.vstack(points), _tube(len(rows), sides, capped=capped), slot, gain=gain)

    def ball(
        self, centre: ArrayLike, radii: ArrayLike, slot: int, *, sides: int = 8, rows: int = 5, gain: float = 1.0
    ) -> None:
        """Add an ellipsoid."""
        x, y, z = np.asarray(centre, dtype=np.float64)
        rx, ry, rz = np.asarray(radii, dtype=np.float64)
        angles = np.linspace(-math.pi / 2, math.pi / 2, self._sides(rows, 3))
        rings = [(x, y, z + rz * math.sin(a), rx * max(math.cos(a), 0.15), ry * max(math.cos(a), 0.15)) for a in angles]
        self.loft(rings, slot, sides=sides, gain=gain)

    def wheel(self, centre: ArrayLike, radius: float, width: float, *, sides: int = 12, hub: int = Slot.METAL) -> None:
        """Add a wheel that turns about y: a tyre and, on the side away from the middle, a hub."""
        middle = np.asarray(centre, dtype=np.float64)
        half = np.array([0.0, width / 2, 0.0])
        self.limb(middle - half, middle + half, (radius, radius), Slot.RUBBER, sides=sides)
        sides = self._sides(sides, 5)
        angles = np.arange(sides) * 2 * math.pi / sides
        rim = np.column_stack([np.cos(angles), np.zeros(sides), np.sin(angles)]) * radius * 0.62
        face = middle + np.array([0.0, math.copysign(width / 2 + 0.012, middle[1]), 0.0])
        self.add(rim + face, [(0, k, k + 1) for k in range(1, sides - 1)], hub, gain=0.8)

    def ring(self, centre: ArrayLike, radius: float, thickness: float, slot: int, *, sides: int = 14) -> None:
        """Add a thin wheel in the xz plane with an open middle."""
        sides = self._sides(sides, 7)
        angles = np.arange(sides) * 2 * math.pi / sides
        circle = np.column_stack([np.cos(angles), np.zeros(sides), np.sin(angles)])
        side = np.array([0.0, thickness / 2, 0.0])
        rings = [circle * radius + side, circle * radius - side, circle * (radius - thickness)]
        self.add(np.vstack(rings) + np.asarray(centre), _tube(3, sides, capped=False, closed=True), slot)

    def _sides(self, wanted: int, least: int) -> int:
        return max((wanted + 1) // 2, least) if self.coarse else wanted

    def mesh(self, nominal_m: tuple[float, float, float] | None = None) -> Mesh:
        """Return the finished mesh; without a nominal size it is centred and its own extent counts."""
        vertices = np.vstack(self.vertices)
        if nominal_m is None:
            low, high = vertices.min(axis=0), vertices.max(axis=0)
            vertices = vertices - [*(low + high)[:2] / 2, low[2]]
            nominal_m = (float(high[0] - low[0]), float(high[1] - low[1]), float(high[2] - low[2]))
        return Mesh(
            vertices_m=vertices,
            triangles=np.vstack(self.triangles),
            slots=np.concatenate(self.slots),
            gains=np.concatenate(self.gains),
            parts=np.concatenate(self.parts),
            nominal_m=nominal_m,
        )


_BOX: Final = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 5, 7], [4, 7, 6], [0, 1, 5], [0, 5, 4], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4],
     [1, 3, 7], [1, 7, 5]], dtype=np.int32,
)  # fmt: skip


def _turned(points: Floats, radians: float) -> Floats:
    sine, cosine = math.sin(radians), math.cos(radians)
    return np.asarray(points @ np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]]))


def _tube(rings: int, sides: int, *, capped: bool, closed: bool = False) -> Indices:
    """Return triangles between rings of `sides` vertices each; `closed` joins the last ring to the first."""
    faces: list[tuple[int, int, int]] = []
    for row in range(rings if closed else rings - 1):
        here, there = row * sides, ((row + 1) % rings) * sides
        for side in range(sides):
            after = (side + 1) % sides
            faces += [(here + side, here + after, there + after), (here + side, there + after, there + side)]
    if capped:
        last = (rings - 1) * sides
        for side in range(1, sides - 1):
            faces += [(0, side, side + 1), (last, last + side, last + side + 1)]
    return np.array(faces, dtype=np.int32)
