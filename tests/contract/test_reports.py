"""Reports, printed places and site versions in every casebook, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from small_site import DISPATCHER, LITTER, NOON, PARKED, small_site, spot

from pipeline.casebook import AlreadyTakenError, CaseFilter, LimitError
from pipeline.cases import Action, Channel
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Report
from pipeline.errors import UnknownError
from pipeline.evidence import EvidenceStore
from pipeline.reports import PrintedPlace, Received, Ticket
from pipeline.sql_casebook import SqlCasebook, open_casebook
from pipeline.sql_engine import alembic_config, open_engine


@pytest.fixture
def casebook(database_url: str) -> Iterator[SqlCasebook]:
    casebook = open_casebook(database_url)
    yield casebook
    casebook.close()


@pytest.fixture
def desk(casebook: SqlCasebook, tmp_path: Path) -> Desk:
    evidence = EvidenceStore(tmp_path / "evidence")
    return Desk(site=small_site(), casebook=casebook, clock=FixedClock(NOON), evidence=evidence)


def report(**changes: object) -> Report:
    plain = Report(channel=Channel.HOTLINE, category=PARKED, lonlat=spot("A"), occurred_at=NOON)
    return replace(plain, **changes)


def test_a_report_comes_back_whole(casebook: SqlCasebook, desk: Desk) -> None:
    number = str(desk.report(report(), principal=DISPATCHER).number)
    received = Received(
        id="receipt-1", channel=Channel.PUBLIC, case=number, outcome="attach", at=NOON + timedelta(microseconds=7),
        source="district", ticket="D/1", place="ABC", phone="021 5972",
    )  # fmt: skip
    casebook.write(lambda tx: tx.add_report(received))
    assert casebook.read(lambda now: now.report("receipt-1")) == received
    assert casebook.read(lambda now: now.report_of_ticket("district", "D/1")) == received
    assert casebook.read(lambda now: now.report_of_ticket("12345", "D/1")) is None
    assert casebook.read(lambda now: now.reports_of(number))[-1] == received
    assert casebook.read(lambda now: now.reports_since(NOON, place="ABC")) == 1
    assert casebook.read(lambda now: now.reports_since(NOON + timedelta(seconds=1))) == 0
    casebook.write(lambda tx: tx.erase_contacts(["receipt-1"]))
    assert casebook.read(lambda now: now.report("receipt-1")) == replace(received, phone="")


def test_reports_without_a_ticket_do_not_meet_and_those_with_the_same_do(casebook: SqlCasebook, desk: Desk) -> None:
    number = str(desk.report(report(), principal=DISPATCHER).number)
    plain = Received(id="a", channel=Channel.PATROL, case=number, outcome="open", at=NOON)
    casebook.write(lambda tx: (tx.add_report(plain), tx.add_report(replace(plain, id="b"))))
    ticket = replace(plain, id="c", source="12345", ticket="Q1")
    casebook.write(lambda tx: tx.add_report(ticket))
    with pytest.raises(AlreadyTakenError):
        casebook.write(lambda tx: tx.add_report(replace(ticket, id="d")))


def test_the_same_ticket_from_many_at_once_opens_one_case(casebook: SqlCasebook, desk: Desk) -> None:
    def send(n: int) -> str:
        told = report(ticket=Ticket(source="12345", number="Q1"), lonlat=spot("ABCD"[n % 4]), category=LITTER)
        return desk.report(told, principal=DISPATCHER).outcome

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(send, range(16)))
    assert sorted(outcomes) == ["ignore"] * 15 + ["open"]
    assert len(casebook.cases(CaseFilter()).cases) == 1


def test_what_is_nowhere_is_an_error_and_what_is_too_long_is_refused(casebook: SqlCasebook) -> None:
    for asked in ("nothing", "a\x00b", "\ud800"):
        with pytest.raises(UnknownError):
            casebook.read(lambda now, asked=asked: now.report(asked))
        with pytest.raises(UnknownError):
            casebook.read(lambda now, asked=asked: now.printed_place(asked))
        with pytest.raises(UnknownError):
            casebook.write(lambda tx, asked=asked: tx.end_printed_place(asked, NOON))
    assert casebook.read(lambda now: now.report_of_ticket("x", "a\x00b")) is None
    long = PrintedPlace(code="C", name="n" * 201, lonlat=spot("A"), made_at=NOON)
    with pytest.raises(LimitError):
        casebook.write(lambda tx: tx.add_printed_place(long))


def test_a_printed_place_is_in_use_until_it_is_ended(casebook: SqlCasebook) -> None:
    place = PrintedPlace(code="CODE", name="小店", lonlat=spot("B"), made_at=NOON)
    casebook.write(lambda tx: tx.add_printed_place(place))
    assert casebook.read(lambda now: now.printed_places()) == [place]
    later = NOON + timedelta(hours=1)
    casebook.write(lambda tx: tx.end_printed_place("CODE", later))
    assert casebook.read(lambda now: now.printed_places()) == []
    assert casebook.read(lambda now: now.printed_place("CODE")) == replace(place, ended_at=later)


def test_the_site_s_version_and_the_categories_in_use(casebook: SqlCasebook, desk: Desk) -> None:
    assert (casebook.site_version(), casebook.categories_used()) == (0, frozenset())
    number = str(desk.report(report(), principal=DISPATCHER).number)
    case = casebook.case(number)
    casebook.write(lambda tx: tx.save_case(replace(case, condition=2, version=case.version + 1)))
    assert casebook.conditions_used() == {(PARKED, 2)}
    desk.act(number, Action.REJECT, principal=DISPATCHER, note="nothing there")
    casebook.write(lambda tx: tx.save_site({"a": "1"}, NOON))
    assert (casebook.site_version(), casebook.categories_used()) == (1, {PARKED})
    assert casebook.conditions_used() == frozenset()


def test_cases_from_before_the_revision_stay_readable(bare_database_url: str) -> None:
    engine = open_engine(bare_database_url)
    config = alembic_config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.exec_driver_sql(
            "INSERT INTO cases (number, ordinal, category, channel, status, urgent, lon, lat, cov_ee_m2, cov_en_m2,"
            " cov_nn_m2, error_m, grid, unit, side, occurred_at, recorded_at, updated_at, description, sightings,"
            " version) VALUES ('YP1', 1, 'c', 'hotline', 'filed', true, 121, 31, 1, 0, 1, 2, 'g', 'u', 'street_face',"
            " 1, 2, 3, '', 0, 1)"
        )
        command.upgrade(config, "0004")
    engine.dispose()
    casebook = open_casebook(bare_database_url)
    case = casebook.case("YP1")
    casebook.close()
    assert (case.urgent, case.urgent_reason, case.condition, case.ticket_due) == (True, "", None, None)
