"""Fitting: the numbers of a noise table from pairs of true boxes and what a detector said of them.

Chances are logistic regressions by Newton's method with a weak pull towards the table that one starts from, so that a
class which was hardly seen keeps its old numbers; spreads are robust (1.4826 times the median absolute deviation).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment, minimize_scalar

from models.boxes import iou
from models.detections import Detections
from pipeline.camera_pipeline import FAINT
from pipeline.district.noise import FLATTENED, MIDDLE_PX, ClassNoise, NoiseTable
from pipeline.district.stage import LEARNED, Conditions, Kind, Light, SeenThing, Weather

Floats = NDArray[np.float64]
SAME: Final = 0.4  # overlap from which a box is about a thing
TOUCH: Final = 0.05
LEAST: Final = 30  # fewer than this say nothing of a spread
_FREE: Final = 0.9
_PULL: Final = (0.05, 4.0)  # of the table's own numbers, as inverses of variances: level, slope by size
_CONDITION_PULL: Final = 4.0  # the same of a light or weather, of which there are few cameras
_WEIGHS: Final = 5.0
_TURNS: Final = 4
_OFTEN: Final = 4
_APART_S: Final = 4.0
_NODES: Final = 21
_MOST_OWN: Final = 4.0
_THINGS: Final = 12
_TINY: Final = 1e-12
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

    Frames of one thing tell much the same, so that all of them together weigh no more than a few.

    Args:
        pairs: frames of any cameras, those of one camera in order of time.
        start: what a class or condition that hardly occurs keeps; memory of misses and of false boxes stay as there.
    """
    looks, stray = _looks(pairs)
    by_kind = {kind: [look for look in looks if look.thing.kind is kind] for kind in LEARNED}
    table = replace(start, false_sure=_false_sure(stray, start))
    false = Counter(each.name for each in stray)
    frames = max(len(pairs), 1)
    for _ in range(_TURNS):  # each part is fitted with the others as they are
        table = replace(table, hidden=_fit_hidden(looks, table, start))
        table = _fit_conditions(looks, table, start)
        classes = {
            kind: _fit_class(
                mine,
                table,
                replace(start.classes[kind], false_per_1000=1000.0 * false.get(kind.value, 0) / frames),
            )
            for kind, mine in by_kind.items()
        }
        table = replace(table, classes=MappingProxyType(classes))
    return replace(table, classes=_with_own(looks, by_kind, table), edge_memory=_edge_memory(looks, table))


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
        looks += [
            _look(pair, thing, owners.get(row))
            for row, thing in enumerate(pair.seen)
            if row not in owners or not _of_another(pair, row, owners[row])
        ]
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


def _of_another(pair: FramePair, row: int, index: int) -> bool:
    """Tell whether a detection is about a thing of its own class beside or in this one, as a fire is in its bin."""
    name = pair.found.class_names[int(pair.found.class_ids[index])]
    if pair.seen[row].kind.value == name:
        return False
    others = np.array([each.box_px for each in pair.seen if each.kind.value == name]).reshape(-1, 4)
    return bool((iou(pair.found.boxes_px[[index]].astype(np.float64), others) > TOUCH).any())


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


def _fit_class(looks: Sequence[_Look], table: NoiseTable, before: ClassNoise) -> ClassNoise:
    """Return a class's numbers, from all looks with the known shifts; those of before where there are too few."""
    if len(looks) < LEAST:
        return before
    features = np.array([(1.0, look.doublings) for look in looks])
    offsets = np.array([_shift(look, table) for look in looks])
    start = np.array([before.found, before.found_slope])
    found, slope = _logistic_fit(features, looks, offsets, start, pull=_PULL)
    return _fit_boxes(replace(before, found=found, found_slope=slope), looks, table)


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


def _fit_hidden(looks: Sequence[_Look], table: NoiseTable, start: NoiseTable) -> float:
    """Return what being hidden adds, fitted to all looks with a size's effect as the table has it."""
    if len(looks) < LEAST:
        return table.hidden
    features = np.array([[1.0 - look.thing.visible_share, 1.0] for look in looks])
    blind = replace(table, hidden=0.0)
    offsets = np.array([_shift(look, blind) + _alone(look, table) for look in looks])
    return _logistic_fit(features, looks, offsets, np.array([start.hidden, 0.0]), pull=(_PULL[0], 0.0))[0]


def _fit_conditions(looks: Sequence[_Look], table: NoiseTable, start: NoiseTable) -> NoiseTable:
    """Return the table with what light and weather add, both at once; day and clear weather add nothing."""
    lights = [each for each in Light if each is not Light.DAY]
    weathers = [each for each in Weather if each is not Weather.CLEAR]
    if len(looks) < LEAST:
        return table
    features = np.array(
        [
            [
                *(float(look.conditions.light is each) for each in lights),
                *(float(look.conditions.weather is each) for each in weathers),
            ]
            for look in looks
        ]
    )
    offsets = np.array([table.hidden * (1.0 - look.thing.visible_share) + _alone(look, table) for look in looks])
    before = np.array([*(start.light[each] for each in lights), *(start.weather[each] for each in weathers)])
    found = _logistic_fit(features, looks, offsets, before, pull=(_CONDITION_PULL,) * len(before))
    return replace(
        table,
        light=MappingProxyType({Light.DAY: 0.0, **dict(zip(lights, found, strict=False))}),
        weather=MappingProxyType({Weather.CLEAR: 0.0, **dict(zip(weathers, found[len(lights) :], strict=True))}),
    )


