"""The doors by which people report, over HTTP only: a patrol's terminal, a printed place's form, the hotline's table.

Each report comes as the real one would: a terminal's with its own token, a citizen's without any, the hotline's as a
row of its table with the duty desk's.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from geo.coords import LonLat
from pipeline.district.doors import Body, Carry, DoorError, json_body, taken

_PATROL_ERROR_M: Final = 8.0
_UNPROCESSABLE: Final = 422
_CSV: Final = "text/csv; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What somebody reports.

    Attributes:
        category: the key of its class.
        lonlat: where, in WGS-84 degrees.
        at: when it was seen; aware.
        words: the description.
    """

    category: str
    lonlat: LonLat
    at: datetime
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDoors:
    """A server's doors for reports.

    Attributes:
        carry: carries requests.
        terminals: token of each terminal.
        desk: the duty desk's token, with which the hotline's tickets come.
        admin: the administrator's, who has places printed.
    """

    carry: Carry
    terminals: Mapping[str, str]
    desk: str
    admin: str

    def print_places(self, places: Sequence[tuple[str, LonLat]]) -> list[str]:
        """Have codes made for named WGS-84 places and return them in that order.

        Raises:
            DoorError: the server refused.
        """
        rows = [{"name": name, "lon": at.lon, "lat": at.lat} for name, at in places]
        told = self._ask("/api/v1/places.csv", self.admin, Body(_table(rows), _CSV))
        codes = {each["name"]: str(each["code"]) for each in told["places"]}
        return [codes[name] for name, _ in places]

    def patrol(self, found: Finding, terminal: str) -> str:
        """Report as a terminal does; returns the number of the case that it opened or belongs to.

        Raises:
            DoorError: the server refused.
        """
        body = {
            "channel": "patrol",
            "category": found.category,
            "lon": found.lonlat.lon,
            "lat": found.lonlat.lat,
            "error_m": _PATROL_ERROR_M,
            "occurred_at": found.at.isoformat(),
            "description": found.words,
        }
        return str(self._ask("/api/v1/cases", self.terminals[terminal], json_body(body))["number"])

    def public(self, code: str, *, category: str, words: str) -> str:
        """Report by a printed code, which carries the place, as anybody may; returns the receipt.

        Raises:
            DoorError: the server refused.
        """
        form = urlencode({"category": category, "description": words}).encode()
        sent = Body(form, "application/x-www-form-urlencoded")
        return str(self._ask(f"/api/v1/q/{quote(code)}/reports", None, sent)["receipt"])

    def hotline(self, found: Finding, ticket: str) -> str:
        """Import a table with one ticket; returns the number of the case that it opened or belongs to.

        Raises:
            DoorError: the server refused the table or the ticket.
        """
        row = {
            "ticket": ticket,
            "category": found.category,
            "occurred_at": found.at.isoformat(),
            "lon": found.lonlat.lon,
            "lat": found.lonlat.lat,
            "description": found.words,
            "urgent": "",
            "due_at": "",
            "phone": "",
        }
        path = "/api/v1/hotline/tickets.csv"
        told = self._ask(path, self.desk, Body(_table([row]), _CSV))
        if told["bad_rows"]:
            raise DoorError("POST", path, _UNPROCESSABLE, str(told["bad"]))
        return str([*told["opened"], *told["attached"], *told["known"]][0])

    def _ask(self, path: str, token: str | None, body: Body) -> Mapping[str, Any]:
        return taken(self.carry("POST", path, token, body), "POST", path)


def _table(rows: Sequence[Mapping[str, object]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
