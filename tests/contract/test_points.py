"""Citizens' points on both databases: what earns and what does not, sums, replays, reversals, redemption, erasure."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from databases import sqlite_url
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from life_office import LI, WANG, Office, life_site
from small_site import CITIZEN, NOON, spot
from sqlalchemy import delete, update

from pipeline import sql_tables as t
from pipeline.casebook import AlreadyTakenError, LimitError
from pipeline.desk import Desk
from pipeline.erasure import Erasable, Wanted
from pipeline.errors import RefusedError, UnknownError
from pipeline.front_desk import FrontDesk
from pipeline.phone_marks import PhoneMarks, plain_number
from pipeline.picture_hash import bits_apart, looks
from pipeline.points_book import (
    ISSUE,
    REDEEMED,
    ClaimState,
    LedgerEntry,
    LedgerKind,
    OverdrawnError,
    UnbalancedError,
    Why,
)
from pipeline.points_office import NoPointsError, NotEarnedError, PointsOffice
from pipeline.points_policy import PointsPolicy
from pipeline.reports import PrintedPlace
from pipeline.sightings import View
from pipeline.sql_engine import writing
from pipeline.verification import verify

POLICY = PointsPolicy(per_report=10, points_per_day=35, reports_per_day=3, same_place_m=30.0, redeem_least=1)
ANNA, BO = "138 0000 0001", "+86 138-0000-0002"


def points_site(policy: PointsPolicy | None = POLICY):
    site = life_site()
    return replace(site, settings=replace(site.settings, points=policy))


class Points:
    """An office of a site that gives points, with a way to report by phone."""

    def __init__(self, url: str, folder: Path, *, policy: PointsPolicy | None = POLICY) -> None:
        self.office = Office(url, folder, site=points_site(policy))
        self.phones = PhoneMarks(folder / "points.key")
        parts = {"site": self.office.site, "casebook": self.office.casebook, "clock": self.office.clock}
        self.office.desk = Desk(**parts, evidence=self.office.evidence, phones=self.phones)
        self.points = PointsOffice(**parts, phones=self.phones)
        self.front = FrontDesk(**parts, desk=self.office.desk)
        self.made = 0

    def report(self, phone: str = ANNA, at=None, *, picture: bytes | None = None, file: bool = True):
        """Report at a place of its own (or of `at`); returns the case's number and the receipt."""
        self.made += 1
        lonlat = at or spot("A", -220.0 + 40.0 * (self.made % 12), -200.0 + 45.0 * (self.made // 12))
        code = f"PLACE{self.made}"
        place = PrintedPlace(code=code, name=code, lonlat=lonlat, made_at=NOON)
        self.office.casebook.write(lambda tx: tx.add_printed_place(place))
        view = View(label="at", captured_at=self.office.clock.now(), jpeg=picture) if picture else None
        kind = "GB/T 47678.5-2026/matter/1"
        taken = self.front.report_at(code, category=kind, description="", phone=phone, picture=view)
        if file and self.office.case(taken.number).status == "reported":
            self.office.act(taken.number, "file")
        return taken.number, str(taken.receipt)

    def earned(self, receipt: str):
        shown = self.points.of_receipt(receipt)
        return shown.claim.points, shown.claim.why, shown.left

    def account(self, phone: str = ANNA):
        return self.points.find(phone, principal=LI)


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Points]:
    place = Points(database_url, tmp_path)
    yield place
    place.office.prove()
    place.office.close()


def photo(seed: int, side: int = 400, quality: int = 90) -> bytes:
    rough = np.random.default_rng(seed).integers(0, 255, (9, 12, 3), np.uint8)
    image = cv2.resize(rough, (side * 4 // 3, side), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


class TestEarned:
    def test_only_what_was_verified(self, place: Points):
        number, receipt = place.report(file=False)
        assert place.earned(receipt) == (0, None, 0)
        place.office.act(number, "verify")
        assert place.earned(receipt) == (10, Why.VERIFIED, 10)
        assert place.account().balance == 10
        assert place.points.settle() == 0
        totals = place.points.totals(principal=LI)
        assert (totals.issued, totals.redeemed, totals.outstanding, totals.accounts) == (10, 0, 10, 1)

    def test_the_same_number_is_the_same_account_however_it_is_written(self, place: Points):
        place.report(ANNA)
        place.report("0086 138 0000 0001")
        assert place.account("13800000001").balance == 20
        assert plain_number("021 5972 0000") == "02159720000"
        with pytest.raises(UnknownError):
            place.account(BO)

    def test_without_a_phone_number_nobody_earns(self, place: Points):
        _, receipt = place.report("")
        assert place.earned(receipt) == (0, Why.NO_PHONE, 0)

    def test_duplicates_of_an_open_case_earn_up_to_the_kth(self, place: Points):
        at, receipts = spot("A", 10.0), []
        for phone in (ANNA, BO, "138 0000 0003", ""):
            place.office.later(minutes=1)
            receipts.append(place.report(phone, at)[1])
        told = [place.earned(each)[:2] for each in receipts]
        assert told == [(10, Why.VERIFIED), (10, Why.VERIFIED), (0, Why.DUPLICATE), (0, Why.NO_PHONE)]

    def test_nobody_earns_twice_for_one_problem(self, place: Points):
        at = spot("A", 10.0)
        place.report(ANNA, at)
        place.office.later(minutes=1)
        assert place.earned(place.report(ANNA, at)[1])[:2] == (0, Why.SAME_PROBLEM)

    def test_limits_of_a_local_day(self, place: Points):
        receipts = [place.report(at=spot(grid, 150.0))[1] for grid in "ABCD"]
        assert [place.earned(each)[1] for each in receipts] == [Why.VERIFIED] * 3 + [Why.DAY_REPORTS]
        place.office.later(hours=13)
        assert place.earned(place.report(at=spot("A", -150.0))[1])[1] is Why.VERIFIED

    def test_the_last_points_of_a_day_are_given_in_part(self, database_url: str, tmp_path: Path):
        place = Points(database_url, tmp_path, policy=replace(POLICY, points_per_day=15))
        receipts = [place.report(at=spot(grid))[1] for grid in "ABC"]
        assert [place.earned(each)[:2] for each in receipts] == [
            (10, Why.VERIFIED), (5, Why.VERIFIED), (0, Why.DAY_POINTS),
        ]  # fmt: skip
        place.office.close()

    def test_the_same_place_soon_after_earns_nothing(self, place: Points):
        at = spot("A", 10.0)
        number, _ = place.report(ANNA, at)
        place.office.through(number, "accept", "arrive", "done", "check", "close")
        place.office.later(hours=23)
        assert place.earned(place.report(ANNA, at)[1])[1] is Why.SAME_PLACE
        place.office.later(hours=2)
        assert place.earned(place.report(BO, at)[1])[1] is Why.VERIFIED

    def test_a_picture_that_was_sent_before_earns_nothing(self, place: Points):
        first = place.report(ANNA, picture=photo(1))[1]
        place.office.later(minutes=1)
        again = place.report(BO, picture=photo(1, side=300, quality=60))[1]
        other = place.report(BO, picture=photo(2))[1]
        assert [place.earned(each)[1] for each in (first, again, other)] == [
            Why.VERIFIED, Why.SAME_PICTURE, Why.VERIFIED,
        ]  # fmt: skip
        place.office.later(days=91)
        assert place.earned(place.report(BO, picture=photo(1))[1])[1] is Why.VERIFIED
        assert [each.looks for each in place.office.casebook.read(lambda b: [b.claim(first)])] == [None]

    def test_a_site_without_points_keeps_no_claim(self, database_url: str, tmp_path: Path):
        place = Points(database_url, tmp_path, policy=None)
        _, receipt = place.report()
        with pytest.raises(NoPointsError, match=r"\[points\]"):
            place.points.of_receipt(receipt)
        assert place.office.casebook.read(lambda book: book.claim(receipt)) is None
        assert place.points.settle() == 0
        assert not (tmp_path / "points.key").exists()
        place.office.close()


class TestTakenBack:
    def test_what_turns_out_void_is_taken_back_once(self, place: Points):
        number, receipt = place.report()
        assert place.earned(receipt)[2] == 10
        place.office.act(number, "void", by=WANG)
        assert place.earned(receipt) == (10, Why.VOID, 0)
        place.office.eraser.erase(
            Wanted(case=number, what=frozenset({Erasable.WORDS}), ground="request 1"), principal=WANG
        )
        assert place.earned(receipt) == (10, Why.VOID, 0)
        entries = place.account().entries
        assert [(each.kind, each.postings[ISSUE]) for each in entries] == [("award", -10), ("reversal", 10)]

    def test_no_further_than_what_is_there(self, place: Points):
        number, receipt = place.report()
        place.points.settle()
        place.points.redeem_by_receipt(receipt, 7, request="soap-1")
        place.office.act(number, "void", by=WANG)
        assert place.account().balance == 0
        totals = place.points.totals(principal=LI)
        assert (totals.issued, totals.redeemed, totals.outstanding) == (7, 7, 0)

    def test_a_refusal_that_is_appealed_with_success_earns_after_all(self, place: Points):
        number, receipt = place.report(file=False)
        place.office.act(number, "reject")
        assert place.earned(receipt)[:2] == (0, Why.REFUSED)
        place.front.appeal(receipt, "it is there")
        place.front.decide_appeal(number, uphold=True, reason="it is", principal=WANG)
        assert place.earned(receipt)[:2] == (10, Why.VERIFIED)

    def test_merging_afterwards_takes_nothing_and_gives_nothing(self, place: Points):
        first, one = place.report(ANNA)
        second, other = place.report(BO)
        assert place.earned(one)[0] == place.earned(other)[0] == 10
        place.office.desk.merging.merge(second, into=first, reason="same", principal=LI)
        place.points.settle()
        place.office.desk.merging.undo(second, reason="not the same", principal=LI)
        assert place.account(ANNA).balance == place.account(BO).balance == 10
        place.office.act(second, "void", by=WANG)
        assert (place.account(ANNA).balance, place.account(BO).balance) == (10, 0)


class TestRedeemed:
    def test_once_for_each_request_within_bounds(self, place: Points):
        place.report()
        account = place.account().account.id
        first = place.points.redeem(account, 4, request="towel-1", note="a towel", principal=LI)
        assert place.points.redeem(account, 4, request="towel-1", principal=LI).id == first.id
        assert place.account().balance == 6
        with pytest.raises(AlreadyTakenError):
            place.points.redeem(account, 5, request="towel-1", principal=LI)
        with pytest.raises(OverdrawnError, match="6 are there"):
            place.points.redeem(account, 7, request="towel-2", principal=LI)
        for points, request in ((0, "good"), (1001, "good"), (1, "abc"), (1, "a/bcd"), (1, "é" * 5)):
            with pytest.raises(LimitError):
                place.points.redeem(account, points, request=request, principal=LI)
        with pytest.raises(RefusedError):
            place.points.redeem(account, 1, request="towel-3", principal=CITIZEN)
        with pytest.raises(UnknownError):
            place.points.redeem("P0", 1, request="towel-3", principal=LI)

    def test_whoever_asks_for_points_has_them_settled_first(self, place: Points):
        _, receipt = place.report()
        assert place.points.redeem_by_receipt(receipt, 4, request="soap-1").postings[REDEEMED] == 4
        place.report(BO)
        found = place.points.find(BO, principal=LI)
        assert found.balance == 10
        place.report(BO)
        assert place.points.account(found.account.id, principal=LI).balance == 20
        place.report(BO)
        place.points.redeem(found.account.id, 30, request="towel-1", principal=LI)
        place.report("138 0000 0003")
        assert place.points.totals(principal=LI).issued == 50

    def test_a_receipt_reaches_its_own_report_s_points_only(self, place: Points):
        _, one = place.report()
        _, other = place.report()
        assert place.account().balance == 20
        place.points.redeem_by_receipt(one, 10, request="soap-1")
        with pytest.raises(NotEarnedError, match="has 0 left"):
            place.points.redeem_by_receipt(one, 1, request="soap-2")
        place.points.redeem_by_receipt(one, 10, request="soap-1")
        assert place.earned(other)[2] == 10
        with pytest.raises(UnknownError):
            place.points.redeem_by_receipt("nothing", 1, request="soap-2")

    def test_many_at_once_take_no_more_than_there_is(self, place: Points):
        for grid in "ABC":
            place.report(at=spot(grid, -100.0))
        account = place.account().account.id

        def take(n: int) -> bool:
            try:
                place.points.redeem(account, 4, request=f"cup-{n % 10}", principal=LI)
            except OverdrawnError:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            done = list(threads.map(take, range(20)))
        assert place.account().balance == 30 - 4 * 7
        assert sum(done) >= 7

    def test_party_members_are_marked(self, place: Points):
        place.report()
        account = place.account().account.id
        assert place.points.mark_member(account, member=True, principal=LI).account.member
        totals = place.points.totals(principal=LI)
        assert (totals.members, totals.members_hold) == (1, 10)


class TestKept:
    def test_a_kill_between_step_and_settling_loses_nothing(self, place: Points):
        place.report()
        place.report(BO)
        fresh = PointsOffice(
            site=place.office.site, casebook=place.office.casebook, clock=place.office.clock, phones=place.phones
        )
        assert fresh.settle() > 0
        assert fresh.totals(principal=LI).issued == 20
        # As if the process had died before it could say up to where it came.
        place.office.casebook.write(lambda tx: tx.save_settled(0))
        assert fresh.settle() > 0
        assert fresh.totals(principal=LI).issued == 20

    def test_several_processes_settle_once(self, place: Points):
        for grid in "ABC":
            place.report(at=spot(grid, -60.0))
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: place.points.settle(), range(8)))
        assert place.points.totals(principal=LI).issued == 30

    def test_the_watch_settles_too(self, place: Points):
        place.report()
        place.office.watch.once()
        assert place.points.totals(principal=LI).issued == 10

    def test_a_number_that_is_erased_leads_nowhere_and_the_sums_stay(self, place: Points):
        one, receipt = place.report()
        two, other = place.report()
        assert place.account().balance == 20
        wanted = Wanted(case=one, what=frozenset({Erasable.CONTACT}), ground="request 1")
        place.office.eraser.erase(wanted, principal=WANG)
        assert place.account().balance == 20, "another report keeps the number still"
        place.front.forget_phone(other, principal=LI)
        with pytest.raises(UnknownError):
            place.account()
        marks = place.office.casebook.read(lambda book: book.point_totals())
        assert (marks.outstanding, marks.accounts) == (20, 1)
        place.points.redeem_by_receipt(receipt, 10, request="last-1")
        place.report()
        assert place.account().balance == 10, "the same number begins anew"
        assert two != one

    def test_no_phone_number_is_in_the_ledger(self, place: Points, tmp_path: Path):
        number, _ = place.report("138 9999 1234")
        place.points.settle()
        wanted = Wanted(case=number, what=frozenset({Erasable.CONTACT}), ground="request 1")
        place.office.eraser.erase(wanted, principal=WANG)
        engine = place.office.casebook._engine
        with engine.connect() as connection:
            tables = (t.point_accounts, t.point_claims, t.point_entries, t.point_postings, t.reports)
            stored = str([list(connection.execute(table.select())) for table in tables])
        assert "9999" not in stored
        assert place.phones.mark("138 9999 1234") not in stored
        assert PhoneMarks(tmp_path / "other.key").mark("1") != place.phones.mark("1")

    def test_erasing_pictures_erases_what_they_look_like(self, place: Points):
        number, receipt = place.report(picture=photo(3))
        assert place.office.casebook.read(lambda book: book.claim(receipt)).looks is not None
        wanted = Wanted(case=number, what=frozenset({Erasable.PICTURES}), ground="request 1")
        place.office.eraser.erase(wanted, principal=WANG)
        assert place.office.casebook.read(lambda book: book.claim(receipt)).looks is None

    def test_tampering_with_the_ledger_is_found(self, place: Points):
        place.report()
        place.points.settle()
        posting = t.point_postings.c.account != ISSUE
        with writing(place.office.casebook._engine) as connection:
            connection.execute(update(t.point_postings).where(posting).values(points=99))
        assert [str(each) for each in verify(place.office.casebook).flaws] == [
            "points: points entry 1 sums to 89, expected 0"
        ]
        with writing(place.office.casebook._engine) as connection:
            rows = connection.execute(t.point_entries.select()).mappings().all()
            connection.execute(delete(t.point_postings))
            connection.execute(delete(t.point_entries))
        assert "1 points entries are gone" in str(verify(place.office.casebook).flaws[0])
        with writing(place.office.casebook._engine) as connection:
            connection.execute(t.point_entries.insert().values(**rows[0]))
            for account, points in ((ISSUE, -10), (place.points.find(ANNA, principal=LI).account.id, 10)):
                connection.execute(t.point_postings.insert().values(entry=1, account=account, points=points))


def test_an_entry_that_does_not_sum_to_zero_cannot_be_made() -> None:
    for postings in ({"P1": 10}, {"P1": 10, ISSUE: -9}, {}, {"P1": 0, ISSUE: 0}):
        with pytest.raises(UnbalancedError):
            LedgerEntry(key="k", kind=LedgerKind.AWARD, at=NOON, actor="x", postings=postings)


class TestLooks:
    def test_a_picture_keeps_its_looks_when_it_is_reduced_darkened_or_encoded_anew(self):
        for seed in range(20):
            image = cv2.imdecode(np.frombuffer(photo(seed, 800), np.uint8), cv2.IMREAD_COLOR)
            own = looks(image)
            small = cv2.resize(image, (320, 240), interpolation=cv2.INTER_AREA)
            dark = np.clip(image.astype(float) * 0.8, 0, 255).astype(np.uint8)
            poor = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR)
            assert own is not None
            assert max(bits_apart(own, str(looks(each))) for each in (small, dark, poor)) <= 6

    def test_other_pictures_look_different(self):
        found = [str(looks(cv2.imdecode(np.frombuffer(photo(n), np.uint8), cv2.IMREAD_COLOR))) for n in range(60)]
        apart = [bits_apart(one, other) for i, one in enumerate(found) for other in found[:i]]
        assert min(apart) > 6

    def test_a_picture_of_nothing_looks_like_nothing(self):
        assert looks(np.full((300, 400, 3), 20, np.uint8)) is None


