"""True boxes: where each actor's outline falls in the image, and which share of it nothing hides. Draws no pixel.

An outline is the actor's footprint, rounded as the thing is, at its foot and at its top, through the true lens. What
hides is found by sight lines: a grid of points of each thing's body against everything nearer that overlaps it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.district.optics import Lens
from pipeline.district.plan import body
from pipeline.district.stage import Block, Kind, Placed, SeenThing, Stage

Floats = NDArray[np.float64]
FARTHEST_M: Final = 90.0
LEAST_PX: Final = 4.0
_ROUND: Final = frozenset({Kind.PERSON, Kind.BIN, Kind.OVERFLOWING_BIN, Kind.RUBBISH_BAG, Kind.FIRE, Kind.FLOOD})
_TURNS: Final = np.linspace(0.0, 2 * math.pi, 16, endpoint=False)
_OVAL: Final = np.column_stack([np.cos(_TURNS), np.sin(_TURNS)])
# A superellipse of the fourth degree: a rectangle with round corners, as cars and carts are.
_RECTANGLE: Final = np.sign(_OVAL) * np.sqrt(np.abs(_OVAL))
_TOP_SHARE: Final = {Kind.CAR: 0.62, Kind.PERSON: 0.55, Kind.RUBBISH_BAG: 0.5, Kind.FIRE: 0.3, Kind.BICYCLE: 0.8}
_RIDER_M: Final = 0.65
_SWING: Final = 0.62  # radians that a leg swings to either side
_SEE_THROUGH: Final = frozenset({"railing", "sign", "lamp"})
_THIN: Final = frozenset({Kind.BICYCLE, Kind.E_BIKE, Kind.FIRE, Kind.FLOATING_RUBBISH})
_GRID: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Solids:
    """Upright boxes that may hide what is behind them, as arrays over n of them.

    Attributes:
        centre_m: (n, 2); half_m: (n, 2) half extents; z_m: (n, 2) from and to which height.
        turn: (n, 2) cosine and sine of the heading.
        box_px: (n, 4) around its image; near_m: (n,) how far ahead it begins.
    """

    centre_m: Floats
    half_m: Floats
    z_m: Floats
    turn: Floats
    box_px: Floats
    near_m: Floats

    def __len__(self) -> int:
        return len(self.near_m)

    def select(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "_Solids":
        """Return some of them."""
        return _Solids(
            centre_m=self.centre_m[rows],
            half_m=self.half_m[rows],
            z_m=self.z_m[rows],
            turn=self.turn[rows],
            box_px=self.box_px[rows],
            near_m=self.near_m[rows],
        )

    def joined(self, other: "_Solids") -> "_Solids":
        """Return these and others."""
        return _Solids(
            centre_m=np.concatenate([self.centre_m, other.centre_m]),
            half_m=np.concatenate([self.half_m, other.half_m]),
            z_m=np.concatenate([self.z_m, other.z_m]),
            turn=np.concatenate([self.turn, other.turn]),
            box_px=np.concatenate([self.box_px, other.box_px]),
            near_m=np.concatenate([self.near_m, other.near_m]),
        )

    def cross(self, eye_m: Floats, points_m: Floats) -> NDArray[np.bool_]:
        """Tell which sight lines from the eye to (n, k, 3) points pass through their own box, (n, k)."""
        cosine, sine = self.turn[:, 0, None], self.turn[:, 1, None]

        def local(points: Floats) -> Floats:
            dx, dy = points[..., 0] - self.centre_m[:, 0, None], points[..., 1] - self.centre_m[:, 1, None]
            return np.stack([dx * cosine + dy * sine, dy * cosine - dx * sine, points[..., 2]], axis=-1)

        start = local(np.broadcast_to(eye_m, (len(self), 1, 3)))
        way = local(points_m) - start
        low = np.concatenate([-self.half_m, self.z_m[:, :1]], axis=1)[:, None]
        high = np.concatenate([self.half_m, self.z_m[:, 1:]], axis=1)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            near, far = (low - start) / way, (high - start) / way
        enters, leaves = np.fmin(near, far).max(axis=-1), np.fmax(near, far).min(axis=-1)
        return np.asarray((enters < leaves) & (leaves > 0.0) & (enters < _ITSELF))


class TrueBoxes:
    """The boxes that a perfect detector would give on one stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.lens = Lens(stage.pose)
        blocks = _of_blocks(self.lens, [block for block in stage.blocks if block.what not in _SEE_THROUGH])
        self._blocks = blocks.select(self._standing_in_view(blocks))

    def see(self, placed: Sequence[Placed], *, apart: bool = False) -> tuple[SeenThing, ...]:
        """Return what the image holds of each actor, those of 4 px and more, in the order given.

        Args:
            placed: the actors.
            apart: whether each is seen as if it were alone on the stage.
        """
        ahead = [each for each in placed if math.hypot(each.x_m, each.y_m) <= FARTHEST_M]
        if not ahead:
            return ()
        bodies = _Bodies.of(ahead)
        whole, near = self._images(bodies)
        width, height = self.stage.pose.size_px
        cut = np.clip(whole, 0.0, [width, height, width, height])
        shown = (near > _NEAREST_M) & ((cut[:, 2:] - cut[:, :2]).min(axis=1) >= LEAST_PX)
        rows = np.flatnonzero(shown)
        hidden = self._hidden(bodies, rows, whole, near, apart=apart)
        share = (1.0 - hidden.mean(axis=1)) * _inside(cut[rows], whole[rows])
        partly, wholly = np.asarray(hidden.any(axis=1)), np.asarray(hidden.all(axis=1))
        found = []
        for index, row in enumerate(rows.tolist()):
            if wholly[index]:
                continue
            box = (
                self._left_over(bodies.samples[row], hidden[index], whole[row], cut[row]) if partly[index] else cut[row]
            )
            if box is not None:
                found.append(
                    SeenThing(
                        actor=ahead[row].actor.id,
                        kind=ahead[row].actor.kind,
                        box_px=_four(box),
                        full_box_px=_four(whole[row]),
                        visible_share=float(share[index]),
                    )
                )
        return tuple(found)

    def in_sight(self, placed: Sequence[Placed], actor: int, points_m: Floats) -> NDArray[np.bool_]:
        """Tell which (k, 3) points of an actor nothing else stands before, (k,).

        Args:
            placed: all actors, in metres about the camera's foot.
            actor: whose points they are, by id; it hides none of them itself.
            points_m: x, y and height.
        """
        others = [each for each in placed if each.actor.id != actor and math.hypot(each.x_m, each.y_m) <= FARTHEST_M]
        solids = self._blocks
        if others:
            bodies = _Bodies.of(others)
            solids = bodies.solids(*self._images(bodies)).joined(solids)
        lines = np.broadcast_to(points_m, (len(solids), *points_m.shape))
        return np.asarray(~solids.cross(self.lens.eye_m, lines).any(axis=0))

    def _images(self, bodies: "_Bodies") -> tuple[Floats, Floats]:
        """Return the boxes around the bodies' images, (n, 4), and how far ahead each begins, (n,)."""
        count = len(bodies.outlines)
        pixels, depth = self.lens.project(bodies.outlines.reshape(-1, 3))
        around = pixels.reshape(count, -1, 2)
        return np.concatenate([around.min(axis=1), around.max(axis=1)], axis=1), depth.reshape(count, -1).min(axis=1)

    def _hidden(
        self, bodies: "_Bodies", rows: NDArray[np.intp], whole: Floats, near: Floats, *, apart: bool
    ) -> NDArray[np.bool_]:
        """Return which of the samples of some bodies are hidden, (rows, samples)."""
        solids = self._blocks if apart else bodies.solids(whole, near).select(rows).joined(self._blocks)
        box, other = whole[rows][:, None], solids.box_px[None]
        meet = (box[..., :2] < other[..., 2:]).all(axis=-1) & (other[..., :2] < box[..., 2:]).all(axis=-1)
        meet &= solids.near_m[None] < near[rows][:, None]
        if not apart:
            meet[np.arange(len(rows)), np.arange(len(rows))] = False
        seen, by = np.nonzero(meet)
        hidden = np.zeros((len(rows), bodies.samples.shape[1]), bool)
        crossed = solids.select(by).cross(self.lens.eye_m, bodies.samples[rows[seen]])
        np.logical_or.at(hidden, seen, crossed)
        return hidden

    def _left_over(self, points: Floats, hidden: NDArray[np.bool_], whole: Floats, cut: Floats) -> Floats | None:
        """Return the box around what is not hidden of a body, None if it is too small to be seen."""
        pixels, _ = self.lens.project(points[~hidden])
        margin = (whole[2:] - whole[:2]) / (2 * _GRID)
        box = np.concatenate(
            [np.maximum(pixels.min(axis=0) - margin, cut[:2]), np.minimum(pixels.max(axis=0) + margin, cut[2:])]
        )
        return None if (box[2:] - box[:2]).min() < LEAST_PX else box

    def _standing_in_view(self, blocks: _Solids) -> NDArray[np.bool_]:
        """Return which blocks stand before any ground that the image shows, (n,); the others never hide a thing."""
        width, height = self.stage.pose.size_px
        u, v = np.meshgrid(np.linspace(0, width, 40), np.linspace(0, height, 30))
        ground = self.lens.to_ground(np.column_stack([u.ravel(), v.ravel()]))
        ground = ground[np.isfinite(ground).all(axis=1)]
        ground = ground[np.hypot(ground[:, 0], ground[:, 1]) <= FARTHEST_M]
        points = np.concatenate([np.column_stack([ground, np.full(len(ground), level)]) for level in (0.0, 1.0, 2.0)])
        return np.array(
            [
                bool(blocks.select(np.array([row])).cross(self.lens.eye_m, points[None]).any())
                for row in range(len(blocks))
            ],
            bool,
        )


