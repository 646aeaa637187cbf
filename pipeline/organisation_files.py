"""The organisation's tables: `departments.csv`, `officers.csv`, `stations.csv`, `commanders.csv`, both ways.

Owns the four formats and what is wrong with them in themselves and against the boundaries; each is optional in a site.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import combinations, groupby
from types import MappingProxyType
from typing import Final, TypeVar

from geo.boundaries import Fault
from pipeline.configuration import require_places
from pipeline.csv_table import day, listed, once, read_rows, write_rows
from pipeline.fields import Fields
from pipeline.organisation import (
    CENTRE,
    Department,
    DepartmentKind,
    Officer,
    Organisation,
    Post,
    Station,
    Turn,
)
from pipeline.shifts import ShiftTextError, read_shifts, write_shifts
from pipeline.work_calendar import WorkCalendar

DEPARTMENTS, OFFICERS, STATIONS, TURNS = "departments.csv", "officers.csv", "stations.csv", "commanders.csv"
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        DEPARTMENTS: ("code", "name", "name_zh", "kind"),
        OFFICERS: ("number", "post", "of", "name", "name_zh", "since", "until"),
        STATIONS: ("code", "name", "name_zh", "grid", "unit", "resident", "seconded"),
        TURNS: ("officer", "first_day", "every_days", "last_day", "hours"),
    }
)
T = TypeVar("T")
_LONGEST_TURN_DAYS = 366
_NOWHERE: Final = ""
"""What an officer is of whose post or place cannot be read: nothing more is told of it."""
_ONE_HOLDER = (Post.GRID_CHIEF, Post.UNIT_HEAD)


def read_organisation(texts: Mapping[str, str], faults: list[Fault], *, calendar: WorkCalendar) -> Organisation:
    """Return what a site's documents say of its organisation; a file that is not there leaves its part empty."""
    rows = {
        name: read_rows(texts[name], file=name, columns=columns, optional=columns, faults=faults)
        for name, columns in COLUMNS.items()
        if name in texts
    }
    return Organisation(
        departments=_each(rows.get(DEPARTMENTS, []), _department, "code"),
        officers=_each(rows[OFFICERS], _officer, "number") if OFFICERS in rows else None,
        stations=_each(rows.get(STATIONS, []), _station, "code"),
        turns=tuple(_turn(fields, calendar) for fields in rows[TURNS]) if TURNS in rows else None,
    )


def organisation_texts(organisation: Organisation) -> dict[str, str]:
    """Return the organisation's documents by file name."""
    texts = {
        DEPARTMENTS: write_rows(
            COLUMNS[DEPARTMENTS],
            (
                {"code": each.code, "name": each.name, "name_zh": each.name_zh, "kind": each.kind.value}
                for each in organisation.departments
            ),
        ),
        STATIONS: write_rows(COLUMNS[STATIONS], (_station_row(each) for each in organisation.stations)),
    }
    if organisation.officers is not None:
        texts[OFFICERS] = write_rows(COLUMNS[OFFICERS], (_officer_row(each) for each in organisation.officers))
    if organisation.turns is not None:
        texts[TURNS] = write_rows(COLUMNS[TURNS], (_turn_row(each) for each in organisation.turns))
    return texts


def organisation_faults(organisation: Organisation, *, grids: Sequence[str], units: Mapping[str, str]) -> list[Fault]:
    """Return the organisation's faults against the boundaries and between its tables.

    Args:
        grids: codes of the grids.
        units: grid code by unit code.
    """
    return [
        *_officers_misplaced(organisation, grids, units),
        *_posts_held_twice(organisation.officers or ()),
        *_stations_misplaced(organisation, grids, units),
        *_turns_of_nobody(organisation),
    ]


def _each(rows: Sequence[Fields], build: Callable[[Fields], T], key: str) -> tuple[T, ...]:
    seen_at: dict[tuple[str, str], str] = {}
    for fields in rows:
        once(fields, seen_at, (key, fields.text(key, default="")))
    return tuple(build(fields) for fields in rows)


def _department(fields: Fields) -> Department:
    kind = fields.choice("kind", DepartmentKind)
    return Department(
        code=fields.text("code", longest=40),
        name=fields.text("name"),
        name_zh=fields.text("name_zh"),
        # Of a kind that cannot be read, it is taken for what forces and classes may both name.
        kind=DepartmentKind.FOLLOW_UP if fields.has_fault("kind") else kind,
    )


def _officer(fields: Fields) -> Officer:
    since, until = day(fields, "since"), day(fields, "until")
    if since and until and since > until:
        fields.fault("until", f"is {until}, before since, {since}; exchange them or mend one")
    post, of = fields.choice("post", Post), fields.text("of")
    return Officer(
        number=fields.text("number", longest=40),
        post=post,
        of=_NOWHERE if fields.has_fault("post") else of,
        name=fields.text("name"),
        name_zh=fields.text("name_zh"),
        since=since,
        until=until,
    )


def _station(fields: Fields) -> Station:
    return Station(
        code=fields.text("code", longest=40),
        name=fields.text("name"),
        name_zh=fields.text("name_zh"),
        grid=fields.text("grid"),
        unit=fields.text("unit", default="") or None,
        resident=listed(fields, "resident"),
        seconded=listed(fields, "seconded"),
    )


