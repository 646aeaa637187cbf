"""Starts a studio in a process of its own, finds out where it serves, and makes sure that it ends."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Final

from pipeline.district.errors import DistrictError

READY_WITHIN_S: Final = 180.0
_END_WITHIN_S: Final = 5.0
_MOST_WORDS: Final = 800


class StudioError(DistrictError):
    """The studio's process ended, or said nothing, before it served."""

    def __init__(self, status: int | None, words: str) -> None:
        ended = f"said nothing for {READY_WITHIN_S:.0f} s" if status is None else f"ended with status {status}"
        super().__init__(
            f"the process that plays the simulated cameras {ended}: {words[-_MOST_WORDS:] or 'no message'}"
        )


class StudioProcess:
    """A studio that was started and may not serve yet."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self._process, self._errors = process, errors
        self._line = b""
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def sources(self) -> Mapping[str, str]:
        """Return the address of each camera; waits until the studio serves.

        Raises:
            StudioError: it does not come to that.
        """
        self._reader.join(READY_WITHIN_S)
        if not self._line:
            raise StudioError(self._status(), self._errors.read_text(encoding="utf-8", errors="replace").strip())
        told = json.loads(self._line)
        return {code: f"http://127.0.0.1:{told['port']}/{code}.mjpeg" for code in told["cameras"]}

    def _status(self) -> int | None:
        try:
            return self._process.wait(1.0 if not self._reader.is_alive() else 0.0)
        except subprocess.TimeoutExpired:
            return None

    def _read(self) -> None:
        if self._process.stdout is not None:
            self._line = self._process.stdout.readline(1 << 16)


@contextmanager
def open_studio(
    site: Path, *, seed: int, minutes: float, scenario: str, cameras: int, from_s: float | None = None
) -> Iterator[StudioProcess]:
    """Start a studio for a site's folder; it ends with the context, or with this process.

    Args:
        site: the folder.
        seed, minutes, scenario, cameras: of the district.
        from_s: the moment of the play to begin with; None for where something is soonest found.
    """
    given = {"seed": seed, "minutes": minutes, "scenario": scenario, "cameras": cameras, "from-s": from_s}
    options = [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]
    with tempfile.NamedTemporaryFile(prefix="beatgrid-studio-", suffix=".log") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-m", "pipeline.district.studio", str(site), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for the parent, which then ends it
        )
        try:
            yield StudioProcess(process, Path(errors.name))
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(_END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
