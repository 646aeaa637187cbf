"""Firings: what a rule says when it fires, before it is dressed as a sighting with pictures."""

import uuid
from dataclasses import dataclass

from pipeline.observations import Box, Cov

_NAMESPACE = uuid.UUID("6f6b6a0e-5c3b-5d0f-9a53-6d2b8c5a7e11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A scene whose rule has become true.

    Attributes:
        scene: code of the scene.
        first_seen: frame time in seconds at which the thing or the state began.
        first_m: where it began, metres on the view's plane; with the time above it names the sighting.
        east_m, north_m: where it is now.
        box_px: of the thing, or around the group, in pixels of the camera's reference size.
    """

    scene: str
    first_seen: float
    first_m: tuple[float, float]
    east_m: float
    north_m: float
    calibration_cov_m2: Cov
    measurement_cov_m2: Cov
    class_name: str
    confidence: float
    box_px: Box
    count: int = 1
    unseen_s: float = 0.0

    def id(self, camera: str) -> str:
        """Return the sighting's id: the same for the same occupancy or episode in the same footage."""
        place = f"{self.first_m[0]:.1f}/{self.first_m[1]:.1f}"
        return str(uuid.uuid5(_NAMESPACE, f"{camera}|{self.scene}|{self.first_seen:.3f}|{place}"))


def bounding(boxes: list[Box]) -> Box:
    """Return the box around boxes."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
