"""The run: cameras to cases. Each camera has its threads; one that fails does not stop the others.

Deciding is the desk's and the pipeline's; here cameras are started, watched and stopped.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from threading import Event, Thread
from typing import Final, TypeVar

from models.detector import Detector
from pipeline.camera_memory import MemoryFormError
from pipeline.camera_run import CameraRun, RunServices, RunSettings
from pipeline.cameras import Camera
from pipeline.errors import PipelineError
from pipeline.recalibration import Calibrations
from pipeline.run_figures import CameraError, RunFigures, Tally, figures_of
from pipeline.scene_models import NO_MODELS, SceneModels, warn_of_blind
from pipeline.site import Site
from pipeline.source_errors import SourceError, SourceSettingError
from pipeline.sources import SourceAddress, checked_fps, read_address

__all__ = ["NoSourceError", "RunServices", "RunSettings", "run_cameras", "site_sources"]

T = TypeVar("T")
log = logging.getLogger(__name__)
Progress = Callable[[Mapping[str, Tally]], None]
_POLL_S: Final = 0.2
_JOIN_S: Final = 30.0


class NoSourceError(PipelineError):
    """Nothing was given that could be watched."""

    def __init__(self, cameras: int) -> None:
        super().__init__(
            f"none of the site's {cameras} cameras has a source; give one with --source CAMERA=URI, or a uri in"
            " cameras.geojson"
        )


def run_cameras(
    services: RunServices,
    sources: Mapping[str, str],
    *,
    detector: Callable[[], Detector],
    models: Callable[[], SceneModels] = lambda: NO_MODELS,
    settings: RunSettings | None = None,
    stop: Event | None = None,
    on_progress: Progress | None = None,
) -> RunFigures:
    """Watch cameras until their sources end or `stop` is set; return what came of it.

    Args:
        services: the site, its casebook and desk, and the clock.
        sources: address by camera code.
        detector: makes the detector, which all cameras share; it is closed at the end.
        models: opens what scenes name beside it; closed at the end too.
        settings: see `RunSettings`.
        stop: ends the run; what is in work is finished.
        on_progress: called a few times a second with the counts of each camera.

    Raises:
        UnknownError: a source names no camera of the site.
        NoSourceError: no source was given.
        ModelsError: the detector cannot be made.
        SourceError, MemoryFormError: of no camera is the address one, or can be read what is stored; where some can be
            watched, the others' errors are told with the figures.
    """
    if not sources:
        raise NoSourceError(len(services.site.cameras))
    chosen, halt = settings or RunSettings(), stop or Event()
    cameras = {code: services.site.camera(code) for code in sources}
    failed: dict[str, Tally] = {}
    addresses = _of_each(cameras, lambda code: address_of(cameras[code], sources[code]), failed=failed)
    with ExitStack() as opened:
        shared = detector()
        opened.callback(shared.close)
        more = models()
        opened.callback(more.close)
        warn_of_blind(services.site.scenes, shared)
        calibrations = Calibrations(services.site, services.casebook)

        def opened_run(code: str) -> CameraRun:
            return CameraRun(
                services,
                cameras[code],
                address=addresses[code],
                detector=shared,
                settings=chosen,
                stop=halt,
                calibrations=calibrations,
                models=more,
            )

        runs = _of_each(addresses, opened_run, failed=failed)
        tallies = {**failed, **{code: run.tally for code, run in runs.items()}}
        seconds = _watch(list(runs.values()), halt, None if on_progress is None else partial(on_progress, tallies))
    return figures_of(tallies, services.casebook, seconds=seconds, interrupted=halt.is_set())


def _of_each(cameras: Iterable[str], make: Callable[[str], T], *, failed: dict[str, Tally]) -> dict[str, T]:
    """Return what is made for each camera; what one cannot be watched for is told in its counts.

    Raises:
        SourceError, MemoryFormError: no camera can be watched.
    """
    made: dict[str, T] = {}
    errors: list[PipelineError] = []
    for code in cameras:
        try:
            made[code] = make(code)
        except (SourceError, MemoryFormError) as error:
            log.error("camera %s is not watched: %s", code, error)  # noqa: TRY400 - said in the error's own words
            failed[code] = Tally()
            failed[code].fail(CameraError(camera=code, error=str(error)))
            errors.append(error)
    if not made:
        raise errors[0]
    return made


def site_sources(site: Site) -> dict[str, str]:
    """Return the addresses that the site's own cameras name: of the sub-stream where a camera prefers that.

    Whether a camera says so in words that mean something, `address_of` asks, camera by camera.
    """
    return {code: uri for code, camera in site.cameras.items() if (uri := preferred_uri(camera))}


def preferred_uri(camera: Camera) -> str:
    """Return the address of the stream that a camera's `stream` names: sub (its `sub_uri`), else its uri."""
    sub = camera.properties.get("sub_uri")
    return sub if _chosen_stream(camera) == "sub" and isinstance(sub, str) and sub else camera.uri


def _chosen_stream(camera: Camera) -> str:
    return str(camera.properties.get("stream") or "main")


def address_of(camera: Camera, uri: str) -> SourceAddress:
    """Return what an address given for a camera names.

    Its property `footage_fps` is the rate of its recordings, `transport` how its RTSP frames travel.

    Raises:
        SourceError: the address is none, or one of the camera's properties says nothing that can be used: its `stream`
            too, which is main (its uri) or sub (its `sub_uri`).
    """
    chosen = _chosen_stream(camera)
    if chosen not in {"main", "sub"} or (chosen == "sub" and not camera.properties.get("sub_uri")):
        raise SourceSettingError(camera.code, "stream", chosen, expected="main, or sub with an address in sub_uri")
    filmed = camera.properties.get("footage_fps")
    rate = None if filmed is None else checked_fps(filmed, camera=camera.code, name="footage_fps")
    transport = str(camera.properties.get("transport", "tcp"))
    return read_address(uri, camera=camera.code, footage_fps=rate, transport=transport)


def _watch(runs: Sequence[CameraRun], halt: Event, on_progress: Callable[[], None] | None) -> float:
    """Let the cameras run; return how many seconds they took. Ctrl-C asks them to stop, a second one does not wait."""
    started = time.monotonic()
    threads = [thread for run in runs for thread in run.threads()]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            if on_progress is not None:
                on_progress()
            _join(threads, _POLL_S)
    except KeyboardInterrupt:
        log.warning("stopping; frames in work are finished")
        halt.set()
        _join(threads, _JOIN_S)
    for run in runs:
        if run.crash is not None:
            raise run.crash
    return time.monotonic() - started


def _join(threads: Sequence[Thread], seconds: float) -> None:
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
