"""The doors' own errors: log-in, rows out of reach, requests that no service below would see."""

from collections.abc import Collection
from pathlib import Path


class ApiError(Exception):
    """A request cannot be served; the message says what to do next."""


class NotLoggedInError(ApiError):
    """The request carries no token, or one that nobody holds."""

    def __init__(self, *, given: bool) -> None:
        self.given = given
        seen = "the token is not known here" if given else "the request carries no token"
        super().__init__(f"{seen}; send `Authorization: Bearer TOKEN`, or log in at /login")


class CrossSiteError(ApiError):
    """A page of another origin tried to act with this browser's log-in."""

    def __init__(self, origin: str | None, host: str | None) -> None:
        super().__init__(
            f"a changing request with a log-in cookie came from {origin or 'an unnamed origin'}, not from {host};"
            " act from this console's own pages, or send the token as `Authorization: Bearer`"
        )


class OutOfReachError(ApiError):
    """A row lies outside what the principal may see."""

    def __init__(self, who: str, what: str, reach: Collection[str]) -> None:
        listed = ", ".join(sorted(reach)) or "nothing"
        super().__init__(f"{who} may not see {what}; the token reaches {listed}; ask an administrator to widen it")


class FramesOffError(ApiError):
    """This server takes no frames because no detector runs in it."""

    def __init__(self) -> None:
        super().__init__("this server runs no detector, so it takes no frames; start it with `serve` and weights")


class PicturesOffError(ApiError):
    """This server takes no pictures from people, because nothing here finds who is in them."""

    def __init__(self) -> None:
        super().__init__(
            "this server runs no detector that knows people, so it cannot make them unreadable and takes no picture;"
            " send the report without one, or start the server with weights"
        )


class FramesFullError(ApiError):
    """More frames wait than there are places."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} frames wait already, which is the most; send fewer of them, or wait and send again")


class StreamsFullError(ApiError):
    """All places for listeners are taken."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} listeners are connected already, which is the most; close a page and try again")


class QueryFaultError(ApiError):
    """A query parameter cannot be read."""

    def __init__(self, name: str, value: str, *, expected: str) -> None:
        super().__init__(f"query parameter {name} is {value[:80]!r}; expected {expected}")


class TokenFileError(ApiError):
    """The file of tokens cannot be used."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}; correct the file, or delete it and `serve` writes a new one")


class AssetsMissingError(ApiError):
    """The JavaScript and CSS that npm installs are not there."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is missing; run `make setup`, or `npm ci && node api/web/vendor.mjs`")


class WrongCodeError(ApiError):
    """A page was asked for in a language or cut that it does not have."""

    def __init__(self, what: str, value: str, known: Collection[str]) -> None:
        super().__init__(f"no {what} {value[:40]!r}; known: {', '.join(sorted(known))}")
