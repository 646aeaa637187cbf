"""Streets from files: an OpenStreetMap extract, or lines in whatever GDAL reads, to WGS-84; and as one document."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.boundaries import Fault
from geo.coords import Datum, Extent, convert_array
from geo.errors import FeatureFileError
from geo.file_access import checked_file

MARGIN_DEG: Final = 0.01
"""About a kilometre around a site is kept: the shortest way may lead outside."""
_MOST_VERTICES: Final = 2_000_000
_WGS84: Final = "EPSG:4326"
_COLUMN: Final = "highway"
# Not there yet, not there any more, or no way for a patrol.
_NO_WAY: Final = frozenset(
    {"abandoned", "construction", "corridor", "disused", "elevator", "planned", "platform", "proposed", "razed"}
)

Lines = list[NDArray[np.float64]]


def read_road_lines(path: Path, *, datum: Datum = Datum.WGS84, extent: Extent | None = None) -> Lines:
    """Return the streets of a file as lines of (n, 2) WGS-84 degrees.

    Where a column `highway` exists (OpenStreetMap), only lines with a usable one count; else every line does.

    Args:
        path: a file that GDAL reads: .osm.pbf, GeoPackage, GeoJSON, Shapefile; the first layer of lines is taken.
        datum: of its coordinates once they are degrees.
        extent: lines that touch it, widened by about a kilometre, are kept; None keeps all.

    Raises:
        FeatureFileError: it is missing, too large, unreadable, names no CRS, or holds no street there.
    """
    checked_file(path)
    geometries = _to_degrees(path, *_read(path))
    if extent is not None:
        box = shapely.box(
            extent.west - MARGIN_DEG, extent.south - MARGIN_DEG, extent.east + MARGIN_DEG, extent.north + MARGIN_DEG
        )
        geometries = geometries[shapely.intersects(geometries, box)]
    parts = shapely.get_parts(geometries)
    parts = parts[shapely.get_num_coordinates(parts) > 1]
    vertices = int(shapely.get_num_coordinates(parts).sum())
    if not 0 < vertices <= _MOST_VERTICES:
        seen = f"holds {vertices:,} vertices of streets" + ("" if extent is None else " in the site's extent")
        raise _refused(path, f"{seen}, expected 2 to {_MOST_VERTICES:,}; cut out the site's surroundings")
    lines = [shapely.get_coordinates(each) for each in parts]
    if datum in {Datum.WGS84, Datum.CGCS2000}:
        return lines
    return [convert_array(each, source=datum, target=Datum.WGS84) for each in lines]


def road_document(lines: Lines) -> str:
    """Return streets as the text of a GeoJSON file of lines, in WGS-84 degrees to seven decimals."""
    coordinates = [np.round(line, 7).tolist() for line in lines]
    geometry = {"type": "MultiLineString", "coordinates": coordinates}
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}, separators=(",", ":"))


def lines_of(text: str, *, file: str) -> Lines:
    """Return the lines of what `road_document` wrote.

    Raises:
        FeatureFileError: it is something else.
    """
    try:
        (feature,) = json.loads(text)["features"]
        lines = [np.array(line, np.float64).reshape(-1, 2) for line in feature["geometry"]["coordinates"]]
    except (ValueError, TypeError, KeyError) as error:
        problem = f"is no document of streets ({error!r}); delete it and name the file of streets in site.toml again"
        raise FeatureFileError([Fault(file=file, feature="", field="", problem=problem)]) from error
    return lines


def _read(path: Path) -> tuple[NDArray[np.object_], str | None]:
    """Return the geometries of the first layer of lines that are streets, and the layer's CRS."""
    import pyogrio

    try:
        layers = pyogrio.list_layers(path)
        named = [str(name) for name, kind in layers if kind is not None and "LineString" in str(kind)]
        layer = named[0] if named else str(layers[0][0])
        columns = [_COLUMN] if _COLUMN in pyogrio.read_info(path, layer=layer)["fields"] else []
        meta, _, wkb, values = pyogrio.raw.read(path, layer=layer, columns=columns)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, IndexError) as error:
        problem = f"cannot be read: {error}; expected an OSM extract or a file of lines"
        raise _refused(path, problem) from error
    geometries = shapely.from_wkb(wkb)
    if columns:
        ways = np.array([kind is not None and kind not in _NO_WAY for kind in values[0]], bool)
        geometries = geometries[ways]
    kinds = shapely.get_type_id(geometries)
    return geometries[(kinds == 1) | (kinds == 5)], meta["crs"]  # noqa: PLR2004 - LineString and MultiLineString


def _to_degrees(path: Path, geometries: NDArray[np.object_], crs: str | None) -> NDArray[Any]:
    if crs is None:
        raise _refused(path, "names no CRS; expected one, such as EPSG:4326; save it with its CRS")
    if crs == _WGS84 or not len(geometries):
        return shapely.force_2d(geometries)
    from geopandas import GeoSeries

    return np.asarray(shapely.force_2d(GeoSeries(geometries, crs=crs).to_crs(_WGS84).to_numpy()))


def _refused(path: Path, problem: str) -> FeatureFileError:
    return FeatureFileError([Fault(file=path.name, feature="", field="", problem=problem)])
