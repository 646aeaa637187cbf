"""Fitting: the numbers of a noise table from pairs of true boxes and what a detector said of them.

Chances are logistic regressions by Newton's method with a weak pull towards the table that one starts from, so that a
class which was hardly seen keeps its old numbers; spreads are robust (1.4826 times the median absolute deviation).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from models.boxes import iou
from models.detections import Detections
from pipeline.camera_pipeline import FAINT
from pipeline.district.noise import MIDDLE_PX, ClassNoise, NoiseTable
from pipeline.district.stage import Conditions, Kind, Light, SeenThing, Weather

Floats = NDArray[np.float64]
SAME: Final = 0.4  # overlap from which a box is about a thing
TOUCH: Final = 0.05
LEAST: Final = 30  # fewer than this say nothing of a spread
_FREE: Final = 0.9
_PULL: Final = (0.05, 4.0)  # of the table's own numbers, as inverses of variances: level, slope by size
_ROUNDS: Final = 25
_MAD: Final = 1.4826
_EDGES_FROM_PX: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePair:
    """One frame: what is there, and what the detector said."""

    camera: str
    at_s: float
    conditions: Conditions
    seen: tuple[SeenThing, ...]
    found: Detections


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One thing in one frame, and what was said of it; `said` is None where it was missed."""

    thing: SeenThing
    conditions: Conditions
    said: str | None
    confidence: float
    edges: Floats | None
    key: tuple[str, int]
    at_s: float

    @property
    def doublings(self) -> float:
        left, top, right, bottom = self.thing.box_px
        return math.log2(max(min(right - left, bottom - top), 1.0) / MIDDLE_PX)


def fit_noise(pairs: Sequence[FramePair], *, start: NoiseTable) -> NoiseTable:
    """Return the table that fits pairs of true boxes and detections, beginning from another one.

    Args:
        pairs: frames of any cameras, those of one camera in order of time.
        start: what a class or condition that hardly occurs keeps; memory of misses and of false boxes stay as there.
    """
    looks, stray = _looks(pairs)
    table = replace(start, hidden=_fit_hidden(looks, start), false_sure=_false_sure(stray, start))
    false = Counter(each.name for each in stray)
    classes = dict(table.classes)
    frames = max(len(pairs), 1)
    for kind in Kind:
        mine = [look for look in looks if look.thing.kind is kind]
        classes[kind] = _fit_class(kind, mine, table, false_per_1000=1000.0 * false.get(kind.value, 0) / frames)
    table = replace(table, classes=MappingProxyType(classes))
    table = replace(
        table,
        light=MappingProxyType({each: _fit_light(looks, table, each) for each in Light}),
        weather=MappingProxyType({each: _fit_weather(looks, table, each) for each in Weather}),
    )
    return replace(table, edge_memory=_edge_memory(looks, table))


class _Stray(NamedTuple):
    """A box that began where nothing is."""

    name: str
    confidence: float


def _false_sure(stray: Sequence[_Stray], start: NoiseTable) -> tuple[float, float]:
    """Return the middle and the spread of the logits of confidence of boxes where nothing is."""
    if len(stray) < LEAST:
        return start.false_sure
    logits = np.array([_logit(each.confidence) for each in stray])
    return float(np.median(logits)), _robust(logits)


def _looks(pairs: Sequence[FramePair]) -> tuple[list[_Look], list[_Stray]]:
    """Return what was said of each thing, and the boxes that began where nothing is."""
    looks: list[_Look] = []
    stray: list[_Stray] = []
    before: dict[str, Floats] = {}
    for pair in pairs:
        owners = _owners(pair)
        for row, thing in enumerate(pair.seen):
            looks.append(_look(pair, thing, owners.get(row)))
        rest = _on_nothing(pair, set(owners.values()))
        boxes = pair.found.boxes_px[rest].astype(np.float64).reshape(-1, 4)
        last = before.get(pair.camera, np.zeros((0, 4)))
        new = ~(iou(boxes, last) > SAME).any(axis=1)
        for index, is_new in zip(rest, np.atleast_1d(new).tolist(), strict=True):
            if is_new:
                name = pair.found.class_names[int(pair.found.class_ids[index])]
                stray.append(_Stray(name, float(pair.found.confidence[index])))
        before[pair.camera] = boxes
    return looks, stray


