"""Scores: a subject's figures against their targets, weighted as the site says; few cases get none. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.judging import Figures
from pipeline.judging_policy import FEW_IS_GOOD, JudgingPolicy, Measure
from pipeline.shares import Share
from pipeline.site import Targets

_FULL: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One measure's part in a score.

    Attributes:
        achieved: 0 to 1 of the target; None where there were too few cases to say.
    """

    measure: Measure
    share: Share
    target: float
    weight: float
    achieved: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A subject's score.

    Attributes:
        value: 0 to 100; None where too little could be judged.
        weight: the share of all weights that counts in it.
        why_not: why there is none, or which measures are left out; empty where all count.
    """

    value: float | None
    weight: float
    parts: tuple[Part, ...]
    why_not: str


def measured(figures: Figures, *, public_is_proactive: bool) -> Mapping[Measure, Share]:
    """Return the share of each measure."""
    return {
        Measure.PROACTIVE: figures.proactive_public if public_is_proactive else figures.proactive,
        Measure.CLOSURE: figures.closure,
        Measure.ON_TIME: figures.on_time,
        Measure.REWORK: figures.rework,
        Measure.ARRIVAL: figures.arrival.in_time,
        Measure.FIRST_RESULT: figures.first_result.in_time,
        Measure.FALSE_ALARMS: figures.false_alarms,
    }


def score(figures: Figures, policy: JudgingPolicy, *, targets: Targets, public_is_proactive: bool) -> Score:
    """Return a subject's score: 100 times the weighted mean of what it achieved of each target.

    A measure of which less is better is judged by what is left: (1 - share) / (1 - target).
    """
    goals = {Measure.PROACTIVE: targets.proactive, Measure.CLOSURE: targets.closure, **policy.targets}
    shares = measured(figures, public_is_proactive=public_is_proactive)
    parts = tuple(
        Part(
            measure=each,
            share=shares[each],
            target=goals[each],
            weight=policy.weights[each],
            achieved=_achieved(each, shares[each], goals[each]) if shares[each].of >= policy.least else None,
        )
        for each in Measure
        if policy.weights.get(each, 0.0) > 0
    )
    whole = sum(part.weight for part in parts)
    counted = sum(part.weight for part in parts if part.achieved is not None)
    reached = sum(part.weight * part.achieved for part in parts if part.achieved is not None)
    enough = counted > 0 and counted / whole >= policy.least_weight
    left_out = ", ".join(f"{part.measure} ({part.share.of})" for part in parts if part.achieved is None)
    few = f"fewer than {policy.least} cases: {left_out}" if left_out else ""
    return Score(
        value=_FULL * reached / counted if enough else None,
        weight=counted / whole,
        parts=parts,
        why_not=few if enough else f"no score, {few}",
    )


def _achieved(measure: Measure, share: Share, target: float) -> float:
    value = share.value or 0.0
    if measure in FEW_IS_GOOD:
        value, target = 1.0 - value, 1.0 - target
    return 1.0 if target <= 0 else min(1.0, value / target)
