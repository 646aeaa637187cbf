"""The fifteen cameras of the sample site: where they hang, what they see, which scenes watch which zones."""

import math
from dataclasses import dataclass, field

import numpy as np
import shapely
from ground_views import Anchor, Pinhole, Points, Tsai, calibration
from shapely import LineString, Polygon
from town_plan import OUTLINE, PARK, Way, to_degrees, to_km
from town_units import TOWN_CODE, Unit

Zone = tuple[float, float, float, float]
"""A ground rectangle before the camera, metres: from x to x (away), from y to y (left positive)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One camera's place and task. `way` names the line it watches; without one it hangs inside its unit."""

    code: str
    name: str
    name_zh: str
    unit: str
    side: str
    kind: str
    view: Pinhole
    zones: dict[str, Zone]
    scenes: tuple[tuple[str, str | None], ...]
    way: str = ""
    along: float = 0.5
    turn_deg: float = 8.0
    inside_m: float = 7.0
    fps: float = 5.0
    extra: dict[str, object] = field(default_factory=dict)


_LOW, _MID, _HIGH = (
    Pinhole(height_m=4.5, pitch_deg=12.0, fov_deg=70.0),
    Pinhole(height_m=6.0, pitch_deg=15.0, fov_deg=66.0),
    Pinhole(height_m=8.0, pitch_deg=18.0, fov_deg=62.0),
)
_STREET = Pinhole(height_m=6.0, pitch_deg=8.0, fov_deg=2 * math.degrees(math.atan(480 / 560)), width=960, height=540)
STREET_FROM_M, STREET_LENGTH_M, STREET_WIDTH_M = 17.0, 30.0, 16.0
"""The drawn street crosses the view: it begins this far before the camera, is this long and this wide."""
NO_PARKING_M: Zone = (STREET_FROM_M, STREET_FROM_M + 4.3, 14.0, -14.0)
PAVEMENT_M: Zone = (STREET_FROM_M + 12.5, STREET_FROM_M + STREET_WIDTH_M, 15.0, -15.0)

_PARKED = ("motor-vehicle-parked", "no-parking")
_BIKES = ("bicycles-cluttered", "bicycle-bay")
_SQUARE = ("crowd", "square")
_EDGE = ("restricted-zone", "waters-edge")
_LEFT = ("left-object", None)

