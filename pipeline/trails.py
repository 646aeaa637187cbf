"""Trails: where each of the tracker's ids has been lately, as evidence that a thing came or left. Not persisted."""

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from models.boxes import iou
from pipeline.observations import Box, Observation

_APART: Final = 0.1  # boxes that overlap less than this are at two places
_HERE: Final = 0.7  # and those that overlap more, at one
_STEP_S: Final = 0.3
_LENGTH: Final = 100
_FORGET_S: Final = 10.0
_MOST: Final = 500


class Trails:
    """The recent boxes of each track, at most 100 of each and 500 tracks."""

    def __init__(self) -> None:
        self._boxes: dict[int, deque[tuple[float, Box]]] = {}
        self._newest: dict[int, tuple[float, Box]] = {}

    def update(self, observations: Sequence[Observation], *, at: float) -> None:
        """Take in one frame."""
        for seen in observations:
            if seen.track is None:
                continue
            trail = self._boxes.setdefault(seen.track, deque(maxlen=_LENGTH))
            if seen.track in self._newest and (not trail or at - trail[-1][0] >= _STEP_S):
                trail.append(self._newest[seen.track])
            self._newest[seen.track] = at, seen.box_px
        if len(self._newest) > _MOST or any(at - newest[0] > _FORGET_S for newest in self._newest.values()):
            self._forget(at)

    def was_elsewhere(self, track: int, box_px: Box, *, since: float) -> bool:
        """Tell whether the track was clear of a place at some time since then."""
        past = [box for at, box in self._boxes.get(track, ()) if at >= since]
        return bool(past) and float(_shares(past, box_px).min()) < _APART

    def clear_of(self, track: int, box_px: Box) -> bool:
        """Tell whether the track, once seen at a place, is clear of it now and was seen on its way out.

        An id that is here in one frame and there in the next has hopped to another thing.
        """
        newest = self._newest.get(track)
        past = [box for _, box in self._boxes.get(track, ())]
        if newest is None or not past or float(_shares([newest[1]], box_px)[0]) >= _APART:
            return False
        shares = _shares(past, box_px)
        here = np.flatnonzero(shares >= _HERE)
        if not len(here):
            return float(shares.max()) >= _APART
        return bool((shares[here[-1] + 1 :] >= _APART).any())

    def _forget(self, at: float) -> None:
        fresh = sorted(self._newest, key=lambda track: -self._newest[track][0])[:_MOST]
        kept = {track for track in fresh if at - self._newest[track][0] <= _FORGET_S}
        self._newest = {track: self._newest[track] for track in kept}
        self._boxes = {track: self._boxes[track] for track in kept if track in self._boxes}


def _shares(boxes: Sequence[Box], box_px: Box) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(iou(np.array(boxes, np.float64), np.array([box_px], np.float64))[:, 0], np.float64)
