"""The casebook on SQLite or PostgreSQL: opens, reads, writes with bounded retries. Statements are next door."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from geo.coords import LonLat
from pipeline.casebook import (
    AlreadyTakenError,
    Asking,
    BusyError,
    CameraState,
    CaseFilter,
    CaseKept,
    Evidence,
    Near,
    OutboxMessage,
    Page,
    StorageError,
    Transaction,
)
from pipeline.cases import Case, Event
from pipeline.group_commit import GroupCommit, Job
from pipeline.health_events import HealthEvent
from pipeline.history import Entry
from pipeline.sql_batch import SqlBatch
from pipeline.sql_board import BoardKeeper
from pipeline.sql_duties import SqlDutyReading
from pipeline.sql_engine import drop_deleted, is_conflict, migrate, open_engine, reading, writing
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
        self._keeper = BoardKeeper()
        self._group = GroupCommit(self._carry_out)

    def migrate(self) -> None:
        """Bring the tables to the newest revision.

        Raises:
            StorageError, BusyError: it could not be done; nothing was changed.
        """
        self._retried(lambda: migrate(self._engine))

    def write(self, work: Callable[[Transaction], T], *, near: Sequence[Near] = ()) -> T:
        """Run a write, again after a conflict; all of it is stored or nothing.

        Writes that arrive at once from several threads share a transaction; each sees those before it. What they are
        going to ask `similar` for (`near`) is asked for all of them together.

        Raises:
            BusyError: other writers held the casebook in every attempt.
            StorageError: the database failed.
        """
        return self._group.write(work, ahead=near)

    def read(self, question: Callable[[Asking], T]) -> T:
        """Ask several things of one moment.

        Raises:
            StorageError: the database failed.
        """
        with self._reading() as now:
            return question(now)

    def scrub(self) -> None:
        """Have what was deleted dropped from the database's files: SQLite's log, PostgreSQL's dead rows.

        Raises:
            StorageError: the database failed; what was deleted is deleted all the same.
        """
        try:
            drop_deleted(self._engine)
        except SQLAlchemyError as error:
            raise StorageError(self._where, _reason(error)) from error

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()

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

    def conditions_used(self) -> frozenset[tuple[str, int]]:
        """See `Reading.conditions_used`."""
        with self._reading() as now:
            return now.conditions_used()

    def _carry_out(self, jobs: Sequence[Job[Any]]) -> None:
        """Carry out a group of writes in one transaction; where that does not go, each in its own."""
        if len(jobs) > 1:
            try:
                outcomes = self._retried(lambda: self._together(jobs))
            except (_SpoiltError, StorageError, AlreadyTakenError):
                pass  # one of them fails in the database: each alone says which
            else:
                for job, outcome in zip(jobs, outcomes, strict=True):
                    job.fail(outcome.error) if outcome.error is not None else job.succeed(outcome.value)
                return
        for job in jobs:
            try:
                job.succeed(self._retried(partial(self._alone, job)))
            except Exception as error:  # noqa: BLE001 - whatever it is, its own caller gets it
                job.fail(error)

    def _alone(self, job: Job[T]) -> T:
        with self._batch() as batch:
            batch.look_ahead(job.ahead)
            return job.work(batch)

    def _together(self, jobs: Sequence[Job[Any]]) -> list["_Outcome"]:
        """Run jobs one after the other in one transaction; what a refused one did in memory is taken back.

        Raises:
            _SpoiltError: a refused one had left memory.
        """
        outcomes = []
        with self._batch() as batch:
            batch.look_ahead([near for job in jobs for near in job.ahead])
            for job in jobs:
                batch.begin_job()
                try:
                    outcomes.append(_Outcome(value=job.work(batch)))
                except SQLAlchemyError:
                    raise
                except Exception as error:
                    if batch.left_memory:
                        raise _SpoiltError from error
                    batch.undo_job()
                    outcomes.append(_Outcome(error=error))
        return outcomes

    @contextmanager
    def _batch(self) -> Iterator[SqlBatch]:
        """Open a write transaction; the board forgets what was not committed."""
        try:
            with writing(self._engine) as connection:
                batch = SqlBatch(connection, self._keeper)
                yield batch
                batch.flush()
            batch.committed()
        except BaseException:
            self._keeper.forget()
            raise

    @contextmanager
    def _reading(self) -> Iterator[SqlDutyReading]:
        try:
            with reading(self._engine) as connection:
                yield SqlDutyReading(connection)
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


class _SpoiltError(Exception):
    """A job of a group was refused after it had written to the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What came of one job of a group."""

    value: Any = None
    error: Exception | None = None


def _reason(error: SQLAlchemyError) -> str:
    """Return the driver's own first line: the statement's values may hold people's words."""
    lines = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
