"""The world's own rules: where a group is, when some are still on their way to it."""

import math

import pytest
import shapely

from pipeline.district.itineraries import Itinerary, Journey
from pipeline.district.rules_of_world import first_truth
from pipeline.district.scene_set import CROWD, SCENES
from pipeline.district.stage import Actor, Kind
from pipeline.district.watching import Watched

SQUARE = Watched(name="square", scenes=(CROWD,), area=shapely.box(-60.0, 5.0, 60.0, 45.0))


def standing(ident: int, place_m: tuple[float, float]) -> Itinerary:
    actor = Actor(id=ident, kind=Kind.PERSON, size_m=(0.5, 0.5, 1.7), colour=(1, 2, 3), style=0)
    return Journey(actor, at_s=1.0, place_m=place_m).wait_until(60.0).done()


def ring(middle_m: tuple[float, float], radius_m: float, count: int) -> list[Itinerary]:
    turns = [2 * math.pi * row / count for row in range(count)]
    return [
        standing(row, (middle_m[0] + radius_m * math.cos(turn), middle_m[1] + radius_m * math.sin(turn)))
        for row, turn in enumerate(turns)
    ]


def test_a_group_is_where_those_stand_who_make_it_and_not_who_is_still_far_off():
    scene = SCENES[CROWD]
    together = ring((0.0, 20.0), 1.5, scene.count)
    far = [standing(100 + row, (40.0, 20.0 + 3.0 * row)) for row in range(4)]
    truth = first_truth(scene, [*together, *far], [SQUARE], [], end_s=60.0)
    assert truth is not None
    assert truth.place_m == pytest.approx((0.0, 20.0), abs=1e-6)
    assert truth.qualifies_s - truth.from_s == pytest.approx(scene.dwell_s)


def test_of_two_discs_as_full_the_tighter_group_is_the_place():
    scene = SCENES[CROWD]
    tight, loose = ring((-20.0, 20.0), 1.0, scene.count), ring((20.0, 20.0), 3.0, scene.count)
    truth = first_truth(scene, [*loose, *tight], [SQUARE], [], end_s=60.0)
    assert truth is not None
    assert truth.place_m == pytest.approx((-20.0, 20.0), abs=1e-6)


def test_too_few_near_one_another_are_no_group_wherever_the_rest_is():
    scene = SCENES[CROWD]
    people = [*ring((0.0, 20.0), 1.5, scene.count - 1), *(standing(100 + row, (40.0, 20.0)) for row in range(1))]
    assert first_truth(scene, people, [SQUARE], [], end_s=60.0) is None
