"""The detector's Protocol: an image goes in, detections come out; every model is used through it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.errors import ImageFaultError, SettingFaultError

Image: TypeAlias = NDArray[np.uint8]
"""A picture: uint8 (height, width, 3), blue, green, red, as OpenCV decodes it."""

MOST_SIDE_PX = 8192


class Detector(Protocol):
    """What finds things in a frame."""

    @property
    def name(self) -> str:
        """A short name, such as yolov8n-coco."""

    @property
    def version(self) -> str:
        """The name and 12 hexadecimal digits of the weights' SHA-256, kept with every sighting."""

    @property
    def class_names(self) -> Mapping[int, str]:
        """What each class id means."""

    @property
    def classless(self) -> bool:
        """True when it sees that something is there but not what it is."""

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        """Return what is in the image, most confident first.

        Args:
            image: uint8 (height, width, 3), BGR, sides of 1 to 8192 px.
            stream: The camera's code; detectors that remember keep one memory per stream.
            at_s: Time of the frame in seconds on any clock that rises within a stream.
            confidence: Boxes below it are left out, 0 to 1.

        Raises:
            ImageFaultError: When the image has another shape, dtype or size.
            SettingFaultError: When the confidence is outside 0 to 1.
        """

    def close(self) -> None:
        """Give back threads and memory; the detector cannot be used after it."""


class Pending(Protocol):
    """An answer that may still be on its way."""

    def result(self) -> Detections:
        """Return what is in the image, once that is known; the same again when asked again.

        Raises:
            ModelsError: As `Detector.detect` does.
        """


@runtime_checkable
class AheadDetector(Protocol):
    """A detector that takes the next image before it has answered for the one before."""

    def begin(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Pending:
        """Take an image as `Detector.detect` does, and answer later; the image must not change until then."""


def begin(detector: Detector, image: Image, *, stream: str, at_s: float, confidence: float) -> Pending:
    """Let a detector begin with an image; one that cannot does all of it when it is asked for the result."""
    if isinstance(detector, AheadDetector):
        return detector.begin(image, stream=stream, at_s=at_s, confidence=confidence)
    return _Postponed(detector=detector, image=image, stream=stream, at_s=at_s, confidence=confidence)


@dataclass(slots=True, kw_only=True)
class _Postponed:
    detector: Detector
    image: Image
    stream: str
    at_s: float
    confidence: float
    found: Detections | None = None

    def result(self) -> Detections:
        if self.found is None:
            self.found = self.detector.detect(
                self.image, stream=self.stream, at_s=self.at_s, confidence=self.confidence
            )
        return self.found


def require_image(image: Any) -> Image:
    """Return the image when it is a uint8 (height, width, 3) array with sides of 1 to 8192 px.

    Raises:
        ImageFaultError: When it is not.
    """
    expected = f"uint8 (height, width, 3) with sides of 1 to {MOST_SIDE_PX} px"
    if not isinstance(image, np.ndarray):
        raise ImageFaultError(expected=expected, actual=f"a {type(image).__name__}")
    right = image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8  # noqa: PLR2004 - rows, columns, colours
    if not (right and min(image.shape[:2]) >= 1 and max(image.shape[:2]) <= MOST_SIDE_PX):
        raise ImageFaultError(expected=expected, actual=f"{image.dtype} {image.shape}")
    return image


def require_confidence(confidence: float) -> float:
    """Return the confidence when it is from 0 to 1.

    Raises:
        SettingFaultError: When it is not.
    """
    if not 0 <= confidence <= 1:
        raise SettingFaultError("confidence", confidence, expected="0 to 1")
    return float(confidence)
