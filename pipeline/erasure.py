"""Erasure: deletes what people may have erased, on request or when its time is over, and leaves a proof.

What may go lies outside the hash chain: words, pictures, reporters' contacts. Value and salt are deleted, the salted
digest stays in the chain, and an event lists what was erased by digest: it proves that something was there and is gone,
and tells nothing about it. Files of pictures are deleted after the commit, from the outbox, so that a kill between the
two leaves nothing behind for long.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pipeline.casebook import Casebook, LimitError, OutboxMessage, Transaction
from pipeline.clocks import Clock
from pipeline.consequences import ERASE
from pipeline.consultations import meetings_on, without_words
from pipeline.desk import visible
from pipeline.duty_book import Consultation
from pipeline.errors import PipelineError, UnknownError
from pipeline.escalation_policy import ErasureTerms
from pipeline.evidence import EvidenceStore
from pipeline.history import Entry
from pipeline.offers import Entered, enter
from pipeline.principal import PIPELINE, Principal, Role
from pipeline.receipts import bound_words

ERASE_FILE: Final = "erase-file"
_SHORTEST_GROUND: Final = 2


class Erasable(StrEnum):
    """What can be erased of a case."""

    WORDS = "words"
    PICTURES = "pictures"
    CONTACT = "contact"


_KEYS: Final = {Erasable.WORDS: ("note", "description"), Erasable.PICTURES: ("pictures",), Erasable.CONTACT: ()}


class GroundMissingError(PipelineError):
    """Nothing is erased without a ground."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"erasing in case {number} needs a ground without personal data, such as 'request 2026-118';"
            " send `ground` with at least two characters"
        )


