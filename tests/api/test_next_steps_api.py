"""What whoever asks may do with a case now is in the answer about it, and pages offer that and nothing else."""

import re

import pytest
from live_console import ADMIN, ANALYST, DISPATCHER, LiveConsole, carrier_of
from small_site import JPEG

from pipeline.cases import Action, Status
from pipeline.principal import Principal

PAGE = {"accept": "text/html"}
LIN = Principal(name="Lin", role=DISPATCHER.role)


def act(live: LiveConsole, number: str, *actions: str) -> None:
    """Take steps as the force that holds the case."""
    for action in actions:
        live.services.desk.act(number, Action(action), principal=live.holder(number), note="a reason")


def read(live: LiveConsole, path: str, who: Principal) -> dict:
    with live.client(who) as client:
        answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(live: LiveConsole, number: str, who: Principal) -> list[str]:
    return [each["name"] for each in read(live, f"cases/{number}", who)["next"]]


def test_each_is_told_what_they_may_do(live: LiveConsole) -> None:
    number = live.report()
    holder = live.holder(number)
    assert names(live, number, holder) == ["accept", "decline", "self-handle", "ask-extension", "picture"]
    assert names(live, number, ANALYST) == []
    desk, admin = names(live, number, DISPATCHER), names(live, number, ADMIN)
    assert set(admin) - set(desk) == {"void"}
    assert {"suspend", "supervise", "joint", "consult", "merge", "dispatch"} <= set(desk)
    act(live, number, "accept")
    found = {each["name"]: each for each in read(live, f"cases/{number}", holder)["next"]}
    assert {name for name, each in found.items() if each["note"]} == {"return", "ask-extension"}
    assert found["ask-extension"]["most"] > 0
    assert found["ask-extension"]["unit"].endswith(("hour", "day"))
    queue = read(live, f"terminals/{holder.terminal}/queue", holder)["cases"]
    assert [each["name"] for each in queue[0]["next"]] == list(found)
    assert "next" not in read(live, "cases", DISPATCHER)["cases"][0]


def test_the_answer_to_a_step_has_the_steps_after_it(live: LiveConsole) -> None:
    number = live.report()
    with live.client(live.holder(number)) as client:
        accepted = client.post(f"/api/v1/cases/{number}/accept", json={}).json()
        assert "arrive" in [each["name"] for each in accepted["next"]]
        returned = client.post(f"/api/v1/cases/{number}/return", json={"note": "not ours"}).json()
        assert returned["next"] == []
    with live.client(DISPATCHER) as client:
        refused = client.post(f"/api/v1/cases/{number}/false", json={"reason": "nothing-there"}).json()
    assert [each["name"] for each in refused["next"]] == []


def test_who_asked_for_an_extension_is_not_offered_to_decide_on_it(live: LiveConsole) -> None:
    number = live.report()
    with live.client(DISPATCHER) as client:
        asked = client.post(f"/api/v1/cases/{number}/ask-extension", json={"note": "rain", "more": 0.5})
        assert asked.status_code == 200, asked.text
        assert not {"extend", "refuse-extension"} & set(names(live, number, DISPATCHER))
        assert {"extend", "refuse-extension"} <= set(names(live, number, ADMIN))
        assert client.post(f"/api/v1/cases/{number}/extend", json={}).status_code == 403


@pytest.mark.parametrize("state", ["offered", "accepted", "arrived", "first-result", "came back"])
def test_the_terminal_s_page_has_a_form_for_what_may_be_done_and_for_nothing_else(
    live: LiveConsole, state: str
) -> None:
    number = live.report()
    steps = {"offered": (), "accepted": ("accept",), "arrived": ("accept", "arrive")}
    act(live, number, *steps.get(state, ("accept", "arrive", "first-result") if state == "first-result" else ()))
    if state == "came back":
        act(live, number, "accept", "return")
        live.services.desk.act(number, Action.DISPATCH, principal=DISPATCHER)
        act(live, number, "accept")
    holder = live.holder(number)
    with live.client(holder) as client:
        page = client.get("/terminal", headers=PAGE).text
    offered = set(re.findall(rf'action="/terminal/{holder.terminal}/cases/{number}/([\w-]+)"', page))
    # This server takes no pictures, so it asks for none; an offer is answered first, and given more time afterwards.
    later = {"picture", "ask-extension"} if state == "offered" else {"picture"}
    assert offered == set(names(live, number, holder)) - later
    assert ("only the duty desk may send it elsewhere" in page.split("<script type")[0]) == (state == "came back")


