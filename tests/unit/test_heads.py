"""Heads: a box that begins at the waist is blurred up to where the head must be; nothing else is blurred more."""

from dataclasses import replace

import numpy as np
import pytest
from exact_camera import ExactCamera
from small_site import small_site

from models.detections import Detections
from models.privacy import blur_people_and_vehicles, regions
from pipeline.camera_pipeline import CameraPipeline
from pipeline.cameras import Camera
from pipeline.heads import with_heads

CAMERA = ExactCamera()
HEIGHT_M, FOCAL_PX, SIZE, pixel = CAMERA.height_m, CAMERA.focal_px, CAMERA.size_px, CAMERA.pixel
NAMES = {0: "person", 1: "car"}


@pytest.fixture(scope="module")
def camera() -> Camera:
    view = CAMERA.view()
    plain = small_site().cameras["cam-a"]
    return replace(plain, view=view, width_px=SIZE[0], height_px=SIZE[1], height_m=HEIGHT_M, zones={}, scenes=())


def boxed(north_m: float, *, to_m: float, name: int = 0, confidence: float = 0.8, shrunk: float = 1.0) -> Detections:
    """Return the box of somebody straight ahead that reaches from the feet so high."""
    (u, bottom), (_, top) = pixel(0.0, north_m, 0.0), pixel(0.0, north_m, to_m)
    half = 0.25 * FOCAL_PX / north_m
    return Detections(
        boxes_px=np.array([[u - half, top, u + half, bottom]], np.float32) * np.float32(shrunk),
        confidence=np.array([confidence], np.float32),
        class_ids=np.array([name], np.int32),
        class_names=NAMES,
    )


def head_is_hidden(found: Detections, north_m: float) -> bool:
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    (u, chin), (_, crown) = pixel(0.0, north_m, 1.48), pixel(0.0, north_m, 1.72)
    return any(
        left <= u <= right and top <= crown and chin <= bottom for left, top, right, bottom in regions(image, found)
    )


@pytest.mark.parametrize("north_m", [9.0, 14.0, 20.0])
@pytest.mark.parametrize("to_m", [0.9, 1.2])
def test_whoever_is_boxed_up_to_the_waist_or_chest_has_a_hidden_head(camera: Camera, north_m: float, to_m: float):
    found = boxed(north_m, to_m=to_m)
    assert not head_is_hidden(found, north_m)
    assert head_is_hidden(with_heads(found, camera, image_size_px=SIZE), north_m)


@pytest.mark.parametrize(
    "found",
    [
        boxed(14.0, to_m=1.7),  # whole
        boxed(14.0, to_m=1.0, name=1),  # a car
        boxed(14.0, to_m=1.0, confidence=0.04),  # too faint to be blurred at all
        boxed(45.0, to_m=0.9),  # so far off that nobody is known by it
        Detections.empty(NAMES),
    ],
)
def test_nothing_else_is_blurred_more(camera: Camera, found: Detections):
    assert len(with_heads(found, camera, image_size_px=SIZE)) == len(found)


def test_the_box_itself_stays_as_it_may_be_the_feet_that_are_hidden(camera: Camera):
    found = boxed(14.0, to_m=0.9)
    more = with_heads(found, camera, image_size_px=SIZE)
    np.testing.assert_array_equal(more.boxes_px[0], found.boxes_px[0])
    assert len(more) == 2


def test_boxes_of_a_smaller_picture_are_scaled(camera: Camera):
    whole = with_heads(boxed(10.0, to_m=0.9), camera, image_size_px=SIZE)
    half = with_heads(boxed(10.0, to_m=0.9, shrunk=0.5), camera, image_size_px=(480, 270))
    np.testing.assert_allclose(half.boxes_px * 2, whole.boxes_px, atol=0.01)


@pytest.mark.parametrize("height_m", [None, 2.0])
def test_without_the_height_of_a_high_lens_nothing_is_added(camera: Camera, height_m: float | None):
    found = boxed(14.0, to_m=0.9)
    assert with_heads(found, replace(camera, height_m=height_m), image_size_px=SIZE) is found


def test_a_stored_view_hides_the_head_above_a_box(camera: Camera):
    from datetime import UTC, datetime

    from watched_place import ScriptedDetector

    from pipeline.frames import Frame

    at = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
    found = boxed(9.0, to_m=0.9)
    detector = ScriptedDetector({at.timestamp(): found})
    pipeline = CameraPipeline(camera=camera, scenes={}, detector=detector)
    image = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    pipeline.step(Frame(camera=camera.code, captured_at=at, image=image, index=0))
    (kept,) = pipeline._waiting._kept.values()  # what a view would be drawn from
    assert head_is_hidden(kept.detections, 9.0)
    blurred = blur_people_and_vehicles(image, kept.detections, classless=False)
    u, v = (round(value) for value in pixel(0.0, 9.0, 1.6))
    assert np.ptp(blurred[v - 4 : v + 5, u - 4 : u + 5]) < 0.5 * np.ptp(image[v - 4 : v + 5, u - 4 : u + 5])
