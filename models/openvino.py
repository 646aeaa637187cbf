"""The fast path on a CPU: a folder that Ultralytics exported, run by OpenVINO without torch.

Pixels go in as uint8: colour order, scale and layout are part of the compiled graph. A picture goes through the least
input that it needs (`models.narrowing`); through the model's own input the boxes are those of Ultralytics on the same
folder. `tests/contract/test_detectors.py` proves both.

OpenVINO chooses the arithmetic by the machine: INT8 layers are the same everywhere, the others run in float32 or, on
processors that have it, bfloat16, which moves boxes by fractions of a pixel. `OpenVinoDetector.precision` says which.
"""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.boxes import centre_to_corners, suppress
from models.detections import Detections
from models.detector import Image, require_confidence, require_image
from models.errors import InferenceError, NotAModelError, SettingFaultError
from models.letterbox import Letterbox
from models.narrowing import Size, narrow, narrower
from models.requests import Flight, Requests
from models.weights import ExportFacts, fingerprint, model_name, openvino_pair, read_facts

MOST_IOU = 0.7  # Ultralytics' default for prediction
MOST_CANDIDATES = 30_000
MOST_BOXES = 1_000
MOST_THREADS = 1_024
ROW = 6  # left, top, right, bottom, confidence, class

_Input: TypeAlias = Requests[NDArray[np.float32]]


class OpenVinoDetector:
    """A YOLO detection model in OpenVINO's format.

    Safe to call from several threads. Several frames are in flight at once, each on one core where there are enough of
    them: that gives more frames a second than all cores on one frame. Streams get the next free request in turn.

    Raises:
        WeightsMissingError: When there is no such folder.
        NotAModelError: When the folder holds no detection model.
        SettingFaultError: When `threads` is below 1.
    """

    classless = False

    def __init__(self, folder: Path, *, threads: int | None = None, narrows: bool = True) -> None:
        """Compile the model.

        Args:
            folder: What `yolo export format=openvino` wrote.
            threads: CPU threads for inference; None lets OpenVINO take all cores.
            narrows: Whether wide and tall pictures go through narrower inputs; each is compiled at its first picture.
        """
        xml, weights = openvino_pair(folder)
        facts = read_facts(folder)
        if facts.task != "detect":
            raise NotAModelError(folder, found=f"task {facts.task}", expected="task detect")
        self.name = model_name(folder)
        self.version = f"{self.name}@{fingerprint([xml, weights])}"
        self.class_names = facts.class_names
        self.input_size = facts.input_size
        compiled = _compile(_read(folder, xml, facts=facts), threads=threads)
        self.precision = _precision(compiled)
        self.requests = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) + 1
        self._xml, self._threads, self._narrows = xml, threads, narrows
        self._lock = Lock()
        # By the input's size; None where the model cannot be narrowed to it.
        self._inputs: dict[Size, _Input | None] = {self.input_size: self._input(compiled, self.input_size)}

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        """Return what is in the image, most confident first; see `models.detector.Detector`."""
        return self.begin(image, stream=stream, at_s=at_s, confidence=confidence).result()

    def begin(
        self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25
    ) -> "OpenVinoPending":
        """Take an image in and answer later; see `models.detector.AheadDetector`."""
        del stream, at_s  # every frame stands for itself
        least = require_confidence(confidence)
        picture = require_image(image)
        size, requests = self._for((picture.shape[0], picture.shape[1]))
        letterbox = Letterbox.fit((picture.shape[0], picture.shape[1]), size)
        flight = requests.start(
            lambda canvas: letterbox.draw(picture, canvas),
            lambda output: decode(output, least=least, name=self.name),
        )
        return OpenVinoPending(flight, letterbox, self.class_names)

    def close(self) -> None:
        """Give back threads and memory; the detector cannot be used after it."""
        with self._lock:
            for each in self._inputs.values():
                if each is not None:
                    each.close()

    def _for(self, image_size: Size) -> tuple[Size, _Input]:
        """Return the input that a picture goes through, compiled at the first that wants it, and its size."""
        full = self.input_size
        wanted = narrower(image_size, full) if self._narrows else full
        with self._lock:
            if wanted not in self._inputs:
                self._inputs[wanted] = self._narrowed(wanted)
            found = self._inputs[wanted]
            if found is not None:
                return wanted, found
            own = self._inputs[full]
        assert own is not None  # noqa: S101 - the model's own input was compiled first
        return full, own

    def _narrowed(self, size: Size) -> _Input | None:
        import openvino as ov

        model = ov.Core().read_model(self._xml)
        if not narrow(model, size, full=self.input_size):
            return None
        return self._input(_compile(model, threads=self._threads), size)

    def _input(self, compiled: Any, size: Size) -> _Input:
        return Requests(compiled, input_size=size, most=self.requests)


