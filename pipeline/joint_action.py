"""Joint action (联勤联动): one case opened to several departments, one of them leading, each with a liaison.

The lead's handler takes the case's own steps; every other department reports its part, and the case cannot be done
before all have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pipeline.casebook import LimitError, OutboxMessage, Transaction
from pipeline.cases import IN_WORK, Action, Case, is_legal
from pipeline.consequences import JOINT, JOINT_PART, consequences
from pipeline.duty_book import JointPart
from pipeline.errors import PipelineError, UnknownError
from pipeline.escalation import may_take
from pipeline.next_steps import outstanding
from pipeline.offers import Entered, assign, enter
from pipeline.principal import Role
from pipeline.roster import Force
from pipeline.site import Site
from pipeline.whereabouts import place_of

MOST_DEPARTMENTS: Final = 12
_FEWEST: Final = 2
_SHORTEST_WORDS: Final = 2


class JointActionError(PipelineError):
    """A joint action cannot be opened as asked, or has no such part."""

    def __init__(self, number: str, why: str) -> None:
        super().__init__(f"joint action on case {number}: {why}")


class PartsOutstandingError(PipelineError):
    """A case is to be done while departments still work on it."""

    def __init__(self, number: str, departments: tuple[str, ...]) -> None:
        super().__init__(
            f"case {number} is a joint action; still at work: {', '.join(departments)};"
            " it can be done when each has reported its part"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JointPlan:
    """Who takes part.

    Attributes:
        lead: the department that answers for the whole; one of `liaisons`.
        liaisons: the number of one force by department, at least two.
    """

    lead: str
    liaisons: Mapping[str, str]


def open_joint(tx: Transaction, case: Case, plan: JointPlan, *, site: Site, entered: Entered, note: str) -> Case:
    """Open a case to several departments; returns it with their liaisons, who may see it from now on.

    The lead alone may handle it: where somebody else holds it, or nobody, it goes to the lead's liaison.

    Raises:
        RefusedError: only the desk may.
        JointActionError: the case is not in work, or is joint already, or the plan does not hold, or somebody else's
            work has gone too far for the lead to take over.
        UnknownError: a liaison is nobody of the site.
    """
    entered.by.require("open a joint action", Role.DISPATCHER, Role.ADMIN)
    if case.status not in IN_WORK:
        raise JointActionError(case.number, f"it is {case.status}; open one while the case is in work")
    if tx.joint_parts(case.number):
        raise JointActionError(case.number, "it has one already; finish that first")
    forces = _checked(case, plan, site)
    taking_over = _taking_over(case, plan, forces[plan.lead], site)
    parts = [
        JointPart(
            case=case.number,
            department=department,
            lead=department == plan.lead,
            force=force.number,
            terminal=force.terminal,
            opened_at=entered.now,
        )
        for department, force in sorted(forces.items())
    ]
    tx.add_joint_parts(parts)
    details: dict[str, object] = {
        "lead": plan.lead,
        "department": plan.lead,
        "parts": [{"department": p.department, "force": p.force, "terminal": p.terminal} for p in parts],
        "liaisons": sorted({p.terminal for p in parts if p.terminal is not None}),
        **({"note": note} if note else {}),
    }
    after = consequences(replace(case, version=case.version + 1), JOINT, details)
    enter(tx, after, JOINT, entered=entered, details=details)
    for part in parts:
        _invite(tx, after, part, now=entered.now)
    if taking_over is not None:
        return assign(tx, after, taking_over, site=site, entered=entered, note=note)[0]
    return after


def finish_part(tx: Transaction, case: Case, department: str, *, site: Site, entered: Entered, note: str) -> Case:
    """Store that a department has done its part, with what it did, and where its liaison is as far as that is known.

    Raises:
        RefusedError: the role may not.
        JointActionError: the case has no such part, or it was reported, or is another's or the lead's, or words are
            missing.
    """
    entered.by.require("report a part of a joint action", Role.FORCE, Role.DISPATCHER, Role.ADMIN)
    part = next((each for each in tx.joint_parts(case.number) if each.department == department), None)
    if part is None:
        raise JointActionError(case.number, f"{department!r} has no part in it")
    if entered.by.role is Role.FORCE and (part.terminal is None or part.terminal != entered.by.terminal):
        raise JointActionError(case.number, f"the liaison of {department} is {part.force}, who alone reports its part")
    if part.lead:
        raise JointActionError(case.number, f"{department} leads; it reports by taking the case's own steps")
    if case.status not in IN_WORK:
        raise JointActionError(case.number, f"it is {case.status}; parts are reported while the case is in work")
    if len(note.strip()) < _SHORTEST_WORDS:
        raise JointActionError(case.number, "say in `note` what was done")
    if not tx.finish_part(case.number, department, entered.now):
        raise JointActionError(case.number, f"{department} reported its part before")
    after = replace(case, version=case.version + 1)
    details: dict[str, object] = {"department": department, "force": part.force, "note": note}
    details |= place_of(tx, None, site=site, entered=entered)
    enter(tx, after, JOINT_PART, entered=entered, details=details)
    return after


def require_parts_done(tx: Transaction, case: Case) -> None:
    """Require that every department but the lead has reported its part.

    Raises:
        PartsOutstandingError: naming those that have not.
    """
    if not case.liaisons:
        return
    waiting = tuple(part.department for part in outstanding(tx.joint_parts(case.number)))
    if waiting:
        raise PartsOutstandingError(case.number, waiting)


def _checked(case: Case, plan: JointPlan, site: Site) -> dict[str, Force]:
    if not _FEWEST <= len(plan.liaisons) <= MOST_DEPARTMENTS:
        raise LimitError("liaisons", f"{len(plan.liaisons)} departments", f"{_FEWEST} to {MOST_DEPARTMENTS}")
    if plan.lead not in plan.liaisons:
        named = ", ".join(sorted(plan.liaisons))
        raise JointActionError(case.number, f"the lead {plan.lead!r} is not among the departments {named}")
    forces = {force.number: force for force in site.roster.forces}
    found = {}
    for department, number in plan.liaisons.items():
        if number not in forces:
            raise UnknownError("force", number)
        if forces[number].department != department:
            own = forces[number].department
            raise JointActionError(case.number, f"{number} is of {own}, so cannot be the liaison of {department}")
        found[department] = forces[number]
    return found


def _taking_over(case: Case, plan: JointPlan, liaison: Force, site: Site) -> str | None:
    """Return the terminal that a joint action's case goes to; None where the lead holds it already."""
    if case.rework_by not in {None, plan.lead}:
        raise JointActionError(case.number, f"it is for {case.rework_by} alone; let {case.rework_by} lead")
    if may_take(replace(case, rework_by=plan.lead), case.terminal, site):
        return None
    if not is_legal(case, Action.DISPATCH):
        why = f"it is {case.status} with terminal {case.terminal}, who is not of the lead {plan.lead}"
        raise JointActionError(case.number, f"{why}; let the department that is there lead, or have it sent back first")
    if liaison.terminal is None:
        raise JointActionError(
            case.number, f"{liaison.number}, who would lead, carries no terminal; name somebody else"
        )
    return liaison.terminal


def _invite(tx: Transaction, case: Case, part: JointPart, *, now: datetime) -> None:
    payload = {"case": case.number, "department": part.department, "lead": part.lead, "force": part.force}
    target = f"terminal/{part.terminal}" if part.terminal else f"department/{part.department}"
    key = f"{case.number}/{case.version}/{JOINT}/{part.department}"
    tx.enqueue(OutboxMessage(key=key, kind=JOINT, target=target, payload=payload, created_at=now))
