"""Feedback: whoever reported a problem has a receipt, hears of each step, can ask how it stands. No names, no words.

Messages go to `report/<receipt>`; the gateway that sends them looks the contact up when it sends, so that the outbox
holds nothing personal.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pipeline.casebook import Asking, OutboxMessage, Transaction
from pipeline.cases import Action, Case, Event, Status
from pipeline.consequences import MERGE, UNMERGE

FEEDBACK: Final = "feedback"
_TOLD: Final = frozenset(action.value for action in Action) | {"open", MERGE, UNMERGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step as the public may know it."""

    action: str
    status: Status
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a report stands: the case's state and its steps, without names, places and words.

    Attributes:
        case: the one it stands in now; where its own was merged into another, that one.
        joined_at: when it was merged, the last time if often; None while its own case stands.
        steps: of its own case, and of another from the moment on at which they became one: what happened there before
            is somebody else's.
    """

    receipt: str
    reported_at: datetime
    case: str
    category: str
    status: Status
    joined_at: datetime | None
    steps: tuple[Progress, ...]


def tell_reporters(tx: Transaction, case: Case, action: str, now: datetime) -> None:
    """Put a message about a step in the outbox for everybody who reported the case, or any merged into it."""
    if action not in _TOLD:
        return
    for number in (case.number, *(each.number for each in tx.merged(case.number))):
        for report in tx.reports_of(number):
            payload = {"receipt": report.id, "action": action, "status": case.status.value, "at": now.isoformat()}
            key = f"{case.number}/{case.version}/{FEEDBACK}/{report.id}"
            tx.enqueue(
                OutboxMessage(key=key, kind=FEEDBACK, target=f"report/{report.id}", payload=payload, created_at=now)
            )


def standing(book: Asking, receipt: str) -> Standing:
    """Return how a report stands; where its case was merged into another, how that one does.

    Raises:
        UnknownError: there is no such report.
    """
    report = book.report(receipt)
    case, steps, joined = book.case(report.case), [], None
    while case.merged_into is not None:
        own, into = book.events(case.number), book.case(case.merged_into)
        went = next(event for event in reversed(own) if event.action == MERGE)
        stood = [event.status for event in book.events(into.number) if event.sequence < went.sequence]
        steps += _told(own, after=joined, before=went)
        steps.append(Progress(action=MERGE, status=stood[-1] if stood else into.status, at=went.at))
        case, joined = into, went
    steps += _told(book.events(case.number), after=joined)
    return Standing(
        receipt=receipt,
        reported_at=report.at,
        case=case.number,
        category=case.category,
        status=case.status,
        joined_at=None if joined is None else joined.at,
        steps=tuple(steps),
    )


def _told(events: Iterable[Event], *, after: Event | None, before: Event | None = None) -> list[Progress]:
    return [
        Progress(action=event.action, status=event.status, at=event.at)
        for event in events
        if event.action in _TOLD
        and (after is None or event.sequence > after.sequence)
        and (before is None or event.sequence < before.sequence)
    ]
