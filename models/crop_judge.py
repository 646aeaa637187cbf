"""A second look: a model says what it sees in a piece cut out of a frame. Detectors and Ultralytics' classifiers alike.

A classifier is a .pt file or an OpenVINO folder of task classify; an .onnx file is taken for a detector, since it does
not say what it is before it is loaded as such.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detector import Detector, Image, require_image
from models.errors import InferenceError, NotAModelError
from models.openvino import OpenVinoDetector
from models.weights import fingerprint, model_name, openvino_pair, read_facts, require_weights
from models.yolo import YoloDetector, load_classifier

FAINT: Final = 0.05
MOST_SAID: Final = 5
MOST_SIDE_PX: Final = 1_280
_LEAST_PX: Final = 16


class Said(NamedTuple):
    """What a model says of a piece: a class and how sure it is."""

    class_name: str
    confidence: float


class CropJudge(Protocol):
    """What looks at pieces of frames."""

    @property
    def version(self) -> str:
        """The name and 12 hexadecimal digits of the weights' SHA-256."""

    @property
    def classes(self) -> frozenset[str]:
        """The classes that it knows."""

    def say(self, crop: Image, inner_px: tuple[float, float, float, float]) -> list[Said]:
        """Return what it sees, surest first, at most five.

        Args:
            crop: uint8 (height, width, 3), BGR.
            inner_px: left, top, right, bottom of the thing itself in the piece; what lies beside it does not count.

        Raises:
            ModelsError: the model cannot say.
        """

    def close(self) -> None:
        """Give back memory."""


class DetectorJudge:
    """A detector that looks at pieces; boxes count whose middle lies in the thing's own box."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.version = detector.version
        self.classes = frozenset(detector.class_names.values())

    def say(self, crop: Image, inner_px: tuple[float, float, float, float]) -> list[Said]:
        """Return what it sees; see `CropJudge`."""
        found = self._detector.detect(require_image(crop), stream="crop", confidence=FAINT)
        middles = (found.boxes_px[:, :2] + found.boxes_px[:, 2:]) / 2
        left, top, right, bottom = inner_px
        inside = (middles[:, 0] >= left) & (middles[:, 0] <= right) & (middles[:, 1] >= top) & (middles[:, 1] <= bottom)
        kept = found.select(np.flatnonzero(inside))
        said = [Said(name, round(float(sure), 3)) for name, sure in zip(kept.names(), kept.confidence, strict=True)]
        return sorted(said, key=lambda each: -each.confidence)[:MOST_SAID]

    def close(self) -> None:
        """Give back memory."""
        self._detector.close()


class ClassifierJudge:
    """An Ultralytics classification model that looks at pieces: a .pt file run by torch, or a folder run by OpenVINO.

    A piece is cut square in the middle and scaled to the model's input, as Ultralytics does.

    Raises:
        WeightsMissingError, NotAModelError, LibraryMissingError: see `models.yolo`.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        if path.is_dir():
            files = list(openvino_pair(path))
            self._names, self._side, self._run = _open_folder(path)
        else:
            files = [require_weights(path)]
            self._names, self._side, self._run = load_classifier(path, threads=threads)
        if not _LEAST_PX <= self._side <= MOST_SIDE_PX:
            raise NotAModelError(path, found=f"input of {self._side} px", expected=f"{_LEAST_PX} to {MOST_SIDE_PX} px")
        self.version = f"{model_name(path)}@{fingerprint(files)}"
        self.classes = frozenset(self._names.values())
        self._lock = Lock()

    def say(self, crop: Image, inner_px: tuple[float, float, float, float]) -> list[Said]:
        """Return what it sees; see `CropJudge`. A classifier looks at the piece as a whole."""
        del inner_px
        picture = squared(require_image(crop), self._side)
        with self._lock:
            shares = self._run(picture)
        if shares.shape != (len(self._names),) or not np.isfinite(shares).all():
            expected = f"{len(self._names)} finite shares"
            raise InferenceError(self.version, actual=f"{shares.shape} numbers", expected=expected)
        best = np.argsort(-shares, kind="stable")[:MOST_SAID]
        return [Said(self._names[row], round(float(shares[row]), 3)) for row in best.tolist()]

    def close(self) -> None:
        """Give back memory."""
        with self._lock:
            self._run = _closed


def _closed(picture: NDArray[np.float32]) -> NDArray[np.float64]:
    del picture
    return np.full(0, np.nan)


def _open_folder(folder: Path) -> tuple[Mapping[int, str], int, Callable[[NDArray[np.float32]], NDArray[np.float64]]]:
    import openvino as ov

    facts = read_facts(folder)
    xml, _ = openvino_pair(folder)
    try:
        compiled = ov.Core().compile_model(str(xml), "CPU")
    except RuntimeError as error:
        found = str(error).strip().splitlines()[-1][:200]
        raise NotAModelError(folder, found=found, expected="an OpenVINO classification model") from error

    def run(picture: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(compiled(picture)[0], np.float64).reshape(-1)

    return facts.class_names, facts.input_size[0], run


def squared(crop: Image, side_px: int) -> NDArray[np.float32]:
    """Return a piece's middle square as a classifier takes it: float32 (1, 3, side, side), RGB from 0 to 1."""
    height, width = crop.shape[:2]
    whole = min(height, width)
    top, left = (height - whole) // 2, (width - whole) // 2
    shrinks = whole > side_px
    resized = cv2.resize(
        np.ascontiguousarray(crop[top : top + whole, left : left + whole]),
        (side_px, side_px),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
    picture = np.ascontiguousarray(resized[..., ::-1].transpose(2, 0, 1)[None], dtype=np.float32)
    return np.asarray(picture / np.float32(255.0), np.float32)


def open_judge(path: Path, *, threads: int | None = None) -> CropJudge:
    """Return what looks at pieces with these weights.

    Raises:
        WeightsMissingError: nothing is there.
        NotAModelError: it is neither a detection nor a classification model.
        LibraryMissingError: these weights need a library that does not load.
    """
    require_weights(path)
    if path.is_dir():
        openvino_pair(path)
        if read_facts(path).task == "classify":
            return ClassifierJudge(path, threads=threads)
        return DetectorJudge(OpenVinoDetector(path, threads=threads))
    try:
        return DetectorJudge(YoloDetector(path, threads=threads))
    except NotAModelError as error:
        if "task classify" not in str(error):
            raise
    return ClassifierJudge(path, threads=threads)
