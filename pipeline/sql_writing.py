"""Writing: the casebook's changes as statements on one connection, within a transaction that `sql_casebook` ends."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from geo.coords import LonLat
from pipeline import sql_tables as t
from pipeline.casebook import (
    CameraState,
    Evidence,
    LimitError,
    OutboxMessage,
    VersionConflictError,
)
from pipeline.cases import Case, Event
from pipeline.errors import UnknownError
from pipeline.health_events import HealthEvent
from pipeline.history import canonical, seal
from pipeline.sql_bulk import store_rows
from pipeline.sql_duty_writing import SqlDutyWriting
from pipeline.sql_evidence import SqlEvidenceWriting
from pipeline.sql_judging import SqlJudgingWriting
from pipeline.sql_past import aside_rows, require_told, write_past
from pipeline.sql_points import SqlPointsWriting
from pipeline.sql_reports import SqlReportWriting
from pipeline.sql_rows import bounded, case_row, event_row, micros, micros_or_none
from pipeline.sql_trust import SqlTrustWriting

_MOST_JSON = 1_000_000


class SqlTransaction(
    SqlTrustWriting, SqlEvidenceWriting, SqlReportWriting, SqlJudgingWriting, SqlPointsWriting, SqlDutyWriting
):
    """One write; what it reads is what it commits against, because writers take turns."""

    def next_number(self, prefix: str, day: str) -> str:
        """Return the next number of a day such as 20261123; four digits, more when the day has more."""
        return self.next_numbers(prefix, day, 1)[0]

    def next_numbers(self, prefix: str, day: str, count: int) -> list[str]:
        """Return the next numbers of a day, one or more."""
        last = self._count(f"number/{prefix}{day}", count)
        return [f"{prefix}{day}-{each:04d}" for each in range(last - count + 1, last + 1)]

    def add_case(self, case: Case) -> None:
        """Store a new case.

        Raises:
            AlreadyTakenError: the number is stored already.
            LimitError: a text is too long.
        """
        self._add(t.cases, {**case_row(case), "ordinal": self._count("cases")}, kind="case", code=case.number)

    def save_case(self, case: Case) -> None:
        """Store a case's new state.

        Raises:
            VersionConflictError: the stored version is not one below.
            LimitError: a text is too long.
        """
        before = (t.cases.c.number == case.number, t.cases.c.version == case.version - 1)
        if (
            self._connection.execute(update(t.cases).where(*before).values(bounded(t.cases, case_row(case)))).rowcount
            != 1
        ):
            raise VersionConflictError(case.number, case.version)

    def append(self, event: Event) -> Event:
        """Append to a case's history.

        Returns:
            The event with its sequence and digests.

        Raises:
            UnknownError: there is no such case.
        """
        self.case(event.case)
        c = t.events.c
        newest = select(c.digest).where(c.case_number == event.case).order_by(c.sequence.desc()).limit(1)
        previous = self._connection.execute(newest).scalar_one_or_none() or ""
        entry = seal(event, previous=previous, sequence=self._count("events"))
        self._connection.execute(insert(t.events).values(bounded(t.events, event_row(entry))))
        for row in aside_rows(entry):
            self._connection.execute(insert(t.asides).values(bounded(t.asides, row)))
        return entry.whole()

    def add_past(self, past: Sequence[tuple[Case, Sequence[Event]]]) -> None:
        """Store cases that ended before, each with its whole history; all of them or none.

        Raises:
            HistoryError: a history does not add up to its case.
            AlreadyTakenError: one of the cases is stored already.
            LimitError: a text is too long.
        """
        for case, events in past:
            require_told(case, events)
        if past:
            steps = sum(len(events) for _, events in past)
            ordinal, sequence = self._count("cases", len(past)), self._count("events", steps)
            write_past(self._connection, past, ordinal=ordinal - len(past) + 1, sequence=sequence - steps + 1)

    def add_sighting(
        self, sighting: str, *, case: str | None, camera: str, captured_at: datetime, scene: str | None = None
    ) -> None:
        """Remember a sighting's id.

        Raises:
            AlreadyTakenError: it was taken before.
        """
        row = sighting_row(sighting, case=case, camera=camera, captured_at=captured_at, scene=scene)
        self._add(t.sightings, row, kind="sighting", code=sighting)

    def add_evidence(self, evidence: Evidence) -> None:
        """Store what is known of a picture whose file is in its place.

        Raises:
            AlreadyTakenError: the id is stored already.
        """
        row = {
            "id": evidence.id,
            "ordinal": self._count("evidence"),
            "case_number": evidence.case,
            "sighting": evidence.sighting,
            "label": evidence.label,
            "path": evidence.path,
            "sha256": evidence.sha256,
            "captured_at": micros(evidence.captured_at),
            "original_path": evidence.original_path or None,
            "original_sha256": evidence.original_sha256 or None,
            "seen": None if evidence.seen is None else _bounded_json("seen", evidence.seen),
            "erased_at": micros_or_none(evidence.erased_at),
            "original_erased_at": micros_or_none(evidence.original_erased_at),
        }
        self._add(t.evidence, row, kind="evidence", code=evidence.id)

    def save_position(self, terminal: str, lonlat: LonLat, at: datetime, *, ahead: datetime | None = None) -> bool:
        """Store a terminal's position unless one as new is known; tells whether it was stored."""
        return self.save_positions([(terminal, lonlat, at)], ahead=ahead) == 1

    def save_positions(self, heard: Sequence[tuple[str, LonLat, datetime]], *, ahead: datetime | None = None) -> int:
        """Store many positions, each unless one as new is known; returns how many were stored.

        Args:
            ahead: what is dated later than this was stored while a clock was ahead, and is replaced by any.
        """
        if not heard:
            return 0
        sequence = self._count("positions")
        newest = {terminal: (lonlat, at) for terminal, lonlat, at in sorted(heard, key=lambda each: each[2])}
        rows = [
            bounded(t.positions, {"terminal": terminal, "lon": lonlat.lon, "lat": lonlat.lat, "at": micros(at)})
            for terminal, (lonlat, at) in newest.items()
        ]
        # One statement for all, of which the drivers tell how many rows it has stored.
        return store_rows(
            self._connection,
            t.positions,
            [{**row, "sequence": sequence} for row in rows],
            known="replaced",
            newer="at",
            ahead=micros_or_none(ahead),
        )

    def save_camera_state(self, state: CameraState) -> None:
        """Store what a camera's pipeline must remember.

        Raises:
            LimitError: it is more than a million characters of JSON.
        """
        values = {"newest_at": micros(state.newest_at), "occupancies": _bounded_json("occupancies", state.occupancies)}
        new = self._insert(t.camera_states).values(bounded(t.camera_states, {"camera": state.camera, **values}))
        self._connection.execute(new.on_conflict_do_update(index_elements=[t.camera_states.c.camera], set_=values))

    def save_health(self, event: HealthEvent) -> None:
        """Store a spell, or its end if it is known; a picture that is known stays."""
        row = {
            "id": event.id,
            "camera": event.camera,
            "fault": event.fault.value,
            "since": micros(event.since),
            "until": micros_or_none(event.until),
            "value": event.value,
            "limit": event.limit,
            "picture": event.picture,
        }
        new = self._insert(t.camera_health).values(bounded(t.camera_health, row))
        self._connection.execute(
            new.on_conflict_do_update(index_elements=[t.camera_health.c.id], set_={"until": row["until"]})
        )

    def save_camera_reference(self, camera: str, memory: str, at: datetime) -> None:
        """Store what a camera looks like usually.

        Raises:
            LimitError: it is more than a million characters.
        """
        if len(memory) > _MOST_JSON:
            raise LimitError("memory", f"{len(memory)} characters", f"{_MOST_JSON} at most")
        values = {"at": micros(at), "memory": memory}
        new = self._insert(t.camera_references).values(bounded(t.camera_references, {"camera": camera, **values}))
        self._connection.execute(new.on_conflict_do_update(index_elements=[t.camera_references.c.camera], set_=values))

    def enqueue(self, message: OutboxMessage) -> None:
        """Put a message in the outbox unless its key is there already.

        Raises:
            LimitError: the payload is more than a million characters of JSON.
        """
        new = self._insert(t.outbox).values(outbox_row(message))
        self._connection.execute(new.on_conflict_do_nothing(index_elements=[t.outbox.c.key]))

    def mark_sent(self, message: int, at: datetime) -> None:
        """Take a message out of the outbox.

        Raises:
            UnknownError: there is no such message.
        """
        sent = update(t.outbox).where(t.outbox.c.id == message).values(sent_at=micros(at))
        if self._connection.execute(sent).rowcount != 1:
            raise UnknownError("message", str(message))

    def save_site(self, documents: Mapping[str, str], at: datetime) -> int:
        """Store a site's documents as a new version; returns its number."""
        version = self._count("site")
        row = {"version": version, "at": micros(at), "documents": canonical(dict(documents))}
        self._connection.execute(insert(t.site_versions).values(bounded(t.site_versions, row)))
        return version

    def _counted(self, name: str) -> int:
        return self._count(name)

    def _count(self, name: str, by: int = 1) -> int:
        """Raise a counter that begins at 0 and return it; a rollback gives it back, so there are no gaps."""
        new: sqlite.Insert | postgresql.Insert = self._insert(t.counters).values(name=name, value=by)
        counted = new.on_conflict_do_update(index_elements=[t.counters.c.name], set_={"value": t.counters.c.value + by})
        return int(self._connection.execute(counted.returning(t.counters.c.value)).scalar_one())


def sighting_row(
    sighting: str, *, case: str | None, camera: str, captured_at: datetime, scene: str | None
) -> dict[str, Any]:
    """Return a sighting's columns."""
    return {"id": sighting, "case_number": case, "camera": camera, "captured_at": micros(captured_at), "scene": scene}


def outbox_row(message: OutboxMessage) -> dict[str, Any]:
    """Return a message's columns.

    Raises:
        LimitError: the payload is more than a million characters of JSON, or a text is too long.
    """
    row = {
        "key": message.key,
        "kind": message.kind,
        "target": message.target,
        "payload": _bounded_json("payload", message.payload),
        "created_at": micros_or_none(message.created_at),
    }
    return bounded(t.outbox, row)


def _bounded_json(field: str, value: Mapping[str, object]) -> str:
    text = canonical(dict(value))
    if len(text) > _MOST_JSON:
        raise LimitError(field, f"{len(text)} characters of JSON", f"{_MOST_JSON} at most")
    return text
