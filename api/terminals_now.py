"""Every terminal as it stands now: who carries it, where it is, what it holds. Joins roster and casebook."""

from dataclasses import dataclass
from datetime import datetime

from api.services import Services
from geo.coords import LonLat
from pipeline.errors import UnknownError
from pipeline.principal import Principal, Role
from pipeline.roster import Force
from pipeline.terminals import Terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalNow:
    """A terminal and its carrier.

    Attributes:
        lonlat: last reported position, else the carrier's post.
        fresh: the position was reported recently enough to dispatch by.
    """

    force: Force
    terminal: Terminal
    lonlat: LonLat
    on_duty: bool
    fresh: bool

    @property
    def id(self) -> str:
        """Return the terminal's id."""
        return self.terminal.id


def terminals_now(services: Services, principal: Principal) -> list[TerminalNow]:
    """Return the terminals in a principal's reach, by id; a force sees its own."""
    now = services.clock.now()
    known = services.casebook.terminals()
    forces = services.site.roster.by_terminal()
    return [
        _terminal_now(services, forces[ident], known.get(ident, Terminal(id=ident)), now)
        for ident in sorted(forces)
        if _reaches(principal, forces[ident])
    ]


def carrier(services: Services, terminal: str) -> Force:
    """Return who carries a terminal.

    Raises:
        UnknownError: no force carries one of this id.
    """
    forces = services.site.roster.by_terminal()
    if terminal not in forces:
        raise UnknownError("terminal", terminal, sorted(forces))
    return forces[terminal]


def _reaches(principal: Principal, force: Force) -> bool:
    if principal.role is Role.FORCE:
        return force.terminal == principal.terminal
    return principal.grids is None or force.grid in principal.grids


def _terminal_now(services: Services, force: Force, terminal: Terminal, now: datetime) -> TerminalNow:
    settings = services.site.settings
    age_s = (now - terminal.positioned_at).total_seconds() if terminal.positioned_at is not None else None
    return TerminalNow(
        force=force,
        terminal=terminal,
        lonlat=terminal.lonlat or force.post,
        on_duty=force.on_duty(now, settings.timezone),
        fresh=age_s is not None and age_s <= settings.dispatch.position_max_age_s,
    )
