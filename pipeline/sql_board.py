"""The board of terminals beside a casebook: kept between write transactions, and brought up to date inside each.

A transaction is the only writer until it ends, and events and positions are numbered without gaps in the order of their
commits. So what changed since the last look is what has a higher number; nothing else need be read again.
"""

from typing import Any

from sqlalchemy import Connection, select

from pipeline import sql_tables as t
from pipeline.cases import ON_TERMINAL, Case, Status
from pipeline.sql_rows import micros
from pipeline.standing import Board, Heard

_ON_TERMINAL = frozenset(status.value for status in ON_TERMINAL)
_ENDED_BY_TERMINAL = frozenset({Status.HANDLED.value, Status.CHECKED.value})
EVENTS, POSITIONS = "events", "positions"


class BoardKeeper:
    """Keeps one board; only ever used by the thread that holds the casebook's write transaction."""

    def __init__(self) -> None:
        self.board = Board()
        self._holder: dict[str, tuple[str, int]] = {}  # by case: who holds it, and 1 if it is urgent
        self._events = self._positions = 0
        self._loaded = False

    def forget(self) -> None:
        """Begin anew: a transaction whose changes the board has seen was not committed."""
        self.__init__()  # type: ignore[misc]  # the same as a new one, and its owner keeps it

    def catch_up(self, connection: Connection, *, events: int, positions: int) -> Board:
        """Return the board as of the numbers that events and positions have reached."""
        c = t.cases.c
        cases = select(c.number, c.terminal, c.status, c.urgent, c.updated_at)
        if not self._loaded:
            self._take(connection.execute(cases.where(c.status.in_([*_ON_TERMINAL, *_ENDED_BY_TERMINAL]))))
            self._hear(connection, 0)
        else:
            if events > self._events:
                changed = select(t.events.c.case_number).where(t.events.c.sequence > self._events)
                self._take(connection.execute(cases.where(c.number.in_(changed))))
            if positions > self._positions:
                self._hear(connection, self._positions)
        self._loaded, self._events, self._positions = True, events, positions
        return self.board

    def caught(self, *, events: int, positions: int) -> None:
        """Say that the board has seen what was numbered up to here."""
        if self._loaded:
            self._events, self._positions = events, positions

    def track(self, case: Case) -> None:
        """Note who holds a case now."""
        if self._loaded:
            self._note(case.number, case.terminal, case.status.value, int(case.urgent), micros(case.updated_at))

    def untrack(self, number: str) -> None:
        """Note that a case is not there any more, or not yet."""
        if self._loaded:
            self._note(number, None, "", 0, 0)

    def _take(self, rows: Any) -> None:
        for number, terminal, status, urgent, updated_at in rows:
            self._note(number, terminal, status, int(urgent), updated_at)

    def _note(self, number: str, terminal: str | None, status: str, urgent: int, updated_at_us: int) -> None:
        before = self._holder.pop(number, None)
        if before is not None:
            self._hold(before, -1)
        if terminal is None:
            return
        if status in _ON_TERMINAL:
            self._holder[number] = (terminal, urgent)
            self._hold(self._holder[number], +1)
        elif status in _ENDED_BY_TERMINAL:
            self.board.free(terminal, updated_at_us)

    def _hold(self, one: tuple[str, int], change: int) -> None:
        terminal, urgent = one
        cases, urgents = self.board.held(terminal)
        self.board.hold(terminal, cases + change, urgents + change * urgent)

    def _hear(self, connection: Connection, after: int) -> None:
        c = t.positions.c
        rows = connection.execute(select(c.terminal, c.lon, c.lat, c.at).where(c.sequence > after))
        self.board.hear([Heard(*row) for row in rows])
