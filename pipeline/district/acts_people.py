"""What people do: gather and disperse, climb to the water, leave a bag; and walk, stand, queue and pass in groups."""

import math
from typing import Final

from pipeline.district.director import WALK_MPS, Act, Director
from pipeline.district.itineraries import Itinerary, Journey
from pipeline.district.plan import Place
from pipeline.district.scene_set import BAG, CROWD, SCENES, WATERS_EDGE
from pipeline.district.stage import Kind
from pipeline.district.stages import LEDGE_M

_TALL_M: Final = 1.75
_EVERY_S: Final = 14.0  # between two walkers of a walkway
_STEP_S: Final = 1.0
_BODY_M: Final = 0.45
_GATHER_S: Final = 22.0  # so that who comes and goes makes no crowd on the way
_LEAVES_EVERY_S: Final = 2.2
_KEEP_CLEAR_M: Final = 5.0  # passers-by would make a crowd of a queue or of a group


def crowd(director: Director) -> bool:
    """Let people come together, stand for a while and go."""
    scene, draw = SCENES[CROWD], director.draw
    count = scene.count + int(draw.integers(5, 10))
    whole_s = director.moment(45.0, director.end_s - scene.dwell_s - 20.0)
    to_s = whole_s + scene.dwell_s + director.moment(14.0, 30.0)
    place = director.find(
        CROWD, director.beside(), height_m=_TALL_M, radius_m=2.4, from_s=whole_s - 30.0, to_s=to_s + 25.0
    )
    if place is None:
        return False
    director.ground.book(place, _KEEP_CLEAR_M, whole_s - 30.0, to_s + 25.0)
    people = []
    for row in range(count):
        comes_s = whole_s - float(draw.uniform(0.0, _GATHER_S)) * (row < count - 1)
        goes_s = to_s + _LEAVES_EVERY_S * row
        people.append(_stander(director, _on_ring(place, row, count), by_s=comes_s, to_s=goes_s, facing=place))
    return director.play(Act(scene=CROWD, members=tuple(people)))


def _on_ring(place_m: Place, row: int, count: int) -> Place:
    """Return one of the places of a loose circle: some inside, most on it, at least 0.8 m apart."""
    if row == 0:
        return place_m
    turn = 2 * math.pi * row / (count - 1)
    radius_m = 1.2 if row % 2 else 2.3
    return place_m[0] + radius_m * math.cos(turn), place_m[1] + 0.6 * radius_m * math.sin(turn)


def _stander(director: Director, place_m: Place, *, by_s: float, to_s: float, facing: Place) -> Itinerary:
    journey = director.comer(place_m, by_s=by_s)
    heading = math.degrees(math.atan2(facing[1] - place_m[1], facing[0] - place_m[0]))
    return director.leave(journey.face(heading).wait_until(to_s)).done()


def climber(director: Director) -> bool:
    """Let somebody climb over the railing, sit at the water for a while and come back."""
    scene = SCENES[WATERS_EDGE]
    begins_s = director.moment(30.0, director.end_s - 25.0)
    to_s = begins_s + scene.dwell_s + director.moment(12.0, 30.0)
    place = director.find(
        WATERS_EDGE, director.ledges()[:1], height_m=_TALL_M, radius_m=0.3, from_s=begins_s, to_s=to_s
    )
    if place is None:
        return False
    before = (place[0], director.walkway_at(place).strip.y_m[1] - 0.55)
    journey = director.comer(before, by_s=begins_s)
    journey.go(place, speed_mps=0.8, z_m=LEDGE_M).face(90.0).wait_until(to_s)
    journey.go(before, speed_mps=0.8, z_m=0.0)
    return director.play(Act(scene=WATERS_EDGE, members=(director.leave(journey).done(),)))


def looker(director: Director) -> bool:
    """Let somebody stand at the railing and look: no intrusion."""
    begins_s = director.moment(20.0, director.end_s - 40.0)
    to_s = begins_s + director.moment(20.0, 60.0)
    return at_railing(director, WATERS_EDGE, "looking-at-the-water", from_s=begins_s, to_s=to_s)


def at_railing(director: Director, scene: str, name: str, *, from_s: float, to_s: float) -> bool:
    """Let somebody stand at a quay's railing for a while, which tempts a scene; the distractor's name is told."""
    areas = [(way.strip.x_m, (way.strip.y_m[1] - 0.75, way.strip.y_m[1] - 0.6)) for way in director.quays()]
    place = director.find(scene, areas, height_m=_TALL_M, radius_m=0.5, from_s=from_s, to_s=to_s, distractor=True)
    if place is None:
        return False
    journey = director.comer(place, by_s=from_s).face(90.0).wait_until(to_s)
    return director.play(Act(scene=scene, members=(director.leave(journey).done(),), distractor=name))


def bag(director: Director) -> bool:
    """Let somebody put a bag down and go."""
    scene, draw = SCENES[BAG], director.draw
    begins_s = director.moment(25.0, director.end_s - scene.dwell_s - 30.0)
    to_s = begins_s + scene.dwell_s + director.moment(25.0, 60.0)
    place = director.find(
        BAG, director.beside(inset_m=0.9), height_m=0.6, radius_m=0.8, from_s=begins_s, to_s=director.end_s + 60.0
    )
    if place is None:
        return False
    beside = (place[0] + 0.75, place[1])
    carrier = director.comer(beside, by_s=begins_s).face(180.0).wait(2.0)
    thing = Journey(
        director.actor(Kind.RUBBISH_BAG),
        at_s=begins_s + 1.2,
        place_m=place,
        heading_deg=float(draw.uniform(0.0, 360.0)),
    )
    # It lies to the end: whoever cleans up comes with the case, after the run.
    thing.wait_until(max(to_s, director.end_s + 5.0))
    return director.play(Act(scene=BAG, members=(thing.done(),)), director.leave(carrier).done())


