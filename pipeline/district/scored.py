"""A run against its truth: a row for each event, each case and each pair of both; plain values, ready to be added up.

Where the truth lies relative to a case is judged for cases matched by time and a generous distance, so that a case far
off its event counts in the error and not only as a miss. A case about something that does happen, but of which no
camera sees enough for it to be asked for, is left out, as the regions are that COCO's scores ignore.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from geo.metric import LocalPlane
from pipeline import scoring
from pipeline.district.evaluation import DistrictRun, found_case, hidden_events, true_events
from pipeline.district.stage import Kind
from pipeline.district.week import Timeline
from pipeline.sightings import Sighting
from pipeline.site import OutsideError, Site

GENEROUS_M: Final = 15.0
_NO_PAIR: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What a row may be chosen by."""

    scene: str
    light: str
    weather: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event that must become a case.

    Attributes:
        delay_s: from when it qualified to when it was seen; None if it was missed.
        lasted_s: from when it began to when it qualified.
    """

    where: Where
    delay_s: float | None
    lasted_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """A case that a sighting opened.

    Attributes:
        kind: matched, duplicate or false.
        timeline: of its later life; None if it is not known.
    """

    where: Where
    kind: str
    timeline: Timeline | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A case and the event that it is about, as far as time and scene say.

    Attributes:
        error_m: between them; inside: whether the event lies in the case's own 95 % ellipse.
        range_m: from the camera.
        wrong_grid: whether the case's grid is not the event's, beyond what its stated error explains.
        family: of the thing: persons and two-wheelers, vehicles and stalls, or small things.
    """

    where: Where
    error_m: float
    inside: bool
    range_m: float
    wrong_grid: bool
    family: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """An event without a case, or a case without an event, for whoever looks for the cause.

    Attributes:
        at_s: when the event qualified, or when the case was seen.
        jpeg: what the camera saw then, if it is known.
    """

    what: str
    seed: int
    scenario: str
    camera: str
    scene: str
    at_s: float
    place: str
    light: str
    weather: str
    jpeg: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRun:
    """All rows of one run.

    Attributes:
        distractors: where each tempts.
        false_sightings: sightings about no event, those too that were added to some other case.
    """

    seed: int
    scenario: str
    frames: int
    seconds: float
    events: tuple[EventRow, ...]
    cases: tuple[CaseRow, ...]
    pairs: tuple[Pair, ...]
    distractors: tuple[Where, ...]
    false_sightings: tuple[Where, ...]
    timelines: tuple[Timeline, ...]
    misses: tuple[Miss, ...]


def scored(run: DistrictRun) -> ScoredRun:
    """Return a run's rows."""
    events, hidden = true_events(run.district, run.start), hidden_events(run.district, run.start)
    found = [each for each in run.found() if not _about_any(hidden, each[1]) or _about_any(events, each[1])]
    score = scoring.score(events, [case for _, case in found])
    return ScoredRun(
        seed=run.district.seed,
        scenario=run.district.scenario.value,
        frames=run.frames,
        seconds=run.seconds,
        events=tuple(_event_rows(run, events, found, score)),
        cases=tuple(_case_rows(run, found, score)),
        pairs=tuple(_pairs(run, events, found)),
        distractors=tuple(_where(run, each.camera, each.scene) for each in run.district.events if each.distractor),
        false_sightings=tuple(_false_sightings(run, [*events, *hidden])),
        timelines=run.timelines,
        misses=tuple(_misses(run, score, found)),
    )


Found = Sequence[tuple[Sighting, scoring.FoundCase]]


def _where(run: DistrictRun, camera: str, scene: str) -> Where:
    conditions = run.district.views[camera].conditions
    return Where(scene=scene, light=conditions.light.value, weather=conditions.weather.value)


def _event_rows(
    run: DistrictRun, events: Sequence[scoring.TrueEvent], found: Found, score: scoring.Score
) -> list[EventRow]:
    late_s = {row: (found[column][1].at - events[row].at).total_seconds() for row, column in score.pairs}
    return [
        EventRow(
            where=_where(run, each.camera, each.scene),
            delay_s=late_s.get(row),
            lasted_s=each.qualifies_s - each.from_s,
        )
        for row, each in enumerate(run.district.true_events())
    ]


def _case_rows(run: DistrictRun, found: Found, score: scoring.Score) -> list[CaseRow]:
    kinds = {column: "matched" for _, column in score.pairs} | dict.fromkeys(score.duplicates, "duplicate")
    lives = {each.number: each for each in run.timelines}
    numbers = {each.sighting.id: each.number for each in run.told}
    return [
        CaseRow(
            where=_where(run, sighting.camera, sighting.scene),
            kind=kinds.get(column, "false"),
            timeline=lives.get(numbers.get(sighting.id) or ""),
        )
        for column, (sighting, _) in enumerate(found)
    ]


