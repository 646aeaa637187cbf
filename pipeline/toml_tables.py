"""TOML documents of a site: a table with its faults noted, and arrays of tables as `Fields`."""

import tomllib
from collections.abc import Mapping

from geo.boundaries import Fault
from pipeline.fields import Fields, UnreadFault


def read_toml(text: str, *, file: str, faults: list[Fault]) -> Mapping[str, object]:
    """Return a TOML document's table, empty with a fault when it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults.append(UnreadFault(file=file, feature="", field="", problem=f"is not TOML: {error}; mend that line"))
        return {}


def read_tables(text: str, name: str, *, file: str, faults: list[Fault]) -> list[Fields]:
    """Return the tables headed [[name]] of a document; anything else in it is a fault."""
    document = read_toml(text, file=file, faults=faults)
    unknown: list[Fault] = []
    Fields(document, file, "", unknown).only([name])
    faults += map(UnreadFault.of, unknown)
    tables = document.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        faults.append(UnreadFault(file=file, feature="", field=name, problem=f"expected tables headed [[{name}]]"))
        return []
    return [Fields(table, file, str(table.get("code") or f"#{index}"), faults) for index, table in enumerate(tables, 1)]


def inner_tables(fields: Fields, name: str) -> list[Fields]:
    """Return the tables of an array inside a table."""
    tables = fields.table.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        fields.fault(name, f"is {tables!r:.60}, expected tables")
        return []
    return [
        Fields(table, fields.file, f"{fields.feature} {name} #{index}", fields.faults)
        for index, table in enumerate(tables, 1)
    ]
