"""What stands and lies about: e-bikes piling up, stalls, goods, bins, fire, rubbish; and what is no problem."""

import math
from typing import Final

from pipeline.district.director import Act, Director
from pipeline.district.itineraries import Itinerary, Journey
from pipeline.district.plan import Place
from pipeline.district.scene_set import BICYCLES, BIN, BURNING, FLOATING, GOODS, SCENES, STALL
from pipeline.district.stage import Kind, Surface
from pipeline.district.stages import WATER_LEVEL_M

_APART_M: Final = 0.75
_RIDE_MPS: Final = 3.2
_PUSH_MPS: Final = 0.9
_DRIFT_MPS: Final = 0.14


def pile_of_bikes(director: Director) -> bool:
    """Let e-bikes and bicycles be parked in a heap, one after the other, until there are too many."""
    scene = SCENES[BICYCLES]
    count = scene.count + int(director.draw.integers(0, 4))
    return _bikes(director, count)


def few_bikes(director: Director) -> bool:
    """Let a few be parked side by side: too few for a heap."""
    return _bikes(director, SCENES[BICYCLES].count - 2, distractor="few-bicycles")


def _bikes(director: Director, count: int, *, distractor: str = "") -> bool:
    scene, draw = SCENES[BICYCLES], director.draw
    whole_s = director.moment(50.0, director.end_s - scene.dwell_s - 20.0)
    first_s = whole_s - float(draw.uniform(20.0, 60.0))
    half_m = _APART_M * count / 2 + 0.3
    to_s = director.end_s + 10.0
    place = director.find(
        BICYCLES,
        director.beside(inset_m=0.5),
        height_m=1.1,
        radius_m=min(2.0, half_m),
        from_s=first_s - 10.0,
        to_s=to_s,
    )
    if place is None:
        return False
    bikes, riders = [], []
    for row in range(count):
        at_s = whole_s if row == count - 1 else first_s + (whole_s - first_s) * row / count
        spot = (place[0] + (row - (count - 1) / 2) * _APART_M, place[1])
        kind = Kind.E_BIKE if draw.random() < 0.65 else Kind.BICYCLE  # noqa: PLR2004 - two of three
        bike, rider = parked_bike(director, spot, at_s, to_s, kind=kind)
        bikes.append(bike)
        riders.append(rider)
    return director.play(Act(scene=BICYCLES, members=tuple(bikes), distractor=distractor), *riders)


def parked_bike(
    director: Director, spot: Place, at_s: float, to_s: float, *, kind: Kind
) -> tuple[Itinerary, Itinerary]:
    """Return a bike that is ridden to a spot and left there, and its rider who walks off."""
    draw = director.draw
    journey = director.comer(spot, by_s=at_s, kind=kind, speed_mps=_RIDE_MPS)
    journey.face(90.0 + float(draw.normal(0.0, 8.0))).ride(ridden=False).wait_until(to_s)
    rider = Journey(director.actor(Kind.PERSON), at_s=at_s, place_m=(spot[0], spot[1] + 0.9), heading_deg=0.0)
    return journey.done(), director.leave(rider.wait(1.0)).done()


def stall(director: Director) -> bool:
    """Let somebody push a stall to a spot, trade there and go."""
    scene = SCENES[STALL]
    begins_s = director.moment(30.0, director.end_s - scene.dwell_s - 20.0)
    return _stall(director, begins_s, scene.dwell_s + director.moment(15.0, 60.0))


def passing_stall(director: Director) -> bool:
    """Let somebody pushing a stall rest for a moment."""
    begins_s = director.moment(30.0, director.end_s - 60.0)
    return _stall(director, begins_s, director.moment(10.0, 22.0), distractor="resting-stall")


def _stall(director: Director, begins_s: float, stays_s: float, *, distractor: str = "") -> bool:
    to_s = begins_s + stays_s
    place = director.find(
        STALL,
        director.beside(inset_m=0.7),
        height_m=2.3,
        radius_m=1.3,
        from_s=begins_s - 5.0,
        to_s=to_s + 5.0,
        distractor=bool(distractor),
    )
    if place is None:
        return False
    cart = director.comer(place, by_s=begins_s, kind=Kind.STALL, speed_mps=_PUSH_MPS)
    cart = director.leave(cart.face(0.0).wait_until(to_s), speed_mps=_PUSH_MPS)
    behind = (place[0] - 1.5, place[1])
    vendor = director.comer(behind, by_s=begins_s + 1.5, speed_mps=_PUSH_MPS).face(0.0).wait_until(to_s)
    vendor = director.leave(vendor, speed_mps=_PUSH_MPS)
    return director.play(Act(scene=STALL, members=(cart.done(),), distractor=distractor), vendor.done())


def goods(director: Director) -> bool:
    """Let a shopkeeper pile goods before the shop."""
    scene = SCENES[GOODS]
    begins_s = director.moment(10.0, director.end_s - scene.dwell_s - 20.0)
    return _goods(director, begins_s, director.end_s + 10.0)


