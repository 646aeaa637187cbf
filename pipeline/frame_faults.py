"""Live frames that show nothing of the street, told by every eighth pixel's brightness of every eighth line."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detector import Image
from pipeline.frames import FrameFault

STEP_PX: Final = 8
_BLANK_LEVELS: Final = 3


class FrameFaults:
    """Judges the frames of one camera as they come: each against the one before."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None

    def of(self, seen: NDArray[np.uint8]) -> FrameFault | None:
        """Tell whether a frame shows nothing at all, or the very picture before it: a sensor's noise never repeats.

        Args:
            seen: what `sampled` gives of it.
        """
        before, self._before = self._before, seen
        if int(seen.max()) - int(seen.min()) <= _BLANK_LEVELS:
            return FrameFault.BLANK
        return FrameFault.REPEATED if before is not None and np.array_equal(seen, before) else None


def sampled(image: Image) -> NDArray[np.uint8]:
    """Return the brightness of a picture's every eighth pixel of every eighth line."""
    return np.asarray(cv2.cvtColor(image[::STEP_PX, ::STEP_PX], cv2.COLOR_BGR2GRAY), np.uint8)
