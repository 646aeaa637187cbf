"""The locator against brute force and against geopandas' spatial join."""

import json
import threading

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, box

from geo import locate as room
from geo.coords import LonLat
from geo.errors import CoordinateError
from geo.locate import LocateError, Locator


def brute(codes, polygons, point):
    """Inside beats edge, then the smallest code."""
    place = shapely.Point(point)
    inside = [code for code, polygon in zip(codes, polygons, strict=True) if polygon.contains(place)]
    edge = [code for code, polygon in zip(codes, polygons, strict=True) if polygon.intersects(place)]
    return min(inside, default=None) or min(edge, default=None)


def chicago(shared_data):
    members = json.loads((shared_data / "boundaries" / "chicago_police_beats.geojson").read_text())["features"]
    return (
        [member["properties"]["BEAT_NUM"] for member in members],
        np.array([shapely.geometry.shape(member["geometry"]) for member in members]),
    )


@st.composite
def tilings(draw):
    """Blocks of a chessboard, some of them joined, shifted or with a hole, so that edges, overlaps and gaps occur."""
    size = draw(st.integers(2, 4))
    polygons = []
    for _ in range(draw(st.integers(1, 8))):
        x, y = draw(st.integers(0, size)), draw(st.integers(0, size))
        block = box(x, y, x + draw(st.integers(1, 2)), y + draw(st.integers(1, 2)))
        shape = draw(st.sampled_from(["block", "triangle", "ring", "two"]))
        if shape == "triangle":
            block = Polygon(list(block.exterior.coords)[:3])
        elif shape == "ring":
            block = block.difference(box(x + 0.25, y + 0.25, x + 0.75, y + 0.75))
        elif shape == "two":
            block = MultiPolygon([block, box(x + 10, y, x + 11, y + 1)])
        polygons.append(block)
    names = st.lists(st.text("ABC", min_size=1, max_size=3), min_size=len(polygons), max_size=len(polygons))
    return draw(names), polygons


quarters = st.integers(-4, 60).map(lambda n: n / 4)
points = st.lists(st.tuples(quarters, quarters) | st.tuples(st.floats(-1, 15), st.floats(-1, 7)), max_size=40)


@settings(deadline=None)
@given(tiling=tilings(), asked=points)
def test_one_by_one_in_a_batch_and_through_the_raster_are_brute_force(tiling, asked):
    codes, polygons = tiling
    locator = Locator.from_polygons(codes, polygons)
    lonlat = np.array(asked, dtype=np.float64).reshape(-1, 2)
    expected = [brute(codes, polygons, point) for point in asked]
    assert [locator.locate(LonLat(*point)) for point in asked] == expected
    assert locator.locate_many(lonlat).tolist() == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_RASTER_FROM", 0)
        assert locator.locate_many(lonlat).tolist() == expected
    assert locator._raster is not None


def test_a_shared_edge_belongs_to_the_smallest_code_in_any_order():
    west, east = box(0, 0, 1, 1), box(1, 0, 2, 1)
    for codes, polygons in ((["B", "A"], [west, east]), (["A", "B"], [east, west])):
        locator = Locator.from_polygons(codes, polygons)
        assert locator.locate(LonLat(1.0, 0.5)) == "A"
        assert locator.locate(LonLat(0.5, 0.5)) == "B"


def test_inside_beats_an_edge_of_a_smaller_code():
    locator = Locator.from_polygons(["A", "B"], [box(0, 0, 1, 1), box(0.5, 0, 2, 1)])
    assert locator.locate(LonLat(1.0, 0.5)) == "B"
    assert locator.locate(LonLat(0.75, 0.5)) == "A"


def test_chicago_agrees_with_a_spatial_join_on_beats_corners_and_near_them(shared_data):
    codes, beats = chicago(shared_data)
    locator = Locator.from_polygons(codes, beats)
    rng = np.random.default_rng(17)
    west, south, east, north = shapely.total_bounds(beats)
    corners = rng.permutation(shapely.get_coordinates(beats))[:5000]
    asked = np.vstack(
        [rng.uniform((west, south), (east, north), (50_000, 2)), corners, corners + rng.normal(0, 1e-9, corners.shape)]
    )
    found = locator.locate_many(asked)
    assert locator._raster is not None
    grids = geopandas.GeoDataFrame({"code": codes}, geometry=beats, crs=4326)
    places = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(*asked.T), crs=4326)
    # A corner may lie inside one beat and on the edge of a smaller code: ask the join for both.
    for predicate in ("within", "intersects"):
        joined = geopandas.sjoin(places, grids, predicate=predicate)
        first = joined.groupby(level=0)["code"].min()
        if predicate == "within":
            inside = first
        else:
            expected = inside.reindex(first.index).fillna(first).reindex(range(len(asked)))
    assert [code if isinstance(code, str) else None for code in expected] == found.tolist()
    assert [locator.locate(LonLat(*point)) for point in asked[-500:].tolist()] == found[-500:].tolist()


def test_a_raster_of_a_hostile_outline_stays_bounded():
    turns = 40_000
    x = np.linspace(0.0, 1.0, turns)
    zigzag = np.column_stack([np.tile([0.0, 1.0], turns // 2), x])
    comb = Polygon([*zigzag.tolist(), (2.0, 1.0), (2.0, -0.1), (0.0, -0.1)])
    locator = Locator.from_polygons(["A"], [comb])
    asked = np.random.default_rng(2).uniform(-0.2, 2.1, (20_000, 2))
    found = locator.locate_many(asked)
    assert locator._raster is not None
    assert len(locator._raster.labels) < 1024 * 1024
    expected = shapely.contains_xy(comb, asked[:, 0], asked[:, 1])
    assert ((found == "A") == expected).all()


def test_no_polygons_hold_nothing():
    locator = Locator.from_polygons([], [])
    assert locator.locate(LonLat(0.0, 0.0)) is None
    assert locator.locate_many(np.zeros((30_000, 2))).tolist() == [None] * 30_000


def test_a_locator_may_be_shared_by_threads(shared_data):
    codes, beats = chicago(shared_data)
    asked = np.random.default_rng(4).uniform((-87.94, 41.65), (-87.53, 42.02), (25_000, 2))
    expected = Locator.from_polygons(codes, beats).locate_many(asked).tolist()
    locator = Locator.from_polygons(codes, beats)
    answers = {}

    def ask(number) -> None:
        some = [locator.locate(LonLat(*point)) for point in asked[:500].tolist()]
        answers[number] = (some, locator.locate_many(asked).tolist())

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [answers[number] for number in range(4)] == [(expected[:500], expected)] * 4


@pytest.mark.parametrize("bad", [Polygon(), shapely.Point(0, 0), Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])])
def test_what_cannot_be_searched_is_refused_by_code(bad):
    with pytest.raises(LocateError, match=r"polygon 'B7' is .*expected a valid polygon"):
        Locator.from_polygons(["A1", "B7"], [box(0, 0, 1, 1), bad])


def test_positions_that_are_none_are_refused():
    locator = Locator.from_polygons(["A"], [box(0, 0, 1, 1)])
    with pytest.raises(CoordinateError, match="position 0"):
        locator.locate(LonLat(31.0, 121.0))
    with pytest.raises(CoordinateError, match="position 1"):
        locator.locate_many(np.array([[0.5, 0.5], [np.nan, 0.5]]))
