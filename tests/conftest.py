"""What every test shares: where the real test material lies."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from databases import Postgres

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))  # for what several test folders share, such as small_site.py


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real weights, video, ground truth and boundaries; skip where it is absent."""
    base = Path(os.environ.get("BEATGRID_SHARED", ROOT.parent / "shared"))
    if not (base / "data" / "README.md").is_file():
        pytest.skip(f"no test material at {base / 'data'}; set BEATGRID_SHARED to the folder that holds data/")
    return base / "data"


@pytest.fixture(scope="session")
def sample_site() -> Path:
    """Return the folder of the sample site."""
    return ROOT / "boundaries" / "yingpu"


@pytest.fixture(scope="session")
def postgres() -> Iterator["Postgres"]:
    """Start PostgreSQL once; skip where it cannot run."""
    from databases import postgres_servers

    yield from postgres_servers()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a database without rows, of each kind that the casebook knows."""
    if request.param == "sqlite":
        from databases import sqlite_url

        yield sqlite_url(tmp_path)
        return
    with request.getfixturevalue("postgres").database(migrated=True) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a database without tables, of each kind that the casebook knows."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'beatgrid.db'}"
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url
