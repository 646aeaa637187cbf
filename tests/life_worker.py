"""A process of its own that lives cases under load and says what was acknowledged: what kill tests start and kill.

life_worker.py URL FOLDER THREADS    a nursery: each line of its input is a seed, for which it forks a worker

The threads of a worker report, handle on the spot, act, merge, undo and split, move terminals, fire clocks, anchor, add
pictures and erase at random and at once, so that their writes share transactions. After each commit that was
acknowledged a thread writes one line in one piece: `seed case action version`. Deadlines are seconds here, so that
clocks fire.
"""

import gc
import os
import random
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from life_office import CHEN, LI, T001, T002, T003, T010, T011, WANG, Office, life_site
from small_site import JPEG, LITTER, PARKED, force_at, spot

from geo.coords import LonLat
from pipeline.casebook import CaseFilter
from pipeline.cases import IN_WORK, OPEN, STEPS, Action, Case, Channel, Status, legal_steps
from pipeline.catalogue import Catalogue
from pipeline.clocks import WallClock
from pipeline.desk import Report
from pipeline.erasure import Erasable, Wanted
from pipeline.errors import PipelineError
from pipeline.group_commit import GroupCommit, Job
from pipeline.merging import took_in
from pipeline.principal import Principal, Role
from pipeline.site import Site, Targets
from pipeline.sql_casebook import SqlCasebook, open_casebook

SECONDS_TO_HANDLE = 3.0
PLACES = 60
TERMINALS = (T001, T002, T003, T010, T011)


def hasty_site() -> Site:
    """Return the life site with deadlines of seconds, so that clocks fire while workers live."""
    site = life_site()
    hours = SECONDS_TO_HANDLE / 3600
    kinds = {key: replace(kind, deadline_value=hours) for key, kind in site.catalogue.by_key.items()}
    settings = replace(site.settings, targets=Targets(arrive_s=1.0, first_result_s=2.0))
    return replace(site, settings=settings, catalogue=Catalogue(by_key=kinds))


def say(line: str) -> None:
    """Write a line in one piece: several processes share the pipe."""
    os.write(1, line.encode() + b"\n")


