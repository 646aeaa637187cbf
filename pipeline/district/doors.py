"""The district's people at the site's doors: desk and casebook as the forces know them, asked over HTTP only.

What a terminal may not do, nobody here can: each request carries the token of who makes it. Passing offers on is the
server's own business, so it is not asked for.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from geo.coords import LonLat
from pipeline.casebook import CaseFilter, Page
from pipeline.cases import Action, Case, Channel, Side, Status
from pipeline.district.errors import DistrictError
from pipeline.principal import Principal, Role

T = TypeVar("T")
_TIMEOUT_S: Final = 10.0
_REFUSED: Final = 400


class DoorError(DistrictError):
    """The server refused what somebody of the district asked."""

    def __init__(self, method: str, path: str, status: int, words: str) -> None:
        super().__init__(f"{method} {path} was answered with {status}: {words:.300}")
        self.status = status


class Answer(NamedTuple):
    """A response: status and body, decoded."""

    status: int
    body: Mapping[str, Any]


class Body(NamedTuple):
    """What a request carries; its media type is one of the interface's."""

    data: bytes
    media_type: str


Send = Callable[[str, str, str, Mapping[str, object] | None], Answer]
"""Sends (method, path, token, JSON body or None)."""
Carry = Callable[[str, str, str | None, Body | None], Answer]
"""Sends (method, path, token or None, body or None)."""


def over_http(base: str) -> Send:
    """Return what sends requests with JSON to a server at an address such as http://127.0.0.1:8080."""
    carry = carried_over_http(base)

    def send(method: str, path: str, token: str, body: Mapping[str, object] | None) -> Answer:
        return carry(method, path, token, None if body is None else json_body(body))

    return send


def json_body(value: Mapping[str, object]) -> Body:
    """Return a value as a request carries it."""
    return Body(json.dumps(value).encode(), "application/json")


def carried_over_http(base: str) -> Carry:
    """Return what carries requests of any kind to a server; one without a token is the public's."""

    def carry(method: str, path: str, token: str | None, body: Body | None) -> Answer:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = body.media_type
        data = None if body is None else body.data
        request = urllib.request.Request(base + path, data=data, headers=headers, method=method)  # noqa: S310 - http, ours
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310 - the same
                return Answer(response.status, json.load(response))
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, {"detail": refused.read(2_000).decode(errors="replace")})

    return carry


@dataclass(slots=True)
class Doors:
    """What forces ask of desk and casebook, over HTTP.

    Attributes:
        send: carries requests.
        tokens: by terminal; the duty officer's under the empty string.
    """

    send: Send
    tokens: Mapping[str, str]

    def case(self, number: str) -> Case:
        """Return a case."""
        return case_of(self._ask("GET", f"/api/v1/cases/{quote(number)}"))

    def cases(self, wanted: CaseFilter) -> Page:
        """Return the newest cases of some statuses."""
        query = [("status", each.value) for each in sorted(wanted.statuses)] + [("limit", str(wanted.limit))]
        body = self._ask("GET", f"/api/v1/cases?{urlencode(query)}")
        return Page(cases=tuple(case_of(each) for each in body["cases"]), next_after=None)

    def act(self, number: str, action: Action, *, principal: Principal, note: str = "") -> Case:
        """Take a step as somebody and return the case after it."""
        token = self._token(principal)
        return case_of(self._ask("POST", f"/api/v1/cases/{quote(number)}/{action.value}", token, {"note": note}))

    def pass_over(self) -> Sequence[str]:
        """Do nothing: the server's keeper passes offers on."""
        return ()

    def retry_undispatched(self) -> Sequence[str]:
        """Do nothing: the server's keeper tries again."""
        return ()

    def write(self, work: Callable[["Doors"], T]) -> T:
        """Let somebody tell positions."""
        return work(self)

    def save_position(self, terminal: str, lonlat: LonLat, at: datetime) -> bool:
        """Tell a terminal's position with its own token."""
        body = {"lon": lonlat.lon, "lat": lonlat.lat, "at": at.isoformat()}
        answer = self._ask("PUT", f"/api/v1/terminals/{quote(terminal)}/position", self.tokens[terminal], body)
        return bool(answer["stored"])

    def _token(self, principal: Principal) -> str:
        return self.tokens[(principal.terminal or "") if principal.role is Role.FORCE else ""]

    def _ask(
        self, method: str, path: str, token: str | None = None, body: Mapping[str, object] | None = None
    ) -> Mapping[str, Any]:
        answer = self.send(method, path, self.tokens[""] if token is None else token, body)
        return taken(answer, method, path)


def taken(answer: Answer, method: str, path: str) -> Mapping[str, Any]:
    """Return what was answered.

    Raises:
        DoorError: the request was refused.
    """
    if answer.status >= _REFUSED:
        raise DoorError(method, path, answer.status, str(answer.body.get("detail", "")))
    return answer.body


def case_of(told: Mapping[str, Any]) -> Case:
    """Return the case that an answer tells of, but for a deadline that was moved: the answer has when it is due."""
    east2, cross, north2 = told["cov_m2"]
    return Case(
        number=told["number"],
        category=told["category"],
        channel=Channel(told["channel"]),
        status=Status(told["status"]),
        urgent=told["urgent"],
        lonlat=LonLat(told["lon"], told["lat"]),
        cov_m2=(east2, cross, north2),
        error_m=told["error_m"],
        grid=told["grid"],
        unit=told["unit"],
        side=Side(told["side"]),
        occurred_at=datetime.fromisoformat(told["occurred_at"]),
        recorded_at=datetime.fromisoformat(told["recorded_at"]),
        updated_at=datetime.fromisoformat(told["updated_at"]),
        description=told["description"],
        camera=told["camera"],
        scene=told["scene"],
        terminal=told["terminal"],
        distance_m=told["distance_m"],
        sightings=told["sightings"],
        version=told["version"],
        arrive_by=_time(told["arrive_by"]),
        first_result_by=_time(told["first_result_by"]),
        urgent_reason=told["urgent_reason"],
        condition=told["condition"],
        ticket_due=_time(told["ticket_due"]),
        merged_into=told["merged_into"],
        reopened_at=_time(told["reopened_at"]),
        resumes_to=None if told["resumes_to"] is None else Status(told["resumes_to"]),
        bound=told["bound"],
        rework_by=told["rework_by"],
        supervised=told["supervised"],
        asked=told["asked"],
        extended=told["extended"],
        level=told["level"],
        liaisons=tuple(told["liaisons"]),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
