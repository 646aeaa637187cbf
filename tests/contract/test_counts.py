"""How much there is of what, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from small_site import DISPATCHER, LITTER, NOON, small_site, spot

from pipeline.cases import Action, Channel, Status
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Report
from pipeline.evidence import EvidenceStore
from pipeline.health_events import HealthEvent, HealthFault
from pipeline.sql_casebook import SqlCasebook, open_casebook


@pytest.fixture
def casebook(database_url: str) -> Iterator[SqlCasebook]:
    casebook = open_casebook(database_url)
    yield casebook
    casebook.close()


def test_everything_is_counted_once(casebook: SqlCasebook, tmp_path):
    empty = casebook.read(lambda now: now.counts())
    assert (set(empty.cases), sum(empty.cases.values()), empty.waiting) == ({each.value for each in Status}, 0, 0)
    clock = FixedClock(NOON)
    desk = Desk(site=small_site(), casebook=casebook, clock=clock, evidence=EvidenceStore(tmp_path))
    numbers = []
    for east_m in (0.0, 100.0, -100.0):
        report = Report(channel=Channel.PATROL, lonlat=spot("A", east_m), category=LITTER, occurred_at=NOON)
        numbers.append(desk.report(report, principal=DISPATCHER).number)
    desk.act(numbers[0], Action.ACCEPT, principal=DISPATCHER)
    desk.act(numbers[1], Action.REJECT, principal=DISPATCHER, note="nothing there")
    for ident, until in (("a", None), ("b", NOON + timedelta(minutes=1)), ("c", None)):
        event = HealthEvent(id=ident, camera="cam-a", fault=HealthFault.DARK, since=NOON, value=1, limit=2, until=until)
        casebook.write(lambda tx, event=event: tx.save_health(event))
    found = casebook.read(lambda now: now.counts())
    assert found.cases["accepted"] == found.cases["refused"] == 1
    assert sum(found.cases.values()) == 3
    assert found.offers_open == found.cases["dispatched"]
    assert found.urgent_open == 2
    assert found.clocks["arrive"] == found.clocks_due["arrive"] == 2
    assert found.faults == (("cam-a", "dark"),)
    assert found.waiting == len(casebook.outbox())
