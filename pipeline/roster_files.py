"""`forces.csv` written back, and `duty_changes.csv` both ways: who is away or on duty out of turn, by date.

`configuration` reads `forces.csv`; this owns the changes and what is wrong with them against the shifts.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import combinations

from geo.boundaries import Fault
from geo.coords import Datum, convert
from pipeline.configuration import FORCE_COLUMNS, FORCE_COLUMNS_MORE
from pipeline.csv_table import read_rows, write_rows
from pipeline.fields import Fields
from pipeline.roster import Force, Roster
from pipeline.shifts import DutyChange, local_instant, spans_of, write_shifts
from pipeline.work_calendar import WorkCalendar

DUTY_CHANGES = "duty_changes.csv"
CHANGE_COLUMNS = ("number", "from", "until", "duty", "note")
LONGEST_CHANGE = timedelta(days=400)


class _Turn(StrEnum):
    ON = "on"
    OFF = "off"


def write_forces(roster: Roster, *, datum: Datum = Datum.WGS84) -> str:
    """Return `forces.csv`, positions in a datum."""
    return write_rows((*FORCE_COLUMNS, *FORCE_COLUMNS_MORE), (_force_row(force, datum) for force in roster.forces))


def write_changes(roster: Roster, calendar: WorkCalendar) -> str:
    """Return `duty_changes.csv`, times as the site's clocks show them, with their offset."""
    rows = (
        {
            "number": force.number,
            "from": change.start.astimezone(calendar.timezone).isoformat(timespec="minutes"),
            "until": change.end.astimezone(calendar.timezone).isoformat(timespec="minutes"),
            "duty": (_Turn.ON if change.on else _Turn.OFF).value,
            "note": change.note,
        }
        for force in roster.forces
        for change in force.changes
    )
    return write_rows(CHANGE_COLUMNS, rows)


def read_changes(text: str, faults: list[Fault], *, roster: Roster, calendar: WorkCalendar) -> Roster:
    """Return the roster with its changes of duty; a force on two shifts at once is a fault."""
    forces = {force.number: force for force in roster.forces}
    found: dict[str, list[tuple[Fields, DutyChange]]] = defaultdict(list)
    for fields in read_rows(text, file=DUTY_CHANGES, columns=CHANGE_COLUMNS, optional=CHANGE_COLUMNS, faults=faults):
        number, change = fields.text("number"), _change(fields, calendar)
        if number and number not in forces:
            fields.fault("number", f"{number!r} is no force of this site; take it from forces.csv")
        if number in forces and change is not None:
            found[number].append((fields, change))
    for number, changes in found.items():
        _two_at_once(forces[number], changes, calendar)
    kept = {number: tuple(change for _, change in changes) for number, changes in found.items()}
    return Roster(forces=tuple(replace(force, changes=kept.get(force.number, ())) for force in roster.forces))


def _change(fields: Fields, calendar: WorkCalendar) -> DutyChange | None:
    """Return a change of duty; None where one of its times or which it is cannot be read."""
    start, end = (_moment(fields, field, calendar) for field in ("from", "until"))
    turn, note = fields.choice("duty", _Turn), fields.text("note", default="")
    if start is None or end is None:
        return None
    if end <= start:
        fields.fault("until", f"is {end.isoformat()}, not after from, {start.isoformat()}; exchange or mend them")
    if end - start > LONGEST_CHANGE:
        fields.fault("until", f"is {(end - start).days} days after from, expected {LONGEST_CHANGE.days} at most")
    if fields.has_fault("until") or fields.has_fault("duty"):
        return None
    return DutyChange(start=start, end=end, on=turn is _Turn.ON, note=note)


def _moment(fields: Fields, field: str, calendar: WorkCalendar) -> datetime | None:
    text = fields.text(field)
    try:
        return local_instant(text, calendar) if text else None
    except (ValueError, OverflowError):
        fields.fault(field, f"is {text!r}, expected a local date and time such as 2026-11-29T08:00")
        return None


def _two_at_once(force: Force, changes: Sequence[tuple[Fields, DutyChange]], calendar: WorkCalendar) -> None:
    extra = [(fields, change) for fields, change in changes if change.on]
    for (_, one), (fields, other) in combinations(extra, 2):
        if max(one.start, other.start) < min(one.end, other.end):
            fields.fault("from", f"puts {force.number} on two shifts at once: it overlaps another change of duty")
    for fields, change in extra:
        span = next(_regular(force, change, calendar), None)
        if span is not None:
            shown = " to ".join(each.astimezone(calendar.timezone).isoformat(timespec="minutes") for each in span)
            fields.fault("from", f"puts {force.number} on two shifts at once: its own runs from {shown}")


def _regular(force: Force, change: DutyChange, calendar: WorkCalendar) -> Iterator[tuple[datetime, datetime]]:
    """Yield the force's own shifts within a change of duty."""
    if not force.shifts:
        yield change.start, change.end
    day, last = calendar.local_day(change.start) - timedelta(days=2), calendar.local_day(change.end)
    while day <= last:
        for span in (spans_of(shift, day, calendar) for shift in force.shifts):
            if span and max(span[0], change.start) < min(span[1], change.end):
                yield span
        day += timedelta(days=1)


def _force_row(force: Force, datum: Datum) -> Mapping[str, object]:
    post = convert(force.post, source=Datum.WGS84, target=datum)
    return {
        "number": force.number,
        "name": force.name,
        "name_zh": force.name_zh,
        "role": force.role,
        "department": force.department,
        "stage": force.stage.value,
        "side": force.side.value if force.side else "any",
        "grid": force.grid,
        "units": ";".join(force.units),
        "shift": write_shifts(force.shifts),
        "terminal": force.terminal,
        "lon": f"{post.lon:.7f}",
        "lat": f"{post.lat:.7f}",
        "skills": ";".join(force.skills),
    }
