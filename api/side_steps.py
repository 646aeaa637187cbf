"""What both faces show around the side ways of a case: time that may be asked for, time asked for, joint parts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from api.services import Services
from api.words import Words
from pipeline.cases import Action, Case
from pipeline.next_steps import Aside, Known, NextStep, until_with
from pipeline.site import Site

_SHARES: Final = (0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreTime:
    """More time to handle a case: how much, in the deadline's unit, and until when that would be."""

    more: float
    unit: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLine:
    """One department's part in a joint action.

    Attributes:
        may_report: whoever looks may report it.
    """

    department: str
    name: str
    liaison: str
    terminal: str | None
    lead: bool
    done_at: datetime | None
    may_report: bool


def more_times(steps: Iterable[NextStep], known: Known, *, now: datetime) -> tuple[MoreTime, ...]:
    """Return how much more time may be asked for, those that would end in the future, the shortest first."""
    step = next((each for each in steps if each.name == Action.ASK_EXTENSION), None)
    if step is None or step.most is None or step.unit is None or known.handle is None:
        return ()
    shares = [step.most * share for share in _SHARES]
    found = [MoreTime(more=more, unit=step.unit, until=until_with(known.handle, more, known.site)) for more in shares]
    return tuple(each for each in found if each.until > now)


def asked_time(case: Case, known: Known) -> MoreTime | None:
    """Return the time that was asked for and not decided on; None when there is none."""
    if not case.asked or known.handle is None:
        return None
    until = until_with(known.handle, case.asked, known.site)
    return MoreTime(more=case.asked, unit=known.handle.unit.value, until=until)


def part_lines(known: Known, steps: Iterable[NextStep], spoken: Words) -> tuple[PartLine, ...]:
    """Return the parts of a case's joint action, the lead first."""
    mine = {each.department for each in steps if each.name == Aside.JOINT_PART}
    forces = {force.number: force for force in known.site.roster.forces}
    return tuple(
        PartLine(
            department=part.department,
            name=department_name(part.department, known.site, spoken),
            liaison=spoken.either(forces[part.force].name, forces[part.force].name_zh)
            if part.force in forces
            else part.force,
            terminal=part.terminal,
            lead=part.lead,
            done_at=part.done_at,
            may_report=part.department in mine,
        )
        for part in known.parts
    )


def department_name(code: str, site: Site, spoken: Words) -> str:
    """Return a department's name in the reader's language."""
    named = next((each for each in site.organisation.departments if each.code == code), None)
    return spoken.known(f"duty.{code}", code) if named is None else spoken.either(named.name, named.name_zh)


def liaisons_of(services: Services, case: Case, spoken: Words) -> dict[str, list[tuple[str, str]]]:
    """Return whom each department could send as its liaison: numbers and names, of the case's grid first."""
    found: dict[str, list[tuple[str, str]]] = {}
    roster = sorted(services.site.roster.forces, key=lambda each: (each.grid != case.grid, each.number))
    for force in roster:
        name = spoken.either(force.name, force.name_zh)
        told = f"{force.number} · {name}" + (f" · {force.terminal}" if force.terminal else "")
        found.setdefault(force.department, []).append((force.number, told))
    return found
