"""A simulated camera: the backdrop drawn once, moving things set into it, truth about each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.district.backdrop import Backdrop, bake
from pipeline.district.display import CODE_BITS, SLOT_BIT, Canvas, Codes, require_rendering
from pipeline.district.labels import Alone, Drawn, label, touching_pairs
from pipeline.district.lighting import ambience
from pipeline.district.moving import Cast, Wardrobe
from pipeline.district.scenery import scenery_of
from pipeline.district.shading import Shown, shade
from pipeline.district.shadows import on_ground
from pipeline.district.stage import Conditions, Placed, SeenThing, Stage
from pipeline.district.viewport import SAMPLES, Viewport
from pipeline.district.weather import Sensor, add_smoke, fires_of

Image = NDArray[np.uint8]
_TRIANGLE: Final = np.uint32(2**SLOT_BIT - 1)
# A thing shows where it is nearer than the backdrop; wheels and soles touch the ground.
_TOUCH: Final = 0.998


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendered:
    """One frame.

    Attributes:
        image: (h, w, 3) BGR.
        things: what it shows; empty if not asked for.
    """

    image: Image
    things: tuple[SeenThing, ...]


class Renderer:
    """Draws what one camera sees of a stage; the same seed and moment give the same bytes on one machine."""

    def __init__(self, stage: Stage, conditions: Conditions, *, seed: int) -> None:
        """Draw and light what stands still; this takes seconds.

        Raises:
            NoRenderingError: this machine cannot draw off screen.
        """
        require_rendering()
        self.stage, self.conditions = stage, conditions
        self._light = ambience(conditions)
        self._viewport = Viewport.of(stage.pose)
        self._scenery = scenery_of(stage, seed=seed, frozen=conditions.frozen)
        self.backdrop: Backdrop = bake(self._scenery, self._viewport, self._light, patches=stage.patches)
        self._sensor = Sensor.of(self.backdrop, self._light, conditions, seed=seed)
        self._canvas = Canvas(self._viewport.canvas_px)
        lens = self._viewport.lens
        self._canvas.look(lens.eye_m, lens.axes, focal_px=self._viewport.canvas_focal_px)
        self._wardrobe = Wardrobe(self._canvas)
        self._alone = Alone(self._canvas, self._viewport)
        # OpenGL's rows go upwards: looking up from below saves turning every drawing over.
        width, height = self._viewport.canvas_px
        rows, columns = np.divmod(self._viewport.index.ravel(), width)
        self._index = ((height - 1 - rows) * width + columns).astype(np.intp)
        self._sampled = np.zeros(len(self._index), dtype=np.uint32)
        self._owners = np.zeros(len(self._index), dtype=np.int32)
        self._rays = self._viewport.canvas_rays(self._viewport.index.ravel())
        self._nearness = self.backdrop.nearness.ravel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def render(self, placed: Sequence[Placed], *, at_s: float, labels: bool = True) -> Rendered:
        """Draw one frame.

        Args:
            placed: everything that may move, with different actor ids.
            at_s: seconds since the run's start; decides ripples, rain, shake and noise.
            labels: whether to work out what each thing shows.

        Raises:
            TooManyThingsError: more things than a frame can tell apart.
        """
        cast = self._wardrobe.cast(placed, self._viewport.lens)
        image = self.backdrop.image.copy()
        self._sensor.ripple(image, at_s)
        image = on_ground(image, self.backdrop, cast, self._light, self._viewport.lens)
        things: tuple[SeenThing, ...] = ()
        if cast.placed:
            things = self._set_in(image, cast, labels=labels)
        fires = fires_of(cast.placed)
        add_smoke(image, fires, self.backdrop, light=self._light, lens=self._viewport.lens, at_s=at_s)
        shift = self._sensor.shake_px(at_s)
        moved = tuple(_moved(thing, shift, self._viewport.size_px) for thing in things)
        return Rendered(image=self._sensor.expose(image, at_s), things=moved)

    def _set_in(self, image: Image, cast: Cast, *, labels: bool) -> tuple[SeenThing, ...]:
        """Draw the cast into an image and return what shows of it."""
        drawn: list[tuple[Any, NDArray[np.float64], int]] = [
            (model.mapper, matrix, slot)
            for slot, (model, matrix) in enumerate(zip(cast.models, cast.matrices, strict=True), start=1)
        ]
        codes = self._canvas.draw(drawn)[::-1].ravel()
        width, height = self._viewport.size_px
        size = width * height
        hits, slots, triangles = self._hits(codes)
        numbers = cast.first[slots - 1] + triangles
        present = np.zeros(int(cast.first[-1]), dtype=bool)
        present[numbers] = True
        chosen = np.flatnonzero(present)
        shown = shade(
            cast, chosen, light=self._light, scenery=self._scenery, sun=self.backdrop.sun_map,
            eye_m=self._viewport.lens.eye_m,
        )  # fmt: skip
        rank = np.zeros(len(present), dtype=np.int32)
        rank[chosen] = np.arange(len(chosen), dtype=np.int32)
        rows = rank[numbers]
        nearness = np.einsum("ij,ij->i", shown.nearness[rows], self._rays[hits])
        visible = nearness > self._nearness[hits] * _TOUCH
        _blend(image, hits[visible], rows[visible], shown, size)
        if not labels:
            return ()
        owners = self._owners
        owners.fill(0)
        owners[hits] = slots
        touching = touching_pairs(owners[:size].reshape(height, width), len(cast.placed))
        owners[hits[~visible]] = 0
        before = np.bincount(slots, minlength=len(cast.placed) + 1)[1:]
        drawn_ = Drawn(samples=before, touching=touching)
        return label(cast, owners.reshape(SAMPLES, height, width), drawn_, alone=self._alone)

    def _hits(self, codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return which samples meet a thing, the thing's slot and the triangle's number within it."""
        np.take(codes, self._index, out=self._sampled, mode="clip")
        hits = np.flatnonzero(self._sampled)
        found = self._sampled[hits] & CODE_BITS
        return hits, (found >> SLOT_BIT).astype(np.int64), (found & _TRIANGLE).astype(np.int64) - 1

    def close(self) -> None:
        """Give the canvas back."""
        self._canvas.close()


