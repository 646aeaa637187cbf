"""Engines: how SQLite and PostgreSQL are opened, locked and migrated. Knows no table but the writers' queue."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from alembic.config import Config

BUSY_S = 5.0
_CONNECT_ATTEMPTS = 100
_POOL = {"pool_size": 8, "max_overflow": 40, "pool_timeout": 30.0}
_SERIALIZATION = {"40001", "40P01", "55P03"}  # serialization failure, deadlock, lock not available in time
# Three statements on one way to the server and back; none of them takes the snapshot yet.
_IN_TURN = (
    f"BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL lock_timeout = '{int(BUSY_S * 1000)}ms';"
    " LOCK TABLE write_queue IN EXCLUSIVE MODE"
)
_MIGRATION_LOCK = 0x62656174  # any constant; "beat"


class DatabaseUrlError(PipelineError):
    """The database's address cannot be used."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"the database address {url!r} {reason}; expected sqlite:///path/to/file.db"
            " or postgresql://user:password@host/database"
        )


def open_engine(url: str) -> Engine:
    """Return an engine whose transactions are begun by `reading` and `writing` alone.

    Raises:
        DatabaseUrlError: it is neither a SQLite file nor PostgreSQL, or PostgreSQL's driver is missing.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    return _postgresql(parsed)


def shown_url(url: str) -> str:
    """Return a database's address as it may be told: without the password."""
    return _parsed(url).render_as_string(hide_password=True)


def is_missing(url: str) -> bool:
    """Tell whether an address is of a SQLite file that is not there, and that opening it would make."""
    parsed = _parsed(url)
    return parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).exists()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection on which all statements see one state of the database."""
    with _begun(engine, "BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY") as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a connection that is the only writer until it ends; commits unless something is raised.

    SQLite takes its write lock at once. PostgreSQL queues its writers on a table's lock, taken before the transaction's
    snapshot, so that sequence numbers commit in order and a conflict is rare; SERIALIZABLE catches what remains.
    """
    with _begun(engine, "BEGIN IMMEDIATE", _IN_TURN) as connection:
        yield connection


def drop_deleted(engine: Engine) -> None:
    """Have deleted values leave the database's files: fold SQLite's log into the file, vacuum PostgreSQL's tables.

    While somebody reads an older state, SQLite keeps its log until the next call.
    """
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        for table in ("asides", "cases", "consultations", "evidence", "reports", "point_accounts", "point_claims"):
            connection.exec_driver_sql(f"VACUUM {table}")


def is_conflict(error: DBAPIError) -> bool:
    """Tell whether the same work may succeed when it is run again."""
    original: Any = error.orig
    if isinstance(original, sqlite3.OperationalError):
        return getattr(original, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return getattr(original, "sqlstate", None) in _SERIALIZATION


def alembic_config() -> "Config":
    """Return Alembic's configuration, set in code: the migrations lie in this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest revision; one process at a time, the others wait and find it done."""
    with migrating(engine) as connection:
        migrate_within(connection, "head")


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """Open a transaction in which tables may be changed; one process at a time."""
    with _begun(engine, "BEGIN IMMEDIATE", "BEGIN") as connection:
        if connection.dialect.name == "postgresql":
            # A restore unpacks pictures meanwhile, for longer than a writer may hang.
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        yield connection


def migrate_within(connection: Connection, revision: str) -> None:
    """Bring the tables to a revision, forth or back to `base`, in the transaction that is open.

    Raises:
        LookupError: this release has no such revision.
    """
    from alembic import command
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = alembic_config()
    config.attributes["connection"] = connection
    if revision == "base":
        command.downgrade(config, revision)
        return
    try:
        ScriptDirectory.from_config(config).get_revision(revision)
    except CommandError as error:
        raise LookupError(revision) from error
    command.upgrade(config, revision)


@contextmanager
def _begun(engine: Engine, on_sqlite: str, on_postgresql: str) -> Iterator[Connection]:
    """Begin and end a transaction by hand: the drivers' own begin comes too late, or not at all."""
    with engine.connect() as connection:
        connection.exec_driver_sql(on_sqlite if connection.dialect.name == "sqlite" else on_postgresql)
        try:
            yield connection
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            if not connection.invalidated:
                _roll_back(connection)
            raise


def _roll_back(connection: Connection) -> None:
    """End a failed transaction; a connection that cannot is thrown away, which ends it too."""
    try:
        connection.exec_driver_sql("ROLLBACK")
    except DBAPIError:
        connection.invalidate()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUrlError(url.rsplit("@", maxsplit=1)[-1], "is not an address") from error
    shown = parsed.render_as_string(hide_password=True)
    if parsed.drivername == "sqlite":
        if not parsed.database or parsed.database == ":memory:" or "mode=memory" in parsed.database:
            raise DatabaseUrlError(shown, "names no file, and several connections must share it")
        return parsed
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise DatabaseUrlError(shown, "is of an unknown kind")


def _sqlite(url: URL) -> Engine:
    Path(str(url.database)).expanduser().parent.mkdir(parents=True, exist_ok=True)
    # AUTOCOMMIT: sqlite3 itself never begins a transaction, so that "BEGIN IMMEDIATE" is what begins ours.
    engine = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"timeout": BUSY_S}, **_POOL)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    _write_ahead(connection)
    for pragma in ("foreign_keys = ON", "synchronous = FULL", f"busy_timeout = {int(BUSY_S * 1000)}"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL; SQLite does not wait for another process that is just doing the same."""
    for attempt in range(1, _CONNECT_ATTEMPTS + 1):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
            if not busy or attempt == _CONNECT_ATTEMPTS:
                raise
            time.sleep(BUSY_S / _CONNECT_ATTEMPTS)
        else:
            return


def _postgresql(url: URL) -> Engine:
    try:
        import psycopg  # noqa: F401 - only to say early and clearly that it is missing
    except ImportError as error:
        shown = url.render_as_string(hide_password=True)
        raise DatabaseUrlError(shown, 'needs the driver psycopg (pip install "beatgrid[postgres]")') from error
    # A writer that hangs inside its transaction is ended by the server, and the queue goes on.
    options = "-c idle_in_transaction_session_timeout=30000 -c timezone=UTC"
    return create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_pre_ping=True,
        connect_args={"options": options, "connect_timeout": 10},
        **_POOL,
    )
