"""Writes that share a transaction are stored as if each had its own; a refused one leaves no trace."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from small_site import DISPATCHER, LITTER, NOON, PARKED, PLAIN, force, force_at, small_site, spot

from pipeline.casebook import AlreadyTakenError, CaseFilter, Near, OutboxMessage
from pipeline.cases import Action, Case, Channel, IllegalStepError, Status
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Moved, Report, Taken
from pipeline.evidence import EvidenceStore
from pipeline.group_commit import Job
from pipeline.history import chain_faults, rebuild
from pipeline.reports import Ticket
from pipeline.sql_casebook import SqlCasebook, open_casebook


@pytest.fixture
def casebook(database_url: str) -> Iterator[SqlCasebook]:
    opened = open_casebook(database_url)
    yield opened
    opened.close()


def desk_of(casebook: SqlCasebook, tmp_path: Path, **policy: object) -> Desk:
    forces = [force(1, "A", 50.0), force(2, "A", -100.0), force(3, "B")]
    site = small_site(forces, policy=replace(PLAIN, **policy))
    return Desk(site=site, casebook=casebook, clock=FixedClock(NOON), evidence=EvidenceStore(tmp_path / "evidence"))


def report(east_m: float, category: str = PARKED) -> Report:
    return Report(
        channel=Channel.HOTLINE,
        category=category,
        lonlat=spot("A", east_m),
        error_m=1.0,
        occurred_at=NOON,
        description="d",
    )


def together(casebook: SqlCasebook, *works: Any) -> list[Any]:
    """Run writes as one group; returns each one's outcome, errors as values."""
    jobs = [Job(work) for work in works]
    casebook._carry_out(jobs)
    return [_outcome(job) for job in jobs]


def _outcome(job: Job) -> object:
    try:
        return job.outcome()
    except Exception as error:  # noqa: BLE001 - the outcome is what is looked at
        return error


class Caught:
    """A casebook that keeps the writes that a desk asks for."""

    def __init__(self, casebook: SqlCasebook) -> None:
        self.works, self._casebook = [], casebook

    def write(self, work, *, near=()):  # noqa: ARG002 - what it asks is asked then
        self.works.append(work)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._casebook, name)


def stored(casebook: SqlCasebook) -> list[Case]:
    return sorted(casebook.cases(CaseFilter(limit=1000)).cases, key=lambda case: case.number)


def require_sound(casebook: SqlCasebook) -> None:
    """Every chain holds, every row is what its history adds up to, and numbers have no gap."""
    sequences = []
    for case in stored(casebook):
        entries = casebook.entries(case.number)
        assert chain_faults(entries) == ()
        assert rebuild([entry.whole() for entry in entries]) == case
        sequences += [entry.event.sequence for entry in entries]
    assert sorted(sequences) == list(range(1, casebook.newest_sequence() + 1))


def test_reports_of_one_group_see_one_another(casebook: SqlCasebook, tmp_path: Path):
    desk = desk_of(caught := Caught(casebook), tmp_path)
    for east_m in (0.0, 1.0, 150.0, 0.5):
        desk.report(report(east_m), principal=DISPATCHER)
    taken = together(casebook, *caught.works)
    assert [each.outcome for each in taken] == ["open", "attach", "open", "attach"]
    assert taken[1].number == taken[3].number == taken[0].number
    assert [case.version for case in stored(casebook)] == [4, 2]
    assert [case.status for case in stored(casebook)] == [Status.DISPATCHED, Status.DISPATCHED]
    assert len(casebook.outbox()) == 2
    require_sound(casebook)


def test_who_got_a_case_in_the_group_counts_as_holding_it(casebook: SqlCasebook, tmp_path: Path):
    desk = desk_of(caught := Caught(casebook), tmp_path, offered_up_to=1)
    for east_m in (50.0, 80.0, -50.0):
        desk.report(report(east_m), principal=DISPATCHER)
    taken = together(casebook, *caught.works)
    assert [getattr(each.dispatch, "terminal", None) for each in taken] == ["T001", "T002", "T003"]
    assert {code: each.open_cases for code, each in casebook.terminals().items()} == {"T001": 1, "T002": 1, "T003": 1}


