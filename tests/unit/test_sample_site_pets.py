"""The camera that carries the PETS 2009 calibration stands true: against the published boxes and ground positions."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from pyproj import Geod, Transformer
from shapely import Point, Polygon

Features = list[dict[str, Any]]


def read(site: Path, name: str) -> Features:
    features: Features = json.loads((site / f"{name}.geojson").read_text(encoding="utf-8"))["features"]
    return features


@pytest.fixture(scope="module")
def units(sample_site: Path) -> Features:
    return read(sample_site, "units")


@pytest.fixture(scope="module")
def pets(sample_site: Path) -> dict[str, Any]:
    """Return the properties of the camera that carries the PETS calibration."""
    return next(one["properties"] for one in read(sample_site, "cameras") if one["properties"]["code"] == "pets-view1")


def areas(features: Features) -> dict[str, Polygon]:
    return {one["properties"]["code"]: Polygon(one["geometry"]["coordinates"][0]) for one in features}


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


@pytest.fixture(scope="module")
def published(shared_data: Path) -> NDArray[np.float64]:
    """Return frame, id, u, v of box bottoms, X, Y in metres of every published box."""
    rows = np.loadtxt(shared_data / "tracking_gt/pets2009/PETS09-S2L1_gt_derived_from_xml.txt", delimiter=",")
    return np.column_stack([rows[:, :2], rows[:, 2] + rows[:, 4] / 2, rows[:, 3] + rows[:, 5], rows[:, 7:9]])


def placed(anchor: dict[str, float], ground_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return lon, lat of PETS ground positions by the README's formula, with geodesics instead of a projection."""
    turn = math.radians(anchor["rotation_deg"])
    east = ground_m[:, 0] * math.cos(turn) - ground_m[:, 1] * math.sin(turn)
    north = ground_m[:, 0] * math.sin(turn) + ground_m[:, 1] * math.cos(turn)
    start = np.full(len(ground_m), anchor["lon"]), np.full(len(ground_m), anchor["lat"])
    azimuth, away = np.degrees(np.arctan2(east, north)), np.hypot(east, north)
    return np.column_stack(Geod(ellps="WGS84").fwd(*start, azimuth, away)[:2])


def test_pets_calibration_brings_the_published_boxes_to_their_published_places(
    pets: dict[str, Any], published: NDArray[np.float64]
) -> None:
    found = apply_to(homography(pets["calibration"]["points"]), published[:, 2:4])[:, :2]
    off = distances_m(found, placed(pets["own"]["pets_anchor"], published[:, 4:6]))
    assert np.median(off) < 0.10
    assert np.percentile(off, 90) < 0.20
    assert off.max() < 0.75


def test_pets_ground_lies_well_inside_one_unit(
    pets: dict[str, Any], units: Features, published: NDArray[np.float64]
) -> None:
    truth = placed(pets["own"]["pets_anchor"], published[:, 4:6])
    unit = next(area for area in areas(units).values() if area.contains(Point(truth[0])))
    edge = in_metres(unit).exterior
    assert shapely.contains_xy(unit, truth).all()
    assert edge.distance(in_metres(shapely.MultiPoint(truth))) > 25.0


def test_pets_walkway_holds_every_published_box(pets: dict[str, Any], published: NDArray[np.float64]) -> None:
    walkway = Polygon(pets["zones"]["walkway"])
    feet = np.minimum(published[:, 2:4], [768, 576])
    assert shapely.covers(walkway, shapely.points(feet)).all()


def stays(frames: NDArray[np.float64], gap: int) -> list[tuple[int, int]]:
    """Return first and last frame of each stay, gaps of up to `gap` frames bridged."""
    ordered = np.unique(frames.astype(int))
    cuts = np.flatnonzero(np.diff(ordered) > gap + 1)
    firsts, lasts = ordered[np.r_[0, cuts + 1]], ordered[np.r_[cuts, len(ordered) - 1]]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def test_restricted_zone_is_entered_a_moderate_number_of_times(
    pets: dict[str, Any], published: NDArray[np.float64]
) -> None:
    need = math.ceil(2.0 * pets["fps"])
    rectangle = Polygon(pets["own"]["restricted_ground_m"])
    inside = published[shapely.contains_xy(rectangle, published[:, 4:6])]
    single = [
        stay
        for person in np.unique(inside[:, 1])
        for stay in stays(inside[inside[:, 1] == person, 0], gap=0)
        if stay[1] - stay[0] >= need
    ]
    visits = [stay for stay in stays(inside[:, 0], gap=6) if stay[1] - stay[0] >= need]
    assert (len(single), len(visits)) == (12, 8)
    assert len(np.unique(inside[:, 0])) < 0.5 * 795, "not permanently occupied"
    for margin in (-0.5, 0.5):
        near = published[shapely.contains_xy(rectangle.buffer(margin, join_style="mitre"), published[:, 4:6])]
        assert len([stay for stay in stays(near[:, 0], gap=6) if stay[1] - stay[0] >= need]) == 8


def test_restricted_zone_in_the_image_is_the_one_on_the_ground(
    pets: dict[str, Any], published: NDArray[np.float64]
) -> None:
    in_image = shapely.contains_xy(Polygon(pets["zones"]["restricted"]), published[:, 2:4])
    on_ground = shapely.contains_xy(Polygon(pets["own"]["restricted_ground_m"]), published[:, 4:6])
    assert in_image.sum() > 300
    assert (in_image != on_ground).mean() < 0.002