def _with_own(
    looks: Sequence[_Look], by_kind: Mapping[Kind, Sequence[_Look]], table: NoiseTable
) -> Mapping[Kind, ClassNoise]:
    """Return the classes with how far their things differ; where too few were seen, as all things do."""
    found, sure = _fit_own(looks, table), _sure_own(looks, table)
    classes = {}
    for kind, noise in table.classes.items():
        classes[kind] = replace(
            noise,
            found_own_sd=_first(_fit_own(by_kind[kind], table), found, noise.found_own_sd),
            sure_own=_first(_sure_own(by_kind[kind], table), sure, noise.sure_own),
        )
    return MappingProxyType(classes)


def _first(*numbers: float | None) -> float:
    return next(each for each in numbers if each is not None)


def _fit_own(looks: Sequence[_Look], table: NoiseTable) -> float | None:
    """Return how far things of one kind, size and light differ in how easily they are found, as likely as can be.

    Looks some seconds apart count as independent given the thing; the chance of a thing's hits is summed over how it
    may look (Gauss and Hermite's nodes). None where too few things were seen for long enough.
    """
    things: dict[tuple[str, int], list[_Look]] = {}
    for look in looks:
        mine = things.setdefault(look.key, [])
        if not mine or look.at_s - mine[-1].at_s >= _APART_S:
            mine.append(look)
    often = [mine for mine in things.values() if len(mine) >= _OFTEN]
    if len(often) < _THINGS:
        return None
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    logits = [np.array([_alone(look, table) + _shift(look, table) for look in mine]) for mine in often]
    hits = [np.array([look.said is not None for look in mine], bool) for mine in often]

    def unlikely(spread: float) -> float:
        factor = math.sqrt(1.0 + FLATTENED * spread**2)
        total = 0.0
        for mine, hit in zip(logits, hits, strict=True):
            chances = 1.0 / (1.0 + np.exp(-np.clip(mine[:, None] * factor + spread * nodes[None], -30.0, 30.0)))
            each = np.log(np.where(hit[:, None], chances, 1.0 - chances) + _TINY).sum(axis=0)
            total -= float(np.log(np.exp(each - each.max()) @ weights) + each.max())
        return total

    return float(minimize_scalar(unlikely, bounds=(0.0, _MOST_OWN), method="bounded").x)


def _sure_own(looks: Sequence[_Look], table: NoiseTable) -> float | None:
    """Return the share of the confidence's variance that is one thing's own, between things over all (ANOVA).

    None where too few things were seen for long enough.
    """
    groups: dict[tuple[str, int], list[float]] = {}
    for look in looks:
        if look.said is not None:
            noise = table.classes[look.thing.kind]
            middle = noise.sure + noise.sure_slope * look.doublings + 0.6 * _shift(look, table)
            groups.setdefault(look.key, []).append((_logit(look.confidence) - middle) / max(noise.sure_sd, _TINY))
    often = [np.array(values) for values in groups.values() if len(values) >= _OFTEN]
    if len(often) < _THINGS:
        return None
    within = float(np.mean([values.var(ddof=1) for values in often]))
    between = float(np.var([values.mean() for values in often], ddof=1))
    between -= float(np.mean([values.var(ddof=1) / len(values) for values in often]))
    return min(1.0, max(0.0, between / max(between + within, _TINY)))


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


def _logistic_fit(
    features: Floats, looks: Sequence[_Look], offsets: Floats, start: Floats, *, pull: Sequence[float]
) -> list[float]:
    """Return the weights of a logistic regression of being found with known offsets, pulled towards a start (Newton).

    Args:
        features: (n, k), of each look.
        looks: what was found; all of one thing weigh as much as `_WEIGHS` at most.
        offsets: (n,) what is known of each logit.
        start: (k,) where the weights begin.
        pull: (k,) inverse of the variance with which each weight is taken to lie about its start.
    """
    hits = np.array([look.said is not None for look in looks], np.float64)
    of_thing = Counter(look.key for look in looks)
    counts = np.array([min(1.0, _WEIGHS / of_thing[look.key]) for look in looks])
    weights, held = start.astype(np.float64).copy(), np.array(pull, np.float64)
    for _ in range(_ROUNDS):
        chances = 1.0 / (1.0 + np.exp(-np.clip(features @ weights + offsets, -30.0, 30.0)))
        slope = features.T @ (counts * (hits - chances)) - held * (weights - start)
        bend = (features * (counts * chances * (1.0 - chances))[:, None]).T @ features + np.diag(held)
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
