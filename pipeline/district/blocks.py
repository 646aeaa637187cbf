"""Blocks as faces: buildings with ledges and air conditioners, shops with awnings, trees, lamps, railings, shelters."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from pipeline.district.scenery import Faces, Material, linear
from pipeline.district.shapes import Floats, Shape
from pipeline.district.stage import Block

Draw = np.random.Generator
_WALLS: Final = (
    (206, 196, 178), (188, 150, 122), (214, 212, 206), (176, 186, 178), (170, 116, 92), (222, 206, 170),
    (160, 168, 178), (198, 176, 168), (150, 158, 140),
)  # fmt: skip
_SIGNS: Final = (
    (176, 36, 40), (28, 92, 150), (32, 128, 84), (216, 150, 30), (120, 40, 110), (36, 40, 48),
    (200, 84, 36), (18, 120, 130),
)  # fmt: skip
_STEEL, _DARK, _PALE, _WOOD = (132, 136, 140), (52, 54, 58), (214, 214, 210), (128, 92, 60)
STOREY_M: Final = 3.1
GROUND_FLOOR_M: Final = 4.0
_Z: Final = np.array([0.0, 0.0, 1.0])


def add_block(faces: Faces, block: Block, draw: Draw) -> None:
    """Add a block; an unknown one stands as a plain wall of its size."""
    _BUILDERS.get(block.what, _wall)(faces, block, draw)


def _pose(block: Block) -> Floats:
    turn = math.radians(block.heading_deg)
    matrix = np.eye(4)
    matrix[:2, :2] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    matrix[:2, 3] = block.centre_m
    return matrix


def _box_sides(
    faces: Faces, block: Block, material: Material, *, tint: Floats, accent: Floats | None = None, seed: int = 0
) -> None:
    """Add the four upright sides and the top of a block."""
    matrix = _pose(block)
    x, y = matrix[:3, 0], matrix[:3, 1]
    (length, depth, height), middle = block.size_m, matrix[:3, 3]
    corners = [
        (-x * length - y * depth) / 2,
        (x * length - y * depth) / 2,
        (x * length + y * depth) / 2,
        (-x * length + y * depth) / 2,
    ]
    for index in range(4):
        start, end = middle + corners[index], middle + corners[(index + 1) % 4]
        faces.quad(start, end - start, _Z * height, material, tint=tint, accent=accent, seed=seed + index)
    faces.quad(middle + corners[0] + _Z * height, x * length, y * depth, Material.ROOF, tint=linear((120, 118, 114)))


def _building(faces: Faces, block: Block, draw: Draw) -> None:
    wall = linear(np.clip(np.array(_WALLS[draw.integers(len(_WALLS))]) + draw.normal(0, 8, 3), 40, 235))
    trim = np.clip(wall * draw.choice([0.55, 0.75, 1.35]), 0.03, 0.8)
    seed = int(draw.integers(1, 10_000)) * 4
    _box_sides(faces, block, Material.FACADE, tint=wall, accent=trim, seed=seed)
    length, depth, height = block.size_m
    shape = Shape()
    storeys = int((height - GROUND_FLOOR_M) / STOREY_M + 0.5)
    for storey in range(storeys + 1):
        z = GROUND_FLOOR_M + storey * STOREY_M
        deep = 0.28 if storey in (0, storeys) else 0.1
        shape.box((0.0, -depth / 2 - deep / 2 + 0.01, z), (length, deep, 0.2), 0)
    shape.box((0.0, 0.0, height + 0.35), (length, depth, 0.7), 1)
    style = seed // 4 % 3
    bay = 2.7 + 0.3 * style
    count = max(int(length / bay), 1)
    for storey in range(storeys):
        for index in range(count):
            x = (index + 0.5) * length / count - length / 2
            _on_window(shape, draw, (x, -depth / 2, GROUND_FLOOR_M + storey * STOREY_M), style)
    colours = {0: trim, 1: wall * 0.9, 2: linear((206, 206, 200)), 3: linear(_DARK), 4: trim * 0.9}
    faces.solid(shape, colours, _pose(block))


def _on_window(shape: Shape, draw: Draw, at: tuple[float, float, float], style: int) -> None:
    """Add what hangs before a window: an air conditioner, or a balcony in one of the styles."""
    x, y, z = at
    if style == 1 and draw.random() < 0.6:  # noqa: PLR2004 - share of windows with a balcony
        shape.box((x, y - 0.45, z + 0.2), (2.2, 0.9, 0.14), 4)
        shape.box((x, y - 0.88, z + 0.7), (2.2, 0.05, 0.9), 4)
        for side in (-1.08, 1.08):
            shape.box((x + side, y - 0.45, z + 0.7), (0.05, 0.9, 0.9), 4)
    elif draw.random() < 0.35:  # noqa: PLR2004 - share of windows with an air conditioner
        shape.box((x + 0.6, y - 0.2, z + 0.5), (0.8, 0.36, 0.55), 2)
        shape.box((x + 0.5, y - 0.385, z + 0.5), (0.4, 0.01, 0.42), 3)


def _shop(faces: Faces, block: Block, draw: Draw) -> None:
    matrix = _pose(block)
    x, outward = matrix[:3, 0], -matrix[:3, 1]
    (length, depth, height), middle = block.size_m, matrix[:3, 3]
    sign = linear(_SIGNS[draw.integers(len(_SIGNS))])
    seed = int(draw.integers(1, 1_000_000))
    start = middle - x * length / 2 + outward * depth / 2
    faces.quad(
        start,
        x * length,
        _Z * height,
        Material.SHOP,
        tint=linear(_WALLS[draw.integers(len(_WALLS))]),
        accent=sign,
        seed=seed,
    )
    shape = Shape()
    for side in (-1, 1):
        shape.box((side * (length / 2 - 0.06), -0.05, height / 2), (0.2, depth + 0.12, height), 0)
    shape.box((0.0, -0.06, height + 0.05), (length, depth + 0.2, 0.12), 0)
    faces.solid(shape, {0: linear((150, 148, 142))}, matrix)
    faces.shops.append((start + x * length / 2 + _Z * 1.8, outward, seed))
    pick = draw.random()
    if pick < 0.4:  # noqa: PLR2004 - share of shops with an awning
        _awning(faces, (start, x, outward), length, tint=sign)
    elif pick < 0.6:  # noqa: PLR2004 - share of shops with a sign that juts out
        _blade(faces, (start + x * 0.15, x, outward), seed=seed, tint=sign)


def _awning(faces: Faces, frame: tuple[Floats, Floats, Floats], length: float, *, tint: Floats) -> None:
    start, x, outward = frame
    top = start + x * 0.1 + _Z * 2.75
    slope = outward * 1.15 - _Z * 0.42
    faces.quad(top, x * (length - 0.2), slope, Material.STRIPES, tint=tint, accent=linear((232, 228, 220)))
    faces.quad(
        top + slope - _Z * 0.2,
        x * (length - 0.2),
        _Z * 0.2,
        Material.STRIPES,
        tint=tint,
        accent=linear((232, 228, 220)),
    )


def _blade(faces: Faces, frame: tuple[Floats, Floats, Floats], *, seed: int, tint: Floats) -> None:
    corner, x, outward = frame
    low = corner + _Z * 3.9 + outward * 0.1
    faces.quad(low, outward * 0.75, _Z * 2.2, Material.SIGN, tint=tint, accent=linear((240, 236, 220)), seed=seed)
    faces.quad(
        low + x * 0.14, outward * 0.75, _Z * 2.2, Material.SIGN, tint=tint, accent=linear((240, 236, 220)), seed=seed
    )
    faces.quad(low + outward * 0.75, x * 0.14, _Z * 2.2, Material.PLAIN, tint=tint * 0.6)


def _tree(faces: Faces, block: Block, draw: Draw) -> None:
    matrix, height = _pose(block), block.size_m[2]
    crown = block.size_m[0] / 2
    bark = linear((92, 74, 58))
    shape, clear = Shape(), height * 0.42
    shape.limb((0, 0, 0), (0.05, 0.02, clear), (0.14, 0.1), 0, sides=7)
    puffs = []
    for index in range(6):
        turn = index * 2.4 + draw.uniform(-0.4, 0.4)
        far = crown * (0.0 if not index else draw.uniform(0.35, 0.62))
        up = height - crown * 0.75 if not index else draw.uniform(clear + crown * 0.55, height - crown * 0.8)
        middle = np.array([far * math.cos(turn), far * math.sin(turn), up])
        shape.limb((0.05, 0.02, clear * 0.95), middle, (0.07, 0.03), 0, sides=4)
        puffs.append((middle, crown * draw.uniform(0.5, 0.68)))
    faces.solid(shape, {0: bark}, matrix)
    pit = Shape()
    pit.box((0, 0, 0.015), (1.2, 1.2, 0.03), 0)
    pit.box((0, 0, 0.02), (1.05, 1.05, 0.03), 1)
    faces.solid(pit, {0: linear((150, 146, 138)), 1: linear((82, 66, 50))}, matrix)
    green = np.array([0.055, 0.13, 0.03]) * draw.uniform(0.75, 1.25) * [draw.uniform(0.8, 1.6), 1.0, 1.0]
    _foliage(faces, matrix, puffs, green, draw)


def _foliage(faces: Faces, matrix: Floats, puffs: list[tuple[Floats, float]], green: Floats, draw: Draw) -> None:
    corners, normals, tints = [], [], []
    for middle, radius in puffs:
        count = int(380 * max(radius, 0.6))
        way = draw.normal(size=(count, 3))
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        depth = draw.uniform(0.62, 1.05, (count, 1))
        place = matrix[:3, 3] + middle + way * radius * depth * [1.0, 1.0, 0.8]
        corners.append(place[:, None, :] + draw.normal(0, 0.095, (count, 3, 3)))
        soft = way * 0.75 + [0.0, 0.0, 0.3] + draw.normal(0, 0.2, (count, 3))
        normals.append(soft / np.linalg.norm(soft, axis=1, keepdims=True))
        shade = (0.45 + 0.75 * (depth - 0.6) / 0.45) * draw.uniform(0.7, 1.3, (count, 1))
        tints.append(green * shade)
    faces.leaves(np.vstack(corners), np.vstack(normals), np.vstack(tints))


def _lamp(faces: Faces, block: Block, draw: Draw) -> None:
    del draw
    matrix, height = _pose(block), block.size_m[2]
    shape = Shape()
    shape.limb((0, 0, 0), (0, 0, 0.9), (0.13, 0.11), 0, sides=8)
    shape.limb((0, 0, 0.9), (0, 0, height - 0.6), (0.075, 0.05), 0, sides=8)
    shape.limb((0, 0, height - 0.6), (0, -0.5, height - 0.1), (0.05, 0.045), 0, sides=6)
    shape.limb((0, -0.5, height - 0.1), (0, -1.7, height), (0.045, 0.04), 0, sides=6)
    shape.box((0, -2.05, height + 0.02), (0.26, 0.8, 0.1), 1)
    faces.solid(shape, {0: linear((96, 100, 104)), 1: linear((120, 122, 124))}, matrix)
    glow = Shape()
    glow.box((0, -2.1, height - 0.045), (0.2, 0.62, 0.03), 0)
    faces.solid(glow, {0: linear((236, 232, 216))}, matrix, material=Material.LAMP)
    faces.lamps.append(matrix[:3, :3] @ np.array([0.0, -2.1, height - 0.06]) + matrix[:3, 3])


def _railing(faces: Faces, block: Block, draw: Draw) -> None:
    del draw
    length, depth, height = block.size_m
    shape = Shape()
    posts = max(int(length / 1.8), 1)
    for index in range(posts + 1):
        x = index * length / posts - length / 2
        shape.box((x, 0, height / 2), (0.16, max(depth, 0.14), height), 1, taper=0.9)
    for z in (height - 0.08, height * 0.62, height * 0.3):
        shape.box((0, 0, z), (length, 0.05 if z < height - 0.1 else 0.1, 0.06), 0)
    faces.solid(shape, {0: linear((176, 178, 180)), 1: linear((196, 192, 184))}, _pose(block))


def _bus_stop(faces: Faces, block: Block, draw: Draw) -> None:
    matrix = _pose(block)
    length, depth, height = block.size_m
    shape = Shape()
    for x in (-length / 2 + 0.1, 0.0, length / 2 - 0.1):
        shape.box((x, depth / 2 - 0.1, height / 2), (0.09, 0.09, height), 0)
    shape.box((0, 0, height), (length, depth, 0.1), 1)
    shape.box((0, depth / 2 - 0.35, 0.45), (length * 0.55, 0.35, 0.07), 2)
    for x in (-length * 0.2, length * 0.2):
        shape.box((x, depth / 2 - 0.3, 0.22), (0.06, 0.2, 0.44), 0)
    faces.solid(shape, {0: linear(_STEEL), 1: linear((52, 104, 110)), 2: linear(_WOOD)}, matrix)
    along, across = matrix[:3, 0], matrix[:3, 1]
    base = matrix[:3, 3] - along * (length / 2 - 0.15) + across * (depth / 2 - 0.12) + _Z * 0.5
    for index, tint in enumerate(((36, 110, 160), (200, 120, 60))):
        corner, seed = base + along * length * 0.5 * index, int(draw.integers(10_000))
        accent = linear((240, 240, 236))
        faces.quad(
            corner, along * (length * 0.42), _Z * 1.6, Material.SIGN, tint=linear(tint), accent=accent, seed=seed
        )


def _sign(faces: Faces, block: Block, draw: Draw) -> None:
    matrix, height = _pose(block), block.size_m[2]
    shape = Shape()
    shape.limb((0, 0, 0), (0, 0, height), (0.035, 0.035), 0, sides=6)
    shape.limb((0, -0.02, height - 0.35), (0, -0.06, height - 0.35), (0.34, 0.34), 1, sides=16)
    shape.limb((0, -0.055, height - 0.35), (0, -0.068, height - 0.35), (0.27, 0.27), 2, sides=16)
    shape.box((0, -0.075, height - 0.35), (0.46, 0.01, 0.07), 1, turn=0.0)
    colours = {0: linear(_STEEL), 1: linear((196, 30, 30)), 2: linear((36, 70, 150) if draw.random() < 0.5 else _PALE)}  # noqa: PLR2004 - half
    faces.solid(shape, colours, matrix)


def _wall(faces: Faces, block: Block, draw: Draw) -> None:
    _box_sides(faces, block, Material.QUAY, tint=linear(_WALLS[draw.integers(len(_WALLS))]))


_BUILDERS: Final[dict[str, Callable[[Faces, Block, Draw], None]]] = {
    "building": _building,
    "shop": _shop,
    "tree": _tree,
    "lamp": _lamp,
    "railing": _railing,
    "bus-stop": _bus_stop,
    "sign": _sign,
    "wall": _wall,
}
