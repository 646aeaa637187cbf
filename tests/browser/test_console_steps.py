"""The side ways of a case at the console in a real Chromium, on a desk's screen and on a phone's."""

from datetime import timedelta

import pytest
from live_console import ADMIN, DISPATCHER, NOON, PARK, LiveConsole, carrier_of
from playwright.sync_api import Browser, Locator, Page, expect
from watched_page import opened, too_wide, watched

from geo.coords import LonLat
from pipeline.cases import Action, Status
from pipeline.consultations import Meeting
from pipeline.principal import Principal

SIZES = [(390, 844), (1440, 900)]
EAST = LonLat(PARK.lon + 0.003, PARK.lat)


def case_of(live: LiveConsole, *steps: Action) -> tuple[str, Principal]:
    number = live.report()
    holder = live.holder(number)
    for step in steps:
        live.services.desk.act(number, step, principal=holder, note="a private yard")
    return number, holder


def unfold(page: Page, words: str) -> Locator:
    """Unfold a side step; returns its form."""
    piece = page.locator("details", has=page.get_by_text(words, exact=True)).first
    piece.locator("summary").click()
    return piece.locator("form")


def last(live: LiveConsole, number: str) -> tuple[str, object]:
    event = live.services.casebook.events(number)[-1]
    return event.action, event.details.get("note")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("by_hand", [True, False], ids=["by hand", "by the rule"])
def test_what_came_back_is_dispatched_again(
    browser: Browser, live: LiveConsole, size: tuple[int, int], *, by_hand: bool
) -> None:
    number, holder = case_of(live, Action.ACCEPT, Action.RETURN)
    with watched(browser, live, DISPATCHER, size=size) as page:
        opened(page, live, f"/?case={number}")
        expect(page.locator(".waits-line")).to_contain_text(f"Sent back by {holder.name}")
        expect(page.locator(".waits-line")).to_contain_text("a private yard")
        options = page.locator("#panel select[name=terminal] option")
        chosen = options.nth(2).get_attribute("value") if by_hand else ""
        page.locator("#panel select[name=terminal]").select_option(chosen)
        page.get_by_role("button", name="Dispatch", exact=True).click()
        expect(page.locator("#panel .case-state .chip")).to_have_text("Offered")
        expect(page.locator(".waits-line")).to_have_count(0)
    case = live.services.casebook.case(number)
    assert case.bound
    assert case.terminal == chosen or (not by_hand and case.terminal is not None)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("granted", [True, False])
def test_an_extension_is_granted_or_refused_with_words(
    browser: Browser, live: LiveConsole, size: tuple[int, int], *, granted: bool
) -> None:
    number, holder = case_of(live, Action.ACCEPT)
    live.services.desk.act(number, Action.ASK_EXTENSION, principal=holder, note="the truck is broken", more=1.0)
    with watched(browser, live, DISPATCHER, size=size) as page:
        opened(page, live, f"/?case={number}")
        asked = page.locator(".asked")
        expect(asked).to_contain_text("the truck is broken")
        expect(asked).to_contain_text("1 working h more")
        expect(page.locator(f"#row-{number}")).to_contain_text("More time?")
        if granted:
            asked.get_by_role("button", name="Grant extension").click()
        else:
            asked.get_by_role("button", name="Refuse extension").click()
            expect(page.locator(".toast")).to_contain_text("Write a note first")
            expect(asked.get_by_label("Why (needed to refuse)")).to_be_focused()
            asked.get_by_label("Why (needed to refuse)").fill("another truck is free")
            asked.get_by_role("button", name="Refuse extension").click()
        expect(asked).to_have_count(0)
        expect(page.locator("#panel")).to_be_focused()
        expect(page.locator(f"#row-{number}")).not_to_contain_text("More time?")
    assert last(live, number) == (("extend", None) if granted else ("refuse-extension", "another truck is free"))
    assert live.services.casebook.case(number).extended == int(granted)


def test_who_asked_is_told_that_somebody_else_decides(browser: Browser, live: LiveConsole) -> None:
    number, _ = case_of(live, Action.ACCEPT)
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, f"/?case={number}")
        form = unfold(page, "Ask for more time")
        form.get_by_label("Until when?").select_option(index=1)
        form.get_by_label("Why more time is needed").fill("it rains")
        form.get_by_role("button", name="Ask for more time").click()
        expect(page.locator(".asked")).to_contain_text("Somebody else than who asked decides")
        expect(page.locator(".asked button")).to_have_count(0)
    assert last(live, number) == ("ask-extension", "it rains")


