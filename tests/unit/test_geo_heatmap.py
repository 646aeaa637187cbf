"""What the heatmap counts and what its page holds; how it behaves in a browser is tested in tests/browser."""

import json
import re
import stat
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely

from geo.cells import CellError
from geo.coords import LonLat
from geo.errors import CoordinateError, GeoError
from geo.heatmap import CHANNELS, GridOutline, HeatmapCase, HeatmapError, Period, draw_heatmap, write_heatmap
from geo.heatmap_counts import tally

SHANGHAI = ZoneInfo("Asia/Shanghai")
WEST, SOUTH, EAST, NORTH = 121.0632, 31.1289, 121.1166, 31.1842
GRIDS = [
    GridOutline(code="YP-G1", name="West", name_zh="西", polygon=shapely.box(WEST, SOUTH, 121.09, NORTH)),
    GridOutline(code="YP-G2", name="East", name_zh="东", polygon=shapely.box(121.09, SOUTH, EAST, NORTH)),
]


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shape of Leaflet's distribution; the real one is used in the browser tests."""
    folder = tmp_path_factory.mktemp("leaflet")
    (folder / "images").mkdir()
    (folder / "images" / "layers.png").write_bytes(b"\x89PNG")
    (folder / "leaflet.css").write_text(
        ".a { background: url(images/layers.png); } .b { behavior: url(#default#VML); }"
    )
    (folder / "leaflet.js").write_text("window.L = '</script>';\n//# sourceMappingURL=leaflet.js.map\n")
    return folder


def case(
    *,
    at: datetime = datetime(2026, 3, 4, tzinfo=UTC),
    lon: float = 121.07,
    channel: str = "patrol",
    grid: str = "YP-G1",
) -> HeatmapCase:
    return HeatmapCase(lonlat=LonLat(lon, 31.15), occurred_at=at, channel=channel, grid=grid)


