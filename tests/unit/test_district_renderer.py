from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from district_scenes import CLEAR_DAY, rendering_or_skip, thing, yard

from pipeline.district import display
from pipeline.district.footage import FootageError, write_clip
from pipeline.district.meshes import USUAL_SIZE_M
from pipeline.district.optics import Lens
from pipeline.district.renderer import Renderer
from pipeline.district.stage import Block, Conditions, Kind, Light, Placed, SeenThing, Weather
from pipeline.district.stages import StageKind, sample_stage


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    rendering_or_skip()
    wall = Block(what="wall", centre_m=(9.0, 18.0), size_m=(5.0, 0.4, 3.0))
    made = Renderer(yard(blocks=(wall,)), CLEAR_DAY, seed=1)
    yield made
    made.close()


def only(renderer: Renderer, *placed: Placed, at_s: float = 1.0) -> dict[int, SeenThing]:
    return {seen.actor: seen for seen in renderer.render(placed, at_s=at_s).things}


def test_boxes_agree_with_the_geometry_of_a_box(renderer: Renderer):
    # An independent oracle: cartons fill their box to the corners, so its eight corners decide the image box.
    off = []
    for x, y, turn in ((0.0, 11.0, 0.0), (-5.0, 14.0, 30.0), (4.0, 16.0, 80.0), (0.0, 22.0, 130.0), (-8.0, 25.0, 10.0)):
        seen = only(renderer, thing(Kind.BIN, x, y, heading_deg=turn))[1]
        length, width, height = USUAL_SIZE_M[Kind.BIN]
        angle = np.radians(turn)
        rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        flat = np.array([[a * length, b * width] for a in (-0.5, 0.5) for b in (-0.5, 0.5)]) @ rotate.T + [x, y]
        corners = np.vstack([np.column_stack([flat, np.full(4, z)]) for z in (0.0, height)])
        pixels, _ = Lens(renderer.stage.pose).project(corners)
        sway = np.array(seen.full_box_px) - np.array(seen.box_px)
        assert np.abs(sway).max() < 1.0
        off.append(np.abs(np.concatenate([pixels.min(axis=0), pixels.max(axis=0)]) - seen.box_px))
    assert np.median(np.vstack(off)) < 1.5  # the tub tapers within its corners, and the pole sways


@pytest.mark.parametrize("kind", list(Kind))
def test_a_thing_alone_is_whole_and_its_boxes_agree(renderer: Renderer, kind: Kind):
    seen = only(renderer, thing(kind, -1.0, 14.0, heading_deg=35.0, phase=0.2))[1]
    assert seen.kind is kind
    assert seen.visible_share == pytest.approx(1.0, abs=0.02)
    assert np.abs(np.array(seen.box_px) - seen.full_box_px).max() < 1.0


def test_nothing_shows_of_what_is_out_of_the_picture(renderer: Renderer):
    assert not only(renderer, thing(Kind.CAR, -200.0, 20.0), thing(Kind.PERSON, 0.0, -30.0, id_=2))


def test_a_car_hides_a_person(renderer: Renderer):
    person = thing(Kind.PERSON, 0.0, 21.0, id_=2)
    free = only(renderer, person)[2]
    car = thing(Kind.CAR, 0.0, 18.6)
    hidden = only(renderer, car, person)
    assert hidden[1].visible_share == pytest.approx(1.0, abs=0.03)
    assert hidden[2].visible_share < 0.75
    assert hidden[2].full_box_px == free.full_box_px
    assert hidden[2].box_px[3] < free.box_px[3] - 2  # its feet are gone


def test_a_wall_hides_what_stands_behind_it(renderer: Renderer):
    before = only(renderer, thing(Kind.CAR, 9.0, 15.5))[1]
    behind = only(renderer, thing(Kind.CAR, 9.0, 20.5)).get(1)
    assert before.visible_share == pytest.approx(1.0, abs=0.02)
    assert behind is None or behind.visible_share < 0.3


def test_the_image_s_edge_cuts_the_box_and_the_share(renderer: Renderer):
    lens = Lens(renderer.stage.pose)
    (edge,) = lens.to_ground(np.array([[2.0, 110.0]]))
    seen = only(renderer, thing(Kind.CAR, float(edge[0]), float(edge[1])))[1]
    assert seen.full_box_px[0] < -5
    assert 0.0 <= seen.box_px[0] < 2.0
    assert 0.3 < seen.visible_share < 0.75


