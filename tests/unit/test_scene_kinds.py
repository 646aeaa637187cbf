"""Rules beyond the first five: which way things go, how much is covered, the camera's own health; zones and windows."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watched_place import START, camera, scene, seen

from geo.boundaries import Fault
from geo.coords import Extent
from pipeline.camera_features import read_cameras
from pipeline.cameras import Camera, CameraScene
from pipeline.direction_rule import Step, Trail
from pipeline.firings import Firing
from pipeline.moments import Moment
from pipeline.observations import Observation
from pipeline.occupancies import Occupancies
from pipeline.occupancy import OccupancySettings
from pipeline.scene_rules import SceneRules
from pipeline.scene_windows import EVERY_MONTH, Window
from pipeline.scenes import Rule, Scene, rule_record
from pipeline.shifts import read_shifts
from pipeline.zones import Zone

LANE = ((300.0, 470.0), (700.0, 470.0), (700.0, 530.0), (300.0, 530.0))
"""Forty metres from west to east, six across."""
BAY = ((480.0, 470.0), (520.0, 470.0), (520.0, 530.0), (480.0, 530.0))
EASTWARD = ((400.0, 500.0), (600.0, 500.0))
WRONG = scene(Rule.WRONG_WAY, ["bicycle", "e-bike"], dwell_s=2.0, distance_m=8.0, angle_deg=45.0)
Show = Callable[[float], Sequence[Observation]]


def lane_camera(*watched: CameraScene, fps: float = 5.0, directed: bool = True) -> Camera:
    directions = {"lane": EASTWARD} if directed else {}
    return replace(camera([], fps=fps), zones={"lane": LANE, "bay": BAY}, scenes=watched, directions=directions)


class Watch:
    """Rules of one camera, fed with things in metres."""

    def __init__(self, one: Scene, where: Camera) -> None:
        self.rules = SceneRules(where, {one.code: one}, settings=OccupancySettings())
        self.period_s = 1.0 / where.fps
        self.found = Occupancies(period_s=self.period_s)

    def run(
        self, show: Show, seconds: float, *, since: float = START, faults: Mapping[str, float] | None = None
    ) -> list[tuple[float, Firing]]:
        fired = []
        for step in range(round(seconds / self.period_s)):
            t = step * self.period_s
            things = show(t)
            self.found.update(things, at=since + t)
            moment = Moment(
                at=since + t,
                step_s=self.period_s if step else 0.0,
                watched_since=since,
                observations=things,
                occupancies=self.found,
                faults=faults or {},
            )
            fired += [(t, each) for each in self.rules.update(moment)]
        return fired


def riding(*, mps: float, start_m: float, north_m: float = 0.0, track: int | None = 1, sd_m: float = 0.0) -> Show:
    draw = np.random.default_rng(3)

    def show(t: float) -> list[Observation]:
        east, north = start_m + mps * t + draw.normal(0.0, sd_m), north_m + draw.normal(0.0, sd_m)
        return [seen(east, north, "bicycle", track=track, size_px=(17.0, 11.0))]

    return show


def wrong_way(fps: float = 5.0) -> Watch:
    return Watch(WRONG, lane_camera(CameraScene(scene=WRONG.code, zone="lane"), fps=fps))


@pytest.mark.parametrize("fps", [2.0, 5.0, 25.0])
def test_who_rides_against_the_direction_fires_once_where_it_was_far_enough(fps: float):
    fired = wrong_way(fps).run(riding(mps=-4.0, start_m=19.0, sd_m=0.2), 9.0)
    assert len(fired) == 1
    at, firing = fired[0]
    assert 2.0 <= at <= 4.2
    assert firing.east_m == pytest.approx(11.0, abs=2.1)
    assert firing.class_name == "bicycle"


@pytest.mark.parametrize("fps", [2.0, 5.0, 25.0])
@pytest.mark.parametrize(
    "show",
    [
        riding(mps=4.0, start_m=-19.0, sd_m=0.3),
        riding(mps=0.0, start_m=0.0, sd_m=0.5),
        riding(mps=-0.3, start_m=10.0, sd_m=0.3),
    ],
)
def test_who_rides_the_right_way_or_stands_or_creeps_does_not_fire(show: Show, fps: float):
    assert wrong_way(fps).run(show, 10.0) == []


def test_rolling_back_a_little_or_crossing_the_road_is_not_riding_against_it():
    def rolls(t: float) -> list[Observation]:
        east = 2.0 * t if t < 4.0 else 8.0 - min(t - 4.0, 4.0)
        return [seen(east, 0.0, "bicycle", track=1)]

    def crosses(t: float) -> list[Observation]:
        return [seen(15.0 - 1.5 * t, -20.0 + 3.0 * t, "bicycle", track=1)]

    assert wrong_way().run(rolls, 20.0) == []
    wide = replace(
        lane_camera(CameraScene(scene=WRONG.code, zone="lane")),
        zones={"lane": ((0, 0), (1000, 0), (1000, 1000), (0, 1000))},
    )
    assert Watch(WRONG, wide).run(crosses, 9.0) == []


def test_an_id_that_hops_back_to_the_next_rider_is_no_way_back():
    """Riders follow one another the right way; the tracker gives each the id of the one before."""

    def show(t: float) -> list[Observation]:
        return [seen(-15.0 + (4.0 * t) % 12.0, 0.0, "bicycle", track=1)]

    assert wrong_way().run(show, 30.0) == []


def test_a_leap_that_no_bicycle_can_make_is_somebody_else():
    """Two creep back a little, fourteen metres apart; the id of one goes over to the other."""

    def show(t: float) -> list[Observation]:
        return [seen((10.0 if t < 5.0 else -4.0) - 0.3 * t, 0.0, "bicycle", track=1)]

    assert wrong_way().run(show, 10.0) == []


def test_a_short_dash_back_and_then_standing_is_not_going_back_for_long():
    def show(t: float) -> list[Observation]:
        return [seen(15.0 - 7.0 * min(t, 1.5), 0.0, "bicycle", track=1)]

    slow = replace(WRONG, dwell_s=4.0)
    assert Watch(slow, lane_camera(CameraScene(scene=slow.code, zone="lane"))).run(show, 15.0) == []


def test_a_rider_who_is_lost_for_a_while_and_gets_another_id_is_one():
    def show(t: float) -> list[Observation]:
        if 4.0 <= t < 6.0:
            return []
        return [seen(19.0 - 3.0 * t, 0.0, "bicycle", track=1 if t < 4.0 else 9)]

    assert len(wrong_way().run(show, 12.0)) == 1


def test_a_zone_without_a_direction_tells_nothing():
    lost = lane_camera(CameraScene(scene=WRONG.code, zone="lane"), directed=False)
    assert Watch(WRONG, lost).run(riding(mps=-4.0, start_m=19.0), 9.0) == []


def test_what_fired_is_remembered_over_a_restart():
    first = wrong_way()
    show = riding(mps=-2.0, start_m=19.0)
    assert len(first.run(show, 7.0)) == 1
    again = wrong_way()
    again.rules.restore(json.loads(json.dumps(first.rules.record())))
    assert again.run(lambda t: show(t + 7.0), 8.0, since=START + 7.0) == []


steps = st.lists(st.tuples(st.floats(0.05, 1.5), st.floats(-12.0, 12.0), st.floats(0.0, 4.0)), min_size=1, max_size=60)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_whatever_the_way_a_stretch_that_is_found_is_one(ways: list[tuple[float, float, float]]):
    """Of any way at all: what is found lasted, led back so far, mostly back; and the trail stays bounded."""
    trail, at, along = Trail(20.0), 0.0, 0.0
    for passed_s, moved_m, var_m2 in ways:
        at, along = at + passed_s, along + moved_m
        trail.add(Step(at, along, 0.0, var_m2), fastest_mps=8.0)
        begin = trail.wrong(least_s=2.0, least_m=8.0, angle_deg=45.0)
        assert len(trail.steps) <= 2 * 20.0 / 0.4 + 2
        assert all(one.at < other.at for one, other in zip(trail.steps, list(trail.steps)[1:], strict=False))
        if begin is not None:
            now = trail.steps[-1]
            assert now.at - begin.at >= 2.0
            assert begin.along_m - now.along_m >= 8.0 + 2.0 * math.sqrt(begin.var_m2 + now.var_m2) - 1e-9
            reached, _ = trail.after(begin, 8.0)
            assert now.along_m - 1e-9 <= reached <= begin.along_m


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0.05, 1.5), st.floats(0.0, 12.0)), min_size=1, max_size=60))
def test_who_never_goes_back_is_never_on_the_wrong_way(ways: list[tuple[float, float]]):
    trail, at, along = Trail(20.0), 0.0, 0.0
    for passed_s, moved_m in ways:
        at, along = at + passed_s, along + moved_m
        trail.add(Step(at, along, 0.0, 0.01), fastest_mps=20.0)
        assert trail.wrong(least_s=2.0, least_m=2.0, angle_deg=80.0) is None


FLOOD = scene(Rule.AREA, ["flood"], dwell_s=10.0, share=0.4)


def flooded(share: float) -> list[Observation]:
    """Return a box over so much of the lane's 400 px, from the left."""
    box = (300.0, 470.0, 300.0 + 400.0 * share, 530.0)
    return [replace(seen(-20.0 + 20.0 * share, -3.0, "flood"), box_px=box)]


