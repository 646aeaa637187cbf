"""Dispatch: which terminal gets a case, and why not each nearer one. Pure; `desk` applies the decision.

Four rings are searched, and the first that holds an eligible force decides: first forces of the case's grid, the
category's follow-up department in the case's grid, first forces of the grids that share an edge with it, the
department there. Within a ring the nearest goes, by geodesic distance from where the force is: the position that its
terminal reported, or its post when it reported none or none that is fresh. At equal distance a fresh position goes
before a post, then the smaller terminal id.

A force is eligible when it carries a terminal, is on duty, patrols the case's side, is bound to no other unit, has a
role that the category names (follow-up: is of its department), holds fewer cases than the most allowed, and has
neither declined this case nor just left an offer of it unanswered.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from geo.coords import LonLat
from geo.metric import distance_m
from pipeline.cases import Case
from pipeline.catalogue import Category
from pipeline.roster import Force, Stage
from pipeline.site import Site
from pipeline.terminals import Terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A candidate that did not get the case, with the reason; a force without a terminal goes by its number."""

    terminal: str
    distance_m: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """The case goes to this terminal; `skipped` are the nearer ones."""

    terminal: str
    distance_m: float
    grid: str
    reason: str
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTerminal:
    """Nobody may take the case now; every candidate with its reason."""

    reason: str
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    force: Force
    code: str
    distance_m: float
    fresh: bool
    ring: int | None
    fault: str | None

    def rank(self) -> tuple[float, bool, str]:
        return (self.distance_m, not self.fresh, self.code)

    def skipped(self, reason: str) -> Skipped:
        return Skipped(terminal=self.code, distance_m=self.distance_m, reason=reason)


def decide(
    case: Case,
    *,
    site: Site,
    category: Category | None,
    terminals: Mapping[str, Terminal],
    declined: frozenset[str],
    now: datetime,
    unanswered: frozenset[str] = frozenset(),
) -> Dispatch | NoTerminal:
    """Return who gets the case, or why nobody does.

    Args:
        case: where it is, its grid, unit and side.
        category: None when the catalogue does not have the case's category any more; nobody fits it then.
        terminals: last known states by id; one that is missing never reported and holds nothing.
        declined: terminals that refused this case.
        unanswered: terminals that lately let an offer of it pass.
    """
    search = _Search(case, site, category, terminals, declined, unanswered, now)
    found = sorted(search.candidates(), key=_Candidate.rank)
    able = [each for each in found if each.ring is not None and each.fault is None]
    if not able:
        within = [each for each in found if each.ring is not None]
        return NoTerminal(
            reason=f"none of {len(within)} forces in and next to grid {case.grid} may take it now",
            skipped=tuple(each.skipped(each.fault or "") for each in within),
        )
    ring = min(each.ring for each in able if each.ring is not None)
    inner = [each for each in able if each.ring == ring]
    best = inner[0]
    nearer = found[: found.index(best)]
    return Dispatch(
        terminal=best.code,
        distance_m=best.distance_m,
        grid=best.force.grid,
        reason=search.praise(best, among=len(inner)),
        skipped=tuple(each.skipped(each.fault or search.too_far_out(each, best)) for each in nearer),
    )


def ineligibility(
    case: Case,
    force: Force,
    *,
    site: Site,
    category: Category | None,
    terminals: Mapping[str, Terminal],
    now: datetime,
) -> tuple[float, str | None]:
    """Return a force's distance in metres and why it would not have been chosen by itself, None if it could have."""
    search = _Search(case, site, category, terminals, frozenset(), frozenset(), now)
    found = search.candidate(force)
    return found.distance_m, found.fault


class _Search:
    """One question: a case against the roster."""

    def __init__(
        self,
        case: Case,
        site: Site,
        category: Category | None,
        terminals: Mapping[str, Terminal],
        declined: frozenset[str],
        unanswered: frozenset[str],
        now: datetime,
    ) -> None:
        self._case, self._site, self._category, self._now = case, site, category, now
        self._terminals, self._declined, self._unanswered = terminals, declined, unanswered
        # A case keeps its grid when the site is divided anew, and the grid may be gone.
        known = any(grid.code == case.grid for grid in site.boundaries.grids)
        self._neighbours = frozenset(site.neighbours(case.grid)) if known else frozenset()
        self._max_age = timedelta(seconds=site.settings.dispatch.position_max_age_s)

    def candidates(self) -> Iterator[_Candidate]:
        return (self.candidate(force) for force in self._site.roster.forces)

    def candidate(self, force: Force) -> _Candidate:
        where, fresh = self._position(force)
        ring = self._ring(force)
        outside = None if ring is not None else f"grid {force.grid} is not next to {self._case.grid}"
        return _Candidate(
            force=force,
            code=force.terminal or force.number,
            distance_m=distance_m(where, self._case.lonlat),
            fresh=fresh,
            ring=ring,
            fault=outside or self._fault(force),
        )

    def praise(self, best: _Candidate, *, among: int) -> str:
        stage = "first force" if best.force.stage is Stage.FIRST else f"force of {best.force.department}"
        basis = "reported position" if best.fresh else "post"
        beside = "" if best.force.grid == self._case.grid else f", next to {self._case.grid}"
        return f"nearest of {among} eligible as {stage} in grid {best.force.grid}{beside}, by its {basis}"

    def too_far_out(self, each: _Candidate, best: _Candidate) -> str:
        """Word why an eligible nearer force was not taken: somebody in a ring before its own was."""
        before = "first force" if best.force.stage is Stage.FIRST else f"force of {best.force.department}"
        return f"{each.force.stage} of grid {each.force.grid}: a {before} of grid {best.force.grid} goes before it"

    def _ring(self, force: Force) -> int | None:
        if force.grid == self._case.grid:
            base = 0
        elif force.grid in self._neighbours:
            base = 2
        else:
            return None
        return base + (force.stage is Stage.FOLLOW_UP)

    def _position(self, force: Force) -> tuple[LonLat, bool]:
        known = self._terminals.get(force.terminal or "")
        if known is None or known.lonlat is None or known.positioned_at is None:
            return force.post, False
        fresh = abs(self._now - known.positioned_at) <= self._max_age
        return (known.lonlat, True) if fresh else (force.post, False)

    def _fault(self, force: Force) -> str | None:
        """Return the first reason against a force that does not depend on its grid."""
        if force.terminal is None:
            return "carries no terminal"
        if not force.on_duty(self._now, self._site.settings.timezone):
            return "off duty"
        return self._unfit(force) or self._unwilling(force.terminal)

    def _unfit(self, force: Force) -> str | None:
        if self._category is None:
            return f"category {self._case.category} is not in the catalogue any more"
        if force.stage is Stage.FOLLOW_UP and force.department != self._category.department:
            return f"department {force.department} does not follow up this category"
        roles = self._category.first_roles
        if force.stage is Stage.FIRST and roles and force.role not in roles:
            return f"role {force.role} does not handle this category"
        if force.side is not None and force.side is not self._case.side:
            return f"patrols {force.side}, the case is {self._case.side}"
        if force.units and self._case.unit not in force.units:
            return "is bound to other units"
        return None

    def _unwilling(self, terminal: str) -> str | None:
        if terminal in self._declined:
            return "declined this case"
        if terminal in self._unanswered:
            return "did not answer the offer"
        most = self._site.settings.dispatch.max_open_cases
        held = self._terminals[terminal].open_cases if terminal in self._terminals else 0
        return f"holds {most} or more cases, the most allowed" if held >= most else None
