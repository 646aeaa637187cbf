"""Episodes: for how long a state has held, with short breaks forgiven. Frame time in seconds; knows no places."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """What breaks a state.

    Attributes:
        dip_s: seen not to hold for longer than this, it is over; so are three frames, where frames are rare.
        outage_s: not looked at for longer than this, it is over.
    """

    dip_s: float = 1.0
    outage_s: float = 1.0

    def for_period(self, period_s: float) -> "Patience":
        """Return the patience that frames so far apart need."""
        least_s = 2.5 * period_s
        return Patience(dip_s=max(self.dip_s, least_s), outage_s=max(self.outage_s, least_s))


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

    def holds(self, at: float) -> None:
        """Take in a frame in which it holds."""
        self.last, self.down_s = at, 0.0

    def fails(self, step_s: float) -> None:
        """Take in a frame in which it does not hold, so long after the frame before."""
        self.down_s += step_s

    def over(self, at: float, patience: Patience) -> bool:
        """Tell whether the episode has ended."""
        return self.down_s > patience.dip_s or at - self.last > max(patience.outage_s, patience.dip_s)

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
