"""How many paced cameras one machine watches: lateness, what the motion gate costs in events, and latency to a case.

    python benchmarks/cameras.py [--json] [--streams 36] [--also N N] [--seconds 160] [--weights FOLDER] [--threads N]
                                 [--unpaced] [--no-loop]

Each stream is 768 x 576 at 5 frames a second, H.264, played as if it were live through `run_cameras` as `beatgrid run`
does it, storage and pictures included: the camera of the sample site that filmed PETS, under a name of its own. A
stream is a quiet square with a sensor's noise; in a quarter of its frames people of PETS walk through it. There are a
few such clips; streams begin in them at different moments.

An event is a visit: the restricted zone entered, or a crowd, as the same pipeline finds them in the same clips when it
asks the detector about every frame and takes its time. `event_recall` is the share of those that the paced and gated
run finds, with the same scene on the same stream, within 3 s; `event_precision` is the other way round; `gate_recall`
and `gate_precision` are of the gate alone, each clip once and unpaced, whatever else the machine does. A frame is late
when what it showed was not taken in within 1 s of its time, or never. Latency is from the time of the frame in which
the scene fired to the case's commit. `user_loop_streams` is how many such streams the loop one would write keeps up
with, measured in the same minutes as in `streams.py`. `streams_held` is the largest number tried, `--also` among them,
of whose frames at most a thousandth was late; `ratio_in_streams` is that over the loop's. `cpu_ms_per_stream_second` is
the processor time of the gated pass that took its time, decoding and inference included, which other work on the
machine lengthens less than it does waiting; `streams_by_cpu` is how many streams that leaves room for, were all cores
this program's alone and busy all the time. `--unpaced` prints these and the gate's figures and paces nothing.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import streams as single

from models.motion import MotionSettings
from models.openvino import OpenVinoDetector
from pipeline import camera_run
from pipeline.camera_pipeline import Begun, CameraPipeline, PipelineSettings, StepResult
from pipeline.camera_run import RunServices, RunSettings
from pipeline.casebook import CameraState
from pipeline.clocks import WallClock
from pipeline.desk import Desk, Taken
from pipeline.evidence import EvidenceStore
from pipeline.footage import read_footage
from pipeline.principal import Principal
from pipeline.run import run_cameras
from pipeline.sightings import Sighting
from pipeline.site import Site
from pipeline.site_files import read_site
from pipeline.sql_casebook import open_casebook

ROOT = Path(__file__).resolve().parents[1]
CAMERA, FPS, SIZE_PX = "pets-view1", 5.0, (768, 576)
CLIPS, CYCLE_S, MOVING = 6, 16.0, 0.25
LATE_S, NEAR_S, MOST_LATE = 1.0, 3.0, 0.001


def main() -> int:
    """Print the figures; 3 when the test material is absent."""
    arguments = _arguments()
    data = Path(os.environ.get("BEATGRID_SHARED", ROOT.parent / "shared")) / "data"
    if not (data / "video" / "vtest.avi").is_file():
        print(f"no test material at {data}; set BEATGRID_SHARED to the folder that holds data/", file=sys.stderr)
        return 3
    report = measure(data, arguments)
    print(json.dumps(report, indent=2) if arguments.json else "\n".join(f"{k:28} {v}" for k, v in report.items()))
    return 0


def measure(data: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    cv2.setNumThreads(1)
    weights = arguments.weights or data / "weights" / single.WEIGHTS
    site = with_cameras(read_site(ROOT / "boundaries" / "yingpu"), max(arguments.streams, *arguments.also, 0))
    with tempfile.TemporaryDirectory() as folder:
        frames = round(arguments.seconds * FPS)
        clips = [
            written(Path(folder) / f"{n}.mp4", data, number=n, frames=frames)
            for n in range(min(CLIPS, arguments.streams))
        ]
        detector = OpenVinoDetector(weights, threads=arguments.threads)
        truth = [unpaced(site, detector, clip, motion=None) for clip in clips]
        spent_s = time.process_time()
        gated = [unpaced(site, detector, clip, motion=MotionSettings()) for clip in clips]
        cost = 1000 * (time.process_time() - spent_s) / (arguments.seconds * len(clips))
        detector.close()
        unhurried = gate_figures(truth, gated) | {
            "cpu_ms_per_stream_second": round(cost, 1),
            "streams_by_cpu": int(1000 * len(os.sched_getaffinity(0)) // cost),
        }
        if arguments.unpaced:
            return {"seconds": arguments.seconds, "weights": weights.name, **unhurried}
        loop = {} if arguments.no_loop else user_streams(weights, clips[0], frames=min(frames, 120))
        tried = []
        for streams in (arguments.streams, *arguments.also):
            with tempfile.TemporaryDirectory() as kept:
                run = paced(site, clips, weights, folder=Path(kept), arguments=arguments, streams=streams)
            tried.append({"streams": streams, **run.figures(truth)})
    held = [each["streams"] for each in tried if each["late_share"] <= MOST_LATE]
    most = max(held, default=0)
    ratio = {"ratio_in_streams": round(most / max(loop["user_loop_streams"], 1), 2)} if loop else {}
    return (
        {"seconds": arguments.seconds, "weights": weights.name, **unhurried, **tried[0]}
        | loop
        | ratio
        | {"streams_held": most, "also": tried[1:]}
    )


def with_cameras(site: Site, number: int) -> Site:
    """Return the site with copies of its PETS camera."""
    one = site.camera(CAMERA)
    copies = {f"c{n:02d}": replace(one, code=f"c{n:02d}", fps=FPS) for n in range(number)}
    return replace(site, cameras={**site.cameras, **copies})


def written(path: Path, data: Path, *, number: int, frames: int) -> Path:
    """Write a clip: a quiet square, and people for a quarter of each cycle."""
    capture = cv2.VideoCapture(str(data / "video" / "vtest.avi"))
    film = [np.asarray(capture.read()[1], np.uint8) for _ in range(795)]
    quiet = np.median(np.stack(film[::16]), axis=0).astype(np.float32)
    draw = np.random.default_rng(number)
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("libx264", rate=int(FPS), options={"preset": "veryfast", "crf": "23"})
        video.width, video.height, video.pix_fmt = *SIZE_PX, "yuv420p"
        cycle, moving = round(CYCLE_S * FPS), round(CYCLE_S * FPS * MOVING)
        for index in range(frames):
            place = (index + number * cycle // CLIPS) % cycle
            if place == 0 or index == 0:
                begin = int(draw.integers(0, len(film) - 2 * moving))
            picture = film[begin + round(place * 1.4)] if place < moving else noisy(quiet, draw)  # 7 a second to 5
            for packet in video.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")):
                out.mux(packet)
        for packet in video.encode():
            out.mux(packet)
    return path


def noisy(quiet: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Return the quiet square as a sensor gives it."""
    noise = draw.normal(0.0, 2.0, quiet.shape[:2]).astype(np.float32)
    return np.clip(quiet + noise[..., None], 0, 255).astype(np.uint8)


