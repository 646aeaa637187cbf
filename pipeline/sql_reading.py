"""Reading: the casebook's questions as statements on one connection, inside a write or outside."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, cast, func, select

from geo.coords import LonLat
from pipeline import sql_tables as t
from pipeline.casebook import CameraState, CaseFilter, CaseKept, Evidence, LimitError, Near, OutboxMessage, Page
from pipeline.cases import ON_TERMINAL, OPEN, Case, Event, Status
from pipeline.errors import UnknownError
from pipeline.health_events import HealthEvent
from pipeline.history import Aside, Entry
from pipeline.sql_counts import SqlCountsReading
from pipeline.sql_evidence import SqlEvidenceReading
from pipeline.sql_family import family
from pipeline.sql_judging import SqlJudgingReading
from pipeline.sql_near import box_of, cases_of, found_near
from pipeline.sql_points import SqlPointsReading
from pipeline.sql_reports import SqlReportReading
from pipeline.sql_rows import case_of, event_of, evidence_of, health_of, instant, is_plain, kept_of, message_of, micros
from pipeline.sql_trust import SqlTrustReading
from pipeline.terminals import Moved, Terminal

MOST_ROWS = 1000
_LAST_SEQUENCE = 2**63 - 1
_NEWEST_SITE = select(func.max(t.site_versions.c.version))
_NOT_FILED = (Status.REPORTED.value, Status.VERIFIED.value, Status.REFUSED.value, Status.VOID.value)


class SqlReading(
    SqlCountsReading, SqlTrustReading, SqlEvidenceReading, SqlReportReading, SqlJudgingReading, SqlPointsReading
):
    """Answers what can be asked of a casebook, on a connection that somebody else opens and closes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def case(self, number: str) -> Case:
        """Return a case.

        Raises:
            UnknownError: there is none of that number.
        """
        row = self._rows(select(t.cases).where(t.cases.c.number == asked("case", number)))
        if not row:
            raise UnknownError("case", number)
        return case_of(row[0])

    def cases(self, wanted: CaseFilter) -> Page:
        """Return a page of cases, newest first.

        Raises:
            LimitError: the limit is not 1 to 1000.
            UnknownError: `after` names no case.
        """
        limit = checked_limit(wanted.limit)
        query = select(t.cases).where(*_conditions(wanted)).order_by(t.cases.c.ordinal.desc()).limit(limit + 1)
        if wanted.after is not None:
            query = query.where(t.cases.c.ordinal < self._ordinal(wanted.after))
        found = tuple(case_of(row) for row in self._rows(query))
        more = len(found) > limit
        return Page(cases=found[:limit], next_after=found[limit - 1].number if more else None)

    def similar(self, category: str, lonlat: LonLat, within_m: float) -> Sequence[Case]:
        """Return a category's cases in a box, open ones first, then the last changed; 500 at most."""
        [numbers] = found_near(self._connection, [box_of(Near(category, lonlat, within_m))])
        found = cases_of(self._connection, numbers)
        return [found[number] for number in numbers]

    def entries(self, number: str) -> Sequence[Entry]:
        """Return a case's history as it is chained, oldest first, for `history.chain_faults`.

        Raises:
            UnknownError: there is no such case.
        """
        found = self._entries(select(t.events).where(t.events.c.case_number == asked("case", number)))
        if not found:
            raise UnknownError("case", number)
        return found

    def events(self, number: str) -> Sequence[Event]:
        """Return a case's history, oldest first.

        Raises:
            UnknownError: there is no such case.
        """
        return [entry.whole() for entry in self.entries(number)]

    def events_after(self, sequence: int, *, limit: int = 500) -> Sequence[Event]:
        """Return the site's committed events after a place, oldest first.

        Raises:
            LimitError: the limit is not 1 to 1000.
        """
        query = select(t.events).where(t.events.c.sequence > min(sequence, _LAST_SEQUENCE))
        return [entry.whole() for entry in self._entries(query, limit=checked_limit(limit))]

    def newest_sequence(self) -> int:
        """Return the place of the newest committed event, 0 if there is none."""
        return int(self._connection.execute(select(func.max(t.events.c.sequence))).scalar_one() or 0)

    def terminals(self) -> Mapping[str, Terminal]:
        """Return every terminal that reported a position or holds a case."""
        c = t.cases.c
        holding = (
            select(c.terminal, func.count().label("cases"), func.sum(cast(c.urgent, Integer)).label("urgent"))
            .where(c.terminal.is_not(None), c.status.in_([s.value for s in ON_TERMINAL]))
            .group_by(c.terminal)
        )
        held = {
            row["terminal"]: Terminal(id=row["terminal"], open_cases=int(row["cases"]), open_urgent=int(row["urgent"]))
            for row in self._rows(holding)
        }
        heard = {
            row["terminal"]: replace(
                held.get(row["terminal"], Terminal(id=row["terminal"])),
                lonlat=LonLat(row["lon"], row["lat"]),
                positioned_at=instant(row["at"]),
            )
            for row in self._rows(select(t.positions))
        }
        return {**held, **heard}

    def position(self, terminal: str) -> Moved | None:
        """Return where a terminal was when it was last heard; None if it never was."""
        return position_of(self._connection, terminal)

    def evidence(self, number: str) -> Sequence[Evidence]:
        """Return the pictures of a case and of those merged into it, oldest first; 1000 at most."""
        query = select(t.evidence).where(t.evidence.c.case_number.in_(family(number))).order_by(t.evidence.c.ordinal)
        return [evidence_of(row) for row in self._rows(query.limit(MOST_ROWS))]

    def merged(self, number: str) -> Sequence[Case]:
        """Return the cases that were merged into one, and those merged into them in turn, oldest first."""
        return [case_of(row) for row in self._rows(merged_into(number))]

    def picture(self, ident: str) -> Evidence:
        """Return a picture.

        Raises:
            UnknownError: there is none of that id.
        """
        rows = self._rows(select(t.evidence).where(t.evidence.c.id == asked("picture", ident)))
        if not rows:
            raise UnknownError("picture", ident)
        return evidence_of(rows[0])

    def kept(self, *, since: datetime | None = None, until: datetime | None = None) -> Sequence[CaseKept]:
        """Return all filed cases, from `since` (included) until `until` (excluded), by time of occurrence."""
        c = t.cases.c
        query = (
            select(c.number, c.lon, c.lat, c.occurred_at, c.channel, c.grid, c.status, c.category)
            .where(c.status.not_in(_NOT_FILED), *_period(since, until))
            .order_by(c.occurred_at, c.ordinal)
        )
        return [kept_of(row) for row in self._connection.execute(query)]

    def has_sighting(self, sighting: str) -> bool:
        """Tell whether a sighting was taken before."""
        query = select(t.sightings.c.id).where(t.sightings.c.id == sighting)
        return self._connection.execute(query).first() is not None

    def camera_state(self, camera: str) -> CameraState | None:
        """Return what a camera's pipeline remembered."""
        rows = self._rows(select(t.camera_states).where(t.camera_states.c.camera == camera))
        if not rows:
            return None
        row = rows[0]
        return CameraState(
            camera=row["camera"], newest_at=instant(row["newest_at"]), occupancies=json.loads(row["occupancies"])
        )

    def health(self, *, camera: str | None = None, lasting: bool = False, limit: int = 200) -> Sequence[HealthEvent]:
        """Return spells of cameras' faults, newest first.

        Raises:
            LimitError: the limit is not 1 to 1000.
        """
        c = t.camera_health.c
        query = select(t.camera_health).order_by(c.since.desc(), c.id).limit(checked_limit(limit))
        if camera is not None:
            query = query.where(c.camera == asked("camera", camera))
        if lasting:
            query = query.where(c.until.is_(None))
        return [health_of(row) for row in self._rows(query)]

    def health_event(self, ident: str) -> HealthEvent:
        """Return a spell.

        Raises:
            UnknownError: there is none of that id.
        """
        rows = self._rows(select(t.camera_health).where(t.camera_health.c.id == asked("health event", ident)))
        if not rows:
            raise UnknownError("health event", ident)
        return health_of(rows[0])

    def camera_reference(self, camera: str) -> str:
        """Return what a camera looks like usually; empty if nothing was stored."""
        query = select(t.camera_references.c.memory).where(t.camera_references.c.camera == camera)
        return str(self._connection.execute(query).scalar_one_or_none() or "")

    def outbox(self, *, limit: int = 100) -> Sequence[OutboxMessage]:
        """Return messages that have not left, oldest first.

        Raises:
            LimitError: the limit is not 1 to 1000.
        """
        query = select(t.outbox).where(t.outbox.c.sent_at.is_(None)).order_by(t.outbox.c.id)
        return [message_of(row) for row in self._rows(query.limit(checked_limit(limit)))]

    def site_documents(self) -> Mapping[str, str]:
        """Return the newest applied site's documents; empty if none was applied."""
        query = select(t.site_versions.c.documents).order_by(t.site_versions.c.version.desc()).limit(1)
        stored = self._connection.execute(query).scalar_one_or_none()
        documents: dict[str, str] = {} if stored is None else json.loads(stored)
        return documents

    def site_version(self) -> int:
        """Return the number of the newest applied site, 0 if none was applied."""
        return newest_site(self._connection)

    def categories_used(self) -> frozenset[str]:
        """Return the keys of the categories that any case has."""
        return frozenset(self._connection.execute(select(t.cases.c.category).distinct()).scalars())

    def conditions_used(self) -> frozenset[tuple[str, int]]:
        """Return the filing conditions that open cases were filed on, each its category's key and its number."""
        filed = t.cases.c.condition.is_not(None) & t.cases.c.status.in_([each.value for each in OPEN])
        query = select(t.cases.c.category, t.cases.c.condition).where(filed).distinct()
        return frozenset((key, number) for key, number in self._connection.execute(query))

    def _rows(self, query: Select[Any]) -> Sequence[Mapping[Any, Any]]:
        return self._connection.execute(query).mappings().all()

    def _ordinal(self, number: str) -> int:
        found = self._connection.execute(
            select(t.cases.c.ordinal).where(t.cases.c.number == number)
        ).scalar_one_or_none()
        if found is None:
            raise UnknownError("case", number)
        return int(found)

    def _entries(self, query: Select[Any], *, limit: int | None = None) -> list[Entry]:
        """Return events with their asides; both queries see the same events, which never change once written."""
        rows = self._rows(query.order_by(t.events.c.sequence).limit(limit))
        if not rows:
            return []
        chosen = query.with_only_columns(t.events.c.sequence).where(t.events.c.sequence <= rows[-1]["sequence"])
        beside: defaultdict[int, list[Aside]] = defaultdict(list)
        for row in self._rows(select(t.asides).where(t.asides.c.sequence.in_(chosen)).order_by(t.asides.c.key)):
            aside = Aside(key=row["key"], digest=row["digest"], salt=row["salt"], value=row["value"])
            beside[row["sequence"]].append(aside)
        return [Entry(event=event_of(row), asides=tuple(beside[row["sequence"]])) for row in rows]


