"""Reading a site's tables: `site.toml` and `forces.csv` to values, all faults noted.

Owns these two formats. `catalogue_files` reads the catalogue, `scene_files` the scenes, `camera_features` the cameras,
`site_files` a folder.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise
from pathlib import PurePath
from zoneinfo import ZoneInfo

from geo.boundaries import Fault
from geo.coords import Datum, Extent, LonLat, convert
from pipeline.cases import Side
from pipeline.catalogue_files import CATALOGUE, read_catalogue
from pipeline.channel_rules import read_channels
from pipeline.csv_table import listed, once, read_rows
from pipeline.duty_pattern import read_pattern, read_rollout
from pipeline.escalation_table import read_erasure, read_escalation
from pipeline.fields import Fields
from pipeline.judging_policy import read_judging
from pipeline.keeping import read_evidence, read_trust
from pipeline.points_policy import read_points
from pipeline.policy_table import read_policies
from pipeline.roster import Force, Roster, Shift, Stage
from pipeline.shifts import ALWAYS, ShiftTextError, collisions, read_shifts, write_shifts
from pipeline.site import SiteSettings, Targets
from pipeline.toml_tables import read_toml
from pipeline.work_calendar import USUAL_HOURS, CountryError, WorkCalendar, WorkSpan, require_country

__all__ = [
    "CATALOGUE",
    "FORCES",
    "FORCE_COLUMNS",
    "NOWHERE",
    "SITE",
    "SiteTable",
    "cross_faults",
    "read_catalogue",
    "read_forces",
    "read_settings",
    "skill_faults",
]
SITE, FORCES = "site.toml", "forces.csv"
DATUM_FILES = ("grids", "units", "cameras", "forces", "roads")
FORCE_COLUMNS = (
    "number", "name", "name_zh", "role", "department", "stage", "side", "grid", "units", "shift", "terminal", "lon",
    "lat",
)  # fmt: skip
FORCE_COLUMNS_MORE = ("skills",)
"""Columns that `forces.csv` may have."""
NOWHERE = LonLat(math.nan, math.nan)
"""The post of a force whose position is at fault."""
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SHIFT = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_DAY_S = 86_400.0
_ANY_SIDE = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTable:
    """What `site.toml` says: the settings, and the datum of each file that has coordinates."""

    settings: SiteSettings
    datums: Mapping[str, Datum]


def read_settings(text: str, faults: list[Fault]) -> SiteTable:
    """Return what `site.toml` says; of a text that is no TOML only that is told."""
    before = len(faults)
    table = read_toml(text, file=SITE, faults=faults)
    fields = Fields(table, SITE, "", faults if len(faults) == before else [])
    datums = fields.inner("datum")
    datums.only(DATUM_FILES)
    detector, timezone = fields.inner("detector"), _zone(fields)
    calendar = _calendar(fields.inner("calendar"), timezone)
    in_force, policies = read_policies(fields.inner("dispatch"))
    settings = SiteSettings(
        code=_code(fields),
        name=fields.text("name"),
        name_zh=fields.text("name_zh", default=fields.text("name")),
        timezone=timezone,
        valid_from=_day(fields, "valid_from"),
        schematic=fields.flag("schematic", default=False),
        street_face_m=fields.number("street_face_m", low=0.0, high=500.0, default=25.0),
        public_is_proactive=fields.flag("public_is_proactive", default=False),
        blur=fields.inner("privacy").flag("blur", default=True),
        evidence=read_evidence(fields.inner("evidence")),
        trust=read_trust(fields.inner("trust")),
        weights=detector.text("weights", default=""),
        confidence=detector.number("confidence", low=0.01, high=1.0, default=0.3),
        extent=_extent(fields.inner("extent")),
        targets=_targets(fields.inner("targets")),
        dispatch=in_force,
        policies=policies,
        roads=_file_name(fields, "roads"),
        calendar=calendar,
        duty=read_pattern(fields.inner("duty"), calendar),
        rollout=read_rollout(fields.inner("rollout")),
        channels=read_channels(fields.inner("channels")),
        escalation=read_escalation(fields.inner("escalation")),
        erasure=read_erasure(fields.inner("erasure")),
        judging=read_judging(fields.inner("judging")),
        points=read_points(fields.inner("points")),
    )
    return SiteTable(
        settings=settings, datums={name: datums.choice(name, Datum, default=Datum.WGS84) for name in DATUM_FILES}
    )


def _code(fields: Fields) -> str:
    code = fields.text("code")
    if code and not _CODE.fullmatch(code):
        fields.fault("code", f"is {code!r}, expected small letters, digits and hyphens, such as 'yingpu'")
    return code


def _file_name(fields: Fields, field: str) -> str:
    name = fields.text(field, default="")
    if name and (name != PurePath(name).name or name.startswith(".")):
        fields.fault(field, f"is {name!r}, expected the name of a file in the site's folder, without a path")
        return ""
    return name


def _zone(fields: Fields) -> ZoneInfo:
    name = fields.text("timezone")
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        fields.fault("timezone", f"is {name!r}, expected an IANA zone such as 'Asia/Shanghai'")
        return ZoneInfo("UTC")


def _day(fields: Fields, field: str) -> date:
    value = fields.table.get(field)
    if not isinstance(value, date):
        fields.fault(field, f"is {value!r}, expected a date without quotes, such as 2020-11-01")
        return date.min
    return value


def _extent(fields: Fields) -> Extent:
    fields.only(Extent._fields)
    extent = Extent(
        west=fields.number("west", low=-180, high=180),
        south=fields.number("south", low=-90, high=90),
        east=fields.number("east", low=-180, high=180),
        north=fields.number("north", low=-90, high=90),
    )
    if extent.west >= extent.east or extent.south >= extent.north:
        fields.fault("west", "and south must be less than east and north; longitude first")
    return extent


def _targets(fields: Fields) -> Targets:
    return Targets(
        proactive=fields.number("proactive", low=0, high=1, default=0.85),
        closure=fields.number("closure", low=0, high=1, default=0.97),
        arrive_s=fields.number("arrive_s", low=1, high=_DAY_S, default=900),
        first_result_s=fields.number("first_result_s", low=1, high=_DAY_S, default=3600),
    )


def _calendar(fields: Fields, timezone: ZoneInfo) -> WorkCalendar:
    fields.only(("country", "hours", "free", "worked"))
    country = fields.text("country", default="")
    try:
        require_country(country)
    except CountryError as error:
        fields.fault("country", str(error))
        country = ""
    free, worked = (_days(fields, name) for name in ("free", "worked"))
    for day in sorted(free & worked):
        fields.fault("worked", f"names {day}, which `free` names too; leave it in one of them")
    spans = tuple(_span(fields, text) for text in fields.texts("hours")) or USUAL_HOURS
    if any(later.start < earlier.end for earlier, later in pairwise(spans)):
        fields.fault("hours", "overlap or are out of order; give them in order of time")
    return WorkCalendar(timezone=timezone, country=country, spans=spans, free=free, worked=worked)


def _span(fields: Fields, text: str) -> WorkSpan:
    found = _SHIFT.fullmatch(text)
    start, end = (time(int(found[a]), int(found[b])) for a, b in ((1, 2), (3, 4))) if found else (time(9), time(17))
    if not found or start >= end:
        fields.fault("hours", f"has {text!r}, expected a time of day to a later one, such as '08:30-12:00'")
    return WorkSpan(start=start, end=end)


def _days(fields: Fields, name: str) -> frozenset[date]:
    value = fields.table.get(name, [])
    if not isinstance(value, list) or not all(type(each) is date for each in value):
        fields.fault(name, f"is {value!r}, expected a list of dates without quotes, such as [2026-10-08]")
        return frozenset()
    return frozenset(value)


def read_forces(text: str, faults: list[Fault], *, datum: Datum, calendar: WorkCalendar | None = None) -> Roster:
    """Return the forces of `forces.csv`; duplicate numbers and terminals, and shifts that overlap, are faults.

    Args:
        datum: of the posts.
        calendar: for shifts of working or free days.
    """
    forces = []
    seen_at: dict[tuple[str, str], str] = {}
    for fields in read_rows(text, file=FORCES, columns=FORCE_COLUMNS, optional=FORCE_COLUMNS_MORE, faults=faults):
        force = _force(fields, datum, calendar)
        once(fields, seen_at, ("number", force.number), ("terminal", force.terminal or ""))
        forces.append(force)
    return Roster(forces=tuple(forces))


def _force(fields: Fields, datum: Datum, calendar: WorkCalendar | None) -> Force:
    side = fields.text("side")
    return Force(
        number=fields.text("number"),
        name=fields.text("name"),
        name_zh=fields.text("name_zh"),
        role=fields.text("role"),
        department=fields.text("department"),
        stage=fields.choice("stage", Stage),
        side=fields.choice("side", Side) if side and side != _ANY_SIDE else None,
        grid=fields.text("grid"),
        units=listed(fields, "units"),
        shifts=_shifts(fields, calendar),
        terminal=fields.text("terminal", default="") or None,
        post=_post(fields, datum),
        skills=listed(fields, "skills"),
    )


def _post(fields: Fields, datum: Datum) -> LonLat:
    before = len(fields.faults)
    post = LonLat(fields.number("lon", low=-180, high=180), fields.number("lat", low=-90, high=90))
    return convert(post, source=datum, target=Datum.WGS84) if len(fields.faults) == before else NOWHERE


def _shifts(fields: Fields, calendar: WorkCalendar | None) -> tuple[Shift, ...]:
    text = fields.text("shift", longest=1000)
    try:
        shifts = read_shifts(text or ALWAYS, calendar)
    except ShiftTextError as error:
        fields.fault("shift", str(error))
        return ()
    for one, other in collisions(shifts):
        both = f"{write_shifts((one,))} and {write_shifts((other,))}"
        fields.fault("shift", f"puts it on two shifts at once: {both} overlap; end one before the other begins")
    return shifts


def cross_faults(roster: Roster, *, grids: Sequence[str], units: Mapping[str, str]) -> list[Fault]:
    """Return the forces' faults against the boundaries.

    Args:
        grids: codes of the grids.
        units: grid code by unit code.
    """
    faults: list[Fault] = []
    for force in roster.forces:
        row = Fields({}, FORCES, force.number, faults)
        require_places(row, grid=force.grid, named=("units", force.units), grids=grids, units=units)
    return faults


def require_places(
    row: Fields, *, grid: str, named: tuple[str, Sequence[str]], grids: Sequence[str], units: Mapping[str, str]
) -> None:
    """Note a grid that is none, and units that lie in another; of a grid that is none or empty, units that are none.

    Args:
        row: whose `grid` it is.
        grid: as it stands there.
        named: the field of units, and their codes.
        grids: codes of the grids.
        units: grid code by unit code.
    """
    if grid and grid not in grids:
        row.fault("grid", f"{grid!r} is not a grid of this site; known: {', '.join(grids)}")
    field, codes = named
    for unit in codes:
        if unit not in units or (grid in grids and units[unit] != grid):
            row.fault(field, f"unit {unit} is not in grid {grid} (it is in {units.get(unit, 'none')})")


def skill_faults(roster: Roster, *, categories: Collection[str]) -> list[Fault]:
    """Return the forces' skills that no category's key is or begins with."""
    skills = {skill for force in roster.forces for skill in force.skills}
    unknown = {skill for skill in skills if not any(key.startswith(skill) for key in categories)}
    return [
        Fault(
            file=FORCES,
            feature=force.number,
            field="skills",
            problem=f"{skill!r} fits no class of {CATALOGUE}; write '<standard>/<kind>/<code>' or how several begin",
        )
        for force in roster.forces
        for skill in force.skills
        if skill in unknown
    ]
