"""What `[points]` of `site.toml` says: what a verified public report earns, and its limits. Values and reading."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from geo.boundaries import Fault
from pipeline.fields import Fields

_MOST_POINTS: Final = 100_000
_MOST_M: Final = 5_000.0
_MOST_H: Final = 24.0 * 366
_MOST_BITS: Final = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsPolicy:
    """What is earned, and what is not.

    Attributes:
        per_report: for a verified report of a category that `categories` does not name.
        categories: by key of category; 0 for one that earns nothing.
        duplicates: how many further reports of an open problem earn as well, in the order in which they came.
        reports_per_day, points_per_day: the most that one account earns for reports of one local day.
        same_place_m, same_place_h: an account earns nothing for the category within this distance and time of a report
            that earned.
        picture_bits: pictures whose hashes differ in this many of 64 bits or fewer are the same.
        picture_days: how long a picture's hash is kept to compare with.
        redeem_least, redeem_most: bounds of one redemption.
    """

    per_report: int = 10
    categories: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 1
    reports_per_day: int = 5
    points_per_day: int = 100
    same_place_m: float = 30.0
    same_place_h: float = 24.0
    picture_bits: int = 6
    picture_days: int = 90
    redeem_least: int = 10
    redeem_most: int = 1000

    def worth(self, category: str) -> int:
        """Return what a verified report of a category earns."""
        return self.categories.get(category, self.per_report)


def read_points(fields: Fields) -> PointsPolicy | None:
    """Return what `[points]` says; None where the site has no such table, and so no points."""
    if not fields.table:
        return None
    fields.only(PointsPolicy.__dataclass_fields__)
    usual, named = PointsPolicy(), fields.inner("categories")
    policy = PointsPolicy(
        per_report=fields.whole("per_report", low=0, high=_MOST_POINTS, default=usual.per_report),
        categories={key: named.whole(key, low=0, high=_MOST_POINTS) for key in named.table},
        duplicates=fields.whole("duplicates", low=0, high=1000, default=usual.duplicates),
        reports_per_day=fields.whole("reports_per_day", low=1, high=1000, default=usual.reports_per_day),
        points_per_day=fields.whole("points_per_day", low=1, high=_MOST_POINTS, default=usual.points_per_day),
        same_place_m=fields.number("same_place_m", low=0.0, high=_MOST_M, default=usual.same_place_m),
        same_place_h=fields.number("same_place_h", low=0.0, high=_MOST_H, default=usual.same_place_h),
        picture_bits=fields.whole("picture_bits", low=0, high=_MOST_BITS, default=usual.picture_bits),
        picture_days=fields.whole("picture_days", low=1, high=3660, default=usual.picture_days),
        redeem_least=fields.whole("redeem_least", low=1, high=_MOST_POINTS, default=usual.redeem_least),
        redeem_most=fields.whole("redeem_most", low=1, high=_MOST_POINTS, default=usual.redeem_most),
    )
    if policy.redeem_most < policy.redeem_least:
        fields.fault("redeem_most", f"is {policy.redeem_most}, less than redeem_least's {policy.redeem_least}")
    return policy


def points_faults(policy: PointsPolicy | None, *, categories: Iterable[str], file: str) -> list[Fault]:
    """Return the categories that earn points and that the catalogue does not have."""
    known = set(categories)
    return [
        Fault(file=file, feature="points categories", field=key, problem="is not in the catalogue; name a class's key")
        for key in (policy.categories if policy is not None else {})
        if key not in known
    ]
