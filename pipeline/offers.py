"""Offers: carries dispatch decisions out inside a write transaction: case, event and message in one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from pipeline import dispatch
from pipeline.casebook import OutboxMessage, Transaction
from pipeline.cases import Action, Case, Event, step
from pipeline.clock_keeping import STOPS, stop_clocks, take_up
from pipeline.consequences import consequences
from pipeline.dispatch import Decision, Dispatch, NoTerminal, Wanted
from pipeline.duty_clocks import is_collected
from pipeline.errors import PipelineError, UnknownError
from pipeline.escalation import may_take
from pipeline.feedback import tell_reporters
from pipeline.principal import PIPELINE, Principal, Role
from pipeline.site import Site

UNANSWERED_PAUSE = timedelta(minutes=10)
"""How long a terminal that let an offer pass is not offered the same case again."""
MOST_SKIPPED = 50
NO_TERMINAL = "no-terminal"
GATHERED = "gathered for {:.0f} s, to be assigned together with others"
_REFUSALS = frozenset({Action.DECLINE.value, Action.RETURN.value})
PUSH, WITHDRAW, NOTICE = "terminal-push", "terminal-withdraw", "terminal-notice"


class OtherDepartmentError(PipelineError):
    """A case that one department alone may handle is sent to another."""

    def __init__(self, number: str, terminal: str, department: str, wanted: str) -> None:
        super().__init__(
            f"case {number} is for {wanted} alone, and {terminal} is of {department}; choose a terminal of {wanted}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Who does something to a case, and when."""

    by: Principal
    now: datetime


def enter(tx: Transaction, case: Case, action: str, *, entered: Entered, details: Mapping[str, object]) -> None:
    """Store a case's new state with the event that led to it; stops clocks and tells whoever reported it."""
    tx.save_case(case)
    write_event(tx, case, action, entered=entered, details=details)
    if action in STOPS:
        stop_clocks(tx, case, entered.now)
    tell_reporters(tx, case, action, entered.now)


def write_event(tx: Transaction, case: Case, action: str, *, entered: Entered, details: Mapping[str, object]) -> None:
    """Append to a case's history."""
    tx.append(
        Event(
            case=case.number,
            action=action,
            status=case.status,
            actor=entered.by.name,
            role=entered.by.role,
            at=entered.now,
            details=details,
        )
    )


def offer(
    tx: Transaction, case: Case, *, site: Site, entered: Entered, note: str = "", opened: bool = False
) -> tuple[Case, Decision]:
    """Offer a case to whom `dispatch.decide` chooses; if there is nobody, the case stays and its history says why.

    The same `NoTerminal` twice in a row is written once, so that retries do not fill the history. Of a case that was
    `opened` just now the history is known: nobody was offered it.
    """
    history, gathering_s = () if opened else tx.events(case.number), site.settings.dispatch.batch_s
    case, raised = _taken_up(tx, case, site, entered)
    off = _not_switched_on(case, site, entered)
    decision: Decision
    if off is not None:
        decision = off
    elif gathering_s > 0.0 and not case.urgent and entered.by == PIPELINE and not _was_offered(history):
        decision = NoTerminal(reason=GATHERED.format(gathering_s), skipped=())
    else:
        wanted = _wanted(case, history, site=site, now=entered.now)
        decision = dispatch.decide(
            case,
            site=site,
            category=wanted.category,
            terminals=tx.terminals(),
            declined=wanted.declined,
            unanswered=wanted.unanswered,
            now=entered.now,
        )
    return _carry_out(tx, case, decision, entered=entered, history=history, note=note, raised=raised), decision


def offer_together(tx: Transaction, cases: Sequence[Case], *, site: Site, entered: Entered) -> list[Case]:
    """Offer cases that wait together, at least time in sum; returns them as they are then, in their order."""
    histories = [tx.events(case.number) for case in cases]
    asked = [
        (case, _wanted(case, history, site=site, now=entered.now))
        for case, history in zip(cases, histories, strict=True)
        if _not_switched_on(case, site, entered) is None
    ]
    decided = dispatch.decide_together(
        [wanted for _, wanted in asked], site=site, terminals=tx.terminals(), now=entered.now
    )
    decisions = {case.number: decision for (case, _), decision in zip(asked, decided, strict=True)}
    return [
        _carry_out(tx, case, decisions[case.number], entered=entered, history=history)
        if case.number in decisions
        else case
        for case, history in zip(cases, histories, strict=True)
    ]


