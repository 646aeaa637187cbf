"""A live server for the doors' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from live_console import LiveConsole, live_console

from pipeline.site import Site
from pipeline.site_files import read_site


@pytest.fixture(scope="session")
def yingpu(sample_site: Path) -> Site:
    """Read the sample site once."""
    return read_site(sample_site)


@pytest.fixture
def live(yingpu: Site, tmp_path: Path) -> Iterator[LiveConsole]:
    """Serve the sample site from an empty casebook."""
    with live_console(yingpu, tmp_path) as console:
        yield console
