"""A site's folder: read and checked as a whole, every fault of every file in one go; and its documents as text.

Owns which files make a site. What is inside each belongs to `configuration`, `camera_features` and
`geo.feature_files`.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import time
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

from geo.boundaries import BoundaryVersion, Fault, Grid, Unit
from geo.boundary_faults import find_faults
from geo.coords import Extent, LonLat
from geo.errors import GeoError
from geo.feature_files import FeatureFileError, read_camera_features, read_grids, read_units
from geo.locate import Locator
from geo.road_files import Lines, lines_of, read_road_lines, road_document
from geo.roads import RoadGraph
from pipeline.camera_features import CAMERAS, read_cameras
from pipeline.catalogue import Catalogue
from pipeline.configuration import (
    CATALOGUE,
    FORCES,
    NOWHERE,
    SITE,
    SiteTable,
    cross_faults,
    read_catalogue,
    read_forces,
    read_settings,
    skill_faults,
)
from pipeline.duty_pattern import pattern_faults
from pipeline.errors import PipelineError
from pipeline.escalation_table import escalation_faults
from pipeline.fields import UnreadFault
from pipeline.organisation import DepartmentKind, Organisation
from pipeline.organisation_files import COLUMNS as ORGANISATION
from pipeline.organisation_files import (
    DEPARTMENTS,
    OFFICERS,
    STATIONS,
    TURNS,
    department_faults,
    organisation_faults,
    read_organisation,
)
from pipeline.points_policy import points_faults
from pipeline.roster import Roster, Stage
from pipeline.roster_files import DUTY_CHANGES, read_changes
from pipeline.scene_files import SCENES, read_scenes
from pipeline.site import OutsideError, Site, SiteSettings

GRIDS, UNITS, STREETS = "grids.geojson", "units.geojson", "streets.geojson"
ROADS = "roads.wgs84.geojson"
"""The streets as documents and exports have them; a folder may have any file that `site.toml` names instead."""
REQUIRED = (SITE, GRIDS, UNITS, CAMERAS, FORCES, CATALOGUE, SCENES)
OPTIONAL = (STREETS, *ORGANISATION, DUTY_CHANGES)
LARGEST_BYTES = 64 * 2**20
_NAMED_IN: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        (SITE, "duty.outside"): (FORCES,),
        (SITE, "rollout.grids"): (GRIDS,),
        (SITE, "points categories"): (CATALOGUE,),
        (CATALOGUE, "department"): (DEPARTMENTS,),
        (CATALOGUE, "first_roles"): (FORCES,),
        (SCENES, "category"): (CATALOGUE,),
        (CAMERAS, "scenes"): (SCENES,),
        (FORCES, "grid"): (GRIDS,),
        (FORCES, "units"): (UNITS,),
        (FORCES, "department"): (DEPARTMENTS,),
        (FORCES, "skills"): (CATALOGUE,),
        (DUTY_CHANGES, "number"): (FORCES,),
        (DUTY_CHANGES, "from"): (SITE,),  # which days are worked
        (OFFICERS, "of"): (GRIDS, UNITS),
        (STATIONS, "grid"): (GRIDS,),
        (STATIONS, "unit"): (UNITS,),
        (STATIONS, "resident"): (DEPARTMENTS,),
        (STATIONS, "seconded"): (DEPARTMENTS,),
        (TURNS, "officer"): (OFFICERS,),
    }
)
"""In which other files that stands which a field names: where such a file cannot be read, the field is not judged."""

_ANYWHERE: Final = Extent(-180.0, -90.0, 180.0, 90.0)
CameraFeature = tuple[LonLat, dict[str, Any]]
T = TypeVar("T")


class SiteFaultsError(PipelineError):
    """A site's files have faults; all of them are listed."""

    def __init__(self, folder: str, faults: Sequence[Fault]) -> None:
        lines = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"{folder}: {len(faults)} fault{'s' if len(faults) > 1 else ''}\n{lines}")
        self.faults = tuple(faults)


