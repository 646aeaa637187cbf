"""The five rules of scenes, each fed with frames of things in metres: what fires, when, once, and what does not."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watched_place import START, camera, scene, seen

from pipeline.cameras import Camera
from pipeline.discs import fullest
from pipeline.errors import UnknownError
from pipeline.firings import Firing
from pipeline.moments import Moment
from pipeline.observations import Observation
from pipeline.occupancies import Occupancies
from pipeline.occupancy import OccupancySettings
from pipeline.scene_rules import SceneRules
from pipeline.scenes import Rule, Scene

PERIOD_S = 0.2
Show = Callable[[float], Sequence[Observation]]
SQUARE = {"square": ((450.0, 450.0), (550.0, 450.0), (550.0, 550.0), (450.0, 550.0))}
"""Ten metres by ten around the middle."""


class Watch:
    """A camera's rules, fed at 5 fps unless told otherwise."""

    def __init__(self, one: Scene, *, zoned: bool = False, period_s: float = PERIOD_S) -> None:
        place = camera([one.code], zones=SQUARE if zoned else None, fps=1.0 / period_s)
        self.rules = SceneRules(place, {one.code: one}, settings=OccupancySettings())
        self.found = Occupancies(period_s=period_s)
        self.period_s = period_s
        self.at: float | None = None
        self.since: float | None = None

    def run(self, show: Show, seconds: float, *, since: float = 0.0) -> list[tuple[float, Firing]]:
        fired = []
        for step in range(round(seconds / self.period_s)):
            t = since + step * self.period_s
            fired += [(t, each) for each in self.step(show(t), START + t)]
        return fired

    def step(self, observations: Sequence[Observation], at: float) -> list[Firing]:
        self.found.update(observations, at=at)
        self.since = at if self.since is None else self.since
        passed = 0.0 if self.at is None else at - self.at
        self.at = at
        moment = Moment(
            at=at,
            step_s=min(passed, 1.0),
            watched_since=self.since,
            observations=observations,
            occupancies=self.found,
        )
        return self.rules.update(moment)


def people(*places: tuple[float, float]) -> list[Observation]:
    return [seen(*place, "person", track=index, size_px=(6.0, 18.0)) for index, place in enumerate(places)]


FOUR = ((0.0, 0.0), (2.0, 0.0), (0.0, 2.0), (2.0, 2.0))
PARKED = scene(Rule.DWELL, ["car", "truck"], dwell_s=20.0)
CROWD = scene(Rule.CROWD, ["person"], dwell_s=3.0, count=4, radius_m=5.0)
INTRUSION = scene(Rule.INTRUSION, ["person"], dwell_s=2.0)
CLUTTER = scene(Rule.CLUTTER, ["bicycle"], dwell_s=10.0, count=3)
LEFT = scene(Rule.LEFT, ["suitcase", "thing"], dwell_s=10.0)


def test_dwell_fires_once_when_the_time_is_up():
    fired = Watch(PARKED).run(lambda _: [seen(1, 2)], 60.0)
    assert [round(t, 1) for t, _ in fired] == [20.0]
    assert (fired[0][1].east_m, fired[0][1].north_m) == pytest.approx((1.0, 2.0))
    assert fired[0][1].first_seen == START


def test_dwell_looks_at_its_classes_zone_and_confidence_only():
    assert not Watch(PARKED).run(lambda _: [seen(0, 0, "bicycle")], 40.0)
    assert not Watch(PARKED, zoned=True).run(lambda _: [seen(8, 0)], 40.0)
    assert len(Watch(PARKED, zoned=True).run(lambda _: [seen(4, 0)], 40.0)) == 1
    assert not Watch(PARKED).run(lambda _: [seen(0, 0, confidence=0.25)], 40.0)


def test_a_second_car_is_a_second_firing_with_an_id_of_its_own():
    fired = Watch(PARKED).run(lambda _: [seen(0, 0), seen(6, 0)], 40.0)
    assert len({each.id("cam-a") for _, each in fired}) == 2


def test_the_same_footage_gives_the_same_ids_and_another_start_others():
    one, two = (Watch(PARKED).run(lambda _: [seen(0, 0)], 30.0)[0][1] for _ in range(2))
    later = Watch(PARKED).run(lambda _: [seen(0, 0)], 30.0, since=500.0)[0][1]
    assert one.id("cam-a") == two.id("cam-a")
    assert len({one.id("cam-a"), later.id("cam-a"), one.id("cam-b")}) == 3


def test_crowd_fires_after_its_time_and_once():
    fired = Watch(CROWD).run(lambda _: people(*FOUR), 20.0)
    assert [round(t, 1) for t, _ in fired] == [3.0]
    assert fired[0][1].count == 4
    assert (fired[0][1].east_m, fired[0][1].north_m) == pytest.approx((1.0, 1.0))