class Worker:
    """One thread's random life in a process."""

    def __init__(self, office: Office, seed: int, thread: int) -> None:
        self.office, self.seed, self.draw = office, seed, random.Random(f"{seed}/{thread}")

    def live(self) -> None:
        """Do things for ever; whoever started this ends it. What nobody foresaw ends the process, and is told."""
        deeds = [
            self.report, self.report, self.act, self.act, self.act, self.act, self.fire, self.picture, self.erase,
            self.merge, self.undo, self.split, self.handle_on_the_spot, self.move,
        ]  # fmt: skip
        try:
            while True:
                try:
                    self.draw.choice(deeds)()
                except PipelineError:
                    continue
        except BaseException as error:  # noqa: BLE001 - told to whoever counts, and the end of this process
            traceback.print_exc()
            say(f"{self.seed} broke {type(error).__name__} 0")
            os._exit(1)

    def report(self, by: Principal = LI, words: str = "") -> None:
        kind = self.draw.choice([PARKED, LITTER])
        now = self.office.clock.now()
        taken = self.office.desk.report(
            Report(
                channel=Channel.PATROL, category=kind, lonlat=self._somewhere(), occurred_at=now, self_handled=words
            ),
            principal=by,
        )
        say(f"{self.seed} {taken.number} report:{taken.receipt} -4")
        if words:
            self._say(self.office.case(str(taken.number)), "self-handle")

    def handle_on_the_spot(self) -> None:
        self.report(by=self.draw.choice([LI, *map(force_at, TERMINALS)]), words="carried away")

    def move(self) -> None:
        terminal, at = self.draw.choice(TERMINALS), self.office.clock.now()
        if self.office.desk.move(terminal, self._somewhere(), at=at, principal=force_at(terminal)):
            say(f"{self.seed} {terminal} at:{at.isoformat()} -5")

    def merge(self) -> None:
        case = self._some_case()
        like = self.office.desk.merging.alike(case.number, principal=LI)
        if not like:
            return
        into = self.draw.choice(like).number
        other = self.office.desk.merging.merge(case.number, into=into, reason="the same", principal=LI)
        say(f"{self.seed} {into} absorb {other.version}")
        events = self.office.casebook.events(case.number)
        mine = [n for n, event in enumerate(events, 1) if event.action == "merge" and event.details["into"] == into]
        say(f"{self.seed} {case.number} merge {mine[-1]}")

    def undo(self) -> None:
        page = self.office.casebook.cases(CaseFilter(statuses=frozenset({Status.VOID}), limit=20)).cases
        merged = [each for each in page if each.merged_into is not None]
        if merged:
            number = self.draw.choice(merged).number
            self._say(self.office.desk.merging.undo(number, reason="two after all", principal=LI), "unmerge")

    def split(self) -> None:
        case = self._some_case()
        added = [event.sequence for event in self.office.casebook.events(case.number) if took_in(event)]
        if added:
            chosen = [self.draw.choice(added)]
            split = self.office.desk.merging.split(case.number, chosen, reason="another", principal=LI)
            say(f"{self.seed} {case.number} split {split.case.version}")
            say(f"{self.seed} {split.new.number} open 1")

    def act(self) -> None:
        case = self._some_case()
        legal = [each for each in legal_steps(case) if each is not Action.VOID]
        if not legal:
            return
        action = self.draw.choice(legal)
        after = self.office.desk.act(
            case.number,
            action,
            principal=self._who(case, action),
            note="a reason",
            more=SECONDS_TO_HANDLE / 7200 if action is Action.ASK_EXTENSION else None,
        )
        self._say(after, action.value)

    def fire(self) -> None:
        for each in self.office.watch.once():
            say(f"{self.seed} {each.case} {each.clock}/{each.round}/{each.step} -1")

    def picture(self) -> None:
        case = self._some_case()
        jpeg = JPEG + self.draw.randbytes(8)
        picture = self.office.duty.add_picture(case.number, jpeg, label="at", principal=LI)
        say(f"{self.seed} {case.number} picture:{picture.id} -2")

    def erase(self) -> None:
        if self.draw.random() < 0.8:
            return
        page = self.office.casebook.cases(CaseFilter(limit=50)).cases
        if not page:
            return
        case = self.draw.choice(page)
        what = frozenset({self.draw.choice(list(Erasable))})
        proof = self.office.eraser.erase(Wanted(case=case.number, what=what, ground="a request"), principal=WANG)
        say(f"{self.seed} {case.number} erased:{proof.digest} -3")

    def _say(self, after: Case, action: str) -> None:
        """Say which version of a case a step made; what the same transaction added behind it has a higher one."""
        events = self.office.casebook.events(after.number)[: after.version]
        mine = [version for version, event in enumerate(events, 1) if event.action == action]
        if mine:
            say(f"{self.seed} {after.number} {action} {mine[-1]}")

    def _somewhere(self) -> LonLat:
        place = self.draw.randrange(PLACES)
        return spot("A", 14.0 * (place % 10) - 70, 30.0 * (place // 10) - 90)

    def _some_case(self) -> Case:
        wanted = self.draw.choice([OPEN, IN_WORK, frozenset({Status.HANDLED, Status.CHECKED, Status.CLOSED})])
        page = self.office.casebook.cases(CaseFilter(statuses=wanted, limit=20)).cases
        if not page:
            self.report()
            return self._some_case()
        return self.draw.choice(page)

    def _who(self, case: Case, action: Action) -> Principal:
        if Role.FORCE in STEPS[action][2] and case.terminal is not None and self.draw.random() < 0.7:
            return force_at(case.terminal)
        return self.draw.choice([LI, CHEN, WANG])


class TellingGroups(GroupCommit):
    """Says how many writes shared a transaction, after its commit."""

    def __init__(self, casebook: SqlCasebook, seed: int) -> None:
        def run(jobs: Sequence[Job[Any]]) -> None:
            casebook._carry_out(jobs)
            if len(jobs) > 1:
                say(f"{seed} together - {len(jobs)}")

        super().__init__(run)


def live(url: str, folder: Path, seed: int, threads: int, site: Site) -> None:
    """Live in several threads on one casebook, until somebody ends the process."""
    office = Office(url, folder, WallClock(), site, migrated=True)
    office.casebook._group = TellingGroups(office.casebook, seed)
    say(f"{seed} ready - 0")
    hands = [threading.Thread(target=Worker(office, seed, number).live) for number in range(threads)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()


def nurse(url: str, folder: Path, threads: int) -> None:
    """Fork from a process that has loaded everything and opened nothing: a start costs milliseconds, not seconds."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with tempfile.TemporaryDirectory() as warm:
        open_casebook(f"sqlite:///{warm}/warm-up.db").close()
    site = hasty_site()
    gc.freeze()  # what is loaded is not looked through, and so not copied, by each child
    say("nurse ready - 0")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                live(url, folder, int(line), threads, site)
            finally:
                os._exit(1)
        say(f"{int(line)} process - {child}")


if __name__ == "__main__":
    nurse(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
