"""`replay-dispatch`: recorded days worked again under each of several dispatch policies."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from api.commands.report import give, say
from api.options import SAMPLE, DatabaseOption, DataOption, JsonOption, SiteArgument
from api.wiring import opened_book
from pipeline.dispatch_figures import DispatchFigures, dispatch_figures
from pipeline.dispatch_records import recorded_calls
from pipeline.dispatch_replay import Replay
from pipeline.policy_table import policy_of
from pipeline.site import Site
from pipeline.site_files import site_from_documents

app = typer.Typer()


@app.command(name="replay-dispatch")
def replay_dispatch(
    since: Annotated[datetime, typer.Option("--from", help="First day, or moment, in the site's time.")],
    until: Annotated[datetime, typer.Option("--to", help="The day, or moment, after the last; not included.")],
    site: SiteArgument = SAMPLE,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", help="`site`, `default`, `nearest`, or a name of the site's; may be repeated."),
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Work the cases of recorded days again under each policy, and compare when they would have been attended.

    Nothing is written. Forces begin at their posts; who declined a case declines it again.
    """
    with opened_book(site, data=data, database=database) as casebook:
        applied = site_from_documents(casebook.site_documents())
        settings, zone = applied.settings, applied.settings.timezone
        begin, end = (each.replace(tzinfo=each.tzinfo or zone) for each in (since, until))
        if begin >= end:
            raise typer.BadParameter(f"--from {begin.isoformat()} is not before --to {end.isoformat()}")
        names = policy or ["site", "nearest"]
        chosen = [policy_of(name, in_force=settings.dispatch, named=settings.policies) for name in names]
        calls = recorded_calls(casebook, since=begin, until=end)
    say(f"{len(calls)} cases from {begin.isoformat()} to {end.isoformat()}")
    found = [dispatch_figures(each.name, Replay(applied, each, calls).run().attended, applied) for each in chosen]
    if as_json:
        give(_report(found, applied), as_json=True)
        return
    for each in found:
        give(
            {f"{each.policy} {name}": value for name, value in asdict(each).items() if name != "policy"}, as_json=False
        )


def _report(found: list[DispatchFigures], site: Site) -> dict[str, object]:
    rows = {each.policy: {name: value for name, value in asdict(each).items() if name != "policy"} for each in found}
    return {"late_after_s": site.settings.targets.arrive_s, "policies": rows}
