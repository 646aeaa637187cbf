"""Lately: boxes of the last moments are joined to those of now, and forgotten after."""

import numpy as np
import pytest

from models.detections import Detections
from pipeline.lately import MOST_FRAMES, Lately


def boxes(*lefts: float) -> Detections:
    return Detections(
        boxes_px=np.array([(left, 0, left + 9, 30) for left in lefts], np.float32).reshape(-1, 4),
        confidence=np.full(len(lefts), 0.5, np.float32),
        class_ids=np.zeros(len(lefts), np.int32),
        class_names={0: "person"},
    )


def test_what_is_missed_for_a_moment_is_still_joined_and_then_forgotten():
    lately = Lately(period_s=0.5)
    lately.joined(boxes(5), at=0.0)
    lefts = [sorted(lately.joined(boxes(), at=step / 2).boxes_px[:, 0].tolist()) for step in range(1, 7)]
    assert lefts[:4] == [[5.0]] * 4
    assert lefts[-1] == []


def test_what_is_there_now_comes_first():
    lately = Lately(period_s=0.5)
    lately.joined(boxes(5, 6), at=0.0)
    assert lately.joined(boxes(7), at=0.5).boxes_px[:, 0].tolist() == [7.0, 5.0, 6.0]


def test_where_frames_are_rare_two_are_kept():
    lately = Lately(period_s=4.0)
    lately.joined(boxes(5), at=0.0)
    assert len(lately.joined(boxes(), at=8.0)) == 1


@pytest.mark.parametrize("fps", [2, 25, 200])
def test_its_size_is_bounded_and_reaches_back_all_the_same(fps: int):
    lately = Lately(period_s=1 / fps)
    for step in range(4 * fps):
        found = lately.joined(boxes(step), at=step / fps)
    assert len(found) <= MOST_FRAMES + 1
    assert found.boxes_px[:, 0].min() <= 4 * fps - 1.5 * fps
