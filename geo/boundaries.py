"""Grids, units and their versions as frozen values; owns no file format and no search by position.

`geo.boundary_faults` says what is wrong with a version, `geo.feature_files` reads and writes it, `geo.locate`
answers which grid and unit a position lies in.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias

import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geo.metric import metres_per_degree

Area: TypeAlias = Polygon | MultiPolygon


class UnitKind(StrEnum):
    """What a management unit is."""

    RESIDENTIAL = "residential"
    VILLAGE = "village"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A responsibility grid: one police beat with its chief, deputies and joint station."""

    code: str
    name: str
    name_zh: str
    police_beat: str
    chief: str
    deputies: tuple[str, ...]
    station: str
    area: Area
    """WGS-84 degrees, longitude first."""
    schematic: bool
    """True where the outline is drawn for show and not surveyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A management unit (residential committee or village) inside one grid."""

    code: str
    name: str
    name_zh: str
    kind: UnitKind
    grid: str
    """The code of the grid that it lies in."""
    key: bool
    head: str
    station: str
    area: Area
    """WGS-84 degrees, longitude first."""
    schematic: bool
    """True where the outline is drawn for show and not surveyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryVersion:
    """All grids and units of a site as they hold from one day on."""

    valid_from: date
    grids: tuple[Grid, ...]
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong in a file, with where and what to do next."""

    file: str
    feature: str
    """The feature's code, else its place such as "#3" or "line 17"; empty when the whole file is meant."""
    field: str
    """The property, column or "geometry"; empty when none is meant."""
    problem: str
    """What was seen, what was expected, the next step."""

    def __str__(self) -> str:
        feature = f"feature {self.feature}" if self.feature else ""
        field = f"field {self.field}" if self.field else ""
        return ": ".join(part for part in (self.file, feature, field, self.problem) if part)


def area_m2(geometry: BaseGeometry) -> float:
    """Return the area in square metres of a geometry in WGS-84 degrees, true to 1e-5 for what spans a degree."""
    return float(to_scale_m(geometry).area)


def to_scale_m(geometry: BaseGeometry) -> BaseGeometry:
    """Return a geometry in WGS-84 degrees scaled to metres at its middle latitude; straight edges stay straight."""
    if geometry.is_empty:
        return geometry
    _, south, _, north = geometry.bounds
    return shapely.transform(geometry, lambda lonlat: lonlat * metres_per_degree((south + north) / 2.0))
