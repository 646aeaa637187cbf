"""Scored runs that are kept: read as they were written, and nothing counted that was made with something else."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.commands.evaluate import OtherTierError
from api.kept_runs import KeptRun, KeptRunError, KeptRuns, MadeWith, made_with
from pipeline.district.district import District
from pipeline.district.evaluation import run_detections
from pipeline.district.noise_file import PUBLISHED, read_noise
from pipeline.district.pixel_figures import CameraCosts
from pipeline.district.readable import Readable, Sharp
from pipeline.district.scored import CaseRow, Miss, ScoredRun, Where, scored
from pipeline.district.week import Timeline
from pipeline.site_files import read_site

MADE = MadeWith(minutes=4.0, cameras=6, weights="district@1", site="aa", code="bb")
HERE = Where(scene="open-fire", light="day", weather="fog")
LIFE = Timeline(
    number="YP-1",
    urgent=True,
    recorded_at=datetime(2026, 3, 2, 8, tzinfo=UTC),
    offered_s=1.5,
    accepted_s=None,
    arrived_s=None,
    first_result_s=None,
    closed_s=None,
    offers=1,
)
RUN = ScoredRun(
    seed=10,
    scenario="all",
    frames=480,
    seconds=61.25,
    events=(),
    cases=(CaseRow(where=HERE, kind="matched", timeline=LIFE),),
    pairs=(),
    distractors=(HERE,),
    false_sightings=(),
    timelines=(LIFE,),
    misses=(
        Miss(
            what="missed",
            seed=10,
            scenario="all",
            camera="a",
            scene="open-fire",
            at_s=3.5,
            place="E1",
            light="day",
            weather="fog",
            jpeg=b"\xff\xd8\x00\x80",
        ),
    ),
)
SHARP = Sharp(what="heads", whose="person", box_px=(4, 5, 14, 16), view="seed 10, a, crowd, 3.0 s")
COSTS = CameraCosts(
    views=Readable(heads=7, sharp_heads=1, where=(SHARP,)), frames=480, draw_s=4.0, detect_s=9.5, pipeline_s=0.25
)
KEPT = KeptRun(run=RUN, costs=(COSTS,), truth_json='{"events": []}\n')


def test_a_kept_run_reads_as_it_was_written(tmp_path: Path):
    runs = KeptRuns(folder=tmp_path / "new" / "folder", made_with=MADE)
    assert runs.read(10, "all") is None
    runs.write(KEPT)
    assert runs.read(10, "all") == KEPT
    assert runs.read(11, "all") is None
    assert [each.name for each in runs.folder.iterdir()] == ["pixels-all-10.json"]  # nothing half-written beside it


def test_a_real_run_reads_as_it_was_written(sample_site: Path, tmp_path: Path):
    district = District.of(read_site(sample_site), seed=3, minutes=2.0, scenario="all", cameras=2)
    run = scored(run_detections(district, table=read_noise(PUBLISHED)))
    assert run.events
    runs = KeptRuns(folder=tmp_path, made_with=MADE)
    runs.write(KeptRun(run=run, costs=(), truth_json=district.truth_json()))
    kept = runs.read(3, "all")
    assert kept is not None
    assert kept.run == run


@pytest.mark.parametrize(
    ("field", "other"),
    [("minutes", 5.0), ("cameras", 7), ("weights", "district@2"), ("site", "cc"), ("code", "dd")],
)
def test_what_was_made_with_something_else_is_refused(tmp_path: Path, field: str, other: object):
    KeptRuns(folder=tmp_path, made_with=MADE).write(KEPT)
    with pytest.raises(KeptRunError, match=rf"pixels-all-10\.json, {field}: .*expected {other}.*--keep"):
        KeptRuns(folder=tmp_path, made_with=MadeWith(**{**vars(MADE), field: other})).read(10, "all")


def test_a_file_under_another_seeds_name_is_refused(tmp_path: Path):
    runs = KeptRuns(folder=tmp_path, made_with=MADE)
    runs.write(KEPT)
    (tmp_path / "pixels-all-10.json").rename(tmp_path / "pixels-all-12.json")
    with pytest.raises(KeptRunError, match="seed: 10; expected 12"):
        runs.read(12, "all")


def test_a_file_that_is_no_run_names_the_field(tmp_path: Path):
    runs = KeptRuns(folder=tmp_path, made_with=MADE)
    runs.write(KEPT)
    path = tmp_path / "pixels-all-10.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["kept"]["run"]["cases"][0]["where"]["light"] = 5
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(KeptRunError, match=r"run\.cases\.0\.where\.light"):
        runs.read(10, "all")
    path.write_bytes(b"\x00half")
    with pytest.raises(KeptRunError, match="the file"):
        runs.read(10, "all")


def test_another_site_or_program_is_another_making(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("site", "code/pipeline"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "site" / "site.toml").write_text("a = 1", encoding="utf-8")
    (tmp_path / "code" / "pipeline" / "rule.py").write_text("A = 1", encoding="utf-8")
    monkeypatch.setattr("api.kept_runs._ROOT", tmp_path / "code")

    def now() -> MadeWith:
        return made_with(tmp_path / "site", minutes=4.0, cameras=6, weights="district@1")

    before = now()
    assert now() == before
    (tmp_path / "site" / "site.toml").write_text("a = 2", encoding="utf-8")
    other_site = now()
    assert (other_site.site != before.site, other_site.code == before.code) == (True, True)
    (tmp_path / "code" / "pipeline" / "rule.py").write_text("A = 2", encoding="utf-8")
    assert now().code != before.code


@pytest.mark.parametrize("other", [["--detections"], ["--no-pixels"], ["--fit", "noise.json"]])
def test_only_drawn_runs_without_a_fit_are_kept(tmp_path: Path, other: list[str]):
    result = CliRunner().invoke(app, ["evaluate", "--keep", str(tmp_path), *other])
    assert isinstance(result.exception, OtherTierError)
    assert "--keep" in str(result.exception)


def test_seeds_that_are_kept_are_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A call that dies in its second seed leaves the first; the next call runs the second alone and counts both."""
    pytest.importorskip("openvino")
    ran: list[int] = []

    class Made:
        truth_json = "{}"
        watched = ()

        def __init__(self, seed: int) -> None:
            self.run = seed

    def run(job: object, **_: object) -> Made:
        ran.append(job.seed)  # type: ignore[attr-defined]
        if ran == [10, 11]:
            raise OSError("the machine went away")
        return Made(job.seed)  # type: ignore[attr-defined]

    monkeypatch.setattr("api.commands.evaluate.run_pixels", run)
    monkeypatch.setattr("api.commands.evaluate.scored", lambda seed: replace(RUN, seed=seed))
    monkeypatch.setattr("api.commands.evaluate.require_assets", lambda _: None)
    monkeypatch.setattr("pipeline.district.display.require_rendering", lambda: None)
    call = ["evaluate", "--seed", "10", "--seeds", "2", "--keep", str(tmp_path), "--json"]
    assert isinstance(CliRunner().invoke(app, call).exception, OSError)
    again = CliRunner().invoke(app, call, catch_exceptions=False)
    assert ran == [10, 11, 11]
    assert json.loads(again.stdout)["seeds"] == [10, 11]