@pytest.mark.parametrize("size", SIZES)
def test_suspending_and_resuming(browser: Browser, live: LiveConsole, size: tuple[int, int]) -> None:
    number, _ = case_of(live, Action.ACCEPT)
    with watched(browser, live, DISPATCHER, size=size) as page:
        opened(page, live, f"/?case={number}")
        form = unfold(page, "Suspend")
        form.get_by_role("button", name="Suspend").click()
        assert live.services.casebook.case(number).status is Status.ACCEPTED  # the browser asks why first
        form.get_by_label("What it waits for").fill("the water company")
        form.get_by_role("button", name="Suspend").click()
        expect(page.locator("#panel .case-state .chip")).to_have_text("Suspended")
        assert last(live, number) == ("suspend", "the water company")
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#panel .case-state .chip")).to_have_text("Accepted")


@pytest.mark.parametrize("size", SIZES)
def test_supervising_shows_and_rework_says_what(browser: Browser, live: LiveConsole, size: tuple[int, int]) -> None:
    number, holder = case_of(live, Action.ACCEPT, Action.ARRIVE, Action.DONE)
    with watched(browser, live, DISPATCHER, size=size) as page:
        opened(page, live, f"/?case={number}")
        form = unfold(page, "Supervise")
        form.get_by_label("What is to be watched").fill("the mayor asked")
        form.get_by_role("button", name="Supervise").click()
        expect(page.locator(".flags-line")).to_contain_text("Watched from above")
        assert last(live, number) == ("supervise", "the mayor asked")
        form = unfold(page, "To be done again")
        form.get_by_label("What must be done again").fill("two bags are still there")
        form.get_by_role("button", name="To be done again").click()
        expect(page.locator("#panel .case-state .chip")).to_have_text("Accepted")
        expect(page.locator(".history .entry").first).to_contain_text("two bags are still there")
    assert live.holder(number) == holder


@pytest.mark.parametrize("size", SIZES)
def test_a_joint_action_is_opened_and_its_parts_are_seen(
    browser: Browser, live: LiveConsole, size: tuple[int, int]
) -> None:
    number, _ = case_of(live, Action.ACCEPT, Action.ARRIVE)
    with watched(browser, live, DISPATCHER, size=size) as page:
        opened(page, live, f"/?case={number}")
        form = unfold(page, "Open a joint action")
        form.get_by_role("radio", name="Police station leads").check()
        form.get_by_label("Liaison of Market-supervision office").select_option(index=1)
        form.get_by_role("button", name="Open a joint action").click()
        expect(page.locator(".toast")).to_contain_text("cannot be opened")
        expect(form.get_by_role("radio", name="Police station leads")).to_be_checked()
        form.get_by_label("Liaison of Police station").select_option(index=1)
        form.get_by_label("What it is about (optional)").fill("night market")
        form.get_by_role("button", name="Open a joint action").click()
        parts = page.locator(".together .part")
        expect(parts).to_have_count(2)
        expect(parts.first).to_contain_text("leads")
        expect(parts.nth(1)).to_contain_text("at work")
        expect(page.get_by_role("button", name="Report done")).to_have_count(0)
        market = next(p for p in live.services.casebook.read(lambda b: b.joint_parts(number)) if not p.lead)
        form = unfold(page, "Report part done")
        form.get_by_label("What was done by: Market-supervision office").fill("warned three stalls")
        form.get_by_role("button", name="Report part done").click()
        expect(parts.nth(1)).to_contain_text("reported")
        expect(page.get_by_role("button", name="Report done")).to_be_visible()
    assert last(live, number) == ("joint-part", "warned three stalls")
    assert live.services.casebook.case(number).liaisons.count(str(market.terminal)) == 1


def test_a_part_that_the_liaison_reports_is_seen_at_once(browser: Browser, live: LiveConsole) -> None:
    number, _ = case_of(live, Action.ACCEPT)
    forces = [force for force in live.services.site.roster.forces if force.terminal and force.grid == "YP-G1"]
    pair = {code: next(f for f in forces if f.department == code) for code in ("police-station", "market-supervision")}
    body = {"lead": "police-station", "liaisons": {code: force.number for code, force in pair.items()}}
    with live.client(DISPATCHER) as client:
        client.post(f"/api/v1/cases/{number}/joint", json=body).raise_for_status()
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, f"/?case={number}")
        expect(page.locator(".part-open")).to_have_count(1)
        live.services.office.finish_part(
            number, "market-supervision", note="warned", principal=carrier_of(str(pair["market-supervision"].terminal))
        )
        expect(page.locator(".part-done")).to_have_count(1)


@pytest.mark.parametrize("size", SIZES)
def test_an_administrator_declares_a_case_void_with_a_reason(
    browser: Browser, live: LiveConsole, size: tuple[int, int]
) -> None:
    number, _ = case_of(live, Action.ACCEPT)
    with watched(browser, live, DISPATCHER, size=size) as page:
        opened(page, live, f"/?case={number}")
        expect(page.get_by_text("Void", exact=True)).to_have_count(0)
    with watched(browser, live, ADMIN, size=size) as page:
        opened(page, live, f"/?case={number}")
        form = unfold(page, "Void")
        form.get_by_label("Why it is void").fill("opened by mistake")
        form.get_by_role("button", name="Void").click()
        expect(page.locator("#panel .case-state .chip")).to_have_text("Void")
    assert last(live, number) == ("void", "opened by mistake")