def test_three_are_no_crowd_and_four_far_apart_are_none():
    assert not Watch(CROWD).run(lambda _: people(*FOUR[:3]), 20.0)
    assert not Watch(CROWD).run(lambda _: people((0, 0), (8, 0), (0, 8), (8, 8)), 20.0)


@pytest.mark.parametrize(("east_m", "fires"), [(4.9, True), (5.15, False)])
def test_whoever_stands_beside_the_zone_makes_no_crowd_in_it(east_m: float, fires: bool):  # noqa: FBT001 - a case
    standing = [*people(*FOUR[:3]), seen(east_m, 0.0, "person", size_px=(6.0, 18.0))]
    assert bool(Watch(CROWD, zoned=True).run(lambda _: standing, 20.0)) is fires


def test_members_may_change_while_the_group_stays():
    """Every second one of six leaves and another comes; four are always there."""

    def show(t: float) -> list[Observation]:
        gone = int(t) % 6
        ring = [(2 * math.cos(k), 2 * math.sin(k)) for k in range(6)]
        return people(*(place for k, place in enumerate(ring) if k not in {gone, (gone + 1) % 6}))

    assert len(Watch(CROWD).run(show, 20.0)) == 1


@pytest.mark.parametrize(("dip_s", "fires"), [(0.8, True), (1.6, False)])
def test_short_dips_are_forgiven_and_longer_ones_not(dip_s: float, fires: bool):  # noqa: FBT001 - a case
    """Every 2.5 s one of four is missed for a moment."""

    def show(t: float) -> list[Observation]:
        return people(*FOUR[: 3 if t % 2.5 >= 2.5 - dip_s else 4])

    assert bool(Watch(CROWD).run(show, 20.0)) is fires


def test_a_crowd_that_fired_must_be_gone_as_long_as_it_took_before_it_fires_again():
    def show(t: float, pause_s: float) -> list[Observation]:
        return [] if 10.0 <= t < 10.0 + pause_s else people(*FOUR)

    assert len(Watch(CROWD).run(lambda t: show(t, 2.0), 30.0)) == 1
    assert len(Watch(CROWD).run(lambda t: show(t, 4.0), 30.0)) == 2


def test_a_walking_crowd_is_one_crowd():
    fired = Watch(CROWD).run(lambda t: people(*((x + 1.4 * t - 30, y) for x, y in FOUR)), 40.0)
    assert len(fired) == 1


def test_two_crowds_are_two():
    fired = Watch(CROWD).run(lambda _: people(*FOUR, *((x + 20, y) for x, y in FOUR)), 10.0)
    assert len(fired) == 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=1, max_size=9),
    st.floats(0.5, 6.0),
)
def test_fullest_disc_covers_as_many_as_a_fine_search_finds(places: list[tuple[float, float]], radius_m: float):
    points = np.array(places)
    members = fullest(points, radius_m)
    assert np.ptp(points[members], axis=0).max(initial=0.0) <= 2 * radius_m + 1e-6
    grid = np.mgrid[-10:10:0.25, -10:10:0.25].reshape(2, -1).T
    searched = (np.linalg.norm(grid[:, None] - points[None], axis=2) <= radius_m).sum(axis=1).max()
    assert len(members) >= searched


def test_intrusion_fires_once_for_each_visit():
    def show(t: float) -> list[Observation]:
        inside = 2.0 <= t < 10.0 or 20.0 <= t < 28.0
        return people((0.0, 0.0) if inside else (20.0, 0.0))

    fired = Watch(INTRUSION, zoned=True).run(show, 40.0)
    assert [round(t, 1) for t, _ in fired] == [4.0, 22.0]


def test_a_short_step_inside_is_no_intrusion():
    assert not Watch(INTRUSION, zoned=True).run(lambda t: people((0.0 if 2.0 <= t < 3.5 else 20.0, 0.0)), 20.0)


def test_walking_along_the_edge_is_one_visit():
    """Half a step in, half a step out, at every frame, for twenty seconds."""

    def show(t: float) -> list[Observation]:
        out = round(t / PERIOD_S) % 3 == 0
        return people((5.05 if out else 4.9, -4.0 + 0.4 * t))

    assert len(Watch(INTRUSION, zoned=True).run(show, 20.0)) == 1


def test_a_visit_survives_lost_boxes_and_another_track_id():
    def show(t: float) -> list[Observation]:
        return [] if 1.0 <= t < 1.8 else [seen(0.5 * t, 0, "person", track=1 if t < 1.0 else 7, size_px=(6.0, 18.0))]

    fired = Watch(INTRUSION, zoned=True).run(show, 6.0)
    assert [round(t, 1) for t, _ in fired] == [2.0]


