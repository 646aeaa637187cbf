"""Duty in columns: who of a roll is on duty or on standby at an instant, and who answers for a side then."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.cases import Side
from pipeline.duty import Duty, DutyState, duty_at
from pipeline.roll import Mask, Roll
from pipeline.roster import Force
from pipeline.site import SiteSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DutyColumns:
    """Masks in a roll's order, each (n,).

    Attributes:
        on: who is on duty.
        standby: who may be called, and is not patrolling.
        answers: who answers for the side that was asked about, on duty or on standby.
    """

    on: Mask
    standby: Mask
    answers: Mask
    _duties: tuple[Duty, ...]
    _kind: NDArray[np.int64]

    def sides(self, row: int) -> frozenset[Side]:
        """Return the sides that a force answers for; none when it is off."""
        return self._duties[int(self._kind[row])].sides

    @classmethod
    def of(cls, roll: Roll, now: datetime, settings: SiteSettings, *, side: Side) -> Self:
        """Return the duty of a roll's forces; each kind of force is asked about once."""
        found = _duties(roll, now, settings)
        return cls(
            on=found.on[roll.kind],
            standby=found.standby[roll.kind],
            answers=found.answers(side)[roll.kind],
            _duties=found.duties,
            _kind=roll.kind,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Kinds:
    """The duty of each kind of force at an instant."""

    kinds: tuple[Force, ...]
    duties: tuple[Duty, ...]
    on: Mask
    standby: Mask
    _answers: dict[Side, Mask] = field(default_factory=dict)

    @classmethod
    def at(cls, kinds: tuple[Force, ...], now: datetime, settings: SiteSettings) -> Self:
        duties = tuple(duty_at(force, now, settings) for force in kinds)
        return cls(
            kinds=kinds,
            duties=duties,
            on=np.array([duty.state is DutyState.ON for duty in duties], bool),
            standby=np.array([duty.state is DutyState.STANDBY for duty in duties], bool),
        )

    def answers(self, side: Side) -> Mask:
        known = self._answers.get(side)
        if known is None:
            # Who is off is told apart by that, so a side of its own still counts as its side.
            own = [force.side in {None, side} for force in self.kinds]
            listed = [mine or side in duty.sides for mine, duty in zip(own, self.duties, strict=True)]
            known = self._answers[side] = np.array(listed, bool)
        return known


_asked: deque[tuple[SiteSettings, datetime, _Kinds]] = deque(maxlen=4)


def _duties(roll: Roll, now: datetime, settings: SiteSettings) -> _Kinds:
    """Return the duty of each kind of force; what begins and ends on full minutes is reckoned once in each."""
    minute = now.replace(second=0, microsecond=0)
    for known_settings, at, kinds in tuple(_asked):
        if kinds.kinds is roll.kinds and known_settings is settings and at == minute:
            return kinds
    found = _Kinds.at(roll.kinds, now, settings)
    if roll.by_minute and all(
        at.second == at.microsecond == 0 for each in settings.duty.hours for at in (each.start, each.end)
    ):
        _asked.append((settings, minute, found))
    return found
