"""The pace of a camera: as its frames come; rules wait for what rare frames may miss."""

import random

import pytest
from watched_place import START, camera, scene, seen

from pipeline.moments import Moment
from pipeline.occupancies import Occupancies
from pipeline.occupancy import OccupancySettings
from pipeline.pace import Pace
from pipeline.scene_rules import SceneRules
from pipeline.scenes import Rule, Scene

INTRUSION = scene(Rule.INTRUSION, ["person"], dwell_s=2.0)
CROWD = scene(Rule.CROWD, ["person"], dwell_s=3.0, count=4, radius_m=9.0)


def after(pace: Pace, gaps: list[float]) -> float:
    at = 1000.0
    for gap in [0.0, *gaps]:
        at += gap
        pace.note(at)
    return pace.period_s


def test_frames_as_often_as_the_camera_says_or_oftener_leave_its_own_pace():
    assert after(Pace(0.2), [0.2] * 50) == pytest.approx(0.2)
    assert after(Pace(0.2), [0.04] * 50) == 0.2


def test_rarer_frames_are_noticed_and_more_frequent_ones_again():
    pace = Pace(0.2)
    assert after(pace, [0.8] * 20) == pytest.approx(0.8, rel=0.05)
    assert after(pace, [0.2] * 40) == pytest.approx(0.2, rel=0.05)
    drawn = random.Random(1)
    lossy = [0.2 * (1 + sum(drawn.random() < 0.5 for _ in range(3))) for _ in range(200)]
    assert after(Pace(0.2), lossy) == pytest.approx(0.5, abs=0.15)


def test_an_outage_says_nothing_of_the_pace():
    pace = Pace(0.2)
    assert after(pace, [0.2] * 10 + [3600.0]) < 0.3


@pytest.mark.parametrize("one", [INTRUSION, CROWD], ids=lambda one: one.code)
def test_who_is_seen_in_every_frame_is_there_all_the_while_however_rare_frames_are(one: Scene):
    assert fired(one, every_s=0.2, pace_s=0.2) == 1
    assert fired(one, every_s=1.4, pace_s=1.4) == 1
    assert fired(one, every_s=1.4, pace_s=0.0) == 0, "a camera of five frames a second that nobody keeps count of"


def fired(one: Scene, *, every_s: float, pace_s: float) -> int:
    """Return how often a scene fires of people who stand for 20 s before a camera that says it has five frames a s."""
    found, times = Occupancies(period_s=0.2), 0
    rules = SceneRules(camera([one.code], fps=5.0), {one.code: one}, settings=OccupancySettings())
    for step in range(round(20.0 / every_s)):
        moment = Moment(
            at=START + step * every_s,
            step_s=min(every_s, 1.0) if step else 0.0,
            period_s=pace_s,
            watched_since=START,
            observations=[seen(2.0 * n, 0.0, "person", track=n, size_px=(6.0, 18.0)) for n in range(one.count)],
            occupancies=found,
        )
        times += len(rules.update(moment))
    return times
