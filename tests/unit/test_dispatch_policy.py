"""What each value of a dispatch policy decides, and that a policy that cannot be is told."""

import itertools
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from dispatch_worlds import KINDS, URGENT, case, known_terminals, rosters, send
from hypothesis import given, settings
from hypothesis import strategies as st
from small_site import LITTER, NOON, PARKED, PLAIN, category, force, shift, small_site, spot

from pipeline.candidates import Candidates, Question
from pipeline.configuration import read_settings
from pipeline.dispatch import Dispatch, NoTerminal, Wanted, _decision, decide, decide_together
from pipeline.dispatch_policy import BUILT_IN, DispatchPolicy
from pipeline.errors import UnknownError
from pipeline.policy_table import policy_of
from pipeline.standing import Board, standing_of
from pipeline.telling import Telling
from pipeline.terminals import Terminal

METRES = st.floats(-200, 200)


def heard(number: int, east_m: float, *, age_s: float = 5.0, held: int = 0, freed_s: float | None = None) -> Terminal:
    return Terminal(
        id=f"T{number:03d}",
        lonlat=spot("A", east_m),
        positioned_at=NOON - timedelta(seconds=age_s),
        open_cases=held,
        freed_at=None if freed_s is None else NOON - timedelta(seconds=freed_s),
    )


def why(decision) -> dict[str, str]:
    return {each.terminal: each.reason for each in decision.skipped}


class TestPositions:
    FORCES = (force(1, "A", 10.0), force(2, "A", 100.0))

    def test_an_old_position_goes_behind_a_fresh_one(self):
        decision = send(self.FORCES, [heard(1, 10.0, age_s=601.0), heard(2, 100.0)])
        assert decision.terminal == "T002"
        assert why(decision)["T001"] == "its position is 601 s old: fresh ones go before it"

    def test_it_is_used_where_there_is_no_fresh_one(self):
        assert send(self.FORCES[:1], [heard(1, 10.0, age_s=3600.0)]).terminal == "T001"

    def test_one_that_is_too_old_is_dropped(self):
        decision = send(self.FORCES[:1], [heard(1, 10.0, age_s=3601.0)])
        assert isinstance(decision, NoTerminal)
        assert why(decision)["T001"] == "its position is 3601 s old, too old to be sent by"


class TestLoad:
    def test_what_one_holds_counts_as_time(self):
        forces = [force(1, "A", 10.0), force(2, "A", 200.0)]
        decision = send(forces, [heard(1, 10.0, held=1), heard(2, 200.0)], case_s=900.0)
        assert decision.terminal == "T002"
        assert why(decision)["T001"].startswith("holds 1 case: would be there about ")
        assert send(forces, [heard(1, 10.0, held=1), heard(2, 200.0)], case_s=30.0).terminal == "T001"

    def test_who_holds_as_many_as_are_offered_is_not_offered_more(self):
        busy = [heard(1, 10.0, held=1)]
        decision = send([force(1, "A", 10.0)], busy, offered_up_to=1)
        assert isinstance(decision, NoTerminal)
        assert why(decision) == {"T001": "holds a case"}
        assert send([force(1, "A", 10.0)], busy, offered_up_to=2).terminal == "T001"

    def test_speeds_by_role_make_the_farther_one_the_sooner(self):
        forces = [force(1, "A", 50.0, role="population-assistant"), force(2, "A", 104.0)]
        decision = send(forces, speeds_mps={"population-assistant": 1.0})
        assert decision.terminal == "T002"
        assert decision.travel_s == pytest.approx(104 * 1.3 / 4.0, abs=0.1)
        assert why(decision)["T001"] == "would be there about 31 s later"


class TestRest:
    def test_after_a_case_no_general_one_is_offered_for_a_while(self):
        forces, freed = [force(1, "A", 10.0), force(2, "A", 100.0)], [heard(1, 10.0, freed_s=100.0)]
        decision = send(forces, freed, rest_s=300.0)
        assert (decision.terminal, why(decision)["T001"]) == ("T002", "rests for 300 s after a case")
        assert send(forces, freed, rest_s=99.0).terminal == "T001"
        assert send(forces, freed, rest_s=300.0, wanted=URGENT).terminal == "T001"


class TestLending:
    WANTED = case(lonlat=spot("A", 230.0), unit="A2")
    FORCES = (force(1, "A", -200.0), force(2, "B", -230.0))

    def test_a_neighbour_goes_first_when_it_gains_more_than_the_set_time(self):
        gain_s = (430.0 - 17.0) * 1.3 / 4.0
        own = send(self.FORCES, wanted=self.WANTED, lend_gain_s=gain_s + 2)
        assert own.terminal == "T001"
        assert "goes before it" in why(own)["T002"]
        lent = send(self.FORCES, wanted=self.WANTED, lend_gain_s=gain_s - 2)
        assert (lent.terminal, lent.grid) == ("T002", "YP-B")

    def test_urgent_cases_have_a_gain_of_their_own(self):
        urgent = replace(self.WANTED, urgent=True)
        assert send(self.FORCES, wanted=urgent, lend_gain_urgent_s=60.0).terminal == "T002"
        assert send(self.FORCES, wanted=urgent, lend_gain_urgent_s=600.0, lend_gain_s=0.0).terminal == "T001"

    def test_who_is_not_lent_is_told_when_it_is_nearer_than_the_lent_one(self):
        slow = [force(1, "A", 180.0, role="slow"), force(2, "B", -150.0)]
        decision = send(slow, wanted=self.WANTED, lend_gain_s=10.0, speeds_mps={"slow": 0.5})
        assert decision.terminal == "T002"
        assert why(decision)["T001"] == "a force of grid YP-B is there sooner by more than 10 s"


