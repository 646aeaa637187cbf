"""The organisation and the catalogue over HTTP: read, replaced whole with every fault told, worked by at once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from live_console import ADMIN, CITIZEN, DISPATCHER, PARK, RUBBISH, WEST, LiveConsole, secret_of, served

from api import site_now
from api.tokens import Token, TokenBook, digest_of
from pipeline.cases import Channel
from pipeline.catalogue import Catalogue
from pipeline.desk import Desk, Report
from pipeline.principal import Principal, Role
from pipeline.site import Site
from pipeline.site_changes import load_site
from pipeline.site_files import documents

TABLES = ("departments", "officers", "stations", "commanders", "forces", "duty_changes")
CLASS = "/api/v1/catalogue/classes/"
ROAD = "GB/T 47678.5-2026/matter/06012"


@pytest.fixture
def applied(live: LiveConsole, sample_site: Path) -> LiveConsole:
    """Give the live console with the sample site applied as version 1."""
    load_site(documents(sample_site, []), live.services.site, live.services.casebook, now=live.clock.now())
    return live


def put(client: httpx.Client, path: str, text: str, **headers: str) -> httpx.Response:
    return client.put(path, content=text.encode(), headers={"content-type": "text/csv", **headers})


def test_the_organisation_is_told_as_it_stands(applied: LiveConsole) -> None:
    with applied.client(DISPATCHER) as client:
        told = client.get("/api/v1/organisation").json()
    assert [len(grid["chiefs"]) for grid in told["grids"]] == [1] * 5
    assert sum(len(grid["units"]) for grid in told["grids"]) == 34
    units = [unit for grid in told["grids"] for unit in grid["units"]]
    assert all([each["number"] for each in unit["deputies"]] == [f"{unit['heads'][0]['number']}-1"] for unit in units)
    assert told["grids"][0]["stations"][0]["resident"] == ["police-station", "urban-management", "market-supervision"]
    assert told["command"]["officer"]["name"].startswith("Commander")
    with applied.client(WEST) as client:
        assert [grid["code"] for grid in client.get("/api/v1/organisation").json()["grids"]] == ["YP-G5"]


def test_who_is_on_duty_at_a_moment_is_told_with_the_sides(applied: LiveConsole) -> None:
    with applied.client(DISPATCHER) as client:
        noon = client.get("/api/v1/organisation/duty").json()
        night = client.get("/api/v1/organisation/duty", params={"at": "2026-11-29T03:00:00+08:00"}).json()
    assert (noon["patrol_hours"], night["patrol_hours"]) == (True, False)
    guard = next(each for each in night["forces"] if each["role"] == "social-security-team")
    assert guard["sides"] == ["street_face", "unit_interior", "village"]
    follow_up = [each for each in night["forces"] if each["stage"] == "follow_up"]
    assert {each["state"] for each in follow_up} == {"on", "standby"}


@pytest.mark.parametrize("table", TABLES)
def test_a_table_comes_out_as_it_was_applied_and_goes_in_again(applied: LiveConsole, table: str) -> None:
    path = f"/api/v1/organisation/{table}.csv"
    with applied.client(ADMIN) as client:
        read = client.get(path)
        assert read.headers["etag"] == '"v1"'
        answer = put(client, path, read.text, **{"if-match": '"v1"'})
        again = client.get(path)
    assert (answer.status_code, answer.json()) == (200, {"version": 2, "missing": []}), answer.text
    assert (again.text, again.headers["etag"]) == (read.text, '"v2"')


def test_every_fault_of_a_table_is_answered_at_once_and_nothing_is_stored(applied: LiveConsole) -> None:
    with applied.client(ADMIN) as client:
        text = client.get("/api/v1/organisation/forces.csv").text
        broken = text.replace(",traffic-police,traffic-police,", ",traffic-police,air-force,").replace(
            "YP-001,", "YP-002,", 1
        )
        answer = put(client, "/api/v1/organisation/forces.csv", broken)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:beatgrid:problem:change-faults"
    assert len(answer.json()["errors"]) >= 1
    assert "YP-002 stands on line 2 too" in answer.text
    assert applied.services.casebook.site_version() == 1


def test_a_change_made_from_an_old_version_is_refused(applied: LiveConsole) -> None:
    path = "/api/v1/organisation/departments.csv"
    with applied.client(ADMIN) as client:
        text = client.get(path).text
        assert put(client, path, text + "navy,Navy,海军,outside\n").status_code == 200
        assert put(client, path, text, **{"if-match": '"v1"'}).status_code == 409
        assert put(client, path, text, **{"if-match": "yesterday"}).status_code == 422
        assert put(client, path, "\xff".encode("latin-1").decode("latin-1")).status_code == 422
        assert client.put(path, content=b"\xff\xfe", headers={"content-type": "text/csv"}).status_code == 422
    assert "navy" in applied.services.casebook.site_documents()["departments.csv"]


def test_a_changed_roster_is_worked_by_at_once_and_holes_are_told(applied: LiveConsole) -> None:
    path = "/api/v1/organisation/duty_changes.csv"
    away = [f"YP-{n:03d},2026-11-29T03:00,2026-11-29T04:00,off,festival" for n in range(1, 92)]
    with applied.client(ADMIN) as client:
        answer = put(client, path, "\n".join(["number,from,until,duty,note", *away]) + "\n")
        assert answer.status_code == 200, answer.text
        assert {each["lack"] for each in answer.json()["missing"]} == {"nobody-on-duty"}
        assert "Sun 2026-11-29 03:00 to Sun 2026-11-29 04:00" in answer.json()["missing"][0]["words"]
        on = client.get("/api/v1/organisation/duty", params={"at": "2026-11-29T03:30:00+08:00"}).json()["forces"]
        assert client.get("/api/v1/organisation/ahead").json()["missing"] == answer.json()["missing"]
    assert on == []


@contextmanager
def second_process(applied: LiveConsole, site: Site | None = None) -> Iterator[httpx.Client]:
    """Ask another application on the same casebook, that works by a site of its own."""
    services = applied.services
    by = site or services.site
    desk = Desk(site=by, casebook=services.casebook, clock=applied.clock, evidence=services.evidence)
    headers = {"authorization": f"Bearer {secret_of(DISPATCHER)}"}
    with (
        served(replace(services, site=by, desk=desk)) as (url, _),
        httpx.Client(base_url=url, headers=headers, timeout=20.0) as client,
    ):
        yield client


def test_another_process_takes_a_change_over(applied: LiveConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_now, "EVERY_S", 0.0)
    with second_process(applied) as other:
        before = other.get("/api/v1/organisation").json()
        with applied.client(ADMIN) as client:
            text = client.get("/api/v1/organisation/departments.csv").text
            put(client, "/api/v1/organisation/departments.csv", text + "navy,Navy,海军,outside\n")
        time.sleep(0.01)
        after = other.get("/api/v1/organisation").json()
    assert len(after["departments"]) == len(before["departments"]) + 1
    assert after["version"] == before["version"] + 1


def test_who_reaches_some_grids_only_reads_what_is_missing_there_and_no_whole_table(applied: LiveConsole) -> None:
    path, units = "/api/v1/organisation/officers.csv", applied.services.site.boundaries.units
    with applied.client(ADMIN) as client:
        rows = [row for row in client.get(path).text.splitlines() if ",unit-head," not in row and ",YP-G5," not in row]
        assert put(client, path, "\n".join(rows) + "\n").status_code == 200
        assert len(client.get("/api/v1/organisation/ahead").json()["missing"]) == len(units) + 1
    with applied.client(WEST) as client:
        told = [each["where"] for each in client.get("/api/v1/organisation/ahead").json()["missing"]]
        refused = [client.get(f"/api/v1/organisation/{table}.csv") for table in TABLES]
    assert sorted(told) == sorted(["YP-G5", *(unit.code for unit in units if unit.grid == "YP-G5")])
    assert {each.status_code for each in refused} == {403}
    assert "its grids: YP-G5; ask somebody of the whole site" in refused[0].text


def test_who_reaches_some_grids_only_changes_nothing_for_all(applied: LiveConsole) -> None:
    local = Principal(name="local admin", role=Role.ADMIN, grids=frozenset({"YP-G1"}))
    tokens = applied.services.tokens.tokens
    token = Token(principal=local, sha256=digest_of(secret_of(local)))
    headers = {"authorization": f"Bearer {secret_of(local)}"}
    with (
        served(replace(applied.services, tokens=TokenBook((*tokens, token)))) as (url, _),
        httpx.Client(base_url=url, headers=headers, timeout=20.0) as client,
    ):
        for method, path in (
            ("PUT", "/api/v1/organisation/forces.csv"),
            ("PUT", "/api/v1/catalogue/classes.csv"),
            ("POST", "/api/v1/places.csv"),
        ):
            answer = client.request(method, path, content=b"x", headers={"content-type": "text/csv"})
            assert answer.status_code == 403, (path, answer.text)
        assert client.delete(f"{CLASS}{RUBBISH}").status_code == 403


BODY: dict[str, object] = {
    "name": "Drone in a park",
    "name_zh": "公园无人机",
    "department": "police-station",
    "deadline_value": 2,
    "deadline_unit": "work_hour",
    "field": "public-security",
    "key_since": "2026-06-01",
    "conditions": [
        {"number": 1, "text": "over people", "deadline_value": 1, "deadline_unit": "urgent_hour", "urgent": True}
    ],
}


class TestCatalogue:
    KEY = "beatgrid-local/matter/L500"

    def test_a_class_is_added_reported_on_and_then_cannot_be_deleted(self, applied: LiveConsole) -> None:
        with applied.client(ADMIN) as admin, applied.client(DISPATCHER) as desk:
            assert admin.put(f"{CLASS}{self.KEY}", json=BODY).status_code == 200
            report = {
                "channel": "hotline", "category": self.KEY, "lon": PARK.lon, "lat": PARK.lat, "condition": 1,
                "occurred_at": applied.clock.now().isoformat(),
            }  # fmt: skip
            number = desk.post("/api/v1/cases", json=report).json()["number"]
            case = desk.get(f"/api/v1/cases/{number}").json()
            refused = admin.delete(f"{CLASS}{self.KEY}")
            off = admin.put(f"{CLASS}{self.KEY}", json={**BODY, "reportable": False})
            again = desk.post("/api/v1/cases", json={**report, "lon": PARK.lon - 0.003})
        assert (case["urgent"], case["urgent_reason"]) == (True, "its filing condition 1 is urgent")
        assert case["handle_by"] == "2026-11-23T05:00:00Z"
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:beatgrid:problem:classes-in-use")
        assert off.json()["reportable"] is False
        assert (again.status_code, again.json()["type"]) == (422, "urn:beatgrid:problem:not-reportable")

    def test_a_process_that_knows_a_class_still_opens_no_case_of_it_once_it_is_deleted(
        self, applied: LiveConsole, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(site_now, "EVERY_S", 3600.0)
        report = {
            "channel": "patrol", "category": ROAD, "lon": PARK.lon, "lat": PARK.lat,
            "occurred_at": applied.clock.now().isoformat(),
        }  # fmt: skip
        with second_process(applied) as other, applied.client(ADMIN) as admin:
            assert admin.delete(f"{CLASS}{ROAD}").status_code == 204
            assert other.get(f"{CLASS}{ROAD}").status_code == 200
            answer = other.post("/api/v1/cases", json=report)
            kept = other.post("/api/v1/cases", json={**report, "category": RUBBISH})
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:beatgrid:problem:unknown")
        assert kept.status_code == 201
        assert applied.services.casebook.categories_used() == {RUBBISH}

    def test_a_case_of_a_class_that_is_gone_is_shown_by_its_key_and_goes_on(self, applied: LiveConsole) -> None:
        number = applied.report(category=ROAD)
        site = applied.services.site
        classes = {key: each for key, each in site.catalogue.by_key.items() if key != ROAD}
        with second_process(applied, replace(site, catalogue=Catalogue(classes))) as other:
            listed = other.get("/api/v1/cases").json()["cases"]
            pages = [other.get(path) for path in ("/", "/console/queue", f"/console/cases/{number}", "/maps")]
            alike = other.get(f"/api/v1/cases/{number}/alike")
            sent = other.post(f"/api/v1/cases/{number}/dispatch", json={"note": "send somebody"})
        assert [(each["number"], each["category_name"]) for each in listed] == [(number, ROAD)]
        assert [page.status_code for page in pages] == [200] * 4
        assert (alike.status_code, sent.status_code) == (200, 200), sent.text

    def test_key_items_are_a_list_that_grows(self, applied: LiveConsole) -> None:
        with applied.client(ADMIN) as client:
            before = client.get("/api/v1/catalogue", params={"key_items": True}).json()["classes"]
            client.put(f"{CLASS}{self.KEY}", json=BODY)
            after = client.get("/api/v1/catalogue", params={"key_items": True}).json()["classes"]
            by_field = client.get("/api/v1/catalogue", params={"field": "public-security", "text": "drone"}).json()
            none = client.get("/api/v1/catalogue", params={"reportable": False}).json()["classes"]
        assert {each["key"] for each in after} == {*(each["key"] for each in before), self.KEY}
        assert len(after) == len(before) + 1 == 6
        assert [each["key"] for each in by_field["classes"]] == [self.KEY]
        assert none == []

    def test_a_class_without_department_and_an_odd_key_are_told(self, applied: LiveConsole) -> None:
        with applied.client(ADMIN) as client:
            bare = client.put(f"{CLASS}{self.KEY}", json={"name": "x", "name_zh": "x"})
            odd = client.put(f"{CLASS}L500", json=BODY)
            unknown = client.get(f"{CLASS}x/matter/1")
            gone = client.delete(f"{CLASS}x/matter/1")
            fired = client.delete(f"{CLASS}beatgrid-local/matter/L001")
        assert bare.status_code == 422
        assert {"department", "deadline_value"} <= set(" ".join(bare.json()["errors"]).replace(":", " ").split())
        assert (odd.status_code, unknown.status_code, gone.status_code, fired.status_code) == (422, 404, 404, 422)

    def test_what_is_not_mapped_says_so(self, applied: LiveConsole) -> None:
        with applied.client(CITIZEN) as client:
            mappings = client.get(f"{CLASS}{RUBBISH}").json()["mappings"]
        assert [(each["standard"], each["certainty"]) for each in mappings] == [
            ("GB/T 30428.2-2013", "unmapped"),
            ("CJ/T 214-2007", "unmapped"),
        ]

    @pytest.mark.parametrize("table", ["classes", "conditions"])
    def test_a_table_comes_out_and_goes_in_again(self, applied: LiveConsole, table: str) -> None:
        path = f"/api/v1/catalogue/{table}.csv"
        with applied.client(ADMIN) as client:
            text = client.get(path).text
            assert put(client, path, text).json()["version"] == 2
            assert client.get(path).text == text
            assert put(client, path, "a,b\n").status_code == 422

    def test_classes_that_a_table_leaves_out_go_unless_cases_have_them(self, applied: LiveConsole) -> None:
        applied.report(category=RUBBISH)
        path = "/api/v1/catalogue/classes.csv"
        with applied.client(ADMIN) as client:
            lines = client.get(path).text.splitlines()
            without = "\n".join(line for line in lines if ",06010," not in line) + "\n"
            refused = put(client, path, without)
            unused = next(line for line in lines if ",07001," in line)
            gone = put(client, path, "\n".join(line for line in lines if line != unused) + "\n")
        assert (refused.status_code, gone.status_code) == (409, 200), gone.text
        assert applied.services.casebook.categories_used() == {RUBBISH}


def test_a_desk_goes_on_by_the_site_it_adopts(applied: LiveConsole) -> None:
    site = applied.services.site
    applied.services.desk.adopt(replace(site, catalogue=replace(site.catalogue, by_key={})))
    report = Report(
        channel=Channel.PATROL, category=RUBBISH, lonlat=PARK, occurred_at=datetime(2026, 11, 23, tzinfo=UTC)
    )
    with pytest.raises(Exception, match="no category"):
        applied.services.desk.report(report, principal=DISPATCHER)
