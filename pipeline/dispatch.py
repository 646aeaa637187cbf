"""Dispatch: which terminal gets a case, and why not each nearer one. Pure; `offers` applies the decision.

A force may take a case when it carries a terminal, is on duty, patrols the case's side, is bound to no other unit, has
a role (follow-up: is of the department) and skills that fit the category, holds fewer cases than the most allowed, has
a position that is not too old, and has neither declined this case nor just left an offer of it unanswered. Its grid is
the case's, or switched on: what only collects lends nobody.

Of these, four rings are looked at: first forces of the case's grid, the category's department there, first forces of
the grids that share an edge with it, the department there. The own grid's inner ring answers, unless a neighbour's is
there sooner by more than the policy's gain, or the own grid has nobody. Within a ring a fresh position goes before an
old one, then whoever is there first by the cases in hand and the way: along streets where the site has them, else by
the straight line times a factor. General cases leave a grid's last free force alone. The words are `dispatch_words`'.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline import dispatch_words as words
from pipeline.candidates import Candidates, Question
from pipeline.cases import Case
from pipeline.catalogue import Category
from pipeline.dispatch_policy import DispatchPolicy
from pipeline.roster import Force
from pipeline.site import Site
from pipeline.telling import PassedOver, Telling
from pipeline.terminals import Terminal

_NEVER_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A candidate that did not get the case, with the reason; a force without a terminal goes by its number."""

    terminal: str
    distance_m: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """The case goes to this terminal.

    Attributes:
        distance_m: straight line to the case.
        travel_s, wait_s: reckoned time of its way, and before it sets out because of what it holds.
        skipped: those nearer, the nearest 50.
        others: the rest of those nearer: terminals by the reason against them.
    """

    terminal: str
    distance_m: float
    grid: str
    department: str
    reason: str
    skipped: tuple[Skipped, ...]
    travel_s: float = 0.0
    wait_s: float = 0.0
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTerminal:
    """Nobody may take the case now; candidates with their reasons as in `Dispatch`."""

    reason: str
    skipped: tuple[Skipped, ...]
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Decision = Dispatch | NoTerminal


def decide(  # noqa: PLR0913 - the question, field by field
    case: Case,
    *,
    site: Site,
    category: Category | None,
    terminals: Mapping[str, Terminal],
    declined: frozenset[str],
    now: datetime,
    unanswered: frozenset[str] = frozenset(),
    policy: DispatchPolicy | None = None,
    told: bool = True,
) -> Decision:
    """Return who gets the case, or why nobody does.

    A case that one department alone may handle is followed up by that one instead of its category's.

    Args:
        case: where it is, its grid, unit and side; the terminal that holds it does not count as holding it.
        category: None when the catalogue does not have the case's category any more; nobody fits it then.
        terminals: last known states by id; one that is missing never reported and holds nothing. A `Board` is quick.
        declined: terminals that refused this case.
        unanswered: terminals that lately let an offer of it pass.
        policy: the site's own when None.
        told: whether the skipped are told; a replay has no use for them.
    """
    wanted = Wanted(case=case, category=category, declined=declined, unanswered=unanswered)
    question = _question(wanted, now=now, policy=policy or site.settings.dispatch)
    found = Candidates(question, site=site, terminals=terminals, near=site.near(case.grid))
    return _decision(found, found.best(), told=told)


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
    found, row = _against(case, force, site=site, category=category, terminals=terminals, now=now)
    telling = Telling(found)
    return telling.distances([row])[0], telling.fault(row)


def named(
    case: Case,
    force: Force,
    *,
    by: str,
    site: Site,
    category: Category | None,
    terminals: Mapping[str, Terminal],
    now: datetime,
) -> tuple[Dispatch, str | None]:
    """Return the dispatch to a force that somebody named, and why it would not have been chosen by itself, if so."""
    found, row = _against(case, force, site=site, category=category, terminals=terminals, now=now)
    telling = Telling(found, row, named_by=by)
    return _given(found, row, telling, reason=words.named(by), passed_over=telling.passed_over()), telling.fault(row)


