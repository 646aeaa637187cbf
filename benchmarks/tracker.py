"""How well things keep their identity: IDF1, HOTA and MOTA on PETS 2009 S2.L1, for our tracker and others at hand.

    python benchmarks/tracker.py [--json] [--detections yolo|published] [--weights FOLDER]

`yolo` finds the boxes in vtest.avi with an OpenVINO folder first (half a minute); `published` takes det_sort.txt.
The metric itself is checked on TUD-Campus and TUD-Stadtmitte, whose figures motmetrics publishes. norfair and
Roboflow's trackers are measured when they can be imported; they are no dependency.
"""

import argparse
import importlib
import importlib.util
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.boxes import iou
from models.detections import Detections
from models.openvino import OpenVinoDetector
from models.tracker import Tracker

ROOT = Path(__file__).resolve().parents[1]
FRAMES = 795
FRAMES_PER_S = 7.0  # as the sequence was filmed, whatever the file says
TUD_FRAMES_PER_S = 25.0
LEAST_CONFIDENCE = 0.1
PERSON = {0: "person"}
TUD_PUBLISHED = {"TUD-Campus": (0.558, 0.526), "TUD-Stadtmitte": (0.645, 0.564)}  # IDF1, MOTA
Frames = Mapping[int, Detections]
Truth = Mapping[int, tuple[np.ndarray, np.ndarray]]
NOBODY = (np.zeros(0, np.int64), np.zeros((0, 4)))


def main() -> int:
    """Print the table; 3 when the test material is absent."""
    arguments = _arguments()
    data = Path(os.environ.get("BEATGRID_SHARED", ROOT.parent / "shared")) / "data"
    if not (data / "tracking_gt").is_dir():
        print(f"no test material at {data}; set BEATGRID_SHARED to the folder that holds data/", file=sys.stderr)
        return 3
    report = measure(data, arguments)
    print(json.dumps(report, indent=2) if arguments.json else _table(report))
    return 0


