"""The citizen's pages behind a printed code in a real Chromium: a phone first, no scripts, both languages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from live_console import DISPATCHER, NOON, PARK, LiveConsole, Watcher, served
from playwright.sync_api import Browser, Page, expect
from watched_page import Watch

from geo.coords import LonLat
from pipeline.cases import Action
from pipeline.desk import Desk
from pipeline.people_pictures import PictureCleaner
from pipeline.phone_marks import PhoneMarks
from pipeline.reports import PrintedPlace

CODE = "PARKSHOP2345"
SMALLEST_TARGET_PX = 44


@pytest.fixture
def shop(live: LiveConsole, tmp_path: Path) -> Iterator[LiveConsole]:
    """Serve the sample site with a printed place, pictures and points."""
    services, phones = live.services, PhoneMarks(tmp_path / "points.key")
    place = PrintedPlace(code=CODE, name="曲水园小店 Qushui garden shop", lonlat=PARK, made_at=NOON)
    services.casebook.write(lambda tx: tx.add_printed_place(place))
    desk = Desk(
        site=services.site, casebook=services.casebook, clock=live.clock, evidence=services.evidence, phones=phones
    )
    with served(replace(services, phones=phones, desk=desk, pictures=PictureCleaner(Watcher()))) as (url, changes):
        yield replace(live, url=url, changes=changes, services=replace(services, desk=desk, phones=phones))


@contextmanager
def visited(browser: Browser, shop: LiveConsole, *, size=(390, 844), locale: str = "zh-CN") -> Iterator[Page]:
    """Open a page as somebody who has never been here, with scripts switched off."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale=locale, java_script_enabled=False
    )
    page = context.new_page()
    watch = Watch(page, shop.url)
    try:
        yield page
        assert not watch.faults, watch.faults
    finally:
        context.close()


def photo(folder: Path) -> Path:
    path = folder / "photo.jpg"
    rough = np.random.default_rng(1).integers(0, 255, (9, 12, 3), np.uint8)
    cv2.imwrite(str(path), cv2.resize(rough, (1600, 1200), interpolation=cv2.INTER_CUBIC))
    return path


def sent(page: Page, shop: LiveConsole, folder: Path, *, phone: str = "138 0000 1111") -> str:
    """Fill the form in and send it; returns the receipt."""
    page.goto(f"{shop.url}/q/{CODE}")
    page.locator("#category").select_option(index=3)
    page.locator("#picture").set_input_files(photo(folder))
    page.locator("#description").fill("门口有两袋垃圾")
    page.locator("#phone").fill(phone)
    page.locator("button.go").click()
    page.wait_for_url("**/q/receipts/*")
    return page.url.rsplit("/", 1)[1]


def number_of(shop: LiveConsole, receipt: str) -> str:
    return shop.services.casebook.read(lambda book: book.report(receipt)).case


def test_a_report_goes_from_the_code_to_points_redeemed(browser: Browser, shop: LiveConsole, tmp_path: Path) -> None:
    with visited(browser, shop) as page:
        receipt = sent(page, shop, tmp_path)
        expect(page.locator(".status")).to_have_text("已上报")
        expect(page.locator("body")).to_contain_text("核实后确定")
        assert "138" not in page.content()
        number = number_of(shop, receipt)
        assert len(shop.services.casebook.evidence(number)) == 1
        shop.services.desk.act(number, Action.FILE, principal=DISPATCHER)
        page.reload()
        expect(page.locator(".points")).to_contain_text("10 可兑换")
        expect(page.locator(".steps li")).to_have_count(3)
        page.get_by_role("button", name="兑换").click()
        expect(page.locator(".points")).to_contain_text("0 可兑换")
        page.go_back()
    totals = shop.services.casebook.read(lambda book: book.point_totals())
    assert (totals.issued, totals.redeemed) == (10, 10)


def test_a_refusal_is_told_and_appealed(browser: Browser, shop: LiveConsole, tmp_path: Path) -> None:
    with visited(browser, shop, locale="en-GB") as page:
        receipt = sent(page, shop, tmp_path, phone="")
        shop.services.desk.act(number_of(shop, receipt), Action.REJECT, principal=DISPATCHER, note="nothing was there")
        page.reload()
        expect(page.locator("body")).to_contain_text("nothing was there")
        page.locator("#words").fill("it is behind the gate")
        page.get_by_role("button", name="Send appeal").click()
        expect(page.locator("body")).to_contain_text("Somebody else than who decided")


