"""The live half of `demo`: simulated cameras, the console, forces and a year of past cases, all at once."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Final

from rich.progress import Progress

from api.app import create_app
from api.commands.live import log_in_lines, serving_detector, watch
from api.commands.maps import draw_site
from api.commands.report import errors, say
from api.server import ConsoleServer
from api.services import Services
from geo.heatmap import Period
from models.detector import Detector
from models.errors import ModelsError
from pipeline.casebook import CaseFilter
from pipeline.cases import Channel
from pipeline.desk import Desk
from pipeline.district.configuring import district_site
from pipeline.district.district import District
from pipeline.district.doors import Doors, carried_over_http, over_http
from pipeline.district.forces_live import LiveForces
from pipeline.district.past_year import NOTE, WEEKS, store_past_year
from pipeline.district.report_doors import ReportDoors
from pipeline.district.reports_live import CHANNELS, LiveReports
from pipeline.district.studio_process import StudioProcess, open_studio
from pipeline.errors import PipelineError
from pipeline.keeper import Keeper
from pipeline.principal import Role
from pipeline.run import RunSettings
from pipeline.run_figures import RunFigures

SEED: Final = 1
MINUTES: Final = 10.0
SCENARIO: Final = "all"
CAMERAS: Final = 2  # and a second one over the ground of the first
REMARK: Final = f"演示数据：过去一年为模拟。Demo: the past year is {NOTE}."
_MOST_CASES: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFigures:
    """What a demo came to.

    Attributes:
        past_cases: simulated ones of the year before.
        first_case_s: from the command to the first case that a camera found.
        forces_steps: what the simulated forces and the duty officer did, over HTTP.
        reports: what simulated patrols, citizens and the hotline sent over HTTP, by channel.
        cases_by_channel: cases opened since the command, cameras' among them.
    """

    past_cases: int
    past_s: float
    first_case_s: float | None
    forces_steps: int
    reports: Mapping[str, int]
    cases_by_channel: Mapping[str, int]
    heatmap: str
    run: RunFigures


def playing(folder: Path) -> AbstractContextManager[StudioProcess]:
    """Start to draw a site's simulated cameras, which takes a while and is best begun before anything else."""
    say("drawing a simulated district: cameras, streets, people; every camera here is a simulation")
    return open_studio(folder, seed=SEED, minutes=MINUTES, scenario=SCENARIO, cameras=CAMERAS)


def run_live(
    services: Services,
    studio: StudioProcess,
    maker: Callable[[], Detector],
    *,
    data: Path,
    began: datetime,
    port: int,
    seconds: float | None,
) -> DemoFigures:
    """Play, watch, dispatch, serve: until Ctrl-C, or for some seconds after the cameras are there.

    Args:
        services: of a new casebook.
        studio: see `playing`.
        maker: makes the detector.
        data: where the heatmap goes.
        began: when the command was given.
        port: of the console; 0 takes any that is free.
        seconds: None serves until Ctrl-C.
    """
    district = District.of(services.site, seed=SEED, minutes=MINUTES, scenario=SCENARIO, cameras=CAMERAS)
    services = _with_site(services, district)
    with ExitStack() as stack:
        started = time.monotonic()
        past = store_past(services)
        past_s = time.monotonic() - started
        page = data / "heatmap.html"
        draw_site(services, page, by=Period.WEEK)
        ready = stack.enter_context(serving_detector(services, maker))
        port = port or _free_port()
        reports = _reports(ready, port)
        forces = _forces(ready, port, reports)
        cameras = _Cameras(ready, studio.sources(), maker)
        server = ConsoleServer(create_app(ready), host="127.0.0.1", port=port)
        say(log_in_lines(ready, host="127.0.0.1", port=port))
        say(f"  heatmap of the past year: {page}")
        if seconds is not None:
            _stop_after(seconds, server)
        _serve(ready, server, forces, cameras)
    return DemoFigures(
        past_cases=past,
        past_s=round(past_s, 1),
        first_case_s=_first_case_s(services, began),
        forces_steps=forces.steps,
        reports={each.value: reports.sent[each] for each in CHANNELS},
        cases_by_channel=_cases_by_channel(services, began),
        heatmap=str(page),
        run=cameras.figures(),
    )


