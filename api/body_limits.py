"""How large a request may be: counted as it arrives, refused before it is stored. Pure ASGI, no route knowledge."""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FRAME_BYTES: Final = 11 * 2**20  # the frame desk takes pictures of 10 MiB; the rest is the form around it
PICTURED: Final = frozenset({"/api/v1/frames", "/api/v1/reports"})
TABLE_BYTES: Final = 8 * 2**20  # a CSV of everything that a large city has of one kind
POSITIONS: Final = "/api/v1/positions"
MOVES_BYTES: Final = 2 * 2**20  # ten thousand positions
OTHER_BYTES: Final = 64 * 2**10
# After a refusal the rest is read and dropped, up to here, so that a client that is still sending gets to read why.
_DRAIN_BYTES: Final = 256 * 2**20
_DRAIN_S: Final = 10.0


class BodyTooLargeError(HTTPException):
    """The request's body is over its limit."""

    def __init__(self, limit: int, stated: int | None) -> None:
        seen = f"{stated} bytes" if stated is not None else "larger"
        super().__init__(413, f"the body is {seen}; at most {limit} bytes are taken here; send a smaller one")


class BodyLimits:
    """Middleware that refuses bodies over `limit_of(path)` bytes."""

    def __init__(self, app: ASGIApp, limit_of: Callable[[str], int]) -> None:
        self.app = app
        self.limit_of = limit_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, its body counted."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(receive, send, limit=self.limit_of(scope["path"]), stated=_stated_length(scope))
        await self.app(scope, body.receive, body.send)


def _stated_length(scope: Scope) -> int | None:
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(value) if value.isdigit() else None


class _Body:
    """One request's body: counts what arrives, and drains what is left behind a refusal."""

    def __init__(self, receive: Receive, send: Send, *, limit: int, stated: int | None) -> None:
        self._receive, self._send = receive, send
        self._limit, self._stated = limit, stated
        self._taken = 0
        self._over = False

    async def receive(self) -> Message:
        if self._stated is not None and self._stated > self._limit:
            self._over = True
            raise BodyTooLargeError(self._limit, self._stated)
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        if self._taken > self._limit:
            self._over = True
            raise BodyTooLargeError(self._limit, None)
        return message

    async def send(self, message: Message) -> None:
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not (self._over and last):
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        await self._drain()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_DRAIN_S):
                dropped = 0
                while dropped < _DRAIN_BYTES:
                    message = await self._receive()
                    dropped += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return
        except TimeoutError:
            return


def limit_of(path: str) -> int:
    """Return the most bytes that a path takes."""
    takes_pictures = path.startswith("/api/v1/q/") and path.endswith("/reports")
    takes_pictures |= path.startswith("/q/") and path.count("/") == 2  # noqa: PLR2004 - /q/{code}, the form itself
    takes_pictures |= path.startswith("/terminal/") and "/cases/" in path
    takes_pictures |= path.startswith("/api/v1/cases/") and path.endswith("/pictures")
    if path in PICTURED or takes_pictures:
        return FRAME_BYTES
    if path == POSITIONS:
        return MOVES_BYTES
    return TABLE_BYTES if path.endswith(".csv") and path.startswith("/api/v1/") else OTHER_BYTES
