"""Detection through Ultralytics: .pt, .onnx or an OpenVINO folder. The only module that imports torch and Ultralytics.

A .pt file is a pickle, and a pickle can name any function to be run while it is read. Ultralytics is therefore told to
load only classes that it knows (ULTRALYTICS_SAFE_LOAD); weights that need more are refused. Setting that variable to
False by hand lifts the guard: do so only for files whose origin is certain.

Importing Ultralytics would install packages, ask the network whether it is there, write to the user's settings, change
OpenCV's thread count and replace cv2.imread; `import_ultralytics` prevents or undoes each of these.
"""

import importlib
import logging
import os
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.detector import Image, require_confidence, require_image
from models.errors import LibraryMissingError, NotAModelError, SettingFaultError
from models.weights import cache_folder, fingerprint, model_name, openvino_pair, require_weights

MOST_IOU = 0.7
MOST_BOXES = 1_000
CLASSIFIER_PX = 224
MOST_THREADS = 1_024
PLACEHOLDER_CLASSES = 999  # what Ultralytics makes up when a file names no classes
EXPECTED = "a .pt or .onnx file, or an OpenVINO folder, of an Ultralytics detection model"
_SAFE_LOAD = "ULTRALYTICS_SAFE_LOAD"
ENVIRONMENT = {
    "YOLO_AUTOINSTALL": "False",
    "YOLO_VERBOSE": "False",
    "YOLO_OFFLINE": "True",
    _SAFE_LOAD: "True",
}
_importing = Lock()


class YoloDetector:
    """A detection model run by Ultralytics, on a GPU where torch finds one.

    Safe to call from several threads: one frame at a time goes through, the others wait.

    Raises:
        WeightsMissingError: When nothing is at the path.
        NotAModelError: When it is no detection model.
        LibraryMissingError: When Ultralytics or torch do not load.
        SettingFaultError: When `threads` is below 1.
    """

    classless = False

    def __init__(self, path: Path, *, threads: int | None = None, size_px: int | None = None) -> None:
        """Load the model and run it once.

        Args:
            path: A .pt or .onnx file or an OpenVINO folder.
            threads: CPU threads of torch in the whole process; None leaves them. The runtimes of .onnx files and
                OpenVINO folders take no such number through Ultralytics.
            size_px: Side of the square that goes into the model, as into an export; None leaves the model's own.
        """
        files = _require_kind(path)
        self.name = model_name(path)
        self.version = f"{self.name}@{fingerprint(files)}"
        self._lock = Lock()
        self._sized: dict[str, int] = {} if size_px is None else {"imgsz": size_px, "rect": False}
        self._model = _load(path, threads=threads)
        self.class_names: Mapping[int, str] = _class_names(path, self._model)

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        """Return what is in the image, most confident first; see `models.detector.Detector`."""
        del stream, at_s  # every frame stands for itself
        least = require_confidence(confidence)
        picture = require_image(image)
        with self._lock:
            (result,) = _predict(self._model, picture, least, **self._sized)
        rows = result.boxes.data.cpu().numpy().astype(np.float32)
        rows = rows[np.argsort(-rows[:, 4], kind="stable")]
        return Detections(
            boxes_px=rows[:, :4].copy(),
            confidence=np.clip(rows[:, 4], 0, 1),
            class_ids=rows[:, 5].astype(np.int32),
            class_names=self.class_names,
        )

    def close(self) -> None:
        """Give back threads and memory; the detector cannot be used after it."""
        with self._lock:
            self._model = None


def download(name: str, folder: Path) -> Path:
    """Let Ultralytics download one of its own weights into a folder; blocks as long as it takes.

    Raises:
        LibraryMissingError: When Ultralytics does not load.
        ConnectionError: When there is no network.
    """
    import_ultralytics(offline=False)
    from ultralytics.utils.downloads import attempt_download_asset

    return Path(attempt_download_asset(str(folder / name), retry=0, progress=False))


def _require_kind(path: Path) -> list[Path]:
    """Return the files that make up the weights, after the checks that need no library."""
    require_weights(path)
    if path.is_dir():
        return list(openvino_pair(path))
    if path.suffix not in {".pt", ".onnx"}:
        raise NotAModelError(path, found=f"a file with suffix {path.suffix or 'none'}", expected=EXPECTED)
    if path.suffix == ".pt" and not zipfile.is_zipfile(path):
        raise NotAModelError(path, found="no torch archive", expected=EXPECTED)
    return [path]


def _load(path: Path, *, threads: int | None) -> Any:
    ultralytics = import_ultralytics(offline=True)
    if threads is not None:
        _set_threads(threads)
    try:
        model = ultralytics.YOLO(str(path), task=None if path.suffix == ".pt" else "detect", verbose=False)
        if model.task == "detect":
            _predict(model, np.zeros((64, 64, 3), np.uint8), 0.9)
    except _loader_errors() as error:
        raise NotAModelError(path, found=_reason(error), expected=EXPECTED) from error
    if model.task != "detect":
        raise NotAModelError(path, found=f"task {model.task}", expected=EXPECTED)
    return model


