"""The terminal's page in a real Chromium, at a phone's size."""

import cv2
import numpy as np
import pytest
from live_console import DISPATCHER, FIRE_LANE, PARK, LiveConsole, carrier_of
from playwright.sync_api import Browser, expect
from watched_page import opened, too_wide, watched

from geo.coords import Datum, LonLat, convert
from geo.metric import distance_m
from pipeline.cases import Action, Status

PHONE = (360, 740)
SMALLEST_TARGET_PX = 44
PICTURE = cv2.imencode(".jpg", np.full((90, 160, 3), 120, dtype=np.uint8))[1].tobytes()


def test_a_new_task_arrives_by_itself_and_is_taken_to_its_end(browser: Browser, live: LiveConsole) -> None:
    first = live.report()
    force = live.holder(first)
    with watched(browser, live, force, size=PHONE) as page:
        opened(page, live, "/terminal")
        expect(page.locator(".task.offer")).to_have_count(1)
        assert page.locator(".offer-clock time").inner_text().startswith(("5:0", "4:5"))
        page.get_by_role("button", name="Accept").click()
        expect(page.locator(".task .chip")).to_have_text("Accepted")
        page.get_by_role("button", name="I have arrived").click()
        page.get_by_placeholder("What was found or done").fill("three bags, calling the truck")
        page.get_by_role("button", name="Report first result").click()
        expect(page.locator(".task .chip")).to_have_text("First result")
        page.get_by_placeholder("What was done").fill("taken away")
        page.get_by_role("button", name="Done").click()
        expect(page.locator(".none")).to_be_visible()
    assert live.services.casebook.case(first).status is Status.HANDLED
    notes = [event.details.get("note") for event in live.services.casebook.events(first)]
    assert notes[-2:] == ["three bags, calling the truck", "taken away"]


def test_an_urgent_offer_stands_for_a_minute_and_then_says_that_it_passes_on(
    browser: Browser, live: LiveConsole
) -> None:
    force = live.holder(live.report(category=FIRE_LANE))
    with watched(browser, live, force, size=PHONE) as page:
        opened(page, live, "/terminal")
        clock = page.locator(".offer-clock time")
        assert clock.inner_text().startswith(("1:00", "0:5"))
        page.clock.run_for(70_000)
        expect(clock).to_have_text("Passing on…")


def test_an_offer_that_comes_while_the_page_is_open(browser: Browser, live: LiveConsole) -> None:
    with watched(browser, live, carrier_of("T001"), size=PHONE) as page:
        opened(page, live, "/terminal")
        expect(page.locator(".none")).to_be_visible()
        number = live.report()
        live.services.desk.act(number, Action.DISPATCH, principal=DISPATCHER, terminal="T001")
        expect(page.locator(f".offer[data-number='{number}']")).to_be_visible()
        expect(page.locator(".phone-map .pin-case")).to_have_count(1)
        live.services.desk.act(number, Action.DISPATCH, principal=DISPATCHER, terminal="T002")
        expect(page.locator(".none")).to_be_visible()
        expect(page.locator(".phone-map .pin-case")).to_have_count(0)


def test_an_urgent_offer_stands_above_the_general_task_in_hand(browser: Browser, live: LiveConsole) -> None:
    general = live.report()
    force = live.holder(general)
    live.services.desk.act(general, Action.ACCEPT, principal=force)
    with watched(browser, live, force, size=PHONE) as page:
        opened(page, live, "/terminal")
        expect(page.locator(".task")).to_have_count(1)
        expect(page.locator(".aside-line")).to_have_count(0)
        urgent = live.report(category=FIRE_LANE)
        live.services.desk.act(urgent, Action.DISPATCH, principal=DISPATCHER, terminal=force.terminal)
        expect(page.locator(".task")).to_have_count(2)
        first = page.locator(".task").first
        assert first.get_attribute("data-number") == urgent
        expect(page.locator(f".task[data-number='{general}'] .aside-line")).to_contain_text(
            "The urgent task goes first"
        )
        expect(page.locator(f".task[data-number='{urgent}'] .aside-line")).to_have_count(0)
        first.get_by_role("button", name="Accept").click()
        expect(page.locator(f".task[data-number='{urgent}'] .chip")).to_have_text("Accepted")
        assert page.locator(".task").first.get_attribute("data-number") == urgent
    assert {live.services.casebook.case(each).terminal for each in (general, urgent)} == {force.terminal}


