"""Cases, rosters and terminals for tests of dispatch, over `small_site`."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from small_site import NOON, PARKED, force, shift, spot

from pipeline.cases import Case, Channel, Side, Status
from pipeline.roster import Force, Stage
from pipeline.terminals import Terminal


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
