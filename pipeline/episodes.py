"""Episodes: for how long a state has held, with short breaks forgiven. Frame time in seconds; knows no places."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

LONGEST_RELEASE_S: Final = 60.0
_FEW_FRAMES: Final = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """What breaks a state.

    Attributes:
        dip_s: seen not to hold for longer than this, it is over; so are three frames, where frames are rare.
        outage_s: not looked at for longer than this, it is over.
        release_s: once its scene has fired, it takes this long to end, so that one state does not fire twice.
    """

    dip_s: float = 1.0
    outage_s: float = 1.0
    release_s: float = 1.0

    def for_period(self, period_s: float) -> Self:
        """Return the patience that frames so far apart need."""
        dip_s = max(self.dip_s, _FEW_FRAMES * period_s)
        return type(self)(dip_s=dip_s, outage_s=max(self.outage_s, dip_s), release_s=max(self.release_s, dip_s))

    @classmethod
    def of_dwell(cls, dwell_s: float, *, dip_s: float, outage_s: float) -> Self:
        """Return a patience by which a state that fired takes as long to end as it took to fire, a minute at most."""
        return cls(dip_s=dip_s, outage_s=outage_s, release_s=max(dip_s, min(dwell_s, LONGEST_RELEASE_S)))


@dataclass(slots=True, kw_only=True)
class Clock:
    """Since when a state has held.

    Attributes:
        since, last: when it began to hold, and when it last was seen to.
        down_s: for how long it has been seen not to hold since.
        fired: whether its scene has fired; an episode fires once.
    """

    since: float
    last: float
    down_s: float = 0.0
    fired: bool = False

    @property
    def open_since(self) -> list[float]:
        """Return since when it has held if its scene may yet fire, in a list; none if it has fired."""
        return [] if self.fired else [self.since]

    def holds(self, at: float) -> None:
        """Take in a frame in which it holds."""
        self.last, self.down_s = at, 0.0

    def fails(self, step_s: float) -> None:
        """Take in a frame in which it does not hold, so long after the frame before."""
        self.down_s += step_s

    def over(self, at: float, patience: Patience) -> bool:
        """Tell whether the episode has ended."""
        dip_s = patience.release_s if self.fired else patience.dip_s
        return self.down_s > dip_s or at - self.last > max(patience.outage_s, dip_s)

    @property
    def held_s(self) -> float:
        """Return how long it has held."""
        return self.last - self.since

    def record(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {"since": self.since, "last": self.last, "down_s": self.down_s, "fired": self.fired}

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> Self:
        """Return what `record` wrote."""
        since, last, down_s = (float(str(record[name])) for name in ("since", "last", "down_s"))
        return cls(since=since, last=last, down_s=down_s, fired=record["fired"] is True)
