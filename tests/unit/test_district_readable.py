"""Readable heads and plates: a sharp picture leaves all, a blurred one none; lines drawn over it change nothing."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from geo.coords import LonLat
from models.detections import Detections
from models.privacy import blur_people_and_vehicles
from pipeline.district.boxes import TrueBoxes
from pipeline.district.readable import readable
from pipeline.district.stage import Actor, Kind, Placed, Pose, Stage

POSE = Pose(size_px=(960, 540), height_m=5.0, yaw_deg=0.0, pitch_deg=20.0, roll_deg=0.0, focal_px=800.0)
BOXES = TrueBoxes(Stage(camera="c", foot=LonLat(121.1, 31.15), heading_deg=0.0, pose=POSE, patches=(), blocks=()))
PERSON = Placed(actor=Actor(id=1, kind=Kind.PERSON, size_m=(0.5, 0.5, 1.75), colour=(9, 9, 9)), x_m=-2.0, y_m=12.0)
CAR = Placed(
    actor=Actor(id=2, kind=Kind.CAR, size_m=(4.5, 1.8, 1.5), colour=(9, 9, 9)), x_m=2.0, y_m=14.0, heading_deg=-90.0
)


def picture() -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 255, (540, 960, 3), dtype=np.uint8)


def found(share: float = 1.0) -> Detections:
    rows = [(seen.box_px, 0 if seen.kind is Kind.PERSON else 1) for seen in BOXES.see([PERSON, CAR])]
    return Detections(
        boxes_px=np.array([box for box, _ in rows], np.float32),
        confidence=np.full(len(rows), share, np.float32),
        class_ids=np.array([kind for _, kind in rows], np.int32),
        class_names={0: "person", 1: "car"},
    )


def test_what_is_not_blurred_is_sharp():
    told = readable(picture(), picture(), [PERSON, CAR], BOXES)
    assert (told.heads, told.sharp_heads) == (1, 1)
    assert (told.plates, told.sharp_plates) == (1, 1)
    head, plate = told.of_view("seed 1, gate, 3.0 s").where
    assert (head.what, head.whose, plate.what, plate.whose) == ("heads", "person", "plates", "car")
    assert head.view == plate.view == "seed 1, gate, 3.0 s"
    person, car = (each.box_px for each in BOXES.see([PERSON, CAR]))
    for box, thing in ((head.box_px, person), (plate.box_px, car)):
        assert thing[0] - 1 <= box[0] < box[2] <= thing[2] + 1
        assert thing[1] - 1 <= box[1] < box[3] <= thing[3] + 1


def test_what_is_blurred_is_not_even_with_lines_drawn_over_it():
    stored = blur_people_and_vehicles(picture(), found(), classless=False)
    cv2.line(stored, (0, 0), (959, 539), (0, 200, 255), 2)
    cv2.rectangle(stored, (300, 150), (700, 400), (40, 40, 230), 2)
    told = readable(picture(), stored, [PERSON, CAR], BOXES)
    assert (told.heads, told.plates) == (1, 1)
    assert (told.sharp_heads, told.sharp_plates, told.where) == (0, 0, ())


def test_where_there_is_no_detail_nothing_can_be_read():
    grey = np.full((540, 960, 3), 90, np.uint8)
    told = readable(grey, grey, [PERSON, CAR], BOXES)
    assert (told.heads, told.plates, told.without_detail) == (0, 0, 2)


def test_small_heads_do_not_count():
    far = Placed(actor=PERSON.actor, x_m=0.0, y_m=60.0)
    assert readable(picture(), picture(), [far], BOXES).heads == 0


def test_a_head_above_what_hides_the_body_counts():
    cart = Actor(id=3, kind=Kind.STALL, size_m=(1.0, 3.0, 1.3), colour=(9, 9, 9))
    before = Placed(actor=cart, x_m=0.85 * PERSON.x_m, y_m=0.85 * PERSON.y_m, heading_deg=90.0)
    (seen,) = (each for each in BOXES.see([PERSON, before]) if each.actor == PERSON.actor.id)
    assert seen.visible_share < 0.7
    assert readable(picture(), picture(), [PERSON, before], BOXES).heads == 1


def test_a_head_behind_something_tall_does_not_count():
    van = Actor(id=4, kind=Kind.VAN, size_m=(5.0, 2.0, 2.4), colour=(9, 9, 9))
    before = Placed(actor=van, x_m=0.75 * PERSON.x_m, y_m=0.75 * PERSON.y_m, heading_deg=0.0)
    assert readable(picture(), picture(), [PERSON, before], BOXES).heads == 0
    edge = Placed(actor=replace(van, size_m=(0.3, 0.3, 2.4)), x_m=0.93 * PERSON.x_m, y_m=0.93 * PERSON.y_m)
    assert readable(picture(), picture(), [PERSON, edge], BOXES).heads == 0


def test_counts_add_up():
    one = readable(picture(), picture(), [PERSON], BOXES)
    assert (one + one).heads == 2 * one.heads
    assert (one + one).where == one.where * 2
