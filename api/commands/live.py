"""`run` and `serve`: cameras to cases, and the site's doors."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Annotated

import typer

from api.app import create_app
from api.commands.report import give, give_cases, say
from api.options import SAMPLE, DatabaseOption, DataOption, JsonOption, SiteArgument, SourceOption, WeightsOption
from api.server import ConsoleServer
from api.services import Services
from api.wiring import premises, wire, with_frames
from models.detector import Detector
from models.errors import ModelsError, NoWeightsError
from models.registry import choose_weights, open_detector
from pipeline.clocks import utc
from pipeline.errors import PipelineError
from pipeline.frame_desk import FrameDesk
from pipeline.keeper import Keeper
from pipeline.people_pictures import PictureCleaner
from pipeline.principal import Role
from pipeline.run import RunServices, RunSettings, run_cameras, site_sources
from pipeline.run_figures import RunFigures, Tally
from pipeline.run_progress import shown_progress
from pipeline.scene_models import NO_MODELS, SceneModels, open_models

app = typer.Typer()


class SourceFormError(PipelineError):
    """A --source is not CAMERA=URI, or names a camera twice."""

    def __init__(self, given: str) -> None:
        super().__init__(f"--source {given!r} is not CAMERA=URI with each camera once, such as pets-view1=street.avi")


def sources_of(given: list[str] | None) -> dict[str, str]:
    """Return address by camera from what --source was given."""
    found: dict[str, str] = {}
    for each in given or []:
        camera, equals, uri = each.partition("=")
        if not (camera and equals and uri) or camera in found:
            raise SourceFormError(each)
        found[camera] = uri
    return found


def detector_maker(site_folder: Path, weights: str | None, site_weights: str) -> Callable[[], Detector]:
    """Return what opens the detector that the command line, the environment or the site names."""
    named = site_folder / site_weights if site_weights else None
    return lambda: open_detector(choose_weights(weights, os.environ, named))


def models_maker(site_folder: Path, services: Services) -> Callable[[], SceneModels]:
    """Return what opens the models that scenes name beside the site's own detector."""
    return lambda: open_models(services.site.scenes, site_folder)


