"""Things that stand or lie about: stalls, rubbish, bins, piled goods, floating rubbish and fire."""

import math
from typing import Final

import numpy as np

from pipeline.district.shapes import Mesh, Shape, Slot

STALL_M: Final = (2.0, 1.6, 2.3)
BAG_M: Final = (0.9, 0.7, 0.55)
BIN_M: Final = (0.6, 0.6, 1.05)
OVERFLOWING_M: Final = (1.2, 1.1, 1.3)
GOODS_M: Final = (1.8, 1.0, 1.3)
FLOATING_M: Final = (1.6, 1.2, 0.18)
FIRE_M: Final = (0.9, 0.9, 1.5)
FLOOD_M: Final = (9.0, 5.0, 0.03)
STYLES: Final = 6
FLAME_PHASES: Final = 12


def stall(style: int, *, coarse: bool = False) -> Mesh:
    """Return a street stall: a table of goods or a cart under a parasol or a flat awning."""
    shape, draw = Shape(coarse=coarse), np.random.default_rng(style)
    shape.box((0.0, 0.0, 0.42), (1.7, 0.85, 0.72), Slot.SECOND, taper=0.98)
    shape.box((0.0, 0.0, 0.81), (1.9, 1.0, 0.06), Slot.WOOD)
    for x in (-0.6, 0.0, 0.6):
        shape.box((x, 0.0, 0.88), (0.5, 0.8, 0.08), Slot.WOOD, gain=0.7)
        for _ in range(6):
            at = (x + draw.uniform(-0.18, 0.18), draw.uniform(-0.32, 0.32), 0.95)
            shape.ball(at, (0.1, 0.1, 0.07), int(draw.choice([Slot.RED, Slot.YELLOW, Slot.GREEN])), sides=5, rows=3)
    if style % 3 == 2:  # noqa: PLR2004 - one of three styles
        for x in (-0.9, 0.9):
            for y in (-0.7, 0.7):
                shape.limb((x, y, 0.0), (x, y, 2.1), (0.02, 0.02), Slot.METAL, sides=4)
        _canopy(shape, 2.1, (1.05, 0.85))
    else:
        shape.limb((0.0, 0.0, 0.8), (0.0, 0.0, 2.3), (0.025, 0.025), Slot.METAL, sides=5)
        _parasol(shape, 1.18)
    if style % 2:
        for y in (-0.48, 0.48):
            shape.ring((-0.5, y, 0.3), 0.3, 0.05, Slot.RUBBER)
    return shape.mesh()


def _parasol(shape: Shape, radius: float, *, sides: int = 8) -> None:
    angles = np.arange(sides) * 2 * math.pi / sides
    rim = [(radius * math.cos(a), radius * 0.8 * math.sin(a), 1.92) for a in angles]
    hem = [(x, y, z - 0.14) for x, y, z in rim]
    for index in range(sides):
        after = (index + 1) % sides
        slot = Slot.BODY if index % 2 else Slot.WHITE
        shape.add([(0.0, 0.0, 2.3), rim[index], rim[after]], [[0, 1, 2]], slot)
        shape.quad([rim[index], rim[after], hem[after], hem[index]], slot, gain=0.85)


def _canopy(shape: Shape, z: float, half: tuple[float, float], *, stripes: int = 6) -> None:
    xs = np.linspace(-half[0], half[0], stripes + 1)
    for index in range(stripes):
        slot = Slot.BODY if index % 2 else Slot.WHITE
        x0, x1 = float(xs[index]), float(xs[index + 1])
        for side in (-1, 1):
            edge = side * half[1]
            shape.quad([(x0, 0.0, z + 0.2), (x1, 0.0, z + 0.2), (x1, edge, z), (x0, edge, z)], slot)
            shape.quad([(x0, edge, z), (x1, edge, z), (x1, edge, z - 0.16), (x0, edge, z - 0.16)], slot, gain=0.85)


def rubbish_bag(style: int, *, coarse: bool = False) -> Mesh:
    """Return one to four tied bags."""
    shape, draw = Shape(coarse=coarse), np.random.default_rng(style + 17)
    for index in range(1 + style % 4):
        x, y = (0.0, 0.0) if not index else (draw.uniform(-0.3, 0.3), draw.uniform(-0.22, 0.22))
        wide, tall = draw.uniform(0.2, 0.28), draw.uniform(0.34, 0.48)
        slot = Slot.BODY if index % 2 == 0 else Slot.SECOND
        steps = ((0.0, 0.7), (0.15, 1.0), (0.45, 0.95), (0.72, 0.55), (0.8, 0.16), (1.0, 0.26))
        rings = [
            (x + draw.normal(0, 0.012), y + draw.normal(0, 0.012), tall * t, wide * s, wide * s * 0.9) for t, s in steps
        ]
        shape.loft(rings, slot, sides=7, gain=draw.uniform(0.8, 1.1))
    return shape.mesh()