class _Cameras:
    """Watches cameras in a thread and keeps the figures."""

    def __init__(self, services: Services, sources: Mapping[str, str], maker: Callable[[], Detector]) -> None:
        self._services, self._sources, self._maker = services, sources, maker
        self._stop = Event()
        self._thread = Thread(target=self._work, name="cameras", daemon=True)
        self._figures: RunFigures | None = None
        self._error: Exception | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def figures(self) -> RunFigures:
        """Return the figures of a run that was stopped; raises what ended it otherwise."""
        if self._figures is None:
            raise self._error or TimeoutError
        return self._figures

    def _work(self) -> None:
        settings = RunSettings(until_end=False)
        try:
            self._figures = watch(self._services, self._sources, self._maker, settings=settings, stop=self._stop)
        except (PipelineError, ModelsError) as error:
            self._error = error
            say(f"cameras are not watched: {error}")


def _serve(services: Services, server: ConsoleServer, forces: LiveForces, cameras: _Cameras) -> None:
    keeper = Keeper(services.desk, watch=services.watch)
    cameras.start()
    keeper.start()
    forces.start()
    try:
        server.run()
    finally:
        forces.stop()
        keeper.stop()
        cameras.stop()


def _with_site(services: Services, district: District) -> Services:
    """Return the services with the district's cameras beside the site's own; of one code the simulated one counts."""
    own, simulated = services.site, district_site(district)
    site = replace(
        simulated,
        cameras={**own.cameras, **simulated.cameras},
        scenes={**own.scenes, **simulated.scenes},
    )
    desk = Desk(site=site, casebook=services.casebook, clock=services.clock, evidence=services.evidence)
    return replace(services, site=site, desk=desk, remark=REMARK)


def store_past(services: Services) -> int:
    """Store a year of simulated past cases and say how many."""
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as drawn:
        task = drawn.add_task("drawing a year of past cases", total=WEEKS)
        stored = store_past_year(
            services.site,
            services.casebook,
            until=services.clock.now(),
            seed=SEED,
            progress=lambda done, _total: drawn.update(task, completed=done),
        )
    say(f"{stored} cases of the past year drawn from rates, marked as simulated")
    return stored


def _forces(services: Services, port: int, reports: LiveReports) -> LiveForces:
    tokens = {**_terminals(services), "": _secret(services, Role.DISPATCHER)}
    doors = Doors(send=over_http(f"http://127.0.0.1:{port}"), tokens=tokens)
    return LiveForces(services.site, doors, clock=services.clock, seed=SEED, reports=reports)


def _reports(services: Services, port: int) -> LiveReports:
    doors = ReportDoors(
        carry=carried_over_http(f"http://127.0.0.1:{port}"),
        terminals=_terminals(services),
        desk=_secret(services, Role.DISPATCHER),
        admin=_secret(services, Role.ADMIN),
    )
    return LiveReports(services.site, doors, start=services.clock.now(), seed=SEED)


def _terminals(services: Services) -> dict[str, str]:
    tokens = services.tokens.tokens
    return {each.principal.terminal: each.secret for each in tokens if each.principal.terminal and each.secret}


def _secret(services: Services, role: Role) -> str:
    return next(each.secret for each in services.tokens.tokens if each.principal.role is role and each.secret)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stop_after(seconds: float, server: ConsoleServer) -> None:
    def stop() -> None:
        server.should_exit = True

    timer = Timer(seconds, stop)
    timer.daemon = True
    timer.start()


def _cases_by_channel(services: Services, began: datetime) -> dict[str, int]:
    opened = Counter(case.channel for case in services.casebook.cases(CaseFilter(since=began, limit=_MOST_CASES)).cases)
    return {each.value: opened[each] for each in (Channel.INTELLIGENT, *CHANNELS)}


def _first_case_s(services: Services, began: datetime) -> float | None:
    wanted = CaseFilter(channels=frozenset({Channel.INTELLIGENT}), since=began, limit=_MOST_CASES)
    times = [case.recorded_at for case in services.casebook.cases(wanted).cases]
    return round((min(times) - began).total_seconds(), 1) if times else None
