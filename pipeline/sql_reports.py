"""Reports and printed places as statements: what `SqlReading` and `SqlTransaction` are mixed with."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from geo.coords import LonLat
from pipeline import sql_tables as t
from pipeline.casebook import AlreadyTakenError
from pipeline.cases import Case, Channel, Status
from pipeline.errors import UnknownError
from pipeline.reports import PrintedPlace, Received
from pipeline.sql_rows import bounded, case_of, instant, instant_or_none, is_plain, micros, micros_or_none

_MOST_ROWS = 1000
_MOST_PLACES = 100_000
_DECIDED = ("appeal-upheld", "appeal-dismissed")


class SqlReportReading:
    """Answers what can be asked of reports and places."""

    _connection: Connection

    def report(self, ident: str) -> Received:
        """Return a report.

        Raises:
            UnknownError: there is none of that receipt.
        """
        found = self._reports(select(t.reports).where(t.reports.c.id == _plain("receipt", ident)))
        if not found:
            raise UnknownError("receipt", ident)
        return found[0]

    def reports_of(self, case: str) -> Sequence[Received]:
        """Return the reports that a case came from, oldest first."""
        return self._reports(of_case(case))

    def report_of_ticket(self, source: str, ticket: str) -> Received | None:
        """Return the report that took a ticket in."""
        if not (is_plain(source) and is_plain(ticket)):
            return None
        found = self._reports(select(t.reports).where(t.reports.c.source == source, t.reports.c.ticket == ticket))
        return found[0] if found else None

    def reports_since(self, at: datetime, *, place: str | None = None) -> int:
        """Return how many reports came by one printed place, or by all of them, since a moment."""
        where = t.reports.c.place.is_not(None) if place is None else t.reports.c.place == place
        query = select(func.count()).select_from(t.reports).where(where, t.reports.c.at >= micros(at))
        return int(self._connection.execute(query).scalar_one())

    def printed_place(self, code: str) -> PrintedPlace:
        """Return a printed place, in use or not.

        Raises:
            UnknownError: there is none of that code.
        """
        query = select(t.places).where(t.places.c.code == _plain("printed place", code))
        row = self._connection.execute(query).mappings().first()
        if row is None:
            raise UnknownError("printed place", code)
        return _place_of(row)

    def printed_places(self) -> Sequence[PrintedPlace]:
        """Return the printed places that are in use, by name."""
        query = select(t.places).where(t.places.c.ended_at.is_(None)).order_by(t.places.c.name, t.places.c.code)
        return [_place_of(row) for row in self._connection.execute(query.limit(_MOST_PLACES)).mappings()]

    def appealed(self) -> Sequence[Case]:
        """Return the refused cases whose appeal nobody decided yet, oldest first."""
        c = t.events.c
        decided = exists().where(c.case_number == t.cases.c.number, c.action.in_(_DECIDED))
        asked = exists().where(c.case_number == t.cases.c.number, c.action == "appeal")
        query = select(t.cases).where(t.cases.c.status == Status.REFUSED.value, asked, ~decided)
        rows = self._connection.execute(query.order_by(t.cases.c.ordinal).limit(_MOST_ROWS)).mappings()
        return [case_of(row) for row in rows]

    def _reports(self, query: Select[Any]) -> list[Received]:
        return [received_of(row) for row in self._connection.execute(query).mappings()]


class SqlReportWriting:
    """Stores reports and places."""

    _connection: Connection

    def add_report(self, received: Received) -> None:
        """Store a report.

        Raises:
            AlreadyTakenError: its ticket was taken before.
            LimitError: a text is too long.
        """
        kind = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        new: Any = kind(t.reports).values(bounded(t.reports, report_row(received)))
        if self._connection.execute(new.on_conflict_do_nothing().returning(t.reports.c.id)).first() is None:
            raise AlreadyTakenError("ticket", f"{received.source} {received.ticket}")

    def add_printed_place(self, place: PrintedPlace) -> None:
        """Store a printed place.

        Raises:
            LimitError: its name is too long.
        """
        row = {
            "code": place.code,
            "name": place.name,
            "lon": place.lonlat.lon,
            "lat": place.lonlat.lat,
            "made_at": micros(place.made_at),
            "ended_at": micros_or_none(place.ended_at),
        }
        self._connection.execute(t.places.insert().values(bounded(t.places, row)))

    def end_printed_place(self, code: str, at: datetime) -> None:
        """Take a printed place out of use; the first time counts.

        Raises:
            UnknownError: there is none of that code in use.
        """
        c = t.places.c
        ended = update(t.places).where(c.code == _plain("printed place", code), c.ended_at.is_(None))
        if self._connection.execute(ended.values(ended_at=micros(at))).rowcount != 1:
            raise UnknownError("printed place", code)


def of_case(number: str) -> Select[Any]:
    """Return the question after a case's reports, oldest first."""
    query = select(t.reports).where(t.reports.c.case_number == _plain("case", number))
    return query.order_by(t.reports.c.at, t.reports.c.id).limit(_MOST_ROWS)


def report_row(received: Received) -> dict[str, Any]:
    """Return a report's columns."""
    return {
        "id": received.id,
        "channel": received.channel.value,
        "source": received.source,
        "ticket": received.ticket,
        "case_number": received.case,
        "outcome": received.outcome,
        "at": micros(received.at),
        "place": received.place,
        "phone": received.phone or None,
        "reporter": received.reporter,
        "contact": received.contact or None,
        "salt": received.salt,
        "contact_digest": received.contact_digest,
    }


def received_of(row: Mapping[Any, Any]) -> Received:
    """Return a report of its columns."""
    return Received(
        id=row["id"],
        channel=Channel(row["channel"]),
        case=row["case_number"],
        outcome=row["outcome"],
        at=instant(row["at"]),
        source=row["source"],
        ticket=row["ticket"],
        place=row["place"],
        phone=row["phone"] or "",
        reporter=row["reporter"],
        contact=row["contact"] or "",
        salt=row["salt"],
        contact_digest=row["contact_digest"],
    )


def _place_of(row: Mapping[Any, Any]) -> PrintedPlace:
    return PrintedPlace(
        code=row["code"],
        name=row["name"],
        lonlat=LonLat(row["lon"], row["lat"]),
        made_at=instant(row["made_at"]),
        ended_at=instant_or_none(row["ended_at"]),
    )


def _plain(kind: str, code: str) -> str:
    """Return what was asked for; what no database can hold is nowhere."""
    if not is_plain(code):
        raise UnknownError(kind, code)
    return code
