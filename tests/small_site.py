"""A site of four square grids in a row, drawn in code, for tests that must know every distance.

    A (units A1, A2) | B (unit B1) | C (unit C1) | D (unit D1, a village)

Each is 0.005 degrees wide and 0.0045 high, about 477 by 499 metres; A's only neighbour is B.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import shapely

from geo.boundaries import BoundaryVersion, Grid, Unit, UnitKind
from geo.camera_view import CameraView
from geo.coords import LonLat
from geo.metric import LocalPlane
from pipeline.cameras import Camera, CameraScene
from pipeline.cases import Side
from pipeline.catalogue import Catalogue, Category, CategoryKind, DeadlineUnit
from pipeline.dispatch_policy import DispatchPolicy
from pipeline.principal import Principal, Role
from pipeline.roster import Force, Roster, Shift, Stage
from pipeline.scenes import Mode, Rule, Scene
from pipeline.sightings import Sighting, View
from pipeline.site import Extent, Site, SiteSettings, Targets
from pipeline.work_calendar import WorkCalendar

WEST, SOUTH, WIDE, HIGH = 121.08, 31.15, 0.005, 0.0045
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""Monday 12:00 in Shanghai."""

INGEST = Principal(name="camera node", role=Role.INGEST)
DISPATCHER = Principal(name="Li", role=Role.DISPATCHER)
ADMIN = Principal(name="Wang", role=Role.ADMIN)
CITIZEN = Principal(name="citizen", role=Role.CITIZEN)

PARKED = "GB/T 47678.5-2026/matter/1"
LITTER = "GB/T 47678.5-2026/matter/2"

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(64)) + b"\xff\xd9"


PLAIN = DispatchPolicy(
    offered_up_to=100_000, case_s=0.0, lend_gain_urgent_s=math.inf, lend_gain_s=math.inf, keep_free=0
)
"""Nearest within the own grid, nobody held back: whom a plain search would choose."""


def force_at(terminal: str) -> Principal:
    return Principal(name=f"holder of {terminal}", role=Role.FORCE, terminal=terminal)


def spot(grid: str = "A", east_m: float = 0.0, north_m: float = 0.0) -> LonLat:
    """Return the position so many metres east and north of a grid's centre."""
    centre = LonLat(WEST + WIDE * ("ABCD".index(grid) + 0.5), SOUTH + HIGH / 2)
    return LocalPlane.at(centre).point_to_lonlat(east_m, north_m)


def category(key: str = PARKED, **changes: object) -> Category:
    standard, kind, code = key.rsplit("/", 2)
    plain = Category(
        standard=standard,
        kind=CategoryKind(kind),
        code=code,
        name="Car on the walkway",
        name_zh="人行道停车",
        urgent=False,
        department="traffic-police",
        first_roles=(),
        deadline_value=4.0,
        deadline_unit=DeadlineUnit.WORK_HOUR,
        closing_condition="gone",
        merge_within_m=5.0,
        merge_within_s=3600.0,
    )
    return replace(plain, **changes)


def force(number: int, grid: str = "A", east_m: float = 0.0, north_m: float = 0.0, **changes: object) -> Force:
    plain = Force(
        number=f"YP-{number:03d}",
        name=f"Force {number}",
        name_zh=f"力量{number}",
        role="grid-supervisor",
        department="grid",
        stage=Stage.FIRST,
        side=None,
        grid=f"YP-{grid}",
        units=(),
        shifts=(),
        terminal=f"T{number:03d}",
        post=spot(grid, east_m, north_m),
    )
    return replace(plain, **changes)


def shift(start: str, end: str) -> Shift:
    return Shift(start=datetime.strptime(start, "%H:%M").time(), end=datetime.strptime(end, "%H:%M").time())  # noqa: DTZ007 - a time of day


@dataclass(frozen=True)
class Scenes:
    auto = "parked-auto"
    confirm = "parked-confirm"
    shadow = "parked-shadow"


