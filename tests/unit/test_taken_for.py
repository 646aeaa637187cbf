"""What a thing is taken for: on the whole and lately, once and not twice, and who stands by it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from small_site import small_site
from watched_place import START, camera, detections, scene, seen, sight

from pipeline.camera_memory import recall, remember
from pipeline.district import scene_set
from pipeline.firings import Firing
from pipeline.moments import Moment
from pipeline.observations import Observation, observe
from pipeline.occupancies import Occupancies
from pipeline.occupancy import OccupancySettings
from pipeline.scene_rules import SceneRules
from pipeline.scenes import Rule, Scene

PERIOD_S = 0.5
STALL = scene(Rule.DWELL, ["stall"], dwell_s=20.0)
OVERFLOWING = scene(Rule.DWELL, ["overflowing-bin"], dwell_s=20.0)
LEFT = scene(Rule.LEFT, ["rubbish-bag"], dwell_s=10.0, radius_m=1.5)


def play(one: Scene, frames: list[list[Observation]]) -> list[tuple[float, Firing]]:
    """Return what fires, with its second, when a frame is shown each half second."""
    rules = SceneRules(camera([one.code], fps=2.0), {one.code: one}, settings=OccupancySettings())
    found = Occupancies(period_s=PERIOD_S)
    fired: list[tuple[float, Firing]] = []
    for step, shown in enumerate(frames):
        at = START + step * PERIOD_S
        found.update(shown, at=at)
        moment = Moment(at=at, step_s=PERIOD_S, watched_since=START, observations=shown, occupancies=found)
        fired += [(step * PERIOD_S, each) for each in rules.update(moment)]
    return fired


def test_one_sure_frame_among_faint_ones_is_not_enough():
    sure = [[seen(0, 0, "stall", confidence=0.5)] for _ in range(60)]
    assert [t for t, _ in play(STALL, sure)] == [20.0]
    doubtful = [[seen(0, 0, "stall", confidence=0.6 if step % 10 == 0 else 0.15)] for step in range(120)]
    assert play(STALL, doubtful) == []


def test_a_bin_that_stood_tidy_for_long_may_overflow():
    tidy = [[seen(0, 0, "bin")] for _ in range(1200)]
    full = [[seen(0, 0, "overflowing-bin")] for _ in range(240)]
    assert play(OVERFLOWING, tidy) == []
    ((at, firing),) = play(OVERFLOWING, tidy + full)
    assert 620.0 <= at <= 621.0
    assert firing.class_name == "overflowing-bin"


def test_a_bin_that_is_now_and_then_taken_for_a_full_one_is_tidy():
    frames = [[seen(0, 0, "overflowing-bin" if step % 3 == 0 else "bin")] for step in range(200)]
    assert play(OVERFLOWING, frames) == []


def test_who_stands_behind_a_thing_stands_by_it_though_its_feet_are_hidden():
    bag = seen(3, 0, "rubbish-bag", size_px=(10.0, 8.0))
    top = bag.box_px[1]
    nobody: list[list[Observation]] = [[] for _ in range(10)]
    assert [t for t, _ in play(LEFT, nobody + [[bag]] * 60)] == [16.0]
    # Both boxes end at the bag's upper edge and are placed two metres too far.
    behind = [bag, _ending_at(seen(3.2, 2.2, "person", size_px=(6.0, 18.0)), top)]
    assert play(LEFT, nobody + [behind] * 60) == []
    aside = [bag, _ending_at(seen(6.0, 2.2, "person", size_px=(6.0, 18.0)), top)]
    assert [t for t, _ in play(LEFT, nobody + [aside] * 60)] == [16.0]


def _ending_at(one: Observation, bottom_px: float) -> Observation:
    left, top, right, bottom = one.box_px
    return replace(one, box_px=(left, top + bottom_px - bottom, right, bottom_px))


@pytest.mark.parametrize(("name", "believed"), [("rubbish-bag", True), ("car", False)])
def test_what_cannot_move_by_itself_is_believed_when_it_is_seen_again(name: str, believed: bool):  # noqa: FBT001
    one = scene(Rule.DWELL, [name], dwell_s=20.0)
    first = [[seen(0, 0, name)] for _ in range(6)]
    rarely = [[seen(0, 0, name)] if step % 8 == 0 else [] for step in range(80)]
    assert bool(play(one, first + rarely)) is believed


def test_two_boxes_of_a_family_in_one_place_are_one_thing():
    place = small_site().cameras["cam-a"]
    size = (place.width_px, place.height_px)
    found = detections(
        ("person", 0.9, (500.0, 440.0, 520.0, 500.0)),
        ("person", 0.6, (502.0, 470.0, 522.0, 501.0)),  # its legs again
        ("person", 0.5, (512.0, 380.0, 532.0, 440.0)),  # somebody six metres behind
        ("car", 0.4, (500.0, 440.0, 520.0, 500.0)),  # another family
    )
    kept = [(each.class_name, round(each.confidence, 1)) for each in observe(found, place, image_size_px=size)]
    assert kept == [("person", 0.9), ("person", 0.5), ("car", 0.4)]
    assert observe(found.select(np.zeros(4, bool)), place, image_size_px=size) == ()


@pytest.mark.parametrize(("fire", "fires"), [("fire", False), ("smoke", False), (None, True)])
def test_a_burning_bin_does_not_overflow(fire: str | None, fires: bool):  # noqa: FBT001 - a case
    """A bin is there, then it burns, and from then on most frames call it overflowing and some do not box the fire."""

    def at(step: int) -> list[Observation]:
        if step < 40:
            return [seen(0, 0, "bin")]
        flames = [seen(0, 0, fire, size_px=(40.0, 38.0))] if fire and step % 5 else []
        return [*flames, seen(0, 0, "overflowing-bin", confidence=0.55)]

    assert bool(play(OVERFLOWING, [at(step) for step in range(140)])) is fires


def test_nothing_new_is_seen_in_a_fire():
    found = Occupancies(period_s=PERIOD_S)
    for step in range(40):
        heap = [seen(0, 0, "rubbish-bag")] if step >= 10 else []
        found.update([seen(0, 0, "fire", size_px=(40.0, 38.0)), *heap], at=START + step * PERIOD_S)
    assert [each.class_name for each in found.all] == ["fire"]


@pytest.mark.parametrize("known_s", [3.0, 30.0])
def test_a_bin_overflows_since_it_looked_so_however_long_it_was_known(known_s: float):
    before = round(known_s / PERIOD_S)
    frames = [[seen(0, 0, "bin" if step < before else "overflowing-bin")] for step in range(before + 60)]
    times = [at for at, _ in play(OVERFLOWING, frames)]
    assert times == [pytest.approx(known_s + OVERFLOWING.dwell_s, abs=PERIOD_S)]


def test_what_is_found_in_every_third_frame_is_not_gone_after_ten_misses():
    now_and_then = [[seen(0, 0, "rubbish-bag")] if step % 3 == 0 else [] for step in range(40)]
    lost: list[list[Observation]] = [[] for _ in range(11)]
    found = Occupancies(period_s=PERIOD_S)
    for step, shown in enumerate(now_and_then + lost):
        found.update(shown, at=START + step * PERIOD_S)
    assert len(found.all) == 1
    sure = Occupancies(period_s=PERIOD_S)
    for step, shown in enumerate([[seen(0, 0, "rubbish-bag")]] * 40 + lost):
        sure.update(shown, at=START + step * PERIOD_S)
    assert sure.all == []


def test_two_ways_to_box_one_bicycle_are_one_bicycle():
    clutter = scene(Rule.CLUTTER, ["bicycle"], dwell_s=10.0, count=3, radius_m=5.0)
    two = [seen(0, 0, "bicycle"), seen(2, 0, "bicycle")]
    again = seen(0.1, 0.1, "bicycle", size_px=(14.0, 30.0))
    assert seen(0.1, 0.1, "bicycle").box_px != again.box_px
    wavering = [[*two] if step % 2 else [again, two[1]] for step in range(80)]
    assert play(clutter, wavering) == []
    third = [[*shown, seen(4, 0, "bicycle")] for shown in wavering]
    assert len(play(clutter, third)) == 1


def test_how_long_it_has_been_so_survives_a_restart():
    place, rules = camera([OVERFLOWING.code], fps=2.0), {OVERFLOWING.code: OVERFLOWING}
    before = Occupancies(period_s=PERIOD_S)
    for step in range(200):
        name = "bin" if step < 160 else "overflowing-bin"
        before.update([seen(0, 0, name)], at=START + step * PERIOD_S)
    memory = remember(place, [sight(place, rules, before)], watched_since=START)
    after = Occupancies(period_s=PERIOD_S)
    recall(json.loads(json.dumps(memory)), place, [sight(place, rules, after)])
    assert after.all[0].dwell_as_s(["overflowing-bin"]) == before.all[0].dwell_as_s(["overflowing-bin"])
    assert 19.0 <= after.all[0].dwell_as_s(["overflowing-bin"]) <= 21.0
    assert after.all[0].dwell_as_s(["bin", "overflowing-bin"]) == after.all[0].dwell_s


@pytest.mark.parametrize(("code", "name"), [(scene_set.BIN, "overflowing-bin"), (scene_set.STALL, "stall")])
@pytest.mark.parametrize(("confidence", "fires"), [(0.4, False), (0.6, True)])
def test_in_the_district_little_likeness_is_none(code: str, name: str, confidence: float, fires: bool):  # noqa: FBT001
    frames = [[seen(0, 0, name, confidence=confidence)] for _ in range(120)]
    assert bool(play(scene_set.SCENES[code], frames)) is fires
