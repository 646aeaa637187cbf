"""The console's panel of one case: what is known, why it went where it went, what may be done. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.case_views import CaseView, case_view, offer_until
from api.reach import DESK
from api.reason_words import worded
from api.services import Services
from api.terminals_now import TerminalNow, terminals_now
from api.words import Words
from pipeline.casebook import Evidence
from pipeline.cases import NEEDS_REASON, OPEN, STEPS, Action, Case, Event, Status, legal_actions
from pipeline.dispatch import ineligibility
from pipeline.principal import Principal, Right, Role
from pipeline.trust import FalseReason

_MOST_ENTRIES: Final = 200
_MOST_ALIKE: Final = 8
_PROMINENT: Final = frozenset({Action.FILE, Action.CHECK, Action.CLOSE})
_GRAVE: Final = frozenset({Action.REJECT, Action.VOID})
# What a force does on the spot; the desk may do it for a terminal that reports by radio.
_ON_BEHALF: Final[Mapping[Action, str]] = {
    Action.ACCEPT: "action.accept_for",
    Action.DECLINE: "action.decline_for",
    Action.ARRIVE: "action.arrive_for",
    Action.FIRST_RESULT: "action.first_result_for",
    Action.DONE: "action.done_for",
}
# Their reasons stand elsewhere on the panel, or say nothing to a reader.
_REASON_ELSEWHERE: Final = frozenset({Action.DISPATCH.value, "no-terminal", "open"})
_REASSIGNS: Final = frozenset({"dispatched", "accepted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedLine:
    """A candidate that did not get the case, with the reason in words."""

    terminal: str
    distance_m: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The last decision on who gets the case."""

    terminal: str | None
    carrier: str
    distance_m: float | None
    reason: str
    skipped: tuple[SkippedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the history."""

    event: Event
    title: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """Something that may be done now; `word` is its key."""

    action: Action
    word: str
    kind: str
    needs_note: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A terminal that a dispatcher may choose; `reason` says what speaks against it, if anything does."""

    terminal: str
    name: str
    distance_m: float
    load: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedEntry:
    """An entry by which a sighting or a report was added, and which may be split off."""

    sequence: int
    at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Everything that the panel shows."""

    view: CaseView
    offer_until: datetime | None
    camera_name: str
    pictures: Sequence[Evidence]
    decision: Decision | None
    history: Sequence[Entry]
    actions: Sequence[Button]
    terminals: Sequence[Choice]
    may_act: bool
    may_say_false: bool
    may_open_originals: bool
    waits_for_yes: bool
    alike: Sequence[CaseView]
    merged: Sequence[CaseView]
    entries: Sequence[AddedEntry]
    false_reasons: Sequence[FalseReason]


def panel_of(services: Services, case: Case, who: Principal, spoken: Words) -> Panel:
    """Return the panel of a case as a principal sees it."""
    now, site = services.clock.now(), services.site
    events = services.casebook.events(case.number)
    may_act = who.role in DESK
    buttons = buttons_of(case, who.role) if may_act else []
    sends = any(button.action is Action.DISPATCH for button in buttons)
    camera = site.cameras.get(case.camera or "")
    return Panel(
        view=case_view(case, site, spoken, now=now),
        offer_until=offer_until(case, site),
        camera_name=spoken.either(camera.name, camera.name_zh) if camera else "",
        pictures=services.casebook.evidence(case.number),
        decision=_decision(services, events, spoken),
        history=[_entry(event, spoken) for event in reversed(events[-_MOST_ENTRIES:])],
        actions=buttons,
        terminals=_choices(services, case, terminals_now(services, who), spoken) if sends else [],
        may_act=may_act,
        **_feedback(services, case, who, events, spoken),
    )


def _feedback(services: Services, case: Case, who: Principal, events: Sequence[Event], spoken: Words) -> dict[str, Any]:
    """Return what a dispatcher may say of a case beyond its steps: that it was false, or one with another, or two."""
    now, site, at_desk = services.clock.now(), services.site, who.role in DESK
    merging = services.desk.merging
    shows = at_desk and case.status not in {Status.REFUSED, Status.VOID}
    near = merging.alike(case.number, principal=who)[:_MOST_ALIKE] if shows else ()
    merged = services.casebook.read(lambda asked: asked.merged(case.number))
    split = {entry for event in events if event.action == "split" for entry in _numbers(event.details.get("entries"))}
    added = [each for each in events if each.action in {"attach", "reopen"} and each.sequence not in split]
    return {
        "may_say_false": shows,
        "may_open_originals": Right.OPEN_ORIGINALS in who.rights,
        "waits_for_yes": case.status is Status.REPORTED and case.camera is not None,
        "alike": [case_view(each, site, spoken, now=now) for each in near],
        "merged": [case_view(each, site, spoken, now=now) for each in merged],
        "entries": [_added(each, services, spoken) for each in added[-_MOST_ENTRIES:]] if case.status in OPEN else [],
        "false_reasons": tuple(FalseReason),
    }


def _added(event: Event, services: Services, spoken: Words) -> AddedEntry:
    told = event.details
    camera = services.site.cameras.get(_text(told.get("camera")))
    name = spoken.either(camera.name, camera.name_zh) if camera else spoken(f"channel.{told['channel']}")
    return AddedEntry(sequence=event.sequence, at=event.at, source=name)


def _numbers(value: object) -> list[int]:
    return [each for each in value if isinstance(each, int)] if isinstance(value, list) else []


def buttons_of(case: Case, role: Role) -> list[Button]:
    """Return what a role may do with a case now, the usual step first and the grave ones last."""
    allowed = [action for action in legal_actions(case.status) if role in STEPS[action][2]]
    buttons = [_button(action, case) for action in allowed]
    order = {"go": 0, "": 1, "danger": 2}
    return sorted(buttons, key=lambda button: order[button.kind])


def _button(action: Action, case: Case) -> Button:
    word = _ON_BEHALF.get(action, f"action.{action}")
    if action is Action.FILE and case.status is Status.REPORTED and case.camera is not None:
        word = "action.yes"
    if action is Action.DISPATCH and case.status in _REASSIGNS:
        word = "action.reassign"
    prominent = action in _PROMINENT or (action is Action.DISPATCH and case.status not in _REASSIGNS)
    kind = "go" if prominent else "danger" if action in _GRAVE else ""
    return Button(action=action, word=word, kind=kind, needs_note=action in NEEDS_REASON)


def _choices(services: Services, case: Case, terminals: Sequence[TerminalNow], spoken: Words) -> list[Choice]:
    """Return whom a dispatcher may send, on duty and other than the holder: eligible ones first, then nearest."""
    on_duty = [each for each in terminals if each.on_duty and each.id != case.terminal]
    found = [_choice(services, case, each, spoken) for each in on_duty]
    return sorted(found, key=lambda choice: (choice.reason != "", choice.distance_m, choice.terminal))


def _choice(services: Services, case: Case, each: TerminalNow, spoken: Words) -> Choice:
    distance_m, fault = ineligibility(
        case,
        each.force,
        site=services.site,
        category=services.site.catalogue.get(case.category),
        terminals={each.id: each.terminal},
        now=services.clock.now(),
    )
    reason = worded(fault, spoken) if fault else ""
    name = spoken.either(each.force.name, each.force.name_zh)
    return Choice(terminal=each.id, name=name, distance_m=distance_m, load=each.terminal.open_cases, reason=reason)


def _decision(services: Services, events: Sequence[Event], spoken: Words) -> Decision | None:
    made = [event for event in events if event.action in {Action.DISPATCH, "no-terminal"}]
    if not made:
        return None
    details = made[-1].details
    terminal = _text(details.get("terminal")) or None
    force = services.site.roster.by_terminal().get(terminal or "")
    distance = details.get("distance_m")
    despite = _text(details.get("despite"))
    reasons = [worded(each, spoken) for each in (_text(details.get("reason")), despite) if each]
    return Decision(
        terminal=terminal,
        carrier=spoken.either(force.name, force.name_zh) if force else "",
        distance_m=float(distance) if isinstance(distance, int | float) else None,
        reason="; ".join(reasons),
        skipped=tuple(_skipped(each, spoken) for each in _rows(details.get("skipped"))),
    )


def _skipped(row: Mapping[str, object], spoken: Words) -> SkippedLine:
    distance = row.get("distance_m")
    return SkippedLine(
        terminal=_text(row.get("terminal")),
        distance_m=float(distance) if isinstance(distance, int | float) else 0.0,
        reason=worded(_text(row.get("reason")), spoken),
    )


def _entry(event: Event, spoken: Words) -> Entry:
    key = f"event.{event.action}"
    if event.action == Action.DECLINE and event.details.get("unanswered"):
        key = "event.pass-over"
    if event.details.get("verdict") == "false" and event.action != "feedback":
        key = "event.false"
    told = event.details
    number = _text(told.get("into")) or _text(told.get("case")) or _text(told.get("from"))
    title = spoken(key, terminal=_text(told.get("terminal")), number=number)
    reason = "" if event.action in _REASON_ELSEWHERE else _text(event.details.get("reason"))
    description = "" if event.action == "open" else _text(event.details.get("description"))
    why = _text(event.details.get("false_reason"))
    notes = [_text(event.details.get("note")), description, reason]
    words = ([spoken(f"false.{why}")] if why else []) + [worded(note, spoken) for note in notes if note]
    return Entry(event=event, title=title, note="; ".join(words))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _rows(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