def read_site(folder: Path) -> Site:
    """Read and check a site's folder.

    Raises:
        SiteFaultsError: with every fault of every file.
    """
    faults: list[Fault] = []
    texts = documents(folder, faults)
    site = _build(folder, texts, faults)
    if site is None:
        raise SiteFaultsError(str(folder), faults)
    return site


def documents(folder: Path, faults: list[Fault]) -> dict[str, str]:
    """Return the text of each file of a site by name, noting the ones that are missing, too large or not UTF-8."""
    read = {name: document(folder, name, faults) for name in (*REQUIRED, *OPTIONAL)}
    texts = {name: text for name, text in read.items() if text is not None}
    if SITE in texts:
        texts |= _road_document(folder, texts[SITE], faults)
    return texts


def document(folder: Path, name: str, faults: list[Fault]) -> str | None:
    """Return the text of one file of a site, noting what is wrong with it; None where it is not there or unreadable."""
    path = folder / name
    problem = ""
    if not path.is_file():
        problem = f"is missing in {folder}; add it" if name in REQUIRED else ""
    elif path.stat().st_size > LARGEST_BYTES:
        problem = f"has {path.stat().st_size:,} bytes, expected {LARGEST_BYTES:,} at most; simplify it"
    else:
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            problem = f"is not UTF-8 at byte {error.start}; save it as UTF-8"
    if problem:
        faults.append(UnreadFault(file=name, feature="", field="", problem=problem))
    return None


def _road_document(folder: Path, site: str, faults: list[Fault]) -> dict[str, str]:
    """Return the streets around the site as a document; a file of them may be binary, and as large as a country."""
    table = read_settings(site, [])  # its own faults are told by whoever builds the site
    name = table.settings.roads
    if not name:
        return {}
    if (folder / name).is_file():
        extent, datum = table.settings.extent, table.datums["roads"]
        none: Lines = []
        lines = _noting(faults, name, lambda: read_road_lines(folder / name, datum=datum, extent=extent), none)
        return {ROADS: road_document(lines)} if lines else {}
    if (folder / ROADS).is_file():
        return {ROADS: (folder / ROADS).read_text(encoding="utf-8")}
    faults.append(Fault(file=name, feature="", field="", problem=f"is named in {SITE} and missing in {folder}; add it"))
    return {}


def _roads(texts: Mapping[str, str], faults: list[Fault]) -> RoadGraph | None:
    if ROADS not in texts:
        return None
    return _noting(faults, ROADS, lambda: RoadGraph.over(lines_of(texts[ROADS], file=ROADS)), None)


def site_from_documents(texts: Mapping[str, str]) -> Site:
    """Read a site from its documents, as the casebook keeps them.

    Raises:
        SiteFaultsError: they have faults.
    """
    with tempfile.TemporaryDirectory(prefix="beatgrid-site-") as folder:
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return read_site(Path(folder))


def _build(folder: Path, texts: Mapping[str, str], faults: list[Fault]) -> Site | None:
    """Return the site that files make; None where they have faults."""
    table = read_settings(texts[SITE], faults) if SITE in texts else read_settings("", [])
    settings = table.settings
    boundaries = _boundaries(folder, texts, table, faults)
    catalogue = read_catalogue(texts.get(CATALOGUE, ""), faults)
    scenes = read_scenes(texts.get(SCENES, ""), faults, categories=catalogue, calendar=settings.calendar)
    features = _camera_features(folder, texts, table, faults)
    extent = settings.extent if _is_placed(faults) else _ANYWHERE
    cameras = read_cameras(features, faults, scenes=scenes, extent=extent)
    roster = _roster(texts, table, faults)
    organisation = read_organisation(texts, faults, calendar=settings.calendar)
    streets, roads = _streets(texts.get(STREETS), faults), _roads(texts, faults)
    if not any(each.file == SITE for each in faults):
        faults += _untimed(settings, catalogue)
    faults += _between(settings, boundaries, catalogue, roster, organisation)
    if _is_placed(faults) and not {GRIDS, UNITS} & {each.file for each in faults}:
        faults += _outside(settings.code, boundaries, features, roster)
    if faults:
        faults[:] = _without_consequences(faults)
        return None
    return Site(
        settings=settings, boundaries=boundaries, cameras=cameras, roster=roster, catalogue=catalogue,
        scenes=scenes, streets=streets, organisation=organisation, roads=roads,
    )  # fmt: skip


