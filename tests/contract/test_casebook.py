"""What every casebook must do, on SQLite and on PostgreSQL."""

import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from databases import Postgres
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_site import NOON, PARKED, spot
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text, update

from geo.coords import LonLat
from geo.metric import distance_m
from pipeline import sql_casebook, sql_engine, sql_tables
from pipeline.casebook import (
    AlreadyTakenError,
    BusyError,
    CameraState,
    CaseFilter,
    Evidence,
    LimitError,
    OutboxMessage,
    StorageError,
    Transaction,
    VersionConflictError,
)
from pipeline.cases import Case, Channel, Event, Side, Status
from pipeline.errors import UnknownError
from pipeline.history import chain_faults
from pipeline.principal import Role
from pipeline.sql_casebook import SqlCasebook, open_casebook
from pipeline.sql_engine import DatabaseUrlError, reading, writing
from pipeline.terminals import Terminal

DAY = "20261123"


@pytest.fixture
def casebook(database_url: str) -> Iterator[SqlCasebook]:
    casebook = open_casebook(database_url)
    yield casebook
    casebook.close()


def case(number: str = f"YP{DAY}-0001", at: LonLat | None = None, **changes: object) -> Case:
    plain = Case(
        number=number,
        category=PARKED,
        channel=Channel.HOTLINE,
        status=Status.FILED,
        urgent=True,
        lonlat=at or spot("A"),
        cov_m2=(1.25, -0.5, 2.0),
        error_m=3.46,
        grid="YP-A",
        unit="A1",
        side=Side.STREET_FACE,
        occurred_at=NOON,
        recorded_at=NOON + timedelta(microseconds=1),
        updated_at=NOON + timedelta(seconds=1),
        version=1,
    )
    return replace(plain, **changes)


def event(number: str, action: str = "open", **changes: object) -> Event:
    plain = Event(
        case=number, action=action, status=Status.FILED, actor="Li", role=Role.DISPATCHER, at=NOON, details={}
    )
    return replace(plain, **changes)


def store(casebook: SqlCasebook, *cases: Case) -> None:
    def work(tx: Transaction) -> None:
        for each in cases:
            tx.add_case(each)
            tx.append(event(each.number))

    casebook.write(work)


def numbers(casebook: SqlCasebook, **wanted: object) -> list[str]:
    return [each.number[-4:] for each in casebook.cases(CaseFilter(**wanted)).cases]


class TestCases:
    def test_a_case_comes_back_to_the_last_bit(self, casebook: SqlCasebook):
        full = case(
            lonlat=LonLat(121.08250000000001, 31.152249999999998),
            description="挡路 — 'quoted' \U0001f697",
            camera="cam-a",
            scene="parked",
            arrive_by=NOON + timedelta(seconds=900),
            first_result_by=NOON + timedelta(seconds=3600, microseconds=999_999),
            terminal="T001",
            distance_m=1 / 3,
            sightings=7,
        )
        store(casebook, full)
        assert casebook.case(full.number) == full

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
    @given(
        st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
        st.floats(-180, 180),
        st.floats(-85, 85),
    )
    def test_any_instant_and_place_comes_back(self, casebook: SqlCasebook, at: datetime, lon: float, lat: float):
        number = casebook.write(lambda tx: tx.next_number("H", DAY))
        placed = case(number, LonLat(lon, lat), occurred_at=at)
        store(casebook, placed)
        assert casebook.case(number) == placed

    def test_an_unknown_case_is_an_error_that_names_it(self, casebook: SqlCasebook):
        for ask in (casebook.case, casebook.events, casebook.entries):
            with pytest.raises(UnknownError, match="no case 'YP1'"):
                ask("YP1")

    def test_a_number_is_stored_once(self, casebook: SqlCasebook):
        store(casebook, case())
        with pytest.raises(AlreadyTakenError, match="was taken before"):
            store(casebook, case(description="another"))
        assert casebook.case(case().number).description == ""

    def test_numbers_count_up_for_each_day_and_prefix_and_leave_no_gap(self, casebook: SqlCasebook):
        def rolled_back(tx: Transaction) -> None:
            tx.next_number("YP", DAY)
            raise KeyError

        with pytest.raises(KeyError):
            casebook.write(rolled_back)
        made = [casebook.write(lambda tx, d=day: tx.next_number("YP", d)) for day in (DAY, DAY, "20261124", DAY)]
        assert made == [f"YP{DAY}-0001", f"YP{DAY}-0002", "YP20261124-0001", f"YP{DAY}-0003"]

    def test_a_version_is_saved_only_on_the_one_below(self, casebook: SqlCasebook):
        store(casebook, case())
        casebook.write(lambda tx: tx.save_case(case(version=2, status=Status.DISPATCHED, terminal="T001")))
        for stale in (1, 2, 4):
            with pytest.raises(VersionConflictError, match="not at version"):
                casebook.write(lambda tx, v=stale: tx.save_case(case(version=v)))
        assert casebook.case(case().number).terminal == "T001"

    @pytest.mark.parametrize(
        ("field", "value"),
        [("description", "x" * 2001), ("description", "a\x00"), ("unit", "\ud800"), ("category", "x" * 81)],
    )
    def test_what_a_column_cannot_hold_is_refused_alike(self, casebook: SqlCasebook, field: str, value: str):
        with pytest.raises(LimitError, match=f"cases.{field}"):
            store(casebook, case(**{field: value}))
        assert casebook.cases(CaseFilter()).cases == ()


