"""`beatgrid calibrate SITE CAMERA` without points: the page is served on this machine, with a picture if it has one."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from api.cli import app
from pipeline.site_files import REQUIRED
from pipeline.source_errors import FrameUnreadableError

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def site(sample_site: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    for name in REQUIRED:
        shutil.copy(sample_site / name, folder / name)
    return folder


def test_the_page_is_served_with_the_picture(site: Path, tmp_path: Path):
    picture, port = tmp_path / "street.png", free_port()
    cv2.imwrite(str(picture), np.full((576, 768, 3), 80, np.uint8))
    command = [sys.executable, "-c", "from api.cli import main; main()", "calibrate", str(site), "pets-view1"]
    command += ["--picture", str(picture), "--port", str(port)]
    told = tmp_path / "told"
    with told.open("w") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=out, stdout=out
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5, follow_redirects=True) as client:
            address = ""
            for _ in range(300):
                found = re.search(r"(/login\?next=\S+)", told.read_text(encoding="utf-8"))
                address = found[1] if found else ""
                try:
                    if address and client.get("/healthz").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                assert process.poll() is None, told.read_text(encoding="utf-8")
                time.sleep(0.1)
            page = client.get(address)
            assert (page.status_code, page.url.path) == (200, "/cameras/pets-view1/calibration")
            still = client.get("/api/v1/cameras/pets-view1/calibration/picture")
        assert (still.content, still.headers["content-type"]) == (picture.read_bytes(), "image/png")
    finally:
        process.terminate()
        process.wait(20)


def test_a_picture_that_is_none_is_refused(site: Path, tmp_path: Path):

    wrong = tmp_path / "page.jpg"
    wrong.write_text("<html>", encoding="utf-8")
    result = CliRunner().invoke(app, ["calibrate", str(site), "pets-view1", "--picture", str(wrong)])
    assert isinstance(result.exception, FrameUnreadableError)
    assert "no JPEG or PNG header" in str(result.exception)
