"""A small stage and placed things that the district's tests share."""

import os
from typing import Any

import pytest

from geo.coords import LonLat
from pipeline.district.display import NoRenderingError, require_rendering
from pipeline.district.meshes import USUAL_SIZE_M
from pipeline.district.stage import Actor, Block, Conditions, Kind, Light, Patch, Placed, Pose, Stage, Surface, Weather

FOOT = LonLat(121.1, 31.15)
CLEAR_DAY = Conditions(light=Light.DAY, weather=Weather.CLEAR, sun_azimuth_deg=-120.0)


def rendering_or_skip() -> None:
    """Skip what must be drawn where nothing can be; CI has installed what drawing needs, so there it fails."""
    try:
        require_rendering()
    except NoRenderingError as error:
        if "BEATGRID_CI" in os.environ:
            raise
        pytest.skip(str(error))


def yard(*, blocks: tuple[Block, ...] = (), k1: float = -0.02, roll_deg: float = 2.0) -> Stage:
    """Return an empty yard with a lane, seen from 6 m."""
    corners = ((-40.0, 2.0), (60.0, 2.0), (60.0, 60.0), (-40.0, 60.0))
    lane = ((-40.0, 6.0), (60.0, 6.0), (60.0, 9.25), (-40.0, 9.25))
    return Stage(
        camera="yard",
        foot=FOOT,
        heading_deg=30.0,
        pose=Pose(
            size_px=(320, 180), height_m=6.0, yaw_deg=12.0, pitch_deg=22.0, roll_deg=roll_deg, focal_px=210.0, k1=k1
        ),
        patches=(
            Patch(name="square", surface=Surface.SQUARE, corners_m=corners),
            Patch(name="lane-1-forward", surface=Surface.LANE, corners_m=lane),
        ),
        blocks=blocks,
    )


def thing(kind: Kind, x_m: float, y_m: float, *, id_: int = 1, **about: Any) -> Placed:
    """Return a thing of its usual size."""
    style = about.pop("style", 0)
    actor = Actor(id=id_, kind=kind, size_m=USUAL_SIZE_M[kind], colour=(180, 60, 60), style=style)
    return Placed(actor=actor, x_m=x_m, y_m=y_m, **about)
