"""Changing an applied site: documents replaced, the whole checked, stored as a new version, all of it or nothing."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from geo.boundaries import Fault
from pipeline.casebook import Casebook, Transaction
from pipeline.catalogue import Catalogue, Category, FilingCondition
from pipeline.configuration import CATALOGUE, read_catalogue
from pipeline.errors import PipelineError
from pipeline.site import Site
from pipeline.site_files import SiteFaultsError, site_from_documents

Change = Callable[[Mapping[str, str], Site], Mapping[str, str]]
"""From the documents in force, and the site that they make, to those that are to replace some of them."""
Along = Callable[[Transaction], None]
"""What is written with a new version, in its transaction."""


class ClassesInUseError(PipelineError):
    """A site would leave out categories that cases have."""

    def __init__(self, keys: Sequence[str]) -> None:
        shown = ", ".join(keys[:8]) + (", …" if len(keys) > 8 else "")  # noqa: PLR2004 - a line's worth
        super().__init__(
            f"{len(keys)} categor{'y' if len(keys) == 1 else 'ies'} in use cannot be deleted: {shown}; cases have them,"
            " so keep them in the catalogue and switch them off with `reportable` = false"
        )
        self.keys = tuple(keys)


class ConditionsInUseError(PipelineError):
    """A site would leave out, or number otherwise, filing conditions that open cases were filed on."""

    def __init__(self, conditions: Sequence[tuple[str, FilingCondition]]) -> None:
        named = [f"{each.number} of {key} ({each.text:.40})" for key, each in conditions]
        shown = ", ".join(named[:8]) + (", …" if len(named) > 8 else "")  # noqa: PLR2004 - a line's worth
        super().__init__(
            f"{len(named)} filing condition{'' if len(named) == 1 else 's'} in use cannot be deleted or get another"
            f" number: {shown}; open cases were filed on them and take their deadlines from there, so keep them with"
            " their numbers until these cases are closed"
        )


class ChangeFaultsError(SiteFaultsError):
    """A change would leave the site with faults; nothing was stored."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("the changed site", faults)


class SiteChangedError(PipelineError):
    """Somebody else applied a site in between."""

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(
            f"the site is at version {actual} by now, the change was made for version {expected}; read it again and"
            " send the change anew"
        )


class NothingAppliedError(PipelineError):
    """The database has no site yet."""

    def __init__(self, database: str = "the database") -> None:
        super().__init__(
            f"{database} holds no site yet; name the site's own with --data or --database,"
            " or load one with: beatgrid apply SITE"
        )


def load_site(
    texts: Mapping[str, str],
    site: Site,
    casebook: Casebook,
    *,
    now: datetime,
    after: int | None = None,
    along: Along | None = None,
) -> tuple[Site, int]:
    """Store a checked site's documents as a new version; returns the site and the version's number.

    Args:
        texts: the documents, as the site was read from them.
        site: what they make.
        after: the version that they were made from; None to come after whatever is there.
        along: written in the same transaction.

    Raises:
        ClassesInUseError: it leaves out categories of the version before that cases have.
        ConditionsInUseError: it leaves out or renumbers filing conditions of open cases.
        SiteChangedError: another version came in between.
    """

    def work(tx: Transaction) -> int:
        if after is not None and tx.site_version() != after:
            raise SiteChangedError(after, tx.site_version())
        _require_what_cases_have(tx, site.catalogue)
        if along is not None:
            along(tx)
        return tx.save_site(texts, now)

    return site, casebook.write(work)


def change_site(
    casebook: Casebook, change: Change, *, now: datetime, expected: int | None = None, along: Along | None = None
) -> tuple[Site, int]:
    """Replace some documents of the applied site; the whole is checked before anything is stored.

    Args:
        casebook: that holds the site.
        change: makes the new documents.
        now: when.
        expected: the version that the caller saw; None for whatever is in force.
        along: written in the same transaction.

    Raises:
        NothingAppliedError: no site was applied yet.
        ChangeFaultsError: with every fault of the site that would come of it.
        ClassesInUseError, ConditionsInUseError, SiteChangedError: see `load_site`.
    """
    version, before = casebook.site_version(), casebook.site_documents()
    if not before:
        raise NothingAppliedError
    if expected is not None and expected != version:
        raise SiteChangedError(expected, version)
    texts = {**before, **change(before, site_from_documents(before))}
    try:
        site = site_from_documents(texts)
    except SiteFaultsError as error:
        raise ChangeFaultsError(error.faults) from error
    return load_site(texts, site, casebook, now=now, after=version, along=along)


def _require_what_cases_have(tx: Transaction, catalogue: Catalogue) -> None:
    before = read_catalogue(tx.site_documents().get(CATALOGUE, ""), []).by_key
    left_out = (before.keys() - catalogue.by_key.keys()) & tx.categories_used()
    if left_out:
        raise ClassesInUseError(sorted(left_out))
    lost = [
        (key, condition)
        for key, number in sorted(tx.conditions_used())
        for condition in (before[key].conditions if key in before else ())
        if condition.number == number and _is_lost(condition, catalogue.get(key))
    ]
    if lost:
        raise ConditionsInUseError(lost)


def _is_lost(condition: FilingCondition, category: Category) -> bool:
    """Tell whether a condition's number is gone, or its text stands under another; a text may be mended."""
    texts = {each.number: each.text for each in category.conditions}
    now = texts.get(condition.number)
    return now is None or (now != condition.text and condition.text in texts.values())
