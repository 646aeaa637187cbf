"""Two real processes, or two threads, that do the same thing at the same moment: it happens once."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desk_worker import place
from small_site import DISPATCHER, INGEST, PLAIN, force, force_at, sighting, small_site

from pipeline.casebook import Casebook, CaseFilter
from pipeline.cases import Action, Case, IllegalStepError, NotYourCaseError, Status
from pipeline.clocks import WallClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.history import chain_faults, rebuild
from pipeline.sql_casebook import SqlCasebook, open_casebook

WORKER = Path(__file__).parents[1] / "desk_worker.py"
TRIES = 400
ACCEPTANCES = 60
HEAD_START_S = 0.002


class Pair:
    """Two worker processes that get an order each, to be done at one instant."""

    def __init__(self, url: str, evidence: Path) -> None:
        command = [sys.executable, str(WORKER), url, str(evidence), "orders"]
        self._workers = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        for worker in self._workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"

    def race(self, first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
        at = time.monotonic() + HEAD_START_S
        for worker, order in zip(self._workers, (first, second), strict=True):
            worker.stdin.write(json.dumps({**order, "at": at}) + "\n")
            worker.stdin.flush()
        return [json.loads(worker.stdout.readline()) for worker in self._workers]

    def stop(self) -> None:
        for worker in self._workers:
            worker.stdin.close()
            worker.wait(30)
            worker.stdout.close()


@pytest.fixture
def casebook(database_url: str) -> Iterator[SqlCasebook]:
    casebook = open_casebook(database_url)
    yield casebook
    casebook.close()


@pytest.fixture
def pair(database_url: str, casebook: SqlCasebook, tmp_path: Path) -> Iterator[Pair]:
    assert casebook.newest_sequence() == 0
    pair = Pair(database_url, tmp_path / "evidence")
    yield pair
    pair.stop()


@pytest.fixture
def desk(casebook: SqlCasebook, tmp_path: Path) -> Desk:
    forces = [force(1, "A"), force(2, "A", 60.0), force(3, "B")]
    site = small_site(forces, policy=replace(PLAIN, max_open_cases=100_000))
    return Desk(site=site, casebook=casebook, clock=WallClock(), evidence=EvidenceStore(tmp_path / "evidence"))


def all_cases(casebook: Casebook) -> list[Case]:
    cases, after = [], None
    while True:
        page = casebook.cases(CaseFilter(limit=1000, after=after))
        cases += page.cases
        after = page.next_after
        if after is None:
            return cases


def opened(desk: Desk, index: int) -> str:
    taken = desk.take(sighting(f"accept-{index}", place(index)), principal=INGEST)
    assert taken.outcome == "open"
    return str(taken.number)


@pytest.mark.slow
def test_two_processes_that_see_one_problem_open_it_once(pair: Pair, casebook: SqlCasebook):
    """Even tries: two sightings of one thing, as two cameras see it. Odd tries: one sighting twice."""
    outcomes: Counter[tuple[int, tuple[str, ...]]] = Counter()
    for index in range(TRIES):
        first = {"do": "take", "id": f"one-{index}", "place": index, "aside_m": 0.0}
        same = index % 2
        second = first if same else {**first, "id": f"two-{index}", "aside_m": 0.4}
        answers = pair.race(first, second)
        outcomes[same, tuple(sorted(answer["outcome"] for answer in answers))] += 1
        if not same:
            assert len({answer["number"] for answer in answers}) == 1, (index, answers)
    assert outcomes == {(0, ("attach", "open")): TRIES // 2, (1, ("ignore", "open")): TRIES // 2}
    cases = all_cases(casebook)
    assert len(cases) == TRIES
    assert Counter(case.sightings for case in cases) == {1: TRIES // 2, 2: TRIES // 2}
    assert sorted(case.number[-4:] for case in cases) == [f"{index:04d}" for index in range(1, TRIES + 1)]
    for case in cases:
        assert chain_faults(casebook.entries(case.number)) == ()
        assert rebuild(casebook.events(case.number)) == case


def test_of_two_processes_that_accept_one_case_one_wins(pair: Pair, casebook: SqlCasebook, desk: Desk):
    for index in range(ACCEPTANCES):
        number = opened(desk, index)
        accept = {"do": "accept", "number": number, "as": casebook.case(number).terminal}
        answers = sorted(pair.race(accept, accept), key=lambda answer: answer["outcome"] != "done")
        assert [answer["outcome"] for answer in answers] == ["done", "IllegalStepError"], answers
        assert "is accepted; accept is not possible now" in answers[1]["words"]
        assert [event.action for event in casebook.events(number)].count("accept") == 1


def test_an_offer_accepted_while_it_is_given_to_another_ends_with_one_holder(
    pair: Pair, casebook: SqlCasebook, desk: Desk
):
    """The first holder accepts while a dispatcher reassigns: whichever comes first, the new holder has it."""
    seen = Counter()
    for index in range(ACCEPTANCES):
        number = opened(desk, index)
        holder = casebook.case(number).terminal
        accept = {"do": "accept", "number": number, "as": holder}
        reassign = {"do": "dispatch", "number": number, "as": None, "terminal": "T003"}
        accepted, reassigned = pair.race(accept, reassign)
        assert reassigned["outcome"] == "done"
        assert accepted["outcome"] in {"done", "NotYourCaseError"}
        seen[accepted["outcome"]] += 1
        case = casebook.case(number)
        assert (case.status, case.terminal) == (Status.DISPATCHED, "T003")
        actions = [event.action for event in casebook.events(number)]
        expected = ["accept", "dispatch"] if accepted["outcome"] == "done" else ["dispatch"]
        assert actions == ["open", "dispatch", *expected]
    assert sum(seen.values()) == ACCEPTANCES


def test_of_many_threads_that_accept_one_case_one_wins(casebook: SqlCasebook, desk: Desk):
    """The holder's terminal asks three times, another terminal once, a dispatcher once, all at the same moment."""
    askers = [force_at("T001")] * 3 + [force_at("T003"), DISPATCHER]
    for index in range(20):
        number = opened(desk, index)
        desk.act(number, Action.DISPATCH, principal=DISPATCHER, terminal="T001")
        barrier = threading.Barrier(len(askers))

        def accept(asker: int, number: str = number, barrier: threading.Barrier = barrier) -> str:
            barrier.wait()
            try:
                return desk.act(number, Action.ACCEPT, principal=askers[asker]).status
            except (IllegalStepError, NotYourCaseError) as error:
                return type(error).__name__

        with ThreadPoolExecutor(len(askers)) as pool:
            answers = list(pool.map(accept, range(len(askers))))
        assert answers.count("accepted") == 1, answers
        assert answers[3] in {"IllegalStepError", "NotYourCaseError"}
        assert casebook.case(number).terminal == "T001"


