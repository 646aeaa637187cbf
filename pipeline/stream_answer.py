"""What answers at a stream's address where no video does: asked once, after FFmpeg could make nothing of it."""

import base64
from http.client import HTTPException
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
)

WAIT_S: Final = 5.0
_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})
_TEXTS: Final = frozenset({"text/plain", "text/xml", "application/json", "application/xml"})


def no_video_at(target: str) -> str:
    """Return what an http(s) address answers with, in words, if that is a page or a text; empty if nothing is known.

    Only the answer's head is read. Redirections to other protocols are not followed.
    """
    if not target.lower().startswith(("http://", "https://")):
        return ""
    opener = OpenerDirector()
    for handler in (HTTPHandler, HTTPSHandler, HTTPRedirectHandler, HTTPErrorProcessor, HTTPDefaultErrorHandler):
        opener.add_handler(handler())
    try:
        with opener.open(_request(target), timeout=WAIT_S) as answer:
            kind = str(answer.headers.get_content_type())
            stated = answer.headers.get("Content-Type") is not None
    except (OSError, HTTPException, ValueError, AttributeError):  # what is not HTTP, or is refused
        return ""
    if not stated or kind not in _PAGES | _TEXTS:
        return ""
    what = "a web page" if kind in _PAGES else "a text"
    return f"{what} ({kind}) answers, no video; give the address of the stream itself, as the camera's manual has it"


def _request(target: str) -> Request:
    """Return a request with the name and password of an address, as FFmpeg sends them."""
    parts = urlsplit(target)
    place = parts.netloc.rpartition("@")[2]
    request = Request(parts._replace(netloc=place).geturl())  # noqa: S310 - http or https, checked above
    if parts.username is not None:
        words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", f"Basic {base64.b64encode(words.encode()).decode()}")
    return request
