"""The street and water plan of the sample subdistrict, and the blocks cut out of it.

The main lines are drawn by hand in kilometres east and north of the box's south-west corner; side streets and creeks
come from halving the blocks between them, again and again, across their longer side. Every border of a unit or grid
runs along one of these lines. Nothing here is surveyed.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from shapely import LineString, MultiLineString, Polygon
from shapely.ops import polygonize, split

WEST, SOUTH = 121.0632, 31.1289
KM_PER_DEGREE = (95.26, 110.87)
"""Kilometres per degree of longitude and latitude here; for drawing only, never for measuring."""
DECIMALS = 7
PARK = (3.944, 2.572)
"""曲水园, km: the core around which streets lie closest."""


STUB_KM = 0.25
"""An end of a main way that sticks out this little over the last line it crosses is cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One named line of the plan; `points` in km, `rank` one of boundary, main, street, lane."""

    name_zh: str
    name: str
    kind: str
    rank: str
    points: NDArray[np.float64]

    @property
    def line(self) -> LineString:
        """The line in km."""
        return LineString(self.points)


def _drawn(kind: str, names: tuple[str, str], *controls: tuple[float, float], rank: str = "main") -> Way:
    """Return a smooth way through the control points, a vertex about every 70 m."""
    knots = np.asarray(controls, dtype=float)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(knots, axis=0).T))])
    steps = max(2, math.ceil(along[-1] / 0.07) + 1)
    points = CubicSpline(along, knots)(np.linspace(0.0, along[-1], steps))
    points[0], points[-1] = knots[0], knots[-1]
    return Way(name_zh=names[0], name=names[1], kind=kind, rank=rank, points=points)


SW, SE, NE, NW = (0.16, 1.02), (4.60, 0.10), (4.99, 5.86), (0.92, 5.72)

OUTLINE = (
    _drawn(
        "waterway", ("淀浦河", "Dianpu River"),
        SW, (0.62, 0.80), (1.05, 0.62), (1.60, 0.60), (2.15, 0.47), (2.80, 0.50), (3.40, 0.33), (3.95, 0.30), SE,
        rank="boundary",
    ),
    _drawn(
        "road", ("外青松公路", "Waiqingsong Highway"),
        SE, (4.66, 0.70), (4.80, 1.50), (4.83, 2.40), (4.77, 3.30), (4.84, 4.20), (4.96, 5.10), NE,
        rank="boundary",
    ),
    _drawn(
        "waterway", ("北界河（示意）", "North boundary stream (schematic)"),
        NE, (4.50, 5.92), (4.05, 6.03), (3.55, 5.86), (3.00, 5.74), (2.45, 5.90), (1.90, 5.93), (1.40, 5.74), NW,
        rank="boundary",
    ),
    _drawn(
        "waterway", ("西界河（示意）", "West boundary stream (schematic)"),
        NW, (0.83, 5.25), (0.58, 4.80), (0.62, 4.25), (0.40, 3.75), (0.47, 3.20), (0.22, 2.70), (0.12, 2.10),
        (0.24, 1.55), SW,
        rank="boundary",
    ),
)  # fmt: skip

WEST_DAYING = _drawn(
    "waterway", ("西大盈港", "West Daying Creek"),
    (1.95, 6.02), (1.92, 5.55), (1.76, 5.10), (1.80, 4.55), (1.66, 4.05), (1.73, 3.50), (1.58, 3.00), (1.63, 2.40),
    (1.50, 1.90), (1.55, 1.30), (1.42, 0.90), (1.46, 0.50),
)  # fmt: skip
EAST_DAYING = _drawn(
    "waterway", ("东大盈港", "East Daying Creek"),
    (4.22, 6.10), (4.14, 5.50), (4.24, 4.95), (4.12, 4.40), (4.22, 3.85), (4.13, 3.40), (4.20, 2.95), (4.11, 2.45),
    (4.17, 1.90), (4.07, 1.40), (4.14, 0.85), (4.06, 0.20),
)  # fmt: skip
SHANGDA = _drawn(
    "waterway", ("上达河", "Shangda River"),
    (0.30, 3.20), (0.75, 3.34), (1.15, 3.28), (1.70, 3.46), (2.15, 3.40), (2.60, 3.56), (3.10, 3.46), (3.60, 3.60),
    (4.14, 3.46), (4.50, 3.56), (4.90, 3.50),
)  # fmt: skip
YINGGANG = _drawn(
    "road", ("盈港路", "Yinggang Road"),
    (0.10, 2.18), (0.80, 2.06), (1.55, 1.92), (2.30, 1.84), (3.10, 1.80), (3.90, 1.73), (4.90, 1.60),
)  # fmt: skip
CHENGZHONG = _drawn(
    "road", ("城中北路", "Chengzhong North Road"),
    (3.16, 4.62), (3.12, 3.95), (3.04, 3.30), (3.06, 2.60), (2.98, 1.95), (3.03, 1.20), (2.98, 0.40),
)  # fmt: skip

GRID_DIVIDERS = (WEST_DAYING, SHANGDA, YINGGANG, CHENGZHONG)

MAIN_WAYS = (
    *GRID_DIVIDERS,
    EAST_DAYING,
    _drawn(
        "road", ("公园路", "Gongyuan Road"),
        (1.58, 2.86), (2.20, 2.73), (3.06, 2.66), (3.60, 2.70), (4.10, 2.72), (4.86, 2.60),
    ),
    _drawn(
        "road", ("青安路", "Qing'an Road"),
        (3.64, 3.60), (3.68, 3.05), (3.60, 2.40), (3.62, 1.75), (3.55, 1.05), (3.60, 0.30),
    ),
    _drawn(
        "road", ("华青路", "Huaqing Road"),
        (2.46, 5.92), (2.38, 5.20), (2.44, 4.40), (2.32, 3.60), (2.36, 2.75), (2.28, 1.90), (2.30, 1.20), (2.22, 0.42),
    ),
    _drawn(
        "road", ("漕盈公路", "Caoying Highway"),
        (1.30, 5.78), (1.16, 4.90), (1.06, 4.05), (1.12, 3.25), (0.98, 2.40), (0.92, 1.60), (0.84, 0.62),
    ),
    _drawn(
        "road", ("崧泽大道", "Songze Avenue"),
        (0.45, 4.42), (1.10, 4.52), (1.80, 4.44), (2.44, 4.56), (3.15, 4.60), (4.14, 4.52), (4.95, 4.66),
    ),
    _drawn(
        "road", ("淀山湖大道", "Dianshan Lake Avenue"),
        (0.15, 1.36), (0.90, 1.26), (1.50, 1.14), (2.28, 1.18), (3.02, 1.08), (3.58, 1.02), (4.80, 0.88),
    ),
    _drawn(
        "waterway", ("三元河", "Sanyuan River"),
        (2.97, 2.32), (3.35, 2.18), (3.62, 2.26), (3.90, 2.12), (4.22, 2.20),
    ),
    _drawn(
        "waterway", ("崧子浦", "Songzi Creek"),
        (2.36, 4.98), (2.85, 5.16), (3.35, 5.08), (3.75, 5.24), (4.20, 5.12), (4.60, 5.26), (5.02, 5.18),
    ),
)  # fmt: skip


def to_degrees(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return lon, lat in degrees, rounded as in the files, of points (n, 2) in km."""
    degrees = np.asarray(points) / np.asarray(KM_PER_DEGREE) + np.asarray((WEST, SOUTH))
    return np.asarray(np.round(degrees, DECIMALS))


