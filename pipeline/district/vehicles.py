"""Cars and vans: a side outline drawn across with tapering sides, glass, wheels, lamps and number plates."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.district.shapes import Mesh, Shape, Slot

CAR_M: Final = (4.5, 1.8, 1.48)
VAN_M: Final = (5.2, 1.95, 2.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A vehicle's outline in shares of its length (-0.5 to 0.5) and height.

    Attributes:
        outline: x, z of the upper edge from the tail to the nose, and what the top between here and the next is.
        belt: height of the lower edge of the side windows.
        pillars: x between which side windows are glass.
        wheels: x of the axles.
        wheel_m: radius.
        narrow: share of the width that the roof keeps.
    """

    outline: tuple[tuple[float, float, Slot], ...]
    belt: float
    panes: tuple[tuple[float, float], ...]
    wheels: tuple[float, float]
    wheel_m: float = 0.32
    narrow: float = 0.78


_B, _G = Slot.BODY, Slot.GLASS
_SEDAN = Body(
    outline=((-0.5, 0.36, _B), (-0.495, 0.6, _B), (-0.47, 0.69, _B), (-0.33, 0.735, _G), (-0.2, 0.93, _B),
             (-0.12, 0.985, _B),
             (0.0, 1.0, _B), (0.07, 0.985, _G), (0.22, 0.72, _B), (0.33, 0.69, _B), (0.44, 0.61, _B), (0.49, 0.5, _B),
             (0.5, 0.34, _B)),
    belt=0.68, panes=((-0.27, -0.08), (-0.06, 0.17)), wheels=(-0.3, 0.31),
)  # fmt: skip
_HATCH = Body(
    outline=((-0.5, 0.36, _B), (-0.495, 0.62, _G), (-0.44, 0.88, _B), (-0.36, 0.98, _B), (-0.15, 1.0, _B),
             (0.04, 0.985, _G),
             (0.23, 0.7, _B), (0.34, 0.67, _B), (0.45, 0.58, _B), (0.495, 0.47, _B), (0.5, 0.32, _B)),
    belt=0.65, panes=((-0.4, -0.22), (-0.2, -0.02), (0.0, 0.17)), wheels=(-0.32, 0.31),
)  # fmt: skip
_SUV = Body(
    outline=((-0.5, 0.36, _B), (-0.5, 0.6, _G), (-0.46, 0.9, _B), (-0.4, 0.985, _B), (-0.1, 1.0, _B), (0.04, 0.98, _G),
             (0.2, 0.7, _B), (0.34, 0.665, _B), (0.46, 0.62, _B), (0.495, 0.5, _B), (0.5, 0.32, _B)),
    belt=0.64, panes=((-0.43, -0.26), (-0.24, -0.05), (-0.03, 0.15)), wheels=(-0.31, 0.31), wheel_m=0.37, narrow=0.84,
)  # fmt: skip
_MINIBUS = Body(
    outline=((-0.5, 0.25, _B), (-0.5, 0.55, _G), (-0.485, 0.85, _B), (-0.46, 0.97, _B), (-0.1, 1.0, _B),
             (0.26, 0.98, _G),
             (0.38, 0.62, _B), (0.46, 0.53, _B), (0.495, 0.44, _B), (0.5, 0.24, _B)),
    belt=0.55, panes=((-0.46, -0.28), (-0.26, -0.06), (-0.04, 0.14), (0.16, 0.3)), wheels=(-0.32, 0.32), wheel_m=0.35,
    narrow=0.88,
)  # fmt: skip
_PANEL_VAN = Body(
    outline=(*_MINIBUS.outline[:1], (-0.5, 0.55, _B), *_MINIBUS.outline[2:]),
    belt=0.55, panes=((0.14, 0.3),), wheels=(-0.32, 0.32), wheel_m=0.35, narrow=0.9,
)  # fmt: skip

_CARS: Final = (_SEDAN, _HATCH, _SUV)
CAR_STYLES: Final = len(_CARS)
VAN_STYLES: Final = 3


