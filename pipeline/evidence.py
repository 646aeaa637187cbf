"""Evidence: pictures as files below one folder, named by their content. Owns no row; `casebook` knows the rest.

An original is kept only in a safe, encrypted; without one it is not kept at all.

A file is written beside its place, synced and renamed, and its folder is synced too: once `put` returns, the picture
outlives a power cut. The row that names it is stored afterwards, so no row ever lacks its file.
"""

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.cameras import CAMERA_CODE
from pipeline.errors import PipelineError, UnknownError
from pipeline.safe import Safe, UnsealError
from pipeline.sightings import View

MOST_BYTES = 20_000_000
SETTLE_S = 3600.0
_JPEG_START = b"\xff\xd8\xff"
_DAY = re.compile(r"\d{8}")


class EvidenceError(PipelineError):
    """A picture cannot be stored or found."""

    def __init__(self, what: str, problem: str, expected: str) -> None:
        super().__init__(f"picture {what!r} {problem}; expected {expected}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredView:
    """Where a picture lies: its path below the evidence folder, with forward slashes, and its SHA-256."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOriginal:
    """Where a sealed original lies, and the SHA-256 of the picture that is in it."""

    path: str
    sha256: str


class EvidenceUnwritableError(EvidenceError):
    """The disk refuses a picture; nothing is left of it, and it may be tried again."""

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(path, f"cannot be written: {error.strerror}", "room and rights on its disk")


class EvidenceStore:
    """The evidence folder of a site; several processes may write to it.

    Args:
        root: the folder.
        safe: seals originals; None where they are not kept.
    """

    def __init__(self, root: Path, *, safe: Safe | None = None) -> None:
        self._root, self._safe = root, safe

    def put(self, view: View, *, camera: str, sighting: str) -> StoredView:
        """Store a picture; the same picture again is the same file.

        Raises:
            EvidenceError: it is no JPEG, is too large, or the camera's code cannot be a folder.
            EvidenceUnwritableError: the disk refuses it.
        """
        self._check(view, camera, sighting)
        digest = hashlib.sha256(view.jpeg).hexdigest()
        day = view.captured_at.strftime("%Y%m%d")
        path = f"{camera}/{day}/{digest}.jpg"
        target = self._root / path
        try:
            if target.is_file():
                os.utime(target)  # it is wanted again: the sweep leaves it for a while
            else:
                _write(target, view.jpeg)
        except OSError as error:
            raise EvidenceUnwritableError(path, error) from error
        return StoredView(path=path, sha256=digest)

    def seal(self, view: View, *, camera: str, sighting: str) -> StoredOriginal | None:
        """Store a picture's original encrypted; None where there is none, or no safe.

        The nonce is random, so the same original again is another file; nothing names the one before, and the sweep
        of retention takes it away.

        Raises:
            EvidenceError, EvidenceUnwritableError: see `put`.
            KeyFileError: the key cannot be read or made.
        """
        if self._safe is None or view.original is None:
            return None
        self._check(replace(view, jpeg=view.original), camera, sighting)
        digest = hashlib.sha256(view.original).hexdigest()
        sealed = self._safe.seal(view.original, about=_about(sighting, view.label, digest))
        path = f"{camera}/{view.captured_at.strftime('%Y%m%d')}/{hashlib.sha256(sealed).hexdigest()}.sealed"
        try:
            _write(self._root / path, sealed)
        except OSError as error:
            raise EvidenceUnwritableError(path, error) from error
        return StoredOriginal(path=path, sha256=digest)

    def unseal(self, path: str, *, sighting: str, label: str, sha256: str) -> bytes:
        """Return an original.

        Raises:
            EvidenceError, UnknownError: see `open`.
            UnsealError: it was changed, or its key is not there.
            KeyFileError: the keys cannot be read.
        """
        if self._safe is None:
            raise UnsealError(sighting, "needs a key file, and this process was given none")
        content = self._safe.open(self.open(path), about=_about(sighting, label, sha256))
        if hashlib.sha256(content).hexdigest() != sha256:
            raise UnsealError(sighting, "is not the picture that was sealed")
        return content

    def erase(self, path: str) -> None:
        """Delete a picture's file, and its folder if it was the last; one that is gone already is left so.

        Raises:
            EvidenceError: the path leads out of the folder, or the disk refuses.
        """
        target = self._inside(path)
        try:
            target.unlink(missing_ok=True)
            if target.parent.is_dir():
                _sync_folder(target.parent)
            with suppress(OSError):  # other pictures of the day are there still
                target.parent.rmdir()
        except OSError as error:
            raise EvidenceError(path, f"cannot be erased: {error.strerror}", "rights on its disk") from error

    def days_before(self, day: str) -> Iterator[tuple[str, ...]]:
        """Yield the paths in each camera's folder of a day before one such as 20261123; drafts too.

        What was put there within the last hour is left out: its row may be on its way.
        """
        settled = time.time() - SETTLE_S
        for folder in sorted(self._root.glob("*/[0-9]*")):
            if folder.is_dir() and _DAY.fullmatch(folder.name) and folder.name < day:
                names = (each.name for each in _listed(folder) if _written_before(each, settled))
                yield tuple(f"{folder.parent.name}/{folder.name}/{name}" for name in names)

    def open(self, path: str) -> bytes:
        """Return a picture's bytes.

        Raises:
            EvidenceError: the path leads out of the folder.
            UnknownError: there is no such file.
        """
        target = self._inside(path)
        if not target.is_file():
            raise UnknownError("picture", path)
        return target.read_bytes()

    def _inside(self, path: str) -> Path:
        root = self._root.resolve()
        target = (root / path).resolve() if "\x00" not in path else root
        if not target.is_relative_to(root) or target == root:
            raise EvidenceError(path, "lies outside the evidence folder", "a path that `put` returned")
        return target

    def _check(self, view: View, camera: str, sighting: str) -> None:
        if not CAMERA_CODE.fullmatch(camera):
            raise EvidenceError(sighting, f"is of camera {camera!r}", "a code of letters, digits, dots and dashes")
        if not view.jpeg.startswith(_JPEG_START):
            raise EvidenceError(
                sighting, f"starts with {view.jpeg[:4].hex() or 'nothing'}", "JPEG, which starts ffd8ff"
            )
        if len(view.jpeg) > MOST_BYTES:
            raise EvidenceError(sighting, f"has {len(view.jpeg)} bytes", f"{MOST_BYTES} at most")


def _listed(folder: Path) -> list[Path]:
    """Return a folder's files; none if another process has removed it."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _written_before(file: Path, moment: float) -> bool:
    try:
        return file.stat().st_mtime < moment
    except FileNotFoundError:
        return False


def _write(target: Path, content: bytes) -> None:
    """Write a file that is either whole in its place or not there."""
    try:
        _write_once(target, content)
    except FileNotFoundError:  # an empty folder of an old day was removed between its making and its use
        _write_once(target, content)


def _write_once(target: Path, content: bytes) -> None:
    made = _missing_folders(target.parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    for folder in [target.parent, *(each.parent for each in made)]:
        _sync_folder(folder)


def _missing_folders(folder: Path) -> list[Path]:
    return [each for each in (folder, *folder.parents) if not each.exists()]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _about(sighting: str, label: str, sha256: str) -> str:
    return f"{sighting}|{label}|{sha256}"