def test_an_overdue_offer_is_passed_on_once_by_two_desks(casebook: SqlCasebook, desk: Desk, tmp_path: Path):
    forces = [force(1, "A"), force(2, "A", 60.0), force(3, "B")]
    policy = replace(PLAIN, max_open_cases=100_000, offer_timeout_general_s=0.0)
    at_once = small_site(forces, policy=policy)
    store = EvidenceStore(tmp_path / "evidence")
    patient = [opened(desk, index) for index in range(10)]
    hasty = [Desk(site=at_once, casebook=casebook, clock=WallClock(), evidence=store) for _ in range(2)]
    before = {number: casebook.case(number).terminal for number in patient}
    with ThreadPoolExecutor(2) as pool:
        passed = list(pool.map(lambda one: one.pass_over(), hasty))
    for number in patient:
        events = casebook.events(number)
        dispatches = [event.details["terminal"] for event in events if event.action == "dispatch"]
        releases = [event.details["terminal"] for event in events if event.action == "decline"]
        # Each pass of a desk moved the case by one terminal, from the one that held it, and to no one twice.
        assert len(releases) == sum(number in each for each in passed) >= 1
        assert dispatches[: len(releases)] == releases
        assert dispatches[0] == before[number]
        assert len(set(dispatches)) == len(dispatches)
