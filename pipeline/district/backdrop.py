"""A stage drawn once: everything that stands still, lit, with what the moving things need to be set into it.

The scenery is drawn as triangle numbers at twice the size; points, patterns and light follow per sample in numpy.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district.display import CODE_BITS, Canvas, Codes
from pipeline.district.ground import Strip, strips
from pipeline.district.lighting import (
    Ambience,
    bounce,
    misted,
    night_light,
    sky_colour,
    sky_ways,
    toned,
)
from pipeline.district.materials import look
from pipeline.district.occlusion import DepthMap, LightCamera
from pipeline.district.scenery import Material, Scenery
from pipeline.district.shapes import Floats
from pipeline.district.stage import Patch
from pipeline.district.stages import WATER_LEVEL_M
from pipeline.district.textures import grain
from pipeline.district.viewport import SAMPLES, Viewport

Image = NDArray[np.uint8]
Values = NDArray[np.float32]
_CHUNK: Final = 200_000
_SUN_SIDE, _SKY_SIDE, _SKY_WAYS = 2048, 640, 18
_RADIUS_M: Final = 55.0
_SKY: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backdrop:
    """What stands still in one image, (h, w, …).

    Attributes:
        image: as lit.
        sunshine: what the sun adds to it, so what a shadow takes away.
        albedo: display BGR of the ground's own colour, for headlights.
        nearness: (samples, h, w) one over the metres ahead; 0 for the sky.
        ground: (h, w) 255 where shadows of moving things fall, 0 elsewhere.
        water_m: (h, w, 2) stage metres of water, NaN elsewhere; None without any.
        sun_map: for the light on moving things; None without sun.
    """

    image: Image
    sunshine: Image
    albedo: Image
    nearness: Values
    ground: Image
    water_m: Values | None
    sun_map: DepthMap | None


class _Baker:
    """Lights samples of one scenery."""

    def __init__(self, scenery: Scenery, strips_: list[Strip], light: Ambience, viewport: Viewport) -> None:
        self.scenery, self.strips, self.light, self.viewport = scenery, strips_, light, viewport
        corners = [scenery.vertices_m[scenery.triangles[:, k]] for k in range(3)]
        plane = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        self.plane = plane / np.maximum(np.linalg.norm(plane, axis=1, keepdims=True), 1e-12)
        self.offset = np.einsum("ij,ij->i", self.plane, corners[0])
        ahead = viewport.lens.axes[2][:2] * 30.0
        sky = LightCamera(scenery, side_px=_SKY_SIDE, middle_m=ahead, radius_m=_RADIUS_M)
        self.sky_maps = [sky.map(way) for way in sky_ways(_SKY_WAYS)]
        sky.close()
        self.sun_map: DepthMap | None = None
        if light.sun.max() > 0:
            sun = LightCamera(scenery, side_px=_SUN_SIDE, middle_m=ahead, radius_m=_RADIUS_M)
            self.sun_map = sun.map(light.sun_way)
            sun.close()

    def hit(self, triangles: NDArray[np.int64], eye_m: Floats, rays: Values) -> Values:
        """Return the multiple of each ray at which it meets its triangle's plane."""
        plane = self.plane[triangles]
        slope = np.einsum("ij,ij->i", plane, rays)
        reach = (self.offset[triangles] - plane @ eye_m) / np.where(np.abs(slope) < 1e-9, 1e-9, slope)  # noqa: PLR2004 - edge on
        return np.asarray(np.clip(reach, 0.1, 400.0), dtype=np.float32)

    def radiance(
        self,
        triangles: NDArray[np.int64],
        eye_m: Floats,
        rays: Values,
        *,
        px_rad: float,
        known: "_Known | None" = None,
    ) -> tuple[Values, Values, Values, Values]:
        """Return lit and shaded radiance, albedo (n, 3), and reach (n,), of triangles that rays meet.

        `known` holds the light on the same triangles at neighbouring samples; it is read where it can be, and filled.
        """
        reach = self.hit(triangles, eye_m, rays)
        points = (eye_m + rays * reach[:, None]).astype(np.float32)
        faces = self.scenery.face[triangles]
        flat = self.plane[triangles].astype(np.float32)
        flat *= np.where(np.einsum("ij,ij->i", flat, rays) > 0, -1.0, 1.0)[:, None].astype(np.float32)
        soft = self.scenery.material[faces] == Material.LEAF
        normals = np.where(soft[:, None], self.scenery.normal[faces], flat).astype(np.float32)
        distance = reach * np.linalg.norm(rays, axis=1)
        tilt = np.abs(np.einsum("ij,ij->i", flat, rays)) / np.linalg.norm(rays, axis=1)
        footprint = (distance * px_rad / np.sqrt(np.maximum(tilt, 0.02))).astype(np.float32)
        surface = look(self.scenery, self.strips, faces, points, footprint_m=footprint, lit=self.light.lit)
        albedo = surface.albedo
        if self.light.wet:
            ground = self.scenery.material[faces] == Material.GROUND
            albedo = np.where(ground[:, None], albedo * 0.62, albedo)
        if known is None or not known.filled:
            direct, ambient = self._light(points, normals, soft)
        else:
            direct, ambient = known.direct.copy(), known.ambient.copy()
            other = np.flatnonzero(known.triangles != triangles)
            direct[other], ambient[other] = self._light(points[other], normals[other], soft[other])
        if known is not None and not known.filled:
            known.keep(triangles, direct, ambient)
        mirrored = self._gloss(surface.gloss, rays, normals)
        shaded = albedo * ambient + surface.emission + mirrored
        lit = shaded + albedo * direct
        return misted(self.light, lit, distance), misted(self.light, shaded, distance), albedo, reach

    def _light(self, points: Values, normals: Values, soft: NDArray[np.bool_]) -> tuple[Values, Values]:
        """Return irradiance of the key light and of everything else, (n, 3)."""
        light = self.light
        away = points + normals * 0.05
        total, whole = np.zeros(len(points), dtype=np.float32), 0.0
        for sky_map in self.sky_maps:
            facing = np.clip(normals @ sky_map.way, 0.0, 1.0)
            facing = np.where(soft, 0.5 * facing + 0.25, facing)
            total += facing * sky_map.lit(away, bias_m=0.12, soft=False)
            whole += float(sky_map.way[2])
        open_ = (total / whole)[:, None]
        ambient = light.sky * open_ + bounce(light, normals) * (0.3 + 0.7 * open_)
        lamps = night_light(light, self.scenery, points, normals)
        if self.sun_map is None:
            return lamps * 0.65, ambient + lamps * 0.35
        facing = np.clip(normals @ light.sun_way.astype(np.float32), 0.0, 1.0)
        facing = np.where(soft, 0.7 * facing + 0.12, facing)
        sun = self.sun_map.lit(away, bias_m=0.08) * facing
        return sun[:, None] * light.sun, ambient + lamps

    def _gloss(self, gloss: Values, rays: Values, normals: Values) -> Values:
        """Return the sky in window panes, (n, 3); below the roofs opposite it is darker."""
        mirror = np.zeros((len(gloss), 3), dtype=np.float32)
        shiny = np.flatnonzero(gloss > 0)
        if len(shiny):
            way = rays[shiny] / np.linalg.norm(rays[shiny], axis=1, keepdims=True)
            along = np.einsum("ij,ij->i", way, normals[shiny])
            back = way - 2 * along[:, None] * normals[shiny]
            share = gloss[shiny] * (0.12 + 0.88 * (1 - np.abs(along)) ** 4)
            open_ = np.clip((back[:, 2] - 0.05) * 4.0, 0.12, 1.0)
            mirror[shiny] = sky_colour(self.light, back) * (share * open_)[:, None]
        return mirror


