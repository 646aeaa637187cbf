"""`judging`: figures of a period, their publication, appeals and corrections. Definitions: docs/judging.md."""

from datetime import date, datetime
from typing import Annotated

import typer

from api.commands.life import AsOption, someone
from api.commands.report import give, say
from api.judged_period import asked_period
from api.judging_schemas import EntryOut, JudgedOut, PublishedOut, RowOut, ShareOut
from api.options import SAMPLE, DatabaseOption, DataOption, JsonOption, SiteOption
from api.services import Services
from api.wiring import wired_site
from pipeline.attribution import SubjectKind
from pipeline.clocks import utc
from pipeline.judged_stories import Wanted
from pipeline.judging_book import Judgement
from pipeline.judging_periods import JudgedPeriod, Span

app = typer.Typer(help="Figures, publication, appeals, corrections.", no_args_is_help=True)
_FORMS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]
ByOption = Annotated[SubjectKind, typer.Option("--by", help="Whose figures.")]
SpanOption = Annotated[Span | None, typer.Option("--span", help="A day, week or month; or give --from and --to.")]
DayOption = Annotated[
    datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="A local day of the span; today by default.")
]
FromOption = Annotated[
    datetime | None, typer.Option("--from", formats=_FORMS, help="Begin of the period, with offset.")
]
ToOption = Annotated[datetime | None, typer.Option("--to", formats=_FORMS, help="Its end, excluded, with offset.")]
NumberArgument = Annotated[int, typer.Argument(metavar="NUMBER", help="Of the publication.")]
AppealArgument = Annotated[int, typer.Argument(metavar="APPEAL", help="Number of the appeal.")]
SubjectOption = Annotated[str, typer.Option(help="Code of the force, unit, grid or department.")]
ReasonOption = Annotated[str, typer.Option(help="Why; is kept.")]
WithoutOption = Annotated[list[str] | None, typer.Option(help="A case that does not count; may be repeated.")]


class PeriodMissingError(typer.BadParameter):
    """Neither a span nor both ends of a period are given."""

    def __init__(self) -> None:
        super().__init__("give --span, with --day for another day than today, or both --from and --to with offsets")


def _period(
    services: Services, span: Span | None, day: datetime | None, since: datetime | None, until: datetime | None
) -> JudgedPeriod:
    if (span is None) == (since is None or until is None):
        raise PeriodMissingError
    calendar = services.site.settings.calendar
    local: date = calendar.local_day(services.clock.now()) if day is None else day.date()
    begin = None if since is None else utc(since, field="--from")
    end = None if until is None else utc(until, field="--to")
    return asked_period(services.site, span=span, day=local, since=begin, until=end)


