"""Cases as a data set to learn from: confirmed and false ones as YOLO pictures and labels, with a part held back.

A picture is a sealed original, opened with an entry in its case's history, and blurred again as evidence is. Its labels
are the boxes that the detector was sure of, with the case's own box where it was confirmed and without it where there
was nothing or another thing. Where the box was right and the rule was not (a permitted one, a wrong place, a group that
was none) the boxes stay as they were. A fifth of the cases, by their number and so always the same, is held back.
"""

import hashlib
import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.boxes import iou
from models.detections import Detections
from models.detector import Image
from models.privacy import blur_people_and_vehicles
from pipeline.casebook import Asking, Casebook, Evidence
from pipeline.errors import PipelineError, UnknownError
from pipeline.originals import ErasedError, Originals
from pipeline.principal import Principal
from pipeline.scenes import Rule
from pipeline.site import Site
from pipeline.trust import FalseReason, Outcome

SURE: Final = 0.5
HELD_BACK: Final = 0.2
TRAIN, HELD = "train", "val"
MANIFEST: Final = "cases.json"
DATA: Final = "data.yaml"
_SAME: Final = 0.5
_QUALITY: Final = 95
_NOT_THERE: Final = frozenset({FalseReason.NOTHING_THERE, FalseReason.OTHER_THING})
_GROUPS: Final = frozenset({Rule.CLUTTER, Rule.CROWD})


class DatasetFolderError(PipelineError):
    """The folder for a data set is not new."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is there already; name a new folder, nothing is overwritten")


class NoDatasetError(PipelineError):
    """A folder is not what `dataset` wrote."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"{folder} has no {MANIFEST} that can be read ({reason}); name what `beatgrid dataset` wrote")


