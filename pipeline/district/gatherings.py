"""Gatherings: whether people who come together by chance would make a crowd that nobody meant.

Each person's way is kept at a coarse step. Looked for is a moment at which so many as make a crowd are near one of
them, for most of the time that the scene wants; crowds that are meant are left out, near them and shortly before and
after.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district.itineraries import Itinerary
from pipeline.district.rules_of_world import track
from pipeline.district.scene_set import CROWD, SCENES
from pipeline.district.stage import Kind

Floats = NDArray[np.float64]
_STEP_S: Final = 1.0
_LEAST_S: Final = 6.0
_SLACK_M: Final = 1.2  # a disc need not have its middle on a person
_MEANT_M: Final = 9.0


class Gatherings:
    """Where the people of one stage are, all the time."""

    def __init__(self, *, end_s: float) -> None:
        self._times = np.arange(0.0, end_s, _STEP_S)
        self._tracks: list[Floats] = []
        self._meant: list[Floats] = []

    def take(self, itineraries: Sequence[Itinerary]) -> None:
        """Take somebody in."""
        self._tracks += [track(each, self._times) for each in itineraries if each.actor.kind is Kind.PERSON]

    def would_gather(self, itineraries: Sequence[Itinerary], *, is_crowd: bool = False) -> bool:
        """Tell whether people would make a crowd that is not meant, with each other or with those who are there.

        Args:
            itineraries: who would come; those who are no people are not looked at.
            is_crowd: whether they are meant to be one; then nothing is refused.
        """
        new = [track(each, self._times) for each in itineraries if each.actor.kind is Kind.PERSON]
        if not new:
            return False
        if is_crowd:
            self._meant.append(_middle(np.stack(new)))
            return False
        return self._gathers(np.stack([*new, *self._tracks]), len(new))

    def _gathers(self, tracks: Floats, count: int) -> bool:
        scene = SCENES[CROWD]
        reach_m = scene.radius_m + _SLACK_M
        there = np.asarray(np.isfinite(tracks[:count, :, 0]).any(axis=0))
        tracks = tracks[:, there]
        with np.errstate(invalid="ignore"):
            near = np.hypot(*np.moveaxis(tracks[:count, None] - tracks[None], -1, 0)) <= 2 * reach_m
        for row in np.flatnonzero(near.any(axis=(0, 2))).tolist():
            with np.errstate(invalid="ignore"):
                around = np.hypot(*np.moveaxis(tracks[row] - tracks, -1, 0)) <= reach_m
            full = np.asarray(around.sum(axis=0) >= scene.count, bool) & ~self._near_meant(tracks[row], there)
            if _longest(full) * _STEP_S >= _LEAST_S:
                return True
        return False

    def _near_meant(self, places: Floats, there: NDArray[np.bool_]) -> NDArray[np.bool_]:
        near = np.zeros(len(places), bool)
        for middle in self._meant:
            with np.errstate(invalid="ignore"):
                near |= np.asarray(np.hypot(*(places - middle[there]).T) <= _MEANT_M, bool)
        return near


def _middle(tracks: Floats) -> Floats:
    """Return the median place of (n, t, 2) tracks at each time, NaN while nobody is there."""
    there = np.isfinite(tracks[..., 0]).any(axis=0)
    middle = np.full(tracks.shape[1:], np.nan)
    middle[there] = np.nanmedian(tracks[:, there], axis=0)
    return middle


def _longest(flags: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
