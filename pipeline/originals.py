"""Originals: opened only by a principal with that right, and never before the case's history says who and why."""

from dataclasses import replace
from typing import Final

from pipeline.casebook import Casebook, Evidence, LimitError, Transaction
from pipeline.clocks import Clock
from pipeline.errors import PipelineError, RefusedError
from pipeline.evidence import EvidenceStore
from pipeline.offers import Entered, enter
from pipeline.principal import Principal, Right
from pipeline.trust_desk import Visible

OPEN_ORIGINAL: Final = "open-original"
_SHORTEST_REASON: Final = 4
_MOST_REASON: Final = 300


class NoRightError(RefusedError):
    """A principal lacks a right that comes with no role."""

    def __init__(self, who: str, right: Right) -> None:
        PipelineError.__init__(self, f"{who} has not the right {right}; it is given in tokens.toml, with `rights`")


class ErasedError(PipelineError):
    """A picture was there and has been erased."""

    def __init__(self, ident: str, what: str) -> None:
        super().__init__(f"{what} {ident} has been erased, or was never kept; its SHA-256 stays in the case's history")


class Originals:
    """Opens sealed originals; see `Desk`, whose transactions and clock it shares."""

    def __init__(self, *, casebook: Casebook, clock: Clock, evidence: EvidenceStore, visible: Visible) -> None:
        self._casebook, self._clock, self._evidence, self._visible = casebook, clock, evidence, visible

    def open(self, ident: str, *, reason: str, principal: Principal) -> bytes:
        """Return the original of a picture as JPEG; the case's history tells of it first.

        An entry stands even where the file then cannot be opened: it tells of the attempt.

        Raises:
            NoRightError: the principal may not.
            LimitError: the reason is missing or too long.
            UnknownError: there is no such picture in reach.
            ErasedError: it is not kept, or not any more.
            UnsealError, KeyFileError: it cannot be opened.
        """
        if Right.OPEN_ORIGINALS not in principal.rights:
            raise NoRightError(principal.name, Right.OPEN_ORIGINALS)
        if not _SHORTEST_REASON <= len(reason.strip()) <= _MOST_REASON:
            raise LimitError("reason", f"{len(reason)} characters", f"{_SHORTEST_REASON} to {_MOST_REASON}")

        def work(tx: Transaction) -> Evidence:
            picture = tx.picture(ident)
            case = self._visible(tx, picture.case, principal)
            if not picture.original_path or picture.original_erased_at is not None:
                raise ErasedError(ident, "the original of picture")
            details = {"picture": ident, "original_sha256": picture.original_sha256, "note": reason.strip()}
            entered = Entered(by=principal, now=self._clock.now())
            enter(tx, replace(case, version=case.version + 1), OPEN_ORIGINAL, entered=entered, details=details)
            return picture

        found = self._casebook.write(work)
        return self._evidence.unseal(
            found.original_path, sighting=found.sighting, label=found.label, sha256=found.original_sha256
        )
