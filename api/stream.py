"""Server-sent events: every listener follows the committed sequence of the casebook, whichever process wrote it.

One poller reads new events while anyone listens and keeps the last ones at hand. A listener holds only its own
place in the sequence, so a slow one costs no memory: it falls behind and reads from the casebook.
"""

import asyncio
import json
import logging
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Send

from api.errors import StreamsFullError
from api.reach import may_see
from pipeline.casebook import Casebook
from pipeline.cases import Case, Event
from pipeline.principal import Principal, Role

_log = logging.getLogger(__name__)
RECENT: Final = 1000
MOST_LISTENERS: Final = 200
MOST_BEHIND: Final = 5000
PAGE: Final = 500
MOST_A_PRINCIPAL: Final = 40
REMEMBERED_CASES: Final = 5000
RETRY: Final = b"retry: 2000\n\n"
HEARTBEAT: Final = b": still here\n\n"
TERMINAL_KEYS: Final = ("terminal", "before")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An event and who may hear of it: its case's grid, and the terminals that it is about."""

    event: Event
    case: Case
    terminals: frozenset[str]

    @property
    def sequence(self) -> int:
        """Return its place in the site's sequence."""
        return self.event.sequence

    def concerns(self, principal: Principal) -> bool:
        """Tell whether a principal may hear of it."""
        if principal.role is Role.FORCE:
            return principal.terminal in self.terminals
        return may_see(principal, grid=self.case.grid, terminal=None)

    def encoded(self) -> bytes:
        """Return it as a server-sent event."""
        body: Mapping[str, object] = {
            "sequence": self.event.sequence,
            "number": self.event.case,
            "action": self.event.action,
            "status": self.event.status,
            "actor": self.event.actor,
            "at": self.event.at.isoformat(),
            "grid": self.case.grid,
            "urgent": self.case.urgent,
            "terminals": sorted(self.terminals),
        }
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return f"id: {self.event.sequence}\nevent: case\ndata: {text}\n\n".encode()


class Changes:
    """The tail of one casebook, shared by all listeners of this process."""

    def __init__(self, casebook: Casebook, *, poll_s: float = 0.5, heartbeat_s: float = 15.0) -> None:
        self._casebook = casebook
        self._poll_s, self._heartbeat_s = poll_s, heartbeat_s
        self._recent: deque[Change] = deque(maxlen=RECENT)
        self._holders: OrderedDict[str, str | None] = OrderedDict()
        self._newest = 0
        self._listeners: Counter[str] = Counter()
        self._poller: asyncio.Task[None] | None = None
        self._grown = asyncio.Event()
        self._closed = False

    @property
    def listeners(self) -> int:
        """Return how many listen now."""
        return self._listeners.total()

    def close(self) -> None:
        """End all streams, so that a server that is told to stop can."""
        self._closed = True
        self._wake()

    def admit(self, principal: Principal) -> None:
        """Make sure that there is a place for one more listener.

        Raises:
            StreamsFullError: there is none, or this principal has its share.
        """
        if self.listeners >= MOST_LISTENERS:
            raise StreamsFullError(MOST_LISTENERS)
        if self._listeners[principal.name] >= MOST_A_PRINCIPAL:
            raise StreamsFullError(MOST_A_PRINCIPAL)

    async def follow(self, principal: Principal, after: int | None) -> AsyncGenerator[bytes, None]:
        """Yield encoded changes after a place, or from now on; a comment now and then keeps the line open."""
        self.admit(principal)
        self._listeners[principal.name] += 1
        try:
            yield RETRY
            newest = await self._started()
            place = newest if after is None or after > newest else after
            if newest - place > MOST_BEHIND:
                place = newest
                yield _notice("reset", place)
            else:
                yield _notice("ready", place)
            async for chunk in self._tail(principal, place):
                yield chunk
        finally:
            self._listeners[principal.name] -= 1
            self._listeners += Counter()  # drops names that nobody has
            if not self._listeners:
                self._stop()

    async def _tail(self, principal: Principal, place: int) -> AsyncGenerator[bytes, None]:
        while not self._closed and not self._broken():
            grown = self._grown
            changes = await self._after(place)
            for change in changes:
                place = change.sequence
                if change.concerns(principal):
                    yield change.encoded()
            if changes:
                continue
            try:
                await asyncio.wait_for(grown.wait(), self._heartbeat_s)
            except TimeoutError:
                yield HEARTBEAT

    async def _started(self) -> int:
        if self._broken():
            newest = await run_in_threadpool(self._casebook.newest_sequence)
            if self._broken():  # nobody else started it meanwhile
                self._recent.clear()
                self._newest = newest
                self._poller = asyncio.create_task(self._poll(), name="casebook tail")
                self._poller.add_done_callback(self._ended)
        return self._newest

    def _broken(self) -> bool:
        return self._poller is None or self._poller.done()

    def _stop(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
            self._poller = None

    def _ended(self, poller: asyncio.Task[None]) -> None:
        # A casebook that cannot be read ends all streams; browsers come back by themselves and start a new poller.
        if not poller.cancelled() and poller.exception() is not None:
            _log.error("the casebook's tail broke off; listeners must reconnect", exc_info=poller.exception())
        self._wake()

    def _wake(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def _poll(self) -> None:
        while True:
            changes = await run_in_threadpool(self._read, self._newest)
            for change in changes:
                self._recent.append(self._with_last_holder(change))
                self._newest = change.sequence
            if changes:
                self._wake()
            if len(changes) < PAGE:
                await asyncio.sleep(self._poll_s)

    async def _after(self, place: int) -> list[Change]:
        if place >= self._newest:
            return []
        if self._recent and self._recent[0].sequence <= place + 1:
            return [change for change in self._recent if change.sequence > place]
        return await run_in_threadpool(self._read, place)

    def _read(self, place: int) -> list[Change]:
        events = self._casebook.events_after(place, limit=PAGE)
        cases = {number: self._casebook.case(number) for number in {event.case for event in events}}
        return [_change(event, cases[event.case]) for event in events]

    def _with_last_holder(self, change: Change) -> Change:
        """Add the terminal that held the case before, so that it hears of its loss."""
        number = change.event.case
        holder = self._holders.pop(number, None)
        self._holders[number] = change.case.terminal
        if len(self._holders) > REMEMBERED_CASES:
            self._holders.popitem(last=False)
        return change if holder is None else replace(change, terminals=change.terminals | {holder})


def _change(event: Event, case: Case) -> Change:
    named = {case.terminal, *case.liaisons, *(event.details.get(key) for key in TERMINAL_KEYS)}
    return Change(event=event, case=case, terminals=frozenset(each for each in named if isinstance(each, str)))


def _notice(kind: str, place: int) -> bytes:
    return f"id: {place}\nevent: {kind}\ndata: {{}}\n\n".encode()


class EventStream(StreamingResponse):
    """A response of server-sent events that lets go of its place the moment the listener is gone."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        self._chunks = chunks
        headers = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}
        super().__init__(chunks, headers=headers)

    async def stream_response(self, send: Send) -> None:
        """Send the chunks, then close their generator even when sending was cut off."""
        async with aclosing(self._chunks):
            await super().stream_response(send)
