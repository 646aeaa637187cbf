"""Dispatch picks whom a plain search over all forces would pick, and says why it passed over each nearer one."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dispatch_worlds import case, known_terminals, rosters
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from small_site import NOON, category, force, shift, small_site, spot

from pipeline.cases import Case, Side
from pipeline.catalogue import Category
from pipeline.dispatch import Dispatch, NoTerminal, decide
from pipeline.roster import Force, Stage
from pipeline.site import Site
from pipeline.terminals import Terminal


def send(
    forces: list[Force],
    *,
    terminals: dict[str, Terminal] | None = None,
    declined: frozenset[str] = frozenset(),
    unanswered: frozenset[str] = frozenset(),
    kind: Category | None = None,
    now: datetime = NOON,
    wanted: Case | None = None,
) -> Dispatch | NoTerminal:
    return decide(
        wanted or case(),
        site=small_site(forces),
        category=kind or category(),
        terminals=terminals or {},
        declined=declined,
        unanswered=unanswered,
        now=now,
    )


def sent_to(decision: Dispatch | NoTerminal) -> str:
    assert isinstance(decision, Dispatch), decision
    return decision.terminal


def reasons(decision: Dispatch | NoTerminal) -> dict[str, str]:
    return {each.terminal: each.reason for each in decision.skipped}


def test_the_nearest_in_the_grid_gets_it_with_its_distance():
    decision = send([force(1, "A", 120.0), force(2, "A", -80.0), force(3, "A", 0.0, 200.0)])
    assert isinstance(decision, Dispatch)
    assert (decision.terminal, decision.grid, decision.skipped) == ("T002", "YP-A", ())
    assert decision.distance_m == pytest.approx(80.0, abs=0.001)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"terminal": None}, "carries no terminal"),
        ({"shifts": (shift("13:00", "18:00"),)}, "off duty"),
        ({"side": Side.VILLAGE}, "patrols village, the case is street_face"),
        ({"units": ("A2",)}, "is bound to other units"),
        ({"role": "property-staff"}, "role property-staff does not handle this category"),
        ({"stage": Stage.FOLLOW_UP, "department": "housing-office"}, "does not follow up"),
    ],
)
def test_a_nearer_one_who_may_not_is_skipped_with_the_reason(changes: dict[str, object], reason: str):
    kind = category(first_roles=("grid-supervisor",))
    decision = send([force(1, "A", 10.0, **changes), force(2, "A", 90.0)], kind=kind)
    assert sent_to(decision) == "T002"
    (skipped,) = decision.skipped
    assert skipped.terminal == ("YP-001" if "terminal" in changes else "T001")
    assert skipped.distance_m == pytest.approx(10.0, abs=0.001)
    assert reason in skipped.reason


def test_who_declined_or_did_not_answer_or_is_full_is_skipped():
    forces = [force(1, "A", 10.0), force(2, "A", 20.0), force(3, "A", 30.0), force(4, "A", 40.0)]
    full = {"T003": Terminal(id="T003", open_cases=5), "T004": Terminal(id="T004", open_cases=4)}
    decision = send(forces, terminals=full, declined=frozenset({"T001"}), unanswered=frozenset({"T002"}))
    assert sent_to(decision) == "T004"
    assert reasons(decision) == {
        "T001": "declined this case",
        "T002": "did not answer the offer",
        "T003": "holds 5 or more cases, the most allowed",
    }


def test_the_case_s_own_unit_and_side_match():
    bound = force(1, "A", 10.0, units=("A2", "A1"), side=Side.STREET_FACE)
    assert sent_to(send([bound])) == "T001"


def test_a_night_shift_crosses_midnight_in_the_site_s_zone():
    night = [force(1, "A", shifts=(shift("22:00", "06:00"),))]
    local = ZoneInfo("Asia/Shanghai")
    assert sent_to(send(night, now=datetime(2026, 11, 23, 23, 30, tzinfo=local))) == "T001"
    assert sent_to(send(night, now=datetime(2026, 11, 23, 5, 59, tzinfo=local))) == "T001"
    assert isinstance(send(night, now=datetime(2026, 11, 23, 6, 0, tzinfo=local)), NoTerminal)


class TestPositions:
    FORCES = (force(1, "A", 10.0), force(2, "A", 100.0))

    def at(self, terminal: str, east_m: float, age_s: float) -> dict[str, Terminal]:
        moment = NOON - timedelta(seconds=age_s)
        return {terminal: Terminal(id=terminal, lonlat=spot("A", east_m), positioned_at=moment)}

    def test_a_fresh_position_counts_instead_of_the_post(self):
        decision = send(list(self.FORCES), terminals=self.at("T002", 5.0, 599.0))
        assert sent_to(decision) == "T002"
        assert "reported position" in decision.reason

    def test_an_old_position_is_not_trusted(self):
        decision = send(list(self.FORCES), terminals=self.at("T002", 5.0, 601.0))
        assert sent_to(decision) == "T001"
        assert "post" in decision.reason

    def test_a_position_from_far_in_the_future_is_not_trusted_either(self):
        assert sent_to(send(list(self.FORCES), terminals=self.at("T002", 5.0, -601.0))) == "T001"

    def test_at_the_same_place_a_fresh_position_goes_first_then_the_smaller_id(self):
        same = [force(2, "A", 10.0), force(1, "A", 10.0), force(3, "A", 10.0)]
        assert sent_to(send(same)) == "T001"
        assert sent_to(send(same, terminals=self.at("T003", 10.0, 5.0))) == "T003"


DEPARTMENT = {"stage": Stage.FOLLOW_UP, "department": "traffic-police", "role": "traffic-police"}


class TestRings:
    def test_own_first_then_own_department_then_neighbours_first_then_theirs(self):
        rings = [
            force(1, "A", -200.0),
            force(2, "A", 150.0, **DEPARTMENT),
            force(3, "B", -200.0),
            force(4, "B", -230.0, **DEPARTMENT),
        ]
        order = []
        declined: frozenset[str] = frozenset()
        while isinstance(decision := send(rings, declined=declined), Dispatch):
            order.append(decision.terminal)
            declined |= {decision.terminal}
        assert order == ["T001", "T002", "T003", "T004"]

    def test_a_nearer_neighbour_is_listed_as_passed_over_for_the_own_grid(self):
        wanted = case(lonlat=spot("A", 230.0), unit="A2")
        decision = send([force(1, "A", -200.0), force(2, "B", -230.0)], wanted=wanted)
        assert sent_to(decision) == "T001"
        assert "goes before it" in reasons(decision)["T002"]

    def test_a_grid_that_is_not_next_is_never_asked(self):
        decision = send([force(1, "C"), force(2, "D")])
        assert isinstance(decision, NoTerminal)
        assert decision.skipped == ()
        assert "0 forces" in decision.reason

    def test_the_nearest_neighbour_grid_s_force_goes_first(self):
        wanted = case(lonlat=spot("B", -200.0), grid="YP-B", unit="B1")
        decision = send([force(1, "A", 200.0), force(2, "C", -200.0)], wanted=wanted)
        assert sent_to(decision) == "T001"
        assert decision.grid == "YP-A"


def test_nobody_is_a_result_with_a_reason_for_each():
    forces = [force(1, "A", side=Side.VILLAGE), force(2, "A", 50.0), force(3, "B", terminal=None), force(4, "C")]
    decision = send(forces, declined=frozenset({"T002"}))
    assert isinstance(decision, NoTerminal)
    assert reasons(decision) == {
        "T001": "patrols village, the case is street_face",
        "T002": "declined this case",
        "YP-003": "carries no terminal",
    }
    assert "none of 3 forces in and next to grid YP-A" in decision.reason


def oracle(forces: list[Force], known: dict[str, Terminal], declined: frozenset[str], site: Site) -> str | None:
    """Choose by sorting every force by (ring, distance, age of position, id), written without the module under test."""
    geod, wanted, ranked = Geod(ellps="WGS84"), case(), []
    for each in forces:
        if each.terminal is None or each.terminal in declined or each.grid not in {"YP-A", "YP-B"}:
            continue
        here = known.get(each.terminal)
        fresh = here is not None and (NOON - here.positioned_at).total_seconds() <= 600
        where = here.lonlat if fresh else each.post
        if here is not None and here.open_cases >= 5:
            continue
        if any(not (s.start <= NOON.astimezone(site.settings.timezone).time() < s.end) for s in each.shifts):
            continue
        if each.side not in {None, Side.STREET_FACE} or (each.units and "A1" not in each.units):
            continue
        fits = each.role == "grid-supervisor" if each.stage is Stage.FIRST else each.department == "traffic-police"
        if not fits:
            continue
        ring = 2 * (each.grid == "YP-B") + (each.stage is Stage.FOLLOW_UP)
        distance = geod.inv(where.lon, where.lat, wanted.lonlat.lon, wanted.lonlat.lat)[2]
        ranked.append((ring, distance, not fresh, each.terminal))
    return min(ranked)[3] if ranked else None


@settings(max_examples=300, deadline=None)
@given(rosters(), known_terminals(), st.sets(st.sampled_from(["T001", "T002", "T003"])), st.randoms())
def test_it_chooses_as_a_plain_search_does_in_any_order(forces, known, declined, random):
    kind = category(first_roles=("grid-supervisor",))
    refused = frozenset(declined)
    decision = send(random.sample(forces, len(forces)), terminals=known, declined=refused, kind=kind)
    expected = oracle(forces, known, refused, small_site(forces))
    assert (decision.terminal if isinstance(decision, Dispatch) else None) == expected
    assert all(each.reason for each in decision.skipped)
    if isinstance(decision, Dispatch):
        assert all(each.distance_m <= decision.distance_m for each in decision.skipped)
