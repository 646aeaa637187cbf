"""Street order and covered lenses: what tempts does not come true, old chance stays, covers cover."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from api.cli import app
from api.commands.evaluate import LensTierError
from pipeline.camera_health import HealthWatch
from pipeline.district.configuring import district_site
from pipeline.district.covers import Cover, CoverKind, cover_event, covered, covers_of
from pipeline.district.district import District
from pipeline.district.rules_of_world import first_truth, people_of
from pipeline.district.scene_set import SCENES, SHARED_BIKES, TRADING, USUAL, WRONG_WAY, scenes_of
from pipeline.district.script import PICTURED, Scenario
from pipeline.district.stage import Light
from pipeline.frames import Frame
from pipeline.health_events import HealthFault
from pipeline.scenes import Rule
from pipeline.site_files import read_site

START = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def order() -> District:
    site = read_site(Path(__file__).parents[2] / "boundaries" / "yingpu")
    return District.of(site, seed=1, minutes=4.0, scenario="order", cameras=3)


def test_the_same_seed_tells_the_same_story(order: District):
    again = District.of(order.site, seed=1, minutes=4.0, scenario="order", cameras=3)
    assert again.truth_json() == order.truth_json()


def test_the_chance_of_old_scenarios_is_what_it_was():
    old = [each for each in Scenario if each.number < 7]
    assert [each.number for each in sorted(old)] == list(range(7))
    assert list(PICTURED) == old
    for each in old:
        assert scenes_of(each.value) == USUAL
    assert len({each.number for each in Scenario}) == len(Scenario)


def test_what_tempts_in_street_order_never_comes_true(order: District):
    tempted = {WRONG_WAY: 0, SHARED_BIKES: 0, TRADING: 0}
    for code, play in order.plays.items():
        zones, people = order.views[code].zones, people_of(play.cast)
        for act in play.acts:
            truth = first_truth(SCENES[act.scene], act.members, zones, people, end_s=order.end_s)
            if act.scene in tempted:
                tempted[act.scene] += bool(act.distractor)
                assert truth is None or not act.distractor, act
    assert all(tempted.values())


def test_events_of_street_order_do_come_true(order: District):
    true = {event.scene for event in order.events if not event.distractor}
    assert {WRONG_WAY, TRADING} <= true
    riders = [event for event in order.events if event.scene == WRONG_WAY and not event.distractor]
    assert len({event.camera for event in riders}) == len(riders)
    assert all(event.qualifies_s - event.from_s >= SCENES[WRONG_WAY].dwell_s - 0.11 for event in riders)


def test_cameras_of_street_order_have_directions_and_bays(order: District):
    site = district_site(order)
    assert set(site.scenes) == set(scenes_of("order"))
    lanes = [each for camera in site.cameras.values() for each in camera.scenes if each.scene == WRONG_WAY]
    assert lanes
    for camera in site.cameras.values():
        for each in camera.scenes:
            assert each.scene != WRONG_WAY or each.zone in camera.directions
            assert set(each.without) <= set(camera.zones)
    assert any(each.without for camera in site.cameras.values() for each in camera.scenes)


def street() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return something with edges everywhere, as streets have."""
    draw = np.random.default_rng(5)
    blocks = draw.integers(40, 220, (18, 32, 3)).astype(np.uint8)
    return np.asarray(blocks.repeat(10, axis=0).repeat(10, axis=1), np.uint8)


def faults_under(cover: Cover, *, light: Light) -> set[HealthFault]:
    """Return what a health watch says before and under a cover."""
    watch, image, begun = HealthWatch("c", fps=2.0), street(), set()
    draw = np.random.default_rng(1)
    for step in range(190):
        noisy = np.clip(image + draw.normal(0.0, 2.0, image.shape), 0, 255).astype(np.uint8)
        shown = covered(noisy, (cover,), at_s=step / 2, light=light)
        frame = Frame(camera="c", captured_at=START + timedelta(seconds=step / 2), image=shown, index=step)
        begun |= {event.fault for event in watch.see(frame) if event.until is None}
    return begun


@pytest.mark.parametrize("light", list(Light))
def test_a_sheet_before_the_lens_is_a_fault_and_a_bus_that_passes_is_none(light: Light):
    sheet = Cover(kind=CoverKind.SHEET, from_s=20.0, to_s=95.0, colour=(150, 140, 120), share=0.9)
    bus = Cover(kind=CoverKind.BUS, from_s=20.0, to_s=26.0, colour=(96, 110, 96), share=0.9)
    assert faults_under(sheet, light=light) & {HealthFault(name) for name in SCENES["camera-obstructed"].faults}
    assert faults_under(bus, light=light) == set()


def test_covers_are_in_the_truth_of_their_scenario_at_the_camera(order: District):
    lens = District.of(order.site, seed=1, minutes=3.0, scenario="lens", cameras=2)
    for code, view in lens.views.items():
        mine = [event for event in lens.events if event.camera == code]
        assert sum(not event.distractor for event in mine) <= 1
        assert len(mine) >= len(view.covers) - 1
        assert all((event.x_m, event.y_m, event.actors) == (0.0, 0.0, ()) for event in mine)
    assert any(not event.distractor for event in lens.events)
    assert {scene.rule for scene in district_site(lens).scenes.values()} == {Rule.HEALTH}
    assert all(each.scenes for each in district_site(lens).cameras.values())


def test_a_sheet_that_comes_too_late_is_no_event(order: District):
    stage = next(iter(order.views.values())).stage
    late = Cover(kind=CoverKind.SHEET, from_s=150.0, to_s=200.0, colour=(1, 1, 1), share=1.0)
    assert cover_event(stage, late, end_s=180.0) is None
    found = covers_of(np.random.default_rng(2), end_s=240.0)
    assert [each.kind for each in found].count(CoverKind.SHEET) == 1


def test_replayed_boxes_cannot_show_a_covered_lens():
    result = CliRunner().invoke(app, ["evaluate", "--scenario", "lens", "--detections"])
    assert isinstance(result.exception, LensTierError)
