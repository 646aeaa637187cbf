"""Calibrating a camera from a person's points: read, fit, tell each residual, put it into the site's folder."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geo.boundaries import Fault
from geo.camera_view import CameraView
from geo.coords import Datum
from geo.feature_files import FeatureFileError, read_camera_features, read_points_csv, write_camera_features
from pipeline.camera_features import CAMERAS
from pipeline.errors import UnknownError
from pipeline.fields import Fields

_MOST_POINTS = 1000
_MAX_PX = 16_384.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A camera's fitted view and the points that it was fitted to.

    Attributes:
        points: (n, 4) of u_px, v_px, lon, lat.
    """

    camera: str
    points: NDArray[np.float64]
    pixel_sd_px: float
    view: CameraView

    def figures(self) -> Mapping[str, object]:
        """Return each point's residual, and what was left out."""
        return {
            "camera": self.camera,
            "points": len(self.points),
            "dropped": [index + 1 for index in self.view.dropped],
            "residuals_px": [round(float(value), 2) for value in self.view.residual_px],
            "residuals_m": [round(float(value), 3) for value in self.view.residual_m],
            "median_residual_m": round(float(np.nanmedian(self.view.residual_m)), 3),
            "sigma_px": round(self.view.sigma_px, 2),
        }


def read_calibration(folder: Path, camera: str, path: Path, *, pixel_sd_px: float, datum: Datum) -> Calibration:
    """Fit a camera's view to a CSV of points with columns u, v (pixels) and lon, lat (degrees).

    Raises:
        FeatureFileError: bad rows, with line, value seen and value expected.
        UnknownError: the site has no such camera.
        CalibrationError: the points fix no view.
    """
    features = read_camera_features(folder / CAMERAS, Datum.WGS84)
    known = {str(properties.get("code")): properties for _, properties in features}
    if camera not in known:
        raise UnknownError("camera", camera, sorted(known))
    table = read_points_csv(path, datum=datum)
    points = np.hstack([_pixels(path, table.header, table.records), table.lonlat])
    size_px = (int(known[camera]["width"]), int(known[camera]["height"]))
    view = CameraView.fit(points[:, :2], points[:, 2:], pixel_sd_px=pixel_sd_px, image_size_px=size_px)
    return Calibration(camera=camera, points=points, pixel_sd_px=pixel_sd_px, view=view)


def _pixels(path: Path, header: str, records: tuple[str, ...]) -> NDArray[np.float64]:
    if len(records) > _MOST_POINTS:
        problem = f"has {len(records)} points; expected {_MOST_POINTS} at most"
        raise FeatureFileError([Fault(file=path.name, feature="", field="", problem=problem)])
    faults: list[Fault] = []
    rows = list(csv.DictReader([header, *records], skipinitialspace=True))
    pixels = [
        [Fields(row, path.name, f"point {index}", faults).number(axis, low=-_MAX_PX, high=_MAX_PX) for axis in "uv"]
        for index, row in enumerate(rows, 1)
    ]
    if faults:
        raise FeatureFileError(faults)
    return np.array(pixels, dtype=np.float64).reshape(-1, 2)


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Put a calibration into the site's cameras file, whole or not at all; the site must be applied to take effect.

    The file's datum must be WGS-84 or CGCS2000, because that is what is written.
    """
    features = read_camera_features(folder / CAMERAS, Datum.WGS84)
    for _, properties in features:
        if properties.get("code") == calibration.camera:
            points = [[round(float(value), 8) for value in row] for row in calibration.points]
            properties["calibration"] = {"points": points, "pixel_sd_px": calibration.pixel_sd_px}
    write_camera_features(folder / CAMERAS, features)