POSTS: tuple[Post, ...] = (
    Post(
        code="demo-street", name="Chengzhong North Road, fire lane", name_zh="城中北路盈中段消防通道",
        unit="011", side="street_face", kind="street", view=_STREET, way="城中北路", along=0.5, turn_deg=-90.0,
        inside_m=35.0,
        zones={"no-parking": NO_PARKING_M, "pavement": PAVEMENT_M},
        scenes=(
            _PARKED, ("fire-lane-blocked", "no-parking"), ("bicycles-cluttered", "pavement"),
            ("left-object", "pavement"),
        ),
    ),
    Post(
        code="chengzhong-road-market", name="Chengzhong North Road food market", name_zh="城中北路菜场", unit="003",
        side="street_face", kind="market", view=_MID, way="城中北路", along=0.4,
        zones={"no-parking": (12, 38, 4.0, 6.6), "bicycle-bay": (10, 22, -6.5, -2.0)},
        scenes=(_PARKED, _BIKES, _LEFT),
    ),
    Post(
        code="fuxing-school-gate", name="Fuxing primary school gate", name_zh="复兴小学门口", unit="005",
        side="street_face", kind="school-gate", view=_MID, way="公园路",
        zones={"no-parking": (12, 42, 3.0, 6.0), "square": (8, 24, -7.0, 2.0)}, scenes=(_PARKED, _SQUARE),
    ),
    Post(
        code="east-daying-bridge", name="East Daying Creek, towpath", name_zh="东大盈港步道", unit="009",
        side="street_face", kind="canal", view=_LOW, way="东大盈港", turn_deg=4.0,
        zones={"waters-edge": (9, 40, 3.0, 6.5)}, scenes=(_EDGE, _LEFT),
    ),
    Post(
        code="longwei-yard", name="Longwei estate yard", name_zh="龙威小区中心道路", unit="004",
        side="unit_interior", kind="yard", view=_MID,
        zones={"no-parking": (12, 36, -3.0, 0.5), "bicycle-bay": (10, 20, 2.0, 7.0)}, scenes=(_PARKED, _BIKES),
    ),
    Post(
        code="yinggang-road-bus", name="Yinggang Road bus stop", name_zh="盈港路公交站", unit="010",
        side="street_face", kind="street", view=_MID, way="盈港路",
        zones={"no-parking": (10, 40, 2.5, 5.5), "bicycle-bay": (9, 18, -6.0, -2.0)}, scenes=(_PARKED, _BIKES, _LEFT),
    ),
    Post(
        code="dianpu-river-quay", name="Dianpu River quay", name_zh="淀浦河亲水平台", unit="019",
        side="street_face", kind="canal", view=_LOW, way="淀浦河", turn_deg=4.0,
        zones={"waters-edge": (9, 42, 3.0, 6.5)}, scenes=(_EDGE,),
    ),
    Post(
        code="qinghua-estate-gate", name="Qinghua estate gate", name_zh="庆华小区门口", unit="001",
        side="unit_interior", kind="yard", view=_MID,
        zones={"no-parking": (12, 34, -2.0, 2.0), "bicycle-bay": (9, 19, 3.0, 7.5)}, scenes=(_PARKED, _BIKES),
    ),
    Post(
        code="minle-square", name="Minle square", name_zh="民乐文化广场", unit="014",
        side="unit_interior", kind="square", view=_HIGH,
        zones={"square": (14, 44, -11.0, 11.0)}, scenes=(_SQUARE, _LEFT),
    ),
    Post(
        code="shangda-river-bank", name="Shangda River bank", name_zh="上达河滨步道", unit="017",
        side="street_face", kind="canal", view=_LOW, way="上达河", turn_deg=4.0,
        zones={"waters-edge": (9, 40, 3.0, 6.5)}, scenes=(_EDGE, _LEFT),
    ),
    Post(
        code="huaqing-road-shops", name="Huaqing Road shops", name_zh="华青路商铺街", unit="018",
        side="street_face", kind="street", view=_MID, way="华青路",
        zones={"no-parking": (10, 40, 2.5, 5.5), "bicycle-bay": (9, 20, -6.5, -2.0)}, scenes=(_PARKED, _BIKES),
    ),
    Post(
        code="yilan-metro-square", name="Yilan station square", name_zh="怡澜站前广场", unit="021",
        side="street_face", kind="square", view=_HIGH, way="崧泽大道",
        zones={"square": (14, 42, -10.0, 4.0), "bicycle-bay": (12, 26, 5.0, 10.0)}, scenes=(_SQUARE, _BIKES),
    ),
    Post(
        code="tianenqiao-village-bridge", name="Tian'en bridge, village", name_zh="天恩桥村桥头", unit="205",
        side="village", kind="canal", view=_LOW, way="崧子浦", turn_deg=4.0,
        zones={"waters-edge": (9, 36, 3.0, 6.5), "no-parking": (10, 30, -5.0, -2.0)}, scenes=(_EDGE, _PARKED),
    ),
    Post(
        code="caoying-road-junction", name="Caoying Highway junction", name_zh="漕盈公路路口", unit="028",
        side="street_face", kind="street", view=_HIGH, way="漕盈公路",
        zones={"no-parking": (14, 46, 2.5, 6.0)}, scenes=(_PARKED, _LEFT),
    ),
    Post(
        code="nanshe-village-hall", name="Nanshe village hall", name_zh="南厍村村委会前", unit="203",
        side="village", kind="yard", view=_MID,
        zones={"no-parking": (12, 36, -3.0, 1.0), "square": (9, 26, 2.0, 9.0)}, scenes=(_PARKED, _SQUARE),
    ),
)  # fmt: skip

PETS_UNIT = "006"
PETS_GROUND_M: Points = np.array(
    [
        (-4.1, 7.4), (-1.8, 1.0), (0.5, -4.7), (2.7, -10.0), (-11.1, 0.1), (-9.1, -4.4),
        (-7.2, -8.5), (-5.3, -12.5), (-17.6, -6.7), (-16.1, -9.5), (-14.6, -12.3), (-13.3, -15.0),
    ]
)  # fmt: skip
"""The twelve ground points of the PETS calibration, metres in the data set's own frame."""
PETS_CENTRE_M = (-7.0, -4.5)
"""The middle of the ground seen, in the same frame: this lies in the middle of the block."""
PETS_ROTATION_DEG = 35.0
PETS_ROOM_KM = 0.06
"""The square is at least this far from any street all round its middle."""
RESTRICTED_M: Points = np.array([(-6.29, -4.54), (-3.46, -1.71), (-7.71, 2.54), (-10.54, -0.29)])
"""A rectangle of 4 m by 6 m that stands in for the water's edge; chosen on the published tracks alone."""
WALKWAY_PX = [[0, 150], [768, 150], [768, 576], [0, 576]]


def feature(lon: float, lat: float, properties: dict[str, object]) -> dict[str, object]:
    """Return a GeoJSON point."""
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "Point", "coordinates": [round(float(lon), 7), round(float(lat), 7)]},
    }


