"""Telling: what fired, as a sighting with its pictures. Decides nothing; keeps nothing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from geo.camera_view import error_m
from models.detections import Detections
from pipeline.cameras import Camera
from pipeline.evidence_views import Waiting, WaitingFrames, plain_view, view, waiting
from pipeline.firings import Firing
from pipeline.frames import Frame
from pipeline.scenes import Rule, Scene
from pipeline.sight import Sight
from pipeline.sightings import Sighting, View


class Teller:
    """Puts into words and pictures what fires at one camera.

    Args:
        camera: where.
        scenes: the site's scenes by code.
        sights: the camera's, whose rules know the zones that are drawn.
        frames: those kept for the picture "before".
        before_within_s: how far that may lie from when the thing was first seen.
        classless: whether the site's own detector knows classes.
        blur: whether pictures are blurred.
        originals: whether frames as they came go with them.
    """

    def __init__(
        self,
        camera: Camera,
        scenes: Mapping[str, Scene],
        sights: Sequence[Sight],
        *,
        frames: WaitingFrames,
        before_within_s: float,
        classless: bool,
        blur: bool,
        originals: bool,
    ) -> None:
        self.camera = camera
        self._scenes, self._sights, self._frames = scenes, sights, frames
        self._before_within_s = before_within_s
        self._classless, self._blur, self._originals = classless, blur, originals

    def sighting(self, firing: Firing, frame: Frame, now: Waiting, *, sight: Sight) -> Sighting:
        """Return what fired in a frame, which `now` is with its boxes, as a sighting."""
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
            detector=_seen_by(self._scenes[firing.scene], sight),
            views=self._views(firing, now),
        )

    def picture(self, picture: Waiting, *, label: str, firing: Firing) -> View:
        """Return a picture of what fired: blurred, with box and zone."""
        return view(
            picture,
            label=label,
            camera=self.camera,
            firing=firing,
            zones=[zone for sight in self._sights for zone in sight.rules.zones_of(firing.scene)],
            classless=self._classless,
            blur=self._blur,
            original=self._originals,
        )

    def plain(self, frame: Frame, found: Detections) -> View:
        """Return a picture of the camera itself: blurred, nothing drawn on."""
        return plain_view(waiting(frame, found), label="health", classless=self._classless, blur=self._blur)

    def _views(self, firing: Firing, now: Waiting) -> tuple[View, ...]:
        before = self._frames.nearest(firing.first_seen, within_s=self._before_within_s)
        pictures = [("at", now)]
        if before is not None and before.captured_at < now.captured_at:
            pictures.insert(0, ("before", before))
        return tuple(self.picture(picture, label=label, firing=firing) for label, picture in pictures)


def _seen_by(scene: Scene, sight: Sight) -> str:
    """Return whose word a sighting is: the detector's, or for the camera's own health nobody's."""
    return "" if scene.rule is Rule.HEALTH else sight.detector.version
