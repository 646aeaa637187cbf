"""What comes in over HTTP: the public without log-in, tickets as a table, sheets of codes, pictures, appeals."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import cv2
import httpx
import numpy as np
import pytest
from live_console import ADMIN, DISPATCHER, NOON, PARK, RUBBISH, LiveConsole, carrier_of, secret_of, served

from api.reason_words import worded
from api.words import words as spoken
from models.detections import Detections
from models.detector import Image
from pipeline.casebook import CaseFilter
from pipeline.hotline import COLUMNS
from pipeline.people_pictures import LONGEST_SIDE_PX, PictureCleaner


class Watcher:
    """A detector that sees one person in the left half of any picture."""

    name, version, classless = "watcher", "watcher-1", False
    class_names: ClassVar = {0: "person"}

    def detect(self, image: Image, **_: object) -> Detections:
        height, width = image.shape[:2]
        box = np.array([[0, 0, width / 2, height]], np.float32)
        return Detections(
            boxes_px=box,
            confidence=np.array([0.9], np.float32),
            class_ids=np.array([0], np.int32),
            class_names=self.class_names,
        )

    def close(self) -> None:
        return


@pytest.fixture
def pictured(live: LiveConsole) -> Iterator[httpx.Client]:
    """Give a client of the same casebook behind doors that take pictures."""
    with (
        served(replace(live.services, pictures=PictureCleaner(Watcher()))) as (url, _),
        httpx.Client(base_url=url, timeout=20.0) as client,
    ):
        yield client


def noise(width: int = 1600, height: int = 1200) -> bytes:
    image = np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)
    return bytes(cv2.imencode(".jpg", image)[1])


def place(live: LiveConsole) -> str:
    with live.client(ADMIN) as client:
        made = client.post(
            "/api/v1/places.csv",
            content=f"name,lon,lat\n曲水园小店,{PARK.lon},{PARK.lat}\n".encode(),
            headers={"content-type": "text/csv"},
        )
    assert made.status_code == 201, made.text
    return str(made.json()["places"][0]["code"])


def say(client: httpx.Client, code: str, **fields: str) -> httpx.Response:
    return client.post(f"/api/v1/q/{code}/reports", data={"category": RUBBISH, "description": "垃圾", **fields})


def report_by_patrol(
    client: httpx.Client, *, files: dict[str, tuple[str, bytes]] | None = None, **more: str
) -> httpx.Response:
    """Report as the carrier of T001, with what else the form says."""
    fields = {"channel": "patrol", "category": RUBBISH, "lon": PARK.lon, "lat": PARK.lat}
    return client.post(
        "/api/v1/reports",
        data={**fields, "occurred_at": NOON.isoformat(), **more},
        files=files,
        headers={"authorization": f"Bearer {secret_of(carrier_of('T001'))}"},
    )


def test_the_public_reports_by_a_code_and_follows_by_receipt(live: LiveConsole) -> None:
    code = place(live)
    with live.client() as anybody, live.client(DISPATCHER) as desk:
        seen = anybody.get(f"/api/v1/q/{code}").json()
        assert seen["name"] == "曲水园小店"
        assert RUBBISH in [each["key"] for each in seen["classes"]]
        answer = say(anybody, code, phone="021-59720000")
        assert answer.status_code == 201, answer.text
        receipt = answer.json()["receipt"]
        assert answer.json()["status"] == "reported"
        (case,) = desk.get("/api/v1/cases").json()["cases"]
        assert (case["channel"], case["lon"], case["lat"]) == ("public", PARK.lon, PARK.lat)
        desk.post(f"/api/v1/cases/{case['number']}/reject", json={"note": "nothing there"})
        told = anybody.get(f"/api/v1/q/receipts/{receipt}").json()
        assert (told["status"], told["refusal"]) == ("refused", "nothing there")
        assert case["number"] not in str(told)
        appealed = anybody.post(f"/api/v1/q/receipts/{receipt}/appeal", json={"words": "behind the bus stop"})
        assert (appealed.status_code, appealed.json()["appealed"]) == (201, True)
        again = anybody.post(f"/api/v1/q/receipts/{receipt}/appeal", json={"words": "please"})
        assert again.status_code == 409
        waiting = desk.get("/api/v1/appeals").json()["cases"]
        assert [each["number"] for each in waiting] == [case["number"]]
        own = desk.post(f"/api/v1/appeals/{case['number']}/uphold", json={"reason": "well"})
        assert own.status_code == 403
    with live.client(ADMIN) as admin:
        upheld = admin.post(f"/api/v1/appeals/{case['number']}/uphold", json={"reason": "seen it"}).json()
    assert upheld["taken"]["outcome"] == "open"
    assert upheld["taken"]["number"] != case["number"]
    assert live.services.casebook.case(upheld["taken"]["number"]).status.value == "dispatched"


def test_a_phone_number_is_in_no_answer_and_no_history(live: LiveConsole) -> None:
    code = place(live)
    with live.client() as anybody, live.client(DISPATCHER) as desk:
        receipt = say(anybody, code, phone="021-59720000").json()["receipt"]
        number = desk.get("/api/v1/cases").json()["cases"][0]["number"]
        told = "".join(desk.get(f"/api/v1/cases/{number}{part}").text for part in ("", "/events", "/evidence"))
        told += anybody.get(f"/api/v1/q/receipts/{receipt}").text
        assert "59720000" not in told
        assert desk.delete(f"/api/v1/reports/{receipt}/phone").status_code == 204
        assert desk.delete("/api/v1/reports/nobody/phone").status_code == 404


def test_hostile_public_input_is_refused(live: LiveConsole) -> None:
    code = place(live)
    with live.client() as anybody:
        assert anybody.get("/api/v1/q/AAAAAAAAAAAA").status_code == 404
        assert say(anybody, "AAAAAAAAAAAA").status_code == 404
        assert say(anybody, code, category="x").status_code == 404
        assert say(anybody, code, description="x" * 1001).status_code == 422
        assert say(anybody, code, phone="<script>").status_code == 422
        assert anybody.get("/api/v1/q/receipts/none").status_code == 404
        assert anybody.post("/api/v1/q/receipts/none/appeal", json={"words": "x" * 2001}).status_code == 422
        sent = anybody.post(
            f"/api/v1/q/{code}/reports", data={"category": RUBBISH}, files={"picture": ("a.jpg", noise())}
        )
        assert (sent.status_code, sent.json()["type"]) == (503, "urn:beatgrid:problem:pictures-off")
        many = [say(anybody, code).status_code for _ in range(25)]
    assert many.count(201) == 20
    assert set(many) == {201, 429}
    assert len(live.services.casebook.cases(CaseFilter()).cases) == 1


def test_a_public_picture_is_stored_without_people_and_without_what_the_camera_wrote(
    live: LiveConsole, pictured: httpx.Client
) -> None:
    code, sent = place(live), noise()
    answer = pictured.post(
        f"/api/v1/q/{code}/reports",
        data={"category": RUBBISH},
        files={"picture": ("a.jpg", sent[:2] + b"\xff\xe1\x00\x10Exif\x00\x00secrets!" + sent[2:], "image/jpeg")},
    )
    assert answer.status_code == 201, answer.text
    with live.client(DISPATCHER) as desk:
        number = desk.get("/api/v1/cases").json()["cases"][0]["number"]
        (evidence,) = desk.get(f"/api/v1/cases/{number}/evidence").json()["evidence"]
        stored = desk.get(evidence["href"]).content
        events = desk.get(f"/api/v1/cases/{number}/events").json()["events"]
    assert b"secrets!" not in stored
    image = cv2.imdecode(np.frombuffer(stored, np.uint8), cv2.IMREAD_COLOR)
    assert max(image.shape[:2]) == LONGEST_SIDE_PX
    head, beside = image[10:200, 10:400], image[10:200, 800:1200]
    assert head.astype(float).std() < beside.astype(float).std() / 3
    assert events[0]["details"]["pictures"][0]["sha256"] == evidence["sha256"]


def test_a_patrol_reports_with_a_picture(live: LiveConsole, pictured: httpx.Client) -> None:
    files = {"picture": ("a.png", noise(300, 200))}
    answer = report_by_patrol(pictured, files=files)
    assert answer.status_code == 201, answer.text
    assert len(live.services.casebook.evidence(answer.json()["number"])) == 1
    assert report_by_patrol(pictured, files={"picture": ("a.jpg", b"no picture")}).status_code == 422
    assert report_by_patrol(pictured, channel="alarm").status_code == 403


def test_a_patrol_handles_on_the_spot_and_shows_it_with_a_picture(live: LiveConsole, pictured: httpx.Client) -> None:
    files = {"picture": ("a.png", noise(300, 200))}
    answer = report_by_patrol(pictured, files=files, self_handled="taken along")
    assert (answer.status_code, answer.json()["dispatch"]) == (201, None)
    number = answer.json()["number"]
    case = live.services.casebook.case(number)
    assert (case.status.value, case.terminal) == ("handled", "T001")
    assert len(live.services.casebook.evidence(number)) == 1
    assert report_by_patrol(pictured, self_handled="x" * 1001).status_code == 422


def test_tickets_go_in_once_and_bad_rows_come_back(live: LiveConsole) -> None:
    good = f"Q1,{RUBBISH},2026-11-23 08:00,{PARK.lon},{PARK.lat},垃圾,是,2026-11-25 18:00,"
    bad = f"Q2,{RUBBISH},2026-11-23 08:00,0,0,x,,,"
    text = "\n".join([",".join(COLUMNS), good, bad]) + "\n"
    headers = {"content-type": "text/csv"}
    with live.client(DISPATCHER) as desk:
        first = desk.post("/api/v1/hotline/tickets.csv", content=text.encode(), headers=headers).json()
        again = desk.post("/api/v1/hotline/tickets.csv", content=text.encode(), headers=headers).json()
        broken = desk.post("/api/v1/hotline/tickets.csv", content=b"a,b\n1,2\n", headers=headers)
        case = desk.get(f"/api/v1/cases/{first['opened'][0]}").json()
    assert (len(first["opened"]), first["bad_rows"], again["known"]) == (1, 1, first["opened"])
    assert [each["ticket"] for each in csv.DictReader(io.StringIO(first["bad"]))] == ["Q2"]
    assert broken.status_code == 422
    assert (case["urgent_reason"], case["handle_by"]) == ("an urgent hotline ticket", "2026-11-25T10:00:00Z")


def test_a_single_ticket_by_json_is_taken_once(live: LiveConsole) -> None:
    body = {
        "channel": "transfer", "category": RUBBISH, "lon": PARK.lon, "lat": PARK.lat, "occurred_at": NOON.isoformat(),
        "ticket": {"source": "district", "number": "D-1", "due_at": "2026-11-24T00:00:00Z"},
    }  # fmt: skip
    with live.client(DISPATCHER) as desk:
        first, again = desk.post("/api/v1/cases", json=body), desk.post("/api/v1/cases", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (again.json()["outcome"], again.json()["number"]) == ("ignore", first.json()["number"])
    assert again.json()["receipt"] == first.json()["receipt"]


def test_codes_are_printed_as_pdf_and_ended(live: LiveConsole) -> None:
    code = place(live)
    with live.client(ADMIN) as admin, live.client() as anybody:
        pdf = admin.get("/api/v1/places/sheet.pdf", params={"base_url": "https://grid.example"})
        assert pdf.headers["content-type"] == "application/pdf"
        assert pdf.content.startswith(b"%PDF-1.7")
        none = admin.get("/api/v1/places/sheet.pdf", params={"base_url": "https://x", "code": "nothing"})
        assert none.status_code == 422
        assert admin.get("/api/v1/places/sheet.pdf", params={"base_url": "javascript:x"}).status_code == 422
        assert [each["path"] for each in admin.get("/api/v1/places").json()["places"]] == [f"/q/{code}"]
        assert admin.delete(f"/api/v1/places/{code}").status_code == 204
        assert anybody.get(f"/api/v1/q/{code}").status_code == 404


def test_a_table_of_too_many_rows_or_bytes_is_refused(live: LiveConsole) -> None:
    headers = {"content-type": "text/csv"}
    with live.client(DISPATCHER) as desk:
        long = desk.post("/api/v1/hotline/tickets.csv", content=b"x\n" * 2_100, headers=headers)
        assert long.status_code == 422
        assert "send it in parts" in long.text
        larger = desk.post("/api/v1/hotline/tickets.csv", content=b"x" * (8 * 2**20 + 1), headers=headers)
    assert larger.status_code == 413


@pytest.mark.parametrize(("language", "words"), [("en", "Appeal dismissed"), ("zh", "申诉不成立")])
def test_the_console_shows_a_case_that_was_appealed(live: LiveConsole, language: str, words: str) -> None:
    number = live.report()
    with live.client(DISPATCHER) as desk, live.client(ADMIN) as admin:
        desk.post(f"/api/v1/cases/{number}/reject", json={"note": "nothing there"})
        assert desk.post(f"/api/v1/appeals/{number}", json={"words": "look again"}).status_code == 201
        assert admin.post(f"/api/v1/appeals/{number}/dismiss", json={"reason": "looked"}).status_code == 200
        desk.cookies.set("lang", language)
        page = desk.get(f"/console/cases/{number}")
    assert page.status_code == 200
    assert words in page.text


def test_why_a_grid_that_is_off_dispatches_nothing_is_said_in_chinese() -> None:
    reason = "grid YP-G1 is switched on from 2027-06-01; what came before is collected"
    assert worded(reason, spoken("zh")) == "YP-G1 自 2027-06-01 起启用，此前只收件、不派单"
