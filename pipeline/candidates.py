"""Candidates: the forces of a roster against one case: who may take it, how soon each is there, and who goes first.

Works on columns, and where one case is decided on, on those of its grid and the grids next to it only: nobody else can
get it. Distances in these columns are those of a plane at the case, true to a few centimetres in ten kilometres; what
is stored is measured on the ellipsoid, in `dispatch`. What is said of those passed over is `telling`'s.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.metric import metres_per_degree
from pipeline.cases import ON_TERMINAL, Case
from pipeline.catalogue import Category
from pipeline.dispatch_policy import DispatchPolicy
from pipeline.duty_columns import DutyColumns
from pipeline.roll import Mask, Near
from pipeline.site import Site
from pipeline.standing import standing_of
from pipeline.terminals import Terminal

_RINGS: Final = 8
OWN: Final = 2
"""Rings below this are the case's own grid's."""
CALLED: Final = 4
"""Rings from here on are of those on standby."""
_HALF_TURN: Final = 180.0
_LOOKED_AT: Final = 16  # so many ways along streets are looked up at once, then twice as many
_URGENT_WAITS: Final = 0.5  # an urgent case goes before what waits, after what is in hand: half of it is over
_Floats = NDArray[np.float64]
_Rows = NDArray[np.int64]
_SHORT_DEGREE_M: Final = 110_000.0  # a little less than a degree of latitude anywhere
_NOBODY: Final[_Rows] = np.zeros(0, np.int64)
_NO_METRES: Final[_Floats] = np.zeros(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A case that is to be given to somebody, and what is known of it; see `dispatch.decide`."""

    case: Case
    category: Category | None
    now: datetime
    policy: DispatchPolicy
    declined: frozenset[str] = frozenset()
    unanswered: frozenset[str] = frozenset()


