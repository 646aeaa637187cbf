"""A process of its own that lives cases under load and says what was acknowledged: what kill tests start and kill.

life_worker.py URL FOLDER    a nursery: each line of its input is a seed, for which it forks a worker

A worker reports, acts, fires clocks, anchors, adds pictures and erases at random, and after each commit that was
acknowledged writes one line in one piece: `seed case action version`. Deadlines are seconds here, so clocks fire.
"""

import gc
import os
import random
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from life_office import CHEN, LI, WANG, Office, life_site
from small_site import JPEG, LITTER, PARKED, force_at, spot

from pipeline.casebook import CaseFilter
from pipeline.cases import IN_WORK, OPEN, STEPS, Action, Case, Channel, Status, legal_steps
from pipeline.catalogue import Catalogue
from pipeline.clocks import WallClock
from pipeline.desk import Report
from pipeline.erasure import Erasable, Wanted
from pipeline.errors import PipelineError
from pipeline.principal import Principal, Role
from pipeline.site import Site, Targets
from pipeline.sql_casebook import open_casebook

SECONDS_TO_HANDLE = 3.0
PLACES = 60


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
    """One process's random life."""

    def __init__(self, url: str, folder: Path, seed: int, site: Site) -> None:
        self.seed, self.draw = seed, random.Random(seed)
        self.office = Office(url, folder, WallClock(), site, migrated=True)

    def live(self) -> None:
        """Do things for ever; whoever started this ends it."""
        deeds = [self.report, self.act, self.act, self.act, self.act, self.fire, self.picture, self.erase]
        say(f"{self.seed} ready - 0")
        while True:
            try:
                self.draw.choice(deeds)()
            except PipelineError:
                continue

    def report(self) -> None:
        place = self.draw.randrange(PLACES)
        where = spot("A", 14.0 * (place % 10) - 70, 30.0 * (place // 10) - 90)
        kind = self.draw.choice([PARKED, LITTER])
        taken = self.office.desk.report(
            Report(channel=Channel.PATROL, category=kind, lonlat=where, occurred_at=self.office.clock.now()),
            principal=LI,
        )
        # An attachment has no version of its own to name: what is there must hold at least the opening.
        say(f"{self.seed} {taken.number} open 1")

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
        events = self.office.casebook.events(case.number)[: after.version]
        mine = [version for version, event in enumerate(events, 1) if event.action == action.value]
        if mine:
            say(f"{self.seed} {case.number} {action} {mine[-1]}")

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
        case = self.draw.choice(page)
        what = frozenset({self.draw.choice(list(Erasable))})
        proof = self.office.eraser.erase(Wanted(case=case.number, what=what, ground="a request"), principal=WANG)
        say(f"{self.seed} {case.number} erased:{proof.digest} -3")

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


def nurse(url: str, folder: Path) -> None:
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
                Worker(url, folder, int(line), site).live()
            finally:
                os._exit(1)
        say(f"{int(line)} process - {child}")


if __name__ == "__main__":
    nurse(sys.argv[1], Path(sys.argv[2]))
