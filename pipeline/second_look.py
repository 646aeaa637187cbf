"""A second look: what another model said of what a rule has found, and what follows. Values and decisions only.

`crop_desk` does the looking, `held_sightings` holds a sighting back until there is an answer or its time is up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.crop_judge import Said
from pipeline.scenes import Mode, Verify

_LEVELS: Final = (Mode.SHADOW, Mode.CONFIRM, Mode.AUTO)


class CheckOutcome(StrEnum):
    """What came of a second look."""

    AGREED = "agreed"
    REJECTED = "rejected"
    LATE = "late"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A second model's word on a sighting.

    Attributes:
        weights: version of the model; what the site calls it where it could not be asked.
        agreed, of: in how many frames it saw what it should, of how many it looked at.
        needed: in how many it had to.
        said: for each frame the surest things it saw there.
        reason: why there is no answer; empty if there is one.
        at_most: the level above which the sighting may not be treated.
    """

    outcome: CheckOutcome
    weights: str
    at_most: Mode
    agreed: int = 0
    of: int = 0
    needed: int = 0
    said: tuple[tuple[Said, ...], ...] = ()
    reason: str = ""

    def record(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {
            "outcome": self.outcome.value,
            "weights": self.weights,
            "agreed": self.agreed,
            "of": self.of,
            "needed": self.needed,
            "said": [[[each.class_name, each.confidence] for each in frame] for frame in self.said],
            **({"reason": self.reason} if self.reason else {}),
        }


def decided(said: Sequence[Sequence[Said]], verify: Verify, *, weights: str) -> Checked:
    """Return what a model's words on each frame come to.

    Where fewer frames could be looked at than the scene asks for, the same share of them must agree, rounded up.
    """
    wanted = frozenset(verify.classes)
    seen = [any(each.class_name in wanted and each.confidence >= verify.confidence for each in one) for one in said]
    needed = -(-verify.agree * len(seen) // verify.of)
    agreed = bool(seen) and sum(seen) >= needed
    return Checked(
        outcome=CheckOutcome.AGREED if agreed else CheckOutcome.REJECTED,
        weights=weights,
        at_most=Mode.AUTO if agreed else verify.rejected,
        agreed=sum(seen),
        of=len(seen),
        needed=needed,
        said=tuple(tuple(each) for each in said),
    )


def without_answer(outcome: CheckOutcome, verify: Verify, *, reason: str) -> Checked:
    """Return what follows where the model did not answer, or not in time: a person looks."""
    return Checked(outcome=outcome, weights=verify.weights, at_most=Mode.CONFIRM, reason=reason)


def capped(level: Mode, checked: Checked | None) -> Mode:
    """Return the level that a sighting is treated on: its scene's, and no higher than the second look allows."""
    return level if checked is None else min(level, checked.at_most, key=_LEVELS.index)
