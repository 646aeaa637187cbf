"""A camera's view of the ground, against pinhole cameras whose true pose is known and against PETS 2009."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geo.camera_errors import (
    AboveHorizonError,
    BeyondRangeError,
    CalibrationError,
    CalibrationValueError,
    DegeneratePointsError,
    MirroredPointsError,
    PointsDisagreeError,
    TooFewPointsError,
)
from geo.camera_view import CameraView
from geo.coords import LonLat
from geo.errors import CoordinateError
from geo.metric import LocalPlane

Floats = NDArray[np.float64]

SIZE = (1280, 720)
PLANE = LocalPlane.at(LonLat(121.1, 31.15))
CHI2_95 = 5.991464547107979
# Twelve places over the lower two thirds of the image, as a person with a map would choose them.
SPREAD_PX = np.array(
    [
        *[[60, 260], [1220, 250], [70, 690], [1210, 700], [640, 420], [350, 560]],
        *[[900, 600], [300, 320], [980, 300], [640, 250], [620, 690], [1100, 480]],
    ],
    dtype=np.float64,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinhole:
    """A true camera above the origin of PLANE."""

    height_m: float = 6.0
    tilt_deg: float = 25.0
    azimuth_deg: float = 30.0
    focal_px: float = 900.0

    @property
    def ground_to_image(self) -> Floats:
        tilt, azimuth = np.radians([self.tilt_deg, self.azimuth_deg])
        ahead = np.array([np.sin(azimuth) * np.cos(tilt), np.cos(azimuth) * np.cos(tilt), -np.sin(tilt)])
        right = np.array([np.cos(azimuth), -np.sin(azimuth), 0.0])
        rotation = np.stack([right, np.cross(ahead, right), ahead])
        lens = np.array([[self.focal_px, 0, SIZE[0] / 2], [0, self.focal_px, SIZE[1] / 2], [0, 0, 1]])
        plane = np.array([[1, 0, 0], [0, 1, 0], [0, 0, -self.height_m]])
        return lens @ rotation @ plane

    @property
    def horizon_v_px(self) -> float:
        return SIZE[1] / 2 - self.focal_px * float(np.tan(np.radians(self.tilt_deg)))

    def ground_m(self, pixels: Floats) -> Floats:
        seen = np.column_stack([pixels, np.ones(len(pixels))]) @ np.linalg.inv(self.ground_to_image).T
        return seen[:, :2] / seen[:, 2:]

    def lonlat(self, pixels: Floats) -> Floats:
        return PLANE.to_lonlat(self.ground_m(pixels))

    def calibrated(self, clicked: Floats, true: Floats, *, pixel_sd_px: float = 1.0) -> CameraView:
        return CameraView.fit(clicked, self.lonlat(true), image_size_px=SIZE, pixel_sd_px=pixel_sd_px)


def footprint_m(contact_m: Floats, half_depth_m: float) -> Floats:
    """Move contacts straight away from the camera, whose foot is the origin."""
    return contact_m + half_depth_m * contact_m / np.linalg.norm(contact_m, axis=-1, keepdims=True)


def squared_distance(offset_m: Floats, covariance_m2: Floats) -> Floats:
    return np.einsum("ni,ni->n", offset_m, np.linalg.solve(covariance_m2, offset_m[:, :, None])[:, :, 0])


def assert_calibrated(squared: Floats, *, deviations: float = 3.5) -> None:
    """The share inside the 95 % ellipse is 0.95 within binomial noise."""
    noise = np.sqrt(0.95 * 0.05 / len(squared))
    assert abs(float((squared < CHI2_95).mean()) - 0.95) < deviations * noise


@pytest.mark.parametrize("count", [4, 6, 12])
@pytest.mark.parametrize("contact_sd_px", [0.0, 3.0])
def test_the_95_percent_ellipse_holds_95_percent_of_truths(count: int, contact_sd_px: float):
    rng = np.random.default_rng(count + int(contact_sd_px))
    camera, squared = Pinhole(), []
    for _ in range(500):
        true_px = np.clip(SPREAD_PX[:count] + rng.uniform(-60, 60, (count, 2)), [0, 240], SIZE)
        view = camera.calibrated(true_px + rng.normal(0, 1.0, true_px.shape), true_px)
        query = rng.uniform([0, 240], SIZE, (1, 2))
        noise = rng.normal(0, 1, (1, 2)) * contact_sd_px
        found = view.locate_many(query + noise, pixel_sd_px=(contact_sd_px, contact_sd_px), half_depth_m=1.5)
        offset = PLANE.to_metres(found.lonlat) - footprint_m(camera.ground_m(query), 1.5)
        squared.append(squared_distance(offset, found.calibration_cov_m2 + found.measurement_cov_m2))
    assert_calibrated(np.concatenate(squared))


def test_the_measurement_covariance_alone_is_calibrated():
    rng = np.random.default_rng(5)
    camera = Pinhole()
    view = camera.calibrated(SPREAD_PX, SPREAD_PX, pixel_sd_px=1e-6)
    query = rng.uniform([0, 240], SIZE, (20_000, 2))
    sd_px = rng.uniform(0.5, 3, query.shape)
    found = view.locate_many(query + rng.normal(0, 1, query.shape) * sd_px, pixel_sd_px=sd_px, half_depth_m=2.0)
    offset = PLANE.to_metres(found.lonlat) - footprint_m(camera.ground_m(query), 2.0)
    assert found.calibration_cov_m2.max() < 1e-9
    assert_calibrated(squared_distance(offset, found.measurement_cov_m2))


def test_the_spread_of_the_depth_lies_along_the_ray_and_is_not_for_averaging():
    camera = Pinhole(azimuth_deg=0.0)
    view = camera.calibrated(SPREAD_PX, SPREAD_PX, pixel_sd_px=1e-6)
    point = view.locate((640, 500), pixel_sd_px=(1e-9, 1e-9), half_depth_m=2.0, half_depth_sd_m=0.4)
    assert point.calibration_cov_m2 == pytest.approx(np.array([[0, 0], [0, 0.16]]), abs=1e-6)
    assert point.measurement_cov_m2.max() < 1e-12
    assert point.error_m == pytest.approx(2.4477 * 0.4, abs=1e-4)


@given(
    height_m=st.floats(2.5, 40),
    tilt_deg=st.floats(8, 80),
    azimuth_deg=st.floats(0, 360),
    focal_px=st.floats(500, 4000),
    u_px=st.floats(0, 1280),
    below=st.floats(0.02, 1),
)
@settings(max_examples=60, deadline=None)
def test_a_pixel_goes_to_the_ground_and_back(  # one argument for each part of a pose
    height_m: float, tilt_deg: float, azimuth_deg: float, focal_px: float, u_px: float, below: float
):
    camera = Pinhole(height_m=height_m, tilt_deg=tilt_deg, azimuth_deg=azimuth_deg, focal_px=focal_px)
    top = max(0.0, camera.horizon_v_px + 40)
    points = np.column_stack([SPREAD_PX[:, 0], top + (SPREAD_PX[:, 1] - 240) / 480 * (720 - top)])
    view = CameraView.fit(points, camera.lonlat(points), image_size_px=SIZE, max_range_m=1e6)
    pixel = np.array([[u_px, top + below * (720 - top)]])
    found = view.locate_many(pixel, pixel_sd_px=(1, 1))
    assert view.project(found.lonlat) == pytest.approx(pixel, abs=1e-3)
    true_m = camera.ground_m(pixel)
    assert PLANE.to_metres(found.lonlat) == pytest.approx(true_m, abs=1e-4 * float(np.linalg.norm(true_m)) + 1e-3)


def test_one_and_many_agree():
    view = Pinhole().calibrated(SPREAD_PX + np.random.default_rng(2).normal(0, 1, SPREAD_PX.shape), SPREAD_PX)
    contacts = np.array([[300.0, 400.0], [900.0, 650.0]])
    depths, spreads = np.array([0.3, 2.3]), np.array([0.1, 0.5])
    many = view.locate_many(contacts, pixel_sd_px=(2, 3), half_depth_m=depths, half_depth_sd_m=spreads)
    for row, contact in enumerate(contacts):
        one = view.locate(contact, pixel_sd_px=(2, 3), half_depth_m=depths[row], half_depth_sd_m=spreads[row])
        assert one.lonlat == pytest.approx(tuple(many.lonlat[row]))
        assert (one.east_m, one.north_m) == pytest.approx(tuple(many.metres[row]))
        assert one.error_m == pytest.approx(many.error_m[row])


def test_no_contacts_give_no_points():
    found = Pinhole().calibrated(SPREAD_PX, SPREAD_PX).locate_many(np.empty((0, 2)), pixel_sd_px=(1, 1))
    assert found.lonlat.shape == (0, 2)
    assert found.error_m.shape == (0,)


def test_error_m_is_the_larger_axis_of_the_ellipse():
    view = Pinhole().calibrated(SPREAD_PX, SPREAD_PX)
    point = view.locate((200, 300), pixel_sd_px=(2, 4))
    axes = np.linalg.eigvalsh(point.calibration_cov_m2 + point.measurement_cov_m2)
    assert point.error_m == pytest.approx(np.sqrt(CHI2_95 * axes.max()))


def test_above_the_horizon_there_is_no_ground():
    camera = Pinhole(tilt_deg=12)
    below = SPREAD_PX.clip(min=camera.horizon_v_px + 60)
    view = CameraView.fit(below, camera.lonlat(below), image_size_px=SIZE)
    with pytest.raises(AboveHorizonError, match=r"\(640\.0, 100\.0\)"):
        view.locate((640, 100), pixel_sd_px=(1, 1))
    far_v = camera.horizon_v_px + 6.0 * 900 / 800 / np.cos(np.radians(12)) ** 2
    with pytest.raises(BeyondRangeError, match="at most 500 m"):
        view.locate((640, far_v), pixel_sd_px=(1, 1))
    found = view.locate_many(np.array([[640, 100], [640, far_v], [640, 600]]), pixel_sd_px=(1, 1))
    assert found.on_ground.tolist() == [False, False, True]
    assert np.isnan(found.lonlat[:2]).all()
    assert np.isfinite(found.error_m[2])
    assert found.range_m[1] == pytest.approx(800, rel=0.05)


def test_ground_behind_the_camera_has_no_pixel():
    view = Pinhole(azimuth_deg=0).calibrated(SPREAD_PX, SPREAD_PX)
    pixels = view.project(PLANE.to_lonlat(np.array([[0.0, 20.0], [0.0, -20.0]])))
    assert np.isfinite(pixels[0]).all()
    assert np.isnan(pixels[1]).all()


@pytest.mark.parametrize("tilt_deg", [10, 30, 60, 89])
def test_the_camera_foot_follows_from_the_homography(tilt_deg: float):
    camera = Pinhole(tilt_deg=tilt_deg, focal_px=1500)
    points = SPREAD_PX.clip(min=max(0.0, camera.horizon_v_px + 60))
    view = CameraView.fit(points, camera.lonlat(points), image_size_px=SIZE)
    assert PLANE.to_metres(np.array([view.camera_lonlat])) == pytest.approx(np.zeros((1, 2)), abs=0.02)


def test_a_surveyed_camera_position_is_used_as_given():
    position = LonLat(121.1001, 31.1499)
    view = CameraView.fit(SPREAD_PX, Pinhole().lonlat(SPREAD_PX), image_size_px=SIZE, camera_lonlat=position)
    assert view.camera_lonlat == pytest.approx(position, abs=1e-9)
    contact = view.locate((640, 500), pixel_sd_px=(1, 1))
    moved = view.locate((640, 500), pixel_sd_px=(1, 1), half_depth_m=2)
    east_m, north_m = view.plane.point_to_metres(position)
    away = np.array([contact.east_m - east_m, contact.north_m - north_m])
    step = np.array([moved.east_m - contact.east_m, moved.north_m - contact.north_m])
    assert step == pytest.approx(2 * away / np.linalg.norm(away))


@pytest.mark.parametrize("seed", range(20))
def test_one_wrong_click_among_eight_is_dropped_and_named(seed: int):
    rng = np.random.default_rng(seed)
    camera, true_px = Pinhole(), SPREAD_PX[:8]
    clicked = true_px + rng.normal(0, 1, true_px.shape)
    wrong = int(rng.integers(8))
    angle = rng.uniform(0, 2 * np.pi)
    clicked[wrong] += rng.uniform(30, 200) * np.array([np.cos(angle), np.sin(angle)])
    view = camera.calibrated(clicked.clip(0, SIZE), true_px)
    assert view.dropped == (wrong,)
    assert view.residual_px[wrong] > 10
    assert view.residual_px[view.inliers].max() < 5


def test_good_points_are_kept():
    kept = 0
    for seed in range(200):
        clicked = SPREAD_PX + np.random.default_rng(seed).normal(0, 1, SPREAD_PX.shape)
        kept += not Pinhole().calibrated(clicked, SPREAD_PX).dropped
    assert kept >= 196


def test_clicks_worse_than_stated_widen_the_covariance():
    rng = np.random.default_rng(4)
    clicked = SPREAD_PX + rng.normal(0, 3, SPREAD_PX.shape)
    view = Pinhole().calibrated(clicked, SPREAD_PX, pixel_sd_px=1.0)
    assert view.sigma_px == pytest.approx(3, rel=0.5)
    assert Pinhole().calibrated(SPREAD_PX, SPREAD_PX, pixel_sd_px=1.0).sigma_px == 1.0


def test_residuals_are_given_in_pixels_and_metres():
    clicked = SPREAD_PX.copy()
    clicked[4] += [0, 2]
    view = Pinhole().calibrated(clicked, SPREAD_PX)
    assert view.residual_px.argmax() == 4
    ground_px = np.linalg.norm(np.diff(Pinhole().ground_m(SPREAD_PX[4] + np.array([[0, -0.5], [0, 0.5]])), axis=0))
    assert view.residual_m[4] == pytest.approx(view.residual_px[4] * ground_px, rel=0.2)


def fit(pixels: Floats, lonlat: Floats, **settings: float) -> CameraView:
    return CameraView.fit(pixels, lonlat, image_size_px=SIZE, **settings)  # type: ignore[arg-type]  # wrong on purpose


def test_faulty_points_are_refused_with_the_value_named():
    lonlat = Pinhole().lonlat(SPREAD_PX)
    with pytest.raises(TooFewPointsError, match="3 points; expected at least 4"):
        fit(SPREAD_PX[:3], lonlat[:3])
    with pytest.raises(CalibrationValueError, match="12 pixels and 11 positions"):
        fit(SPREAD_PX, lonlat[:11])
    with pytest.raises(CalibrationValueError, match=r"\(12, 3\)"):
        fit(np.ones((12, 3)), lonlat)
    with pytest.raises(CalibrationValueError, match="point 3"):
        fit(np.where(np.arange(12)[:, None] == 3, np.nan, SPREAD_PX), lonlat)
    with pytest.raises(CalibrationValueError, match="resolution"):
        fit(SPREAD_PX * 2, lonlat)
    with pytest.raises(CoordinateError, match="position 2"):
        fit(SPREAD_PX, np.where(np.arange(12)[:, None] == 2, np.inf, lonlat))
    with pytest.raises(CoordinateError, match="longitude first"):
        fit(SPREAD_PX, lonlat[:, ::-1])
    with pytest.raises(CalibrationValueError, match="pixel_sd_px is 0"):
        fit(SPREAD_PX, lonlat, pixel_sd_px=0)
    with pytest.raises(CalibrationValueError, match="max_range_m is nan"):
        fit(SPREAD_PX, lonlat, max_range_m=float("nan"))
    with pytest.raises(CalibrationValueError, match="at most 10000"):
        fit(np.tile(SPREAD_PX, (1000, 1)), np.tile(lonlat, (1000, 1)))


def line_px(count: int) -> Floats:
    return np.column_stack([np.linspace(100, 1200, count), np.linspace(300, 650, count)])


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(line_px(6), id="all on a line"),
        pytest.param(np.vstack([line_px(3), [[300, 650]]]), id="three of four on a line"),
        pytest.param(np.vstack([line_px(3) + np.eye(3, 2), [[300, 650]]]), id="nearly"),
        pytest.param(np.tile([[300.0, 400.0]], (5, 1)), id="one place"),
        pytest.param(np.repeat(SPREAD_PX[:2], 3, axis=0), id="two places"),
        pytest.param(np.vstack([SPREAD_PX[:3], SPREAD_PX[:1]]), id="three places"),
    ],
)
def test_points_on_a_line_are_refused(pixels: Floats):
    with pytest.raises(DegeneratePointsError):
        fit(pixels, Pinhole().lonlat(pixels))


def test_a_mirrored_calibration_is_refused():
    mirrored = np.column_stack([1280 - SPREAD_PX[:, 0], SPREAD_PX[:, 1]])
    with pytest.raises(MirroredPointsError, match="swapped"):
        fit(mirrored, Pinhole().lonlat(SPREAD_PX))


def test_two_of_four_points_swapped_are_refused():
    with pytest.raises(CalibrationError):
        fit(SPREAD_PX[[1, 0, 2, 3]], Pinhole().lonlat(SPREAD_PX[:4]))


@pytest.mark.parametrize("count", [5, 8, 12])
def test_points_without_a_common_view_are_refused(count: int):
    rng = np.random.default_rng(count)
    with pytest.raises(PointsDisagreeError, match=f"of {count} points agree"):
        fit(rng.uniform([0, 240], SIZE, (count, 2)), Pinhole().lonlat(SPREAD_PX[:count]))


def test_with_five_points_a_wrong_one_cannot_be_told():
    clicked = SPREAD_PX[:5].copy()
    clicked[2] += [60, -40]
    with pytest.raises(PointsDisagreeError, match="expected 5 or more"):
        fit(clicked, Pinhole().lonlat(SPREAD_PX[:5]))


@pytest.mark.parametrize(
    "bad",
    [
        {"contact_px": (float("nan"), 3.0)},
        {"pixel_sd_px": (-1.0, 1.0)},
        {"half_depth_m": float("inf")},
        {"half_depth_sd_m": -0.1},
    ],
)
def test_faulty_contacts_are_refused(bad: dict[str, object]):
    view = Pinhole().calibrated(SPREAD_PX, SPREAD_PX)
    given_values: dict[str, object] = {"contact_px": (640.0, 500.0), "pixel_sd_px": (1.0, 1.0)} | bad
    with pytest.raises(CalibrationValueError, match=next(iter(bad)).split("_px", maxsplit=1)[0]):
        view.locate(**given_values)  # type: ignore[arg-type]  # wrong on purpose


def test_pets_2009_people_stand_where_the_published_calibration_says(shared_data: Path):
    truth = np.loadtxt(shared_data / "tracking_gt/pets2009/PETS09-S2L1_gt_derived_from_xml.txt", delimiter=",")
    feet_px = np.column_stack([truth[:, 2] + truth[:, 4] / 2, truth[:, 3] + truth[:, 5]])
    chosen = spread_rows(feet_px, 12)
    noise = np.random.default_rng(9).normal(0, 1, (12, 2))
    view = CameraView.fit(feet_px[chosen] + noise, PLANE.to_lonlat(truth[chosen, 7:9]), image_size_px=(768, 576))
    found = view.locate_many(feet_px, pixel_sd_px=(0, 0))
    error_m = np.linalg.norm(PLANE.to_metres(found.lonlat) - truth[:, 7:9], axis=1)
    assert found.on_ground.all()
    assert np.median(error_m) < 0.1
    assert np.quantile(error_m, 0.9) < 0.2
    # The published calibration places the camera itself at (-28.94, -19.53).
    assert PLANE.to_metres(np.array([view.camera_lonlat]))[0] == pytest.approx([-28.94, -19.53], abs=1.0)


def spread_rows(points: Floats, count: int) -> list[int]:
    """Choose rows far from each other, one after the other."""
    chosen = [int(points[:, 0].argmin())]
    while len(chosen) < count:
        nearest = np.linalg.norm(points[:, None] - points[chosen], axis=2).min(axis=1)
        chosen.append(int(nearest.argmax()))
    return chosen
