"""Duty: whether a force is on duty, on standby or off at an instant, and which sides it answers for. Pure.

Within the hours of the daily patrol each force answers for its own side. Outside them the roles that the site names
answer for the sides that it names, besides their own, and follow-up forces whose shift is over are on standby: they may
be called, and are not patrolling.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.cases import Side
from pipeline.roster import Force, Stage
from pipeline.site import Site, SiteSettings

ALL_SIDES = frozenset(Side)


class DutyState(StrEnum):
    """Whether a force works, may be called, or neither."""

    ON = "on"
    STANDBY = "standby"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A force's duty at an instant.

    Attributes:
        sides: the sides that it answers for; empty when it is off.
        reason: why, in words.
    """

    state: DutyState
    sides: frozenset[Side]
    reason: str


def duty_at(force: Force, now: datetime, settings: SiteSettings) -> Duty:
    """Return a force's duty at an instant."""
    own = ALL_SIDES if force.side is None else frozenset({force.side})
    change = next((each for each in reversed(force.changes) if each.covers(now)), None)
    if not force.on_duty(now, settings.timezone):
        if change is not None:
            return Duty(state=DutyState.OFF, sides=frozenset(), reason=change.note or "away")
        if force.stage is Stage.FOLLOW_UP:
            return Duty(state=DutyState.STANDBY, sides=own, reason="its shift is over: on standby")
        return Duty(state=DutyState.OFF, sides=frozenset(), reason="off duty")
    reason = "on shift" if change is None else change.note or "on duty out of turn"
    if force.stage is Stage.FOLLOW_UP or settings.duty.in_hours(now, settings.timezone):
        return Duty(state=DutyState.ON, sides=own, reason=reason)
    more = settings.duty.sides_of(force.role) - own
    beside = f", outside patrol hours for {', '.join(sorted(more))} too" if more else ""
    return Duty(state=DutyState.ON, sides=own | more, reason=reason + beside)


def on_duty_in(site: Site, grid: str, now: datetime) -> Iterator[tuple[Force, Duty]]:
    """Yield the forces of a grid that are on duty or on standby, with their duty."""
    for force in site.roster.forces:
        if force.grid == grid:
            duty = duty_at(force, now, site.settings)
            if duty.state is not DutyState.OFF:
                yield force, duty
