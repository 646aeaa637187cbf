"""A camera's pipeline: one frame in, detections, sightings and sometimes a state out. Stores and dispatches nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self

import numpy as np

from geo.camera_view import error_m
from models.detections import Detections
from models.detector import Detector, Pending, begin
from models.motion import MotionGate, MotionSettings, Wanted
from models.tracker import Tracker
from pipeline.afters import Afters
from pipeline.camera_health import HealthWatch
from pipeline.camera_memory import recall, remember
from pipeline.cameras import Camera
from pipeline.casebook import CameraState
from pipeline.evidence_views import Waiting, WaitingFrames, plain_view, view, waiting
from pipeline.firings import Firing
from pipeline.frames import Frame
from pipeline.health_events import HealthEvent
from pipeline.keeping import Originals
from pipeline.lately import Lately
from pipeline.moments import Moment
from pipeline.observations import join_tracks, observe, with_looks
from pipeline.occupancies import Occupancies
from pipeline.occupancy import OccupancySettings
from pipeline.scene_rules import SceneRules
from pipeline.scenes import Scene
from pipeline.sightings import LaterView, Sighting, View
from pipeline.site import SiteSettings

FAINT: Final = 0.1  # from here on a box is blurred, and may hold what is there already


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
        pending: None for a frame that no detector looks at.
        wanted: what the motion gate said of it.
    """

    frame: Frame
    outcome: Outcome
    pending: Pending | None = None
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

    Raises:
        UnknownError: the camera names a scene or zone that is not there.
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
    ) -> None:
        self.camera = camera
        self.health = health
        self.settings = settings or PipelineSettings()
        self.newest_at: datetime | None = None
        self._begun_at: datetime | None = None
        self._detector = detector
        self._scenes = scenes
        self._rules = SceneRules(camera, scenes, settings=self.settings.occupancy)
        self._families = self._rules.families()
        self._occupancies = Occupancies(self.settings.occupancy, period_s=1.0 / camera.fps)
        self._gate = None if self.settings.motion is None else MotionGate(self.settings.motion)
        self._found = self._nothing()
        self._tracker = Tracker()
        self._waiting = WaitingFrames()
        self._lately = Lately(period_s=1.0 / camera.fps)
        self._watched_since: float | None = None
        self._stored_at: datetime | None = None
        self._afters = Afters(self.settings.after_s)
        if state is not None:
            self.newest_at = self._stored_at = self._begun_at = state.newest_at
            self._watched_since = recall(state.occupancies, camera, self._occupancies, self._rules)
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
        wanted = Wanted.FIRST if self._gate is None else self._gate.wants(frame.image, at_s=frame.at_s)
        if wanted is Wanted.STILL:
            return Begun(frame=frame, outcome=Outcome.STILL, wanted=wanted)
        pending = begin(self._detector, frame.image, stream=self.camera.code, at_s=frame.at_s, confidence=FAINT)
        return Begun(frame=frame, outcome=outcome, pending=pending, wanted=wanted)

    def finish(self, begun: Begun) -> StepResult:
        """Take in what the detector says of a frame.

        Raises:
            ModelsError: the detector cannot use it.
        """
        frame, outcome = begun.frame, begun.outcome
        if begun.pending is not None:
            self._found = begun.pending.result()
        elif outcome is not Outcome.STILL:
            seen = self._health(frame) if outcome is Outcome.UNFIT else ()
            return StepResult(outcome=outcome, detections=self._nothing(), health=seen)
        found, at, before = self._found, frame.at_s, self.newest_at
        if outcome is Outcome.STILL and before is not None and at - before.timestamp() < self.settings.still_every_s:
            return StepResult(outcome=outcome, detections=self._nothing())
        self.newest_at = frame.captured_at
        self._watched_since = at if self._watched_since is None else self._watched_since
        seen = self._health(frame, found=found)
        moved = self.health is not None and self.health.moved
        firings = () if moved else tuple(self._rules.update(self._moment(frame, found, before)))
        blurred = self._lately.joined(found, at=at)
        self._waiting.offer(frame, blurred, needed=self._needed())
        later = self._later(frame, blurred, found)
        sightings = tuple(self._sighting(firing, frame, waiting(frame, blurred, seen=found)) for firing in firings)
        counted = found.select(found.confidence >= self._rules.lowest_confidence)
        state = self._due(bool(sightings))
        return StepResult(
            outcome=outcome, detections=counted, sightings=sightings, later=later, state=state, health=seen
        )

    def absent(self, now: datetime) -> tuple[HealthSeen, ...]:
        """Take note that no frame of a live camera came by now; return what that means for its health."""
        events = () if self.health is None else self.health.absent(now)
        return tuple(HealthSeen(event=event) for event in events)

    def state(self) -> CameraState | None:
        """Return what must survive a restart, None before the first frame."""
        if self.newest_at is None or self._watched_since is None:
            return None
        self._stored_at = self.newest_at
        memory = remember(self.camera, self._occupancies, self._rules, watched_since=self._watched_since)
        memory["afters"] = self._afters.record()
        return CameraState(camera=self.camera.code, newest_at=self.newest_at, occupancies=memory)

    def _health(self, frame: Frame, *, found: Detections | None = None) -> tuple[HealthSeen, ...]:
        """Return what begins or ends with a frame; no picture where nothing was looked for that is to be blurred."""
        if self.health is None:
            return ()
        return tuple(
            HealthSeen(
                event=event,
                view=self._plain_view(frame, found) if event.until is None and found is not None else None,
            )
            for event in self.health.see(frame)
        )

    def _nothing(self) -> Detections:
        return Detections.empty(self._detector.class_names)

    def _plain_view(self, frame: Frame, found: Detections) -> View:
        classless = self._detector.classless
        return plain_view(waiting(frame, found), label="health", classless=classless, blur=self.settings.blur)

    def _order(self, frame: Frame) -> Outcome:
        newest_at = self._begun_at
        if newest_at is None or frame.captured_at > newest_at:
            return Outcome.PROCESSED
        if frame.captured_at == newest_at:
            return Outcome.REPEATED
        late_s = (newest_at - frame.captured_at).total_seconds()
        return Outcome.LATE if late_s <= self.settings.lag_s else Outcome.REFUSED

    def _moment(self, frame: Frame, found: Detections, before: datetime | None) -> Moment:
        """Track, place and remember what a frame shows."""
        at = frame.at_s
        tracked = join_tracks(found, self._tracker.update(found, at_s=at))
        height_px, width_px = frame.image.shape[:2]
        seen = observe(tracked, self.camera, image_size_px=(width_px, height_px))
        seen = with_looks(seen, frame.image, self.camera, self._families)
        standing = [each for each in seen if each.family in self._families]
        if self._families:
            hiders = [each for each in seen if each.family not in self._families]
            self._occupancies.update(standing, at=at, hiders=hiders, opens_from=self._rules.lowest_confidence)
        passed_s = 0.0 if before is None else (frame.captured_at - before).total_seconds()
        return Moment(
            at=at,
            step_s=min(passed_s, self.settings.occupancy.most_step_s),
            watched_since=at if self._watched_since is None else self._watched_since,
            observations=seen,
            occupancies=self._occupancies,
        )

    def _needed(self) -> list[float]:
        """Return the times from which a "before" picture may still be asked for."""
        settings = self.settings.occupancy
        standing = (each.first_seen for each in self._occupancies.all if not each.fired and each.stood(settings))
        newest = self.newest_at.timestamp() if self.newest_at else 0.0
        return [*standing, newest - self._longest_wait_s()]

    def _longest_wait_s(self) -> float:
        return max((rule.scene.dwell_s for rule in self._rules.rules.values()), default=0.0)

    def _due(self, fired: bool) -> CameraState | None:  # noqa: FBT001 - one private caller
        since = self._stored_at
        if fired or since is None or self.newest_at is None:
            return self.state()
        return self.state() if (self.newest_at - since).total_seconds() >= self.settings.state_every_s else None

    def _sighting(self, firing: Firing, frame: Frame, now: Waiting) -> Sighting:
        self._afters.expect(firing.id(self.camera.code), firing, at=frame.at_s)
        calibration, measurement = firing.calibration_cov_m2, firing.measurement_cov_m2
        ee, en, nn = (a + b for a, b in zip(calibration, measurement, strict=True))
        return Sighting(
            id=firing.id(self.camera.code),
            camera=self.camera.code,
            scene=firing.scene,
            category=self._scenes[firing.scene].category,
            first_seen_at=datetime.fromtimestamp(firing.first_seen, UTC),
            captured_at=frame.captured_at,
            lonlat=self.camera.view.plane.point_to_lonlat(firing.east_m, firing.north_m),
            calibration_cov_m2=calibration,
            measurement_cov_m2=measurement,
            error_m=float(error_m(np.array([[[ee, en], [en, nn]]]))[0]),
            class_name=firing.class_name,
            confidence=round(firing.confidence, 4),
            box_px=firing.box_px,
            count=firing.count,
            unseen_s=round(firing.unseen_s, 3),
            detector=self._detector.version,
            views=self._views(firing, now),
        )

    def _views(self, firing: Firing, now: Waiting) -> tuple[View, ...]:
        before = self._waiting.nearest(firing.first_seen, within_s=self.settings.before_within_s)
        pictures = [("at", now)]
        if before is not None and before.captured_at < now.captured_at:
            pictures.insert(0, ("before", before))
        return tuple(self._view(picture, label=label, firing=firing) for label, picture in pictures)

    def _later(self, frame: Frame, blurred: Detections, found: Detections) -> tuple[LaterView, ...]:
        """Return the pictures "after" that this frame is."""
        return tuple(
            LaterView(
                sighting=each.sighting,
                view=self._view(waiting(frame, blurred, seen=found), label="after", firing=each.firing),
            )
            for each in self._afters.due(frame.at_s)
        )

    def _view(self, picture: Waiting, *, label: str, firing: Firing) -> View:
        return view(
            picture,
            label=label,
            camera=self.camera,
            firing=firing,
            zones=self._rules.zones_of(firing.scene),
            classless=self._detector.classless,
            blur=self.settings.blur,
            original=self.settings.originals,
        )