def _wanted(case: Case, history: Iterable[Event], *, site: Site, now: datetime) -> Wanted:
    declined, unanswered = refusals(history, now)
    category = site.catalogue.by_key.get(case.category)
    return Wanted(case=case, category=category, declined=declined, unanswered=unanswered)


def _was_offered(history: Iterable[Event]) -> bool:
    return any(event.action in {Action.DISPATCH.value, NO_TERMINAL} for event in history)


def _carry_out(
    tx: Transaction,
    case: Case,
    decision: Decision,
    *,
    entered: Entered,
    history: Sequence[Event],
    note: str = "",
    raised: Mapping[str, object] = MappingProxyType({}),
) -> Case:
    if isinstance(decision, NoTerminal):
        return _nobody(tx, case, decision, entered=entered, history=history, raised=raised)
    return _hand(tx, case, decision, entered=entered, more={**({"note": note} if note else {}), **raised})


def _taken_up(tx: Transaction, case: Case, site: Site, entered: Entered) -> tuple[Case, dict[str, object]]:
    """Return a case that was collected and that a person sends, with its clocks, and what its history says of that."""
    times = {} if entered.by.role is Role.SYSTEM else take_up(tx, case, entered.now, site=site)
    raised: dict[str, object] = {"raised": times} if times else {}
    return consequences(case, Action.DISPATCH.value, raised), raised


def _not_switched_on(case: Case, site: Site, entered: Entered) -> NoTerminal | None:
    """Return why a case is offered to nobody by itself: it was only collected; a person still may."""
    if entered.by.role is not Role.SYSTEM or not is_collected(case, site):
        return None
    start = site.settings.rollout.starts(case.grid)
    return NoTerminal(reason=f"grid {case.grid} is switched on from {start}; what came before is collected", skipped=())


def assign(
    tx: Transaction, case: Case, terminal: str, *, site: Site, entered: Entered, note: str
) -> tuple[Case, Dispatch]:
    """Give a case to the terminal that somebody named, with what spoke against it, if anything did.

    Raises:
        UnknownError: no force of the site carries it.
        OtherDepartmentError: another department alone may handle the case.
        IllegalStepError, RefusedError: the step is not possible.
    """
    carriers = site.roster.by_terminal()
    if terminal not in carriers:
        raise UnknownError("terminal", terminal, sorted(carriers))
    require_department(case, terminal, site)
    decision, despite = dispatch.named(
        case,
        carriers[terminal],
        by=entered.by.name,
        site=site,
        category=site.catalogue.by_key.get(case.category),
        terminals=tx.terminals(),
        now=entered.now,
    )
    case, raised = _taken_up(tx, case, site, entered)
    more: dict[str, object] = {**({"note": note} if note else {}), **raised}
    if despite is not None:
        more["despite"] = despite
    return _hand(tx, case, decision, entered=entered, more=more), decision


def require_department(case: Case, terminal: str, site: Site) -> None:
    """Require that a terminal is of the department that alone may handle a case, if one may.

    Raises:
        OtherDepartmentError: it is of another.
    """
    if not may_take(case, terminal, site):
        force = site.roster.by_terminal().get(terminal)
        raise OtherDepartmentError(
            case.number, terminal, "no department" if force is None else force.department, str(case.rework_by)
        )


def release(tx: Transaction, case: Case, *, entered: Entered, note: str) -> Case:
    """Take an unanswered offer back: the case is filed again, and its history says who did not answer."""
    details = {"terminal": case.terminal, "unanswered": True, "note": note}
    filed = step(case, Action.DECLINE, principal=PIPELINE, note=note, now=entered.now)
    enter(tx, filed, Action.DECLINE.value, entered=entered, details=details)
    withdraw(tx, before=case, after=filed, now=entered.now)
    return filed


