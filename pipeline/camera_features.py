"""Cameras from their features: `cameras.geojson`'s properties to values, every fault noted."""

import sys
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import numpy as np
import shapely

from geo.boundaries import Fault
from geo.camera_view import CameraView
from geo.coords import Extent, LonLat
from geo.errors import GeoError
from pipeline.cameras import CAMERA_CODE, Camera, CameraScene, Pixel
from pipeline.cases import Side
from pipeline.fields import Fields
from pipeline.lens_fields import read_lens
from pipeline.scenes import Mode, Rule, Scene
from pipeline.source_errors import SourceError, shown_address
from pipeline.sources import LEAST_FPS, MOST_FPS, read_address
from pipeline.streams import Transport
from pipeline.zones import LEAST_DIRECTION_M, ground_heading

CAMERAS = "cameras.geojson"
_MAX_SIDE_PX = 8192
_FEWEST_CORNERS = 3
_POINT_NUMBERS = 4
_LEAST_LEFT_PX2 = 16.0
_SCENE_FIELDS = ("scene", "zone", "mode", "without")
_FIELDS = frozenset({
    "code", "name", "name_zh", "side", "width", "height", "fps", "calibration", "height_m", "levels_m",
    "zones", "directions", "scenes", "uri", "sub_uri", "stream", "transport", "footage_fps",
    "kind", "pose", "ground_m", "schematic", "own",
})  # fmt: skip

Zones = dict[str, tuple[tuple[float, float], ...]]


def read_cameras(
    features: Sequence[tuple[LonLat, Mapping[str, object]]],
    faults: list[Fault],
    *,
    scenes: Mapping[str, Scene],
    extent: Extent,
) -> Mapping[str, Camera]:
    """Return the cameras by code.

    Args:
        features: position and properties of each, WGS-84, as `geo.feature_files.read_camera_features` gives them.
        faults: where to note what is wrong.
        scenes: the scenes that a camera may name.
        extent: where the site lies; the ground that a camera is calibrated on is in it.
    """
    found: dict[str, Camera] = {}
    for index, (lonlat, properties) in enumerate(features, 1):
        fields = Fields(properties, CAMERAS, str(properties.get("code") or f"#{index}"), faults)
        camera = _camera(fields, lonlat, scenes, extent)
        if fields.feature in found:
            fields.fault("code", "stands twice; each camera has a code of its own")
        if camera is not None:
            found[camera.code] = camera
    return found


def _camera(fields: Fields, lonlat: LonLat, scenes: Mapping[str, Scene], extent: Extent) -> Camera | None:
    before = len(fields.faults)
    Fields(_stated(fields.table), fields.file, fields.feature, fields.faults).only(_FIELDS)
    width, height = (fields.whole(field, low=16, high=_MAX_SIDE_PX) for field in ("width", "height"))
    zones = _zones(fields, (width, height))
    view = _view(fields, (width, height), extent)
    directions = _directions(fields, zones, view, (width, height))
    used = _camera_scenes(fields, zones, scenes, directions=directions)
    camera_fields = {
        "code": _code(fields),
        "name": fields.text("name"),
        "name_zh": fields.text("name_zh", default=fields.text("name")),
        "uri": fields.text("uri", default="", longest=2000),
    }
    _require_source(fields, camera_fields["uri"])
    levels = _levels(fields, zones)
    height_m = fields.number("height_m", low=0.5, high=200, default=0.0) or None
    if levels and height_m is None:
        fields.fault("levels_m", "needs height_m, the lens's height above the ground that is calibrated")
    side, fps = fields.choice("side", Side), fields.number("fps", low=0.1, high=60, default=5)
    if view is None or len(fields.faults) > before:
        return None
    return Camera(
        **camera_fields, lonlat=lonlat, side=side, width_px=width, height_px=height, fps=fps, view=view, zones=zones,
        height_m=height_m, levels_m=levels, directions=directions,
        scenes=used, properties=dict(fields.table),
    )  # fmt: skip


def _stated(table: Mapping[str, object]) -> Mapping[str, object]:
    """Return the properties that have a value: editors of maps give each feature all columns of the file."""
    return {name: value for name, value in table.items() if value is not None}


def _code(fields: Fields) -> str:
    code = fields.text("code")
    if code and not CAMERA_CODE.fullmatch(code):
        expected = "at most 40 of A-Z, a-z, 0-9, dot, dash and underscore, the first a letter or digit"
        fields.fault("code", f"is {code!r}, expected {expected}: it names a folder; the camera's name may be Chinese")
    return code


