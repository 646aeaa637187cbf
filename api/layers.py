"""The site's layers as GeoJSON, made once from the checked site."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from pipeline.cameras import Camera
from pipeline.site import Site

_DECIMALS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """An encoded FeatureCollection and its tag."""

    body: bytes
    etag: str


def layers_of(site: Site) -> dict[str, Layer]:
    """Return grids, units, cameras and streets, encoded."""
    streets = site.streets if site.streets is not None else _collection([])
    return {
        "grids": _layer(_grids(site)),
        "units": _layer(_units(site)),
        "cameras": _layer(_collection(_camera(each) for each in site.cameras.values())),
        "streets": _layer(streets),
    }


def _layer(collection: Mapping[str, object]) -> Layer:
    body = json.dumps(collection, ensure_ascii=False, separators=(",", ":")).encode()
    return Layer(body=body, etag=f'"{hashlib.sha256(body).hexdigest()[:20]}"')


def _collection(features: Iterable[Mapping[str, object]]) -> dict[str, object]:
    return {"type": "FeatureCollection", "features": list(features)}


def _feature(geometry: object, properties: Mapping[str, object]) -> dict[str, object]:
    return {"type": "Feature", "geometry": geometry, "properties": dict(properties)}


def _outline(area: BaseGeometry) -> object:
    return _rounded(mapping(area))


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return {key: _rounded(each) for key, each in value.items()} if isinstance(value, dict) else value


def _grids(site: Site) -> dict[str, object]:
    names = ("code", "name", "name_zh", "police_beat", "chief", "station", "schematic")
    return _collection(
        _feature(
            _outline(grid.area), {**{name: getattr(grid, name) for name in names}, "deputies": list(grid.deputies)}
        )
        for grid in site.boundaries.grids
    )


def _units(site: Site) -> dict[str, object]:
    names = ("code", "name", "name_zh", "kind", "grid", "key", "head", "station", "schematic")
    return _collection(
        _feature(_outline(unit.area), {name: getattr(unit, name) for name in names}) for unit in site.boundaries.units
    )


def _camera(camera: Camera) -> dict[str, object]:
    """Return a camera as a point; its stream's address stays inside, it may hold a password."""
    scenes = [{"scene": each.scene, "zone": each.zone} for each in camera.scenes]
    properties = {"code": camera.code, "name": camera.name, "name_zh": camera.name_zh, "side": camera.side}
    point = {"type": "Point", "coordinates": [camera.lonlat.lon, camera.lonlat.lat]}
    return _feature(point, {**properties, "scenes": scenes})
