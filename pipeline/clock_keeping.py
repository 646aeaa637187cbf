"""Clock keeping: starts, stops and moves a case's duty clocks within the transaction of the step that causes it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from pipeline.case_clocks import (
    ClockName,
    DutyClock,
    due_at,
    due_by,
    extended,
    extension_clock,
    first_clocks,
    renewed,
    resumed,
    stands,
    stopped,
    timed,
)
from pipeline.casebook import Transaction
from pipeline.cases import Action, Case
from pipeline.consequences import MERGE
from pipeline.duty_clocks import is_collected
from pipeline.errors import PipelineError
from pipeline.site import Site

STOPS: Final = frozenset(
    each.value
    for each in (
        Action.ARRIVE, Action.FIRST_RESULT, Action.DONE, Action.SELF_HANDLE, Action.REJECT, Action.VOID,
        Action.SUSPEND, Action.EXTEND, Action.REFUSE_EXTENSION, Action.CLOSE,
    )
) | {MERGE}  # fmt: skip
"""The steps after which a clock may have to stand."""
_FIELD: Final = {
    ClockName.ARRIVE: "arrive_by",
    ClockName.FIRST_RESULT: "first_result_by",
    ClockName.HANDLE: "handle_by",
}


class NoDeadlineError(PipelineError):
    """A case without a deadline cannot have more time."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"case {number} has no deadline, for its category is not in the catalogue; put that back, or void it"
        )


def start_clocks(tx: Transaction, case: Case, *, site: Site) -> None:
    """Start the clocks of a case that was just stored."""
    tx.save_clocks(first_clocks(case, site))


def stop_clocks(tx: Transaction, case: Case, now: datetime) -> None:
    """Stop the clocks that the case's new state has no use for, for now or for good."""
    for clock in tx.clocks_of(case.number):
        if clock.stopped_at is None and stands(clock.name, case):
            tx.save_clock(stopped(clock, now))


def go_on(tx: Transaction, case: Case, now: datetime, *, site: Site) -> dict[str, object]:
    """Let the clocks go on that stood with the case; returns when what is due, for the event."""
    moved = []
    for clock in tx.clocks_of(case.number):
        if clock.stopped_at is not None and not stands(clock.name, case):
            moved.append(resumed(clock, now, urgent=case.urgent, site=site))
            tx.save_clock(moved[-1])
    return _told(moved, site)


def start_anew(
    tx: Transaction, case: Case, now: datetime, *, site: Site, ticket_due: datetime | None = None
) -> dict[str, object]:
    """Start the clocks of a reopened case from now; returns when what is due, for the event.

    Args:
        ticket_due: by when whoever reports it again wants it handled, in the past or not, as for a new case.
    """
    known = {clock.name: clock.round for clock in tx.clocks_of(case.number)}
    fresh = [replace(clock, round=known.get(clock.name, 0)) for clock in first_clocks(case, site)]
    begun = [
        due_by(clock, case, ticket_due, now, site=site)
        if ticket_due is not None and clock.name is ClockName.HANDLE
        else renewed(clock, now, urgent=case.urgent, site=site)
        for clock in fresh
    ]
    for clock in begun:
        tx.save_clock(clock)
    told = _told(begun, site)
    return told if ticket_due is None or "handle_by" not in told else {**told, "handle_by": ticket_due.isoformat()}


def take_up(
    tx: Transaction, case: Case, now: datetime, *, site: Site, ticket_due: datetime | None = None
) -> dict[str, object]:
    """Start the clocks of a collected case as if it were recorded now; returns when what is due, for the event.

    Nothing if it was not collected, is handled, or its grid is still off.

    Args:
        ticket_due: by when whoever reports it again wants it handled; an older ticket's deadline is no more.
    """
    if stands(ClockName.HANDLE, case) or not is_collected(case, site) or tx.clocks_of(case.number):
        return {}
    fresh = first_clocks(replace(case, recorded_at=now, reopened_at=None, ticket_due=ticket_due), site)
    tx.save_clocks(fresh)
    stop_clocks(tx, case, now)
    return _told(fresh, site)


def raise_clocks(tx: Transaction, before: Case, after: Case, now: datetime, *, site: Site) -> None:
    """Move the clocks of a case that a further report made urgent, or wants handled sooner."""
    if after.urgent and not before.urgent:
        _make_urgent(tx, after, now, site=site)
    wanted = after.ticket_due if after.ticket_due != before.ticket_due else None
    moved = before.handle_by is None or after.handle_by != before.handle_by
    clock = _named(tx, after, ClockName.HANDLE)
    if wanted is not None and moved and clock is not None:
        tx.save_clock(due_by(clock, after, wanted, now, site=site))


def _make_urgent(tx: Transaction, case: Case, now: datetime, *, site: Site) -> None:
    """Start the clocks of urgent cases from now; the others' steps come when they come for urgent cases."""
    for clock in tx.clocks_of(case.number):
        tx.save_clock(timed(clock, urgent=True, site=site))
    for clock in first_clocks(case, site):
        if clock.name is not ClockName.HANDLE:
            begun = timed(replace(clock, started_at=now), urgent=True, site=site)
            tx.save_clock(stopped(begun, now) if stands(begun.name, case) else begun)


def ask_time(tx: Transaction, case: Case, now: datetime, *, site: Site) -> None:
    """Start the clock within which an extension must be decided."""
    before = _named(tx, case, ClockName.EXTENSION)
    tx.save_clock(extension_clock(case, site, now, round_=before.round + 1 if before else 1))


def give_time(tx: Transaction, case: Case, more: float, now: datetime, *, site: Site) -> dict[str, object]:
    """Lengthen the time to handle a case; returns when it is due then, for the event.

    Raises:
        NoDeadlineError: the case has no such clock.
    """
    clock = _named(tx, case, ClockName.HANDLE)
    if clock is None:
        raise NoDeadlineError(case.number)
    longer = extended(clock, more, now, urgent=case.urgent, site=site)
    tx.save_clock(longer)
    return _told([longer], site)


def time_to_handle(tx: Transaction, case: Case) -> DutyClock:
    """Return the clock of handling a case.

    Raises:
        NoDeadlineError: the case has none.
    """
    clock = _named(tx, case, ClockName.HANDLE)
    if clock is None:
        raise NoDeadlineError(case.number)
    return clock


def _named(tx: Transaction, case: Case, name: ClockName) -> DutyClock | None:
    return next((clock for clock in tx.clocks_of(case.number) if clock.name is name), None)


def _told(clocks: Iterable[DutyClock], site: Site) -> dict[str, object]:
    return {_FIELD[clock.name]: due_at(clock, 1.0, site=site).isoformat() for clock in clocks if clock.name in _FIELD}
