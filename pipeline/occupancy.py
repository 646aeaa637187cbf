"""An occupancy: one thing that keeps one place on the ground, as a value with its clocks. `occupancies` moves them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.appearance import Appearance, blended
from pipeline.observations import Box, Cov, Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class OccupancySettings:
    """What counts as keeping a place.

    Attributes:
        least_overlap: a box at the place overlaps the thing's own by this much (IoU).
        settle_s, settle_frames: a thing is settled, and seen again after a gap, once seen for this long and so often.
        grace_s: a place seen empty for so long is empty.
        unsettled_grace_s: the same for a thing that has not settled.
        gap_s: unseen for longer than this, and than three frames, counts as unseen and needs settling again.
        most_step_s: frames farther apart than this say nothing about the time between.
        vacant_s: a place seen empty for so long is held only by a thing that did not come from elsewhere.
        replaced_s: another thing at the place for so long has replaced it.
        unlike: looks farther apart than this belong to two things; `unlike_after_gap` when it was not watched.
        decorrelation_s: errors of frames nearer than this are the same error.
        most_averaged: the mean follows at least this slowly; look_share: the look at least this fast.
        most_effective: the position's spread is never divided by more than this.
        hidden_share: a place is hidden when nearer boxes cover so much of it.
        longest_hidden_s: what was hidden for so long is forgotten.
        longest_unseen_s: what was not seen for so long, the camera's outages included, is forgotten.
        most: occupancies a camera remembers.
    """

    least_overlap: float = 0.5
    settle_s: float = 1.0
    settle_frames: int = 3
    grace_s: float = 5.0
    unsettled_grace_s: float = 1.0
    gap_s: float = 2.0
    most_step_s: float = 1.0
    vacant_s: float = 1.0
    replaced_s: float = 1.0
    unlike: float = 0.5
    unlike_after_gap: float = 0.4
    decorrelation_s: float = 2.0
    most_averaged: int = 50
    look_share: float = 0.05
    most_effective: float = 20.0
    hidden_share: float = 0.3
    longest_hidden_s: float = 1800.0
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
        empty_s, displaced_s, hidden_s: for how long its place has been seen empty, holding another thing, or hidden.
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
    last_confidence: float
    best_confidence: float
    track: int | None = None
    frames: int = 1
    effective: float = 1.0
    unseen_s: float = 0.0
    again: int = 1
    again_since: float = 0.0
    empty_s: float = 0.0
    displaced_s: float = 0.0
    hidden_s: float = 0.0
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

    def stood(self, settings: OccupancySettings) -> bool:
        """Tell whether it was ever seen long enough to be a thing that stands."""
        return self.frames >= settings.settle_frames and self.dwell_s >= settings.settle_s

    def see(self, seen: Observation, *, at: float, gap_s: float, settings: OccupancySettings) -> None:
        """Take in that it was seen again; unseen for longer than `gap_s` counts as unseen."""
        passed_s = at - self.last_seen
        if passed_s > gap_s:
            self.unseen_s += passed_s
            self.again, self.again_since = 0, at
        self.again += 1
        self.frames += 1
        self.effective = min(self.effective + min(passed_s / settings.decorrelation_s, 1.0), settings.most_effective)
        self._average(seen, 1.0 / min(self.frames, settings.most_averaged), settings)
        self.votes[seen.class_name] = self.votes.get(seen.class_name, 0.0) + seen.confidence
        self.track = seen.track if seen.track is not None else self.track
        self.best_confidence = max(self.best_confidence, seen.confidence)
        self.last_seen, self.last_confidence, self.seen_now = at, seen.confidence, True
        self.empty_s = self.displaced_s = self.hidden_s = 0.0

    def _average(self, seen: Observation, share: float, settings: OccupancySettings) -> None:
        self.east_m += share * (seen.east_m - self.east_m)
        self.north_m += share * (seen.north_m - self.north_m)
        if self.frames <= settings.settle_frames:
            self.first_m = self.east_m, self.north_m
        self.cov_m2 = mixed_cov(self.cov_m2, seen.measurement_cov_m2, share)
        self.calibration_cov_m2 = seen.calibration_cov_m2
        self.confidence += share * (seen.confidence - self.confidence)
        self.box_px = mixed_box(self.box_px, seen.box_px, share)
        self.look = blended(self.look, seen.look, max(share, settings.look_share))


def opened(seen: Observation, *, at: float) -> Occupancy:
    """Return the occupancy that a box of this frame begins."""
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
        last_confidence=seen.confidence,
        best_confidence=seen.confidence,
        track=seen.track,
        again_since=at,
    )


def mixed_cov(old: Cov, new: Cov, share: float) -> Cov:
    """Return a covariance moved towards another."""
    keep = 1 - share
    return keep * old[0] + share * new[0], keep * old[1] + share * new[1], keep * old[2] + share * new[2]


def mixed_box(old: Box, new: Box, share: float) -> Box:
    """Return a box moved towards another."""
    left, top, right, bottom = ((1 - share) * a + share * b for a, b in zip(old, new, strict=True))
    return left, top, right, bottom
