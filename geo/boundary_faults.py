"""What is wrong with a boundary version: codes, references, rings, datum, units against grids; it repairs nothing.

`geo.tiling` finds the overlaps and gaps.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geo.boundaries import BoundaryVersion, Fault, Unit, area_m2
from geo.coords import Datum, Extent, convert_array, suspected_datum
from geo.tiling import Tolerance, measured, overlaps, pieces_of, tiling_faults

_NAMES: Final = {Datum.WGS84: "WGS-84", Datum.CGCS2000: "CGCS2000", Datum.GCJ02: "GCJ-02", Datum.BD09: "BD-09"}


class _Feature(Protocol):
    @property
    def code(self) -> str: ...
    @property
    def area(self) -> BaseGeometry: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """One file's features with geometry that set operations accept (repaired for the checks only)."""

    file: str
    datum: Datum
    key: str
    features: Sequence[_Feature]
    areas: NDArray[np.object_]

    def label(self, index: int) -> str:
        return self.features[index].code.strip() or f"#{index + 1}"

    @property
    def labels(self) -> list[str]:
        return [self.label(index) for index in range(len(self.features))]

    def fault(self, index: int | None, field: str, problem: str) -> Fault:
        feature = "" if index is None else self.label(index)
        return Fault(file=self.file, feature=feature, field=field, problem=problem)

    def converted(self, datum: Datum) -> "_Layer":
        """Return the layer as if its file's coordinates had been in another datum."""
        areas = shapely.transform(self.areas, _retag(self.datum, datum))
        return _Layer(file=self.file, datum=datum, key=self.key, features=self.features, areas=areas)


def find_faults(
    version: BoundaryVersion,
    *,
    extent: Extent | None = None,
    grids_file: str = "grids.geojson",
    units_file: str = "units.geojson",
    grids_datum: Datum = Datum.WGS84,
    units_datum: Datum = Datum.WGS84,
    tolerance: Tolerance | None = None,
) -> list[Fault]:
    """Return every fault of a boundary version, in a fixed order; an empty list means that it may be used.

    A version without any unit is a city that has beats only: nothing about units is checked then. Where a file's
    datum is suspect, that is the fault, and the rest is checked as if it had been tagged rightly.

    Args:
        version: grids and units in WGS-84 degrees.
        extent: the box that everything should lie in; None leaves that unchecked.
        grids_file: the name that faults of grids carry.
        units_file: the name that faults of units carry.
        grids_datum: the datum that the grids' file is tagged with.
        units_datum: the datum that the units' file is tagged with.
        tolerance: below which an overlap or a gap is no fault; a square metre or 5 cm of width by default.
    """
    allowed = tolerance or Tolerance()
    grids = _layer(grids_file, grids_datum, "datum.grids", version.grids)
    units = _layer(units_file, units_datum, "datum.units", version.units)
    faults = [fault for layer in (grids, units) for check in (_codes, _rings) for fault in check(layer)]
    faults += _references(version, grids, units)
    for layer in (grids, units):
        faults += _outside_extent(layer, extent)
    grids, units = (_retagged(layer, extent) for layer in (grids, units))
    misplaced, grids, units = _mismatch(version, grids, units)
    faults += misplaced
    faults += tiling_faults(grids.file, grids.labels, grids.areas, tolerance=allowed)
    faults += overlaps(units.file, units.labels, units.areas, tolerance=allowed)
    faults += _containment(version, grids, units, allowed)
    return faults


def _layer(file: str, datum: Datum, key: str, features: Sequence[_Feature]) -> _Layer:
    areas = np.array([shapely.make_valid(feature.area) for feature in features], dtype=object)
    return _Layer(file=file, datum=datum, key=key, features=features, areas=areas)


