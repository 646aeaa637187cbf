"""Days of calls worked again under a policy, in memory: who is asked, who goes, when each call is attended. Pure.

The decision is `dispatch.decide` itself; the forces are a model, the same for every policy: each begins a shift at its
post, answers as the calls say, works off what it accepted one after the other, urgent calls first, and stays where its
last call was. A general call is broken off for an urgent one where the policy asks for that, and ended after it: who
was on the way sets out anew, who was at work comes back to what was left. Nothing is drawn here, so one input gives one
outcome to the bit.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import numpy as np

from geo.coords import LonLat
from geo.metric import distance_m
from pipeline.cases import Case, Status
from pipeline.dispatch import Decision, Dispatch, Wanted, decide, decide_together
from pipeline.dispatch_policy import DispatchPolicy
from pipeline.offers import UNANSWERED_PAUSE
from pipeline.roster import Force, Shift
from pipeline.site import Site
from pipeline.standing import Board, Heard, instant_of, instant_us
from pipeline.terminals import Terminal

RETRY_S: Final = 5.0  # what waits is looked at so soon after somebody is free again, as the keeper does
LOOK_S: Final = 300.0  # and at least this often: a shift may have begun
MOST_TOGETHER: Final = 40
LONGEST_S: Final = 4 * 86_400.0  # a call that nobody can take is given up this long after the last one
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a terminal answers an offer: after how long, None for never; and whether it accepts."""

    after_s: float | None
    accepts: bool


class Answers(Protocol):
    """How terminals answer offers of one call."""

    def __call__(self, terminal: str) -> Answer:
        """Return a terminal's answer, the same each time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A case to be attended.

    Attributes:
        case: as it was filed, `recorded_at` its beginning.
        work_s: from arrival until whoever came is free again.
        answers: how each terminal answers.
    """

    case: Case
    work_s: float
    answers: Answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Attended:
    """What became of a call.

    Attributes:
        terminal: who came; None when nobody did.
        arrived_s: seconds after it was filed; None when nobody came.
    """

    number: str
    urgent: bool
    terminal: str | None
    arrived_s: float | None
    offers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errand:
    """A call that somebody goes to or works on; set out for from `start` at `left`."""

    opened: "_Open"
    start: LonLat
    left: datetime
    arrives: datetime
    ends: datetime

    def place(self, now: datetime) -> LonLat:
        """Return how far it came, on a straight line."""
        (lon0, lat0), (lon1, lat1), whole_s = self.start, self.opened.call.case.lonlat, (self.arrives - self.left)
        share = 1.0 if now >= self.arrives else max(0.0, (now - self.left) / whole_s)
        return LonLat(lon0 + share * (lon1 - lon0), lat0 + share * (lat1 - lat0))


@dataclass(slots=True)
class _Crew:
    """One terminal at work: where it is or will be, when it is free, and what it has accepted."""

    force: Force
    place: LonLat
    free_us: int
    errand: _Errand | None = None
    held: int = 0
    urgent: int = 0
    queue: list["_Open"] = field(default_factory=list)


@dataclass(slots=True)
class _Open:
    """A call that is not attended yet."""

    call: Call
    order: int
    declined: frozenset[str] = frozenset()
    unanswered: dict[str, datetime] = field(default_factory=dict)
    offers: int = 0
    accepted: int = 0
    left_s: float | None = None  # of its work, where that was broken off


