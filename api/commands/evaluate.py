"""`evaluate`: the simulated district against its own truth, in three tiers: pixels, detections, dispatch alone."""

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.progress import Progress

from api.app import require_assets
from api.behind_doors import behind_doors
from api.commands.report import errors, give
from api.district_report import write_report
from api.district_table import table_of
from api.kept_runs import KeptRun, KeptRuns, made_with
from api.options import SAMPLE, VENDOR, JsonOption, SiteArgument, made_folder, writable
from models.registry import DISTRICT_WEIGHTS
from pipeline.district.district import CAMERAS, check_length
from pipeline.district.figures import Tally
from pipeline.district.many import Job, score_jobs
from pipeline.district.noise_file import PUBLISHED
from pipeline.district.pixel_figures import CameraCosts, PixelFigures
from pipeline.district.pixels import PixelJob, run_pixels
from pipeline.district.scored import scored
from pipeline.district.script import Scenario
from pipeline.district.week import WeekFigures, run_week
from pipeline.errors import PipelineError
from pipeline.site import Site
from pipeline.site_files import read_site

app = typer.Typer()
WEEK_MIN: Final = 7 * 24 * 60.0
PIXELS_MIN: Final = 10.0
DETECTIONS_MIN: Final = 5.0
_UNUSED: Final[Mapping[str, Sequence[str]]] = {
    "--pixels": ["noise"],
    "--detections": ["weights", "fit", "keep"],
    "--no-pixels": [
        "seeds",
        "scenario",
        "weights",
        "cameras",
        "workers",
        "noise",
        "fit",
        "keep",
        "truth",
        "report",
        "table",
    ],
}
"""What each tier has no use for, by its option."""
LONGEST_WEEK_MIN: Final = 8 * WEEK_MIN
MOST_SEEDS: Final = 100
_START = (2026, 3, 2)  # a Monday


class WeekLengthError(PipelineError):
    """A run of dispatch is too short or too long."""

    def __init__(self, minutes: float) -> None:
        super().__init__(
            f"--minutes is {minutes:g}; expected more than 0 and at most {LONGEST_WEEK_MIN:g} (eight weeks)"
            " with --no-pixels"
        )


class TierError(PipelineError):
    """More than one tier was asked for."""

    def __init__(self) -> None:
        super().__init__("--pixels, --detections and --no-pixels exclude one another; give one of them")


class LensTierError(PipelineError):
    """What covers a lens can only be seen in pictures."""

    def __init__(self) -> None:
        super().__init__(
            f"--scenario {Scenario.LENS} is about what covers the lens, which no replayed box shows;"
            " leave out --detections"
        )


class FloodTierError(PipelineError):
    """The weights that ship know no water on a road."""

    def __init__(self) -> None:
        super().__init__(
            f"--scenario {Scenario.FLOOD} is about water on the road, which the weights that ship do not know;"
            " add --detections, or --weights with ones that know the class flood"
        )


class OtherTierError(PipelineError):
    """Options were given that the tier, or another option, has no use for."""

    def __init__(self, options: Sequence[str], beside: str) -> None:
        named = ", ".join(f"--{each}" for each in options)
        super().__init__(f"{named} given with {beside}, which has no use for it; leave it out")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What runs are asked for, seed by seed and scenario by scenario; files of None are not written."""

    site: Path
    seeds: range
    scenarios: Sequence[Scenario]
    minutes: float
    cameras: int
    workers: int | None
    truth: Path | None
    fit: Path | None
    keep: Path | None
    noise: Path
    weights: Path

    @property
    def pairs(self) -> list[tuple[int, Scenario]]:
        """Return each seed with each scenario."""
        return [(seed, scenario) for seed in self.seeds for scenario in self.scenarios]

    def kept(self, version: str) -> KeptRuns | None:
        """Return where scored runs are kept, if they are."""
        if self.keep is None:
            return None
        made = made_with(self.site, minutes=self.minutes, cameras=self.cameras, weights=version)
        return KeptRuns(folder=self.keep, made_with=made)

    def keep_truth(self, seed: int, scenario: Scenario, text: str) -> None:
        """Write a run's truth if it is wanted."""
        if self.truth is not None:
            (self.truth / f"truth-{scenario}-{seed}.json").write_text(text, encoding="utf-8")


