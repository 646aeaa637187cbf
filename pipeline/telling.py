"""Telling: why a force got a case, why each nearer one did not, in words, for the offer's history. Decides nothing.

Rows here are those of the whole roll, also where only the forces near the case were looked at: of the others it is
enough to know that their grid is not next to the case's.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.coords import LonLat
from geo.metric import distances_m
from pipeline import dispatch_words as words
from pipeline.candidates import OWN, Candidates
from pipeline.roster import Force

MOST_TOLD: Final = 50
"""So many of the skipped are told one by one, the nearest; the others are told reason by reason."""
_Rows = NDArray[np.int64]
PassedOver = tuple[list[tuple[str, str]], _Rows, Mapping[str, tuple[str, ...]]]
_ABLE_KINDS: Final = words.KINDS[-2:]


class Telling:
    """What is to be told of candidates.

    Args:
        found: the forces against a case.
        best: the row among them of who got it; None when nobody did.
        named_by: who named that one; empty where the rule chose.
    """

    def __init__(self, found: Candidates, best: int | None = None, *, named_by: str = "") -> None:
        self._found, self._best, self._named_by = found, best, named_by
        self._site, self._case = found.site, found.case

    def passed_over(self) -> PassedOver:
        """Return the nearest 50 of those passed over with their reasons, their rows, and the others by reason."""
        rows = self._in_order()
        near = rows[:MOST_TOLD]
        codes = self._site.roll.codes
        looked_at = self._looked_at(near).tolist()
        told = [(codes[row], self._reason(row, at)) for row, at in zip(near.tolist(), looked_at, strict=True)]
        return told, near, self._grouped(rows[MOST_TOLD:])

    def distances(self, rows: Sequence[int]) -> list[float]:
        """Return exact geodesic distances of forces to the case, metres."""
        places = self._found.everybody.place[np.asarray(rows, np.int64)]
        return distances_m(LonLat(*self._case.lonlat), places).tolist() if len(places) else []

    def praise(self, *, together: int = 1) -> str:
        """Return why the chosen one was chosen."""
        found, best = self._found, self._chosen
        among = int((found.able & (found.ring == found.ring[best])).sum())
        return words.chosen(
            found.roll.forces[best],
            among=among,
            grid=self._case.grid,
            reported=bool(found.known[best]),
            together=together,
            breaks_off=bool(found.breaks_off[best]),
        )

    def fault(self, row: int) -> str | None:
        """Return why a force may not take the case, None if it may."""
        return self._fault(row, int(self._looked_at(np.array([row]))[0]))

    def _fault(self, row: int, at: int) -> str | None:
        found, force = self._found, self._site.roll.forces[row]
        if at < 0 or found.ring[at] < 0:
            return words.not_next(force.grid, self._case.grid)
        return None if found.able[at] else self._unable(at, force)

    def _unable(self, at: int, force: Force) -> str:
        found = self._found
        if not found.roll.carries[at]:
            return words.NO_TERMINAL
        if not found.switched_on[at]:
            return words.not_on(force.grid)
        if not found.at_work[at]:
            return words.STANDBY if found.duty.standby[at] else words.OFF_DUTY
        if not found.fits[at]:
            unfit = words.unfit(force, found.question.category, self._case, sides=found.duty.sides(at))
            if unfit is not None:
                return unfit
        return self._unready(at, force)

    def _unready(self, at: int, force: Force) -> str:
        found, policy = self._found, self._found.policy
        terminal = found.roll.codes[at]
        if terminal in found.question.declined:
            return words.DECLINED
        if terminal in found.question.unanswered:
            return words.UNANSWERED
        if found.full[at]:
            return words.full(min(policy.max_open_cases, policy.offered_up_to))
        if found.dropped[at]:
            return words.dropped(found.age_s[at])
        return words.resting(policy.rest_s) if found.resting[at] else words.held_back(force.grid)

    def _reason(self, row: int, at: int) -> str:
        """Return why a force did not get the case."""
        fault = self._fault(row, at)
        if fault is not None:
            return fault
        if self._named_by:
            return words.another_named(self._named_by)
        return words.TOGETHER if self._best is None else self._beaten(at)

    def _beaten(self, at: int) -> str:
        """Return why a force that might have got the case, and is nearer than the chosen one, did not."""
        found, best = self._found, self._chosen
        force, chosen = found.roll.forces[at], found.roll.forces[best]
        if found.ring[at] < OWN <= found.ring[best]:
            return words.lent_away(chosen.grid, found.gain_s)
        if found.ring[at] > found.ring[best]:
            # It is whoever stands nearest, and still not worth crossing a border or a stage for.
            return words.goes_before(force, chosen)
        if found.stale[at] and not found.stale[best]:
            return words.old_position(found.age_s[at])
        # What was not looked up along the streets is at least so much later.
        return words.later(found.least_there_s(at) - self._there_s, int(found.held[at]))

    @cached_property
    def _there_s(self) -> float:
        return self._found.there_s(self._chosen)

    @property
    def _chosen(self) -> int:
        if self._best is None:
            raise AssertionError(self._case.number)
        return self._best

    def _in_order(self) -> _Rows:
        """Return who is nearer than the chosen one, or everybody who was looked at: by straight line, then by code."""
        found = self._found
        if self._best is None:
            at = np.flatnonzero(found.ring >= 0)
            return self._sorted(found.in_all(at), found.metres[at], found.known[at])[0]
        at = np.flatnonzero(found.metres <= found.metres[self._best])
        beyond, beyond_m = found.beyond(self._best)
        rows, metres, known = found.in_all(at), found.metres[at], found.known[at]
        if len(beyond):
            heard = ~np.isnan(found.everybody.at_s[beyond])
            rows, metres = np.concatenate([rows, beyond]), np.concatenate([metres, beyond_m])
            known = np.concatenate([known, heard])
        ordered, _ = self._sorted(rows, metres, known)
        chosen = int(found.in_all(np.array([self._best]))[0])
        return ordered[: int(np.flatnonzero(ordered == chosen)[0])]

    def _sorted(self, rows: _Rows, metres: NDArray[np.float64], known: NDArray[np.bool_]) -> tuple[_Rows, _Rows]:
        """Return rows by straight line, then those with a position, then by code; and how they were put in order."""
        order = np.lexsort((self._site.roll.rank[rows], ~known, metres))
        return np.asarray(rows[order]), order

    def _grouped(self, rows: _Rows) -> dict[str, tuple[str, ...]]:
        """Return the codes of forces by the reason against them, those of one kind under one reason."""
        if not len(rows):
            return {}
        codes, grouped = self._site.roll.codes, dict[str, list[str]]()
        for row, kind in zip(rows.tolist(), self._kinds(rows), strict=True):
            reason = words.KINDS[kind]
            if self._named_by and reason in _ABLE_KINDS:
                reason = words.another_named(self._named_by)
            grouped.setdefault(reason, []).append(codes[row])
        return {reason: tuple(listed) for reason, listed in grouped.items()}

    def _kinds(self, rows: _Rows) -> Iterable[int]:
        """Return the number in `words.KINDS` of the first thing that speaks against each force."""
        found = self._found
        at = self._looked_at(rows)
        if (at < 0).all():
            return [0] * len(rows)
        best = self._best
        checks = [
            (at < 0) | (found.ring[at] < 0),
            ~found.roll.carries[at],
            ~found.switched_on[at],
            ~found.at_work[at],
            ~found.fits[at],
            found.refused[at],
            found.full[at],
            found.dropped[at],
            found.resting[at],
            found.held_back[at],
            np.zeros(len(at), bool) if best is None else found.ring[at] > found.ring[best],
        ]
        kinds: list[int] = np.select(checks, list(range(len(checks))), default=len(checks)).astype(np.int64).tolist()
        return kinds

    def _looked_at(self, rows: _Rows) -> _Rows:
        """Return the rows among those that were looked at of rows in the whole roll; -1 for who was not."""
        near = self._found.near
        return rows if near is None else np.where(near.inside[rows], np.searchsorted(near.rows, rows), -1)
