"""Pushed frames over HTTP, with the real frame desk; what is no frame answers with one clear problem."""

import os
import socket
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from databases import sqlite_url
from live_console import DISPATCHER, FEED, NOON, LiveConsole, live_console, secret_of

from api.body_limits import FRAME_BYTES, OTHER_BYTES
from api.frame_gate import MOST_WAITING
from models.registry import choose_weights, open_detector
from pipeline.clocks import FixedClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.frame_desk import FrameDesk
from pipeline.site import Site
from pipeline.sql_casebook import open_casebook

CAMERA = "pets-view1"


def jpeg(width: int = 768, height: int = 576) -> bytes:
    picture = np.random.default_rng(1).integers(80, 100, (height, width, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def form(**changes: str) -> dict[str, str]:
    return {"camera": CAMERA, "captured_at": NOON.isoformat(), **changes}


def push(client: httpx.Client, image: bytes, **changes: str) -> httpx.Response:
    return client.post("/api/v1/frames", data=form(**changes), files={"image": ("frame.jpg", image, "image/jpeg")})


@pytest.fixture
def feeding(yingpu: Site, tmp_path: Path) -> Iterator[LiveConsole]:
    """Serve the sample site with a frame desk over the background detector."""
    with frame_desk(yingpu, tmp_path) as desk, live_console(yingpu, tmp_path, frames=desk) as console:
        yield console


class frame_desk:  # noqa: N801 - used like a function
    """A frame desk on the same database file as the console's, closed at the end."""

    def __init__(self, site: Site, folder: Path, weights: str = "background") -> None:
        self.casebook = open_casebook(sqlite_url(folder))
        self.detector = open_detector(choose_weights(weights, {}, None), threads=1)
        clock, evidence = FixedClock(NOON), EvidenceStore(folder / "evidence")
        desk = Desk(site=site, casebook=self.casebook, clock=clock, evidence=evidence)
        self.desk = FrameDesk(site=site, casebook=self.casebook, desk=desk, detector=self.detector, clock=clock)

    def __enter__(self) -> FrameDesk:
        return self.desk

    def __exit__(self, *_: object) -> None:
        self.detector.close()
        self.casebook.close()


def test_a_frame_is_taken_and_counted(feeding: LiveConsole) -> None:
    with feeding.client(FEED) as client:
        answer = push(client, jpeg())
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"detections": 0, "sightings": [], "cases": []}
    state = feeding.services.casebook.camera_state(CAMERA)
    assert state is not None
    assert state.newest_at == NOON


@pytest.mark.parametrize(
    ("image", "changes", "status", "named"),
    [
        (b"this is no picture", {}, 422, CAMERA),
        (b"", {}, 422, ""),
        (b"\xff\xd8\xff\xe0 torn", {}, 422, CAMERA),
        (jpeg(), {"camera": "nowhere"}, 404, "nowhere"),
        (jpeg(), {"captured_at": (NOON + timedelta(days=1)).isoformat()}, 422, "2026-11-24"),
        (jpeg(), {"captured_at": "2026-11-23T12:00:00"}, 422, "captured_at"),
        (jpeg(), {"captured_at": "noon"}, 422, "captured_at"),
    ],
)
def test_a_frame_that_is_none_gets_one_clear_problem_and_leaves_nothing(
    feeding: LiveConsole, image: bytes, changes: dict[str, str], status: int, named: str
) -> None:
    with feeding.client(FEED) as client:
        answer = push(client, image, **changes)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert feeding.services.casebook.camera_state(CAMERA) is None
    assert feeding.services.casebook.newest_sequence() == 0


def test_a_form_without_its_parts_names_each(feeding: LiveConsole) -> None:
    with feeding.client(FEED) as client:
        answer = client.post("/api/v1/frames", data={"camera": CAMERA})
    assert answer.status_code == 422
    assert {fault["field"] for fault in answer.json()["errors"]} == {"captured_at", "image"}


def test_only_the_feed_may_push(feeding: LiveConsole) -> None:
    with feeding.client(DISPATCHER) as client:
        assert push(client, jpeg()).status_code == 403


def test_without_a_detector_frames_are_refused_with_the_remedy(live: LiveConsole) -> None:
    with live.client(FEED) as client:
        answer = push(client, jpeg())
    assert answer.status_code == 503
    assert "weights" in answer.json()["detail"]
    assert answer.headers["retry-after"]


def test_a_hundred_megabytes_are_refused_without_being_stored(feeding: LiveConsole) -> None:
    size = 100 * 2**20
    with feeding.client(FEED) as client:
        answer = push(client, os.urandom(1024) * (size // 1024))
    assert answer.status_code == 413
    assert str(FRAME_BYTES) in answer.json()["detail"]
    assert feeding.services.casebook.camera_state(CAMERA) is None


def test_a_body_that_does_not_say_how_long_it_is_is_counted_as_it_comes(feeding: LiveConsole) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        while sent < 3 * FRAME_BYTES:
            sent += 2**20
            yield bytes(2**20)

    with feeding.client(FEED) as client:
        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = client.post("/api/v1/frames", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/v1/cases", "/login", "/console/cases/YP20261123-0001/accept"])
def test_other_doors_take_small_bodies_only(live: LiveConsole, path: str) -> None:
    with live.client(DISPATCHER) as client:
        headers = {"content-type": "application/x-www-form-urlencoded", "origin": live.url}
        answer = client.post(path, content=b"note=" + b"x" * OTHER_BYTES, headers=headers)
    assert answer.status_code == 413


def test_a_refusal_comes_before_the_body(feeding: LiveConsole) -> None:
    """A sender that waits for the answer after its headers gets it without sending a byte of the body."""
    host, port = feeding.url.removeprefix("http://").split(":")
    head = (
        f"POST /api/v1/frames HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {secret_of(FEED)}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {10**12}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(head.encode())
        assert line.recv(4096).startswith(b"HTTP/1.1 413")


def test_frames_that_wait_do_not_hold_up_the_desk(yingpu: Site, tmp_path: Path) -> None:
    with frame_desk(yingpu, tmp_path) as desk, live_console(yingpu, tmp_path, frames=desk) as console:
        number = console.report()
        held = desk._locks[CAMERA]
        held.acquire()
        try:
            with ThreadPoolExecutor(50) as pool, console.client(DISPATCHER) as reader:

                def send(_: int) -> httpx.Response:
                    with console.client(FEED) as feed:
                        return push(feed, jpeg())

                sent = [pool.submit(send, place) for place in range(50)]
                wait(sent, return_when=FIRST_COMPLETED)  # the first is turned away, so all places are taken
                assert reader.get(f"/api/v1/cases/{number}").status_code == 200
                assert sum(not each.done() for each in sent) >= MOST_WAITING
                held.release()
                answers = [each.result() for each in sent]
        finally:
            if held.locked():
                held.release()
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {202, 429}
    assert len(refused) == 50 - MOST_WAITING
    assert all(answer.headers["retry-after"] for answer in refused)


def test_frames_of_the_real_street_become_a_case(yingpu: Site, tmp_path: Path, shared_data: Path) -> None:
    weights = shared_data / "weights" / "yolov8n-coco-int8-320_openvino_model"
    clip = cv2.VideoCapture(str(shared_data / "video" / "vtest.avi"))
    start = NOON - timedelta(minutes=5)
    numbers: list[str] = []
    with (
        frame_desk(yingpu, tmp_path, str(weights)) as desk,
        live_console(yingpu, tmp_path, frames=desk) as console,
        console.client(FEED) as feed,
        console.client(DISPATCHER) as reader,
    ):
        for place in range(300):
            read, picture = clip.read()
            assert read
            image = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
            at = start + timedelta(seconds=place / 7)
            answer = push(feed, image, captured_at=at.isoformat())
            assert answer.status_code == 202, answer.text
            numbers = answer.json()["cases"]
            if numbers:
                break
        assert numbers, "300 frames of a busy square brought no case"
        case = reader.get(f"/api/v1/cases/{numbers[0]}").json()
        pictures = reader.get(f"/api/v1/cases/{numbers[0]}/evidence").json()["evidence"]
        sent = reader.get(pictures[0]["href"])
    assert case["camera"] == CAMERA
    assert case["channel"] == "intelligent"
    assert case["grid"] == "YP-G1"
    assert case["status"] == "dispatched"
    assert sent.headers["content-type"] == "image/jpeg"
    assert cv2.imdecode(np.frombuffer(sent.content, np.uint8), cv2.IMREAD_COLOR) is not None