_ITSELF: Final = 0.995  # of the way to a point: a box that begins beyond is the thing itself
_NEAREST_M: Final = 0.5


def tall_m(each: Placed) -> float:
    """Return how tall an actor stands, a rider included."""
    return each.actor.size_m[2] + (_RIDER_M if each.ridden else 0.0)


def _stride_m(each: Placed) -> float:
    """Return by how much the feet of somebody who walks are farther apart than a body is long."""
    if each.actor.kind is not Kind.PERSON:
        return 0.0
    swing = _SWING * abs(math.sin(2 * math.pi * each.phase))
    return max(0.0, each.actor.size_m[2] * math.sin(swing) - each.actor.size_m[0] / 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bodies:
    """Actors as arrays over n of them.

    Attributes:
        outlines: (n, 32, 3) points around the foot and, narrower, around the top.
        samples: (n, 25, 3) points of the body across as the lens sees it, from foot to top.
        place: (n, 6) of x, y, z, heading in radians, length, width; tall: (n,); thin: (n,).
    """

    outlines: Floats
    samples: Floats
    place: Floats
    tall: Floats
    thin: NDArray[np.bool_]

    @classmethod
    def of(cls, placed: Sequence[Placed]) -> "_Bodies":
        place = np.array(
            [(each.x_m, each.y_m, each.z_m, math.radians(each.heading_deg), *each.actor.size_m[:2]) for each in placed]
        )
        tall = np.array([tall_m(each) for each in placed])
        shape = np.where(np.array([each.actor.kind in _ROUND for each in placed])[:, None, None], _OVAL, _RECTANGLE)
        top = np.array([_TOP_SHARE.get(each.actor.kind, 0.95) for each in placed])[:, None, None]
        body = shape * place[:, None, 4:6] / 2
        stride = np.array([(_stride_m(each), 0.0) for each in placed])
        foot = body + shape * stride[:, None] / 2
        around = _turned(np.concatenate([foot, body * top], axis=1), place)
        level = np.repeat(np.stack([place[:, 2], place[:, 2] + tall], axis=1), len(_OVAL), axis=1)
        return cls(
            outlines=np.concatenate([around, level[..., None]], axis=-1),
            samples=_samples(place, tall),
            place=place,
            tall=tall,
            thin=np.array([each.actor.kind in _THIN for each in placed]),
        )

    def solids(self, box_px: Floats, near_m: Floats) -> _Solids:
        """Return what they hide."""
        shrunk = np.where(self.thin, 0.3, 0.4)[:, None]  # of the extent: half, less what shows between parts
        return _Solids(
            centre_m=self.place[:, :2],
            half_m=self.place[:, 4:6] * shrunk,
            z_m=np.stack([self.place[:, 2], self.place[:, 2] + 0.95 * self.tall], axis=1),
            turn=np.stack([np.cos(self.place[:, 3]), np.sin(self.place[:, 3])], axis=1),
            box_px=box_px,
            near_m=near_m,
        )


def _samples(place: Floats, tall: Floats) -> Floats:
    range_m = np.maximum(np.hypot(place[:, 0], place[:, 1]), 1e-6)
    across = np.stack([place[:, 1] / range_m, -place[:, 0] / range_m], axis=1)
    along = np.abs(across[:, 0] * np.cos(place[:, 3]) + across[:, 1] * np.sin(place[:, 3]))
    half = (along * place[:, 4] + (1.0 - along) * place[:, 5]) / 2
    aside = half[:, None] * _ASIDE[None]
    points = place[:, None, :2] + across[:, None] * aside[..., None]
    level = place[:, 2, None] + tall[:, None] * _UP[None]
    return np.concatenate([points, level[..., None]], axis=-1)


_ASIDE, _UP = (grid.ravel() for grid in np.meshgrid(np.linspace(-0.85, 0.85, _GRID), np.linspace(0.05, 0.95, _GRID)))


def _turned(around: Floats, place: Floats) -> Floats:
    """Return (n, k, 2) points about the origin turned by each heading and moved to each place."""
    cosine, sine = np.cos(place[:, 3])[:, None], np.sin(place[:, 3])[:, None]
    x = place[:, 0, None] + around[..., 0] * cosine - around[..., 1] * sine
    return np.stack([x, place[:, 1, None] + around[..., 0] * sine + around[..., 1] * cosine], axis=-1)


def _of_blocks(lens: Lens, blocks: Sequence[Block]) -> _Solids:
    bodies = [body(block) for block in blocks]
    turn = np.array([math.radians(block.heading_deg) for block in blocks])
    solids = _Solids(
        centre_m=np.array([block.centre_m for block in blocks]).reshape(-1, 2),
        half_m=np.array([half for _, _, half in bodies]).reshape(-1, 2),
        z_m=np.array([(low, high) for low, high, _ in bodies]).reshape(-1, 2),
        turn=np.stack([np.cos(turn), np.sin(turn)], axis=1).reshape(-1, 2),
        box_px=np.zeros((len(blocks), 4)),
        near_m=np.zeros(len(blocks)),
    )
    signs = np.array([(a, b, z) for a in (-1, 1) for b in (-1, 1) for z in (0, 1)], np.float64)
    along, aside = signs[:, 0] * solids.half_m[:, :1], signs[:, 1] * solids.half_m[:, 1:]
    cosine, sine = solids.turn[:, :1], solids.turn[:, 1:]
    x = solids.centre_m[:, :1] + along * cosine - aside * sine
    y = solids.centre_m[:, 1:] + along * sine + aside * cosine
    z = np.where(signs[:, 2] > 0, solids.z_m[:, 1:], solids.z_m[:, :1])
    pixels, ahead = lens.project(np.stack([x, y, z], axis=-1).reshape(-1, 3))
    pixels, ahead = pixels.reshape(len(blocks), 8, 2), ahead.reshape(len(blocks), 8)
    box = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
    # Partly behind the lens its image has no end: then it may hide anything, and the sight lines decide.
    endless = np.array([-1e5, -1e5, 1e5, 1e5])
    whole = (ahead.min(axis=1) > _NEAREST_M)[:, None]
    return replace(solids, box_px=np.where(whole, box, endless), near_m=np.maximum(ahead.min(axis=1), 0.0))


def _inside(cut: Floats, whole: Floats) -> Floats:
    """Return which share of (n, 4) boxes lies inside the image."""
    area = np.prod(whole[:, 2:] - whole[:, :2], axis=1)
    return np.asarray(np.prod(cut[:, 2:] - cut[:, :2], axis=1) / np.maximum(area, 1e-9))


def _four(box: Floats) -> tuple[float, float, float, float]:
    left, top, right, bottom = box.tolist()
    return left, top, right, bottom
