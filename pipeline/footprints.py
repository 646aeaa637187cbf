"""Footprints: what is assumed of a class of thing on the ground: its depth, its place and what it is mixed up with.

Half-depth is the distance from the near edge of a footprint to its centre along the line of sight; a thing stands at
any angle, so its spread covers the side view and the end view (a car: 0.9 m from the side, 2.2 m from the end), and its
mean is that over all angles, (length + width) / pi for a rectangle. Typical outer dimensions of the class, not measured
at a site; the spread enters the covariance of every position.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What is assumed of a class.

    Attributes:
        family: classes of one family are one thing to an occupancy, as detectors waver between them.
        half_depth_m, half_depth_sd_m: near edge to centre, and its standard deviation.
        place_m: a thing that moves farther than this from its place has left it.
        speed_mps: how fast it may move between two frames and still be the same.
        still: whether it moves only when somebody takes it: what is found where it was is the same.
        burns: whether it is what burns, which takes the place of the thing that does.
        flat: whether it lies on the ground and has no height: its box ends where it ends, above as below.
        tall_m, tall_sd_m: typical height and its standard deviation; 0 for what may be of any height.
    """

    family: str
    half_depth_m: float
    half_depth_sd_m: float
    place_m: float
    speed_mps: float
    still: bool = False
    burns: bool = False
    flat: bool = False
    tall_m: float = 0.0
    tall_sd_m: float = 0.0


def _vehicle(half_depth_m: float, half_depth_sd_m: float, tall_m: float, tall_sd_m: float) -> Footprint:
    return Footprint(
        family="vehicle",
        half_depth_m=half_depth_m,
        half_depth_sd_m=half_depth_sd_m,
        place_m=1.2,
        speed_mps=20.0,
        tall_m=tall_m,
        tall_sd_m=tall_sd_m,
    )


def _two_wheeler(half_depth_m: float, half_depth_sd_m: float) -> Footprint:
    return Footprint(
        family="two-wheeler",
        half_depth_m=half_depth_m,
        half_depth_sd_m=half_depth_sd_m,
        place_m=0.8,
        speed_mps=8.0,
        tall_m=1.1,  # parked; who rides one is a person, too
        tall_sd_m=0.2,
    )


PERSON: Final = "person"
_PERSON = Footprint(family=PERSON, half_depth_m=0.15, half_depth_sd_m=0.05, place_m=0.8, speed_mps=2.5)
_BAG = Footprint(family="bag", half_depth_m=0.2, half_depth_sd_m=0.1, place_m=0.5, speed_mps=2.5)


def _still(
    family: str,
    half_depth_m: float,
    half_depth_sd_m: float,
    *,
    tall_m: float = 0.0,
    tall_sd_m: float = 0.0,
    speed_mps: float = 2.5,
) -> Footprint:
    return Footprint(
        family=family,
        half_depth_m=half_depth_m,
        half_depth_sd_m=half_depth_sd_m,
        place_m=0.6,
        speed_mps=speed_mps,
        still=True,
        tall_m=tall_m,
        tall_sd_m=tall_sd_m,
    )


_FIRE = Footprint(
    family="fire", half_depth_m=0.4, half_depth_sd_m=0.5, place_m=0.6, speed_mps=2.5, still=True, burns=True
)
_FLAT = Footprint(
    family="flat", half_depth_m=0.0, half_depth_sd_m=0.5, place_m=3.0, speed_mps=2.5, still=True, flat=True
)
_THING = Footprint(family="thing", half_depth_m=0.3, half_depth_sd_m=0.2, place_m=0.6, speed_mps=2.5)

FOOTPRINTS: Mapping[str, Footprint] = MappingProxyType(
    {
        "person": _PERSON,
        "pedestrian": _PERSON,
        "bicycle": _two_wheeler(0.75, 0.25),
        "e-bike": _two_wheeler(0.75, 0.25),
        "motorcycle": _two_wheeler(0.7, 0.3),
        "tricycle": _two_wheeler(1.0, 0.4),
        "car": _vehicle(2.0, 0.4, 1.5, 0.1),
        "van": _vehicle(2.3, 0.5, 2.0, 0.2),
        "truck": _vehicle(2.4, 1.0, 2.8, 0.6),
        "bus": _vehicle(3.0, 1.5, 3.1, 0.2),
        "backpack": _BAG,
        "handbag": _BAG,
        "suitcase": _BAG,
        "thing": _THING,
        "stall": _still("stall", 0.9, 0.2, tall_m=2.2, tall_sd_m=0.3),
        "piled-goods": _still("piled-goods", 0.9, 0.4, tall_m=1.2, tall_sd_m=0.3),
        "rubbish-bag": _still("rubbish-bag", 0.4, 0.1, tall_m=0.5, tall_sd_m=0.15),
        "bin": _still("bin", 0.3, 0.1, tall_m=1.05, tall_sd_m=0.15),
        "overflowing-bin": _still("bin", 0.55, 0.15, tall_m=1.15, tall_sd_m=0.2),
        "floating-rubbish": _still("floating-rubbish", 0.8, 0.3, speed_mps=0.7),  # a canal's current
        "fire": _FIRE,
        "flame": _FIRE,
        "smoke": _FIRE,
        "flood": _FLAT,
        "puddle": _FLAT,
    }
)


def footprint(class_name: str) -> Footprint:
    """Return what is assumed of a class; a class without a row is taken for a thing of its own family."""
    known = FOOTPRINTS.get(class_name)
    if known is not None:
        return known
    return Footprint(family=class_name, half_depth_m=0.3, half_depth_sd_m=0.3, place_m=0.6, speed_mps=2.5)
