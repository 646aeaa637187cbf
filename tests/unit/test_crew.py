"""Work in child processes: every piece once, in order, whoever dies on the way."""

import os
import signal
from functools import partial
from pathlib import Path

import psutil
import pytest

from pipeline.district.crew import ChildDiedError, in_children


def _dies(marks: Path, times: int, number: int) -> int:
    """Return the number's square, after having killed so many children."""
    mine = marks / str(number)
    with mine.open("ab") as file:
        file.write(b".")
    if mine.stat().st_size <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def _is_odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError(f"{number} is even")
    return number


def _began(marks: Path) -> dict[str, int]:
    return {each.name: each.stat().st_size for each in marks.iterdir()}


def test_results_come_in_the_order_of_the_pieces_and_progress_is_told(tmp_path: Path):
    told: list[int] = []
    found = in_children(partial(_dies, tmp_path, 0), range(7), workers=3, progress=told.append)
    assert found == [number * number for number in range(7)]
    assert told == list(range(1, 8))
    assert _began(tmp_path) == {str(number): 1 for number in range(7)}


def test_no_pieces_no_children():
    assert in_children(_is_odd, [], workers=4) == []


def test_children_that_die_while_others_start_are_replaced(tmp_path: Path):
    assert in_children(partial(_dies, tmp_path, 2), range(6), workers=4) == [number * number for number in range(6)]
    assert _began(tmp_path) == {str(number): 3 for number in range(6)}


def test_a_piece_that_always_kills_is_given_up(tmp_path: Path):
    with pytest.raises(ChildDiedError, match="died 3 times"):
        in_children(partial(_dies, tmp_path, 99), range(2), workers=2)
    assert max(_began(tmp_path).values()) == 3
    assert not _alive()


def test_a_fault_is_raised_as_it_was_with_the_place():
    with pytest.raises(ValueError, match="is even") as caught:
        in_children(_is_odd, [1, 3, 4, 6, 5], workers=2)
    assert "_is_odd" in "".join(caught.value.__notes__)
    assert not _alive()


def test_a_parent_that_stops_leaves_no_child(tmp_path: Path):
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_children(partial(_dies, tmp_path, 0), range(9), workers=3, progress=stop)
    assert not _alive()


def _alive() -> list[psutil.Process]:
    return [
        each
        for each in psutil.Process().children()
        if each.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(each.cmdline())
    ]
