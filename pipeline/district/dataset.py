"""The dataset that the district's detector learns from: which pictures it has, where they lie, and what is missing.

Ultralytics' layout: `images/<split>/NAME.jpg`, `labels/<split>/NAME.txt` (class, then centre, width and height as
shares of the picture), `data.yaml`. A label is written before its picture and each is renamed into place, so a picture
that is there is whole and labelled, whenever the drawing was ended. Draws nothing itself; see `dataset_sheet`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import yaml

from pipeline.district.errors import DistrictError
from pipeline.district.stage import LEARNED, SeenThing

SIZE_PX: Final = (640, 360)
MOMENTS: Final = 8  # pictures of one stage: drawing what stands still takes seconds, a further moment hardly any time
CLASSES: Final = tuple(kind.value for kind in LEARNED)
LEAST_SHARE: Final = 0.3  # of a thing that must show, and the short side of what shows, for it to be labelled
LEAST_SIDE_PX: Final = 6.0
FEWEST, MOST = 40, 100_000
_HELD_OUT: Final = {"val": 8, "test": 26}  # sheets: 64 pictures to choose by, 208 to score with
_YAML: Final = "data.yaml"
_FACTS: Final = "dataset.json"

Box = tuple[float, float, float, float]


class Split(StrEnum):
    """What pictures are for; no two splits share a stage, a pose or a play."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class DatasetSizeError(DistrictError):
    """A dataset of a size that makes no sense was asked for."""

    def __init__(self, images: int) -> None:
        super().__init__(f"--images is {images}; expected {FEWEST} to {MOST}")


class OtherDatasetError(DistrictError):
    """A folder holds a dataset of another seed."""

    def __init__(self, folder: Path, *, seed: int, found: object) -> None:
        super().__init__(
            f"{folder} holds a dataset of seed {found!s:.40}, not {seed}; give another --data, or empty it"
        )


class LabelFileError(DistrictError):
    """A label file of a dataset cannot be read."""

    def __init__(self, path: Path, line: int, text: str) -> None:
        super().__init__(
            f"{path}, line {line}: {text[:60]!r}; expected a class and four shares of the picture;"
            " delete the dataset and let `beatgrid train` draw it again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One stage with its pictures."""

    split: Split
    number: int

    @property
    def names(self) -> tuple[str, ...]:
        """Return its pictures' names without ending."""
        return tuple(f"{self.split}-{self.number:05d}-{moment}" for moment in range(MOMENTS))

    def entropy(self, seed: int) -> tuple[int, int, int]:
        """Return what seeds everything about it."""
        return seed, 101 + list(Split).index(self.split), self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A dataset, drawn or yet to be drawn.

    Attributes:
        folder: where it lies.
        images: pictures to learn from; those held out come on top.
        seed: decides everything.
    """

    folder: Path
    images: int
    seed: int = 0

    def __post_init__(self) -> None:
        if not FEWEST <= self.images <= MOST:
            raise DatasetSizeError(self.images)

    @property
    def yaml(self) -> Path:
        """Return the file that Ultralytics reads."""
        return self.folder / _YAML

    def sheets(self) -> Iterator[Sheet]:
        """Return all sheets, those held out first among the others, so that a part of them is a small dataset."""
        train = -(-self.images // MOMENTS)
        apart = [Sheet(split=split, number=row) for split in (Split.VAL, Split.TEST) for row in range(_HELD_OUT[split])]
        every = max(1, train // len(apart))
        for number in range(train):
            yield Sheet(split=Split.TRAIN, number=number)
            if number % every == 0 and apart:
                yield apart.pop(0)
        yield from apart

    def image(self, split: Split, name: str) -> Path:
        """Return a picture's place."""
        return self.folder / "images" / split / f"{name}.jpg"

    def label(self, split: Split, name: str) -> Path:
        """Return its label's place."""
        return self.folder / "labels" / split / f"{name}.txt"

    def missing(self, *splits: Split) -> list[Sheet]:
        """Return the sheets of some splits, of all if none is named, that are not whole."""
        return [sheet for sheet in self.sheets() if sheet.split in (splits or tuple(Split)) and not self.whole(sheet)]

    def whole(self, sheet: Sheet) -> bool:
        """Tell whether all pictures of a sheet are there."""
        return all(self.image(sheet.split, name).is_file() for name in sheet.names)

    def count(self, split: Split) -> int:
        """Return how many pictures of a split are there."""
        return sum(1 for _ in (self.folder / "images" / split).glob("*.jpg"))

    def prepare(self) -> None:
        """Make the folders and the two files that describe the dataset.

        Raises:
            OtherDatasetError: the folder holds a dataset of another seed.
        """
        facts = self.folder / _FACTS
        if facts.is_file():
            found = json.loads(facts.read_text(encoding="utf-8")).get("seed")
            if found != self.seed:
                raise OtherDatasetError(self.folder, seed=self.seed, found=found)
        for split in Split:
            self.image(split, "x").parent.mkdir(parents=True, exist_ok=True)
            self.label(split, "x").parent.mkdir(parents=True, exist_ok=True)
        record = {
            "path": str(self.folder.resolve()),
            **{split.value: f"images/{split}" for split in Split},
            "names": dict(enumerate(CLASSES)),
        }
        replace_text(self.yaml, yaml.safe_dump(record, sort_keys=False))
        replace_text(facts, json.dumps({"seed": self.seed, "size_px": SIZE_PX, "moments": MOMENTS}) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def label_lines(things: Sequence[SeenThing], size_px: tuple[int, int] = SIZE_PX) -> str:
    """Return what a label file says of the things in a picture: those that show enough of themselves."""
    width, height = size_px
    lines = []
    for thing in things:
        x1, y1, x2, y2 = thing.box_px
        if thing.visible_share >= LEAST_SHARE and min(x2 - x1, y2 - y1) >= LEAST_SIDE_PX:
            shares = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
            lines.append(" ".join([str(CLASSES.index(thing.kind.value)), *(f"{share:.5f}" for share in shares)]))
    return "".join(f"{line}\n" for line in lines)


def read_label(path: Path, size_px: tuple[int, int]) -> list[tuple[int, Box]]:
    """Return the classes and boxes (left, top, right, bottom, pixels) of a label file.

    Raises:
        LabelFileError: a line is no label.
    """
    width, height = size_px
    found: list[tuple[int, Box]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            kind, x, y, w, h = (float(word) for word in line.split())
        except ValueError as error:
            raise LabelFileError(path, number, line) from error
        if kind not in range(len(CLASSES)) or not all(0 <= share <= 1 for share in (x, y, w, h)):
            raise LabelFileError(path, number, line)
        box = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
        found.append((int(kind), box))
    return found
