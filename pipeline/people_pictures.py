"""Pictures that people send: decoded within bounds, made unreadable where they show people, encoded anew.

Encoding anew leaves out what cameras write into files: where and when, by which telephone.
"""

from datetime import datetime
from typing import Final

import cv2
import numpy as np

from models.detector import Detector, Image
from models.privacy import LEAST_CONFIDENCE, PERSONS, blur_people_and_vehicles
from pipeline.pictures import decode_picture
from pipeline.sightings import View

LONGEST_SIDE_PX: Final = 1280
QUALITY: Final = 85


class PictureCleaner:
    """Makes people's pictures fit to store."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    @staticmethod
    def can_use(detector: Detector) -> bool:
        """Tell whether a detector knows people, without which nothing can be made unreadable."""
        return not detector.classless and any(name.lower() in PERSONS for name in detector.class_names.values())

    def clean(self, data: bytes, *, at: datetime) -> View:
        """Return a picture as evidence.

        Args:
            data: a JPEG or PNG as it was sent.
            at: when it came.

        Raises:
            FrameUnreadableError, FrameTooLargeError: it is no picture, damaged, or too large.
        """
        image = _reduced(decode_picture(data, camera="report"))
        found = self._detector.detect(image, stream="", confidence=LEAST_CONFIDENCE)
        blurred = blur_people_and_vehicles(image, found, classless=False)
        _, jpeg = cv2.imencode(".jpg", blurred, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        return View(label="at", captured_at=at, jpeg=jpeg.tobytes())


def _reduced(image: Image) -> Image:
    longest = max(image.shape[:2])
    if longest <= LONGEST_SIDE_PX:
        return image
    scale = LONGEST_SIDE_PX / longest
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
