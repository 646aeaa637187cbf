"""Calibrating a camera from a person's points: read, fit, tell each residual, put it into the site's folder."""

import csv
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geo.boundaries import Fault
from geo.camera_view import CameraView
from geo.coords import Datum
from geo.feature_files import FeatureFileError, read_camera_features, read_points_csv
from geo.lens import BrownLens, LensChoice
from pipeline.camera_features import CAMERAS
from pipeline.errors import UnknownError
from pipeline.fields import Fields
from pipeline.lens_fields import read_lens

_MOST_POINTS = 1000
_MAX_PX = 16_384.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A camera's fitted view and the points that it was fitted to.

    Attributes:
        points: (n, 4) of u_px, v_px, lon, lat.
        lens: as the camera's file says it: "none", "auto", or a table of figures.
    """

    camera: str
    points: NDArray[np.float64]
    pixel_sd_px: float
    view: CameraView
    lens: str | Mapping[str, object] = LensChoice.NONE.value

    def as_property(self) -> dict[str, object]:
        """Return it as a camera's property `calibration`, positions in WGS-84."""
        points = [[round(float(value), 8) for value in row] for row in self.points]
        told: dict[str, object] = {"points": points, "pixel_sd_px": self.pixel_sd_px}
        return told if self.lens == LensChoice.NONE.value else {**told, "lens": self.lens}

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
            "lens": lens_figures(self.view),
        }


def lens_figures(view: CameraView) -> dict[str, object]:
    """Return which lens a view is seen through, and what was weighed where the points decided."""
    lens, weighed = view.lens, view.lens_evidence
    kind = "none" if lens is None else "brown" if isinstance(lens, BrownLens) else "division"
    told: dict[str, object] = {"model": kind}
    if lens is not None:
        told |= {"coefficient": round(lens.coefficient, 4), "coefficient_sd": round(lens.coefficient_sd, 4)}
    if weighed is not None:
        figures = {name: value for name, value in asdict(weighed).items() if name != "verdict"}
        known = {name: round(value, 3) for name, value in figures.items() if math.isfinite(value)}
        told |= {"verdict": weighed.verdict.value, "weighed": known}
    return told


def read_calibration(
    folder: Path,
    camera: str,
    path: Path,
    *,
    pixel_sd_px: float,
    datum: Datum,
    lens: LensChoice | None = None,
) -> Calibration:
    """Fit a camera's view to a CSV of points with columns u, v (pixels) and lon, lat (degrees).

    The lens is as given, else as the camera's file has it.

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
    held = known[camera].get("calibration")
    before = held.get("lens", LensChoice.NONE.value) if isinstance(held, dict) else LensChoice.NONE.value
    return fitted(camera, points, pixel_sd_px=pixel_sd_px, size_px=size_px, lens=before if lens is None else lens.value)


def fitted(
    camera: str,
    points: NDArray[np.float64],
    *,
    pixel_sd_px: float,
    size_px: tuple[int, int],
    lens: str | Mapping[str, object] = LensChoice.NONE.value,
) -> Calibration:
    """Fit a camera's view to (n, 4) points.

    Raises:
        CalibrationError: the points fix no view.
        CoordinateError: a position is not a longitude and latitude.
        FeatureFileError: what is said of the lens is no lens of this camera.
    """
    faults: list[Fault] = []
    chosen = read_lens(Fields({"lens": lens}, CAMERAS, camera, faults), size_px)
    if faults:
        raise FeatureFileError(faults)
    view = CameraView.fit(points[:, :2], points[:, 2:], pixel_sd_px=pixel_sd_px, image_size_px=size_px, lens=chosen)
    return Calibration(camera=camera, points=points, pixel_sd_px=pixel_sd_px, view=view, lens=lens)


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
