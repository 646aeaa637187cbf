"""GeoJSON as text (RFC 7946) to features and back; owns the format, not which properties a feature must have.

Nested properties stay as they are, which GDAL's readers do not promise, and nothing is guessed: each position, ring
and type that is not as the standard says is a fault.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import shapely
from shapely import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from geo.boundaries import Fault
from geo.coords import Datum, convert_array
from geo.errors import FeatureFileError
from geo.file_access import read_text, replacing

_MAX_FEATURES: Final = 100_000
_CORNERS_MIN: Final = 4
# A "crs" member is not part of RFC 7946, yet many files carry one; these say what the datum tag says anyway.
_DEGREES: Final = ("CRS84", "EPSG:4326", "EPSG::4326", "EPSG:4490", "EPSG::4490")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One feature as read: where it stands in the file, its properties, and its geometry in WGS-84 or None."""

    number: int
    """1 for the first."""
    properties: Mapping[str, Any]
    geometry: BaseGeometry | None
    """None where the geometry is at fault."""

    @property
    def label(self) -> str:
        """The feature's code, else its place."""
        code = self.properties.get("code")
        return code.strip() if isinstance(code, str) and code.strip() else f"#{self.number}"


class _GeometryError(ValueError):
    """What is wrong with a geometry; the message is the fault's problem."""


def read_features(
    path: Path, datum: Datum, *, kinds: tuple[str, ...], may_be_empty: bool = False
) -> tuple[list[Feature], list[Fault]]:
    """Return a file's features with geometry in WGS-84, and the faults of single features.

    Args:
        path: a GeoJSON file.
        datum: the datum that its coordinates are in.
        kinds: the geometry types that are allowed.
        may_be_empty: whether a file without a feature is sound.

    Raises:
        FeatureFileError: the file as a whole cannot be used.
    """
    members = _members(path, may_be_empty=may_be_empty)
    faults: list[Fault] = []
    features = []
    for number, member in enumerate(members, 1):
        raw = member.get("properties") if isinstance(member, dict) else None
        feature = Feature(number=number, properties=raw if isinstance(raw, dict) else {}, geometry=None)
        try:
            geometry = _geometry(member, kinds)
        except _GeometryError as error:
            faults.append(Fault(file=path.name, feature=feature.label, field="geometry", problem=str(error)))
        else:
            feature = Feature(number=number, properties=feature.properties, geometry=_converted(geometry, datum))
        features.append(feature)
    return features, faults


def write_features(path: Path, features: Iterable[tuple[Mapping[str, object], BaseGeometry]]) -> None:
    """Write properties and WGS-84 geometries as a feature collection, one feature a line, whole or not at all.

    Raises:
        FeatureFileError: the folder is missing or cannot be written to, or a property is no JSON.
    """
    with replacing(path) as stream:
        stream.write('{"type": "FeatureCollection", "features": [')
        for number, (properties, geometry) in enumerate(features, 1):
            stream.write("\n" if number == 1 else ",\n")
            stream.write(_line(path, number, properties, geometry))
        stream.write("\n]}\n")


