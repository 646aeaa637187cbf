"""Image health: what is wrong with a camera's picture itself, told from it and from how the camera looks usually.

A look is a few numbers of one frame; a reference is what looks of a healthy camera have in common. Edges carry most of
it: they vanish with blur and behind what covers the lens, stay where they are when light changes, and move together
when the camera does. All is done on a small grey picture, in about two milliseconds.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detector import Image

Grey = NDArray[np.uint8]
Edges = NDArray[np.float32]
SMALL_PX: Final = (256, 144)
FINE_PX: Final = (640, 360)
BLOCKS: Final = (16, 9)
_LEAST_LOOKS: Final = 5
_KEPT_LOOKS: Final = 25
_SHARPEST: Final = 0.97  # of the places in a picture


class ImageFault(StrEnum):
    """What can be wrong with a picture."""

    DARK = "dark"
    WASHED_OUT = "washed-out"
    BLURRED = "blurred"
    OBSTRUCTED = "obstructed"
    SHIFTED = "shifted"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLimits:
    """From where on a picture is at fault; shares are of what is usual for the camera.

    Attributes:
        dark_level: the brightest hundredth of the picture is darker than this, of 255.
        flat_spread: between the darkest and the brightest twentieth lie fewer levels than this.
            covered_share: this share of the blocks that usually have edges has lost them.
        lost_share: a block has lost its edges when less than this share is left.
        shift_share: the picture moved by more than this share of its width. Where it shows something else altogether,
            the best match lies anywhere, nearly always farther off than that.
    """

    dark_level: float = 28.0
    flat_spread: float = 18.0
    blurred_share: float = 0.35
    covered_share: float = 0.4
    lost_share: float = 0.08
    shift_share: float = 0.015


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """A few numbers of one frame.

    Attributes:
        small: (144, 256) grey.
        brightest: level of the brightest hundredth.
        spread: levels between the darkest and the brightest twentieth.
        edges: (144, 256) strength of edges, relative to local contrast where there is much.
        blocks: (9, 16) mean strength.
        detail: how sharply levels turn, over the strength of edges.
    """

    small: Grey
    brightest: float
    spread: float
    edges: Edges
    blocks: Edges
    detail: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A fault that a look shows: the value and the limit that it passed."""

    fault: ImageFault
    value: float
    limit: float


def look_at(image: Image) -> Look:
    """Return the look of a frame, (h, w, 3) BGR of any size."""
    fine = _grey(image, FINE_PX)
    small = np.asarray(cv2.resize(fine, SMALL_PX, interpolation=cv2.INTER_AREA), np.uint8)
    low, high, brightest = _levels(small, (0.05, 0.95, 0.99))
    edges = _edges(small)
    return Look(
        small=small,
        brightest=float(brightest),
        spread=float(high - low),
        edges=edges,
        blocks=_per_block(edges),
        detail=_curvature(fine) / max(_nth(edges, _SHARPEST), 1.0),
    )


def _levels(values: NDArray[np.integer[Any]], shares: Sequence[float]) -> list[int]:
    """Return the whole numbers, none below nought, that these shares of an array do not exceed; no sorting."""
    heaped = np.cumsum(np.bincount(values.ravel()))
    return [int(np.searchsorted(heaped, share * heaped[-1])) for share in shares]


def _nth(values: Edges, share: float) -> float:
    """Return the value that a share of an array does not exceed."""
    flat = values.ravel()
    at = min(round(share * flat.size), flat.size - 1)
    return float(np.partition(flat, at)[at])


