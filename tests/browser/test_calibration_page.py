"""The calibration page in a real browser: clicked in the picture and on the map, on a desk and on a phone."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from live_console import ADMIN, LiveConsole, live_console, served
from playwright.sync_api import Browser, Page, expect
from watched_page import too_wide, watched

from pipeline.site import Site
from pipeline.site_changes import load_site
from pipeline.site_files import documents

CAMERA = "pets-view1"
PATH = f"/cameras/{CAMERA}/calibration"
SHOTS = os.environ.get("BEATGRID_SHOTS")


@pytest.fixture
def calibrating(yingpu: Site, sample_site: Path, shared_data: Path, tmp_path: Path) -> Iterator[LiveConsole]:
    """Serve the sample site with a frame of the PETS sequence to calibrate by."""
    capture = cv2.VideoCapture(str(shared_data / "video" / "vtest.avi"))
    _, frame = capture.read()
    capture.release()
    still = cv2.imencode(".jpg", frame)[1].tobytes()
    with live_console(yingpu, tmp_path) as live:
        load_site(documents(sample_site, []), yingpu, live.services.casebook, now=live.clock.now())
        services = replace(live.services, stills={CAMERA: still})
        with served(services) as (url, _):
            yield replace(live, url=url, services=services)


def opened(page: Page, live: LiveConsole) -> None:
    page.goto(live.url + PATH)
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("#picture img.leaflet-image-layer")).to_have_count(1)


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def click_share(page: Page, what: str, x: float, y: float) -> None:
    box = page.locator(what).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


@pytest.mark.parametrize(("size", "locale"), [((1440, 900), "en-GB"), ((390, 844), "zh-CN")])
def test_points_are_clicked_and_what_they_make_is_seen_and_saved(
    browser: Browser, calibrating: LiveConsole, size: tuple[int, int], locale: str
) -> None:
    name = "desk" if size[0] > 1000 else "phone"
    with watched(browser, calibrating, ADMIN, size=size, locale=locale) as page:
        opened(page, calibrating)
        expect(page.locator("#rows tr")).to_have_count(12)
        expect(page.locator("#verdict")).to_contain_text("0.0")
        assert page.locator("#picture path.leaflet-interactive").count() == 0
        assert page.locator("#picture svg path").count() > 20  # the metre grid
        assert too_wide(page) <= 0
        shot(page, f"{name}-begin")
        # The error at a place.
        page.locator("#ask").check()
        click_share(page, "#picture", 0.5, 0.6)
        expect(page.locator("#verdict")).to_contain_text("95 %")
        page.locator("#ask").uncheck()
        # A new point: first the picture, then the map; it is nonsense and is named.
        click_share(page, "#picture", 0.3, 0.7)
        expect(page.locator("#rows tr")).to_have_count(13)
        expect(page.locator("#save")).to_be_disabled()
        page.locator("#typed input[name=lon]").fill("121.1048")
        page.locator("#typed input[name=lat]").fill("31.1529")
        page.locator("#typed button").click()
        expect(page.locator("#rows tr.suspicious")).to_have_count(1)
        page.locator("#lens").select_option("auto")
        expect(page.locator("#verdict .refused")).to_contain_text("13")
        shot(page, f"{name}-wrong")
        page.locator("#rows tr").last.locator("button").click()
        expect(page.locator("#rows tr")).to_have_count(12)
        expect(page.locator("#save")).to_be_enabled()
        before = calibrating.services.casebook.site_version()
        page.locator("#save").click()
        expect(page.locator(".toast.fine")).to_be_visible()
        assert calibrating.services.casebook.site_version() == before + 1
        page.locator(".as-text summary").click()
        assert '"lens": "auto"' in page.locator("#patch").input_value()
        assert page.locator("#table").input_value().count("\n") == 12
        # Taken away one by one until nothing can be told: the words say why.
        for _ in range(9):
            page.locator("#rows tr").first.locator("button").click()
        expect(page.locator("#rows tr")).to_have_count(3)
        expect(page.locator("#verdict .refused")).to_be_visible()
        expect(page.locator("#save")).to_be_disabled()
        expect(page.locator(".toast:not(.fine)")).to_have_count(0)
        shot(page, f"{name}-few")


def test_a_point_is_made_by_the_map_and_moved(browser: Browser, calibrating: LiveConsole) -> None:
    with watched(browser, calibrating, ADMIN) as page:
        opened(page, calibrating)
        click_share(page, "#map", 0.5, 0.55)
        expect(page.locator("#rows tr")).to_have_count(13)
        expect(page.locator("#verdict")).to_contain_text("same place in the picture")
        click_share(page, "#picture", 0.42, 0.66)
        expect(page.locator("#rows tr td:nth-child(4)").last).to_contain_text("px")
        told = page.locator("#rows tr td:nth-child(2)").last.inner_text()
        mark = page.locator("#picture .mark").last.bounding_box()
        assert mark is not None
        page.mouse.move(mark["x"] + 11, mark["y"] + 11)
        page.mouse.down()
        page.mouse.move(mark["x"] + 51, mark["y"] + 31, steps=5)
        page.mouse.up()
        expect(page.locator("#rows tr td:nth-child(2)").last).not_to_have_text(told)


def test_a_picture_from_a_file_of_another_shape_is_told(
    browser: Browser, calibrating: LiveConsole, tmp_path: Path
) -> None:
    square = tmp_path / "square.png"
    cv2.imwrite(str(square), np.zeros((300, 300, 3), np.uint8))
    with watched(browser, calibrating, ADMIN) as page:
        opened(page, calibrating)
        page.locator("#file").set_input_files(str(square))
        expect(page.locator(".toast")).to_contain_text("another shape")
