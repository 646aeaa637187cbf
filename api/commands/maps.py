"""`heatmap`: who discovers what, where and when, as one page that needs no network."""

from pathlib import Path
from typing import Annotated

import typer

from api.commands.report import say
from api.options import SAMPLE, VENDOR, DatabaseOption, DataOption, SiteArgument
from api.wiring import current_site, open_book, premises
from geo.heatmap import GridOutline, HeatmapCase, Period, write_heatmap
from pipeline.casebook import Casebook
from pipeline.clocks import WallClock
from pipeline.site import Site

app = typer.Typer()


def draw_site(site: Site, book: Casebook, path: Path, *, by: Period, language: str = "zh", note: str = "") -> int:
    """Write a site's heatmap; returns how many cases it shows."""
    cases = [
        HeatmapCase(lonlat=case.lonlat, occurred_at=case.occurred_at, channel=case.channel.value, grid=case.grid)
        for case in book.kept()
    ]
    grids = [
        GridOutline(code=grid.code, name=grid.name, name_zh=grid.name_zh, polygon=grid.area)
        for grid in site.boundaries.grids
    ]
    write_heatmap(
        path,
        cases,
        grids,
        by=by,
        timezone=site.settings.timezone,
        title=f"{site.settings.name_zh} {site.settings.name}",
        language=language,
        note=note or None,
        assets=VENDOR,
    )
    return len(cases)


@app.command()
def heatmap(
    site: SiteArgument = SAMPLE,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("heatmap.html"),
    by: Annotated[Period, typer.Option("--by", help="Length of the slider's steps.")] = Period.WEEK,
    language: Annotated[str, typer.Option("--language", help="zh or en; the page can switch.")] = "zh",
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Draw the heatmap of discovery share."""
    book = open_book(premises(site, data=data, database=database))
    try:
        shown = draw_site(current_site(site, book, WallClock()), book, output, by=by, language=language)
    finally:
        book.close()
    say(f"{shown} cases drawn to {output}")
