"""A city for `dispatch.py`: 8 by 8 square grids of two kilometres, each one unit, with as many terminals as wanted."""

import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import shapely

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from geo.boundaries import BoundaryVersion, Grid, Unit, UnitKind  # noqa: E402 - runs from any folder
from geo.coords import Extent, LonLat  # noqa: E402 - the same
from pipeline.cases import Case, Channel, Status  # noqa: E402 - the same
from pipeline.catalogue import Catalogue, Category, CategoryKind, DeadlineUnit  # noqa: E402 - the same
from pipeline.dispatch_policy import DispatchPolicy  # noqa: E402 - the same
from pipeline.roster import Force, Roster, Shift, Stage  # noqa: E402 - the same
from pipeline.site import Site, SiteSettings, Targets  # noqa: E402 - the same
from pipeline.standing import Board  # noqa: E402 - the same
from pipeline.terminals import Terminal  # noqa: E402 - the same
from pipeline.work_calendar import WorkCalendar  # noqa: E402 - the same

WEST, SOUTH, WIDE, HIGH, ROWS = 121.0, 31.0, 0.021, 0.018, 8
ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
ROLES = ("grid-supervisor", "city-management-third-party", "public-order-assistant", "maintenance-company")
KINDS = 24


def city(terminals: int, *, policy: DispatchPolicy | None = None) -> Site:
    """Return the site; all are on duty at noon, half as many again are not."""
    grids, units = zip(*(_square(row, column) for row in range(ROWS) for column in range(ROWS)), strict=True)
    draw = np.random.default_rng(1)
    forces = [_force(number, draw, on_duty=number < terminals) for number in range(terminals * 3 // 2)]
    return Site(
        settings=SiteSettings(
            code="city",
            name="City",
            name_zh="市",
            timezone=ZONE,
            valid_from=date(2026, 1, 1),
            schematic=True,
            street_face_m=25.0,
            public_is_proactive=False,
            blur=True,
            weights="",
            confidence=0.3,
            extent=Extent(west=WEST, south=SOUTH, east=WEST + ROWS * WIDE, north=SOUTH + ROWS * HIGH),
            targets=Targets(),
            dispatch=policy or DispatchPolicy(),
            calendar=WorkCalendar(timezone=ZONE, country="CN"),
        ),
        boundaries=BoundaryVersion(valid_from=date(2026, 1, 1), grids=grids, units=units),
        cameras={},
        roster=Roster(forces=tuple(forces)),
        catalogue=Catalogue({each.key: each for each in map(_category, range(KINDS))}),
        scenes={},
    )


def city_board(site: Site, *, held: int) -> Board:
    """Return where everybody was heard ten seconds ago, and what they hold: up to so many cases each."""
    draw = np.random.default_rng(2)
    return Board(
        Terminal(
            id=force.terminal or "",
            lonlat=somewhere(draw, force.grid),
            positioned_at=NOON - timedelta(seconds=10),
            open_cases=int(draw.integers(0, held + 1)),
        )
        for force in site.roster.forces
    )


def city_case(draw: np.random.Generator, site: Site) -> Case:
    """Return a case anywhere, of any category."""
    lonlat = somewhere(draw)
    place, kind = site.place(lonlat), _category(int(draw.integers(KINDS)))
    return Case(
        number="C-1",
        category=kind.key,
        channel=Channel.HOTLINE,
        status=Status.FILED,
        urgent=kind.urgent,
        lonlat=lonlat,
        cov_m2=(1.0, 0.0, 1.0),
        error_m=10.0,
        grid=place.grid,
        unit=place.unit,
        side=place.side,
        occurred_at=NOON,
        recorded_at=NOON,
        updated_at=NOON,
    )


def somewhere(draw: np.random.Generator, grid: str | None = None) -> LonLat:
    """Return a place in the city, or in one grid."""
    number = int(draw.integers(ROWS * ROWS)) if grid is None else int(grid[1:])
    row, column = divmod(number, ROWS)
    return LonLat(WEST + (column + draw.uniform(0.01, 0.99)) * WIDE, SOUTH + (row + draw.uniform(0.01, 0.99)) * HIGH)


def _square(row: int, column: int) -> tuple[Grid, Unit]:
    code = f"G{row * ROWS + column:02d}"
    area = shapely.box(WEST + column * WIDE, SOUTH + row * HIGH, WEST + (column + 1) * WIDE, SOUTH + (row + 1) * HIGH)
    grid = Grid(
        code=code, name=code, name_zh=code, police_beat=code, chief="", deputies=(), station="", area=area,
        schematic=True,
    )  # fmt: skip
    unit = Unit(
        code=f"U{code}", name=code, name_zh=code, kind=UnitKind.RESIDENTIAL, grid=code, key=False, head="",
        station="", area=area, schematic=True,
    )  # fmt: skip
    return grid, unit


def _force(number: int, draw: np.random.Generator, *, on_duty: bool) -> Force:
    grid = f"G{number % (ROWS * ROWS):02d}"
    shift = Shift(start=time(8), end=time(20)) if on_duty else Shift(start=time(20), end=time(8))
    return Force(
        number=f"F{number:06d}",
        name=f"Force {number}",
        name_zh=f"力量{number}",
        role=ROLES[int(draw.integers(len(ROLES)))],
        department="urban-management",
        stage=Stage.FIRST if draw.uniform() < 0.9 else Stage.FOLLOW_UP,
        side=None,
        grid=grid,
        units=(),
        shifts=(shift,),
        terminal=f"T{number:06d}",
        post=somewhere(draw, grid),
    )


def _category(number: int) -> Category:
    return Category(
        standard="GB/T 47678.5-2026",
        kind=CategoryKind.MATTER,
        code=f"{number:05d}",
        name=f"Matter {number}",
        name_zh=f"事件{number}",
        urgent=number % 8 == 0,
        department="urban-management",
        first_roles=(ROLES[number % 4], ROLES[(number + 1) % 4]),
        deadline_value=2.0,
        deadline_unit=DeadlineUnit.WORK_HOUR,
        closing_condition="",
        merge_within_m=10.0,
        merge_within_s=3600.0,
    )
