"""A studio: a child process that plays a district's cameras, live, as Motion JPEG over HTTP on this machine.

`python -m pipeline.district.studio SITE --seed N ...` says on its first line of output where it serves, in JSON, and
ends when its standard input closes, so that it never outlives who started it. Pictures are drawn only while somebody
watches; who is too slow misses some.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import cv2

from geo.errors import GeoError
from pipeline.district.district import FPS, District
from pipeline.district.renderer import Renderer
from pipeline.district.stage import TrueEvent
from pipeline.errors import PipelineError
from pipeline.site_files import read_site

BOUNDARY: Final = "beatgrid-frame"
MOST_WATCHERS: Final = 16
QUALITY: Final = 90
_IDLE_S: Final = 0.5
_WAIT_S: Final = 5.0
_BEFORE_S: Final = 6.0  # so long cameras look before something begins


class Stage:
    """One camera's newest picture, for any number of watchers."""

    def __init__(self) -> None:
        self.watchers = 0
        self._news = threading.Condition()
        self._picture: tuple[int, bytes] = (0, b"")

    def show(self, jpeg: bytes) -> None:
        """Put a new picture on."""
        with self._news:
            self._picture = (self._picture[0] + 1, jpeg)
            self._news.notify_all()

    def next_after(self, number: int) -> tuple[int, bytes] | None:
        """Wait for a picture newer than a number; None if none comes in five seconds."""
        with self._news:
            came = self._news.wait_for(lambda: self._picture[0] > number, timeout=_WAIT_S)
            return self._picture if came else None


class Studio:
    """Plays cameras of a district in real time, from a moment on, and over again when its time is up."""

    def __init__(self, district: District, *, from_s: float, fps: float = FPS) -> None:
        self.stages = {code: Stage() for code in district.views}
        self._district, self._from_s, self._fps = district, from_s, fps
        self._renderers = {
            code: Renderer(view.stage, view.conditions, seed=district.seed + row)
            for row, (code, view) in enumerate(district.views.items())
        }

    def play(self) -> None:
        """Draw for ever, a frame of each watched camera in turn, never faster than the frame rate.

        The play begins when somebody first watches.
        """
        while not any(stage.watchers for stage in self.stages.values()):
            time.sleep(_IDLE_S / 10)
        began = due = time.monotonic()
        while True:
            now = time.monotonic()
            if now < due:
                time.sleep(due - now)
            due = max(due + 1.0 / self._fps, time.monotonic() - 1.0 / self._fps)
            at_s = (self._from_s + due - began) % self._district.end_s
            watched = [code for code, stage in self.stages.items() if stage.watchers]
            for code in watched:
                drawn = self._renderers[code].render(self._district.at(code, at_s), at_s=at_s, labels=False)
                done, jpeg = cv2.imencode(".jpg", drawn.image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
                if done:
                    self.stages[code].show(jpeg.tobytes())
            if not watched:
                time.sleep(_IDLE_S)


def soonest_s(district: District) -> float:
    """Return the moment of a play from which something is soonest found: shortly before what needs the least time.

    What begins in the second half is left out, so that as much follows it.
    """

    def needs_s(event: TrueEvent) -> float:
        return event.qualifies_s - max(0.0, event.from_s - _BEFORE_S)

    early = [event for event in district.events if not event.distractor and event.from_s < district.end_s / 2]
    seen = (event for event in sorted(early, key=needs_s) if district.seen_by(event))
    first = next(seen, None)
    return 0.0 if first is None else max(0.0, first.from_s - _BEFORE_S)


def handler_of(stages: dict[str, Stage]) -> type[BaseHTTPRequestHandler]:
    """Return what answers `GET /CAMERA.mjpeg` with an endless stream of pictures."""

    class Handler(BaseHTTPRequestHandler):
        timeout = _WAIT_S

        def do_GET(self) -> None:
            stage = stages.get(self.path.strip("/").removesuffix(".mjpeg"))
            if stage is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            if sum(each.watchers for each in stages.values()) >= MOST_WATCHERS:
                self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            self.end_headers()
            stage.watchers += 1
            try:
                self._stream(stage)
            except OSError:
                pass  # whoever watched has gone
            finally:
                stage.watchers -= 1

        def _stream(self, stage: Stage) -> None:
            number = 0
            while (news := stage.next_after(number)) is not None:
                number, jpeg = news
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Keep quiet."""

    return Handler


def main(arguments: Sequence[str] | None = None) -> None:
    """Build, serve, play, until standard input closes."""
    parser = argparse.ArgumentParser(description="Play a simulated district's cameras over HTTP.")
    parser.add_argument("site", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--scenario", default="all")
    parser.add_argument("--cameras", type=int, default=3)
    parser.add_argument("--from-s", type=float, default=None, help="by default where something is soonest found")
    given = parser.parse_args(arguments)
    threading.Thread(target=_end_with_input, daemon=True).start()
    cv2.setNumThreads(1)
    try:
        district = District.of(
            read_site(given.site),
            seed=given.seed,
            minutes=given.minutes,
            scenario=given.scenario,
            cameras=given.cameras,
        )
    except (PipelineError, GeoError) as error:
        sys.exit(str(error))
    studio = Studio(district, from_s=soonest_s(district) if given.from_s is None else given.from_s)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(studio.stages))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(json.dumps({"port": server.server_address[1], "cameras": list(studio.stages)}) + "\n")
    sys.stdout.flush()
    studio.play()


def _end_with_input() -> None:
    while os.read(sys.stdin.fileno(), 1 << 12):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
