"""Scoring: cases against true events, after i-LIDS and the AI City anomaly track. Pure.

An event qualifies at the moment its scene's rule is first true in the world. A case is a true detection of it when it
has the event's scene, opens from 2 s before to 10 s after that moment and lies within its own 95 % ellipse (cut at
10 m) or 3 m of the event; matching is one to one and takes as many pairs as can be. A further case on a matched event
is a duplicate; every other case is false, every other event missed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from geo.coords import LonLat
from geo.metric import LocalPlane
from pipeline.clocks import utc
from pipeline.shares import Z_95, Share, wilson

__all__ = ["Z_95", "FoundCase", "Score", "Share", "TrueEvent", "distance_m", "score", "wilson"]

EARLY_S: Final = 2.0
LATE_S: Final = 10.0
NEAR_M: Final = 3.0
ELLIPSE_CUT_M: Final = 10.0
CHI2_95: Final = 5.991464547107979  # two degrees of freedom
_NO_MATCH: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEvent:
    """Something that happened.

    Attributes:
        at: when its scene's rule was first true.
        until: when it ended, for telling a duplicate from a false case; None means that moment.
    """

    scene: str
    at: datetime
    lonlat: LonLat
    until: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", utc(self.at, field="at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCase:
    """Something that was reported.

    Attributes:
        at: frame time at which it was found.
        cov_m2: (ee, en, nn) of its position.
    """

    scene: str
    at: datetime
    lonlat: LonLat
    cov_m2: tuple[float, float, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", utc(self.at, field="at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How well cases tell of events.

    Attributes:
        recall: matched events / events.
        precision: matched cases / (matched and false cases); duplicates count in neither.
        duplicates: further cases on matched events.
        pairs: (index of the event, index of the case) that match.
        false, missed: indices of cases and of events.
        delay_mean_s, delay_p90_s: case's time minus event's, over matches; None without any.
        distance_median_m: between case and event, over matches.
    """

    recall: Share
    precision: Share
    duplicates: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    false: tuple[int, ...]
    missed: tuple[int, ...]
    delay_mean_s: float | None
    delay_p90_s: float | None
    distance_median_m: float | None


def score(events: Sequence[TrueEvent], cases: Sequence[FoundCase]) -> Score:
    """Return how well cases tell of events."""
    fits = np.array([[_cost(event, case) for case in cases] for event in events]).reshape(len(events), len(cases))
    rows, columns = linear_sum_assignment(fits)
    pairs = tuple(
        (row, column)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if fits[row, column] < _NO_MATCH
    )
    matched_events, matched = {row for row, _ in pairs}, {column for _, column in pairs}
    rest = [index for index in range(len(cases)) if index not in matched]
    duplicates = tuple(i for i in rest if any(_again(events[row], cases[i]) for row in matched_events))
    false = tuple(i for i in rest if i not in duplicates)
    delays = _values([(cases[column].at - events[row].at).total_seconds() for row, column in pairs])
    distances = _values([distance_m(events[row], cases[column]) for row, column in pairs])
    return Score(
        recall=wilson(len(pairs), len(events)),
        precision=wilson(len(pairs), len(pairs) + len(false)),
        duplicates=duplicates,
        pairs=pairs,
        false=false,
        missed=tuple(row for row in range(len(events)) if row not in matched_events),
        delay_mean_s=float(delays.mean()) if len(delays) else None,
        delay_p90_s=float(np.percentile(delays, 90)) if len(delays) else None,
        distance_median_m=float(np.median(distances)) if len(distances) else None,
    )


def distance_m(event: TrueEvent, case: FoundCase) -> float:
    """Return the metres between an event and a case."""
    return math.hypot(*LocalPlane.at(case.lonlat).point_to_metres(event.lonlat))


def lies_near(event: TrueEvent, case: FoundCase) -> bool:
    """Tell whether the event lies within 3 m of the case or in its 95 % ellipse, cut at 10 m."""
    east, north = LocalPlane.at(case.lonlat).point_to_metres(event.lonlat)
    away = math.hypot(east, north)
    if away <= NEAR_M:
        return True
    ee, en, nn = case.cov_m2
    determinant = ee * nn - en * en
    if away > ELLIPSE_CUT_M or determinant <= 0.0:
        return False
    return (nn * east * east - 2 * en * east * north + ee * north * north) / determinant <= CHI2_95


def _cost(event: TrueEvent, case: FoundCase) -> float:
    """Return how far apart in time a matching pair is, `_NO_MATCH` for one that is none."""
    delay_s = (case.at - event.at).total_seconds()
    in_time = -EARLY_S <= delay_s <= LATE_S
    return abs(delay_s) if in_time and event.scene == case.scene and lies_near(event, case) else _NO_MATCH


def _again(event: TrueEvent, case: FoundCase) -> bool:
    """Tell whether a case is about an event that has another one already: while it lasts, at its place."""
    lasts_s = max(0.0, ((event.until or event.at) - event.at).total_seconds())
    delay_s = (case.at - event.at).total_seconds()
    in_time = -EARLY_S <= delay_s <= lasts_s + LATE_S
    return in_time and event.scene == case.scene and lies_near(event, case)


def _values(numbers: list[float]) -> NDArray[np.float64]:
    return np.array(numbers, np.float64)
