"""Group commit: writes that arrive while another is being committed are carried out together in the next transaction.

Whoever comes first leads: it takes those that wait, runs them as one group, and hands the lead to the first of the
next. A write that comes alone is run at once, alone; nothing waits for company. Each caller returns after the commit.
"""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")
MOST_TOGETHER = 128


class Job(Generic[T]):
    """One write that waits for its turn; `work` takes the transaction, `ahead` is what it is going to ask."""

    def __init__(self, work: Callable[[Any], T], *, ahead: Sequence[Any] = ()) -> None:
        self.work, self.ahead = work, ahead
        self.done = False
        self._turn = Event()
        self._value: T | None = None
        self._error: Exception | None = None

    def succeed(self, value: T) -> None:
        """Say what came of it."""
        self._value, self.done = value, True

    def fail(self, error: Exception) -> None:
        """Say that it was refused; nothing of it was stored."""
        self._error, self.done = error, True

    def wake(self) -> None:
        """Let the waiting caller go on: with the outcome, or to lead."""
        self._turn.set()

    def wait(self) -> None:
        """Wait for the outcome or the lead."""
        self._turn.wait()

    def outcome(self) -> T:
        """Return what came of it, or raise why it was refused."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # `succeed` set it


class GroupCommit:
    """The queue of one casebook's writes.

    Args:
        run: carries a group out and gives each of its jobs an outcome, after the commit.
        most: how many go together at most.
    """

    def __init__(self, run: Callable[[Sequence[Job[Any]]], None], *, most: int = MOST_TOGETHER) -> None:
        self._run, self._most = run, most
        self._lock = Lock()
        self._queue: deque[Job[Any]] = deque()
        self._led = False

    def write(self, work: Callable[[Any], T], *, ahead: Sequence[Any] = ()) -> T:
        """Run a write, alone or with others; return its outcome after the commit, or raise what it raised."""
        job = Job(work, ahead=ahead)
        with self._lock:
            self._queue.append(job)
            leads, self._led = not self._led, True
        if not leads:
            job.wait()
        if not job.done:
            self._lead()
        return job.outcome()

    def _lead(self) -> None:
        """Run one group, which holds the caller's own job, and pass the lead on whatever happens."""
        with self._lock:
            group = [self._queue.popleft() for _ in range(min(self._most, len(self._queue)))]
        own = group[0]
        try:
            self._run(group)
        finally:
            with self._lock:
                # Interrupted (a signal reaches the main thread only): the others' writes were rolled back, not refused.
                self._queue.extendleft(job for job in reversed(group[1:]) if not job.done)
                successor = self._queue[0] if self._queue else None
                self._led = successor is not None
            for job in group:
                if job.done and job is not own:
                    job.wake()
            if successor is not None:
                successor.wake()
