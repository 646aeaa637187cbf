"""Metres: distances on the WGS-84 ellipsoid and a local east/north plane; owns no datum and no geometry."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from geo.coords import LonLat, checked_lonlat


@cache
def _wgs84() -> Geod:
    # One ellipsoid serves every thread: Geod holds constants only, unlike pyproj's CRS and Transformer.
    return Geod(ellps="WGS84")


def distance_m(a: LonLat, b: LonLat) -> float:
    """Return the geodesic distance in metres between two WGS-84 positions (Karney 2013)."""
    return float(_wgs84().inv(a.lon, a.lat, b.lon, b.lat)[2])


def distances_m(origin: LonLat, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the geodesic distances in metres, (n,), from one WGS-84 position to each of (n, 2).

    Raises:
        CoordinateError: a row is not a longitude and latitude in degrees.
    """
    points = checked_lonlat(lonlat)
    lon0, lat0 = (np.full(len(points), value) for value in origin)
    lon, lat = np.ascontiguousarray(points.T)
    return np.asarray(_wgs84().inv(lon0, lat0, lon.copy(), lat.copy())[2], dtype=np.float64)


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Return how many metres a degree of longitude and one of latitude measure at a WGS-84 latitude.

    Scaling by these keeps straight edges in degrees straight, as a projection does not: for areas of thin pieces.
    """
    ellipsoid = _wgs84()
    sine = math.sin(math.radians(lat))
    squashed = 1.0 - ellipsoid.es * sine * sine
    parallel_m = ellipsoid.a / math.sqrt(squashed) * math.cos(math.radians(lat))
    meridian_m = ellipsoid.a * (1.0 - ellipsoid.es) / squashed**1.5
    return math.radians(parallel_m), math.radians(meridian_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPlane:
    """A plane of metres east and north of an origin: the azimuthal equidistant projection of WGS-84.

    Distance and direction from the origin are the geodesic's own, at any range. Between two points that both lie
    within 10 km of the origin, distance is true to 4 mm, and within 50 km to half a metre.
    """

    origin: LonLat

    @classmethod
    def at(cls, origin: LonLat) -> Self:
        """Return the plane around a WGS-84 position.

        Raises:
            CoordinateError: the position is not a longitude and latitude in degrees.
        """
        checked_lonlat(np.array([origin], dtype=np.float64))
        return cls(origin=LonLat(float(origin[0]), float(origin[1])))

    def to_metres(self, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n, 2) metres east and north of the origin for (n, 2) WGS-84 degrees.

        Raises:
            CoordinateError: a row is not a longitude and latitude in degrees.
        """
        bearing, distance = _bearing_and_distance(self.origin, checked_lonlat(lonlat))
        return np.column_stack([distance * np.sin(bearing), distance * np.cos(bearing)])

    def to_lonlat(self, en_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n, 2) WGS-84 degrees for (n, 2) metres east and north of the origin."""
        east_m, north_m = np.asarray(en_m, dtype=np.float64).reshape(-1, 2).T
        lon0, lat0 = (np.full(len(east_m), value) for value in self.origin)
        bearing_deg = np.degrees(np.arctan2(east_m, north_m))
        lon, lat, _ = _wgs84().fwd(lon0, lat0, bearing_deg, np.hypot(east_m, north_m))
        return np.column_stack([lon, lat])

    def point_to_metres(self, point: LonLat) -> tuple[float, float]:
        """Return metres east and north of the origin for one WGS-84 position."""
        bearing_deg, _, distance = _wgs84().inv(self.origin.lon, self.origin.lat, point[0], point[1])
        bearing = math.radians(bearing_deg)
        return distance * math.sin(bearing), distance * math.cos(bearing)

    def point_to_lonlat(self, east_m: float, north_m: float) -> LonLat:
        """Return the WGS-84 position that lies so many metres east and north of the origin."""
        bearing_deg = math.degrees(math.atan2(east_m, north_m))
        lon, lat, _ = _wgs84().fwd(self.origin.lon, self.origin.lat, bearing_deg, math.hypot(east_m, north_m))
        return LonLat(float(lon), float(lat))


def _bearing_and_distance(
    origin: LonLat, points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return bearings in radians and distances in metres from the origin, each (n,)."""
    lon0, lat0 = (np.full(len(points), value) for value in origin)
    bearing_deg, _, distance = _wgs84().inv(lon0, lat0, points[:, 0].copy(), points[:, 1].copy())
    return np.radians(np.asarray(bearing_deg)), np.asarray(distance, dtype=np.float64)