def _blend(image: Image, hits: NDArray[np.int64], rows: NDArray[np.int32], shown: Shown, size: int) -> None:
    """Average the samples that show things into an image, in place."""
    packed = np.zeros((len(shown.bgr), 4), dtype=np.uint16)
    packed[:, :3], packed[:, 3] = shown.bgr, 1
    values = packed.view(np.uint64)[:, 0][rows]  # blue, green, red and a count, added up in one word
    total = np.zeros(size, dtype=np.uint64)
    edges = np.searchsorted(hits, np.arange(SAMPLES + 1) * size)
    for layer in range(SAMPLES):
        part = slice(edges[layer], edges[layer + 1])
        total[hits[part] - layer * size] += values[part]
    touched = np.flatnonzero(total)
    sums = total[touched].view(np.uint16).reshape(-1, 4)
    flat = image.reshape(-1, 3)
    under = flat[touched] * (SAMPLES - sums[:, 3:])
    flat[touched] = ((sums[:, :3] + under + SAMPLES // 2) // SAMPLES).astype(np.uint8)


def _moved(thing: SeenThing, shift: tuple[float, float], size_px: tuple[int, int]) -> SeenThing:
    """Return a thing's boxes in the shaken image; what the shake pushes over the rim is cut off."""
    (x1, y1, x2, y2), (u1, v1, u2, v2), (dx, dy) = thing.box_px, thing.full_box_px, shift
    width, height = size_px
    return SeenThing(
        actor=thing.actor,
        kind=thing.kind,
        box_px=(max(x1 + dx, 0.0), max(y1 + dy, 0.0), min(x2 + dx, width), min(y2 + dy, height)),
        full_box_px=(u1 + dx, v1 + dy, u2 + dx, v2 + dy),
        visible_share=thing.visible_share,
    )
