"""How long the way along streets is between a place and many others; owns no speed, duty or force.

Streets are lines that meet where they share a vertex, as in OpenStreetMap: two that cross without one (a bridge) do not
meet. All may be gone both ways: patrols walk, ride bicycles, or may drive where others may not. A place off the streets
goes straight to the nearest one. What is not joined to the largest net of streets is left out, so that no way is
missing for a place that happens to lie beside a courtyard's path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from geo.coords import LonLat, checked_lonlat
from geo.errors import GeoError
from geo.metric import LocalPlane

# Vertices whose degrees agree to so many decimals, about a centimetre, are one.
_DECIMALS = 7
_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


class NoRoadsError(GeoError):
    """There is no street to go along."""

    def __init__(self, lines: int) -> None:
        """Word the fault: how many lines there were."""
        super().__init__(
            f"{lines} lines hold no street of any length; expected lines that share vertices where streets meet;"
            " check the file's extent and its column `highway`"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRoads:
    """Places as they lie beside the streets, each field (k,).

    Attributes:
        edge: index of the stretch of street between two crossings.
        along_m: from its start.
        aside_m: straight from the street to the place.
    """

    edge: _Ints
    along_m: _Floats
    aside_m: _Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """A way along streets, n corners.

    Attributes:
        corners: (n, 2) WGS-84 degrees.
        after_m: (n,) metres from its start to each corner, which never fall.
    """

    corners: _Floats
    after_m: _Floats

    @classmethod
    def over(cls, plane: LocalPlane, corners_m: _Floats) -> Self:
        """Return the way over (n, 2) corners in metres of a plane."""
        legs_m = np.hypot(*np.diff(corners_m, axis=0).T)
        return cls(corners=plane.to_lonlat(corners_m), after_m=np.concatenate([[0.0], np.cumsum(legs_m)]))

    @property
    def length_m(self) -> float:
        """Return its length in metres."""
        return float(self.after_m[-1])

    def at(self, share: float) -> LonLat:
        """Return the WGS-84 position where a share of its length, 0 to 1, is behind."""
        done_m = share * self.length_m
        lon, lat = (float(np.interp(done_m, self.after_m, column)) for column in self.corners.T)
        return LonLat(lon, lat)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoadGraph:
    """A net of streets: crossings, the stretches between them, and an index to find the nearest street.

    Ends and lengths are of stretches; `_matrix` holds the shortest stretch between each two crossings, both ways, and
    `_edges` its number, from 1. Pieces are in the order of their stretches.
    """

    _plane: LocalPlane
    _ends: _Ints
    _length_m: _Floats
    _matrix: csr_array
    _edges: csr_array
    _tree: Any
    _pieces: NDArray[np.object_]
    _piece_edge: _Ints
    _piece_from_m: _Floats
    left_out_m: float

    @classmethod
    def over(cls, lines: Sequence[_Floats]) -> Self:
        """Build the net.

        Args:
            lines: each (n, 2) WGS-84 degrees, n at least 2.

        Raises:
            NoRoadsError: no line has any length.
            CoordinateError: a vertex is not a longitude and latitude in degrees.
        """
        if not lines:
            raise NoRoadsError(0)
        lonlat = checked_lonlat(np.concatenate(lines))
        ends_at = np.cumsum([len(line) for line in lines])
        middle = (lonlat.min(axis=0) + lonlat.max(axis=0)) / 2
        plane = LocalPlane.at(LonLat(float(middle[0]), float(middle[1])))
        return cls._built(plane, lonlat, ends_at, lines=len(lines))

    @classmethod
    def _built(cls, plane: LocalPlane, lonlat: _Floats, ends_at: _Ints, *, lines: int) -> Self:
        places = plane.to_metres(lonlat)
        _, vertex = np.unique(np.round(lonlat, _DECIMALS), axis=0, return_inverse=True)
        vertex = vertex.reshape(-1)
        inside = np.ones(len(lonlat), bool)
        inside[ends_at - 1] = False
        starts = np.flatnonzero(inside)  # piece k goes from place starts[k] to the next
        piece_m = np.hypot(*(places[starts + 1] - places[starts]).T)
        if not piece_m.any():
            raise NoRoadsError(lines)
        crossing = _crossings(vertex, starts, ends_at)
        # A stretch begins wherever a line passes a crossing.
        begins = crossing[vertex[starts]]
        edge = np.cumsum(begins) - 1
        first = np.flatnonzero(begins)
        last = np.append(first[1:], len(starts)) - 1
        before = np.concatenate([[0.0], np.cumsum(piece_m)])
        ends = np.column_stack([vertex[starts[first]], vertex[starts[last] + 1]])
        length_m = before[last + 1] - before[first]
        kept, ends = _largest(ends, length_m)
        use = kept[edge] & (piece_m > 0.0)
        number = np.cumsum(kept) - 1
        matrix, edges = _matrices(ends, length_m[kept])
        pieces = shapely.linestrings(np.stack([places[starts[use]], places[starts[use] + 1]], axis=1))
        return cls(
            _plane=plane,
            _ends=ends,
            _length_m=length_m[kept],
            _matrix=matrix,
            _edges=edges,
            _tree=shapely.STRtree(np.asarray(pieces)),
            _pieces=np.asarray(pieces),
            _piece_edge=number[edge[use]],
            _piece_from_m=(before[:-1] - before[first][edge])[use],
            left_out_m=float(length_m[~kept].sum()),
        )

    @property
    def crossings(self) -> int:
        """Return how many crossings and dead ends there are."""
        return int(self._matrix.shape[0])

    @property
    def length_m(self) -> float:
        """Return the length of all streets in metres."""
        return float(self._length_m.sum())

    def beside(self, lonlat: _Floats) -> OnRoads:
        """Return where (k, 2) WGS-84 places lie beside the streets.

        Raises:
            CoordinateError: a row is not a longitude and latitude in degrees.
        """
        points = shapely.points(self._plane.to_metres(np.asarray(lonlat, np.float64).reshape(-1, 2)))
        found = self._tree.query_nearest(points, all_matches=False)
        piece = np.asarray(found[1], np.int64)
        lines = self._pieces[piece]
        return OnRoads(
            edge=self._piece_edge[piece],
            along_m=self._piece_from_m[piece] + shapely.line_locate_point(lines, points),
            aside_m=shapely.distance(lines, points),
        )

    def ways_m(self, origin: LonLat, places: OnRoads, *, within_m: float = np.inf) -> _Floats:
        """Return the shortest ways in metres, (k,), from one WGS-84 position to places beside the streets.

        Args:
            origin: where all ways begin.
            places: see `beside`.
            within_m: a way that is longer counts as infinite, which saves looking for it.

        Raises:
            CoordinateError: the origin is not a longitude and latitude in degrees.
        """
        here = self.beside(np.array([origin], np.float64))
        edge, along = int(here.edge[0]), float(here.along_m[0])
        start, end = (int(each) for each in self._ends[edge])
        reach = dijkstra(self._matrix, indices=[start, end], limit=within_m)
        to_node = np.minimum(reach[0] + along, reach[1] + (self._length_m[edge] - along))
        left, right = self._ends[places.edge].T
        ways = np.minimum(
            to_node[left] + places.along_m, to_node[right] + (self._length_m[places.edge] - places.along_m)
        )
        same = places.edge == edge
        ways[same] = np.minimum(ways[same], np.abs(places.along_m[same] - along))
        ways += places.aside_m + here.aside_m[0]
        return np.where(ways <= within_m, ways, np.inf)

    def way(self, origin: LonLat, end: LonLat) -> Way:
        """Return the shortest way from one WGS-84 position to another: to the nearest street, along streets, and on.

        Raises:
            CoordinateError: a position is not a longitude and latitude in degrees.
        """
        both = np.array([origin, end], np.float64)
        beside = self.beside(both)
        (first, last), (from_m, to_m) = beside.edge.tolist(), beside.along_m.tolist()
        reach, before = dijkstra(self._matrix, indices=self._ends[first], return_predecessors=True)
        leaving = np.array([from_m, self._length_m[first] - from_m])
        coming = np.array([to_m, self._length_m[last] - to_m])
        ways = leaving[:, None] + reach[:, self._ends[last]] + coming[None]
        out, into = (int(each) for each in np.unravel_index(int(np.argmin(ways)), ways.shape))
        if first == last and abs(to_m - from_m) <= ways[out, into]:
            along = [self._stretch(first, from_m, to_m)]
        else:
            along = [
                self._stretch(first, from_m, out * self._length_m[first]),
                *self._between(before[out], int(self._ends[first, out]), int(self._ends[last, into])),
                self._stretch(last, into * self._length_m[last], to_m),
            ]
        ends_m = self._plane.to_metres(both)
        return Way.over(self._plane, np.concatenate([ends_m[:1], *along, ends_m[1:]]))

    def _between(self, before: _Ints, start: int, end: int) -> list[_Floats]:
        """Return the stretches from one crossing to another, in metres, by what comes before each on the way."""
        found: list[_Floats] = []
        while end != start:
            previous = int(before[end])
            edge = int(self._edges[previous, end]) - 1
            whole_m = float(self._length_m[edge])
            forwards = int(self._ends[edge, 0]) == previous
            found.append(self._stretch(edge, *((0.0, whole_m) if forwards else (whole_m, 0.0))))
            end = previous
        return found[::-1]

    def _stretch(self, edge: int, from_m: float, to_m: float) -> _Floats:
        """Return the part of a stretch between two distances from its start, (n, 2) metres; backwards if they fall."""
        low, high = min(from_m, to_m), max(from_m, to_m)
        start, stop = np.searchsorted(self._piece_edge, [edge, edge + 1])
        corners = shapely.get_coordinates(self._pieces[start:stop]).reshape(-1, 2, 2)
        line = np.concatenate([corners[:, 0], corners[-1:, 1]])
        along = np.append(self._piece_from_m[start:stop], self._length_m[edge])
        inside = along[(along > low) & (along < high)]
        at = np.concatenate([[low], inside, [high]])
        part = np.column_stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])])
        return part if from_m <= to_m else part[::-1]


def _crossings(vertex: _Ints, starts: _Ints, ends_at: _Ints) -> NDArray[np.bool_]:
    """Return which vertices are crossings, dead ends or ends of lines: all but those with two neighbours in a line."""
    meets = np.bincount(np.concatenate([vertex[starts], vertex[starts + 1]]), minlength=int(vertex.max()) + 1)
    crossing = meets != 2  # noqa: PLR2004 - one street in, one street out
    crossing[vertex[ends_at - 1]] = True
    crossing[vertex[np.concatenate([[0], ends_at[:-1]])]] = True
    return np.asarray(crossing)


def _largest(ends: _Ints, length_m: _Floats) -> tuple[NDArray[np.bool_], _Ints]:
    """Return which stretches belong to the net with the most metres, and their ends numbered from 0."""
    count = int(ends.max()) + 1
    links = csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    _, net = connected_components(links, directed=False)
    metres = np.bincount(net[ends[:, 0]], weights=length_m)
    kept = net[ends[:, 0]] == int(np.argmax(metres))
    _, renumbered = np.unique(ends[kept], return_inverse=True)
    return kept, renumbered.reshape(-1, 2).astype(np.int64)


def _matrices(ends: _Ints, length_m: _Floats) -> tuple[csr_array, csr_array]:
    """Return the shortest stretch between each two crossings, both ways, and its number, from 1.

    Loops lead nowhere else and are left out.
    """
    apart = np.flatnonzero(ends[:, 0] != ends[:, 1])
    pairs = np.concatenate([ends[apart], ends[apart][:, ::-1]])
    edge = np.concatenate([apart, apart])
    order = np.lexsort((length_m[edge], pairs[:, 1], pairs[:, 0]))
    pairs, edge = pairs[order], edge[order]
    # Sorted by length last: the first of each pair is the shortest.
    first = np.ones(len(pairs), bool)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    count = int(ends.max()) + 1
    pairs, edge = pairs[first], edge[first]
    # A stretch of no length would count as no stretch at all.
    data = np.maximum(length_m[edge], 1e-6)
    rows, columns = pairs[:, 0], pairs[:, 1]
    return (
        csr_array((data, (rows, columns)), shape=(count, count)),
        csr_array((edge + 1, (rows, columns)), shape=(count, count)),
    )
