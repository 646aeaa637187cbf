"""The plan of a stage: its strips in order, what is seen of them from the camera, where there is room for something.

Owns geometry and bookings (a disc that somebody uses for a time); who does what there is the acts' business.
"""

import math
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.district.optics import Lens
from pipeline.district.stage import Block, Patch, Stage, Surface

Floats = NDArray[np.float64]
Place = tuple[float, float]
NEAREST_M: Final = 8.0
FARTHEST_M: Final = 30.0
RIM_PX: Final = 25.0
SEEN_M: Final = 45.0  # zones are drawn so far
LEAST_M2: Final = 2.0  # a smaller zone nobody draws
_CROWN_FROM_M: Final = 2.4  # under a tree's crown people walk and are seen
_TRUNK_M: Final = 0.5
_LEVEL: Final = 1e-3  # a look that falls less than this in a metre meets no ground
_SEE_THROUGH: Final = frozenset({"railing", "sign", "lamp"})
_TRIES: Final = 400
_ITSELF: Final = 0.995  # of the way to a point: a box that begins beyond is the thing itself


class Booking(NamedTuple):
    """A disc that is taken for a time."""

    x_m: float
    y_m: float
    radius_m: float
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A patch that is a rectangle along the axes of the stage."""

    name: str
    surface: Surface
    x_m: tuple[float, float]
    y_m: tuple[float, float]

    @property
    def middle_y_m(self) -> float:
        """Return the middle across."""
        return (self.y_m[0] + self.y_m[1]) / 2


@dataclass(slots=True)
class Ground:
    """A stage's ground with what is booked on it."""

    stage: Stage
    lens: Lens
    strips: tuple[Strip, ...]
    bookings: list[Booking] = field(default_factory=list)

    @classmethod
    def of(cls, stage: Stage) -> "Ground":
        """Return the ground of a stage, with nothing booked."""
        return cls(stage, Lens(stage.pose), tuple(strip_of(patch) for patch in stage.patches))

    def on(self, *surfaces: Surface) -> list[Strip]:
        """Return the strips of these surfaces."""
        return [strip for strip in self.strips if strip.surface in surfaces]

    def seen(
        self, places_m: Floats, *, height_m: float, half_m: float = 0.0, farthest_m: float = FARTHEST_M
    ) -> NDArray[np.bool_]:
        """Tell at which of (n, 2) places something is wholly in the picture, near enough, behind nothing, (n,)."""
        places = np.asarray(places_m, np.float64).reshape(-1, 2)
        width, height = self.stage.pose.size_px
        range_m = np.hypot(places[:, 0], places[:, 1])
        good = (range_m >= NEAREST_M) & (range_m <= farthest_m)
        levels = (0.0, height_m / 2, height_m)
        points = np.concatenate([np.column_stack([places, np.full(len(places), level)]) for level in levels])
        pixels, ahead = self.lens.project(points)
        clear = (
            (pixels > RIM_PX).all(axis=1) & (pixels < np.array([width, height]) - RIM_PX).all(axis=1) & (ahead > 1.0)
        )
        clear[clear] = ~self.hidden(points[clear])
        good &= clear.reshape(len(levels), -1).all(axis=0)
        for aside in ((half_m, 0.0), (-half_m, 0.0), (0.0, half_m), (0.0, -half_m)):
            pixels, _ = self.lens.project(np.column_stack([places + aside, np.zeros(len(places))]))
            good &= (pixels > RIM_PX).all(axis=1) & (pixels < np.array([width, height]) - RIM_PX).all(axis=1)
        return np.asarray(good)

    def hidden(self, points_m: Floats) -> NDArray[np.bool_]:
        """Tell which of (n, 3) points lie behind a block as seen from the lens, (n,)."""
        behind = np.zeros(len(points_m), bool)
        for block in self.stage.blocks:
            if block.what not in _SEE_THROUGH:
                low, high, half = body(block)
                behind |= crossed(self.lens.eye_m, points_m, block.centre_m, half, (low, high), block.heading_deg)
        return behind

    def free(self, place_m: Place, radius_m: float, from_s: float, to_s: float) -> bool:
        """Tell whether a disc touches no block and no booking of that time."""
        x, y = place_m
        if any(_apart(block, x, y) < radius_m for block in self.stage.blocks):
            return False
        return not any(
            math.hypot(x - each.x_m, y - each.y_m) < radius_m + each.radius_m
            and each.from_s < to_s
            and from_s < each.to_s
            for each in self.bookings
        )

    def book(self, place_m: Place, radius_m: float, from_s: float, to_s: float) -> None:
        """Take a disc for a time."""
        self.bookings.append(Booking(*place_m, radius_m, from_s, to_s))

    def clipped(self, area: shapely.Polygon) -> shapely.Polygon | None:
        """Return what the camera may see of an area of ground within 45 m, None if it is hardly anything."""
        width, height = self.stage.pose.size_px
        across, down = np.linspace(0, width, 33), np.linspace(0, height, 25)
        rim = np.vstack(
            [
                np.column_stack([across, np.zeros(33)]),
                np.column_stack([np.full(25, width), down]),
                np.column_stack([across[::-1], np.full(33, height)]),
                np.column_stack([np.zeros(25), down[::-1]]),
            ]
        )
        parts = shapely.get_parts(shapely.intersection(shapely.Polygon(self._ground_of(rim)).buffer(0), area))
        largest = max(parts, key=shapely.area, default=None)
        if not isinstance(largest, shapely.Polygon) or largest.area < LEAST_M2:
            return None
        return largest

    def outline_px(self, area: shapely.Polygon, *, level_m: float = 0.0) -> tuple[Place, ...]:
        """Return the image of the outline of an area at a level, densely enough that the lens's bend shows."""
        ring = np.asarray(shapely.segmentize(area, 1.5).exterior.coords)[:-1]
        pixels, _ = self.lens.project(np.column_stack([ring, np.full(len(ring), level_m)]))
        drawn = shapely.Polygon(pixels).simplify(0.3)
        if not isinstance(drawn, shapely.Polygon):
            return ()
        return tuple((round(float(u), 1), round(float(v), 1)) for u, v in drawn.exterior.coords[:-1])

    def _ground_of(self, pixels: Floats) -> Floats:
        """Return where pixels of the rim meet the ground, at most 45 m away."""
        rays = self.lens.rays(pixels)
        flat = np.maximum(np.hypot(rays[:, 0], rays[:, 1]), 1e-9)
        down = -rays[:, 2] / flat
        reach = np.where(down > _LEVEL, self.stage.pose.height_m / np.maximum(down, _LEVEL), SEEN_M)
        return np.asarray(rays[:, :2] / flat[:, None] * np.minimum(reach, SEEN_M)[:, None])