def _pairs(run: DistrictRun, events: Sequence[scoring.TrueEvent], found: Found) -> list[Pair]:
    """Return cases with the events that they are about: of one scene, in time, nearest together, within 15 m."""
    if not found or not events:
        return []
    cost = np.array([[_gap(event, case) for _, case in found] for event in events])
    truth = run.district.true_events()
    kinds = {each.actor.id: each.actor.kind for play in run.district.plays.values() for each in play.cast}
    pairs = []
    for row, column in zip(*(axis.tolist() for axis in linear_sum_assignment(cost)), strict=True):
        if cost[row, column] < _NO_PAIR:
            sighting, case = found[column]
            pairs.append(
                Pair(
                    where=_where(run, sighting.camera, sighting.scene),
                    error_m=scoring.distance_m(events[row], case),
                    inside=_inside(events[row], case),
                    range_m=_range_m(run, sighting),
                    wrong_grid=_wrong_grid(run.site, sighting, events[row], case),
                    family=family_of(kinds[truth[row].actors[0]]) if truth[row].actors else "cameras",
                )
            )
    return pairs


def _gap(event: scoring.TrueEvent, case: scoring.FoundCase) -> float:
    late_s = (case.at - event.at).total_seconds()
    away_m = scoring.distance_m(event, case)
    if event.scene != case.scene or not -scoring.EARLY_S <= late_s <= scoring.LATE_S or away_m > GENEROUS_M:
        return _NO_PAIR
    return away_m


def _inside(event: scoring.TrueEvent, case: scoring.FoundCase) -> bool:
    """Tell whether an event lies in a case's own 95 % ellipse."""
    east, north = LocalPlane.at(case.lonlat).point_to_metres(event.lonlat)
    ee, en, nn = case.cov_m2
    determinant = ee * nn - en * en
    if determinant <= 0.0:
        return False
    return (nn * east * east - 2 * en * east * north + ee * north * north) / determinant <= scoring.CHI2_95


def _range_m(run: DistrictRun, sighting: Sighting) -> float:
    foot = run.site.cameras[sighting.camera].lonlat
    return math.hypot(*LocalPlane.at(foot).point_to_metres(sighting.lonlat))


def _wrong_grid(site: Site, sighting: Sighting, event: scoring.TrueEvent, case: scoring.FoundCase) -> bool:
    """Tell whether a case lies in another grid than its event although its stated error does not reach there."""
    try:
        found, true = site.place(case.lonlat).grid, site.place(event.lonlat).grid
    except OutsideError:
        return True
    return found != true and scoring.distance_m(event, case) > sighting.error_m


def family_of(kind: Kind) -> str:
    """Return under which heading a kind's ground error is reported."""
    if kind in {Kind.CAR, Kind.VAN, Kind.STALL}:
        return "vehicles-and-stalls"
    return "persons-and-two-wheelers" if kind in {Kind.PERSON, Kind.BICYCLE, Kind.E_BIKE} else "things"


def _false_sightings(run: DistrictRun, events: Sequence[scoring.TrueEvent]) -> list[Where]:
    found = []
    for each in run.told:
        case = found_case(each.sighting)
        if not _about_any(events, case):
            found.append(_where(run, each.sighting.camera, case.scene))
    return found


def _about_any(events: Sequence[scoring.TrueEvent], case: scoring.FoundCase) -> bool:
    return any(_about(event, case) for event in events)


def _about(event: scoring.TrueEvent, case: scoring.FoundCase) -> bool:
    late_s = (case.at - event.at).total_seconds()
    lasts_s = ((event.until or event.at) - event.at).total_seconds()
    return (
        event.scene == case.scene
        and -scoring.EARLY_S <= late_s <= lasts_s + scoring.LATE_S
        and scoring.lies_near(event, case)
    )


def _misses(run: DistrictRun, score: scoring.Score, found: Found) -> list[Miss]:
    truth, misses = run.district.true_events(), []
    for row in score.missed:
        event = truth[row]
        place = f"{event.id} {event.x_m:.1f}/{event.y_m:.1f} m"
        shown = run.shown.get(event.id)
        misses.append(_miss("missed", run, event.camera, event.scene, event.qualifies_s, place, jpeg=shown))
    for what, columns in (("false", score.false), ("duplicate", score.duplicates)):
        for column in columns:
            sighting = found[column][0]
            at_s = (sighting.captured_at - run.start).total_seconds()
            place = "box " + " ".join(f"{value:.0f}" for value in sighting.box_px)
            jpeg = sighting.views[-1].jpeg if sighting.views else None
            misses.append(_miss(what, run, sighting.camera, sighting.scene, at_s, place, jpeg=jpeg))
    return misses


def _miss(what: str, run: DistrictRun, camera: str, scene: str, at_s: float, place: str, *, jpeg: bytes | None) -> Miss:
    where = _where(run, camera, scene)
    return Miss(
        what=what,
        seed=run.district.seed,
        scenario=run.district.scenario.value,
        camera=camera,
        scene=scene,
        at_s=round(at_s, 1),
        place=place,
        light=where.light,
        weather=where.weather,
        jpeg=jpeg,
    )
