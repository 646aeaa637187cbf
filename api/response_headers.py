"""The headers of every answer: what a page may load and who may frame it. Pure ASGI."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; frame-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
# The heatmap is one self-contained document with its scripts inside; it may run them, and reach nothing at all.
SELF_CONTAINED_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts"
)
_FILES: Final = ("/static/", "/vendor/")
_FIXED: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(self)",
}


class ResponseHeaders:
    """Middleware that adds the security headers; a route's own policy wins over the page's."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, its answer's headers completed."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _FIXED.items():
                    headers[name] = value
                headers.setdefault("content-security-policy", PAGE_POLICY)
                # Files are asked for again but not sent again while their tag is the same; all else is never kept.
                headers.setdefault("cache-control", "no-cache" if scope["path"].startswith(_FILES) else "no-store")
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
