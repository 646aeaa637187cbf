"""The organisation as it stands at a moment, put together for answers and for the command line."""

from datetime import datetime

from api.organisation_schemas import (
    AheadOut,
    CommandOut,
    DepartmentOut,
    DutyOut,
    ForceDutyOut,
    GridOut,
    MissingOut,
    OfficerOut,
    OrganisationOut,
    StationOut,
    UnitOut,
)
from geo.boundaries import Grid, Unit
from pipeline.duty import on_duty_in
from pipeline.duty_ahead import missing
from pipeline.organisation import Post
from pipeline.site import Site


def organisation_now(
    site: Site, now: datetime, *, version: int, grids: frozenset[str] | None = None
) -> OrganisationOut:
    """Return the organisation as it stands; `grids` leaves out all others."""
    return OrganisationOut(
        version=version,
        grids=[_grid(site, each, now) for each in site.boundaries.grids if grids is None or each.code in grids],
        departments=[
            DepartmentOut(
                code=each.code,
                name=each.name,
                name_zh=each.name_zh,
                kind=each.kind,
                forces=sum(force.department == each.code for force in site.roster.forces),
            )
            for each in site.organisation.departments
        ],
        command=command_now(site, now),
    )


def duty_now(site: Site, at: datetime, *, grids: frozenset[str] | None = None) -> DutyOut:
    """Return who is on duty at a moment; `grids` leaves out all others."""
    codes = [grid.code for grid in site.boundaries.grids if grids is None or grid.code in grids]
    found = [pair for code in codes for pair in on_duty_in(site, code, at)]
    return DutyOut(
        at=at,
        patrol_hours=site.settings.duty.in_hours(at, site.settings.timezone),
        command=command_now(site, at),
        forces=[ForceDutyOut.of(force, duty) for force, duty in found],
    )


def ahead_now(site: Site, now: datetime, *, grids: frozenset[str] | None = None) -> AheadOut:
    """Return what will be missing within a week; `grids` leaves out all others, their units, and the centre."""
    found = missing(site, now)
    if grids is not None:
        places = grids | {unit.code for unit in site.boundaries.units if unit.grid in grids}
        found = [each for each in found if each.where in places]
    return AheadOut(at=now, missing=[MissingOut.of(each) for each in found])


def command_now(site: Site, now: datetime) -> CommandOut | None:
    """Return who commands at a moment."""
    command = site.organisation.commander(now, site.settings.calendar)
    if command is None:
        return None
    officer = next(each for each in site.organisation.officers or () if each.number == command.officer)
    return CommandOut(officer=OfficerOut.of(officer), start=command.start, end=command.end)


def _grid(site: Site, grid: Grid, now: datetime) -> GridOut:
    organisation, day = site.organisation, site.settings.calendar.local_day(now)
    return GridOut(
        code=grid.code,
        name=grid.name,
        name_zh=grid.name_zh,
        chiefs=[OfficerOut.of(each) for each in organisation.holders(Post.GRID_CHIEF, grid.code, day)],
        deputies=[OfficerOut.of(each) for each in organisation.holders(Post.DEPUTY_GRID_CHIEF, grid.code, day)],
        stations=[StationOut.of(each) for each in organisation.stations_of(grid.code)],
        units=[_unit(site, each, now) for each in site.boundaries.units if each.grid == grid.code],
        forces=sum(force.grid == grid.code for force in site.roster.forces),
        on=site.settings.rollout.is_on(grid.code, now, site.settings.timezone),
    )


def _unit(site: Site, unit: Unit, now: datetime) -> UnitOut:
    organisation, day = site.organisation, site.settings.calendar.local_day(now)
    return UnitOut(
        code=unit.code,
        name=unit.name,
        name_zh=unit.name_zh,
        key=unit.key,
        heads=[OfficerOut.of(each) for each in organisation.holders(Post.UNIT_HEAD, unit.code, day)],
        deputies=[OfficerOut.of(each) for each in organisation.holders(Post.DEPUTY_UNIT_HEAD, unit.code, day)],
        stations=[StationOut.of(each) for each in organisation.stations_of(unit.grid, unit.code)],
    )
