"""A new calibration: written in the file's own datum with all else kept, and taken over by a camera that is running."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest
from databases import sqlite_url
from small_site import NOON

from geo.coords import Datum, LonLat, convert
from models.detections import Detections
from models.detector import Image
from pipeline.calibration import Calibration, fitted
from pipeline.camera_run import CameraRun, RunServices, RunSettings
from pipeline.clocks import FixedClock
from pipeline.desk import Desk
from pipeline.errors import UnknownError
from pipeline.evidence import EvidenceStore
from pipeline.recalibration import Calibrations, recalibrated, save_calibration, with_calibration
from pipeline.site import Site
from pipeline.site_changes import change_site, load_site
from pipeline.site_files import SiteFaultsError, documents, read_site, site_from_documents
from pipeline.sources import read_address
from pipeline.sql_casebook import open_casebook

CAMERA = "pets-view1"


def moved(site: Site, *, u_px: float = 40.0) -> Calibration:
    held = site.camera(CAMERA).properties["calibration"]
    assert isinstance(held, dict)
    points = np.array(held["points"])[2:]
    points[:, 0] += u_px
    return fitted(CAMERA, points, pixel_sd_px=2.0, size_px=(768, 576))


class Nobody:
    """A detector that sees nobody."""

    name, version, classless = "nobody", "nobody@0", False
    class_names: Mapping[int, str] = {0: "person"}

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        del image, stream, at_s, confidence
        return Detections.empty(self.class_names)

    def close(self) -> None:
        """Nothing to close."""


def in_gcj02(sample_site: Path) -> dict[str, str]:
    """Return the documents of the sample site with its cameras' file honestly in GCJ-02."""
    texts = documents(sample_site, [])
    cameras = json.loads(texts["cameras.geojson"])
    for feature in cameras["features"]:
        lonlat = convert(LonLat(*feature["geometry"]["coordinates"]), source=Datum.WGS84, target=Datum.GCJ02)
        feature["geometry"]["coordinates"] = [*lonlat]
        for row in feature["properties"]["calibration"]["points"]:
            row[2:] = convert(LonLat(row[2], row[3]), source=Datum.WGS84, target=Datum.GCJ02)
    assert 'cameras = "wgs84"' in texts["site.toml"]
    return {
        **texts,
        "site.toml": texts["site.toml"].replace('cameras = "wgs84"', 'cameras = "gcj02"'),
        "cameras.geojson": json.dumps(cameras, ensure_ascii=False),
    }


def test_positions_are_written_in_the_file_s_own_datum(sample_site: Path):
    there = in_gcj02(sample_site)
    before = site_from_documents(there)
    calibration = moved(before)
    changed = with_calibration(calibration)(there, before)
    after = site_from_documents({**there, **changed})
    points = after.camera(CAMERA).properties["calibration"]["points"]  # type: ignore[index]  # as the file has it
    assert np.array(points) == pytest.approx(calibration.points, abs=2e-7)
    others = [code for code in before.cameras if code != CAMERA]
    assert all(after.camera(code).properties == before.camera(code).properties for code in others)


def test_a_folder_s_file_keeps_its_datum_as_well(sample_site: Path, tmp_path: Path):
    for name, text in in_gcj02(sample_site).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    before = read_site(tmp_path)
    calibration = moved(before)
    save_calibration(tmp_path, calibration)
    camera = read_site(tmp_path).camera(CAMERA)
    points = camera.properties["calibration"]["points"]  # type: ignore[index]  # as the file has it
    assert np.array(points) == pytest.approx(calibration.points, abs=2e-7)
    assert camera.lonlat == pytest.approx(before.camera(CAMERA).lonlat, abs=1e-9)
    for other in tmp_path.iterdir():
        if other.name not in {"site.toml", "cameras.geojson"}:
            other.write_text("{ nobody reads this", encoding="utf-8")
    for named in ("forces.csv", "catalogue.toml"):
        (tmp_path / named).unlink()
    save_calibration(tmp_path, calibration)
    (tmp_path / "site.toml").write_text("datum = 3\n", encoding="utf-8")
    with pytest.raises(SiteFaultsError, match=r"site\.toml.*datum"):
        save_calibration(tmp_path, calibration)


def test_a_camera_that_the_site_lacks_is_named(sample_site: Path):
    site = read_site(sample_site)
    nowhere = replace(moved(site), camera="nowhere")
    with pytest.raises(UnknownError, match="nowhere"):
        with_calibration(nowhere)(documents(sample_site, []), site)


def test_only_the_calibration_is_taken_over(sample_site: Path):
    before = read_site(sample_site).camera(CAMERA)
    assert recalibrated(before, before) is before
    assert recalibrated(before, None) is before
    other = replace(before, zones={}, properties={**before.properties, "calibration": {"points": []}})
    taken = recalibrated(before, other)
    assert (taken.view, taken.zones) == (other.view, before.zones)
    assert recalibrated(before, replace(other, width_px=99)) is before


def test_a_running_camera_goes_on_by_its_new_calibration(sample_site: Path, tmp_path: Path):
    site, clock = read_site(sample_site), FixedClock(NOON)
    casebook = open_casebook(sqlite_url(tmp_path))
    load_site(documents(sample_site, []), site, casebook, now=NOON)
    desk = Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(tmp_path / "evidence"))
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(6):
        cv2.imwrite(str(frames / f"{index:03d}.png"), np.full((576, 768, 3), 60 + index, np.uint8))
    seconds = itertools.count(step=10)
    run = CameraRun(
        RunServices(site=site, casebook=casebook, desk=desk, clock=clock),
        site.camera(CAMERA),
        address=read_address(f"{frames}?fps=5", camera=CAMERA),
        detector=Nobody(),
        settings=RunSettings(),
        stop=Event(),
        calibrations=Calibrations(site, casebook, seconds=lambda: float(next(seconds))),
    )
    calibration = moved(site)
    change_site(casebook, with_calibration(calibration), now=NOON)
    threads = run.threads()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert run.crash is None
    assert not run.tally.errors
    assert sum(run.tally.frames.values()) == 6
    assert run.camera.view.plane.origin == pytest.approx(calibration.view.plane.origin, abs=1e-7)
    state = casebook.camera_state(CAMERA)
    assert state is not None
    assert state.occupancies["origin"] == [*run.camera.view.plane.origin]
    casebook.close()
