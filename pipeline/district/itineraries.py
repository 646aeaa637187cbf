"""Itineraries: where one actor is at any moment, as knots in time with straight stretches between. Stage metres."""

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from pipeline.district.stage import Actor, Kind, Placed

_TURN_S: Final = 0.6
_STANDS_MPS: Final = 0.02
# Metres of one walking or riding cycle; what is not here has a cycle of time.
_STRIDE_M: Final = {Kind.PERSON: 1.4, Kind.BICYCLE: 4.0, Kind.E_BIKE: 4.0}
_FLICKER_S: Final = 0.7


class Knot(NamedTuple):
    """A place at a moment; heading and rider hold until the next knot, way_m is the way so far."""

    at_s: float
    x_m: float
    y_m: float
    z_m: float
    heading_deg: float
    ridden: bool
    way_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Itinerary:
    """One actor from its coming to its going.

    Attributes:
        knots: in order of time, two or more; the actor is there from the first to before the last.
    """

    actor: Actor
    knots: tuple[Knot, ...]
    _times: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_times", tuple(knot.at_s for knot in self.knots))

    @property
    def from_s(self) -> float:
        """Return when it comes."""
        return self._times[0]

    @property
    def to_s(self) -> float:
        """Return when it has gone."""
        return self._times[-1]

    def place_m(self, at_s: float) -> tuple[float, float] | None:
        """Return where it is, None while it is not there."""
        if not self.from_s <= at_s < self.to_s:
            return None
        knot, after, share = self._stretch(at_s)
        return knot.x_m + share * (after.x_m - knot.x_m), knot.y_m + share * (after.y_m - knot.y_m)

    def at(self, at_s: float) -> Placed | None:
        """Return it as it stands at a moment, None while it is not there."""
        if not self.from_s <= at_s < self.to_s:
            return None
        knot, after, share = self._stretch(at_s)
        way_m = knot.way_m + share * (after.way_m - knot.way_m)
        return Placed(
            actor=self.actor,
            x_m=knot.x_m + share * (after.x_m - knot.x_m),
            y_m=knot.y_m + share * (after.y_m - knot.y_m),
            z_m=knot.z_m + share * (after.z_m - knot.z_m),
            heading_deg=self._heading(knot, at_s),
            phase=self._phase(way_m, at_s),
            ridden=knot.ridden,
        )

    def stays(self, *, least_s: float) -> list[tuple[float, float]]:
        """Return the stretches, from and to, in which it does not move for so long or longer."""
        found: list[tuple[float, float]] = []
        for knot, after in zip(self.knots, self.knots[1:], strict=False):
            passed_s = after.at_s - knot.at_s
            if passed_s > 0 and after.way_m - knot.way_m <= _STANDS_MPS * passed_s:
                if found and found[-1][1] == knot.at_s:
                    found[-1] = (found[-1][0], after.at_s)
                else:
                    found.append((knot.at_s, after.at_s))
        return [(begins, ends) for begins, ends in found if ends - begins >= least_s]

    def _stretch(self, at_s: float) -> tuple[Knot, Knot, float]:
        row = min(bisect_right(self._times, at_s) - 1, len(self.knots) - 2)
        knot, after = self.knots[row], self.knots[row + 1]
        passed_s = after.at_s - knot.at_s
        return knot, after, (at_s - knot.at_s) / passed_s if passed_s > 0 else 0.0

    def _heading(self, knot: Knot, at_s: float) -> float:
        """Return the heading, turned from the stretch before within its first moments."""
        row = bisect_right(self._times, at_s) - 2
        since_s = at_s - knot.at_s
        if row < 0 or since_s >= _TURN_S:
            return knot.heading_deg
        turn = (knot.heading_deg - self.knots[row].heading_deg + 180.0) % 360.0 - 180.0
        return knot.heading_deg - turn * (1.0 - since_s / _TURN_S)

    def _phase(self, way_m: float, at_s: float) -> float:
        stride_m = _STRIDE_M.get(self.actor.kind)
        if stride_m is not None:
            return (way_m / stride_m) % 1.0
        return (at_s / _FLICKER_S) % 1.0 if self.actor.kind is Kind.FIRE else 0.0


class Journey:
    """Puts an itinerary together: go here, wait there.

    Args:
        actor: who.
        at_s: when it comes.
        place_m: where.
        z_m: its height above the ground.
        heading_deg: as it comes, if it stands.
        ridden: whether somebody rides it.
    """

    def __init__(
        self,
        actor: Actor,
        *,
        at_s: float,
        place_m: tuple[float, float],
        z_m: float = 0.0,
        heading_deg: float = 0.0,
        ridden: bool = False,
    ) -> None:
        self.actor = actor
        self._now = Knot(at_s, *place_m, z_m, heading_deg, ridden, 0.0)
        self._knots: list[Knot] = []

    @property
    def at_s(self) -> float:
        """Return the time that the journey has come to."""
        return self._now.at_s

    @property
    def place_m(self) -> tuple[float, float]:
        """Return the place that it has come to."""
        return self._now.x_m, self._now.y_m

    def go(self, place_m: tuple[float, float], *, speed_mps: float, z_m: float | None = None) -> Self:
        """Go straight to a place, facing it."""
        now = self._now
        dx, dy = place_m[0] - now.x_m, place_m[1] - now.y_m
        way_m = math.hypot(dx, dy)
        height_m = now.z_m if z_m is None else z_m
        if way_m < 1e-6 and height_m == now.z_m:  # noqa: PLR2004 - there already
            return self
        heading = math.degrees(math.atan2(dy, dx)) if way_m > 0.05 else now.heading_deg  # noqa: PLR2004 - a step aside
        self._knots.append(now._replace(heading_deg=heading))
        passed_s = max(way_m, abs(height_m - now.z_m)) / speed_mps
        self._now = Knot(now.at_s + passed_s, *place_m, height_m, heading, now.ridden, now.way_m + way_m)
        return self

    def back_to(self, place_m: tuple[float, float], *, speed_mps: float) -> Self:
        """Go straight to a place without turning."""
        heading = self._now.heading_deg
        self.go(place_m, speed_mps=speed_mps)
        self._knots[-1] = self._knots[-1]._replace(heading_deg=heading)
        self._now = self._now._replace(heading_deg=heading)
        return self

    def wait(self, seconds: float) -> Self:
        """Stand still."""
        return self.wait_until(self._now.at_s + seconds)

    def wait_until(self, at_s: float) -> Self:
        """Stand still until a moment."""
        if at_s > self._now.at_s:
            self._knots.append(self._now)
            self._now = self._now._replace(at_s=at_s)
        return self

    def face(self, heading_deg: float) -> Self:
        """Turn on the spot."""
        self._now = self._now._replace(heading_deg=heading_deg)
        return self

    def ride(self, *, ridden: bool) -> Self:
        """Mount or dismount."""
        self._now = self._now._replace(ridden=ridden)
        return self

    def done(self) -> Itinerary:
        """Return the itinerary; the actor goes where the journey has come to."""
        if not self._knots or self._knots[-1].at_s < self._now.at_s:
            knots = (*self._knots, self._now)
        else:
            knots = tuple(self._knots)
        return Itinerary(actor=self.actor, knots=knots)