class TestReserve:
    FORCES = (force(1, "A", 10.0), force(2, "A", 100.0), force(3, "A", 50.0, units=("A1",)))

    def test_the_last_free_one_is_held_back_from_general_cases(self):
        busy = [heard(2, 100.0, held=1)]
        decision = send(self.FORCES[:2], busy, keep_free=1)
        assert decision.terminal == "T002"
        assert why(decision)["T001"] == "last free force of grid YP-A, held back for urgent cases"
        nobody = send(self.FORCES[:2], busy, keep_free=1, offered_up_to=1)
        assert isinstance(nobody, NoTerminal)

    def test_it_goes_to_urgent_ones(self):
        assert send(self.FORCES[:2], [heard(2, 100.0, held=1)], keep_free=1, wanted=URGENT).terminal == "T001"

    def test_who_is_bound_to_a_unit_is_no_reserve_and_a_grid_with_one_on_duty_keeps_none(self):
        assert send(self.FORCES, [heard(2, 100.0, held=1)], keep_free=1).terminal == "T003"
        assert send(self.FORCES[:1], keep_free=1).terminal == "T001"

    def test_without_an_urgent_category_nobody_is_held_back(self):
        site = small_site(self.FORCES[:2], categories=(category(PARKED),), policy=replace(PLAIN, keep_free=1))
        decision = decide(
            case(),
            site=site,
            category=category(),
            terminals={"T002": heard(2, 100.0, held=1)},
            declined=frozenset(),
            now=NOON,
        )
        assert decision.terminal == "T001"


def test_who_is_trained_for_other_categories_only_is_skipped():
    decision = send([force(1, "A", 10.0, skills=(LITTER,)), force(2, "A", 90.0, skills=(PARKED, LITTER))])
    assert (decision.terminal, why(decision)) == ("T002", {"T001": "is not trained for this category"})


def test_beyond_the_nearest_fifty_the_skipped_are_told_by_reason():
    off = [force(number, "A", 1.0 + number / 10, shifts=(shift("20:00", "21:00"),)) for number in range(1, 61)]
    far = [*off, force(70, "A", 20.0), *(force(number, "C", 0.0) for number in (80, 81))]
    decision = send(far)
    assert (decision.terminal, len(decision.skipped)) == ("T070", 50)
    assert decision.others == {"off duty, or on standby": tuple(f"T{number:03d}" for number in range(51, 61))}


class TestTogether:
    FORCES = (force(1, "A", 0.0), force(2, "A", 100.0))

    def together(self, wanted, *, forces=FORCES, terminals=(), **policy: object):
        site = small_site(forces, categories=KINDS, policy=replace(PLAIN, **policy))
        known = {each.id: each for each in terminals}
        asked = [Wanted(case=each, category=site.catalogue.by_key[each.category]) for each in wanted]
        return decide_together(asked, site=site, terminals=known, now=NOON)

    def test_the_sum_is_least_and_not_each_in_turn(self):
        """One after the other the first would take T002, and the second would have to wait for T001's long way."""
        first, second = case(lonlat=spot("A", 60.0)), case(lonlat=spot("A", 200.0))
        assert send(self.FORCES, wanted=first).terminal == "T002"
        decisions = self.together([first, second])
        assert [each.terminal for each in decisions] == ["T001", "T002"]
        assert why(decisions[0]) == {"T002": "went to another case, of those assigned together"}
        assert decisions[0].reason.endswith("of 2 cases assigned together")

    def test_more_cases_than_forces_leave_some_or_go_on_as_the_policy_says(self):
        cases = [case(lonlat=spot("A", east)) for east in (0.0, 90.0, 110.0)]
        found = self.together(cases, offered_up_to=1)
        assert [each.terminal for each in found if isinstance(each, Dispatch)] == ["T001", "T002"]
        held = [each.terminal for each in self.together(cases, offered_up_to=5)]
        assert sorted(held) == ["T001", "T002", "T002"]

    def test_all_of_a_round_leave_the_reserve_alone(self):
        cases = [case(lonlat=spot("A", east)) for east in (0.0, 100.0)]
        found = self.together(cases, keep_free=1, offered_up_to=1)
        assert sum(isinstance(each, Dispatch) for each in found) == 1

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.floats(-200, 200), min_size=1, max_size=4), st.lists(st.floats(-200, 200), min_size=1, max_size=5)
    )
    def test_no_pairing_is_cheaper(self, cases_m, forces_m):
        forces = [force(number, "A", east) for number, east in enumerate(forces_m, 1)]
        wanted = [case(lonlat=spot("A", east)) for east in cases_m]
        found = self.together(wanted, forces=forces, offered_up_to=1)
        reached = sum(each.travel_s for each in found if isinstance(each, Dispatch))
        pairs = min(len(cases_m), len(forces_m))
        assert sum(isinstance(each, Dispatch) for each in found) == pairs
        best = min(
            sum(abs(forces_m[f] - cases_m[c]) for c, f in zip(chosen, order, strict=True))
            for chosen in itertools.combinations(range(len(cases_m)), pairs)
            for order in itertools.permutations(range(len(forces_m)), pairs)
        )
        assert reached == pytest.approx(best * 1.3 / 4.0, abs=0.06 * pairs)


