"""Held sightings: those of one camera that wait for a second model's word. Each leaves once, in time, whatever comes.

Knows neither threads nor models: an answer is something that is there or is not yet.
"""

from dataclasses import dataclass, replace
from typing import Final, Protocol

from pipeline.scenes import Verify
from pipeline.second_look import Checked, CheckOutcome, without_answer
from pipeline.sightings import Sighting

MOST_HELD: Final = 50
"""Sightings of one camera that wait at once; more than that go on to a person at once."""


class Answer(Protocol):
    """A second look that may not be done yet."""

    def checked(self) -> Checked | None:
        """Return what came of it, None while it is not known."""


@dataclass(slots=True, kw_only=True)
class _Held:
    sighting: Sighting
    verify: Verify
    answer: Answer
    until_s: float


class HeldSightings:
    """What waits, in the order in which it came; not for several threads at once."""

    def __init__(self) -> None:
        self._held: list[_Held] = []

    def __len__(self) -> int:
        return len(self._held)

    @property
    def longest_s(self) -> float | None:
        """Return the moment by which everything will have left, None if nothing waits."""
        return max((each.until_s for each in self._held), default=None)

    def all(self, *, reason: str) -> list[Sighting]:
        """Return all that wait, those without an answer with why nobody waits for it any longer."""
        gone = [
            with_word(
                each.sighting,
                each.answer.checked() or without_answer(CheckOutcome.LATE, each.verify, reason=reason),
            )
            for each in self._held
        ]
        self._held = []
        return gone

    def hold(self, sighting: Sighting, verify: Verify, answer: Answer, *, now_s: float) -> Sighting | None:
        """Take a sighting in; one that there is no room for comes back at once, for a person to look at.

        Args:
            sighting: what fired.
            verify: by when an answer is wanted.
            answer: to wait for.
            now_s: of a clock that only rises.
        """
        if len(self._held) >= MOST_HELD:
            reason = f"{MOST_HELD} sightings of this camera were waiting already"
            return with_word(sighting, without_answer(CheckOutcome.FAILED, verify, reason=reason))
        self._held.append(_Held(sighting=sighting, verify=verify, answer=answer, until_s=now_s + verify.deadline_s))
        return None

    def leaving(self, now_s: float) -> list[Sighting]:
        """Return the sightings that have their answer, or whose time is up, with what was said."""
        gone, kept = [], []
        for each in self._held:
            word = each.answer.checked()
            if word is None and now_s >= each.until_s:
                reason = f"no answer within {each.verify.deadline_s:g} s"
                word = without_answer(CheckOutcome.LATE, each.verify, reason=reason)
            if word is None:
                kept.append(each)
            else:
                gone.append(with_word(each.sighting, word))
        self._held = kept
        return gone


def with_word(sighting: Sighting, checked: Checked) -> Sighting:
    """Return a sighting with a second model's word, in what is kept beside its pictures too."""
    views = tuple(
        replace(each, seen={**each.seen, "checked": checked.record()}) if each.seen is not None else each
        for each in sighting.views
    )
    return replace(sighting, checked=checked, views=views)