def test_two_intruders_at_two_places_are_two():
    assert len(Watch(INTRUSION, zoned=True).run(lambda _: people((-4.0, 0.0), (4.0, 0.0)), 10.0)) == 2


def test_a_queue_of_people_who_each_cross_quickly_is_no_intrusion():
    """One enters as the other leaves; nobody is inside for two seconds."""

    def show(t: float) -> list[Observation]:
        crossing, within = divmod(t, 1.5)
        return [seen(-4.9 + 6.6 * within, 0, "person", track=int(crossing), size_px=(6.0, 18.0))]

    assert not Watch(INTRUSION, zoned=True).run(show, 30.0)


def test_clutter_needs_the_count_to_stand_for_the_time():
    fired = Watch(CLUTTER, zoned=True).run(lambda _: [seen(x, 0, "bicycle") for x in (-4, 0, 4)], 40.0)
    assert len(fired) == 1
    assert 10.0 <= fired[0][0] <= 12.0
    assert fired[0][1].count == 3
    assert not Watch(CLUTTER, zoned=True).run(lambda _: [seen(x, 0, "bicycle") for x in (-4, 0)], 40.0)
    assert not Watch(CLUTTER, zoned=True).run(lambda _: [seen(x, 0, "bicycle") for x in (-4, 0, 14)], 40.0)


def test_bicycles_that_ride_through_are_no_clutter():
    def show(t: float) -> list[Observation]:
        return [seen(-20 + (4 * t + 3 * k) % 40, 0, "bicycle", track=k) for k in range(6)]

    assert not Watch(CLUTTER, zoned=True).run(show, 40.0)


def test_left_fires_for_what_appeared_and_not_for_what_was_there():
    def show(t: float) -> list[Observation]:
        came = [seen(3, 0, "suitcase")] if t >= 10.0 else []
        return [seen(-3, 0, "suitcase"), *came]

    fired = Watch(LEFT).run(show, 60.0)
    assert [(round(t, 1), round(each.east_m)) for t, each in fired] == [(20.0, 3)]


def test_left_with_a_radius_waits_until_nobody_is_near():
    watched = scene(Rule.LEFT, ["suitcase"], dwell_s=10.0, radius_m=3.0)

    def show(t: float) -> list[Observation]:
        owner = people((4.0, 0.0) if t < 30.0 else (30.0, 0.0))
        return [*owner, *([seen(3, 0, "suitcase")] if t >= 5.0 else [])]

    fired = Watch(watched).run(show, 60.0)
    assert [round(t, 1) for t, _ in fired] == [40.0]


@pytest.mark.parametrize("one", [PARKED, CROWD, INTRUSION, CLUTTER, LEFT], ids=lambda one: one.code)
@settings(max_examples=8, deadline=None)
@given(cut_s=st.floats(0.5, 14.0))
def test_a_restart_at_any_moment_neither_loses_nor_doubles(one: Scene, cut_s: float):
    shows: Mapping[Rule, Show] = {
        Rule.DWELL: lambda _: [seen(0, 0)],
        Rule.CROWD: lambda _: people(*FOUR),
        Rule.INTRUSION: lambda _: people((0, 0)),
        Rule.CLUTTER: lambda _: [seen(x, 0, "bicycle") for x in (-4, 0, 4)],
        Rule.LEFT: lambda t: [seen(0, 0, "suitcase")] if t > 2.5 else [],
    }
    cut = round(cut_s / PERIOD_S) * PERIOD_S
    whole = [each.id("cam-a") for _, each in Watch(one).run(shows[one.rule], 30.0)]
    first = Watch(one)
    ids = [each.id("cam-a") for _, each in first.run(shows[one.rule], cut)]
    second = Watch(one)
    second.found, second.at, second.since = first.found, first.at, first.since
    second.rules.restore(json.loads(json.dumps(first.rules.record())))
    ids += [each.id("cam-a") for _, each in second.run(shows[one.rule], 30.0 - cut, since=cut)]
    assert ids == whole
    assert len(ids) == 1


def test_rare_frames_still_make_a_crowd():
    fired = Watch(CROWD, period_s=2.0).run(lambda _: people(*FOUR), 20.0)
    assert [round(t, 1) for t, _ in fired] == [4.0]


def test_time_runs_by_the_frames_not_by_their_number():
    """The same twenty seconds at 1, 2 and 10 fps fire at the same time."""
    times = [Watch(PARKED, period_s=period_s).run(lambda _: [seen(0, 0)], 40.0)[0][0] for period_s in (1.0, 0.5, 0.1)]
    assert all(abs(a - b) < 1.0 for a, b in pairwise(times))


def test_a_camera_with_an_unknown_scene_or_zone_is_refused():
    place: Camera = camera(["nothing"])
    with pytest.raises(UnknownError, match="nothing"):
        SceneRules(place, {"crowd": CROWD}, settings=OccupancySettings())
