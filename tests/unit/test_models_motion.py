"""The motion gate: what moves is seen, what does not is not, and nothing waits longer than a sweep."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.errors import SettingFaultError
from models.motion import MotionGate, MotionSettings, Wanted

SIZE_PX = (768, 576)


def street(index: int, *, left: int | None = None, light: float = 1.0, noise: float = 3.0) -> np.ndarray:
    """Return a street in 768 x 576 with a sensor's noise, and with a person of 16 x 40 px where one is wanted."""
    image = np.full((SIZE_PX[1], SIZE_PX[0], 3), 110.0, np.float32)
    image[300:, :] = 80
    image[100:250, 200:400] = (140, 90, 60)
    if left is not None:
        image[320:360, left : left + 16] = 30
    image = image * light + np.random.default_rng(index).normal(0, noise, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def test_the_first_frame_is_wanted_and_a_still_one_is_not():
    gate = MotionGate(MotionSettings(sweep_s=1000.0))
    assert [gate.wants(street(k), at_s=k / 5) for k in range(40)] == [Wanted.FIRST, *[Wanted.STILL] * 39]


def test_whoever_walks_in_is_seen_in_every_frame_in_which_he_moves():
    gate = MotionGate(MotionSettings(sweep_s=1000.0))
    gate.wants(street(0), at_s=0.0)
    assert {gate.wants(street(k, left=20 + 10 * k), at_s=k / 5) for k in range(1, 40)} == {Wanted.MOTION}


def test_what_moves_slower_than_a_frame_tells_adds_up():
    gate = MotionGate(MotionSettings(sweep_s=1000.0))
    gate.wants(street(0, left=100), at_s=0.0)
    wanted = [gate.wants(street(k, left=100 + k // 4), at_s=k / 5) for k in range(1, 200)]
    assert 3 <= wanted.count(Wanted.MOTION) <= 50


def test_light_that_changes_on_the_whole_is_no_motion():
    gate = MotionGate(MotionSettings(sweep_s=1000.0))
    gate.wants(street(0), at_s=0.0)
    assert gate.wants(street(1, light=1.06), at_s=0.2) is Wanted.STILL


def test_a_sweep_comes_in_time_whatever_there_is_to_see():
    gate = MotionGate(MotionSettings(sweep_s=2.0))
    wanted = [gate.wants(street(k, left=300), at_s=k / 5) for k in range(101)]
    assert wanted.count(Wanted.SWEEP) == 10
    assert wanted.count(Wanted.STILL) == 90


def sweeps(gate: MotionGate, *, seconds: int, nothing_new: bool, moving_at: int | None = None) -> list[float]:
    """Return when sweeps came, with somebody who is suddenly elsewhere at a frame."""
    found = []
    for k in range(seconds * 5):
        left = 300 if moving_at is None or k < moving_at else 500
        if gate.wants(street(k, left=left), at_s=k / 5) is Wanted.SWEEP:
            found.append(k / 5)
            gate.heed(nothing_new=nothing_new)
    return found


def test_sweeps_that_find_nothing_new_come_less_often_within_bounds():
    gate = MotionGate(MotionSettings(sweep_s=2.0, longest_sweep_s=8.0))
    assert sweeps(gate, seconds=31, nothing_new=True) == [2.0, 6.0, 14.0, 22.0, 30.0]


def test_a_sweep_that_finds_something_new_is_followed_by_the_next_as_soon_as_ever():
    gate = MotionGate(MotionSettings(sweep_s=2.0, longest_sweep_s=8.0))
    assert sweeps(gate, seconds=11, nothing_new=False) == [2.0, 4.0, 6.0, 8.0, 10.0]


def test_motion_brings_sweeps_back_to_their_usual_time():
    gate = MotionGate(MotionSettings(sweep_s=2.0, longest_sweep_s=8.0))
    assert sweeps(gate, seconds=18, nothing_new=True, moving_at=50) == [2.0, 6.0, 12.0, 16.0]


def test_a_picture_of_another_size_is_wanted():
    gate = MotionGate()
    gate.wants(street(0), at_s=0.0)
    assert gate.wants(np.zeros((48, 64, 3), np.uint8), at_s=0.2) is Wanted.FIRST
    assert gate.wants(np.zeros((1, 1, 3), np.uint8), at_s=0.4) is Wanted.FIRST


@pytest.mark.parametrize("wrong", [{"sweep_s": -1.0}, {"width_px": 3}, {"least_level": 0.0}, {"least_cells": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]):
    with pytest.raises(SettingFaultError, match=next(iter(wrong))):
        MotionSettings(**wrong)  # type: ignore[arg-type]  # a test's settings


def test_real_footage_with_people_walking_is_wanted(shared_data: Path):
    capture = cv2.VideoCapture(str(shared_data / "video" / "vtest.avi"))
    gate = MotionGate(MotionSettings(sweep_s=1000.0))
    wanted = [gate.wants(np.asarray(capture.read()[1], np.uint8), at_s=k / 7) for k in range(100)]
    assert wanted.count(Wanted.STILL) == 0