@app.command()
def run(
    site: SiteArgument = SAMPLE,
    source: SourceOption = None,
    weights: WeightsOption = None,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="End with the recordings; lost streams are not tried for ever.")
    ] = False,
    start: Annotated[
        datetime | None,
        typer.Option(
            help="Time of a recording's first frame, with offset; now by default.", formats=["%Y-%m-%dT%H:%M:%S%z"]
        ),
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch cameras: frames to detections, sightings, cases and offers."""
    services = wire(site, premises(site, data=data, database=database))
    settings = RunSettings(until_end=until_end, start=None if start is None else utc(start, field="--start"))
    try:
        chosen = {**({} if source else site_sources(services.site)), **sources_of(source)}
        figures = watch(
            services,
            chosen,
            detector_maker(site, weights, services.site.settings.weights),
            settings=settings,
            models=models_maker(site, services),
        )
    finally:
        services.casebook.close()
    show(figures, as_json=as_json)
    if figures.errors and not figures.frames_processed:
        raise typer.Exit(1)


def watch(
    services: Services,
    sources: Mapping[str, str],
    detector: Callable[[], Detector],
    *,
    settings: RunSettings,
    stop: Event | None = None,
    models: Callable[[], SceneModels] = lambda: NO_MODELS,
) -> RunFigures:
    """Run cameras with progress shown where somebody looks."""
    parts = RunServices(site=services.site, casebook=services.casebook, desk=services.desk, clock=services.clock)
    with shown_progress() as progress:

        def told(tallies: Mapping[str, Tally]) -> None:
            progress(tallies)
            services.tallies.put("stream", tallies)

        return run_cameras(
            parts, sources, detector=detector, models=models, settings=settings, stop=stop, on_progress=told
        )


def show(figures: RunFigures, *, as_json: bool) -> None:
    """Print what a run brought; errors of single cameras go to stderr."""
    for error in figures.errors:
        say(f"camera {error.camera}: {error.error}")
    give(figures.as_dict(), as_json=as_json)
    if not as_json:
        give_cases(figures.cases)


@app.command()
def serve(
    site: SiteArgument = SAMPLE,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port.")] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    cameras: Annotated[bool, typer.Option(help="Whether to watch the site's cameras too.")] = True,
    source: SourceOption = None,
    weights: WeightsOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Serve console, terminal page, maps and the HTTP interface; watches the site's cameras too."""
    services = wire(site, premises(site, data=data, database=database))
    maker = detector_maker(site, weights, services.site.settings.weights)
    chosen = {**site_sources(services.site), **sources_of(source)} if cameras else {}
    try:
        models = models_maker(site, services)
        with serving_detector(services, maker, models) as ready, watching(ready, chosen, maker, models):
            serve_until_stopped(ready, host=host, port=port)
    finally:
        services.casebook.close()


@contextmanager
def serving_detector(
    services: Services, maker: Callable[[], Detector], models: Callable[[], SceneModels] = lambda: NO_MODELS
) -> Iterator[Services]:
    """Give services that take pushed frames, where there are weights; else say what to do and serve without."""
    try:
        detector = maker()
    except NoWeightsError as error:
        say(f"{error}\nServing without a detector: pushed frames are refused until there is one.")
        yield services
        return
    desk = FrameDesk(
        site=services.site,
        casebook=services.casebook,
        desk=services.desk,
        detector=detector,
        clock=services.clock,
        models=(more := models()),
    )
    services.tallies.put("pushed", desk.tallies)
    try:
        pictures = PictureCleaner(detector) if PictureCleaner.can_use(detector) else None
        yield replace(with_frames(services, desk), pictures=pictures)
    finally:
        more.close()
        detector.close()


@contextmanager
def watching(
    services: Services,
    sources: Mapping[str, str],
    maker: Callable[[], Detector],
    models: Callable[[], SceneModels] = lambda: NO_MODELS,
) -> Iterator[None]:
    """Watch cameras beside the server until it stops; without sources nothing is watched."""
    stop = Event()

    def work() -> None:
        try:
            figures = watch(services, sources, maker, settings=RunSettings(until_end=False), stop=stop, models=models)
        except (PipelineError, ModelsError) as error:
            say(f"cameras are not watched: {error}")
        else:
            for error_seen in figures.errors:
                say(f"camera {error_seen.camera}: {error_seen.error}")

    thread = Thread(target=work, name="cameras", daemon=True)
    if sources:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        if sources:
            thread.join(30)


def serve_until_stopped(services: Services, *, host: str, port: int) -> None:
    """Serve until Ctrl-C, keeping offers moving meanwhile."""
    also = () if services.frames is None else (services.frames.note_absent,)
    keeper = Keeper(services.desk, watch=services.watch, also=also)
    say(log_in_lines(services, host=host, port=port))
    keeper.start()
    try:
        ConsoleServer(create_app(services), host=host, port=port).run()
    finally:
        keeper.stop()


def log_in_lines(services: Services, *, host: str, port: int) -> str:
    """Return where to open console and terminal page, with a token where the file holds it.

    The terminal is one that holds a case, if there is any.
    """
    base = f"http://{host}:{port}"
    secrets = {token.principal: token.secret for token in services.tokens.tokens if token.secret}
    desk = next((secret for who, secret in secrets.items() if who.role is Role.DISPATCHER), "")
    busy = [code for code, each in sorted(services.casebook.terminals().items()) if each.open_cases]
    forces = {who.terminal: secret for who, secret in secrets.items() if who.role is Role.FORCE}
    phone = next((code for code in busy if code in forces), next(iter(forces), None))
    lines = [
        f"Serving {services.site.settings.name} at {base}; Ctrl-C ends it.",
        f"  console: {base}/login?token={desk}",
    ]
    if phone is not None:
        lines.append(f"  terminal {phone}: {base}/login?next=/terminal&token={forces[phone]}")
    return "\n".join(lines)
