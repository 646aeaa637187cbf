"""Hindsight: what no dispatch could have beaten, had it known every call beforehand. Proven, not reached.

In the world of `dispatch_replay`, where nothing is broken off, a force leaves one place for the next only after a call
is there and was answered, and attends to one at a time. So each call that is attended has a place that its force came
from: another call, or its post at a shift's begin; and each place is left for one next call at most. A schedule
therefore pairs calls with places one to one, and a call that is attended from a place cannot be attended sooner than

    max(answered, place is free again) + the way from there at the fastest eligible force's speed,

where a place that is another call is not free before that call's own least time and its work are over. The cheapest
pairing of all calls with places (an assignment problem, solved exactly) is thus at most what any schedule reaches, and
the fewest urgent calls that must come late are found the same way. Where only the cheapest few places of a call are
looked at, one more stands for all others, at the price of the cheapest of them, for any number of calls: still a bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from geo.metric import LocalPlane
from pipeline.candidates import Candidates, Question
from pipeline.dispatch_policy import DispatchPolicy
from pipeline.dispatch_replay import Answer, Call, duty_began
from pipeline.site import Site

PLACES: Final = 48
ROUNDS: Final = 3
_LEAST: Final = 1e-3  # the solver takes a price of nothing for no edge
_LATE: Final = 1_000.0
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What no schedule beats.

    Attributes:
        mean_arrival_s: least mean time from filing to arrival, of all calls that anybody may take.
        late_share: least share of urgent calls that come late.
    """

    calls: int
    mean_arrival_s: float
    late_share: float


def hindsight(site: Site, calls: Sequence[Call], *, policy: DispatchPolicy, late_s: float) -> Bound:
    """Return the bound for calls under a policy's speeds and way factor; ways are taken as straight lines times it.

    Args:
        site: its roster, without a road graph.
        calls: any order.
        policy: only speeds and the way factor matter.
        late_s: an urgent call that is attended later than this is late.
    """
    calls = sorted(calls, key=lambda call: (call.case.recorded_at, call.case.number))
    world = _World(site, calls, policy)
    least = world.answered_s.copy()
    for _ in range(ROUNDS):
        costs, places = world.cheapest(least)
        least = np.maximum(least, costs[:, 0])
    served = np.isfinite(costs[:, 0])
    mean_s = _matched(costs[served], places[served], places.max() + 1) / served.sum()
    urgent = served & np.array([call.case.urgent for call in calls])
    late = np.where(costs[urgent] > late_s, _LATE, 1.0)
    fewest = round((_matched(late, places[urgent], places.max() + 1) - urgent.sum()) / (_LATE - 1.0))
    return Bound(calls=int(served.sum()), mean_arrival_s=float(mean_s), late_share=float(fewest / max(1, urgent.sum())))


