"""Stream time: when a live frame was taken, from the stream's own time and the clock of this machine. Opens nothing.

A stream's time begins anywhere but runs evenly; the clock is right but sees frames when the network brings them. Over
the last seconds the frame that came with the least delay fixes one to the other, so that frames which were held up keep
the times at which they were taken.
"""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Final

from pipeline.clocks import Clock

STEP: Final = timedelta(milliseconds=1)
_EVERY_S: Final = 1.0
_MOST: Final = 200
_END_S: Final = 10.0  # each end of the span over which drift is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """When a frame was taken and came in, and what is wrong with the stream's time.

    Attributes:
        clock_off_s: by how much the time of day that the stream states is ahead of ours; None where it states none.
        drift_s: by how much stream time ran ahead of ours over the span; None as long as that is not known.
    """

    captured_at: datetime
    received_at: datetime
    clock_off_s: float | None = None
    drift_s: float | None = None


class StreamTime:
    """Stamps the frames of one camera; times always rise, also over connections.

    Args:
        clock: of this machine.
        believed_s: a frame may be older than its arrival by so much; beyond it stream time is fixed anew.
        fixed_over_s: the least delay is looked for over so long.
        drift_over_s: the span over which drift is taken.
    """

    def __init__(
        self, clock: Clock, *, believed_s: float = 10.0, fixed_over_s: float = 10.0, drift_over_s: float = 60.0
    ) -> None:
        self._clock = clock
        self._believed_s, self._fixed_over_s, self._drift_over_s = believed_s, fixed_over_s, drift_over_s
        self._newest: datetime | None = None
        self._offsets: deque[tuple[float, float]] = deque()  # when, and the least of clock - position since
        self._fixed_from_s = -inf

    def begin(self) -> None:
        """Forget the last connection's time: the next one's begins anywhere."""
        self._offsets.clear()
        self._fixed_from_s = -inf

    def at(self, position_s: float | None, *, stated_at_s: float | None = None) -> Stamped:
        """Return the times of the frame that just came.

        Args:
            position_s: its time by the stream, None for streams that have none of their own.
            stated_at_s: the time of day that the stream states for it, in seconds since 1970, where it does.
        """
        now = self._clock.now().astimezone(UTC)
        taken = now if position_s is None else now - timedelta(seconds=self._late_s(position_s, now.timestamp()))
        if self._newest is not None:
            taken = max(taken, self._newest + STEP)
        self._newest = taken
        off_s = None if stated_at_s is None else stated_at_s - taken.timestamp()
        return Stamped(captured_at=taken, received_at=now, clock_off_s=off_s, drift_s=self._drift_s())

    def _late_s(self, position_s: float, now_s: float) -> float:
        """Return how long before it came a frame was taken."""
        offset = now_s - position_s
        self._note(now_s, offset)
        since_s = max(now_s - self._fixed_over_s, self._fixed_from_s)
        late_s = offset - min(least for at, least in self._offsets if at >= since_s)
        newest_s = -inf if self._newest is None else self._newest.timestamp()
        if late_s > self._believed_s or now_s - late_s <= newest_s:
            # Stream time jumped back: what it was before fixes nothing any more.
            self._fixed_from_s = now_s
            self._offsets.append((now_s, offset))
            return 0.0
        return late_s

    def _note(self, now_s: float, offset: float) -> None:
        if self._offsets and now_s - self._offsets[-1][0] < _EVERY_S:
            at, least = self._offsets[-1]
            self._offsets[-1] = (at, min(least, offset))
        else:
            self._offsets.append((now_s, offset))
        while self._offsets[0][0] < now_s - self._drift_over_s or len(self._offsets) > _MOST:
            self._offsets.popleft()

    def _drift_s(self) -> float | None:
        if not self._offsets or self._offsets[-1][0] - self._offsets[0][0] < self._drift_over_s / 2:
            return None
        first, last = self._offsets[0][0] + _END_S, self._offsets[-1][0] - _END_S
        before = min(offset for at, offset in self._offsets if at <= first)
        return before - min(offset for at, offset in self._offsets if at >= last)
