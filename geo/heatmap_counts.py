"""How many cases lie in each cell and grid, by period and by the channel that first knew of them.

Owns the counting behind the heatmap: what a page embeds is these counts, never a case. Knows nothing of pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from geo.cells import CellGrid
from geo.coords import LonLat
from geo.heatmap_errors import HeatmapTooLargeError, HeatmapValueError
from geo.metric import distance_m

Ids = NDArray[np.int64]

# In the order in which they are drawn, stacked and named everywhere.
CHANNELS: Final = ("patrol", "intelligent", "public", "hotline", "transfer", "alarm")
_YEARS: Final = (1900, 2200)
_MOST_PERIODS: Final = 2000
_MOST_CELLS: Final = 20_000
_MOST_GRIDS: Final = 2000
_CELLS_ACROSS: Final = 40
_ROUND_SIZES_M: Final = (25, 50, 75, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 1500, 2000, 3000, 5000, 10_000)


class Period(StrEnum):
    """The step of the time slider: calendar days, weeks from Monday on (ISO 8601), or calendar months."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapCase:
    """One filed case, duplicates merged.

    Attributes:
        lonlat: WGS-84.
        occurred_at: when it was seen; aware.
        channel: which of `CHANNELS` first knew of it.
        grid: code of the grid that it belongs to.
    """

    lonlat: LonLat
    occurred_at: datetime
    channel: str
    grid: str

    def __post_init__(self) -> None:
        """Refuse what cannot be placed in a period or under a channel."""
        if self.occurred_at.utcoffset() is None:
            raise HeatmapValueError("occurred_at", seen=self.occurred_at, expected="an aware time, with its zone")
        if not _YEARS[0] <= self.occurred_at.year <= _YEARS[1]:
            expected = f"a year from {_YEARS[0]} to {_YEARS[1]}"
            raise HeatmapValueError("occurred_at", seen=self.occurred_at, expected=expected)
        if self.channel not in CHANNELS:
            raise HeatmapValueError("channel", seen=repr(self.channel), expected=f"one of {', '.join(CHANNELS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GridOutline:
    """One responsibility grid.

    Attributes:
        code: what cases name it by.
        name: in English.
        name_zh: in Chinese.
        polygon: WGS-84 degrees, longitude first.
    """

    code: str
    name: str
    name_zh: str
    polygon: Polygon | MultiPolygon


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodSpan:
    """One step of the slider.

    Attributes:
        first: its first day, local.
        last: its last day, local.
    """

    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """The counts behind one heatmap.

    A moment is a period's place in `periods` times the number of channels, plus the channel's place in `CHANNELS`.

    Attributes:
        periods: every period from the first case's to the last's, empty ones too.
        cell_size_m: a cell covers the square of this on the ground.
        outlines: (k, 7, 2) WGS-84, the closed hexagons that hold cases.
        cell_grids: (k,) place in the grids given of the grid with most of a cell's cases, -1 for none of them.
        cells: for each cell its (moment, count) pairs.
        grids: for each grid its (moment, count) pairs.
        outside: (moment, count) pairs of cases that name none of the grids.
        total: all cases.
    """

    periods: tuple[PeriodSpan, ...]
    cell_size_m: float
    outlines: NDArray[np.float64]
    cell_grids: Ids
    cells: tuple[tuple[tuple[int, int], ...], ...]
    grids: tuple[tuple[tuple[int, int], ...], ...]
    outside: tuple[tuple[int, int], ...]
    total: int


def tally(
    cases: Sequence[HeatmapCase],
    grids: Sequence[GridOutline],
    *,
    by: Period,
    timezone: ZoneInfo,
    cell_m: float | None,
) -> Tally:
    """Count cases by cell, grid, period and channel.

    Args:
        cases: filed cases, duplicates merged.
        grids: the grids that cases name; a case that names none of them counts for the site and under no grid.
        by: the period's length.
        timezone: the zone whose calendar cuts the periods.
        cell_m: a cell covers the square of this; None for about forty cells across the site, in a round figure.

    Raises:
        HeatmapError: two grids share a code, or there are more periods, cells or grids than a page can show.
        CellError: the cell size is not one.
        CoordinateError: a case's position is not a longitude and latitude.
    """
    grid_places = _grid_places(grids)
    periods, case_periods = _periods_of(cases, by=by, timezone=timezone)
    channel_places = {channel: place for place, channel in enumerate(CHANNELS)}
    channels = np.array([channel_places[case.channel] for case in cases], dtype=np.int64)
    moments = case_periods * len(CHANNELS) + channels
    in_grids = np.array([grid_places.get(case.grid, -1) for case in cases], dtype=np.int64)
    size_m, outlines, in_cells = _cells_of(cases, grids, cell_m=cell_m)
    by_grid = _paired(np.where(in_grids < 0, len(grids), in_grids), moments, count=len(grids) + 1)
    return Tally(
        periods=periods,
        cell_size_m=size_m,
        outlines=outlines,
        cell_grids=_commonest(in_cells, in_grids, count=len(outlines)),
        cells=_paired(in_cells, moments, count=len(outlines)),
        grids=by_grid[:-1],
        outside=by_grid[-1],
        total=len(cases),
    )


def _grid_places(grids: Sequence[GridOutline]) -> dict[str, int]:
    if len(grids) > _MOST_GRIDS:
        raise HeatmapTooLargeError("grids", count=len(grids), most=_MOST_GRIDS, remedy="draw a part of the site")
    places = {grid.code: place for place, grid in enumerate(grids)}
    if len(places) < len(grids):
        codes = [grid.code for grid in grids]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        raise HeatmapValueError("grid codes", seen=f"repeated ({', '.join(twice)})", expected="each grid once")
    return places


def _periods_of(cases: Sequence[HeatmapCase], *, by: Period, timezone: ZoneInfo) -> tuple[tuple[PeriodSpan, ...], Ids]:
    """Return all periods and each case's place among them."""
    if not cases:
        return (), np.empty(0, dtype=np.int64)
    firsts = [_first_day(case.occurred_at.astimezone(timezone).date(), by) for case in cases]
    start, end = min(firsts), max(firsts)
    least = (end - start).days // 31  # a cheap bound, before a list of ten thousand years is made
    if least > _MOST_PERIODS:
        raise _too_many_periods(least, by)
    days = [start]
    while days[-1] < end:
        days.append(_next_first_day(days[-1], by))
    if len(days) > _MOST_PERIODS:
        raise _too_many_periods(len(days), by)
    spans = tuple(PeriodSpan(first=day, last=_next_first_day(day, by) - timedelta(days=1)) for day in days)
    places = {day: place for place, day in enumerate(days)}
    return spans, np.array([places[day] for day in firsts], dtype=np.int64)


def _too_many_periods(count: int, by: Period) -> HeatmapTooLargeError:
    remedy = "choose a longer period or fewer cases (a wrong year in one case does this)"
    return HeatmapTooLargeError(f"periods of one {by}", count=count, most=_MOST_PERIODS, remedy=remedy)


def _first_day(day: date, by: Period) -> date:
    match by:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)


