"""Detections: the boxes that a detector found in one frame, as arrays of stated shape.

Owns the type and its checks; how boxes are found or followed is not its business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.boxes import iou
from models.errors import ArrayFaultError, UnknownClassesError

MOST_PIXELS = 1e6  # a coordinate beyond this is a fault, not a box


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays have no one truth value: compare fields
class Detections:
    """The boxes of one frame.

    Attributes:
        boxes_px: float32 (n, 4), left, top, right, bottom in pixels of the image that was given.
        confidence: float32 (n,), 0 to 1.
        class_ids: int32 (n,), keys of `class_names`.
        class_names: What each class id means.
        track_ids: int64 (n,), or None before tracking.

    Raises:
        ArrayFaultError: When a field has another shape, dtype or range.
        UnknownClassesError: When a class id has no name.
    """

    boxes_px: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    class_names: Mapping[int, str]
    track_ids: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        n = self.boxes_px.shape[0] if getattr(self.boxes_px, "ndim", 0) else 0
        _require("boxes_px", self.boxes_px, (n, 4), np.float32)
        _require("confidence", self.confidence, (n,), np.float32)
        _require("class_ids", self.class_ids, (n,), np.int32)
        if self.track_ids is not None:
            _require("track_ids", self.track_ids, (n,), np.int64)
        self._require_ranges()

    def _require_ranges(self) -> None:
        if not len(self):
            return
        if not (np.isfinite(self.boxes_px).all() and float(np.abs(self.boxes_px).max()) <= MOST_PIXELS):
            raise ArrayFaultError("boxes_px", expected=f"finite and within ±{MOST_PIXELS:.0f} px", actual="not")
        if bool((self.boxes_px[:, 2:] < self.boxes_px[:, :2]).any()):
            raise ArrayFaultError("boxes_px", expected="left <= right and top <= bottom", actual="turned round")
        if not bool(((self.confidence >= 0) & (self.confidence <= 1)).all()):
            raise ArrayFaultError("confidence", expected="from 0 to 1", actual=_span(self.confidence))
        unknown = [int(i) for i in np.unique(self.class_ids) if int(i) not in self.class_names]
        if unknown:
            raise UnknownClassesError(unknown, len(self.class_names))

    def __len__(self) -> int:
        return int(self.boxes_px.shape[0])

    @classmethod
    def empty(cls, class_names: Mapping[int, str]) -> Self:
        """Return no detections of a model with these classes."""
        return cls(
            boxes_px=np.zeros((0, 4), np.float32),
            confidence=np.zeros(0, np.float32),
            class_ids=np.zeros(0, np.int32),
            class_names=class_names,
        )

    def select(self, which: NDArray[np.bool_] | NDArray[np.integer[Any]] | list[int]) -> Self:
        """Return those rows that a mask (n,) or a list of indices names, in that order."""
        index = np.asarray(which)
        if index.size == 0:
            index = index.astype(np.intp)
        return self._checked(
            self.boxes_px[index],
            self.confidence[index],
            self.class_ids[index],
            None if self.track_ids is None else self.track_ids[index],
        )

    def _checked(
        self,
        boxes_px: NDArray[np.float32],
        confidence: NDArray[np.float32],
        class_ids: NDArray[np.int32],
        track_ids: NDArray[np.int64] | None,
    ) -> Self:
        """Return detections of the same classes from rows that were checked; a frame takes a dozen such choices."""
        made = object.__new__(type(self))
        fields = (
            ("boxes_px", boxes_px),
            ("confidence", confidence),
            ("class_ids", class_ids),
            ("class_names", self.class_names),
            ("track_ids", track_ids),
        )
        for name, value in fields:
            object.__setattr__(made, name, value)
        return made

    def names(self) -> list[str]:
        """Return the class name of each row."""
        return [self.class_names[int(i)] for i in self.class_ids]

    def with_tracks(self, ids: NDArray[np.int64]) -> Self:
        """Return the same rows with track ids (n,)."""
        tracks = np.asarray(ids, np.int64)
        _require("track_ids", tracks, (len(self),), np.int64)
        return self._checked(self.boxes_px, self.confidence, self.class_ids, tracks)

    def contact_points_px(self) -> NDArray[np.float32]:
        """Return the bottom centre of each box, float32 (n, 2), x then y in pixels."""
        x = (self.boxes_px[:, 0] + self.boxes_px[:, 2]) / 2
        return np.stack([x, self.boxes_px[:, 3]], axis=1).astype(np.float32)


def show_the_same(one: Detections, other: Detections, *, confidence: float, least_iou: float = 0.5) -> bool:
    """Tell whether each box of either from a confidence on has one in the other, however faint, of its class there."""
    shared = iou(one.boxes_px, other.boxes_px) >= least_iou
    alike = shared & (one.class_ids[:, None] == other.class_ids[None])
    return bool(
        alike[one.confidence >= confidence].any(axis=1).all()
        and alike[:, other.confidence >= confidence].any(axis=0).all()
    )


def _require(field: str, array: object, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    if isinstance(array, np.ndarray) and array.shape == shape and array.dtype == dtype:
        return
    actual = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
    raise ArrayFaultError(field, expected=f"{np.dtype(dtype)} {shape}", actual=actual)


def _span(array: NDArray[np.float32]) -> str:
    return f"from {float(np.min(array)):.3g} to {float(np.max(array)):.3g}"
