"""What is listed as possible is what the rules let through, for everybody and in every state; nothing else is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import sqlite_url
from life_office import CHEN, LI, T001, T010, T011, WANG, Office
from small_site import CITIZEN, force_at, spot

from pipeline.cases import Action, Case, step
from pipeline.desk import visible
from pipeline.errors import PipelineError
from pipeline.joint_action import JointPlan, finish_part, open_joint
from pipeline.next_steps import Aside, NextStep, known_of, next_steps, until_with
from pipeline.offers import Entered
from pipeline.principal import Principal, Role
from pipeline.taking_steps import Ask, take_step
from pipeline.trust import FalseReason

PLAN = JointPlan(lead="traffic-police", liaisons={"traffic-police": "YP-010", "market-supervision": "YP-011"})
FAR = Principal(name="Far", role=Role.DISPATCHER, grids=frozenset({"YP-D"}))
ZHAO = Principal(name="Zhao", role=Role.ANALYST)
PEOPLE = (LI, CHEN, WANG, FAR, ZHAO, CITIZEN, force_at(T001), force_at("T002"), force_at(T010), force_at(T011))


def led_by_holder(office: Office, number: str) -> JointPlan:
    """Return a plan whose lead is who holds the case already: others cannot take over what has begun."""
    if office.case(number).terminal == T001 or office.case(number).rework_by == "grid":
        return JointPlan(lead="grid", liaisons={"grid": "YP-001", "market-supervision": "YP-011"})
    return PLAN


def joint(office: Office) -> str:
    number = office.report()
    office.act(number, "dispatch", terminal=T010)
    office.duty.open_joint(number, PLAN, note="", principal=LI)
    office.through(number, "accept", "arrive")
    return number


def joint_offer(office: Office) -> str:
    number = office.report()
    office.act(number, "dispatch", terminal=T010)
    office.duty.open_joint(number, PLAN, note="", principal=LI)
    return number


def to_do_again_with_nobody(office: Office) -> str:
    number = office.report()
    office.through(number, "accept", "arrive", "done", "rework", "dispatch")
    while office.case(number).terminal is not None:
        office.act(number, "decline", by=LI)
    return number


def part_done(office: Office) -> str:
    number = joint(office)
    office.duty.finish_part(number, "market-supervision", note="warned", principal=force_at(T011))
    return number


def asked(office: Office, *after: str) -> str:
    number = office.report()
    office.through(number, "accept")
    office.act(number, "ask-extension", by=LI, more=1.0)
    for action in after:
        office.act(number, action, by=CHEN)
    return number


def came_back(office: Office) -> str:
    number = office.report()
    office.through(number, "accept", "return")
    office.act(number, "dispatch", terminal=T001)
    return number


def through(*actions: str) -> Callable[[Office], str]:
    def made(office: Office) -> str:
        number = office.report()
        office.through(number, *actions)
        return number

    return made


STATES: dict[str, Callable[[Office], str]] = {
    "offered": through(),
    "accepted": through("accept"),
    "arrived": through("accept", "arrive"),
    "first result": through("accept", "arrive", "first-result"),
    "handled": through("accept", "arrive", "done"),
    "checked": through("accept", "arrive", "done", "check"),
    "closed": through("accept", "arrive", "done", "check", "close"),
    "returned": through("accept", "return"),
    "suspended": through("accept", "suspend"),
    "to be done again": through("accept", "arrive", "done", "rework"),
    "came back": came_back,
    "asked by Li": asked,
    "extended": lambda office: asked(office, "extend"),
    "to be done again, with nobody": to_do_again_with_nobody,
    "joint": joint,
    "joint, offered": joint_offer,
    "part done": part_done,
}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(sqlite_url(tmp_path), tmp_path)
    yield office
    office.close()


def listed(office: Office, number: str, who: Principal) -> dict[str, NextStep]:
    case = office.case(number)
    known = office.casebook.read(lambda book: known_of(book, case, office.site))
    return {each.name: each for each in next_steps(case, who, known)}


class UndoneError(Exception):
    """Everything was let through; nothing of it is kept."""


def lets(office: Office, work: Callable[..., object]) -> bool:
    """Tell whether the rules let a piece of work through; it is undone."""

    def tried(tx: object) -> None:
        work(tx)
        raise UndoneError

    try:
        office.casebook.write(tried)
    except UndoneError:
        return True
    except PipelineError:
        return False
    raise AssertionError


@pytest.mark.parametrize("state", STATES)
def test_the_rules_let_through_what_is_listed_and_refuse_the_rest(office: Office, state: str) -> None:
    number = STATES[state](office)
    plan = led_by_holder(office, number)
    for who in PEOPLE:
        found, entered = listed(office, number, who), Entered(by=who, now=office.clock.now())
        for action in Action:

            def take(tx, action=action, who=who, entered=entered) -> Case:
                case = visible(tx, number, who)
                if action is Action.DISPATCH:
                    return step(case, action, principal=who, note="a reason", now=entered.now)
                more = 1.0 if action is Action.ASK_EXTENSION else None
                ask = Ask(action=action, note="a reason", more=more)
                return take_step(tx, case, ask, site=office.site, entered=entered)

            assert lets(office, take) == (action.value in found), (state, who, action)

        def joined(tx, who=who, entered=entered) -> Case:
            return open_joint(tx, visible(tx, number, who), plan, site=office.site, entered=entered, note="")

        def reported(tx, who=who, entered=entered) -> Case:
            return finish_part(
                tx, visible(tx, number, who), "market-supervision", site=office.site, entered=entered, note="done"
            )

        assert lets(office, joined) == (Aside.JOINT in found), (state, who)
        assert lets(office, reported) == (Aside.JOINT_PART in found), (state, who)


@pytest.mark.parametrize("state", ["offered", "accepted", "came back", "suspended", "handled", "closed", "returned"])
def test_false_is_listed_where_it_may_be_said(tmp_path: Path, state: str) -> None:
    for place, who in enumerate((LI, WANG, ZHAO, force_at(T001), force_at("T002"))):
        folder = tmp_path / str(place)
        folder.mkdir()
        office = Office(sqlite_url(folder), folder)
        number = STATES[state](office)
        expected = Aside.FALSE in listed(office, number, who)
        try:
            office.desk.trust.say_false(number, FalseReason.NOTHING_THERE, principal=who)
            said = True
        except PipelineError:
            said = False
        office.close()
        assert said == expected, who


def test_only_what_needs_words_says_so_and_only_an_extension_has_a_bound(office: Office) -> None:
    number = office.report()
    office.through(number, "accept")
    found = listed(office, number, force_at(T001))
    assert list(found) == ["arrive", "return", "ask-extension", "false", "picture"]
    assert [name for name, each in found.items() if each.note] == ["return", "ask-extension"]
    assert (found["ask-extension"].most, found["ask-extension"].unit) == (4.0, "urgent_hour")
    assert {each.most for name, each in found.items() if name != "ask-extension"} == {None}


def test_until_when_is_what_granting_makes_of_it(office: Office) -> None:
    number = office.report()
    office.through(number, "accept")
    known = office.casebook.read(lambda book: known_of(book, office.case(number), office.site))
    assert known.handle is not None
    until = until_with(known.handle, 3.0, office.site)
    office.act(number, "ask-extension", by=force_at(T001), more=3.0)
    assert office.act(number, "extend", by=LI).handle_by == until


def test_what_was_merged_can_only_be_taken_out_again(office: Office) -> None:
    first, second = office.report(), office.report(spot("A", 60.0))
    office.desk.merging.merge(first, into=second, reason="the same", principal=LI)
    assert list(listed(office, first, LI)) == [Aside.UNMERGE]
    assert listed(office, first, force_at(T001)) == {}
