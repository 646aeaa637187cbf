"""Past cases in bulk: whole histories, sealed in chains of their own, in a handful of statements for thousands."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from pipeline import sql_tables as t
from pipeline.casebook import AlreadyTakenError, HistoryError
from pipeline.cases import Case, Event
from pipeline.history import Entry, rebuild, seal
from pipeline.sql_rows import bounded, case_row, event_row

_PART: Final = 500


def require_told(case: Case, events: Sequence[Event]) -> None:
    """Require that events, oldest first, tell a case's whole story and add up to it.

    Raises:
        HistoryError: they belong to another case, are out of order, do not begin with `open`, or add up to something
            else.
    """
    if not events or events[0].action != "open" or any(event.case != case.number for event in events):
        raise HistoryError(case.number, "it does not begin with its own opening")
    if any(later.at < earlier.at for earlier, later in pairwise(events)):
        raise HistoryError(case.number, "its events are not in order of time")
    if rebuild(events) != case:
        raise HistoryError(case.number, "its events do not add up to it")


def write_past(
    connection: Connection, past: Sequence[tuple[Case, Sequence[Event]]], *, ordinal: int, sequence: int
) -> None:
    """Store cases with their events; the site's sequence runs in order of time.

    Args:
        connection: within a write transaction.
        past: checked stories.
        ordinal: of the first case.
        sequence: of the first event.

    Raises:
        AlreadyTakenError: one of the cases is stored already.
        LimitError: a text is too long.
    """
    _require_new(connection, [case.number for case, _ in past])
    rows = [bounded(t.cases, {**case_row(case), "ordinal": ordinal + row}) for row, (case, _) in enumerate(past)]
    connection.execute(insert(t.cases), rows)
    entries = _sealed(past, sequence)
    connection.execute(insert(t.events), [bounded(t.events, event_row(entry)) for entry in entries])
    asides = [bounded(t.asides, row) for entry in entries for row in aside_rows(entry)]
    if asides:
        connection.execute(insert(t.asides), asides)


def _require_new(connection: Connection, numbers: Sequence[str]) -> None:
    for start in range(0, len(numbers), _PART):
        part = numbers[start : start + _PART]
        known = connection.execute(select(t.cases.c.number).where(t.cases.c.number.in_(part)).limit(1)).scalar()
        if known is not None:
            raise AlreadyTakenError("case", known)


def _sealed(past: Iterable[tuple[Case, Sequence[Event]]], first: int) -> list[Entry]:
    events = sorted(_in_order(past), key=lambda each: each[0])
    newest: dict[str, str] = {}
    entries = []
    for sequence, (_, event) in enumerate(events, first):
        entry = seal(event, previous=newest.get(event.case, ""), sequence=sequence)
        newest[event.case] = entry.event.digest
        entries.append(entry)
    return entries


def _in_order(past: Iterable[tuple[Case, Sequence[Event]]]) -> Iterable[tuple[tuple[datetime, str, int], Event]]:
    for case, events in past:
        for row, event in enumerate(events):
            yield (event.at, case.number, row), event


def aside_rows(entry: Entry) -> list[dict[str, Any]]:
    """Return the columns of what lies beside an entry."""
    return [
        {
            "sequence": entry.event.sequence,
            "key": aside.key,
            "digest": aside.digest,
            "salt": aside.salt,
            "value": aside.value,
        }
        for aside in entry.asides
    ]
