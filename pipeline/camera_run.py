"""One camera of a run: a thread that reads frames and one that works on them, with a bounded queue between."""

import logging
import queue
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Event, Thread
from typing import Final, TypeVar

from geo.errors import GeoError
from models.detector import Detector
from models.errors import ModelsError
from models.motion import MotionSettings
from pipeline.camera_health import open_watch
from pipeline.camera_pipeline import Begun, CameraPipeline, HealthSeen, Outcome, PipelineSettings, StepResult
from pipeline.cameras import Camera
from pipeline.casebook import BusyError, CameraState, Casebook, StorageError
from pipeline.clocks import Clock
from pipeline.desk import Desk, Taken
from pipeline.dispatch import Dispatch
from pipeline.errors import PipelineError
from pipeline.evidence import EvidenceUnwritableError
from pipeline.frames import Frame
from pipeline.principal import PIPELINE
from pipeline.recalibration import Calibrations
from pipeline.run_figures import CameraError, Tally
from pipeline.scene_models import NO_MODELS, SceneModels
from pipeline.sightings import Sighting
from pipeline.site import Site
from pipeline.sources import SourceAddress, open_source
from pipeline.streams import StreamSettings

T = TypeVar("T")
log = logging.getLogger(__name__)
QUEUED: Final = 4
QUEUED_LIVE: Final = 2  # of a live camera the newest frames count
AHEAD: Final = 3  # frames of one recording in the detector at once
FIRST_WAIT_S, LONGEST_WAIT_S, GIVE_UP_S = 0.5, 30.0, 600.0  # for a casebook that is busy or out of reach
_POLL_S: Final = 0.2
_IDLE_S: Final = 1.0
_END: Final = None
OWN_ERRORS: Final = (PipelineError, ModelsError, GeoError, OSError)


