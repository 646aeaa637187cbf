"""Processes that live cases and are killed under load, on both databases; and a crash before and after every commit."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from databases import sqlite_url
from life_killing import KINDS, Slaughter
from life_machine import CrashError, book_flaws
from life_office import CHEN, LI, T001, T010, T011, WANG, Office
from small_site import CITIZEN, JPEG, NOON, force_at, spot
from sqlalchemy import Connection

from pipeline import sql_casebook, sql_engine
from pipeline.cases import Channel
from pipeline.clocks import FixedClock
from pipeline.consultations import Meeting
from pipeline.erasure import Erasable, Wanted
from pipeline.joint_action import JointPlan
from pipeline.sql_tables import metadata

MEETING = "HS20261123-0001"
KILLS = int(os.environ.get("BEATGRID_KILLS", "20"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kill_at_random_moments_under_load(database_url: str, tmp_path: Path):
    """Three workers of six threads share the load; one is killed at each random moment and replaced."""
    slaughter = Slaughter(database_url, tmp_path, seed=20261123)
    killed = slaughter.run(KILLS, rivals=3)
    slaughter.stop()
    found = slaughter.outcome(killed)
    assert killed >= KILLS
    assert found.holds(), found
    assert found.acknowledged > KILLS
    assert found.clock_steps > 0
    assert found.together > 0
    assert found.kinds.keys() >= KINDS, found.kinds


class Life:
    """One long story, step by step; each step says how to tell that it is done, so that it can be taken up again."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def steps(self) -> list[tuple[str, Callable[[Office], object]]]:
        first, second, third = "YP20261123-0001", "YP20261123-0002", "YP20261123-0003"
        plan = JointPlan(lead="traffic-police", liaisons={"traffic-police": "YP-010", "market-supervision": "YP-011"})
        meeting = Meeting(
            since=NOON.replace(hour=0), until=NOON.replace(day=30), held_at=NOON, chair="W", place="",
            attendants=(("a", "b"),), cases=(second,),
        )  # fmt: skip
        other = "market-supervision"
        words = Wanted(case=second, what=frozenset({Erasable.WORDS, Erasable.PICTURES}), ground="request 1")
        return [
            ("open", lambda o: o.report(urgent=True)),
            ("accept", lambda o: o.act(first, "accept", by=force_at(T001))),
            ("return", lambda o: o.act(first, "return", by=force_at(T001))),
            ("dispatch", lambda o: o.act(first, "dispatch", terminal=T010)),
            ("accept", lambda o: o.act(first, "accept", by=force_at(T010))),
            ("suspend", lambda o: o.act(first, "suspend")),
            ("resume", lambda o: o.act(first, "resume")),
            ("ask-extension", lambda o: o.act(first, "ask-extension", by=force_at(T010), more=1.0)),
            ("extend", lambda o: o.act(first, "extend", by=CHEN)),
            ("joint", lambda o: o.duty.open_joint(first, plan, note="", principal=LI)),
            ("joint-part", lambda o: o.duty.finish_part(first, other, note="ok", principal=force_at(T011))),
            ("arrive", lambda o: o.act(first, "arrive", by=force_at(T010))),
            ("first-result", lambda o: o.act(first, "first-result", by=force_at(T010))),
            ("done", lambda o: o.act(first, "done", by=force_at(T010))),
            ("rework", lambda o: o.act(first, "rework")),
            ("arrive", lambda o: o.act(first, "arrive", by=force_at(T010))),
            ("done", lambda o: o.act(first, "done", by=force_at(T010))),
            ("check", lambda o: o.act(first, "check")),
            ("close", lambda o: o.act(first, "close")),
            ("reopen", lambda o: o.act(first, "reopen")),
            ("open", lambda o: o.reported(spot("B"), by=CITIZEN, channel=Channel.PUBLIC, contact="1", description="x")),
            ("picture", lambda o: o.duty.add_picture(second, JPEG, label="at", principal=LI)),
            ("file", lambda o: o.act(second, "file")),
            ("convene", lambda o: o.duty.convene(meeting, principal=LI)),
            ("consulted", lambda o: decide(o, second)),
            ("supervise", lambda o: o.act(third, "supervise", by=WANG)),
            ("erase", lambda o: o.eraser.erase(words, principal=WANG)),
            ("fire", fire),
            ("anchor", lambda o: o.watch.anchor()),
        ]  # fmt: skip


