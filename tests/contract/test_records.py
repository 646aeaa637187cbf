"""The record on both databases: what `verify` finds, anchors, backup and restore while running, erasure with proof."""

import json
import os
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from databases import Postgres, sqlite_url
from life_office import LI, T001, WANG, Office
from small_site import CITIZEN, INGEST, JPEG, LITTER, NOON, force_at, sighting, spot
from sqlalchemy import delete, update

from pipeline import anchoring
from pipeline import sql_tables as t
from pipeline.anchoring import MOST_EVENTS
from pipeline.backup import BackupError, NotEmptyError, back_up, restore
from pipeline.casebook import CaseFilter, LimitError
from pipeline.cases import Channel, Status
from pipeline.consequences import ERASE
from pipeline.consultations import Meeting
from pipeline.erasure import Erasable, GroundMissingError, NothingToEraseError, Wanted
from pipeline.errors import RefusedError, UnknownError
from pipeline.escalation_policy import ErasureTerms
from pipeline.evidence import EvidenceStore
from pipeline.history import chain_digest
from pipeline.sql_casebook import open_casebook
from pipeline.sql_engine import writing
from pipeline.verification import Account, verify


@pytest.fixture
def office(database_url: str, tmp_path: Path) -> Iterator[Office]:
    office = Office(database_url, tmp_path)
    yield office
    office.close()


@pytest.fixture
def site_zip(tmp_path: Path) -> Path:
    """Return a backup of a site with one case."""
    office = Office(sqlite_url(tmp_path), tmp_path)
    office.report()
    office.close()
    back_up(office.url, tmp_path / "site.zip", evidence=None, now=NOON)
    return tmp_path / "site.zip"


def lived(office: Office) -> list[str]:
    """Let three cases live: one closed, one in work with a picture, one reported with a contact."""
    closed, working = office.report(urgent=True), office.report(spot("B"))
    office.through(closed, "accept", "arrive", "first-result", "done", "check", "close")
    office.duty.add_picture(working, JPEG, label="at", principal=LI)
    told = office.reported(
        spot("A", 150.0), by=CITIZEN, channel=Channel.PUBLIC, contact="138 0000", description="Wang's stall"
    )
    office.later(hours=5)
    office.watch.once()
    return [closed, working, str(told.number)]


def account(office: Office) -> Account:
    return verify(office.casebook, pictures=office.evidence.open)


def flaws(office: Office) -> str:
    return "\n".join(str(each) for each in account(office).flaws)


def tamper(office: Office, statement: object) -> None:
    with writing(office.casebook._engine) as connection:
        assert connection.execute(statement).rowcount > 0