def strip_of(patch: Patch) -> Strip:
    """Return a patch as a strip along the axes: its extent."""
    xs, ys = zip(*patch.corners_m, strict=True)
    return Strip(name=patch.name, surface=patch.surface, x_m=(min(xs), max(xs)), y_m=(min(ys), max(ys)))


def crossed(
    eye_m: Floats, points_m: Floats, centre_m: Place, half_m: Place, z_m: tuple[float, float], heading_deg: float
) -> NDArray[np.bool_]:
    """Tell which sight lines from the eye to (n, 3) points pass through an upright box, (n,): the slab test."""
    turn = math.radians(heading_deg)
    cosine, sine = math.cos(turn), math.sin(turn)

    def local(points: Floats) -> Floats:
        dx, dy = points[:, 0] - centre_m[0], points[:, 1] - centre_m[1]
        return np.column_stack([dx * cosine + dy * sine, dy * cosine - dx * sine, points[:, 2]])

    start = local(eye_m[None])
    way = local(points_m) - start
    low = np.array([-half_m[0], -half_m[1], z_m[0]])
    high = np.array([half_m[0], half_m[1], z_m[1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = (low - start) / way, (high - start) / way
    enters, leaves = np.fmin(near, far).max(axis=1), np.fmax(near, far).min(axis=1)
    return np.asarray((enters < leaves) & (leaves > 0.0) & (enters < _ITSELF))


def body(block: Block) -> tuple[float, float, Place]:
    """Return from and to which height a block hides what is behind it, and its half extents."""
    length, depth, height = block.size_m
    if block.what == "tree":
        return _CROWN_FROM_M, height, (length / 2 * 0.8, depth / 2 * 0.8)
    return 0.0, height, (length / 2, depth / 2)


def _apart(block: Block, x_m: float, y_m: float) -> float:
    """Return the metres from a place to a block's foot on the ground."""
    turn = math.radians(block.heading_deg)
    dx, dy = x_m - block.centre_m[0], y_m - block.centre_m[1]
    along, across = dx * math.cos(turn) + dy * math.sin(turn), dy * math.cos(turn) - dx * math.sin(turn)
    length, depth, _ = block.size_m
    if block.what in {"tree", "lamp"}:
        length = depth = _TRUNK_M
    return math.hypot(max(abs(along) - length / 2, 0.0), max(abs(across) - depth / 2, 0.0))


def spots(
    ground: Ground,
    x_m: Place,
    y_m: Place,
    *,
    height_m: float,
    half_m: float,
    draw: np.random.Generator,
    tries: int = _TRIES,
) -> list[Place]:
    """Return places in a rectangle, in chance order, at which something so tall is well seen."""
    low, high = max(x_m[0], -FARTHEST_M), min(x_m[1], FARTHEST_M)
    if high <= low or y_m[1] <= y_m[0]:
        return []
    places = np.column_stack([draw.uniform(low, high, tries), draw.uniform(*y_m, tries)])
    good = places[ground.seen(places, height_m=height_m, half_m=half_m)]
    return [(float(x), float(y)) for x, y in good]