Event = tuple[str, float]


def unpaced(site: Site, detector: OpenVinoDetector, clip: Path, *, motion: MotionSettings | None) -> list[Event]:
    """Return scene and second of each sighting when a clip takes its time; without a gate every frame is inferred."""
    start, camera = WallClock().now(), site.camera(CAMERA)
    pipeline = CameraPipeline(
        camera=replace(camera, fps=FPS),
        scenes=site.scenes,
        detector=detector,
        settings=PipelineSettings(blur=False, motion=motion),
    )
    found: list[Event] = []
    for frame in read_footage(clip, camera=camera.code, start=start, on_fault=print):
        result = pipeline.step(frame)
        found += [(each.scene, (each.captured_at - start).total_seconds()) for each in result.sightings]
    return found


def gate_figures(truth: Sequence[Sequence[Event]], gated: Sequence[Sequence[Event]]) -> dict[str, Any]:
    """Return what the gate alone costs: each clip once, no machine too small for it."""
    hits = sum(matched(wanted, found) for wanted, found in zip(truth, gated, strict=True))
    events, given = sum(map(len, truth)), sum(map(len, gated))
    return {
        "gate_events": events,
        "gate_recall": round(hits / max(events, 1), 4),
        "gate_precision": round(hits / max(given, 1), 4),
    }


