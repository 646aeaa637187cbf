"""Where people's feet are when a box ends above them, held against a camera that is known exactly."""

import numpy as np
import pytest
from exact_camera import ExactCamera
from numpy.typing import NDArray

from geo.camera_view import CameraView
from pipeline.upright import TALL_M, feet_px

CAMERA = ExactCamera()
HEIGHT_M, pixel = CAMERA.height_m, CAMERA.pixel
SD_PX = np.array([[2.0, 3.0]])


@pytest.fixture(scope="module")
def view() -> CameraView:
    return CAMERA.view()


def box(north_m: float, *, from_m: float = 0.0, to_m: float = TALL_M) -> NDArray[np.float64]:
    """Return the box of somebody straight ahead of whom only what is so high shows."""
    (u, bottom), (_, top) = pixel(0.0, north_m, from_m), pixel(0.0, north_m, to_m)
    return np.array([[u - 10.0, top, u + 10.0, bottom]])


@pytest.mark.parametrize("north_m", [12.0, 20.0, 28.0])
def test_hidden_feet_are_below_the_head(view: CameraView, north_m: float):
    hidden = box(north_m, from_m=0.8)
    places, spreads = feet_px(hidden, SD_PX, view=view, height_m=HEIGHT_M)
    assert places[0] == pytest.approx(pixel(0.0, north_m, 0.0), abs=0.6)
    by_box = view.locate((480.0, float(hidden[0, 3])), pixel_sd_px=(1.0, 1.0))
    by_head = view.locate(tuple(places[0].tolist()), pixel_sd_px=(1.0, 1.0))
    truth = np.array([north_m])
    foot = view.foot_m[1]
    assert abs(by_head.north_m - foot - truth[0]) < 0.2
    assert abs(by_box.north_m - foot - truth[0]) > 1.5
    assert spreads[0, 1] > SD_PX[0, 1]  # people are not all equally tall


def test_a_whole_box_is_placed_by_both_its_ends(view: CameraView):
    places, spreads = feet_px(box(20.0), SD_PX, view=view, height_m=HEIGHT_M)
    assert places[0] == pytest.approx(pixel(0.0, 20.0, 0.0), abs=0.1)
    assert spreads[0, 1] < SD_PX[0, 1]
    tall, _ = feet_px(box(20.0, to_m=1.85), SD_PX, view=view, height_m=HEIGHT_M)
    assert 0.0 < pixel(0.0, 20.0, 0.0)[1] - tall[0, 1] < 2.0


@pytest.mark.parametrize("height_m", [None, 1.8])
def test_without_a_lens_above_the_heads_boxes_end_at_the_feet(view: CameraView, height_m: float | None):
    hidden = box(20.0, from_m=0.8)
    places, spreads = feet_px(hidden, SD_PX, view=view, height_m=height_m)
    assert places[0].tolist() == [480.0, float(hidden[0, 3])]
    assert spreads is SD_PX


def test_what_is_too_high_for_a_head_is_not_taken_for_one(view: CameraView):
    joined = box(20.0, to_m=2.6)
    places, _ = feet_px(joined, SD_PX, view=view, height_m=HEIGHT_M)
    assert places[0, 1] == pytest.approx(joined[0, 3])


def test_nobody_and_heads_above_the_horizon_are_no_trouble(view: CameraView):
    nobody, _ = feet_px(np.zeros((0, 4)), np.zeros((0, 2)), view=view, height_m=HEIGHT_M)
    assert nobody.shape == (0, 2)
    giant = np.array([[470.0, -400.0, 490.0, 300.0]])
    places, _ = feet_px(giant, SD_PX, view=view, height_m=HEIGHT_M)
    assert places[0].tolist() == [480.0, 300.0]
