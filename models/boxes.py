"""Arithmetic on boxes: overlap, suppression, clipping. Boxes are (n, 4) left, top, right, bottom in pixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.floating[Any]]


def areas(boxes: Boxes) -> Boxes:
    """Return the area of each box in square pixels, (n,)."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def intersections(a: Boxes, b: Boxes) -> Boxes:
    """Return the area that each box of a (n, 4) shares with each of b (m, 4), in square pixels, (n, m)."""
    left_top = np.maximum(a[:, None, :2], b[None, :, :2])
    right_bottom = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(right_bottom - left_top, 0, None)
    return np.asarray(shared[..., 0] * shared[..., 1])


def iou(a: Boxes, b: Boxes) -> Boxes:
    """Return intersection over union of each box of a (n, 4) with each of b (m, 4), (n, m); 0 for two empty boxes."""
    shared = intersections(a, b)
    union = areas(a)[:, None] + areas(b)[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def centre_to_corners(centred: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn (n, 4) centre x, centre y, width, height into left, top, right, bottom."""
    half = centred[:, 2:] / 2
    return np.concatenate([centred[:, :2] - half, centred[:, :2] + half], axis=1)


def suppress(
    boxes: NDArray[np.float32],
    confidence: NDArray[np.float32],
    *,
    class_ids: NDArray[np.integer[Any]],
    most_iou: float,
    most_boxes: int,
) -> NDArray[np.intp]:
    """Return the indices that greedy suppression within each class keeps, most confident first.

    Args:
        boxes: float32 (n, 4).
        confidence: float32 (n,).
        class_ids: int (n,); boxes of different classes never suppress one another.
        most_iou: A box that overlaps a kept one of its class by more than this is dropped.
        most_boxes: At most so many are kept.
    """
    order = np.argsort(-confidence, kind="stable")
    size = areas(boxes)
    kept: list[int] = []
    while order.size and len(kept) < most_boxes:
        first, rest = int(order[0]), order[1:]
        kept.append(first)
        shared = intersections(boxes[first : first + 1], boxes[rest])[0]
        union = size[first] + size[rest] - shared
        order = rest[(shared <= most_iou * union) | (class_ids[rest] != class_ids[first])]
    return np.asarray(kept, np.intp)
