"""CSV tables of a site: rows as `Fields`, with the columns checked first; and rows back as text."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import zip_longest
from typing import NamedTuple

from geo.boundaries import Fault
from pipeline.fields import Fields, UnreadFault

MOST_ROWS = 100_000
MOST_LINES = 200
"""The most lines of one row; more are a quote that nobody closed."""
_YES, _NO = ("true", "yes", "1", "是"), ("false", "no", "0", "否")


def read_rows(
    text: str,
    *,
    file: str,
    columns: Sequence[str],
    faults: list[Fault],
    optional: Sequence[str] = (),
    unread: dict[str, str] | None = None,
) -> list[Fields]:
    """Return the rows of a table; none where a column is missing. A byte order mark and empty lines do no harm.

    A row is named by the line on which it begins. A line that is not CSV is a fault, and the next line is read as a row
    of its own, so that a quote which nobody closed does not swallow what follows.

    Args:
        columns: that must be there; more are passed on.
        optional: that may be there; with these given, any other column is a fault, most often a misspelt one.
        unread: receives the text of what is not CSV, or has more cells than columns, by its line as faults name it.
    """
    records = (each for each in _records(text) if each.cells or each.problem)
    heading = next(records, _Record(1, "", [], ""))
    names = [name.strip() for name in heading.cells]
    problems = [("", heading.problem)] if heading.problem else _heading_problems(names, columns, optional)
    rows: list[Fields] = []
    known, kept = len(faults), {} if unread is None else unread
    for count, record in enumerate(() if problems else records):
        if count == MOST_ROWS:
            heading, problems = record, [("", f"is beyond {MOST_ROWS:,} rows, the most that are read; split the file")]
            del faults[known:]
            kept.clear()
            break
        row = Fields(_table(names, record.cells), file, f"line {record.line}", faults)
        extra = record.cells[len(names) :]
        if extra:
            row.fault("", f"has more cells than columns: {extra!r:.60}; put texts with commas in quotes")
        if record.problem:
            faults.append(UnreadFault(file=file, feature=row.feature, field="", problem=record.problem))
        else:
            rows.append(row)
        if extra or record.problem:
            kept[row.feature] = record.text.rstrip("\r\n")
    for field, problem in problems:
        faults.append(UnreadFault(file=file, feature=f"line {heading.line}", field=field, problem=problem))
    return [] if problems else rows


def _table(names: Sequence[str], cells: Sequence[str]) -> dict[str, str | None]:
    """Return a row by its columns: cells that are not there are None, those beyond are left out."""
    if len(cells) == len(names):
        return dict(zip(names, cells, strict=True))
    return dict(zip_longest(names, cells[: len(names)]))


def lines_of(text: str) -> list[str]:
    """Return the lines of a table, each with its end, whether that is LF, CR or both."""
    return io.StringIO(text, newline="").readlines()


def write_rows(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return a table as text that `read_rows` reads; None becomes an empty cell."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: "" if row.get(name) is None else row[name] for name in columns})
    return out.getvalue()


def once(fields: Fields, seen_at: dict[tuple[str, str], str], *values: tuple[str, str]) -> None:
    """Note a fault where a value that is given once stands on an earlier row too."""
    for field, value in values:
        if value and (field, value) in seen_at:
            fields.fault(field, f"{value} stands on {seen_at[field, value]} too; each is given once")
        seen_at.setdefault((field, value), fields.feature)


def listed(fields: Fields, field: str, *, longest: int = 2000) -> tuple[str, ...]:
    """Return the parts of a cell that are joined by ';'."""
    text = fields.text(field, default="", longest=longest)
    return tuple(part.strip() for part in text.split(";") if part.strip())


def yes_or_no(fields: Fields, field: str, *, required: bool = False) -> bool:
    """Return whether a cell says yes; unless it is required, an empty one says no."""
    text = fields.text(field, default="").lower()
    if text not in (*_YES, *_NO) and (text or required):
        fields.fault(field, f"is {text!r}, expected true or false, or {', '.join((*_YES[1:], *_NO[1:]))}")
    return text in _YES


def day(fields: Fields, field: str) -> date | None:
    """Return a date such as 2026-11-29; None where the cell is empty."""
    text = fields.text(field, default="")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        fields.fault(field, f"is {text!r}, expected a date such as 2026-11-29, or nothing")
        return None


class _Record(NamedTuple):
    """What stands from one line on: cells, or why there are none."""

    line: int
    text: str
    cells: list[str]
    problem: str


def _records(text: str) -> Iterator[_Record]:
    lines, at = lines_of(text.removeprefix("\ufeff")), 0

    def fed() -> Iterator[str]:
        """Yield lines from `at` on; they end where the row that begins there, and moves `at` when read, is too long."""
        place = at
        while place - at < MOST_LINES and place < len(lines):
            yield lines[place]
            place += 1

    # One reader goes on from row to row; a row that is not CSV leaves it amid a text, so the next line gets a new one.
    reader, before = csv.reader(fed(), strict=True), 0
    while at < len(lines):
        try:
            cells = next(reader)
        except csv.Error as error:
            seen = lines[at].rstrip("\r\n")
            problem = f"is not CSV: {error}; seen {seen!r:.60}, expected each quote closed and those within doubled"
            yield _Record(at + 1, lines[at], [], problem)
            at += 1
            reader, before = csv.reader(fed(), strict=True), 0
            continue
        count = reader.line_num - before
        yield _Record(at + 1, lines[at] if count == 1 else "".join(lines[at : at + count]), cells, "")
        at, before = at + count, reader.line_num


def _heading_problems(seen: Sequence[str], columns: Sequence[str], optional: Sequence[str]) -> list[tuple[str, str]]:
    """Return the columns that a heading has twice or lacks, and those that nothing reads: a name and the words."""
    problems = []
    for name in dict.fromkeys(name for name in seen if name and seen.count(name) > 1):
        places = " and ".join(str(place) for place, each in enumerate(seen, 1) if each == name)
        problems.append((name, f"column {name} stands in places {places}; keep one, or name the other as what it is"))
    missing = [column for column in columns if column not in seen]
    if missing:
        told = f"column missing: {', '.join(missing)}; seen: {', '.join(seen) or 'nothing'}; add it"
        problems.append((missing[0], told))
    unknown = [name for name in seen if optional and name not in (*columns, *optional)]
    if unknown:
        told = f"column unknown: {', '.join(unknown)}; expected {', '.join(dict.fromkeys((*columns, *optional)))}"
        problems.append((unknown[0], told))
    return problems