@dataclass(slots=True)
class _Known:
    """Light on the first sample of each pixel, which the other samples of the same triangle share."""

    triangles: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    direct: Values = field(default_factory=lambda: np.zeros((0, 3), dtype=np.float32))
    ambient: Values = field(default_factory=lambda: np.zeros((0, 3), dtype=np.float32))
    filled: bool = False

    def keep(self, triangles: NDArray[np.int64], direct: Values, ambient: Values) -> None:
        self.triangles, self.direct, self.ambient, self.filled = triangles, direct, ambient, True

    def spread(self, rows: NDArray[np.int64], count: int) -> None:
        """Make room for samples that show no triangle."""
        triangles = np.full(count, _SKY, dtype=np.int64)
        direct, ambient = np.zeros((count, 3), dtype=np.float32), np.zeros((count, 3), dtype=np.float32)
        triangles[rows], direct[rows], ambient[rows] = self.triangles, self.direct, self.ambient
        self.triangles, self.direct, self.ambient = triangles, direct, ambient

    def at(self, rows: NDArray[np.int64]) -> "_Known":
        return _Known(self.triangles[rows], self.direct[rows], self.ambient[rows], filled=True)


def bake(scenery: Scenery, viewport: Viewport, light: Ambience, *, patches: tuple[Patch, ...]) -> Backdrop:
    """Draw and light a scenery for a viewport."""
    baker = _Baker(scenery, strips(patches), light, viewport)
    canvas = Canvas(viewport.canvas_px)
    canvas.look(viewport.lens.eye_m, viewport.lens.axes, focal_px=viewport.canvas_focal_px)
    codes = _numbers(canvas, scenery, np.ones(len(scenery.triangles), dtype=bool), np.eye(4))
    mirrors = _mirrors(baker, canvas)
    canvas.close()
    width, height = viewport.size_px
    total = {name: np.zeros((height * width, 3), dtype=np.float32) for name in ("image", "shaded", "albedo")}
    nearness = np.zeros((SAMPLES, height * width), dtype=np.float32)
    ground = np.zeros(height * width, dtype=np.float32)
    water = np.full((height * width, 2), np.nan, dtype=np.float32)
    for start in range(0, height * width, _CHUNK):
        part, known = slice(start, min(start + _CHUNK, height * width)), _Known()
        for sample in range(SAMPLES):
            pixels = viewport.index[sample, part]
            done = _samples(baker, codes.ravel()[pixels], pixels, mirrors, known)
            total["image"][part] += toned(light, done.lit)
            total["shaded"][part] += toned(light, done.shaded)
            total["albedo"][part] += done.albedo * done.ground[:, None]
            nearness[sample, part] = done.nearness
            ground[part] += done.ground
            if sample == 0:
                water[part] = done.water_m
    flat = {name: values / SAMPLES for name, values in total.items()}
    shape = (height, width)
    return Backdrop(
        image=(flat["image"] + 0.5).astype(np.uint8).reshape(*shape, 3),
        sunshine=np.clip(flat["image"] - flat["shaded"], 0, 255).astype(np.uint8).reshape(*shape, 3),
        albedo=(np.clip(flat["albedo"], 0, 1)[:, ::-1] ** (1 / 2.2) * 255).astype(np.uint8).reshape(*shape, 3),
        nearness=nearness.reshape(SAMPLES, *shape),
        ground=np.where(ground >= SAMPLES / 2, 255, 0).astype(np.uint8).reshape(shape),
        water_m=water.reshape(*shape, 2) if np.isfinite(water).any() else None,
        sun_map=baker.sun_map,
    )


