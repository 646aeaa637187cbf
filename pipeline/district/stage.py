"""The stage: the values that world, renderer and score share, in metres on a camera's own plane. Draws nothing.

Axes of a stage: x along the street to the right of the camera, y away from it, z up; the origin is the camera's foot.
`Stage.plane` and `Stage.heading_deg` place it on the site's real coordinates.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from geo.coords import LonLat


class Kind(StrEnum):
    """What an actor is; all but the last are classes that the district's detector knows."""

    PERSON = "person"
    CAR = "car"
    VAN = "van"
    BICYCLE = "bicycle"
    E_BIKE = "e-bike"
    STALL = "stall"
    RUBBISH_BAG = "rubbish-bag"
    OVERFLOWING_BIN = "overflowing-bin"
    BIN = "bin"
    PILED_GOODS = "piled-goods"
    FLOATING_RUBBISH = "floating-rubbish"
    FIRE = "fire"
    FLOOD = "flood"


LEARNED: Final[tuple[Kind, ...]] = tuple(kind for kind in Kind if kind is not Kind.FLOOD)
"""What pictures to learn from show."""


class Light(StrEnum):
    """Time of day."""

    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"


class Weather(StrEnum):
    """What lies between things and camera."""

    CLEAR = "clear"
    RAIN = "rain"
    FOG = "fog"


class Surface(StrEnum):
    """What a strip or patch of ground is."""

    LANE = "lane"
    PAVEMENT = "pavement"
    PARKING_BAY = "parking-bay"
    NO_PARKING = "no-parking"
    FIRE_LANE = "fire-lane"
    SQUARE = "square"
    GREEN = "green"
    WATER = "water"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A piece of ground, a polygon in stage metres."""

    name: str
    surface: Surface
    corners_m: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A static thing that is taller than a kerb: a building with shops, a railing, a tree, a lamp, a bus stop.

    Attributes:
        what: building | shop | railing | tree | lamp | bus-stop | sign | wall.
        centre_m: of its footprint.
        size_m: length along its heading, depth, height.
        heading_deg: counter-clockwise from x.
    """

    what: str
    centre_m: tuple[float, float]
    size_m: tuple[float, float, float]
    heading_deg: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """A true camera pose above its foot.

    Attributes:
        height_m: of the lens above ground.
        yaw_deg: of the optical axis, 0 along y, positive towards x.
        pitch_deg: below the horizon, positive downwards.
        roll_deg: clockwise in the image.
        focal_px: of the ideal pinhole at `size_px`.
        k1, k2: radial distortion (Brown), of normalised image radius.
    """

    size_px: tuple[int, int]
    height_m: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    focal_px: float
    k1: float = 0.0
    k2: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything about a camera's surroundings that does not move.

    Attributes:
        camera: the camera's code.
        foot: WGS-84 position of the camera's foot.
        heading_deg: of the stage's y axis, clockwise from north.
    """

    camera: str
    foot: LonLat
    heading_deg: float
    pose: Pose
    patches: tuple[Patch, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One thing that may move or come and go.

    Attributes:
        id: unique in a run, 1 or more.
        size_m: length, width, height.
        colour: RGB, 0 to 255, of its body.
        style: picks a variant of its mesh.
    """

    id: int
    kind: Kind
    size_m: tuple[float, float, float]
    colour: tuple[int, int, int]
    style: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An actor at one moment.

    Attributes:
        x_m, y_m: centre of its footprint.
        z_m: its lowest point above the ground (below 0 in water).
        heading_deg: counter-clockwise from x.
        phase: 0 to 1, of a walking or riding cycle, or of flames.
        ridden: whether somebody sits on a two-wheeler.
    """

    actor: Actor
    x_m: float
    y_m: float
    z_m: float = 0.0
    heading_deg: float = 0.0
    phase: float = 0.0
    ridden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenThing:
    """What the renderer knows of an actor in one frame.

    Attributes:
        box_px: x1, y1, x2, y2 of its visible pixels, from the id buffer.
        full_box_px: of the whole thing projected, clipped to nothing.
        visible_share: visible pixels over those it would have alone in an endless image.
    """

    actor: int
    kind: Kind
    box_px: tuple[float, float, float, float]
    full_box_px: tuple[float, float, float, float]
    visible_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEvent:
    """One thing that happens and that a scene should find (or, for a distractor, should not).

    Attributes:
        scene: the scene's code; for a distractor the scene that it tempts.
        actors, kinds: ids of who makes it up, and what each is.
        from_s, to_s: when the state holds, seconds from the run's start.
        qualifies_s: when the scene's rule is first true in the world.
        x_m, y_m: where, in stage metres, at that moment.
        lonlat: the same on the site.
        distractor: True if it must not become a case.
        name: what a distractor is; empty for what must become one.
    """

    id: str
    camera: str
    scene: str
    actors: tuple[int, ...]
    kinds: tuple[Kind, ...]
    from_s: float
    to_s: float
    qualifies_s: float
    x_m: float
    y_m: float
    lonlat: LonLat
    distractor: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Light and weather of a stage in a run.

    Attributes:
        sun_azimuth_deg: clockwise from the stage's y axis.
        frozen: whether its water is ice, with snow on it.
    """

    light: Light
    weather: Weather
    sun_azimuth_deg: float = 40.0
    sun_elevation_deg: float = 45.0
    frozen: bool = False
