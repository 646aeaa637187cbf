"""The catalogue: which kinds of problem exist, how urgent each is and who handles it. Reads `catalogue.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.errors import UnknownError


class CategoryKind(StrEnum):
    """Component (部件) or matter (事件)."""

    COMPONENT = "component"
    MATTER = "matter"


class DeadlineUnit(StrEnum):
    """How a deadline's hours and days are counted."""

    URGENT_HOUR = "urgent_hour"
    WORK_HOUR = "work_hour"
    WORK_DAY = "work_day"
    NATURAL_DAY = "natural_day"


class Again(StrEnum):
    """What a problem that shows at a place again, after it was handled there, does to its case.

    A thing that was never gone opens it again with `reopen` and `new`. One that came afterwards is the old problem with
    `reopen`, a new one with `new`. With `silent` both only add to the case.
    """

    REOPEN = "reopen"
    SILENT = "silent"
    NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One class of the standard, with what the site does about it.

    Attributes:
        merge_within_m: a second report this near, beyond the error ellipses, is the same problem.
        merge_within_s: and this soon after the case's last sighting.
        again: what happens when it shows again where it was handled.
        again_after_s: how long after it was handled it may still show: a driver needs a while to leave.
        again_within_s: how long after it was handled it still is the old problem; a week.
        first_roles: roles of first forces that may handle it; empty means any first force.
        department: the follow-up department.
    """

    standard: str
    kind: CategoryKind
    code: str
    name: str
    name_zh: str
    urgent: bool
    department: str
    first_roles: tuple[str, ...]
    deadline_value: float
    deadline_unit: DeadlineUnit
    closing_condition: str
    merge_within_m: float
    merge_within_s: float
    again: Again = Again.NEW
    again_after_s: float = 900.0
    again_within_s: float = 7 * 86_400.0

    @property
    def key(self) -> str:
        """Return "<standard>/<kind>/<code>", by which everything else names it."""
        return f"{self.standard}/{self.kind}/{self.code}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All categories of a site, by key."""

    by_key: Mapping[str, Category]

    def get(self, key: str) -> Category:
        """Return a category.

        Raises:
            UnknownError: no category has this key.
        """
        if key not in self.by_key:
            raise UnknownError("category", key, sorted(self.by_key))
        return self.by_key[key]