def _numbers(canvas: Canvas, scenery: Scenery, kept: NDArray[np.bool_], matrix: Floats) -> NDArray[np.int64]:
    """Return the triangle number at each canvas pixel, -1 for the sky."""
    chosen = np.flatnonzero(kept)
    mesh = canvas.load(scenery.vertices_m, scenery.triangles[chosen])
    codes: Codes = canvas.draw([(mesh, matrix, 0)])
    found = (codes & CODE_BITS).astype(np.int64) - 1
    return np.where(found >= 0, chosen[np.maximum(found, 0)], _SKY)


@dataclass(slots=True, kw_only=True)
class _Samples:
    lit: Values
    shaded: Values
    albedo: Values
    nearness: Values
    ground: Values
    water_m: Values


def _samples(
    baker: _Baker,
    numbers: NDArray[np.int64],
    pixels: NDArray[np.int32],
    mirrors: dict[float, Values],
    known: _Known,
) -> _Samples:
    """Light the samples of some canvas pixels."""
    viewport, light = baker.viewport, baker.light
    rays = viewport.canvas_rays(pixels)
    sky = numbers == _SKY
    lit = np.zeros((len(numbers), 3), dtype=np.float32)
    if sky.any():
        lit[sky] = misted(light, sky_colour(light, rays[sky]), np.full(sky.sum(), 90.0, dtype=np.float32))
    shaded, albedo = lit.copy(), np.zeros_like(lit)
    near, ground = np.zeros(len(numbers), dtype=np.float32), np.zeros(len(numbers), dtype=np.float32)
    water = np.full((len(numbers), 2), np.nan, dtype=np.float32)
    solid = np.flatnonzero(~sky)
    if len(solid):
        eye, solid_rays = viewport.lens.eye_m, rays[solid]
        px_rad = 1.0 / viewport.canvas_focal_px
        mine = known.at(solid) if known.filled else known
        a, b, own, reach = baker.radiance(numbers[solid], eye, solid_rays, px_rad=px_rad, known=mine)
        if mine is known:
            known.spread(solid, len(numbers))
        material = baker.scenery.material[baker.scenery.face[numbers[solid]]]
        points = eye + solid_rays * reach[:, None]
        for level, mirror in mirrors.items():
            wet = material == (Material.WATER if level < 0 else Material.GROUND)
            seen = _reflected(baker, mirror, pixels[solid][wet], points[wet], solid_rays[wet], level)
            a[wet], b[wet] = a[wet] + seen, b[wet] + seen
        lit[solid], shaded[solid], albedo[solid], near[solid] = a, b, own, 1.0 / reach
        ground[solid] = material == Material.GROUND
        wet = material == Material.WATER
        water[solid[wet]] = points[wet, :2]
    return _Samples(lit=lit, shaded=shaded, albedo=albedo, nearness=near, ground=ground, water_m=water)


