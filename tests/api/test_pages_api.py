"""The pages as HTML: they work without scripts, in both languages, and escape what people write."""

import re
from datetime import date
from html import unescape
from pathlib import Path

import pytest
from live_console import ADMIN, ANALYST, DISPATCHER, FIRE_LANE, PARK, WEST, LiveConsole, carrier_of

from api.case_now import known_now
from api.case_panel import buttons_of
from api.problems import ROWS, slug_of
from api.reason_words import worded
from api.words import LANGUAGES, words
from geo.coords import LonLat
from pipeline.cases import STEPS, Action, Status
from pipeline.dispatch import NoTerminal, decide
from pipeline.next_steps import next_steps
from pipeline.principal import Principal, Role
from pipeline.terminals import Terminal

WEB = Path(__file__).resolve().parents[2] / "api" / "web"
API = WEB.parent
PAGE = {"accept": "text/html"}


def test_the_console_lists_cases_and_opens_one(live: LiveConsole) -> None:
    number = live.report(description="bags beside the bin")
    with live.client(DISPATCHER, follow_redirects=True) as client:
        listed = client.get("/", headers=PAGE).text
        opened = client.get(f"/?case={number}", headers=PAGE).text
    assert number in listed
    assert "bags beside the bin" not in listed
    assert "bags beside the bin" in opened
    assert "Why this terminal" in opened
    assert "soonest of" in opened