class TestSentTwice:
    """What the terminal's page sends again because the answer was lost."""

    def send(self, live: LiveConsole, number: str, step: str, who: Principal, **fields: object) -> str:
        with live.client(who) as client:
            path = f"/terminal/{who.terminal}/cases/{number}/{step}"
            answer = client.post(path, data=fields, headers={"hx-request": "true"})
        assert answer.status_code == 200, answer.text
        return answer.headers["hx-trigger"]

    @pytest.mark.parametrize("step", ["accept", "decline", "self-handle"])
    def test_an_answer_to_an_offer(self, live: LiveConsole, step: str) -> None:
        number = live.report()
        who, fields = live.holder(number), {"note": "a reason", "version": 2}
        first = self.send(live, number, step, who, **fields)
        entries = len(live.services.casebook.events(number))
        assert "twice" not in first
        assert "twice" in self.send(live, number, step, who, **fields)
        assert len(live.services.casebook.events(number)) == entries

    @pytest.mark.parametrize("step", ["arrive", "return", "ask-extension", "false"])
    def test_a_step_in_hand(self, live: LiveConsole, step: str) -> None:
        number = live.report()
        who = live.holder(number)
        act(live, number, "accept")
        fields = {"note": "a reason", "version": 3, "more": 0.5, "reason": "nothing-there"}
        assert "twice" not in self.send(live, number, step, who, **fields)
        entries = len(live.services.casebook.events(number))
        assert "twice" in self.send(live, number, step, who, **fields)
        assert len(live.services.casebook.events(number)) == entries

    def test_other_words_or_a_newer_page_are_another_step(self, live: LiveConsole) -> None:
        number = live.report()
        who = live.holder(number)
        act(live, number, "accept", "arrive")
        self.send(live, number, "first-result", who, note="three bags", version=4)
        with live.client(who) as client:
            path = f"/terminal/{who.terminal}/cases/{number}/first-result"
            for fields in ({"note": "four bags", "version": 4}, {"note": "three bags", "version": 5}):
                answer = client.post(path, data=fields, headers={"hx-request": "true"})
                assert answer.json()["type"].endswith(":illegal-step")

    def test_what_another_entered_meanwhile_is_not_taken_for_it(self, live: LiveConsole) -> None:
        number = live.report()
        who = live.holder(number)
        live.services.desk.act(number, Action.ACCEPT, principal=DISPATCHER)
        with live.client(who) as client:
            path = f"/terminal/{who.terminal}/cases/{number}/accept"
            answer = client.post(path, data={"version": 2}, headers={"hx-request": "true"})
        assert answer.status_code == 409

    def test_without_scripts_the_page_says_what_happened(self, live: LiveConsole) -> None:
        number = live.report()
        who = live.holder(number)
        with live.client(who, follow_redirects=True) as client:
            page = client.post(f"/terminal/{who.terminal}/cases/{number}/accept", data={"version": 2}, headers=PAGE)
            assert "the case is yours" in page.text
            assert 'class="told"' not in client.get("/terminal?told=nothing", headers=PAGE).text

    def test_the_place_of_a_step_is_kept(self, live: LiveConsole) -> None:
        number = live.report()
        self.send(live, number, "accept", live.holder(number), lon=121.1, lat=31.15)
        told = live.services.casebook.events(number)[-1].details
        assert (told["lon"], told["lat"]) == (121.1, 31.15)


