"""The shape of a person: walking, standing, sitting on a two-wheeler; clothes and build vary by style."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district.shapes import Mesh, Shape, Slot

Floats = NDArray[np.float64]
PERSON_M: Final = (0.5, 0.5, 1.72)
_AS_BUILT_M: Final = (0.5, 0.5, 1.8)
STYLES: Final = 12
_HIP_M, _SHOULDER_M = 0.90, 1.40


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What varies between people.

    Attributes:
        wide: factor on widths.
        skirt: whether it wears one.
        long_hair, hat, helmet, rucksack, bag: what it wears or carries.
        sleeves: whether its arms are covered.
        shorts: whether its shins are bare.
    """

    wide: float
    skirt: bool
    long_hair: bool
    hat: bool
    rucksack: bool
    bag: bool
    sleeves: bool
    shorts: bool
    helmet: bool = False


def build(style: int, *, helmet: bool = False) -> Build:
    """Return the build of a style, any whole number."""
    draw = np.random.default_rng(style % STYLES)
    skirt, long_hair, hat, rucksack, bag, sleeves, shorts = (draw.random(len(_HOW_OFTEN)) < _HOW_OFTEN).tolist()
    return Build(
        wide=float(draw.uniform(0.9, 1.15)),
        skirt=skirt,
        long_hair=long_hair,
        hat=hat,
        rucksack=rucksack,
        bag=bag,
        sleeves=sleeves,
        shorts=shorts,
        helmet=helmet,
    )


# Of skirts, long hair, hats, rucksacks, bags, long sleeves and shorts.
_HOW_OFTEN: Final = np.array([0.2, 0.4, 0.2, 0.3, 0.3, 0.55, 0.3])


def walking(style: int, phase: float, *, coarse: bool = False) -> Mesh:
    """Return a person in a stride; phase 0 to 1 is two steps, and at 0 it nearly stands."""
    shape, look = Shape(coarse=coarse), build(style)
    swing = 0.62 * math.sin(2 * math.pi * phase)
    lift = 0.03 * math.cos(4 * math.pi * phase)
    for side in (-1, 1):
        hip = np.array([0.0, side * 0.09 * look.wide, _HIP_M + lift])
        _leg(shape, look, hip, side * swing)
        shoulder = np.array([0.0, side * 0.215 * look.wide, _SHOULDER_M + lift])
        _arm(shape, look, shoulder, -side * 0.8 * swing, bend=0.3 + 0.25 * abs(swing))
    _trunk(shape, look, lift)
    return shape.mesh(_AS_BUILT_M)


def add_rider(
    shape: Shape, seat: tuple[float, float, float], grip: tuple[float, float], *, style: int, pedal: float
) -> None:
    """Add a rider to a two-wheeler.

    Args:
        seat: x, y, z of the hips.
        grip: x and z of the handlebar's ends.
        pedal: radians that the crank has turned, or a negative number for feet on a board.
    """
    look = build(style, helmet=style % 3 == 0)
    hips = np.array(seat)
    lean = np.array([0.16, 0.0, 0.52])
    for side in (-1, 1):
        hip = hips + np.array([0.0, side * 0.1, 0.0])
        turn = pedal + (math.pi if side > 0 else 0.0)
        foot = np.array([0.08, side * 0.1, 0.3]) + np.array([0.16 * math.cos(turn), 0.0, 0.16 * math.sin(turn)])
        if pedal < 0:
            foot = np.array([0.25, side * 0.12, 0.34])
        knee = (hip + foot) / 2 + [0.24, side * 0.05, 0.12]
        shape.limb(hip, knee, (0.085, 0.065), Slot.SECOND)
        shape.limb(knee, foot, (0.06, 0.045), Slot.SKIN if look.shorts else Slot.SECOND)
        shape.box(foot + np.array([0.04, 0.0, -0.03]), (0.24, 0.09, 0.07), Slot.DARK)
        shoulder = hips + lean + [0.0, side * 0.2 * look.wide, 0.0]
        hand = np.array([grip[0], side * 0.28, grip[1]])
        elbow = (shoulder + hand) / 2 + [-0.03, side * 0.07, -0.07]
        shape.limb(shoulder, elbow, (0.052, 0.045), Slot.THIRD)
        shape.limb(elbow, hand, (0.042, 0.035), Slot.THIRD if look.sleeves else Slot.SKIN)
    _torso(shape, look, hips, lean, slot=Slot.THIRD)
    _head(shape, look, hips + lean + [0.06, 0.0, 0.24])


