"""What dispatch says of a force: why it may not take a case, why it did not get it, why it did.

In English; the doors have the Chinese (`api/reason_words.py`, which a test holds to these).
"""

from typing import Final

from pipeline.cases import Case, Side
from pipeline.catalogue import Category
from pipeline.roster import Force, Stage

NO_TERMINAL: Final = "carries no terminal"
OFF_DUTY: Final = "off duty"
STANDBY: Final = "on standby, called for urgent cases only"
DECLINED: Final = "declined this case"
UNANSWERED: Final = "did not answer the offer"

KINDS: Final = (
    "in a grid that is not next to the case's",
    NO_TERMINAL,
    "in a grid that is not switched on yet",
    "off duty, or on standby",
    "role, department, skills, side or units do not fit",
    "declined this case or did not answer",
    "holds the most cases allowed",
    "position is too old",
    "rests after a case",
    "held back for urgent cases",
    "another ring goes before it",
    "would be there later",
)


def not_next(grid: str, case_grid: str) -> str:
    """Say that a force's grid is too far off."""
    return f"grid {grid} is not next to {case_grid}"


def not_on(grid: str) -> str:
    """Say that a force's grid only collects as yet."""
    return f"grid {grid} is not switched on yet and lends nobody"


def unfit(force: Force, category: Category | None, case: Case, *, sides: frozenset[Side]) -> str | None:
    """Return what in a force's role, department, skills, sides (those of the moment) or units speaks against a case."""
    if category is None:
        return f"category {case.category} is not in the catalogue any more"
    return _untrained(force, category) or _elsewhere(force, case, sides) or _not_theirs(force, case)


def _untrained(force: Force, category: Category) -> str | None:
    if force.stage is Stage.FOLLOW_UP and force.department != category.department:
        return f"department {force.department} does not follow up this category"
    roles = category.first_roles
    if force.stage is Stage.FIRST and roles and force.role not in roles:
        return f"role {force.role} does not handle this category"
    return None if force.skilled(category.key) else "is not trained for this category"


def _not_theirs(force: Force, case: Case) -> str | None:
    if case.rework_by is None or force.department == case.rework_by:
        return None
    return f"the case is for {case.rework_by} alone"


def _elsewhere(force: Force, case: Case, sides: frozenset[Side]) -> str | None:
    if case.side not in sides:
        return f"patrols {force.side}, the case is {case.side}"
    if force.units and case.unit not in force.units:
        return "is bound to other units"
    return None


def full(most: int) -> str:
    """Say that somebody holds all they may."""
    return f"holds {most} or more cases, the most allowed" if most > 1 else "holds a case"


def dropped(age_s: float) -> str:
    """Say that nobody knows where somebody is."""
    return f"its position is {age_s:.0f} s old, too old to be sent by"


def resting(rest_s: float) -> str:
    """Say that somebody has just ended a case."""
    return f"rests for {rest_s:.0f} s after a case"


def held_back(grid: str) -> str:
    """Say that somebody is the last one who is free."""
    return f"last free force of grid {grid}, held back for urgent cases"


def old_position(age_s: float) -> str:
    """Say that somebody was not heard lately."""
    return f"its position is {age_s:.0f} s old: fresh ones go before it"


def later(seconds: float, held: int) -> str:
    """Say that somebody would be there later, though nearer."""
    holding = f"holds {held} case{'s' if held > 1 else ''}: " if held else ""
    return f"{holding}would be there about {max(seconds, 0.0):.0f} s later"


def lent_away(grid: str, gain_s: float) -> str:
    """Say that a neighbour is there so much sooner that it was lent."""
    return f"a force of grid {grid} is there sooner by more than {gain_s:.0f} s"


def goes_before(force: Force, chosen: Force) -> str:
    """Say that somebody in a ring before a force's own was taken."""
    before = "first force" if chosen.stage is Stage.FIRST else f"force of {chosen.department}"
    return f"{force.stage} of grid {force.grid}: a {before} of grid {chosen.grid} goes before it"


def named(by: str) -> str:
    """Say that somebody named who gets a case."""
    return f"chosen by {by}"


def another_named(by: str) -> str:
    """Say that a force might have got a case for which somebody named another."""
    return f"another was chosen by {by}"


TOGETHER: Final = "went to another case, of those assigned together"


def together(reason: str) -> str:
    """Say why a nearer force did not get a case that was assigned with others; what speaks against it stays."""
    return TOGETHER if reason.startswith(("would be there", "holds 1 case:")) else reason


def chosen(force: Force, *, among: int, grid: str, reported: bool, together: int = 1, breaks_off: bool = False) -> str:
    """Say why somebody was chosen."""
    stage = "first force" if force.stage is Stage.FIRST else f"force of {force.department}"
    basis = "reported position" if reported else "post"
    beside = "" if force.grid == grid else f", next to {grid}"
    with_others = f", of {together} cases assigned together" if together > 1 else ""
    leaving = ", leaving general work for it" if breaks_off else ""
    return f"soonest of {among} eligible as {stage} in grid {force.grid}{beside}, by its {basis}{with_others}{leaving}"
