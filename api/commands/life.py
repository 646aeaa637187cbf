"""`act`, `clocks`, `standing`, `joint`, `consultation`: a case's life from the command line, for the operations centre.

Whoever can open the database acts as its administrator; `--as` puts a name into the history.
"""

import getpass
from datetime import datetime
from typing import Annotated

import typer

from api.commands.report import give, say
from api.options import SAMPLE, DatabaseOption, DataOption, JsonOption, SiteOption
from api.schemas import CaseOut
from api.services import Services
from api.wiring import wired_site
from pipeline.cases import Action, Case
from pipeline.clocks import utc
from pipeline.consultations import Meeting
from pipeline.duty_book import Consultation
from pipeline.joint_action import JointPlan
from pipeline.principal import Principal, Role

app = typer.Typer()
joint = typer.Typer(help="Joint action: one case, several departments, one lead.", no_args_is_help=True)
consultation = typer.Typer(help="Consultation on hard cases.", no_args_is_help=True)

AsOption = Annotated[str, typer.Option("--as", metavar="NAME", help="Who acts; the log-in name by default.")]
NoteOption = Annotated[str, typer.Option(help="Words for the history.")]
CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="Number of the case.")]
MeetingArgument = Annotated[str, typer.Argument(metavar="CONSULTATION", help="Its code.")]
_FORMS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]
SinceOption = Annotated[datetime, typer.Option(help="Begin of the period, with offset.", formats=_FORMS)]
UntilOption = Annotated[datetime, typer.Option(help="Its end, excluded, with offset.", formats=_FORMS)]


def someone(name: str) -> Principal:
    """Return who acts from the command line."""
    return Principal(name=name or getpass.getuser(), role=Role.ADMIN)


class PairFormError(typer.BadParameter):
    """An option is not NAME=VALUE."""

    def __init__(self, given: str, form: str) -> None:
        super().__init__(f"{given!r} is not {form}, each name once")


def pairs(given: list[str], form: str) -> dict[str, str]:
    """Return value by name from what NAME=VALUE options were given."""
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not (name and equals and value) or name in found:
            raise PairFormError(each, form)
        found[name] = value
    return found


def _give_case(case: Case, services: Services, *, as_json: bool) -> None:
    give(CaseOut.of(case, services.site).model_dump(mode="json"), as_json=as_json)


@app.command()
def act(
    case: CaseArgument,
    action: Annotated[Action, typer.Argument(help="The step.")],
    note: NoteOption = "",
    terminal: Annotated[str | None, typer.Option(help="Whom to dispatch to.")] = None,
    more: Annotated[float | None, typer.Option(help="Time asked for, in the deadline's unit.")] = None,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a step on a case; an illegal one is refused with the legal ones."""
    with wired_site(site, data=data, database=database) as services:
        after = services.desk.act(case, action, principal=someone(who), note=note, terminal=terminal, more=more)
        _give_case(after, services, as_json=as_json)


@app.command()
def clocks(
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fire every step of a duty clock that is due, oldest first, and drop the hour's anchor; `serve` does so too."""
    with wired_site(site, data=data, database=database) as services:
        adopted = services.watch.adopt()
        fired = services.watch.once()
    rows = [
        {
            "case": each.case,
            "clock": each.clock.value,
            "round": each.round,
            "step": each.step.value,
            "due_at": each.due_at.isoformat(),
            "told": list(each.told),
        }
        for each in fired
    ]
    give({"adopted": adopted, "fired": rows, "steps": len(rows)}, as_json=as_json)
    if not as_json:
        for row in rows:
            say(f"{row['due_at']} {row['case']} {row['clock']}: {row['step']} to {row['told']}")


@app.command()
def standing(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help="The report's receipt.")],
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell how a report stands, as whoever made it may know."""
    with wired_site(site, data=data, database=database) as services:
        found = services.office.standing(receipt)
    steps = [{"action": each.action, "status": each.status.value, "at": each.at.isoformat()} for each in found.steps]
    give({"receipt": receipt, "status": found.status.value, "steps": steps}, as_json=as_json)
    if not as_json:
        for step in steps:
            say(f"{step['at']} {step['action']}: {step['status']}")


@joint.command("open")
def joint_open(
    case: CaseArgument,
    lead: Annotated[str, typer.Option(help="The department that leads.")],
    liaison: Annotated[list[str], typer.Option(metavar="DEPARTMENT=FORCE", help="Each department's liaison.")],
    note: NoteOption = "",
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a case to several departments."""
    plan = JointPlan(lead=lead, liaisons=pairs(liaison, "DEPARTMENT=FORCE"))
    with wired_site(site, data=data, database=database) as services:
        _give_case(services.office.open_joint(case, plan, note=note, principal=someone(who)), services, as_json=as_json)


