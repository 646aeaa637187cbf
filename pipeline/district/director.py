"""The director: who plays on one stage, from when to when, where there is room. Owns casting, places and bookings.

An act is what a scene should find, or a distractor that tempts one. Acts are made by the rooms `acts_*`; when its
scene's rule is first true is found by `rules_of_world` once everybody's way is known.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from pipeline.catalogue import Catalogue
from pipeline.district.gatherings import Gatherings
from pipeline.district.itineraries import Itinerary, Journey
from pipeline.district.plan import Ground, Place, Strip, spots
from pipeline.district.scene_set import CROWD, SCENES
from pipeline.district.stage import Actor, Kind, Stage, Surface

WALK_MPS: Final = 1.35
MERGE_SLACK_M: Final = 8.0  # beyond a category's own distance: both 95 % ellipses, as far as acts take place
PAVED: Final = (Surface.PAVEMENT, Surface.SQUARE)
_MOST_TRIES: Final = 60
_SAME_EDGE_M: Final = 0.1
_FRONT: Final = frozenset({"shop", "railing"})
_SIZES_M: Final = {
    Kind.PERSON: (0.5, 0.5, 1.72),
    Kind.CAR: (4.5, 1.8, 1.48),
    Kind.VAN: (5.2, 1.95, 2.2),
    Kind.BICYCLE: (1.75, 0.6, 1.05),
    Kind.E_BIKE: (1.7, 0.66, 1.1),
    Kind.STALL: (2.0, 1.6, 2.3),
    Kind.RUBBISH_BAG: (0.9, 0.7, 0.55),
    Kind.OVERFLOWING_BIN: (1.2, 1.1, 1.3),
    Kind.BIN: (0.6, 0.6, 1.05),
    Kind.PILED_GOODS: (1.8, 1.0, 1.3),
    Kind.FLOATING_RUBBISH: (1.6, 1.2, 0.18),
    Kind.FIRE: (0.9, 0.9, 1.5),
    Kind.FLOOD: (9.0, 5.0, 0.03),
}
_VARIES: Final = {Kind.PERSON: 0.06, Kind.CAR: 0.05, Kind.VAN: 0.05, Kind.RUBBISH_BAG: 0.15, Kind.PILED_GOODS: 0.15}
_COLOURS: Final = (
    (205, 205, 208), (32, 34, 38), (120, 124, 128), (150, 28, 30), (26, 62, 128), (240, 240, 238), (38, 92, 60),
    (196, 142, 40), (92, 60, 40), (88, 44, 104), (222, 120, 60), (60, 140, 160),
)  # fmt: skip
_OWN_COLOURS: Final = {
    Kind.RUBBISH_BAG: ((28, 28, 30), (34, 58, 40), (60, 60, 70)),
    Kind.BIN: ((40, 90, 60), (60, 80, 120), (90, 90, 92)),
    Kind.OVERFLOWING_BIN: ((40, 90, 60), (60, 80, 120), (90, 90, 92)),
    Kind.PILED_GOODS: ((168, 128, 84), (150, 110, 70)),
    Kind.FLOATING_RUBBISH: ((190, 186, 160), (150, 160, 140)),
    Kind.FIRE: ((240, 130, 30),),
    Kind.FLOOD: ((96, 98, 92), (110, 104, 90), (84, 90, 92)),
}


class Walkway(NamedTuple):
    """Where people walk on a strip, and where things may stand beside it: ranges of y in stage metres."""

    strip: Strip
    y_m: float
    beside_m: Place
    front_m: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that happens on a stage.

    Attributes:
        members: whom the scene's rule judges.
        distractor: what it is, such as bus-queue, where the rule must not become true; else empty.
    """

    scene: str
    members: tuple[Itinerary, ...]
    distractor: str = ""


