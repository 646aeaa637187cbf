"""What a camera of the district watches: zones on the ground as a site's people would draw them, and their scenes."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.district import scene_set
from pipeline.district.plan import Ground, Strip
from pipeline.district.stage import Surface
from pipeline.district.stages import LEDGE_M, WATER_LEVEL_M

ON_PAVEMENT: Final = (
    scene_set.BICYCLES, scene_set.CROWD, scene_set.BAG, scene_set.STALL, scene_set.GOODS, scene_set.BIN,
    scene_set.BURNING,
)  # fmt: skip
_BESIDE_M: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A zone on the ground, stage metres, with the scenes that are watched in it.

    Attributes:
        level_m: of its ground above the street.
        without: names of zones that are taken out of it; their ground is no part of `area`.
        outline: what is drawn for it: the area with what is taken out still in it; the area itself if None.
        direction_m: which way its traffic goes, a unit vector.
    """

    name: str
    scenes: tuple[str, ...]
    area: shapely.Polygon
    level_m: float = 0.0
    without: tuple[str, ...] = ()
    outline: shapely.Polygon | None = None
    direction_m: tuple[float, float] | None = None

    def holds(self, place_m: tuple[float, float]) -> bool:
        """Tell whether a place lies in it."""
        return bool(shapely.contains_xy(self.area, *place_m))

    def hold(self, places_m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which of (n, 2) places lie in it, (n,); what is not a number lies nowhere."""
        shapely.prepare(self.area)
        return np.asarray(shapely.contains_xy(self.area, places_m[:, 0], places_m[:, 1]), bool)


def watched(ground: Ground) -> tuple[Watched, ...]:
    """Return the zones of a stage's camera: what it sees of the strips that some usual scene watches."""
    found = []
    for strip in ground.strips:
        watched_here = _scenes(strip)
        area = ground.clipped(_area(ground, strip)) if watched_here else None
        if area is not None:
            found += [
                Watched(name=strip.name + suffix, scenes=scenes, area=area, level_m=level_m)
                for suffix, scenes, level_m in watched_here
            ]
    return tuple(found)


def _scenes(strip: Strip) -> tuple[tuple[str, tuple[str, ...], float], ...]:
    """Return what is watched on a strip: endings of zones' names, with scenes and level of each."""
    match strip.surface:
        case Surface.NO_PARKING:
            return (("", (scene_set.PARKED,), 0.0),)
        case Surface.FIRE_LANE:
            return (("", (scene_set.FIRE_LANE,), 0.0),)
        case Surface.PAVEMENT | Surface.SQUARE:
            return (("", ON_PAVEMENT, 0.0),)
        case Surface.WATER:
            return (("", (scene_set.FLOATING,), WATER_LEVEL_M), ("-edge", (scene_set.WATERS_EDGE,), LEDGE_M))
        case _:
            return ()


def _area(ground: Ground, strip: Strip) -> shapely.Polygon:
    """Return a strip's ground; no parking takes in the lane alongside, where nobody may stop either."""
    low, high = strip.y_m
    if strip.surface is Surface.NO_PARKING:
        for lane in ground.on(Surface.LANE):
            if lane.name.startswith("zebra"):
                continue
            if abs(lane.y_m[0] - high) < _BESIDE_M:
                high = lane.y_m[1]
            elif abs(lane.y_m[1] - low) < _BESIDE_M:
                low = lane.y_m[0]
    return shapely.box(strip.x_m[0], low, strip.x_m[1], high)