class LedgerMachine(RuleBasedStateMachine):
    """Reports, verdicts, voids, replays and redemptions in any order; the sums must hold after each."""

    url = ""
    folder = Path()

    def __init__(self) -> None:
        super().__init__()
        self.cases: list[tuple[str, str]] = []
        self.requests: dict[str, int] = {}

    @initialize()
    def open(self) -> None:
        base = Path(self.folder) / f"run{id(self)}"
        base.mkdir(parents=True)
        self.place = Points(sqlite_url(base), base)

    @rule(phone=st.sampled_from([ANNA, BO, ""]), east=st.integers(-3, 3), grid=st.sampled_from("AB"))
    def report(self, phone: str, east: int, grid: str) -> None:
        self.place.office.later(minutes=7)
        self.cases.append(self.place.report(phone, spot(grid, 60.0 * east), file=False))

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), action=st.sampled_from(["file", "reject", "void", "void"]))
    def judge(self, data: st.DataObject, action: str) -> None:
        number, _ = data.draw(st.sampled_from(self.cases))
        case = self.place.office.case(number)
        wanted = {"file": {"reported"}, "reject": {"reported", "filed", "dispatched"}, "void": None}[action]
        ended = case.status in {"refused", "void", "closed"}
        if not ended and (wanted is None or case.status.value in wanted):
            self.place.office.act(number, action, by=WANG)

    @rule()
    def settle(self) -> None:
        self.place.points.settle()

    @rule()
    def forget_how_far(self) -> None:
        self.place.office.casebook.write(lambda tx: tx.save_settled(0))

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), points=st.integers(1, 25), request=st.sampled_from(["req-1", "req-2", "req-3"]))
    def redeem(self, data: st.DataObject, points: int, request: str) -> None:
        _, receipt = data.draw(st.sampled_from(self.cases))
        before = self.place.points.totals(principal=LI).redeemed
        key = f"{receipt}/{request}"
        try:
            self.place.points.redeem_by_receipt(receipt, points, request=request)
        except (NotEarnedError, OverdrawnError, AlreadyTakenError):
            assert self.place.points.totals(principal=LI).redeemed == before
            return
        known = self.requests.setdefault(key, points)
        assert known == points
        assert self.place.points.totals(principal=LI).redeemed - before in {0, points}
        assert self.place.points.totals(principal=LI).redeemed == sum(self.requests.values())

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "place"):
            return
        book = self.place.office.casebook
        assert list(book.read(lambda now: now.ledger_flaws())) == []
        totals = book.read(lambda now: now.point_totals())
        assert totals.issued - totals.redeemed == totals.outstanding >= 0
        for _, receipt in self.cases:
            claim, entries = book.read(lambda now, r=receipt: (now.claim(r), now.receipt_entries(r)))
            net = -sum(each.postings.get(ISSUE, 0) for each in entries)
            assert 0 <= net <= 10, "a report earns once at most"
            if claim.state is ClaimState.EARNED:
                assert net == claim.points
            elif claim.state is not ClaimState.REVERSED:
                assert net == 0

    def teardown(self) -> None:
        if hasattr(self, "place"):
            self.place.office.close()


def test_sums_hold_whatever_happens_in_whatever_order(tmp_path: Path) -> None:
    LedgerMachine.folder = tmp_path
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
