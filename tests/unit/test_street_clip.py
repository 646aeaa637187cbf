from pathlib import Path

import cv2
import numpy as np
import pytest

from models.background import BackgroundDetector
from pipeline.site_files import read_site
from pipeline.street_clip import FPS, LENGTH_S, Street, actors, frames, write_clip


@pytest.fixture(scope="module")
def street(sample_site: Path) -> Street:
    return Street.at(read_site(sample_site).cameras["demo-street"])


def test_the_clip_fits_the_camera_and_the_ground(street: Street) -> None:
    assert street.size_px == (960, 540)
    middle = street.to_px(np.array([[street.width_m / 2, street.depth_m / 2]]))[0]
    assert 0 < middle[0] < 960
    assert 0 < middle[1] < 540


def test_the_same_seed_draws_the_same_clip(street: Street) -> None:
    first, second = (next(iter(frames(street, seed=3))) for _ in range(2))
    assert first.shape == (540, 960, 3)
    assert np.array_equal(first, second)


def test_a_written_clip_has_all_its_frames(street: Street, tmp_path: Path) -> None:
    capture = cv2.VideoCapture(str(write_clip(street, tmp_path / "clip.avi")))
    count = 0
    while capture.read()[0]:
        count += 1
    assert count == int(LENGTH_S * FPS)


def test_the_background_detector_finds_what_stays_where_it_stays_and_loses_what_leaves(street: Street) -> None:
    detector = BackgroundDetector()
    staying = [actor for actor in actors(street) if len({point[1:] for point in actor.path}) < len(actor.path)]
    assert len(staying) == 2
    found: dict[int, list[float]] = {0: [], 1: []}
    for index, image in enumerate(frames(street)):
        at_s = index / FPS
        boxes = detector.detect(image, stream="clip", at_s=at_s).boxes_px
        for number, actor in enumerate(staying):
            where = actor.at(at_s)
            foot = None if where is None else street.to_px(np.array([where]))[0]
            if foot is not None and any(_holds(box, foot) for box in boxes):
                found[number].append(at_s)
        if at_s > LENGTH_S - 1:
            assert len(boxes) <= 1, f"something is still seen at {at_s:.1f} s, when all has left"
    for times in found.values():
        assert times[-1] - times[0] > 15


def _holds(box: np.ndarray, point: np.ndarray) -> bool:
    return bool(box[0] - 8 <= point[0] <= box[2] + 8 and box[1] - 8 <= point[1] <= box[3] + 8)
