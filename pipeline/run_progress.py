"""A run's progress on standard error: one line for each camera, drawn only where somebody looks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from pipeline.camera_pipeline import Outcome
from pipeline.run import Progress as OnProgress
from pipeline.run_figures import Tally


@contextmanager
def shown_progress() -> Iterator[OnProgress]:
    """Give what `run_cameras` calls with its counts; nothing is drawn where standard error is no terminal."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as drawn:
        tasks: dict[str, TaskID] = {}

        def show(tallies: Mapping[str, Tally]) -> None:
            for code, tally in tallies.items():
                if code not in tasks:
                    tasks[code] = drawn.add_task(code, total=None)
                drawn.update(tasks[code], description=_line(code, tally))

        yield show


def _line(code: str, tally: Tally) -> str:
    frames = tally.frames[Outcome.PROCESSED]
    return f"{code}: {frames} frames, {tally.detections} detections, {len(tally.opened)} cases opened"
