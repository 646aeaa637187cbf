"""Candidates: every force of a roster against one case: who may take it, how soon each is there, and who goes first.

Works on columns, so that ten thousand forces cost about a millisecond. Distances in these columns are those of a plane
at the case, true to a few centimetres in ten kilometres; what is stored is measured on the ellipsoid, in `dispatch`.
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
from pipeline import dispatch_words as words
from pipeline.cases import ON_TERMINAL, Case
from pipeline.catalogue import Category
from pipeline.dispatch_policy import DispatchPolicy
from pipeline.duty import duty_at
from pipeline.duty_columns import DutyColumns
from pipeline.roll import Mask
from pipeline.site import Site
from pipeline.standing import standing_of
from pipeline.terminals import Terminal

_RINGS: Final = 8
_OWN: Final = 2  # rings below this are the case's own grid's
_CALLED: Final = 4  # rings from here on are of those on standby
_HALF_TURN: Final = 180.0
_LOOKED_AT: Final = 16  # so many ways along streets are looked up at once, then twice as many
_URGENT_WAITS: Final = 0.5  # an urgent case goes before what waits, after what is in hand: half of it is over
_Floats = NDArray[np.float64]
_Rows = NDArray[np.int64]


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
        ring: 0 to 3, 4 to 7 for those on standby, -1 for grids that are not next to the case's.
        metres: straight lines to the case.
        wait_s: before it could set out, because of what it holds.
        able: who may take the case.
    """

    def __init__(self, question: Question, *, site: Site, terminals: Mapping[str, Terminal]) -> None:
        self.question, self.case, self.roll = question, question.case, site.roll
        self._site, self._policy = site, question.policy
        self._gain_s = question.policy.gain_s(urgent=question.case.urgent)
        self._now_s = question.now.timestamp()
        self._standing = standing_of(site.roll, terminals)
        self.held = self._held()
        known = ~np.isnan(self._standing.at_s)
        self.lonlat = np.where(known[:, None], self._standing.lonlat, self.roll.post)
        self.age_s = np.where(known, np.abs(self._now_s - self._standing.at_s), 0.0)
        self._known = known
        self._neighbours = site.neighbours(self.case.grid)
        self._duty = DutyColumns.of(self.roll, question.now, site.settings, side=self.case.side)
        self.ring = self._ring()
        self.metres = self._metres()
        self._speed = _speeds(site, self._policy)
        factor = 1.0 if site.roads is not None else self._policy.way_factor
        # With a road graph this is the least that the way can take.
        self._least_s = self.metres * factor / self._speed
        self.wait_s = self._wait_s()
        self.stale = self.age_s > self._policy.position_max_age_s
        self._dropped = self.age_s > self._policy.position_drop_after_s
        self.held_back = self._held_back()
        self.able = self._able()
        self._ways: dict[int, float] = {}

    def best(self) -> int | None:
        """Return the row of who gets the case; None if nobody may."""
        able = np.flatnonzero(self.able)
        ring = self.ring[able]
        firsts = [self._first(able[ring == each]) for each in range(_RINGS)]
        own = next((row for row in firsts[:_OWN] if row is not None), None)
        lent = next((row for row in firsts[_OWN:_CALLED] if row is not None), None)
        if own is None or lent is None:
            called = next((row for row in firsts[_CALLED:] if row is not None), None)
            return next((row for row in (own, lent, called) if row is not None), None)
        return lent if self.there_s(own) - self.there_s(lent) > self._gain_s else own

    def costs_s(self) -> _Floats:
        """Return what giving the case to each force costs, in seconds; infinite for those who may not.

        A neighbour costs the gain that it must bring, an old position as much as its age.
        """
        rows = np.flatnonzero(self.able)
        costs = np.full(len(self.able), np.inf)
        lent = np.where(self.ring[rows] >= _OWN, self._gain_s, 0.0)
        follow_up = np.where(self.roll.follow_up[rows], self._gain_s, 0.0)
        old = np.where(self.stale[rows], self.age_s[rows], 0.0)
        costs[rows] = self._travels_s(rows) + self.wait_s[rows] + np.minimum(lent + follow_up, 1e6) + old
        return costs

    def there_s(self, row: int) -> float:
        """Return when a force would be there, seconds from now."""
        return float(self.wait_s[row]) + self.travel_s(row)

    def travel_s(self, row: int) -> float:
        """Return how long a force's way takes, seconds."""
        return float(self._travels_s(np.array([row]))[0])

    def before(self, best: int) -> Mask:
        """Return who is nearer than the chosen one, in a straight line; at equal distance as the ranking has it."""
        tie = (self.metres == self.metres[best]) & (~self._known < ~self._known[best])
        tie |= (
            (self.metres == self.metres[best])
            & (self._known == self._known[best])
            & (self.roll.rank < self.roll.rank[best])
        )
        return np.asarray((self.metres < self.metres[best]) | tie)

    def order(self, rows: _Rows) -> _Rows:
        """Return rows by straight line, then those with a position, then by code."""
        keys = (self.roll.rank[rows], ~self._known[rows], self.metres[rows])
        return np.asarray(rows[np.lexsort(keys)])

    def fault(self, row: int) -> str | None:
        """Return why a force may not take the case, None if it may."""
        if self.able[row]:
            return None
        force = self.roll.forces[row]
        if self.ring[row] < 0:
            return words.not_next(force.grid, self.case.grid)
        if not self.roll.carries[row]:
            return words.NO_TERMINAL
        if not self._at_work[row]:
            return words.STANDBY if self._duty.standby[row] else words.OFF_DUTY
        sides = duty_at(force, self.question.now, self._site.settings).sides
        return words.unfit(force, self.question.category, self.case, sides=sides) or self._unready(row)

    def why_not(self, row: int, best: int) -> str:
        """Return why a force that is nearer than the chosen one did not get the case."""
        fault = self.fault(row)
        if fault is not None:
            return fault
        force, chosen = self.roll.forces[row], self.roll.forces[best]
        if self.ring[row] < _OWN <= self.ring[best]:
            return words.lent_away(chosen.grid, self._gain_s)
        if self.ring[row] > self.ring[best]:
            # It is whoever stands nearest, and still not worth crossing a border or a stage for.
            return words.goes_before(force, chosen)
        if self.stale[row] and not self.stale[best]:
            return words.old_position(self.age_s[row])
        # What was not looked up along the streets is at least so much later.
        later_s = self.wait_s[row] + self._ways.get(row, float(self._least_s[row])) - self.there_s(best)
        return words.later(later_s, int(self.held[row]))

    def spare(self) -> "Spare | None":
        """Return how many free forces each grid can spare for general cases; None where it does not matter."""
        if self.case.urgent or self._policy.keep_free <= 0:
            return None
        on_duty, free = self._at_hand()
        grid = self.roll.grid_numbers()
        spare = np.where(on_duty > self._policy.keep_free, free - self._policy.keep_free, len(grid))
        return Spare(_left=spare, _grid=grid, _counts=self._site.reserve & (self.held == 0))

    def praise(self, best: int, *, together: int = 1) -> str:
        """Return why the chosen one was chosen."""
        force = self.roll.forces[best]
        among = int((self.able & (self.ring == self.ring[best])).sum())
        return words.chosen(
            force, among=among, grid=self.case.grid, reported=bool(self._known[best]), together=together
        )

    def grouped(self, rows: _Rows, *, best: int | None) -> dict[str, tuple[str, ...]]:
        """Return the codes of forces by the reason against them, those of one kind under one reason."""
        found: dict[str, list[str]] = {}
        for row, kind in zip(rows.tolist(), self._kinds(rows, best).tolist(), strict=True):
            found.setdefault(words.KINDS[kind], []).append(self.roll.codes[row])
        return {reason: tuple(codes) for reason, codes in found.items()}

    def _kinds(self, rows: _Rows, best: int | None) -> _Rows:
        """Return the number in `words.KINDS` of the first thing that speaks against each force."""
        fits = self._fits[rows]
        checks = [
            self.ring[rows] < 0,
            ~self.roll.carries[rows],
            ~self._at_work[rows],
            ~fits,
            self._refused[rows],
            self._full[rows],
            self._dropped[rows],
            self._resting[rows],
            self.held_back[rows],
            np.zeros(len(rows), bool) if best is None else self.ring[rows] > self.ring[best],
        ]
        return np.select(checks, list(range(len(checks))), default=len(checks)).astype(np.int64)

    def _first(self, rows: _Rows) -> int | None:
        """Return who of one ring goes first: fresh before old, then soonest there, then by position and code."""
        if not len(rows):
            return None
        fresh = rows[~self.stale[rows]]
        pool = fresh if len(fresh) else rows
        if self._site.roads is None:
            there = self.wait_s[pool] + self._least_s[pool]
        else:
            pool, there = self._soonest(pool)
        even = pool[there == there.min()]
        return int(even[np.lexsort((self.roll.rank[even], ~self._known[even]))[0]])

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
        roads = self._site.roads
        if roads is None:
            return np.asarray(self._least_s[rows])
        missing = np.array([row for row in rows.tolist() if row not in self._ways], np.int64)
        if len(missing):
            ways = roads.ways_m(self.case.lonlat, roads.beside(self.lonlat[missing]))
            straight = self.metres[missing] * self._policy.way_factor
            seconds = (
                np.where(np.isfinite(ways), np.maximum(ways, self.metres[missing]), straight) / self._speed[missing]
            )
            self._ways.update(zip(missing.tolist(), seconds.tolist(), strict=True))
        return np.array([self._ways[row] for row in rows.tolist()], np.float64)

    def ever_able(self) -> Mask:
        """Return who may take the case at some time: who fits it, off duty, full or held back as they may be now."""
        return np.asarray((self.ring >= 0) & self.roll.carries & self._fits)

    def _held(self) -> _Rows:
        holder = self.roll.row_of.get(self.case.terminal or "")
        if holder is None or self.case.status not in ON_TERMINAL:
            return self._standing.held
        held = self._standing.held.copy()
        held[holder] = max(0, held[holder] - 1)  # the case must not count against the one that holds it
        return held

    def _ring(self) -> _Rows:
        own, near = self.roll.in_grids((self.case.grid,)), self.roll.in_grids(self._neighbours)
        base = np.where(own, 0, np.where(near, _OWN, -2 * _RINGS)) + np.where(self._duty.standby, _CALLED, 0)
        return np.asarray(np.maximum(base + self.roll.follow_up, -1), np.int64)

    def _metres(self) -> _Floats:
        lon, lat = self.case.lonlat
        east_m, north_m = metres_per_degree(lat)
        across, up = self.lonlat[:, 0] - lon, self.lonlat[:, 1] - lat
        if len(across) and (across.max() > _HALF_TURN or across.min() < -_HALF_TURN):
            across = (across + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN
        # A degree of longitude shortens towards the pole: its length half-way is used.
        shorter = math.tan(math.radians(lat)) * math.radians(0.5)
        across_m, up_m = across * (east_m - east_m * shorter * up), up * north_m
        return np.asarray(np.sqrt(across_m * across_m + up_m * up_m))

    def _wait_s(self) -> _Floats:
        if self.case.urgent:
            return np.where(self.held > 0, self._policy.case_s * _URGENT_WAITS, 0.0)
        return np.asarray(self._policy.case_s * self.held, np.float64)

    @cached_property
    def _fits(self) -> Mask:
        if self.question.category is None:
            return np.zeros(len(self.ring), bool)
        fits = self.roll.fits(self.question.category) & self.roll.serves(self.case.unit) & self._duty.answers
        if self.case.rework_by is not None:
            fits &= self.roll.of_department(self.case.rework_by)
        return np.asarray(fits)

    @cached_property
    def _at_work(self) -> Mask:
        """Return who is on duty; for an urgent case whoever is on standby too."""
        return np.asarray(self._duty.on | (self._duty.standby & self.case.urgent))

    @cached_property
    def _refused(self) -> Mask:
        return self.roll.of_codes(self.question.declined | self.question.unanswered)

    @cached_property
    def _full(self) -> Mask:
        return np.asarray(self.held >= min(self._policy.max_open_cases, self._policy.offered_up_to))

    @cached_property
    def _resting(self) -> Mask:
        if self.case.urgent or self._policy.rest_s <= 0.0:
            return np.zeros(len(self.ring), bool)
        return np.asarray(self._now_s - self._standing.freed_s < self._policy.rest_s)

    def _held_back(self) -> Mask:
        """Return the last free first forces of their grids, which general cases leave alone.

        A grid with no more on duty than are to be kept free would never handle a general case, so it keeps none.
        """
        keep = self._policy.keep_free
        if self.case.urgent or keep <= 0:
            return np.zeros(len(self.ring), bool)
        on_duty, at_hand = self._at_hand()
        grid, free = self.roll.grid_numbers(), self._site.reserve & (self.held == 0)
        return np.asarray(free & (at_hand[grid] <= keep) & (on_duty[grid] > keep))

    def _at_hand(self) -> tuple[_Rows, _Rows]:
        """Return, by number of grid, how many of the reserve are on duty, and how many of them are free."""
        grid, counts = self.roll.grid_numbers(), self._site.reserve & self._duty.on & ~self._dropped
        most = int(grid.max(initial=0)) + 1
        return np.bincount(grid[counts], minlength=most), np.bincount(grid[counts & (self.held == 0)], minlength=most)

    def _able(self) -> Mask:
        within = (self.ring >= 0) & self.roll.carries & self._at_work
        ready = ~self._refused & ~self._full & ~self._dropped & ~self._resting & ~self.held_back
        return np.asarray(within & self._fits & ready)

    def _unready(self, row: int) -> str:
        terminal, policy = self.roll.codes[row], self._policy
        if terminal in self.question.declined:
            return words.DECLINED
        if terminal in self.question.unanswered:
            return words.UNANSWERED
        if self._full[row]:
            return words.full(min(policy.max_open_cases, policy.offered_up_to))
        if self._dropped[row]:
            return words.dropped(self.age_s[row])
        return words.resting(policy.rest_s) if self._resting[row] else words.held_back(self.roll.forces[row].grid)


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
