"""The organisation of the sample site: departments, posts, joint stations, commanders' turns. Titles only.

Police, urban management and market supervision sit in every joint station; the other four follow-up departments send
somebody when they are needed. Seven commanders take turns of a day each, from 08:30 to 08:30.
"""

import csv
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from town_units import Unit, grid_properties

SINCE = "2020-11-01"
FIRST_TURN = date(2020, 11, 1)
FOLLOW_UP = (
    ("police-station", "Police station", "派出所"),
    ("urban-management", "Urban-management squad", "城管中队"),
    ("market-supervision", "Market-supervision office", "市场监管所"),
    ("housing-office", "Housing office", "房管办"),
    ("fire-safety", "Fire-safety office", "消防救援站"),
    ("traffic-police", "Traffic police", "交警中队"),
    ("greening-and-sanitation", "Greening and sanitation office", "绿化市容所"),
)
OTHERS = (
    ("grid-centre", "Grid operations centre", "网格化综合管理中心", "first"),
    ("district-platform", "District grid-management platform", "区网格化管理平台", "outside"),
    ("water-authority", "District water authority", "区水务局", "outside"),
    ("power-company", "Power company", "供电公司", "outside"),
    ("telecom-companies", "Telecom companies", "通信运营商", "outside"),
)
RESIDENT = ("police-station", "urban-management", "market-supervision")
DEPUTIES = ("police", "urban management")
_DAYS = "一二三四五六七"


def departments() -> list[dict[str, object]]:
    """Return the rows of departments.csv."""
    rows = [(*each, "follow_up") for each in FOLLOW_UP] + list(OTHERS)
    return [dict(zip(("code", "name", "name_zh", "kind"), row, strict=True)) for row in rows]


def officers(units: Iterable[Unit], grids: Iterable[str]) -> list[dict[str, object]]:
    """Return the rows of officers.csv."""
    rows: list[dict[str, object]] = []

    def add(number: str, post: str, of: str, name: str, name_zh: str) -> None:
        names = {"number": number, "post": post, "of": of, "name": name, "name_zh": name_zh}
        rows.append({**names, "since": SINCE, "until": ""})

    for code in grids:
        told, number = grid_properties(int(code[-1])), code[-1]
        add(f"YP-C{number}", "grid-chief", code, f"Chief of grid {number}", str(told["chief"]))
        for index, (title, name) in enumerate(zip(told["deputies"], DEPUTIES, strict=True), 1):  # type: ignore[arg-type]  # texts
            add(f"YP-C{number}-{index}", "deputy-grid-chief", code, f"Deputy chief of grid {number}, {name}", title)
    for unit in units:
        title = str(unit.properties()["head"])
        number = f"YP-H{unit.code[-3:]}"
        add(number, "unit-head", unit.code, f"Head of {unit.name}", title)
        deputy = f"副管理单元长（{unit.name_zh}社区民警）"
        add(f"{number}-1", "deputy-unit-head", unit.code, f"Deputy head of {unit.name}, police", deputy)
    for turn, day in enumerate(_DAYS, 1):
        add(f"YP-Z{turn}", "commander", "centre", f"Commander {turn}", f"轮值指挥长{day}")
    return rows


def stations(grids: Iterable[str]) -> list[dict[str, object]]:
    """Return the rows of stations.csv."""
    seconded = [code for code, _, _ in FOLLOW_UP if code not in RESIDENT]
    return [
        {
            "code": f"YP-S{code[-1]}",
            "name": f"Joint station of grid {code[-1]}",
            "name_zh": grid_properties(int(code[-1]))["station"],
            "grid": code,
            "unit": "",
            "resident": ";".join(RESIDENT),
            "seconded": ";".join(seconded),
        }
        for code in grids
    ]


def commanders() -> list[dict[str, object]]:
    """Return the rows of commanders.csv."""
    return [
        {
            "officer": f"YP-Z{turn}",
            "first_day": FIRST_TURN + timedelta(days=turn - 1),
            "every_days": len(_DAYS),
            "last_day": "",
            "hours": "08:30-08:30",
        }
        for turn in range(1, len(_DAYS) + 1)
    ]


def write(units: list[Unit], grids: Iterable[str], folder: Path) -> None:
    """Write the organisation's four tables."""
    codes = list(grids)
    tables = {
        "departments": departments(),
        "officers": officers(units, codes),
        "stations": stations(codes),
        "commanders": commanders(),
    }
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
