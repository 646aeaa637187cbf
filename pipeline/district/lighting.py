"""Light: sun, sky, street lamps and shop windows of a time of day and a weather, and the one tone curve."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district.facades import shuttered
from pipeline.district.scenery import Scenery
from pipeline.district.stage import Conditions, Light, Weather
from pipeline.district.textures import Values, grain

Colour = NDArray[np.float32]
_LAMP_REACH_M: Final = 26.0
_SHOP_REACH_M: Final = 9.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ambience:
    """What light there is; colours are linear RGB.

    Attributes:
        sun_way: (3,) towards the sun.
        sun: its irradiance; zero at night and under clouds.
        sky: irradiance of an open sky on level ground.
        zenith, horizon, glow: colours of the sky, the last one around the sun.
        lit: share of windows and signs that are lit.
        lamp, shop: intensity of a street lamp and of an open shop.
        haze: share of light lost per metre; what is lost turns into `mist`.
        wet: how much the ground mirrors, 0 to 1.
        cloud: how much of the sky is cloud.
        exposure: of the camera.
        noise: of the sensor, in display steps at black.
    """

    sun_way: NDArray[np.float64]
    sun: Colour
    sky: Colour
    zenith: Colour
    horizon: Colour
    glow: Colour
    mist: Colour
    lit: float
    lamp: float
    shop: float
    haze: float
    wet: float
    cloud: float
    exposure: float
    noise: float


def _rgb(red: float, green: float, blue: float) -> Colour:
    return np.array([red, green, blue], dtype=np.float32)


_HAZE: Final = {Weather.CLEAR: 0.0011, Weather.RAIN: 0.007, Weather.FOG: 0.021}


def ambience(conditions: Conditions) -> Ambience:
    """Return the light of conditions."""
    azimuth, height = (math.radians(a) for a in (conditions.sun_azimuth_deg, conditions.sun_elevation_deg))
    way = np.array([math.sin(azimuth) * math.cos(height), math.cos(azimuth) * math.cos(height), math.sin(height)])
    made = _LIGHTS[conditions.light]
    dull = conditions.weather is not Weather.CLEAR
    grey = made["sky"].mean() * _rgb(0.96, 1.0, 1.04)
    return Ambience(
        sun_way=way,
        sun=made["sun"] * (0.0 if dull else 1.0),
        sky=grey * 1.25 if dull else made["sky"],
        zenith=(made["zenith"] + grey) / 2 if dull else made["zenith"],
        horizon=(made["horizon"] + grey) / 2 if dull else made["horizon"],
        glow=made["glow"] * (0.0 if dull else 1.0),
        mist=made["mist"],
        lit=float(made["lit"][0]),
        lamp=float(made["lamp"][0]),
        shop=float(made["shop"][0]),
        haze=_HAZE[conditions.weather],
        wet=0.8 if conditions.weather is Weather.RAIN else 0.0,
        cloud=0.9 if dull else 0.45,
        exposure=float(made["exposure"][0]) * (1.25 if dull else 1.0),
        noise=float(made["noise"][0]) + (0.4 if dull else 0.0),
    )


_LIGHTS: Final = {
    Light.DAY: {
        "sun": _rgb(2.9, 2.6, 2.15), "sky": _rgb(0.72, 0.86, 1.1), "zenith": _rgb(0.2, 0.4, 0.85),
        "horizon": _rgb(0.72, 0.84, 0.98), "glow": _rgb(0.9, 0.8, 0.6), "mist": _rgb(0.78, 0.84, 0.92),
        "lit": _rgb(0, 0, 0), "lamp": _rgb(0, 0, 0), "shop": _rgb(0, 0, 0),
        "exposure": _rgb(0.62, 0, 0), "noise": _rgb(1.1, 0, 0),
    },
    Light.DUSK: {
        "sun": _rgb(0.34, 0.19, 0.1), "sky": _rgb(0.2, 0.21, 0.3), "zenith": _rgb(0.1, 0.13, 0.3),
        "horizon": _rgb(0.62, 0.36, 0.26), "glow": _rgb(1.1, 0.5, 0.16), "mist": _rgb(0.34, 0.27, 0.29),
        "lit": _rgb(0.35, 0, 0), "lamp": _rgb(30, 0, 0), "shop": _rgb(2.2, 0, 0),
        "exposure": _rgb(1.15, 0, 0), "noise": _rgb(1.7, 0, 0),
    },
    Light.NIGHT: {
        "sun": _rgb(0, 0, 0), "sky": _rgb(0.05, 0.058, 0.085), "zenith": _rgb(0.006, 0.009, 0.02),
        "horizon": _rgb(0.05, 0.042, 0.045), "glow": _rgb(0, 0, 0), "mist": _rgb(0.06, 0.055, 0.06),
        "lit": _rgb(0.34, 0, 0), "lamp": _rgb(52, 0, 0), "shop": _rgb(2.4, 0, 0),
        "exposure": _rgb(1.35, 0, 0), "noise": _rgb(2.6, 0, 0),
    },
}  # fmt: skip


def sky_colour(light: Ambience, rays: Values) -> Colour:
    """Return linear RGB (n, 3) of the sky along (n, 3) rays."""
    way = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    up = np.clip(way[:, 2], 0.0, 1.0)
    rise = (up**0.5)[:, None]
    colour = light.horizon * (1 - rise) + light.zenith * rise
    near = np.clip(way @ light.sun_way.astype(np.float32), 0.0, 1.0)
    colour = colour + light.glow * (near**24 + 0.25 * near**4)[:, None]
    reach = 1.0 / (up + 0.08)
    puffs = grain(way[:, 0] * reach, way[:, 1] * reach, size_m=9.0) * 0.75
    puffs += 0.25 * grain(way[:, 0] * reach, way[:, 1] * reach, size_m=2.1, seed=1)
    share = np.clip((puffs - 0.68 + 0.4 * light.cloud) * 4.0, 0.0, 1.0) * np.clip(up * 6.0, 0.0, 0.8)
    white = (light.horizon * 0.9 + light.sky * 0.35) * (0.75 + 0.5 * puffs)[:, None]
    return np.asarray(colour + (white - colour) * share[:, None], dtype=np.float32)


def sky_ways(count: int) -> NDArray[np.float64]:
    """Return (count, 3) directions spread over the upper half of the sphere, none near the horizon."""
    index = np.arange(count) + 0.5
    height = 0.12 + 0.86 * index / count
    turn = index * math.pi * (3 - math.sqrt(5))
    flat = np.sqrt(1 - height**2)
    return np.column_stack([flat * np.cos(turn), flat * np.sin(turn), height])


def bounce(light: Ambience, normals: Values) -> Colour:
    """Return what the ground and the walls around throw back, (n, 3), unoccluded."""
    down = (0.5 - 0.5 * normals[:, 2])[:, None]
    ground = 0.2 * (light.sun * max(float(light.sun_way[2]), 0.0) + light.sky)
    return np.asarray(ground * (0.25 + 0.75 * down), dtype=np.float32)


def night_light(light: Ambience, scenery: Scenery, points_m: Values, normals: Values) -> Colour:
    """Return irradiance (n, 3) from street lamps and open shops."""
    total = np.zeros(points_m.shape, dtype=np.float32)
    if light.lamp <= 0:
        return total
    for head in scenery.lamps_m.astype(np.float32):
        near = _near(points_m, head, _LAMP_REACH_M)
        if len(near):
            total[near] += _from_lamp(light, head, points_m[near], normals[near])
    open_ = ~shuttered(scenery.shop_seeds, light.lit)
    for middle, way in zip(
        scenery.shops_m[open_].astype(np.float32), scenery.shop_ways[open_].astype(np.float32), strict=True
    ):
        near = _near(points_m, middle, _SHOP_REACH_M)
        if len(near):
            total[near] += _from_shop(light, (middle, way), points_m[near], normals[near])
    return total


def _near(points_m: Values, middle: Values, reach_m: float) -> NDArray[np.int64]:
    return np.flatnonzero(
        (np.abs(points_m[:, 0] - middle[0]) < reach_m) & (np.abs(points_m[:, 1] - middle[1]) < reach_m)
    )


def _from_lamp(light: Ambience, head: Values, points_m: Values, normals: Values) -> Colour:
    towards = head - points_m
    square = np.einsum("ij,ij->i", towards, towards)
    distance = np.sqrt(square)
    facing = np.clip(np.einsum("ij,ij->i", normals, towards) / distance, 0.0, 1.0)
    down = np.clip(towards[:, 2] / distance, 0.0, 1.0)
    fade = np.clip(1.0 - (distance / _LAMP_REACH_M) ** 2, 0.0, 1.0)
    strength = light.lamp * facing * down**1.4 / np.maximum(square, 1.0) * fade
    return np.asarray(strength[:, None] * _rgb(1.0, 0.8, 0.54), dtype=np.float32)


def _from_shop(light: Ambience, front: tuple[Values, Values], points_m: Values, normals: Values) -> Colour:
    middle, way = front
    towards = middle - points_m
    square = np.einsum("ij,ij->i", towards, towards)
    distance = np.sqrt(square)
    facing = np.clip(np.einsum("ij,ij->i", normals, towards) / distance, 0.0, 1.0)
    out = np.clip(-(towards @ way) / distance, 0.0, 1.0)
    fade = np.clip(1.0 - (distance / _SHOP_REACH_M) ** 2, 0.0, 1.0)
    strength = light.shop * facing * out / (square * 0.5 + 1.0) * fade
    return np.asarray(strength[:, None] * _rgb(1.0, 0.84, 0.62), dtype=np.float32)


def misted(light: Ambience, colour: Colour, distance_m: Values) -> Colour:
    """Return colours (n, 3) as they arrive over distances (n,)."""
    left = np.exp(-light.haze * distance_m)[:, None]
    return np.asarray(colour * left + light.mist * (1 - left), dtype=np.float32)


def toned(light: Ambience, colour: Colour) -> NDArray[np.uint8]:
    """Return display BGR of linear RGB (…, 3): exposure, a filmic curve (Narkowicz 2015) and gamma."""
    x = np.maximum(colour[..., ::-1], 0.0) * np.float32(light.exposure)
    curve = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)
    return np.asarray(np.clip(curve, 0.0, 1.0) ** np.float32(1 / 2.2) * 255.0 + 0.5, dtype=np.uint8)
