"""The forces at work: offers answered, ways travelled, problems solved, all through the real desk on a simulated clock.

An event queue: each thing that somebody will do has its moment. Agents decide; a duty officer verifies what the public
reports, sends returned cases out again, checks and closes. Deciding who gets what stays the desk's business.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

import numpy as np

from pipeline.casebook import CaseFilter, Page
from pipeline.cases import STEPS, Action, Case, Status
from pipeline.clocks import FixedClock
from pipeline.district.agents import Agent, Habits
from pipeline.principal import Principal, Role
from pipeline.site import Site

T = TypeVar("T")
OFFICER: Final = Principal(name="simulated duty officer", role=Role.DISPATCHER)
REPORT_EVERY_S: Final = 30.0  # a terminal tells its place this often; here, before anybody is chosen by it
RETRY_S: Final = 60.0
SLACK_S: Final = 1.0


class AskedCasebook(Protocol):
    """What the forces ask of a casebook; `doors.Doors` asks it over HTTP."""

    def case(self, number: str) -> Case: ...  # noqa: D102 - see Casebook
    def cases(self, wanted: CaseFilter) -> Page: ...  # noqa: D102 - see Casebook
    def write(self, work: Callable[[Any], T]) -> T: ...  # noqa: D102 - see Casebook; only positions are written


class AskedDesk(Protocol):
    """What the forces ask of a desk."""

    def act(self, number: str, action: Action, *, principal: Principal, note: str = "") -> Case: ...  # noqa: D102
    def pass_over(self) -> Sequence[str]: ...  # noqa: D102 - see Desk
    def retry_undispatched(self) -> Sequence[str]: ...  # noqa: D102 - see Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerHabits:
    """Mean times, in seconds, that the duty officer takes."""

    verify_s: float = 150.0
    again_s: float = 90.0
    check_s: float = 1200.0


@dataclass(order=True, slots=True)
class _Due:
    at: datetime
    order: int
    act: Callable[[datetime], None] = field(compare=False)


class ForcesRun:
    """Simulated forces and duty officer of one site.

    Args:
        site: its roster carries the terminals.
        casebook: positions are stored in it.
        desk: everything else is asked of it.
        clock: the desk's; moved forwards as things happen.
        seed: decides all chance.
        habits: of agents.
        officer: of the duty officer.
        report_every_s: how often terminals tell their places.
    """

    def __init__(
        self,
        *,
        site: Site,
        casebook: AskedCasebook,
        desk: AskedDesk,
        clock: FixedClock,
        seed: int,
        habits: Habits | None = None,
        officer: OfficerHabits | None = None,
        report_every_s: float = REPORT_EVERY_S,
    ) -> None:
        self.positions = 0
        self.steps = 0
        self._site, self._casebook, self._desk, self._clock = site, casebook, desk, clock
        self._habits, self._officer = habits or Habits(), officer or OfficerHabits()
        self._draw = np.random.default_rng((seed, 1))
        self._queue: list[_Due] = []
        self._order = 0
        self._retrying = False
        self._told_at: datetime | None = None
        self._report_every = timedelta(seconds=report_every_s)
        self.agents = {
            force.terminal: Agent(
                force,
                site=site,
                start=clock.now(),
                habits=self._habits,
                draw=np.random.default_rng((seed, 2, row)),
            )
            for row, force in enumerate(site.roster.forces)
            if force.terminal is not None
        }

    def advance(self, until: datetime) -> None:
        """Let everything happen that is due until a moment, and put the clock there."""
        while self._queue and self._queue[0].at <= until:
            due = heapq.heappop(self._queue)
            self._clock.at = max(self._clock.at, due.at)
            due.act(due.at)
        self._clock.at = max(self._clock.at, until)

    def plan(self, at: datetime, act: Callable[[datetime], None]) -> None:
        """Let something happen at a moment."""
        self._order += 1
        heapq.heappush(self._queue, _Due(at, self._order, act))

    def tell_positions(self) -> None:
        """Store where the terminals with a signal are, as each would have told it since; one transaction for all.

        Terminals report every 30 s; only the last report before a decision matters to it, so only that is stored.
        """
        now = self._clock.now()
        if self._told_at is not None and now - self._told_at < self._report_every:
            return
        self._told_at = now
        places = [
            (terminal, agent.position(now))
            for terminal, agent in self.agents.items()
            if agent.on_duty(now) and agent.has_signal(now)
        ]

        def work(tx: Any) -> int:
            return sum(tx.save_position(terminal, place, now) for terminal, place in places)

        self.positions += self._casebook.write(work)

    def follow(self, number: str) -> None:
        """Go on with a case from where it stands now."""
        self._go_on(self._casebook.case(number))

    def _go_on(self, case: Case) -> None:
        now = self._clock.now()
        if case.status is Status.DISPATCHED:
            self._await_answer(case, now)
        elif case.status is Status.FILED:
            self._retry_later()
        elif case.status in {Status.REPORTED, Status.VERIFIED}:
            self._officer_acts(case, Action.FILE, self._officer.verify_s)
        elif case.status is Status.RETURNED:
            self._officer_acts(case, Action.DISPATCH, self._officer.again_s)
        elif case.status is Status.HANDLED:
            self._officer_acts(case, Action.CHECK, self._officer.check_s)
        elif case.status is Status.CHECKED:
            self._officer_acts(case, Action.CLOSE, SLACK_S)
        elif case.status is Status.ACCEPTED:
            self._travel(case, now)
        elif case.status is Status.ARRIVED:
            self._work(case, now)

    def _officer_acts(self, case: Case, action: Action, mean_s: float) -> None:
        wait_s = SLACK_S + float(self._draw.exponential(mean_s)) * (0.4 if case.urgent else 1.0)

        def act(_: datetime) -> None:
            after = self._act(case, action, OFFICER)
            if after is not None and after.status is Status.RETURNED:
                self._officer_acts(after, action, self._officer.again_s * 4)  # nobody may take it now
            elif after is not None:
                self._go_on(after)

        self.plan(self._in(wait_s), act)

    def _await_answer(self, case: Case, now: datetime) -> None:
        agent = self.agents[case.terminal or ""]
        policy = self._site.settings.dispatch
        patience_s = policy.offer_timeout_urgent_s if case.urgent else policy.offer_timeout_general_s
        self.plan(case.updated_at + timedelta(seconds=patience_s + SLACK_S), lambda _: self._pass_over(case))
        median_s, spread = self._habits.answer_s
        delay_s = float(self._draw.lognormal(np.log(median_s), spread))
        chance = float(self._draw.random())
        if chance < self._habits.ignores:
            return
        declines = chance < self._habits.ignores + self._habits.declines and not case.bound
        action = Action.DECLINE if declines else Action.ACCEPT
        at = agent.heard_again(now) + timedelta(seconds=delay_s)
        self.plan(at, lambda _: self._agent_acts(case, action, "cannot go now" if declines else ""))

    def _travel(self, case: Case, now: datetime) -> None:
        """Set out at once for what is urgent, else after what is in hand."""
        agent = self.agents[case.terminal or ""]

        def set_out(at: datetime) -> None:
            if not case.urgent and agent.busy_until > at:
                self.plan(agent.busy_until, set_out)
                return
            arrives = at + timedelta(seconds=agent.way_s(case.lonlat, at))
            if not case.bound and not (agent.on_duty(arrives) and agent.on_duty(at)):
                self._agent_acts(case, Action.RETURN, "the shift ends before")
                return
            self._go(agent, case, at, then=lambda: self._there(case, Action.ARRIVE, ""))

        set_out(now)

    def _go(self, agent: Agent, case: Case, at: datetime, *, then: Callable[[], None]) -> None:
        """Send somebody to a case; what follows there follows when it arrives."""
        arrives = at + timedelta(seconds=agent.way_s(case.lonlat, at))
        agent.send(case.lonlat, now=at, arrives=arrives, leaves=arrives)
        agent.errand = case.number
        self.plan(arrives, lambda _: then())

    def _work(self, case: Case, now: datetime) -> None:
        agent = self.agents[case.terminal or ""]
        result_s, work_s = (float(self._draw.exponential(s)) for s in (self._habits.result_s, self._habits.work_s))
        fails = (
            agent.force.stage.value == "first" and float(self._draw.random()) < self._habits.fails and not case.bound
        )
        result_at = now + timedelta(seconds=SLACK_S + result_s)
        done_at = result_at + timedelta(seconds=SLACK_S + work_s)
        agent.send(case.lonlat, now=now, arrives=now, leaves=done_at)
        agent.errand = case.number

        def last(_: datetime) -> None:
            if fails:
                self._there(case, Action.RETURN, "needs those who may enforce")
            else:
                self._there(case, Action.DONE, "put right")

        self.plan(result_at, lambda _: self._there(case, Action.FIRST_RESULT, "looked at, at work"))
        self.plan(done_at, last)

    def _there(self, case: Case, action: Action, note: str) -> None:
        """Take a step where the case is; who was called away to an urgent one comes back for it first."""
        agent = self.agents[case.terminal or ""]
        if agent.errand == case.number:
            self._agent_acts(case, action, note)
            return

        def come_back(at: datetime) -> None:
            known = self._casebook.case(case.number)
            if known.terminal != case.terminal or not _goes(known.status, action):
                return
            if agent.busy_until > at:
                self.plan(agent.busy_until, come_back)
                return
            self._go(agent, case, at, then=lambda: self._there(case, action, note))

        come_back(self._clock.now())

    def _agent_acts(self, case: Case, action: Action, note: str) -> None:
        """Let the terminal that was meant take a step, if it still holds the case."""
        terminal = case.terminal or ""
        agent = self.agents[terminal]
        principal = Principal(name=agent.force.name, role=Role.FORCE, terminal=terminal)
        after = self._act(case, action, principal, note=note)
        if after is not None:
            self._go_on(after)

    def _act(self, case: Case, action: Action, principal: Principal, *, note: str = "") -> Case | None:
        """Take a step if the case has not gone another way meanwhile; return the case after it."""
        known = self._casebook.case(case.number)
        if known.terminal != case.terminal or not _goes(known.status, action):
            return None
        if action in {Action.FILE, Action.DISPATCH, Action.DECLINE}:
            self.tell_positions()
        self.steps += 1
        return self._desk.act(case.number, action, principal=principal, note=note)

    def _pass_over(self, case: Case) -> None:
        if self._casebook.case(case.number).status is not Status.DISPATCHED:
            return
        self.tell_positions()
        self._follow_all(self._desk.pass_over())

    def _retry_later(self) -> None:
        if not self._retrying:
            self._retrying = True
            self.plan(self._in(RETRY_S), self._retry)

    def _retry(self, _: datetime) -> None:
        self._retrying = False
        self.tell_positions()
        offered = self._desk.retry_undispatched()
        self._follow_all(offered)
        if self._desk_waits():
            self._retry_later()

    def _desk_waits(self) -> bool:
        return bool(self._casebook.cases(CaseFilter(statuses=frozenset({Status.FILED}), limit=1)).cases)

    def _follow_all(self, numbers: Sequence[str]) -> None:
        for number in numbers:
            self.follow(number)

    def _in(self, seconds: float) -> datetime:
        return self._clock.now() + timedelta(seconds=seconds)


def _goes(status: Status, action: Action) -> bool:
    return status in STEPS[action][0]
