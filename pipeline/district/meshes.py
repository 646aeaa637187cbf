"""Which mesh and which colours an actor has; meshes are shared by all actors of a kind, style and phase."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district import goods, people, two_wheelers, vehicles
from pipeline.district.shapes import Mesh, Slot
from pipeline.district.stage import Actor, Kind, Placed

Floats = NDArray[np.float64]
WALK_PHASES: Final = 12
RIDE_PHASES: Final = 8


@dataclass(frozen=True, slots=True)
class MeshKey:
    """What decides an actor's mesh: its kind, its style, the step of its phase, a rider, and how finely it is made."""

    kind: Kind
    style: int
    step: int = 0
    ridden: bool = False
    coarse: bool = False


def mesh_key(placed: Placed, *, coarse: bool = False) -> MeshKey:
    """Return the key of an actor's mesh."""
    kind, style = placed.actor.kind, placed.actor.style
    styles, phases = _VARIANTS[kind]
    step = int(placed.phase % 1.0 * phases) % phases
    ridden = placed.ridden and kind in (Kind.BICYCLE, Kind.E_BIKE)
    if kind is Kind.BICYCLE and not ridden:
        step = 0
    return MeshKey(kind, style % styles, step, ridden, coarse)


_VARIANTS: Final = {
    Kind.PERSON: (people.STYLES, WALK_PHASES),
    Kind.CAR: (vehicles.CAR_STYLES, 1),
    Kind.VAN: (vehicles.VAN_STYLES, 1),
    Kind.BICYCLE: (two_wheelers.STYLES, RIDE_PHASES),
    Kind.E_BIKE: (two_wheelers.STYLES, 1),
    Kind.STALL: (goods.STYLES, 1),
    Kind.RUBBISH_BAG: (4, 1),
    Kind.OVERFLOWING_BIN: (goods.STYLES, 1),
    Kind.BIN: (2, 1),
    Kind.PILED_GOODS: (goods.STYLES, 1),
    Kind.FLOATING_RUBBISH: (goods.STYLES, 1),
    Kind.FIRE: (2, goods.FLAME_PHASES),
    Kind.FLOOD: (goods.STYLES, 1),
}


@lru_cache(maxsize=1024)
def mesh_of(key: MeshKey) -> Mesh:
    """Return the mesh of a key."""
    coarse = key.coarse
    match key.kind:
        case Kind.PERSON:
            return people.walking(key.style, key.step / WALK_PHASES, coarse=coarse)
        case Kind.BICYCLE:
            return two_wheelers.bicycle(key.style, ridden=key.ridden, phase=key.step / RIDE_PHASES, coarse=coarse)
        case Kind.E_BIKE:
            return two_wheelers.e_bike(key.style, ridden=key.ridden, coarse=coarse)
        case Kind.FIRE:
            return goods.fire(key.style, key.step / goods.FLAME_PHASES, coarse=coarse)
        case _:
            return _STILL[key.kind](key.style, coarse=coarse)


