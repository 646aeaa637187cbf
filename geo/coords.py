"""Positions in degrees and the four datums they come in; owns conversion, nothing about metres or files.

Inside Beatgrid every position is WGS-84, longitude first; these conversions are for the edge. GCJ-02 and BD-09 have
no published definition: the formulas are the ones in general use, recovered from the official Chinese map plug-in
(eviltransform and its descendants), and agree with the providers' own services to about a metre.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.errors import CoordinateError


class LonLat(NamedTuple):
    """A position in decimal degrees, longitude first; WGS-84 unless the code around it says otherwise."""

    lon: float
    lat: float


class Datum(StrEnum):
    """What a file's coordinates refer to."""

    WGS84 = "wgs84"
    CGCS2000 = "cgcs2000"
    GCJ02 = "gcj02"
    BD09 = "bd09"


class Extent(NamedTuple):
    """A box in degrees of WGS-84 that everything of a site lies in; west is less than east."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, lonlat: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return for (n, 2) WGS-84 positions, (n,), which lie in the box or on its rim."""
        lon, lat = lonlat[:, 0], lonlat[:, 1]
        return (lon >= self.west) & (lon <= self.east) & (lat >= self.south) & (lat <= self.north)


# Krasovsky 1940, the ellipsoid that the GCJ-02 offset is computed on.
_SEMI_MAJOR_M: Final = 6378245.0
_ECCENTRICITY_SQUARED: Final = 0.00669342162296594323
# The box inside which the offset is applied.
_CHINA_WEST, _CHINA_SOUTH, _CHINA_EAST, _CHINA_NORTH = 72.004, 0.8293, 137.8347, 55.8271
_BD_WAVE: Final = math.pi * 3000.0 / 180.0
_BD_EAST, _BD_NORTH = 0.0065, 0.006
# The forward maps differ from the identity by a contraction of 0.02 at most, so 8 rounds reach the last bit.
_INVERSE_ROUNDS: Final = 8

_SHIFTED: Final = frozenset({Datum.GCJ02, Datum.BD09})


def convert(point: LonLat, *, source: Datum, target: Datum) -> LonLat:
    """Convert one position from one datum to another; see `convert_array`.

    Args:
        point: longitude and latitude in degrees of `source`.
        source: the datum that the position is in.
        target: the datum wanted.

    Raises:
        CoordinateError: the position is not finite or not a longitude and latitude.
    """
    lon, lat = convert_array(np.array([point], dtype=np.float64), source=source, target=target)[0]
    return LonLat(float(lon), float(lat))


def convert_array(lonlat: NDArray[np.float64], *, source: Datum, target: Datum) -> NDArray[np.float64]:
    """Convert positions from one datum to another, exact to 1e-6 m there and back.

    CGCS2000 is taken as WGS-84: both are ITRF realisations and differ by centimetres to a few decimetres (the
    plates' motion since CGCS2000's epoch 2000.0), less than any camera or phone resolves. GCJ-02 and BD-09 are
    offset only inside China's box (72.004..137.8347 E, 0.8293..55.8271 N), as their makers do; elsewhere they are
    WGS-84. On the box's rim, half a kilometre wide, the offset jumps and the way back is not unique.

    Args:
        lonlat: (n, 2) longitude and latitude in degrees of `source`.
        source: the datum that the positions are in.
        target: the datum wanted.

    Returns:
        (n, 2) longitude and latitude in degrees of `target`, a new array.

    Raises:
        CoordinateError: the array is not (n, 2), or a row is not finite or out of range; names the first such row.
    """
    points = checked_lonlat(lonlat)
    if source is target or not {source, target} & _SHIFTED:
        return points.copy()
    return _from_wgs84(_to_wgs84(points, source), target)


def suspected_datum(lonlat: NDArray[np.float64], *, declared: Datum, extent: Extent) -> Datum | None:
    """Return the datum that the coordinates look to be in, if not the declared one.

    A file is suspect when some of its positions fall outside the extent and all fall inside once its coordinates
    are taken to be in another datum. (In Yingpu the offset is 486 m and the site 5 km: most of a mistagged file
    still falls inside, so a rule that waits for all of it to fall outside would not fire.)

    Args:
        lonlat: (n, 2) WGS-84 positions as converted from the declared datum.
        declared: the datum that the file's coordinates were taken to be in.
        extent: where everything should lie.
    """
    if not len(lonlat) or extent.holds(lonlat).all():
        return None
    raw = convert_array(lonlat, source=Datum.WGS84, target=declared)
    for datum in (Datum.WGS84, Datum.GCJ02, Datum.BD09):
        if datum is not declared and extent.holds(convert_array(raw, source=datum, target=Datum.WGS84)).all():
            return datum
    return None


