"""A drawn street that a camera looks at: many sharp edges, a sensor's noise, and somebody who walks through."""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detector import Image

SIZE_PX = (640, 360)
SCENE_PX = (900, 520)


def scene() -> Image:
    """Return a picture larger than a frame: many sharp-edged things, so that a frame may be cut anywhere from it."""
    draw = np.random.default_rng(4)
    image = np.full((SCENE_PX[1], SCENE_PX[0], 3), 110, np.uint8)
    for _ in range(220):
        x, y, w, h = draw.integers(0, SCENE_PX[0]), draw.integers(0, SCENE_PX[1]), *draw.integers(8, 90, 2)
        colour = tuple(int(each) for each in draw.integers(20, 235, 3))
        cv2.rectangle(image, (int(x), int(y)), (int(x + w), int(y + h)), colour, -1)
    return image


SCENE = scene()
NOISE = [
    np.random.default_rng(each).normal(0.0, 2.0, (SIZE_PX[1], SIZE_PX[0], 1)).astype(np.float32) for each in range(7)
]


def picture(index: int, *, shift_px: int = 0, light: float = 1.0) -> Image:
    """Return a frame of the scene with a sensor's noise and somebody who walks through."""
    image = SCENE[60 : 60 + SIZE_PX[1], 100 + shift_px : 100 + shift_px + SIZE_PX[0]].astype(np.float32)
    left = (index * 18) % 600
    image[200:290, left : left + 30] = 60
    return with_noise(image * light, index)


def with_noise(image: NDArray[np.float32], index: int) -> Image:
    return np.clip(image + NOISE[index % len(NOISE)], 0, 255).astype(np.uint8)
