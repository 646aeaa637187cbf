"""`organisation`: who leads and who is on duty, and its tables out of and into the database."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from api.commands.report import give, say
from api.options import SAMPLE, DatabaseOption, DataOption, JsonOption, SiteOption
from api.organisation_now import duty_now, organisation_now
from api.organisation_tables import Table, decoded, table_text
from api.wiring import opened_book
from pipeline.casebook import Casebook
from pipeline.clocks import WallClock
from pipeline.duty_ahead import missing, told
from pipeline.site import Site
from pipeline.site_changes import change_site
from pipeline.site_files import site_from_documents

app = typer.Typer(help="Who leads, who is on duty, and the tables of it.", no_args_is_help=True)
TableArgument = Annotated[Table, typer.Argument(help="Which table.")]
AtOption = Annotated[
    datetime | None,
    typer.Option("--at", formats=["%Y-%m-%dT%H:%M%z"], help="A moment such as 2026-11-29T03:00+0800; now by default."),
]


@app.command()
def show(
    site: SiteOption = SAMPLE, data: DataOption = None, database: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """Show grids with chiefs, units with heads, stations, departments, and who commands."""
    with opened_book(site, data=data, database=database) as book:
        found = organisation_now(_applied(book), WallClock().now(), version=book.site_version())
    if as_json:
        give(found.model_dump(mode="json"), as_json=True)
        return
    say(f"commands: {found.command.officer.name if found.command else 'nobody'}")
    for grid in found.grids:
        chiefs = ", ".join(each.name for each in grid.chiefs) or "no chief"
        stations = ", ".join(each.name for each in grid.stations) or "no station"
        say(f"{grid.code} ({'on' if grid.on else 'off'}): {chiefs}; {stations}; {grid.forces} forces")
        for unit in grid.units:
            say(f"  {unit.code} {unit.name}: {', '.join(each.name for each in unit.heads) or 'no head'}")


@app.command()
def duty(
    site: SiteOption = SAMPLE,
    at: AtOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who is on duty or on standby at a moment."""
    with opened_book(site, data=data, database=database) as book:
        applied = _applied(book)
    found = duty_now(applied, _moment(at))
    if as_json:
        give(found.model_dump(mode="json"), as_json=True)
        return
    here = found.at.astimezone(applied.settings.timezone)
    say(f"{here:%a %Y-%m-%d %H:%M}: {'patrol hours' if found.patrol_hours else 'outside patrol hours'}")
    for each in found.forces:
        say(f"{each.grid} {each.number} {each.name}: {each.state}, {', '.join(each.sides)} ({each.reason})")


@app.command()
def ahead(
    site: SiteOption = SAMPLE,
    at: AtOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what will be missing within a week: hours without anybody, posts without a holder."""
    with opened_book(site, data=data, database=database) as book:
        applied = _applied(book)
    found = missing(applied, _moment(at))
    give({"missing": [str(each) for each in found]}, as_json=as_json)
    for line in told(found, applied):
        say(line)


@app.command("export")
def export_table(
    table: TableArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The CSV to write.")],
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write a table of the applied site as CSV."""
    with opened_book(site, data=data, database=database) as book:
        text = table_text(book.site_documents(), table)
    output.write_text(text, encoding="utf-8")
    say(f"written to {output}")


@app.command("import")
def import_table(
    table: TableArgument,
    path: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The whole table.", exists=True, dir_okay=False)],
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace a table of the applied site; the whole is checked first, and every fault is told at once."""
    text = decoded(path.read_bytes(), str(path))
    with opened_book(site, data=data, database=database) as book:
        now = WallClock().now()
        changed, version = change_site(book, lambda _, __: {table.file: text}, now=now)
        found = missing(changed, now)
    give({"table": table.value, "version": version, "ahead": [str(each) for each in found]}, as_json=as_json)
    for line in told(found, changed):
        say(f"ahead: {line}")


def _applied(book: Casebook) -> Site:
    return site_from_documents(book.site_documents())


def _moment(at: datetime | None) -> datetime:
    return WallClock().now() if at is None else at.astimezone(UTC)
