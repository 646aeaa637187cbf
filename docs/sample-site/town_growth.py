"""Units that grow out of the plan's blocks: from a start, block by block, along main ways, within their grid."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.ops import split
from town_plan import GRID_DIVIDERS, MAIN_WAYS, OUTLINE, Way, faces_between, fields, outline, reaching, to_km


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """Where a unit starts to grow: its code, grid, start (km), and share of the grid's area."""

    code: str
    grid: str
    at: tuple[float, float]
    weight: float = 1.0


Edges = dict[tuple[int, int], float]


def _edges(faces: list[Polygon]) -> Edges:
    """Return how strongly neighbours hold together: km of shared border, a main way counting little."""
    owners: dict[tuple[Any, ...], list[int]] = {}
    for index, face in enumerate(faces):
        ring = [tuple(point) for point in np.asarray(face.exterior.coords)]
        for ends in itertools.pairwise(ring):
            owners.setdefault(tuple(sorted(ends)), []).append(index)
    main = shapely.buffer(shapely.union_all([way.line for way in (*OUTLINE, *MAIN_WAYS)]), 0.003)
    shapely.prepare(main)
    edges: Edges = {}
    for ends, pair in owners.items():
        if len(pair) == 2:
            piece = LineString(to_km(np.asarray(ends)))
            weight = piece.length * (0.08 if main.contains(piece) else 1.0)
            for key in ((pair[0], pair[1]), (pair[1], pair[0])):
                edges[key] = edges.get(key, 0.0) + weight
    return edges


def _grid_of(faces: list[Polygon]) -> list[str]:
    """Return each block's grid, from the five areas between the grid dividers."""
    south_of = {
        "YP-G1": (3.6, 2.5), "YP-G2": (3.0, 1.2), "YP-G3": (2.3, 2.6), "YP-G4": (3.2, 4.6), "YP-G5": (0.9, 3.0),
    }  # fmt: skip
    west, shangda, yinggang, chengzhong = GRID_DIVIDERS
    east_of_west = [_east_part(way, west) for way in (shangda, yinggang)]
    middle = Way(**{**fields(chengzhong), "points": _between(chengzhong, *east_of_west)})
    areas = faces_between([west, *east_of_west, middle], outline())
    named = {code: next(area for area in areas if area.contains(shapely.Point(at))) for code, at in south_of.items()}
    centres = [shapely.Point(to_km(np.asarray(face.representative_point().coords))[0]) for face in faces]
    return [next(code for code, area in named.items() if area.contains(centre)) for centre in centres]


def _east_part(way: Way, of: Way) -> Way:
    """Return the part of an east-west way that lies east of the way `of`."""
    parts = sorted(split(way.line, of.line).geoms, key=lambda part: part.centroid.x)
    return Way(**fields(way), points=reaching(np.asarray(parts[-1].coords)))


def _between(way: Way, north: Way, south: Way) -> NDArray[np.float64]:
    """Return the part of a north-south way between two others."""
    parts = split(way.line, shapely.union_all([north.line, south.line])).geoms
    part = sorted(parts, key=lambda one: -one.centroid.y)[1]
    return reaching(np.asarray(part.coords))


def grow(faces: list[Polygon], seeds: tuple[Seed, ...]) -> list[str]:
    """Return the unit code of each block: units grow block by block inside their grid, the smallest first."""
    edges, grids = _edges(faces), _grid_of(faces)
    near: dict[int, list[tuple[int, float]]] = {index: [] for index in range(len(faces))}
    for (one, other), weight in edges.items():
        near[one].append((other, weight))
    km = [shapely.transform(face, to_km) for face in faces]
    owner = [""] * len(faces)
    size = {seed.code: 0.0 for seed in seeds}
    for seed in seeds:
        start = next(index for index, face in enumerate(km) if face.contains(shapely.Point(seed.at)))
        owner[start] = seed.code
        size[seed.code] = km[start].area
    while "" in owner:
        seed, best = _next_block(seeds, size, owner=owner, near=near, grids=grids, km=km)
        owner[best] = seed.code
        size[seed.code] += km[best].area
    _smooth(owner, seeds, size=size, near=near, grids=grids, km=km)
    return owner


def _next_block(  # the state of one growth, not options
    seeds: tuple[Seed, ...],
    size: dict[str, float],
    *,
    owner: list[str],
    near: dict[int, list[tuple[int, float]]],
    grids: list[str],
    km: list[Polygon],
) -> tuple[Seed, int]:
    """Return the smallest unit that can still grow, and the block that suits it best."""
    for seed in sorted(seeds, key=lambda one: (size[one.code] / one.weight, one.code)):
        pull: dict[int, float] = {}
        for index, code in enumerate(owner):
            for other, weight in near[index] if code == seed.code else ():
                if not owner[other] and grids[other] == seed.grid:
                    pull[other] = pull.get(other, 0.0) + weight / km[other].length
        if pull:
            return seed, max(pull, key=lambda one: (pull[one] - 0.45 * _away(km[one], seed), -one))
    raise RuntimeError(f"{owner.count('')} blocks belong to no unit; move the seeds")


def _away(block: Polygon, seed: Seed) -> float:
    """Return km from the unit's start to the block's centre."""
    return math.hypot(block.centroid.x - seed.at[0], block.centroid.y - seed.at[1])


def _whole(code: str, *, without: int, owner: list[str], near: dict[int, list[tuple[int, float]]]) -> bool:
    """Return whether a unit stays in one piece without the block `without`."""
    rest = {index for index, own in enumerate(owner) if own == code and index != without}
    reached: set[int] = set()
    border = [min(rest)] if rest else []
    while border:
        index = border.pop()
        reached.add(index)
        border.extend(other for other, _ in near[index] if other in rest and other not in reached)
    return bool(rest) and reached == rest


def _better(index: int, *, owner: list[str], near: dict[int, list[tuple[int, float]]], grids: list[str]) -> str:
    """Return the unit of the same grid that a block holds to most strongly."""
    holds: dict[str, float] = {owner[index]: 0.0}
    for other, weight in near[index]:
        if grids[other] == grids[index]:
            holds[owner[other]] = holds.get(owner[other], 0.0) + weight
    strongest = max(sorted(holds), key=lambda code: holds[code])
    return strongest if holds[strongest] > 1.1 * holds[owner[index]] else owner[index]


def _smooth(
    owner: list[str],
    seeds: tuple[Seed, ...],
    *,
    size: dict[str, float],
    near: dict[int, list[tuple[int, float]]],
    grids: list[str],
    km: list[Polygon],
) -> None:
    """Give blocks that stick out of their unit to the neighbour they hold to, while no unit gets much too small."""
    least = {seed.code: 0.75 * size[seed.code] for seed in seeds}
    most = {seed.code: 1.3 * size[seed.code] for seed in seeds}
    for index in [index for _ in range(4) for index in range(len(owner))]:
        old, new = owner[index], _better(index, owner=owner, near=near, grids=grids)
        area = km[index].area
        fits = size[old] - area >= least[old] and size[new] + area <= most[new]
        if new != old and fits and _whole(old, without=index, owner=owner, near=near):
            owner[index] = new
            size[old] -= area
            size[new] += area
