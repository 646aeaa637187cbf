"""Runs with pixels: what one camera sees, drawn frame by frame, through a real detector and the camera's own pipeline.

Each camera is watched by a child process, which makes the district once. Beside the sightings it brings home what else
only pictures can tell: how the detector sees, whether heads and plates in stored views are readable, and how missed
events looked.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final, Self

import cv2
import numpy as np

from models.detections import Detections
from models.detector import Detector, Image
from pipeline.district.boxes import TrueBoxes
from pipeline.district.configuring import district_site
from pipeline.district.covers import covered
from pipeline.district.crew import cores, in_children
from pipeline.district.district import District
from pipeline.district.evaluation import FPS, DistrictRun, dispatched, pipeline_of, start_of
from pipeline.district.noise_fit import FramePair
from pipeline.district.readable import Readable, readable
from pipeline.district.stage import TrueEvent
from pipeline.district.workplace import World
from pipeline.frames import Frame
from pipeline.sightings import Sighting
from pipeline.site_files import read_site

AFTER_S: Final = 1.0
QUALITY: Final = 80
_PAIRS_OF, _PAIRS_EVERY = 4, 24  # so many frames in a row, of so many, are kept for the fit
_MARK: Final = (40, 200, 255)


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelJob:
    """One run with pixels.

    Attributes:
        weights: a folder for OpenVINO.
    """

    site: Path
    seed: int
    minutes: float
    scenario: str
    weights: Path
    cameras: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What one camera's child brings home; seconds are of wall time.

    Attributes:
        pairs: true boxes and detections of some frames, for `noise_fit`.
        shown: pictures of events when they had just qualified, by their ids.
    """

    camera: str
    sightings: tuple[Sighting, ...]
    pairs: tuple[FramePair, ...]
    shown: dict[str, bytes]
    views: Readable
    frames: int
    draw_s: float
    detect_s: float
    pipeline_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelRun:
    """A scored run's parts."""

    run: DistrictRun
    watched: tuple[Watched, ...]
    truth_json: str


def run_pixels(
    job: PixelJob, *, world: World, workers: int | None = None, progress: Callable[[float], None] = lambda _: None
) -> PixelRun:
    """Watch every camera that has an event or a distractor, then let desk and forces work; see `evaluation`.

    Raises:
        NoRenderingError: this machine cannot draw off screen.
        ModelsError: the weights cannot be used.
    """
    began = time.monotonic()
    district = _district(job)
    busy = {event.camera for event in district.events}
    codes = [code for code, view in district.views.items() if view.play in busy]
    ordered = in_children(
        partial(_watch, job),
        codes,
        workers=min(len(codes), workers or cores()),
        progress=lambda done: progress(done / len(codes)),
    )
    run = dispatched(
        district,
        district_site(district, fps=FPS),
        [sighting for each in ordered for sighting in each.sightings],
        frames=sum(each.frames for each in ordered),
        began=began,
        shown={ident: jpeg for each in ordered for ident, jpeg in each.shown.items()},
        world=world,
    )
    return PixelRun(run=run, watched=tuple(ordered), truth_json=district.truth_json())


def _district(job: PixelJob) -> District:
    return District.of(
        read_site(job.site), seed=job.seed, minutes=job.minutes, scenario=job.scenario, cameras=job.cameras
    )


class _Child:
    """What a child process keeps between cameras."""

    def __init__(self, job: PixelJob) -> None:
        from models.openvino import OpenVinoDetector

        self.district = _district(job)
        self.site = district_site(self.district, fps=FPS)
        self.detector = Noting(OpenVinoDetector(job.weights, threads=1))


_child = lru_cache(1)(_Child)


def _watch(job: PixelJob, code: str) -> Watched:
    child = _child(job)
    with CameraWatch(child.district, code, child.detector) as watch:
        pipeline = pipeline_of(child.site.cameras[code], child.site, child.detector)
        return watch.all_frames(pipeline.step)


class Noting:
    """A detector that remembers its last answer and how long it took.

    It answers while it is asked, so that what it takes is its own time and no other's.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.last: Detections | None = None
        self.seconds = 0.0

    @property
    def name(self) -> str:
        """Return the detector's."""
        return self._detector.name

    @property
    def version(self) -> str:
        """Return the detector's."""
        return self._detector.version

    @property
    def class_names(self) -> Mapping[int, str]:
        """Return the detector's."""
        return self._detector.class_names

    @property
    def classless(self) -> bool:
        """Return the detector's."""
        return self._detector.classless

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        """Return what the detector says."""
        began = time.perf_counter()
        self.last = self._detector.detect(image, stream=stream, at_s=at_s, confidence=confidence)
        self.seconds += time.perf_counter() - began
        return self.last

    def close(self) -> None:
        """Close the detector."""
        self._detector.close()