def car(style: int, *, coarse: bool = False) -> Mesh:
    """Return a sedan, a hatchback or an SUV."""
    return _vehicle(_CARS[style % CAR_STYLES], CAR_M, coarse=coarse)


def van(style: int, *, coarse: bool = False) -> Mesh:
    """Return a minibus, a panel van or a box lorry."""
    if style % VAN_STYLES == VAN_STYLES - 1:
        return _lorry(coarse=coarse)
    return _vehicle((_MINIBUS, _PANEL_VAN)[style % VAN_STYLES], VAN_M, coarse=coarse)


def _vehicle(body: Body, size_m: tuple[float, float, float], *, coarse: bool) -> Mesh:
    shape = Shape(coarse=coarse)
    length, width, height = size_m
    _hull(shape, body, size_m)
    for axle in body.wheels:
        for side in (-1, 1):
            at = (axle * length, side * (width / 2 - 0.1), body.wheel_m)
            shape.wheel(at, body.wheel_m, 0.21)
            if not coarse:
                _arch(shape, (axle * length, side * (width / 2 + 0.002), body.wheel_m), body.wheel_m * 1.17)
    low = min(body.outline[0][1], body.outline[-1][1]) * height
    _lamps(shape, size_m, low)
    mirror_x = max(x for _, x in body.panes) * length - 0.06
    for side in (-1, 1):
        shape.box(
            (mirror_x, side * (width / 2 + 0.07), body.belt * height + 0.06), (0.12, 0.2, 0.13), Slot.BODY, gain=0.8
        )
    return shape.mesh(size_m)


def _hull(shape: Shape, body: Body, size_m: tuple[float, float, float]) -> None:
    length, width, _ = size_m
    xs = sorted({x for x, _, _ in body.outline} | {edge for pane in body.panes for edge in pane})
    ox, oz = [p[0] for p in body.outline], [p[1] for p in body.outline]
    # Two outline points may share an x (an upright tail); the sweep needs rising ones.
    ox = list(np.maximum.accumulate(np.array(ox) + np.arange(len(ox)) * 1e-5))
    rows = [_section(body, x, float(np.interp(x, ox, oz)), size_m) for x in sorted({*xs, *ox})]
    stations = sorted({*xs, *ox})
    points = np.array(rows).reshape(-1, 8, 3)
    columns = points.shape[1]
    faces, slots = [], []
    for index in range(len(stations) - 1):
        middle = (stations[index] + stations[index + 1]) / 2
        top = body.outline[int(np.searchsorted(ox, middle)) - 1][2]
        pane = any(low < middle < high for low, high in body.panes)
        here, there = index * columns, (index + 1) * columns
        for column in range(columns - 1):
            faces += [
                (here + column, here + column + 1, there + column + 1),
                (here + column, there + column + 1, there + column),
            ]
            slot = Slot.BODY
            if column in (1, 5) and pane:
                slot = Slot.GLASS
            if column == 3:  # noqa: PLR2004 - the strip across the top
                slot = top
            slots += [slot, slot]
    shape.add(points.reshape(-1, 3), faces, [int(slot) for slot in slots])
    for end in (0, len(stations) - 1):
        base = end * columns
        cap = [(base, base + k, base + k + 1) for k in range(1, columns - 1)]
        shape.add(points.reshape(-1, 3)[base : base + columns], np.array(cap) - base, Slot.BODY, gain=0.9)
    shape.box((0.0, 0.0, 0.26), (length * 0.94, width * 0.9, 0.16), Slot.DARK)


def _section(body: Body, x: float, top: float, size_m: tuple[float, float, float]) -> list[tuple[float, float, float]]:
    """Return 8 points across the vehicle at a station: sill, belt, shoulder, roof edge, and the same mirrored."""
    length, width, height = size_m
    belt = min(top, body.belt)
    share = (top - belt) / max(1.0 - body.belt, 1e-6)
    ends = 1.0 - 0.16 * max(abs(x) - 0.36, 0.0) / 0.14
    half = width / 2 * ends
    roof = half * (1.0 - (1.0 - body.narrow) * share)
    shoulder = max(belt, top - 0.035 - 0.02 * share)
    edge = max(roof - 0.1, roof * 0.85)
    right = [
        (x * length, half * 0.97, 0.2),
        (x * length, half, belt * height),
        (
            x * length,
            roof + (half - roof) * (top - shoulder) / max(top - belt, 1e-6) if top > belt else half,
            shoulder * height,
        ),
        (x * length, edge, top * height),
    ]
    return right + [(px, -py, pz) for px, py, pz in reversed(right)]


