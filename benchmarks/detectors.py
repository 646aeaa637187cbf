"""What a detector costs: the bare compiled model, our detect around it, and Ultralytics on the same folder.

    python benchmarks/detectors.py [--json] [--weights FOLDER] [--threads N] [--frames N]

The three take turns on every frame, so that a busy machine slows all of them; judge by the ratios.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.errors import LibraryMissingError
from models.openvino import OpenVinoDetector
from models.yolo import YoloDetector

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = "yolov8n-coco-int8-640_openvino_model"


def main() -> int:
    """Print the figures; 3 when the test material is absent."""
    arguments = _arguments()
    data = Path(os.environ.get("BEATGRID_SHARED", ROOT.parent / "shared")) / "data"
    if not (data / "video" / "vtest.avi").is_file():
        print(f"no test material at {data}; set BEATGRID_SHARED to the folder that holds data/", file=sys.stderr)
        return 3
    folder = arguments.weights or data / "weights" / DEFAULT
    report = measure(folder, data / "video" / "vtest.avi", threads=arguments.threads, frames=arguments.frames)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        print("\n".join(f"{name:32} {value}" for name, value in report.items()))
    return 0


def measure(folder: Path, video: Path, *, threads: int | None, frames: int) -> dict[str, Any]:
    """Return medians in milliseconds and their ratios to the bare model."""
    ours = OpenVinoDetector(folder, threads=threads, narrows=False)  # the same input on all sides
    ways: dict[str, Callable[[np.ndarray], Any]] = {"bare": _bare(folder, threads), "beatgrid": ours.detect}
    try:
        ways["ultralytics"] = YoloDetector(folder).detect
    except LibraryMissingError as error:
        print(error, file=sys.stderr)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    capture = cv2.VideoCapture(str(video))
    for number in range(frames + 5):
        right, image = capture.read()
        if not right:
            break
        for name, way in ways.items():
            started = time.perf_counter()
            way(np.asarray(image, np.uint8))
            if number >= 5:
                spent[name].append(1e3 * (time.perf_counter() - started))
    medians = {name: statistics.median(times) for name, times in spent.items()}
    report: dict[str, Any] = {"weights": ours.version, "precision": ours.precision, "threads": threads}
    report |= {f"{name}_ms": round(value, 2) for name, value in medians.items()}
    return report | {f"{name}_to_bare": round(value / medians["bare"], 3) for name, value in medians.items()}


def _bare(folder: Path, threads: int | None) -> Callable[[np.ndarray], Any]:
    """Return the model as it lies in the folder, on an input that is ready made."""
    import openvino as ov

    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
    settings |= {} if threads is None else {"INFERENCE_NUM_THREADS": threads}
    compiled = ov.Core().compile_model(next(folder.glob("*.xml")), "CPU", settings)
    request = compiled.create_infer_request()
    ready = np.random.default_rng(0).random(tuple(compiled.input(0).shape), np.float32)
    return lambda _: request.infer([ready], share_inputs=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--weights", type=Path, help=f"an OpenVINO folder instead of {DEFAULT}")
    parser.add_argument("--threads", type=int, help="CPU threads for the bare model and ours")
    parser.add_argument("--frames", type=int, default=100)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
