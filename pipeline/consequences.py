"""Consequences: what an event's details change in a case beyond its status. Pure.

Doing and replaying use the same function, so that the stored row and the history cannot drift apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pipeline.cases import Action, Case, Channel

CLOCK, LAPSED = "clock", "extension-lapsed"
JOINT, JOINT_PART = "joint", "joint-part"
ERASE, PICTURE, CONSULTED, LISTED = "erase", "picture", "consulted", "listed"

ABSORB, UNABSORB, SPLIT = "absorb", "unabsorb", "split"
MERGE, UNMERGE = "merge", "unmerge"

NOT_STEPS: Final = frozenset(
    {
        "attach", "no-terminal", CLOCK, LAPSED, JOINT, JOINT_PART, ERASE, PICTURE, CONSULTED, LISTED, "open-original",
        "feedback", ABSORB, UNABSORB, SPLIT, "appeal", "appeal-upheld", "appeal-dismissed",
    }
)  # fmt: skip
"""Events that are no step of anybody: they leave status, holder and the time of the last step as they are."""

_MOVES_DUTIES: Final = frozenset(
    {Action.RESUME.value, Action.RETURN.value, Action.EXTEND.value, Action.REWORK.value, Action.REOPEN.value, UNMERGE}
)
_DUTIES: Final = ("handle_by", "arrive_by", "first_result_by")


def consequences(case: Case, action: str, details: Mapping[str, object]) -> Case:
    """Return the case with what the details of an event say; most events change nothing here."""
    change = _CHANGES.get(action)
    changes = {} if change is None else change(case, details)
    if action in _MOVES_DUTIES:
        changes |= {name: _instant(details[name]) for name in _DUTIES if name in details}
    raised = details.get("raised")
    if isinstance(raised, Mapping):
        changes |= {name: _instant(raised[name]) for name in (*_DUTIES, "ticket_due") if name in raised}
        changes |= {name: raised[name] for name in ("urgent", "urgent_reason") if name in raised}
    return replace(case, **changes) if changes else case


def _sent_back(case: Case, details: Mapping[str, object]) -> dict[str, Any]:
    department = details.get("department")
    liaisons = texts_of(details["liaisons"]) if "liaisons" in details else case.liaisons
    return {"bound": True, "rework_by": None if department is None else str(department), "liaisons": liaisons}


def _joined(_: Case, details: Mapping[str, object]) -> dict[str, Any]:
    led = {"rework_by": str(details["department"])} if "department" in details else {}
    return {"liaisons": texts_of(details["liaisons"]), **led}


def _known_first(_: Case, details: Mapping[str, object]) -> dict[str, Any]:
    known_at = datetime.fromisoformat(str(details["occurred_at"]))
    return {"channel": Channel(str(details["channel"])), "occurred_at": known_at}


def _instant(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))


_CHANGES: Final[Mapping[str, Callable[[Case, Mapping[str, object]], dict[str, Any]]]] = {
    Action.SUSPEND.value: lambda case, details: {"asked": number_of(details.get("asked", case.asked))},
    Action.ASK_EXTENSION.value: lambda _, details: {"asked": number_of(details["asked"])},
    Action.EXTEND.value: lambda case, _: {"asked": 0.0, "extended": case.extended + 1},
    Action.REFUSE_EXTENSION.value: lambda _, __: {"asked": 0.0},
    LAPSED: lambda _, __: {"asked": 0.0},
    Action.SUPERVISE.value: lambda _, __: {"supervised": True},
    Action.REWORK.value: _sent_back,
    CLOCK: lambda case, details: {"level": max(case.level, int(number_of(details["level"])))},
    JOINT: _joined,
    ABSORB: _known_first,
    UNABSORB: _known_first,
    SPLIT: lambda case, details: {"sightings": case.sightings - len(texts_of(details["sightings"]))},
    MERGE: lambda _, details: {"merged_into": str(details["into"])},
    UNMERGE: lambda _, __: {"merged_into": None},
}


def number_of(value: object) -> float:
    """Return a number of JSON."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value)


def texts_of(value: object) -> tuple[str, ...]:
    """Return a list of texts of JSON."""
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(str(each) for each in value)
