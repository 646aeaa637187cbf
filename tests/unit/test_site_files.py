import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from shapely.affinity import translate
from shapely.geometry import mapping, shape

from geo.coords import Datum, LonLat, convert
from pipeline.cases import Side
from pipeline.run import address_of, site_sources
from pipeline.site import OutsideError, Site
from pipeline.site_files import REQUIRED, SiteFaultsError, documents, read_site, site_from_documents
from pipeline.streams import Transport

ELSEWHERE = [
    [79.5, 185.9, 122.1047541, 31.1528667],
    [700, 185.9, 122.1051, 31.1528667],
    [700, 500, 122.1051, 31.1526],
    [79.5, 500, 122.1047541, 31.1526],
]


@pytest.fixture(scope="module")
def site(sample_site: Path) -> Site:
    return read_site(sample_site)


@pytest.fixture
def copy(sample_site: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    for name in (*REQUIRED, "streets.geojson"):
        shutil.copy(sample_site / name, folder / name)
    return folder


def faults_of(folder: Path) -> str:
    with pytest.raises(SiteFaultsError) as raised:
        read_site(folder)
    return str(raised.value)


def edit(path: Path, change: object) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document["features"])  # type: ignore[operator]  # a function of the features
    path.write_text(json.dumps(document), encoding="utf-8")


def test_the_sample_site_has_five_grids_and_34_units(site: Site) -> None:
    assert len(site.boundaries.grids) == 5
    assert len(site.boundaries.units) == 34
    assert len(site.cameras) >= 12
    assert len(site.roster.forces) >= 60
    assert len(site.catalogue.by_key) >= 15


def test_a_site_comes_back_from_its_documents(site: Site, sample_site: Path) -> None:
    again = site_from_documents(documents(sample_site, []))
    assert again.settings == site.settings
    assert again.boundaries == site.boundaries
    assert again.roster == site.roster


def test_every_camera_stands_in_a_grid_and_sees_ground_in_the_site(site: Site) -> None:
    for camera in site.cameras.values():
        below = camera.view.locate((camera.width_px / 2, camera.height_px * 0.9), pixel_sd_px=(1.0, 1.0))
        assert site.place(camera.lonlat).grid
        assert site.place(below.lonlat).unit


def test_places_in_a_batch_are_the_places_one_by_one(site: Site) -> None:
    posts = [force.post for force in site.roster.forces]
    grids, units = site.places(np.array(posts))
    for post, grid, unit in zip(posts, grids, units, strict=True):
        place = site.place(post)
        assert (place.grid, place.unit) == (grid, unit)


def test_a_point_outside_names_the_datum_as_a_suspect(site: Site) -> None:
    with pytest.raises(OutsideError, match="GCJ-02"):
        site.place(LonLat(121.5, 31.2))


def test_the_side_follows_the_edge(site: Site) -> None:
    unit = next(unit for unit in site.boundaries.units if unit.kind == "residential")
    inside = unit.area.representative_point()
    corner = unit.area.exterior.interpolate(0.3, normalized=True)
    near = LonLat(corner.x + (inside.x - corner.x) * 0.01, corner.y + (inside.y - corner.y) * 0.01)
    assert site.place(LonLat(inside.x, inside.y)).side in {Side.UNIT_INTERIOR, Side.STREET_FACE}
    assert site.place(near, side=None).side is Side.STREET_FACE
    assert site.place(near, side=Side.UNIT_INTERIOR).side is Side.UNIT_INTERIOR


def test_missing_files_are_all_named(tmp_path: Path) -> None:
    text = faults_of(tmp_path)
    assert all(name in text for name in REQUIRED)


def test_overlapping_grids_are_named_with_their_area(copy: Path) -> None:
    def shift(features: list[dict[str, object]]) -> None:
        features[0]["geometry"] = mapping(translate(shape(features[0]["geometry"]), 0.0005, 0.0))

    edit(copy / "grids.geojson", shift)
    text = faults_of(copy)
    assert "overlaps" in text
    assert "m²" in text


def test_a_missing_column_is_named(copy: Path) -> None:
    path = copy / "forces.csv"
    header, rest = path.read_text(encoding="utf-8").split("\n", 1)
    path.write_text(header.replace("terminal", "device") + "\n" + rest, encoding="utf-8")
    assert "column missing: terminal" in faults_of(copy)


def test_a_gcj02_file_tagged_wgs84_is_suspected(copy: Path) -> None:
    def to_gcj02(geometry: dict[str, object]) -> dict[str, object]:
        def moved(ring: object) -> object:
            if isinstance(ring[0], (int, float)):  # type: ignore[index]
                return list(convert(LonLat(*ring), source=Datum.WGS84, target=Datum.GCJ02))  # type: ignore[misc]
            return [moved(part) for part in ring]  # type: ignore[attr-defined]

        return {**geometry, "coordinates": moved(geometry["coordinates"])}

    def shift(features: list[dict[str, object]]) -> None:
        for feature in features:
            feature["geometry"] = to_gcj02(feature["geometry"])  # type: ignore[arg-type]

    for name in ("grids.geojson", "units.geojson"):
        edit(copy / name, shift)
    text = faults_of(copy)
    assert "gcj02" in text.lower()
    assert "datum" in text


