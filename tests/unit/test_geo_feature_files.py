"""Files of places: real ones, written and read back, and every way in which they can be wrong."""

import json
import zipfile

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, box

from geo import file_access
from geo.boundaries import Grid, Unit, UnitKind
from geo.coords import Datum, LonLat, convert
from geo.feature_files import (
    FeatureFileError,
    read_camera_features,
    read_grids,
    read_points_csv,
    read_polygons,
    read_units,
    write_camera_features,
    write_grids_geojson,
    write_points_csv,
    write_units_geojson,
)
from geo.metric import distance_m

GRID = {
    "code": "YP-G1",
    "name": "Grid 1",
    "name_zh": "第一网格",
    "police_beat": "B1",
    "chief": "a",
    "deputies": ["b", "c"],
    "station": "s",
    "schematic": True,
}
UNIT = {
    "code": "310118002001",
    "name": "Unit",
    "name_zh": "居委会",
    "kind": "residential",
    "grid": "YP-G1",
    "key": False,
    "head": "h",
    "station": "s",
    "schematic": True,
}
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[121.0, 31.0], [121.1, 31.0], [121.1, 31.1], [121.0, 31.1], [121.0, 31.0]]],
}


def feature(properties, geometry=SQUARE):
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def written(path, *features: object, **more: object):
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **more}), encoding="utf-8")
    return path


def faults_of(read, *arguments: object, **options: object):
    with pytest.raises(FeatureFileError) as caught:
        read(*arguments, **options)
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults][:50]
    return [str(fault) for fault in caught.value.faults]


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
areas = st.builds(
    lambda west, south, two: (
        MultiPolygon([box(west, south, west + 0.1, south + 0.1), box(west + 1, south, west + 1.1, south + 0.3)])
        if two
        else box(west, south, west + 0.1, south + 0.1).difference(
            box(west + 0.02, south + 0.02, west + 0.03, south + 0.03)
        )
    ),
    st.floats(-170, 170),
    st.floats(-80, 80),
    st.booleans(),
)
grids = st.builds(
    Grid,
    code=texts,
    name=texts,
    name_zh=texts,
    police_beat=texts,
    chief=texts,
    deputies=st.lists(texts, max_size=3).map(tuple),
    station=texts,
    area=areas,
    schematic=st.booleans(),
)
units = st.builds(
    Unit,
    code=texts,
    name=texts,
    name_zh=texts,
    kind=st.sampled_from(UnitKind),
    grid=texts,
    key=st.booleans(),
    head=texts,
    station=texts,
    area=areas,
    schematic=st.booleans(),
)


@settings(deadline=None, max_examples=40)
@given(some_grids=st.lists(grids, min_size=1, max_size=4), some_units=st.lists(units, min_size=1, max_size=4))
def test_grids_and_units_come_back_as_they_were_written(tmp_path_factory, some_grids, some_units):
    folder = tmp_path_factory.mktemp("files")
    write_grids_geojson(folder / "g.geojson", some_grids)
    write_units_geojson(folder / "u.geojson", some_units)
    assert read_grids(folder / "g.geojson", Datum.WGS84) == tuple(some_grids)
    assert read_units(folder / "u.geojson", Datum.CGCS2000) == tuple(some_units)
    assert sorted(path.name for path in folder.iterdir()) == ["g.geojson", "u.geojson"]


def test_a_gis_reads_what_is_written(tmp_path):
    path = written(tmp_path / "in.geojson", feature(GRID))
    write_grids_geojson(tmp_path / "out.geojson", read_grids(path, Datum.WGS84))
    frame = geopandas.read_file(tmp_path / "out.geojson")
    assert frame.crs == 4326
    assert frame.loc[0, "name_zh"] == "第一网格"
    assert frame.geometry[0].equals(shapely.geometry.shape(SQUARE))


def test_the_datum_of_a_file_is_converted(tmp_path):
    path = written(tmp_path / "grids.geojson", feature(GRID))
    (grid,) = read_grids(path, Datum.GCJ02)
    corner = LonLat(*shapely.get_coordinates(grid.area)[0])
    assert distance_m(convert(corner, source=Datum.WGS84, target=Datum.GCJ02), LonLat(121.0, 31.0)) < 1e-6
    assert distance_m(corner, LonLat(121.0, 31.0)) > 400


