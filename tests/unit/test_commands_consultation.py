"""`consultation put`, as somebody types it."""

import json
from datetime import UTC, datetime
from pathlib import Path

from typer.testing import CliRunner

from api import cli
from api.options import SAMPLE
from api.wiring import premises, wire
from geo.coords import LonLat
from pipeline.cases import Channel
from pipeline.clocks import FixedClock
from pipeline.consultations import Meeting
from pipeline.principal import Principal, Role
from pipeline.reports import Report

NOON = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)
LI = Principal(name="Li", role=Role.DISPATCHER)
RUBBISH = "GB/T 47678.5-2026/matter/06010"


def test_a_case_is_put_on_a_list_once_and_its_history_says_by_whom(tmp_path: Path) -> None:
    services = wire(SAMPLE, premises(SAMPLE, data=tmp_path / "data"), clock=FixedClock(NOON))
    numbers = []
    for east in (0.0, 0.003):
        plain = Report(
            channel=Channel.PATROL, category=RUBBISH, lonlat=LonLat(121.1046 + east, 31.1521), occurred_at=NOON
        )
        numbers.append(str(services.desk.report(plain, principal=LI).number))
    day = {"since": datetime(2026, 10, 13, tzinfo=UTC), "until": NOON, "held_at": NOON}
    meeting = Meeting(**day, chair="Wang", place="", attendants=(("Wu", "urban-management"),), cases=(numbers[0],))
    code = services.office.convene(meeting, principal=LI).code
    for _ in range(2):
        typed = ["consultation", "put", code, numbers[1], "--words", "three are needed", "--as", "Xu"]
        done = CliRunner().invoke(cli.app, [*typed, "--data", str(tmp_path / "data"), "--json"], catch_exceptions=False)
        assert json.loads(done.stdout)["cases"] == numbers
    listed = [event for event in services.casebook.events(numbers[1]) if event.action == "listed"]
    assert [(event.actor, event.details["note"]) for event in listed] == [("Xu", "three are needed")]
    services.casebook.close()
