"""Choosing how weights are run on this machine: exports of a .pt, timed one after another, boxes held against its own.

What is fastest differs by processor: one with bfloat16 runs a small model faster in float16 files than in INT8. So each
candidate is timed here, and the fastest whose boxes agree with those of the .pt file is kept.
"""

import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from models.boxes import iou
from models.detections import Detections
from models.detector import Detector, Image
from models.errors import LibraryMissingError, ModelsError
from models.openvino import OpenVinoDetector
from models.quantizing import quantize, require_nncf
from models.training_export import ExportFailedError
from models.weights import METADATA, model_name, require_weights
from models.yolo import YoloDetector, import_ultralytics

COUNTED: Final = 0.4
FAINTEST: Final = 0.3  # a box that one side counts and the other all but counts is the same box
LEAST_IOU: Final = 0.7
LEAST_AGREEMENT: Final = 0.95
LEAST_BOXES: Final = 5  # the two pictures that Ultralytics ships show that many people
TURNS: Final = 12
MOST_PICTURES: Final = 40
LEAST_CALIBRATING: Final = 8
MOST_CALIBRATING: Final = 300
SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})
BITS: Final = {"float32": 32, "float16": 16}


class NoPicturesError(ModelsError):
    """There is nothing to compare boxes on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} holds no .jpg, .jpeg or .png that can be read; give pictures of your cameras")


class NoAgreementError(ModelsError):
    """No export finds what the weights themselves find."""

    def __init__(self, weights: Path, agreements: Sequence[float]) -> None:
        best = max(agreements, default=0.0)
        super().__init__(
            f"no export of {weights} finds the same boxes: the best agrees on {best:.0%}, expected"
            f" {LEAST_AGREEMENT:.0%}; nothing was kept; give more pictures, of what the model was trained for"
        )


class TooFewBoxesError(ModelsError):
    """The pictures show too little for an agreement to mean anything."""

    def __init__(self, weights: Path, *, pictures: int, boxes: int) -> None:
        super().__init__(
            f"{weights} finds {boxes} boxes in {pictures} pictures, expected {LEAST_BOXES} at least; nothing was kept;"
            " give pictures of what the model was trained for (--pictures)"
        )


class OutputTakenError(ModelsError):
    """The folder for the export holds something else, which would be lost."""

    def __init__(self, output: Path, held: str) -> None:
        super().__init__(f"{output} holds {held}, expected nothing or an export from before; name a new folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One export, measured.

    Attributes:
        precision: of the file; what a processor computes in is OpenVINO's choice.
        ms: median milliseconds a frame, the frames sent one after another.
        agreement: share of the .pt file's boxes, and of its own, that have a partner of the class.
    """

    precision: str
    ms: float
    agreement: float
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was kept, and what it was chosen from.

    Attributes:
        left_out: why INT8 was not tried; empty where it was.
    """

    kept: Path
    precision: str
    weights_ms: float
    pictures: int
    candidates: tuple[Candidate, ...]
    left_out: str = ""


def choose(
    weights: Path, output: Path, *, pictures: Path | None = None, size_px: int = 640, others: Sequence[Path] = ()
) -> Choice:
    """Export weights, time each export beside the others, and keep the fastest whose boxes agree, whole or not at all.

    INT8 is among them where nncf is installed and there are pictures enough: every second one calibrates it, the others
    compare boxes.

    Args:
        weights: a .pt of an Ultralytics detection model.
        output: the folder that becomes the model.
        pictures: a folder of pictures of the site's cameras; the two that Ultralytics ships by default.
        size_px: side of the model's input.
        others: OpenVINO folders of the same model that were made elsewhere, such as an INT8 one.

    Raises:
        WeightsMissingError, NotAModelError: `weights` or one of `others` is none.
        LibraryMissingError: Ultralytics or torch do not load.
        ExportFailedError: Ultralytics failed.
        NoPicturesError, TooFewBoxesError, NoAgreementError, OutputTakenError: see there.
    """
    require_weights(weights)
    _require_replaceable(output)
    reference = YoloDetector(weights, size_px=size_px)
    views, calibrating = _views(pictures)
    left_out = _no_int8(calibrating)
    wanted = [reference.detect(view, confidence=FAINTEST) for view in views]
    boxes = sum(map(len, _counted(wanted)))
    if boxes < LEAST_BOXES:
        raise TooFewBoxesError(weights, pictures=len(views), boxes=boxes)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".weights-") as room:
        made = {name: _exported(weights, Path(room) / name, bits=bits, size_px=size_px) for name, bits in BITS.items()}
        if not left_out:
            made["int8"] = quantize(made["float32"], Path(room) / "int8", calibrating)
        made |= {f"given: {folder.name}": folder for folder in others}
        measured = _measured(reference, made, views, wanted)
        agreeing = [each for each in measured.candidates if each.agreement >= LEAST_AGREEMENT]
        if not agreeing:
            raise NoAgreementError(weights, [each.agreement for each in measured.candidates])
        best = min(agreeing, key=lambda each: each.ms)
        _keep(best.folder, output)
    return Choice(
        kept=output,
        precision=best.precision,
        weights_ms=measured.weights_ms,
        pictures=len(views),
        candidates=measured.candidates,
        left_out=left_out,
    )


def _no_int8(calibrating: Sequence[Image]) -> str:
    """Return why INT8 cannot be tried, empty if it can."""
    if len(calibrating) < LEAST_CALIBRATING:
        return f"{2 * LEAST_CALIBRATING} pictures of your cameras are needed to calibrate and compare (--pictures)"
    try:
        require_nncf()
    except LibraryMissingError as error:
        return str(error)
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    weights_ms: float
    candidates: tuple[Candidate, ...]


def _measured(
    reference: Detector, made: dict[str, Path], views: Sequence[Image], wanted: Sequence[Detections]
) -> _Measured:
    """Time all in turn, so that a busy machine slows each of them, and compare their boxes with those wanted."""
    detectors: dict[str, Detector] = {name: OpenVinoDetector(folder) for name, folder in made.items()}
    agreement = {
        name: agreed(wanted, [detector.detect(view, confidence=FAINTEST) for view in views])
        for name, detector in detectors.items()
    }
    spent: dict[str, list[float]] = {name: [] for name in ("", *detectors)}
    for turn in range(TURNS):
        for name, detector in [("", reference), *detectors.items()]:
            began = time.perf_counter()
            detector.detect(views[turn % len(views)], confidence=COUNTED)
            spent[name].append(1000.0 * (time.perf_counter() - began))
    for detector in (reference, *detectors.values()):
        detector.close()
    candidates = tuple(
        Candidate(precision=name, ms=statistics.median(spent[name]), agreement=agreement[name], folder=folder)
        for name, folder in made.items()
    )
    return _Measured(weights_ms=statistics.median(spent[""]), candidates=candidates)


def agreed(wanted: Sequence[Detections], found: Sequence[Detections]) -> float:
    """Return the smaller of the shares of both sides' counted boxes that the other has too, if fainter."""
    return min(_share(wanted, found), _share(found, wanted))


