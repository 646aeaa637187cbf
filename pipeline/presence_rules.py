"""Rules on what is there now: many people together (crowd), someone where nobody may be (intrusion)."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from pipeline.cameras import Camera
from pipeline.company import Around, Company
from pipeline.episodes import Patience
from pipeline.firings import Firing, bounding
from pipeline.groups import Group, Groups
from pipeline.moments import Moment
from pipeline.observations import Observation, standing_on
from pipeline.scenes import Scene
from pipeline.standing_rules import mean_cov, middle_cov, on_level
from pipeline.visits import Visit, Visits
from pipeline.zones import Zone

DIP_S: Final = 1.0  # a detector misses people for so long; longer is taken for true
DIP_SHARE: Final = 0.2  # of the time that a state must hold: what lasts longer may be missed for longer
CROWD_DIP_SHARE: Final = 0.15  # the same for a crowd, after what its company forgives
EDGE_SHARE: Final = 0.1  # of a box's height: within this of an edge a contact may lie on either side


class CrowdRule:
    """Fires once for each group of `count` or more in the zone that holds for `dwell_s`."""

    def __init__(self, scene: Scene, zone: Zone, *, period_s: float) -> None:
        self.scene = scene
        self.zone = zone
        # The company forgives what is missed for a moment; what is left is seen to be so.
        self._patience = Patience.of_dwell(
            scene.dwell_s, dip_s=max(DIP_S / 4, CROWD_DIP_SHARE * scene.dwell_s), outage_s=DIP_S
        ).for_period(period_s / 2)
        self._groups = Groups(count=scene.count, radius_m=scene.radius_m or np.inf, patience=self._patience)
        self._company = Company(period_s=period_s, near_m=scene.radius_m or np.inf, least=math.ceil(scene.count / 2))

    def update(self, moment: Moment) -> list[Firing]:
        """Take in one frame and return what fires in it."""
        self._groups.patience = self._patience.for_period(moment.period_s / 2)
        self._company.wait_for(moment.period_s)
        people = [seen for seen in moment.observations if seen.class_name in self.scene.classes]
        company = self._company.update(people, at=moment.at, opens_from=self.scene.confidence)
        # Errors of place bring in as many as they leave out: who only may lie inside does not count.
        present = [each for each in company if self.zone.depth_px(each.seen.contact_px) >= 0.0]
        points = np.array([[each.seen.east_m, each.seen.north_m] for each in present], np.float64).reshape(-1, 2)
        fired = []
        for group in self._groups.update(points, at=moment.at, step_s=moment.step_s):
            if not group.clock.fired and group.clock.held_s >= self.scene.dwell_s:
                group.clock.fired = True
                fired.append(self._fired(group, [present[row] for row in group.members]))
        return fired

    def _fired(self, group: Group, members: Sequence[Around]) -> Firing:
        """Return what a group's firing says: of those whom the frame shows, if they are enough by themselves."""
        shown = [each.seen for each in members if each.shown]
        people = shown if len(shown) >= self.scene.count else [each.seen for each in members]
        return on_level(_gathered(self.scene.code, group, people, len(members)), self.zone)

    def open_since(self) -> list[float]:
        """See `SceneRule.open_since`."""
        return [since for group in self._groups.all for since in group.clock.open_since]

    def record(self) -> list[object]:
        """Return the groups as JSON-able values."""
        return [group.record() for group in self._groups.all]

    def restore(self, records: Sequence[object]) -> None:
        """Take back what `record` wrote."""
        self._groups.all = [Group.from_record(each) for each in records if isinstance(each, Mapping)]


class IntrusionRule:
    """Fires once for each visit of a thing of the scene's classes to the zone that lasts `dwell_s`."""

    def __init__(self, scene: Scene, zone: Zone, *, camera: Camera) -> None:
        self.scene = scene
        self.zone = zone
        self._camera = camera
        self._patience = patience_of(scene, 1.0 / camera.fps)
        self._visits = Visits(self._patience)

    def update(self, moment: Moment) -> list[Firing]:
        """Take in one frame and return what fires in it."""
        self._visits.patience = self._patience.for_period(moment.period_s)
        wanted = [
            standing_on(seen, self.zone.level_m, self._camera)
            for seen in moment.observations
            if seen.class_name in self.scene.classes
        ]
        depths = [self.zone.depth_px(seen.contact_px) for seen in wanted]
        inside = [depth >= 0.0 for depth in depths]
        clear = [depth < -EDGE_SHARE * height_px(seen) for depth, seen in zip(depths, wanted, strict=True)]
        fired = []
        for visit in self._visits.update(
            wanted, inside, clear, at=moment.at, step_s=moment.step_s, opens_from=self.scene.confidence
        ):
            due = not visit.clock.fired and visit.clock.held_s >= self.scene.dwell_s
            newest = visit.newest
            if due and newest is not None and min(visit.confidence, newest.confidence) >= self.scene.confidence:
                visit.clock.fired = True
                fired.append(on_level(entered(self.scene.code, visit, newest), self.zone))
        return fired

    def open_since(self) -> list[float]:
        """See `SceneRule.open_since`."""
        return [since for visit in self._visits.all for since in visit.clock.open_since]

    def record(self) -> list[object]:
        """Return the visits as JSON-able values."""
        return [visit.record() for visit in self._visits.all]

    def restore(self, records: Sequence[object]) -> None:
        """Take back what `record` wrote."""
        self._visits.all = [Visit.from_record(each) for each in records if isinstance(each, Mapping)]


def patience_of(scene: Scene, period_s: float) -> Patience:
    """Return what breaks a crowd or a visit, for frames that come `period_s` apart."""
    dip_s = max(DIP_S, DIP_SHARE * scene.dwell_s)
    return Patience.of_dwell(scene.dwell_s, dip_s=dip_s, outage_s=dip_s).for_period(period_s)


def height_px(seen: Observation) -> float:
    """Return how tall a box is."""
    return seen.box_px[3] - seen.box_px[1]


def _gathered(scene: str, group: Group, people: Sequence[Observation], count: int) -> Firing:
    east_m, north_m = np.mean([(seen.east_m, seen.north_m) for seen in people], axis=0).tolist()
    return Firing(
        scene=scene,
        first_seen=group.clock.since,
        first_m=group.first_m,
        east_m=east_m,
        north_m=north_m,
        calibration_cov_m2=mean_cov([seen.calibration_cov_m2 for seen in people]),
        measurement_cov_m2=middle_cov(
            [seen.measurement_cov_m2 for seen in people], [(seen.east_m, seen.north_m) for seen in people]
        ),
        class_name=people[0].class_name,
        confidence=sum(seen.confidence for seen in people) / len(people),
        box_px=bounding([seen.box_px for seen in people]),
        count=count,
    )


def entered(scene: str, visit: Visit, seen: Observation) -> Firing:
    """Return what a visit's firing says: where the visitor is now."""
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
