"""The duty office: joint action, consultation, pictures of a step and reports' standing, each in one transaction.

The desk takes single steps; this is the rest of a case's life. Any number of processes may share one site.
"""

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Final

from pipeline.applied_catalogue import AppliedCatalogue
from pipeline.casebook import Casebook, Evidence, LimitError, Transaction
from pipeline.cases import ENDED, Case
from pipeline.clocks import Clock, utc
from pipeline.consequences import PICTURE
from pipeline.consultations import (
    Hard,
    Meeting,
    close_meeting,
    convene,
    convene_on,
    decide_case,
    hard_cases,
    put_on_list,
)
from pipeline.desk import visible
from pipeline.duty_book import Consultation
from pipeline.errors import PipelineError
from pipeline.evidence import EvidenceStore
from pipeline.feedback import Standing, standing
from pipeline.joint_action import JointPlan, finish_part, open_joint
from pipeline.offers import Entered, enter
from pipeline.principal import Principal, Role
from pipeline.receipts import bound_words
from pipeline.sightings import View
from pipeline.site import Site

MOST_PICTURES: Final = 200
_FOLDER: Final = "steps"


class CaseEndedError(PipelineError):
    """Something is added to a case that has ended."""

    def __init__(self, case: Case) -> None:
        super().__init__(f"case {case.number} is {case.status}; reopen it before adding to it")


class DutyOffice:
    """What the operations centre does with cases beyond single steps.

    Args:
        applied: remembers the newest catalogue; one that outlives this office need not read it for each decision.
    """

    def __init__(
        self,
        *,
        site: Site,
        casebook: Casebook,
        clock: Clock,
        evidence: EvidenceStore,
        applied: AppliedCatalogue | None = None,
    ) -> None:
        self._site, self._casebook, self._clock, self._evidence = site, casebook, clock, evidence
        self._applied = applied or AppliedCatalogue()

    def add_picture(self, number: str, jpeg: bytes, *, label: str, principal: Principal, note: str = "") -> Evidence:
        """Add a picture to a case, with words or to be named by the step that it shows; the same again is the same.

        Raises:
            RefusedError, UnknownError: the principal may not, or the case is not among its own.
            CaseEndedError: the case has ended.
            EvidenceError: it is no JPEG, or cannot be stored.
            LimitError: the case has 200 pictures.
        """
        principal.require("add a picture to a case", Role.FORCE, Role.DISPATCHER, Role.ADMIN)
        bound_words("label", label)
        bound_words("note", note)
        self._casebook.read(lambda book: visible(book, number, principal))
        now = self._clock.now()
        ident = hashlib.sha256(number.encode() + b"/" + jpeg).hexdigest()[:24]
        file = self._evidence.put(View(label=label, captured_at=now, jpeg=jpeg), camera=_FOLDER, sighting=ident)
        picture = Evidence(
            id=ident, case=number, sighting="", label=label, path=file.path, sha256=file.sha256, captured_at=now
        )

        def work(tx: Transaction) -> Evidence:
            case = visible(tx, number, principal)
            if case.status in ENDED:
                raise CaseEndedError(case)
            known = {each.id: each for each in tx.evidence(number)}
            if ident in known:
                return known[ident]
            if len(known) >= MOST_PICTURES:
                raise LimitError("pictures", f"{len(known)} already", f"{MOST_PICTURES} at most in a case")
            tx.add_evidence(picture)
            details: dict[str, object] = {"pictures": [{"id": ident, "label": label, "sha256": file.sha256}]}
            details |= {"note": note} if note else {}
            after = replace(case, version=case.version + 1)
            enter(tx, after, PICTURE, entered=self._entered(principal), details=details)
            return picture

        return self._casebook.write(work)

    def open_joint(self, number: str, plan: JointPlan, *, note: str, principal: Principal) -> Case:
        """Open a case to several departments; see `joint_action.open_joint`."""
        bound_words("note", note)

        def work(tx: Transaction) -> Case:
            case = visible(tx, number, principal)
            return open_joint(tx, case, plan, site=self._site, entered=self._entered(principal), note=note)

        return self._casebook.write(work)

    def finish_part(self, number: str, department: str, *, note: str, principal: Principal) -> Case:
        """Store that a department has done its part; see `joint_action.finish_part`."""
        bound_words("note", note)

        def work(tx: Transaction) -> Case:
            case = visible(tx, number, principal)
            return finish_part(tx, case, department, site=self._site, entered=self._entered(principal), note=note)

        return self._casebook.write(work)

    def hard_cases(self, since: datetime, until: datetime, *, principal: Principal) -> list[Hard]:
        """Return the hard cases of a period among the principal's grids.

        Raises:
            RefusedError: the role may not.
        """
        principal.require("see the list of hard cases", Role.DISPATCHER, Role.ADMIN, Role.ANALYST)
        since, until = utc(since, field="since"), utc(until, field="until")
        found = self._casebook.read(lambda book: hard_cases(book, since, until, site=self._site))
        return [hard for hard in found if principal.grids is None or hard.case.grid in principal.grids]

    def convene(self, meeting: Meeting, *, principal: Principal) -> Consultation:
        """Call a meeting; see `consultations.convene`."""
        for field in ("chair", "place"):
            bound_words(field, getattr(meeting, field))
        return self._casebook.write(lambda tx: convene(tx, meeting, site=self._site, entered=self._entered(principal)))

    def decide(
        self, code: str, number: str, *, words: str, department: str, task: str | None, principal: Principal
    ) -> Consultation:
        """Write down a decision, its task by the key of a category; see `consultations.decide_case`.

        Raises:
            UnknownError: the newest catalogue has no such category; and as there.
        """
        bound_words("words", words)

        def work(tx: Transaction) -> Consultation:
            newest = None if task is None else self._applied.newest(tx, otherwise=self._site.catalogue)
            return decide_case(
                tx,
                code,
                number,
                words=words,
                department=department,
                task=None if newest is None or task is None else newest.get(task),
                site=self._site,
                entered=self._entered(principal),
            )

        return self._casebook.write(work)

    def put_on_list(self, code: str, number: str, *, words: str, principal: Principal) -> Consultation:
        """Put a case on a meeting's list; see `consultations.put_on_list`."""
        bound_words("words", words)

        def work(tx: Transaction) -> Consultation:
            visible(tx, number, principal)
            return put_on_list(tx, code, number, words=words, entered=self._entered(principal))

        return self._casebook.write(work)

    def convene_on(self, number: str, meeting: Meeting, *, words: str, principal: Principal) -> Consultation:
        """Call a meeting on one case; see `consultations.convene_on`."""
        for field, value in (("chair", meeting.chair), ("place", meeting.place), ("words", words)):
            bound_words(field, value)

        def work(tx: Transaction) -> Consultation:
            visible(tx, number, principal)
            return convene_on(tx, number, meeting, words=words, site=self._site, entered=self._entered(principal))

        return self._casebook.write(work)

    def close_meeting(self, code: str, *, principal: Principal) -> Consultation:
        """Close a meeting; see `consultations.close_meeting`."""
        return self._casebook.write(lambda tx: close_meeting(tx, code, entered=self._entered(principal)))

    def standing(self, receipt: str) -> Standing:
        """Return how a report stands, for whoever has its receipt.

        Raises:
            UnknownError: there is no such report.
        """
        return self._casebook.read(lambda book: standing(book, receipt))

    def _entered(self, principal: Principal) -> Entered:
        return Entered(by=principal, now=self._clock.now())
