"""The sample site's files hold what they promise; read here with plain JSON and shapely, not with our own reader."""

import csv
import json
import math
import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from pyproj import Geod, Transformer
from shapely import Point, Polygon

Features = list[dict[str, Any]]
BOX = (121.0632, 31.1289, 121.1166, 31.1842)
URBAN = {"YP-G1", "YP-G2", "YP-G3"}
OUTER = {"YP-G4", "YP-G5"}
PARK = Point(121.1046, 31.1521)
DEPARTMENTS = {
    "police-station",
    "urban-management",
    "market-supervision",
    "housing-office",
    "fire-safety",
    "traffic-police",
    "greening-and-sanitation",
}
FIELDS = {"urban-management", "construction", "public-security", "social-prevention", "property-management"}
FIRST_ROLES = {
    "grid-supervisor",
    "non-motor-vehicle-manager",
    "city-management-third-party",
    "maintenance-company",
    "social-security-team",
    "public-order-assistant",
    "population-assistant",
    "property-staff",
}


def read(site: Path, name: str) -> Features:
    features: Features = json.loads((site / f"{name}.geojson").read_text(encoding="utf-8"))["features"]
    return features


@pytest.fixture(scope="module")
def grids(sample_site: Path) -> Features:
    return read(sample_site, "grids")


@pytest.fixture(scope="module")
def units(sample_site: Path) -> Features:
    return read(sample_site, "units")


@pytest.fixture(scope="module")
def cameras(sample_site: Path) -> Features:
    return read(sample_site, "cameras")


@pytest.fixture(scope="module")
def forces(sample_site: Path) -> list[dict[str, str]]:
    with (sample_site / "forces.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def categories(sample_site: Path) -> dict[str, dict[str, Any]]:
    rows = tomllib.loads((sample_site / "catalogue.toml").read_text(encoding="utf-8"))["category"]
    return {f"{row['standard']}/{row['kind']}/{row['code']}": row for row in rows}


@pytest.fixture(scope="module")
def scenes(sample_site: Path) -> dict[str, dict[str, Any]]:
    rows = tomllib.loads((sample_site / "scenes.toml").read_text(encoding="utf-8"))["scene"]
    return {row["code"]: row for row in rows}


def areas(features: Features) -> dict[str, Polygon]:
    return {one["properties"]["code"]: Polygon(one["geometry"]["coordinates"][0]) for one in features}


def camera(cameras: Features, code: str) -> dict[str, Any]:
    return next(one["properties"] for one in cameras if one["properties"]["code"] == code)


def doubled_area(ring: list[list[float]]) -> int:
    """Return twice the ring's signed area in units of 1e-14 square degrees, exactly."""
    whole = [(round(lon * 10**7), round(lat * 10**7)) for lon, lat in ring]
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(whole))


def in_metres(geometry: shapely.Geometry) -> Any:
    """Return the geometry in UTM 51N; good to a few centimetres here."""
    project = Transformer.from_crs("EPSG:4326", "EPSG:32651", always_xy=True)
    return shapely.transform(geometry, lambda points: np.column_stack(project.transform(*points.T)))


def homography(points: list[list[float]]) -> NDArray[np.float64]:
    """Return the least-squares map from image to lon, lat offsets (normalised DLT), independent of OpenCV."""
    uv = np.array([point[:2] for point in points])
    lonlat = np.array([point[2:] for point in points])
    into, out = normaliser(uv), normaliser(lonlat)
    rows = []
    for (u, v, _), (x, y, _) in zip(apply_to(into, uv), apply_to(out, lonlat), strict=True):
        rows += [[u, v, 1, 0, 0, 0, -x * u, -x * v, -x], [0, 0, 0, u, v, 1, -y * u, -y * v, -y]]
    solution = np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3)
    return np.asarray(np.linalg.inv(out) @ solution @ into)


def normaliser(points: NDArray[np.float64]) -> NDArray[np.float64]:
    middle, spread = points.mean(axis=0), points.std()
    return np.array([[1 / spread, 0, -middle[0] / spread], [0, 1 / spread, -middle[1] / spread], [0, 0, 1]])


