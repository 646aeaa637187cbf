"""What the command line says and returns when something is wrong: one clear error, nothing half-written."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.commands.live import SourceFormError
from models.errors import WeightsMissingError
from pipeline.district.display import NoRenderingError, require_rendering
from pipeline.errors import UnknownError
from pipeline.site_files import REQUIRED
from pipeline.source_errors import SchemeError, SourceMissingError


def beatgrid(*arguments: object, within_s: float = 120.0, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith("BEATGRID_") and "proxy" not in name
    }
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=within_s,
        env={**clean, **environment},
    )


@pytest.fixture
def video(shared_data: Path) -> Path:
    return shared_data / "video" / "vtest.avi"


def source(path: Path) -> str:
    return f"pets-view1={path}?fps=7"


def test_a_sound_site_is_checked() -> None:
    done = beatgrid("check", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["faults"] == []


def test_a_site_with_faults_lists_them_and_returns_1(sample_site: Path, tmp_path: Path) -> None:
    for name in REQUIRED:
        shutil.copy(sample_site / name, tmp_path / name)
    (tmp_path / "forces.csv").write_text("number\n", encoding="utf-8")
    (tmp_path / "scenes.toml").write_text("[[scene]", encoding="utf-8")
    done = beatgrid("check", tmp_path, "--json")
    assert done.returncode == 1
    faults = json.loads(done.stdout)["faults"]
    assert any("forces.csv" in fault and "column missing" in fault for fault in faults)
    assert any("scenes.toml" in fault and "TOML" in fault for fault in faults)
    assert "Traceback" not in done.stderr


def test_a_site_with_faults_is_not_applied(sample_site: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    for name in REQUIRED:
        shutil.copy(sample_site / name, site / name)
    assert beatgrid("apply", site, "--data", tmp_path / "data").returncode == 0
    (site / "grids.geojson").write_text("{}", encoding="utf-8")
    assert beatgrid("apply", site, "--data", tmp_path / "data").returncode == 1
    exported = tmp_path / "out"
    assert beatgrid("export", site, exported, "--data", tmp_path / "data").returncode == 0
    assert (exported / "grids.geojson").read_bytes() == (sample_site / "grids.geojson").read_bytes()


def test_wrong_usage_returns_2(tmp_path: Path) -> None:
    assert beatgrid("run", "--no-such-option").returncode == 2
    assert beatgrid("locate", tmp_path / "x.csv", "-o", tmp_path / "y.csv").returncode == 2


def test_without_weights_three_lines_say_what_to_do_and_3_is_returned(video: Path, tmp_path: Path) -> None:
    done = beatgrid(
        "run", "--data", tmp_path, "--source", source(video), "--until-end", XDG_CACHE_HOME=str(tmp_path / "cache")
    )
    assert done.returncode == 3
    assert done.stdout == ""
    told = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(told) == 3, done.stderr
    assert all(word in done.stderr for word in ("--weights", "BEATGRID_WEIGHTS", "background"))


def test_weights_that_are_no_model_are_named(video: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.onnx"
    weights.write_bytes(b"not a model")
    done = beatgrid("run", "--data", tmp_path, "--source", source(video), "--weights", weights)
    assert done.returncode == 1
    assert str(weights) in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_camera_and_a_missing_file_are_named(video: Path, tmp_path: Path) -> None:
    done = beatgrid("run", "--data", tmp_path, "--source", f"nowhere={video}", "--weights", "background")
    assert done.returncode == 1
    assert "no camera 'nowhere'" in done.stderr
    assert "pets-view1" in done.stderr
    absent = tmp_path / "absent.avi"
    done = beatgrid("run", "--data", tmp_path, "--source", source(absent), "--weights", "background", "--until-end")
    assert done.returncode == 1
    assert str(absent) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_source_that_is_no_pair_is_named(tmp_path: Path) -> None:
    done = beatgrid("run", "--data", tmp_path, "--source", "street.avi", "--weights", "background")
    assert done.returncode == 1
    assert "'street.avi' is not CAMERA=URI" in done.stderr


def test_a_video_that_ends_half_way_keeps_what_was_found_and_says_so(video: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.avi"
    content = video.read_bytes()
    half.write_bytes(content[: len(content) // 8])
    done = beatgrid(
        "run", "--data", tmp_path, "--source", source(half), "--weights", "background", "--until-end", "--json"
    )
    figures = json.loads(done.stdout)
    assert done.returncode == 0
    assert 20 < figures["frames_processed"] < 795
    assert any(each["camera"] == "pets-view1" for each in figures["errors"])


def test_an_export_overwrites_nothing(tmp_path: Path, sample_site: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    assert beatgrid("apply", sample_site, "--data", tmp_path / "data").returncode == 0
    done = beatgrid("export", sample_site, tmp_path / "out", "--data", tmp_path / "data")
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_the_demo_prints_its_figures_and_writes_its_map(tmp_path: Path) -> None:
    try:
        require_rendering()
    except NoRenderingError as error:
        pytest.skip(str(error))
    done = beatgrid("demo", "--headless", "--json", "--seconds", "40", within_s=600.0, BEATGRID_DATA=str(tmp_path))
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["errors"] == []
    assert figures["frames_processed"] > 0
    assert figures["past_cases"] > 4_000
    # How many cases there are in that time is the machine's affair; what there is must be whole.
    assert figures["cases_created"] == len(figures["cases"])
    assert (figures["first_case_s"] is None) == (figures["cases_created"] == 0)
    assert all(case["grid"] and case["channel"] == "intelligent" for case in figures["cases"])
    assert figures["cases_by_channel"]["intelligent"] >= figures["cases_created"]
    assert set(figures["reports"]) == {"patrol", "public", "hotline"}
    assert all(figures["cases_by_channel"][channel] <= sent for channel, sent in figures["reports"].items())
    assert Path(figures["heatmap"]).stat().st_size > 100_000


def test_the_demo_empties_only_what_a_demo_wrote(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").write_text("mine", encoding="utf-8")
    done = beatgrid("demo", "--headless", "--data", tmp_path)
    assert done.returncode == 1
    assert "thesis.txt" in done.stderr
    assert (tmp_path / "demo" / "thesis.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        (["--source", "street.avi"], SourceFormError, "not CAMERA=URI"),
        (["--source", "no-such-camera=street.avi"], UnknownError, "no-such-camera"),
        (["--source", "pets-view1=ftp://somewhere/street.avi"], SchemeError, "ftp"),
        (["--source", "pets-view1=nowhere.avi?fps=7"], SourceMissingError, "nowhere.avi"),
        (["--weights", "nowhere.pt"], WeightsMissingError, "nowhere.pt"),
    ],
)
def test_what_the_demo_cannot_use_is_refused_before_the_last_demo_is_emptied(
    arguments: list[str], error: type[Exception], told: str, tmp_path: Path
) -> None:
    kept = tmp_path / "demo" / "heatmap.html"
    kept.parent.mkdir()
    kept.write_text("of the last demo", encoding="utf-8")
    with pytest.raises(error, match=told):
        CliRunner().invoke(app, ["demo", "--headless", "--data", str(tmp_path), *arguments], catch_exceptions=False)
    assert kept.read_text(encoding="utf-8") == "of the last demo"
    assert [path.name for path in kept.parent.iterdir()] == ["heatmap.html"]
