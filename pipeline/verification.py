"""Verification: proves that a casebook tells one unbroken story, and says what is wrong where. Reads only.

Ten things are compared: each event with its digest, each chain with its links, each case with what its events add up
to, the site's sequence with its counter, each anchor with the heads it stands for, what was erased with the events that
say so, each picture that a history shows with its row, each fired clock with itself, the book of judgements with its
chain, and the ledger of points with its sums. Pictures on the disk are an eleventh, on request.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Final

from pipeline.anchoring import anchor_digest
from pipeline.casebook import Asking, Casebook, Evidence
from pipeline.cases import Case
from pipeline.clocks import CLOCK_SLACK
from pipeline.consequences import ABSORB, CLOCK, ERASE, SPLIT, number_of
from pipeline.duty_book import Anchor
from pipeline.errors import PipelineError
from pipeline.history import Entry, chain_faults, rebuild
from pipeline.judging_book import Judgement, book_flaws

_PAGE: Final = 200
MOST_FAULTS: Final = 1_000
_SHARES_PICTURES: Final = frozenset({ABSORB, SPLIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One thing that is wrong: in which case (or `site`), at which event, and what."""

    where: str
    sequence: int | None
    what: str

    def __str__(self) -> str:
        at = "" if self.sequence is None else f", event {self.sequence}"
        return f"{self.where}{at}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What was looked at and what is wrong.

    Attributes:
        remarks: what is no fault but worth knowing, such as events dated before the one they follow.
        anchored: the last event that an anchor stands for.
        newest_anchor: its digest, to be written down elsewhere; empty when there is none yet.
    """

    cases: int
    events: int
    anchors: int
    pictures: int
    anchored: int
    newest_anchor: str
    flaws: tuple[Flaw, ...]
    remarks: tuple[Flaw, ...]


Pictures = Callable[[str], bytes]
_Told = tuple[Case, Sequence[Entry], Sequence[Evidence], list[Flaw]]


def verify(casebook: Casebook, *, known_anchors: Sequence[str] = (), pictures: Pictures | None = None) -> Account:
    """Return what is wrong in a casebook; it may be written to meanwhile.

    Args:
        known_anchors: digests that were written down elsewhere; each must still be an anchor.
        pictures: returns a picture's bytes by its path; leave out to not look at pictures.
    """
    flaws: list[Flaw] = []
    remarks: list[Flaw] = []
    cases = seen = looked_at = 0
    for page in _pages(casebook):
        for case, entries, evidence, lost in page:
            cases += 1
            flaws += case_flaws(case, entries)
            remarks += _backwards(case, entries)
            flaws += lost
            if pictures is not None:
                looked_at += len(evidence)
                flaws += _picture_flaws(case, evidence, pictures)
        seen += sum(len(entries) for _, entries, _, _ in page)
    flaws += casebook.read(_sequence_flaws)
    remarks += casebook.read(_put_back)
    anchors = list(_anchors(casebook))
    flaws += _anchor_flaws(casebook, anchors, known_anchors)
    flaws += casebook.read(_judgement_flaws)
    flaws += [
        Flaw(where="points", sequence=None, what=what) for what in casebook.read(lambda book: book.ledger_flaws())
    ]
    return Account(
        cases=cases,
        events=seen,
        anchors=len(anchors),
        pictures=looked_at,
        anchored=anchors[-1].last if anchors else 0,
        newest_anchor=anchors[-1].digest if anchors else "",
        flaws=tuple(flaws[:MOST_FAULTS]),
        remarks=tuple(remarks[:MOST_FAULTS]),
    )


def case_flaws(case: Case, entries: Sequence[Entry]) -> list[Flaw]:
    """Return what is wrong with one case and its history."""
    if not entries:
        return [Flaw(where=case.number, sequence=None, what="has no event at all")]
    flaws = [Flaw(where=case.number, sequence=None, what=fault) for fault in chain_faults(entries)]
    flaws += _row_flaws(case, entries)
    flaws += _erasure_flaws(case, entries)
    return flaws + _clock_flaws(case, entries)


def _row_flaws(case: Case, entries: Sequence[Entry]) -> list[Flaw]:
    """Return where a case's row differs from what its events add up to."""
    try:
        told = rebuild([entry.whole() for entry in entries])
    except (KeyError, TypeError, ValueError, PipelineError) as error:
        return [Flaw(where=case.number, sequence=None, what=f"its events do not make a case: {error!r}")]
    return [
        Flaw(
            where=case.number,
            sequence=None,
            what=f"{name} is {getattr(case, name)!r}, and its events add up to {getattr(told, name)!r}",
        )
        for name in (field.name for field in fields(case))
        if getattr(case, name) != getattr(told, name)
    ]


def _erasure_flaws(case: Case, entries: Sequence[Entry]) -> list[Flaw]:
    """Return details that are gone without an event that says so."""
    told: set[tuple[int, str, str]] = set()
    for entry in entries:
        if entry.event.action == ERASE:
            told |= {
                (int(number_of(each["sequence"])), str(each["key"]), str(each["digest"]))
                for each in _listed(entry.event.details)
            }
    return [
        Flaw(where=case.number, sequence=entry.event.sequence, what=f"{aside.key} is gone, and no event says erased")
        for entry in entries
        for aside in entry.asides
        if aside.value is None and (entry.event.sequence, aside.key, aside.digest) not in told
    ]


def _listed(details: Mapping[str, object]) -> list[dict[str, object]]:
    erased = details.get("erased")
    return [each for each in erased if isinstance(each, dict) and "key" in each] if isinstance(erased, list) else []


