"""Tickets of the hotline as a table: good rows go in once, bad ones come back with every reason, and nothing is lost.

Each row is taken in its own transaction under its own number, so an import that was cut off is simply run again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from geo.boundaries import Fault
from geo.coords import Datum, LonLat, convert
from geo.errors import GeoError
from pipeline.admission import Taken
from pipeline.casebook import BusyError, LimitError, StorageError
from pipeline.cases import Channel
from pipeline.csv_table import lines_of, read_rows, write_rows, yes_or_no
from pipeline.errors import PipelineError
from pipeline.fields import Fields
from pipeline.reports import Report, Ticket
from pipeline.shifts import local_instant
from pipeline.work_calendar import WorkCalendar

COLUMNS = ("ticket", "category", "occurred_at", "lon", "lat", "description", "urgent", "due_at", "phone")
MORE_COLUMNS = ("condition", "hazard", "reasons")
HOTLINE = "12345"


class HotlineFileError(PipelineError):
    """A file of tickets cannot be read at all."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(str(each) for each in faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a file of tickets.

    Attributes:
        opened, attached, known: numbers of the cases that were opened, added to or opened again, and that had the
            ticket before.
        bad: the rows that were not taken, as a table to mend and send again; each with its line and the reasons. What
            is no row of the table stands in the first cell as it was sent. Empty if none.
        bad_rows: how many.
    """

    opened: tuple[str, ...]
    attached: tuple[str, ...]
    known: tuple[str, ...]
    bad: str
    bad_rows: int


def import_tickets(
    text: str,
    *,
    file: str,
    report: Callable[[Report], Taken],
    calendar: WorkCalendar,
    datum: Datum = Datum.WGS84,
    source: str = HOTLINE,
) -> Imported:
    """Take a table of tickets in, row by row.

    Args:
        text: CSV headed as `COLUMNS`; times without an offset are the site's.
        file: its name, for reasons.
        report: takes one in.
        calendar: of the site, for its clocks.
        datum: of the positions.
        source: whose tickets they are.

    Raises:
        HotlineFileError: it is no such table; nothing was taken.
        BusyError, StorageError: the casebook fails; rows before were taken, and run again they are known.
    """
    faults: list[Fault] = []
    unread: dict[str, str] = {}
    rows = read_rows(text, file=file, columns=COLUMNS, optional=MORE_COLUMNS, faults=faults, unread=unread)
    if faults and not rows and not unread:
        raise HotlineFileError(faults)
    by_line: dict[str, list[str]] = {}
    for fault in faults:
        by_line.setdefault(fault.feature, []).append(fault.problem)
    opened: list[str] = []
    attached: list[str] = []
    known: list[str] = []
    taken = {"open": opened, "attach": attached, "reopen": attached, "ignore": known}
    bad: list[Mapping[str, object]] = []
    first: dict[str, Fields] = {}
    for fields in rows:
        reasons = by_line.get(fields.feature) or _otherwise(fields, first)
        outcome = None if reasons else _take(fields, reasons, report, calendar, datum, source)
        if outcome is not None and outcome.number is not None:
            taken[outcome.outcome].append(outcome.number)
        elif fields.feature not in unread:
            why = " | ".join(reasons) or (outcome.reason if outcome else "")
            bad.append({**fields.table, "reasons": f"{fields.feature}: {why}"})
    bad += [{"ticket": sent, "reasons": f"{line}: {' | '.join(by_line[line])}"} for line, sent in unread.items()]
    return Imported(
        opened=tuple(opened),
        attached=tuple(attached),
        known=tuple(known),
        bad=write_rows((*COLUMNS, *MORE_COLUMNS), bad) if bad else "",
        bad_rows=len(bad),
    )


def _otherwise(fields: Fields, first: dict[str, Fields]) -> list[str]:
    """Return why a row is not taken whose ticket stands on an earlier one that says something else."""
    ticket = str(fields.table["ticket"] or "").strip()
    earlier = first.setdefault(ticket, fields)
    if not ticket or _content(earlier) == _content(fields):
        return []
    return [f"ticket {ticket!r} stands on {earlier.feature} too, with other content; send the one that holds"]


def _content(fields: Fields) -> dict[str, str]:
    return {name: str(cell).strip() for name, cell in fields.table.items() if cell and name != "reasons"}


def _take(
    fields: Fields,
    reasons: list[str],
    report: Callable[[Report], Taken],
    calendar: WorkCalendar,
    datum: Datum,
    source: str,
) -> Taken | None:
    found: list[Fault] = []
    row = Fields(fields.table, fields.file, fields.feature, found)
    try:
        made = _report(row, calendar, datum, source)
        reasons += [f"{fault.field} {fault.problem}" for fault in found]
        return None if reasons else report(made)
    except (BusyError, StorageError):
        raise
    except (PipelineError, GeoError) as error:
        reasons.append(str(error))
        return None


def _report(row: Fields, calendar: WorkCalendar, datum: Datum, source: str) -> Report:
    lonlat = LonLat(row.number("lon", low=-180, high=180), row.number("lat", low=-90, high=90))
    condition = row.text("condition", default="")
    return Report(
        channel=Channel.HOTLINE,
        category=row.text("category"),
        lonlat=convert(lonlat, source=datum, target=Datum.WGS84),
        error_m=50.0,
        occurred_at=_moment(row, "occurred_at", calendar) or datetime.fromtimestamp(0, tz=calendar.timezone),
        description=row.text("description", default="", longest=2000),
        condition=row.whole("condition", low=1, high=999) if condition else None,
        hazard=yes_or_no(row, "hazard"),
        ticket=Ticket(
            source=source,
            number=row.text("ticket", longest=80),
            urgent=yes_or_no(row, "urgent"),
            due_at=_moment(row, "due_at", calendar, needed=False),
        ),
        phone=row.text("phone", default=""),
    )


def _moment(row: Fields, field: str, calendar: WorkCalendar, *, needed: bool = True) -> datetime | None:
    text = row.text(field, default=None if needed else "")
    if not text:
        return None
    try:
        return local_instant(text, calendar)
    except (ValueError, OverflowError):
        row.fault(field, f"is {text!r}, expected a date and time such as 2026-11-23 08:00")
        return None


def require_rows(text: str, most: int) -> None:
    """Require that a table has not more lines than are taken at once.

    Raises:
        LimitError: it has.
    """
    lines = len(lines_of(text))
    if lines > most + 1:
        raise LimitError("the file", f"{lines} lines long", f"{most} rows at most at once; send it in parts")
