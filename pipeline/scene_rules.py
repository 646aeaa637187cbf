"""All the rules of one camera: which scene is watched where, fed with moments, kept over restarts as JSON."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from pipeline.area_rule import AreaRule
from pipeline.cameras import Camera
from pipeline.direction_rule import WrongWayRule
from pipeline.errors import UnknownError
from pipeline.firings import Firing
from pipeline.footprints import footprint
from pipeline.health_rule import HealthRule
from pipeline.moments import Moment
from pipeline.occupancy import OccupancySettings
from pipeline.presence_rules import CrowdRule, IntrusionRule
from pipeline.scenes import Rule, Scene
from pipeline.standing_rules import ClutterRule, StayRule
from pipeline.zones import Zone

USUAL_CONFIDENCE: Final = 0.3  # of a camera without scenes
ON_OCCUPANCIES: Final = frozenset({Rule.DWELL, Rule.CLUTTER, Rule.LEFT})


class SceneRule(Protocol):
    """One scene watched in one zone."""

    @property
    def scene(self) -> Scene:
        """The scene it watches for."""

    @property
    def zone(self) -> Zone:
        """Where it does."""

    def update(self, moment: Moment) -> list[Firing]:
        """Take in one frame and return what fires in it."""

    def open_since(self) -> list[float]:
        """Return since when what may yet fire has held, in frame time; what is in the occupancies is left out."""

    def record(self) -> list[object]:
        """Return what it must remember as JSON-able values."""

    def restore(self, records: Sequence[object]) -> None:
        """Take back what `record` wrote."""


class SceneRules:
    """The rules of one camera.

    Args:
        camera: its `scenes` say which scene is watched in which zone.
        scenes: the site's scenes by code.
        settings: of its occupancies.

    Raises:
        UnknownError: the camera names a scene or zone that is not there.
    """

    def __init__(self, camera: Camera, scenes: Mapping[str, Scene], *, settings: OccupancySettings) -> None:
        self.rules: dict[str, SceneRule] = {}
        for each in camera.scenes:
            if each.scene not in scenes:
                raise UnknownError(f"scene of camera {camera.code}", each.scene, sorted(scenes))
            zone = Zone.of(camera, each.zone, without=each.without)
            rule = make_rule(scenes[each.scene], zone, camera=camera, settings=settings)
            self.rules[f"{each.scene}/{each.zone or ''}"] = rule
        self._opened: dict[str, float] = {}

    @property
    def lowest_confidence(self) -> float:
        """Return from which confidence on some scene counts a box."""
        looked = (rule.scene.confidence for rule in self.rules.values() if rule.scene.rule is not Rule.HEALTH)
        return min(looked, default=USUAL_CONFIDENCE)

    def families(self) -> frozenset[str]:
        """Return the families of classes whose occupancies some scene needs."""
        wanted: Iterable[Scene] = (rule.scene for rule in self.rules.values() if rule.scene.rule in ON_OCCUPANCIES)
        return frozenset(footprint(name).family for scene in wanted for name in scene.classes)

    def update(self, moment: Moment, *, moved: bool = False) -> list[Firing]:
        """Take in one frame and return what fires in it.

        Args:
            moment: the frame.
            moved: whether the camera looks elsewhere than it was calibrated for: then only its health is asked.
        """
        fired = []
        for key, rule in self.rules.items():
            if moved and rule.scene.rule is not Rule.HEALTH:
                continue
            counts_from = self._counts_from(key, rule, moment.at)
            if counts_from is None:
                rule.restore([])  # a shut window ends what it watched
            else:
                fired += rule.update(replace(moment, counts_from=counts_from) if rule.scene.window else moment)
        return fired

    def _counts_from(self, key: str, rule: SceneRule, at: float) -> float | None:
        """Return since when a scene's window is open; None while it is shut."""
        window = rule.scene.window
        if window is None:
            return -math.inf
        if not window.is_open(at):
            self._opened.pop(key, None)
            return None
        if key not in self._opened:
            self._opened[key] = window.opened_at(at)
        return self._opened[key]

    def zones_of(self, scene: str) -> list[Zone]:
        """Return the zones that a scene is watched in."""
        return [rule.zone for rule in self.rules.values() if rule.scene.code == scene]

    def record(self) -> dict[str, object]:
        """Return what the rules must remember as JSON-able values."""
        return {key: rule.record() for key, rule in self.rules.items()}

    def restore(self, records: Mapping[str, object]) -> None:
        """Take back what `record` wrote; rules that were not watched then begin anew."""
        for key, rule in self.rules.items():
            kept = records.get(key)
            if isinstance(kept, Sequence):
                rule.restore(kept)


def make_rule(  # noqa: PLR0911 - one for each kind
    scene: Scene, zone: Zone, *, camera: Camera, settings: OccupancySettings
) -> SceneRule:
    """Return the rule of a scene in a zone of a camera."""
    period_s = 1.0 / camera.fps
    match scene.rule:
        case Rule.DWELL | Rule.LEFT:
            return StayRule(scene, zone)
        case Rule.CLUTTER:
            return ClutterRule(scene, zone, period_s=period_s, grace_s=settings.grace_s)
        case Rule.CROWD:
            return CrowdRule(scene, zone, period_s=period_s)
        case Rule.INTRUSION:
            return IntrusionRule(scene, zone, camera=camera)
        case Rule.WRONG_WAY:
            return WrongWayRule(scene, zone, period_s=period_s)
        case Rule.AREA:
            return AreaRule(scene, zone, size_px=(camera.width_px, camera.height_px), period_s=period_s)
        case Rule.HEALTH:
            return HealthRule(scene, zone, camera=camera)