class TestVerify:
    def test_a_picture_whose_row_is_gone_is_found(self, office: Office):
        _, working, _ = lived(office)
        tamper(office, delete(t.evidence).where(t.evidence.c.case_number == working))
        assert "has no row, and no event says erased" in flaws(office)

    def test_a_book_that_lived_holds_and_is_counted(self, office: Office):
        numbers = lived(office)
        found = account(office)
        assert found.flaws == found.remarks == ()
        assert found.cases == len(numbers)
        assert found.events == office.casebook.newest_sequence() == found.anchored
        assert (found.pictures, found.anchors) == (1, 1)
        assert verify(office.casebook, known_anchors=[found.newest_anchor]).flaws == ()

    def test_an_empty_book_holds(self, office: Office):
        assert account(office).flaws == ()

    def test_each_way_to_tamper_is_found_and_named(self, office: Office):
        closed, working, told = lived(office)
        e, c = t.events.c, t.cases.c
        newest = office.casebook.newest_sequence()
        third = office.casebook.events(closed)[2].sequence
        ways = {
            f"event {third} of {closed} was changed": update(t.events).where(e.sequence == third).values(actor="Zhao"),
            f"{working}: status is": update(t.cases).where(c.number == working).values(status="closed"),
            f"{told}: description is": update(t.cases).where(c.number == told).values(description="other"),
            "description of event": update(t.asides).where(t.asides.c.key == "description").values(value='"x"'),
            "does not fit the heads": update(t.anchors).values(heads=99, digest="0" * 64),
            f"events {newest} to {newest} are gone": delete(t.events).where(e.sequence == newest),
        }
        for words, statement in ways.items():
            tamper(office, statement)
            assert words in flaws(office), words

    def test_words_that_vanish_without_an_event_are_found(self, office: Office):
        *_, told = lived(office)
        tamper(office, update(t.asides).where(t.asides.c.key == "description").values(value=None, salt=None))
        assert "description is gone, and no event says erased" in flaws(office)
        assert told in flaws(office)

    def test_a_changed_or_lost_picture_is_found(self, office: Office):
        _, working, _ = lived(office)
        picture = office.casebook.evidence(working)[0]
        file = office.folder / "evidence" / picture.path
        file.write_bytes(JPEG + b"more")
        assert f"{working}: picture {picture.id} was changed on the disk" in flaws(office)
        file.unlink()
        assert f"{working}: picture {picture.id}: no picture" in flaws(office)

    def test_a_history_rewritten_with_all_its_digests_does_not_fit_its_anchor(self, office: Office):
        """Whoever can write the database and the code can forge a chain, but not an anchor that left the house."""
        closed, *_ = lived(office)
        known = account(office).newest_anchor
        last = office.casebook.entries(closed)[-1]
        forged = chain_digest(replace(last.event, actor="Zhao"), last.asides)
        change = {"actor": "Zhao", "digest": forged}
        tamper(office, update(t.events).where(t.events.c.sequence == last.event.sequence).values(**change))
        assert "does not fit the heads it stands for" in flaws(office)
        tamper(office, delete(t.anchors))
        assert flaws(office) == ""
        missing = verify(office.casebook, known_anchors=[known]).flaws
        assert "was written down and is not here any more" in str(missing[0])

    def test_a_clock_fired_twice_is_found(self, office: Office):
        number = office.report()
        office.later(hours=4)
        office.watch.fire_due()
        again = office.casebook.read(lambda book: book.clocks_of(number))[0]
        office.casebook.write(lambda tx: tx.save_clock(replace(again, fired=0, next_at=NOON)))
        office.watch.fire_due()
        assert "handle/1/amber of its clocks was fired 2 times" in flaws(office)

    def test_a_clock_that_went_backwards_is_a_remark_and_nothing_is_lost(self, office: Office):
        number = office.report()
        office.later(hours=-3)
        office.through(number, "accept", "arrive")
        office.act(number, "suspend")
        office.later(hours=-1)
        office.act(number, "resume")
        found = account(office)
        assert found.flaws == ()
        assert {each.where for each in found.remarks} == {number}
        assert "dated before the event it follows" in found.remarks[0].what

    def test_a_clock_put_back_between_two_cases_is_a_remark(self, office: Office):
        office.report(spot("B"))
        office.later(days=1)
        office.report(urgent=True)
        office.later(days=-1, seconds=-30)
        number = office.report(spot("A", 150.0))
        office.later(seconds=40)
        office.through(number, "accept")
        remark, *more = account(office).remarks
        assert (remark.where, more) == (number, [])
        assert "is dated 1 day, 0:00:30 before the event of another case" in remark.what