class TestFinding:
    @pytest.fixture
    def filled(self, casebook: SqlCasebook) -> SqlCasebook:
        store(
            casebook,
            case(f"YP{DAY}-0001", spot("A"), status=Status.CLOSED),
            case(f"YP{DAY}-0002", spot("B"), grid="YP-B", channel=Channel.PUBLIC, terminal="T001"),
            case(f"YP{DAY}-0003", spot("C"), grid="YP-C", occurred_at=NOON + timedelta(hours=1), terminal="T002"),
            case(f"YP{DAY}-0004", spot("A"), occurred_at=NOON + timedelta(hours=2), status=Status.REPORTED),
        )
        return casebook

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({}, "4321"),
            ({"statuses": frozenset({Status.CLOSED, Status.REPORTED})}, "41"),
            ({"grids": frozenset({"YP-B", "YP-C"})}, "32"),
            ({"grids": frozenset()}, ""),
            ({"channels": frozenset({Channel.PUBLIC})}, "2"),
            ({"since": NOON + timedelta(hours=1)}, "43"),
            ({"until": NOON + timedelta(hours=1)}, "21"),
            ({"since": NOON + timedelta(minutes=1), "until": NOON + timedelta(hours=2)}, "3"),
            ({"terminal": "T002"}, "3"),
            ({"terminal": "T002", "grids": frozenset({"YP-B"})}, ""),
        ],
    )
    def test_filters(self, filled: SqlCasebook, wanted: dict, found: str):
        assert [number[-1] for number in numbers(filled, **wanted)] == list(found)

    def test_a_box(self, filled: SqlCasebook):
        a, b = spot("A"), spot("B")
        assert numbers(filled, bbox=(a.lon - 1e-9, a.lat - 1, b.lon + 1e-9, a.lat + 1)) == ["0004", "0002", "0001"]
        assert numbers(filled, bbox=(a.lon + 1e-9, a.lat - 1, b.lon - 1e-9, a.lat + 1)) == []

    def test_pages_run_newest_first_past_9999_a_day(self, casebook: SqlCasebook):
        store(casebook, *(case(f"YP{DAY}-{index}") for index in (9998, 9999, 10000, 10001, 10002)))
        seen, after = [], None
        while True:
            page = casebook.cases(CaseFilter(limit=2, after=after))
            seen += [each.number.split("-")[1] for each in page.cases]
            after = page.next_after
            if after is None:
                break
        assert seen == ["10002", "10001", "10000", "9999", "9998"]

    def test_a_page_that_is_just_full_is_the_last(self, filled: SqlCasebook):
        assert filled.cases(CaseFilter(limit=4)).next_after is None

    @pytest.mark.parametrize("limit", [0, -1, 1001])
    def test_limits_are_bounded(self, casebook: SqlCasebook, limit: int):
        for ask in (
            lambda: casebook.cases(CaseFilter(limit=limit)),
            lambda: casebook.events_after(0, limit=limit),
            lambda: casebook.outbox(limit=limit),
        ):
            with pytest.raises(LimitError, match="1 to 1000"):
                ask()

    def test_after_an_unknown_case(self, casebook: SqlCasebook):
        with pytest.raises(UnknownError):
            casebook.cases(CaseFilter(after="YP1"))

    def test_similar_are_of_the_category_in_the_box_and_not_refused(self, casebook: SqlCasebook):
        store(
            casebook,
            case("N1", spot("A", 9.0, -9.0)),
            case("N2", spot("A", 0.0, 12.0)),
            case("N3", category="other/matter/1"),
            case("N4", status=Status.REFUSED),
            case("N5", status=Status.VOID),
            case("N6", status=Status.CLOSED),
        )
        assert [each.number for each in casebook.similar(PARKED, spot("A"), 10.0)] == ["N1", "N6"]

    def test_similar_never_misses_one_within_the_radius(self, casebook: SqlCasebook):
        draw = random.Random(5)
        places = [spot("A", draw.uniform(-60, 60), draw.uniform(-60, 60)) for _ in range(200)]
        store(casebook, *(case(f"R{index}", place) for index, place in enumerate(places)))
        found = {each.number for each in casebook.similar(PARKED, spot("A"), 30.0)}
        near = {f"R{index}" for index, place in enumerate(places) if distance_m(spot("A"), place) <= 30.0}
        assert near <= found
        assert len(found) < 100

    def test_kept_is_what_was_filed_by_time(self, casebook: SqlCasebook):
        statuses = list(Status)
        store(
            casebook,
            *(case(f"K{i:02d}", status=s, occurred_at=NOON - timedelta(hours=i)) for i, s in enumerate(statuses)),
        )
        kept = casebook.kept()
        left_out = {Status.REPORTED, Status.VERIFIED, Status.REFUSED, Status.VOID}
        assert {each.status for each in kept} == set(Status) - left_out
        assert [each.occurred_at for each in kept] == sorted(each.occurred_at for each in kept)
        some = casebook.kept(since=NOON - timedelta(hours=5), until=NOON - timedelta(hours=3))
        assert [each.number for each in some] == ["K05", "K04"]


