"""`evaluate`: the simulated district against its own truth; without cameras, days of dispatch."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.progress import Progress

from api.commands.report import errors, give, say
from api.options import SAMPLE, JsonOption, SiteArgument
from pipeline.district.district import District
from pipeline.district.evaluation import run_detections
from pipeline.district.figures import Tally
from pipeline.district.week import WeekFigures, run_week
from pipeline.errors import PipelineError
from pipeline.site import Site
from pipeline.site_files import read_site

app = typer.Typer()
CANNOT = 3
WEEK_MIN = 7 * 24 * 60.0
RUN_MIN = 10.0
LONGEST_WEEK_MIN = 8 * WEEK_MIN
MOST_SEEDS = 100
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


@app.command()
def evaluate(
    site: SiteArgument = SAMPLE,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Decides everything.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, max=MOST_SEEDS, help="How many seeds from --seed on.")] = 1,
    minutes: Annotated[
        float | None, typer.Option(help="Length of a run; 10 by default, a week with --no-pixels.")
    ] = None,
    scenario: Annotated[str, typer.Option(help="all, parking, crowd, litter, water, night or rain.")] = "all",
    pixels: Annotated[bool, typer.Option("--pixels", help="Render what the cameras see (not there yet).")] = False,
    detections: Annotated[
        bool, typer.Option("--detections", help="Replay boxes with noise, misses and false boxes.")
    ] = False,
    no_pixels: Annotated[bool, typer.Option("--no-pixels", help="No cameras: days of dispatch.")] = False,
    truth: Annotated[
        Path | None, typer.Option("--truth", metavar="FOLDER", help="Write each seed's truth there as JSON.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score pipeline, desk and forces on the simulated district, whose every event is known."""
    if pixels + detections + no_pixels > 1:
        raise TierError
    if not (detections or no_pixels):
        say("the tier with pixels is not there yet; give --detections, or --no-pixels for days of dispatch")
        raise typer.Exit(CANNOT)
    read = read_site(site)
    if no_pixels:
        give(week_figures(read, seed=seed, minutes=WEEK_MIN if minutes is None else minutes), as_json=as_json)
        return
    tally = _detections(read, range(seed, seed + seeds), RUN_MIN if minutes is None else minutes, scenario, truth=truth)
    give(tally.as_dict(), as_json=as_json)


def _detections(site: Site, seeds: range, minutes: float, scenario: str, *, truth: Path | None) -> Tally:
    tally = Tally()
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as drawn:
        task = drawn.add_task("evaluating", total=len(seeds))
        for number, each in enumerate(seeds):
            district = District.of(site, seed=each, minutes=minutes, scenario=scenario)
            if truth is not None:
                truth.mkdir(parents=True, exist_ok=True)
                (truth / f"truth-{scenario}-{each}.json").write_text(district.truth_json(), encoding="utf-8")

            def show(share: float, done: int = number) -> None:
                drawn.update(task, completed=done + share)

            tally.add(run_detections(district, progress=show))
    return tally


def week_figures(site: Site, *, seed: int, minutes: float) -> dict[str, object]:
    """Return the figures of days of dispatch, with the names that `evaluate` promises; None where nothing was seen.

    Raises:
        WeekLengthError: the minutes are out of bounds.
    """
    if not 0.0 < minutes <= LONGEST_WEEK_MIN:
        raise WeekLengthError(minutes)
    start = datetime(*_START, tzinfo=ZoneInfo(site.settings.timezone.key))
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as drawn:
        task = drawn.add_task("a week of dispatch", total=1.0)
        figures = run_week(
            site,
            seed=seed,
            days=minutes / (24 * 60.0),
            start=start,
            progress=lambda share: drawn.update(task, completed=share),
        )
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
