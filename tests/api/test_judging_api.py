"""Figures, publications, appeals and citizens' points over HTTP: roles, scopes, what it answers and refuses."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from live_console import (
    ADMIN,
    ANALYST,
    CITIZEN,
    DISPATCHER,
    PARK,
    RUBBISH,
    WEST,
    LiveConsole,
    carrier_of,
    secret_of,
    served,
    token_book,
)

from api.tokens import Token, TokenBook, TokenFileError, digest_of, write_tokens
from geo.coords import LonLat
from pipeline.desk import Desk
from pipeline.phone_marks import PhoneMarks
from pipeline.principal import Principal, Role

SUN = Principal(name="Sun", role=Role.ADMIN)
CHIEF = Principal(name="chief of 1", role=Role.ANALYST, speaks_for=frozenset({"grid:YP-G1"}))
EAST = Principal(name="east office", role=Role.ADMIN, grids=frozenset({"YP-G5"}))
DAY = {"since": "2026-11-23T00:00:00+08:00", "until": "2026-11-24T00:00:00+08:00"}


@pytest.fixture
def office(live: LiveConsole, tmp_path: Path) -> Iterator[LiveConsole]:
    """Serve the same casebook with people who are judged, and with a key for phone numbers."""
    services, phones = live.services, PhoneMarks(tmp_path / "points.key")
    people = [Token(principal=each, sha256=digest_of(secret_of(each))) for each in (SUN, CHIEF, EAST)]
    tokens = TokenBook((*token_book(services.site).tokens, *people))
    parts = {"site": services.site, "casebook": services.casebook, "clock": live.clock, "evidence": services.evidence}
    richer = replace(services, tokens=tokens, phones=phones, desk=Desk(**parts, phones=phones))
    with served(richer) as (url, changes):
        yield replace(live, url=url, services=richer, changes=changes)


def call(office: LiveConsole, method: str, path: str, who: Principal | None, status: int = 200, **more: object):
    with office.client(who) as client:
        answer: httpx.Response = client.request(method, f"/api/v1/{path}", **more)
    assert answer.status_code == status, answer.text
    return answer.json()


def closed(office: LiveConsole, at: LonLat = PARK) -> str:
    number = office.report(at)
    holder = office.holder(number)
    for step, who in (
        ("accept", holder),
        ("arrive", holder),
        ("done", holder),
        ("check", DISPATCHER),
        ("close", ADMIN),
    ):
        call(office, "POST", f"cases/{number}/{step}", who, json={"note": "a reason"})
    return number


def test_figures_of_a_period_by_every_kind_and_within_reach(office: LiveConsole) -> None:
    number = closed(office)
    force = office.services.site.roster.by_terminal()[office.services.casebook.events(number)[1].details["terminal"]]
    for by, subject in (
        ("grid", "YP-G1"),
        ("force", force.number),
        ("department", force.department),
        ("site", "yingpu"),
    ):
        told = call(office, "GET", "judging", ANALYST, params={"by": by, "span": "day", "day": "2026-11-23"})
        row = next(each for each in told["rows"] if each["figures"]["subject"] == subject)
        assert row["figures"]["closure"]["count"] == 1, by
        assert row["score"]["value"] is None
        assert "fewer than 10 cases" in row["score"]["why_not"]
    west = call(office, "GET", "judging", WEST, params={"by": "grid", **DAY})
    assert [each["figures"]["subject"] for each in west["rows"]] == ["YP-G5"]
    call(office, "GET", "judging", WEST, 404, params={"grid": "YP-G1", **DAY})
    assert "`span`" in call(office, "GET", "judging", ANALYST, 422, params={"since": DAY["since"]})["detail"]
    wrong = {"since": DAY["until"], "until": DAY["since"]}
    assert "is no period" in call(office, "GET", "judging", ANALYST, 422, params=wrong)["detail"]
    ends = {"since": "0001-01-01T00:00:00+08:00", "until": DAY["until"]}
    for path, far in (
        ("judging", {"span": "day", "day": "9999-12-31"}),
        ("judging", ends),
        ("consultations/hard", ends),
        ("organisation/duty", {"at": "9999-12-31T23:59:59Z"}),
    ):
        assert "too far away" in call(office, "GET", path, ANALYST, 422, params=far)["detail"]


def test_from_publication_to_correction(office: LiveConsole) -> None:
    closed(office)
    late = office.report(LonLat(PARK.lon + 0.001, PARK.lat))
    body = {**DAY, "by": "grid", "scope": "all"}
    assert "is not over" in call(office, "POST", "judging/publications", ADMIN, 409, json=body)["detail"]
    office.clock.at += timedelta(days=1)
    call(office, "POST", "judging/publications", DISPATCHER, 403, json=body)
    assert (
        "people's" in call(office, "POST", "judging/publications", ADMIN, 422, json={**body, "by": "force"})["detail"]
    )
    number = call(office, "POST", "judging/publications", ADMIN, 201, json=body)["number"]
    assert "whole site" in call(office, "POST", "judging/publications", EAST, 403, json=body)["detail"]
    inside = call(office, "POST", "judging/publications", ADMIN, 201, json={**body, "scope": "grid:YP-G1"})["number"]
    call(office, "GET", f"judging/publications/{inside}", WEST, 404)
    assert [e["number"] for e in call(office, "GET", "judging/publications", WEST)] == [number]
    assert [e["number"] for e in call(office, "GET", "judging/publications", ANALYST)] == [inside, number]
    public = call(office, "GET", "q/publications/judging", None)
    assert [each["number"] for each in public] == [number]
    assert "Wang" not in str(public)

    path = f"judging/publications/{number}/appeals"
    appeal = {"subject": "YP-G1", "words": "the case was the railway's"}
    call(office, "POST", path, carrier_of("T001"), 403, json=appeal)
    lodged = call(office, "POST", path, CHIEF, 201, json=appeal)
    assert lodged["content"]["entered_for_them"] is False
    call(office, "POST", path, DISPATCHER, 409, json=appeal)
    assert [each["number"] for each in call(office, "GET", "judging/appeals", DISPATCHER)] == [lodged["number"]]
    decision = {"reason": "it was", "without": [late]}
    call(office, "POST", f"judging/appeals/{lodged['number']}/uphold", ADMIN, 403, json=decision)
    call(office, "POST", f"judging/appeals/{lodged['number']}/uphold", DISPATCHER, 403, json=decision)
    call(office, "POST", f"judging/appeals/{lodged['number']}/uphold", EAST, 403, json=decision)
    told = call(office, "POST", f"judging/appeals/{lodged['number']}/uphold", SUN, json=decision)
    assert [each["kind"] for each in told] == ["upheld", "correction"]
    shown = call(office, "GET", f"judging/publications/{number}", ANALYST)
    first, stands = (next(e for e in shown[k] if e["figures"]["subject"] == "YP-G1") for k in ("first", "stands"))
    assert (first["figures"]["overdue"], stands["figures"]["overdue"], stands["entry"]) == (1, 0, told[1]["number"])
    assert call(office, "GET", f"judging/publications/{number}/recomputed", ANALYST)["holds"] is True
    assert call(office, "GET", "q/publications/judging", None)[0]["corrected"] == ["YP-G1"]
    call(office, "POST", f"judging/publications/{number}/corrections", DISPATCHER, 403, json={})
    body = {"subject": "YP-G9", "reason": "none", "without": [late]}
    call(office, "POST", f"judging/publications/{number}/corrections", ADMIN, 404, json=body)
    call(office, "POST", f"judging/publications/{number}/corrections", EAST, 403, json=body)
    same = call(
        office, "POST", f"judging/publications/{number}/corrections", ADMIN, 422, json={**body, "subject": "YP-G5"}
    )
    assert f"without {late} the figures of YP-G5 stay as they stand" in same["detail"]
    call(office, "POST", f"judging/appeals/{number}/dismiss", SUN, 409, json={"reason": "no appeal"})


def printed(office: LiveConsole, name: str, lon: float) -> str:
    table = f"name,lon,lat\n{name},{lon},{PARK.lat}\n"
    kind = {"content-type": "text/csv"}
    with office.client(ADMIN) as client:
        made = client.post("/api/v1/places.csv", content=table, headers=kind)
    assert made.status_code == 201, made.text
    return str(made.json()["places"][0]["code"])


def reported(office: LiveConsole, code: str, phone: str) -> str:
    form = {"category": RUBBISH, "phone": phone}
    return str(call(office, "POST", f"q/{code}/reports", None, 201, data=form)["receipt"])


def test_points_from_report_to_redemption(office: LiveConsole) -> None:
    receipt = reported(office, printed(office, "Shop", PARK.lon), "138 0000 1111")
    earned = call(office, "GET", f"q/receipts/{receipt}/points", None)
    assert (earned["state"], earned["points"], earned["left"]) == ("waiting", 0, 0)
    number = office.services.casebook.read(lambda book: book.report(receipt)).case
    call(office, "POST", f"cases/{number}/file", DISPATCHER)
    earned = call(office, "GET", f"q/receipts/{receipt}/points", None)
    assert (earned["state"], earned["why"], earned["left"]) == ("earned", "verified", 10)
    found = call(office, "POST", "points/find", DISPATCHER, json={"phone": "13800001111"})
    assert (found["balance"], found["member"]) == (10, False)
    assert "138" not in str(found)
    path = f"points/accounts/{found['account']}"
    assert call(office, "PUT", f"{path}/member", DISPATCHER, json={"member": True})["member"] is True
    body = {"points": 10, "request": "cup-0001"}
    once = call(office, "POST", f"q/receipts/{receipt}/redemptions", None, 201, json=body)
    assert call(office, "POST", f"q/receipts/{receipt}/redemptions", None, 201, json=body) == once
    assert once["left"] == 0
    more = {"points": 10, "request": "cup-0002"}
    assert "0 left" in call(office, "POST", f"q/receipts/{receipt}/redemptions", None, 409, json=more)["detail"]
    assert "0 are there" in call(office, "POST", f"{path}/redemptions", DISPATCHER, 409, json=more)["detail"]
    totals = call(office, "GET", "points", ANALYST)
    assert (totals["issued"], totals["redeemed"], totals["members"]) == (10, 10, 1)
    for who, status in ((ANALYST, 403), (CITIZEN, 403), (carrier_of("T001"), 403)):
        call(office, "GET", path, who, status)
    call(office, "POST", "points/find", DISPATCHER, 404, json={"phone": "13800002222"})
    call(office, "GET", "q/receipts/ABCDEFGH23456789/points", None, 404)


def test_a_token_says_whose_figures_somebody_answers_for(office: LiveConsole, tmp_path: Path) -> None:
    path = tmp_path / "more.toml"
    book = write_tokens(path, [Token(principal=CHIEF, sha256=digest_of("x"))])
    again = TokenBook.load_or_make(path, site=office.services.site)
    assert [each.principal for each in again.tokens] == [each.principal for each in book.tokens] == [CHIEF]
    for wrong in ('"grid:YP-G1"', '["grid"]', '["site:yingpu"]', "[1]"):
        path.write_text(f'[[token]]\nname = "x"\nrole = "analyst"\ntoken = "{"s" * 40}"\nspeaks_for = {wrong}\n')
        with pytest.raises(TokenFileError, match="speaks_for"):
            TokenBook.load_or_make(path, site=office.services.site)


def test_the_pages_behind_a_code_escape_what_people_write_and_take_large_photos_only_there(office: LiveConsole) -> None:
    code = printed(office, "<b>Shop</b>", PARK.lon)
    with office.client() as client:
        page = client.get(f"/q/{code}", headers={"accept": "text/html"})
        assert "&lt;b&gt;Shop&lt;/b&gt;" in page.text
        assert "<b>Shop" not in page.text
        form = {"category": RUBBISH, "phone": "138 0000 1111", "description": "<script>"}
        sent = client.post(f"/q/{code}", data=form)
        assert sent.status_code == 303
        shown = client.get(sent.headers["location"], headers={"accept": "text/html"}).text
        assert "138" not in shown
        wrong = client.post(f"/q/{code}", data={"description": "<script>", "phone": "1"})
        assert wrong.status_code == 422
        assert "&lt;script&gt;" in wrong.text
        large = {"picture": ("a.jpg", bytes(12 * 2**20), "image/jpeg")}
        assert client.post(f"/q/{code}", data=form, files=large).status_code == 413
        assert client.post(sent.headers["location"] + "/redeem", data={"once": "x" * 2**17}).status_code == 413
        photo = {"picture": ("a.jpg", b"\xff\xd8\xff", "image/jpeg")}
        assert client.post(f"/q/{code}", data=form, files=photo).status_code == 503, (
            "no detector here that knows people"
        )
        for _ in range(30):
            last = client.post(f"/q/{code}", data=form)
        assert last.status_code == 429
        assert client.get("/q/NOWHERE", headers={"accept": "text/html"}).status_code == 404
