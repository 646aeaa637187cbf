"""The duty book's changes as statements, within a transaction that `sql_casebook` ends."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline import sql_tables as t
from pipeline.case_clocks import DutyClock
from pipeline.casebook import AlreadyTakenError
from pipeline.duty_book import Anchor, Consultation, JointPart
from pipeline.sql_duties import SqlDutyReading, clock_row, consultation_row
from pipeline.sql_rows import bounded, micros, micros_or_none


class SqlDutyWriting(SqlDutyReading):
    """Changes the duty book; what it reads is what it commits against."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert

    def save_clock(self, clock: DutyClock) -> None:
        """Store a clock's new state, or a new clock."""
        row = bounded(t.clocks, clock_row(clock))
        new = self._insert(t.clocks).values(row)
        key = list(t.clocks.primary_key)
        self._connection.execute(new.on_conflict_do_update(index_elements=key, set_=row))

    def save_clocks(self, clocks: Sequence[DutyClock]) -> None:
        """Store new clocks in one statement; those that are there already are left."""
        if clocks:
            rows = [bounded(t.clocks, clock_row(clock)) for clock in clocks]
            self._connection.execute(self._insert(t.clocks).values(rows).on_conflict_do_nothing())

    def add_joint_parts(self, parts: Sequence[JointPart]) -> None:
        """Store the parts of a joint action.

        Raises:
            AlreadyTakenError: a department has a part in the case.
        """
        for part in parts:
            row = {
                "case_number": part.case,
                "department": part.department,
                "lead": part.lead,
                "force": part.force,
                "terminal": part.terminal,
                "opened_at": micros(part.opened_at),
                "done_at": micros_or_none(part.done_at),
            }
            self._add(t.joint_parts, row, kind="joint part", code=f"{part.case}/{part.department}")

    def drop_joint_parts(self, number: str) -> None:
        """Take the parts of a case's joint action away, which is over; its history keeps them."""
        self._connection.execute(delete(t.joint_parts).where(t.joint_parts.c.case_number == number))

    def finish_part(self, number: str, department: str, at: datetime) -> bool:
        """Mark a department's part as done; tells whether it was open."""
        c = t.joint_parts.c
        open_part = (c.case_number == number, c.department == department, c.done_at.is_(None))
        return self._connection.execute(update(t.joint_parts).where(*open_part).values(done_at=micros(at))).rowcount > 0

    def save_consultation(self, consultation: Consultation) -> None:
        """Store a meeting, or its new state."""
        row = bounded(t.consultations, consultation_row(consultation))
        new = self._insert(t.consultations).values(row)
        self._connection.execute(new.on_conflict_do_update(index_elements=[t.consultations.c.code], set_=row))

    def add_anchor(self, anchor: Anchor) -> None:
        """Store an anchor."""
        row = {name: getattr(anchor, name) for name in ("number", "first", "last", "heads", "previous", "digest")}
        self._connection.execute(insert(t.anchors).values(bounded(t.anchors, {**row, "at": micros(anchor.at)})))

    def erase_asides(self, number: str, places: Sequence[tuple[int, str]]) -> None:
        """Delete value and salt of details outside the chain; their digests stay."""
        if not places:
            return
        self._overwrite_deleted()
        own = select(t.events.c.sequence).where(t.events.c.case_number == number)
        c = t.asides.c
        gone = update(t.asides).where(tuple_(c.sequence, c.key).in_(places), c.sequence.in_(own))
        self._connection.execute(gone.values(salt=None, value=None))

    def erase_contacts(self, receipts: Sequence[str]) -> None:
        """Delete phone, contact and salt of reports."""
        self._overwrite_deleted()
        gone = update(t.reports).where(t.reports.c.id.in_(receipts))
        self._connection.execute(gone.values(phone=None, contact=None, salt=None))

    def erase_pictures(self, number: str) -> Sequence[str]:
        """Delete the rows of a case's pictures and originals; returns the files that no other row names."""
        self._overwrite_deleted()
        c = t.evidence.c
        rows = self._connection.execute(select(c.path, c.original_path).where(c.case_number == number))
        paths = {path for row in rows for path in row if path}
        self._connection.execute(delete(t.evidence).where(c.case_number == number))
        return sorted(paths - self.named(sorted(paths)))

    def _overwrite_deleted(self) -> None:
        """Have SQLite write zeros over what it deletes; PostgreSQL's turn comes after the commit, see `scrub`."""
        if self._connection.dialect.name == "sqlite":
            self._connection.exec_driver_sql("PRAGMA secure_delete = ON")

    def _add(self, table: Table, row: dict[str, Any], *, kind: str, code: str) -> None:
        key = list(table.primary_key)
        new = self._insert(table).values(bounded(table, dict(row))).on_conflict_do_nothing(index_elements=key)
        if self._connection.execute(new.returning(*key)).first() is None:
            raise AlreadyTakenError(kind, code)
