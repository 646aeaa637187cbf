"""Average precision of boxes against truth, at one overlap; small truths neither count nor blame.

Matching is Everingham et al.'s (PASCAL VOC, 2010): the most confident box first, each to the free truth of its class
that it overlaps most; the area under precision made to fall with recall, at every recall, not at eleven points. Truths
below a size are treated as COCO treats those outside a range: a box on one is left out, and so is a box of that size
that is on nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.boxes import areas, intersections
from models.detections import Detections

OVERLAP: Final = 0.5

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truths:
    """What a picture shows.

    Attributes:
        boxes_px: float32 (n, 4), left, top, right, bottom.
        class_ids: int32 (n,).
    """

    boxes_px: Floats
    class_ids: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """How well one class is found.

    Attributes:
        precision: average precision, 0 to 1; None where no truth counts.
        truths: how many truths count.
    """

    precision: float | None
    truths: int


@dataclass(slots=True)
class Scorer:
    """Gathers pictures and says how well each class is found in all of them.

    Attributes:
        least_px: truths and stray boxes with a shorter side below this are left out.
    """

    least_px: float
    _found: dict[int, list[tuple[float, bool]]] = field(default_factory=dict)
    _truths: dict[int, int] = field(default_factory=dict)

    def add(self, detections: Detections, truths: Truths) -> None:
        """Take in one picture."""
        for kind in np.unique(np.concatenate([detections.class_ids, truths.class_ids])).tolist():
            mine = detections.class_ids == kind
            real = truths.boxes_px[truths.class_ids == kind]
            counts = _short(real) >= self.least_px
            order = np.argsort(-detections.confidence[mine], kind="stable")
            boxes = detections.boxes_px[mine][order]
            verdicts = _judge(boxes, real, counts, small=_short(boxes) < self.least_px)
            rows = zip(detections.confidence[mine][order].tolist(), verdicts, strict=True)
            self._found.setdefault(kind, []).extend((sure, hit) for sure, hit in rows if hit is not None)
            self._truths[kind] = self._truths.get(kind, 0) + int(counts.sum())

    def by_class(self, names: Mapping[int, str]) -> dict[str, ClassScore]:
        """Return the score of every class by its name."""
        return {name: self._score(kind) for kind, name in sorted(names.items())}

    def _score(self, kind: int) -> ClassScore:
        found, truths = self._found.get(kind, []), self._truths.get(kind, 0)
        if not truths:
            return ClassScore(precision=None, truths=0)
        confidence = np.array([sure for sure, _ in found], np.float64)
        hits = np.array([hit for _, hit in found], bool)
        return ClassScore(precision=average_precision(confidence, hits, truths=truths), truths=truths)


def mean_precision(scores: Mapping[str, ClassScore]) -> float | None:
    """Return the mean over the classes that occur, None if none does."""
    known = [score.precision for score in scores.values() if score.precision is not None]
    return sum(known) / len(known) if known else None


def average_precision(confidence: NDArray[np.float64], hits: NDArray[np.bool_], *, truths: int) -> float:
    """Return the area under precision over recall.

    Args:
        confidence: (n,) of boxes; of equals, the one given first goes first.
        hits: (n,) whether each is on a truth of its own.
        truths: how many there are, 1 or more.
    """
    if not len(hits):
        return 0.0
    good = np.cumsum(hits[np.argsort(-confidence, kind="stable")])
    precision = good / np.arange(1, len(good) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(good, prepend=0) / truths
    return float((falling * steps).sum())


def _judge(
    boxes: Floats, real: Floats, counts: NDArray[np.bool_], *, small: NDArray[np.bool_]
) -> Sequence[bool | None]:
    """Return for each box, surest first, whether it hits; None if it is left out."""
    overlaps = _overlaps(boxes, real)
    free = np.ones(len(real), bool)
    verdicts: list[bool | None] = []
    for row in range(len(boxes)):
        able = free & counts & (overlaps[row] >= OVERLAP)
        if able.any():
            free[int(np.argmax(np.where(able, overlaps[row], -1.0)))] = False
            verdicts.append(True)
        elif small[row] or (~counts & (overlaps[row] >= OVERLAP)).any():
            verdicts.append(None)
        else:
            verdicts.append(False)
    return verdicts


def _overlaps(boxes: Floats, real: Floats) -> NDArray[np.float64]:
    """Return (n, m) intersection over union."""
    shared = intersections(boxes, real).astype(np.float64)
    union = areas(boxes)[:, None] + areas(real)[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


def _short(boxes: Floats) -> Floats:
    """Return (n,) the shorter sides."""
    return np.asarray(np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]), np.float32)
