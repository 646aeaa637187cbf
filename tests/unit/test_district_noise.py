"""Noise: what is fitted to drawn frames is what they were drawn from; true boxes hide what stands before them."""

from dataclasses import replace

import numpy as np
import pytest

from geo.coords import LonLat
from models.detections import Detections
from pipeline.district.boxes import TrueBoxes
from pipeline.district.noise import CLASS_NAMES, PLAUSIBLE, NoiseTable, NoisyEyes, logistic
from pipeline.district.noise_fit import FramePair, fit_noise
from pipeline.district.optics import Lens
from pipeline.district.stage import (
    Actor,
    Block,
    Conditions,
    Kind,
    Light,
    Placed,
    Pose,
    SeenThing,
    Stage,
    Weather,
)

POSE = Pose(size_px=(960, 540), height_m=6.0, yaw_deg=0.0, pitch_deg=18.0, roll_deg=0.0, focal_px=700.0, k1=-0.05)
DAY = Conditions(light=Light.DAY, weather=Weather.CLEAR)


def _stage(*blocks: Block) -> Stage:
    return Stage(camera="c", foot=LonLat(121.1, 31.15), heading_deg=30.0, pose=POSE, patches=(), blocks=blocks)


def _placed(kind: Kind, x: float, y: float, *, size: tuple[float, float, float], ident: int = 1) -> Placed:
    return Placed(actor=Actor(id=ident, kind=kind, size_m=size, colour=(9, 9, 9)), x_m=x, y_m=y)


def test_a_box_holds_the_image_of_the_thing():
    person = _placed(Kind.PERSON, 2.0, 15.0, size=(0.5, 0.5, 1.7))
    (seen,) = TrueBoxes(_stage()).see([person])
    pixels, _ = Lens(POSE).project(np.array([[2.0, 15.0, 0.0], [2.0, 15.0, 1.7], [2.0, 15.0, 0.85]]))
    left, top, right, bottom = seen.box_px
    assert (pixels >= np.array([left, top]) - 3).all()
    assert (pixels <= np.array([right, bottom]) + 3).all()
    assert seen.visible_share == 1.0


def test_what_stands_before_a_thing_hides_it():
    behind = _placed(Kind.PERSON, 0.0, 20.0, size=(0.5, 0.5, 1.7))
    van = _placed(Kind.VAN, 0.0, 17.0, size=(5.2, 1.95, 2.2), ident=2)
    boxes = TrueBoxes(_stage())
    assert [each.actor for each in boxes.see([behind, van])] == [2] or boxes.see([behind, van])[0].visible_share < 0.6
    beside = _placed(Kind.VAN, 8.0, 17.0, size=(5.2, 1.95, 2.2), ident=2)
    assert {each.actor: each.visible_share for each in boxes.see([behind, beside])}[1] == 1.0


def test_a_wall_hides_and_a_railing_does_not():
    person = _placed(Kind.PERSON, 0.0, 20.0, size=(0.5, 0.5, 1.7))
    wall = Block(what="wall", centre_m=(0.0, 12.0), size_m=(6.0, 0.3, 5.0))
    assert TrueBoxes(_stage(wall)).see([person]) == ()
    railing = replace(wall, what="railing")
    assert TrueBoxes(_stage(railing)).see([person])[0].visible_share == 1.0


def test_half_of_a_thing_gives_a_smaller_box_inside_the_whole_one():
    person = _placed(Kind.PERSON, 0.0, 20.0, size=(0.5, 0.5, 1.7))
    low = Block(what="wall", centre_m=(0.0, 18.0), size_m=(6.0, 0.3, 1.2))
    (seen,) = TrueBoxes(_stage(low)).see([person])
    assert 0.2 < seen.visible_share < 0.9
    assert seen.box_px[3] < seen.full_box_px[3] - 2
    assert seen.box_px[1] == pytest.approx(seen.full_box_px[1], abs=0.6)


