"""The frame desk: frames that are pushed, one by one, by any process. Bounded in bytes, pixels, time and waiting."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from models.detector import Detector
from pipeline.camera_health import open_watch
from pipeline.camera_pipeline import CameraPipeline, Outcome, PipelineSettings, StepResult
from pipeline.casebook import Casebook
from pipeline.clocks import Clock, utc
from pipeline.desk import Desk
from pipeline.errors import PipelineError
from pipeline.frame_faults import FrameFaults, sampled
from pipeline.frames import Frame
from pipeline.pictures import decode_picture
from pipeline.principal import PIPELINE, Principal, Role
from pipeline.recalibration import Calibrations
from pipeline.run_figures import Tally
from pipeline.scene_models import NO_MODELS, SceneModels
from pipeline.site import Site

FUTURE_S: Final = 60.0
WAIT_S: Final = 10.0


class FrameFromFutureError(PipelineError):
    """A frame says that it was taken later than now."""

    def __init__(self, camera: str, captured_at: datetime, now: datetime) -> None:
        super().__init__(
            f"a frame of camera {camera} is dated {captured_at.isoformat()}, {(captured_at - now).total_seconds():.0f}"
            f" s from now ({now.isoformat()}); expected {FUTURE_S:.0f} s at most; set the sender's clock and time zone"
        )


class FrameTooOldError(PipelineError):
    """A frame is older than the camera's newest by more than is taken."""

    def __init__(self, camera: str, captured_at: datetime, newest_at: datetime, *, lag_s: float) -> None:
        super().__init__(
            f"a frame of camera {camera} is dated {captured_at.isoformat()}, but one of {newest_at.isoformat()} was"
            f" taken already; expected one that is at most {lag_s:g} s older; send frames in order"
        )


