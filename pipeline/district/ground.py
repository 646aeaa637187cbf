"""The ground's colour: asphalt with markings, paving with kerbs, bays, hatched fire lanes, slabs and grass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district.stage import Patch, Surface
from pipeline.district.textures import Values, grain, hashed, line, strokes

Flags = NDArray[np.bool_]
_ASPHALT, _WHITE, _YELLOW = (0.085, 0.087, 0.092), (0.62, 0.62, 0.6), (0.62, 0.42, 0.06)
_ROADS: Final = frozenset({Surface.LANE, Surface.PARKING_BAY, Surface.NO_PARKING, Surface.FIRE_LANE})
# Darker slabs run along and across a square.
BAND_EVERY_M: Final = 9.0
BAND_M: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strip:
    """A patch with axes of its own: u along its first edge, v across.

    Attributes:
        edges: the patches beyond v = 0, u = end, v = end, u = 0; None where nothing lies.
    """

    patch: Patch
    origin: NDArray[np.float64]
    along: NDArray[np.float64]
    across: NDArray[np.float64]
    length_m: float
    width_m: float
    edges: tuple[Patch | None, Patch | None, Patch | None, Patch | None]


def strips(patches: tuple[Patch, ...]) -> list[Strip]:
    """Return the dry patches with their axes and neighbours, in the order in which they cover each other."""
    dry = [patch for patch in patches if patch.surface is not Surface.WATER]
    return [_strip(patch, patches) for patch in dry]


def _strip(patch: Patch, patches: tuple[Patch, ...]) -> Strip:
    corners = np.array(patch.corners_m, dtype=np.float64)
    first, last = corners[1] - corners[0], corners[-1] - corners[0]
    along = first / max(float(np.linalg.norm(first)), 1e-9)
    across = np.array([-along[1], along[0]])
    across = across if float(last @ across) >= 0 else -across
    spread = (corners - corners[0]) @ np.vstack([along, across]).T
    low, high = spread.min(axis=0), spread.max(axis=0)
    origin = corners[0] + low[0] * along + low[1] * across
    (length, width), beyond = high - low, 0.35
    outside = [(length / 2, -beyond), (length + beyond, width / 2), (length / 2, width + beyond), (-beyond, width / 2)]
    edges = [_patch_at(origin + u * along + v * across, patches) for u, v in outside]
    return Strip(
        patch=patch, origin=origin, along=along, across=across, length_m=float(length), width_m=float(width),
        edges=(edges[0], edges[1], edges[2], edges[3]),
    )  # fmt: skip


def _patch_at(point: NDArray[np.float64], patches: tuple[Patch, ...]) -> Patch | None:
    x, y = (np.array([value], dtype=np.float32) for value in point)
    hits = [patch for patch in patches if not patch.name.startswith("zebra") and inside(patch, x, y)[0]]
    return hits[-1] if hits else None


def inside(patch: Patch, x: Values, y: Values) -> Flags:
    """Return which points lie in a patch, by counting edges crossed."""
    corners = np.array(patch.corners_m, dtype=np.float32)
    result = np.zeros(x.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            result ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return result


def paint(strips_: list[Strip], x: Values, y: Values, footprint_m: Values) -> NDArray[np.float32]:
    """Return linear albedo (n, 3) of ground points."""
    colour = np.empty((len(x), 3), dtype=np.float32)
    colour[:] = _ASPHALT
    for strip in strips_:
        corners = np.array(strip.patch.corners_m)
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        near = np.flatnonzero((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1))
        near = near[inside(strip.patch, x[near], y[near])]
        if len(near):
            px, py = x[near], y[near]
            u = ((px - strip.origin[0]) * strip.along[0] + (py - strip.origin[1]) * strip.along[1]).astype(np.float32)
            v = ((px - strip.origin[0]) * strip.across[0] + (py - strip.origin[1]) * strip.across[1]).astype(np.float32)
            at = _Points(x=px, y=py, u=u, v=v, footprint_m=footprint_m[near], under=colour[near])
            colour[near] = _paint_strip(strip, at)
    return colour


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Points:
    """Points of one strip: the stage's x and y, the strip's u and v, and the colour so far."""

    x: Values
    y: Values
    u: Values
    v: Values
    footprint_m: Values
    under: NDArray[np.float32]


def _paint_strip(strip: Strip, at: _Points) -> NDArray[np.float32]:
    paint = _zebra if strip.patch.name.startswith("zebra") else _PAINTS.get(strip.patch.surface, _forbidden)
    return paint(strip, at)


def _mix(colour: NDArray[np.float32], over: tuple[float, float, float], share: Values) -> NDArray[np.float32]:
    return np.asarray(colour + (np.array(over, dtype=np.float32) - colour) * share[:, None], dtype=np.float32)


def _worn(at: _Points) -> Values:
    """Return how much paint is left."""
    return np.asarray(np.clip(1.5 - 1.1 * grain(at.x, at.y, size_m=9.0, seed=1), 0.35, 0.95), dtype=np.float32)


def _asphalt(at: _Points, *, dark: float = 1.0) -> NDArray[np.float32]:
    coarse, fine = grain(at.x, at.y, size_m=37.0), grain(at.y, at.x, size_m=5.0, seed=1)
    fade = np.clip(0.04 / at.footprint_m, 0.0, 1.0)
    shade = dark * (0.72 + 0.5 * coarse + fade * 0.5 * (fine - 0.5))
    patched = hashed(at.x / 7.0 + 0.2 * np.sin(at.y), at.y / 2.6, 5) > 0.93  # noqa: PLR2004 - few repairs
    shade = np.where(patched, shade * 0.72, shade)
    crack = line(grain(at.x, at.y, size_m=23.0, seed=1) - 0.5, 0.004, np.maximum(at.footprint_m * 0.12, 0.002))
    shade *= 1.0 - 0.5 * crack * (grain(at.x, at.y, size_m=61.0) > 0.55)  # noqa: PLR2004 - only in places
    hole = np.hypot((at.x + 3.0) % 19.0 - 9.0, at.y % 5.0 - 2.2)
    shade *= 1.0 - 0.45 * line(hole - 0.3, 0.05, at.footprint_m) - 0.22 * (hole < 0.3)  # noqa: PLR2004 - its radius
    return np.asarray(np.array(_ASPHALT, dtype=np.float32) * shade[:, None], dtype=np.float32)


def _lane(strip: Strip, at: _Points) -> NDArray[np.float32]:
    middle = np.abs(at.v - strip.width_m / 2)
    tracks = np.exp(-(((middle - 0.85) / 0.38) ** 2))
    colour = np.asarray(_asphalt(at) * (1.0 - 0.16 * tracks)[:, None], dtype=np.float32)
    oil = np.exp(-((middle / 0.3) ** 2)) * grain(at.x, at.y, size_m=30.0, seed=1)
    colour *= (1.0 - 0.2 * oil)[:, None]
    for edge, far in ((0, False), (2, True)):
        beside = strip.edges[edge]
        distance = strip.width_m - at.v if far else at.v
        if beside is None or beside.surface is not Surface.LANE:
            colour = _mix(colour, _WHITE, line(distance - 0.2, 0.06, at.footprint_m) * _worn(at))
        elif beside.name.rsplit("-", 1)[-1] == strip.patch.name.rsplit("-", 1)[-1]:
            dashes = np.asarray(at.u % 6.0 < 2.4, dtype=np.float32)  # noqa: PLR2004 - length of a dash
            colour = _mix(colour, _WHITE, line(distance, 0.07, at.footprint_m) * dashes * _worn(at))
        else:
            colour = _mix(colour, _YELLOW, line(distance - 0.12, 0.06, at.footprint_m) * _worn(at))
    return colour


def _zebra(strip: Strip, at: _Points) -> NDArray[np.float32]:
    within = np.asarray(at.v % 1.0 < 0.5, dtype=np.float32)  # noqa: PLR2004 - half is painted
    inner = np.asarray((at.u > 0.2) & (at.u < strip.length_m - 0.2), dtype=np.float32)  # noqa: PLR2004 - a margin
    return _mix(_asphalt(at), _WHITE, within * inner * _worn(at))


def _bay(strip: Strip, at: _Points) -> NDArray[np.float32]:
    colour = _asphalt(at, dark=1.12)
    cell = strip.length_m / max(round(strip.length_m / 6.0), 1)
    marks = line((at.u + cell / 2) % cell - cell / 2, 0.06, at.footprint_m)
    for distance in (at.v - 0.08, strip.width_m - 0.08 - at.v):
        marks = np.maximum(marks, line(distance, 0.06, at.footprint_m))
    return _mix(colour, _WHITE, marks * _worn(at))


def _forbidden(strip: Strip, at: _Points) -> NDArray[np.float32]:
    """Paint a stretch where nobody parks: yellow lines along it, and hatching with lettering on a fire lane."""
    colour = _asphalt(at)
    marks = np.zeros(at.u.shape, dtype=np.float32)
    fire = strip.patch.surface is Surface.FIRE_LANE
    for distance, edge in ((at.v, strip.edges[0]), (strip.width_m - at.v, strip.edges[2])):
        kerb = edge is not None and edge.surface not in _ROADS
        if kerb or fire:
            marks = np.maximum(marks, line(distance - 0.14, 0.06, at.footprint_m))
            marks = np.maximum(marks, line(distance - 0.36, 0.06, at.footprint_m))
    if fire:
        band = (at.v > 0.5) & (at.v < strip.width_m - 0.5)  # noqa: PLR2004 - inside the border
        hatch = line((at.u + at.v) % 1.2 - 0.6, 0.09, at.footprint_m) * band
        for end in (at.u - 0.1, strip.length_m - 0.1 - at.u):
            marks = np.maximum(marks, line(end, 0.08, at.footprint_m))
        middle = np.abs(at.u - strip.length_m / 2) < min(2.0, strip.length_m / 3)
        plate = middle & (np.abs(at.v - strip.width_m / 2) < 0.55)  # noqa: PLR2004 - half the letters' height
        letters = strokes(at.u, (at.v - strip.width_m / 2 + 0.5), 11) * plate
        marks = np.maximum(np.where(plate, letters, np.maximum(hatch, marks)), 0.0)
    return _mix(colour, _YELLOW, np.asarray(marks, dtype=np.float32) * _worn(at))


def _joints(at: _Points, tile: tuple[float, float], *, bond: bool) -> tuple[Values, Values]:
    """Return the joints' mask and each tile's own value, 0 to 1."""
    row = np.floor(at.v / tile[1])
    u = at.u + np.where(bond & (row % 2 == 1), tile[0] / 2, 0.0)
    du, dv = (u / tile[0]) % 1.0 * tile[0], (at.v / tile[1]) % 1.0 * tile[1]
    gap = np.minimum(np.minimum(du, tile[0] - du), np.minimum(dv, tile[1] - dv))
    joint = line(gap, 0.012, at.footprint_m)
    own = hashed(u / tile[0], row, 3)
    return joint, 0.5 + (own - 0.5) * np.clip(0.25 / at.footprint_m, 0.0, 1.0)


def _paving(at: _Points) -> NDArray[np.float32]:
    joint, own = _joints(at, (0.6, 0.3), bond=True)
    shade = (0.82 + 0.22 * own + 0.35 * (grain(at.x, at.y, size_m=29.0) - 0.5)) * (1.0 - 0.35 * joint)
    return np.asarray(np.array([0.29, 0.275, 0.255], dtype=np.float32) * shade[:, None], dtype=np.float32)


def _pavement(strip: Strip, at: _Points) -> NDArray[np.float32]:
    return _kerbs(strip, at, _paving(at))


def _kerbs(strip: Strip, at: _Points, colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add a kerb stone towards roads and water, and a ribbed yellow guide strip behind a road's kerb."""
    for distance, edge in ((at.v, strip.edges[0]), (strip.width_m - at.v, strip.edges[2])):
        if edge is None or (edge.surface not in _ROADS and edge.surface is not Surface.WATER):
            continue
        stone = np.clip((0.28 - distance) / np.maximum(at.footprint_m, 1e-3) + 0.5, 0.0, 1.0)
        seam = line((at.u % 1.0) - 0.5, 0.012, at.footprint_m)
        shade = 0.42 * (0.9 + 0.2 * grain(at.x, at.y, size_m=7.0)) * (1.0 - 0.4 * seam)
        shade = shade * np.where(distance < 0.07, 0.55, 1.0)  # noqa: PLR2004 - the face of the stone
        colour = np.asarray(colour + (shade[:, None] - colour) * stone[:, None], dtype=np.float32)
        if edge.surface in _ROADS:
            guide = line(distance - 1.75, 0.15, at.footprint_m)
            ribs = 0.8 + 0.25 * (np.sin(at.v * 70.0) > 0) * np.clip(0.03 / at.footprint_m, 0, 1)
            yellow = np.array([0.5, 0.34, 0.08], dtype=np.float32) * ribs[:, None].astype(np.float32)
            colour = np.asarray(colour + (yellow - colour) * (guide * 0.9)[:, None], dtype=np.float32)
    return colour