def test_the_board_tells_urgent_cases_from_others_as_the_tables_do(casebook: SqlCasebook, tmp_path: Path):
    """A case that becomes urgent while somebody holds it, one that is taken up, one that ends."""
    desk = desk_of(casebook, tmp_path, offered_up_to=1)

    def known() -> dict[str, tuple[int, int]]:
        board = casebook.write(
            lambda tx: {code: (each.open_cases, each.open_urgent) for code, each in tx.terminals().items()}
        )
        read = casebook.read(lambda now: now.terminals())
        stored = {code: (each.open_cases, each.open_urgent) for code, each in read.items()}
        assert board == {**dict.fromkeys(board, (0, 0)), **stored}
        return {code: held for code, held in board.items() if held != (0, 0)}

    first = desk.report(report(50.0), principal=DISPATCHER).number
    assert known() == {"T001": (1, 0)}
    ticket = Ticket(source="12345", number="W-1", urgent=True)
    assert desk.report(replace(report(51.0), ticket=ticket), principal=DISPATCHER).number == first
    assert known() == {"T001": (1, 1)}
    desk.report(replace(report(-100.0), category=LITTER), principal=DISPATCHER)
    assert known() == {"T001": (1, 1), "T002": (1, 1)}
    for action in (Action.ACCEPT, Action.ARRIVE, Action.DONE):
        desk.act(first, action, principal=force_at("T001"), note="moved")
    assert known() == {"T002": (1, 1)}


def test_a_group_leaves_what_single_writes_leave(casebook: SqlCasebook, tmp_path: Path):
    """Clocks, reports and messages of a group are those of the same writes one by one."""

    def left(number: str) -> object:
        read = casebook.read(lambda now: (now.clocks_of(number), now.reports_of(number)))
        clocks = [(clock.name, clock.round, clock.started_at, clock.next_at) for clock in read[0]]
        reports = sorted((each.channel, each.outcome, each.phone, each.reporter) for each in read[1])
        messages = [(each.kind, each.payload.get("action")) for each in casebook.outbox() if number in each.key]
        return clocks, reports, messages

    urgent = {"category": LITTER}
    desk = desk_of(caught := Caught(casebook), tmp_path)
    for east_m in (0.0, 1.0):
        desk.report(replace(report(east_m), **urgent), principal=DISPATCHER)
    one_by_one = desk_of(casebook, tmp_path)
    grouped = together(casebook, *caught.works)
    alone = [one_by_one.report(replace(report(east_m), **urgent), principal=DISPATCHER) for east_m in (400.0, 401.0)]
    assert [each.outcome for each in grouped] == [each.outcome for each in alone] == ["open", "attach"]
    clocks, reports, messages = left(grouped[0].number)
    assert (clocks, reports, messages) == left(alone[0].number)
    assert len(clocks) >= 1
    assert len(reports) == 2
    assert messages


def test_a_refused_step_leaves_no_trace_and_spoils_no_other(casebook: SqlCasebook, tmp_path: Path):
    desk = desk_of(caught := Caught(casebook), tmp_path)
    for _ in range(2):
        desk.report(report(0.0), principal=DISPATCHER)

    def refused(tx) -> None:
        number = tx.next_number("YP", "20261123")
        case = replace(stored_before[0], number=number, version=1, terminal=None, status=Status.FILED)
        tx.add_case(case)
        tx.enqueue(OutboxMessage(key="never", kind="k", target="t", payload={}, created_at=NOON))
        raise IllegalStepError(case, Action.ACCEPT)

    desk_of(casebook, tmp_path).report(report(150.0), principal=DISPATCHER)
    stored_before = stored(casebook)
    first, error, last = together(casebook, caught.works[0], refused, caught.works[1])
    assert isinstance(error, IllegalStepError)
    assert (first.outcome, last.outcome) == ("open", "attach")
    assert [case.number[-4:] for case in stored(casebook)] == ["0001", "0002"]
    assert all(message.key != "never" for message in casebook.outbox())
    require_sound(casebook)


