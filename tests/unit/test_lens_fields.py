"""The lens in a camera's file: read, its faults named, kept by a new calibration; zones and feet seen through it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from watched_place import camera as over_square

from api.cli import app
from geo.boundaries import Fault
from geo.camera_view import CameraView
from geo.lens import BrownLens, DivisionLens, Lens, LensChoice
from pipeline.fields import Fields
from pipeline.lens_fields import read_lens
from pipeline.site_files import REQUIRED, SiteFaultsError, read_site
from pipeline.upright import feet_px
from pipeline.zones import Zone

SIZE = (1280, 720)


def read(lens: object) -> tuple[Lens | LensChoice, list[Fault]]:
    faults: list[Fault] = []
    return read_lens(Fields({"lens": lens}, "cameras.geojson", "c1 calibration", faults), SIZE), faults


def test_what_a_camera_says_of_its_lens():
    assert read(None) == (LensChoice.NONE, [])
    assert read("auto") == (LensChoice.AUTO, [])
    lens, faults = read({"focal_px": 900, "k1": -0.1, "k2": 0.02, "k1_sd": 0.01, "centre_px": [650, 350]})
    assert not faults
    assert isinstance(lens, BrownLens)
    assert (lens.k1, lens.k2, lens.unit_px, lens.coefficient_sd, lens.centre_px.tolist()) == (
        *(-0.1, 0.02, 900.0, 0.01),
        [650.0, 350.0],
    )


@pytest.mark.parametrize(
    ("lens", "field", "words"),
    [
        ("wide", "lens", "none, auto"),
        (7, "lens", "none, auto"),
        ({"k1": -0.1}, "focal_px", "is missing"),
        ({"focal_px": 900}, "k1", "is missing"),
        ({"focal_px": 900, "k1": -0.1, "k3": 1}, "k3", "is not a field here"),
        ({"focal_px": 900, "k1": -0.1, "centre_px": [1]}, "centre_px", "expected [u, v]"),
        ({"focal_px": 9, "k1": -0.1}, "lens", "focal_px is 9"),
        ({"focal_px": 900, "k1": -0.6}, "lens", "give k2 too"),
        ({"focal_px": 900, "k1": -0.1, "k1_sd": -1}, "lens", "k1_sd is -1"),
    ],
)
def test_faults_of_a_lens_are_named(lens: object, field: str, words: str):
    read_as, faults = read(lens)
    assert read_as is LensChoice.NONE
    assert faults[0].field == field
    assert words in faults[0].problem


@pytest.fixture
def site(sample_site: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    for name in REQUIRED:
        shutil.copy(sample_site / name, folder / name)
    return folder


def with_lens(site: Path, lens: object) -> list[list[float]]:
    path = site / "cameras.geojson"
    table = json.loads(path.read_text(encoding="utf-8"))
    (calibration,) = (
        each["properties"]["calibration"] for each in table["features"] if each["properties"]["code"] == "pets-view1"
    )
    calibration["lens"] = lens
    path.write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8")
    points: list[list[float]] = calibration["points"]
    return points


def test_a_site_s_camera_is_seen_through_its_lens_and_its_faults_are_told(site: Path):
    with_lens(site, {"focal_px": 900, "k1": -0.02})
    lens = read_site(site).camera("pets-view1").view.lens
    assert isinstance(lens, BrownLens)
    with_lens(site, {"focal_px": 900, "k1": "-0.6x"})
    with pytest.raises(SiteFaultsError, match=r"pets-view1 calibration lens: field k1: is '-0\.6x'"):
        read_site(site)


def test_calibrating_anew_keeps_the_lens_unless_another_is_asked_for(site: Path, tmp_path: Path):
    points = with_lens(site, {"focal_px": 900, "k1": -0.02})
    table = tmp_path / "points.csv"
    table.write_text("u,v,lon,lat\n" + "\n".join(",".join(map(str, row)) for row in points) + "\n", encoding="utf-8")
    kept = CliRunner().invoke(app, ["calibrate", str(site), "pets-view1", str(table), "--json"])
    assert json.loads(kept.stdout)["lens"]["model"] == "brown"
    assert isinstance(read_site(site).camera("pets-view1").view.lens, BrownLens)
    asked = CliRunner().invoke(app, ["calibrate", str(site), "pets-view1", str(table), "--lens", "auto", "--json"])
    assert json.loads(asked.stdout)["lens"]["weighed"]["points"] == len(points)
    assert read_site(site).camera("pets-view1").properties["calibration"]["lens"] == "auto"  # type: ignore[index]  # as written


def bent_view() -> CameraView:
    """Return a view through a strong barrel: the ground is 100 m square, looked at aslant."""
    lens = DivisionLens.of(-0.3, SIZE)
    true = over_square(()).view
    u, v = np.array([60, 1220, 70, 1210, 640, 350, 900, 300.0]), np.array([260, 250, 690, 700, 420, 560, 600, 320.0])
    straight, nearness = np.column_stack([u, v]), (v - 100) / 200
    ground = true.plane.to_lonlat(np.column_stack([(u - 640) * 0.02, np.full(8, 8.0)]) / nearness[:, None])
    pixels = lens.bend(straight)
    return CameraView.fit(pixels, ground, image_size_px=SIZE, lens=lens)


def test_zones_and_feet_are_looked_up_through_the_lens():
    view = bent_view()
    pixel = (60.0, 650.0)  # near the corner, where the lens bends most
    around = tuple((pixel[0] + u, pixel[1] + v) for u, v in ((-20, -20), (20, -20), (20, 20), (-20, 20)))
    place = view.locate(pixel, pixel_sd_px=(1.0, 1.0))
    box = (50.0, 500.0, 70.0, 650.0)
    assert Zone(around, view=view).holds_place((place.east_m, place.north_m), box)
    straight = replace(view, homography=replace(view.homography, lens=None))
    assert not Zone(around, view=straight).holds_place((place.east_m, place.north_m), box)
    # Feet below a head, the lens 6 m up: where the plumb line from the head's ground place is seen through the lens.
    feet, _ = feet_px(np.array([[590.0, 300.0, 630.0, 320.0]]), np.array([[2.0, 2.0]]), view=view, height_m=6.0)
    ground, ahead = view.homography.to_ground(feet)
    assert ahead[0] > 0
    back, _ = view.homography.to_image(ground)
    assert back == pytest.approx(feet, abs=1e-6)
