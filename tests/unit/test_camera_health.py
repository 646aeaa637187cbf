"""What is wrong with a camera itself: faults begin once they have held, end once they are gone, and are told apart."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_street import SIZE_PX, picture, with_noise

from models.detector import Image
from models.image_health import ImageFault, Reference, faults_of, look_at
from pipeline.camera_health import HealthWatch
from pipeline.frames import Frame
from pipeline.health_events import HealthEvent, HealthFault

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def even(index: int, level: float) -> Image:
    return with_noise(np.full((SIZE_PX[1], SIZE_PX[0], 3), level, np.float32), index)


def covered(index: int) -> Image:
    image = picture(index)
    image[:, :450] = even(index, 40.0)[:, :450]
    return image


SPOILT: dict[HealthFault, Callable[[int], Image]] = {
    HealthFault.DARK: lambda index: picture(index, light=0.06),
    HealthFault.WASHED_OUT: lambda index: even(index, 225.0),
    HealthFault.BLURRED: lambda index: cv2.GaussianBlur(picture(index), (0, 0), 5),
    HealthFault.OBSTRUCTED: covered,
    HealthFault.SHIFTED: lambda index: picture(index, shift_px=40),
    HealthFault.FROZEN: lambda _: picture(1),
}


def told(
    watch: HealthWatch, make: Callable[[int], Image], *, seconds: range, fps: float = 1.0, late_s: float = 0.0
) -> list[HealthEvent]:
    """Return the spells that begin or end while a camera gives these pictures."""
    events: list[HealthEvent] = []
    for index in range(round(seconds.start * fps), round(seconds.stop * fps)):
        at = NOON + timedelta(seconds=index / fps)
        received = at + timedelta(seconds=late_s) if late_s else None
        events += watch.see(Frame(camera="c", captured_at=at, image=make(index), received_at=received))
    return events


def watching(**changes: object) -> HealthWatch:
    return HealthWatch("c", **{"fps": 1.0, **changes})  # type: ignore[arg-type]  # changes of a few tests


@pytest.mark.parametrize("fault", SPOILT, ids=str)
def test_each_fault_is_told_once_by_its_name_and_ends(fault: HealthFault):
    watch = watching()
    assert told(watch, picture, seconds=range(30)) == []
    (begun,) = told(watch, SPOILT[fault], seconds=range(30, 120))
    assert (begun.fault, begun.camera, begun.until) == (fault, "c", None)
    assert timedelta(0) <= begun.since - (NOON + timedelta(seconds=30)) <= timedelta(seconds=3)
    assert watch.moved == (fault is HealthFault.SHIFTED)
    (over,) = told(watch, picture, seconds=range(120, 150))
    assert over == replace(begun, until=over.until)
    assert over.until is not None
    assert abs(over.until - (NOON + timedelta(seconds=120))) <= timedelta(seconds=3)
    assert watch.lasting == {}


@pytest.mark.parametrize("fault", SPOILT, ids=str)
def test_what_passes_soon_is_nobody_s_business(fault: HealthFault):
    watch = watching()
    told(watch, picture, seconds=range(30))
    assert told(watch, SPOILT[fault], seconds=range(30, 38)) == []
    assert told(watch, picture, seconds=range(38, 80)) == []


def turned(index: int) -> Image:
    matrix = cv2.getRotationMatrix2D((SIZE_PX[0] / 2, SIZE_PX[1] / 2), 4.0, 1.0)
    return cv2.warpAffine(picture(index), matrix, SIZE_PX, borderMode=cv2.BORDER_REFLECT)


def zoomed(index: int) -> Image:
    return cv2.resize(picture(index)[20:340, 36:604], SIZE_PX)


@pytest.mark.parametrize("make", [turned, zoomed])
def test_a_turn_and_a_zoom_are_moves_too(make: Callable[[int], Image]):
    watch = watching()
    told(watch, picture, seconds=range(30))
    assert [each.fault for each in told(watch, make, seconds=range(30, 70))] == [HealthFault.SHIFTED]


def test_real_footage_with_people_shows_no_fault(shared_data: Path):
    watch = HealthWatch("pets-view1", fps=7.0)
    capture = cv2.VideoCapture(str(shared_data / "video" / "vtest.avi"))
    events: list[HealthEvent] = []
    for index in range(350):
        there, image = capture.read()
        assert there
        at = NOON + timedelta(seconds=index / 7.0)
        events += watch.see(Frame(camera="pets-view1", captured_at=at, image=np.asarray(image, np.uint8)))
        assert not watch.moved
    assert events == []
    assert watch.news()


def test_light_that_changes_is_no_fault():
    watch = watching()
    told(watch, picture, seconds=range(30))
    assert told(watch, lambda index: picture(index, light=0.45), seconds=range(30, 120)) == []


def test_a_fault_is_not_learned_as_usual():
    watch = watching()
    told(watch, picture, seconds=range(30))
    told(watch, SPOILT[HealthFault.SHIFTED], seconds=range(30, 500))
    assert watch.moved
    assert [event.until is None for event in told(watch, picture, seconds=range(500, 530))] == [False]


def test_a_camera_that_was_moved_while_nobody_watched_is_found():
    before = watching()
    told(before, picture, seconds=range(30))
    memory = before.news()
    assert before.news() == ""
    after = watching(reference=memory)
    (begun,) = told(after, SPOILT[HealthFault.SHIFTED], seconds=range(100, 140))
    assert begun.fault is HealthFault.SHIFTED


def test_a_spell_goes_on_over_a_restart():
    before = watching()
    told(before, picture, seconds=range(30))
    (begun,) = told(before, SPOILT[HealthFault.SHIFTED], seconds=range(30, 60))
    after = watching(reference=before.news(), lasting=[begun])
    assert after.moved
    assert told(after, SPOILT[HealthFault.SHIFTED], seconds=range(70, 120)) == []
    (over,) = told(after, picture, seconds=range(120, 150))
    assert (over.id, over.since) == (begun.id, begun.since)


@pytest.mark.parametrize("memory", ["", "x", "1 2 3", "nan 1 !!!!", "1.0 1.0 " + "A" * 300_000, "1 1 aGVsbG8="])
def test_a_memory_that_cannot_be_read_is_learned_anew(memory: str):
    watch = watching(reference=memory)
    assert told(watch, picture, seconds=range(40)) == []
    assert watch.news()


def test_what_is_remembered_shows_no_person():
    watch = watching()
    told(watch, picture, seconds=range(30))
    assert len(watch.news()) < 60_000


def test_frames_that_come_too_seldom_are_told():
    watch = watching(fps=10.0)
    (begun,) = told(watch, picture, seconds=range(120), fps=2.0)
    assert begun.fault is HealthFault.LOW_FPS
    assert begun.value == pytest.approx(2.0, abs=0.1)
    assert begun.limit == 5.0


def test_a_clock_that_is_off_is_told():
    watch = watching()
    (begun,) = told(watch, picture, seconds=range(60), late_s=25.0)
    assert begun.fault is HealthFault.CLOCK_OFF
    assert begun.value == pytest.approx(25.0)


def test_without_a_reference_only_what_shows_by_itself_is_told():
    nothing_known = Reference()
    assert faults_of(look_at(picture(1)), nothing_known) == ()
    (dark,) = faults_of(look_at(SPOILT[HealthFault.DARK](1)), nothing_known)
    assert dark.fault is ImageFault.DARK
    assert dark.value < dark.limit


def test_the_faults_have_the_same_names():
    assert {each.value for each in ImageFault} <= {each.value for each in HealthFault}


def test_a_camera_that_is_away_is_told_once_and_until_it_is_back():
    watch = watching()
    assert told(watch, picture, seconds=range(30)) == []
    gone = [event for k in range(30, 86_400, 60) for event in watch.absent(NOON + timedelta(seconds=k))]
    assert [(each.fault, each.since) for each in gone] == [(HealthFault.OFFLINE, NOON + timedelta(seconds=29))]
    events = told(watch, picture, seconds=range(86_400, 86_430))
    (over,) = [each for each in events if each.fault is HealthFault.OFFLINE]
    assert over.until is not None
    assert abs(over.until - (NOON + timedelta(days=1))) <= timedelta(seconds=60)


def test_a_camera_that_was_never_there_is_away_since_one_began_to_wait():
    watch = watching()
    assert watch.absent(NOON) == ()
    assert watch.absent(NOON + timedelta(seconds=29)) == ()
    (event,) = watch.absent(NOON + timedelta(seconds=31))
    assert (event.fault, event.since, event.value) == (HealthFault.OFFLINE, NOON, 31.0)


@pytest.mark.parametrize(("known", "limit"), [({"drift_s": -3.0}, 2.0), ({"clock_off_s": 3600.0}, 10.0)])
def test_a_stream_whose_own_time_is_off_is_told(known: dict[str, float], limit: float):
    watch, events = watching(), []
    for second in range(60):
        at = NOON + timedelta(seconds=second)
        wrong = known if second >= 20 else dict.fromkeys(known, 0.1)
        events += watch.see(Frame(camera="c", captured_at=at, received_at=at, image=picture(second), **wrong))
    (begun,) = events
    assert (begun.fault, begun.limit) == (HealthFault.CLOCK_OFF, limit)
    assert begun.since == NOON + timedelta(seconds=20)
