"""Who comes in: bearer tokens, the cookie, and requests that other sites make a browser send."""

import stat
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_console import ANALYST, CITIZEN, DISPATCHER, FEED, LiveConsole, secret_of

from api.errors import TokenFileError
from api.routes.pages import _inside
from api.tokens import TokenBook, digest_of, first_tokens, new_token, read_tokens, write_tokens
from pipeline.principal import Principal, Right, Role
from pipeline.site import Site


def with_cookie(live: LiveConsole, **headers: str) -> httpx.Client:
    client = live.client()
    client.cookies.set("beatgrid", secret_of(DISPATCHER))
    client.headers.update(headers)
    return client


@pytest.mark.parametrize("path", ["/api/v1/cases", "/api/v1/terminals", "/api/v1/grids", "/api/v1/stream"])
def test_without_a_token_nothing_is_told(live: LiveConsole, path: str) -> None:
    with live.client() as client:
        answer = client.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["type"] == "urn:beatgrid:problem:not-logged-in"


@pytest.mark.parametrize("sent", ["Bearer wrong-token-0123456789", "Bearer", "Basic abc", "Bearer " + "x" * 4000])
def test_a_wrong_token_is_refused(live: LiveConsole, sent: str) -> None:
    with live.client() as client:
        assert client.get("/api/v1/cases", headers={"authorization": sent}).status_code == 401


def test_a_bearer_token_and_the_cookie_both_let_in(live: LiveConsole) -> None:
    with live.client(DISPATCHER) as bearer, with_cookie(live) as cookie:
        assert bearer.get("/api/v1/cases").status_code == 200
        assert cookie.get("/api/v1/cases").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "SELF"}, 403),
        ({"origin": "SELF"}, 404),
        ({"sec-fetch-site": "same-origin"}, 404),
    ],
)
def test_a_cookie_acts_only_from_this_origins_pages(live: LiveConsole, headers: dict[str, str], status: int) -> None:
    own = {name: live.url if value == "SELF" else value for name, value in headers.items()}
    with with_cookie(live, **own) as client:
        # 404: the request got as far as looking for the case.
        answer = client.post("/api/v1/cases/YP20261123-9999/verify")
    assert answer.status_code == status, answer.text


def test_logging_in_sets_a_cookie_out_of_scripts_reach(live: LiveConsole) -> None:
    with live.client() as client:
        sent = {"token": secret_of(DISPATCHER), "next": "/maps"}
        answer = client.post("/login", data=sent, headers={"origin": live.url})
        assert (answer.status_code, answer.headers["location"]) == (303, "/maps")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert client.get("/api/v1/cases").status_code == 200
        client.post("/logout", headers={"origin": live.url})
        assert client.get("/api/v1/cases").status_code == 401