@app.command()
def figures(
    by: ByOption = SubjectKind.GRID,
    span: SpanOption = None,
    day: DayOption = None,
    since: FromOption = None,
    until: ToOption = None,
    grid: Annotated[list[str] | None, typer.Option(help="Only cases of this grid; may be repeated.")] = None,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the figures and scores of a period."""
    with wired_site(site, data=data, database=database) as services:
        period = _period(services, span, day, since, until)
        wanted = Wanted(period=period, by=by, grids=frozenset(grid) if grid else None)
        judged = JudgedOut.of(services.judging.figures(wanted, principal=someone(who)))
    give(judged.model_dump(mode="json"), as_json=as_json)
    if not as_json:
        _say_rows(judged.rows)


@app.command()
def publish(
    scope: Annotated[str, typer.Option(help="Who may see it: grid:CODE, subdistrict, or all.")],
    by: ByOption = SubjectKind.GRID,
    span: SpanOption = None,
    day: DayOption = None,
    since: FromOption = None,
    until: ToOption = None,
    note: Annotated[str, typer.Option(help="Words to go with it.")] = "",
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Freeze the figures of a period that is over, for those who lie in a scope."""
    with wired_site(site, data=data, database=database) as services:
        period = _period(services, span, day, since, until)
        entry = services.judging.publish(period, by=by, scope=scope, note=note, principal=someone(who))
    _give_entry(entry, as_json=as_json)


@app.command("list")
def list_publications(
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest publications, and the appeals that wait for a decision."""
    with wired_site(site, data=data, database=database) as services:
        found = services.judging.publications(principal=someone(who))
        waiting = services.judging.open_appeals(principal=someone(who))
    told = {"publications": found, "appeals": waiting}
    give({name: [_plain(each) for each in entries] for name, entries in told.items()}, as_json=as_json)
    if not as_json:
        for each in (*found, *waiting):
            say(f"{each.number} {each.kind} {each.scope} by {each.actor} at {each.at.isoformat()}")


@app.command()
def show(
    number: NumberArgument,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a publication: figures as they stand and as they were first, appeals, decisions, corrections."""
    with wired_site(site, data=data, database=database) as services:
        published = PublishedOut.of(services.judging.publication(number, principal=someone(who)))
    give(published.model_dump(mode="json"), as_json=as_json)
    if not as_json:
        _say_rows(published.stands)
        for each in published.trace:
            say(f"{each.number} {each.kind} by {each.actor}: {each.content}")


@app.command()
def recompute(
    number: NumberArgument,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute a publication again from the histories; status 1 where a figure differs."""
    with wired_site(site, data=data, database=database) as services:
        differ = services.judging.recomputed(number, principal=someone(who))
    give({"publication": number, "holds": not differ, "differ": differ}, as_json=as_json)
    if differ:
        raise typer.Exit(1)


@app.command()
def appeal(
    number: NumberArgument,
    subject: SubjectOption,
    words: Annotated[str, typer.Option(help="What is wrong.")],
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lodge an appeal for somebody who is judged; it says that the desk did."""
    with wired_site(site, data=data, database=database) as services:
        entry = services.judging.appeal(number, subject=subject, words=words, principal=someone(who))
    _give_entry(entry, as_json=as_json)


@app.command()
def uphold(
    number: AppealArgument,
    reason: ReasonOption,
    without: WithoutOption = None,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide that an appeal is right; the correction that leaves the cases out follows at once."""
    with wired_site(site, data=data, database=database) as services:
        told = services.judging.decide(
            number, uphold=True, reason=reason, without=without or (), principal=someone(who)
        )
    _give_entry(told[-1], as_json=as_json)


@app.command()
def dismiss(
    number: AppealArgument,
    reason: ReasonOption,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide that an appeal is not right; its figures stay."""
    with wired_site(site, data=data, database=database) as services:
        told = services.judging.decide(number, uphold=False, reason=reason, principal=someone(who))
    _give_entry(told[-1], as_json=as_json)


@app.command()
def correct(
    number: NumberArgument,
    subject: SubjectOption,
    reason: ReasonOption,
    without: WithoutOption = None,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Correct a subject's published figures without an appeal, by leaving cases out."""
    with wired_site(site, data=data, database=database) as services:
        entry = services.judging.correct(
            number, subject=subject, without=without or (), reason=reason, principal=someone(who)
        )
    _give_entry(entry, as_json=as_json)


def _plain(entry: Judgement) -> dict[str, object]:
    return EntryOut.of(entry).model_dump(mode="json")


def _give_entry(entry: Judgement, *, as_json: bool) -> None:
    give(_plain(entry), as_json=as_json)


def _say_rows(rows: list[RowOut]) -> None:
    for row in rows:
        told, score = row.figures, row.score
        value = f"{score.value:.1f}" if score.value is not None else "none"
        say(
            f"{told.subject}: score {value}{f' ({score.why_not})' if score.why_not else ''};"
            f" discovered {told.discovered}, proactive {_share(told.proactive)},"
            f" with the public {_share(told.proactive_public)}; closed {_share(told.closure)},"
            f" on time {_share(told.on_time)}, sent back {_share(told.rework)};"
            f" arrived in time {_share(told.arrival.in_time)}, first result {_share(told.first_result.in_time)};"
            f" false alarms {_share(told.false_alarms)}; handled {told.workload.handled}"
        )


def _share(share: ShareOut) -> str:
    if share.value is None:
        return f"0 of {share.of}"
    return f"{share.value:.1%} ({share.count} of {share.of}, {share.low:.1%} to {share.high:.1%})"
