"""The judging desk: figures of a period, their publication, appeals against it, and corrections.

Figures are told from histories up to the period's end and no further than a place in the site's sequence; both are
kept with a publication, and the version of the site, so that anybody can compute it again. What was published is
never changed: a correction is a new entry that names it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pipeline.attribution import SubjectKind
from pipeline.casebook import Asking, Casebook, LimitError, OutboxMessage, Transaction
from pipeline.clocks import Clock
from pipeline.consequences import texts_of
from pipeline.errors import PipelineError, RefusedError, UnknownError
from pipeline.judged_figures import Judged, judged_again, judged_now, told_row
from pipeline.judged_stories import Wanted
from pipeline.judging_book import EntryKind, Judgement
from pipeline.judging_periods import JudgedPeriod
from pipeline.principal import Principal, Role
from pipeline.publication_scope import Scope, read_scope, require_scope
from pipeline.publications import Published, corrections_of, left_out_of, read_publication, rows_of, subjects_of
from pipeline.receipts import bound_words
from pipeline.site import Site

PUBLISHED: Final = "judgement"
_DESK: Final = (Role.DISPATCHER, Role.ADMIN)
_OVERSEERS: Final = (*_DESK, Role.ANALYST)
_SHORTEST: Final = 2
_MOST_CASES: Final = 100


class NotOverError(PipelineError):
    """A period that still runs cannot be published."""

    def __init__(self, until: str) -> None:
        super().__init__(f"the period runs until {until} and is not over; publish it then, or choose an earlier one")


class AppealClosedError(PipelineError):
    """A figure cannot be appealed, or its appeal cannot be decided."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"judgement {number} {why}; read the publication and what was said on it before you go on")


class OwnJudgementError(RefusedError):
    """Somebody decides on their own publication or appeal."""

    def __init__(self, who: str, number: int, what: str) -> None:
        PipelineError.__init__(self, f"{who} {what} and may not decide on judgement {number}; somebody else must")


class NotJudgedError(RefusedError):
    """Somebody appeals a figure that is not theirs."""

    def __init__(self, who: str, subject: str) -> None:
        PipelineError.__init__(
            self,
            f"{who} does not speak for {subject}; its force, its head or chief as the token's `speaks_for` says,"
            " or the duty desk for them, may appeal",
        )


