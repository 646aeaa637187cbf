"""`/metrics`: the text format read back by its grammar, what it counts, and who may ask."""

import math
import re
from datetime import UTC, datetime, timedelta

import pytest
from live_console import ADMIN, ANALYST, CITIZEN, DISPATCHER, FEED, FIRE_LANE, RUBBISH, WEST, LiveConsole, carrier_of

from api.metrics_text import Family, Kind, written
from pipeline.camera_pipeline import Outcome
from pipeline.frames import Frame
from pipeline.health_events import HealthEvent, HealthFault
from pipeline.principal import PIPELINE
from pipeline.run_figures import Tally

CAMERA = "pets-view1"
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? ([^ ]+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
Key = tuple[str, frozenset[tuple[str, str]]]


def parsed(text: str) -> tuple[dict[str, str], dict[Key, float]]:
    """Return types by family and values by name and labels; whatever breaks the format is an error.

    After https://prometheus.io/docs/instrumenting/exposition_formats/, text format 0.0.4.
    """
    types: dict[str, str] = {}
    values: dict[Key, float] = {}
    helped, current = set(), ""
    assert text.endswith("\n")
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert current not in helped, f"{current} twice"
            helped.add(current)
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current
            assert kind in {"counter", "gauge", "histogram", "summary", "untyped"}
            types[name] = kind
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, told, value = match.groups()
        assert re.sub(r"_(bucket|sum|count)$", "", name) == current or name == current, f"{name} outside its family"
        key = (name, frozenset(labels_of(told or "")))
        assert key not in values, f"{key} twice"
        values[key] = float(value)
    return types, values


def labels_of(told: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(told):
        match = LABEL.match(told, at)
        assert match, told[at:]
        plain = re.sub(r"\\(.)", lambda each: {"n": "\n"}.get(each[1], each[1]), match[2])
        found.append((match[1], plain))
        at = match.end()
    assert len(dict(found)) == len(found)
    return found


def key(name: str, **labels: str) -> Key:
    return name, frozenset(labels.items())


def told(live: LiveConsole) -> tuple[dict[str, str], dict[Key, float]]:
    with live.client(ANALYST) as client:
        answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parsed(answer.text)


def test_what_a_label_holds_comes_back_whole():
    family = Family("a_total", Kind.COUNTER, 'a "quoted"\nhelp \\ text')
    family.add(3, camera='x"y\\z\nw', way="ü")
    family.add(math.inf, camera="c")
    types, values = parsed(written([family, Family("unused", Kind.GAUGE, "nothing")]))
    assert types == {"a_total": "counter"}
    assert values == {key("a_total", camera='x"y\\z\nw', way="ü"): 3.0, key("a_total", camera="c"): math.inf}


def test_cases_offers_clocks_and_faults_are_counted(live: LiveConsole):
    types, empty = told(live)
    assert empty[key("beatgrid_cases", status="dispatched")] == 0
    assert types["beatgrid_cases"] == "gauge"
    live.report(category=FIRE_LANE)
    live.report(category=RUBBISH)
    event = HealthEvent(id="e1", camera=CAMERA, fault=HealthFault.SHIFTED, since=live.clock.now(), value=0.2, limit=0.1)
    live.services.desk.note_health(event, view=None, principal=PIPELINE)
    _, values = told(live)
    assert sum(value for (name, _), value in values.items() if name == "beatgrid_cases") == 2
    assert values[key("beatgrid_offers_open")] == values[key("beatgrid_cases", status="dispatched")] >= 1
    assert values[key("beatgrid_cases_urgent_open")] == 1
    assert values[key("beatgrid_clocks_running", clock="arrive")] == 1
    assert values[key("beatgrid_camera_fault", camera=CAMERA, fault="shifted")] == 1
    assert values[key("beatgrid_outbox_waiting")] > 0


def test_a_cameras_frames_are_counted_by_what_became_of_them(live: LiveConsole):
    tally = Tally(dropped=4)
    tally.frames |= {Outcome.PROCESSED: 5, Outcome.STILL: 20, Outcome.UNFIT: 2}
    tally.pulse.reconnects = 3
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for took_s in (0.04, 0.2, 0.2, 40.0, -1.0):
        frame = Frame(camera=CAMERA, captured_at=at, image=None, drift_s=0.5)  # type: ignore[arg-type]  # not looked at
        tally.pulse.beat(frame, now=at + timedelta(seconds=took_s), queued=2, moved=True)
    live.services.tallies.put("stream", {CAMERA: tally})
    types, values = told(live)
    labels = {"camera": CAMERA, "way": "stream"}
    expected = {"frames_seen_total": 31, "frames_inferred_total": 5, "frames_still_total": 20, "queue_frames": 2}
    expected |= {"frames_dropped_total": 4, "reconnects_total": 3, "camera_moved": 1, "stream_drift_seconds": 0.5}
    for name, value in expected.items():
        assert values[key(f"beatgrid_{name}", **labels)] == value
    assert values[key("beatgrid_frames_refused_total", **labels, why="unfit")] == 2
    assert types["beatgrid_frame_latency_seconds"] == "histogram"
    bucket = "beatgrid_frame_latency_seconds_bucket"
    cumulative = [values[key(bucket, **labels, le=le)] for le in ("0.05", "0.1", "0.25", "30", "+Inf")]
    assert cumulative == [2, 2, 4, 4, 5]
    assert values[key("beatgrid_frame_latency_seconds_count", **labels)] == 5
    assert values[key("beatgrid_frame_latency_seconds_sum", **labels)] == pytest.approx(40.44)


def test_labels_are_bounded_by_the_site(live: LiveConsole):
    event = HealthEvent(
        id="e9", camera="gone-long-ago", fault=HealthFault.DARK, since=live.clock.now(), value=1.0, limit=2.0
    )
    live.services.casebook.write(lambda tx: tx.save_health(event))
    _, values = told(live)
    assert not [each for each in values if ("camera", "gone-long-ago") in each[1]]
    names = {name for _, labels in values for name, _ in labels}
    assert names <= {"camera", "way", "why", "status", "clock", "fault", "le"}


def test_the_process_is_told(live: LiveConsole):
    _, values = told(live)
    assert values[key("process_resident_memory_bytes")] > 10e6
    assert values[key("process_cpu_seconds_total")] > 0
    assert values[key("beatgrid_site_version")] == live.services.casebook.site_version()


def test_who_may_ask(live: LiveConsole):
    for who in (ADMIN, DISPATCHER, ANALYST):
        with live.client(who) as client:
            assert client.get("/metrics").status_code == 200
    for who in (FEED, CITIZEN, WEST, carrier_of("T001")):
        with live.client(who) as client:
            assert client.get("/metrics").status_code == 403
    with live.client() as client:  # on the same machine, but without a token
        assert client.get("/metrics").status_code == 401
