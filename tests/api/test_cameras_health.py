"""The cameras' health at the doors: pushed frames, the list, the picture, the page, and who may see them."""

import json
from datetime import datetime, timedelta

import cv2
import numpy as np
import pytest
from live_console import ANALYST, DISPATCHER, FEED, WEST, LiveConsole, carrier_of

from models.detections import Detections
from pipeline.frame_desk import FrameDesk
from pipeline.health_events import HealthEvent, HealthFault
from pipeline.principal import PIPELINE
from pipeline.sightings import View

CAMERA = "chengzhong-road-market"


def jpeg(*, level: int = 90) -> bytes:
    image = np.full((90, 160, 3), level, np.uint8)
    cv2.rectangle(image, (30, 20), (90, 70), (200, 60, 40), -1)
    return cv2.imencode(".jpg", image)[1].tobytes()


def note(live: LiveConsole, ident: str, fault: HealthFault, *, view: bytes | None = None, **changes: object) -> None:
    now = live.clock.now()
    event = HealthEvent(id=ident, camera=CAMERA, fault=fault, since=now, value=0.2, limit=0.1, **changes)
    shown = None if view is None else View(label="health", captured_at=now, jpeg=view)
    live.services.desk.note_health(event, view=shown, principal=PIPELINE)


def listed(live: LiveConsole) -> dict[str, dict[str, object]]:
    with live.client(DISPATCHER) as client:
        answer = client.get("/api/v1/cameras/health")
    assert answer.status_code == 200
    return {each["code"]: each for each in answer.json()["cameras"]}


def test_a_fault_is_listed_first_with_its_picture_and_moves_to_those_that_are_over(live: LiveConsole):
    assert {each["state"] for each in listed(live).values()} == {"unused"}
    note(live, "a1", HealthFault.SHIFTED, view=jpeg())
    code, first = next(iter(listed(live).items()))
    assert (code, first["state"]) == (CAMERA, "faulty")
    (fault,) = first["faults"]
    assert (fault["fault"], fault["value"], fault["limit"], fault["until"]) == ("shifted", 0.2, 0.1, None)
    with live.client(ANALYST) as client:
        picture = client.get(fault["picture"])
    assert (picture.headers["content-type"], picture.content) == ("image/jpeg", jpeg())
    note(live, "a1", HealthFault.SHIFTED, until=live.clock.now() + timedelta(seconds=9))
    again = listed(live)[CAMERA]
    assert (again["faults"], [each["id"] for each in again["over"]]) == ([], ["a1"])


def test_who_may_not_see_cameras_is_refused(live: LiveConsole):
    note(live, "a1", HealthFault.DARK, view=jpeg())
    for who in (FEED, carrier_of("T001")):
        with live.client(who) as client:
            assert client.get("/api/v1/cameras/health").status_code == 403
            assert client.get("/api/v1/cameras/health/a1/picture").status_code == 403
            assert client.get("/cameras", follow_redirects=False).status_code in {303, 403}
    with live.client() as client:
        assert client.get("/api/v1/cameras/health").status_code == 401
    with live.client(WEST) as client:
        assert CAMERA not in {each["code"] for each in client.get("/api/v1/cameras/health").json()["cameras"]}
        assert client.get("/api/v1/cameras/health/a1/picture").status_code == 404


@pytest.mark.parametrize("ident", ["nobody", "a%00b", "x" * 41])
def test_a_picture_that_is_not_there(live: LiveConsole, ident: str):
    note(live, "a1", HealthFault.DARK)
    with live.client(DISPATCHER) as client:
        assert client.get("/api/v1/cameras/health/a1/picture").status_code == 404
        assert client.get(f"/api/v1/cameras/health/{ident}/picture").status_code in {404, 422}


def test_the_page_names_cameras_and_faults_in_both_languages(live: LiveConsole):
    note(live, "a1", HealthFault.OBSTRUCTED, view=jpeg())
    for language, words in (("en", ("Covered", "Chengzhong North Road food market")), ("zh", ("镜头被遮挡", "菜场"))):
        with live.client(DISPATCHER, cookies={"lang": language}) as client:
            page = client.get("/cameras")
        assert page.status_code == 200
        assert all(word in page.text for word in words)
        assert "/api/v1/cameras/health/a1/picture" in page.text


class NobodyThere:
    """A detector that finds nothing."""

    name = version = "nobody"
    class_names = {0: "person"}  # noqa: RUF012 - a constant of a test
    classless = False

    def detect(self, image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        del image, stream, at_s, confidence
        return Detections.empty(self.class_names)

    def close(self) -> None:
        """Nothing to close."""


def test_pushed_frames_that_are_dark_become_a_fault_with_a_picture(live: LiveConsole):
    services = live.services
    desk = FrameDesk(
        site=services.site,
        casebook=services.casebook,
        desk=services.desk,
        detector=NobodyThere(),
        clock=live.clock,
    )
    began: datetime = live.clock.now()
    for second in range(0, 90, 2):
        live.clock.at = began + timedelta(seconds=second)
        noise = np.random.default_rng(second).integers(0, 8, (90, 160, 3)).astype(np.uint8)
        desk.take(CAMERA, live.clock.now(), cv2.imencode(".jpg", noise)[1].tobytes(), principal=FEED)
    told = listed(live)[CAMERA]
    assert told["state"] == "faulty"
    assert {each["fault"] for each in told["faults"]} == {"dark", "low-fps"}
    assert all(each["picture"] for each in told["faults"])
    assert json.dumps(told)
