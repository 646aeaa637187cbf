"""Pictures that would cost their decoder more than their pixels are worth are refused, and honest ones are not."""

import struct
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.clocks import FixedClock
from pipeline.pictures import decode_picture
from pipeline.png_files import SIGNATURE, bounded_png
from pipeline.source_errors import FrameTooLargeError, FrameUnreadableError, SourceError
from pipeline.sources import open_source, read_address

START = datetime(2026, 1, 31, tzinfo=UTC)
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
KINDS = [(colour, depth, woven) for colour, depths in DEPTHS.items() for depth in depths for woven in (0, 1)]
# The standard's own drawing of Adam7: which pass each pixel of an 8 x 8 square comes in.
ADAM7 = ["16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777"]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(
    pixels: bytes, size: tuple[int, int], *, colour: int = 2, depth: int = 8, woven: int = 0, before: bytes = b""
) -> bytes:
    """Return a PNG of deflated pixels."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, woven)
    palette = chunk(b"PLTE", bytes(range(6))) if colour == 3 else b""
    body = b"".join(chunk(b"IDAT", pixels[at : at + 8192]) for at in range(0, len(pixels), 8192))
    return SIGNATURE + chunk(b"IHDR", header) + palette + before + body + chunk(b"IEND", b"")


def pixel_bytes(size: tuple[int, int], *, colour: int, depth: int, woven: int) -> int:
    """Return what a PNG's pixels take, by counting them one by one."""
    rows: dict[tuple[str, int], int] = {}
    for y in range(size[1]):
        for x in range(size[0]):
            key = (ADAM7[y % 8][x % 8] if woven else "1", y)
            rows[key] = rows.get(key, 0) + depth * CHANNELS[colour]
    return sum(1 + -(-bits // 8) for bits in rows.values())


def bomb(size: tuple[int, int], megabytes: int) -> bytes:
    """Return a PNG whose pixels inflate to so many MiB of zeros."""
    deflate = zlib.compressobj(9)
    start = deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return png(start + block * (megabytes - 1), size)


@pytest.mark.parametrize(("colour", "depth", "woven"), KINDS)
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (13, 9), (40, 33)])
def test_a_png_of_any_kind_may_hold_its_pixels_and_not_a_byte_more(
    colour: int, depth: int, woven: int, size: tuple[int, int]
):
    most = pixel_bytes(size, colour=colour, depth=depth, woven=woven)
    whole = png(zlib.compress(bytes(most)), size, colour=colour, depth=depth, woven=woven)
    assert decode_picture(whole, camera="cam").shape == (size[1], size[0], 3)
    with pytest.raises(FrameUnreadableError, match=f"inflate past the {most} bytes"):
        decode_picture(png(zlib.compress(bytes(most + 1)), size, colour=colour, depth=depth, woven=woven), camera="cam")


def test_a_png_that_inflates_to_gigabytes_is_refused_before_it_does(tmp_path: Path):
    data = bomb((64, 64), 2048)
    assert len(data) < 3_000_000
    started = time.process_time()
    with pytest.raises(FrameUnreadableError, match=r"the photo of camera cam-9 .* inflate past the 12352 bytes"):
        decode_picture(data, camera="cam-9", what="the photo")
    assert time.process_time() - started < 0.5  # inflating it takes several seconds
    (tmp_path / "7.png").write_bytes(data)
    assert "7.png of camera cam" in str(only_fault(tmp_path))


def test_what_is_no_pixel_of_a_png_reaches_no_decoder():
    text = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(1 << 20), 9))
    moving = chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fdAT", bytes(40))
    pixels = zlib.compress((b"\0" + bytes([9, 8, 7]) * 16) * 16)
    plain, laden = png(pixels, (16, 16)), png(pixels, (16, 16), before=text * 50 + moving)
    assert bounded_png(laden) == plain
    assert np.all(decode_picture(laden, camera="cam") == (7, 8, 9))


def test_a_png_without_its_end_is_refused():
    whole = png(zlib.compress(bytes(16 * 49)), (16, 16))
    for length in range(33, len(whole)):
        with pytest.raises(FrameUnreadableError, match="cut off"):
            decode_picture(whole[:length], camera="cam")


def test_a_jpeg_of_very_many_scans_is_refused():
    noise = np.random.default_rng(5).integers(0, 255, (64, 64, 3), np.uint8)
    whole = bytes(cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes())
    assert decode_picture(whole, camera="cam").shape == noise.shape
    last = whole[whole.rindex(b"\xff\xda") : -2]
    with pytest.raises(FrameUnreadableError, match="more than 50 scans"):
        decode_picture(whole[:-2] + last * 60 + whole[-2:], camera="cam")
    # A phone appends a film, whose bytes may look like scans.
    assert decode_picture(whole + last[:2] * 100 + whole[-2:], camera="cam").shape == noise.shape


def test_a_huge_picture_in_a_folder_is_named(tmp_path: Path):
    header = struct.pack(">IIBBBBB", 16_384, 8_192, 8, 2, 0, 0, 0)
    (tmp_path / "3.png").write_bytes(SIGNATURE + chunk(b"IHDR", header) + bytes(40))
    fault = only_fault(tmp_path)
    assert isinstance(fault, FrameTooLargeError)
    assert "3.png of camera cam has 16384 x 8192 px" in str(fault)


def only_fault(folder: Path) -> SourceError:
    """Return what is told of a folder with one picture that cannot be used."""
    faults: list[SourceError] = []
    address = read_address(f"{folder}?fps=1", camera="cam")
    assert not list(open_source(address, camera="cam", start=START, clock=FixedClock(START), on_fault=faults.append))
    (fault,) = faults
    return fault
