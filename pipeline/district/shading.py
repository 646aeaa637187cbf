"""Light on moving things: one colour for each triangle that shows, by the same sums and tone curve as the backdrop."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district.lighting import Ambience, bounce, misted, night_light, sky_colour, toned
from pipeline.district.moving import Cast, palettes
from pipeline.district.occlusion import DepthMap
from pipeline.district.scenery import Scenery
from pipeline.district.shapes import Floats, Slot
from pipeline.district.stage import Kind, Placed

Values = NDArray[np.float32]
# How much of the sky a thing sees between houses and other things.
_OPEN: Final = 0.72
_GLOSS: Final = {Slot.GLASS: 0.75, Slot.METAL: 0.25, Slot.HEADLAMP: 0.4, Slot.TAIL_LAMP: 0.3}
_PAINT_GLOSS: Final = 0.16
_VEHICLES: Final = frozenset({Kind.CAR, Kind.VAN})
_HEADLAMP: Final = np.array([1.0, 0.95, 0.82]) * 3.2
_TAIL_LAMP: Final = np.array([1.0, 0.04, 0.02]) * 1.2
_FLAME: Final = np.array([1.0, 0.36, 0.06]) * 3.4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """Triangles that show, n of them.

    Attributes:
        bgr: (n, 3) display colours.
        nearness: (n, 3) vectors whose product with a ray is one over the metres ahead.
    """

    bgr: NDArray[np.uint8]
    nearness: Values


def shade(
    cast: Cast, numbers: NDArray[np.int64], *, light: Ambience, scenery: Scenery, sun: DepthMap | None, eye_m: Floats
) -> Shown:
    """Return colours and planes of triangles, counted over the whole cast."""
    owner = np.searchsorted(cast.first, numbers, side="right") - 1
    middles = np.concatenate([model.middles_m for model in cast.models])[numbers]
    normals = np.concatenate([model.normals for model in cast.models])[numbers]
    slots = np.concatenate([model.mesh.slots for model in cast.models])[numbers]
    gains = np.concatenate([model.mesh.gains for model in cast.models])[numbers]
    matrices = cast.matrices[owner]
    points = np.einsum("nij,nj->ni", matrices[:, :3, :3], middles) + matrices[:, :3, 3]
    turned = np.einsum("nij,nj->ni", cast.turns[owner], normals)
    turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)
    away = points - eye_m
    depth = np.einsum("ij,ij->i", turned, away)
    turned *= np.where(depth > 0, -1.0, 1.0)[:, None]
    plane = turned / np.minimum(-np.abs(depth), -1e-6)[:, None]
    albedo = (palettes(cast)[owner, slots] * gains[:, None]).astype(np.float32)
    colour = albedo * _irradiance(points, turned, light=light, scenery=scenery, sun=sun)
    vehicle = np.array([thing.actor.kind in _VEHICLES for thing in cast.placed])[owner]
    colour += _mirrored(away, turned, slots, vehicle, light)
    colour += _emitted(cast, owner, slots, gains, light)
    distance = np.linalg.norm(away, axis=1).astype(np.float32)
    return Shown(bgr=toned(light, misted(light, colour, distance)), nearness=plane.astype(np.float32))


def _irradiance(points: Floats, normals: Floats, *, light: Ambience, scenery: Scenery, sun: DepthMap | None) -> Values:
    at, way = points.astype(np.float32), normals.astype(np.float32)
    up = (0.5 + 0.5 * way[:, 2])[:, None]
    low = np.clip(0.55 + 0.45 * at[:, 2] / 0.7, 0.45, 1.0)[:, None]
    total = light.sky * up * _OPEN * low + bounce(light, way) * (0.4 + 0.6 * low)
    if light.lamp > 0:
        total = total + night_light(light, scenery, at, way)
    if sun is not None:
        facing = np.clip(way @ light.sun_way.astype(np.float32), 0.0, 1.0)
        total = total + light.sun * (facing * sun.lit(at + way * 0.1, bias_m=0.1))[:, None]
    return np.asarray(total, dtype=np.float32)


def _mirrored(
    away: Floats, normals: Floats, slots: NDArray[np.int16], vehicle: NDArray[np.bool_], light: Ambience
) -> Values:
    gloss = np.zeros(len(slots), dtype=np.float32)
    for slot, share in _GLOSS.items():
        gloss[slots == slot] = share
    gloss[vehicle & (slots == Slot.BODY)] = _PAINT_GLOSS
    result = np.zeros((len(slots), 3), dtype=np.float32)
    shiny = np.flatnonzero(gloss)
    if len(shiny):
        way = away[shiny] / np.linalg.norm(away[shiny], axis=1, keepdims=True)
        along = np.einsum("ij,ij->i", way, normals[shiny])
        back = (way - 2 * along[:, None] * normals[shiny]).astype(np.float32)
        share = gloss[shiny] * (0.16 + 0.84 * (1 - np.abs(along)) ** 3)
        open_ = np.clip(back[:, 2] * 2.5 + 0.25, 0.1, 1.0)
        result[shiny] = sky_colour(light, back) * (share * open_)[:, None].astype(np.float32)
    return result


def _emitted(
    cast: Cast, owner: NDArray[np.int64], slots: NDArray[np.int16], gains: NDArray[np.float32], light: Ambience
) -> Values:
    result = np.zeros((len(slots), 3), dtype=np.float32)
    flames = slots == Slot.FLAME
    result[flames] = _FLAME * gains[flames][:, None] / max(light.exposure, 0.5)
    if light.lit > 0:
        lamps_on = np.array([driving(thing) for thing in cast.placed])[owner]
        result[(slots == Slot.HEADLAMP) & lamps_on] = _HEADLAMP
        result[(slots == Slot.TAIL_LAMP) & lamps_on] = _TAIL_LAMP
    return result


def driving(thing: Placed) -> bool:
    """Return whether a vehicle has its lights on: a car or van in motion has a phase above 0, a two-wheeler a rider."""
    return thing.phase > 0 if thing.actor.kind in _VEHICLES else thing.ridden
