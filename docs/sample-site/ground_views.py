"""How a camera sees the ground: a plain pinhole on a pole, and the published Tsai camera of PETS 2009 view 1.

Ground positions are metres in a local frame; image positions are pixels, u to the right and v down.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A local metric frame on the map: x metres along `rotation_deg` counter-clockwise from east, y to its left."""

    lon: float
    lat: float
    rotation_deg: float

    def _to_map(self) -> Transformer:
        local = f"+proj=aeqd +lat_0={self.lat} +lon_0={self.lon} +datum=WGS84 +units=m +no_defs"
        return Transformer.from_crs(local, "EPSG:4326", always_xy=True)

    def lonlat(self, ground_m: Points) -> Points:
        """Return lon, lat in degrees of ground points (n, 2): east = x cos r − y sin r, north = x sin r + y cos r."""
        turn = math.radians(self.rotation_deg)
        x, y = np.asarray(ground_m, dtype=float).reshape(-1, 2).T
        east, north = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
        return np.column_stack(self._to_map().transform(east, north))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinhole:
    """A camera over the frame's origin looking along +x; y is to its left. Angles in degrees, pitch downwards."""

    height_m: float
    pitch_deg: float
    fov_deg: float
    width: int = 1280
    height: int = 720

    @property
    def focal_px(self) -> float:
        """The focal length in pixels."""
        return 0.5 * self.width / math.tan(math.radians(0.5 * self.fov_deg))

    def image(self, ground_m: Points) -> Points:
        """Return pixels (n, 2) of ground points (n, 2) in front of the camera."""
        x, y = np.asarray(ground_m, dtype=float).reshape(-1, 2).T
        sine, cosine = math.sin(math.radians(self.pitch_deg)), math.cos(math.radians(self.pitch_deg))
        depth = x * cosine + self.height_m * sine
        below = self.height_m * cosine - x * sine
        u = 0.5 * self.width - self.focal_px * y / depth
        return np.column_stack([u, 0.5 * self.height + self.focal_px * below / depth])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tsai:
    """A Tsai camera with one radial term: XML of the PETS 2009 data set, millimetres inside, metres outside."""

    rotation: Points
    shift_mm: Points
    focal_mm: float
    kappa: float
    centre_px: tuple[float, float]
    per_px_mm: tuple[float, float]

    @classmethod
    def read(cls, path: Path) -> "Tsai":
        """Return the camera of one `View_00n.xml`."""
        root = ET.parse(path).getroot()  # noqa: S314 - published calibration file, named by the caller
        values = {name: float(value) for part in root for name, value in part.attrib.items()}
        (sx, cx), (sy, cy), (sz, cz) = ((math.sin(values[a]), math.cos(values[a])) for a in ("rx", "ry", "rz"))
        about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
        about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
        return cls(
            rotation=about_z @ about_y @ about_x,
            shift_mm=np.array([values["tx"], values["ty"], values["tz"]]),
            focal_mm=values["focal"],
            kappa=values["kappa1"],
            centre_px=(values["cx"], values["cy"]),
            per_px_mm=(values["dpx"] / values["sx"], values["dpy"]),
        )

    @property
    def position_m(self) -> Points:
        """The camera's place (x, y, z) in metres."""
        return np.asarray(-self.rotation.T @ self.shift_mm / 1000.0)

    def image(self, ground_m: Points) -> Points:
        """Return pixels (n, 2) of ground points (n, 2) in metres."""
        flat = np.asarray(ground_m, dtype=float).reshape(-1, 2) * 1000.0
        seen = np.column_stack([flat, np.zeros(len(flat))]) @ self.rotation.T + self.shift_mm
        ideal = self.focal_mm * seen[:, :2] / seen[:, 2:]
        bent = ideal.copy()
        for _ in range(60):
            bent = ideal / (1.0 + self.kappa * (bent**2).sum(axis=1, keepdims=True))
        return np.asarray(bent / np.asarray(self.per_px_mm) + np.asarray(self.centre_px))

    def ground(self, image_px: Points) -> Points:
        """Return ground points (n, 2) in metres of pixels (n, 2)."""
        bent = (np.asarray(image_px, dtype=float).reshape(-1, 2) - np.asarray(self.centre_px)) * np.asarray(
            self.per_px_mm
        )
        ideal = bent * (1.0 + self.kappa * (bent**2).sum(axis=1, keepdims=True))
        rays = np.column_stack([ideal, np.full(len(ideal), self.focal_mm)]) @ self.rotation
        eye = self.position_m
        return np.asarray((eye + rays * (-eye[2] / rays[:, 2:]))[:, :2])


def check_tsai(camera: Tsai, published: Path) -> tuple[float, float]:
    """Return median and greatest distance, in metres, of box bottoms sent to the ground from the published X, Y."""
    rows = np.loadtxt(published, delimiter=",")
    bottoms = np.column_stack([rows[:, 2] + rows[:, 4] / 2.0, rows[:, 3] + rows[:, 5]])
    off = np.hypot(*(camera.ground(bottoms) - rows[:, 7:9]).T)
    return float(np.median(off)), float(off.max())


def calibration(image_px: Points, lonlat: Points, rng: np.random.Generator, sd_px: float = 1.0) -> dict[str, object]:
    """Return a camera's calibration as the site file holds it; the pixels get Gaussian noise of `sd_px`."""
    noisy = np.asarray(image_px) + rng.normal(0.0, sd_px, np.shape(image_px))
    points = [
        [round(float(u), 1), round(float(v), 1), round(float(lon), 7), round(float(lat), 7)]
        for (u, v), (lon, lat) in zip(noisy, lonlat, strict=True)
    ]
    return {"points": points, "pixel_sd_px": sd_px}
