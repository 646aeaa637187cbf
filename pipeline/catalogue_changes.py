"""Changes of the catalogue, as `site_changes` takes them: the whole by a table, or one class at a time."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from geo.boundaries import Fault
from pipeline.catalogue import Catalogue, Category
from pipeline.catalogue_files import (
    CATALOGUE,
    read_catalogue,
    read_classes,
    read_conditions,
    write_catalogue,
    write_classes,
    write_conditions,
)
from pipeline.errors import UnknownError
from pipeline.site import Site
from pipeline.site_changes import Change, ChangeFaultsError

Edit = Callable[[Catalogue], Catalogue]


class CatalogueTable(StrEnum):
    """A table by which the catalogue is edited."""

    CLASSES = "classes"
    CONDITIONS = "conditions"


def table_of(catalogue: Catalogue, table: CatalogueTable) -> str:
    """Return a table of the catalogue."""
    write = write_classes if table is CatalogueTable.CLASSES else write_conditions
    return write(catalogue.by_key.values())


def stored_catalogue(documents: Mapping[str, str]) -> Catalogue:
    """Return the catalogue of a site's documents, which were checked when they were stored."""
    return read_catalogue(documents.get(CATALOGUE, ""), [])


def edited(edit: Edit) -> Change:
    """Return the change that an edit of the catalogue makes."""

    def change(documents: Mapping[str, str], _: Site) -> Mapping[str, str]:
        made = edit(stored_catalogue(documents))
        return {CATALOGUE: write_catalogue(made.by_key.values())}

    return change


def by_table(table: CatalogueTable, text: str) -> Change:
    """Return the change that a whole table makes.

    The change raises:
        ChangeFaultsError: with every fault of the table.
    """
    read = read_classes if table is CatalogueTable.CLASSES else read_conditions

    def edit(before: Catalogue) -> Catalogue:
        faults: list[Fault] = []
        made = read(text, faults, before=before)
        if faults:
            raise ChangeFaultsError(faults)
        return made

    return edited(edit)


def with_classes(categories: Iterable[Category]) -> Change:
    """Return the change that adds classes, or puts them in the place of those of the same key."""
    fresh = {each.key: each for each in categories}
    return edited(lambda before: Catalogue({**before.by_key, **fresh}))


def without_class(key: str) -> Change:
    """Return the change that deletes a class.

    The change raises:
        UnknownError: there is no such class.
    """

    def edit(before: Catalogue) -> Catalogue:
        if key not in before.by_key:
            raise UnknownError("category", key)
        return Catalogue({each: category for each, category in before.by_key.items() if each != key})

    return edited(edit)
