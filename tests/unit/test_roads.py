"""Ways along streets: as networkx finds them, from any file of lines, and by the straight line where there is none."""

import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from small_site import NOON, PARKED, PLAIN, category, force, small_site, spot

from geo.coords import Datum, Extent, LonLat, convert
from geo.errors import FeatureFileError
from geo.metric import LocalPlane, distance_m
from geo.road_files import lines_of, read_road_lines, road_document
from geo.roads import NoRoadsError, RoadGraph
from pipeline.cases import Case, Channel, Side, Status
from pipeline.dispatch import Dispatch, decide
from pipeline.site_files import documents, read_site, site_from_documents

HERE = LonLat(24.94, 60.17)
PLANE = LocalPlane.at(HERE)


def lines(*paths: list[tuple[float, float]]) -> list[np.ndarray]:
    """Return lines through places given in metres east and north."""
    return [np.array([PLANE.point_to_lonlat(*each) for each in path]) for path in paths]


def way_m(graph: RoadGraph, start: tuple[float, float], end: tuple[float, float], **limits: float) -> float:
    there = graph.beside(np.array([PLANE.point_to_lonlat(*end)]))
    return float(graph.ways_m(PLANE.point_to_lonlat(*start), there, **limits)[0])


def test_a_way_follows_the_streets_with_what_lies_beside_them():
    bend = RoadGraph.over(lines([(0, 0), (100, 0)], [(100, 0), (100, 100)]))
    assert way_m(bend, (10, 5), (103, 60)) == pytest.approx(5 + 90 + 60 + 3, abs=0.01)
    assert way_m(bend, (10, 0), (40, 0)) == pytest.approx(30, abs=0.01)
    assert way_m(bend, (40, 0), (10, 0)) == pytest.approx(30, abs=0.01)
    assert math.isinf(way_m(bend, (10, 5), (103, 60), within_m=150.0))
    assert way_m(bend, (10, 5), (103, 60), within_m=200.0) == pytest.approx(158, abs=0.01)


def corners_of(graph: RoadGraph, start: tuple[float, float], end: tuple[float, float]) -> list[tuple[float, float]]:
    """Return the corners of the shortest way, metres east and north."""
    way = graph.way(PLANE.point_to_lonlat(*start), PLANE.point_to_lonlat(*end))
    assert way.length_m == pytest.approx(way_m(graph, start, end), abs=0.01)
    return [(round(east, 1), round(north, 1)) for east, north in (PLANE.to_metres(way.corners) + 0.0).tolist()]


def test_a_way_has_the_corners_of_its_streets():
    bend = RoadGraph.over(lines([(0, 0), (100, 0)], [(100, 100), (100, 0)]))
    there = corners_of(bend, (10, 5), (103, 60))
    assert list(dict.fromkeys(there)) == [(10, 5), (10, 0), (100, 0), (100, 60), (103, 60)]
    assert corners_of(bend, (103, 60), (10, 5)) == there[::-1]
    assert list(dict.fromkeys(corners_of(bend, (40, 0), (10, 0)))) == [(40, 0), (10, 0)]
    both = RoadGraph.over(lines([(0, 0), (0, 200), (100, 0)], [(0, 0), (100, 0)], [(100, 0), (200, 0)]))
    assert list(dict.fromkeys(corners_of(both, (0, 100), (150, 0)))) == [(0, 100), (0, 0), (100, 0), (150, 0)]
    loop = RoadGraph.over(lines([(0, 0), (50, 50), (100, 0), (0, 0)], [(0, 0), (-100, 0)]))
    assert list(dict.fromkeys(corners_of(loop, (-50, 0), (50, 50)))) == [(-50, 0), (0, 0), (50, 50)]


def test_a_place_on_a_way_is_where_its_share_of_metres_is_behind():
    bend = RoadGraph.over(lines([(0, 0), (100, 0)], [(100, 100), (100, 0)]))
    way = bend.way(PLANE.point_to_lonlat(0, 0), PLANE.point_to_lonlat(100, 100))
    for share, place in ((0.0, (0, 0)), (0.25, (50, 0)), (0.5, (100, 0)), (0.9, (100, 80)), (1.0, (100, 100))):
        assert PLANE.to_metres(np.array([way.at(share)]))[0] == pytest.approx(place, abs=0.05)


