"""A case and all that were merged into it, as a query: nothing is moved when cases are merged."""

from sqlalchemy import Select, select

from pipeline import sql_tables as t


def family(number: str) -> Select[tuple[str]]:
    """Return the numbers of a case, of those merged into it, of those merged into them, and so on."""
    own = select(t.cases.c.number).where(t.cases.c.number == number).cte("family", recursive=True)
    merged = select(t.cases.c.number).join(own, t.cases.c.merged_into == own.c.number)
    return select(own.union(merged).c.number)
