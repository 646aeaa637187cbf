"""Who may use which door of the HTTP interface: one table, by method and path, read before any route runs.

Services below ask again what they must know (whose grid, whose terminal); this is the coarse net. A door without a row
is the administrators' only.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.requests import HTTPConnection

from pipeline.principal import Principal, Role

PREFIX: Final = "/api/v1/"
ADMINS: Final = (Role.ADMIN,)
DESK: Final = (Role.ADMIN, Role.DISPATCHER)
OVERSEERS: Final = (*DESK, Role.ANALYST)
READERS: Final = (*OVERSEERS, Role.FORCE)
ACTORS: Final = (*DESK, Role.FORCE)
REPORTERS: Final = (*ACTORS, Role.CITIZEN)

_TABLE: Final = {
    # what happens
    "POST frames": (Role.INGEST, Role.ADMIN),
    "GET cases": READERS,
    "POST cases": REPORTERS,
    "GET cases/{number}": READERS,
    "GET cases/{number}/events": READERS,
    "GET cases/{number}/evidence": READERS,
    "GET cases/{number}/offers": READERS,
    "GET cases/{number}/alike": DESK,
    "GET cases/{number}/merged": READERS,
    "POST cases/{number}/merge": DESK,
    "POST cases/{number}/unmerge": DESK,
    "POST cases/{number}/split": DESK,
    "POST cases/{number}/false": ACTORS,
    "GET cases/{number}/clocks": READERS,
    "POST cases/{number}/pictures": ACTORS,
    "GET cases/{number}/joint": READERS,
    "POST cases/{number}/joint": DESK,
    "POST cases/{number}/joint/{department}": ACTORS,
    "GET joint": READERS,
    "POST cases/{number}/{action}": ACTORS,
    "POST evidence/{ident}/original": READERS,  # and a right given by name
    "GET evidence/{ident}": READERS,
    "GET stream": READERS,
    # what comes in
    "POST reports": REPORTERS,
    "DELETE reports/{receipt}/phone": DESK,
    "POST hotline/tickets.csv": DESK,
    "GET places": DESK,
    "POST places.csv": ADMINS,
    "GET places/sheet.pdf": DESK,
    "DELETE places/{code}": ADMINS,
    "GET appeals": OVERSEERS,
    "POST appeals/{number}": DESK,
    "POST appeals/{number}/uphold": DESK,
    "POST appeals/{number}/dismiss": DESK,
    # figures and points
    "GET judging": OVERSEERS,
    "GET judging/publications": READERS,
    "POST judging/publications": ADMINS,
    "GET judging/publications/{number}": READERS,
    "GET judging/publications/{number}/recomputed": OVERSEERS,
    "POST judging/publications/{number}/appeals": READERS,  # the judged; whose figures they are is asked below
    "POST judging/publications/{number}/corrections": ADMINS,
    "GET judging/appeals": OVERSEERS,
    "POST judging/appeals/{number}/uphold": DESK,  # the site's deciding role
    "POST judging/appeals/{number}/dismiss": DESK,
    "GET points": OVERSEERS,
    "POST points/find": DESK,
    "GET points/accounts/{account}": DESK,
    "PUT points/accounts/{account}/member": DESK,
    "POST points/accounts/{account}/redemptions": DESK,
    # consultations and records
    "GET consultations/hard": OVERSEERS,
    "GET consultations": OVERSEERS,
    "POST consultations": DESK,
    "GET consultations/{code}": OVERSEERS,
    "GET consultations/{code}/tasks": OVERSEERS,
    "POST consultations/{code}/cases": DESK,
    "POST consultations/{code}/decisions": DESK,
    "POST consultations/{code}/close": DESK,
    "GET cases/{number}/verification": READERS,
    "GET anchors": OVERSEERS,
    "POST erasures": ADMINS,
    # where things are
    "GET terminals": READERS,
    "GET terminals/{ident}/queue": READERS,
    "PUT terminals/{ident}/position": ACTORS,
    "GET terminals/{ident}/passed-over": READERS,
    "POST positions": (*DESK, Role.INGEST),
    "GET cameras/health": OVERSEERS,
    "GET cameras/health/{ident}/picture": OVERSEERS,
    "GET cameras/trust": OVERSEERS,
    "GET cameras/{code}/calibration": ADMINS,
    "POST cameras/{code}/calibration/trial": ADMINS,
    "PUT cameras/{code}/calibration": ADMINS,
    "GET cameras/{code}/calibration/picture": ADMINS,
    "PUT cameras/{camera}/scenes/{scene}/trust": ADMINS,
    "GET trials": OVERSEERS,
    "GET trials/{ident}/pictures/{place}": OVERSEERS,
    "POST trials/{ident}/verdict": DESK,
    "GET grids": READERS,
    "GET units": READERS,
    "GET cameras": READERS,
    "GET streets": READERS,
    "GET heatmap": OVERSEERS,
    # the organisation
    "GET organisation": READERS,
    "GET organisation/duty": READERS,
    "GET organisation/ahead": OVERSEERS,
    "GET organisation/{table}.csv": OVERSEERS,
    "PUT organisation/{table}.csv": ADMINS,
    # the catalogue
    "GET catalogue": REPORTERS,
    "GET catalogue/{table}.csv": READERS,
    "PUT catalogue/{table}.csv": ADMINS,
    "GET catalogue/classes/{key:path}": REPORTERS,
    "PUT catalogue/classes/{key:path}": ADMINS,
    "DELETE catalogue/classes/{key:path}": ADMINS,
}
ROLES: Final[Mapping[str, tuple[Role, ...]]] = MappingProxyType(_TABLE)


def door_of(method: str, path: str) -> str:
    """Return a route's name in the table, such as "GET cases/{number}"."""
    return f"{method} {path.removeprefix(PREFIX)}"


def require_door(connection: HTTPConnection, who: Principal) -> None:
    """Refuse a principal whose role may not use the door that it came to; pages ask for themselves.

    Raises:
        RefusedError: naming the roles that may.
    """
    path = getattr(connection.scope.get("route"), "path", "")
    if path.startswith(PREFIX):
        door = door_of(str(connection.scope.get("method", "GET")), path)
        who.require(f"use {door}", *ROLES.get(door, ADMINS))