def _on_nothing(pair: FramePair, owned: set[int]) -> list[int]:
    """Return which detections, faint ones aside, touch nothing that is there; second boxes of a thing are not stray."""
    things = np.array([thing.box_px for thing in pair.seen]).reshape(-1, 4)
    touches = np.asarray(iou(pair.found.boxes_px.astype(np.float64), things).max(axis=1, initial=0.0) > TOUCH)
    sure = pair.found.confidence >= FAINT
    return [index for index in range(len(pair.found)) if index not in owned and sure[index] and not touches[index]]


def _owners(pair: FramePair) -> dict[int, int]:
    """Return which detection (by index) is about which thing (by row)."""
    if not pair.seen or not len(pair.found):
        return {}
    true = np.array([thing.box_px for thing in pair.seen])
    shared = iou(true, pair.found.boxes_px.astype(np.float64))
    names = pair.found.names()
    other = np.array([[thing.kind.value != name for name in names] for thing in pair.seen])
    rows, columns = linear_sum_assignment(1.0 - shared + 0.2 * other)
    both = zip(rows.tolist(), columns.tolist(), strict=True)
    return {row: column for row, column in both if shared[row, column] >= SAME}


def _look(pair: FramePair, thing: SeenThing, index: int | None) -> _Look:
    left, top, right, bottom = thing.box_px
    size = math.sqrt(max((right - left) * (bottom - top), 1.0))
    said, confidence, edges = None, 0.0, None
    if index is not None:
        said = pair.found.class_names[int(pair.found.class_ids[index])]
        confidence = float(pair.found.confidence[index])
        edges = (pair.found.boxes_px[index].astype(np.float64) - np.array(thing.box_px)) / size
    return _Look(
        thing=thing,
        conditions=pair.conditions,
        said=said,
        confidence=confidence,
        edges=edges,
        key=(pair.camera, thing.actor),
        at_s=pair.at_s,
    )


def _shift(look: _Look, table: NoiseTable) -> float:
    conditions = table.light[look.conditions.light] + table.weather[look.conditions.weather]
    return conditions + table.hidden * (1.0 - look.thing.visible_share)


def _fit_class(kind: Kind, looks: Sequence[_Look], table: NoiseTable, *, false_per_1000: float) -> ClassNoise:
    """Return a class's numbers, from looks by clear day if there are enough, else from all with the known shifts."""
    before = replace(table.classes[kind], false_per_1000=false_per_1000)
    clear = [look for look in looks if look.conditions.light is Light.DAY and look.conditions.weather is Weather.CLEAR]
    used = clear if len(clear) >= LEAST else looks
    if len(used) < LEAST:
        return before
    features = np.array([(1.0, look.doublings) for look in used])
    offsets = np.array([_shift(look, table) for look in used])
    hits = np.array([look.said is not None for look in used], np.float64)
    found, slope = _logistic_fit(features, hits, offsets, np.array([before.found, before.found_slope]))
    return _fit_boxes(replace(before, found=found, found_slope=slope), used, table)


def _fit_boxes(before: ClassNoise, looks: Sequence[_Look], table: NoiseTable) -> ClassNoise:
    """Return a class's numbers with those of confidence, edges and confusion."""
    hit = [look for look in looks if look.said is not None]
    if len(hit) < LEAST:
        return before
    logits = np.array([_logit(look.confidence) - 0.6 * _shift(look, table) for look in hit])
    features = np.array([(1.0, look.doublings) for look in hit])
    held = np.diag([0.0, _PULL[1] * len(hit) ** 0.5])
    start = np.array([0.0, before.sure_slope])
    sure, slope = np.linalg.solve(features.T @ features + held, features.T @ logits + held @ start)
    spread = _robust(logits - features @ np.array([sure, slope]))
    edges = [look.edges for look in hit if look.edges is not None and _clean(look)]
    others = [look.said for look in hit if look.said != look.thing.kind.value]
    taken_for = max(set(others), key=others.count) if others else None
    return replace(
        before,
        sure=float(sure),
        sure_slope=float(slope),
        sure_sd=spread,
        edge_share=_robust(np.array(edges) - np.median(edges, axis=0)) if len(edges) >= LEAST else before.edge_share,
        mistaken_for=Kind(taken_for) if taken_for is not None else None,
        mistaken=len(others) / len(hit),
    )


