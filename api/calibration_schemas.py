"""The shapes of a calibration at the door: points and lens in, what they make of the camera out."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from api.schemas import Asked, Lat, Lon
from geo.camera_errors import CalibrationError
from geo.coords import Datum, LonLat, convert
from pipeline.calibration import Calibration, fitted, lens_figures
from pipeline.calibration_trial import MetreGrid, Spot, checks_of, metre_grid

MOST_POINTS = 200
Px = Annotated[float, Field(ge=-16_384, le=16_384, allow_inf_nan=False, description="pixels of the camera's image")]
PixelSd = Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False, description="of a click, per axis")]
_Figure = Annotated[float, Field(allow_inf_nan=False)]


class PointIn(Asked):
    """A place in the image and on the map."""

    u: Px
    v: Px
    lon: Lon
    lat: Lat
    datum: Datum = Datum.WGS84

    def row(self) -> tuple[float, float, float, float]:
        """Return u, v, lon, lat in WGS-84."""
        return (self.u, self.v, *convert(LonLat(self.lon, self.lat), source=self.datum, target=Datum.WGS84))


class LensIn(Asked):
    """A lens as a checkerboard or its maker gives it; see docs/calibration.md."""

    focal_px: _Figure
    k1: _Figure
    k2: _Figure = 0.0
    k1_sd: _Figure = 0.0
    centre_px: tuple[_Figure, _Figure] | None = None


class CalibrationIn(Asked):
    """A calibration to be tried or saved."""

    points: Annotated[list[PointIn], Field(max_length=MOST_POINTS)]
    pixel_sd_px: PixelSd = 1.0
    lens: Literal["none", "auto"] | LensIn = "none"

    def table(self) -> NDArray[np.float64]:
        """Return (n, 4) of u, v, lon, lat in WGS-84."""
        return np.array([point.row() for point in self.points], dtype=np.float64).reshape(-1, 4)

    def fitted(self, camera: str, size_px: tuple[int, int]) -> Calibration:
        """Fit it; see `pipeline.calibration.fitted`."""
        lens: str | Mapping[str, object]
        lens = self.lens if isinstance(self.lens, str) else self.lens.model_dump(exclude_none=True, mode="json")
        return fitted(camera, self.table(), pixel_sd_px=self.pixel_sd_px, size_px=size_px, lens=lens)


class TrialIn(CalibrationIn):
    """A calibration to be tried, and a pixel whose error is asked for."""

    at_px: tuple[Px, Px] | None = None


class CalibrationOut(BaseModel):
    """A camera's calibration as it is in force; `version` is the site's."""

    camera: str
    width_px: int
    height_px: int
    version: int
    points: list[tuple[float, float, float, float]]
    pixel_sd_px: float
    lens: object


class PointOut(BaseModel):
    """What is known of one point.

    `foretold_px` is how far the click lies from where the others foretell it, `sds` the same in standard deviations;
    null where the others cannot tell. A point that is `left_out` took no part.
    """

    lon: float
    lat: float
    residual_px: float
    residual_m: float | None
    foretold_px: float | None
    sds: float | None
    suspicious: bool
    left_out: bool


class GridOut(BaseModel):
    """The metre grid over the image."""

    step_m: float
    lines_px: list[list[tuple[float, float]]]

    @classmethod
    def of(cls, grid: MetreGrid) -> Self:
        """Return a grid as it is sent."""
        return cls(step_m=grid.step_m, lines_px=list(grid.lines_px))


class SpotOut(BaseModel):
    """One pixel's place and its 95 % ellipse."""

    lon: float
    lat: float
    error_m: float
    across_m: float
    range_m: float
    outline_px: list[tuple[float, float]]
    outline_lonlat: list[tuple[float, float]]

    @classmethod
    def of(cls, spot: Spot) -> Self:
        """Return a place as it is sent."""
        return cls(
            lon=spot.lonlat.lon,
            lat=spot.lonlat.lat,
            error_m=round(spot.error_m, 3),
            across_m=round(spot.across_m, 3),
            range_m=round(spot.range_m, 1),
            outline_px=spot.outline_px,
            outline_lonlat=spot.outline_lonlat,
        )


class FittedOut(BaseModel):
    """What points make of a camera."""

    points: list[PointOut]
    median_m: float
    sigma_px: float
    lens: dict[str, object]
    grid: GridOut
    foot: tuple[float, float]
    covered: float
    property: dict[str, object]

    @classmethod
    def of(cls, calibration: Calibration) -> Self:
        """Return a fitted calibration as it is sent."""
        view, checks = calibration.view, checks_of(calibration)
        rows = zip(
            calibration.points[:, 2:].tolist(),
            view.residual_px.tolist(),
            view.residual_m.tolist(),
            checks.foretold_px.tolist(),
            np.sqrt(checks.squared).tolist(),
            checks.suspicious.tolist(),
            view.inliers.tolist(),
            strict=True,
        )
        return cls(
            points=[
                PointOut(
                    lon=place[0],
                    lat=place[1],
                    residual_px=round(px, 2),
                    residual_m=_known(m),
                    foretold_px=_known(foretold),
                    sds=_known(sds),
                    suspicious=suspicious,
                    left_out=not inlier,
                )
                for place, px, m, foretold, sds, suspicious, inlier in rows
            ],
            median_m=round(float(np.nanmedian(view.residual_m)), 3),
            sigma_px=round(view.sigma_px, 2),
            lens=lens_figures(view),
            grid=GridOut.of(metre_grid(view)),
            foot=(view.camera_lonlat.lon, view.camera_lonlat.lat),
            covered=_covered(calibration),
            property=calibration.as_property(),
        )


class TrialOut(BaseModel):
    """What a trial came to: fitted, or refused with the kind of fault and the words for it."""

    fitted: FittedOut | None = None
    refused: str = ""
    kind: str = ""
    spot: SpotOut | None = None
    spot_refused: str = ""


class SavedOut(BaseModel):
    """The site's version that holds the calibration."""

    version: int


def kind_of(error: Exception) -> str:
    """Return the kind of a fault as its class names it: too-few-points, degenerate-points, lens-folds."""
    name = type(error).__name__.removesuffix("Error") if isinstance(error, CalibrationError) else "value"
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _known(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None


def _covered(calibration: Calibration) -> float:
    """Return the share of the image that the points lie around."""
    import shapely

    width, height = calibration.view.image_size_px
    around = shapely.MultiPoint(calibration.points[calibration.view.inliers, :2]).convex_hull
    return round(around.area / (width * height), 3)
