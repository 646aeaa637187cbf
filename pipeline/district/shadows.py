"""What moving things do to the ground: sun shadows, contact shadows and, in the dark, pools of light before them."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.district.backdrop import Backdrop
from pipeline.district.lighting import Ambience
from pipeline.district.moving import Cast
from pipeline.district.optics import Lens
from pipeline.district.shading import driving
from pipeline.district.shapes import Floats
from pipeline.district.stage import Kind, Placed
from pipeline.district.weather import as_image

Image = NDArray[np.uint8]
Points = NDArray[np.int32]
# Things whose shadow is narrower than this many pixels are drawn as one hull.
_DETAILED_PX: Final = 55.0
_CONTACT: Final = 150
_LOWEST_SUN: Final = 0.12
# What comes nearer to the lens's plane than this throws no shadow: it would be endlessly wide.
_BEHIND_M: Final = 0.5
_FIRE_LIGHT_M: Final = 5.0
_BOXY: Final = frozenset({Kind.CAR, Kind.VAN})


def on_ground(image: Image, backdrop: Backdrop, cast: Cast, light: Ambience, lens: Lens) -> Image:
    """Return an image whose ground is darkened and lit by the things on it."""
    if not cast.placed:
        return image
    size = image.shape[:2]
    if light.sun.max() > 0 and light.sun_way[2] > _LOWEST_SUN:
        mask = _on_three(_sun_mask(cast, light, lens, size) & backdrop.ground)
        image = as_image(cv2.subtract(image, cv2.multiply(backdrop.sunshine, mask, scale=1 / 255)))
    left = 255 - (_contact_mask(cast, light, lens, size) & backdrop.ground)
    image = as_image(cv2.multiply(image, _on_three(left), scale=1 / 255))
    if light.lit > 0:
        glow = _on_three(_light_mask(cast, lens, size) & backdrop.ground)
        image = as_image(cv2.add(image, cv2.multiply(backdrop.albedo, glow, scale=1 / 150)))
    return image


def _on_three(mask: Image) -> Image:
    return np.asarray(cv2.merge([mask, mask, mask]), dtype=np.uint8)


def _fixed(pixels: Floats) -> Points:
    """Return pixels in sixteenths, as OpenCV's polygons take them."""
    return np.clip(pixels * 16, -400_000, 400_000).astype(np.int32)


def _fill(mask: Image, corners: Points, value: int) -> None:
    cv2.fillConvexPoly(mask, corners, value, lineType=cv2.LINE_AA, shift=4)


def _sun_mask(cast: Cast, light: Ambience, lens: Lens, size: tuple[int, int]) -> Image:
    mask = np.zeros(size, dtype=np.uint8)
    slope = light.sun_way[:2] / light.sun_way[2]
    solids: list[Floats] = []
    for thing, model, matrix in zip(cast.placed, cast.models, cast.matrices, strict=True):
        ahead = lens.to_camera(matrix[None, :3, 3])[0, 2]
        large = thing.actor.size_m[2] * lens.pose.focal_px / max(ahead, 1.0) > _DETAILED_PX
        whole = thing.actor.kind in _BOXY or not large
        solids += [part @ matrix[:3, :3].T + matrix[:3, 3] for part in ((model.hull_m,) if whole else model.parts_m)]
    points = np.vstack(solids)
    points[:, :2] -= np.maximum(points[:, 2:], 0.0) * slope
    points[:, 2] = 0.0
    pixels, ahead_m = lens.project(points)
    ends = np.cumsum([len(solid) for solid in solids])
    starts, corners = ends - [len(solid) for solid in solids], _fixed(pixels)
    before = np.minimum.reduceat(ahead_m, starts) > _BEHIND_M
    for start, end in zip(starts[before].tolist(), ends[before].tolist(), strict=True):
        _fill(mask, np.asarray(cv2.convexHull(corners[start:end]), dtype=np.int32), 255)
    return np.asarray(cv2.blur(mask, (3, 3)), dtype=np.uint8)


