"""The console's panel of one case: what is known, why it went where it went, what may be done. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.case_now import known_now
from api.case_views import CaseView, case_view, offer_until
from api.reach import DESK
from api.reason_words import worded
from api.services import Services
from api.side_steps import MoreTime, PartLine, asked_time, department_name, liaisons_of, more_times, part_lines
from api.terminals_now import TerminalNow, terminals_now
from api.words import Words
from pipeline.casebook import Evidence
from pipeline.cases import MUST_SHOW, NEEDS_REASON, OPEN, Action, Case, Event, Status
from pipeline.dispatch import ineligibility
from pipeline.duty_book import Consultation
from pipeline.merging import took_in
from pipeline.next_steps import Aside, Known, NextStep, next_steps
from pipeline.principal import Principal, Right
from pipeline.trust import FalseReason

_MOST_ENTRIES: Final = 200
_MOST_ALIKE: Final = 8
_MOST_MEETINGS: Final = 50
_PROMINENT: Final = frozenset({Action.FILE, Action.CHECK, Action.CLOSE})
_GRAVE: Final = frozenset({Action.REJECT, Action.VOID})
# Each has a form of its own on the panel, with its own words; an extension that was asked for stands above them.
_FOLDED: Final = (
    Action.REWORK, Action.SUPERVISE, Action.SUSPEND, Action.ASK_EXTENSION, Action.REOPEN, Action.VOID,
)  # fmt: skip
_DECIDES: Final = frozenset({Action.EXTEND, Action.REFUSE_EXTENSION})
# What a force does on the spot; the desk may do it for a terminal that reports by radio.
_ON_BEHALF: Final[Mapping[Action, str]] = {
    Action.ACCEPT: "action.accept_for",
    Action.DECLINE: "action.decline_for",
    Action.ARRIVE: "action.arrive_for",
    Action.FIRST_RESULT: "action.first_result_for",
    Action.DONE: "action.done_for",
    Action.SELF_HANDLE: "action.self_handle_for",
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
class Asked:
    """An extension that waits for a decision: how much, who asked and why, and whether whoever looks may decide."""

    time: MoreTime
    actor: str
    at: datetime
    why: str
    may_decide: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Everything that the panel shows.

    Attributes:
        actions: what takes at most the note below the panel.
        side: the side steps, each with a form of its own.
        came_back: the entry by which a case was sent back that waits for the desk.
        liaisons: whom each department could send to a joint action, by code; empty where none can be opened.
        departments: names by code.
        departments_all: codes and names of the site's, in its order.
        meetings: consultations that are not closed.
    """

    view: CaseView
    offer_until: datetime | None
    camera_name: str
    pictures: Sequence[Evidence]
    decision: Decision | None
    history: Sequence[Entry]
    actions: Sequence[Button]
    side: Sequence[Button]
    asked: Asked | None
    more_time: Sequence[MoreTime]
    came_back: Entry | None
    parts: Sequence[PartLine]
    liaisons: Mapping[str, Sequence[tuple[str, str]]]
    departments: Mapping[str, str]
    departments_all: Sequence[tuple[str, str]]
    may_consult: bool
    meetings: Sequence[Consultation]
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
    known = known_now(services, case)
    steps = next_steps(case, who, known) if may_act else ()
    buttons = buttons_of(case, steps)
    sends = any(button.action is Action.DISPATCH for button in buttons)
    camera = site.cameras.get(case.camera or "")
    return Panel(
        view=case_view(case, site, spoken, now=now),
        offer_until=offer_until(case, site),
        camera_name=spoken.either(camera.name, camera.name_zh) if camera else "",
        pictures=services.casebook.evidence(case.number),
        decision=_decision(services, events, spoken),
        history=[_entry(event, spoken) for event in reversed(events[-_MOST_ENTRIES:])],
        actions=[each for each in buttons if each.action not in {*_FOLDED, *_DECIDES}],
        side=sorted((each for each in buttons if each.action in _FOLDED), key=lambda each: _FOLDED.index(each.action)),
        asked=_asked(case, events, known, buttons),
        more_time=more_times(steps, known, now=now),
        came_back=_came_back(case, events, spoken),
        **_together(services, case, known, steps, spoken),
        terminals=_choices(services, case, terminals_now(services, who), spoken) if sends else [],
        may_act=may_act,
        **_feedback(services, case, who, events, spoken),
    )


def _asked(case: Case, events: Sequence[Event], known: Known, buttons: Sequence[Button]) -> Asked | None:
    time = asked_time(case, known)
    made = [event for event in events if event.action == Action.ASK_EXTENSION]
    if time is None or not made:
        return None
    may_decide = any(each.action in _DECIDES for each in buttons)
    last = made[-1]
    return Asked(time=time, actor=last.actor, at=last.at, why=_text(last.details.get("note")), may_decide=may_decide)


def _came_back(case: Case, events: Sequence[Event], spoken: Words) -> Entry | None:
    made = [event for event in events if event.action == Action.RETURN]
    return _entry(made[-1], spoken) if case.status is Status.RETURNED and made else None


def _together(services: Services, case: Case, known: Known, steps: Sequence[NextStep], spoken: Words) -> dict[str, Any]:
    """Return what is done together: joint action, as it stands or could be opened, and consultations to come."""
    names = {each.name for each in steps}
    liaisons = liaisons_of(services, case, spoken) if Aside.JOINT in names else {}
    meetings = services.casebook.read(lambda book: book.consultations(limit=_MOST_MEETINGS))
    codes = [each.code for each in services.site.organisation.departments] or sorted(
        {force.department for force in services.site.roster.forces}
    )
    named = {code: department_name(code, services.site, spoken) for code in {*codes, *liaisons}}
    return {
        "parts": part_lines(known, steps, spoken),
        "liaisons": liaisons,
        "departments": named,
        "departments_all": [(code, named[code]) for code in codes],
        "may_consult": Aside.CONSULT in names,
        "meetings": [each for each in meetings if each.closed_at is None],
    }


def _feedback(services: Services, case: Case, who: Principal, events: Sequence[Event], spoken: Words) -> dict[str, Any]:
    """Return what a dispatcher may say of a case beyond its steps: that it was false, or one with another, or two."""
    now, site, at_desk = services.clock.now(), services.site, who.role in DESK
    merging = services.desk.merging
    shows = at_desk and case.status not in {Status.REFUSED, Status.VOID}
    near = merging.alike(case.number, principal=who)[:_MOST_ALIKE] if shows else ()
    merged = services.casebook.read(lambda asked: asked.merged(case.number))
    split = {entry for event in events if event.action == "split" for entry in _numbers(event.details.get("entries"))}
    added = [each for each in events if took_in(each) and each.sequence not in split]
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


def buttons_of(case: Case, steps: Sequence[NextStep]) -> list[Button]:
    """Return a button for each step that may be taken now, the usual one first and the grave ones last."""
    known = {action.value: action for action in Action}
    buttons = [_button(known[each.name], case) for each in steps if each.name in known]
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
    return Button(action=action, word=word, kind=kind, needs_note=action in NEEDS_REASON | MUST_SHOW)


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
        category=services.site.catalogue.by_key.get(case.category),
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
