"""The figures of runs: recall, precision, duplicates, delays, ground error, calibration of ellipses, wrong grids.

Each share has its n and 95 % interval. Where the truth lies relative to a case is judged for cases matched by time and
a generous distance, so that a case far off its event counts in the error and not only as a miss.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from geo.metric import LocalPlane
from pipeline import scoring
from pipeline.district.errors import DistrictError
from pipeline.district.evaluation import DistrictRun, found_case, true_events
from pipeline.district.stage import Kind
from pipeline.district.week import in_time
from pipeline.scoring import Share, wilson
from pipeline.sightings import Sighting
from pipeline.site import OutsideError, Site

GENEROUS_M: Final = 15.0
NEAR_CAMERA_M: Final = 40.0
_NO_PAIR: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A case and the event that it is about, as far as time and scene say.

    Attributes:
        error_m: between them; inside: whether the event lies in the case's own 95 % ellipse.
        range_m: from the camera.
        wrong_grid: whether the case's grid is not the event's, beyond what its stated error explains.
    """

    scene: str
    error_m: float
    inside: bool
    range_m: float
    wrong_grid: bool
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneFigures:
    """The figures of one scene, or of all."""

    events: int
    distractors: int
    cases: int
    recall: Share
    precision: Share
    duplicates_per_event: Share
    false_sightings: int
    delay_mean_s: float | None
    delay_p90_s: float | None
    ground_error_median_m: float | None
    ground_error_p90_m: float | None
    ground_error_n: int
    inside_95_ellipse: Share
    wrong_grid: Share

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """An event without a case, or a case without an event, for whoever looks for the cause."""

    what: str
    seed: int
    camera: str
    scene: str
    at_s: float
    place: str