@pytest.mark.parametrize("size", [(360, 740), (1440, 900)])
@pytest.mark.parametrize(
    ("locale", "joined", "refused"),
    [("zh-CN", "已合并为一件办理", "合并后的案件不予立案"), ("en-GB", "worked on as one case", "was not taken up")],
)
def test_a_merged_report_follows_the_other_and_tells_nothing_of_it(
    browser: Browser, shop: LiveConsole, tmp_path: Path, size: tuple[int, int], locale: str, joined: str, refused: str
) -> None:
    with visited(browser, shop, size=size, locale=locale) as page:
        receipt = sent(page, shop, tmp_path, phone="")
        number = number_of(shop, receipt)
        case = shop.services.casebook.case(number)
        shop.clock.at -= timedelta(hours=3)
        other = shop.report(LonLat(PARK.lon + 0.0004, PARK.lat), category=case.category, description="Mrs Zhang saw it")
        shop.services.desk.act(other, Action.ACCEPT, principal=shop.holder(other))
        shop.clock.at += timedelta(hours=3)
        shop.services.desk.merging.merge(number, into=other, reason="the same", principal=DISPATCHER)
        page.reload()
        expect(page.locator("main")).to_contain_text(joined)
        expect(page.locator(".steps li")).to_have_count(2)
        for told in (number, other, "Zhang", "{number}", "09:00"):
            assert told not in page.content()
        assert not too_wide_without_scripts(page, size[0])
        page.screenshot(path=str(tmp_path / "joined.png"), full_page=True)
        shop.services.desk.act(other, Action.REJECT, principal=DISPATCHER, note="Mrs Zhang was wrong")
        page.reload()
        expect(page.locator("main")).to_contain_text(refused)
        assert "Zhang" not in page.content()
        page.locator("#words").fill("it is still there")
        page.locator("form[action$=appeal] button").click()
        assert shop.services.casebook.events(other)[-1].action == "appeal"


def test_what_is_wrong_is_said_and_nothing_that_was_filled_in_is_lost(
    browser: Browser, shop: LiveConsole, tmp_path: Path
) -> None:
    with visited(browser, shop) as page:
        page.goto(f"{shop.url}/q/{CODE}")
        page.locator("#category").select_option(index=2)
        chosen = page.locator("#category").input_value()
        page.locator("#description").fill("<b>两袋</b>")
        page.locator("#phone").fill("no number")
        page.locator("#picture").set_input_files(photo(tmp_path))
        expect(page.locator("#phone-note")).to_contain_text("结案 180 天后")
        page.locator("button.go").click()
        expect(page.locator("#picture-note")).to_contain_text("请重新选择照片")
        expect(page.locator(".wrong")).to_have_text("内容过长，或电话格式不对。")
        assert page.locator("#category").input_value() == chosen
        assert page.locator("#description").input_value() == "<b>两袋</b>"
        page.goto(f"{shop.url}/q/NOWHERE")
        expect(page.locator("body")).to_contain_text("404")


@pytest.mark.parametrize("size", [(360, 740), (390, 844), (1440, 900)])
@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_nothing_is_cut_off_and_everything_can_be_touched(
    browser: Browser, shop: LiveConsole, tmp_path: Path, size: tuple[int, int], locale: str
) -> None:
    with visited(browser, shop, size=size, locale=locale) as page:
        page.goto(f"{shop.url}/q/{CODE}")
        for _ in range(2):
            assert not too_wide_without_scripts(page, size[0])
            targets = page.locator("button:visible, select:visible, input:visible:not([type=checkbox]), label.check")
            for place in range(targets.count()):
                box = targets.nth(place).bounding_box()
                assert box is not None
                assert box["height"] >= SMALLEST_TARGET_PX, targets.nth(place).evaluate("e => e.outerHTML")
            page.screenshot(path=str(tmp_path / f"{size[0]}.png"), full_page=True)
            sent(page, shop, tmp_path)


def too_wide_without_scripts(page: Page, width: int) -> list[str]:
    """Return what reaches beyond the window; `evaluate` works though the page itself runs no scripts."""
    return page.evaluate(
        "w => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > w + 1)"
        ".map(e => e.outerHTML.slice(0, 80))",
        width,
    )
