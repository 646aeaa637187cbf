"""The keeper: what a running desk does by itself, again and again. Deciding is the desk's."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Final, TypeVar

from pipeline.desk import Desk
from pipeline.principal import PIPELINE
from pipeline.watch import Watch

log = logging.getLogger(__name__)
T = TypeVar("T")
EVERY_S: Final = 5.0
ERASE_EVERY_S: Final = 3600.0


class Keeper:
    """Passes unanswered offers on, tries cases again that found no terminal, fires duty clocks, until told to stop.

    Any number of processes may keep one site: each step is decided anew inside its transaction.

    Args:
        desk: of the site.
        watch: over duty clocks.
        also: what else is to be done in each round.
        every_s: from one round to the next.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        watch: Watch | None = None,
        also: Sequence[Callable[[], object]] = (),
        every_s: float = EVERY_S,
    ) -> None:
        self._desk, self._watch, self._also, self._every_s = desk, watch, also, every_s
        self._stop = Event()
        self._erased_at = -math.inf
        self._thread = Thread(target=self._keep, name="keeper", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End; waits for the step in work."""
        self._stop.set()
        self._thread.join(self._every_s * 4)

    def once(self) -> tuple[list[str], list[str]]:
        """Return the cases whose offers were passed on, and those that found a terminal at last; fires clocks first.

        What fails is logged and keeps nothing else from being done.
        """
        if self._watch is not None:
            self._watch.work_by(self._desk.site)
            self._in_peace(self._watch.once)
        for each in self._also:
            self._in_peace(each)
        return self._in_peace(self._desk.pass_over) or [], self._in_peace(self._desk.retry_undispatched) or []

    def erase(self, at_s: float) -> None:
        """Erase what is past keeping if an hour has passed since the last time; `at_s` is any clock that only rises."""
        if at_s - self._erased_at < ERASE_EVERY_S:
            return
        self._erased_at = at_s
        erased = self._desk.retention.erase(principal=PIPELINE)
        if erased.all:
            log.info("erased %d files that were past keeping", erased.all)

    def _keep(self) -> None:
        if self._watch is not None:
            self._in_peace(self._watch.adopt)
        while not self._stop.wait(self._every_s):
            self.once()
            self._in_peace(lambda: self.erase(time.monotonic()))

    def _in_peace(self, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except Exception:  # whatever one round meets, clocks and offers need the next one
            log.exception("the keeper goes on; its next round is in %g s", self._every_s)
            return None
