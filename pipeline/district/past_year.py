"""A year of past cases, drawn from rates, so that maps and shares have something to show; each says it is simulated.

Whole stories are drawn, opened to closed, and stored through the casebook's door for past cases. Week by week more of
what happens is seen by cameras, and less has to be reported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import numpy as np
import shapely

from geo.camera_view import ELLIPSE_95
from geo.coords import LonLat
from geo.metric import LocalPlane, distances_m
from pipeline.casebook import Casebook, Transaction
from pipeline.cases import Action, Case, Channel, Event, Status, step
from pipeline.district.rates import USUAL, Found, Rates, draw_reports
from pipeline.history import opening_details
from pipeline.principal import Principal, Role
from pipeline.roster import Force
from pipeline.site import Place, Site

NOTE: Final = "simulated 模拟"
WEEKS: Final = 52
_WEEK_S: Final = 7 * 86_400.0
_DESK: Final = Principal(name="simulated desk", role=Role.ADMIN)
_ACTORS: Final = {
    Channel.PATROL: Principal(name="simulated patrol", role=Role.DISPATCHER),
    Channel.PUBLIC: Principal(name="simulated citizen", role=Role.CITIZEN),
    Channel.HOTLINE: Principal(name="simulated hotline", role=Role.DISPATCHER),
    Channel.TRANSFER: Principal(name="simulated district", role=Role.DISPATCHER),
    Channel.INTELLIGENT: Principal(name="simulated camera", role=Role.INGEST),
}
# Cases a week at the year's start and at its end.
_A_WEEK: Final = {
    Channel.PATROL: (48.0, 46.0),
    Channel.PUBLIC: (11.0, 13.0),
    Channel.HOTLINE: (26.0, 12.0),
    Channel.TRANSFER: (5.0, 3.0),
    Channel.INTELLIGENT: (4.0, 34.0),
}
_AT_ALL_HOURS: Final = (2, 2, 1, 1, 1, 2, 4, 7, 8, 8, 8, 8, 7, 7, 8, 8, 8, 9, 9, 8, 7, 6, 4, 3)
# Mean minutes that each step takes.
_STEPS: Final = (
    (Action.ACCEPT, 1.0),
    (Action.ARRIVE, 8.0),
    (Action.FIRST_RESULT, 12.0),
    (Action.DONE, 20.0),
    (Action.CHECK, 30.0),
    (Action.CLOSE, 2.0),
)
_HOT_SPOTS: Final = 30
_AT_HOT_SPOTS: Final = 0.65
_HOT_SPOT_M: Final = 60.0
_BY_CAMERA_M: Final = 18.0
_MOST_TRIES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A case before it has a number."""

    channel: Channel
    category: str
    at: datetime
    lonlat: LonLat
    place: Place
    camera: str | None = None
    scene: str | None = None


