"""The gate: what `docs/district.md` says that path and detector do on the simulated district, they still do.

The page's table under "What CI holds" has a row for each run: its tier and settings, what was measured, and how far a
share may fall before this fails; duplicates per event may rise by 0.02.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from district_scenes import rendering_or_skip

from models.registry import DISTRICT_WEIGHTS
from pipeline.district.evaluation import run_detections
from pipeline.district.figures import SceneFigures, Tally
from pipeline.district.many import Job, score_jobs
from pipeline.district.pixels import PixelJob, run_pixels
from pipeline.district.scored import scored
from pipeline.district.workplace import at_the_desk

PAGE = Path(__file__).resolve().parents[2] / "docs" / "district.md"
LEAST_EVENTS = 500
MORE_DUPLICATES = 0.02


@dataclass(frozen=True)
class Held:
    """A row of the table."""

    tier: str
    seeds: range
    minutes: float
    cameras: int
    events: int
    recall: float
    precision: float
    duplicates: float
    tolerance: float


def held(tier: str) -> Held:
    text = PAGE.read_text(encoding="utf-8").partition("## What CI holds")[2]
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    (row,) = [cells for cells in rows if cells[0] == tier]
    first, last = (int(each) for each in re.findall(r"\d+", row[1])[:2])
    minutes, cameras, events, *shares = (float(cell) for cell in row[2:9])
    recall, precision, duplicates, tolerance = shares
    return Held(
        tier, range(first, last + 1), minutes, int(cameras), int(events), recall, precision, duplicates, tolerance
    )


def hold(figures: SceneFigures, row: Held) -> None:
    assert figures.events == row.events  # the truth is the seed's
    assert (figures.recall.value or 0.0) >= row.recall - row.tolerance
    assert (figures.precision.value or 0.0) >= row.precision - row.tolerance
    assert (figures.duplicates_per_event.value or 0.0) <= row.duplicates + MORE_DUPLICATES


@pytest.mark.slow
@pytest.mark.timeout(1800)  # 225 s on two quiet cores, more than twice that on slow ones
def test_boxes_become_cases_as_well_as_was_published(sample_site: Path):
    row = held("detections")
    jobs = [
        Job(site=sample_site, seed=seed, minutes=row.minutes, scenario="all", cameras=row.cameras) for seed in row.seeds
    ]
    tally = Tally()
    for done in score_jobs(jobs):
        tally.add(done.run)
    assert tally.of().events >= LEAST_EVENTS
    hold(tally.of(), row)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_pictures_become_cases_as_well_as_was_published(sample_site: Path):
    rendering_or_skip()
    row = held("pixels")
    tally = Tally("pixels")
    for seed in row.seeds:
        job = PixelJob(
            site=sample_site,
            seed=seed,
            minutes=row.minutes,
            scenario="all",
            weights=DISTRICT_WEIGHTS,
            cameras=row.cameras,
        )
        done = run_pixels(job, world=at_the_desk)
        tally.add(scored(done.run))
        for each in done.watched:  # what a fit of noise is made from
            assert any(len(pair.found) for pair in each.pairs)
            assert each.detect_s > 0.0
    hold(tally.of(), row)


def test_the_gate_would_notice(sample_site: Path):
    """A pipeline that is shown no box finds nothing: the figures that the gate holds fall to naught."""
    from dataclasses import replace

    from pipeline.district.district import District
    from pipeline.district.noise import PLAUSIBLE
    from pipeline.site_files import read_site

    blind = {kind: replace(noise, found=-30.0, false_per_1000=0.0) for kind, noise in PLAUSIBLE.classes.items()}
    district = District.of(read_site(sample_site), seed=2, minutes=2.0, scenario="litter", cameras=2)
    tally = Tally()
    tally.add(scored(run_detections(district, table=replace(PLAUSIBLE, classes=blind))))
    row = replace(held("detections"), events=tally.of().events)
    with pytest.raises(AssertionError):
        hold(tally.of(), row)
