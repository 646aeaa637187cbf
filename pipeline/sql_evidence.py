"""Pictures' keeping and erasing as statements; mixed into reading and writing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select, update

from pipeline import sql_tables as t
from pipeline.casebook import Evidence
from pipeline.errors import UnknownError
from pipeline.sql_rows import evidence_of, is_plain, micros, micros_or_none


class SqlEvidenceReading:
    """Answers which pictures are there, named, and past keeping."""

    _connection: Connection

    def case_of(self, sighting: str) -> str | None:
        """Return the number of the case that a sighting belongs to; None if there is none."""
        query = select(t.sightings.c.case_number).where(t.sightings.c.id == sighting)
        found = self._connection.execute(query).scalar_one_or_none() if is_plain(sighting) else None
        return None if found is None else str(found)

    def source_of(self, sighting: str) -> tuple[str, str | None]:
        """Return the camera and scene of a sighting.

        Raises:
            UnknownError: it was never taken.
        """
        query = select(t.sightings.c.camera, t.sightings.c.scene).where(t.sightings.c.id == sighting)
        row = self._connection.execute(query).first() if is_plain(sighting) else None
        if row is None:
            raise UnknownError("sighting", sighting)
        return row[0], row[1]

    def has_case(self, number: str) -> bool:
        """Tell whether there is a case of that number."""
        query = select(t.cases.c.number).where(t.cases.c.number == number)
        return is_plain(number) and self._connection.execute(query).first() is not None

    def past_keeping(self, before: datetime, *, originals: bool, limit: int = 500) -> Sequence[Evidence]:
        """Return pictures, or sealed originals, of before a moment that nobody has decided to erase; oldest first."""
        c = t.evidence.c
        there = (
            and_(c.original_path.is_not(None), c.original_erased_at.is_(None)) if originals else c.erased_at.is_(None)
        )
        query = select(t.evidence).where(c.captured_at < micros(before), there)
        return self._pictures(query.order_by(c.captured_at, c.ordinal).limit(limit))

    def to_unlink(self, *, limit: int = 500) -> Sequence[Evidence]:
        """Return pictures that it was decided to erase and whose paths are still there."""
        c = t.evidence.c
        whole = and_(c.erased_at.is_not(None), c.path != "")
        original = and_(c.original_erased_at.is_not(None), c.original_path.is_not(None))
        return self._pictures(select(t.evidence).where(or_(whole, original)).order_by(c.ordinal).limit(limit))

    def named(self, paths: Sequence[str]) -> frozenset[str]:
        """Return which of the paths a picture that is kept, a trial or a camera's fault names."""
        wanted, c = list(paths), t.evidence.c
        kept = select(c.path).where(c.path.in_(wanted), c.erased_at.is_(None))
        sealed = select(c.original_path).where(c.original_path.in_(wanted), c.original_erased_at.is_(None))
        faults = select(t.camera_health.c.picture).where(t.camera_health.c.picture.in_(wanted))
        found = {str(path) for query in (kept, sealed, faults) for path in self._connection.execute(query).scalars()}
        # A trial's pictures stand in one text; paths are plain, so they stand in it as they are.
        for path in set(wanted) - found:
            query = select(t.trials.c.id).where(t.trials.c.pictures.contains(f'"{path}"', autoescape=True)).limit(1)
            if self._connection.execute(query).first() is not None:
                found.add(path)
        return frozenset(found)

    def _pictures(self, query: Select[Any]) -> Sequence[Evidence]:
        rows: Sequence[Mapping[Any, Any]] = self._connection.execute(query).mappings().all()
        return [evidence_of(row) for row in rows]


class SqlEvidenceWriting(SqlEvidenceReading):
    """Changes whose the pictures are, and which are to be erased."""

    def move_sightings(self, sightings: Sequence[str], *, to: str) -> None:
        """Give sightings and their pictures to another case."""
        for table, column in ((t.sightings, t.sightings.c.id), (t.evidence, t.evidence.c.sighting)):
            self._connection.execute(update(table).where(column.in_(list(sightings))).values(case_number=to))

    def save_erasing(self, evidence: Evidence) -> None:
        """Store what has changed of a picture: its paths, and when it was decided to erase them.

        Raises:
            UnknownError: there is no such picture.
        """
        values = {
            "path": evidence.path,
            "original_path": evidence.original_path or None,
            "erased_at": micros_or_none(evidence.erased_at),
            "original_erased_at": micros_or_none(evidence.original_erased_at),
        }
        if (
            self._connection.execute(update(t.evidence).where(t.evidence.c.id == evidence.id).values(values)).rowcount
            != 1
        ):
            raise UnknownError("picture", evidence.id)