class NothingToEraseError(PipelineError):
    """Erasing writes an event only where something is left."""

    def __init__(self, wanted: "Wanted") -> None:
        of = "" if wanted.report is None else f" of report {wanted.report}"
        super().__init__(
            f"case {wanted.case} has no {' or '.join(sorted(wanted.what))}{of} left to erase, so nothing was written;"
            " what was erased before stands in its history"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was erased, for whoever asked.

    Attributes:
        erased: (event's sequence, key, salted digest) of each detail; a contact has sequence 0.
        pictures: how many pictures were deleted.
        tasks: cases that meetings opened about this one, in words that stay until each is erased by its own number.
        sequence, digest: of the event that says so; the digest is part of the case's chain.
    """

    case: str
    at: datetime
    erased: tuple[tuple[int, str, str], ...]
    pictures: int
    tasks: tuple[str, ...]
    sequence: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to erase, and on which ground; the ground is kept, so it must hold nothing personal."""

    case: str
    what: frozenset[Erasable]
    ground: str
    report: str | None = None


class Eraser:
    """Erases in one site; any number of processes may."""

    def __init__(self, *, casebook: Casebook, evidence: EvidenceStore, clock: Clock) -> None:
        self._casebook, self._evidence, self._clock = casebook, evidence, clock

    def erase(self, wanted: Wanted, *, principal: Principal) -> Proof:
        """Erase parts of a case and return the proof; with `report`, the contact of that report only.

        Raises:
            RefusedError: only an administrator may.
            UnknownError: no such case among the principal's, or no such report of it.
            GroundMissingError: no ground is given.
            LimitError: the ground is too long, or a report is named for more than its contact.
            NothingToEraseError: all of it is gone already.
        """
        principal.require("erase personal data", Role.ADMIN)
        _require_sound(wanted)

        def work(tx: Transaction) -> Proof | None:
            visible(tx, wanted.case, principal)
            if wanted.report is not None and tx.report(wanted.report).case != wanted.case:
                raise UnknownError(f"report of case {wanted.case}", wanted.report)
            return _erase(tx, wanted, entered=Entered(by=principal, now=self._clock.now()))

        proof = self._casebook.write(work)
        # Also when nothing is left: the call before this one may have been killed here.
        self.delete_files()
        self._casebook.scrub()
        if proof is None:
            raise NothingToEraseError(wanted)
        return proof

    def erase_expired(self, terms: ErasureTerms, *, limit: int = 100) -> list[Proof]:
        """Erase what cases keep for longer after their end than the site wants; returns the proofs."""
        now = self._clock.now()
        found: dict[str, set[Erasable]] = {}
        for what, days in _terms(terms):
            if days > 0:
                for number in self._expired(what, now - timedelta(days=days), limit):
                    found.setdefault(number, set()).add(what)
        wanted = [
            Wanted(case=number, what=frozenset(what), ground="retention term is over") for number, what in found.items()
        ]
        entered = Entered(by=PIPELINE, now=now)
        proofs = [proof for each in wanted if (proof := self._erase_left(each, entered)) is not None]
        if proofs:
            self.delete_files()
            self._casebook.scrub()
        return proofs

    def delete_files(self) -> int:
        """Delete the files of erased pictures that are still there; returns how many."""
        deleted = 0
        while waiting := self._casebook.read(lambda book: book.unsent(ERASE_FILE)):
            for message in waiting:
                self._casebook.write(lambda tx, m=message: self._delete(tx, m))  # type: ignore[misc]
            deleted += len(waiting)
        return deleted

    def _erase_left(self, wanted: Wanted, entered: Entered) -> Proof | None:
        """Erase unless another process was quicker."""
        return self._casebook.write(lambda tx: _erase(tx, wanted, entered=entered))

    def _delete(self, tx: Transaction, message: OutboxMessage) -> None:
        # The same picture may have come again meanwhile, for another case.
        if not tx.names_file(message.target):
            self._evidence.erase(message.target)
        tx.mark_sent(message.id, self._clock.now())

    def _expired(self, what: Erasable, before: datetime, limit: int) -> Sequence[str]:
        if what is Erasable.CONTACT:
            return self._casebook.read(lambda book: book.with_contact_before(before, limit=limit))
        return self._casebook.read(lambda book: book.with_words_before(before, _KEYS[what], limit=limit))


def erase_contact(tx: Transaction, receipt: str, *, ground: str, entered: Entered) -> Proof | None:
    """Erase how to reach whoever made one report, in the caller's transaction; None if nothing is left to erase.

    Raises:
        UnknownError: there is no such receipt.
    """
    case = tx.report(receipt).case
    wanted = Wanted(case=case, what=frozenset({Erasable.CONTACT}), ground=ground, report=receipt)
    return _erase(tx, wanted, entered=entered)


def _require_sound(wanted: Wanted) -> None:
    if len(wanted.ground.strip()) < _SHORTEST_GROUND:
        raise GroundMissingError(wanted.case)
    bound_words("ground", wanted.ground)
    if wanted.report is not None and wanted.what != {Erasable.CONTACT}:
        raise LimitError("what", f"{', '.join(sorted(wanted.what))} of one report", "contact alone, or no report")


def _terms(terms: ErasureTerms) -> tuple[tuple[Erasable, int], ...]:
    return (
        (Erasable.WORDS, terms.words_days),
        (Erasable.PICTURES, terms.pictures_days),
        (Erasable.CONTACT, terms.contact_days),
    )


def _erase(tx: Transaction, wanted: Wanted, *, entered: Entered) -> Proof | None:
    """Erase what is left of what is wanted and note it; None if nothing is left."""
    case = tx.case(wanted.case)
    keys = {key for what in wanted.what for key in _KEYS[what]}
    places = _places(tx.entries_of([case.number])[case.number], keys)
    contacts = _contacts(tx, wanted)
    erased = [*places, *((0, "contact", digest) for _, digest in contacts)]
    own = [each for each in tx.evidence(case.number) if each.case == case.number]
    pictures = len(own) if Erasable.PICTURES in wanted.what else 0
    meetings = meetings_on(tx, case.number) if Erasable.WORDS in wanted.what else []
    told = [blank for each in meetings if (blank := without_words(each, case.number)) != each]
    if not (erased or pictures or told):
        return None
    tasks = _tasks_with_words(tx, meetings, case.number)
    after = replace(case, version=case.version + 1)
    if Erasable.WORDS in wanted.what:
        after = replace(after, description="")
    details: dict[str, object] = {
        "ground": wanted.ground.strip(),
        "what": sorted(each.value for each in wanted.what),
        "erased": [{"sequence": sequence, "key": key, "digest": digest} for sequence, key, digest in erased],
        "pictures_erased": pictures,
        **({"tasks": list(tasks)} if tasks else {}),
    }
    tx.erase_asides(case.number, [(sequence, key) for sequence, key, _ in places])
    for meeting in told:
        tx.save_consultation(meeting)
    receipts = [receipt for receipt, _ in contacts]
    tx.erase_contacts(receipts)
    tx.forget_accounts(receipts, entered.now)
    if Erasable.PICTURES in wanted.what:
        tx.forget_looks(case=case.number)
    if pictures:
        _doom(tx, tx.erase_pictures(case.number), now=entered.now)
    enter(tx, after, ERASE, entered=entered, details=details)
    event = tx.events(case.number)[-1]
    return Proof(
        case=case.number,
        at=event.at,
        erased=tuple(erased),
        pictures=pictures,
        tasks=tasks,
        sequence=event.sequence,
        digest=event.digest,
    )


def _tasks_with_words(tx: Transaction, meetings: Sequence[Consultation], number: str) -> tuple[str, ...]:
    """Return the tasks that meetings opened about a case and that have a description still."""
    opened = {each.task for meeting in meetings for each in meeting.decisions if each.case == number and each.task}
    return tuple(task for task in sorted(opened) if tx.case(task).description)


def _places(entries: Sequence[Entry], keys: set[str]) -> list[tuple[int, str, str]]:
    return [
        (entry.event.sequence, aside.key, aside.digest)
        for entry in entries
        for aside in entry.asides
        if aside.key in keys and aside.value is not None
    ]


def _contacts(tx: Transaction, wanted: Wanted) -> list[tuple[str, str]]:
    if Erasable.CONTACT not in wanted.what:
        return []
    return [
        (report.id, report.contact_digest)
        for report in tx.reports_of(wanted.case)
        if report.reachable and wanted.report in {None, report.id}
    ]


def _doom(tx: Transaction, paths: Sequence[str], *, now: datetime) -> None:
    for path in paths:
        # The same picture may be stored and erased again, so the key holds the time.
        key = f"{ERASE_FILE}/{path}/{now.isoformat()}"
        tx.enqueue(OutboxMessage(key=key[-200:], kind=ERASE_FILE, target=path, payload={}, created_at=now))
