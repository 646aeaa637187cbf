"""More frames than the machine can take: each camera loses its share, the newest are looked at, and all are counted."""

import threading
import time
from dataclasses import replace
from pathlib import Path

from databases import sqlite_url
from jpeg_cameras import serving
from small_site import small_site
from watched_place import ScriptedDetector, detections

from models.detections import Detections
from models.detector import Image
from models.requests import Turns
from pipeline.clocks import WallClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.run import RunServices, RunSettings, run_cameras
from pipeline.run_figures import RunFigures
from pipeline.sql_casebook import open_casebook

WORK_S = 0.05  # 20 frames a second; the cameras send five times that
LATE_S = 60.0  # a busy machine's patience, never reached in a test that passes


class Slow(ScriptedDetector):
    """Takes a while for each frame, one after the other, as a machine that is too small does."""

    def __init__(self, enough: int, stop: threading.Event) -> None:
        super().__init__({})
        self.frames, self._enough, self._stop, self._turns = 0, enough, stop, Turns()

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        del image, stream, at_s, confidence
        with self._turns:
            time.sleep(WORK_S)
            self.frames += 1
            if self.frames >= self._enough:
                self._stop.set()
        return detections()


def overloaded(folder: Path, *, fps: dict[str, float]) -> RunFigures:
    """Watch cameras of several rates on a machine that is too small for them."""
    site, stop, clock = small_site(), threading.Event(), WallClock()
    one = replace(site.cameras["cam-a"], fps=60.0, scenes=())
    site = replace(site, cameras={code: replace(one, code=code) for code in fps})
    casebook = open_casebook(sqlite_url(folder))
    late = threading.Timer(LATE_S, stop.set)
    late.daemon = True
    late.start()
    with serving() as serve:
        try:
            return run_cameras(
                RunServices(
                    site=site,
                    casebook=casebook,
                    desk=Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(folder / "evidence")),
                    clock=clock,
                ),
                {code: serve(fps=rate) for code, rate in fps.items()},
                detector=lambda: Slow(120, stop),
                settings=RunSettings(until_end=False, motion=None),
                stop=stop,
            )
        finally:
            late.cancel()
            casebook.close()


def test_each_camera_loses_its_share_and_an_eager_one_takes_no_other_s(tmp_path: Path):
    figures = overloaded(tmp_path, fps={"a": 20.0, "b": 20.0, "c": 20.0, "eager": 40.0})
    taken = {each.camera: each.processed for each in figures.frames_by_camera}
    lost = {each.camera: each.dropped for each in figures.frames_by_camera}
    assert min(taken.values()) > 0.6 * max(taken.values()), taken
    assert all(each > 0 for each in lost.values()), lost
