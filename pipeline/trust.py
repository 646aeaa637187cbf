"""The trust ladder: how far a scene at a camera is trusted, from what became of what it found. Pure.

Shadow records and calls nobody; confirm waits for a dispatcher's yes; auto dispatches by itself. A level moves by the
lower bound of the 95 % interval (Wilson) of the precision since it was entered: confirmed / (confirmed + false). Where
it begins is a setting of the scene, or of the scene at a camera; a setting that is changed begins anew.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from pipeline.clocks import utc
from pipeline.scenes import Mode
from pipeline.shares import Share, wilson

NEWEST_COUNT: Final = 200
"""Outcomes that count; older ones were of another season."""
LADDER: Final = (Mode.SHADOW, Mode.CONFIRM, Mode.AUTO)


class FalseReason(StrEnum):
    """Why something that a scene found was no problem."""

    NOTHING_THERE = "nothing-there"
    OTHER_THING = "other-thing"
    WRONG_PLACE = "wrong-place"
    PERMITTED = "permitted"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of something that a scene found at a camera.

    Attributes:
        subject: number of the case, or id of the trial.
        reason: a `FalseReason`'s value, or by which step it was confirmed.
    """

    subject: str
    camera: str
    scene: str
    confirmed: bool
    reason: str
    actor: str
    at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", utc(self.at, field="at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A change of level.

    Attributes:
        start: the site's setting when it was made; the move counts as long as that stays.
    """

    camera: str
    scene: str
    level: Mode
    start: Mode
    actor: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", utc(self.at, field="at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    """When levels move.

    Attributes:
        moves: whether they move by themselves.
        least: outcomes since the last move, before the next.
        confirm_from, auto_from: lower bound from which a level is entered.
        confirm_below, auto_below: lower bound below which it is left.
    """

    moves: bool = True
    least: int = 20
    confirm_from: float = 0.5
    auto_from: float = 0.8
    confirm_below: float = 0.2
    auto_below: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a scene stands at a camera.

    Attributes:
        since: when its level was entered; None if it never moved.
        precision: over the newest outcomes since then.
    """

    camera: str
    scene: str
    level: Mode
    start: Mode
    since: datetime | None
    precision: Share


def standing(camera: str, scene: str, *, start: Mode, newest: Move | None, confirmed: int, false: int) -> Standing:
    """Return how a scene stands, given its newest move and the outcomes since."""
    holds = newest is not None and newest.start is start
    return Standing(
        camera=camera,
        scene=scene,
        level=newest.level if newest is not None and holds else start,
        start=start,
        since=None if newest is None else newest.at,
        precision=wilson(confirmed, confirmed + false),
    )


def decide(now: Standing, policy: TrustPolicy) -> tuple[Mode, str] | None:
    """Return the level that a scene moves to, and why; None where it stays."""
    share = now.precision
    if not policy.moves or share.of < policy.least:
        return None
    enters = {Mode.CONFIRM: policy.confirm_from, Mode.AUTO: policy.auto_from}
    leaves = {Mode.CONFIRM: policy.confirm_below, Mode.AUTO: policy.auto_below}
    place = LADDER.index(now.level)
    told = f"{share.count} of {share.of} confirmed, lower bound {share.low:.3f}"
    if now.level in leaves and share.low < leaves[now.level]:
        return LADDER[place - 1], f"{told} is below {leaves[now.level]:g}"
    if now.level is not Mode.AUTO and share.low >= enters[LADDER[place + 1]]:
        above = LADDER[place + 1]
        return above, f"{told} reaches {enters[above]:g}"
    return None
