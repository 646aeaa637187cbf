"""Winter and floods: what tempts does not come true, what must come true does, and flat things lie where they lie."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from watched_place import camera

from api.cli import app
from api.commands.evaluate import FloodTierError
from models.detections import Detections
from pipeline.district.configuring import district_site
from pipeline.district.dataset import CLASSES
from pipeline.district.district import District
from pipeline.district.rules_of_world import first_truth, people_of
from pipeline.district.scene_set import EXPOSED, FLOODED, ON_ICE, SCENES, scenes_of
from pipeline.district.stage import LEARNED, Kind, Weather
from pipeline.district.stages import WATER_LEVEL_M
from pipeline.observations import observe
from pipeline.scenes import Rule
from pipeline.site_files import read_site


@pytest.fixture(scope="module")
def winter() -> District:
    site = read_site(Path(__file__).parents[2] / "boundaries" / "yingpu")
    return District.of(site, seed=0, minutes=4.0, scenario="winter", cameras=4)


@pytest.fixture(scope="module")
def floods(winter: District) -> District:
    return District.of(winter.site, seed=1, minutes=4.0, scenario="flood", cameras=4)


def judged(district: District) -> dict[tuple[str, bool], set[bool]]:
    """Return, by scene and whether it only tempts, whether its rule comes true."""
    found: dict[tuple[str, bool], set[bool]] = {}
    for code, play in district.plays.items():
        zones, people = district.views[code].zones, people_of(play.cast)
        for act in (each for each in play.acts if each.scene in scenes_of(district.scenario.value)):
            truth = first_truth(SCENES[act.scene], act.members, zones, people, end_s=district.end_s, ground=play.ground)
            found.setdefault((act.scene, bool(act.distractor)), set()).add(truth is not None)
    return found


def test_the_same_seed_tells_the_same_story(winter: District, floods: District):
    for each in (winter, floods):
        again = District.of(each.site, seed=each.seed, minutes=4.0, scenario=each.scenario, cameras=4)
        assert again.truth_json() == each.truth_json()


def test_what_tempts_never_comes_true_and_events_do(winter: District, floods: District):
    told = {**judged(winter), **judged(floods)}
    for scene in (ON_ICE, EXPOSED, FLOODED):
        assert told[scene, True] == {False}, scene
        assert True in told[scene, False], scene
    assert {event.scene for event in winter.true_events()} == {ON_ICE, EXPOSED}
    assert {event.scene for event in floods.true_events()} == {FLOODED}


def test_rubbish_that_lay_there_before_the_first_frame_counts(winter: District):
    begun = [event for event in winter.events if event.scene == EXPOSED and not event.distractor and event.from_s == 0]
    assert begun
    assert {event.qualifies_s for event in begun} == {SCENES[EXPOSED].dwell_s}


def test_who_walks_on_the_ice_walks_at_its_level(winter: District):
    event = next(event for event in winter.true_events() if event.scene == ON_ICE)
    (who,) = (each for each in winter.at(event.camera, event.qualifies_s) if each.actor.id in event.actors)
    assert who.z_m == pytest.approx(WATER_LEVEL_M)
    (zone,) = (zone for zone in winter.views[event.camera].zones if ON_ICE in zone.scenes)
    assert zone.level_m == WATER_LEVEL_M
    assert zone.holds((who.x_m, who.y_m))
    assert all(view.conditions.frozen and view.conditions.weather is not Weather.RAIN for view in winter.views.values())


def test_a_flood_counts_from_when_enough_of_the_road_is_covered(floods: District):
    for event in (each for each in floods.true_events() if each.scene == FLOODED):
        first = min(each.from_s for each in floods.plays[event.camera].cast if each.actor.id in event.actors)
        assert event.from_s >= first
        assert event.qualifies_s - event.from_s == pytest.approx(SCENES[FLOODED].dwell_s, abs=0.3)
    assert {scene.rule for scene in district_site(floods).scenes.values()} == {Rule.AREA}


def test_the_detector_of_the_district_learns_no_floods():
    assert set(Kind) - set(LEARNED) == {Kind.FLOOD}
    assert "flood" not in CLASSES


def test_the_weights_that_ship_see_no_floods():
    result = CliRunner().invoke(app, ["evaluate", "--scenario", "flood"])
    assert isinstance(result.exception, FloodTierError)


def test_what_is_flat_lies_in_the_middle_between_its_edges():
    watched = camera([])
    edges_px = np.array([[300.0, 400.0], [300.0, 300.0]])
    ends, _ = watched.view.homography.to_ground(edges_px)

    def place(name: str) -> tuple[float, float]:
        found = Detections(
            boxes_px=np.array([[200.0, 300.0, 400.0, 400.0]], np.float32),
            confidence=np.array([0.9], np.float32),
            class_ids=np.array([0], np.int32),
            class_names={0: name},
        )
        (seen,) = observe(found, watched, image_size_px=(watched.width_px, watched.height_px))
        return seen.east_m, seen.north_m

    middle = ends.mean(axis=0)
    assert np.hypot(*(np.array(place("flood")) - middle)) < 0.05
    assert np.hypot(*(np.array(place("rubbish-bag")) - ends[0])) < 0.5
    assert np.hypot(*(middle - ends[0])) > 1.0
