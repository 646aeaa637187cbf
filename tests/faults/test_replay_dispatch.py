"""Recorded days are worked again by the command itself, and twice gives the same, byte for byte."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from databases import sqlite_url

from pipeline.district.past_year import store_past_year
from pipeline.site_changes import load_site
from pipeline.site_files import documents, read_site
from pipeline.sql_casebook import open_casebook

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "boundaries" / "yingpu"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with two weeks of simulated cases, to 15 March 2026."""
    folder = tmp_path_factory.mktemp("recorded")
    site = read_site(SAMPLE)
    casebook = open_casebook(sqlite_url(folder))
    load_site(documents(SAMPLE, []), site, casebook, now=datetime(2026, 3, 1, tzinfo=UTC))
    store_past_year(site, casebook, until=datetime(2026, 3, 16, tzinfo=site.settings.timezone), seed=5, weeks=2)
    casebook.close()
    return folder


def replayed(data: Path, *words: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "api.cli", "replay-dispatch", *words, "--data", str(data), "--json"]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=300)


DAYS = ("--from", "2026-03-03", "--to", "2026-03-10")


def test_recorded_days_under_three_policies_come_out_the_same_to_the_bit(recorded: Path):
    words = ("--policy", "site", "--policy", "nearest", "--policy", "default", *DAYS)
    stored = (recorded / "beatgrid.db").read_bytes()
    first = replayed(recorded, *words, seed="1")
    second = replayed(recorded, *words, seed="20261123")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout == second.stdout
    told: Mapping[str, Any] = json.loads(first.stdout)
    assert list(told["policies"]) == ["site", "nearest", "default"]
    counts = {each["calls"] for each in told["policies"].values()}
    assert len(counts) == 1, "each policy works the same cases"
    assert counts.pop() > 50
    assert len({each["outcome"] for each in told["policies"].values()}) == 3, (
        "the policies differ, and so do their days"
    )
    assert (recorded / "beatgrid.db").read_bytes() == stored, "nothing is written"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--policy", "lazy", *DAYS), "no policy 'lazy'"),
        (("--from", "2019-01-01", "--to", "2019-01-02"), "was ever filed"),
        (("--from", "2026-03-10", "--to", "2026-03-03"), "is not before"),
    ],
)
def test_what_cannot_be_replayed_is_told(recorded: Path, words: tuple[str, ...], told: str):
    done = replayed(recorded, *words)
    assert done.returncode in {1, 2}
    assert told in " ".join(done.stderr.split())
    assert done.stdout == ""
