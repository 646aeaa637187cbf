"""Detections: what they refuse and what they give."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.boxes import centre_to_corners, iou, suppress
from models.detections import Detections, show_the_same
from models.errors import ArrayFaultError, UnknownClassesError

NAMES = {0: "person", 2: "car"}


def _fields(**changed: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "boxes_px": np.array([[0, 0, 10, 20], [5, 5, 6, 9]], np.float32),
        "confidence": np.array([0.9, 0.3], np.float32),
        "class_ids": np.array([0, 2], np.int32),
        "class_names": NAMES,
    }
    return fields | changed


def test_rows_are_selected_by_mask_and_by_index():
    found = Detections(**_fields()).with_tracks(np.array([7, 8]))
    for which in (np.array([False, True]), [1], np.array([1])):
        second = found.select(which)
        assert len(second) == 1
        assert second.names() == ["car"]
        assert second.track_ids is not None
        assert second.track_ids.tolist() == [8]
    assert len(found.select([])) == 0
    assert found.select([1, 0]).names() == ["car", "person"]


def test_contact_point_is_the_bottom_centre():
    np.testing.assert_array_equal(Detections(**_fields()).contact_points_px(), [[5, 20], [5.5, 9]])


def test_empty_has_every_field():
    nothing = Detections.empty(NAMES)
    assert len(nothing) == 0
    assert nothing.contact_points_px().shape == (0, 2)
    assert nothing.names() == []
    assert len(nothing.select(np.zeros(0, bool))) == 0


def test_more_than_300_boxes_are_no_trouble():
    n = 2500
    many = Detections(
        boxes_px=np.tile(np.array([[0, 0, 1, 1]], np.float32), (n, 1)),
        confidence=np.ones(n, np.float32),
        class_ids=np.zeros(n, np.int32),
        class_names=NAMES,
    )
    assert len(many) == n


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"boxes_px": np.zeros((2, 5), np.float32)}, r"boxes_px is float32 \(2, 5\); expected float32 \(2, 4\)"),
        ({"boxes_px": np.zeros((2, 4), np.float64)}, r"boxes_px is float64 \(2, 4\); expected float32 \(2, 4\)"),
        ({"boxes_px": np.float32(3.0)}, r"boxes_px is float32; expected float32 \(0, 4\)"),
        ({"boxes_px": [[0, 0, 1, 1]]}, r"boxes_px is list; expected float32 \(0, 4\)"),
        ({"confidence": np.ones(3, np.float32)}, r"confidence is float32 \(3,\); expected float32 \(2,\)"),
        ({"class_ids": np.zeros(2, np.int64)}, r"class_ids is int64 \(2,\); expected int32 \(2,\)"),
        ({"track_ids": np.zeros(1, np.int64)}, r"track_ids is int64 \(1,\); expected int64 \(2,\)"),
        ({"confidence": np.array([0.5, 1.5], np.float32)}, r"confidence is from 0.5 to 1.5; expected from 0 to 1"),
        ({"confidence": np.array([0.5, np.nan], np.float32)}, "confidence is .*nan; expected from 0 to 1"),
        ({"boxes_px": np.full((2, 4), np.inf, np.float32)}, "boxes_px .* expected finite"),
        ({"boxes_px": np.array([[0, 0, 1, 1], [5, 5, 4, 9]], np.float32)}, "expected left <= right"),
    ],
)
def test_faults_are_told_with_expected_and_actual(changed: dict[str, Any], sentence: str):
    with pytest.raises(ArrayFaultError, match=sentence):
        Detections(**_fields(**changed))


def _seen(*rows: tuple[float, float, int]) -> Detections:
    """Return boxes of 20 x 20 px at a left edge, each with confidence and class."""
    table = np.array(rows, np.float32).reshape(-1, 3)
    left = table[:, 0]
    boxes = np.stack([left, np.full_like(left, 50), left + 20, np.full_like(left, 70)], axis=1)
    return Detections(
        boxes_px=boxes.astype(np.float32),
        confidence=table[:, 1].copy(),
        class_ids=table[:, 2].astype(np.int32),
        class_names={0: "person", 1: "car"},
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([(10, 0.9, 0)], [(14, 0.12, 0)], True),  # it became faint where it was
        ([(10, 0.2, 0)], [], True),  # too faint to count
        ([(10, 0.9, 0)], [], False),
        ([], [(10, 0.9, 0)], False),
        ([(10, 0.9, 0)], [(10, 0.9, 1)], False),  # taken for something else
        ([(10, 0.9, 0)], [(40, 0.9, 0)], False),
        ([], [], True),
    ],
)
def test_two_looks_show_the_same_where_all_that_counts_is_in_both(
    one: list[Any],
    other: list[Any],
    same: bool,  # noqa: FBT001 - a case
):
    assert show_the_same(_seen(*one), _seen(*other), confidence=0.3) is same
    assert show_the_same(_seen(*other), _seen(*one), confidence=0.3) is same


def test_class_without_a_name_is_refused():
    with pytest.raises(UnknownClassesError, match="class ids 9 have no name"):
        Detections(**_fields(class_ids=np.array([0, 9], np.int32)))


corners = hnp.arrays(np.float32, st.tuples(st.integers(1, 12), st.just(4)), elements=st.integers(0, 30))


def _box(left: float, top: float, right: float, bottom: float) -> set[tuple[int, int]]:
    return {(x, y) for x in range(int(left), int(right)) for y in range(int(top), int(bottom))}


@given(corners, corners)
def test_iou_counts_pixels(a: np.ndarray, b: np.ndarray):
    a, b = (np.concatenate([np.minimum(v[:, :2], v[:, 2:]), np.maximum(v[:, :2], v[:, 2:])], axis=1) for v in (a, b))
    found = iou(a, b)
    for i, first in enumerate(a):
        for j, second in enumerate(b):
            one, other = _box(*first), _box(*second)
            expected = len(one & other) / len(one | other) if one | other else 0.0
            assert found[i, j] == pytest.approx(expected, abs=1e-6)


@given(corners, st.data())
def test_suppression_keeps_the_best_and_leaves_no_overlap(boxes: np.ndarray, data: st.DataObject):
    boxes = centre_to_corners(boxes + 1)
    n = len(boxes)
    confidence = data.draw(hnp.arrays(np.float32, n, elements=st.floats(0, 1, width=32)))
    classes = data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1)))
    kept = suppress(boxes, confidence, class_ids=classes, most_iou=0.5, most_boxes=n)
    assert (np.diff(confidence[kept]) <= 0).all()
    overlap = iou(boxes, boxes)
    for row in range(n):
        better = [k for k in kept if classes[k] == classes[row] and confidence[k] >= confidence[row] and k != row]
        if row in kept:
            assert all(overlap[row, k] <= 0.5 + 1e-6 for k in better)
        else:
            assert any(overlap[row, k] > 0.5 - 1e-6 for k in better)
    assert len(suppress(boxes, confidence, class_ids=classes, most_iou=1.0, most_boxes=2)) == min(n, 2)
