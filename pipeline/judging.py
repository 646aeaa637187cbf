"""Judging: the figures of forces, units, grids, departments and the site over a period, from cases' stories. Pure.

Each case counts in each figure for one subject of a kind, by the rules of docs/judging.md; `attribution` has them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Final

import numpy as np

from pipeline.attribution import Attribution, SubjectKind
from pipeline.case_story import Story, Urgent
from pipeline.cases import Action, Channel, Status
from pipeline.judging_periods import JudgedPeriod
from pipeline.shares import Share, wilson

PROACTIVE: Final = frozenset({Channel.PATROL, Channel.INTELLIGENT})
REACTIVE: Final = frozenset({Channel.HOTLINE, Channel.ALARM, Channel.TRANSFER})
STEPS: Final = frozenset(
    each.value
    for each in (
        Action.ACCEPT, Action.DECLINE, Action.ARRIVE, Action.FIRST_RESULT, Action.DONE, Action.RETURN,
        Action.SELF_HANDLE, Action.ASK_EXTENSION,
    )
)  # fmt: skip
"""The steps that count as a force's work, when its carrier takes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How fast urgent cases were attended, or had a first result.

    Attributes:
        in_time: share within the target, of those reached in the period and those overdue at its end.
        p50_s, p90_s, mean_s: of those reached, in seconds of the clock; None where none was.
    """

    in_time: Share
    p50_s: float | None
    p90_s: float | None
    mean_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What was done, and by whom most.

    Attributes:
        handled: handlings in the period.
        steps: steps that forces took themselves.
        offers, unanswered, declined, returned: offers made, let pass, declined; cases given back.
        lent: handlings by a force in another grid than its own.
        busiest: share of the force with most handlings; `of` is all handlings by forces. None for a force itself.
    """

    handled: int
    steps: int
    offers: int
    unanswered: int
    declined: int
    returned: int
    lent: int
    busiest: Share | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one subject over one period.

    Attributes:
        subject: code of the force, unit, grid or department; the site's code for the site.
        discovered: cases filed in the period; `channels` by how each became known.
        proactive: P / (P + R) without the public, `proactive_public` with it among P.
        closed, handled, overdue: what should be closed: closed in the period; handled in it and not closed; not handled
            at its end and past its time.
        closure: closed of what should be closed.
        on_time: handled in time, of what should be closed and has a deadline.
        rework: sent back once or more, of what should be closed; for a force, its handlings sent back in the period, of
            those handled or sent back in it.
        false_alarms: refused or judged false in the period, of those and the ones filed.
        void: declared void in the period other than by merging.
    """

    kind: SubjectKind
    subject: str
    discovered: int
    channels: Mapping[str, Share]
    proactive: Share
    proactive_public: Share
    closed: int
    handled: int
    overdue: int
    closure: Share
    on_time: Share
    rework: Share
    arrival: Reached
    first_result: Reached
    false_alarms: Share
    void: int
    workload: Workload


@dataclass
class _Heap:
    """What is counted for one subject."""

    filed: list[Channel]
    false: int
    filed_or_false: int
    void: int
    should: list[tuple[str, bool | None, bool]]  # closed, handled or overdue; in time; sent back
    handled: int
    sent_back: int
    handled_or_sent_back: int
    arrivals: list[Urgent]
    results: list[Urgent]
    moves: Counter[str]
    handled_by: Counter[str]
    lent: int


def _heap() -> _Heap:
    return _Heap([], 0, 0, 0, [], 0, 0, 0, [], [], Counter(), Counter(), 0)


def judge(
    stories: Iterable[Story],
    period: JudgedPeriod,
    *,
    by: SubjectKind,
    attribution: Attribution,
    also: Iterable[str] = (),
) -> list[Figures]:
    """Return the figures of every subject of a kind, in order of their codes.

    Args:
        stories: told up to the period's end, all of one scope.
        period: over which is counted.
        by: kind of subject.
        attribution: who each case counts for.
        also: subjects that are judged even if nothing counts for them, besides those that attribution lists.
    """
    heaps: defaultdict[str, _Heap] = defaultdict(_heap)
    for subject in (*attribution.subjects(by), *also):
        heaps[subject] = _heap()
    for story in stories:
        _found(heaps, story, period, by, attribution)
        _duties(heaps, story, period, by, attribution)
        _work(heaps, story, period, by, attribution)
    return [_figures(by, subject, heaps[subject]) for subject in sorted(heaps)]


def _found(
    heaps: Mapping[str, _Heap], story: Story, period: JudgedPeriod, by: SubjectKind, attribution: Attribution
) -> None:
    subject = attribution.finder(by, story)
    if subject is None:
        return
    heap = heaps[subject]
    filed = story.counts and not story.task and period.holds(story.filed_at)
    false = period.holds(story.false_at)
    if filed:
        heap.filed.append(story.case.channel)
    heap.false += false
    heap.filed_or_false += filed or false
    heap.void += period.holds(story.void_at)


def standing(story: Story, period: JudgedPeriod) -> str | None:
    """Return what a case is among those that should be closed: closed, handled, overdue; None if it is none of them."""
    if not story.counts:
        return None
    if story.closed_at is not None:
        return "closed" if period.holds(story.closed_at) else None
    if story.handling is not None:
        return "handled" if period.holds(story.handling.at) else None
    # A clock that stands reaches nothing, unless it had before.
    end = story.stands_since or period.until
    return "overdue" if story.due is not None and story.due < end else None


def _duties(
    heaps: Mapping[str, _Heap], story: Story, period: JudgedPeriod, by: SubjectKind, attribution: Attribution
) -> None:
    state = standing(story, period)
    answers = attribution.answerer(by, story)
    if state is not None and answers is not None:
        in_time = (False if story.due is not None else None) if story.handling is None else story.handling.in_time
        sent_back = any(each.sent_back_at is not None for each in story.handlings)
        heaps[answers].should.append((state, in_time, sent_back))
    if story.case.urgent and story.counts:
        for clock, name in ((story.arrival, "arrivals"), (story.first_result, "results")):
            reached_by = attribution.reacher(by, story, clock)
            if reached_by is not None and _counts(clock, story, period):
                getattr(heaps[reached_by], name).append(clock)


def _counts(clock: Urgent, story: Story, period: JudgedPeriod) -> bool:
    if clock.due is None:
        return False
    if clock.at is not None:
        return period.holds(clock.at)
    ended = story.closed_at is not None or story.handling is not None
    return not ended and clock.due < (story.stands_since or period.until)


def _work(
    heaps: Mapping[str, _Heap], story: Story, period: JudgedPeriod, by: SubjectKind, attribution: Attribution
) -> None:
    for each in (*story.handled_before, *story.handlings):
        subject = attribution.worker(by, story, each.terminal)
        handled, sent_back = period.holds(each.at), period.holds(each.sent_back_at)
        if subject is None or not (handled or sent_back):
            continue
        heap = heaps[subject]
        heap.handled += handled
        heap.sent_back += sent_back
        heap.handled_or_sent_back += 1
        force = attribution.force(each.terminal)
        if handled and force is not None:
            heap.handled_by[force.number] += 1
            heap.lent += force.grid != story.case.grid
    for move in story.moves:
        subject = attribution.worker(by, story, move.terminal)
        if subject is None or not period.holds(move.at):
            continue
        moves = heaps[subject].moves
        moves["steps"] += move.by_force and move.action in STEPS
        moves["offers"] += move.action == Action.DISPATCH.value
        moves["unanswered"] += move.unanswered
        moves["declined"] += move.action == Action.DECLINE.value and not move.unanswered
        moves["returned"] += move.action == Action.RETURN.value


def _figures(kind: SubjectKind, subject: str, heap: _Heap) -> Figures:
    found, should = Counter(heap.filed), heap.should
    with_public = sum(found[each] for each in (*PROACTIVE, Channel.PUBLIC))
    proactive, reactive = sum(found[each] for each in PROACTIVE), sum(found[each] for each in REACTIVE)
    states, timed = Counter(state for state, _, _ in should), [in_time for _, in_time, _ in should]
    has_deadline = [each for each in timed if each is not None]
    rework = (
        wilson(heap.sent_back, heap.handled_or_sent_back)
        if kind is SubjectKind.FORCE
        else wilson(sum(sent_back for _, _, sent_back in should), len(should))
    )
    return Figures(
        kind=kind,
        subject=subject,
        discovered=len(heap.filed),
        channels={each.value: wilson(found[each], len(heap.filed)) for each in Channel},
        proactive=wilson(proactive, proactive + reactive),
        proactive_public=wilson(with_public, with_public + reactive),
        closed=states["closed"],
        handled=states["handled"],
        overdue=states["overdue"],
        closure=wilson(states["closed"], len(should)),
        on_time=wilson(sum(has_deadline), len(has_deadline)),
        rework=rework,
        arrival=_reached(heap.arrivals),
        first_result=_reached(heap.results),
        false_alarms=wilson(heap.false, heap.filed_or_false),
        void=heap.void,
        workload=_workload(kind, heap),
    )


def _reached(clocks: Sequence[Urgent]) -> Reached:
    in_time = sum(each.at is not None and each.due is not None and each.at <= each.due for each in clocks)
    took = [each.took_s for each in clocks if each.took_s is not None]
    p50, p90 = (float(each) for each in np.percentile(took, [50, 90])) if took else (None, None)
    return Reached(in_time=wilson(in_time, len(clocks)), p50_s=p50, p90_s=p90, mean_s=mean(took) if took else None)


def _workload(kind: SubjectKind, heap: _Heap) -> Workload:
    busiest = None
    if kind is not SubjectKind.FORCE:
        busiest = wilson(max(heap.handled_by.values(), default=0), heap.handled_by.total())
    return Workload(
        handled=heap.handled,
        steps=heap.moves["steps"],
        offers=heap.moves["offers"],
        unanswered=heap.moves["unanswered"],
        declined=heap.moves["declined"],
        returned=heap.moves["returned"],
        lent=heap.lent,
        busiest=busiest,
    )


def duplicates_first(stories: Sequence[Story]) -> list[Story]:
    """Return the stories with whoever knew first of a merged problem as the finder of the case that stays.

    Cases that were merged into another count for nothing themselves, but for the work that was done on them.
    """
    into = {each.case.number: each.case.merged_into for each in stories if each.case.status is Status.VOID}
    knew: dict[str, Story] = {}
    for each in sorted(stories, key=lambda one: (one.opened_at, one.case.number)):
        knew.setdefault(_stays(each.case.number, into), each)
    told = []
    for each in stories:
        first = knew.get(each.case.number, each)
        told.append(each if first is each else replace(each, found_by=first.found_by))
    return told


def _stays(number: str, into: Mapping[str, str | None]) -> str:
    """Return the case that stands for a merged one in the end."""
    seen = {number}  # Histories that a clock cut while it went backwards may name one another.
    while (other := into.get(number)) is not None and other not in seen:
        seen.add(other)
        number = other
    return number