@settings(max_examples=150, deadline=None)
@given(rosters(), known_terminals(), st.booleans())
def test_columns_and_words_say_the_same_of_each_force(forces, known, urgent):
    policy = replace(DispatchPolicy(), case_s=60.0, break_off_s=30.0)
    site = small_site(forces, categories=KINDS, policy=policy)
    kind = category(first_roles=("grid-supervisor",))
    question = Question(case=case(urgent=urgent), category=kind, now=NOON, policy=policy)
    found = Candidates(question, site=site, terminals=known)
    for row, each in enumerate(forces):
        fault = Telling(found).fault(row)
        assert (fault is None) == bool(found.able[row])
        assert fault != ""
        assert (fault == "off duty") <= (not each.on_duty(NOON, site.settings.timezone))


@settings(max_examples=200, deadline=None)
@given(rosters(), known_terminals(), st.booleans(), st.sampled_from("ABCD"))
def test_looking_at_those_near_the_case_decides_as_looking_at_everybody(forces, known, urgent, grid):
    """Who gets it, who is passed over, in which order and why: the grids farther off change nothing of it."""
    policy = replace(DispatchPolicy(), case_s=60.0, lend_gain_s=10.0, break_off_s=30.0)
    site = small_site(forces, categories=KINDS, policy=policy)
    kind = category(first_roles=("grid-supervisor",))
    wanted = case(urgent=urgent, grid=f"YP-{grid}", unit=f"{grid}1", lonlat=spot(grid, 40.0))
    found = Candidates(
        Question(case=wanted, category=kind, now=NOON, policy=policy, declined=frozenset({"T002"})),
        site=site,
        terminals=known,
    )
    decided = decide(
        wanted, site=site, category=kind, terminals=known, declined=frozenset({"T002"}), now=NOON, policy=policy
    )
    assert decided == _decision(found, found.best())


@settings(max_examples=100, deadline=None)
@given(rosters(), known_terminals())
def test_a_board_stands_as_the_terminals_it_was_made_of(forces, known):
    site, board = small_site(forces), Board(known.values())
    assert dict(board) == known
    one, other = standing_of(site.roll, board), standing_of(site.roll, known)
    for name in ("lonlat", "at_s", "held", "urgent", "freed_s"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def read(dispatch: str):
    faults = []
    table = read_settings(
        'code = "x"\nname = "X"\ntimezone = "UTC"\nvalid_from = 2020-11-01\n'
        "[extent]\nwest = 0\nsouth = 0\neast = 1\nnorth = 1\n" + dispatch,
        faults,
    )
    return table.settings, [str(each) for each in faults]


def test_a_site_names_policies_that_differ_from_the_one_in_force():
    settings_, faults = read(
        "[dispatch]\nkeep_free = 3\nlend_gain_s = 90\n[dispatch.policies.eager]\nlend_gain_s = 0\ntogether = false\n"
    )
    assert faults == []
    eager = policy_of("eager", in_force=settings_.dispatch, named=settings_.policies)
    assert (eager.name, eager.keep_free, eager.lend_gain_s, eager.together) == ("eager", 3, 0.0, False)
    assert policy_of("site", in_force=settings_.dispatch, named={}).lend_gain_s == 90.0
    assert policy_of("nearest", in_force=settings_.dispatch, named={}) is BUILT_IN["nearest"]
    with pytest.raises(UnknownError, match="no policy 'lazy'; known: default, eager, nearest, site"):
        policy_of("lazy", in_force=settings_.dispatch, named=settings_.policies)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[dispatch]\nlend_gain = 3\n", "is not a field here"),
        ("[dispatch]\nposition_max_age_s = 700\nposition_drop_after_s = 600\n", "is less than position_max_age_s"),
        ("[dispatch.policies.default]\nkeep_free = 0\n", "is a name that is taken"),
        ("[dispatch.speeds_mps]\nrunner = 0\n", "from 0.1 to 60"),
        ("[dispatch]\nkeep_free = 1.5\n", "expected a whole number"),
    ],
)
def test_a_policy_that_cannot_be_is_a_fault(text: str, fault: str):
    assert fault in "\n".join(read(text)[1])
