"""Every fault of a boundary version is found, worded and sized; a sound version has none."""

import re
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import MultiPolygon, Polygon, box

from geo.boundaries import BoundaryVersion, Fault, Grid, Unit, UnitKind, area_m2
from geo.boundary_faults import find_faults
from geo.coords import Datum, Extent, LonLat, convert_array
from geo.metric import LocalPlane
from geo.tiling import Tolerance

Floats = np.ndarray
GEOD = Geod(ellps="WGS84")
PLANE = LocalPlane.at(LonLat(121.09, 31.155))
STEP = "renumber or join"
EXTENT = Extent(*PLANE.point_to_lonlat(-1050.0, -1050.0), *PLANE.point_to_lonlat(1050.0, 1050.0))


def block(west_m, south_m, east_m, north_m):
    """A rectangle in metres around the centre of Yingpu, as degrees; equal corners stay equal."""
    return shapely.transform(box(west_m, south_m, east_m, north_m), lambda en_m: PLANE.to_lonlat(en_m).round(9))


def grid(code, area, **changes: object):
    values = {"name": code, "name_zh": code, "police_beat": code, "chief": "", "deputies": (), "station": ""}
    return Grid(code=code, area=area, schematic=True, **{**values, **changes})


def unit(code, area, grid_code, **changes: object):
    values = {"name": code, "name_zh": code, "kind": UnitKind.RESIDENTIAL, "key": False, "head": "", "station": ""}
    return Unit(code=code, area=area, grid=grid_code, schematic=True, **{**values, **changes})


WEST, EAST = block(-1000, -1000, 0, 1000), block(0, -1000, 1000, 1000)
UNITS = (
    unit("U1", block(-1000, -1000, 0, 0), "G1"),
    unit("U2", block(-1000, 0, 0, 1000), "G1"),
    unit("U3", EAST, "G2"),
)


def version(grids=None, units=UNITS):
    return BoundaryVersion(
        valid_from=date(2020, 11, 1), grids=tuple(grids or (grid("G1", WEST), grid("G2", EAST))), units=tuple(units)
    )


def moved(features, datum):
    def shift(lonlat: Floats) -> Floats:
        return convert_array(lonlat, source=Datum.WGS84, target=datum)

    return tuple(replace(each, area=shapely.transform(each.area, shift)) for each in features)


def only(faults):
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


def test_a_sound_version_has_no_fault():
    assert find_faults(version(), extent=EXTENT) == []
    assert find_faults(version(units=()), extent=EXTENT) == []


@pytest.mark.parametrize("seed", range(5))
def test_units_that_meet_a_grids_long_edge_between_its_corners_are_no_fault(seed):
    # Corners of units lie on the grids' straight edges and are rounded to 1e-7 degrees: slivers below the tolerance.
    rng = np.random.default_rng(seed)
    west, south = PLANE.point_to_lonlat(-2500.0, -1000.0)
    east, north = PLANE.point_to_lonlat(2500.0, 1000.0)
    cuts = np.sort(rng.uniform(west, east, 6))
    tilt = [(x, south + 0.1 * (x - west)) for x in (west, *cuts, east)]
    edges = [(round(x, 7), round(y, 7)) for x, y in tilt]
    units = [
        unit(f"U{i}", Polygon([a, b, (b[0], north), (a[0], north)]), "G1") for i, (a, b) in enumerate(pairwise(edges))
    ]
    whole = Polygon([edges[0], edges[-1], (edges[-1][0], north), (edges[0][0], north)])
    assert find_faults(version([grid("G1", whole)], units)) == []


@given(width_m=st.floats(0.2, 300.0))
@settings(deadline=None)
def test_an_overlap_is_named_and_measured(width_m):
    faults = find_faults(version([grid("G1", block(-1000, -1000, width_m, 1000)), grid("G2", EAST)], ()))
    fault = only(faults)
    assert (fault.file, fault.feature, fault.field) == ("grids.geojson", "G1", "geometry")
    assert fault.problem.startswith("overlaps G2 by ")
    assert float(fault.problem.split()[3]) == pytest.approx(width_m * 2000, rel=0.01)