def test_cameras_keep_nested_properties_and_their_calibration_is_converted(tmp_path):
    position = LonLat(121.1046, 31.1521)
    properties = {
        "code": "pets-view1",
        "calibration": {"points": [[10.0, 20.0, *position], [300.5, 40.0, 121.105, 31.1525]], "pixel_sd_px": 1.0},
        "zones": {"apron": [[0, 0], [10, 0], [10, 10]]},
        "scenes": [{"scene": "crowd", "zone": None}],
    }
    path = tmp_path / "cameras.geojson"
    write_camera_features(path, [(position, properties)])
    assert read_camera_features(path, Datum.WGS84) == [(position, properties)]
    ((found, changed),) = read_camera_features(path, Datum.GCJ02)
    assert found == convert(position, source=Datum.GCJ02, target=Datum.WGS84)
    assert changed["calibration"]["points"][0] == pytest.approx([10.0, 20.0, *found], abs=1e-12)
    assert changed["calibration"]["pixel_sd_px"] == 1.0
    assert {key: value for key, value in changed.items() if key != "calibration"} == {
        key: value for key, value in properties.items() if key != "calibration"
    }


@pytest.mark.parametrize("points", [[[1, 2, 3]], "many", [[1, 2, 200.0, 31.0]], [[1, 2, None, 31.0]]])
def test_a_calibration_that_cannot_be_converted_is_a_fault(tmp_path, points):
    camera = {"code": "c1", "calibration": {"points": points}}
    path = written(tmp_path / "cameras.geojson", feature(camera, {"type": "Point", "coordinates": [121.1, 31.1]}))
    (fault,) = faults_of(read_camera_features, path, Datum.GCJ02)
    assert fault.startswith("cameras.geojson: feature c1: field calibration.points: cannot be converted from gcj02")
    assert read_camera_features(path, Datum.WGS84)[0][1] == camera


def test_every_fault_of_a_file_is_named_at_once(tmp_path):
    bad_grid = {**GRID, "chief": 7, "deputies": "b", "schematic": "yes"}
    del bad_grid["police_beat"]
    path = written(tmp_path / "grids.geojson", feature(bad_grid), feature({**GRID, "code": None}), feature(GRID, None))
    assert faults_of(read_grids, path, Datum.WGS84) == [
        "grids.geojson: feature YP-G1: field geometry: is None; expected Polygon or MultiPolygon; draw it as such",
        "grids.geojson: feature YP-G1: field police_beat: is missing; expected a text; put it in quotes",
        "grids.geojson: feature YP-G1: field chief: is 7; expected a text; put it in quotes",
        "grids.geojson: feature YP-G1: field deputies: is 'b'; expected a list of texts",
        "grids.geojson: feature YP-G1: field schematic: is 'yes'; expected true or false",
        "grids.geojson: feature #2: field code: is None; expected a text; put it in quotes",
    ]