class _World:
    """Calls and the places that forces may come from, as columns."""

    def __init__(self, site: Site, calls: Sequence[Call], policy: DispatchPolicy) -> None:
        self._begin = calls[0].case.recorded_at
        self._factor = policy.way_factor
        self.at_s = np.array([(call.case.recorded_at - self._begin).total_seconds() for call in calls])
        self.work_s = np.array([call.work_s for call in calls])
        codes = site.roll.codes
        self.answered_s = np.array([_soonest_answer(call, codes) for call in calls])
        self.able = np.array([_ever_able(site, call, policy) for call in calls])
        self.speed = np.array([policy.speed_of(force.role) for force in site.roll.forces])
        plane = LocalPlane.at(calls[0].case.lonlat)
        self.place_m = plane.to_metres(np.array([call.case.lonlat for call in calls]))
        self.post_m = plane.to_metres(site.roll.post)
        self.shifts = _shift_begins(site, calls)

    def cheapest(self, least: _Floats) -> tuple[_Floats, NDArray[np.int64]]:
        """Return, for each call, the least times from its cheapest places, (n, k), and which they are, (n, k).

        The last column stands for all places that are not among the others; its place is -1.
        """
        count = len(self.at_s)
        costs = np.empty((count, PLACES + 1))
        places = np.full((count, PLACES + 1), -1, np.int64)
        free_s = self.at_s + least + self.work_s
        shift_s = np.array([at for _, at in self.shifts])
        shift_row = np.array([row for row, _ in self.shifts], np.int64)
        for call in range(count):
            from_call = self._from_calls(call, free_s)
            from_post = self._from_posts(call, shift_row, shift_s)
            too_few = np.full(max(0, PLACES + 1 - count - len(from_post)), np.inf)
            every = np.concatenate([from_call, from_post, too_few])
            order = np.argpartition(every, PLACES)[: PLACES + 1]
            order = order[np.argsort(every[order], kind="stable")]
            costs[call] = every[order]
            places[call, :PLACES] = order[:PLACES]
        return costs, places

    def _from_calls(self, call: int, free_s: _Floats) -> _Floats:
        """Return the least times to attend a call from the places of all others, by a force that may take both."""
        both = self.able[call] & self.able
        speed = np.where(both, self.speed, 0.0).max(axis=1)
        ready = np.maximum(self.answered_s[call], free_s - self.at_s[call])
        with np.errstate(divide="ignore"):
            times = ready + self._ways_m(self.place_m, call) / speed
        times[call] = np.inf
        return np.where(speed > 0.0, times, np.inf)

    def _from_posts(self, call: int, row: NDArray[np.int64], shift_s: _Floats) -> _Floats:
        """Return the least times to attend a call from the posts of forces, at each begin of a shift."""
        ready = np.maximum(self.answered_s[call], shift_s - self.at_s[call])
        times = ready + (self._ways_m(self.post_m, call) / self.speed)[row]
        return np.where(self.able[call][row], times, np.inf)

    def _ways_m(self, start_m: _Floats, call: int) -> _Floats:
        # A little less than the ellipsoid has, so that the plane's error cannot lift the bound.
        return np.asarray(np.hypot(*(start_m - self.place_m[call]).T) * self._factor * 0.9999)


def _soonest_answer(call: Call, codes: Sequence[str]) -> float:
    """Return how soon anybody accepts a call; infinite if nobody does."""
    answers: list[Answer] = [call.answers(code) for code in codes]
    return min((each.after_s for each in answers if each.accepts and each.after_s is not None), default=np.inf)


def _ever_able(site: Site, call: Call, policy: DispatchPolicy) -> NDArray[np.bool_]:
    """Return who may take a call at some time: fits it, and is of its grid or of one next to it."""
    category = site.catalogue.by_key.get(call.case.category)
    question = Question(case=call.case, category=category, now=call.case.recorded_at, policy=policy)
    return Candidates(question, site=site, terminals={}).ever_able()


def _shift_begins(site: Site, calls: Sequence[Call]) -> list[tuple[int, float]]:
    """Return (row of force, seconds) for each time that a force may start from its post."""
    first, last = calls[0].case.recorded_at, calls[-1].case.recorded_at
    found = []
    for row, force in enumerate(site.roll.forces):
        if not site.roll.carries[row]:
            continue
        found.append((row, 0.0))
        now = first
        while now <= last + timedelta(days=4):
            began = duty_began(force, now, site)
            if began is not None and began > first:
                found.append((row, (began - first).total_seconds()))
            now += timedelta(minutes=30)
    return sorted(set(found))


def _matched(costs: _Floats, places: NDArray[np.int64], count: int) -> float:
    """Return the least sum of a pairing of calls with places; place -1 takes any number of calls."""
    calls, width = costs.shape
    column = np.where(places >= 0, places, count + np.arange(calls)[:, None])
    use = np.isfinite(costs)
    rows = np.repeat(np.arange(calls), width)[use.ravel()]
    price = np.maximum(costs[use], _LEAST)
    matrix = csr_array((price, (rows, column[use])), shape=(calls, count + calls))
    left, right = min_weight_full_bipartite_matching(matrix)
    total = float(matrix[left, right].sum())
    return total - _LEAST * int(calls)
