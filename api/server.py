"""The server process: uvicorn, told to end the streams first when it is told to stop."""

import socket
from typing import Final

import uvicorn
from fastapi import FastAPI

from api.stream import Changes

_LAST_ANSWERS_S: Final = 5
_KEEP_ALIVE_S: Final = 20


class ConsoleServer(uvicorn.Server):
    """A server whose event streams do not keep it from stopping."""

    def __init__(self, app: FastAPI, *, host: str = "127.0.0.1", port: int = 8000) -> None:
        self._changes: Changes = app.state.changes
        # No access log: the address of a log-in link holds a token.
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                access_log=False,
                log_level="warning",
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_LAST_ANSWERS_S,
                lifespan="off",
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then let the other answers finish."""
        self._changes.close()
        await super().shutdown(sockets)
