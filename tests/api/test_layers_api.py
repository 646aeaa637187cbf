"""Layers, evidence, the discovery map, health and headers."""

import json
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from live_console import ANALYST, DISPATCHER, FEED, PARK, WEST, LiveConsole, carrier_of
from shapely import Point
from shapely.geometry import shape

from geo.coords import LonLat

PICTURE = cv2.imencode(".jpg", np.full((90, 160, 3), 120, dtype=np.uint8))[1].tobytes()


@pytest.mark.parametrize(("layer", "count"), [("grids", 5), ("units", 34), ("cameras", 12), ("streets", 100)])
def test_each_layer_is_geojson_longitude_first(live: LiveConsole, layer: str, count: int) -> None:
    west, south, east, north = live.services.site.settings.extent
    with live.client(ANALYST) as client:
        answer = client.get(f"/api/v1/{layer}")
        again = client.get(f"/api/v1/{layer}", headers={"if-none-match": answer.headers["etag"]})
    assert answer.headers["content-type"] == "application/geo+json"
    assert (again.status_code, again.content) == (304, b"")
    features = answer.json()["features"]
    assert len(features) >= count
    for feature in features:
        bounds = shape(feature["geometry"]).bounds
        assert west - 0.01 <= bounds[0] <= bounds[2] <= east + 0.01
        assert south - 0.01 <= bounds[1] <= bounds[3] <= north + 0.01


def test_a_camera_does_not_tell_where_its_stream_comes_from(live: LiveConsole) -> None:
    with live.client(DISPATCHER) as client:
        text = client.get("/api/v1/cameras").text
    assert "uri" not in text
    assert "calibration" not in text


def test_the_grid_of_a_case_is_the_one_that_holds_it(live: LiveConsole) -> None:
    number = live.report()
    with live.client(DISPATCHER) as client:
        case = client.get(f"/api/v1/cases/{number}").json()
        grids = client.get("/api/v1/grids").json()["features"]
    holding = [
        each["properties"]["code"] for each in grids if shape(each["geometry"]).covers(Point(case["lon"], case["lat"]))
    ]
    assert case["grid"] in holding


def test_evidence_is_for_those_who_see_the_case(live: LiveConsole) -> None:
    number = live.sight(PICTURE)
    holder = live.holder(number)
    stranger = carrier_of(next(each for each in live.services.site.roster.by_terminal() if each != holder.terminal))
    with live.client(holder) as mine:
        (listed,) = mine.get(f"/api/v1/cases/{number}/evidence").json()["evidence"]
        sent = mine.get(listed["href"])
    assert sent.content == PICTURE
    assert sent.headers["content-type"] == "image/jpeg"
    assert sent.headers["x-content-type-options"] == "nosniff"
    for who, status in ((stranger, 404), (WEST, 404), (FEED, 403)):
        with live.client(who) as client:
            assert client.get(listed["href"]).status_code == status
            assert client.get(f"/api/v1/cases/{number}/evidence").status_code == status


def test_evidence_that_is_not_there_is_named(live: LiveConsole) -> None:
    with live.client(DISPATCHER) as client:
        answer = client.get("/api/v1/evidence/nothing")
        climbing = client.get("/api/v1/evidence/..%2f..%2fetc%2fpasswd")
    assert answer.status_code == 404
    assert "nothing" in answer.json()["detail"]
    assert climbing.status_code == 404


def test_the_discovery_counts_hold_every_filed_case_once(live: LiveConsole) -> None:
    for place in range(3):
        live.report(LonLat(PARK.lon - 0.0008 * place, PARK.lat))
        live.clock.at += timedelta(days=1)
    with live.client(ANALYST) as client:
        found = client.get("/api/v1/heatmap", params={"by": "day"}).json()
        since = client.get("/api/v1/heatmap", params={"by": "day", "since": "2026-11-24T00:00:00+08:00"}).json()
        wrong = client.get("/api/v1/heatmap", params={"by": "hour"})
    assert found["properties"]["cases"] == 3
    assert found["properties"]["periods"] == ["2026-11-23", "2026-11-24", "2026-11-25"]
    assert sum(feature["properties"]["cases"] for feature in found["features"]) == 3
    counted = [count for feature in found["features"] for count in feature["properties"]["counts"]]
    assert {count["channel"] for count in counted} == {"patrol"}
    assert since["properties"]["cases"] == 2
    assert wrong.status_code == 422


def test_statistics_are_for_overseers(live: LiveConsole) -> None:
    with live.client(carrier_of("T001")) as client:
        assert client.get("/api/v1/heatmap").status_code == 403
        assert client.get("/maps/heatmap").status_code == 403


def test_the_map_runs_its_own_scripts_and_reaches_nothing(live: LiveConsole) -> None:
    live.report()
    with live.client(ANALYST) as client:
        answer = client.get("/maps/heatmap?by=week")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-scripts" in policy
    assert "connect-src" not in policy


def test_health_and_readiness(live: LiveConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.casebook import StorageError

    def broken() -> int:
        raise StorageError("here", "the disk is gone")

    with live.client() as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
        monkeypatch.setattr(live.services.casebook, "newest_sequence", broken)
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "disk" not in answer.text


@pytest.mark.parametrize("path", ["/", "/login", "/docs", "/maps", "/api/v1/cases", "/static/console.js", "/nowhere"])
def test_every_answer_has_the_security_headers(live: LiveConsole, path: str) -> None:
    with live.client(DISPATCHER) as client:
        headers = client.get(path, headers={"accept": "text/html"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_files_are_kept_by_their_tag_and_pages_are_not(live: LiveConsole) -> None:
    with live.client(DISPATCHER) as client:
        file = client.get("/vendor/leaflet/leaflet.css")
        again = client.get("/vendor/leaflet/leaflet.css", headers={"if-none-match": file.headers["etag"]})
        page = client.get("/", headers={"accept": "text/html"})
    assert (file.headers["cache-control"], again.status_code) == ("no-cache", 304)
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-encoding"] == "gzip"


def test_nothing_that_is_served_names_another_host(live: LiveConsole) -> None:
    number = live.report()
    web = Path(__file__).resolve().parents[2] / "api" / "web"
    own = [f"/static/{each.name}" for each in (web / "static").iterdir()]
    pages = ["/", f"/?case={number}", "/login", "/docs", "/maps", "/terminal?terminal=T001", "/openapi.json", *own]
    with live.client(DISPATCHER) as client:
        for path in pages:
            answer = client.get(path, headers={"accept": "text/html"})
            assert answer.status_code == 200, path
            found = {part.split('"')[0] for part in answer.text.split("://")[1:]}
            assert all(each.startswith("www.w3.org/2000/svg") for each in found), (path, found)


def test_streets_of_a_site_without_any_are_an_empty_layer(live: LiveConsole) -> None:
    from dataclasses import replace

    from api.layers import layers_of

    bare = layers_of(replace(live.services.site, streets=None))
    assert json.loads(bare["streets"].body) == {"type": "FeatureCollection", "features": []}
