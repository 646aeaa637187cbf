"""How well the path from frame to case does on PETS 2009 S2.L1, view 1, against what was published about it.

    python benchmarks/pets.py [--json] [--weights FOLDER] [--threads N]

Positions: detected persons against published positions; these are box bottoms sent through the published calibration,
so the figure says how well detector and fitted calibration do, not how well a footprint's centre is known. Events: the
crowd and restricted-zone rules, run on the published positions, give the true events; sightings are scored against all
of them, cases against those that no open case nearby takes in (later ones are added to it, as in truth so in the run).
Speed: frames per second of the whole run, storage and pictures included, beside the bare model on the same machine.
A second run over the same video must open nothing.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pets_attended import opening, replay
from pets_truth import Published, crowds, intrusions, merged, read_published
from scipy.optimize import linear_sum_assignment

from geo.camera_view import ELLIPSE_95
from models.boxes import iou
from models.detections import Detections
from models.detector import Image
from models.openvino import OpenVinoDetector
from pipeline.cameras import Camera
from pipeline.casebook import CameraState
from pipeline.clocks import WallClock
from pipeline.desk import Desk, Taken
from pipeline.evidence import EvidenceStore
from pipeline.observations import contact_sd_px, observe
from pipeline.principal import Principal
from pipeline.run import RunServices, RunSettings, run_cameras
from pipeline.run_figures import RunFigures
from pipeline.scoring import FoundCase, Score, Share, TrueEvent, score
from pipeline.sightings import Sighting
from pipeline.site import Site
from pipeline.site_files import read_site
from pipeline.sql_casebook import open_casebook

ROOT = Path(__file__).resolve().parents[1]
CAMERA = "pets-view1"
WEIGHTS = "yolov8n-coco-int8-640_openvino_model"
COUNTED = 0.3
LEAST_IOU = 0.4


class NotingDetector:
    """The detector, keeping what it found and how long it took, one frame at a time."""

    classless = False

    def __init__(self, folder: Path, *, threads: int | None) -> None:
        self._detector = OpenVinoDetector(folder, threads=threads)
        self.name, self.version = self._detector.name, self._detector.version
        self.class_names = self._detector.class_names
        self.found: list[Detections] = []
        self.seconds = 0.0

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        """Return what the detector finds."""
        started = time.perf_counter()
        found = self._detector.detect(image, stream=stream, at_s=at_s, confidence=confidence)
        self.seconds += time.perf_counter() - started
        self.found.append(found)
        return found

    def close(self) -> None:
        """Give back threads and memory."""
        self._detector.close()


class NotingDesk(Desk):
    """The desk, keeping what it took and what became of it."""

    taken: list[tuple[Sighting, Taken]]

    def take(self, sighting: Sighting, *, principal: Principal, state: CameraState | None = None) -> Taken:
        """Take a sighting in."""
        taken = super().take(sighting, principal=principal, state=state)
        self.taken.append((sighting, taken))
        return taken


def main() -> int:
    """Print the figures; 3 when the test material is absent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    data = Path(os.environ.get("BEATGRID_SHARED", ROOT.parent / "shared")) / "data"
    if not (data / "video" / "vtest.avi").is_file():
        print(f"no test material at {data}; set BEATGRID_SHARED to the folder that holds data/", file=sys.stderr)
        return 3
    report = measure(data, arguments.weights or data / "weights" / WEIGHTS, threads=arguments.threads)
    print(json.dumps(report, indent=2, ensure_ascii=False) if arguments.json else table(report))
    return 0


