"""A write transaction that gathers what it is to write, and stores it in a handful of statements before the commit.

Opening, attaching, offering and stepping touch the same few rows again and again; here they are changed in memory, and
the next one in the same transaction sees them there. Whatever else is asked goes to the database, after everything
gathered was stored: slower, and never wrong.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from geo.coords import LonLat
from pipeline import sql_tables as t
from pipeline.case_clocks import ClockName, DutyClock
from pipeline.casebook import AlreadyTakenError, Near, OutboxMessage, VersionConflictError
from pipeline.cases import Case, Event, Status
from pipeline.errors import UnknownError
from pipeline.history import Entry, seal
from pipeline.reports import Received
from pipeline.sql_board import EVENTS, POSITIONS, BoardKeeper
from pipeline.sql_bulk import store_rows
from pipeline.sql_duties import clock_of, clock_row
from pipeline.sql_near import MOST_SIMILAR, box_of, cases_of, found_near, in_box
from pipeline.sql_past import aside_rows
from pipeline.sql_reading import asked, merged_into, newest_site, position_of
from pipeline.sql_reports import of_case, received_of, report_row
from pipeline.sql_rows import bounded, bounded_case, case_of, case_row, event_row, micros
from pipeline.sql_writing import SqlTransaction, outbox_row, sighting_row
from pipeline.terminals import Moved, Terminal

K = TypeVar("K")
V = TypeVar("V")
_NOTHING: Final = object()
_COUNTED: Final = (EVENTS, POSITIONS, "cases")
_NOT_SIMILAR: Final = frozenset({Status.REFUSED, Status.VOID})


class SqlBatch(SqlTransaction):
    """One write transaction for one or several jobs; `flush` before the commit.

    Args:
        connection: within a write transaction.
        keeper: of the board of terminals; forgotten by its owner if the transaction is not committed.
    """

    def __init__(self, connection: Connection, keeper: BoardKeeper) -> None:
        super().__init__(connection)
        self._keeper = keeper
        self._known: dict[str, Case] = {}
        self._new: dict[str, int] = {}
        self._changed: dict[str, bool] = {}
        self._opened: dict[str, tuple[str, ...]] = {}
        self._near: dict[Near, tuple[str, ...]] = {}
        self._merged: dict[str, bool] = {}
        self._heads: dict[str, str] = {}
        self._stories: dict[str, tuple[Entry, ...]] = {}
        self._counters: dict[str, int] = {}
        self._raised: dict[str, bool] = {}
        self._given: dict[str, bool] = {}
        self._events: list[dict[str, Any]] = []
        self._asides: list[dict[str, Any]] = []
        self._messages: list[dict[str, Any]] = []
        self._seen: list[dict[str, Any]] = []
        self._sighted: dict[str, bool] = {}
        self._received: list[dict[str, Any]] = []
        self._reported: dict[str, tuple[Received, ...]] = {}
        self._clocks: dict[str, Mapping[ClockName, DutyClock]] = {}
        self._moved: dict[tuple[str, ClockName], dict[str, Any]] = {}
        self._undo: list[tuple[Any, Any, Any]] = []
        self._board_current = False
        self._site_version: int | None = None
        self.left_memory = False

    # What a job did can be taken back as long as it was done in memory only.

    def begin_job(self) -> None:
        """Begin a job: what it changes from here on can be undone."""
        self._undo.clear()
        self.left_memory = False

    def undo_job(self) -> None:
        """Take back what the job changed; only while it has not left memory."""
        while self._undo:
            changed, key, before = self._undo.pop()
            if changed is self._keeper:
                changed.untrack(key) if before is _NOTHING else changed.track(before)
            elif before is _NOTHING:
                del changed[key]
            else:
                changed[key] = before

    def look_ahead(self, near: Sequence[Near]) -> None:
        """Ask at once what the jobs of a group will ask one by one: what is known around each finding."""
        missing = [each for each in dict.fromkeys(near) if each not in self._near]
        found = found_near(self._raw, [box_of(each) for each in missing])
        self._known |= cases_of(self._raw, (one for each in found for one in each if one not in self._known))
        self._near.update(zip(missing, map(tuple, found), strict=True))

    def flush(self) -> None:
        """Store everything that was gathered.

        Raises:
            AlreadyTakenError: a receipt is stored already.
        """
        counted = [{"name": name, "value": self._counters[name]} for name in sorted(self._raised)]
        store_rows(self._raw, t.counters, counted, known="replaced")
        known = self._known
        store_rows(self._raw, t.cases, [{**case_row(known[each]), "ordinal": at} for each, at in self._new.items()])
        changed = [each for each in self._changed if each not in self._new]
        if changed:
            stored = update(t.cases).where(t.cases.c.number == bindparam("known"))
            self._raw.execute(stored, [{"known": each, **case_row(known[each])} for each in changed])
        for table, gathered in ((t.events, self._events), (t.asides, self._asides), (t.sightings, self._seen)):
            store_rows(self._raw, table, gathered)
        try:
            store_rows(self._raw, t.reports, self._received)
        except IntegrityError as error:
            # Receipts are random, so nobody asks before; each of the group, alone, finds out whose it is.
            raise AlreadyTakenError("receipt", self._received[-1]["id"]) from error
        store_rows(self._raw, t.clocks, list(self._moved.values()), known="replaced")
        store_rows(self._raw, t.outbox, self._messages, known="left")
        self._undo.clear()
        for names in (self._raised, self._new, self._changed, self._moved, self._merged):
            names.clear()
        for gathered in (self._events, self._asides, self._messages, self._seen, self._received):
            gathered.clear()

    def committed(self) -> None:
        """Say that what was flushed is stored for good."""
        if self._board_current:
            self._keeper.caught(events=self._value(EVENTS), positions=self._value(POSITIONS))

    @property
    def _connection(self) -> Connection:
        """Return the connection for a statement that knows nothing of what was gathered."""
        self.left_memory = True
        self.flush()
        for known in (self._known, self._heads, self._stories, self._counters, self._sighted, self._reported):
            known.clear()
        for more in (self._clocks, self._opened, self._near):
            more.clear()
        self._board_current, self._site_version = False, None
        return self._raw

    @_connection.setter
    def _connection(self, connection: Connection) -> None:
        self._raw = connection

    # Reading, from memory where it is there.

    def case(self, number: str) -> Case:
        """See `Reading.case`."""
        known = self._known.get(number)
        if known is None:
            rows = self._raw.execute(select(t.cases).where(t.cases.c.number == asked("case", number))).mappings()
            row = rows.first()
            if row is None:
                raise UnknownError("case", number)
            known = self._known[number] = case_of(row)
        return known

    def similar(self, category: str, lonlat: LonLat, within_m: float) -> Sequence[Case]:
        """See `Reading.similar`; what is gathered counts as stored."""
        near = Near(category, lonlat, within_m)
        self.look_ahead([near])
        box = box_of(near)
        opened = (each for each in self._opened.get(category, ()) if in_box(self._known[each].lonlat, box))
        found = {number: self._known[number] for number in (*self._near[near], *opened)}
        similar = [case for case in found.values() if case.status not in _NOT_SIMILAR]
        similar.sort(key=lambda case: (case.status is Status.CLOSED, -micros(case.updated_at)))
        return similar[:MOST_SIMILAR]

    def entries(self, number: str) -> Sequence[Entry]:
        """Return a case's history as it is chained; of a case opened just now from memory."""
        return self._stories[number] if number in self._stories else super().entries(number)

    def terminals(self) -> Mapping[str, Terminal]:
        """See `Reading.terminals`; a board, quick to decide by. It changes as the transaction goes on."""
        if not self._board_current:
            if not self._gathered_of_new_cases():
                self.left_memory = True
                self.flush()
            stored = self._value(EVENTS) - len(self._events)
            self._keeper.catch_up(self._raw, events=stored, positions=self._value(POSITIONS))
            self._board_current = True
        return self._keeper.board

    def position(self, terminal: str) -> Moved | None:
        """See `Asking.position`; positions are never gathered, so what is stored is what is known."""
        return position_of(self._raw, terminal)

    def _gathered_of_new_cases(self) -> bool:
        """Tell whether all that is gathered is of cases that were just opened and nobody holds: a board sees none."""
        opened = all(self._known[each].terminal is None for each in self._new)
        return opened and not self._changed and all(row["case_number"] in self._new for row in self._events)

    def has_sighting(self, sighting: str) -> bool:
        """See `Reading.has_sighting`."""
        if sighting not in self._sighted:
            query = select(t.sightings.c.id).where(t.sightings.c.id == sighting)
            self._sighted[sighting] = self._raw.execute(query).first() is not None
        return self._sighted[sighting]

    def site_version(self) -> int:
        """See `Reading.site_version`; asked once, since nothing that is gathered makes a new one."""
        if self._site_version is None:
            self._site_version = newest_site(self._raw)
        return self._site_version

    def merged(self, number: str) -> Sequence[Case]:
        """See `Reading.merged`; nothing can have been merged into a case that was opened just now, but in memory."""
        if self._merged:
            return super().merged(number)
        if number in self._stories:
            return ()
        return [case_of(row) for row in self._raw.execute(merged_into(number)).mappings()]

    def reports_of(self, case: str) -> Sequence[Received]:
        """See `Reading.reports_of`."""
        if case not in self._reported:
            rows = self._raw.execute(of_case(case)).mappings()
            self._reported[case] = tuple(received_of(row) for row in rows)
        return self._reported[case]

    def clocks_of(self, number: str) -> Sequence[DutyClock]:
        """See `Reading.clocks_of`."""
        known = self._clocks_by_name(number)
        return [known[name] for name in sorted(known)]

    # Writing, in memory.

    def add_report(self, received: Received) -> None:
        """See `Transaction.add_report`; one with a ticket goes to the database, which knows the others' tickets."""
        if received.ticket is not None:
            super().add_report(received)
            return
        row = bounded(t.reports, report_row(received))
        before = self.reports_of(received.case)
        if any(each.id == received.id for each in before):
            raise AlreadyTakenError("receipt", received.id)
        self._gather(self._received, row)
        after = sorted((*before, received), key=lambda each: (each.at, each.id))
        self._set(self._reported, received.case, tuple(after))

    def save_clock(self, clock: DutyClock) -> None:
        """See `Transaction.save_clock`."""
        row = bounded(t.clocks, clock_row(clock))
        self._set(self._clocks, clock.case, {**self._clocks_by_name(clock.case), clock.name: clock})
        self._set(self._moved, (clock.case, clock.name), row)

    def save_clocks(self, clocks: Sequence[DutyClock]) -> None:
        """See `Transaction.save_clocks`."""
        for clock in clocks:
            if clock.name not in self._clocks_by_name(clock.case):
                self.save_clock(clock)

    def _clocks_by_name(self, number: str) -> Mapping[ClockName, DutyClock]:
        if number not in self._clocks:
            rows = self._raw.execute(select(t.clocks).where(t.clocks.c.case_number == number)).mappings()
            self._clocks[number] = {clock.name: clock for clock in map(clock_of, rows)}
        return self._clocks[number]

    def add_sighting(
        self, sighting: str, *, case: str | None, camera: str, captured_at: datetime, scene: str | None = None
    ) -> None:
        """See `Transaction.add_sighting`."""
        row = sighting_row(sighting, case=case, camera=camera, captured_at=captured_at, scene=scene)
        bounded(t.sightings, row)
        if self.has_sighting(sighting):
            raise AlreadyTakenError("sighting", sighting)
        self._gather(self._seen, row)
        self._set(self._sighted, sighting, value=True)

    def next_numbers(self, prefix: str, day: str, count: int) -> list[str]:
        """See `Transaction.next_numbers`."""
        numbers = super().next_numbers(prefix, day, count)
        for number in numbers:
            self._set(self._given, number, value=True)
        return numbers

    def add_case(self, case: Case) -> None:
        """See `Transaction.add_case`; a number that was given out just now cannot be taken."""
        if case.number not in self._given or case.number in self._known:
            super().add_case(case)
            return
        bounded_case(case)
        self._set(self._opened, case.category, (*self._opened.get(case.category, ()), case.number))
        self._set(self._new, case.number, self._count("cases"))
        self._set(self._known, case.number, case)
        self._set(self._heads, case.number, "")
        self._set(self._stories, case.number, ())
        self._set(self._reported, case.number, ())
        self._set(self._clocks, case.number, {})
        self._track(None, case)

    def save_case(self, case: Case) -> None:
        """See `Transaction.save_case`."""
        before = self._known.get(case.number)
        if before is None:
            super().save_case(case)
            return
        if before.version != case.version - 1:
            raise VersionConflictError(case.number, case.version)
        bounded_case(case)
        self._set(self._known, case.number, case)
        self._set(self._changed, case.number, value=True)
        if case.merged_into != before.merged_into:
            self._set(self._merged, case.number, value=True)
        self._track(before, case)

    def append(self, event: Event) -> Event:
        """See `Transaction.append`."""
        self.case(event.case)
        entry = seal(event, previous=self._head(event.case), sequence=self._count(EVENTS))
        row, beside = bounded(t.events, event_row(entry)), aside_rows(entry)
        self._gather(self._events, row)
        for each in beside:
            self._gather(self._asides, bounded(t.asides, each))
        self._set(self._heads, event.case, entry.event.digest)
        if event.case in self._stories:
            self._set(self._stories, event.case, (*self._stories[event.case], entry))
        return entry.whole()

    def enqueue(self, message: OutboxMessage) -> None:
        """See `Transaction.enqueue`."""
        self._gather(self._messages, outbox_row(message))

    def _count(self, name: str, by: int = 1) -> int:
        value = self._value(name) + by
        self._set(self._counters, name, value)
        self._set(self._raised, name, value=True)
        return value

    def _value(self, name: str) -> int:
        """Return what a counter has reached; 0 for one that was never raised."""
        if name not in self._counters:
            asked = [each for each in (name, *_COUNTED) if each not in self._counters]
            rows = self._raw.execute(select(t.counters).where(t.counters.c.name.in_(asked)))
            self._counters |= {**dict.fromkeys(asked, 0), **{row.name: int(row.value) for row in rows}}
        return self._counters[name]

    def _head(self, number: str) -> str:
        if number not in self._heads:
            c = t.events.c
            newest = select(c.digest).where(c.case_number == number).order_by(c.sequence.desc()).limit(1)
            self._heads[number] = self._raw.execute(newest).scalar_one_or_none() or ""
        return self._heads[number]

    def _track(self, before: Case | None, after: Case) -> None:
        keeper = self._keeper
        if not self._board_current:
            return
        keeper.track(after)
        self._undo.append((keeper, after.number, _NOTHING if before is None else before))

    def _set(self, known: dict[K, V], key: K, value: V) -> None:
        """Set an entry so that `undo_job` can set it back."""
        self._undo.append((known, key, known.get(key, _NOTHING)))
        known[key] = value

    def _gather(self, rows: list[dict[str, Any]], row: dict[str, Any]) -> None:
        rows.append(row)
        self._undo.append((rows, -1, _NOTHING))
