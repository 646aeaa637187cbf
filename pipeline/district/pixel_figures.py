"""What only runs with pixels tell: readable heads and plates, the time of drawing, and how the detector sees."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.district.noise import PLAUSIBLE
from pipeline.district.noise_file import write_noise
from pipeline.district.noise_fit import FramePair, fit_noise
from pipeline.district.pixels import Watched
from pipeline.district.readable import Readable
from pipeline.scoring import wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraCosts:
    """What one camera's run showed of privacy and cost; seconds are of wall time."""

    views: Readable
    frames: int
    draw_s: float
    detect_s: float
    pipeline_s: float

    @classmethod
    def of(cls, watched: Watched) -> "CameraCosts":
        """Return a camera's."""
        return cls(
            views=watched.views,
            frames=watched.frames,
            draw_s=watched.draw_s,
            detect_s=watched.detect_s,
            pipeline_s=watched.pipeline_s,
        )


class PixelFigures:
    """Takes in what cameras brought home, run after run."""

    def __init__(self) -> None:
        self._views = Readable()
        self._pairs: list[FramePair] = []
        self._seconds = {"draw": 0.0, "detect": 0.0, "pipeline": 0.0}
        self._frames = 0

    def take(self, pairs: Iterable[FramePair]) -> None:
        """Take in frames that a fit may use."""
        self._pairs += pairs

    def add(self, costs: Sequence[CameraCosts]) -> None:
        """Take in the cameras of a run."""
        for each in costs:
            self._views += each.views
            self._frames += each.frames
            self._seconds["draw"] += each.draw_s
            self._seconds["detect"] += each.detect_s
            self._seconds["pipeline"] += each.pipeline_s

    def as_dict(self) -> dict[str, object]:
        """Return the figures as JSON-able values."""
        views, total = self._views, max(sum(self._seconds.values()), 1e-9)
        sharp, private = views.sharp_heads + views.sharp_plates, views.heads + views.plates
        return {
            "left_sharp": asdict(wilson(sharp, private)),
            "heads_left_sharp": asdict(wilson(views.sharp_heads, views.heads)),
            "plates_left_sharp": asdict(wilson(views.sharp_plates, views.plates)),
            "private_without_detail": views.without_detail,
            "sharp": [asdict(each) for each in views.where],
            "share_of_time": {name: round(seconds / total, 3) for name, seconds in self._seconds.items()},
            "milliseconds_a_frame": {
                name: round(1000.0 * seconds / max(self._frames, 1), 1) for name, seconds in self._seconds.items()
            },
        }

    def write_fit(self, path: Path, about: Mapping[str, object]) -> None:
        """Fit a table of noise to the frames that were kept, and write it with what it was fitted to."""
        table = fit_noise(self._pairs, start=PLAUSIBLE)
        write_noise(path, table, {**about, "frames": len(self._pairs)})