def measure(data: Path, weights: Path, *, threads: int | None = None) -> dict[str, Any]:
    """Run the sample site's PETS camera twice over the video; return every figure as one JSON object."""
    site = read_site(ROOT / "boundaries" / "yingpu")
    camera = site.camera(CAMERA)
    published = read_published(data, camera)
    video = data / "video" / "vtest.avi"
    with tempfile.TemporaryDirectory() as folder:
        casebook = open_casebook(f"sqlite:///{folder}/beatgrid.db")
        clock = WallClock()
        desk = NotingDesk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(Path(folder) / "evidence"))
        desk.taken = []
        services = RunServices(site=site, casebook=casebook, desk=desk, clock=clock)
        sources = {CAMERA: f"{video}?fps=7"}
        start = clock.now()
        bare = [bare_ms(weights, threads=threads)]
        detector = NotingDetector(weights, threads=threads)
        first = run_cameras(services, sources, detector=lambda: detector, settings=RunSettings(start=start))
        bare.append(bare_ms(weights, threads=threads))
        taken = list(desk.taken)
        again = NotingDetector(weights, threads=threads)
        second = run_cameras(services, sources, detector=lambda: again)
        casebook.close()
        scores = events(site, camera, published, taken, start=start, folder=Path(folder))
    return {
        "frames": first.frames_processed,
        "weights": weights.name,
        "positions": positions(detector.found, published, camera),
        **scores,
        "speed": speed(first, detector, bare),
        "cases_created": first.cases_created,
        "cases_dispatched": first.cases_dispatched,
        "errors": [error.error for error in (*first.errors, *second.errors)],
        "second_run": {"sightings": second.sightings, "cases_created": second.cases_created},
    }


def speed(run: RunFigures, detector: NotingDetector, bare: Sequence[float]) -> dict[str, float]:
    """Return frames per second of the run and of the bare model, measured before and after it."""
    bare_fps = 1000.0 / float(np.mean(bare))
    return {
        "frames_per_second": run.frames_per_second,
        "bare_model_frames_per_second": round(bare_fps, 2),
        "ratio": round(run.frames_per_second / bare_fps, 3),
        "share_of_time_in_detector": round(detector.seconds / run.seconds, 3),
    }


def bare_ms(weights: Path, *, threads: int | None, frames: int = 60) -> float:
    """Return the median milliseconds that the compiled model takes for one frame that lies ready."""
    import openvino as ov

    settings: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT"}
    settings |= {} if threads is None else {"INFERENCE_NUM_THREADS": threads}
    compiled = ov.Core().compile_model(next(weights.glob("*.xml")), "CPU", settings)
    request = compiled.create_infer_request()
    ready = np.random.default_rng(0).random(tuple(compiled.input(0).shape), np.float32)
    spent = []
    for _ in range(frames):
        started = time.perf_counter()
        request.infer([ready], share_inputs=True)
        spent.append(time.perf_counter() - started)
    return 1000.0 * float(np.median(spent))


def positions(found: Sequence[Detections], published: Published, camera: Camera) -> dict[str, Any]:
    """Return recall, precision and ground errors of detected persons, second boxes of one left out, over all frames."""
    pairs: list[tuple[np.ndarray, np.ndarray, bool]] = []
    detected = 0
    for frame, detections in enumerate(found):
        people = detections.select(
            np.array([name == "person" for name in detections.names()], bool) & (detections.confidence >= COUNTED)
        )
        centres = {
            each.box_px: (each.east_m, each.north_m)
            for each in observe(people, camera, image_size_px=(camera.width_px, camera.height_px))
        }
        people = people.select(np.array([_box(people, row) in centres for row in range(len(people))], bool))
        detected += len(people)
        pairs += _pairs(people, published, camera, frame=frame, centres=centres)
    bottom = np.array([pair[0] for pair in pairs])
    centre = np.array([pair[1] for pair in pairs])
    return {
        "persons_published": len(published.frames),
        "persons_detected": detected,
        "matched": len(pairs),
        "recall": round(len(pairs) / len(published.frames), 4),
        "precision": round(len(pairs) / detected, 4),
        "error_of_box_bottom_m": _spread(bottom),
        "error_with_half_depth_m": _spread(centre),
        "box_bottom_inside_95_ellipse": round(float(np.mean([pair[2] for pair in pairs])), 4),
    }


def _box(people: Detections, row: int) -> tuple[float, ...]:
    return tuple(people.boxes_px[row].astype(np.float64).tolist())


