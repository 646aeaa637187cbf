"""The desk: sightings and reports become cases, offers go round, and nobody acts on what is not theirs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from databases import sqlite_url
from small_site import (
    ADMIN,
    CITIZEN,
    DISPATCHER,
    INGEST,
    LITTER,
    NOON,
    PARKED,
    PLAIN,
    Scenes,
    category,
    force,
    force_at,
    sighting,
    small_site,
    spot,
)

from geo.coords import LonLat
from geo.errors import GeoError
from pipeline.casebook import CameraState, CaseFilter, LimitError
from pipeline.cases import (
    Action,
    Case,
    Channel,
    Event,
    IllegalStepError,
    NotYourCaseError,
    ReasonMissingError,
    Side,
    Status,
)
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, NotYourGridError, NotYourTerminalError, Report, Taken
from pipeline.dispatch import Dispatch, NoTerminal
from pipeline.errors import NaiveTimeError, RefusedError, UnknownError
from pipeline.evidence import EvidenceError, EvidenceStore
from pipeline.history import chain_faults, rebuild
from pipeline.principal import PIPELINE, Principal, Role
from pipeline.site import OutsideError, Site
from pipeline.sql_casebook import SqlCasebook, open_casebook


@dataclass
class Office:
    """A desk with its casebook, its clock and its folder of pictures."""

    folder: Path
    casebook: SqlCasebook
    clock: FixedClock
    site: Site

    @property
    def desk(self) -> Desk:
        return Desk(site=self.site, casebook=self.casebook, clock=self.clock, evidence=self.evidence)

    @property
    def evidence(self) -> EvidenceStore:
        return EvidenceStore(self.folder / "evidence")

    def case(self, taken: Taken) -> Case:
        assert taken.number is not None
        return self.casebook.case(taken.number)

    def actions(self, number: str) -> list[str]:
        return [event.action for event in self.casebook.events(number)]

    def last(self, number: str) -> Event:
        return self.casebook.events(number)[-1]

    def all(self) -> tuple[Case, ...]:
        return self.casebook.cases(CaseFilter(limit=1000)).cases


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    casebook = open_casebook(sqlite_url(tmp_path))
    office = Office(folder=tmp_path, casebook=casebook, clock=FixedClock(NOON), site=small_site())
    yield office
    for case in office.all():
        assert chain_faults(casebook.entries(case.number)) == ()
        assert rebuild(casebook.events(case.number)) == case
    for case in office.all():
        for picture in casebook.evidence(case.number):
            assert office.evidence.open(picture.path)
    casebook.close()


def report(at: LonLat | None = None, channel: Channel = Channel.HOTLINE, **changes: object) -> Report:
    plain = Report(channel=channel, category=PARKED, lonlat=at or spot("A"), occurred_at=NOON, description="挡路")
    return replace(plain, **changes)


class TestSightings:
    def test_an_auto_scene_opens_files_and_offers_in_one_go(self, office: Office):
        taken = office.desk.take(sighting(), principal=INGEST)
        case = office.case(taken)
        assert (taken.outcome, case.number) == ("open", "YP20261123-0001")
        assert isinstance(taken.dispatch, Dispatch)
        assert (case.status, case.terminal, case.channel) == (Status.DISPATCHED, "T001", Channel.INTELLIGENT)
        assert case.distance_m == pytest.approx(50.0, abs=0.001)
        assert (case.grid, case.unit, case.side) == ("YP-A", "A1", Side.STREET_FACE)
        assert (case.camera, case.scene, case.sightings) == ("cam-a", Scenes.auto, 1)
        assert office.actions(case.number) == ["open", "dispatch"]
        (message,) = office.casebook.outbox()
        assert (message.kind, message.target, message.payload["case"]) == ("terminal-push", "T001", case.number)

    def test_the_same_sighting_again_is_ignored(self, office: Office):
        first = office.desk.take(sighting(), principal=INGEST)
        again = office.desk.take(sighting(), principal=INGEST)
        assert (again.outcome, again.number) == ("ignore", None)
        assert "taken before" in again.reason
        assert office.case(first).version == 2

    def test_a_second_run_over_the_same_footage_attaches(self, office: Office):
        first = office.desk.take(sighting(), principal=INGEST)
        office.clock.at += timedelta(hours=5)
        later = sighting("other-id", spot("A", 1.0), when=NOON + timedelta(hours=5))
        second = office.desk.take(later, principal=INGEST)
        assert (second.outcome, second.number, second.dispatch) == ("attach", first.number, None)
        case = office.case(first)
        assert (case.sightings, case.version, case.updated_at) == (2, 3, NOON)
        assert len(office.all()) == 1
        assert [picture.sighting for picture in office.casebook.evidence(case.number)] == ["s1", "other-id"]

    def test_a_confirm_scene_waits_for_a_person(self, office: Office):
        taken = office.desk.take(sighting(scene=Scenes.confirm), principal=INGEST)
        assert (office.case(taken).status, taken.dispatch) == (Status.REPORTED, None)
        assert office.casebook.outbox() == []
        filed = office.desk.act(str(taken.number), Action.FILE, principal=DISPATCHER)
        assert (filed.status, filed.terminal) == (Status.DISPATCHED, "T001")

    def test_an_auto_sighting_files_what_waited_for_a_person(self, office: Office):
        waiting = office.desk.report(report(channel=Channel.PUBLIC), principal=CITIZEN)
        taken = office.desk.take(sighting(), principal=INGEST)
        assert (taken.outcome, taken.number) == ("attach", waiting.number)
        assert isinstance(taken.dispatch, Dispatch)
        case = office.case(waiting)
        assert (case.status, case.channel) == (Status.DISPATCHED, Channel.PUBLIC)
        assert office.actions(case.number) == ["open", "attach", "file", "dispatch"]

    def test_a_shadow_scene_is_only_remembered(self, office: Office):
        taken = office.desk.take(sighting(scene=Scenes.shadow), principal=INGEST)
        assert (taken.outcome, office.all()) == ("ignore", ())
        assert office.casebook.has_sighting("s1")
        assert office.casebook.outbox() == []
        (trial,) = office.desk.trust.trials(principal=DISPATCHER)
        assert (trial.id, trial.camera, trial.scene, trial.grid) == ("s1", "cam-a", Scenes.shadow, "YP-A")
        assert office.evidence.open(trial.pictures[0].path) == sighting().views[0].jpeg

    def test_a_sighting_outside_the_site_is_remembered_and_ignored(self, office: Office):
        outside = sighting(at=LonLat(121.5, 31.5))
        taken = office.desk.take(outside, principal=INGEST)
        assert (taken.outcome, office.all()) == ("ignore", ())
        assert "no grid" in taken.reason
        assert "taken before" in office.desk.take(outside, principal=INGEST).reason

    def test_the_camera_s_state_is_stored_with_the_sighting_whatever_becomes_of_it(self, office: Office):
        for ident, minute in (("s1", 1), ("s1", 2), ("s2", 3)):
            state = CameraState(camera="cam-a", newest_at=NOON + timedelta(minutes=minute), occupancies={"n": minute})
            office.desk.take(sighting(ident), principal=INGEST, state=state)
            assert office.casebook.camera_state("cam-a") == state

    def test_words_and_pictures_stay_outside_the_chain(self, office: Office):
        taken = office.desk.take(sighting(), principal=INGEST)
        opened = office.casebook.entries(str(taken.number))[0]
        assert {"pictures", "description"}.isdisjoint(opened.event.details)
        assert [each["label"] for each in opened.whole().details["pictures"]] == ["at"]

    @pytest.mark.parametrize(
        ("changes", "words"),
        [({"camera": "cam-x"}, "no camera"), ({"scene": "x"}, "no scene"), ({"category": "x/y/z"}, "no category")],
    )
    def test_an_unknown_code_is_refused_and_nothing_is_stored(self, office: Office, changes: dict, words: str):
        with pytest.raises(UnknownError, match=words):
            office.desk.take(replace(sighting(), **changes), principal=INGEST)
        assert office.all() == ()
        assert not office.casebook.has_sighting("s1")

    def test_a_picture_that_cannot_be_stored_stops_the_sighting(self, office: Office):
        broken = replace(sighting(), views=(replace(sighting().views[0], jpeg=b"not a jpeg"),))
        with pytest.raises(EvidenceError):
            office.desk.take(broken, principal=INGEST)
        assert (office.all(), office.casebook.has_sighting("s1")) == ((), False)

    @pytest.mark.parametrize("role", [Role.FORCE, Role.CITIZEN, Role.DISPATCHER, Role.ANALYST])
    def test_only_cameras_send_sightings(self, office: Office, role: Role):
        with pytest.raises(RefusedError, match="may not take a sighting"):
            office.desk.take(sighting(), principal=Principal(name="x", role=role))


class TestReports:
    @pytest.mark.parametrize("channel", [Channel.PATROL, Channel.HOTLINE, Channel.TRANSFER])
    def test_what_staff_reports_is_filed_and_offered(self, office: Office, channel: Channel):
        taken = office.desk.report(report(channel=channel), principal=DISPATCHER)
        case = office.case(taken)
        assert (case.status, case.channel, case.sightings) == (Status.DISPATCHED, channel, 0)
        assert case.description == "挡路"
        assert case.error_m == pytest.approx(10.0)

    def test_what_the_public_reports_waits(self, office: Office):
        taken = office.desk.report(report(channel=Channel.PUBLIC), principal=CITIZEN)
        assert office.case(taken).status is Status.REPORTED

    @pytest.mark.parametrize(
        ("role", "channels"),
        [
            (Role.FORCE, {Channel.PATROL}),
            (Role.CITIZEN, {Channel.PUBLIC}),
            (Role.ANALYST, set()),
            (Role.INGEST, set()),
            (Role.DISPATCHER, set(Channel) - {Channel.INTELLIGENT}),
        ],
    )
    def test_who_may_report_through_what(self, office: Office, role: Role, channels: set[Channel]):
        who = Principal(name="x", role=role, terminal="T001")
        for channel in set(Channel) - {Channel.INTELLIGENT}:
            if channel in channels:
                assert office.desk.report(report(channel=channel), principal=who).number
            else:
                with pytest.raises(RefusedError, match=f"channel {channel}"):
                    office.desk.report(report(channel=channel), principal=who)

    def test_the_same_problem_by_another_channel_attaches_and_keeps_the_first(self, office: Office):
        first = office.desk.take(sighting(), principal=INGEST)
        second = office.desk.report(report(spot("A", 6.0)), principal=DISPATCHER)
        assert (second.outcome, second.number) == ("attach", first.number)
        assert office.case(first).channel is Channel.INTELLIGENT
        assert office.last(str(first.number)).details["description"] == "挡路"

    def test_an_urgent_case_gets_both_clocks_from_when_it_was_recorded(self, office: Office):
        office.clock.at = NOON + timedelta(hours=2)
        taken = office.desk.report(report(category=LITTER), principal=DISPATCHER)
        case = office.case(taken)
        assert (case.occurred_at, case.recorded_at) == (NOON, NOON + timedelta(hours=2))
        assert case.arrive_by == case.recorded_at + timedelta(seconds=900)
        assert case.first_result_by == case.recorded_at + timedelta(seconds=3600)

    def test_the_number_s_day_is_the_site_s(self, office: Office):
        office.clock.at = NOON.replace(hour=16)  # midnight in Shanghai
        numbers = [office.desk.report(report(spot(grid)), principal=DISPATCHER).number for grid in ("A", "B", "C")]
        assert numbers == ["YP20261124-0001", "YP20261124-0002", "YP20261124-0003"]

    @pytest.mark.parametrize(
        ("changes", "error", "words"),
        [
            ({"lonlat": LonLat(121.5, 31.5)}, OutsideError, "no grid"),
            ({"lonlat": LonLat(31.15, 121.08)}, GeoError, "longitude"),
            ({"lonlat": LonLat(float("nan"), 31.15)}, GeoError, "longitude"),
            ({"category": "x"}, UnknownError, "no category"),
            ({"error_m": 0.0}, LimitError, "error_m"),
            ({"error_m": float("inf")}, LimitError, "error_m"),
            ({"description": "x" * 2001}, LimitError, "description is 2001 characters"),
            ({"description": "a\x00b"}, LimitError, "NUL"),
            ({"description": "a\ud800b"}, LimitError, "half a character"),
            ({"occurred_at": NOON + timedelta(days=1)}, LimitError, "no later than now"),
            ({"channel": Channel.INTELLIGENT}, LimitError, "channel is intelligent"),
        ],
    )
    def test_bad_input_gets_one_clear_error_and_nothing_is_stored(
        self, office: Office, changes: dict, error: type[Exception], words: str
    ):
        with pytest.raises(error, match=words):
            office.desk.report(report(**changes), principal=DISPATCHER)
        assert office.all() == ()

    def test_a_time_without_offset_is_refused(self):
        with pytest.raises(NaiveTimeError):
            report(occurred_at=NOON.replace(tzinfo=None))

    def test_a_principal_of_other_grids_may_not_report_here(self, office: Office):
        elsewhere = replace(DISPATCHER, grids=frozenset({"YP-B"}))
        with pytest.raises(NotYourGridError, match="may not report in grid YP-A; its grids: YP-B"):
            office.desk.report(report(), principal=elsewhere)
        assert office.desk.report(report(spot("B")), principal=elsewhere).outcome == "open"


class TestActing:
    def test_the_whole_way_to_closed(self, office: Office):
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        mine = force_at("T001")
        for action in (Action.ACCEPT, Action.ARRIVE, Action.FIRST_RESULT, Action.DONE):
            office.clock.at += timedelta(minutes=5)
            office.desk.act(number, action, principal=mine, note="done so", lonlat=spot("A", 1.0))
        for action in (Action.CHECK, Action.CLOSE):
            case = office.desk.act(number, action, principal=DISPATCHER)
        assert (case.status, case.terminal) == (Status.CLOSED, "T001")
        assert office.casebook.terminals() == {}
        arrived = next(event for event in office.casebook.events(number) if event.action == "arrive")
        assert (arrived.actor, arrived.role, arrived.details["note"]) == (mine.name, Role.FORCE, "done so")
        assert arrived.details["lon"] == pytest.approx(spot("A", 1.0).lon)

    def test_declined_goes_to_the_next_and_never_back(self, office: Office):
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        second = office.desk.act(number, Action.DECLINE, principal=force_at("T001"), note="too far")
        third = office.desk.act(number, Action.DECLINE, principal=force_at("T002"), note="no car")
        last = office.desk.act(number, Action.DECLINE, principal=force_at("T003"), note="busy")
        assert (second.terminal, third.terminal, last.terminal) == ("T002", "T003", None)
        assert last.status is Status.FILED
        assert office.last(number).action == "no-terminal"
        skipped = office.last(number).details["skipped"]
        assert {each["terminal"]: each["reason"] for each in skipped} == dict.fromkeys(
            ("T001", "T002", "T003"), "declined this case"
        )
        declines = [event for event in office.casebook.events(number) if event.action == "decline"]
        assert [event.details["terminal"] for event in declines] == ["T001", "T002", "T003"]

    def test_only_one_acceptance_wins(self, office: Office):
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        with pytest.raises(NotYourCaseError, match="is with terminal T001, not with T002"):
            office.desk.act(number, Action.ACCEPT, principal=force_at("T002"))
        office.desk.act(number, Action.ACCEPT, principal=force_at("T001"))
        with pytest.raises(IllegalStepError, match="is accepted; accept is not possible now; possible: "):
            office.desk.act(number, Action.ACCEPT, principal=force_at("T001"))

    def test_a_dispatcher_names_a_terminal_and_what_spoke_against_it_is_kept(self, office: Office):
        office.site = small_site([force(1), force(2, "A", 50.0, side=Side.VILLAGE)])
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        case = office.desk.act(number, Action.DISPATCH, principal=DISPATCHER, terminal="T002", note="knows the place")
        assert (case.status, case.terminal) == (Status.DISPATCHED, "T002")
        assert case.distance_m == pytest.approx(50.0, abs=0.001)
        details = office.last(number).details
        assert details["reason"] == "chosen by Li"
        assert details["note"] == "knows the place"
        assert details["before"] == "T001"
        assert details["despite"] == "patrols village, the case is street_face"
        sent = [(message.kind, message.target) for message in office.casebook.outbox()]
        assert sent == [("terminal-push", "T001"), ("terminal-withdraw", "T001"), ("terminal-push", "T002")]

    def test_a_terminal_that_nobody_carries_is_unknown(self, office: Office):
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        with pytest.raises(UnknownError, match="no terminal 'T999'; known: T001"):
            office.desk.act(number, Action.DISPATCH, principal=DISPATCHER, terminal="T999")

    def test_a_terminal_named_where_none_belongs_is_refused(self, office: Office):
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        with pytest.raises(LimitError, match="only dispatch does"):
            office.desk.act(number, Action.ACCEPT, principal=force_at("T001"), terminal="T001")

    def test_a_rejected_case_is_taken_from_its_terminal(self, office: Office):
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        with pytest.raises(ReasonMissingError):
            office.desk.act(number, Action.REJECT, principal=DISPATCHER)
        office.desk.act(number, Action.REJECT, principal=DISPATCHER, note="a shadow")
        assert [message.kind for message in office.casebook.outbox()] == ["terminal-push", "terminal-withdraw"]
        assert office.desk.queue("T001", principal=force_at("T001")) == ()

    def test_an_ended_case_takes_no_step(self, office: Office):
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        office.desk.act(number, Action.VOID, principal=ADMIN, note="a test")
        for action in Action:
            with pytest.raises(IllegalStepError, match="none, it has ended"):
                office.desk.act(number, action, principal=ADMIN, note="again")

    def test_cases_of_other_grids_do_not_exist_for_a_principal(self, office: Office):
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        elsewhere = replace(DISPATCHER, grids=frozenset({"YP-B"}))
        with pytest.raises(UnknownError, match="no case"):
            office.desk.act(number, Action.REJECT, principal=elsewhere, note="not mine")
        assert office.desk.queue("T001", principal=elsewhere) == ()

    def test_a_force_acts_on_the_case_it_holds_in_a_neighbouring_grid(self, office: Office):
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        office.desk.act(number, Action.DISPATCH, principal=DISPATCHER, terminal="T003")
        neighbour = replace(force_at("T003"), grids=frozenset({"YP-B"}))
        assert len(office.desk.queue("T003", principal=neighbour)) == 1
        assert office.desk.act(number, Action.ACCEPT, principal=neighbour).status is Status.ACCEPTED

    @pytest.mark.parametrize("note", ["x" * 2001, "a\x00", "\udfff"])
    def test_words_are_bounded(self, office: Office, note: str):
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        with pytest.raises(LimitError, match="note"):
            office.desk.act(number, Action.ACCEPT, principal=force_at("T001"), note=note)

    @pytest.mark.parametrize("number", ["YP20261123-9999", "", "a\x00b", "\ud800", "'; DROP TABLE cases; --"])
    def test_an_unknown_case(self, office: Office, number: str):
        with pytest.raises(UnknownError, match="no case"):
            office.desk.act(number, Action.ACCEPT, principal=DISPATCHER)


class TestOffersInTime:
    @pytest.mark.parametrize(("kind", "timeout_s"), [(PARKED, 300), (LITTER, 60)])
    def test_an_unanswered_offer_passes_to_the_next(self, office: Office, kind: str, timeout_s: int):
        number = str(office.desk.report(report(category=kind), principal=DISPATCHER).number)
        office.clock.at += timedelta(seconds=timeout_s - 1)
        assert office.desk.pass_over() == []
        office.clock.at += timedelta(seconds=1)
        assert office.desk.pass_over() == [number]
        assert office.casebook.case(number).terminal == "T002"
        assert office.desk.pass_over() == []
        released = office.casebook.events(number)[2]
        assert (released.action, released.details["terminal"], released.details["unanswered"]) == (
            "decline",
            "T001",
            True,
        )
        assert released.details["note"] == f"no answer within {timeout_s} s"

    def test_news_of_the_case_does_not_give_the_offer_more_time(self, office: Office):
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        office.clock.at += timedelta(seconds=299)
        office.desk.take(sighting("s2"), principal=INGEST)
        office.clock.at += timedelta(seconds=1)
        assert office.desk.pass_over() == [number]

    def test_an_accepted_case_stays(self, office: Office):
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        office.desk.act(number, Action.ACCEPT, principal=force_at("T001"))
        office.clock.at += timedelta(days=1)
        assert office.desk.pass_over() == []

    def test_when_nobody_is_left_the_case_is_filed_and_says_so_once(self, office: Office):
        office.site = small_site([force(1)])
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        office.clock.at += timedelta(seconds=300)
        assert office.desk.pass_over() == [number]
        case = office.casebook.case(number)
        assert (case.status, case.terminal) == (Status.FILED, None)
        for _ in range(5):
            office.clock.at += timedelta(seconds=60)
            assert office.desk.retry_undispatched() == []
        assert office.actions(number) == ["open", "dispatch", "decline", "no-terminal"]
        assert office.last(number).details["skipped"] == [
            {"terminal": "T001", "distance_m": 0.0, "reason": "did not answer the offer"}
        ]

    def test_who_did_not_answer_is_asked_again_after_ten_minutes(self, office: Office):
        office.site = small_site([force(1)])
        number = str(office.desk.take(sighting(), principal=INGEST).number)
        office.clock.at += timedelta(seconds=300)
        office.desk.pass_over()
        office.clock.at += timedelta(seconds=600)
        assert office.desk.retry_undispatched() == [number]
        assert office.casebook.case(number).terminal == "T001"

    def test_a_case_that_nobody_could_take_is_offered_when_somebody_can(self, office: Office):
        office.site = small_site([force(1, terminal=None)])
        taken = office.desk.take(sighting(), principal=INGEST)
        assert isinstance(taken.dispatch, NoTerminal)
        assert office.case(taken).status is Status.FILED
        assert office.actions(str(taken.number)) == ["open", "no-terminal"]
        office.site = small_site([force(1)])
        assert office.desk.retry_undispatched() == [taken.number]
        assert office.case(taken).terminal == "T001"

    def test_a_case_whose_grid_and_category_are_gone_waits_and_stops_nobody_else(self, office: Office):
        old = [office.desk.report(report(spot("A", east)), principal=DISPATCHER) for east in (-90, 0)]
        renamed = small_site([force(1)], categories=[category(LITTER)])
        grids = tuple(replace(grid, code=f"N-{grid.code}") for grid in renamed.boundaries.grids)
        units = tuple(replace(unit, grid=f"N-{unit.grid}") for unit in renamed.boundaries.units)
        boundaries = replace(renamed.boundaries, grids=grids, units=units)
        office.site = replace(renamed, boundaries=boundaries)
        office.clock.at += timedelta(hours=1)
        assert office.desk.pass_over() == [each.number for each in old]
        assert [office.case(each).status for each in old] == [Status.FILED] * 2
        given = office.desk.act(str(old[0].number), Action.DISPATCH, principal=DISPATCHER, terminal="T001")
        assert given.terminal == "T001"
        assert "not in the catalogue" in str(office.last(given.number).details["despite"])

    def test_a_terminal_is_not_given_more_than_it_may_carry(self, office: Office):
        office.site = small_site([force(1)], policy=replace(PLAIN, max_open_cases=2))
        taken = [office.desk.report(report(spot("A", east)), principal=DISPATCHER) for east in (-90, 0, 90)]
        assert [office.case(each).terminal for each in taken] == ["T001", "T001", None]
        first = str(taken[0].number)
        assert office.desk.act(first, Action.DISPATCH, principal=DISPATCHER).terminal == "T001"


class TestPositions:
    def test_the_newest_position_counts_and_sends_the_case_to_the_nearer(self, office: Office):
        assert office.desk.move("T002", spot("A", 3.0), at=NOON, principal=force_at("T002"))
        assert not office.desk.move("T002", spot("B"), at=NOON - timedelta(seconds=9), principal=force_at("T002"))
        taken = office.desk.take(sighting(), principal=INGEST)
        assert office.case(taken).terminal == "T002"

    def test_a_force_speaks_for_its_own_terminal(self, office: Office):
        with pytest.raises(NotYourTerminalError, match="carries terminal T001, not T002"):
            office.desk.move("T002", spot("A"), at=NOON, principal=force_at("T001"))
        with pytest.raises(NotYourTerminalError):
            office.desk.queue("T002", principal=force_at("T001"))
        assert office.desk.move("T002", spot("A"), at=NOON, principal=DISPATCHER)

    @pytest.mark.parametrize(
        ("terminal", "lonlat", "later_s", "error"),
        [
            ("T999", spot("A"), 0, UnknownError),
            ("T001", LonLat(31.0, 121.0), 0, GeoError),
            ("T001", LonLat(float("inf"), 31.0), 0, GeoError),
            ("T001", spot("A"), 61, LimitError),
        ],
    )
    def test_bad_positions_are_refused(
        self, office: Office, terminal: str, lonlat: LonLat, later_s: int, error: type[Exception]
    ):
        with pytest.raises(error):
            office.desk.move(terminal, lonlat, at=NOON + timedelta(seconds=later_s), principal=DISPATCHER)
        assert office.casebook.terminals() == {}

    def test_the_queue_shows_urgent_cases_first_then_the_earlier_offered(self, office: Office):
        office.site = small_site([force(1)], categories=[category(PARKED), category(LITTER, urgent=True)])
        numbers = []
        for kind, east in ((PARKED, -90.0), (PARKED, 0.0), (LITTER, 90.0)):
            office.clock.at += timedelta(seconds=1)
            numbers.append(office.desk.report(report(spot("A", east), category=kind), principal=DISPATCHER).number)
        queue = office.desk.queue("T001", principal=force_at("T001"))
        assert [case.number for case in queue] == [numbers[2], numbers[0], numbers[1]]

    @pytest.mark.parametrize("role", [Role.CITIZEN, Role.INGEST])
    def test_the_public_sees_no_queue(self, office: Office, role: Role):
        with pytest.raises(RefusedError):
            office.desk.queue("T001", principal=Principal(name="x", role=role))

    def test_the_pipeline_may_see_everything(self, office: Office):
        office.desk.take(sighting(), principal=PIPELINE)
        assert len(office.desk.queue("T001", principal=PIPELINE)) == 1
