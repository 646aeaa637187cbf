"""Tables of points as CSV: columns lon and lat are read, all others are carried along untouched."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import numpy as np
from numpy.typing import NDArray

from geo.boundaries import Fault
from geo.coords import Datum, convert_array
from geo.errors import FeatureFileError
from geo.file_access import checked_file, not_utf8, replacing

_MAX_ROWS: Final = 5_000_000
_MAX_FAULTS: Final = 1000
_LIMITS: Final = {"lon": 180.0, "lat": 90.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class PointTable:
    """A table of points: its lines as they stood in the file, and the position of each."""

    columns: tuple[str, ...]
    header: str
    records: tuple[str, ...]
    """The text of each row, without its line end."""
    lonlat: NDArray[np.float64]
    """(n, 2) WGS-84 degrees, longitude first."""


def read_points_csv(path: Path, *, datum: Datum = Datum.WGS84) -> PointTable:
    """Return the points of a CSV file with a header line and columns `lon` and `lat` in degrees.

    Args:
        path: the file, UTF-8, comma-separated.
        datum: the datum of its coordinates.

    Raises:
        FeatureFileError: with every bad row: its line, the value seen, the value expected (the first 1000).
    """
    checked_file(path)
    faults: list[Fault] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            columns, header, records, positions = _parse(stream, path.name, faults)
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error
    if faults:
        raise FeatureFileError(faults)
    lonlat = np.array(positions, dtype=np.float64).reshape(-1, 2)
    if datum not in (Datum.WGS84, Datum.CGCS2000):
        lonlat = convert_array(lonlat, source=datum, target=Datum.WGS84)
    return PointTable(columns=columns, header=header, records=tuple(records), lonlat=lonlat)


def write_points_csv(path: Path, table: PointTable, added: Mapping[str, Sequence[str | None]]) -> None:
    """Write a table as it was read, with columns added at the right; None is written as an empty field.

    Args:
        path: where to write; replaced only once all is written.
        table: what was read.
        added: new columns by name, one value for each row.

    Raises:
        FeatureFileError: a column of that name is there already, or the folder cannot be written to.
    """
    for name in added:
        if name in table.columns:
            problem = "is a column of the input already; expected a new name; rename or drop that column"
            raise FeatureFileError([Fault(file=path.name, feature="", field=name, problem=problem)])
    quoted = [[_quoted(value) for value in (name, *values)] for name, values in added.items()]
    with replacing(path) as stream:
        for line in zip((table.header, *table.records), *quoted, strict=True):
            stream.write(",".join(line) + "\n")


def _quoted(value: str | None) -> str:
    if value is None:
        return ""
    if not set(value) & set(',"\r\n'):
        return value
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([value])
    return text.getvalue()


def _parse(
    stream: TextIO, file: str, faults: list[Fault]
) -> tuple[tuple[str, ...], str, list[str], list[tuple[float, float]]]:
    held: list[str] = []
    records: list[str] = []
    positions: list[tuple[float, float]] = []
    reader = csv.reader(_holding(stream, held), strict=True)
    columns: tuple[str, ...] = ()
    header = ""
    try:
        columns = tuple(name.strip() for name in next(reader, []))
        header = _record(held)
        _check_columns(columns, file)
        at = (columns.index("lon"), columns.index("lat"))
        for row in reader:
            record = _record(held)
            if row:
                position = _position(row, columns, at, _Line(file, reader.line_num, faults))
                records.append(record)
                positions.append(position)
            _check_counts(file, len(records), faults)
    except csv.Error as error:
        faults.append(Fault(file=file, feature=f"line {reader.line_num}", field="", problem=f"is not CSV: {error}"))
    return columns, header, records, positions


def _holding(stream: TextIO, held: list[str]) -> Iterator[str]:
    """Pass lines on and hold each, so that a record is known as it stood."""
    for line in stream:
        held.append(line)
        yield line


def _record(held: list[str]) -> str:
    record = "".join(held).rstrip("\r\n")
    held.clear()
    return record


def _check_columns(columns: tuple[str, ...], file: str) -> None:
    faults = [
        Fault(
            file=file,
            feature="line 1",
            field=name,
            problem=f"stands {columns.count(name)} times in the header; expected once; columns seen: "
            f"{', '.join(columns[:20]) or 'none'}; name the columns lon and lat, separated by commas",
        )
        for name in _LIMITS
        if columns.count(name) != 1
    ]
    if faults:
        raise FeatureFileError(faults)


def _check_counts(file: str, rows: int, faults: list[Fault]) -> None:
    if len(faults) >= _MAX_FAULTS:
        problem = f"has {_MAX_FAULTS} faults or more; the rest is not listed; is this the right file?"
        raise FeatureFileError([*faults, Fault(file=file, feature="", field="", problem=problem)])
    if rows > _MAX_ROWS:
        problem = f"has more than {_MAX_ROWS:,} rows; split the file"
        raise FeatureFileError([Fault(file=file, feature="", field="", problem=problem)])


@dataclass(frozen=True, slots=True)
class _Line:
    file: str
    number: int
    faults: list[Fault]

    def fault(self, field: str, problem: str) -> None:
        self.faults.append(Fault(file=self.file, feature=f"line {self.number}", field=field, problem=problem))


def _position(row: list[str], columns: tuple[str, ...], at: tuple[int, int], line: _Line) -> tuple[float, float]:
    if len(row) != len(columns):
        line.fault("", f"has {len(row)} fields; expected {len(columns)} as in the header; correct the row")
        return (0.0, 0.0)
    return _degrees(row[at[0]], "lon", line), _degrees(row[at[1]], "lat", line)


def _degrees(text: str, field: str, line: _Line) -> float:
    limit = _LIMITS[field]
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if -limit <= value <= limit and "_" not in text:
        return value
    line.fault(field, f"is {text[:60]!r}; expected degrees, {-limit:g}..{limit:g}; correct the row")
    return 0.0
