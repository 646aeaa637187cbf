"""Whether packing the moving regions of several cameras into one inference canvas would pay.

    python benchmarks/packing.py [--json] [--weights FOLDER] [--frames N] [--cameras N]

PETS at five moments apart stands for five cameras. Of each frame the regions that moved since 0.3 s ago are cut out,
widened and, where they overlap, joined; the regions of all cameras are packed, at the scale that the whole frame would
have, into as few square canvases of the model's input as a shelf packing needs. Printed: canvases for each frame (1.0
is what whole frames cost), the share of the whole frames' boxes, at confidence 0.4 and within the regions, that are
found in the canvases too (IoU 0.5, same class), and boxes that only canvases show.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.boxes import iou
from models.detections import Detections
from models.openvino import OpenVinoDetector

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = "yolov8n-coco-int8-640_openvino_model"
PAST, WIDENED_PX, COUNTED, LEAST_IOU = 2, 32, 0.4, 0.5
Region = tuple[int, int, int, int]


def main() -> int:
    """Print the figures; 3 when the test material is absent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--frames", type=int, default=12, help="moments, each of all cameras")
    parser.add_argument("--cameras", type=int, default=5)
    arguments = parser.parse_args()
    data = Path(os.environ.get("BEATGRID_SHARED", ROOT.parent / "shared")) / "data"
    if not (data / "video" / "vtest.avi").is_file():
        print(f"no test material at {data}; set BEATGRID_SHARED to the folder that holds data/", file=sys.stderr)
        return 3
    detector = OpenVinoDetector(arguments.weights or data / "weights" / WEIGHTS)
    report = measure(detector, film(data / "video" / "vtest.avi"), moments=arguments.frames, cameras=arguments.cameras)
    print(json.dumps(report, indent=2) if arguments.json else "\n".join(f"{k:24} {v}" for k, v in report.items()))
    return 0


def film(path: Path) -> list[np.ndarray]:
    """Return all frames of a video."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames


def measure(detector: OpenVinoDetector, frames: list[np.ndarray], *, moments: int, cameras: int) -> dict[str, Any]:
    """Return the figures over so many moments."""
    side = detector.input_size[0]
    scale = side / max(frames[0].shape[:2])
    canvases = wanted = kept = added = 0
    areas: list[float] = []
    for moment in range(moments):
        parts: list[tuple[int, Region]] = []
        views = []
        for camera in range(cameras):
            index = PAST + (moment * 11 + camera * (len(frames) // cameras)) % (len(frames) - PAST)
            view = cv2.resize(frames[index], None, fx=scale, fy=scale)
            before = cv2.resize(frames[index - PAST], None, fx=scale, fy=scale)
            views.append(view)
            parts += [(camera, region) for region in regions(view, before)]
        areas.append(sum((r - x) * (b - y) for _, (x, y, r, b) in parts) / (cameras * side * side))
        places = packed([(r - x, b - y) for _, (x, y, r, b) in parts], side)
        used = 1 + max((number for number, _, _ in places), default=-1)
        canvases += used
        sheets = [np.full((side, side, 3), 114, np.uint8) for _ in range(used)]
        for (camera, (x, y, r, b)), (number, left, top) in zip(parts, places, strict=True):
            sheets[number][top : top + b - y, left : left + r - x] = views[camera][y:b, x:r]
        found = [detector.detect(sheet, confidence=COUNTED) for sheet in sheets]
        for camera, view in enumerate(views):
            whole = detector.detect(view, confidence=COUNTED)
            mine = [(part, place) for part, place in zip(parts, places, strict=True) if part[0] == camera]
            back = brought_back(found, mine)
            inside = np.array([covered(box, [part[1] for part, _ in mine]) for box in whole.boxes_px], bool)
            asked = whole.select(inside)
            hits = partners(asked, back)
            wanted, kept, added = wanted + len(asked), kept + hits, added + len(back[0]) - hits
    detector.close()
    return {
        "cameras": cameras,
        "frames": moments * cameras,
        "area_share": round(float(np.mean(areas)), 3),
        "canvases_a_frame": round(canvases / (moments * cameras), 3),
        "boxes_in_regions": wanted,
        "found_in_canvases": round(kept / max(wanted, 1), 4),
        "only_in_canvases": round(added / max(wanted, 1), 4),
    }


def regions(view: np.ndarray, before: np.ndarray) -> list[Region]:
    """Return left, top, right and bottom of what moved, widened, those that overlap joined."""
    moved = (cv2.absdiff(view, before).max(axis=2) > 25).astype(np.uint8)
    moved = cv2.dilate(cv2.morphologyEx(moved, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)), np.ones((9, 9), np.uint8))
    height, width = view.shape[:2]
    _, _, stats, _ = cv2.connectedComponentsWithStats(moved)
    each: list[Region] = []
    for x, y, w, h, _ in stats[1:].tolist():
        m = WIDENED_PX
        each.append((max(0, x - m), max(0, y - m), min(width, x + w + m), min(height, y + h + m)))
    return joined(each)


def joined(each: list[Region]) -> list[Region]:
    """Join regions until none overlaps another."""
    left = list(each)
    done: list[Region] = []
    while left:
        one = left.pop()
        near = [o for o in left + done if one[0] < o[2] and o[0] < one[2] and one[1] < o[3] and o[1] < one[3]]
        if not near:
            done.append(one)
            continue
        left = [o for o in left if o not in near]
        done = [o for o in done if o not in near]
        corners = np.array([one, *near])
        left.append((*corners[:, :2].min(axis=0).tolist(), *corners[:, 2:].max(axis=0).tolist()))
    return done


def packed(sizes: list[tuple[int, int]], side: int) -> list[tuple[int, int, int]]:
    """Return canvas, left and top of each region: shelves, the highest regions first."""
    places: list[tuple[int, int, int]] = [(0, 0, 0)] * len(sizes)
    canvas = x = y = shelf = 0
    for index in sorted(range(len(sizes)), key=lambda i: -sizes[i][1]):
        width, height = sizes[index]
        if x + width > side:
            x, y, shelf = 0, y + shelf, 0
        if y + height > side:
            canvas, x, y, shelf = canvas + 1, 0, 0, 0
        places[index] = (canvas, x, y)
        x, shelf = x + width, max(shelf, height)
    return places


def brought_back(
    found: list[Detections], mine: list[tuple[Any, tuple[int, int, int]]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes and classes of one camera's regions, in its own pixels."""
    boxes: list[np.ndarray] = []
    classes: list[int] = []
    for (_, (x, y, r, b)), (number, left, top) in mine:
        for box, kind in zip(found[number].boxes_px, found[number].class_ids, strict=True):
            centre = (box[:2] + box[2:]) / 2
            if left <= centre[0] < left + r - x and top <= centre[1] < top + b - y:
                boxes.append(box + np.array([x - left, y - top] * 2, np.float32))
                classes.append(int(kind))
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, int)


def covered(box: np.ndarray, parts: list[Region]) -> bool:
    """Tell whether a box's centre lies in a region."""
    x, y = (box[:2] + box[2:]) / 2
    return any(left <= x < right and top <= y < bottom for left, top, right, bottom in parts)


def partners(asked: Detections, back: tuple[np.ndarray, np.ndarray]) -> int:
    """Return how many boxes have one of their class that overlaps them."""
    if not len(asked) or not len(back[0]):
        return 0
    shared = iou(asked.boxes_px, back[0]) * (asked.class_ids[:, None] == back[1][None])
    return int((shared.max(axis=1) >= LEAST_IOU).sum())


if __name__ == "__main__":
    raise SystemExit(main())