def test_steps_work_without_scripts(live: LiveConsole) -> None:
    number = live.report()
    with live.client(DISPATCHER) as client:
        answer = client.post(f"/console/cases/{number}/accept", data={"note": "by radio"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/?case={number}")
        page = client.get(answer.headers["location"], headers=PAGE).text
    assert live.services.casebook.case(number).status is Status.ACCEPTED
    assert "by radio" in page


def test_a_fragment_that_fails_is_a_problem_and_a_page_that_fails_is_a_page(live: LiveConsole) -> None:
    number = live.report()
    with live.client(DISPATCHER) as client:
        fragment = client.post(f"/console/cases/{number}/close", headers={**PAGE, "hx-request": "true"})
        page = client.post(f"/console/cases/{number}/close", headers=PAGE)
    assert fragment.headers["content-type"] == "application/problem+json"
    assert page.headers["content-type"].startswith("text/html")
    assert fragment.status_code == page.status_code == 409
    assert "close is not possible" in page.text


@pytest.mark.parametrize("path", ["/", "/?case={number}", "/terminal?terminal={terminal}"])
def test_what_people_write_is_shown_and_not_run(live: LiveConsole, path: str) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"&"
    number = live.report(description=attack)
    terminal = live.services.casebook.case(number).terminal
    live.services.desk.act(number, Action.ACCEPT, principal=carrier_of(str(terminal)), note=attack)
    with live.client(DISPATCHER) as client:
        text = client.get(path.format(number=number, terminal=terminal), headers=PAGE).text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    if path != "/":
        assert attack in unescape(text)


def test_no_page_has_a_script_or_style_inside(live: LiveConsole) -> None:
    number = live.report()
    with live.client(DISPATCHER) as client:
        for path in ("/", f"/?case={number}", "/maps", "/login", "/docs", "/terminal?terminal=T001"):
            text = client.get(path, headers=PAGE).text
            scripts = re.findall(r"<script([^>]*)>", text)
            assert all("src=" in each or 'type="application/json"' in each for each in scripts), path
            assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|hx-on", text), path


def test_filters_of_the_list(live: LiveConsole) -> None:
    here, there = live.report(), live.report(LonLat(121.0716, 31.1450))
    with live.client(DISPATCHER) as client:

        def rows(**params: str) -> list[str]:
            text = client.get("/console/queue", params=params).text
            return re.findall(r'data-number="([^"]+)"', text)

        assert set(rows()) == {here, there}
        assert rows(grid="YP-G5") == [there]
        assert rows(view="ended") == []
        assert rows(view="desk") == []
        assert set(rows(view="field", channel="patrol")) == {here, there}
        assert rows(channel="hotline") == []
        assert rows(urgent="1") == []
        assert client.get("/console/queue", params={"view": "sideways"}).status_code == 422
    with live.client(WEST) as client:
        assert re.findall(r'data-number="([^"]+)"', client.get("/console/queue").text) == [there]


def test_key_items_show_in_list_figures_and_panel_from_their_day_on(live: LiveConsole) -> None:
    lane, rubbish = live.report(category=FIRE_LANE), live.report(LonLat(121.0716, 31.1450))
    assert live.services.site.catalogue.get(FIRE_LANE).key_since == date(2020, 11, 1)
    with live.client(DISPATCHER) as client:
        text = client.get("/console/queue", params={"key_items": "1"}).text
        assert re.findall(r'data-number="([^"]+)"', text) == [lane]
        assert '<b data-figure="key_items">1</b>' in text
        shown = {number: client.get(f"/console/cases/{number}").text for number in (lane, rubbish)}
        assert ["Key item" in shown[number] for number in (lane, rubbish)] == [True, False]
        assert text.count(">Key item<") == 1
    fire_lane = live.services.site.catalogue.get(FIRE_LANE)
    assert [fire_lane.is_key_item(date(2020, 10, 31)), fire_lane.is_key_item(date(2020, 11, 1))] == [False, True]


def test_the_situation_counts_and_places_everything_in_reach(live: LiveConsole) -> None:
    numbers = {live.report(), live.report(LonLat(121.0716, 31.1450), category=FIRE_LANE)}
    with live.client(ANALYST) as client:
        found = client.get("/console/situation").json()
    assert {case["number"] for case in found["cases"]} == numbers
    assert found["figures"] == {
        "open": 2, "urgent": 1, "key_items": 1, "desk": 0, "field": 2, "check": 0, "overdue": 0, "today": 2,
        "by_camera": 0,
    }  # fmt: skip
    assert {each["id"] for each in found["terminals"]} == set(live.services.site.roster.by_terminal())
    assert sum(each["open_cases"] for each in found["terminals"]) == 2
    assert found["cases"][0]["urgent"]
    with live.client(WEST) as client:
        west = client.get("/console/situation").json()
    assert west["figures"]["open"] == west["figures"]["today"] == 1


def test_a_force_is_led_to_its_own_page(live: LiveConsole) -> None:
    with live.client(carrier_of("T001")) as client:
        answer = client.get("/", headers=PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, "/terminal")
        assert "T001" in client.get("/terminal", headers=PAGE).text
        assert client.get("/terminal?terminal=T002", headers=PAGE).status_code == 403
        assert client.get("/console/situation").status_code == 403


def test_the_terminals_page_offers_and_takes_every_step_without_scripts(live: LiveConsole) -> None:
    number = live.report()
    force = live.holder(number)
    with live.client(force, follow_redirects=True) as client:
        page = client.get("/terminal", headers=PAGE).text
        for action in ("accept", "arrive", "first-result", "done"):
            target = f"/terminal/{force.terminal}/cases/{number}/{action}"
            assert f'action="{target}"' in page, action
            page = client.post(target, data={"note": "all fine"}, headers=PAGE).text
    assert "No tasks" in page
    assert live.services.casebook.case(number).status is Status.HANDLED


def test_an_analyst_has_no_buttons(live: LiveConsole) -> None:
    number = live.report()
    with live.client(ANALYST) as client:
        page = client.get(f"/?case={number}", headers=PAGE).text
    assert "Your role reads only" in page
    assert f"/console/cases/{number}/" not in page


@pytest.mark.parametrize("who", [DISPATCHER, ADMIN], ids=str)
@pytest.mark.parametrize("status", list(Status))
def test_buttons_are_exactly_what_may_be_done(live: LiveConsole, status: Status, who: Principal) -> None:
    from dataclasses import replace

    case = replace(live.services.casebook.case(live.report()), status=status)
    known = known_now(live.services, case)
    allowed = {action for action, (sources, _, roles) in STEPS.items() if status in sources and who.role in roles}
    # An extension is decided only when one was asked for, and asked for only once.
    decides = {Action.EXTEND, Action.REFUSE_EXTENSION}
    for asked, hidden in ((0.0, decides), (1.0, {Action.ASK_EXTENSION})):
        now = replace(case, asked=asked)
        buttons = buttons_of(now, next_steps(now, who, known))
        assert {button.action for button in buttons} == allowed - hidden


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB", "en"), ("fr,zh;q=0.5", "zh"), ("fr", "en"), ("", "en")],
)
def test_the_browser_chooses_the_language(live: LiveConsole, accepted: str, language: str) -> None:
    with live.client(DISPATCHER) as client:
        page = client.get("/", headers={**PAGE, "accept-language": accepted}).text
    assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}">' in page


def test_the_reader_chooses_another(live: LiveConsole) -> None:
    with live.client(DISPATCHER) as client:
        answer = client.get("/language/zh?next=/maps", headers={"accept-language": "en"})
        assert answer.headers["location"] == "/maps"
        assert "派单台" in client.get("/", headers={**PAGE, "accept-language": "en"}).text
        assert client.get("/language/tlh").status_code == 404
        assert client.get("/language/zh?next=//evil.example").headers["location"] == "/"


