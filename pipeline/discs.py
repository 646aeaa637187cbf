"""Discs: which points lie together within a radius. Pure geometry in metres on a plane; no time."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating[Any]]
MOST_POINTS: Final = 200
_SLACK_M: Final = 1e-9


def disc_centres(points_m: Points, radius_m: float) -> NDArray[np.float64]:
    """Return centres (k, 2) among which is one of a disc that covers as many of the points (n, 2) as any can.

    A fullest disc can be moved until two of its points lie on its rim or one lies in its middle, so it is enough to try
    each point and the two centres of each pair.
    """
    points = np.asarray(points_m, np.float64).reshape(-1, 2)
    first, second = np.triu_indices(len(points), 1)
    way = points[second] - points[first]
    length = np.linalg.norm(way, axis=1)
    near = (length > _SLACK_M) & (length <= 2 * radius_m)
    way, length, middle = way[near], length[near], (points[first] + points[second])[near] / 2
    aside = np.sqrt(np.maximum(radius_m**2 - length**2 / 4, 0.0)) / length
    turned = np.column_stack([-way[:, 1], way[:, 0]]) * aside[:, None]
    return np.concatenate([points, middle + turned, middle - turned])


def disc_members(points_m: Points, radius_m: float) -> NDArray[np.bool_]:
    """Return which of the points (n, 2) each candidate disc covers, bool (k, n); an endless radius covers all."""
    points = np.asarray(points_m, np.float64).reshape(-1, 2)
    if not np.isfinite(radius_m):
        return np.ones((1, len(points)), bool)
    away = np.linalg.norm(disc_centres(points, radius_m)[:, None] - points[None], axis=2)
    return np.asarray(away <= radius_m + _SLACK_M)


def fullest(
    points_m: Points, radius_m: float, *, near_m: tuple[float, float] | None = None, within_m: float = np.inf
) -> NDArray[np.intp]:
    """Return the rows of the points of a fullest disc, empty if there is none.

    Of several, it is the one whose members' mean is nearest to `near_m`, so that a group stays what it was; without
    that the one whose members stand closest together.

    Args:
        points_m: (n, 2) metres; beyond 200 points the rest is not looked at.
        radius_m: of the disc.
        near_m: only discs whose members' mean lies within `within_m` of this place.
        within_m: see above.
    """
    points = np.asarray(points_m, np.float64).reshape(-1, 2)[:MOST_POINTS]
    if not len(points):
        return np.zeros(0, np.intp)
    covers = disc_members(points, radius_m)
    counts = covers.sum(axis=1)
    means = covers.astype(np.float64) @ points / np.maximum(counts, 1)[:, None]
    if near_m is not None:
        counts = np.where(np.linalg.norm(means - np.array(near_m), axis=1) <= within_m, counts, 0)
    best = np.flatnonzero(counts == counts.max())
    if counts[best[0]] == 0:
        return np.zeros(0, np.intp)
    if near_m is not None:
        rank = np.linalg.norm(means[best] - np.array(near_m), axis=1)
    else:
        rank = np.array([((points[covers[k]] - means[k]) ** 2).sum() for k in best])
    return np.flatnonzero(covers[best[int(np.argmin(rank))]])


def separate(points_m: Points, radius_m: float, least: int) -> Iterator[NDArray[np.intp]]:
    """Yield disjoint groups of at least so many points, the fullest first, each within a disc."""
    points = np.asarray(points_m, np.float64).reshape(-1, 2)
    left = np.arange(len(points))
    while len(left) >= least:
        rows = fullest(points[left], radius_m)
        if len(rows) < least:
            return
        yield left[rows]
        left = np.delete(left, rows)
