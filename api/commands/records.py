"""`verify`, `backup`, `restore`, `erase`: whether the record holds, keeping it, and taking out what people may."""

from pathlib import Path
from typing import Annotated

import typer

from api.commands.life import AsOption, someone
from api.commands.report import give, say
from api.options import SAMPLE, DatabaseOption, DataOption, JsonOption, SiteOption
from api.wiring import open_book, opened_book, premises, wired_site
from pipeline.backup import back_up
from pipeline.backup import restore as fill_from
from pipeline.clocks import WallClock
from pipeline.erasure import Erasable, Proof, Wanted
from pipeline.evidence import EvidenceStore
from pipeline.verification import Account
from pipeline.verification import verify as prove

app = typer.Typer()
_SHOWN = 200


@app.command()
def verify(
    site: SiteOption = SAMPLE,
    anchor: Annotated[
        list[str] | None, typer.Option(help="An anchor's digest that was written down elsewhere; may be repeated.")
    ] = None,
    pictures: Annotated[bool, typer.Option(help="Whether to compare every picture on the disk too.")] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that no event was changed, lost, moved or invented, and say what is wrong where. Works while running."""
    opened = EvidenceStore(premises(site, data=data).evidence).open if pictures else None
    with opened_book(site, data=data, database=database) as book:
        account = prove(book, known_anchors=anchor or (), pictures=opened)
    show_account(account, as_json=as_json)
    if account.flaws:
        raise typer.Exit(1)


def show_account(account: Account, *, as_json: bool) -> None:
    """Print what was proved; flaws and remarks go to stderr, line by line."""
    figures: dict[str, object] = {
        "holds": not account.flaws,
        "cases": account.cases,
        "events": account.events,
        "anchors": account.anchors,
        "anchored_to": account.anchored,
        "newest_anchor": account.newest_anchor,
        "pictures": account.pictures,
        "flaws": [str(each) for each in account.flaws],
        "remarks": [str(each) for each in account.remarks],
    }
    give(figures, as_json=as_json)
    for title, found in (("flaw", account.flaws), ("remark", account.remarks)):
        for each in found[:_SHOWN]:
            say(f"{title}: {each}")
        if len(found) > _SHOWN:
            say(f"{len(found) - _SHOWN} more {title}s; --json lists 1000")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file for the backup, such as site.zip.")],
    site: SiteOption = SAMPLE,
    pictures: Annotated[bool, typer.Option(help="Whether the pictures go along.")] = True,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write database and pictures to one file, of one moment, while the site runs. Tokens are not in it."""
    where = premises(site, data=data, database=database)
    evidence = EvidenceStore(where.evidence) if pictures else None
    with opened_book(site, data=data, database=database):
        saved = back_up(where.database, file, evidence=evidence, now=WallClock().now())
    give(
        {
            "file": saved.path,
            "bytes": file.stat().st_size,
            "revision": saved.revision,
            "events": saved.rows["events"],
            "cases": saved.rows["cases"],
            "newest_event": saved.newest,
            "pictures": saved.pictures,
            "missing_pictures": list(saved.missing),
        },
        as_json=as_json,
    )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `beatgrid backup` wrote.")],
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fill an empty database of either kind from a backup, then prove it."""
    where = premises(site, data=data, database=database)
    where.data.mkdir(parents=True, exist_ok=True)
    saved = fill_from(file, where.database, evidence=where.evidence)
    say(f"restored {saved.rows['cases']} cases and {saved.pictures} pictures of {saved.at.isoformat()}")
    book = open_book(where)
    try:
        account = prove(book, pictures=EvidenceStore(where.evidence).open if saved.pictures else None)
    finally:
        book.close()
    show_account(account, as_json=as_json)
    if account.flaws:
        raise typer.Exit(1)


@app.command()
def erase(
    case: Annotated[str | None, typer.Argument(metavar="CASE", help="Number of the case.")] = None,
    what: Annotated[list[Erasable] | None, typer.Option(help="What to erase; may be repeated.")] = None,
    ground: Annotated[str, typer.Option(help="Why; kept, so without anything personal.")] = "",
    report: Annotated[str | None, typer.Option(help="A report's code, with --what contact: only its contact.")] = None,
    expired: Annotated[bool, typer.Option("--expired", help="Erase what is over the site's terms instead.")] = False,
    who: AsOption = "",
    site: SiteOption = SAMPLE,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase words, pictures or contacts of a case and print the proof."""
    if expired == (case is not None) or (case is not None and not what):
        raise typer.BadParameter("give CASE with --what and --ground, or --expired alone")
    with wired_site(site, data=data, database=database) as services:
        if case is None:
            proofs = services.eraser.erase_expired(services.site.settings.erasure, limit=1000)
        else:
            wanted = Wanted(case=case, what=frozenset(what or ()), ground=ground, report=report)
            proofs = [services.eraser.erase(wanted, principal=someone(who))]
    give({"erased": len(proofs), "proofs": [_shown(each) for each in proofs]}, as_json=as_json)
    if not as_json:
        for proof in proofs:
            say(f"{proof.case}: {len(proof.erased)} details, {proof.pictures} pictures; event {proof.digest}")
    for proof in proofs:
        if proof.tasks:
            say(f"{proof.case}: the tasks {', '.join(proof.tasks)} keep their words; erase each by its own number")


def _shown(proof: Proof) -> dict[str, object]:
    return {
        "case": proof.case,
        "at": proof.at.isoformat(),
        "erased": [list(each) for each in proof.erased],
        "pictures": proof.pictures,
        "tasks": list(proof.tasks),
        "sequence": proof.sequence,
        "digest": proof.digest,
    }