class Director:
    """Puts a stage's play together.

    Args:
        stage: where.
        end_s: length of the run in seconds.
        catalogue: how far apart two cases of a category must lie to be two.
        first_id: of its actors.
        draw: source of chance.
    """

    def __init__(
        self, stage: Stage, *, end_s: float, catalogue: Catalogue, first_id: int, draw: np.random.Generator
    ) -> None:
        self.stage, self.end_s, self.draw = stage, end_s, draw
        self.ground = Ground.of(stage)
        self.acts: list[Act] = []
        self.cast: list[Itinerary] = []
        self.groups: list[Itinerary] = []
        self.crowds = Gatherings(end_s=end_s)
        self.walkways = [
            _walkway(strip, y_m, stage) for strip in self.ground.on(*PAVED) for y_m in _lines(strip, stage)
        ]
        self._catalogue, self._next_id = catalogue, first_id
        self._taken: dict[str, list[Place]] = {}
        self._known: dict[tuple[tuple[Place, Place], float, float], list[Place]] = {}

    @property
    def next_id(self) -> int:
        """Return the first id that is free after this stage's actors."""
        return self._next_id

    def actor(self, kind: Kind) -> Actor:
        """Return a new actor of a kind, a little unlike the others."""
        palette = _OWN_COLOURS.get(kind, _COLOURS)
        scale = 1.0 + float(self.draw.normal(0.0, _VARIES.get(kind, 0.0)))
        scale = min(1.25, max(0.8, scale))
        length, width, height = _SIZES_M[kind]
        self._next_id += 1
        return Actor(
            id=self._next_id - 1,
            kind=kind,
            size_m=(round(length * scale, 3), round(width * scale, 3), round(height * scale, 3)),
            colour=palette[int(self.draw.integers(len(palette)))],
            style=int(self.draw.integers(12)),
        )

    def one_of(self, *kinds: Kind) -> Actor:
        """Return a new actor of one of the kinds."""
        return self.actor(kinds[int(self.draw.integers(len(kinds)))])

    def play(self, act: Act, *others: Itinerary) -> bool:
        """Take an act in, with those who only take part; not if they would make a crowd that is no act."""
        everybody = [*act.members, *others]
        if self.crowds.would_gather(everybody, is_crowd=act.scene == CROWD and not act.distractor):
            return False
        self.acts.append(act)
        self.extras(*everybody)
        return True

    def extras(self, *itineraries: Itinerary) -> None:
        """Take in those who only pass."""
        self.cast += itineraries
        self.crowds.take(itineraries)

    def room(self, scene: str, place_m: Place, *, distractor: bool) -> bool:
        """Tell whether a case here could not be taken for another of its category; an event then has its place."""
        if distractor:
            return True
        apart_m = self._catalogue.get(SCENES[scene].category).merge_within_m + MERGE_SLACK_M
        taken = self._taken.setdefault(scene, [])
        if any(math.dist(place_m, other) < apart_m for other in taken):
            return False
        taken.append(place_m)
        return True

    def find(
        self,
        scene: str,
        areas: Sequence[tuple[Place, Place]],
        *,
        height_m: float,
        radius_m: float,
        from_s: float,
        to_s: float,
        half_m: float | None = None,
        distractor: bool = False,
    ) -> Place | None:
        """Return a well seen and free place for an act and book it, None if there is none.

        Args:
            areas: rectangles, x and y ranges, tried in chance order.
            half_m: half its extent, all of which must be in the picture; the radius by default.
        """
        for row in self.draw.permutation(len(areas)).tolist():
            known: list[Place] = self._spots(areas[row], height_m, radius_m if half_m is None else half_m)
            for index in self.draw.permutation(len(known)).tolist()[:_MOST_TRIES]:
                place: Place = known[index]
                if self.ground.free(place, radius_m, from_s, to_s) and self.room(scene, place, distractor=distractor):
                    self.ground.book(place, radius_m, from_s, to_s)
                    return place
        return None

    def _spots(self, area: tuple[Place, Place], height_m: float, half_m: float) -> list[Place]:
        """Return well seen places of an area; looked for once."""
        key = (area, height_m, half_m)
        if key not in self._known:
            self._known[key] = spots(self.ground, *area, height_m=height_m, half_m=half_m, draw=self.draw)
        return self._known[key]

    def beside(self, *, inset_m: float = 0.0) -> list[tuple[Place, Place]]:
        """Return the areas beside the walkways, things standing `inset_m` farther from them."""
        return [
            (way.strip.x_m, _inset(way.beside_m, way.y_m, inset_m))
            for way in self.walkways
            if way.beside_m[1] > way.beside_m[0]
        ]

    def quays(self) -> list[Walkway]:
        """Return the walkways that end at water."""
        water = [strip.y_m[0] for strip in self.ground.on(Surface.WATER)]
        return [way for way in self.walkways if any(abs(y_m - way.strip.y_m[1]) < _SAME_EDGE_M for y_m in water)]

    def ledges(self) -> list[tuple[Place, Place]]:
        """Return the areas beyond the railings of quays, where somebody may climb to."""
        return [(way.strip.x_m, (way.strip.y_m[1] + 0.3, way.strip.y_m[1] + 0.45)) for way in self.quays()]

    def walkway_at(self, place_m: Place) -> Walkway:
        """Return the walkway by which somebody gets to a place."""
        holding = [way for way in self.walkways if way.strip.y_m[0] - 0.5 <= place_m[1] <= way.strip.y_m[1] + 0.5]
        return min(holding or self.walkways, key=lambda way: abs(way.y_m - place_m[1]))

    def end_of(self, way: Walkway, place_m: Place) -> Place:
        """Return the end of a walkway from which somebody comes to a place, mostly the nearer one."""
        ends = sorted(way.strip.x_m, key=lambda x: abs(x - place_m[0]))
        x = ends[0] if self.draw.random() < 0.8 else ends[1]  # noqa: PLR2004 - four of five
        x = max(-60.0, min(60.0, x))
        return x, way.y_m + (0.35 if x < place_m[0] else -0.35)

    def comer(self, place_m: Place, *, by_s: float, kind: Kind = Kind.PERSON, speed_mps: float = WALK_MPS) -> Journey:
        """Return the journey of somebody who comes along the walkway and is at a place at a moment."""
        way = self.walkway_at(place_m)
        start = self.end_of(way, place_m)
        corner = (place_m[0], start[1])
        length = math.dist(start, corner) + math.dist(corner, place_m)
        ridden = kind in {Kind.E_BIKE, Kind.BICYCLE}
        journey = Journey(self.actor(kind), at_s=by_s - length / speed_mps, place_m=start, ridden=ridden)
        return journey.go(corner, speed_mps=speed_mps).go(place_m, speed_mps=speed_mps)

    def leave(self, journey: Journey, *, speed_mps: float = WALK_MPS) -> Journey:
        """Let somebody go off along the walkway."""
        way = self.walkway_at(journey.place_m)
        end = self.end_of(way, journey.place_m)
        line_y = way.y_m + (0.35 if end[0] > journey.place_m[0] else -0.35)
        corner = (journey.place_m[0], line_y)
        return journey.go(corner, speed_mps=speed_mps).go((end[0], line_y), speed_mps=speed_mps)

    def moment(self, earliest_s: float, latest_s: float) -> float:
        """Return a moment in a range, any as likely."""
        return float(self.draw.uniform(earliest_s, max(latest_s, earliest_s + 0.1)))


