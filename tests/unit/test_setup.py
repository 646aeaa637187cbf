"""What set-up says when something is missing, and that no lock file names a registry."""

import importlib.util
import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def prerequisite(what: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", str(ROOT / ".ci" / "prerequisites.sh"), what],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(path)},
    )


def test_without_npm_one_line_names_the_package(tmp_path: Path) -> None:
    told = prerequisite("npm", tmp_path)
    assert told.returncode == 3
    assert told.stderr.count("\n") == 1
    assert "apt-get install npm" in told.stderr


def test_without_python_one_line_names_the_version(tmp_path: Path) -> None:
    told = prerequisite("python", tmp_path)
    assert told.returncode == 3
    assert told.stderr.count("\n") == 1
    assert "Python 3.11" in told.stderr


def test_an_old_python_is_passed_over(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    assert prerequisite("python", tmp_path).returncode == 3


@pytest.mark.parametrize(
    ("error", "package"),
    [
        ("ImportError: libGL.so.1: cannot open shared object file", "libgl1"),
        ("ImportError: libgthread-2.0.so.0: cannot open shared object file", "libglib2.0-0"),
        ("libEGL.so.1 not found", "libegl1"),
        ("libxcb.so.1: cannot open", "libxcb1"),
        ("Segmentation fault", "fallback"),
    ],
)
def test_the_probe_names_the_debian_package(error: str, package: str) -> None:
    spec = importlib.util.spec_from_file_location("probe", ROOT / ".ci" / "probe.py")
    assert spec is not None
    assert spec.loader is not None
    probe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(probe)
    assert package in probe.remedy(error, "fallback")


def test_no_lock_file_names_a_registry() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        assert "--index" not in text
        assert "--hash=sha256:" in text
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert not any("resolved" in entry for entry in packages.values())
    assert all("integrity" in entry for entry in packages.values())


def test_every_pinned_package_is_hashed() -> None:
    for name in ("base.txt", "full.txt", "cuda.txt", "torch-cpu.txt"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        packages = re.split(r"\n(?=[a-z])", text.strip())
        assert all("--hash=" in package for package in packages)


def test_the_demo_stays_without_torch() -> None:
    base = (ROOT / "requirements" / "base.txt").read_text(encoding="utf-8")
    assert not re.search(r"^(torch|ultralytics|nvidia|triton)", base, re.MULTILINE)
