"""The catalogue: which kinds of problem exist, how urgent each is and who handles it. `catalogue_files` reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pipeline.errors import PipelineError, UnknownError


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

    @property
    def most(self) -> float:
        """Return the longest deadline in this unit: 1,000, and as many urgent days, which are kept in hours."""
        return 24_000.0 if self is DeadlineUnit.URGENT_HOUR else 1_000.0


class Again(StrEnum):
    """What a problem that shows at a place again, after it was handled there, does to its case.

    A thing that was never gone opens it again with `reopen` and `new`. One that came afterwards is the old problem with
    `reopen`, a new one with `new`. With `silent` both only add to the case.
    """

    REOPEN = "reopen"
    SILENT = "silent"
    NEW = "new"


class WorkField(StrEnum):
    """Which field of the city's work a class belongs to."""

    URBAN_MANAGEMENT = "urban-management"
    CONSTRUCTION = "construction"
    PUBLIC_SECURITY = "public-security"
    SOCIAL_PREVENTION = "social-prevention"
    PROPERTY_MANAGEMENT = "property-management"
    OTHER = "other"


class Certainty(StrEnum):
    """How sure a mapping to another standard's number is; unmapped ones are not guessed."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNMAPPED = "unmapped"


STANDARD = "GB/T 47678.5-2026"
OLDER_STANDARDS = ("GB/T 30428.2-2013", "CJ/T 214-2007")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingCondition:
    """A condition (立案条件) on which a case of a class is filed, with its own deadline and closing condition.

    Attributes:
        number: within its class, from 1.
        text: the condition itself.
        urgent: whether a case filed on it is urgent, whatever its class says.
        source: where deadline and closing condition come from.
    """

    number: int
    text: str
    closing_condition: str
    deadline_value: float
    deadline_unit: DeadlineUnit
    urgent: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A class's number in another standard."""

    standard: str
    code: str
    certainty: Certainty
    source: str = ""


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
        department: the follow-up department; empty only where nothing can be reported.
        group, group_zh: the main class (大类) that it belongs to.
        key_since: since when it is a key item (重点管理事项); None if it is none.
        reportable: whether a case of it can be opened; a class of the standard that the site does not work yet is not.
        conditions: filing conditions by number; the class's own deadline holds where a report names none.
        mappings: its numbers in other standards, as far as they are known.
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
    group: str = ""
    group_zh: str = ""
    field: WorkField = WorkField.OTHER
    key_since: date | None = None
    reportable: bool = True
    conditions: tuple[FilingCondition, ...] = ()
    mappings: tuple[Mapped, ...] = ()

    def condition(self, number: int | None) -> FilingCondition | None:
        """Return a filing condition; None where none was named.

        Raises:
            UnknownError: the class has no such condition.
        """
        if number is None:
            return None
        for each in self.conditions:
            if each.number == number:
                return each
        raise UnknownError(
            f"filing condition of {self.key}", str(number), [str(each.number) for each in self.conditions]
        )

    def is_key_item(self, day: date) -> bool:
        """Tell whether it is a key item on a local day."""
        return self.key_since is not None and self.key_since <= day

    def mapped(self, standard: str) -> Mapped:
        """Return its number in another standard; certainty `unmapped` where it is not known."""
        unknown = Mapped(standard=standard, code="", certainty=Certainty.UNMAPPED)
        return next((each for each in self.mappings if each.standard == standard), unknown)

    @property
    def key(self) -> str:
        """Return "<standard>/<kind>/<code>", by which everything else names it."""
        return f"{self.standard}/{self.kind}/{self.code}"


class NotReportableError(PipelineError):
    """A class is listed, and the site does not work it."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"class {key} is listed but not worked here; choose another, or have an administrator give it a department"
            " and a deadline and switch it on"
        )


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

    def names(self, key: str) -> tuple[str, str]:
        """Return a category's two names; where the catalogue has it no more, its key for both."""
        known = self.by_key.get(key)
        return (key, key) if known is None else (known.name, known.name_zh)

    def reportable(self, key: str) -> Category:
        """Return a category that a case can be opened of.

        Raises:
            UnknownError: no category has this key.
            NotReportableError: the site does not work it.
        """
        category = self.get(key)
        if not category.reportable:
            raise NotReportableError(key)
        return category
