"""Scopes of a publication: one grid, the subdistrict, or all; and who lies in each. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.attribution import SubjectKind
from pipeline.errors import PipelineError, UnknownError
from pipeline.principal import Principal, Role
from pipeline.site import Site

_STAFF = frozenset({Role.SYSTEM, Role.ADMIN, Role.DISPATCHER, Role.ANALYST, Role.FORCE})


class Reach(StrEnum):
    """How far a publication reaches."""

    GRID = "grid"
    SUBDISTRICT = "subdistrict"
    ALL = "all"


class PersonsShownError(PipelineError):
    """Figures of single forces are about to be shown to everybody."""

    def __init__(self) -> None:
        super().__init__(
            "figures of single forces are people's; scope `all` shows figures by unit, grid, department or site only."
            " Choose one of these, or the scope `subdistrict` or `grid:CODE`"
        )


class ScopeError(PipelineError):
    """A text names no scope."""

    def __init__(self, text: str) -> None:
        super().__init__(f"scope is {text!r}; expected `all`, `subdistrict`, or `grid:` and a grid's code")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Who sees a publication, and whose figures it holds; `grid` only with that reach."""

    reach: Reach
    grid: str | None = None

    @property
    def text(self) -> str:
        """Return it as it is stored: `all`, `subdistrict`, `grid:YP-G1`."""
        return self.reach.value if self.grid is None else f"{self.reach.value}:{self.grid}"

    @property
    def grids(self) -> frozenset[str] | None:
        """Return the grids whose cases count; None for all."""
        return None if self.grid is None else frozenset({self.grid})

    def shows(self, principal: Principal | None, site: Site) -> bool:
        """Tell whether somebody lies in it; None is the public."""
        if self.reach is Reach.ALL:
            return True
        if principal is None or principal.role not in _STAFF:
            return False
        if self.reach is Reach.SUBDISTRICT:
            return True
        if principal.role is Role.FORCE:
            force = site.roster.by_terminal().get(principal.terminal or "")
            return force is not None and force.grid == self.grid
        return principal.grids is None or self.grid in principal.grids


def read_scope(text: str) -> Scope:
    """Return the scope that a text names.

    Raises:
        ScopeError: it names none.
    """
    kind, colon, grid = text.partition(":")
    if kind in {Reach.ALL, Reach.SUBDISTRICT} and not colon:
        return Scope(reach=Reach(kind))
    if kind == Reach.GRID and grid:
        return Scope(reach=Reach.GRID, grid=grid)
    raise ScopeError(text)


def require_scope(text: str, *, by: SubjectKind, site: Site) -> Scope:
    """Return a scope in which figures of a kind may be published.

    Raises:
        ScopeError: the text names none.
        UnknownError: the site has no such grid.
        PersonsShownError: persons' figures would be shown to all.
    """
    scope = read_scope(text)
    codes = [grid.code for grid in site.boundaries.grids]
    if scope.grid is not None and scope.grid not in codes:
        raise UnknownError("grid", scope.grid, codes)
    if scope.reach is Reach.ALL and by is SubjectKind.FORCE:
        raise PersonsShownError
    return scope
