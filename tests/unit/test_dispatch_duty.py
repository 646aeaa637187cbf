"""Who may be sent at an hour of the day: outside patrol hours, on standby, away, of the department that redoes it."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from dispatch_worlds import case, known_terminals, rosters
from hypothesis import given, settings
from hypothesis import strategies as st
from small_site import LITTER, NOON, PARKED, PLAIN, category, force, shift, small_site, spot

from api.reason_words import worded
from api.words import words
from pipeline.candidates import Candidates, Question
from pipeline.cases import Side
from pipeline.dispatch import Dispatch, NoTerminal, decide
from pipeline.duty_pattern import DutyPattern, OutsideHours, Rollout
from pipeline.roster import Force, Stage
from pipeline.shifts import DutyChange
from pipeline.site import Site
from pipeline.telling import Telling

KINDS = (category(PARKED), category(LITTER, urgent=True))
URGENT = replace(case(category=LITTER), urgent=True)
NIGHT = NOON + timedelta(hours=11)
OFF_AT_NOON = (shift("20:00", "21:00"),)
POLICE = {"stage": Stage.FOLLOW_UP, "department": "traffic-police", "role": "police"}


def site_of(*forces: Force, **duty: object) -> Site:
    plain = small_site(forces, categories=KINDS, policy=PLAIN)
    return replace(plain, settings=replace(plain.settings, duty=DutyPattern(**duty)))


def send(site: Site, wanted=None, *, now=NOON) -> Dispatch | NoTerminal:
    wanted = wanted or case()
    kind = site.catalogue.by_key[wanted.category]
    return decide(wanted, site=site, category=kind, terminals={}, declined=frozenset(), now=now)


def why(decision: Dispatch | NoTerminal) -> dict[str, str]:
    return {each.terminal: each.reason for each in decision.skipped}


def test_outside_patrol_hours_the_named_roles_answer_for_other_sides():
    village = force(1, "A", 10.0, side=Side.VILLAGE, role="social-security")
    plan = {
        "hours": (shift("08:30", "17:30"),),
        "outside": (OutsideHours(side=Side.STREET_FACE, roles=("social-security",)),),
    }
    site = site_of(village, **plan)
    assert why(send(site)) == {"T001": "patrols village, the case is street_face"}
    decision = send(site, now=NIGHT)
    assert isinstance(decision, Dispatch)
    assert decision.terminal == "T001"


def test_standby_is_called_for_urgent_cases_and_only_after_everybody_on_duty():
    standby = force(1, "A", 10.0, shifts=OFF_AT_NOON, **POLICE)
    near, far = force(2, "A", 90.0), force(3, "B")
    for others in ((near,), (far,)):
        decision = send(site_of(standby, *others), URGENT)
        assert isinstance(decision, Dispatch)
        assert decision.terminal == others[0].terminal
        assert why(decision)["T001"].endswith("goes before it")
    called = send(site_of(standby), URGENT)
    assert isinstance(called, Dispatch)
    assert called.terminal == "T001"
    waits = send(site_of(standby))
    assert isinstance(waits, NoTerminal)
    assert why(waits) == {"T001": "on standby, called for urgent cases only"}


def test_who_is_away_is_not_on_standby():
    away = DutyChange(start=NOON - timedelta(hours=1), end=NOON + timedelta(hours=1), on=False, note="leave")
    assert isinstance(send(site_of(force(1, "A", 10.0, changes=(away,), **POLICE)), URGENT), NoTerminal)


def test_a_change_of_duty_within_a_minute_counts_from_its_second():
    half = NOON + timedelta(seconds=30)
    site = site_of(force(1, "A", 10.0, changes=(DutyChange(start=half, end=half + timedelta(hours=1), on=False),)))
    assert isinstance(send(site, now=NOON + timedelta(seconds=20)), Dispatch)
    assert isinstance(send(site, now=NOON + timedelta(seconds=40)), NoTerminal)


def test_what_must_be_done_again_goes_to_that_department_only():
    again = replace(case(), rework_by="traffic-police")
    grid, police = force(1, "A", 10.0), force(2, "A", 90.0, **POLICE)
    decision = send(site_of(grid, police), again)
    assert isinstance(decision, Dispatch)
    assert decision.terminal == "T002"
    assert why(decision) == {"T001": "the case is for traffic-police alone"}


def test_a_skill_may_name_the_beginning_of_many_categories():
    assert isinstance(send(site_of(force(1, "A", 10.0, skills=("GB/T 47678.5-2026/",)))), Dispatch)
    assert isinstance(send(site_of(force(1, "A", 10.0, skills=("CJ/T 214-2007/",)))), NoTerminal)


@settings(max_examples=60, deadline=None)
@given(
    world=rosters(), terminals=known_terminals(), urgent=st.booleans(), later_h=st.integers(0, 23), redo=st.booleans()
)
def test_columns_say_what_words_say_at_every_hour(world, terminals, urgent, later_h, redo):
    plan = {
        "hours": (shift("08:30", "17:30"),),
        "outside": (OutsideHours(side=Side.STREET_FACE, roles=("grid-supervisor",)),),
    }
    site = site_of(*world, **plan)
    wanted = replace(URGENT if urgent else case(), rework_by="traffic-police" if redo else None)
    question = Question(
        case=wanted, category=site.catalogue.by_key[wanted.category], now=NOON + timedelta(hours=later_h), policy=PLAIN
    )
    found = Candidates(question, site=site, terminals=terminals)
    told = np.array([Telling(found).fault(row) is None for row in range(len(found.able))], bool)
    assert told.tolist() == found.able.tolist()
    best = found.best()
    assert (best is None) == (not found.able.any())
    if best is not None and found.ring[best] >= 4:
        assert not (found.able & (found.ring < 4)).any()


@pytest.mark.parametrize("hour", [0, 6, 12, 18])
def test_every_reason_is_words(hour: int):
    site = site_of(force(1, "A", 10.0, shifts=OFF_AT_NOON), force(2, "A", 20.0, shifts=OFF_AT_NOON, **POLICE))
    decision = send(site, now=NOON + timedelta(hours=hour))
    assert all(why(decision).values())


def test_a_grid_that_is_not_switched_on_lends_nobody():
    """A is worked from the day before, B from the day after; who is next door is not sent before that."""
    plain = site_of(force(3, "B"))
    rollout = Rollout(grids={"YP-A": NOON.date() - timedelta(days=1)}, otherwise=NOON.date() + timedelta(days=1))
    site = replace(plain, settings=replace(plain.settings, rollout=rollout))
    reason = "grid YP-B is not switched on yet and lends nobody"
    for wanted in (case(), URGENT):
        assert why(send(site, wanted)) == {"T003": reason}
    assert worded(reason, words("zh")) == "YP-B 尚未启用，不出借力量"
    later = send(site, now=NOON + timedelta(days=1))
    assert isinstance(later, Dispatch)
    own = send(site, case(grid="YP-B", lonlat=spot("B")))
    assert isinstance(own, Dispatch), "a person may send out what an own force is to do"


def test_many_of_a_grid_that_is_off_are_told_under_one_reason():
    forces = [force(number, "B", float(number)) for number in range(1, 61)]
    plain = site_of(*forces)
    site = replace(plain, settings=replace(plain.settings, rollout=Rollout(grids={"YP-B": date(2100, 1, 1)})))
    decision = send(site)
    assert isinstance(decision, NoTerminal)
    assert set(decision.others) == {"in a grid that is not switched on yet"}