def attended_bag(director: Director) -> bool:
    """Let somebody put a bag down, stay beside it, pick it up and go."""
    begins_s = director.moment(20.0, director.end_s - 70.0)
    to_s = begins_s + director.moment(35.0, 60.0)
    place = director.find(
        BAG,
        director.beside(inset_m=0.9),
        height_m=_TALL_M,  # its owner, too, must be in view: whom nobody sees attends to nothing
        radius_m=0.8,
        half_m=1.1,
        from_s=begins_s,
        to_s=to_s,
        distractor=True,
    )
    if place is None:
        return False
    owner = director.comer((place[0] + 0.7, place[1]), by_s=begins_s).face(180.0).wait_until(to_s)
    thing = Journey(director.actor(Kind.RUBBISH_BAG), at_s=begins_s + 1.0, place_m=place).wait_until(to_s - 0.5)
    return director.play(
        Act(scene=BAG, members=(thing.done(),), distractor="attended-bag"), director.leave(owner).done()
    )


def lone_stander(director: Director) -> bool:
    """Let somebody stand still for a long time."""
    begins_s = director.moment(10.0, director.end_s - 60.0)
    to_s = begins_s + director.moment(60.0, 150.0)
    place = director.find(
        CROWD, director.beside(), height_m=_TALL_M, radius_m=0.5, from_s=begins_s, to_s=to_s, distractor=True
    )
    if place is None:
        return False
    facing = (place[0] + 1.0, place[1] + float(director.draw.normal()))
    person = _stander(director, place, by_s=begins_s, to_s=to_s, facing=facing)
    return director.play(Act(scene=CROWD, members=(person,), distractor="standing-alone"))


def bus_queue(director: Director) -> bool:
    """Let people queue at a bus stop, fewer than make a crowd, until a bus that is not seen takes them."""
    stops = [block for block in director.stage.blocks if block.what == "bus-stop"]
    if not stops:
        return False
    x, y = stops[0].centre_m
    count = SCENES[CROWD].count - 1
    begins_s = director.moment(20.0, director.end_s - 90.0)
    to_s = begins_s + director.moment(50.0, 90.0)
    row_y = y + stops[0].size_m[1] / 2 + 0.45
    places = [(x - 1.6 + 0.8 * row, row_y) for row in range(count)]
    if not director.ground.free((x, row_y), 0.4, begins_s - 30.0, to_s):
        return False
    director.ground.book((x, row_y), _KEEP_CLEAR_M, begins_s - 10.0, to_s)
    people = [
        _stander(director, place, by_s=begins_s + 6.0 * row, to_s=to_s, facing=(place[0] + 1.0, place[1]))
        for row, place in enumerate(places)
    ]
    return director.play(Act(scene=CROWD, members=tuple(people), distractor="bus-queue"))


def passing_group(director: Director) -> bool:
    """Let four or five people walk by together."""
    draw = director.draw
    way = director.walkways[int(draw.integers(len(director.walkways)))]
    begins_s = director.moment(-20.0, director.end_s - 60.0)
    count = int(draw.integers(4, SCENES[CROWD].count))
    forward = bool(draw.random() < 0.5)  # noqa: PLR2004 - either way
    people = []
    for row in range(count):
        aside_m = 0.35 + 0.35 * (row % 2) * (1 if way.front_m[0] < way.y_m else -1)
        begins = begins_s + 0.7 * (row // 2)
        people.append(_walker(director, way.strip.x_m, way.y_m + aside_m, begins, forward=forward))
    if any(not clear(director, person) for person in people):
        return False
    if not director.play(Act(scene=CROWD, members=tuple(people), distractor="passing-group")):
        return False
    director.groups += people
    return True


def walkers(director: Director) -> None:
    """Let people walk along every walkway, each on the right, as far as nothing stands in the way."""
    draw = director.draw
    for way in director.walkways:
        at_s = -80.0 + float(draw.exponential(_EVERY_S))
        while at_s < director.end_s:
            forward = bool(draw.random() < 0.5)  # noqa: PLR2004 - either way
            y_m = way.y_m + (-0.35 if forward else 0.35)
            person = _walker(director, way.strip.x_m, y_m, at_s, forward=forward)
            if clear(director, person) and not director.crowds.would_gather([person]):
                director.extras(person)
            at_s += max(3.0, float(draw.exponential(_EVERY_S)))


def _walker(director: Director, x_m: Place, y_m: float, at_s: float, *, forward: bool) -> Itinerary:
    low, high = max(x_m[0], -60.0), min(x_m[1], 60.0)
    start, end = ((low, y_m), (high, y_m)) if forward else ((high, y_m), (low, y_m))
    journey = Journey(director.actor(Kind.PERSON), at_s=at_s, place_m=start)
    return journey.go(end, speed_mps=WALK_MPS).done()


def clear(director: Director, person: Itinerary) -> bool:
    """Tell whether somebody's way touches nothing that is booked."""
    bookings = director.ground.bookings
    at_s = person.from_s
    while at_s < person.to_s:
        place = person.place_m(at_s)
        if place is not None and any(
            each.from_s <= at_s <= each.to_s
            and math.hypot(place[0] - each.x_m, place[1] - each.y_m) < each.radius_m + _BODY_M
            for each in bookings
        ):
            return False
        if place is not None and any(_near(place, each.place_m(at_s)) for each in director.groups):
            return False
        at_s += _STEP_S
    return True


def _near(place_m: Place, other_m: Place | None) -> bool:
    return other_m is not None and math.dist(place_m, other_m) < _KEEP_CLEAR_M
