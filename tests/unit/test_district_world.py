"""The district's world: the same for a seed, its truth held against an independent look at everybody's places."""

import json
import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.district.district import OUTSIDE, District, NoScenarioError, RunLengthError
from pipeline.district.itineraries import Itinerary, Journey
from pipeline.district.rules_of_world import people_of
from pipeline.district.scene_set import BAG, CROWD, PARKED, SCENES
from pipeline.district.siting import NoCamerasError
from pipeline.district.stage import Actor, Kind
from pipeline.scenes import Rule
from pipeline.site import Site
from pipeline.site_files import read_site

MINUTES = 4.0


@pytest.fixture(scope="module")
def site(sample_site: Path) -> Site:
    return read_site(sample_site)


@pytest.fixture(scope="module")
def district(site: Site) -> District:
    return District.of(site, seed=3, minutes=MINUTES, scenario="all", cameras=5)


def _actor(kind: Kind = Kind.PERSON) -> Actor:
    return Actor(id=1, kind=kind, size_m=(0.5, 0.5, 1.7), colour=(0, 0, 0))


def test_a_journey_is_walked_at_its_speed():
    walk = Journey(_actor(), at_s=10.0, place_m=(0.0, 0.0)).go((3.0, 4.0), speed_mps=2.0).wait(5.0).done()
    assert (walk.from_s, walk.to_s) == (10.0, pytest.approx(17.5))
    middle = walk.at(11.25)
    assert middle is not None
    assert (middle.x_m, middle.y_m) == (pytest.approx(1.5), pytest.approx(2.0))
    assert middle.heading_deg == pytest.approx(math.degrees(math.atan2(4, 3)))
    assert walk.at(9.99) is None
    assert walk.at(17.5) is None
    assert walk.stays(least_s=4.0) == [(pytest.approx(12.5), pytest.approx(17.5))]


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.floats(0.5, 9.0)), min_size=1, max_size=6),
    st.floats(0.0, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_nobody_is_faster_than_its_journey_says(legs: list[tuple[float, float, float]], share: float):
    journey = Journey(_actor(), at_s=0.0, place_m=(0.0, 0.0))
    for x, y, speed in legs:
        journey.go((x, y), speed_mps=speed)
    itinerary = journey.wait(1.0).done()
    at_s = share * (itinerary.to_s - 0.2)
    here, there = itinerary.place_m(at_s), itinerary.place_m(at_s + 0.1)
    assert here is not None
    assert there is not None
    assert math.dist(here, there) <= 0.1 * max(leg[2] for leg in legs) + 1e-6


def test_a_seed_gives_the_same_truth_byte_for_byte(site: Site, district: District):
    again = District.of(site, seed=3, minutes=MINUTES, scenario="all", cameras=5)
    assert again.truth_json() == district.truth_json()
    other = District.of(site, seed=4, minutes=MINUTES, scenario="all", cameras=5)
    assert other.truth_json() != district.truth_json()


def test_moments_may_be_asked_in_any_order(district: District):
    code = district.cameras[0]
    forwards = [district.at(code, at_s) for at_s in (0.0, 40.2, 100.0)]
    backwards = [district.at(code, at_s) for at_s in (100.0, 40.2, 0.0)]
    assert forwards == backwards[::-1]
    assert all(len({each.actor.id for each in moment}) == len(moment) for moment in forwards)


def test_the_truth_file_says_where_when_and_who_sees(district: District):
    record = json.loads(district.truth_json())
    assert {camera["code"] for camera in record["cameras"]} == set(district.cameras)
    assert len(record["events"]) == len(district.events) > 0
    for event in record["events"]:
        assert event["scene"] in SCENES
        assert event["from_s"] <= event["qualifies_s"] <= event["to_s"] + 1e-6
        assert set(event["seen_by"]) <= set(district.cameras)


def test_the_truth_file_says_what_takes_part_and_what_each_distractor_is(district: District):
    record = json.loads(district.truth_json())
    cast = {each.actor.id: each.actor.kind.value for play in district.plays.values() for each in play.cast}
    for event in record["events"]:
        assert event["kinds"] == [cast[actor] for actor in event["actors"]]
        assert bool(event["name"]) == event["distractor"], event
    names = {event["name"] for event in record["events"] if event["distractor"]}
    assert {"tidy-bin", "standing-alone"} <= names
    crowds = [event for event in record["events"] if event["scene"] == CROWD]
    assert crowds
    assert all(set(event["kinds"]) == {"person"} for event in crowds)


def test_what_happens_outside_the_site_is_called_so(site: Site, district: District):
    away = [replace(unit, area=shapely.affinity.translate(unit.area, 1.0)) for unit in site.boundaries.units]
    far = replace(site, boundaries=replace(site.boundaries, units=tuple(away)))
    told = {"seed": 3, "minutes": MINUTES, "scenario": district.scenario}
    outside = District(**told, site=far, views=district.views, plays=district.plays)  # type: ignore[arg-type]  # by name
    assert outside.true_events() == ()
    would = {event.id for event in district.events if not event.distractor}
    assert would
    assert {event.id for event in outside.events if event.name == OUTSIDE} == would
    assert all(event.distractor and event.name for event in outside.events)


def test_events_lie_where_the_stage_says(district: District):
    from pipeline.district.placing import to_metres

    for event in district.events:
        stage = district.plays[event.camera].stage
        x, y = to_metres(stage, np.array([event.lonlat]))[0]
        assert math.hypot(x - event.x_m, y - event.y_m) < 0.01


def test_one_camera_has_a_second_over_the_same_ground(district: District):
    seconds = [code for code, view in district.views.items() if view.play != code]
    assert len(seconds) == 1
    view = district.views[seconds[0]]
    from pipeline.district.placing import to_lonlat

    ours, theirs = (
        {each.actor.id: (each.x_m, each.y_m) for each in district.at(code, 60.0)} for code in (view.play, seconds[0])
    )
    assert ours.keys() == theirs.keys()
    first, second = district.views[view.play].stage, view.stage
    ids = sorted(ours)
    a = to_lonlat(first, np.array([ours[key] for key in ids]))
    b = to_lonlat(second, np.array([theirs[key] for key in ids]))
    assert np.abs(a - b).max() < 2e-7  # two planes a few tens of metres apart: centimetres


def test_a_second_camera_hangs_clear_of_what_juts_out_of_fronts(site: Site):
    """Balconies reach 0.9 m out at its height, awnings 1.2 m: nobody would look through them."""
    seconds = [
        view
        for seed in range(20, 32)
        for view in District.of(site, seed=seed, minutes=2.0, scenario="all", cameras=1).views.values()
        if view.turned
    ]
    assert len(seconds) >= 8
    for view in seconds:
        shops = [block for block in view.stage.blocks if block.what == "shop"]
        assert shops
        for shop in shops:
            aside_m = max(abs(shop.centre_m[0]) - shop.size_m[0] / 2, 0.0)
            assert math.hypot(aside_m, shop.centre_m[1]) > 2.9


def test_dwelling_things_stand_where_the_truth_says(district: District):
    """Walk through each play at two steps a second and find what stands, without the rules' own code."""
    for event in district.events:
        scene = SCENES[event.scene]
        if event.distractor or scene.rule not in {Rule.DWELL, Rule.LEFT}:
            continue
        places = [
            (each.x_m, each.y_m)
            for at_s in np.arange(max(0.0, event.qualifies_s - scene.dwell_s) + 0.3, event.qualifies_s, 0.5)
            for each in district.at(event.camera, float(at_s))
            if each.actor.id in event.actors
        ]
        assert len(places) >= 2 * (scene.dwell_s - 1.0)
        assert max(math.dist(place, (event.x_m, event.y_m)) for place in places) < 0.05


def test_a_left_bag_is_alone_for_its_time(district: District):
    for event in district.events:
        scene = SCENES[event.scene]
        if event.distractor or event.scene != BAG:
            continue
        for at_s in np.arange(event.qualifies_s - scene.dwell_s + 0.2, event.qualifies_s - 0.1, 0.5):
            people = [each for each in district.at(event.camera, float(at_s)) if each.actor.kind is Kind.PERSON]
            apart = [math.dist((each.x_m, each.y_m), (event.x_m, event.y_m)) for each in people]
            assert min(apart, default=9.0) > scene.radius_m - 0.2


def test_there_is_no_crowd_that_the_truth_does_not_know(district: District):
    scene = SCENES[CROWD]
    for code, play in district.plays.items():
        known = [event for event in district.events if event.camera == code and event.scene == CROWD]
        runs: dict[int, int] = defaultdict(int)
        for step in range(int(district.end_s * 2)):
            at_s = step / 2
            people = np.array([p for each in people_of(play.cast) if (p := each.place_m(at_s)) is not None])
            inside = np.array(
                [any(z.holds(tuple(p)) for z in district.views[code].zones if CROWD in z.scenes) for p in people]
            )
            people = people[inside] if len(people) else people
            near = any(
                (np.hypot(*(people - centre).T) <= scene.radius_m).sum() >= scene.count
                and not any(
                    event.from_s - 25 <= at_s <= event.to_s + 25 and math.dist(centre, (event.x_m, event.y_m)) < 9
                    for event in known
                    if not event.distractor
                )
                for centre in people
            )
            runs[step] = runs[step - 1] + 1 if near else 0
        assert max(runs.values(), default=0) / 2 < scene.dwell_s


def test_cars_do_not_drive_through_one_another(district: District):
    worst = 0
    for play in district.plays.values():
        cars = [each for each in play.cast if each.actor.kind in {Kind.CAR, Kind.VAN}]
        for at_s in np.arange(0.0, district.end_s, 2.0):
            places = [(p, each) for each in cars if (p := each.place_m(float(at_s))) is not None]
            xs = np.array([p for p, _ in places]).reshape(-1, 2)
            dx, dy = np.abs(xs[:, None, 0] - xs[None, :, 0]), np.abs(xs[:, None, 1] - xs[None, :, 1])
            worst += int(((dx < 3.5) & (dy < 1.5)).sum()) - len(xs)
    assert worst <= 4  # pairs counted twice; plausible, not perfect


def test_waiting_at_the_light_is_shorter_than_any_parking(district: District):
    parked = {actor for event in district.events if event.scene == PARKED for actor in event.actors}
    for code, play in district.plays.items():
        zones = [zone for zone in district.views[code].zones if PARKED in zone.scenes]
        for each in play.cast:
            if each.actor.kind in {Kind.CAR, Kind.VAN} and each.actor.id not in parked:
                for begins, ends in each.stays(least_s=SCENES[PARKED].dwell_s):
                    place = each.place_m(begins)
                    assert place is not None
                    assert not any(zone.holds(place) for zone in zones), (code, each.actor.id, begins, ends)


def test_scenarios_differ_in_what_happens(site: Site):
    water = District.of(site, seed=1, minutes=3, scenario="water", cameras=2)
    assert {event.scene for event in water.events} <= {
        "restricted-zone",
        "floating-rubbish",
        "left-object",
        "crowd",
        "motor-vehicle-parked",
    }
    night = District.of(site, seed=1, minutes=2, scenario="night", cameras=1)
    assert {view.conditions.light.value for view in night.views.values()} == {"night"}


def test_bad_input_is_refused(site: Site):
    with pytest.raises(NoScenarioError, match="known: all"):
        District.of(site, seed=0, minutes=5, scenario="fair")
    for minutes in (-3.0, 0.0, math.nan, 1e6):
        with pytest.raises(RunLengthError):
            District.of(site, seed=0, minutes=minutes)
    with pytest.raises(NoCamerasError, match="0 cameras"):
        District.of(replace(site, cameras={}), seed=0, minutes=5)


def test_an_itinerary_needs_no_more_than_it_is_told():
    stays = Journey(_actor(Kind.BIN), at_s=-5.0, place_m=(1.0, 2.0)).wait_until(5.0).done()
    assert isinstance(stays, Itinerary)
    assert stays.place_m(0.0) == (1.0, 2.0)
