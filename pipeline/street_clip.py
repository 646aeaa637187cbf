"""A short street clip, drawn: things appear, stay and leave, for a demo without any footage.

Flat shapes on a flat street, seen through a camera's own ground quadrilateral; no detector trained on real
pictures knows them, the background detector does. It shows the path from frame to case, not how well real streets
are read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.cameras import Camera
from pipeline.errors import PipelineError

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

LENGTH_S = 48.0
FPS = 5.0
_SUPERSAMPLE = 2
# When each sets out, in seconds, and its colour.
_EASTBOUND = ((1.0, (60, 60, 200)), (9.0, (180, 120, 40)), (27.0, (70, 160, 70)))
_WESTBOUND = ((4.0, (200, 200, 200)), (19.0, (40, 140, 210)))
_WALKERS = ((0.0, (90, 70, 50)), (14.0, (50, 60, 120)), (24.0, (120, 60, 90)))
_SHADOW_M = np.array([0.25, -0.15])
_YELLOW, _WHITE, _EDGE, _GLASS = (40, 180, 220), (225, 225, 225), (30, 28, 28), (70, 60, 50)
_CAR_FROM_M = 3.0


class ClipError(PipelineError):
    """The clip cannot be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: OpenCV has no encoder for Motion JPEG in AVI here; give real footage with --source")


class NoStreetError(PipelineError):
    """The camera does not say which ground its clip would show."""

    def __init__(self, camera: str) -> None:
        super().__init__(f"camera {camera} has no property ground_m to draw a clip in; give footage with --source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """Where the clip plays: a rectangle of ground and the image quadrilateral that shows it.

    Attributes:
        size_px: width and height of the image.
        ground_m: (4, 2) corners in metres: x along the street, y away from the camera.
        image_px: (4, 2) the same corners in the image.
    """

    size_px: tuple[int, int]
    ground_m: Floats
    image_px: Floats

    @classmethod
    def at(cls, camera: Camera) -> Self:
        """Return the street that a camera's properties describe.

        Raises:
            NoStreetError: the camera has no `ground_m` property.
        """
        drawn = camera.properties.get("ground_m")
        if not isinstance(drawn, Mapping):
            raise NoStreetError(camera.code)
        return cls(
            size_px=(camera.width_px, camera.height_px),
            ground_m=np.array(drawn["ground_m"], dtype=np.float64),
            image_px=np.array(drawn["image_px"], dtype=np.float64),
        )

    def to_px(self, ground_m: Floats) -> Floats:
        """Return (n, 2) pixels of (n, 2) ground metres."""
        matrix = cv2.getPerspectiveTransform(self.ground_m.astype(np.float32), self.image_px.astype(np.float32))
        return cv2.perspectiveTransform(ground_m.reshape(-1, 1, 2), matrix).reshape(-1, 2).astype(np.float64)

    @property
    def width_m(self) -> float:
        """Length of the street that is drawn."""
        return float(np.ptp(self.ground_m[:, 0]))

    @property
    def depth_m(self) -> float:
        """Width of the street that is drawn."""
        return float(np.ptp(self.ground_m[:, 1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A box on the ground that is somewhere at each time.

    Attributes:
        size_m: length along x, depth along y, height.
        path: (t_s, x_m, y_m) way points; between two of them it moves evenly, outside them it is not there.
        colour: of its sunny side, BGR.
    """

    size_m: tuple[float, float, float]
    path: tuple[tuple[float, float, float], ...]
    colour: tuple[int, int, int]

    def at(self, t_s: float) -> tuple[float, float] | None:
        """Return x and y in metres, or None when it is not there."""
        times = [point[0] for point in self.path]
        if not times[0] <= t_s <= times[-1]:
            return None
        x, y = (float(np.interp(t_s, times, [point[axis] for point in self.path])) for axis in (1, 2))
        return x, y


def actors(street: Street) -> tuple[Actor, ...]:
    """Return who plays: traffic, walkers, a car that stops for 30 s, a heap of boxes that is left and fetched."""
    w, d = street.width_m, street.depth_m
    far, near, pavement = d * 0.62, d * 0.36, d * 0.88
    played = [_passing(t, w, far, +1, c) for t, c in _EASTBOUND]
    played += [_passing(t, w, near, -1, c) for t, c in _WESTBOUND]
    played += [_walker(t, w, pavement, c) for t, c in _WALKERS]
    kerb = d * 0.16
    played.append(
        Actor(
            size_m=(4.4, 1.8, 1.5),
            path=((5, -3, near), (8, w * 0.35, near), (10, w * 0.45, kerb), (40, w * 0.45, kerb), (43, w + 5, near)),
            colour=(40, 40, 190),
        )
    )
    played.append(
        Actor(size_m=(2.4, 1.2, 1.4), path=((12, w * 0.75, pavement), (45, w * 0.75, pavement)), colour=(60, 150, 200))
    )
    return tuple(played)


def _passing(t_s: float, width_m: float, y_m: float, way: int, colour: tuple[int, int, int]) -> Actor:
    ends = (-5.0, width_m + 5.0)[::way]
    return Actor(size_m=(4.4, 1.8, 1.5), path=((t_s, ends[0], y_m), (t_s + 4.0, ends[1], y_m)), colour=colour)


def _walker(t_s: float, width_m: float, y_m: float, colour: tuple[int, int, int]) -> Actor:
    return Actor(
        size_m=(0.5, 0.4, 1.7), path=((t_s, -1.0, y_m), (t_s + width_m / 1.4, width_m + 1.0, y_m)), colour=colour
    )


def frames(street: Street, *, seed: int = 7) -> Iterator[Image]:
    """Yield the clip's images, (h, w, 3) uint8 BGR, with a little sensor noise."""
    noise = np.random.default_rng(seed)
    ground = _ground(street)
    played = actors(street)
    for index in range(int(LENGTH_S * FPS)):
        image = ground.copy()
        present = [(actor, where) for actor in played if (where := actor.at(index / FPS)) is not None]
        for actor, where in sorted(present, key=lambda pair: -pair[1][1]):
            _draw(image, street, actor, where)
        small = cv2.resize(image, street.size_px, interpolation=cv2.INTER_AREA)
        noisy = small + noise.normal(0.0, 2.0, small.shape)
        yield np.clip(noisy, 0, 255).astype(np.uint8)


def write_clip(street: Street, path: Path) -> Path:
    """Write the clip as Motion JPEG in AVI, which every OpenCV reads.

    Raises:
        ClipError: there is no encoder.
    """
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, street.size_px)
    if not writer.isOpened():
        raise ClipError(path)
    try:
        for image in frames(street):
            writer.write(image)
    finally:
        writer.release()
    return path


