"""Covers: what comes between a camera's lens and its street: a sheet that hangs before it, a bus that passes close by.

They are drawn over the finished picture, with noise of their own, as no sensor gives the same picture twice.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np

from geo.coords import LonLat
from models.detector import Image
from pipeline.district.scene_set import OBSTRUCTED, SCENES
from pipeline.district.stage import Light, Stage, TrueEvent

_BUSES: Final = 3
_SLIDES_S: Final = 1.0
_NOISE: Final = 2.0
_BRIGHT: Final = {Light.DAY: 1.0, Light.DUSK: 0.8, Light.NIGHT: 0.6}
_COLOURS: Final = ((150, 140, 120), (96, 110, 96), (120, 92, 80), (190, 190, 184))  # blue, green, red
_LAST_S: Final = 11.0  # a case may come so long after


class CoverKind(StrEnum):
    """What covers the lens."""

    SHEET = "sheet"
    BUS = "bus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Something before the lens for a time; `share` of the picture's width is hidden."""

    kind: CoverKind
    from_s: float
    to_s: float
    colour: tuple[int, int, int]
    share: float


def covers_of(draw: np.random.Generator, *, end_s: float) -> tuple[Cover, ...]:
    """Return what covers a camera in a run: a sheet that stays, and before and after it buses that pass."""
    dwell_s = SCENES[OBSTRUCTED].dwell_s
    begins_s = float(draw.uniform(30.0, max(31.0, end_s - dwell_s - _LAST_S - 5.0)))
    sheet = _cover(CoverKind.SHEET, begins_s, begins_s + dwell_s + float(draw.uniform(15.0, 40.0)), draw)
    buses = []
    for at_s in draw.uniform(12.0, end_s - 8.0, _BUSES).tolist():
        bus = _cover(CoverKind.BUS, at_s, at_s + float(draw.uniform(3.0, 7.0)), draw)
        if bus.to_s < sheet.from_s - 15.0 or bus.from_s > sheet.to_s + 15.0:
            buses.append(bus)
    return (sheet, *buses)


def _cover(kind: CoverKind, from_s: float, to_s: float, draw: np.random.Generator) -> Cover:
    colour = _COLOURS[int(draw.integers(len(_COLOURS)))]
    share = float(draw.uniform(0.82, 1.0)) if kind is CoverKind.SHEET else float(draw.uniform(0.6, 0.95))
    return Cover(kind=kind, from_s=from_s, to_s=to_s, colour=colour, share=share)


def covered(image: Image, covers: tuple[Cover, ...], *, at_s: float, light: Light) -> Image:
    """Return a picture with what is before the lens at a moment."""
    shown = image
    for row, each in enumerate(covers):
        if each.from_s <= at_s < each.to_s:
            shown = _drawn(shown, each, at_s=at_s, light=light, draw=np.random.default_rng([row, int(at_s * 1000)]))
    return shown


def _drawn(image: Image, cover: Cover, *, at_s: float, light: Light, draw: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    wide = round(width * cover.share)
    if cover.kind is CoverKind.SHEET:
        left = round(width * (1.0 - cover.share) - wide * max(0.0, 1.0 - (at_s - cover.from_s) / _SLIDES_S))
    else:
        passed = (at_s - cover.from_s) / (cover.to_s - cover.from_s)
        left = round(-wide + passed * (width + wide))
    panel = np.full((height, width, 3), np.array(cover.colour) * _BRIGHT[light], np.float32)
    if cover.kind is CoverKind.BUS:  # windows, out of focus
        for x in range(left, left + wide, max(wide // 6, 8)):
            cv2.rectangle(panel, (x + 6, height // 5), (x + wide // 8, height // 2), (60, 56, 52), -1)
        panel = cv2.GaussianBlur(panel, (0, 0), 12.0).astype(np.float32)
    panel += draw.normal(0.0, _NOISE, panel.shape).astype(np.float32)
    mask = np.zeros((height, width), np.float32)
    mask[:, max(left, 0) : max(left + wide, 0)] = 1.0
    soft = cv2.GaussianBlur(mask, (0, 0), 9.0)[..., None]
    return np.asarray(np.clip(image * (1.0 - soft) + panel * soft, 0, 255), np.uint8)


def cover_event(stage: Stage, cover: Cover, *, end_s: float) -> TrueEvent | None:
    """Return a cover's entry in the truth; None for one that ends the run before a case of it could come."""
    distractor = cover.kind is CoverKind.BUS
    qualifies_s = cover.from_s if distractor else cover.from_s + SCENES[OBSTRUCTED].dwell_s
    if not distractor and qualifies_s > min(cover.to_s, end_s - _LAST_S):
        return None
    return TrueEvent(
        id="",
        camera=stage.camera,
        scene=OBSTRUCTED,
        actors=(),
        kinds=(),
        from_s=round(cover.from_s, 2),
        to_s=round(cover.to_s, 2),
        qualifies_s=round(qualifies_s, 2),
        x_m=0.0,
        y_m=0.0,
        lonlat=LonLat(round(stage.foot.lon, 8), round(stage.foot.lat, 8)),
        distractor=distractor,
        name="passing-bus" if distractor else "",
    )