def test_a_thing_leaves_its_pixels_in_its_box_and_shadow(renderer: Renderer):
    empty = renderer.render([], at_s=3.0).image.astype(int)
    shown = renderer.render([thing(Kind.CAR, -2.0, 13.0)], at_s=3.0)
    changed = np.abs(shown.image.astype(int) - empty).max(axis=2) > 24
    x1, y1, x2, y2 = (round(value) for value in shown.things[0].box_px)
    assert changed[y1:y2, x1:x2].mean() > 0.5
    reach = changed.copy()
    reach[max(y1 - 30, 0) : y2 + 30, max(x1 - 40, 0) : x2 + 40] = False
    assert not reach.any()


def test_the_same_seed_and_moment_give_the_same_bytes(renderer: Renderer):
    placed = [thing(Kind.CAR, -2.0, 13.0), thing(Kind.PERSON, 3.0, 12.0, id_=2, phase=0.4)]
    first, second = (renderer.render(placed, at_s=5.0) for _ in range(2))
    assert first.image.tobytes() == second.image.tobytes()
    assert first.things == second.things
    again = Renderer(renderer.stage, CLEAR_DAY, seed=1)
    try:
        assert again.render(placed, at_s=5.0).image.tobytes() == first.image.tobytes()
    finally:
        again.close()
    assert renderer.render(placed, at_s=6.0).image.tobytes() != first.image.tobytes()


def test_without_labels_the_image_is_the_same(renderer: Renderer):
    placed = [thing(Kind.STALL, 0.0, 13.0)]
    bare = renderer.render(placed, at_s=2.0, labels=False)
    assert bare.things == ()
    assert bare.image.tobytes() == renderer.render(placed, at_s=2.0).image.tobytes()


def brightness(light: Light, weather: Weather) -> tuple[float, float]:
    stage = sample_stage(StageKind.STREET, seed=2, camera="c", foot=yard().foot, heading_deg=0.0, size_px=(192, 108))
    made = Renderer(stage, Conditions(light=light, weather=weather), seed=2)
    try:
        grey = cv2.cvtColor(made.render([], at_s=0.0).image, cv2.COLOR_BGR2GRAY)
    finally:
        made.close()
    return float(grey.mean()), float(grey.std())


def test_night_is_darker_than_day_and_fog_flattens():
    rendering_or_skip()
    day, contrast = brightness(Light.DAY, Weather.CLEAR)
    night, _ = brightness(Light.NIGHT, Weather.CLEAR)
    _, fog = brightness(Light.DAY, Weather.FOG)
    assert night < 0.6 * day
    assert fog < 0.8 * contrast


def test_a_clip_holds_its_frames(tmp_path: Path):
    frames = [np.full((48, 64, 3), value, dtype=np.uint8) for value in (0, 120, 240)]
    for name in ("clip.avi", "clip.mp4"):
        assert write_clip(tmp_path / name, frames, 5.0) == 3
        read = cv2.VideoCapture(str(tmp_path / name))
        assert read.get(cv2.CAP_PROP_FRAME_COUNT) == 3
        assert read.read()[1].mean() < 20
        read.release()


def test_a_clip_that_cannot_be_written_says_why(tmp_path: Path):
    frame = np.zeros((48, 64, 3), dtype=np.uint8)
    with pytest.raises(FootageError, match=r"\.mp4 or \.avi"):
        write_clip(tmp_path / "clip.txt", [frame], 5.0)
    with pytest.raises(FootageError, match="no frame"):
        write_clip(tmp_path / "clip.avi", [], 5.0)
    with pytest.raises(FootageError, match="one size"):
        write_clip(tmp_path / "clip.avi", [frame, frame[:20]], 5.0)


def test_a_machine_that_cannot_draw_names_the_packages(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(display, "_fault", lambda: "probe ended with -11: no message")
    with pytest.raises(display.NoRenderingError, match="libegl1 libegl-mesa0 libgl1-mesa-dri"):
        Renderer(yard(), CLEAR_DAY, seed=1)
