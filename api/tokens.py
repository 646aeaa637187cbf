"""Tokens: who may come in, from a TOML file. Owns the file and the comparison; `auth` owns headers and cookies."""

import hashlib
import hmac
import os
import secrets
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from api.errors import TokenFileError
from pipeline.attribution import SubjectKind
from pipeline.principal import Principal, Right, Role
from pipeline.site import Site

SHORTEST_TOKEN = 16
_MOST_FILE_BYTES = 1_000_000
_KEYS = frozenset({"name", "role", "token", "sha256", "terminal", "grids", "rights", "speaks_for"})
_HEAD = """\
# Who may come in. Each has a name, a role (admin, dispatcher, analyst, force, ingest), a token, and may have
# `terminal` (a force acts for it) and `grids` (the rows it may see; all if absent).
# `rights = ["open-originals"]` lets somebody open the sealed originals of evidence, each time with a reason.
# `speaks_for = ["unit:CODE", "grid:CODE", "department:CODE", "force:NUMBER"]` lets its judged appeal published figures.
# `sha256 = "…"` (of the token) may stand in place of `token`. Keep this file to yourself.
"""


def digest_of(token: str) -> str:
    """Return the token's SHA-256 in hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One way in.

    Attributes:
        sha256: of the token, in lower-case hexadecimal digits.
        secret: the token itself where the file has it, for printing log-in links; never shown by repr.
    """

    principal: Principal
    sha256: str
    secret: str | None = None

    def __repr__(self) -> str:
        return f"Token({self.principal.name!r}, {self.principal.role})"


@dataclass(frozen=True, slots=True)
class TokenBook:
    """All tokens of a site."""

    tokens: tuple[Token, ...]

    def find(self, given: str) -> Principal | None:
        """Return who holds the token; compares with every one, in constant time each."""
        digest = digest_of(given)
        found = None
        for token in self.tokens:
            if hmac.compare_digest(digest, token.sha256):
                found = token.principal
        return found

    @classmethod
    def load_or_make(cls, path: Path, *, site: Site) -> Self:
        """Read the file; where there is none yet, write one with a token for each desk role and each terminal.

        Raises:
            TokenFileError: the file has a fault.
        """
        if not path.exists():
            with suppress(FileExistsError):  # another process was quicker; its file counts
                write_tokens(path, first_tokens(site.roster.by_terminal()))
        return cls(read_tokens(path).tokens)


def new_token(principal: Principal) -> Token:
    """Return a fresh token of 192 random bits for someone."""
    secret = secrets.token_urlsafe(24)
    return Token(principal=principal, sha256=digest_of(secret), secret=secret)


def read_tokens(path: Path) -> TokenBook:
    """Read a file of tokens.

    Raises:
        TokenFileError: naming the entry and the field that is wrong.
    """
    if path.stat().st_size > _MOST_FILE_BYTES:
        raise TokenFileError(path, f"is larger than {_MOST_FILE_BYTES} bytes")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TokenFileError(path, f"is not TOML: {error}") from error
    entries = content.get("token", [])
    if not isinstance(entries, list) or not entries:
        raise TokenFileError(path, "has no [[token]] entry")
    return TokenBook(tuple(_token(path, place, entry) for place, entry in enumerate(entries, start=1)))


def _token(path: Path, place: int, entry: object) -> Token:
    if not isinstance(entry, dict):
        raise TokenFileError(path, f"token {place} is {entry!r}, not a table")
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise TokenFileError(path, f"token {place} has unknown fields {', '.join(unknown)}")
    principal = _principal(path, place, entry)
    secret, digest = _text(path, place, entry, "token"), _text(path, place, entry, "sha256").lower()
    if bool(secret) == bool(digest):
        raise TokenFileError(path, f"token {place} ({principal.name}) needs either token or sha256, not both or none")
    if secret and len(secret) < SHORTEST_TOKEN:
        raise TokenFileError(path, f"token {place} ({principal.name}) is shorter than {SHORTEST_TOKEN} characters")
    if digest and (len(digest) != len(digest_of("")) or not set(digest) <= set("0123456789abcdef")):
        raise TokenFileError(path, f"token {place} ({principal.name}) has a sha256 that is not 64 hexadecimal digits")
    return Token(principal=principal, sha256=digest or digest_of(secret), secret=secret or None)


