"""`hotline` and `places`: tickets as a table, and the codes that shops hang up."""

from pathlib import Path
from typing import Annotated

import typer

from api.commands.report import give, say
from api.options import SAMPLE, DatabaseOption, DataOption, JsonOption, SiteOption, writable
from api.organisation_tables import decoded
from api.services import Services
from api.wiring import wired_site
from geo.coords import Datum
from pipeline.front_desk import FrontDesk
from pipeline.principal import Principal, Role
from pipeline.printed_codes import chosen, sheet

hotline = typer.Typer(help="Tickets of the hotline.", no_args_is_help=True)
places = typer.Typer(help="Printed codes: places where the public reports without log-in.", no_args_is_help=True)
OPERATOR = Principal(name="command line", role=Role.ADMIN)
Csv = Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, help="The table.")]
DatumOption = Annotated[Datum, typer.Option("--datum", help="Datum of its positions.")]


@hotline.command("import")
def import_tickets(
    path: Csv,
    bad: Annotated[
        Path,
        typer.Option("--bad", callback=writable, help="Where the rows go that were not taken, with their reasons."),
    ],
    source: Annotated[str, typer.Option("--source", help="Whose tickets they are.")] = "12345",
    datum: DatumOption = Datum.WGS84,
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take tickets in: good rows once, however often; bad ones are written beside, with every reason."""
    with wired_site(site, data=data, database=database) as services:
        text = decoded(path.read_bytes(), str(path))
        done = _desk(services).tickets(text, file=path.name, principal=OPERATOR, datum=datum, source=source)
    if done.bad:
        bad.write_text("\ufeff" + done.bad, encoding="utf-8")
        say(f"{done.bad_rows} rows were not taken; they and the reasons are in {bad}")
    counts = {"opened": len(done.opened), "attached": len(done.attached), "known": len(done.known)}
    give({**counts, "bad": done.bad_rows}, as_json=as_json)
    if done.bad:
        raise typer.Exit(1)


@places.command("import")
def import_places(
    path: Csv,
    datum: DatumOption = Datum.WGS84,
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a printed code for each row of name, lon, lat; with any fault none is made."""
    with wired_site(site, data=data, database=database) as services:
        text = decoded(path.read_bytes(), str(path))
        made = _desk(services).make_places(text, file=path.name, principal=OPERATOR, datum=datum)
    for each in made:
        say(f"{each.code}  {each.name}")
    give({"made": len(made), "codes": {each.name: each.code for each in made}}, as_json=as_json)


@places.command("sheet")
def print_sheet(
    output: Annotated[Path, typer.Option("--output", "-o", callback=writable, help="The PDF to write.")],
    base_url: Annotated[str, typer.Option("--base-url", help="Where the public reaches this site, such as https://…")],
    code: Annotated[list[str] | None, typer.Option("--code", help="Only this code; may be repeated.")] = None,
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Print the codes of all places in use, or of those that are named, as A4 sheets, twelve to a page."""
    with wired_site(site, data=data, database=database) as services:
        found = chosen(services.casebook.read(lambda now: now.printed_places()), code or ())
    output.write_bytes(sheet(found, base_url=base_url, heading=services.site.settings.name_zh))
    say(f"{len(found)} codes written to {output}")


@places.command("end")
def end_place(
    code: Annotated[str, typer.Argument(help="The code to take out of use.")],
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Take a printed code out of use."""
    with wired_site(site, data=data, database=database) as services:
        _desk(services).end_place(code, principal=OPERATOR)
    say(f"{code} is not taken any more")


def _desk(services: Services) -> FrontDesk:
    return FrontDesk(site=services.site, casebook=services.casebook, desk=services.desk, clock=services.clock)
