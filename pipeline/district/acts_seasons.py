"""What winter and heavy rain bring: people on the ice, rubbish that lies about, roads under water."""

import math
from dataclasses import replace
from typing import Final

from pipeline.district.acts_people import at_railing
from pipeline.district.director import Act, Director
from pipeline.district.itineraries import Itinerary, Journey
from pipeline.district.plan import Place
from pipeline.district.scene_set import EXPOSED, FLOODED, ON_ICE, SCENES
from pipeline.district.stage import Kind, Surface
from pipeline.district.stages import LEDGE_M, WATER_LEVEL_M

_TALL_M: Final = 1.75
_SLOW_MPS: Final = 0.8
_OFF_QUAY_M: Final = 1.6  # nearer to its wall nobody is seen whole
_FROM_RAILING_M: Final = 0.55
_APART_M: Final = 0.85  # two bags of one heap
_SHEETS: Final = ((0.0, 0.0), (4.5, 0.8), (-4.5, -0.8))  # a flood grows to both sides
_RISES_S: Final = 2.0
_NEAR_M: Final = 17.0  # farther off a flood covers about as much of the picture as the rule asks, or less
_PUDDLE: Final = 0.24  # of a flood's length and width


def on_ice(director: Director) -> bool:
    """Let somebody climb down onto the ice, walk about on it, stand and come back."""
    low, areas = _ice(director)
    if not areas:
        return False
    begins_s = director.moment(20.0, director.end_s - 55.0)
    place = director.find(
        ON_ICE, areas, height_m=_TALL_M, radius_m=0.8, from_s=begins_s - 5.0, to_s=begins_s + 60.0
    )  # fmt: skip
    if place is None:
        return False
    side = -1.0 if place[0] > 0.0 else 1.0
    farther = (place[0] + side * director.moment(2.0, 4.0), place[1] + director.moment(-0.4, 0.4))
    before = (place[0], low - _FROM_RAILING_M)
    journey = director.comer(before, by_s=begins_s)
    journey.go((place[0], low + 0.35), speed_mps=_SLOW_MPS, z_m=LEDGE_M)
    journey.go((place[0], low + _OFF_QUAY_M), speed_mps=_SLOW_MPS, z_m=WATER_LEVEL_M)
    journey.go(place, speed_mps=_SLOW_MPS, z_m=WATER_LEVEL_M).wait(director.moment(4.0, 12.0))
    journey.go(farther, speed_mps=_SLOW_MPS, z_m=WATER_LEVEL_M).face(-90.0).wait(director.moment(2.0, 8.0))
    after = (farther[0], before[1])
    journey.go((farther[0], low + _OFF_QUAY_M), speed_mps=_SLOW_MPS, z_m=WATER_LEVEL_M)
    journey.go((farther[0], low + 0.35), speed_mps=_SLOW_MPS, z_m=LEDGE_M).go(after, speed_mps=_SLOW_MPS, z_m=0.0)
    return director.play(Act(scene=ON_ICE, members=(director.leave(journey).done(),)))


def beside_ice(director: Director) -> bool:
    """Let somebody stand at the railing and look at the ice."""
    begins_s = director.moment(15.0, director.end_s - 40.0)
    to_s = begins_s + director.moment(15.0, 50.0)
    return at_railing(director, ON_ICE, "looking-at-the-ice", from_s=begins_s, to_s=to_s)


def _ice(director: Director) -> tuple[float, list[tuple[Place, Place]]]:
    """Return where a quay's ice begins, and where on it somebody may walk; nothing where there is no quay."""
    quays, water = director.quays(), director.ground.on(Surface.WATER)
    if not quays or not water:
        return 0.0, []
    low, high = water[0].y_m
    return low, [(water[0].x_m, (low + 2.5, min(high - 1.5, low + 9.0)))]


def exposed(director: Director) -> bool:
    """Let bags lie about: some were there before anybody looked, some are brought."""
    draw, scene = director.draw, SCENES[EXPOSED]
    brought = bool(draw.random() < 0.6)  # noqa: PLR2004 - three of five
    begins_s = director.moment(15.0, director.end_s - scene.dwell_s - 20.0) if brought else -60.0
    return _heap(director, begins_s, director.end_s + 10.0, brought=brought, distractor="")


def collected(director: Director) -> bool:
    """Let bags be put out and be taken away before they lie there for long."""
    begins_s = director.moment(15.0, director.end_s - 50.0)
    to_s = begins_s + director.moment(14.0, SCENES[EXPOSED].dwell_s - 10.0)
    return _heap(director, begins_s, to_s, brought=True, distractor="rubbish-soon-collected")


