"""The motion gate: which frames need a detector. One per camera; looks at a small grey picture, never at the boxes.

A frame is held against the one that was last detected, not against the one before: what changes slowly adds up until it
counts. And every so often a whole frame is wanted whatever it shows, so that what stood there from the start, and what
the detector missed, is found; less often as long as such sweeps find nothing new.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detector import Image
from models.errors import require_range

_SKIPPED: Final = 2  # every second pixel of every second line is looked at
_GREEN: Final = 1


class Wanted(StrEnum):
    """Why a frame needs the detector, or that it does not."""

    FIRST = "first"
    MOTION = "motion"
    SWEEP = "sweep"
    STILL = "still"


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionSettings:
    """What counts as motion.

    Attributes:
        sweep_s: a frame is wanted at the latest so long after the last one.
        longest_sweep_s: the wait doubles up to this while sweeps find what was held, see `MotionGate.heed`.
        width_px: of the small picture that is looked at, at least; it is less than twice that.
        least_level: a cell of it changed when its grey level moved by more than this, of 255, beside the picture's own.
        least_cells: so many changed cells are motion.
    """

    sweep_s: float = 2.0
    longest_sweep_s: float = 8.0
    width_px: int = 160
    least_level: float = 10.0
    least_cells: int = 3

    def __post_init__(self) -> None:
        require_range("sweep_s", self.sweep_s, 0.0, 3600.0)
        require_range("longest_sweep_s", self.longest_sweep_s, 0.0, 3600.0)
        require_range("width_px", self.width_px, 16, 1024)
        require_range("least_level", self.least_level, 1.0, 255.0)
        require_range("least_cells", self.least_cells, 1, 1_000_000)


class MotionGate:
    """Tells, frame by frame, whether one camera's picture changed since the detector saw it."""

    def __init__(self, settings: MotionSettings | None = None) -> None:
        self.settings = settings or MotionSettings()
        self._reference: NDArray[np.uint8] | None = None
        self._detected_s = 0.0
        self._sweep_s = self.settings.sweep_s

    def wants(self, image: Image, *, at_s: float) -> Wanted:
        """Tell whether a frame needs the detector; one that is wanted becomes what the next are held against.

        Args:
            image: uint8 (height, width, 3).
            at_s: its time in seconds; rises.
        """
        small = self._small(image)
        wanted = self._judged(small, at_s)
        if wanted is not Wanted.STILL:
            self._reference, self._detected_s = small, at_s
        if wanted in {Wanted.FIRST, Wanted.MOTION}:
            self._sweep_s = self.settings.sweep_s
        return wanted

    def heed(self, *, nothing_new: bool) -> None:
        """Say whether a sweep showed the boxes that were held: if so the next may wait twice as long."""
        longest_s = max(self.settings.sweep_s, self.settings.longest_sweep_s)
        self._sweep_s = min(2.0 * self._sweep_s, longest_s) if nothing_new else self.settings.sweep_s

    def _judged(self, small: NDArray[np.uint8], at_s: float) -> Wanted:
        if self._reference is None or self._reference.shape != small.shape:
            return Wanted.FIRST
        if at_s - self._detected_s >= self._sweep_s:
            return Wanted.SWEEP
        return Wanted.MOTION if self._moved(small, self._reference) else Wanted.STILL

    def _moved(self, small: NDArray[np.uint8], before: NDArray[np.uint8]) -> bool:
        # A cloud, or the camera's own exposure, lifts the whole picture; that is no motion.
        lifted = float(cv2.mean(small)[0]) - float(cv2.mean(before)[0])
        apart = cv2.absdiff(small.astype(np.float32) - np.float32(lifted), before.astype(np.float32))
        return int(np.count_nonzero(apart > self.settings.least_level)) >= self.settings.least_cells

    def _small(self, image: Image) -> NDArray[np.uint8]:
        thinned = np.ascontiguousarray(image[::_SKIPPED, ::_SKIPPED, _GREEN])
        # Whole pixels to a cell: such means cost a twentieth of those over parts of pixels.
        cell = max(1, thinned.shape[1] // self.settings.width_px)
        width, height = (max(1, side // cell) for side in thinned.shape[::-1])
        whole = thinned[: height * cell, : width * cell]
        small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.blur(small, (2, 2)), np.uint8)
