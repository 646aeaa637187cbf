"""The PETS clip with an attendant: each case is worked off and closed when the true event that it tells of is over.

On a clip of two minutes nobody comes, so an open case rightly takes in every later event nearby. A duty desk's forces
do come; then the next event opens the next case. The sightings of a run are taken again by a fresh desk under a clock
that stands at each one's frame time, and the truth is merged by the same rule: an event that begins while an earlier
one nearby goes on is part of its case.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from geo.metric import LocalPlane
from pipeline.cases import Action
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Taken
from pipeline.evidence import EvidenceStore
from pipeline.principal import PIPELINE, Principal, Role
from pipeline.scenes import Scene
from pipeline.scoring import EARLY_S, LATE_S, TrueEvent
from pipeline.sightings import Sighting
from pipeline.site import Site
from pipeline.sql_casebook import open_casebook

STEPS = (Action.ACCEPT, Action.ARRIVE, Action.FIRST_RESULT, Action.DONE, Action.CHECK, Action.CLOSE)
ATTENDANT = Principal(name="attendant", role=Role.ADMIN)


@dataclass(slots=True)
class Attendant:
    """Closes cases when what they tell of is over."""

    desk: Desk
    clock: FixedClock
    truth: Sequence[TrueEvent]
    open_until: dict[str, datetime] = field(default_factory=dict)

    def before(self, moment: datetime) -> None:
        """Close, each at its own time, all cases that are over before a moment."""
        for number, until in sorted(self.open_until.items(), key=lambda pair: pair[1]):
            if until < moment:
                self.clock.at = until
                for action in STEPS:
                    self.desk.act(number, action, principal=ATTENDANT, note="attended")
                del self.open_until[number]

    def note(self, number: str, sighting: Sighting) -> None:
        """Remember when a newly opened case will be over: with its event, or at once if it tells of none."""
        earliest, latest = -LATE_S, EARLY_S
        ends = [
            event.until or event.at
            for event in self.truth
            if event.scene == sighting.scene and earliest <= (event.at - sighting.captured_at).total_seconds() <= latest
        ]
        self.open_until[number] = max([*ends, sighting.captured_at])


def replay(site: Site, sightings: Sequence[Sighting], truth: Sequence[TrueEvent], folder: Path) -> list[Sighting]:
    """Return the sightings that open a case when each case is closed as its event ends."""
    casebook = open_casebook(f"sqlite:///{folder}/attended.db")
    clock = FixedClock(sightings[0].captured_at)
    desk = Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(folder / "attended"))
    attendant = Attendant(desk, clock, truth)
    opened = []
    for sighting in sorted(sightings, key=lambda each: each.captured_at):
        attendant.before(sighting.captured_at)
        clock.at = sighting.captured_at
        taken: Taken = desk.take(sighting, principal=PIPELINE)
        if taken.outcome == "open" and taken.number is not None:
            opened.append(sighting)
            attendant.note(taken.number, sighting)
    casebook.close()
    return opened


def opening(truth: Sequence[TrueEvent], scene: Scene, within_m: float) -> list[TrueEvent]:
    """Return the events that open a case when each case is closed as its event ends."""
    kept: list[TrueEvent] = []
    for event in sorted(truth, key=lambda each: each.at):
        begins = event.at - timedelta(seconds=scene.dwell_s)
        plane = LocalPlane.at(event.lonlat)
        if not any(
            begins < (other.until or other.at) and math.hypot(*plane.point_to_metres(other.lonlat)) <= within_m
            for other in kept
        ):
            kept.append(event)
    return kept
