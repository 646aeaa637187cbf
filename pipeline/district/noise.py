"""What a detector makes of true boxes: misses, jitter, confusions and boxes of nothing, as a table of a few numbers.

The numbers in `PLAUSIBLE` are those of a small detector at 640 px as one would guess them, and no measurement. Fits
to runs with pixels (`noise_fit.fit_noise`) start from them; the published fit is `noise.json`. Chances are logits: 0
is one in two, 3 is 95 in a hundred.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from pipeline.district.optics import Lens
from pipeline.district.stage import LEARNED, Conditions, Kind, Light, SeenThing, Stage, Weather

Floats = NDArray[np.float64]
KINDS: Final = tuple(Kind)  # by class id
CLASS_NAMES: Final[Mapping[int, str]] = MappingProxyType({row: kind.value for row, kind in enumerate(KINDS)})
MIDDLE_PX: Final = 16.0
FLATTENED: Final = (16.0 * math.sqrt(3.0) / (15.0 * math.pi)) ** 2
FAINTEST: Final = 0.05
_REMEMBERED: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassNoise:
    """How one class is seen by clear day, nothing hiding it.

    Attributes:
        found: logit of the chance to be found in a frame with a short side of 16 px; `found_slope` per doubling.
        sure: logit of the confidence at 16 px; `sure_slope` per doubling, `sure_sd` its spread.
        found_own_sd: spread of what one thing's own look adds to its logit of being found, for as long as it is there.
        sure_own: share of the confidence's variance that is one thing's own.
        edge_share: spread of each edge, as a share of the box's size (root of its area).
        mistaken_for: the class that it is taken for with chance `mistaken`.
        false_per_1000: boxes of this class where nothing is, begun in a thousand frames.
    """

    found: float
    found_slope: float
    sure: float
    sure_slope: float
    sure_sd: float = 0.5
    found_own_sd: float = 0.0
    sure_own: float = 0.0
    edge_share: float = 0.03
    mistaken_for: Kind | None = None
    mistaken: float = 0.0
    false_per_1000: float = 1.0

    def chance(self, logit: float, *, easily: float) -> float:
        """Return the chance that one thing is found.

        Args:
            logit: of the chance that such things are found, all of them together.
            easily: how it looks among them, standard normal.
        """
        # A spread of things flattens their mean chance; the factor makes up for it (Zeger, Liang and Albert 1988).
        return logistic(logit * math.sqrt(1.0 + FLATTENED * self.found_own_sd**2) + self.found_own_sd * easily)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseTable:
    """How a detector sees.

    Attributes:
        light, weather: added to the logits of being found and of confidence.
        hidden: added in proportion to the share that is hidden.
        memory_s: misses of one thing hang together for so long.
        edge_memory: share of an edge's variance that hangs together, for `edge_memory_s`.
        least_edge_px: no edge is steadier than this.
        false_sure: logit of the confidence of boxes where nothing is, and its spread.
        false_s: how long such a box lasts in the mean; `false_stays` of them last `false_stays_s`.
    """

    classes: Mapping[Kind, ClassNoise]
    light: Mapping[Light, float]
    weather: Mapping[Weather, float]
    hidden: float = -3.5
    memory_s: float = 0.5
    edge_memory: float = 0.7
    edge_memory_s: float = 4.0
    least_edge_px: float = 0.5
    false_sure: tuple[float, float] = (-0.9, 0.5)
    false_s: float = 0.25
    false_stays: float = 0.03
    false_stays_s: float = 6.0


PLAUSIBLE: Final = NoiseTable(
    classes=MappingProxyType(
        {
            Kind.PERSON: ClassNoise(found=1.6, found_slope=1.4, sure=0.6, sure_slope=0.5, false_per_1000=3.0),
            Kind.CAR: ClassNoise(
                found=2.2, found_slope=1.4, sure=1.1, sure_slope=0.5, edge_share=0.025, mistaken_for=Kind.VAN,
                mistaken=0.03, false_per_1000=1.5,
            ),
            Kind.VAN: ClassNoise(
                found=2.0, found_slope=1.4, sure=0.9, sure_slope=0.5, edge_share=0.025, mistaken_for=Kind.CAR,
                mistaken=0.06, false_per_1000=0.7,
            ),
            Kind.BICYCLE: ClassNoise(
                found=1.2, found_slope=1.3, sure=0.3, sure_slope=0.5, edge_share=0.035, mistaken_for=Kind.E_BIKE,
                mistaken=0.12, false_per_1000=2.0,
            ),
            Kind.E_BIKE: ClassNoise(
                found=1.4, found_slope=1.3, sure=0.4, sure_slope=0.5, edge_share=0.035, mistaken_for=Kind.BICYCLE,
                mistaken=0.08, false_per_1000=2.0,
            ),
            Kind.STALL: ClassNoise(found=1.8, found_slope=1.2, sure=0.7, sure_slope=0.5, false_per_1000=0.4),
            Kind.RUBBISH_BAG: ClassNoise(
                found=0.9, found_slope=1.4, sure=0.1, sure_slope=0.5, edge_share=0.035, false_per_1000=2.5,
                mistaken_for=Kind.PILED_GOODS, mistaken=0.01,
            ),
            Kind.OVERFLOWING_BIN: ClassNoise(
                found=1.2, found_slope=1.3, sure=0.3, sure_slope=0.5, mistaken_for=Kind.BIN, mistaken=0.06,
                false_per_1000=0.6,
            ),
            Kind.BIN: ClassNoise(
                found=1.2, found_slope=1.3, sure=0.3, sure_slope=0.5, mistaken_for=Kind.OVERFLOWING_BIN,
                mistaken=0.03, false_per_1000=1.2,
            ),
            Kind.PILED_GOODS: ClassNoise(
                found=1.1, found_slope=1.3, sure=0.2, sure_slope=0.5, edge_share=0.035, false_per_1000=1.0,
                mistaken_for=Kind.RUBBISH_BAG, mistaken=0.01,
            ),
            Kind.FLOATING_RUBBISH: ClassNoise(
                found=0.9, found_slope=1.3, sure=0.1, sure_slope=0.5, edge_share=0.045, false_per_1000=1.0,
            ),
            Kind.FIRE: ClassNoise(
                found=1.4, found_slope=1.2, sure=0.6, sure_slope=0.4, edge_share=0.06, false_per_1000=0.5
            ),
        }
    ),
    light=MappingProxyType({Light.DAY: 0.0, Light.DUSK: -0.25, Light.NIGHT: -0.7}),
    weather=MappingProxyType({Weather.CLEAR: 0.0, Weather.RAIN: -0.4, Weather.FOG: -0.6}),
)  # fmt: skip


UNFITTED: Final = ClassNoise(found=1.4, found_slope=1.3, sure=0.4, sure_slope=0.5, edge_share=0.045)
"""Of what the district's detector does not know, so that nothing was fitted: a site's own weights, as sure as most."""


@dataclass(slots=True)
class _Habit:
    """What hangs together in how one thing is seen: its luck, where its edges are put, and how it looks to a detector.

    `easily` it is found, and how `surely`: its own, from first to last.
    """

    at_s: float
    luck: float
    edges: Floats
    easily: float
    surely: float


@dataclass(slots=True)
class _Ghost:
    """A box where nothing is."""

    ends_s: float
    kind: Kind
    box_px: Floats
    sure: float


class NoisyEyes:
    """One camera's detector: asked frame by frame, in order of time.

    Args:
        stage: where false boxes may stand.
        conditions: light and weather.
        table: how well it sees.
        draw: source of chance.
    """

    def __init__(self, stage: Stage, conditions: Conditions, *, table: NoiseTable, draw: np.random.Generator) -> None:
        self._table, self._draw = table, draw
        self._lens = Lens(stage.pose)
        self._size_px = stage.pose.size_px
        self._shift = table.light[conditions.light] + table.weather[conditions.weather]
        self._habits: dict[int, _Habit] = {}
        self._ghosts: list[_Ghost] = []

    def look(self, seen: Sequence[SeenThing], *, at_s: float) -> Detections:
        """Return what the detector says of a frame, most confident first."""
        found = [each for thing in seen if (each := self._take(thing, at_s)) is not None]
        found += self._false(at_s)
        if not found:
            return Detections.empty(CLASS_NAMES)
        found.sort(key=lambda each: -each[2])
        width, height = self._size_px
        boxes = np.clip(np.array([each[1] for each in found]), 0.0, [width, height, width, height])
        return Detections(
            boxes_px=boxes.astype(np.float32),
            confidence=np.array([each[2] for each in found], np.float32),
            class_ids=np.array([KINDS.index(each[0]) for each in found], np.int32),
            class_names=CLASS_NAMES,
        )

    def _take(self, thing: SeenThing, at_s: float) -> tuple[Kind, Floats, float] | None:
        noise, table = self._table.classes.get(thing.kind, UNFITTED), self._table
        box = np.array(thing.box_px)
        width, height = box[2] - box[0], box[3] - box[1]
        doublings = math.log2(max(min(width, height), 1.0) / MIDDLE_PX)
        shift = self._shift + table.hidden * (1.0 - thing.visible_share)
        habit = self._habit(thing.actor, at_s)
        chance = noise.chance(noise.found + noise.found_slope * doublings + shift, easily=habit.easily)
        if _below(habit.luck) >= chance:
            return None
        luck = math.sqrt(noise.sure_own) * habit.surely + math.sqrt(1.0 - noise.sure_own) * float(self._draw.normal())
        sure = noise.sure + noise.sure_slope * doublings + 0.6 * shift + noise.sure_sd * luck
        confidence = min(0.98, logistic(sure))
        if confidence < FAINTEST:
            return None
        spread = max(table.least_edge_px, noise.edge_share * math.sqrt(width * height))
        fresh = self._draw.normal(size=4)
        box += spread * (math.sqrt(table.edge_memory) * habit.edges + math.sqrt(1.0 - table.edge_memory) * fresh)
        box[2:] = np.maximum(box[2:], box[:2] + 1.0)
        mistaken = noise.mistaken_for is not None and float(self._draw.random()) < noise.mistaken
        kind = noise.mistaken_for if mistaken and noise.mistaken_for is not None else thing.kind
        return kind, box, confidence

    def _habit(self, actor: int, at_s: float) -> _Habit:
        """Return how one thing is seen now: as a moment ago, drifting as time passes (Ornstein and Uhlenbeck)."""
        known = self._habits.get(actor)
        if known is None:
            if len(self._habits) >= _REMEMBERED:
                self._habits.clear()
            luck, easily, surely = self._draw.normal(size=3).tolist()
            known = _Habit(at_s, luck, self._draw.normal(size=4), easily, surely)
            self._habits[actor] = known
            return known
        passed_s = max(0.0, at_s - known.at_s)
        keeps = math.exp(-passed_s / self._table.memory_s)
        known.luck = keeps * known.luck + math.sqrt(1.0 - keeps**2) * float(self._draw.normal())
        keeps = math.exp(-passed_s / self._table.edge_memory_s)
        known.edges = keeps * known.edges + math.sqrt(1.0 - keeps**2) * self._draw.normal(size=4)
        known.at_s = at_s
        return known

    def _false(self, at_s: float) -> list[tuple[Kind, Floats, float]]:
        table = self._table
        self._ghosts = [ghost for ghost in self._ghosts if ghost.ends_s > at_s]
        chances = np.array([table.classes[kind].false_per_1000 / 1000.0 for kind in LEARNED])
        for row in np.flatnonzero(self._draw.random(len(LEARNED)) < chances).tolist():
            stays = float(self._draw.random()) < table.false_stays
            lasts_s = float(self._draw.exponential(table.false_stays_s if stays else table.false_s))
            box = self._somewhere()
            if box is not None:
                middle, spread = table.false_sure
                sure = middle + spread * float(self._draw.normal())
                self._ghosts.append(_Ghost(at_s + lasts_s, LEARNED[row], box, sure))
        return [
            (
                ghost.kind,
                ghost.box_px + self._draw.normal(0.0, 1.0, 4),
                logistic(ghost.sure + 0.3 * self._draw.normal()),
            )
            for ghost in self._ghosts
        ]

    def _somewhere(self) -> Floats | None:
        """Return a box on the ground somewhere in the lower two thirds of the picture, None in a bad place."""
        width, height = self._size_px
        pixel = np.array([[self._draw.uniform(0.05, 0.95) * width, self._draw.uniform(0.35, 0.98) * height]])
        foot = self._lens.to_ground(pixel)[0]
        if not np.isfinite(foot).all() or float(np.hypot(*foot)) > 60.0:  # noqa: PLR2004 - farther off nothing is found
            return None
        tall = float(self._draw.uniform(0.6, 1.8))
        top, _ = self._lens.project(np.array([[foot[0], foot[1], tall]]))
        high = max(6.0, float(pixel[0, 1] - top[0, 1]))
        wide = high * float(self._draw.uniform(0.5, 1.6)) / 2
        u, v = pixel[0]
        return np.array([u - wide, v - high, u + wide, v])


def logistic(value: float) -> float:
    """Return 1 / (1 + exp(-value))."""
    return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, value))))


def _below(normal: float) -> float:
    """Return the share of a standard normal distribution below a value."""
    return 0.5 * (1.0 + math.erf(normal / math.sqrt(2.0)))
