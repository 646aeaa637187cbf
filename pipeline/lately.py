"""Lately: the boxes of a camera's last moments beside those of now, for blurring what a detector misses for a moment.

A head that was boxed half a second ago is a head still; blurring where it was costs a picture nothing that it is for.
"""

from collections import deque
from typing import Final

import numpy as np

from models.detections import Detections

KEPT_S: Final = 2.0
MOST_FRAMES: Final = 12
_FEW_FRAMES: Final = 2.5


class Lately:
    """The boxes of one camera's last two seconds, or two and a half frames where frames are rare.

    Args:
        period_s: the usual time between frames.
    """

    def __init__(self, *, period_s: float) -> None:
        self._for_s = max(KEPT_S, _FEW_FRAMES * period_s)
        # Of frames that come quickly only some are kept, evenly over the time.
        self._every_s = self._for_s / MOST_FRAMES
        self._kept: deque[tuple[float, Detections]] = deque(maxlen=MOST_FRAMES)

    def joined(self, found: Detections, *, at: float) -> Detections:
        """Take in a frame's boxes; return them with those of the moments before."""
        while self._kept and at - self._kept[0][0] > self._for_s:
            self._kept.popleft()
        parts = [found, *(each for _, each in self._kept)]
        if not self._kept or at - self._kept[-1][0] >= self._every_s:
            self._kept.append((at, found))
        return Detections(
            boxes_px=np.concatenate([each.boxes_px for each in parts]),
            confidence=np.concatenate([each.confidence for each in parts]),
            class_ids=np.concatenate([each.class_ids for each in parts]),
            class_names=found.class_names,
        )
