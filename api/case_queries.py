"""From query parameters to a `CaseFilter`, every fault named."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from api.errors import QueryFaultError
from pipeline.casebook import CaseFilter
from pipeline.cases import OPEN, Channel, Status
from pipeline.site import Site

K = TypeVar("K", bound=StrEnum)
_BBOX_NUMBERS = 4
_MOST_VALUES = 50


def case_filter(  # noqa: PLR0913 - the query's parameters, one by one
    site: Site,
    *,
    status: Sequence[str],
    grid: Sequence[str],
    channel: Sequence[str],
    since: datetime | None,
    until: datetime | None,
    bbox: str | None,
    terminal: str | None,
    after: str | None,
    limit: int,
) -> CaseFilter:
    """Return the filter; lists may be repeated or comma-separated, and `status=open` means all that have not ended.

    Raises:
        QueryFaultError: a value names no status, channel or grid, or the box is none.
    """
    grids = _grids(site, grid)
    return CaseFilter(
        statuses=_statuses(status),
        grids=grids or None,
        channels=frozenset(_member(Channel, "channel", each) for each in _split("channel", channel)),
        since=since,
        until=until,
        bbox=_box(bbox) if bbox is not None else None,
        terminal=terminal,
        after=after,
        limit=limit,
    )


def _split(name: str, values: Sequence[str]) -> list[str]:
    parts = [part.strip() for value in values for part in value.split(",") if part.strip()]
    if len(parts) > _MOST_VALUES:
        raise QueryFaultError(name, f"{len(parts)} values", expected=f"at most {_MOST_VALUES}")
    return parts


def _statuses(values: Sequence[str]) -> frozenset[Status]:
    chosen: set[Status] = set()
    for each in _split("status", values):
        chosen |= OPEN if each == "open" else {_member(Status, "status", each, "open")}
    return frozenset(chosen)


def _member(kind: type[K], name: str, value: str, *more: str) -> K:
    try:
        return kind(value)
    except ValueError:
        raise QueryFaultError(name, value, expected="one of " + _listed([*more, *kind])) from None


def _grids(site: Site, values: Sequence[str]) -> frozenset[str]:
    known = [grid.code for grid in site.boundaries.grids]
    chosen = frozenset(_split("grid", values))
    for each in sorted(chosen - set(known)):
        raise QueryFaultError("grid", each, expected="one of " + _listed(known))
    return chosen


def _box(value: str) -> tuple[float, float, float, float]:
    expected = "west,south,east,north in degrees, west < east and south < north"
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError:
        raise QueryFaultError("bbox", value, expected=expected) from None
    if len(numbers) != _BBOX_NUMBERS:
        raise QueryFaultError("bbox", value, expected=expected)
    west, south, east, north = numbers
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):  # noqa: PLR2004 - degrees of a circle
        raise QueryFaultError("bbox", value, expected=expected)
    return west, south, east, north


def _listed(values: Iterable[str]) -> str:
    return ", ".join(str(each) for each in values)