def _heap(director: Director, begins_s: float, to_s: float, *, brought: bool, distractor: str) -> bool:
    draw, count = director.draw, int(director.draw.integers(1, 4))
    place = director.find(
        EXPOSED, director.beside(inset_m=0.9), height_m=0.6, radius_m=0.6 + 0.5 * count, from_s=begins_s - 5.0,
        to_s=to_s + 5.0, distractor=bool(distractor),
    )  # fmt: skip
    if place is None:
        return False
    bags: list[Itinerary] = []
    for row in range(count):
        spot = (place[0] + (row - (count - 1) / 2) * _APART_M, place[1] + float(draw.uniform(-0.15, 0.15)))
        bag = Journey(
            director.actor(Kind.RUBBISH_BAG),
            at_s=begins_s,
            place_m=spot,
            heading_deg=float(draw.uniform(0.0, 360.0)),
        )
        bags.append(bag.wait_until(to_s).done())
    beside = (place[0] + 0.75 + _APART_M * (count - 1) / 2, place[1])
    people = []
    if brought:
        people.append(director.leave(director.comer(beside, by_s=begins_s - 1.0).face(180.0).wait(3.0)).done())
    if distractor:
        people.append(director.leave(director.comer(beside, by_s=to_s - 3.0).face(180.0).wait(3.5)).done())
    return director.play(Act(scene=EXPOSED, members=tuple(bags), distractor=distractor), *people)


def flood(director: Director) -> bool:
    """Let water rise on the road and stay."""
    begins_s = director.moment(10.0, director.end_s - SCENES[FLOODED].dwell_s - 3 * _RISES_S - 15.0)
    return _under_water(director, begins_s, director.end_s + 10.0, distractor="")


def soon_drained(director: Director) -> bool:
    """Let water rise and drain within moments."""
    begins_s = director.moment(10.0, director.end_s - 60.0)
    to_s = begins_s + 2 * _RISES_S + director.moment(6.0, SCENES[FLOODED].dwell_s - 10.0)
    return _under_water(director, begins_s, to_s, distractor="flood-soon-drained")


def puddle(director: Director) -> bool:
    """Let a puddle lie on the road all the time."""
    place = _on_road(director, -60.0, director.end_s + 10.0, half_m=0.8, distractor=True)
    if place is None:
        return False
    sheet = director.actor(Kind.FLOOD)
    length, width, height = sheet.size_m
    small = replace(sheet, size_m=(length * _PUDDLE, width * _PUDDLE, height))
    lies = Journey(small, at_s=-60.0, place_m=place, heading_deg=director.moment(-20.0, 20.0))
    return director.play(
        Act(scene=FLOODED, members=(lies.wait_until(director.end_s + 10.0).done(),), distractor="puddle")
    )


def _under_water(director: Director, begins_s: float, to_s: float, *, distractor: str) -> bool:
    """Let sheets of water come one after another, beside each other; one flood to a stage at a time."""
    others = (each for act in director.acts if act.scene == FLOODED and len(act.members) > 1 for each in act.members)
    if any(each.from_s - 40.0 < to_s and begins_s < each.to_s + 40.0 for each in others):
        return False
    place = _on_road(director, begins_s, to_s, half_m=3.0, distractor=bool(distractor))
    if place is None:
        return False
    sheets = []
    turn = math.radians(director.moment(-6.0, 6.0))
    for row, (along, aside) in enumerate(_SHEETS):
        x = place[0] + along * math.cos(turn) - aside * math.sin(turn)
        y = place[1] + along * math.sin(turn) + aside * math.cos(turn)
        sheet = Journey(director.actor(Kind.FLOOD), at_s=begins_s + row * _RISES_S, place_m=(x, y))
        sheets.append(sheet.wait_until(to_s).done())
    return director.play(Act(scene=FLOODED, members=tuple(sheets), distractor=distractor))


def _on_road(director: Director, from_s: float, to_s: float, *, half_m: float, distractor: bool) -> Place | None:
    lanes = [each for each in director.ground.on(Surface.LANE) if each.name.startswith("lane-")]
    reach_m = [math.sqrt(max(_NEAR_M**2 - each.middle_y_m**2, 0.0)) for each in lanes]
    areas = [
        ((max(each.x_m[0], -reach), min(each.x_m[1], reach)), (each.y_m[0] + 0.8, each.y_m[1] - 0.8))
        for each, reach in zip(lanes, reach_m, strict=True)
    ]
    return director.find(
        FLOODED, areas, height_m=0.2, radius_m=0.6, half_m=half_m, from_s=from_s, to_s=to_s, distractor=distractor
    )
