"""A sight: what one detector sees through one camera, and the scenes that look through it, with their memory.

A camera has one for the site's own detector and one for each further weights that its scenes name; each tracks and
remembers by itself, so that the classes of one are nothing to the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.detections import Detections
from models.detector import Detector
from models.tracker import Tracker
from pipeline.cameras import Camera
from pipeline.firings import Firing
from pipeline.frames import Frame
from pipeline.moments import Moment
from pipeline.observations import join_tracks, observe, with_looks
from pipeline.occupancies import Occupancies
from pipeline.occupancy import OccupancySettings
from pipeline.scene_rules import SceneRules
from pipeline.scenes import Scene


class Sight:
    """One detector's look at one camera; not for several threads at once.

    Args:
        camera: with all its scenes.
        scenes: the site's scenes by code.
        weights: whose scenes these are, as scenes name it; empty for the site's own detector.
        detector: may be shared between cameras.
        settings: of the occupancies.

    Raises:
        UnknownError: the camera names a scene or zone that is not there.
    """

    def __init__(
        self,
        camera: Camera,
        scenes: Mapping[str, Scene],
        *,
        weights: str,
        detector: Detector,
        settings: OccupancySettings,
    ) -> None:
        own = tuple(each for each in camera.scenes if _weights(scenes, each.scene) == weights)
        self.camera, self.weights, self.detector = camera, weights, detector
        self.rules = SceneRules(replace(camera, scenes=own), scenes, settings=settings)
        self.families = self.rules.families()
        self.occupancies = Occupancies(settings, period_s=1.0 / camera.fps)
        self.found = Detections.empty(detector.class_names)
        self._most_step_s = settings.most_step_s
        self._tracker = Tracker()

    def fire(
        self,
        frame: Frame,
        *,
        passed_s: float,
        period_s: float,
        watched_since: float,
        faults: Mapping[str, float],
        moved: bool,
    ) -> Sequence[Firing]:
        """Track, place and remember what a frame shows, and return what fires in it; `found` is what was seen.

        Args:
            frame: the frame.
            passed_s: since the one before.
            period_s: between two such frames lately.
            watched_since: frame time of the camera's first frame.
            faults: what is wrong with the camera, and since when.
            moved: whether it looks elsewhere than it was calibrated for: then nothing is placed.
        """
        moment = self._moment(frame, passed_s=passed_s, period_s=period_s, watched_since=watched_since, faults=faults)
        return self.rules.update(moment, moved=moved)

    def _moment(
        self, frame: Frame, *, passed_s: float, period_s: float, watched_since: float, faults: Mapping[str, float]
    ) -> Moment:
        at, found = frame.at_s, self.found
        tracked = join_tracks(found, self._tracker.update(found, at_s=at))
        height_px, width_px = frame.image.shape[:2]
        seen = observe(tracked, self.camera, image_size_px=(width_px, height_px))
        seen = with_looks(seen, frame.image, self.camera, self.families)
        standing = [each for each in seen if each.family in self.families]
        if self.families:
            hiders = [each for each in seen if each.family not in self.families]
            self.occupancies.update(standing, at=at, hiders=hiders, opens_from=self.rules.lowest_confidence)
        return Moment(
            at=at,
            step_s=min(passed_s, self._most_step_s),
            period_s=period_s,
            watched_since=watched_since,
            observations=seen,
            occupancies=self.occupancies,
            faults=faults,
        )


def weights_at(camera: Camera, scenes: Mapping[str, Scene]) -> list[str]:
    """Return the weights that a camera's scenes name beside the site's own, each once."""
    return sorted({_weights(scenes, each.scene) for each in camera.scenes} - {""})


def _weights(scenes: Mapping[str, Scene], code: str) -> str:
    return scenes[code].weights if code in scenes else ""