def _arch(shape: Shape, centre: tuple[float, float, float], radius: float) -> None:
    angles = np.linspace(0.0, np.pi, 8)
    rim = [(centre[0] + radius * np.cos(a), centre[1], centre[2] + radius * np.sin(a)) for a in angles]
    shape.add([centre, *rim], [(0, k, k + 1) for k in range(1, len(rim))], Slot.DARK, gain=0.6)


def _lamps(shape: Shape, size_m: tuple[float, float, float], low_m: float) -> None:
    length, width, height = size_m
    for end, slot in ((1, Slot.HEADLAMP), (-1, Slot.TAIL_LAMP)):
        x = end * (length / 2 + 0.012)
        for side in (-1, 1):
            y, z = side * width * 0.34, max(low_m, 0.3 * height) + 0.12
            shape.box((x - end * 0.05, y, z), (0.1, 0.36, 0.15), slot)
        shape.box((x, 0.0, low_m * 0.8 + 0.05), (0.02, 0.46, 0.14), Slot.PLATE)
        if shape.coarse:
            continue
        shape.box((x - end * 0.02, 0.0, low_m * 0.8 + 0.2), (0.04, width * 0.4, 0.1), Slot.DARK)
        shape.box((x - end * 0.03, 0.0, 0.27), (0.06, width * 0.84, 0.1), Slot.DARK, gain=1.3)


def _lorry(*, coarse: bool) -> Mesh:
    shape = Shape(coarse=coarse)
    length, width, height = VAN_M
    cab_x = length / 2 - 0.75
    shape.box((cab_x, 0.0, 0.85), (1.45, width * 0.94, 0.8), Slot.BODY)
    shape.box((cab_x - 0.08, 0.0, 1.58), (1.25, width * 0.92, 0.7), Slot.BODY, taper=0.9)
    shape.quad(
        [(cab_x + 0.57, -0.78, 1.3), (cab_x + 0.57, 0.78, 1.3), (cab_x + 0.5, 0.72, 1.88), (cab_x + 0.5, -0.72, 1.88)],
        Slot.GLASS,
    )
    for side in (-1, 1):
        y = side * (width * 0.46 + 0.004)
        shape.quad(
            [
                (cab_x - 0.5, y, 1.3),
                (cab_x + 0.4, y, 1.3),
                (cab_x + 0.32, y * 0.95, 1.84),
                (cab_x - 0.5, y * 0.95, 1.84),
            ],
            Slot.GLASS,
        )
        shape.box((cab_x + 0.55, side * (width / 2 + 0.1), 1.5), (0.1, 0.16, 0.3), Slot.DARK)
    box_x = -0.78
    shape.box((box_x, 0.0, 1.42), (length - 1.62, width, height - 0.66), Slot.SECOND)
    for side in (-1, 1):
        stripe = side * (width / 2 + 0.006)
        shape.box((box_x, stripe, 1.35), (length * 0.4, 0.01, 0.5), Slot.THIRD)
    shape.box((box_x - (length - 1.62) / 2 - 0.006, 0.0, 1.42), (0.01, 0.04, height - 0.75), Slot.DARK)
    shape.box((0.0, 0.0, 0.55), (length * 0.95, width * 0.6, 0.2), Slot.DARK)
    for axle in (-0.3, 0.33):
        for side in (-1, 1):
            shape.wheel((axle * length, side * (width / 2 - 0.14), 0.38), 0.38, 0.26)
    _lamps(shape, VAN_M, 0.6)
    return shape.mesh(VAN_M)
