"""The chain finds every change of what was stored, forgets what was erased, and adds up to the case."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cases import Event, Status
from pipeline.history import Entry, canonical, chain_digest, chain_faults, seal
from pipeline.principal import Role

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
details = st.dictionaries(st.sampled_from(["note", "description", "pictures", "terminal", "distance_m"]), json_values)


def event(index: int = 0, **changes: object) -> Event:
    plain = Event(
        case="YP20261123-0001",
        action="accept",
        status=Status.ACCEPTED,
        actor="Li",
        role=Role.FORCE,
        at=AT + timedelta(seconds=index),
        details={"note": "王某住在三楼", "terminal": "T001"},
    )
    return replace(plain, **changes)


def chain(all_details: list[dict[str, object]]) -> list[Entry]:
    entries: list[Entry] = []
    for index, each in enumerate(all_details):
        previous = entries[-1].event.digest if entries else ""
        entries.append(seal(event(index, details=each), previous=previous, sequence=10 + index))
    return entries


@given(st.lists(details, min_size=1, max_size=5))
def test_a_chain_holds_and_gives_back_all_details(all_details: list[dict[str, object]]):
    entries = chain(all_details)
    assert chain_faults(entries) == ()
    assert [entry.whole().details for entry in entries] == [json.loads(json.dumps(each)) for each in all_details]


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "Wang"},
        {"action": "decline"},
        {"status": Status.CLOSED},
        {"role": Role.ADMIN},
        {"at": AT + timedelta(microseconds=1)},
        {"sequence": 99},
        {"case": "YP20261123-0002"},
        {"details": {"terminal": "T002"}},
        {"digest": "0" * 64},
    ],
)
@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_changed_event_is_found(index: int, change: dict[str, object]):
    entries = chain([{"terminal": "T001"}] * 3)
    entries[index] = replace(entries[index], event=replace(entries[index].event, **change))
    faults = chain_faults(entries)
    assert any("was changed" in fault for fault in faults)


def test_an_event_changed_with_its_digest_breaks_the_link_of_the_next():
    entries = chain([{"terminal": "T001"}] * 3)
    forged = replace(entries[1].event, actor="Wang")
    forged = replace(forged, digest=chain_digest(forged, entries[1].asides))
    entries[1] = replace(entries[1], event=forged)
    assert chain_faults(entries) == (f"event 12 of {forged.case} does not follow the one before it",)


@pytest.mark.parametrize("order", [[1, 2], [0, 2], [1, 0, 2]])
def test_a_missing_or_moved_event_is_found(order: list[int]):
    entries = chain([{"terminal": "T001"}] * 3)
    assert chain_faults([entries[index] for index in order])


def test_words_are_not_in_the_chain_but_their_change_is_found():
    (entry,) = chain([{"note": "王某住在三楼", "terminal": "T001"}])
    assert "note" not in entry.event.details
    (aside,) = entry.asides
    changed = replace(entry, asides=(replace(aside, value=canonical("别的")),))
    assert chain_faults([changed]) == (f"note of event 10 of {entry.event.case} was changed after it was stored",)


def test_erased_words_leave_a_chain_that_holds_and_tells_nothing():
    (entry,) = chain([{"note": "王某", "terminal": "T001"}])
    erased = replace(entry, asides=(replace(entry.asides[0], salt=None, value=None),))
    assert chain_faults([erased]) == ()
    assert erased.whole().details == {"terminal": "T001"}


def test_the_same_words_have_another_digest_each_time():
    first, second = chain([{"note": "same"}, {"note": "same"}])
    assert first.asides[0].digest != second.asides[0].digest


def test_an_erased_or_added_aside_digest_is_found():
    (entry,) = chain([{"note": "a", "description": "b"}])
    assert chain_faults([replace(entry, asides=entry.asides[:1])])


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="Out of range"):
        seal(event(details={"distance_m": float("nan")}), previous="", sequence=1)


@given(details)
def test_the_digest_is_that_of_one_json_of_everything(told):
    sealed = seal(event(details=told), previous="ab" * 32, sequence=7)
    stored = sealed.event
    whole = {
        "case": stored.case,
        "sequence": 7,
        "action": stored.action,
        "status": stored.status.value,
        "actor": stored.actor,
        "role": stored.role.value,
        "at": stored.at.isoformat(timespec="microseconds"),
        "details": stored.details,
        "outside": {aside.key: aside.digest for aside in sealed.asides},
        "previous": "ab" * 32,
    }
    assert stored.digest == hashlib.sha256(canonical(whole).encode()).hexdigest()
    assert sealed.text == canonical(stored.details)
