"""Reading a table of configuration field by field: every fault is noted with file, feature and field, none stops."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Self, TypeVar

from geo.boundaries import Fault

E = TypeVar("E", bound=StrEnum)
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadFault(Fault):
    """A fault that leaves a file unread, or a part of it: what the file names is not known then."""

    @classmethod
    def of(cls, fault: Fault) -> Self:
        """Return a fault as one that leaves its file unread."""
        return cls(file=fault.file, feature=fault.feature, field=fault.field, problem=fault.problem)


@dataclass(frozen=True, slots=True)
class Fields:
    """One table (a TOML table, a CSV row, a feature's properties) and where its faults go.

    Each reader returns the value, or a harmless one after noting a fault; nothing is built from a table with faults.
    """

    table: Mapping[str, object]
    file: str
    feature: str
    faults: list[Fault]

    def fault(self, field: str, problem: str) -> None:
        """Note what is wrong with a field."""
        self.faults.append(Fault(file=self.file, feature=self.feature, field=field, problem=problem))

    def has_fault(self, field: str) -> bool:
        """Tell whether a field of this table that was just read has a fault: its value is a harmless one, not what is.

        Asked while the table is read; what was noted before another table was read is not looked for.
        """
        own = takewhile(lambda each: (each.file, each.feature) == (self.file, self.feature), reversed(self.faults))
        return any(each.field == field for each in own)

    def text(self, field: str, *, default: str | None = None, longest: int = 200) -> str:
        """Return a non-empty text; with a default it may be absent or empty."""
        value = self.table.get(field, _ABSENT)
        if value is _ABSENT or value is None or value == "":
            if default is None:
                self.fault(field, "is missing or empty; give a text")
            return default or ""
        if not isinstance(value, str):
            self.fault(field, f"is {value!r}, expected a text; put it in quotes")
            return default or ""
        if len(value) > longest:
            self.fault(field, f"has {len(value)} characters, expected {longest} at most; shorten it")
        return value.strip()

    def number(
        self, field: str, *, low: float = -math.inf, high: float = math.inf, default: float | None = None
    ) -> float:
        """Return a finite number within bounds (both included); CSV texts count as numbers."""
        value = self.table.get(field, _ABSENT)
        if (value is _ABSENT or value in ("", None)) and default is not None:
            return default
        number = _as_number(value)
        if number is None:
            seen = "is missing" if value is _ABSENT else f"is {value!r}"
            self.fault(field, f"{seen}, expected a number{_between(low, high)}")
            return default if default is not None else 0.0
        if not low <= number <= high:
            self.fault(field, f"is {number:g}, expected a number{_between(low, high)}")
        return number

    def whole(self, field: str, *, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number within bounds (both included)."""
        number = self.number(field, low=low, high=high, default=default)
        if number != int(number) and not self.has_fault(field):
            self.fault(field, f"is {number:g}, expected a whole number")
        return int(number)

    def flag(self, field: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.table.get(field, default)
        if not isinstance(value, bool):
            self.fault(field, f"is {value!r}, expected true or false")
            return default
        return value

    def choice(self, field: str, kind: type[E], *, default: E | None = None) -> E:
        """Return a member of an enumeration."""
        value = self.table.get(field, _ABSENT)
        if (value is _ABSENT or value == "") and default is not None:
            return default
        try:
            return kind(value)  # type: ignore[arg-type]  # whatever it is, the enumeration refuses what it does not know
        except ValueError:
            seen = "is missing" if value is _ABSENT else f"is {value!r}"
            self.fault(field, f"{seen}, expected one of {', '.join(kind)}")
            return default or next(iter(kind))

    def texts(self, field: str, *, required: bool = False) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self.table.get(field, [])
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            self.fault(field, f"is {value!r}, expected a list of texts")
            return ()
        if required and not value:
            self.fault(field, "is missing or empty; name at least one")
        return tuple(value)

    def inner(self, field: str) -> "Fields":
        """Return a table inside this one; an absent one is empty."""
        value = self.table.get(field, {})
        if not isinstance(value, Mapping):
            self.fault(field, f"is {value!r}, expected a table")
            value = {}
        return Fields(value, self.file, f"{self.feature} {field}".strip(), self.faults)

    def only(self, known: Iterable[str]) -> None:
        """Note every field that nobody reads: most often a misspelt one."""
        expected = sorted(known)
        for field in sorted(set(self.table) - set(expected)):
            self.fault(field, f"is not a field here; expected one of {', '.join(expected)}")


def _as_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _between(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(high):
        return f" of {low:g} or more"
    return f" from {low:g} to {high:g}"
