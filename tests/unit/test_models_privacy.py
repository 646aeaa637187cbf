"""Blurring: nothing readable is left inside, nothing is touched outside."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detections import Detections
from models.errors import ArrayFaultError, ImageFaultError
from models.privacy import blur_people_and_vehicles, regions

MOTORCYCLE = 3
NAMES = {0: "person", 2: "car", 3: "motorcycle", 5: "bus", 7: "truck", 16: "dog"}


def _picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (400, 600, 3), dtype=np.uint8)


def _found(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(
        boxes_px=table[:, :4].copy(),
        confidence=table[:, 4].copy(),
        class_ids=table[:, 5].astype(np.int32),
        class_names=NAMES,
    )


def _fine_energy(picture: np.ndarray) -> float:
    """Return the energy of what is finer than about 4 px."""
    wide = picture.astype(np.float64)
    return float(((wide - cv2.GaussianBlur(wide, (0, 0), 2)) ** 2).sum())


@pytest.mark.parametrize("kind", [0, 2, 3, 5, 7])
def test_fine_detail_is_gone_inside_and_all_is_kept_outside(kind: int):
    picture = _picture()
    found = _found((100, 60, 220, 360, 0.9, kind))
    blurred = blur_people_and_vehicles(picture, found, classless=False)
    covered = regions(picture, found)
    assert len(covered) == (2 if kind == MOTORCYCLE else 1)  # whoever rides it, and its plate
    inside = np.zeros(picture.shape[:2], bool)
    for left, top, right, bottom in covered:
        inside[top:bottom, left:right] = True
        before, after = picture[top:bottom, left:right], blurred[top:bottom, left:right]
        assert _fine_energy(after) < 0.05 * _fine_energy(before)
    np.testing.assert_array_equal(blurred[~inside], picture[~inside])


def test_the_head_of_a_person_and_the_plates_of_a_vehicle_are_covered():
    person, car = regions(_picture(), _found((100, 60, 160, 240, 0.9, 0), (300, 200, 420, 300, 0.9, 2)))
    assert person[0] <= 100
    assert person[1] <= 60
    assert person[2] >= 160
    assert 120 <= person[3] < 150
    assert car[0] <= 300
    assert 225 <= car[1] <= 250
    assert car[2] >= 420
    assert car[3] >= 300


def test_faint_people_are_blurred_and_dogs_are_not():
    picture = _picture()
    assert len(regions(picture, _found((100, 60, 160, 240, 0.06, 0)))) == 1
    assert regions(picture, _found((100, 60, 160, 240, 0.04, 0), (100, 60, 160, 240, 0.9, 16))) == []


def test_the_picture_given_is_not_changed():
    picture = _picture()
    kept = picture.copy()
    blur_people_and_vehicles(picture, _found((100, 60, 160, 240, 0.9, 0)), classless=False)
    blur_people_and_vehicles(picture, _found(), classless=True)
    np.testing.assert_array_equal(picture, kept)


def test_without_classes_all_but_the_own_box_is_blurred():
    picture, box = _picture(), np.array([100, 60, 220, 180], np.float32)
    blurred = blur_people_and_vehicles(picture, _found(), classless=True, keep_box_px=box)
    np.testing.assert_array_equal(blurred[60:180, 100:220], picture[60:180, 100:220])
    assert _fine_energy(blurred[200:]) < 0.05 * _fine_energy(picture[200:])
    everything = blur_people_and_vehicles(picture, _found(), classless=True)
    assert _fine_energy(everything) < 0.05 * _fine_energy(picture)


def test_a_face_cannot_be_told_from_another_through_the_blur():
    """What is left of two pictures with the same block means is the same: the detail is gone, not only softened."""
    height, width = 240, 90
    plain = np.full((400, 600, 3), 120, np.uint8)
    striped = plain.copy()
    striped[60 : 60 + height, 200 : 200 + width : 2] = 90
    striped[60 : 60 + height, 201 : 200 + width : 2] = 150
    found = _found((200, 60, 200 + width, 60 + height, 0.9, 0))
    a, b = (blur_people_and_vehicles(p, found, classless=False).astype(int) for p in (plain, striped))
    assert np.abs(a - b)[62:130, 205:280].max() <= 8


coordinate = st.floats(-2000, 2000, width=32)


@given(coordinate, coordinate, coordinate, coordinate, st.sampled_from([0, 2]))
@settings(max_examples=60)
def test_boxes_anywhere_raise_nothing(x: float, y: float, u: float, v: float, kind: int):
    picture = np.zeros((40, 50, 3), np.uint8)
    found = _found((min(x, u), min(y, v), max(x, u), max(y, v), 0.9, kind))
    blurred = blur_people_and_vehicles(picture, found, classless=False)
    assert blurred.shape == picture.shape


def test_what_is_no_picture_and_no_box_is_refused():
    with pytest.raises(ImageFaultError, match="expected uint8"):
        blur_people_and_vehicles(np.zeros((4, 4), np.uint8), _found(), classless=False)
    with pytest.raises(ArrayFaultError, match="keep_box_px"):
        blur_people_and_vehicles(_picture(), _found(), classless=True, keep_box_px=np.zeros(3, np.float32))
