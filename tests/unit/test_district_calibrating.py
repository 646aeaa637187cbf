from dataclasses import replace

import numpy as np
import pytest
from district_scenes import FOOT, yard

from geo.camera_view import CameraView
from pipeline.district.calibrating import FewGroundPointsError, calibration_points
from pipeline.district.optics import Lens
from pipeline.district.placing import to_metres
from pipeline.district.stage import Block, Stage
from pipeline.district.stages import StageKind, sample_stage


def stage_of(kind: StageKind, seed: int) -> Stage:
    return sample_stage(kind, seed=seed, camera="c", foot=FOOT, heading_deg=40.0)


def ground_errors_m(stage: Stage, points: list[list[float]]) -> np.ndarray:
    """Return how far the calibrated camera misses a grid of true ground within 40 m."""
    table = np.array(points)
    view = CameraView.fit(table[:, :2], table[:, 2:], image_size_px=stage.pose.size_px, camera_lonlat=stage.foot)
    x, y = np.meshgrid(np.arange(-20, 46, 3.0), np.arange(4, 39, 3.0))
    ground = np.column_stack([x.ravel(), y.ravel()])
    ground = ground[np.hypot(*ground.T) < 40]
    pixels, ahead = Lens(stage.pose).project(np.column_stack([ground, np.zeros(len(ground))]))
    seen = (ahead > 1) & ((pixels > 0) & (pixels < stage.pose.size_px)).all(axis=1)
    found = view.locate_many(pixels[seen], pixel_sd_px=(1.0, 1.0))
    return np.linalg.norm(to_metres(stage, found.lonlat) - ground[seen], axis=1)


@pytest.mark.parametrize("kind", list(StageKind))
def test_calibrating_from_the_points_finds_the_ground_again(kind: StageKind):
    medians = []
    for seed in range(4):
        stage = stage_of(kind, seed)
        medians.append(np.median(ground_errors_m(stage, calibration_points(stage, seed=seed))))
    assert np.median(medians) < 0.3
    assert max(medians) < 1.0


def test_clicks_are_off_by_the_stated_error_and_no_more():
    stage = stage_of(StageKind.STREET, 3)
    for sd in (0.5, 2.0):
        off = []
        for seed in range(12):
            table = np.array(calibration_points(stage, seed=seed, pixel_sd_px=sd))
            ground = to_metres(stage, table[:, 2:])
            true_px, _ = Lens(stage.pose).project(np.column_stack([ground, np.zeros(len(ground))]))
            off.append(table[:, :2] - true_px)
        assert np.std(np.vstack(off)) == pytest.approx(sd, rel=0.25)


def test_points_lie_in_the_image_and_before_the_buildings():
    stage = stage_of(StageKind.POLE, 1)
    table = np.array(calibration_points(stage, seed=5, count=12))
    assert table.shape == (12, 4)
    assert ((table[:, :2] > 0) & (table[:, :2] < stage.pose.size_px)).all()
    assert len(np.unique(table[:, 2:], axis=0)) == 12


def test_a_wall_hides_the_ground_behind_it():
    wall = Block(what="wall", centre_m=(0.0, 15.0), size_m=(80.0, 0.5, 8.0))
    table = np.array(calibration_points(yard(blocks=(wall,)), seed=1))
    assert to_metres(yard(), table[:, 2:])[:, 1].max() < 15.0


def test_the_same_seed_picks_the_same_points():
    stage = stage_of(StageKind.CANAL, 2)
    assert calibration_points(stage, seed=4) == calibration_points(stage, seed=4)
    assert calibration_points(stage, seed=4) != calibration_points(stage, seed=5)


def test_a_camera_that_sees_no_ground_says_so():
    stage = yard()
    upward = replace(stage, pose=replace(stage.pose, pitch_deg=-60.0))
    with pytest.raises(FewGroundPointsError, match="lower its pitch"):
        calibration_points(upward, seed=1)
