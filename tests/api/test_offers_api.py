"""Why a case went to whom, over HTTP: all of it at the desk, one's own line in the street; many positions at once."""

from live_console import ANALYST, CITIZEN, DISPATCHER, PARK, WEST, LiveConsole, carrier_of


def skipped_of(live: LiveConsole, number: str) -> list[dict[str, object]]:
    with live.client(DISPATCHER) as desk:
        (made,) = desk.get(f"/api/v1/cases/{number}/offers").json()["offers"]
    return made["passed"]


def test_the_desk_reads_every_reason(live: LiveConsole) -> None:
    number = live.report(PARK)
    with live.client(DISPATCHER) as desk:
        (made,) = desk.get(f"/api/v1/cases/{number}/offers").json()["offers"]
        case = desk.get(f"/api/v1/cases/{number}").json()
    assert (made["terminal"], made["case"]) == (case["terminal"], number)
    assert made["travel_s"] > 0
    assert made["reason"].startswith("soonest of ")
    assert made["passed"]
    assert all(each["reason"] for each in made["passed"])
    nearer = [each["distance_m"] for each in made["passed"] if each["distance_m"] is not None]
    assert nearer == sorted(nearer)
    assert nearer[-1] <= made["distance_m"]


def test_who_was_passed_over_reads_its_own_line_and_nobody_elses(live: LiveConsole) -> None:
    number = live.report(PARK)
    passed = skipped_of(live, number)
    terminals = live.services.site.roster.by_terminal()
    one = next(each for each in passed if each["terminal"] in terminals)
    with live.client(carrier_of(str(one["terminal"]))) as force:
        (made,) = force.get(f"/api/v1/cases/{number}/offers").json()["offers"]
        lately = force.get(f"/api/v1/terminals/{one['terminal']}/passed-over").json()["offers"]
        other = next(each for each in terminals if each != one["terminal"])
        assert force.get(f"/api/v1/terminals/{other}/passed-over").status_code == 403
    assert made["passed"] == [one]
    assert [each["case"] for each in lately] == [number]
    assert lately[0]["passed"] == [one]


def test_who_has_nothing_to_do_with_it_does_not_find_it(live: LiveConsole) -> None:
    number = live.report(PARK)
    passed = {str(each["terminal"]) for each in skipped_of(live, number)}
    holder = live.services.casebook.case(number).terminal
    far = next(each for each in live.services.site.roster.by_terminal() if each not in {*passed, holder})
    with live.client(carrier_of(far)) as force, live.client(WEST) as west, live.client(CITIZEN) as citizen:
        assert force.get(f"/api/v1/cases/{number}/offers").status_code == 404
        assert west.get(f"/api/v1/cases/{number}/offers").status_code == 404
        assert citizen.get(f"/api/v1/cases/{number}/offers").status_code == 403
    assert live.services.casebook.case(number).terminal == holder


def test_many_positions_are_taken_at_once_or_not_at_all(live: LiveConsole) -> None:
    at = live.clock.now().isoformat()
    moves = [{"terminal": each, "lon": PARK.lon, "lat": PARK.lat, "at": at} for each in ("T001", "T002")]
    with live.client(DISPATCHER) as desk, live.client(ANALYST) as analyst:
        assert desk.post("/api/v1/positions", json={"positions": moves}).json() == {"stored": 2}
        assert desk.post("/api/v1/positions", json={"positions": moves}).json() == {"stored": 0}
        unknown = [*moves, {**moves[0], "terminal": "T999"}]
        assert desk.post("/api/v1/positions", json={"positions": unknown}).status_code == 404
        assert desk.post("/api/v1/positions", json={"positions": [moves[0]] * 10_001}).status_code == 422
        assert analyst.post("/api/v1/positions", json={"positions": moves}).status_code == 403
    assert live.services.casebook.terminals()["T002"].lonlat == PARK
