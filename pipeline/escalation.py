"""Escalation: who hears of a case at each level, and which department answers for it. Pure.

`escalation_policy` says when, `watch` does it.
"""

from pipeline.cases import Case
from pipeline.escalation_policy import Level
from pipeline.site import Site


def addressees(level: Level, case: Case, site: Site) -> tuple[str, ...]:
    """Return the addresses that hear of a case at a level, for the outbox: `terminal/T001`, `grid/YP-G1/chief`."""
    match level:
        case Level.HANDLER:
            return (f"terminal/{case.terminal}",) if case.terminal else ("centre",)
        case Level.DEPARTMENT:
            return (f"department/{department_of(case, site)}",)
        case Level.DEPUTY_CHIEF:
            return (f"grid/{case.grid}/deputies",)
        case Level.CHIEF:
            return (f"grid/{case.grid}/chief",)
        case Level.CENTRE:
            return ("centre",)
        case Level.DISTRICT:
            return ("district",)


def may_take(case: Case, terminal: str | None, site: Site) -> bool:
    """Tell whether a case is not one that another department than that of a terminal's carrier must handle."""
    force = site.roster.by_terminal().get(terminal or "")
    return case.rework_by is None or (force is not None and force.department == case.rework_by)


def department_of(case: Case, site: Site) -> str:
    """Return the department that answers for a case: who alone may handle it, its holder's, its category's."""
    if case.rework_by is not None:
        return case.rework_by
    force = site.roster.by_terminal().get(case.terminal or "")
    if force is not None:
        return force.department
    category = site.catalogue.by_key.get(case.category)
    return category.department if category is not None else "centre"
