"""Compare the locator with a geopandas spatial join on random points over real beats: same answers, points a second.

    python benchmarks/locate.py [--boundaries FILE --code-field F] [--points N] [--repeats N] [--json]

The join is given its points as ready geometries; the locator gets the bare numbers. `cold` builds the locator and its
raster and answers, `warm` only answers. Repeats interleave, figures are medians, and the ratios are what to judge by.
Exit status 1 where the two disagree on any point or the locator is the slower one, cold or warm.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from geo.feature_files import PolygonFile, read_polygons  # noqa: E402  # runs from any folder
from geo.locate import Locator  # noqa: E402  # the same

SHARED = Path(os.environ.get("BEATGRID_SHARED", ROOT.parent / "shared"))


def main() -> int:
    """Run the comparison and print it."""
    options = _options()
    beats = read_polygons(options.boundaries, code_field=options.code_field, repair=True)
    points = _random_points(beats, options.points)
    grids = geopandas.GeoDataFrame({"code": list(beats.codes)}, geometry=list(beats.areas), crs=4326)
    places = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(*points.T), crs=4326)
    locator = Locator.from_polygons(beats.codes, beats.areas)
    locator.locate_many(points)
    seconds: dict[str, list[float]] = {"join": [], "cold": [], "warm": []}
    for _ in range(options.repeats):
        joined = _timed(seconds["join"], lambda: geopandas.sjoin(places, grids, how="left", predicate="intersects"))
        cold = _timed(seconds["cold"], lambda: Locator.from_polygons(beats.codes, beats.areas).locate_many(points))
        warm = _timed(seconds["warm"], lambda: locator.locate_many(points))
    expected = _first_code(joined, len(points))
    differing = int((expected != warm).sum() + (expected != cold).sum())
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    figures = {
        "polygons": len(beats.codes),
        "points": len(points),
        "inside": int(sum(code is not None for code in warm.tolist())),
        "differing": differing,
        "repeats": options.repeats,
        "points_per_second": {name: round(len(points) / median) for name, median in medians.items()},
        "times_faster_than_join": {name: round(medians["join"] / medians[name], 2) for name in ("cold", "warm")},
    }
    print(json.dumps(figures) if options.json else _table(figures))
    slower = min(figures["times_faster_than_join"].values()) < 1.0
    return 1 if differing or slower else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--boundaries", type=Path, default=SHARED / "data" / "boundaries" / "chicago_police_beats.geojson"
    )
    parser.add_argument("--code-field", default="BEAT_NUM")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def _random_points(beats: PolygonFile, count: int) -> NDArray[np.float64]:
    """Draw points uniformly over the beats' common box, the same ones in every run."""
    west, south, east, north = shapely.total_bounds(np.array(beats.areas, dtype=object))
    return np.random.default_rng(20201101).uniform((west, south), (east, north), (count, 2))


def _timed(seconds: list[float], work: Callable[[], T]) -> T:
    start = time.perf_counter()
    result = work()
    seconds.append(time.perf_counter() - start)
    return result


def _first_code(joined: geopandas.GeoDataFrame, count: int) -> NDArray[np.object_]:
    """Return for each point the smallest code that the join gives it, or None."""
    found = joined["code"].dropna().groupby(level=0).min()
    answers = np.full(count, None, dtype=object)
    answers[found.index.to_numpy()] = found.to_numpy(dtype=object)
    return answers


def _table(figures: dict[str, object]) -> str:
    return "\n".join(f"{name:24} {value}" for name, value in figures.items())


if __name__ == "__main__":
    sys.exit(main())
