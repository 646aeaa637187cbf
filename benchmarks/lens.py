"""How far a camera's ground is off with and without a lens in its calibration, on the simulated district's stages.

    python benchmarks/lens.py [--seeds N] [--json]

No picture is drawn: each stage's ground corners are clicked as a person would (±1 px), a view is fitted to them, and
ground within 40 m that the camera sees is asked for at its true pixel. `straight` takes the picture to be straight,
`called for` lets the points decide about a division lens, `given` has the lens's true Brown coefficients. `inside` is
the share of places within the view's own 95 % ellipse of the calibration. In the rows with a wrong click one point of
each set is 30 to 120 px off.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, cast

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402 - after the threads are set

from geo.camera_errors import CalibrationError  # noqa: E402 - the same
from geo.camera_view import ELLIPSE_95, CameraView  # noqa: E402 - the same
from geo.coords import LonLat  # noqa: E402 - the same
from geo.homography import Floats  # noqa: E402 - the same
from geo.lens import BrownLens, Lens, LensChoice  # noqa: E402 - the same
from pipeline.district.calibrating import FewGroundPointsError, calibration_points  # noqa: E402 - the same
from pipeline.district.optics import Lens as TrueLens  # noqa: E402 - the same
from pipeline.district.placing import to_lonlat  # noqa: E402 - the same
from pipeline.district.stage import Stage  # noqa: E402 - the same
from pipeline.district.stages import StageKind, sample_stage  # noqa: E402 - the same

FOOT: Final = LonLat(121.1, 31.15)
COUNTS: Final = (4, 6, 8, 12, 20)
# k1 and k2; None is what the district draws for its own cameras. Real lenses of a k1 of -0.3 have a k2 as well: without
# it the picture folds before its corners. The last is an equidistant fisheye's.
LENSES: Final[tuple[tuple[float, float] | None, ...]] = (
    (0.0, 0.0), None, (-0.05, 0.0), (-0.15, 0.0), (-0.3, 0.0), (-0.15, 0.045), (-0.3, 0.12), (-1 / 3, 0.2),
)  # fmt: skip
MODES: Final = ("straight", "called for", "given")


@dataclass(slots=True)
class Cell:
    """What one way of calibrating brought at one lens and number of points."""

    errors_m: list[Floats] = field(default_factory=list)
    inside: list[Floats] = field(default_factory=list)
    fitted: int = 0
    refused: int = 0
    lenses: int = 0

    def figures(self) -> dict[str, float | int]:
        """Return medians over the places of all views."""
        if not self.errors_m:
            return {"fitted": 0, "refused": self.refused}
        errors, inside = np.concatenate(self.errors_m), np.concatenate(self.inside)
        return {
            "fitted": self.fitted,
            "refused": self.refused,
            "lenses": self.lenses,
            "median_m": round(float(np.median(errors)), 3),
            "p90_m": round(float(np.quantile(errors, 0.9)), 3),
            "inside": round(float(inside.mean()), 3),
        }


def main() -> None:
    """Print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=120, help="stages to each row, a quarter of each kind")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for lens in LENSES:
        for count in COUNTS:
            rows.append(row_of(lens, count, seeds=arguments.seeds, wrong=False))
            _say(rows[-1], quiet=arguments.json)
    for lens in ((0.0, 0.0), (-0.15, 0.0)):
        for count in COUNTS[2:]:
            rows.append(row_of(lens, count, seeds=arguments.seeds, wrong=True))
            _say(rows[-1], quiet=arguments.json)
    if arguments.json:
        print(json.dumps({"seeds": arguments.seeds, "rows": rows}))


def _say(row: Mapping[str, object], *, quiet: bool) -> None:
    if quiet:
        return
    told = [f"{row['lens']!s:>22} {row['points']!s:>3} points{' one wrong' if row['wrong_click'] else '':>10}"]
    for mode in MODES:
        cell = cast("dict[str, float]", row[mode])
        if not cell["fitted"]:
            told.append(f"{mode}: none fitted")
            continue
        lenses = f" lens {cell['lenses']}/{cell['fitted']}" if mode == "called for" else f" n {cell['fitted']}"
        told.append(f"{mode}: {cell['median_m']:.3f} p90 {cell['p90_m']:.3f} inside {cell['inside']:.3f}{lenses}")
    print(" | ".join(told), flush=True)


