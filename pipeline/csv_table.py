"""CSV tables of a site: rows as `Fields`, with the columns checked first; and rows back as text."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from geo.boundaries import Fault
from pipeline.fields import Fields

MOST_ROWS = 100_000


def read_rows(
    text: str, *, file: str, columns: Sequence[str], faults: list[Fault], optional: Sequence[str] = ()
) -> list[Fields]:
    """Return the rows of a table; none where a column is missing. A byte order mark and empty lines do no harm.

    Args:
        columns: that must be there; more are passed on.
        optional: that may be there; with these given, any other column is a fault, most often a misspelt one.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[Fields] = []
    try:
        seen = [name.strip() for name in reader.fieldnames or []]
        reader.fieldnames = seen
        if not _headed(seen, file, columns, optional, faults):
            return []
        for row in reader:
            fields = Fields({k: v for k, v in row.items() if k is not None}, file, f"line {reader.line_num}", faults)
            if None in row:
                fields.fault("", f"has more cells than columns: {row[None]!r:.60}; put texts with commas in quotes")
            rows.append(fields)
            if len(rows) > MOST_ROWS:
                fields.fault("", f"is beyond {MOST_ROWS:,} rows, the most that are read; split the file")
                return []
    except csv.Error as error:
        problem = f"is not CSV: {error}; mend that line, nothing after it was read"
        faults.append(Fault(file=file, feature=f"line {reader.line_num}", field="", problem=problem))
    return rows


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


def day(fields: Fields, field: str) -> date | None:
    """Return a date such as 2026-11-29; None where the cell is empty."""
    text = fields.text(field, default="")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        fields.fault(field, f"is {text!r}, expected a date such as 2026-11-29, or nothing")
        return None


def _headed(
    seen: Sequence[str], file: str, columns: Sequence[str], optional: Sequence[str], faults: list[Fault]
) -> bool:
    missing = [column for column in columns if column not in seen]
    if missing:
        problem = f"column missing: {', '.join(missing)}; seen: {', '.join(seen) or 'nothing'}; add it"
        faults.append(Fault(file=file, feature="line 1", field=missing[0], problem=problem))
    unknown = [name for name in seen if optional and name not in (*columns, *optional)]
    if unknown:
        problem = f"column unknown: {', '.join(unknown)}; expected {', '.join((*columns, *optional))}"
        faults.append(Fault(file=file, feature="line 1", field=unknown[0], problem=problem))
    return not missing and not unknown
