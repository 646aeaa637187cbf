"""Polygons from foreign vector files: whatever GDAL reads, in any CRS, to WGS-84; nothing is mended silently."""

import math
import warnings
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geo.boundaries import Area, Fault, Grid
from geo.boundary_faults import ring_problem
from geo.coords import Datum, convert_array
from geo.errors import FeatureFileError
from geo.file_access import check_size, checked_file

_MAX_FEATURES: Final = 100_000
_MAX_CODE: Final = 100
_FOLDERS: Final = (".gdb",)
_WGS84: Final = "EPSG:4326"
# A datum shift that PROJ itself says is worse than this is worth telling.
_COARSE_M: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonFile:
    """What a file of polygons holds: what can be used, what is wrong, what was mended on request."""

    codes: tuple[str, ...]
    areas: tuple[Area, ...]
    """WGS-84 degrees, one for each code: all features that have a code and a valid polygon."""
    faults: tuple[Fault, ...]
    repairs: tuple[Fault, ...]
    """What `repair` or `merge` changed."""
    notes: tuple[str, ...]
    """What was taken for granted, such as the CRS of a file that names none."""

    def as_grids(self) -> tuple[Grid, ...]:
        """Return the polygons as grids that are their own police beats, posts left empty."""
        return tuple(
            Grid(
                code=code,
                name=code,
                name_zh=code,
                police_beat=code,
                chief="",
                deputies=(),
                station="",
                area=area,
                schematic=False,
            )
            for code, area in zip(self.codes, self.areas, strict=True)
        )


@dataclass(slots=True, kw_only=True)
class _Findings:
    """What is noted while one file is read."""

    file: str
    faults: list[Fault] = field(default_factory=list)
    repairs: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fault(self, feature: str, field_name: str, problem: str) -> None:
        self.faults.append(Fault(file=self.file, feature=feature, field=field_name, problem=problem))

    def repaired(self, feature: str, problem: str) -> None:
        self.repairs.append(Fault(file=self.file, feature=feature, field="geometry", problem=problem))