def test_one_that_fails_in_the_database_is_refused_alone(casebook: SqlCasebook, tmp_path: Path):
    desk = desk_of(caught := Caught(casebook), tmp_path)
    desk.report(report(0.0), principal=DISPATCHER)

    def spoils(tx) -> None:
        tx.cases(CaseFilter())  # what was gathered is stored first: it can no longer be taken back in memory
        tx.add_sighting("s1", case=None, camera="c", captured_at=NOON)
        raise AlreadyTakenError("sighting", "s1")

    first, error = together(casebook, caught.works[0], spoils)
    assert isinstance(error, AlreadyTakenError)
    assert first.outcome == "open"
    assert not casebook.has_sighting("s1")
    require_sound(casebook)


def test_the_board_follows_another_process(database_url: str, casebook: SqlCasebook, tmp_path: Path):
    """Two casebooks on one database: what one writes, the other's next decision knows."""
    other = open_casebook(database_url)
    try:
        here, there = desk_of(casebook, tmp_path, offered_up_to=1), desk_of(other, tmp_path, offered_up_to=1)
        assert here.report(report(50.0), principal=DISPATCHER).dispatch.terminal == "T001"
        assert there.report(report(80.0), principal=DISPATCHER).dispatch.terminal == "T002"
        there.move_all([Moved(terminal="T003", lonlat=spot("A", 170.0), at=NOON)], principal=DISPATCHER)
        sent = here.report(report(160.0), principal=DISPATCHER).dispatch
        assert (sent.terminal, round(sent.distance_m)) == ("T003", 10)
        number = stored(other)[0].number
        for action in (Action.ACCEPT, Action.ARRIVE, Action.DONE):
            there.act(number, action, principal=force_at("T001"), note="moved")
        assert here.report(report(-60.0), principal=DISPATCHER).dispatch.terminal == "T001"
    finally:
        other.close()


def test_a_group_that_is_not_committed_leaves_the_board_as_it_was(casebook: SqlCasebook, tmp_path: Path):
    desk = desk_of(casebook, tmp_path, offered_up_to=1)
    caught = Caught(casebook)
    desk_of(caught, tmp_path, offered_up_to=1).report(report(50.0), principal=DISPATCHER)

    def breaks(tx) -> None:
        caught.works[0](tx)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        casebook._carry_out([Job(breaks)])
    assert stored(casebook) == []
    assert desk.report(report(50.0), principal=DISPATCHER).dispatch.terminal == "T001"
    require_sound(casebook)


def test_many_threads_report_steps_and_move_at_once(casebook: SqlCasebook, tmp_path: Path):
    desk = desk_of(casebook, tmp_path)

    def take(number: int) -> Taken:
        made = report(20.0 * (number % 9) - 90.0, [PARKED, LITTER][number % 2])
        return desk.report(made, principal=DISPATCHER)

    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(take, range(72)))
    assert {each.outcome for each in taken} == {"open", "attach"}
    assert sum(each.outcome == "open" for each in taken) == len(stored(casebook)) == 18
    require_sound(casebook)


def test_a_lead_is_passed_on_when_a_leader_is_interrupted(casebook: SqlCasebook):
    """The second waits while the first leads; the first's interruption must not leave it waiting."""
    inside, go = Event(), Event()

    def slow(_tx) -> None:
        inside.set()
        go.wait(10.0)
        raise KeyboardInterrupt

    def leads() -> None:
        with pytest.raises(KeyboardInterrupt):
            casebook.write(slow)

    first = Thread(target=leads)
    first.start()
    assert inside.wait(10.0)
    barrier = Barrier(2)

    def follows() -> None:
        barrier.wait(10.0)
        casebook.write(lambda tx: tx.add_sighting("s2", case=None, camera="c", captured_at=NOON))

    second = Thread(target=follows)
    second.start()
    barrier.wait(10.0)
    go.set()
    first.join(20.0)
    second.join(20.0)
    assert not second.is_alive()
    assert casebook.has_sighting("s2")


