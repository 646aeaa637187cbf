"""Intake: whether a sighting or report opens a case, belongs to one, or is ignored. Pure.

Two reports are one problem when three things agree. Category: the same key. Place: they lie no further apart than the
category's `merge_within_m` plus the radius, in the direction from one to the other, of the 95 % ellipse of their
difference (the sum of both covariances, chi-square with two degrees of freedom); that radius counts to 50 m at most,
so that a vague position cannot swallow a street. Time: an open case takes in everything, however late, because the
problem at that place is not solved. One that was handled takes in what was first seen before, as late news up to
`again_after_s` afterwards; seen later than that it is there still, and opens the case again, up to `again_within_s`
afterwards. What came after the handling is the old problem or a new one by the category's rule (`catalogue.Again`).
Refused and void cases take in nothing.

An open case attaches what a second run over the same footage finds, whatever time that run pretends it is; a run that
pretends the same time gives the same ids, which are ignored.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from geo.camera_view import ELLIPSE_95
from geo.coords import LonLat
from geo.metric import LocalPlane
from pipeline.cases import OPEN, Case, Status
from pipeline.catalogue import Again, Category
from pipeline.clocks import utc
from pipeline.scenes import Mode

ELLIPSE_COUNTS_TO_M = 50.0
ANSWERED = frozenset({Status.HANDLED, Status.CHECKED, Status.CLOSED})

Cov = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A problem nobody knew of: open a case."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """The same problem as an open case: add the evidence to it."""

    number: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """The same problem as a case that was handled, and it is there still, or again: the case goes on."""

    number: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """Nothing to do: already taken, in shadow, or outside the site."""

    reason: str


Intake = Open | Attach | Reopen | Ignore


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What intake needs of a sighting or a report.

    Attributes:
        cov_m2: (ee, en, nn) of the position.
        first_seen_at, seen_at: when the thing was first and last seen, in frame or reporter's time.
    """

    category: Category
    lonlat: LonLat
    cov_m2: Cov
    first_seen_at: datetime
    seen_at: datetime

    def __post_init__(self) -> None:
        for field in ("first_seen_at", "seen_at"):
            object.__setattr__(self, field, utc(getattr(self, field), field=field))


def decide(finding: Finding, *, mode: Mode, nearby: Sequence[Case], taken: bool = False) -> Intake:
    """Return what to do with a finding.

    Args:
        finding: what was seen or reported.
        mode: shadow only records; whether a new case waits for a person (confirm) is the desk's to apply.
        nearby: cases of the category within `search_radius_m`, in any order.
        taken: whether its id was taken before.
    """
    if taken:
        return Ignore(reason="taken before")
    if mode is Mode.SHADOW:
        return Ignore(reason="the scene is in shadow: recorded, not acted on")
    same = [
        (distance_m, case, verdict)
        for case in nearby
        if (distance_m := _distance_if_same(finding, case)) is not None
        and (verdict := _if_time_fits(finding, case)) is not None
    ]
    if not same:
        return Open(reason=f"no case of the category is within reach ({len(nearby)} compared)")
    # An open case before a closed one, then the nearest, then the oldest.
    distance_m, case, verdict = min(same, key=lambda each: (each[1].status not in OPEN, each[0], each[1].number))
    reach = reach_m(finding, case)
    reason = f"{distance_m:.1f} m from {case.number}, which is {case.status}; same problem within {reach:.1f} m"
    if verdict is _Verdict.SHOWS_AGAIN:
        return Reopen(number=case.number, reason=reason)
    return Attach(number=case.number, reason=reason)


def search_radius_m(category: Category) -> float:
    """Return the distance beyond which no case can be the same problem."""
    return category.merge_within_m + ELLIPSE_COUNTS_TO_M


def reach_m(finding: Finding, case: Case) -> float:
    """Return how far apart a finding and a case may lie, in their direction, and still be one problem."""
    east, north = LocalPlane.at(finding.lonlat).point_to_metres(case.lonlat)
    cov = tuple(a + b for a, b in zip(finding.cov_m2, case.cov_m2, strict=True))
    return finding.category.merge_within_m + min(ELLIPSE_COUNTS_TO_M, _radius_95_m(cov, east, north))


def _distance_if_same(finding: Finding, case: Case) -> float | None:
    if case.category != finding.category.key:
        return None
    distance_m = math.hypot(*LocalPlane.at(finding.lonlat).point_to_metres(case.lonlat))
    return distance_m if distance_m <= reach_m(finding, case) else None


class _Verdict(Enum):
    BELONGS = 1
    SHOWS_AGAIN = 2


def _if_time_fits(finding: Finding, case: Case) -> _Verdict | None:
    """Return how a finding belongs to a case by its time; None where it does not."""
    if case.status not in ANSWERED:
        return _Verdict.BELONGS if case.status in OPEN else None
    category, answered_at = finding.category, case.updated_at  # the time of its last step is that of its answer
    stayed = finding.first_seen_at < answered_at
    late_s = (finding.seen_at - answered_at).total_seconds()
    if category.again is Again.NEW and not stayed:
        return _Verdict.BELONGS if case.status in OPEN else None
    if late_s > (category.merge_within_s if late_s <= category.again_after_s else category.again_within_s):
        return _Verdict.BELONGS if case.status in OPEN else None
    if late_s <= category.again_after_s or category.again is Again.SILENT:
        return _Verdict.BELONGS
    return _Verdict.SHOWS_AGAIN


def _radius_95_m(cov: tuple[float, ...], east: float, north: float) -> float:
    """Return the distance from the centre of the 95 % ellipse to its edge, in a direction.

    Along a unit vector d this is sqrt(chi2 / (d^T C^-1 d)). A direction in which C has no extent gives 0, and where
    both points are one, any direction will do: the longest is taken.
    """
    ee, en, nn = cov
    length = math.hypot(east, north)
    determinant = ee * nn - en * en
    if length == 0.0:
        return ELLIPSE_95 * math.sqrt(max(0.0, (ee + nn) / 2 + math.hypot((ee - nn) / 2, en)))
    if determinant <= 0.0:
        return 0.0
    de, dn = east / length, north / length
    inverse = (nn * de * de - 2.0 * en * de * dn + ee * dn * dn) / determinant
    return ELLIPSE_95 / math.sqrt(inverse)
