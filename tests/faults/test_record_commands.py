"""`verify`, `backup`, `restore`, `erase` and a case's life as commands, in processes of their own."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from api.wiring import premises, wire
from geo.coords import LonLat
from pipeline.cases import Channel
from pipeline.desk import Report
from pipeline.principal import PIPELINE

RUBBISH = "GB/T 47678.5-2026/matter/06010"


def beatgrid(*words: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "api.cli", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ}, check=False)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done


@pytest.fixture
def site_of_one(sample_site: Path, tmp_path: Path) -> tuple[Path, str, str]:
    """Return the data folder of the sample site with one reported case, its number and its report's code."""
    data = tmp_path / "data"
    services = wire(sample_site, premises(sample_site, data=data))
    report = Report(
        channel=Channel.PUBLIC, category=RUBBISH, lonlat=LonLat(121.1046, 31.1521), description="by Zhang's door",
        occurred_at=services.clock.now(), contact="138 0000",
    )  # fmt: skip
    taken = services.desk.report(report, principal=PIPELINE)
    services.casebook.close()
    return data, str(taken.number), str(taken.receipt)


@pytest.mark.slow
def test_a_case_lives_is_kept_proved_and_erased_by_commands(site_of_one: tuple[Path, str, str], tmp_path: Path):
    data, number, code = site_of_one
    filed = json.loads(beatgrid("act", number, "file", "--as", "Li", "--data", data, "--json").stdout)
    assert filed["status"] in {"dispatched", "filed"}
    standing = json.loads(beatgrid("standing", code, "--data", data, "--json").stdout)
    assert [step["action"] for step in standing["steps"]][:2] == ["open", "file"]
    refused = beatgrid("act", number, "close", "--data", data, status=1)
    assert "close is not possible now; possible: dispatch" in refused.stderr
    json.loads(beatgrid("clocks", "--data", data, "--json").stdout)
    proved = json.loads(beatgrid("verify", "--pictures", "--data", data, "--json").stdout)
    assert (proved["holds"], proved["anchors"]) == (True, 1)
    saved = json.loads(beatgrid("backup", tmp_path / "site.zip", "--data", data, "--json").stdout)
    assert saved["cases"] == 1
    proof = json.loads(
        beatgrid("erase", number, "--what", "words", "--what", "contact", "--ground", "request 1", "--data", data,
                 "--json").stdout
    )  # fmt: skip
    assert {key for _, key, _ in proof["proofs"][0]["erased"]} == {"description", "contact"}
    assert json.loads(beatgrid("verify", "--data", data, "--json", "--anchor", proved["newest_anchor"]).stdout)["holds"]
    restored = beatgrid("restore", tmp_path / "site.zip", "--data", tmp_path / "again", "--json")
    assert json.loads(restored.stdout)["newest_anchor"] == proved["newest_anchor"]
    with sqlite3.connect(data / "beatgrid.db") as connection:
        connection.execute("UPDATE events SET actor = 'Zhao' WHERE action = 'file'")
    broken = beatgrid("verify", "--data", data, "--json", status=1)
    assert json.loads(broken.stdout)["holds"] is False
    assert f"{number}: event" in broken.stderr
    assert "was changed after it was stored" in broken.stderr
