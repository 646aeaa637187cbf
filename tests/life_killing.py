"""Kill -9 under load: starts workers, kills them at random moments, and proves what is left. For test and benchmark."""

import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from life_machine import all_cases, book_flaws, lost_steps
from life_office import Office
from life_worker import hasty_site

from pipeline.clocks import WallClock

WORKER = Path(__file__).parent / "life_worker.py"
WAIT_S = 60.0
KINDS = frozenset({"report", "absorb", "merge", "unmerge", "split", "at", "self-handle"})


@dataclass
class Outcome:
    """What was killed, what was acknowledged, and what is wrong.

    Attributes:
        together: acknowledged writes that shared their transaction with others.
        kinds: what was acknowledged, by its kind.
    """

    kills: int = 0
    acknowledged: int = 0
    together: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    events: int = 0
    cases: int = 0
    clock_steps: int = 0
    lost: list[str] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)
    fired_twice: list[str] = field(default_factory=list)
    not_fired: list[str] = field(default_factory=list)

    def holds(self) -> bool:
        return not (self.lost or self.flaws or self.fired_twice or self.not_fired)


class Slaughter:
    """Workers on one database, some of them killed again and again."""

    def __init__(self, url: str, folder: Path, *, seed: int, threads: int = 6) -> None:
        self.url, self.folder, self.draw = url, folder, random.Random(seed)
        Office(url, folder).close()
        alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(WORKER), url, str(folder), str(threads)]
        self._nurse = subprocess.Popen(command, env=alone, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lines: queue.Queue[list[str]] = queue.Queue()
        self.acknowledged: list[tuple[str, str, int]] = []
        self._broke: list[str] = []
        self._together = 0
        self._pids: dict[str, int] = {}
        self._ready: set[str] = set()
        self._seeds = 0
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._until(lambda: "nurse" in self._ready)

    def run(self, kills: int, *, rivals: int = 2, longest_s: float = 0.6) -> int:
        """Keep some workers at work and kill one of them at each random moment; returns how many were killed alive.

        On a slow machine it goes on for a while, until something of every kind was acknowledged.
        """
        living = [self._start() for _ in range(rivals)]
        killed, deadline = 0, time.monotonic() + WAIT_S
        while killed < kills or (not self.kinds().keys() >= KINDS and time.monotonic() < deadline):
            self._wait(self.draw.uniform(0.0, longest_s))
            victim = living.pop(self.draw.randrange(len(living)))
            killed += self._kill(victim)
            living.append(self._start())
        for each in living:
            self._kill(each)
        self._wait(0.2)
        return killed

    def kinds(self) -> Counter[str]:
        """Count what was acknowledged by its kind."""
        return Counter(action.partition(":")[0].partition("/")[0] for _, action, _ in self.acknowledged)

    def stop(self) -> None:
        self._nurse.stdin.close()
        self._nurse.wait(WAIT_S)
        self._listener.join(WAIT_S)
        self._nurse.stdout.close()

    def outcome(self, kills: int) -> Outcome:
        """Start again after the last kill, let everything that is due come, and prove the book."""
        office = Office(self.url, self.folder, WallClock(), hasty_site())
        found = Outcome(kills=kills, acknowledged=len(self.acknowledged), together=self._together)
        found.kinds = self.kinds()
        try:
            office.eraser.delete_files()
            began = office.clock.now()
            office.watch.adopt()
            office.watch.once()
            # What comes due while this runs is rightly fired later.
            found.not_fired = lost_steps(office.casebook, office.site, began)
            self._compare(office, found)
        finally:
            office.close()
        return found

    def _compare(self, office: Office, found: Outcome) -> None:
        book = office.casebook
        cases = all_cases(book)
        histories = {case.number: book.events(case.number) for case in cases}
        found.cases, found.events = len(cases), sum(map(len, histories.values()))
        fired: Counter[tuple[str, str]] = Counter()
        for number, events in histories.items():
            for event in events:
                if event.action in {"clock", "extension-lapsed"}:
                    told = event.details
                    fired[number, f"{told['clock']}/{told['round']}/{told['step']}"] += 1
        found.clock_steps = sum(fired.values())
        found.fired_twice = [str(step) for step, count in fired.items() if count > 1]
        found.flaws = [*self._broke, *book_flaws(book)]
        acknowledged_fires = Counter((n, a) for n, a, version in self.acknowledged if version == -1)
        found.fired_twice += [f"{step} acknowledged twice" for step, n in acknowledged_fires.items() if n > 1]
        for number, action, version in self.acknowledged:
            if not self._is_there(histories.get(number, ()), book, number, action, version, fired):
                found.lost.append(f"{number} {action} {version}")

    @staticmethod
    def _is_there(events, book, number, action, version, fired) -> bool:
        if version > 0:
            return len(events) >= version and events[version - 1].action == action
        if version == -1:
            return fired[number, action] == 1
        kind, _, ident = action.partition(":")
        if kind == "report":
            return any(report.id == ident for report in book.read(lambda now: now.reports_of(number)))
        if kind == "at":
            known = book.terminals().get(number)
            return known is not None and known.positioned_at >= datetime.fromisoformat(ident)
        if kind == "erased":
            return any(event.digest == ident for event in events)
        # A picture that was erased afterwards is rightly gone; its event stays.
        erased = any(event.action == "erase" and "pictures" in event.details["what"] for event in events)
        return erased or any(picture.id == ident for picture in book.evidence(number))

    def _start(self) -> str:
        self._seeds += 1
        seed = str(self._seeds)
        self._nurse.stdin.write(f"{seed}\n")
        self._nurse.stdin.flush()
        self._until(lambda: seed in self._pids and seed in self._ready)
        return seed

    def _kill(self, seed: str) -> bool:
        pid = self._pids[seed]
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        deadline = time.monotonic() + WAIT_S
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        return not Path(f"/proc/{pid}").exists()

    def _listen(self) -> None:
        for line in self._nurse.stdout:
            self._lines.put(line.split())

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._take(left)

    def _until(self, holds) -> None:
        deadline = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < deadline, "a worker did not start"
            assert self._nurse.poll() is None, "the nursery ended"
            self._take(0.5)

    def _take(self, seconds: float) -> None:
        try:
            seed, what, action, number = self._lines.get(timeout=max(seconds, 0.001))
        except queue.Empty:
            return
        if what == "ready":
            self._ready.add(seed)
        elif what == "process":
            self._pids[seed] = int(number)
        elif what == "together":
            self._together += int(number)
        elif what == "broke":
            self._broke.append(f"worker {seed} ended with {action}")
        else:
            self.acknowledged.append((what, action, int(number)))