def _without_consequences(faults: Sequence[Fault]) -> list[Fault]:
    """Return the faults less those of fields that name what stands in a file that could not be read."""
    unread = {each.file for each in faults if isinstance(each, UnreadFault)}
    return [
        each for each in faults if isinstance(each, UnreadFault) or unread.isdisjoint(_NAMED_IN.get(_named(each), ()))
    ]


def _named(fault: Fault) -> tuple[str, str]:
    """Return a fault's file and field; for `site.toml` the table, whose fields may be the names themselves."""
    return fault.file, fault.feature.partition(" #")[0] if fault.file == SITE else fault.field


def _camera_features(
    folder: Path, texts: Mapping[str, str], table: SiteTable, faults: list[Fault]
) -> list[CameraFeature]:
    none: list[CameraFeature] = []
    if CAMERAS not in texts:
        return none
    return _noting(faults, CAMERAS, lambda: read_camera_features(folder / CAMERAS, table.datums["cameras"]), none)


def _roster(texts: Mapping[str, str], table: SiteTable, faults: list[Fault]) -> Roster:
    roster, calendar = Roster(forces=()), table.settings.calendar
    if FORCES in texts:
        roster = read_forces(texts[FORCES], faults, datum=table.datums["forces"], calendar=calendar)
    if DUTY_CHANGES in texts:
        roster = read_changes(texts[DUTY_CHANGES], faults, roster=roster, calendar=calendar)
    return roster


def _untimed(settings: SiteSettings, catalogue: Catalogue) -> list[Fault]:
    calendar, categories = settings.calendar, catalogue.by_key.values()
    start = calendar.instant(settings.valid_from, time.min)
    return escalation_faults(settings.escalation, categories, calendar=calendar, start=start, file=SITE)


def _between(
    settings: SiteSettings,
    boundaries: BoundaryVersion,
    catalogue: Catalogue,
    roster: Roster,
    organisation: Organisation,
) -> list[Fault]:
    """Return what files name that others do not have."""
    grids = [grid.code for grid in boundaries.grids]
    units = {unit.code: unit.grid for unit in boundaries.units}
    roles = frozenset(force.role for force in roster.forces)
    return [
        *cross_faults(roster, grids=grids, units=units),
        *skill_faults(roster, categories=catalogue.by_key),
        *organisation_faults(organisation, grids=grids, units=units),
        *pattern_faults(settings.duty, settings.rollout, grids=grids, roles=roles, file=SITE),
        *points_faults(settings.points, categories=catalogue.by_key, file=SITE),
        *_departments(organisation, roster, catalogue),
        *_first_roles(roster, catalogue),
    ]


def _departments(organisation: Organisation, roster: Roster, catalogue: Catalogue) -> list[Fault]:
    """Return the forces and categories whose department is not listed, or of a kind that cannot follow up."""
    found: list[Fault] = []
    for force in roster.forces:
        found += department_faults(force.department, file=FORCES, feature=force.number, organisation=organisation)
        named = organisation.department(force.department)
        if force.stage is Stage.FOLLOW_UP and named is not None and named.kind is not DepartmentKind.FOLLOW_UP:
            problem = f"{force.department} is of kind {named.kind}, expected follow_up for a follow-up force"
            found.append(Fault(file=FORCES, feature=force.number, field="department", problem=problem))
    for key, category in catalogue.by_key.items():
        if not category.department:
            continue  # where one is needed, the catalogue's own fault says so
        found += department_faults(category.department, file=CATALOGUE, feature=key, organisation=organisation)
        named = organisation.department(category.department)
        if named is not None and named.kind is DepartmentKind.FIRST:
            problem = f"{named.code} is of kind first, expected follow_up or outside for who answers for a class"
            found.append(Fault(file=CATALOGUE, feature=key, field="department", problem=problem))
    return found


