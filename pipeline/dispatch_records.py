"""Recorded days as calls to be worked again: what became known when and where, how who answered, how long work took."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Final

from pipeline.call_answers import CallAnswers
from pipeline.casebook import CaseFilter, Reading
from pipeline.cases import Action, Case, Event, Status
from pipeline.dispatch_replay import Answer, Call
from pipeline.errors import PipelineError

_PAGE: Final = 1_000
_NEVER: Final = frozenset({Status.REFUSED, Status.VOID})
USUAL_WORK_S: Final = 900.0
USUAL_ANSWER_S: Final = 20.0


class NothingRecordedError(PipelineError):
    """No case was dispatched in a stretch of time."""

    def __init__(self, since: datetime, until: datetime) -> None:
        super().__init__(
            f"no case of {since.isoformat()} to {until.isoformat()} was ever filed; choose days with cases,"
            " or let a district run first (beatgrid demo)"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What a case's history says; None where it came to nothing."""

    case: Case
    filed_at: datetime
    answer_s: float | None
    work_s: float | None
    refused: Mapping[str, Answer]


def recorded_calls(casebook: Reading, *, since: datetime, until: datetime) -> list[Call]:
    """Return the calls of recorded days, by the time of occurrence.

    Refused and void cases, and those that somebody handled on the spot before they were offered, are left out.

    A terminal that declined a case, or let an offer of it pass, does so again; any other accepts after the time that
    the case's own acceptance took. What a case does not tell is the median of those that do.

    Raises:
        NothingRecordedError: there is none.
    """
    found = [record for case in _cases(casebook, since, until) if (record := _record(case, casebook)) is not None]
    if not found:
        raise NothingRecordedError(since, until)
    answer_s = _median([each.answer_s for each in found], USUAL_ANSWER_S)
    work_s = _median([each.work_s for each in found], USUAL_WORK_S)
    return [_call(each, answer_s, work_s) for each in sorted(found, key=lambda each: each.case.number)]


def _cases(casebook: Reading, since: datetime, until: datetime) -> Iterator[Case]:
    wanted = CaseFilter(since=since, until=until, limit=_PAGE)
    while True:
        page = casebook.cases(wanted)
        yield from (case for case in page.cases if case.status not in _NEVER)
        if page.next_after is None:
            return
        wanted = replace(wanted, after=page.next_after)


def _record(case: Case, casebook: Reading) -> _Record | None:
    events = casebook.events(case.number)
    filed = next((event for event in events if event.status is Status.FILED), None)
    if filed is None or _settled_on_the_spot(events):
        return None
    return _Record(
        case=case,
        filed_at=filed.at,
        answer_s=_between(events, Action.DISPATCH, Action.ACCEPT),
        work_s=_between(events, Action.ARRIVE, Action.DONE),
        refused=_refused(events),
    )


def _settled_on_the_spot(events: Sequence[Event]) -> bool:
    """Tell whether somebody handled a case before it was offered to anybody."""
    actions = {event.action for event in events}
    return Action.SELF_HANDLE.value in actions and Action.DISPATCH.value not in actions


def _between(events: Sequence[Event], start: Action, end: Action) -> float | None:
    """Return the seconds from the last event of one kind before the first of another to that one."""
    began: datetime | None = None
    for event in events:
        if event.action == start.value:
            began = event.at
        if event.action == end.value and began is not None:
            return (event.at - began).total_seconds()
    return None


def _refused(events: Sequence[Event]) -> dict[str, Answer]:
    offered: datetime | None = None
    found: dict[str, Answer] = {}
    for event in events:
        if event.action == Action.DISPATCH.value:
            offered = event.at
        if event.action == Action.DECLINE.value and offered is not None:
            after_s = None if event.details.get("unanswered") else (event.at - offered).total_seconds()
            found[str(event.details.get("terminal"))] = Answer(after_s=after_s, accepts=False)
    return found


def _median(values: Sequence[float | None], usual: float) -> float:
    known = [each for each in values if each is not None]
    return median(known) if known else usual


def _call(record: _Record, answer_s: float, work_s: float) -> Call:
    case = replace(
        record.case,
        status=Status.FILED,
        terminal=None,
        distance_m=None,
        bound=False,
        rework_by=None,
        level=0,
        recorded_at=record.filed_at,
        updated_at=record.filed_at,
    )
    answers = CallAnswers(
        name=case.number,
        after_s=record.answer_s if record.answer_s is not None else answer_s,
        known=record.refused,
    )
    return Call(case=case, work_s=record.work_s if record.work_s is not None else work_s, answers=answers)