def _line(path: Path, number: int, properties: Mapping[str, object], geometry: BaseGeometry) -> str:
    member = {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(geometry)}
    try:
        return json.dumps(member, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        label = Feature(number=number, properties=properties, geometry=None).label
        problem = f"cannot be written as JSON: {error}; expected texts, finite numbers, lists and tables"
        raise FeatureFileError([Fault(file=path.name, feature=label, field="", problem=problem)]) from error


def _members(path: Path, *, may_be_empty: bool) -> list[object]:
    text = read_text(path)
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _unusable(path, "", f"is not JSON: {error.msg} at {where}; mend it there") from error
    except (ValueError, RecursionError) as error:
        raise _unusable(path, "", f"is not usable JSON: {error}; export it anew") from error
    kind = document.get("type") if isinstance(document, dict) else type(document).__name__
    if kind != "FeatureCollection":
        raise _unusable(path, "type", f"is {kind!r:.60}; expected 'FeatureCollection'; export it as GeoJSON")
    _check_crs(path, document.get("crs"))
    members = document.get("features")
    if not isinstance(members, list) or not (members or may_be_empty):
        raise _unusable(path, "features", "is missing or empty; expected a list of features; add them")
    if len(members) > _MAX_FEATURES:
        raise _unusable(path, "features", f"holds {len(members):,}; expected {_MAX_FEATURES:,} at most; split the file")
    return members


def _no_constant(name: str) -> NoReturn:
    message = f"the number {name}, expected a finite one"
    raise ValueError(message)


def _check_crs(path: Path, crs: object) -> None:
    if crs is None:
        return
    name = crs.get("properties", {}).get("name") if isinstance(crs, dict) else crs
    if not str(name).endswith(_DEGREES):
        step = "reproject it, for example with `beatgrid boundaries import`"
        raise _unusable(path, "crs", f"is {name!r:.80}; expected degrees of WGS-84 or CGCS2000; {step}")


def _unusable(path: Path, field: str, problem: str) -> FeatureFileError:
    return FeatureFileError([Fault(file=path.name, feature="", field=field, problem=problem)])


def _geometry(member: object, kinds: tuple[str, ...]) -> BaseGeometry:
    if not isinstance(member, dict) or member.get("type") != "Feature":
        raise _GeometryError(f"stands in no Feature but {member!r:.60}; expected an object of type 'Feature'")
    geometry = member.get("geometry")
    kind = geometry.get("type") if isinstance(geometry, dict) else geometry
    if not isinstance(geometry, dict) or kind not in kinds:
        raise _GeometryError(f"is {kind!r:.60}; expected {' or '.join(kinds)}; draw it as such")
    builder: Callable[[object], BaseGeometry] = _BUILDERS[str(kind)]
    return builder(geometry.get("coordinates"))


def _point(value: object) -> Point:
    return Point(_position(value, "the point"))


def _polygon(value: object, name: str = "") -> Polygon:
    rings = [_ring(ring, f"{name}ring {number}") for number, ring in enumerate(_list(value, f"{name}polygon"), 1)]
    return Polygon(rings[0], rings[1:])


def _multi_polygon(value: object) -> MultiPolygon:
    parts = enumerate(_list(value, "multipolygon"), 1)
    return MultiPolygon([_polygon(part, f"part {number}, ") for number, part in parts])


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list) or not value:
        raise _GeometryError(f"has {value!r:.60} as the coordinates of its {name}; expected a list that is not empty")
    return value


def _ring(value: object, name: str) -> list[tuple[float, float]]:
    positions = [_position(each, f"{name}, position {at}") for at, each in enumerate(_list(value, name), 1)]
    if len(positions) < _CORNERS_MIN:
        raise _GeometryError(f"has {len(positions)} positions in {name}; expected 4 or more; draw the ring anew")
    if positions[0] != positions[-1]:
        first, last = (f"{lon},{lat}" for lon, lat in (positions[0], positions[-1]))
        raise _GeometryError(f"leaves {name} open: from {first} to {last}; expected a closed ring; repeat the first")
    return positions


def _position(value: object, name: str) -> tuple[float, float]:
    numbers = value[:2] if isinstance(value, list) else []
    good = len(numbers) == 2 and all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)  # noqa: PLR2004  # a pair
    if good:
        lon, lat = (_as_float(n) for n in numbers)
        if abs(lon) <= 180.0 and abs(lat) <= 90.0:  # noqa: PLR2004  # degrees of a circle
            return lon, lat
    expected = "expected [longitude, latitude] in degrees, -180..180 and -90..90"
    raise _GeometryError(f"has {value!r:.60} at {name}; {expected}; check the order (longitude first) and the CRS")


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _converted(geometry: BaseGeometry, datum: Datum) -> BaseGeometry:
    if datum in (Datum.WGS84, Datum.CGCS2000):
        return geometry
    return shapely.transform(
        geometry, lambda lonlat: convert_array(np.asarray(lonlat), source=datum, target=Datum.WGS84)
    )


_BUILDERS: Final[dict[str, Callable[[object], BaseGeometry]]] = {
    "Point": _point,
    "Polygon": _polygon,
    "MultiPolygon": _multi_polygon,
}
