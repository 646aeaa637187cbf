"""The rule on which way things go: against a zone's direction, for so many metres and so many seconds.

What counts is a stretch of somebody's way: long enough in time, long enough against the direction even if both its ends
lie two standard deviations the wrong way, not too far off the direction, and against it in most of its steps, so that
neither jitter nor one leap (an id that hops from one rider to another) makes a wrong-way rider. The shared error of the
calibration cancels in a difference of places and is left out.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, NamedTuple

from pipeline.firings import Firing
from pipeline.footprints import footprint
from pipeline.moments import Moment
from pipeline.observations import Observation
from pipeline.presence_rules import EDGE_SHARE, entered, height_px, patience_of
from pipeline.scenes import Scene
from pipeline.standing_rules import on_level
from pipeline.visits import Visit, Visits
from pipeline.zones import Zone

STEP_S: Final = 0.4
"""Places nearer in time than this say more of jitter than of the way."""
SURE: Final = 2.0  # standard deviations
MOST_STEPS: Final = 0.7  # of a stretch's time must go against the direction
LONGEST_S: Final = 20.0
RELEASE_S: Final = 10.0  # who is lost for so long after it fired, and found farther on, is the same
_TIMES_DWELL: Final = 4.0


class Step(NamedTuple):
    """Where somebody was: metres along the direction and to its left, and the variance of the former."""

    at: float
    along_m: float
    aside_m: float
    var_m2: float


@dataclass(slots=True)
class Trail:
    """The way of one visitor, as long as it may matter; `longest_s` bounds it."""

    longest_s: float
    steps: deque[Step] = field(default_factory=deque)

    def add(self, step: Step, *, fastest_mps: float) -> None:
        """Take in where it is now; a leap that is too fast for its kind begins a new way, as it is somebody else."""
        if self.steps:
            last = self.steps[-1]
            passed_s = step.at - last.at
            apart_m = math.hypot(step.along_m - last.along_m, step.aside_m - last.aside_m)
            if apart_m > fastest_mps * passed_s + SURE * math.sqrt(step.var_m2 + last.var_m2):
                self.steps.clear()
        if len(self.steps) > 1 and self.steps[-1].at - self.steps[-2].at < STEP_S:
            self.steps.pop()
        self.steps.append(step)
        while self.steps[0].at < step.at - self.longest_s:
            self.steps.popleft()

    def wrong(self, *, least_s: float, least_m: float, angle_deg: float) -> Step | None:
        """Return where the longest stretch against the direction began in which it ends; None without one."""
        now = self.steps[-1]
        against_s = 0.0
        found: Step | None = None
        slope = math.tan(math.radians(angle_deg))
        ways = list(self.steps)
        for row in range(len(ways) - 2, -1, -1):
            begin, after = ways[row], ways[row + 1]
            against_s += after.at - begin.at if after.along_m < begin.along_m else 0.0
            lasted_s, back_m = now.at - begin.at, begin.along_m - now.along_m
            if (
                lasted_s >= least_s
                and back_m - SURE * math.sqrt(begin.var_m2 + now.var_m2) >= least_m
                and against_s >= MOST_STEPS * lasted_s
                and abs(now.aside_m - begin.aside_m) <= slope * back_m
            ):
                found = begin
        return found

    def after(self, begin: Step, back_m: float) -> tuple[float, float]:
        """Return where, along and aside, it had gone back so far since a step of its own."""
        goal_m = begin.along_m - back_m
        for one, other in pairwise(step for step in self.steps if step.at >= begin.at):
            if other.along_m <= goal_m < one.along_m:
                share = (one.along_m - goal_m) / (one.along_m - other.along_m)
                return goal_m, one.aside_m + share * (other.aside_m - one.aside_m)
        return self.steps[-1].along_m, self.steps[-1].aside_m


class WrongWayRule:
    """Fires once for each visit of a thing that goes against the zone's direction.

    It fires where the thing had gone far enough, a little behind where it is by the time that this is sure.

    Args:
        scene: its `dwell_s`, `distance_m` and `angle_deg` say for how long, how far and how straight.
        zone: with a direction; without one nothing goes the wrong way.
        period_s: time between two frames.
    """

    def __init__(self, scene: Scene, zone: Zone, *, period_s: float) -> None:
        self.scene = scene
        self.zone = zone
        self._usual_s = self._period_s = period_s
        self._patience = replace(patience_of(scene, period_s), release_s=RELEASE_S)
        self._visits = Visits(self._patience)
        self._trails: dict[int, Trail] = {}
        self._longest_s = min(max(_TIMES_DWELL * scene.dwell_s, LONGEST_S / 2), max(LONGEST_S, 2 * scene.dwell_s))

    def update(self, moment: Moment) -> list[Firing]:
        """Take in one frame and return what fires in it."""
        self._period_s = max(self._usual_s, moment.period_s)
        self._visits.patience = self._patience.for_period(self._period_s)
        wanted = [seen for seen in moment.observations if seen.class_name in self.scene.classes]
        depths = [self.zone.depth_px(seen.contact_px) for seen in wanted]
        inside = [depth >= 0.0 for depth in depths]
        clear = [depth < -EDGE_SHARE * height_px(seen) for depth, seen in zip(depths, wanted, strict=True)]
        visits = self._visits.update(
            wanted, inside, clear, at=moment.at, step_s=moment.step_s, opens_from=self.scene.confidence
        )
        self._trails = {id(visit): self._trail_of(visit) for visit in self._visits.all}
        fired = []
        for visit in visits:
            newest = visit.newest
            begin = None if newest is None else self._wrong_since(visit, newest, moment.at)
            if newest is not None and begin is not None:
                visit.clock.fired = True
                fired.append(on_level(self._fired(visit, newest, begin), self.zone))
        return fired

    def _trail_of(self, visit: Visit) -> Trail:
        return self._trails.get(id(visit)) or Trail(self._longest_s)

    def _wrong_since(self, visit: Visit, seen: Observation, at: float) -> Step | None:
        if self.zone.direction_m is None:
            return None
        trail = self._trails[id(visit)]
        trail.add(step_of(seen, at, self.zone.direction_m), fastest_mps=footprint(seen.class_name).speed_mps)
        if visit.clock.fired or min(visit.confidence, seen.confidence) < self.scene.confidence:
            return None
        return trail.wrong(least_s=self.scene.dwell_s, least_m=self.scene.distance_m, angle_deg=self.scene.angle_deg)

    def _fired(self, visit: Visit, seen: Observation, begin: Step) -> Firing:
        """Return what it says: where the way had become long enough, as surely as frames so far apart can tell."""
        east, north = self.zone.direction_m or (1.0, 0.0)
        trail = self._trails[id(visit)]
        now = trail.steps[-1]
        along_m, aside_m = trail.after(begin, self.scene.distance_m)
        speed_mps = (begin.along_m - now.along_m) / max(now.at - begin.at, self._period_s)
        late_m2 = (speed_mps * self._period_s) ** 2 / 3  # its first frame came up to one period after it began
        ee, en, nn = seen.measurement_cov_m2
        return replace(
            entered(self.scene.code, visit, seen),
            east_m=along_m * east - aside_m * north,
            north_m=along_m * north + aside_m * east,
            measurement_cov_m2=(
                ee + late_m2 * east * east,
                en + late_m2 * east * north,
                nn + late_m2 * north * north,
            ),
        )

    def open_since(self) -> list[float]:
        """See `SceneRule.open_since`."""
        return [since for visit in self._visits.all for since in visit.clock.open_since]

    def record(self) -> list[object]:
        """Return the visits as JSON-able values; ways are a matter of seconds and begin anew."""
        return [visit.record() for visit in self._visits.all]

    def restore(self, records: Sequence[object]) -> None:
        """Take back what `record` wrote."""
        self._visits.all = [Visit.from_record(each) for each in records if isinstance(each, Mapping)]
        self._trails = {}


def step_of(seen: Observation, at: float, direction_m: tuple[float, float]) -> Step:
    """Return where a thing is along a direction, a unit vector on the view's plane."""
    east, north = direction_m
    ee, en, nn = seen.measurement_cov_m2
    return Step(
        at=at,
        along_m=seen.east_m * east + seen.north_m * north,
        aside_m=seen.north_m * east - seen.east_m * north,
        var_m2=max(east * east * ee + 2 * east * north * en + north * north * nn, 0.0),
    )