def test_a_picture_may_be_large_and_is_refused_where_none_are_taken(live: LiveConsole) -> None:
    number = live.report()
    who = live.holder(number)
    act(live, number, "accept", "arrive")
    path = f"/terminal/{who.terminal}/cases/{number}/done"
    with live.client(who) as client:
        for size, status in ((1_000_000, 503), (12 * 2**20, 413)):
            picture = ("p.jpg", JPEG + bytes(size), "image/jpeg")
            answer = client.post(
                path, data={"note": "gone"}, files={"picture": picture}, headers={"hx-request": "true"}
            )
            assert answer.status_code == status, answer.text
        assert client.post(path.replace("done", "picture"), data={"note": "no picture"}).status_code == 422
    assert live.services.casebook.case(number).status is Status.ARRIVED


def test_nobody_adds_a_picture_to_a_case_that_is_not_theirs(live: LiveConsole) -> None:
    number = live.report()
    other = carrier_of("T002" if live.holder(number).terminal != "T002" else "T001")
    with live.client(other) as client:
        kind = {"content-type": "image/jpeg"}
        assert client.post(f"/api/v1/cases/{number}/pictures", content=JPEG, headers=kind).status_code == 404


def test_a_liaison_s_page_has_its_part_and_the_lead_s_none(live: LiveConsole) -> None:
    number = live.report()
    forces = [force for force in live.services.site.roster.forces if force.terminal and force.grid == "YP-G1"]
    pair = {code: next(f for f in forces if f.department == code) for code in ("police-station", "market-supervision")}
    body = {"lead": "police-station", "liaisons": {code: force.number for code, force in pair.items()}}
    with live.client(DISPATCHER) as client:
        assert client.post(f"/api/v1/cases/{number}/joint", json=body).status_code == 201
    market = carrier_of(str(pair["market-supervision"].terminal))
    path = f"/terminal/{market.terminal}/cases/{number}/joint/market-supervision"
    with live.client(market) as client:
        assert f'action="{path}"' in client.get("/terminal", headers=PAGE).text
        done = client.post(path, data={"note": "warned", "version": 3}, headers={"hx-request": "true"})
        again = client.post(path, data={"note": "warned", "version": 3}, headers={"hx-request": "true"})
        assert (done.status_code, again.status_code) == (200, 200)
        assert "twice" in again.headers["hx-trigger"]
        assert f'action="{path}"' not in done.text
    lead = carrier_of(str(pair["police-station"].terminal))
    with live.client(lead) as client:
        page = client.get("/terminal", headers=PAGE).text
        assert number in page
        assert f"cases/{number}/joint/" not in page


def test_a_meeting_s_list_takes_a_case_once_and_no_ended_one(live: LiveConsole) -> None:
    number, other = live.report(), live.report(category="GB/T 47678.5-2026/matter/09012")
    period = {"since": "2026-11-22T00:00:00Z", "until": "2026-11-24T00:00:00Z"}
    with live.client(DISPATCHER) as client:
        meeting = {**period, "held_at": "2026-11-24T01:00:00Z", "chair": "Wang", "cases": [number]}
        meeting["attendants"] = [{"name": "Wu", "department": "urban-management"}]
        code = client.post("/api/v1/consultations", json=meeting).json()["code"]
        door, body = f"/api/v1/consultations/{code}/cases", {"case": other, "words": "three departments"}
        for _ in range(2):
            assert client.post(door, json=body).json()["cases"] == [number, other]
        listed = [each for each in live.services.casebook.events(other) if each.action == "listed"]
        assert [(each.details["consultation"], each.details["note"]) for each in listed] == [
            (code, "three departments")
        ]
        live.services.desk.act(number, Action.VOID, principal=ADMIN, note="a mistake")
        third = live.report()
        assert client.post(door, json={"case": third, "words": " "}).status_code == 409
        assert client.post(door, json={"case": "none", "words": "why"}).status_code == 404
        live.services.desk.act(third, Action.VOID, principal=ADMIN, note="a mistake")
        assert client.post(door, json={"case": third, "words": "why"}).status_code == 409
        client.post(f"/api/v1/consultations/{code}/close")
        assert client.post(door, json=body).status_code == 409
    with live.client(ANALYST) as client:
        assert client.post(door, json=body).status_code == 403