def random_cases(count: int, *, seed: int = 0) -> list[HeatmapCase]:
    rng = np.random.default_rng(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    places = rng.uniform((WEST, SOUTH), (EAST, NORTH), (count, 2))
    return [
        HeatmapCase(
            lonlat=LonLat(*place),
            occurred_at=start + timedelta(minutes=int(rng.integers(0, 60 * 24 * 100))),
            channel=CHANNELS[int(rng.integers(len(CHANNELS)))],
            grid="YP-G1" if place[0] < 121.09 else "YP-G2",
        )
        for place in places.tolist()
    ]


def drawn(cases: list[HeatmapCase], assets: Path, **settings: Any) -> str:
    chosen: dict[str, Any] = {"by": Period.WEEK, "timezone": SHANGHAI, "title": "Yingpu", "assets": assets} | settings
    return draw_heatmap(cases, chosen.pop("grids", GRIDS), **chosen)


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="bg-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def counted(rows: list[list[int]]) -> Counter[tuple[int, int]]:
    return Counter({(owner, row[at]): row[at + 1] for owner, row in enumerate(rows) for at in range(0, len(row), 2)})


@pytest.mark.parametrize(
    ("by", "first_days"),
    [
        (Period.DAY, ["2026-03-01", "2026-03-02", "2026-03-03"]),
        (Period.WEEK, ["2026-02-23", "2026-03-02"]),
        (Period.MONTH, ["2026-03-01"]),
    ],
)
def test_periods_follow_the_local_calendar(by: Period, first_days: list[str]):
    # 17:00 UTC on 28 February is 01:00 on Sunday, 1 March in Shanghai.
    times = [datetime(2026, 2, 28, 17, tzinfo=UTC), datetime(2026, 3, 3, 15, 59, tzinfo=UTC)]
    counts = tally([case(at=time) for time in times], GRIDS, by=by, timezone=SHANGHAI, cell_m=100.0)
    assert [span.first.isoformat() for span in counts.periods] == first_days
    for earlier, later in zip(counts.periods, counts.periods[1:], strict=False):
        assert later.first - earlier.last == timedelta(days=1)


def test_a_month_crosses_the_year_and_empty_ones_are_kept():
    times = [datetime(2025, 11, 30, 12, tzinfo=UTC), datetime(2026, 2, 1, 12, tzinfo=UTC)]
    counts = tally([case(at=time) for time in times], GRIDS, by=Period.MONTH, timezone=SHANGHAI, cell_m=100.0)
    assert [str(span.first) for span in counts.periods] == ["2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"]
    assert str(counts.periods[-1].last) == "2026-02-28"


def test_every_case_is_counted_once_under_its_grid_period_and_channel():
    cases = random_cases(3000)
    counts = tally(cases, GRIDS, by=Period.WEEK, timezone=SHANGHAI, cell_m=200.0)
    first = counts.periods[0].first
    by_hand: Counter[tuple[int, int]] = Counter()
    for each in cases:
        week = (each.occurred_at.astimezone(SHANGHAI).date() - first).days // 7
        by_hand[["YP-G1", "YP-G2"].index(each.grid), week * len(CHANNELS) + CHANNELS.index(each.channel)] += 1
    assert {(g, moment): n for g, row in enumerate(counts.grids) for moment, n in row} == dict(by_hand)
    by_cell: Counter[int] = Counter()
    for row in counts.cells:
        by_cell.update(dict(row))
    by_moment: Counter[int] = Counter()
    for (_, moment), n in by_hand.items():
        by_moment[moment] += n
    assert by_cell == by_moment
    assert counts.outside == ()


def test_cells_hold_the_cases_that_lie_in_them():
    cases = random_cases(800, seed=3)
    counts = tally(cases, GRIDS, by=Period.MONTH, timezone=SHANGHAI, cell_m=300.0)
    outlines = shapely.polygons(counts.outlines)
    points = shapely.points([each.lonlat for each in cases])
    inside = shapely.contains(outlines[:, None], points[None, :]).sum(axis=1)
    assert inside.tolist() == [sum(n for _, n in row) for row in counts.cells]


def test_a_cell_on_a_boundary_goes_to_the_grid_with_most_of_its_cases():
    here = [case(grid="YP-G2"), case(grid="YP-G2"), case(grid="YP-G1"), case(grid="elsewhere")]
    counts = tally(here, GRIDS, by=Period.DAY, timezone=SHANGHAI, cell_m=100.0)
    assert counts.cell_grids.tolist() == [1]
    tie = tally(here[1:3], GRIDS, by=Period.DAY, timezone=SHANGHAI, cell_m=100.0)
    assert tie.cell_grids.tolist() == [0]


def test_cases_without_a_known_grid_count_for_the_site():
    counts = tally([case(grid="X"), case()], GRIDS, by=Period.DAY, timezone=SHANGHAI, cell_m=100.0)
    assert counts.outside == ((0, 1),)
    assert counts.total == 2


def test_the_page_embeds_the_counts(assets: Path):
    cases = random_cases(500, seed=5)
    data = data_of(drawn(cases, assets, cell_m=250.0))
    assert counted(data["gridCounts"]).total() == counted(data["cellCounts"]).total() == data["total"] == 500
    assert data["channels"] == list(CHANNELS)
    assert data["cellM"] == 250.0
    assert data["timezone"] == "Asia/Shanghai"
    assert [grid["nameZh"] for grid in data["grids"]] == ["西", "东"]


def test_the_same_cases_give_the_same_page(assets: Path):
    cases = random_cases(50)
    assert drawn(cases, assets) == drawn(cases[::-1], assets)


def test_the_page_names_no_other_place(assets: Path):
    page = drawn(random_cases(20), assets)
    assert not re.findall(r"""(?:src|href)=["'](?!data:)[^"']*""", page)
    assert not re.findall(r"url\((?!data:|#)[^)]*\)", page)
    assert "cdn" not in page
    assert "sourceMappingURL" not in page


HOSTILE = """</script><script>alert(1)</script>{{ 7*7 }}{% raw %}{# x #}"'<b>&amp;\u2028"""


def test_names_are_text_whatever_they_hold(assets: Path):
    grid = GridOutline(code=HOSTILE, name=HOSTILE, name_zh=HOSTILE, polygon=GRIDS[0].polygon)
    page = drawn([case(grid=HOSTILE)], assets, grids=[grid], title=HOSTILE, note=HOSTILE)
    assert "<script>alert" not in page
    assert "<b>" not in page
    data = data_of(page)
    assert data["title"] == data["note"] == data["grids"][0]["code"] == data["grids"][0]["nameZh"] == HOSTILE
    assert "{{ 7*7 }}" in page
    assert "<title>&lt;/script&gt;" in page


def test_leaflet_cannot_end_its_own_script(assets: Path):
    assert "window.L = '<\\/script>'" in drawn([], assets)


def test_no_cases_give_a_page(assets: Path):
    data = data_of(drawn([], assets))
    assert data["total"] == 0
    assert data["periods"] == data["cellCounts"] == []
    assert data["bounds"] == [[SOUTH, WEST], [NORTH, EAST]]


def test_neither_cases_nor_grids_give_a_page(assets: Path):
    assert data_of(drawn([], assets, grids=[]))["bounds"] is None


def test_cases_without_grids_are_shown(assets: Path):
    data = data_of(drawn([case()], assets, grids=[]))
    assert data["cellGrids"] == [-1]
    (south, west), (north, east) = data["bounds"]
    assert south < 31.15 < north
    assert west < 121.07 < east


@pytest.mark.parametrize(("across_deg", "size_m"), [(0.0534, 150), (0.42, 1000), (0.002, 25), (30, 10_000)])
def test_a_cell_size_fits_the_site_when_none_is_given(across_deg: float, size_m: float, assets: Path):
    grid = GridOutline(code="g", name="", name_zh="", polygon=shapely.box(121.0, 31.0, 121.0 + across_deg, 31.001))
    assert data_of(drawn([case()], assets, grids=[grid]))["cellM"] == size_m


def test_tiles_are_off_unless_asked_for(assets: Path):
    assert "tileLayer" not in re.sub(r"<script>.*?</script>", "", drawn([], assets), count=4, flags=re.DOTALL)
    page = drawn([], assets, tiles="https://tiles.example/{z}/{x}/{y}.png", tiles_attribution="Example <i>")
    assert "https://tiles.example/{z}/{x}/{y}.png" in page
    assert "Example <i>" not in page
    assert data_of(page)["tiles"] is True


def test_faulty_input_is_refused_with_the_value_named(assets: Path, tmp_path: Path):
    with pytest.raises(HeatmapError, match="an aware time"):
        case(at=datetime(2026, 1, 1))  # noqa: DTZ001  # naive on purpose
    with pytest.raises(HeatmapError, match="a year from 1900"):
        case(at=datetime(9999, 12, 31, tzinfo=timezone(timedelta(hours=-8))))
    with pytest.raises(HeatmapError, match="channel is 'rumour'"):
        case(channel="rumour")
    with pytest.raises(CoordinateError):
        drawn([case(lon=float("nan"))], assets)
    with pytest.raises(CellError, match="size_m is 0"):
        drawn([case()], assets, cell_m=0.0)
    with pytest.raises(HeatmapError, match=r"repeated \(YP-G1\)"):
        drawn([case()], assets, grids=[GRIDS[0], GRIDS[0]])
    with pytest.raises(HeatmapError, match="outline of grid YP-G9"):
        drawn([], assets, grids=[GridOutline(code="YP-G9", name="", name_zh="", polygon=shapely.Polygon())])
    with pytest.raises(HeatmapError, match="language is 'fr'"):
        drawn([], assets, language="fr")
    with pytest.raises(HeatmapError, match="make setup"):
        drawn([], tmp_path)
    with pytest.raises(HeatmapError, match="length of title"):
        drawn([], assets, title="x" * 3000)


@pytest.mark.parametrize(
    "tiles", ["tiles", "javascript:alert(1)/{x}{y}{z}", "https://a/{z}/{x}.png", "https://a/{{x}}/{x}/{y}/{z}"]
)
def test_tile_addresses_are_checked(tiles: str, assets: Path):
    with pytest.raises(HeatmapError, match="URL template"):
        drawn([], assets, tiles=tiles, tiles_attribution="someone")


def test_tiles_need_an_attribution(assets: Path):
    with pytest.raises(HeatmapError, match="tiles_attribution"):
        drawn([], assets, tiles="https://a/{z}/{x}/{y}.png")


def test_what_no_browser_would_draw_is_refused(assets: Path):
    far = [case(at=datetime(1970, 1, 1, tzinfo=UTC)), case(at=datetime(2026, 1, 1, tzinfo=UTC))]
    with pytest.raises(HeatmapError, match="periods of one day"):
        drawn(far, assets, by=Period.DAY)
    assert len(data_of(drawn(far, assets, by=Period.MONTH))["periods"]) == 56 * 12 + 1
    places = np.random.default_rng(0).uniform((WEST, SOUTH), (EAST, NORTH), (21_000, 2))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    spread = [HeatmapCase(lonlat=LonLat(*place), occurred_at=at, channel="public", grid="") for place in places]
    with pytest.raises(HeatmapError, match="larger than 2 m"):
        drawn(spread, assets, cell_m=2.0)


def test_a_hundred_and_fifty_thousand_cases_stay_below_a_few_megabytes(assets: Path):
    page = drawn(random_cases(150_000, seed=8), assets, by=Period.DAY)
    assert len(page.encode()) < 4_000_000
    assert counted(data_of(page)["cellCounts"]).total() == 150_000


def test_writing_is_all_or_nothing(tmp_path: Path):
    target = tmp_path / "heatmap.html"
    write_heatmap(target, "first 一")
    write_heatmap(target, "second 二")
    assert target.read_text(encoding="utf-8") == "second 二"
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    with pytest.raises(UnicodeEncodeError):
        write_heatmap(target, "\ud800")
    assert target.read_text(encoding="utf-8") == "second 二"
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(GeoError, match="a writable place"):
        write_heatmap(tmp_path / "missing" / "heatmap.html", "x")
    with pytest.raises(GeoError, match="a writable place"):
        write_heatmap(tmp_path, "x")