def test_what_covers_enough_of_a_zone_for_long_enough_fires_once():
    watch = Watch(FLOOD, lane_camera(CameraScene(scene=FLOOD.code, zone="lane")))
    fired = watch.run(lambda t: flooded(0.6 if t >= 5.0 else 0.3), 60.0)
    assert [round(t) for t, _ in fired] == [15]
    assert fired[0][1].first_seen == pytest.approx(START + 5.0)
    assert (
        Watch(FLOOD, lane_camera(CameraScene(scene=FLOOD.code, zone="lane"))).run(lambda _: flooded(0.35), 60.0) == []
    )


def test_two_boxes_over_one_place_cover_it_once_and_a_box_elsewhere_covers_nothing():
    def twice(_: float) -> list[Observation]:
        return [*flooded(0.3), *flooded(0.3)]

    def elsewhere(_: float) -> list[Observation]:
        return [replace(each, box_px=(300.0, 100.0, 700.0, 400.0)) for each in flooded(1.0)]

    def mostly_outside(_: float) -> list[Observation]:
        return [replace(each, box_px=(0.0, 100.0, 420.0, 900.0)) for each in flooded(0.3)]

    for show in (twice, elsewhere, mostly_outside):
        assert Watch(FLOOD, lane_camera(CameraScene(scene=FLOOD.code, zone="lane"))).run(show, 30.0) == []


