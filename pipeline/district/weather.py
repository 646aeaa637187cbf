"""What happens between the scene and the picture: smoke, rain, ripples, shake, vignetting and sensor noise."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.district.backdrop import Backdrop
from pipeline.district.lighting import Ambience, toned
from pipeline.district.optics import Lens
from pipeline.district.stage import Conditions, Kind, Light, Placed, Weather
from pipeline.district.textures import grain

Image = NDArray[np.uint8]
Values = NDArray[np.float32]
_SLACK_PX: Final = 96
_PUFFS: Final = 16
_SHAKE_PX: Final = 0.35
_GUST_PX: Final = 1.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensor:
    """Everything of the camera that stays the same from frame to frame.

    Attributes:
        grains: (h + slack, w + slack, 3) noise to cut frames from.
        spread: (h, w, 3) its strength in quarter steps, by how bright the backdrop is.
        vignette: (h, w, 3) what the lens lets through at each place, 255 for all.
        streaks: sheets of rain; empty in dry weather.
        ripples: rows and columns of water, and its metres; None without water.
    """

    seed: int
    grains: NDArray[np.int16]
    spread: Image
    vignette: Image
    streaks: tuple[Image, ...]
    ripples: tuple[NDArray[np.int64], NDArray[np.int64], Values] | None
    windy: bool

    @classmethod
    def of(cls, backdrop: Backdrop, light: Ambience, conditions: Conditions, *, seed: int) -> "Sensor":
        """Return the sensor of a camera in some conditions."""
        height, width = backdrop.image.shape[:2]
        draw = np.random.default_rng([seed, 3])
        grains = draw.normal(0.0, 16.0, (height + _SLACK_PX, width + _SLACK_PX, 3))
        bright = cv2.blur(backdrop.image, (9, 9)).astype(np.float32) / 255.0
        spread = 4.0 * light.noise * (0.75 + 0.6 * np.sqrt(bright))
        y, x = np.indices((height, width), dtype=np.float32)
        radius = np.hypot((x - width / 2) / width, (y - height / 2) / width)
        vignette = 255.0 * (1.0 - 0.42 * radius**2)
        rain = conditions.weather is Weather.RAIN
        return cls(
            seed=seed,
            grains=grains.astype(np.int16),
            spread=np.clip(spread, 0, 255).astype(np.uint8),
            vignette=np.repeat(vignette[:, :, None], 3, axis=2).astype(np.uint8),
            streaks=tuple(_rain_sheet(draw, (height, width), conditions.light) for _ in range(4)) if rain else (),
            ripples=_ripples(backdrop),
            windy=conditions.weather is not Weather.FOG,
        )

    def at(self, at_s: float) -> np.random.Generator:
        """Return the chance of one moment, the same whenever that moment is drawn."""
        return np.random.default_rng([self.seed, 5, round(at_s * 1000) & 0xFFFFFFFF])

    def shake_px(self, at_s: float) -> tuple[float, float]:
        """Return how far the image is shifted at a moment: a pole that sways, and a tremble."""
        draw = self.at(at_s)
        sway = np.sin(np.array([at_s * 2.1, at_s * 2.9 + 1.0])) * np.sin(at_s * 0.37 + self.seed)
        shift = _GUST_PX * self.windy * 0.5 * sway + draw.normal(0.0, _SHAKE_PX * 0.5, 2)
        x, y = np.clip(shift, -2.0, 2.0).tolist()
        return x, y

    def ripple(self, image: Image, at_s: float) -> None:
        """Let water move, in place."""
        if self.ripples is None:
            return
        rows, columns, water_m = self.ripples
        x, y = water_m[:, 0], water_m[:, 1]
        first = grain(x + np.float32(0.5 * at_s), y * 1.6 + np.float32(0.3 * at_s), size_m=11.0)
        second = grain(x * 1.4 - np.float32(0.6 * at_s), y * 2.3 + np.float32(0.45 * at_s), size_m=5.0, seed=1)
        gain = 0.78 + 0.44 * first + 0.24 * (second - 0.5)
        image[rows, columns] = np.clip(image[rows, columns] * gain[:, None], 0, 255).astype(np.uint8)

    def expose(self, image: Image, at_s: float) -> Image:
        """Return the image as the sensor reads it: rain, shake, vignetting and noise."""
        draw = self.at(at_s + 0.0005)
        height, width = image.shape[:2]
        if self.streaks:
            sheet = self.streaks[int(draw.integers(len(self.streaks)))]
            top, left = (int(value) for value in draw.integers(0, _SLACK_PX, 2))
            image = as_image(cv2.add(image, sheet[top : top + height, left : left + width]))
        shift = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        shift[:, 2] = self.shake_px(at_s)
        moved = cv2.warpAffine(image, shift, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        darker = cv2.multiply(moved, self.vignette, scale=1 / 255)
        top, left = (int(value) for value in draw.integers(0, _SLACK_PX, 2))
        grains = self.grains[top : top + height, left : left + width]
        noise = cv2.multiply(grains, self.spread, scale=1 / 64, dtype=cv2.CV_16S)
        return as_image(cv2.add(darker, noise, dtype=cv2.CV_8U))


def as_image(drawn: cv2.typing.MatLike) -> Image:
    """Return what OpenCV drew as an image, uncopied."""
    return np.asarray(drawn, dtype=np.uint8)


def _rain_sheet(draw: np.random.Generator, size: tuple[int, int], light: Light) -> Image:
    height, width = size[0] + _SLACK_PX, size[1] + _SLACK_PX
    sheet = np.zeros((height, width), dtype=np.uint8)
    bright = 60 if light is Light.DAY else 34
    for _ in range(int(height * width / 900)):
        x, y = draw.integers(0, width), draw.integers(0, height)
        long = draw.uniform(0.02, 0.075) * size[0]
        end = (int(x - 0.12 * long), int(y + long))
        cv2.line(sheet, (int(x), int(y)), end, int(draw.integers(bright // 3, bright)), 1, cv2.LINE_AA)
    return np.repeat(cv2.blur(sheet, (2, 3))[:, :, None], 3, axis=2)


def _ripples(backdrop: Backdrop) -> tuple[NDArray[np.int64], NDArray[np.int64], Values] | None:
    if backdrop.water_m is None:
        return None
    rows, columns = np.nonzero(np.isfinite(backdrop.water_m[:, :, 0]))
    return rows, columns, backdrop.water_m[rows, columns]


def add_smoke(
    image: Image, fires: list[Placed], backdrop: Backdrop, *, light: Ambience, lens: Lens, at_s: float
) -> None:
    """Draw the smoke of fires over an image, behind what stands before it, in place."""
    for thing in fires:
        still = np.random.default_rng(thing.actor.id)
        for index in range(_PUFFS):
            age = (index / _PUFFS + at_s * 0.16 + float(still.random()) * 0.05) % 1.0
            drift = np.array([0.9 * age**1.4, 0.25 * np.sin(index * 2.2 + at_s * 0.6) * age, 0.0])
            place = np.array([thing.x_m, thing.y_m, thing.z_m + 0.7 * thing.actor.size_m[2] + 4.2 * age]) + drift * 1.6
            shade = 0.10 + 0.10 * age
            colour = (
                light.sky * 0.5 * shade + light.sun * 0.2 * shade + np.array([0.3, 0.12, 0.03]) * 0.25 * (1 - age) ** 4
            )
            _puff(
                image,
                backdrop,
                lens,
                (place.astype(np.float32), 0.22 + 0.85 * age),
                (toned(light, colour[None].astype(np.float32))[0], 0.5 * (1 - age) ** 0.9),
            )


def _puff(image: Image, backdrop: Backdrop, lens: Lens, where: tuple[Values, float], ink: tuple[Image, float]) -> None:
    (place, radius_m), (bgr, strength) = where, ink
    pixels, ahead = lens.project(np.asarray(place, dtype=np.float64)[None])
    radius = radius_m * lens.pose.focal_px / max(float(ahead[0]), 0.5)
    if ahead[0] < 1.0 or radius < 1.0:
        return
    height, width = image.shape[:2]
    x0, x1 = (int(np.clip(pixels[0, 0] + side * radius, 0, width)) for side in (-1, 1))
    y0, y1 = (int(np.clip(pixels[0, 1] + side * radius, 0, height)) for side in (-1, 1))
    if x0 >= x1 or y0 >= y1:
        return
    y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    far = ((x - pixels[0, 0]) ** 2 + (y - pixels[0, 1]) ** 2) / radius**2
    lumps = grain(x / radius + np.float32(place[2]), y / radius, size_m=3.0)
    alpha = strength * np.clip(1.25 - far - 0.9 * lumps + 0.2, 0.0, 1.0) * (far < 1)
    alpha = alpha * (backdrop.nearness[0, y0:y1, x0:x1] < 1.0 / ahead[0])
    patch = image[y0:y1, x0:x1].astype(np.float32)
    image[y0:y1, x0:x1] = (patch + (bgr.astype(np.float32) - patch) * alpha[:, :, None]).astype(np.uint8)


def fires_of(placed: tuple[Placed, ...]) -> list[Placed]:
    """Return the burning things."""
    return [thing for thing in placed if thing.actor.kind is Kind.FIRE]