def store_past_year(
    site: Site,
    casebook: Casebook,
    *,
    until: datetime,
    seed: int,
    weeks: int = WEEKS,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Store simulated cases of past weeks, all closed; returns how many.

    Args:
        until: the last week ends at the midnight before it; aware.
        seed: decides everything but what the history's salts are.
        weeks: how many.
        progress: told weeks done and weeks in all.
    """
    draw = np.random.default_rng((seed, 21))
    local = until.astimezone(site.settings.timezone).replace(hour=0, minute=0, second=0, microsecond=0)
    spots = _spots(site, draw)
    stored = 0
    for week in range(weeks):
        start = local - timedelta(weeks=weeks - week)
        found = draw_reports(
            _rates(week / max(weeks - 1, 1)), site.catalogue, seconds=_WEEK_S, first_hour=0.0, draw=draw
        )
        drafts = [_draft(site, each, start, spots, draw) for each in found]
        stored += casebook.write(_storing(site, drafts, int(draw.integers(2**31))))
        progress(week + 1, weeks)
    return stored


def _rates(share: float) -> Rates:
    by_hour = {channel: USUAL.by_hour.get(channel, _AT_ALL_HOURS) for channel in _A_WEEK}
    return Rates(a_week={each: a + (b - a) * share for each, (a, b) in _A_WEEK.items()}, by_hour=by_hour)


def _storing(site: Site, drafts: Sequence[_Draft], seed: int) -> Callable[[Transaction], int]:
    """Return what stores the cases; a repeated attempt draws the same."""

    def work(tx: Transaction) -> int:
        draw = np.random.default_rng(seed)
        past = []
        for day, of_day in groupby(drafts, key=lambda each: each.at.astimezone(site.settings.timezone).date()):
            these = list(of_day)
            numbers = tx.next_numbers(site.number_prefix, day.strftime("%Y%m%d"), len(these))
            past += [_story(site, draft, number, draw) for draft, number in zip(these, numbers, strict=True)]
        tx.add_past(past)
        return len(past)

    return work


def _story(site: Site, draft: _Draft, number: str, draw: np.random.Generator) -> tuple[Case, list[Event]]:
    """Return a closed case and all that happened to it."""
    case = _opened(site, draft, number, draw)
    opening = {**opening_details(case), "reason": NOTE}
    events = [_event(case, "open", _ACTORS[draft.channel], case.recorded_at, opening)]
    now = case.recorded_at
    if case.status is Status.REPORTED:
        now += _spell(3.0, draw)
        case = step(case, Action.FILE, principal=_DESK, now=now)
        events.append(_event(case, Action.FILE.value, _DESK, now, {"note": NOTE}))
    force, distance_m = _nearest(site, case)
    case = replace(
        step(case, Action.DISPATCH, principal=_DESK, now=now), terminal=force.terminal, distance_m=distance_m
    )
    told: dict[str, object] = {"terminal": force.terminal, "distance_m": distance_m, "grid": force.grid, "reason": NOTE}
    events.append(_event(case, Action.DISPATCH.value, _DESK, now, told))
    for action, minutes in _STEPS:
        now += _spell(minutes, draw)
        case = step(case, action, principal=_DESK, now=now)
        events.append(_event(case, action.value, _DESK, now, {"terminal": case.terminal, "note": NOTE}))
    return case, events


def _opened(site: Site, draft: _Draft, number: str, draw: np.random.Generator) -> Case:
    urgent, targets = site.catalogue.get(draft.category).urgent, site.settings.targets
    error_m = float(draw.uniform(0.8, 2.5)) if draft.camera else float(draw.uniform(5.0, 30.0))
    variance_m2 = (error_m / ELLIPSE_95) ** 2
    return Case(
        number=number,
        category=draft.category,
        channel=draft.channel,
        status=Status.REPORTED if draft.channel is Channel.PUBLIC else Status.FILED,
        urgent=urgent,
        lonlat=draft.lonlat,
        cov_m2=(variance_m2, 0.0, variance_m2),
        error_m=error_m,
        grid=draft.place.grid,
        unit=draft.place.unit,
        side=draft.place.side,
        occurred_at=draft.at,
        recorded_at=draft.at,
        updated_at=draft.at,
        description=NOTE,
        camera=draft.camera,
        scene=draft.scene,
        arrive_by=draft.at + timedelta(seconds=targets.arrive_s) if urgent else None,
        first_result_by=draft.at + timedelta(seconds=targets.first_result_s) if urgent else None,
        sightings=1 if draft.camera else 0,
        version=1,
    )


def _event(case: Case, action: str, by: Principal, at: datetime, details: dict[str, object]) -> Event:
    return Event(
        case=case.number, action=action, status=case.status, actor=by.name, role=by.role, at=at, details=details
    )


def _nearest(site: Site, case: Case) -> tuple[Force, float]:
    """Return who of the case's grid (of the site, if it has nobody) has the nearest post, and how many metres away."""
    carriers = [force for force in site.roster.forces if force.terminal]
    able = [force for force in carriers if force.grid == case.grid] or carriers
    away_m = distances_m(case.lonlat, np.array([force.post for force in able]))
    row = int(np.argmin(away_m))
    return able[row], round(float(away_m[row]), 1)


def _spell(mean_min: float, draw: np.random.Generator) -> timedelta:
    return timedelta(seconds=round(float(draw.exponential(mean_min * 60.0)) + 1.0))


def _spots(site: Site, draw: np.random.Generator) -> list[LonLat]:
    """Return places where much happens: markets, stations, school gates; more of them where people live."""
    units = site.boundaries.units
    weights = np.array([1.0 if unit.kind == "village" else 4.0 for unit in units])
    rows = draw.choice(len(units), _HOT_SPOTS, p=weights / weights.sum())
    found = []
    for row in rows.tolist():
        edge = shapely.line_interpolate_point(shapely.boundary(units[row].area), float(draw.random()), normalized=True)
        found.append(LonLat(float(edge.x), float(edge.y)))
    return found


def _draft(site: Site, found: Found, start: datetime, spots: Sequence[LonLat], draw: np.random.Generator) -> _Draft:
    at = (start + timedelta(seconds=found.after_s)).replace(microsecond=0)
    if found.channel is Channel.INTELLIGENT:
        return _seen(site, at, draw)
    centre = spots[int(draw.exponential(_HOT_SPOTS / 4)) % len(spots)] if draw.random() < _AT_HOT_SPOTS else None
    lonlat, place = _somewhere(site, centre, _HOT_SPOT_M, draw)
    return _Draft(channel=found.channel, category=found.category, at=at, lonlat=lonlat, place=place)


def _seen(site: Site, at: datetime, draw: np.random.Generator) -> _Draft:
    cameras = [camera for _, camera in sorted(site.cameras.items()) if camera.scenes]
    camera = cameras[int(draw.integers(len(cameras)))]
    scene = site.scenes[camera.scenes[int(draw.integers(len(camera.scenes)))].scene]
    lonlat, place = _somewhere(site, camera.lonlat, _BY_CAMERA_M, draw)
    return _Draft(
        channel=Channel.INTELLIGENT,
        category=scene.category,
        at=at,
        lonlat=lonlat,
        place=replace(place, side=camera.side or place.side),
        camera=camera.code,
        scene=scene.code,
    )


def _somewhere(site: Site, centre: LonLat | None, spread_m: float, draw: np.random.Generator) -> tuple[LonLat, Place]:
    """Return a place in the site: about a centre, or anywhere."""
    for _ in range(_MOST_TRIES):
        tried = _anywhere(site, draw) if centre is None else _about(centre, spread_m, draw)
        if site.places(np.array([tried]))[1][0] is not None:
            return tried, site.place(tried)
    middle = shapely.point_on_surface(site.boundaries.units[0].area)
    inside = LonLat(float(middle.x), float(middle.y))
    return inside, site.place(inside)


def _about(centre: LonLat, spread_m: float, draw: np.random.Generator) -> LonLat:
    east_m, north_m = (float(each) for each in draw.normal(0.0, spread_m, 2))
    return LocalPlane.at(centre).point_to_lonlat(east_m, north_m)


def _anywhere(site: Site, draw: np.random.Generator) -> LonLat:
    west, south, east, north = site.settings.extent
    return LonLat(float(draw.uniform(west, east)), float(draw.uniform(south, north)))
