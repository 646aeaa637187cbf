"""Escalation policy: at which share of a case's time which level hears of it. Values; `escalation` says who that is.

Each duty clock of a case (arrive, first result, handle) lights a lamp at 80 % of its time and another at 100 %; after
that the case climbs from its handler to the department, the deputy grid chief, the grid chief, the operations centre
and the district. When each level hears of it is a share of the clock's own time, so that a suspension, an extension
and the working hours move every step alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from pipeline.principal import Role


class Level(IntEnum):
    """How far up a case has come."""

    HANDLER = 0
    DEPARTMENT = 1
    DEPUTY_CHIEF = 2
    CHIEF = 3
    CENTRE = 4
    DISTRICT = 5


class Step(StrEnum):
    """What a duty clock does as its time runs out, in this order."""

    AMBER = "amber"
    RED = "red"
    DEPARTMENT = "department"
    DEPUTY_CHIEF = "deputy-chief"
    CHIEF = "chief"
    CENTRE = "centre"
    DISTRICT = "district"
    LAPSE = "lapse"


LEVEL_OF = {
    Step.AMBER: Level.HANDLER,
    Step.RED: Level.HANDLER,
    Step.DEPARTMENT: Level.DEPARTMENT,
    Step.DEPUTY_CHIEF: Level.DEPUTY_CHIEF,
    Step.CHIEF: Level.CHIEF,
    Step.CENTRE: Level.CENTRE,
    Step.DISTRICT: Level.DISTRICT,
    Step.LAPSE: Level.HANDLER,
}
CLIMB = (Step.DEPARTMENT, Step.DEPUTY_CHIEF, Step.CHIEF, Step.CENTRE, Step.DISTRICT)
USUAL = {Step.DEPARTMENT: 1.0, Step.DEPUTY_CHIEF: 1.25, Step.CHIEF: 1.5, Step.CENTRE: 2.0, Step.DISTRICT: 3.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPolicy:
    """When each level hears of a case, and who decides on more time.

    Attributes:
        amber: share of the time at which the first lamp lights; the second lights at 1.
        urgent, general: share of the time at which each level hears of it, not falling from level to level.
        approver: the role that grants or refuses an extension.
        decide_h: work hours within which an extension must be decided, else it lapses.
        most_share: the longest extension, as a share of the deadline.
        extensions: how many a case may have.
    """

    amber: float = 0.8
    urgent: Mapping[Step, float] = field(default_factory=lambda: dict(USUAL))
    general: Mapping[Step, float] = field(default_factory=lambda: dict(USUAL))
    approver: Role = Role.DISPATCHER
    decide_h: float = 4.0
    most_share: float = 1.0
    extensions: int = 1

    def steps(self, *, urgent: bool) -> tuple[tuple[Step, float], ...]:
        """Return the steps of a duty clock with their shares of its time, in order."""
        shares = self.urgent if urgent else self.general
        return ((Step.AMBER, self.amber), (Step.RED, 1.0), *((step, shares[step]) for step in CLIMB))


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureTerms:
    """For how many days after a case's end what people may have erased stays; 0 keeps it until somebody asks."""

    words_days: int = 0
    pictures_days: int = 0
    contact_days: int = 0
