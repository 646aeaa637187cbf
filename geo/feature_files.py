"""The files of places: the one door through which grids, units, cameras, beats and points come in and go out.

Here lie the site's own files; `geo.polygon_files` imports foreign ones, `geo.point_files` tables of points. Every
reader returns WGS-84, and one that fails names all faults of its file.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from shapely import Point

from geo.boundaries import Area, Fault, Grid, Unit, UnitKind
from geo.coords import Datum, LonLat, convert_array
from geo.errors import CoordinateError, FeatureFileError
from geo.geojson import Feature, read_features, write_features
from geo.point_files import PointTable, read_points_csv, write_points_csv
from geo.polygon_files import PolygonFile, read_polygons

__all__ = [
    "FeatureFileError",
    "PointTable",
    "PolygonFile",
    "read_camera_features",
    "read_grids",
    "read_points_csv",
    "read_polygons",
    "read_units",
    "write_camera_features",
    "write_grids_geojson",
    "write_points_csv",
    "write_units_geojson",
]

_AREAS: Final = ("Polygon", "MultiPolygon")
T = TypeVar("T", str, bool)


def read_grids(path: Path, datum: Datum) -> tuple[Grid, ...]:
    """Return the grids of a GeoJSON file; whether they tile the site is for `geo.boundary_faults`.

    Args:
        path: the file; properties code, name, name_zh, police_beat, chief, deputies, station, schematic.
        datum: the datum of its coordinates.

    Raises:
        FeatureFileError: with every fault; if only properties are at fault, with the grids as `readable`.
    """
    features, faults = read_features(path, datum, kinds=_AREAS)
    grids = [_grid(_Properties(path.name, feature, faults), feature.geometry) for feature in features]
    return _checked(grids, faults, features)


def read_units(path: Path, datum: Datum) -> tuple[Unit, ...]:
    """Return the units of a GeoJSON file; whether they tile their grids is for `geo.boundary_faults`.

    Args:
        path: the file; properties code, name, name_zh, kind, grid, key, head, station, schematic.
        datum: the datum of its coordinates.

    Raises:
        FeatureFileError: with every fault; if only properties are at fault, with the units as `readable`.
    """
    features, faults = read_features(path, datum, kinds=_AREAS)
    units = [_unit(_Properties(path.name, feature, faults), feature.geometry) for feature in features]
    return _checked(units, faults, features)


def read_camera_features(path: Path, datum: Datum) -> list[tuple[LonLat, dict[str, Any]]]:
    """Return position and properties of each camera; the ground points of its calibration are converted as well.

    Args:
        path: a GeoJSON file of points.
        datum: the datum of its coordinates and of lon, lat in `calibration.points` ([u_px, v_px, lon, lat] each).

    Raises:
        FeatureFileError: with every fault. Properties are not checked here, except that lon, lat of a calibration
            point must be degrees where the datum has to be converted.
    """
    features, faults = read_features(path, datum, kinds=("Point",), may_be_empty=True)
    cameras = []
    for feature in features:
        properties = dict(feature.properties)
        if datum not in (Datum.WGS84, Datum.CGCS2000):
            _convert_calibration(_Properties(path.name, feature, faults), properties, datum)
        if isinstance(feature.geometry, Point):
            cameras.append((LonLat(feature.geometry.x, feature.geometry.y), properties))
    if faults:
        raise FeatureFileError(faults)
    return cameras


def write_grids_geojson(path: Path, grids: Iterable[Grid]) -> None:
    """Write grids so that `read_grids` gives them back, whole or not at all.

    Raises:
        FeatureFileError: the folder is missing or cannot be written to.
    """
    write_features(path, ((_grid_properties(grid), grid.area) for grid in grids))


def write_units_geojson(path: Path, units: Iterable[Unit]) -> None:
    """Write units so that `read_units` gives them back, whole or not at all.

    Raises:
        FeatureFileError: the folder is missing or cannot be written to.
    """
    write_features(path, ((_unit_properties(unit), unit.area) for unit in units))


def write_camera_features(path: Path, cameras: Iterable[tuple[LonLat, Mapping[str, object]]]) -> None:
    """Write cameras so that `read_camera_features` gives them back, whole or not at all.

    Raises:
        FeatureFileError: the folder is missing or cannot be written to.
    """
    write_features(path, ((properties, Point(position)) for position, properties in cameras))


class _Properties:
    """Reads one feature's properties; what is wrong is noted, and an empty value stands in for further checks."""

    def __init__(self, file: str, feature: Feature, faults: list[Fault]) -> None:
        self._file, self._feature, self._faults = file, feature, faults

    def fault(self, field: str, problem: str) -> None:
        self._faults.append(Fault(file=self._file, feature=self._feature.label, field=field, problem=problem))

    def text(self, field: str) -> str:
        return self._typed(field, "", "a text; put it in quotes")

    def flag(self, field: str) -> bool:
        return self._typed(field, default=False, expected="true or false")

    def texts(self, field: str) -> tuple[str, ...]:
        value = self._feature.properties.get(field)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.fault(field, f"{self._seen(field)}; expected a list of texts")
            return ()
        return tuple(value)

    def kind(self) -> UnitKind:
        value = self._feature.properties.get("kind")
        try:
            return UnitKind(value)  # type: ignore[arg-type]  # whatever it is, the enumeration refuses what it must
        except ValueError:
            self.fault("kind", f"{self._seen('kind')}; expected one of {', '.join(UnitKind)}")
            return UnitKind.RESIDENTIAL

    def _typed(self, field: str, default: T, expected: str) -> T:
        value = self._feature.properties.get(field)
        if not isinstance(value, type(default)):
            self.fault(field, f"{self._seen(field)}; expected {expected}")
            return default
        return value

    def _seen(self, field: str) -> str:
        properties = self._feature.properties
        return f"is {properties[field]!r:.60}" if field in properties else "is missing"