def _middles(unit: Unit, blocks: list[Polygon]) -> list[tuple[float, Points]]:
    """Return for each block of the unit how far its middle is from any street, and that middle; km."""
    own = [block for block in blocks if unit.area.contains(block.representative_point())]
    circles = [shapely.maximum_inscribed_circle(shapely.transform(block, to_km), tolerance=0.001) for block in own]
    return [(circle.length, shapely.get_coordinates(circle)[0]) for circle in circles]


def open_middle(unit: Unit, blocks: list[Polygon]) -> tuple[float, float]:
    """Return lon, lat of the middle of the unit's roomiest block."""
    _, middle = max(_middles(unit, blocks), key=lambda one: one[0])
    lon, lat = to_degrees(middle.reshape(1, 2))[0]
    return float(lon), float(lat)


def open_near(unit: Unit, blocks: list[Polygon], *, at: tuple[float, float], room_km: float) -> tuple[float, float]:
    """Return lon, lat of the middle nearest to `at` (km) that is at least `room_km` from any street.

    Raises:
        ValueError: No block of the unit is that roomy.
    """
    middles = _middles(unit, blocks)
    roomy = [middle for room, middle in middles if room >= room_km]
    if not roomy:
        raise ValueError(
            f"{unit.name_zh}: no block with {room_km} km round its middle; the most is {max(middles)[0]:.3f}"
        )
    nearest = min(roomy, key=lambda middle: math.hypot(*(middle - np.asarray(at))))
    lon, lat = to_degrees(nearest.reshape(1, 2))[0]
    return float(lon), float(lat)


def beside_way(unit: Unit, way: Way, *, along: float, inside_m: float) -> tuple[float, float, float]:
    """Return lon, lat of a point `inside_m` within the unit's border on the way, and the border's direction there.

    The direction is in degrees counter-clockwise from east, such that the unit lies to its right.

    Raises:
        ValueError: The unit has no border on the way.
    """
    area = shapely.transform(unit.area, to_km)
    shared = shapely.intersection(area.exterior, way.line.buffer(0.002))
    merged = shapely.line_merge(shared) if not isinstance(shared, LineString) else shared
    pieces = [piece for piece in shapely.get_parts(merged) if piece.length > 0.05]
    if not pieces:
        raise ValueError(f"{unit.name_zh} has no border on {way.name_zh}")
    border = max(pieces, key=lambda piece: piece.length)
    here, there = (np.asarray(border.interpolate(along + step, normalized=True).coords)[0] for step in (0.0, 0.02))
    heading = (there - here) / np.hypot(*(there - here))
    right = np.array([heading[1], -heading[0]])
    if not area.contains(shapely.Point(here + right * 0.01)):
        heading, right = -heading, -right
    lon, lat = to_degrees((here + right * inside_m / 1000.0).reshape(1, 2))[0]
    return float(lon), float(lat), math.degrees(math.atan2(heading[1], heading[0]))


def image_zone(view: Pinhole, zone: Zone) -> list[list[int]]:
    """Return the image polygon of a ground rectangle, cut at the image's edges."""
    near, far, one, other = zone
    corners = view.image(np.array([(near, one), (far, one), (far, other), (near, other)]))
    seen = shapely.intersection(Polygon(corners), shapely.box(0, 0, view.width, view.height))
    return [[round(u), round(v)] for u, v in shapely.get_coordinates(seen)[:-1].tolist()]


def ground_samples(view: Pinhole) -> Points:
    """Return six to eight ground points that the camera sees well: near, middle and far, left to right."""
    rows = ((2.2, (-0.8, 0.8)), (3.4, (-0.9, 0.0, 0.9)), (6.0, (-0.9, 0.1, 0.9)))
    points = [
        (heights * view.height_m, share * 0.42 * heights * view.height_m)
        for heights, shares in rows
        for share in shares
    ]
    image = view.image(np.array(points))
    inside = ((image > 10) & (image < np.array([view.width, view.height]) - 10)).all(axis=1)
    return np.array(points)[inside]


