"""Old weights and new on held-back cases: which confirmed ones each still finds, on which false ones it is silent.

A confirmed case is found when the detector gives what its scene looks at, from the scene's confidence on: one box over
half of the case's own, or for a group as many boxes in it as the scene asks for. A false one is passed over in silence
when it does not. Each picture is its own control, so what counts is where the two differ.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from models.boxes import iou
from models.detections import Detections
from models.detector import Detector
from pipeline.case_dataset import HELD, read_manifest
from pipeline.errors import PipelineError
from pipeline.scenes import Scene
from pipeline.shares import Share, wilson

FEWEST: Final = 10
_OVER: Final = 0.5
_SURE: Final = 0.05


class TooFewHeldBackError(PipelineError):
    """There are too few held-back cases to compare by."""

    def __init__(self, found: int) -> None:
        super().__init__(f"{found} cases are held back, and {FEWEST} are needed to compare by; judge more cases first")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How weights do on held-back cases.

    Attributes:
        found: of the confirmed.
        silent: on the false.
    """

    found: Share
    silent: Share

    def record(self) -> dict[str, object]:
        """Return it JSON-able."""
        return {name: _share(share) for name, share in (("found", self.found), ("silent", self.silent))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Old and new side by side.

    Attributes:
        only_new, only_old: cases that only one of them judges rightly.
        p: chance of so uneven a split of those, or a more uneven one, if both were equally good (exact sign test).
    """

    old: Held
    new: Held
    only_new: int
    only_old: int
    p: float

    @property
    def verdict(self) -> str:
        """Return `better` or `worse` where chance is below 5 %, else `no difference shown`."""
        if self.p >= _SURE:
            return "no difference shown"
        return "better" if self.only_new > self.only_old else "worse"

    def record(self) -> dict[str, object]:
        """Return it JSON-able."""
        return {
            "held_back_old": self.old.record(),
            "held_back_new": self.new.record(),
            "only_new_right": self.only_new,
            "only_old_right": self.only_old,
            "p": round(self.p, 4),
            "verdict": self.verdict,
        }


def compare(dataset: Path, old: Detector, new: Detector, *, scenes: Mapping[str, Scene]) -> Comparison:
    """Return how old and new weights do on a data set's held-back cases.

    Args:
        dataset: a folder that `beatgrid dataset` wrote.
        old, new: open; both see the same pictures.
        scenes: of the site; cases of scenes that are gone are left out.

    Raises:
        TooFewHeldBackError: fewer than ten cases are held back.
    """
    held = held_back(dataset, scenes=scenes)
    right_old, right_new = (_judged(dataset, held, detector, scenes) for detector in (old, new))
    pairs = list(zip(right_old, right_new, strict=True))
    only_new, only_old = pairs.count((False, True)), pairs.count((True, False))
    return Comparison(
        old=_figures(held, right_old),
        new=_figures(held, right_new),
        only_new=only_new,
        only_old=only_old,
        p=sign_test(only_new, only_old),
    )


def held_back(dataset: Path, *, scenes: Mapping[str, Scene]) -> list[dict[str, Any]]:
    """Return a data set's held-back cases of scenes that there are.

    Raises:
        TooFewHeldBackError: fewer than ten cases are held back.
    """
    held = [each for each in read_manifest(dataset) if each["split"] == HELD and each["scene"] in scenes]
    if len(held) < FEWEST:
        raise TooFewHeldBackError(len(held))
    return held


def sign_test(a: int, b: int) -> float:
    """Return the two-sided exact chance of a split as uneven as a to b, or more so, when both are equally likely."""
    n, k = a + b, max(a, b)
    if n == 0:
        return 1.0
    tail: int = sum(math.comb(n, i) for i in range(k, n + 1))
    return min(1.0, 2.0 * tail / float(2**n))


def _judged(
    dataset: Path, held: Sequence[Mapping[str, Any]], detector: Detector, scenes: Mapping[str, Scene]
) -> list[bool]:
    """Return for each held-back case whether a detector is right on it."""
    judged = []
    for row, each in enumerate(held):
        image = np.asarray(cv2.imread(str(dataset / each["image"]), cv2.IMREAD_COLOR), np.uint8)
        scene = scenes[each["scene"]]
        # Streams of their own: no picture is another's background.
        seen = detector.detect(image, stream=f"held-{row}", at_s=0.0, confidence=scene.confidence)
        judged.append(shows(seen, scene, each) is bool(each["confirmed"]))
    return judged


def shows(seen: Detections, scene: Scene, case: Mapping[str, Any]) -> bool:
    """Tell whether detections hold what the case was opened for."""
    looked_at = [name in scene.classes for name in seen.names()]
    boxes = seen.boxes_px[np.array(looked_at, bool)] if looked_at else seen.boxes_px
    if len(boxes) == 0:
        return False
    left, top, right, bottom = case["box_px"]
    if not case["grouped"]:
        return bool(iou(np.array([case["box_px"]], np.float32), boxes).max() > _OVER)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = (middle >= (left, top)).all(axis=1) & (middle <= (right, bottom)).all(axis=1)
    return int(inside.sum()) >= scene.count


def _figures(held: Sequence[Mapping[str, Any]], right: Sequence[bool]) -> Held:
    confirmed = [ok for each, ok in zip(held, right, strict=True) if each["confirmed"]]
    false = [ok for each, ok in zip(held, right, strict=True) if not each["confirmed"]]
    return Held(found=wilson(sum(confirmed), len(confirmed)), silent=wilson(sum(false), len(false)))


def _share(share: Share) -> dict[str, object]:
    value = None if share.value is None else round(share.value, 4)
    return {
        "count": share.count,
        "of": share.of,
        "share": value,
        "interval": [round(share.low, 4), round(share.high, 4)],
    }