def test_a_camera_with_three_points_a_crossed_zone_and_an_unknown_scene_has_three_faults(copy: Path) -> None:
    def spoil(features: list[dict[str, object]]) -> None:
        properties = features[0]["properties"]
        properties["calibration"]["points"] = properties["calibration"]["points"][:3]  # type: ignore[index]
        properties["zones"] = {"z": [[0, 0], [100, 100], [100, 0], [0, 100]]}  # type: ignore[index]
        properties["scenes"] = [{"scene": "ufo", "zone": "z"}]  # type: ignore[index]

    edit(copy / "cameras.geojson", spoil)
    text = faults_of(copy)
    assert "3 points" in text
    assert "crosses itself" in text
    assert "'ufo'" in text


def test_a_camera_s_source_is_looked_at_before_it_is_opened(copy: Path) -> None:
    def spoil(features: list[dict[str, object]]) -> None:
        wrong = {"uri": "ftp://camera/1", "transport": "pigeon", "stream": "sub", "sub_uri": ""}
        features[0]["properties"] |= wrong  # type: ignore[operator]

    edit(copy / "cameras.geojson", spoil)
    text = faults_of(copy)
    for word in ("'ftp'", "'pigeon', expected tcp or udp", "sub_uri"):
        assert word in text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"code": "城中-1"}, "field code: is '城中-1', expected at most 40 of"),
        ({"code": "../../etc"}, "field code: is '../../etc'"),
        ({"code": "a/b c"}, "field code: is 'a/b c'"),
        ({"code": "x" * 41}, "field code: is 'xxx"),
        ({"footage_fps": "many"}, "field footage_fps: is 'many', expected a number from 0.01 to 240"),
        ({"footage_fps": 0}, "field footage_fps: is 0, expected a number from 0.01 to 240"),
        ({"fps": 10**400}, "field fps: is 1000"),
        ({"zones": {"z": [[0, 0], [10**400, 0], [10, 10]]}}, "field zones.z: expected three or more"),
        ({"zones": {"z": [[-90, 10], [0, 10], [0, 90]]}}, "field zones.z: lies outside the image"),
        ({"calibration": {"points": [[10**400, 0, 121.1, 31.1]] * 4}}, "field points: expected a list of"),
        ({"calibration": {"points": ELSEWHERE}}, "4 of 4 lie outside the site's extent, the first at 122.104754, 31.1"),
        ({"scenes": [{"scene": ["x"], "zone": None}]}, "field scenes: names ['x']; known: "),
        ({"scenes": [{"scene": "crowd", "zone": ["y"]}]}, "field scenes: names zone ['y']"),
        ({"scenes": [{"scene": "crowd", "zone": None, "wihtout": []}]}, "scenes: field wihtout: is not a field here"),
        (
            {"uri": "http://a:b@10.0.0.1/index.html?x=1"},
            "field uri: is 'http://a:***@10.0.0.1/index.html?x=1', a web page",
        ),
        ({"soruce": "rtsp://10.0.0.1/1"}, "field soruce: is not a field here; expected one of calibration, code"),
    ],
)
def test_what_a_camera_cannot_be_is_a_fault_of_its_field(copy: Path, changes: dict[str, object], told: str) -> None:
    def spoil(features: list[dict[str, object]]) -> None:
        features[0]["properties"] |= changes  # type: ignore[operator]

    edit(copy / "cameras.geojson", spoil)
    text = faults_of(copy)
    assert "cameras.geojson: feature " in text
    assert told in text


def test_a_camera_s_sub_stream_is_taken_where_it_says_so(copy: Path) -> None:
    def choose(features: list[dict[str, object]]) -> None:
        both = {"uri": "rtsp://10.0.0.9/main", "sub_uri": "rtsp://10.0.0.9/sub", "transport": "UDP"}
        features[0]["properties"] |= {**both, "stream": "sub"}  # type: ignore[operator]
        features[1]["properties"] |= both  # type: ignore[operator]

    edit(copy / "cameras.geojson", choose)
    site = read_site(copy)
    codes = list(site.cameras)[:2]
    sources = site_sources(site)
    assert [sources[code] for code in codes] == ["rtsp://10.0.0.9/sub", "rtsp://10.0.0.9/main"]
    address = address_of(site.camera(codes[0]), sources[codes[0]])
    assert (address.transport, address.live, address.waits) == (Transport.UDP, True, False)


def test_a_force_posted_outside_the_site_is_named(copy: Path) -> None:
    path = copy / "forces.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = ",".join([*lines[1].split(",")[:-2], "121.5", "31.5"])
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert f"feature {lines[1].split(',')[0]}: field lon,lat" in faults_of(copy)
