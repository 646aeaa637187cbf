"""The tracker: identity through late, missing and irregular frames; its filter against a plain matrix form."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.box_filter import BoxFilter, Noise, centred
from models.detections import Detections
from models.errors import SettingFaultError, TimeOrderError
from models.tracker import Tracker, TrackerSettings

ROOT = Path(__file__).resolve().parents[2]
NAMES = {0: "person", 1: "bicycle", 2: "car", 7: "truck"}
Row = tuple[float, float, float, float, float, int]  # centre x, bottom y, width, height, confidence, class


def _found(rows: Sequence[Row]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    x, y, width, height = table[:, 0], table[:, 1], table[:, 2], table[:, 3]
    return Detections(
        boxes_px=np.stack([x - width / 2, y - height, x + width / 2, y], axis=1),
        confidence=table[:, 4].copy(),
        class_ids=table[:, 5].astype(np.int32),
        class_names=NAMES,
    )


def _walker(at_s: float, *, start: float = 100.0, speed: float = 40.0, y: float = 300.0) -> Row:
    return (start + speed * at_s, y, 30, 80, 0.9, 0)


def _ids(tracked: Detections) -> list[int]:
    assert tracked.track_ids is not None
    return tracked.track_ids.tolist()


@given(st.lists(st.floats(0.03, 1.0), min_size=5, max_size=40), st.floats(-80, 80))
@settings(max_examples=50)
def test_one_walker_is_one_track_at_any_frame_rate(gaps_s: list[float], speed: float):
    tracker, seen = Tracker(), set()
    for at_s in itertools.accumulate(gaps_s):
        seen |= set(_ids(tracker.update(_found([_walker(at_s, speed=speed)]), at_s=at_s)))
    assert len(seen) == 1


def test_a_thing_is_reported_from_the_third_time_on():
    tracker = Tracker()
    counts = [len(tracker.update(_found([_walker(t)]), at_s=t)) for t in (0.0, 0.1, 0.2, 0.3)]
    assert counts == [0, 0, 1, 1]


def test_a_walker_unseen_for_a_second_keeps_its_track_and_after_long_gets_a_new_one():
    tracker = Tracker()
    for step in range(20):
        before = _ids(tracker.update(_found([_walker(step / 10)]), at_s=step / 10))
    assert _ids(tracker.update(_found([]), at_s=2.5)) == []
    assert _ids(tracker.update(_found([_walker(2.9)]), at_s=2.9)) == before
    after = [_ids(tracker.update(_found([_walker(30 + step / 10)]), at_s=30 + step / 10)) for step in range(3)]
    assert after[:2] == [[], []]
    assert set(after[2]).isdisjoint(before)


def test_a_parked_car_keeps_its_track_at_one_frame_in_five_seconds_but_not_over_a_minute():
    tracker, seen = Tracker(), set()
    for at_s in (0.0, 5.0, 10.0, 15.0):
        seen |= set(_ids(tracker.update(_found([(300, 300, 120, 80, 0.9, 2)]), at_s=at_s)))
    assert len(seen) == 1
    assert _ids(tracker.update(_found([(300, 300, 120, 80, 0.9, 2)]), at_s=80.0)) == []


def test_two_who_cross_keep_their_tracks():
    tracker, history = Tracker(), []
    for step in range(60):
        at_s = step / 10
        pair = [_walker(at_s, start=100, speed=60, y=300), _walker(at_s, start=400, speed=-60, y=330)]
        history.append(_ids(tracker.update(_found(pair), at_s=at_s)))
    assert len({tuple(ids) for ids in history[2:]}) == 1


def test_a_faint_box_continues_a_track_but_starts_none():
    tracker = Tracker()
    for step in range(10):
        tracker.update(_found([_walker(step / 10)]), at_s=step / 10)
    x, y, width, height, _, kind = _walker(1.0)
    faint: list[Row] = [(x, y, width, height, 0.15, kind), (600, 200, 30, 80, 0.15, 0)]
    assert len(tracker.update(_found(faint), at_s=1.0)) == 1
    other = Tracker()
    assert all(len(other.update(_found(faint), at_s=float(t))) == 0 for t in range(5))


def test_a_bicycle_under_its_rider_is_another_thing_but_a_truck_may_be_the_car():
    tracker = Tracker()
    for step in range(5):
        rider: list[Row] = [(100, 300, 40, 80, 0.9, 0), (100, 300, 44, 76, 0.8, 1)]
        ids = _ids(tracker.update(_found(rider), at_s=step / 10))
    assert len(set(ids)) == 2
    tracker = Tracker()
    seen = set()
    for step, kind in enumerate([2, 2, 2, 7, 2, 7]):
        seen |= set(_ids(tracker.update(_found([(100, 300, 90, 60, 0.9, kind)]), at_s=step / 10)))
    assert len(seen) == 1


def test_a_crowd_of_500_keeps_500_tracks():
    tracker = Tracker()
    for step in range(4):
        crowd: list[Row] = [(40 * (i % 50) + step, 90 * (1 + i // 50), 30, 80, 0.9, 0) for i in range(500)]
        ids = _ids(tracker.update(_found(crowd), at_s=step / 10))
    assert len(set(ids)) == 500


def test_the_number_of_tracks_is_bounded():
    tracker = Tracker(TrackerSettings(most_tracks=3, confirm_hits=1))
    crowd: list[Row] = [(100.0 * i, 300, 30, 80, 0.9, 0) for i in range(10)]
    for step in range(3):
        assert len(tracker.update(_found(crowd), at_s=step / 10)) == 3


@pytest.mark.parametrize("again_s", [1.0, 0.5, float("nan"), float("inf")])
def test_frames_out_of_order_are_refused(again_s: float):
    tracker = Tracker()
    tracker.update(_found([_walker(1.0)]), at_s=1.0)
    with pytest.raises(TimeOrderError, match="expected frame times that rise"):
        tracker.update(_found([_walker(1.0)]), at_s=again_s)


def test_settings_out_of_range_are_refused():
    with pytest.raises(SettingFaultError, match=r"least_iou is 1\.5; expected 0 to 1"):
        TrackerSettings(least_iou=1.5)
    with pytest.raises(SettingFaultError, match="high_confidence"):
        TrackerSettings(low_confidence=0.6, high_confidence=0.5)
    with pytest.raises(SettingFaultError, match="measurement"):
        Noise(measurement=0.0)


@given(st.lists(st.tuples(st.floats(0.02, 1.5), st.floats(-20, 20), st.floats(0.1, 1.0)), min_size=1, max_size=12))
@settings(max_examples=60)
def test_the_filter_agrees_with_the_matrix_form(steps: list[tuple[float, float, float]]):
    """Oracle: the textbook Kalman equations on two numbers per coordinate."""
    noise = Noise()
    filtered = BoxFilter(noise)
    box = np.array([[100, 100, 140, 200]], np.float32)
    filtered.start(box)
    states = [np.array([value, 0.0]) for value in centred(box)[0]]
    scales = noise.scales(centred(box)[:, 3])[0]
    covariances = [np.diag([(noise.measurement * s) ** 2, (noise.start_speed * s) ** 2]) for s in scales]
    for elapsed_s, moved, confidence in steps:
        box = (box + np.float32(moved)).astype(np.float32)
        measured = centred(box)[0]
        spreads = noise.scales(np.array([max(states[3][0], 1.0)]))[0] * noise.acceleration
        fade = np.exp(-elapsed_s / noise.fade_s)
        step = np.array([[1.0, noise.fade_s * (1 - fade)], [0.0, fade]])
        for i in range(4):
            drift = spreads[i] ** 2 * np.array([[elapsed_s**3 / 3, elapsed_s**2 / 2], [elapsed_s**2 / 2, elapsed_s]])
            states[i], covariances[i] = step @ states[i], step @ covariances[i] @ step.T + drift
            jitter = noise.measurement * (1 + noise.faint * (1 - confidence)) * noise.scales(measured[3:4])[0, i]
            gain = covariances[i][:, 0] / (covariances[i][0, 0] + jitter**2)
            states[i] = states[i] + gain * (measured[i] - states[i][0])
            covariances[i] = covariances[i] - np.outer(gain, covariances[i][0])
        filtered.predict(elapsed_s)
        filtered.correct(np.array([0]), box, confidence=np.array([confidence], np.float32))
    np.testing.assert_allclose(filtered.position[0], [s[0] for s in states], rtol=1e-5)
    np.testing.assert_allclose(filtered.velocity[0], [s[1] for s in states], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(filtered.position_variance[0], [c[0, 0] for c in covariances], rtol=1e-4)
    np.testing.assert_allclose(filtered.covariance[0], [c[0, 1] for c in covariances], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(filtered.velocity_variance[0], [c[1, 1] for c in covariances], rtol=1e-4)


def test_the_tracker_does_not_bring_torch_in():
    program = "import sys, models.tracker; print('torch' in sys.modules or 'ultralytics' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_identity_on_published_boxes_is_as_written_down(shared_data: Path):
    """The figures of docs/decisions/030-tracker.md that need no video, with a little room for other machines."""
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "tracker.py", "--json", "--detections", "published"],
        env=os.environ | {"BEATGRID_SHARED": str(shared_data.parent), "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    report = json.loads(done.stdout)
    assert all(check["as_published"] for check in report["metric_check"].values())
    for sequence, least in {"PETS": 0.57, "TUD-Campus": 0.69, "TUD-Stadtmitte": 0.71}.items():
        (figures,) = [v["beatgrid"] for name, v in report["sequences"].items() if name.startswith(sequence)]
        assert figures["IDF1"] >= least
