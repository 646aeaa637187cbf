"""A real Chromium for the page tests."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_console import LiveConsole, live_console
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pipeline.site import Site
from pipeline.site_files import read_site

expect.set_options(timeout=20_000)  # Playwright's 5 s are a time that a busy machine does not keep
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Return the path of Chromium from $BEATGRID_CHROMIUM or the PATH; skip where there is none."""
    named = os.environ.get("BEATGRID_CHROMIUM")
    found = named or next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no {', '.join(_NAMES)} on the PATH; install Debian's chromium or set BEATGRID_CHROMIUM")
    return found


# Playwright keeps an event loop running in this thread while it is open: closed with each file's tests, it cannot
# stand in the way of tests elsewhere that start their own.
@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Start one headless Chromium for a file's tests."""
    with sync_playwright() as playwright:
        # Without a sandbox: in containers the kernel often refuses one, and only our own pages are opened.
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        started = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a page of 1280 by 800 in a context of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def yingpu(sample_site: Path) -> Site:
    """Read the sample site once."""
    return read_site(sample_site)


@pytest.fixture
def live(yingpu: Site, tmp_path: Path) -> Iterator[LiveConsole]:
    """Serve the sample site from an empty casebook."""
    with live_console(yingpu, tmp_path) as console:
        yield console