class Tally:
    """Takes in runs, one after another, and gives their figures."""

    def __init__(self) -> None:
        self._events: list[scoring.TrueEvent] = []
        self._rows: list[tuple[str, bool, bool]] = []  # scene, is event, matched
        self._delays: dict[str, list[float]] = {}
        self._cases: dict[str, list[str]] = {}
        self._pairs: list[Pair] = []
        self._distractors: dict[str, int] = {}
        self._false_sightings: dict[str, int] = {}
        self.misses: list[Miss] = []
        self.runs: list[DistrictRun] = []

    def add(self, run: DistrictRun) -> None:
        """Take in a run."""
        self.runs.append(run)
        events, found = true_events(run.district, run.start), run.found()
        score = scoring.score(events, [case for _, case in found])
        matched = {row for row, _ in score.pairs}
        for row, event in enumerate(events):
            self._rows.append((event.scene, True, row in matched))
        for row, column in score.pairs:
            late_s = (found[column][1].at - events[row].at).total_seconds()
            self._delays.setdefault(events[row].scene, []).append(late_s)
        kinds = {column: "matched" for _, column in score.pairs}
        kinds |= dict.fromkeys(score.duplicates, "duplicate")
        for column, (sighting, _) in enumerate(found):
            self._cases.setdefault(sighting.scene, []).append(kinds.get(column, "false"))
        for known in run.district.events:
            self._distractors[known.scene] = self._distractors.get(known.scene, 0) + known.distractor
        self._pairs += pairs_of(run, events)
        self._note_misses(run, score, found)
        self._note_false_sightings(run, events)

    def scenes(self) -> list[str]:
        """Return the scenes that occurred."""
        return sorted({scene for scene, _, _ in self._rows} | set(self._cases) | set(self._distractors))

    def of(self, scene: str | None = None) -> SceneFigures:
        """Return the figures of a scene, of all scenes for None."""
        rows = [matched for name, _, matched in self._rows if scene in {None, name}]
        cases = [kind for name, kinds in self._cases.items() if scene in {None, name} for kind in kinds]
        delays = [late for name, lates in self._delays.items() if scene in {None, name} for late in lates]
        pairs = [pair for pair in self._pairs if scene in {None, pair.scene}]
        near = [pair.error_m for pair in pairs if pair.range_m <= NEAR_CAMERA_M]
        true_cases = cases.count("matched")
        return SceneFigures(
            events=len(rows),
            distractors=sum(count for name, count in self._distractors.items() if scene in {None, name}),
            cases=len(cases),
            recall=wilson(sum(rows), len(rows)),
            precision=wilson(true_cases, true_cases + cases.count("false")),
            duplicates_per_event=wilson(min(cases.count("duplicate"), len(rows)), len(rows)),
            false_sightings=sum(count for name, count in self._false_sightings.items() if scene in {None, name}),
            delay_mean_s=float(np.mean(delays)) if delays else None,
            delay_p90_s=float(np.percentile(delays, 90)) if delays else None,
            ground_error_median_m=float(np.median(near)) if near else None,
            ground_error_p90_m=float(np.percentile(near, 90)) if near else None,
            ground_error_n=len(near),
            inside_95_ellipse=wilson(sum(pair.inside for pair in pairs), len(pairs)),
            wrong_grid=wilson(sum(pair.wrong_grid for pair in pairs), len(pairs)),
        )

    def as_dict(self) -> dict[str, object]:
        """Return all figures as JSON-able values, with the names that `evaluate` promises."""
        whole = self.of()
        urgent = in_time([each for run in self.runs for each in run.timelines], 900.0)
        return {
            "tier": "detections",
            "seeds": [run.district.seed for run in self.runs],
            **whole.as_dict(),
            "urgent_in_15_min": asdict(urgent),
            "steps": self._steps(),
            "scenes": {scene: self.of(scene).as_dict() for scene in self.scenes()},
            "misses": [asdict(miss) for miss in self.misses],
            "frames": sum(run.frames for run in self.runs),
            "seconds": round(sum(run.seconds for run in self.runs), 2),
        }

    def _steps(self) -> dict[str, object]:
        """Return medians of the times from a case's record to offer, acceptance, arrival and first result."""
        told = [each for run in self.runs for each in run.timelines]

        def middle(values: Sequence[float | None]) -> dict[str, object]:
            known = [value for value in values if value is not None]
            return {"n": len(known), "median_s": round(float(np.median(known)), 2) if known else None}

        return {
            "case_to_offer": middle([each.offered_s for each in told]),
            "case_to_acceptance": middle([each.accepted_s for each in told]),
            "case_to_arrival": middle([each.arrived_s for each in told]),
            "case_to_first_result": middle([each.first_result_s for each in told]),
        }

    def _note_misses(
        self, run: DistrictRun, score: scoring.Score, found: Sequence[tuple[Sighting, scoring.FoundCase]]
    ) -> None:
        truth = run.district.true_events()
        for row in score.missed:
            event = truth[row]
            place = f"{event.id} {event.x_m:.1f}/{event.y_m:.1f}"
            self.misses.append(_miss("missed", run, event.camera, event.scene, event.qualifies_s, place))
        for what, columns in (("false", score.false), ("duplicate", score.duplicates)):
            for column in columns:
                sighting = found[column][0]
                at_s = (sighting.captured_at - run.start).total_seconds()
                place = " ".join(f"{value:.0f}" for value in sighting.box_px)
                self.misses.append(_miss(what, run, sighting.camera, sighting.scene, at_s, place))

    def _note_false_sightings(self, run: DistrictRun, events: Sequence[scoring.TrueEvent]) -> None:
        """Count sightings that are about no event, those too that were added to some other case."""
        for each in run.told:
            case = found_case(each.sighting)
            if not any(_about(event, case) for event in events):
                self._false_sightings[case.scene] = self._false_sightings.get(case.scene, 0) + 1


def pairs_of(run: DistrictRun, events: Sequence[scoring.TrueEvent]) -> list[Pair]:
    """Return cases with the events that they are about: of one scene, in time, nearest together, within 15 m."""
    found = run.found()
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
                    scene=case.scene,
                    error_m=scoring.distance_m(events[row], case),
                    inside=_inside(events[row], case),
                    range_m=_range_m(run, sighting),
                    wrong_grid=_wrong_grid(run.site, sighting, events[row], case),
                    kind=_family(kinds[truth[row].actors[0]]),
                )
            )
    return pairs


def _about(event: scoring.TrueEvent, case: scoring.FoundCase) -> bool:
    late_s = (case.at - event.at).total_seconds()
    lasts_s = ((event.until or event.at) - event.at).total_seconds()
    return (
        event.scene == case.scene
        and -scoring.EARLY_S <= late_s <= lasts_s + scoring.LATE_S
        and scoring.lies_near(event, case)
    )


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


def _family(kind: Kind) -> str:
    if kind in {Kind.CAR, Kind.VAN, Kind.STALL}:
        return "vehicles-and-stalls"
    return "persons-and-two-wheelers" if kind in {Kind.PERSON, Kind.BICYCLE, Kind.E_BIKE} else "things"


def _miss(what: str, run: DistrictRun, camera: str, scene: str, at_s: float, place: str) -> Miss:
    return Miss(what=what, seed=run.district.seed, camera=camera, scene=scene, at_s=round(at_s, 1), place=place)


class NothingToScoreError(DistrictError):
    """There is no run."""

    def __init__(self) -> None:
        super().__init__("no run was made, so there is nothing to score; give at least one seed")
