"""Opening and replacing files of features: bounds on size, whole or not at all; owns no format."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from geo.boundaries import Fault
from geo.errors import FeatureFileError

MAX_BYTES: Final = 512 * 2**20


def checked_file(path: Path) -> Path:
    """Return the path of a file that exists and is not too large.

    Raises:
        FeatureFileError: there is no such file, or it is larger than 512 MB.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise _refused(path, f"{what}; expected a file; check the path {path}")
    check_size(path, path.stat().st_size)
    return path


def check_size(path: Path, size_bytes: int) -> None:
    """Refuse a file, or what an archive unpacks to, beyond 512 MB.

    Raises:
        FeatureFileError: it is larger.
    """
    if size_bytes > MAX_BYTES:
        limit = f"expected {MAX_BYTES / 2**20:.0f} MB at most"
        raise _refused(path, f"holds {size_bytes / 2**20:.0f} MB; {limit}; simplify or split it")


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, with or without a byte order mark.

    Raises:
        FeatureFileError: it is missing, too large, unreadable or not UTF-8.
    """
    try:
        return checked_file(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}; check the file's permissions") from error


def not_utf8(path: Path, error: UnicodeDecodeError) -> FeatureFileError:
    """Word the error for a text file in another encoding."""
    return _refused(path, f"is not UTF-8 (byte {error.start} is 0x{error.object[error.start]:02x}); save it as UTF-8")


def _refused(path: Path, problem: str) -> FeatureFileError:
    return FeatureFileError([Fault(file=path.name, feature="", field="", problem=problem)])


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 text file that takes the path's place only once it is written as a whole.

    Raises:
        FeatureFileError: the folder is missing or cannot be written to.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        stream = beside.open("x", encoding="utf-8", newline="")
    except OSError as error:
        raise _refused(path, f"cannot be written: {error.strerror}; check the folder {path.parent}") from error
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise
