"""Processes that are killed in the middle of their work and started again lose nothing and double nothing."""

import hashlib
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from desk_worker import EACH, PLACES, street

from pipeline.casebook import CaseFilter
from pipeline.cases import Status
from pipeline.history import chain_faults, rebuild
from pipeline.sql_casebook import open_casebook

WORKER = Path(__file__).parents[1] / "desk_worker.py"
ROUNDS = 11


def started(url: str, evidence: Path, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(WORKER), url, str(evidence), "all", str(seed)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for(worker: subprocess.Popen[str], line: str) -> None:
    for printed in worker.stdout:
        if printed.strip() == line:
            return


@pytest.mark.slow
def test_sightings_survive_kills(database_url: str, tmp_path: Path):
    """Two processes at a time take the same sightings and are killed after a few: at least 20 kills in all."""
    draw = random.Random(20261123)
    evidence = tmp_path / "evidence"
    open_casebook(database_url).close()
    killed = 0
    for turn in range(ROUNDS):
        workers = [started(database_url, evidence, seed=2 * turn + each) for each in range(2)]
        for worker in workers:
            wait_for(worker, "ready")
        for worker in workers:
            for _ in range(draw.randint(0, 4)):
                wait_for(worker, "open")
            try:
                worker.wait(draw.uniform(0.0, 0.02))
            except subprocess.TimeoutExpired:
                worker.kill()
            killed += worker.wait() == -9
            worker.stdout.close()
    with started(database_url, evidence, seed=99) as last:
        wait_for(last, "finished")
    assert killed >= 20

    sightings = street()
    casebook = open_casebook(database_url)
    cases = casebook.cases(CaseFilter(limit=1000)).cases
    assert all(casebook.has_sighting(each.id) for each in sightings)
    assert Counter(case.sightings for case in cases) == {EACH: PLACES}
    assert sorted(case.number[-4:] for case in cases) == [f"{index:04d}" for index in range(1, PLACES + 1)]
    pictures = []
    for case in cases:
        assert case.status is Status.DISPATCHED
        assert chain_faults(casebook.entries(case.number)) == ()
        assert rebuild(casebook.events(case.number)) == case
        pictures += casebook.evidence(case.number)
    assert sorted(picture.sighting for picture in pictures) == sorted(each.id for each in sightings)
    for picture in pictures:
        assert hashlib.sha256((evidence / picture.path).read_bytes()).hexdigest() == picture.sha256
    casebook.close()
    for file in evidence.rglob("*.jpg"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == file.stem