def _leg(shape: Shape, look: Build, hip: Floats, angle: float) -> None:
    knee = hip + 0.43 * np.array([math.sin(angle), 0.0, -math.cos(angle)])
    back = angle - max(-angle, 0.0) * 0.9 - 0.08
    ankle = knee + 0.42 * np.array([math.sin(back), 0.0, -math.cos(back)])
    ankle[2] = max(ankle[2], 0.06)
    bare = look.skirt or look.shorts
    shape.limb(hip, knee, (0.088 * look.wide, 0.066), Slot.SECOND)
    shape.limb(knee, ankle, (0.062, 0.045), Slot.SKIN if bare else Slot.SECOND)
    shape.box(ankle + np.array([0.05, 0.0, -0.025]), (0.26, 0.095, 0.08), Slot.DARK)


def _arm(shape: Shape, look: Build, shoulder: Floats, angle: float, *, bend: float) -> None:
    elbow = (
        shoulder + 0.29 * np.array([math.sin(angle), 0.0, -math.cos(angle)]) + [0.0, np.sign(shoulder[1]) * 0.03, 0.0]
    )
    fore = angle + bend
    hand = elbow + 0.27 * np.array([math.sin(fore), 0.0, -math.cos(fore)])
    shape.limb(shoulder, elbow, (0.056, 0.046), Slot.BODY)
    shape.limb(elbow, hand, (0.044, 0.034), Slot.BODY if look.sleeves else Slot.SKIN)
    if not shape.coarse:
        shape.ball(hand, (0.045, 0.03, 0.055), Slot.SKIN, sides=5, rows=3)
    if look.bag and shoulder[1] > 0:
        shape.box(hand + np.array([0.0, 0.02, -0.22]), (0.28, 0.1, 0.3), Slot.RED, gain=0.8, taper=0.8)


def _trunk(shape: Shape, look: Build, lift: float) -> None:
    base = np.array([0.0, 0.0, _HIP_M + lift])
    _torso(shape, look, base, np.array([0.0, 0.0, _SHOULDER_M - _HIP_M]), slot=Slot.BODY)
    if look.skirt:
        rings = [(0, 0, 0.5 + lift, 0.2, 0.24), (0, 0, 0.95 + lift, 0.12, 0.16)]
        shape.loft(rings, Slot.SECOND, sides=8)
    if look.rucksack:
        shape.box((-0.19, 0.0, 1.22 + lift), (0.16, 0.3, 0.42), Slot.BLUE, gain=0.7, taper=0.85)
    _head(shape, look, base + np.array([0.02, 0.0, 0.72]))


def _torso(shape: Shape, look: Build, base: Floats, axis: Floats, *, slot: int) -> None:
    w = look.wide
    steps = ((-0.08, 0.115, 0.16), (0.2, 0.115, 0.155), (0.65, 0.135, 0.195), (0.93, 0.12, 0.205), (1.06, 0.07, 0.1))
    shape.loft([(*(base + axis * t), rx * w, ry * w) for t, rx, ry in steps], slot)
    shape.limb(base + axis * 1.03, base + axis * 1.03 + [0.02, 0.0, 0.11], (0.055, 0.05), Slot.SKIN)


def _head(shape: Shape, look: Build, centre: Floats) -> None:
    shape.ball(centre, (0.1, 0.082, 0.125), Slot.SKIN, sides=8, rows=6)
    if look.helmet:
        shape.ball(centre + np.array([-0.01, 0.0, 0.05]), (0.14, 0.125, 0.115), Slot.YELLOW, sides=8, rows=5)
        return
    shape.ball(centre + np.array([-0.025, 0.0, 0.035]), (0.102, 0.092, 0.108), Slot.HAIR, sides=8, rows=5)
    if look.long_hair:
        shape.ball(centre + np.array([-0.075, 0.0, -0.08]), (0.05, 0.085, 0.15), Slot.HAIR, sides=6, rows=4)
    if look.hat:
        shape.loft(
            [
                (*(centre + np.array([0, 0, 0.06])), 0.17, 0.16), (*(centre + np.array([0, 0, 0.075])), 0.11, 0.1),
                (*(centre + np.array([0, 0, 0.15])), 0.085, 0.08),
            ],
            Slot.WHITE, gain=0.9,
        )  # fmt: skip
