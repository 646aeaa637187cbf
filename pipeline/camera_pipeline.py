"""A camera's pipeline: one frame in, detections, sightings and sometimes a state out. Stores and dispatches nothing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from models.detections import Detections, show_the_same
from models.detector import Detector, Pending, begin
from models.motion import MotionGate, MotionSettings, Wanted
from models.privacy import LEAST_CONFIDENCE
from pipeline.afters import Afters
from pipeline.camera_health import HealthWatch
from pipeline.camera_memory import recall, remember
from pipeline.cameras import Camera
from pipeline.casebook import CameraState
from pipeline.crop_pieces import pieces
from pipeline.evidence_views import Waiting, WaitingFrames, waiting
from pipeline.firings import Firing
from pipeline.frames import Frame
from pipeline.heads import with_heads
from pipeline.health_events import HealthEvent
from pipeline.held_sightings import HeldSightings
from pipeline.keeping import Originals
from pipeline.lately import Lately
from pipeline.occupancy import OccupancySettings
from pipeline.pace import Pace
from pipeline.scene_models import NO_MODELS, SceneModels
from pipeline.scenes import Rule, Scene
from pipeline.sight import Sight, weights_at
from pipeline.sightings import LaterView, Sighting, View
from pipeline.site import SiteSettings
from pipeline.told_firings import Teller

FAINT: Final = 0.1  # from here on a box may hold what is there already; fainter ones are only blurred
_POLL_S: Final = 0.02
_MOVING: Final = frozenset({Rule.INTRUSION, Rule.WRONG_WAY})


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    """How a camera's frames are taken.

    Attributes:
        lag_s: a frame older than the newest by more than this is refused; a younger one is passed over.
        state_every_s: frame time between two states to store; what fires brings one along.
        before_within_s: how far the "before" picture may lie from when the thing was first seen.
        blur: whether pictures are blurred; a site's choice.
        motion: a frame in which nothing changed is taken to show what the detector saw before; None asks the detector
            about every frame.
        still_every_s: of such frames one in so long is looked at at all.
        originals: whether frames as they came go with pictures, to be sealed; a site's choice.
        after_s: frame time from a firing to its picture "after"; 0 takes none; a site's choice.
        occupancy: what counts as keeping a place.
    """

    lag_s: float = 10.0
    state_every_s: float = 5.0
    before_within_s: float = 5.0
    blur: bool = True
    motion: MotionSettings | None = None
    still_every_s: float = 1.0
    originals: bool = False
    after_s: float = 0.0
    occupancy: OccupancySettings = field(default_factory=OccupancySettings)

    @classmethod
    def of(cls, site: SiteSettings) -> Self:
        """Return what a site chose."""
        kept = site.evidence
        return cls(blur=site.blur, originals=kept.originals is Originals.SEALED, after_s=kept.after_s)


class Outcome(StrEnum):
    """What became of a frame."""

    PROCESSED = "processed"
    REPEATED = "repeated"
    LATE = "late"
    REFUSED = "refused"
    UNFIT = "unfit"
    STILL = "still"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSeen:
    """A spell of a fault that began or ended, with a picture of how it began."""

    event: HealthEvent
    view: View | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What one frame brought.

    Attributes:
        detections: from each scene's least confidence on; empty for a frame that was not processed.
        sightings: scenes that fired in it.
        state: what to store, with the sightings if there are any; None when nothing is due.
        health: what began or ended with the camera itself.
        later: pictures "after" of sightings of before.
    """

    outcome: Outcome
    detections: Detections
    sightings: tuple[Sighting, ...] = ()
    later: tuple[LaterView, ...] = ()
    state: CameraState | None = None
    health: tuple[HealthSeen, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A frame that was taken in, and what a detector will say of it.

    Attributes:
        pending: of each of the camera's detectors; none for a frame that no detector looks at.
        wanted: what the motion gate said of it.
    """

    frame: Frame
    outcome: Outcome
    pending: tuple[Pending, ...] = ()
    wanted: Wanted = Wanted.FIRST


class CameraPipeline:
    """One camera's frames to sightings; not for several threads at once.

    Args:
        camera: calibration, zones and scenes.
        scenes: the site's scenes by code.
        detector: may be shared between cameras.
        settings: see `PipelineSettings`.
        state: what was stored of this camera before.
        health: watches the camera itself; while it says that the camera was moved, no scene fires. None watches not.
        models: what scenes name beside the site's own detector.

    Raises:
        UnknownError: the camera names a scene or zone that is not there.
        ModelNotOpenError: a scene of the camera names weights that are not among the models.
        MemoryFormError: the state cannot be read.
    """

    def __init__(
        self,
        *,
        camera: Camera,
        scenes: Mapping[str, Scene],
        detector: Detector,
        settings: PipelineSettings | None = None,
        state: CameraState | None = None,
        health: HealthWatch | None = None,
        models: SceneModels = NO_MODELS,
    ) -> None:
        self.camera = camera
        self.health = health
        self.settings = settings or PipelineSettings()
        self.newest_at: datetime | None = None
        self._begun_at: datetime | None = None
        self._detector = detector
        self._scenes = scenes
        self._models = models
        looks = [("", detector), *((name, models.detector(name)) for name in weights_at(camera, scenes))]
        held = self.settings.occupancy
        self._sights = [Sight(camera, scenes, weights=name, detector=each, settings=held) for name, each in looks]
        self._private = Detections.empty(detector.class_names)  # what the first of them saw, the faintest too
        self._held = HeldSightings()
        self._firings: dict[str, Firing] = {}
        self._gate = None if self.settings.motion is None else MotionGate(self.settings.motion)
        self._pace = Pace(1.0 / camera.fps)
        self._waiting = WaitingFrames()
        self._teller = Teller(
            camera,
            scenes,
            self._sights,
            frames=self._waiting,
            before_within_s=self.settings.before_within_s,
            classless=detector.classless,
            blur=self.settings.blur,
            originals=self.settings.originals,
        )
        self._lately = Lately(period_s=1.0 / camera.fps)
        self._watched_since: float | None = None
        self._stored_at: datetime | None = None
        self._afters = Afters(self.settings.after_s)
        if state is not None:
            self.newest_at = self._stored_at = self._begun_at = state.newest_at
            self._watched_since = recall(state.occupancies, camera, self._sights)
            self._afters.restore(state.occupancies.get("afters", []), camera=camera.code)

    def step(self, frame: Frame) -> StepResult:
        """Take in the next frame.

        Raises:
            ModelsError: the detector cannot use it.
        """
        return self.finish(self.begin(frame))

    def begin(self, frame: Frame) -> Begun:
        """Hand the next frame to the detector; `finish` must follow, in the same order.

        Raises:
            ModelsError: the detector cannot use it.
        """
        outcome = self._order(frame)
        if outcome is Outcome.PROCESSED and frame.fault is not None:
            outcome = Outcome.UNFIT
        if outcome is not Outcome.PROCESSED:
            return Begun(frame=frame, outcome=outcome)
        self._begun_at = frame.captured_at
        self._pace.note(frame.at_s)
        wanted = Wanted.FIRST if self._gate is None else self._gate.wants(frame.image, at_s=frame.at_s)
        if wanted is Wanted.STILL:
            return Begun(frame=frame, outcome=Outcome.STILL, wanted=wanted)
        pending = tuple(
            begin(each.detector, frame.image, stream=self.camera.code, at_s=frame.at_s, confidence=LEAST_CONFIDENCE)
            for each in self._sights
        )
        return Begun(frame=frame, outcome=outcome, pending=pending, wanted=wanted)

    def finish(self, begun: Begun) -> StepResult:
        """Take in what the detector says of a frame.

        Raises:
            ModelsError: the detector cannot use it.
        """
        frame, outcome = begun.frame, begun.outcome
        if begun.pending:
            self._see(begun)
        elif outcome is not Outcome.STILL:
            seen = self._health(frame) if outcome is Outcome.UNFIT else ()
            return self._with_held(StepResult(outcome=outcome, detections=self._nothing(), health=seen))
        found, at, before = self._sights[0].found, frame.at_s, self.newest_at
        if outcome is Outcome.STILL and before is not None and at - before.timestamp() < self.settings.still_every_s:
            if self.health is not None:
                self.health.note(frame)
            return self._with_held(StepResult(outcome=outcome, detections=self._nothing()))
        self.newest_at = frame.captured_at
        self._watched_since = at if self._watched_since is None else self._watched_since
        people = with_heads(self._private, self.camera, image_size_px=(frame.image.shape[1], frame.image.shape[0]))
        seen = self._health(frame, found=people)
        fired = self._fired(frame, before)
        blurred = self._lately.joined(people, at=at)
        if outcome is not Outcome.STILL:  # a still frame shows what the one before it does; sweeps are kept
            self._waiting.offer(frame, blurred, needed=self._needed())
        later = self._later(frame, blurred, found)
        sightings: list[Sighting] = []
        for sight, firing in fired:
            now = waiting(frame, blurred, seen=sight.found)
            sightings += self._unless_held(self._teller.sighting(firing, frame, now, sight=sight), firing, frame, now)
        counted = found.select(found.confidence >= self._sights[0].rules.lowest_confidence)
        result = StepResult(outcome=outcome, detections=counted, sightings=tuple(sightings), later=later, health=seen)
        return self._with_state(self._with_held(result))

    def _see(self, begun: Begun) -> None:
        """Take over what the detectors say of a frame, and tell the motion gate whether a sweep showed anything new."""
        new = False
        answers = [pending.result() for pending in begun.pending]
        self._private = answers[0]
        for each, answer in zip(self._sights, answers, strict=True):
            held, each.found = each.found, answer.select(answer.confidence >= FAINT)
            new |= not show_the_same(held, each.found, confidence=each.rules.lowest_confidence)
        if self._gate is not None and begun.wanted is Wanted.SWEEP:
            self._gate.heed(nothing_new=not new)

    @property
    def holds(self) -> bool:
        """Tell whether sightings wait for a second look."""
        return len(self._held) > 0

    def left(self) -> tuple[tuple[Sighting, ...], CameraState | None]:
        """Return the sightings that have waited long enough, without a frame, and the state to store with them."""
        left = tuple(self._released(self._held.leaving(time.monotonic())))
        return left, self.state() if left else None

    def settle(self, *, wait_s: float | None = None) -> tuple[Sighting, ...]:
        """Return all sightings that wait for a second look; those without an answer by then are left to a person.

        Args:
            wait_s: wait no longer than this; None for as long as their deadlines allow.
        """
        until = self._held.longest_s
        if until is None:
            return ()
        until = until if wait_s is None else min(until, time.monotonic() + wait_s)
        found = self._held.leaving(time.monotonic())
        while self.holds and time.monotonic() < until:
            time.sleep(_POLL_S)
            found += self._held.leaving(time.monotonic())
        return tuple(self._released([*found, *self._held.all(reason="the frames ended")]))

    def absent(self, now: datetime) -> tuple[HealthSeen, ...]:
        """Take note that no frame of a live camera came by now; return what that means for its health."""
        events = () if self.health is None else self.health.absent(now)
        return tuple(HealthSeen(event=event) for event in events)

    def state(self) -> CameraState | None:
        """Return what must survive a restart; None before the first frame, and while a sighting waits."""
        if self.newest_at is None or self._watched_since is None or len(self._held):
            return None  # what waits for a second look must fire again if this process ends now
        self._stored_at = self.newest_at
        memory = remember(self.camera, self._sights, watched_since=self._watched_since)
        memory["afters"] = self._afters.record()
        return CameraState(camera=self.camera.code, newest_at=self.newest_at, occupancies=memory)

    def _health(self, frame: Frame, *, found: Detections | None = None) -> tuple[HealthSeen, ...]:
        """Return what begins or ends with a frame; no picture where nothing was looked for that is to be blurred."""
        if self.health is None:
            return ()
        return tuple(
            HealthSeen(
                event=event,
                view=self._teller.plain(frame, found) if event.until is None and found is not None else None,
            )
            for event in self.health.see(frame)
        )

    def _nothing(self) -> Detections:
        return Detections.empty(self._detector.class_names)

    def _order(self, frame: Frame) -> Outcome:
        newest_at = self._begun_at
        if newest_at is None or frame.captured_at > newest_at:
            return Outcome.PROCESSED
        if frame.captured_at == newest_at:
            return Outcome.REPEATED
        late_s = (newest_at - frame.captured_at).total_seconds()
        return Outcome.LATE if late_s <= self.settings.lag_s else Outcome.REFUSED

    def _fired(self, frame: Frame, before: datetime | None) -> list[tuple[Sight, Firing]]:
        """Return what fires in a frame, with the sight that saw it."""
        faults = {} if self.health is None else self.health.lasting
        since = frame.at_s if self._watched_since is None else self._watched_since
        passed_s = 0.0 if before is None else (frame.captured_at - before).total_seconds()
        moved = self.health is not None and self.health.moved
        return [
            (sight, firing)
            for sight in self._sights
            for firing in sight.fire(
                frame,
                passed_s=passed_s,
                period_s=self._pace.period_s,
                watched_since=since,
                faults={fault.value: event.since.timestamp() for fault, event in faults.items()},
                moved=moved,
            )
        ]

    def _unless_held(self, sighting: Sighting, firing: Firing, frame: Frame, now: Waiting) -> list[Sighting]:
        """Return a sighting if it need not wait for a second look; else let it wait."""
        verify = self._scenes[sighting.scene].verify
        if verify is None:
            self._afters.expect(sighting.id, firing, at=frame.at_s)
            return [sighting]
        found = pieces(
            now,
            self._waiting.before(frame.at_s, since=firing.first_seen, most=verify.of - 1),
            firing.box_px,
            camera=self.camera,
            size_px=(frame.image.shape[1], frame.image.shape[0]),
            follow=self._scenes[sighting.scene].rule in _MOVING,
        )
        back = self._held.hold(sighting, verify, self._models.ask(found, verify), now_s=time.monotonic())
        self._firings[sighting.id] = firing
        return [] if back is None else self._released([back])

    def _released(self, sightings: list[Sighting]) -> list[Sighting]:
        """Return sightings that wait no longer; their pictures "after" are taken from now on, when they are known."""
        for each in sightings:
            self._afters.expect(each.id, self._firings.pop(each.id), at=each.captured_at.timestamp())
        return sightings

    def _with_held(self, result: StepResult) -> StepResult:
        """Add the sightings that have waited long enough; with the last of them its state may be stored."""
        left = self._released(self._held.leaving(time.monotonic()))
        if not left:
            return result
        return replace(result, sightings=(*result.sightings, *left), state=result.state or self.state())

    def _with_state(self, result: StepResult) -> StepResult:
        return replace(result, state=result.state or self._due(bool(result.sightings)))

    def _needed(self) -> list[float]:
        """Return the times from which a "before" picture may still be asked for."""
        settings = self.settings.occupancy
        kept = (each for sight in self._sights for each in sight.occupancies.all)
        standing = (each.first_seen for each in kept if not each.fired and each.stood(settings))
        rules = [rule for sight in self._sights for rule in sight.rules.rules.values()]
        held = (since for rule in rules for since in rule.open_since())
        newest = self.newest_at.timestamp() if self.newest_at else 0.0
        return [*standing, *held, newest - max((rule.scene.dwell_s for rule in rules), default=0.0)]

    def _due(self, fired: bool) -> CameraState | None:  # noqa: FBT001 - one private caller
        since = self._stored_at
        if fired or since is None or self.newest_at is None:
            return self.state()
        return self.state() if (self.newest_at - since).total_seconds() >= self.settings.state_every_s else None

    def _later(self, frame: Frame, blurred: Detections, found: Detections) -> tuple[LaterView, ...]:
        """Return the pictures "after" that this frame is."""
        due = self._afters.due(frame.at_s)
        now = waiting(frame, blurred, seen=found) if due else None
        pictures = [(each, self._teller.picture(now, label="after", firing=each.firing)) for each in due if now]
        return tuple(LaterView(sighting=each.sighting, view=view) for each, view in pictures)
