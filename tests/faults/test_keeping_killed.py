"""Processes that are killed while they store pictures and originals, or erase them, leave nothing half done."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from small_site import DISPATCHER, INGEST, JPEG, NOON, sighting, small_site, spot

from pipeline.casebook import CaseFilter
from pipeline.cases import Action
from pipeline.clocks import FixedClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.history import chain_faults, rebuild
from pipeline.keeping import EvidencePolicy
from pipeline.principal import PIPELINE
from pipeline.safe import Safe
from pipeline.sightings import View
from pipeline.sql_casebook import SqlCasebook, open_casebook

CASES = 60
OLD = NOON + timedelta(days=400)
TESTS = Path(__file__).parents[1]


def desk_at(url: str, folder: Path, clock: FixedClock) -> tuple[Desk, SqlCasebook, EvidenceStore]:
    site = small_site()
    policy = EvidencePolicy(keep_days=30, keep_originals_days=10)
    casebook = open_casebook(url)
    evidence = EvidenceStore(folder / "evidence", safe=Safe(folder / "evidence.key"))
    site = replace(site, settings=replace(site.settings, evidence=policy))
    return Desk(site=site, casebook=casebook, clock=clock, evidence=evidence), casebook, evidence


def take(desk: Desk, index: int) -> str:
    picture = View(label="at", captured_at=NOON, jpeg=JPEG + f"p{index}".encode(), original=JPEG + f"o{index}".encode())
    at = spot("A", 30.0 * (index % 12) - 180.0, 30.0 * (index // 12) - 60.0)
    return str(desk.take(sighting(f"k{index}", at, views=(picture,)), principal=INGEST).number)


def work(url: str, folder: str, what: str) -> None:
    """Store all pictures, or erase all; says a letter when the first is stored or erasing begins, and when it ended."""
    desk, _, _ = desk_at(url, Path(folder), FixedClock(NOON if what == "take" else OLD))
    if what == "take":
        take(desk, 0)  # however slow the machine, something was taken before the kill
        os.write(1, b"o\n")
        for index in range(1, CASES):
            take(desk, index)
    else:
        os.write(1, b"o\n")
        desk.retention.erase(principal=PIPELINE)
    os.write(1, b"e\n")


def nurse(url: str, folder: str) -> None:
    """Fork a worker for each line: a start costs milliseconds then, not seconds."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.write(1, b"ready\n")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            work(url, folder, line.strip())
            os._exit(0)
        os.write(1, f"{child}\n".encode())


def killed_often(url: str, folder: Path, what: str, pauses_s: Sequence[float]) -> int:
    """Start the work again and again, and kill it so long after it has begun; returns how often it had not ended."""
    path = os.pathsep.join([str(TESTS), str(TESTS / "faults"), *filter(None, sys.path)])
    code = "import test_keeping_killed as t, sys; t.nurse(*sys.argv[1:])"
    nurse = subprocess.Popen(
        [sys.executable, "-c", code, url, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert nurse.stdin is not None
    assert nurse.stdout is not None
    assert nurse.stdout.readline() == "ready\n"
    killed = 0
    for pause_s in pauses_s:
        nurse.stdin.write(f"{what}\n")
        nurse.stdin.flush()
        said = {nurse.stdout.readline().strip(), nurse.stdout.readline().strip()}
        (process,) = (int(each) for each in said if each.isdigit())
        time.sleep(pause_s)
        try:
            os.kill(process, signal.SIGKILL)
            killed += 1
        except ProcessLookupError:
            assert nurse.stdout.readline() == "e\n"
        while Path(f"/proc/{process}").exists():
            time.sleep(0.001)
    nurse.stdin.close()
    nurse.stdout.read()
    nurse.wait(30)
    nurse.stdout.close()
    return killed


def check(casebook: SqlCasebook) -> None:
    for case in casebook.cases(CaseFilter(limit=1000)).cases:
        assert chain_faults(casebook.entries(case.number)) == ()
        assert rebuild(casebook.events(case.number)) == case


@pytest.mark.slow
def test_each_row_has_its_picture_and_its_original_whatever_was_killed(database_url: str, tmp_path: Path):
    killed = killed_often(database_url, tmp_path, "take", [0.03 * turn for turn in range(1, 9)])
    assert killed > 3
    desk, casebook, evidence = desk_at(database_url, tmp_path, FixedClock(NOON))
    numbers = {take(desk, index) for index in range(CASES)}
    pictures = [
        each for case in casebook.cases(CaseFilter(limit=1000)).cases for each in casebook.evidence(case.number)
    ]
    assert sorted(each.sighting for each in pictures) == sorted(f"k{index}" for index in range(CASES))
    for each in pictures:
        assert evidence.open(each.path) == JPEG + f"p{each.sighting[1:]}".encode()
        opened = evidence.unseal(
            each.original_path, sighting=each.sighting, label=each.label, sha256=each.original_sha256
        )
        assert opened == JPEG + f"o{each.sighting[1:]}".encode()
    assert "None" in numbers, "what was taken before the kills is ignored, not doubled"
    check(casebook)
    casebook.close()


@pytest.mark.slow
def test_erasing_that_is_killed_is_ended_by_the_next_round(database_url: str, tmp_path: Path):
    clock = FixedClock(NOON)
    desk, casebook, evidence = desk_at(database_url, tmp_path, clock)
    for index in range(CASES):
        desk.act(take(desk, index), Action.REJECT, principal=DISPATCHER, note="over")
    # What a killed `take` leaves: a picture that no row names, of a day that is past keeping.
    left = evidence.put(View(label="at", captured_at=NOON, jpeg=JPEG + b"nobody's"), camera="cam-a", sighting="x")
    for path in (tmp_path / "evidence").rglob("*.*"):
        os.utime(path, (0, 0))
    killed = killed_often(database_url, tmp_path, "erase", [0.02 * turn for turn in range(1, 7)])
    assert killed > 1
    clock.at = OLD
    desk.retention.erase(principal=PIPELINE)
    assert not (tmp_path / "evidence" / left.path).exists()
    assert [path for path in (tmp_path / "evidence").rglob("*") if path.is_file()] == []
    for case in casebook.cases(CaseFilter(limit=1000)).cases:
        (picture,) = casebook.evidence(case.number)
        assert (picture.path, picture.original_path) == ("", "")
        told = [each.details["what"] for each in casebook.events(case.number) if each.action == "erase"]
        assert sorted(told) == ["originals", "pictures"] or told == ["pictures"]
    check(casebook)
    casebook.close()