def _lines(strip: Strip, stage: Stage) -> list[float]:
    """Return along which lines people walk on a strip: one on a pavement, two across a square."""
    low, high = strip.y_m
    if strip.surface is Surface.SQUARE:
        return [low + 8.0, low + 24.0] if high - low > 28.0 else [low + 8.0]  # noqa: PLR2004 - between rows of trees
    front = _front(strip, stage)
    return [low + 1.5 if front == low else high - 1.5]


def _front(strip: Strip, stage: Stage) -> float:
    """Return the edge along which shops or a railing stand, the lower one if there are none."""
    low, high = strip.y_m
    ys = [block.centre_m[1] for block in stage.blocks if block.what in _FRONT]
    near_low = min((abs(y - low) for y in ys), default=math.inf)
    near_high = min((abs(y - high) for y in ys), default=math.inf)
    return high if near_high < near_low else low


def _walkway(strip: Strip, y_m: float, stage: Stage) -> Walkway:
    low, high = strip.y_m
    if strip.surface is Surface.SQUARE:
        return Walkway(strip, y_m, (y_m + 1.2, min(y_m + 14.0, high - 1.0)), (high - 1.0, high - 1.0))
    if _front(strip, stage) == low:
        return Walkway(strip, y_m, (y_m + 1.2, high - 0.7), (low + 0.75, low + 0.95))
    return Walkway(strip, y_m, (low + 0.7, y_m - 1.2), (high - 0.95, high - 0.75))


def _inset(range_m: Place, walk_y_m: float, inset_m: float) -> Place:
    low, high = range_m
    return (low + inset_m, high) if walk_y_m < low else (low, high - inset_m)
