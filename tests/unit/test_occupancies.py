"""An occupancy is a thing at a place: what it survives, what ends it, and how sure its place becomes."""

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watched_place import RED, START, WHITE, camera, scene, seen, sight

from geo.coords import LonLat
from geo.metric import LocalPlane
from pipeline.camera_memory import MemoryFormError, recall, remember
from pipeline.observations import Observation
from pipeline.occupancies import Occupancies
from pipeline.occupancy import Ended, Occupancy, OccupancySettings
from pipeline.scenes import Rule

PERIOD_S = 0.2


def watch(
    show: Callable[[float], Sequence[Observation]],
    seconds: float,
    *,
    into: Occupancies | None = None,
    since: float = 0.0,
) -> Occupancies:
    """Feed frames of `show(t)` at 5 fps from `since` on."""
    found = into or Occupancies(period_s=PERIOD_S)
    for step in range(round(seconds / PERIOD_S)):
        t = since + step * PERIOD_S
        found.update(show(t), at=START + t)
    return found


def longest(found: Occupancies) -> Occupancy:
    return max(found.all, key=lambda each: each.dwell_s)


def test_a_parked_car_keeps_its_place_under_jitter_and_wavering_class():
    rng = np.random.default_rng(3)

    def show(t: float) -> list[Observation]:
        name = "truck" if round(t / PERIOD_S) % 4 == 0 else "car"
        return [seen(*(rng.normal(0, 0.1, 2)), name, track=1)]

    held = longest(watch(show, 60.0))
    assert held.dwell_s == pytest.approx(60.0 - PERIOD_S)
    assert held.class_name == "car"
    assert held.share_of(["car", "truck", "bus"]) == pytest.approx(1.0)
    assert np.hypot(held.east_m, held.north_m) < 0.1
    assert held.unseen_s == 0.0


def test_it_survives_every_frame_with_another_track_id():
    held = longest(watch(lambda t: [seen(0, 0, track=round(t / PERIOD_S))], 30.0))
    assert held.dwell_s == pytest.approx(30.0 - PERIOD_S)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=60, max_size=60))
def test_it_survives_dropped_boxes_as_long_as_the_place_is_not_empty_for_the_grace_time(missed: list[bool]):
    """Whatever frames the detector misses, short of five seconds at once, the clock runs from the first sight on."""
    run = worst = 0
    kept = []
    for index, miss in enumerate(missed):
        settled = index < 10 or index == len(missed) - 1
        run = 0 if settled or not miss else run + 1
        worst = max(worst, run)
        kept.append(settled or not miss)
    found = Occupancies(period_s=PERIOD_S)
    for index, shown in enumerate(kept):
        found.update([seen(0, 0)] if shown else [], at=START + index * PERIOD_S)
    survived = longest(found).dwell_s == pytest.approx((len(kept) - 1) * PERIOD_S)
    assert survived == (worst * PERIOD_S < OccupancySettings().grace_s - 1e-9)


@pytest.mark.parametrize("hidden_s", [60.0, 300.0])
def test_it_survives_being_hidden_and_says_how_long_it_was_not_seen(hidden_s: float):
    bus = seen(0, -1.5, "bus", look=RED, size_px=(120.0, 80.0), track=9)

    def show(t: float) -> list[Observation]:
        return [bus] if 10.0 <= t < 10.0 + hidden_s else [seen(0, 0, track=1)]

    found = watch(show, hidden_s + 40.0)
    held = max((each for each in found.all if each.look == WHITE), key=lambda each: each.dwell_s)
    assert held.dwell_s == pytest.approx(hidden_s + 40.0 - PERIOD_S)
    assert held.unseen_s == pytest.approx(hidden_s, abs=0.5)


def test_an_outage_counts_only_when_the_same_thing_is_there_before_and_after():
    before = watch(lambda _: [seen(0, 0, look=WHITE)], 10.0)
    same = watch(lambda _: [seen(0, 0, look=WHITE)], 10.0, into=before, since=300.0)
    assert longest(same).dwell_s == pytest.approx(310.0 - PERIOD_S)
    assert longest(same).unseen_s == pytest.approx(290.0, abs=0.5)

    before = watch(lambda _: [seen(0, 0, look=WHITE)], 10.0)
    other = watch(lambda _: [seen(0, 0, look=RED)], 10.0, into=before, since=300.0)
    assert max(each.dwell_s for each in other.all if each.seen_now) == pytest.approx(10.0 - PERIOD_S)


def test_after_an_outage_one_look_is_not_enough():
    found = watch(lambda _: [seen(0, 0)], 10.0)
    found.update([seen(0, 0)], at=START + 300.0)
    assert not longest(found).settled(found.settings)
    watch(lambda _: [seen(0, 0)], 2.0, into=found, since=300.2)
    assert longest(found).settled(found.settings)


def test_a_place_seen_empty_begins_anew():
    def show(t: float) -> list[Observation]:
        return [] if 10.0 <= t < 16.0 else [seen(0, 0)]

    found = watch(show, 30.0)
    assert longest(found).dwell_s == pytest.approx(14.0 - PERIOD_S)
    assert found.ended[Ended.EMPTY] == 1


