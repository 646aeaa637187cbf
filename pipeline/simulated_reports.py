"""Weeks of simulated reports through the real desk, so that a demo's maps have something to show.

Who reports what and where is drawn from rates; every step is taken by the desk that real reports go through, under
a clock that stands in the past. Each case's description says that it is simulated.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import shapely

from geo.coords import LonLat
from pipeline.casebook import Casebook
from pipeline.cases import Action, Case, Channel, Status
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Report, Taken
from pipeline.evidence import EvidenceStore
from pipeline.principal import Principal, Role
from pipeline.sightings import Sighting
from pipeline.site import Site

NOTE = "simulated 模拟"
_DESK = Principal(name="simulated desk", role=Role.ADMIN)
_REPORTERS = {
    Channel.PATROL: Principal(name="simulated patrol", role=Role.DISPATCHER),
    Channel.PUBLIC: Principal(name="simulated citizen", role=Role.CITIZEN),
    Channel.HOTLINE: Principal(name="simulated hotline", role=Role.DISPATCHER),
    Channel.TRANSFER: Principal(name="simulated district", role=Role.DISPATCHER),
}
_CHANNELS = (Channel.PATROL, Channel.PUBLIC, Channel.HOTLINE, Channel.TRANSFER, Channel.INTELLIGENT)
_FIRST_WEEK = np.array([0.50, 0.12, 0.27, 0.06, 0.05])
_LAST_WEEK = np.array([0.44, 0.13, 0.12, 0.03, 0.28])
_STEPS = (
    (Action.ACCEPT, 1.0),
    (Action.ARRIVE, 8.0),
    (Action.FIRST_RESULT, 12.0),
    (Action.DONE, 20.0),
    (Action.CHECK, 30.0),
    (Action.CLOSE, 2.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How much is reported: weeks back from the end, cases a week, and the seed that draws them."""

    weeks: int = 8
    cases_a_week: int = 30
    seed: int = 7


def simulate_reports(
    site: Site,
    casebook: Casebook,
    evidence: EvidenceStore,
    *,
    until: datetime,
    rates: Rates,
    progress: Callable[[int, int], None],
) -> int:
    """Report and work off simulated cases; returns how many were opened.

    Args:
        until: the instant at which the simulated weeks end; aware.
        progress: called with cases done and cases in all.
    """
    draw = np.random.default_rng(rates.seed)
    total = rates.weeks * rates.cases_a_week
    opened = 0
    for index, at in enumerate(_instants(site, until, rates, draw)):
        clock = FixedClock(at)
        desk = Desk(site=site, casebook=casebook, clock=clock, evidence=evidence)
        channel = _channel(draw, index / max(total - 1, 1))
        taken = _report(desk, site, channel, draw, at)
        if taken.outcome == "open" and taken.number is not None:
            opened += 1
            _work_off(desk, clock, casebook.case(taken.number), draw)
        progress(index + 1, total)
    return opened


def _instants(site: Site, until: datetime, rates: Rates, draw: np.random.Generator) -> list[datetime]:
    count = rates.weeks * rates.cases_a_week
    days = draw.integers(1, rates.weeks * 7 + 1, count)
    hours = draw.uniform(8.5, 16.0, count)
    midnight = until.astimezone(site.settings.timezone).replace(hour=0, minute=0, second=0, microsecond=0)
    return sorted(
        midnight - timedelta(days=int(day)) + timedelta(hours=float(hour))
        for day, hour in zip(days, hours, strict=True)
    )


def _channel(draw: np.random.Generator, progress: float) -> Channel:
    weights = _FIRST_WEEK + (_LAST_WEEK - _FIRST_WEEK) * progress
    return _CHANNELS[int(draw.choice(len(_CHANNELS), p=weights / weights.sum()))]


def _report(desk: Desk, site: Site, channel: Channel, draw: np.random.Generator, at: datetime) -> Taken:
    if channel is Channel.INTELLIGENT:
        return desk.take(_sighting(site, draw, at), principal=Principal(name="simulated camera", role=Role.INGEST))
    keys = sorted(site.catalogue.by_key)
    report = Report(
        channel=channel,
        category=keys[int(draw.integers(len(keys)))],
        lonlat=_somewhere(site, draw),
        occurred_at=at,
        description=NOTE,
    )
    return desk.report(report, principal=_REPORTERS[channel])


def _somewhere(site: Site, draw: np.random.Generator) -> LonLat:
    urban = [unit for unit in site.boundaries.units if unit.kind != "village"]
    area = urban[int(draw.integers(len(urban)))].area
    west, south, east, north = area.bounds
    while True:
        point = LonLat(float(draw.uniform(west, east)), float(draw.uniform(south, north)))
        if shapely.contains_xy(area, point.lon, point.lat):
            return point


def _sighting(site: Site, draw: np.random.Generator, at: datetime) -> Sighting:
    cameras = [camera for _, camera in sorted(site.cameras.items()) if camera.scenes]
    camera = cameras[int(draw.integers(len(cameras)))]
    scene = site.scenes[camera.scenes[int(draw.integers(len(camera.scenes)))].scene]
    pixel = (camera.width_px * draw.uniform(0.3, 0.7), camera.height_px * draw.uniform(0.7, 0.95))
    ground = camera.view.locate(pixel, pixel_sd_px=(2.0, 2.0))
    east, cross, north = (float(ground.calibration_cov_m2[i, j]) for i, j in ((0, 0), (0, 1), (1, 1)))
    return Sighting(
        id=f"simulated-{at.isoformat()}-{camera.code}",
        camera=camera.code,
        scene=scene.code,
        category=scene.category,
        first_seen_at=at - timedelta(seconds=scene.dwell_s),
        captured_at=at,
        lonlat=ground.lonlat,
        calibration_cov_m2=(east, cross, north),
        measurement_cov_m2=(0.04, 0.0, 0.04),
        error_m=ground.error_m,
        class_name=scene.classes[0],
        confidence=0.5,
        box_px=(pixel[0] - 20, pixel[1] - 40, pixel[0] + 20, pixel[1]),
        detector=NOTE,
    )


def _work_off(desk: Desk, clock: FixedClock, case: Case, draw: np.random.Generator) -> None:
    if case.status in {Status.REPORTED, Status.VERIFIED}:
        clock.at += timedelta(minutes=float(draw.exponential(3.0)))
        case = desk.act(case.number, Action.FILE, principal=_DESK, note=NOTE)
    if case.status is Status.FILED:
        case = desk.act(case.number, Action.DISPATCH, principal=_DESK, note=NOTE)
    if case.status is not Status.DISPATCHED:
        return
    for action, minutes in _STEPS:
        clock.at += timedelta(minutes=float(draw.exponential(minutes)))
        desk.act(case.number, action, principal=_DESK, note=NOTE)
