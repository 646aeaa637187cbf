"""The casebook on SQLite or PostgreSQL: opens, reads, writes with bounded retries. Statements are next door."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from geo.coords import LonLat
from pipeline.casebook import (
    Asking,
    BusyError,
    CameraState,
    CaseFilter,
    CaseKept,
    Evidence,
    OutboxMessage,
    Page,
    StorageError,
    Transaction,
)
from pipeline.cases import Case, Event
from pipeline.health_events import HealthEvent
from pipeline.history import Entry
from pipeline.sql_engine import is_conflict, migrate, open_engine, reading, writing
from pipeline.sql_reading import SqlReading
from pipeline.sql_writing import SqlTransaction
from pipeline.terminals import Terminal

T = TypeVar("T")

MOST_ATTEMPTS = 8
_FIRST_PAUSE_S = 0.01


def open_casebook(url: str) -> "SqlCasebook":
    """Open a database and bring its tables to the newest revision; creates a SQLite file that is not there.

    Args:
        url: `sqlite:///path/to/file.db` or `postgresql://user:password@host/database`.

    Raises:
        DatabaseUrlError: the address cannot be used.
        StorageError: the database cannot be reached or written.
        BusyError: another process held it for too long.
    """
    casebook = SqlCasebook(open_engine(url))
    try:
        casebook.migrate()
    except BaseException:
        casebook.close()
        raise
    return casebook


class SqlCasebook:
    """The storage of one site, shared by any number of threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._where = engine.url.render_as_string(hide_password=True)

    def migrate(self) -> None:
        """Bring the tables to the newest revision.

        Raises:
            StorageError, BusyError: it could not be done; nothing was changed.
        """
        self._retried(lambda: migrate(self._engine))

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run a write transaction, again after a conflict; all of it is stored or nothing.

        Raises:
            BusyError: other writers held the casebook in every attempt.
            StorageError: the database failed.
        """

        def attempt() -> T:
            with writing(self._engine) as connection:
                return work(SqlTransaction(connection))

        return self._retried(attempt)

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()

    def read(self, work: Callable[[Asking], T]) -> T:
        """Ask several things of one moment; raises `StorageError`."""
        with self._reading() as now:
            return work(now)

    def case(self, number: str) -> Case:
        """See `Reading.case`."""
        with self._reading() as now:
            return now.case(number)

    def cases(self, wanted: CaseFilter) -> Page:
        """See `Reading.cases`."""
        with self._reading() as now:
            return now.cases(wanted)

    def similar(self, category: str, lonlat: LonLat, within_m: float) -> Sequence[Case]:
        """See `Reading.similar`."""
        with self._reading() as now:
            return now.similar(category, lonlat, within_m)

    def events(self, number: str) -> Sequence[Event]:
        """See `Reading.events`."""
        with self._reading() as now:
            return now.events(number)

    def entries(self, number: str) -> Sequence[Entry]:
        """Return a case's history as it is chained, for `history.chain_faults`; raises `UnknownError`."""
        with self._reading() as now:
            return now.entries(number)

    def events_after(self, sequence: int, *, limit: int = 500) -> Sequence[Event]:
        """See `Reading.events_after`."""
        with self._reading() as now:
            return now.events_after(sequence, limit=limit)

    def newest_sequence(self) -> int:
        """See `Reading.newest_sequence`."""
        with self._reading() as now:
            return now.newest_sequence()

    def terminals(self) -> Mapping[str, Terminal]:
        """See `Reading.terminals`."""
        with self._reading() as now:
            return now.terminals()

    def evidence(self, number: str) -> Sequence[Evidence]:
        """See `Reading.evidence`."""
        with self._reading() as now:
            return now.evidence(number)

    def picture(self, ident: str) -> Evidence:
        """See `Reading.picture`."""
        with self._reading() as now:
            return now.picture(ident)

    def kept(self, *, since: datetime | None = None, until: datetime | None = None) -> Sequence[CaseKept]:
        """See `Reading.kept`."""
        with self._reading() as now:
            return now.kept(since=since, until=until)

    def has_sighting(self, sighting: str) -> bool:
        """See `Reading.has_sighting`."""
        with self._reading() as now:
            return now.has_sighting(sighting)

    def camera_state(self, camera: str) -> CameraState | None:
        """See `Reading.camera_state`."""
        with self._reading() as now:
            return now.camera_state(camera)

    def health(self, *, camera: str | None = None, lasting: bool = False, limit: int = 200) -> Sequence[HealthEvent]:
        """See `Reading.health`."""
        with self._reading() as now:
            return now.health(camera=camera, lasting=lasting, limit=limit)

    def health_event(self, ident: str) -> HealthEvent:
        """See `Reading.health_event`."""
        with self._reading() as now:
            return now.health_event(ident)

    def camera_reference(self, camera: str) -> str:
        """See `Reading.camera_reference`."""
        with self._reading() as now:
            return now.camera_reference(camera)

    def outbox(self, *, limit: int = 100) -> Sequence[OutboxMessage]:
        """See `Reading.outbox`."""
        with self._reading() as now:
            return now.outbox(limit=limit)

    def site_documents(self) -> Mapping[str, str]:
        """See `Reading.site_documents`."""
        with self._reading() as now:
            return now.site_documents()

    def site_version(self) -> int:
        """See `Reading.site_version`."""
        with self._reading() as now:
            return now.site_version()

    def categories_used(self) -> frozenset[str]:
        """See `Reading.categories_used`."""
        with self._reading() as now:
            return now.categories_used()

    @contextmanager
    def _reading(self) -> Iterator[SqlReading]:
        try:
            with reading(self._engine) as connection:
                yield SqlReading(connection)
        except SQLAlchemyError as error:
            raise StorageError(self._where, _reason(error)) from error

    def _retried(self, attempt: Callable[[], T]) -> T:
        for number in range(1, MOST_ATTEMPTS + 1):
            try:
                return attempt()
            except DBAPIError as error:
                if not is_conflict(error):
                    raise StorageError(self._where, _reason(error)) from error
                if number == MOST_ATTEMPTS:
                    raise BusyError(MOST_ATTEMPTS, _reason(error)) from error
            except SQLAlchemyError as error:
                raise StorageError(self._where, _reason(error)) from error
            # Waits grow and differ, so that writers who met do not meet again.
            time.sleep(_FIRST_PAUSE_S * 2**number * random.random())  # noqa: S311 - jitter, not a secret
        raise AssertionError(MOST_ATTEMPTS)


def _reason(error: SQLAlchemyError) -> str:
    """Return the driver's own first line: the statement's values may hold people's words."""
    lines = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
