"""Duty in columns: who of a roll is on duty or on standby at an instant, and who answers for a side then."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np

from pipeline.cases import Side
from pipeline.duty import Duty, DutyState, duty_at
from pipeline.roll import Mask, Roll
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

    @classmethod
    def of(cls, roll: Roll, now: datetime, settings: SiteSettings, *, side: Side) -> Self:
        """Return the duty of a roll's forces; each kind of force is asked about once."""
        found = _duties(roll, now, settings)
        # Who is off is told apart by that, so a side of its own still counts as its side.
        own = [force.side in {None, side} for force in roll.kinds]
        return cls(
            on=np.array([duty.state is DutyState.ON for duty in found], bool)[roll.kind],
            standby=np.array([duty.state is DutyState.STANDBY for duty in found], bool)[roll.kind],
            answers=np.array([mine or side in duty.sides for mine, duty in zip(own, found, strict=True)], bool)[
                roll.kind
            ],
        )


_asked: deque[tuple[Roll, SiteSettings, datetime, list[Duty]]] = deque(maxlen=4)


def _duties(roll: Roll, now: datetime, settings: SiteSettings) -> list[Duty]:
    """Return the duty of each kind of force; what begins and ends on full minutes is reckoned once in each."""
    minute = now.replace(second=0, microsecond=0)
    for each in tuple(_asked):
        if each[0] is roll and each[1] is settings and each[2] == minute:
            return each[3]
    found = [duty_at(force, now, settings) for force in roll.kinds]
    if roll.by_minute and all(
        at.second == at.microsecond == 0 for each in settings.duty.hours for at in (each.start, each.end)
    ):
        _asked.append((roll, settings, minute, found))
    return found