class CameraWatch:
    """Draws one camera's frames and notes what came of them."""

    def __init__(self, district: District, code: str, detector: Noting) -> None:
        from pipeline.district.renderer import Renderer

        self._district, self._code, self._detector = district, code, detector
        view = district.views[code]
        self._boxes = TrueBoxes(view.stage)
        self._renderer = Renderer(view.stage, view.conditions, seed=district.seed + list(district.views).index(code))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._renderer.close()

    def all_frames(self, step: Callable[[Frame], Any]) -> Watched:
        """Draw the whole run and return what was seen."""
        sightings: list[Sighting] = []
        pairs: list[FramePair] = []
        shown: dict[str, bytes] = {}
        draw_s = step_s = 0.0
        self._detector.seconds = 0.0
        start, frames = start_of(self._district), int(self._district.end_s * FPS)
        waiting = self._to_show()
        for index in range(frames):
            at_s = index / FPS
            began = time.perf_counter()
            image = self._image(at_s)
            drawn = time.perf_counter()
            frame = Frame(camera=self._code, captured_at=start + timedelta(seconds=at_s), image=image, index=index)
            sightings += step(frame).sightings
            draw_s, step_s = draw_s + drawn - began, step_s + time.perf_counter() - drawn
            if index % _PAIRS_EVERY < _PAIRS_OF:
                pairs.append(self._pair(at_s))
            while waiting and waiting[0].qualifies_s + AFTER_S <= at_s:
                event = waiting.pop(0)
                shown[event.id] = self._picture(image, event, at_s)
        return Watched(
            camera=self._code,
            sightings=tuple(sightings),
            pairs=tuple(pairs),
            shown=shown,
            views=self._readable(sightings),
            frames=frames,
            draw_s=draw_s,
            detect_s=self._detector.seconds,
            pipeline_s=step_s - self._detector.seconds,
        )

    def _image(self, at_s: float) -> Image:
        drawn = self._renderer.render(self._district.at(self._code, at_s), at_s=at_s, labels=False).image
        view = self._district.views[self._code]
        return covered(drawn, view.covers, at_s=at_s, light=view.conditions.light)

    def _to_show(self) -> list[TrueEvent]:
        seen = [event for event in self._district.true_events() if self._district.seen_by(event)[0] == self._code]
        return sorted(seen, key=lambda event: event.qualifies_s)

    def _pair(self, at_s: float) -> FramePair:
        found = self._detector.last
        if found is None:
            found = Detections.empty(self._detector.class_names)
        plain = Detections(
            boxes_px=found.boxes_px,
            confidence=found.confidence,
            class_ids=found.class_ids,
            class_names=dict(found.class_names),
        )
        return FramePair(
            camera=f"{self._district.seed}-{self._code}",  # another seed's things are others
            at_s=at_s,
            conditions=self._district.views[self._code].conditions,
            seen=self._boxes.see(self._district.at(self._code, at_s)),
            found=plain,
        )

    def _picture(self, image: Image, event: TrueEvent, at_s: float) -> bytes:
        """Return a frame as JPEG with the event's own things framed."""
        marked = image.copy()
        for thing in self._boxes.see(self._district.at(self._code, at_s)):
            if thing.actor in event.actors:
                left, top, right, bottom = (round(value) for value in thing.box_px)
                cv2.rectangle(marked, (left, top), (right, bottom), _MARK, 1)
        return bytes(cv2.imencode(".jpg", marked, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())

    def _readable(self, sightings: Sequence[Sighting]) -> Readable:
        """Hold every stored view against the same moment drawn again, of which nothing is blurred."""
        total = Readable()
        start = start_of(self._district)
        for sighting in sightings:
            for view in sighting.views:
                at_s = (view.captured_at - start).total_seconds()
                placed = self._district.at(self._code, at_s)
                stored = np.asarray(cv2.imdecode(np.frombuffer(view.jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
                view_of = f"seed {self._district.seed}, {self._code}, {sighting.scene}, {at_s:.1f} s"
                total += readable(self._image(at_s), stored, placed, self._boxes).of_view(view_of)
        return total