def matrix_of(thing: Placed, mesh: Mesh) -> Floats:
    """Return the (4, 4) matrix from a mesh's metres to a stage's, for a thing of its size where it is placed."""
    turn = np.radians(thing.heading_deg)
    sine, cosine = np.sin(turn), np.cos(turn)
    sx, sy, sz = (size / nominal for size, nominal in zip(thing.actor.size_m, mesh.nominal_m, strict=True))
    return np.array(
        [
            [cosine * sx, -sine * sy, 0.0, thing.x_m],
            [sine * sx, cosine * sy, 0.0, thing.y_m],
            [0.0, 0.0, sz, thing.z_m],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


def place_mesh(thing: Placed, mesh: Mesh) -> Floats:
    """Return a mesh's vertices where a thing is placed, (v, 3) stage metres."""
    matrix = matrix_of(thing, mesh)
    return np.asarray(mesh.vertices_m @ matrix[:3, :3].T + matrix[:3, 3])


_STILL: Final = {
    Kind.CAR: vehicles.car,
    Kind.VAN: vehicles.van,
    Kind.STALL: goods.stall,
    Kind.RUBBISH_BAG: goods.rubbish_bag,
    Kind.OVERFLOWING_BIN: goods.overflowing_bin,
    Kind.BIN: goods.tidy_bin,
    Kind.PILED_GOODS: goods.piled_goods,
    Kind.FLOATING_RUBBISH: goods.floating_rubbish,
    Kind.FLOOD: goods.flood,
}

USUAL_SIZE_M: Final[dict[Kind, tuple[float, float, float]]] = {
    Kind.PERSON: people.PERSON_M,
    Kind.CAR: vehicles.CAR_M,
    Kind.VAN: vehicles.VAN_M,
    Kind.BICYCLE: two_wheelers.BICYCLE_M,
    Kind.E_BIKE: two_wheelers.E_BIKE_M,
    Kind.STALL: goods.STALL_M,
    Kind.RUBBISH_BAG: goods.BAG_M,
    Kind.OVERFLOWING_BIN: goods.OVERFLOWING_M,
    Kind.BIN: goods.BIN_M,
    Kind.PILED_GOODS: goods.GOODS_M,
    Kind.FLOATING_RUBBISH: goods.FLOATING_M,
    Kind.FIRE: goods.FIRE_M,
    Kind.FLOOD: goods.FLOOD_M,
}

_FIXED: Final = {
    Slot.RUBBER: (22, 22, 24),
    Slot.GLASS: (26, 32, 38),
    Slot.METAL: (150, 152, 156),
    Slot.HEADLAMP: (235, 235, 225),
    Slot.TAIL_LAMP: (190, 20, 18),
    Slot.PLATE: (20, 60, 170),
    Slot.CARDBOARD: (176, 134, 88),
    Slot.WOOD: (140, 100, 62),
    Slot.WHITE: (225, 224, 218),
    Slot.DARK: (38, 38, 42),
    Slot.GREEN: (60, 130, 60),
    Slot.FLAME: (255, 140, 30),
    Slot.SMOKE: (90, 90, 92),
    Slot.RED: (200, 46, 40),
    Slot.YELLOW: (235, 190, 40),
    Slot.BLUE: (40, 90, 190),
}
_TROUSERS: Final = (
    (36, 40, 60),
    (28, 28, 32),
    (92, 86, 74),
    (60, 66, 78),
    (120, 104, 80),
    (48, 62, 96),
    (150, 148, 140),
)
_SHIRTS: Final = (
    (200, 60, 60), (240, 240, 236), (52, 96, 170), (40, 42, 48), (236, 186, 60), (96, 150, 110), (180, 120, 170),
    (110, 180, 210), (150, 150, 156), (230, 130, 70),
)  # fmt: skip
_HAIRS: Final = ((22, 18, 16), (34, 26, 22), (60, 44, 34), (96, 92, 90))
_SKINS: Final = ((224, 178, 146), (208, 158, 124), (190, 140, 106), (236, 194, 164))


@lru_cache(maxsize=4096)
def palette_of(actor: Actor) -> Floats:
    """Return (slots, 3) linear RGB albedo of an actor; what its colour leaves open follows from its id and style."""
    draw = np.random.default_rng([actor.id, actor.style & 0xFFFF])
    colours = np.zeros((len(Slot), 3))
    for slot, colour in _FIXED.items():
        colours[slot] = colour
    colours[Slot.BODY] = actor.colour
    colours[Slot.SECOND] = _TROUSERS[draw.integers(len(_TROUSERS))]
    colours[Slot.THIRD] = _SHIRTS[draw.integers(len(_SHIRTS))]
    colours[Slot.SKIN] = _SKINS[draw.integers(len(_SKINS))]
    colours[Slot.HAIR] = _HAIRS[draw.integers(len(_HAIRS))]
    colours[Slot.YELLOW] = colours[Slot.YELLOW] if draw.random() < 0.5 else _SHIRTS[draw.integers(len(_SHIRTS))]  # noqa: PLR2004 - half
    if actor.kind in (Kind.VAN, Kind.STALL):
        colours[Slot.SECOND] = _SHIRTS[draw.integers(len(_SHIRTS))]
    if actor.kind is Kind.CAR and draw.random() < 0.25:  # noqa: PLR2004 - a quarter of cars is electric, with green plates
        colours[Slot.PLATE] = (90, 190, 130)
    return np.asarray((colours / 255.0) ** 2.2)
