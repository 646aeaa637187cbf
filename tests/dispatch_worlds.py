"""Cases, rosters and terminals for tests of dispatch, over `small_site`."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from small_site import LITTER, NOON, PARKED, PLAIN, category, force, shift, small_site, spot

from pipeline.call_answers import CallAnswers
from pipeline.cases import Case, Channel, Side, Status
from pipeline.dispatch import Decision, decide
from pipeline.dispatch_replay import Answer, Call
from pipeline.roster import Force, Stage
from pipeline.terminals import Terminal

KINDS = (category(PARKED), category(LITTER, urgent=True))


def case(**changes: object) -> Case:
    plain = Case(
        number="YP20261123-0001",
        category=PARKED,
        channel=Channel.INTELLIGENT,
        status=Status.FILED,
        urgent=False,
        lonlat=spot("A"),
        cov_m2=(1.0, 0.0, 1.0),
        error_m=2.4,
        grid="YP-A",
        unit="A1",
        side=Side.STREET_FACE,
        occurred_at=NOON,
        recorded_at=NOON,
        updated_at=NOON,
    )
    return replace(plain, **changes)


URGENT = case(category=LITTER, urgent=True)


def send(forces, terminals=(), *, wanted: Case | None = None, **policy: object) -> Decision:
    """Ask who gets a case, on a site with a plain policy but for some values."""
    wanted = wanted or case()
    site = small_site(forces, categories=KINDS, policy=replace(PLAIN, **policy))
    return decide(
        wanted,
        site=site,
        category=site.catalogue.by_key[wanted.category],
        terminals={each.id: each for each in terminals},
        declined=frozenset(),
        now=NOON,
    )


def call(
    number: int, east_m: float, at_s: float, *, work_s: float = 600.0, urgent: bool = False, **known: Answer
) -> Call:
    """Return a call in grid A, so many seconds after noon, that everybody answers in ten seconds."""
    at = NOON + timedelta(seconds=at_s)
    made = case(
        number=f"C{number}", lonlat=spot("A", east_m), recorded_at=at, occurred_at=at, updated_at=at,
        urgent=urgent, category=LITTER if urgent else PARKED,
    )  # fmt: skip
    return Call(case=made, work_s=work_s, answers=CallAnswers(name=f"C{number}", after_s=10.0, known=known))


@st.composite
def rosters(draw: st.DrawFn) -> list[Force]:
    count = draw(st.integers(1, 9))
    return [
        force(
            number,
            draw(st.sampled_from("ABCD")),
            draw(st.sampled_from([-200.0, -100.0, 0.0, 60.0, 200.0])),
            draw(st.sampled_from([-150.0, 0.0, 90.0])),
            terminal=draw(st.sampled_from([f"T{number:03d}"] * 4 + [None])),
            stage=draw(st.sampled_from([Stage.FIRST, Stage.FIRST, Stage.FOLLOW_UP])),
            department=draw(st.sampled_from(["traffic-police", "housing-office"])),
            role=draw(st.sampled_from(["grid-supervisor", "property-staff"])),
            side=draw(st.sampled_from([None, Side.STREET_FACE, Side.VILLAGE])),
            units=draw(st.sampled_from([(), ("A1",), ("B1", "A1"), ("A2",)])),
            shifts=draw(st.sampled_from([(), (shift("08:00", "16:00"),), (shift("16:00", "08:00"),)])),
        )
        for number in range(1, count + 1)
    ]


@st.composite
def known_terminals(draw: st.DrawFn) -> dict[str, Terminal]:
    chosen = draw(st.sets(st.integers(1, 9)))
    return {
        f"T{number:03d}": Terminal(
            id=f"T{number:03d}",
            lonlat=spot("A", draw(st.sampled_from([-50.0, 0.0, 300.0])), draw(st.sampled_from([0.0, 70.0]))),
            positioned_at=NOON - timedelta(seconds=draw(st.sampled_from([1.0, 599.0, 3600.0]))),
            open_cases=(held := draw(st.sampled_from([0, 1, 5, 6]))),
            open_urgent=draw(st.integers(0, held)),
        )
        for number in chosen
    }