def _tub(shape: Shape, *, lid_deg: float, style: int) -> None:
    if style % 2:
        shape.loft([(0, 0, 0.04, 0.24, 0.24), (0, 0, 0.9, 0.29, 0.29)], Slot.BODY, sides=10)
        shape.loft([(0, 0, 0.86, 0.31, 0.31), (0, 0, 0.93, 0.31, 0.31)], Slot.DARK, sides=10)
    else:
        shape.box((0.0, 0.0, 0.5), (0.46, 0.5, 0.88), Slot.BODY, taper=1.2)
        shape.box((0.0, 0.0, 0.92), (0.58, 0.62, 0.06), Slot.BODY, gain=0.75)
        shape.box((0.24, 0.0, 0.55), (0.03, 0.26, 0.26), Slot.WHITE)
        shape.wheel((-0.22, 0.24, 0.1), 0.1, 0.05, sides=8)
        shape.wheel((-0.22, -0.24, 0.1), 0.1, 0.05, sides=8)
    turn = math.radians(lid_deg)
    tip = (-0.3 + 0.62 * math.cos(turn), 0.95 + 0.62 * math.sin(turn))
    shape.quad(
        [(-0.3, -0.3, 0.96), (-0.3, 0.3, 0.96), (tip[0], 0.3, tip[1]), (tip[0], -0.3, tip[1])], Slot.BODY, gain=0.9
    )
    shape.quad(
        [(-0.3, -0.3, 1.0), (-0.3, 0.3, 1.0), (tip[0], 0.3, tip[1] + 0.04), (tip[0], -0.3, tip[1] + 0.04)], Slot.BODY
    )


def tidy_bin(style: int, *, coarse: bool = False) -> Mesh:
    """Return a closed wheelie bin or a round litter bin."""
    shape = Shape(coarse=coarse)
    _tub(shape, lid_deg=4.0, style=style)
    return shape.mesh()


