"""An occupancy: one thing that keeps one place on the ground, as a value with its clocks. `occupancies` moves them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from models.boxes import iou
from pipeline.appearance import Appearance, blended
from pipeline.footprints import footprint
from pipeline.observations import Box, Cov, Observation

_MOST_EARLY: Final = 200
_MOST_NAMES: Final = 8
_SAID_EVERY_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class OccupancySettings:
    """What counts as keeping a place.

    Attributes:
        least_overlap: a box at the place overlaps the thing's own by this much (IoU).
        same_overlap: a box that overlaps by this much shows a thing that stands where it stood.
        settle_s, settle_frames: a thing is settled, and seen again after a gap, once seen for this long and so often.
        grace_s: a place seen empty for so long is empty.
        unsettled_grace_s: the same for a thing that has not settled.
        by_chance: and no sooner than a thing found as often as this one is missed so often with this chance.
        most_grace_s: but after so long.
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
        rest_after_s: after so long a thing counts from when its box came to overlap by `at_rest` what it became.
        part_inside: a box that lies in the thing's own by this much may be what nearer things leave of it to see.
        votes_half_s: what was said of its class so long ago counts half, and so long it takes to change one's mind.
        most: occupancies a camera remembers.
    """

    least_overlap: float = 0.5
    same_overlap: float = 0.75
    settle_s: float = 1.0
    settle_frames: int = 3
    grace_s: float = 5.0
    unsettled_grace_s: float = 2.5
    by_chance: float = 0.001
    most_grace_s: float = 20.0
    gap_s: float = 2.0
    most_step_s: float = 1.0
    vacant_s: float = 1.0
    replaced_s: float = 3.0
    unlike: float = 0.5
    unlike_after_gap: float = 0.4
    decorrelation_s: float = 4.0
    most_averaged: int = 50
    look_share: float = 0.05
    most_effective: float = 2.0
    hidden_share: float = 0.3
    longest_hidden_s: float = 1800.0
    longest_unseen_s: float = 4 * 3600.0
    rest_after_s: float = 5.0
    at_rest: float = 0.7
    part_inside: float = 0.8
    votes_half_s: float = 10.0
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
        votes: summed confidence by class name; what is long ago counts less.
        known_as: since when it is taken for which class, newest last, the last few.
        said: what was said of its class lately, with time and confidence: by that it is told when it became another.
        first_m: where it settled, metres on the view's plane; (east_m, north_m) is the mean since.
        cov_m2: mean covariance of one frame's measurement; divided by `effective` it is the position's.
        unseen_s: time in which it was not seen, though before and after.
        again: frames in which it was seen since the last gap, and since when.
        empty_s, displaced_s, hidden_s: for how long its place has been seen empty, holding another thing, or hidden.
        hits, looks: frames that showed it, of frames that could have, the last one being a hit; see `votes`.
        misses: frames since that could have.
        fired: codes of scenes that have fired for it.
        early: its first boxes with their times, until it is known when it came to rest.
        alone_since: since when nobody stood near it; None while someone does, `attended_s` without a break.
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
    hits: float = 1.0
    looks: float = 1.0
    misses: int = 0
    fired: set[str] = field(default_factory=set)
    alone_since: float | None = None
    attended_s: float = 0.0
    seen_now: bool = True
    early: list[tuple[float, Box]] | None = None
    known_as: list[tuple[float, str]] = field(default_factory=list)
    said: list[tuple[float, str, float]] = field(default_factory=list)

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
        spoken = sum(self.votes.get(name, 0.0) for name in classes)
        return spoken / max(sum(self.votes.values()), 1e-9) if spoken else 0.0

    def dwell_as_s(self, classes: Iterable[str]) -> float:
        """Return how long it has kept its place as a thing of these classes: a bin is there before it overflows."""
        wanted = frozenset(classes)
        since = self.last_seen
        for began, name in reversed(self.known_as):
            if name not in wanted:
                break
            since = began
        return self.last_seen - max(since, self.first_seen)

    def settled(self, settings: OccupancySettings) -> bool:
        """Tell whether it was seen long enough, also since the last gap, to be a thing that stands.

        Of what does not move by itself it is enough that it is seen again: nothing alike takes its place by chance.
        """
        if footprint(self.class_name).still and self.stood(settings):
            return True
        seen_s = self.last_seen - self.again_since
        return self.again >= settings.settle_frames and seen_s >= settings.settle_s

    def stood(self, settings: OccupancySettings) -> bool:
        """Tell whether it was ever seen long enough to be a thing that stands."""
        return self.frames >= settings.settle_frames and self.dwell_s >= settings.settle_s

    def is_gone(self, settings: OccupancySettings) -> bool:
        """Tell whether its place was seen empty for so long, and so often, that it is there no more.

        A thing that is found in every second frame is missed ten times in a row once in a thousand: how often it was
        found says what a miss is worth (mean of a beta distribution that begins even).
        """
        if self.empty_s < (settings.grace_s if self.stood(settings) else settings.unsettled_grace_s):
            return False
        missed = 1.0 - self.hits / (self.looks + 1.0)
        return self.empty_s >= settings.most_grace_s or missed**self.misses <= settings.by_chance

    def see(
        self,
        seen: Observation,
        *,
        at: float,
        gap_s: float,
        settings: OccupancySettings,
        in_part: bool = False,
        burns: bool = False,
    ) -> None:
        """Take in that it was seen again; unseen for longer than `gap_s` counts as unseen.

        Args:
            seen: the box that holds the place.
            at: frame time in seconds.
            gap_s: see above.
            settings: see there.
            in_part: whether only part of it shows, which says nothing of its place and extent; of its class only in
                words of its own family.
            burns: whether a fire stands there, which makes it look like another class.
        """
        passed_s = at - self.last_seen
        if passed_s > gap_s:
            self.unseen_s += passed_s
            self.again, self.again_since = 0, at
        self.again += 1
        self.frames += 1
        self.effective = min(self.effective + min(passed_s / settings.decorrelation_s, 1.0), settings.most_effective)
        if not in_part:
            self._average(seen, 1.0 / min(self.frames, settings.most_averaged), settings)
            self._arrive(seen, at, settings)
        fades = 0.5 ** (min(passed_s, gap_s) / settings.votes_half_s)
        self.votes = {name: fades * sure for name, sure in self.votes.items()}
        self.hits, self.looks, self.misses = fades * self.hits + 1.0, fades * (self.looks + self.misses) + 1.0, 0
        if seen.family == self.family and not burns:
            self.votes[seen.class_name] = self.votes.get(seen.class_name, 0.0) + seen.confidence
            self._hear(seen, at, settings)
            self._name(at)
        self.track = seen.track if seen.track is not None else self.track
        self.best_confidence = max(self.best_confidence, seen.confidence)
        self.last_seen, self.last_confidence, self.seen_now = at, seen.confidence, True
        self.empty_s = self.displaced_s = self.hidden_s = 0.0

    def _hear(self, seen: Observation, at: float, settings: OccupancySettings) -> None:
        """Keep what is said of its class for as long as it takes to outvote what was said before, and as long again."""
        if not self.said or at - self.said[-1][0] >= _SAID_EVERY_S:
            self.said.append((at, seen.class_name, seen.confidence))
        while at - self.said[0][0] > 2 * settings.votes_half_s:
            del self.said[0]

    def _name(self, at: float) -> None:
        """Note since when it is taken for another class: since what was said of it changed, which is earlier than now.

        Of the moments since then and those before, the split is taken that leaves least confidence on its wrong side.
        """
        since, before = self.known_as[-1]
        name = self.class_name
        if name == before:
            return
        speaks = np.array([sure if said == name else -sure for _, said, sure in self.said])
        changed = self.said[int(np.argmax(np.cumsum(speaks[::-1])[::-1]))][0] if len(speaks) else at
        self.known_as.append((max(since, changed), name))
        del self.known_as[:-_MOST_NAMES]

    def _arrive(self, seen: Observation, at: float, settings: OccupancySettings) -> None:
        """Once it has stood for a while, count from when it came to rest: slow things fit before they stand."""
        if self.early is None:
            return
        self.early.append((at, seen.box_px))
        if self.dwell_s < settings.rest_after_s and len(self.early) < _MOST_EARLY:
            return
        later = [box for _, box in self.early[len(self.early) // 2 :]]
        rest = np.median(np.array(later), axis=0)[None]
        away = iou(np.array([box for _, box in self.early]), rest)[:, 0] < settings.at_rest
        moving = np.flatnonzero(away & np.concatenate([[True], away[:-1]]))
        if len(moving) and moving[-1] + 1 < len(self.early):
            self.first_seen = self.early[int(moving[-1]) + 1][0]
        self.early = None

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
        early=[(at, seen.box_px)],
        known_as=[(at, seen.class_name)],
        said=[(at, seen.class_name, seen.confidence)],
    )


def mixed_cov(old: Cov, new: Cov, share: float) -> Cov:
    """Return a covariance moved towards another."""
    keep = 1 - share
    return keep * old[0] + share * new[0], keep * old[1] + share * new[1], keep * old[2] + share * new[2]


def mixed_box(old: Box, new: Box, share: float) -> Box:
    """Return a box moved towards another."""
    left, top, right, bottom = ((1 - share) * a + share * b for a, b in zip(old, new, strict=True))
    return left, top, right, bottom