def _against(
    case: Case,
    force: Force,
    *,
    site: Site,
    category: Category | None,
    terminals: Mapping[str, Terminal],
    now: datetime,
) -> tuple[Candidates, int]:
    """Return the whole site's forces against a case, and the row of one of them."""
    question = _question(Wanted(case=case, category=category), now=now, policy=site.settings.dispatch)
    return Candidates(question, site=site, terminals=terminals), site.roster.forces.index(force)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A case that waits to be assigned together with others; see `decide` for the fields."""

    case: Case
    category: Category | None
    declined: frozenset[str] = frozenset()
    unanswered: frozenset[str] = frozenset()


def decide_together(
    wanted: Sequence[Wanted],
    *,
    site: Site,
    terminals: Mapping[str, Terminal],
    now: datetime,
    policy: DispatchPolicy | None = None,
    told: bool = True,
) -> list[Decision]:
    """Return who gets each of several cases, at least time in sum (Hungarian method); in their order.

    Each force gets one at most; where it may hold more, the cases left over are assigned in further rounds.
    """
    policy, decisions, held = policy or site.settings.dispatch, dict[int, Decision](), terminals
    left = list(range(len(wanted)))
    while left:
        # Everybody is looked at for each case: the columns of all must be the same.
        asked = {index: _question(wanted[index], now=now, policy=policy) for index in left}
        found = {index: Candidates(asked[index], site=site, terminals=held) for index in left}
        chosen = _matched(found)
        for index, row in chosen.items():
            decisions[index] = _decision(found[index], row, together=len(chosen), told=told)
        left = [index for index in left if index not in chosen]
        if not chosen or policy.offered_up_to == 1:
            decisions.update({index: _decision(found[index], None, told=told) for index in left})
            break
        held = _taken_up(held, [decisions[index] for index in chosen])
    return [decisions[index] for index in range(len(wanted))]


def _question(wanted: Wanted, *, now: datetime, policy: DispatchPolicy) -> Question:
    case, category = wanted.case, wanted.category
    if category is not None and case.rework_by is not None:
        category = replace(category, department=case.rework_by)
    return Question(
        case=case,
        category=category,
        declined=wanted.declined,
        unanswered=wanted.unanswered,
        now=now,
        policy=policy,
    )


def _matched(found: Mapping[int, Candidates]) -> dict[int, int]:
    """Return the row of the force for each question that gets one when each force gets one at most.

    Where a grid's last free forces are held back from general cases, all of a round may still take more than are to
    spare; the questions that would go too far stay for the next look.
    """
    numbers = list(found)
    costs = np.array([found[number].costs_s() for number in numbers])
    forces = np.flatnonzero(np.isfinite(costs).any(axis=0))
    reachable = np.where(np.isfinite(costs[:, forces]), costs[:, forces], _NEVER_S)
    pairs = zip(*(axis.tolist() for axis in linear_sum_assignment(reachable)), strict=True)
    chosen = [(index, int(forces[column])) for index, column in pairs if reachable[index, column] < _NEVER_S]
    spare = found[numbers[0]].spare() if numbers else None
    kept = {}
    for index, row in chosen:
        if spare is None or spare.take(row):
            kept[numbers[index]] = row
    return kept


def _taken_up(terminals: Mapping[str, Terminal], decisions: Iterable[Decision]) -> Mapping[str, Terminal]:
    held = dict(terminals)
    for decision in decisions:
        if isinstance(decision, Dispatch):
            known = held.get(decision.terminal, Terminal(id=decision.terminal))
            held[decision.terminal] = replace(known, open_cases=known.open_cases + 1)
    return held


def _decision(found: Candidates, best: int | None, *, together: int = 1, told: bool = True) -> Decision:
    telling = Telling(found, best)
    passed, rows, others = telling.passed_over() if told else ([], _NOBODY, {})
    if best is None:
        skipped = _skipped(passed, telling.distances(rows.tolist()))
        count = int((found.ring >= 0).sum())
        reason = f"none of {count} forces in and next to grid {found.case.grid} may take it now"
        return NoTerminal(reason=reason, skipped=skipped, others=others)
    if together > 1:
        passed = [(code, words.together(reason)) for code, reason in passed]
    reason = telling.praise(together=together)
    return _given(found, best, telling, reason=reason, passed_over=(passed, rows, others))


def _given(found: Candidates, best: int, telling: Telling, *, reason: str, passed_over: PassedOver) -> Dispatch:
    passed, rows, others = passed_over
    # The chosen one and those passed over are measured in one go.
    chosen_m, *metres = telling.distances([*found.in_all(np.array([best])).tolist(), *rows.tolist()])
    return Dispatch(
        terminal=found.roll.codes[best],
        distance_m=chosen_m,
        grid=found.roll.forces[best].grid,
        department=found.roll.forces[best].department,
        reason=reason,
        skipped=_skipped(passed, metres),
        travel_s=round(found.travel_s(best), 1),
        wait_s=round(float(found.wait_s[best]), 1),
        others=others,
    )


def _skipped(passed: Iterable[tuple[str, str]], metres: Iterable[float]) -> tuple[Skipped, ...]:
    return tuple(
        Skipped(terminal=code, distance_m=distance_m, reason=reason)
        for (code, reason), distance_m in zip(passed, metres, strict=True)
    )


_NOBODY = np.zeros(0, np.int64)
