"""The dispatch console in a real Chromium, over a real server."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from live_console import ANALYST, DISPATCHER, FIRE_LANE, PARK, LiveConsole, live_console
from playwright.sync_api import Browser, expect
from watched_page import opened, too_wide, watched

from geo.coords import LonLat
from pipeline.cases import Action, Status
from pipeline.scenes import Mode
from pipeline.site import Site

PICTURE = cv2.imencode(".jpg", np.full((90, 160, 3), 120, dtype=np.uint8))[1].tobytes()
WEST_VILLAGE = LonLat(121.0716, 31.1450)


def test_the_map_shows_grids_cases_cameras_and_terminals(browser: Browser, live: LiveConsole) -> None:
    live.report()
    live.report(WEST_VILLAGE, category=FIRE_LANE)
    cameras = len(live.services.site.cameras)
    on_duty = sum(
        force.on_duty(live.clock.now(), live.services.site.settings.timezone)
        for force in live.services.site.roster.by_terminal().values()
    )
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, "/")
        expect(page.locator(".pin-case")).to_have_count(2)
        expect(page.locator(".pin-case.urgent")).to_have_count(1)
        expect(page.locator(".pin-camera")).to_have_count(cameras)
        expect(page.locator(".pin-terminal")).to_have_count(on_duty)
        expect(page.locator(".leaflet-grids-pane path")).to_have_count(5)
        names = page.locator(".leaflet-names-pane .place").all_text_contents()
        assert sorted(names) == [f"Yingpu grid {place}" for place in range(1, 6)]
        page.get_by_label("Cameras").uncheck()
        expect(page.locator(".pin-camera")).to_have_count(0)
        page.get_by_label("Units").check()
        expect(page.locator(".leaflet-names-pane .unit")).to_have_count(34)


def test_a_case_that_another_opens_appears_by_itself(browser: Browser, live: LiveConsole) -> None:
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, "/")
        expect(page.locator(".row")).to_have_count(0)
        number = live.report(category=FIRE_LANE)
        expect(page.locator(f"#row-{number}")).to_be_visible()
        expect(page.locator(".pin-case.urgent.waits")).to_have_count(1)
        expect(page.locator(".figure-urgent [data-figure=urgent]")).to_have_text("1")
        expect(page.locator("#news")).to_contain_text(number)
        live.services.desk.act(number, Action.ACCEPT, principal=live.holder(number))
        expect(page.locator(f"#row-{number} .chip")).to_have_text("Accepted")
        expect(page.locator(".pin-case.urgent.waits")).to_have_count(0)


def test_a_case_is_opened_and_taken_through_its_steps(browser: Browser, live: LiveConsole) -> None:
    number = live.sight(PICTURE)
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, "/")
        page.locator(f"#row-{number}").click()
        panel = page.locator("#panel")
        expect(panel.get_by_role("heading", name="Crowd gathering")).to_be_visible()
        expect(page).to_have_url(re.compile(rf"case={number}"))
        expect(page.locator(f"#row-{number}")).to_have_attribute("aria-current", "true")
        expect(page.locator(".pin-case.chosen")).to_have_count(1)
        page.wait_for_function("document.querySelector('.pictures img').naturalWidth === 160")
        expect(panel.locator(".entry")).to_have_count(2)
        for button, status in (
            ("Accept for terminal", "Accepted"),
            ("Report arrived", "On the spot"),
            ("Report done", "Handled"),
            ("Pass check", "Checked"),
            ("Close case", "Closed"),
        ):
            panel.get_by_role("button", name=button).click()
            if button == "Report done":
                expect(page.locator(".toast", has_text="Write a note first.")).to_be_visible()
                panel.get_by_label("Note", exact=True).fill("they went home")
                panel.get_by_role("button", name=button).click()
            expect(panel.locator(".case-state .chip")).to_have_text(status)
        expect(page.locator(f"#row-{number}")).to_have_count(0)
        expect(panel.locator(".entry")).to_have_count(7)
    assert live.services.casebook.case(number).status is Status.CLOSED


def test_a_picture_is_enlarged_in_place(browser: Browser, live: LiveConsole) -> None:
    number = live.sight(PICTURE)
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, f"/?case={number}")
        page.locator(".pictures a").click()
        expect(page.locator("dialog.picture")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("dialog.picture")).not_to_be_visible()
        expect(page.locator("#panel .case")).to_be_visible()


def test_a_dispatcher_reassigns_to_whom_she_chooses(browser: Browser, live: LiveConsole) -> None:
    number = live.report()
    before = live.services.casebook.case(number).terminal
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, f"/?case={number}")
        options = page.locator("select[name=terminal] option")
        chosen = options.nth(1).get_attribute("value")
        assert chosen not in {None, "", before}
        page.locator("select[name=terminal]").select_option(chosen)
        page.get_by_role("button", name="Reassign").click()
        expect(page.locator("#panel .why .number").first).to_have_text(str(chosen))
    assert live.services.casebook.case(number).terminal == chosen


def test_rejecting_asks_for_a_note_first(browser: Browser, live: LiveConsole) -> None:
    number = live.report()
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, f"/?case={number}")
        page.get_by_role("button", name="Reject").click()
        expect(page.locator(".toast")).to_contain_text("Write a note first")
        assert live.services.casebook.case(number).status is Status.DISPATCHED
        page.get_by_label("Note", exact=True).fill("shop front, not rubbish")
        page.get_by_role("button", name="Reject").click()
        expect(page.locator("#panel .case-state .chip")).to_have_text("Refused")
    assert live.services.casebook.case(number).status is Status.REFUSED


def test_who_comes_too_late_is_told_why_and_sees_how_it_stands(browser: Browser, live: LiveConsole) -> None:
    number = live.report()
    with watched(browser, live, DISPATCHER) as page:
        page.route("**/api/v1/stream", lambda route: route.fulfill(status=204))
        page.goto(f"{live.url}/?case={number}")
        page.wait_for_selector("body[data-ready]")
        live.services.desk.act(number, Action.ACCEPT, principal=live.holder(number))
        page.get_by_role("button", name="Accept for terminal").click()
        expect(page.locator(".toast")).to_contain_text("moved on")
        expect(page.locator(".toast")).to_contain_text(f"case {number} is accepted")
        expect(page.locator("#panel .case-state .chip")).to_have_text("Accepted")


def test_what_is_being_written_survives_a_change_from_elsewhere(browser: Browser, live: LiveConsole) -> None:
    number = live.report()
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, f"/?case={number}")
        note = page.get_by_label("Note", exact=True)
        note.fill("half a sentence")
        live.services.desk.act(number, Action.ACCEPT, principal=live.holder(number))
        expect(page.locator("#panel .case-state .chip")).to_have_text("Accepted")
        expect(note).to_have_value("half a sentence")
        expect(note).to_be_focused()


def test_the_list_works_by_keyboard(browser: Browser, live: LiveConsole) -> None:
    first, second = live.report(), live.report(WEST_VILLAGE)
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, "/")
        rows = page.locator(".row")
        expect(rows).to_have_count(2)
        rows.first.focus()
        page.keyboard.press("ArrowDown")
        expect(rows.nth(1)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#panel .case")).to_have_attribute("data-number", re.compile(f"{first}|{second}"))
        chosen = page.locator("#panel .case").get_attribute("data-number")
        page.keyboard.press("Escape")
        expect(page.locator("#panel .overview")).to_be_visible()
        expect(page.locator(f"#row-{chosen}")).to_be_focused()


def test_filters_and_the_overview_narrow_the_list(browser: Browser, live: LiveConsole) -> None:
    live.report()
    there = live.report(WEST_VILLAGE, category=FIRE_LANE)
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, "/")
        expect(page.locator(".row")).to_have_count(2)
        page.get_by_label("Urgent", exact=True).check()
        expect(page.locator(".row")).to_have_count(1)
        page.get_by_label("Urgent", exact=True).uncheck()
        page.locator("#panel").get_by_role("button", name="Yingpu grid 5").click()
        expect(page.locator(".row")).to_have_count(1)
        expect(page.locator(".row")).to_have_attribute("data-number", there)
        live.report(PARK)
        expect(page.locator("[data-figure=open]").first).to_have_text("2")
        expect(page.locator(".row")).to_have_count(1)


def test_it_speaks_chinese(browser: Browser, live: LiveConsole) -> None:
    number = live.report()
    with watched(browser, live, DISPATCHER, locale="zh-CN") as page:
        opened(page, live, f"/?case={number}")
        expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
        expect(page.locator("#panel h2")).to_have_text("暴露垃圾")
        expect(page.locator("#panel .why")).to_contain_text("个先行力量中最快到达")
        page.get_by_role("link", name="English").click()
        page.wait_for_selector("body[data-ready=en]")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.locator("#panel h2")).to_have_text("Exposed rubbish")


def test_an_analyst_looks_and_cannot_touch(browser: Browser, live: LiveConsole) -> None:
    number = live.report()
    with watched(browser, live, ANALYST) as page:
        opened(page, live, f"/?case={number}")
        expect(page.locator("#panel .actions")).to_contain_text("reads only")
        expect(page.locator("#panel .actions button")).to_have_count(0)


@pytest.mark.parametrize("size", [(360, 740), (390, 844), (1024, 768), (1440, 900), (1920, 1080)])
@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_it_fits_every_window(browser: Browser, live: LiveConsole, size: tuple[int, int], locale: str) -> None:
    number = live.sight(PICTURE)
    with watched(browser, live, DISPATCHER, size=size, locale=locale) as page:
        opened(page, live, "/")
        assert too_wide(page) <= 0
        page.locator(f"#row-{number}").click()
        expect(page.locator("#panel .case")).to_be_visible()
        assert too_wide(page) <= 0
        box = page.locator("#panel .actions button").last.bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= size[0]


def test_the_discovery_map_draws_inside_its_frame(browser: Browser, live: LiveConsole) -> None:
    live.report()
    with watched(browser, live, DISPATCHER) as page:
        page.goto(f"{live.url}/maps?by=day")
        frame = page.frame_locator("iframe.heatmap")
        expect(frame.locator(".leaflet-container")).to_be_visible()
        expect(frame.locator("body")).to_contain_text("Yingpu subdistrict")


def test_logging_in_by_the_form(browser: Browser, live: LiveConsole) -> None:
    with watched(browser, live, DISPATCHER) as page:
        page.context.clear_cookies()
        page.goto(f"{live.url}/")
        page.get_by_label("Token").fill("wrong token 0123456")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("Nobody holds this token")
        page.get_by_label("Token").fill("secret-of-Li")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_selector("body[data-ready]")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Token")).to_be_visible()


def test_a_waiting_case_is_confirmed_and_another_called_false_with_a_reason(
    browser: Browser, yingpu: Site, tmp_path: Path
) -> None:
    scenes = {**yingpu.scenes, "crowd": replace(yingpu.scenes["crowd"], mode=Mode.CONFIRM)}
    with live_console(replace(yingpu, scenes=scenes), tmp_path) as live, watched(browser, live, DISPATCHER) as page:
        first = live.sight(PICTURE)
        opened(page, live, f"/?case={first}")
        expect(page.locator(".waits-line")).to_contain_text("Waits for your yes")
        page.get_by_role("button", name="Yes, dispatch").click()
        expect(page.locator("#panel .case-state .chip")).to_have_text(re.compile("Offered|Waiting"))
        page.locator(".false summary").click()
        page.locator(".false select").select_option("other-thing")
        page.get_by_role("button", name="Call it false").click()
        expect(page.locator("#panel .case-state .chip")).to_have_text("Refused")
        expect(page.locator(".history .entry").first).to_contain_text("Something else")
        page.goto(f"{live.url}/cameras")
        expect(page.locator(".trusted li", has_text="Crowd gathering").filter(has_text="n 1")).to_contain_text("0.00")


def test_two_cases_are_made_one_and_two_again(browser: Browser, live: LiveConsole) -> None:
    first = live.report()
    second = live.report(LonLat(PARK.lon + 0.0004, PARK.lat))
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, f"/?case={first}")
        page.locator(".same summary").first.click()
        page.get_by_role("button", name="The same").click()
        expect(page.locator("#panel .case-heading .number")).to_have_text(second)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator("#panel .case-heading .number")).to_have_text(first)
        expect(page.locator(".history .entry").filter(has_text="Taken out of")).to_have_count(1)
        assert live.services.casebook.case(first).merged_into is None