class TestHistory:
    def test_events_are_chained_numbered_and_whole(self, casebook: SqlCasebook):
        store(casebook, case())
        details = {"note": "王", "pictures": [{"id": "p"}], "distance_m": 0.1, "nested": {"a": [1, None, True]}}
        stored = casebook.write(lambda tx: tx.append(event(case().number, "accept", details=details)))
        first, second = casebook.events(case().number)
        assert (first.previous, second.previous, second) == ("", first.digest, stored)
        assert (second.sequence, second.details) == (2, details)
        assert chain_faults(casebook.entries(case().number)) == ()

    def test_a_change_behind_its_back_is_found(self, casebook: SqlCasebook):
        store(casebook, case())
        casebook.write(lambda tx: tx.append(event(case().number, "accept", details={"note": "a", "terminal": "T001"})))
        forgery = update(sql_tables.events).where(sql_tables.events.c.sequence == 2)
        with writing(casebook._engine) as connection:
            connection.execute(forgery.values(details=json.dumps({"terminal": "T002"})))
        assert chain_faults(casebook.entries(case().number)) == (
            f"event 2 of {case().number} was changed after it was stored",
        )

    def test_an_event_of_no_case_is_refused(self, casebook: SqlCasebook):
        with pytest.raises(UnknownError):
            casebook.write(lambda tx: tx.append(event("YP1")))

    def test_the_site_s_events_come_in_order_page_by_page(self, casebook: SqlCasebook):
        store(casebook, *(case(f"E{index}") for index in range(5)))
        assert casebook.newest_sequence() == 5
        assert [each.sequence for each in casebook.events_after(0, limit=3)] == [1, 2, 3]
        assert [each.case for each in casebook.events_after(3)] == ["E3", "E4"]
        assert casebook.events_after(5) == []
        assert casebook.events_after(10**30) == []

    def test_nothing_of_a_failed_write_stays(self, casebook: SqlCasebook):
        def work(tx: Transaction) -> None:
            tx.add_case(case())
            tx.append(event(case().number))
            tx.add_sighting("s1", case=case().number, camera="cam-a", captured_at=NOON)
            tx.save_position("T001", spot("A"), NOON)
            raise RuntimeError

        with pytest.raises(RuntimeError):
            casebook.write(work)
        assert casebook.cases(CaseFilter()).cases == ()
        assert (casebook.newest_sequence(), casebook.has_sighting("s1"), casebook.terminals()) == (0, False, {})
        store(casebook, case())
        assert casebook.events(case().number)[0].sequence == 1

    def test_a_tail_never_misses_an_event_while_many_write(self, casebook: SqlCasebook):
        """Readers that page by sequence must see each event once, though writers commit at the same time."""
        seen: list[int] = []
        done = threading.Event()

        def tail() -> None:
            while True:
                last = done.is_set()
                seen.extend(each.sequence for each in casebook.events_after(seen[-1] if seen else 0))
                if last:
                    return

        with ThreadPoolExecutor(5) as pool:
            tailing = pool.submit(tail)
            list(pool.map(lambda index: store(casebook, case(f"T{index}")), range(60)))
            done.set()
            tailing.result()
        assert seen == list(range(1, 61))


