"""Clock steps: fires the steps of duty clocks that are due, with the event and the messages of each, in a transaction.

The watch fires them as time goes by. Whoever stops a clock, or begins a new round of it, first fires what was due of it
until then: what nobody looked at in time is told late, never lost.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.case_clocks import ClockName, DutyClock, stands, steps_of, stopped, timed
from pipeline.casebook import OutboxMessage, Transaction
from pipeline.cases import Case
from pipeline.consequences import CLOCK, LAPSED, consequences
from pipeline.escalation import addressees
from pipeline.escalation_policy import LEVEL_OF, Level, Step
from pipeline.offers import Entered, enter
from pipeline.principal import PIPELINE
from pipeline.site import Site

log = logging.getLogger(__name__)
ESCALATION, LAMP = "escalation", "lamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A step of a duty clock that was fired.

    Attributes:
        due_at: when it was due; `at` when it was fired.
        told: the addresses that hear of it.
    """

    case: str
    clock: ClockName
    round: int
    step: Step
    due_at: datetime
    at: datetime
    told: tuple[str, ...]


def fire_due_of(tx: Transaction, case: Case, *, site: Site, now: datetime) -> Case:
    """Fire what is due of a case's clocks and was not fired yet, oldest first; returns the case as it is then."""
    while due := [clock for clock in tx.clocks_of(case.number) if clock.next_at is not None and clock.next_at <= now]:
        fire(tx, min(due, key=lambda clock: (clock.next_at, clock.name)), site=site, now=now)
    return tx.case(case.number)


def fire(tx: Transaction, clock: DutyClock, *, site: Site, now: datetime) -> Fired | None:
    """Fire a clock's next step: the event, who hears of it, and the step after it, in the caller's transaction.

    Returns None for a clock that has no use any more; it is stopped instead.
    """
    case = tx.case(clock.case)
    steps = steps_of(clock.name, site.settings.escalation, urgent=case.urgent)
    if stands(clock.name, case) or clock.fired >= len(steps) or clock.next_at is None:
        tx.save_clock(replace(stopped(clock, now), next_at=None))
        return None
    step, share = steps[clock.fired]
    told = addressees(LEVEL_OF[step], case, site)
    details: dict[str, object] = {
        "clock": clock.name.value,
        "round": clock.round,
        "step": step.value,
        "share": share,
        "due_at": clock.next_at.isoformat(),
        "level": int(LEVEL_OF[step]),
        "told": list(told),
    }
    action = LAPSED if step is Step.LAPSE else CLOCK
    after = consequences(replace(case, version=case.version + 1), action, details)
    enter(tx, after, action, entered=Entered(by=PIPELINE, now=now), details=details)
    going_on = timed(replace(clock, fired=clock.fired + 1), urgent=case.urgent, site=site)
    tx.save_clock(going_on)
    if going_on.next_at is None and going_on.fired < len(steps):
        log.warning("%s of case %s ends with %s: no calendar reaches %s; give it a smaller share in site.toml",
                    clock.name, case.number, step, steps[going_on.fired][0])  # fmt: skip
    for address in told:
        _send(tx, after, clock, step, address, now=now)
    return Fired(
        case=case.number,
        clock=clock.name,
        round=clock.round,
        step=step,
        due_at=clock.next_at,
        at=now,
        told=told,
    )


def _send(tx: Transaction, case: Case, clock: DutyClock, step: Step, address: str, *, now: datetime) -> None:
    level = LEVEL_OF[step]
    payload = {
        "case": case.number,
        "category": case.category,
        "grid": case.grid,
        "status": case.status.value,
        "clock": clock.name.value,
        "step": step.value,
        "level": int(level),
        "due_at": clock.next_at.isoformat() if clock.next_at else None,
    }
    kind = LAMP if level is Level.HANDLER else ESCALATION
    key = f"{case.number}/{clock.name}/{clock.round}/{step}/{address}"
    tx.enqueue(OutboxMessage(key=key, kind=kind, target=address, payload=payload, created_at=now))