def test_properties_at_fault_leave_the_geometry_readable_for_further_checks(tmp_path):
    path = written(tmp_path / "units.geojson", feature({**UNIT, "kind": "suburb"}), feature(UNIT))
    with pytest.raises(FeatureFileError, match="'suburb'; expected one of residential, village") as caught:
        read_units(path, Datum.WGS84)
    assert [unit.code for unit in caught.value.readable] == ["310118002001"] * 2
    path = written(tmp_path / "units.geojson", feature({**UNIT, "kind": "suburb"}), feature(UNIT, None))
    with pytest.raises(FeatureFileError) as caught:
        read_units(path, Datum.WGS84)
    assert caught.value.readable == ()


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        ({"type": "Point", "coordinates": [1, 2]}, "is 'Point'; expected Polygon or MultiPolygon"),
        ({"type": "Polygon", "coordinates": []}, "has [] as the coordinates of its polygon"),
        ({"type": "Polygon"}, "has None as the coordinates of its polygon"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}, "has 3 positions in ring 1; expected 4"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}, "open: from 0.0,0.0 to 0.0,1.0"),
        (
            {"type": "Polygon", "coordinates": [[[0, 0], [1, "x"], [1, 1], [0, 0]]]},
            "has [1, 'x'] at ring 1, position 2",
        ),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, True], [1, 1], [0, 0]]]}, "at ring 1, position 2; expected"),
        (
            {"type": "MultiPolygon", "coordinates": [[[[31, 121], [0, 0], [1, 1], [31, 121]]]]},
            "part 1, ring 1, position 1",
        ),
        ({"type": "Polygon", "coordinates": [[[10**400, 0], [1, 0], [1, 1], [0, 0]]]}, "at ring 1, position 1"),
        ({"type": "Polygon", "coordinates": [5]}, "has 5 as the coordinates of its ring 1"),
        ({"type": ["Polygon"], "coordinates": []}, "is ['Polygon']; expected Polygon"),
    ],
)
def test_a_geometry_says_what_is_wrong_with_it(tmp_path, geometry, said):
    (fault,) = faults_of(read_grids, written(tmp_path / "grids.geojson", feature(GRID, geometry)), Datum.WGS84)
    assert fault.startswith("grids.geojson: feature YP-G1: field geometry: ")
    assert said in fault


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON: Expecting value at line 1, column 1"),
        (b"{\n oops", "is not JSON: Expecting property name enclosed in double quotes at line 2, column 2"),
        (b"[" * 100_000, "is not usable JSON"),
        (b'{"type": "FeatureCollection", "features": [NaN]}', "the number NaN, expected a finite one"),
        ("网格".encode("gb18030"), "is not UTF-8 (byte 0 is 0x"),
        (b"[1, 2]", "field type: is 'list'; expected 'FeatureCollection'"),
        (b'{"type": "Feature"}', "field type: is 'Feature'; expected 'FeatureCollection'"),
        (b'{"type": "FeatureCollection", "features": []}', "field features: is missing or empty"),
        (b'{"type": "FeatureCollection", "features": [5]}', "stands in no Feature but 5"),
    ],
)
def test_a_file_that_is_no_geojson_is_refused(tmp_path, content, said):
    path = tmp_path / "grids.geojson"
    path.write_bytes(content)
    assert said in faults_of(read_grids, path, Datum.WGS84)[0]


def test_a_projected_geojson_is_refused_and_degrees_with_a_crs_are_read(tmp_path):
    def crs(name):  # noqa: ANN202  # a dictionary
        return {"type": "name", "properties": {"name": name}}

    path = written(tmp_path / "a.geojson", feature(GRID), crs=crs("urn:ogc:def:crs:EPSG::3857"))
    assert "field crs: is 'urn:ogc:def:crs:EPSG::3857'; expected degrees" in faults_of(read_grids, path, Datum.WGS84)[0]
    path = written(tmp_path / "a.geojson", feature(GRID), crs=crs("urn:ogc:def:crs:OGC:1.3:CRS84"))
    assert len(read_grids(path, Datum.WGS84)) == 1


def test_missing_and_oversized_files_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "grids.geojson"
    assert "does not exist; expected a file" in faults_of(read_grids, path, Datum.WGS84)[0]
    assert "is a folder; expected a file" in faults_of(read_points_csv, tmp_path)[0]
    written(path, feature(GRID))
    monkeypatch.setattr(file_access, "MAX_BYTES", 100)
    for read, options in (
        (read_grids, {"datum": Datum.WGS84}),
        (read_points_csv, {}),
        (read_polygons, {"code_field": "c"}),
    ):
        assert "MB at most; simplify or split it" in faults_of(read, path, **options)[0]


def test_a_zip_that_unpacks_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "beats.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("beats.geojson", " " * 1_000_000)
    monkeypatch.setattr(file_access, "MAX_BYTES", 100_000)
    assert "expected 0 MB at most" in faults_of(read_polygons, path, code_field="c")[0]


