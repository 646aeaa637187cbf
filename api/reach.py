"""Which rows a principal may read. Acting is the desk's business; this is about looking."""

from collections.abc import Sequence
from dataclasses import replace

from api.errors import OutOfReachError
from api.permissions import DESK, OVERSEERS, READERS
from pipeline.casebook import CaseFilter
from pipeline.cases import Case
from pipeline.errors import UnknownError
from pipeline.principal import Principal, Role

__all__ = [
    "DESK",
    "OVERSEERS",
    "READERS",
    "may_see",
    "narrowed",
    "reach_of",
    "require_case",
    "require_terminal",
]


def may_see(principal: Principal, *, grid: str, terminal: str | None, liaisons: Sequence[str] = ()) -> bool:
    """Tell whether a case of a grid, held by a terminal, lies within reach; a force sees its own and joint cases."""
    if principal.role is Role.FORCE:
        return principal.terminal is not None and principal.terminal in {terminal, *liaisons}
    return principal.grids is None or grid in principal.grids


def require_case(principal: Principal, case: Case) -> Case:
    """Return the case if the principal may see it.

    Raises:
        RefusedError: the role reads no cases.
        UnknownError: another grid's, or for a force another terminal's; what lies outside does not exist.
    """
    principal.require("read cases", *READERS)
    if not may_see(principal, grid=case.grid, terminal=case.terminal, liaisons=case.liaisons):
        raise UnknownError("case", case.number)
    return case


def require_terminal(principal: Principal, terminal: str) -> str:
    """Return the terminal if the principal may see its queue.

    Raises:
        RefusedError: the role reads no cases.
        OutOfReachError: a force asks for another's.
    """
    principal.require("read queues", *READERS)
    if principal.role is Role.FORCE and terminal != principal.terminal:
        raise OutOfReachError(principal.name, f"terminal {terminal}", reach_of(principal))
    return terminal


def reach_of(principal: Principal) -> frozenset[str]:
    """Return what the principal reaches, for messages."""
    if principal.role is Role.FORCE:
        return frozenset({f"terminal {principal.terminal}"})
    return principal.grids if principal.grids is not None else frozenset({"every grid"})


def narrowed(principal: Principal, wanted: CaseFilter) -> CaseFilter:
    """Return the filter cut down to the principal's rows.

    Raises:
        RefusedError: the role reads no cases.
        OutOfReachError: a grid is asked for by name that lies outside.
    """
    principal.require("read cases", *READERS)
    if principal.role is Role.FORCE:
        wanted = replace(wanted, terminal=principal.terminal)
    if principal.grids is None:
        return wanted
    outside = (wanted.grids or frozenset()) - principal.grids
    if outside:
        raise OutOfReachError(principal.name, f"grid {', '.join(sorted(outside))}", principal.grids)
    return replace(wanted, grids=wanted.grids or principal.grids)
