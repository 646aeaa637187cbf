"""Dispatch policies: what decides between forces that may all take a case, as a value. `site.toml` holds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchPolicy:
    """How cases are offered.

    Attributes:
        name: what reports call it.
        offer_timeout_urgent_s, offer_timeout_general_s: how long an offer stands before it passes on.
        position_max_age_s: an older position goes behind every fresh one.
        position_drop_after_s: with a position older than this a terminal is not offered anything.
        max_open_cases: how many one may hold at most.
        offered_up_to: who holds as many is not offered more; what finds nobody waits until somebody is free, which
            is sooner for all than standing behind one who is busy.
        speed_mps, speeds_mps: how fast forces travel: of most, and by role.
        way_factor: way over straight line, where the site has no road graph.
        case_s: how long a case in hand is reckoned to take; 0 leaves load out of account.
        lend_gain_urgent_s, lend_gain_s: a neighbouring grid's force goes before the own grid's when it is there so much
            sooner; of urgent and of general cases.
        break_off_s: who holds general cases only is asked for an urgent one too, reckoned to need so long to break off;
            0 asks only the free.
        keep_free: so many free forces of a grid that may answer urgent cases are held back from general ones, where
            it has more on duty.
        rest_s: after a case, no general one is offered for so long.
        together: general cases that wait are assigned together, at least time in sum.
        batch_s: general cases are gathered for so long before; 0 offers each at once.
    """

    name: str = "default"
    offer_timeout_urgent_s: float = 60.0
    offer_timeout_general_s: float = 300.0
    position_max_age_s: float = 600.0
    position_drop_after_s: float = 3_600.0
    max_open_cases: int = 5
    offered_up_to: int = 1
    speed_mps: float = 4.0
    speeds_mps: Mapping[str, float] = field(default_factory=dict)
    way_factor: float = 1.3
    case_s: float = 900.0
    lend_gain_urgent_s: float = 30.0
    lend_gain_s: float = 180.0
    break_off_s: float = 0.0
    keep_free: int = 1
    rest_s: float = 0.0
    together: bool = True
    batch_s: float = 0.0

    def gain_s(self, *, urgent: bool) -> float:
        """Return what lending must gain, in seconds."""
        return self.lend_gain_urgent_s if urgent else self.lend_gain_s

    def speed_of(self, role: str) -> float:
        """Return how fast a role travels, in metres per second."""
        return self.speeds_mps.get(role, self.speed_mps)


A_DAY_S: Final = 86_400.0
NEAREST: Final = DispatchPolicy(
    name="nearest", case_s=A_DAY_S, lend_gain_urgent_s=0.0, lend_gain_s=0.0, keep_free=0, together=False
)
"""Whoever is nearest in time among those who are free, across borders; nobody is held back, nothing waits."""

BUILT_IN: Final[Mapping[str, DispatchPolicy]] = MappingProxyType({"default": DispatchPolicy(), "nearest": NEAREST})