def _turn(fields: Fields, calendar: WorkCalendar) -> Turn:
    every = fields.text("every_days", default="")
    first = day(fields, "first_day")
    if first is None and not fields.text("first_day", default=""):
        fields.fault("first_day", "is missing; give the day on which the turn first begins")
    text = fields.text("hours")
    try:
        shifts = read_shifts(text or "00:00-24:00", calendar)
    except ShiftTextError as error:
        fields.fault("hours", str(error))
        shifts = ()
    if text and len(shifts) != 1 and not fields.has_fault("hours"):
        fields.fault("hours", f"is {text!r}, expected one span such as 08:30-08:30; the days come from first_day")
    return Turn(
        officer=fields.text("officer"),
        first_day=first or date.min,
        every_days=fields.whole("every_days", low=1, high=_LONGEST_TURN_DAYS) if every else None,
        last_day=day(fields, "last_day"),
        hours=shifts[0] if shifts else read_shifts("00:00-24:00", calendar)[0],
    )


def _officer_row(each: Officer) -> dict[str, object]:
    names = {"number": each.number, "post": each.post.value, "of": each.of, "name": each.name, "name_zh": each.name_zh}
    return {**names, "since": each.since, "until": each.until}


def _station_row(each: Station) -> dict[str, object]:
    names = {"code": each.code, "name": each.name, "name_zh": each.name_zh, "grid": each.grid, "unit": each.unit}
    return {**names, "resident": ";".join(each.resident), "seconded": ";".join(each.seconded)}


def _turn_row(each: Turn) -> dict[str, object]:
    return {
        "officer": each.officer,
        "first_day": each.first_day,
        "every_days": each.every_days,
        "last_day": each.last_day,
        "hours": write_shifts((each.hours,)),
    }


def _officers_misplaced(organisation: Organisation, grids: Sequence[str], units: Mapping[str, str]) -> list[Fault]:
    places = {
        Post.GRID_CHIEF: ("grid", grids),
        Post.DEPUTY_GRID_CHIEF: ("grid", grids),
        Post.UNIT_HEAD: ("unit", list(units)),
        Post.DEPUTY_UNIT_HEAD: ("unit", list(units)),
        Post.COMMANDER: ("operations centre", [CENTRE]),
    }
    found = []
    for officer in organisation.officers or ():
        kind, known = places[officer.post]
        if officer.of not in (*known, _NOWHERE):
            shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")  # noqa: PLR2004 - a line's worth
            problem = f"{officer.of!r} is no {kind}, which a {officer.post} is of; known: {shown}"
            found.append(Fault(file=OFFICERS, feature=officer.number, field="of", problem=problem))
    return found


def _posts_held_twice(officers: Sequence[Officer]) -> list[Fault]:
    single = sorted((each for each in officers if each.post in _ONE_HOLDER and each.of != _NOWHERE), key=_place_of)
    found = []
    for _, holders in groupby(single, key=_place_of):
        for one, other in combinations(holders, 2):
            if _at_once(one, other):
                problem = f"{one.post} of {one.of} is {one.number} at the same time; give the first one's last day"
                found.append(Fault(file=OFFICERS, feature=other.number, field="since", problem=problem))
    return found


def _place_of(officer: Officer) -> tuple[str, str]:
    return officer.post.value, officer.of


def _at_once(one: Officer, other: Officer) -> bool:
    start = max(one.since or date.min, other.since or date.min)
    return start <= min(one.until or date.max, other.until or date.max)


def _stations_misplaced(organisation: Organisation, grids: Sequence[str], units: Mapping[str, str]) -> list[Fault]:
    found: list[Fault] = []
    for station in organisation.stations:
        row = Fields({}, STATIONS, station.code, found)
        named = () if station.unit is None else (station.unit,)
        require_places(row, grid=station.grid, named=("unit", named), grids=grids, units=units)
        for field, codes in (("resident", station.resident), ("seconded", station.seconded)):
            for code in codes:
                found += department_faults(
                    code, file=STATIONS, feature=station.code, organisation=organisation, field=field
                )
    return found


def _turns_of_nobody(organisation: Organisation) -> list[Fault]:
    """Return the turns of whoever is no commander; where nobody is listed, one fault for all of them."""
    if organisation.officers is None:
        problem = f"names commanders, who stand in {OFFICERS}, and there is no such file; add it, or take this one out"
        return [Fault(file=TURNS, feature="", field="officer", problem=problem)] if organisation.turns else []
    commanders = [each.number for each in organisation.officers if each.post is Post.COMMANDER]
    unread = [each.number for each in organisation.officers if each.of == _NOWHERE]
    return [
        Fault(
            file=TURNS,
            feature=f"line {line}",
            field="officer",
            problem=f"{turn.officer!r} is no commander in {OFFICERS}; known: {', '.join(commanders) or 'none'}",
        )
        for line, turn in enumerate(organisation.turns or (), 2)
        if turn.officer and turn.officer not in (*commanders, *unread)
    ]


def department_faults(
    code: str, *, file: str, feature: str, organisation: Organisation, field: str = "department"
) -> list[Fault]:
    """Return what is wrong with a department that a field names; nothing where it names none, or none are listed."""
    known = [each.code for each in organisation.departments]
    if not code or not known or code in known:
        return []
    problem = f"{code!r} is not in {DEPARTMENTS}; known: {', '.join(known)}"
    return [Fault(file=file, feature=feature, field=field, problem=problem)]