def test_writing_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / "cameras.geojson"
    path.write_text("before")
    cameras = [(LonLat(1.0, 2.0), {"code": "c1"}), (LonLat(1.0, 2.0), {"code": "c2", "fps": float("nan")})]
    assert "feature c2: cannot be written as JSON: Out of range" in faults_of(write_camera_features, path, cameras)[0]
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["cameras.geojson"]
    said = faults_of(write_camera_features, tmp_path / "none" / "x.geojson", [])[0]
    assert said.startswith("x.geojson: cannot be written: No such file or directory; check the folder")


# ---- beats of real cities


def beats(shared_data, name):
    return shared_data / "boundaries" / name


def test_chicago_has_one_beat_in_three_features(shared_data):
    for name in ("chicago_police_beats.geojson", "chicago_police_beats_shp.zip"):
        found = read_polygons(beats(shared_data, name), code_field="BEAT_NUM")
        assert len(found.codes) == 277
        assert [str(fault) for fault in found.faults] == [
            f"{name}: feature 3100: field code: is the code of 3 features; expected one; renumber or merge them"
        ]
        merged = read_polygons(beats(shared_data, name), code_field="BEAT_NUM", merge=True)
        assert (len(merged.codes), merged.faults) == (275, ())
        assert "joined 3 features" in str(*merged.repairs)


def test_raleigh_has_sixteen_invalid_rings_that_are_repaired_on_request_only(shared_data):
    path = beats(shared_data, "raleigh_beats.geojson")
    found = read_polygons(path, code_field="BEAT")
    assert (len(found.codes), len(found.faults), found.repairs) == (47, 16, ())
    assert all("the ring is not valid: Ring Self-intersection at -78." in fault.problem for fault in found.faults)
    mended = read_polygons(path, code_field="BEAT", repair=True)
    assert (len(mended.codes), mended.faults, len(mended.repairs)) == (63, (), 16)
    assert all(area.is_valid for area in mended.areas)
    raw = geopandas.read_file(path).set_index("BEAT").geometry
    for code, area in zip(mended.codes, mended.areas, strict=True):
        assert area.area == pytest.approx(raw[code].area, rel=1e-6)


def test_an_import_becomes_grids_that_are_read_back(shared_data, tmp_path):
    found = read_polygons(beats(shared_data, "sf_police_districts.geojson"), code_field="DISTRICT")
    write_grids_geojson(tmp_path / "grids.geojson", found.as_grids())
    assert read_grids(tmp_path / "grids.geojson", Datum.WGS84) == found.as_grids()
    assert "RICHMOND" in found.codes


@pytest.mark.parametrize("suffix", ["gpkg", "shp", "fgb", "geojson"])
def test_any_format_in_any_crs_lands_on_the_same_degrees(tmp_path, suffix):
    truth = [box(121.0, 31.0, 121.1, 31.1), box(121.1, 31.0, 121.2, 31.1)]
    frame = geopandas.GeoDataFrame({"beat": [7, 8]}, geometry=truth, crs=4326)
    path = tmp_path / f"beats.{suffix}"
    (frame if suffix == "geojson" else frame.to_crs(4549)).to_file(path)
    found = read_polygons(path, code_field="beat")
    assert found.faults == ()
    assert "leading zeros" in " ".join(found.notes)
    areas = dict(zip(found.codes, found.areas, strict=True))
    assert shapely.hausdorff_distance([areas["7"], areas["8"]], truth).max() < 1e-8


def test_a_file_without_crs_is_taken_for_degrees_only_where_that_can_be(tmp_path):
    square = box(121.0, 31.0, 121.1, 31.1)
    frame = geopandas.GeoDataFrame({"beat": ["A"]}, geometry=[square], crs=4326)
    frame.to_file(tmp_path / "degrees.shp")
    (tmp_path / "degrees.prj").unlink()
    found = read_polygons(tmp_path / "degrees.shp", code_field="beat")
    assert any("names no CRS; its coordinates look like degrees" in note for note in found.notes)
    frame.to_crs(4549).to_file(tmp_path / "metres.shp")
    (tmp_path / "metres.prj").unlink()
    (fault,) = faults_of(read_polygons, tmp_path / "metres.shp", code_field="beat")
    assert "field crs: is missing, and coordinates such as" in fault
    stated = read_polygons(tmp_path / "metres.shp", code_field="beat", crs="EPSG:4549")
    assert shapely.hausdorff_distance(stated.areas[0], square) < 1e-8
    (fault,) = faults_of(read_polygons, tmp_path / "metres.shp", code_field="beat", crs="EPSG:nonsense")
    assert "field crs: is 'EPSG:nonsense', which PROJ cannot take to degrees" in fault