class Replay:
    """One run; `attended` holds the outcomes by number when `run` has returned."""

    def __init__(self, site: Site, policy: DispatchPolicy, calls: Sequence[Call]) -> None:
        self.attended: dict[str, Attended] = {}
        self._site, self._policy = site, policy
        self._calls = sorted(calls, key=lambda call: (call.case.recorded_at, call.case.number))
        self._queue: list[tuple[int, int, Callable[[datetime], None]]] = []
        self._order = 0
        self._waiting: list[_Open] = []
        self._retry_at_us: int | None = None
        self._board = Board()
        begin = self._calls[0].case.recorded_at if self._calls else None
        self._crews = {
            force.terminal: _Crew(force, force.post, 0 if begin is None else instant_us(begin))
            for force in site.roster.forces
            if force.terminal is not None
        }
        self._patterns: dict[tuple[Shift, ...], list[_Crew]] = {}
        self._begun: dict[tuple[Shift, ...], int] = {}
        for crew in self._crews.values():
            self._patterns.setdefault(crew.force.shifts, []).append(crew)
            if begin is not None:
                self._move(crew, crew.place, begin - timedelta(seconds=1))

    def run(self) -> "Replay":
        """Work all calls; returns itself."""
        for order, call in enumerate(self._calls):
            self._plan(call.case.recorded_at, self._filing(_Open(call, order)))
        last = self._calls[-1].case.recorded_at + timedelta(seconds=LONGEST_S) if self._calls else None
        while self._queue and last is not None:
            at_us, _, act = heapq.heappop(self._queue)
            now = instant_of(at_us)
            if now > last:
                break
            act(now)
        for each in self._calls:
            self.attended.setdefault(each.case.number, _missed(each))
        return self

    def _filing(self, opened: _Open) -> Callable[[datetime], None]:
        def act(now: datetime) -> None:
            if self._policy.batch_s > 0.0 and not opened.call.case.urgent:
                self._waiting.append(opened)
                self._retry_later(now, self._policy.batch_s)
            else:
                self._offer(opened, now)

        return act

    def _offer(self, opened: _Open, now: datetime) -> None:
        wanted = self._wanted(opened, now)
        decision = decide(
            wanted.case,
            site=self._site,
            category=wanted.category,
            terminals=self._standing(now, urgent=wanted.case.urgent),
            declined=wanted.declined,
            unanswered=wanted.unanswered,
            now=now,
            policy=self._policy,
            told=False,
        )
        self._carry_out(opened, decision, now)

    def _wanted(self, opened: _Open, now: datetime) -> Wanted:
        lately = frozenset(code for code, at in opened.unanswered.items() if now - at < UNANSWERED_PAUSE)
        category = self._site.catalogue.by_key.get(opened.call.case.category)
        return Wanted(case=opened.call.case, category=category, declined=opened.declined, unanswered=lately)

    def _carry_out(self, opened: _Open, decision: Decision, now: datetime) -> None:
        if not isinstance(decision, Dispatch):
            self._waiting.append(opened)
            self._retry_later(now, LOOK_S)
            return
        opened.offers += 1
        crew = self._crews[decision.terminal]
        self._hold(crew, opened, +1)
        answer, patience_s = opened.call.answers(decision.terminal), self._patience_s(opened)
        if answer.after_s is None or answer.after_s >= patience_s:
            self._plan(_later(now, patience_s), self._passing(opened, crew, decision.terminal))
        elif answer.accepts:
            self._plan(_later(now, answer.after_s), self._accepting(opened, crew))
        else:
            self._plan(_later(now, answer.after_s), self._declining(opened, crew, decision.terminal))

    def _patience_s(self, opened: _Open) -> float:
        policy = self._policy
        return policy.offer_timeout_urgent_s if opened.call.case.urgent else policy.offer_timeout_general_s

    def _passing(self, opened: _Open, crew: _Crew, terminal: str) -> Callable[[datetime], None]:
        def act(now: datetime) -> None:
            opened.unanswered[terminal] = now
            self._hold(crew, opened, -1)
            self._offer(opened, now)

        return act

    def _declining(self, opened: _Open, crew: _Crew, terminal: str) -> Callable[[datetime], None]:
        def act(now: datetime) -> None:
            opened.declined |= {terminal}
            self._hold(crew, opened, -1)
            self._offer(opened, now)

        return act

    def _accepting(self, opened: _Open, crew: _Crew) -> Callable[[datetime], None]:
        def act(now: datetime) -> None:
            self._order += 1
            opened.accepted = self._order
            crew.queue.append(opened)
            if crew.errand is None:
                self._set_out(crew, now)
            elif self._policy.break_off_s > 0.0 and opened.call.case.urgent:
                self._break_off(crew, crew.errand, now)

        return act

    def _break_off(self, crew: _Crew, errand: _Errand, now: datetime) -> None:
        """Leave a general call for an urgent one; who works on the spot needs a while to do so."""
        opened = errand.opened
        if opened.call.case.urgent:
            return
        crew.errand = None
        crew.queue.append(opened)
        there = now >= errand.arrives
        if there:
            opened.left_s = (errand.ends - now).total_seconds()
        elif opened.left_s is None:  # else it was there before
            del self.attended[opened.call.case.number]
        self._move(crew, errand.place(now), now)
        self._set_out(crew, now, after_s=self._policy.break_off_s if there else 0.0)

    def _set_out(self, crew: _Crew, now: datetime, *, after_s: float = 0.0) -> None:
        """Go to the first call in hand: urgent ones before others, then as they were accepted."""
        opened = min(crew.queue, key=lambda each: (not each.call.case.urgent, each.accepted))
        crew.queue.remove(opened)
        case, start, left = opened.call.case, crew.place, _later(now, after_s)
        arrives = _later(left, self._way_s(crew, start, case.lonlat))
        if opened.left_s is None:
            self.attended[case.number] = Attended(
                number=case.number,
                urgent=case.urgent,
                terminal=crew.force.terminal,
                arrived_s=(arrives - case.recorded_at).total_seconds(),
                offers=opened.offers,
            )
        ends = _later(arrives, opened.call.work_s if opened.left_s is None else opened.left_s)
        errand = crew.errand = _Errand(opened=opened, start=start, left=left, arrives=arrives, ends=ends)
        self._move(crew, case.lonlat, now)
        self._plan(ends, lambda at: self._done(crew, errand, at))

    def _done(self, crew: _Crew, errand: _Errand, now: datetime) -> None:
        if crew.errand is not errand:
            return  # it was broken off
        crew.errand, crew.free_us = None, instant_us(now)
        self._move(crew, errand.opened.call.case.lonlat, now)
        self._hold(crew, errand.opened, -1)
        self._board.free(crew.force.terminal or "", instant_us(now))
        if crew.queue:
            self._set_out(crew, now)
        if self._waiting:
            self._retry_later(now, RETRY_S)

    def _way_s(self, crew: _Crew, start: LonLat, end: LonLat) -> float:
        roads, speed = self._site.roads, self._policy.speed_of(crew.force.role)
        straight_m = distance_m(start, end)
        if roads is None:
            return straight_m * self._policy.way_factor / speed
        way_m = float(roads.ways_m(end, roads.beside(np.array([start])))[0])
        return (max(way_m, straight_m) if way_m < float("inf") else straight_m * self._policy.way_factor) / speed

    def _standing(self, now: datetime, *, urgent: bool = False) -> Mapping[str, Terminal]:
        for began, crews in self._shifts_begun(now):
            for crew in crews:
                if crew.errand is None and crew.free_us < began:
                    self._move(crew, crew.force.post, now)
        if urgent and self._policy.break_off_s > 0.0:  # else nobody asks where those at work are
            at_us = instant_us(now)
            at_work = [(code, crew.errand) for code, crew in self._crews.items() if crew.errand is not None]
            self._board.hear([Heard(code, *errand.place(now), at_us) for code, errand in at_work])
        self._board.all_heard(instant_us(now))
        return self._board

    def _shifts_begun(self, now: datetime) -> Iterator[tuple[int, list[_Crew]]]:
        """Yield the forces of each pattern of shifts of which a new one began since the last look."""
        for pattern, crews in self._patterns.items():
            began = duty_began(crews[0].force, now, self._site)
            if began is not None and instant_us(began) > self._begun.get(pattern, 0):
                self._begun[pattern] = instant_us(began)
                yield instant_us(began), crews

    def _move(self, crew: _Crew, place: LonLat, now: datetime) -> None:
        crew.place = place
        self._board.hear([Heard(crew.force.terminal or "", *place, instant_us(now))])

    def _hold(self, crew: _Crew, opened: _Open, change: int) -> None:
        crew.held += change
        crew.urgent += change * opened.call.case.urgent
        self._board.hold(crew.force.terminal or "", crew.held, crew.urgent)

    def _retry_later(self, now: datetime, after_s: float) -> None:
        at = _later(now, after_s)
        if self._retry_at_us is None or instant_us(at) < self._retry_at_us:
            self._retry_at_us = instant_us(at)
            self._plan(at, self._retry)

    def _retry(self, now: datetime) -> None:
        """Offer what waits, the oldest first: urgent calls one by one, some of the others together."""
        if self._retry_at_us != instant_us(now):
            return  # an earlier look was planned after this one
        self._retry_at_us = None
        waiting, self._waiting = self._waiting, []
        waiting.sort(key=lambda each: (not each.call.case.urgent, each.order))
        urgent = [each for each in waiting if each.call.case.urgent]
        general = [each for each in waiting if not each.call.case.urgent]
        general, self._waiting = general[:MOST_TOGETHER], general[MOST_TOGETHER:]
        for each in urgent:
            self._offer(each, now)
        if general and not self._policy.together:
            for each in general:
                self._offer(each, now)
        elif general:
            decisions = decide_together(
                [self._wanted(each, now) for each in general],
                site=self._site,
                terminals=self._standing(now),
                now=now,
                policy=self._policy,
                told=False,
            )
            for each, decision in zip(general, decisions, strict=True):
                self._carry_out(each, decision, now)

    def _plan(self, at: datetime, act: Callable[[datetime], None]) -> None:
        self._order += 1
        heapq.heappush(self._queue, (instant_us(at), self._order, act))


def duty_began(force: Force, now: datetime, site: Site) -> datetime | None:
    """Return when the shift that a force is in, or was in last, began; None for one that is always on duty."""
    if not force.shifts:
        return None
    local = now.astimezone(site.settings.timezone)
    second = local.hour * 3600 + local.minute * 60 + local.second
    since_s = min((second - (each.start.hour * 3600 + each.start.minute * 60)) % _DAY_S for each in force.shifts)
    return now - timedelta(seconds=since_s, microseconds=now.microsecond)


def _missed(call: Call) -> Attended:
    return Attended(number=call.case.number, urgent=call.case.urgent, terminal=None, arrived_s=None, offers=0)


def filed(case: Case) -> Case:
    """Return a case as it was when it was to be offered for the first time."""
    return replace(case, status=Status.FILED, terminal=None, distance_m=None)


def _later(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)