def _pairs(
    people: Detections,
    published: Published,
    camera: Camera,
    *,
    frame: int,
    centres: Mapping[tuple[float, ...], tuple[float, float]],
) -> list[tuple[np.ndarray, np.ndarray, bool]]:
    """Return, for each matched person of a frame, both errors in metres and whether the ellipse holds the truth."""
    rows = published.of(frame)
    if not len(rows) or not len(people):
        return []
    shared = iou(people.boxes_px.astype(np.float64), published.boxes_px[rows])
    truth_m = camera.view.plane.to_metres(published.lonlat[rows])
    spread = contact_sd_px(people.boxes_px.astype(np.float64), camera.height_px)
    bottom = camera.view.locate_many(people.contact_points_px().astype(np.float64), pixel_sd_px=spread)
    ellipses = bottom.calibration_cov_m2 + bottom.measurement_cov_m2
    pairs = []
    for index, column in zip(*linear_sum_assignment(-shared), strict=True):
        if shared[index, column] < LEAST_IOU:
            continue
        off = bottom.metres[index] - truth_m[column]
        inside = float(off @ np.linalg.solve(ellipses[index], off)) <= ELLIPSE_95**2
        centre = np.array(centres[_box(people, int(index))]) - truth_m[column]
        pairs.append((np.linalg.norm(off), np.linalg.norm(centre), inside))
    return pairs


def _spread(errors_m: np.ndarray) -> dict[str, float]:
    median, p90, p99 = np.percentile(errors_m, [50, 90, 99])
    return {"median": round(float(median), 3), "p90": round(float(p90), 3), "p99": round(float(p99), 3)}


def events(
    site: Site,
    camera: Camera,
    published: Published,
    taken: Sequence[tuple[Sighting, Taken]],
    *,
    start: datetime,
    folder: Path,
) -> dict[str, Any]:
    """Return the scores of both scenes: of sightings against all events, of cases against those that open one.

    Cases twice: with an attendant who closes each when its event is over, and left open for the whole clip.
    """
    report: dict[str, Any] = {}
    for code, truth_of in (("crowd", crowds), ("restricted-zone", intrusions)):
        scene = site.scenes[code]
        truth = truth_of(published, camera, scene, start)
        seen = [(sighting, each) for sighting, each in taken if sighting.scene == code]
        opened = [pair for pair in seen if pair[1].outcome == "open"]
        (folder / code).mkdir()
        within_m = site.catalogue.get(scene.category).merge_within_m
        report[code] = {
            "true_events_s": [round((event.at - start).total_seconds(), 2) for event in truth],
            "sightings_s": [round((sighting.captured_at - start).total_seconds(), 2) for sighting, _ in seen],
            "sightings": scored(truth, [sighting for sighting, _ in seen], site),
            "merged_within_m": within_m,
            "cases_attended": scored(
                opening(truth, scene, within_m), replay(site, [each for each, _ in seen], truth, folder / code), site
            ),
            "cases_left_open": scored(merged(truth, within_m), [sighting for sighting, _ in opened], site),
        }
    return report


def scored(truth: Sequence[TrueEvent], sightings: Sequence[Sighting], site: Site) -> dict[str, Any]:
    """Return a score as JSON-able values, and whether each match lies in the grid of the true position."""
    cases = [FoundCase(scene=s.scene, at=s.captured_at, lonlat=s.lonlat, cov_m2=s.cov_m2) for s in sightings]
    found: Score = score(truth, cases)
    grids = [site.place(truth[row].lonlat).grid == site.place(cases[column].lonlat).grid for row, column in found.pairs]
    return {
        "recall": _share(found.recall),
        "precision": _share(found.precision),
        "duplicates": len(found.duplicates),
        "delay_mean_s": _rounded(found.delay_mean_s),
        "delay_p90_s": _rounded(found.delay_p90_s),
        "distance_median_m": _rounded(found.distance_median_m),
        "in_the_right_grid": f"{sum(grids)} of {len(grids)}",
    }


def _share(share: Share) -> dict[str, Any]:
    return {"value": _rounded(share.value), "n": share.of, "low": round(share.low, 3), "high": round(share.high, 3)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def table(report: dict[str, Any], indent: str = "") -> str:
    """Return the figures as lines."""
    lines = []
    for name, value in report.items():
        if isinstance(value, dict) and set(value) != {"value", "n", "low", "high"}:
            lines += [f"{indent}{name}", table(value, indent + "  ")]
        elif isinstance(value, dict):
            lines.append(f"{indent}{name:28} {value['value']} (n {value['n']}, 95 % {value['low']} to {value['high']})")
        else:
            lines.append(f"{indent}{name:28} {value}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
