"""Cases over HTTP, with the real desk on SQLite."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from threading import Barrier

import httpx
import pytest
from live_console import (
    ADMIN,
    CITIZEN,
    DISPATCHER,
    FIRE_LANE,
    NOON,
    PARK,
    RUBBISH,
    WEST,
    LiveConsole,
    carrier_of,
)  # fmt: skip

from geo.coords import Datum, LonLat, convert
from geo.metric import distance_m
from pipeline.cases import Action, Status
from pipeline.duty_clocks import due

FAR_WEST = LonLat(121.0716, 31.1450)
"""In grid YP-G5."""


def body(**changes: object) -> dict[str, object]:
    plain = {
        "channel": "hotline", "category": RUBBISH, "lon": PARK.lon, "lat": PARK.lat,
        "occurred_at": "2026-11-23T11:58:00+08:00", "description": "bags beside the bin",
    }  # fmt: skip
    return {**plain, **changes}


def test_a_report_opens_a_case_and_the_same_again_attaches(live: LiveConsole) -> None:
    with live.client(DISPATCHER) as client:
        first = client.post("/api/v1/cases", json=body())
        second = client.post("/api/v1/cases", json=body(lon=PARK.lon + 1e-5))
        assert first.status_code == 201, first.text
        assert second.status_code == 200
        number = first.json()["number"]
        assert second.json()["number"] == number
        case = client.get(first.headers["location"]).json()
        events = client.get(f"/api/v1/cases/{number}/events").json()["events"]
    assert case["grid"] == "YP-G1"
    assert case["status"] == "dispatched"
    assert case["category_name_zh"] == "暴露垃圾"
    assert (case["lon"], case["lat"]) == (PARK.lon, PARK.lat)
    assert case["terminal"] == first.json()["dispatch"]["terminal"]
    assert [event["action"] for event in events] == ["open", "dispatch", "attach"]
    assert all(later["previous"] == earlier["digest"] for earlier, later in pairwise(events))


def test_a_position_in_gcj02_is_converted_at_the_door(live: LiveConsole) -> None:
    shifted = convert(PARK, source=Datum.WGS84, target=Datum.GCJ02)
    with live.client(DISPATCHER) as client:
        number = client.post("/api/v1/cases", json=body(lon=shifted.lon, lat=shifted.lat, datum="gcj02")).json()[
            "number"
        ]
        case = client.get(f"/api/v1/cases/{number}").json()
    assert distance_m(LonLat(case["lon"], case["lat"]), PARK) < 0.2
    assert distance_m(shifted, PARK) > 400


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"occurred_at": "2026-11-23T11:58:00"}, 422, "occurred_at"),
        ({"occurred_at": "2026-11-24T11:58:00+08:00"}, 422, "occurred_at"),
        ({"occurred_at": "yesterday"}, 422, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+08:00"}, 422, "occurred_at"),
        ({"category": "06010"}, 404, "06010"),
        ({"channel": "pigeon"}, 422, "pigeon"),
        ({"lon": 31.15, "lat": 121.1}, 422, "lat"),
        ({"lon": 121.5}, 422, "121.5"),
        ({"lat": "NaN"}, 422, "lat"),
        ({"error_m": -1}, 422, "error_m"),
        ({"nonsense": 1}, 422, "nonsense"),
        ({"description": "x" * 2000}, 422, "description"),
    ],
)
def test_a_faulty_report_names_the_field_and_stores_nothing(
    live: LiveConsole, changes: dict[str, object], status: int, named: str
) -> None:
    with live.client(DISPATCHER) as client:
        answer = client.post("/api/v1/cases", json=body(**changes))
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert len(answer.json()["detail"]) < 600
    assert live.services.casebook.newest_sequence() == 0


def test_a_citizens_report_waits_for_verification(live: LiveConsole) -> None:
    with live.client(CITIZEN) as citizen, live.client(DISPATCHER) as desk:
        assert citizen.post("/api/v1/cases", json=body(channel="hotline")).status_code == 403
        taken = citizen.post("/api/v1/cases", json=body(channel="public")).json()
        assert taken["dispatch"] is None
        number = taken["number"]
        assert desk.get(f"/api/v1/cases/{number}").json()["status"] == "reported"
        assert desk.post(f"/api/v1/cases/{number}/verify").json()["status"] == "verified"
        assert desk.post(f"/api/v1/cases/{number}/file").json()["status"] == "dispatched"


def test_a_case_goes_all_the_way_by_force_and_desk(live: LiveConsole) -> None:
    number = live.report()
    force = live.holder(number)
    with live.client(force) as terminal, live.client(DISPATCHER) as desk:
        for client, action, status in (
            (terminal, "accept", "accepted"),
            (terminal, "arrive", "arrived"),
            (terminal, "first-result", "first_result"),
            (terminal, "done", "handled"),
            (desk, "check", "checked"),
            (desk, "close", "closed"),
        ):
            answer = client.post(f"/api/v1/cases/{number}/{action}", json={"note": f"{action} note"})
            assert answer.status_code == 200, answer.text
            assert answer.json()["status"] == status
        events = desk.get(f"/api/v1/cases/{number}/events").json()["events"]
    assert [event["action"] for event in events][2:] == ["accept", "arrive", "first-result", "done", "check", "close"]
    assert events[2]["actor"] == force.name
    assert events[5]["details"]["note"] == "done note"


def test_an_illegal_step_is_a_conflict_that_lists_the_legal_ones(live: LiveConsole) -> None:
    number = live.report()
    with live.client(DISPATCHER) as client:
        answer = client.post(f"/api/v1/cases/{number}/close")
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:beatgrid:problem:illegal-step"
    assert "accept" in answer.json()["detail"]


@pytest.mark.parametrize("action", ["decline", "reject"])
def test_a_step_that_needs_a_reason_says_so(live: LiveConsole, action: str) -> None:
    number = live.report()
    with live.client(DISPATCHER) as client:
        answer = client.post(f"/api/v1/cases/{number}/{action}")
    assert answer.status_code == 422
    assert "note" in answer.json()["detail"]
    assert live.services.casebook.case(number).status is Status.DISPATCHED


def test_an_unknown_action_and_an_unknown_case_are_told_apart(live: LiveConsole) -> None:
    with live.client(DISPATCHER) as client:
        unknown = client.post("/api/v1/cases/YP20261123-0001/explode")
        missing = client.post("/api/v1/cases/YP20261123-0001/accept")
    assert unknown.status_code == 422
    assert "explode" in unknown.json()["detail"]
    assert missing.status_code == 404
    assert "YP20261123-0001" in missing.json()["detail"]


def test_declining_offers_the_case_to_the_next(live: LiveConsole) -> None:
    number = live.report()
    first = live.holder(number)
    with live.client(first) as client:
        answer = client.post(f"/api/v1/cases/{number}/decline", json={"note": "busy with a crowd"})
    assert answer.status_code == 200
    assert answer.json()["status"] == "dispatched"
    assert answer.json()["terminal"] not in {None, first.terminal}


def test_a_dispatcher_sends_whom_she_names(live: LiveConsole) -> None:
    number = live.report()
    before = live.services.casebook.case(number).terminal
    other = next(each for each in live.services.site.roster.by_terminal() if each != before)
    with live.client(DISPATCHER) as client:
        answer = client.post(f"/api/v1/cases/{number}/dispatch", json={"terminal": other, "note": "knows the place"})
        unknown = client.post(f"/api/v1/cases/{number}/dispatch", json={"terminal": "T999"})
    assert answer.json()["terminal"] == other
    assert unknown.status_code == 404
    assert "T999" in unknown.json()["detail"]


def test_two_acceptances_at_once_have_one_winner(live: LiveConsole) -> None:
    for _ in range(10):
        live.clock.at += timedelta(minutes=1)
        number = live.report(LonLat(PARK.lon - 0.0004 * _, PARK.lat))
        force = live.holder(number)
        together = Barrier(2)

        def accept(client: httpx.Client, number: str = number, together: Barrier = together) -> httpx.Response:
            client.get("/healthz")  # the connection stands before the start
            together.wait(10)
            return client.post(f"/api/v1/cases/{number}/accept")

        with live.client(force) as one, live.client(DISPATCHER) as two, ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(accept, (one, two)))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        loser = next(answer for answer in answers if answer.status_code == 409)
        assert loser.json()["type"] == "urn:beatgrid:problem:illegal-step"
        assert "accepted" in loser.json()["detail"]
        actions = [event.action for event in live.services.casebook.events(number)]
        assert actions.count(Action.ACCEPT) == 1
        with live.client(ADMIN) as admin:
            admin.post(f"/api/v1/cases/{number}/void", json={"note": "end of the try"})


def test_a_force_sees_and_moves_its_own_cases_only(live: LiveConsole) -> None:
    number = live.report()
    own = live.holder(number)
    other = carrier_of(next(each for each in live.services.site.roster.by_terminal() if each != own.terminal))
    with live.client(own) as mine, live.client(other) as theirs:
        assert [case["number"] for case in mine.get("/api/v1/cases").json()["cases"]] == [number]
        assert theirs.get("/api/v1/cases").json()["cases"] == []
        assert theirs.get(f"/api/v1/cases/{number}").status_code == 404
        assert theirs.get(f"/api/v1/cases/{number}/events").status_code == 404
        refused = theirs.post(f"/api/v1/cases/{number}/accept")
        assert refused.status_code == 409
        assert refused.json()["type"] == "urn:beatgrid:problem:not-your-case"
        assert mine.get(f"/api/v1/terminals/{other.terminal}/queue").status_code == 403


def test_a_desk_of_some_grids_sees_and_acts_on_those_only(live: LiveConsole) -> None:
    here, there = live.report(), live.report(FAR_WEST)
    assert live.services.casebook.case(there).grid == "YP-G5"
    with live.client(WEST) as client:
        assert [case["number"] for case in client.get("/api/v1/cases").json()["cases"]] == [there]
        assert client.get(f"/api/v1/cases/{here}").status_code == 404
        assert client.post(f"/api/v1/cases/{here}/accept").status_code == 404
        outside = client.get("/api/v1/cases", params={"grid": "YP-G1"})
        assert outside.status_code == 403
        assert "YP-G5" in outside.json()["detail"]
        assert client.post(f"/api/v1/cases/{there}/accept").status_code == 200
        assert {each["grid"] for each in client.get("/api/v1/terminals").json()["terminals"]} == {"YP-G5"}


def test_filters_narrow_and_pages_follow_each_other(live: LiveConsole) -> None:
    numbers = []
    for place in range(7):
        live.clock.at += timedelta(minutes=10)
        numbers.append(
            live.report(LonLat(PARK.lon - 0.0005 * place, PARK.lat), category=FIRE_LANE if place % 2 else RUBBISH)
        )
    west = live.report(FAR_WEST)
    with live.client(DISPATCHER) as client:

        def found(**params: object) -> list[str]:
            answer = client.get("/api/v1/cases", params=params)
            assert answer.status_code == 200, answer.text
            return [case["number"] for case in answer.json()["cases"]]

        assert found() == [west, *reversed(numbers)]
        assert found(grid="YP-G5") == [west]
        assert found(status="closed") == []
        assert set(found(status="dispatched,filed")) == {*numbers, west}
        assert set(found(status="open")) == {*numbers, west}
        assert found(channel="hotline") == []
        assert set(found(channel=["patrol", "hotline"])) == {*numbers, west}
        assert found(bbox=f"{PARK.lon - 1e-4},{PARK.lat - 1e-4},{PARK.lon + 1e-4},{PARK.lat + 1e-4}") == [numbers[0]]
        assert set(found(since="2026-11-23T12:35:00+08:00")) == {*numbers[3:], west}

        seen: list[str] = []
        url: str | None = "/api/v1/cases?limit=3"
        while url is not None:
            answer = client.get(url)
            seen += [case["number"] for case in answer.json()["cases"]]
            url = answer.json()["next"]
            assert ("next" in answer.links) == (url is not None)
        assert seen == [west, *reversed(numbers)]


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"status": "lost"}, "lost"),
        ({"grid": "YP-G9"}, "YP-G9"),
        ({"channel": "pigeon"}, "pigeon"),
        ({"since": "2026-11-23T12:00:00"}, "since"),
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "west,2,3,4"}, "bbox"),
        ({"bbox": "122,31,121,32"}, "bbox"),
        ({"bbox": "nan,31,121,32"}, "bbox"),
        ({"limit": 0}, "limit"),
        ({"limit": 100000}, "limit"),
        ({"status": ",".join(["filed"] * 60)}, "status"),
    ],
)
def test_a_faulty_query_names_the_parameter(live: LiveConsole, params: dict[str, object], named: str) -> None:
    with live.client(DISPATCHER) as client:
        answer = client.get("/api/v1/cases", params=params)
    assert answer.status_code == 422
    assert named in answer.json()["detail"]


def test_a_terminals_queue_and_position(live: LiveConsole) -> None:
    number = live.report()
    force = live.holder(number)
    path = f"/api/v1/terminals/{force.terminal}"
    shifted = convert(PARK, source=Datum.WGS84, target=Datum.GCJ02)
    with live.client(force) as client:
        queue = client.get(f"{path}/queue").json()
        assert [case["number"] for case in queue["cases"]] == [number]
        moved = client.put(f"{path}/position", json={"lon": shifted.lon, "lat": shifted.lat, "datum": "gcj02"}).json()
        assert moved["stored"]
        older = {"lon": PARK.lon, "lat": PARK.lat, "at": (NOON - timedelta(minutes=5)).isoformat()}
        assert not client.put(f"{path}/position", json=older).json()["stored"]
        future = {**older, "at": (NOON + timedelta(days=1)).isoformat()}
        assert client.put(f"{path}/position", json=future).status_code == 422
        assert client.put(f"{path}/position", json={**older, "at": "2026-11-23T12:00:00"}).status_code == 422
        assert client.put("/api/v1/terminals/T999/position", json=older).status_code == 403
        (listed,) = client.get("/api/v1/terminals").json()["terminals"]
    assert listed["id"] == force.terminal
    assert not listed["at_post"]
    assert distance_m(LonLat(listed["lon"], listed["lat"]), PARK) < 0.2
    assert listed["open_cases"] == 1


def test_an_unknown_terminal_is_named(live: LiveConsole) -> None:
    with live.client(DISPATCHER) as client:
        answer = client.get("/api/v1/terminals/T999/queue")
    assert answer.status_code == 404
    assert "T999" in answer.json()["detail"]


def test_a_case_says_by_when_it_must_be_handled(live: LiveConsole) -> None:
    number = live.report()  # on a Monday at noon; rubbish has a deadline in its category
    with live.client(DISPATCHER) as client:
        told = client.get(f"/api/v1/cases/{number}").json()
        category = live.services.site.catalogue.get(RUBBISH)
        expected = due(
            category.deadline_value,
            category.deadline_unit,
            start=live.clock.now(),
            calendar=live.services.site.settings.calendar,
        )
        assert datetime.fromisoformat(told["handle_by"]) == expected > live.clock.now()
        client.post(f"/api/v1/cases/{number}/reject", json={"note": "nothing there"})
        assert client.get(f"/api/v1/cases/{number}").json()["handle_by"] is None
