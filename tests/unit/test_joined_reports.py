"""A report whose case was merged into another follows that one, and is told nothing of who reported it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import sqlite_url
from life_office import LI, WANG, Office
from small_site import CITIZEN, PARKED, spot

from api.intake_schemas import FollowedOut
from pipeline.appeals import NoAppealError
from pipeline.cases import Channel, Status
from pipeline.desk import Report
from pipeline.front_desk import FrontDesk

OTHERS = "Mrs Zhang of no 4 says so"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(sqlite_url(tmp_path), tmp_path)
    yield office
    office.prove()
    office.close()


def front(office: Office) -> FrontDesk:
    return FrontDesk(site=office.site, casebook=office.casebook, desk=office.desk, clock=office.clock)


def reported(office: Office, east_m: float, **more: object) -> tuple[str, str]:
    """Report by the public; returns the case's number and the receipt."""
    plain = Report(
        channel=Channel.PUBLIC, category=PARKED, lonlat=spot("A", east_m), occurred_at=office.clock.now(), **more
    )
    taken = office.desk.report(plain, principal=CITIZEN)
    assert taken.outcome == "open"
    return str(taken.number), str(taken.receipt)


def test_it_follows_the_case_that_stays_and_shows_nothing_from_before(office: Office) -> None:
    other, _ = reported(office, 0.0, description=OTHERS, contact="138 0000 0000")
    office.act(other, "file")
    office.through(other, "accept")
    office.later(minutes=20)
    number, receipt = reported(office, 60.0)
    office.act(number, "verify")
    office.later(minutes=1)
    office.desk.merging.merge(number, into=other, reason="the same", principal=LI)
    office.later(minutes=5)
    office.through(other, "arrive")
    followed, standing = front(office).follow(receipt), office.duty.standing(receipt)
    assert (followed.case.number, followed.case.status) == (other, Status.ARRIVED)
    assert [(each.action, each.status) for each in standing.steps] == [
        ("open", Status.REPORTED), ("verify", Status.VERIFIED), ("merge", Status.ACCEPTED), ("arrive", Status.ARRIVED),
    ]  # fmt: skip
    reported_at = followed.received.at
    assert min(each.at for each in standing.steps) == reported_at
    sent = FollowedOut.of(followed)
    assert (sent.joined, sent.status, sent.refusal) == (True, Status.ARRIVED, "")
    assert sent.updated_at >= standing.joined_at
    assert not [each for each in (other, OTHERS, "138 0000") if each in sent.model_dump_json()]


def test_a_last_step_from_before_the_merge_is_not_dated(office: Office) -> None:
    other, _ = reported(office, 0.0)
    office.act(other, "verify")
    office.later(hours=1)
    number, receipt = reported(office, 60.0)
    office.desk.merging.merge(number, into=other, reason="the same", principal=LI)
    assert FollowedOut.of(front(office).follow(receipt)).updated_at == office.clock.now()


def test_through_several_merges_and_back(office: Office) -> None:
    first, receipt = reported(office, 0.0)
    second, third = reported(office, 60.0)[0], reported(office, 120.0)[0]
    office.desk.merging.merge(first, into=second, reason="the same", principal=LI)
    office.act(second, "verify")
    office.desk.merging.merge(second, into=third, reason="the same", principal=LI)
    office.act(third, "verify")
    steps = [each.action for each in office.duty.standing(receipt).steps]
    assert steps == ["open", "merge", "verify", "merge", "verify"]
    assert front(office).follow(receipt).case.number == third
    office.desk.merging.undo(first, reason="two after all", principal=LI)
    followed = front(office).follow(receipt)
    assert (followed.case.number, followed.joined_at) == (first, None)
    assert [each.action for each in office.duty.standing(receipt).steps] == ["open", "merge", "unmerge"]


def test_a_refusal_of_the_joined_case_gives_no_words_and_can_be_appealed(office: Office) -> None:
    other, others_receipt = reported(office, 0.0)
    number, receipt = reported(office, 60.0)
    office.desk.merging.merge(number, into=other, reason="the same", principal=LI)
    office.act(other, "reject", note=OTHERS)
    desk = front(office)
    assert (desk.follow(receipt).case.status, desk.follow(receipt).refusal) == (Status.REFUSED, "")
    assert desk.follow(others_receipt).refusal == OTHERS
    desk.appeal(receipt, "it is still there")
    assert desk.follow(receipt).appealed
    with pytest.raises(NoAppealError):
        desk.appeal(others_receipt, "it is still there")


def test_a_case_that_is_void_by_itself_stays_void(office: Office) -> None:
    number, receipt = reported(office, 0.0)
    office.act(number, "void", by=WANG)
    followed = front(office).follow(receipt)
    assert (followed.case.status, followed.joined_at) == (Status.VOID, None)
