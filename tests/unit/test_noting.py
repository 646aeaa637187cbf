"""What is noted of a detector in drawn runs: its answers and its time, also where it could answer ahead."""

import numpy as np

from models.detections import Detections
from models.detector import AheadDetector, Detector, Image, Pending, begin
from pipeline.district.pixels import Noting

NAMES = {0: "person"}


class Ahead:
    """A detector that may take the next image before it has answered, as the fast one does."""

    name, version, classless, class_names = "ahead", "ahead-1", False, NAMES

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        del image, stream, at_s
        return Detections(
            boxes_px=np.array([[1, 2, 3, 4]], np.float32),
            confidence=np.array([max(confidence, 0.5)], np.float32),
            class_ids=np.zeros(1, np.int32),
            class_names=NAMES,
        )

    def begin(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Pending:
        raise AssertionError((image.shape, stream, at_s, confidence))

    def close(self) -> None:
        return


def test_a_detector_that_answers_ahead_is_noted_too():
    ahead: Detector = Ahead()
    assert isinstance(ahead, AheadDetector)
    noting = Noting(ahead)
    found = begin(noting, np.zeros((8, 8, 3), np.uint8), stream="c", at_s=0.0, confidence=0.1).result()
    assert noting.last is found
    assert len(found) == 1
    assert noting.seconds > 0.0
    assert (noting.name, noting.version, noting.classless, noting.class_names) == ("ahead", "ahead-1", False, NAMES)
