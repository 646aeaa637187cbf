"""The district as a site: its cameras as a person would set them up, its scenes and categories beside the site's own."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geo.camera_view import CameraView
from pipeline.cameras import Camera, CameraScene
from pipeline.district.district import FPS, District, View
from pipeline.district.optics import Lens
from pipeline.district.placing import to_lonlat
from pipeline.district.scene_set import SCENES, with_district
from pipeline.district.plan import Ground
from pipeline.site import Site

CLICK_SD_PX = 1.0
_COLUMNS, _ROWS = 4, 3
_FARTHEST_M = 45.0


def district_site(district: District) -> Site:
    """Return the site with the district's cameras, scenes and categories in place of its own cameras and scenes."""
    cameras = {
        code: camera_of(district, code, draw=np.random.default_rng((district.seed, 5, row)))
        for row, code in enumerate(district.views)
    }
    return replace(
        district.site, cameras=cameras, scenes=dict(SCENES), catalogue=with_district(district.site.catalogue)
    )


def camera_of(district: District, code: str, *, draw: np.random.Generator) -> Camera:
    """Return a camera's configuration: calibrated by clicked points, its zones drawn on the picture."""
    view = district.views[code]
    own = district.site.cameras[view.play]
    pixels, lonlat = clicked_points(view, draw)
    size_px = view.stage.pose.size_px
    zones = _zones(view)
    return Camera(
        code=code,
        name=own.name,
        name_zh=own.name_zh,
        lonlat=view.stage.foot,
        side=own.side,
        width_px=size_px[0],
        height_px=size_px[1],
        fps=FPS,
        uri="",
        view=CameraView.fit(pixels, lonlat, image_size_px=size_px, pixel_sd_px=CLICK_SD_PX),
        zones=zones,
        scenes=tuple(
            CameraScene(scene=scene, zone=zone.name)
            for zone in view.zones
            if zone.name in zones
            for scene in zone.scenes
        ),
        properties={"kind": "simulated"},
    )


def _zones(view: View) -> Mapping[str, tuple[tuple[float, float], ...]]:
    ground = Ground.of(view.stage)
    outlines = {zone.name: ground.outline_px(zone.area) for zone in view.zones}
    return {name: outline for name, outline in outlines.items() if len(outline) >= 3}  # noqa: PLR2004 - a polygon


def clicked_points(view: View, draw: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points of the ground as somebody clicks them, (12, 2) pixels, and where they lie, (12, 2) degrees."""
    lens = Lens(view.stage.pose)
    width, height = view.stage.pose.size_px
    horizon = _highest(lens, width, height)
    us = (np.arange(_COLUMNS) + 0.5) / _COLUMNS * width
    vs = horizon + (np.arange(_ROWS) + 0.4) / _ROWS * (height - horizon)
    pixels = np.array([(u, v) for v in vs for u in us]) + draw.uniform(-0.06, 0.06, (_COLUMNS * _ROWS, 2)) * width
    pixels = np.clip(pixels, [5.0, horizon], [width - 5.0, height - 5.0])
    ground = lens.to_ground(pixels)
    near = np.isfinite(ground).all(axis=1) & (np.hypot(ground[:, 0], ground[:, 1]) <= 2 * _FARTHEST_M)
    clicked = pixels[near] + draw.normal(0.0, CLICK_SD_PX, (int(near.sum()), 2))
    return np.clip(clicked, 0.0, [width, height]), to_lonlat(view.stage, ground[near])


def _highest(lens: Lens, width: int, height: int) -> float:
    """Return the row at which the ground in the middle is 45 m away."""
    rows = np.linspace(0, height - 10, 200)
    ground = lens.to_ground(np.column_stack([np.full(200, width / 2), rows]))
    near = np.hypot(ground[:, 0], ground[:, 1]) <= _FARTHEST_M
    return float(rows[np.argmax(near)]) if near.any() else 0.0
