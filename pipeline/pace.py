"""The pace of a camera: how far apart its frames are, as they come and not as the camera says.

A link that loses frames, and a machine with too many cameras, make frames rarer. How long somebody may be missed
without having gone follows from that, else rules go blind just when frames are few.
"""

from typing import Final

_SLOWLY: Final = 0.2
_MOST: Final = 3.0
_LONGEST_S: Final = 2.0  # rarer frames say nothing of seconds


class Pace:
    """The time between the frames of one camera.

    Args:
        usual_s: as the camera says; it is never taken to be quicker.
    """

    def __init__(self, usual_s: float) -> None:
        self.period_s = self._usual_s = usual_s
        self._newest: float | None = None

    def note(self, at: float) -> None:
        """Take note of a frame, of `at` seconds; they come in order. After an outage the pace is what it was before."""
        if self._newest is not None:
            passed_s = min(at - self._newest, _MOST * self.period_s, max(_LONGEST_S, self._usual_s))
            self.period_s = max(self._usual_s, self.period_s + _SLOWLY * (passed_s - self.period_s))
        self._newest = at