def _next_first_day(day: date, by: Period) -> date:
    match by:
        case Period.DAY:
            return day + timedelta(days=1)
        case Period.WEEK:
            return day + timedelta(days=7)
        case Period.MONTH:
            return (day + timedelta(days=31)).replace(day=1)


def _cells_of(
    cases: Sequence[HeatmapCase], grids: Sequence[GridOutline], *, cell_m: float | None
) -> tuple[float, NDArray[np.float64], Ids]:
    """Return the cells' size, their outlines, and each case's place among them."""
    positions = np.array([case.lonlat for case in cases], dtype=np.float64).reshape(-1, 2)
    polygons = [grid.polygon for grid in grids if not grid.polygon.is_empty]
    if polygons:
        extent = shapely.total_bounds(polygons)
    elif len(positions):
        extent = np.concatenate([positions.min(axis=0), positions.max(axis=0)])
    else:
        return float(cell_m or 0), np.empty((0, 7, 2)), np.empty(0, dtype=np.int64)
    west, south, east, north = extent.tolist()
    size_m = _round_size_m((west, south, east, north)) if cell_m is None else cell_m
    cells = CellGrid.over((west, south, east, north), size_m)
    ids, places = np.unique(cells.cell_of(positions), return_inverse=True)
    if len(ids) > _MOST_CELLS:
        remedy = f"choose cells larger than {size_m:g} m"
        raise HeatmapTooLargeError("cells with cases", count=len(ids), most=_MOST_CELLS, remedy=remedy)
    return size_m, cells.rings(ids), np.asarray(places, dtype=np.int64)


def _round_size_m(extent: tuple[float, float, float, float]) -> float:
    west, south, east, north = extent
    middle = (south + north) / 2
    across_m = distance_m(LonLat(west, middle), LonLat(east, middle))
    along_m = distance_m(LonLat(west, south), LonLat(west, north))
    wanted_m = max(across_m, along_m) / _CELLS_ACROSS
    return float(min(_ROUND_SIZES_M, key=lambda size_m: abs(size_m - wanted_m)))


def _paired(owners: Ids, moments: Ids, *, count: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Return for each of `count` owners its moments, ascending, with how often each occurs."""
    pairs, totals = np.unique(np.column_stack([owners, moments]), axis=0, return_counts=True)
    rows: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for (owner, moment), total in zip(pairs.tolist(), totals.tolist(), strict=True):
        rows[owner].append((moment, total))
    return tuple(tuple(row) for row in rows)


def _commonest(owners: Ids, values: Ids, *, count: int) -> Ids:
    """Return for each of `count` owners the value that it holds most often, the smallest of equals."""
    pairs, totals = np.unique(np.column_stack([owners, values]), axis=0, return_counts=True)
    result = np.full(count, -1, dtype=np.int64)
    order = np.lexsort([-pairs[:, 1], totals])  # ascending: what is written last is the commonest, then the smallest
    result[pairs[order, 0]] = pairs[order, 1]
    return result
