"""`judging` and `points`, as somebody types them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api import cli
from api.options import SAMPLE
from api.services import Services
from api.wiring import premises, wire
from geo.coords import LonLat
from pipeline.cases import Action
from pipeline.clocks import FixedClock
from pipeline.errors import FarTimeError
from pipeline.front_desk import FrontDesk
from pipeline.judging_desk import NotOverError, OwnJudgementError
from pipeline.points_book import OverdrawnError
from pipeline.principal import Principal, Role
from pipeline.reports import PrintedPlace

runner = CliRunner()
RUBBISH = "GB/T 47678.5-2026/matter/06010"
PARK = LonLat(121.1046, 31.1521)
NOON = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)
LI = Principal(name="Li", role=Role.DISPATCHER)
DAY = ("--span", "day", "--day", "2026-10-14")


def run(*arguments: object, ends: int = 0) -> Result:
    result = runner.invoke(cli.app, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == ends, result.output
    return result


def told(*arguments: object, ends: int = 0) -> dict[str, object]:
    found: dict[str, object] = json.loads(run(*arguments, "--json", ends=ends).stdout)
    return found


@pytest.fixture
def where(tmp_path: Path) -> list[object]:
    return ["--data", tmp_path / "data"]


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Services]:
    """Give services whose clock stands at a noon of October."""
    services = wire(SAMPLE, premises(SAMPLE, data=tmp_path / "data"), clock=FixedClock(NOON))
    yield services
    services.casebook.close()


def reported(services: Services, phone: str) -> tuple[str, str]:
    place = PrintedPlace(code="SHOP", name="Shop", lonlat=PARK, made_at=NOON)
    services.casebook.write(lambda tx: tx.add_printed_place(place))
    desk = FrontDesk(site=services.site, casebook=services.casebook, desk=services.desk, clock=services.clock)
    taken = desk.report_at("SHOP", category=RUBBISH, description="", phone=phone)
    services.desk.act(str(taken.number), Action.FILE, principal=LI)
    return str(taken.number), str(taken.receipt)


def test_from_figures_to_a_correction(past: Services, where: list[object]) -> None:
    number, _ = reported(past, "")
    found = told("judging", "figures", "--by", "grid", *DAY, *where)
    row = next(each for each in found["rows"] if each["figures"]["subject"] == "YP-G1")
    assert (row["figures"]["discovered"], row["figures"]["overdue"], row["score"]["value"]) == (1, 1, None)
    shown = run("judging", "figures", *DAY, *where).stderr
    assert "YP-G1: score none (no score, fewer than 10 cases" in shown
    number_1 = told("judging", "publish", "--scope", "subdistrict", *DAY, "--as", "Wang", *where)["number"]
    lodged = told("judging", "appeal", 1, "--subject", "YP-G1", "--words", "it was a test", "--as", "Li", *where)
    assert lodged["content"]["entered_for_them"] is True
    assert [each["number"] for each in told("judging", "list", *where)["appeals"]] == [lodged["number"]]
    decided = ("--reason", "true", "--without", number, *where)
    with pytest.raises(OwnJudgementError):
        run("judging", "uphold", lodged["number"], "--as", "Wang", *decided)
    corrected = told("judging", "uphold", lodged["number"], "--as", "Sun", *decided)
    assert (number_1, corrected["kind"], corrected["content"]["corrects"]) == (1, "correction", 1)
    stands = told("judging", "show", 1, *where)["stands"]
    assert next(e for e in stands if e["figures"]["subject"] == "YP-G1")["figures"]["overdue"] == 0
    assert told("judging", "recompute", 1, *where)["holds"] is True
    assert told("verify", *where)["holds"] is True


def test_what_is_no_period_and_what_is_not_over(where: list[object]) -> None:
    run("apply", *where)
    run("judging", "figures", *where, ends=2)
    run("judging", "figures", "--from", "2026-10-14T00:00+0800", *where, ends=2)
    run("judging", "figures", *DAY, "--from", "2026-10-14T00:00+0800", "--to", "2026-10-15T00:00+0800", *where, ends=2)
    for span, day in (("day", "9999-12-31"), ("month", "9999-12-01"), ("week", "0001-01-01")):
        with pytest.raises(FarTimeError):
            run("judging", "figures", "--span", span, "--day", day, *where)
    today = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(NotOverError):
        run("judging", "publish", "--scope", "all", "--span", "day", "--day", today.date().isoformat(), *where)


def test_points_are_found_shown_redeemed_and_marked(past: Services, where: list[object]) -> None:
    _, receipt = reported(past, "138 0000 1111")
    assert told("points", "totals", *where)["issued"] == 10
    assert told("points", "earned", receipt, *where)["left"] == 10
    account = told("points", "find", "--phone", "13800001111", *where)
    assert account["balance"] == 10
    taken = ("points", "redeem", account["account"], 10, "--request", "cup-0001", "--note", "a cup", *where)
    assert told(*taken) == told(*taken)
    with pytest.raises(OverdrawnError):
        run("points", "redeem", account["account"], 10, "--request", "cup-0002", *where)
    assert told("points", "member", account["account"], *where)["member"] is True
    shown = run("points", "show", account["account"], *where)
    assert "award +10" in shown.stderr
    assert "redemption -10 a cup" in shown.stderr
    assert told("points", "totals", *where)["outstanding"] == 0
