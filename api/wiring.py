"""The composition root: opens the casebook, brings the site up from it and puts the services together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from api.options import VENDOR
from api.services import FrameTaker, Services
from api.tokens import TokenBook
from pipeline.casebook import Casebook
from pipeline.clocks import Clock, WallClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.phone_marks import PhoneMarks
from pipeline.safe import Safe
from pipeline.site import Site
from pipeline.site_changes import NothingAppliedError, load_site
from pipeline.site_files import documents, read_site, site_from_documents
from pipeline.sql_casebook import open_casebook
from pipeline.sql_engine import is_missing, shown_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """Where a running site keeps what it writes.

    Attributes:
        data: folder of the database and the tokens.
        evidence: folder of the pictures.
        database: SQLAlchemy URL.
    """

    data: Path
    evidence: Path
    database: str


def premises(folder: Path, *, data: Path | None = None, database: str | None = None) -> Premises:
    """Return where a site's data lies: beside the site's files, or in a folder of its own."""
    base = data if data is not None else folder / "data"
    evidence = base / "evidence" if data is not None else folder / "evidence"
    return Premises(data=base, evidence=evidence, database=database or f"sqlite:///{base / 'beatgrid.db'}")


def open_book(where: Premises) -> Casebook:
    """Open the casebook, its schema brought up to date."""
    where.data.mkdir(parents=True, exist_ok=True)
    return open_casebook(where.database)


@contextmanager
def opened_book(folder: Path, *, data: Path | None = None, database: str | None = None) -> Iterator[Casebook]:
    """Open an applied site's casebook for as long as a command needs it; makes none.

    Raises:
        NothingAppliedError: there is no database, or no site in it.
    """
    where = premises(folder, data=data, database=database)
    if is_missing(where.database):
        raise NothingAppliedError(shown_url(where.database))
    book = open_book(where)
    try:
        if not book.site_version():
            raise NothingAppliedError(shown_url(where.database))
        yield book
    finally:
        book.close()


@contextmanager
def wired_site(folder: Path, *, data: Path | None = None, database: str | None = None) -> Iterator[Services]:
    """Wire an applied site's services for as long as a command needs them.

    Raises:
        NothingAppliedError: there is no database, or no site in it.
    """
    with opened_book(folder, data=data, database=database) as book:
        site = site_from_documents(book.site_documents())
        yield _wired(site, book, premises(folder, data=data, database=database), WallClock())


def apply_site(folder: Path, casebook: Casebook, clock: Clock) -> tuple[Site, int]:
    """Check a site's folder and load it as a new version; returns the site and the version's number.

    Raises:
        SiteFaultsError: the files have faults; nothing was loaded.
        ClassesInUseError: cases have a category that the catalogue leaves out.
    """
    return load_site(documents(folder, []), read_site(folder), casebook, now=clock.now())


def current_site(folder: Path, casebook: Casebook, clock: Clock) -> Site:
    """Return the applied site; a new database gets the folder applied first."""
    texts = casebook.site_documents()
    return site_from_documents(texts) if texts else apply_site(folder, casebook, clock)[0]


def wire(folder: Path, where: Premises, *, clock: Clock | None = None) -> Services:
    """Put the services of a site together, without a detector; a new database gets the folder applied first."""
    clock = clock or WallClock()
    casebook = open_book(where)
    return _wired(current_site(folder, casebook, clock), casebook, where, clock)


def _wired(site: Site, casebook: Casebook, where: Premises, clock: Clock) -> Services:
    evidence = EvidenceStore(where.evidence, safe=Safe(where.data / "evidence.key"))
    phones = PhoneMarks(where.data / "points.key")
    return Services(
        site=site,
        casebook=casebook,
        desk=Desk(site=site, casebook=casebook, clock=clock, evidence=evidence, phones=phones),
        phones=phones,
        clock=clock,
        evidence=evidence,
        tokens=TokenBook.load_or_make(where.data / "tokens.toml", site=site),
        vendor=VENDOR,
    )


def with_frames(services: Services, frames: FrameTaker) -> Services:
    """Return the services with a detector behind `POST /frames`."""
    return replace(services, frames=frames)
