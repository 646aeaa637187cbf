"""The forces of the sample site: who patrols where and when, by the policy's roles. Posts are numbers, never people.

In working hours the grid supervisors, managers and contractors cover the street; outside them the social-security team
and the city-management third party do; property staff keep the inside of the estates round the clock.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from shapely import Point, Polygon
from town_plan import to_degrees, to_km
from town_units import URBAN, Unit

COLUMNS = (
    "number", "name", "name_zh", "role", "department", "stage", "side", "grid", "units", "shift", "terminal",
    "lon", "lat",
)  # fmt: skip
_NUMERALS = dict(zip(("YP-G1", "YP-G2", "YP-G3", "YP-G4", "YP-G5"), "一二三四五", strict=True))

ALWAYS = "always"
WORK = "08:30-17:30"
DAY = "06:30-18:30"
OFF = "06:00-08:30;17:30-22:30"
NIGHT = "17:30-08:30"
SPLIT = "05:30-09:30;15:30-19:30"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One role: its words, department, stage and the side it works on."""

    role: str
    name: str
    name_zh: str
    department: str
    side: str
    stage: str = "first"


SUPERVISOR = Kind(
    role="grid-supervisor", name="grid supervisor", name_zh="网格监督员", department="grid-centre", side="any"
)
BIKES = Kind(
    role="non-motor-vehicle-manager", name="non-motor-vehicle manager", name_zh="非机动车管理员",
    department="urban-management", side="street_face",
)  # fmt: skip
THIRD_PARTY = Kind(
    role="city-management-third-party", name="city-management third party", name_zh="城管第三方",
    department="urban-management", side="street_face",
)  # fmt: skip
MAINTENANCE = Kind(
    role="maintenance-company", name="maintenance company", name_zh="养护公司",
    department="greening-and-sanitation", side="any",
)  # fmt: skip
SECURITY = Kind(
    role="social-security-team", name="social-security team", name_zh="社保队员",
    department="police-station", side="street_face",
)  # fmt: skip
ORDER = Kind(
    role="public-order-assistant", name="public-order assistant", name_zh="综治协管",
    department="police-station", side="any",
)  # fmt: skip
POPULATION = Kind(
    role="population-assistant", name="population assistant", name_zh="人口协管",
    department="police-station", side="unit_interior",
)  # fmt: skip
PROPERTY = Kind(
    role="property-staff", name="property staff", name_zh="物业人员", department="housing-office", side="unit_interior"
)
FOLLOW_UP = {
    slug: Kind(role=slug, name=name, name_zh=name_zh, department=slug, side="any", stage="follow_up")
    for slug, name, name_zh in (
        ("police-station", "police station", "派出所"),
        ("urban-management", "urban-management squad", "城管中队"),
        ("market-supervision", "market-supervision office", "市场监管所"),
        ("housing-office", "housing office", "房管办"),
        ("fire-safety", "fire-safety office", "消防"),
        ("traffic-police", "traffic police", "交警"),
        ("greening-and-sanitation", "greening and sanitation office", "绿化市容所"),
    )
}

Duty = tuple[Kind, str]

