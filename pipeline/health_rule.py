"""The rule on the camera itself: a fault of its picture that lasts becomes a case, at the camera's own place."""

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.cameras import Camera
from pipeline.firings import Firing
from pipeline.moments import Moment
from pipeline.scenes import Scene
from pipeline.zones import Zone

PLACE_VAR_M2: Final = 1.0  # of where a camera stands on the site's map
_MOST_FIRED: Final = 100


class HealthRule:
    """Fires once for each spell of one of the scene's faults that has lasted `dwell_s` since it counted.

    Args:
        scene: its `faults` say which.
        zone: the whole image, whatever a camera says: a fault is of the whole picture.
        camera: where the case lies.
    """

    def __init__(self, scene: Scene, zone: Zone, *, camera: Camera) -> None:
        self.scene = scene
        self.zone = zone
        self._place_m = camera.view.plane.point_to_metres(camera.lonlat)
        self._box_px = (0.0, 0.0, float(camera.width_px), float(camera.height_px))
        self._fired: dict[str, float] = {}
        self._lasting: dict[str, float] = {}

    def update(self, moment: Moment) -> list[Firing]:
        """Take in one frame and return what fires in it."""
        lasting = {name: since for name, since in moment.faults.items() if name in self.scene.faults}
        self._lasting = lasting
        self._fired = {name: since for name, since in self._fired.items() if lasting.get(name) == since}
        found = []
        for name, since in lasting.items():
            if name not in self._fired and moment.at - max(since, moment.counts_from) >= self.scene.dwell_s:
                self._fired[name] = since
                found.append(self._firing(name, since))
        return found

    def _firing(self, name: str, since: float) -> Firing:
        east_m, north_m = self._place_m
        return Firing(
            scene=self.scene.code,
            first_seen=since,
            first_m=(east_m, north_m),
            east_m=east_m,
            north_m=north_m,
            calibration_cov_m2=(PLACE_VAR_M2, 0.0, PLACE_VAR_M2),
            measurement_cov_m2=(0.0, 0.0, 0.0),
            class_name=name,
            confidence=1.0,
            box_px=self._box_px,
        )

    def open_since(self) -> list[float]:
        """See `SceneRule.open_since`."""
        return [since for name, since in self._lasting.items() if name not in self._fired]

    def record(self) -> list[object]:
        """Return the spells that have fired as JSON-able values."""
        return [[name, since] for name, since in list(self._fired.items())[:_MOST_FIRED]]

    def restore(self, records: Sequence[object]) -> None:
        """Take back what `record` wrote."""
        pairs = [each for each in records if isinstance(each, Sequence) and not isinstance(each, str | Mapping)]
        self._fired = {str(name): float(str(since)) for name, since in pairs[:_MOST_FIRED]}