class TestAnchors:
    def test_one_each_hour_in_which_something_happened(self, office: Office):
        office.report()
        for minutes in (0, 20, 20, 25):
            office.later(minutes=minutes)
            office.watch.once()
        office.report(spot("B"))
        office.later(minutes=10)
        office.watch.once()
        anchors = office.casebook.read(lambda book: book.anchors())
        assert [(a.number, a.first, a.last) for a in anchors] == [(1, 1, 2), (2, 3, 4)]
        assert anchors[1].previous == anchors[0].digest
        assert [message["number"] for _, message in office.sent("anchor")] == [1, 2]
        assert account(office).flaws == ()

    def test_a_long_pause_is_anchored_in_parts(self, office: Office, monkeypatch: pytest.MonkeyPatch):
        assert MOST_EVENTS > 1000
        monkeypatch.setattr(anchoring, "MOST_EVENTS", 3)
        lived(office)
        anchors = office.casebook.read(lambda book: book.anchors())
        assert len(anchors) > 3
        assert anchors[-1].last == office.casebook.newest_sequence()
        assert account(office).flaws == ()

    def test_two_processes_drop_one(self, office: Office):
        office.report()
        beside = office.beside()
        threads = [threading.Thread(target=each.watch.anchor) for each in (office, beside)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        beside.close()
        assert len(office.casebook.read(lambda book: book.anchors())) == 1


class TestBackup:
    def test_a_site_comes_back_whole_in_either_database(self, office: Office, postgres: Postgres, tmp_path: Path):
        lived(office)
        saved = back_up(office.url, tmp_path / "site.zip", evidence=office.evidence, now=NOON)
        assert (saved.rows["cases"], saved.pictures, saved.missing) == (3, 1, ())
        with postgres.database() as other:
            for place, url in enumerate((f"sqlite:///{tmp_path / 'again.db'}", other)):
                folder = tmp_path / f"evidence-{place}"
                restore(tmp_path / "site.zip", url, evidence=folder)
                book = open_casebook(url)
                assert verify(book, pictures=EvidenceStore(folder).open).flaws == ()
                assert book.read(lambda b: b.anchors()) == office.casebook.read(lambda b: b.anchors())
                assert [m.key for m in book.outbox(limit=1000)] == [m.key for m in office.casebook.outbox(limit=1000)]
                for case in office.casebook.cases(CaseFilter()).cases:
                    assert book.case(case.number) == case
                    assert book.events(case.number) == office.casebook.events(case.number)
                    assert book.read(lambda b, n=case.number: b.clocks_of(n)) == office.casebook.read(
                        lambda b, n=case.number: b.clocks_of(n)
                    )
                book.close()
                # It goes on living: numbers, sequence and outbox follow what was there.
                restored = Office(url, tmp_path / f"more-{place}", office.clock, office.site)
                restored.report(spot("C"))
                assert verify(restored.casebook).flaws == ()
                restored.close()

    def test_it_is_of_one_moment_while_others_write(self, office: Office, tmp_path: Path):
        stop = threading.Event()
        beside = office.beside()

        def busy() -> None:
            index = 0
            while not stop.is_set():
                index += 1
                number = beside.desk.take(
                    sighting(f"b{index}", spot("A", (index % 20) * 20.0 - 200, (index // 20) * 20.0 - 200)),
                    principal=INGEST,
                ).number
                beside.act(str(number), "supervise")

        writer = threading.Thread(target=busy)
        writer.start()
        try:
            for turn in range(4):
                back_up(office.url, tmp_path / f"{turn}.zip", evidence=office.evidence, now=NOON)
        finally:
            stop.set()
            writer.join()
            beside.close()
        sizes = []
        for turn in range(4):
            url, folder = f"sqlite:///{tmp_path / f'r{turn}.db'}", tmp_path / f"e{turn}"
            sizes.append(restore(tmp_path / f"{turn}.zip", url, evidence=folder).newest)
            book = open_casebook(url)
            assert verify(book, pictures=EvidenceStore(folder).open).flaws == ()
            book.close()
        assert sizes == sorted(sizes)
        assert sizes[-1] > 0

    def test_nothing_is_overwritten(self, office: Office, tmp_path: Path):
        lived(office)
        back_up(office.url, tmp_path / "site.zip", evidence=office.evidence, now=NOON)
        with pytest.raises(BackupError, match="is there already"):
            back_up(office.url, tmp_path / "site.zip", evidence=None, now=NOON)
        before = office.casebook.newest_sequence()
        with pytest.raises(NotEmptyError, match="is not empty"):
            restore(tmp_path / "site.zip", office.url, evidence=tmp_path / "x")
        assert office.casebook.newest_sequence() == before
        assert not list(tmp_path.glob("x/**/*.jpg")), "a picture that was erased meanwhile stays erased"

    def test_a_damaged_one_is_refused_and_leaves_an_empty_database(self, office: Office, tmp_path: Path):
        lived(office)
        good = tmp_path / "good.zip"
        back_up(office.url, good, evidence=office.evidence, now=NOON)
        with zipfile.ZipFile(good) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        manifest = json.loads(parts["manifest.json"])
        picture = next(iter(manifest["pictures"]))
        outside = {**manifest, "pictures": {"../../x.jpg": manifest["pictures"][picture]}}
        damages = {
            "is not what was saved": {f"evidence/{picture}": JPEG + b"x"},
            "are not what was saved": {"tables/events.jsonl": parts["tables/events.jsonl"].replace(b"Li", b"Lu")},
            "in the middle of a row": {"tables/events.jsonl": parts["tables/events.jsonl"][:-3]},
            "outside the evidence folder": {"manifest.json": json.dumps(outside).encode()},
            "which this release lacks": {"manifest.json": json.dumps({**manifest, "revision": "9999"}).encode()},
            "no manifest": {"manifest.json": b"{}"},
        }
        for turn, (words, change) in enumerate(damages.items()):
            bad, url = tmp_path / f"bad{turn}.zip", f"sqlite:///{tmp_path / f'bad{turn}.db'}"
            with zipfile.ZipFile(bad, "w") as archive:
                for name, content in {**parts, **change}.items():
                    archive.writestr(name, content)
            with pytest.raises(BackupError, match=words):
                restore(bad, url, evidence=tmp_path / f"ev{turn}")
            book = open_casebook(url)
            assert book.newest_sequence() == 0
            book.close()
        assert not (tmp_path.parent / "x.jpg").exists()
        (tmp_path / "no.zip").write_bytes(b"no zip")
        with pytest.raises(BackupError, match="cannot be read"):
            restore(tmp_path / "no.zip", f"sqlite:///{tmp_path / 'no.db'}", evidence=tmp_path / "no")

    @pytest.fixture
    def three_pictures(self, office: Office, tmp_path: Path) -> tuple[Path, list[str]]:
        """Return a backup with three pictures, and their paths in the order in which they are restored."""
        number = office.report()
        for shade in range(3):
            office.duty.add_picture(number, JPEG + bytes([shade]), label="at", principal=LI)
        back_up(office.url, tmp_path / "site.zip", evidence=office.evidence, now=NOON)
        with zipfile.ZipFile(tmp_path / "site.zip") as archive:
            return tmp_path / "site.zip", list(json.loads(archive.read("manifest.json"))["pictures"])

    @pytest.mark.parametrize("damage", ["changed", "missing"])
    def test_one_damaged_picture_leaves_no_other_behind(
        self, tmp_path: Path, three_pictures: tuple[Path, list[str]], damage: str
    ):
        path, pictures = three_pictures
        bad, folder = tmp_path / "bad.zip", tmp_path / "again"
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(bad, "w") as changed:
            for name in archive.namelist():
                last = name == f"evidence/{pictures[-1]}"
                if not last or damage == "changed":
                    changed.writestr(name, JPEG if last else archive.read(name))
        with pytest.raises(BackupError, match=pictures[-1]):
            restore(bad, f"sqlite:///{tmp_path / 'bad.db'}", evidence=folder)
        assert [*folder.rglob("*")] == []
        assert restore(path, f"sqlite:///{tmp_path / 'good.db'}", evidence=folder).pictures == 3
        assert len([each for each in folder.rglob("*") if each.is_file()]) == 3

    def test_a_picture_that_is_there_is_left_and_another_in_its_place_is_told(
        self, tmp_path: Path, three_pictures: tuple[Path, list[str]]
    ):
        path, pictures = three_pictures
        folder = tmp_path / "again"
        restore(path, f"sqlite:///{tmp_path / 'first.db'}", evidence=folder)
        kept = folder / pictures[0]
        os.utime(kept, (1, 1))
        restore(path, f"sqlite:///{tmp_path / 'second.db'}", evidence=folder)
        assert kept.stat().st_mtime == 1
        (folder / pictures[1]).unlink()
        (folder / pictures[2]).write_bytes(b"another")
        with pytest.raises(BackupError, match="is another; name a new evidence folder"):
            restore(path, f"sqlite:///{tmp_path / 'third.db'}", evidence=folder)
        assert (folder / pictures[2]).read_bytes() == b"another"
        assert not (folder / pictures[1]).exists()
        book = open_casebook(f"sqlite:///{tmp_path / 'third.db'}")
        assert book.newest_sequence() == 0
        book.close()

    def test_whatever_bytes_are_wrong_is_told(self, tmp_path: Path, site_zip: Path):
        raw, url = site_zip.read_bytes(), f"sqlite:///{tmp_path / 'new.db'}"
        bad = tmp_path / "bad.zip"
        with zipfile.ZipFile(site_zip) as archive:
            parts = {info.filename: archive.read(info) for info in archive.infolist()}
            places = {info.filename: info.header_offset + 30 + len(info.filename) for info in archive.infolist()}
        for name in ("tables/site_versions.jsonl", "tables/events.jsonl", "manifest.json"):
            at = places[name] + 20
            bad.write_bytes(raw[:at] + bytes(each ^ 0x5A for each in raw[at : at + 8]) + raw[at + 8 :])
            with pytest.raises(BackupError, match=r"bad\.zip cannot be read"):
                restore(bad, url, evidence=tmp_path / "evidence")
        manifest = json.loads(parts["manifest.json"])
        broken = parts["tables/cases.jsonl"].replace(b'{"', b"{", 1)
        for words, change in (
            ("says 3 of table cases", {"manifest.json": json.dumps({**manifest, "tables": {"cases": 3}}).encode()}),
            ("without tables", {"manifest.json": json.dumps({**manifest, "tables": []}).encode()}),
            ("table cases has 1 rows that are not what was saved", {"tables/cases.jsonl": broken}),
        ):
            with zipfile.ZipFile(bad, "w") as archive:
                for name, content in {**parts, **change}.items():
                    archive.writestr(name, content)
            with pytest.raises(BackupError, match=words):
                restore(bad, url, evidence=tmp_path / "evidence")


class TestErasure:
    def test_words_are_gone_from_every_file_and_the_chain_holds(self, office: Office):
        *_, told = lived(office)
        wanted = Wanted(case=told, what=frozenset({Erasable.WORDS, Erasable.CONTACT}), ground="request 7")
        proof = office.eraser.erase(wanted, principal=WANG)
        event = office.casebook.events(told)[-1]
        assert (event.action, event.digest, event.sequence) == (ERASE, proof.digest, proof.sequence)
        assert {key for _, key, _ in proof.erased} == {"description", "contact"}
        assert office.case(told).description == ""
        assert "Wang" not in json.dumps([dict(e.details) for e in office.casebook.events(told)])
        receipts = office.casebook.read(lambda book: book.reports_of(told))
        assert [(r.contact, r.salt) for r in receipts] == [("", None)]
        assert receipts[0].contact_digest
        assert account(office).flaws == ()
        if office.url.startswith("sqlite"):
            # Not closed first: closing would fold the log in by itself.
            files = list(Path(office.folder).glob("beatgrid.db*"))
            assert len(files) == 3
            for file in files:
                content = file.read_bytes()
                assert b"stall" not in content
                assert b"138 0000" not in content

    def test_what_a_meeting_decided_goes_too_and_its_task_is_named(self, office: Office):
        number, other = office.report(), office.report(spot("B"))
        period = {"since": NOON - timedelta(days=1), "until": NOON + timedelta(days=1), "held_at": NOON}
        meeting = Meeting(**period, chair="Wang", place="room 3", attendants=(("Wu", "grid"),), cases=(number, other))
        code = office.duty.convene(meeting, principal=LI).code
        words = {number: "visit Mr Zhao of flat 501", other: "paint the bays"}
        for each in (number, other):
            office.duty.decide(code, each, words=words[each], department="grid", task=LITTER, principal=LI)
        wanted = Wanted(case=number, what=frozenset({Erasable.WORDS}), ground="request 5")
        proof = office.eraser.erase(wanted, principal=WANG)
        decisions = office.casebook.read(lambda book: book.consultation(code)).decisions
        assert [each.words for each in decisions] == ["", "paint the bays"]
        assert proof.tasks == (decisions[0].task,)
        assert office.casebook.events(number)[-1].details["tasks"] == [decisions[0].task]
        task = office.eraser.erase(replace(wanted, case=str(decisions[0].task)), principal=WANG)
        assert task.tasks == ()
        with pytest.raises(NothingToEraseError):
            office.eraser.erase(wanted, principal=WANG)
        assert account(office).flaws == ()
        if office.url.startswith("sqlite"):
            assert not [file for file in Path(office.folder).glob("beatgrid.db*") if b"Zhao" in file.read_bytes()]

    def test_pictures_go_with_their_files_unless_another_case_has_the_same(self, office: Office):
        first, second = office.report(), office.report(spot("B"))
        shared = office.duty.add_picture(first, JPEG, label="at", principal=LI)
        office.duty.add_picture(second, JPEG, label="at", principal=LI)
        own = office.duty.add_picture(first, JPEG + b"own", label="at", principal=LI)
        folder = office.folder / "evidence"
        proof = office.eraser.erase(
            Wanted(case=first, what=frozenset({Erasable.PICTURES}), ground="request 8"), principal=WANG
        )
        assert proof.pictures == 2
        assert (folder / shared.path).exists()
        assert not (folder / own.path).exists()
        assert office.casebook.evidence(first) == []
        assert account(office).flaws == ()
        with pytest.raises(UnknownError):
            office.casebook.picture(own.id)

    @pytest.mark.parametrize("asked_again", [False, True])
    def test_a_kill_before_the_files_are_deleted_is_made_good(
        self, office: Office, monkeypatch: pytest.MonkeyPatch, *, asked_again: bool
    ):
        number = office.report()
        picture = office.duty.add_picture(number, JPEG, label="at", principal=LI)
        monkeypatch.setattr(type(office.eraser), "delete_files", lambda _: 0)
        wanted = Wanted(case=number, what=frozenset({Erasable.PICTURES}), ground="request 9")
        office.eraser.erase(wanted, principal=WANG)
        assert (office.folder / "evidence" / picture.path).exists()
        monkeypatch.undo()
        if asked_again:
            with pytest.raises(NothingToEraseError):
                office.eraser.erase(wanted, principal=WANG)
        else:
            office.watch.once()
        assert not (office.folder / "evidence" / picture.path).exists()

    def test_only_with_a_ground_and_only_by_an_administrator(self, office: Office):
        number = office.report()
        words = frozenset({Erasable.WORDS})
        with pytest.raises(RefusedError, match="erase personal data"):
            office.eraser.erase(Wanted(case=number, what=words, ground="request"), principal=LI)
        with pytest.raises(GroundMissingError, match="needs a ground"):
            office.eraser.erase(Wanted(case=number, what=words, ground=" "), principal=WANG)
        with pytest.raises(LimitError, match="ground is 100000 characters long"):
            office.eraser.erase(Wanted(case=number, what=words, ground="x" * 100_000), principal=WANG)

    def test_one_report_loses_its_contact_once_and_nothing_else_goes(self, office: Office):
        *_, told = lived(office)
        elsewhere = office.reported(spot("B", 90.0), contact="139 0000")
        (report,) = office.casebook.read(lambda book: book.reports_of(told))
        contact, words = frozenset({Erasable.CONTACT}), frozenset({Erasable.WORDS})
        wanted = Wanted(case=told, what=contact, ground="request 3", report=report.id)
        before = office.actions(told)
        for receipt, unknown in (("NOPE", "no receipt"), (str(elsewhere.receipt), f"no report of case {told}")):
            with pytest.raises(UnknownError, match=unknown):
                office.eraser.erase(replace(wanted, report=receipt), principal=WANG)
        for what in (words, words | contact):
            with pytest.raises(LimitError, match="expected contact alone"):
                office.eraser.erase(replace(wanted, what=what), principal=WANG)
        assert office.actions(told) == before
        proof = office.eraser.erase(wanted, principal=WANG)
        assert [(sequence, key) for sequence, key, _ in proof.erased] == [(0, "contact")]
        assert office.case(told).description == "Wang's stall"
        with pytest.raises(NothingToEraseError, match=f"no contact of report {report.id} left"):
            office.eraser.erase(wanted, principal=WANG)
        assert office.actions(told) == [*before, ERASE]

    def test_an_administrator_erases_in_their_grids_only(self, office: Office):
        number = office.report(description="an old man")
        wanted = Wanted(case=number, what=frozenset({Erasable.WORDS}), ground="request 4")
        with pytest.raises(UnknownError, match=number):
            office.eraser.erase(wanted, principal=replace(WANG, grids=frozenset({"YP-B"})))
        assert office.case(number).description == "an old man"
        assert office.eraser.erase(wanted, principal=replace(WANG, grids=frozenset({"YP-A"}))).erased

    def test_what_is_over_its_term_goes_by_itself(self, office: Office):
        closed, working, told = lived(office)
        office.act(told, "reject", note="no such stall")
        office.later(days=30)
        assert office.eraser.erase_expired(ErasureTerms(words_days=40, contact_days=40)) == []
        office.later(days=11)
        terms = ErasureTerms(words_days=40, contact_days=40)
        proofs = office.eraser.erase_expired(terms)
        assert sorted(proof.case for proof in proofs) == sorted([closed, told])
        assert office.eraser.erase_expired(terms) == []
        assert office.case(working).status is not Status.CLOSED
        assert office.casebook.events(closed)[-1].details["ground"] == "retention term is over"
        assert account(office).flaws == ()

    def test_a_merged_case_s_term_begins_when_what_it_lies_in_has_ended(self, office: Office):
        told = [office.report(spot("A", metres), description=f"words {metres}") for metres in (0.0, 60.0, -120.0)]
        office.desk.merging.merge(told[0], into=told[1], reason="the same", principal=LI)
        office.desk.merging.merge(told[1], into=told[2], reason="the same", principal=LI)
        terms = ErasureTerms(words_days=40)
        office.later(days=41)
        assert office.eraser.erase_expired(terms) == []
        office.through(told[2], "accept", "arrive", "done", "check", "close")
        office.later(days=39)
        assert office.eraser.erase_expired(terms) == []
        office.later(days=2)
        assert sorted(proof.case for proof in office.eraser.erase_expired(terms)) == told


def test_a_force_hears_of_nothing_it_may_not(office: Office):
    number = office.report()
    with pytest.raises(RefusedError):
        office.eraser.erase(
            Wanted(case=number, what=frozenset({Erasable.WORDS}), ground="mine"), principal=force_at(T001)
        )