def test_a_fault_is_one_line_with_file_feature_field_and_next_step():
    fault = Fault(file="grids.geojson", feature="YP-G1", field="geometry", problem="overlaps YP-G2 by 830 m²; fix it")
    assert str(fault) == "grids.geojson: feature YP-G1: field geometry: overlaps YP-G2 by 830 m²; fix it"
    assert str(Fault(file="a.csv", feature="", field="", problem="is empty")) == "a.csv: is empty"


def test_an_enclosed_gap_is_found_and_an_island_in_it_is_not_counted():
    hole, island = block(200, 200, 300, 300), block(230, 230, 270, 270)
    grids = [grid("G1", WEST), grid("G2", EAST.difference(hole)), grid("G3", island)]
    fault = only(find_faults(version(grids, ())))
    assert "a gap of 8400 m² near" in fault.problem
    assert "G2, G3" in fault.problem


@pytest.mark.parametrize("width_m", [0.5, 4.0, 9.0])
def test_a_gap_that_runs_out_to_the_rim_is_found(width_m):
    grids = [grid("G1", block(-1000, -1000, -width_m, 1000)), grid("G2", EAST)]
    fault = only(find_faults(version(grids, ())))
    assert f"a gap of {width_m * 2000:.0f} m² near" in fault.problem
    assert "between G1, G2" in fault.problem


def test_a_grid_apart_on_purpose_is_no_gap():
    assert find_faults(version([grid("G1", block(-1000, -1000, -200, 1000)), grid("G2", EAST)], ())) == []


def test_what_is_thinner_than_the_tolerance_is_no_fault_and_the_tolerance_is_the_callers():
    grids = [grid("G1", block(-1000, -1000, 0.03, 1000)), grid("G2", EAST)]
    assert find_faults(version(grids, ())) == []
    assert len(find_faults(version(grids, ()), tolerance=Tolerance(area_m2=1.0, width_m=0.001))) == 1


def test_an_invalid_ring_says_where_and_the_rest_is_still_checked():
    crossed = Polygon(shapely.get_coordinates(EAST)[[0, 2, 1, 3, 0]])
    faults = find_faults(version([grid("G1", WEST), grid("G2", crossed), grid("G1", EAST)], ()))
    ring = next(fault for fault in faults if fault.field == "geometry" and "not valid" in fault.problem)
    assert ring.feature == "G2"
    assert "Self-intersection at 121.09" in ring.problem
    assert any("'G1' is the code of 2 features (#1, #3)" in fault.problem for fault in faults)


def test_codes_missing_blank_and_double():
    grids = [grid("G1", block(-1000, -1000, -500, 1000)), grid(" ", block(-500, -1000, 0, 1000)), grid("G1", EAST)]
    problems = [str(fault) for fault in find_faults(version(grids, ()))]
    assert problems == [
        "grids.geojson: feature #2: field code: is missing or blank; expected a code of its own; give it one",
        "grids.geojson: feature G1: field code: 'G1' is the code of 2 features (#1, #3); expected one; " + STEP,
    ]


def test_a_unit_names_a_grid_that_is_there():
    units = [UNITS[0], replace(UNITS[1], grid=""), replace(UNITS[2], grid="G9")]
    problems = [fault for fault in find_faults(version(units=units)) if fault.field == "grid"]
    assert [(fault.feature, fault.problem) for fault in problems] == [
        ("U2", "is missing or blank; expected the code of the grid that the unit lies in"),
        ("U3", "'G9' is no grid of grids.geojson; expected one of G1, G2"),
    ]


def test_a_unit_outside_its_grid_and_a_grid_left_bare_are_measured():
    units = [UNITS[0], unit("U2", block(-1000, 0, -100, 1000), "G1"), unit("U3", block(-100, -1000, 1000, 1000), "G2")]
    found = {fault.feature: fault.problem for fault in find_faults(version(units=units))}
    assert sorted(found) == ["G1", "U1", "U3"]
    for feature, size_m2, sentence in (
        ("G1", 1e5, r"(\d+) m² near \S+ of the grid lie in none of its units; extend a unit"),
        ("U1", 1e5, r"overlaps U3 by (\d+) m² near \S+; expected edges in common; give the piece to one of the two"),
        ("U3", 2e5, r"(\d+) m² near \S+ of the unit lie outside its grid G2; redraw the unit or the grid, or .*"),
    ):
        match = re.fullmatch(sentence, found[feature])
        assert match is not None, found[feature]
        assert float(match[1]) == pytest.approx(size_m2, rel=1e-4)


