"""Where the feet of things are that nearer things hide, held against a camera that is known exactly."""

import math
from dataclasses import replace

import numpy as np
import pytest
from exact_camera import ORIGIN, ExactCamera
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from watched_place import camera as watched

from geo.camera_view import CameraView
from models.detections import Detections
from pipeline.behind import behind
from pipeline.footprints import footprint
from pipeline.observations import Observation, observe

CAMERA = ExactCamera(height_m=5.0, pitch_deg=15.0)
HEIGHT_M, SIZE, pixel = CAMERA.height_m, CAMERA.size_px, CAMERA.pixel
SD_PX = np.array([[2.0, 3.0], [2.0, 3.0]])
FAR_M, NEAR_M = 22.0, 17.5
Boxes = NDArray[np.float64]


@pytest.fixture(scope="module")
def view() -> CameraView:
    return CAMERA.view()


def shown(name: str, *, centre_m: float, half_px: float, from_m: float = 0.0) -> list[float]:
    """Return the box of a thing straight ahead, as tall as such things are, of which nothing below `from_m` shows."""
    assumed = footprint(name)
    u, bottom = pixel(0.0, centre_m - assumed.half_depth_m, from_m)
    _, top = pixel(0.0, centre_m, assumed.tall_m)
    return [u - half_px, top, u + half_px, bottom]


def seen(view: CameraView, boxes: Boxes, names: list[str], *, height_m: float | None = HEIGHT_M) -> list[Observation]:
    known = dict(enumerate(dict.fromkeys(names)))
    ids = {name: number for number, name in known.items()}
    found = Detections(
        boxes_px=boxes.astype(np.float32),
        confidence=np.linspace(0.9, 0.8, len(names), dtype=np.float32),
        class_ids=np.array([ids[name] for name in names], np.int32),
        class_names=known,
    )
    camera = replace(watched([]), lonlat=ORIGIN, width_px=SIZE[0], height_px=SIZE[1], view=view, height_m=height_m)
    return list(observe(found, camera, image_size_px=SIZE))


def hidden(
    view: CameraView,
    boxes: Boxes,
    names: list[str],
    *,
    hides: tuple[bool, bool] = (True, True),
    height_m: float | None = HEIGHT_M,
) -> tuple[NDArray[np.intp], Boxes, Boxes]:
    """Return what `behind` says of two boxes."""
    contacts = np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]])
    feet = [footprint(name) for name in names]
    return behind(contacts, SD_PX, boxes_px=boxes, hides=np.array(hides), feet=feet, view=view, height_m=height_m)


def away_m(each: Observation, view: CameraView) -> float:
    return math.dist((each.east_m, each.north_m), view.foot_m.tolist())


@pytest.mark.parametrize("name", ["piled-goods", "bin", "stall", "van"])
def test_a_thing_behind_a_car_stands_where_its_top_says_and_the_doubt_is_told(view: CameraView, name: str):
    over_roof = (FAR_M - footprint(name).half_depth_m) / NEAR_M
    hidden_m = HEIGHT_M - (HEIGHT_M - footprint("car").tall_m) * over_roof
    boxes = np.array(
        [shown(name, centre_m=FAR_M, half_px=20.0, from_m=hidden_m), shown("car", centre_m=NEAR_M, half_px=90.0)]
    )
    thing, car = seen(view, boxes, [name, "car"])
    alone = seen(view, boxes[:1], [name])[0]
    assert away_m(alone, view) - FAR_M > 2.0
    assert abs(away_m(thing, view) - FAR_M) < 0.5 * (away_m(alone, view) - FAR_M)
    assert thing.measurement_cov_m2[2] > 2 * alone.measurement_cov_m2[2]
    assert abs(away_m(thing, view) - FAR_M) < 2.5 * thing.measurement_cov_m2[2] ** 0.5
    assert away_m(car, view) == pytest.approx(NEAR_M, abs=0.1)


def test_a_fire_has_no_height_so_it_is_lowered_a_little_and_doubted(view: CameraView):
    boxes = np.array([[460.0, 180.0, 500.0, 230.0], shown("car", centre_m=NEAR_M, half_px=90.0)])
    fire, alone = seen(view, boxes, ["fire", "car"])[0], seen(view, boxes[:1], ["fire"])[0]
    assert alone.contact_px[1] < fire.contact_px[1] < boxes[1, 3]
    assert fire.measurement_cov_m2[2] > 2 * alone.measurement_cov_m2[2]


def test_people_stand_where_their_heads_say_and_are_only_doubted(view: CameraView):
    boxes = np.array([[470.0, 170.0, 490.0, 225.0], shown("car", centre_m=NEAR_M, half_px=90.0)])
    person, alone = seen(view, boxes, ["person", "car"])[0], seen(view, boxes[:1], ["person"])[0]
    assert person.contact_px == alone.contact_px
    assert person.measurement_cov_m2[2] > alone.measurement_cov_m2[2]


@pytest.mark.parametrize(
    ("box", "why"),
    [
        ((300.0, 210.0, 380.0, 330.0), "it stands beside"),
        ((452.0, 140.0, 508.0, 245.0), "it is the same thing, boxed twice"),
        ((440.0, 170.0, 520.0, 228.0), "it ends where the other does"),
        ((440.0, 260.0, 520.0, 330.0), "ground shows between them"),
        ((488.0, 200.0, 560.0, 330.0), "most of the foot shows"),
    ],
)
def test_what_hides_nothing_changes_nothing(view: CameraView, box: tuple[float, ...], why: str):
    boxes = np.array([[460.0, 170.0, 500.0, 230.0], box])
    rows, _, _ = hidden(view, boxes, ["piled-goods", "stall"])
    assert 0 not in rows, why


def test_what_is_too_faint_to_be_sure_of_hides_nothing(view: CameraView):
    boxes = np.array([[460.0, 170.0, 500.0, 230.0], [420.0, 210.0, 540.0, 330.0]])
    rows, _, _ = hidden(view, boxes, ["bin", "bin"], hides=(True, False))
    assert not len(rows)


@given(
    name=st.sampled_from(["piled-goods", "bin", "stall", "fire", "car", "thing"]),
    top=st.floats(100.0, 250.0),
    tall=st.floats(4.0, 150.0),
    more=st.floats(1.0, 200.0),
    height_m=st.sampled_from([None, 1.5, HEIGHT_M]),
)
def test_a_foot_is_never_above_its_box_nor_below_what_hides_it(
    view: CameraView, name: str, top: float, tall: float, more: float, height_m: float | None
):
    boxes = np.array([[460.0, top, 500.0, top + tall], [400.0, top + tall / 2, 560.0, top + tall + more]])
    rows, places, spreads = hidden(view, boxes, [name, "car"], height_m=height_m)
    assert rows.tolist() in ([], [0])
    assert (boxes[rows, 3] <= places[:, 1]).all()
    assert (places[:, 1] <= boxes[1, 3] + 1e-6).all()
    assert np.isfinite(spreads).all()
    assert (spreads >= SD_PX[rows]).all()
