"""A case's life over HTTP: who may do what, what it answers, and that errors say what to do."""

from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import cv2
import numpy as np
import pytest
from live_console import (
    ADMIN,
    ANALYST,
    CITIZEN,
    DISPATCHER,
    NOON,
    RUBBISH,
    WEST,
    LiveConsole,
    Watcher,
    carrier_of,
    served,
)

from api.options import SAMPLE
from pipeline import applied_catalogue
from pipeline.people_pictures import PictureCleaner
from pipeline.principal import Principal, Role
from pipeline.site_files import documents


def post(live: LiveConsole, path: str, body: dict | None = None, *, who: Principal = DISPATCHER, status: int = 200):
    with live.client(who) as client:
        answer = client.post(f"/api/v1/{path}", json=body or {})
    assert answer.status_code == status, answer.text
    return answer.json()


def get(live: LiveConsole, path: str, *, who: Principal | None = DISPATCHER, status: int = 200, **query: object):
    with live.client(who) as client:
        answer = client.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_side_ways_over_http_and_the_legal_ones_when_refused(live: LiveConsole) -> None:
    number = live.report()
    refused = post(live, f"cases/{number}/rework", {"note": "again"}, status=409)
    assert refused["type"] == "urn:beatgrid:problem:illegal-step"
    assert "possible: dispatch, accept" in refused["detail"]
    suspended = post(live, f"cases/{number}/suspend", {"note": "waits for parts"})
    assert (suspended["status"], suspended["resumes_to"]) == ("suspended", "filed")
    assert suspended["actions"] == ["void", "resume", "supervise"]
    assert post(live, f"cases/{number}/resume")["status"] == "dispatched"
    asked = post(live, f"cases/{number}/ask-extension", {"note": "too far", "more": 0.5}, who=live.holder(number))
    assert (asked["asked"], "extend" in asked["actions"]) == (0.5, True)
    assert post(live, f"cases/{number}/extend")["extended"] == 1
    refused = post(live, f"cases/{number}/ask-extension", {"note": "more", "more": 0.5}, status=409)
    assert refused["type"] == "urn:beatgrid:problem:extension"
    clocks = {each["name"]: each for each in get(live, f"cases/{number}/clocks")}
    assert clocks["handle"]["round"] == 2
    assert clocks["extension"]["next_at"] is None


def test_only_the_desk_supervises_and_no_other_grid_s(live: LiveConsole) -> None:
    number = live.report()
    post(live, f"cases/{number}/supervise", {"note": "x y"}, who=live.holder(number), status=403)
    post(live, f"cases/{number}/supervise", {"note": "x y"}, who=WEST, status=404)
    assert post(live, f"cases/{number}/supervise", {"note": "x y"})["supervised"] is True


def test_a_picture_of_a_step_and_the_limits_of_it(live: LiveConsole) -> None:
    number = live.report()
    holder, path = live.holder(number), f"/api/v1/cases/{number}/pictures"
    kind, street = {"content-type": "image/jpeg"}, np.full((40, 60, 3), 90, np.uint8)
    sent = cv2.imencode(".jpg", street)[1].tobytes()
    with live.client(holder) as client:
        refused = client.post(path, content=sent, headers=kind)
        assert refused.status_code == 503
        assert "cannot make them unreadable" in refused.json()["detail"]
    with (
        served(replace(live.services, pictures=PictureCleaner(Watcher()))) as (url, _),
        replace(live, url=url).client(holder) as client,
    ):
        added = client.post(path, content=sent, headers=kind, params={"label": "after"})
        assert added.status_code == 201, added.text
        assert client.post(path, content=b"GIF89a", headers=kind).status_code == 422
        assert client.post(path, content=bytes(12 * 2**20), headers=kind).status_code == 413
    body = {"pictures": [added.json()["id"]], "note": "on my way"}
    post(live, f"cases/{number}/accept", body, who=holder)
    told = get(live, f"cases/{number}/events")["events"][-1]["details"]
    assert [each["id"] for each in told["pictures"]] == body["pictures"]
    stored = live.services.evidence.open(live.services.casebook.evidence(number)[-1].path)
    assert stored != sent


def test_whoever_reports_gets_a_code_and_needs_nothing_else(live: LiveConsole) -> None:
    place = {"lon": 121.1046, "lat": 31.1521, "occurred_at": NOON.isoformat(), "category": RUBBISH}
    body = {**place, "channel": "public", "contact": "138 1111 2222", "description": "by the gate"}
    taken = post(live, "cases", body, who=CITIZEN, status=201)
    post(live, f"cases/{taken['number']}/file")
    found = get(live, f"q/receipts/{taken['receipt']}/steps", who=None)
    assert [step["action"] for step in found["steps"]] == ["open", "file", "dispatch"]
    assert found["category_name"]
    assert "1111 2222" not in str(found) + str(get(live, f"cases/{taken['number']}/events"))
    get(live, "q/receipts/ABCDEFGH23456789/steps", who=None, status=404)


def test_handled_on_the_spot_over_http(live: LiveConsole) -> None:
    body = {
        "lon": 121.1046, "lat": 31.1521, "occurred_at": NOON.isoformat(), "category": RUBBISH, "channel": "patrol",
        "self_handled": "taken along",
    }  # fmt: skip
    taken = post(live, "cases", body, who=carrier_of("T001"), status=201)
    assert get(live, f"cases/{taken['number']}")["status"] == "handled"


