"""`heatmap`: who discovers what, where and when, as one page that needs no network."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.commands.report import give
from api.discovery import discovery_page
from api.options import SAMPLE, DatabaseOption, DataOption, JsonOption, SiteArgument
from api.services import Services
from api.wiring import wired_site
from geo.heatmap import Period, write_heatmap
from pipeline.principal import PIPELINE

app = typer.Typer()
Language = Literal["zh", "en"]


def draw_site(services: Services, path: Path, *, by: Period, language: Language = "zh") -> int:
    """Write a site's heatmap; returns how many cases it shows."""
    write_heatmap(path, discovery_page(services, PIPELINE, by=by, language=language))
    return len(services.casebook.kept())


@app.command()
def heatmap(
    site: SiteArgument = SAMPLE,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("heatmap.html"),
    by: Annotated[Period, typer.Option("--by", help="Length of the slider's steps.")] = Period.WEEK,
    language: Annotated[Language, typer.Option("--language", help="What it opens in; the page can switch.")] = "zh",
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the heatmap of discovery share."""
    with wired_site(site, data=data, database=database) as services:
        shown = draw_site(services, output, by=by, language=language)
    give({"cases": shown, "heatmap": str(output)}, as_json=as_json)
