"""Work shared among child processes: one that dies is replaced, and its piece is done again.

Every child has a pipe of its own and shares nothing with the others. The standard library's pool waits for ever when
a child dies while another is being started, and gives up whole when one dies (docs/decisions/182).
"""

import faulthandler
import logging
import os
import signal
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final, TypeVar

from pipeline.district.errors import DistrictError

_log = logging.getLogger(__name__)
_DEATHS: Final = 3
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LP_NUM_THREADS")
Piece = TypeVar("Piece")
Result = TypeVar("Result")


class ChildDiedError(DistrictError):
    """Child processes died of one piece of work without a word."""

    def __init__(self, times: int) -> None:
        super().__init__(
            f"child processes died {times} times of the same work: a fault in a library, or no memory left;"
            " see standard error for where, and run fewer cameras at once"
        )


@dataclass(frozen=True, slots=True)
class _Child:
    process: BaseProcess
    pipe: Connection
    row: int

    def end(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()


def in_children(
    work: Callable[[Piece], Result],
    pieces: Sequence[Piece],
    *,
    workers: int,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Result]:
    """Do every piece in one of so many child processes, and return the results in the order of the pieces.

    Args:
        work: what to do with a piece; it and the pieces go to the children by pickle.
        pieces: what to do it with.
        workers: how many children at once, at most; each may use one thread for arithmetic and drawing.
        progress: told how many are done.

    Raises:
        Exception: what `work` raised, with the child's own trace as a note.
        ChildDiedError: a piece cost three children their life.
    """
    left, deaths = deque(range(len(pieces))), Counter[int]()
    done: dict[int, Result] = {}
    crew: dict[Connection, _Child] = {}

    def give(pipe: Connection, process: BaseProcess) -> None:
        row = left.popleft()
        crew[pipe] = _Child(process, pipe, row)
        with suppress(OSError):  # a child that is dead already is seen at the end of its pipe
            pipe.send((work, pieces[row]))

    try:
        while len(done) < len(pieces):
            while left and len(crew) < workers:
                give(*_started())
            ready = wait(list(crew))
            for pipe in [each for each in crew if each in ready]:
                child = crew[pipe]
                try:
                    well, answer = pipe.recv()
                except (EOFError, OSError):
                    crew.pop(pipe).end()
                    deaths[child.row] += 1
                    if deaths[child.row] == _DEATHS:
                        raise ChildDiedError(_DEATHS) from None
                    _log.warning("a child process died; what it had not finished is run again")
                    left.appendleft(child.row)
                    continue
                if not well:
                    raise answer
                done[child.row] = answer
                progress(len(done))
                if left:
                    give(pipe, child.process)
                else:
                    crew.pop(pipe).end()
    finally:
        for child in crew.values():
            child.end()
    return [done[row] for row in range(len(pieces))]


def cores() -> int:
    """Return on how many cores this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _started() -> tuple[Connection, BaseProcess]:
    mine, its = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_serve, args=(its,), daemon=True)
    with _one_thread_each():
        process.start()
    its.close()
    return mine, process


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let children that start meanwhile use one thread each for arithmetic and drawing."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(pipe: Connection) -> None:
    """Do what comes through the pipe until its other end is closed."""
    import cv2

    faulthandler.enable()  # a library that crashes says where
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever interrupts the parent is answered by the parent
    cv2.setNumThreads(1)
    answer: tuple[bool, Any]
    with suppress(EOFError, OSError):
        while True:
            work, piece = pipe.recv()
            try:
                answer = True, work(piece)
            except Exception as error:  # noqa: BLE001 - raised again in the parent
                error.add_note(traceback.format_exc())
                answer = False, error
            pipe.send(answer)
