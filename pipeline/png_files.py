"""PNG files as chunks: what of one a decoder needs, and whether its pixels are as many bytes as its header says.

Nothing is decoded here. A decoder inflates all that a file holds, also what no pixel comes of; a file of 1 MB can so
cost it seconds, whatever size it states.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
# Texts and profiles inflate too, and animations bring further pictures: none of it is a pixel of this one.
_NEEDED: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"})
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Adam7, ISO/IEC 15948:2004, 8.2: first column and row of each pass, and the steps between its columns and rows.
_PASSES: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_HEADER: Final = ">IIBBBBB"
_PIECE: Final = 16 * 1024
_MOST_OUT: Final = 64 * 1024


class PngError(ValueError):
    """The file is no PNG whose pixels can be decoded in bounded time."""


def bounded_png(data: bytes) -> bytes:
    """Return a PNG with only the chunks that its pixels need, none of which inflates past what its header says.

    Args:
        data: a file that begins with the signature.

    Raises:
        PngError: it is cut off, its header is damaged, or its pixels are more bytes than they can be.
    """
    kept: list[bytes] = [SIGNATURE]
    pixels: list[bytes] = []
    header = b""
    for kind, chunk in _chunks(data):
        if kind not in _NEEDED or (kind == b"IHDR" and header):
            continue
        kept.append(chunk)
        if kind == b"IHDR":
            header = chunk[8:-4]
        elif kind == b"IDAT":
            pixels.append(chunk[8:-4])
    _require_bounded(pixels, most=_pixel_bytes(header))
    return b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the whole of each chunk, the last one too."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            break
        yield kind, data[at:end]
        if kind == b"IEND":
            return
        at = end
    raise PngError(f"the PNG of {len(data)} bytes is cut off")


def _pixel_bytes(header: bytes) -> int:
    """Return how many bytes the pixels take before they are deflated: rows, each with a byte for its filter."""
    if len(header) != struct.calcsize(_HEADER):
        raise PngError("its header is damaged")
    width, height, depth, colour, _, _, interlace = struct.unpack(_HEADER, header)
    bits = depth * _CHANNELS.get(colour, 0)
    passes = _PASSES if interlace else ((0, 0, 1, 1),)
    sizes = (((width - x + dx - 1) // dx, (height - y + dy - 1) // dy) for x, y, dx, dy in passes)
    return sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in sizes if columns and rows)


def _require_bounded(pixels: list[bytes], *, most: int) -> None:
    """Inflate and count, no further than one byte too many; what cannot be inflated is left to the decoder to tell."""
    inflate, found = zlib.decompressobj(), 0
    for piece in (each[at : at + _PIECE] for each in pixels for at in range(0, len(each), _PIECE)):
        left = piece
        while left and not inflate.eof:
            try:
                found += len(inflate.decompress(left, _MOST_OUT))
            except zlib.error:
                return
            if found > most:
                raise PngError(f"its pixels inflate past the {most} bytes that its header's size takes")
            left = inflate.unconsumed_tail
