"""Processes that are killed in the middle of their work and started again lose nothing and double nothing."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_worker import EACH, PLACES, street

from pipeline.casebook import CaseFilter
from pipeline.cases import Status
from pipeline.history import chain_faults, rebuild
from pipeline.sql_casebook import open_casebook

WORKER = Path(__file__).parents[1] / "desk_worker.py"
ROUNDS = 12
DEATH_WITHIN_S = 30.0


class Nursery:
    """Starts processes that take all sightings of the street, listens to them and kills them."""

    def __init__(self, url: str, evidence: Path) -> None:
        command = [sys.executable, str(WORKER), url, str(evidence), "nursery"]
        alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._nurse = subprocess.Popen(command, env=alone, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._processes: dict[int, int] = {}
        assert self._nurse.stdout.readline() == "ready\n"

    def start(self, seed: int) -> None:
        self._nurse.stdin.write(f"{seed}\n")
        self._nurse.stdin.flush()
        while seed not in self._processes:
            self._listen()

    def wait_for(self, seed: int, word: str) -> None:
        while self._listen() != (seed, word):
            pass

    def kill(self, seed: int) -> bool:
        """Kill a process and see it gone; tells whether it was alive until then."""
        process = self._processes[seed]
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            return False
        deadline = time.monotonic() + DEATH_WITHIN_S
        while Path(f"/proc/{process}").exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        assert not Path(f"/proc/{process}").exists()
        return True

    def stop(self) -> None:
        self._nurse.stdin.close()
        self._nurse.wait(DEATH_WITHIN_S)
        self._nurse.stdout.close()

    def _listen(self) -> tuple[int, str]:
        seed, word, *rest = self._nurse.stdout.readline().split()
        if word == "process":
            self._processes[int(seed)] = int(rest[0])
        return int(seed), word


@pytest.fixture
def nursery(database_url: str, tmp_path: Path) -> Iterator[Nursery]:
    nursery = Nursery(database_url, tmp_path / "evidence")
    yield nursery
    nursery.stop()


@pytest.mark.slow
def test_sightings_survive_kills(nursery: Nursery, database_url: str, tmp_path: Path):
    """Two processes at a time take the same sightings and are killed at random moments: more than 20 kills."""
    draw = random.Random(20261123)
    killed = 0
    for turn in range(4 * ROUNDS):
        if turn >= ROUNDS and _taken(database_url):  # on a busy machine it takes longer to get something done
            break
        seeds = [2 * turn, 2 * turn + 1]
        for seed in seeds:
            nursery.start(seed)
        nursery.wait_for(seeds[1], "ready")
        for seed in seeds:
            time.sleep(draw.uniform(0.0, 0.08) * (1 + turn / ROUNDS))
            killed += nursery.kill(seed)
    assert killed > 20
    assert _taken(database_url) > 0
    nursery.start(99)
    nursery.wait_for(99, "finished")
    _check_all(database_url, tmp_path / "evidence")


def _taken(url: str) -> int:
    casebook = open_casebook(url)
    taken = sum(casebook.has_sighting(each.id) for each in street())
    casebook.close()
    return taken


def _check_all(url: str, evidence: Path) -> None:
    casebook = open_casebook(url)
    cases = casebook.cases(CaseFilter(limit=1000)).cases
    assert all(casebook.has_sighting(each.id) for each in street())
    assert Counter(case.sightings for case in cases) == {EACH: PLACES}
    assert sorted(case.number[-4:] for case in cases) == [f"{index:04d}" for index in range(1, PLACES + 1)]
    pictures = []
    for case in cases:
        assert case.status is Status.DISPATCHED
        assert chain_faults(casebook.entries(case.number)) == ()
        assert rebuild(casebook.events(case.number)) == case
        pictures += casebook.evidence(case.number)
    casebook.close()
    assert sorted(picture.sighting for picture in pictures) == sorted(each.id for each in street())
    for picture in pictures:
        assert hashlib.sha256((evidence / picture.path).read_bytes()).hexdigest() == picture.sha256
    for file in evidence.rglob("*.jpg"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.stem
