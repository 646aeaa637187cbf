"""Frames: one picture of one camera with its time, and how many of them a second are wanted."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.detector import Image
from pipeline.clocks import utc


class FrameFault(StrEnum):
    """Why a live frame shows nothing of the street; no detector gets to see it, the camera's health does."""

    BLANK = "blank"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture of one camera.

    Attributes:
        captured_at: when it was taken, UTC.
        image: uint8 (height, width, 3) BGR.
        index: its place in the source, from 0, counting frames that were skipped.
        received_at: when a frame that carries its own time came in; None where its time is that already.
        fault: what is wrong with it, None for a frame that can be looked at.
        clock_off_s: by how much the camera's own time of day, where its stream states one, is ahead of ours.
        drift_s: by how much the stream's time ran ahead of ours over the last minute, where it has a time of its own.
    """

    camera: str
    captured_at: datetime
    image: Image
    index: int = 0
    received_at: datetime | None = None
    fault: FrameFault | None = None
    clock_off_s: float | None = None
    drift_s: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "captured_at", utc(self.captured_at, field="captured_at"))

    @property
    def at_s(self) -> float:
        """Return seconds since 1970 of the time it was taken."""
        return self.captured_at.timestamp()


class Throttle:
    """Lets through at most so many frames a second, judged by frame time, without drifting off the mean rate."""

    def __init__(self, fps: float | None) -> None:
        self._period_s = 1.0 / fps if fps else 0.0
        self._due_s: float | None = None

    def lets(self, at_s: float) -> bool:
        """Tell whether the frame at this time is wanted; times rise."""
        if self._due_s is not None and at_s < self._due_s - 0.25 * self._period_s:
            return False
        self._due_s = max((self._due_s if self._due_s is not None else at_s) + self._period_s, at_s)
        return True
