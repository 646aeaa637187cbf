"""The crop desk: one worker that lets second models look at pieces of frames, behind a queue that is bounded.

Frames never wait for it: what the queue has no room for, and what a model fails at, is answered at once, and that
answer sends the sighting to a person.
"""

import logging
import queue
import time
from collections.abc import Mapping, Sequence
from threading import Event, Thread
from typing import Final

from models.crop_judge import CropJudge, Said
from models.errors import ModelsError
from pipeline.crop_pieces import Piece, cut
from pipeline.scenes import Verify
from pipeline.second_look import Checked, CheckOutcome, decided, without_answer

log = logging.getLogger(__name__)
QUEUED: Final = 32
_END: Final = None


class Ticket:
    """A second look that was asked for; see `held_sightings.Answer`."""

    def __init__(self, pieces: Sequence[Piece], verify: Verify) -> None:
        self.pieces, self.verify = tuple(pieces), verify
        self.until_s = time.monotonic() + verify.deadline_s
        self._checked: Checked | None = None
        self._done = Event()

    def checked(self) -> Checked | None:
        """Return what came of it, None while it is not known."""
        return self._checked if self._done.is_set() else None

    def answer(self, checked: Checked) -> None:
        """Say what came of it."""
        self._checked = checked
        self._done.set()

    def wait(self, seconds: float) -> bool:
        """Wait for it; tells whether it is known."""
        return self._done.wait(seconds)


class CropDesk:
    """Lets models look at pieces, one at a time; shared by all cameras of a process.

    Args:
        judges: by the name that scenes give their weights.
        queued: how many looks may wait.
    """

    def __init__(self, judges: Mapping[str, CropJudge], *, queued: int = QUEUED) -> None:
        self._judges = dict(judges)
        self._queue: queue.Queue[Ticket | None] = queue.Queue(maxsize=queued)
        self._closing = Event()
        self._worker = Thread(target=self._work, name="second-look", daemon=True)
        self._worker.start()

    def ask(self, pieces: Sequence[Piece], verify: Verify) -> Ticket:
        """Ask for a second look; answers at once, with the answer to come or with why there will be none.

        Args:
            pieces: frames with the thing's box.
            verify: by which model, and what it must see.
        """
        ticket = Ticket(pieces, verify)
        if self._closing.is_set():
            ticket.answer(without_answer(CheckOutcome.FAILED, verify, reason="the process is ending"))
            return ticket
        try:
            self._queue.put_nowait(ticket)
        except queue.Full:
            reason = f"{self._queue.maxsize} looks were waiting already"
            ticket.answer(without_answer(CheckOutcome.FAILED, verify, reason=reason))
        return ticket

    def close(self) -> None:
        """Look at nothing more and give the models back; what waits still is answered with that."""
        self._closing.set()
        while True:
            try:
                self._refuse(self._queue.get_nowait())
            except queue.Empty:
                break
        self._queue.put(_END)
        self._worker.join(30.0)
        for judge in self._judges.values():
            judge.close()

    def _refuse(self, ticket: Ticket | None) -> None:
        if ticket is not None:
            ticket.answer(without_answer(CheckOutcome.FAILED, ticket.verify, reason="the process is ending"))

    def _work(self) -> None:
        while (ticket := self._queue.get()) is not None:
            if self._closing.is_set():
                self._refuse(ticket)
            elif time.monotonic() >= ticket.until_s:  # nobody waits for it any more
                reason = f"no answer within {ticket.verify.deadline_s:g} s"
                ticket.answer(without_answer(CheckOutcome.LATE, ticket.verify, reason=reason))
            else:
                ticket.answer(self._looked(ticket))

    def _looked(self, ticket: Ticket) -> Checked:
        """Return what a model says; whatever it fails at is an answer too, since the worker must go on."""
        try:
            judge = self._judges[ticket.verify.weights]
            said: list[list[Said]] = []
            for piece in ticket.pieces[: ticket.verify.of]:
                found = cut(piece, ticket.verify.margin)
                if found is not None:
                    said.append(judge.say(*found))
        except ModelsError as error:
            log.warning("a second look failed: %s", error)
            return without_answer(CheckOutcome.FAILED, ticket.verify, reason=str(error)[:300])
        except Exception as error:
            log.exception("a second look failed")
            return without_answer(CheckOutcome.FAILED, ticket.verify, reason=type(error).__name__)
        if not said:
            reason = "too little of it is in the picture"
            return without_answer(CheckOutcome.FAILED, ticket.verify, reason=reason)
        return decided(said, ticket.verify, weights=judge.version)