def decide(office: Office, number: str) -> object:
    kind = office.case(number).category
    return office.duty.decide(MEETING, number, words="w", department="d", task=kind, principal=LI)


def fire(office: Office) -> object:
    office.clock.at = NOON + timedelta(minutes=20)
    return office.watch.fire_due()


class Commits:
    """Counts commits of write transactions, and dies at one of them: before it, or right after."""

    def __init__(self, die_at: int = 0, when: str = "") -> None:
        self.count, self.die_at, self.when = 0, die_at, when

    @contextmanager
    def counted(self) -> Iterator["Commits"]:
        real = sql_engine.writing

        @contextmanager
        def writing(engine: object) -> Iterator[Connection]:
            self.count += 1
            dying = self.count == self.die_at
            with real(engine) as connection:
                yield connection
                if dying and self.when == "before":
                    raise CrashError
            if dying:
                raise CrashError

        with patch.object(sql_casebook, "writing", writing):
            yield self


def told(office: Office) -> list[tuple[str, str]]:
    """Return the whole story: case and action of every event in the site's order."""
    return [(event.case, event.action) for event in office.casebook.events_after(0, limit=1000)]


def live(office: Office, *, after: int = 0) -> int:
    """Live the story from a step on; returns how far it came when the process died."""
    for index, (_, step) in enumerate(Life(office).steps()):
        if index < after:
            continue
        try:
            step(office)
        except CrashError:
            return index
    return len(Life(office).steps())


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in memory, where there is such a place: crashes here are of processes, and syncs cost."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it is made by tempfile
    if not memory.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def fresh(database_url: str, quick_folder: Path) -> Iterator[Callable[[], Office]]:
    """Return what makes an office on an empty, migrated database, quickly, again and again."""
    made: list[Office] = []

    def make() -> Office:
        folder = quick_folder / f"life{len(made)}"
        folder.mkdir()
        if database_url.startswith("sqlite"):
            url = sqlite_url(folder)
        else:
            url = database_url
            _empty(url)
        clock = FixedClock(NOON)
        made.append(Office(url, folder, clock, migrated=True))
        return made[-1]

    yield make
    for office in made:
        office.close()


def _empty(url: str) -> None:
    office = Office(url, Path("/nowhere"), migrated=True)
    # Deleting a few rows is much cheaper than truncating: that makes new files, and syncs each.
    with sql_engine.writing(office.casebook._engine) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    office.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_before_or_after_every_commit_loses_and_doubles_nothing(fresh: Callable[[], Office], when: str):
    whole = fresh()
    whole.clock.at = NOON
    with Commits().counted() as commits:
        assert live(whole) == len(Life(whole).steps())
    story, most = told(whole), commits.count
    assert book_flaws(whole.casebook) == []
    assert most >= 30
    for die_at in range(1, most + 1):
        office = fresh()
        with Commits(die_at, when).counted():
            came = live(office)
        before = told(office)
        assert before == story[: len(before)], (die_at, when)
        # The process starts again: the step that died is taken up again if it was not stored.
        restarted = office.beside()
        _take_up(restarted, came, story)
        assert told(restarted) == story, (die_at, when, came)
        assert restarted.watch.fire_due() == []
        assert book_flaws(restarted.casebook) == [], (die_at, when)
        assert not list((office.folder / "evidence").rglob("*.jpg"))
        restarted.close()


def _take_up(office: Office, came: int, story: list[tuple[str, str]]) -> None:
    """Go on from a step that may have been stored without anybody being told."""
    name, step = Life(office).steps()[came]
    if not _is_stored(office, came):
        step(office)
    elif name == "erase":
        office.eraser.delete_files()
    live(office, after=came + 1)
    assert len(told(office)) <= len(story)


def _is_stored(office: Office, came: int) -> bool:
    """Tell from the book alone whether a step was stored, as whoever asks again would."""
    steps = Life(office).steps()
    name = steps[came][0]
    if name in {"fire", "anchor"}:
        return False
    if name == "convene":
        return bool(office.casebook.read(lambda book: book.consultations()))
    wanted = sum(1 for each, _ in steps[: came + 1] if each == name)
    mine = [action for _, action in told(office) if action == name]
    # The consultation opens a case of its own, and dispatches are of the pipeline too.
    if name == "dispatch":
        return office.case("YP20261123-0001").terminal == T010
    return len(mine) >= wanted