def to_km(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return km from the box's south-west corner of points (n, 2) in degrees."""
    return np.asarray((np.asarray(points) - np.asarray((WEST, SOUTH))) * np.asarray(KM_PER_DEGREE))


def outline() -> Polygon:
    """Return the subdistrict's outline in km."""
    return Polygon(np.vstack([way.points[:-1] for way in OUTLINE]))


def faces_between(ways: list[Way], inside: Polygon) -> list[Polygon]:
    """Return the faces, in km, that the ways cut `inside` into."""
    lines = [LineString(reaching(way.points)) for way in ways]
    noded = shapely.unary_union([*(way.line for way in OUTLINE), *lines])
    return [face for face in polygonize(noded) if inside.contains(face.representative_point())]


def _wanted_km2(block: Polygon) -> float:
    """Return how large a block should be: small round the park, large in the villages."""
    away = math.hypot(block.centroid.x - PARK[0], block.centroid.y - PARK[1])
    return float(np.clip(0.030 + 0.013 * away**2, 0.030, 0.22))


def _cut(block: Polygon, rng: np.random.Generator, bend: float) -> LineString:
    """Return a bent line across the block's longer side, about through its middle, reaching past both ends."""
    box = shapely.get_coordinates(block.minimum_rotated_rectangle)
    sides = np.diff(box[:3], axis=0)
    lengths = np.hypot(*sides.T)
    longer = sides[int(np.argmax(lengths))] / lengths.max()
    turn = rng.normal(0.0, math.radians(5.0))
    across = np.array(
        [
            -longer[1] * math.cos(turn) - longer[0] * math.sin(turn),
            longer[0] * math.cos(turn) - longer[1] * math.sin(turn),
        ]
    )
    middle = box[:4].mean(axis=0) + longer * lengths.max() * float(np.clip(rng.normal(0.0, 0.06), -0.14, 0.14))
    reach = 0.75 * lengths.min()
    along = np.linspace(-reach, reach, max(5, math.ceil(2 * reach / 0.12)))
    sway = bend * reach * np.sin(along / reach * math.pi * rng.uniform(0.7, 1.3) + rng.uniform(0.0, 6.3))
    return LineString(middle + np.outer(along, across) + np.outer(sway, longer))


def _halves(block: Polygon, line: LineString) -> list[Polygon]:
    """Return the two parts of the block, or nothing where the cut is not a clean one."""
    parts = [part for part in split(block, line).geoms if isinstance(part, Polygon)]
    clean = len(parts) == 2 and min(part.area for part in parts) > 0.25 * block.area
    stout = clean and min(4 * math.pi * part.area / part.length**2 for part in parts) > 0.38
    return parts if stout else []


def _side_ways(block: Polygon, rng: np.random.Generator, depth: int = 0) -> list[Way]:
    """Return the side streets and creeks that cut the block down to the wanted size."""
    if depth > 7 or block.area < _wanted_km2(block) * rng.uniform(1.0, 1.7):
        return []
    creek = _wanted_km2(block) > 0.12 and rng.random() < 0.4
    for _ in range(12):
        line = _cut(block, rng, 0.10 if creek else 0.025)
        parts = _halves(block, line)
        if not parts:
            continue
        inside = shapely.intersection(line, block)
        kind, rank = ("waterway", "lane") if creek else ("road", "street" if block.area > 0.2 else "lane")
        way = Way(name_zh="", name="", kind=kind, rank=rank, points=np.asarray(inside.coords))
        return [way, *(deeper for part in parts for deeper in _side_ways(part, rng, depth + 1))]
    return []


def fields(way: Way) -> dict[str, Any]:
    """Return what a way keeps when its course is cut: names, kind and rank."""
    return {"name_zh": way.name_zh, "name": way.name, "kind": way.kind, "rank": way.rank}


def _trimmed(way: Way) -> Way:
    """Return the way without short ends that stick out over the last line it crosses."""
    others = shapely.union_all([one.line for one in (*OUTLINE, *MAIN_WAYS) if one is not way])
    pieces = list(split(way.line, others).geoms)
    if len(pieces) > 1 and pieces[-1].length < STUB_KM:
        pieces.pop()
    if len(pieces) > 1 and pieces[0].length < STUB_KM:
        pieces.pop(0)
    points = np.vstack([np.asarray(pieces[0].coords), *(np.asarray(piece.coords)[1:] for piece in pieces[1:])])
    return Way(**fields(way), points=points)


def all_ways(rng: np.random.Generator) -> list[Way]:
    """Return every line of the plan within the outline: boundary, main ways, side streets and creeks."""
    area = outline()
    main = [_trimmed(way) for way in MAIN_WAYS]
    side = [way for face in faces_between(main, area) for way in _side_ways(face, rng)]
    return [*OUTLINE, *main, *side]


def reaching(points: NDArray[np.float64], by_km: float = 0.0004) -> NDArray[np.float64]:
    """Return the line made longer at both ends, so that it surely meets the lines it ends at."""
    first, last = points[0] - points[1], points[-1] - points[-2]
    head = points[0] + first / np.hypot(*first) * by_km
    tail = points[-1] + last / np.hypot(*last) * by_km
    return np.vstack([head, points, tail])


def blocks(ways: list[Way]) -> list[Polygon]:
    """Return the blocks between the ways, in degrees; coordinates are rounded before the topology is built."""
    lines = [LineString(to_degrees(reaching(way.points) if way.rank != "boundary" else way.points)) for way in ways]
    noded = shapely.unary_union(MultiLineString(lines), grid_size=10.0**-DECIMALS)
    noded = shapely.transform(noded, lambda points: np.round(points, DECIMALS))
    area = shapely.transform(outline(), to_degrees)
    return [face for face in polygonize(noded) if area.contains(face.representative_point())]