class AllFramesOldError(PipelineError):
    """A whole recording lies before what the camera has seen already."""

    def __init__(self, camera: str, frames: int, newest_at: datetime) -> None:
        super().__init__(
            f"{frames} frames of camera {camera} are older than its newest, {newest_at.isoformat()}; none was taken;"
            " give a later --start, or none"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunServices:
    """What a run needs of a site.

    Attributes:
        clock: stamps live frames and gives recordings their start.
    """

    site: Site
    casebook: Casebook
    desk: Desk
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How cameras are run.

    Attributes:
        until_end: recordings end the run, and so does a stream that is lost; else lost streams are tried for ever.
        start: frame time of recordings' first frames; None means now, or after the camera's newest frame.
        pipeline: of each camera; None takes the site's choice to blur.
        patience: with live streams.
        motion: what counts as motion in a live stream; None sends every frame to the detector. Of recordings every
            frame is.
    """

    until_end: bool = True
    start: datetime | None = None
    pipeline: PipelineSettings | None = None
    patience: StreamSettings = field(default_factory=StreamSettings)
    motion: MotionSettings | None = field(default_factory=MotionSettings)


class CameraRun:
    """One camera of a run: a thread that reads frames and one that works on them."""

    def __init__(
        self,
        services: RunServices,
        camera: Camera,
        *,
        address: SourceAddress,
        detector: Detector,
        settings: RunSettings,
        stop: Event,
        calibrations: Calibrations | None = None,
        models: SceneModels = NO_MODELS,
    ) -> None:
        self.camera = camera
        self.tally = Tally()
        self.crash: BaseException | None = None
        self._services, self._settings = services, settings
        self._address, self._stop = address, stop
        self._done = Event()
        self._queue: queue.Queue[Frame | None] = queue.Queue(maxsize=QUEUED if address.waits else QUEUED_LIVE)
        self._calibrations, self._detector, self._models = calibrations, detector, models
        self._newest: Frame | None = None
        self._spoilt = False
        self._pipeline = self._opened(camera, services.casebook.camera_state(camera.code))

    def _opened(self, camera: Camera, state: CameraState | None) -> CameraPipeline:
        return CameraPipeline(
            camera=camera,
            scenes=self._services.site.scenes,
            detector=self._detector,
            settings=self._pipeline_settings(),
            state=state,
            health=open_watch(camera, self._services.casebook),
            models=self._models,
        )

    def _recalibrated(self) -> Camera | None:
        """Return the camera if it was calibrated anew since the pipeline was opened."""
        if self._calibrations is None:
            return None
        newest = self._calibrations.camera(self.camera.code)
        return None if newest is self.camera else newest

    def _take_over(self, camera: Camera) -> None:
        """Go on by a new calibration: as after a restart, with what the camera remembers moved to it."""
        log.warning("camera %s goes on by its new calibration", camera.code)
        self._take_sightings(self._pipeline.settle(), None)  # what still waits was placed by the old one
        state = self._pipeline.state()
        if state is not None:
            self._remember(state)
        self.camera = camera
        self._pipeline = self._stored(partial(self._opened, camera, state))

    def _pipeline_settings(self) -> PipelineSettings:
        if self._settings.pipeline is not None:
            return self._settings.pipeline
        motion = None if self._address.waits else self._settings.motion
        return replace(PipelineSettings.of(self._services.site.settings), motion=motion)

    def threads(self) -> list[Thread]:
        """Return the two threads, not started; they do not keep the process alive."""
        code = self.camera.code
        return [
            Thread(target=self._read, name=f"read-{code}", daemon=True),
            Thread(target=self._work, name=f"work-{code}", daemon=True),
        ]

    def _read(self) -> None:
        """Move frames from the source to the queue; of a live stream the oldest waiting frame makes room."""
        try:
            self._keep_at(self._pass_on)
        finally:
            self._put_end()

    def _pass_on(self) -> None:
        for frame in self._frames():
            if self._over() or not self._put(frame):
                break

    def _keep_at(self, work: Callable[[], None]) -> None:
        """Do one thread's work to its end; a camera that is watched for ever begins it anew after an error.

        After a defect too: else one odd frame that brings one to light would end all cameras.
        """
        wait_s = FIRST_WAIT_S
        while not self._over():
            began = time.monotonic()
            try:
                work()
            except OWN_ERRORS as error:
                self._fail(error)
            except Exception as error:
                if not self._for_ever:
                    self._break(error)  # the run raises it again
                    return
                log.exception("camera %s: a defect", self.camera.code)
                self.tally.fail(CameraError(camera=self.camera.code, error=f"a defect: {error!r:.200}"))
            except BaseException as error:  # noqa: BLE001 - the run raises it again
                self._break(error)
                return
            else:
                return
            if not self._for_ever:
                return
            self._spoilt = True
            wait_s = FIRST_WAIT_S if time.monotonic() - began > LONGEST_WAIT_S else min(2 * wait_s, LONGEST_WAIT_S)
            self._stop.wait(wait_s)

    @property
    def _for_ever(self) -> bool:
        return self._address.live and not self._settings.until_end

    def _frames(self) -> Iterator[Frame]:
        patience = self._settings.patience
        if not self._settings.until_end:
            patience = replace(patience, most_tries=None)
        return open_source(
            self._address,
            camera=self.camera.code,
            start=self._start(),
            clock=self._services.clock,
            fps=self.camera.fps,
            patience=patience,
            stop=self._stop,
            on_fault=self._fail,
            on_lost=self._lost,
        )

    def _start(self) -> datetime:
        """Return when a recording begins: as told, else now, but never before what was seen already."""
        if self._settings.start is not None:
            return self._settings.start
        now, newest = self._services.clock.now(), self._pipeline.newest_at
        return now if newest is None else max(now, newest + timedelta(seconds=1))

    def _put(self, frame: Frame) -> bool:
        """Queue a frame; tells whether the run goes on."""
        while not self._over():
            try:
                self._queue.put(frame, timeout=_POLL_S)
            except queue.Full:
                if not self._address.waits:
                    with suppress(queue.Empty):
                        self._queue.get_nowait()
                        self.tally.dropped += 1
            else:
                return True
        return False

    def _put_end(self) -> None:
        while not self._done.is_set():
            with suppress(queue.Full):
                self._queue.put(_END, timeout=_POLL_S)
                return

    def _work(self) -> None:
        try:
            self._keep_at(self._work_off)
        finally:
            self._done.set()

    def _work_off(self) -> None:
        if self._spoilt:  # what it remembers was left half way; what is stored is whole
            self._spoilt = False
            self._pipeline = self._stored(self._reopened)
        for result in self._results():
            self._take(result)
            self._beat()
        self._finish()

    def _reopened(self) -> CameraPipeline:
        return self._opened(self.camera, self._services.casebook.camera_state(self.camera.code))

    def _lost(self) -> None:
        self.tally.pulse.reconnects += 1

    def _beat(self) -> None:
        """Take note of how the camera is doing, now that what the newest frame brought is stored."""
        frame, health = self._newest, self._pipeline.health
        if frame is not None:
            now = self._services.clock.now() if self._address.live else None
            moved = health is not None and health.moved
            self.tally.pulse.beat(frame, now=now, queued=self._queue.qsize(), moved=moved)

    def _results(self) -> Iterator[StepResult]:
        """Yield what each frame brings, in order; of a recording the detector has the next ones already.

        A live camera has one frame in work: the next one taken is then the newest.
        """
        begun: deque[Begun] = deque()
        more = True
        while (more or begun) and not self._stop.is_set():
            while more and len(begun) < (AHEAD if self._address.waits else 1):
                try:
                    frame = self._queue.get(timeout=0.0 if begun else _IDLE_S)
                except queue.Empty:
                    break
                more = frame is not _END
                if frame is _END:
                    continue
                if (camera := self._recalibrated()) is not None:
                    for earlier in begun:
                        self._newest = earlier.frame
                        yield self._pipeline.finish(earlier)
                    begun.clear()
                    self._take_over(camera)
                begun.append(self._pipeline.begin(frame))
            if begun:
                self._newest = begun[0].frame
                yield self._pipeline.finish(begun.popleft())
            elif more and self._address.live:
                self._note_health(self._pipeline.absent(self._services.clock.now()))
                self._take_sightings(*self._pipeline.left())

    def _take(self, result: StepResult) -> None:
        """Store what a frame brought: the state goes with the last sighting, so that none is lost between the two."""
        self.tally.count(result)
        self._note_health(result.health)
        for later in result.later:
            self._stored(partial(self._services.desk.add_view, later, camera=self.camera.code, principal=PIPELINE))
        self._take_sightings(result.sightings, result.state)

    def _take_sightings(self, sightings: Sequence[Sighting], state: CameraState | None) -> None:
        last = len(sightings) - 1
        for index, sighting in enumerate(sightings):
            with_it = state if index == last else None
            take = partial(self._services.desk.take, sighting, principal=PIPELINE, state=with_it)
            self.tally.note_look(sighting)
            self._note(self._stored(take))
        if last < 0 and state is not None:
            self._remember(state)

    def _note_health(self, health: tuple[HealthSeen, ...]) -> None:
        for seen in health:
            log.warning(
                "camera %s: %s %s", self.camera.code, seen.event.fault, "over" if seen.event.until else "begins"
            )
            self._stored(partial(self._services.desk.note_health, seen.event, view=seen.view, principal=PIPELINE))
        watch, now = self._pipeline.health, self._pipeline.newest_at
        if watch is not None and now is not None and (news := watch.news()):
            code = self.camera.code
            self._stored(lambda: self._services.casebook.write(lambda tx: tx.save_camera_reference(code, news, now)))

    def _remember(self, state: CameraState) -> None:
        self._stored(lambda: self._services.casebook.write(lambda tx: tx.save_camera_state(state)))

    def _stored(self, write: Callable[[], T]) -> T:
        """Write, and write again while casebook or disk refuses: nothing that was seen is dropped for that.

        A run that is to end gives up after a while, and says so; any run gives up when it is told to stop.
        """
        waited_s, wait_s = 0.0, FIRST_WAIT_S
        while True:
            try:
                return write()
            except (BusyError, StorageError, EvidenceUnwritableError, OSError) as error:
                if self._stop.is_set() or (self._settings.until_end and waited_s >= GIVE_UP_S):
                    raise
                log.warning("camera %s waits %g s for the casebook: %s", self.camera.code, wait_s, error)
                self._stop.wait(wait_s)
                waited_s, wait_s = waited_s + wait_s, min(2 * wait_s, LONGEST_WAIT_S)

    def _note(self, taken: Taken) -> None:
        if taken.outcome == "open" and taken.number is not None:
            self.tally.opened.append(taken.number)
            self.tally.dispatched += isinstance(taken.dispatch, Dispatch)
        elif taken.outcome in {"attach", "reopen"} and taken.number is not None:
            self.tally.attached.append(taken.number)
        else:
            self.tally.ignored += 1

    def _finish(self) -> None:
        """Store what still waits and the state that the camera ends with; say so if all its frames came too late."""
        waited = self._pipeline.settle(wait_s=0.0 if self._stop.is_set() else None)
        self._take_sightings(waited, None)
        frames = self.tally.frames
        if frames[Outcome.REFUSED] and not frames[Outcome.PROCESSED] and self._pipeline.newest_at is not None:
            self._fail(AllFramesOldError(self.camera.code, frames[Outcome.REFUSED], self._pipeline.newest_at))
        state = self._pipeline.state()
        if state is not None and self.tally.frames[Outcome.PROCESSED]:
            self._remember(state)

    def _break(self, error: BaseException) -> None:
        self.crash = error
        self._stop.set()

    def _over(self) -> bool:
        return self._stop.is_set() or self._done.is_set()

    def _fail(self, error: Exception) -> None:
        log.error("camera %s: %s", self.camera.code, error)
        self.tally.fail(CameraError(camera=self.camera.code, error=str(error)))
