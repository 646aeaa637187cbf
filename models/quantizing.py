"""INT8 made on this machine: a float32 OpenVINO folder, calibrated on pictures.

Needs nncf (the extra `int8`). The head's last steps, which turn answers into boxes, stay in floating point as in
Ultralytics' own INT8 export: coordinates of hundreds of pixels do not fit 256 steps.
"""

import logging
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.detector import Image
from models.errors import LibraryMissingError
from models.letterbox import Letterbox
from models.training_export import ExportFailedError
from models.weights import openvino_pair, read_facts


def require_nncf() -> Any:
    """Return nncf.

    Raises:
        LibraryMissingError: it does not load.
    """
    try:
        import nncf
    except ImportError as error:
        raise LibraryMissingError("nncf", needed_for="INT8 exports", reason=str(error)[:200], extra="int8") from error
    logging.getLogger("nncf").setLevel(logging.ERROR)  # it tells stdout of every layer it leaves
    return nncf


def quantize(folder: Path, output: Path, pictures: Sequence[Image]) -> Path:
    """Write the INT8 folder of a float32 one; return it.

    Args:
        folder: an OpenVINO detection model in float32.
        output: the new folder; must not exist.
        pictures: what the ranges of numbers are read from; a few hundred of the site's own cameras are best.

    Raises:
        LibraryMissingError: nncf does not load.
        NotAModelError: `folder` is none.
        ExportFailedError: nncf failed.
    """
    import openvino as ov

    nncf = require_nncf()
    xml, _ = openvino_pair(folder)
    size = read_facts(folder).input_size
    model = ov.Core().read_model(xml)
    try:
        with redirect_stdout(sys.stderr):  # its progress
            made = nncf.quantize(
                model,
                nncf.Dataset(list(_inputs(pictures, size))),
                preset=nncf.QuantizationPreset.MIXED,
                subset_size=len(pictures),
                ignored_scope=nncf.IgnoredScope(names=_head(model)),
            )
    except (RuntimeError, ValueError, nncf.errors.ValidationError, nncf.errors.InternalError) as error:
        raise ExportFailedError("openvino int8", str(error)) from error
    output.mkdir()
    ov.save_model(made, output / xml.name, compress_to_fp16=False)
    shutil.copyfile(folder / "metadata.yaml", output / "metadata.yaml")
    return output


def _inputs(pictures: Sequence[Image], size: tuple[int, int]) -> Iterator[NDArray[np.float32]]:
    """Yield the model's inputs, float32 (1, 3, height, width), RGB, 0 to 1."""
    canvas = np.zeros((*size, 3), np.uint8)
    for picture in pictures:
        Letterbox.fit((picture.shape[0], picture.shape[1]), size).draw(picture, canvas)
        yield np.ascontiguousarray(canvas[..., ::-1].transpose(2, 0, 1)[None], np.float32) / 255.0


def _head(model: Any) -> list[str]:
    """Return the names of what stays in floating point: activations, and what turns answers into boxes."""
    operations = model.get_ordered_ops()
    activations = [op.get_friendly_name() for op in operations if op.get_type_name() == "Sigmoid"]
    if not activations:
        return []
    head = activations[-1].split("/", 1)[0]  # the last gives the classes' confidence
    names = (op.get_friendly_name() for op in operations)
    return activations + [name for name in names if name.startswith((f"{head}/", f"{head}.dfl"))]
