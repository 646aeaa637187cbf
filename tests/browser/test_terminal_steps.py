"""The side ways of a case on the terminal's page in a real Chromium, with a good signal, a lost and a half lost one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from live_console import DISPATCHER, PARK, LiveConsole, Watcher, carrier_of, secret_of, served
from playwright.sync_api import Browser, Page, Route, expect
from watched_page import opened, too_wide, watched

from geo.coords import LonLat
from pipeline.cases import Action, Status
from pipeline.joint_action import JointPlan
from pipeline.people_pictures import PictureCleaner
from pipeline.principal import Principal

SIZES = [(360, 740), (1440, 900)]
SMALLEST_TARGET_PX = 44


@pytest.fixture
def street(live: LiveConsole) -> Iterator[LiveConsole]:
    """Serve the sample site with a server that takes pictures."""
    with served(replace(live.services, pictures=PictureCleaner(Watcher()))) as (url, changes):
        yield replace(live, url=url, changes=changes)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    picture = cv2.imencode(".jpg", np.full((90, 160, 3), 120, dtype=np.uint8))[1]
    file = tmp_path / "photo.jpg"
    file.write_bytes(picture.tobytes())
    return file


def in_hand(street: LiveConsole, *steps: Action, at: LonLat = PARK) -> tuple[str, Principal]:
    number = street.report(at)
    holder = street.holder(number)
    for step in (Action.ACCEPT, *steps):
        street.services.desk.act(number, step, principal=holder, note="a reason")
    return number, holder


def unfold(page: Page, words: str) -> None:
    page.locator("summary", has_text=words).click()


def last(street: LiveConsole, number: str) -> tuple[str, object]:
    event = street.services.casebook.events(number)[-1]
    return event.action, event.details.get("note")


@pytest.mark.parametrize("size", SIZES)
def test_sending_back_says_who_decides_and_the_second_time_is_not_offered(
    browser: Browser, street: LiveConsole, size: tuple[int, int]
) -> None:
    number, holder = in_hand(street)
    with watched(browser, street, holder, size=size) as page:
        opened(page, street, "/terminal")
        unfold(page, "Cannot solve it, send back")
        page.get_by_role("button", name="Send back", exact=True).click()
        assert street.services.casebook.case(number).status is Status.ACCEPTED  # the browser asks why first
        page.get_by_label("Why it goes back").fill("a private yard")
        page.get_by_role("button", name="Send back", exact=True).click()
        expect(page.locator(".toast")).to_contain_text("The duty desk decides who gets it")
        expect(page.locator(".none")).to_be_visible()
        assert last(street, number) == ("return", "a private yard")
        street.services.desk.act(number, Action.DISPATCH, principal=DISPATCHER, terminal=holder.terminal)
        expect(page.locator(".task.offer")).to_be_visible()
        expect(page.get_by_text("only the duty desk may send it elsewhere")).to_be_visible()
        expect(page.locator("summary", has_text="Decline")).to_have_count(0)


@pytest.mark.parametrize("size", SIZES)
def test_more_time_is_asked_for_until_a_moment(browser: Browser, street: LiveConsole, size: tuple[int, int]) -> None:
    number, holder = in_hand(street)
    with watched(browser, street, holder, size=size) as page:
        opened(page, street, "/terminal")
        unfold(page, "More time needed")
        choices = page.locator("input[name=more]")
        expect(choices).to_have_count(3)
        page.locator(".check", has_text="until").nth(1).click()
        page.get_by_label("Why more time is needed").fill("the truck comes tomorrow")
        page.get_by_role("button", name="Ask for more time").click()
        expect(page.locator(".toast")).to_contain_text("The duty desk decides")
        expect(page.locator(".aside-line")).to_contain_text("More time asked for, until")
        expect(page.locator("summary", has_text="More time needed")).to_have_count(0)
        asked = street.services.casebook.case(number).asked
        assert asked > 0
        assert last(street, number) == ("ask-extension", "the truck comes tomorrow")
        street.services.desk.act(number, Action.EXTEND, principal=DISPATCHER)
        expect(page.locator(".aside-line")).to_have_count(0)
        assert street.services.casebook.case(number).extended == 1


@pytest.mark.parametrize("size", SIZES)
def test_pictures_go_with_a_result_and_with_further_reports(
    browser: Browser, street: LiveConsole, photo: Path, size: tuple[int, int]
) -> None:
    number, holder = in_hand(street, Action.ARRIVE)
    with watched(browser, street, holder, size=size) as page:
        opened(page, street, "/terminal")
        page.get_by_label("What was found or done").fill("three bags")
        page.locator("input[type=file]").first.set_input_files(photo)
        page.get_by_role("button", name="Report first result").click()
        expect(page.locator(".task .chip")).to_have_text("First result")
        told = street.services.casebook.events(number)[-1].details
        assert [each["label"] for each in told["pictures"]] == ["step"]
        other = cv2.imencode(".jpg", np.full((90, 160, 3), 30, dtype=np.uint8))[1]
        photo.write_bytes(other.tobytes())
        unfold(page, "Further report with a picture")
        page.get_by_label("Picture", exact=True).set_input_files(photo)
        page.get_by_label("What it shows (optional)").fill("the truck is here")
        page.get_by_role("button", name="Send report").click()
        expect(page.locator(".toast", has_text="with its picture is recorded")).to_be_visible()
        expect(page.locator(".task-pictures img")).to_have_count(2)
        assert last(street, number) == ("picture", "the truck is here")
        assert street.services.casebook.case(number).status is Status.FIRST_RESULT


@pytest.mark.parametrize("lossy", [False, True], ids=["with a signal", "without"])
def test_a_result_without_words_and_picture_is_asked_for_them_at_once(
    browser: Browser, street: LiveConsole, photo: Path, *, lossy: bool
) -> None:
    number, holder = in_hand(street, Action.ARRIVE)
    with watched(browser, street, holder, size=SIZES[0], lossy=lossy) as page:
        opened(page, street, "/terminal")
        if lossy:
            page.route("**/cases/**", lambda route: route.abort("internetdisconnected"))
        for count, name in enumerate(("Report first result", "Done"), 1):
            page.get_by_role("button", name=name, exact=True).click()
            expect(page.locator(".toast", has_text="Say in words what was found or done")).to_have_count(count)
            expect(page.get_by_label("What was found or done")).to_be_focused()
        expect(page.locator("#unsent")).to_be_hidden()
        assert street.services.casebook.case(number).status is Status.ARRIVED
        if lossy:
            return
        page.locator("input[type=file]").first.set_input_files(photo)
        page.get_by_role("button", name="Done", exact=True).click()
        expect(page.locator(".none")).to_be_visible()
    told = street.services.casebook.events(number)[-1].details
    assert ([each["label"] for each in told["pictures"]], "note" in told) == (["after"], False)


@pytest.mark.parametrize("size", SIZES)
def test_a_liaison_reports_its_part_and_only_then_is_the_case_done(
    browser: Browser, street: LiveConsole, size: tuple[int, int]
) -> None:
    number, holder = in_hand(street, Action.ARRIVE)
    forces = [force for force in street.services.site.roster.forces if force.terminal and force.grid == "YP-G1"]
    pair = {code: next(f for f in forces if f.department == code) for code in ("police-station", "market-supervision")}
    plan = JointPlan(lead="police-station", liaisons={code: force.number for code, force in pair.items()})
    street.services.office.open_joint(number, plan, note="", principal=DISPATCHER)
    market = carrier_of(str(pair["market-supervision"].terminal))
    with watched(browser, street, holder, size=size) as page, watched(browser, street, market, size=size) as other:
        opened(page, street, "/terminal")
        expect(page.get_by_role("button", name="Done", exact=True)).to_have_count(0)
        expect(page.get_by_text("when every department has reported its part")).to_be_visible()
        opened(other, street, "/terminal")
        other.get_by_label("What was done by: Market-supervision office").fill("warned three stalls")
        other.get_by_role("button", name="Report our part done").click()
        expect(other.locator(".toast")).to_contain_text("recorded as done")
        expect(other.locator(".none")).to_be_visible()
        expect(page.get_by_role("button", name="Done", exact=True)).to_be_visible()
        expect(page.locator(".part-done")).to_contain_text("reported")


def test_a_suspended_case_stays_in_sight_and_goes_on_by_itself(browser: Browser, street: LiveConsole) -> None:
    number, holder = in_hand(street)
    with watched(browser, street, holder, size=SIZES[0]) as page:
        opened(page, street, "/terminal")
        street.services.desk.act(number, Action.SUSPEND, principal=DISPATCHER, note="waits for parts")
        expect(page.locator(".task.resting")).to_contain_text("its clocks stand")
        expect(page.get_by_role("button", name="I have arrived")).to_have_count(0)
        street.services.desk.act(number, Action.RESUME, principal=DISPATCHER)
        expect(page.get_by_role("button", name="I have arrived")).to_be_visible()


def test_the_desk_suspends_and_resumes_over_a_forces_shoulder(browser: Browser, street: LiveConsole) -> None:
    number, holder = in_hand(street)
    with watched(browser, street, DISPATCHER, size=SIZES[0]) as page:
        opened(page, street, f"/terminal?terminal={holder.terminal}")
        unfold(page, "Suspend the case")
        page.get_by_label("What it waits for").fill("parts")
        page.get_by_role("button", name="Suspend", exact=True).click()
        expect(page.locator(".toast")).to_contain_text("the clocks stand")
        assert street.services.casebook.case(number).status is Status.SUSPENDED
        page.get_by_role("button", name="Resume").click()
        expect(page.locator(".toast", has_text="the clocks run again")).to_be_visible()
        assert street.services.casebook.case(number).status is Status.ACCEPTED


@pytest.mark.parametrize("heard", [False, True], ids=["never arrived", "only the answer was lost"])
def test_what_is_pressed_without_a_signal_is_kept_and_taken_once(
    browser: Browser, street: LiveConsole, *, heard: bool
) -> None:
    number, holder = in_hand(street)

    def cut(route: Route) -> None:
        if heard:
            route.fetch()
        route.abort("internetdisconnected")

    with watched(browser, street, holder, size=SIZES[0], lossy=True) as page:
        # What changes is not heard of either: the page learns it from the answer alone.
        page.route("**/api/v1/stream", lambda route: route.abort())
        page.goto(f"{street.url}/terminal")
        page.wait_for_selector("body[data-ready]")
        page.route("**/cases/**", cut)
        unfold(page, "Cannot solve it, send back")
        page.get_by_label("Why it goes back").fill("a private yard")
        page.get_by_role("button", name="Send back", exact=True).click()
        expect(page.locator("#unsent li")).to_have_count(1)
        expect(page.locator("#unsent")).to_contain_text("Cannot solve it, send back")
        expect(page.locator(".toast")).to_contain_text("No signal")
        expect(page.get_by_label("Why it goes back")).to_have_value("a private yard")
        page.get_by_role("button", name="Send back", exact=True).click()
        expect(page.locator("#unsent li")).to_have_count(1)
        page.unroute("**/cases/**")
        page.get_by_role("button", name="Send now").click()
        told = "nothing was done twice" if heard else "The duty desk decides"
        expect(page.locator(".toast.fine")).to_contain_text(told)
        expect(page.locator("#unsent")).to_be_hidden()
        expect(page.locator(".none")).to_be_visible()
    events = [event.action for event in street.services.casebook.events(number)]
    assert events.count("return") == 1


def test_a_picture_that_was_kept_is_still_there_after_the_page_was_closed(
    browser: Browser, street: LiveConsole, photo: Path
) -> None:
    number, holder = in_hand(street)
    with watched(browser, street, holder, size=SIZES[0], lossy=True) as page:
        opened(page, street, "/terminal")
        page.route("**/cases/**", lambda route: route.abort("internetdisconnected"))
        unfold(page, "Further report with a picture")
        page.get_by_label("Picture", exact=True).set_input_files(photo)
        page.get_by_label("What it shows (optional)").fill("blocked")
        page.get_by_role("button", name="Send report").click()
        expect(page.locator("#unsent li")).to_have_count(1)
        page.unroute("**/cases/**")
        opened(page, street, "/terminal")
        # The line to the server opened: that alone sends what was kept.
        expect(page.locator("#unsent")).to_be_hidden()
        expect(page.locator(".task-pictures img")).to_have_count(1)
    assert last(street, number) == ("picture", "blocked")


def test_a_signal_that_hangs_is_given_up_and_the_next_person_sends_nothing_of_it(
    browser: Browser, street: LiveConsole
) -> None:
    number, holder = in_hand(street)
    with watched(browser, street, holder, size=SIZES[0], lossy=True) as page:
        opened(page, street, "/terminal")
        page.evaluate(
            "document.body.addEventListener('htmx:beforeSend', (e) => { window.limit = e.detail.xhr.timeout })"
        )
        page.route("**/cases/**", lambda route: route.abort("internetdisconnected"))
        page.get_by_role("button", name="I have arrived").click()
        expect(page.locator("#unsent li")).to_have_count(1)
        assert page.evaluate("window.limit") == 20_000
        page.unroute("**/cases/**")
        desk = {"name": "beatgrid", "value": secret_of(DISPATCHER), "url": street.url}
        page.context.add_cookies([desk])
        opened(page, street, f"/terminal?terminal={holder.terminal}")
        expect(page.locator("#unsent")).to_be_hidden()
    assert street.services.casebook.case(number).status is Status.ACCEPTED


def test_what_came_too_late_is_told_and_not_kept(browser: Browser, street: LiveConsole) -> None:
    number, holder = in_hand(street)
    with watched(browser, street, holder, size=SIZES[0], lossy=True) as page:
        opened(page, street, "/terminal")
        page.route("**/cases/**", lambda route: route.abort("internetdisconnected"))
        page.get_by_role("button", name="I have arrived").click()
        expect(page.locator("#unsent li")).to_have_count(1)
        page.unroute("**/cases/**")
        street.services.desk.act(number, Action.SUSPEND, principal=DISPATCHER, note="waits")
        page.get_by_role("button", name="Send now").click()
        expect(page.locator(".toast", has_text="this step is not possible any more")).to_be_visible()
        expect(page.locator("#unsent")).to_be_hidden()
    assert street.services.casebook.case(number).status is Status.SUSPENDED


def test_a_busy_server_keeps_a_case_s_steps_in_order_and_holds_up_no_other(
    browser: Browser, street: LiveConsole
) -> None:
    number, holder = in_hand(street, Action.ARRIVE)
    other = street.report(LonLat(PARK.lon + 0.002, PARK.lat))
    street.services.desk.act(other, Action.DISPATCH, principal=DISPATCHER, terminal=holder.terminal)
    with watched(browser, street, holder, size=SIZES[0], lossy=True) as page:
        opened(page, street, "/terminal")
        page.route("**/cases/**", lambda route: route.abort("internetdisconnected"))
        page.get_by_label("What was found or done").fill("three bags")
        for count, button in enumerate(("Report first result", "Done", "Accept"), 1):
            page.get_by_role("button", name=button, exact=True).click()
            expect(page.locator("#unsent li")).to_have_count(count)
        page.unroute("**/cases/**")
        busy = {"type": "urn:beatgrid:problem:busy"}
        page.route("**/first-result", lambda route: route.fulfill(status=503, json=busy))
        page.get_by_role("button", name="Send now").click()
        expect(page.locator("#unsent li")).to_have_count(2)
        assert street.services.casebook.case(other).status is Status.ACCEPTED
        assert street.services.casebook.case(number).status is Status.ARRIVED
        page.unroute("**/first-result")
        page.get_by_role("button", name="Send now").click()
        expect(page.locator("#unsent")).to_be_hidden()
    steps = [event.action for event in street.services.casebook.events(number)]
    assert steps[-2:] == ["first-result", "done"]


def test_what_is_kept_can_be_thrown_away(browser: Browser, street: LiveConsole) -> None:
    number, holder = in_hand(street)
    with watched(browser, street, holder, size=SIZES[0], lossy=True) as page:
        opened(page, street, "/terminal")
        page.route("**/cases/**", lambda route: route.abort("internetdisconnected"))
        page.get_by_role("button", name="I have arrived").click()
        page.get_by_role("button", name="Discard: I have arrived").click()
        expect(page.locator("#unsent")).to_be_hidden()
    assert street.services.casebook.case(number).status is Status.ACCEPTED


def test_what_is_half_filled_in_survives_a_change_from_elsewhere(
    browser: Browser, street: LiveConsole, photo: Path
) -> None:
    number, holder = in_hand(street)
    with watched(browser, street, holder, size=SIZES[0]) as page:
        opened(page, street, "/terminal")
        unfold(page, "Further report with a picture")
        unfold(page, "More time needed")
        page.get_by_label("Picture", exact=True).set_input_files(photo)
        page.locator("input[name=more]").nth(2).check()
        page.get_by_label("Why more time is needed").fill("half a sen")
        street.services.desk.act(number, Action.SUPERVISE, principal=DISPATCHER, note="watched")
        expect(page.locator(".chip.watched")).to_be_visible()
        expect(page.locator("input[name=more]").nth(2)).to_be_checked()
        expect(page.get_by_label("Why more time is needed")).to_have_value("half a sen")
        assert page.evaluate("document.querySelector('input[required][type=file]').files.length") == 1


@pytest.mark.parametrize("width", [320, 390, 1440])
@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_everything_unfolded_fits_and_has_a_name(
    browser: Browser, street: LiveConsole, width: int, locale: str
) -> None:
    number, holder = in_hand(street, Action.ARRIVE)
    street.services.desk.act(number, Action.SUPERVISE, principal=DISPATCHER, note="watched")
    with watched(browser, street, holder, size=(width, 740), locale=locale) as page:
        opened(page, street, "/terminal")
        for each in page.locator("main summary").all():
            each.click()
        assert too_wide(page) <= 0
        nameless = """[...document.querySelectorAll('main :is(button, input:not([type=hidden]), textarea, summary)')]
            .filter((each) => !(each.labels?.length || each.textContent.trim() || each.getAttribute('aria-label')))
            .map((each) => each.outerHTML)"""
        assert page.evaluate(nameless) == []
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
        assert len(ids) == len(set(ids))
        for each in page.locator("main :is(button, summary, .check, input[type=file])").all():
            box = each.bounding_box()
            assert box is not None
            assert box["height"] >= SMALLEST_TARGET_PX
            assert 0 <= box["x"] <= box["x"] + box["width"] <= width