def _clock_flaws(case: Case, entries: Sequence[Entry]) -> list[Flaw]:
    """Return duty clocks' steps that were fired twice."""
    fired = Counter(
        (str(e.event.details.get("clock")), str(e.event.details.get("round")), str(e.event.details.get("step")))
        for e in entries
        if e.event.action == CLOCK
    )
    return [
        Flaw(where=case.number, sequence=None, what=f"{'/'.join(step)} of its clocks was fired {count} times")
        for step, count in fired.items()
        if count > 1
    ]


def _backwards(case: Case, entries: Sequence[Entry]) -> list[Flaw]:
    return [
        Flaw(where=case.number, sequence=later.event.sequence, what="is dated before the event it follows")
        for earlier, later in pairwise(entries)
        if later.event.at < earlier.event.at
    ]


def _put_back(book: Asking) -> list[Flaw]:
    """Return where a clock that was ahead was put right; what is dated with it may be due too late."""
    return [
        Flaw(
            where=each.case,
            sequence=each.sequence,
            what=f"is dated {each.by} before the event of another case that was stored before it: a clock was put"
            " back; see when what is due that is dated later than that",
        )
        for each in book.dated_back(CLOCK_SLACK)
    ]


def _sequence_flaws(book: Asking) -> list[Flaw]:
    return [
        Flaw(where="site", sequence=first, what=f"events {first} to {last} are gone; every number was given once")
        for first, last in book.missing_sequences()
    ]


def _judgement_flaws(book: Asking) -> list[Flaw]:
    entries: list[Judgement] = []
    while page := book.judgements(after=entries[-1].number if entries else 0, limit=100):
        entries += page
    found = book_flaws(entries, numbered=book.numbered_judgements())
    return [Flaw(where=f"judgement {number}", sequence=None, what=what) for number, what in found]


def _anchor_flaws(casebook: Casebook, anchors: Sequence[Anchor], known: Sequence[str]) -> list[Flaw]:
    flaws = []
    previous, next_first = "", 1
    for anchor in anchors:
        heads = casebook.read(lambda book, a=anchor: book.heads(a.first, a.last))  # type: ignore[misc]
        if anchor.previous != previous or anchor.first != next_first:
            flaws.append(_of_anchor(anchor, "does not follow the anchor before it"))
        if anchor.digest != anchor_digest(replace(anchor, digest=""), heads):
            flaws.append(_of_anchor(anchor, "does not fit the heads it stands for: a history was rewritten"))
        previous, next_first = anchor.digest, anchor.last + 1
    stored = {anchor.digest for anchor in anchors}
    flaws += [
        Flaw(where="site", sequence=None, what=f"anchor {digest} was written down and is not here any more")
        for digest in known
        if digest not in stored
    ]
    return flaws


def _of_anchor(anchor: Anchor, what: str) -> Flaw:
    return Flaw(where=f"anchor {anchor.number} of {anchor.at.isoformat()}", sequence=anchor.last, what=what)


def _lost_pictures(book: Asking, case: Case, entries: Sequence[Entry]) -> list[Flaw]:
    """Return the pictures that a history shows and that have no row; those of cases that shared some are not judged."""
    if _SHARES_PICTURES & {entry.event.action for entry in entries}:
        return []
    shown = [(entry.event.sequence, ident) for entry in entries for ident in _shown(entry)]
    known = {each.id for each in book.evidence(case.number)} if shown else set()
    return [
        Flaw(where=case.number, sequence=sequence, what=f"picture {ident} has no row, and no event says erased")
        for sequence, ident in shown
        if ident not in known
    ]


def _shown(entry: Entry) -> list[str]:
    """Return the ids of the pictures that an event shows, if they were not erased."""
    pictures = entry.whole().details.get("pictures")
    return [str(each["id"]) for each in pictures] if isinstance(pictures, list) else []


def _picture_flaws(case: Case, evidence: Sequence[Evidence], pictures: Pictures) -> Iterator[Flaw]:
    for picture in evidence:
        try:
            content = pictures(picture.path)
        except PipelineError as error:
            yield Flaw(where=case.number, sequence=None, what=f"picture {picture.id}: {error}")
            continue
        if hashlib.sha256(content).hexdigest() != picture.sha256:
            yield Flaw(where=case.number, sequence=None, what=f"picture {picture.id} was changed on the disk")


def _pages(casebook: Casebook) -> Iterator[list[_Told]]:
    """Yield cases with their histories, page by page; each page is of one moment."""
    after = 0
    while True:
        found, page = casebook.read(lambda book, a=after: _page(book, a))  # type: ignore[misc]
        if not page:
            return
        yield page
        after = found


def _page(book: Asking, after: int) -> tuple[int, list[_Told]]:
    cases = book.cases_by_opening(after=after, limit=_PAGE)
    entries = book.entries_of([case.number for _, case in cases]) if cases else {}
    page = [
        (case, told := entries.get(case.number, ()), _own_pictures(book, case), _lost_pictures(book, case, told))
        for _, case in cases
    ]
    return (cases[-1][0] if cases else after), page


def _own_pictures(book: Asking, case: Case) -> Sequence[Evidence]:
    """Return a case's own pictures that are kept; those of cases merged into it are looked at with these."""
    return [each for each in book.evidence(case.number) if each.case == case.number and each.erased_at is None]


def _anchors(casebook: Casebook) -> Iterator[Anchor]:
    after = 0
    while True:
        page = casebook.read(lambda book, a=after: book.anchors(after=a))  # type: ignore[misc]
        yield from page
        if not page:
            return
        after = page[-1].number
