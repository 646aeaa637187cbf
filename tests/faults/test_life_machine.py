"""Whole lives of cases at random: rivals, crashes at commits and clocks that jump, at least 10,000 steps.

After every step the touched case adds up and its steps are in order; after every life the book is proved: no case lost,
none with two holders, no clock fired twice or out of order, every acknowledged step there; and its story is told again
beside a model of who hears, who is sent from where, and which grids are off (`life_story`).
"""

import shutil
import tempfile
import threading
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from databases import sqlite_url
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from life_machine import CrashError, all_cases, believers, book_flaws, crashing, lost_steps, order_flaws
from life_office import CHEN, LI, PLAN, WANG, Office, disagreements, rolled_out
from life_story import Known, Since, sent_messages, standing_flaws, story_flaws
from small_site import CITIZEN, LITTER, NOON, PARKED, force_at, spot

from pipeline.cases import ON_TERMINAL, STEPS, Action, Case, Channel, Status, is_legal, legal_steps
from pipeline.desk import Report
from pipeline.errors import PipelineError
from pipeline.history import rebuild
from pipeline.merging import took_in
from pipeline.principal import Principal, Role
from pipeline.terminals import Moved

LIVES, STEPS_A_LIFE = 270, 30
FEWEST_STEPS = 10_000
IN_A = tuple(("A", 40.0 * (n % 3) - 40.0, 80.0 * (n // 3)) for n in range(6))
PLACES = (*IN_A, ("B", 0.0, 0.0), ("B", 60.0, 0.0), ("C", 0.0, 0.0))
TERMINALS = ("T001", "T002", "T003", "T010", "T011")
DAYS = {"YP-B": NOON.date() + timedelta(days=1), "YP-C": NOON.date() + timedelta(days=12)}
picks = st.integers(0, 10_000)
chances = st.integers(0, 99)
places = st.integers(0, len(PLACES) - 1)
pauses = st.sampled_from([0, 0, 0, 0, 5, 61, 250])
crashes = st.sampled_from(["before", "after"])
Deed = Callable[[Office], None]


class Lives(RuleBasedStateMachine):
    """Two processes on one casebook, and a model of what must be there."""

    folder: ClassVar[tempfile.TemporaryDirectory[str]]
    steps: ClassVar[int] = 0
    seen: ClassVar[dict[str, int]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.own = Path(tempfile.mkdtemp(dir=self.folder.name))
        first = Office(sqlite_url(self.own), self.own, site=rolled_out(DAYS), migrated=True)
        self.offices = [first, first.beside()]
        self.clock = first.clock
        self.acknowledged: list[tuple[str, str, int]] = []
        self.numbers: list[str] = []
        self.fired: set[tuple[object, ...]] = set()
        self.known = Known(days=[(0, DAYS)])
        self.latest = self.clock.at
        self.race_began: int | None = None

    def count(self, what: str) -> None:
        Lives.steps += 1
        Lives.seen[what] = Lives.seen.get(what, 0) + 1

    @rule(place=places, urgent=st.booleans(), channel=st.sampled_from(["patrol", "public"]), pick=picks)
    def report(self, *, place: int, urgent: bool, channel: str, pick: int) -> None:
        self.count("report")
        self._report(self.offices[pick % 2], place, urgent=urgent, channel=Channel(channel))

    @rule(place=places, urgent=st.booleans(), pick=picks)
    def handle_on_the_spot(self, *, place: int, urgent: bool, pick: int) -> None:
        """A force, or the desk, reports what it handled: nobody is sent to it, and nobody's case is taken away."""
        self.count("handle on the spot")
        office, who = self.offices[pick % 2], self._somebody(pick)
        if self.numbers and pick % 4:
            known = self._number(pick // 4)
            place, urgent = self._place_of(known), self._case(known).urgent
        before = {case.number: case for case in all_cases(office.casebook)}
        number = self._report(office, place, urgent=urgent, by=who, words="carried away")
        self._look_at_settled(before.get(number), self._case(number), who)
        self._look(number)

    @rule(place=places, urgent=st.booleans(), words=st.sampled_from(["", "carried away"]), at=crashes, pick=picks)
    def crash_while_reporting(self, *, place: int, urgent: bool, words: str, at: str, pick: int) -> None:
        self.count(f"crash {at} a report's commit")
        before = self._stored()
        with crashing(at), pytest.raises(CrashError):
            self._report(self.offices[pick % 2], place, urgent=urgent, words=words)
        self._restart(pick % 2)
        assert (self._stored() == before) == (at == "before")
        self._learn()

    @precondition(lambda self: self.numbers)
    @rule(which=picks, walk=st.lists(st.tuples(picks, chances, pauses), min_size=5, max_size=14))
    def walk(self, which: int, walk: list[tuple[int, int, int]]) -> None:
        """One case, step by step, while nobody looks at the clocks."""
        number = self._number(which)
        for pick, chance, minutes in walk:
            self._wait(minutes)
            action, who = self._choice(number, pick, chance)
            self.count(f"act {action}")
            self._act(self.offices[pick % 2], number, action, who, "" if pick % 11 == 0 else "a reason")
        self._look(number)

    @precondition(lambda self: self.numbers)
    @rule(walks=st.lists(st.tuples(picks, picks, chances), min_size=5, max_size=14))
    def mix(self, walks: list[tuple[int, int, int]]) -> None:
        """Several cases in turn."""
        for which, pick, chance in walks:
            number = self._number(which)
            action, who = self._choice(number, pick, chance)
            self.count(f"act {action}")
            self._act(self.offices[pick % 2], number, action, who, "a reason")
            self._look(number)

    @precondition(lambda self: self.numbers)
    @rule(which=picks, other=picks, pick=picks, minutes=st.sampled_from([0, 61, 250]))
    def put_together_or_apart(self, which: int, other: int, pick: int, minutes: int) -> None:
        """Merge, undo a merge or split."""
        self._wait(minutes)
        self._attempt(self._joining(which, other, pick), self.offices[pick % 2])
        self._look(*self.numbers[-4:])

    @rule(terminal=st.sampled_from(TERMINALS), place=places, pick=picks, minutes=st.sampled_from([0, 0, 0, 20, 3_000]))
    def move(self, terminal: str, place: int, pick: int, minutes: int) -> None:
        self.count("move")
        self._moving(terminal, place, minutes, several=pick % 3 == 0)(self.offices[pick % 2])

    @precondition(lambda self: self.numbers)
    @rule(
        which=picks,
        others=st.tuples(picks, picks),
        picks_=st.tuples(picks, picks),
        chances_=st.tuples(chances, chances),
    )
    def race(self, which: int, others: tuple[int, int], picks_: tuple[int, int], chances_: tuple[int, int]) -> None:
        """Two processes do something with one case at one moment."""
        self.count("race")
        number = self._number(which)
        rivals = [
            self._deed(number, other, pick, chance)
            for other, pick, chance in zip(others, picks_, chances_, strict=True)
        ]
        barrier = threading.Barrier(2)
        errors: list[BaseException] = []
        self.race_began = self._stored()

        def run(index: int) -> None:
            try:
                barrier.wait(10)
                self._attempt(rivals[index], self.offices[index])
            except BaseException as error:  # noqa: BLE001 - a thread's error is this test's
                errors.append(error)

        threads = [threading.Thread(target=run, args=(index,)) for index in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.race_began = None
        assert not errors, errors
        self._look(number, *self.numbers[-2:])

    @precondition(lambda self: self.numbers)
    @rule(which=picks, other=picks, pick=picks, chance=chances, at=crashes)
    def crash_while_doing(self, which: int, other: int, pick: int, chance: int, at: str) -> None:
        number = self._number(which)
        deed = self._deed(number, other, pick, chance)
        self.count(f"crash {at} a step's commit")
        before = self._stored()
        try:
            with crashing(at):
                deed(self.offices[pick % 2])
        except (CrashError, PipelineError) as error:
            after = self._stored()
            stored = isinstance(error, CrashError) and at == "after"
            # Finding nobody to send a case to may rightly leave it as it was; a place has no event.
            assert after == before or stored
        self._restart(pick % 2)
        self._learn()
        self._look(number)

    @rule(minutes=st.sampled_from([1, 5, 13, 61, 250, 3_000, 30_000, -1, -40, -600]))
    def jump(self, minutes: int) -> None:
        self.count("clock forward" if minutes > 0 else "clock back")
        self._wait(minutes)

    @rule(grid=st.sampled_from(sorted(DAYS)), days=st.integers(1, 20))
    def begin_on_another_day(self, grid: str, days: int) -> None:
        """Somebody moves the day on which a grid begins, before it came; the processes start again with it."""
        before = self.known.days[-1][1]
        today = (self.latest + timedelta(hours=8)).date()
        if before[grid] <= today:
            return
        self.count("begin on another day")
        after: dict[str, date] = {**before, grid: today + timedelta(days=days)}
        self.known.days.append((self._stored(), after))
        for index in (0, 1):
            self.offices[index].site = rolled_out(after)
            self._restart(index)

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
        office = self.offices[0]
        book = office.casebook
        stored = {case.number: case for case in all_cases(book)}
        assert set(self.numbers) == stored.keys()
        for number, action, version in self.acknowledged:
            assert book.events(number)[version - 1].action == action, (number, action, version)
        # After the last jump everything that is due comes, once, and then nothing.
        self.clock.at = max(self.clock.at, *(case.updated_at for case in stored.values()), self.clock.at)
        office.watch.fire_due()
        assert self.offices[1].watch.fire_due() == []
        assert lost_steps(book, office.site, self.clock.at) == []
        assert book_flaws(book, also=self._double_holders) == []
        assert disagreements(book, office.site) == []
        assert story_flaws(book, office.site, self.known) == []
        assert standing_flaws(book, self.known, office.duty.standing) == []
        for each in self.offices:
            each.close()
        shutil.rmtree(self.own)

    def _report(
        self, office: Office, place: int, *, urgent: bool, channel: Channel = Channel.PATROL, by: Principal = LI,
        words: str = "",
    ) -> str:  # fmt: skip
        """Report a problem, as handled on the spot where there are words; returns its case's number."""
        report = Report(
            channel=channel,
            category=LITTER if urgent else PARKED,
            lonlat=spot(*PLACES[place]),
            occurred_at=self.clock.now(),
            self_handled=words,
        )
        taken = office.desk.report(report, principal=CITIZEN if channel is Channel.PUBLIC else by)
        assert taken.number is not None
        assert taken.receipt is not None
        self._note_report(taken.receipt, taken.number)
        if taken.outcome == "open":
            self.numbers.append(taken.number)
        return taken.number

    def _deed(self, number: str, other: int, pick: int, chance: int) -> Deed:
        """Choose what is done with a case: a step of its own, most of the time."""
        match pick % 10:
            case 0 | 1:
                return self._joining(self.numbers.index(number), other, pick // 10)
            case 2:
                self.count("handle on the spot")
                who, place, urgent = self._somebody(other), self._place_of(number), self._case(number).urgent
                return lambda office: self._report_again(office, place, urgent=urgent, by=who)
            case 3:
                self.count("move")
                return self._moving(TERMINALS[other % len(TERMINALS)], other % len(PLACES), 0, several=False)
        action, who = self._choice(number, pick, chance)
        self.count(f"act {action}")
        return lambda office: self._take_step(office, number, action, who, "a reason")

    def _report_again(self, office: Office, place: int, *, urgent: bool, by: Principal) -> None:
        self._report(office, place, urgent=urgent, by=by, words="carried away")

    def _place_of(self, number: str) -> int:
        case = self._case(number)
        found = [n for n, place in enumerate(PLACES) if spot(*place) == case.lonlat]
        return found[0] if found else 0

    def _joining(self, which: int, other: int, pick: int) -> Deed:
        """Choose cases to merge, a merge to undo or entries to split off; now and then what is refused."""
        number = self.numbers[which % len(self.numbers)]
        case = self._case(number)
        if case.merged_into is not None or pick % 7 == 0:
            self.count("undo a merge")
            return lambda office: self._undo(office, number)
        added = [event for event in self.offices[0].casebook.events(number) if took_in(event)]
        if added and pick % 2:
            self.count("split")
            return lambda office: self._split(office, number, added[other % len(added)].sequence)
        like = [each.number for each in all_cases(self.offices[0].casebook) if each.category == case.category]
        into = like[other % len(like)]
        self.count("merge")
        return lambda office: self._merge(office, number, into)

    def _merge(self, office: Office, number: str, into: str) -> None:
        other = office.desk.merging.merge(number, into=into, reason="the same", principal=LI)
        self.acknowledged.append((into, "absorb", other.version))
        events = office.casebook.events(number)
        versions = [v for v, e in enumerate(events, 1) if e.action == "merge" and e.details["into"] == into]
        self.acknowledged.append((number, "merge", versions[-1]))

    def _undo(self, office: Office, number: str) -> None:
        case = office.desk.merging.undo(number, reason="two after all", principal=LI)
        self._acknowledge(office, case, "unmerge")

    def _split(self, office: Office, number: str, sequence: int) -> None:
        split = office.desk.merging.split(number, [sequence], reason="another", principal=LI)
        self.numbers.append(split.new.number)
        self.acknowledged.append((number, "split", split.case.version))

    def _moving(self, terminal: str, place: int, minutes: int, *, several: bool) -> Deed:
        where, at = spot(*PLACES[place]), self.clock.at - timedelta(minutes=minutes)

        def move(office: Office) -> None:
            low = self._stored() if self.race_began is None else self.race_began
            if several:
                newer = office.desk.move_all([Moved(terminal=terminal, lonlat=where, at=at)], principal=LI) == 1
            else:
                newer = office.desk.move(terminal, where, at=at, principal=force_at(terminal))
            if newer:
                self.known.places[terminal].append((where, Since(low=low, high=self._stored())))

        return move

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
        people = (LI, WANG, CITIZEN, *map(force_at, TERMINALS))
        return list(Action)[pick % len(Action)], people[pick % len(people)]

    def _wait(self, minutes: int) -> None:
        self.clock.at += timedelta(minutes=minutes)
        self.latest = max(self.latest, self.clock.at)

    def _somebody(self, pick: int) -> Principal:
        return (LI, *map(force_at, TERMINALS))[pick % (len(TERMINALS) + 1)]

    def _attempt(self, deed: Deed, office: Office) -> None:
        """Do something or be refused."""
        try:
            deed(office)
        except PipelineError:
            return

    def _act(self, office: Office, number: str, action: Action, who: Principal, note: str) -> None:
        self._attempt(lambda each: self._take_step(each, number, action, who, note), office)

    def _take_step(self, office: Office, number: str, action: Action, who: Principal, note: str) -> None:
        more = 1.5 if action is Action.ASK_EXTENSION else None
        case = office.desk.act(number, action, principal=who, note=note, more=more)
        self._acknowledge(office, case, action.value)

    def _acknowledge(self, office: Office, case: Case, action: str) -> None:
        """Remember what was acknowledged, with the version that it made."""
        # What the same transaction added behind the step (an offer) is behind it in the history too.
        events = office.casebook.events(case.number)[: case.version]
        mine = [version for version, event in enumerate(events, 1) if event.action == action]
        if mine:
            self.acknowledged.append((case.number, action, mine[-1]))

    def _look(self, *numbers: str) -> None:
        book = self.offices[0].casebook
        for number in numbers:
            case, events = book.read(lambda now, number=number: (now.case(number), now.events(number)))
            assert rebuild(events) == case
            assert case.version == len(events)
            assert order_flaws(events) == []
            assert (case.terminal is not None) or case.status not in ON_TERMINAL

    def _look_at_settled(self, before: Case | None, after: Case, who: Principal) -> None:
        """What nobody else holds is handled by whoever reported it, without an offer; a holder keeps the case."""
        book = self.offices[0].casebook
        events = book.events(after.number)
        if before is None:
            assert [event.action for event in events] == ["open", "self-handle"]
            assert (after.status, after.terminal) == (Status.HANDLED, who.terminal)
            assert not [each for each in sent_messages(book) if each.case == after.number and each.kind != "feedback"]
        elif before.terminal not in {None, who.terminal} and before.status in ON_TERMINAL:
            assert (after.status, after.terminal) == (before.status, before.terminal)
            notices = [m for m in sent_messages(book) if m.case == after.number and m.version == after.version]
            assert ("terminal-notice", before.terminal) in {(m.kind, m.target) for m in notices}
        elif is_legal(before, Action.SELF_HANDLE) and before.rework_by is None and not before.liaisons:
            assert (after.status, after.terminal) == (Status.HANDLED, who.terminal)
        new = events[0 if before is None else before.version :]
        if after.status is Status.HANDLED and after.updated_at == self.clock.at:
            assert not {event.action for event in new} & {"dispatch", "no-terminal"}

    def _double_holders(self, case: Case) -> list[str]:
        book = self.offices[0].casebook
        found = believers(book.events(case.number), [m for m in sent_messages(book) if m.case == case.number])
        return [] if found <= {case.terminal} else [f"{sorted(found)} believe to hold it, {case.terminal} does"]

    def _learn(self) -> None:
        """Look in the book for what was stored without anybody being told."""
        book = self.offices[0].casebook
        cases = all_cases(book)
        self.numbers = [case.number for case in reversed(cases)]
        for case in cases:
            for report in book.read(lambda now, number=case.number: now.reports_of(number)):
                if report.id not in self.known.reports:
                    self._note_report(report.id, case.number)
        for terminal, state in book.terminals().items():
            known = self.known.places[terminal]
            if state.lonlat is not None and (not known or known[-1][0] != state.lonlat):
                known.append((state.lonlat, Since(low=self._stored(), high=self._stored())))

    def _note_report(self, receipt: str, number: str) -> None:
        high = self._stored()
        low = high if self.race_began is None else self.race_began
        self.known.reports[receipt] = (number, Since(low=low, high=high))

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
        assert {"merge", "undo a merge", "split", "handle on the spot", "move"} <= Lives.seen.keys()