def _require_source(fields: Fields, uri: str) -> None:
    """Note what is wrong with where a camera's frames come from, as far as that shows without opening it."""
    sub_uri = fields.text("sub_uri", default="", longest=2000)
    stream, transport = fields.text("stream", default="main"), fields.text("transport", default=Transport.TCP)
    if stream not in {"main", "sub"} or (stream == "sub" and not sub_uri):
        fields.fault("stream", f"is {stream!r}, expected main, or sub with an address in sub_uri")
    if transport.lower() not in set(Transport):
        fields.fault("transport", f"is {transport!r}, expected tcp or udp")
    for name, address in (("uri", uri), ("sub_uri", sub_uri)):
        if not address:
            continue
        try:
            read = read_address(address, camera=fields.feature)
        except SourceError as error:
            fields.fault(name, str(error))
            continue
        if read.live and urlsplit(address).path.lower().endswith((".html", ".htm")):
            expected = "the stream itself, such as rtsp://10.0.0.9:554/1"
            fields.fault(name, f"is {shown_address(address)!r}, a web page; expected {expected}")
    if fields.table.get("footage_fps") is not None:
        fields.number("footage_fps", low=LEAST_FPS, high=MOST_FPS)


def _view(fields: Fields, size_px: tuple[int, int], extent: Extent) -> CameraView | None:
    calibration = fields.inner("calibration")
    points = calibration.table.get("points")
    if not isinstance(points, list) or not all(_is_numbers(point, _POINT_NUMBERS) for point in points):
        calibration.fault("points", "expected a list of [u_px, v_px, lon, lat]; calibrate with 4 points or more")
        return None
    array = np.asarray(points, dtype=np.float64).reshape(-1, _POINT_NUMBERS)
    spread = calibration.number("pixel_sd_px", low=0.01, high=100, default=1.0)
    try:
        view = CameraView.fit(
            array[:, :2],
            array[:, 2:],
            pixel_sd_px=spread,
            image_size_px=size_px,
            lens=read_lens(calibration, size_px),
        )
    except GeoError as error:
        calibration.fault("points", str(error))
        return None
    outside = array[~extent.holds(array[:, 2:]), 2:]
    if len(outside):
        lon, lat = outside[0]
        told = f"{len(outside)} of {len(array)} lie outside the site's extent, the first at {lon:.6f}, {lat:.6f}"
        calibration.fault("points", f"{told}; correct them, or widen [extent] in site.toml")
    return view


def _is_numbers(value: object, length: int) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == length
        and all(isinstance(number, int | float) and not isinstance(number, bool) for number in value)
        and all(abs(number) <= sys.float_info.max for number in value)
    )


def _zones(fields: Fields, size_px: tuple[int, int]) -> Zones:
    zones: Zones = {}
    for name, corners in fields.inner("zones").table.items():
        ring = corners if isinstance(corners, list) else []
        if len(ring) < _FEWEST_CORNERS or not all(_is_numbers(corner, 2) for corner in ring):
            fields.fault(f"zones.{name}", "expected three or more [u_px, v_px]")
            continue
        polygon = shapely.Polygon(ring)
        if not polygon.is_valid:
            fields.fault(f"zones.{name}", f"crosses itself: {shapely.is_valid_reason(polygon)}; mend the order")
        elif polygon.intersection(shapely.box(0, 0, *size_px)).area < _LEAST_LEFT_PX2:
            fields.fault(f"zones.{name}", f"lies outside the image of {size_px[0]} x {size_px[1]} px")
        zones[name] = tuple((float(u), float(v)) for u, v in ring)
    return zones


def _levels(fields: Fields, zones: Zones) -> dict[str, float]:
    """Return the levels of zones that do not lie on the calibrated ground."""
    table = fields.inner("levels_m")
    for name in sorted(set(table.table) - set(zones)):
        fields.fault(f"levels_m.{name}", f"is no zone of this camera; it has {', '.join(sorted(zones)) or 'none'}")
    return {name: table.number(name, low=-30, high=30) for name in table.table if name in zones}


