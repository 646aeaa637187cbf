"""Cases that may be the same problem as something that comes in: one question, or those of a whole group at once."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from pipeline import sql_tables as t
from pipeline.casebook import Near
from pipeline.cases import Case, Status
from pipeline.sql_rows import case_of

MOST_SIMILAR: Final = 500
# A degree of latitude is 110,574 m at the equator and longer elsewhere; a box may be a little too wide.
_SHORTEST_DEGREE_M: Final = 110_574.0
_BOX: Final = ("category", "west", "east", "south", "north")

Box = Mapping[str, Any]


def box_of(near: Near) -> dict[str, Any]:
    """Return a category and a box of that half-width around a place, as the values that `found_near` asks with."""
    lon, lat = near.lonlat
    tall = near.within_m / _SHORTEST_DEGREE_M
    wide = tall / max(0.01, math.cos(math.radians(lat)))
    return {"category": near.category, "west": lon - wide, "east": lon + wide, "south": lat - tall, "north": lat + tall}


def in_box(lonlat: tuple[float, float], box: Box) -> bool:
    """Tell whether a place lies in a box, edges included."""
    lon, lat = lonlat
    return bool(box["west"] <= lon <= box["east"] and box["south"] <= lat <= box["north"])


def found_near(connection: Connection, boxes: Sequence[Box]) -> list[list[str]]:
    """Return the numbers of a category's cases in each box, open ones first, then the last changed; 500 at most.

    PostgreSQL is asked once for all of them; asking SQLite, which is in this process, costs nothing that it would save.
    Most boxes are empty, so that the cases themselves are asked for afterwards, by `cases_of`.
    """
    if connection.dialect.name == "sqlite":
        asked = ((*(box[name] for name in _BOX), MOST_SIMILAR) for box in boxes)
        return [list(connection.exec_driver_sql(_ONE, values).scalars()) for values in asked]
    if not boxes:
        return []
    lists = [[box[name] for box in boxes] for name in _BOX]
    found: list[list[str]] = [[] for _ in boxes]
    for at, number in connection.exec_driver_sql(_EACH, (list(range(len(boxes))), *lists, MOST_SIMILAR)):
        found[at].append(number)
    return found


def cases_of(connection: Connection, numbers: Iterable[str]) -> dict[str, Case]:
    """Return cases by number, in one go."""
    wanted = list(dict.fromkeys(numbers))
    found: dict[str, Case] = {}
    for start in range(0, len(wanted), _PART):
        query = select(t.cases).where(t.cases.c.number.in_(wanted[start : start + _PART]))
        found.update((row["number"], case_of(row)) for row in connection.execute(query).mappings())
    return found


_PART: Final = 500
_OPEN: Final = f"status NOT IN ('{Status.REFUSED}', '{Status.VOID}')"
_ORDER: Final = f"ORDER BY CASE WHEN status = '{Status.CLOSED}' THEN 1 ELSE 0 END, updated_at DESC LIMIT"
_ONE: Final = (
    "SELECT number FROM cases"  # noqa: S608 - names of our own statuses
    f" WHERE category = ? AND lon BETWEEN ? AND ? AND lat BETWEEN ? AND ? AND {_OPEN} {_ORDER} ?"
)
_EACH: Final = (
    f"SELECT asked.at, found.number FROM unnest(%s::int[], %s::text[], {', '.join(['%s::double precision[]'] * 4)})"  # noqa: S608 - the same
    " AS asked(at, category, west, east, south, north) CROSS JOIN LATERAL"
    " (SELECT number, status, updated_at FROM cases WHERE cases.category = asked.category"
    f" AND lon BETWEEN asked.west AND asked.east AND lat BETWEEN asked.south AND asked.north AND {_OPEN} {_ORDER} %s)"
    " AS found"
)