def post_feature(
    post: Post, unit: Unit, *, ways: dict[str, Way], blocks: list[Polygon], rng: np.random.Generator
) -> dict[str, object]:
    """Return the GeoJSON feature of one camera."""
    if post.way:
        lon, lat, heading = beside_way(unit, ways[post.way], along=post.along, inside_m=post.inside_m)
        heading -= post.turn_deg
    else:
        lon, lat = open_middle(unit, blocks)
        heading = float(rng.uniform(0.0, 360.0))
    ground = ground_samples(post.view)
    anchor = Anchor(lon=lon, lat=lat, rotation_deg=round(heading, 2))
    properties: dict[str, object] = {
        "code": post.code,
        "name": post.name,
        "name_zh": post.name_zh,
        "side": post.side,
        "kind": post.kind,
        "width": post.view.width,
        "height": post.view.height,
        "fps": post.fps,
        "uri": "",
        "calibration": calibration(post.view.image(ground), anchor.lonlat(ground), rng),
        "zones": {name: image_zone(post.view, zone) for name, zone in post.zones.items()},
        "scenes": [{"scene": scene, "zone": zone} for scene, zone in post.scenes],
        "pose": _pose(post.view, anchor),
        "schematic": True,
    }
    if post.code == "demo-street":
        properties["ground_m"] = _street_ground(post.view)
    return feature(lon, lat, properties)


def _pose(view: Pinhole, anchor: Anchor) -> dict[str, float]:
    return {
        "height_m": view.height_m,
        "pitch_deg": view.pitch_deg,
        "fov_deg": round(view.fov_deg, 3),
        "heading_deg": anchor.rotation_deg,
    }


def _street_ground(view: Pinhole) -> dict[str, object]:
    """Return the drawn street: its corners in the image and in metres, x to the right, y away from the camera."""
    half, far = STREET_LENGTH_M / 2.0, STREET_FROM_M + STREET_WIDTH_M
    corners = np.array([(STREET_FROM_M, half), (STREET_FROM_M, -half), (far, -half), (far, half)])
    return {
        "image_px": [[round(float(u), 2), round(float(v), 2)] for u, v in view.image(corners)],
        "ground_m": [[0, 0], [STREET_LENGTH_M, 0], [STREET_LENGTH_M, STREET_WIDTH_M], [0, STREET_WIDTH_M]],
    }


def pets_anchor(unit: Unit, blocks: list[Polygon]) -> Anchor:
    """Return where the PETS frame's origin lies: the ground it sees has its middle in the middle of the block."""
    lon, lat = open_near(unit, blocks, at=PARK, room_km=PETS_ROOM_KM)
    back = Anchor(lon=lon, lat=lat, rotation_deg=PETS_ROTATION_DEG).lonlat(-np.array([PETS_CENTRE_M]))[0]
    return Anchor(lon=round(float(back[0]), 7), lat=round(float(back[1]), 7), rotation_deg=PETS_ROTATION_DEG)


def _dense(corners: Points, steps: int = 4) -> Points:
    """Return the ring with `steps` points on each side, so that it follows the lens's bend."""
    nexts = np.roll(corners, -1, axis=0)
    shares = np.arange(steps) / steps
    return np.vstack([one + np.outer(shares, other - one) for one, other in zip(corners, nexts, strict=True)])


def pets_feature(tsai: Tsai, anchor: Anchor, rng: np.random.Generator) -> dict[str, object]:
    """Return the GeoJSON feature of the camera that carries the PETS calibration."""
    lon, lat = anchor.lonlat(tsai.position_m[:2])[0]
    properties: dict[str, object] = {
        "code": "pets-view1",
        "name": "Qushui Garden square",
        "name_zh": "曲水园北广场",
        "side": "unit_interior",
        "kind": "square",
        "width": 768,
        "height": 576,
        "fps": 7.0,
        "footage_fps": 7.0,  # the sequence was filmed at 7 though its file says 10
        "uri": "",
        "calibration": calibration(tsai.image(PETS_GROUND_M), anchor.lonlat(PETS_GROUND_M), rng),
        "zones": {
            "walkway": WALKWAY_PX,
            "restricted": [[round(float(u), 1), round(float(v), 1)] for u, v in tsai.image(_dense(RESTRICTED_M))],
        },
        "scenes": [{"scene": "crowd", "zone": "walkway"}, {"scene": "restricted-zone", "zone": "restricted"}],
        "own": {
            "pets_anchor": {"lon": anchor.lon, "lat": anchor.lat, "rotation_deg": anchor.rotation_deg},
            "restricted_ground_m": RESTRICTED_M.tolist(),
        },
        "schematic": True,
    }
    return feature(lon, lat, properties)


def cameras(
    units: list[Unit], ways: list[Way], *, blocks: list[Polygon], tsai: Tsai, rng: np.random.Generator
) -> list[dict[str, object]]:
    """Return the GeoJSON features of all cameras."""
    by_code = {unit.code: unit for unit in units}
    by_name = {way.name_zh: way for way in (*ways, *OUTLINE) if way.name_zh}
    pets = pets_feature(tsai, pets_anchor(by_code[TOWN_CODE + PETS_UNIT], blocks), rng)
    return [
        pets,
        *(post_feature(post, by_code[TOWN_CODE + post.unit], ways=by_name, blocks=blocks, rng=rng) for post in POSTS),
    ]
