"""How much of the bare model's throughput is left when real streams go through it, beside the loop one would write.

    python benchmarks/streams.py [--json] [--weights FOLDER] [--threads N] [--frames N] [--rounds N]

Every frame is inferred, at the scale of the model's own size. In short turns, so that a busy machine slows all of them:

- bare: the compiled model alone, asynchronous, on an input that lies ready (what OpenVINO's benchmark_app measures);
- fitted: the same, of the least input that the video's pictures need, as ours runs it (`models.narrowing`);
- ours: file streams decoded, detected and tracked as `beatgrid run` does, 1, 4 and 16 of them through one detector;
- user: `YOLO(weights).track(source, stream=True)` of Ultralytics on the same weights, one process, and two of them with
  half the cores each; the better counts.

`bare_fps` and `ours_fps` are of the bare model and of the worst number of streams; `efficiency` is their ratio, median
over the rounds; `fitted_efficiency` is ours over `fitted`: what decoding, tracking and turns cost. `*_cpu_ms` is
processor time a frame, which other work on the machine does not lengthen as it does wall time: `cpu_efficiency` is the
ratio by it.
"""

import argparse
import json
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, Self

import cv2
import numpy as np

from models.narrowing import narrow, narrower
from models.openvino import OpenVinoDetector
from models.privacy import LEAST_CONFIDENCE
from models.tracker import Tracker
from pipeline.camera_run import AHEAD, QUEUED
from pipeline.clocks import WallClock
from pipeline.frames import Frame
from pipeline.sources import open_source, read_address

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = "yolov8n-coco-int8-640_openvino_model"
STREAMS = (1, 4, 16)

USER_LOOP = """
import json, sys, time
from pathlib import Path
import torch, cv2
weights, video, frames, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads); cv2.setNumThreads(threads)
from models.yolo import import_ultralytics
YOLO = import_ultralytics(offline=True).YOLO
try:
    import torchvision
except (ImportError, RuntimeError):  # a build for CUDA beside torch for CPUs: only its nms is asked for
    import types, numpy as np
    from models.boxes import suppress
    def nms(boxes, scores, iou):
        kept = suppress(boxes.numpy(), scores.numpy(), class_ids=np.zeros(len(boxes)), most_iou=iou, most_boxes=300)
        return torch.from_numpy(kept)
    for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    sys.modules["torchvision"] = types.ModuleType("torchvision")
    sys.modules["torchvision"].ops = types.SimpleNamespace(nms=nms)
model = YOLO(weights, task="detect")
results = model.track(video, stream=True, verbose=False, conf=0.1, imgsz=int(sys.argv[5]), save=False)
for _ in range(5): next(results)
print("ready", flush=True); sys.stdin.readline()
spent, began = time.process_time(), time.perf_counter()
for number, _ in enumerate(results, 1):
    if number == frames: break
print(json.dumps({"frames": number, "seconds": time.perf_counter() - began, "cpu": time.process_time() - spent}))
"""


def main() -> int:
    """Print the figures; 3 when the test material is absent."""
    arguments = _arguments()
    data = Path(os.environ.get("BEATGRID_SHARED", ROOT.parent / "shared")) / "data"
    video = data / "video" / "vtest.avi"
    if not video.is_file():
        print(f"no test material at {data}; set BEATGRID_SHARED to the folder that holds data/", file=sys.stderr)
        return 3
    weights = arguments.weights or data / "weights" / WEIGHTS
    report = measure(weights, video, threads=arguments.threads, frames=arguments.frames, rounds=arguments.rounds)
    print(json.dumps(report, indent=2) if arguments.json else "\n".join(f"{k:28} {v}" for k, v in report.items()))
    return 0


