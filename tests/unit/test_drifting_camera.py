"""A camera that turns too slowly for its reference is found by what was usual at first; a day's light is no drift."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from drawn_street import SCENE, SIZE_PX, picture, with_noise
from numpy.typing import NDArray

from models.detector import Image
from models.drift import drift_of
from models.image_health import look_at
from pipeline.camera_health import HealthSettings, HealthWatch
from pipeline.frames import Frame
from pipeline.health_events import HealthEvent, HealthFault

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
DAY_MIN = 24 * 60
DRIFTING_MIN = 6.5  # minutes for each pixel of 640
EVERY_MIN = 2
SETTINGS = HealthSettings(every_s=60.0 * EVERY_MIN)
HALVES = np.random.default_rng(3).integers(0, 2, 12)


def lamps() -> NDArray[np.float32]:
    """Return the light of lamps over the whole street, from 0 to 1."""
    light = np.zeros((SIZE_PX[1], SCENE.shape[1]), np.float32)
    for x in (220, 430, 660):
        cv2.circle(light, (x, 170), 150, (0.8,), -1)
    return np.asarray(cv2.GaussianBlur(light, (0, 0), 45), np.float32)


LAMPS = lamps()


def watching(**changes: object) -> HealthWatch:
    return HealthWatch("c", **{"fps": 1 / (60 * EVERY_MIN), "settings": SETTINGS, **changes})  # type: ignore[arg-type]  # of a test


def told(
    watch: HealthWatch, make: Callable[[int], Image], minutes: range, *, every_min: int = EVERY_MIN
) -> list[tuple[int, HealthEvent]]:
    """Return what begins or ends, and in which minute, while a camera gives a picture every few minutes."""
    events = []
    for minute in minutes[::every_min]:
        frame = Frame(camera="c", captured_at=NOON + timedelta(minutes=minute), image=make(minute))
        events += [(minute, event) for event in watch.see(frame)]
    return events


def drifting(minute: int) -> Image:
    return picture(minute, shift_px=round(max(0, minute - 30) / DRIFTING_MIN))


def lit(minute: int, *, shift_px: int = 0) -> Image:
    """Return a frame by the light of its minute: shadows that go round by day, pools of lamps by night."""
    street = picture(minute, shift_px=shift_px).astype(np.float32)
    sun = float(np.sin(2 * np.pi * minute / DAY_MIN + np.pi / 2))  # highest at noon
    shadow = np.ones(street.shape[:2], np.float32)
    reach = 260.0 * np.cos(2 * np.pi * minute / DAY_MIN + np.pi / 2)  # to the west at first, to the east later
    for index, x in enumerate(range(-40, 680, 60)):
        if HALVES[index]:
            foot = np.array([[x, 140], [x + 40, 140], [x + 40 + reach, 300], [x + reach, 300]])
            cv2.fillPoly(shadow, [(foot - [shift_px, 0]).astype(np.int32)], 0.45)
    by_day = max(0.0, sun)
    light = by_day * shadow + (1.0 - by_day) * (0.05 + LAMPS[:, 100 + shift_px : 100 + shift_px + SIZE_PX[0]])
    return with_noise(street * light[:, :, None], minute)


def test_a_camera_that_turns_slowly_is_found_before_it_is_far_off():
    ((minute, begun),) = told(watching(), drifting, range(4 * 60))
    assert (begun.fault, begun.until) == (HealthFault.SHIFTED, None)
    limit_px = 0.015 * SIZE_PX[0]
    turned_px = (minute - 30) / DRIFTING_MIN
    assert limit_px < turned_px < 3 * limit_px
    assert begun.value > begun.limit == pytest.approx(0.015)


def test_it_waits_from_then_on_however_far_it_turns():
    watch = watching()
    told(watch, drifting, range(3 * 60))
    assert watch.moved
    assert told(watch, drifting, range(3 * 60, 8 * 60)) == []
    assert watch.moved


def test_it_is_found_over_any_number_of_restarts():
    watch, lasting, memory = watching(), [], ""
    for hour in range(4):
        found = told(watch, drifting, range(60 * hour, 60 * (hour + 1)))
        lasting += [event for _, event in found]
        memory = watch.news() or memory
        watch = watching(reference=memory, lasting=lasting)
    assert [event.fault for event in lasting] == [HealthFault.SHIFTED]


def test_turned_back_to_where_it_was_it_goes_on():
    watch = watching()
    ((_, begun),) = told(watch, drifting, range(4 * 60))
    ((_, over),) = told(watch, picture, range(4 * 60, 5 * 60))
    assert over.id == begun.id
    assert over.until is not None
    assert not watch.moved
    assert told(watch, picture, range(5 * 60, 6 * 60)) == []


def test_a_day_of_light_is_no_drift():
    watch = watching(settings=HealthSettings(every_s=480.0), fps=1 / 480)
    found = told(watch, lit, range(DAY_MIN + 120), every_min=8)
    assert [event for _, event in found if event.fault is HealthFault.SHIFTED] == []
    assert not watch.moved


def test_a_camera_that_turns_by_day_and_night_is_found():
    def make(minute: int) -> Image:
        return lit(minute, shift_px=round(max(0, minute - 60) / 30))

    found = told(watching(), make, range(DAY_MIN // 2))
    assert HealthFault.SHIFTED in [event.fault for _, event in found]


def test_a_match_that_means_nothing_is_not_believed():
    street = look_at(picture(1)).edges
    for seed in range(20):
        other = np.random.default_rng(seed).integers(0, 255, (18, 32, 3), np.uint8)
        elsewhere = look_at(cv2.resize(other, SIZE_PX, interpolation=cv2.INTER_NEAREST)).edges
        assert not drift_of(elsewhere, street).sure


@pytest.mark.parametrize("shift_px", [0, 8, 20, 60, -90])
def test_a_drift_is_told_by_its_share_of_the_width(shift_px: int):
    drift = drift_of(look_at(picture(1, shift_px=shift_px)).edges, look_at(picture(9)).edges)
    assert drift.sure
    assert drift.share == pytest.approx(abs(shift_px) / SIZE_PX[0], abs=0.004)


def test_the_street_is_wide_enough_for_what_is_asked_of_it():
    assert 100 + round(8 * 60 / DRIFTING_MIN) + SIZE_PX[0] <= SCENE.shape[1]
