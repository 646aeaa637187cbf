"""Past cases in bulk, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from small_site import ADMIN, NOON, PARKED, spot

from pipeline.casebook import AlreadyTakenError, HistoryError, LimitError, Transaction
from pipeline.cases import Action, Case, Channel, Event, Side, Status, step
from pipeline.history import chain_faults, opening_details, rebuild
from pipeline.principal import Principal, Role
from pipeline.sql_casebook import SqlCasebook, open_casebook

Story = tuple[Case, list[Event]]


@pytest.fixture
def casebook(database_url: str) -> Iterator[SqlCasebook]:
    casebook = open_casebook(database_url)
    yield casebook
    casebook.close()


def written(case: Case, action: str, by: Principal, details: dict[str, object]) -> Event:
    return Event(
        case=case.number,
        action=action,
        status=case.status,
        actor=by.name,
        role=by.role,
        at=case.updated_at,
        details=details,
    )


def story(number: str, *, minute: int = 0, words: str = "a heap of boxes") -> Story:
    """Return a case that was opened, given to somebody, refused and voided."""
    at = NOON + timedelta(minutes=minute)
    case = Case(
        number=number,
        category=PARKED,
        channel=Channel.HOTLINE,
        status=Status.FILED,
        urgent=False,
        lonlat=spot("A", east_m=float(minute)),
        cov_m2=(1.0, 0.0, 1.0),
        error_m=2.4,
        grid="YP-A",
        unit="A1",
        side=Side.STREET_FACE,
        occurred_at=at,
        recorded_at=at,
        updated_at=at,
        description=words,
        version=1,
    )
    events = [written(case, "open", ADMIN, opening_details(case))]
    given = step(case, Action.DISPATCH, principal=ADMIN, now=at + timedelta(minutes=10))
    case = replace(given, terminal="T001", distance_m=12.5)
    events.append(written(case, "dispatch", ADMIN, {"terminal": "T001", "distance_m": 12.5}))
    for action in (Action.ACCEPT, Action.ARRIVE, Action.DONE, Action.CHECK, Action.CLOSE):
        case = step(case, action, principal=ADMIN, now=case.updated_at + timedelta(minutes=5))
        events.append(written(case, action.value, ADMIN, {"terminal": "T001", "note": "done"}))
    return case, events


def numbered(casebook: SqlCasebook, count: int) -> list[str]:
    return list(casebook.write(lambda tx: tx.next_numbers("YP", "20261123", count)))


def test_past_cases_come_back_with_their_whole_history(casebook: SqlCasebook):
    past = [story(number, minute=7 * row) for row, number in enumerate(numbered(casebook, 5))]
    casebook.write(lambda tx: tx.add_past(past))
    for case, events in past:
        assert casebook.case(case.number) == case
        stored = casebook.events(case.number)
        assert [(each.action, each.at, each.actor) for each in stored] == [(e.action, e.at, e.actor) for e in events]
        assert rebuild(stored) == case
        assert chain_faults(casebook.entries(case.number)) == ()


def test_the_site_s_sequence_runs_in_order_of_time_without_a_gap(casebook: SqlCasebook):
    past = [story(number, minute=7 * row) for row, number in enumerate(numbered(casebook, 5))]
    casebook.write(lambda tx: tx.add_past(past))
    events = casebook.events_after(0, limit=500)
    assert [each.sequence for each in events] == list(range(1, 36))
    assert [each.at for each in events] == sorted(each.at for each in events)


def test_numbers_and_sequence_go_on_after_past_cases(casebook: SqlCasebook):
    first = numbered(casebook, 3)
    casebook.write(lambda tx: tx.add_past([story(number) for number in first]))
    assert first == ["YP20261123-0001", "YP20261123-0002", "YP20261123-0003"]
    assert casebook.write(lambda tx: tx.next_number("YP", "20261123")) == "YP20261123-0004"
    new = story("YP20261123-0004")[0]

    def work(tx: Transaction) -> Event:
        tx.add_case(replace(new, version=1))
        return tx.append(Event(case=new.number, action="open", status=Status.FILED, actor="Li", role=Role.ADMIN,
                               at=NOON, details={}))  # fmt: skip

    assert casebook.write(work).sequence == casebook.newest_sequence() == 3 * 7 + 1


def test_a_case_that_is_there_already_lets_nothing_in(casebook: SqlCasebook):
    one, two = numbered(casebook, 2)
    casebook.write(lambda tx: tx.add_past([story(one)]))
    with pytest.raises(AlreadyTakenError, match=one):
        casebook.write(lambda tx: tx.add_past([story(two), story(one)]))
    assert casebook.newest_sequence() == 7
    assert [each.number for each in casebook.kept()] == [one]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda case, events: (case, events[1:]), "does not begin"),
        (lambda case, events: (case, [events[0], *events[:0:-1]]), "order of time"),
        (lambda case, events: (case, events[:-1]), "do not add up"),
        (lambda case, events: (replace(case, grid="YP-B"), events), "do not add up"),
        (lambda case, events: (case, [replace(events[0], case="other"), *events[1:]]), "does not begin"),
        (lambda case, _: (case, []), "does not begin"),
    ],
)
def test_a_history_that_does_not_tell_the_case_is_refused(casebook: SqlCasebook, spoil, words: str):
    (number,) = numbered(casebook, 1)
    with pytest.raises(HistoryError, match=words):
        casebook.write(lambda tx: tx.add_past([spoil(*story(number))]))
    assert casebook.newest_sequence() == 0


def test_words_that_are_too_long_are_refused(casebook: SqlCasebook):
    (number,) = numbered(casebook, 1)
    with pytest.raises(LimitError, match="2001 characters"):
        casebook.write(lambda tx: tx.add_past([story(number, words="x" * 2001)]))
    assert casebook.kept() == []


def test_none_at_all_is_fine(casebook: SqlCasebook):
    casebook.write(lambda tx: tx.add_past([]))
    assert casebook.newest_sequence() == 0
