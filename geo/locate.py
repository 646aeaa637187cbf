"""Which polygon a position lies in: an rtree index over grids or units, for one point or a million.

A point inside a polygon belongs to it; a point on an edge that several polygons share belongs to the one with the
smallest code, and so does a point inside several that overlap. One point and a batch always get the same answer: both
end in the same exact test, and what the batch adds, a raster of cells that no edge touches, is exact as well.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any, Final, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geo.coords import LonLat, checked_lonlat
from geo.errors import GeoError
from geo.locate_raster import BORDER, Raster, expand

# From this many points on, laying out the raster costs less than it saves.
_RASTER_FROM: Final = 20_000
# Points per step of a batch: what a step works on stays small enough for the processor's cache.
_STEP: Final = 1 << 17


class LocateError(GeoError):
    """The polygons cannot be searched."""

    def __init__(self, code: str, *, seen: str, next_step: str) -> None:
        """Word the fault: the polygon's code, what is wrong with it, what to do."""
        super().__init__(f"polygon {code!r} is {seen}; expected a valid polygon in WGS-84 degrees; {next_step}")


class Locator:
    """Answers which of a fixed set of polygons a position lies in; safe to share between threads."""

    def __init__(self, codes: Sequence[str], polygons: Sequence[BaseGeometry]) -> None:
        """Index the polygons; `from_polygons` is the checked way in."""
        # Sorted by code, the smallest code is the smallest index.
        order = sorted(range(len(codes)), key=lambda i: codes[i])
        self._answers: NDArray[np.object_] = np.array([*(codes[i] for i in order), None], dtype=object)
        self._areas: NDArray[np.object_] = np.array([polygons[i] for i in order], dtype=object)
        self._index = _rtree(shapely.bounds(self._areas))
        # libspatialindex recycles nodes between queries: one at a time.
        self._lock = Lock()
        self._raster: Raster | None = None
        _prepare(self._areas)

    @classmethod
    def from_polygons(cls, codes: Sequence[str], polygons: Sequence[BaseGeometry]) -> Self:
        """Build a locator.

        Args:
            codes: what `locate` answers, one for each polygon; a code may stand for several polygons.
            polygons: valid polygons or multipolygons in WGS-84 degrees.

        Raises:
            LocateError: a polygon is empty, invalid, or no polygon at all; names the first.
        """
        for code, polygon in zip(codes, polygons, strict=True):
            if not isinstance(polygon, Polygon | MultiPolygon) or polygon.is_empty:
                raise LocateError(code, seen=f"an empty or other geometry ({polygon!r:.60})", next_step="draw it")
            if not polygon.is_valid:
                reason = shapely.is_valid_reason(polygon)
                raise LocateError(code, seen=f"invalid: {reason}", next_step="redraw or repair the ring")
        return cls(codes, polygons)

    def locate(self, point: LonLat) -> str | None:
        """Return the code of the polygon that a WGS-84 position lies in, or None where it lies in none.

        Raises:
            CoordinateError: the position is not a longitude and latitude in degrees.
        """
        lonlat = checked_lonlat(np.array([point], dtype=np.float64))
        x, y = lonlat[0].tolist()
        with self._lock:
            polygons = np.fromiter(self._index.intersection((x, y, x, y)), dtype=np.intp)
        if not len(polygons):
            return None
        found = self._decide(lonlat, np.zeros(len(polygons), dtype=np.intp), polygons)[0]
        answer: str | None = self._answers[found]
        return answer

    def locate_many(self, lonlat: NDArray[np.float64]) -> NDArray[np.object_]:
        """Return for (n, 2) WGS-84 positions, (n,), the code that `locate` answers for each, or None.

        Raises:
            CoordinateError: the array is not (n, 2), or a row is not a longitude and latitude; names the first.
        """
        points = checked_lonlat(lonlat)
        if len(points) >= _RASTER_FROM and len(self._areas) and self._raster is None:
            self._raster = Raster.over(self._areas, candidates=self._in_boxes, label=self._search)
        search = self._search if self._raster is None else self._look_up
        found = np.empty(len(points), dtype=np.intp)
        for start in range(0, len(points), _STEP):
            found[start : start + _STEP] = search(points[start : start + _STEP])
        return np.asarray(self._answers[found], dtype=object)

    def _look_up(self, points: NDArray[np.float64]) -> NDArray[np.intp]:
        """Answer from the raster, and test only the points of cells that an edge touches."""
        if self._raster is None:
            return self._search(points)
        found, cells = self._raster.look_up(points)
        border = np.flatnonzero(found == BORDER)
        where, polygons = self._raster.candidates_of(cells[border])
        found[border] = self._decide(points[border], where, polygons)
        return found

    def _search(self, points: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the index of each point's polygon, or -1, by rtree and the exact test."""
        polygons, counts = self._in_boxes(points, points)
        return self._decide(points, expand(counts), polygons)

    def _in_boxes(
        self, low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the polygons whose box meets each of n boxes, one after the other, and how many each has."""
        with self._lock:
            polygons, counts = self._index.intersection_v(np.ascontiguousarray(low), np.ascontiguousarray(high))
        return polygons.astype(np.intp), counts.astype(np.intp)

    def _decide(
        self, points: NDArray[np.float64], where: NDArray[np.intp], polygons: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Return the polygon of each point, or -1, given all pairs (point, polygon) that may match."""
        # Polygon by polygon: the prepared edges of one stay in the cache.
        order = np.argsort(polygons, kind="stable")
        where, polygons = where[order], polygons[order]
        hit = shapely.intersects_xy(self._areas[polygons], points[where, 0], points[where, 1])
        where, polygons = where[hit], polygons[hit]
        several = np.bincount(where, minlength=len(points))[where] > 1
        if several.any():
            # An inside beats an edge: what is on an edge ranks behind every inside.
            at = where[several]
            inside = shapely.contains_xy(self._areas[polygons[several]], points[at, 0], points[at, 1])
            rank = polygons.copy()
            rank[several] += np.where(inside, 0, len(self._areas))
            last = np.lexsort((-rank, where))
            where, polygons = where[last], polygons[last]
        found = np.full(len(points), -1, dtype=np.intp)
        found[where] = polygons
        return found


def _rtree(bounds: NDArray[np.float64]) -> Any:
    from rtree.index import Index  # loads a shared library

    if not len(bounds):
        return Index()
    return Index((i, box, None) for i, box in enumerate(bounds.tolist()))


def _prepare(areas: NDArray[np.object_]) -> None:
    """Prepare the polygons and ask each once: GEOS builds its search tree at the first question, not thread-safely."""
    shapely.prepare(areas)
    corners = shapely.get_point(shapely.get_exterior_ring(shapely.get_geometry(areas, 0)), 0)
    shapely.contains_xy(areas, shapely.get_x(corners), shapely.get_y(corners))
    shapely.intersects_xy(areas, shapely.get_x(corners), shapely.get_y(corners))
