"""Many runs at once: seeds spread over child processes, each scored where it ran. Results do not depend on it.

Children read the site's folder themselves; what comes back is rows, not districts.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from pipeline.district.district import CAMERAS, District
from pipeline.district.evaluation import run_detections
from pipeline.district.noise_file import PUBLISHED, read_noise
from pipeline.district.scored import ScoredRun, scored
from pipeline.site_files import read_site

_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LP_NUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run to make; `noise` is the file of the table."""

    site: Path
    seed: int
    minutes: float
    scenario: str
    noise: Path = PUBLISHED
    cameras: int = CAMERAS


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a child gives back: the rows, and the truth as JSON."""

    run: ScoredRun
    truth_json: str


def score_jobs(
    jobs: Sequence[Job], *, workers: int | None = None, progress: Callable[[int], None] = lambda _: None
) -> list[Done]:
    """Make runs in child processes and return them in the order of the jobs.

    Args:
        jobs: what to run.
        workers: how many children, by default one for each core, and never more than jobs.
        progress: told how many are done.

    Raises:
        PipelineError: as the run raised it.
    """
    count = min(len(jobs), workers or cores())
    if count <= 1:
        found = []
        for job in jobs:
            found.append(_score(job))
            progress(len(found))
        return found
    with one_thread_each(), ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(_score, job): row for row, job in enumerate(jobs)}
        done: dict[int, Done] = {}
        for future in as_completed(waiting):
            done[waiting[future]] = future.result()
            progress(len(done))
    return [done[row] for row in range(len(jobs))]


def cores() -> int:
    """Return on how many cores this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let children that start meanwhile use one thread each for arithmetic and drawing."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _score(job: Job) -> Done:
    import cv2

    cv2.setNumThreads(1)
    district = District.of(
        read_site(job.site), seed=job.seed, minutes=job.minutes, scenario=job.scenario, cameras=job.cameras
    )
    run = scored(run_detections(district, table=read_noise(job.noise)))
    return Done(run=run, truth_json=district.truth_json())