class TestSmallThings:
    def test_a_sighting_is_taken_once(self, casebook: SqlCasebook):
        def take(ident: str) -> None:
            casebook.write(lambda tx: tx.add_sighting(ident, case=None, camera="cam-a", captured_at=NOON))

        take("s1")
        with pytest.raises(AlreadyTakenError, match="sighting 's1'"):
            take("s1")
        take("s2")
        assert (casebook.has_sighting("s1"), casebook.has_sighting("s3")) == (True, False)

    def test_evidence_comes_back_oldest_first(self, casebook: SqlCasebook):
        store(casebook, case())
        pictures = [
            Evidence(
                id=f"p{9 - index}",
                case=case().number,
                sighting="s1",
                label=label,
                path=f"cam-a/{index}.jpg",
                sha256="0" * 64,
                captured_at=NOON,
            )
            for index, label in enumerate(("before", "at", "after"))
        ]
        casebook.write(lambda tx: [tx.add_evidence(picture) for picture in pictures])
        assert casebook.evidence(case().number) == pictures
        assert casebook.picture("p8") == pictures[1]
        with pytest.raises(UnknownError, match="no picture"):
            casebook.picture("p1")
        with pytest.raises(AlreadyTakenError):
            casebook.write(lambda tx: tx.add_evidence(pictures[0]))

    def test_evidence_of_no_case_is_refused(self, casebook: SqlCasebook):
        lost = Evidence(id="p", case="YP1", sighting="s", label="at", path="p", sha256="", captured_at=NOON)
        with pytest.raises(StorageError, match=r"(?i)foreign key"):
            casebook.write(lambda tx: tx.add_evidence(lost))

    def test_only_a_newer_position_counts(self, casebook: SqlCasebook):
        def move(east_m: float, seconds: float) -> bool:
            at = NOON + timedelta(seconds=seconds)
            return casebook.write(lambda tx: tx.save_position("T001", spot("A", east_m), at))

        assert [move(0.0, 5.0), move(1.0, 4.0), move(2.0, 5.0), move(3.0, 5.000001)] == [True, False, False, True]
        expected = Terminal(id="T001", lonlat=spot("A", 3.0), positioned_at=NOON + timedelta(seconds=5, microseconds=1))
        assert casebook.terminals() == {"T001": expected}

    def test_a_position_that_a_clock_ahead_has_dated_is_replaced_by_any(self, casebook: SqlCasebook):
        late, ahead = NOON + timedelta(days=1), NOON + timedelta(minutes=1)
        casebook.write(lambda tx: tx.save_positions([("T001", spot("A"), late), ("T002", spot("A"), ahead)]))
        assert casebook.terminals()["T001"].positioned_at == late
        heard = [(each, spot("A", 3.0), NOON) for each in ("T001", "T002", "T003")]
        assert casebook.write(lambda tx: tx.save_positions(heard, ahead=ahead)) == 2
        assert casebook.write(lambda tx: tx.save_position("T001", spot("A"), NOON, ahead=ahead)) is False
        known = casebook.terminals()
        assert known["T001"] == Terminal(id="T001", lonlat=spot("A", 3.0), positioned_at=NOON)
        assert (known["T002"].positioned_at, known["T003"].positioned_at) == (ahead, NOON)

    def test_terminals_count_what_they_hold(self, casebook: SqlCasebook):
        statuses = [status for status in Status if status is not Status.REPORTED]
        store(
            casebook,
            *(
                case(f"H{i}", status=status, terminal="T001", urgent=status is not Status.ARRIVED)
                for i, status in enumerate(statuses)
            ),
        )
        casebook.write(lambda tx: tx.save_position("T002", spot("A"), NOON))
        known = casebook.terminals()
        assert known["T001"] == Terminal(id="T001", open_cases=4, open_urgent=3)
        assert (known["T002"].open_cases, known["T002"].lonlat) == (0, spot("A"))

    def test_a_camera_s_state_is_replaced(self, casebook: SqlCasebook):
        assert casebook.camera_state("cam-a") is None
        for index in range(3):
            state = CameraState(camera="cam-a", newest_at=NOON, occupancies={"places": [index, None, "车"]})
            casebook.write(lambda tx, s=state: tx.save_camera_state(s))
        assert casebook.camera_state("cam-a") == state

    def test_a_state_too_large_is_refused(self, casebook: SqlCasebook):
        huge = CameraState(camera="cam-a", newest_at=NOON, occupancies={"x": "y" * 1_000_001})
        with pytest.raises(LimitError, match="occupancies"):
            casebook.write(lambda tx: tx.save_camera_state(huge))

    def test_a_message_leaves_once_and_its_key_is_known_for_good(self, casebook: SqlCasebook):
        def send(key: str, target: str) -> None:
            message = OutboxMessage(key=key, kind="push", target=target, payload={"n": 1}, created_at=NOON)
            casebook.write(lambda tx: tx.enqueue(message))

        send("a", "T001")
        send("b", "T002")
        send("a", "T009")
        waiting = casebook.outbox()
        assert [(each.key, each.target, each.created_at) for each in waiting] == [
            ("a", "T001", NOON),
            ("b", "T002", NOON),
        ]
        casebook.write(lambda tx: tx.mark_sent(waiting[0].id, NOON))
        send("a", "T001")
        assert [each.key for each in casebook.outbox()] == ["b"]
        with pytest.raises(UnknownError):
            casebook.write(lambda tx: tx.mark_sent(999, NOON))

    def test_the_newest_site_counts(self, casebook: SqlCasebook):
        assert casebook.site_documents() == {}
        versions = [
            casebook.write(lambda tx, i=index: tx.save_site({"site.toml": f"code = {i}  # 盈浦"}, NOON))
            for index in range(3)
        ]
        assert (versions, casebook.site_documents()) == ([1, 2, 3], {"site.toml": "code = 2  # 盈浦"})
        seen = casebook.write(lambda tx: (tx.site_version(), tx.save_site({}, NOON), tx.site_version()))
        assert seen == (3, 4, 4)