def test_streets_that_cross_without_a_shared_vertex_do_not_meet():
    bridge = lines([(-100, 0), (100, 0)], [(0, -100), (0, 100)], [(100, 0), (100, 100), (0, 100)])
    assert way_m(RoadGraph.over(bridge), (-50, 0), (0, -50)) == pytest.approx(150 + 100 + 100 + 150, abs=0.1)
    crossing = lines([(-100, 0), (0, 0), (100, 0)], [(0, -100), (0, 0), (0, 100)])
    assert way_m(RoadGraph.over(crossing), (-50, 0), (0, -50)) == pytest.approx(100, abs=0.01)


def test_of_two_stretches_between_two_crossings_the_shorter_counts_and_a_loop_leads_back():
    both = RoadGraph.over(lines([(0, 0), (0, 200), (100, 0)], [(0, 0), (100, 0)], [(100, 0), (200, 0)]))
    assert way_m(both, (0, 0), (150, 0)) == pytest.approx(150, abs=0.01)
    loop = RoadGraph.over(lines([(0, 0), (50, 50), (100, 0), (0, 0)], [(0, 0), (-100, 0)]))
    assert way_m(loop, (-50, 0), (100, 0)) == pytest.approx(150, abs=0.1)


def test_what_is_not_joined_to_the_largest_net_is_left_out():
    apart = RoadGraph.over(lines([(0, 0), (300, 0)], [(0, 500), (50, 500)]))
    assert apart.left_out_m == pytest.approx(50, abs=0.01)
    assert way_m(apart, (0, 0), (20, 500)) == pytest.approx(20 + 500, abs=0.1)


def test_no_street_is_an_error():
    with pytest.raises(NoRoadsError, match="0 lines"):
        RoadGraph.over([])
    with pytest.raises(NoRoadsError, match="1 lines hold no street"):
        RoadGraph.over(lines([(5, 5), (5, 5)]))


@pytest.fixture(scope="module")
def helsinki(shared_data: Path) -> Path:
    return shared_data / "roads" / "Helsinki.osm.pbf"


def test_a_real_extract_gives_the_ways_that_networkx_finds(helsinki: Path):
    streets = read_road_lines(helsinki)
    graph = RoadGraph.over(streets)
    plain = nx.Graph()
    for line in streets:
        plane = graph._plane.to_metres(line)
        lengths_m = np.hypot(*np.diff(plane, axis=0).T)
        for (a, b), length in zip(pairwise(line), lengths_m, strict=True):
            one, other = (tuple(np.round(end, 7)) for end in (a, b))
            if one != other and length < plain.get_edge_data(one, other, {"weight": math.inf})["weight"]:
                plain.add_edge(one, other, weight=float(length))
    net = max(nx.connected_components(plain), key=lambda nodes: plain.subgraph(nodes).size(weight="weight"))
    nodes = sorted(net)
    chosen = [nodes[index] for index in np.random.default_rng(4).integers(len(nodes), size=40)]
    for start in chosen[:5]:
        expected = nx.single_source_dijkstra_path_length(plain, start)
        ways = graph.ways_m(LonLat(*start), graph.beside(np.array(chosen)))
        assert ways == pytest.approx([expected[end] for end in chosen], abs=0.05)


def test_ways_of_a_real_extract_are_as_long_as_reckoned_and_lie_on_its_streets(helsinki: Path):
    import shapely

    streets = read_road_lines(helsinki)
    graph = RoadGraph.over(streets)
    nets = shapely.union_all([shapely.LineString(graph._plane.to_metres(line)) for line in streets])
    low, high = np.concatenate(streets).min(axis=0), np.concatenate(streets).max(axis=0)
    places = np.random.default_rng(7).uniform(low, high, (25, 2))
    beside = graph.beside(places)
    for start in places[:8]:
        ways = graph.ways_m(LonLat(*start), beside)
        for end, expected_m in zip(places, ways, strict=True):
            way = graph.way(LonLat(*start), LonLat(*end))
            assert way.length_m == pytest.approx(float(expected_m), abs=0.05)
            corners = shapely.points(graph._plane.to_metres(way.corners))
            assert shapely.distance(nets, corners[1:-1]).max() < 0.05


