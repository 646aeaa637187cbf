"""What happened in PETS 2009 S2.L1: published boxes and positions, and the events that the rules make of them.

Frame i of vtest.avi is frame i of the XML (from 0) and i + 1 of the derived table. The sequence was filmed at 7 frames
per second. Published positions are the boxes' bottoms sent through the published calibration.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geo.coords import LonLat
from geo.metric import LocalPlane
from pipeline.cameras import Camera
from pipeline.episodes import Clock
from pipeline.groups import Groups
from pipeline.observations import Observation
from pipeline.presence_rules import patience_of
from pipeline.scenes import Scene
from pipeline.scoring import TrueEvent
from pipeline.visits import Visits

FRAMES = 795
PERIOD_S = 1.0 / 7.0
TABLE = "tracking_gt/pets2009/PETS09-S2L1_gt_derived_from_xml.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """All published boxes: frame from 0 (n,), person (n,), box left, top, right, bottom (n, 4), lon and lat (n, 2)."""

    frames: np.ndarray
    people: np.ndarray
    boxes_px: np.ndarray
    ground_m: np.ndarray
    lonlat: np.ndarray

    def of(self, frame: int) -> np.ndarray:
        """Return the rows of a frame."""
        return np.flatnonzero(self.frames == frame)


def read_published(data: Path, camera: Camera) -> Published:
    """Read the table; positions go to the map by the camera's own `pets_anchor`."""
    rows = np.loadtxt(data / TABLE, delimiter=",")
    boxes = np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]])
    return Published(
        frames=rows[:, 0].astype(int) - 1,
        people=rows[:, 1].astype(int),
        boxes_px=boxes,
        ground_m=rows[:, 7:9],
        lonlat=on_the_map(rows[:, 7:9], camera),
    )


def on_the_map(ground_m: np.ndarray, camera: Camera) -> np.ndarray:
    """Return lon, lat (n, 2) of PETS ground positions (n, 2) in metres."""
    own: Any = camera.properties["own"]
    anchor = own["pets_anchor"]
    turn = math.radians(anchor["rotation_deg"])
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return LocalPlane.at(LonLat(anchor["lon"], anchor["lat"])).to_lonlat(ground_m @ rotation.T)


def crowds(published: Published, camera: Camera, scene: Scene, start: datetime) -> list[TrueEvent]:
    """Return the events of the crowd rule run on the published positions."""
    groups = Groups(count=scene.count, radius_m=scene.radius_m, patience=patience_of(scene, PERIOD_S))
    log = _Log(scene, camera, start)
    for frame in range(FRAMES):
        points = camera.view.plane.to_metres(published.lonlat[published.of(frame)])
        for group in groups.update(points, at=frame * PERIOD_S, step_s=PERIOD_S):
            log.note(id(group), group, group.clock, frame=frame, where_m=group.middle_m)
    return log.events()


def intrusions(published: Published, camera: Camera, scene: Scene, start: datetime) -> list[TrueEvent]:
    """Return the events of the intrusion rule run on the published people, in the ground rectangle."""
    own: Any = camera.properties["own"]
    zone = shapely.Polygon(own["restricted_ground_m"])
    visits = Visits(patience_of(scene, PERIOD_S))
    log = _Log(scene, camera, start)
    for frame in range(FRAMES):
        rows = published.of(frame)
        seen = list(_people(published, camera, rows))
        inside = [bool(zone.contains(shapely.Point(point))) for point in published.ground_m[rows]]
        outside = [not each for each in inside]
        for visit in visits.update(seen, inside, outside, at=frame * PERIOD_S, step_s=PERIOD_S):
            log.note(id(visit), visit, visit.clock, frame=frame, where_m=visit.where_m)
    return log.events()


def merged(events: Sequence[TrueEvent], within_m: float) -> list[TrueEvent]:
    """Return the events that open a case where later ones nearby are added to an open case: the first of each place."""
    kept: list[TrueEvent] = []
    for event in sorted(events, key=lambda each: each.at):
        plane = LocalPlane.at(event.lonlat)
        if all(math.hypot(*plane.point_to_metres(other.lonlat)) > within_m for other in kept):
            kept.append(event)
    return kept


class _Log:
    """Collects when episodes qualify and end."""

    def __init__(self, scene: Scene, camera: Camera, start: datetime) -> None:
        self._scene, self._camera, self._start = scene, camera, start
        self._found: dict[int, tuple[object, int, tuple[float, float], Clock]] = {}

    def note(self, key: int, kept: object, clock: Clock, *, frame: int, where_m: tuple[float, float]) -> None:
        """Take in an episode as it stands in a frame; `kept` keeps its id from being used again."""
        if not clock.fired and clock.held_s >= self._scene.dwell_s - 1e-9:
            clock.fired = True
            self._found[key] = (kept, frame, where_m, clock)

    def events(self) -> list[TrueEvent]:
        """Return all that qualified."""
        return [
            TrueEvent(
                scene=self._scene.code,
                at=self._start + timedelta(seconds=frame * PERIOD_S),
                lonlat=self._camera.view.plane.point_to_lonlat(*where_m),
                until=self._start + timedelta(seconds=clock.last),
            )
            for _, frame, where_m, clock in self._found.values()
        ]


def _people(published: Published, camera: Camera, rows: np.ndarray) -> Iterator[Observation]:
    metres = camera.view.plane.to_metres(published.lonlat[rows])
    for row, (east_m, north_m) in zip(rows.tolist(), metres.tolist(), strict=True):
        left, top, right, bottom = published.boxes_px[row].tolist()
        yield Observation(
            box_px=(left, top, right, bottom),
            class_name="person",
            family="person",
            confidence=1.0,
            track=int(published.people[row]),
            contact_px=((left + right) / 2, bottom),
            lonlat=LonLat(*published.lonlat[row].tolist()),
            east_m=east_m,
            north_m=north_m,
            calibration_cov_m2=(0.0, 0.0, 0.0),
            measurement_cov_m2=(0.0, 0.0, 0.0),
        )