def small_site(
    forces: Sequence[Force] = (),
    *,
    categories: Sequence[Category] = (),
    policy: DispatchPolicy | None = None,
) -> Site:
    """Return the site; with no forces given, two first forces stand in A and one in B."""
    chosen = forces or (force(1, "A", 50.0), force(2, "A", -100.0), force(3, "B"))
    kinds = categories or (category(PARKED), category(LITTER, urgent=True))
    return Site(
        settings=SiteSettings(
            code="small",
            name="Small",
            name_zh="小",
            timezone=ZoneInfo("Asia/Shanghai"),
            valid_from=date(2020, 11, 1),
            schematic=True,
            street_face_m=25.0,
            public_is_proactive=False,
            blur=True,
            weights="",
            confidence=0.3,
            extent=Extent(west=WEST, south=SOUTH, east=WEST + 4 * WIDE, north=SOUTH + HIGH),
            targets=Targets(),
            dispatch=policy or PLAIN,
            calendar=WorkCalendar(timezone=ZoneInfo("Asia/Shanghai"), country="CN"),
        ),
        boundaries=_boundaries(),
        cameras={"cam-a": _camera()},
        roster=Roster(forces=tuple(chosen)),
        catalogue=Catalogue(by_key={each.key: each for each in kinds}),
        scenes={code: _scene(code, mode) for code, mode in _MODES.items()},
    )


_MODES = {Scenes.auto: Mode.AUTO, Scenes.confirm: Mode.CONFIRM, Scenes.shadow: Mode.SHADOW}


def sighting(
    ident: str = "s1", at: LonLat | None = None, *, scene: str = Scenes.auto, when: datetime = NOON, **changes: object
) -> Sighting:
    """Return a sighting of camera cam-a with a metre's error, and one picture."""
    plain = Sighting(
        id=ident,
        camera="cam-a",
        scene=scene,
        category=PARKED,
        first_seen_at=when,
        captured_at=when,
        lonlat=at or spot("A"),
        calibration_cov_m2=(0.1, 0.0, 0.1),
        measurement_cov_m2=(0.067, 0.0, 0.067),
        error_m=1.0,
        class_name="car",
        confidence=0.8,
        box_px=(10.0, 10.0, 60.0, 50.0),
        views=(View(label="at", captured_at=when, jpeg=JPEG + ident.encode()),),
    )
    return replace(plain, **changes)


def _boundaries() -> BoundaryVersion:
    grids = tuple(_grid(f"YP-{letter}", index) for index, letter in enumerate("ABCD"))
    halves = (_unit("A1", "YP-A", 0.0, 0.5), _unit("A2", "YP-A", 0.5, 1.0))
    wholes = tuple(_unit(f"{letter}1", f"YP-{letter}", float(i), i + 1.0) for i, letter in enumerate("ABCD") if i)
    return BoundaryVersion(valid_from=date(2020, 11, 1), grids=grids, units=(*halves, *wholes))


def _area(start: float, end: float) -> shapely.Polygon:
    return shapely.box(WEST + start * WIDE, SOUTH, WEST + end * WIDE, SOUTH + HIGH)


def _grid(code: str, index: int) -> Grid:
    return Grid(
        code=code,
        name=code,
        name_zh=code,
        police_beat=code,
        chief="chief",
        deputies=(),
        station="station",
        area=_area(index, index + 1.0),
        schematic=True,
    )


def _unit(code: str, grid: str, start: float, end: float) -> Unit:
    return Unit(
        code=code,
        name=code,
        name_zh=code,
        kind=UnitKind.VILLAGE if code == "D1" else UnitKind.RESIDENTIAL,
        grid=grid,
        key=False,
        head="head",
        station="station",
        area=_area(start, end),
        schematic=True,
    )


def _camera() -> Camera:
    corners = [spot("A", east, north) for east, north in ((-50, 50), (50, 50), (50, -50), (-50, -50))]
    pixels = [(0, 0), (1000, 0), (1000, 1000), (0, 1000)]
    view = CameraView.fit(pixels, corners, image_size_px=(1000, 1000), camera_lonlat=spot("A", 0.0, -60.0))
    return Camera(
        code="cam-a",
        name="Camera A",
        name_zh="甲",
        lonlat=spot("A", 0.0, -60.0),
        side=Side.STREET_FACE,
        width_px=1000,
        height_px=1000,
        fps=5.0,
        uri="",
        view=view,
        zones={},
        scenes=tuple(CameraScene(scene=code, zone=None) for code in _MODES),
        properties={},
    )


def _scene(code: str, mode: Mode) -> Scene:
    return Scene(
        code=code,
        rule=Rule.DWELL,
        name=code,
        name_zh=code,
        category=PARKED,
        classes=("car",),
        mode=mode,
        dwell_s=60.0,
    )