def _grid(properties: _Properties, geometry: object) -> Grid | None:
    values: dict[str, Any] = {
        name: properties.text(name) for name in ("code", "name", "name_zh", "police_beat", "chief", "station")
    }
    deputies, schematic = properties.texts("deputies"), properties.flag("schematic")
    if not isinstance(geometry, Area):
        return None
    return Grid(**values, deputies=deputies, schematic=schematic, area=geometry)


def _unit(properties: _Properties, geometry: object) -> Unit | None:
    values: dict[str, Any] = {
        name: properties.text(name) for name in ("code", "name", "name_zh", "grid", "head", "station")
    }
    kind, key, schematic = properties.kind(), properties.flag("key"), properties.flag("schematic")
    if not isinstance(geometry, Area):
        return None
    return Unit(**values, kind=kind, key=key, schematic=schematic, area=geometry)


F = TypeVar("F", Grid, Unit)


def _checked(values: list[F | None], faults: list[Fault], features: list[Feature]) -> tuple[F, ...]:
    found = tuple(value for value in values if value is not None)
    if faults:
        raise FeatureFileError(faults, readable=found if len(found) == len(features) else ())
    return found


def _convert_calibration(properties: _Properties, values: dict[str, Any], datum: Datum) -> None:
    calibration = values.get("calibration")
    points = calibration.get("points") if isinstance(calibration, dict) else None
    if not isinstance(calibration, dict) or not points:
        return
    try:
        table = np.array(points, dtype=np.float64).reshape(len(points), 4)
        table[:, 2:] = convert_array(table[:, 2:], source=datum, target=Datum.WGS84)
    except (CoordinateError, ValueError, TypeError) as error:
        properties.fault("calibration.points", f"cannot be converted from {datum}: {error}")
        return
    values["calibration"] = {**calibration, "points": table.tolist()}


def _grid_properties(grid: Grid) -> dict[str, object]:
    return {
        "code": grid.code,
        "name": grid.name,
        "name_zh": grid.name_zh,
        "police_beat": grid.police_beat,
        "chief": grid.chief,
        "deputies": list(grid.deputies),
        "station": grid.station,
        "schematic": grid.schematic,
    }


def _unit_properties(unit: Unit) -> dict[str, object]:
    return {
        "code": unit.code,
        "name": unit.name,
        "name_zh": unit.name_zh,
        "kind": unit.kind.value,
        "grid": unit.grid,
        "key": unit.key,
        "head": unit.head,
        "station": unit.station,
        "schematic": unit.schematic,
    }