def unloading(director: Director) -> bool:
    """Let goods stand before a shop only until they are carried in."""
    begins_s = director.moment(10.0, director.end_s - 60.0)
    return _goods(director, begins_s, begins_s + director.moment(12.0, 28.0), distractor="goods-carried-in")


def _goods(director: Director, begins_s: float, to_s: float, *, distractor: str = "") -> bool:
    areas = [(way.strip.x_m, way.front_m) for way in director.walkways if way.strip.surface is Surface.PAVEMENT]
    place = director.find(
        GOODS, areas, height_m=1.3, radius_m=0.58, from_s=begins_s - 4.0, to_s=to_s, distractor=bool(distractor)
    )
    if place is None:
        return False
    way = director.walkway_at(place)
    inward = 0.4 if way.front_m[0] > way.y_m else -0.4
    door = (place[0] + 1.5, place[1] + inward)
    pile = Journey(director.actor(Kind.PILED_GOODS), at_s=begins_s, place_m=place, heading_deg=0.0).wait_until(to_s)
    keeper = Journey(director.actor(Kind.PERSON), at_s=begins_s - 4.0, place_m=door).go(
        (place[0] + 1.3, place[1] - inward), speed_mps=0.8
    )
    keeper.face(180.0).wait(5.0).go(door, speed_mps=0.8)
    return director.play(Act(scene=GOODS, members=(pile.done(),), distractor=distractor), keeper.done())


def overflowing_bin(director: Director) -> bool:
    """Let a bin that stands there spill over."""
    scene = SCENES[BIN]
    begins_s = director.moment(10.0, director.end_s - scene.dwell_s - 20.0)
    place = _bin_place(director, BIN, distractor=False)
    if place is None:
        return False
    full = Journey(director.actor(Kind.OVERFLOWING_BIN), at_s=begins_s, place_m=place).wait_until(director.end_s + 10)
    return director.play(Act(scene=BIN, members=(full.done(),)), _bin(director, place, -60.0, begins_s))


def tidy_bin(director: Director) -> bool:
    """Let a bin stand there as it should."""
    place = _bin_place(director, BIN, distractor=True)
    if place is None:
        return False
    tidy = _bin(director, place, -60.0, director.end_s + 10.0)
    return director.play(Act(scene=BIN, members=(tidy,), distractor="tidy-bin"))


def burning_bin(director: Director) -> bool:
    """Let a bin burn."""
    begins_s = director.moment(20.0, director.end_s - SCENES[BURNING].dwell_s - 25.0)
    to_s = begins_s + director.moment(40.0, 90.0)
    place = _bin_place(director, BURNING, distractor=False)
    if place is None:
        return False
    blaze = Journey(director.actor(Kind.FIRE), at_s=begins_s, place_m=place).wait_until(to_s)
    return director.play(
        Act(scene=BURNING, members=(blaze.done(),)), _bin(director, place, -60.0, director.end_s + 10.0)
    )


def _bin_place(director: Director, scene: str, *, distractor: bool) -> Place | None:
    return director.find(
        scene,
        director.beside(inset_m=0.3),
        height_m=1.4,
        radius_m=0.75,
        from_s=-60.0,
        to_s=director.end_s + 60.0,
        distractor=distractor,
    )


def _bin(director: Director, place: Place, from_s: float, to_s: float) -> Itinerary:
    return Journey(director.actor(Kind.BIN), at_s=from_s, place_m=place).wait_until(to_s).done()


def floating_rubbish(director: Director) -> bool:
    """Let rubbish drift along the water into view."""
    water = director.ground.on(Surface.WATER)
    if not water:
        return False
    begins_s = director.moment(10.0, director.end_s - SCENES[FLOATING].dwell_s - 30.0)
    low, high = water[0].y_m
    place = director.find(
        FLOATING,
        [(water[0].x_m, (low + 1.5, min(high - 1.0, low + 9.0)))],
        height_m=0.3,
        radius_m=1.0,
        from_s=begins_s,
        to_s=director.end_s + 60.0,
    )
    if place is None:
        return False
    thing = Journey(
        director.actor(Kind.FLOATING_RUBBISH),
        at_s=begins_s,
        place_m=place,
        z_m=WATER_LEVEL_M,
    )
    drift = float(director.draw.uniform(-0.15, 0.15))
    length = _DRIFT_MPS * (director.end_s + 10.0 - begins_s)
    side = -1.0 if place[0] > 12.0 else 1.0  # noqa: PLR2004 - towards the middle of the picture
    thing.go(
        (place[0] + side * length * math.cos(drift), place[1] + length * math.sin(drift) * 0.2), speed_mps=_DRIFT_MPS
    )
    return director.play(Act(scene=FLOATING, members=(thing.done(),)))
