"""Figures of the district: the same for a seed, rows that add up, medians with an interval, tables with every row."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.district_report import write_report
from api.district_table import table_of
from pipeline.district.district import District, RunLengthError
from pipeline.district.evaluation import run_detections
from pipeline.district.figures import Tally, spread
from pipeline.district.many import Job, score_jobs
from pipeline.district.noise import PLAUSIBLE
from pipeline.district.noise_file import PUBLISHED, NoiseFileError, read_noise, record_of, write_noise
from pipeline.district.pixel_figures import CameraCosts, PixelFigures
from pipeline.district.readable import Readable, Sharp
from pipeline.district.scored import ScoredRun, scored
from pipeline.site_files import read_site

PROMISED = (
    "events", "recall", "precision", "duplicates_per_event", "ground_error_median_m", "ground_error_p90_m",
    "inside_95_ellipse", "wrong_grid", "urgent_in_15_min", "scenes",
)  # fmt: skip


@pytest.fixture(scope="module")
def jobs(sample_site: Path) -> list[Job]:
    return [Job(site=sample_site, seed=1, minutes=2.0, scenario=name, cameras=2) for name in ("water", "parking")]


@pytest.fixture(scope="module")
def district(sample_site: Path) -> District:
    return District.of(read_site(sample_site), seed=5, minutes=2.0, scenario="litter", cameras=2)


@pytest.fixture(scope="module")
def run(district: District) -> ScoredRun:
    return scored(run_detections(district))


def test_the_same_seed_gives_the_same_cases(district: District, run: ScoredRun):
    again = scored(run_detections(district))
    assert replace(again, seconds=run.seconds, timelines=(), cases=()) == replace(run, timelines=(), cases=())
    assert [(row.where, row.kind) for row in again.cases] == [(row.where, row.kind) for row in run.cases]
    assert len(run.cases) > 0


def test_child_processes_change_nothing(jobs: list[Job]):
    one, two = (score_jobs(jobs, workers=count) for count in (1, 2))
    assert [each.truth_json for each in one] == [each.truth_json for each in two]
    assert [each.run.events for each in one] == [each.run.events for each in two]
    assert [each.run.pairs for each in one] == [each.run.pairs for each in two]


def test_a_fault_in_a_child_is_told_as_it_was_raised(sample_site: Path):
    wrong = [Job(site=sample_site, seed=seed, minutes=0.01, scenario="water", cameras=1) for seed in (1, 2)]
    with pytest.raises(RunLengthError, match=r"--minutes is 0\.01; expected 2 to"):
        score_jobs(wrong, workers=2)


def test_figures_have_the_names_that_were_promised(run: ScoredRun):
    tally = Tally()
    tally.add(run)
    record = json.loads(json.dumps(tally.as_dict(), default=str))
    assert set(PROMISED) <= set(record)
    assert record["events"] == sum(scene["events"] for scene in record["scenes"].values()) > 0
    assert record["events"] == sum(each["events"] for each in record["light"].values())
    assert record["recall"]["of"] == record["events"]
    for scene in record["scenes"].values():
        assert set(PROMISED) - {"scenes"} <= set(scene)


def test_recall_counts_what_has_a_case(run: ScoredRun):
    tally = Tally()
    tally.add(run)
    blind = replace(run, events=tuple(replace(row, delay_s=None) for row in run.events), cases=(), pairs=())
    tally.add(blind)
    whole = tally.of()
    assert whole.recall.count == sum(row.delay_s is not None for row in run.events)
    assert whole.recall.of == 2 * len(run.events)


@given(st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=200))
@settings(max_examples=80, deadline=None)
def test_a_median_lies_in_its_interval(values: list[float]):
    told = spread(values)
    assert told.low is not None
    assert told.median is not None
    assert told.high is not None
    assert told.low - 1e-3 <= told.median <= told.high + 1e-3
    assert told.median == pytest.approx(float(np.median(values)), abs=1e-3)
    assert told.p90_low is not None
    assert told.p90 is not None
    assert told.p90_high is not None
    assert told.p90_low - 1e-3 <= told.p90 <= told.p90_high + 1e-3


def test_an_interval_holds_the_true_value_about_as_often_as_it_says():
    draw = np.random.default_rng(4)
    held, held_90 = 0, 0
    for _ in range(400):
        told = spread(draw.exponential(1.0, 60).tolist())
        held += bool(told.low is not None and told.high is not None and told.low <= math.log(2) <= told.high)
        low, high = told.p90_low, told.p90_high
        held_90 += bool(low is not None and high is not None and low <= math.log(10) <= high)
    assert held / 400 >= 0.92
    assert held_90 / 400 >= 0.92


def test_the_table_and_the_page_tell_of_every_scene_and_every_miss(run: ScoredRun, tmp_path: Path):
    tally = Tally()
    tally.add(run)
    text = table_of(tally, {}, command="beatgrid evaluate --detections")
    for scene in tally.by("scene"):
        assert f"| {scene} |" in text
    write_report(tmp_path / "out.html", tally, {}, command="beatgrid evaluate")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == len(tally.misses)


def test_the_page_of_a_run_with_pixels_tells_where_a_head_is_sharp(run: ScoredRun, tmp_path: Path):
    tally, more = Tally("pixels"), PixelFigures()
    tally.add(run)
    sharp = Sharp(what="heads", whose="person", box_px=(4, 5, 14, 16), view="seed 3, gate, crowd, 9.5 s")
    seen = Readable(heads=8, sharp_heads=1, where=(sharp,))
    more.add([CameraCosts(views=seen, frames=10, draw_s=1.0, detect_s=2.0, pipeline_s=0.5)])
    figures = {"weights": "district@1", **more.as_dict()}
    write_report(tmp_path / "out.html", tally, figures, command="beatgrid evaluate")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<li>heads of person, seed 3, gate, crowd, 9.5 s: box 4 5 14 16</li>" in page
    assert "0.125 (1 of 8" in page


def test_a_table_of_noise_goes_through_its_file(tmp_path: Path):
    write_noise(tmp_path / "noise.json", PLAUSIBLE, {"fitted_to": "nothing"})
    assert record_of(read_noise(tmp_path / "noise.json")) == record_of(PLAUSIBLE)
    assert set(read_noise(PUBLISHED).classes) == set(PLAUSIBLE.classes)


@pytest.mark.parametrize("text", ["", "[]", '{"table": {}}', '{"table": {"classes": 3}}'])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str):
    (tmp_path / "bad.json").write_text(text, encoding="utf-8")
    with pytest.raises(NoiseFileError, match=r"bad\.json"):
        read_noise(tmp_path / "bad.json")