def _share(these: Sequence[Detections], those: Sequence[Detections]) -> float:
    counted = _counted(these)
    total = sum(map(len, counted))
    return sum(_partners(one, other) for one, other in zip(counted, those, strict=True)) / total if total else 1.0


def _counted(views: Sequence[Detections]) -> list[Detections]:
    return [each.select(each.confidence >= COUNTED) for each in views]


def _partners(one: Detections, other: Detections) -> int:
    """Return how many boxes of one side have a partner of their class, one to one, those that overlap most first."""
    if not len(one) or not len(other):
        return 0
    shared = iou(one.boxes_px, other.boxes_px) * (one.class_ids[:, None] == other.class_ids[None])
    pairs = 0
    while float(shared.max()) >= LEAST_IOU:
        row, column = np.unravel_index(int(shared.argmax()), shared.shape)
        shared[row], shared[:, column] = 0.0, 0.0
        pairs += 1
    return pairs


def _views(folder: Path | None) -> tuple[list[Image], list[Image]]:
    """Return pictures to compare boxes on, and others to calibrate on; where there are few, all are compared."""
    if folder is None:
        folder = Path(import_ultralytics(offline=True).__file__).parent / "assets"
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    enough = len(paths) >= 2 * LEAST_CALIBRATING
    views = _pictures(paths[:: 2 if enough else 1][:MOST_PICTURES])
    if not views:
        raise NoPicturesError(folder)
    return views, _pictures(paths[1::2][:MOST_CALIBRATING]) if enough else []


def _pictures(paths: Sequence[Path]) -> list[Image]:
    views = (cv2.imread(str(path), cv2.IMREAD_COLOR) for path in paths)
    return [np.asarray(view, np.uint8) for view in views if view is not None]


def _exported(weights: Path, room: Path, *, bits: int, size_px: int) -> Path:
    """Let Ultralytics export into a room of its own: it writes beside the weights."""
    room.mkdir()
    copy = room / weights.name
    shutil.copyfile(weights, copy)
    model: Any = import_ultralytics(offline=True).YOLO(str(copy), verbose=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing warns of being old, and of every branch it follows
            made = model.export(format="openvino", imgsz=size_px, quantize=bits, device="cpu", verbose=False)
    except ImportError as error:
        raise LibraryMissingError("openvino", needed_for="exporting", reason=str(error)[:200]) from error
    except (AssertionError, RuntimeError, SystemError, TypeError, ValueError) as error:
        raise ExportFailedError("openvino", str(error)) from error
    named = room / f"{model_name(weights)}_openvino_model"
    Path(made).replace(named)
    return named


def _require_replaceable(output: Path) -> None:
    if output.is_dir():
        for path in sorted(output.iterdir()):
            if path.suffix not in {".xml", ".bin"} and path.name != METADATA:
                raise OutputTakenError(output, path.name)
    elif output.exists():
        raise OutputTakenError(output, "a file's content")


def _keep(folder: Path, output: Path) -> None:
    """Put a copy of a folder in the place of the one before."""
    beside = output.with_name(f".{output.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(folder, beside)
    if output.is_dir():
        shutil.rmtree(output)
    beside.replace(output)
