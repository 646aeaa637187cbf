"""Perceptual hash of a picture: 64 bits that stay nearly the same when it is sent again, reduced or encoded anew.

The DCT hash after Zauner (2010), "Implementation and Benchmarking of Perceptual Image Hash Functions": grey, 32 by 32
pixels, the 8 by 8 lowest frequencies without the mean, each bit whether its one lies above their median.
"""

from typing import Final

import cv2
import numpy as np

from models.detector import Image
from pipeline.pictures import decode_picture

_SIDE: Final = 32
_LOW: Final = 8
_LEAST_CONTRAST: Final = 4.0
"""Grey levels; a picture of one tone has no frequencies to tell it by, so every other one would look the same."""


def looks_of(data: bytes) -> str | None:
    """Return a picture's hash as 16 hexadecimal digits; None for one that shows next to nothing.

    Args:
        data: a whole JPEG or PNG file.

    Raises:
        FrameUnreadableError, FrameTooLargeError: it is no picture, damaged, or too large.
    """
    return looks(decode_picture(data, camera="report"))


def looks(image: Image) -> str | None:
    """Return the hash of a picture, uint8 (height, width, 3) BGR; None for one that shows next to nothing."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if float(small.std()) < _LEAST_CONTRAST:
        return None
    low = cv2.dct(small)[:_LOW, :_LOW].flatten()[1:]
    bits = low > np.median(low)
    return f"{int(''.join('1' if bit else '0' for bit in bits), 2):016x}"


def bits_apart(one: str, other: str) -> int:
    """Return in how many bits two hashes differ (Hamming distance), 0 to 64."""
    return (int(one, 16) ^ int(other, 16)).bit_count()
