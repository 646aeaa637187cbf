"""Occupancies where others pass and stand before: parts of a thing, hopping track ids, and coming to rest."""

from geo.coords import LonLat
from pipeline.observations import Box, Observation
from pipeline.occupancies import Occupancies

CAR: Box = (100.0, 100.0, 200.0, 160.0)


def seen(box: Box, name: str = "car", *, track: int | None = 1, family: str = "vehicle") -> Observation:
    middle, bottom = (box[0] + box[2]) / 2, box[3]
    return Observation(
        box_px=box,
        class_name=name,
        family=family,
        confidence=0.8,
        track=track,
        contact_px=(middle, bottom),
        lonlat=LonLat(121.0, 31.0),
        east_m=middle / 20,
        north_m=-bottom / 20,
        calibration_cov_m2=(0.0, 0.0, 0.0),
        measurement_cov_m2=(0.01, 0.0, 0.01),
    )


def walker(left: float) -> Observation:
    return seen((left, 90.0, left + 60.0, 180.0), "person", track=7, family="person")


def test_what_somebody_in_front_leaves_of_a_thing_is_still_that_thing():
    held = Occupancies(period_s=0.5)
    for step in range(20):
        held.update([seen(CAR)], at=step / 2)
    for step in range(20, 40):
        held.update([seen((150.0, 100.0, 200.0, 158.0), track=3)], at=step / 2, hiders=[walker(90.0)])
    assert len(held.all) == 1
    assert held.all[0].dwell_s == 19.5
    assert held.all[0].box_px[0] < 101.0  # a part says nothing of the whole


def test_a_smaller_thing_with_nothing_in_front_is_another():
    held = Occupancies(period_s=0.5)
    for step in range(20):
        held.update([seen(CAR)], at=step / 2)
    for step in range(20, 40):
        held.update([seen((150.0, 110.0, 195.0, 140.0), track=3)], at=step / 2)
    assert all(each.dwell_s < 12.0 for each in held.all)


def test_a_track_id_that_hops_away_takes_no_car_with_it():
    held = Occupancies(period_s=0.5)
    for step in range(20):
        held.update([seen(CAR)], at=step / 2)
    away = (400.0, 100.0, 500.0, 160.0)
    for step in range(20, 30):
        held.update([seen(CAR, track=5), seen(away, track=1)], at=step / 2)
    first = min(held.all, key=lambda each: each.first_seen)
    assert first.dwell_s == 14.5


def test_a_car_that_creeps_in_counts_from_when_it_stands():
    held = Occupancies(period_s=0.5)
    for step in range(8):
        shift = 6.0 * (7 - step)
        held.update([seen((CAR[0] - shift, CAR[1], CAR[2] - shift, CAR[3]))], at=step / 2)
    for step in range(8, 40):
        held.update([seen(CAR)], at=step / 2)
    standing = max(held.all, key=lambda each: each.dwell_s)
    assert 1.0 <= standing.first_seen <= 3.5


BIN: Box = (221.0, 302.0, 257.0, 351.0)
TOP_OF_BIN: Box = (220.0, 299.0, 258.0, 328.0)
CAR_BEFORE: Box = (70.0, 322.0, 312.0, 460.0)


def held_bin() -> Occupancies:
    held = Occupancies(period_s=0.5)
    for step in range(40):
        held.update([seen(BIN, "bin", family="bin")], at=step / 2)
    return held


def test_what_a_car_leaves_of_a_bin_is_no_bag_though_it_looks_like_one():
    held = held_bin()
    top, car = seen(TOP_OF_BIN, "rubbish-bag", track=9, family="rubbish-bag"), seen(CAR_BEFORE, track=3)
    for step in range(40, 120):
        held.update([top], at=step / 2, hiders=[car])
    assert [each.family for each in held.all] == ["bin"]
    assert held.all[0].class_name == "bin"
    assert held.all[0].dwell_s == 59.5


def test_a_bag_at_a_bin_that_nothing_hides_is_a_bag():
    held = held_bin()
    for step in range(40, 60):
        both = [seen(BIN, "bin", family="bin"), seen(TOP_OF_BIN, "rubbish-bag", track=9, family="rubbish-bag")]
        held.update(both, at=step / 2)
    assert sorted(each.family for each in held.all) == ["bin", "rubbish-bag"]
    for step in range(60, 80):
        held.update([seen(TOP_OF_BIN, "rubbish-bag", track=9, family="rubbish-bag")], at=step / 2)
    assert "rubbish-bag" in {each.family for each in held.all}


def test_goods_whose_foot_gets_hidden_are_still_those_goods():
    whole, rest = (100.0, 100.0, 160.0, 160.0), (94.0, 100.0, 160.0, 138.0)
    held = Occupancies(period_s=0.5)
    for step in range(60):
        box = whole if step < 30 else rest
        held.update([seen(box, "piled-goods", family="piled-goods")], at=step / 2)
    assert len(held.all) == 1
    assert held.all[0].dwell_s == 29.5


def test_goods_that_are_still_being_carried_count_from_when_they_came_to_rest():
    held = Occupancies(period_s=0.5)
    for step in range(60):
        moved = 8.0 * min(step, 6)
        held.update([seen((100.0 + moved, 100.0, 160.0 + moved, 160.0), "stall", family="stall")], at=step / 2)
    (stall,) = [each for each in held.all if each.seen_now]
    assert stall.dwell_s <= 27.5