def _principal(path: Path, place: int, entry: Mapping[str, object]) -> Principal:
    name, role = _text(path, place, entry, "name"), _text(path, place, entry, "role")
    if not name:
        raise TokenFileError(path, f"token {place} has no name")
    allowed = sorted(set(Role) - {Role.SYSTEM})
    if role not in allowed:
        raise TokenFileError(path, f"token {place} ({name}) has role {role!r}, not one of {', '.join(allowed)}")
    terminal = _text(path, place, entry, "terminal") or None
    if role == Role.FORCE and terminal is None:
        raise TokenFileError(path, f"token {place} ({name}) is a force but has no terminal")
    grids = entry.get("grids")
    if grids is not None and not (isinstance(grids, list) and grids and all(isinstance(each, str) for each in grids)):
        raise TokenFileError(path, f"token {place} ({name}) has grids {grids!r}, not a list of codes")
    reach = frozenset(str(grid) for grid in grids) if grids is not None else None
    return Principal(
        name=name,
        role=Role(role),
        terminal=terminal,
        grids=reach,
        rights=_rights(path, place, entry),
        speaks_for=_speaks_for(path, place, entry),
    )


def _rights(path: Path, place: int, entry: Mapping[str, object]) -> frozenset[Right]:
    given = entry.get("rights", [])
    if not isinstance(given, list) or not set(map(str, given)) <= set(Right):
        raise TokenFileError(path, f"token {place} has rights {given!r}, not a list of {', '.join(Right)}")
    return frozenset(Right(each) for each in given)


def _speaks_for(path: Path, place: int, entry: Mapping[str, object]) -> frozenset[str]:
    given = entry.get("speaks_for", [])
    kinds = {kind.value for kind in SubjectKind} - {SubjectKind.SITE.value}
    if not isinstance(given, list) or not all(
        isinstance(each, str) and each.partition(":")[0] in kinds and each.partition(":")[2] for each in given
    ):
        expected = f"a list of texts such as 'unit:CODE', of {', '.join(sorted(kinds))}"
        raise TokenFileError(path, f"token {place} has speaks_for {given!r}, not {expected}")
    return frozenset(given)


def _text(path: Path, place: int, entry: Mapping[str, object], field: str) -> str:
    value = entry.get(field, "")
    if not isinstance(value, str):
        raise TokenFileError(path, f"token {place} has {field} {value!r}, not a text")
    return value.strip()


def write_tokens(path: Path, tokens: Iterable[Token]) -> TokenBook:
    """Write a new file of tokens that only its owner can read; it appears whole or not at all.

    Raises:
        FileExistsError: there is one already; it is left alone.
    """
    book = TokenBook(tuple(tokens))
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".tokens-")  # mkstemp's files are the owner's alone
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_HEAD + "".join(_entry(token) for token in book.tokens))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        Path(draft).unlink()
    return book


def _entry(token: Token) -> str:
    who = token.principal
    lines = ["", "[[token]]", f"name = {_quoted(who.name)}", f"role = {_quoted(who.role)}"]
    lines.append(f"token = {_quoted(token.secret)}" if token.secret else f"sha256 = {_quoted(token.sha256)}")
    if who.terminal is not None:
        lines.append(f"terminal = {_quoted(who.terminal)}")
    if who.grids is not None:
        lines.append(f"grids = [{', '.join(_quoted(grid) for grid in sorted(who.grids))}]")
    if who.speaks_for:
        lines.append(f"speaks_for = [{', '.join(_quoted(each) for each in sorted(who.speaks_for))}]")
    if who.rights:
        lines.append(f"rights = [{', '.join(_quoted(right) for right in sorted(who.rights))}]")
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    kept = "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in escaped)
    return f'"{kept}"'


def first_tokens(terminals: Iterable[str]) -> tuple[Token, ...]:
    """Return fresh tokens for a new site: an administrator, a duty desk, an analyst, the feed, each terminal."""
    desk = [
        Principal(name="administrator", role=Role.ADMIN),
        Principal(name="duty desk", role=Role.DISPATCHER),
        Principal(name="analyst", role=Role.ANALYST),
        Principal(name="camera feed", role=Role.INGEST),
    ]
    forces = [Principal(name=each, role=Role.FORCE, terminal=each) for each in sorted(set(terminals))]
    return tuple(new_token(principal) for principal in (*desk, *forces))
