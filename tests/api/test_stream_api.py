"""Changes as server-sent events: whoever wrote them, resumable, bounded, and only what the listener may see."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from live_console import DISPATCHER, PARK, RUBBISH, WEST, LiveConsole, carrier_of

from api import stream
from geo.coords import LonLat
from pipeline.casebook import StorageError
from pipeline.cases import Action
from pipeline.principal import Principal

OTHER_PROCESS = """
import sys
from datetime import datetime
from pathlib import Path
from geo.coords import LonLat
from pipeline.cases import Channel
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Report
from pipeline.evidence import EvidenceStore
from pipeline.principal import Principal, Role
from pipeline.site_files import read_site
from pipeline.sql_casebook import open_casebook

folder, database, at = Path(sys.argv[1]), sys.argv[2], datetime.fromisoformat(sys.argv[3])
site, book = read_site(folder), open_casebook(database)
desk = Desk(site=site, casebook=book, clock=FixedClock(at), evidence=EvidenceStore(Path(sys.argv[4])))
report = Report(channel=Channel.PATROL, category=sys.argv[5], lonlat=LonLat(121.1046, 31.1521), occurred_at=at)
print(desk.report(report, principal=Principal(name="other process", role=Role.DISPATCHER)).number)
book.close()
"""


class Listener:
    """Reads server-sent events off one answer."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.iter_lines()

    def events(self) -> Iterator[dict[str, str]]:
        found: dict[str, str] = {}
        for line in self._lines:
            if not line and found:
                yield found
                found = {}
            elif line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                found[name] = value

    def until(self, kind: str) -> dict[str, str]:
        return next(event for event in self.events() if event.get("event") == kind)

    def cases(self, count: int) -> list[dict[str, object]]:
        return [json.loads(self.until("case")["data"]) for _ in range(count)]


@contextmanager
def listening(live: LiveConsole, who: Principal, **headers: str) -> Iterator[Listener]:
    with live.client(who) as client, client.stream("GET", "/api/v1/stream", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        listener = Listener(answer)
        yield listener


def test_what_is_done_here_is_heard(live: LiveConsole) -> None:
    with listening(live, DISPATCHER) as listener:
        listener.until("ready")
        number = live.report()
        first, second = listener.cases(2)
    assert (first["number"], first["action"], second["action"]) == (number, "open", "dispatch")
    assert second["status"] == "dispatched"
    assert second["grid"] == "YP-G1"


def test_what_another_process_does_is_heard(live: LiveConsole, sample_site: Path, tmp_path: Path) -> None:
    with listening(live, DISPATCHER) as listener:
        listener.until("ready")
        arguments = [str(sample_site), live.database, live.clock.now().isoformat(), str(tmp_path / "evidence"), RUBBISH]
        done = subprocess.run(  # our own program, whose text stands above
            [sys.executable, "-c", OTHER_PROCESS, *arguments], capture_output=True, text=True, timeout=120, check=True
        )
        (heard,) = listener.cases(1)
    assert heard["number"] == done.stdout.strip()
    assert heard["actor"] == "other process"


def test_a_listener_resumes_where_it_broke_off(live: LiveConsole) -> None:
    numbers = [live.report(LonLat(PARK.lon - 0.0006 * place, PARK.lat)) for place in range(4)]
    with listening(live, DISPATCHER, **{"last-event-id": "2"}) as listener:
        heard = listener.cases(6)
    assert [change["sequence"] for change in heard] == [3, 4, 5, 6, 7, 8]
    assert {change["number"] for change in heard} == set(numbers[1:])


def test_one_who_was_away_too_long_is_told_to_look_afresh(live: LiveConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_BEHIND", 3)
    for place in range(3):
        live.report(LonLat(PARK.lon - 0.0006 * place, PARK.lat))
    with listening(live, DISPATCHER, **{"last-event-id": "1"}) as listener:
        assert listener.until("reset")["id"] == "6"


def test_more_than_is_kept_at_hand_is_read_from_the_casebook(
    live: LiveConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PAGE", 2)
    for place in range(5):
        live.report(LonLat(PARK.lon - 0.0006 * place, PARK.lat))
    with listening(live, DISPATCHER, **{"last-event-id": "0"}) as listener:
        assert [change["sequence"] for change in listener.cases(10)] == list(range(1, 11))


def test_a_force_hears_of_its_own_cases_and_of_their_loss(live: LiveConsole) -> None:
    number = live.report()
    force = live.holder(number)
    stranger = carrier_of("T090" if force.terminal != "T090" else "T089")
    with listening(live, force) as mine, listening(live, stranger) as theirs:
        mine.until("ready")
        theirs.until("ready")
        live.services.desk.act(number, Action.DECLINE, principal=force, note="busy here")
        (declined,) = mine.cases(1)
        now = live.holder(number)
        live.services.desk.act(number, Action.DISPATCH, principal=DISPATCHER, terminal=stranger.terminal)
        (given,) = theirs.cases(1)
    assert (declined["number"], declined["action"]) == (number, "decline")
    assert now != force
    assert (given["action"], stranger.terminal in given["terminals"]) == ("dispatch", True)  # type: ignore[operator]  # a list


def test_a_desk_of_some_grids_hears_of_those_only(live: LiveConsole) -> None:
    with listening(live, WEST) as listener:
        listener.until("ready")
        live.report()
        there = live.report(LonLat(121.0716, 31.1450))
        (heard,) = listener.cases(1)
    assert heard["number"] == there


def test_places_are_bounded_and_given_back(live: LiveConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_A_PRINCIPAL", 3)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(listening(live, DISPATCHER)).until("ready")
        with live.client(DISPATCHER) as client:
            refused = client.get("/api/v1/stream")
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert live.changes.listeners == 3
    for _ in range(500):
        if live.changes.listeners == 0:
            break
        time.sleep(0.02)
    assert live.changes.listeners == 0
    with listening(live, DISPATCHER) as listener:
        listener.until("ready")


def test_streams_end_when_the_casebook_breaks_and_come_back(live: LiveConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    real = live.services.casebook.events_after

    def broken(*_: object, **__: object) -> object:
        raise StorageError("here", "the disk is gone")

    with listening(live, DISPATCHER) as listener:
        listener.until("ready")
        monkeypatch.setattr(live.services.casebook, "events_after", broken)
        assert list(listener.events()) == []
    monkeypatch.setattr(live.services.casebook, "events_after", real)
    with listening(live, DISPATCHER) as listener:
        listener.until("ready")
        number = live.report()
        assert listener.cases(1)[0]["number"] == number


def test_a_heartbeat_keeps_the_line_open(live: LiveConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live.changes, "_heartbeat_s", 0.05)
    with live.client(DISPATCHER) as client, client.stream("GET", "/api/v1/stream") as answer:
        assert any(line == ": still here" for line in answer.iter_lines())


def test_an_open_stream_does_not_keep_the_server_from_stopping(live: LiveConsole) -> None:
    # The fixture stops the server while this one listens on; it fails there if that takes long.
    client = live.client(DISPATCHER)
    answer = client.send(client.build_request("GET", "/api/v1/stream"), stream=True)
    assert Listener(answer).until("ready")