class TestOpening:
    def test_the_migrations_make_the_tables_that_the_code_knows(self, casebook: SqlCasebook):
        with reading(casebook._engine) as connection:
            assert compare_metadata(MigrationContext.configure(connection), sql_tables.metadata) == []

    def test_opening_again_changes_nothing(self, database_url: str):
        first = open_casebook(database_url)
        store(first, case())
        second = open_casebook(database_url)
        assert second.case(case().number) == case()
        first.close()
        second.close()

    def test_many_open_a_new_database_at_once(self, bare_database_url: str):
        with ThreadPoolExecutor(6) as pool:
            opened = list(pool.map(lambda _: open_casebook(bare_database_url), range(6)))
        assert [each.newest_sequence() for each in opened] == [0] * 6
        for each in opened:
            each.close()

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("nonsense", "is not an address"),
            ("mysql://root:secret@host/db", "of an unknown kind"),
            ("sqlite://", "names no file"),
            ("sqlite:///:memory:", "names no file"),
        ],
    )
    def test_an_address_that_cannot_be_used(self, url: str, words: str):
        with pytest.raises(DatabaseUrlError, match=words) as refused:
            open_casebook(url)
        assert "secret" not in str(refused.value)

    def test_a_server_that_is_not_there(self, tmp_path):
        url = f"postgresql://user:secret@/db?host={tmp_path}"
        with pytest.raises(StorageError, match="failed") as refused:
            open_casebook(url)
        assert "secret" not in str(refused.value)

    def test_a_file_that_is_no_database(self, tmp_path):
        (tmp_path / "x.db").write_bytes(b"not a database at all, but long enough to be looked at" * 100)
        with pytest.raises(StorageError, match="not a database"):
            open_casebook(f"sqlite:///{tmp_path}/x.db")


