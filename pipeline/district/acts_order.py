"""What street order is about: riders against the traffic, shared bicycles beside their bay, goods before a shop."""

from typing import Final

from pipeline.district.acts_things import parked_bike
from pipeline.district.acts_vehicles import runs_forward
from pipeline.district.director import Act, Director
from pipeline.district.itineraries import Itinerary, Journey
from pipeline.district.plan import Place, Strip
from pipeline.district.scene_set import SCENES, SHARED_BIKES, TRADING, WRONG_WAY
from pipeline.district.stage import Kind, Surface
from pipeline.district.street_order import BAY_LONG_M, bay_of, forecourt_of

_ASIDE_M: Final = 1.2  # from a lane's middle: beside the cars
_APART_M: Final = 0.75
_LOOSE_M: Final = 1.1  # nobody lines them up beside a bay
_REACH_M: Final = 48.0  # riders come and go where no camera looks
_ROLLS_BACK_M: Final = 3.0


def open_bays(director: Director) -> None:
    """Keep the bays free of everything but bicycles."""
    for strip in director.ground.on(Surface.PAVEMENT):
        bay = bay_of(director.ground, strip)
        if bay is not None:
            x0, y0, x1, y1 = bay.bounds
            for share in (0.2, 0.5, 0.8):
                place = (x0 + share * (x1 - x0), (y0 + y1) / 2)
                director.ground.book(place, 1.6, -60.0, director.end_s + 60.0)


def wrong_way_rider(director: Director) -> bool:
    """Let somebody ride along a lane against its traffic."""
    return _ride(director, against=True)


def right_way_rider(director: Director) -> bool:
    """Let somebody ride along a lane with its traffic."""
    return _ride(director, against=False)


def rolls_back(director: Director) -> bool:
    """Let somebody stop, roll back a little and ride on the right way."""
    lane = _lane(director)
    if lane is None:
        return False
    way = 1.0 if runs_forward(lane) else -1.0
    y, middle = lane.middle_y_m - way * _ASIDE_M, director.moment(-2.0, 14.0)
    journey = _rider(director, lane, way, at_s=director.moment(10.0, director.end_s - 45.0))
    journey.go((middle, y), speed_mps=4.0).wait(2.0).back_to((middle - way * _ROLLS_BACK_M, y), speed_mps=0.8)
    journey.wait(1.5).go((way * _REACH_M, y), speed_mps=4.0)
    return director.play(Act(scene=WRONG_WAY, members=(journey.done(),), distractor="rolling-back"))


def _ride(director: Director, *, against: bool) -> bool:
    lane = _lane(director)
    if lane is None:
        return False
    way = (1.0 if runs_forward(lane) else -1.0) * (-1.0 if against else 1.0)
    at_s = director.moment(5.0, director.end_s - 45.0)
    # While its case is open, another rider within its reach belongs to it: one to a stage.
    if against and any(each.scene == WRONG_WAY and not each.distractor for each in director.acts):
        return False
    speed_mps = float(director.draw.uniform(2.5, 4.5))
    traffic = 1.0 if runs_forward(lane) else -1.0
    y = lane.middle_y_m - traffic * _ASIDE_M
    journey = _rider(director, lane, way, at_s=at_s).go((way * _REACH_M, y), speed_mps=speed_mps)
    return director.play(
        Act(scene=WRONG_WAY, members=(journey.done(),), distractor="" if against else "riding-the-right-way")
    )


def _rider(director: Director, lane: Strip, way: float, *, at_s: float) -> Journey:
    """Return somebody who comes along a lane, on the side away from the road's middle."""
    traffic = 1.0 if runs_forward(lane) else -1.0
    start = (-way * _REACH_M, lane.middle_y_m - traffic * _ASIDE_M)
    heading = 0.0 if way > 0 else 180.0
    return Journey(
        director.one_of(Kind.E_BIKE, Kind.BICYCLE), at_s=at_s, place_m=start, heading_deg=heading, ridden=True
    )


def _lane(director: Director) -> Strip | None:
    """Return one of the lanes, of those that lead along a kerb."""
    lanes = [each for each in director.ground.on(Surface.LANE) if each.name.startswith("lane-")]
    return lanes[int(director.draw.integers(len(lanes)))] if lanes else None


def bikes_outside(director: Director) -> bool:
    """Let shared bicycles be left beside their bay, too many."""
    return _bikes(director, SCENES[SHARED_BIKES].count + int(director.draw.integers(0, 3)))


def few_outside(director: Director) -> bool:
    """Let one or two be left beside the bay."""
    return _bikes(
        director, SCENES[SHARED_BIKES].count - 1 - int(director.draw.integers(0, 2)), distractor="few-bicycles"
    )


