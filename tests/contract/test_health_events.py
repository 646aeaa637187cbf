"""Cameras' health in the casebook, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from small_site import NOON

from pipeline.casebook import LimitError
from pipeline.errors import UnknownError
from pipeline.health_events import HealthEvent, HealthFault
from pipeline.sql_casebook import SqlCasebook, open_casebook


@pytest.fixture
def casebook(database_url: str) -> Iterator[SqlCasebook]:
    casebook = open_casebook(database_url)
    yield casebook
    casebook.close()


def spell(ident: str, camera: str = "c1", *, minute: int = 0, **changes: object) -> HealthEvent:
    plain = HealthEvent(
        id=ident,
        camera=camera,
        fault=HealthFault.SHIFTED,
        since=NOON + timedelta(minutes=minute),
        value=0.25,
        limit=0.015,
    )
    return replace(plain, **changes)


def save(casebook: SqlCasebook, *events: HealthEvent) -> None:
    for event in events:
        casebook.write(lambda tx, event=event: tx.save_health(event))


def test_a_spell_comes_back_and_keeps_its_picture_when_it_ends(casebook: SqlCasebook):
    begun = spell("a", picture="c1/20261123/x.jpg")
    save(casebook, begun)
    assert casebook.health_event("a") == begun
    over = replace(begun, until=NOON + timedelta(minutes=5), picture="")
    save(casebook, over)
    assert casebook.health_event("a") == replace(over, picture=begun.picture)
    assert casebook.health() == [replace(over, picture=begun.picture)]


def test_spells_are_found_by_camera_and_while_they_last(casebook: SqlCasebook):
    one, two = spell("a"), spell("b", minute=2)
    ended, other = spell("c", minute=1, until=NOON + timedelta(minutes=9)), spell("d", "c2", minute=3)
    save(casebook, one, two, ended, other)
    assert [each.id for each in casebook.health()] == ["d", "b", "c", "a"]
    assert [each.id for each in casebook.health(camera="c1")] == ["b", "c", "a"]
    assert [each.id for each in casebook.health(camera="c1", lasting=True)] == ["b", "a"]
    assert [each.id for each in casebook.health(limit=1)] == ["d"]


def test_what_is_not_there_is_told(casebook: SqlCasebook):
    with pytest.raises(UnknownError, match="health event 'nobody'"):
        casebook.health_event("nobody")
    with pytest.raises(UnknownError):
        casebook.health_event("a\x00")
    with pytest.raises(LimitError):
        casebook.health(limit=0)
    assert casebook.camera_reference("c1") == ""


def test_what_a_camera_looks_like_is_kept_until_it_changes(casebook: SqlCasebook):
    casebook.write(lambda tx: tx.save_camera_reference("c1", "first", NOON))
    casebook.write(lambda tx: tx.save_camera_reference("c1", "second", NOON + timedelta(minutes=1)))
    casebook.write(lambda tx: tx.save_camera_reference("c2", "other", NOON))
    assert (casebook.camera_reference("c1"), casebook.camera_reference("c2")) == ("second", "other")
    with pytest.raises(LimitError, match="memory"):
        casebook.write(lambda tx: tx.save_camera_reference("c1", "x" * 1_000_001, NOON))
