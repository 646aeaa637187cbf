"""Through traffic: cars and two-wheelers along the lanes, stopping at a light and behind one another.

Each follows the one before it as Newell (2002) has it: the same way, a gap behind and a moment later. Who would run
into a car that parks, or stands, does not come.
"""

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.district.acts_vehicles import runs_forward
from pipeline.district.director import Act, Director
from pipeline.district.itineraries import Itinerary, Journey
from pipeline.district.plan import Strip
from pipeline.district.rules_of_world import track
from pipeline.district.scene_set import PARKED
from pipeline.district.stage import Kind, Surface

Floats = NDArray[np.float64]
CYCLE_S: Final = 62.0
RED_S: Final = 24.0
_STEP_S: Final = 0.5
_GAP_M: Final = 7.0
_LAG_S: Final = 1.2
_EVERY_S: Final = 16.0
_CLEAR_M: Final = 7.5
_BEFORE_S: Final = 40.0
_WAITS_S: Final = 10.0


class _Light(NamedTuple):
    """Where a lane stops, metres along it, and when it is red first."""

    stop_m: float
    red_from_s: float

    def red(self, at_s: float) -> bool:
        return (at_s - self.red_from_s) % CYCLE_S < RED_S


def traffic(director: Director) -> None:
    """Fill the lanes; who waits at the light is a distractor of parking."""
    lanes = [each for each in director.ground.on(Surface.LANE) if each.name.startswith("lane-")]
    red_from_s = float(director.draw.uniform(0.0, CYCLE_S))
    for lane in lanes:
        _fill(director, lane, _light(director, lane, red_from_s))


def _light(director: Director, lane: Strip, red_from_s: float) -> _Light | None:
    zebras = [each for each in director.ground.on(Surface.LANE) if each.name.startswith("zebra")]
    if not zebras:
        return None
    before = zebras[0].x_m[0] - 1.5 if runs_forward(lane) else zebras[0].x_m[1] + 1.5
    return _Light(_along(lane, before), red_from_s)


def _fill(director: Director, lane: Strip, light: _Light | None) -> None:
    draw = director.draw
    standing = [each for each in director.cast if _is_vehicle(each) and _uses(each, lane)]
    times = np.arange(-_BEFORE_S, director.end_s + _STEP_S, _STEP_S)
    others = [track(each, times) for each in standing]
    leader: Floats | None = None
    waiting: list[Itinerary] = []
    at_s = -_BEFORE_S + float(draw.exponential(_EVERY_S))
    while at_s < director.end_s:
        two_wheels = draw.random() < 0.25  # noqa: PLR2004 - one of four
        speed = 5.5 if two_wheels else float(draw.uniform(8.0, 10.5))
        way = _way(times, at_s, speed, light, leader)
        if not _meets(lane, way, others):
            kinds = (Kind.E_BIKE, Kind.E_BIKE, Kind.BICYCLE) if two_wheels else (Kind.CAR, Kind.CAR, Kind.CAR, Kind.VAN)
            driver = _itinerary(director, lane, times, way, kinds)
            if driver is not None:
                leader = way
                director.extras(driver)
                waiting += [driver] if not two_wheels and driver.stays(least_s=_WAITS_S) else []
        at_s += max(2.5, float(draw.exponential(_EVERY_S)))
    if waiting:
        director.acts.append(Act(scene=PARKED, members=(waiting[0],), distractor="waiting-at-a-light"))  # cast already


def _way(times: Floats, at_s: float, speed: float, light: _Light | None, leader: Floats | None) -> Floats:
    """Return metres along the lane at each time; NaN before it comes."""
    way = np.full(len(times), np.nan)
    done, step = 0.0, speed * _STEP_S
    lag = round(_LAG_S / _STEP_S)
    for row in range(int(np.searchsorted(times, at_s)), len(times)):
        most = done + step
        if light is not None and done <= light.stop_m < most + 2.0 and light.red(float(times[row])):
            most = max(done, min(most, light.stop_m))
        if leader is not None and row >= lag and not np.isnan(leader[row - lag]):
            most = max(done, min(most, leader[row - lag] - _GAP_M))
        done = most
        way[row] = done
    return way


def _meets(lane: Strip, way: Floats, others: Sequence[Floats]) -> bool:
    """Tell whether a way along the lane comes too near to somebody else's track."""
    sign = 1.0 if runs_forward(lane) else -1.0
    x = (lane.x_m[0] if sign > 0 else lane.x_m[1]) + sign * way
    y = lane.middle_y_m
    for other in others:
        near = (np.abs(other[:, 0] - x) < _CLEAR_M) & (np.abs(other[:, 1] - y) < 2.0)  # noqa: PLR2004 - car beside car
        if near.any():
            return True
    return False


def _itinerary(
    director: Director, lane: Strip, times: Floats, way: Floats, kinds: tuple[Kind, ...]
) -> Itinerary | None:
    """Return a way as an itinerary: knots only where the speed changes."""
    there = ~np.isnan(way) & (way <= lane.x_m[1] - lane.x_m[0])
    if there.sum() < 3:  # noqa: PLR2004 - the run ends before it is in
        return None
    when, done = times[there], way[there]
    bends = np.flatnonzero(np.abs(np.diff(done, 2)) > 1e-6) + 1  # noqa: PLR2004 - of a micrometre
    rows = [0, *bends.tolist(), len(done) - 1]
    kind = director.one_of(*kinds)
    sign = 1.0 if runs_forward(lane) else -1.0
    base = lane.x_m[0] if sign > 0 else lane.x_m[1]
    y = lane.middle_y_m
    journey = Journey(
        kind,
        at_s=float(when[0]),
        place_m=(base + sign * float(done[0]), y),
        heading_deg=0.0 if sign > 0 else 180.0,
        ridden=kind.kind in {Kind.E_BIKE, Kind.BICYCLE},
    )
    for before, row in itertools.pairwise(rows):
        passed_s, passed_m = float(when[row] - when[before]), float(done[row] - done[before])
        if passed_m < 1e-3:  # noqa: PLR2004 - it stands
            journey.wait(passed_s)
        else:
            journey.go((base + sign * float(done[row]), y), speed_mps=passed_m / passed_s)
    return journey.done()


def _along(lane: Strip, x_m: float) -> float:
    return x_m - lane.x_m[0] if runs_forward(lane) else lane.x_m[1] - x_m


def _is_vehicle(each: Itinerary) -> bool:
    return each.actor.kind in {Kind.CAR, Kind.VAN}


def _uses(each: Itinerary, lane: Strip) -> bool:
    return any(abs(knot.y_m - lane.middle_y_m) < 2.0 for knot in each.knots)  # noqa: PLR2004 - car beside car