def newest_site(connection: Connection) -> int:
    """Return the number of the newest applied site, 0 if none was applied."""
    return int(connection.execute(_NEWEST_SITE).scalar_one() or 0)


def merged_into(number: str) -> Select[Any]:
    """Return the question after the cases that were merged into one, however deep, oldest first."""
    c, known = t.cases.c, asked("case", number)
    return select(t.cases).where(c.number.in_(family(known)), c.number != known).order_by(c.ordinal)


def position_of(connection: Connection, terminal: str) -> Moved | None:
    """Return where a terminal was when it was last heard; None if it never was."""
    row = connection.execute(select(t.positions).where(t.positions.c.terminal == terminal)).mappings().first()
    if row is None:
        return None
    return Moved(terminal=terminal, lonlat=LonLat(row["lon"], row["lat"]), at=instant(row["at"]))


def asked(kind: str, code: str) -> str:
    """Return what was asked for; what no database can hold is nowhere."""
    if not is_plain(code):
        raise UnknownError(kind, code)
    return code


def checked_limit(limit: int) -> int:
    """Return a limit of 1 to 1000 rows.

    Raises:
        LimitError: it is not.
    """
    if not 1 <= limit <= MOST_ROWS:
        raise LimitError("limit", limit, f"1 to {MOST_ROWS}")
    return limit


def _conditions(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    c = t.cases.c
    conditions = _period(wanted.since, wanted.until)
    if wanted.statuses:
        conditions.append(c.status.in_([status.value for status in wanted.statuses]))
    if wanted.grids is not None:
        conditions.append(c.grid.in_(sorted(filter(is_plain, wanted.grids))))
    if wanted.channels:
        conditions.append(c.channel.in_([channel.value for channel in wanted.channels]))
    if wanted.terminal is not None:
        conditions.append(c.terminal == asked("terminal", wanted.terminal))
    if wanted.bbox is not None:
        west, south, east, north = wanted.bbox
        conditions.append(and_(c.lon.between(west, east), c.lat.between(south, north)))
    return conditions


def _period(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    c = t.cases.c
    after = [] if since is None else [c.occurred_at >= micros(since)]
    return after + ([] if until is None else [c.occurred_at < micros(until)])
