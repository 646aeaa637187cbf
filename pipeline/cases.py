"""Cases: what a problem to solve is, and which step may follow which. Pure; stores and sends nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

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


S = Status
ENDED: frozenset[Status] = frozenset({S.CLOSED, S.REFUSED, S.VOID})
OPEN: frozenset[Status] = frozenset(set(Status) - ENDED)
ON_TERMINAL: frozenset[Status] = frozenset({S.DISPATCHED, S.ACCEPTED, S.ARRIVED, S.FIRST_RESULT})

# action -> (statuses it may start from, status it leads to, roles that may take it)
STEPS: Mapping[Action, tuple[frozenset[Status], Status, tuple[Role, ...]]] = MappingProxyType(
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
    }
)


class IllegalStepError(PipelineError):
    """The case's status does not allow the step."""

    def __init__(self, number: str, status: Status, action: Action) -> None:
        legal = ", ".join(legal_actions(status)) or "none, it has ended"
        super().__init__(f"case {number} is {status}; {action} is not possible now; possible: {legal}")
        self.number = number
        self.status = status
        self.action = action


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

    def __post_init__(self) -> None:
        for field in (
            "occurred_at", "recorded_at", "updated_at", "arrive_by", "first_result_by", "reopened_at", "ticket_due"
        ):  # fmt: skip
            value = getattr(self, field)
            if value is not None:
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


NEEDS_REASON = frozenset({Action.REJECT, Action.DECLINE, Action.RETURN, Action.VOID})
_SHORTEST_REASON = 2


def legal_actions(status: Status) -> list[Action]:
    """Return the actions that may be taken from a status."""
    return [action for action, (sources, _, _) in STEPS.items() if status in sources]


def step(case: Case, action: Action, *, principal: Principal, note: str = "", now: datetime) -> Case:
    """Return the case after the step; a released case loses its terminal.

    Raises:
        IllegalStepError: the status does not allow it; the message lists what it allows.
        RefusedError: the principal's role may not.
        NotYourCaseError: a force acts on a case that another terminal holds.
        ReasonMissingError: the step needs a reason.
    """
    sources, target, roles = STEPS[action]
    principal.require(f"{action} a case", *roles)
    if case.status not in sources:
        raise IllegalStepError(case.number, case.status, action)
    if principal.role is Role.FORCE and (principal.terminal is None or principal.terminal != case.terminal):
        raise NotYourCaseError(case.number, principal.terminal, case.terminal)
    if action in NEEDS_REASON and len(note.strip()) < _SHORTEST_REASON:
        raise ReasonMissingError(case.number, action)
    keeps = target in ON_TERMINAL or target in {S.HANDLED, S.CHECKED, S.CLOSED}
    return replace(
        case,
        status=target,
        terminal=case.terminal if keeps else None,
        distance_m=case.distance_m if keeps else None,
        updated_at=now,
        version=case.version + 1,
    )
