"""Casts by rule: rare things as often as common ones, near the camera, on ground that suits them.

Plays show things as they will be met; these show what plays have too little of. Two-wheelers come in rows too, people
in groups and beyond the railing of a quay, a bag with its owner, a stall with its keeper.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from pipeline.district.director import Director
from pipeline.district.plan import Ground, Place, spots
from pipeline.district.stage import LEARNED, Actor, Kind, Placed, Surface
from pipeline.district.stages import LEDGE_M, WATER_LEVEL_M

_WHEELS: Final = frozenset({Kind.CAR, Kind.VAN})
_BIKES: Final = frozenset({Kind.BICYCLE, Kind.E_BIKE})
_ROAD: Final = frozenset({Surface.LANE, Surface.PARKING_BAY, Surface.NO_PARKING, Surface.FIRE_LANE})
_FOOT: Final = frozenset({Surface.PAVEMENT, Surface.SQUARE, Surface.GREEN})
# How often each is drawn where it may stand; plays have people, cars and two-wheelers enough.
_WEIGHTS: Final = {
    Kind.PERSON: 0.6, Kind.CAR: 0.4, Kind.VAN: 0.9, Kind.BICYCLE: 0.8, Kind.E_BIKE: 0.6, Kind.STALL: 1.0,
    Kind.RUBBISH_BAG: 1.4, Kind.OVERFLOWING_BIN: 1.1, Kind.BIN: 1.3, Kind.PILED_GOODS: 1.1,
    Kind.FLOATING_RUBBISH: 3.0, Kind.FIRE: 0.8,
}  # fmt: skip
_SMALL: Final = frozenset({Kind.RUBBISH_BAG, Kind.BIN, Kind.FLOATING_RUBBISH})
_NEAREST_M: Final = 4.0
_FARTHEST_M, _SMALL_FARTHEST_M = 30.0, 26.0
_AT_THE_WATER: Final = 0.6  # of casts on a quay: in plays somebody is there for seconds, and looks like nobody on land
_TRIES: Final = 12
_TOP_SHARE: Final = 0.2  # of the picture, where sky and fronts are
_OFF_GROUND: Final = 0.08  # of things stand where they hardly ever do
_ROW_M: Final = 0.75
_TALL_M: Final = 1.75


class Extras:
    """Draws casts for one stage.

    Args:
        director: makes the actors, as plays have them; nobody is booked with it.
        draw: source of chance.
    """

    def __init__(self, director: Director, draw: np.random.Generator) -> None:
        self._director, self._draw = director, draw
        self._ground: Ground = director.ground

    def cast(self, count: int) -> list[Placed]:
        """Return so many things or groups, or fewer if there is no room, apart from one another."""
        kinds = [kind for kind in LEARNED if kind is not Kind.FLOATING_RUBBISH or self._ground.on(Surface.WATER)]
        weights = np.array([_WEIGHTS[kind] for kind in kinds])
        placed: list[Placed] = []
        for row in self._draw.choice(len(kinds), size=count, p=weights / weights.sum()).tolist():
            group = self._group(kinds[row])
            if group and not any(_meet(one, other) for one in group for other in placed):
                placed += group
        return [*placed, *self._at_the_water()]

    def _at_the_water(self) -> list[Placed]:
        """Return somebody or two beyond the railing of a quay, as plays let people climb there."""
        if self._draw.random() >= _AT_THE_WATER:
            return []
        places = [
            place
            for area in self._director.ledges()
            for place in spots(self._ground, *area, height_m=_TALL_M, half_m=0.0, draw=self._draw, tries=_TRIES)
        ]
        return [
            replace(self._put(Kind.PERSON, place), z_m=LEDGE_M) for place in places[: int(self._draw.integers(1, 3))]
        ]

    def _group(self, kind: Kind) -> list[Placed]:
        place = self._place(kind)
        if place is None:
            return []
        first = self._put(kind, place)
        chance = self._draw.random()
        beside: dict[Kind, Callable[[Placed], list[Placed]]] = {
            Kind.PERSON: self._crowd,
            Kind.BICYCLE: self._row,
            Kind.E_BIKE: self._row,
            Kind.STALL: lambda one: [self._near(one, Kind.PERSON, 1.5)],
            Kind.RUBBISH_BAG: lambda one: [self._near(one, Kind.PERSON, 0.75)],
            Kind.OVERFLOWING_BIN: lambda one: [self._near(one, Kind.BIN, 1.0)],
        }
        if kind in beside and not first.ridden and chance < 0.35:  # noqa: PLR2004 - a third of them
            return [first, *beside[kind](first)]
        return [first]

    def _place(self, kind: Kind) -> Place | None:
        """Return where a thing of a kind may stand, in the picture."""
        width, height = self._ground.stage.pose.size_px
        level_m = WATER_LEVEL_M if kind is Kind.FLOATING_RUBBISH else 0.0
        farthest_m = _SMALL_FARTHEST_M if kind in _SMALL else _FARTHEST_M
        pixels = self._draw.uniform((0.02 * width, _TOP_SHARE * height), (0.98 * width, 0.99 * height), (_TRIES, 2))
        anywhere = self._draw.random() < _OFF_GROUND
        for x, y in self._ground.lens.to_ground(pixels, z_m=level_m).tolist():
            if not _NEAREST_M <= math.hypot(x, y) <= farthest_m:
                continue  # what is not a number, the sky, is neither
            surface = self._surface((x, y))
            water = surface is Surface.WATER
            if water is (kind is Kind.FLOATING_RUBBISH) and (anywhere or water or surface in self._suited(kind)):
                return float(x), float(y)
        return None

    def _suited(self, kind: Kind) -> frozenset[Surface]:
        if kind in _WHEELS:
            return _ROAD
        return _FOOT | _ROAD if kind in _BIKES or kind is Kind.PERSON else _FOOT | {Surface.NO_PARKING}

    def _surface(self, place_m: Place) -> Surface | None:
        x, y = place_m
        for strip in reversed(self._ground.strips):
            if strip.x_m[0] <= x <= strip.x_m[1] and strip.y_m[0] <= y <= strip.y_m[1]:
                return strip.surface
        return None

    def _put(self, kind: Kind, place_m: Place, *, actor: Actor | None = None) -> Placed:
        """Return a new thing at a place, turned as its like are there."""
        draw = self._draw
        road = self._surface(place_m) in _ROAD
        ridden = kind in _BIKES and (road or draw.random() < 0.3)  # noqa: PLR2004 - some ride on the pavement
        if kind in _WHEELS or ridden:
            heading = float(draw.choice([0.0, 180.0]) + draw.normal(0.0, 4.0))
        elif kind in _BIKES:
            heading = 90.0 + float(draw.normal(0.0, 12.0))
        else:
            heading = float(draw.uniform(0.0, 360.0))
        if draw.random() < 0.15:  # noqa: PLR2004 - some stand askew
            heading = float(draw.uniform(0.0, 360.0))
        return Placed(
            actor=actor or self._director.actor(kind),
            x_m=place_m[0],
            y_m=place_m[1],
            z_m=WATER_LEVEL_M if kind is Kind.FLOATING_RUBBISH else 0.0,
            heading_deg=heading,
            phase=float(draw.random()) if draw.random() < 0.7 else 0.0,  # noqa: PLR2004 - the others stand
            ridden=ridden,
        )

    def _near(self, one: Placed, kind: Kind, away_m: float) -> Placed:
        turn = float(self._draw.uniform(0.0, 2 * math.pi))
        return self._put(kind, (one.x_m + away_m * math.cos(turn), one.y_m + away_m * math.sin(turn)))

    def _row(self, one: Placed) -> list[Placed]:
        count = int(self._draw.integers(2, 8))
        kinds = (Kind.E_BIKE, Kind.E_BIKE, Kind.BICYCLE)
        row = []
        for step in range(1, count):
            kind = kinds[int(self._draw.integers(len(kinds)))]
            bike = self._put(kind, (one.x_m + step * _ROW_M, one.y_m + float(self._draw.normal(0.0, 0.08))))
            heading = 90.0 + float(self._draw.normal(0.0, 8.0))
            row.append(Placed(actor=bike.actor, x_m=bike.x_m, y_m=bike.y_m, heading_deg=heading))
        return row

    def _crowd(self, one: Placed) -> list[Placed]:
        count = int(self._draw.integers(2, 13))
        return [self._near(one, Kind.PERSON, float(self._draw.uniform(0.7, 0.9 + 0.2 * count))) for _ in range(count)]


def _meet(one: Placed, other: Placed) -> bool:
    """Tell whether two things stand in one another, about."""
    apart_m = 0.35 * (sum(one.actor.size_m[:2]) / 2 + sum(other.actor.size_m[:2]) / 2)
    return math.hypot(one.x_m - other.x_m, one.y_m - other.y_m) < apart_m
