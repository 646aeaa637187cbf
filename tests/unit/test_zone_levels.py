"""Zones with a level of their own, held against a pinhole camera; and things whose middle lies inside or not."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.camera_view import CameraView
from geo.coords import LonLat
from models.detections import Detections
from pipeline.cameras import Camera
from pipeline.cases import Side
from pipeline.district.optics import Lens
from pipeline.district.placing import to_lonlat, to_metres
from pipeline.district.stage import Pose, Stage
from pipeline.observations import observe, standing_on
from pipeline.upright import TALL_M
from pipeline.zones import Zone

POSE = Pose(size_px=(960, 540), height_m=5.0, yaw_deg=20.0, pitch_deg=18.0, roll_deg=0.0, focal_px=700.0)
STAGE = Stage(camera="c", foot=LonLat(121.1, 31.15), heading_deg=30.0, pose=POSE, patches=(), blocks=())
WATER = ((0.0, 200.0), (960.0, 200.0), (960.0, 540.0), (0.0, 540.0))


@pytest.fixture(scope="module")
def view() -> CameraView:
    x, y = np.meshgrid(np.arange(-6.0, 14.0, 4.0), np.arange(9.0, 40.0, 6.0))
    ground = np.column_stack([x.ravel(), y.ravel()])
    pixels, _ = Lens(POSE).project(np.column_stack([ground, np.zeros(len(ground))]))
    inside = ((pixels > 5) & (pixels < np.array(POSE.size_px) - 5)).all(axis=1)
    return CameraView.fit(pixels[inside], to_lonlat(STAGE, ground[inside]), image_size_px=POSE.size_px)


def camera(view: CameraView, level_m: float) -> Camera:
    return Camera(
        code="c",
        name="c",
        name_zh="c",
        lonlat=STAGE.foot,
        side=Side.STREET_FACE,
        width_px=960,
        height_px=540,
        fps=5.0,
        uri="",
        view=view,
        zones={"water": WATER},
        scenes=(),
        properties={},
        height_m=POSE.height_m,
        levels_m={"water": level_m},
    )


@given(st.floats(-2.0, 8.0), st.floats(12.0, 30.0), st.floats(-3.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_what_lies_on_the_level_is_found_where_it_is(view: CameraView, x: float, y: float, level_m: float):
    pixels, _ = Lens(POSE).project(np.array([[x, y, level_m]]))
    flat = view.locate_many(pixels, pixel_sd_px=(1.0, 1.0))
    east, north = Zone.of(camera(view, level_m), "water").on_level(*flat.metres[0].tolist())
    found = to_metres(STAGE, view.plane.to_lonlat(np.array([[east, north]])))[0]
    assert math.dist(found.tolist(), (x, y)) < 0.05 * max(1.0, abs(level_m))


def test_a_zone_without_a_level_changes_nothing(view: CameraView):
    zone = Zone.of(replace(camera(view, 0.0), levels_m={}), "water")
    assert zone.on_level(3.0, 4.0) == (3.0, 4.0)
    assert zone.level_cov((1.0, 0.2, 2.0)) == (1.0, 0.2, 2.0)


def test_a_lower_level_spreads_errors_by_the_same_factor_squared(view: CameraView):
    zone = Zone.of(camera(view, -2.5), "water")
    assert zone.level_cov((1.0, 0.0, 2.0)) == pytest.approx((2.25, 0.0, 4.5))


def test_the_middle_of_a_thing_decides_not_the_edge_of_its_box(view: CameraView):
    pixels, _ = Lens(POSE).project(np.array([[2.0, 20.0, 0.0]]))
    u, v = pixels[0].tolist()
    zone = Zone([(u - 40, v - 30), (u + 40, v - 30), (u + 40, v + 5), (u - 40, v + 5)], view=view)
    place = view.plane.to_metres(to_lonlat(STAGE, np.array([[2.0, 20.0]])))[0]
    low_box = (u - 30, v - 40, u + 30, v + 12.0)
    assert not zone.holds(low_box)
    assert zone.holds_place((float(place[0]), float(place[1])), low_box)


def test_a_thing_that_may_well_stand_nearer_counts_by_half_its_doubt_and_no_more(view: CameraView):
    pixels, _ = Lens(POSE).project(np.array([[2.0, 20.0, 0.0]]))
    u, v = pixels[0].tolist()
    zone = Zone([(u - 40, v + 1), (u + 40, v + 1), (u + 40, v + 40), (u - 40, v + 40)], view=view)
    place = view.plane.to_metres(to_lonlat(STAGE, np.array([[2.0, 20.0]])))[0]
    middle, box = (float(place[0]), float(place[1])), (u - 30, v - 40, u + 30, v)
    assert not zone.holds_place(middle, box)
    assert not zone.holds_place(middle, box, cov_m2=(0.01, 0.0, 0.01))
    assert zone.holds_place(middle, box, cov_m2=(1.0, 0.0, 1.0))
    beyond = Zone([(u - 40, v - 40), (u + 40, v - 40), (u + 40, v - 1), (u - 40, v - 1)], view=view)
    assert not beyond.holds_place(middle, box, cov_m2=(1.0, 0.0, 1.0))  # nothing hides its foot upwards


@pytest.mark.parametrize("level_m", [-0.8, -2.0, 1.2])
@pytest.mark.parametrize("hidden_m", [0.0, 0.7])
def test_who_stands_on_the_level_is_found_where_they_stand(view: CameraView, level_m: float, hidden_m: float):
    place, watched = (3.0, 16.0), camera(view, level_m)
    pixels, _ = Lens(POSE).project(
        np.array([[*place, level_m + hidden_m], [*place, level_m + TALL_M]])  # the ice's own snow may hide the feet
    )
    (u, bottom), (_, top) = pixels.tolist()
    found = Detections(
        boxes_px=np.array([[u - 12.0, top, u + 12.0, bottom]], np.float32),
        confidence=np.array([0.9], np.float32),
        class_ids=np.array([0], np.int32),
        class_names={0: "person"},
    )
    (flat,) = observe(found, watched, image_size_px=POSE.size_px)

    def away_m(east_m: float, north_m: float) -> float:
        east, north = Zone.of(watched, "water").on_level(east_m, north_m)
        return math.dist(to_metres(STAGE, view.plane.to_lonlat(np.array([[east, north]])))[0].tolist(), place)

    there = standing_on(flat, level_m, watched)
    assert away_m(there.east_m, there.north_m) < (0.7 if hidden_m else 0.35)
    assert away_m(there.east_m, there.north_m) <= away_m(flat.east_m, flat.north_m) + 0.01
    assert standing_on(flat, 0.0, watched) == flat
