"""Cases: what a problem to solve is, and which step may follow which. Pure; stores and sends nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from geo.coords import LonLat
from pipeline.clocks import utc
from pipeline.errors import PipelineError
from pipeline.principal import Principal, Role


class Channel(StrEnum):
    """How a problem became known."""

    PATROL = "patrol"
    INTELLIGENT = "intelligent"
    PUBLIC = "public"
    HOTLINE = "hotline"
    ALARM = "alarm"
    TRANSFER = "transfer"


class Side(StrEnum):
    """Which side of a unit's edge a place lies on; decides which forces patrol it."""

    STREET_FACE = "street_face"
    UNIT_INTERIOR = "unit_interior"
    VILLAGE = "village"


class Status(StrEnum):
    """Where a case stands."""

    REPORTED = "reported"
    VERIFIED = "verified"
    FILED = "filed"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    ARRIVED = "arrived"
    FIRST_RESULT = "first_result"
    HANDLED = "handled"
    CHECKED = "checked"
    CLOSED = "closed"
    RETURNED = "returned"
    SUSPENDED = "suspended"
    REFUSED = "refused"
    VOID = "void"


class Action(StrEnum):
    """A step that someone takes on a case."""

    VERIFY = "verify"
    FILE = "file"
    DISPATCH = "dispatch"
    ACCEPT = "accept"
    DECLINE = "decline"
    ARRIVE = "arrive"
    FIRST_RESULT = "first-result"
    DONE = "done"
    CHECK = "check"
    CLOSE = "close"
    REJECT = "reject"
    RETURN = "return"
    VOID = "void"
    SELF_HANDLE = "self-handle"
    SUSPEND = "suspend"
    RESUME = "resume"
    SUPERVISE = "supervise"
    ASK_EXTENSION = "ask-extension"
    EXTEND = "extend"
    REFUSE_EXTENSION = "refuse-extension"
    REWORK = "rework"
    REOPEN = "reopen"


S = Status
ENDED: frozenset[Status] = frozenset({S.CLOSED, S.REFUSED, S.VOID})
OPEN: frozenset[Status] = frozenset(set(Status) - ENDED)
ON_TERMINAL: frozenset[Status] = frozenset({S.DISPATCHED, S.ACCEPTED, S.ARRIVED, S.FIRST_RESULT})
IN_WORK: frozenset[Status] = frozenset({S.FILED, S.DISPATCHED, S.ACCEPTED, S.ARRIVED, S.FIRST_RESULT, S.RETURNED})
_BEGUN: frozenset[Status] = ON_TERMINAL - {S.DISPATCHED}
_SETTLED: frozenset[Status] = frozenset({S.HANDLED, S.CHECKED, S.CLOSED})
_DESK = (Role.DISPATCHER, Role.ADMIN)

