"""A raster of cells that says at once where most points lie; owns the cells, not the exact test.

A cell that no polygon's edge touches lies wholly inside or wholly outside each polygon, so all of its points get the
answer of its centre. Cells that an edge touches, a few per cent, keep the list of polygons to test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

NOWHERE: Final = -1
BORDER: Final = -2
# Cells along the longer side, and per corner of the polygons.
_MIN_SIDE, _MAX_SIDE = 32, 1024
_CELLS_PER_CORNER: Final = 64
# Pieces of edge laid out at most; polygons that wind more than that get a coarser raster.
_MAX_PIECES: Final = 4_000_000
# Cells are counted as touched this much (in cells) beyond their rim: far more than rounding, far less than a cell.
_MARGIN: Final = 1e-6

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """Cells over the polygons' common box, numbered row by row from the south-west."""

    origin: tuple[float, float]
    per_degree: tuple[float, float]
    """Cells per degree of longitude and of latitude."""
    shape: tuple[int, int]
    """Columns, rows."""
    labels: NDArray[np.int32]
    """(columns * rows,) the index of the polygon that holds the cell, NOWHERE, or BORDER."""
    borders: NDArray[np.int32]
    """(columns * rows,) a border cell's number; meaningless elsewhere."""
    starts: Ints
    """(border cells + 1,) where each border cell's polygons begin in `polygons`."""
    polygons: Ints

    @classmethod
    def over(
        cls,
        areas: NDArray[np.object_],
        *,
        candidates: Callable[[Floats, Floats], tuple[Ints, Ints]],
        label: Callable[[Floats], Ints],
    ) -> Self:
        """Lay a raster over polygons.

        Args:
            areas: the polygons, in degrees.
            candidates: gives for n boxes (low corners, high corners) the polygons to test and how many each has.
            label: gives for (n, 2) points the index of the polygon that each lies in, or NOWHERE.
        """
        west, south, east, north = shapely.total_bounds(areas)
        pad = 1e-9 + 1e-6 * max(east - west, north - south)
        low = np.array([west - pad, south - pad])
        size = np.array([east + pad, north + pad]) - low
        corners, ring = _corners(areas)
        columns, rows = _shape(size, corners, ring)
        per_degree = np.array([columns, rows]) / size
        border = _touched((corners - low) * per_degree, ring, columns=columns, rows=rows)
        cells = np.flatnonzero(border.ravel())
        centre = _in_degrees(columns, low, per_degree)
        polygons, counts = candidates(centre(cells, -_MARGIN), centre(cells, 1.0 + _MARGIN))
        borders = np.zeros(border.size, dtype=np.int32)
        borders[cells] = np.arange(len(cells))
        return cls(
            origin=(float(low[0]), float(low[1])),
            per_degree=(float(per_degree[0]), float(per_degree[1])),
            shape=(columns, rows),
            labels=_labels(border, lambda chosen: label(centre(chosen, 0.5))),
            borders=borders,
            starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.intp),
            polygons=polygons,
        )

    def look_up(self, points: Floats) -> tuple[Ints, Ints]:
        """Return for (n, 2) points the polygon's index, NOWHERE or BORDER, and the cell (0 outside the raster)."""
        columns, rows = self.shape
        column = np.floor((points[:, 0] - self.origin[0]) * self.per_degree[0])
        row = np.floor((points[:, 1] - self.origin[1]) * self.per_degree[1])
        outside = (column < 0) | (column >= columns) | (row < 0) | (row >= rows)
        cells = (row * columns + column).astype(np.intp)
        cells[outside] = 0
        found = self.labels[cells].astype(np.intp)
        found[outside] = NOWHERE
        return found, cells

    def candidates_of(self, cells: Ints) -> tuple[Ints, Ints]:
        """Return the pairs (position in `cells`, polygon) to test for border cells."""
        numbers = self.borders[cells]
        first = self.starts[numbers]
        counts = self.starts[numbers + 1] - first
        where = expand(counts)
        skipped = np.cumsum(counts) - counts
        return where, self.polygons[first[where] + np.arange(len(where)) - skipped[where]]