def _bikes(director: Director, count: int, *, distractor: str = "") -> bool:
    whole_s = director.moment(50.0, director.end_s - SCENES[SHARED_BIKES].dwell_s - 20.0)
    half_m = _LOOSE_M * count / 2 + 0.3
    place = director.find(
        SHARED_BIKES, director.beside(inset_m=0.5), height_m=1.1, radius_m=min(2.0, half_m),
        from_s=whole_s - 40.0, to_s=director.end_s + 10.0, distractor=bool(distractor),
    )  # fmt: skip
    if place is None:
        return False
    return _stand(director, place, count, whole_s=whole_s, distractor=distractor, apart_m=_LOOSE_M)


def bikes_in_bay(director: Director) -> bool:
    """Let as many stand in the bay as would be too many beside it."""
    found = [bay_of(director.ground, strip) for strip in director.ground.on(Surface.PAVEMENT)]
    bays = [each for each in found if each is not None]
    known = [each for each in director.acts if each.scene == SHARED_BIKES and each.distractor and len(each.members) > 2]  # noqa: PLR2004 - more than a few
    if len(known) >= len(bays):
        return False
    bay = bays[len(known)]
    middle = (float(bay.centroid.x), float(bay.centroid.y))
    count = min(SCENES[SHARED_BIKES].count + 2, int((BAY_LONG_M - 0.8) / _APART_M))
    whole_s = director.moment(40.0, director.end_s / 2)
    return _stand(director, middle, count, whole_s=whole_s, distractor="bicycles-in-their-bay")


def _stand(
    director: Director, place: Place, count: int, *, whole_s: float, distractor: str, apart_m: float = _APART_M
) -> bool:
    first_s, to_s = whole_s - float(director.draw.uniform(15.0, 35.0)), director.end_s + 10.0
    bikes: list[Itinerary] = []
    riders: list[Itinerary] = []
    for row in range(count):
        at_s = whole_s if row == count - 1 else first_s + (whole_s - first_s) * row / count
        spot = (place[0] + (row - (count - 1) / 2) * apart_m, place[1])
        bike, rider = parked_bike(director, spot, at_s, to_s, kind=Kind.BICYCLE)
        bikes.append(bike)
        riders.append(rider)
    return director.play(Act(scene=SHARED_BIKES, members=tuple(bikes), distractor=distractor), *riders)


def goods_outside(director: Director) -> bool:
    """Let a shopkeeper pile goods before the shop and leave them there."""
    begins_s = director.moment(10.0, director.end_s - SCENES[TRADING].dwell_s - 20.0)
    return _goods(director, begins_s, director.end_s + 10.0)


def carried_in(director: Director) -> bool:
    """Let a delivery stand before a shop until it is carried in."""
    begins_s = director.moment(10.0, director.end_s - 60.0)
    return _goods(director, begins_s, begins_s + director.moment(15.0, 32.0), distractor="goods-carried-in")


def _goods(director: Director, begins_s: float, to_s: float, *, distractor: str = "") -> bool:
    shops = [
        way
        for way in director.walkways
        if way.strip.surface is Surface.PAVEMENT and forecourt_of(director.stage, way.strip) is not None
    ]
    place = director.find(
        TRADING, [(way.strip.x_m, way.front_m) for way in shops], height_m=1.3, radius_m=0.58,
        from_s=begins_s - 4.0, to_s=to_s, distractor=bool(distractor),
    )  # fmt: skip
    if place is None:
        return False
    way = director.walkway_at(place)
    inward = 0.4 if way.front_m[0] > way.y_m else -0.4
    door = (place[0] + 1.5, place[1] + inward)
    pile = Journey(director.actor(Kind.PILED_GOODS), at_s=begins_s, place_m=place, heading_deg=0.0).wait_until(to_s)
    keeper = Journey(director.actor(Kind.PERSON), at_s=begins_s - 4.0, place_m=door)
    keeper.go((place[0] + 1.3, place[1] - inward), speed_mps=0.8).face(180.0).wait(5.0).go(door, speed_mps=0.8)
    return director.play(Act(scene=TRADING, members=(pile.done(),), distractor=distractor), keeper.done())


def kerb_stall(director: Director) -> bool:
    """Let a stall stand at the kerb: that is another scene's business than trading outside a shop."""
    begins_s = director.moment(30.0, director.end_s - SCENES[TRADING].dwell_s - 20.0)
    to_s = begins_s + SCENES[TRADING].dwell_s + director.moment(10.0, 40.0)
    place = director.find(
        TRADING, director.beside(inset_m=1.2), height_m=2.3, radius_m=1.3, from_s=begins_s - 5.0, to_s=to_s + 5.0,
        distractor=True,
    )  # fmt: skip
    if place is None:
        return False
    cart = director.comer(place, by_s=begins_s, kind=Kind.STALL, speed_mps=0.9)
    cart = director.leave(cart.face(0.0).wait_until(to_s), speed_mps=0.9)
    return director.play(Act(scene=TRADING, members=(cart.done(),), distractor="stall-at-the-kerb"))
