"""The heatmap page in a real Chromium that is refused every request."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely
from playwright.sync_api import Page, expect

from geo.coords import LonLat
from geo.heatmap import CHANNELS, GridOutline, HeatmapCase, Period, draw_heatmap, write_heatmap

SHANGHAI = ZoneInfo("Asia/Shanghai")
WEST, SOUTH, EAST, NORTH = 121.0632, 31.1289, 121.1166, 31.1842
MIDDLE = 121.09
WEEKS = 6
# A Monday, 00:00 in Shanghai.
START = datetime(2026, 3, 1, 16, tzinfo=UTC)
HOSTILE = "</script><img src=x onerror=alert(1)>{{ 7*7 }}"
GRIDS = [
    GridOutline(
        code="YP-G1", name=f"West {HOSTILE}", name_zh="西网格", polygon=shapely.box(WEST, SOUTH, MIDDLE, NORTH)
    ),
    GridOutline(code="YP-G2", name="East", name_zh="东网格", polygon=shapely.box(MIDDLE, SOUTH, EAST, NORTH)),
]
ASSETS = Path(__file__).resolve().parents[2] / "api" / "web" / "vendor" / "leaflet"

Open = Callable[..., Page]


def some_cases() -> list[HeatmapCase]:
    rng = np.random.default_rng(11)
    cases = []
    for lon, lat in rng.uniform((WEST, SOUTH), (EAST, NORTH), (900, 2)).tolist():
        at = START + timedelta(minutes=int(rng.integers(WEEKS * 7 * 24 * 60)))
        channel = CHANNELS[int(rng.choice(6, p=[0.3, 0.3, 0.15, 0.15, 0.05, 0.05]))]
        grid = "YP-G1" if lon < MIDDLE else "YP-G2"
        cases.append(HeatmapCase(lonlat=LonLat(lon, lat), occurred_at=at, channel=channel, grid=grid))
    return cases


CASES = some_cases()


def week_of(case: HeatmapCase) -> int:
    return (case.occurred_at - START).days // 7


def how_many(*, week: int | None = None, channel: str | None = None, grid: str | None = None) -> int:
    return sum(
        (week is None or week_of(case) == week)
        and (channel is None or case.channel == channel)
        and (grid is None or case.grid == grid)
        for case in CASES
    )


@pytest.fixture(scope="module")
def assets() -> Path:
    """Return the folder of the installed Leaflet; skip where it is not."""
    if not (ASSETS / "leaflet.js").is_file():
        pytest.skip(f"no Leaflet in {ASSETS}; run `make setup`")
    return ASSETS


@pytest.fixture
def heatmap(page: Page, assets: Path, tmp_path: Path) -> Iterator[Open]:
    """Open heatmaps with every request but the file's own refused; a request, a log line or an error is a failure."""
    file = tmp_path / "heatmap.html"
    faults: list[str] = []

    def on_request(url: str) -> None:
        if url != file.as_uri() and not url.startswith("data:"):
            faults.append(f"asked for {url}")

    page.route(lambda url: url != file.as_uri(), lambda route: route.abort())
    page.on("request", lambda request: on_request(request.url))
    page.on("console", lambda message: faults.append(f"logged {message.type}: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"raised {error}"))
    page.on("dialog", lambda dialog: (faults.append(f"ran a name: {dialog.message}"), dialog.dismiss()))

    def opened(cases: Sequence[HeatmapCase] = CASES, **settings: Any) -> Page:
        chosen: dict[str, Any] = {"grids": GRIDS, "title": "盈浦街道", "language": "en", "cell_m": 200.0} | settings
        grids = chosen.pop("grids")
        write_heatmap(file, draw_heatmap(cases, grids, by=Period.WEEK, timezone=SHANGHAI, assets=assets, **chosen))
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready=true]")
        return page

    yield opened
    page.wait_for_timeout(100)
    assert faults == []


def shown(page: Page) -> int:
    return int(page.locator(".folium-map").get_attribute("data-shown") or "-1")


def test_it_opens_without_any_network_and_shows_every_case(heatmap: Open):
    page = heatmap()
    assert shown(page) == len(CASES)
    expect(page.locator("#bg-title")).to_have_text("盈浦街道")
    expect(page.locator("#bg-subtitle")).to_contain_text("900 cases")
    assert cell_pixels(page) > 5000


def cell_pixels(page: Page) -> int:
    """Count the pixels of the map that are neither white, grey nor transparent: the coloured cells."""
    return int(
        page.evaluate(
            """() => {
              const canvas = document.querySelector(".leaflet-overlay-pane canvas");
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              let count = 0;
              for (let at = 0; at < data.length; at += 4) {
                const spread = Math.max(data[at], data[at + 1], data[at + 2]) - Math.min(data[at], data[at + 1], data[at + 2]);
                count += data[at + 3] > 128 && spread > 60;
              }
              return count;
            }"""  # noqa: E501  # a script of the browser's
        )
    )


def test_the_slider_walks_the_weeks_by_keyboard(heatmap: Open):
    page = heatmap()
    slider = page.locator("#bg-slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert shown(page) == how_many(week=1)
    expect(page.locator("#bg-period")).to_have_text("2026-W11 (03-09 to 03-15)")
    page.keyboard.press("End")
    assert shown(page) == how_many(week=WEEKS - 1)
    page.keyboard.press("Home")
    assert shown(page) == how_many(week=0)
    page.get_by_role("button", name="All time").click()
    assert shown(page) == len(CASES)


def test_channels_switch_the_cells(heatmap: Open):
    page = heatmap()
    for channel in CHANNELS:
        page.locator(f"button[data-channel={channel}]").click()
        assert shown(page) == how_many(channel=channel)
        expect(page.locator(f"button[data-channel={channel}]")).to_have_attribute("aria-pressed", "true")
    page.locator("#bg-slider").fill("3")
    assert shown(page) == how_many(channel=CHANNELS[-1], week=3)
    page.locator("button[data-channel=all]").click()
    assert shown(page) == how_many(week=3)


def test_playing_walks_to_the_last_week_and_stops(heatmap: Open):
    page = heatmap()
    page.locator("#bg-play").click()
    expect(page.locator("#bg-play")).to_have_attribute("aria-label", "Pause")
    expect(page.locator("#bg-period")).to_contain_text("2026-W10")
    expect(page.locator("#bg-play")).to_have_attribute("aria-label", "Play", timeout=20_000)
    assert shown(page) == how_many(week=WEEKS - 1)


@pytest.mark.parametrize(("grid", "x"), [("YP-G1", 0.3), ("YP-G2", 0.7)])
def test_a_grid_tells_its_discovery_share(heatmap: Open, grid: str, x: float):
    page = heatmap()
    page.locator("#bg-slider").fill("2")
    box = page.locator(".folium-map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * 0.5)
    tip = page.locator(".bg-tip")
    expect(tip).to_contain_text(grid)
    whole = how_many(grid=grid, week=2)
    expect(tip).to_contain_text(f"{whole} cases")
    table = [re.split(r"\s+", row.strip())[-2:] for row in tip.locator("tr").all_inner_texts()]
    counts = [how_many(grid=grid, week=2, channel=channel) for channel in CHANNELS]
    assert table == [[str(count), f"{100 * count / whole:.1f}%"] for count in counts]


def test_the_chart_follows_the_grid_and_sets_the_period(heatmap: Open):
    page = heatmap()
    assert page.locator("#bg-chart path[data-channel]").count() == len(CHANNELS)
    marker = page.locator("#bg-chart .now")
    expect(marker).to_be_hidden()
    hit = page.locator("#bg-chart .hit")
    box = hit.bounding_box()
    assert box is not None
    hit.click(position={"x": box["width"] * (4.5 / WEEKS), "y": 30})
    expect(marker).to_be_visible()
    assert shown(page) == how_many(week=4)
    patrol = share_path(page)
    page.get_by_role("button", name="East").click()
    assert share_path(page) != patrol
    share = 100 * how_many(grid="YP-G2", week=4, channel="patrol") / how_many(grid="YP-G2", week=4)
    expect(page.locator("#bg-shares")).to_contain_text(f"Patrol{share:.1f}%")
    page.get_by_role("button", name="Back to whole site").click()
    assert share_path(page) == patrol


def share_path(page: Page) -> str:
    return page.locator("#bg-chart path[data-channel=patrol]").get_attribute("d") or ""


def test_the_chart_is_drawn_to_scale(heatmap: Open):
    page = heatmap()
    heights = [float(height) for height in re.findall(r"v([\d.]+)h-", share_path(page))]
    shares = [how_many(week=week, channel="patrol") / how_many(week=week) for week in range(WEEKS)]
    assert np.array(heights) / sum(heights) == pytest.approx(np.array(shares) / sum(shares), abs=1e-3)


def test_it_speaks_chinese_and_english(heatmap: Open):
    page = heatmap(language="zh")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("#bg-grids")).to_contain_text("东网格")
    expect(page.locator("#bg-notes")).to_contain_text("发现占比 = ")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#bg-notes")).to_contain_text("cases first known through it ÷ all filed cases")
    assert not re.search(r"[\u4e00-\u9fff]", page.locator(".bg-panel").inner_text())
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#bg-chart-title")).to_have_text("发现占比变化")


def test_names_are_shown_as_they_are_written(heatmap: Open):
    page = heatmap(title=HOSTILE, note=HOSTILE)
    expect(page.locator("#bg-title")).to_have_text(HOSTILE)
    expect(page.locator("#bg-grids")).to_contain_text(HOSTILE)
    expect(page.locator("#bg-notes")).to_contain_text(HOSTILE)
    assert page.title() == HOSTILE
    assert page.locator("img").count() == 0


def test_without_cases_it_says_so(heatmap: Open):
    page = heatmap([])
    expect(page.locator(".bg-empty")).to_have_text("There are no filed cases to show")
    expect(page.locator("#bg-slider")).to_be_disabled()
    expect(page.locator("#bg-play")).to_be_disabled()


def test_with_neither_cases_nor_grids_it_says_so(heatmap: Open):
    page = heatmap([], grids=[], language="zh")
    expect(page.locator(".bg-empty")).to_have_text("没有可显示的立案案件")
    expect(page.locator("#bg-grids-section")).to_be_hidden()


def test_a_selection_without_cases_says_so(heatmap: Open):
    page = heatmap([case for case in CASES if case.channel != "public"])
    page.locator("button[data-channel=public]").click()
    expect(page.locator(".bg-empty")).to_have_text("No cases in this channel and period")


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1920, 1080)])
def test_it_fits_the_screen(heatmap: Open, page: Page, width: int, height: int):
    page.set_viewport_size({"width": width, "height": height})
    heatmap()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for part in (".bg-head", ".folium-map", ".bg-panel", "#bg-chart svg", ".bg-legend"):
        box = page.locator(part).bounding_box()
        assert box is not None, part
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= width + 0.5, part
        assert box["height"] > 20, part
    box = page.locator("#bg-slider").bounding_box()
    assert box is not None
    assert box["width"] >= 120


def test_with_tiles_only_their_host_is_asked(page: Page, assets: Path, tmp_path: Path):
    file, asked = tmp_path / "heatmap.html", set()
    tiles = {"tiles": "https://tiles.invalid/{z}/{x}/{y}.png", "tiles_attribution": "Nobody"}
    drawn = draw_heatmap(CASES, GRIDS, by=Period.WEEK, timezone=SHANGHAI, title="", assets=assets, **tiles)
    write_heatmap(file, drawn)
    page.route("https://**", lambda route: route.abort())
    page.on("request", lambda request: asked.add(request.url.split("/")[2]))
    page.goto(file.as_uri())
    expect(page.locator(".leaflet-control-attribution")).to_contain_text("Nobody")
    page.wait_for_timeout(300)
    assert asked - {""} == {"tiles.invalid"}