def load_classifier(path: Path, *, threads: int | None = None) -> tuple[Mapping[int, str], int, Any]:
    """Load an Ultralytics classification model from a .pt file.

    Its network is called without Ultralytics' predictor, which would need a torchvision that loads.

    Returns:
        What each class id means, the side of its square input in pixels, and what turns float32 (1, 3, side, side) RGB
        from 0 to 1 into shares, float64 (classes,).

    Raises:
        NotAModelError: When it is none.
        LibraryMissingError: When Ultralytics or torch do not load.
    """
    expected = "a .pt file of an Ultralytics classification model"
    ultralytics = import_ultralytics(offline=True)
    import torch

    if threads is not None:
        _set_threads(threads)
    try:
        model = ultralytics.YOLO(str(path), verbose=False)
        if model.task != "classify":
            raise NotAModelError(path, found=f"task {model.task}", expected=expected)
        network = model.model.float().eval()
        side = int(dict(getattr(network, "args", None) or {}).get("imgsz", CLASSIFIER_PX))
    except _loader_errors() as error:
        raise NotAModelError(path, found=_reason(error), expected=expected) from error

    def run(picture: NDArray[np.float32]) -> NDArray[np.float64]:
        with torch.inference_mode():
            found = network(torch.from_numpy(picture))
        shares = found[0] if isinstance(found, tuple | list) else found
        return np.asarray(shares.reshape(-1).cpu().numpy(), np.float64)

    return {int(row): str(name) for row, name in model.names.items()}, side, run


def _predict(model: Any, picture: Image, least: float, **sized: int) -> Any:
    return model.predict(picture, conf=least, iou=MOST_IOU, max_det=MOST_BOXES, verbose=False, save=False, **sized)


def _class_names(path: Path, model: Any) -> Mapping[int, str]:
    names = {int(i): str(name) for i, name in model.names.items()}
    if not names or (len(names) == PLACEHOLDER_CLASSES and names[0] == "class0"):
        raise NotAModelError(path, found="no class names in its metadata", expected=EXPECTED)
    return names


def _set_threads(threads: int) -> None:
    if not 1 <= threads <= MOST_THREADS:
        raise SettingFaultError("threads", threads, expected=f"1 to {MOST_THREADS}")
    import torch

    torch.set_num_threads(threads)


def _loader_errors() -> tuple[type[Exception], ...]:
    """Return what the loaders of torch, Ultralytics and ONNX Runtime raise for files that hold no model."""
    own = (ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError)
    kinds: tuple[type[Exception], ...] = (*own, RuntimeError, TypeError, ValueError, ImportError)
    state = sys.modules.get("onnxruntime.capi.onnxruntime_pybind11_state")
    found = [kind for kind in vars(state).values() if isinstance(kind, type)] if state else []
    return kinds + tuple(kind for kind in found if issubclass(kind, Exception))


def import_ultralytics(*, offline: bool) -> Any:
    """Import Ultralytics without what it would do besides, and return it.

    Raises:
        LibraryMissingError: When it or torch do not load.
    """
    with _importing, _environment(offline=offline), _opencv_kept():
        try:
            import ultralytics
            import ultralytics.nn.autobackend
            import ultralytics.nn.tasks
        except (ImportError, OSError, RuntimeError) as error:
            raise LibraryMissingError(
                "ultralytics", needed_for="this kind of weights", reason=_reason(error)
            ) from error
        # Somebody else may have imported it first, without our environment.
        tasks: Any = ultralytics.nn.tasks
        tasks.SAFE_LOAD = ultralytics.utils.env_bool(_SAFE_LOAD)
        logging.getLogger("ultralytics").setLevel(logging.ERROR)
        if not _torchvision_loads():
            ultralytics.nn.autobackend.AutoBackend.warmup = _no_warmup
    return ultralytics


def _torchvision_loads() -> bool:
    """Say whether torchvision can be imported, and leave no half-imported pieces when it cannot.

    A registry's torchvision is built for CUDA; beside a CPU build of torch its import raises RuntimeError ("operator
    torchvision::nms does not exist"). Ultralytics imports it while warming up, for nothing but its nms, and takes its
    own TorchNMS when torchvision is not in sys.modules: so without a torchvision that loads, warming up is skipped.
    """
    try:
        importlib.import_module("torchvision")
    except (ImportError, OSError, RuntimeError):
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        return False
    return True


def _no_warmup(*_: Any, **__: Any) -> None:
    """Stand in for AutoBackend.warmup where torchvision does not load; see `_torchvision_loads`."""


@contextmanager
def _environment(*, offline: bool) -> Iterator[None]:
    """Set what Ultralytics reads while it is imported, and put the variables back; those set by hand win."""
    wanted = ENVIRONMENT | {"YOLO_CONFIG_DIR": str(cache_folder(os.environ)), "YOLO_OFFLINE": str(offline)}
    added = {key: value for key, value in wanted.items() if key not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for key in added:
            os.environ.pop(key, None)


@contextmanager
def _opencv_kept() -> Iterator[None]:
    kept = {name: getattr(cv2, name) for name in ("imread", "imwrite", "imshow")}
    threads = cv2.getNumThreads()
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(cv2, name, function)
        cv2.setNumThreads(threads)


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
