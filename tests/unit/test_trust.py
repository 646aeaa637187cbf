"""The trust ladder: levels move by the lower bound of precision, and what a level does to a case."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from databases import sqlite_url
from hypothesis import given
from hypothesis import strategies as st
from small_site import ADMIN, DISPATCHER, INGEST, NOON, Scenes, force_at, sighting, small_site, spot

from pipeline.casebook import AlreadyTakenError, LimitError
from pipeline.cases import Action, Case, IllegalStepError, NotYourCaseError, Status
from pipeline.clocks import FixedClock
from pipeline.desk import Desk
from pipeline.errors import RefusedError, UnknownError
from pipeline.evidence import EvidenceStore
from pipeline.history import chain_faults, rebuild
from pipeline.principal import Principal, Role
from pipeline.scenes import Mode
from pipeline.shares import wilson
from pipeline.site import Site
from pipeline.sql_casebook import SqlCasebook, open_casebook
from pipeline.trust import LADDER, FalseReason, Move, Standing, TrustPolicy, decide, standing
from pipeline.trust_desk import FalseReasonMissingError, NothingToJudgeError

POLICY = TrustPolicy()
LATER = timedelta(minutes=1)


def stands(level: Mode, confirmed: int, false: int) -> Standing:
    return standing("cam-a", "s", start=level, newest=None, confirmed=confirmed, false=false)


class TestDeciding:
    @pytest.mark.parametrize(
        ("level", "confirmed", "false", "expected"),
        [
            (Mode.SHADOW, 19, 0, None),  # too few
            (Mode.SHADOW, 20, 0, Mode.CONFIRM),  # a rung at a time, however good
            (Mode.SHADOW, 14, 6, None),  # 0.48
            (Mode.SHADOW, 15, 5, Mode.CONFIRM),  # 0.53
            (Mode.SHADOW, 0, 200, None),  # there is nothing below
            (Mode.CONFIRM, 20, 0, Mode.AUTO),  # 0.84
            (Mode.CONFIRM, 19, 1, None),  # 0.76
            (Mode.CONFIRM, 180, 20, Mode.AUTO),
            (Mode.CONFIRM, 8, 12, None),  # 0.22
            (Mode.CONFIRM, 7, 13, Mode.SHADOW),  # 0.18
            (Mode.AUTO, 15, 5, None),
            (Mode.AUTO, 14, 6, Mode.CONFIRM),
            (Mode.AUTO, 200, 0, None),  # there is nothing above
        ],
    )
    def test_a_level_moves_by_its_lower_bound(self, level: Mode, confirmed: int, false: int, expected: Mode | None):
        moved = decide(stands(level, confirmed, false), POLICY)
        assert (None if moved is None else moved[0]) is expected
        if moved is not None:
            assert f"{confirmed} of {confirmed + false} confirmed" in moved[1]

    @given(st.sampled_from(LADDER), st.integers(0, 200), st.integers(0, 200))
    def test_a_move_is_one_rung_and_right_by_the_interval(self, level: Mode, confirmed: int, false: int):
        moved = decide(stands(level, confirmed, false), POLICY)
        low = wilson(confirmed, confirmed + false).low
        if moved is None:
            return
        assert confirmed + false >= POLICY.least
        step = LADDER.index(moved[0]) - LADDER.index(level)
        bars = {Mode.CONFIRM: POLICY.confirm_from, Mode.AUTO: POLICY.auto_from}
        assert (step, low >= bars[moved[0]]) == (1, True) if step > 0 else step == -1 and low < POLICY.auto_below

    @given(st.sampled_from(LADDER), st.integers(0, 100), st.integers(0, 100))
    def test_what_enters_a_level_does_not_leave_it_by_the_same_outcomes(self, level: Mode, confirmed: int, false: int):
        moved = decide(stands(level, confirmed, false), POLICY)
        if moved is not None and LADDER.index(moved[0]) > LADDER.index(level):
            again = decide(stands(moved[0], confirmed, false), POLICY)
            assert again is None or LADDER.index(again[0]) > LADDER.index(moved[0])

    def test_a_site_may_keep_its_levels_where_they_are(self):
        assert decide(stands(Mode.AUTO, 0, 200), replace(POLICY, moves=False)) is None

    def test_a_changed_setting_begins_anew(self):
        move = Move(camera="c", scene="s", level=Mode.AUTO, start=Mode.CONFIRM, actor="x", reason="y", at=NOON)
        for start, level in ((Mode.CONFIRM, Mode.AUTO), (Mode.SHADOW, Mode.SHADOW)):
            assert standing("c", "s", start=start, newest=move, confirmed=0, false=0).level is level


class Office:
    """A desk with its casebook and a clock that goes on a minute with each sighting."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.casebook: SqlCasebook = open_casebook(sqlite_url(folder))
        self.clock = FixedClock(NOON)
        self.evidence = EvidenceStore(folder / "evidence")
        self.desk = Desk(site=site, casebook=self.casebook, clock=self.clock, evidence=self.evidence)
        self.seen = 0

    def sight(self, scene: str, **changes: object) -> str | None:
        """Take a sighting at a place of its own."""
        self.clock.at += LATER
        self.seen += 1
        at = spot("A", 30.0 * (self.seen % 7), 30.0 * (self.seen // 7))
        return self.desk.take(
            sighting(f"s{self.seen}", at, scene=scene, when=self.clock.at, **changes), principal=INGEST
        ).number

    def handle(self, number: str) -> None:
        self.clock.at += LATER
        for action in (Action.ACCEPT, Action.ARRIVE, Action.DONE):
            self.desk.act(number, action, principal=DISPATCHER, note="moved")

    def level(self, scene: str) -> Standing:
        found = self.desk.trust.levels(principal=DISPATCHER)
        return next(each.standing for each in found if each.standing.scene == scene)

    def case(self, number: str) -> Case:
        return self.casebook.case(number)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path, small_site())
    yield office
    office.casebook.close()


def test_what_is_handled_raises_a_scene_until_it_dispatches_by_itself(office: Office):
    for _ in range(20):
        number = office.sight(Scenes.confirm)
        assert number is not None
        assert office.case(number).status is Status.REPORTED, "it waits for a dispatcher's yes"
        assert office.case(number).terminal is None
        office.desk.act(number, Action.FILE, principal=DISPATCHER)
        office.handle(number)
    now = office.level(Scenes.confirm)
    assert (now.level, now.start, now.precision.of) == (Mode.AUTO, Mode.CONFIRM, 0), "counted anew since the move"
    number = office.sight(Scenes.confirm)
    assert number is not None
    assert office.case(number).status is Status.DISPATCHED
    (move,) = office.casebook.read(lambda asked: asked.moves())
    assert (move.level, move.actor) == (Mode.AUTO, "trust ladder")
    assert "20 of 20 confirmed, lower bound 0.839 reaches 0.8" in move.reason


def test_a_scene_that_is_false_too_often_waits_for_a_yes_again(office: Office):
    for index in range(20):
        number = office.sight(Scenes.auto)
        assert number is not None
        if index % 2:
            office.handle(number)
        else:
            office.desk.trust.say_false(number, FalseReason.OTHER_THING, principal=DISPATCHER)
    assert office.level(Scenes.auto).level is Mode.CONFIRM
    number = office.sight(Scenes.auto)
    assert number is not None
    assert office.case(number).status is Status.REPORTED
    assert office.level(Scenes.confirm).level is Mode.CONFIRM, "another scene's outcomes are its own"


def test_the_same_case_counts_once_and_the_last_word_holds(office: Office):
    number = office.sight(Scenes.confirm)
    assert number is not None
    office.desk.act(number, Action.FILE, principal=DISPATCHER)
    assert (office.level(Scenes.confirm).precision.count, office.level(Scenes.confirm).precision.of) == (1, 1)
    office.desk.trust.say_false(number, FalseReason.NOTHING_THERE, principal=DISPATCHER)
    assert (office.level(Scenes.confirm).precision.count, office.level(Scenes.confirm).precision.of) == (0, 1)


def test_a_case_that_the_pipeline_filed_by_a_second_source_says_nothing(office: Office):
    """A person's yes counts, the program's own does not."""
    waiting = office.desk.take(sighting("w", scene=Scenes.confirm), principal=INGEST)
    second = office.desk.take(sighting("x", scene=Scenes.auto), principal=INGEST)
    assert second.number == waiting.number
    assert office.level(Scenes.confirm).precision.of == 0


class TestSayingFalse:
    def test_a_force_sends_it_back_and_the_desk_refuses_it(self, office: Office):
        number = office.sight(Scenes.auto)
        assert number is not None
        holder = force_at(str(office.case(number).terminal))
        with pytest.raises(IllegalStepError):
            office.desk.trust.say_false(number, FalseReason.NOTHING_THERE, principal=holder)
        office.desk.act(number, Action.ACCEPT, principal=holder)
        with pytest.raises(NotYourCaseError):
            office.desk.trust.say_false(number, FalseReason.NOTHING_THERE, principal=force_at("T099"))
        back = office.desk.trust.say_false(number, FalseReason.NOTHING_THERE, note="empty street", principal=holder)
        assert (back.status, back.terminal) == (Status.RETURNED, None)
        ended = office.desk.trust.say_false(number, FalseReason.NOTHING_THERE, principal=DISPATCHER)
        assert ended.status is Status.REFUSED
        event = office.casebook.events(number)[-2]
        assert (event.action, event.details["false_reason"], event.details["note"]) == (
            "return", "nothing-there", "empty street",
        )  # fmt: skip
        assert rebuild(office.casebook.events(number)) == ended
        assert chain_faults(office.casebook.entries(number)) == ()
        assert office.level(Scenes.auto).precision.of == 1

    def test_one_that_was_handled_keeps_its_step(self, office: Office):
        number = office.sight(Scenes.auto)
        assert number is not None
        office.handle(number)
        after = office.desk.trust.say_false(number, FalseReason.OTHER_THING, principal=DISPATCHER)
        assert after.status is Status.HANDLED
        assert rebuild(office.casebook.events(number)) == after
        assert office.level(Scenes.auto).precision.count == 0

    def test_one_that_was_refused_is_not_judged_again(self, office: Office):
        number = office.sight(Scenes.auto)
        assert number is not None
        office.desk.trust.say_false(number, FalseReason.TEST, principal=DISPATCHER)
        with pytest.raises(NothingToJudgeError, match="refused"):
            office.desk.trust.say_false(number, FalseReason.TEST, principal=DISPATCHER)

    def test_who_may_not_is_refused(self, office: Office):
        number = office.sight(Scenes.auto)
        assert number is not None
        with pytest.raises(RefusedError):
            office.desk.trust.say_false(number, FalseReason.TEST, principal=INGEST)
        elsewhere = replace(DISPATCHER, grids=frozenset({"YP-D"}))
        with pytest.raises(UnknownError):
            office.desk.trust.say_false(number, FalseReason.TEST, principal=elsewhere)


class TestShadow:
    def test_nobody_is_called_and_a_person_may_judge(self, office: Office):
        for index in range(20):
            assert office.sight(Scenes.shadow) is None
            (trial,) = office.desk.trust.trials(principal=DISPATCHER)
            assert trial.id == f"s{index + 1}"
            office.clock.at += LATER
            office.desk.trust.judge_trial(trial.id, confirmed=True, principal=DISPATCHER)
        assert office.casebook.outbox() == []
        assert office.level(Scenes.shadow).level is Mode.CONFIRM
        assert office.sight(Scenes.shadow) is not None

    def test_a_false_one_needs_a_reason_and_is_judged_once(self, office: Office):
        office.sight(Scenes.shadow)
        with pytest.raises(FalseReasonMissingError, match="nothing-there"):
            office.desk.trust.judge_trial("s1", confirmed=False, principal=DISPATCHER)
        office.desk.trust.judge_trial("s1", confirmed=False, reason=FalseReason.PERMITTED, principal=DISPATCHER)
        with pytest.raises(AlreadyTakenError):
            office.desk.trust.judge_trial("s1", confirmed=True, principal=DISPATCHER)
        assert office.desk.trust.trials(principal=DISPATCHER) == ()
        assert len(office.desk.trust.trials(principal=DISPATCHER, judged=True)) == 1

    def test_other_grids_trials_do_not_exist(self, office: Office):
        office.sight(Scenes.shadow)
        elsewhere = replace(DISPATCHER, grids=frozenset({"YP-D"}))
        assert office.desk.trust.trials(principal=elsewhere) == ()
        with pytest.raises(UnknownError):
            office.desk.trust.judge_trial("s1", confirmed=True, principal=elsewhere)


class TestSetting:
    def test_an_administrator_sets_a_level_with_a_reason(self, office: Office):
        now = office.desk.trust.set_level("cam-a", Scenes.auto, Mode.SHADOW, reason="new lens", principal=ADMIN)
        assert now.level is Mode.SHADOW
        assert office.sight(Scenes.auto) is None
        with pytest.raises(RefusedError):
            office.desk.trust.set_level("cam-a", Scenes.auto, Mode.AUTO, reason="why not", principal=DISPATCHER)
        with pytest.raises(LimitError):
            office.desk.trust.set_level("cam-a", Scenes.auto, Mode.AUTO, reason=" ", principal=ADMIN)
        for camera, scene in (("cam-b", Scenes.auto), ("cam-a", "none")):
            with pytest.raises(UnknownError):
                office.desk.trust.set_level(camera, scene, Mode.AUTO, reason="why not", principal=ADMIN)

    def test_a_camera_s_own_setting_goes_before_the_scene_s(self, tmp_path: Path):
        site = small_site()
        camera = site.cameras["cam-a"]
        own = tuple(replace(each, mode=Mode.SHADOW) for each in camera.scenes)
        office = Office(tmp_path, replace(site, cameras={"cam-a": replace(camera, scenes=own)}))
        assert {each.standing.level for each in office.desk.trust.levels(principal=DISPATCHER)} == {Mode.SHADOW}
        assert office.sight(Scenes.auto) is None
        office.casebook.close()

    def test_levels_are_read_by_those_who_oversee(self, office: Office):
        with pytest.raises(RefusedError):
            office.desk.trust.levels(principal=Principal(name="feed", role=Role.INGEST))
        elsewhere = replace(DISPATCHER, grids=frozenset({"YP-D"}))
        assert office.desk.trust.levels(principal=elsewhere) == ()
