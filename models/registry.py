"""Which weights are used, and the detector that runs them.

The order: --weights, $BEATGRID_WEIGHTS, the site's, and else `yolo26n.pt`, which Ultralytics downloads once into the
user's cache. Where none can be had the error says what to do in three lines; nothing is substituted in silence.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from models.background import BackgroundDetector
from models.detector import Detector
from models.errors import LibraryMissingError, NoWeightsError
from models.openvino import OpenVinoDetector
from models.weights import cache_folder, require_weights
from models.yolo import YoloDetector

VARIABLE = "BEATGRID_WEIGHTS"
BACKGROUND = "background"
DEFAULT_NAME = "yolo26n.pt"
MOST_WAIT_S = 60.0
LEAST_BYTES = 1_000_000
DISTRICT_WEIGHTS = Path(__file__).parent / "weights" / "district"
"""The detector that ships: it knows the simulated district only. Real cameras want real weights."""


class WeightsOrigin(StrEnum):
    """Who named the weights."""

    ARGUMENT = "--weights"
    ENVIRONMENT = "$BEATGRID_WEIGHTS"
    SITE = "the site"
    DOWNLOAD = "Ultralytics' download"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsChoice:
    """The weights to use and who named them.

    Attributes:
        name: A path, the word background, or the name of a download.
        origin: Who named it.
        cache: Where a download is kept.
    """

    name: str
    origin: WeightsOrigin
    cache: Path


def choose_weights(explicit: str | None, environ: Mapping[str, str], site_weights: Path | None) -> WeightsChoice:
    """Return the weights to use; nothing is opened or downloaded yet.

    Args:
        explicit: The value of --weights, if given.
        environ: The process's environment.
        site_weights: What the site names, if it does.
    """
    cache = cache_folder(environ)
    named = (
        (explicit, WeightsOrigin.ARGUMENT),
        (environ.get(VARIABLE), WeightsOrigin.ENVIRONMENT),
        (str(site_weights) if site_weights else None, WeightsOrigin.SITE),
    )
    for name, origin in named:
        if name:
            return WeightsChoice(name=name, origin=origin, cache=cache)
    return WeightsChoice(name=DEFAULT_NAME, origin=WeightsOrigin.DOWNLOAD, cache=cache)


def open_detector(choice: WeightsChoice, *, threads: int | None = None, wait_s: float = MOST_WAIT_S) -> Detector:
    """Return the detector of a choice, downloading its weights when they are Ultralytics' own.

    Args:
        choice: From `choose_weights`.
        threads: CPU threads for inference; None takes what the library takes.
        wait_s: The longest that a download may take in all, in seconds.

    Raises:
        NoWeightsError: When weights had to be downloaded and could not be; the message has three lines.
        WeightsMissingError: When the named weights do not exist.
        NotAModelError: When they hold no detection model.
        LibraryMissingError: When named weights need a library that is not there.
    """
    if choice.origin is WeightsOrigin.DOWNLOAD:
        return _open_downloaded(choice, threads=threads, wait_s=wait_s)
    if choice.name == BACKGROUND:
        return BackgroundDetector()
    path = require_weights(Path(choice.name).expanduser())
    return OpenVinoDetector(path, threads=threads) if path.is_dir() else YoloDetector(path, threads=threads)


def _open_downloaded(choice: WeightsChoice, *, threads: int | None, wait_s: float) -> Detector:
    kept = choice.cache / "weights" / choice.name
    if not kept.is_file():
        download(choice.name, kept, wait_s=wait_s)
    try:
        return YoloDetector(kept, threads=threads)
    except LibraryMissingError as error:
        raise NoWeightsError(reason=str(error)) from error


def download(name: str, target: Path, *, wait_s: float = MOST_WAIT_S) -> None:
    """Let Ultralytics download its weights `name` and put them at the target, whole or not at all.

    A child process does it, so that it can be ended when time is up.

    Raises:
        NoWeightsError: When there is no network, no Ultralytics, no time, or no room.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
            _fetch(name, Path(folder), wait_s=wait_s)
            _require_whole(Path(folder) / name)
            (Path(folder) / name).replace(target)
    except OSError as error:
        raise NoWeightsError(reason=f"{name} could not be kept at {target}: {error}") from error


def _require_whole(path: Path) -> None:
    size = path.stat().st_size if path.is_file() else 0
    if size < LEAST_BYTES:
        raise NoWeightsError(reason=f"the download of {path.name} brought {size} bytes, expected {LEAST_BYTES} or more")


def _fetch(name: str, folder: Path, *, wait_s: float) -> None:
    program = "import sys; from pathlib import Path; from models.yolo import download; "
    program += "download(sys.argv[1], Path(sys.argv[2]))"
    errors = folder / "errors.txt"
    with errors.open("wb") as sink:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module, a name from this module
            [sys.executable, "-c", program, name, str(folder)],
            cwd=Path(__file__).resolve().parents[1],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=sink,
            start_new_session=True,
        )
        status = _wait(child, wait_s=wait_s)
    if status is None:
        raise NoWeightsError(reason=f"the download of {name} took longer than {wait_s:.0f} s")
    if status:
        raise NoWeightsError(reason=f"{name} could not be downloaded: {_last_line(errors)}")


def _wait(child: subprocess.Popen[bytes], *, wait_s: float) -> int | None:
    """Return the child's exit status, or None after ending it and all it started when time is up."""
    until = time.monotonic() + wait_s
    try:
        return child.wait(timeout=max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _last_line(path: Path) -> str:
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return (lines[-1] if lines else "no reason given")[:300]
