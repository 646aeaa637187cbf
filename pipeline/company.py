"""Company: who was seen lately, so that people whom a detector misses for a moment still count among those around.

In a crowd somebody is always hidden or missed; a count frame by frame would say how well the detector does and not how
many are there. Whoever was seen twice counts for a second after, and who stood for four. Not kept over a restart: it is
a matter of seconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.footprints import footprint
from pipeline.observations import Observation

MOVING_S: Final = 1.0
STANDING_S: Final = 4.0
MOST: Final = 300
_FEW_FRAMES: Final = 2.5
_STEP_ASIDE_M: Final = 0.8
_MOST_SPREAD_M: Final = 1.0
_TWICE: Final = 2
_MOST_AVERAGED: Final = 10
_STANDS_AFTER_S: Final = 2.0
_STANDS_WITHIN_M: Final = 1.0
_SLOWLY: Final = 0.25
_NEVER: Final = 1e6


@dataclass(slots=True)
class _Known:
    """Somebody: as seen last, when, since when at one place, how surely on the whole and how often."""

    seen: Observation
    at: float
    since: float
    place_m: tuple[float, float]
    confidence: float
    times: int = 1

    @property
    def stands(self) -> bool:
        return self.at - self.since >= _STANDS_AFTER_S

    def see(self, seen: Observation, at: float) -> None:
        """Take in that somebody is seen again: a mean where it stands, as seen now where it moves."""
        self.times += 1
        self.seen, self.at = seen, at
        self.confidence += (seen.confidence - self.confidence) / min(self.times, _MOST_AVERAGED)
        east, north = self.place_m
        if math.hypot(seen.east_m - east, seen.north_m - north) > _STANDS_WITHIN_M:
            self.since, self.place_m = at, (seen.east_m, seen.north_m)
        else:
            self.place_m = east + _SLOWLY * (seen.east_m - east), north + _SLOWLY * (seen.north_m - north)

    def told(self) -> Observation:
        """Return it as it counts: who stands is where the mean says."""
        if not self.stands:
            return self.seen
        return replace(self.seen, east_m=self.place_m[0], north_m=self.place_m[1])


class Around(NamedTuple):
    """Somebody who counts, and whether this frame shows it."""

    seen: Observation
    shown: bool


class Company:
    """Those around at one camera, fed with its frames in order of time.

    Args:
        period_s: the usual time between frames.
        near_m, least: whom a frame does not show counts while it shows so many so near.
    """

    def __init__(self, *, period_s: float, near_m: float, least: int) -> None:
        self._usual_s = self._least_s = _FEW_FRAMES * period_s
        self._near_m, self._least = near_m, least
        self._known: list[_Known] = []

    def wait_for(self, period_s: float) -> None:
        """Remember whoever is missed for as long as frames so far apart need; never shorter than usual ones do."""
        self._least_s = max(self._usual_s, _FEW_FRAMES * period_s)

    def update(self, observations: Sequence[Observation], *, at: float, opens_from: float = 0.0) -> list[Around]:
        """Take in the people of a frame; return those around, each as it was seen last.

        Args:
            observations: boxes of people, faint ones too.
            at: frame time in seconds.
            opens_from: a fainter box shows somebody who is known, and nobody new; on the whole nobody is fainter.
        """
        self._known = [each for each in self._known if at - each.at <= self._remembered_s(each)]
        owners = self._owners(observations, at)
        for row, index in owners.items():
            self._known[row].see(observations[index], at)
        taken = set(owners.values())
        rest = (seen for index, seen in enumerate(observations) if index not in taken)
        free = [seen for seen in rest if seen.confidence >= opens_from]
        self._known += [_Known(seen, at, at, (seen.east_m, seen.north_m), seen.confidence) for seen in free]
        self._known = self._known[-MOST:]
        sure = [each for each in self._known if each.confidence >= opens_from]
        now = [each.told() for each in sure if each.at == at]
        lately = [each.told() for each in sure if each.at < at and each.times >= _TWICE]
        remembered = (Around(each, shown=False) for each in lately if self._in_company(each, now))
        return [*(Around(each, shown=True) for each in now), *remembered]

    def _in_company(self, one: Observation, now: Sequence[Observation]) -> bool:
        near = (math.hypot(one.east_m - each.east_m, one.north_m - each.north_m) <= self._near_m for each in now)
        return sum(near) >= self._least

    def _remembered_s(self, each: _Known) -> float:
        return max(STANDING_S if each.stands else MOVING_S, self._least_s)

    def _owners(self, observations: Sequence[Observation], at: float) -> dict[int, int]:
        """Return which observation (by index) is which of those known (by row): nearest together."""
        if not self._known or not observations:
            return {}
        cost = np.array([[_cost(each, seen, at) for seen in observations] for each in self._known])
        rows, columns = linear_sum_assignment(cost)
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return {row: column for row, column in pairs if cost[row, column] < _NEVER}


def _cost(known: _Known, seen: Observation, at: float) -> float:
    """Return the metres from where somebody was, `_NEVER` beyond reach; the same track's id counts as near."""
    away_m = float(np.hypot(seen.east_m - known.seen.east_m, seen.north_m - known.seen.north_m))
    cov = seen.measurement_cov_m2
    spread_m = min(2.0 * float(max(cov[0], cov[2])) ** 0.5, _MOST_SPREAD_M)
    same = seen.track is not None and seen.track == known.seen.track
    if known.stands:
        # In a crowd the next one is a step away: whoever is missed must not be taken for a neighbour.
        away_m = math.hypot(seen.east_m - known.place_m[0], seen.north_m - known.place_m[1])
        reach_m = _STEP_ASIDE_M / 2 + spread_m / 2
    else:
        reach_m = _STEP_ASIDE_M + spread_m + footprint(seen.class_name).speed_mps * (at - known.at)
    if away_m > (2.0 if same else 1.0) * reach_m:
        return _NEVER
    return away_m * (0.1 if same else 1.0)
