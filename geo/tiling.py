"""How polygons that should tile a place fail to: overlaps, enclosed gaps and narrow gaps, each with its size.

Which piece overlaps or is left out is worked out in degrees, where an edge is the same straight line in every file;
how large the piece is, by scaling it to metres. Projecting would bend a long edge by centimetres away from the corners
of its neighbours that lie on it, and report slivers that are not there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from geo.boundaries import Fault, to_scale_m
from geo.coords import LonLat
from geo.metric import LocalPlane

_MAX_PAIRS: Final = 1000
# A gap that runs out to the rim is looked for up to twice this width.
_NARROW_GAP_M: Final = 5.0
_TOUCH_M: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """What is too small to be a fault: a piece this small in area, or this thin (area over half its outline)."""

    area_m2: float = 1.0
    width_m: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class _Polygons:
    file: str
    labels: Sequence[str]
    areas: NDArray[np.object_]

    def fault(self, index: int | None, problem: str) -> Fault:
        feature = "" if index is None else self.labels[index]
        return Fault(file=self.file, feature=feature, field="geometry", problem=problem)


def tiling_faults(file: str, labels: Sequence[str], areas: NDArray[np.object_], *, tolerance: Tolerance) -> list[Fault]:
    """Return the overlaps between polygons and the gaps that they leave.

    A gap is found where polygons enclose it, of any size, and where it runs out to the rim between two polygons, up
    to 10 m wide; a wider one cannot be told from a place that was left out on purpose.

    Args:
        file: the name that the faults carry.
        labels: what each polygon is called.
        areas: valid polygons in WGS-84 degrees.
        tolerance: what is too small to be a fault.
    """
    layer = _Polygons(file=file, labels=labels, areas=areas)
    return [
        *overlaps(file, labels, areas, tolerance=tolerance),
        *_holes(layer, tolerance),
        *_narrow_gaps(layer, tolerance),
    ]


def overlaps(file: str, labels: Sequence[str], areas: NDArray[np.object_], *, tolerance: Tolerance) -> Iterator[Fault]:
    """Yield the pairs of polygons that overlap; arguments as for `tiling_faults`."""
    layer = _Polygons(file=file, labels=labels, areas=areas)
    found = 0
    for first, second in _touching_pairs(layer.areas):
        pieces = pieces_of(shapely.intersection(layer.areas[first], layer.areas[second]), tolerance)
        if not pieces:
            continue
        found += 1
        if found > _MAX_PAIRS:
            yield layer.fault(None, f"more than {_MAX_PAIRS} pairs overlap; the rest is not listed")
            return
        size = f"overlaps {layer.labels[second]} by {measured(pieces)}"
        yield layer.fault(first, f"{size}; expected edges in common; give the piece to one of the two")


def _touching_pairs(areas: NDArray[np.object_]) -> list[tuple[int, int]]:
    if not len(areas):
        return []
    left, right = shapely.STRtree(areas).query(areas, predicate="intersects")
    return sorted({(int(a), int(b)) for a, b in zip(left, right, strict=True) if a < b})


def _holes(layer: _Polygons, tolerance: Tolerance) -> Iterator[Fault]:
    covered = shapely.union_all(layer.areas)
    for part in _polygons(covered):
        for ring in part.interiors:
            yield from _gap(layer, pieces_of(shapely.difference(Polygon(ring), covered), tolerance))


def _gap(layer: _Polygons, pieces: list[tuple[Polygon, float]]) -> Iterator[Fault]:
    if not pieces:
        return
    around = [i for i, area in enumerate(layer.areas) if area.intersects(pieces[0][0])]
    names = ", ".join(sorted(layer.labels[i] for i in around)[:10])
    where = f"between {names}" if len(around) > 1 else f"inside {names}"
    problem = f"a gap of {measured(pieces)} is left {where}; expected no gap; give the piece to one of them"
    yield layer.fault(None, problem)


def _narrow_gaps(layer: _Polygons, tolerance: Tolerance) -> Iterator[Fault]:
    """Find gaps that run out to the rim: what closing by a few metres fills between two grids."""
    if len(layer.areas) < 2:  # noqa: PLR2004  # a gap lies between two
        return
    centre = shapely.union_all(shapely.envelope(layer.areas)).envelope.centroid
    plane = LocalPlane.at(LonLat(centre.x, centre.y))
    flat = shapely.transform(layer.areas, plane.to_metres)
    covered = shapely.union_all([Polygon(part.exterior) for part in _polygons(shapely.union_all(flat))])
    closed = covered.buffer(_NARROW_GAP_M, join_style="mitre").buffer(-_NARROW_GAP_M, join_style="mitre")
    for piece in _polygons(shapely.difference(closed, covered)):
        if _is_small(piece, piece.area, tolerance):
            continue
        beside = np.flatnonzero(shapely.dwithin(flat, piece, _TOUCH_M))
        if len(beside) > 1:
            shape = shapely.transform(piece.buffer(_TOUCH_M), plane.to_lonlat)
            yield from _gap(layer, [(shape, piece.area)])


def pieces_of(geometry: BaseGeometry, tolerance: Tolerance) -> list[tuple[Polygon, float]]:
    """Return the polygons of a geometry in degrees that are not too small to matter, each with its square metres."""
    kept = []
    for piece in _polygons(geometry):
        flat = to_scale_m(piece)
        if not _is_small(flat, flat.area, tolerance):
            kept.append((piece, float(flat.area)))
    return sorted(kept, key=lambda pair: -pair[1])


def _is_small(flat: BaseGeometry, size_m2: float, tolerance: Tolerance) -> bool:
    return size_m2 <= tolerance.area_m2 or size_m2 <= tolerance.width_m * flat.length / 2.0


def _polygons(geometry: BaseGeometry) -> list[Polygon]:
    parts = shapely.get_parts(shapely.get_parts(np.array([geometry], dtype=object)))
    return [part for part in parts if isinstance(part, Polygon) and not part.is_empty]


def measured(pieces: list[tuple[Polygon, float]]) -> str:
    """Say how large pieces are together and where the largest lies."""
    where = pieces[0][0].representative_point()
    size = sum(area for _, area in pieces)
    shown = f"{size:.0f}" if size >= 10.0 else f"{size:.1f}"  # noqa: PLR2004  # one decimal for the small ones
    return f"{shown} m² near {where.x:.6f},{where.y:.6f}"
