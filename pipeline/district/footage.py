"""Simulated footage as a file: MPEG-4 or Motion JPEG, whichever the file's name asks for."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.district.errors import DistrictError

Image = NDArray[np.uint8]
# Tried in turn; H.264 is missing from most builds of OpenCV, MPEG-4 part 2 and Motion JPEG are in all of them.
_CODECS: Final = {".mp4": ("avc1", "mp4v"), ".avi": ("MJPG",)}


class FootageError(DistrictError):
    """Footage cannot be written."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


def write_clip(path: Path, frames: Iterable[Image], fps: float) -> int:
    """Write (h, w, 3) BGR frames as a video, one after the other, and return how many there were.

    Args:
        path: ends in .mp4 or .avi.
        frames: all of one size, at least one.
        fps: frames per second of footage.

    Raises:
        FootageError: another ending, no frame, frames of different sizes, or no encoder.
    """
    if path.suffix.lower() not in _CODECS:
        raise FootageError(path, f"footage ends in {' or '.join(_CODECS)}; name the file so")
    writer: Any = None
    count, size = 0, (0, 0)
    try:
        for frame in frames:
            shape = (frame.shape[1], frame.shape[0])
            if writer is None:
                size, writer = shape, _writer(path, fps, shape)
            if shape != size:
                raise FootageError(path, f"frame {count} measures {shape}, the ones before {size}; write one size")
            writer.write(frame)
            count += 1
    finally:
        if writer is not None:
            writer.release()
    if not count:
        raise FootageError(path, "there is no frame to write; render at least one")
    return count


def _writer(path: Path, fps: float, size_px: tuple[int, int]) -> Any:
    for codec in _CODECS[path.suffix.lower()]:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size_px)
        if writer.isOpened():
            return writer
        writer.release()
    raise FootageError(path, f"OpenCV has none of the encoders {', '.join(_CODECS[path.suffix.lower()])}; try .avi")
