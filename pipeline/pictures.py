"""Pictures as bytes: a JPEG's or PNG's size read from its header, and bounded decoding. Knows no camera's meaning."""

import re
import struct
from collections.abc import Iterator
from itertools import islice

import cv2
import numpy as np

from models.detector import Image
from pipeline.png_files import SIGNATURE, PngError, bounded_png
from pipeline.source_errors import FrameUnreadableError, require_size

MOST_BYTES = 10 * 1024 * 1024
_JPEG = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"
# Start-of-frame markers carry the size; C4, C8 and CC in that range are tables.
_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_MARKER = re.compile(rb"\xff+[^\x00\xff]")
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
# A scan of 30 bytes costs the decoder a walk over all pixels.
_MOST_SCANS = 50


class JpegError(ValueError):
    """The file is no JPEG whose pixels can be decoded in bounded time."""


def decode_picture(data: bytes, *, camera: str, what: str = "the picture") -> Image:
    """Return the picture, uint8 (height, width, 3) BGR; its size and what it inflates to are checked first.

    Args:
        data: a whole JPEG or PNG file, at most 10 MiB.
        camera: named in errors.
        what: what the bytes are, for errors.

    Raises:
        FrameUnreadableError: too many bytes, another format, cut off, damaged, or more work than its pixels are worth.
        FrameTooLargeError: more pixels than are taken.
    """
    if len(data) > MOST_BYTES:
        raise FrameUnreadableError(camera, what, reason=f"it has {len(data)} bytes, more than the {MOST_BYTES} taken")
    size = picture_size(data)
    if size is None:
        raise FrameUnreadableError(camera, what, reason=f"its {len(data)} bytes have no JPEG or PNG header")
    require_size(camera, *size, what=what)
    try:
        bounded = bounded_png(data) if data.startswith(SIGNATURE) else _bounded_jpeg(data)
        image = cv2.imdecode(np.frombuffer(bounded, np.uint8), cv2.IMREAD_COLOR)
    except (PngError, JpegError) as error:
        raise FrameUnreadableError(camera, what, reason=str(error)) from error
    except cv2.error as error:
        raise FrameUnreadableError(camera, what, reason=str(error.err)) from error
    if image is None:
        raise FrameUnreadableError(camera, what, reason="its header is right but its pixels do not decode")
    return np.asarray(image, np.uint8)


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels from a PNG's or JPEG's header, None if it is neither."""
    if data.startswith(SIGNATURE) and data[12:16] == b"IHDR" and len(data) >= 24:  # noqa: PLR2004 - signature, length, IHDR, sizes
        width, height = struct.unpack(">II", data[16:24])
        return (width, height) if width and height else None
    if data.startswith(_JPEG):
        return next(_jpeg_sizes(data), None)
    return None


def _bounded_jpeg(data: bytes) -> bytes:
    """Return a JPEG that is whole and decodes in bounded time."""
    if _JPEG_END not in data[-4096:]:
        raise JpegError(f"the JPEG of {len(data)} bytes is cut off")
    if next(islice(_scans(data), _MOST_SCANS, None), None) is not None:
        raise JpegError(f"the JPEG has more than {_MOST_SCANS} scans; a progressive one has about ten")
    return data


def _scans(data: bytes) -> Iterator[int]:
    """Yield where each scan of a JPEG begins, up to its end: other pictures and films may follow that."""
    at = 2
    while (found := _MARKER.search(data, at)) is not None:
        marker, at = data[found.end() - 1], found.end()
        if marker == _JPEG_END[1]:
            return
        if marker == _SCAN:
            yield found.start()
        if marker not in _BARE_MARKERS:
            at += max(2, int.from_bytes(data[at : at + 2]))


def _jpeg_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    """Walk the segments before the first scan; each names its length, so that a hostile one only ends the walk."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - every marker starts so
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            at += 1
            continue
        if marker == _SCAN:
            return
        if marker in _SIZE_MARKERS:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            if width and height:
                yield width, height
            return
        at += 2 + max(2, struct.unpack(">H", data[at + 2 : at + 4])[0])
