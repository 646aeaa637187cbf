"""Which of many places lie nearest to a point, by geodesic distance; owns no duty, eligibility or road."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from geo.coords import LonLat, checked_lonlat
from geo.errors import GeoError
from geo.metric import distances_m

_SEMI_MAJOR_M = 6378137.0
_ECCENTRICITY_SQUARED = 0.0066943799901413165
# Added to a chord before it bounds a search: far above rounding at the earth's radius, far below any distance meant.
_SLACK_M = 1e-3


class NearestError(GeoError):
    """Fewer than one neighbour was asked for."""

    def __init__(self, limit: int) -> None:
        """Word the fault: the limit that was given."""
        super().__init__(f"the limit is {limit}; expected 1 or more, or None for all; ask for at least one")


def nearest(
    point: LonLat, candidates: Sequence[tuple[str, LonLat]], *, limit: int | None = None
) -> list[tuple[str, float]]:
    """Return the candidates as (id, distance in metres), nearest first; equal distances in the order of their ids.

    Args:
        point: WGS-84 degrees.
        candidates: ids with their WGS-84 positions.
        limit: how many at most; None for all.

    Raises:
        CoordinateError: a position is not a longitude and latitude in degrees.
        NearestError: the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise NearestError(limit)
    if not candidates:
        return []
    lonlat = np.array([position for _, position in candidates], dtype=np.float64)
    metres = distances_m(point, lonlat).tolist()
    ranked = sorted(zip((each for each, _ in candidates), metres, strict=True), key=lambda pair: (pair[1], pair[0]))
    return ranked[:limit]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointIndex:
    """The same answer as `nearest` for many questions about one set of places; safe to share between threads.

    An rtree over positions in space (x, y, z of the ellipsoid) gives candidates by straight distance. A geodesic is
    never shorter than its chord, so all places with a chord up to the k-th candidate's geodesic hold the true k.
    """

    _candidates: Sequence[tuple[str, LonLat]]
    _places: NDArray[np.float64]
    _index: Any
    _lock: Any

    @classmethod
    def over(cls, candidates: Sequence[tuple[str, LonLat]]) -> Self:
        """Index ids with their WGS-84 positions.

        Raises:
            CoordinateError: a position is not a longitude and latitude in degrees.
        """
        from rtree.index import Index, Property  # loads a shared library

        lonlat = np.array([position for _, position in candidates], dtype=np.float64).reshape(-1, 2)
        places = _in_space(checked_lonlat(lonlat))
        boxes = ((at, (*place, *place), None) for at, place in enumerate(places.tolist()))
        flat = Property(dimension=3)
        index = Index(boxes, properties=flat) if len(places) else Index(properties=flat)
        return cls(_candidates=tuple(candidates), _places=places, _index=index, _lock=Lock())

    def nearest(self, point: LonLat, *, limit: int) -> list[tuple[str, float]]:
        """Return the nearest as (id, distance in metres), as `geo.nearest.nearest` does.

        Raises:
            CoordinateError: the position is not a longitude and latitude in degrees.
            NearestError: the limit is below 1.
        """
        if limit < 1:
            raise NearestError(limit)
        place = _in_space(checked_lonlat(np.array([point], dtype=np.float64)))[0]
        with self._lock:
            first = list(self._index.nearest((*place, *place), limit))
        if not first:
            return []
        reach = nearest(point, [self._candidates[at] for at in first])[:limit][-1][1] + _SLACK_M
        with self._lock:
            within = list(self._index.intersection((*(place - reach), *(place + reach))))
        return nearest(point, [self._candidates[at] for at in within], limit=limit)


def _in_space(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 3) geocentric metres on the WGS-84 ellipsoid for (n, 2) degrees."""
    lon, lat = np.radians(lonlat).T
    normal = _SEMI_MAJOR_M / np.sqrt(1.0 - _ECCENTRICITY_SQUARED * np.sin(lat) ** 2)
    across = normal * np.cos(lat)
    polar = normal * (1.0 - _ECCENTRICITY_SQUARED) * np.sin(lat)
    return np.column_stack([across * np.cos(lon), across * np.sin(lon), polar])
