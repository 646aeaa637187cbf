"""A moment: one frame as the rules see it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.observations import Observation
from pipeline.occupancies import Occupancies


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One frame, located and remembered.

    Attributes:
        at: frame time in seconds since 1970.
        step_s: time since the frame before that this frame can speak for.
        period_s: between two frames lately, see `pipeline.pace`; 0 where nobody keeps count.
        watched_since: frame time of the camera's first frame.
        observations: all boxes, faint ones too.
        occupancies: after this frame.
        counts_from: what was before this time does not count for the scene that is asked.
        faults: what is wrong with the camera itself, by name, and since when it shows.
    """

    at: float
    step_s: float
    watched_since: float
    observations: Sequence[Observation]
    occupancies: Occupancies
    period_s: float = 0.0
    counts_from: float = -math.inf
    faults: Mapping[str, float] = field(default_factory=dict)
