"""Judging over HTTP: figures of a period, their publication in a scope, appeals and corrections."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime

from api.dependencies import ServicesIn, Who
from api.judged_period import asked_period
from api.judging_schemas import (
    CorrectionIn,
    DismissIn,
    EntryOut,
    FigureAppealIn,
    JudgedOut,
    PublicPublishedOut,
    PublishedOut,
    PublishIn,
    RecomputedOut,
    UpholdIn,
)
from pipeline.attribution import SubjectKind
from pipeline.judged_stories import Wanted
from pipeline.judging_periods import JudgedPeriod, Span

router = APIRouter(prefix="/api/v1", tags=["judging"])
Number = Annotated[int, Path(ge=1, le=2**31 - 2)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Before = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="only publications of a smaller number")]
_NEWEST = 20


@router.get("/judging")
def read_figures(
    services: ServicesIn,
    who: Who,
    by: SubjectKind = SubjectKind.GRID,
    span: Annotated[Span | None, Query(description="with `day`; or give `since` and `until`")] = None,
    day: Annotated[date | None, Query(description="a local day of the span; today by default")] = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    grid: Annotated[list[str] | None, Query(max_length=200, description="only cases of these grids")] = None,
) -> JudgedOut:
    """Read the figures and scores of forces, units, grids, departments or the site over a period."""
    today = services.site.settings.calendar.local_day(services.clock.now())
    period = asked_period(services.site, span=span, day=day or today, since=since, until=until)
    wanted = Wanted(period=period, by=by, grids=None if grid is None else frozenset(grid))
    return JudgedOut.of(services.judging.figures(wanted, principal=who))


@router.get("/judging/publications")
def list_publications(services: ServicesIn, who: Who, before: Before = None, limit: Limit = 100) -> list[EntryOut]:
    """List the publications in whose scope you lie, newest first."""
    return [EntryOut.of(e) for e in services.judging.publications(principal=who, before=before, limit=limit)]


@router.post("/judging/publications", status_code=201)
def publish(services: ServicesIn, who: Who, body: PublishIn) -> EntryOut:
    """Freeze the figures of a period that is over, for those who lie in a scope."""
    period = JudgedPeriod(since=body.since, until=body.until)
    entry = services.judging.publish(period, by=body.by, scope=body.scope, note=body.note, principal=who)
    return EntryOut.of(entry)


@router.get("/judging/publications/{number}")
def read_publication(services: ServicesIn, who: Who, number: Number) -> PublishedOut:
    """Read a publication: its figures as they stand and as they were first, appeals, decisions, corrections."""
    return PublishedOut.of(services.judging.publication(number, principal=who))


@router.get("/judging/publications/{number}/recomputed")
def recompute(services: ServicesIn, who: Who, number: Number) -> RecomputedOut:
    """Compute a publication again from the histories, by its own cut and version of the site."""
    differ = services.judging.recomputed(number, principal=who)
    return RecomputedOut(number=number, holds=not differ, differ=differ)


@router.post("/judging/publications/{number}/appeals", status_code=201)
def appeal(services: ServicesIn, who: Who, number: Number, body: FigureAppealIn) -> EntryOut:
    """Appeal your published figures, once; the desk may for somebody else."""
    return EntryOut.of(services.judging.appeal(number, subject=body.subject, words=body.words, principal=who))


@router.post("/judging/publications/{number}/corrections", status_code=201)
def correct(services: ServicesIn, who: Who, number: Number, body: CorrectionIn) -> EntryOut:
    """Correct a subject's figures by leaving cases out; a new entry that names what it corrects."""
    corrected = services.judging.correct(
        number, subject=body.subject, without=body.without, reason=body.reason, principal=who
    )
    return EntryOut.of(corrected)


@router.get("/judging/appeals")
def list_appeals(services: ServicesIn, who: Who) -> list[EntryOut]:
    """List the appeals that wait for a decision."""
    return [EntryOut.of(each) for each in services.judging.open_appeals(principal=who)]


@router.post("/judging/appeals/{number}/uphold")
def uphold(services: ServicesIn, who: Who, number: Number, body: UpholdIn) -> list[EntryOut]:
    """Decide that an appeal is right; the correction follows at once. Not who published, nor who appealed."""
    told = services.judging.decide(number, uphold=True, reason=body.reason, without=body.without, principal=who)
    return [EntryOut.of(each) for each in told]


@router.post("/judging/appeals/{number}/dismiss")
def dismiss(services: ServicesIn, who: Who, number: Number, body: DismissIn) -> list[EntryOut]:
    """Decide that an appeal is not right; its figures stay. Not who published, nor who appealed."""
    told = services.judging.decide(number, uphold=False, reason=body.reason, principal=who)
    return [EntryOut.of(each) for each in told]


@router.get("/q/publications/judging")
def list_public(services: ServicesIn, before: Before = None) -> list[PublicPublishedOut]:
    """Read what was published for everybody, newest first, 20 at once; no log-in, nobody's names."""
    judging = services.judging
    found = judging.publications(principal=None, before=before, limit=_NEWEST)
    return [PublicPublishedOut.of(judging.publication(each.number, principal=None)) for each in found]
