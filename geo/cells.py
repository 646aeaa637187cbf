"""Equal-area cells to count things in: hexagons or squares, all of one area, every point in exactly one of them.

The cells tile the Lambert azimuthal equal-area projection of WGS-84 about the middle of an area, so a cell at the
rim holds as much ground as one in the middle. They are for analysts' maps; a place to act on is a point with its
covariance, never a cell.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from geo.coords import LonLat, checked_lonlat
from geo.errors import GeoError

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Extent = tuple[float, float, float, float]

# Column and row are packed into one id, 31 bits each about this offset; even 1 m cells fit the globe.
_OFFSET: Final = 2**30
_SHIFT: Final = 31
_SIZES_M: Final = (1.0, 100_000.0)
# Pointy-top hexagon whose area is 1: A = 3 sqrt(3) / 2 · side².
_HEXAGON_SIDE: Final = math.sqrt(2 / (3 * math.sqrt(3)))


class CellShape(StrEnum):
    """What a cell looks like."""

    HEXAGON = "hexagon"
    SQUARE = "square"


class CellError(GeoError):
    """Cells cannot be laid or counted; the message says why."""

    def __init__(self, what: str, *, seen: object, expected: str) -> None:
        """Word the fault: `what` names the value, `seen` is it, `expected` says what it must be."""
        super().__init__(f"cells: {what} is {seen}; expected {expected}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellCounts:
    """How much lies in each cell that holds anything.

    Attributes:
        ids: (k,) cells, ascending.
        totals: (k,) sums of the weights.
    """

    ids: Ids
    totals: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CellGrid:
    """A tiling of the ground about a position.

    Attributes:
        origin: middle of the tiling, WGS-84; a hexagon is centred on it, a square has its lower left corner there.
        size_m: side of the square with a cell's area, whatever the shape: a cell covers size_m² of ground.
        shape: hexagons or squares.
    """

    origin: LonLat
    size_m: float
    shape: CellShape = CellShape.HEXAGON

    @classmethod
    def over(
        cls, area: Extent | Iterable[BaseGeometry], size_m: float, *, shape: CellShape = CellShape.HEXAGON
    ) -> Self:
        """Return the tiling about the middle of an area.

        The same area, size and shape give the same cells, on any machine.

        Args:
            area: (west, south, east, north) in WGS-84 degrees, or polygons in them.
            size_m: 1 to 100,000 metres; a cell covers size_m² of ground.
            shape: hexagons or squares.

        Raises:
            CellError: the area is empty or the size is not one.
            CoordinateError: the area is not in degrees.
        """
        if not (np.isfinite(size_m) and _SIZES_M[0] <= size_m <= _SIZES_M[1]):
            raise CellError("size_m", seen=size_m, expected=f"{_SIZES_M[0]:g} to {_SIZES_M[1]:g} metres")
        west, south, east, north = _extent_of(area)
        origin = LonLat(round((west + east) / 2, 7), round((south + north) / 2, 7))
        return cls(origin=origin, size_m=float(size_m), shape=shape)

    def cell_of(self, lonlat: ArrayLike) -> Ids:
        """Return the id of the one cell that holds each of (n, 2) WGS-84 positions, (n,).

        Raises:
            CoordinateError: a row is not a longitude and latitude.
            CellError: a position is the origin's antipode, where the projection ends.
        """
        positions = checked_lonlat(np.asarray(lonlat, dtype=np.float64))
        metres = np.column_stack(_to_metres(self.origin).transform(positions[:, 0], positions[:, 1]))
        if not np.isfinite(metres).all():
            worst = int(np.argmin(np.isfinite(metres).all(axis=1)))
            raise CellError(
                f"position {worst}", seen=tuple(positions[worst].tolist()), expected=f"one nearer to {self.origin}"
            )
        return _packed(self._column_row(metres / self.size_m))

    def _column_row(self, scaled: Floats) -> Ids:
        if self.shape is CellShape.SQUARE:
            return np.floor(scaled).astype(np.int64)
        return _hexagon_of(scaled / _HEXAGON_SIDE)

    def count(self, lonlat: ArrayLike, weights: ArrayLike | None = None) -> CellCounts:
        """Sum weights (1 each without any) over the cells of (n, 2) WGS-84 positions.

        Raises:
            CellError: the weights are not (n,) finite numbers.
            CoordinateError: a row is not a longitude and latitude.
        """
        ids = self.cell_of(lonlat)
        values = np.ones(len(ids)) if weights is None else np.asarray(weights, dtype=np.float64)
        if values.shape != ids.shape:
            raise CellError("the shape of weights", seen=values.shape, expected=f"{ids.shape}, one for each position")
        if not np.isfinite(values).all():
            raise CellError("a weight", seen="nan or inf", expected="finite numbers")
        found, place = np.unique(ids, return_inverse=True)
        totals = np.zeros(len(found))
        np.add.at(totals, place, values)
        return CellCounts(ids=found, totals=totals)

    def rings(self, ids: ArrayLike) -> Floats:
        """Return the closed outlines of (k,) cells, (k, 7 or 5, 2) WGS-84, anticlockwise.

        Raises:
            CellError: a cell lies beyond the projection.
        """
        column_row = _unpacked(np.asarray(ids, dtype=np.int64).reshape(-1))
        if self.shape is CellShape.SQUARE:
            corners = np.array([[0.0, 0.0], [1, 0], [1, 1], [0, 1], [0, 0]])
            metres = (column_row[:, None, :] + corners) * self.size_m
        else:
            angles = np.radians([-30, 30, 90, 150, 210, 270, 330])
            corners = np.column_stack([np.cos(angles), np.sin(angles)])
            metres = (_hexagon_centre(column_row)[:, None, :] + corners) * (_HEXAGON_SIDE * self.size_m)
        lon, lat = _to_metres(self.origin).transform(
            metres[..., 0].reshape(-1), metres[..., 1].reshape(-1), direction="INVERSE"
        )
        outline = np.column_stack([lon, lat]).reshape(metres.shape)
        if not np.isfinite(outline).all():
            raise CellError("a cell", seen="beyond the projection", expected=f"cells nearer to {self.origin}")
        return outline

    def polygon(self, cell: int) -> Polygon:
        """Return one cell's outline, WGS-84.

        Raises:
            CellError: the cell lies beyond the projection.
        """
        return Polygon(self.rings([cell])[0])


def _extent_of(area: Extent | Iterable[BaseGeometry]) -> Extent:
    values = tuple(area)
    bounds = (
        shapely.total_bounds(np.array(values, dtype=object))
        if values and all(isinstance(value, BaseGeometry) for value in values)
        else np.asarray(values, dtype=np.float64)
    )
    if bounds.shape != (4,) or not np.isfinite(bounds).all() or bounds[0] > bounds[2] or bounds[1] > bounds[3]:
        raise CellError("the area", seen=values[:4], expected="(west, south, east, north), or polygons that cover some")
    checked_lonlat(bounds.reshape(2, 2))
    west, south, east, north = bounds.tolist()
    return (west, south, east, north)


@lru_cache(maxsize=64)
def _to_metres(origin: LonLat) -> Transformer:
    # One may serve many threads: pyproj (from 3.1) keeps the projection itself in thread-local storage.
    plane = CRS.from_proj4(f"+proj=laea +lon_0={origin.lon!r} +lat_0={origin.lat!r} +datum=WGS84 +units=m")
    return Transformer.from_crs("OGC:CRS84", plane, always_xy=True)


def _packed(column_row: Ids) -> Ids:
    return np.asarray(((column_row[:, 0] + _OFFSET) << _SHIFT) | (column_row[:, 1] + _OFFSET), dtype=np.int64)


def _unpacked(ids: Ids) -> Ids:
    return np.column_stack([(ids >> _SHIFT) - _OFFSET, (ids & (2**_SHIFT - 1)) - _OFFSET])


def _hexagon_of(scaled: Floats) -> Ids:
    """Return the axial column and row of the hexagons of side 1 that hold (n, 2) points."""
    column = math.sqrt(3) / 3 * scaled[:, 0] - scaled[:, 1] / 3
    row = 2 / 3 * scaled[:, 1]
    cube = np.column_stack([column, row, -column - row])
    rounded = np.round(cube)
    # The three must sum to zero: the one that moved farthest in rounding follows from the other two.
    worst = np.argmax(np.abs(rounded - cube), axis=1)
    rows = np.arange(len(cube))
    rounded[rows, worst] -= rounded.sum(axis=1)
    return rounded[:, :2].astype(np.int64)


def _hexagon_centre(column_row: Ids) -> Floats:
    column, row = column_row[:, 0], column_row[:, 1]
    return np.column_stack([math.sqrt(3) * (column + row / 2), 1.5 * row])