def _clean(look: _Look) -> bool:
    """Tell whether a look says something of edges: nothing hides the thing, and it is not small."""
    left, top, right, bottom = look.thing.box_px
    return look.thing.visible_share >= _FREE and min(right - left, bottom - top) >= _EDGES_FROM_PX


def _fit_hidden(looks: Sequence[_Look], table: NoiseTable) -> float:
    """Return what being hidden adds, fitted to all looks with a size's effect as the table has it."""
    if len(looks) < LEAST:
        return table.hidden
    features = np.array([[1.0 - look.thing.visible_share, 1.0] for look in looks])
    blind = replace(table, hidden=0.0)
    offsets = np.array([_shift(look, blind) + _alone(look, table) for look in looks])
    hits = np.array([look.said is not None for look in looks], np.float64)
    return _logistic_fit(features, hits, offsets, np.array([table.hidden, 0.0]))[0]


def _fit_light(looks: Sequence[_Look], table: NoiseTable, light: Light) -> float:
    """Return what a light adds, from the looks by clear weather; day adds nothing."""
    mine = [each for each in looks if each.conditions.light is light and each.conditions.weather is Weather.CLEAR]
    return 0.0 if light is Light.DAY else _fit_shift(mine, table, table.light[light])


def _fit_weather(looks: Sequence[_Look], table: NoiseTable, weather: Weather) -> float:
    """Return what a weather adds, from the looks by day; clear weather adds nothing."""
    mine = [each for each in looks if each.conditions.weather is weather and each.conditions.light is Light.DAY]
    return 0.0 if weather is Weather.CLEAR else _fit_shift(mine, table, table.weather[weather])


def _fit_shift(looks: Sequence[_Look], table: NoiseTable, before: float) -> float:
    if len(looks) < LEAST:
        return before
    hits = np.array([look.said is not None for look in looks], np.float64)
    offsets = np.array([table.hidden * (1.0 - look.thing.visible_share) + _alone(look, table) for look in looks])
    return _logistic_fit(np.ones((len(looks), 1)), hits, offsets, np.array([before]))[0]


def _alone(look: _Look, table: NoiseTable) -> float:
    noise = table.classes[look.thing.kind]
    return noise.found + noise.found_slope * look.doublings


def _edge_memory(looks: Sequence[_Look], table: NoiseTable) -> float:
    """Return the share of an edge's variance that lasts: the correlation of one thing's edges in two frames."""
    pairs: list[tuple[Floats, Floats]] = []
    gaps: list[float] = []
    last: dict[tuple[str, int], _Look] = {}
    for look in looks:
        if look.edges is None or not _clean(look):
            continue
        before = last.get(look.key)
        if before is not None and before.edges is not None:
            pairs.append((before.edges, look.edges))
            gaps.append(look.at_s - before.at_s)
        last[look.key] = look
    if len(pairs) < LEAST:
        return table.edge_memory
    a, b = (np.concatenate(side) for side in zip(*pairs, strict=True))
    correlation = float(np.corrcoef(a, b)[0, 1])
    kept = math.exp(-float(np.median(gaps)) / table.edge_memory_s)
    return min(1.0, max(0.0, correlation / kept))


def _logistic_fit(features: Floats, hits: Floats, offsets: Floats, start: Floats) -> list[float]:
    """Return the weights of a logistic regression with known offsets, pulled weakly towards a start (Newton)."""
    weights = start.astype(np.float64).copy()
    pull = np.array((*_PULL, 0.0)[: len(weights)])
    for _ in range(_ROUNDS):
        chances = 1.0 / (1.0 + np.exp(-np.clip(features @ weights + offsets, -30.0, 30.0)))
        slope = features.T @ (hits - chances) - pull * (weights - start)
        bend = (features * (chances * (1.0 - chances))[:, None]).T @ features + np.diag(pull)
        step = np.linalg.solve(bend, slope)
        weights += np.clip(step, -2.0, 2.0)
        if float(np.abs(step).max()) < 1e-9:  # noqa: PLR2004 - it stands still
            break
    return [float(weight) for weight in weights]


def _robust(values: Floats) -> float:
    return float(_MAD * np.median(np.abs(values - np.median(values))))


def _logit(share: float) -> float:
    held = min(0.999, max(0.001, share))
    return math.log(held / (1.0 - held))
