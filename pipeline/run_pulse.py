"""How a camera is doing now: what waits, how late its frames are stored, how often its stream was lost. In memory only.

Each value is written by the camera's own threads and read by whoever asks: single numbers, no lock.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pipeline.frames import Frame

LATENCY_BOUNDS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass(slots=True)
class Latency:
    """How long frames took from the moment they were taken, or came in, until what they brought was stored.

    Attributes:
        counts: frames up to each bound of `LATENCY_BOUNDS_S`, and the rest.
        total_s: of all frames.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Count a frame; a clock that was set back gives no negative time."""
        took_s = max(0.0, seconds)
        self.counts[bisect_left(LATENCY_BOUNDS_S, took_s)] += 1
        self.total_s += took_s


@dataclass(slots=True)
class Pulse:
    """One camera's state now.

    Attributes:
        queued: frames that wait for the detector.
        reconnects: how often its stream was lost and tried again.
        drift_s: by how much its stream's time ran off ours over the last minute; None where it has none of its own.
        moved: whether it looks elsewhere than it was calibrated for.
    """

    queued: int = 0
    reconnects: int = 0
    drift_s: float | None = None
    moved: bool = False
    latency: Latency = field(default_factory=Latency)

    def beat(self, frame: Frame, *, now: datetime | None, queued: int, moved: bool) -> None:
        """Take note of a frame whose results were stored; `now` is None for recordings, which are late by nature."""
        self.queued, self.moved, self.drift_s = queued, moved, frame.drift_s
        if now is not None:
            self.latency.add((now - (frame.received_at or frame.captured_at)).total_seconds())
