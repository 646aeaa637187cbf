"""Things that appeared and stayed, found without any weights: two of OpenCV's background models with two memories.

The slow model remembers the street of minutes ago, the fast one that of a second ago. What the slow one does not know
and the fast one does is a thing that came and stands still. What moves is not reported, nor what stood there from the
start; a person who stands still is reported like a parcel: nothing here has a class.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.detector import Image, require_confidence, require_image
from models.errors import SettingFaultError, require_range

CLASS_NAMES: Mapping[int, str] = MappingProxyType({0: "thing"})
KNOWN, UNKNOWN = 0, 255  # how OpenCV marks background and foreground; a shadow (127) counts as background
SLOW_RATIO = 0.7  # what passed for less than three tenths of the time is not the street
FAST_RATIO = 0.9  # what was there for a tenth of the fast memory stands still
LEAST_VARIANCE = 36.0  # of grey levels: clouds and compression move a still street by this much
SHARPER = 1.1  # a thing's outline against the same place before; measured 7 to 25 for people, 0.9 to 1.1 for ghosts
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundSettings:
    """What counts as a thing that stays.

    Attributes:
        longest_side_px: Frames are worked on at this size.
        stay_s: A thing is reported after standing still for so long.
        learn_s: Nothing is reported for so long after a start.
        slow_s: Memory of the slow model.
        fast_s: Memory of the fast model.
        absorb_s: A thing that stands for so long becomes part of the street.
        relearn_gap_s: After a gap this long, or a step back in time, the street is learned anew.
        relearn_share: When more of the picture than this is new at once, the light changed: learn anew.
        least_share: Smallest thing, as a share of the picture.
        least_side_share: Narrowest thing, as a share of the picture's shorter side; tapes in the wind are none.
        most_streams: Streams remembered; the one not seen for longest is forgotten first.
    """

    longest_side_px: int = 384
    stay_s: float = 3.0
    learn_s: float = 5.0
    slow_s: float = 600.0
    fast_s: float = 8.0
    absorb_s: float = 3600.0
    relearn_gap_s: float = 120.0
    relearn_share: float = 0.6
    least_share: float = 0.001
    least_side_share: float = 0.025
    most_streams: int = 32

    def __post_init__(self) -> None:
        require_range("longest_side_px", self.longest_side_px, 64, 2048)
        for name in ("stay_s", "learn_s", "slow_s", "fast_s", "absorb_s", "relearn_gap_s"):
            require_range(name, getattr(self, name), 0.1, 1e6)
        require_range("relearn_share", self.relearn_share, 0.05, 1.0)
        require_range("least_share", self.least_share, 0.0, 0.5)
        require_range("least_side_share", self.least_side_share, 0.0, 0.5)
        require_range("most_streams", self.most_streams, 1, 10_000)


class BackgroundDetector:
    """Reports boxes of class "thing"; keeps one memory per stream; safe to call from several threads."""

    name = "background"
    version = "background-1"
    classless = True

    def __init__(self, settings: BackgroundSettings | None = None) -> None:
        self.settings = settings or BackgroundSettings()
        self.class_names: Mapping[int, str] = CLASS_NAMES
        self._streams: OrderedDict[str, _Street] = OrderedDict()
        self._lock = Lock()

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        """Return the things that appeared in this stream and stayed; see `models.detector.Detector`.

        Confidence is 0.5 for a thing that has just been still for `stay_s`, and grows within another `stay_s` to
        between 0.5 and 1 by how much of its box it fills.
        """
        least = require_confidence(confidence)
        picture = require_image(image)
        if not math.isfinite(at_s):
            raise SettingFaultError("at_s", at_s, expected="a finite number of seconds")
        with self._lock:
            rows = self._street(stream, picture, at_s).look(picture, at_s)
        return _detections(rows[rows[:, 4] >= least])

    def close(self) -> None:
        """Forget all streams."""
        with self._lock:
            self._streams.clear()

    def _street(self, stream: str, picture: Image, at_s: float) -> "_Street":
        street = self._streams.get(stream)
        if street is None or not street.goes_on(picture, at_s):
            street = self._streams[stream] = _Street(self.settings, picture, at_s)
        self._streams.move_to_end(stream)
        while len(self._streams) > self.settings.most_streams:
            self._streams.popitem(last=False)
        return street


class _Street:
    """What one camera's street looks like, and what has come to stand in it."""

    def __init__(self, settings: BackgroundSettings, picture: Image, at_s: float) -> None:
        self._settings = settings
        self._image_size = picture.shape[:2]
        height, width = self._image_size
        scale = min(1.0, settings.longest_side_px / max(height, width))
        self._size = (max(1, round(width * scale)), max(1, round(height * scale)))
        self._newest_s = at_s
        self._rows = np.zeros((0, 5), np.float32)
        self._learn_anew(at_s)

    def _learn_anew(self, at_s: float) -> None:
        shape = self._size[::-1]
        self._slow, self._fast = _model(SLOW_RATIO), _model(FAST_RATIO)
        self._still_s = np.zeros(shape, np.float32)
        self._since_s = np.full(shape, np.inf)
        self._start_s = at_s
        self._looks = 0

    def goes_on(self, picture: Image, at_s: float) -> bool:
        """Say whether this frame can follow those before: same size, no step back, no long gap."""
        elapsed_s = at_s - self._newest_s
        return picture.shape[:2] == self._image_size and 0 <= elapsed_s <= self._settings.relearn_gap_s

    def look(self, picture: Image, at_s: float) -> NDArray[np.float32]:
        """Take in one frame; return rows of left, top, right, bottom in its pixels and confidence, float32 (n, 5)."""
        elapsed_s = at_s - self._newest_s
        if self._looks and elapsed_s == 0:
            return self._rows  # the same moment again
        self._newest_s = at_s
        small = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (3, 3), 0)
        self._rows = self._find(np.asarray(small, np.uint8), at_s, min(elapsed_s, 1.0))
        return self._rows

    def _find(self, small: Image, at_s: float, elapsed_s: float) -> NDArray[np.float32]:
        learning = at_s - self._start_s < self._settings.learn_s
        new = self._compare(small, elapsed_s, learning=learning, at_s=at_s)
        if not learning and new[0].mean() > self._settings.relearn_share:
            self._learn_anew(at_s)
            self._compare(small, 0.0, learning=True, at_s=at_s)
            return np.zeros((0, 5), np.float32)
        if learning:
            return np.zeros((0, 5), np.float32)
        self._age(*new, elapsed_s=elapsed_s, at_s=at_s)
        return self._boxes(small)

    def _compare(self, small: Image, elapsed_s: float, *, learning: bool, at_s: float) -> tuple[Mask, Mask]:
        """Return what is new to the slow model and what to the fast one; let both learn."""
        self._looks += 1
        if learning:
            rate = 1.0 / self._looks
            return self._slow.apply(small, learningRate=rate) == UNKNOWN, self._fast.apply(
                small, learningRate=rate
            ) == UNKNOWN
        slow_rate = 1 - math.exp(-elapsed_s / self._settings.slow_s)
        fast_rate = 1 - math.exp(-elapsed_s / self._settings.fast_s)
        new_to_slow = self._slow.apply(small, learningRate=0) == UNKNOWN
        protected = (at_s - self._since_s <= self._settings.absorb_s) & np.isfinite(self._since_s)
        street = np.where(protected[..., None], self._known(), small) if protected.any() else small
        self._slow.apply(street, learningRate=slow_rate)
        return new_to_slow, self._fast.apply(small, learningRate=fast_rate) == UNKNOWN

    def _known(self) -> Image:
        return np.asarray(self._slow.getBackgroundImage(), np.uint8)

    def _age(self, new_to_slow: Mask, new_to_fast: Mask, *, elapsed_s: float, at_s: float) -> None:
        """Let what is new and still grow older; keep what something passes in front of; drop what is gone."""
        stay_s = self._settings.stay_s
        step = np.where(new_to_slow, np.where(new_to_fast, 0.0, elapsed_s), -8 * elapsed_s)
        self._still_s = np.clip(self._still_s + step, 0, 2 * stay_s).astype(np.float32)
        standing = self._still_s >= stay_s
        self._since_s = np.where(standing, np.minimum(self._since_s, at_s), np.inf)

    def _boxes(self, small: Image) -> NDArray[np.float32]:
        standing = (self._still_s >= self._settings.stay_s).astype(np.uint8)
        solid = cv2.morphologyEx(standing, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        solid = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
        count, marks, table, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
        labels, stats = np.asarray(marks, np.int32), np.asarray(table, np.int32)
        large = [i for i in range(1, count) if self._is_large(stats[i])]
        if not large:
            return np.zeros((0, 5), np.float32)
        ghosts = self._ghosts(small, labels, large)
        self._forget(small, np.isin(labels, ghosts))
        kept = [i for i in large if i not in ghosts]
        return np.array([self._row(labels, stats[i], i) for i in kept], np.float32).reshape(-1, 5)

    def _is_large(self, stats: NDArray[np.int32]) -> bool:
        width, height, area = (int(stats[i]) for i in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA))
        least = max(9.0, self._settings.least_share * self._size[0] * self._size[1])
        narrowest = self._settings.least_side_share * min(self._size)
        return bool(area >= least and min(width, height) >= narrowest)

    def _ghosts(self, small: Image, labels: NDArray[np.int32], large: list[int]) -> list[int]:
        """Return the places that something left, or that light moved over: their outline is no sharper than before."""
        now, before = _sharpness(small), _sharpness(self._known())
        ghosts = []
        for i in large:
            shape = (labels == i).astype(np.uint8)
            outline = cv2.morphologyEx(shape, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
            if now[outline].mean() < SHARPER * before[outline].mean():
                ghosts.append(i)
        return ghosts

    def _forget(self, small: Image, where: Mask) -> None:
        """Take what is seen at these places as the street."""
        if not where.any():
            return
        near = cv2.dilate(where.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        street = np.where(near[..., None], small, self._known())
        for _ in range(6):
            self._slow.apply(street, learningRate=0.5)
        self._still_s[near] = 0
        self._since_s[near] = np.inf

    def _row(self, labels: NDArray[np.int32], stats: NDArray[np.int32], label: int) -> list[float]:
        left, top, width, height, area = (int(v) for v in stats)
        inside = labels[top : top + height, left : left + width] == label
        still_s = float(self._still_s[top : top + height, left : left + width][inside].max())
        across, down = self._image_size[1] / self._size[0], self._image_size[0] / self._size[1]
        longer = still_s / self._settings.stay_s - 1
        confidence = min(1.0, 0.5 + 0.5 * longer * area / (width * height))
        return [left * across, top * down, (left + width) * across, (top + height) * down, confidence]


def _model(ratio: float) -> Any:
    model = cv2.createBackgroundSubtractorMOG2(varThreshold=25, detectShadows=True)
    model.setNMixtures(3)
    model.setVarMin(LEAST_VARIANCE)
    model.setBackgroundRatio(ratio)
    return model


def _sharpness(picture: Image) -> NDArray[np.float32]:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _detections(rows: NDArray[np.float32]) -> Detections:
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    return Detections(
        boxes_px=rows[:, :4].copy(),
        confidence=rows[:, 4].copy(),
        class_ids=np.zeros(len(rows), np.int32),
        class_names=CLASS_NAMES,
    )
