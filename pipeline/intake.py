"""Intake: whether a sighting or report opens a case, belongs to one, or is ignored. Pure.

Two reports are one problem when three things agree. Category: the same key. Place: they lie no further apart than the
category's `merge_within_m` plus the radius, in the direction from one to the other, of the 95 % ellipse of their
difference (the sum of both covariances, chi-square with two degrees of freedom); that radius counts to 50 m at most,
so that a vague position cannot swallow a street. Time: an open case takes in everything, however late, because the
problem at that place is not solved; a closed one takes in only late news of what it solved, that is a thing first seen
before the closing and reported within `merge_within_s` after it. Refused and void cases take in nothing.

An open case attaches what a second run over the same footage finds, whatever time that run pretends it is; a run that
pretends the same time gives the same ids, which are ignored.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from geo.camera_view import ELLIPSE_95
from geo.coords import LonLat
from geo.metric import LocalPlane
from pipeline.cases import OPEN, Case, Status
from pipeline.catalogue import Category
from pipeline.clocks import utc
from pipeline.scenes import Mode

ELLIPSE_COUNTS_TO_M = 50.0

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
class Ignore:
    """Nothing to do: already taken, in shadow, or outside the site."""

    reason: str


Intake = Open | Attach | Ignore


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
    same = [(distance, case) for case in nearby if (distance := _distance_if_same(finding, case)) is not None]
    if not same:
        return Open(reason=f"no case of the category is within reach ({len(nearby)} compared)")
    # An open case before a closed one, then the nearest, then the oldest.
    distance_m, case = min(same, key=lambda pair: (pair[1].status not in OPEN, pair[0], pair[1].number))
    reach = reach_m(finding, case)
    return Attach(
        number=case.number,
        reason=f"{distance_m:.1f} m from {case.number}, which is {case.status}; same problem within {reach:.1f} m",
    )


def search_radius_m(category: Category) -> float:
    """Return the distance beyond which no case can be the same problem."""
    return category.merge_within_m + ELLIPSE_COUNTS_TO_M


def reach_m(finding: Finding, case: Case) -> float:
    """Return how far apart a finding and a case may lie, in their direction, and still be one problem."""
    east, north = LocalPlane.at(finding.lonlat).point_to_metres(case.lonlat)
    cov = tuple(a + b for a, b in zip(finding.cov_m2, case.cov_m2, strict=True))
    return finding.category.merge_within_m + min(ELLIPSE_COUNTS_TO_M, _radius_95_m(cov, east, north))


def _distance_if_same(finding: Finding, case: Case) -> float | None:
    if case.category != finding.category.key or not _time_fits(finding, case):
        return None
    distance_m = math.hypot(*LocalPlane.at(finding.lonlat).point_to_metres(case.lonlat))
    return distance_m if distance_m <= reach_m(finding, case) else None


def _time_fits(finding: Finding, case: Case) -> bool:
    if case.status in OPEN:
        return True
    # The time of a closed case's last step is that of its closing.
    late = timedelta(seconds=finding.category.merge_within_s)
    return (
        case.status is Status.CLOSED
        and finding.first_seen_at < case.updated_at
        and finding.seen_at <= case.updated_at + late
    )


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
