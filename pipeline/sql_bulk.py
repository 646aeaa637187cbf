"""Many rows at once, by the drivers' own quickest way: what a group of writes gathered, in one go for each table.

The statement's text is made once for each table; rows go past SQLAlchemy, which would look at every value of every row.
All columns are numbers, truths and texts, which both drivers take as they are.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

from sqlalchemy import BigInteger, Boolean, Column, Connection, Float, Integer, Table

Known = Literal["refused", "left", "replaced"]
"""What becomes of a row whose key is stored already."""


def store_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    known: Known = "refused",
    newer: str = "",
    ahead: int | None = None,
) -> int:
    """Store rows that all have the same columns; returns how many were stored.

    Args:
        connection: within a write transaction.
        known: what becomes of a row whose key (of the outbox: its own, not the number) is stored already.
        newer: a column in which a row must be above the stored one to replace it; empty for any.
        ahead: what is stored above this in that column is replaced by any row; None for nothing.

    Raises:
        sqlalchemy.exc.DBAPIError: the database refused one of them.
    """
    if not rows:
        return 0
    names = tuple(rows[0])
    values = [tuple(row.values()) if tuple(row) == names else tuple(row[name] for name in names) for row in rows]
    limit = () if ahead is None else (ahead,)
    if connection.dialect.name == "sqlite":
        counted = {"preserve_rowcount": True}
        rows_of = [(*each, *limit) for each in values] if limit else values
        return connection.exec_driver_sql(_by_row(table, names, known, newer, bool(limit)), rows_of, counted).rowcount
    columns = tuple(list(column) for column in zip(*values, strict=True))
    text = _by_column(table, names, known, newer, bool(limit))
    return connection.exec_driver_sql(text, (*columns, *limit)).rowcount


@cache
def _by_row(table: Table, names: tuple[str, ...], known: Known, newer: str, limited: bool) -> str:  # noqa: FBT001 - its key
    kept = _on_conflict(table, names, known, newer, limit="?" if limited else "")
    return f"{_into(table, names)} VALUES ({', '.join('?' * len(names))}){kept}"


@cache
def _by_column(table: Table, names: tuple[str, ...], known: Known, newer: str, limited: bool) -> str:  # noqa: FBT001 - as above
    """Return PostgreSQL's way: a list for each column, so that one statement does for any number of rows."""
    lists = ", ".join(f"%b::{_type(table.columns[name])}[]" for name in names)
    kept = _on_conflict(table, names, known, newer, limit=f"%b::{_type(table.columns[newer])}" if limited else "")
    return f"{_into(table, names)} SELECT * FROM unnest({lists}){kept}"  # noqa: S608 - names of our own columns


def _into(table: Table, names: Sequence[str]) -> str:
    return f"INSERT INTO {table.name} ({', '.join(map(_quoted, names))})"


def _on_conflict(table: Table, names: Sequence[str], known: Known, newer: str, *, limit: str) -> str:
    if known == "refused":
        return ""
    if known == "left":
        return " ON CONFLICT DO NOTHING"
    key = [column.name for column in table.primary_key]
    new = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in names if name not in key)
    above = f" WHERE {table.name}.{_quoted(newer)} < excluded.{_quoted(newer)}" if newer else ""
    above += f" OR {table.name}.{_quoted(newer)} > {limit}" if limit else ""
    return f" ON CONFLICT ({', '.join(map(_quoted, key))}) DO UPDATE SET {new}{above}"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _type(column: Column[Any]) -> str:
    kind = column.type
    match kind:
        case Boolean():
            return "boolean"
        case Float():
            return "double precision"
        case BigInteger():
            return "bigint"
        case Integer():
            return "integer"
        case _:
            return "text"
