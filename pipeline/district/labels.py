"""Exact boxes: what each thing shows in the image, and what it would show alone."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.district.display import Canvas
from pipeline.district.moving import Cast
from pipeline.district.shapes import Floats
from pipeline.district.stage import Placed, SeenThing
from pipeline.district.viewport import PLACES, SAMPLES, Viewport

Counts = NDArray[np.int64]
_HALF_STEP: Final = 0.125
_MOST_KNOWN: Final = 4096
_TILES_PX: Final = (192, 128, 96, 64, 48, 32)


def visible_boxes(owners: NDArray[np.int32], count: int) -> tuple[Floats, Counts]:
    """Return for things 1 to `count` the box of their samples, (count, 4) pixels, and how many there are.

    Args:
        owners: (samples, h, w) which thing each sample shows, 0 for none.
    """
    boxes = np.tile([np.inf, np.inf, -np.inf, -np.inf], (count, 1))
    for layer, (u, v) in zip(owners, PLACES, strict=True):
        for index, found in enumerate(ndimage.find_objects(layer, max_label=count)):
            if found is not None:
                rows, columns = found
                low = (columns.start + u - _HALF_STEP, rows.start + v - _HALF_STEP)
                high = (columns.stop - 1 + u + _HALF_STEP, rows.stop - 1 + v + _HALF_STEP)
                boxes[index, :2] = np.minimum(boxes[index, :2], low)
                boxes[index, 2:] = np.maximum(boxes[index, 2:], high)
    return boxes, np.bincount(owners.ravel(), minlength=count + 1)[1 : count + 1]


def full_boxes(pixels: Floats, first: Counts) -> Floats:
    """Return (n, 4) boxes of hull corners, whose rows begin at `first`."""
    return np.hstack([np.minimum.reduceat(pixels, first, axis=0), np.maximum.reduceat(pixels, first, axis=0)])


@dataclass(slots=True)
class Alone:
    """How many samples things would show alone in an endless image; remembers those that stand still."""

    canvas: Canvas
    viewport: Viewport
    known: dict[Placed, float] = field(default_factory=dict)

    def samples(self, cast: Cast, part: Counts, ideal: Floats) -> Floats:
        """Return the samples, (n,), of the things numbered `part`, whose ideal boxes are given."""
        missing = [row for row, index in enumerate(part.tolist()) if cast.placed[index] not in self.known]
        if len(self.known) > _MOST_KNOWN:
            self.known.clear()
            missing = list(range(len(part)))
        most = _most_tiles(self.viewport)
        for start in range(0, len(missing), most):
            rows = np.array(missing[start : start + most])
            counts = _tiled(cast, part[rows], ideal[rows], canvas=self.canvas, viewport=self.viewport)
            for index, count in zip(part[rows].tolist(), counts.tolist(), strict=True):
                self.known[cast.placed[index]] = count
        return np.array([self.known[cast.placed[index]] for index in part.tolist()], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """The things of a frame as drawn among themselves, before the backdrop hid any.

    Attributes:
        samples: (n,) of each.
        touching: (n, n) whether two things meet in the image; those that do not cannot hide each other.
    """

    samples: Counts
    touching: NDArray[np.bool_]


def touching_pairs(owners: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Return (count, count) which things, numbered from 1 in an image of owners, are neighbours somewhere."""
    result = np.zeros((count + 1, count + 1), dtype=bool)
    for one, other in ((owners[:, 1:], owners[:, :-1]), (owners[1:], owners[:-1])):
        edges = np.nonzero(one != other)
        result[one[edges], other[edges]] = True
    return (result | result.T)[1:, 1:]


def label(cast: Cast, owners: NDArray[np.int32], drawn: Drawn, *, alone: Alone) -> tuple[SeenThing, ...]:
    """Return what each thing shows.

    Args:
        owners: (samples, h, w) which thing each sample shows, counted from 1, 0 for the backdrop.
        drawn: what there was before the backdrop hid any of it.
        alone: knows what things would show alone.
    """
    if not cast.placed:
        return ()
    boxes, shown = visible_boxes(owners, len(cast.placed))
    lens = alone.viewport.lens
    ideal, bent, ahead_m, first = cast.hulls(lens)
    full = full_boxes(bent, first)
    whole = drawn.samples.astype(np.float64)
    width, height = lens.pose.size_px
    cut = (full[:, :2] < 0).any(axis=1) | (full[:, 2] > width) | (full[:, 3] > height)
    near_m, far_m = np.minimum.reduceat(ahead_m, first), np.maximum.reduceat(ahead_m, first)
    asked = np.flatnonzero((cut | (drawn.touching & (near_m[None, :] < far_m[:, None])).any(axis=1)) & (shown > 0))
    if len(asked):
        whole[asked] = alone.samples(cast, asked, full_boxes(ideal, first)[asked])
    return tuple(
        SeenThing(
            actor=thing.actor.id,
            kind=thing.actor.kind,
            box_px=_tuple(boxes[index]),
            full_box_px=_tuple(full[index]),
            visible_share=float(min(shown[index] / max(whole[index], 1.0), 1.0)),
        )
        for index, thing in enumerate(cast.placed)
        if shown[index]
    )


def _tuple(box: Floats) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2


def _most_tiles(viewport: Viewport) -> int:
    width, height = viewport.canvas_px
    return (width // _TILES_PX[-1]) * (height // _TILES_PX[-1])


def _tiled(cast: Cast, part: Counts, ideal: Floats, *, canvas: Canvas, viewport: Viewport) -> Floats:
    """Draw things each into a tile of its own and return the samples that they would show."""
    width, height = viewport.canvas_px
    tile = next(t for t in _TILES_PX if (width // t) * (height // t) >= len(part))
    columns, rows = width // tile, height // tile
    focal = viewport.canvas_focal_px
    spread = (ideal[:, 2:] - ideal[:, :2]).max(axis=1) * focal
    scale = np.minimum((tile - 4) / np.maximum(spread, 1e-6), 6.0)
    middle = (ideal[:, :2] + ideal[:, 2:]) / 2 * focal  # canvas pixels from the optical axis, v down
    index = np.arange(len(part))
    wanted = np.column_stack([(index % columns + 0.5) * tile - width / 2, (index // columns + 0.5) * tile - height / 2])
    shift = (wanted - middle * scale[:, None]) / (np.array([width, height]) / 2) * [1.0, -1.0]
    things = [(cast.models[i].mapper, cast.matrices[i], 1) for i in part.tolist()]
    tiles = [(float(s), float(x), float(y)) for s, (x, y) in zip(scale, shift, strict=True)]
    seen = canvas.draw(things, tiles=tiles)[: rows * tile, : columns * tile] > 0
    counts = seen.reshape(rows, tile, columns, tile).sum(axis=(1, 3)).ravel()[: len(part)]
    return np.asarray(counts / scale**2 * _stretch(viewport, ideal) * SAMPLES / 4.0)


def _stretch(viewport: Viewport, ideal: Floats) -> Floats:
    """Return how much larger distortion makes a small area at the middles of ideal boxes."""
    pose = viewport.lens.pose
    square = (((ideal[:, :2] + ideal[:, 2:]) / 2) ** 2).sum(axis=1)
    square = np.minimum(square, viewport.lens.widest**2)
    across = 1 + pose.k1 * square + pose.k2 * square**2
    outward = 1 + 3 * pose.k1 * square + 5 * pose.k2 * square**2
    return np.asarray(across * outward)