def _per_block(edges: Edges) -> Edges:
    columns, rows = BLOCKS
    height, width = edges.shape
    blocks = edges.reshape(rows, height // rows, columns, width // columns).mean(axis=(1, 3))
    return np.asarray(blocks, dtype=np.float32)


def _grey(image: Image, size_px: tuple[int, int]) -> Grey:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)  # one channel is shrunk, not three
    return np.asarray(cv2.resize(grey, size_px, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _curvature(grey: Grey) -> float:
    """Return how sharply levels turn at the picture's sharpest places; blur flattens it before anything else."""
    calm = cv2.GaussianBlur(grey, (3, 3), 0)
    return float(_levels(np.abs(np.asarray(cv2.Laplacian(calm, cv2.CV_16S, ksize=3), np.int16)), (_SHARPEST,))[0])


def _edges(grey: cv2.typing.MatLike) -> Edges:
    calm = cv2.GaussianBlur(grey, (3, 3), 0)
    across, down = (cv2.Sobel(calm, cv2.CV_32F, 1 - axis, axis, ksize=3) for axis in (0, 1))
    return np.asarray(cv2.magnitude(across, down), dtype=np.float32)


class Reference:
    """What a healthy camera's looks have in common: learned from a few, followed slowly.

    Things that pass are not in it: each pixel's median counts.

    Args:
        edges: (144, 256) usual strength of edges, from an earlier reference; with it `known` is true at once.
        detail: the usual detail, from there too.
        first: (144, 256) what was usual when it was first known; what is usual now if that was not kept.
    """

    def __init__(self, edges: Edges | None = None, detail: float = 0.0, *, first: Edges | None = None) -> None:
        learned = [] if edges is None else [(edges, detail)] * _LEAST_LOOKS
        self._learned: deque[tuple[Edges, float]] = deque(learned, maxlen=_KEPT_LOOKS)
        self._usual: tuple[Edges, Edges, float] | None = None
        self._first = edges if first is None else first

    @property
    def first(self) -> Edges:
        """Return the edges (144, 256) that were usual when it was first known; it never follows."""
        return self.usual()[0] if self._first is None else self._first

    @property
    def known(self) -> bool:
        """Tell whether enough was seen to judge by."""
        return len(self._learned) >= _LEAST_LOOKS

    def learn(self, look: Look) -> None:
        """Take a healthy look in; the oldest of many is forgotten."""
        self._learned.append((look.edges, look.detail))
        self._usual = None
        if self._first is None and self.known:
            self._first = self.usual()[0]

    def usual(self) -> tuple[Edges, Edges, float]:
        """Return the usual edges (144, 256), their mean per block (9, 16), and the usual detail."""
        if self._usual is None:
            edges = np.median([each for each, _ in self._learned], axis=0).astype(np.float32)
            detail = float(np.median([each for _, each in self._learned]))
            self._usual = edges, _per_block(edges), detail
        return self._usual


def faults_of(look: Look, reference: Reference, limits: HealthLimits | None = None) -> tuple[Measured, ...]:
    """Return what is wrong with a look; without a known reference only what shows by itself.

    Dark and washed-out pictures are not judged further: little can be told from them.
    """
    limits = limits or HealthLimits()
    if look.brightest < limits.dark_level:
        return (Measured(fault=ImageFault.DARK, value=look.brightest, limit=limits.dark_level),)
    if look.spread < limits.flat_spread:
        fault = ImageFault.WASHED_OUT if look.small.mean() >= _BRIGHT else ImageFault.OBSTRUCTED
        return (Measured(fault=fault, value=look.spread, limit=limits.flat_spread),)
    if not reference.known:
        return ()
    return _against(look, reference, limits)


def frozen(one: Look, other: Look) -> bool:
    """Tell whether two looks are of the same picture: a sensor's noise never repeats."""
    return bool((one.small == other.small).all())


_EDGY: Final = 6.0  # a block with fewer usual edges says nothing when it has none
_BRIGHT: Final = 128.0  # what is even and darker than this lies on the lens


def _against(look: Look, reference: Reference, limits: HealthLimits) -> tuple[Measured, ...]:
    edges, usual, detail = reference.usual()
    edgy = usual > max(_EDGY, float(np.median(usual)) * 0.5)
    if not edgy.any():
        return ()
    covered = float((look.blocks[edgy] < limits.lost_share * usual[edgy]).mean())
    if covered > limits.covered_share:
        return (Measured(fault=ImageFault.OBSTRUCTED, value=covered, limit=limits.covered_share),)
    sharp = look.detail / max(detail, 1e-6)
    if sharp < limits.blurred_share:
        return (Measured(fault=ImageFault.BLURRED, value=sharp, limit=limits.blurred_share),)
    moved = shift_of(look.edges, edges)
    if moved > limits.shift_share:
        return (Measured(fault=ImageFault.SHIFTED, value=moved, limit=limits.shift_share),)
    return ()


def shift_of(edges: Edges, usual: Edges) -> float:
    """Return by which share of its width a picture moved against another, where their edges match best.

    The whole picture tells a pan; a turn or a zoom moves its quarters, of which at least three must have moved.
    """
    rows, columns = (
        (slice(0, SMALL_PX[1] // 2), slice(SMALL_PX[1] // 2, None)),
        (
            slice(0, SMALL_PX[0] // 2),
            slice(SMALL_PX[0] // 2, None),
        ),
    )
    quarters = sorted(_moved_px(edges[row, column], usual[row, column]) for row in rows for column in columns)
    return max(_moved_px(edges, usual), quarters[1]) / SMALL_PX[0]


def _moved_px(edges: Edges, usual: Edges) -> float:
    one, other = (np.minimum(each, 4 * float(each.mean()) + 1e-6) for each in (usual, edges))
    (x, y), _ = cv2.phaseCorrelate(one.astype(np.float32), other.astype(np.float32), _window(edges.shape))
    return float(np.hypot(x, y))


@cache
def _window(shape: tuple[int, ...]) -> Edges:
    """Return what fades a picture out towards its rim, made once for each of the two sizes."""
    return np.asarray(cv2.createHanningWindow(shape[::-1], cv2.CV_32F), dtype=np.float32)