class Candidates:
    """The forces of a site against one question; all columns are (n,) in the roll's order.

    Attributes:
        roll: the forces that are looked at: all of the site, or those near the case.
        near: which those are; None for all.
        ring: 0 to 3, 4 to 7 for those on standby, -1 for grids that are not next to the case's.
        lonlat, known: (n, 2) where each is, and whether it reported that; else it is its post.
        age_s: of the positions; 0 where none was reported.
        metres: straight lines to the case.
        held, urgent: how many cases each holds, and how many of them are urgent.
        wait_s: before it could set out, because of what it holds.
        able: who may take the case.
        stale: whose position is old.
        gain_s: what lending must gain.
    """

    def __init__(
        self, question: Question, *, site: Site, terminals: Mapping[str, Terminal], near: Near | None = None
    ) -> None:
        self.question, self.case, self.site, self.near = question, question.case, site, near
        self.roll, self._reserve = (site.roll, site.reserve) if near is None else (near.roll, near.reserve)
        self.policy = question.policy
        self.gain_s = question.policy.gain_s(urgent=question.case.urgent)
        self._now_s = question.now.timestamp()
        self.everybody = standing_of(site.roll, terminals)
        self._standing = self.everybody if near is None else self.everybody.of(near.rows)
        self.held, self.urgent = self._held()
        self.known = ~np.isnan(self._standing.at_s)
        self.lonlat = self._standing.place
        self.age_s = np.where(self.known, np.abs(self._now_s - self._standing.at_s), 0.0)
        self.duty = DutyColumns.of(self.roll, question.now, site.settings, side=self.case.side)
        self.ring = self._ring()
        self.metres = self._plane_m(self.lonlat)
        speed = _speeds(site, self.policy)
        self._speed = speed if near is None else speed[near.rows]
        factor = 1.0 if site.roads is not None else self.policy.way_factor
        # With a road graph this is the least that the way can take.
        self._least_s = self.metres * factor / self._speed
        self.wait_s = self._wait_s()
        self.stale = self.age_s > self.policy.position_max_age_s
        self.dropped = self.age_s > self.policy.position_drop_after_s
        self.held_back = self._held_back()
        self.able = self._able()
        self._ways: dict[int, float] = {}

    def best(self) -> int | None:
        """Return the row of who gets the case; None if nobody may."""
        able = np.flatnonzero(self.able)
        ring = self.ring[able]
        own = self._first_of(able, ring, range(OWN))
        lent = self._first_of(able, ring, range(OWN, CALLED))
        if own is None or lent is None:
            found = own if lent is None else lent
            return self._first_of(able, ring, range(CALLED, _RINGS)) if found is None else found
        return lent if self.there_s(own) - self.there_s(lent) > self.gain_s else own

    def _first_of(self, able: _Rows, ring: _Rows, rings: range) -> int | None:
        """Return who goes first in the first of some rings that has anybody."""
        for each in rings:
            row = self._first(able[ring == each])
            if row is not None:
                return row
        return None

    def costs_s(self) -> _Floats:
        """Return what giving the case to each force costs, in seconds; infinite for those who may not.

        A neighbour costs the gain that it must bring, an old position as much as its age.
        """
        rows = np.flatnonzero(self.able)
        costs = np.full(len(self.able), np.inf)
        lent = np.where(self.ring[rows] >= OWN, self.gain_s, 0.0)
        follow_up = np.where(self.roll.follow_up[rows], self.gain_s, 0.0)
        old = np.where(self.stale[rows], self.age_s[rows], 0.0)
        costs[rows] = self._travels_s(rows) + self.wait_s[rows] + np.minimum(lent + follow_up, 1e6) + old
        return costs

    def there_s(self, row: int) -> float:
        """Return when a force would be there, seconds from now."""
        return float(self.wait_s[row]) + self.travel_s(row)

    def travel_s(self, row: int) -> float:
        """Return how long a force's way takes, seconds."""
        return float(self._travels_s(np.array([row]))[0])

    def least_there_s(self, row: int) -> float:
        """Return when a force would be there: as it was looked up, else at the soonest."""
        return float(self.wait_s[row]) + self._ways.get(row, float(self._least_s[row]))

    def beyond(self, best: int) -> tuple[_Rows, _Floats]:
        """Return who of the forces that are not looked at is no farther off than one who is: rows of all, metres."""
        if self.near is None:
            return _NOBODY, _NO_METRES
        reach_m, everybody = float(self.metres[best]), self.everybody
        high = reach_m / _SHORT_DEGREE_M
        wide = high / max(0.01, math.cos(math.radians(self.case.lonlat.lat)))
        lon, lat = everybody.place[:, 0], everybody.place[:, 1]
        close = (np.abs(lat - self.case.lonlat.lat) <= high) & self.near.outside
        if wide < _HALF_TURN - abs(self.case.lonlat.lon):  # else the box goes over the edge of the map
            close &= np.abs(lon - self.case.lonlat.lon) <= wide
        rows = np.flatnonzero(close)
        if not len(rows):
            return _NOBODY, _NO_METRES
        metres = self._plane_m(everybody.place[rows])
        within = metres <= reach_m
        return rows[within], metres[within]

    def in_all(self, rows: _Rows) -> _Rows:
        """Return the rows in the whole roll of forces that are looked at."""
        return rows if self.near is None else self.near.rows[rows]

    def spare(self) -> "Spare | None":
        """Return how many free forces each grid can spare for general cases; None where it does not matter."""
        if self.case.urgent or self.policy.keep_free <= 0:
            return None
        on_duty, free = self._at_hand()
        grid = self.roll.grid_numbers()
        spare = np.where(on_duty > self.policy.keep_free, free - self.policy.keep_free, len(grid))
        return Spare(_left=spare, _grid=grid, _counts=self._reserve & (self.held == 0))

    def _first(self, rows: _Rows) -> int | None:
        """Return who of one ring goes first: fresh before old, then soonest there, then by position and code."""
        if not len(rows):
            return None
        fresh = rows[~self.stale[rows]]
        pool = fresh if len(fresh) else rows
        if self.site.roads is None:
            there = self.wait_s[pool] + self._least_s[pool]
        else:
            pool, there = self._soonest(pool)
        even = pool[there == there.min()]
        if len(even) == 1:
            return int(even[0])
        return int(even[np.lexsort((self.roll.rank[even], ~self.known[even]))[0]])

    def _soonest(self, pool: _Rows) -> tuple[_Rows, _Floats]:
        """Return rows, the soonest along the streets among them, and when each is there.

        Nobody's way is shorter than the straight line, so who could not even fly there in time needs no look.
        """
        least = self.wait_s[pool] + self._least_s[pool]
        order = np.argsort(least, kind="stable")
        pool, least = pool[order], least[order]
        looked, count = 0, _LOOKED_AT
        there = np.zeros(0)
        while looked < len(pool):
            part = pool[looked:count]
            there = np.concatenate([there, self.wait_s[part] + self._travels_s(part)])
            looked += len(part)
            if looked < len(pool) and least[looked] > there.min():
                break
            count *= 2
        return pool[:looked], there

    def _travels_s(self, rows: _Rows) -> _Floats:
        """Return how long ways take; where streets lead nowhere, by the straight line and its factor."""
        roads = self.site.roads
        if roads is None:
            return np.asarray(self._least_s[rows])
        missing = np.array([row for row in rows.tolist() if row not in self._ways], np.int64)
        if len(missing):
            ways = roads.ways_m(self.case.lonlat, roads.beside(self.lonlat[missing]))
            straight = self.metres[missing] * self.policy.way_factor
            seconds = (
                np.where(np.isfinite(ways), np.maximum(ways, self.metres[missing]), straight) / self._speed[missing]
            )
            self._ways.update(zip(missing.tolist(), seconds.tolist(), strict=True))
        return np.array([self._ways[row] for row in rows.tolist()], np.float64)

    def ever_able(self) -> Mask:
        """Return who may take the case at some time: who fits it, off duty, full or held back as they may be now."""
        return np.asarray((self.ring >= 0) & self.roll.carries & self.fits)

    def _held(self) -> tuple[_Rows, _Rows]:
        holder = self.roll.row_of.get(self.case.terminal or "")
        held, urgent = self._standing.held, self._standing.urgent
        if holder is None or self.case.status not in ON_TERMINAL:
            return held, urgent
        held, urgent = held.copy(), urgent.copy()
        held[holder] = max(0, held[holder] - 1)  # the case must not count against the one that holds it
        urgent[holder] = max(0, urgent[holder] - int(self.case.urgent))
        return held, urgent

    def _ring(self) -> _Rows:
        if self.near is not None:
            return self.near.ring + CALLED * self.duty.standby
        ring = self.roll.ring(self.case.grid, self.site.neighbours(self.case.grid))
        return np.asarray(np.maximum(np.where(self.duty.standby, ring + CALLED, ring), -1))

    def _plane_m(self, places: _Floats) -> _Floats:
        lon, lat = self.case.lonlat
        east_m, north_m = metres_per_degree(lat)
        across, up = places[:, 0] - lon, places[:, 1] - lat
        if len(across) and (across.max() > _HALF_TURN or across.min() < -_HALF_TURN):
            across = (across + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN
        # A degree of longitude shortens towards the pole: its length half-way is used.
        shorter = math.tan(math.radians(lat)) * math.radians(0.5)
        across_m, up_m = across * (east_m - east_m * shorter * up), up * north_m
        return np.asarray(np.sqrt(across_m * across_m + up_m * up_m))

    def _wait_s(self) -> _Floats:
        if self.case.urgent:
            waits = np.where(self.held > 0, self.policy.case_s * _URGENT_WAITS, 0.0)
            return np.where(self.breaks_off, self.policy.break_off_s, waits)
        return np.asarray(self.policy.case_s * self.held, np.float64)

    @cached_property
    def fits(self) -> Mask:
        """Return whose role, department, skills, units and sides fit the case."""
        if self.question.category is None:
            return np.zeros(len(self.ring), bool)
        fits = self.roll.fits(self.question.category) & self.roll.serves(self.case.unit) & self.duty.answers
        if self.case.rework_by is not None:
            fits &= self.roll.of_department(self.case.rework_by)
        return np.asarray(fits)

    @cached_property
    def switched_on(self) -> Mask:
        """Return whose grid is switched on, or is the case's own: a grid that is off lends nobody."""
        rollout, zone = self.site.settings.rollout, self.site.settings.timezone
        if not rollout.grids and rollout.otherwise is None:
            return np.ones(len(self.ring), bool)
        own, now = self.case.grid, self.question.now
        return self.roll.of_grids(lambda grid: grid == own or rollout.is_on(grid, now, zone))

    @cached_property
    def at_work(self) -> Mask:
        """Return who is on duty; for an urgent case whoever is on standby too."""
        return self.duty.on | self.duty.standby if self.case.urgent else self.duty.on

    @cached_property
    def refused(self) -> Mask:
        """Return who declined the case, or lately let an offer of it pass."""
        return self.roll.of_codes(self.question.declined | self.question.unanswered)

    @cached_property
    def full(self) -> Mask:
        """Return who holds as many cases as are offered."""
        full = self.held >= min(self.policy.max_open_cases, self.policy.offered_up_to)
        return np.asarray(full & ~self.breaks_off)

    @cached_property
    def breaks_off(self) -> Mask:
        """Return who holds general cases only and leaves them for an urgent one."""
        if not self.case.urgent or self.policy.break_off_s <= 0.0:
            return np.zeros(len(self.held), bool)
        return np.asarray((self.held > 0) & (self.urgent == 0) & (self.held < self.policy.max_open_cases))

    @cached_property
    def resting(self) -> Mask:
        """Return who has just ended a case."""
        if self.case.urgent or self.policy.rest_s <= 0.0:
            return np.zeros(len(self.ring), bool)
        return np.asarray(np.abs(self._now_s - self._standing.freed_s) < self.policy.rest_s)

    def _held_back(self) -> Mask:
        """Return the last free first forces of their grids, which general cases leave alone.

        A grid with no more on duty than are to be kept free would never handle a general case, so it keeps none.
        """
        keep = self.policy.keep_free
        if self.case.urgent or keep <= 0:
            return np.zeros(len(self.ring), bool)
        on_duty, at_hand = self._at_hand()
        grid, free = self.roll.grid_numbers(), self._reserve & (self.held == 0)
        return np.asarray(free & (at_hand[grid] <= keep) & (on_duty[grid] > keep))

    def _at_hand(self) -> tuple[_Rows, _Rows]:
        """Return, by number of grid, how many of the reserve are on duty, and how many of them are free."""
        grid, counts = self.roll.grid_numbers(), self._reserve & self.duty.on & ~self.dropped
        most = int(grid.max(initial=0)) + 1
        return np.bincount(grid[counts], minlength=most), np.bincount(grid[counts & (self.held == 0)], minlength=most)

    def _able(self) -> Mask:
        able = self.roll.carries & self.switched_on & self.at_work & self.fits
        able &= ~self.full & ~self.dropped & ~self.held_back
        if self.near is None:
            able &= self.ring >= 0
        if self.question.declined or self.question.unanswered:
            able &= ~self.refused
        if self.policy.rest_s > 0.0:
            able &= ~self.resting
        return np.asarray(able)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spare:
    """How many free forces each grid can give away while general cases are assigned together."""

    _left: _Rows
    _grid: _Rows
    _counts: Mask

    def take(self, row: int) -> bool:
        """Take a force, unless it would be of those that its grid keeps free."""
        if not self._counts[row]:
            return True
        self._left[self._grid[row]] -= 1
        return bool(self._left[self._grid[row]] >= 0)


_speeds_known: dict[tuple[int, int], tuple[Site, DispatchPolicy, _Floats]] = {}


def _speeds(site: Site, policy: DispatchPolicy) -> _Floats:
    """Return how fast each force travels; the last few rosters and policies are remembered."""
    key = (id(site.roll), id(policy))
    known = _speeds_known.get(key)
    if known is None or known[0].roll is not site.roll or known[1] is not policy:
        speeds = np.array([policy.speed_of(force.role) for force in site.roll.forces], np.float64)
        if len(_speeds_known) > 16:  # noqa: PLR2004 - a few sites and policies are in use at once
            _speeds_known.clear()
        known = _speeds_known[key] = (site, policy, speeds)
    return known[2]