@pytest.mark.parametrize("tracked", [True, False])
def test_ten_cars_that_queue_through_one_place_are_not_one_parked_car(tracked: bool):  # noqa: FBT001 - a case
    """Each stands 12 s, then moves on at 2 m/s; the next is 6 m behind. Without tracks their colours tell them."""

    def show(t: float) -> list[Observation]:
        stop, within = divmod(t, 15.0)
        moved_m = 6.0 * (stop + max(0.0, within - 12.0) / 3.0)
        looks = [WHITE, WHITE] if tracked else [WHITE, RED]
        return [
            seen(moved_m - 6.0 * car, 0.0, track=car if tracked else None, look=looks[car % 2])
            for car in range(10)
            if abs(moved_m - 6.0 * car) < 20.0
        ]

    found = Occupancies(period_s=PERIOD_S)
    most = 0.0
    for step in range(round(140.0 / PERIOD_S)):
        found.update(show(step * PERIOD_S), at=START + step * PERIOD_S)
        most = max(most, *(each.dwell_s for each in found.all))
    assert most < 20.0


def test_a_swap_of_ids_with_a_passing_car_does_not_end_it():
    """A car drives past; where both meet, the tracker swaps their ids and never swaps them back."""

    def show(t: float) -> list[Observation]:
        passing_m = -20.0 + 4.0 * (t - 20.0)
        parked, moving = (2, 1) if passing_m > 0.0 and t > 20.0 else (1, 2)
        there = [seen(0, 0, track=parked, look=WHITE)]
        if 20.0 <= t < 30.0:
            there.append(seen(passing_m, -3.0, track=moving, look=RED))
        return there

    held = longest(watch(show, 60.0))
    assert held.dwell_s == pytest.approx(60.0 - PERIOD_S)


def test_a_thing_that_creeps_away_leaves_its_place():
    found = watch(lambda t: [seen(0.1 * t, 0, track=1)], 120.0)
    assert longest(found).dwell_s < 45.0


def test_the_measurement_averages_out_and_the_calibration_does_not():
    held = longest(watch(lambda _: [seen(0, 0)], 60.0))
    assert held.measurement_cov_m2[0] == pytest.approx(0.09 / OccupancySettings().most_effective)
    assert held.calibration_cov_m2 == (0.04, 0.0, 0.04)
    brief = longest(watch(lambda _: [seen(0, 0)], 2.0))
    assert brief.measurement_cov_m2[0] > 0.04, "ten frames of two seconds are not ten measurements"


def test_faint_boxes_hold_a_thing_but_begin_none():
    assert not watch(lambda _: [seen(0, 0, confidence=0.15)], 10.0).all
    held = longest(watch(lambda t: [seen(0, 0, confidence=0.8 if t < 2.0 else 0.15)], 20.0))
    assert held.dwell_s == pytest.approx(20.0 - PERIOD_S)


def test_the_number_is_bounded_and_what_stands_is_kept():
    small = Occupancies(OccupancySettings(most=20), period_s=PERIOD_S)
    watch(lambda _: [seen(0, 0)], 5.0, into=small)
    rng = np.random.default_rng(1)
    watch(lambda _: [seen(0, 0), *(seen(*rng.uniform(5, 40, 2)) for _ in range(100))], 5.0, into=small, since=5.0)
    assert len(small.all) <= 20
    assert longest(small).dwell_s == pytest.approx(10.0 - PERIOD_S)


def test_rare_frames_do_not_count_as_gaps():
    found = Occupancies(period_s=5.0)
    for step in range(20):
        found.update([seen(0, 0)], at=START + 5.0 * step)
    assert longest(found).dwell_s == pytest.approx(95.0)
    assert longest(found).unseen_s == 0.0


def test_memory_survives_a_restart_as_json():
    place = camera(["dwell"])
    scenes = {"dwell": scene(Rule.DWELL, ["car"], dwell_s=20.0)}
    found = watch(lambda _: [seen(0, 0, track=4)], 10.0)
    text = json.dumps(remember(place, [sight(place, scenes, found)], watched_since=START))

    again = Occupancies(period_s=PERIOD_S)
    assert recall(json.loads(text), place, [sight(place, scenes, again)]) == START
    watch(lambda _: [seen(0, 0, track=1)], 10.0, into=again, since=10.0)
    whole = longest(watch(lambda _: [seen(0, 0, track=4)], 20.0))
    resumed = longest(again)
    assert resumed.dwell_s == pytest.approx(whole.dwell_s)
    assert resumed.effective == pytest.approx(whole.effective, abs=1e-4)
    assert resumed.first_seen == whole.first_seen


def test_memory_moves_with_the_calibration():
    place = camera(["dwell"])
    scenes = {"dwell": scene(Rule.DWELL, ["car"], dwell_s=20.0)}
    found = watch(lambda _: [seen(3, 4)], 10.0)
    memory = remember(place, [sight(place, scenes, found)], watched_since=START)
    origin = place.view.plane.origin
    elsewhere = LocalPlane.at(origin).point_to_lonlat(-100.0, 50.0)
    memory["origin"] = [*elsewhere]
    again = Occupancies(period_s=PERIOD_S)
    recall(memory, place, [sight(place, scenes, again)])
    there = LocalPlane.at(elsewhere).point_to_lonlat(3.0, 4.0)
    east, north = LocalPlane.at(origin).point_to_metres(LonLat(*there))
    assert (longest(again).east_m, longest(again).north_m) == pytest.approx((east, north), abs=0.01)


@pytest.mark.parametrize(
    "damage", [{"form": 9}, {"occupancies": [{"x": 1}]}, {"origin": ["a", "b"]}, {"period_s": "x"}]
)
def test_memory_in_another_form_is_refused(damage: dict[str, object]):
    place = camera(["dwell"])
    scenes = {"dwell": scene(Rule.DWELL, ["car"], dwell_s=20.0)}
    found = watch(lambda _: [seen(0, 0)], 2.0)
    memory = remember(place, [sight(place, scenes, found)], watched_since=START) | damage
    with pytest.raises(MemoryFormError, match="cam-a"):
        recall(memory, place, [sight(place, scenes)])
