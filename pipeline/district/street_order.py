"""The zones of street order: lanes with a direction, pavements with a bay for bicycles, and shops' forecourts."""

from typing import Final, cast

import numpy as np
import shapely

from pipeline.district import scene_set
from pipeline.district.plan import FARTHEST_M, Ground, Strip
from pipeline.district.stage import Stage, Surface
from pipeline.district.watching import Watched

FORECOURT_M: Final = 1.9
BAY_LONG_M: Final = 5.0
BAY_WIDE_M: Final = 2.2
_BEST_M: Final = 15.0  # from the camera a bay is well seen
_BIKE_M: Final = 1.1


def order_zones(ground: Ground) -> tuple[Watched, ...]:
    """Return the zones of a stage's camera in the scenario of street order."""
    found: list[Watched] = []
    for strip in ground.strips:
        if strip.surface is Surface.FIRE_LANE:
            found += _zone(ground, strip.name, shapely.box(*_corners(strip)), (scene_set.FIRE_LANE,))
        elif strip.surface is Surface.LANE and strip.name.startswith("lane-"):
            way = 1.0 if strip.name.endswith("-forward") else -1.0
            near = shapely.Point(0.0, 0.0).buffer(FARTHEST_M)
            lane = cast("shapely.Polygon", shapely.box(*_corners(strip)).intersection(near))
            found += _zone(ground, strip.name, lane, (scene_set.WRONG_WAY,), direction_m=(way, 0.0))
        elif strip.surface is Surface.PAVEMENT:
            found += _pavement(ground, strip)
    return tuple(found)


def _pavement(ground: Ground, strip: Strip) -> list[Watched]:
    found: list[Watched] = []
    whole, bay = shapely.box(*_corners(strip)), bay_of(ground, strip)
    if bay is None:
        found += _zone(ground, strip.name, whole, (scene_set.SHARED_BIKES,))
    else:
        name = f"{strip.name}-bay"
        found += _zone(ground, name, bay, ())
        left = ground.clipped(whole)
        if left is not None and found:
            found.append(
                Watched(
                    name=strip.name,
                    scenes=(scene_set.SHARED_BIKES,),
                    area=cast("shapely.Polygon", left.difference(bay)),  # or several: it is only asked what it holds
                    without=(name,),
                    outline=left,
                )
            )
    front = forecourt_of(ground.stage, strip)
    if front is not None:
        found += _zone(ground, f"{strip.name}-front", front, (scene_set.TRADING,))
    return found


def _zone(
    ground: Ground,
    name: str,
    area: shapely.Polygon,
    scenes: tuple[str, ...],
    *,
    direction_m: tuple[float, float] | None = None,
) -> list[Watched]:
    seen = ground.clipped(area)
    return [] if seen is None else [Watched(name=name, scenes=scenes, area=seen, direction_m=direction_m)]


def forecourt_of(stage: Stage, strip: Strip) -> shapely.Polygon | None:
    """Return the ground before the shops of a pavement, None where there are none."""
    low, high = strip.y_m
    shops = [block.centre_m[1] for block in stage.blocks if block.what == "shop"]
    (x0, x1) = strip.x_m
    if any(abs(y - high) < 1.0 for y in shops):
        return shapely.box(x0, high - FORECOURT_M, x1, high)
    if any(abs(y - low) < 1.0 for y in shops):
        return shapely.box(x0, low, x1, low + FORECOURT_M)
    return None


def bay_of(ground: Ground, strip: Strip) -> shapely.Polygon | None:
    """Return where bicycles may stand on a pavement: along its kerb, where the camera sees it best; None without room.

    It depends on the stage alone, so that everybody asks for the same one.
    """
    low, high = strip.y_m
    front = forecourt_of(ground.stage, strip)
    y = low + BAY_WIDE_M / 2 + 0.2 if front is None or front.bounds[1] > low else high - BAY_WIDE_M / 2 - 0.2
    if high - low < FORECOURT_M + BAY_WIDE_M:
        return None
    places = np.array([(x, y) for x in np.arange(-25.0, 25.5, 0.5) if strip.x_m[0] + 4 < x < strip.x_m[1] - 4])
    if not len(places):
        return None
    seen = places[ground.seen(places, height_m=_BIKE_M, half_m=BAY_LONG_M / 2)]
    free = [place for place in seen if all(_no_block(ground, place, aside) for aside in (-1.6, 0.0, 1.6))]
    if not free:
        return None
    x, y = min(free, key=lambda place: abs(float(np.hypot(*place)) - _BEST_M)).tolist()
    bay: shapely.Polygon = shapely.box(x - BAY_LONG_M / 2, y - BAY_WIDE_M / 2, x + BAY_LONG_M / 2, y + BAY_WIDE_M / 2)
    return bay


def _no_block(ground: Ground, place: np.ndarray[tuple[int], np.dtype[np.float64]], aside_m: float) -> bool:
    spot = (float(place[0]) + aside_m, float(place[1]))
    return Ground(ground.stage, ground.lens, ground.strips).free(spot, BAY_WIDE_M / 2, 0.0, 0.0)


def _corners(strip: Strip) -> tuple[float, float, float, float]:
    return strip.x_m[0], strip.y_m[0], strip.x_m[1], strip.y_m[1]
