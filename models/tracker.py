"""The tracker: which box of this frame is which thing of the frames before, on one camera.

ByteTrack's two passes (Zhang et al., ECCV 2022) on a filter that counts seconds, not frames: frames may come late, at
any rate, or not at all. Needs numpy and scipy, no torch. `benchmarks/tracker.py` prints IDF1 and HOTA.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from models.box_filter import BoxFilter, Noise
from models.boxes import iou
from models.detections import Detections
from models.errors import TimeOrderError, require_range

INTERCHANGEABLE = frozenset({"car", "truck", "bus", "van"})  # detectors waver between these on one vehicle
FAR = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerSettings:
    """What the tracker takes for the same thing.

    Attributes:
        low_confidence: Boxes below it are not looked at.
        high_confidence: Boxes from it on are matched first.
        start_confidence: Boxes from it on may start a track.
        least_iou: Overlap that a confident box needs with where a track should be.
        least_iou_low: Overlap that a faint box needs; it may only go on with a track seen in the frame before.
        most_surprise: Squared Mahalanobis distance (x, y, height) up to which a lost track is found again.
        confirm_hits: Times that a thing must be seen before it is reported.
        max_lost_s: A track not seen for so long ends.
        max_lost_unconfirmed_s: The same for one that is not confirmed yet.
        max_gap_s: A track of the frame before lives on over a gap between frames up to so long.
        most_tracks: No track starts beyond so many.
        noise: How boxes move and jitter.
    """

    low_confidence: float = 0.1
    high_confidence: float = 0.4
    start_confidence: float = 0.5
    least_iou: float = 0.1
    least_iou_low: float = 0.3
    most_surprise: float = 11.3
    confirm_hits: int = 3
    max_lost_s: float = 2.0
    max_lost_unconfirmed_s: float = 0.3
    max_gap_s: float = 10.0
    most_tracks: int = 2_000
    noise: Noise = field(default_factory=Noise)

    def __post_init__(self) -> None:
        for name in ("low_confidence", "high_confidence", "least_iou", "least_iou_low"):
            require_range(name, getattr(self, name), 0.0, 1.0)
        require_range("high_confidence", self.high_confidence, self.low_confidence, 1.0)
        require_range("most_surprise", self.most_surprise, 0.0, 1e4)
        require_range("confirm_hits", self.confirm_hits, 1, 100)
        require_range("max_lost_s", self.max_lost_s, 0.0, 3600.0)
        require_range("max_lost_unconfirmed_s", self.max_lost_unconfirmed_s, 0.0, 3600.0)
        require_range("max_gap_s", self.max_gap_s, 0.0, 3600.0)
        require_range("most_tracks", self.most_tracks, 1, 100_000)


class Tracker:
    """Follows the things of one camera; one instance per camera, called with frames in order of time."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings or TrackerSettings()
        self._filter = BoxFilter(self.settings.noise)
        self._ids = np.zeros(0, np.int64)
        self._groups = np.zeros(0, np.int64)
        self._hits = np.zeros(0, np.int64)
        self._seen_s = np.zeros(0, np.float64)
        self._group_numbers: dict[str, int] = {}
        self._newest_s: float | None = None
        self._next_id = 1

    def update(self, detections: Detections, *, at_s: float) -> Detections:
        """Take in one frame and return those of its detections that belong to confirmed tracks, with track ids.

        Args:
            detections: All boxes of the frame, faint ones too (from `low_confidence` on).
            at_s: Time of the frame in seconds, later than the frame before.

        Raises:
            TimeOrderError: When the frame is not later than the one before.
        """
        previous_s = self._advance(at_s)
        looked_at = detections.select(detections.confidence >= self.settings.low_confidence)
        owners = self._match(looked_at, at_s=at_s, previous_s=previous_s)
        self._take_in(looked_at, owners, at_s)
        return self._report(looked_at, self._start(looked_at, owners, at_s))

    def _advance(self, at_s: float) -> float:
        previous_s = self._newest_s
        if not np.isfinite(at_s) or (previous_s is not None and at_s <= previous_s):
            raise TimeOrderError(at_s=at_s, newest_s=previous_s if previous_s is not None else -np.inf)
        self._newest_s = at_s
        self._keep(self._alive(at_s, previous_s))
        if previous_s is not None and len(self._filter):
            self._filter.predict(at_s - previous_s)
        return at_s if previous_s is None else previous_s

    def _alive(self, at_s: float, previous_s: float | None) -> NDArray[np.bool_]:
        """Return which tracks may go on: those lost for a short time, and those of the frame before, (n,)."""
        settings = self.settings
        confirmed = self._hits >= settings.confirm_hits
        patience_s = np.where(confirmed, settings.max_lost_s, settings.max_lost_unconfirmed_s)
        lost_s = at_s - self._seen_s
        just_seen = self._seen_s >= (at_s if previous_s is None else previous_s)
        return (lost_s <= patience_s) | (just_seen & (lost_s <= settings.max_gap_s))

    def _match(self, detections: Detections, *, at_s: float, previous_s: float) -> NDArray[np.intp]:
        """Return the row of the track that each detection goes on with, or -1, (n,)."""
        owners = np.full(len(detections), -1, np.intp)
        if not len(detections) or not len(self._filter):
            return owners
        settings = self.settings
        same = self._groups[:, None] == self._groups_of(detections)[None]
        overlap = np.where(same, iou(self._filter.boxes(), detections.boxes_px), 0)
        surprise = np.where(same, self._filter.surprise(detections.boxes_px), FAR)
        apart = np.where(overlap >= settings.least_iou, 1 - overlap, FAR)
        confident = detections.confidence >= settings.high_confidence
        confirmed = self._hits >= settings.confirm_hits
        _assign(owners, apart, confirmed, confident)
        recent = confirmed & (self._seen_s >= previous_s)
        _assign(owners, np.where(overlap >= settings.least_iou_low, 1 - overlap, FAR), recent, ~confident)
        near = np.where(surprise <= settings.most_surprise, surprise, FAR)
        lost_briefly = at_s - self._seen_s <= settings.max_lost_s
        _assign(owners, near, confirmed & lost_briefly, confident)
        _assign(owners, apart, ~confirmed, confident)
        _assign(owners, near, ~confirmed & lost_briefly, confident)
        return owners

    def _take_in(self, detections: Detections, owners: NDArray[np.intp], at_s: float) -> None:
        found = np.flatnonzero(owners >= 0)
        rows = owners[found]
        self._filter.correct(rows, detections.boxes_px[found], confidence=detections.confidence[found])
        self._hits[rows] += 1
        self._seen_s[rows] = at_s

    def _start(self, detections: Detections, owners: NDArray[np.intp], at_s: float) -> NDArray[np.intp]:
        """Start a track for each confident detection that has none; return the owners with the new rows."""
        settings = self.settings
        free = np.flatnonzero((owners < 0) & (detections.confidence >= settings.start_confidence))
        free = free[: max(0, settings.most_tracks - len(self._ids))]
        new = np.arange(len(free))
        owners = owners.copy()
        owners[free] = len(self._ids) + new
        self._filter.start(detections.boxes_px[free])
        self._ids = np.concatenate([self._ids, self._next_id + new])
        self._groups = np.concatenate([self._groups, self._groups_of(detections)[free]])
        self._hits = np.concatenate([self._hits, np.ones(len(free), np.int64)])
        self._seen_s = np.concatenate([self._seen_s, np.full(len(free), at_s)])
        self._next_id += len(free)
        return owners

    def _report(self, detections: Detections, owners: NDArray[np.intp]) -> Detections:
        rows = np.flatnonzero(owners >= 0)
        rows = rows[self._hits[owners[rows]] >= self.settings.confirm_hits]
        return detections.select(rows).with_tracks(self._ids[owners[rows]])

    def _groups_of(self, detections: Detections) -> NDArray[np.int64]:
        """Return a number for each detection's class, the same for classes that detectors mix up."""
        names = ["vehicle" if name in INTERCHANGEABLE else name for name in detections.names()]
        return np.array([self._group_numbers.setdefault(name, len(self._group_numbers)) for name in names], np.int64)

    def _keep(self, which: NDArray[np.bool_]) -> None:
        self._filter.keep(which)
        for name in ("_ids", "_groups", "_hits", "_seen_s"):
            setattr(self, name, getattr(self, name)[which])


def _assign(
    owners: NDArray[np.intp], cost: NDArray[np.float64], tracks: NDArray[np.bool_], boxes: NDArray[np.bool_]
) -> None:
    """Give the free boxes of a mask to the free tracks of a mask at the least total cost, in place."""
    taken = np.zeros(len(tracks), bool)
    taken[owners[owners >= 0]] = True
    rows, columns = np.flatnonzero(tracks & ~taken), np.flatnonzero(boxes & (owners < 0))
    if not rows.size or not columns.size:
        return
    part = cost[np.ix_(rows, columns)]
    for row, column in zip(*linear_sum_assignment(part), strict=True):
        if part[row, column] < FAR:
            owners[columns[column]] = rows[row]
