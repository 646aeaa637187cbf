"""A camera that is watched for ever goes on after whatever one of its frames does to it; a recording ends with it."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from databases import sqlite_url
from jpeg_cameras import serving
from small_site import small_site
from watched_place import ScriptedDetector, detections

from models.detections import Detections
from models.detector import Image
from models.errors import InferenceError
from pipeline.camera_run import CameraRun
from pipeline.casebook import CameraState
from pipeline.clocks import WallClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.run import RunServices, RunSettings, run_cameras, site_sources
from pipeline.run_figures import MOST_ERRORS, CameraError, RunFigures, Tally
from pipeline.sightings import View
from pipeline.source_errors import SourceSettingError, StreamLostError
from pipeline.sources import read_address
from pipeline.sql_casebook import open_casebook
from pipeline.streams import StreamSettings, read_stream

LATE_S = 60.0  # a busy machine's patience, never reached in a test that passes


@pytest.fixture
def served() -> Iterator[Callable[..., str]]:
    with serving() as serve:
        yield serve


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
    casebook = open_casebook(sqlite_url(folder))
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


def test_a_live_camera_outlives_errors_and_defects(served: Callable[..., str], tmp_path: Path):
    figures, detector = watched(served(320, 240), tmp_path, until_end=False)
    assert detector.frames >= 12, "it went on"
    assert [("not finite" in each.error, "ZeroDivisionError" in each.error) for each in figures.errors] == [
        (True, False),
        (False, True),
    ]
    assert figures.frames_processed >= 8


def test_a_run_with_an_end_ends_with_the_error(served: Callable[..., str], tmp_path: Path):
    figures, detector = watched(served(320, 240), tmp_path, until_end=True)
    assert detector.frames == 3
    assert "not finite" in figures.errors[0].error


def test_a_camera_that_sends_too_large_pictures_is_tried_again_and_given_up_only_by_a_run_with_an_end(
    served: Callable[..., str], caplog: pytest.LogCaptureFixture
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


def test_a_picture_waits_for_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    site, casebook, clock = small_site(), open_casebook(sqlite_url(tmp_path)), WallClock()
    store = EvidenceStore(tmp_path / "evidence")
    services = RunServices(
        site=site,
        casebook=casebook,
        desk=Desk(site=site, casebook=casebook, clock=clock, evidence=store),
        clock=clock,
    )
    watching = CameraRun(
        services,
        site.cameras["cam-a"],
        address=read_address("rtsp://127.0.0.1:9/a", camera="cam-a"),
        detector=ScriptedDetector({}),
        settings=RunSettings(),
        stop=threading.Event(),
    )
    tries = [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), None]

    def filling(handle: int, sync: Callable[[int], None] = os.fsync) -> None:
        error = tries.pop(0) if tries else None
        if error is not None:
            raise error
        sync(handle)

    monkeypatch.setattr(os, "fsync", filling)
    view = View(label="at", captured_at=clock.now(), jpeg=b"\xff\xd8\xff")
    stored = watching._stored(lambda: store.put(view, camera="cam-a", sighting="s1"))
    assert store.open(stored.path) == view.jpeg
    casebook.close()


def test_a_camera_that_cannot_be_watched_stops_no_other(served: Callable[..., str], tmp_path: Path):
    site, casebook, clock = small_site(), open_casebook(sqlite_url(tmp_path)), WallClock()
    one, stop = replace(site.cameras["cam-a"], fps=20.0, uri=served(320, 240)), threading.Event()
    odd: dict[str, dict[str, object]] = {"many": {"footage_fps": "many"}, "forgot": {}, "sub": {"stream": "sbu"}}
    others = {code: replace(one, code=code, properties=more) for code, more in odd.items()}
    site = replace(site, cameras={"cam-a": one, **others})
    state = CameraState(camera="forgot", newest_at=clock.now(), occupancies={"form": 0})
    casebook.write(lambda tx: tx.save_camera_state(state))
    services = RunServices(
        site=site,
        casebook=casebook,
        desk=Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(tmp_path / "evidence")),
        clock=clock,
    )
    detector = Failing(2, stop)
    sources = site_sources(site)
    assert set(sources) == {"cam-a", *odd}
    figures = run_cameras(services, sources, detector=lambda: detector, settings=RunSettings(motion=None), stop=stop)
    assert {each.camera for each in figures.errors} == set(odd)
    assert any("stream of camera sub's source is 'sbu'; expected main, or sub" in each.error for each in figures.errors)
    assert figures.frames_processed >= 1
    with pytest.raises(SourceSettingError, match="footage_fps of camera many's source is 'many'"):
        run_cameras(services, {"many": sources["many"]}, detector=lambda: detector)
    casebook.close()