@app.command()
def evaluate(
    context: typer.Context,
    site: SiteArgument = SAMPLE,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Decides everything.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, max=MOST_SEEDS, help="How many seeds from --seed on.")] = 1,
    minutes: Annotated[
        float | None, typer.Option(help="Length of a run: 10 with pixels, 5 with detections, else a week.")
    ] = None,
    scenario: Annotated[list[Scenario] | None, typer.Option(help="May be repeated; all by default.")] = None,
    pixels: Annotated[bool, typer.Option("--pixels", help="Draw what the cameras see; the default.")] = False,
    detections: Annotated[
        bool, typer.Option("--detections", help="Replay boxes with noise, misses and false boxes.")
    ] = False,
    no_pixels: Annotated[bool, typer.Option("--no-pixels", help="No cameras: days of dispatch.")] = False,
    weights: Annotated[
        Path, typer.Option(help="Folder for OpenVINO; the district's own by default.")
    ] = DISTRICT_WEIGHTS,
    cameras: Annotated[int, typer.Option(min=1, max=40, help="How many cameras at most.")] = CAMERAS,
    workers: Annotated[int | None, typer.Option(min=1, max=256, help="Child processes; one a core by default.")] = None,
    noise: Annotated[Path, typer.Option(help="Table of noise for --detections.")] = PUBLISHED,
    fit: Annotated[
        Path | None,
        typer.Option(callback=writable, help="Fit a table of noise to a run with pixels, into this file."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep each seed's scored run there, and score only those that it lacks.",
        ),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write each run's truth there as JSON."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", callback=writable, help="Write a page with every miss and every false case."),
    ] = None,
    table: Annotated[bool, typer.Option("--table", help="Print a Markdown table in place of figures.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Score pipeline, desk and forces on the simulated district, whose every event is known."""
    if pixels + detections + no_pixels > 1:
        raise TierError
    if detections and Scenario.LENS in (scenario or ()):
        raise LensTierError
    if Scenario.FLOOD in (scenario or ()) and weights == DISTRICT_WEIGHTS and not (detections or no_pixels):
        raise FloodTierError
    tier = "--detections" if detections else "--no-pixels" if no_pixels else "--pixels"
    given = [each for each in _UNUSED[tier] if _is_given(context, each)]
    if given:
        raise OtherTierError(given, tier)
    if keep is not None and fit is not None:
        raise OtherTierError(["fit"], "--keep, which holds no frames to fit noise to and")
    if no_pixels:
        give(
            week_figures(read_site(site), seed=seed, minutes=WEEK_MIN if minutes is None else minutes), as_json=as_json
        )
        return
    length = check_length((DETECTIONS_MIN if detections else PIXELS_MIN) if minutes is None else minutes)
    asked = _Asked(
        site=site,
        seeds=range(seed, seed + seeds),
        scenarios=scenario or [Scenario.ALL],
        minutes=length,
        cameras=cameras,
        workers=workers,
        truth=made_folder(truth, option="--truth"),
        fit=fit,
        keep=made_folder(keep, option="--keep"),
        noise=noise,
        weights=weights,
    )
    tally, more = (_detections(asked), {}) if detections else _pixels(asked)
    command = "beatgrid " + shlex.join(sys.argv[1:])
    if report is not None:
        write_report(report, tally, more, command=command)
    if table:
        print(table_of(tally, more, command=command))  # noqa: T201 - stdout is the command's result
        return
    give({**tally.as_dict(), **more}, as_json=as_json)


def _is_given(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def _detections(asked: _Asked) -> Tally:
    tally = Tally("detections")
    jobs = [
        Job(
            site=asked.site,
            seed=seed,
            minutes=asked.minutes,
            scenario=scenario,
            noise=asked.noise,
            cameras=asked.cameras,
        )
        for seed, scenario in asked.pairs
    ]
    with _progress(len(jobs)) as show:
        for (seed, scenario), done in zip(
            asked.pairs, score_jobs(jobs, workers=asked.workers, progress=show), strict=True
        ):
            tally.add(done.run)
            asked.keep_truth(seed, scenario, done.truth_json)
    return tally


def _pixels(asked: _Asked) -> tuple[Tally, dict[str, object]]:
    from models.openvino import OpenVinoDetector
    from pipeline.district.display import require_rendering

    require_rendering()
    require_assets(VENDOR)  # forces act through doors once everything is drawn
    version = OpenVinoDetector(asked.weights, threads=1).version
    tally, more, kept = Tally("pixels"), PixelFigures(), asked.kept(version)
    with _progress(len(asked.pairs)) as show:
        for number, (seed, scenario) in enumerate(asked.pairs):
            done = kept.read(seed, scenario) if kept is not None else None
            if done is None:
                job = PixelJob(
                    site=asked.site,
                    seed=seed,
                    minutes=asked.minutes,
                    scenario=scenario,
                    weights=asked.weights,
                    cameras=asked.cameras,
                )
                made = run_pixels(job, world=behind_doors, workers=asked.workers, progress=_from(number, show))
                done = KeptRun(
                    run=scored(made.run),
                    costs=tuple(CameraCosts.of(each) for each in made.watched),
                    truth_json=made.truth_json,
                )
                more.take(pair for each in made.watched for pair in each.pairs)
                if kept is not None:
                    kept.write(done)
            tally.add(done.run)
            more.add(done.costs)
            asked.keep_truth(seed, scenario, done.truth_json)
    if asked.fit is not None:
        about = {
            "weights": version,
            "seeds": list(asked.seeds),
            "scenarios": [each.value for each in asked.scenarios],
            "minutes": asked.minutes,
            "cameras": asked.cameras,
        }
        more.write_fit(asked.fit, about)
    return tally, {"weights": version, **more.as_dict()}


def _from(number: int, show: Callable[[float], None]) -> Callable[[float], None]:
    """Return what shows how far the run of a number is."""
    return lambda share: show(number + share)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[float], None]]:
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as drawn:
        task = drawn.add_task("evaluating", total=total)
        yield lambda done: drawn.update(task, completed=done)


def week_figures(site: Site, *, seed: int, minutes: float) -> dict[str, object]:
    """Return the figures of days of dispatch, with the names that `evaluate` promises; None where nothing was seen.

    Raises:
        WeekLengthError: the minutes are out of bounds.
    """
    if not 0.0 < minutes <= LONGEST_WEEK_MIN:
        raise WeekLengthError(minutes)
    start = datetime(*_START, tzinfo=ZoneInfo(site.settings.timezone.key))
    with _progress(1) as show:
        figures = run_week(site, seed=seed, days=minutes / (24 * 60.0), start=start, progress=show)
    return _week_record(figures, seed)


def _week_record(figures: WeekFigures, seed: int) -> dict[str, object]:
    record = asdict(figures)
    return {
        "tier": "no-pixels",
        "seeds": [seed],
        "events": figures.cases,
        "recall": None,
        "precision": None,
        "duplicates_per_event": None,
        "ground_error_median_m": None,
        "ground_error_p90_m": None,
        "inside_95_ellipse": None,
        "wrong_grid": None,
        "scenes": {},
        **record,
    }
