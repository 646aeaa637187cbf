"""Many runs at once: seeds spread over child processes, each scored where it ran. Results do not depend on it.

Children read the site's folder themselves; what comes back is rows, not districts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.district.crew import cores, in_children
from pipeline.district.district import CAMERAS, District
from pipeline.district.evaluation import run_detections
from pipeline.district.noise_file import PUBLISHED, read_noise
from pipeline.district.scored import ScoredRun, scored
from pipeline.site_files import read_site


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
        ChildDiedError: one run cost three children their life, by a fault in a library or for want of memory.
    """
    count = min(len(jobs), workers or cores())
    if count > 1:
        return in_children(_score, jobs, workers=count, progress=progress)
    found = []
    for job in jobs:
        found.append(_score(job))
        progress(len(found))
    return found


def _score(job: Job) -> Done:
    district = District.of(
        read_site(job.site), seed=job.seed, minutes=job.minutes, scenario=job.scenario, cameras=job.cameras
    )
    run = scored(run_detections(district, table=read_noise(job.noise)))
    return Done(run=run, truth_json=district.truth_json())