def test_a_state_of_an_area_goes_on_after_a_restart():
    here = lane_camera(CameraScene(scene=FLOOD.code, zone="lane"))
    first = Watch(FLOOD, here)
    assert first.run(lambda _: flooded(0.6), 8.0) == []
    again = Watch(FLOOD, here)
    again.rules.restore(json.loads(json.dumps(first.rules.record())))
    fired = again.run(lambda _: flooded(0.6), 8.0, since=START + 8.0)
    assert [round(t) for t, _ in fired] == [2]


BLIND = scene(Rule.HEALTH, [], dwell_s=30.0, faults=("obstructed",))


def test_a_fault_of_the_camera_that_lasts_fires_once_a_spell_at_the_camera():
    here = lane_camera(CameraScene(scene=BLIND.code, zone=None))
    watch = Watch(BLIND, here)
    fired = watch.run(lambda _: [], 60.0, faults={"obstructed": START, "blurred": START})
    assert [round(t) for t, _ in fired] == [30]
    firing = fired[0][1]
    east, north = here.view.plane.point_to_metres(here.lonlat)
    assert (firing.east_m, firing.north_m, firing.class_name) == (east, north, "obstructed")
    again = Watch(BLIND, here)
    again.rules.restore(json.loads(json.dumps(watch.rules.record())))
    assert again.run(lambda _: [], 60.0, since=START + 60.0, faults={"obstructed": START}) == []
    second = again.run(lambda _: [], 60.0, since=START + 200.0, faults={"obstructed": START + 200.0})
    assert len(second) == 1
    assert second[0][1].id("cam-a") != firing.id("cam-a")