def apply_to(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    seen = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(seen / seen[:, 2:])


def distances_m(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(Geod(ellps="WGS84").inv(one[:, 0], one[:, 1], other[:, 0], other[:, 1])[2])


def test_counts_codes_and_names_are_the_registers(units: Features, grids: Features, shared_data: Path) -> None:
    with (shared_data / "yingpu_units.csv").open(encoding="utf-8") as file:
        register = {row["stat_code"]: row for row in csv.DictReader(file) if not row["stat_code"].endswith("030")}
    found = {one["properties"]["code"]: one["properties"] for one in units}
    assert len(grids) == 5
    assert len(units) == 34
    assert found.keys() == register.keys()
    for code, row in register.items():
        assert (found[code]["name_zh"], found[code]["name"]) == (row["name_zh"], row["name_en"])
        assert found[code]["kind"] == row["kind"]


def test_every_area_is_a_valid_simple_polygon_rounded_to_seven_decimals(grids: Features, units: Features) -> None:
    for one in [*grids, *units]:
        assert one["geometry"]["type"] == "Polygon"
        assert len(one["geometry"]["coordinates"]) == 1
        ring = one["geometry"]["coordinates"][0]
        assert ring[0] == ring[-1]
        assert Polygon(ring).is_valid
        assert doubled_area(ring) > 0, "outer rings run counter-clockwise"
        assert all(value == round(value, 7) for point in ring for value in point)
        assert one["properties"]["schematic"] is True


def test_units_and_grids_are_exact_coverages(grids: Features, units: Features) -> None:
    for features in (grids, units):
        assert shapely.coverage_is_valid(list(areas(features).values()))
        whole = shapely.union_all(list(areas(features).values()))
        assert isinstance(whole, Polygon)
        assert not whole.interiors
        total = sum(doubled_area(one["geometry"]["coordinates"][0]) for one in features)
        assert abs(doubled_area([list(point) for point in whole.exterior.coords])) == total


def test_units_tile_their_grid_to_the_last_square_nanodegree(grids: Features, units: Features) -> None:
    for grid in grids:
        own = [one for one in units if one["properties"]["grid"] == grid["properties"]["code"]]
        total = sum(doubled_area(one["geometry"]["coordinates"][0]) for one in own)
        assert total == doubled_area(grid["geometry"]["coordinates"][0])
        union = shapely.coverage_union_all(list(areas(own).values()))
        assert union.equals(areas([grid])[grid["properties"]["code"]])


def test_random_points_lie_in_one_unit_and_that_units_grid(grids: Features, units: Features) -> None:
    points = np.random.default_rng(5).uniform(BOX[:2], BOX[2:], (20_000, 2))
    by_code = {one["properties"]["code"]: one["properties"]["grid"] for one in units}
    in_grid = {code: shapely.contains_xy(area, points) for code, area in areas(grids).items()}
    in_unit = {code: shapely.contains_xy(area, points) for code, area in areas(units).items()}
    units_hit, grids_hit = (np.sum(list(hits.values()), axis=0) for hits in (in_unit, in_grid))
    assert (units_hit == grids_hit).all()
    assert units_hit.max() == 1
    for code, inside in in_unit.items():
        assert (in_grid[by_code[code]] | ~inside).all()


def test_the_nineteen_key_units_are_those_of_the_urban_grids(units: Features) -> None:
    key = {one["properties"]["code"] for one in units if one["properties"]["key"]}
    assert len(key) == 19
    assert key == {one["properties"]["code"] for one in units if one["properties"]["grid"] in URBAN}
    assert {one["properties"]["grid"] for one in units if one["properties"]["kind"] == "village"} == OUTER


def test_the_site_fills_its_box_and_the_park_is_urban(grids: Features, sample_site: Path) -> None:
    extent = tomllib.loads((sample_site / "site.toml").read_text(encoding="utf-8"))["extent"]
    assert (extent["west"], extent["south"], extent["east"], extent["north"]) == BOX
    whole = shapely.union_all(list(areas(grids).values()))
    assert shapely.box(*BOX).contains(whole)
    assert whole.area > 0.6 * shapely.box(*BOX).area
    assert areas(grids)["YP-G1"].contains(PARK)
    shifted = shapely.transform(whole, lambda points: points + np.array([0.00461, -0.00188]))
    assert not shapely.box(*BOX).contains(shifted), "a file in GCJ-02 must fall outside the box"


def test_each_grid_has_its_beat_posts_and_station(grids: Features) -> None:
    for one in grids:
        facts = one["properties"]
        assert all(facts[name].strip() for name in ("police_beat", "chief", "station", "name", "name_zh"))
        assert len(facts["deputies"]) >= 1
    assert len({one["properties"]["police_beat"] for one in grids}) == 5


def test_urban_units_are_smaller_than_villages(units: Features) -> None:
    sizes: dict[str, list[float]] = {"key": [], "village": []}
    for one in units:
        name = "key" if one["properties"]["key"] else one["properties"]["kind"]
        sizes.setdefault(name, []).append(in_metres(areas([one])[one["properties"]["code"]]).area / 1e6)
    assert np.median(sizes["key"]) < 0.5 * np.median(sizes["village"])
    assert min(sizes["key"]) > 0.15, "km², or it is a sliver"


def test_every_border_runs_along_a_drawn_street_or_waterway(units: Features, sample_site: Path) -> None:
    streets = read(sample_site, "streets")
    assert {one["properties"]["kind"] for one in streets} == {"road", "waterway"}
    lines = in_metres(shapely.union_all([shapely.geometry.shape(one["geometry"]) for one in streets])).buffer(1.0)
    for code, area in areas(units).items():
        off = in_metres(area).exterior.difference(lines).length
        assert off < 1.0, f"{code}: {off:.1f} m of its border follow no line"
    names = {one["properties"]["name_zh"] for one in streets}
    assert {"淀浦河", "外青松公路", "东大盈港", "上达河", "西大盈港", "盈港路", "公园路"} <= names


def test_borders_are_not_a_chessboard(units: Features) -> None:
    tilted = total = 0.0
    for area in areas(units).values():
        for (x1, y1), (x2, y2) in pairwise(in_metres(area).exterior.coords):
            angle = math.degrees(math.atan2(y2 - y1, x2 - x1)) % 90
            total += math.hypot(x2 - x1, y2 - y1)
            tilted += math.hypot(x2 - x1, y2 - y1) * (2 < angle < 88)
    assert tilted / total > 0.7


def test_cameras_are_known_spread_and_inside(cameras: Features, grids: Features, units: Features) -> None:
    codes = [one["properties"]["code"] for one in cameras]
    assert len(codes) == len(set(codes)) >= 14
    assert all(re.fullmatch(r"[a-z0-9-]+", code) for code in codes)
    assert {"pets-view1", "demo-street"} <= set(codes)
    assert {"street", "canal", "market", "school-gate", "square"} <= {one["properties"]["kind"] for one in cameras}
    villages = {one["properties"]["code"] for one in units if one["properties"]["kind"] == "village"}
    seen = set()
    for one in cameras:
        place = Point(one["geometry"]["coordinates"])
        seen |= {code for code, area in areas(grids).items() if area.contains(place)}
        (unit,) = [code for code, area in areas(units).items() if area.contains(place)]
        assert (unit in villages) == (one["properties"]["side"] == "village")
    assert seen == URBAN | OUTER


def test_a_cameras_zones_lie_on_its_side_of_the_street_face(cameras: Features, units: Features) -> None:
    for one in cameras:
        facts = one["properties"]
        unit = next(area for area in areas(units).values() if area.contains(Point(one["geometry"]["coordinates"])))
        matrix = homography(facts["calibration"]["points"])
        for name, corners in facts["zones"].items():
            if facts["side"] == "village":
                continue
            middle = Point(apply_to(matrix, np.array([Polygon(corners).centroid.coords[0]]))[0, :2])
            edge_m = in_metres(unit).exterior.distance(in_metres(middle))
            assert (edge_m <= 25.0) == (facts["side"] == "street_face"), f"{facts['code']}/{name}: {edge_m:.0f} m"


def test_calibrations_fit_within_their_pixel_noise(cameras: Features) -> None:
    for one in cameras:
        facts = one["properties"]
        points = facts["calibration"]["points"]
        assert len(points) >= (12 if facts["code"] == "pets-view1" else 6)
        back = apply_to(
            np.asarray(np.linalg.inv(homography(points)), dtype=np.float64), np.array([point[2:] for point in points])
        )[:, :2]
        off = np.hypot(*(back - np.array([point[:2] for point in points])).T)
        assert math.sqrt((off**2).mean()) < 3.0 * facts["calibration"]["pixel_sd_px"], facts["code"]
        assert off.max() > 0.05, "readings off an image are never perfect"


def test_calibrated_ground_is_near_the_camera_and_in_its_grid(cameras: Features, grids: Features) -> None:
    for one in cameras:
        place = np.array([one["geometry"]["coordinates"]])
        home = next(area for area in areas(grids).values() if area.contains(Point(one["geometry"]["coordinates"])))
        ground = np.array([point[2:] for point in one["properties"]["calibration"]["points"]])
        assert distances_m(np.repeat(place, len(ground), axis=0), ground).max() < 60.0
        inside = shapely.contains_xy(home, ground)
        assert inside.mean() >= 0.5, one["properties"]["code"]


def test_zones_are_image_polygons_whose_ground_lies_in_the_cameras_unit(cameras: Features, units: Features) -> None:
    for one in cameras:
        facts = one["properties"]
        unit = next(area for area in areas(units).values() if area.contains(Point(one["geometry"]["coordinates"])))
        matrix = homography(facts["calibration"]["points"])
        assert facts["zones"]
        for name, corners in facts["zones"].items():
            zone = Polygon(corners)
            assert zone.is_valid
            assert zone.area > 500, f"{facts['code']}/{name}: too small to see"
            assert shapely.box(0, 0, facts["width"], facts["height"]).covers(zone)
            ground = Polygon(apply_to(matrix, np.array(corners, dtype=float))[:, :2])
            assert ground.intersection(unit).area > 0.95 * ground.area, f"{facts['code']}/{name}"


def test_scenes_name_zones_and_categories_that_exist(
    cameras: Features, scenes: dict[str, dict[str, Any]], categories: dict[str, dict[str, Any]]
) -> None:
    assert {scene["rule"] for scene in scenes.values()} == {"dwell", "clutter", "crowd", "intrusion", "left"}
    assert all(scene["category"] in categories for scene in scenes.values())
    used = set()
    for one in cameras:
        for use in one["properties"]["scenes"]:
            used.add(use["scene"])
            assert use["scene"] in scenes
            assert use["zone"] is None or use["zone"] in one["properties"]["zones"]
    assert used == scenes.keys()
    crowd = scenes["crowd"]
    assert (crowd["count"], crowd["radius_m"], crowd["dwell_s"]) == (4, 5.0, 3.0)
    assert {use["scene"] for use in camera(cameras, "pets-view1")["scenes"]} == {"crowd", "restricted-zone"}


def test_categories_are_the_standards(categories: dict[str, dict[str, Any]], shared_data: Path) -> None:
    with (shared_data / "gbt47678_5_2026_codes.csv").open(encoding="utf-8") as file:
        names = {(row["kind"], row["code"]): row["name_zh"] for row in csv.DictReader(file)}
    assert len(categories) >= 15
    for row in categories.values():
        if row["standard"] != "beatgrid-local":
            assert names[row["kind"], row["code"]] == row["name_zh"]
        assert row["department"] in DEPARTMENTS
        assert set(row["first_roles"]) <= FIRST_ROLES
        assert row["field"] in FIELDS
        assert row["deadline_unit"] in {"urgent_hour", "work_hour", "work_day", "natural_day"}
        assert row["deadline_value"] > 0
    assert {row["code"] for row in categories.values() if row["standard"] == "beatgrid-local"} == {"L001", "L002"}
    assert categories["beatgrid-local/matter/L001"]["urgent"]
    assert categories["beatgrid-local/matter/L002"]["urgent"]


def test_forces_are_complete_and_stand_in_their_own_area(
    forces: list[dict[str, str]], grids: Features, units: Features
) -> None:
    assert len(forces) >= 64
    assert {row["role"] for row in forces} == FIRST_ROLES | DEPARTMENTS
    for name in ("number", "terminal", "name_zh"):
        values = [row[name] for row in forces if row[name]]
        assert len(values) == len(set(values))
    assert any(not row["terminal"] for row in forces), "some carry none"
    by_unit = {one["properties"]["code"]: one["properties"]["grid"] for one in units}
    for row in forces:
        place = Point(float(row["lon"]), float(row["lat"]))
        assert areas(grids)[row["grid"]].contains(place), row["number"]
        own = row["units"].split(";") if row["units"] else []
        assert all(by_unit[code] == row["grid"] for code in own)
        assert not own or any(areas(units)[code].contains(place) for code in own)
        assert row["stage"] == ("follow_up" if row["role"] in DEPARTMENTS else "first")


def test_every_unit_has_property_staff_or_a_village_assistant_round_the_clock(
    forces: list[dict[str, str]], units: Features
) -> None:
    kept = {
        code
        for row in forces
        for code in row["units"].split(";")
        if row["shift"] == "always" and row["role"] in {"property-staff", "public-order-assistant"}
    }
    assert {one["properties"]["code"] for one in units} <= kept


@pytest.mark.parametrize("side", ["street_face", "unit_interior"])
def test_each_scenes_cases_find_terminals_in_the_urban_grids_at_any_hour(
    side: str,
    forces: list[dict[str, str]],
    scenes: dict[str, dict[str, Any]],
    categories: dict[str, dict[str, Any]],
) -> None:
    for scene in scenes.values():
        roles = set(categories[scene["category"]]["first_roles"])
        for grid in URBAN:
            fit = [
                row["terminal"]
                for row in forces
                if row["grid"] == grid and row["terminal"] and row["shift"] == "always"
                if row["side"] in {side, "any"} and row["role"] in roles
            ]
            assert len(fit) >= 2, f"{scene['code']} in {grid}"


def test_shifts_follow_the_patrol_pattern(forces: list[dict[str, str]]) -> None:
    span = r"([01]\d|2[0-3]):[0-5]\d"
    for row in forces:
        assert row["shift"] == "always" or re.fullmatch(f"{span}-{span}(;{span}-{span})*", row["shift"])
    supervisors = {row["shift"] for row in forces if row["role"] == "grid-supervisor"}
    assert supervisors == {"08:30-17:30"}
    assert any(row["shift"] == "17:30-08:30" for row in forces if row["role"] == "social-security-team")


def test_the_drawn_street_agrees_with_its_cameras_calibration(cameras: Features) -> None:
    facts = camera(cameras, "demo-street")
    assert (facts["width"], facts["height"]) == (960, 540)
    street = facts["ground_m"]
    assert street["ground_m"] == [[0, 0], [30, 0], [30, 16], [0, 16]]
    corners = apply_to(homography(facts["calibration"]["points"]), np.array(street["image_px"]))[:, :2]
    sides = distances_m(corners, np.roll(corners, -1, axis=0))
    assert sides == pytest.approx([30, 16, 30, 16], rel=0.05)
    quadrilateral = Polygon(street["image_px"]).buffer(2.0)
    assert all(quadrilateral.covers(Polygon(facts["zones"][name])) for name in ("no-parking", "pavement"))


@pytest.mark.timeout(120)
def test_the_script_draws_the_same_site_again(
    sample_site: Path, shared_data: Path, tmp_path: Path, units: Features, cameras: Features
) -> None:
    script = sample_site.parents[1] / "docs" / "sample-site" / "draw_yingpu.py"
    pets = shared_data / "tracking_gt" / "pets2009"
    subprocess.run([sys.executable, script, "--pets", pets, "--out", tmp_path], check=True, capture_output=True)
    again = areas(read(tmp_path, "units"))
    for code, area in areas(units).items():
        assert area.symmetric_difference(again[code]).area < 1e-6 * area.area
    for old, new in zip(cameras, read(tmp_path, "cameras"), strict=True):
        assert old["properties"]["scenes"] == new["properties"]["scenes"]
        assert new["geometry"]["coordinates"] == pytest.approx(old["geometry"]["coordinates"], abs=2e-7)
    assert (tmp_path / "forces.csv").read_text(encoding="utf-8").count("\n") == len(
        (sample_site / "forces.csv").read_text(encoding="utf-8").splitlines()
    )
