"""Company: who is missed for a moment still counts, who has gone does not."""

import pytest

from geo.coords import LonLat
from pipeline.company import Company
from pipeline.observations import Observation


def person(east_m: float, north_m: float, track: int | None = None) -> Observation:
    return Observation(
        box_px=(0.0, 0.0, 10.0, 30.0),
        class_name="person",
        family="person",
        confidence=0.8,
        track=track,
        contact_px=(5.0, 30.0),
        lonlat=LonLat(121.0, 31.0),
        east_m=east_m,
        north_m=north_m,
        calibration_cov_m2=(0.0, 0.0, 0.0),
        measurement_cov_m2=(0.01, 0.0, 0.01),
    )


FOUR = [person(0, 0), person(2, 0), person(0, 2), person(2, 2)]


def company() -> Company:
    return Company(period_s=0.5, near_m=4.0, least=2)


def test_somebody_who_stands_is_remembered_for_four_seconds_among_others():
    around = company()
    for step in range(8):
        assert len(around.update(FOUR, at=step / 2)) == 4
    counts = [len(around.update(FOUR[1:], at=4.0 + step / 2)) for step in range(12)]
    assert counts[:7] == [4] * 7
    assert counts[-1] == 3


def test_somebody_who_walks_is_remembered_for_little_more_than_a_second():
    around = company()
    for step in range(8):
        around.update([*FOUR, person(0.7 * step, 1.0, track=9)], at=step / 2)
    counts = [len(around.update(FOUR, at=4.0 + step / 2)) for step in range(6)]
    assert counts[0] == 5
    assert counts[-1] == 4


def test_nobody_is_remembered_where_nobody_is_left():
    around = company()
    for step in range(8):
        around.update(FOUR, at=step / 2)
    assert around.update([], at=4.0) == []


def test_a_box_seen_once_is_forgotten_at_once():
    around = company()
    around.update([*FOUR, person(1, 1)], at=0.0)
    assert len(around.update(FOUR, at=0.5)) == 4


def test_one_who_steps_aside_is_not_two():
    around = company()
    for step in range(20):
        found = around.update([*FOUR[:3], person(2 + 0.2 * (step % 2), 2)], at=step / 2)
        assert len(found) == 4


@pytest.mark.parametrize("jitter_m", [0.0, 0.3])
def test_who_stands_is_where_the_mean_says(jitter_m: float):
    around = company()
    for step in range(20):
        found = around.update([person(jitter_m * (-1) ** step, 0.0), *FOUR[1:]], at=step / 2)
    nearest = min(abs(each.seen.east_m) + abs(each.seen.north_m) for each in found)
    assert nearest <= 0.6 * jitter_m + 1e-9