def test_a_moved_camera_fires_nothing_but_its_own_health():
    here = lane_camera(CameraScene(scene=BLIND.code, zone=None), CameraScene(scene="dwell", zone=None))
    parked = scene(Rule.DWELL, ["car"], dwell_s=5.0)
    rules = SceneRules(here, {BLIND.code: BLIND, parked.code: parked}, settings=OccupancySettings())
    found = Occupancies(period_s=0.2)
    fired: list[Firing] = []
    for step in range(300):
        found.update([seen(0, 0)], at=START + step / 5)
        moment = Moment(
            at=START + step / 5, step_s=0.2, watched_since=START, observations=[seen(0, 0)], occupancies=found,
            faults={"obstructed": START},
        )  # fmt: skip
        fired += rules.update(moment, moved=True)
    assert [each.scene for each in fired] == [BLIND.code]


def test_what_stands_in_what_is_taken_out_of_a_zone_does_not_count():
    parked = scene(Rule.DWELL, ["bicycle"], dwell_s=5.0)
    here = lane_camera(CameraScene(scene=parked.code, zone="lane", without=("bay",)))
    inside, outside = (lambda _: [seen(0.0, 0.0, "bicycle")]), (lambda _: [seen(6.0, 0.0, "bicycle")])
    assert Watch(parked, here).run(inside, 10.0) == []
    assert len(Watch(parked, here).run(outside, 10.0)) == 1
    everywhere = lane_camera(CameraScene(scene=parked.code, zone=None, without=("bay",)))
    assert Watch(parked, everywhere).run(inside, 10.0) == []
    assert len(Watch(parked, everywhere).run(lambda _: [seen(0.0, 20.0, "bicycle")], 10.0)) == 1


def test_a_mask_leaves_out_what_is_taken_out():
    here = lane_camera()
    whole, less = Zone.of(here, "lane"), Zone.of(here, "lane", without=["bay"])
    sizes = [int(zone.mask((1000, 1000), 1.0).sum()) for zone in (whole, less)]
    assert sizes[1] / sizes[0] == pytest.approx(0.9, abs=0.01)


SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp()


def window(hours: str = "", months: frozenset[int] = EVERY_MONTH) -> Window:
    return Window(hours=read_shifts(hours) if hours else (), months=months, timezone=SHANGHAI)


def test_a_window_opens_by_the_site_s_clocks_and_months():
    shop = window("mon-sat 08:00-20:00;fri 22:00-02:00")
    assert shop.is_open(at("2026-11-23T08:00"))
    assert not shop.is_open(at("2026-11-23T07:59"))
    assert not shop.is_open(at("2026-11-22T12:00"))  # a Sunday
    assert shop.is_open(at("2026-11-28T01:30"))
    ice = window(months=frozenset({12, 1, 2}))
    assert ice.is_open(at("2026-12-01T00:00"))
    assert not ice.is_open(at("2026-11-30T23:59"))
    assert shop.opened_at(at("2026-11-23T09:30:20")) == at("2026-11-23T08:00")
    assert ice.opened_at(at("2026-12-20T12:00")) == -math.inf
    assert json.dumps(shop.record())


def test_what_stood_before_a_window_opened_counts_from_its_opening():
    parked = scene(Rule.DWELL, ["car"], dwell_s=60.0, window=window("08:00-20:00"))
    here = replace(camera([parked.code]), fps=1.0)
    fired = Watch(parked, here).run(lambda _: [seen(1, 2)], 900.0, since=at("2026-11-23T07:50"))
    assert [t for t, _ in fired] == [660.0]
    assert Watch(parked, here).run(lambda _: [seen(1, 2)], 300.0, since=at("2026-11-23T20:01")) == []