@pytest.mark.parametrize("size", SIZES)
def test_a_case_is_put_on_a_consultations_list(browser: Browser, live: LiveConsole, size: tuple[int, int]) -> None:
    number, _ = case_of(live, Action.ACCEPT)
    other = live.report(EAST)
    with watched(browser, live, DISPATCHER, size=size) as page:
        opened(page, live, f"/?case={number}")
        form = unfold(page, "Call a consultation on it")
        form.get_by_label("When").fill("2026-11-25T09:00")
        form.get_by_label("Chair", exact=True).fill("Wang")
        form.get_by_label("Chair's department").select_option("grid-centre")
        form.get_by_label("Why one department cannot solve it").fill("three are needed")
        form.get_by_role("button", name="Call a consultation on it").click()
        expect(page.locator(".side-steps")).to_contain_text("On the list of consultation HS20261125-0001, 11-25 09:00")
        page.goto(f"{live.url}/?case={other}")
        page.wait_for_selector("[data-live=on]")
        form = unfold(page, "Put on a consultation's list")
        form.get_by_label("Why one department cannot solve it").fill("the same yard")
        form.get_by_role("button", name="Put on a consultation's list").click()
        expect(page.locator(".side-steps")).to_contain_text("On the list of consultation HS20261125-0001")
        expect(page.get_by_text("Put on a consultation's list", exact=True)).to_have_count(1)  # in the history alone
    assert last(live, other) == ("listed", "the same yard")


def test_what_is_half_filled_in_survives_a_change_from_elsewhere(browser: Browser, live: LiveConsole) -> None:
    number, holder = case_of(live)
    with watched(browser, live, DISPATCHER) as page:
        opened(page, live, f"/?case={number}")
        form = unfold(page, "Open a joint action")
        form.get_by_role("radio", name="Traffic police leads").check()
        form.get_by_label("Liaison of Housing office").select_option(index=1)
        unfold(page, "Suspend").get_by_label("What it waits for").fill("half a sen")
        page.get_by_label("Note", exact=True).fill("by radio")
        live.services.desk.act(number, Action.ACCEPT, principal=holder)
        expect(page.locator("#panel .case-state .chip")).to_have_text("Accepted")
        expect(page.get_by_role("radio", name="Traffic police leads")).to_be_checked()
        expect(page.get_by_label("Liaison of Housing office")).not_to_have_value("")
        expect(page.get_by_label("Liaison of Traffic police")).to_have_value("")
        expect(page.get_by_label("What it waits for")).to_have_value("half a sen")
        expect(page.get_by_label("Note", exact=True)).to_have_value("by radio")


@pytest.mark.parametrize("size", [(360, 740), *SIZES, (1920, 1080)])
@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_everything_unfolded_fits_and_has_a_name(
    browser: Browser, live: LiveConsole, size: tuple[int, int], locale: str
) -> None:
    number, holder = case_of(live, Action.ACCEPT)
    live.services.desk.act(number, Action.ASK_EXTENSION, principal=holder, note="a long reason " * 20, more=0.75)
    meeting = Meeting(
        since=NOON - timedelta(days=1), until=NOON, held_at=NOON, chair="Wang", place="",
        attendants=(("Wu", "fire-safety"),), cases=(live.report(EAST),),
    )  # fmt: skip
    live.services.office.convene(meeting, principal=DISPATCHER)
    with watched(browser, live, ADMIN, size=size, locale=locale) as page:
        opened(page, live, f"/?case={number}")
        for each in page.locator("#panel .side-steps summary").all():
            each.click()
        assert too_wide(page) <= 0
        body = page.locator("#panel .case-body")
        assert body.evaluate("(each) => each.scrollWidth - each.clientWidth") <= 0
        nameless = """[...document.querySelectorAll('#panel :is(button, input, select, textarea, summary)')]
            .filter((each) => each.type !== 'hidden' && !each.labels?.length && !each.getAttribute('aria-label'))
            .filter((each) => each.tagName === 'SELECT' || !each.textContent.trim())
            .map((each) => each.outerHTML)"""
        assert page.evaluate(nameless) == []
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
        assert len(ids) == len(set(ids))
        for each in page.locator("#panel .side-steps :is(button, select, input:not([type=hidden]), textarea)").all():
            box = each.bounding_box()
            assert box is not None
            assert 0 <= box["x"] <= box["x"] + box["width"] <= size[0]