def test_a_log_in_link_is_taken_at_once(live: LiveConsole) -> None:
    with live.client() as client:
        answer = client.get("/login", params={"token": secret_of(DISPATCHER), "next": "/"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "beatgrid=" in answer.headers["set-cookie"]


def test_a_wrong_token_at_the_page_is_told_so_and_sets_nothing(live: LiveConsole) -> None:
    with live.client() as client:
        answer = client.post("/login", data={"token": "not-a-token"}, headers={"origin": live.url})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "Nobody holds this token" in answer.text


def test_other_sites_cannot_log_a_browser_in_by_form(live: LiveConsole) -> None:
    with live.client() as client:
        sent = {"token": secret_of(DISPATCHER)}
        assert client.post("/login", data=sent, headers={"origin": "http://evil.example"}).status_code == 403


def test_a_page_without_log_in_leads_to_it_and_back(live: LiveConsole) -> None:
    with live.client() as client:
        answer = client.get("/?case=YP1", headers={"accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2F%3Fcase%3DYP1"


@given(st.text(max_size=30))
def test_a_log_in_never_leads_to_another_site(tail: str) -> None:
    for target in (tail, "/" + tail, "//" + tail, "/\\" + tail, "https://" + tail):
        inside = _inside(target)
        assert inside.startswith("/")
        assert not inside.startswith(("//", "/\\"))
        assert httpx.URL("http://here.example").join(inside).host == "here.example"


@pytest.mark.parametrize(
    ("principal", "path"),
    [(CITIZEN, "/api/v1/cases"), (FEED, "/api/v1/cases"), (FEED, "/api/v1/stream"), (CITIZEN, "/api/v1/grids")],
)
def test_roles_that_read_nothing_are_told_which_do(live: LiveConsole, principal: Principal, path: str) -> None:
    with live.client(principal) as client:
        answer = client.get(path)
    assert answer.status_code == 403
    assert "dispatcher" in answer.json()["detail"]


def test_an_analyst_reads_and_does_not_act(live: LiveConsole) -> None:
    number = live.report()
    with live.client(ANALYST) as client:
        assert client.get(f"/api/v1/cases/{number}").status_code == 200
        assert client.post(f"/api/v1/cases/{number}/accept").status_code == 403


def test_tokens_are_written_for_their_owner_alone_and_read_back(tmp_path: Path, yingpu: Site) -> None:
    path = tmp_path / "data" / "tokens.toml"
    book = TokenBook.load_or_make(path, site=yingpu)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert TokenBook.load_or_make(path, site=yingpu) == book
    assert {token.principal.role for token in book.tokens} >= {Role.ADMIN, Role.DISPATCHER, Role.FORCE, Role.INGEST}
    assert {token.principal.terminal for token in book.tokens} - {None} == set(yingpu.roster.by_terminal())
    for token in book.tokens:
        assert token.secret is not None
        assert book.find(token.secret) == token.principal
        assert token.secret not in repr(book)
    with pytest.raises(FileExistsError):
        write_tokens(path, first_tokens([]))
    assert [each.name for each in path.parent.iterdir()] == ["tokens.toml"]


LETTERS = st.characters(codec="utf-8")


@given(
    st.text(LETTERS, min_size=1, max_size=20).map(str.strip).filter(bool),
    st.sets(st.text(LETTERS, min_size=1, max_size=8), min_size=1),
)
def test_names_and_grids_of_any_letters_survive_the_file(name: str, grids: set[str]) -> None:
    import tempfile

    who = Principal(name=name, role=Role.DISPATCHER, grids=frozenset(grids), rights=frozenset(Right))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokens.toml"
        write_tokens(path, [new_token(who)])
        assert read_tokens(path).tokens[0].principal == who


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("token = [", "not TOML"),
        ("", "no [[token]]"),
        ('[[token]]\nrole = "admin"\ntoken = "0123456789abcdef"', "no name"),
        ('[[token]]\nname = "a"\nrole = "boss"\ntoken = "0123456789abcdef"', "'boss'"),
        ('[[token]]\nname = "a"\nrole = "system"\ntoken = "0123456789abcdef"', "'system'"),
        ('[[token]]\nname = "a"\nrole = "admin"\ntoken = "short"', "shorter"),
        ('[[token]]\nname = "a"\nrole = "admin"', "either token or sha256"),
        ('[[token]]\nname = "a"\nrole = "admin"\nsha256 = "xyz"', "64 hexadecimal"),
        ('[[token]]\nname = "a"\nrole = "force"\ntoken = "0123456789abcdef"', "no terminal"),
        ('[[token]]\nname = "a"\nrole = "admin"\ntoken = "0123456789abcdef"\ngrids = "YP-G1"', "list of codes"),
        ('[[token]]\nname = "a"\nrole = "admin"\ntoken = "0123456789abcdef"\nrights = ["all"]', "open-originals"),
        ('[[token]]\nname = "a"\nrole = "admin"\ntokn = "0123456789abcdef"', "tokn"),
        ('[[token]]\nname = "a"\nrole = "admin"\ntoken = 7', "not a text"),
    ],
)
def test_each_fault_of_a_token_file_is_named(tmp_path: Path, content: str, named: str) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(content)
    with pytest.raises(TokenFileError, match=r"tokens\.toml") as caught:
        read_tokens(path)
    assert named in str(caught.value)


def test_a_digest_may_stand_for_the_token(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(f'[[token]]\nname = "a"\nrole = "admin"\nsha256 = "{digest_of("the-secret-of-a-long-day")}"\n')
    book = read_tokens(path)
    assert book.find("the-secret-of-a-long-day") == Principal(name="a", role=Role.ADMIN)
    assert book.find(book.tokens[0].sha256) is None
