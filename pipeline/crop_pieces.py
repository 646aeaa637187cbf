"""Pieces: what is cut out of frames for a second look, with the thing followed back from frame to frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from models.boxes import iou
from models.detector import Image
from pipeline.cameras import Camera
from pipeline.evidence_views import Waiting
from pipeline.observations import Box

LEAST_SIDE_PX: Final = 8
_SAME: Final = 0.3  # boxes of frames a second apart that overlap so much are of one thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A frame that waits, and where the thing is in it, in pixels of that frame."""

    jpeg: bytes
    box_px: Box


def pieces(
    newest: Waiting,
    before: Sequence[Waiting],
    box_px: Box,
    *,
    camera: Camera,
    size_px: tuple[int, int],
    follow: bool,
) -> list[Piece]:
    """Return the frames to look at, newest first, with the thing's box in each.

    What stands is where it is in all of them. What may have moved is followed back from one frame to the next by
    overlap; where no box overlaps, the frames of before that are left out.

    Args:
        newest: the frame in which the rule fired.
        before: frames of before, newest first, about a second apart.
        box_px: of the thing, in pixels of the camera's reference size.
        camera: whose reference size that is.
        size_px: width and height of the frames.
        follow: whether it may have moved.
    """
    scale = (size_px[0] / camera.width_px, size_px[1] / camera.height_px) * 2
    left, top, right, bottom = (float(value * factor) for value, factor in zip(box_px, scale, strict=True))
    box: Box = (left, top, right, bottom)
    found = [Piece(jpeg=newest.jpeg, box_px=box)]
    for frame in before:
        near = _near(frame, box) if follow else box
        if near is None:
            break
        box = near
        found.append(Piece(jpeg=frame.jpeg, box_px=box))
    return found


def _near(frame: Waiting, box_px: Box) -> Box | None:
    boxes = frame.detections.boxes_px.astype(np.float64)
    if not len(boxes):
        return None
    shared = iou(np.array([box_px]), boxes)[0]
    row = int(np.argmax(shared))
    if shared[row] < _SAME:
        return None
    left, top, right, bottom = boxes[row].tolist()
    return left, top, right, bottom


def cut(piece: Piece, margin: float) -> tuple[Image, Box] | None:
    """Return the part of a frame around a box, and the box in it; None where too little of it is in the picture.

    Args:
        piece: frame and box.
        margin: share of the box's width and height that is added on each side.
    """
    decoded = cv2.imdecode(np.frombuffer(piece.jpeg, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        return None
    height, width = decoded.shape[:2]
    left, top, right, bottom = piece.box_px
    wide, tall = (right - left) * margin, (bottom - top) * margin
    x0, y0 = max(0, round(left - wide)), max(0, round(top - tall))
    x1, y1 = min(width, round(right + wide)), min(height, round(bottom + tall))
    if min(x1 - x0, y1 - y0) < LEAST_SIDE_PX:
        return None
    crop = np.ascontiguousarray(decoded[y0:y1, x0:x1], dtype=np.uint8)
    return crop, (left - x0, top - y0, right - x0, bottom - y0)
