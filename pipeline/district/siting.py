"""Siting: which of a site's cameras get a stage, how each stands on the map, and a second camera over one of them."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from geo.coords import LonLat
from geo.metric import LocalPlane
from pipeline.cameras import Camera
from pipeline.district.errors import DistrictError
from pipeline.district.placing import to_lonlat
from pipeline.district.plan import Ground, Place
from pipeline.district.script import Scenario
from pipeline.district.stage import Patch, Stage, Surface
from pipeline.district.stages import StageKind, sample_stage
from pipeline.site import Site

SIZE_PX: Final = (960, 540)
_KINDS: Final[Mapping[str, StageKind]] = {
    "street": StageKind.STREET,
    "market": StageKind.STREET,
    "school-gate": StageKind.STREET,
    "yard": StageKind.STREET,
    "canal": StageKind.CANAL,
    "square": StageKind.SQUARE,
}
_ON_FOOT: Final = (Surface.PAVEMENT, Surface.SQUARE, Surface.GREEN)
_CLEAR_M: Final = 9.0
_OFF_FRONT_M: Final = 3.2  # balconies, awnings and signs jut out of a front by up to 1.2 m
LEAST_PITCH_DEG: Final = 10.0  # a flatter look says little of the ground


class NoCamerasError(DistrictError):
    """A site has no camera that a stage can be built around."""

    def __init__(self, site: str, cameras: int) -> None:
        super().__init__(
            f"site {site} has {cameras} cameras, none with a kind and a pose that the simulated district knows"
            f" ({', '.join(sorted(_KINDS))}); add `kind` and `pose` to cameras.geojson, or use the sample site"
        )


def chosen_cameras(site: Site, scenario: Scenario, count: int, draw: np.random.Generator) -> list[Camera]:
    """Return cameras in chance order, of each kind in turn as far as there are any."""
    able = [
        camera
        for _, camera in sorted(site.cameras.items())
        if _KINDS.get(str(camera.properties.get("kind")))
        and _pitch_deg(camera) >= LEAST_PITCH_DEG
        and site.places(np.array([_looked_at(camera)]))[0][0] is not None
    ]
    if scenario is Scenario.FLOOD:
        able = [camera for camera in able if _KINDS[str(camera.properties["kind"])] is not StageKind.SQUARE] or able
    if scenario is Scenario.WATER:
        able = [camera for camera in able if camera.properties.get("kind") == "canal"] or able
    if not able:
        raise NoCamerasError(site.settings.code, len(site.cameras))
    mixed = [able[row] for row in draw.permutation(len(able)).tolist()]
    by_kind: dict[StageKind, list[Camera]] = {}
    for camera in mixed:
        by_kind.setdefault(_KINDS[str(camera.properties["kind"])], []).append(camera)
    turn = (StageKind.STREET, StageKind.SQUARE, StageKind.STREET, StageKind.CANAL)
    chosen: list[Camera] = []
    while len(chosen) < min(count, len(able)):
        for kind in turn:
            if by_kind.get(kind) and len(chosen) < count:
                chosen.append(by_kind[kind].pop(0))
    return chosen


def _pitch_deg(camera: Camera) -> float:
    pose = camera.properties.get("pose")
    return float(str(pose.get("pitch_deg", 0.0))) if isinstance(pose, Mapping) else 0.0


def _looked_at(camera: Camera) -> LonLat:
    """Return the ground 25 m before a camera: at the site's edge it may lie outside."""
    pose = camera.properties["pose"]
    axis = math.radians(float(str(pose.get("heading_deg", 0.0))) if isinstance(pose, Mapping) else 0.0)
    return LocalPlane.at(camera.lonlat).point_to_lonlat(25.0 * math.sin(axis), 25.0 * math.cos(axis))


def stage_at(camera: Camera, seed: int) -> Stage:
    """Return a camera's stage at its place, with the pose that the site gives."""
    pose = camera.properties["pose"]
    numbers = {name: float(str(value)) for name, value in pose.items()} if isinstance(pose, Mapping) else {}
    kind = _KINDS[str(camera.properties["kind"])]
    drawn = sample_stage(kind, seed=seed, camera=camera.code, foot=camera.lonlat, heading_deg=0.0, size_px=SIZE_PX)
    given = drawn.pose
    if "fov_deg" in numbers:
        focal = SIZE_PX[0] / 2 / math.tan(math.radians(numbers["fov_deg"]) / 2)
        given = replace(given, focal_px=focal)
    given = replace(
        given,
        height_m=numbers.get("height_m", given.height_m),
        pitch_deg=numbers.get("pitch_deg", given.pitch_deg),
    )
    axis = numbers.get("heading_deg", float(seed % 360))
    return replace(drawn, pose=given, heading_deg=(axis - given.yaw_deg) % 360.0)


def second_foot(ground: Ground) -> Place | None:
    """Return where a second camera over the same ground may stand: beyond its middle, at the kerb of a pavement."""
    pose = ground.stage.pose
    middle = ground.lens.to_ground(np.array([[pose.size_px[0] / 2, pose.size_px[1] * 0.55]]))[0]
    if not np.isfinite(middle).all():
        return None
    x, y = (2.0 * middle).tolist()
    standing = [strip for strip in ground.on(*_ON_FOOT) if strip.y_m[0] > middle[1]]
    if not standing:
        return None
    strip = min(standing, key=lambda each: max(each.y_m[0] - y, y - each.y_m[1], 0.0))
    low = strip.y_m[0] + 0.5
    high = max(strip.y_m[1] - _OFF_FRONT_M, low)
    return round(float(x), 2), round(min(max(float(y), low), high), 2)


def cleared(stage: Stage, foot_m: Place) -> Stage:
    """Return a stage without trees, lamps and signs that would stand before the second lens."""
    blocks = tuple(
        block
        for block in stage.blocks
        if block.what not in {"tree", "lamp", "sign", "bus-stop"} or math.dist(block.centre_m, foot_m) > _CLEAR_M
    )
    return replace(stage, blocks=blocks)


def second_stage(stage: Stage, foot_m: Place) -> Stage:
    """Return the stage as a camera at another foot has it, its axes turned half round, looking back."""
    x, y = foot_m
    lens = Ground.of(stage).lens
    width, height = stage.pose.size_px
    middle = lens.to_ground(np.array([[width / 2, height * 0.55]]))[0]
    ahead = np.array([x, y]) - middle
    reach = float(np.hypot(*ahead))
    pose = replace(
        stage.pose,
        yaw_deg=math.degrees(math.atan2(ahead[0], ahead[1])),
        pitch_deg=min(35.0, max(14.0, math.degrees(math.atan2(stage.pose.height_m, reach)))),
        roll_deg=-stage.pose.roll_deg,
    )
    lonlat = to_lonlat(stage, np.array([[x, y]]))[0]
    patches = tuple(
        Patch(name=patch.name, surface=patch.surface, corners_m=tuple((x - a, y - b) for a, b in patch.corners_m))
        for patch in stage.patches
    )
    blocks = tuple(
        replace(
            block,
            centre_m=(x - block.centre_m[0], y - block.centre_m[1]),
            heading_deg=(block.heading_deg + 180.0) % 360.0,
        )
        for block in stage.blocks
    )
    return Stage(
        camera=f"{stage.camera}-2",
        foot=LonLat(float(lonlat[0]), float(lonlat[1])),
        heading_deg=(stage.heading_deg + 180.0) % 360.0,
        pose=pose,
        patches=patches,
        blocks=blocks,
    )
