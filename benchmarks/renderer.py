"""How fast a simulated camera draws: frames per second with and without labels at two sizes, in one process.

`python benchmarks/renderer.py [--json]`; one street with 46 moving things and as many parked ones by day. The share
of two figures within one run is what can be compared between machines. Then one camera of the simulated district for
two minutes, as `evaluate --pixels` watches it: what drawing, the detector and the pipeline take of the time.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

# One process stands for one camera: threads of BLAS would only take its neighbours' cores.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402 - after the threads are set
import numpy as np  # noqa: E402 - after the threads are set

from geo.coords import LonLat  # noqa: E402 - after the threads are set
from pipeline.district.meshes import USUAL_SIZE_M  # noqa: E402 - after the threads are set
from pipeline.district.renderer import Renderer  # noqa: E402 - after the threads are set
from pipeline.district.stage import (  # noqa: E402 - after the threads are set
    Actor,
    Conditions,
    Kind,
    Light,
    Placed,
    Stage,
    Weather,
)
from pipeline.district.stages import StageKind, sample_stage  # noqa: E402 - after the threads are set

SIZES = ((640, 360), (960, 540))
_MOVING = ((Kind.CAR, 14), (Kind.VAN, 4), (Kind.E_BIKE, 6), (Kind.BICYCLE, 4), (Kind.PERSON, 18))
_STILL = (
    (Kind.CAR, 10), (Kind.E_BIKE, 8), (Kind.BICYCLE, 6), (Kind.STALL, 3), (Kind.RUBBISH_BAG, 4), (Kind.BIN, 4),
    (Kind.OVERFLOWING_BIN, 2), (Kind.PILED_GOODS, 4), (Kind.PERSON, 5),
)  # fmt: skip


def crowd(stage: Stage, at_s: float) -> list[Placed]:
    """Return who is where: traffic along the lanes, people on the pavements, the rest at rest."""
    draw = np.random.default_rng(5)
    lanes = [patch for patch in stage.patches if patch.name.startswith("lane")]
    walks = [patch for patch in stage.patches if patch.name.startswith("pavement")]
    placed: list[Placed] = []
    for moves, kinds in ((True, _MOVING), (False, _STILL)):
        for kind, count in kinds:
            for _ in range(count):
                patches = lanes if moves and kind is not Kind.PERSON else walks
                corners = np.array(patches[int(draw.integers(len(patches)))].corners_m)
                y = float(draw.uniform(corners[:, 1].min() + 0.8, corners[:, 1].max() - 0.8))
                speed = float(moves) * (1.3 if kind is Kind.PERSON else 8.0)
                x = float((draw.uniform(0, 80) + speed * at_s) % 80)
                colour = tuple(draw.integers(20, 235, 3).tolist())
                actor = Actor(
                    id=len(placed) + 1,
                    kind=kind,
                    size_m=USUAL_SIZE_M[kind],
                    colour=colour,
                    style=int(draw.integers(12)),
                )
                phase = (at_s + float(draw.random())) % 1.0 if moves else 0.0
                placed.append(Placed(actor=actor, x_m=x, y_m=y, phase=phase, ridden=moves))
    return placed


def measure(size_px: tuple[int, int], *, frames: int, seed: int) -> dict[str, float]:
    """Return seconds and frames per second at one size."""
    stage = sample_stage(
        StageKind.STREET, seed=seed, camera="bench", foot=LonLat(121.1, 31.15), heading_deg=0.0, size_px=size_px
    )
    start = time.perf_counter()
    renderer = Renderer(stage, Conditions(light=Light.DAY, weather=Weather.CLEAR, sun_azimuth_deg=-130.0), seed=seed)
    figures = {"width_px": size_px[0], "height_px": size_px[1], "bake_s": time.perf_counter() - start}
    renderer.render(crowd(stage, 0.0), at_s=0.0)
    for labels, name in ((True, "with_labels"), (False, "without_labels")):
        casts = [crowd(stage, index / 5) for index in range(frames)]
        wall, cpu, seen = [], time.process_time(), 0
        for index, placed in enumerate(casts):
            start = time.perf_counter()
            seen += len(renderer.render(placed, at_s=index / 5, labels=labels).things)
            wall.append(time.perf_counter() - start)
        figures[f"{name}_fps"] = 1 / float(np.median(wall))
        figures[f"{name}_best_fps"] = 1 / min(wall)
        figures[f"{name}_cpu_ms"] = (time.process_time() - cpu) / frames * 1000
        figures[f"{name}_things"] = seen / frames
    renderer.close()
    return figures


def shares() -> dict[str, float]:
    """Return what drawing, detector and pipeline take of the time of one camera, and milliseconds a frame."""
    from models.openvino import OpenVinoDetector
    from models.registry import DISTRICT_WEIGHTS
    from pipeline.district.configuring import district_site
    from pipeline.district.district import District
    from pipeline.district.evaluation import FPS, pipeline_of
    from pipeline.district.pixels import CameraWatch, Noting
    from pipeline.site_files import read_site

    district = District.of(read_site(ROOT / "boundaries" / "yingpu"), seed=0, minutes=2.0, cameras=1)
    site, detector = district_site(district, fps=FPS), Noting(OpenVinoDetector(DISTRICT_WEIGHTS, threads=1))
    code = district.cameras[0]
    with CameraWatch(district, code, detector) as watch:
        told = watch.all_frames(pipeline_of(site.cameras[code], site, detector).step)
    seconds = {"draw": told.draw_s, "detect": told.detect_s, "pipeline": told.pipeline_s}
    total = sum(seconds.values())
    return {
        **{f"{name}_share": value / total for name, value in seconds.items()},
        "milliseconds_a_frame": 1000.0 * total / told.frames,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--seed", type=int, default=3)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    rows = [measure(size, frames=given.frames, seed=given.seed) for size in SIZES]
    parts = shares()
    if given.json:
        print(json.dumps({"renderer": rows, "camera": parts}))
        return
    for row in rows:
        print(f"{row['width_px']} x {row['height_px']}: backdrop drawn and lit in {row['bake_s']:.1f} s")
        for name in ("with_labels", "without_labels"):
            print(
                f"  {name.replace('_', ' '):15} {row[f'{name}_fps']:5.1f} frames/s"
                f" (best {row[f'{name}_best_fps']:.1f}), "
                f"{row[f'{name}_cpu_ms']:.1f} ms of processor a frame, {row[f'{name}_things']:.0f} things seen"
            )
    print(
        f"a camera of the district: {parts['milliseconds_a_frame']:.1f} ms a frame; drawing {parts['draw_share']:.0%},"
        f" detector {parts['detect_share']:.0%}, pipeline {parts['pipeline_share']:.0%}"
    )


if __name__ == "__main__":
    main()