def _directions(
    fields: Fields, zones: Zones, view: CameraView | None, size_px: tuple[int, int]
) -> dict[str, tuple[Pixel, Pixel]]:
    """Return which way traffic of zones goes, from one pixel to another."""
    found: dict[str, tuple[Pixel, Pixel]] = {}
    for name, ends in fields.inner("directions").table.items():
        field = f"directions.{name}"
        if name not in zones:
            fields.fault(field, f"is no zone of this camera; it has {', '.join(sorted(zones)) or 'none'}")
        elif not isinstance(ends, list) or len(ends) != 2 or not all(_is_numbers(end, 2) for end in ends):  # noqa: PLR2004 - from, to
            fields.fault(field, "expected [[u_px, v_px], [u_px, v_px]]: from where to where traffic goes")
        elif not all(0 <= u <= size_px[0] and 0 <= v <= size_px[1] for u, v in ends):
            fields.fault(field, f"lies outside the image of {size_px[0]} x {size_px[1]} px")
        elif view is not None and ground_heading(view, (ends[0][0], ends[0][1]), (ends[1][0], ends[1][1])) is None:
            problem = f"has ends that lie less than {LEAST_DIRECTION_M:g} m apart, or not on the ground; draw it longer"
            fields.fault(field, problem)
        else:
            (u0, v0), (u1, v1) = ends
            found[name] = (float(u0), float(v0)), (float(u1), float(v1))
    return found


def _camera_scenes(
    fields: Fields, zones: Zones, scenes: Mapping[str, Scene], *, directions: Mapping[str, object]
) -> tuple[CameraScene, ...]:
    listed = fields.table.get("scenes", [])
    if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
        fields.fault("scenes", 'expected a list of {"scene": code, "zone": name or null}')
        return ()
    for each in listed:
        Fields(each, fields.file, f"{fields.feature} scenes", fields.faults).only(_SCENE_FIELDS)
        if not _is_of(each.get("scene"), scenes):
            fields.fault("scenes", f"names {each.get('scene')!r}; known: {', '.join(sorted(scenes))}")
        if each.get("zone") is not None and not _is_of(each["zone"], zones):
            fields.fault("scenes", f"names zone {each['zone']!r}; this camera has {', '.join(sorted(zones)) or 'none'}")
        if each.get("mode") not in (None, *Mode):
            fields.fault("scenes", f"has mode {each['mode']!r}, expected one of {', '.join(Mode)}, or none")
        _require_zone(fields, each, scenes, directions)
    modes = _modes(fields, listed)
    return tuple(
        CameraScene(
            scene=str(each.get("scene")),
            zone=each.get("zone"),
            mode=modes.get(str(each.get("scene"))),
            without=_without(fields, each, zones),
        )
        for each in listed
    )


def _is_of(code: object, known: Mapping[str, object]) -> bool:
    return isinstance(code, str) and code in known


def _require_zone(
    fields: Fields, listed: Mapping[str, object], scenes: Mapping[str, Scene], directions: Mapping[str, object]
) -> None:
    """Note a scene whose rule needs a zone that has a direction, or a zone at all."""
    scene, zone = scenes.get(str(listed.get("scene"))), listed.get("zone")
    if scene is None:
        return
    if scene.rule is Rule.WRONG_WAY and (not isinstance(zone, str) or zone not in directions):
        expected = 'directions = {"<zone>": [[u_px, v_px], [u_px, v_px]]}'
        where = "the whole image" if zone is None else f"zone {zone!r}"
        fields.fault("scenes", f"watches {scene.code} in {where}, which has no direction; draw one: {expected}")
    if scene.rule is Rule.AREA and zone is None:
        fields.fault("scenes", f"watches {scene.code} in the whole image; its share is of a zone: name one")


def _without(fields: Fields, listed: Mapping[str, object], zones: Zones) -> tuple[str, ...]:
    """Return the zones that are taken out of a scene's own."""
    named = listed.get("without", [])
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        fields.fault("scenes", f"has without {named!r:.80}, expected a list of zones' names")
        return ()
    for each in named:
        if each not in zones:
            fields.fault("scenes", f"leaves out zone {each!r}; this camera has {', '.join(sorted(zones)) or 'none'}")
    known = [zones[each] for each in named if each in zones]
    own = zones.get(str(listed.get("zone")))
    if own is not None and known:
        left = (
            shapely.Polygon(own).buffer(0).difference(shapely.union_all([shapely.Polygon(e).buffer(0) for e in known]))
        )
        if left.area < _LEAST_LEFT_PX2:
            fields.fault("scenes", f"leaves nothing of zone {listed.get('zone')!r}; take out less")
    return tuple(named)


def _modes(fields: Fields, listed: Sequence[Mapping[str, object]]) -> dict[str, Mode]:
    """Return where scenes begin at this camera; a scene in several zones has one level."""
    modes: dict[str, Mode] = {}
    for each in listed:
        given = each.get("mode")
        if given in tuple(Mode):
            code, mode = str(each.get("scene")), Mode(str(given))
            if modes.setdefault(code, mode) is not mode:
                fields.fault("scenes", f"gives {code} the modes {modes[code]} and {mode}; give one for each scene")
    return modes