def notify(tx: Transaction, case: Case, action: str, *, now: datetime) -> None:
    """Tell the terminal that holds a case that somebody else did something with it."""
    if case.terminal is not None:
        _send(tx, case, NOTICE, target=case.terminal, now=now, more={"action": action})


def withdraw(tx: Transaction, *, before: Case, after: Case, now: datetime) -> None:
    """Tell the terminal that held a case that it does not any more."""
    if before.terminal is not None and before.terminal != after.terminal:
        _send(tx, after, WITHDRAW, target=before.terminal, now=now)


def refusals(history: Iterable[Event], now: datetime) -> tuple[frozenset[str], frozenset[str]]:
    """Return the terminals that declined a case or gave it back, and those that lately let an offer of it pass."""
    declined, unanswered = set(), set()
    for event in history:
        if event.action not in _REFUSALS:
            continue
        if not event.details.get("unanswered"):
            declined.add(str(event.details.get("terminal")))
        elif abs(now - event.at) < UNANSWERED_PAUSE:
            unanswered.add(str(event.details.get("terminal")))
    return frozenset(declined), frozenset(unanswered)


def skipped_details(decision: Decision) -> dict[str, object]:
    """Return the nearest 50 skipped with their reasons, the others by theirs, and how many there were."""
    shown = [
        {"terminal": each.terminal, "distance_m": round(each.distance_m, 1), "reason": each.reason}
        for each in decision.skipped[:MOST_SKIPPED]
    ]
    others = {reason: list(codes) for reason, codes in decision.others.items()}
    in_all = len(decision.skipped) + sum(len(codes) for codes in others.values())
    return {"skipped": shown, "skipped_in_all": in_all, **({"skipped_others": others} if others else {})}


def _hand(tx: Transaction, case: Case, decision: Dispatch, *, entered: Entered, more: Mapping[str, object]) -> Case:
    stepped = step(case, Action.DISPATCH, principal=entered.by, now=entered.now)
    given = replace(stepped, terminal=decision.terminal, distance_m=decision.distance_m)
    details: dict[str, object] = {
        "terminal": decision.terminal,
        "distance_m": decision.distance_m,
        "grid": decision.grid,
        "department": decision.department,
        "reason": decision.reason,
        "travel_s": decision.travel_s,
        "wait_s": decision.wait_s,
        **({"before": case.terminal} if case.terminal else {}),
        **skipped_details(decision),
        **more,
    }
    enter(tx, given, Action.DISPATCH.value, entered=entered, details=details)
    withdraw(tx, before=case, after=given, now=entered.now)
    _send(tx, given, PUSH, target=decision.terminal, now=entered.now)
    return given


def _nobody(
    tx: Transaction,
    case: Case,
    decision: NoTerminal,
    *,
    entered: Entered,
    history: Sequence[Event],
    raised: Mapping[str, object],
) -> Case:
    details = {"reason": decision.reason, **skipped_details(decision), **raised}
    if (
        not raised
        and history
        and history[-1].action == NO_TERMINAL
        and _reasons(history[-1].details) == _reasons(details)
    ):
        return case
    noted = replace(case, version=case.version + 1)
    enter(tx, noted, NO_TERMINAL, entered=entered, details=details)
    return noted


def _reasons(details: Mapping[str, object]) -> list[tuple[object, object]]:
    skipped = details["skipped"]
    found = skipped if isinstance(skipped, list) else []
    return sorted((each["terminal"], each["reason"]) for each in found)


def _send(
    tx: Transaction, case: Case, kind: str, *, target: str, now: datetime, more: Mapping[str, object] | None = None
) -> None:
    payload = {
        "case": case.number,
        "category": case.category,
        "status": case.status.value,
        "urgent": case.urgent,
        "lon": case.lonlat.lon,
        "lat": case.lonlat.lat,
        "distance_m": case.distance_m,
        **(more or {}),
    }
    key = f"{case.number}/{case.version}/{kind}/{target}"
    tx.enqueue(OutboxMessage(key=key, kind=kind, target=target, payload=payload, created_at=now))
