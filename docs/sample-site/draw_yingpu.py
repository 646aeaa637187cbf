"""Draw the sample site: `python docs/sample-site/draw_yingpu.py [--pets DIR] [--out DIR] [--picture PNG]`.

Writes grids, units, streets and cameras as GeoJSON, forces.csv and the organisation's tables into boundaries/yingpu/.
The same run gives the same files: the seed is below. site.toml, catalogue.toml and scenes.toml are written by hand. DIR
of --pets holds the calibration and the published boxes of PETS 2009 S2.L1.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import town_cameras
import town_forces
import town_growth
import town_organisation
import town_plan
import town_units
from ground_views import Tsai, check_tsai
from shapely import Polygon

SEED = 11
ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("BEATGRID_SHARED", ROOT.parent / "shared"))
TSAI_LIMIT_M = 0.01
"""How far the Tsai camera may be from the published positions before the script refuses to go on."""

Feature = dict[str, Any]


def _ring(area: Polygon) -> list[list[float]]:
    return [[float(lon), float(lat)] for lon, lat in np.asarray(shapely.orient_polygons(area).exterior.coords)]


def _area(area: Polygon, properties: dict[str, object]) -> Feature:
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "Polygon", "coordinates": [_ring(area)]},
    }


def _collection(name: str, features: list[Feature]) -> str:
    """Return a feature collection, one feature a line so that a change shows as a line."""
    lines = ",\n".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in features)
    return f'{{"type":"FeatureCollection","name":"{name}","features":[\n{lines}\n]}}\n'


def street_features(ways: list[town_plan.Way]) -> list[Feature]:
    """Return the ways inside the outline as GeoJSON lines, in degrees."""
    area = shapely.buffer(town_plan.outline(), 0.001)
    features: list[Feature] = []
    for way in ways:
        for piece in shapely.get_parts(shapely.intersection(way.line, area)):
            points = town_plan.to_degrees(np.asarray(piece.coords))
            properties: dict[str, object] = {
                "kind": way.kind, "rank": way.rank, "name": way.name, "name_zh": way.name_zh, "schematic": True,
            }  # fmt: skip
            geometry = {"type": "LineString", "coordinates": [[float(x), float(y)] for x, y in points]}
            features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    return features


def picture(units: list[town_units.Unit], features: dict[str, list[Feature]], path: Path) -> None:
    """Draw an overview with Matplotlib, which comes with the `yolo` extra."""
    from town_picture import draw

    draw(units, features, path)


def main() -> None:
    """Draw the site and say what was drawn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pets", type=Path, default=SHARED / "data" / "tracking_gt" / "pets2009")
    parser.add_argument("--out", type=Path, default=ROOT / "boundaries" / "yingpu")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()

    tsai = Tsai.read(options.pets / "calibration" / "View_001.xml")
    median_m, most_m = check_tsai(tsai, options.pets / "PETS09-S2L1_gt_derived_from_xml.txt")
    if most_m > TSAI_LIMIT_M:
        parser.error(f"the Tsai camera is up to {most_m:.3f} m off the published positions; at most {TSAI_LIMIT_M} m")

    ways = town_plan.all_ways(np.random.default_rng(SEED))
    blocks = town_plan.blocks(ways)
    units = town_units.units(blocks, town_growth.grow(blocks, town_units.seeds()))
    grids = {
        f"YP-G{number}": town_units.merge(unit.area for unit in units if unit.grid == f"YP-G{number}")
        for number in range(1, 6)
    }
    posts = town_cameras.cameras(units, ways, blocks=blocks, tsai=tsai, rng=np.random.default_rng(SEED + 1))
    rows = town_forces.forces(units, grids, np.random.default_rng(SEED + 2))

    features: dict[str, list[Feature]] = {
        "grids": [_area(area, town_units.grid_properties(int(code[-1]))) for code, area in grids.items()],
        "units": [_area(unit.area, unit.properties()) for unit in units],
        "streets": street_features(ways),
        "cameras": posts,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for name, collection in features.items():
        (options.out / f"{name}.geojson").write_text(_collection(name, collection), encoding="utf-8")
    town_forces.write(rows, options.out / "forces.csv")
    town_organisation.write(units, grids, options.out)
    if options.picture:
        picture(units, features, options.picture)
    print(f"Tsai camera against published positions: median {median_m * 1000:.3f} mm, most {most_m * 1000:.3f} mm")
    print(f"{len(blocks)} blocks, {len(units)} units, {len(grids)} grids, {len(posts)} cameras, {len(rows)} forces")


if __name__ == "__main__":
    main()
