"""A camera's calibration at the doors: tried, refused with words, saved as a version, taken over by what runs."""

import json
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from live_console import ADMIN, ANALYST, DISPATCHER, FEED, LiveConsole

from geo.coords import Datum, LonLat, convert
from pipeline.health_events import HealthEvent, HealthFault
from pipeline.principal import PIPELINE
from pipeline.recalibration import Calibrations
from pipeline.sightings import View
from pipeline.site_changes import load_site
from pipeline.site_files import documents, site_from_documents

CAMERA = "pets-view1"
DOOR = f"/api/v1/cameras/{CAMERA}/calibration"
PAGE = {"accept": "text/html"}


def jpeg(level: int) -> bytes:
    return cv2.imencode(".jpg", np.full((90, 160, 3), level, np.uint8))[1].tobytes()


def note(live: LiveConsole, ident: str, fault: HealthFault, *, view: bytes) -> None:
    now = live.clock.now()
    event = HealthEvent(id=ident, camera="chengzhong-road-market", fault=fault, since=now, value=0.2, limit=0.1)
    shown = View(label="health", captured_at=now, jpeg=view)
    live.services.desk.note_health(event, view=shown, principal=PIPELINE)


@pytest.fixture
def applied(live: LiveConsole, sample_site: Path) -> LiveConsole:
    """Give the live console with the sample site applied as version 1."""
    load_site(documents(sample_site, []), live.services.site, live.services.casebook, now=live.clock.now())
    return live


def held(live: LiveConsole) -> dict[str, object]:
    with live.client(ADMIN) as client:
        return dict(client.get(DOOR).json())


def as_points(rows: list[list[float]], **changes: object) -> list[dict[str, object]]:
    return [{"u": u, "v": v, "lon": lon, "lat": lat, **changes} for u, v, lon, lat in rows]


