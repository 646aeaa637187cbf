"""`catalogue`: its tables out of and into the database, the national standard's classes, and a city's own list."""

from pathlib import Path
from typing import Annotated

import typer

from api.commands.report import give, say
from api.options import SAMPLE, DatabaseOption, DataOption, JsonOption, SiteOption
from api.organisation_tables import decoded
from api.wiring import opened_book
from geo.boundaries import Fault
from pipeline.casebook import Casebook
from pipeline.catalogue import Catalogue
from pipeline.catalogue_changes import CatalogueTable, by_table, edited, stored_catalogue, table_of
from pipeline.class_lists import Added, add_standard, own_template, put_list, read_own_list
from pipeline.clocks import WallClock
from pipeline.site_changes import Change, ChangeFaultsError, change_site

app = typer.Typer(help="What may be reported: classes, filing conditions, lists.", no_args_is_help=True)
TableArgument = Annotated[CatalogueTable, typer.Argument(help="Which table.")]
Csv = Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, help="The table.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="The CSV to write.")]
_MOST_SHOWN = 20


@app.command("export")
def export_table(
    table: TableArgument,
    output: Output,
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write the classes or the filing conditions of the applied site as CSV."""
    with opened_book(site, data=data, database=database) as book:
        documents = book.site_documents()
    output.write_text(table_of(stored_catalogue(documents), table), encoding="utf-8")
    say(f"written to {output}")


@app.command("import")
def import_table(
    table: TableArgument,
    path: Csv,
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace all classes, or all filing conditions; every fault is told at once, a class in use stays."""
    change = by_table(table, _text(path))
    with opened_book(site, data=data, database=database) as book:
        give({"table": table.value, **_changed(book, change)}, as_json=as_json)


@app.command("standard")
def import_standard(
    codes: Annotated[
        Path, typer.Argument(metavar="CODES.csv", exists=True, help="GB/T 47678.5-2026: kind, code, name.")
    ],
    mappings: Annotated[
        Path | None, typer.Option("--mappings", exists=True, help="Numbers in GB/T 30428.2-2013 and CJ/T 214-2007.")
    ] = None,
    tiers: Annotated[
        Path | None, typer.Option("--conditions", exists=True, help="Filing conditions with deadlines, as seed.")
    ] = None,
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add all classes of the national standard, switched off; what the catalogue says already stays."""
    done: list[Added] = []

    def edit(before: Catalogue) -> Catalogue:
        faults: list[Fault] = []
        added = add_standard(
            before,
            codes=_text(codes),
            mappings=_text(mappings),
            tiers=_text(tiers),
            faults=faults,
            names=(codes.name, mappings.name if mappings else "", tiers.name if tiers else ""),
        )
        if faults:
            raise ChangeFaultsError(faults)
        done.append(added)
        return added.catalogue

    with opened_book(site, data=data, database=database) as book:
        figures = _changed(book, edited(edit))
    added = done[-1]
    for line in added.beside[:_MOST_SHOWN]:
        say(f"left aside: {line}")
    if len(added.beside) > _MOST_SHOWN:
        say(f"left aside: {len(added.beside) - _MOST_SHOWN} more")
    counts = {"added": len(added.classes), "mapped": dict(added.mapped), "conditions": added.conditions}
    give({**counts, "left_aside": len(added.beside), **figures}, as_json=as_json)


@app.command("list")
def import_list(
    path: Csv,
    standard: Annotated[str, typer.Option("--standard", help="What the list is called in keys, such as SH-2024.")],
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a city's own list, such as Shanghai's, or its next edition; `template` writes the empty table to fill."""
    faults: list[Fault] = []
    found = read_own_list(_text(path), standard=standard, file=path.name, faults=faults)
    if faults:
        raise ChangeFaultsError(faults)
    with opened_book(site, data=data, database=database) as book:
        give({"classes": len(found), **_changed(book, edited(lambda before: put_list(before, found)))}, as_json=as_json)


@app.command("template")
def write_template(output: Output) -> None:
    """Write an empty table for a city's own list: a heading, no rows."""
    output.write_text("\ufeff" + own_template(), encoding="utf-8")
    say(f"written to {output}")


def _changed(book: Casebook, change: Change) -> dict[str, object]:
    changed, version = change_site(book, change, now=WallClock().now())
    return {"categories": len(changed.catalogue.by_key), "version": version}


def _text(path: Path | None) -> str:
    return decoded(path.read_bytes(), str(path)) if path else ""
