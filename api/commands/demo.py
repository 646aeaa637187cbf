"""`demo`: the whole path at once, on simulated cameras or on your footage, with a served console and a heatmap."""

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from api.commands.demo_live import REMARK, playing, run_live, store_past
from api.commands.live import (
    detector_maker,
    serve_until_stopped,
    serving_detector,
    show,
    sources_of,
    watch,
)
from api.commands.maps import draw_site
from api.commands.report import give, say
from api.errors import ApiError
from api.options import SAMPLE, JsonOption, SiteArgument, SourceOption, WeightsOption
from api.services import Services
from api.wiring import Premises, premises, wire
from geo.heatmap import Period
from models.detector import Detector
from models.errors import NoWeightsError
from models.registry import BACKGROUND, DISTRICT_WEIGHTS, VARIABLE
from models.weights import require_weights
from pipeline.clocks import WallClock
from pipeline.district.display import NoRenderingError, require_rendering
from pipeline.run import RunSettings, address_of
from pipeline.site_files import read_site
from pipeline.source_errors import SourceMissingError
from pipeline.street_clip import LENGTH_S, Street, write_clip

app = typer.Typer()
_OWN = ("beatgrid.db", "tokens.toml", "evidence", "street.avi", "heatmap.html")
DEMO_CAMERA = "demo-street"
HEADLESS_S = 60.0

DemoData = Annotated[
    Path | None, typer.Option("--data", envvar="BEATGRID_DATA", help="The demo's own folder; emptied first.")
]


@app.command()
def demo(
    site: SiteArgument = SAMPLE,
    headless: Annotated[bool, typer.Option("--headless", help="End by itself, with the figures.")] = False,
    seconds: Annotated[
        float, typer.Option("--seconds", min=5, max=3600, help="How long a headless demo watches simulated cameras.")
    ] = HEADLESS_S,
    source: SourceOption = None,
    weights: WeightsOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port of the console.")] = 8080,
    data: DemoData = None,
    as_json: JsonOption = False,
) -> None:
    """Discover, dispatch and map: a simulated district with its cameras and forces, or your footage."""
    began = WallClock().now()
    footage = _checked(site, source, weights)
    where = _fresh(premises(site, data=(data or site / "data") / "demo"))
    with ExitStack() as stack:
        studio = None if footage or not _can_render() else stack.enter_context(playing(site))
        services = wire(site, where)
        stack.callback(services.casebook.close)
        if studio is None:
            _recorded(site, services, where, footage, weights, headless=headless, port=port, as_json=as_json)
            return
        figures = run_live(
            services,
            studio,
            detector_maker(site, weights or str(DISTRICT_WEIGHTS), ""),
            data=where.data,
            began=began,
            port=0 if headless else port,
            seconds=seconds if headless else None,
        )
        own = {name: value for name, value in asdict(figures).items() if name != "run"}
        give({**figures.run.as_dict(), **own}, as_json=as_json)


def _checked(site: Path, source: list[str] | None, weights: str | None) -> dict[str, str]:
    """Return address by camera from what was given, asked before the demo's folder is emptied.

    Raises:
        SourceFormError, UnknownError, SourceError: a source is no CAMERA=URI, of no camera of the site, or not there.
        WeightsMissingError: the weights are not there.
    """
    if weights and weights != BACKGROUND:
        require_weights(Path(weights).expanduser())
    chosen = sources_of(source)
    if not chosen:
        return {}
    known = read_site(site)
    for code, uri in chosen.items():
        address = address_of(known.camera(code), uri)
        if not address.live and not Path(address.target).exists():
            raise SourceMissingError(code, address.target)
    return chosen


def _can_render() -> bool:
    try:
        require_rendering()
    except NoRenderingError as error:
        say(f"{error}\nGoing on with a drawn clip instead of simulated cameras.")
        return False
    return True


def _recorded(
    site: Path,
    services: Services,
    where: Premises,
    footage: Mapping[str, str],
    weights: str | None,
    *,
    headless: bool,
    port: int,
    as_json: bool,
) -> None:
    """Run footage, or a drawn clip, through the path; then serve."""
    services = replace(services, remark=REMARK)
    store_past(services)
    clip = footage or {DEMO_CAMERA: str(_draw_clip(services, where))}
    maker = _detector(site, services, weights, drawn=not footage)
    start = services.clock.now() - timedelta(seconds=LENGTH_S)
    figures = watch(services, clip, maker, settings=RunSettings(until_end=True, start=start))
    page = where.data / "heatmap.html"
    draw_site(services, page, by=Period.WEEK)
    if as_json:
        give({**figures.as_dict(), "heatmap": str(page)}, as_json=True)
    else:
        show(figures, as_json=False)
        say(f"heatmap: {page}")
    if not headless:
        with serving_detector(services, maker) as ready:
            serve_until_stopped(ready, host="127.0.0.1", port=port)


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
