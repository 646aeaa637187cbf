"""A moment: one frame as the rules see it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.observations import Observation
from pipeline.occupancies import Occupancies


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One frame, located and remembered.

    Attributes:
        at: frame time in seconds since 1970.
        step_s: time since the frame before that this frame can speak for.
        watched_since: frame time of the camera's first frame.
        observations: all boxes, faint ones too.
        occupancies: after this frame.
    """

    at: float
    step_s: float
    watched_since: float
    observations: Sequence[Observation]
    occupancies: Occupancies
