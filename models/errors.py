"""The errors of detection models: each says what was wrong, what was expected and what to do next."""

from collections.abc import Sequence
from pathlib import Path


class ModelsError(Exception):
    """Base of all errors that this package raises on purpose."""


class ArrayFaultError(ModelsError):
    """An array field has another shape, dtype or range than the field states."""

    def __init__(self, field: str, *, expected: str, actual: str) -> None:
        super().__init__(f"{field} is {actual}; expected {expected}; fix the code that builds it")


class ImageFaultError(ModelsError):
    """An image is no (height, width, 3) uint8 picture of a size that a camera sends."""

    def __init__(self, *, expected: str, actual: str) -> None:
        super().__init__(f"the image is {actual}; expected {expected}; decode it with cv2.imdecode(…, IMREAD_COLOR)")


class SettingFaultError(ModelsError):
    """A setting of a detector or tracker lies outside its range."""

    def __init__(self, name: str, value: object, *, expected: str) -> None:
        super().__init__(f"{name} is {value!r}; expected {expected}; change that setting")


class TimeOrderError(ModelsError):
    """A frame is older than the one before it in the same stream."""

    def __init__(self, *, at_s: float, newest_s: float) -> None:
        super().__init__(
            f"a frame at {at_s:.3f} s came after one at {newest_s:.3f} s; "
            "expected frame times that rise; sort the frames or start a new tracker"
        )


class WeightsMissingError(ModelsError):
    """The weights that were named do not exist."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"weights {path} do not exist; expected a .pt or .onnx file, an OpenVINO folder that Ultralytics exported, "
            "or the word background; check --weights and BEATGRID_WEIGHTS"
        )


class NotAModelError(ModelsError):
    """The weights that were named exist but hold no detection model."""

    def __init__(self, path: Path | str, *, found: str, expected: str) -> None:
        super().__init__(f"weights {path} are not a detection model: {found}; expected {expected}; give other weights")


class LibraryMissingError(ModelsError):
    """A library that these weights need is not installed or does not load."""

    def __init__(self, library: str, *, needed_for: str, reason: str, extra: str = "yolo") -> None:
        super().__init__(
            f"{needed_for} needs {library}, which does not load ({reason}); "
            f"run pip install 'beatgrid[{extra}]' (make test installs it too), or give an OpenVINO folder"
        )


class NoWeightsError(ModelsError):
    """No weights were named and none could be downloaded; the message has three lines, one for each remedy."""

    def __init__(self, *, reason: str) -> None:
        one_line = " ".join(reason.split())
        super().__init__(
            f"No detection weights ({one_line}). Give some with --weights FILE (.pt, .onnx or an OpenVINO folder),\n"
            "or set BEATGRID_WEIGHTS to such a file or folder,\n"
            "or use --weights background, which finds things that appeared and stayed, without naming them."
        )


class InferenceError(ModelsError):
    """A model answered with something that is no list of boxes."""

    def __init__(self, name: str, *, actual: str, expected: str) -> None:
        super().__init__(f"model {name} answered with {actual}; expected {expected}; export the weights again")


class UnknownClassesError(ModelsError):
    """Class ids occur for which the model has no name."""

    def __init__(self, unknown: Sequence[int], known: int) -> None:
        listed = ", ".join(str(i) for i in unknown[:5])
        super().__init__(
            f"class ids {listed} have no name; expected ids among the {known} of class_names; "
            "give the names that belong to these weights"
        )


def require_range(name: str, value: float, least: float, most: float) -> None:
    """Require that a setting lies from `least` to `most`.

    Raises:
        SettingFaultError: When it does not, or is no number.
    """
    if not least <= value <= most:
        raise SettingFaultError(name, value, expected=f"{least:g} to {most:g}")