def measure(data: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return every figure as one JSON object."""
    gt = data / "tracking_gt"
    truth = read_mot(gt / "pets2009" / "PETS09-S2L1_gt_derived_from_xml.txt")
    frames = published(gt / "tud" / "PETS09-S2L1" / "det_sort.txt")
    if arguments.detections == "yolo":
        weights = arguments.weights or data / "weights" / "yolov8n-coco-int8-640_openvino_model"
        frames = detect(data / "video" / "vtest.avi", weights)
    sequences = {
        f"PETS 2009 S2.L1, {arguments.detections} boxes": _all_scored(truth, frames, FRAMES_PER_S),
        **{f"{name}, published boxes": _tud(gt / "tud" / name) for name in TUD_PUBLISHED},
    }
    return {"metric_check": {name: _checked(gt / "tud" / name) for name in TUD_PUBLISHED}, "sequences": sequences}


def _tud(folder: Path) -> dict[str, Any]:
    return _all_scored(read_mot(folder / "gt.txt"), published(folder / "det_sort.txt"), TUD_FRAMES_PER_S)


def _all_scored(truth: Truth, frames: Frames, rate: float) -> dict[str, Any]:
    """Return the figures of every tracker on one sequence, of ours at half the rate too."""
    last = max(truth)
    numbers, sparse = range(1, last + 1), range(1, last + 1, 2)
    found = {
        "beatgrid": _scored(truth, frames, numbers, rate, _ours()),
        "beatgrid, every second frame": _scored(truth, frames, sparse, rate, _ours()),
    }
    for name, step in others().items():
        found[name] = _scored(truth, frames, numbers, rate, step)
    return found


def read_mot(path: Path) -> Truth:
    """Read a file in MOT form; return ids and boxes (left, top, right, bottom) of each frame."""
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    boxes = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
    return {int(n): (rows[rows[:, 0] == n, 1].astype(int), boxes[rows[:, 0] == n]) for n in np.unique(rows[:, 0])}


def published(path: Path) -> Frames:
    """Read detections in MOT form."""
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    return {int(n): _people(rows[rows[:, 0] == n]) for n in np.unique(rows[:, 0])}


def _people(rows: np.ndarray) -> Detections:
    boxes = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
    return Detections(
        boxes_px=boxes.astype(np.float32),
        confidence=rows[:, 6].clip(0, 1).astype(np.float32),
        class_ids=np.zeros(len(rows), np.int32),
        class_names=PERSON,
    )


def detect(video: Path, weights: Path) -> Frames:
    """Return the persons that the model finds in each frame, faint ones too."""
    detector, capture, found = OpenVinoDetector(weights), cv2.VideoCapture(str(video)), {}
    for number in range(1, FRAMES + 1):
        right, image = capture.read()
        if not right:
            break
        everything = detector.detect(np.asarray(image, np.uint8), confidence=LEAST_CONFIDENCE)
        found[number] = everything.select(np.array([name == "person" for name in everything.names()], bool))
    return found


Step = Callable[[Detections, float], tuple[np.ndarray, np.ndarray]]


def _ours() -> Step:
    tracker = Tracker()

    def step(detections: Detections, at_s: float) -> tuple[np.ndarray, np.ndarray]:
        tracked = tracker.update(detections, at_s=at_s)
        ids = tracked.track_ids if tracked.track_ids is not None else NOBODY[0]
        return ids, tracked.boxes_px.astype(np.float64)

    return step


def others() -> dict[str, Step]:
    """Return the other trackers that can be imported, at the settings of the decision record."""
    made: dict[str, Step] = {}
    if importlib.util.find_spec("norfair"):
        made["norfair, IoU 0.1, faint boxes left out"] = _norfair(importlib.import_module("norfair"))
    if importlib.util.find_spec("trackers"):
        library = importlib.import_module("trackers")
        for name in ("ByteTrackTracker", "OCSORTTracker", "SORTTracker", "BoTSORTTracker", "CBIoUTracker"):
            made[f"trackers.{name}"] = _roboflow(getattr(library, name)())
    return made


def _norfair(library: Any) -> Step:
    tracker = library.Tracker(
        distance_function="iou", distance_threshold=0.9, hit_counter_max=10, initialization_delay=2
    )

    def step(detections: Detections, _: float) -> tuple[np.ndarray, np.ndarray]:
        sure = detections.select(detections.confidence >= 0.4)
        boxes = [library.Detection(points=box.reshape(2, 2)) for box in sure.boxes_px.astype(float)]
        found = [thing for thing in tracker.update(boxes) if thing.live_points.any()]
        if not found:
            return NOBODY
        return np.array([thing.id for thing in found]), np.array([thing.estimate.reshape(4) for thing in found])

    return step


def _roboflow(tracker: Any) -> Step:
    supervision = importlib.import_module("supervision")

    def step(detections: Detections, _: float) -> tuple[np.ndarray, np.ndarray]:
        given = supervision.Detections(
            xyxy=detections.boxes_px.astype(float),
            confidence=detections.confidence.astype(float),
            class_id=detections.class_ids.astype(int),
        )
        found = tracker.update(given)
        if found.tracker_id is None:
            return NOBODY
        known = np.asarray(found.tracker_id) >= 0
        return np.asarray(found.tracker_id)[known].astype(int), found.xyxy[known]

    return step


def _scored(truth: Truth, frames: Frames, numbers: range, rate: float, step: Step) -> dict[str, float]:
    nobody = Detections.empty(PERSON)
    started = time.perf_counter()
    answers = {number: step(frames.get(number, nobody), number / rate) for number in numbers}
    spent = time.perf_counter() - started
    return score(truth, answers, numbers) | {"ms_per_frame": round(1e3 * spent / len(numbers), 2)}


def score(truth: Truth, answers: Truth, numbers: range) -> dict[str, float]:
    """Return HOTA, IDF1, MOTA and what they are made of, by trackeval, at IoU 0.5 where one is needed."""
    from trackeval.metrics import CLEAR, HOTA, Identity

    quiet = {"PRINT_CONFIG": False}
    data = _evaluation_data(truth, answers, numbers)
    hota, identity = HOTA().eval_sequence(data), Identity(quiet).eval_sequence(data)
    clear = CLEAR(quiet).eval_sequence(data)
    figures = {
        "IDF1": identity["IDF1"],
        "HOTA": hota["HOTA"].mean(),
        "AssA": hota["AssA"].mean(),
        "DetA": hota["DetA"].mean(),
        "MOTA": clear["MOTA"],
        "recall": clear["CLR_Re"],
        "precision": clear["CLR_Pr"],
        "switches": clear["IDSW"],
        "tracks": data["num_tracker_ids"],
    }
    return {name: round(float(value), 3) for name, value in figures.items()}


def _evaluation_data(truth: Truth, answers: Truth, numbers: range) -> dict[str, Any]:
    known, given = _numbered(truth, numbers), _numbered(answers, numbers)
    pairs = [(truth.get(n, NOBODY), answers.get(n, NOBODY)) for n in numbers]
    return {
        "gt_ids": [np.array([known[i] for i in there[0]], int) for there, _ in pairs],
        "tracker_ids": [np.array([given[i] for i in here[0]], int) for _, here in pairs],
        "similarity_scores": [iou(there[1], here[1]) for there, here in pairs],
        "num_gt_ids": len(known),
        "num_tracker_ids": len(given),
        "num_gt_dets": sum(len(there[0]) for there, _ in pairs),
        "num_tracker_dets": sum(len(here[0]) for _, here in pairs),
        "num_timesteps": len(numbers),
    }


def _numbered(frames: Truth, numbers: range) -> dict[int, int]:
    ids = sorted({int(i) for n in numbers for i in frames.get(n, NOBODY)[0]})
    return {identity: n for n, identity in enumerate(ids)}


def _checked(folder: Path) -> dict[str, Any]:
    truth, answers = read_mot(folder / "gt.txt"), read_mot(folder / "test.txt")
    found = score(truth, answers, range(1, max(truth) + 1))
    idf1, mota = TUD_PUBLISHED[folder.name]
    same = abs(found["IDF1"] - idf1) <= 0.001 and abs(found["MOTA"] - mota) <= 0.001
    return {"IDF1": found["IDF1"], "MOTA": found["MOTA"], "HOTA": found["HOTA"], "as_published": same}


def _table(report: Mapping[str, Any]) -> str:
    columns = ("IDF1", "HOTA", "AssA", "DetA", "MOTA", "recall", "precision", "switches", "tracks", "ms_per_frame")
    lines = [f"metric check {name}: {figures}" for name, figures in report["metric_check"].items()]
    for sequence, trackers in report["sequences"].items():
        lines += ["", f"{sequence:48}" + "".join(f"{name:>13}" for name in columns)]
        for name, figures in trackers.items():
            lines.append(f"{name:48}" + "".join(f"{figures[column]:>13}" for column in columns))
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--detections", choices=("yolo", "published"), default="yolo")
    parser.add_argument("--weights", type=Path, help="an OpenVINO folder instead of YOLOv8n INT8 640")
    return parser.parse_args()


if __name__ == "__main__":
    warnings.filterwarnings("ignore", module="trackers|supervision|norfair")
    raise SystemExit(main())
