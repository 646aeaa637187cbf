"""Occupancies: what keeps a place in a camera's view, and for how long, measured in frame time.

An occupancy is a place with its covariance, a family of classes and a look; it is tied to no track id and no cell.
Track ids and looks are evidence only: of a thing that left, or of another that came. Owns the clocks; which of them
matter is for the rules of scenes.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from models.boxes import intersections, iou
from pipeline.appearance import unlikeness
from pipeline.footprints import footprint
from pipeline.observations import Box, Observation
from pipeline.occupancy import Ended, Occupancy, OccupancySettings, opened
from pipeline.trails import Trails

_NEVER: Final = 1e6
_FEW_FRAMES: Final = 3.0
_NEARER: Final = 0.05  # of its height: a thing that hides another stands lower in the image
_LEAST_PART: Final = 0.1  # of a thing that is hidden in part
_LARGE_PART: Final = 0.3
_LEAST_HIDING: Final = 0.5  # of what is missing of it
_OTHER_TRACK: Final = 0.2  # cost of another track's id at the place
_ON_FIRE: Final = 0.3  # of overlap with a fire that stands


class Occupancies:
    """All occupancies of one camera, fed with its frames in order of time.

    Args:
        settings: what counts as keeping a place.
        period_s: the usual time between frames; it follows what is seen.
    """

    def __init__(self, settings: OccupancySettings | None = None, *, period_s: float = 0.2) -> None:
        self.settings = settings or OccupancySettings()
        self.all: list[Occupancy] = []
        self.ended: dict[Ended, int] = dict.fromkeys(Ended, 0)
        self.newest: float | None = None
        self.period_s = period_s
        self._trails = Trails()

    @property
    def gap_s(self) -> float:
        """Return from when on a thing that is not seen counts as unseen."""
        return max(self.settings.gap_s, _FEW_FRAMES * self.period_s)

    def update(
        self,
        observations: Sequence[Observation],
        *,
        at: float,
        opens_from: float = 0.3,
        hiders: Sequence[Observation] = (),
    ) -> list[Occupancy]:
        """Take in one frame and return the occupancies that it shows.

        Args:
            observations: the boxes that may keep a place, faint ones too.
            at: frame time in seconds since 1970, later than the frame before.
            opens_from: a fainter box holds an occupancy but opens none.
            hiders: boxes that only stand in the way.
        """
        step_s = self._step(at)
        self._trails.update(observations, at=at)
        owners = self._owners(observations, at)
        clear = [seen for seen in (*observations, *hiders) if seen.confidence >= opens_from]
        parts = self._parts(owners, observations, clear)
        burning = self._burning(observations)
        for row, each in enumerate(self.all):
            each.seen_now = False
            if row in owners:
                seen, burns = observations[owners[row]], owners[row] in burning
                each.see(seen, at=at, gap_s=self.gap_s, settings=self.settings, burns=burns)
            elif row in parts:
                seen = observations[parts[row]]
                each.see(seen, at=at, gap_s=self.gap_s, settings=self.settings, in_part=True)
        owners |= parts
        self._run_down(observations, clear, step_s=step_s, at=at)
        free = set(range(len(observations))) - set(owners.values()) - burning
        self.all += [opened(observations[i], at=at) for i in sorted(free) if observations[i].confidence >= opens_from]
        self._bound()
        return [each for each in self.all if each.seen_now]

    def _step(self, at: float) -> float:
        """Return the time since the frame before that this frame can speak for."""
        if self.newest is None:
            self.newest = at
            return 0.0
        passed_s = at - self.newest
        self.period_s += 0.1 * (min(passed_s, _FEW_FRAMES * self.period_s) - self.period_s)
        self.newest = at
        return min(passed_s, self.settings.most_step_s)

    def _owners(self, observations: Sequence[Observation], at: float) -> dict[int, int]:
        """Return which observation (by index) holds which occupancy (by row) in this frame."""
        if not self.all or not observations:
            return {}
        cost = np.full((len(self.all), len(observations)), _NEVER)
        shared = iou(_array([each.box_px for each in self.all]), _array([seen.box_px for seen in observations]))
        for row, index in np.argwhere(shared >= self.settings.least_overlap).tolist():
            if self._fits(self.all[row], observations[index], at, shared=float(shared[row, index])):
                cost[row, index] = self._cost(self.all[row], observations[index], float(shared[row, index]))
        rows, columns = linear_sum_assignment(cost)
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return {row: column for row, column in pairs if cost[row, column] < _NEVER}

    def _burning(self, observations: Sequence[Observation]) -> set[int]:
        """Return which observations show what burns: it is a fire and nothing new; a burning bin seems to overflow."""
        fires = [each.box_px for each in self.all if footprint(each.class_name).burns and each.stood(self.settings)]
        if not fires or not observations:
            return set()
        on_fire = iou(_array([seen.box_px for seen in observations]), _array(fires)).max(axis=1) >= _ON_FIRE
        return {index for index, seen in enumerate(observations) if on_fire[index] and _is_fuel(seen)}

    def _parts(
        self, owners: Mapping[int, int], observations: Sequence[Observation], clear: Sequence[Observation]
    ) -> dict[int, int]:
        """Return which other observations are what nearer things leave to see of what stands at a place."""
        free = sorted(set(range(len(observations))) - set(owners.values()))
        found: dict[int, int] = {}
        for row, held in enumerate(self.all):
            if row in owners or not free or not held.stood(self.settings):
                continue
            fitting = [i for i in free if self._is_part(held, observations[i], clear)]
            if fitting:
                found[row] = max(fitting, key=lambda i: _area(observations[i].box_px))
                free.remove(found[row])
        return found

    def _is_part(self, held: Occupancy, seen: Observation, clear: Sequence[Observation]) -> bool:
        """Tell whether a box lies in a thing's own, alike, the rest of which nearer things hide.

        The upper half of a bin behind a car may pass for a bag: of what cannot move by itself, and stood there, even a
        box of another family is such a part.
        """
        still = footprint(held.class_name).still
        if held.family != seen.family and not (still and footprint(seen.class_name).still):
            return False
        if unlikeness(held.look, seen.look) > self.settings.unlike:
            return False
        part, whole = _area(seen.box_px), _area(held.box_px)
        inside = float(intersections(_array([seen.box_px]), _array([held.box_px])).sum())
        if inside < self.settings.part_inside * part or part < _LEAST_PART * whole:
            return False
        if still and held.family == seen.family and part >= _LARGE_PART * whole:
            return True  # what cannot move by itself is still there where a large part of it is
        return self._hidden_share(held, clear) >= _LEAST_HIDING * (1.0 - part / whole)

    def _fits(self, held: Occupancy, seen: Observation, at: float, *, shared: float) -> bool:
        """Tell whether an observation may be the thing that holds a place: near it, alike, and not newly come.

        A thing that stood and still shows almost the same box is near: where it settled is known from few frames.
        """
        settings = self.settings
        if held.family != seen.family:
            return False
        stands = footprint(seen.class_name)
        spread_m = 2.0 * max(seen.measurement_cov_m2[0], seen.measurement_cov_m2[2]) ** 0.5
        away_m = np.hypot(seen.east_m - held.first_m[0], seen.north_m - held.first_m[1])
        if held.stood(settings) and shared >= settings.same_overlap:
            away_m = min(away_m, np.hypot(seen.east_m - held.east_m, seen.north_m - held.north_m))
        rooted = held.early is None and stands.still
        if not rooted and away_m > stands.place_m + min(spread_m, 2.0 * stands.place_m):
            return False
        watched = at - held.last_seen <= self.gap_s
        if not (watched or held.stood(settings) or stands.still):
            return False
        if unlikeness(held.look, seen.look) > (settings.unlike if watched else settings.unlike_after_gap):
            return False
        return held.empty_s < settings.vacant_s or not self._came(held, seen)

    def _came(self, held: Occupancy, seen: Observation) -> bool:
        """Tell whether the seen thing's own trail shows that it was elsewhere while this place was held.

        Trackers swap ids where things pass, so this is asked only after the place was seen vacant.
        """
        if seen.track is None or seen.track == held.track:
            return False
        return self._trails.was_elsewhere(seen.track, held.box_px, since=held.first_seen)

    def _cost(self, held: Occupancy, seen: Observation, shared: float) -> float:
        other = seen.track is None or seen.track != held.track
        return 1.0 - shared + unlikeness(held.look, seen.look) + _OTHER_TRACK * other

    def _run_down(
        self, observations: Sequence[Observation], clear: Sequence[Observation], *, step_s: float, at: float
    ) -> None:
        """Let time run against the occupancies that this frame does not show; end those that are over."""
        kept = []
        for each in self.all:
            ended = None if each.seen_now else self._verdict(each, observations, clear, step_s=step_s, at=at)
            if ended is None:
                kept.append(each)
            else:
                self.ended[ended] += 1
        self.all = kept

    def _verdict(
        self,
        held: Occupancy,
        observations: Sequence[Observation],
        clear: Sequence[Observation],
        *,
        step_s: float,
        at: float,
    ) -> Ended | None:
        settings = self.settings
        if at - held.last_seen > settings.longest_unseen_s or held.hidden_s > settings.longest_hidden_s:
            return Ended.FORGOTTEN
        if self._departed(held, observations):
            return Ended.MOVED
        held.displaced_s = held.displaced_s + step_s if self._displaced(held, observations) else 0.0
        if held.displaced_s >= settings.replaced_s:
            return Ended.REPLACED
        if held.stood(settings) and self._hidden(held, clear):
            held.hidden_s += step_s
            return None
        held.empty_s += step_s
        held.misses += 1
        return Ended.EMPTY if held.is_gone(settings) else None

    def _departed(self, held: Occupancy, observations: Sequence[Observation]) -> bool:
        """Tell whether the track that held the place is seen clear of it, still with the thing's look."""
        for seen in observations:
            if seen.track is not None and seen.track == held.track:
                alike = unlikeness(held.look, seen.look) <= self.settings.unlike_after_gap
                return alike and self._trails.clear_of(seen.track, held.box_px) and not self._stays(held, observations)
        return False

    def _stays(self, held: Occupancy, observations: Sequence[Observation]) -> bool:
        """Tell whether something alike that was nowhere else is still at the place: then the tracker's id hopped."""
        return any(
            seen.family == held.family
            and seen.track != held.track
            and unlikeness(held.look, seen.look) <= self.settings.unlike_after_gap
            and float(intersections(_array([seen.box_px]), _array([held.box_px])).sum())
            >= self.settings.part_inside * _area(seen.box_px)
            and not (seen.track is not None and self._trails.was_elsewhere(seen.track, held.box_px, since=0.0))
            for seen in observations
        )

    def _displaced(self, held: Occupancy, observations: Sequence[Observation]) -> bool:
        """Tell whether another thing of the family stands at the place."""
        return any(
            seen.family == held.family
            and _overlap(held.box_px, seen.box_px) >= self.settings.least_overlap
            and unlikeness(held.look, seen.look) > self.settings.unlike_after_gap
            for seen in observations
        )

    def _hidden(self, held: Occupancy, observations: Sequence[Observation]) -> bool:
        """Tell whether boxes of things nearer to the camera cover much of the place."""
        return self._hidden_share(held, observations) >= self.settings.hidden_share

    def _hidden_share(self, held: Occupancy, observations: Sequence[Observation]) -> float:
        """Return how much of a place boxes of things nearer to the camera cover; overlaps count twice."""
        _, top, _, bottom = held.box_px
        nearer = [
            seen.box_px
            for seen in observations
            if seen.box_px[3] > bottom + _NEARER * (bottom - top) and not _same_place(held, seen)
        ]
        if not nearer:
            return 0.0
        return float(intersections(_array([held.box_px]), _array(nearer)).sum()) / _area(held.box_px)

    def _bound(self) -> None:
        """Drop what is over the limit: first things that never stood, then those seen longest ago."""
        excess = len(self.all) - self.settings.most
        if excess > 0:
            ranked = sorted(self.all, key=lambda each: (each.stood(self.settings), each.last_seen))
            dropped = {id(each) for each in ranked[:excess]}
            self.all = [each for each in self.all if id(each) not in dropped]
            self.ended[Ended.FORGOTTEN] += excess


def _same_place(held: Occupancy, seen: Observation) -> bool:
    away_m = float(np.hypot(seen.east_m - held.east_m, seen.north_m - held.north_m))
    return seen.family == held.family and away_m < footprint(seen.class_name).place_m


def _is_fuel(seen: Observation) -> bool:
    """Tell whether a box shows a still thing other than fire itself."""
    stands = footprint(seen.class_name)
    return stands.still and not stands.burns


def _area(box_px: Box) -> float:
    return max((box_px[2] - box_px[0]) * (box_px[3] - box_px[1]), 1.0)


def _overlap(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes, without arrays: asked of every pair of a frame."""
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0.0 or down <= 0.0:
        return 0.0
    shared = across * down
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def _array(boxes: Sequence[Box]) -> NDArray[np.float64]:
    return np.array(boxes, np.float64).reshape(-1, 4)
