"""Visits: who is inside a zone, and for how long. Each visitor has a clock; a lost visitor's clock waits a moment.

A visitor is followed by the tracker's id, and where that breaks, by place: someone who turns up where a visitor was
lost goes on with its clock. Coming out is believed once it is clear of the zone's edge and lasts, so that walking along
the edge does not begin a visit with every step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.episodes import Clock, Patience
from pipeline.footprints import footprint
from pipeline.observations import Observation

MOST_VISITS = 200
_STEP_ASIDE_M = 1.0  # jitter of two places of one thing
_NEVER = 1e6


@dataclass(slots=True, kw_only=True)
class Visit:
    """One visitor's stay.

    Attributes:
        clock: holds while it is inside.
        where_m: where it was last seen, metres on the view's plane, and when: `seen`.
        frames: how many frames it was seen inside in; `confidence` is the mean over these.
    """

    clock: Clock
    first_m: tuple[float, float]
    where_m: tuple[float, float]
    seen: float
    track: int | None
    frames: int = 1
    confidence: float = 0.0
    newest: Observation | None = field(default=None, repr=False)

    def record(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {
            "clock": self.clock.record(),
            "first_m": [*self.first_m],
            "where_m": [*self.where_m],
            "seen": self.seen,
            "frames": self.frames,
            "confidence": round(self.confidence, 4),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> "Visit":
        """Return what `record` wrote; the tracker's id means nothing in another run."""
        clock, first, where = record["clock"], record["first_m"], record["where_m"]
        if not (isinstance(clock, Mapping) and isinstance(first, Sequence) and isinstance(where, Sequence)):
            raise TypeError(record)
        return cls(
            clock=Clock.from_record(clock),
            first_m=(float(first[0]), float(first[1])),
            where_m=(float(where[0]), float(where[1])),
            seen=float(str(record["seen"])),
            track=None,
            frames=int(str(record["frames"])),
            confidence=float(str(record["confidence"])),
        )


class Visits:
    """The visits of one zone at one camera."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.all: list[Visit] = []

    def update(
        self,
        observations: Sequence[Observation],
        inside: Sequence[bool],
        clear: Sequence[bool],
        *,
        at: float,
        step_s: float,
        opens_from: float = 0.0,
    ) -> list[Visit]:
        """Take in one frame and return the visits of those who are inside in it.

        Args:
            observations: things of the scene's classes, inside and outside.
            inside: for each, whether its contact lies in the zone.
            clear: for each, whether it lies clear of the zone's edge, outside.
            at: frame time in seconds.
            step_s: time since the frame before that this frame can speak for.
            opens_from: a fainter box goes on with a visit but begins none.
        """
        self.all = [visit for visit in self.all if not visit.clock.over(at, self.patience)]
        owners = self._owners(observations, at)
        for row, visit in enumerate(self.all):
            index = owners.get(row)
            visit.newest = None
            if index is None:
                visit.clock.fails(step_s)
            else:
                _move(visit, observations[index], inside=inside[index], clear=clear[index], at=at, step_s=step_s)
        self.all = [visit for visit in self.all if not visit.clock.over(at, self.patience)]
        taken = set(owners.values())
        begun = [
            _begun(seen, at)
            for i, seen in enumerate(observations)
            if inside[i] and i not in taken and seen.confidence >= opens_from
        ]
        self.all = (self.all + begun)[:MOST_VISITS]
        return [visit for visit in self.all if visit.newest is not None]

    def _owners(self, observations: Sequence[Observation], at: float) -> dict[int, int]:
        """Return which observation (by index) goes on with which visit (by row): by track first, then by place."""
        by_track = {seen.track: i for i, seen in enumerate(observations) if seen.track is not None}
        owners = {row: by_track[visit.track] for row, visit in enumerate(self.all) if visit.track in by_track}
        free_rows = [row for row in range(len(self.all)) if row not in owners]
        known = {visit.track for visit in self.all}
        free = [i for i, seen in enumerate(observations) if seen.track is None or seen.track not in known]
        if not free_rows or not free:
            return owners
        cost = np.array([[_distance(self.all[row], observations[i], at) for i in free] for row in free_rows])
        for a, b in zip(*(axis.tolist() for axis in linear_sum_assignment(cost)), strict=True):
            if cost[a, b] < _NEVER:
                owners[free_rows[a]] = free[b]
        return owners


def _distance(visit: Visit, seen: Observation, at: float) -> float:
    """Return the metres from where a visitor was lost, `_NEVER` if it cannot have come so far."""
    away_m = float(np.hypot(seen.east_m - visit.where_m[0], seen.north_m - visit.where_m[1]))
    spread_m = 2.0 * float(max(seen.measurement_cov_m2[0], seen.measurement_cov_m2[2])) ** 0.5
    reach_m = _STEP_ASIDE_M + min(spread_m, 2.0) + footprint(seen.class_name).speed_mps * (at - visit.seen)
    return away_m if away_m <= reach_m else _NEVER


def _move(visit: Visit, seen: Observation, *, inside: bool, clear: bool, at: float, step_s: float) -> None:
    visit.where_m, visit.seen = (seen.east_m, seen.north_m), at
    visit.track = seen.track if seen.track is not None else visit.track
    if inside:
        visit.clock.holds(at)
        visit.frames += 1
        visit.confidence += (seen.confidence - visit.confidence) / visit.frames
        visit.newest = seen
    elif clear:
        visit.clock.fails(step_s)
    else:
        visit.clock.last = at  # at the edge: neither in nor out


def _begun(seen: Observation, at: float) -> Visit:
    place = seen.east_m, seen.north_m
    clock = Clock(since=at, last=at)
    return Visit(
        clock=clock, first_m=place, where_m=place, seen=at, track=seen.track, confidence=seen.confidence, newest=seen
    )
