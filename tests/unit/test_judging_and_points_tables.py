"""`[judging]` and `[points]` of `site.toml`: what they may say, and that every fault is named."""

import tomllib

import pytest

from geo.boundaries import Fault
from pipeline.fields import Fields
from pipeline.judging_policy import USUAL_WEIGHTS, JudgingPolicy, Measure, read_judging
from pipeline.points_policy import PointsPolicy, points_faults, read_points
from pipeline.principal import Role


def fields(text: str, name: str, faults: list[Fault]) -> Fields:
    return Fields(tomllib.loads(text), "site.toml", "", faults).inner(name)


def judging(text: str) -> tuple[JudgingPolicy, list[str]]:
    faults: list[Fault] = []
    policy = read_judging(fields(text, "judging", faults))
    assert all(each.feature.startswith("judging") for each in faults), faults
    return policy, [f"{each.field} {each.problem}" for each in faults]


def points(text: str) -> tuple[PointsPolicy | None, list[str]]:
    faults: list[Fault] = []
    return read_points(fields(text, "points", faults)), [f"{each.field} {each.problem}" for each in faults]


def test_without_a_table_judging_is_as_usual_and_points_are_off() -> None:
    assert judging("") == (JudgingPolicy(), [])
    assert points("") == (None, [])


def test_what_is_named_counts_and_the_rest_weighs_nothing() -> None:
    policy, faults = judging("[judging]\nleast = 3\ndecider = 'dispatcher'\nweights = { closure = 2, rework = 1 }")
    assert faults == []
    assert (policy.least, policy.decider) == (3, Role.DISPATCHER)
    assert {name for name, weight in policy.weights.items() if weight} == {Measure.CLOSURE, Measure.REWORK}
    assert judging("[judging]\nleast = 3")[0].weights == USUAL_WEIGHTS


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("weights = { closure = 0 }", "are all 0"),
        ("weights = { closure = -1, rework = 1 }", "closure is -1, expected a number from 0 to 1000"),
        ("weights = { closing = 1, closure = 1 }", "closing is not a field here"),
        ("weights = { closure = 'much' }", "expected a number"),
        ("targets = { on_time = 1.1 }", "on_time is 1.1, expected a number from 0.01 to 1"),
        ("targets = { rework = 1.0 }", "rework is 1, expected a number from 0 to 0.99"),
        ("targets = { closure = 0.9 }", "closure is not a field here"),
        ("least = 0", "least is 0"),
        ("least = 2.5", "expected a whole number"),
        ("least_weight = 0", "least_weight is 0"),
        ("appeal_days = 0", "appeal_days is 0"),
        ("decider = 'force'", "expected dispatcher or admin"),
        ("many = 3", "many is not a field here"),
    ],
)
def test_every_weight_target_and_minimum_is_checked(line: str, told: str) -> None:
    _, faults = judging(f"[judging]\n{line}")
    assert told in "; ".join(faults)


def test_all_faults_at_once() -> None:
    assert len(judging("[judging]\nleast = 0\nappeal_days = 0\nweights = { closure = 0 }")[1]) == 3


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("per_report = -1", "per_report is -1"),
        ("per_report = 1.5", "expected a whole number"),
        ("duplicates = -1", "duplicates is -1"),
        ("picture_bits = 32", "picture_bits is 32"),
        ("same_place_m = -1", "same_place_m is -1"),
        ("redeem_least = 5\nredeem_most = 4", "redeem_most is 4, less than redeem_least's 5"),
        ("reward = 3", "reward is not a field here"),
        ("categories = 3", "expected a table"),
        ('[points.categories]\n"a/b/c" = -1', "a/b/c is -1"),
    ],
)
def test_every_limit_of_points_is_checked(line: str, told: str) -> None:
    assert told in "; ".join(points(f"[points]\n{line}")[1])


def test_a_category_that_earns_must_be_in_the_catalogue() -> None:
    policy, faults = points('[points]\nper_report = 5\n[points.categories]\n"a/matter/1" = 20\n"a/matter/2" = 0')
    assert faults == []
    assert policy is not None
    assert [policy.worth(key) for key in ("a/matter/1", "a/matter/2", "a/matter/3")] == [20, 0, 5]
    (fault,) = points_faults(policy, categories=["a/matter/1"], file="site.toml")
    assert (fault.feature, fault.field) == ("points categories", "a/matter/2")
    assert points_faults(None, categories=[], file="site.toml") == []