def row_of(lens: tuple[float, float] | None, count: int, *, seeds: int, wrong: bool) -> dict[str, object]:
    """Return the figures of every way of calibrating with so many points through one lens."""
    cells = {mode: Cell() for mode in MODES}
    for stage, seed in _stages(lens, seeds):
        try:
            table = np.array(calibration_points(stage, seed=seed, count=count))
        except FewGroundPointsError:
            continue
        if wrong:
            _spoil(table, seed)
        ground_m, pixels = _seen(stage)
        if len(ground_m):
            for mode, cell in cells.items():
                _try(cell, mode, stage, table, ground_m, pixels)
    named = "as the district's" if lens is None else f"k1 {lens[0]:.3g}, k2 {lens[1]:.3g}"
    figures = {mode: cell.figures() for mode, cell in cells.items()}
    return {"lens": named, "points": count, "wrong_click": wrong, **figures}


def _stages(lens: tuple[float, float] | None, seeds: int) -> Iterator[tuple[Stage, int]]:
    kinds = list(StageKind)
    for seed in range(seeds):
        stage = sample_stage(kinds[seed % len(kinds)], seed=seed, camera="c", foot=FOOT, heading_deg=40.0)
        if lens is not None:
            stage = replace(stage, pose=replace(stage.pose, k1=lens[0], k2=lens[1]))
        yield stage, seed


def _spoil(table: Floats, seed: int) -> None:
    draw = np.random.default_rng([seed, 7])
    row, angle = int(draw.integers(len(table))), draw.uniform(0, 2 * np.pi)
    table[row, :2] += draw.uniform(30, 120) * np.array([np.cos(angle), np.sin(angle)])


def _seen(stage: Stage) -> tuple[Floats, Floats]:
    """Return (n, 2) stage metres of ground within 40 m, and its true pixels."""
    x, y = np.meshgrid(np.arange(-20, 46, 3.0), np.arange(4, 39, 3.0))
    ground = np.column_stack([x.ravel(), y.ravel()])
    lens = TrueLens(stage.pose)
    pixels, ahead = lens.project(np.column_stack([ground, np.zeros(len(ground))]))
    seen = (ahead > 1) & ((pixels > 0) & (pixels < stage.pose.size_px)).all(axis=1) & (np.hypot(*ground.T) < 40)
    # Where the picture folds, a pixel shows two places: neither is asked for.
    seen &= np.linalg.norm(lens.to_ground(pixels) - ground, axis=1) < 1e-3
    return ground[seen], pixels[seen]


def _try(cell: Cell, mode: str, stage: Stage, table: Floats, ground_m: Floats, pixels: Floats) -> None:
    pose, chosen = stage.pose, cast("Lens | LensChoice", LensChoice.NONE)
    try:
        if mode == "called for":
            chosen = LensChoice.AUTO
        elif mode == "given":
            chosen = BrownLens.of(pose.size_px, focal_px=pose.focal_px, k1=pose.k1, k2=pose.k2)
        view = CameraView.fit(table[:, :2], table[:, 2:], image_size_px=pose.size_px, lens=chosen)
    except CalibrationError:
        cell.refused += 1
        return
    found = view.locate_many(pixels, pixel_sd_px=(1e-6, 1e-6))
    placed = found.on_ground
    offset = found.metres[placed] - view.plane.to_metres(to_lonlat(stage, ground_m[placed]))
    covariance = (found.calibration_cov_m2 + found.measurement_cov_m2)[placed]
    squared = np.einsum("ni,ni->n", offset, np.linalg.solve(covariance, offset[:, :, None])[:, :, 0])
    cell.fitted += 1
    cell.lenses += view.lens is not None
    cell.errors_m.append(np.linalg.norm(offset, axis=1))
    cell.inside.append(squared < ELLIPSE_95**2)


if __name__ == "__main__":
    main()
