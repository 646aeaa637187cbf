"""`train`: the simulated district's own detector, from drawn pictures to a scored model, in resumable steps."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from api.commands.learning import tune
from api.commands.report import errors, give, say
from api.options import SAMPLE, JsonOption, SiteOption
from models.errors import LibraryMissingError
from models.fine_tuning import TuningPlan
from models.openvino import OpenVinoDetector
from models.registry import DISTRICT_WEIGHTS
from models.training_export import OPENVINO, export
from models.training_plan import StepFigures, TrainingPlan, keep_plan, progress_of, require_libraries
from models.training_plan import train as train_on
from models.warm_start import begin_from
from pipeline.district.dataset import CLASSES, FEWEST, MOST, Dataset, Split
from pipeline.district.dataset_children import draw_dataset
from pipeline.district.dataset_score import score_dataset
from pipeline.district.display import NoRenderingError
from pipeline.errors import PipelineError

app = typer.Typer()
CANNOT = 3
IMAGES = 2056
PLAN_MIN = 240.0
STEP_MIN = 10.0
LONGEST_MIN = 10_000.0
LEARNED_RATE = 0.0005  # the highest rate for what has learned before: more would unlearn first
DESCRIPTION = "Knows Beatgrid's simulated district and nothing else: trained from scratch on its drawn pictures"


class DatasetUnfinishedError(PipelineError):
    """The time was up before all pictures were drawn."""

    def __init__(self, missing: int) -> None:
        super().__init__(f"{missing} stages of the dataset are not drawn yet; run `beatgrid train` again to go on")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where things lie: the dataset, the training, and what is exported."""

    dataset: Dataset
    training: Path

    @classmethod
    def of(cls, data: Path | None, images: int, seed: int) -> "_Places":
        base = data or Path("build")
        return cls(
            dataset=Dataset(folder=base / "district-dataset", images=images, seed=seed),
            training=base / "district-training",
        )

    @property
    def exported(self) -> Path:
        return self.training / "district"


@app.command()
def train(
    site: SiteOption = SAMPLE,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FOLDER", help="For pictures and training; build/ by default."),
    ] = None,
    images: Annotated[int, typer.Option(min=FEWEST, max=MOST, help="Pictures to learn from.")] = IMAGES,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Decides pictures and first weights.")] = 0,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.1, max=LONGEST_MIN, help="How long this call may take; no limit by default."),
    ] = None,
    plan_minutes: Annotated[
        float, typer.Option(min=0.1, max=LONGEST_MIN, help="Training in all, which the learning rate spans.")
    ] = PLAN_MIN,
    step_minutes: Annotated[float, typer.Option(min=0.1, max=60.0, help="Length of a step.")] = STEP_MIN,
    device: Annotated[str, typer.Option(help="cpu, or the number of a GPU.")] = "cpu",
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FOLDER", help="Becomes the OpenVINO folder, or holds others."),
    ] = None,
    export_format: Annotated[str, typer.Option("--export", metavar="FORMAT", help="Ultralytics' name.")] = OPENVINO,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="WEIGHTS",
            help="Begin with this folder's weights; or, with --dataset, fine-tune this .pt and compare both.",
        ),
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option("--dataset", metavar="DIR", help="What `beatgrid dataset` wrote, for --from.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, max=1000, help="Passes over the data set, for --from.")] = 20,
    score: Annotated[bool, typer.Option("--score", help="Only score the weights that ship, on unseen stages.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw pictures of the simulated district, train its detector on them, export and score it; resumes.

    With --from FOLDER, begin with weights that were exported before. With --from and --dataset, fine-tune weights on a
    site's own cases instead.
    """
    if dataset is not None or (start is not None and not start.is_dir()):
        _tune(
            start, dataset, output, site=site, plan=TuningPlan(epochs=epochs, device=device, seed=seed), as_json=as_json
        )
        return
    places = _Places.of(data, images, seed)
    until = time.monotonic() + (LONGEST_MIN if minutes is None else minutes) * 60.0
    with _remedies():
        if score:
            _draw(places.dataset, site, until, splits=(Split.TEST,))
            give(_score(places.dataset, output or DISTRICT_WEIGHTS), as_json=as_json)
            return
        require_libraries()
        _draw(places.dataset, site, until)
        plan = TrainingPlan(data=places.dataset.yaml.resolve(), minutes=plan_minutes, device=device, seed=seed)
        if start is not None:
            plan = replace(plan, start=start.resolve(), rate=LEARNED_RATE)
        keep_plan(places.training, plan)
        if start is not None and not progress_of(places.training).passes:
            begin_from(start, places.training, plan)
        figures = _train(places.training, until, step_minutes * 60.0)
        if not figures.passes:
            give(asdict(figures), as_json=as_json)
            return
        made = _export(places, output, export_format)
        scored = _score(places.dataset, made) if export_format == OPENVINO else {}
        give({**asdict(figures), "exported": str(made), **scored}, as_json=as_json)


def _tune(
    start: Path | None, dataset: Path | None, output: Path | None, *, site: Path, plan: TuningPlan, as_json: bool
) -> None:
    if start is None or dataset is None:
        raise typer.BadParameter("--from and --dataset go together")
    with _remedies():
        tune(start, dataset, output or Path("build") / "tuned", site=site, plan=plan, as_json=as_json)


@contextmanager
def _remedies() -> Iterator[None]:
    """Turn what this machine cannot into an exit status of its own."""
    try:
        yield
    except (LibraryMissingError, NoRenderingError) as error:
        say(str(error))
        raise typer.Exit(CANNOT) from error


@contextmanager
def _shown(what: str) -> Iterator[Callable[[float], None]]:
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as drawn:
        task = drawn.add_task(what, total=1.0)
        yield lambda share: drawn.update(task, completed=share)


def _draw(dataset: Dataset, site: Path, until: float, *, splits: tuple[Split, ...] = tuple(Split)) -> None:
    cores = os.cpu_count() or 1
    with _shown("drawing pictures") as show:
        most_s = max(until - time.monotonic(), 1.0)
        whole = draw_dataset(dataset, site, processes=cores, most_s=most_s, splits=splits, progress=show)
    if not whole:
        raise DatasetUnfinishedError(len(dataset.missing(*splits)))


def _train(folder: Path, until: float, step_s: float) -> StepFigures:
    def tell(figures: StepFigures) -> None:
        say(
            f"step {figures.steps}: {figures.spent_s / 60:.1f} of {figures.planned_s / 60:.0f} minutes,"
            f" {figures.passes} pictures, loss {figures.loss or 0.0:.1f}"
        )

    before = progress_of(folder)
    tell(before)
    figures = train_on(folder, most_s=max(until - time.monotonic(), 0.0), step_s=step_s, progress=tell)
    if figures.passes == before.passes and not before.done:
        say("nothing was learned: the time was up before a first batch; call again with more --minutes")
    return figures


def _export(places: _Places, output: Path | None, kind: str) -> Path:
    target = output or (places.exported if kind == OPENVINO else places.training)
    return export(places.training, target, names=dict(enumerate(CLASSES)), description=DESCRIPTION, kind=kind)


def _score(dataset: Dataset, weights: Path) -> dict[str, object]:
    detector = OpenVinoDetector(weights)
    try:
        with _shown("scoring") as show:
            return score_dataset(dataset, detector, progress=show).record()
    finally:
        detector.close()
