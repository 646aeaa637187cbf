"""Log-in at the door: a bearer token or this console's cookie becomes a principal. `tokens` owns the file."""

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from api.errors import CrossSiteError, NotLoggedInError
from api.tokens import TokenBook
from pipeline.principal import Principal

COOKIE: Final = "beatgrid"
_COOKIE_AGE_S: Final = 30 * 24 * 3600
_MOST_TOKEN_CHARS: Final = 512
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def principal_of(request: HTTPConnection, tokens: TokenBook) -> Principal:
    """Return who asks; a header wins over the cookie.

    Raises:
        NotLoggedInError: no token, or an unknown one.
        CrossSiteError: a changing request by cookie does not come from this origin's own pages.
    """
    bearer = _bearer(request)
    if bearer is not None:
        return _known(bearer, tokens)
    cookie = request.cookies.get(COOKIE)
    if cookie is None:
        raise NotLoggedInError(given=False)
    principal = _known(cookie, tokens)
    if request.scope.get("method", "GET") not in _SAFE_METHODS:
        require_same_origin(request)
    return principal


def _bearer(request: HTTPConnection) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def _known(token: str, tokens: TokenBook) -> Principal:
    principal = tokens.find(token) if len(token) <= _MOST_TOKEN_CHARS else None
    if principal is None:
        raise NotLoggedInError(given=True)
    return principal


def require_same_origin(request: HTTPConnection) -> None:
    """Refuse a changing request unless the browser says that a page of this origin sent it.

    `Sec-Fetch-Site` decides where the browser sends it (HTTPS and localhost), else `Origin` must name this host.

    Raises:
        CrossSiteError: it comes from elsewhere, or says nothing.
    """
    host, origin = request.headers.get("host"), request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    own = site == "same-origin" if site is not None else origin is not None and urlsplit(origin).netloc == host
    if not own:
        raise CrossSiteError(origin or site, host)


def log_in(response: Response, token: str, *, secure: bool) -> None:
    """Set the cookie: out of scripts' reach, not sent along by other sites' requests."""
    response.set_cookie(COOKIE, token, max_age=_COOKIE_AGE_S, httponly=True, samesite="lax", secure=secure, path="/")


def log_out(response: Response) -> None:
    """Take the cookie away."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