def checked_lonlat(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the positions as an (n, 2) float array.

    Raises:
        CoordinateError: the array is not (n, 2), or a row is not finite or out of range; names the first such row.
    """
    points = np.asarray(lonlat, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:  # noqa: PLR2004  # a table of pairs
        raise CoordinateError("the shape of the positions", seen=f"{points.shape}, not (n, 2)")
    good = (np.abs(points[:, 0]) <= 180.0) & (np.abs(points[:, 1]) <= 90.0)  # noqa: PLR2004  # degrees of a circle
    if not good.all():
        first = int(np.argmin(good))
        row = (float(points[first, 0]), float(points[first, 1]))
        raise CoordinateError(f"position {first}", seen=row, count=int((~good).sum()))
    return points


def _from_wgs84(points: NDArray[np.float64], target: Datum) -> NDArray[np.float64]:
    if target not in _SHIFTED:
        return points
    shifted = _gcj02_of(points)
    if target is Datum.BD09:
        shifted = _bd09_of(shifted)
    return np.where(_in_china(points), shifted, points)


def _to_wgs84(points: NDArray[np.float64], source: Datum) -> NDArray[np.float64]:
    if source not in _SHIFTED:
        return points
    gcj02 = _inverse(_bd09_of, points) if source is Datum.BD09 else points
    return np.where(_in_china(points), _inverse(_gcj02_of, gcj02), points)


def _in_china(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    lon, lat = points[:, :1], points[:, 1:]
    return (lon >= _CHINA_WEST) & (lon <= _CHINA_EAST) & (lat >= _CHINA_SOUTH) & (lat <= _CHINA_NORTH)


def _inverse(
    forward: Callable[[NDArray[np.float64]], NDArray[np.float64]], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solve forward(x) = wanted by fixed-point iteration."""
    guess = wanted.copy()
    for _ in range(_INVERSE_ROUNDS):
        guess += wanted - forward(guess)
    return guess


def _gcj02_of(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add the GCJ-02 offset to WGS-84 positions, wherever they lie."""
    x, y = points[:, 0] - 105.0, points[:, 1] - 35.0
    root, product = np.sqrt(np.abs(x)), x * y
    ripple = (20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)) * 2.0 / 3.0
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * product + 0.1 * root + ripple
    east_m += _wave(x, (20.0, 40.0), (1.0, 3.0)) + _wave(x, (150.0, 300.0), (12.0, 30.0))
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * product + 0.2 * root + ripple
    north_m += _wave(y, (20.0, 40.0), (1.0, 3.0)) + _wave(y, (160.0, 320.0), (12.0, 30.0))
    latitude = np.radians(points[:, 1])
    magic = 1.0 - _ECCENTRICITY_SQUARED * np.sin(latitude) ** 2
    meridian_m = _SEMI_MAJOR_M * (1.0 - _ECCENTRICITY_SQUARED) / magic**1.5
    parallel_m = _SEMI_MAJOR_M / np.sqrt(magic) * np.cos(latitude)
    return points + np.degrees(np.column_stack([east_m / parallel_m, north_m / meridian_m]))


def _wave(
    t: NDArray[np.float64], amplitudes: tuple[float, float], divisors: tuple[float, float]
) -> NDArray[np.float64]:
    (first, second), (slow, slower) = amplitudes, divisors
    wave = first * np.sin(np.pi * t / slow) + second * np.sin(np.pi * t / slower)
    return np.asarray(wave * 2.0 / 3.0, dtype=np.float64)


def _bd09_of(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add Baidu's offset to GCJ-02 positions, wherever they lie."""
    lon, lat = points[:, 0], points[:, 1]
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_WAVE)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_WAVE)
    return np.column_stack([radius * np.cos(angle) + _BD_EAST, radius * np.sin(angle) + _BD_NORTH])