class Paced:
    """What a paced run saw, and when."""

    def __init__(self, start: datetime, streams: int) -> None:
        self.start, self.streams = start, streams
        self.taken: list[tuple[Sighting, float]] = []
        self.lags: list[float] = []
        self.run: Any = None
        self.due = 0

    def figures(self, truth: Sequence[Sequence[Event]]) -> dict[str, Any]:
        """Return the run's figures against what the clips hold."""
        lags, each = np.array(self.lags), self.run.frames_by_camera
        late = int((lags > LATE_S).sum()) + self.due - len(lags)
        found: dict[str, list[Event]] = {}
        for sighting, _ in self.taken:
            second = (sighting.captured_at - self.start).total_seconds()
            found.setdefault(sighting.camera, []).append((sighting.scene, second))
        wanted = {f"c{n:02d}": list(truth[n % len(truth)]) for n in range(self.streams)}
        hits = sum(matched(wanted[code], found.get(code, [])) for code in wanted)
        events, given = sum(map(len, wanted.values())), sum(map(len, found.values()))
        latency = np.array([seconds for _, seconds in self.taken] or [np.nan])
        dropped = sorted(one.dropped for one in each)
        return {
            "frames_due": self.due,
            "late_share": round(late / max(self.due, 1), 5),
            "lag_p50_s": round(float(np.percentile(lags, 50)), 3),
            "lag_p99_s": round(float(np.percentile(lags, 99)), 3),
            "events": events,
            "event_recall": round(hits / max(events, 1), 4),
            "event_precision": round(hits / max(given, 1), 4),
            "frames_detected": self.run.frames_processed,
            "frames_still": self.run.frames_still,
            "frames_late_or_unfit": self.run.frames_late + self.run.frames_refused + self.run.frames_unfit,
            "dropped_by_camera": {"least": dropped[0], "median": dropped[len(dropped) // 2], "most": dropped[-1]},
            "latency_p50_s": round(float(np.percentile(latency, 50)), 3),
            "latency_p99_s": round(float(np.percentile(latency, 99)), 3),
            "errors": [error.error for error in self.run.errors],
        }


def matched(wanted: Sequence[Event], found: Sequence[Event]) -> int:
    """Return how many events have a sighting of their scene near in time, one to one."""
    left, hits = list(found), 0
    for scene, second in wanted:
        near = [each for each in left if each[0] == scene and abs(each[1] - second) <= NEAR_S]
        if near:
            left.remove(min(near, key=lambda each: abs(each[1] - second)))
            hits += 1
    return hits


def paced(
    site: Site, clips: Sequence[Path], weights: Path, *, folder: Path, arguments: argparse.Namespace, streams: int
) -> Paced:
    """Run all streams through the real run, with storage, and note when each frame and each sighting was done."""
    clock, detector = WallClock(), OpenVinoDetector(weights, threads=arguments.threads)
    start = clock.now() + timedelta(seconds=5.0 + 0.2 * streams)
    seen = Paced(start, streams)

    class NotingDesk(Desk):
        def take(self, sighting: Sighting, *, principal: Principal, state: CameraState | None = None) -> Taken:
            taken = super().take(sighting, principal=principal, state=state)
            seen.taken.append((sighting, (clock.now() - sighting.captured_at).total_seconds()))
            return taken

    class NotingPipeline(CameraPipeline):
        def finish(self, begun: Begun) -> StepResult:
            result = super().finish(begun)
            seen.lags.append((clock.now() - begun.frame.captured_at).total_seconds())
            return result

    casebook = open_casebook(f"sqlite:///{folder}/beatgrid.db")
    desk = NotingDesk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(folder / "evidence"))
    sources = {f"c{n:02d}": f"{clips[n % len(clips)]}?fps={FPS:g}&paced" for n in range(streams)}
    usual, camera_run.CameraPipeline = camera_run.CameraPipeline, NotingPipeline  # type: ignore[misc]  # it only notes
    try:
        seen.run = run_cameras(
            RunServices(site=site, casebook=casebook, desk=desk, clock=clock),
            sources,
            detector=lambda: detector,
            settings=RunSettings(start=start),
        )
    finally:
        camera_run.CameraPipeline = usual  # type: ignore[misc]
        casebook.close()
    seen.due = round(arguments.seconds * FPS) * streams
    return seen


def user_streams(weights: Path, clip: Path, *, frames: int) -> dict[str, Any]:
    """Return how many streams of 5 frames a second the loop one would write keeps up with."""
    cores = len(os.sched_getaffinity(0))
    size = OpenVinoDetector(weights).input_size[1]
    each = [
        single.user_loop(weights, clip, size=size, processes=n, frames=frames, threads=max(1, cores // n))
        for n in (1, 2)
    ]
    fps = max(figure[0] for figure in each)
    return {"user_loop_fps": round(fps, 2), "user_loop_streams": int(fps // FPS)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--weights", type=Path, help=f"an OpenVINO folder instead of {single.WEIGHTS}")
    parser.add_argument("--threads", type=int, help="CPU threads for inference")
    parser.add_argument("--streams", type=int, default=36)
    parser.add_argument("--also", type=int, nargs="*", default=[], help="other numbers of streams, one after another")
    parser.add_argument("--seconds", type=float, default=160.0, help="of each stream; the whole takes a few times that")
    parser.add_argument("--unpaced", action="store_true", help="only what does not depend on other work on the machine")
    parser.add_argument("--no-loop", action="store_true", help="leave the user's loop out")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
