"""The score of the district: boxes to cases through the real pipeline and desk, against the truth, scene by scene.

Each camera's frames go through its pipeline by themselves; then the sightings of all go to the desk in order of time,
under the frames' own clock. Forces act beside them and for a while after, so that what is urgent shows whether it was
attended in time.
"""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from models.detector import Detector
from pipeline import scoring
from pipeline.camera_health import HealthWatch
from pipeline.camera_pipeline import CameraPipeline, PipelineSettings
from pipeline.cameras import Camera
from pipeline.district.configuring import district_site
from pipeline.district.district import District
from pipeline.district.noise import PLAUSIBLE, NoiseTable
from pipeline.district.replay import ReplayDetector
from pipeline.district.stage import Light, TrueEvent
from pipeline.district.week import Timeline, timelines
from pipeline.district.workplace import World, at_the_desk
from pipeline.frames import Frame
from pipeline.principal import PIPELINE
from pipeline.scenes import Rule
from pipeline.sightings import Sighting
from pipeline.site import Site

# 14:00 in the sample site's zone, and 21:30 for a run by night: who is on duty depends on it.
STARTS: Final = {False: datetime(2026, 3, 3, 6, 0, tzinfo=UTC), True: datetime(2026, 3, 3, 13, 30, tzinfo=UTC)}
TAIL_S: Final = 1_200.0
FPS: Final = 2.0  # of the frames that are scored
_TELL_EVERY: Final = 200
_NEVER_S: Final = 1e9


class Told(NamedTuple):
    """A sighting and what the desk made of it."""

    sighting: Sighting
    outcome: str
    number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DistrictRun:
    """What came of a run.

    Attributes:
        site: with the district's cameras and scenes.
        start: the instant of the district's second 0.
        told: every sighting in order, with its outcome.
        timelines: of the cases.
        seconds: of wall time, and frames taken.
        shown: pictures of events, by their ids, where there are any.
    """

    district: District
    site: Site
    start: datetime
    told: tuple[Told, ...]
    timelines: tuple[Timeline, ...]
    frames: int
    seconds: float
    shown: Mapping[str, bytes]

    def found(self) -> list[tuple[Sighting, scoring.FoundCase]]:
        """Return the sightings that opened cases, as cases to score."""
        return [
            (each.sighting, found_case(each.sighting)) for each in self.told if each.outcome == "open" and each.number
        ]


def found_case(sighting: Sighting) -> scoring.FoundCase:
    """Return a sighting as a case to score."""
    return scoring.FoundCase(
        scene=sighting.scene, at=sighting.captured_at, lonlat=sighting.lonlat, cov_m2=sighting.cov_m2
    )


def run_detections(
    district: District,
    *,
    table: NoiseTable = PLAUSIBLE,
    progress: Callable[[float], None] = lambda _: None,
) -> DistrictRun:
    """Replay a district's boxes through pipeline, desk and forces, in a casebook of their own.

    Args:
        district: what happens.
        table: how well the detector sees.
        progress: told the share that is done.
    """
    began = time.monotonic()
    start = start_of(district)
    site = district_site(district, fps=FPS)
    detector = ReplayDetector(district, start_s=start.timestamp(), table=table)
    found: list[Sighting] = []
    frames = 0
    for row, (code, camera) in enumerate(site.cameras.items()):
        pipeline = pipeline_of(camera, site, detector)
        for at_s, frame in _frames(district, detector, code, start):
            found += pipeline.step(frame).sightings
            frames += 1
            if frames % _TELL_EVERY == 0:
                progress((row + at_s / district.end_s) / len(site.cameras))
    return dispatched(district, site, found, frames=frames, began=began)


def start_of(district: District) -> datetime:
    """Return the instant of a district's second 0."""
    return STARTS[all(view.conditions.light is Light.NIGHT for view in district.views.values())]


def pipeline_of(camera: Camera, site: Site, detector: Detector) -> CameraPipeline:
    """Return a camera's pipeline; states are stored with sightings only, as nothing restarts here.

    Its health is watched where some scene asks for it.
    """
    settings = PipelineSettings(state_every_s=_NEVER_S)
    asked = any(site.scenes[each.scene].rule is Rule.HEALTH for each in camera.scenes)
    health = HealthWatch(camera.code, fps=camera.fps) if asked else None
    return CameraPipeline(camera=camera, scenes=site.scenes, detector=detector, settings=settings, health=health)


def _frames(district: District, detector: ReplayDetector, code: str, start: datetime) -> Iterator[tuple[float, Frame]]:
    for index in range(int(district.end_s * FPS)):
        at_s = index / FPS
        image = detector.picture(code, at_s)
        yield at_s, Frame(camera=code, captured_at=start + timedelta(seconds=at_s), image=image, index=index)


def dispatched(
    district: District,
    site: Site,
    sightings: Iterable[Sighting],
    *,
    frames: int,
    began: float,
    shown: Mapping[str, bytes] | None = None,
    world: World = at_the_desk,
) -> DistrictRun:
    """Give sightings to the desk as they were made, let the forces work, and return what came of it.

    Cameras know nothing of the desk, so their sightings may be made beforehand, each camera by itself.

    Args:
        district: what happens.
        site: with the district's cameras and scenes.
        sightings: of all cameras, in any order.
        frames: how many were looked at.
        began: `time.monotonic()` when the run began.
        shown: pictures of events, by their ids.
        world: makes desk and forces around a folder.
    """
    start = start_of(district)
    ordered = sorted(sightings, key=lambda each: (each.captured_at, each.camera, each.id))
    told: list[Told] = []
    with (
        tempfile.TemporaryDirectory(prefix="beatgrid-district-") as folder,
        world(Path(folder), site, start, district.seed) as parts,
    ):
        parts.forces.tell_positions()
        for sighting in ordered:
            parts.forces.advance(sighting.captured_at)
            parts.forces.tell_positions()
            taken = parts.desk.take(sighting, principal=PIPELINE)
            told.append(Told(sighting, taken.outcome, taken.number))
            if taken.outcome == "open" and taken.number is not None:
                parts.forces.follow(taken.number)
        parts.forces.advance(start + timedelta(seconds=district.end_s + TAIL_S))
        lives = timelines(parts.casebook)
    return DistrictRun(
        district=district,
        site=site,
        start=start,
        told=tuple(told),
        timelines=tuple(lives),
        frames=frames,
        seconds=time.monotonic() - began,
        shown=shown or {},
    )


def true_events(district: District, start: datetime) -> list[scoring.TrueEvent]:
    """Return the district's events that must be found, as events to score."""
    return [_to_score(event, start) for event in district.true_events()]


def hidden_events(district: District, start: datetime) -> list[scoring.TrueEvent]:
    """Return what happens though no camera has enough of it in view: a case about it is neither true nor false."""
    hidden = (each for each in district.events if not each.distractor and not district.seen_by(each))
    return [_to_score(event, start) for event in hidden]


def _to_score(event: TrueEvent, start: datetime) -> scoring.TrueEvent:
    return scoring.TrueEvent(
        scene=event.scene,
        at=start + timedelta(seconds=event.qualifies_s),
        lonlat=event.lonlat,
        until=start + timedelta(seconds=max(event.to_s, event.qualifies_s)),
    )
