"""A training's plan, how far it is, and its steps one after the other in child processes. Loads no torch."""

import importlib.util
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from models.children import end_child
from models.errors import LibraryMissingError, ModelsError, SettingFaultError, require_range

ARCHITECTURES: Final = ("yolo11n.yaml", "yolov8n.yaml")  # described in Ultralytics' package; both answer with anchors
STATE, PLAN, LOG, MEETING = "state.pt", "plan.json", "steps.jsonl", "meeting"
LEAST_MINUTES, MOST_MINUTES = 0.1, 10_000.0
MOST_BATCH: Final = 512
# From which share of the plan on, the longer side in pixels; the other is 9/16 of it, up to a multiple of 32. Small
# pictures are quick to learn the rough from.
_SIZES: Final = ((0.0, 448), (0.4, 512), (0.6, 640))
_WARM_UP: Final = 0.015
_LAST_RATE: Final = 0.02  # of the first
_MOST_PROCESSES: Final = 4
_POLL_S: Final = 0.2
_START_S: Final = 600.0  # a step's process may take so long besides, on a busy machine


class NothingLearnedError(ModelsError):
    """A folder holds no training."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} holds no {STATE}; expected a training; run `beatgrid train` first")


class OtherPlanError(ModelsError):
    """A folder holds a training with other settings."""

    def __init__(self, folder: Path, differing: Mapping[str, tuple[object, object]]) -> None:
        listed = "; ".join(f"{name} is {found}, not {wanted}" for name, (found, wanted) in differing.items())
        super().__init__(f"{folder} holds a training with another plan ({listed}); move it away, or keep to its plan")


class StepFailedError(ModelsError):
    """A step of a training ended with an error."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"a training step ended with status {status}: {said}; mend that and start again to go on")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What is trained and for how long; all steps of a training share it.

    Attributes:
        data: Ultralytics' data.yaml.
        minutes: of training in all; the learning rate's schedule spans them.
        architecture: one of ARCHITECTURES.
        device: `cpu`, or the number of a GPU.
        batch: pictures of one process in a step of the optimizer.
        rate: the highest learning rate.
        seed: of first weights and order.
        start: an exported folder whose weights it begins with; random ones if None.
    """

    data: Path
    minutes: float
    architecture: str = "yolo11n.yaml"
    device: str = "cpu"
    batch: int = 8
    rate: float = 0.0015
    seed: int = 0
    start: Path | None = None

    def __post_init__(self) -> None:
        require_range("minutes", self.minutes, LEAST_MINUTES, MOST_MINUTES)
        require_range("batch", self.batch, 2, MOST_BATCH)
        if self.architecture not in ARCHITECTURES:
            raise SettingFaultError("architecture", self.architecture, expected=" or ".join(ARCHITECTURES))

    @property
    def seconds(self) -> float:
        """Return its length in seconds."""
        return self.minutes * 60.0

    def size_px(self, share: float) -> int:
        """Return the longer side of the pictures when so much of the plan is done; what has learned sees them whole."""
        share = share if self.start is None else 1.0
        return max(size for since, size in _SIZES if share >= since)

    def rate_at(self, share: float) -> float:
        """Return the learning rate when so much of the plan is done: a short rise, then half a cosine."""
        if share < _WARM_UP:
            return self.rate * max(share / _WARM_UP, 0.01)
        turn = math.pi * min((share - _WARM_UP) / (1.0 - _WARM_UP), 1.0)
        return self.rate * (_LAST_RATE + (1.0 - _LAST_RATE) * (1.0 + math.cos(turn)) / 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Which of how many processes learns together, each from pictures of its own.

    Attributes:
        place: 0 for the one that decides, saves and logs.
        threads: of torch, in each.
    """

    place: int
    size: int
    threads: int

    @property
    def leads(self) -> bool:
        """Tell whether this is the one that decides."""
        return self.place == 0


ALONE: Final = Crew(place=0, size=1, threads=1)