def test_joint_action_over_http(live: LiveConsole) -> None:
    number = live.report()
    forces = live.services.site.roster.forces
    pair = {"police-station": "", "market-supervision": ""}
    terminals = {}
    for department in pair:
        liaison = next(f for f in forces if f.department == department and f.terminal and f.grid == "YP-G1")
        pair[department], terminals[department] = liaison.number, liaison.terminal
    post(live, f"cases/{number}/joint", {"lead": "x", "liaisons": pair}, status=409)
    body = {"lead": "police-station", "liaisons": pair, "note": "night market"}
    assert post(live, f"cases/{number}/joint", body, status=201)["liaisons"] == sorted(terminals.values())
    market = carrier_of(terminals["market-supervision"])
    assert get(live, f"cases/{number}", who=market)["number"] == number
    assert [part["case"] for part in get(live, "joint", who=market, terminal=market.terminal)] == [number]
    holder = live.holder(number)
    post(live, f"cases/{number}/accept", who=holder)
    post(live, f"cases/{number}/arrive", who=holder)
    waiting = post(live, f"cases/{number}/done", {"note": "moved"}, who=holder, status=409)
    assert "still at work: market-supervision" in waiting["detail"]
    post(live, f"cases/{number}/joint/market-supervision", {"note": "warned"}, who=market)
    assert [part["lead"] for part in get(live, f"cases/{number}/joint")] == [True, False]
    assert post(live, f"cases/{number}/done", {"note": "moved"}, who=holder)["status"] == "handled"


def test_consultation_over_http(live: LiveConsole) -> None:
    number = live.report()
    holder = live.holder(number)
    post(live, f"cases/{number}/accept", who=holder)
    post(live, f"cases/{number}/return", {"note": "not ours"}, who=holder)
    period = {
        "since": (NOON - timedelta(days=1)).isoformat(),
        "until": (NOON + timedelta(days=1)).isoformat(),
    }
    listed = get(live, "consultations/hard", who=ANALYST, **period)
    assert [each["case"]["number"] for each in listed] == [number]
    assert get(live, "consultations/hard", who=WEST, **period) == []
    body = {
        **period,
        "held_at": NOON.isoformat(),
        "chair": "Wang",
        "attendants": [{"name": "Wu", "department": "urban-management"}],
    }
    post(live, "consultations", body, who=ANALYST, status=403)
    code = post(live, "consultations", body, status=201)["code"]
    decision = {"case": number, "words": "put a bin there", "department": "urban-management", "task": RUBBISH}
    decided = post(live, f"consultations/{code}/decisions", decision, status=201)
    tasks = get(live, f"consultations/{code}/tasks", who=ANALYST)
    assert [task["number"] for task in tasks] == [decided["decisions"][0]["task"]]
    assert post(live, f"consultations/{code}/close")["closed_at"] is not None
    assert post(live, f"consultations/{code}/close", status=409)["type"].endswith(":consultation")
    assert [each["code"] for each in get(live, "consultations")] == [code]
    assert get(live, f"consultations/{code}", who=ANALYST)["cases"] == [number]


def test_the_catalogue_is_read_once_for_many_tasks_and_anew_for_a_newer_site(live: LiveConsole) -> None:
    book, texts = live.services.casebook, documents(SAMPLE, [])
    number = live.report()
    period = {"since": (NOON - timedelta(days=1)).isoformat(), "until": (NOON + timedelta(days=1)).isoformat()}
    people = [{"name": "Wu", "department": "urban-management"}]
    body = {**period, "held_at": NOON.isoformat(), "chair": "Wang", "attendants": people, "cases": [number]}
    code = post(live, "consultations", body, status=201)["code"]
    decision = {"case": number, "words": "put a bin there", "department": "urban-management", "task": RUBBISH}
    with patch.object(applied_catalogue, "stored_catalogue", wraps=applied_catalogue.stored_catalogue) as read:
        for versions in (1, 2):
            book.write(lambda tx: tx.save_site(texts, NOON))
            for _ in range(2):
                post(live, f"consultations/{code}/decisions", decision, status=201)
            assert read.call_count == versions


def test_erasing_verifying_and_anchors_over_http(live: LiveConsole) -> None:
    number = live.report(description="by Zhang's door")
    body = {"case": number, "what": ["words"], "ground": "request 12"}
    post(live, "erasures", body, status=403)
    proof = post(live, "erasures", body, who=ADMIN, status=201)
    assert [each["key"] for each in proof["erased"]] == ["description"]
    assert post(live, "erasures", body, who=ADMIN, status=409)["type"].endswith(":nothing-to-erase")
    post(live, "erasures", {**body, "what": ["contact"], "report": "NOPE"}, who=ADMIN, status=404)
    post(live, "erasures", {**body, "report": "NOPE"}, who=ADMIN, status=422)
    checked = get(live, f"cases/{number}/verification", who=ANALYST)
    assert (checked["flaws"], checked["head"]) == ([], proof["digest"])
    assert "Zhang" not in str(get(live, f"cases/{number}/events")) + str(get(live, f"cases/{number}"))
    live.services.watch.anchor()
    anchors = get(live, "anchors", who=ANALYST)
    assert [(each["first"], each["last"]) for each in anchors] == [(1, checked["events"])]
    get(live, "anchors", who=carrier_of("T001"), status=403)


@pytest.mark.parametrize("role", [Role.ANALYST, Role.INGEST])
def test_who_only_reads_takes_no_part(live: LiveConsole, role: Role) -> None:
    number = live.report()
    who = (
        ANALYST
        if role is Role.ANALYST
        else next(t.principal for t in live.services.tokens.tokens if t.principal.role is role)
    )
    post(live, f"cases/{number}/joint", {"lead": "a", "liaisons": {"a": "x", "b": "y"}}, who=who, status=403)
    post(live, f"cases/{number}/suspend", {"note": "a reason"}, who=who, status=403)
