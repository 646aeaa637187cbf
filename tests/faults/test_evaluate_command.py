"""`evaluate` and what it cannot do: each case says what is wrong and how to go on; days of dispatch always work."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.commands.evaluate import OtherTierError
from api.errors import AssetsMissingError
from pipeline.district.display import NoRenderingError, require_rendering


def evaluate(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", "evaluate", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **environment},
    )


@pytest.fixture
def blind_site(sample_site: Path, tmp_path: Path) -> Path:
    """Return the sample site without its cameras."""
    site = shutil.copytree(sample_site, tmp_path / "blind", ignore=shutil.ignore_patterns("data", "evidence"))
    cameras = json.loads((site / "cameras.geojson").read_text(encoding="utf-8"))
    (site / "cameras.geojson").write_text(json.dumps({**cameras, "features": []}), encoding="utf-8")
    return site


def test_an_unknown_scenario_is_answered_with_those_that_are_known():
    done = evaluate("--detections", "--scenario", "fair")
    assert done.returncode == 2
    assert "fair" in done.stderr
    assert "parking" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("minutes", ["-3", "0", "100000"])
def test_a_length_that_cannot_be_is_refused(minutes: str):
    done = evaluate("--detections", "--minutes", minutes)
    assert done.returncode == 1
    assert "--minutes" in done.stderr
    assert "expected" in done.stderr
    assert not done.stdout


def test_two_tiers_at_once_are_refused():
    done = evaluate("--detections", "--no-pixels")
    assert done.returncode == 1
    assert "one of them" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--no-pixels", "--seeds", "3", "--report", "r.html"], "--seeds, --report given with --no-pixels"),
        (["--detections", "--weights", "w"], "--weights given with --detections"),
        (["--noise", "n.json"], "--noise given with --pixels"),
        (["--keep", "kept", "--fit", "f.json"], "--fit given with --keep"),
        (["--no-pixels", "--keep", "kept", "--truth", "t"], "--keep, --truth given with --no-pixels"),
    ],
)
def test_what_a_tier_has_no_use_for_is_refused(arguments: list[str], told: str, tmp_path: Path):
    with chdir(tmp_path):
        result = CliRunner().invoke(app, ["evaluate", "--minutes", "2", *arguments])
    assert isinstance(result.exception, OtherTierError)
    assert told in str(result.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--report", "--fit", "--truth", "--keep"])
def test_a_path_that_cannot_be_written_is_told_before_the_run(option: str, tmp_path: Path):
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, ["evaluate", option, str(tmp_path / "file" / "inside")])
    assert result.exit_code == 2
    assert "file/inside" in result.output.replace("\n", "")
    assert "name a f" in result.output


def test_a_site_without_cameras_says_what_to_add(blind_site: Path):
    done = evaluate(blind_site, "--detections")
    assert done.returncode == 1
    assert "0 cameras" in done.stderr
    assert "cameras.geojson" in done.stderr


def test_dispatch_alone_needs_neither_cameras_nor_drawing(blind_site: Path):
    done = evaluate(blind_site, "--no-pixels", "--minutes", 120, "--json", __EGL_VENDOR_LIBRARY_DIRS=str(blind_site))
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["tier"] == "no-pixels"
    assert figures["urgent_in_15_min"]["of"] >= 0
    assert figures["recall"] is None


def test_a_machine_that_cannot_draw_says_what_to_install_and_what_works_without(tmp_path: Path):
    done = evaluate("--minutes", 2, __EGL_VENDOR_LIBRARY_DIRS=str(tmp_path), EGL_PLATFORM="none")
    assert done.returncode == 3
    assert "libegl1" in done.stderr
    assert "--no-pixels" in done.stderr
    assert not done.stdout


def test_weights_that_are_not_there_are_named(tmp_path: Path):
    done = evaluate("--minutes", 2, "--weights", tmp_path / "nowhere")
    assert done.returncode in {1, 3}
    assert "nowhere" in done.stderr or "libegl1" in done.stderr


def test_pages_files_that_are_missing_are_told_before_anything_is_drawn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    try:
        require_rendering()
    except NoRenderingError as error:
        pytest.skip(str(error))
    monkeypatch.setattr("api.commands.evaluate.VENDOR", tmp_path / "vendor")
    monkeypatch.setattr("api.commands.evaluate.run_pixels", lambda *_, **__: pytest.fail("something was drawn"))
    with pytest.raises(AssetsMissingError, match="make setup"):
        CliRunner().invoke(app, ["evaluate", "--seed", "1"], catch_exceptions=False)
