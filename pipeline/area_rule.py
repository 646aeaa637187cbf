"""The rule on how much of a zone is covered: a flooded road, a pavement under snow, whatever a site's weights know.

Boxes are what a detector gives, so what is covered is what boxes cover: more than the thing itself where it lies
aslant. A share is of the zone's pixels, which is not a share of its ground: what is near counts more.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes import Clock, Patience
from pipeline.firings import Firing, bounding
from pipeline.moments import Moment
from pipeline.observations import Observation
from pipeline.presence_rules import DIP_S, DIP_SHARE
from pipeline.scenes import Scene
from pipeline.standing_rules import mean_cov, middle_cov, on_level
from pipeline.zones import Zone

MASK_PX: Final = 320
_OUTAGE_S: Final = 600.0  # what floods a road does not go in a moment


class AreaRule:
    """Fires once for each state in which boxes of the scene's classes cover `share` of the zone for `dwell_s`.

    Args:
        scene: see above.
        zone: of which so much must be covered.
        size_px: of the camera's reference image.
        period_s: time between two frames.
    """

    def __init__(self, scene: Scene, zone: Zone, *, size_px: tuple[int, int], period_s: float) -> None:
        self.scene = scene
        self.zone = zone
        self._shrink = MASK_PX / max(size_px)
        self._mask = zone.mask((round(size_px[0] * self._shrink), round(size_px[1] * self._shrink)), self._shrink)
        dip_s = max(DIP_S, DIP_SHARE * scene.dwell_s)
        self._patience = Patience.of_dwell(scene.dwell_s, dip_s=dip_s, outage_s=_OUTAGE_S).for_period(period_s)
        self._clock: Clock | None = None
        self._first_m = (0.0, 0.0)

    def update(self, moment: Moment) -> list[Firing]:
        """Take in one frame and return what fires in it."""
        wanted = [
            seen
            for seen in moment.observations
            if seen.class_name in self.scene.classes and seen.confidence >= self.scene.confidence
        ]
        covered = self.covered(wanted)
        touching = [seen for seen in wanted if self._touches(seen)]
        clock = self._clock
        if clock is not None and clock.over(moment.at, self._patience.for_period(moment.period_s)):
            clock = self._clock = None
        if covered < self.scene.share or not touching:
            if clock is not None:
                clock.fails(moment.step_s)
            return []
        if clock is None:
            clock = self._clock = Clock(since=moment.at, last=moment.at)
            self._first_m = _middle(touching)
        clock.holds(moment.at)
        if clock.fired or clock.held_s < self.scene.dwell_s:
            return []
        clock.fired = True
        return [on_level(self._fired(clock, touching), self.zone)]

    def covered(self, seen: Sequence[Observation]) -> float:
        """Return the share of the zone's pixels that boxes cover."""
        zone = int(self._mask.sum())
        if zone == 0:
            return 0.0
        drawn = np.zeros_like(self._mask)
        for each in seen:
            drawn[self._cells(each)] = True
        return float((drawn & self._mask).sum()) / zone

    def _cells(self, seen: Observation) -> tuple[slice, slice]:
        left, top, right, bottom = (max(0, round(value * self._shrink)) for value in seen.box_px)
        return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))

    def _touches(self, seen: Observation) -> bool:
        return bool(self._mask[self._cells(seen)].any())

    def _fired(self, clock: Clock, seen: Sequence[Observation]) -> Firing:
        east_m, north_m = _middle(seen)
        places = [(each.east_m, each.north_m) for each in seen]
        return Firing(
            scene=self.scene.code,
            first_seen=clock.since,
            first_m=self._first_m,
            east_m=east_m,
            north_m=north_m,
            calibration_cov_m2=mean_cov([each.calibration_cov_m2 for each in seen]),
            measurement_cov_m2=middle_cov([each.measurement_cov_m2 for each in seen], places),
            class_name=seen[0].class_name,
            confidence=sum(each.confidence for each in seen) / len(seen),
            box_px=bounding([each.box_px for each in seen]),
            count=len(seen),
        )

    def open_since(self) -> list[float]:
        """See `SceneRule.open_since`."""
        return [] if self._clock is None else self._clock.open_since

    def record(self) -> list[object]:
        """Return the state as JSON-able values."""
        return [] if self._clock is None else [{"clock": self._clock.record(), "first_m": [*self._first_m]}]

    def restore(self, records: Sequence[object]) -> None:
        """Take back what `record` wrote."""
        self._clock = None
        for each in records:
            if isinstance(each, Mapping) and isinstance(each["clock"], Mapping):
                self._clock = Clock.from_record(each["clock"])
                first: NDArray[np.float64] = np.asarray(each["first_m"], np.float64)
                self._first_m = (float(first[0]), float(first[1]))


def _middle(seen: Sequence[Observation]) -> tuple[float, float]:
    east, north = np.mean([(each.east_m, each.north_m) for each in seen], axis=0).tolist()
    return east, north
