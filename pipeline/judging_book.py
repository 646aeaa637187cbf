"""The book of judgements: what was published of figures, appealed, decided and corrected. Values and Protocols.

Append-only and chained: each entry's digest holds the digest before it. Nothing in it is ever changed; a correction is
an entry of its own that names what it corrects. `sql_judging` stores it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pipeline.clocks import utc
from pipeline.history import canonical
from pipeline.principal import Role


class EntryKind(StrEnum):
    """What an entry says."""

    PUBLICATION = "publication"
    APPEAL = "appeal"
    UPHELD = "upheld"
    DISMISSED = "dismissed"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One entry.

    Attributes:
        number: 1, 2, 3 without a gap.
        about: number of the entry that it answers; None for a publication.
        publication: number of the publication that it belongs to; its own for a publication.
        scope: who may see it, of its publication.
        content: what it says; JSON-able.
        previous, digest: SHA-256 chain over the whole book; empty before it is stored.
    """

    number: int
    kind: EntryKind
    about: int | None
    publication: int
    scope: str
    at: datetime
    actor: str
    role: Role
    content: Mapping[str, object]
    previous: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", utc(self.at, field="at"))


def entry_digest(entry: Judgement) -> str:
    """Return the SHA-256 of an entry with the digest before it, in hexadecimal."""
    told = {
        "number": entry.number,
        "kind": entry.kind.value,
        "about": entry.about,
        "publication": entry.publication,
        "scope": entry.scope,
        "at": entry.at.isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "role": entry.role.value,
        "content": dict(entry.content),
        "previous": entry.previous,
    }
    return hashlib.sha256(canonical(told).encode()).hexdigest()


def book_flaws(entries: Sequence[Judgement], *, numbered: int) -> list[tuple[int, str]]:
    """Return what is wrong with the book, by number of entry; empty when every digest, link and number holds.

    Args:
        entries: all of them, in order.
        numbered: how many were ever numbered.
    """
    flaws, previous = [], ""
    for place, entry in enumerate(entries, 1):
        if entry.number != place:
            flaws.append((entry.number, f"entry {place} of the judgements is gone"))
            break
        if entry.previous != previous:
            flaws.append((entry.number, "does not follow the judgement before it"))
        if entry.digest != entry_digest(entry):
            flaws.append((entry.number, "was changed after it was stored"))
        previous = entry.digest
    if not flaws and len(entries) != numbered:
        flaws.append((len(entries) + 1, f"judgements {len(entries) + 1} to {numbered} are gone"))
    return flaws


class JudgingReading(Protocol):
    """What judging asks of storage."""

    def cases_to_judge(self, since: datetime, until: datetime) -> Sequence[str]:
        """Return the cases opened before `until` that had not ended before `since`, with those merged into them."""
        ...

    def judgement(self, number: int) -> Judgement:
        """Return an entry; raises `UnknownError`."""
        ...

    def judgements(
        self, *, kind: EntryKind | None = None, publication: int | None = None, after: int = 0, limit: int = 100
    ) -> Sequence[Judgement]:
        """Return entries in order, after a number."""
        ...

    def newest_publications(self, *, before: int | None = None, limit: int = 100) -> Sequence[Judgement]:
        """Return publications, newest first, from before a number on."""
        ...

    def open_appeals(self) -> Sequence[Judgement]:
        """Return appeals that nobody decided yet, oldest first; 1000 at most."""
        ...

    def numbered_judgements(self) -> int:
        """Return how many entries were ever numbered."""
        ...

    def site_documents_of(self, version: int) -> Mapping[str, str]:
        """Return a version's documents; raises `UnknownError`."""
        ...


class JudgingWriting(Protocol):
    """What judging stores."""

    def add_judgement(self, entry: Judgement) -> Judgement:
        """Append an entry; its number (a publication's own too) and chain are given here, and returned with it."""
        ...
