"""Crashes and rivals for the life of cases: a process that dies at a commit, and what a case's history must obey."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from unittest.mock import patch

from life_story import Sent
from sqlalchemy import Connection

from pipeline import sql_casebook, sql_engine
from pipeline.case_clocks import due_at, stands, steps_of
from pipeline.casebook import Casebook, CaseFilter
from pipeline.cases import Case, Event
from pipeline.duty_clocks import is_collected
from pipeline.principal import Role
from pipeline.site import Site
from pipeline.verification import verify

# Which status may follow which by a step, written by hand from the standard's stages and its side ways.
FOLLOWS: Final = {
    "verify": {("reported", "verified")},
    "file": {("reported", "filed"), ("verified", "filed")},
    "dispatch": {(s, "dispatched") for s in ("filed", "returned", "dispatched", "accepted")},
    "accept": {("dispatched", "accepted")},
    "decline": {("dispatched", "filed")},
    "arrive": {("accepted", "arrived")},
    "first-result": {("arrived", "first_result")},
    "done": {("arrived", "handled"), ("first_result", "handled")},
    "check": {("handled", "checked")},
    "close": {("checked", "closed")},
    "reject": {
        (s, "refused") for s in ("reported", "verified", "filed", "dispatched", "accepted", "arrived", "returned")
    },
    "return": {(s, "returned") for s in ("accepted", "arrived", "first_result")},
    "self-handle": {("filed", "handled"), ("dispatched", "handled")},
    "suspend": {(s, "suspended") for s in ("filed", "dispatched", "accepted", "arrived", "first_result", "returned")},
    "resume": {("suspended", s) for s in ("filed", "accepted", "arrived", "first_result", "returned")},
    "rework": {("handled", "accepted"), ("checked", "accepted"), ("handled", "filed"), ("checked", "filed")},
    # By the desk, and by a report that shows it again, which may wait to be verified.
    "reopen": {
        ("closed", "filed"),
        *((s, to) for s in ("handled", "checked", "closed") for to in ("filed", "reported")),
    },
}
HELD = frozenset({"dispatched", "accepted", "arrived", "first_result"})
STEPS_OF_A_CLOCK: Final = ["amber", "red", "department", "deputy-chief", "chief", "centre", "district"]


class CrashError(BaseException):
    """The process died here."""


@contextmanager
def crashing(at: str) -> Iterator[None]:
    """Die at the next commit of a write: before it, or right after it, when nobody was told yet."""
    real = sql_engine.writing

    @contextmanager
    def dying(engine: object) -> Iterator[Connection]:
        with real(engine) as connection:
            yield connection
            if at == "before":
                raise CrashError
        raise CrashError

    with patch.object(sql_casebook, "writing", dying):
        yield


def order_flaws(events: Sequence[Event]) -> list[str]:
    """Return the steps of a history that do not follow the one before, and clocks' steps out of order."""
    flaws = []
    status = before_merge = events[0].status.value
    for event in events[1:]:
        pair = (status, event.status.value)
        allowed = FOLLOWS.get(event.action)
        if event.action == "void":
            legal = pair[1] == "void" and pair[0] not in {"closed", "refused", "void"}
        elif event.action == "merge":
            legal = pair[1] == "void" and pair[0] not in {"refused", "void"}
            before_merge = pair[0]
        elif event.action == "unmerge":
            # Whoever held it was told to stop: it is offered anew.
            legal = pair == ("void", "filed" if before_merge in HELD else before_merge)
        else:
            legal = pair in allowed if allowed is not None else pair[0] == pair[1]
        if not legal:
            flaws.append(f"{event.action} led from {pair[0]} to {pair[1]}")
        status = event.status.value
    return flaws + _clock_flaws(events)


def _clock_flaws(events: Sequence[Event]) -> list[str]:
    fired: dict[tuple[object, object], list[str]] = {}
    for event in events:
        if event.action == "clock":
            told = event.details
            fired.setdefault((told["clock"], told["round"]), []).append(str(told["step"]))
    flaws = [f"{key} fired {steps}" for key, steps in fired.items() if len(set(steps)) < len(steps)]
    ranks = {key: [STEPS_OF_A_CLOCK.index(step) for step in steps] for key, steps in fired.items()}
    return flaws + [f"{key} fired out of order: {fired[key]}" for key, order in ranks.items() if order != sorted(order)]


def believers(events: Sequence[Event], messages: Iterable[Sent]) -> set[str]:
    """Return the terminals that believe to hold a case, from what was sent to them and what they did themselves."""
    sent: dict[int, list[tuple[str, str]]] = {}
    for message in messages:
        sent.setdefault(message.version, []).append((message.kind, message.target))
    found: set[str] = set()
    for version, event in enumerate(events, 1):
        if event.action in {"decline", "return"} and event.role is Role.FORCE:
            found.discard(str(event.details["terminal"]))
        for kind, target in sent.get(version, []):
            if kind == "terminal-push":
                found.add(target)
            elif kind == "terminal-withdraw":
                found.discard(target)
    return found


def all_cases(casebook: Casebook) -> list[Case]:
    """Return every case, newest first."""
    cases: list[Case] = []
    after = None
    while True:
        page = casebook.cases(CaseFilter(limit=1000, after=after))
        cases += page.cases
        after = page.next_after
        if after is None:
            return cases


def lost_steps(casebook: Casebook, site: Site, now: datetime) -> list[str]:
    """Return the clocks of which fewer steps were fired than were due, reckoned from each clock's own time.

    Of one that stands, those that were due until it was stopped; one that stands without a reason is a flaw itself.
    """
    flaws = []
    for case in all_cases(casebook):
        for clock in casebook.read(lambda book, number=case.number: book.clocks_of(number)):
            steps = steps_of(clock.name, site.settings.escalation, urgent=case.urgent)
            until = now if clock.stopped_at is None else clock.stopped_at
            due = sum(due_at(clock, share, site=site) <= until for _, share in steps)
            if clock.fired < due:
                flaws.append(f"{case.number} {clock.name}/{clock.round}: {clock.fired} fired, {due} due")
            if clock.stopped_at is not None and not stands(clock.name, case) and not is_collected(case, site):
                flaws.append(f"{case.number} {clock.name}/{clock.round} stands while the case is {case.status}")
    return flaws


def book_flaws(casebook: Casebook, *, also: Callable[[Case], list[str]] = lambda _: []) -> list[str]:
    """Return everything that is wrong with a book: what `verify` finds, steps and clocks out of order."""
    flaws = [str(flaw) for flaw in verify(casebook).flaws]
    for case in all_cases(casebook):
        flaws += [f"{case.number}: {flaw}" for flaw in order_flaws(casebook.events(case.number))]
        flaws += also(case)
    return flaws