class SameFiguresError(PipelineError):
    """A correction would leave the figures as they stand."""

    def __init__(self, subject: str, without: Sequence[str]) -> None:
        super().__init__(
            f"without {', '.join(sorted(set(without)))} the figures of {subject} stay as they stand: none of these"
            " counts for it, or they were left out before; name a case that counts for it, or dismiss the appeal"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """A subject's row without some cases; `corrects` is the entry whose figures it takes the place of."""

    subject: str
    without: tuple[str, ...]
    row: dict[str, Any]
    corrects: int


class JudgingDesk:
    """Judges, publishes and hears appeals in one site."""

    def __init__(self, *, site: Site, casebook: Casebook, clock: Clock) -> None:
        self._site, self._casebook, self._clock = site, casebook, clock

    def figures(self, wanted: Wanted, *, principal: Principal) -> Judged:
        """Return the figures of a period, which may still run; a principal of some grids gets those of their cases.

        Raises:
            RefusedError: the role sees no statistics.
            UnknownError: a grid is not the site's, or out of reach.
        """
        principal.require("read figures", *_OVERSEERS)
        known = {grid.code for grid in self._site.boundaries.grids}
        reach = known if principal.grids is None else known & principal.grids
        for grid in sorted((wanted.grids or frozenset()) - reach):
            raise UnknownError("grid", grid, sorted(reach))
        grids = wanted.grids if principal.grids is None else wanted.grids or frozenset(reach)
        return self._judged(Wanted(period=wanted.period, by=wanted.by, grids=grids))

    def _judged(self, wanted: Wanted) -> Judged:
        return self._casebook.read(lambda book: judged_now(book, wanted, site=self._site))

    def publish(
        self, period: JudgedPeriod, *, by: SubjectKind, scope: str, note: str = "", principal: Principal
    ) -> Judgement:
        """Freeze the figures of a period that is over, for those who lie in a scope.

        Raises:
            RefusedError: only an administrator of the whole site may.
            NotOverError: the period is not over.
            ScopeError, UnknownError, PersonsShownError: see `require_scope`.
            LimitError: the note or the whole is too long.
        """
        principal.require("publish figures", Role.ADMIN)
        principal.require_whole_site("publish figures")
        bound_words("note", note)
        now = self._clock.now()
        if period.until > now:
            raise NotOverError(period.until.isoformat())
        chosen = require_scope(scope, by=by, site=self._site)
        judged = self._judged(Wanted(period=period, by=by, grids=chosen.grids))
        content = {
            "since": period.since.isoformat(),
            "until": period.until.isoformat(),
            "by": by.value,
            "through": judged.through,
            "site_version": judged.site_version,
            "note": note.strip(),
            "rows": [told_row(*row) for row in judged.rows],
        }
        return self._casebook.write(
            lambda tx: self._add(tx, EntryKind.PUBLICATION, content, scope=chosen, by=principal)
        )

    def publications(
        self, *, principal: Principal | None, before: int | None = None, limit: int = 100
    ) -> list[Judgement]:
        """Return the publications in whose scope somebody lies, newest first; None is the public."""
        found: list[Judgement] = []
        while len(found) < limit:
            start, want = before, limit
            page = self._casebook.read(lambda book, b=start, n=want: book.newest_publications(before=b, limit=n))  # type: ignore[misc]
            found += [each for each in page if self._shows(each, principal)]
            if len(page) < limit:
                break
            before = page[-1].number
        return found[:limit]

    def publication(self, number: int, *, principal: Principal | None) -> Published:
        """Return a publication with its appeals, decisions and corrections.

        Raises:
            UnknownError: there is none of that number in whose scope they lie.
        """
        published = self._casebook.read(lambda book: read_publication(book, number))
        if not self._shows(published.entry, principal):
            raise UnknownError("publication", str(number))
        return published

    def appeal(self, number: int, *, subject: str, words: str, principal: Principal) -> Judgement:
        """Lodge an appeal against a subject's published figures, once, within the site's days.

        Raises:
            UnknownError: no such publication in reach, or it does not show that subject.
            NotJudgedError: the principal does not speak for the subject.
            AppealClosedError: it was appealed before, or too long ago published.
            LimitError: too few or too many words.
        """
        _require_words("words", words)
        self.publication(number, principal=principal)

        def work(tx: Transaction) -> Judgement:
            published = read_publication(tx, number)
            kind = SubjectKind(str(published.entry.content["by"]))
            if subject not in subjects_of(published):
                raise UnknownError(f"{kind} in publication {number}", subject, subjects_of(published))
            own = speaks_for(principal, kind, subject, self._site)
            if not own and principal.role not in {*_DESK, Role.SYSTEM}:
                raise NotJudgedError(principal.name, f"{kind} {subject}")
            self._require_open(published, subject)
            content = {"subject": subject, "words": words.strip(), "entered_for_them": not own}
            scope = read_scope(published.entry.scope)
            return self._add(tx, EntryKind.APPEAL, content, about=published.entry, scope=scope, by=principal)

        return self._casebook.write(work)

    def open_appeals(self, *, principal: Principal) -> list[Judgement]:
        """Return the appeals that wait for a decision, among the principal's."""
        principal.require("read appeals", *_OVERSEERS)
        return [each for each in self._casebook.read(lambda book: book.open_appeals()) if self._shows(each, principal)]

    def decide(
        self, number: int, *, uphold: bool, reason: str, without: Sequence[str] = (), principal: Principal
    ) -> list[Judgement]:
        """Decide an appeal; one that is upheld is followed by a correction in the same transaction.

        Args:
            number: of the appeal.
            uphold: whether the figures are computed again without some cases.
            reason: is kept.
            without: the cases that do not count for the subject; one at least when it is upheld.
            principal: of the site's deciding role, to uphold of the whole site; neither who published nor who appealed.

        Raises:
            RefusedError, OwnJudgementError: the principal may not.
            UnknownError: no such appeal in reach, or a case is not among those that were judged.
            AppealClosedError: it was decided before.
            SameFiguresError: none of the cases counts for the subject.
            LimitError: no reason, or no case, or too many.
        """
        principal.require("decide an appeal", *{self._site.settings.judging.decider, Role.ADMIN})
        if uphold:
            principal.require_whole_site("uphold an appeal")
        _require_words("reason", reason)
        appeal = self._casebook.read(lambda book: book.judgement(number))
        published = self.publication(appeal.publication, principal=principal)
        subject = str(appeal.content.get("subject"))
        if appeal.kind is not EntryKind.APPEAL:
            raise AppealClosedError(number, f"is no appeal but a {appeal.kind}")
        if principal.name in {published.entry.actor, appeal.actor}:
            own = "published the figures" if principal.name == published.entry.actor else "appealed"
            raise OwnJudgementError(principal.name, number, own)
        if uphold != bool(without):
            expected = "one case at least, which the figures are to leave out" if uphold else "none, as it is dismissed"
            raise LimitError("without", f"{len(without)} cases", expected)

        again = self._without(published, subject, without) if uphold else None

        def work(tx: Transaction) -> list[Judgement]:
            if number not in {each.number for each in tx.open_appeals()}:
                raise AppealClosedError(number, "was decided before")
            kind = EntryKind.UPHELD if uphold else EntryKind.DISMISSED
            scope, content = read_scope(appeal.scope), {"subject": subject, "reason": reason.strip()}
            decided = self._add(tx, kind, content, about=appeal, scope=scope, by=principal)
            if again is None:
                return [decided]
            return [decided, self._correct(tx, decided, again, reason, by=principal)]

        return self._casebook.write(work)

    def correct(
        self, number: int, *, subject: str, without: Sequence[str], reason: str, principal: Principal
    ) -> Judgement:
        """Correct a subject's published figures without an appeal: by leaving out cases that do not count for it.

        Raises:
            RefusedError: only an administrator of the whole site may.
            UnknownError: no such publication, subject or case.
            SameFiguresError: none of the cases counts for the subject.
            LimitError: no reason, or no case, or too many.
        """
        principal.require("correct figures", Role.ADMIN)
        principal.require_whole_site("correct figures")
        _require_words("reason", reason)
        published = self.publication(number, principal=principal)
        if subject not in subjects_of(published):
            raise UnknownError(f"subject in publication {number}", subject, subjects_of(published))
        again = self._without(published, subject, without)
        return self._casebook.write(lambda tx: self._correct(tx, published.entry, again, reason, by=principal))

    def recomputed(self, number: int, *, principal: Principal) -> list[str]:
        """Compute a publication and its corrections again from the histories; returns the subjects that differ, if any.

        Raises:
            RefusedError: the role sees no statistics.
            UnknownError: there is no such publication in reach.
        """
        principal.require("read figures", *_OVERSEERS)
        published = self.publication(number, principal=principal)

        def differing(book: Asking) -> set[str]:
            rows = judged_again(book, published.entry, site=self._site)
            again = {row["figures"]["subject"]: row for row in rows}
            first = {row["figures"]["subject"]: row for row in rows_of(published.entry.content)}
            differ = {code for code in first.keys() | again.keys() if first.get(code) != again.get(code)}
            for each in (each for each in published.trace if each.kind is EntryKind.CORRECTION):
                subject, without = str(each.content["subject"]), texts_of(each.content["without"])
                if self._row_without(book, published, subject, without) != each.content["row"]:
                    differ.add(subject)
            return differ

        return sorted(self._casebook.read(differing))

    def _without(self, published: Published, subject: str, without: Sequence[str]) -> "_Again":
        """Compute a subject's row without some cases, and those that earlier corrections left out.

        Done before the write, since it reads many histories; its outcome is fixed by the publication's cut.

        Raises:
            SameFiguresError: these cases do not count for the subject, so that its figures would stay as they stand.
        """
        if not 1 <= len(without) <= _MOST_CASES:
            raise LimitError("without", f"{len(without)} cases", f"1 to {_MOST_CASES}")
        left_out = frozenset(without) | frozenset(left_out_of(published, subject))
        row = self._casebook.read(lambda book: self._row_without(book, published, subject, left_out))
        stands = next(each for each in published.rows() if each["figures"]["subject"] == subject)
        if {**row, "entry": stands["entry"]} == stands:
            raise SameFiguresError(subject, without)
        before = max([published.entry, *corrections_of(published, subject)], key=lambda each: each.number)
        return _Again(subject=subject, without=tuple(sorted(left_out)), row=row, corrects=before.number)

    def _row_without(
        self, book: Asking, published: Published, subject: str, without: Collection[str]
    ) -> dict[str, Any]:
        rows = judged_again(book, published.entry, without=without, also=(subject,), site=self._site)
        return next(each for each in rows if each["figures"]["subject"] == subject)

    def _correct(self, tx: Transaction, about: Judgement, again: "_Again", reason: str, *, by: Principal) -> Judgement:
        published = read_publication(tx, about.publication)
        newest = max((each.number for each in corrections_of(published, again.subject)), default=about.publication)
        if newest != again.corrects:
            raise AppealClosedError(about.publication, f"was corrected for {again.subject} just now by somebody else")
        content = {
            "subject": again.subject,
            "corrects": again.corrects,
            "without": list(again.without),
            "reason": reason.strip(),
            "row": again.row,
        }
        scope = read_scope(published.entry.scope)
        return self._add(tx, EntryKind.CORRECTION, content, about=about, scope=scope, by=by)

    def _add(
        self,
        tx: Transaction,
        kind: EntryKind,
        content: Mapping[str, object],
        *,
        scope: Scope,
        by: Principal,
        about: Judgement | None = None,
    ) -> Judgement:
        """Append an entry; its digest leaves the house with it, so that the book cannot be rewritten unseen."""
        entry = Judgement(
            number=0,
            kind=kind,
            about=None if about is None else about.number,
            publication=0 if about is None else about.publication,
            scope=scope.text,
            at=self._clock.now(),
            actor=by.name,
            role=by.role,
            content=content,
        )
        stored = tx.add_judgement(entry)
        told = {"number": stored.number, "kind": kind.value, "digest": stored.digest, "at": stored.at.isoformat()}
        key = f"{PUBLISHED}/{stored.number}"
        tx.enqueue(OutboxMessage(key=key, kind=PUBLISHED, target=stored.scope, payload=told, created_at=stored.at))
        return stored

    def _require_open(self, published: Published, subject: str) -> None:
        number = published.entry.number
        if any(each.kind is EntryKind.APPEAL and each.content["subject"] == subject for each in published.trace):
            raise AppealClosedError(number, f"was appealed for {subject} before; an appeal is looked at once")
        days = self._site.settings.judging.appeal_days
        if self._clock.now() > published.entry.at + timedelta(days=days):
            raise AppealClosedError(number, f"was published more than {days} days ago")

    def _shows(self, entry: Judgement, principal: Principal | None) -> bool:
        return read_scope(entry.scope).shows(principal, self._site)


def speaks_for(principal: Principal, kind: SubjectKind, subject: str, site: Site) -> bool:
    """Tell whether somebody is the judged: the force itself, or who a token says that it speaks for."""
    if f"{kind}:{subject}" in principal.speaks_for:
        return True
    force = site.roster.by_terminal().get(principal.terminal or "")
    return kind is SubjectKind.FORCE and force is not None and force.number == subject


def _require_words(field: str, words: str) -> None:
    bound_words(field, words)
    if len(words.strip()) < _SHORTEST:
        raise LimitError(field, f"{len(words.strip())} characters long", f"{_SHORTEST} at least")
