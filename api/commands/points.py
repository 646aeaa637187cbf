"""`points`: citizens' accounts and the ledger. Rules: docs/points.md."""

from typing import Annotated

import typer

from api.commands.life import AsOption, someone
from api.commands.report import give, say
from api.options import SAMPLE, DatabaseOption, DataOption, JsonOption, SiteOption
from api.points_schemas import AccountOut, EarnedOut, LedgerEntryOut, TotalsOut
from api.wiring import wired_site

app = typer.Typer(help="Citizens' points.", no_args_is_help=True)
AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's code, such as P0123….")]


@app.command()
def totals(
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide what waits, then print the ledger in sums."""
    with wired_site(site, data=data, database=database) as services:
        found = services.points.totals(principal=someone(who))
    give(TotalsOut.of(found).model_dump(mode="json"), as_json=as_json)


@app.command()
def find(
    phone: Annotated[str, typer.Option(prompt=True, help="The phone number; it is stored nowhere.")],
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the account that a phone number leads to."""
    with wired_site(site, data=data, database=database) as services:
        found = AccountOut.of(services.points.find(phone, principal=someone(who)))
    _give_account(found, as_json=as_json)


@app.command()
def show(
    account: AccountArgument,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an account with its entries."""
    with wired_site(site, data=data, database=database) as services:
        found = AccountOut.of(services.points.account(account, limit=1000, principal=someone(who)))
    _give_account(found, as_json=as_json)


@app.command()
def earned(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help="The report's receipt.")],
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a report earned, as whoever made it may know."""
    with wired_site(site, data=data, database=database) as services:
        found = EarnedOut.of(services.points.of_receipt(receipt))
    give(found.model_dump(mode="json"), as_json=as_json)


@app.command()
def redeem(
    account: AccountArgument,
    points: Annotated[int, typer.Argument(metavar="POINTS", min=1)],
    request: Annotated[str, typer.Option(help="An id of this redemption; given again, it is done once.")],
    note: Annotated[str, typer.Option(help="What was handed out.")] = "",
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take points for something handed out."""
    with wired_site(site, data=data, database=database) as services:
        entry = services.points.redeem(account, points, request=request, note=note, principal=someone(who))
    give(LedgerEntryOut.of(entry).model_dump(mode="json"), as_json=as_json)


@app.command()
def member(
    account: AccountArgument,
    yes: Annotated[bool, typer.Option("--yes/--no", help="Whether it is a party member's.")] = True,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mark an account as a party member's, or not."""
    with wired_site(site, data=data, database=database) as services:
        found = AccountOut.of(services.points.mark_member(account, member=yes, principal=someone(who)))
    _give_account(found, as_json=as_json)


def _give_account(found: AccountOut, *, as_json: bool) -> None:
    give(found.model_dump(mode="json"), as_json=as_json)
    if not as_json:
        for each in found.entries:
            say(f"{each.at.isoformat()} {each.kind} {each.postings.get(found.account, 0):+d} {each.note}")