class TestConflicts:
    def test_writers_take_turns_and_lose_nothing(self, casebook: SqlCasebook):
        store(casebook, case())

        def add_one(_: int) -> None:
            def work(tx: Transaction) -> None:
                now = tx.case(case().number)
                tx.save_case(replace(now, sightings=now.sightings + 1, version=now.version + 1))

            casebook.write(work)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add_one, range(80)))
        assert casebook.case(case().number).sightings == 80

    def test_a_writer_that_hangs_makes_the_others_give_up_in_words(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(sql_engine, "BUSY_S", 0.2)
        monkeypatch.setattr(sql_casebook, "MOST_ATTEMPTS", 2)
        casebook = open_casebook(database_url)
        with writing(casebook._engine), pytest.raises(BusyError, match="busy in 2 attempts"):
            casebook.write(lambda tx: tx.next_number("YP", DAY))
        assert casebook.write(lambda tx: tx.next_number("YP", DAY)) == f"YP{DAY}-0001"
        casebook.close()

    def test_reading_goes_on_while_somebody_writes(self, casebook: SqlCasebook):
        store(casebook, case())
        with writing(casebook._engine) as connection:
            connection.execute(update(sql_tables.cases).values(description="half"))
            assert casebook.case(case().number).description == ""
        assert casebook.case(case().number).description == "half"

    def test_a_full_disk_stores_nothing_and_says_so(self, tmp_path: Path):
        casebook = open_casebook(f"sqlite:///{tmp_path / 'small.db'}")
        store(casebook, case("F0"))
        limit = lambda connection, _: connection.execute("PRAGMA max_page_count = 60")  # noqa: E731 - a listener
        casebook._engine.dispose()
        sqlalchemy_event.listen(casebook._engine, "connect", limit)
        with pytest.raises(StorageError, match="full"):
            store(casebook, *(case(f"F{index}", description="x" * 1000) for index in range(1, 200)))
        assert [each.number for each in casebook.cases(CaseFilter()).cases] == ["F0"]
        casebook._engine.dispose()
        sqlalchemy_event.remove(casebook._engine, "connect", limit)
        store(casebook, case("F1"))
        assert casebook.events("F1")[0].sequence == 2
        casebook.close()

    def test_a_server_that_ends_our_connection_loses_that_write_only(self, postgres: Postgres):
        with postgres.database(migrated=True) as url:
            casebook = open_casebook(url)
            store(casebook, case("C0"))
            end = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'doomed'")

            def work(tx: Transaction) -> None:
                tx._connection.exec_driver_sql("SET application_name = 'doomed'")
                tx.add_case(case("C1"))
                with casebook._engine.connect() as other:
                    other.execute(end)
                tx.append(event("C1"))

            with pytest.raises(StorageError, match="not confirmed"):
                casebook.write(work)
            store(casebook, case("C2"))
            assert [each.number for each in casebook.cases(CaseFilter()).cases] == ["C2", "C0"]
            casebook.close()

    def test_a_serialization_failure_is_tried_again(self, postgres: Postgres):
        """A writer that does not queue, such as a person at PostgreSQL's own prompt, must not break ours."""
        with postgres.database(migrated=True) as url:
            casebook = open_casebook(url)
            store(casebook, case())
            attempts = []

            def work(tx: Transaction) -> None:
                now = tx.case(case().number)
                if not attempts:
                    with casebook._engine.connect() as other:
                        other.execute(text("UPDATE cases SET description = 'by hand', version = version + 1"))
                attempts.append(now.version)
                tx.save_case(replace(now, version=now.version + 1, urgent=False))

            casebook.write(work)
            stored = casebook.case(case().number)
            assert (attempts, stored.version, stored.description) == ([1, 2], 3, "by hand")
            casebook.close()
