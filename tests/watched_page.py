"""A browser context in which nothing may go wrong unseen: errors and requests to elsewhere are kept for the test."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from live_console import NOON, LiveConsole, secret_of
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from pipeline.principal import Principal


class Watch:
    """What went wrong on a page."""

    def __init__(self, page: Page, own: str, *, lossy: bool = False) -> None:
        self.faults: list[str] = []
        self._own = own
        # A request that the test itself cuts off is an error to the browser, and none to the page.
        self._told = r"status of 4|Error Code 4" + (
            r"|status of 503|net::ERR_(INTERNET_DISCONNECTED|FAILED)|htmx:(afterRequest|sendError)" if lossy else ""
        )
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        # A refused step is shown to the person; the browser writes its status to the console as well.
        if message.type in {"error", "warning"} and not re.search(self._told, message.text):
            self.faults.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self._own, "data:", "blob:")):
            self.faults.append(f"asked {request.url}")


@contextmanager
def watched(
    browser: Browser,
    live: LiveConsole,
    who: Principal,
    *,
    size: tuple[int, int] = (1440, 900),
    lossy: bool = False,
    **settings: object,
) -> Iterator[Page]:
    """Open a logged-in page; at the end nothing may have gone wrong on it but what a lossy test cut off."""
    context: BrowserContext = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        **{"locale": "en-GB", "reduced_motion": "reduce", **settings},  # type: ignore[arg-type]  # passed on
    )
    context.add_cookies([{"name": "beatgrid", "value": secret_of(who), "url": live.url}])
    page = context.new_page()
    page.clock.install(time=NOON)
    watch = Watch(page, live.url, lossy=lossy)
    try:
        yield page
        assert not watch.faults, watch.faults
    finally:
        context.close()


def opened(page: Page, live: LiveConsole, path: str) -> Page:
    """Go to a page and wait until its scripts are ready and its stream is open."""
    page.goto(live.url + path)
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector("[data-live=on]")
    return page


def too_wide(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
