"""Cameras: where each stands, how its pixels map to the ground, its zones and scenes. Values only; no frames."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from geo.camera_view import CameraView
from geo.coords import LonLat
from pipeline.cases import Side
from pipeline.scenes import Mode

Pixel = tuple[float, float]
CAMERA_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
"""It names the folder of the camera's pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraScene:
    """A scene at a camera, within one of its image zones (None: the whole image).

    Attributes:
        mode: on which level of the trust ladder it begins here; None takes the scene's own.
        without: zones that are taken out of it, such as the bays in which bicycles may stand.
    """

    scene: str
    zone: str | None
    mode: Mode | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera of the site.

    Attributes:
        width_px, height_px: the image that calibration and zones refer to; frames of another size are scaled to it.
        fps: frames per second to process at most.
        uri: where its frames come from; empty when they are pushed or given on the command line.
        zones: image polygons by name, each a tuple of (u, v) in pixels.
        height_m: of the lens above the ground that is calibrated; None if nobody measured it.
        levels_m: how high the ground of a zone lies above the ground that is calibrated, by the zone's name; a
            waterway's level is negative. Zones without one lie on it.
        directions: which way traffic of a zone goes, by the zone's name: from one pixel to another.
    """

    code: str
    name: str
    name_zh: str
    lonlat: LonLat
    side: Side
    width_px: int
    height_px: int
    fps: float
    uri: str
    view: CameraView
    zones: Mapping[str, tuple[tuple[float, float], ...]]
    scenes: tuple[CameraScene, ...]
    properties: Mapping[str, object]
    height_m: float | None = None
    levels_m: Mapping[str, float] = field(default_factory=dict)
    directions: Mapping[str, tuple[Pixel, Pixel]] = field(default_factory=dict)
