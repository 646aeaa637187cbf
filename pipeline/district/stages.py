"""Stages built by rule: a street, a canal bank, a market square and a street seen from a pole, varied by seed.

Right-hand traffic: lanes nearer the camera run towards +x and end in `-forward`, the others towards -x and end in
`-back`. Blocks turn their front (shop window, lamp arm, shelter opening) towards their own -y.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import numpy as np

from geo.coords import LonLat
from pipeline.district.stage import Block, Patch, Pose, Stage, Surface

LANE_M: Final = 3.25
BAY_M: Final = 2.4
WATER_LEVEL_M: Final = -0.8
LEDGE_M: Final = -0.25  # beyond a railing, where somebody climbs down to
FROM_X_M: Final = -45.0
TO_X_M: Final = 130.0
# Nothing tall stands nearer to the lens than this, so that no crown or pole fills the picture.
_CLEAR_M: Final = 13.0

Draw = np.random.Generator


class StageKind(StrEnum):
    """What a sample stage shows."""

    STREET = "street"
    CANAL = "canal"
    SQUARE = "square"
    POLE = "pole"


def sample_stage(
    kind: StageKind | str,
    *,
    seed: int,
    camera: str,
    foot: LonLat,
    heading_deg: float,
    size_px: tuple[int, int] = (960, 540),
) -> Stage:
    """Return a stage of a kind; the seed varies its widths, buildings, trees and the camera's pose.

    Args:
        seed: the same one gives the same stage, whatever its place and image size.
        camera: the camera's code.
        foot: WGS-84 position of the camera's foot.
        heading_deg: of the stage's y axis, clockwise from north.
        size_px: width and height of the image.

    Raises:
        ValueError: there is no such kind.
    """
    kind = StageKind(kind)
    draw = np.random.default_rng([seed, sorted(StageKind).index(kind)])
    patches, blocks = _LAYOUTS[kind](draw)
    return Stage(
        camera=camera,
        foot=foot,
        heading_deg=heading_deg,
        pose=_pose(kind, draw, size_px),
        patches=tuple(patches),
        blocks=tuple(blocks),
    )


# Per kind: height in metres, yaw, pitch and horizontal field of view in degrees, each a range.
_POSES: Final = {
    StageKind.STREET: ((5.6, 7.6), (42, 60), (15, 21), (66, 82)),
    StageKind.CANAL: ((5.2, 7.0), (52, 66), (16, 22), (66, 82)),
    StageKind.SQUARE: ((6.5, 8.5), (-12, 12), (20, 27), (68, 84)),
    StageKind.POLE: ((6.5, 8.5), (-18, 28), (30, 38), (70, 86)),
}


def _pose(kind: StageKind, draw: Draw, size_px: tuple[int, int]) -> Pose:
    height_m, yaw, pitch, fov = (float(draw.uniform(low, high)) for low, high in _POSES[kind])
    return Pose(
        size_px=size_px,
        height_m=height_m,
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=float(draw.normal(0.0, 0.8)),
        focal_px=size_px[0] / 2 / math.tan(math.radians(fov) / 2),
        k1=float(draw.uniform(-0.03, -0.004)),
        k2=float(draw.uniform(0.0, 0.003)),
    )


def _strip(name: str, surface: Surface, x_m: tuple[float, float], y_m: tuple[float, float]) -> Patch:
    (x0, x1), (y0, y1) = x_m, y_m
    return Patch(name=name, surface=surface, corners_m=((x0, y0), (x1, y0), (x1, y1), (x0, y1)))


_ALONG: Final = (FROM_X_M, TO_X_M)


def _carriageway(draw: Draw, near_y_m: float, each_way: int) -> tuple[list[Patch], float]:
    """Return the lanes and a zebra crossing from a near edge on, and where they end."""
    patches, count = [], 2 * each_way
    for index in range(count):
        low = near_y_m + index * LANE_M
        way = "forward" if index < each_way else "back"
        patches.append(_strip(f"lane-{index + 1}-{way}", Surface.LANE, _ALONG, (low, low + LANE_M)))
    end = near_y_m + count * LANE_M
    zebra_x = float(draw.uniform(24, 34))
    patches.append(_strip("zebra-1", Surface.LANE, (zebra_x, zebra_x + 4.0), (near_y_m, end)))
    return patches, end


def _kerbside(draw: Draw, name: str, near_y_m: float) -> list[Patch]:
    """Return stretches along one kerb: bays, no parking, and one fire lane within easy view."""
    surfaces = [Surface.PARKING_BAY, Surface.NO_PARKING, Surface.FIRE_LANE, Surface.NO_PARKING]
    first = int(draw.integers(2))
    surfaces = surfaces[first:] + surfaces[:first]
    patches, x, index = [], FROM_X_M, 0
    while x < TO_X_M:
        surface = surfaces[index % len(surfaces)]
        length = float(draw.uniform(7, 9)) if surface is Surface.FIRE_LANE else 6.0 * int(draw.integers(2, 4))
        end = min(x + length, TO_X_M)
        patches.append(_strip(f"{surface}-{name}-{index + 1}", surface, (x, end), (near_y_m, near_y_m + BAY_M)))
        x, index = end, index + 1
    return patches


def _terrace(draw: Draw, front_y_m: float, *, facing_deg: float, x_m: tuple[float, float] = _ALONG) -> list[Block]:
    """Return a row of buildings with shops; `facing_deg` 0 looks to -y, 180 to +y."""
    blocks: list[Block] = []
    inward = 1.0 if facing_deg == 0.0 else -1.0
    x = x_m[0]
    while x < x_m[1] - 6.0:
        width = min(float(draw.uniform(11, 22)), x_m[1] - x)
        depth, storeys = float(draw.uniform(9, 13)), int(draw.integers(3, 7))
        height = 4.0 + 3.1 * (storeys - 1)
        blocks.append(
            Block(
                what="building",
                centre_m=(x + width / 2, front_y_m + inward * depth / 2),
                size_m=(width, depth, height),
                heading_deg=facing_deg,
            )
        )
        blocks += _shops(draw, (x, x + width), front_y_m, facing_deg)
        x += width
    return blocks


def _shops(draw: Draw, x_m: tuple[float, float], front_y_m: float, facing_deg: float) -> list[Block]:
    count = max(int((x_m[1] - x_m[0]) / float(draw.uniform(4.2, 5.6))), 1)
    width = (x_m[1] - x_m[0]) / count
    outward = -1.0 if facing_deg == 0.0 else 1.0
    return [
        Block(
            what="shop",
            centre_m=(x_m[0] + (index + 0.5) * width, front_y_m + outward * 0.15),
            size_m=(width - 0.25, 0.3, 3.7),
            heading_deg=facing_deg,
        )
        for index in range(count)
    ]


def _avenue(draw: Draw, y_m: float, *, facing_deg: float) -> list[Block]:
    """Return lamps and trees in turn along a kerb; near the lens there are none."""
    blocks, x, index = [], FROM_X_M + float(draw.uniform(2, 8)), 0
    while x < TO_X_M - 4:
        lamp = index % 3 == 1
        height = float(draw.uniform(7.2, 8.2)) if lamp else float(draw.uniform(4.6, 6.4))
        crown = 0.3 if lamp else float(draw.uniform(2.6, 3.6))
        if math.hypot(x, y_m) > _CLEAR_M:
            what = "lamp" if lamp else "tree"
            size = (crown, crown, height)
            blocks.append(Block(what=what, centre_m=(x, y_m), size_m=size, heading_deg=facing_deg))
        x, index = x + float(draw.uniform(6.5, 9.5)), index + 1
    return blocks


def _street(draw: Draw) -> tuple[list[Patch], list[Block]]:
    kerb = 1.4
    each_way = int(draw.integers(1, 3))
    lanes, far = _carriageway(draw, kerb + BAY_M, each_way)
    pavement = far + BAY_M + float(draw.uniform(4.0, 5.5))
    patches = [
        _strip("pavement-near", Surface.PAVEMENT, _ALONG, (-4.5, kerb)),
        *_kerbside(draw, "near", kerb),
        *lanes,
        *_kerbside(draw, "far", far),
        _strip("pavement-far", Surface.PAVEMENT, _ALONG, (far + BAY_M, pavement)),
    ]
    blocks = _terrace(draw, pavement, facing_deg=0.0)
    blocks += _terrace(draw, -4.5, facing_deg=180.0, x_m=(6.0, TO_X_M))
    blocks += _avenue(draw, far + BAY_M + 0.8, facing_deg=0.0) + _avenue(draw, kerb - 0.7, facing_deg=180.0)
    stop_x = float(draw.uniform(12, 20))
    blocks.append(Block(what="bus-stop", centre_m=(stop_x, far + BAY_M + 1.9), size_m=(4.2, 1.4, 2.5)))
    blocks.append(Block(what="sign", centre_m=(stop_x - 6.0, far + BAY_M + 0.4), size_m=(0.6, 0.1, 2.6)))
    return patches, blocks


def _canal(draw: Draw) -> tuple[list[Patch], list[Block]]:
    quay = float(draw.uniform(2.4, 3.4))
    bank = quay + float(draw.uniform(11, 16))
    road_far = -1.6
    road_near = road_far - 2 * LANE_M
    patches = [
        _strip("pavement-back", Surface.PAVEMENT, _ALONG, (road_near - 4.5, road_near)),
        _strip("lane-1-forward", Surface.LANE, _ALONG, (road_near, road_near + LANE_M)),
        _strip("lane-2-back", Surface.LANE, _ALONG, (road_near + LANE_M, road_far)),
        _strip("pavement-quay", Surface.PAVEMENT, _ALONG, (road_far, quay)),
        _strip("water", Surface.WATER, _ALONG, (quay, bank)),
        _strip("green-bank", Surface.GREEN, _ALONG, (bank, bank + 2.5)),
        _strip("pavement-bank", Surface.PAVEMENT, _ALONG, (bank + 2.5, bank + 6.0)),
    ]
    middle, length = (FROM_X_M + TO_X_M) / 2, TO_X_M - FROM_X_M
    blocks = [
        Block(what="railing", centre_m=(middle, quay - 0.15), size_m=(length, 0.12, 1.1)),
        Block(what="railing", centre_m=(middle, bank + 0.15), size_m=(length, 0.12, 1.1)),
    ]
    blocks += _terrace(draw, bank + 6.0, facing_deg=0.0)
    blocks += _terrace(draw, road_near - 4.5, facing_deg=180.0, x_m=(4.0, TO_X_M))
    blocks += [block for block in _avenue(draw, bank + 1.2, facing_deg=0.0) if block.what == "tree"]
    blocks += _avenue(draw, road_far + 0.7, facing_deg=180.0)
    return patches, blocks


def _square(draw: Draw) -> tuple[list[Patch], list[Block]]:
    kerb, half = 2.0, float(draw.uniform(24, 30))
    road_end = kerb + 2 * LANE_M
    deep = road_end + float(draw.uniform(30, 38))
    patches = [
        _strip("pavement-near", Surface.PAVEMENT, (-70, 70), (-6.0, kerb)),
        _strip("lane-1-forward", Surface.LANE, (-70, 70), (kerb, kerb + LANE_M)),
        _strip("lane-2-back", Surface.LANE, (-70, 70), (kerb + LANE_M, road_end)),
        _strip("square", Surface.SQUARE, (-half, half), (road_end, deep)),
        _strip("green-left", Surface.GREEN, (-70, -half), (road_end, deep)),
        _strip("green-right", Surface.GREEN, (half, 70), (road_end, deep)),
        _strip("fire-lane-1", Surface.FIRE_LANE, (-half + 2.0, -half + 6.0), (road_end + 0.5, deep - 4.0)),
        _strip("pavement-far", Surface.PAVEMENT, (-70, 70), (deep, deep + 4.0)),
    ]
    blocks = _terrace(draw, deep + 4.0, facing_deg=0.0, x_m=(-70, 70))
    for x in (-half - 2.0, half + 2.0, -half - 9.0, half + 9.0):
        for y in np.arange(road_end + 4.0, deep, 8.0):
            place = (x + float(draw.normal(0, 0.8)), float(y + draw.normal(0, 0.8)))
            size = float(draw.uniform(2.8, 4.2))
            blocks.append(Block(what="tree", centre_m=place, size_m=(size, size, float(draw.uniform(5.0, 7.5)))))
    for x, turn in ((-half + 0.5, 90.0), (half - 0.5, -90.0)):
        for y in (road_end + 5.0, road_end + 19.0):
            blocks.append(Block(what="lamp", centre_m=(x, y), size_m=(0.3, 0.3, 7.0), heading_deg=turn))
    blocks.append(Block(what="sign", centre_m=(half - 3.0, road_end + 0.6), size_m=(0.6, 0.1, 2.6)))
    return patches, blocks


_LAYOUTS: Final[dict[StageKind, Callable[[Draw], tuple[list[Patch], list[Block]]]]] = {
    StageKind.STREET: _street,
    StageKind.CANAL: _canal,
    StageKind.SQUARE: _square,
    StageKind.POLE: _street,
}