# action -> (statuses it may start from, status it leads to, roles that may take it); no status: see `_target`
STEPS: Mapping[Action, tuple[frozenset[Status], Status | None, tuple[Role, ...]]] = MappingProxyType(
    {
        Action.VERIFY: (frozenset({S.REPORTED}), S.VERIFIED, (Role.DISPATCHER, Role.ADMIN)),
        Action.FILE: (frozenset({S.REPORTED, S.VERIFIED}), S.FILED, (Role.DISPATCHER, Role.ADMIN)),
        Action.DISPATCH: (
            frozenset({S.FILED, S.RETURNED, S.DISPATCHED, S.ACCEPTED}),
            S.DISPATCHED,
            (Role.DISPATCHER, Role.ADMIN),
        ),
        Action.ACCEPT: (frozenset({S.DISPATCHED}), S.ACCEPTED, (Role.FORCE, Role.DISPATCHER, Role.ADMIN)),
        Action.DECLINE: (frozenset({S.DISPATCHED}), S.FILED, (Role.FORCE, Role.DISPATCHER, Role.ADMIN)),
        Action.ARRIVE: (frozenset({S.ACCEPTED}), S.ARRIVED, (Role.FORCE, Role.DISPATCHER, Role.ADMIN)),
        Action.FIRST_RESULT: (frozenset({S.ARRIVED}), S.FIRST_RESULT, (Role.FORCE, Role.DISPATCHER, Role.ADMIN)),
        Action.DONE: (
            frozenset({S.ARRIVED, S.FIRST_RESULT}),
            S.HANDLED,
            (Role.FORCE, Role.DISPATCHER, Role.ADMIN),
        ),
        Action.CHECK: (frozenset({S.HANDLED}), S.CHECKED, (Role.DISPATCHER, Role.ADMIN)),
        Action.CLOSE: (frozenset({S.CHECKED}), S.CLOSED, (Role.DISPATCHER, Role.ADMIN)),
        Action.REJECT: (
            frozenset({S.REPORTED, S.VERIFIED, S.FILED, S.DISPATCHED, S.ACCEPTED, S.ARRIVED, S.RETURNED}),
            S.REFUSED,
            (Role.DISPATCHER, Role.ADMIN),
        ),
        Action.RETURN: (
            frozenset({S.ACCEPTED, S.ARRIVED, S.FIRST_RESULT}),
            S.RETURNED,
            (Role.FORCE, Role.DISPATCHER, Role.ADMIN),
        ),
        Action.VOID: (OPEN, S.VOID, (Role.ADMIN,)),
        Action.SELF_HANDLE: (frozenset({S.FILED, S.DISPATCHED}), S.HANDLED, (Role.FORCE, *_DESK)),
        Action.SUSPEND: (IN_WORK, S.SUSPENDED, _DESK),
        Action.RESUME: (frozenset({S.SUSPENDED}), None, _DESK),
        Action.SUPERVISE: (OPEN, None, _DESK),
        Action.ASK_EXTENSION: (IN_WORK, None, (Role.FORCE, *_DESK)),
        Action.EXTEND: (IN_WORK, None, _DESK),
        Action.REFUSE_EXTENSION: (IN_WORK, None, _DESK),
        Action.REWORK: (frozenset({S.HANDLED, S.CHECKED}), None, _DESK),
        Action.REOPEN: (frozenset({S.CLOSED}), S.FILED, _DESK),
    }
)


class IllegalStepError(PipelineError):
    """The case's state does not allow the step."""

    def __init__(self, case: "Case", action: Action) -> None:
        legal = ", ".join(legal_steps(case)) or "none, it has ended"
        super().__init__(f"case {case.number} is {case.status}; {action} is not possible now; possible: {legal}")
        self.number = case.number
        self.status = case.status
        self.action = action


class PassedOnError(PipelineError):
    """A receiver tries to push on a case that was returned or sent back once already."""

    def __init__(self, case: "Case", action: Action) -> None:
        super().__init__(
            f"case {case.number} came back once already, so its receiver may not {action} it;"
            " handle it, or tell the duty desk, which alone may send it elsewhere"
        )


class NotYourCaseError(PipelineError):
    """A force acts on a case that is not offered to its terminal."""

    def __init__(self, number: str, terminal: str | None, holder: str | None) -> None:
        super().__init__(
            f"case {number} is with terminal {holder or 'none'}, not with {terminal or 'none'};"
            " refresh the queue to see what is yours"
        )


class ReasonMissingError(PipelineError):
    """A step that needs a reason came without one."""

    def __init__(self, number: str, action: Action) -> None:
        super().__init__(f"{action} of case {number} needs a reason; send `note` with at least two characters")


