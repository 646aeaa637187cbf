"""Errors for people: a page in place of a problem document, where a browser asked for a page."""

from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.rendering import render


def wants_page(request: Request) -> bool:
    """Tell whether a person navigates: not an API path, not a fragment, and HTML is accepted."""
    if request.url.path.startswith("/api/") or "hx-request" in request.headers:
        return False
    return "text/html" in request.headers.get("accept", "")


def error_page(request: Request, status: HTTPStatus, detail: str, *, log_in: bool = False) -> Response:
    """Return a page that says what is wrong, or the way to the log-in."""
    if log_in:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/login?" + urlencode({"next": target}), status_code=303)
    values = {"status": int(status), "title": status.phrase, "detail": detail}
    return render(request, "error.html", values, status=int(status))