def _ground(street: Street) -> Image:
    w_px, h_px = (side * _SUPERSAMPLE for side in street.size_px)
    image = np.full((h_px, w_px, 3), (142, 148, 150), dtype=np.uint8)
    w, d = street.width_m, street.depth_m
    horizon = max(int(street.to_px(np.array([[w / 2, d * 8]]))[0, 1] * _SUPERSAMPLE), 0)
    image[:horizon] = np.linspace((205, 190, 170), (225, 220, 210), max(horizon, 1))[:, None].astype(np.uint8)
    for low, high, colour in ((-1.0, 0.78, (92, 92, 94)), (0.78, 1.02, (160, 166, 170)), (0.0, 0.27, (86, 86, 98))):
        _fill(image, street, [(-w, low * d), (2 * w, low * d), (2 * w, high * d), (-w, high * d)], colour)
    for start in np.arange(-w, 2 * w, 4.0):
        dash = [(start, d * 0.49), (start + 2, d * 0.49), (start + 2, d * 0.5), (start, d * 0.5)]
        _fill(image, street, dash, _WHITE)
    for start in np.arange(0.0, w, 3.0):
        stripe = [(start, 0.3), (start + 0.3, 0.3), (start + 2.3, d * 0.26), (start + 2, d * 0.26)]
        _fill(image, street, stripe, _YELLOW)
    return image


def _fill(image: Image, street: Street, ground: list[tuple[float, float]], colour: tuple[int, ...]) -> None:
    corners = street.to_px(np.array(ground, dtype=np.float64)) * _SUPERSAMPLE
    cv2.fillConvexPoly(image, np.round(corners).astype(np.int32), colour, lineType=cv2.LINE_AA)


def _draw(image: Image, street: Street, actor: Actor, where: tuple[float, float]) -> None:
    length, depth, height = actor.size_m
    x, y = where[0] - length / 2, where[1] - depth / 2
    base = np.array([(x, y), (x + length, y), (x + length, y + depth), (x, y + depth)])
    feet = street.to_px(base) * _SUPERSAMPLE
    scale = np.abs(feet[1, 0] - feet[0, 0]) / length, np.abs(feet[2, 0] - feet[3, 0]) / length
    lift = np.array([scale[0], scale[0], scale[1], scale[1]]) * height
    heads = feet - np.column_stack([np.zeros(4), lift])
    _fill(image, street, [tuple(corner) for corner in (base + _SHADOW_M).tolist()], (60, 60, 60))
    side = np.array([feet[0], feet[1], heads[1], heads[0]])
    for corners, light in ((heads, 1.15), (side, 0.85)):
        colour = tuple(min(255.0, channel * light) for channel in actor.colour)
        cv2.fillConvexPoly(image, np.round(corners).astype(np.int32), colour, lineType=cv2.LINE_AA)
        cv2.polylines(image, [np.round(corners).astype(np.int32)], True, _EDGE, 2, lineType=cv2.LINE_AA)
    if length > _CAR_FROM_M:
        _dress_car(image, side)
    else:
        for share in (0.3, 0.6):
            _band(image, side, (0.0, 1.0), (share, share + 0.04), _EDGE)


def _dress_car(image: Image, side: Floats) -> None:
    """Give a car's side windows and wheels."""
    for low, high in ((0.12, 0.48), (0.53, 0.88)):
        _band(image, side, (low, high), (0.52, 0.9), _GLASS)
    _band(image, side, (0.0, 1.0), (0.3, 0.36), _WHITE)
    radius = max(2, int(0.2 * np.linalg.norm(side[3] - side[0])))
    for share in (0.2, 0.8):
        centre = side[0] + share * (side[1] - side[0])
        cv2.circle(image, (int(centre[0]), int(centre[1] - radius)), radius, _EDGE, -1, lineType=cv2.LINE_AA)


def _band(
    image: Image, side: Floats, along: tuple[float, float], up: tuple[float, float], colour: tuple[int, ...]
) -> None:
    corners = [
        side[0] + x * (side[1] - side[0]) + y * (side[3] - side[0])
        for x, y in ((along[0], up[0]), (along[1], up[0]), (along[1], up[1]), (along[0], up[1]))
    ]
    cv2.fillConvexPoly(image, np.round(np.array(corners)).astype(np.int32), colour, lineType=cv2.LINE_AA)