def overflowing_bin(style: int, *, coarse: bool = False) -> Mesh:
    """Return a bin with an open lid, heaped, with bags and litter around it."""
    shape, draw = Shape(coarse=coarse), np.random.default_rng(style + 5)
    _tub(shape, lid_deg=105.0, style=2 * (style // 2))
    waste = [Slot.WHITE, Slot.DARK, Slot.RED, Slot.BLUE, Slot.CARDBOARD]
    for _ in range(7):
        at = (draw.uniform(-0.16, 0.2), draw.uniform(-0.2, 0.2), 1.0 + draw.uniform(-0.03, 0.16))
        shape.ball(at, draw.uniform(0.08, 0.17, 3), int(draw.choice(waste)), sides=6, rows=4)
    for index in range(3):
        turn = draw.uniform(-2.4, 2.4)
        at = (0.44 * math.cos(turn), 0.44 * math.sin(turn), 0.16)
        shape.ball(at, (0.19, 0.17, 0.18), (Slot.DARK, Slot.WHITE, Slot.BLUE)[index], sides=7, rows=5)
    for _ in range(6):
        turn, far = draw.uniform(0, 2 * math.pi), draw.uniform(0.35, 0.6)
        at = (far * math.cos(turn), far * math.sin(turn), 0.03)
        shape.box(at, (0.2, 0.13, 0.05), int(draw.choice(waste)), turn=draw.uniform(0, 3))
    return shape.mesh()


def piled_goods(style: int, *, coarse: bool = False) -> Mesh:
    """Return cartons, crates or sacks, piled."""
    shape, draw = Shape(coarse=coarse), np.random.default_rng(style + 31)
    kind = style % 3
    for layer in range(3):
        columns = 3 - (layer == 2)  # noqa: PLR2004 - the top layer is shorter
        for column in range(columns):
            for row in range(2):
                if layer == 2 and draw.random() < 0.4:  # noqa: PLR2004 - gaps in the top layer
                    continue
                at = np.array([(column - (columns - 1) / 2) * 0.58, (row - 0.5) * 0.48, 0.21 + layer * 0.42])
                at[:2] += draw.normal(0, 0.03, 2)
                _piece(shape, draw, at, kind)
    return shape.mesh()


def _piece(shape: Shape, draw: np.random.Generator, at: np.ndarray, kind: int) -> None:
    if kind == 0:
        shape.box(at, (0.54, 0.44, 0.4), Slot.CARDBOARD, gain=draw.uniform(0.8, 1.15), turn=draw.normal(0, 0.08))
        shape.box(at + np.array([0.0, 0.0, 0.204]), (0.5, 0.07, 0.004), Slot.YELLOW, gain=0.8)
        shape.box(at + np.array([0.0, -0.225, 0.02]), (0.22, 0.004, 0.14), Slot.BODY)
    elif kind == 1:
        slot = Slot.BODY if draw.random() < 0.6 else Slot.BLUE  # noqa: PLR2004 - share of the owner's crates
        shape.box(at, (0.54, 0.42, 0.36), slot, taper=1.06, gain=draw.uniform(0.8, 1.1))
        shape.box(
            at + np.array([0.0, 0.0, 0.17]), (0.46, 0.34, 0.06), int(draw.choice([Slot.RED, Slot.GREEN, Slot.YELLOW]))
        )
        shape.box(at + np.array([0.0, -0.225, -0.02]), (0.4, 0.01, 0.05), Slot.DARK)
    else:
        shape.ball(at, (0.34, 0.25, 0.24), Slot.WHITE, gain=draw.uniform(0.75, 1.0), sides=8, rows=5)


def floating_rubbish(style: int, *, coarse: bool = False) -> Mesh:
    """Return a raft of bottles, foam, bags and weed, low in the water."""
    shape, draw = Shape(coarse=coarse), np.random.default_rng(style + 71)
    for _ in range(13):
        at = (draw.normal(0, 0.33), draw.normal(0, 0.25), 0.06)
        turn, pick = draw.uniform(0, 3.1), draw.random()
        if pick < 0.3:  # noqa: PLR2004 - shares of what floats
            way = np.array([math.cos(turn), math.sin(turn), 0.0]) * 0.14
            shape.limb(np.array(at) - way, np.array(at) + way, (0.05, 0.035), int(draw.choice([Slot.BLUE, Slot.GREEN])))
        elif pick < 0.65:  # noqa: PLR2004 - shares of what floats
            shape.box(at, (draw.uniform(0.15, 0.4), draw.uniform(0.1, 0.3), 0.1), Slot.WHITE, turn=turn)
        else:
            shape.ball(at, (0.2, 0.15, 0.09), int(draw.choice([Slot.BODY, Slot.WHITE, Slot.RED])), sides=7, rows=4)
    shape.loft([(0, 0, 0.0, 0.6, 0.45), (0, 0, 0.03, 0.55, 0.4)], Slot.GREEN, sides=9, gain=0.5)
    return shape.mesh()


def flood(style: int, *, coarse: bool = False) -> Mesh:
    """Return a sheet of standing water with a ragged rim."""
    shape, draw = Shape(coarse=coarse), np.random.default_rng(style + 113)
    length, width, height = FLOOD_M
    for row in range(5):
        at, share = (row - 2) * 0.16 * length, 1.0 - 0.13 * abs(row - 2)
        y = float(draw.uniform(-0.05, 0.05)) * width * (row - 2) / 2
        radii = (0.19 * length, share * width * 0.44)
        top = height * (0.9 + 0.02 * row)  # no two in one plane
        shape.loft([(at, y, 0.0, *radii), (at, y, top, *radii)], Slot.BODY, sides=18)
    return shape.mesh(FLOOD_M)


def fire(style: int, phase: float, *, coarse: bool = False) -> Mesh:
    """Return a burning drum or heap at a moment of its flames; the smoke above it is drawn by the weather's puffs."""
    shape, still = Shape(coarse=coarse), np.random.default_rng(style)
    if style % 2:
        shape.loft([(0, 0, 0.0, 0.3, 0.3), (0, 0, 0.75, 0.3, 0.3)], Slot.DARK, sides=10)
        base = 0.72
    else:
        for _ in range(8):
            at = (still.normal(0, 0.22), still.normal(0, 0.22), 0.1)
            shape.box(at, (0.3, 0.2, 0.2), Slot.DARK, turn=still.uniform(0, 3))
        base = 0.15
    for index in range(9):
        beat = 2 * math.pi * (phase * (1 + index % 3) + index / 9)
        x, y = 0.2 * math.cos(index * 2.4), 0.2 * math.sin(index * 2.4)
        tall = (0.55 + 0.3 * math.sin(beat)) * (1.3 - 0.08 * index)
        sway = 0.08 * math.sin(beat + 1.0)
        rings = [
            (x, y, base, 0.13, 0.13),
            (x, y, base + tall * 0.35, 0.15, 0.15),
            (x + sway, y, base + tall, 0.02, 0.02),
        ]
        shape.loft(rings, Slot.FLAME, sides=5, gain=1.0 + 0.3 * math.sin(beat * 2))
    return shape.mesh(FIRE_M if style % 2 else (*FIRE_M[:2], 1.1))