def tried(live: LiveConsole, points: list[dict[str, object]], **more: object) -> dict[str, object]:
    with live.client(ADMIN) as client:
        answer = client.post(f"{DOOR}/trial", json={"points": points, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_what_is_in_force_is_read_and_tried(live: LiveConsole):
    now = held(live)
    assert (now["width_px"], now["height_px"], now["lens"], len(now["points"])) == (768, 576, "none", 12)
    told = tried(live, as_points(now["points"]), at_px=[400, 400])
    fitted, spot = told["fitted"], told["spot"]
    assert fitted["median_m"] < 0.2
    assert not any(each["suspicious"] for each in fitted["points"])
    view = live.services.site.camera(CAMERA).view
    place = view.locate((400, 400), pixel_sd_px=(1.0, 1.0))
    assert (spot["lon"], spot["lat"]) == pytest.approx(tuple(place.lonlat))
    assert spot["error_m"] == pytest.approx(place.error_m, abs=1e-3)
    assert fitted["grid"]["step_m"] in {1.0, 2.0, 5.0}
    lines = fitted["grid"]["lines_px"]
    assert len(lines) > 10
    # Where lines are drawn, the ground is a whole number of steps east or north.
    pixels = np.array([point for line in lines for point in line])
    metres, _ = view.homography.to_ground(pixels)
    steps = metres / fitted["grid"]["step_m"]
    assert np.abs(steps - np.round(steps)).min(axis=1).max() < 0.1


def test_a_wrong_click_is_named_and_what_the_others_say_of_it(live: LiveConsole):
    points = as_points(held(live)["points"])
    points[4]["u"] += 60
    told = tried(live, points)["fitted"]["points"]
    assert [index for index, each in enumerate(told) if each["suspicious"]] == [4]
    assert told[4]["left_out"]
    assert told[4]["foretold_px"] == pytest.approx(60, abs=5)


def test_points_that_fix_nothing_are_refused_with_words(live: LiveConsole):
    points = as_points(held(live)["points"])
    assert tried(live, points[:3])["kind"] == "too-few-points"
    line = tried(live, points[:4])
    assert line["kind"] == "degenerate-points"
    assert "add points to the side" in line["refused"]
    assert tried(live, [])["kind"] == "too-few-points"
    lens = tried(live, points, lens={"focal_px": 700, "k1": -0.9})
    assert lens["kind"] == "lens-value"
    assert "give k2 too" in lens["refused"]
    sky = tried(live, points, at_px=[400, -400])
    assert sky["spot"] is None
    assert "shows no ground" in sky["spot_refused"]


def test_a_lens_is_weighed_when_asked(live: LiveConsole):
    points = as_points(held(live)["points"])
    lens = tried(live, points, lens="auto")["fitted"]["lens"]
    assert lens["verdict"] in {"taken", "not-shown", "one-point", "foretells-worse"}
    assert lens["weighed"]["points"] == 12
    given = tried(live, points, lens={"focal_px": 900, "k1": -0.02})["fitted"]
    assert given["lens"]["model"] == "brown"
    assert given["property"]["lens"] == {"focal_px": 900.0, "k1": -0.02, "k2": 0.0, "k1_sd": 0.0}


def test_typed_positions_may_be_in_another_datum(live: LiveConsole):
    rows = held(live)["points"]
    there = [[u, v, *convert(LonLat(lon, lat), source=Datum.WGS84, target=Datum.GCJ02)] for u, v, lon, lat in rows]
    told = tried(live, as_points(there, datum="gcj02"))["fitted"]["points"]
    found = [[each["lon"], each["lat"]] for each in told]
    assert np.array(found) == pytest.approx(np.array(rows)[:, 2:], abs=1e-6)


def test_saving_makes_a_version_that_everybody_takes_over(applied: LiveConsole):
    book = applied.services.casebook
    book.write(lambda tx: tx.save_camera_reference(CAMERA, "what it looked like", applied.clock.now()))
    clock_s = [0.0]
    running = Calibrations(applied.services.site, book, seconds=lambda: clock_s[0])
    before, texts, now = running.camera(CAMERA), book.site_documents(), held(applied)
    version = book.site_version()
    rows = [[u + 3.0, v, lon, lat] for u, v, lon, lat in now["points"]]
    body = {"points": as_points(rows), "pixel_sd_px": 1.5, "lens": "auto"}
    with applied.client(ADMIN) as client:
        saved = client.put(DOOR, json=body, headers={"if-match": f'"v{version}"'})
        assert saved.json() == {"version": version + 1}
        late = client.put(DOOR, json=body, headers={"if-match": f'"v{version}"'})
    assert late.status_code == 409
    after = held(applied)
    assert (after["points"], after["pixel_sd_px"], after["lens"]) == (rows, 1.5, "auto")
    assert book.camera_reference(CAMERA) == ""
    # All other cameras and documents stay as they were.
    old, new = (json.loads(each["cameras.geojson"])["features"] for each in (texts, book.site_documents()))
    for one, other in zip(old, new, strict=True):
        if one["properties"]["code"] == CAMERA:
            one["properties"].pop("calibration")
            other["properties"].pop("calibration")
        assert one == other
    assert {**texts, "cameras.geojson": ""} == {**book.site_documents(), "cameras.geojson": ""}
    assert running.camera(CAMERA) is before  # looked at less than five seconds ago
    clock_s[0] = 6.0
    assert running.camera(CAMERA).view.plane == site_from_documents(book.site_documents()).camera(CAMERA).view.plane
    assert running.camera(CAMERA) is not before
    assert running.camera(CAMERA) is running.camera(CAMERA)


def test_a_calibration_that_fixes_nothing_is_not_saved(applied: LiveConsole):
    now = held(applied)
    with applied.client(ADMIN) as client:
        answer = client.put(DOOR, json={"points": as_points(now["points"][:4])})
        assert answer.status_code == 422
        assert "so they do not fix the ground plane" in answer.text
        assert client.put(DOOR, json={"points": as_points(now["points"]) * 20}).status_code == 422
        assert (
            client.post(f"{DOOR}/trial", json={"points": [{"u": 1, "v": 1, "lon": 999, "lat": 0}]}).status_code == 422
        )
        assert client.put(DOOR.replace(CAMERA, "nowhere"), json={"points": []}).status_code == 404
    assert held(applied) == now


def test_administrators_only(live: LiveConsole):
    for who in (DISPATCHER, ANALYST, FEED):
        with live.client(who) as client:
            assert client.get(DOOR).status_code == 403
            assert client.post(f"{DOOR}/trial", json={"points": []}).status_code == 403
            assert client.put(DOOR, json={"points": []}).status_code == 403
            assert client.get(f"{DOOR}/picture").status_code == 403
            assert client.get(f"/cameras/{CAMERA}/calibration", headers=PAGE).status_code == 403


def test_the_newest_stored_picture_is_sent(live: LiveConsole):
    door = "/api/v1/cameras/chengzhong-road-market/calibration/picture"
    with live.client(ADMIN) as client:
        assert client.get(door).status_code == 404
        note(live, "a1", HealthFault.BLURRED, view=jpeg(20))
        live.clock.at += timedelta(seconds=5)
        note(live, "a2", HealthFault.SHIFTED, view=jpeg(200))
        answer = client.get(door)
    assert (answer.content, answer.headers["content-type"]) == (jpeg(200), "image/jpeg")


def test_the_page_speaks_both_languages_and_has_no_script_inside(live: LiveConsole):
    with live.client(ADMIN) as client:
        english = client.get(f"/cameras/{CAMERA}/calibration", headers={**PAGE, "accept-language": "en"}).text
        chinese = client.get(f"/cameras/{CAMERA}/calibration", headers={**PAGE, "accept-language": "zh"}).text
        cameras = client.get("/cameras", headers={**PAGE, "accept-language": "en"}).text
    assert "Let the points decide" in english
    assert "由标定点判断" in chinese
    assert f'href="/cameras/{CAMERA}/calibration"' in cameras
    assert "style=" not in english