def _mirrors(baker: _Baker, canvas: Canvas) -> dict[float, Values]:
    """Return, per level that mirrors, what the canvas shows upside down, as radiance (h, w, 3) at half its size."""
    scenery, light, viewport = baker.scenery, baker.light, baker.viewport
    levels = [WATER_LEVEL_M] if (scenery.material == Material.WATER).any() else []
    levels += [0.0] if light.wet else []
    found: dict[float, Values] = {}
    kept = ~np.isin(scenery.material[scenery.face], [Material.GROUND, Material.WATER, Material.ICE, Material.EARTH])
    for level in levels:
        flip = np.diag([1.0, 1.0, -1.0, 1.0])
        flip[2, 3] = 2 * level
        numbers = _numbers(canvas, scenery, kept, flip)[::2, ::2]
        rows, columns = np.indices(numbers.shape)
        pixels = (rows * 2 * viewport.canvas_px[0] + columns * 2).ravel().astype(np.int32)
        rays = viewport.canvas_rays(pixels) * np.array([1.0, 1.0, -1.0], dtype=np.float32)
        eye = viewport.lens.eye_m * [1.0, 1.0, -1.0] + [0.0, 0.0, 2 * level]
        image = np.zeros((numbers.size, 3), dtype=np.float32)
        flat = numbers.ravel()
        upward = (flat == _SKY) & (rays[:, 2] > 0)
        image[upward] = sky_colour(light, rays[upward])
        solid = np.flatnonzero(flat != _SKY)
        for start in range(0, len(solid), _CHUNK):
            part = solid[start : start + _CHUNK]
            image[part] = baker.radiance(flat[part], eye, rays[part], px_rad=2.0 / viewport.canvas_focal_px)[0]
        found[level] = image.reshape(*numbers.shape, 3)
    return found


def _reflected(
    baker: _Baker, mirror: Values, pixels: NDArray[np.int32], points: Floats, rays: Values, level: float
) -> Values:
    """Return what level ground or water mirrors at samples, (n, 3)."""
    width = baker.viewport.canvas_px[0]
    row, column = pixels // width // 2, pixels % width // 2
    x, y = points[:, 0].astype(np.float32), points[:, 1].astype(np.float32)
    cosine = np.abs(rays[:, 2]) / np.linalg.norm(rays, axis=1)
    scale = mirror.shape[0] / 360.0
    if level < 0:
        wave = grain(x * 0.6 + y * 0.25, y, size_m=7.0) - 0.5 + 0.5 * (grain(x, y * 1.7, size_m=2.6, seed=1) - 0.5)
        side, up, share = 9.0 * scale * wave, 26.0 * scale * wave, 0.04 + 0.96 * (1 - cosine) ** 3.2
    else:
        pool = np.clip((grain(x, y, size_m=19.0) - 0.42) * 5.0, 0.15, 1.0)
        rough = (grain(x, y, size_m=1.3, seed=1) - 0.5) * (1.35 - pool)
        side, up = 4.0 * scale * rough, 34.0 * scale * rough
        share = baker.light.wet * pool * (0.05 + 0.75 * (1 - cosine) ** 3)
    rows = np.clip(row + up, 0, mirror.shape[0] - 1).astype(np.int32)
    columns = np.clip(column + side, 0, mirror.shape[1] - 1).astype(np.int32)
    return np.asarray(mirror[rows, columns] * share[:, None], dtype=np.float32)
