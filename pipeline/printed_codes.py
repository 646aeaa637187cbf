"""Sheets of printed codes: A4 pages of QR codes as PDF, twelve to a page, each with its place's name and address.

The codes are drawn as rectangles, so they stay sharp at any size. Names are set in STSong-Light with the predefined
CMap UniGB-UCS2-H (ISO 32000-1, 9.7.5.2), for which PDF readers bring a font along, so that the file holds none.
"""

import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.reports import PrintedPlace

A4_PT: Final = (595.276, 841.89)
COLUMNS: Final = 3
ROWS: Final = 4
PER_PAGE: Final = COLUMNS * ROWS
MOST_PLACES: Final = 2_000
BASE_URL: Final = r"^https?:[/]{2}[A-Za-z0-9.:_/\-\[\]]+$"
LONGEST_BASE_URL: Final = 200
_MARGIN_PT: Final = 28.0
_CODE_PT: Final = 128.0
_QUIET: Final = 4  # modules of white around a code, as ISO/IEC 18004 asks
_NAME_PT: Final = 11.0
_SMALL_PT: Final = 6.5
_LONGEST_NAME: Final = 32
_EM: Final = 1000
_LATIN_EM: Final = 500


class TooManyCodesError(PipelineError):
    """More codes are asked for than one file holds, or none."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} codes for one file; expected 1 to {MOST_PLACES}, name them with `code`")


class BaseUrlError(PipelineError):
    """Printed codes would lead nowhere."""

    def __init__(self, base_url: str) -> None:
        super().__init__(
            f"the sheets' base URL is {base_url!r:.80}; expected where the public reaches this site, such as"
            f" https://grid.example, {LONGEST_BASE_URL} characters at most"
        )


def modules(text: str) -> NDArray[np.bool_]:
    """Return a QR code's modules, True for dark, (n, n), without the white around it."""
    parameters = cv2.QRCodeEncoder.Params()
    parameters.correction_level = cv2.QRCodeEncoder_CORRECT_LEVEL_M
    drawn = cv2.QRCodeEncoder.create(parameters).encode(text)
    dark = np.asarray(drawn) < 128  # noqa: PLR2004 - half of white
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    return dark[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def chosen(places: Sequence[PrintedPlace], codes: Collection[str]) -> list[PrintedPlace]:
    """Return the places of the codes that are named; all of them where none is."""
    return [each for each in places if not codes or each.code in codes]


def sheet(places: Sequence[PrintedPlace], *, base_url: str, heading: str) -> bytes:
    """Return a PDF with a code for each place.

    Args:
        places: in the order of printing.
        base_url: where this site is reached from outside, such as https://grid.example.
        heading: printed above each code, in the site's words.

    Raises:
        BaseUrlError: the address is none, or too long.
        TooManyCodesError: none, or more than 2,000.
    """
    if len(base_url) > LONGEST_BASE_URL or re.fullmatch(BASE_URL, base_url) is None:
        raise BaseUrlError(base_url)
    if not 1 <= len(places) <= MOST_PLACES:
        raise TooManyCodesError(len(places))
    pages = [places[start : start + PER_PAGE] for start in range(0, len(places), PER_PAGE)]
    return _document([_page(page, base_url=base_url.rstrip("/"), heading=heading) for page in pages])


def _page(places: Sequence[PrintedPlace], *, base_url: str, heading: str) -> bytes:
    width, height = A4_PT
    wide, tall = (width - 2 * _MARGIN_PT) / COLUMNS, (height - 2 * _MARGIN_PT) / ROWS
    parts: list[str] = []
    for index, place in enumerate(places):
        middle = _MARGIN_PT + (index % COLUMNS + 0.5) * wide
        top = height - _MARGIN_PT - (index // COLUMNS) * tall
        address = f"{base_url}/q/{place.code}"
        parts.append(_text(heading, middle, top - 16, _NAME_PT))
        parts += _code(modules(address), left=middle - _CODE_PT / 2, bottom=top - 24 - _CODE_PT)
        parts.append(_text(place.name[:_LONGEST_NAME], middle, top - 38 - _CODE_PT, _NAME_PT))
        parts.append(_text(address, middle, top - 50 - _CODE_PT, _SMALL_PT))
    return "\n".join(parts).encode("ascii")


def _code(dark: NDArray[np.bool_], *, left: float, bottom: float) -> Iterator[str]:
    """Yield the dark runs of a code as filled rectangles, within a square of its full size with the white around."""
    count = dark.shape[0] + 2 * _QUIET
    side = _CODE_PT / count
    yield "0 g"
    for row, line in enumerate(dark):
        y = bottom + (count - _QUIET - row - 1) * side
        at = 0
        for is_dark, run in groupby(line.tolist()):
            length = len(list(run))
            if is_dark:
                yield f"{left + (_QUIET + at) * side:.3f} {y:.3f} {length * side:.3f} {side:.3f} re"
            at += length
    yield "f"


def _text(text: str, middle: float, baseline: float, size: float) -> str:
    """Return a centred line of text; a character beyond the basic plane is a question mark."""
    shown = "".join(each if ord(each) < 0x10000 and each.isprintable() else "?" for each in text)  # noqa: PLR2004 - the plane
    wide = sum(_LATIN_EM if ord(each) < 0x7F else _EM for each in shown) / _EM * size  # noqa: PLR2004 - ASCII
    return f"BT /F1 {size:g} Tf {middle - wide / 2:.2f} {baseline:.2f} Td <{shown.encode('utf-16-be').hex()}> Tj ET"


def _document(pages: Sequence[bytes]) -> bytes:
    first = 6
    kids = " ".join(f"{first + 2 * index} 0 R" for index in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [4 0 R] >>",
        (
            b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /FontDescriptor 5 0 R"
            b" /DW 1000 /W [1 95 500]"
            b" /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 5 >> >>"
        ),
        (
            b"<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0"
            b" /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>"
        ),
    ]
    for index, content in enumerate(pages):
        width, height = A4_PT
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:g} {height:g}]"
            f" /Resources << /Font << /F1 3 0 R >> >> /Contents {first + 2 * index + 1} 0 R >>".encode()
        )
        packed = zlib.compress(content)
        objects.append(f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode() + packed + b"\nendstream")
    return _assembled(objects)


def _assembled(objects: Sequence[bytes]) -> bytes:
    """Return the file: its objects, where each of them begins, and where that table begins."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(out)
