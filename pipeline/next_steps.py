"""Next steps: everything that somebody may do with a case now, in the terms of the rules that will judge it. Pure.

Doors and pages list what is here and nothing else, so that no button is offered that the rules refuse. `cases.STEPS`
says which step may follow which; extensions, joint action and the doors beside the steps add their own conditions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from pipeline.case_clocks import ClockName, DutyClock, due_at, handling_time
from pipeline.casebook import Asking
from pipeline.cases import ENDED, IN_WORK, MUST_SHOW, NEEDS_REASON, STEPS, Action, Case, Status, steps_for
from pipeline.duty_book import JointPart
from pipeline.escalation import may_take
from pipeline.principal import Principal, Role
from pipeline.site import Site

_DESK: Final = frozenset({Role.SYSTEM, Role.DISPATCHER, Role.ADMIN})
_APART: Final = frozenset({Status.REFUSED, Status.VOID})


class Aside(StrEnum):
    """What may be done with a case beside its steps."""

    FALSE = "false"
    PICTURE = "picture"
    JOINT = "joint"
    JOINT_PART = "joint-part"
    CONSULT = "consult"
    MERGE = "merge"
    UNMERGE = "unmerge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What must be known beside the case.

    Attributes:
        handle: the clock of handling it; None without a deadline.
        asked_by: who asked for the extension that waits; empty when none does.
        parts: of its joint action.
    """

    site: Site
    handle: DutyClock | None = None
    asked_by: str = ""
    parts: Sequence[JointPart] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """One thing that may be done now.

    Attributes:
        name: an `Action`'s or an `Aside`'s value.
        note: it needs words.
        shows: it needs words or a picture.
        most: of an extension, how much may be asked for, in `unit`.
        department: of a part of a joint action, whose it is.
    """

    name: str
    note: bool = False
    shows: bool = False
    most: float | None = None
    unit: str | None = None
    department: str | None = None


def known_of(book: Asking, case: Case, site: Site) -> Known:
    """Return what must be known beside a case."""
    asked = [e for e in book.events(case.number) if e.action == Action.ASK_EXTENSION.value] if case.asked else []
    handle = next((clock for clock in book.clocks_of(case.number) if clock.name is ClockName.HANDLE), None)
    parts = tuple(book.joint_parts(case.number))
    return Known(site=site, handle=handle, asked_by=asked[-1].actor if asked else "", parts=parts)


def next_steps(case: Case, who: Principal, known: Known) -> tuple[NextStep, ...]:
    """Return what a principal may do with a case now: its steps first, in the table's order."""
    if who.grids is not None and case.grid not in who.grids and not _has_hand(case, who):
        return ()
    steps = [_step(action, case, known) for action in steps_for(case, who) if _holds(action, case, who, known)]
    return (*steps, *_asides(case, who, known))


def longest_extension(case: Case, clock: DutyClock, site: Site) -> float:
    """Return the most time that may be asked for at once, in the clock's unit."""
    usual = handling_time(case, site)
    # A ticket may have moved the clock to another unit since; then what it runs for now is what counts.
    base = usual.value if usual is not None and usual.unit is clock.unit else clock.value
    return site.settings.escalation.most_share * base


def until_with(clock: DutyClock, more: float, site: Site) -> datetime:
    """Return by when a case would have to be handled with so much more time."""
    return due_at(replace(clock, value=clock.value + more), 1.0, site=site)


def outstanding(parts: Sequence[JointPart]) -> tuple[JointPart, ...]:
    """Return the parts of a joint action that others than the lead have not reported."""
    return tuple(part for part in parts if not part.lead and part.done_at is None)


def _has_hand(case: Case, who: Principal) -> bool:
    return who.terminal is not None and who.terminal in {case.terminal, *case.liaisons}


def _step(action: Action, case: Case, known: Known) -> NextStep:
    if action is Action.ASK_EXTENSION and known.handle is not None:
        most = longest_extension(case, known.handle, known.site)
        return NextStep(name=action.value, note=True, most=most, unit=known.handle.unit.value)
    return NextStep(name=action.value, note=action in NEEDS_REASON, shows=action in MUST_SHOW)


def _holds(action: Action, case: Case, who: Principal, known: Known) -> bool:
    """Tell whether what a step asks for besides its status holds too."""
    policy = known.site.settings.escalation
    if action is Action.ASK_EXTENSION:
        return known.handle is not None and case.extended < policy.extensions
    if action in {Action.EXTEND, Action.REFUSE_EXTENSION}:
        return who.role in {policy.approver, Role.ADMIN, Role.SYSTEM} and known.asked_by != who.name
    if action is Action.SELF_HANDLE and who.role is Role.FORCE and not may_take(case, who.terminal, known.site):
        return False
    if action in {Action.DONE, Action.SELF_HANDLE}:
        return not (case.liaisons and outstanding(known.parts))
    return True


def _asides(case: Case, who: Principal, known: Known) -> list[NextStep]:
    desk, own = who.role in _DESK, who.role is Role.FORCE and _has_hand(case, who)
    found = []
    if _may_call_false(case, who):
        found.append(NextStep(name=Aside.FALSE))
    if (desk or own) and case.status not in ENDED:
        found.append(NextStep(name=Aside.PICTURE))
    if desk and case.status in IN_WORK and not known.parts:
        found.append(NextStep(name=Aside.JOINT))
    if case.status in IN_WORK:
        found += [
            NextStep(name=Aside.JOINT_PART, note=True, department=part.department)
            for part in outstanding(known.parts)
            if desk or (own and part.terminal == who.terminal)
        ]
    if desk and case.status not in ENDED:
        found.append(NextStep(name=Aside.CONSULT, note=True))
    if desk:
        found += [NextStep(name=Aside.MERGE)] if case.status not in _APART else []
        found += [NextStep(name=Aside.UNMERGE, note=True)] if case.merged_into is not None else []
    return found


def _may_call_false(case: Case, who: Principal) -> bool:
    if who.role is Role.FORCE:
        return who.terminal is not None and who.terminal == case.terminal and case.status in STEPS[Action.RETURN][0]
    return who.role in _DESK and case.status not in _APART
