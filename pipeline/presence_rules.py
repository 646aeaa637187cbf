"""Rules on what is there now: many people together (crowd), someone where nobody may be (intrusion)."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from pipeline.episodes import Patience
from pipeline.firings import Firing, bounding
from pipeline.groups import Group, Groups
from pipeline.moments import Moment
from pipeline.observations import Observation
from pipeline.scenes import Scene
from pipeline.standing_rules import mean_cov, middle_cov
from pipeline.visits import Visit, Visits
from pipeline.zones import Zone

DIP_S: Final = 1.0  # a detector misses people for so long; longer is taken for true
EDGE_SHARE: Final = 0.1  # of a box's height: how far outside the edge is clear of it


class CrowdRule:
    """Fires once for each group of `count` or more in the zone that holds for `dwell_s`."""

    def __init__(self, scene: Scene, zone: Zone, *, period_s: float) -> None:
        self.scene = scene
        self.zone = zone
        patience = patience_of(scene, period_s)
        self._groups = Groups(count=scene.count, radius_m=scene.radius_m or np.inf, patience=patience)

    def update(self, moment: Moment) -> list[Firing]:
        """Take in one frame and return what fires in it."""
        present = [seen for seen in _wanted(moment.observations, self.scene) if self.zone.holds(seen.box_px)]
        points = np.array([[seen.east_m, seen.north_m] for seen in present], np.float64).reshape(-1, 2)
        fired = []
        for group in self._groups.update(points, at=moment.at, step_s=moment.step_s):
            if not group.clock.fired and group.clock.held_s >= self.scene.dwell_s:
                group.clock.fired = True
                fired.append(_gathered(self.scene.code, group, [present[row] for row in group.members]))
        return fired

    def record(self) -> list[object]:
        """Return the groups as JSON-able values."""
        return [group.record() for group in self._groups.all]

    def restore(self, records: Sequence[object]) -> None:
        """Take back what `record` wrote."""
        self._groups.all = [Group.from_record(each) for each in records if isinstance(each, Mapping)]


class IntrusionRule:
    """Fires once for each visit of a thing of the scene's classes to the zone that lasts `dwell_s`."""

    def __init__(self, scene: Scene, zone: Zone, *, period_s: float) -> None:
        self.scene = scene
        self.zone = zone
        self._visits = Visits(patience_of(scene, period_s))

    def update(self, moment: Moment) -> list[Firing]:
        """Take in one frame and return what fires in it."""
        wanted = _wanted(moment.observations, self.scene)
        depths = [self.zone.depth_px(seen.contact_px) for seen in wanted]
        inside = [depth >= 0.0 for depth in depths]
        clear = [depth < -EDGE_SHARE * _height(seen) for depth, seen in zip(depths, wanted, strict=True)]
        fired = []
        for visit in self._visits.update(wanted, inside, clear, at=moment.at, step_s=moment.step_s):
            if not visit.clock.fired and visit.clock.held_s >= self.scene.dwell_s and visit.newest is not None:
                visit.clock.fired = True
                fired.append(_entered(self.scene.code, visit, visit.newest))
        return fired

    def record(self) -> list[object]:
        """Return the visits as JSON-able values."""
        return [visit.record() for visit in self._visits.all]

    def restore(self, records: Sequence[object]) -> None:
        """Take back what `record` wrote."""
        self._visits.all = [Visit.from_record(each) for each in records if isinstance(each, Mapping)]


def patience_of(scene: Scene, period_s: float) -> Patience:
    """Return what breaks a crowd or a visit, for frames that come `period_s` apart."""
    return Patience.of_dwell(scene.dwell_s, dip_s=DIP_S, outage_s=DIP_S).for_period(period_s)


def _wanted(observations: Sequence[Observation], scene: Scene) -> list[Observation]:
    return [seen for seen in observations if seen.class_name in scene.classes and seen.confidence >= scene.confidence]


def _height(seen: Observation) -> float:
    return seen.box_px[3] - seen.box_px[1]


def _gathered(scene: str, group: Group, people: Sequence[Observation]) -> Firing:
    return Firing(
        scene=scene,
        first_seen=group.clock.since,
        first_m=group.first_m,
        east_m=group.middle_m[0],
        north_m=group.middle_m[1],
        calibration_cov_m2=mean_cov([seen.calibration_cov_m2 for seen in people]),
        measurement_cov_m2=middle_cov(
            [seen.measurement_cov_m2 for seen in people], [(seen.east_m, seen.north_m) for seen in people]
        ),
        class_name=people[0].class_name,
        confidence=sum(seen.confidence for seen in people) / len(people),
        box_px=bounding([seen.box_px for seen in people]),
        count=len(people),
    )


def _entered(scene: str, visit: Visit, seen: Observation) -> Firing:
    return Firing(
        scene=scene,
        first_seen=visit.clock.since,
        first_m=visit.first_m,
        east_m=seen.east_m,
        north_m=seen.north_m,
        calibration_cov_m2=seen.calibration_cov_m2,
        measurement_cov_m2=seen.measurement_cov_m2,
        class_name=seen.class_name,
        confidence=visit.confidence,
        box_px=seen.box_px,
    )