class OpenVinoPending:
    """A frame on its way through the model."""

    def __init__(
        self, flight: Flight[NDArray[np.float32]], letterbox: Letterbox, class_names: Mapping[int, str]
    ) -> None:
        self._flight, self._letterbox, self._class_names = flight, letterbox, class_names

    def result(self) -> Detections:
        """Return what is in the image; see `models.detector.Pending`."""
        rows = self._flight.answer()
        return Detections(
            boxes_px=self._letterbox.to_image(rows[:, :4]),
            confidence=np.clip(rows[:, 4], 0, 1),
            class_ids=rows[:, 5].astype(np.int32),
            class_names=self._class_names,
        )


def decode(output: NDArray[Any], *, least: float, name: str = "model") -> NDArray[np.float32]:
    """Turn a model's answer into rows of left, top, right, bottom, confidence, class in input pixels, float32 (n, 6).

    Args:
        output: (1, 4 + classes, anchors) of YOLOv8 and YOLO11, or (1, n, 6) of models that suppress by themselves.
        least: Boxes at or below this confidence are left out, as Ultralytics does.
        name: The model's name for the error.

    Raises:
        InferenceError: When numbers are not finite.
    """
    rows = _rows_end_to_end(output[0], least) if output.shape[-1] == ROW else _rows_of_anchors(output[0], least)
    if not np.isfinite(rows).all():
        raise InferenceError(name, actual="numbers that are not finite", expected="finite boxes")
    return rows


def _rows_end_to_end(output: NDArray[Any], least: float) -> NDArray[np.float32]:
    rows = output[output[:, 4] > least][:MOST_BOXES].astype(np.float32)
    return np.asarray(rows[np.argsort(-rows[:, 4], kind="stable")])


def _rows_of_anchors(output: NDArray[Any], least: float) -> NDArray[np.float32]:
    scores = output[4:]
    candidates = np.flatnonzero(scores.max(axis=0) > least)
    best = scores[:, candidates]
    class_ids = best.argmax(axis=0)
    confidence = np.take_along_axis(best, class_ids[None], axis=0)[0].astype(np.float32)
    if candidates.size > MOST_CANDIDATES:
        first = np.argsort(-confidence, kind="stable")[:MOST_CANDIDATES]
        candidates, class_ids, confidence = candidates[first], class_ids[first], confidence[first]
    boxes = centre_to_corners(output[:4, candidates].T.astype(np.float32))
    kept = suppress(boxes, confidence, class_ids=class_ids, most_iou=MOST_IOU, most_boxes=MOST_BOXES)
    columns = [boxes[kept], confidence[kept, None], class_ids[kept, None].astype(np.float32)]
    return np.concatenate(columns, axis=1)


def _read(folder: Path, xml: Path, *, facts: ExportFacts) -> Any:
    import openvino as ov

    try:
        model = ov.Core().read_model(xml)
        model.reshape([1, 3, *facts.input_size])
    except RuntimeError as error:
        expected = f"an OpenVINO model that takes {_wanted(facts)}"
        raise NotAModelError(folder, found=_reason(error), expected=expected) from error
    _require_head(folder, model, classes=len(facts.class_names))
    return model


def _compile(model: Any, *, threads: int | None) -> Any:
    import openvino as ov

    return ov.Core().compile_model(_with_pixels(ov, model), "CPU", _settings(threads))


def _wanted(facts: ExportFacts) -> str:
    return f"(1, 3, {facts.input_size[0]}, {facts.input_size[1]})"


def _settings(threads: int | None) -> dict[str, Any]:
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT"}
    if threads is None:
        return settings
    if not 1 <= threads <= MOST_THREADS:
        raise SettingFaultError("threads", threads, expected=f"1 to {MOST_THREADS}")
    return settings | {"INFERENCE_NUM_THREADS": threads}


def _require_head(folder: Path, model: Any, *, classes: int) -> None:
    shape = (
        [int(n) for n in model.output(0).partial_shape.to_shape()] if model.output(0).partial_shape.is_static else []
    )
    end_to_end = len(shape) == 3 and shape[2] == ROW  # noqa: PLR2004 - batch, rows, columns
    anchors = len(shape) == 3 and shape[1] == 4 + classes  # noqa: PLR2004 - batch, columns, anchors
    if len(model.outputs) != 1 or not (end_to_end or anchors):
        expected = f"one output (1, {4 + classes}, anchors) or (1, n, {ROW})"
        raise NotAModelError(folder, found=f"{len(model.outputs)} outputs, the first {tuple(shape)}", expected=expected)


def _with_pixels(ov: Any, model: Any) -> Any:
    """Let the graph itself turn uint8 (1, height, width, 3) BGR into float32 (1, 3, height, width) RGB, 0 to 1."""
    steps = ov.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().tensor().set_color_format(ov.preprocess.ColorFormat.BGR)
    steps.input().model().set_layout(ov.Layout("NCHW"))
    convert = steps.input().preprocess().convert_element_type(ov.Type.f32)
    convert.convert_color(ov.preprocess.ColorFormat.RGB).scale(255.0)
    return steps.build()


def _precision(compiled: Any) -> str:
    return str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
