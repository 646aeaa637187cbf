"""Bicycles and e-bikes, parked or ridden."""

import math
from typing import Final

from pipeline.district.people import add_rider
from pipeline.district.shapes import Mesh, Shape, Slot

BICYCLE_M: Final = (1.75, 0.6, 1.05)
E_BIKE_M: Final = (1.7, 0.66, 1.1)
STYLES: Final = 6


def bicycle(style: int, *, ridden: bool, phase: float = 0.0, coarse: bool = False) -> Mesh:
    """Return a bicycle, with basket by style; ridden ones have a pedalling rider."""
    shape = Shape(coarse=coarse)
    for x in (-0.52, 0.52):
        shape.ring((x, 0.0, 0.34), 0.34, 0.045, Slot.RUBBER)
        shape.box((x, 0.0, 0.34), (0.5, 0.008, 0.008), Slot.METAL)
        shape.box((x, 0.0, 0.34), (0.008, 0.008, 0.5), Slot.METAL)
    seat, crank, head = (-0.22, 0.0, 0.86), (-0.04, 0.0, 0.3), (0.4, 0.0, 0.82)
    for start, end in (
        (crank, (-0.19, 0.0, 0.8)),
        (crank, head),
        ((-0.18, 0.0, 0.7), head),
        ((-0.52, 0.0, 0.34), crank),
        ((-0.52, 0.0, 0.34), (-0.18, 0.0, 0.7)),
        ((0.52, 0.0, 0.34), (0.38, 0.0, 0.98)),
    ):
        shape.limb(start, end, (0.028, 0.028), Slot.BODY, sides=4)
    shape.box(seat, (0.26, 0.15, 0.06), Slot.DARK)
    shape.limb((0.36, -0.28, 1.0), (0.36, 0.28, 1.0), (0.02, 0.02), Slot.DARK, sides=4)
    if style % 2 == 0:
        shape.box((0.6, 0.0, 0.86), (0.3, 0.34, 0.24), Slot.METAL, gain=0.8, taper=1.15)
    shape.box((-0.5, 0.0, 0.71), (0.42, 0.1, 0.02), Slot.BODY)
    shape.box((0.52, 0.0, 0.71), (0.36, 0.06, 0.015), Slot.BODY)
    if ridden:
        add_rider(shape, (-0.2, 0.0, 0.98), (0.36, 1.02), style=style, pedal=2 * math.pi * phase)
    return shape.mesh(BICYCLE_M)


def e_bike(style: int, *, ridden: bool, coarse: bool = False) -> Mesh:
    """Return a scooter-like e-bike: foot board, fairing, seat, lamp, box or basket by style."""
    shape = Shape(coarse=coarse)
    for x in (-0.55, 0.57):
        shape.limb((x, -0.05, 0.24), (x, 0.05, 0.24), (0.24, 0.24), Slot.RUBBER, sides=10)
        shape.limb((x, -0.055, 0.24), (x, 0.055, 0.24), (0.13, 0.13), Slot.METAL, sides=8)
    shape.box((0.02, 0.0, 0.3), (0.62, 0.26, 0.1), Slot.DARK)
    shape.box((-0.42, 0.0, 0.5), (0.7, 0.26, 0.3), Slot.BODY, taper=0.85)
    shape.box((-0.38, 0.0, 0.72), (0.66, 0.25, 0.12), Slot.DARK, gain=1.2, taper=0.9)
    shape.limb((0.57, 0.0, 0.25), (0.4, 0.0, 0.95), (0.05, 0.05), Slot.METAL, sides=5)
    shape.box((0.42, 0.0, 0.62), (0.12, 0.36, 0.62), Slot.BODY, taper=0.7)
    shape.box((0.56, 0.0, 0.46), (0.38, 0.16, 0.06), Slot.BODY)
    shape.limb((0.38, -0.32, 1.02), (0.38, 0.32, 1.02), (0.022, 0.022), Slot.DARK, sides=4)
    shape.ball((0.44, 0.0, 0.95), (0.1, 0.14, 0.1), Slot.BODY, sides=6, rows=4)
    shape.box((0.53, 0.0, 0.94), (0.04, 0.14, 0.1), Slot.HEADLAMP)
    shape.box((-0.8, 0.0, 0.6), (0.04, 0.16, 0.07), Slot.TAIL_LAMP)
    shape.box((-0.82, 0.0, 0.48), (0.02, 0.2, 0.14), Slot.WHITE)
    for side in (-1, 1):
        shape.limb((0.36, side * 0.24, 1.02), (0.32, side * 0.27, 1.18), (0.012, 0.012), Slot.DARK, sides=3)
        shape.box((0.32, side * 0.27, 1.2), (0.03, 0.12, 0.08), Slot.DARK)
    if style % 3 == 0:
        shape.box((-0.78, 0.0, 0.98), (0.46, 0.46, 0.42), Slot.YELLOW if style % 2 else Slot.BLUE)
    elif style % 3 == 1:
        shape.box((-0.78, 0.0, 0.86), (0.28, 0.3, 0.24), Slot.DARK)
    else:
        shape.box((0.66, 0.0, 0.72), (0.22, 0.32, 0.24), Slot.METAL, gain=0.7, taper=1.15)
    if ridden:
        add_rider(shape, (-0.3, 0.0, 0.84), (0.36, 1.04), style=style, pedal=-1.0)
    return shape.mesh(E_BIKE_M)
