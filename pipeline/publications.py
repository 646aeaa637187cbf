"""Publications as they are read: the frozen rows, everything said on them since, and the rows as they stand. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.casebook import Asking
from pipeline.errors import UnknownError
from pipeline.judging_book import EntryKind, Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A publication with everything that was said on it, in order."""

    entry: Judgement
    trace: tuple[Judgement, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows as they stand: corrected ones in place of the first, each naming the entry it is from."""
        told = rows_of(self.entry.content)
        stands = {row["figures"]["subject"]: {**row, "entry": self.entry.number} for row in told}
        for each in self.trace:
            if each.kind is EntryKind.CORRECTION:
                row: Any = each.content["row"]
                stands[str(each.content["subject"])] = {**row, "entry": each.number}
        return [stands[row["figures"]["subject"]] for row in told]


def read_publication(book: Asking, number: int) -> Published:
    """Return a publication with everything said on it.

    Raises:
        UnknownError: there is none of that number.
    """
    entry = book.judgement(number)
    if entry.kind is not EntryKind.PUBLICATION:
        raise UnknownError("publication", str(number))
    trace: list[Judgement] = []
    while page := book.judgements(publication=number, after=trace[-1].number if trace else number, limit=1000):
        trace += page
    return Published(entry=entry, trace=tuple(trace))


def rows_of(content: Mapping[str, object]) -> list[dict[str, Any]]:
    """Return a publication's rows as they were frozen."""
    rows: Any = content["rows"]
    return list(rows)


def subjects_of(published: Published) -> list[str]:
    """Return whose figures a publication shows."""
    return [row["figures"]["subject"] for row in rows_of(published.entry.content)]


def corrections_of(published: Published, subject: str) -> list[Judgement]:
    """Return the corrections of a subject's figures, oldest first."""
    return [e for e in published.trace if e.kind is EntryKind.CORRECTION and e.content["subject"] == subject]


def left_out_of(published: Published, subject: str) -> list[str]:
    """Return the cases that earlier corrections left out for a subject."""
    found = corrections_of(published, subject)
    cases: Any = found[-1].content["without"] if found else []
    return list(cases)
