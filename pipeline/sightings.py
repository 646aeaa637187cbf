"""Sightings: a scene that fired, as a value. Owns the value, not the rules that fire it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from geo.coords import LonLat
from pipeline.clocks import utc
from pipeline.second_look import Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One picture of the evidence, already blurred and drawn on.

    Attributes:
        label: before, at or after.
        jpeg: encoded image.
        original: the frame as JPEG, neither blurred nor drawn on; None where the site does not keep it.
        seen: what the detector saw in it, JSON-able: see `evidence_views.seen_in`.
    """

    label: str
    captured_at: datetime
    jpeg: bytes
    original: bytes | None = None
    seen: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterView:
    """A picture that belongs to a sighting of before: how the place looks a while after it."""

    sighting: str
    view: View


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A scene that fired at a camera.

    Attributes:
        id: unique and repeatable: the same occupancy in the same footage gives the same id.
        first_seen_at: when the thing or group was first seen at its place.
        captured_at: time of the frame in which the scene fired.
        lonlat: footprint's centre, WGS-84.
        calibration_cov_m2: (ee, en, nn) of the camera's calibration, shared by all its frames.
        measurement_cov_m2: (ee, en, nn) of the measurement, averaged over effective frames.
        count: how many things make it up (a crowd, a heap of bicycles).
        unseen_s: seconds of its dwell during which it was not seen but was seen before and after.
        detector: version of the detector that saw it.
        checked: what a second model said of it; None where its scene asks none.
    """

    id: str
    camera: str
    scene: str
    category: str
    first_seen_at: datetime
    captured_at: datetime
    lonlat: LonLat
    calibration_cov_m2: tuple[float, float, float]
    measurement_cov_m2: tuple[float, float, float]
    error_m: float
    class_name: str
    confidence: float
    box_px: tuple[float, float, float, float]
    count: int = 1
    unseen_s: float = 0.0
    detector: str = ""
    views: tuple[View, ...] = ()
    checked: Checked | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "first_seen_at", utc(self.first_seen_at, field="first_seen_at"))
        object.__setattr__(self, "captured_at", utc(self.captured_at, field="captured_at"))

    @property
    def cov_m2(self) -> tuple[float, float, float]:
        """Return the sum of both covariances, which a case carries."""
        c, m = self.calibration_cov_m2, self.measurement_cov_m2
        return (c[0] + m[0], c[1] + m[1], c[2] + m[2])