@joint.command("done")
def joint_done(
    case: CaseArgument,
    department: Annotated[str, typer.Argument(help="Whose part.")],
    note: NoteOption,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report that a department has done its part."""
    with wired_site(site, data=data, database=database) as services:
        after = services.office.finish_part(case, department, note=note, principal=someone(who))
        _give_case(after, services, as_json=as_json)


@consultation.command("list")
def consultation_list(
    since: SinceOption,
    until: UntilOption,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the hard cases of a period."""
    period = utc(since, field="--since"), utc(until, field="--until")
    with wired_site(site, data=data, database=database) as services:
        found = services.office.hard_cases(*period, principal=someone(who))
    rows = [
        {"case": h.case.number, "level": h.case.level, "departments": h.departments, "reasons": h.reasons}
        for h in found
    ]
    give({"hard": rows, "cases": len(rows)}, as_json=as_json)
    if not as_json:
        for row in rows:
            say(f"{row['case']} level {row['level']}: {row['departments']}; {row['reasons']}")


@consultation.command("convene")
def consultation_convene(
    since: SinceOption,
    until: UntilOption,
    held_at: Annotated[datetime, typer.Option(help="When it is held, with offset.", formats=_FORMS)],
    attendant: Annotated[list[str], typer.Option(metavar="NAME=DEPARTMENT", help="Who attends.")],
    place: Annotated[str, typer.Option(help="Where.")] = "",
    case: Annotated[list[str] | None, typer.Option(help="A case for its list; all hard ones by default.")] = None,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Call a meeting; whoever acts chairs it."""
    meeting = Meeting(
        since=utc(since, field="--since"),
        until=utc(until, field="--until"),
        held_at=utc(held_at, field="--held-at"),
        chair=someone(who).name,
        place=place,
        attendants=tuple(pairs(attendant, "NAME=DEPARTMENT").items()),
        cases=tuple(case or ()),
    )
    with wired_site(site, data=data, database=database) as services:
        give(_meeting(services.office.convene(meeting, principal=someone(who))), as_json=as_json)


@consultation.command("put")
def consultation_put(
    code: MeetingArgument,
    case: CaseArgument,
    words: Annotated[str, typer.Option(help="Why one department cannot solve it.")],
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a case on a meeting's list; one that is on it stays there, once."""
    with wired_site(site, data=data, database=database) as services:
        after = services.office.put_on_list(code, case, words=words, principal=someone(who))
    give(_meeting(after), as_json=as_json)


@consultation.command("decide")
def consultation_decide(
    code: MeetingArgument,
    case: CaseArgument,
    words: Annotated[str, typer.Option(help="What is decided.")],
    department: Annotated[str, typer.Option(help="Who answers for it.")],
    task: Annotated[str | None, typer.Option(help="Category of the case to open for it.")] = None,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write down a decision, and open its task as a case."""
    by = someone(who)
    with wired_site(site, data=data, database=database) as services:
        after = services.office.decide(code, case, words=words, department=department, task=task, principal=by)
    give(_meeting(after), as_json=as_json)


@consultation.command("close")
def consultation_close(
    code: MeetingArgument,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a meeting."""
    with wired_site(site, data=data, database=database) as services:
        give(_meeting(services.office.close_meeting(code, principal=someone(who))), as_json=as_json)


def _meeting(meeting: Consultation) -> dict[str, object]:
    return {
        "code": meeting.code,
        "cases": list(meeting.cases),
        "attendants": [list(each) for each in meeting.attendants],
        "decisions": [
            {"case": each.case, "department": each.department, "task": each.task, "words": each.words}
            for each in meeting.decisions
        ],
        "closed_at": None if meeting.closed_at is None else meeting.closed_at.isoformat(),
    }
