"""The book of judgements as statements: what `SqlReading` and `SqlTransaction` are mixed with."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, exists, insert, or_, select

from pipeline import sql_tables as t
from pipeline.casebook import LimitError
from pipeline.cases import ENDED
from pipeline.errors import UnknownError
from pipeline.history import canonical
from pipeline.judging_book import EntryKind, Judgement, entry_digest
from pipeline.principal import Role
from pipeline.sql_rows import bounded, instant, micros

_COUNTER: Final = "judgements"
_MOST_ROWS: Final = 1000
_MOST_JSON: Final = 4_000_000
_LAST: Final = 2**31 - 1
_ENDED: Final = sorted(status.value for status in ENDED)


class SqlJudgingReading:
    """Answers what can be asked of judgements, and which cases a period is judged by."""

    _connection: Connection

    def cases_to_judge(self, since: datetime, until: datetime) -> Sequence[str]:
        """Return the cases opened before `until` that had not ended before `since`, with all merged into them."""
        c = t.cases.c
        moved = exists().where(t.events.c.case_number == c.number, t.events.c.at >= micros(since))
        lives = or_(c.status.not_in(_ENDED), moved)
        query = select(c.number).where(c.recorded_at < micros(until), lives).order_by(c.ordinal)
        found = list(self._connection.execute(query).scalars())
        merged = select(c.number, c.merged_into).where(c.merged_into.is_not(None), c.recorded_at < micros(until))
        parts: defaultdict[str, list[str]] = defaultdict(list)
        for number, into in self._connection.execute(merged):
            parts[into].append(number)
        known = set(found)
        # A case that had ended long before may be part of one that is judged; its opening says who knew first.
        for judged in found:  # grows while it is walked: a part may have parts of its own
            more = [number for number in parts[judged] if number not in known]
            known.update(more)
            found += more
        return found

    def judgement(self, number: int) -> Judgement:
        """Return an entry.

        Raises:
            UnknownError: there is none of that number.
        """
        found = self._judgements(select(t.judgements).where(t.judgements.c.number == number)) if number < _LAST else []
        if not found:
            raise UnknownError("judgement", str(number))
        return found[0]

    def judgements(
        self, *, kind: EntryKind | None = None, publication: int | None = None, after: int = 0, limit: int = 100
    ) -> Sequence[Judgement]:
        """Return entries in order, after a number."""
        c = t.judgements.c
        query = select(t.judgements).where(c.number > after).order_by(c.number).limit(_checked(limit))
        if kind is not None:
            query = query.where(c.kind == kind.value)
        if publication is not None:
            query = query.where(c.publication == publication)
        return self._judgements(query)

    def newest_publications(self, *, before: int | None = None, limit: int = 100) -> Sequence[Judgement]:
        """Return publications, newest first, from before a number on."""
        c = t.judgements.c
        query = select(t.judgements).where(c.kind == EntryKind.PUBLICATION.value).order_by(c.number.desc())
        if before is not None:
            query = query.where(c.number < before)
        return self._judgements(query.limit(_checked(limit)))

    def open_appeals(self) -> Sequence[Judgement]:
        """Return appeals that nobody decided yet, oldest first."""
        c, other = t.judgements.c, t.judgements.alias("answer")
        answered = exists().where(
            other.c.about == c.number, other.c.kind.in_([EntryKind.UPHELD.value, EntryKind.DISMISSED.value])
        )
        query = select(t.judgements).where(c.kind == EntryKind.APPEAL.value, ~answered).order_by(c.number)
        return self._judgements(query.limit(_MOST_ROWS))

    def numbered_judgements(self) -> int:
        """Return how many entries were ever numbered."""
        query = select(t.counters.c.value).where(t.counters.c.name == _COUNTER)
        return int(self._connection.execute(query).scalar_one_or_none() or 0)

    def site_documents_of(self, version: int) -> Mapping[str, str]:
        """Return a version's documents.

        Raises:
            UnknownError: there is no such version.
        """
        query = select(t.site_versions.c.documents).where(t.site_versions.c.version == version)
        stored = self._connection.execute(query).scalar_one_or_none()
        if stored is None:
            raise UnknownError("version of the site", str(version))
        documents: dict[str, str] = json.loads(stored)
        return documents

    def _judgements(self, query: Select[Any]) -> list[Judgement]:
        return [_judgement_of(row) for row in self._connection.execute(query).mappings()]


class SqlJudgingWriting(SqlJudgingReading):
    """Appends judgements."""

    def add_judgement(self, entry: Judgement) -> Judgement:
        """Append an entry; its number and chain are given here.

        Raises:
            LimitError: it says too much.
        """
        content = canonical(dict(entry.content))
        if len(content) > _MOST_JSON:
            raise LimitError("content", f"{len(content)} characters of JSON", f"{_MOST_JSON} at most; choose fewer")
        number = self._counted(_COUNTER)
        previous = "" if number == 1 else self.judgement(number - 1).digest
        told = replace(entry, number=number, content=json.loads(content), previous=previous)
        if entry.kind is EntryKind.PUBLICATION:
            told = replace(told, publication=number)
        stored = replace(told, digest=entry_digest(told))
        self._connection.execute(insert(t.judgements).values(bounded(t.judgements, _row(stored, content))))
        return stored

    def _counted(self, name: str) -> int:
        raise NotImplementedError


def _row(entry: Judgement, content: str) -> dict[str, Any]:
    return {
        "number": entry.number,
        "kind": entry.kind.value,
        "about": entry.about,
        "publication": entry.publication,
        "scope": entry.scope,
        "at": micros(entry.at),
        "actor": entry.actor,
        "role": entry.role.value,
        "content": content,
        "previous": entry.previous,
        "digest": entry.digest,
    }


def _judgement_of(row: Mapping[Any, Any]) -> Judgement:
    return Judgement(
        number=row["number"],
        kind=EntryKind(row["kind"]),
        about=row["about"],
        publication=row["publication"],
        scope=row["scope"],
        at=instant(row["at"]),
        actor=row["actor"],
        role=Role(row["role"]),
        content=json.loads(row["content"]),
        previous=row["previous"],
        digest=row["digest"],
    )


def _checked(limit: int) -> int:
    if not 1 <= limit <= _MOST_ROWS:
        raise LimitError("limit", limit, f"1 to {_MOST_ROWS}")
    return limit