class CameraBusyError(PipelineError):
    """Earlier frames of the camera are still being worked on."""

    def __init__(self, camera: str, wait_s: float) -> None:
        super().__init__(
            f"earlier frames of camera {camera} are still being worked on after {wait_s:g} s; send fewer of them"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTaken:
    """What one pushed frame brought.

    Attributes:
        detections: how many boxes count for some scene.
        sightings: ids of the scenes that fired.
        cases: numbers of the cases that these opened or were added to.
    """

    outcome: Outcome
    detections: int
    sightings: tuple[str, ...]
    cases: tuple[str, ...]


class FrameDesk:
    """Takes pushed frames; one frame of a camera at a time, other cameras beside it.

    Several processes may take frames of one camera: each reads the stored state first if another has gone on with it.
    Trackers are not shared, so keep a camera with one process where that can be had. After a frame that failed a
    camera begins from what is stored, so that the same frame can be sent again.
    """

    def __init__(
        self,
        *,
        site: Site,
        casebook: Casebook,
        desk: Desk,
        detector: Detector,
        clock: Clock,
        settings: PipelineSettings | None = None,
        calibrations: Calibrations | None = None,
        models: SceneModels = NO_MODELS,
    ) -> None:
        self._site = site
        self._casebook = casebook
        self._desk = desk
        self._detector = detector
        self._clock = clock
        self._settings = settings or PipelineSettings.of(site.settings)
        self._models = models
        self._locks = {code: Lock() for code in site.cameras}
        self._pipelines: dict[str, CameraPipeline] = {}
        self._faults: dict[str, FrameFaults] = {}
        self.tallies = {code: Tally() for code in site.cameras}
        self._calibrations = calibrations or Calibrations(site, casebook)

    def take(self, camera: str, captured_at: datetime, image_bytes: bytes, *, principal: Principal) -> FrameTaken:
        """Take in one frame; the same frame again changes nothing.

        One that is blank, or the very picture before it, goes to the camera's health and to no detector.

        Args:
            camera: its code.
            captured_at: when the frame was taken, aware.
            image_bytes: a whole JPEG or PNG, at most 10 MiB and 40 million pixels.
            principal: who sends it.

        Raises:
            RefusedError: the principal may not send frames.
            UnknownError: the site has no such camera.
            NaiveTimeError: the time has no offset.
            FrameFromFutureError, FrameTooOldError: the time cannot be right.
            FrameUnreadableError, FrameTooLargeError: the bytes are no picture that is taken.
            CameraBusyError: the camera's earlier frames take too long.
        """
        principal.require("send frames", Role.INGEST, Role.ADMIN)
        self._site.camera(camera)
        at, now = utc(captured_at, field="captured_at"), self._clock.now()
        if at > now + timedelta(seconds=FUTURE_S):
            raise FrameFromFutureError(camera, at, now)
        image = decode_picture(image_bytes, camera=camera, what="the frame")
        with self._held(camera):
            fault = self._faults.setdefault(camera, FrameFaults()).of(sampled(image))
            frame = Frame(camera=camera, captured_at=at, image=image, received_at=now, fault=fault)
            try:
                return self._step(frame, principal)
            except FrameTooOldError:
                raise
            except BaseException:
                self._forget(camera)
                raise

    def note_absent(self) -> None:
        """Store which of the cameras that have sent frames to this process send none any more."""
        for code in list(self._pipelines):
            if self._locks[code].acquire(blocking=False):  # one that is at work is not away
                try:
                    self._note_absent(code)
                finally:
                    self._locks[code].release()

    def _note_absent(self, camera: str) -> None:
        known, stored = self._pipelines.get(camera), self._casebook.camera_state(camera)
        if known is None or (stored is not None and known.newest_at is not None and stored.newest_at > known.newest_at):
            self._forget(camera)  # another process takes its frames, and watches over it
            return
        for seen in known.absent(self._clock.now()):
            self._desk.note_health(seen.event, principal=PIPELINE)

    def _forget(self, camera: str) -> None:
        """Begin from what is stored with the camera's next frame, which may be the last one again."""
        self._pipelines.pop(camera, None)
        self._faults.pop(camera, None)

    @contextmanager
    def _held(self, camera: str) -> Iterator[None]:
        lock = self._locks[camera]
        if not lock.acquire(timeout=WAIT_S):
            raise CameraBusyError(camera, WAIT_S)
        try:
            yield
        finally:
            lock.release()

    def _step(self, frame: Frame, principal: Principal) -> FrameTaken:
        pipeline = self._pipeline(frame.camera)
        result = pipeline.step(frame)
        if result.outcome is Outcome.REFUSED and pipeline.newest_at is not None:
            self.tallies[frame.camera].count(result)
            raise FrameTooOldError(frame.camera, frame.captured_at, pipeline.newest_at, lag_s=self._settings.lag_s)
        # Whoever sends a frame is told what it brought, so a second look is waited for: by this camera's sender only.
        result = replace(result, sightings=(*result.sightings, *pipeline.settle()))
        taken = self._store(pipeline, result, principal)
        tally, moved = self.tallies[frame.camera], pipeline.health is not None and pipeline.health.moved
        tally.count(result)
        tally.pulse.beat(frame, now=self._clock.now(), queued=0, moved=moved)
        return taken

    def _store(self, pipeline: CameraPipeline, result: StepResult, principal: Principal) -> FrameTaken:
        """Store what a frame brought."""
        numbers: list[str] = []
        state = pipeline.state() if result.outcome is Outcome.PROCESSED else None
        for later in result.later:
            self._desk.add_view(later, camera=pipeline.camera.code, principal=principal)
        last = len(result.sightings) - 1
        for index, sighting in enumerate(result.sightings):
            taken = self._desk.take(sighting, principal=principal, state=state if index == last else None)
            numbers += [taken.number] if taken.number is not None else []
        if last < 0 and state is not None:
            self._casebook.write(lambda tx: tx.save_camera_state(state))
        self._note_health(pipeline, result, principal)
        return FrameTaken(
            outcome=result.outcome,
            detections=len(result.detections),
            sightings=tuple(sighting.id for sighting in result.sightings),
            cases=tuple(dict.fromkeys(numbers)),
        )

    def _note_health(self, pipeline: CameraPipeline, result: StepResult, principal: Principal) -> None:
        for seen in result.health:
            self._desk.note_health(seen.event, view=seen.view, principal=principal)
        watch, now, code = pipeline.health, pipeline.newest_at, pipeline.camera.code
        if watch is not None and now is not None and (news := watch.news()):
            self._casebook.write(lambda tx: tx.save_camera_reference(code, news, now))

    def _pipeline(self, camera: str) -> CameraPipeline:
        """Return the camera's pipeline, made anew where another process went on with it or it was calibrated anew."""
        known, stored = self._pipelines.get(camera), self._casebook.camera_state(camera)
        calibrated = self._calibrations.camera(camera)
        behind = known is None or (
            stored is not None and (known.newest_at is None or stored.newest_at > known.newest_at)
        )
        behind = behind or (known is not None and known.camera is not calibrated)
        if known is None or behind:
            known = CameraPipeline(
                camera=calibrated,
                scenes=self._site.scenes,
                detector=self._detector,
                settings=self._settings,
                state=stored,
                health=open_watch(calibrated, self._casebook),
                models=self._models,
            )
            self._pipelines[camera] = known
        return known
