"""Rules on occupancies: a thing that stays (dwell, left) and many that stand (clutter). See `docs/scenes.md`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from pipeline.episodes import Patience
from pipeline.firings import Firing, bounding
from pipeline.footprints import PERSON, footprint
from pipeline.groups import Group, Groups
from pipeline.moments import Moment
from pipeline.observations import Cov, Observation, not_twice
from pipeline.occupancy import Occupancy
from pipeline.scenes import Rule, Scene
from pipeline.zones import Zone

LEAST_SHARE: Final = 0.5  # of a thing's confidence must speak for the scene's classes
ATTENDED_S: Final = 1.5  # somebody near for longer than this attends to a thing
FAINT_SHARE: Final = 0.5  # of the scene's confidence: somebody beside a thing may be half hidden
HIDES_SHARE: Final = 0.25  # of a thing's height: boxes of what stands behind it end there or below
APPEARED_S: Final = 2.0  # a thing that is there this soon after a camera's first frame has not appeared
_NOT_AT_RANDOM: Final = 4.0
_OUTAGE_S: Final = 4 * 3600.0


class StayRule:
    """Fires once for each thing of the scene's classes that stays in the zone for `dwell_s`.

    For the rule `left` the thing must have come while the camera watched, and where the scene has a radius, nobody
    may have been within it for `dwell_s`.
    """

    def __init__(self, scene: Scene, zone: Zone) -> None:
        self.scene = scene
        self.zone = zone

    def update(self, moment: Moment) -> list[Firing]:
        """Take in one frame and return what fires in it."""
        due = [each for each in moment.occupancies.all if each.seen_now and self._is_due(each, moment)]
        for each in due:
            each.fired.add(self.scene.code)
        return [on_level(_stayed(self.scene.code, each), self.zone) for each in due]

    def _is_due(self, each: Occupancy, moment: Moment) -> bool:
        if self.scene.code in each.fired or each.confidence < self.scene.confidence:
            return False  # now and then taken for something, on the whole not
        if not counts(each, self.scene, self.zone, moment):
            return False
        held_s = self._held_s(each, moment) if self.scene.rule is Rule.LEFT else each.dwell_as_s(self.scene.classes)
        held_s = min(held_s, moment.at - moment.counts_from)
        return held_s >= self.scene.dwell_s and each.last_confidence >= self.scene.confidence

    def _held_s(self, each: Occupancy, moment: Moment) -> float:
        """Return for how long a thing that appeared has been alone."""
        if each.first_seen < moment.watched_since + APPEARED_S:
            return -1.0
        if self.scene.radius_m <= 0.0:
            return each.dwell_s
        people = [seen for seen in moment.observations if _attends(seen, FAINT_SHARE * self.scene.confidence)]
        attended = any(_apart_m(each, seen) <= self.scene.radius_m or _stands_behind(each, seen) for seen in people)
        # Positions jitter: who passes by outside is placed inside for some frames; who attends to a thing stays.
        change_s = moment.step_s if attended else -moment.step_s / 2
        each.attended_s = min(max(each.attended_s + change_s, 0.0), 2 * ATTENDED_S)
        if attended and (each.alone_since is None or each.attended_s > ATTENDED_S):
            each.alone_since = None
        else:
            each.alone_since = each.alone_since or moment.at
        return -1.0 if each.alone_since is None else moment.at - each.alone_since

    def open_since(self) -> list[float]:
        """See `SceneRule.open_since`."""
        return []

    def record(self) -> list[object]:
        """Return nothing: what it remembers is in the occupancies."""
        return []

    def restore(self, records: Sequence[object]) -> None:
        """Take nothing back."""


class ClutterRule:
    """Fires once for each state of `count` things or more that stand in the zone, within a radius if there is one."""

    def __init__(self, scene: Scene, zone: Zone, *, period_s: float, grace_s: float) -> None:
        self.scene = scene
        self.zone = zone
        self._patience = Patience.of_dwell(scene.dwell_s, dip_s=grace_s, outage_s=_OUTAGE_S).for_period(period_s)
        self._groups = Groups(count=scene.count, radius_m=scene.radius_m or np.inf, patience=self._patience)

    def update(self, moment: Moment) -> list[Firing]:
        """Take in one frame and return what fires in it."""
        self._groups.patience = self._patience.for_period(moment.period_s)
        standing = _each_once(
            [
                each
                for each in moment.occupancies.all
                if each.confidence >= self.scene.confidence and counts(each, self.scene, self.zone, moment)
            ]
        )
        points = np.array([[each.east_m, each.north_m] for each in standing], np.float64).reshape(-1, 2)
        fired = []
        for group in self._groups.update(points, at=moment.at, step_s=moment.step_s):
            if not group.clock.fired and group.clock.held_s >= self.scene.dwell_s:
                group.clock.fired = True
                things = [standing[row] for row in group.members]
                fired.append(on_level(_cluttered(self.scene.code, group, things), self.zone))
        return fired

    def open_since(self) -> list[float]:
        """See `SceneRule.open_since`."""
        return [since for group in self._groups.all for since in group.clock.open_since]

    def record(self) -> list[object]:
        """Return the groups as JSON-able values."""
        return [group.record() for group in self._groups.all]

    def restore(self, records: Sequence[object]) -> None:
        """Take back what `record` wrote."""
        self._groups.all = [Group.from_record(each) for each in records if isinstance(each, Mapping)]


def counts(each: Occupancy, scene: Scene, zone: Zone, moment: Moment) -> bool:
    """Tell whether a thing stands in the zone, is of the scene's classes and was seen well enough."""
    return (
        each.best_confidence >= scene.confidence
        and each.share_of(scene.classes) >= LEAST_SHARE
        and each.settled(moment.occupancies.settings)
        and zone.holds_place((each.east_m, each.north_m), each.box_px, cov_m2=each.measurement_cov_m2)
    )