def _things(frame: int) -> tuple[SeenThing, ...]:
    """Return things far apart in a row, of sizes and shares drawn once per thing."""
    fixed = np.random.default_rng(5)
    things = []
    for row, kind in enumerate((Kind.PERSON, Kind.CAR, Kind.RUBBISH_BAG) * 4):
        size = float(fixed.uniform(9.0, 45.0))
        share = float(fixed.choice([1.0, 1.0, 0.7, 0.5]))
        left, top = 20.0 + 75.0 * row, 200.0 + 40.0 * (row % 3)
        box = (left, top, left + size, top + 1.4 * size)
        things.append(
            SeenThing(actor=1 + row + 100 * (frame // 5), kind=kind, box_px=box, full_box_px=box, visible_share=share)
        )
    return tuple(things)


def _frames(table: NoiseTable, conditions: Conditions, *, count: int, seed: int, camera: str) -> list[FramePair]:
    draw = np.random.default_rng(seed)
    eyes = NoisyEyes(_stage(), conditions, table=table, draw=draw)
    pairs = []
    for frame in range(count):
        seen = _things(frame)
        found = eyes.look(seen, at_s=frame * 0.5)
        pairs.append(FramePair(camera=camera, at_s=frame * 0.5, conditions=conditions, seen=seen, found=found))
    return pairs


@pytest.fixture(scope="module")
def truth() -> NoiseTable:
    classes = dict(PLAUSIBLE.classes)
    classes[Kind.PERSON] = replace(classes[Kind.PERSON], found=0.6, found_slope=0.9, false_per_1000=30.0)
    classes[Kind.CAR] = replace(classes[Kind.CAR], found=1.4, sure=0.4, edge_share=0.05, mistaken=0.15)
    quiet = {kind: replace(noise, false_per_1000=0.0) for kind, noise in classes.items() if kind is not Kind.PERSON}
    return replace(PLAUSIBLE, classes={**classes, **quiet}, light={**PLAUSIBLE.light, Light.NIGHT: -1.4}, hidden=-2.0)


def test_the_fit_finds_what_frames_were_drawn_from(truth: NoiseTable):
    night = Conditions(light=Light.NIGHT, weather=Weather.CLEAR)
    pairs = _frames(truth, DAY, count=1200, seed=1, camera="a") + _frames(truth, night, count=500, seed=2, camera="b")
    fitted = fit_noise(pairs, start=PLAUSIBLE)
    person, car = fitted.classes[Kind.PERSON], fitted.classes[Kind.CAR]
    assert person.found == pytest.approx(0.6, abs=0.25)
    assert person.found_slope == pytest.approx(0.9, abs=0.3)
    assert car.found == pytest.approx(1.4, abs=0.3)
    assert car.sure == pytest.approx(0.4, abs=0.2)
    assert car.edge_share == pytest.approx(0.05, rel=0.2)
    assert car.mistaken == pytest.approx(0.15, abs=0.04)
    assert car.mistaken_for is Kind.VAN
    assert fitted.hidden == pytest.approx(-2.0, abs=0.6)
    assert fitted.light[Light.NIGHT] == pytest.approx(-1.4, abs=0.35)
    assert person.false_per_1000 == pytest.approx(30.0, rel=0.5)
    stall = fitted.classes[Kind.STALL]  # none was seen: it differs as all things do, which is hardly
    assert max(stall.sure_own, stall.found_own_sd) < 0.1
    unseen = replace(PLAUSIBLE.classes[Kind.STALL], false_per_1000=0.0)
    assert replace(stall, sure_own=0.0, found_own_sd=0.0) == unseen


def test_without_frames_the_table_stays_but_for_false_boxes():
    fitted = fit_noise([], start=PLAUSIBLE)
    assert fitted.light == PLAUSIBLE.light
    assert fitted.edge_memory == PLAUSIBLE.edge_memory
    assert fitted.classes[Kind.CAR].found == PLAUSIBLE.classes[Kind.CAR].found


def test_a_fit_needs_no_detections():
    seen = _things(0)
    empty = Detections.empty(CLASS_NAMES)
    pairs = [FramePair(camera="a", at_s=t, conditions=DAY, seen=seen, found=empty) for t in np.arange(0.0, 30.0, 0.5)]
    assert fit_noise(pairs, start=PLAUSIBLE).classes[Kind.CAR].found < 0.0


def test_larger_things_are_found_more_often_and_night_hides():
    table = replace(PLAUSIBLE, false_s=0.01)

    def share(size: float, light: Light) -> float:
        eyes = NoisyEyes(
            _stage(), Conditions(light=light, weather=Weather.CLEAR), table=table, draw=np.random.default_rng(1)
        )
        hits = 0
        for frame in range(600):
            box = (100.0, 100.0, 100.0 + size, 100.0 + 2 * size)
            thing = SeenThing(actor=frame, kind=Kind.PERSON, box_px=box, full_box_px=box, visible_share=1.0)
            found = eyes.look((thing,), at_s=float(frame))
            hits += any(abs(float(each[0]) - 100.0) < 20 and each[1] < 130 for each in found.boxes_px)
        return hits / 600

    assert share(10.0, Light.DAY) < share(20.0, Light.DAY) < share(40.0, Light.DAY)
    assert share(12.0, Light.NIGHT) < share(12.0, Light.DAY)
    person = PLAUSIBLE.classes[Kind.PERSON]
    assert share(16.0, Light.DAY) == pytest.approx(logistic(person.found), abs=0.06)


def _lasting(count: int, *, frames: int, table: NoiseTable) -> list[FramePair]:
    """Return frames four seconds apart of things that stay, a new camera with twelve of them each time."""
    pairs = []
    for camera in range(count // 12):
        eyes = NoisyEyes(_stage(), DAY, table=table, draw=np.random.default_rng((7, camera)))
        seen = tuple(replace(thing, visible_share=1.0) for thing in _things(camera))
        for frame in range(frames):
            found = eyes.look(seen, at_s=4.0 * frame)
            pairs.append(FramePair(camera=f"c{camera}", at_s=4.0 * frame, conditions=DAY, seen=seen, found=found))
    return pairs


def _differing(found_own_sd: float, sure_own: float) -> NoiseTable:
    kinds = (Kind.PERSON, Kind.CAR, Kind.RUBBISH_BAG)
    classes = {kind: replace(noise, false_per_1000=0.0) for kind, noise in PLAUSIBLE.classes.items()}
    own = {kind: replace(classes[kind], found_own_sd=found_own_sd, sure_own=sure_own, mistaken=0.0) for kind in kinds}
    return replace(PLAUSIBLE, classes={**classes, **own})


def test_how_far_things_differ_is_fitted_and_leaves_the_mean_chance():
    alike, differing = _differing(0.0, 0.0), _differing(2.0, 0.6)
    same, other = (_lasting(480, frames=20, table=table) for table in (alike, differing))
    fitted = fit_noise(other, start=PLAUSIBLE).classes
    for kind in (Kind.PERSON, Kind.CAR, Kind.RUBBISH_BAG):
        assert fitted[kind].found_own_sd == pytest.approx(2.0, abs=0.6)
        assert fitted[kind].sure_own == pytest.approx(0.6, abs=0.15)
        assert fitted[kind].found == pytest.approx(PLAUSIBLE.classes[kind].found, abs=0.5)
    assert sum(len(each.found) for each in other) == pytest.approx(sum(len(each.found) for each in same), rel=0.06)
    steady = fit_noise(same, start=PLAUSIBLE).classes
    assert all(steady[kind].found_own_sd < 0.4 and steady[kind].sure_own < 0.05 for kind in (Kind.PERSON, Kind.CAR))