def measure(weights: Path, video: Path, *, threads: int | None, frames: int, rounds: int) -> dict[str, Any]:
    """Return all figures."""
    cv2.setNumThreads(1)
    detector = OpenVinoDetector(weights, threads=threads)
    bare_model = Bare(weights, threads=threads)
    fitted_model = Bare(weights, threads=threads, size=narrower(_picture_size(video), detector.input_size))
    seen: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        seen.setdefault("bare", []).append(bare_model.run(frames))
        seen.setdefault("fitted", []).append(fitted_model.run(frames))
        for streams in STREAMS:
            seen.setdefault(f"ours_{streams}", []).append(ours(detector, video, streams=streams, frames=frames))
        cores = threads or len(os.sched_getaffinity(0))
        for processes in (1, 2):
            share = max(1, cores // processes)
            figure = user_loop(
                weights, video, size=detector.input_size[1], processes=processes, frames=frames, threads=share
            )
            seen.setdefault(f"user_{processes}", []).append(figure)
    return {"weights": detector.version, "precision": detector.precision, "threads": threads} | figures(seen)


def figures(seen: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    """Return medians of frames a second and processor milliseconds a frame, and the ratios of each round."""
    report: dict[str, Any] = {}
    for name, rounds in seen.items():
        report[f"{name}_fps"] = round(statistics.median(fps for fps, _ in rounds), 2)
        report[f"{name}_cpu_ms"] = round(statistics.median(cpu for _, cpu in rounds), 2)
    worst = min(STREAMS, key=lambda streams: report[f"ours_{streams}_fps"])
    user = [max(one[0], two[0]) for one, two in zip(seen["user_1"], seen["user_2"], strict=True)]
    mine, bare = seen[f"ours_{worst}"], seen["bare"]
    report |= {f"efficiency_{n}": _ratio([x[0] for x in seen[f"ours_{n}"]], [x[0] for x in bare]) for n in STREAMS}
    return report | {
        "ours_fps": report[f"ours_{worst}_fps"],
        "efficiency": _ratio([x[0] for x in mine], [x[0] for x in bare]),
        "cpu_efficiency": _ratio([x[1] for x in bare], [x[1] for x in mine]),
        "fitted_efficiency": _ratio([x[0] for x in mine], [x[0] for x in seen["fitted"]]),
        "user_loop_fps": round(statistics.median(user), 2),
        "ratio_to_user_loop": _ratio([x[0] for x in mine], user),
        "cpu_ratio_to_user_loop": round(
            min(report["user_1_cpu_ms"], report["user_2_cpu_ms"]) / report[f"ours_{worst}_cpu_ms"], 3
        ),
    }


def _ratio(above: list[float], below: list[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(above, below, strict=True)), 3)


def _picture_size(video: Path) -> tuple[int, int]:
    capture = cv2.VideoCapture(str(video))
    width, height = (int(capture.get(each)) for each in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    capture.release()
    return height, width


class Bare:
    """The compiled model, asynchronous, as its vendor's benchmark runs it: the folder's file, THROUGHPUT.

    Args:
        folder: the model's.
        threads: as the detector's.
        size: another, narrower input than the model's own.
    """

    def __init__(self, folder: Path, *, threads: int | None, size: tuple[int, int] | None = None) -> None:
        import openvino as ov

        model = ov.Core().read_model(next(folder.glob("*.xml")))
        own = (int(model.input(0).shape[2]), int(model.input(0).shape[3]))
        if size not in (None, own) and not narrow(model, size, full=own):
            model = ov.Core().read_model(next(folder.glob("*.xml")))
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT"}
        settings |= {} if threads is None else {"INFERENCE_NUM_THREADS": threads}
        self._compiled = ov.Core().compile_model(model, "CPU", settings)
        self._queue = ov.AsyncInferQueue(self._compiled)
        shape = tuple(self._compiled.input(0).shape)
        self._ready = [np.random.default_rng(n).random(shape, np.float32) for n in range(len(self._queue))]

    def run(self, frames: int) -> tuple[float, float]:
        """Return frames a second and processor milliseconds a frame."""
        with Timed(frames) as timed:
            for number in range(frames):
                self._queue.start_async([self._ready[number % len(self._ready)]], share_inputs=True)
            self._queue.wait_all()
        return timed.figure


class Timed:
    """Times a block: frames a second, and this process's processor milliseconds a frame."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self.figure = (0.0, 0.0)

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        self.figure = (self._frames / wall, 1000 * cpu / self._frames)


def ours(detector: OpenVinoDetector, video: Path, *, streams: int, frames: int) -> tuple[float, float]:
    """Send so many frames in all through reader and worker threads, as a run has them for each of its streams."""
    each = [frames // streams + (number < frames % streams) for number in range(streams)]
    threads = [threading.Thread(target=_stream, args=(detector, video, n), daemon=True) for n in each if n]
    with Timed(frames) as timed:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return timed.figure


def _stream(detector: OpenVinoDetector, video: Path, frames: int) -> None:
    waiting: queue.Queue[Frame | None] = queue.Queue(maxsize=QUEUED)
    threading.Thread(target=_read, args=(video, frames, waiting), daemon=True).start()
    tracker, begun = Tracker(), deque[tuple[Any, float]]()
    more = True
    while more or begun:
        while more and len(begun) < AHEAD:
            frame = waiting.get()
            more = frame is not None
            if frame is not None:
                begun.append((detector.begin(frame.image, confidence=LEAST_CONFIDENCE), frame.at_s))
        if begun:
            pending, at_s = begun.popleft()
            tracker.update(pending.result(), at_s=at_s)


def _read(video: Path, frames: int, waiting: "queue.Queue[Frame | None]") -> None:
    clock = WallClock()

    def source() -> Iterator[Frame]:
        return open_source(
            read_address(str(video), camera="c"), camera="c", start=clock.now(), clock=clock, on_fault=print
        )

    for frame in islice(source(), frames):
        waiting.put(frame)
    waiting.put(None)


def user_loop(
    weights: Path, video: Path, *, size: int, processes: int, frames: int, threads: int
) -> tuple[float, float]:
    """Return frames a second of all processes together, and processor milliseconds a frame."""
    each = max(1, frames // processes)
    command = [sys.executable, "-c", USER_LOOP, str(weights), str(video), str(each), str(threads), str(size)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    children = [
        subprocess.Popen(
            command,
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(processes)
    ]
    for child in children:
        _line(child, until="ready")
    for child in children:
        _pipe(child.stdin).write("go\n")
        _pipe(child.stdin).flush()
    told = [json.loads(_line(child, until="{")) for child in children]
    for child in children:
        child.communicate()
    fps = sum(one["frames"] / one["seconds"] for one in told)
    return fps, 1000 * sum(one["cpu"] for one in told) / sum(one["frames"] for one in told)


def _line(child: "subprocess.Popen[str]", *, until: str) -> str:
    for line in _pipe(child.stdout):
        if line.startswith(until):
            return line
    raise RuntimeError(f"the user's loop ended with status {child.wait()}")


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RuntimeError("the user's loop was started without pipes")
    return pipe


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--weights", type=Path, help=f"an OpenVINO folder instead of {WEIGHTS}")
    parser.add_argument("--threads", type=int, help="cores for each way; all by default")
    parser.add_argument("--frames", type=int, default=160, help="frames of each turn")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
