"""A detector against the dataset's held-out pictures: average precision by class."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.average_precision import ClassScore, Scorer, Truths, mean_precision
from models.detector import Detector
from pipeline.district.dataset import CLASSES, Dataset, Split, read_label
from pipeline.district.errors import DistrictError

LEAST_PX: Final = 12.0
_LEAST_CONFIDENCE: Final = 0.005


class NoPicturesError(DistrictError):
    """A dataset has nothing to score with."""

    def __init__(self, folder: Path, split: Split) -> None:
        super().__init__(f"{folder} has no pictures of split {split}; run `beatgrid train` to draw them")


class PictureFileError(DistrictError):
    """A picture of the dataset cannot be read."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is no picture; delete it, and `beatgrid train` draws it again")


class OtherClassesError(DistrictError):
    """A detector knows other classes than the dataset."""

    def __init__(self, known: list[str]) -> None:
        super().__init__(
            f"the model knows {', '.join(known)[:200]}; expected the district's classes {', '.join(CLASSES)}, in order"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetScore:
    """How well a detector finds what held-out pictures show.

    Attributes:
        pictures: how many there were.
        least_px: shorter side from which a truth counts.
        mean: of the classes' average precision at an overlap of one half.
        by_class: each class's.
    """

    pictures: int
    least_px: float
    mean: float | None
    by_class: dict[str, ClassScore]

    def record(self) -> dict[str, object]:
        """Return it as plain values."""
        return {
            "pictures": self.pictures,
            "least_px": self.least_px,
            "map50": _rounded(self.mean),
            "ap50": {name: _rounded(score.precision) for name, score in self.by_class.items()},
            "truths": {name: score.truths for name, score in self.by_class.items()},
        }


def score_dataset(
    dataset: Dataset,
    detector: Detector,
    *,
    split: Split = Split.TEST,
    least_px: float = LEAST_PX,
    progress: Callable[[float], None] | None = None,
) -> DatasetScore:
    """Return how well a detector finds what the pictures of a split show.

    Raises:
        NoPicturesError: the split has none.
        OtherClassesError: the detector knows other classes.
        PictureFileError, LabelFileError: a file cannot be read.
    """
    if [detector.class_names.get(row) for row in range(len(CLASSES))] != list(CLASSES):
        raise OtherClassesError(list(detector.class_names.values()))
    paths = sorted((dataset.folder / "images" / split).glob("*.jpg"))
    if not paths:
        raise NoPicturesError(dataset.folder, split)
    scorer = Scorer(least_px)
    for number, path in enumerate(paths):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise PictureFileError(path)
        picture = np.asarray(image, dtype=np.uint8)
        detections = detector.detect(picture, stream="dataset", at_s=float(number), confidence=_LEAST_CONFIDENCE)
        scorer.add(detections, _truths(dataset.label(split, path.stem), picture))
        if progress is not None:
            progress((number + 1) / len(paths))
    by_class = scorer.by_class(dict(enumerate(CLASSES)))
    return DatasetScore(pictures=len(paths), least_px=least_px, mean=mean_precision(by_class), by_class=by_class)


def _truths(path: Path, image: NDArray[Any]) -> Truths:
    rows = read_label(path, (image.shape[1], image.shape[0]))
    return Truths(
        boxes_px=np.array([box for _, box in rows], np.float32).reshape(-1, 4),
        class_ids=np.array([kind for kind, _ in rows], np.int32),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