def test_a_foreign_file_in_gcj02_is_converted(tmp_path):
    geopandas.GeoDataFrame({"beat": ["A"]}, geometry=[box(121.0, 31.0, 121.1, 31.1)], crs=4326).to_file(
        tmp_path / "a.gpkg"
    )
    found = read_polygons(tmp_path / "a.gpkg", code_field="beat", datum=Datum.GCJ02)
    west, south, _, _ = found.areas[0].bounds
    assert (west - 121.0, south - 31.0) == pytest.approx((-0.0045, 0.0020), abs=5e-4)


def test_codes_and_shapes_at_fault_are_all_named(tmp_path):
    frame = geopandas.GeoDataFrame(
        {"beat": ["A", None, "  ", "A", "L", "E", "x" * 101]},
        geometry=[
            box(0, 0, 1, 1),
            box(1, 0, 2, 1),
            box(2, 0, 3, 1),
            box(3, 0, 4, 1),
            shapely.LineString([(0, 0), (1, 1)]),
            None,
            box(5, 0, 6, 1),
        ],
        crs=4326,
    )
    frame.to_file(tmp_path / "a.geojson")
    found = read_polygons(tmp_path / "a.geojson", code_field="beat")
    assert found.codes == ("A", "A")
    assert [str(fault).removeprefix("a.geojson: ") for fault in found.faults] == [
        "feature #2: field code: is missing or blank; expected a code of its own; give it one",
        "feature #3: field code: is missing or blank; expected a code of its own; give it one",
        "feature #7: field code: has 101 characters; expected 100 at most; shorten it",
        "feature L: field geometry: is LineString; expected a polygon; draw it or drop the feature",
        "feature E: field geometry: is nothing; expected a polygon; draw it or drop the feature",
        "feature A: field code: is the code of 2 features; expected one; renumber or merge them",
    ]


