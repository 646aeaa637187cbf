"""How many pushed frames are worked on at once: their waiting must not take the threads that pages need."""

from collections.abc import Callable
from typing import Final, TypeVar

import anyio
from anyio import to_thread

from api.errors import FramesFullError

T = TypeVar("T")
AT_ONCE: Final = 8
MOST_WAITING: Final = 32


class FrameGate:
    """Threads of their own for frames, and a bounded number of senders that wait for one."""

    def __init__(self, *, at_once: int = AT_ONCE, most: int = MOST_WAITING) -> None:
        self._at_once, self._most = at_once, most
        self._limiter: anyio.CapacityLimiter | None = None
        self._inside = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Run work in one of the threads.

        Raises:
            FramesFullError: too many wait already.
        """
        if self._inside >= self._most:
            raise FramesFullError(self._most)
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._at_once)  # belongs to the running loop, so it is made here
        self._inside += 1
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._inside -= 1
