"""The district as a site: cameras as a person would set them up, scenes and categories beside the site's own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from geo.camera_view import CameraView
from pipeline.cameras import Camera, CameraScene, Pixel
from pipeline.district.calibrating import calibration_points
from pipeline.district.district import FPS, District, View
from pipeline.district.plan import Ground
from pipeline.district.scene_set import OBSTRUCTED, scenes_of, with_district
from pipeline.site import Site

CLICKS: Final = 10
CLICK_SD_PX: Final = 1.0
_HALF_ARROW_M: Final = 3.0
_APART: Final = 1_000  # seeds of calibrations


def district_site(district: District, *, fps: float = FPS) -> Site:
    """Return the site with the district's cameras, scenes and categories in place of its own cameras and scenes."""
    cameras = {
        code: camera_of(district, code, seed=district.seed * _APART + row, fps=fps)
        for row, code in enumerate(district.views)
    }
    scenes = dict(scenes_of(district.scenario.value))
    return replace(district.site, cameras=cameras, scenes=scenes, catalogue=with_district(district.site.catalogue))


def camera_of(district: District, code: str, *, seed: int, fps: float = FPS) -> Camera:
    """Return a camera's configuration: calibrated by clicked points, its zones drawn on the picture."""
    view = district.views[code]
    own = district.site.cameras[view.play]
    clicked = np.array(calibration_points(view.stage, seed=seed, count=CLICKS, pixel_sd_px=CLICK_SD_PX))
    size_px = view.stage.pose.size_px
    zones = _zones(view)
    return Camera(
        code=code,
        name=own.name if code == view.play else f"{own.name}, second camera",
        name_zh=own.name_zh if code == view.play else f"{own.name_zh}二号",
        lonlat=view.stage.foot,
        side=own.side,
        width_px=size_px[0],
        height_px=size_px[1],
        fps=fps,
        uri="",
        view=CameraView.fit(clicked[:, :2], clicked[:, 2:], image_size_px=size_px, pixel_sd_px=CLICK_SD_PX),
        zones=zones,
        scenes=tuple(
            CameraScene(scene=scene, zone=zone.name, without=tuple(name for name in zone.without if name in zones))
            for zone in view.zones
            if zone.name in zones
            for scene in zone.scenes
        )
        + ((CameraScene(scene=OBSTRUCTED, zone=None),) if view.covers else ()),
        properties={"kind": "simulated"},
        height_m=round(view.stage.pose.height_m, 1),
        directions=_directions(view, zones),
        levels_m={zone.name: zone.level_m for zone in view.zones if zone.name in zones and zone.level_m},
    )


def _directions(view: View, zones: Mapping[str, object]) -> Mapping[str, tuple[Pixel, Pixel]]:
    """Return which way traffic goes, as a person would draw it: an arrow in the middle of what is seen of a lane."""
    lens, found = Ground.of(view.stage).lens, {}
    for zone in view.zones:
        if zone.direction_m is not None and zone.name in zones:
            middle = np.array(zone.area.representative_point().coords[0])
            ends = np.array([middle - _HALF_ARROW_M * np.array(zone.direction_m), middle])
            pixels, ahead = lens.project(np.column_stack([ends, np.zeros(2)]))
            if bool((ahead > 1.0).all()):
                (u0, v0), (u1, v1) = np.round(pixels, 1).tolist()
                found[zone.name] = (u0, v0), (u1, v1)
    return found


def _zones(view: View) -> Mapping[str, tuple[tuple[float, float], ...]]:
    ground = Ground.of(view.stage)
    outlines = {zone.name: ground.outline_px(zone.outline or zone.area, level_m=zone.level_m) for zone in view.zones}
    return {name: outline for name, outline in outlines.items() if len(outline) >= 3}  # noqa: PLR2004 - a polygon