def test_times_are_the_sites(live: LiveConsole) -> None:
    number = live.report()
    with live.client(DISPATCHER) as client:
        page = client.get(f"/?case={number}", headers=PAGE).text
    assert "12:00:00" in page  # 04:00 UTC


def test_both_languages_have_the_same_words() -> None:
    chinese, english = (set(words(language).by_key) for language in LANGUAGES)
    assert chinese == english


def test_every_word_is_used() -> None:
    sources = [*WEB.glob("templates/*.html"), *WEB.glob("static/*.js"), *API.rglob("*.py")]
    named = {
        word for each in sources for word in re.findall(r"[\"'.]([\w.-]+)[\"'. ,;)]", each.read_text(encoding="utf-8"))
    }
    # These tables are looked up by what the domain says: a status, a role, an action.
    by_value = {
        "false", "trust", "status", "channel", "side", "role", "action", "event", "duty", "problem", "fault", "field",
        "calibration_fault", "lens_verdict", "unit", "told", "why",
    }  # fmt: skip
    # And these keys are put together: "map.case_" and a tone, "panel.label_" and a picture's label, and so on.
    parts = ("map.case_", "panel.label_", "maps.", "queue.", "figure.", "cameras.", "citizen.why_")
    slugs = {slug_of(type(name.rpartition(".")[2], (), {})) for name in ROWS}
    wanted = {key for key in words("en").by_key if key.split(".")[0] not in by_value and not key.startswith(parts)}
    wanted = {key for key in wanted if key not in named and key.split(".")[1] not in named}
    assert not {key for key in wanted if not key.startswith("citizen.") or key.split(".")[1] not in slugs}


# What histories hold beside the steps of `Action`.
EVENTS = (
    "open", "attach", "no-terminal", "pass-over", "reopen", "picture", "erase", "open-original", "feedback", "false",
    "merge", "unmerge", "absorb", "unabsorb", "split", "joint", "joint-part", "consulted", "listed", "clock",
    "extension-lapsed",
)  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_of_the_domain_has_a_word(live: LiveConsole, language: str) -> None:
    from pipeline.cases import Channel, Side

    spoken = words(language)
    for status in Status:
        assert spoken(f"status.{status}")
    for channel in Channel:
        assert spoken(f"channel.{channel}")
    for side in Side:
        assert spoken(f"side.{side}")
    for role in Role:
        assert spoken(f"role.{role}")
    for action in Action:
        assert spoken(f"action.{action}")
        assert spoken(f"event.{action}")
    for event in EVENTS:
        assert spoken(f"event.{event}")
    for force in live.services.site.roster.forces:
        assert spoken(f"duty.{force.role}")
        assert spoken(f"duty.{force.department}")


def test_every_reason_of_dispatch_has_chinese_words(live: LiveConsole) -> None:
    """Ask the real dispatch many questions on the sample site and translate all that it answers."""
    services, spoken = live.services, words("zh")
    site, full = services.site, site_terminals(live)
    seen: set[str] = set()
    for place in range(12):
        number = live.report(
            LonLat(121.072 + 0.0035 * place, 31.1400 + 0.0025 * place), category=sorted(site.catalogue.by_key)[place]
        )
        case = services.casebook.case(number)
        for terminals in ({}, full):
            for away in (frozenset(), frozenset(full)):
                decision = decide(
                    case, site=site, category=site.catalogue.get(case.category), terminals=terminals,
                    declined=away, unanswered=frozenset(list(full)[:20]) - away, now=services.clock.now(),
                )  # fmt: skip
                seen |= {decision.reason, *(each.reason for each in decision.skipped)}
                seen |= {"none"} if isinstance(decision, NoTerminal) else set()
        for event in services.casebook.events(number):
            seen.add(str(event.details.get("reason", "")))
    seen -= {"", "none"}
    assert len(seen) > 15
    untranslated = sorted(reason for reason in seen if worded(reason, spoken) == reason)
    assert not untranslated


def site_terminals(live: LiveConsole) -> dict[str, Terminal]:
    most = live.services.site.settings.dispatch.max_open_cases
    return {ident: Terminal(id=ident, open_cases=most) for ident in live.services.site.roster.by_terminal()}


def test_a_grave_step_is_the_administrators(live: LiveConsole) -> None:
    number = live.report(PARK)
    with live.client(DISPATCHER) as desk, live.client(ADMIN) as admin:
        assert desk.post(f"/console/cases/{number}/void", data={"note": "a mistake"}).status_code == 403
        assert admin.post(f"/console/cases/{number}/void", data={"note": "a mistake"}).status_code == 303
