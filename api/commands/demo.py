"""`demo`: the whole path at once, from a street clip to a served console and a heatmap."""

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from api.commands.live import (
    detector_maker,
    serve_until_stopped,
    serving_detector,
    show,
    sources_of,
    watch,
)
from api.commands.maps import draw_site
from api.commands.report import errors, give, say
from api.errors import ApiError
from api.options import SAMPLE, JsonOption, SiteArgument, SourceOption, WeightsOption
from api.services import Services
from api.wiring import Premises, premises, wire
from geo.heatmap import Period
from models.detector import Detector
from models.errors import NoWeightsError
from models.registry import BACKGROUND, VARIABLE
from pipeline.run import RunSettings
from pipeline.simulated_reports import NOTE, Rates, simulate_reports
from pipeline.street_clip import LENGTH_S, Street, write_clip

app = typer.Typer()
_OWN = ("beatgrid.db", "tokens.toml", "evidence", "street.avi", "heatmap.html")
DEMO_CAMERA = "demo-street"
_REMARK = f"演示数据：八周历史为模拟。Demo: eight weeks of history are {NOTE}."

DemoData = Annotated[
    Path | None, typer.Option("--data", envvar="BEATGRID_DATA", help="The demo's own folder; emptied first.")
]


@app.command()
def demo(
    site: SiteArgument = SAMPLE,
    headless: Annotated[bool, typer.Option("--headless", help="End after the figures; serve nothing.")] = False,
    source: SourceOption = None,
    weights: WeightsOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port of the console.")] = 8080,
    data: DemoData = None,
    as_json: JsonOption = False,
) -> None:
    """Discover, dispatch and map: with your footage, or with a street clip that is drawn for it."""
    where = _fresh(premises(site, data=(data or site / "data") / "demo"))
    services = wire(site, where)
    try:
        _simulate(services)
        clip = sources_of(source) or {DEMO_CAMERA: str(_draw_clip(services, where))}
        maker = _detector(site, services, weights, drawn=not source)
        start = services.clock.now() - timedelta(seconds=LENGTH_S)
        figures = watch(services, clip, maker, settings=RunSettings(until_end=True, start=start))
        page = where.data / "heatmap.html"
        draw_site(services, page, by=Period.WEEK, remark=_REMARK)
        if as_json:
            give({**figures.as_dict(), "heatmap": str(page)}, as_json=True)
        else:
            show(figures, as_json=False)
            say(f"heatmap: {page}")
        if not headless:
            with serving_detector(services, maker) as ready:
                serve_until_stopped(ready, host="127.0.0.1", port=port)
    finally:
        services.casebook.close()


class ForeignFilesError(ApiError):
    """The demo's folder holds files that no demo wrote."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        super().__init__(
            f"{folder} holds {', '.join(names[:5])}, which no demo wrote; it is not emptied; give another --data"
        )


def _fresh(where: Premises) -> Premises:
    """Empty the demo's own folder: what a demo shows is its own run.

    Raises:
        ForeignFilesError: something else lies in it; nothing was removed.
    """
    if not where.data.exists():
        return where
    foreign = [path.name for path in where.data.iterdir() if not path.name.startswith(_OWN)]
    if foreign:
        raise ForeignFilesError(where.data, foreign)
    shutil.rmtree(where.data)
    return where


def _simulate(services: Services) -> None:
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as drawn:
        task = drawn.add_task("simulating eight weeks of reports", total=None)
        opened = simulate_reports(
            services.site,
            services.casebook,
            services.evidence,
            until=services.clock.now(),
            rates=Rates(),
            progress=lambda done, total: drawn.update(task, completed=done, total=total),
        )
    say(f"{opened} cases of eight past weeks simulated, marked as such")


def _draw_clip(services: Services, where: Premises) -> Path:
    say("no footage given (--source CAMERA=URI): drawing a 48-second street clip")
    return write_clip(Street.at(services.site.camera(DEMO_CAMERA)), where.data / "street.avi")


def _detector(site: Path, services: Services, weights: str | None, *, drawn: bool) -> Callable[[], Detector]:
    """Return the detector's maker; a drawn clip, or a machine without weights, gets the background detector."""
    named = weights or os.environ.get(VARIABLE)
    if drawn and not weights:
        say("the drawn clip is read with the background detector: no weights know drawn cars")
        return detector_maker(site, BACKGROUND, "")
    maker = detector_maker(site, named, services.site.settings.weights)
    try:
        maker().close()
    except NoWeightsError as error:
        say(f"{error}\nGoing on with the background detector.")
        return detector_maker(site, BACKGROUND, "")
    return maker