def test_a_file_may_have_any_crs_and_datum(tmp_path: Path):
    import geopandas
    import shapely

    path = lines([(0, 0), (100, 0), (100, 100)])[0]
    frame = geopandas.GeoDataFrame(geometry=[shapely.LineString(path)], crs="EPSG:4326")
    frame.to_crs("EPSG:3067").to_file(tmp_path / "roads.gpkg")
    (read,) = read_road_lines(tmp_path / "roads.gpkg")
    assert read == pytest.approx(path, abs=1e-8)
    extent = Extent(west=24.9, south=60.1, east=25.0, north=60.2)
    assert len(read_road_lines(tmp_path / "roads.gpkg", extent=extent)) == 1
    with pytest.raises(FeatureFileError, match="0 vertices of streets in the site's extent"):
        read_road_lines(tmp_path / "roads.gpkg", extent=Extent(west=0, south=0, east=1, north=1))
    shanghai = np.array([[121.1, 31.15], [121.101, 31.15]])
    shifted = [convert(LonLat(*each), source=Datum.WGS84, target=Datum.GCJ02) for each in shanghai]
    frame = geopandas.GeoDataFrame(geometry=[shapely.LineString(shifted)], crs="EPSG:4326")
    frame.to_file(tmp_path / "gcj.geojson")
    (back,) = read_road_lines(tmp_path / "gcj.geojson", datum=Datum.GCJ02)
    assert max(distance_m(LonLat(*a), LonLat(*b)) for a, b in zip(back, shanghai, strict=True)) < 0.5


@pytest.mark.parametrize(
    "text", ["", "{}", '{"features": []}', '{"features": [{"geometry": {"coordinates": [["a"]]}}]}']
)
def test_a_document_that_is_none_is_refused(text: str):
    with pytest.raises(FeatureFileError, match="no document of streets"):
        lines_of(text, file="roads.wgs84.geojson")


def test_a_document_gives_back_its_lines():
    streets = lines([(0, 0), (100, 0)], [(100, 0), (100, 100)])
    again = lines_of(road_document(streets), file="roads")
    assert all(a == pytest.approx(b, abs=1e-7) for a, b in zip(again, streets, strict=True))


def test_a_site_names_its_file_and_keeps_the_streets_in_its_documents(tmp_path: Path, sample_site: Path):
    for each in sample_site.iterdir():
        if each.is_file():  # a site that was served has its data beside them
            (tmp_path / each.name).write_bytes(each.read_bytes())
    settings = (tmp_path / "site.toml").read_text(encoding="utf-8")
    (tmp_path / "site.toml").write_text('roads = "streets-of-ours.geojson"\n' + settings, encoding="utf-8")
    faults: list[object] = []
    documents(tmp_path, faults)
    assert "streets-of-ours.geojson" in str(faults[0])
    streets = [np.array([[121.10, 31.15], [121.105, 31.15], [121.105, 31.155]])]
    (tmp_path / "streets-of-ours.geojson").write_text(road_document(streets), encoding="utf-8")
    site = read_site(tmp_path)
    assert site.roads is not None
    assert site.roads.length_m == pytest.approx(1030, rel=0.02)
    again = site_from_documents(json.loads(json.dumps(documents(tmp_path, []))))
    assert again.roads is not None
    assert again.roads.length_m == pytest.approx(site.roads.length_m, abs=0.1)


def test_dispatch_goes_by_the_way_and_not_by_the_straight_line():
    """Across a river without a bridge: the nearer one has the longer way."""
    near, far = force(1, "A", 0.0, 60.0), force(2, "A", 120.0, -20.0)
    bank = [tuple(spot("A", east, -10.0)) for east in (-200.0, 0.0, 200.0)]
    other = [tuple(spot("A", east, 40.0)) for east in (-200.0, 0.0, 200.0)]
    way_round = [bank[2], tuple(spot("A", 230.0, 15.0)), other[2]]
    streets = [np.array(each) for each in (bank, other, way_round)]
    wanted = Case(
        number="YP20261123-0001", category=PARKED, channel=Channel.INTELLIGENT, status=Status.FILED, urgent=False,
        lonlat=spot("A", -5.0, -10.0), cov_m2=(1.0, 0.0, 1.0), error_m=2.4, grid="YP-A", unit="A1",
        side=Side.STREET_FACE, occurred_at=NOON, recorded_at=NOON, updated_at=NOON,
    )  # fmt: skip

    def sent(site: object) -> Dispatch:
        decision = decide(wanted, site=site, category=category(), terminals={}, declined=frozenset(), now=NOON)  # type: ignore[arg-type]  # a site
        assert isinstance(decision, Dispatch)
        return decision

    plain = small_site([near, far], policy=replace(PLAIN, way_factor=1.0))
    assert sent(plain).terminal == "T001"
    by_road = sent(replace(plain, roads=RoadGraph.over(streets)))
    assert by_road.terminal == "T002"
    assert by_road.travel_s == pytest.approx((125 + 10) / 4.0, abs=0.3)
    assert by_road.skipped[0].terminal == "T001"
    assert "s later" in by_road.skipped[0].reason