def crews(device: str, cores: int) -> tuple[Crew, ...]:
    """Return the processes for a device: on a CPU one a core up to four, since threads wait for one another more."""
    size = min(cores, _MOST_PROCESSES) if device == "cpu" else 1
    return tuple(Crew(place=place, size=size, threads=max(cores // size, 1)) for place in range(size))


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFigures:
    """How far a training is.

    Attributes:
        steps, passes: steps taken and pictures shown, since the beginning.
        spent_s, planned_s: seconds of training.
        loss: mean of the last batches of this step; None where there was none.
    """

    steps: int
    passes: int
    spent_s: float
    planned_s: float
    size_px: int
    loss: float | None

    @property
    def done(self) -> bool:
        """Tell whether the plan is over."""
        return self.spent_s >= self.planned_s


def keep_plan(folder: Path, plan: TrainingPlan) -> None:
    """Write a training's plan, or require that it is the one that is there; its minutes and device may change.

    Raises:
        OtherPlanError: it is another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PLAN
    wanted = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(plan).items()}
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        fixed = set(wanted) - {"minutes", "device"}
        differing = {name: (found.get(name), wanted[name]) for name in sorted(fixed) if found.get(name) != wanted[name]}
        if differing:
            raise OtherPlanError(folder, differing)
    replace_text(path, json.dumps(wanted, indent=1) + "\n")


def read_plan(folder: Path) -> TrainingPlan:
    """Return the plan of a training.

    Raises:
        NothingLearnedError: there is none.
    """
    path = folder / PLAN
    if not path.is_file():
        raise NothingLearnedError(folder)
    record = json.loads(path.read_text(encoding="utf-8"))
    start = record.get("start")
    paths = {"data": Path(record["data"]), "start": None if start is None else Path(start)}
    return TrainingPlan(**{**record, **paths})


def progress_of(folder: Path) -> StepFigures:
    """Return how far a training is, from its log; torch is not loaded.

    Raises:
        NothingLearnedError: there is no plan.
    """
    plan, path = read_plan(folder), folder / LOG
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if not lines:
        return StepFigures(steps=0, passes=0, spent_s=0.0, planned_s=plan.seconds, size_px=plan.size_px(0.0), loss=None)
    return StepFigures(**{**json.loads(lines[-1]), "planned_s": plan.seconds})


def train(
    folder: Path,
    *,
    most_s: float,
    step_s: float,
    progress: Callable[[StepFigures], None] | None = None,
) -> StepFigures:
    """Take steps, each in a child process, until the plan is over or the time is up, and return how far it is.

    Args:
        folder: of the training; `keep_plan` has been called.
        most_s: no step begins after so long.
        step_s: length of a step, start and end of its process not counted.
        progress: called after each step.

    Raises:
        NothingLearnedError: no plan was written to the folder.
        LibraryMissingError: Ultralytics or torch are not installed.
        StepFailedError: a step ended with an error.
    """
    require_libraries()
    until, figures = time.monotonic() + most_s, progress_of(folder)
    while not figures.done and time.monotonic() < until:
        _run_step(folder, min(step_s, max(until - time.monotonic(), 1.0)))
        after = progress_of(folder)
        if after.steps == figures.steps:
            raise StepFailedError(0, f"it wrote nothing to {LOG}")
        figures = after
        if progress is not None:
            progress(figures)
    return figures


def require_libraries() -> None:
    """Require what training needs, without loading it.

    Raises:
        LibraryMissingError: Ultralytics or torch are not installed.
    """
    for library in ("torch", "ultralytics"):
        if importlib.util.find_spec(library) is None:
            raise LibraryMissingError(library, needed_for="training", reason="it is not installed")


def _run_step(folder: Path, most_s: float) -> None:
    (folder / MEETING).unlink(missing_ok=True)
    crew = crews(read_plan(folder).device, os.cpu_count() or 1)
    children = [_start(folder, most_s, each) for each in crew]
    try:
        _wait(folder, children, most_run_s=3.0 * most_s + _START_S)
    finally:
        for child in children:
            end_child(child)


def _start(folder: Path, most_s: float, crew: Crew) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    # Threads that wait for one another by spinning take the processor from each other where cores are shared.
    environment = {**os.environ, "PYTHONPATH": path, "OMP_WAIT_POLICY": "PASSIVE", "GLOO_SOCKET_IFNAME": "lo"}
    words = [folder.resolve(), f"{most_s:.1f}", crew.place, crew.size, crew.threads]
    with _said(folder, crew.place).open("wb") as sink:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "models.training", *map(str, words)],
            cwd=Path(__file__).resolve().parents[1],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )


def _wait(folder: Path, children: list[subprocess.Popen[bytes]], *, most_run_s: float) -> None:
    until = time.monotonic() + most_run_s
    while time.monotonic() < until:
        states = [child.poll() for child in children]
        for place, status in enumerate(states):
            if status:
                text = _said(folder, place).read_text(encoding="utf-8", errors="replace")
                lines = [line for line in text.splitlines() if line.strip()]
                raise StepFailedError(status, lines[-1][:300] if lines else "no message")
        if all(status == 0 for status in states):
            return
        time.sleep(_POLL_S)
    raise StepFailedError(-9, f"it did not end within {most_run_s:.0f} s")


def _said(folder: Path, place: int) -> Path:
    return folder / f"step-{place}.txt"


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
