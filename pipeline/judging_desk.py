"""The judging desk: figures of a period, their publication, appeals against it, and corrections.

Figures are told from histories up to the period's end and no further than a place in the site's sequence; both are
kept with a publication, and the version of the site, so that anybody can compute it again. What was published is
never changed: a correction is a new entry that names it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pipeline.attribution import Attribution, SubjectKind
from pipeline.case_story import Cut
from pipeline.casebook import Asking, Casebook, LimitError, OutboxMessage, Transaction
from pipeline.clocks import Clock
from pipeline.errors import PipelineError, RefusedError, UnknownError
from pipeline.history import canonical
from pipeline.judged_stories import Wanted, told_stories
from pipeline.judging import Figures, judge
from pipeline.judging_book import EntryKind, Judgement
from pipeline.judging_periods import JudgedPeriod
from pipeline.judging_scores import Score, score
from pipeline.principal import Principal, Role
from pipeline.publication_scope import Scope, read_scope, require_scope
from pipeline.publications import Published, corrections_of, left_out_of, read_publication, rows_of, subjects_of
from pipeline.receipts import bound_words
from pipeline.site import Site
from pipeline.site_files import site_from_documents

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Figures with scores.

    Attributes:
        through: place in the site's sequence up to which histories were read.
        site_version: by which version of the site; 0 for one that was never applied.
    """

    wanted: Wanted
    through: int
    site_version: int
    rows: tuple[tuple[Figures, Score], ...]


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

    def publish(
        self, period: JudgedPeriod, *, by: SubjectKind, scope: str, note: str = "", principal: Principal
    ) -> Judgement:
        """Freeze the figures of a period that is over, for those who lie in a scope.

        Raises:
            RefusedError: only an administrator may.
            NotOverError: the period is not over.
            ScopeError, UnknownError, PersonsShownError: see `require_scope`.
            LimitError: the note or the whole is too long.
        """
        principal.require("publish figures", Role.ADMIN)
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
            "rows": [_told(*row) for row in judged.rows],
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
            principal: of the site's deciding role; neither who published nor who appealed.

        Raises:
            RefusedError, OwnJudgementError: the principal may not.
            UnknownError: no such appeal in reach, or a case is not among those that were judged.
            AppealClosedError: it was decided before.
            LimitError: no reason, or no case, or too many.
        """
        principal.require("decide an appeal", *{self._site.settings.judging.decider, Role.ADMIN})
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
            RefusedError: only an administrator may.
            UnknownError: no such publication, subject or case.
            LimitError: no reason, or no case, or too many.
        """
        principal.require("correct figures", Role.ADMIN)
        _require_words("reason", reason)
        published = self.publication(number, principal=principal)
        if subject not in subjects_of(published):
            raise UnknownError(f"subject in publication {number}", subject, subjects_of(published))
        again = self._without(published, subject, without)
        return self._casebook.write(lambda tx: self._correct(tx, published.entry, again, reason, by=principal))

    def recomputed(self, number: int, *, principal: Principal) -> list[str]:
        """Compute a publication again from the histories; returns the subjects whose figures differ, none if all hold.

        Raises:
            RefusedError: the role sees no statistics.
            UnknownError: there is no such publication in reach.
        """
        principal.require("read figures", *_OVERSEERS)
        entry = self.publication(number, principal=principal).entry
        again = self._casebook.read(lambda book: self._again(book, entry, frozenset()))
        first = {row["figures"]["subject"]: row for row in rows_of(entry.content)}
        now = {row["figures"]["subject"]: row for row in again}
        return sorted(code for code in first.keys() | now.keys() if first.get(code) != now.get(code))

    def _judged(self, wanted: Wanted) -> Judged:
        def question(book: Asking) -> Judged:
            version, through = book.site_version(), book.newest_sequence()
            return self._computed(book, wanted, site=self._site_of(book, version), version=version, through=through)

        return self._casebook.read(question)

    def _computed(
        self,
        book: Asking,
        wanted: Wanted,
        *,
        site: Site,
        version: int,
        through: int,
        without: frozenset[str] = frozenset(),
    ) -> Judged:
        cut = Cut(until=wanted.period.until, through=through)
        stories = list(told_stories(book, wanted, cut, site=site))
        unknown = sorted(without - {each.case.number for each in stories})
        if unknown:
            raise UnknownError("case among those judged", unknown[0])
        counted = [each for each in stories if each.case.number not in without]
        figures = judge(counted, wanted.period, by=wanted.by, attribution=Attribution(site, wanted.grids))
        settings = site.settings
        rows = tuple(
            (
                each,
                score(
                    each,
                    settings.judging,
                    targets=settings.targets,
                    public_is_proactive=settings.public_is_proactive,
                ),
            )
            for each in figures
        )
        return Judged(wanted=wanted, through=through, site_version=version, rows=rows)

    def _again(self, book: Asking, entry: Judgement, without: frozenset[str]) -> list[dict[str, Any]]:
        """Return a publication's rows, computed anew by its own cut and version of the site."""
        wanted, version = _wanted(entry), _whole(entry.content["site_version"])
        through = _whole(entry.content["through"])
        site = self._site_of(book, version)
        judged = self._computed(book, wanted, site=site, version=version, through=through, without=without)
        return [_told(*row) for row in judged.rows]

    def _without(self, published: Published, subject: str, without: Sequence[str]) -> "_Again":
        """Compute a subject's row without some cases, and those that earlier corrections left out.

        Done before the write, since it reads many histories; its outcome is fixed by the publication's cut.
        """
        if not 1 <= len(without) <= _MOST_CASES:
            raise LimitError("without", f"{len(without)} cases", f"1 to {_MOST_CASES}")
        left_out = frozenset(without) | frozenset(left_out_of(published, subject))
        rows = self._casebook.read(lambda book: self._again(book, published.entry, left_out))
        row = next(each for each in rows if each["figures"]["subject"] == subject)
        before = max([published.entry, *corrections_of(published, subject)], key=lambda each: each.number)
        return _Again(subject=subject, without=tuple(sorted(left_out)), row=row, corrects=before.number)

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

    def _site_of(self, book: Asking, version: int) -> Site:
        return site_from_documents(book.site_documents_of(version)) if version else self._site

    def _shows(self, entry: Judgement, principal: Principal | None) -> bool:
        return read_scope(entry.scope).shows(principal, self._site)


def speaks_for(principal: Principal, kind: SubjectKind, subject: str, site: Site) -> bool:
    """Tell whether somebody is the judged: the force itself, or who a token says that it speaks for."""
    if f"{kind}:{subject}" in principal.speaks_for:
        return True
    force = site.roster.by_terminal().get(principal.terminal or "")
    return kind is SubjectKind.FORCE and force is not None and force.number == subject


def _wanted(entry: Judgement) -> Wanted:
    told = entry.content
    period = JudgedPeriod(
        since=datetime.fromisoformat(str(told["since"])), until=datetime.fromisoformat(str(told["until"]))
    )
    return Wanted(period=period, by=SubjectKind(str(told["by"])), grids=read_scope(entry.scope).grids)


def _told(figures: Figures, reached: Score) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(canonical({"figures": asdict(figures), "score": asdict(reached)}))
    return row


def _whole(value: object) -> int:
    return int(str(value))


def _require_words(field: str, words: str) -> None:
    bound_words(field, words)
    if len(words.strip()) < _SHORTEST:
        raise LimitError(field, f"{len(words.strip())} characters long", f"{_SHORTEST} at least")
