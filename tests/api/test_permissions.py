"""One table says who may use which door: complete, nothing in it that is gone, and asked before any route."""

import pytest
from fastapi.routing import APIRoute
from live_console import ADMIN, ANALYST, CITIZEN, DISPATCHER, FEED, LiveConsole, carrier_of

from api.app import create_app
from api.permissions import ADMINS, PREFIX, ROLES, door_of
from pipeline.principal import Principal, Role

PUBLIC = "/api/v1/q/"


def doors(live: LiveConsole) -> set[str]:
    return {
        door_of(method, route.path)
        for route in routes(create_app(live.services).routes)
        if route.path.startswith(PREFIX) and not route.path.startswith(PUBLIC)
        for method in route.methods
    }


def routes(found: object) -> list[APIRoute]:
    """Return the routes, those of included routers too, however the framework keeps them."""
    flat: list[APIRoute] = []
    for each in found:  # type: ignore[attr-defined]  # a list of routes
        if isinstance(each, APIRoute):
            flat.append(each)
        elif hasattr(each, "effective_route_contexts"):
            flat += [context.original_route for context in each.effective_route_contexts()]
        elif hasattr(each, "routes") and each.routes:
            flat += routes(each.routes)
    return flat


def test_every_door_has_a_row_and_every_row_a_door(live: LiveConsole) -> None:
    assert doors(live) == set(ROLES), "api/permissions.py and the routes differ"


@pytest.mark.parametrize("door", sorted(ROLES))
def test_a_role_that_is_not_in_the_row_is_refused_before_anything_is_looked_at(live: LiveConsole, door: str) -> None:
    method, path = door.split(" ", 1)
    path = path.replace("{table}", "departments" if "organisation" in path else "classes")
    path = path.replace("{key:path}", "x/matter/1").replace("{action}", "accept").replace("{", "").replace("}", "")
    people = {each.role: each for each in (ADMIN, DISPATCHER, ANALYST, FEED, CITIZEN, carrier_of("T001"))}
    for role, who in people.items():
        if role in ROLES[door]:
            continue
        with live.client(who) as client:
            answer = client.request(method, PREFIX + path)
        assert answer.status_code == 403, (role, answer.text)
        assert f"may not use {door}" in answer.json()["detail"]
        assert set(answer.json()["detail"].rsplit(": ", 1)[1].split(", ")) == {each.value for each in ROLES[door]}


def test_a_door_without_a_row_is_the_administrators_only(live: LiveConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.permissions.ROLES", {})
    with live.client(DISPATCHER) as desk, live.client(ADMIN) as admin:
        assert desk.get("/api/v1/cases").status_code == 403
        assert admin.get("/api/v1/cases").status_code == 200
    assert ADMINS == (Role.ADMIN,)


def test_pages_are_not_asked_here(live: LiveConsole) -> None:
    with live.client(Principal(name="Zhao", role=Role.ANALYST)) as client:
        assert client.get("/").status_code == 200
