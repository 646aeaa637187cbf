"""Agents: the people of the roster at work. Where each is at a moment, whether its terminal has a signal, how it acts.

An agent walks or rides its beat from place to place inside its grid, or its units; a call sends it to a case. It goes
the shortest way along the site's streets, or, where the site names none, straight, its way lengthened by a factor. What
it decides is `forces_run`'s to carry out. All is drawn from a seed, forwards in time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.coords import LonLat
from geo.metric import distance_m
from geo.roads import Way
from pipeline.roster import Force, Stage
from pipeline.site import Site

_LEAST_LEG_M: Final = 5.0
_MOST_TRIES: Final = 200
_STEP_S: Final = 900.0  # duty is looked up at this step


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How forces behave; plausible values, nobody's measurements.

    Attributes:
        answer_s: median of the time to accept an offer, and the spread of its logarithm.
        declines, ignores: shares of offers.
        fails: share of calls that a first force cannot solve and gives back.
        way_factor: way along streets over straight line, where the site names no streets.
        result_s, work_s: mean times from arrival to first result, and from there to done.
        signal_s, silence_s: mean lengths of spells with and without a signal.
        pause_s: mean stop between two legs of a beat.
    """

    answer_s: tuple[float, float] = (18.0, 0.6)
    declines: float = 0.05
    ignores: float = 0.03
    fails: float = 0.06
    way_factor: float = 1.3
    result_s: float = 240.0
    work_s: float = 900.0
    signal_s: float = 3 * 3600.0
    silence_s: float = 300.0
    pause_s: float = 240.0


# Metres per second on a call, by role; on a beat it is half of that. On foot 1.4, by e-bike 4 to 5, by car 7.
SPEEDS_MPS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "grid-supervisor": 4.5,
        "non-motor-vehicle-manager": 4.0,
        "city-management-third-party": 5.0,
        "maintenance-company": 4.0,
        "social-security-team": 5.0,
        "public-order-assistant": 4.5,
        "population-assistant": 1.4,
        "property-staff": 3.0,
    }
)
FOLLOW_UP_MPS: Final = 7.0
USUAL_MPS: Final = 4.0


@dataclass(slots=True)
class _Leg:
    """A stretch of a beat, straight unless it has a way along streets, or a stop where both ends are one."""

    start: LonLat
    end: LonLat
    begins: datetime
    ends: datetime
    way: Way | None = None

    def at(self, now: datetime) -> LonLat:
        whole = (self.ends - self.begins).total_seconds()
        share = min(1.0, max(0.0, (now - self.begins).total_seconds() / whole)) if whole > 0 else 1.0
        if self.way is not None:
            return self.way.at(share)
        (lon0, lat0), (lon1, lat1) = self.start, self.end
        return LonLat(lon0 + share * (lon1 - lon0), lat0 + share * (lat1 - lat0))


class Agent:
    """One force at work; asked with times that rise.

    Args:
        force: who it is.
        site: where it works.
        start: when its story begins.
        habits: see `Habits`.
        draw: its own source of chance.
    """

    def __init__(self, force: Force, *, site: Site, start: datetime, habits: Habits, draw: np.random.Generator) -> None:
        self.force = force
        self.busy_until = start
        self.errand: str | None = None  # the case that it goes to or works on
        self._site, self._habits, self._draw = site, habits, draw
        self._areas = _beat(force, site)
        self._leg = _Leg(force.post, force.post, start, start)
        self._after: _Leg | None = None
        self._known: tuple[LonLat, LonLat, Way] | None = None
        self._signal, self._until = True, start + self._spell(habits.signal_s)

    @property
    def speed_mps(self) -> float:
        """Return how fast it goes on a call."""
        if self.force.stage is Stage.FOLLOW_UP:
            return FOLLOW_UP_MPS
        return SPEEDS_MPS.get(self.force.role, USUAL_MPS)

    def on_duty(self, now: datetime) -> bool:
        """Tell whether it works now."""
        return self.force.on_duty(now, self._site.settings.timezone)

    def has_signal(self, now: datetime) -> bool:
        """Tell whether its terminal is heard now."""
        while self._until <= now:
            self._signal = not self._signal
            self._until += self._spell(self._habits.signal_s if self._signal else self._habits.silence_s)
        return self._signal

    def heard_again(self, now: datetime) -> datetime:
        """Return when its terminal is heard next: now, or at the end of the silence."""
        return now if self.has_signal(now) else self._until

    def position(self, now: datetime) -> LonLat:
        """Return where it is."""
        while self._leg.ends <= now:
            self._go_on()
        return self._leg.at(now)

    def way_s(self, place: LonLat, now: datetime) -> float:
        """Return how long it would take to a place: along streets, or straight, lengthened by the way's factor."""
        return self._way_m(self.position(now), place) / self.speed_mps

    def send(self, place: LonLat, *, now: datetime, arrives: datetime, leaves: datetime) -> None:
        """Let it go to a place at once, be there at a time and stay till another."""
        here = self.position(now)
        self._leg = _Leg(here, place, now, arrives, self._way(here, place))
        self._after = _Leg(place, place, arrives, leaves)
        self.busy_until = max(self.busy_until, leaves)

    def _go_on(self) -> None:
        if self._after is not None:
            self._leg, self._after = self._after, None
            return
        here, begins = self._leg.end, self._leg.ends
        if not self.on_duty(begins):
            ends = begins + timedelta(seconds=_STEP_S)
            self._leg = _Leg(self.force.post, self.force.post, begins, max(ends, begins))
            return
        if self._leg.start != self._leg.end:
            self._leg = _Leg(here, here, begins, begins + self._spell(self._habits.pause_s))
            return
        place = self._somewhere()
        way_m = max(self._way_m(here, place), _LEAST_LEG_M)
        ends = begins + timedelta(seconds=way_m / (self.speed_mps / 2))
        self._leg = _Leg(here, place, begins, ends, self._way(here, place))

    def _way_m(self, start: LonLat, end: LonLat) -> float:
        way = self._way(start, end)
        return distance_m(start, end) * self._habits.way_factor if way is None else way.length_m

    def _way(self, start: LonLat, end: LonLat) -> Way | None:
        """Return the way along streets, None where the site names none or nothing is to be gone; the last is kept."""
        roads = self._site.roads
        if roads is None or start == end:
            return None
        if self._known is None or self._known[:2] != (start, end):
            self._known = (start, end, roads.way(start, end))
        return self._known[2]

    def _somewhere(self) -> LonLat:
        area = self._areas[int(self._draw.integers(len(self._areas)))]
        return somewhere(area, self._draw)

    def _spell(self, mean_s: float) -> timedelta:
        return timedelta(seconds=1.0 + float(self._draw.exponential(mean_s)))


def _beat(force: Force, site: Site) -> list[BaseGeometry]:
    """Return the areas that a force patrols: its units, else its grid."""
    if force.units:
        return [unit.area for unit in site.boundaries.units if unit.code in force.units]
    return [grid.area for grid in site.boundaries.grids if grid.code == force.grid]


def somewhere(area: BaseGeometry, draw: np.random.Generator) -> LonLat:
    """Return a place inside an area, any one as likely as any other."""
    west, south, east, north = area.bounds
    for _ in range(_MOST_TRIES):
        point = LonLat(float(draw.uniform(west, east)), float(draw.uniform(south, north)))
        if shapely.contains_xy(area, point.lon, point.lat):
            return point
    inside = shapely.point_on_surface(area)
    return LonLat(float(inside.x), float(inside.y))
