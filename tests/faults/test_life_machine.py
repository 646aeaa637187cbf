"""Whole lives of cases at random: rivals, crashes at commits and clocks that jump, at least 10,000 steps.

After every step the touched case adds up and its steps are in order; after every life the book is proved: no case lost,
none with two holders, no clock fired twice or out of order, every acknowledged step there.
"""

import shutil
import tempfile
import threading
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from databases import sqlite_url
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from life_machine import CrashError, all_cases, believers, book_flaws, crashing, lost_steps, order_flaws
from life_office import CHEN, LI, WANG, Office
from small_site import CITIZEN, LITTER, PARKED, force_at, spot

from pipeline.cases import ON_TERMINAL, STEPS, Action, Case, Channel, legal_steps
from pipeline.desk import Report
from pipeline.errors import PipelineError
from pipeline.history import rebuild
from pipeline.joint_action import JointPlan
from pipeline.principal import Principal, Role

LIVES, STEPS_A_LIFE = 280, 30
FEWEST_STEPS = 10_000
PLAN = JointPlan(lead="traffic-police", liaisons={"traffic-police": "YP-010", "market-supervision": "YP-011"})
picks = st.integers(0, 10_000)
crashes = st.sampled_from(["before", "after"])


class Lives(RuleBasedStateMachine):
    """Two processes on one casebook, and a model of what must be there."""

    folder: ClassVar[tempfile.TemporaryDirectory[str]]
    steps: ClassVar[int] = 0
    seen: ClassVar[dict[str, int]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.own = Path(tempfile.mkdtemp(dir=self.folder.name))
        first = Office(sqlite_url(self.own), self.own, migrated=True)
        self.offices = [first, first.beside()]
        self.clock = first.clock
        self.acknowledged: list[tuple[str, str, int]] = []
        self.numbers: list[str] = []
        self.fired: set[tuple[object, ...]] = set()

    def count(self, what: str) -> None:
        Lives.steps += 1
        Lives.seen[what] = Lives.seen.get(what, 0) + 1

    @rule(place=st.integers(0, 5), urgent=st.booleans(), channel=st.sampled_from(["patrol", "public"]), pick=picks)
    def report(self, *, place: int, urgent: bool, channel: str, pick: int) -> None:
        self.count("report")
        self._report(self.offices[pick % 2], place, urgent=urgent, channel=Channel(channel))

    @rule(place=st.integers(0, 5), urgent=st.booleans(), at=crashes, pick=picks)
    def crash_while_reporting(self, *, place: int, urgent: bool, at: str, pick: int) -> None:
        self.count(f"crash {at} a report's commit")
        before = self._stored()
        with crashing(at), pytest.raises(CrashError):
            self._report(self.offices[pick % 2], place, urgent=urgent, channel=Channel.PATROL)
        self._restart(pick % 2)
        assert (self._stored() == before) == (at == "before")
        self.numbers = [case.number for case in reversed(all_cases(self.offices[0].casebook))]

    @precondition(lambda self: self.numbers)
    @rule(which=picks, walk=st.lists(st.tuples(picks, st.integers(0, 99)), min_size=4, max_size=12))
    def walk(self, which: int, walk: list[tuple[int, int]]) -> None:
        """One case, step by step."""
        number = self._number(which)
        for pick, chance in walk:
            action, who = self._choice(number, pick, chance)
            self.count(f"act {action}")
            self._act(self.offices[pick % 2], number, action, who, "" if pick % 11 == 0 else "a reason")
        self._look(number)

    @precondition(lambda self: self.numbers)
    @rule(walks=st.lists(st.tuples(picks, picks, st.integers(0, 99)), min_size=4, max_size=12))
    def mix(self, walks: list[tuple[int, int, int]]) -> None:
        """Several cases in turn."""
        for which, pick, chance in walks:
            number = self._number(which)
            action, who = self._choice(number, pick, chance)
            self.count(f"act {action}")
            self._act(self.offices[pick % 2], number, action, who, "a reason")
            self._look(number)

    @precondition(lambda self: self.numbers)
    @rule(which=picks, picks_=st.tuples(picks, picks), chances=st.tuples(st.integers(0, 99), st.integers(0, 99)))
    def race(self, which: int, picks_: tuple[int, int], chances: tuple[int, int]) -> None:
        """Two processes act on one case at one moment."""
        self.count("race")
        number = self._number(which)
        chosen = [self._choice(number, pick, chance) for pick, chance in zip(picks_, chances, strict=True)]
        barrier = threading.Barrier(2)
        errors: list[BaseException] = []

        def run(index: int) -> None:
            try:
                barrier.wait(10)
                self._act(self.offices[index], number, *chosen[index], "a reason")
            except BaseException as error:  # noqa: BLE001 - a thread's error is this test's
                errors.append(error)

        threads = [threading.Thread(target=run, args=(index,)) for index in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors, errors
        self._look(number)

    @precondition(lambda self: self.numbers)
    @rule(which=picks, pick=picks, at=crashes)
    def crash_while_acting(self, which: int, pick: int, at: str) -> None:
        number = self._number(which)
        action, who = self._choice(number, pick, 0)
        self.count(f"crash {at} a step's commit")
        before = self._case(number)
        try:
            with crashing(at):
                self._step(self.offices[pick % 2], number, action, who, "a reason")
        except (CrashError, PipelineError) as error:
            after = self._case(number)
            stored = isinstance(error, CrashError) and at == "after"
            # Finding nobody to send a case to may rightly leave it as it was.
            assert (after != before) == stored or (stored and action is Action.DISPATCH)
        self._restart(pick % 2)
        self._look(number)

    @rule(minutes=st.sampled_from([1, 5, 13, 61, 250, 3_000, 30_000, -1, -40, -600]))
    def jump(self, minutes: int) -> None:
        self.count("clock forward" if minutes > 0 else "clock back")
        self.clock.at += timedelta(minutes=minutes)

    @rule(rivals=st.booleans(), pick=picks)
    def fire(self, *, rivals: bool, pick: int) -> None:
        """One process looks at the clocks, or two at one moment."""
        self.count("two watches at once" if rivals else "fire")
        found: list[list[tuple[object, ...]]] = [[], []]

        def run(index: int) -> None:
            found[index] += [(f.case, f.clock, f.round, f.step) for f in self.offices[index].watch.once()]

        threads = [threading.Thread(target=run, args=(index,)) for index in ((0, 1) if rivals else (pick % 2,))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        fired = found[0] + found[1]
        assert len(set(fired)) == len(fired)
        assert not self.fired & set(fired)
        self.fired |= set(fired)

    @rule(pick=picks, at=crashes)
    def crash_while_firing(self, pick: int, at: str) -> None:
        self.count(f"crash {at} a clock's commit")
        due = self.offices[0].casebook.read(lambda book: book.first_due(self.clock.at)) is not None
        try:
            with crashing(at):
                self.offices[pick % 2].watch.fire_due()
        except CrashError:
            assert due
        else:
            assert not due
        self._restart(pick % 2)

    @rule(pick=picks)
    def pass_on(self, pick: int) -> None:
        self.count("pass on and retry")
        self.offices[pick % 2].desk.pass_over()
        self.offices[pick % 2].desk.retry_undispatched()

    @precondition(lambda self: self.numbers)
    @rule(which=picks, pick=picks)
    def join(self, which: int, pick: int) -> None:
        number = self._number(which)
        self.count("joint action")
        office = self.offices[pick % 2]
        try:
            if self._case(number).liaisons:
                office.duty.finish_part(number, "market-supervision", note="done", principal=force_at("T011"))
            else:
                office.duty.open_joint(number, PLAN, note="", principal=LI)
        except PipelineError:
            return
        self._look(number)

    def teardown(self) -> None:
        book = self.offices[0].casebook
        assert book_flaws(book, also=self._double_holders) == []
        stored = {case.number: case for case in all_cases(book)}
        assert set(self.numbers) <= stored.keys()
        for number, action, version in self.acknowledged:
            assert book.events(number)[version - 1].action == action, (number, action, version)
        # After the last jump everything that is due comes, once, and then nothing.
        self.clock.at = max(self.clock.at, *(case.updated_at for case in stored.values()), self.clock.at)
        self.offices[0].watch.fire_due()
        assert self.offices[1].watch.fire_due() == []
        assert lost_steps(book, self.offices[0].site, self.clock.at) == []
        assert book_flaws(book) == []
        for office in self.offices:
            office.close()
        shutil.rmtree(self.own)

    def _report(self, office: Office, place: int, *, urgent: bool, channel: Channel) -> None:
        where = spot("A", 40.0 * (place % 3) - 40.0, 80.0 * (place // 3))
        report = Report(
            channel=channel, category=LITTER if urgent else PARKED, lonlat=where, occurred_at=self.clock.now()
        )
        taken = office.desk.report(report, principal=CITIZEN if channel is Channel.PUBLIC else LI)
        assert taken.number is not None
        assert office.duty.standing(str(taken.receipt)).case == taken.number
        if taken.outcome == "open":
            self.numbers.append(taken.number)

    def _choice(self, number: str, pick: int, chance: int) -> tuple[Action, Principal]:
        """Choose what is possible and who may, most of the time; anything by anybody else."""
        case = self._case(number)
        legal = legal_steps(case)
        if chance < 80 and legal:
            # The grave ones end a case: not too often.
            calm = [each for each in legal if each not in {Action.VOID, Action.REJECT}] or legal
            action = calm[pick % len(calm)] if chance else legal[pick % len(legal)]
            force = Role.FORCE in STEPS[action][2] and case.terminal is not None and pick % 3
            return action, force_at(str(case.terminal)) if force else (LI, CHEN, WANG)[pick % 3]
        people = (LI, WANG, CITIZEN, *(force_at(f"T{n:03d}") for n in (1, 2, 3, 10, 11)))
        return list(Action)[pick % len(Action)], people[pick % len(people)]

    def _act(self, office: Office, number: str, action: Action, who: Principal, note: str) -> None:
        """Take a step or be refused; what was acknowledged is remembered, with the version that it made."""
        try:
            case = self._step(office, number, action, who, note)
        except PipelineError:
            return
        # What the same transaction added behind the step (an offer) is behind it in the history too.
        events = office.casebook.events(number)[: case.version]
        mine = [version for version, event in enumerate(events, 1) if event.action == action.value]
        if mine:
            self.acknowledged.append((number, action.value, mine[-1]))

    def _step(self, office: Office, number: str, action: Action, who: Principal, note: str) -> Case:
        more = 1.5 if action is Action.ASK_EXTENSION else None
        return office.desk.act(number, action, principal=who, note=note, more=more)

    def _look(self, number: str) -> None:
        book = self.offices[0].casebook
        case, events = book.read(lambda now: (now.case(number), now.events(number)))
        assert rebuild(events) == case
        assert case.version == len(events)
        assert order_flaws(events) == []
        assert (case.terminal is not None) or case.status not in ON_TERMINAL

    def _double_holders(self, case: Case) -> list[str]:
        book = self.offices[0].casebook
        messages = [
            m for m in book.outbox(limit=1000)
            if m.kind in {"terminal-push", "terminal-withdraw"} and m.payload["case"] == case.number
        ]  # fmt: skip
        found = believers(book.events(case.number), messages)
        return [] if found <= {case.terminal} else [f"{sorted(found)} believe to hold it, {case.terminal} does"]

    def _stored(self) -> int:
        return self.offices[0].casebook.newest_sequence()

    def _case(self, number: str) -> Case:
        return self.offices[0].casebook.case(number)

    def _number(self, which: int) -> str:
        # The newest half is where life is.
        recent = self.numbers[-4:] if which % 4 else self.numbers
        return recent[which % len(recent)]

    def _restart(self, index: int) -> None:
        gone = self.offices[index]
        self.offices[index] = gone.beside()
        gone.close()


class TestLives(Lives.TestCase):
    settings = settings(
        max_examples=LIVES,
        stateful_step_count=STEPS_A_LIFE,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )

    @classmethod
    def setUpClass(cls) -> None:
        # In memory where there is such a place: crashes here are of processes, not of machines, and syncs cost.
        memory = Path("/dev/shm")  # noqa: S108 - the folder in it is made by tempfile
        Lives.folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)

    @classmethod
    def tearDownClass(cls) -> None:
        Lives.folder.cleanup()

    @pytest.mark.slow
    @pytest.mark.timeout(1800)
    def runTest(self) -> None:  # noqa: N802 - unittest's name
        super().runTest()
        assert Lives.steps >= FEWEST_STEPS, Lives.steps
        assert {f"act {action}" for action in Action} <= Lives.seen.keys()
