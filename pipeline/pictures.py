"""Pictures as bytes: a JPEG's or PNG's size read from its header, and bounded decoding. Knows no camera's meaning."""

import struct
from collections.abc import Iterator

import cv2
import numpy as np

from models.detector import Image
from pipeline.source_errors import FrameUnreadableError, require_size

MOST_BYTES = 10 * 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"
# Start-of-frame markers carry the size; C4, C8 and CC in that range are tables.
_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA


def decode_picture(data: bytes, *, camera: str, what: str = "the picture") -> Image:
    """Return the picture, uint8 (height, width, 3) BGR; its size is checked before a pixel is decoded.

    Args:
        data: a whole JPEG or PNG file, at most 10 MiB.
        camera: named in errors.
        what: what the bytes are, for errors.

    Raises:
        FrameUnreadableError: too many bytes, another format, cut off, or damaged.
        FrameTooLargeError: more pixels than are taken.
    """
    if len(data) > MOST_BYTES:
        raise FrameUnreadableError(camera, what, reason=f"it has {len(data)} bytes, more than the {MOST_BYTES} taken")
    size = picture_size(data)
    if size is None:
        raise FrameUnreadableError(camera, what, reason=f"its {len(data)} bytes have no JPEG or PNG header")
    require_size(camera, *size)
    if data.startswith(_JPEG) and _JPEG_END not in data[-4096:]:
        raise FrameUnreadableError(camera, what, reason=f"the JPEG of {len(data)} bytes is cut off")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise FrameUnreadableError(camera, what, reason=str(error.err)) from error
    if image is None:
        raise FrameUnreadableError(camera, what, reason="its header is right but its pixels do not decode")
    return np.asarray(image, np.uint8)


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels from a PNG's or JPEG's header, None if it is neither."""
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and len(data) >= 24:  # noqa: PLR2004 - signature, length, IHDR, sizes
        width, height = struct.unpack(">II", data[16:24])
        return (width, height) if width and height else None
    if data.startswith(_JPEG):
        return next(_jpeg_sizes(data), None)
    return None


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