URBAN_DUTIES: tuple[Duty, ...] = (
    (SUPERVISOR, WORK), (SUPERVISOR, WORK),
    (BIKES, SPLIT), (BIKES, DAY),
    (THIRD_PARTY, OFF), (THIRD_PARTY, ALWAYS),
    (MAINTENANCE, DAY),
    (SECURITY, ALWAYS), (SECURITY, ALWAYS), (SECURITY, NIGHT),
    (ORDER, ALWAYS), (ORDER, WORK),
    (POPULATION, WORK),
)  # fmt: skip
OUTER_DUTIES: tuple[Duty, ...] = (
    (SUPERVISOR, WORK), (SUPERVISOR, WORK),
    (BIKES, DAY),
    (THIRD_PARTY, ALWAYS),
    (MAINTENANCE, DAY),
    (SECURITY, ALWAYS), (SECURITY, NIGHT),
    (ORDER, ALWAYS),
    (POPULATION, WORK),
)  # fmt: skip
DEPARTMENT_DUTIES: tuple[tuple[str, str, str], ...] = (
    ("police-station", "YP-G1", ALWAYS), ("police-station", "YP-G2", ALWAYS), ("police-station", "YP-G3", ALWAYS),
    ("police-station", "YP-G4", ALWAYS), ("police-station", "YP-G5", ALWAYS),
    ("urban-management", "YP-G1", ALWAYS), ("urban-management", "YP-G3", WORK), ("urban-management", "YP-G4", WORK),
    ("market-supervision", "YP-G1", WORK), ("housing-office", "YP-G3", WORK), ("fire-safety", "YP-G2", ALWAYS),
    ("traffic-police", "YP-G1", ALWAYS), ("traffic-police", "YP-G4", DAY),
    ("greening-and-sanitation", "YP-G2", WORK),
)  # fmt: skip
VILLAGE_ORDER = Kind(
    role="public-order-assistant", name="village public-order assistant", name_zh="村综治协管",
    department="police-station", side="village",
)  # fmt: skip


def _inside(area: Polygon, rng: np.random.Generator, *, margin_km: float = 0.03) -> tuple[float, float]:
    """Return lon, lat of a random place at least `margin_km` within an area given in degrees."""
    room = shapely.buffer(shapely.transform(area, to_km), -margin_km)
    west, south, east, north = room.bounds
    while True:
        place = rng.uniform((west, south), (east, north))
        if room.contains(Point(place)):
            lon, lat = to_degrees(place.reshape(1, 2))[0]
            return float(lon), float(lat)


def _pairs(units: list[Unit]) -> Iterator[list[Unit]]:
    """Yield the units two by two, in the order of their codes."""
    for first in range(0, len(units), 2):
        yield units[first : first + 2]


def _duties(grid: str, units: list[Unit]) -> Iterator[tuple[Kind, str, list[Unit]]]:
    """Yield role, shift and units (none for the whole grid) of each force of one grid."""
    own = [unit for unit in units if unit.grid == grid]
    for kind, shift in URBAN_DUTIES if grid in URBAN else OUTER_DUTIES:
        yield kind, shift, []
    for pair in _pairs([unit for unit in own if unit.kind == "residential"]):
        yield PROPERTY, ALWAYS, pair
    for village in (unit for unit in own if unit.kind == "village"):
        yield VILLAGE_ORDER, ALWAYS, [village]
    for slug, home, shift in DEPARTMENT_DUTIES:
        if home == grid:
            yield FOLLOW_UP[slug], shift, []


def forces(units: list[Unit], grids: dict[str, Polygon], rng: np.random.Generator) -> list[dict[str, str]]:
    """Return the rows of forces.csv."""
    rows: list[dict[str, str]] = []
    for grid, area in grids.items():
        counts: dict[str, int] = {}
        for kind, shift, own in _duties(grid, units):
            count = counts[kind.name_zh] = counts.get(kind.name_zh, 0) + 1
            number = len(rows) + 1
            lon, lat = _inside(own[0].area if own else area, rng)
            rows.append(
                {
                    "number": f"YP-{number:03d}",
                    "name": f"Yingpu grid {grid[-1]}, {kind.name} {count}",
                    "name_zh": f"盈浦{_NUMERALS[grid]}格·{kind.name_zh}{count}",
                    "role": kind.role,
                    "department": kind.department,
                    "stage": kind.stage,
                    "side": kind.side,
                    "grid": grid,
                    "units": ";".join(unit.code for unit in own),
                    "shift": shift,
                    "terminal": "" if kind is POPULATION else f"T{number:03d}",
                    "lon": f"{lon:.7f}",
                    "lat": f"{lat:.7f}",
                }
            )
    return rows


def write(rows: list[dict[str, str]], path: Path) -> None:
    """Write forces.csv."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
