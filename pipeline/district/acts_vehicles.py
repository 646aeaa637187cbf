"""What drivers do: park where they may and may not, deliver, let somebody out in a fire lane."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.district.director import Act, Director
from pipeline.district.itineraries import Itinerary, Journey
from pipeline.district.plan import Place, Strip
from pipeline.district.rules_of_world import track
from pipeline.district.scene_set import FIRE_LANE, PARKED, SCENES
from pipeline.district.stage import Kind, Surface

DRIVE_MPS: Final = 8.0
_SLOW_MPS: Final = 4.0
_CREEP_MPS: Final = 1.8
_BESIDE_M: Final = 0.2
_ROOM_M: Final = 2.9  # half a van and half a metre
_APART_M: Final = (4.0, 1.6)  # along and across the road
_WIDE_M, _LONG_M = 1.15, 2.8  # three discs cover a car and its bumpers' room


def illegal_parking(director: Director) -> bool:
    """Let somebody park where it is not allowed."""
    dwell_s = SCENES[PARKED].dwell_s
    arrives_s = director.moment(5.0, director.end_s - dwell_s - 20.0)
    leaves_s = arrives_s + dwell_s + director.moment(20.0, 80.0)
    return _stop(director, PARKED, Surface.NO_PARKING, arrives_s, leaves_s)


def delivery(director: Director) -> bool:
    """Let a van stop for a minute."""
    arrives_s = director.moment(5.0, director.end_s - 70.0)
    leaves_s = arrives_s + director.moment(50.0, 68.0)
    return _stop(director, PARKED, Surface.NO_PARKING, arrives_s, leaves_s, distractor="delivery", kinds=(Kind.VAN,))


def legal_parking(director: Director) -> bool:
    """Let somebody park in a bay for as long as they like."""
    arrives_s = director.moment(-50.0, director.end_s / 2)
    leaves_s = director.moment(director.end_s * 0.8, director.end_s + 60.0)
    return _stop(director, PARKED, Surface.PARKING_BAY, arrives_s, leaves_s, distractor="parked-in-a-bay")


def blocked_fire_lane(director: Director) -> bool:
    """Let somebody leave a car in a fire lane."""
    dwell_s = SCENES[FIRE_LANE].dwell_s
    arrives_s = director.moment(8.0, director.end_s - dwell_s - 25.0)
    leaves_s = arrives_s + dwell_s + director.moment(15.0, 60.0)
    return _stop(director, FIRE_LANE, Surface.FIRE_LANE, arrives_s, leaves_s)


def letting_out(director: Director) -> bool:
    """Let a car stop in a fire lane for some seconds."""
    arrives_s = director.moment(8.0, director.end_s - 30.0)
    leaves_s = arrives_s + director.moment(5.0, 11.0)
    return _stop(director, FIRE_LANE, Surface.FIRE_LANE, arrives_s, leaves_s, distractor="letting-somebody-out")


def _stop(
    director: Director,
    scene: str,
    surface: Surface,
    arrives_s: float,
    leaves_s: float,
    *,
    distractor: str = "",
    kinds: tuple[Kind, ...] = (Kind.CAR, Kind.CAR, Kind.VAN),
) -> bool:
    strips = [strip for strip in director.ground.on(surface) if lane_of(director, strip) is not None]
    areas = [_inside(strip) for strip in strips]
    place = director.find(
        scene,
        areas,
        height_m=1.6,
        radius_m=_WIDE_M,
        half_m=_ROOM_M,
        from_s=arrives_s - 8.0,
        to_s=leaves_s + 6.0,
        distractor=bool(distractor),
    )
    if place is None:
        return False
    for aside_m in (-_LONG_M, _LONG_M):
        director.ground.book((place[0] + aside_m, place[1]), _WIDE_M, arrives_s - 8.0, leaves_s + 6.0)
    strip = next(each for each in strips if _holds(each, place))
    driven = _drive(director, strip, place, arrives_s, leaves_s, kinds)
    if _bumps(driven, [each for each in director.cast if each.actor.kind in {Kind.CAR, Kind.VAN}]):
        return False
    return director.play(Act(scene=scene, members=(driven,), distractor=distractor))


def _bumps(driven: Itinerary, others: Sequence[Itinerary]) -> bool:
    """Tell whether somebody would drive through another car."""
    times = np.arange(driven.from_s, driven.to_s, 0.25)
    way = track(driven, times)
    for other in others:
        if other.to_s > driven.from_s and other.from_s < driven.to_s:
            apart = np.abs(way - track(other, times))
            if (apart < _APART_M).all(axis=1).any():
                return True
    return False


def _inside(strip: Strip) -> tuple[Place, Place]:
    """Return where the middle of a car may be: along a kerb, or across in a lane that leads away from the road."""
    (x0, x1), (y0, y1) = strip.x_m, strip.y_m
    if x1 - x0 >= y1 - y0:
        return (x0 + _ROOM_M + 0.2, x1 - _ROOM_M - 0.2), (strip.middle_y_m - 0.1, strip.middle_y_m + 0.1)
    middle = (x0 + x1) / 2
    return (middle - 0.3, middle + 0.3), (y0 + _ROOM_M + 0.2, y1 - _ROOM_M - 0.2)


def _holds(strip: Strip, place: Place) -> bool:
    return strip.x_m[0] <= place[0] <= strip.x_m[1] and strip.y_m[0] <= place[1] <= strip.y_m[1]


def lane_of(director: Director, strip: Strip) -> Strip | None:
    """Return the lane beside a kerb strip, or before a lane that leads away from the road."""
    lanes = [each for each in director.ground.on(Surface.LANE) if each.name.startswith("lane-")]
    return next((lane for lane in lanes if _touch(lane, strip)), None)


def _touch(lane: Strip, strip: Strip) -> bool:
    beside = abs(lane.y_m[0] - strip.y_m[1]) < _BESIDE_M or abs(lane.y_m[1] - strip.y_m[0]) < _BESIDE_M
    return beside or abs(lane.y_m[1] + 0.5 - strip.y_m[0]) < _BESIDE_M


def runs_forward(lane: Strip) -> bool:
    """Tell whether traffic of a lane runs towards +x."""
    return lane.name.endswith("-forward")


def _drive(
    director: Director, strip: Strip, place: Place, arrives_s: float, leaves_s: float, kinds: tuple[Kind, ...]
) -> Itinerary:
    """Return somebody's way along the lane, into the strip, and on again."""
    lane = lane_of(director, strip)
    if lane is None:
        raise ValueError(strip.name)
    way = 1.0 if runs_forward(lane) else -1.0
    start_x, end_x = (lane.x_m[0], lane.x_m[1]) if way > 0 else (lane.x_m[1], lane.x_m[0])
    x, y = place
    across = strip.y_m[1] - strip.y_m[0] > strip.x_m[1] - strip.x_m[0]
    lane_y = lane.middle_y_m
    if across:
        turn = (x, lane_y)
        ways = [((x - way * 12.0, lane_y), DRIVE_MPS), (turn, _SLOW_MPS), (place, _CREEP_MPS)]
        back = [(turn, _CREEP_MPS)]
    else:
        ways = [
            ((x - way * 16.0, lane_y), DRIVE_MPS), ((x - way * 9.0, lane_y), _SLOW_MPS),
            ((x - way * 3.0, y + (lane_y - y) * 0.15), _CREEP_MPS), (place, _CREEP_MPS),
        ]  # fmt: skip
        back = [((x + way * 3.0, y + (lane_y - y) * 0.15), _CREEP_MPS), ((x + way * 9.0, lane_y), _CREEP_MPS)]
    start = (start_x, lane_y)
    took_s, last = 0.0, start
    for point, speed in ways:
        took_s += math.dist(last, point) / speed
        last = point
    journey = Journey(director.one_of(*kinds), at_s=arrives_s - took_s, place_m=start)
    for point, speed in ways:
        journey.go(point, speed_mps=speed)
    if not across:
        journey.face(0.0 if way > 0 else 180.0)
    journey.wait_until(leaves_s)
    for row, (point, speed) in enumerate(back):
        if across and row == 0:
            journey.back_to(point, speed_mps=speed)
        else:
            journey.go(point, speed_mps=speed)
    return journey.go((end_x, lane_y), speed_mps=DRIVE_MPS).done()
