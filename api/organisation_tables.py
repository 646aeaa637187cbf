"""The tables of the organisation that may be read and replaced one by one, for routes and commands alike."""

from collections.abc import Mapping
from enum import StrEnum

from api.errors import ApiError
from pipeline.configuration import FORCES
from pipeline.csv_table import write_rows
from pipeline.organisation_files import COLUMNS, DEPARTMENTS, OFFICERS, STATIONS, TURNS
from pipeline.roster_files import CHANGE_COLUMNS, DUTY_CHANGES


class Table(StrEnum):
    """One table, by its name without ".csv"."""

    DEPARTMENTS = "departments"
    OFFICERS = "officers"
    STATIONS = "stations"
    COMMANDERS = "commanders"
    FORCES = "forces"
    DUTY_CHANGES = "duty_changes"

    @property
    def file(self) -> str:
        """Return its file in a site's folder."""
        return f"{self.value}.csv"


assert {each.file for each in Table} == {DEPARTMENTS, OFFICERS, STATIONS, TURNS, FORCES, DUTY_CHANGES}  # noqa: S101
_EMPTY: Mapping[str, str] = {
    **{name: write_rows(columns, ()) for name, columns in COLUMNS.items()},
    DUTY_CHANGES: write_rows(CHANGE_COLUMNS, ()),
}


class NotTextError(ApiError):
    """A table was sent that is no text."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(f"{what} is not UTF-8 at byte {at}; save it as UTF-8 and send it again")


def table_text(documents: Mapping[str, str], table: Table) -> str:
    """Return a table's text; one that the site does not have is its heading alone."""
    return documents.get(table.file) or _EMPTY.get(table.file, "")


def decoded(body: bytes, what: str) -> str:
    """Return a sent table as text.

    Raises:
        NotTextError: it is not UTF-8.
    """
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotTextError(what, error.start) from error