def _each_once(standing: Sequence[Occupancy]) -> list[Occupancy]:
    """Return the things without those that are boxed now this way and now that, and so keep two places at once."""
    ranked = sorted(standing, key=lambda each: (-each.frames, each.first_seen))
    once = not_twice(
        np.array([each.box_px for each in ranked], np.float64),
        np.array([(each.east_m, each.north_m) for each in ranked], np.float64),
        [footprint(each.class_name) for each in ranked],
    )
    return [each for each, kept in zip(ranked, once.tolist(), strict=True) if kept]


def _stayed(scene: str, each: Occupancy) -> Firing:
    return Firing(
        scene=scene,
        first_seen=each.first_seen,
        first_m=each.first_m,
        east_m=each.east_m,
        north_m=each.north_m,
        calibration_cov_m2=each.calibration_cov_m2,
        measurement_cov_m2=each.measurement_cov_m2,
        class_name=each.class_name,
        confidence=each.confidence,
        box_px=each.box_px,
        unseen_s=each.unseen_s,
    )


def _cluttered(scene: str, group: Group, things: Sequence[Occupancy]) -> Firing:
    return Firing(
        scene=scene,
        first_seen=group.clock.since,
        first_m=group.first_m,
        east_m=group.middle_m[0],
        north_m=group.middle_m[1],
        calibration_cov_m2=mean_cov([each.calibration_cov_m2 for each in things]),
        measurement_cov_m2=middle_cov(
            [each.measurement_cov_m2 for each in things], [(each.east_m, each.north_m) for each in things]
        ),
        class_name=things[0].class_name,
        confidence=sum(each.confidence for each in things) / len(things),
        box_px=bounding([each.box_px for each in things]),
        count=len(things),
        unseen_s=max(each.unseen_s for each in things),
    )


def on_level(firing: Firing, zone: Zone) -> Firing:
    """Return a firing whose place lies on its zone's own level."""
    east_m, north_m = zone.on_level(firing.east_m, firing.north_m)
    return replace(
        firing,
        east_m=east_m,
        north_m=north_m,
        calibration_cov_m2=zone.level_cov(firing.calibration_cov_m2),
        measurement_cov_m2=zone.level_cov(firing.measurement_cov_m2),
    )


def mean_cov(covs: Sequence[Cov]) -> Cov:
    """Return the mean of covariances: errors that all share, such as the calibration's, do not average away."""
    ee, en, nn = np.mean(covs, axis=0).tolist()
    return ee, en, nn


def middle_cov(covs: Sequence[Cov], places_m: Sequence[tuple[float, float]]) -> Cov:
    """Return the covariance of a group's middle: its members' own errors, and that its members might be others.

    Who belongs to a loose group is arbitrary at its rim and some are missed, so its members count as a sample: the
    middle's own spread is theirs over n, and more, as those who are missed stand behind the others and not anywhere.
    """
    n = len(covs)
    spread = np.cov(np.array(places_m, np.float64).T, bias=True) if n > 1 else np.zeros((2, 2))
    own = np.sum(covs, axis=0) / n**2
    among = np.array([spread[0, 0], spread[0, 1], spread[1, 1]]) * _NOT_AT_RANDOM / n
    ee, en, nn = (own + among).tolist()
    return ee, en, nn


def _attends(seen: Observation, confidence: float) -> bool:
    return seen.family == PERSON and seen.confidence >= confidence


def _stands_behind(each: Occupancy, seen: Observation) -> bool:
    """Tell whether a thing hides somebody's feet: then where the box ends says too far, and it stands close behind."""
    left, top, right, bottom = each.box_px
    beside = seen.box_px[0] > right or seen.box_px[2] < left
    return not beside and top - HIDES_SHARE * (bottom - top) <= seen.box_px[3] <= bottom


def _apart_m(each: Occupancy, seen: Observation) -> float:
    return float(np.hypot(seen.east_m - each.east_m, seen.north_m - each.north_m))
