"""The letterbox: how a picture of any shape is fitted into a model's input, and boxes are brought back.

The geometry and rounding of Ultralytics' LetterBox and scale_boxes (version 8.4): both see the same pixels.
"""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

PADDING_VALUE = 114  # the grey that Ultralytics trains with


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterbox:
    """Where a picture lies inside the model's input.

    Attributes:
        image_size: Height and width of the picture in pixels.
        fitted_size: Height and width of the picture inside the input in pixels.
        left_px: Padding left of it.
        top_px: Padding above it.
    """

    image_size: tuple[int, int]
    fitted_size: tuple[int, int]
    left_px: int
    top_px: int

    @classmethod
    def fit(cls, image_size: tuple[int, int], into: tuple[int, int]) -> Self:
        """Return the letterbox of a picture (height, width) centred in an input (height, width)."""
        gain = min(into[0] / image_size[0], into[1] / image_size[1])
        height, width = (max(round(side * gain), 1) for side in image_size)
        return cls(
            image_size=image_size,
            fitted_size=(height, width),
            left_px=round((into[1] - width) / 2 - 0.1),
            top_px=round((into[0] - height) / 2 - 0.1),
        )

    def draw(self, image: NDArray[np.uint8], canvas: NDArray[np.uint8]) -> None:
        """Draw the picture (height, width, 3) into the canvas (model height, model width, 3), padding in grey."""
        height, width = self.fitted_size
        bottom, right = self.top_px + height, self.left_px + width
        canvas[: self.top_px] = PADDING_VALUE
        canvas[bottom:] = PADDING_VALUE
        canvas[:, : self.left_px] = PADDING_VALUE
        canvas[:, right:] = PADDING_VALUE
        inside = canvas[self.top_px : bottom, self.left_px : right]
        if self.fitted_size == self.image_size:
            inside[:] = image
        else:
            inside[:] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)

    def to_image(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring boxes (n, 4) from the model's input back to the picture, cut at its edges."""
        (height, width), (fitted_height, fitted_width) = self.image_size, self.fitted_size
        gain = np.array([fitted_width / width, fitted_height / height] * 2, np.float32)
        padding = np.array([self.left_px, self.top_px] * 2, np.float32)
        most = np.array([width, height] * 2, np.float32)
        return np.asarray(np.clip((boxes - padding) / gain, 0, most), np.float32)
