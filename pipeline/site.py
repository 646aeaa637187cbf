"""A site: one deployment's configuration as a checked value. `site_files` reads it from a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.boundaries import BoundaryVersion, Grid, Unit
from geo.coords import Extent, LonLat
from geo.edges import is_near_edge
from geo.locate import Locator
from geo.roads import RoadGraph
from pipeline.cameras import Camera
from pipeline.cases import Side
from pipeline.catalogue import Catalogue
from pipeline.channel_rules import ChannelRules
from pipeline.dispatch_policy import DispatchPolicy
from pipeline.duty_pattern import DutyPattern, Rollout
from pipeline.errors import PipelineError, UnknownError
from pipeline.escalation_policy import ErasureTerms, EscalationPolicy
from pipeline.judging_policy import JudgingPolicy
from pipeline.keeping import EvidencePolicy
from pipeline.organisation import Organisation
from pipeline.points_policy import PointsPolicy
from pipeline.roll import Mask, Near, Roll
from pipeline.roster import Roster
from pipeline.scenes import Scene
from pipeline.trust import TrustPolicy
from pipeline.work_calendar import WorkCalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What the policy asks for: shares, and the two clocks of urgent cases in seconds."""

    proactive: float = 0.85
    closure: float = 0.97
    arrive_s: float = 900.0
    first_result_s: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """What `site.toml` says.

    Attributes:
        dispatch: the policy in force.
        policies: others that it names, to be compared with it.
        roads: name of the file of streets; empty where ways are reckoned from the straight line.
        points: None where the site gives none.
    """

    code: str
    name: str
    name_zh: str
    timezone: ZoneInfo
    valid_from: date
    schematic: bool
    street_face_m: float
    public_is_proactive: bool
    blur: bool
    weights: str
    confidence: float
    extent: Extent
    targets: Targets
    dispatch: DispatchPolicy
    calendar: WorkCalendar
    evidence: EvidencePolicy = field(default_factory=EvidencePolicy)
    trust: TrustPolicy = field(default_factory=TrustPolicy)
    duty: DutyPattern = field(default_factory=DutyPattern)
    rollout: Rollout = field(default_factory=Rollout)
    channels: ChannelRules = field(default_factory=ChannelRules)
    escalation: EscalationPolicy = field(default_factory=EscalationPolicy)
    erasure: ErasureTerms = field(default_factory=ErasureTerms)
    policies: Mapping[str, DispatchPolicy] = field(default_factory=dict)
    roads: str = ""
    judging: JudgingPolicy = field(default_factory=JudgingPolicy)
    points: PointsPolicy | None = None


class OutsideError(PipelineError):
    """A place lies in no grid of the site."""

    def __init__(self, lonlat: LonLat, site: str) -> None:
        super().__init__(
            f"{lonlat.lon:.6f}, {lonlat.lat:.6f} lies in no grid of {site}; check longitude first, and the datum"
            " (a GCJ-02 position is about 500 m off)"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a point lies: grid, unit and which side of the unit's edge."""

    grid: str
    unit: str
    side: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything that a deployment's folder says, checked.

    Attributes:
        roads: streets to travel along; None reckons ways from the straight line.
        roll: the roster in columns.
        reserve: who answers urgent cases anywhere in its grid, in the roll's order.
        number_prefix: what case numbers start with: what the grids' codes share before the first dash, else its code.
    """

    settings: SiteSettings
    boundaries: BoundaryVersion
    cameras: Mapping[str, Camera]
    roster: Roster
    catalogue: Catalogue
    scenes: Mapping[str, Scene]
    streets: Mapping[str, object] | None = None
    organisation: Organisation = field(default_factory=Organisation)
    roads: RoadGraph | None = field(default=None, compare=False)
    number_prefix: str = field(init=False, repr=False, compare=False)
    reserve: Mask = field(init=False, repr=False, compare=False)
    roll: Roll = field(init=False, repr=False, compare=False)
    _neighbours: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)
    _units: Locator = field(init=False, repr=False, compare=False)
    _unit_by_code: Mapping[str, Unit] = field(init=False, repr=False, compare=False)
    _near: dict[str, Near] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        units = self.boundaries.units
        object.__setattr__(
            self, "_units", Locator.from_polygons([unit.code for unit in units], [unit.area for unit in units])
        )
        object.__setattr__(self, "_unit_by_code", {unit.code: unit for unit in units})
        object.__setattr__(self, "roll", Roll.of(self.roster.forces))
        urgent = [each for each in self.catalogue.by_key.values() if each.urgent]
        object.__setattr__(self, "reserve", self.roll.reserve(urgent))
        object.__setattr__(self, "number_prefix", _number_prefix(self))
        object.__setattr__(self, "_neighbours", _neighbours(self.boundaries.grids))

    def camera(self, code: str) -> Camera:
        """Return a camera.

        Raises:
            UnknownError: the site has no such camera.
        """
        if code not in self.cameras:
            raise UnknownError("camera", code, sorted(self.cameras))
        return self.cameras[code]

    def place(self, lonlat: LonLat, *, side: Side | None = None) -> Place:
        """Return the grid, unit and side of a point; a given side (a camera's) wins over the edge's distance.

        The unit decides the grid, so that a point on an edge never has a unit of another grid.

        Raises:
            OutsideError: no grid holds the point.
        """
        code = self._units.locate(lonlat)
        if code is None:
            raise OutsideError(lonlat, self.settings.code)
        unit = self._unit_by_code[code]
        return Place(grid=unit.grid, unit=code, side=side or self._side(lonlat, unit))

    def places(self, lonlat: NDArray[np.float64]) -> tuple[list[str | None], list[str | None]]:
        """Return the grid and the unit of each of (n, 2) WGS-84 points; None where no grid holds the point."""
        units = self._units.locate_many(lonlat).tolist()
        return [None if unit is None else self._unit_by_code[unit].grid for unit in units], units

    def _side(self, lonlat: LonLat, unit: Unit) -> Side:
        if unit.kind == "village":
            return Side.VILLAGE
        near = is_near_edge(lonlat, unit.area, within_m=self.settings.street_face_m)
        return Side.STREET_FACE if near else Side.UNIT_INTERIOR

    def near(self, grid: str) -> Near:
        """Return the forces that may get a case of a grid: its own, and those of the grids next to it."""
        known = self._near.get(grid)
        if known is None:
            known = self._near[grid] = self.roll.near(grid, self.neighbours(grid), reserve=self.reserve)
        return known

    def neighbours(self, grid: str) -> tuple[str, ...]:
        """Return the codes of the grids that share an edge with one, in order; none of one that is gone."""
        return self._neighbours.get(grid, ())


def _number_prefix(site: Site) -> str:
    starts = {grid.code.split("-")[0] for grid in site.boundaries.grids}
    return (starts.pop() if len(starts) == 1 else site.settings.code).upper()


def _neighbours(grids: Sequence[Grid]) -> dict[str, tuple[str, ...]]:
    areas = [each.area for each in grids]
    found: dict[str, list[str]] = {each.code: [] for each in grids}
    for one, other in shapely.STRtree(areas).query(areas, predicate="intersects").T.tolist():
        if one != other:
            found[grids[one].code].append(grids[other].code)
    return {code: tuple(sorted(near)) for code, near in found.items()}
