"""The zones of winter and of floods: ice, pavements where rubbish may lie about, and the road before a camera."""

from typing import Final, cast

import shapely

from pipeline.district import scene_set
from pipeline.district.plan import Ground
from pipeline.district.stage import Surface
from pipeline.district.stages import WATER_LEVEL_M
from pipeline.district.watching import Watched

ROAD_M: Final = 24.0  # so far from the camera the road is watched for floods
WALL_HIDES_M: Final = 1.2  # of the ice, before a quay
_ROADS: Final = (Surface.LANE, Surface.NO_PARKING, Surface.PARKING_BAY, Surface.FIRE_LANE)


def winter_zones(ground: Ground) -> tuple[Watched, ...]:
    """Return the zones of a stage's camera in winter."""
    found: list[Watched] = []
    for strip in ground.on(Surface.PAVEMENT, Surface.SQUARE, Surface.WATER):
        ice = strip.surface is Surface.WATER
        low = strip.y_m[0] + (WALL_HIDES_M if ice else 0.0)
        area = ground.clipped(shapely.box(strip.x_m[0], low, strip.x_m[1], strip.y_m[1]))
        if area is not None:
            scene = scene_set.ON_ICE if ice else scene_set.EXPOSED
            level_m = WATER_LEVEL_M if ice else 0.0
            found.append(Watched(name=strip.name, scenes=(scene,), area=area, level_m=level_m))
    return tuple(found)


def flood_zones(ground: Ground) -> tuple[Watched, ...]:
    """Return the road near a stage's camera, from kerb to kerb; nothing where there is none."""
    strips = [(each.x_m[0], each.y_m[0], each.x_m[1], each.y_m[1]) for each in ground.on(*_ROADS)]
    if not strips:
        return ()
    road = shapely.union_all([shapely.box(*each) for each in strips])
    near = ground.clipped(cast("shapely.Polygon", road.intersection(shapely.Point(0.0, 0.0).buffer(ROAD_M))))
    return () if near is None else (Watched(name="road", scenes=(scene_set.FLOODED,), area=near),)
