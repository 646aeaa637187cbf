"""The figures of runs: recall, precision, duplicates, delays, ground error, calibration of ellipses, wrong grids.

Each share has its n and its 95 % interval; medians and 90th percentiles have intervals of order statistics.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Final

from pipeline.district.errors import DistrictError
from pipeline.district.scored import CaseRow, Miss, ScoredRun, Where
from pipeline.district.week import ARRIVE_S, Timeline, in_time
from pipeline.shares import Share, Spread, spread, wilson

NEAR_CAMERA_M: Final = 40.0
Wanted = Callable[[Where], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneFigures:
    """The figures of one scene, of one light or weather, or of all."""

    events: int
    distractors: int
    cases: int
    recall: Share
    precision: Share
    duplicates_per_event: Share
    false_sightings: int
    delay_s: Spread
    event_to_sighting_s: Spread
    case_to_offer_s: Spread
    case_to_arrival_s: Spread
    ground_error_m: Spread
    inside_95_ellipse: Share
    wrong_grid: Share
    urgent_in_15_min: Share

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON-able values, the ground error under the names that `evaluate` promises as well."""
        return {
            **asdict(self),
            "ground_error_median_m": self.ground_error_m.median,
            "ground_error_p90_m": self.ground_error_m.p90,
        }


class Tally:
    """Takes in scored runs, one after another, and gives their figures."""

    def __init__(self, tier: str = "detections") -> None:
        self.tier = tier
        self.runs: list[ScoredRun] = []

    def add(self, run: ScoredRun) -> None:
        """Take in a run."""
        self.runs.append(run)

    @property
    def misses(self) -> list[Miss]:
        """Return what went wrong, run by run."""
        return [miss for run in self.runs for miss in run.misses]

    def of(self, wanted: Wanted = lambda _: True) -> SceneFigures:
        """Return the figures of the rows that are wanted, by default all."""
        events = [row for run in self.runs for row in run.events if wanted(row.where)]
        cases = [row for run in self.runs for row in run.cases if wanted(row.where)]
        pairs = [row for run in self.runs for row in run.pairs if wanted(row.where)]
        kinds = [row.kind for row in cases]
        lives = _lives(cases)
        matched, doubles = kinds.count("matched"), kinds.count("duplicate")
        return SceneFigures(
            events=len(events),
            distractors=sum(wanted(each) for run in self.runs for each in run.distractors),
            cases=len(cases),
            recall=wilson(sum(row.delay_s is not None for row in events), len(events)),
            precision=wilson(matched, matched + kinds.count("false")),
            duplicates_per_event=wilson(min(doubles, len(events)), len(events)),
            false_sightings=sum(wanted(each) for run in self.runs for each in run.false_sightings),
            delay_s=spread([row.delay_s for row in events if row.delay_s is not None]),
            event_to_sighting_s=spread([row.delay_s + row.lasted_s for row in events if row.delay_s is not None]),
            case_to_offer_s=spread([each.offered_s for each in lives if each.offered_s is not None]),
            case_to_arrival_s=spread([each.arrived_s for each in lives if each.arrived_s is not None]),
            ground_error_m=spread([pair.error_m for pair in pairs if pair.range_m <= NEAR_CAMERA_M]),
            inside_95_ellipse=wilson(sum(pair.inside for pair in pairs), len(pairs)),
            wrong_grid=wilson(sum(pair.wrong_grid for pair in pairs), len(pairs)),
            urgent_in_15_min=in_time(lives, ARRIVE_S),
        )

    def groups(self, name: str) -> list[str]:
        """Return the scenes, lights or weathers that occur."""
        rows = [row.where for run in self.runs for row in run.events]
        rows += [row.where for run in self.runs for row in run.cases]
        rows += [each for run in self.runs for each in run.distractors]
        return sorted({str(getattr(row, name)) for row in rows})

    def by(self, name: str) -> dict[str, SceneFigures]:
        """Return the figures by `scene`, `light` or `weather`."""

        def figures(value: str) -> SceneFigures:
            return self.of(lambda row: getattr(row, name) == value)

        return {value: figures(value) for value in self.groups(name)}

    def families(self) -> Mapping[str, Spread]:
        """Return the ground error within 40 m of the camera by family of things."""
        pairs = [pair for run in self.runs for pair in run.pairs if pair.range_m <= NEAR_CAMERA_M]
        names = sorted({pair.family for pair in pairs})
        return MappingProxyType({name: spread([p.error_m for p in pairs if p.family == name]) for name in names})

    def as_dict(self) -> dict[str, object]:
        """Return all figures as JSON-able values, with the names that `evaluate` promises."""
        whole = self.of()
        return {
            "tier": self.tier,
            "seeds": sorted({run.seed for run in self.runs}),
            "scenarios": sorted({run.scenario for run in self.runs}),
            **whole.as_dict(),
            "ground_error_by_family_m": {name: asdict(each) for name, each in self.families().items()},
            "scenes": {name: each.as_dict() for name, each in self.by("scene").items()},
            "light": {name: each.as_dict() for name, each in self.by("light").items()},
            "weather": {name: each.as_dict() for name, each in self.by("weather").items()},
            "misses": [{key: value for key, value in asdict(m).items() if key != "jpeg"} for m in self.misses],
            "frames": sum(run.frames for run in self.runs),
            "seconds": round(sum(run.seconds for run in self.runs), 2),
        }


def _lives(cases: Sequence[CaseRow]) -> list[Timeline]:
    return [row.timeline for row in cases if row.timeline is not None]


class NothingToScoreError(DistrictError):
    """There is no run."""

    def __init__(self) -> None:
        super().__init__("no run was made, so there is nothing to score; give at least one seed")