def test_a_visit_that_began_before_the_window_begins_with_it():
    inside = scene(Rule.INTRUSION, ["person"], dwell_s=30.0, window=window("08:00-20:00"))
    here = replace(camera([inside.code]), fps=1.0)
    person = lambda _: [seen(1, 2, "person", track=1, size_px=(6.0, 18.0))]  # noqa: E731 - what is shown
    fired = Watch(inside, here).run(person, 200.0, since=at("2026-11-23T07:59"))
    assert [t for t, _ in fired] == [90.0]


def test_the_rule_of_a_case_tells_its_window_and_what_its_kind_knows():
    told = rule_record(scene(Rule.DWELL, ["car"], dwell_s=60.0, window=window("08:00-20:00")))
    assert told["window"] == {"hours": "08:00-20:00", "months": list(range(1, 13))}
    assert "share" not in told
    assert rule_record(WRONG)["distance_m"] == 8.0
    assert json.dumps(told)


FEATURE: dict[str, object] = {
    "code": "c1", "name": "One", "side": "street_face", "width": 1000, "height": 1000, "fps": 5,
    "calibration": {
        "points": [
            [0, 0, 121.08, 31.151],
            [1000, 0, 121.081, 31.151],
            [1000, 1000, 121.081, 31.15],
            [0, 1000, 121.08, 31.15],
        ]
    },
    "zones": {"lane": [list(p) for p in LANE], "bay": [list(p) for p in BAY]},
    "directions": {"lane": [list(p) for p in EASTWARD]},
    "scenes": [{"scene": "wrong-way", "zone": "lane", "without": ["bay"]}],
}  # fmt: skip


def read(**changed: object) -> tuple[Mapping[str, Camera], list[Fault]]:
    faults: list[Fault] = []
    known = {"wrong-way": WRONG, "area": FLOOD}
    return read_cameras(
        [(camera([]).lonlat, {**FEATURE, **changed})], faults, scenes=known, extent=Extent(-180, -90, 180, 90)
    ), faults


def test_a_camera_with_a_direction_and_a_bay_is_read():
    found, faults = read()
    assert faults == []
    assert found["c1"].directions == {"lane": EASTWARD}
    assert found["c1"].scenes == (CameraScene(scene="wrong-way", zone="lane", without=("bay",)),)
    zone = Zone.of(found["c1"], "lane", without=["bay"])
    assert zone.direction_m == pytest.approx((1.0, 0.0), abs=1e-6)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"directions": {}}, "zone 'lane', which has no direction"),
        ({"directions": {"road": [[0, 0], [9, 9]]}}, "is no zone of this camera"),
        ({"directions": {"lane": [[0, 0]]}}, "from where to where"),
        ({"directions": {"lane": [[0, 0], [0, "x"]]}}, "from where to where"),
        ({"directions": {"lane": [[0, 0], [0, 5000]]}}, "outside the image"),
        ({"directions": {"lane": [[500, 500], [501, 500]]}}, "less than 1 m apart"),
        ({"scenes": [{"scene": "wrong-way", "zone": None}]}, "the whole image, which has no direction"),
        ({"scenes": [{"scene": "area", "zone": None}]}, "name one"),
        ({"scenes": [{"scene": "wrong-way", "zone": "lane", "without": "bay"}]}, "expected a list of zones' names"),
        ({"scenes": [{"scene": "wrong-way", "zone": "lane", "without": ["kerb"]}]}, "leaves out zone 'kerb'"),
        ({"scenes": [{"scene": "wrong-way", "zone": "lane", "without": ["lane"]}]}, "leaves nothing"),
        ({"zones": {"lane": [[0, 0], [9, 9], [0, 9], [9, 0]]}, "directions": {}, "scenes": []}, "crosses itself"),
        (
            {"zones": {"lane": [[2000, 0], [2009, 9], [2000, 9]]}, "directions": {}, "scenes": []},
            "lies outside the image",
        ),
    ],
)
def test_each_fault_of_zones_and_directions_is_named(changed: dict[str, object], words: str):
    _, faults = read(**changed)
    assert any(words in fault.problem for fault in faults), faults
