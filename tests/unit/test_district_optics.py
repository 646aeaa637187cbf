import math

import numpy as np
import pytest
from district_scenes import yard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.district.optics import Lens
from pipeline.district.placing import to_lonlat, to_metres
from pipeline.district.stage import Pose
from pipeline.district.viewport import PLACES, Viewport

angles = st.floats(-60, 60)


def pose(**about: float) -> Pose:
    values = {"height_m": 6.0, "yaw_deg": 0.0, "pitch_deg": 20.0, "roll_deg": 0.0, "focal_px": 400.0, **about}
    return Pose(size_px=(640, 360), **values)


@given(yaw=angles, pitch=st.floats(5, 60), roll=st.floats(-10, 10), k1=st.floats(-0.15, 0.1), k2=st.floats(-0.02, 0.03))
def test_a_pixel_s_ray_leads_back_to_the_pixel(yaw: float, pitch: float, roll: float, k1: float, k2: float):
    lens = Lens(pose(yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll, k1=k1, k2=k2))
    u, v = np.meshgrid(np.linspace(0, 640, 9), np.linspace(0, 360, 7))
    pixels = np.column_stack([u.ravel(), v.ravel()])
    back, ahead = lens.project(lens.eye_m + lens.rays(pixels) * 7.0)
    assert (ahead > 0).all()
    assert np.abs(back - pixels).max() < 1e-3


def test_beyond_the_widest_radius_a_ray_leads_back_too():
    lens = Lens(pose(k1=-0.1484375, k2=-0.015625))
    corners = np.array([[0.0, 0.0], [640.0, 0.0], [0.0, 360.0], [640.0, 360.0]])
    assert np.linalg.norm(corners[0] - lens.middle_px) / 400.0 > lens.widest * 0.69
    back, _ = lens.project(lens.eye_m + lens.rays(corners))
    assert np.abs(back - corners).max() < 1e-6


def test_a_level_camera_sees_what_trigonometry_says():
    lens = Lens(pose(pitch_deg=0.0))
    (pixel,), ahead = lens.project(np.array([[2.0, 10.0, 5.0]]))
    assert pixel == pytest.approx([320 + 400 * 0.2, 180 + 400 * 0.1])
    assert ahead[0] == pytest.approx(10.0)


def test_yaw_turns_towards_x_pitch_downwards_and_roll_clockwise():
    ahead = np.array([[10 * math.sin(0.5), 10 * math.cos(0.5), 6.0]])
    assert Lens(pose(yaw_deg=math.degrees(0.5), pitch_deg=0.0)).project(ahead)[0][0] == pytest.approx([320, 180])
    below = np.array([[0.0, 10.0, 6.0 - 10 * math.tan(0.3)]])
    assert Lens(pose(pitch_deg=math.degrees(0.3))).project(below)[0][0] == pytest.approx([320, 180])
    above = np.array([[0.0, 10.0, 7.0]])  # straight up in the image; a clockwise roll moves it to the right
    (u, v), _ = Lens(pose(pitch_deg=0.0, roll_deg=10.0)).project(above)[0][0], None
    assert u > 321
    assert v < 180


def test_barrel_distortion_pulls_corners_in():
    points = np.array([[0.7, 0.4]])
    assert np.linalg.norm(Lens(pose(k1=-0.1)).distort(points)) < np.linalg.norm(points)


def test_beyond_the_widest_radius_distortion_never_folds_back():
    lens = Lens(pose(k1=-0.3))
    line = np.column_stack([np.linspace(0, 5, 400), np.zeros(400)])
    assert (np.diff(lens.distort(line)[:, 0]) > 0).all()


def test_ground_and_projection_agree():
    lens = Lens(yard().pose)
    ground = np.array([[2.0, 12.0], [-4.0, 20.0], [9.0, 30.0]])
    pixels, _ = lens.project(np.column_stack([ground, np.zeros(3)]))
    assert lens.to_ground(pixels) == pytest.approx(ground, abs=1e-5)
    assert np.isnan(lens.to_ground(np.array([[160.0, -400.0]]))).all()


def test_canvas_samples_lie_where_their_rays_say():
    viewport = Viewport.of(yard(k1=-0.1).pose)
    width, height = viewport.size_px
    rows, columns = np.indices((height, width)).reshape(2, -1)
    for index, (u, v) in zip(viewport.index, PLACES, strict=True):
        wanted = np.column_stack([columns + u, rows + v])
        found, _ = viewport.lens.project(viewport.lens.eye_m + viewport.canvas_rays(index) * 9.0)
        assert np.abs(found - wanted).max() < 0.3  # half a canvas pixel, which measures half an image pixel


@given(heading=st.floats(0, 360), x=st.floats(-200, 200), y=st.floats(-200, 200))
def test_stage_metres_survive_the_way_to_degrees_and_back(heading: float, x: float, y: float):
    from dataclasses import replace

    stage = replace(yard(), heading_deg=heading)
    back = to_metres(stage, to_lonlat(stage, np.array([[x, y]])))
    assert back == pytest.approx(np.array([[x, y]]), abs=1e-6)


def test_the_y_axis_points_along_the_heading():
    from dataclasses import replace

    from pyproj import Geod

    stage = replace(yard(), heading_deg=70.0)
    (ahead,), (right,) = to_lonlat(stage, np.array([[0.0, 100.0]])), to_lonlat(stage, np.array([[100.0, 0.0]]))
    for point, bearing in ((ahead, 70.0), (right, 160.0)):
        azimuth, _, distance = Geod(ellps="WGS84").inv(*stage.foot, *point)
        assert azimuth % 360 == pytest.approx(bearing, abs=1e-4)
        assert distance == pytest.approx(100.0, abs=1e-4)
