"""A camera that is watched for ever goes on after whatever one of its frames does to it; a recording ends with it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_site import small_site
from watched_place import ScriptedDetector, detections

from models.detections import Detections
from models.detector import Image
from models.errors import InferenceError
from pipeline.clocks import WallClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.run import RunServices, RunSettings, run_cameras
from pipeline.run_figures import MOST_ERRORS, CameraError, RunFigures, Tally
from pipeline.source_errors import StreamLostError
from pipeline.sql_casebook import open_casebook
from pipeline.streams import StreamSettings, read_stream

LATE_S = 60.0  # a busy machine's patience, never reached in a test that passes


def sent_pictures(width_px: int, height_px: int) -> type[BaseHTTPRequestHandler]:
    """Return a camera that sends moving pictures of a size as motion JPEG until its reader goes."""

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            number = 0
            with suppress(OSError):
                while True:
                    image = np.full((height_px, width_px, 3), 90, np.uint8)
                    image[:, (number * 7) % (width_px - 16) :][:, :16] = 200
                    data = cv2.imencode(".jpg", image)[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    self.wfile.write(head.encode() + data + b"\r\n")
                    number += 1
                    time.sleep(0.05)

        def log_message(self, *_: object) -> None:
            pass

    return Camera


@pytest.fixture
def served() -> Iterator[Callable[[int, int], str]]:
    servers: list[ThreadingHTTPServer] = []

    def serve(width_px: int, height_px: int) -> str:
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), sent_pictures(width_px, height_px)))
        servers[-1].daemon_threads = True
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}/video.mjpg"

    yield serve
    for each in servers:
        each.shutdown()
        each.server_close()


class Failing(ScriptedDetector):
    """Fails in its third and sixth frame, once in words of its own and once by a defect."""

    def __init__(self, enough: int, stop: threading.Event) -> None:
        super().__init__({})
        self.frames, self._enough, self._stop = 0, enough, stop

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        del image, stream, at_s, confidence
        self.frames += 1
        if self.frames >= self._enough:
            self._stop.set()
        if self.frames == 3:
            raise InferenceError("script", actual="numbers that are not finite", expected="finite boxes")
        if self.frames == 6:
            raise ZeroDivisionError
        return detections()


def watched(source: str, folder: Path, *, until_end: bool, enough: int = 12) -> tuple[RunFigures, Failing]:
    """Watch one camera until its detector has seen enough frames."""
    site, stop, clock = small_site(), threading.Event(), WallClock()
    site = replace(site, cameras={"cam-a": replace(site.cameras["cam-a"], fps=20.0)})
    casebook = open_casebook(f"sqlite:///{folder}/b.db")
    detector = Failing(enough, stop)
    late = threading.Timer(LATE_S, stop.set)
    late.daemon = True
    late.start()
    try:
        figures = run_cameras(
            RunServices(
                site=site,
                casebook=casebook,
                desk=Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(folder / "evidence")),
                clock=clock,
            ),
            {"cam-a": source},
            detector=lambda: detector,
            settings=RunSettings(until_end=until_end, motion=None),
            stop=stop,
        )
    finally:
        late.cancel()
        casebook.close()
    return figures, detector


def test_a_live_camera_outlives_errors_and_defects(served: Callable[[int, int], str], tmp_path: Path):
    figures, detector = watched(served(320, 240), tmp_path, until_end=False)
    assert detector.frames >= 12, "it went on"
    assert [("not finite" in each.error, "ZeroDivisionError" in each.error) for each in figures.errors] == [
        (True, False),
        (False, True),
    ]
    assert figures.frames_processed >= 8


def test_a_run_with_an_end_ends_with_the_error(served: Callable[[int, int], str], tmp_path: Path):
    figures, detector = watched(served(320, 240), tmp_path, until_end=True)
    assert detector.frames == 3
    assert "not finite" in figures.errors[0].error


def test_a_camera_that_sends_too_large_pictures_is_tried_again_and_given_up_only_by_a_run_with_an_end(
    served: Callable[[int, int], str], caplog: pytest.LogCaptureFixture
):
    patience = StreamSettings(open_timeout_s=5, stall_timeout_s=5, first_wait_s=0.01, longest_wait_s=0.02, most_tries=3)
    lost: list[int] = []
    source = read_stream(
        served(15360, 64),
        camera="cam",
        clock=WallClock(),
        settings=patience,
        on_lost=lambda: lost.append(1),
    )
    with pytest.raises(StreamLostError, match="15360 x 64 px"):
        next(source)
    assert len(lost) == 2
    assert "15360 x 64 px" in caplog.text


def test_errors_without_end_cost_no_memory():
    tally = Tally()
    for number in range(10_000):
        tally.fail(CameraError(camera="cam-a", error=str(number)))
    assert (len(tally.errors), tally.failures) == (MOST_ERRORS, 10_000)