def test_positions_of_many_are_stored_all_or_none(casebook: SqlCasebook, tmp_path: Path):
    desk = desk_of(casebook, tmp_path)
    moves = [Moved(terminal=f"T00{number}", lonlat=spot("A", number), at=NOON) for number in (1, 2, 3)]
    assert desk.move_all(moves, principal=DISPATCHER) == 3
    older = [replace(moves[0], at=NOON - timedelta(seconds=1)), replace(moves[1], at=NOON + timedelta(seconds=1))]
    assert desk.move_all(older, principal=DISPATCHER) == 1
    with pytest.raises(Exception, match="no terminal 'T009'"):
        desk.move_all([moves[0], replace(moves[0], terminal="T009")], principal=DISPATCHER)
    assert casebook.terminals()["T001"].lonlat == spot("A", 1)


def test_the_board_sees_what_was_done_under_the_number_of_an_event_that_was_taken_back(
    casebook: SqlCasebook, tmp_path: Path
):
    """A refused job used a number up after the board had been asked for; who gets it next is seen all the same."""
    desk = desk_of(casebook, tmp_path, offered_up_to=1)
    held = desk.report(report(50.0), principal=DISPATCHER)
    desk_of(caught := Caught(casebook), tmp_path, offered_up_to=1).report(report(100.0), principal=DISPATCHER)

    def refused(tx) -> None:
        caught.works[0](tx)
        raise AlreadyTakenError("sighting", "s1")

    def declines(tx) -> None:
        tx.cases(CaseFilter())  # what was gathered is stored: the board must be asked for again
        case = tx.case(held.number)
        tx.save_case(replace(case, status=Status.FILED, terminal=None, distance_m=None, version=case.version + 1))
        events = [each for each in tx.events(held.number) if each.action == Action.DISPATCH.value]
        tx.append(replace(events[0], action="no-terminal", status=Status.FILED))

    error, freed, last = together(casebook, refused, declines, caught.works[0])
    assert freed is None
    assert isinstance(error, AlreadyTakenError)
    assert last.dispatch.terminal == "T001"


def test_a_receipt_is_taken_once_and_only_its_own_write_is_refused(casebook: SqlCasebook, tmp_path: Path):
    desk = desk_of(casebook, tmp_path)
    first = desk.report(report(0.0), principal=DISPATCHER)
    known = casebook.read(lambda now: now.report(first.receipt))

    def again(tx) -> None:
        tx.add_report(known)

    desk_of(caught := Caught(casebook), tmp_path).report(report(150.0), principal=DISPATCHER)
    error, second = together(casebook, again, caught.works[0])
    assert isinstance(error, AlreadyTakenError)
    assert second.outcome == "open"
    assert [each.id for each in casebook.read(lambda now: now.reports_of(first.number))] == [first.receipt]
    require_sound(casebook)


def test_what_is_near_is_asked_for_together_and_found_as_alone(casebook: SqlCasebook, tmp_path: Path):
    desk = desk_of(casebook, tmp_path)
    known = [desk.report(report(east_m), principal=DISPATCHER).number for east_m in (0.0, 30.0, 60.0)]
    asked = [Near(PARKED, spot("A", east_m), 2.0) for east_m in (0.0, 31.0, 62.5, 0.0)]
    asked.append(Near(LITTER, spot("A", 0.0), 2.0))
    alone = [[case.number for case in casebook.similar(*each)] for each in asked]
    assert alone == [[known[0]], [known[1]], [], [known[0]], []]
    found: list[list[str]] = []

    def asks(tx, near: Near) -> None:
        found.append([case.number for case in tx.similar(*near)])

    jobs = [Job(partial(asks, near=each), ahead=asked) for each in asked]
    casebook._carry_out(jobs)
    assert found == alone
