"""The safe: originals of pictures, encrypted so that only a holder of the key file reads them. Owns keys and form.

AES-256-GCM from `cryptography`. A sealed file is `BGS1`, the key's id (8 bytes), a nonce (12 bytes) and the ciphertext;
what the picture belongs to is authenticated with it, so that a sealed file cannot be passed off as another's. The key
file lies beside the database, not beside the pictures, and holds one key a line, the last of which seals: a new key is
added by adding a line, an old one is taken away when nothing that it sealed is left.
"""

import base64
import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from pipeline.errors import PipelineError

MAGIC: Final = b"BGS1"
KEY_BYTES: Final = 32
_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_HEAD: Final = len(MAGIC) + _ID_BYTES + _NONCE_BYTES
_MOST_FILE_BYTES: Final = 100_000


class KeyFileError(PipelineError):
    """The file of keys cannot be used."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"the key file {path.name} {problem}; expected a line of {KEY_BYTES} bytes in base64 a key; restore it from"
            " where you keep it, since what it sealed cannot be read without it"
        )


class UnsealError(PipelineError):
    """A sealed picture cannot be opened."""

    def __init__(self, what: str, problem: str) -> None:
        super().__init__(f"the sealed original {what} {problem}; it was changed, or its key is not in the key file")


class KeyFile:
    """A file of keys, one a line, readable by its owner only; made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keys(self, *, make: bool) -> list[bytes]:
        """Return the keys in order; makes a first one if there is no file and `make` says so.

        Raises:
            KeyFileError: they cannot be read or made.
        """
        if make and not self._path.exists():
            self._make()
        try:
            if self._path.stat().st_size > _MOST_FILE_BYTES:
                raise KeyFileError(self._path, f"has more than {_MOST_FILE_BYTES} bytes")
            lines = self._path.read_text(encoding="ascii").split()
            keys = [base64.b64decode(line, validate=True) for line in lines]
        except (OSError, ValueError) as error:
            raise KeyFileError(self._path, f"cannot be read: {error}") from error
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise KeyFileError(self._path, f"holds {len(keys)} keys, of {sorted({len(key) for key in keys})} bytes")
        return keys

    def _make(self) -> None:
        """Write a first key that only its owner can read, whole or not at all; another process may be quicker."""
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(draft, self._path)
        except OSError as error:
            raise KeyFileError(self._path, f"cannot be made: {error}") from error
        finally:
            draft.unlink(missing_ok=True)


class Safe:
    """Seals and opens with the keys of one file, which is made when it is first needed.

    Args:
        path: of the file; several processes, and machines by a copy of it, may share it.
    """

    def __init__(self, path: Path) -> None:
        self._file = KeyFile(path)

    def seal(self, content: bytes, *, about: str) -> bytes:
        """Return the content encrypted.

        Args:
            content: what is sealed.
            about: what it belongs to; opening it needs the same words.

        Raises:
            KeyFileError: the keys cannot be read or made.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._file.keys(make=True)[-1]
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return MAGIC + _id(key) + nonce + AESGCM(key).encrypt(nonce, content, about.encode())

    def open(self, sealed: bytes, *, about: str) -> bytes:
        """Return what was sealed.

        Raises:
            KeyFileError: the keys cannot be read.
            UnsealError: it is no sealed file, was changed, belongs to something else, or its key is gone.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(sealed) < _HEAD or not sealed.startswith(MAGIC):
            raise UnsealError(about, f"starts with {sealed[:4].hex() or 'nothing'}, not {MAGIC.hex()}")
        ident = sealed[len(MAGIC) : len(MAGIC) + _ID_BYTES]
        key = next((each for each in self._file.keys(make=False) if _id(each) == ident), None)
        if key is None:
            raise UnsealError(about, f"was sealed with key {ident.hex()}, which is not there")
        try:
            nonce = sealed[_HEAD - _NONCE_BYTES : _HEAD]
            opened: bytes = AESGCM(key).decrypt(nonce, sealed[_HEAD:], about.encode())
        except InvalidTag as error:
            raise UnsealError(about, "does not come out as it went in") from error
        return opened


def _id(key: bytes) -> bytes:
    return hashlib.sha256(b"beatgrid key" + key).digest()[:_ID_BYTES]
