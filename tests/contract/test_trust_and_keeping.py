"""Outcomes, levels, trials, merged cases and pictures past keeping, on SQLite and on PostgreSQL."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from life_office import disagreements
from small_site import DISPATCHER, INGEST, JPEG, NOON, PARKED, Scenes, sighting, small_site, spot

from pipeline.casebook import CaseFilter, Evidence, LimitError, Transaction
from pipeline.cases import Action, Case, Channel, IllegalStepError, Status
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Report
from pipeline.errors import RefusedError, UnknownError
from pipeline.evidence import EvidenceStore
from pipeline.history import chain_faults, rebuild
from pipeline.keeping import EvidencePolicy, Originals
from pipeline.merging import CannotMergeError, CannotSplitError, NotMergedError
from pipeline.originals import ErasedError, NoRightError
from pipeline.principal import PIPELINE, Principal, Right, Role
from pipeline.safe import Safe, UnsealError
from pipeline.scenes import Mode
from pipeline.sightings import LaterView, View
from pipeline.sql_casebook import SqlCasebook, open_casebook
from pipeline.trust import Move, Outcome
from pipeline.trust_book import Trial, TrialPicture
from pipeline.verification import verify

OPENER = Principal(name="Sun", role=Role.DISPATCHER, rights=frozenset({Right.OPEN_ORIGINALS}))
FACE = JPEG + b"a face"


class Office:
    def __init__(self, url: str, folder: Path, policy: EvidencePolicy | None = None) -> None:
        site = small_site()
        settings = replace(site.settings, evidence=policy or EvidencePolicy(keep_days=30, keep_originals_days=10))
        self.root = folder / "evidence"
        self.casebook: SqlCasebook = open_casebook(url)
        self.clock = FixedClock(NOON)
        self.evidence = EvidenceStore(self.root, safe=Safe(folder / "evidence.key"))
        self.desk = Desk(
            site=replace(site, settings=settings), casebook=self.casebook, clock=self.clock, evidence=self.evidence
        )

    def sight(self, ident: str, east_m: float = 0.0, *, original: bool = True, **changes: object) -> str:
        when = self.clock.now()
        picture = View(label="at", captured_at=when, jpeg=JPEG + ident.encode(), original=FACE if original else None)
        seen = sighting(ident, spot("A", east_m), when=when, **{"views": (picture,), **changes})
        number = self.desk.take(seen, principal=INGEST).number
        assert number is not None
        return number

    def report(self, east_m: float = 0.0) -> str:
        report = Report(
            channel=Channel.HOTLINE, category=PARKED, lonlat=spot("A", east_m), occurred_at=self.clock.now()
        )
        return str(self.desk.report(report, principal=DISPATCHER).number)

    def end(self, number: str) -> None:
        self.desk.act(number, Action.REJECT, principal=DISPATCHER, note="over")

    def files(self) -> list[str]:
        return sorted(path.suffix for path in self.root.rglob("*") if path.is_file())

    def cases(self) -> dict[str, Case]:
        return {each.number: each for each in self.casebook.cases(CaseFilter(limit=1000)).cases}

    def check(self) -> None:
        """Each stored case is what its events add up to, and each chain verifies."""
        for case in self.casebook.cases(CaseFilter(limit=1000)).cases:
            events = self.casebook.events(case.number)
            assert rebuild(events) == case, case.number
            assert case.version == len(events)
            assert chain_faults(self.casebook.entries(case.number)) == ()
        assert verify(self.casebook).flaws == ()
        assert disagreements(self.casebook, self.desk.site) == []


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    office = Office(database_url, tmp_path)
    yield office
    office.check()
    office.casebook.close()


def outcome(subject: str, *, confirmed: bool = True, at: datetime = NOON, **changes: object) -> Outcome:
    plain = Outcome(
        subject=subject, camera="cam-a", scene="s", confirmed=confirmed, reason="handled", actor="Li", at=at
    )
    return replace(plain, **changes)


class TestOutcomes:
    def test_the_newest_count_and_one_subject_once(self, office: Office):
        def work(tx: Transaction) -> None:
            for index in range(10):
                tx.save_outcome(outcome(f"c{index}", confirmed=index < 5, at=NOON + timedelta(seconds=index)))
            tx.save_outcome(outcome("other", scene="t"))

        office.casebook.write(work)

        def counted(**wanted: object) -> tuple[int, int]:
            settings = {"since": None, "most": 100, **wanted}
            return office.casebook.read(lambda asked: asked.outcome_counts("cam-a", "s", **settings))

        assert counted() == (5, 5)
        assert counted(most=7) == (2, 5)
        assert counted(since=NOON + timedelta(seconds=2)) == (2, 5)
        office.casebook.write(lambda tx: tx.save_outcome(outcome("c0", confirmed=True, at=NOON + timedelta(hours=1))))
        assert counted(since=NOON + timedelta(minutes=1)) == (0, 0), "the same word again changes nothing"
        office.casebook.write(lambda tx: tx.save_outcome(outcome("c0", confirmed=False, at=NOON + timedelta(hours=1))))
        assert counted() == (4, 6)
        assert counted(since=NOON + timedelta(minutes=1)) == (0, 1)
        assert len(office.casebook.read(lambda asked: asked.outcomes())) == 11

    def test_the_newest_move_counts(self, office: Office):
        for level in (Mode.CONFIRM, Mode.AUTO):
            move = Move(camera="cam-a", scene="s", level=level, start=Mode.SHADOW, actor="x", reason="y", at=NOON)
            office.casebook.write(lambda tx, move=move: tx.add_move(move))
        assert office.casebook.read(lambda asked: asked.newest_move("cam-a", "s")) == move
        assert office.casebook.read(lambda asked: asked.newest_move("cam-a", "t")) is None
        assert [each.level for each in office.casebook.read(lambda asked: asked.moves())] == [Mode.AUTO, Mode.CONFIRM]

    def test_a_trial_comes_back_and_changes(self, office: Office):
        picture = TrialPicture(label="at", path="cam-a/20261123/a.jpg", sha256="0" * 64, captured_at=NOON)
        trial = Trial(
            id="s1", camera="cam-a", scene="s", grid="YP-A", lonlat=spot("A"), error_m=1 / 3, captured_at=NOON,
            pictures=(picture,),
        )  # fmt: skip
        office.casebook.write(lambda tx: tx.save_trial(trial))
        assert office.casebook.read(lambda asked: asked.trial("s1")) == trial
        assert office.casebook.read(lambda asked: asked.count_trials()) == {("cam-a", "s"): 1}
        assert office.casebook.read(lambda asked: asked.named([picture.path, "b"])) == {picture.path}
        judged = replace(trial, judged_at=NOON, pictures=(replace(picture, path=""),))
        office.casebook.write(lambda tx: tx.save_trial(judged))
        assert office.casebook.read(lambda asked: asked.trials(judged=True)) == [judged]
        assert office.casebook.read(lambda asked: asked.trials()) == []
        with pytest.raises(UnknownError):
            office.casebook.read(lambda asked: asked.trial("s2"))
        with pytest.raises(LimitError):
            office.casebook.read(lambda asked: asked.trials(limit=0))


class TestOriginals:
    def test_the_right_and_a_reason_open_it_and_the_history_tells(self, office: Office):
        number = office.sight("s1")
        (picture,) = office.casebook.evidence(number)
        assert picture.original_sha256
        sealed = (office.root / picture.original_path).read_bytes()
        assert b"a face" not in sealed
        with pytest.raises(NoRightError, match="open-originals"):
            office.desk.originals.open(picture.id, reason="a complaint", principal=DISPATCHER)
        with pytest.raises(NoRightError):
            office.desk.originals.open(picture.id, reason="a complaint", principal=PIPELINE)
        with pytest.raises(LimitError):
            office.desk.originals.open(picture.id, reason="  ", principal=OPENER)
        elsewhere = replace(OPENER, grids=frozenset({"YP-D"}))
        with pytest.raises(UnknownError):
            office.desk.originals.open(picture.id, reason="a complaint", principal=elsewhere)
        assert "open-original" not in [each.action for each in office.casebook.events(number)]
        assert office.desk.originals.open(picture.id, reason="a complaint", principal=OPENER) == FACE
        told = office.casebook.events(number)[-1]
        assert (told.action, told.actor, told.details["note"]) == ("open-original", "Sun", "a complaint")

    def test_an_attempt_that_fails_is_told_too(self, office: Office):
        number = office.sight("s1")
        (picture,) = office.casebook.evidence(number)
        (office.root / picture.original_path).write_bytes(b"BGS1" + bytes(100))
        with pytest.raises(UnsealError):
            office.desk.originals.open(picture.id, reason="a complaint", principal=OPENER)
        assert office.casebook.events(number)[-1].action == "open-original"

    def test_the_digest_stands_in_the_history(self, office: Office):
        number = office.sight("s1")
        (picture,) = office.casebook.evidence(number)
        (listed,) = office.casebook.events(number)[0].details["pictures"]
        assert (listed["sha256"], listed["original_sha256"]) == (picture.sha256, picture.original_sha256)

    def test_a_site_may_keep_none(self, database_url: str, tmp_path: Path):
        office = Office(database_url, tmp_path, EvidencePolicy(originals=Originals.NONE))
        number = office.sight("s1")
        assert office.files() == [".jpg"]
        (picture,) = office.casebook.evidence(number)
        with pytest.raises(ErasedError):
            office.desk.originals.open(picture.id, reason="a complaint", principal=OPENER)
        assert not (tmp_path / "evidence.key").exists()
        office.casebook.close()

    def test_rule_weights_and_version_are_recorded(self, office: Office):
        number = office.sight("s1", detector="yolo26n@0123")
        told = office.casebook.events(number)[0].details
        assert (told["detector"], told["scene"]) == ("yolo26n@0123", Scenes.auto)
        assert told["rule"]["rule"] == "dwell"
        assert told["rule"]["dwell_s"] == 60.0
        assert told["program"]


class TestLaterPictures:
    def later(self, label: str = "after") -> LaterView:
        view = View(label=label, captured_at=NOON + timedelta(seconds=10), jpeg=JPEG + label.encode(), original=FACE)
        return LaterView(sighting="s1", view=view)

    def test_a_picture_after_joins_its_case_once(self, office: Office):
        number = office.sight("s1")
        before = office.casebook.case(number)
        assert office.desk.add_view(self.later(), camera="cam-a", principal=INGEST)
        assert not office.desk.add_view(self.later(), camera="cam-a", principal=INGEST)
        assert [each.label for each in office.casebook.evidence(number)] == ["at", "after"]
        after = office.casebook.case(number)
        assert (after.updated_at, after.status, after.version) == (before.updated_at, before.status, before.version + 1)

    def test_one_whose_sighting_nobody_took_is_left(self, office: Office):
        assert not office.desk.add_view(self.later(), camera="cam-a", principal=INGEST)

    def test_a_trial_takes_it_too(self, office: Office):
        office.desk.take(sighting("s1", scene=Scenes.shadow), principal=INGEST)
        assert office.desk.add_view(self.later(), camera="cam-a", principal=INGEST)
        assert not office.desk.add_view(self.later(), camera="cam-a", principal=INGEST)
        (trial,) = office.desk.trust.trials(principal=DISPATCHER)
        assert [each.label for each in trial.pictures] == ["at", "after"]


class TestMerging:
    def test_two_cases_become_one_and_two_again(self, office: Office):
        known = office.report(40.0)
        office.clock.at += timedelta(minutes=5)
        seen = office.sight("s1")
        kept = office.desk.merging.merge(known, into=seen, reason="same car", principal=DISPATCHER)
        assert (kept.number, kept.channel, kept.occurred_at) == (seen, Channel.HOTLINE, NOON), "who knew first"
        void = office.casebook.case(known)
        assert (void.status, void.merged_into, void.terminal) == (Status.VOID, seen, None)
        assert [each.number for each in office.casebook.read(lambda asked: asked.merged(seen))] == [known]
        counted = {each.number: each.channel for each in office.casebook.kept()}
        assert counted == {seen: Channel.HOTLINE}
        back = office.desk.merging.undo(known, reason="two cars", principal=DISPATCHER)
        assert (back.status, back.merged_into) == (Status.DISPATCHED, None), "it is offered anew"
        again = office.casebook.case(seen)
        assert (again.channel, again.occurred_at) == (Channel.INTELLIGENT, NOON + timedelta(minutes=5))
        with pytest.raises(NotMergedError):
            office.desk.merging.undo(known, reason="twice", principal=DISPATCHER)

    def test_whoever_knew_first_counts_however_deep_it_lies(self, office: Office):
        first = office.report(40.0)
        office.clock.at += timedelta(minutes=1)
        between, kept = office.sight("s1", 80.0), office.sight("s2", 120.0)
        office.desk.merging.merge(first, into=between, reason="same", principal=DISPATCHER)
        case = office.desk.merging.merge(between, into=kept, reason="same", principal=DISPATCHER)
        assert (case.channel, case.occurred_at) == (Channel.HOTLINE, NOON)
        assert [each.number for each in office.casebook.read(lambda asked: asked.merged(kept))] == [first, between]
        office.desk.merging.undo(first, reason="another car", principal=DISPATCHER)
        for number in (between, kept):
            assert office.casebook.case(number).channel is Channel.INTELLIGENT, "what it lay in is told too"

    def test_pictures_and_sightings_of_all_are_read_with_the_one_that_stays(self, office: Office):
        numbers = [office.sight(f"s{index}", 40.0 * index) for index in range(3)]
        office.desk.merging.merge(numbers[0], into=numbers[1], reason="same", principal=DISPATCHER)
        office.desk.merging.merge(numbers[1], into=numbers[2], reason="same", principal=DISPATCHER)
        assert sorted(each.sighting for each in office.casebook.evidence(numbers[2])) == ["s0", "s1", "s2"]
        assert office.casebook.read(lambda asked: asked.seen_by(numbers[2])) == [("cam-a", Scenes.auto)]
        office.desk.merging.undo(numbers[1], reason="not so", principal=DISPATCHER)
        assert [each.sighting for each in office.casebook.evidence(numbers[2])] == ["s2"]
        assert len(office.casebook.evidence(numbers[1])) == 2

    def test_what_is_with_a_force_is_withdrawn_and_goes_back_to_the_desk(self, office: Office):
        a, b = office.sight("s1"), office.sight("s2", 40.0)
        holder = office.casebook.case(a).terminal
        office.desk.act(a, Action.ACCEPT, principal=DISPATCHER)
        office.desk.merging.merge(a, into=b, reason="same", principal=DISPATCHER)
        assert (office.casebook.outbox()[-1].kind, office.casebook.outbox()[-1].target) == ("terminal-withdraw", holder)
        assert a not in [each.number for each in office.desk.queue(str(holder), principal=DISPATCHER)]
        assert office.desk.merging.undo(a, reason="no", principal=DISPATCHER).status is Status.DISPATCHED

    def test_what_cannot_be_merged_is_refused_and_nothing_changes(self, office: Office):
        a, b = office.sight("s1"), office.sight("s2", 40.0)
        ended = office.sight("s3", 80.0)
        office.end(ended)
        before = office.casebook.newest_sequence()
        for number, into in ((a, a), (a, ended), (ended, a)):
            with pytest.raises(CannotMergeError):
                office.desk.merging.merge(number, into=into, reason="same", principal=DISPATCHER)
        with pytest.raises(UnknownError):
            office.desk.merging.merge(a, into="none", reason="same", principal=DISPATCHER)
        with pytest.raises(RefusedError):
            office.desk.merging.merge(a, into=b, reason="same", principal=INGEST)
        with pytest.raises(LimitError):
            office.desk.merging.merge(a, into=b, reason="", principal=DISPATCHER)
        assert office.casebook.newest_sequence() == before
        office.desk.merging.merge(a, into=b, reason="same", principal=DISPATCHER)
        with pytest.raises(CannotMergeError, match="void"):
            office.desk.merging.merge(b, into=a, reason="a circle", principal=DISPATCHER)

    def test_a_merged_case_takes_no_step_and_no_sighting(self, office: Office):
        a, b = office.sight("s1"), office.sight("s2", 40.0)
        office.desk.merging.merge(a, into=b, reason="same", principal=DISPATCHER)
        with pytest.raises(IllegalStepError):
            office.desk.act(a, Action.ACCEPT, principal=DISPATCHER)
        assert office.sight("s4") != a

    def test_those_alike_are_near_and_not_itself(self, office: Office):
        a, b = office.sight("s1"), office.sight("s2", 40.0)
        office.sight("s3", 200.0)
        assert [each.number for each in office.desk.merging.alike(a, principal=DISPATCHER)] == [b]


class TestSplitting:
    def added(self, office: Office, number: str) -> list[int]:
        return [each.sequence for each in office.casebook.events(number) if each.action == "attach"]

    def test_an_entry_becomes_a_case_with_its_pictures_and_goes_back(self, office: Office):
        number = office.sight("s1")
        assert office.sight("s2", 3.0) == number
        assert office.sight("s3", -2.0) == number
        first, _ = self.added(office, number)
        done = office.desk.merging.split(number, [first], reason="another car", principal=DISPATCHER)
        assert (done.case.sightings, done.new.sightings, done.new.status) == (2, 1, Status.DISPATCHED)
        assert [each.sighting for each in office.casebook.evidence(done.new.number)] == ["s2"]
        assert [each.sighting for each in office.casebook.evidence(number)] == ["s1", "s3"]
        assert office.casebook.events(done.new.number)[0].details["split_from"] == number
        with pytest.raises(CannotSplitError, match="before"):
            office.desk.merging.split(number, [first], reason="again", principal=DISPATCHER)
        office.desk.merging.merge(done.new.number, into=number, reason="the same after all", principal=DISPATCHER)
        assert len(office.casebook.evidence(number)) == 3

    def test_what_waits_leaves_one_that_waits(self, office: Office):
        number = office.sight("s1", scene=Scenes.confirm)
        office.sight("s2", 3.0, scene=Scenes.confirm)
        done = office.desk.merging.split(number, self.added(office, number), reason="two", principal=DISPATCHER)
        assert (done.new.status, done.new.terminal) == (Status.REPORTED, None)

    def test_what_added_nothing_is_refused(self, office: Office):
        number = office.sight("s1")
        opening = office.casebook.events(number)[0].sequence
        for wrong in ([opening], [10**9]):
            with pytest.raises(CannotSplitError):
                office.desk.merging.split(number, wrong, reason="no", principal=DISPATCHER)
        with pytest.raises(LimitError):
            office.desk.merging.split(number, [], reason="no", principal=DISPATCHER)


def test_merges_splits_and_undoings_in_any_order_lose_nothing(database_url: str, tmp_path: Path):
    """Whatever a dispatcher does, every picture is read with exactly one standing case, and rows follow histories."""
    draw = random.Random(20261123)
    office = Office(database_url, tmp_path)
    numbers = [office.sight(f"s{index}", 40.0 * (index % 4), original=False) for index in range(12)]
    done = 0
    for _ in range(60):
        cases = {each.number: each for each in office.casebook.cases(CaseFilter(limit=1000)).cases}
        number, into = draw.choice(sorted(cases)), draw.choice(sorted(cases))
        try:
            match draw.randrange(3):
                case 0:
                    office.desk.merging.merge(number, into=into, reason="same", principal=DISPATCHER)
                case 1:
                    office.desk.merging.undo(number, reason="not so", principal=DISPATCHER)
                case _:
                    entries = [e.sequence for e in office.casebook.events(number) if e.action == "attach"]
                    office.desk.merging.split(number, draw.sample(entries, k=min(1, len(entries))), reason="two",
                                              principal=DISPATCHER)  # fmt: skip
        except (CannotMergeError, CannotSplitError, NotMergedError, LimitError):
            continue
        done += 1
        standing = [n for n, c in office.cases().items() if c.merged_into is None]
        pictures = sorted(p.sighting for n in standing for p in office.casebook.evidence(n))
        assert pictures == sorted(f"s{index}" for index in range(12))
        assert {each.number for each in office.casebook.kept()} == set(standing)
    assert done > 15
    assert len(set(numbers)) == 4
    office.check()
    office.casebook.close()


class TestShowsAgain:
    def test_a_handled_case_goes_on_when_the_thing_is_there_still(self, office: Office):
        number = office.sight("s1")
        for action in (Action.ACCEPT, Action.ARRIVE, Action.DONE):
            office.desk.act(number, action, principal=DISPATCHER, note="moved")
        office.clock.at += timedelta(hours=1)
        taken = office.desk.take(
            sighting("s2", when=office.clock.at, first_seen_at=NOON - timedelta(minutes=1)), principal=INGEST
        )
        assert (taken.outcome, taken.number) == ("reopen", number)
        case = office.casebook.case(number)
        assert (case.status, case.reopened_at, case.sightings) == (Status.DISPATCHED, office.clock.at, 2)
        assert len(office.casebook.kept()) == 1, "one problem is counted once"
        third = office.desk.take(
            sighting("s3", when=office.clock.at, first_seen_at=NOON - timedelta(minutes=1)), principal=INGEST
        )
        assert third.outcome == "attach", "nobody is called twice for it"

    def test_one_that_needs_a_yes_waits_for_it_again(self, office: Office):
        number = office.sight("s1", scene=Scenes.confirm)
        for action in (Action.FILE, Action.ACCEPT, Action.ARRIVE, Action.DONE):
            office.desk.act(number, action, principal=DISPATCHER, note="moved")
        office.clock.at += timedelta(hours=1)
        again = sighting("s2", scene=Scenes.confirm, when=office.clock.at, first_seen_at=NOON - timedelta(minutes=1))
        assert office.desk.take(again, principal=INGEST).outcome == "reopen"
        assert (office.casebook.case(number).status, office.casebook.case(number).terminal) == (Status.REPORTED, None)


class TestRetention:
    def test_originals_go_first_and_pictures_when_their_case_has_ended(self, office: Office):
        ended, standing = office.sight("s1"), office.sight("s2", 40.0)
        office.end(ended)
        office.clock.at += timedelta(days=9)
        assert office.desk.retention.erase(principal=PIPELINE).all == 0
        office.clock.at += timedelta(days=2)
        done = office.desk.retention.erase(principal=PIPELINE)
        assert (done.originals, done.pictures, office.files()) == (2, 0, [".jpg", ".jpg"])
        office.clock.at += timedelta(days=30)
        done = office.desk.retention.erase(principal=PIPELINE)
        assert (done.originals, done.pictures, office.files()) == (0, 1, [".jpg"])
        (gone,), (kept,) = office.casebook.evidence(ended), office.casebook.evidence(standing)
        assert (gone.path, gone.erased_at is None, kept.erased_at) == ("", False, None)
        assert gone.sha256, "what is left proves that it was there"
        with pytest.raises(ErasedError):
            office.desk.originals.open(kept.id, reason="a complaint", principal=OPENER)
        told = [each.details["what"] for each in office.casebook.events(ended) if each.action == "erase"]
        assert told == ["originals", "pictures"]
        before = office.casebook.newest_sequence()
        assert office.desk.retention.erase(principal=PIPELINE).all == 0
        assert office.casebook.newest_sequence() == before, "what is done is not told again"

    def test_a_file_that_another_row_names_stays(self, office: Office):
        view = View(label="at", captured_at=NOON, jpeg=JPEG)
        ended, standing = (office.sight(each, at, views=(view,)) for each, at in (("s1", 0.0), ("s2", 40.0)))
        office.end(ended)
        office.clock.at += timedelta(days=40)
        office.desk.retention.erase(principal=PIPELINE)
        assert office.casebook.evidence(ended)[0].path == ""
        assert office.evidence.open(office.casebook.evidence(standing)[0].path) == JPEG

    def test_pictures_of_a_merged_case_stay_while_the_other_stands(self, office: Office):
        a, b = office.sight("s1"), office.sight("s2", 40.0)
        office.desk.merging.merge(a, into=b, reason="same", principal=DISPATCHER)
        office.clock.at += timedelta(days=40)
        office.desk.retention.erase(principal=PIPELINE)
        assert office.files() == [".jpg", ".jpg"]
        office.end(b)
        office.desk.retention.erase(principal=PIPELINE)
        assert office.files() == []

    def test_trials_lose_their_pictures(self, office: Office):
        office.desk.take(sighting("s1", scene=Scenes.shadow), principal=INGEST)
        assert office.files() == [".jpg"]
        office.clock.at += timedelta(days=40)
        assert office.desk.retention.erase(principal=PIPELINE).trials == 1
        assert office.files() == []
        assert office.desk.retention.erase(principal=PIPELINE).all == 0

    def test_only_the_system_and_administrators_erase(self, office: Office):
        with pytest.raises(RefusedError):
            office.desk.retention.erase(principal=DISPATCHER)

    def test_more_than_one_round_s_worth_goes_at_once(self, office: Office):
        number = office.sight("s0")

        def work(tx: Transaction) -> None:
            for index in range(1200):
                tx.add_evidence(
                    Evidence(
                        id=f"e{index}", case=number, sighting="s0", label="at", path=f"cam-a/20261123/{index}.jpg",
                        sha256="0" * 64, captured_at=NOON,
                    )
                )  # fmt: skip

        office.casebook.write(work)
        office.end(number)
        office.clock.at += timedelta(days=40)
        office.desk.retention.erase(principal=PIPELINE)
        assert office.casebook.read(lambda asked: asked.to_unlink()) == []
        assert office.casebook.read(lambda asked: asked.past_keeping(office.clock.at, originals=False)) == []
