"""The score of the district: boxes to cases through the real pipeline and desk, against the truth, scene by scene.

Frames of all cameras are taken in order of time, under the frames' own clock; forces act beside them and for a while
after, so that what is urgent shows whether it was attended in time.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from pipeline import scoring
from pipeline.camera_pipeline import CameraPipeline, PipelineSettings
from pipeline.clocks import FixedClock
from pipeline.desk import Desk
from pipeline.district.configuring import district_site
from pipeline.district.district import FPS, District
from pipeline.district.forces_run import ForcesRun
from pipeline.district.noise import PLAUSIBLE, NoiseTable
from pipeline.district.replay import ReplayDetector
from pipeline.district.stage import Light
from pipeline.district.week import Timeline, timelines
from pipeline.evidence import EvidenceStore
from pipeline.frames import Frame
from pipeline.principal import PIPELINE
from pipeline.sightings import Sighting
from pipeline.site import Site
from pipeline.sql_casebook import open_casebook

# 14:00 in the sample site's zone, and 21:30 for a run by night: who is on duty depends on it.
STARTS: Final = {False: datetime(2026, 3, 3, 6, 0, tzinfo=UTC), True: datetime(2026, 3, 3, 13, 30, tzinfo=UTC)}
TAIL_S: Final = 1_200.0
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
    """

    district: District
    site: Site
    start: datetime
    told: tuple[Told, ...]
    timelines: tuple[Timeline, ...]
    frames: int
    seconds: float

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


@dataclass(slots=True)
class _Parts:
    """The real parts of a run, wired together."""

    site: Site
    desk: Desk
    forces: ForcesRun
    clock: FixedClock
    detector: ReplayDetector
    pipelines: Mapping[str, CameraPipeline]
    told: list[Told] = field(default_factory=list)


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
    start = STARTS[all(view.conditions.light is Light.NIGHT for view in district.views.values())]
    site = district_site(district)
    detector = ReplayDetector(district, start_s=start.timestamp(), table=table)
    with tempfile.TemporaryDirectory(prefix="beatgrid-district-") as folder:
        casebook = open_casebook(f"sqlite:///{Path(folder) / 'beatgrid.db'}")
        try:
            clock = FixedClock(start)
            desk = Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(Path(folder) / "evidence"))
            parts = _Parts(
                site=site,
                desk=desk,
                forces=ForcesRun(site=site, casebook=casebook, desk=desk, clock=clock, seed=district.seed),
                clock=clock,
                detector=detector,
                pipelines=_pipelines(site, detector),
            )
            frames = _watch(district, parts, start, progress)
            parts.forces.advance(start + timedelta(seconds=district.end_s + TAIL_S))
            told = timelines(casebook)
        finally:
            casebook.close()
    return DistrictRun(
        district=district,
        site=site,
        start=start,
        told=tuple(parts.told),
        timelines=tuple(told),
        frames=frames,
        seconds=time.monotonic() - began,
    )


def _pipelines(site: Site, detector: ReplayDetector) -> dict[str, CameraPipeline]:
    """Return a pipeline for each camera; states are stored with sightings only, as nothing restarts here."""
    settings = PipelineSettings(state_every_s=_NEVER_S)
    return {
        code: CameraPipeline(camera=camera, scenes=site.scenes, detector=detector, settings=settings)
        for code, camera in site.cameras.items()
    }


def _watch(district: District, parts: _Parts, start: datetime, progress: Callable[[float], None]) -> int:
    steps = int(district.end_s * FPS)
    for index in range(steps):
        at_s = index / FPS
        now = start + timedelta(seconds=at_s)
        parts.forces.advance(now)
        for code, pipeline in parts.pipelines.items():
            image = parts.detector.picture(code, now.timestamp() - start.timestamp())
            result = pipeline.step(Frame(camera=code, captured_at=now, image=image, index=index))
            for sighting in result.sightings:
                _take(parts, sighting)
        if index % 50 == 0:
            progress(index / steps)
    return steps * len(parts.pipelines)


def _take(parts: _Parts, sighting: Sighting) -> None:
    parts.forces.tell_positions()
    taken = parts.desk.take(sighting, principal=PIPELINE)
    parts.told.append(Told(sighting, taken.outcome, taken.number))
    if taken.outcome == "open" and taken.number is not None:
        parts.forces.follow(taken.number)


def true_events(district: District, start: datetime) -> list[scoring.TrueEvent]:
    """Return the district's events as events to score."""
    return [
        scoring.TrueEvent(
            scene=event.scene,
            at=start + timedelta(seconds=event.qualifies_s),
            lonlat=event.lonlat,
            until=start + timedelta(seconds=max(event.to_s, event.qualifies_s)),
        )
        for event in district.true_events()
    ]


def sightings_of(told: Sequence[Told]) -> list[Sighting]:
    """Return the sightings that went to the desk."""
    return [each.sighting for each in told]
