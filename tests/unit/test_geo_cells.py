"""Equal-area cells, against the ellipsoid's own areas and a point-in-polygon test."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from geo.cells import CellError, CellGrid, CellShape
from geo.errors import CoordinateError

WGS84 = Geod(ellps="WGS84")
YINGPU = (121.0632, 31.1289, 121.1166, 31.1842)
CHICAGO = (-87.94, 41.64, -87.52, 42.03)
TROMSO = (18.0, 69.4, 20.0, 69.9)
SHAPES = list(CellShape)


def points_in(extent: tuple[float, float, float, float], count: int, *, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(extent[:2], extent[2:], (count, 2))


@pytest.mark.parametrize("extent", [YINGPU, CHICAGO, TROMSO])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size_m", [50.0, 500.0])
def test_every_cell_covers_its_size_squared_of_ground(
    extent: tuple[float, float, float, float], shape: CellShape, size_m: float
):
    cells = CellGrid.over(extent, size_m, shape=shape)
    for cell in np.unique(cells.cell_of(points_in(extent, 200, seed=1))):
        area_m2, _ = WGS84.geometry_area_perimeter(cells.polygon(int(cell)))
        assert area_m2 == pytest.approx(size_m**2, rel=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_point_lies_in_its_cell_and_in_no_other(shape: CellShape):
    cells = CellGrid.over(YINGPU, 120.0, shape=shape)
    points = points_in(YINGPU, 3000, seed=2)
    ids = cells.cell_of(points)
    found = np.unique(ids)
    outlines = shapely.polygons(cells.rings(found))
    inside = shapely.contains_xy(outlines[:, None], points[None, :, 0], points[None, :, 1])
    # Outlines are straight in degrees and cells in metres: points within a millimetre of an edge may differ.
    apart_deg = shapely.distance(shapely.boundary(outlines)[:, None], shapely.points(points)[None, :])
    clear = (apart_deg > 1e-8).all(axis=0)
    assert clear.mean() > 0.99
    assert (inside[:, clear].sum(axis=0) == 1).all()
    assert (found[inside[:, clear].argmax(axis=0)] == ids[clear]).all()


@given(
    lon=st.floats(121.0632, 121.1166),
    lat=st.floats(31.1289, 31.1842),
    size_m=st.floats(1, 5000),
    shape=st.sampled_from(SHAPES),
)
@settings(max_examples=100, deadline=None)
def test_the_middle_of_a_cell_lies_in_it(lon: float, lat: float, size_m: float, shape: CellShape):
    cells = CellGrid.over(YINGPU, size_m, shape=shape)
    cell = cells.cell_of([[lon, lat]])
    middle = cells.rings(cell)[:, :-1].mean(axis=1)
    assert cells.cell_of(middle).tolist() == cell.tolist()
    assert cells.polygon(int(cell[0])).buffer(1e-9).covers(shapely.Point(lon, lat))


@pytest.mark.parametrize("shape", SHAPES)
def test_cells_tile_without_gap_or_overlap(shape: CellShape):
    cells = CellGrid.over(YINGPU, 200.0, shape=shape)
    found = np.unique(cells.cell_of(points_in(YINGPU, 60_000, seed=3)))
    outlines = shapely.polygons(cells.rings(found))
    whole = shapely.union_all(shapely.buffer(outlines, 1e-10))
    assert whole.area == pytest.approx(outlines_area(outlines), rel=1e-4)
    assert whole.covers(shapely.box(*YINGPU).buffer(-0.003))


def outlines_area(outlines: np.ndarray) -> float:
    return float(shapely.area(outlines).sum())


def test_points_on_an_edge_have_one_cell_and_always_the_same():
    cells = CellGrid.over(YINGPU, 100.0)
    corners = cells.rings(cells.cell_of([[121.09, 31.15]]))[0]
    first = cells.cell_of(corners)
    assert cells.cell_of(corners[::-1])[::-1].tolist() == first.tolist()
    assert CellGrid.over(YINGPU, 100.0).cell_of(corners).tolist() == first.tolist()


def test_polygons_give_the_same_cells_as_their_extent():
    west, south, east, north = YINGPU
    halves = [shapely.box(west, south, 121.09, north), shapely.box(121.09, south, east, north)]
    assert CellGrid.over(halves, 80.0) == CellGrid.over(YINGPU, 80.0)


def test_counts_sum_weights_by_cell():
    cells = CellGrid.over(YINGPU, 300.0)
    points = points_in(YINGPU, 5000, seed=4)
    weights = np.random.default_rng(4).uniform(0, 2, 5000)
    counts = cells.count(points, weights)
    by_hand: dict[int, float] = {}
    for cell, weight in zip(cells.cell_of(points).tolist(), weights.tolist(), strict=True):
        by_hand[cell] = by_hand.get(cell, 0.0) + weight
    assert counts.ids.tolist() == sorted(by_hand)
    assert counts.totals == pytest.approx([by_hand[cell] for cell in sorted(by_hand)])
    assert cells.count(points).totals.sum() == 5000


def test_nothing_counts_to_nothing():
    counts = CellGrid.over(YINGPU, 300.0).count(np.empty((0, 2)))
    assert counts.ids.shape == counts.totals.shape == (0,)


def test_faulty_input_is_refused_with_the_value_named():
    with pytest.raises(CellError, match="size_m is 0"):
        CellGrid.over(YINGPU, 0)
    with pytest.raises(CellError, match="size_m is nan"):
        CellGrid.over(YINGPU, float("nan"))
    with pytest.raises(CellError, match="the area"):
        CellGrid.over((121.2, 31.0, 121.1, 31.1), 100)
    with pytest.raises(CellError, match="the area"):
        CellGrid.over([], 100)
    with pytest.raises(CellError, match="the area"):
        CellGrid.over([shapely.Polygon()], 100)
    with pytest.raises(CoordinateError):
        CellGrid.over((31.0, 121.0, 31.1, 121.1), 100)
    cells = CellGrid.over(YINGPU, 100)
    with pytest.raises(CoordinateError, match="position 1"):
        cells.cell_of([[121.1, 31.1], [np.nan, 31.1]])
    with pytest.raises(CellError, match="position 0"):
        cells.cell_of([[cells.origin.lon - 180, -cells.origin.lat]])
    with pytest.raises(CellError, match="weights"):
        cells.count([[121.1, 31.1]], [1.0, 2.0])
    with pytest.raises(CellError, match="weight is nan"):
        cells.count([[121.1, 31.1]], [float("nan")])
