"""Consultation (会商): the cases that one department cannot solve, a meeting on them, and what it decides.

Which cases are hard is a pure judgement on their histories; a decision's task is a case of its own, dispatched and
clocked like any other, that names the meeting and the case it follows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pipeline.admission import Notice, open_apart
from pipeline.casebook import Asking, CaseFilter, LimitError, Transaction
from pipeline.cases import ENDED, IN_WORK, OPEN, Action, Case, Channel, Event, Status
from pipeline.catalogue import Category
from pipeline.consequences import CONSULTED, LISTED
from pipeline.duty_book import Consultation, Decided, JointPart
from pipeline.errors import PipelineError, UnknownError
from pipeline.escalation_policy import Level
from pipeline.offers import Entered, enter
from pipeline.principal import Role
from pipeline.scenes import Mode
from pipeline.site import Place, Site

MOST_ATTENDANTS: Final = 100
MOST_CASES: Final = 200
MOST_DECISIONS: Final = 200
_PAGE: Final = 500
_SEVERAL: Final = 2
_DESK: Final = (Role.DISPATCHER, Role.ADMIN)


class ConsultationError(PipelineError):
    """A meeting cannot be held or closed as asked."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"consultation {code}: {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hard:
    """A case for the list, the departments that had a hand in it, and why it is hard."""

    case: Case
    departments: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A meeting that somebody calls.

    Attributes:
        since, until: the period whose cases it is about; until is excluded.
        attendants: names with their departments.
        cases: numbers; empty for all hard cases of the period.
    """

    since: datetime
    until: datetime
    held_at: datetime
    chair: str
    place: str
    attendants: tuple[tuple[str, str], ...]
    cases: tuple[str, ...] = ()


def hardness(case: Case, events: Sequence[Event], parts: Sequence[JointPart], site: Site) -> Hard | None:
    """Return why a case belongs on the list; None when one department can solve it.

    It does when at least two departments had a hand in it, or one gave it back, and it does not move: returned, sent
    back to do again, suspended, given more time, watched from above, or escalated to a grid chief or further.
    """
    departments = departments_of(case, events, parts, site)
    actions = [event.action for event in events]
    stuck = {
        "returned": Action.RETURN.value in actions,
        "to be done again": Action.REWORK.value in actions,
        "suspended": case.status is Status.SUSPENDED,
        "extended": case.extended > 0,
        "supervised": case.supervised,
        f"escalated to level {case.level}": case.level >= Level.DEPUTY_CHIEF,
        "joint": bool(parts),
    }
    reasons = tuple(why for why, holds in stuck.items() if holds)
    crosses = len(departments) >= _SEVERAL or Action.RETURN.value in actions
    return Hard(case=case, departments=departments, reasons=reasons) if crosses and reasons else None


def departments_of(case: Case, events: Sequence[Event], parts: Sequence[JointPart], site: Site) -> tuple[str, ...]:
    """Return the departments that had a case: of every terminal it was sent to, of its joint parts, its category's."""
    carriers = site.roster.by_terminal()
    sent = {str(e.details.get("terminal")) for e in events if e.action == Action.DISPATCH.value}
    category = site.catalogue.by_key.get(case.category)
    own = {category.department} if category is not None else set()
    held = {carriers[each].department for each in sent if each in carriers}
    return tuple(sorted(own | held | {part.department for part in parts}))


def hard_cases(book: Asking, since: datetime, until: datetime, *, site: Site) -> list[Hard]:
    """Return the hard cases that are open and moved in a period, the farthest escalated first."""
    found = []
    for cases in _open_pages(book):
        within = [case for case in cases if case.recorded_at < until]
        histories = book.entries_of([case.number for case in within]) if within else {}
        for case in within:
            events = [entry.whole() for entry in histories.get(case.number, ())]
            if any(since <= event.at < until for event in events):
                hard = hardness(case, events, book.joint_parts(case.number), site)
                found += [] if hard is None else [hard]
    return sorted(found, key=lambda each: (-each.case.level, each.case.recorded_at, each.case.number))


def convene(tx: Transaction, meeting: Meeting, *, site: Site, entered: Entered) -> Consultation:
    """Call a meeting; without cases named, all hard ones of the period are on its list.

    Raises:
        RefusedError: only the desk may.
        ConsultationError: the period is none, or there is nothing to consult about.
        UnknownError: a case or an attendant's department is unknown.
        LimitError: too many attendants or cases.
    """
    entered.by.require("call a consultation", *_DESK)
    day = meeting.held_at.astimezone(site.settings.timezone).strftime("%Y%m%d")
    if meeting.until <= meeting.since:
        raise ConsultationError("(new)", f"its period ends at {meeting.until}, not after it begins at {meeting.since}")
    _within("attendants", len(meeting.attendants), MOST_ATTENDANTS)
    for _, department in meeting.attendants:
        _require_listed(department, site)
    cases = tuple(dict.fromkeys(meeting.cases)) or tuple(
        hard.case.number for hard in hard_cases(tx, meeting.since, meeting.until, site=site)
    )
    _within("cases", len(cases), MOST_CASES)
    for number in cases:
        tx.case(number)
    consultation = Consultation(
        code=tx.next_number("HS", day),
        since=meeting.since,
        until=meeting.until,
        held_at=meeting.held_at,
        chair=meeting.chair,
        place=meeting.place,
        attendants=meeting.attendants,
        cases=cases,
    )
    tx.save_consultation(consultation)
    return consultation


def put_on_list(tx: Transaction, code: str, number: str, *, words: str, entered: Entered) -> Consultation:
    """Put a case on a meeting's list by hand, with why; one that is on it stays there, once.

    Raises:
        RefusedError: only the desk may.
        UnknownError: no such meeting or case.
        ConsultationError: the meeting is closed, the case has ended, or words are missing.
        LimitError: the list is full.
    """
    entered.by.require("put a case on a consultation's list", *_DESK)
    meeting, case = tx.consultation(code), tx.case(number)
    if meeting.closed_at is not None:
        raise ConsultationError(code, "it is closed; call another")
    if number in meeting.cases:
        return meeting
    if case.status in ENDED:
        raise ConsultationError(code, f"case {number} is {case.status}; only open cases are put on its list")
    if not words.strip():
        raise ConsultationError(code, "say in `words` why the case is put on its list")
    _within("cases", len(meeting.cases) + 1, MOST_CASES)
    _note_listed(tx, case, code, words, entered=entered)
    after = replace(meeting, cases=(*meeting.cases, number))
    tx.save_consultation(after)
    return after


def convene_on(
    tx: Transaction, number: str, meeting: Meeting, *, words: str, site: Site, entered: Entered
) -> Consultation:
    """Call a meeting on one case, with why, which stands in its history.

    Raises:
        RefusedError, ConsultationError, UnknownError, LimitError: see `convene` and `put_on_list`.
    """
    case = tx.case(number)
    if case.status in ENDED:
        raise ConsultationError("(new)", f"case {number} is {case.status}; meetings are called on open cases")
    if not words.strip():
        raise ConsultationError("(new)", "say in `words` why the case is put on its list")
    called = convene(tx, replace(meeting, cases=(number,)), site=site, entered=entered)
    _note_listed(tx, case, called.code, words, entered=entered)
    return called


def _note_listed(tx: Transaction, case: Case, code: str, words: str, *, entered: Entered) -> None:
    details: dict[str, object] = {"consultation": code, "note": words}
    enter(tx, replace(case, version=case.version + 1), LISTED, entered=entered, details=details)


def decide_case(
    tx: Transaction, code: str, number: str, *, words: str, department: str, task: Category | None, site: Site,
    entered: Entered,
) -> Consultation:  # fmt: skip
    """Write down what a meeting decided on a case; with a task's category, open the case that is to be done.

    Args:
        task: the task's category, of the newest catalogue; None for a decision without a task.
        department: who answers for it, and alone may handle the task.

    Raises:
        RefusedError: only the desk may.
        UnknownError: no such meeting or department.
        ConsultationError: the case is not on its list, it is closed, or words are missing.
    """
    entered.by.require("write down a consultation's decision", *_DESK)
    meeting = tx.consultation(code)
    if meeting.closed_at is not None:
        raise ConsultationError(code, "it is closed; call another")
    if number not in meeting.cases:
        raise ConsultationError(code, f"case {number} is not on its list: {', '.join(meeting.cases[:12])}")
    if not words.strip():
        raise ConsultationError(code, "say in `words` what was decided")
    _within("decisions", len(meeting.decisions) + 1, MOST_DECISIONS)
    _require_listed(department, site)
    case = tx.case(number)
    opened = (
        None if task is None else _open_task(tx, case, meeting, words, department, task, site=site, entered=entered)
    )
    details: dict[str, object] = {
        "consultation": code,
        "department": department,
        "task": None if opened is None else opened.number,
        "note": words,
    }
    enter(tx, replace(case, version=case.version + 1), CONSULTED, entered=entered, details=details)
    decided = Decided(case=number, words=words, department=department, task=None if opened is None else opened.number)
    after = replace(meeting, decisions=(*meeting.decisions, decided))
    tx.save_consultation(after)
    return after


def close_meeting(tx: Transaction, code: str, *, entered: Entered) -> Consultation:
    """Close a meeting; nothing is decided in it afterwards.

    Raises:
        RefusedError: only the desk may.
        UnknownError: no such meeting.
        ConsultationError: it is closed already.
    """
    entered.by.require("close a consultation", *_DESK)
    meeting = tx.consultation(code)
    if meeting.closed_at is not None:
        raise ConsultationError(code, f"it was closed at {meeting.closed_at.isoformat()}")
    after = replace(meeting, closed_at=entered.now)
    tx.save_consultation(after)
    return after


def meetings_on(book: Asking, number: str) -> list[Consultation]:
    """Return the meetings that decided on a case."""
    codes = {str(event.details["consultation"]) for event in book.events(number) if event.action == CONSULTED}
    return [book.consultation(code) for code in sorted(codes)]


def without_words(meeting: Consultation, number: str) -> Consultation:
    """Return a meeting with what it decided on a case, but not in which words."""
    decisions = (replace(each, words="") if each.case == number else each for each in meeting.decisions)
    return replace(meeting, decisions=tuple(decisions))


def tasks_of(book: Asking, meeting: Consultation) -> Mapping[str, Case]:
    """Return the cases that a meeting's decisions opened, by number, as they stand."""
    return {each.task: book.case(each.task) for each in meeting.decisions if each.task is not None}


def _open_task(
    tx: Transaction, case: Case, meeting: Consultation, words: str, department: str, task: Category, *, site: Site,
    entered: Entered,
) -> Case:  # fmt: skip
    notice = Notice(
        channel=Channel.TRANSFER,
        category=task,
        lonlat=case.lonlat,
        cov_m2=case.cov_m2,
        error_m=case.error_m,
        place=Place(grid=case.grid, unit=case.unit, side=case.side),
        mode=Mode.AUTO,
        first_seen_at=entered.now,
        seen_at=entered.now,
        description=words,
        department=department,
    )
    reason = f"a task of consultation {meeting.code}, on case {case.number}"
    return open_apart(tx, notice, reason=reason, site=site, entered=entered)


def _open_pages(book: Asking) -> Iterator[Sequence[Case]]:
    wanted = CaseFilter(statuses=OPEN & (IN_WORK | {Status.SUSPENDED, Status.HANDLED, Status.CHECKED}), limit=_PAGE)
    while True:
        page = book.cases(wanted)
        yield page.cases
        if page.next_after is None:
            return
        wanted = replace(wanted, after=page.next_after)


def _require_listed(department: str, site: Site) -> None:
    """Require a department that the site lists; one that lists none has nothing to be held to."""
    known = [each.code for each in site.organisation.departments]
    if known and department not in known:
        raise UnknownError("department", department, known)


def _within(field: str, count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise LimitError(field, f"{count} of them", f"1 to {most}")
