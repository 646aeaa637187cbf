"""Draws a dataset in child processes, one a core, for as long as it may take; started again, it goes on.

`python -m pipeline.district.dataset_children FOLDER SITE IMAGES SEED PART PARTS SPLIT...` is one child.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import cv2

from models.children import end_child
from pipeline.district.dataset import Dataset, Split
from pipeline.district.dataset_sheet import draw_sheet
from pipeline.district.display import require_rendering
from pipeline.district.errors import DistrictError
from pipeline.site_files import read_site

_POLL_S: Final = 0.5
_THREADS: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class DrawingFailedError(DistrictError):
    """A child that draws the dataset ended with an error."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"drawing the dataset ended with status {status}: {said}; mend that and start again to go on")


def draw_dataset(
    dataset: Dataset,
    site: Path,
    *,
    processes: int,
    most_s: float,
    splits: Sequence[Split] = tuple(Split),
    progress: Callable[[float], None] | None = None,
) -> bool:
    """Draw what is missing of a dataset and say whether it is whole now.

    Args:
        dataset: what to draw.
        site: folder of the site whose catalogue the plays use.
        processes: how many draw side by side.
        most_s: after so long the children are ended; what is written stays.
        splits: which of its parts.
        progress: called with the share that is done.

    Raises:
        NoRenderingError: this machine cannot draw off screen.
        DrawingFailedError: a child ended with an error.
        OtherDatasetError: the folder holds a dataset of another seed.
    """
    dataset.prepare()
    lacking = len(dataset.missing(*splits))
    if not lacking:
        return True
    require_rendering()
    children = [_start(dataset, site, part, processes, splits) for part in range(processes)]
    try:
        _wait(children, dataset, until=time.monotonic() + most_s, show=_shown(dataset, splits, lacking, progress))
    finally:
        for child in children:
            end_child(child)
    return not dataset.missing(*splits)


def _shown(
    dataset: Dataset, splits: Sequence[Split], lacking: int, progress: Callable[[float], None] | None
) -> Callable[[], None]:
    """Return what tells of the share of the lacking sheets that is drawn."""

    def show() -> None:
        if progress is not None:
            progress(1.0 - len(dataset.missing(*splits)) / lacking)

    return show


def _start(dataset: Dataset, site: Path, part: int, parts: int, splits: Sequence[Split]) -> subprocess.Popen[bytes]:
    words = [dataset.folder.resolve(), site.resolve(), dataset.images, dataset.seed, part, parts, *splits]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    errors = (dataset.folder / f".child-{part}.txt").open("wb")
    with errors:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "pipeline.district.dataset_children", *map(str, words)],
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, **_THREADS, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )


def _wait(children: list[subprocess.Popen[bytes]], dataset: Dataset, *, until: float, show: Callable[[], None]) -> None:
    while time.monotonic() < until:
        states = [child.poll() for child in children]
        for part, status in enumerate(states):
            if status:
                raise DrawingFailedError(status, _said(dataset, part))
        show()
        if all(status == 0 for status in states):
            return
        time.sleep(_POLL_S)


def _said(dataset: Dataset, part: int) -> str:
    said = (dataset.folder / f".child-{part}.txt").read_text(encoding="utf-8", errors="replace")
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no message"


def draw_part(dataset: Dataset, site: Path, *, part: int, parts: int, splits: Sequence[Split] = tuple(Split)) -> None:
    """Draw every `parts`-th of the sheets that are missing, from `part` on."""
    cv2.setNumThreads(1)
    catalogue = read_site(site).catalogue
    for sheet in [each for each in dataset.sheets() if each.split in splits][part::parts]:
        if not dataset.whole(sheet):
            draw_sheet(sheet, dataset, catalogue)


if __name__ == "__main__":
    _folder, _site, _images, _seed, _part, _parts, *_splits = sys.argv[1:]
    draw_part(
        Dataset(folder=Path(_folder), images=int(_images), seed=int(_seed)),
        Path(_site),
        part=int(_part),
        parts=int(_parts),
        splits=[Split(name) for name in _splits],
    )