def test_fields_and_layers_that_are_not_there_are_answered_with_those_that_are(tmp_path):
    frame = geopandas.GeoDataFrame({"beat": ["A"], "name": ["a"]}, geometry=[box(0, 0, 1, 1)], crs=4326)
    path = tmp_path / "a.gpkg"
    frame.to_file(path, layer="beats")
    assert faults_of(read_polygons, path, code_field="BEAT") == [
        "a.gpkg: field BEAT: is no field of it; expected one of beat, name"
    ]
    frame.to_file(path, layer="districts")
    (fault,) = faults_of(read_polygons, path, code_field="beat")
    assert "has 2 layers of polygons; expected 1; it holds beats (Polygon), districts (Polygon); name one" in fault
    assert read_polygons(path, code_field="beat", layer="beats").codes == ("A",)
    (fault,) = faults_of(read_polygons, path, code_field="beat", layer="wards")
    assert "'wards' is not there; expected one of beats (Polygon), districts (Polygon)" in fault
    frame.set_geometry(frame.representative_point()).to_file(tmp_path / "points.gpkg")
    (fault,) = faults_of(read_polygons, tmp_path / "points.gpkg", code_field="beat")
    assert "has 0 layers of polygons" in fault


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.gpkg", b"not a database", "cannot be read by GDAL"),
        ("a.zip", b"PK\x03\x04 broken", "cannot be read by GDAL"),
        ("a.vrt", b"<OGRVRTDataSource><OGRVRTLayer/></OGRVRTDataSource>", "only points at other files"),
    ],
)
def test_what_gdal_should_or_can_not_read_is_refused(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    assert said in faults_of(read_polygons, tmp_path / name, code_field="beat")[0]


# ---- tables of points


def table(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_points_are_read_and_written_with_what_stood_beside_them(tmp_path):
    text = '\ufeffid,lon,lat,"note, long"\r\n1,121.1,31.15,"a ""b"",\r\nc"\r\n\r\n2, 121.2 ,31.25,\r\n'
    points = read_points_csv(table(tmp_path / "in.csv", text))
    assert points.columns == ("id", "lon", "lat", "note, long")
    assert points.lonlat.tolist() == [[121.1, 31.15], [121.2, 31.25]]
    write_points_csv(tmp_path / "out.csv", points, {"grid": ["G1", None], "unit": ['U,"1"', "U2"]})
    assert (tmp_path / "out.csv").read_bytes().decode() == (
        'id,lon,lat,"note, long",grid,unit\n1,121.1,31.15,"a ""b"",\r\nc",G1,"U,""1"""\n2, 121.2 ,31.25,,,U2\n'
    )
    again = read_points_csv(tmp_path / "out.csv")
    assert np.array_equal(again.lonlat, points.lonlat)
    (fault,) = faults_of(write_points_csv, tmp_path / "out.csv", again, {"grid": ["G1", "G2"]})
    assert fault == (
        "out.csv: field grid: is a column of the input already; expected a new name; rename or drop that column"
    )


def test_every_bad_row_is_named_with_its_line(tmp_path):
    text = 'lon,lat,note\n121,31,ok\nabc,31,\n121,91,"two\nlines"\n,31,\n121\nnan,1_0,\ninf,31,\n'
    assert faults_of(read_points_csv, table(tmp_path / "p.csv", text)) == [
        "p.csv: feature line 3: field lon: is 'abc'; expected degrees, -180..180; correct the row",
        "p.csv: feature line 5: field lat: is '91'; expected degrees, -90..90; correct the row",
        "p.csv: feature line 6: field lon: is ''; expected degrees, -180..180; correct the row",
        "p.csv: feature line 7: has 1 fields; expected 3 as in the header; correct the row",
        "p.csv: feature line 8: field lon: is 'nan'; expected degrees, -180..180; correct the row",
        "p.csv: feature line 8: field lat: is '1_0'; expected degrees, -90..90; correct the row",
        "p.csv: feature line 9: field lon: is 'inf'; expected degrees, -180..180; correct the row",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "field lon: stands 0 times in the header; expected once; columns seen: none"),
        ("x;lon;lat\n1;2;3\n", "columns seen: x;lon;lat; name the columns lon and lat, separated by commas"),
        ("lon,lon,lat\n1,2,3\n", "field lon: stands 2 times in the header"),
        ('lon,lat\n1,"2', "is not CSV: unexpected end of data"),
        ("lon,lat\n1," + '"' + "9" * 200_000 + '"\n', "is not CSV: field larger than field limit"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, text, said):
    assert any(said in fault for fault in faults_of(read_points_csv, table(tmp_path / "p.csv", text)))


def test_an_encoding_other_than_utf8_is_named(tmp_path):
    (tmp_path / "p.csv").write_bytes("lon,lat,地点\n121,31,网格\n".encode("gb18030"))
    assert "is not UTF-8" in faults_of(read_points_csv, tmp_path / "p.csv")[0]


def test_a_table_of_nothing_but_faults_is_cut_off(tmp_path):
    with pytest.raises(FeatureFileError) as caught:
        read_points_csv(table(tmp_path / "p.csv", "lon,lat\n" + "x,1\n" * 5000))
    assert len(caught.value.faults) == 1001
    assert str(caught.value).endswith("and 951 more faults")
    assert "the rest is not listed" in str(caught.value.faults[-1])


def test_points_in_gcj02_are_converted_and_an_empty_table_has_no_points(tmp_path):
    points = read_points_csv(table(tmp_path / "p.csv", "lon,lat\n121.1092,31.1502\n"), datum=Datum.GCJ02)
    assert distance_m(LonLat(*points.lonlat[0]), LonLat(121.1046, 31.1521)) < 5
    assert read_points_csv(table(tmp_path / "p.csv", "lat,lon\n")).lonlat.shape == (0, 2)
