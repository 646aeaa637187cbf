"""Weights on disk: what kind they are, their fingerprint, and the facts that Ultralytics writes beside an export."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from models.errors import NotAModelError, WeightsMissingError

METADATA = "metadata.yaml"
MOST_METADATA_BYTES = 1_000_000
MOST_CLASSES = 10_000
SIDES_PX = (32, 4096)
FOLDER_EXPECTED = "a folder with metadata.yaml and one .xml and .bin pair, as `yolo export format=openvino` writes it"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFacts:
    """What an exported folder says about its model.

    Attributes:
        class_names: What each class id means.
        input_size: Height and width of the model's input in pixels.
        task: Ultralytics' word for what it does; detection is `detect`.
    """

    class_names: Mapping[int, str]
    input_size: tuple[int, int]
    task: str


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return where this user's downloads and libraries' settings are kept: $XDG_CACHE_HOME/beatgrid."""
    base = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".cache")
    return Path(base) / "beatgrid"


def require_weights(path: Path) -> Path:
    """Return the path when something is there.

    Raises:
        WeightsMissingError: When nothing is.
    """
    if not path.exists():
        raise WeightsMissingError(path)
    return path


def fingerprint(paths: Sequence[Path]) -> str:
    """Return `sha256:` and the first 12 hexadecimal digits over the bytes of these files, in this order."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    return f"sha256:{digest.hexdigest()[:12]}"


def model_name(path: Path) -> str:
    """Return a short name for weights: the file's or folder's name without what names its format."""
    return path.stem.removesuffix("_openvino_model") if path.is_file() else path.name.removesuffix("_openvino_model")


def openvino_pair(folder: Path) -> tuple[Path, Path]:
    """Return the .xml and the .bin of an exported folder.

    Raises:
        WeightsMissingError: When there is no such folder.
        NotAModelError: When it does not hold exactly one pair and metadata.yaml.
    """
    require_weights(folder)
    found = sorted(folder.glob("*.xml")) if folder.is_dir() else []
    if not folder.is_dir():
        raise NotAModelError(folder, found="a file", expected=FOLDER_EXPECTED)
    if len(found) != 1:
        raise NotAModelError(folder, found=f"{len(found)} .xml files in it", expected=FOLDER_EXPECTED)
    missing = [p.name for p in (found[0].with_suffix(".bin"), folder / METADATA) if not p.is_file()]
    if missing:
        raise NotAModelError(folder, found=f"no {' and no '.join(missing)} in it", expected=FOLDER_EXPECTED)
    return found[0], found[0].with_suffix(".bin")


def read_facts(folder: Path) -> ExportFacts:
    """Read metadata.yaml of an exported folder.

    Raises:
        NotAModelError: When it is too large, is no YAML, or lacks names, imgsz or task.
    """
    path = folder / METADATA
    if path.stat().st_size > MOST_METADATA_BYTES:
        raise NotAModelError(path, found=f"{path.stat().st_size} bytes", expected=f"at most {MOST_METADATA_BYTES}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise NotAModelError(path, found=f"no YAML ({_first_line(error)})", expected=FOLDER_EXPECTED) from error
    if not isinstance(content, dict):
        raise NotAModelError(path, found=f"a {type(content).__name__}", expected="keys names, imgsz and task")
    return ExportFacts(
        class_names=_class_names(path, content.get("names")),
        input_size=_input_size(path, content.get("imgsz")),
        task=str(content.get("task")),
    )


def _class_names(path: Path, value: Any) -> Mapping[int, str]:
    names = dict(enumerate(value)) if isinstance(value, list) else value
    counted = isinstance(names, dict) and 0 < len(names) <= MOST_CLASSES
    if not counted or sorted(map(str, names)) != sorted(str(i) for i in range(len(names))):
        raise NotAModelError(path, found="no class names from 0 on", expected="names: {0: …, 1: …}")
    return {int(i): str(name) for i, name in names.items()}


def _input_size(path: Path, value: Any) -> tuple[int, int]:
    sides = [value, value] if isinstance(value, int) else value
    least, most = SIDES_PX
    pair = isinstance(sides, list) and len(sides) == 2  # noqa: PLR2004 - height and width
    if not (pair and all(isinstance(side, int) and least <= side <= most for side in sides)):
        raise NotAModelError(path, found=f"imgsz {value!r}", expected=f"imgsz: [height, width], {least} to {most} px")
    return sides[0], sides[1]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