def _retag(declared: Datum, datum: Datum) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def retag(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        raw = convert_array(lonlat, source=Datum.WGS84, target=declared)
        return convert_array(raw, source=datum, target=Datum.WGS84)

    return retag


def _codes(layer: _Layer) -> Iterator[Fault]:
    places = defaultdict(list)
    for index, feature in enumerate(layer.features):
        code = feature.code.strip()
        places[code].append(f"#{index + 1}")
        if not code:
            yield layer.fault(index, "code", "is missing or blank; expected a code of its own; give it one")
    for code, at in places.items():
        if code and len(at) > 1:
            problem = (
                f"{code!r} is the code of {len(at)} features ({', '.join(at[:10])}); expected one; renumber or join"
            )
            yield Fault(file=layer.file, feature=code, field="code", problem=problem)


def _rings(layer: _Layer) -> Iterator[Fault]:
    for index, feature in enumerate(layer.features):
        if feature.area.is_empty:
            yield layer.fault(index, "geometry", "is empty; expected a polygon; draw it or drop the feature")
        elif not feature.area.is_valid:
            yield layer.fault(index, "geometry", ring_problem(feature.area))


def ring_problem(area: BaseGeometry) -> str:
    """Say what is wrong with an invalid ring, where, and what to do."""
    reason, _, where = shapely.is_valid_reason(area).partition("[")
    at = f" at {','.join(where.rstrip(']').split()[:2])}" if where else ""
    return f"the ring is not valid: {reason.strip()}{at}; redraw it there, or import the file with repair"


def _references(version: BoundaryVersion, grids: _Layer, units: _Layer) -> Iterator[Fault]:
    known = {grid.code for grid in version.grids}
    for index, unit in enumerate(version.units):
        if not unit.grid.strip():
            yield units.fault(index, "grid", "is missing or blank; expected the code of the grid that the unit lies in")
        elif unit.grid not in known:
            listed = ", ".join(sorted(known)[:20]) or "none"
            yield units.fault(index, "grid", f"{unit.grid!r} is no grid of {grids.file}; expected one of {listed}")


def _outside_extent(layer: _Layer, extent: Extent | None) -> Iterator[Fault]:
    if extent is None or not len(layer.areas):
        return
    box = f"{extent.west},{extent.south},{extent.east},{extent.north} (west, south, east, north)"
    coordinates = shapely.get_coordinates(layer.areas)
    datum = suspected_datum(coordinates, declared=layer.datum, extent=extent)
    if datum is not None:
        outside = int((~extent.holds(coordinates)).sum())
        yield layer.fault(
            None,
            "geometry",
            f"{outside} of {len(coordinates)} coordinates fall outside the extent {box} and all fall inside when taken "
            f"as {_NAMES[datum]}: coordinates look like {_NAMES[datum]} tagged {layer.datum}; "
            f"set {layer.key} = '{datum}'",
        )
        return
    for index, area in enumerate(layer.areas):
        yield from _feature_outside(layer, index, area, extent, box)


def _feature_outside(layer: _Layer, index: int, area: BaseGeometry, extent: Extent, box: str) -> Iterator[Fault]:
    coordinates = shapely.get_coordinates(area)
    outside = coordinates[~extent.holds(coordinates)]
    if not len(outside):
        return
    swapped = extent.holds(coordinates[:, ::-1]).all()
    step = "the order looks like latitude first; swap it" if swapped else "correct them, or widen [extent] in site.toml"
    lon, lat = outside[0]
    problem = (
        f"{len(outside)} of {len(coordinates)} coordinates fall outside the extent {box}, first {lon:.6f},{lat:.6f}"
    )
    yield layer.fault(index, "geometry", f"{problem}; {step}")


def _retagged(layer: _Layer, extent: Extent | None) -> _Layer:
    if extent is None or not len(layer.areas):
        return layer
    datum = suspected_datum(shapely.get_coordinates(layer.areas), declared=layer.datum, extent=extent)
    return layer if datum is None else layer.converted(datum)


def _mismatch(version: BoundaryVersion, grids: _Layer, units: _Layer) -> tuple[list[Fault], _Layer, _Layer]:
    """Tell when units and grids lie apart by a datum's offset, and go on as if they were tagged rightly."""
    total = sum(area_m2(area) for area in units.areas)
    apart = _apart_m2(version, grids, units)
    if not total or apart < 0.05 * total:  # the offset, 486 m, moves far more than a twentieth
        return [], grids, units
    for wrong, right, swapped in ((units, grids, False), (grids, units, True)):
        for datum in (Datum.WGS84, Datum.GCJ02, Datum.BD09):
            moved = wrong.converted(datum)
            pair = (moved, right) if swapped else (right, moved)
            if datum is not wrong.datum and _apart_m2(version, *pair) < 0.1 * apart:
                problem = (
                    f"{apart / total:.0%} of the units' area lies outside their grids, and they fit when this file is "
                    f"taken as {_NAMES[datum]}: coordinates look like {_NAMES[datum]} tagged {wrong.datum}; "
                    f"set {wrong.key} = '{datum}', or {right.key} if that file is the wrong one"
                )
                return [wrong.fault(None, "geometry", problem)], *pair
    return [], grids, units


def _apart_m2(version: BoundaryVersion, grids: _Layer, units: _Layer) -> float:
    by_code = {grid.code: area for grid, area in zip(version.grids, grids.areas, strict=True)}
    return sum(
        area_m2(shapely.difference(area, by_code[unit.grid]))
        for unit, area in zip(version.units, units.areas, strict=True)
        if unit.grid in by_code
    )


def _containment(version: BoundaryVersion, grids: _Layer, units: _Layer, tolerance: Tolerance) -> Iterator[Fault]:
    if not version.units:
        return
    by_grid: dict[str, list[int]] = defaultdict(list)
    for index, unit in enumerate(version.units):
        by_grid[unit.grid].append(index)
    repeated = {code for code, n in Counter(grid.code for grid in version.grids).items() if n > 1}
    for at, grid in enumerate(version.grids):
        if grid.code in repeated:
            continue
        members = by_grid.get(grid.code, [])
        yield from _outside_grid(version.units, units, members, grids.areas[at], tolerance)
        yield from _uncovered(grids, at, units.areas[members], tolerance)


def _outside_grid(
    values: Sequence[Unit], units: _Layer, members: list[int], grid: BaseGeometry, tolerance: Tolerance
) -> Iterator[Fault]:
    for index in members:
        pieces = pieces_of(shapely.difference(units.areas[index], grid), tolerance)
        if pieces:
            problem = f"{measured(pieces)} of the unit lie outside its grid {values[index].grid}"
            yield units.fault(index, "geometry", f"{problem}; redraw the unit or the grid, or name another grid")


def _uncovered(grids: _Layer, at: int, members: NDArray[np.object_], tolerance: Tolerance) -> Iterator[Fault]:
    if not len(members):
        yield grids.fault(at, "geometry", "no unit names this grid; expected units that tile it; add them")
        return
    pieces = pieces_of(shapely.difference(grids.areas[at], shapely.union_all(members)), tolerance)
    if pieces:
        yield grids.fault(at, "geometry", f"{measured(pieces)} of the grid lie in none of its units; extend a unit")