class NothingShownError(PipelineError):
    """A step that tells of a result came with neither words nor a picture."""

    def __init__(self, number: str, action: Action) -> None:
        super().__init__(
            f"{action} of case {number} says and shows nothing; send `note` with at least {SHORTEST_WORDS} characters,"
            " or in `pictures` the ids of pictures of the case"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One problem to solve, at one place.

    Attributes:
        number: unique, such as YP20261123-0001.
        category: key "<standard>/<kind>/<code>".
        lonlat: centre of the thing's footprint, WGS-84 degrees.
        cov_m2: east-east, east-north, north-north of the position's covariance in m², calibration plus measurement.
        error_m: semi-major axis of the 95 % ellipse, metres.
        grid, unit: codes of the responsibility grid and management unit it was filed in.
        occurred_at: frame's or reporter's time; for statistics.
        recorded_at: when it was stored; duty clocks run from here.
        arrive_by, first_result_by: duty clocks of urgent cases.
        urgent_reason: why it is urgent; empty where it is not, or was filed before reasons were kept.
        condition: number of the filing condition that it was filed on; None where none was named.
        ticket_due: by when whoever sent it (hotline, district) wants it handled; goes before any other deadline.
        terminal: who holds the offer or the case now; None when nobody does.
        distance_m: straight line from that terminal to the case when it was offered.
        version: grows by one with each event.
        merged_into: number of the case that it is the same problem as; it is void as long as that stands.
        reopened_at: when it was handled already and seen again; its deadline runs from here.
        handle_by: when it must be handled, once something moved that; else the category's deadline says.
        resumes_to: where a suspended case goes on.
        bound: it was returned or sent back once; its receiver may not push it on.
        rework_by: the department that alone may handle it: it must do it again, leads its joint action, or a
            consultation gave it the task.
        supervised: somebody above watches it.
        asked: the extension that was asked for and not decided, in the deadline's unit; 0 when there is none.
        extended: how many extensions it had.
        level: how far it was escalated, 0 to 5; see `escalation`.
        liaisons: terminals of the other departments' liaisons in a joint action.
    """

    number: str
    category: str
    channel: Channel
    status: Status
    urgent: bool
    lonlat: LonLat
    cov_m2: tuple[float, float, float]
    error_m: float
    grid: str
    unit: str
    side: Side
    occurred_at: datetime
    recorded_at: datetime
    updated_at: datetime
    description: str = ""
    camera: str | None = None
    scene: str | None = None
    arrive_by: datetime | None = None
    first_result_by: datetime | None = None
    terminal: str | None = None
    distance_m: float | None = None
    sightings: int = 0
    version: int = 0
    merged_into: str | None = None
    reopened_at: datetime | None = None
    urgent_reason: str = ""
    condition: int | None = None
    ticket_due: datetime | None = None
    handle_by: datetime | None = None
    resumes_to: Status | None = None
    bound: bool = False
    rework_by: str | None = None
    supervised: bool = False
    asked: float = 0.0
    extended: int = 0
    level: int = 0
    liaisons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in (
            "occurred_at", "recorded_at", "updated_at", "arrive_by", "first_result_by", "reopened_at", "ticket_due",
            "handle_by",
        ):  # fmt: skip
            value = getattr(self, field)
            if value is not None and value.tzinfo is not UTC:
                object.__setattr__(self, field, utc(value, field=field))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a case's history; append-only, chained by digest.

    Attributes:
        sequence: place in the committed sequence of all events of the site; 0 before it is stored.
        action: an `Action`'s value, or `open`, `attach`, `no-terminal`.
        details: words, places, reasons; JSON-able.
        previous, digest: SHA-256 chain within the case; empty before it is stored.
    """

    case: str
    action: str
    status: Status
    actor: str
    role: Role
    at: datetime
    details: Mapping[str, object]
    sequence: int = 0
    previous: str = ""
    digest: str = ""


NEEDS_REASON = frozenset(
    {
        Action.REJECT, Action.DECLINE, Action.RETURN, Action.VOID, Action.SELF_HANDLE, Action.SUSPEND,
        Action.SUPERVISE, Action.ASK_EXTENSION, Action.REFUSE_EXTENSION, Action.REWORK, Action.REOPEN,
    }
)  # fmt: skip
MUST_SHOW = frozenset({Action.FIRST_RESULT, Action.DONE})
"""Steps that tell of a result: they bring words or a picture."""
SHORTEST_WORDS = 2
_PUSHES_ON = frozenset({Action.DECLINE, Action.RETURN})
_OF_EXTENSIONS = frozenset({Action.EXTEND, Action.REFUSE_EXTENSION})


def legal_actions(status: Status) -> list[Action]:
    """Return the actions that may be taken from a status."""
    return [action for action, (sources, _, _) in STEPS.items() if status in sources]


def legal_steps(case: Case) -> list[Action]:
    """Return the actions that may be taken on a case as it is: an extension is decided only once it was asked for."""
    return [action for action in STEPS if is_legal(case, action)]


def is_legal(case: Case, action: Action) -> bool:
    """Tell whether an action may be taken on a case as it is."""
    hidden = action is Action.ASK_EXTENSION if case.asked else action in _OF_EXTENSIONS
    return case.status in STEPS[action][0] and not hidden


def steps_for(case: Case, principal: Principal) -> list[Action]:
    """Return those of the legal steps that a principal's role and terminal may take; `step` refuses the others."""
    return [
        action
        for action in legal_steps(case)
        if principal.role in {Role.SYSTEM, *STEPS[action][2]} and _own_fault(case, action, principal) is None
    ]


def step(case: Case, action: Action, *, principal: Principal, note: str = "", now: datetime) -> Case:
    """Return the case after the step; a released case loses its terminal.

    What a step's details change besides (an extension's length, who must do it again) is `with_details`'.

    Raises:
        IllegalStepError: its state does not allow it; the message lists what it allows.
        RefusedError: the principal's role may not.
        NotYourCaseError: a force acts on a case that another terminal holds.
        PassedOnError: a receiver declines or returns what came back once.
        ReasonMissingError: the step needs a reason.
    """
    _, _, roles = STEPS[action]
    principal.require(f"{action} a case", *roles)
    if not is_legal(case, action):
        raise IllegalStepError(case, action)
    fault = _own_fault(case, action, principal)
    if fault is not None:
        raise fault
    if action in NEEDS_REASON and len(note.strip()) < SHORTEST_WORDS:
        raise ReasonMissingError(case.number, action)
    terminal = (principal.terminal if action is Action.SELF_HANDLE else None) or case.terminal
    return stepped(case, action.value, status=_target(case, action), at=now, terminal=terminal)


def stepped(case: Case, action: str, *, status: Status, at: datetime, terminal: str | None) -> Case:
    """Return the case after a step that was allowed; `history` replays events with it.

    A step that stays in its status leaves `updated_at`: offers and closings are counted from it.
    """
    changes: dict[str, Any] = {"status": status, "version": case.version + 1}
    if action not in _STAYS:
        changes["updated_at"] = at
    if action == Action.SUSPEND.value:
        changes["resumes_to"] = S.FILED if case.status is S.DISPATCHED else case.status
    elif case.status is S.SUSPENDED and status is not S.SUSPENDED:
        changes["resumes_to"] = None
    if action == Action.DISPATCH.value and case.status is S.RETURNED:
        changes["bound"] = True
    if status not in IN_WORK and not status is case.status is S.SUSPENDED:
        changes["asked"] = 0.0  # what is kept over a suspension, the event says: see `consequences`
    keeps = status in ON_TERMINAL | _SETTLED or (status is S.SUSPENDED and case.status in {*_BEGUN, S.SUSPENDED})
    changes |= {"terminal": terminal if keeps else None}
    if not keeps or terminal != case.terminal:
        changes["distance_m"] = None
    if action == Action.REOPEN.value:
        changes["reopened_at"] = at
        changes |= {"bound": False, "rework_by": None, "level": 0, "extended": 0, "supervised": False, "liaisons": ()}
    return replace(case, **changes)


_STAYS = frozenset(
    {Action.SUPERVISE.value, Action.ASK_EXTENSION.value, Action.EXTEND.value, Action.REFUSE_EXTENSION.value}
)


def _target(case: Case, action: Action) -> Status:
    if action is Action.RESUME:
        return case.resumes_to or S.FILED
    if action is Action.REWORK:
        return S.ACCEPTED if case.terminal else S.FILED
    return STEPS[action][1] or case.status


def _own_fault(case: Case, action: Action, principal: Principal) -> PipelineError | None:
    """Return why a force may not take a step on this case; nothing holds anybody else back here."""
    if principal.role is not Role.FORCE:
        return None
    nobodys = action is Action.SELF_HANDLE and case.status is S.FILED
    if principal.terminal is None or (principal.terminal != case.terminal and not nobodys):
        return NotYourCaseError(case.number, principal.terminal, case.terminal)
    return PassedOnError(case, action) if case.bound and action in _PUSHES_ON else None