def _slabs(_: Strip, at: _Points) -> NDArray[np.float32]:
    joint, own = _joints(at, (0.9, 0.9), bond=False)
    band = ((at.u % BAND_EVERY_M) < BAND_M) | ((at.v % BAND_EVERY_M) < BAND_M)
    base = np.where(band[:, None], [0.19, 0.15, 0.13], [0.36, 0.33, 0.29])
    shade = (0.84 + 0.2 * own + 0.4 * (grain(at.x, at.y, size_m=33.0) - 0.5)) * (1.0 - 0.3 * joint)
    return np.asarray(base * shade[:, None], dtype=np.float32)


def _grass(_: Strip, at: _Points) -> NDArray[np.float32]:
    blade = grain(at.x, at.y, size_m=6.0, seed=1) - 0.5
    shade = 0.8 + 0.6 * (grain(at.x, at.y, size_m=25.0) - 0.4) + 0.9 * blade * np.clip(0.06 / at.footprint_m, 0.15, 1.0)
    return np.asarray(np.array([0.07, 0.12, 0.035], dtype=np.float32) * shade[:, None], dtype=np.float32)


_PAINTS: Final[Mapping[Surface, Callable[[Strip, _Points], NDArray[np.float32]]]] = {
    Surface.PAVEMENT: _pavement,
    Surface.SQUARE: _slabs,
    Surface.GREEN: _grass,
    Surface.LANE: _lane,
    Surface.PARKING_BAY: _bay,
}
