"""Live streams: RTSP and HTTP through FFmpeg, stamped by the clock, opened again after a loss within bounds."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import cv2
import numpy as np

from pipeline.clocks import Clock
from pipeline.frames import Frame, Throttle
from pipeline.source_errors import StreamLostError, require_size


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """How patient one is with a stream.

    Attributes:
        open_timeout_s: opening may take so long.
        stall_timeout_s: no frame for so long is a loss.
        first_wait_s, longest_wait_s: the wait before a new try doubles from the one to the other, ±20 %.
        most_tries: tries in a row without a frame before giving up; None never gives up.
        agree_s: stream time is believed while it stays this close to the clock.
    """

    open_timeout_s: float = 5.0
    stall_timeout_s: float = 10.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    most_tries: int | None = 6
    agree_s: float = 0.5


def read_stream(
    uri: str,
    *,
    camera: str,
    clock: Clock,
    fps: float | None = None,
    settings: StreamSettings | None = None,
    stop: Event | None = None,
) -> Iterator[Frame]:
    """Yield the frames of a stream until `stop` is set or it is lost for good.

    Args:
        uri: rtsp(s):// or http(s)://.
        camera: the camera's code.
        clock: stamps frames when they are grabbed; the stream's own clock only smooths between them.
        fps: frames per second to yield at most.
        settings: timeouts and tries.
        stop: ends the source, also while it waits.

    Raises:
        StreamLostError: it gave no frame in so many tries.
        FrameTooLargeError: its frames are larger than taken.
    """
    patience, stopped = settings or StreamSettings(), stop or Event()
    throttle, stamp = Throttle(fps), Stamp(clock, patience.agree_s)
    failures, index = 0, 0
    while not stopped.is_set():
        before = index
        for captured_at, image in _opened(uri, patience, stamp=stamp, stopped=stopped):
            require_size(camera, image.shape[1], image.shape[0])
            if throttle.lets(captured_at.timestamp()):
                yield Frame(camera=camera, captured_at=captured_at, image=np.asarray(image, np.uint8), index=index)
            index += 1
        failures = 0 if index > before else failures + 1
        if patience.most_tries is not None and failures >= patience.most_tries:
            raise StreamLostError(camera, uri, tries=failures)
        stopped.wait(wait_s(failures, patience))


def wait_s(failures: int, settings: StreamSettings) -> float:
    """Return how long to wait before the next try: doubling, bounded, spread by ±20 % so that cameras do not march."""
    base = min(settings.longest_wait_s, settings.first_wait_s * 2.0 ** min(max(failures - 1, 0), 16))
    return base * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing


class Stamp:
    """Gives each grabbed frame its time: the clock's, smoothed by the stream's own while both agree; always rising."""

    def __init__(self, clock: Clock, agree_s: float) -> None:
        self._clock = clock
        self._agree = timedelta(seconds=agree_s)
        self._newest: datetime | None = None
        self._position_s = 0.0

    def at(self, position_s: float) -> datetime:
        """Return the time of the frame just grabbed, whose stream time is `position_s`."""
        now, newest = self._clock.now(), self._newest
        chosen = now
        if newest is not None:
            smooth = newest + timedelta(seconds=position_s - self._position_s)
            chosen = smooth if abs(smooth - now) <= self._agree else now
            chosen = max(chosen, newest + timedelta(milliseconds=1))
        self._newest, self._position_s = chosen, position_s
        return chosen


def _opened(target: str, settings: StreamSettings, *, stamp: Stamp, stopped: Event) -> Iterator[tuple[datetime, Any]]:
    """Yield times and images of one connection until it stalls or ends."""
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(settings.open_timeout_s * 1000)]
    limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(settings.stall_timeout_s * 1000)]
    capture = cv2.VideoCapture(target, cv2.CAP_FFMPEG, limits)
    try:
        while not stopped.is_set() and capture.isOpened() and capture.grab():
            captured_at = stamp.at(float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000.0)
            whole, image = capture.retrieve()
            if whole:
                yield captured_at, image
    finally:
        capture.release()
