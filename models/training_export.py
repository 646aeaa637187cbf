"""Exporting what a training has learned: an OpenVINO folder that `models.openvino` runs, or a format of Ultralytics."""

import math
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from models.errors import LibraryMissingError, ModelsError
from models.training import checkpoint
from models.training_plan import STATE, NothingLearnedError, read_plan
from models.weights import METADATA
from models.yolo import import_ultralytics

OPENVINO: Final = "openvino"
_HALF: Final = 16  # bits
_FLOATS: Final = frozenset({"onnx", "torchscript"})  # exported in float32: their runtimes on CPUs want that


class ExportFailedError(ModelsError):
    """Ultralytics could not export."""

    def __init__(self, kind: str, reason: str) -> None:
        lines = reason.splitlines() or ["no message"]
        super().__init__(
            f"export to {kind!r:.40} failed: {lines[0][:200]}; give --export a format that Ultralytics has"
        )


def export(
    folder: Path, target: Path, *, names: Mapping[int, str], description: str, kind: str = OPENVINO, size_px: int = 768
) -> Path:
    """Export the moving average of a training's weights, whole or not at all, and return where it is.

    Args:
        folder: of the training.
        target: for OpenVINO the folder that becomes the model; for other formats the folder it is put into.
        names: what each class id means.
        description: what the model's metadata says of it.
        kind: a format of Ultralytics' export; OpenVINO's is float16.
        size_px: longer side of the model's input; the other is 9/16 of it, up to a multiple of 32.

    Raises:
        NothingLearnedError: there is no state yet.
        LibraryMissingError: Ultralytics, torch or what the format needs do not load.
        ExportFailedError: Ultralytics knows no such format, or failed.
    """
    plan = read_plan(folder)
    if not (folder / STATE).is_file():
        raise NothingLearnedError(folder)
    ultralytics = import_ultralytics(offline=True)
    height = math.ceil(size_px * 9 / 16 / 32) * 32
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as room:
        weights = checkpoint(folder, plan, names=names, path=Path(room) / "district.pt")
        made = _exported(ultralytics.YOLO(str(weights), verbose=False), kind=kind, size=[height, size_px])
        return _keep(made, target, kind=kind, description=description)


def _exported(model: Any, *, kind: str, size: list[int]) -> Path:
    bits = None if kind in _FLOATS else _HALF
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing warns of being old, and of every branch it follows
            return Path(model.export(format=kind, imgsz=size, quantize=bits, device="cpu", verbose=False))
    except ImportError as error:
        raise LibraryMissingError(kind, needed_for=f"exporting to {kind}", reason=str(error)[:200]) from error
    except (AssertionError, RuntimeError, SystemError, ValueError) as error:
        raise ExportFailedError(kind, str(error)) from error


def _keep(made: Path, target: Path, *, kind: str, description: str) -> Path:
    """Move what was exported to its place; a folder takes the place of the one before."""
    if kind != OPENVINO:
        target.mkdir(parents=True, exist_ok=True)
        place = target / made.name
        if place.is_dir():
            shutil.rmtree(place)
        made.replace(place)
        return place
    facts = yaml.safe_load((made / METADATA).read_text(encoding="utf-8"))
    facts |= {"description": description, "author": "Beatgrid", "license": "AGPL-3.0"}
    (made / METADATA).write_text(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True), encoding="utf-8")
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(made.iterdir()):
        file.replace(target / file.name)  # what else lies there, such as a model card, stays
    return target