def _first_roles(roster: Roster, catalogue: Catalogue) -> list[Fault]:
    """Return the roles that categories name and no first force has; nothing where the roster could not be read."""
    known = sorted({force.role for force in roster.forces if force.stage is Stage.FIRST})
    return [
        Fault(
            file=CATALOGUE,
            feature=key,
            field="first_roles",
            problem=f"{role!r} is no first force's role; known: {', '.join(known)}",
        )
        for key, category in catalogue.by_key.items()
        for role in category.first_roles
        if known and role not in known
    ]


def _boundaries(folder: Path, texts: Mapping[str, str], table: SiteTable, faults: list[Fault]) -> BoundaryVersion:
    """Return grids and units, none of a file that cannot be read."""
    grids: tuple[Grid, ...] = ()
    units: tuple[Unit, ...] = ()
    datums = table.datums
    if GRIDS in texts:
        grids = _noting(faults, GRIDS, lambda: read_grids(folder / GRIDS, datums["grids"]), grids)
    if UNITS in texts:
        units = _noting(faults, UNITS, lambda: read_units(folder / UNITS, datums["units"]), units)
    version = BoundaryVersion(valid_from=table.settings.valid_from, grids=grids, units=units)
    if grids and units:
        extent = table.settings.extent if _is_placed(faults) else None
        faults += find_faults(version, extent=extent, grids_datum=datums["grids"], units_datum=datums["units"])
    return version


def _is_placed(faults: Sequence[Fault]) -> bool:
    """Tell whether `site.toml` says in which extent the site lies and in which datum each file is."""
    said = [each for each in faults if each.file == SITE]
    return not any(isinstance(each, UnreadFault) or each.feature in {"datum", "extent"} for each in said)


def _noting(faults: list[Fault], file: str, read: Callable[[], T], otherwise: T) -> T:
    """Read, noting faults; what is readable in spite of them is checked further."""
    try:
        return read()
    except FeatureFileError as error:
        faults += map(UnreadFault.of, error.faults)
        return cast("T", error.readable) or otherwise
    except GeoError as error:
        faults.append(UnreadFault(file=file, feature="", field="", problem=str(error)))
    return otherwise


def _streets(text: str | None, faults: list[Fault]) -> Mapping[str, object] | None:
    if text is None:
        return None
    try:
        streets = json.loads(text)
    except json.JSONDecodeError as error:
        faults.append(Fault(file=STREETS, feature="", field="", problem=f"is not JSON: {error}"))
        return None
    if not isinstance(streets, dict) or streets.get("type") != "FeatureCollection":
        faults.append(Fault(file=STREETS, feature="", field="type", problem="expected a FeatureCollection of lines"))
        return None
    return streets


def _outside(
    site: str, boundaries: BoundaryVersion, cameras: Sequence[CameraFeature], roster: Roster
) -> Iterator[Fault]:
    """Yield the cameras and forces that stand in no unit, and so in no grid."""
    units = Locator.from_polygons([unit.code for unit in boundaries.units], [unit.area for unit in boundaries.units])
    places = [(CAMERAS, str(told.get("code") or f"#{index}"), at) for index, (at, told) in enumerate(cameras, 1)]
    places += [(FORCES, force.number, force.post) for force in roster.forces if force.post is not NOWHERE]
    for file, feature, lonlat in places:
        if units.locate(lonlat) is None:
            yield Fault(file=file, feature=feature, field="lon,lat", problem=str(OutsideError(lonlat, site)))
