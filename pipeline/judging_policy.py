"""Judging policy: which figures count for a score, by how much, and against which targets. Values, and `[judging]`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pipeline.fields import Fields
from pipeline.principal import Role


class Measure(StrEnum):
    """A share that can count for a score; the definitions stand in docs/judging.md."""

    PROACTIVE = "proactive"
    CLOSURE = "closure"
    ON_TIME = "on_time"
    REWORK = "rework"
    ARRIVAL = "arrival"
    FIRST_RESULT = "first_result"
    FALSE_ALARMS = "false_alarms"


FEW_IS_GOOD: Final = frozenset({Measure.REWORK, Measure.FALSE_ALARMS})
"""Shares of which less is better; their target is the most that is still full marks."""
USUAL_WEIGHTS: Final[Mapping[Measure, float]] = MappingProxyType(
    {
        Measure.PROACTIVE: 20.0,
        Measure.CLOSURE: 25.0,
        Measure.ON_TIME: 20.0,
        Measure.REWORK: 10.0,
        Measure.ARRIVAL: 10.0,
        Measure.FIRST_RESULT: 10.0,
        Measure.FALSE_ALARMS: 5.0,
    }
)
USUAL_TARGETS: Final[Mapping[Measure, float]] = MappingProxyType(
    {
        Measure.ON_TIME: 1.0,
        Measure.REWORK: 0.05,
        Measure.ARRIVAL: 1.0,
        Measure.FIRST_RESULT: 1.0,
        Measure.FALSE_ALARMS: 0.1,
    }
)
"""What `[judging.targets]` may say; proactive discovery and closure stand in `[targets]`."""
_MOST_WEIGHT: Final = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingPolicy:
    """How figures become a score, and who decides appeals against what was published.

    Attributes:
        least: cases below which a share is shown and does not count.
        least_weight: share of all weights that must count, else there is no score.
        appeal_days: how long after a publication its figures may be appealed.
        decider: the role that decides appeals; never who published or appealed.
    """

    weights: Mapping[Measure, float] = field(default_factory=lambda: USUAL_WEIGHTS)
    targets: Mapping[Measure, float] = field(default_factory=lambda: USUAL_TARGETS)
    least: int = 10
    least_weight: float = 0.5
    appeal_days: int = 14
    decider: Role = Role.ADMIN


def read_judging(fields: Fields) -> JudgingPolicy:
    """Return what `[judging]` says; every weight, target and minimum is checked."""
    fields.only(JudgingPolicy.__dataclass_fields__)
    usual = JudgingPolicy()
    decider = fields.choice("decider", Role, default=usual.decider)
    if decider not in {Role.DISPATCHER, Role.ADMIN}:
        fields.fault("decider", f"is {decider.value!r}, expected dispatcher or admin")
    return JudgingPolicy(
        weights=_weights(fields),
        targets=_targets(fields.inner("targets")),
        least=fields.whole("least", low=1, high=100_000, default=usual.least),
        least_weight=fields.number("least_weight", low=0.01, high=1.0, default=usual.least_weight),
        appeal_days=fields.whole("appeal_days", low=1, high=366, default=usual.appeal_days),
        decider=decider,
    )


def _weights(fields: Fields) -> Mapping[Measure, float]:
    """Return the weights: those named, and 0 for the others once any is named."""
    named = fields.inner("weights")
    named.only(Measure)
    if not named.table:
        return USUAL_WEIGHTS
    weights = {each: named.number(each, low=0.0, high=_MOST_WEIGHT, default=0.0) for each in Measure}
    if not any(weight > 0 for weight in weights.values()):
        fields.fault("weights", f"are all 0; give at least one of {', '.join(Measure)} a weight above 0")
    return weights


def _targets(fields: Fields) -> Mapping[Measure, float]:
    fields.only(USUAL_TARGETS)
    return {
        each: fields.number(each, low=0.0, high=0.99, default=usual)
        if each in FEW_IS_GOOD
        else fields.number(each, low=0.01, high=1.0, default=usual)
        for each, usual in USUAL_TARGETS.items()
    }