def test_a_grid_without_units_is_a_fault_once_there_are_units():
    fault = only(find_faults(version(units=UNITS[:2])))
    assert (fault.feature, fault.problem) == ("G2", "no unit names this grid; expected units that tile it; add them")


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_a_mistagged_version_is_one_fault_a_file_that_says_what_to_set(datum):
    wrong = version(moved(version().grids, datum), moved(UNITS, datum))
    name = {"gcj02": "GCJ-02", "bd09": "BD-09"}[datum]
    grids, units = find_faults(wrong, extent=EXTENT)
    assert f"coordinates look like {name} tagged wgs84; set datum.grids = '{datum}'" in str(grids)
    assert f"set datum.units = '{datum}'" in str(units)


def test_one_mistagged_file_is_found_without_an_extent_too():
    fault = only(find_faults(version(units=moved(UNITS, Datum.GCJ02))))
    assert fault.file == "units.geojson"
    assert "coordinates look like GCJ-02 tagged wgs84; set datum.units = 'gcj02'" in fault.problem
    fault = only(find_faults(version(units=moved(UNITS, Datum.GCJ02)), extent=EXTENT))
    assert "set datum.units = 'gcj02'" in fault.problem


def test_a_file_converted_once_too_often_is_told_so():
    def shift(lonlat: Floats) -> Floats:
        return convert_array(lonlat, source=Datum.GCJ02, target=Datum.WGS84)

    units = tuple(replace(each, area=shapely.transform(each.area, shift)) for each in UNITS)
    fault = only(find_faults(version(units=units), units_datum=Datum.GCJ02))
    assert "coordinates look like WGS-84 tagged gcj02; set datum.units = 'wgs84'" in fault.problem


def test_real_faults_show_beside_a_wrong_datum():
    grids = (grid("G1", WEST), grid("G2", block(-10, -1000, 1000, 1000)))
    faults = find_faults(version(moved(grids, Datum.GCJ02), ()), extent=EXTENT)
    assert [fault.problem.split()[0] for fault in faults[1:]] == ["overlaps"]


def test_what_lies_outside_the_extent_is_named_with_its_first_position():
    far = shapely.transform(EAST, lambda lonlat: np.add(lonlat, (1.0, 0.0)))
    fault = only(find_faults(version([grid("G1", WEST), grid("G2", far)], ()), extent=EXTENT))
    assert fault.feature == "G2"
    assert "5 of 5 coordinates fall outside the extent" in fault.problem
    assert "widen [extent]" in fault.problem


def test_latitude_first_is_recognised():
    here = Extent(8.0, 47.0, 9.0, 48.0)
    swapped = box(47.2, 8.2, 47.4, 8.4)
    fault = only(find_faults(version([grid("G1", swapped)], ()), extent=here))
    assert "the order looks like latitude first" in fault.problem


def test_too_many_overlaps_are_cut_off_and_said():
    faults = find_faults(version([grid(f"G{i:02}", WEST) for i in range(50)], ()))
    assert len(faults) == 1001
    assert "more than 1000 pairs overlap" in str(faults[-1])


@given(lon=st.floats(-170, 170), lat=st.floats(-70, 70), width=st.floats(0.0001, 0.05), height=st.floats(0.0001, 0.05))
def test_areas_are_those_of_the_ellipsoid(lon, lat, width, height):
    outline = shapely.segmentize(box(lon, lat, lon + width, lat + height), 0.01)
    expected = abs(GEOD.geometry_area_perimeter(outline)[0])
    assert area_m2(outline) == pytest.approx(expected, rel=1e-5)
    assert area_m2(MultiPolygon([outline])) == pytest.approx(expected, rel=1e-5)
    assert area_m2(Polygon()) == 0.0


def test_the_sample_site_is_sound(sample_site):
    from geo.feature_files import read_grids, read_units

    grids = read_grids(sample_site / "grids.geojson", Datum.WGS84)
    units = read_units(sample_site / "units.geojson", Datum.WGS84)
    assert (len(grids), len(units)) == (5, 34)
    assert find_faults(version(grids, units), extent=Extent(121.0632, 31.1289, 121.1166, 31.1842)) == []