def test_declining_needs_a_reason_and_hands_the_case_on(browser: Browser, live: LiveConsole) -> None:
    number = live.report()
    force = live.holder(number)
    with watched(browser, live, force, size=PHONE) as page:
        opened(page, live, "/terminal")
        page.get_by_text("Decline", exact=True).click()
        page.get_by_role("button", name="Decline the task").click()
        assert live.holder(number) == force  # the browser asks for a reason first
        page.get_by_label("Too far away").check()
        page.get_by_role("button", name="Decline the task").click()
        expect(page.locator(".none")).to_be_visible()
    assert live.holder(number) != force
    declined = next(event for event in live.services.casebook.events(number) if event.action == "decline")
    assert declined.details["note"] == "Too far away"


def test_an_answer_that_comes_too_late_is_told(browser: Browser, live: LiveConsole) -> None:
    number = live.report()
    force = live.holder(number)
    with watched(browser, live, force, size=PHONE) as page:
        page.route("**/api/v1/stream", lambda route: route.fulfill(status=204))
        page.goto(f"{live.url}/terminal")
        page.wait_for_selector("body[data-ready]")
        other = "T002" if force.terminal != "T002" else "T001"
        live.services.desk.act(number, Action.DISPATCH, principal=DISPATCHER, terminal=other)
        page.get_by_role("button", name="Accept").click()
        expect(page.locator(".toast")).to_contain_text("another terminal")
        expect(page.locator(".none")).to_be_visible()


@pytest.mark.parametrize("datum", [Datum.WGS84, Datum.GCJ02])
def test_the_phones_position_is_reported(browser: Browser, live: LiveConsole, datum: Datum) -> None:
    given = convert(PARK, source=Datum.WGS84, target=datum)
    settings = {"permissions": ["geolocation"], "geolocation": {"longitude": given.lon, "latitude": given.lat}}
    with watched(browser, live, carrier_of("T001"), size=PHONE, **settings) as page:
        if datum is Datum.GCJ02:
            page.add_init_script("localStorage.setItem('beatgrid.gcj02', 'on')")
        opened(page, live, "/terminal")
        expect(page.locator("#position")).to_contain_text("reported")
        expect(page.locator(".pin-me")).to_have_count(1)
    known = live.services.casebook.terminals()["T001"].lonlat
    assert known is not None
    assert distance_m(LonLat(*known), PARK) < 1.0


def test_a_phone_that_refuses_its_position_is_told_what_to_do(browser: Browser, live: LiveConsole) -> None:
    with watched(browser, live, carrier_of("T001"), size=PHONE, permissions=[]) as page:
        page.add_init_script(
            "navigator.geolocation.watchPosition = (_, failed) => failed({ code: 1, PERMISSION_DENIED: 1 })"
        )
        opened(page, live, "/terminal")
        expect(page.locator("#position")).to_contain_text("allow it in the browser's settings")


@pytest.mark.parametrize("width", [320, 360, 390])
@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_it_fits_a_small_phone_and_fingers_find_the_buttons(
    browser: Browser, live: LiveConsole, width: int, locale: str
) -> None:
    number = live.sight(PICTURE)
    with watched(browser, live, live.holder(number), size=(width, 740), locale=locale) as page:
        opened(page, live, "/terminal")
        assert too_wide(page) <= 0
        page.locator(".decline summary").first.click()
        assert too_wide(page) <= 0
        buttons = page.locator("main button, main summary, main .check")
        assert buttons.count() >= 3
        for place in range(buttons.count()):
            box = buttons.nth(place).bounding_box()
            assert box is not None
            assert box["height"] >= SMALLEST_TARGET_PX
            assert 0 <= box["x"] <= box["x"] + box["width"] <= width


def test_the_desk_looks_over_a_forces_shoulder(browser: Browser, live: LiveConsole) -> None:
    force = live.holder(live.report())
    with watched(browser, live, DISPATCHER, size=PHONE) as page:
        opened(page, live, f"/terminal?terminal={force.terminal}")
        expect(page.locator(".desk-view")).to_be_visible()
        expect(page.locator(".task.offer")).to_have_count(1)