def read_polygons(
    path: Path,
    *,
    code_field: str,
    layer: str | None = None,
    crs: str | None = None,
    datum: Datum = Datum.WGS84,
    repair: bool = False,
    merge: bool = False,
) -> PolygonFile:
    """Read polygons and their codes from any vector file that GDAL reads (zipped shapefiles included).

    Args:
        path: the file.
        code_field: the attribute that holds each polygon's code; numbers become text.
        layer: which layer, needed where the file has several of polygons.
        crs: the CRS to assume where the file names none, such as "EPSG:4547".
        datum: the datum of the coordinates once they are degrees: GCJ-02 files are usually tagged WGS-84.
        repair: make invalid rings valid (each is reported) instead of calling them faults.
        merge: join polygons that share a code (each is reported) instead of calling them faults.

    Returns:
        The usable polygons, and every fault of single features: missing or duplicate code, no polygon, invalid ring.

    Raises:
        FeatureFileError: the file as a whole cannot be used: missing, too large, unreadable, no such field or layer
            (what there is, is listed), no polygons, no CRS.
    """
    findings = _Findings(file=path.name)
    raw = _read(path, code_field, layer, findings)
    areas = _to_degrees(raw, crs, datum, findings)
    codes = _codes(raw.codes, findings)
    used = [
        (code, area)
        for at, (code, geometry) in enumerate(zip(codes, areas, strict=True))
        for area in [_area(geometry, code or f"#{at + 1}", findings, repair=repair)]
        if code and area is not None
    ]
    kept = _unique(used, findings, merge=merge)
    return PolygonFile(
        codes=tuple(code for code, _ in kept),
        areas=tuple(area for _, area in kept),
        faults=tuple(findings.faults),
        repairs=tuple(findings.repairs),
        notes=tuple(findings.notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Raw:
    crs: str | None
    geometries: NDArray[np.object_]
    codes: NDArray[Any]


def _read(path: Path, code_field: str, layer: str | None, findings: _Findings) -> _Raw:
    import pyogrio  # loads GDAL
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

    _check_file(path)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            name = _layer(path, pyogrio.list_layers(path), layer)
            info = pyogrio.read_info(path, layer=name, force_feature_count=True)
            _check_layer(path, info, code_field)
            meta, _, wkb, columns = pyogrio.raw.read(path, layer=name, columns=[code_field], force_2d=True)
    except (DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError) as error:
        raise _unusable(path, "", f"cannot be read by GDAL: {error}; open it in a GIS and export it anew") from error
    findings.notes += sorted({f"GDAL says: {warning.message}" for warning in told})
    return _Raw(crs=meta["crs"], geometries=shapely.from_wkb(wkb, on_invalid="ignore"), codes=columns[0])


def _check_file(path: Path) -> None:
    if path.is_dir() and path.suffix.lower() in _FOLDERS:
        check_size(path, sum(part.stat().st_size for part in path.iterdir()))
        return
    checked_file(path)
    with path.open("rb") as stream:
        start = stream.read(1024)
    if b"<OGRVRTDataSource" in start:
        raise _unusable(path, "", "only points at other files; expected the data; give the file that it points at")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            check_size(path, sum(member.file_size for member in archive.infolist()))


def _layer(path: Path, layers: NDArray[np.object_], wanted: str | None) -> str:
    found = {str(name): kind for name, kind in layers}
    listed = ", ".join(f"{name} ({kind or 'no geometry'})" for name, kind in list(found.items())[:20]) or "none"
    if wanted is not None and wanted not in found:
        raise _unusable(path, "layer", f"{wanted!r} is not there; expected one of {listed}")
    areal = [name for name, kind in found.items() if kind is not None and _may_be_areal(str(kind))]
    if wanted is None and len(areal) != 1:
        step = "name one" if areal else "give a file of polygons"
        raise _unusable(path, "layer", f"has {len(areal)} layers of polygons; expected 1; it holds {listed}; {step}")
    return wanted if wanted is not None else areal[0]


def _may_be_areal(kind: str) -> bool:
    return any(word in kind for word in ("Polygon", "Surface", "Unknown", "GeometryCollection"))


def _check_layer(path: Path, info: dict[str, Any], code_field: str) -> None:
    fields = [str(name) for name in info["fields"]]
    if code_field not in fields:
        problem = f"is no field of it; expected one of {', '.join(fields[:50]) or 'none: it has no fields'}"
        raise _unusable(path, code_field, problem)
    count = int(info["features"])
    if not 0 < count <= _MAX_FEATURES:
        raise _unusable(path, "", f"has {count:,} features; expected 1 to {_MAX_FEATURES:,}; check or split it")


def _to_degrees(raw: _Raw, crs: str | None, datum: Datum, findings: _Findings) -> NDArray[np.object_]:
    from pyproj import Transformer  # opens PROJ's database
    from pyproj.exceptions import ProjError

    source = raw.crs or crs
    if raw.crs and crs:
        findings.notes.append(f"the file names its CRS ({raw.crs:.60}); the given one ({crs}) was not used")
    if source is None:
        source = _plausible_degrees(raw.geometries, findings)
    try:
        transformer = Transformer.from_crs(source, _WGS84, always_xy=True)
    except ProjError as error:
        problem = f"is {source!r:.80}, which PROJ cannot take to degrees: {error}; reproject the file"
        raise FeatureFileError([Fault(file=findings.file, feature="", field="crs", problem=problem)]) from error
    if transformer.accuracy > _COARSE_M:
        findings.notes.append(f"the shift from {source:.60} to WGS-84 is good to {transformer.accuracy:g} m only")

    def degrees(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        lonlat = np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
        if datum in (Datum.WGS84, Datum.CGCS2000):
            return lonlat
        good = (np.abs(lonlat) <= (180.0, 90.0)).all(axis=1)
        lonlat[good] = convert_array(lonlat[good], source=datum, target=Datum.WGS84)
        return lonlat

    return np.asarray(shapely.transform(raw.geometries, degrees), dtype=object)


def _plausible_degrees(geometries: NDArray[np.object_], findings: _Findings) -> str:
    """Take a file without a CRS for WGS-84 only where every coordinate could be degrees, and say so."""
    corners = shapely.get_coordinates(geometries)
    if len(corners) and not (np.abs(corners) <= (180.0, 90.0)).all():
        x, y = corners[int(np.argmax(np.abs(corners).max(axis=1)))]
        problem = f"is missing, and coordinates such as {x:.1f}, {y:.1f} are no degrees; give the CRS (crs=, or a .prj)"
        raise FeatureFileError([Fault(file=findings.file, feature="", field="crs", problem=problem)])
    findings.notes.append("the file names no CRS; its coordinates look like degrees and were read as WGS-84")
    return _WGS84


def _codes(values: NDArray[Any], findings: _Findings) -> list[str]:
    if values.dtype.kind in "iuf":
        findings.notes.append("codes are numbers in the file; leading zeros, if they had any, are lost")
    codes = [_code_text(value) for value in values.tolist()]
    for at, code in enumerate(codes):
        if not code:
            findings.fault(f"#{at + 1}", "code", "is missing or blank; expected a code of its own; give it one")
        elif len(code) > _MAX_CODE:
            findings.fault(
                f"#{at + 1}", "code", f"has {len(code)} characters; expected {_MAX_CODE} at most; shorten it"
            )
    return [code if len(code) <= _MAX_CODE else "" for code in codes]


def _code_text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _area(geometry: BaseGeometry | None, label: str, findings: _Findings, *, repair: bool) -> Area | None:
    if not isinstance(geometry, Polygon | MultiPolygon) or geometry.is_empty:
        seen = "nothing" if geometry is None else geometry.geom_type
        findings.fault(label, "geometry", f"is {seen}; expected a polygon; draw it or drop the feature")
        return None
    corners = shapely.get_coordinates(geometry)
    if not (np.abs(corners) <= (180.0, 90.0)).all():
        findings.fault(label, "geometry", "has coordinates that are no degrees in WGS-84; is the file's CRS right?")
        return None
    if geometry.is_valid:
        return geometry
    if repair:
        return _mended(geometry, label, findings)
    findings.fault(label, "geometry", ring_problem(geometry))
    return None


def _mended(geometry: Area, label: str, findings: _Findings) -> Area | None:
    valid = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    if not isinstance(valid, Polygon | MultiPolygon) or valid.is_empty:
        findings.fault(label, "geometry", f"{ring_problem(geometry)}; making it valid leaves no polygon")
        return None
    reason = shapely.is_valid_reason(geometry)
    findings.repaired(label, f"made valid: {reason}; look at it on a map")
    return valid


def _unique(used: list[tuple[str, Area]], findings: _Findings, *, merge: bool) -> list[tuple[str, Area]]:
    parts: dict[str, list[Area]] = defaultdict(list)
    for code, area in used:
        parts[code].append(area)
    for code, areas in parts.items():
        if len(areas) > 1 and merge:
            findings.repaired(code, f"joined {len(areas)} features of this code into one")
        elif len(areas) > 1:
            findings.fault(code, "code", f"is the code of {len(areas)} features; expected one; renumber or merge them")
    if not merge:
        return used
    return [(code, areas[0] if len(areas) == 1 else _joined(areas)) for code, areas in parts.items()]


def _joined(areas: list[Area]) -> Area:
    union = shapely.union_all(areas)
    if not isinstance(union, Polygon | MultiPolygon):  # polygons that share an area or nothing unite to polygons
        raise TypeError(type(union))
    return union


def _unusable(path: Path, field_name: str, problem: str) -> FeatureFileError:
    return FeatureFileError([Fault(file=path.name, feature="", field=field_name, problem=problem)])
