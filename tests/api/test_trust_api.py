"""Trust, trials, false cases, merging and originals at the doors: who may, what is answered, what is refused."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from live_console import (
    ADMIN,
    ANALYST,
    DISPATCHER,
    FEED,
    PARK,
    WEST,
    LiveConsole,
    carrier_of,
    live_console,
    secret_of,
)

from api.tokens import Token, TokenBook, digest_of
from geo.coords import LonLat
from geo.metric import LocalPlane
from pipeline.cases import Action, Status
from pipeline.evidence import EvidenceStore
from pipeline.principal import PIPELINE, Principal, Right, Role
from pipeline.safe import Safe
from pipeline.scenes import Mode
from pipeline.second_look import Checked, CheckOutcome
from pipeline.sightings import Sighting, View
from pipeline.site import Site

OPENER = Principal(name="Sun", role=Role.DISPATCHER, rights=frozenset({Right.OPEN_ORIGINALS}))
PICTURE = cv2.imencode(".jpg", np.full((90, 160, 3), 120, np.uint8))[1].tobytes()
ORIGINAL = cv2.imencode(".jpg", np.full((90, 160, 3), 30, np.uint8))[1].tobytes()
CAMERA, SCENE = "pets-view1", "crowd"


@pytest.fixture
def shadowed(yingpu: Site, tmp_path: Path) -> Iterator[LiveConsole]:
    """Serve the sample site with its crowds in shadow."""
    scenes = {**yingpu.scenes, SCENE: replace(yingpu.scenes[SCENE], mode=Mode.SHADOW)}
    with live_console(replace(yingpu, scenes=scenes), tmp_path) as console:
        yield console


def sight(
    live: LiveConsole,
    ident: str,
    *,
    scene: str = SCENE,
    original: bytes | None = None,
    checked: Checked | None = None,
) -> str | None:
    site, now = live.services.site, live.clock.now()
    seen = Sighting(
        id=ident, camera=CAMERA, scene=scene, category=site.scenes[scene].category, first_seen_at=now,
        captured_at=now, lonlat=site.camera(CAMERA).lonlat, calibration_cov_m2=(0.1, 0.0, 0.1),
        measurement_cov_m2=(0.1, 0.0, 0.1), error_m=1.2, class_name="person", confidence=0.9,
        box_px=(10.0, 10.0, 60.0, 90.0),
        views=(View(label="at", captured_at=now, jpeg=PICTURE, original=original),), checked=checked,
    )  # fmt: skip
    return live.services.desk.take(seen, principal=PIPELINE).number


def east(metres: float) -> LonLat:
    return LocalPlane.at(PARK).point_to_lonlat(metres, 0.0)


def test_levels_come_with_their_interval_and_an_administrator_sets_them(live: LiveConsole):
    number = sight(live, "s1")
    with live.client(DISPATCHER) as desk, live.client(ADMIN) as admin, live.client(WEST) as west:
        for action in (Action.ACCEPT, Action.ARRIVE, Action.DONE):
            live.services.desk.act(str(number), action, principal=DISPATCHER, note="moved")
        listed = desk.get("/api/v1/cameras/trust").json()["scenes"]
        (crowd,) = [each for each in listed if (each["camera"], each["scene"]) == (CAMERA, SCENE)]
        assert (crowd["level"], crowd["start"], crowd["confirmed"], crowd["false"]) == ("auto", "auto", 1, 0)
        assert crowd["precision"] == 1.0
        assert (round(crowd["low"], 3), crowd["high"]) == (0.207, 1.0)
        address = f"/api/v1/cameras/{CAMERA}/scenes/{SCENE}/trust"
        body = {"level": "shadow", "reason": "new lens"}
        assert desk.put(address, json=body).status_code == 403
        answer = admin.put(address, json=body)
        assert (answer.status_code, answer.json()["level"], answer.json()["confirmed"]) == (200, "shadow", 0)
        assert admin.put(address, json={"level": "shadow"}).status_code == 422
        assert admin.put(f"/api/v1/cameras/{CAMERA}/scenes/none/trust", json=body).status_code == 404
        assert CAMERA not in {each["camera"] for each in west.get("/api/v1/cameras/trust").json()["scenes"]}
    for who in (FEED, carrier_of("T001")):
        with live.client(who) as client:
            assert client.get("/api/v1/cameras/trust").status_code == 403


def test_a_trial_is_judged_over_http_and_on_the_page(shadowed: LiveConsole):
    live = shadowed
    assert sight(live, "s1") is None
    live.clock.at += timedelta(minutes=1)
    assert sight(live, "s2") is None
    with live.client(DISPATCHER) as desk, live.client(ANALYST) as analyst:
        newest, oldest = desk.get("/api/v1/trials").json()["trials"]
        assert (newest["id"], oldest["id"]) == ("s2", "s1")
        picture = desk.get(newest["pictures"][0]["href"])
        assert (picture.headers["content-type"], picture.content) == ("image/jpeg", PICTURE)
        assert desk.get("/api/v1/trials/s2/pictures/7").status_code == 404
        assert desk.post("/api/v1/trials/s2/verdict", json={"confirmed": False}).status_code == 422
        said = {"confirmed": False, "reason": "other-thing"}
        assert analyst.post("/api/v1/trials/s2/verdict", json=said).status_code == 403
        assert desk.post("/api/v1/trials/s2/verdict", json=said).status_code == 200
        assert desk.post("/api/v1/trials/s2/verdict", json=said).status_code == 409
        page = desk.get("/cameras").text
        assert "/cameras/trials/s1" in page
        assert "/cameras/trials/s2" not in page
        assert desk.post("/cameras/trials/s1", data={"verdict": "confirmed"}).status_code == 303
        listed = desk.get("/api/v1/cameras/trust").json()["scenes"]
        assert [(e["confirmed"], e["false"]) for e in listed if (e["camera"], e["scene"]) == (CAMERA, SCENE)] == [
            (1, 1)
        ]


def test_what_a_second_look_rejected_is_shown_under_its_scene_s_name_and_judged(live: LiveConsole):
    rejected = Checked(outcome=CheckOutcome.REJECTED, weights="w@1", at_most=Mode.SHADOW, agreed=0, of=3, needed=2)
    assert sight(live, "s1", checked=rejected) is None
    with live.client(DISPATCHER) as desk:
        (trial,) = desk.get("/api/v1/trials").json()["trials"]
        assert trial["scene"] == f"{SCENE}/rejected"
        scene = live.services.site.scenes[SCENE]
        for language, told in (("en", f"{scene.name}, rejected by"), ("zh", f"{scene.name_zh}（二次识别否定）")):
            page = desk.get("/cameras", headers={"accept-language": language})
            assert page.status_code == 200
            assert page.text.count(told) == 2, "beside the picture, and in its place"
        assert desk.post("/cameras/trials/s1", data={"verdict": "nothing-there"}).status_code == 303
        assert "/cameras/trials/s1" not in desk.get("/cameras").text


def test_street_and_desk_say_that_it_was_false(live: LiveConsole):
    number = live.report()
    holder = live.holder(number)
    live.services.desk.act(number, Action.ACCEPT, principal=holder)
    with live.client(holder) as phone, live.client(DISPATCHER) as desk, live.client(carrier_of("T001")) as other:
        address = f"/api/v1/cases/{number}/false"
        assert phone.post(address, json={}).status_code == 422
        assert phone.post(address, json={"reason": "because"}).status_code == 422
        assert other.post(address, json={"reason": "permitted"}).status_code == 409
        back = phone.post(f"/terminal/{holder.terminal}/cases/{number}/false", data={"reason": "nothing-there"})
        assert back.status_code == 303
        assert live.services.casebook.case(number).status is Status.RETURNED
        panel = desk.get(f"/console/cases/{number}").text
        assert "Nothing there" in panel
        ended = desk.post(address, json={"reason": "nothing-there", "note": "looked twice"})
        assert (ended.status_code, ended.json()["status"]) == (200, "refused")
        assert desk.post(address, json={"reason": "test"}).status_code == 409


def test_cases_are_merged_undone_and_split(live: LiveConsole):
    first, second = live.report(), live.report(east(40.0))
    assert first != second
    with live.client(DISPATCHER) as desk, live.client(FEED) as feed, live.client(WEST) as west:
        alike = desk.get(f"/api/v1/cases/{first}/alike").json()["cases"]
        assert [each["number"] for each in alike] == [second]
        body = {"into": second, "reason": "the same heap"}
        assert feed.post(f"/api/v1/cases/{first}/merge", json=body).status_code == 403
        assert west.post(f"/api/v1/cases/{first}/merge", json=body).status_code == 404
        assert desk.post(f"/api/v1/cases/{first}/merge", json={"into": second}).status_code == 422
        assert desk.post(f"/api/v1/cases/{first}/merge", json=body).json()["number"] == second
        told = desk.get(f"/api/v1/cases/{first}").json()
        assert (told["status"], told["merged_into"]) == ("void", second)
        assert [each["number"] for each in desk.get(f"/api/v1/cases/{second}/merged").json()["cases"]] == [first]
        assert desk.post(f"/api/v1/cases/{first}/merge", json=body).status_code == 409
        page = desk.get(f"/console/cases/{second}", headers={"accept-language": "zh"}).text
        assert "已并入本案" in page
        undone = desk.post(f"/console/cases/{first}/unmerge", data={"reason": "two heaps"})
        assert (undone.status_code, undone.headers["location"]) == (303, f"/?case={first}")
        assert desk.post(f"/api/v1/cases/{first}/unmerge", json={"reason": "again"}).status_code == 409
        live.report(east(1.0))  # belongs to the first
        entry = desk.get(f"/api/v1/cases/{first}/events").json()["events"][-1]
        assert entry["action"] == "attach"
        split = desk.post(f"/api/v1/cases/{first}/split", json={"entries": [entry["sequence"]], "reason": "two"})
        assert split.status_code == 200
        assert split.json()["new"]["status"] == "dispatched"
        again = desk.post(f"/console/cases/{first}/split", data={"entry": [entry["sequence"]], "reason": "two"})
        assert again.status_code == 409


def test_an_original_opens_for_those_with_the_right(yingpu: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import live_console as room

    sealed = lambda root: EvidenceStore(root, safe=Safe(tmp_path / "evidence.key"))  # noqa: E731 - one use
    monkeypatch.setattr(room, "EvidenceStore", sealed)
    monkeypatch.setattr(room, "token_book", _book_with(OPENER, room.token_book))
    with live_console(yingpu, tmp_path) as live:
        number = sight(live, "s1", original=ORIGINAL)
        with live.client(DISPATCHER) as desk, live.client(OPENER) as opener:
            (told,) = desk.get(f"/api/v1/cases/{number}/evidence").json()["evidence"]
            assert told["original"] is True
            address = f"/api/v1/evidence/{told['id']}/original"
            refused = desk.post(address, json={"reason": "a complaint"})
            assert (refused.status_code, refused.json()["type"]) == (403, "urn:beatgrid:problem:no-right")
            assert opener.post(address, json={"reason": ""}).status_code == 422
            opened = opener.post(address, json={"reason": "a complaint"})
            assert (opened.status_code, opened.content) == (200, ORIGINAL)
            assert opened.headers["cache-control"] == "no-store"
            assert "/original" not in desk.get(f"/console/cases/{number}").text
            assert "/original" in opener.get(f"/console/cases/{number}").text
            events = desk.get(f"/api/v1/cases/{number}/events").json()["events"]
            assert [each["actor"] for each in events if each["action"] == "open-original"] == ["Sun"]
            live.services.desk.act(str(number), Action.REJECT, principal=DISPATCHER, note="over")
            live.clock.at += timedelta(days=400)
            live.services.desk.retention.erase(principal=ADMIN)
            assert opener.post(address, json={"reason": "a complaint"}).status_code == 410
            assert desk.get(f"/api/v1/evidence/{told['id']}").status_code == 410
            (told,) = desk.get(f"/api/v1/cases/{number}/evidence").json()["evidence"]
            assert (told["href"], told["original"], bool(told["erased_at"])) == (None, False, True)
            assert "Erased" in desk.get(f"/console/cases/{number}", headers={"accept-language": "en"}).text


def _book_with(principal: Principal, plain: object) -> object:
    def book(site: Site) -> TokenBook:
        token = Token(principal=principal, sha256=digest_of(secret_of(principal)))
        return TokenBook((*plain(site).tokens, token))  # type: ignore[operator]  # the room's own

    return book