def expand(counts: Ints) -> Ints:
    """Return 0 repeated counts[0] times, then 1 repeated counts[1] times, and so on."""
    return np.repeat(np.arange(len(counts), dtype=np.intp), counts)


def _corners(areas: NDArray[np.object_]) -> tuple[Floats, Ints]:
    """Return all corners, (n, 2), and the number of the ring that each belongs to, (n,)."""
    rings = shapely.get_rings(shapely.get_parts(areas))
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    return corners, ring.astype(np.intp)


def _shape(size: Floats, corners: Floats, ring: Ints) -> tuple[int, int]:
    """Choose how many columns and rows: near-square cells, more of them for more corners."""
    side = int(np.clip(np.sqrt(_CELLS_PER_CORNER * len(corners)), _MIN_SIDE, _MAX_SIDE))
    steps = np.abs(np.diff(corners, axis=0))[ring[1:] == ring[:-1]]
    while True:
        columns, rows = (max(1, int(np.ceil(side * part))) for part in size / size.max())
        pieces = np.ceil(2.0 * (steps * (columns, rows) / size).max(axis=1)).sum()
        if pieces <= _MAX_PIECES or side <= 1:
            return columns, rows
        side //= 2


def _touched(corners: Floats, ring: Ints, *, columns: int, rows: int) -> NDArray[np.bool_]:
    """Return (rows, columns), which cells an edge touches or may touch; corners are in cells."""
    same = ring[1:] == ring[:-1]
    start, step = corners[:-1][same], np.diff(corners, axis=0)[same]
    # Pieces of half a cell at most, so that the corners of a piece's box name every cell that it meets.
    counts = np.maximum(1, np.ceil(2.0 * np.abs(step).max(axis=1))).astype(np.intp)
    edge = expand(counts)
    nth = np.arange(len(edge)) - (np.cumsum(counts) - counts)[edge]
    piece = step[edge] / counts[edge, None]
    begin = start[edge] + piece * nth[:, None]
    low = np.floor(np.minimum(begin, begin + piece) - _MARGIN).astype(np.intp)
    high = np.floor(np.maximum(begin, begin + piece) + _MARGIN).astype(np.intp)
    touched = np.zeros((rows, columns), dtype=np.bool_)
    limit = (columns - 1, rows - 1)
    low, high = np.clip(low, 0, limit), np.clip(high, 0, limit)
    for column in (low[:, 0], high[:, 0]):
        for row in (low[:, 1], high[:, 1]):
            touched[row, column] = True
    return touched


def _in_degrees(columns: int, low: Floats, per_degree: Floats) -> Callable[[Ints, float], Floats]:
    def place(cells: Ints, within: float) -> Floats:
        """Return the point of each cell that lies `within` (0 south-west, 1 north-east) of it, in degrees."""
        row, column = np.divmod(cells, columns)
        return np.asarray(low + (np.column_stack([column, row]) + within) / per_degree, dtype=np.float64)

    return place


def _labels(border: NDArray[np.bool_], label: Callable[[Ints], Ints]) -> NDArray[np.int32]:
    """Label all cells, asking for one cell of each connected stretch that no edge touches."""
    free = ~border
    begins = free.copy()
    begins[:, 1:] &= border[:, :-1]
    run = np.cumsum(begins.ravel()).reshape(border.shape) - 1
    first = np.flatnonzero(begins.ravel())
    # A run whose first cell has a free cell below it is part of that cell's stretch.
    parent = np.arange(len(first), dtype=np.intp)
    row, column = np.divmod(first, border.shape[1])
    joined = (row > 0) & free[row - 1, column]
    parent[joined] = run[row[joined] - 1, column[joined]]
    while not np.array_equal(parent, parent[parent]):
        parent = parent[parent]
    roots = np.unique(parent)
    of_run = np.empty(len(first), dtype=np.int32)
    of_run[roots] = label(first[roots])
    labels = np.full(border.size, BORDER, dtype=np.int32)
    labels[free.ravel()] = of_run[parent][run[free]]
    return labels
