"""Live streams: RTSP and HTTP, opened again after a loss within bounds, each frame with the time it was taken.

A camera that is not there costs its own thread's sleep and nothing else.
"""

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from threading import Event

from pipeline.clocks import Clock
from pipeline.frames import Frame, Throttle
from pipeline.source_errors import FrameTooLargeError, StreamFaultError, StreamLostError
from pipeline.stream_connection import Connection, Grabbed
from pipeline.stream_time import Stamped, StreamTime

log = logging.getLogger(__name__)


class Transport(StrEnum):
    """How RTSP's frames travel."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """How patient one is with a stream.

    Attributes:
        open_timeout_s: opening and the first frame may take so long each; gateways of GB/T 28181 need 20 s.
        stall_timeout_s: no frame for so long is a loss.
        first_wait_s, longest_wait_s: the wait before a new try doubles from the one to the other, ±20 %.
        most_tries: tries in a row without a frame before giving up; None never gives up.
        believed_s: how long before its arrival a frame may have been taken, by the stream's time.
    """

    open_timeout_s: float = 25.0
    stall_timeout_s: float = 10.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    most_tries: int | None = 6
    believed_s: float = 10.0


def read_stream(
    uri: str,
    *,
    camera: str,
    clock: Clock,
    fps: float | None = None,
    settings: StreamSettings | None = None,
    transport: Transport = Transport.TCP,
    stop: Event | None = None,
    on_lost: Callable[[], None] | None = None,
) -> Iterator[Frame]:
    """Yield the frames of a stream until `stop` is set or it is lost for good.

    Args:
        uri: rtsp(s):// or http(s)://.
        camera: the camera's code.
        clock: says when frames come in; see `stream_time` for when they were taken.
        fps: frames per second to yield at most; others are not turned into pictures.
        settings: timeouts and tries.
        transport: of RTSP.
        stop: ends the source, also while it waits.
        on_lost: called each time that it was lost, before it is tried again.

    Raises:
        StreamLostError: it gave no frame in so many tries.
    """
    patience, stopped = settings or StreamSettings(), stop or Event()
    throttle, stamps = Throttle(fps), StreamTime(clock, believed_s=patience.believed_s)
    failures, index = 0, 0
    while not stopped.is_set():
        before, reason = index, "it ended"
        try:
            for grabbed in _grabbed(uri, patience, camera=camera, transport=transport, stopped=stopped):
                stamped = stamps.at(grabbed.position_s, stated_at_s=grabbed.stated_at_s)
                if throttle.lets(stamped.captured_at.timestamp()):
                    yield _frame(grabbed, stamped, camera=camera, index=index)
                index += 1
        except StreamFaultError as fault:
            reason = fault.reason
        except FrameTooLargeError as fault:  # a camera may be set back to a size that is taken
            reason = str(fault)
        failures = 0 if index > before else failures + 1
        if patience.most_tries is not None and failures >= patience.most_tries:
            raise StreamLostError(camera, uri, tries=failures, reason=reason)
        if on_lost is not None and not stopped.is_set():
            on_lost()
        if failures <= 1 and not stopped.is_set():  # said once, not once a try
            log.warning("camera %s: its stream is lost (%s); trying again", camera, reason)
        stamps.begin()
        stopped.wait(wait_s(failures, patience))


def wait_s(failures: int, settings: StreamSettings) -> float:
    """Return how long to wait before the next try: doubling, bounded, spread by ±20 % so that cameras do not march."""
    base = min(settings.longest_wait_s, settings.first_wait_s * 2.0 ** min(max(failures - 1, 0), 16))
    return base * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing


def _grabbed(
    uri: str, patience: StreamSettings, *, camera: str, transport: Transport, stopped: Event
) -> Iterator[Grabbed]:
    """Yield the frames of one connection."""
    with closing(
        Connection(
            uri,
            camera=camera,
            transport=transport.value,
            open_timeout_s=patience.open_timeout_s,
            stall_timeout_s=patience.stall_timeout_s,
        )
    ) as connection:
        for grabbed in connection:
            if stopped.is_set():
                return
            yield grabbed


def _frame(grabbed: Grabbed, stamped: Stamped, *, camera: str, index: int) -> Frame:
    return Frame(
        camera=camera,
        captured_at=stamped.captured_at,
        received_at=stamped.received_at,
        image=grabbed.image(),
        index=index,
        fault=grabbed.fault,
        clock_off_s=stamped.clock_off_s,
        drift_s=stamped.drift_s,
    )