def _footprints(things: list[Placed]) -> Floats:
    """Return (n, 2, 10, 3) outlines on the ground of things, a wider and a narrower one."""
    rows = [(t.x_m, t.y_m, np.radians(t.heading_deg), *t.actor.size_m[:2], t.actor.kind in _BOXY) for t in things]
    x, y, turn, length, width, boxy = np.array(rows, dtype=np.float64).T[:, :, None, None]
    square, wider = np.where(boxy, 1.18, 0.95), np.array([1.15, 0.9])[:, None]
    angles = np.arange(10) * 2 * np.pi / 10
    u = np.clip(np.cos(angles) * square, -1, 1) * length / 2 * wider
    v = np.clip(np.sin(angles) * square, -1, 1) * width / 2 * wider
    flat = np.stack([x + u * np.cos(turn) - v * np.sin(turn), y + u * np.sin(turn) + v * np.cos(turn)], axis=-1)
    return np.concatenate([flat, np.zeros((*flat.shape[:-1], 1))], axis=-1)


def _contact_mask(cast: Cast, light: Ambience, lens: Lens, size: tuple[int, int]) -> Image:
    mask = np.zeros(size, dtype=np.uint8)
    grounded = [thing for thing in cast.placed if abs(thing.z_m) < 0.3]  # noqa: PLR2004 - stands on the ground
    if grounded:
        pixels = lens.project(_footprints(grounded).reshape(-1, 3))[0]
        away_m = np.hypot([thing.x_m for thing in grounded], [thing.y_m for thing in grounded])
        strength = _CONTACT * np.exp(-light.haze * away_m)
        for (outer, inner), value in zip(_fixed(pixels).reshape(-1, 2, 10, 2), strength.tolist(), strict=True):
            _fill(mask, outer, int(value / 3))
            _fill(mask, inner, int(value))
    return np.asarray(cv2.blur(mask, (5, 5)), dtype=np.uint8)


# Metres ahead, half width and strength of a headlamp's pool, from the rim to the core.
_POOL: Final = ((0.5, 16.0, 3.2, 26), (1.0, 13.0, 2.4, 52), (1.5, 10.0, 1.8, 84), (2.0, 7.0, 1.2, 120))


def _light_mask(cast: Cast, lens: Lens, size: tuple[int, int]) -> Image:
    mask = np.zeros(size, dtype=np.uint8)
    for thing in cast.placed:
        if thing.actor.kind is Kind.FIRE:
            for wider, value in ((1.0, 60), (0.7, 110), (0.4, 190)):
                angles = np.arange(16) * 2 * np.pi / 16
                rim = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(16)]) * _FIRE_LIGHT_M * wider
                _lighten(mask, lens, rim + np.array([thing.x_m, thing.y_m, 0.0]), value)
        elif driving(thing):
            turn = np.radians(thing.heading_deg)
            axes = np.array([[np.cos(turn), np.sin(turn), 0.0], [-np.sin(turn), np.cos(turn), 0.0]])
            weak = 1.0 if thing.actor.kind in _BOXY else 0.45
            for start, end, half, value in _POOL:
                reach = thing.actor.size_m[0] / 2 + np.array(
                    [start, end * 0.7 * weak, end * weak, end * 0.7 * weak, start]
                )
                side = np.array([-half * 0.3, -half, 0.0, half, half * 0.3]) * weak
                corners = np.column_stack([reach, side]) @ axes + [thing.x_m, thing.y_m, 0.0]
                _lighten(mask, lens, corners, int(value * weak**0.5))
    return np.asarray(cv2.blur(mask, (9, 9)), dtype=np.uint8)


def _lighten(mask: Image, lens: Lens, corners_m: Floats, value: int) -> None:
    pixels, ahead_m = lens.project(corners_m)
    if ahead_m.min() > _BEHIND_M:
        _fill(mask, np.asarray(cv2.convexHull(_fixed(pixels)), dtype=np.int32), value)
