"""Occupancies: things that keep a place on the ground, and for how long, measured in frame time.

An occupancy is a place with its covariance, a family of classes and a look; it is tied to no track id and no cell. Track
ids and looks are evidence only: of a thing that left, or of another that came. Owns the clocks; which of them
matter is for the rules of scenes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.appearance import Appearance, blended, unlikeness
from pipeline.footprints import footprint
from pipeline.geometry import covered, overlap
from pipeline.observations import Box, Cov, Observation
from pipeline.trails import Trails

_NEVER: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class OccupancySettings:
    """What counts as keeping a place.

    Attributes:
        least_overlap: a box at the place overlaps the thing's own by this much (IoU).
        settle_s, settle_frames: a thing is settled, and seen again after a gap, once seen for this long and so often.
        grace_s: a place seen empty for so long is empty.
        unsettled_grace_s: the same for a thing that has not settled.
        gap_s: unseen for longer than this counts as unseen and needs settling again.
        most_step_s: frames farther apart than this say nothing about the time between.
        replaced_s: another thing at the place for so long has replaced it.
        unlike: looks farther apart than this belong to two things; `unlike_after_gap` when it was not watched.
        decorrelation_s: errors of frames nearer than this are the same error.
        most_effective: the position's spread is never divided by more than this.
        hidden_share: a place is hidden when nearer boxes cover so much of it.
        longest_unseen_s: what was not seen for so long is forgotten.
        most: occupancies a camera remembers.
    """

    least_overlap: float = 0.5
    settle_s: float = 1.0
    settle_frames: int = 3
    grace_s: float = 5.0
    unsettled_grace_s: float = 1.0
    gap_s: float = 2.0
    most_step_s: float = 1.0
    replaced_s: float = 1.0
    unlike: float = 0.5
    unlike_after_gap: float = 0.4
    decorrelation_s: float = 2.0
    most_effective: float = 20.0
    hidden_share: float = 0.3
    longest_unseen_s: float = 4 * 3600.0
    most: int = 500


class Ended(StrEnum):
    """Why an occupancy is no more."""

    EMPTY = "empty"
    MOVED = "moved"
    REPLACED = "replaced"
    FORGOTTEN = "forgotten"


@dataclass(slots=True, kw_only=True)
class Occupancy:
    """One thing at one place. Times are seconds since 1970 in frame time.

    Attributes:
        votes: summed confidence by class name.
        first_m: where it settled, metres on the view's plane; (east_m, north_m) is the mean since.
        cov_m2: mean covariance of one frame's measurement; divided by `effective` it is the position's.
        unseen_s: time in which it was not seen, though before and after.
        again: frames in which it was seen since the last gap, and since when.
        empty_s, displaced_s: for how long its place has been seen empty, or holding another thing.
        fired: codes of scenes that have fired for it.
        alone_since: since when nobody stood near it; None while someone does.
    """

    first_seen: float
    last_seen: float
    family: str
    votes: dict[str, float]
    confidence: float
    box_px: Box
    first_m: tuple[float, float]
    east_m: float
    north_m: float
    cov_m2: Cov
    calibration_cov_m2: Cov
    look: Appearance | None
    track: int | None = None
    frames: int = 1
    effective: float = 1.0
    unseen_s: float = 0.0
    again: int = 1
    again_since: float = 0.0
    empty_s: float = 0.0
    displaced_s: float = 0.0
    fired: set[str] = field(default_factory=set)
    alone_since: float | None = None
    seen_now: bool = True

    @property
    def dwell_s(self) -> float:
        """Return how long it has kept its place, up to when it was last seen."""
        return self.last_seen - self.first_seen

    @property
    def class_name(self) -> str:
        """Return the class that most confidence speaks for."""
        return max(sorted(self.votes), key=lambda name: self.votes[name])

    @property
    def measurement_cov_m2(self) -> Cov:
        """Return the covariance of its place that the calibration does not explain."""
        ee, en, nn = (value / self.effective for value in self.cov_m2)
        return ee, en, nn

    def share_of(self, classes: Iterable[str]) -> float:
        """Return which share of the confidence speaks for these classes."""
        return sum(self.votes.get(name, 0.0) for name in classes) / max(sum(self.votes.values()), 1e-9)

    def settled(self, settings: OccupancySettings) -> bool:
        """Tell whether it was seen long enough, also since the last gap, to be a thing that stands."""
        seen_s = self.last_seen - self.again_since
        return self.again >= settings.settle_frames and seen_s >= settings.settle_s


class Occupancies:
    """All occupancies of one camera, fed with its frames in order of time."""

    def __init__(self, settings: OccupancySettings | None = None) -> None:
        self.settings = settings or OccupancySettings()
        self.all: list[Occupancy] = []
        self.ended: dict[Ended, int] = dict.fromkeys(Ended, 0)
        self._newest: float | None = None
        self._trails = Trails()

    def update(self, observations: Sequence[Observation], *, at: float, opens_from: float = 0.3) -> list[Occupancy]:
        """Take in one frame and return the occupancies that it shows.

        Args:
            observations: all boxes, faint ones too.
            at: frame time in seconds since 1970, later than the frame before.
            opens_from: a fainter box holds an occupancy but opens none.
        """
        step_s = 0.0 if self._newest is None else min(at - self._newest, self.settings.most_step_s)
        self._newest = at
        self._trails.update(observations, at=at)
        owners = self._owners(observations, at)
        taken = set(owners.values())
        for each in self.all:
            each.seen_now = False
        for row, index in owners.items():
            self._see(self.all[row], observations[index], at)
        self._judge_unseen(observations, owners, step_s, at=at)
        for index, seen in enumerate(observations):
            if index not in taken and seen.confidence >= opens_from:
                self.all.append(_opened(seen, at))
        self._bound()
        return [each for each in self.all if each.seen_now]

    def _owners(self, observations: Sequence[Observation], at: float) -> dict[int, int]:
        """Return which observation (by index) holds which occupancy (by row) in this frame."""
        if not self.all or not observations:
            return {}
        cost = np.full((len(self.all), len(observations)), _NEVER)
        shared = overlap([each.box_px for each in self.all], [seen.box_px for seen in observations])
        near = shared >= min(self.settings.least_overlap, 0.3)
        for row, index in zip(*(axis.tolist() for axis in np.nonzero(near)), strict=True):
            cost[row, index] = self._cost(self.all[row], observations[index], float(shared[row, index]), at)
        rows, columns = linear_sum_assignment(cost)
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return {row: column for row, column in pairs if cost[row, column] < _NEVER}

    def _cost(self, held: Occupancy, seen: Observation, shared: float, at: float) -> float:
        """Return how badly an observation fits an occupancy, `_NEVER` if it is another thing."""
        settings = self.settings
        if held.family != seen.family or shared < settings.least_overlap:
            return _NEVER
        spread_m = 2.0 * float(np.sqrt(max(seen.measurement_cov_m2[0], seen.measurement_cov_m2[2])))
        place_m = footprint(seen.class_name).place_m
        reach_m = place_m + min(spread_m, 2.0 * place_m)
        if np.hypot(seen.east_m - held.first_m[0], seen.north_m - held.first_m[1]) > reach_m:
            return _NEVER
        watched = at - held.last_seen <= settings.gap_s
        unlike = unlikeness(held.look, seen.look)
        if unlike > (settings.unlike if watched else settings.unlike_after_gap):
            return _NEVER
        if self._came_from_elsewhere(held, seen, unlike):
            return _NEVER
        return 1.0 - shared + unlike + (0.0 if seen.track is not None and seen.track == held.track else 0.2)

    def _came_from_elsewhere(self, held: Occupancy, seen: Observation, unlike: float) -> bool:
        """Tell whether the seen thing's own trail shows that it stood elsewhere while this place was held.

        Trackers swap ids where things pass, so a trail says nothing of a place that was seen without a break, and a
        close look outweighs it after a thing was hidden.
        """
        if seen.track is None or seen.track == held.track or not held.empty_s + held.displaced_s > 0.0:
            return False
        return self._trails.was_elsewhere(seen.track, held.box_px, since=held.first_seen) and unlike > 0.0

    def _see(self, held: Occupancy, seen: Observation, at: float) -> None:
        settings = self.settings
        gap_s = at - held.last_seen
        if gap_s > settings.gap_s:
            held.unseen_s += gap_s
            held.again, held.again_since = 0, at
        held.again += 1
        held.frames += 1
        held.effective = min(held.effective + min(gap_s / settings.decorrelation_s, 1.0), settings.most_effective)
        share = 1.0 / min(held.frames, 50)
        held.east_m += share * (seen.east_m - held.east_m)
        held.north_m += share * (seen.north_m - held.north_m)
        held.cov_m2 = _mixed(held.cov_m2, seen.measurement_cov_m2, share)
        held.calibration_cov_m2 = seen.calibration_cov_m2
        held.confidence += share * (seen.confidence - held.confidence)
        held.box_px = _mixed_box(held.box_px, seen.box_px, share)
        held.look = blended(held.look, seen.look, 0.05 if held.frames > settings.settle_frames else 0.3)
        held.votes[seen.class_name] = held.votes.get(seen.class_name, 0.0) + seen.confidence
        if held.frames <= settings.settle_frames:
            held.first_m = held.east_m, held.north_m
        held.track = seen.track if seen.track is not None else held.track
        held.last_seen, held.seen_now = at, True
        held.empty_s = held.displaced_s = 0.0

    def _judge_unseen(
        self, observations: Sequence[Observation], owners: Mapping[int, int], step_s: float, *, at: float
    ) -> None:
        """Let time run against the occupancies that this frame does not show; end those that are over."""
        kept = []
        for row, each in enumerate(self.all):
            ended = None if row in owners else self._verdict(each, observations, step_s, at)
            if ended is None:
                kept.append(each)
            else:
                self.ended[ended] += 1
        self.all = kept

    def _verdict(self, held: Occupancy, observations: Sequence[Observation], step_s: float, at: float) -> Ended | None:
        settings = self.settings
        if at - held.last_seen > settings.longest_unseen_s:
            return Ended.FORGOTTEN
        if self._departed(held, observations):
            return Ended.MOVED
        standing = [seen for seen in observations if self._displaces(held, seen)]
        held.displaced_s = held.displaced_s + step_s if standing else 0.0
        if held.displaced_s >= settings.replaced_s:
            return Ended.REPLACED
        settled = held.frames >= settings.settle_frames and held.dwell_s >= settings.settle_s
        if settled and self._hidden(held, observations):
            return None
        held.empty_s += step_s
        return Ended.EMPTY if held.empty_s >= (settings.grace_s if settled else settings.unsettled_grace_s) else None

    def _departed(self, held: Occupancy, observations: Sequence[Observation]) -> bool:
        """Tell whether the track that held the place is seen clear of it, in two frames and with its own look."""
        gone = next((seen for seen in observations if seen.track is not None and seen.track == held.track), None)
        if gone is None or unlikeness(held.look, gone.look) > self.settings.unlike:
            return False
        return self._trails.clear_of(gone.track, held.box_px, frames=2)

    def _displaces(self, held: Occupancy, seen: Observation) -> bool:
        """Tell whether a thing of the family, but another one, stands at the place."""
        if seen.family != held.family or seen.look is None or held.look is None:
            return False
        shared = float(overlap([held.box_px], [seen.box_px])[0, 0])
        return shared >= self.settings.least_overlap and unlikeness(held.look, seen.look) > self.settings.unlike_after_gap

    def _hidden(self, held: Occupancy, observations: Sequence[Observation]) -> bool:
        """Tell whether boxes whose foot is nearer to the camera cover the place."""
        height = held.box_px[3] - held.box_px[1]
        nearer = [seen.box_px for seen in observations if seen.box_px[3] > held.box_px[3] - 0.1 * height]
        return covered(held.box_px, nearer) >= self.settings.hidden_share

    def _bound(self) -> None:
        """Drop what is over the limit: first things that never settled, then those seen longest ago."""
        excess = len(self.all) - self.settings.most
        if excess > 0:
            ranked = sorted(self.all, key=lambda each: (each.frames >= self.settings.settle_frames, each.last_seen))
            dropped = {id(each) for each in ranked[:excess]}
            self.all = [each for each in self.all if id(each) not in dropped]
            self.ended[Ended.FORGOTTEN] += excess


def _opened(seen: Observation, at: float) -> Occupancy:
    return Occupancy(
        first_seen=at,
        last_seen=at,
        family=seen.family,
        votes={seen.class_name: seen.confidence},
        confidence=seen.confidence,
        box_px=seen.box_px,
        first_m=(seen.east_m, seen.north_m),
        east_m=seen.east_m,
        north_m=seen.north_m,
        cov_m2=seen.measurement_cov_m2,
        calibration_cov_m2=seen.calibration_cov_m2,
        look=seen.look,
        track=seen.track,
        again_since=at,
    )


def _mixed(old: Cov, new: Cov, share: float) -> Cov:
    return tuple((1 - share) * a + share * b for a, b in zip(old, new, strict=True))  # type: ignore[return-value]  # three in, three out


def _mixed_box(old: Box, new: Box, share: float) -> Box:
    return tuple((1 - share) * a + share * b for a, b in zip(old, new, strict=True))  # type: ignore[return-value]  # four in, four out
