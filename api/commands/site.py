"""`check`, `apply`, `export`: a site as a folder and as what the database holds."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from api.commands.report import give, say
from api.options import SAMPLE, DatabaseOption, DataOption, JsonOption, SiteArgument
from api.wiring import apply_site, open_book, opened_book, premises
from models.registry import BACKGROUND
from pipeline.clocks import WallClock
from pipeline.duty_ahead import missing, told
from pipeline.errors import PipelineError
from pipeline.scene_models import model_faults
from pipeline.site import Site
from pipeline.site_files import SiteFaultsError, read_site

app = typer.Typer()
AtOption = Annotated[
    datetime | None,
    typer.Option("--at", help="From when a week is looked ahead; now by default.", formats=["%Y-%m-%dT%H:%M%z"]),
]


class AheadError(PipelineError):
    """The files are sound, and something will be missing within a week."""

    def __init__(self, found: Sequence[str]) -> None:
        lines = "\n".join(f"  {each}" for each in found)
        super().__init__(f"{len(found)} thing{'s' if len(found) > 1 else ''} will be missing within a week\n{lines}")


class ExportFolderError(PipelineError):
    """The folder to export to has files in it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is not empty; name a new folder, nothing is overwritten")


def counted(site: Site) -> dict[str, object]:
    """Return how many of everything a site has."""
    return {
        "site": site.settings.code,
        "grids": len(site.boundaries.grids),
        "units": len(site.boundaries.units),
        "key_units": sum(unit.key for unit in site.boundaries.units),
        "cameras": len(site.cameras),
        "forces": len(site.roster.forces),
        "categories": len(site.catalogue.by_key),
        "scenes": len(site.scenes),
        "departments": len(site.organisation.departments),
        "officers": len(site.organisation.officers or ()),
        "stations": len(site.organisation.stations),
    }


def _moment(at: datetime | None) -> datetime:
    return WallClock().now() if at is None else at.astimezone(UTC)


@app.command()
def check(site: SiteArgument = SAMPLE, at: AtOption = None, as_json: JsonOption = False) -> None:
    """Report every fault of every file of a site in one run, and what will be missing within a week."""
    try:
        found = read_site(site)
    except SiteFaultsError as error:
        if as_json:
            give({"site": str(site), "faults": [str(fault) for fault in error.faults]}, as_json=True)
        raise
    doubts = _check_models(found, site, as_json=as_json)
    ahead = missing(found, _moment(at))
    found_ahead = [str(each) for each in ahead]
    give({**counted(found), "faults": [], "doubts": doubts, "ahead": found_ahead}, as_json=as_json)
    if ahead:
        raise AheadError(told(ahead, found))


def _check_models(found: Site, folder: Path, *, as_json: bool) -> list[str]:
    """Report the faults of the weights that scenes name, which only opening them can show; return what is doubtful."""
    named, doubts = found.settings.weights, list[str]()
    faults = model_faults(found.scenes, folder, site_weights=named if named != BACKGROUND else "", doubts=doubts)
    if faults:
        if as_json:
            give({"site": str(folder), "faults": [str(fault) for fault in faults]}, as_json=True)
        raise SiteFaultsError(str(folder), faults)
    for line in doubts:
        say(f"doubtful: {line}")
    return doubts


@app.command()
def apply(
    site: SiteArgument = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load a checked site into the database as a new version."""
    book = open_book(premises(site, data=data, database=database))
    try:
        loaded, version = apply_site(site, book, WallClock())
    finally:
        book.close()
    give({**counted(loaded), "version": version}, as_json=as_json)
    for line in told(missing(loaded, WallClock().now()), loaded):
        say(f"ahead: {line}")


@app.command()
def export(
    site: SiteArgument,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the files.")],
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write the applied site back as files."""
    with opened_book(site, data=data, database=database) as book:
        texts = book.site_documents()
    if folder.exists() and any(folder.iterdir()):
        raise ExportFolderError(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    say(f"{len(texts)} files written to {folder}")