class NothingToLearnError(PipelineError):
    """There is no picture of a judged case."""

    def __init__(self, judged: int, without: int) -> None:
        super().__init__(
            f"{judged - without} of {judged} judged cases have an original that is kept; expected one at least; keep"
            ' them ([evidence] originals = "sealed") and judge more cases'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFigures:
    """What was written.

    Attributes:
        without_original: outcomes whose picture is not kept, not any more, lost, or of before originals were.
    """

    folder: str
    pictures: int
    confirmed: int
    false: int
    held_back: int
    without_original: int
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Example:
    """One picture with what became of it.

    Boxes are (left, top, right, bottom, class, confidence) in pixels; `hidden` are those that were blurred.
    """

    outcome: Outcome
    evidence: Evidence
    size_px: tuple[int, int]
    own_px: tuple[float, ...]
    own_class: str
    boxes: tuple[tuple[Any, ...], ...]
    hidden: tuple[tuple[Any, ...], ...]
    grouped: bool


def write_dataset(
    folder: Path, *, casebook: Casebook, originals: Originals, site: Site, principal: Principal, blur: bool = True
) -> DatasetFigures:
    """Write the data set of all outcomes into a new folder, whole or not at all.

    Args:
        folder: is made.
        casebook: holds outcomes and what was seen.
        originals: opens the pictures; each opening is an entry in its case's history.
        site: its scenes tell what a box of a group is.
        principal: opens them; needs the right.
        blur: whether heads and plates are blurred as in evidence.

    Raises:
        DatasetFolderError: the folder is there.
        NothingToLearnError: no judged case has a picture.
        NoRightError: the principal may not open originals.
    """
    if folder.exists():
        raise DatasetFolderError(folder)
    outcomes, examples = casebook.read(lambda asked: _examples(asked, site))
    if not examples:
        raise NothingToLearnError(outcomes, outcomes)
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        names = _class_names(examples)
        records = []
        for each in examples:
            with suppress(ErasedError, UnknownError):  # erased meanwhile, or its file is lost
                records.append(_written(draft, each, names, originals=originals, principal=principal, blur=blur))
        if not records:
            raise NothingToLearnError(outcomes, outcomes)
        _write_tables(draft, names, records)
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return DatasetFigures(
        folder=str(folder),
        pictures=len(records),
        confirmed=sum(record["confirmed"] for record in records),
        false=sum(not record["confirmed"] for record in records),
        held_back=sum(record["split"] == HELD for record in records),
        without_original=outcomes - len(records),
        classes=names,
    )


def split_of(number: str) -> str:
    """Return whether a case is learned from or held back: a fifth is, by its number."""
    share = int.from_bytes(hashlib.sha256(number.encode()).digest()[:4], "big") / 2**32
    return HELD if share < HELD_BACK else TRAIN


def _examples(asked: Asking, site: Site) -> tuple[int, list[_Example]]:
    """Return how many outcomes of cases there are, and what can be learned from."""
    found, outcomes = [], 0
    for outcome in asked.outcomes():
        if (
            outcome.reason == FalseReason.TEST
            or outcome.scene not in site.scenes
            or not asked.has_case(outcome.subject)
        ):
            continue
        outcomes += 1
        for evidence in asked.evidence(outcome.subject):
            if asked.source_of(evidence.sighting) == (outcome.camera, outcome.scene) and _is_kept(evidence):
                found.append(_example(outcome, evidence, site))
                break
    return outcomes, found


def _is_kept(evidence: Evidence) -> bool:
    kept = bool(evidence.original_path) and evidence.original_erased_at is None
    return kept and evidence.label == "at" and evidence.seen is not None


def _example(outcome: Outcome, evidence: Evidence, site: Site) -> _Example:
    seen: Mapping[str, Any] = evidence.seen or {}
    return _Example(
        outcome=outcome,
        evidence=evidence,
        size_px=(int(seen["size_px"][0]), int(seen["size_px"][1])),
        own_px=tuple(float(value) for value in seen["box_px"]),
        own_class=str(seen["class_name"]),
        boxes=tuple(tuple(box) for box in seen["boxes"]),
        hidden=tuple(tuple(box) for box in seen["hidden"]),
        grouped=site.scenes[outcome.scene].rule in _GROUPS,
    )


def labels_of(example: _Example) -> list[tuple[str, tuple[float, ...]]]:
    """Return the boxes to learn, by class, in pixels."""
    own = np.array([example.own_px], np.float32)
    sure = [(str(box[4]), tuple(float(v) for v in box[:4])) for box in example.boxes if box[5] >= SURE]
    if example.grouped:
        return sure
    others = [(name, box) for name, box in sure if float(iou(own, np.array([box], np.float32))[0, 0]) <= _SAME]
    if not example.outcome.confirmed and example.outcome.reason in _NOT_THERE:
        return others
    return [(example.own_class, example.own_px), *others]


def _written(
    draft: Path, example: _Example, names: Sequence[str], *, originals: Originals, principal: Principal, blur: bool
) -> dict[str, Any]:
    """Write one picture and its labels; returns its line in the manifest."""
    outcome, evidence = example.outcome, example.evidence
    jpeg = originals.open(evidence.id, reason="data set to learn from", principal=principal)
    image = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    if blur:
        image = blur_people_and_vehicles(image, _detections(example), classless=False)
    split, stem = split_of(outcome.subject), f"{outcome.subject}-{evidence.id}"
    labels = labels_of(example)
    _put(draft / "images" / split / f"{stem}.jpg", _encoded(image))
    lines = [_line(names.index(name), box, example.size_px) for name, box in labels]
    _put(draft / "labels" / split / f"{stem}.txt", "".join(lines).encode())
    return {
        "image": f"images/{split}/{stem}.jpg",
        "split": split,
        "case": outcome.subject,
        "camera": outcome.camera,
        "scene": outcome.scene,
        "confirmed": outcome.confirmed,
        "reason": outcome.reason,
        "grouped": example.grouped,
        "box_px": list(example.own_px),
        "class_name": example.own_class,
        "original_sha256": evidence.original_sha256,
    }


def _write_tables(draft: Path, names: Sequence[str], records: Sequence[Mapping[str, Any]]) -> None:
    for kind in ("images", "labels"):
        for split in (TRAIN, HELD):
            (draft / kind / split).mkdir(parents=True, exist_ok=True)
    # JSON is YAML: no writer is needed. The path is left out, so that the folder can be moved.
    data = {"train": f"images/{TRAIN}", "val": f"images/{HELD}", "names": dict(enumerate(names))}
    _put(draft / DATA, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode())
    _put(draft / MANIFEST, (json.dumps(list(records), ensure_ascii=False, indent=1) + "\n").encode())


def _class_names(examples: Sequence[_Example]) -> tuple[str, ...]:
    return tuple(sorted({name for each in examples for name, _ in labels_of(each)} | {e.own_class for e in examples}))


def _detections(example: _Example) -> Detections:
    """Return what was blurred in the evidence, to blur by."""
    names = sorted({str(box[4]) for box in example.hidden})
    boxes = np.array([box[:4] for box in example.hidden], np.float32).reshape(-1, 4)
    return Detections(
        boxes_px=_in_order(boxes),
        confidence=np.array([box[5] for box in example.hidden], np.float32),
        class_ids=np.array([names.index(str(box[4])) for box in example.hidden], np.int32),
        class_names=dict(enumerate(names)),
    )


def _in_order(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return boxes whose rounded right and bottom are not before left and top."""
    return np.column_stack([boxes[:, :2], np.maximum(boxes[:, 2:], boxes[:, :2])]).astype(np.float32)


def _line(class_id: int, box: Sequence[float], size_px: tuple[int, int]) -> str:
    width, height = size_px
    left, right = (min(max(value, 0.0), width) / width for value in (box[0], box[2]))
    top, bottom = (min(max(value, 0.0), height) / height for value in (box[1], box[3]))
    centre = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
    return f"{class_id} " + " ".join(f"{value:.6f}" for value in centre) + "\n"


def _encoded(image: Image) -> bytes:
    _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(jpeg.tobytes())


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a data set's manifest.

    Raises:
        NoDatasetError: the folder holds none.
    """
    try:
        records: list[dict[str, Any]] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoDatasetError(folder, str(error)) from error
    return records
